"""A minimum, what it is measured in, and the best labellings in which no label holds too little.

Along a numeric feature every run of one label is long enough (`best_runs`); among categories every
label that is used has enough of them (`best_assignment`).
"""

from __future__ import annotations

import itertools
import math
from functools import reduce
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.domain import Cells, same_domain
from sklearn_rp.exceptions import warn_user
from sklearn_rp.feature import Feature, Number
from sklearn_rp.rows import rows_per_chunk, sample_rows

_MOST_SETS = 2**13  # of labels, that are all tried: those of 13
_GRID, _MOST_EDGES = 64, 256  # cells of a grid beside the model's own ends, and of those at most
_FAR = 2**60  # beyond every sum of gains
_TOLERANCE = 1e-12  # of the whole: two lengths, or weights, that differ by rounding are equal


def check_minimum(minimum: Any, unit: str, feature: Feature) -> None:
    """A minimum has to fit its unit, and the unit the feature.

    Raises
    ------
    ValueError
        If one of them does not.
    """
    if not np.isfinite(minimum):
        raise ValueError(f"minimum={minimum} is not allowed: it must be finite.")
    if unit not in feature.units:
        raise ValueError(
            f"unit={unit!r} is not allowed for the {feature.kind} feature {feature.name!r}: "
            f"use one of {feature.units}."
        )
    if unit in ("share", "mass") and minimum > 1:
        raise ValueError(
            f"minimum={minimum} is not allowed with unit={unit!r}: a share is in (0, 1]. For the "
            "feature's own unit use unit='length'."
        )
    if unit == "categories" and minimum != int(minimum):
        raise ValueError(
            f"minimum={minimum} is not allowed with unit='categories': give a whole number of them."
        )


def measured(
    minimum: float, unit: str, feature: Feature, cells: Cells, count: np.ndarray
) -> tuple[np.ndarray, float]:
    """Ends of cells, and the minimum, in the measure that the minimum is about.

    What lies below each cell, and in all of them, shape (n_cells + 1,); and the smallest stretch
    that is allowed. The training rows in each cell are counted by `count`.
    """
    least = least_of(minimum, unit, feature)
    if unit == "mass":
        return np.r_[0.0, np.cumsum(count) / count.sum()], least
    return cells.ends, least


def least_of(minimum: float, unit: str, feature: Feature) -> float:
    """The smallest stretch that is allowed, in the measure that the minimum is about."""
    least = float(minimum)
    if unit == "mass":
        return least
    if unit == "share":
        least *= feature.span
    return float(np.ceil(least - 1e-9)) if feature.counts else least


def ends_anywhere(
    feature: Feature, edges: np.ndarray | None, minimum: float, unit: str, resolution: int
) -> np.ndarray | None:
    """Ends of cells where pieces may end anywhere: some of the model's own, of a grid, a minimum.

    Parameters
    ----------
    feature : Feature
        The sensitive feature; of one with few possible values all are cells.
    edges : ndarray or None
        Where the model changes, if that is known.
    minimum, unit : float, str
        What a piece has to hold, and in which measure.
    resolution : int
        Cells where the model's own are not known.

    Returns
    -------
    ends : ndarray or None
        Inner ends, sorted.
    """
    if not isinstance(feature, Number) or feature.possible is not None:
        return edges
    n_cells = resolution if edges is None else _GRID
    ends = np.linspace(feature.low, feature.high, n_cells + 1)[1:-1]
    if edges is not None:
        ends = np.r_[ends, sample_rows(edges, _MOST_EDGES)]
    if unit != "mass":
        least = least_of(minimum, unit, feature)
        inside = np.arange(1, max(2, min(_GRID, int(feature.span / least + 1)))) * least
        ends = np.r_[ends, feature.low + inside, feature.high - inside]
        if feature.counts:  # a stretch of so many values ends before the next one
            ends = np.r_[ends, feature.low + inside - 1]
    return np.unique(ends[(ends > feature.low) & (ends < feature.high)])


