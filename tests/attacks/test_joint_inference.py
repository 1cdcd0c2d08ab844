"""Attribute inference on several attributes at once: by who knows the others, and by who knows none."""

# ruff: noqa: E501

import functools

import numpy as np
import pandas as pd
import pytest
from refused import refused
from sklearn.datasets import load_diabetes
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import AttributePrivacyRegressor, privacy_report
from sklearn_rp.attacks import AttributeInferenceAttack

N = 600
RNG = np.random.default_rng(0)
# Two features that know nothing of each other, and one that knows nothing of them.
X = RNG.uniform(-1, 1, size=(N, 3))
BOUNDS = [(-1, 1), (-1, 1)]


@functools.cache
def attacked(model):
    attack = AttributeInferenceAttack(
        model, sensitive_feature=[0, 1], bounds=BOUNDS, n_resamples=50
    )
    return attack.fit(X[: N // 2]).evaluate(X[N // 2 :])


def line(result, feature, knows, attacker):
    table = result.to_frame()
    at = (table["feature"] == feature) & (table["knows"] == knows) & (table["attacker"] == attacker)
    (found,) = table[at].to_dict("records")
    return found


class Quadrant:
    """Tells whether both features have one sign."""

    classes_ = np.array([0, 1])

    def predict(self, X):
        return (X[:, 0] * X[:, 1] > 0).astype(int)


QUADRANT = Quadrant()


@pytest.mark.slow
def test_a_label_about_both_tells_more_to_who_knows_the_other():
    result = attacked(QUADRANT)
    for feature in ("x0", "x1"):
        # Without the label the best guess is 0, off by 1/2; with the sign it is off by 1/4.
        assert line(result, feature, "the others", "bayesian")["error"] < 0.3
        assert line(result, feature, "none", "bayesian")["error"] > 0.45
        assert abs(line(result, feature, "none", "bayesian")["gain"]) < 0.05
        assert line(result, feature, "none", "deterministic")["length"] == pytest.approx(
            2, abs=0.05
        )
        assert line(result, feature, "the others", "deterministic")["length"] == pytest.approx(
            1, abs=0.05
        )


@pytest.mark.slow
def test_a_label_that_tells_of_both_at_once():
    """Joint values are weighed together: the projection alone would say less."""

    class Corner:
        classes_ = np.array([0, 1])

        def predict(self, X):
            return (X[:, 0] + X[:, 1] > 1).astype(int)

    result = attacked(Corner())
    rows = result.sets.label == 1
    for feature in ("x0", "x1"):
        found = result.results[feature, "none"]
        # Above the line x0 + x1 = 1 the median of one alone is 1 / sqrt(2); its range is from 0 up.
        np.testing.assert_allclose(np.median(found.guesses["bayesian"][rows]), 0.5**0.5, atol=0.07)
        assert abs(np.median(found.guesses["deterministic"][rows]) - 0.5) < 0.02


@pytest.mark.slow
def test_a_constant_model_tells_nothing():
    model = DecisionTreeClassifier(max_depth=1).fit(X, np.r_[1, np.zeros(N - 1, dtype=int)])
    model.tree_.value[:] = [1, 0]
    for knows in ("the others", "none"):
        found = line(attacked(model), "x0", knows, "bayesian")
        assert found["length"] == pytest.approx(2)
        assert abs(found["gain"]) < 0.03


def test_who_knows_the_others_is_the_attacker_on_one():
    result = attacked(QUADRANT)
    for feature, name in enumerate(("x0", "x1")):
        one = AttributeInferenceAttack(
            Quadrant(), sensitive_feature=feature, bounds=(-1, 1), n_resamples=50
        )
        alone = one.fit(X[: N // 2]).evaluate(X[N // 2 :])
        pd.testing.assert_frame_equal(
            result.results[name, "the others"].to_frame(), alone.to_frame()
        )


@pytest.mark.slow
def test_same_seed_same_result_and_guesses_are_in_the_set():
    attack = AttributeInferenceAttack(
        QUADRANT, sensitive_feature=[0, 1], bounds=BOUNDS, n_resamples=50
    )
    one, two = attacked(QUADRANT), attack.fit(X[: N // 2]).evaluate(X[N // 2 :])
    pd.testing.assert_frame_equal(one.to_frame(), two.to_frame())
    assert "x0" in repr(one)
    for name in ("x0", "x1"):
        sets = one.sets.project(name)
        guess = one.results[name, "none"].guesses["bayesian"]
        inside = np.bincount(sets.row, sets.as_runs().holding(guess), len(sets)) > 0
        assert inside.mean() > 0.97  # ends of the grid apart


FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME = FRAME[["age", "bmi", "sex", "bp"]].assign(sex=np.where(FRAME["sex"] > 1.5, "m", "f"))
KNOWN = {"age": (19, 79), "bmi": (18, 42.2), "sex": ["f", "m"]}


class BySex(DecisionTreeRegressor):
    """A tree that reads sex as a number."""

    def fit(self, X, y, **params):
        return super().fit(self.numbers(X), y, **params)

    def predict(self, X, check_input=True):
        return super().predict(self.numbers(X), check_input)

    @staticmethod
    def numbers(X):
        return pd.DataFrame(X).assign(sex=(X["sex"] == "m") * 1.0).astype(float).to_numpy()


@pytest.mark.slow
def test_hidden_jointly_nobody_is_left_with_less_than_the_minimum():
    apr = AttributePrivacyRegressor(
        BySex(max_depth=8, random_state=0), sensitive_feature=["bmi", "sex"], minimum=[0.3, 2],
        unit=["share", "categories"], levels="model", bounds=[KNOWN["bmi"], KNOWN["sex"]],
    ).fit(FRAME, Y)  # fmt: skip
    attack = AttributeInferenceAttack(
        apr,
        sensitive_feature=["bmi", "sex"],
        bounds={k: KNOWN[k] for k in ("bmi", "sex")},
        n_resamples=50,
    )
    result = attack.fit(FRAME[::2]).evaluate(FRAME[1::2])
    least = 0.3 * (42.2 - 18)
    for knows in ("the others", "none"):
        assert (result.results["bmi", knows].sets.component_length >= least - 1e-9).all()
        # Both are open whatever is released: what the label adds is noise.
        assert (result.results["sex", knows].sets.length == 2).all()
    table = result.to_frame(groups=FRAME["age"][1::2] > 50)
    assert set(table["group"]) == {"all", "True", "False"}
    bare = AttributeInferenceAttack(
        BySex(max_depth=8, random_state=0).fit(FRAME, Y), sensitive_feature=["bmi", "sex"],
        bounds={k: KNOWN[k] for k in ("bmi", "sex")}, n_resamples=50,
    ).fit(FRAME[::2]).evaluate(FRAME[1::2])  # fmt: skip
    for knows in ("the others", "none"):
        assert (
            line(bare, "bmi", knows, "bayesian")["gain"]
            > line(result, "bmi", knows, "bayesian")["gain"]
        )


@pytest.mark.slow
def test_the_report_has_a_joint_section():
    apr = AttributePrivacyRegressor(
        BySex(max_depth=8, random_state=0), sensitive_feature=["bmi", "sex"], minimum=[0.3, 2],
        unit=["share", "categories"], levels="model", bounds=[KNOWN["bmi"], KNOWN["sex"]],
    ).fit(FRAME, Y)  # fmt: skip
    known = {k: KNOWN[k] for k in ("bmi", "sex")}
    report = privacy_report(
        apr, FRAME[::3], Y[::3], sensitive_features=["bmi", "sex"], bounds=known
    )
    table = report.sets["bmi and sex"].set_index("group").loc["all"]
    sides = apr.compatible_sets(FRAME[::3]).component_length
    assert table["n"] == len(FRAME[::3])
    np.testing.assert_allclose(table["smallest bmi"], sides[:, 0].min())
    np.testing.assert_allclose(table["median bmi"], np.median(sides[:, 0]))
    assert table["smallest sex"] == 2
    assert set(report.attacks["bmi and sex"]["knows"]) == {"the others", "none"}
    assert "Joint values of bmi and sex" in report.to_html()
    assert "bmi and sex" in report.to_json()
    assert "NaN" not in repr(report)
    plain = privacy_report(
        apr, FRAME, Y, sensitive_features=["bmi", "sex"], bounds=known, jointly=False
    )
    assert "bmi and sex" not in plain.sets
    # A model that hides nothing is looked at jointly where that is asked for, and it is told.
    model = BySex(max_depth=12, random_state=0).fit(FRAME, Y)
    bare = privacy_report(
        model,
        FRAME[::3],
        Y[::3],
        sensitive_features=["age", "bmi"],
        bounds={"age": (19, 79), "bmi": (18, 42.2)},
        jointly=True,
    )
    assert "age and bmi" in bare.sets
    assert any("the box around their own values" in each for each in bare.warnings)
    assert any("knows none of ['age', 'bmi']" in each for each in bare.warnings)


REFUSED = [
    ("a joint section of one feature", lambda: privacy_report(BySex().fit(FRAME, Y), FRAME, Y, sensitive_features=["bmi"], jointly=True), ValueError, "jointly=True needs two sensitive features"),
    ("a joint attack on four features", lambda: AttributeInferenceAttack(Quadrant(), sensitive_feature=[0, 1, 2, 3]).fit(np.c_[X, X]), ValueError, "lists 4 features: 3 at most"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
