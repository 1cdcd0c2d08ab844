"""Labellings with the largest total gain in which no label holds too little.

Along a numeric feature every run of one label is long enough (`best_runs`); among categories every
label that is used has enough of them (`best_assignment`).
"""

from __future__ import annotations

import numpy as np

_MOST_STATES = 100_000


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
    last_start : ndarray of int of shape (n_cells + 1,)
        The last cell at which a run that ends before cell ``k`` may start; -1 where it may not end
        there. It does not fall, and ``last_start[n_cells]`` is at least 0.

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
    best[1:] = -np.inf
    start_value = np.full((n_rows, n_labels), -np.inf)  # max of F[j] - G[j, c] over allowed j
    start = np.zeros((n_rows, n_labels), dtype=np.int32)
    came_from = np.zeros((n_cells + 1, n_rows), dtype=np.int32)
    came_with = np.zeros((n_cells + 1, n_rows), dtype=np.int32)
    waiting = {0: np.zeros((n_rows, n_labels))}  # F[j] - G[j, c] of starts not yet allowed
    opened = -1
    rows = np.arange(n_rows)
    for k in range(1, n_cells + 1):
        total = total + gain[:, k - 1]
        while opened < last_start[k]:
            opened += 1
            value = waiting.pop(opened)
            better = value > start_value
            start_value = np.where(better, value, start_value)
            start = np.where(better, opened, start)
        if opened >= 0:
            ended = total + start_value
            label = ended.argmax(axis=1)
            best[k], came_with[k] = ended[rows, label], label
            came_from[k] = start[rows, label]
        waiting[k] = best[k][:, None] - total
    answer = np.empty((n_rows, n_cells), dtype=np.int64)
    at = np.full(n_rows, n_cells)
    begin, current = came_from[at, rows], came_with[at, rows]
    for k in range(n_cells - 1, -1, -1):
        passed = k < begin
        at = np.where(passed, begin, at)
        begin, current = came_from[at, rows], came_with[at, rows]
        answer[:, k] = current
    return answer


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
