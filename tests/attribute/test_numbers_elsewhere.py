"""What takes classifiers takes regressors: the transformer, the attack, scorers and displays."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeRegressor

from sklearn_rp import (
    AttributePrivacyRegressor,
    AttributePrivacyTransformer,
)
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import TopItemsRecommender
from sklearn_rp.inspection import CompatibleSetDisplay
from sklearn_rp.metrics import interval_length_score, make_compatible_sets_scorer
from sklearn_rp.model_selection import max_privacy

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME = FRAME[["age", "bmi", "bp", "s5"]]
Y = Y.to_numpy()
ASKED = {"sensitive_feature": "bmi", "bounds": (15, 45)}


@pytest.mark.parametrize(
    ("model", "tolerance"),
    [
        (AttributePrivacyRegressor(levels="model", **ASKED), 0.0),
        (DecisionTreeRegressor(max_depth=4, random_state=0), 0.0),
        (LinearRegression(), 20.0),
    ],
    ids=["minimum", "tree", "line within a tolerance"],
)
def test_the_sets_of_numbers_are_published_in_place_of_the_column(model, tolerance):
    apt = AttributePrivacyTransformer(
        model, tolerance=tolerance, include_prediction=True, **ASKED
    ).fit(FRAME, Y)
    out = apt.transform(FRAME)
    sets = apt.compatible_sets(FRAME)
    assert out.columns.tolist() == ["age", "bmi_low", "bmi_high", "bp", "s5", "prediction"]
    np.testing.assert_array_equal(out["prediction"], apt.estimator_.predict(FRAME))
    assert ((out["bmi_low"] <= FRAME["bmi"]) & (FRAME["bmi"] <= out["bmi_high"])).all()
    low, high = sets.hull()
    np.testing.assert_allclose(out["bmi_low"], low, atol=1e-5)
    np.testing.assert_allclose(out["bmi_high"], high, atol=1e-5)
    # Moving the value inside its set moves not one bit of what is published.
    if not tolerance:
        inside = FRAME.assign(bmi=np.mean(sets.own_interval(), axis=0))
        np.testing.assert_array_equal(apt.transform(inside), out)


def test_a_number_that_gives_the_value_away_is_not_published_as_if_it_did_not():
    apt = AttributePrivacyTransformer(LinearRegression(), **ASKED)
    with pytest.raises(ValueError, match="tolerance=0.0 is not allowed: .* gives the value away"):
        apt.fit(FRAME, Y)


def test_a_tolerance_is_for_numbers():
    with pytest.raises(ValueError, match="tolerance=1.0 is not allowed for .*releases labels"):
        AttributePrivacyTransformer(tolerance=1.0, **ASKED).fit(FRAME, Y > 150)
    lists = TopItemsRecommender(n_recommended=1).fit(FRAME, np.c_[Y > 150, Y <= 150].astype(int))
    with pytest.raises(ValueError, match="for TopItemsRecommender, which releases lists"):
        compatible_sets(lists, FRAME, tolerance=1.0, **ASKED)


def test_whoever_sees_an_exact_number_knows_the_value_and_a_minimum_hides_it():
    public, people = FRAME[:220], FRAME[220:]
    exact = AttributeInferenceAttack(LinearRegression().fit(FRAME, Y), **ASKED, n_resamples=20)
    hidden = AttributeInferenceAttack(
        AttributePrivacyRegressor(levels="model", minimum=0.4, **ASKED).fit(FRAME, Y),
        **ASKED, n_resamples=20,
    )  # fmt: skip
    table = {
        name: attack.fit(public).evaluate(people).to_frame().set_index("attacker")
        for name, attack in (("exact", exact), ("hidden", hidden))
    }
    assert table["exact"].loc["deterministic", "error"] < 1e-4
    assert table["exact"].loc["bayesian", "gain"] > 0.9 * table["exact"].loc["imputation", "error"]
    assert table["hidden"].loc["deterministic", "length"] >= 0.4 * 30
    assert table["hidden"].loc["bayesian", "error"] > 1.0


@pytest.mark.slow
def test_the_most_privacy_within_a_loss_of_r2():
    scoring = {
        "r2": "r2",
        "open": make_compatible_sets_scorer(interval_length_score, quantile=0.0, **ASKED),
    }
    search = GridSearchCV(
        AttributePrivacyRegressor(levels="model", **ASKED),
        {"minimum": [0.1, 0.3, 0.9]}, cv=2, scoring=scoring,
        refit=max_privacy(0.02, accuracy="r2", privacy="open"),
    ).fit(FRAME, Y)  # fmt: skip
    score, left = (search.cv_results_[f"mean_test_{name}"] for name in scoring)
    assert (left >= np.array([0.1, 0.3, 0.9]) * 30 - 1e-9).all()
    assert score[search.best_index_] >= score.max() - 0.02
    assert search.best_index_ == np.flatnonzero(score >= score.max() - 0.02)[-1]


def test_steps_are_drawn_beside_the_model():
    pytest.importorskip("matplotlib").use("agg")
    apr = AttributePrivacyRegressor(levels="model", **ASKED).fit(FRAME, Y)
    display = CompatibleSetDisplay.from_estimator(apr, FRAME[:30])
    frame = display.frame()
    assert set(frame["model"]) == {"base model", "released"}
    wide = frame[(frame["model"] == "released") & frame["holds_own"]]
    assert (wide["high"] - wide["low"]).min() >= 0.2 * 30 - 1e-9
