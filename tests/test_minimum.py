"""AttributePrivacyClassifier: the optimum against exhaustive search, the minimum by brute force."""

from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
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
from sklearn_rp.attribute.measure import last_starts
from sklearn_rp.attribute.partition import best_assignment, best_runs
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


@given(
    seed=st.integers(0, 2**32 - 1),
    n_categories=st.integers(2, 7),
    n_labels=st.integers(2, 3),
    least=st.integers(1, 4),
)
@settings(max_examples=60, deadline=None)
def test_assignments_are_the_optimum_of_an_exhaustive_search(seed, n_categories, n_labels, least):
    gain = np.random.default_rng(seed).uniform(size=(4, n_categories, n_labels))
    found = best_assignment(gain, least)
    every = np.array(list(product(range(n_labels), repeat=n_categories)))
    enough = min(least, n_categories)
    fits = every[[min(np.unique(r, return_counts=True)[1]) >= enough for r in every]]
    for g, labels in zip(gain, found, strict=True):
        assert worth(g, labels) == pytest.approx(max(worth(g, row) for row in fits))
        assert min(np.unique(labels, return_counts=True)[1]) >= enough


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
        MODELS[number], sensitive_feature=column, minimum=minimum, unit=unit, resolution=40
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
    ({"prior": [9]}, "prior names position 9"),
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


def test_bad_units_of_a_categorical_feature():
    X = pd.DataFrame({"g": list("abab"), "x": [1.0, 2, 3, 4]})
    for changes, message in (
        ({"unit": "length"}, "not allowed for the categorical feature"),
        ({"unit": "categories", "minimum": 1.5}, "whole number"),
        ({"prior": KernelDensity()}, "which a categorical feature has not"),
    ):
        with pytest.raises(ValueError, match=message):
            AttributePrivacyClassifier(sensitive_feature="g", **changes).fit(X, [0, 1, 0, 1])
