"""Attribute inference, each attacker where its success is known."""

# ruff: noqa: E501

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import small
from conftest import LinearRule
from refused import refused
from scipy import stats
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, RidgeClassifier
from sklearn.metrics import matthews_corrcoef, recall_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attacks.attribute_inference import AttackResult
from sklearn_rp.datasets import make_recommendation


def attack(model, X, **arguments):
    arguments = {"sensitive_feature": 0, "n_resamples": 50} | arguments
    half = len(X) // 2
    result = AttributeInferenceAttack(model, **arguments).fit(X[:half]).evaluate(X[half:])
    return result, result.to_frame().set_index("attacker")


def test_a_constant_model_tells_nothing():
    X = make_recommendation(600, random_state=0).data
    model = DummyClassifier().fit(X, X[:, 0] > -9)
    result, table = attack(model, X)
    assert result.sets.share == pytest.approx(np.ones(300))
    # Independent features: nobody beats the spread of the attribute itself.
    spread = np.abs(X[300:, 0] - np.median(X[:300, 0])).mean()
    assert (table["error"] > 0.95 * spread).all()
    assert table["length"].to_numpy() == pytest.approx(result.sets.high - result.sets.low)


def test_a_label_that_tells_the_sign_halves_the_error():
    X = make_recommendation(1000, slope=0.0, random_state=0).data
    rule = LinearRule((1.0, 0, 0, 0)).fit(X)
    result, table = attack(rule, X, imputer=LinearRegression())
    # |s| given its sign: mean 0.80, mean distance from its median 0.48
    assert table.loc["imputation", "error"] == pytest.approx(0.80, abs=0.06)
    assert table.loc["bayesian", "error"] == pytest.approx(0.48, abs=0.06)
    assert table.loc["learned", "error"] == pytest.approx(0.50, abs=0.08)
    assert table.loc["bayesian", "error_high"] < table.loc["imputation", "error_low"]
    assert (table["error_low"] < table["error"]).all()
    assert (table["error"] < table["error_high"]).all()
    inside = (result.truth >= result.sets.low) & (result.truth <= result.sets.high)
    assert table.loc["deterministic", "coverage"] == pytest.approx(inside.mean())


def test_the_gain_over_imputation_is_paired():
    """Its interval is that of the differences: narrower than two intervals side by side."""
    X = make_recommendation(2000, slope=0.0, random_state=0).data
    result, table = attack(LinearRule((1.0, 0, 0, 0)).fit(X), X, n_resamples=2000)
    error = {name: np.abs(result.truth - guess) for name, guess in result.guesses.items()}
    assert (table.loc["imputation", ["gain", "gain_low", "gain_high"]] == 0).all()
    for name in ("deterministic", "bayesian", "learned"):
        saved = error["imputation"] - error[name]
        line = table.loc[name]
        assert line["gain"] == pytest.approx(saved.mean())
        spread = 1.96 * saved.std() / np.sqrt(len(saved))
        assert line["gain_high"] - saved.mean() == pytest.approx(spread, rel=0.15)
        assert saved.mean() - line["gain_low"] == pytest.approx(spread, rel=0.15)
    assert table.loc["bayesian", "gain_low"] > 0.2


@pytest.mark.parametrize("n_categories", [2, 3, 7])
def test_figures_of_categories_are_those_of_scikit_learn(n_categories):
    rng = np.random.default_rng(n_categories)
    truth, guess = rng.integers(n_categories, size=(2, 6, 12))
    truth[0], guess[1], guess[2] = 1, 1, truth[2]  # nothing to tell apart; one guess; all right
    sets = SimpleNamespace(categories=np.arange(n_categories))
    for t, g in zip(truth, guess, strict=True):
        result = AttackResult(t, {"imputation": g}, sets, True, n_resamples=10, random_state=0)
        line = result.to_frame().loc[0]
        drawn = np.random.default_rng(0).choice(12, size=(10, 12))
        expected = np.array([of_categories(t[some], g[some]) for some in [np.arange(12), *drawn]])
        for name, values in zip(["mcc", "g_mean"], expected.T, strict=True):
            assert line[name] == pytest.approx(values[0])
            ends = np.quantile(values[1:], [0.025, 0.975])
            assert line[[f"{name}_low", f"{name}_high"]].tolist() == pytest.approx(ends.tolist())


def of_categories(truth, guess):
    recall = recall_score(truth, guess, labels=np.unique(truth), average=None, zero_division=0)
    return matthews_corrcoef(truth, guess), np.prod(recall) ** (1 / len(recall))


