"""Pieces that get one number: against every partition there is."""

import itertools

import numpy as np
import pytest
from scipy import special

from sklearn_rp.attribute.partition import last_starts
from sklearn_rp.attribute.pieces import Loss, best_groups, best_pieces

LOSSES = {
    "mean": Loss(),
    "log": Loss(log=True),
    "median": Loss(0.5),
    "low": Loss(0.1),
    "high": Loss(0.8),
}


def answers(f, loss):
    """Numbers that the loss is about: probabilities, or any."""
    return special.expit(f) if loss.log else f


@pytest.fixture(params=LOSSES)
def loss(request):
    return LOSSES[request.param]


def lost(f, weight, loss):
    """Least loss that one number leaves, by trying all that can be the best."""
    tried = np.r_[f, np.average(f, weights=weight)]
    return min((loss.of(f, t) * weight).sum() for t in tried)


def value(f, weight, number, loss):
    return sum(lost(f[number == g], weight[number == g], loss) for g in np.unique(number))


def partitions(n, last):
    """All partitions of cells into pieces that are long enough."""
    for cuts in itertools.product([False, True], repeat=n - 1):
        ends = [0, *(np.flatnonzero(cuts) + 1).tolist(), n]
        if all(a <= last[b] for a, b in itertools.pairwise(ends)):
            yield np.repeat(np.arange(len(ends) - 1), np.diff(ends))


@pytest.mark.parametrize("seed", range(12))
def test_no_partition_is_better(loss, seed):
    rng = np.random.default_rng(seed)
    n, n_rows = int(rng.integers(2, 10)), 4
    f = rng.normal(size=(n_rows, n)).round(int(rng.integers(0, 4))) * 10.0 ** rng.integers(-3, 4)
    f = answers(f + rng.choice([0.0, 1e6]), loss)
    weight = rng.random((n_rows, n)) + 1e-9
    ends = np.cumsum(np.r_[0, rng.random(n) + 0.1])
    least = ends[-1] * rng.choice([0.15, 0.3, 0.6])
    last = np.searchsorted(ends, ends - least + 1e-12, side="right") - 1
    last[-1] = max(last[-1], 0)
    number = best_pieces(f, weight, last, loss)
    for row in range(n_rows):
        assert any(np.array_equal(number[row], p) for p in partitions(n, last))
        found = value(f[row], weight[row], number[row], loss)
        best = min(value(f[row], weight[row], p, loss) for p in partitions(n, last))
        spread = lost(f[row], weight[row], loss)
        assert found <= best + 1e-9 * spread + 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_where_each_row_has_a_measure_of_its_own(loss, seed):
    rng = np.random.default_rng(100 + seed)
    f, weight = answers(rng.normal(size=(5, 8)), loss), rng.random((5, 8)) + 0.01
    weight /= weight.sum(axis=1, keepdims=True)
    last = last_starts(np.cumsum(np.pad(weight, ((0, 0), (1, 0))), axis=1), 0.3)
    together = best_pieces(f, weight, last, loss)
    for row in range(5):
        alone = best_pieces(f[[row]], weight[[row]], last[row], loss)
        assert np.array_equal(together[[row]], alone)
        best = min(value(f[row], weight[row], p, loss) for p in partitions(8, last[row]))
        assert value(f[row], weight[row], alone[0], loss) <= best + 1e-12


def groupings(n, fewest):
    """All partitions of a set into large enough groups."""
    for number in itertools.product(range(n), repeat=n):
        first = dict.fromkeys(number)
        if list(first) == list(range(len(first))):
            sizes = np.bincount(number)
            if sizes.min() >= min(fewest, n):
                yield np.array(number)


@pytest.mark.parametrize("fewest", [1, 2, 3, 9])
def test_no_grouping_of_categories_is_better(loss, fewest):
    rng = np.random.default_rng(fewest)
    f, weight = answers(rng.normal(size=(6, 5)), loss), rng.random((6, 5)) + 1e-9
    number = best_groups(f, weight, fewest, loss)
    for row in range(6):
        sizes = np.unique(number[row], return_counts=True)[1]
        assert sizes.min() >= min(fewest, 5)
        best = min(value(f[row], weight[row], g, loss) for g in groupings(5, fewest))
        assert value(f[row], weight[row], number[row], loss) <= best + 1e-12


def test_groups_of_many_categories_are_neighbours_in_the_order_of_answers(loss):
    rng = np.random.default_rng(0)
    f = answers(rng.normal(size=(20, 14)), loss)
    number = best_groups(f, np.ones((20, 14)), 3, loss)
    for row in range(20):
        ordered = number[row][np.argsort(f[row])]
        assert (np.diff(ordered) >= 0).all()
        assert np.unique(ordered, return_counts=True)[1].min() >= 3


@pytest.mark.parametrize("seed", range(5))
def test_the_level_is_the_number_with_the_least_loss(loss, seed):
    rng = np.random.default_rng(seed)
    f = answers(rng.normal(size=(3, 9)) + (0 if loss.log else 1e7), loss)
    weight = rng.random((3, 9)) * (rng.random((3, 9)) < 0.7)
    weight[:, 0] += 0.1
    level = loss.level(f, weight)
    for row in range(3):
        near = level[row] + np.linspace(-2, 2, 4001)
        near = near[(near >= 0) & (near <= 1)] if loss.log else near
        least = (loss.of(f[row][:, None], near) * weight[row][:, None]).sum(axis=0).min()
        assert (loss.of(f[row], level[row]) * weight[row]).sum() <= least + 1e-6


@pytest.mark.parametrize("loss", [Loss(), Loss(0.5), Loss(0.9)])
def test_no_piece_is_too_short_whatever_the_size_of_the_answers(loss):
    rng = np.random.default_rng(0)
    f = rng.normal(size=(50, 12)) * 10.0 ** rng.integers(150, 309, size=(50, 1))
    f = np.clip(f, -1e308, 1e308)
    last = np.maximum(np.arange(13) - 3, -1)
    with np.errstate(all="ignore"):
        piece = best_pieces(f, np.full((50, 12), 1 / 12), last, loss)
    for row in piece:
        assert np.bincount(row).min() >= 3
