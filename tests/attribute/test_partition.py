"""Partitions into runs and groups: the optimum, against exhaustive search."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from attribute.tasks import fewest, runs
from sklearn_rp.attribute.partition import (
    best_assignment,
    best_runs,
    enumerates,
    last_starts,
)


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