def test_categories():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"s": rng.choice(["a", "b", "c"], 900), "w": rng.normal(size=900)})

    class Tells(LinearRule):
        def predict(self, X):
            return (X["s"] == "a").astype(int).to_numpy()

    result, table = attack(Tells().fit(X), X, sensitive_feature="s")
    assert result.categorical
    # "a" is told, "b" and "c" are a coin toss; without the label it is one in three.
    right = {name: np.mean(g == result.truth) for name, g in result.guesses.items()}
    assert right["imputation"] == pytest.approx(1 / 3, abs=0.08)
    assert right["deterministic"] == pytest.approx(2 / 3, abs=0.08)
    won = table["mcc"] - table.loc["imputation", "mcc"]
    assert table["gain"].to_numpy() == pytest.approx(won.to_numpy())
    assert table.loc["bayesian", "gain_low"] > 0.3
    assert right["bayesian"] == pytest.approx(2 / 3, abs=0.08)
    assert table.loc["bayesian", "mcc"] > table.loc["imputation", "mcc"] + 0.3
    assert 0 <= table.loc["imputation", "g_mean"] < 0.45
    groups = result.to_frame(groups=X["w"][450:] > 0)
    assert groups["group"].tolist()[::4] == ["all", "False", "True"]
    assert "imputation" in repr(result)


class Bands(LinearRule):
    """Label: the number of a band of incomes, each far narrower than the range over 512."""

    width = 5000.0

    def fit(self, X, y=None):
        self.classes_ = np.arange(4)
        return self

    def predict(self, X):
        number = np.floor(np.asarray(X)[:, 0] / self.width).astype(int)
        return np.where(np.asarray(X)[:, 0] < 200_000, number % 3, 3)


def incomes(n):
    rng = np.random.default_rng(0)
    rows = np.c_[np.exp(rng.normal(10.6, 0.8, n)), rng.normal(size=n)]
    rows[0, 0] = 9e6  # one of them makes the range wide
    return rows


def posterior_median(sets, i, mean, spread):
    """By brute force, on a grid of its own inside the set."""
    z = np.concatenate([np.linspace(a, b, 4001)[:-1] for a, b in sets.intervals[i]])
    step = np.concatenate([np.full(4000, (b - a) / 4000) for a, b in sets.intervals[i]])
    weight = (np.exp(-0.5 * ((z - mean) / spread) ** 2) + 1e-12) * step
    return z[np.searchsorted(np.cumsum(weight) / weight.sum(), 0.5)]


def held_out_error(X, imputer):
    """Standard deviation of the first feature around what the others tell of it."""
    return np.std(X[:, 0] - cross_val_predict(imputer, X[:, 1:], X[:, 0], cv=3))


def test_the_bayesian_attacker_reads_sets_narrower_than_any_grid_of_the_range():
    X = incomes(500)
    model = Bands().fit(X)
    half = AttributeInferenceAttack(
        model, sensitive_feature=0, bounds=(0, 1e7), n_resamples=10, resolution=3000
    ).fit(X[:250])
    result = half.evaluate(X[250:])
    guess, sets = result.guesses["bayesian"], result.sets
    spread = held_out_error(X[:250], RandomForestRegressor(min_samples_leaf=5, random_state=0))
    for i in range(0, 250, 25):
        want = posterior_median(sets, i, result.guesses["imputation"][i], spread)
        assert guess[i] == pytest.approx(want, abs=20)
    inside = [any(a <= g <= b for a, b in sets.intervals[i]) for i, g in enumerate(guess)]
    assert all(inside)


class OneBand(Bands):
    """A label that leaves one band of 4 000 open, whatever the others do."""

    def predict(self, X):
        value = np.asarray(X)[:, 0]
        return np.where((value > 30_000) & (value < 34_000), 1, 0)


def test_a_narrow_set_costs_the_attacker_no_more_than_its_width():
    X = incomes(2000)
    attack = AttributeInferenceAttack(
        OneBand().fit(X), sensitive_feature=0, bounds=(0, 1e7), n_resamples=10, resolution=5000
    ).fit(X[:1000])
    rows = X[1000:][OneBand().fit(X).predict(X[1000:]) == 1]
    table = attack.evaluate(rows).to_frame().set_index("attacker")
    assert table.loc["imputation", "error"] > 5000
    assert table.loc["bayesian", "error"] == pytest.approx(1000, rel=0.15)  # a quarter of it


def test_where_the_prior_has_no_mass_the_set_itself_is_the_posterior():
    X = np.c_[np.linspace(0, 1, 200), np.zeros(200)]

    class Far(LinearRule):
        def predict(self, X):
            return (np.asarray(X)[:, 0] > 90).astype(int)

    attack = AttributeInferenceAttack(
        Far().fit(X), sensitive_feature=0, bounds=(0, 100), n_resamples=10
    ).fit(X)
    result = attack.evaluate(np.array([[95.0, 0.0], [91.0, 0.0]]))
    assert result.guesses["bayesian"] == pytest.approx([95.0, 95.0], abs=0.01)
    # A category that nobody in public has: the imputer gives it nothing.
    people = pd.DataFrame({"s": ["a", "b"] * 50, "w": np.arange(100.0)})

    class Rare(LinearRule):
        def predict(self, X):
            return (X["s"] == "c").astype(int).to_numpy()

    attack = AttributeInferenceAttack(
        Rare().fit(people), sensitive_feature="s", bounds=["a", "b", "c"], n_resamples=10
    ).fit(people)
    result = attack.evaluate(pd.DataFrame({"s": ["c", "c"], "w": [1.0, 2.0]}))
    assert result.guesses["bayesian"].tolist() == [2, 2]


