"""Partitions of a grid into boxes: against every partition into strips that there is."""

import itertools

import numpy as np
import pytest

from sklearn_rp.attribute.boxes import Axis, LabelWorth, NumberWorth, best_boxes
from sklearn_rp.attribute.pieces import Loss


def axis(n, least):
    last = np.maximum(np.arange(n + 1) - least, -1)
    last[-1] = max(last[-1], 0)
    return Axis(last)


def cuts(n, last):
    """All partitions of a line into stretches that are long enough."""
    for chosen in itertools.product([False, True], repeat=n - 1):
        ends = [0, *(np.flatnonzero(chosen) + 1).tolist(), n]
        if all(a <= last[b] for a, b in itertools.pairwise(ends)):
            yield list(itertools.pairwise(ends))


def groups(n, fewest):
    """All partitions of a set into groups that are large enough, as masks."""
    for number in itertools.product(range(n), repeat=n):
        first = list(dict.fromkeys(number))
        if first == list(range(len(first))):
            sizes = np.bincount(number)
            if sizes.min() >= min(fewest, n):
                yield [np.array(number) == g for g in range(len(first))]


def worth(part, kind):
    """What a box is worth; `part` has shape (n_cells, k)."""
    total = part.sum(axis=0)
    if kind == "labels":
        return total.max()
    mass, mean = total[0], total[1] / total[0]
    if kind == "numbers":
        return mass * mean**2
    entropy = -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean)) if 0 < mean < 1 else 0.0
    return -mass * entropy


def inner(strip, axis, kind):
    """The best way to cut one strip, of shape (n, k) summed up along the other axes."""
    n = len(strip)
    if axis.fewest:
        ways = ([np.flatnonzero(g) for g in way] for way in groups(n, axis.fewest))
    else:
        ways = ([np.arange(a, b) for a, b in way] for way in cuts(n, axis.last_start))
    return max(sum(worth(strip[cells], kind) for cells in way) for way in ways)


def best_by_trying(state, axes, kind):
    """Two axes, both orders."""
    best = -np.inf
    for order in ((0, 1), (1, 0)):
        moved = state if order == (0, 1) else state.transpose(1, 0, 2)
        outer, other = axes[order[0]], axes[order[1]]
        for way in cuts(moved.shape[0], outer.last_start):
            best = max(best, sum(inner(moved[a:b].sum(axis=0), other, kind) for a, b in way))
    return best


def found_worth(state, box, kind):
    flat, number = state.reshape(-1, state.shape[-1]), box.ravel()
    return sum(worth(flat[number == b], kind) for b in np.unique(number))


def drawn(rng, shape, kind):
    if kind == "labels":
        return rng.random((*shape, 3))
    weight = rng.random(shape) + 0.01
    f = rng.random(shape) if kind == "log" else rng.normal(size=shape)
    return np.stack([weight, weight * f], axis=-1)


WORTHS = {
    "labels": LabelWorth(), "numbers": NumberWorth(Loss()), "log": NumberWorth(Loss(log=True))
}  # fmt: skip


@pytest.mark.parametrize("kind", WORTHS)
@pytest.mark.parametrize("seed", range(5))
def test_no_partition_into_strips_is_better(kind, seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(3, 7)), int(rng.integers(3, 7)))
    axes = [axis(n, int(rng.integers(1, 4))) for n in shape]
    state = drawn(rng, (4, *shape), kind)
    box = best_boxes(state, axes, WORTHS[kind])
    for row in range(4):
        best = best_by_trying(state[row], axes, kind)
        assert found_worth(state[row], box[row], kind) == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("kind", WORTHS)
def test_no_partition_beside_categories_is_better(kind):
    rng = np.random.default_rng(7)
    axes = [axis(5, 2), Axis(axis(4, 2).last_start, 2)]
    state = drawn(rng, (6, 5, 4), kind)
    box = best_boxes(state, axes, WORTHS[kind])
    for row in range(6):
        best = best_by_trying(state[row], axes, kind)
        found = found_worth(state[row], box[row], kind)
        assert found >= best - 1e-9


@pytest.mark.parametrize("kind", WORTHS)
@pytest.mark.parametrize("shape", [(5, 6), (4, 4, 4), (7,)])
def test_boxes_are_boxes_with_long_enough_sides(kind, shape):
    rng = np.random.default_rng(1)
    least = [2, 3, 2][: len(shape)]
    axes = [axis(n, m) for n, m in zip(shape, least, strict=True)]
    box = best_boxes(drawn(rng, (20, *shape), kind), axes, WORTHS[kind])
    for row in box:
        assert row.ravel()[0] == 0
        assert set(np.unique(row)) == set(range(row.max() + 1))
        for number in range(row.max() + 1):
            cells = np.argwhere(row == number)
            low, after = cells.min(axis=0), cells.max(axis=0) + 1
            assert len(cells) == np.prod(after - low)  # all of its hull
            for j, n in enumerate(shape):
                assert after[j] - low[j] >= least[j] or (low[j], after[j]) == (0, n)


def test_how_far_from_the_best_guillotine_partition():
    """Strips are not all: cuts of cuts may be worth more, of answers without any order in them."""
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(20):
        state = drawn(rng, (1, 8, 8), "numbers")
        axes = [axis(8, 2), axis(8, 2)]
        box = best_boxes(state, axes, WORTHS["numbers"])
        ours = found_worth(state[0], box[0], "numbers")
        best = guillotine(state[0], (0, 8, 0, 8), {})
        assert ours <= best + 1e-9
        alone = worth(state[0].reshape(-1, 2), "numbers")
        ratios.append((ours - alone) / (best - alone))
    assert np.mean(ratios) > 0.9


def guillotine(state, part, known):
    if part not in known:
        a, b, c, d = part
        best = worth(state[a:b, c:d].reshape(-1, 2), "numbers")
        for k in range(a + 2, b - 1):
            both = guillotine(state, (a, k, c, d), known) + guillotine(state, (k, b, c, d), known)
            best = max(best, both)
        for k in range(c + 2, d - 1):
            both = guillotine(state, (a, b, c, k), known) + guillotine(state, (a, b, k, d), known)
            best = max(best, both)
        known[part] = best
    return known[part]


def test_a_row_alone_is_as_among_others():
    rng = np.random.default_rng(3)
    state = drawn(rng, (30, 6, 5), "numbers")
    axes = [axis(6, 2), axis(5, 2)]
    together = best_boxes(state, axes, WORTHS["numbers"])
    for row in range(30):
        alone = best_boxes(state[[row]], axes, WORTHS["numbers"])
        np.testing.assert_array_equal(alone[0], together[row])
