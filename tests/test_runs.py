"""Stretches of equal answers: built, measured, looked up, cut and joined as by hand."""

import numpy as np
import pytest

from sklearn_rp.runs import Runs, concatenate

AGES = np.arange(18.0, 30.0)  # whole numbers, each a cell
STEPS = np.array([0.0, 1.0, 2.5, 7.0])  # a list of possible numbers
SCALE = np.r_[-1.0, np.sort(np.random.default_rng(0).uniform(size=7)), 2.0]  # ends of real cells
DOMAINS = {
    "integer": (AGES, AGES, "integer"),
    "listed": (STEPS, STEPS, STEPS),
    "continuous": (SCALE[:-1], SCALE[1:], "continuous"),
    "categories": (np.arange(5.0), np.arange(1.0, 6.0), "categories"),
}
KINDS = pytest.mark.parametrize("kind", DOMAINS)
N_SYMBOLS = 3


def drawn(kind, seed=0, n_rows=20):
    """Answers in all cells, and their runs."""
    first, last, domain = DOMAINS[kind]
    symbols = np.random.default_rng(seed).integers(0, N_SYMBOLS, size=(n_rows, len(first)))
    apart = kind == "categories"
    return symbols, Runs.from_cells(symbols, first, last, N_SYMBOLS, apart=apart), domain


def boxes(seed=0, n_rows=12, n_each=3):
    """Boxes of two features, whole numbers and real ones."""
    rng = np.random.default_rng(seed)
    low = np.stack([rng.integers(0, 6, n_rows * n_each), rng.uniform(0, 1, n_rows * n_each)], 1)
    high = low + np.stack(
        [rng.integers(0, 5, n_rows * n_each), rng.uniform(0, 1, n_rows * n_each)], 1
    )
    row = np.repeat(np.arange(n_rows), n_each)
    return Runs(row, rng.integers(0, 2, len(row)), low, high, n_rows, 2)


def same(one, other):
    for name in ("row", "symbol", "low", "high"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.n_rows, one.n_symbols) == (other.n_rows, other.n_symbols)


@KINDS
def test_runs_of_cells_are_those_of_a_loop(kind):
    symbols, runs, _ = drawn(kind)
    first, last, _ = DOMAINS[kind]
    expected = []
    for i, row in enumerate(symbols):
        for k, symbol in enumerate(row):
            goes_on = k and row[k - 1] == symbol and kind != "categories"
            if goes_on:
                expected[-1][3] = last[k]
            else:
                expected.append([i, symbol, first[k], last[k]])
    found = np.stack([runs.row, runs.symbol, runs.low, runs.high], axis=1)
    np.testing.assert_array_equal(found, expected)


@KINDS
def test_totals_are_those_of_the_cells(kind):
    symbols, runs, domain = drawn(kind)
    first, last, _ = DOMAINS[kind]
    one = last - first if kind == "continuous" else np.ones(len(first))
    expected = np.stack([(one * (symbols == c)).sum(axis=1) for c in range(N_SYMBOLS)], axis=1)
    np.testing.assert_allclose(runs.totals(domain), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["integer", "listed"])
def test_the_answer_at_a_value_is_that_of_its_cell(kind):
    symbols, runs, _ = drawn(kind)
    first = DOMAINS[kind][0]
    cell = np.random.default_rng(1).integers(0, len(first), len(symbols))
    np.testing.assert_array_equal(runs.at(first[cell]), symbols[np.arange(len(cell)), cell])
    held = runs.where(runs.holding(first[cell]))
    np.testing.assert_array_equal(held.row, np.arange(len(cell)))


def test_between_and_beyond_runs_there_is_no_answer():
    _, runs, _ = drawn("listed")
    for value in (0.5, -1.0, 8.0):
        unseen = (runs.low > value) | (runs.high < value)
        there = np.bincount(runs.row, ~unseen, runs.n_rows) > 0
        np.testing.assert_array_equal(runs.at(np.full(runs.n_rows, value)) >= 0, there)
    assert (runs.at(np.full(runs.n_rows, -1.0)) == -1).all()


def test_runs_of_points_end_at_points():
    row = np.array([0, 0, 0, 0, 1, 1])
    at = np.array([1.0, 2.0, 4.0, 8.0, 1.0, 3.0])
    runs = Runs.from_points(row, at, np.array([0, 0, 1, 1, 1, 1]), 3, 2)
    assert runs.row.tolist() == [0, 0, 1]
    assert runs.symbol.tolist() == [0, 1, 1]
    assert list(zip(runs.low.tolist(), runs.high.tolist(), strict=True)) == [(1, 2), (4, 8), (1, 3)]
    assert runs.first.tolist() == [0, 2, 3, 3]  # the last row has none