class OneOrFour(LinearRule):
    """A whole number's label: whether it is 1 or 4."""

    def predict(self, X):
        return np.isin(np.asarray(X)[:, 0], [1, 4]).astype(int)


@pytest.mark.parametrize("domain", ["auto", [0, 1, 2, 3, 4, 5], "integer"])
def test_only_possible_values_are_guessed(domain):
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(0, 6, 600).astype(float), rng.normal(size=600)]
    attack = AttributeInferenceAttack(
        OneOrFour().fit(X), sensitive_feature=0, domain=domain, n_resamples=10
    ).fit(X[:300])
    result = attack.evaluate(X[300:])
    guess, label = result.guesses["bayesian"], result.sets.label
    assert set(guess[label == 1]) <= {1.0, 4.0}
    assert set(guess[label == 0]) <= {0.0, 2.0, 3.0, 5.0}
    # The larger of two equal masses: the side on which the imputed value is.
    imputed = result.guesses["imputation"]
    clear = (label == 1) & (np.abs(imputed - 2.5) > 0.01)
    np.testing.assert_array_equal(guess[clear], np.where(imputed[clear] < 2.5, 1.0, 4.0))
    assert result.to_frame().set_index("attacker").loc["bayesian", "coverage"] == 1.0


def test_many_rows_do_not_blur_the_few():
    """Masses of sets are summed up row by row: that of one set may be 1e-12 of another's."""
    few = np.c_[np.r_[np.full(20_000, 0.5), 95.0, 0.2], np.zeros(20_002)]

    class Far(LinearRule):
        def predict(self, X):
            return (np.asarray(X)[:, 0] > 90).astype(int)

    public = np.c_[np.linspace(0, 1, 100), np.zeros(100)]
    attack = AttributeInferenceAttack(
        Far().fit(few), sensitive_feature=0, bounds=(0, 100), n_resamples=10,
        imputer=LinearRegression(), resolution=8,
    ).fit(public)  # fmt: skip
    guess = attack.evaluate(few).guesses["bayesian"]
    assert guess[-2] == pytest.approx(95, abs=0.01)
    spread = held_out_error(public, LinearRegression())
    cut = stats.truncnorm(-0.5 / spread, 89 / spread, 0.5, spread)
    assert guess[[0, -1]] == pytest.approx(cut.median(), abs=1e-4)


def test_a_column_of_the_name_of_the_label_is_kept():
    rows = pd.DataFrame(make_recommendation(200, random_state=0).data, columns=list("abcd"))
    model = LinearRule((1.0, 0, 0, 0)).fit(rows)
    renamed = rows.rename(columns={"b": "released_label"})
    one, other = (attack(model, part)[1] for part in (rows, renamed))
    pd.testing.assert_frame_equal(one, other)


def test_same_seed_same_result():
    task = make_recommendation(300, random_state=0)
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(task.data, task.target)
    one, two = (attack(model, task.data)[1] for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


TEXT = pd.DataFrame({"c": ["a", "b"] * 20, "x": [1.0, 2, 3, 4] * 10})
ON_TEXT = make_pipeline(ColumnTransformer([("x", "passthrough", ["x"])]), DecisionTreeClassifier())
ON_TEXT.fit(TEXT, TEXT["x"] > 2)


REFUSED = [
    ("AttributeInferenceAttack: not fitted", lambda: AttributeInferenceAttack(small.exact(), sensitive_feature=0).evaluate(small.X), ValueError, "call fit before"),
    ("AttributeInferenceAttack: n_resamples=3", lambda: AttributeInferenceAttack(small.exact(), sensitive_feature=0, n_resamples=3).fit(small.X), ValueError, "n_resamples=3"),
    ("AttributeInferenceAttack: n_resamples=10.5", lambda: AttributeInferenceAttack(small.exact(), sensitive_feature=0, n_resamples=10.5).fit(small.X), ValueError, "n_resamples=10.5"),
    ("AttributeInferenceAttack: an unknown feature", lambda: AttributeInferenceAttack(small.exact(), sensitive_feature=7).fit(small.X), ValueError, "names position 7"),
    ("AttributeInferenceAttack: groups of other rows", lambda: attack(small.exact(), small.X)[0].to_frame(groups=[1, 2]), ValueError, r"groups has shape \(2,\): give a group for each"),
    ("AttributeInferenceAttack: an imputer of labels alone for a category", lambda: AttributeInferenceAttack(ON_TEXT, sensitive_feature="c", imputer=RidgeClassifier()).fit(TEXT), ValueError, "needs its predict_proba"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
