"""AttributePrivacyClassifier as its users meet it."""

# ruff: noqa: E501

import pickle

import numpy as np
import pandas as pd
import pytest
import small
from refused import refit, refused
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from attribute.tasks import MODELS, codes, fewest, related, task
from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import PrivacyWarning

# --- the guarantee --------------------------------------------------------------------------------


def test_batches_orders_and_values_inside_the_set_change_nothing():
    X, y = task(0)
    rng = np.random.default_rng(1)
    for model in MODELS:
        apc = AttributePrivacyClassifier(model, sensitive_feature=1, minimum=0.3).fit(X, y)
        whole = apc.predict(X)
        order = rng.permutation(len(X))
        assert np.array_equal(apc.predict(X[order]), whole[order])
        assert np.array_equal(np.concatenate([apc.predict(x[None]) for x in X[:10]]), whole[:10])
        share = apc.predict_proba(X)
        assert np.array_equal(apc.classes_[share.argmax(axis=1)], whole)
        assert share.sum(axis=1) == pytest.approx(np.ones(len(X)))
        moved = X.copy()
        moved[:, 1] = rng.uniform(*apc.bounds_, size=len(X))
        stays = apc.predict(moved) == whole
        assert np.array_equal(apc.predict_proba(moved)[stays], share[stays])


def test_values_at_and_beyond_the_bounds():
    X, y = task(0)
    apc = AttributePrivacyClassifier(
        DecisionTreeClassifier(random_state=0), sensitive_feature=1, minimum=0.25
    ).fit(X, y)
    ends = np.repeat(X[:5], 4, axis=0)
    low, high = apc.bounds_
    ends[:, 1] = np.tile([low - 100, low, high, high + 100], 5)
    labels = apc.predict(ends).reshape(5, 4)
    assert np.array_equal(labels[:, 0], labels[:, 1])
    assert np.array_equal(labels[:, 2], labels[:, 3])


def test_no_minimum_to_speak_of_is_the_model_itself():
    X, y = task(0)
    tree = DecisionTreeClassifier(random_state=0).fit(X, y)
    apc = AttributePrivacyClassifier(FrozenEstimator(tree), sensitive_feature=1, minimum=1e-9).fit(
        X, y
    )
    assert np.array_equal(apc.predict(X), tree.predict(X))


def test_the_whole_range_makes_the_label_ignore_the_feature():
    X, y = task(0)
    apc = AttributePrivacyClassifier(sensitive_feature=1, minimum=1.0).fit(X, y)
    moved = X.copy()
    moved[:, 1] = np.random.default_rng(0).permutation(X[:, 1])
    assert np.array_equal(apc.predict(moved), apc.predict(X))
    with pytest.warns(PrivacyWarning, match="more than the whole range"):
        AttributePrivacyClassifier(sensitive_feature=1, minimum=1e3, unit="length").fit(X, y)


def test_categories():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"city": rng.choice(list("abcde"), 400), "age": rng.normal(size=400)})
    y = np.where((X["city"] == "a") ^ (X["age"] > 0), "yes", "no")
    columns = ColumnTransformer([("c", OneHotEncoder(), ["city"])], remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeClassifier(max_depth=4, random_state=0))
    for arguments, least in (
        ({"minimum": 2, "unit": "categories"}, 2),
        ({"minimum": 0.5, "unit": "share"}, 3),
    ):
        apc = AttributePrivacyClassifier(model, sensitive_feature="city", **arguments).fit(X, y)
        answers = np.stack([apc.predict(X.assign(city=z)) for z in "abcde"], axis=1)
        same = (answers == apc.predict(X)[:, None]).sum(axis=1)
        assert same.min() >= least
        assert np.array_equal(apc.compatible_sets(X).length, same)
    plain = model.fit(X, y)
    answers = np.stack([plain.predict(X.assign(city=z)) for z in "abcde"], axis=1)
    assert (answers == plain.predict(X)[:, None]).sum(axis=1).min() == 1  # "a" is told


