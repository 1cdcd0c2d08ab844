"""Pieces of cells that get one number each: the partition with the least expected loss.

Along a numeric feature no piece is too short (`best_pieces`); among categories none holds too few
(`best_groups`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

MOST_CATEGORIES = 10  # whose every grouping is looked at
_SURE = 1e-15  # no probability is nearer to 0 or 1, where its logarithm is asked for
_NEAR = 1e-12  # of all weight: two sums of weights that differ by rounding are equal


@dataclass(frozen=True)
class Loss:
    """What a number is worth beside the model's answers: squared error, log-loss, or pinball loss.

    Parameters
    ----------
    quantile : float or None
        None: squared error, least at the mean. Else the loss that is least at this quantile; at 0.5
        half the absolute error.
    log : bool
        The logarithmic loss instead of the squared error: of probabilities, least at the mean.
    """

    quantile: float | None = None
    log: bool = False

    def level(self, f: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The best number for each row: mean, or weighted quantile.

        Parameters
        ----------
        f, weight : ndarray of shape (n_rows, n_cells)
            Answers and their weights; a cell of weight 0 does not count.

        Returns
        -------
        level : ndarray of shape (n_rows,)
        """
        total = weight.sum(axis=1)
        if self.quantile is None:
            middle = f.mean(axis=1)  # what is summed up is small: no digits are lost
            level = middle + ((f - middle[:, None]) * weight).sum(axis=1) / total
            there = weight > 0
            low = np.where(there, f, np.inf).min(axis=1)
            return np.clip(level, low, np.where(there, f, -np.inf).max(axis=1))
        order = np.argsort(f, axis=1)
        below = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
        least = (self.quantile - _NEAR) * total
        place = (below < least[:, None]).sum(axis=1, keepdims=True)
        place = np.take_along_axis(order, np.minimum(place, f.shape[1] - 1), axis=1)
        return np.take_along_axis(f, place, axis=1)[:, 0]

    def of(self, truth: np.ndarray, number: np.ndarray) -> np.ndarray:
        """Loss of some numbers beside the truth."""
        if self.log:
            number = np.clip(number, _SURE, 1 - _SURE)
            return -special.xlogy(truth, number) - special.xlogy(1 - truth, 1 - number)
        error = truth - number
        if self.quantile is None:
            return error**2
        return np.where(error > 0, self.quantile * error, (self.quantile - 1) * error)


def best_pieces(
    f: np.ndarray, weight: np.ndarray, last_start: np.ndarray, loss: Loss
) -> np.ndarray:
    """Partition of cells into long enough pieces with the least loss, if each gets its best number.

    ``F[k] = min_{j <= last_start[k]} F[j] + cost(j, k)``. A piece that can be cut in two is never
    better than both: only those that cannot be are looked at.

    Parameters
    ----------
    f : ndarray of shape (n_rows, n_cells)
        What the model answers in each cell.
    weight : ndarray of shape (n_rows, n_cells)
        Weights of the cells, none negative, and none 0 all along a piece.
    last_start : ndarray of int of shape (n_cells + 1,) or (n_rows, n_cells + 1)
        As :func:`~sklearn_rp.attribute.partition.best_runs` takes it.
    loss : Loss
        What is lost by a number.

    Returns
    -------
    piece : ndarray of int of shape (n_rows, n_cells)
        Number of the piece of each cell, from 0 up.

    Examples
    --------
    >>> f, even = np.array([[1.0, 1, 5, 5, 9]]), np.ones((1, 5))
    >>> best_pieces(f, even, np.array([-1, -1, 0, 1, 2, 3]), Loss())[0].tolist()  # two at least
    [0, 0, 1, 1, 1]
    """
    if loss.quantile is not None:
        cost = _pinball(f, weight, loss.quantile)
    else:
        cost = _entropy(f, weight) if loss.log else _squared(f, weight)
    return cheapest_pieces(cost, f.shape, last_start)


