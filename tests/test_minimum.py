"""AttributePrivacyClassifier: the optimum against exhaustive search, the minimum by brute force."""

import pickle
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import Bounds, LinearConstraint, milp
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity, KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute.partition import (
    best_assignment,
    best_runs,
    enumerates,
    last_starts,
    random_pieces,
)
from sklearn_rp.exceptions import PrivacyWarning


def runs(labels):
    """(label, first cell, cell after the last) of each maximal run."""
    cuts = [0, *(np.flatnonzero(np.diff(labels)) + 1), len(labels)]
    return [(labels[a], a, b) for a, b in pairwise(cuts)]


def worth(gain, labels):
    return gain[np.arange(len(labels)), labels].sum()


@given(
    seed=st.integers(0, 2**32 - 1),
    n_cells=st.integers(1, 9),
    n_labels=st.integers(2, 4),
    least=st.floats(0.01, 1.2),
)
@settings(max_examples=60, deadline=None)
def test_runs_are_the_optimum_of_an_exhaustive_search(seed, n_cells, n_labels, least):
    if n_labels**n_cells > 70_000:
        n_cells = 8 if n_labels == 4 else 9
    rng = np.random.default_rng(seed)
    edges = np.r_[0.0, np.sort(rng.uniform(size=n_cells - 1)), 1.0]
    gain = rng.uniform(size=(3, n_cells, n_labels))
    found = best_runs(gain, last_starts(edges, least))
    every = np.array(list(product(range(n_labels), repeat=n_cells)))
    fits = [
        all(edges[b] - edges[a] >= least - 1e-12 for _, a, b in runs(row))
        or (least > 1 and len(set(row)) == 1)
        for row in every
    ]
    for g, labels in zip(gain, found, strict=True):
        best = max(worth(g, row) for row in every[fits])
        assert worth(g, labels) == pytest.approx(best)
        assert any(np.array_equal(labels, row) for row in every[fits])


def test_runs_of_twelve_cells():
    rng = np.random.default_rng(0)
    edges = np.linspace(0, 1, 13)
    every = np.array(list(product(range(2), repeat=12)))
    for least in (0.15, 0.25, 0.5, 0.6):
        fits = every[[all(b - a >= least * 12 - 1e-9 for _, a, b in runs(r)) for r in every]]
        gain = rng.uniform(size=(20, 12, 2))
        found = best_runs(gain, last_starts(edges, least))
        for g, labels in zip(gain, found, strict=True):
            assert worth(g, labels) == pytest.approx(max(worth(g, r) for r in fits))


def test_runs_of_a_mass_that_is_each_rows_own():
    rng = np.random.default_rng(0)
    every = np.array(list(product(range(2), repeat=9)))
    for least in (0.05, 0.3, 0.5, 1.0):
        weights = rng.dirichlet(np.full(9, 0.5), size=25)
        gain = rng.uniform(size=(25, 9, 2))
        found = best_runs(
            gain, last_starts(np.cumsum(np.pad(weights, ((0, 0), (1, 0))), axis=1), least)
        )
        for g, w, labels in zip(gain, weights, found, strict=True):
            fits = [min(w[a:b].sum() for _, a, b in runs(row)) >= least - 1e-12 for row in every]
            assert worth(g, labels) == pytest.approx(max(worth(g, row) for row in every[fits]))
            assert min(w[a:b].sum() for _, a, b in runs(labels)) >= least - 1e-12


def fewest(labels):
    """Fewest categories of a label that is used, in each row."""
    return np.array([np.unique(row, return_counts=True)[1].min() for row in labels])


@given(
    seed=st.integers(0, 2**32 - 1),
    n_categories=st.integers(2, 7),
    n_labels=st.integers(2, 4),
    least=st.integers(1, 8),
    digits=st.sampled_from([0, 1, 9]),  # gains that are often equal, and such that never are
)
@settings(max_examples=80, deadline=None)
def test_assignments_are_the_optimum_of_an_exhaustive_search(
    seed, n_categories, n_labels, least, digits
):
    rng = np.random.default_rng(seed)
    gain = rng.uniform(size=(4, n_categories, n_labels)).round(digits)
    found = best_assignment(gain, least)
    every = np.array(list(product(range(n_labels), repeat=n_categories)))
    enough = min(least, n_categories)
    fits = every[fewest(every) >= enough]
    total = gain[:, np.arange(n_categories), fits].sum(axis=2).max(axis=1)
    assert [worth(*both) for both in zip(gain, found, strict=True)] == pytest.approx(total)
    assert fewest(found).min() >= enough