def best_runs(gain: np.ndarray, last_start: np.ndarray) -> np.ndarray:
    """Labelling of cells with the largest total gain in which every run is long enough.

    Dynamic programming over (cell, label of the run that ends there), O(cells x labels) a row.
    With ``G`` the gains summed up and ``F[k]`` the best total of the first ``k`` cells,

        f[k, c] = G[k, c] + max_{j <= last_start[k]} (F[j] - G[j, c]),    F[k] = max_c f[k, c].

    Two neighbouring runs may carry one label: together they are one longer run.

    Parameters
    ----------
    gain : ndarray of shape (n_rows, n_cells, n_labels)
        What each label of each cell is worth.
    last_start : ndarray of int of shape (n_cells + 1,) or (n_rows, n_cells + 1)
        The last cell at which a run that ends before cell ``k`` may start; -1 where it may not end
        there. It does not fall, and the last, ``last_start[..., n_cells]``, is at least 0.

    Returns
    -------
    label : ndarray of int of shape (n_rows, n_cells)

    Examples
    --------
    >>> gain = np.array([[[1.0, 0], [0, 1.1], [1.0, 0], [1.0, 0]]])
    >>> best_runs(gain, np.array([-1, 0, 1, 2, 3]))[0].tolist()  # any run
    [0, 1, 0, 0]
    >>> best_runs(gain, np.array([-1, -1, 0, 1, 2]))[0].tolist()  # two cells at least
    [1, 1, 0, 0]
    """
    n_rows, n_cells, n_labels = gain.shape
    total = np.zeros((n_rows, n_labels))  # G[k]
    best = np.zeros((n_cells + 1, n_rows))  # F[k]
    # The largest F[j] - G[j, c] of the first so many starts, and which start has it.
    value = np.full((n_cells + 1, n_rows, n_labels), -np.inf)
    start = np.zeros((n_cells + 1, n_rows, n_labels), dtype=np.int32)
    came_from = np.zeros((n_cells + 1, n_rows), dtype=np.int32)
    came_with = np.zeros((n_cells + 1, n_rows), dtype=np.int32)
    n_starts = last_start + 1
    rows = np.arange(n_rows)
    for k in range(1, n_cells + 1):
        here = best[k - 1][:, None] - total
        better = here > value[k - 1]
        value[k] = np.where(better, here, value[k - 1])
        start[k] = np.where(better, k - 1, start[k - 1])
        total = total + gain[:, k - 1]
        open_ = n_starts[k] if n_starts.ndim == 1 else (n_starts[:, k], rows)
        ended = total + value[open_]
        came_with[k] = ended.argmax(axis=1)
        best[k] = ended[rows, came_with[k]]
        came_from[k] = start[open_][rows, came_with[k]]
    answer = np.empty((n_rows, n_cells), dtype=np.int64)
    at = np.full(n_rows, n_cells)
    begin, current = came_from[at, rows], came_with[at, rows]
    for k in range(n_cells - 1, -1, -1):
        passed = k < begin
        at = np.where(passed, begin, at)
        begin, current = came_from[at, rows], came_with[at, rows]
        answer[:, k] = current
    return answer


def exactly_summed(gain: np.ndarray) -> np.ndarray:
    """Gains rounded to multiples of 2**-50: sums below eight are then exact, and so are ties.

    A piece of a best partition is then cut no further when it is looked at by itself.

    Parameters
    ----------
    gain : ndarray
        Gains, of weights that add up to one.

    Returns
    -------
    gain : ndarray of the same shape
    """
    return np.rint(gain * 2.0**50) / 2.0**50


def last_starts(measure: np.ndarray, least: float) -> np.ndarray:
    """For each end of a run, the last start that makes it long enough; -1 if there is none.

    Parameters
    ----------
    measure : ndarray of shape (n_cells + 1,) or (n_rows, n_cells + 1)
        Ends of the cells, or for each row what its cells weigh, summed up from 0.
    least : float
        Smallest measure of a run.

    Returns
    -------
    last_start : ndarray of int of the shape of `measure`
        As `best_runs` takes it; a run over all cells is always allowed.
    """
    n_cells = measure.shape[-1] - 1
    most = measure - least + _TOLERANCE * (measure[..., -1:] - measure[..., :1])
    last = np.full(measure.shape, -1)
    for step in 2 ** np.arange(n_cells.bit_length())[::-1]:  # bisection
        tried = np.minimum(last + step, n_cells)
        last = np.where(np.take_along_axis(measure, tried, axis=-1) <= most, tried, last)
    last = np.minimum(last, np.arange(n_cells + 1) - 1)
    last[..., -1] = np.maximum(last[..., -1], 0)
    return last