@KINDS
def test_some_rows_have_the_runs_that_they_had(kind):
    symbols, runs, _ = drawn(kind)
    rows = np.array([3, 3, 0, 19, 7])
    first, last, _ = DOMAINS[kind]
    apart = kind == "categories"
    same(runs.take(rows), Runs.from_cells(symbols[rows], first, last, N_SYMBOLS, apart=apart))


def test_chunks_of_rows_put_together_are_the_whole():
    for runs in (drawn("continuous")[1], boxes()):
        rows = np.arange(runs.n_rows)
        same(concatenate([runs.take(rows[:3]), runs.take(rows[3:4]), runs.take(rows[4:])]), runs)


def test_the_hull_is_from_the_lowest_to_the_highest_end():
    _, runs, _ = drawn("continuous")
    some = runs.where((runs.symbol == 1) & (runs.row != 4))
    low, high = some.hull()
    for i in range(runs.n_rows):
        mine = some.row == i
        if not mine.any():
            assert np.isnan([low[i], high[i]]).all()
            continue
        assert (low[i], high[i]) == (some.low[mine].min(), some.high[mine].max())
    assert np.isnan(low[4])


@KINDS
@pytest.mark.parametrize("seed", range(3))
def test_intersections_are_those_of_all_pairs(kind, seed):
    _, one, domain = drawn(kind, seed)
    other = drawn(kind, seed + 10)[1]
    one, other = one.where(one.symbol != 2), other.where(other.symbol != 0)
    both = one.intersect(other, domain)
    expected = []
    for a in range(len(one.row)):
        for b in np.flatnonzero(other.row == one.row[a]):
            low, high = max(one.low[a], other.low[b]), min(one.high[a], other.high[b])
            if low < high or (low == high and kind != "categories"):
                pair = one.symbol[a] * N_SYMBOLS + other.symbol[b]
                expected.append((one.row[a], pair, low, high))
    found = np.stack([both.row, both.symbol, both.low, both.high], axis=1)
    np.testing.assert_array_equal(found, np.reshape(expected, (-1, 4)))
    assert both.n_symbols == N_SYMBOLS**2


def test_boxes_are_measured_by_the_product_of_their_sides():
    runs = boxes()
    sides = (runs.high - runs.low + [1, 0]).prod(axis=1)
    np.testing.assert_allclose(runs.sizes("integer", "continuous"), sides)
    totals = runs.totals("integer", "continuous")
    for i in range(runs.n_rows):
        for c in range(2):
            mine = (runs.row == i) & (runs.symbol == c)
            assert totals[i, c] == pytest.approx(sides[mine].sum())


def test_a_box_holds_a_point_that_it_holds_along_every_feature():
    runs = boxes()
    inside = runs.low[:: len(runs.row) // runs.n_rows]  # a corner of each row's first box
    held = runs.holding(inside)
    assert held[:: len(runs.row) // runs.n_rows].all()
    beside = inside + np.array([0, 3.0])
    assert not runs.holding(beside).any()
    assert (runs.at(inside) >= 0).all()
    assert (runs.at(beside) == -1).all()


def test_boxes_over_each_other_are_boxes():
    one, other = boxes(0), boxes(1)
    both = one.intersect(other, "integer", "continuous")
    found = {(r, s, *low, *high) for r, s, low, high in zip(
        both.row.tolist(), both.symbol.tolist(), both.low.tolist(), both.high.tolist(), strict=True
    )}  # fmt: skip
    expected = set()
    for a in range(len(one.row)):
        for b in np.flatnonzero(other.row == one.row[a]):
            low, high = np.maximum(one.low[a], other.low[b]), np.minimum(one.high[a], other.high[b])
            if (low <= high).all():
                pair = int(one.symbol[a] * 2 + other.symbol[b])
                expected.add((int(one.row[a]), pair, *low.tolist(), *high.tolist()))
    assert found == expected
    assert len(both.row) == len(expected) > 0


def test_many_short_runs_are_intersected_without_trying_all_pairs():
    n = 20_000
    ends = np.arange(n + 1.0)
    symbols = np.arange(n)[None] % 2
    one = Runs.from_cells(symbols, ends[:-1], ends[1:], 2)
    both = one.intersect(one, "continuous")
    assert len(both.row) == 3 * n - 2  # each with itself, and with its neighbours in one point


def test_without_rows_there_are_no_runs():
    runs = Runs.from_cells(np.empty((0, 3), dtype=int), STEPS[:3], STEPS[1:], 2)
    assert len(runs.row) == 0
    assert runs.totals("continuous").shape == (0, 2)