def test_assignments_of_a_row_do_not_depend_on_the_others():
    rng = np.random.default_rng(0)
    for n_labels, least in ((4, 6), (14, 3)):
        gain = rng.integers(0, 4, size=(12, 16, n_labels)) / 10
        alone = [best_assignment(row[None], least)[0] for row in gain]
        assert np.array_equal(best_assignment(gain, least), alone)


@pytest.mark.parametrize(("n_categories", "n_labels", "least"), [(60, 4, 24), (30, 6, 7)])
def test_many_categories_are_the_optimum_of_an_integer_program(n_categories, n_labels, least):
    rng = np.random.default_rng(0)
    gain = rng.dirichlet(np.full(n_labels, 0.5), size=(3, n_categories))
    labels = best_assignment(gain, least)
    assert fewest(labels).min() >= least
    # Which label a category has, and whether a label is used: at least so often, or not at all.
    one_each = np.kron(np.eye(n_categories), np.ones(n_labels))
    count = np.kron(np.ones(n_categories), np.eye(n_labels))
    used = np.eye(n_labels)
    rules = [
        LinearConstraint(np.c_[one_each, np.zeros((n_categories, n_labels))], 1, 1),
        LinearConstraint(np.c_[count, -least * used], 0, np.inf),
        LinearConstraint(np.c_[count, -n_categories * used], -np.inf, 0),
    ]
    for g, found in zip(gain, labels, strict=True):
        cost = np.r_[-g.ravel(), np.zeros(n_labels)]
        best = milp(cost, integrality=np.ones_like(cost), bounds=Bounds(0, 1), constraints=rules)
        assert worth(g, found) == pytest.approx(-best.fun)


def test_any_label_may_have_a_single_category():
    gain = np.random.default_rng(0).uniform(size=(5, 30, 25))
    assert np.array_equal(best_assignment(gain, 1), gain.argmax(axis=2))
    assert enumerates(30, 25, 1)


def test_too_many_labels_to_try_every_set_of_them():
    """The minimum holds all the same, and no single label is better."""
    assert enumerates(60, 13, 2)
    assert not enumerates(60, 14, 2)
    assert enumerates(60, 100, 24)  # two at most are used at once: 5050 sets
    rng = np.random.default_rng(0)
    for least in (2, 5, 16):
        gain = rng.dirichlet(np.full(40, 0.1), size=(4, 60))
        assert not enumerates(60, 40, least)
        labels = best_assignment(gain, least)
        assert fewest(labels).min() >= least
        kept = np.array([worth(*both) for both in zip(gain, labels, strict=True)])
        assert (kept > gain.sum(axis=1).max(axis=1)).all()


def merge_short_runs(labels, edges, least):
    """The simple repair: give the shortest run that is too short to its longer neighbour."""
    labels = labels.copy()
    while True:
        found = runs(labels)
        short = [(edges[b] - edges[a], a, b) for _, a, b in found if edges[b] - edges[a] < least]
        if not short or len(found) == 1:
            return labels
        _, a, b = min(short)
        left = next((r for r in found if r[2] == a), None)
        right = next((r for r in found if r[1] == b), None)
        longest = max(
            (r for r in (left, right) if r is not None), key=lambda r: edges[r[2]] - edges[r[1]]
        )
        labels[a:b] = longest[0]


