"""Compatible sets: against brute force and closed forms."""

# ruff: noqa: E501

import time

import numpy as np
import pandas as pd
import pytest
import small
from conftest import LinearRule
from refused import refused
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from attribute.tasks import RULE, TASK, with_value
from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attribute import Prior, compatible_sets
from sklearn_rp.datasets import fetch_medical_insurance, load_recommendation, make_recommendation
from sklearn_rp.metrics import interval_length_score

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CANCER = load_breast_cancer(return_X_y=True)
WINE = load_wine(return_X_y=True)


def diabetes():
    X, y = load_recommendation(return_X_y=True)
    return X, (y == "intensive follow-up").astype(int)


DATA = {"cancer": (*CANCER, 6), "wine": (*WINE, 9), "diabetes": (*diabetes(), 2)}
MODELS = {
    "tree": DecisionTreeClassifier(random_state=0),
    "forest": make_pipeline(StandardScaler(), RandomForestClassifier(8, random_state=0)),
    "boosting": HistGradientBoostingClassifier(max_iter=10, random_state=0),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "network": make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=60, random_state=0)),
}


def smooth(model, column, **arguments):
    return RobustPrivacyClassifier(model, noise_features=[column], sigma=0.5, **arguments)


WAYS = {
    "plain": lambda model, column: model,
    "swept": smooth,
    "all noised": lambda model, column: RobustPrivacyClassifier(
        model, n_samples=40, random_state=0
    ),
    "with fallback": lambda model, column: smooth(model, column, fallback=-1, min_radius=0.4),
    "in a pipeline": lambda model, column: make_pipeline(StandardScaler(), smooth(model, column)),
}


def brute_force(model, X, column, low, high, n=801):
    """Labels on a fine grid, by nothing but predict."""
    z = np.linspace(low, high, n)
    copies = np.repeat(X, n, axis=0)
    copies[:, column] = np.tile(z, len(X))
    return z, model.predict(copies).reshape(len(X), n)


