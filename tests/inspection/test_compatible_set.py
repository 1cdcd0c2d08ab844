"""CompatibleSetDisplay, by the data that it draws."""

# ruff: noqa: E501

import numpy as np
import pytest
from refused import refused
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
    RobustPrivacyRegressor,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.inspection import (
    CompatibleSetDisplay,
)

plt = pytest.importorskip("matplotlib.pyplot", reason="displays need matplotlib")
TASK = make_recommendation(400, random_state=0)
X, y = TASK.data, TASK.target
BASE = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, y)


def transformer():
    return AttributePrivacyTransformer(FrozenEstimator(BASE), sensitive_feature=0).fit(X, y)


def some_sets():
    return compatible_sets(BASE, X[:20], sensitive_feature=0, bounds=(-5, 5))


REFUSED = [
    ("CompatibleSetDisplay: axes for another number of models", lambda: CompatibleSetDisplay.from_predictions({"a": some_sets(), "b": some_sets()}, ax=plt.subplots(1, 2)[1]), ValueError, "ax has 2 axes: give one, or 3"),
    ("CompatibleSetDisplay: no feature", lambda: CompatibleSetDisplay.from_estimator(BASE, X), ValueError, "does not know which feature is sensitive"),
    ("CompatibleSetDisplay: a feature for a release that has one", lambda: CompatibleSetDisplay.from_estimator(transformer(), X, sensitive_feature=0), ValueError, "knows its sensitive feature"),
    ("CompatibleSetDisplay: a domain for a release that has one", lambda: CompatibleSetDisplay.from_estimator(transformer(), X, domain="integer"), ValueError, "knows its sensitive feature and what is possible: leave out domain"),
    ("CompatibleSetDisplay: a tolerance for a release that has one", lambda: CompatibleSetDisplay.from_estimator(transformer(), X, bounds=(-5, 5), tolerance=1), ValueError, "leave out bounds and tolerance"),
    ("CompatibleSetDisplay: a tolerance of labels", lambda: CompatibleSetDisplay.from_estimator(BASE, X, sensitive_feature=0, tolerance=1), ValueError, "which releases labels"),
    ("CompatibleSetDisplay: other people", lambda: CompatibleSetDisplay.from_predictions({"a": some_sets()[:5], "b": some_sets()[5:10]}), ValueError, r"of the same people.*sets\[group == 'a'\]"),
    ("CompatibleSetDisplay: no sets", lambda: CompatibleSetDisplay.from_predictions({}), ValueError, "one at least"),
    ("CompatibleSetDisplay: an unknown baseline", lambda: CompatibleSetDisplay.from_estimator(transformer(), X[:5], baseline="base"), ValueError, "baseline='base'"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("kind", [AttributePrivacyTransformer, AttributePrivacyClassifier])
def test_sets_are_those_of_the_models(kind):
    inner = RobustPrivacyClassifier(FrozenEstimator(BASE), noise_features=[0], sigma=0.5)
    inner = inner if kind is AttributePrivacyTransformer else FrozenEstimator(BASE)
    estimator = kind(inner, sensitive_feature=0, bounds=(-5, 5)).fit(X, y)
    display = CompatibleSetDisplay.from_estimator(estimator, X[:20], unit="kg/m2")
    frame = display.frame()
    expected = {
        "base model": compatible_sets(BASE, X[:20], sensitive_feature=0, bounds=(-5, 5)),
        "released": estimator.compatible_sets(X[:20]),
    }
    assert frame["model"].unique().tolist() == list(expected)
    for name, sets in expected.items():
        part = frame[frame["model"] == name]
        drawn = [
            list(zip(rows["low"], rows["high"], strict=True)) for _, rows in part.groupby("row")
        ]
        assert drawn == sets.intervals
        held = part[part["holds_own"]]
        np.testing.assert_allclose(held["high"] - held["low"], sets.component_length)
        assert ((held["low"] <= held["own"]) & (held["own"] <= held["high"])).all()
    assert len(display.axes_) == 3
    assert display.axes_[0].get_xlabel() == "x0 (kg/m2)"
    alone = CompatibleSetDisplay.from_estimator(estimator, X[:20], baseline=None)
    assert alone.frame()["model"].unique().tolist() == ["released"]


def test_sets_on_given_axes_and_many_people():
    sets = compatible_sets(BASE, X, sensitive_feature=0, bounds=(-5, 5))
    _, ax = plt.subplots()
    display = CompatibleSetDisplay.from_predictions(sets, ax=ax)
    assert display.axes_.tolist() == [ax]
    assert ax.get_ylabel().startswith("300 of 400 people")
    assert len(ax.lines[0].get_xdata()) == 300
    assert (np.diff(ax.lines[0].get_xdata()) >= 0).all()  # in the order of the true values
    _, axes = plt.subplots(1, 2)
    display = CompatibleSetDisplay.from_predictions({"tree": sets}, ax=axes)
    assert axes[1].lines[0].get_ydata()[-1] == 1.0


def test_a_fitted_classifier_and_its_base_model():
    clf = RobustPrivacyClassifier(FrozenEstimator(BASE), noise_features=[0], sigma=0.5).fit(X, y)
    asked = {"sensitive_feature": 0, "bounds": (-5, 5)}
    display = CompatibleSetDisplay.from_estimator(clf, X[:20], **asked)
    expected = {"base model": BASE, "released": clf}
    assert list(display.sets) == list(expected)
    for name, model in expected.items():
        assert display.sets[name].intervals == compatible_sets(model, X[:20], **asked).intervals
    assert [text.get_text() for text in display.figure_.legends[0].get_texts()] == [
        "same answer, around the value", "same answer, elsewhere", "true value",
    ]  # fmt: skip
    assert list(CompatibleSetDisplay.from_estimator(BASE, X[:9], **asked).sets) == ["released"]


LINE = LinearRegression().fit(X, X @ [2.0, *np.ones(X.shape[1] - 1)])  # 2 of it for each of x0


def test_numbers_within_a_tolerance_and_a_domain():
    asked = {"sensitive_feature": 0, "bounds": (-5, 5)}
    people = np.clip(X[:20], -4, 4)
    display = CompatibleSetDisplay.from_estimator(LINE, people, tolerance=1.0, **asked)
    low, high = np.array(display.sets["released"].intervals)[:, 0].T
    np.testing.assert_allclose(low, people[:, 0] - 0.5, atol=1e-4)
    np.testing.assert_allclose(high, people[:, 0] + 0.5, atol=1e-4)
    people[:, 0] = np.round(people[:, 0])
    whole = asked | {"domain": "integer", "tolerance": 5.0}
    display = CompatibleSetDisplay.from_estimator(LINE, people, baseline=LINE, **whole)
    for sets in display.sets.values():  # two to each side
        np.testing.assert_array_equal(sets.length, 5 - np.maximum(np.abs(people[:, 0]) - 3, 0))
    assert display.axes_[-1].get_xlabel() == "possible values in the interval"


def test_the_base_model_is_read_with_the_tolerance_of_the_transformer():
    smooth = RobustPrivacyRegressor(FrozenEstimator(LINE), step=4.0, noise_features=[0])
    asked = {"sensitive_feature": 0, "bounds": (-5, 5), "tolerance": 1.0}
    apt = AttributePrivacyTransformer(smooth, **asked).fit(X, LINE.predict(X))
    display = CompatibleSetDisplay.from_estimator(apt, X[:20])
    base = compatible_sets(LINE, X[:20], **asked)
    assert (base.length > 0.4).all()
    np.testing.assert_allclose(display.sets["base model"].length, base.length, atol=1e-4)


def test_a_categorical_attribute():
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder

    from sklearn_rp.datasets import load_recommendation

    X, y = load_recommendation(return_X_y=True, as_frame=True)
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough"),
        DecisionTreeClassifier(max_depth=4, random_state=0),
    )
    apt = AttributePrivacyTransformer(model, sensitive_feature="sex").fit(X, y)
    display = CompatibleSetDisplay.from_estimator(apt, X)
    assert [t.get_text() for t in display.axes_[0].get_xticklabels()] == ["1", "2"]
    assert display.axes_[-1].get_xlabel() == "compatible categories of sex"


def test_ordinary_ensembles_have_no_base_model():
    forest = RandomForestClassifier(5, random_state=0)
    apt = AttributePrivacyTransformer(forest, sensitive_feature=0).fit(X, y)
    display = CompatibleSetDisplay.from_estimator(apt, X[:10].tolist())
    assert display.frame()["model"].unique().tolist() == ["released"]


def test_a_value_beyond_the_bounds_keeps_the_picture_whole():
    apt = AttributePrivacyTransformer(FrozenEstimator(BASE), sensitive_feature=0).fit(X, y)
    far = X[:10].copy()
    far[3, 0] = 100.0
    display = CompatibleSetDisplay.from_estimator(apt, far)
    display.figure_.canvas.draw()
    assert display.axes_[0].get_position().width > 0.25
    assert display.axes_[0].lines[0].get_xdata().max() <= display.sets["released"].high