@pytest.mark.slow
def test_more_categories_and_labels_than_states_could_be_counted():
    """The minimum of all, 24 of 60 for every label, and of none."""
    rng = np.random.default_rng(0)
    names = np.array([f"c{i:02d}" for i in range(60)])
    X = pd.DataFrame({"code": rng.choice(names, 600), "age": rng.normal(size=600)})
    number = X["code"].str[1:].astype(int).to_numpy()
    y = (number + (X["age"] > 0)) % 4
    columns = ColumnTransformer([("c", OneHotEncoder(), ["code"])], remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(X, y)
    rows = X[:5]

    def answers(**arguments):
        apc = AttributePrivacyClassifier(
            FrozenEstimator(model), sensitive_feature="code", bounds=names, **arguments
        ).fit(X, y)
        every = np.stack([apc.predict(rows.assign(code=name)) for name in names], axis=1)
        assert np.array_equal(
            apc.compatible_sets(rows).length, (every == apc.predict(rows)[:, None]).sum(axis=1)
        )
        return every

    assert fewest(answers(minimum=0.4)).min() >= 24
    assert fewest(answers(minimum=1.0)).min() == 60
    plain = [model.predict(rows.assign(code=name)) for name in names]
    assert np.array_equal(answers(minimum=1, unit="categories"), np.stack(plain, axis=1))


def test_a_search_that_is_not_complete_says_what_is_lost_at_most():
    rng = np.random.default_rng(0)
    names = np.array([f"c{i:02d}" for i in range(28)])
    X = pd.DataFrame({"code": np.tile(names, 5), "age": rng.normal(size=140)})
    y = X["code"].str[1:].astype(int).to_numpy() % 14
    columns = ColumnTransformer([("c", OneHotEncoder(), ["code"])], remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(X, y)
    apc = AttributePrivacyClassifier(
        FrozenEstimator(model),
        sensitive_feature="code",
        minimum=4,
        unit="categories",
        prior="empirical",
    )
    # Each label is right for two categories: half of the agreement is the minimum's own price.
    with pytest.warns(PrivacyWarning, match=r"at most 0\.5 of it is lost") as caught:
        apc.fit(X, y)
    assert [w.filename for w in caught] == [__file__]
    every = np.stack([apc.predict(X[:1].assign(code=name)) for name in names], axis=1)
    assert fewest(every).min() >= 4


def exactly(n_classes):
    """Models whose probabilities are the same for all labels, or are so but for rounding."""
    share = np.full(n_classes, 1 / n_classes)
    return {
        "equal": share,
        "in the last bit": share + np.eye(n_classes)[0] * 1e-16,
        "nearly": share + np.linspace(0, 3e-10, n_classes),
        "two on top": np.r_[0.4, np.full(n_classes - 2, 0.2 / max(n_classes - 2, 1)), 0.4],
    }


class Constant(ClassifierMixin, BaseEstimator):
    """Given probabilities below the middle of the first feature, and turned round above it."""

    def __init__(self, share):
        self.share = share

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        share = self.share / self.share.sum()
        return np.where(np.asarray(X)[:, :1] < 0, share, share[::-1])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.mark.parametrize("n_classes", [2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["equal", "in the last bit", "nearly", "two on top"])
def test_the_released_label_is_the_most_probable_one_alone(n_classes, kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = np.arange(400) % n_classes
    for minimum in (0.01, 0.3, 0.7):
        apc = AttributePrivacyClassifier(
            Constant(exactly(n_classes)[kind]), sensitive_feature=0, minimum=minimum, resolution=16
        ).fit(X, y)
        share, label = apc.predict_proba(X), apc.predict(X)
        own = share[np.arange(400), label]
        others = np.where(np.arange(n_classes) == label[:, None], -1.0, share).max(axis=1)
        assert (own > others).all()
        assert share.sum(axis=1) == pytest.approx(np.ones(400), abs=1e-12)
        assert (share >= 0).all()


def test_the_released_label_is_the_most_probable_one_of_a_voting_model():
    """Votes of an even number of neighbours tie often."""
    X, y = task(1, n=600, n_classes=4)
    for minimum in (0.02, 0.2, 0.5):
        apc = AttributePrivacyClassifier(
            KNeighborsClassifier(4), sensitive_feature=1, minimum=minimum, resolution=32
        ).fit(X, y)
        share, label = apc.predict_proba(X), apc.predict(X)
        assert np.array_equal(apc.classes_[share.argmax(axis=1)], label)
        assert np.array_equal(
            np.concatenate([apc.predict_proba(x[None]) for x in X[:30]]), share[:30]
        )


def test_priors():
    X, y = task(0, n=300)
    X[:, 2] = X[:, 2] > 0
    for prior in ("empirical", "uniform", [2], KernelDensity(bandwidth=0.3)):
        apc = AttributePrivacyClassifier(sensitive_feature=1, prior=prior, minimum=0.3)
        sets = apc.fit(X, y).compatible_sets(X)
        assert (sets.component_length >= 0.3 * (sets.high - sets.low) - 1e-9).all()
    # The population decides where a label that cannot follow the model everywhere follows it.
    X = np.r_[np.full((90, 1), 0.1), np.full((10, 1), 0.9)] * [1, 0]
    X[:, 1] = np.arange(100)
    X = np.r_[X, [[0.0, 0], [1.0, 0]]]
    tree = DecisionTreeClassifier().fit(X[:, :1] * [1, 0], X[:, 0] > 0.2)
    for prior, label in (("empirical", False), ("uniform", True)):
        apc = AttributePrivacyClassifier(
            FrozenEstimator(tree), sensitive_feature=0, minimum=1.0, prior=prior
        ).fit(X, X[:, 0] > 0.2)
        assert (apc.predict(X) == label).all()


# --- priors and levels ----------------------------------------------------------------------------


def test_a_seed_makes_fits_equal():
    X, y = related()
    asked = {"sensitive_feature": 1, "levels": "auto", "random_state": 3}
    one, other = (
        AttributePrivacyClassifier(DecisionTreeClassifier(random_state=0), **asked).fit(X, y)
        for _ in range(2)
    )
    assert np.array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.interval_weight_ == other.interval_weight_


def test_in_searches_and_under_the_transformer():
    X, y = task(0, n=200)
    apc = AttributePrivacyClassifier(
        RandomForestClassifier(8, random_state=0), sensitive_feature=1, resolution=32
    )
    search = GridSearchCV(apc, {"minimum": [0.1, 0.5]}, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2
    apt = AttributePrivacyTransformer(apc.set_params(minimum=0.4), sensitive_feature=1).fit(X, y)
    out = apt.transform(X)
    span = np.ptp(X[:, 1])
    assert (out[:, 2] - out[:, 1] >= 0.4 * span - 1e-9).all()
    both = apt.compatible_sets(X)
    alone = apt.estimator_.compatible_sets(X)
    assert np.array_equal(both.component_length, alone.component_length)


def test_parameters_take_effect_in_fit():
    X, y = task(0)
    model = DecisionTreeClassifier(max_depth=5, random_state=0)
    for fitted, later in (
        ({"unit": "mass"}, {"unit": "share", "prior": "empirical", "minimum": 0.01}),
        ({"unit": "share"}, {"unit": "mass", "prior": "uniform", "levels": "intervals"}),
    ):
        apc = AttributePrivacyClassifier(model, sensitive_feature=1, random_state=0, **fitted)
        before = apc.fit(X, y).compatible_sets(X)
        after = apc.set_params(**later).compatible_sets(X)
        assert np.array_equal(before.label, after.label)
        assert before.intervals == after.intervals
        assert apc.guarantee_ == ("x1", 0.2, fitted["unit"])


def test_rows_of_no_weight_are_in_no_range():
    X, y = related()
    X[:5, 1] = 50.0  # beyond all others
    weight = np.r_[np.zeros(5), np.ones(len(y) - 5)]
    for levels in ("model", "intervals", "auto"):
        apc = AttributePrivacyClassifier(
            DecisionTreeClassifier(max_depth=5, random_state=0), sensitive_feature=1, levels=levels
        ).fit(X, y, sample_weight=weight)
        assert apc.bounds_ == (X[5:, 1].min(), X[5:, 1].max())
        assert apc.compatible_sets(X).component_length.min() >= apc.minimum_ - 1e-9


def test_the_same_rows_give_the_same_release_again():
    X, y = related()
    apc = AttributePrivacyClassifier(
        DecisionTreeClassifier(max_depth=5, random_state=0), sensitive_feature=1, levels="auto"
    )
    first = apc.fit(X, y).compatible_sets(X)
    again = clone(apc).fit(X, y).compatible_sets(X)
    assert np.array_equal(first.label, again.label)
    assert first.intervals == again.intervals


RELEASED = {
    "numbers": (DecisionTreeClassifier(max_depth=4, random_state=0), {"minimum": 0.3}),
    "intervals": (GaussianNB(), {"levels": "intervals", "resolution": 16}),
    "mass": (GaussianNB(), {"unit": "mass", "resolution": 16}),
    "columns": (GaussianNB(), {"prior": [1], "resolution": 16}),
    "categories": (
        make_pipeline(
            ColumnTransformer([("s", OneHotEncoder(), ["s"])], remainder="passthrough"),
            LogisticRegression(),
        ),
        {"sensitive_feature": "s", "minimum": 2, "unit": "categories"},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RELEASED)
def test_the_release_is_the_classifiers_and_outlives_a_pickle(name):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=120), "b": rng.integers(0, 3, 120)})
    X["s"] = rng.choice(list("uvwx"), 120)
    y = (X["a"] + X["b"] + (X["s"] == "u") > 1).astype(int)
    if name != "categories":
        X = X[["a", "b"]].to_numpy()
    model, arguments = RELEASED[name]
    apc = AttributePrivacyClassifier(model, **{"sensitive_feature": 0} | arguments).fit(X, y)
    release = apc.release_
    again = pickle.loads(pickle.dumps(release))
    assert again == release
    assert (
        again
        != AttributePrivacyClassifier(model, **{"sensitive_feature": 0} | arguments)
        .fit(X[:100], y[:100])
        .release_
    )
    assert not release.is_random
    for each in (release, again):
        np.testing.assert_array_equal(each.release(X), apc.predict(X))
        np.testing.assert_array_equal(each.probabilities(X), apc.predict_proba(X))
    runs, own, label = release.along(X)
    np.testing.assert_array_equal(label, apc.predict(X))
    sets = apc.compatible_sets(X)
    np.testing.assert_array_equal(release.symbols[own], sets.label)
    mine = runs.where(runs.symbol == own[runs.row])
    np.testing.assert_array_equal(
        [mine.row, mine.low, mine.high], [sets.row, sets.start, sets.stop]
    )
    assert release.feature is apc.feature_


@pytest.mark.parametrize(
    ("arguments", "least"),
    [
        ({"minimum": 0.2}, 2),  # of six values: one would be less than a fifth
        ({"minimum": 0.5}, 3),
        ({"minimum": 1.5, "unit": "length"}, 2),
        ({"minimum": 3, "unit": "length"}, 3),
    ],
)
def test_a_minimum_over_whole_numbers_promises_so_many_of_them(arguments, least):
    X, _ = codes()
    y = (X[:, 0] == 2).astype(int)
    tree = DecisionTreeClassifier(max_depth=3)
    apc = AttributePrivacyClassifier(tree, sensitive_feature=0, **arguments).fit(X, y)
    assert apc.minimum_ == least
    sets = apc.compatible_sets(X)
    assert sets.component_length.min() >= least
    released = apc.predict(X)
    for i in range(0, 600, 60):  # by nothing but predict
        copies = np.repeat(X[i : i + 1], 6, axis=0)
        copies[:, 0] = np.arange(6)
        same = apc.predict(copies) == released[i]
        changes = np.flatnonzero(~same)
        own = int(X[i, 0])
        below = changes[changes < own].max(initial=-1)
        above = changes[changes > own].min(initial=6)
        assert above - below - 1 >= least
        assert above - below - 1 == sets.component_length[i]


def test_a_prior_must_not_know_the_sensitive_feature():
    rows = np.repeat(np.arange(20.0)[:, None], 2, axis=1)
    clf = AttributePrivacyClassifier(
        small.tree(None), sensitive_feature=0, minimum=0.4, prior=[1, 0]
    )
    with pytest.raises(ValueError, match="names the sensitive feature, 'x0'"):
        clf.fit(rows, (rows[:, 0] // 2) % 2)


@pytest.mark.parametrize("threshold", [0.1, 0.9])
def test_a_threshold_is_kept_by_the_minimum_and_missed_by_soft_votes(threshold):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2))
    labels = (rows.sum(axis=1) + rng.normal(size=300) > 0).astype(int)
    model = FixedThresholdClassifier(LogisticRegression(), threshold=threshold)
    plain = clone(model).fit(rows, labels)
    apc = AttributePrivacyClassifier(model, sensitive_feature=0, minimum=0.001).fit(rows, labels)
    own = compatible_sets(plain, rows, sensitive_feature=0)
    low, high = own.own_interval()  # a smaller run than the minimum, or a cell of 256, is not kept
    cell = (own.high - own.low) / 256
    far = (rows[:, 0] - low > cell) | (low == own.low)
    far &= (high - rows[:, 0] > cell) | (high == own.high)
    assert far.sum() > 250
    assert np.array_equal(apc.predict(rows)[far], plain.predict(rows)[far])
    with pytest.warns(PrivacyWarning, match="has a threshold of its own"):
        RobustPrivacyClassifier(model, voting="soft", random_state=0).fit(rows, labels)


ROWS_RNG = np.random.default_rng(0)
ROWS = ROWS_RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


def test_a_value_beyond_bounds_is_answered_as_the_nearest_inside():
    """A refusal of one person's value would tell about it."""
    apc = AttributePrivacyClassifier(sensitive_feature=0, bounds=(-9, 9)).fit(ROWS, LABELS)
    rows = ROWS.copy()
    rows[:, 0] = 9
    beyond = ROWS.copy()
    beyond[:, 0] = 1e6
    np.testing.assert_array_equal(apc.predict(beyond), apc.predict(rows))
    with pytest.raises(ValueError, match="outside bounds"):
        apc.fit(beyond, LABELS)


def bad(**changes):
    refit(AttributePrivacyClassifier(**({"sensitive_feature": 1} | changes)), *task(0))


def bad_category(**changes):
    X = pd.DataFrame({"g": list("abab"), "x": [1.0, 2, 3, 4]})
    refit(AttributePrivacyClassifier(sensitive_feature="g", **changes), X, [0, 1, 0, 1])


REFUSED = [
    ("AttributePrivacyClassifier: minimum=0", lambda: bad(minimum=0), ValueError, "'minimum' parameter"),
    ("AttributePrivacyClassifier: minimum=-1", lambda: bad(minimum=-1), ValueError, "'minimum' parameter"),
    ("AttributePrivacyClassifier: minimum='half'", lambda: bad(minimum="half"), ValueError, "'minimum' parameter"),
    ("AttributePrivacyClassifier: minimum=1.5", lambda: bad(minimum=1.5), ValueError, r"a share is in \(0, 1\]"),
    ("AttributePrivacyClassifier: minimum=inf, unit='length'", lambda: bad(minimum=np.inf, unit="length"), ValueError, "minimum"),
    ("AttributePrivacyClassifier: minimum=2, unit='mass'", lambda: bad(minimum=2, unit="mass"), ValueError, r"a share is in \(0, 1\]"),
    ("AttributePrivacyClassifier: minimum=2, unit='categories'", lambda: bad(minimum=2, unit="categories"), ValueError, "not allowed for the numeric feature"),
    ("AttributePrivacyClassifier: unit='points'", lambda: bad(unit="points"), ValueError, "'unit' parameter"),
    ("AttributePrivacyClassifier: prior='even'", lambda: bad(prior="even"), ValueError, "prior='even' is not allowed"),
    ("AttributePrivacyClassifier: prior=3", lambda: bad(prior=3), TypeError, "prior=3 is not allowed"),
    ("AttributePrivacyClassifier: prior={0: 0.5, 1: 0.5}", lambda: bad(prior={0: 0.5, 1: 0.5}), TypeError, "is not allowed: give 'conditional'"),
    ("AttributePrivacyClassifier: bounds={-5: 0.5, 5: 0.5}", lambda: bad(bounds={-5: 0.5, 5: 0.5}), ValueError, "bounds names position -5"),
    ("AttributePrivacyClassifier: prior=[]", lambda: bad(prior=[]), ValueError, r"prior=\[\] is not allowed: name columns"),
    ("AttributePrivacyClassifier: prior=[9]", lambda: bad(prior=[9]), ValueError, "prior names position 9"),
    ("AttributePrivacyClassifier: prior=SimpleImputer()", lambda: bad(prior=SimpleImputer()), TypeError, "needs predict_proba, predict or score_samples"),
    ("AttributePrivacyClassifier: levels='mean'", lambda: bad(levels="mean"), ValueError, "'levels' parameter"),
    ("AttributePrivacyClassifier: levels='intervals', estimator=make_pipeline(FrozenEstimator(GaussianNB()))", lambda: bad(levels="intervals", estimator=make_pipeline(FrozenEstimator(GaussianNB()))), ValueError, "a part of it is frozen"),
    ("AttributePrivacyClassifier: resolution=0", lambda: bad(resolution=0), ValueError, "'resolution' parameter"),
    ("AttributePrivacyClassifier: bounds=(1, 0)", lambda: bad(bounds=(1, 0)), ValueError, "low must be below high"),
    ("AttributePrivacyClassifier: sensitive_feature=7", lambda: bad(sensitive_feature=7), ValueError, "sensitive_feature names position 7"),
    ("AttributePrivacyClassifier of a category: unit='length'", lambda: bad_category(unit="length"), ValueError, "not allowed for the categorical feature"),
    ("AttributePrivacyClassifier of a category: unit='categories', minimum=1.5", lambda: bad_category(unit="categories", minimum=1.5), ValueError, "whole number"),
    ("AttributePrivacyClassifier of a category: prior=KernelDensity()", lambda: bad_category(prior=KernelDensity()), ValueError, "which a categorical feature has not"),
    ("AttributePrivacyClassifier of a category: prior=LinearRegression()", lambda: bad_category(prior=LinearRegression()), ValueError, "give a classifier with predict_proba"),
    ("AttributePrivacyClassifier of a category: levels='intervals'", lambda: bad_category(levels="intervals"), ValueError, "which has no runs"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