def random_pieces(
    measure: np.ndarray, cell: np.ndarray, least: float, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """For each row the piece that holds its cell in a partition drawn at random.

    Each row has a partition of its own, into pieces of once to twice a size: `least`, or two, four,
    ... times that, up to the whole range, as runs may be long. It is drawn without a look at the
    row: whether a piece comes up does not depend on where in it the row's value is, so that the
    values of the rows with one piece are spread in it as in the population.

    Cells end at `measure`, and pieces at the nearest end of a cell. Of each row's piece the first
    cell and the one after the last are given, both of shape (n_rows,).
    """
    n_cells = len(measure) - 1
    whole = measure[-1] - measure[0]
    least = min(max(least, whole / n_cells), whole)
    n_sizes = int(np.ceil(np.log2(whole / least) - 1e-9)) + 1
    size = np.minimum(least * 2.0 ** rng.randint(n_sizes, size=len(cell)), whole)
    most = int(np.ceil(whole / least))
    first, after = np.empty((2, len(cell)), dtype=np.intp)
    for rows in gen_batches(len(cell), rows_per_chunk(4 * (most + 2))):
        cuts = measure[0] + _random_cuts(size[rows], whole, most, rng)
        cut = np.searchsorted((measure[1:] + measure[:-1]) / 2, cuts)
        cut[:, [0, -1]] = 0, n_cells
        below = cut <= cell[rows][:, None]
        first[rows] = np.where(below, cut, 0).max(axis=1)
        after[rows] = np.where(below, n_cells, cut).min(axis=1)
    return first, after


def _random_cuts(
    size: np.ndarray, whole: float, most: int, rng: np.random.RandomState
) -> np.ndarray:
    """Ends of pieces of once to twice a size, from 0 to `whole`: shape (n_rows, most + 2)."""
    drawn = size[:, None] * rng.uniform(1, 2, size=(len(size), most))
    cuts = np.minimum(np.cumsum(drawn, axis=1), whole)
    before = np.concatenate([np.zeros((len(size), 1)), cuts[:, :-1]], axis=1)
    # What is left for the last piece is too little: it joins the one before, in halves if too long.
    short = (cuts < whole) & (whole - cuts < size[:, None])
    joined = whole - before
    halves = np.where(joined >= 2 * size[:, None], before + joined / 2, whole)
    cuts = np.where(short, halves, cuts)
    ends = np.zeros((len(size), 1))
    cuts = np.concatenate([ends, cuts, ends + whole], axis=1)
    return np.where(rng.uniform(size=(len(size), 1)) < 0.5, cuts, whole - cuts[:, ::-1])


def best_assignment(gain: np.ndarray, least: int) -> np.ndarray:
    """Labelling of categories with the largest total gain; each label used has enough of them.

    The best label of each category, where that will do. Else the sets of labels that may be used
    are tried: nested ones, each the one before and the label that adds most, and then, where it
    `enumerates`, all others that might do better. For one set of labels the best labelling is a
    minimum-cost flow.

    Parameters
    ----------
    gain : ndarray of shape (n_rows, n_categories, n_labels)
        What each label of each category is worth.
    least : int
        Fewest categories of a label that is used at all.

    Returns
    -------
    label : ndarray of int of shape (n_rows, n_categories)
        The optimum where `enumerates`; elsewhere at least as good as the best single label.

    Examples
    --------
    >>> gain = np.array([[[3.0, 0, 1], [3.0, 0, 1], [0, 2.0, 1], [0, 0, 1.5]]])
    >>> best_assignment(gain, 1)[0].tolist()
    [0, 0, 1, 2]
    >>> best_assignment(gain, 2)[0].tolist()
    [0, 0, 2, 2]
    """
    n_rows, n_categories, n_labels = gain.shape
    least, most = min(least, n_categories), _most_used(n_categories, n_labels, least)
    answer = np.empty((n_rows, n_categories), dtype=np.intp)
    size = rows_per_chunk(n_categories * max(n_labels**2, _n_sets(n_labels, most)))
    for rows in gen_batches(n_rows, size):
        answer[rows] = _best_assignment(_in_units(gain[rows]), least, most)
    return answer


def enumerates(n_categories: int, n_labels: int, least: int) -> bool:
    """Whether `best_assignment` tries every set of labels and so finds the optimum."""
    most = _most_used(n_categories, n_labels, least)
    return least <= 1 or _n_sets(n_labels, most) <= _MOST_SETS


def _most_used(n_categories: int, n_labels: int, least: int) -> int:
    """Most labels that can have enough categories at once."""
    return min(n_labels, max(1, n_categories // least))


def _n_sets(n_labels: int, most: int) -> int:
    """Number of sets of one to `most` labels."""
    return sum(math.comb(n_labels, size) for size in range(1, most + 1))


def _in_units(gain: np.ndarray) -> np.ndarray:
    """Gains as whole numbers of 2**-40 of the row's largest: sums and ties are then exact."""
    top = np.abs(gain).max(axis=(1, 2), keepdims=True)
    return np.rint(gain / np.where(top > 0, top, 1.0) * 2.0**40).astype(np.int64)


def _best_assignment(gain: np.ndarray, least: int, most: int) -> np.ndarray:
    n_rows, _, n_labels = gain.shape
    answer = gain.argmax(axis=2)
    count = (answer[:, :, None] == np.arange(n_labels)).sum(axis=1)
    done = ((count == 0) | (count >= least)).all(axis=1)
    best = np.where(done, gain.max(axis=2).sum(axis=1), -_FAR)

    def consider(rows: np.ndarray, used: np.ndarray) -> None:
        """Let rows use just these labels; a row that comes several times keeps the best."""
        among = np.take_along_axis(gain[rows], used[:, None, :], axis=2)
        label, worth = _with_enough(among, least, best[rows])
        order = np.lexsort((-np.arange(len(rows)), worth, rows))
        last = order[np.diff(rows[order], append=n_rows) > 0]
        last = last[worth[last] > best[rows[last]]]
        best[rows[last]] = worth[last]
        answer[rows[last]] = np.take_along_axis(used[last], label[last], axis=1)

    nested = _nested(gain, most)
    for size in range(1, most + 1):
        consider(np.arange(n_rows), np.sort(nested[:, :size], axis=1))
    if _n_sets(n_labels, most) <= _MOST_SETS:
        for size in range(1, most + 1):
            sets = np.array(list(itertools.combinations(range(n_labels), size)))
            free = reduce(np.maximum, (gain[:, :, sets[:, j]] for j in range(size)))
            rows, which = np.nonzero(free.sum(axis=1) > best[:, None])
            consider(rows, sets[which])
    return answer


def _nested(gain: np.ndarray, most: int) -> np.ndarray:
    """Labels in the order in which each adds most to what those before it are worth."""
    n_rows, n_categories, _ = gain.shape
    order = np.empty((n_rows, most), dtype=np.intp)
    covered = np.full((n_rows, n_categories, 1), -(2**40))
    free = np.ones((n_rows, gain.shape[2]), dtype=bool)
    for place in range(most):
        total = np.where(free, np.maximum(covered, gain).sum(axis=1), -_FAR)
        order[:, place] = total.argmax(axis=1)
        chosen = order[:, place, None]
        np.put_along_axis(free, chosen, False, axis=1)
        covered = np.maximum(covered, np.take_along_axis(gain, chosen[:, None], axis=2))
    return order


def _with_enough(gain: np.ndarray, least: int, floor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Best labelling that gives every label at least so many categories; and its worth.

    Successive shortest paths: from the best label of each category, one category after the other is
    moved, along the cheapest chain of labels, from a label that has more than enough to one that
    lacks some. A row is left as it is, not feasible, once it is worth no more than `floor`. Gains
    are whole numbers of shape (n_rows, n_categories, n_labels), with at least ``least * n_labels``
    categories.
    """
    n_labels = gain.shape[2]
    label = gain.argmax(axis=2)
    worth = gain.max(axis=2).sum(axis=1)
    count = (label[:, :, None] == np.arange(n_labels)).sum(axis=1)
    while True:
        left = np.flatnonzero((count < least).any(axis=1) & (worth > floor))
        if not len(left):
            return label, worth
        now, rows = label[left], np.arange(len(left))
        loss = np.take_along_axis(gain[left], now[:, :, None], axis=2) - gain[left]
        cost = np.empty((len(left), n_labels, n_labels), dtype=np.int64)  # of a move from a to b
        moved = np.empty_like(cost)
        for a in range(n_labels):
            of_a = np.where((now == a)[:, :, None], loss, _FAR)
            moved[:, a] = of_a.argmin(axis=1)
            cost[:, a] = np.take_along_axis(of_a, moved[:, None, a], axis=1)[:, 0]
        # Bellman-Ford: a move may gain what an earlier one gave away, but no circle of them does.
        distance = np.where(count[left] > least, 0, _FAR)
        came = np.full((len(left), n_labels), -1)
        for _ in range(n_labels - 1):
            through = distance[:, :, None] + cost
            before = through.argmin(axis=1)
            new = np.take_along_axis(through, before[:, None], axis=1)[:, 0]
            came = np.where(new < distance, before, came)
            distance = np.minimum(distance, new)
        at = np.where(count[left] < least, distance, _FAR).argmin(axis=1)
        worth[left] -= distance[rows, at]
        count[left, at] += 1
        while len(rows):
            before = came[rows, at]
            end = before < 0
            count[left[rows[end]], at[end]] -= 1
            rows, at, before = rows[~end], at[~end], before[~end]
            label[left[rows], moved[rows, before, at]] = at
            at = before


def is_empty(unit: str, least: float, feature: Feature) -> bool:
    """Whether a minimum is what everybody is left with anyway: one possible value."""
    return unit != "mass" and not same_domain(feature.domain, "continuous") and least <= 1


def warn_of_nothing(minimum: Any, unit: str, least: float, feature: Feature) -> None:
    """Warn of a minimum that promises nothing."""
    if is_empty(unit, least, feature):
        whole = feature.categories is None
        asked = "unit='length'" if whole else "unit='categories'"
        warn_user(
            f"minimum={minimum} of {feature.name!r} with unit={unit!r} comes to a single possible "
            f"value, so that nothing is promised of it. Give minimum=2 or more, with {asked}."
        )