def test_never_worse_than_the_simple_repairs():
    rng = np.random.default_rng(0)
    n_cells, least = 60, 0.2
    edges = np.linspace(0, 1, n_cells + 1)
    gain = np.cumsum(rng.normal(size=(200, n_cells, 3)), axis=1)
    gain = np.exp(gain - gain.max(axis=2, keepdims=True))
    gain /= gain.sum(axis=2, keepdims=True)
    ours = best_runs(gain, last_starts(edges, least))
    better = 0
    for g, labels in zip(gain, ours, strict=True):
        merged = merge_short_runs(g.argmax(axis=1), edges, least)
        constant = max(g[:, c].sum() for c in range(3))  # suppressing all labels but one
        assert worth(g, labels) >= max(worth(g, merged), constant) - 1e-9
        better += worth(g, labels) > worth(g, merged) + 1e-9
    assert better > 20


# --- the guarantee --------------------------------------------------------------------------------

MODELS = [
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(8, random_state=0),
    HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=3),
    LogisticRegression(),
    GaussianNB(),
    KNeighborsClassifier(3),
    LinearSVC(),  # no probabilities
    RobustPrivacyClassifier(DecisionTreeClassifier(random_state=0), noise_features=[1]),
]


def task(seed, n=80, n_classes=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    score = np.sin(4 * X[:, 1]) + X[:, 0] + 0.3 * rng.normal(size=n)
    return X, np.digitize(score, np.linspace(-1, 1, n_classes + 1)[1:-1])


@given(
    number=st.integers(0, len(MODELS) - 1),
    seed=st.integers(0, 2**32 - 1),
    minimum=st.floats(0.02, 0.7),
    unit=st.sampled_from(["share", "length", "mass"]),
)
@settings(max_examples=40, deadline=None)
def test_the_minimum_holds_for_every_row_by_brute_force(number, seed, minimum, unit):
    X, y = task(seed)
    column = 1
    apc = AttributePrivacyClassifier(
        MODELS[number],
        sensitive_feature=column,
        minimum=minimum,
        unit=unit,
        resolution=40,
        prior="empirical",  # under which mass is the training population's
    ).fit(X, y)
    low, high = apc.bounds_
    rows = X[:12]
    z = np.linspace(low, high, 601)
    copies = np.repeat(rows, len(z), axis=0)
    copies[:, column] = np.tile(z, len(rows))
    labels = apc.predict(copies).reshape(len(rows), -1)
    released = apc.predict(rows)
    step = z[1] - z[0]
    for row, label, own in zip(labels, released, rows[:, column], strict=True):
        k = int(np.clip(round((own - low) / step), 0, 600))
        # The run of the fine grid around the row's own value, give or take a step at its ends.
        same = row == label
        near = [i for i in (k, k - 1, k + 1) if 0 <= i <= 600 and same[i]]
        assert near
        a = b = near[0]
        while a > 0 and same[a - 1]:
            a -= 1
        while b < 600 and same[b + 1]:
            b += 1
        start, stop = z[max(a - 1, 0)], z[min(b + 1, 600)]
        if unit == "mass":
            share = np.mean((X[:, column] >= start) & (X[:, column] <= stop))
            assert share >= minimum - 1e-9
        else:
            assert stop - start >= minimum * ((high - low) if unit == "share" else 1.0) - 1e-9
    sets = apc.compatible_sets(X)
    assert np.array_equal(sets.label, apc.predict(X))
    if unit != "mass":
        needed = minimum * ((high - low) if unit == "share" else 1.0)
        assert (sets.component_length >= min(needed, high - low) - 1e-9).all()
        assert np.array_equal(sets.certified_inner, sets.length)


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

PRIORS = {
    "conditional": "conditional",
    "empirical": "empirical",
    "uniform": "uniform",
    "columns": [2],
    "density": KernelDensity(bandwidth=0.5),
    "regressor": LinearRegression(),
    "classifier": DecisionTreeClassifier(max_depth=3, random_state=0),
}


def related(n=120, integers=False):
    """Rows whose sensitive feature, the second, has to do with the others; and labels."""
    X, y = task(1, n=n)
    X[:, 2] = X[:, 2] > 0
    X[:, 1] += X[:, 0] + X[:, 2]
    if integers:
        X[:, 1] = np.round(4 * X[:, 1])
    return X, y


def check_every_run(apc, rows, n_values):
    """No run below the minimum, no probability that moves inside its set: asked value by value."""
    low, high = apc.bounds_
    prior = apc.attribute_prior(rows)
    sets = apc.compatible_sets(rows)
    z = np.linspace(low - 1, high + 1, n_values)
    if sets.domain == "integer":
        z = np.round(z)
    z = np.unique(np.r_[z, prior.values, sets.start, sets.stop])
    copies = np.repeat(rows, len(z), axis=0)
    copies[:, 1] = np.tile(z, len(rows))
    answers = apc.predict(copies)
    assert np.array_equal(apc.predict(rows), sets.label)
    share = apc.predict_proba(copies)
    number = np.searchsorted(apc.classes_, answers)
    assert np.array_equal(share.argmax(axis=1), number)
    number = number.reshape(len(rows), -1)
    place = np.searchsorted(z, prior.values)
    inside = np.clip(z, low, high)
    for k, labels in enumerate(number):
        probability = share[k * len(z) : (k + 1) * len(z)]
        for label in np.unique(labels):
            assert len(np.unique(probability[labels == label], axis=0)) == 1
        for _, a, b in runs(labels):
            if apc.unit == "mass" and apc.prior != "empirical":
                extent = prior.weights[k, (place >= a) & (place < b)].sum()
            elif apc.unit == "mass":
                continue  # of the training population: see above
            elif sets.domain == "integer":
                extent = inside[b - 1] - inside[a] + 1
            else:
                extent = inside[b - 1] - inside[a]
            assert extent >= apc.minimum_ - 1e-9


@pytest.mark.parametrize("levels", ["model", "intervals", "auto"])
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("unit", ["share", "length", "mass"])
def test_the_minimum_holds_with_every_prior_and_all_levels(unit, prior, levels):
    for integers in (False, True):
        X, y = related(integers=integers)
        apc = AttributePrivacyClassifier(
            DecisionTreeClassifier(max_depth=5, random_state=0),
            sensitive_feature=1,
            minimum=4 if integers and unit == "length" else 0.3,
            unit=unit,
            prior=PRIORS[prior],
            levels=levels,
            random_state=0,
        ).fit(X, y)
        check_every_run(apc, X[:15], 200)


@pytest.mark.slow
@pytest.mark.parametrize("levels", ["model", "intervals", "auto"])
@pytest.mark.parametrize(
    ("unit", "prior"),
    [("share", "conditional"), ("length", "conditional"), *(("mass", prior) for prior in PRIORS)],
)
def test_the_minimum_holds_for_ten_thousand_rows(unit, prior, levels):
    X, y = related(n=10_000)
    asked = {"sensitive_feature": 1, "minimum": 0.3, "unit": unit, "levels": levels}
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    apc = AttributePrivacyClassifier(tree, prior=PRIORS[prior], random_state=0, **asked).fit(X, y)
    for start in range(0, len(X), 1_000):
        check_every_run(apc, X[start : start + 1_000], 400)


@pytest.mark.parametrize("prior", ["conditional", "empirical", "classifier"])
def test_a_learnt_prior_weighs_its_rows(prior):
    X, y = related()
    low = X[:, 1] < np.median(X[:, 1])
    apc = AttributePrivacyClassifier(sensitive_feature=1, prior=PRIORS[prior], random_state=0)
    alike = apc.fit(X, y).attribute_prior(X)
    heavy = apc.fit(X, y, sample_weight=np.where(low, 50.0, 1.0)).attribute_prior(X)
    below = alike.values < np.median(X[:, 1])
    assert 0.3 < alike.weights[:, below].sum(axis=1).mean() < 0.7
    assert heavy.weights[:, below].sum(axis=1).mean() > 0.85


@pytest.mark.parametrize("prior", PRIORS)
def test_no_prior_looks_at_the_own_value(prior):
    X, y = related()
    apc = AttributePrivacyClassifier(
        sensitive_feature=1, prior=PRIORS[prior], resolution=50, random_state=0
    ).fit(X, y)
    before = apc.attribute_prior(X).weights
    moved = X.copy()
    moved[:, 1] = np.random.default_rng(0).permutation(X[:, 1])
    assert np.array_equal(apc.attribute_prior(moved).weights, before)
    one_by_one = [apc.attribute_prior(x[None]).weights[0] for x in X[:9]]
    assert np.array_equal(one_by_one, before[:9])
    assert (before > 0).all()
    assert before.sum(axis=1) == pytest.approx(np.ones(len(X)))


def two_groups(n=200):
    """A sensitive feature, below 1 or above 9, that the other one all but gives away."""
    group = np.arange(n) % 2
    part = np.where(np.arange(n) % 20 == 0, 1, group)  # a tree that looks for it splits the feature
    z = np.random.default_rng(0).uniform(size=n) + 9 * part
    return np.column_stack([z, group]), part


@pytest.mark.parametrize(
    "prior", ["conditional", LinearRegression(), DecisionTreeClassifier(random_state=0)]
)
def test_a_learnt_prior_knows_what_the_other_features_tell(prior):
    X, y = two_groups()
    apc = AttributePrivacyClassifier(
        DecisionTreeClassifier(random_state=0),
        sensitive_feature=0,
        minimum=1.0,
        prior=prior,
        domain="continuous",
        random_state=0,
    ).fit(X, y)
    known = apc.attribute_prior(X)
    upper = known.weights[:, known.values > 5].sum(axis=1)
    assert (np.abs(upper - X[:, 1]) < 0.2).all()
    # One answer for all values of the feature: the one for the values that such people have.
    assert np.array_equal(apc.predict(X), X[:, 1])


def test_a_learnt_prior_of_categories():
    X, y = two_groups()
    X = pd.DataFrame({"part": np.where(X[:, 0] > 5, "high", "low"), "group": X[:, 1]})
    columns = ColumnTransformer([("c", OneHotEncoder(), ["part"])], remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeClassifier(random_state=0))
    for prior in ("conditional", GaussianNB()):
        apc = AttributePrivacyClassifier(model, sensitive_feature="part", prior=prior)
        known = apc.fit(X, y).attribute_prior(X)
        assert known.values.tolist() == ["high", "low"]
        assert (np.abs(known.weights[:, 0] - X["group"]) < 0.2).all()


def test_a_prior_is_learnt_from_text_and_around_gaps():
    X, y = two_groups()
    frame = pd.DataFrame(
        {
            "z": X[:, 0],
            "text": np.where(X[:, 1] == 1, "yes", "no"),
            "gaps": np.where(np.arange(len(X)) % 3 == 0, np.nan, 1.0),
            "none": pd.Series(["a", None] * (len(X) // 2), dtype=object),
            "whole": pd.array([1, None] * (len(X) // 2), dtype="Int64"),
        }
    )
    model = make_pipeline(
        ColumnTransformer([("z", "passthrough", ["z"])]), DecisionTreeClassifier(random_state=0)
    )
    apc = AttributePrivacyClassifier(model, sensitive_feature="z", minimum=1.0, random_state=0)
    apc.fit(frame, y)
    assert np.array_equal(apc.predict(frame), X[:, 1])
    pl = pytest.importorskip("polars")
    other = pl.DataFrame({"z": X[:, 0], "text": frame["text"].tolist()})
    assert np.array_equal(clone(apc).fit(other, y).predict(other), X[:, 1])
    objects = np.array(frame[["z", "text"]], dtype=object)
    bare = AttributePrivacyClassifier(
        make_pipeline(ColumnTransformer([("z", "passthrough", [0])]), GaussianNB()),
        sensitive_feature=0,
        minimum=1.0,
        resolution=20,
        random_state=0,
    ).fit(objects, y)
    assert np.array_equal(bare.predict(objects), X[:, 1])
    unseen = frame.assign(text="never seen")
    assert apc.predict(unseen).shape == y.shape


def test_the_population_is_the_prior_where_nothing_can_be_learnt():
    X, y = two_groups()
    rows = np.r_[:8, 100:108]
    for some, labels in ((X[:, :1], y), (X[rows], y[rows])):
        learnt, everybody = (
            AttributePrivacyClassifier(sensitive_feature=0, prior=prior)
            .fit(some, labels)
            .attribute_prior(some)
            .weights
            for prior in ("conditional", "empirical")
        )
        assert np.array_equal(learnt, everybody)


def test_pieces_are_drawn_without_a_look_at_the_row():
    measure = np.arange(7.0)
    cell = np.tile(np.arange(6), 40_000)
    first, after = random_pieces(measure, cell, 2.0, np.random.RandomState(0))
    assert (first <= cell).all()
    assert (cell < after).all()
    size = after - first
    assert size.min() == 2
    assert size.max() == 6
    tested = 0
    for a, b in np.unique(np.column_stack([first, after]), axis=0):
        count = np.bincount(cell[(first == a) & (after == b)], minlength=6)[a:b]
        if count.sum() > 2_000:
            assert stats.chisquare(count).pvalue > 1e-4
            tested += 1
    assert tested >= 5


def test_answers_learnt_for_the_whole_range_are_those_of_a_model_without_the_feature():
    X, y = related()
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    apc = AttributePrivacyClassifier(
        tree, sensitive_feature=1, minimum=1.0, levels="intervals", random_state=0
    ).fit(X, y)
    without = clone(tree).fit(X[:, [0, 2]], y)
    assert np.array_equal(apc.predict(X), without.predict(X[:, [0, 2]]))
    assert apc.interval_weight_ == 1


def test_held_out_rows_weigh_the_two_answers():
    X, y = two_groups()
    asked = {"sensitive_feature": 0, "minimum": 1.0, "levels": "auto", "random_state": 0}
    tree = DecisionTreeClassifier(random_state=0)
    # Averaged over everybody, the model knows nothing of a row; one trained on pieces does.
    worse = AttributePrivacyClassifier(tree, prior="uniform", **asked).fit(X, y)
    assert worse.interval_weight_ > 0.9
    assert np.array_equal(worse.predict(X), X[:, 1])
    frozen = FrozenEstimator(clone(tree).fit(X, y))
    assert AttributePrivacyClassifier(frozen, **asked).fit(X, y).interval_weight_ == 0
    again = AttributePrivacyClassifier(frozen, **asked | {"levels": "intervals"}).fit(X, y)
    assert np.array_equal(again.predict(X), X[:, 1])
    with pytest.raises(ValueError, match=r"y holds \[7\], which the fitted model does not know"):
        AttributePrivacyClassifier(frozen, **asked | {"levels": "intervals"}).fit(X, y + 6 * y)


def test_answers_for_runs_are_learnt_with_the_weights_of_the_rows():
    X, y = two_groups()
    wrong = np.r_[X, X], np.r_[y, 1 - y]
    weight = np.repeat([1.0, 1e-9], len(X))
    for levels in ("intervals", "auto"):
        apc = AttributePrivacyClassifier(
            DecisionTreeClassifier(max_depth=3, random_state=0),
            sensitive_feature=0,
            minimum=0.2,
            levels=levels,
            random_state=0,
        ).fit(*wrong, sample_weight=weight)
        assert np.array_equal(apc.predict(X), y)


def test_a_seed_makes_fits_equal():
    X, y = related()
    asked = {"sensitive_feature": 1, "levels": "auto", "random_state": 3}
    one, other = (
        AttributePrivacyClassifier(DecisionTreeClassifier(random_state=0), **asked).fit(X, y)
        for _ in range(2)
    )
    assert np.array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.interval_weight_ == other.interval_weight_


@pytest.mark.parametrize("prior", ["conditional", "uniform", "columns", "regressor"])
def test_a_mass_bounds_the_pointwise_maximal_leakage(prior):
    X, y = related()
    for minimum in (0.1, 0.25, 0.5):
        apc = AttributePrivacyClassifier(
            DecisionTreeClassifier(random_state=0),
            sensitive_feature=1,
            minimum=minimum,
            unit="mass",
            prior=PRIORS[prior],
            random_state=0,
        ).fit(X, y)
        sets, known = apc.compatible_sets(X), apc.attribute_prior(X)
        leakage = sets.pointwise_maximal_leakage(known)
        assert (leakage <= np.log2(1 / minimum) + 1e-9).all()
        # By brute force: the probability of the label over all values of the feature.
        copies = np.repeat(X, len(known.values), axis=0)
        copies[:, 1] = np.tile(known.values, len(X))
        same = apc.predict(copies).reshape(len(X), -1) == sets.label[:, None]
        assert leakage == pytest.approx(-np.log2((same * known.weights).sum(axis=1)), abs=1e-9)


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


BAD = [
    ({"minimum": 0}, "'minimum' parameter"),
    ({"minimum": -1}, "'minimum' parameter"),
    ({"minimum": "half"}, "'minimum' parameter"),
    ({"minimum": 1.5}, r"a share is in \(0, 1\]"),
    ({"minimum": np.inf, "unit": "length"}, "minimum"),
    ({"minimum": 2, "unit": "mass"}, r"a share is in \(0, 1\]"),
    ({"minimum": 2, "unit": "categories"}, "not allowed for the numeric feature"),
    ({"unit": "points"}, "'unit' parameter"),
    ({"prior": "even"}, "prior='even' is not allowed"),
    ({"prior": 3}, "prior=3 is not allowed"),
    ({"prior": {0: 0.5, 1: 0.5}}, "is not allowed: give 'conditional'"),
    ({"bounds": {-5: 0.5, 5: 0.5}}, r"give \(low, high\)"),
    ({"prior": [9]}, "prior names position 9"),
    ({"prior": SimpleImputer()}, "needs predict_proba, predict or score_samples"),
    ({"levels": "mean"}, "'levels' parameter"),
    (
        {"levels": "intervals", "estimator": make_pipeline(FrozenEstimator(GaussianNB()))},
        "a part of it is frozen",
    ),
    ({"resolution": 0}, "'resolution' parameter"),
    ({"bounds": (1, 0)}, "low must be below high"),
    ({"sensitive_feature": 7}, "sensitive_feature names position 7"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_bad_parameters(changes, message):
    X, y = task(0)
    apc = AttributePrivacyClassifier(**({"sensitive_feature": 1} | changes))
    before = dict(vars(apc))
    with pytest.raises((ValueError, TypeError), match=message):
        apc.fit(X, y)
    assert vars(apc) == before


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


def test_bad_units_of_a_categorical_feature():
    X = pd.DataFrame({"g": list("abab"), "x": [1.0, 2, 3, 4]})
    for changes, message in (
        ({"unit": "length"}, "not allowed for the categorical feature"),
        ({"unit": "categories", "minimum": 1.5}, "whole number"),
        ({"prior": KernelDensity()}, "which a categorical feature has not"),
        ({"prior": LinearRegression()}, "give a classifier with predict_proba"),
        ({"levels": "intervals"}, "which has no runs"),
    ):
        with pytest.raises(ValueError, match=message):
            AttributePrivacyClassifier(sensitive_feature="g", **changes).fit(X, [0, 1, 0, 1])


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


class Watched(LogisticRegression):
    def fit(self, X, y, sample_weight=None, eval_set=()):
        self.eval_set_ = eval_set
        return super().fit(X, y, sample_weight)


def test_what_fit_is_given_beside_the_rows_is_passed_on_to_the_second_model():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = (X.sum(axis=1) > 0).astype(int)
    apc = AttributePrivacyClassifier(Watched(), sensitive_feature=0, levels="intervals")
    apc.fit(X, y, eval_set=[(X[:7], y[:7])])
    for model in (apc.estimator_, apc.release_.run_model):
        ((rows, labels),) = model.eval_set_
        assert rows.shape == (7, 2)
        assert labels.shape == (7,)


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
    runs, own = release.along(X)
    sets = apc.compatible_sets(X)
    np.testing.assert_array_equal(release.symbols[own], sets.label)
    mine = runs.where(runs.symbol == own[runs.row])
    np.testing.assert_array_equal(
        [mine.row, mine.low, mine.high], [sets.row, sets.start, sets.stop]
    )
    assert release.feature is apc.feature_