def cheapest_pieces(
    cost: Callable[[np.ndarray, int], np.ndarray], shape: tuple[int, int], last_start: np.ndarray
) -> np.ndarray:
    """Partition of cells into long enough pieces that cost least.

    Parameters
    ----------
    cost : callable
        ``cost(starts, k)``: what pieces from some starts to before cell `k` cost, of shape
        (n_starts, n_rows). A piece never costs less than the two that it may be cut into.
    shape : (n_rows, n_cells)
        Numbers of rows and of cells.
    last_start : ndarray of int of shape (n_cells + 1,) or (n_rows, n_cells + 1)
        As of `best_pieces`.

    Returns
    -------
    piece : ndarray of int of shape (n_rows, n_cells)
    """
    n_rows, n_cells = shape
    last = np.broadcast_to(last_start, (n_rows, n_cells + 1))
    rows = np.arange(n_rows)
    best = np.full((n_cells + 1, n_rows), np.inf)
    best[0] = 0.0
    came_from = np.zeros((n_cells + 1, n_rows), dtype=np.intp)
    for k in range(1, n_cells + 1):
        until = last[:, k]
        # From here on a piece could be cut in two.
        since = np.where(until >= 0, last[rows, np.maximum(until, 0)], -1) + 1
        if until.max() < 0:
            continue
        starts = np.arange(int(since[until >= 0].min()), int(until.max()) + 1)
        total = best[starts] + cost(starts, k)
        allowed = (starts[:, None] >= since) & (starts[:, None] <= until)
        total[~(allowed & (total < np.inf))] = np.inf  # NaN: of costs that are no numbers
        least = total.argmin(axis=0)
        best[k] = total[least, rows]
        came_from[k] = np.where(best[k] < np.inf, starts[least], 0)
    begins = np.zeros((n_rows, n_cells), dtype=np.intp)
    at = np.full(n_rows, n_cells)
    while (at > 0).any():
        at = np.where(at > 0, came_from[at, rows], 0)
        begins[rows, at] = 1
    return np.cumsum(begins, axis=1) - 1


def _squared(f: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray, int], np.ndarray]:
    """Cost of pieces: minus ``S^2 / P``, what is left of the squares being the same for all."""
    middle = (f * weight).sum(axis=1, keepdims=True) / weight.sum(axis=1, keepdims=True)
    zero = np.zeros((1, len(f)))
    mass = np.concatenate([zero, np.cumsum(weight, axis=1).T])
    total = np.concatenate([zero, np.cumsum((f - middle) * weight, axis=1).T])

    def cost(starts: np.ndarray, k: int) -> np.ndarray:
        inside = np.maximum(mass[k] - mass[starts], np.finfo(float).tiny)
        return -((total[k] - total[starts]) ** 2) / inside

    return cost


def _entropy(f: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray, int], np.ndarray]:
    """Cost of pieces of probabilities: ``P`` times the entropy of their mean, ``S / P``."""
    zero = np.zeros((1, len(f)))
    mass, total = (
        np.concatenate([zero, np.cumsum(each, axis=1).T]) for each in (weight, f * weight)
    )

    def cost(starts: np.ndarray, k: int) -> np.ndarray:
        inside = np.maximum(mass[k] - mass[starts], np.finfo(float).tiny)
        mean = np.clip((total[k] - total[starts]) / inside, 0.0, 1.0)
        return inside * (special.entr(mean) + special.entr(1 - mean))

    return cost


def _pinball(
    f: np.ndarray, weight: np.ndarray, quantile: float
) -> Callable[[np.ndarray, int], np.ndarray]:
    """Cost of pieces, each with its weighted quantile: found by halving the ranks."""
    n_rows, n_cells = f.shape
    f = f - np.median(f, axis=1, keepdims=True)
    order = np.argsort(f, axis=1)
    ordered = np.take_along_axis(f, order, axis=1)
    # Weight, and weighted sum, of the first so many cells with a rank up to so much.
    mass = np.zeros((n_rows, n_cells, n_cells + 1))
    rows, ranks = np.arange(n_rows)[:, None], np.arange(n_cells)
    mass[rows, ranks, order + 1] = np.take_along_axis(weight, order, axis=1)
    total = mass * ordered[:, :, None]
    for table in (mass, total):
        np.cumsum(table, axis=1, out=table)
        np.cumsum(table, axis=2, out=table)

    def cost(starts: np.ndarray, k: int) -> np.ndarray:
        row, start = np.arange(n_rows)[None, :], starts[:, None]
        whole = mass[row, -1, k] - mass[row, -1, start]
        wanted = (quantile - _NEAR) * whole
        low, high = np.full(whole.shape, -1), np.full(whole.shape, n_cells - 1)
        for _ in range(n_cells.bit_length()):
            middle = (low + high) // 2
            short = mass[row, middle, k] - mass[row, middle, start] < wanted
            step = high - low > 1
            low = np.where(step & short, middle, low)
            high = np.where(step & ~short, middle, high)
        level = ordered[row, high]
        below = mass[row, high, k] - mass[row, high, start]
        sum_below = total[row, high, k] - total[row, high, start]
        sum_all = total[row, -1, k] - total[row, -1, start]
        above = (sum_all - sum_below) - level * (whole - below)
        return quantile * above + (1 - quantile) * (level * below - sum_below)

    return cost