def longest(mask):
    """Length of the longest stretch of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False]))
    return int(np.diff(edges)[::2].max(initial=0))


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "data",
    ["diabetes", *(pytest.param(name, marks=pytest.mark.slow) for name in ("cancer", "wine"))],
)
def test_brute_force(data, name, way):
    X, y, column = DATA[data]
    model = WAYS[way](MODELS[name], column).fit(X, y)
    rows = X[:: len(X) // 9]
    low, high = X[:, column].min(), X[:, column].max()
    sets = compatible_sets(model, rows, sensitive_feature=column, bounds=(low, high))
    z, labels = brute_force(model, rows, column, low, high)
    released = model.predict(rows)
    assert np.array_equal(sets.label, released)
    inside = sets.contains(z)
    same = labels == released[:, None]
    # They may differ next to an end of an interval, where the fine grid is not fine enough, and in
    # bands narrower than the first look where no thresholds are known.
    step = z[1] - z[0]
    for i, intervals in enumerate(sets.intervals):
        ends = np.array(intervals).ravel()
        away = (np.abs(z[:, None] - ends[None]) > 1e-6 * (high - low)).all(axis=1)
        wrong = (inside[i] != same[i]) & away
        assert longest(wrong) <= (0 if way == "plain" else len(z) // 256 + 1)
        assert sets.length[i] == pytest.approx(same[i].sum() * step, abs=3 * step * len(ends))
    assert (sets.certified_inner <= sets.length + 1e-6 * (high - low)).all()
    assert (sets.certified_outer >= sets.length - 1e-6 * (high - low)).all()
    # Who is not in the own set is next to a threshold, or in a band of a hair's breadth.
    out = np.flatnonzero(sets.component_length == 0)
    next_to = np.searchsorted(z, rows[out, column])
    assert not (same[out, np.maximum(next_to - 1, 0)] & same[out, next_to]).any()


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@pytest.mark.parametrize("way", ["swept", "linear, all noised"])
def test_exact_engines_certify_the_set_from_both_sides(way):
    X, y, column = DATA["diabetes"]
    if way == "swept":
        clf = smooth(MODELS["boosting"], column).fit(X, y)
    else:
        clf = RobustPrivacyClassifier(MODELS["logistic"]).fit(X, y)
    sets = compatible_sets(clf, X[:40], sensitive_feature=column)
    span = sets.high - sets.low
    assert np.abs(sets.certified_inner - sets.length).max() < 1e-5 * span
    assert np.abs(sets.certified_outer - sets.length).max() < 1e-5 * span


def test_monte_carlo_bounds_enclose_closely():
    task = make_recommendation(40, random_state=0)
    clf = RobustPrivacyClassifier(
        LinearRule(task.coef),
        sigma=0.3,
        noise_scale=None,
        noise_features=[0],
        method="monte_carlo",
        n_samples=2000,
        random_state=0,
    ).fit(task.data, task.target)
    arguments = {"sensitive_feature": 0, "bounds": (-4, 4)}
    coarse = compatible_sets(clf, task.data, resolution=4, **arguments)
    fine = compatible_sets(clf, task.data, resolution=64, **arguments)
    true = np.where(task.target == 1, 4 - task.boundary, task.boundary + 4)
    for sets in (coarse, fine):
        assert (sets.certified_inner <= true).all()
        assert (sets.certified_outer >= true).all()
    # Whatever the grid, no more is left than the stretch where the votes abstain.
    for sets in (coarse, fine):
        assert (sets.certified_outer - sets.certified_inner).max() < 0.1


@pytest.mark.parametrize("band", [None, 0.5])
def test_closed_form(band):
    """The sets of the rule itself, and of its smoothed version, are known."""

    class Rule(LinearRule):
        def predict(self, X):
            above = np.asarray(X) @ np.asarray(self.coef)
            return ((above > 0) & (above <= (np.inf if band is None else band))).astype(int)

    task = make_recommendation(300, band=band, random_state=0)
    rule = Rule(task.coef).fit(task.data, task.target)
    sets = compatible_sets(rule, task.data, sensitive_feature=0, bounds=(-5, 5))
    upper = 5.0 if band is None else task.boundary + band
    ones = upper - task.boundary
    expected = np.where(task.target == 1, ones, 10 - ones)
    assert sets.length == pytest.approx(expected, abs=1e-5)
    low, high = sets.own_interval()
    beyond = task.data[:, 0] > upper
    above = np.where(beyond, upper, np.where(task.target == 1, task.boundary, -5.0))
    below = np.where(beyond, 5.0, np.where(task.target == 1, upper, task.boundary))
    assert low == pytest.approx(above, abs=1e-5)
    assert high == pytest.approx(below, abs=1e-5)
    if band is None:  # a linear model, smoothed: nothing is widened
        linear = LogisticRegression().fit(task.data, task.target)
        linear.coef_, linear.intercept_ = task.coef[None], np.zeros(1)
        clf = RobustPrivacyClassifier(
            FrozenEstimator(linear), sigma=0.5, noise_scale=None, noise_features=[0]
        ).fit(task.data, task.target)
        smoothed = compatible_sets(clf, task.data, sensitive_feature=0, bounds=(-5, 5))
        assert smoothed.length == pytest.approx(expected, abs=1e-5)
        assert smoothed.certified_inner == pytest.approx(expected, abs=1e-4)
        assert smoothed.certified_outer == pytest.approx(expected, abs=1e-4)


def test_smoothing_removes_narrow_bands():
    """A tree with a hair's breadth of a band: the base model's set is that hair."""
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, size=(4000, 2))
    y = ((X[:, 0] > 6) | (np.abs(X[:, 0] - 3) < 0.02)).astype(int)
    tree = DecisionTreeClassifier(random_state=0).fit(X, y)
    row = np.array([[3.0, 5.0]])
    bounds = {"sensitive_feature": 0, "bounds": (0, 10)}
    plain = compatible_sets(tree, row, **bounds)
    assert plain.label[0] == 1
    assert plain.component_length[0] < 0.1
    clf = RobustPrivacyClassifier(FrozenEstimator(tree), sigma=0.2, noise_features=[0]).fit(X, y)
    assert compatible_sets(clf, row, **bounds).component_length[0] > 5


def test_sigmas_cost_one_reading():
    X, y, column = DATA["cancer"]
    model = GradientBoostingClassifier(n_estimators=50, random_state=0).fit(X, y)
    clf = smooth(FrozenEstimator(model), column).fit(X, y)
    rows = X[:300]
    start = time.perf_counter()
    path = compatible_sets(clf, rows, sensitive_feature=column, sigmas=[0.5, 1.0, 2.0])
    assert time.perf_counter() - start < 10  # seconds; a benchmark measures it in earnest
    for sigma, sets in zip([0.5, 1.0, 2.0], path, strict=True):
        other = RobustPrivacyClassifier(
            FrozenEstimator(model), noise_features=[column], sigma=sigma
        ).fit(X, y)
        alone = compatible_sets(other, rows, sensitive_feature=column)
        assert np.array_equal(alone.label, sets.label)
        assert alone.length == pytest.approx(sets.length, abs=1e-9)


# --- categories and frames ------------------------------------------------------------------------


def test_categorical_attribute(frame_model):
    X, y, model = frame_model
    model.fit(X, y)
    sets = compatible_sets(model, X, sensitive_feature="sex")
    other = X.assign(sex=np.where(X["sex"] == "1", "2", "1"))
    same = model.predict(other) == model.predict(X)
    assert np.array_equal(sets.length, 1.0 + same)
    assert np.array_equal(sets.certified_inner, sets.length)
    for own, names, both in zip(X["sex"], sets.intervals, same, strict=True):
        assert names == (["1", "2"] if both else [own])
    assert sets.share.max() <= 1
    with pytest.raises(ValueError, match="'sex' is categorical"):
        sets.own_interval()
    apt = AttributePrivacyTransformer(FrozenEstimator(model), sensitive_feature="sex").fit(X, y)
    out = apt.transform(X)
    assert list(out)[:4] == ["age", "sex_1", "sex_2", "bmi"]
    assert np.array_equal(out["sex_1"] + out["sex_2"], 1.0 + same)


def test_categorical_attribute_under_categorical_noise(frame_model):
    X, y, model = frame_model
    clf = RobustPrivacyClassifier(model, noise_features="sex", sigma=0.2).fit(X, y)
    cert = clf.certify(X)
    few, many = compatible_sets(clf, X, sensitive_feature="sex", sigmas=[0.2, 1.0])
    assert np.array_equal(few.length == 2, ~cert.abstained)
    assert (few.length == 1).any()
    assert (many.length == 2).all()  # the category is drawn anew: it tells nothing
    alone = compatible_sets(clf, X, sensitive_feature="sex")
    assert np.array_equal(alone.length, few.length)


# --- the law --------------------------------------------------------------------------------------


# --- priors ---------------------------------------------------------------------------------------


def test_priors_by_hand():
    class Halves(LinearRule):
        def predict(self, X):
            return (np.asarray(X)[:, 0] > 2.5).astype(int)

    X = np.array([[1.0, 0], [2, 0], [3, 0], [4, 0]])
    model = Halves().fit(X)
    sets = compatible_sets(model, X, sensitive_feature=0)
    assert sets.length == pytest.approx([1.5] * 4)
    prior = {1.0: 0.5, 2.0: 0.25, 3.0: 0.25, 4.0: 0.0}
    assert sets.prior_mass(prior) == pytest.approx([0.75, 0.75, 0.25, 0.25])
    assert sets.posterior_entropy(prior) == pytest.approx(
        [0.9182958, 0.9182958, 0.0, 0.0], abs=1e-6
    )
    before, after = sets.bayes_vulnerability(prior)
    assert before == pytest.approx([0.5] * 4)
    assert after == pytest.approx([2 / 3, 2 / 3, 1, 1])
    before, after = sets.bayes_vulnerability(prior, tolerance=0.5)
    assert before == pytest.approx([0.75] * 4)
    assert after == pytest.approx([1.0] * 4)
    assert sets.prior_mass([1, 1, 4, 4]) == pytest.approx([0.5] * 4)  # a sample


def test_groups_with_labels():
    """By position, as scikit-learn reads what goes with rows; never against their labels."""
    X = pd.DataFrame({"s": [1.0, 2, 3, 4], "w": 0.0}, index=[40, 10, 30, 20])
    sets = compatible_sets(LinearRule((1, 0)).fit(X), X, sensitive_feature="s", bounds=(-4, 4))
    region = pd.Series(["a", "a", "b", "b"], index=X.index)
    expected = sets.summary(region.to_numpy())
    for groups in (region, region.reset_index(drop=True), region.tolist()):
        pd.testing.assert_frame_equal(sets.summary(groups), expected)
    renamed = pd.Series(region.to_numpy(), index=[1, 2, 3, 4])
    for groups in (region.sort_index(), pd.concat([region, renamed]), renamed):
        with pytest.raises(ValueError, match=r"groups has the labels .*loc\[X.index\].*to_numpy"):
            sets.summary(groups)
    with pytest.raises(TypeError, match="groups is a mapping"):
        sets.summary(region.to_dict())
    # Rows that have no labels, or only those that pandas gave by itself.
    for rows in (X.to_numpy(), X.reset_index(drop=True)):
        bare = compatible_sets(LinearRule((1, 0)).fit(X), rows, sensitive_feature=0, bounds=(-4, 4))
        pd.testing.assert_frame_equal(bare.summary(region), expected)
    shuffled = pd.Series(region.to_numpy(), index=[3, 1, 0, 2])
    with pytest.raises(ValueError, match="groups has the labels"):
        bare.summary(shuffled)
    result = AttributeInferenceAttack(
        LinearRule((1, 0)).fit(X), sensitive_feature="s", bounds=(-4, 4), n_resamples=10
    )
    attacked = result.fit(X).evaluate(X)
    with pytest.raises(ValueError, match="groups has the labels"):
        attacked.to_frame(groups=region.sort_index())
    with pytest.raises(ValueError, match="sample_weight has the labels"):
        interval_length_score(sets, sample_weight=pd.Series([1, 2, 3, 4.0], index=[1, 2, 3, 4]))


def test_sets_of_some_rows():
    X, y, column = DATA["wine"]
    tree = DecisionTreeClassifier(random_state=0).fit(X, y)
    sets = compatible_sets(tree, X, sensitive_feature=column, bounds=(0, 100))
    for rows in (slice(3, 40, 5), sets.label == 1, [7, 3, 3, -1], np.array([], dtype=int), 5):
        some, number = sets[rows], np.atleast_1d(np.arange(len(X))[rows])
        assert some.intervals == [sets.intervals[i] for i in number]
        assert np.array_equal(some.label, sets.label[number])
        assert np.array_equal(some.component_length, sets.component_length[number])
        assert np.array_equal(some.certified_inner, sets.certified_inner[number])
    assert sum(len(one) for one in sets) == len(X)
    with pytest.raises(TypeError, match=r"fields are attributes: \.label"):
        sets["label"]


def test_intersection():
    X = np.linspace(0, 10, 11)[:, None] * [1, 0]
    one = LinearRule((1.0, 0)).fit(X)

    class Above4(LinearRule):
        def predict(self, X):
            return (np.asarray(X)[:, 0] > 4).astype(int)

    arguments = {"sensitive_feature": 0, "bounds": (-10, 10)}
    first = compatible_sets(one, X, **arguments)
    second = compatible_sets(Above4().fit(X), X, **arguments)
    both = first.intersect(second)
    expected = np.where(X[:, 0] > 4, 6.0, np.where(X[:, 0] > 0, 4.0, 10.0))
    assert both.length == pytest.approx(expected, abs=1e-5)
    assert both.label[0] == (0, 0)
    assert (both.length <= np.minimum(first.length, second.length) + 1e-9).all()
    with pytest.raises(ValueError, match="different bounds"):
        first.intersect(compatible_sets(one, X, sensitive_feature=0, bounds=(-11, 10)))
    with pytest.raises(ValueError, match="the same people"):
        first.intersect(compatible_sets(one, X[:3], **arguments))


# --- bad input ------------------------------------------------------------------------------------


def test_a_model_that_ignores_the_attribute_leaves_the_whole_range():
    rule = LinearRule((0.0, 1, 1, 1)).fit(TASK.data, TASK.target)
    sets = compatible_sets(rule, TASK.data, sensitive_feature=0)
    assert sets.share == pytest.approx(np.ones(60))


def test_insurance_data(insurance_home):
    X, y = fetch_medical_insurance(data_home=insurance_home, return_X_y=True)
    columns = ColumnTransformer(
        [("c", OneHotEncoder(), ["sex", "smoker", "region"])], remainder="passthrough"
    )
    model = make_pipeline(columns, GradientBoostingClassifier(n_estimators=20, random_state=0))
    sets = compatible_sets(model.fit(X, y), X, sensitive_feature="bmi")
    assert (sets.certified_inner == sets.certified_outer).all()  # the thresholds are known
    assert 0 < sets.component_length.min() < sets.high - sets.low


class Turned(RobustPrivacyClassifier):
    """Answers with the other label."""

    def predict(self, X):
        return 1 - super().predict(X)


class TurnedMinimum(AttributePrivacyClassifier):
    """The same."""

    def predict(self, X):
        return 1 - super().predict(X)


@pytest.mark.parametrize("kind", [Turned, TurnedMinimum])
def test_sets_are_about_what_a_subclass_predicts(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 2))
    y = (X[:, 0] > 0).astype(int)
    given = {"noise_features": [0]} if kind is Turned else {"sensitive_feature": 0}
    model = kind(LogisticRegression(), **given).fit(X, y)
    bounds = (X[:, 0].min(), X[:, 0].max())  # those of the fit
    sets = compatible_sets(model, X, sensitive_feature=0, bounds=bounds)[:20]
    np.testing.assert_array_equal(sets.label, model.predict(X[:20]))
    for i, (low, high) in enumerate(zip(*sets.hull(), strict=True)):
        ends = np.repeat(X[i : i + 1], 2, axis=0)
        ends[:, 0] = low, high
        assert (model.predict(ends) == sets.label[i]).all()


FOUR, CANCER_Y = load_breast_cancer(return_X_y=True)
FOUR = FOUR[:, :4]


def test_intersections_of_known_sets_are_known():
    one, two = small.tree(3).fit(FOUR, CANCER_Y), small.tree(5).fit(FOUR[::2], CANCER_Y[::2])
    asked = {"sensitive_feature": 0, "bounds": (FOUR[:, 0].min(), FOUR[:, 0].max())}
    both = compatible_sets(one, FOUR[:50], **asked).intersect(
        compatible_sets(two, FOUR[:50], **asked)
    )
    assert both.certified_inner == pytest.approx(both.length)
    assert both.certified_outer == pytest.approx(both.length)


def test_missing_values_of_pandas_are_missing():
    people = pd.DataFrame(
        {"v": FOUR[:, 0], "s": pd.array(["a", "b"] * 284 + ["a"], dtype="string")}
    )
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["s"]), remainder="passthrough"), small.tree(3)
    ).fit(people, CANCER_Y)
    gone = people.copy()
    gone.loc[3, "s"] = pd.NA
    with pytest.raises(ValueError, match="missing values in sensitive_feature='s'"):
        compatible_sets(model, gone, sensitive_feature="s")
    sets = compatible_sets(model, people, sensitive_feature="v")
    assert sets.summary(gone["s"])["n"].to_dict() == {"all": 569, "a": 285, "b": 283, "missing": 1}
    mixed = np.array(["a", 1] * 284 + ["a"], dtype=object)
    assert sets.summary(mixed)["n"].to_dict() == {"all": 569, "1": 284, "a": 285}


RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


def test_rows_without_a_group_are_a_group():
    sets = compatible_sets(LogisticRegression().fit(ROWS, LABELS), ROWS, sensitive_feature=0)
    table = sets.summary(np.where(np.arange(60) % 3, 2.0, np.nan))
    assert table["n"].to_dict() == {"all": 60, "2.0": 40, "missing": 20}
    assert table["n"].dtype.kind == "i"
    with pytest.raises(ValueError, match=r"groups has shape \(\): give a group for each"):
        sets.summary("region")


PEOPLE = pd.DataFrame({"c": ["a", "b", "a", "b"], "x": [1.0, 2, 3, 4]})
NAMED = small.exact()


def sets():
    return compatible_sets(small.exact(), small.X, sensitive_feature=0)


REFUSED = [
    ("compatible_sets: an unknown feature", lambda: compatible_sets(small.exact().fit(small.FRAME, small.Y), small.FRAME, sensitive_feature="bim"), ValueError, "did you mean 'bmi'"),
    ("compatible_sets: bounds the wrong way", lambda: compatible_sets(small.exact(), small.X, sensitive_feature=0, bounds=(1, 0)), ValueError, "low must be below high"),
    ("compatible_sets: bounds of text", lambda: compatible_sets(small.exact(), small.X, sensitive_feature=0, bounds="all"), ValueError, "bounds='all'"),
    ("compatible_sets: a value outside the bounds", lambda: compatible_sets(small.exact(), small.X, sensitive_feature=0, bounds=(0, 0.1)), ValueError, "outside"),
    ("compatible_sets: resolution of 0", lambda: compatible_sets(small.exact(), small.X, sensitive_feature=0, resolution=0), ValueError, "resolution=0"),
    ("compatible_sets: a release at random", lambda: compatible_sets(small.fitted(resample=True), small.X, sensitive_feature=0), ValueError, "resample=True"),
    ("compatible_sets: noise levels of a model without noise", lambda: compatible_sets(LogisticRegression().fit(small.X, small.Y), small.X, sensitive_feature=0, sigmas=[1]), ValueError, "no noise"),
    ("CompatibleSets.intersect: other people", lambda: sets().intersect(compatible_sets(small.exact(), small.X[:5], sensitive_feature=0)), ValueError, "same people"),
    ("CompatibleSets: a negative tolerance", lambda: sets().bayes_vulnerability(small.X[:, 0], tolerance=-1), ValueError, "tolerance=-1"),
    ("compatible_sets: sensitive_feature='bmi'", lambda: compatible_sets(RULE, TASK.data, sensitive_feature="bmi"), ValueError, "not a column of X"),
    ("compatible_sets: sensitive_feature=9", lambda: compatible_sets(RULE, TASK.data, sensitive_feature=9), ValueError, "names position 9"),
    ("compatible_sets: sensitive_feature=None", lambda: compatible_sets(RULE, TASK.data, sensitive_feature=None), TypeError, "by its name or position"),
    ("compatible_sets: a constant feature", lambda: compatible_sets(RULE, TASK.data * [0, 1, 1, 1], sensitive_feature=0), ValueError, "is constant"),
    ("compatible_sets: NaN in the sensitive feature", lambda: compatible_sets(RULE, with_value(np.nan), sensitive_feature=0), ValueError, "missing values in sensitive_feature='x0'"),
    ("compatible_sets: infinity in the sensitive feature", lambda: compatible_sets(RULE, with_value(np.inf), sensitive_feature=0), ValueError, "infinity"),
    ("compatible_sets: bounds=(-1, 1)", lambda: compatible_sets(RULE, TASK.data, sensitive_feature=0, bounds=(-1, 1)), ValueError, r"outside bounds=\(-1, 1\)"),
    ("compatible_sets: bounds=(3, 1)", lambda: compatible_sets(RULE, TASK.data, sensitive_feature=0, bounds=(3, 1)), ValueError, "low must be below high"),
    ("compatible_sets: bounds=5", lambda: compatible_sets(RULE, TASK.data, sensitive_feature=0, bounds=5), ValueError, r"give \(low, high\)"),
    ("compatible_sets: resolution=0", lambda: compatible_sets(RULE, TASK.data, sensitive_feature=0, resolution=0), ValueError, "resolution"),
    ("compatible_sets: resolution=1.5", lambda: compatible_sets(RULE, TASK.data, sensitive_feature=0, resolution=1.5), TypeError, "resolution"),
    ("compatible_sets: one row that is no table", lambda: compatible_sets(small.exact(), small.X[0], sensitive_feature=0), ValueError, "Expected 2D array"),
    ("compatible_sets: no rows", lambda: compatible_sets(small.exact(), small.X[:0], sensitive_feature=0), ValueError, "0 sample"),
    ("compatible_sets: sigmas=['a']", lambda: compatible_sets(small.exact(), small.X, sensitive_feature=0, sigmas=["a"]), ValueError, r"sigmas=\['a'\] is not allowed"),
    ("compatible_sets: sigmas=[]", lambda: compatible_sets(small.exact(), small.X, sensitive_feature=0, sigmas=[]), ValueError, r"sigmas=\[\] is not allowed"),
    ("compatible_sets: text for bounds of a category", lambda: compatible_sets(NAMED, PEOPLE, sensitive_feature="c", bounds="ab"), ValueError, "give a list of categories"),
    ("compatible_sets: categories of several types", lambda: compatible_sets(NAMED, PEOPLE.assign(c=["a", 1, "b", 2]), sensitive_feature="c"), TypeError, "several types"),
    ("compatible_sets: numbers as objects", lambda: compatible_sets(NAMED, PEOPLE.astype({"x": object}), sensitive_feature="x"), TypeError, "numbers as objects"),
    ("compatible_sets: missing categories of pandas", lambda: compatible_sets(NAMED, PEOPLE.assign(c=pd.array(["a", None, "b", "a"], dtype="string")), sensitive_feature="c"), ValueError, "missing values in sensitive_feature='c'"),
    ("compatible_sets: n_jobs=0", lambda: compatible_sets(small.exact(), small.X, sensitive_feature=0, n_jobs=0), ValueError, "n_jobs=0 is not allowed"),
    ("CompatibleSets.intersect: the same people in another order", lambda: sets().intersect(sets()[::-1]), ValueError, "same people, in the same order"),
    ("CompatibleSets.intersect: other bounds", lambda: sets().intersect(compatible_sets(small.exact(), small.X, sensitive_feature=0, bounds=(-9, 9))), ValueError, "different bounds"),
    ("CompatibleSets.intersect: text", lambda: sets().intersect("x"), TypeError, "CompatibleSets"),
    ("CompatibleSets: a prior of categories for numbers", lambda: sets().prior_mass({"a": 1.0}), ValueError, "is numeric"),
    ("CompatibleSets: shares that do not add up to 1", lambda: sets().prior_mass({0.0: 0.5, 1.0: 0.4}), ValueError, r"sum to 0\.9"),
    ("CompatibleSets: a prior made for other rows", lambda: sets().prior_mass(Prior(np.array([0.0, 1.0]), np.full((2, 2), 0.5))), ValueError, "made for 2 rows"),
    ("CompatibleSets.summary: text for groups", lambda: sets().summary("region"), ValueError, r"groups has shape \(\): give a group for each"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
