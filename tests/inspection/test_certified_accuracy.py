"""Displays, by the data that they draw."""

# ruff: noqa: E501

import numpy as np
import pytest
from conftest import LinearRule
from refused import refused
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.inspection import (
    CertifiedAccuracyDisplay,
    CompatibleSetDisplay,
    PrivacyUtilityDisplay,
)
from sklearn_rp.metrics import (
    certified_accuracy_score,
)

plt = pytest.importorskip("matplotlib.pyplot", reason="displays need matplotlib")
plt.switch_backend("agg")
TASK = make_recommendation(400, random_state=0)
X, y = TASK.data, TASK.target
BASE = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, y)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def votes(**arguments):
    clf = RobustPrivacyClassifier(FrozenEstimator(BASE), method="monte_carlo", random_state=0)
    return clf.set_params(**arguments).fit(X, y)


@pytest.mark.parametrize("feature", [None, 1])
@pytest.mark.parametrize("n_rows", [20, 400])
def test_certified_accuracy_is_that_of_the_metric(n_rows, feature):
    clf, sigmas = votes(), [0.25, 1.0]
    display = CertifiedAccuracyDisplay.from_estimator(
        clf, X[:n_rows], y[:n_rows], sigmas=sigmas, feature=feature
    )
    frame = display.frame()
    assert frame["name"].unique().tolist() == ["sigma = 0.25", "sigma = 1"]
    for cert, (_, curve) in zip(
        clf.certify_path(X[:n_rows], sigmas), frame.groupby("name", sort=False), strict=True
    ):
        steps = curve.iloc[:-1]  # the last falls to 0
        for radius, drawn in zip(steps["radius"], steps["certified_accuracy"], strict=True):
            expected = certified_accuracy_score(y[:n_rows], cert, radius=radius, feature=feature)
            assert drawn == pytest.approx(expected)
        assert (np.diff(curve["certified_accuracy"]) <= 0).all()
        assert curve["certified_accuracy"].iloc[-1] == 0
    assert [line.get_label() for line in display.lines_] == ["sigma = 0.25", "sigma = 1"]
    assert "half-width of x1" in display.ax_.get_xlabel() or feature is None


def test_a_thinned_curve_runs_below():
    task = make_recommendation(3000, random_state=1)
    rule = LinearRule(task.coef).fit(task.data, task.target)
    clf = RobustPrivacyClassifier(rule, noise_features=[0]).fit(task.data, task.target)
    cert = clf.certify(task.data)
    display = CertifiedAccuracyDisplay.from_predictions(task.target, cert)
    frame = display.frame()
    assert len(frame) <= 1002
    for radius in np.linspace(0.01, cert.radius.max(), 50):
        # "steps-pre": between two points the curve has the value of the later one.
        drawn = frame["certified_accuracy"][np.searchsorted(frame["radius"], radius)]
        assert drawn <= certified_accuracy_score(task.target, cert, radius=radius) + 1e-12


def test_several_displays_on_one_axes():
    first = CertifiedAccuracyDisplay.from_estimator(votes(), X, y, name="boosting")
    pipe = make_pipeline(StandardScaler(), RobustPrivacyClassifier(LogisticRegression()))
    CertifiedAccuracyDisplay.from_estimator(pipe.fit(X, y), X, y, name="linear", ax=first.ax_)
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert labels == ["boosting, sigma = 0.25", "linear, sigma = 0.25"]
    looks = {(line.get_color(), line.get_linestyle()) for line in first.ax_.lines}
    assert len(looks) == 2


def test_all_abstain():
    cert = votes(n_samples=11, sigma=50.0).certify(X[:5])
    wrong = np.where(cert.label == 1, 0, 1)
    frame = CertifiedAccuracyDisplay.from_predictions(wrong, cert).frame()
    assert (frame["certified_accuracy"] == 0).all()


RESULTS = {
    "params": [{"clf__sigma": s} for s in (0.1, 0.5, 1.0, 2.0)],
    "mean_test_accuracy": np.array([0.90, 0.92, 0.80, 0.79]),
    "mean_test_radius": np.array([0.1, 0.3, 0.5, 0.5]),
    "split0_test_accuracy": np.array([0.9, 0.9, 0.8, 0.79]),
    "split1_test_accuracy": np.array([0.9, 0.94, 0.8, 0.79]),
    "split0_test_radius": np.array([0.1, 0.3, 0.5, 0.5]),
    "split1_test_radius": np.array([0.1, 0.3, 0.5, 0.5]),
}


def transformer():
    return AttributePrivacyTransformer(FrozenEstimator(BASE), sensitive_feature=0).fit(X, y)


def some_sets():
    return compatible_sets(BASE, X[:20], sensitive_feature=0, bounds=(-5, 5))


REFUSED = [
    ("CertifiedAccuracyDisplay: two curves of one name", lambda: CertifiedAccuracyDisplay.from_predictions(y, [votes().certify(X)] * 2), ValueError, "draw them one by one"),
    ("CertifiedAccuracyDisplay: a feature without noise", lambda: CertifiedAccuracyDisplay.from_predictions(y, votes(noise_features=[0]).certify(X), feature=1), ValueError, "not the position of a noised feature"),
    ("CertifiedAccuracyDisplay: too few labels", lambda: CertifiedAccuracyDisplay.from_predictions(y[:3], votes().certify(X)), ValueError, "inconsistent numbers of samples"),
    ("PrivacyUtilityDisplay: a scorer that the search has not", lambda: PrivacyUtilityDisplay.from_cv_results(RESULTS, privacy="acr"), ValueError, "privacy='acr' is no scorer of the search"),
    ("PrivacyUtilityDisplay: a search that was not fitted", lambda: PrivacyUtilityDisplay.from_estimator(GridSearchCV(BASE, {})), ValueError, "fit the search first"),
    ("CompatibleSetDisplay: axes for another number of models", lambda: CompatibleSetDisplay.from_predictions({"a": some_sets(), "b": some_sets()}, ax=plt.subplots(1, 2)[1]), ValueError, "ax has 2 axes: give one, or 3"),
    ("CompatibleSetDisplay: no feature", lambda: CompatibleSetDisplay.from_estimator(BASE, X), ValueError, "does not know which feature is sensitive"),
    ("CompatibleSetDisplay: a feature for a release that has one", lambda: CompatibleSetDisplay.from_estimator(transformer(), X, sensitive_feature=0), ValueError, "knows its sensitive feature"),
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
        "same label, around the value", "same label, elsewhere", "true value",
    ]  # fmt: skip
    assert list(CompatibleSetDisplay.from_estimator(BASE, X[:9], **asked).sets) == ["released"]


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


def test_a_second_curve_is_not_cut_off():
    _, ax = plt.subplots()
    CertifiedAccuracyDisplay.from_estimator(votes(), X, y, sigmas=[0.1], ax=ax)
    second = CertifiedAccuracyDisplay.from_estimator(votes(), X, y, sigmas=[1.0, 1.0005], ax=ax)
    assert ax.get_xlim()[1] > second.frame()["radius"].max()
    column = CertifiedAccuracyDisplay.from_estimator(votes(), X, y.reshape(-1, 1))
    assert column.frame()["certified_accuracy"].max() > 0
    assert column.ax_.get_xlabel() == "certified radius (scaled units)"


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