def best_groups(f: np.ndarray, weight: np.ndarray, fewest: int, loss: Loss) -> np.ndarray:
    """Groups of at least so many categories with the least loss, if each gets its best number.

    Up to ten categories every grouping is looked at; of more, those into neighbours in the order of
    the model's answers.

    Parameters
    ----------
    f, weight : ndarray of shape (n_rows, n_categories)
        What the model answers for each category, and its weight.
    fewest : int
        Categories of a group, all of them where there are no more.
    loss : Loss
        What is lost by a number.

    Returns
    -------
    group : ndarray of int of shape (n_rows, n_categories)
        Number of the group of each category.

    Examples
    --------
    >>> f = np.array([[1.0, 9, 1, 8]])
    >>> best_groups(f, np.ones((1, 4)), 2, Loss())[0].tolist()
    [0, 1, 0, 1]
    """
    n_rows, n = f.shape
    fewest = min(fewest, n)
    if n > MOST_CATEGORIES:
        order = np.argsort(f, axis=1, kind="stable")
        last = np.arange(n + 1) - fewest
        last[last < 0] = -1
        ordered, heavy = (np.take_along_axis(each, order, axis=1) for each in (f, weight))
        answer = np.empty((n_rows, n), dtype=np.intp)
        np.put_along_axis(answer, order, best_pieces(ordered, heavy, last, loss), axis=1)
        return answer

    def cost(members: np.ndarray) -> np.ndarray:
        inside = weight * members
        level = loss.level(f, inside)
        return (loss.of(f, level[:, None]) * inside).sum(axis=1)

    return cheapest_groups(cost, (n_rows, n), fewest)


def cheapest_groups(
    cost_of: Callable[[np.ndarray], np.ndarray], shape: tuple[int, int], fewest: int
) -> np.ndarray:
    """Groups of at least so many categories, of ten at most, that cost least.

    Parameters
    ----------
    cost_of : callable
        What a group costs each row, shape (n_rows,), from its members, 0 or 1 for each category.
    shape : (n_rows, n_categories)
        Numbers of rows and of categories.
    fewest : int
        Categories of a group.

    Returns
    -------
    group : ndarray of int of shape (n_rows, n_categories)
    """
    n_rows, n = shape
    members = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    cost = np.full((2**n, n_rows), np.inf)
    for group in np.flatnonzero(members.sum(axis=1) >= fewest):
        cost[group] = cost_of(members[group])
    best = np.full((2**n, n_rows), np.inf)
    best[0] = 0.0
    chosen = np.zeros((2**n, n_rows), dtype=np.intp)
    rows = np.arange(n_rows)
    # The first member leaves with the first group: after that it is in none that is looked up.
    for whole in [*range(2, 2**n, 2), 2**n - 1]:
        first = whole & -whole  # the group of the first member, whichever it is
        rest = whole ^ first
        part = rest
        while True:
            total = best[rest ^ part] + cost[part | first]
            better = total < best[whole]
            best[whole] = np.where(better, total, best[whole])
            chosen[whole] = np.where(better, part | first, chosen[whole])
            if not part:
                break
            part = (part - 1) & rest
    answer = np.zeros((n_rows, n), dtype=np.intp)
    left = np.full(n_rows, 2**n - 1)
    for number in range(n):
        taken = chosen[left, rows]
        answer += number * members[taken]
        left = left & ~taken
    return answer
