"""Labellings with the largest total gain in which no label holds too little.

Along a numeric feature every run of one label is long enough (`best_runs`); among categories every
label that is used has enough of them (`best_assignment`).
"""

from __future__ import annotations

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.rows import rows_per_chunk

_MOST_STATES = 100_000
_TOLERANCE = 1e-12  # two weights that differ by rounding are equal


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


def last_starts_by_row(weights: np.ndarray, least: float) -> np.ndarray:
    """For each row and end of a run, the last start that gives it enough weight; -1 if none does.

    Parameters
    ----------
    weights : ndarray of shape (n_rows, n_cells)
        Weights of the cells, which sum to 1 in each row.
    least : float
        Smallest weight of a run.

    Returns
    -------
    last_start : ndarray of int of shape (n_rows, n_cells + 1)
        As `best_runs` takes it; a run over all cells is always allowed.
    """
    n_cells = weights.shape[1]
    below = np.cumsum(weights, axis=1)
    below = np.concatenate([np.zeros((len(below), 1)), below], axis=1)
    most = below - least + _TOLERANCE
    last = np.full(below.shape, -1)
    for step in 2 ** np.arange(n_cells.bit_length())[::-1]:  # bisection
        tried = np.minimum(last + step, n_cells)
        last = np.where(np.take_along_axis(below, tried, axis=1) <= most, tried, last)
    last = np.minimum(last, np.arange(n_cells + 1) - 1)
    last[:, -1] = np.maximum(last[:, -1], 0)
    return last


def random_pieces(
    measure: np.ndarray, cell: np.ndarray, least: float, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """For each row the piece that holds its cell in a partition drawn at random.

    Each row has a partition of its own, into pieces of once to twice a size: `least`, or two, four,
    ... times that, up to the whole range, as runs may be long. It is drawn without a look at the
    row: whether a piece comes up does not depend on where in it the row's value is, so that the
    values of the rows with one piece are spread in it as in the population.

    Parameters
    ----------
    measure : ndarray of shape (n_cells + 1,)
        Ends of the cells.
    cell : ndarray of int of shape (n_rows,)
        Cell of each row's own value.
    least : float
        Smallest size of a piece; to the nearest end of a cell.
    rng : RandomState
        Source of the draws.

    Returns
    -------
    first, after : ndarray of int of shape (n_rows,)
        First cell of the piece, and the cell after its last.
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

    Dynamic programming over (category, number of categories of each label so far, up to `least`).

    Parameters
    ----------
    gain : ndarray of shape (n_rows, n_categories, n_labels)
        What each label of each category is worth.
    least : int
        Fewest categories of a label that is used at all.

    Returns
    -------
    label : ndarray of int of shape (n_rows, n_categories)
    """
    n_rows, n_categories, n_labels = gain.shape
    if least >= n_categories:
        whole = gain.sum(axis=1).argmax(axis=1)
        return np.repeat(whole[:, None], n_categories, axis=1)
    n_states = (least + 1) ** n_labels
    if n_states > _MOST_STATES:
        raise ValueError(
            f"minimum={least} categories with {n_labels} labels is too much to optimise exactly "
            f"({n_states} states): lower minimum."
        )
    shape = (least + 1,) * n_labels
    value = np.full((*shape, n_rows), -np.inf)
    value[(0,) * n_labels] = 0.0
    choice = np.zeros((n_categories, *shape, n_rows), dtype=np.int8)
    # Whether the count of the chosen label was full before: then the state is the one it came from.
    full = np.zeros((n_categories, *shape, n_rows), dtype=bool)
    for m in range(n_categories):
        new = np.full_like(value, -np.inf)
        for label in range(n_labels):
            before = np.moveaxis(value, label, 0)
            after = np.full_like(before, -np.inf)
            after[1:] = before[:-1]
            stayed = np.zeros(before.shape, dtype=bool)
            stayed[-1] = before[-1] > after[-1]
            after[-1] = np.maximum(after[-1], before[-1])
            gained = np.moveaxis(after, 0, label) + gain[:, m, label]
            better = gained > new
            new = np.where(better, gained, new)
            choice[m] = np.where(better, label, choice[m])
            full[m] = np.where(better, np.moveaxis(stayed, 0, label), full[m])
        value = new
    counts = np.indices(shape).reshape(n_labels, -1)
    allowed = ((counts == 0) | (counts == least)).all(axis=0)
    state = np.where(allowed[:, None], value.reshape(-1, n_rows), -np.inf).argmax(axis=0)
    at = np.stack(np.unravel_index(state, shape))
    rows = np.arange(n_rows)
    answer = np.empty((n_rows, n_categories), dtype=np.int64)
    for m in range(n_categories - 1, -1, -1):
        label = choice[(m, *at, rows)]
        was_full = full[(m, *at, rows)]
        answer[:, m] = label
        at[label, rows] -= ~was_full
    return answer
