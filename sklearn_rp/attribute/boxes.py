"""The best partition of a grid of cells into boxes with one answer each, none too narrow.

Nested dynamic programming: strips along one axis, each strip cut along the next on its own. All
orders of the axes are tried, and each row takes the best.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.attribute.partition import best_assignment, best_runs
from sklearn_rp.attribute.pieces import Loss, best_groups, best_pieces
from sklearn_rp.rows import rows_per_chunk


class Axis(NamedTuple):
    """One sensitive feature's cells.

    Parameters
    ----------
    last_start : ndarray of int of shape (n_cells + 1,) or (n_rows, n_cells + 1)
        The last cell at which a stretch that ends before a cell may start; -1: none may.
    fewest : int
        Of categories: the fewest of a group; 0 for numbers, whose stretches hang together.
    mass : ndarray of shape (n_cells,), or None
        Share of the population in each cell, where it is what a minimum is measured in.
    """

    last_start: np.ndarray
    fewest: int = 0
    mass: np.ndarray | None = None

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return self.last_start.shape[-1] - 1

    def take(self, rows: Any) -> Axis:
        """The same for some of the rows."""
        return (
            self if self.last_start.ndim == 1 else self._replace(last_start=self.last_start[rows])
        )

    def strips(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Stretches that are long enough and cannot be cut in two: first cell, and behind the last.

        Two strips are never worth less than one: each may be cut as the one was. Strips are in the
        order of their ends; which of them a row has is the third, of shape (n_rows or 1, n_strips).
        """
        last = np.atleast_2d(self.last_start)
        since = np.where(last >= 0, np.take_along_axis(last, np.maximum(last, 0), axis=1) + 1, 0)
        start = np.arange(last.shape[1])
        there = (since[:, :, None] <= start) & (start <= last[:, :, None])
        there[:, 0] = False
        end, begin = np.nonzero(there.any(axis=0))
        return begin, end, there[:, end, begin]


class Found(NamedTuple):
    """A partition of each row's cells.

    Parameters
    ----------
    box : ndarray of int of shape (n_rows, ...)
        Number of the box of each cell.
    value : ndarray of shape (n_rows,)
        What it is worth.
    """

    box: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class LabelWorth:
    """Boxes get the label that is worth most: what is summed up are the labels' gains."""

    def cut(self, state: np.ndarray, axis: Axis) -> Found:
        """The best stretches, or groups, along one axis: `state` of shape (n_rows, n, n_labels)."""
        if axis.fewest:
            label = best_assignment(state, axis.fewest)
            box = label
        else:
            label = best_runs(state, axis.last_start)
            box = np.cumsum(np.diff(label, axis=1, prepend=label[:, :1]) != 0, axis=1)
        value = np.take_along_axis(state, label[:, :, None], axis=2).sum(axis=(1, 2))
        return Found(box, value)


@dataclass(frozen=True)
class NumberWorth:
    """Boxes get their mean: what is summed up are weights, and answers times weights."""

    loss: Loss

    def cut(self, state: np.ndarray, axis: Axis) -> Found:
        """The best stretches, or groups, along one axis: `state` of shape (n_rows, n, 2)."""
        weight = state[:, :, 0]
        f = state[:, :, 1] / np.where(weight > 0, weight, 1)
        if axis.fewest:
            box = best_groups(f, weight, axis.fewest, self.loss)
        else:
            box = best_pieces(f, weight, axis.last_start, self.loss)
        n_rows, n_boxes = len(box), int(box.max(initial=0)) + 1
        place = (box + n_boxes * np.arange(n_rows)[:, None]).ravel()
        mass, total = (np.bincount(place, state[:, :, k].ravel(), n_rows * n_boxes) for k in (0, 1))
        mean = total / np.where(mass > 0, mass, 1)
        worth = -mass * (self.loss.of(mean, mean) if self.loss.log else -(mean**2))
        return Found(box, worth.reshape(n_rows, n_boxes).sum(axis=1))


def best_boxes(state: np.ndarray, axes: Sequence[Axis], worth: Any) -> np.ndarray:
    """Partition of the cells of each row into boxes with sides that are long enough.

    The best among those that are made of strips along one axis, each cut along the next on its own.

    Parameters
    ----------
    state : ndarray of shape (n_rows, n_1, ..., n_J, k)
        What is summed up over the cells of a box, as `worth` takes it.
    axes : sequence of Axis
        The J axes.
    worth : LabelWorth or NumberWorth
        What a box is worth.

    Returns
    -------
    box : ndarray of int of shape (n_rows, n_1, ..., n_J)
        Number of the box of each cell, from 0 up.

    Examples
    --------
    >>> gain = np.zeros((1, 2, 4, 2))
    >>> gain[0, 0, :2, 1] = gain[0, 1, 2:, 1] = 1
    >>> gain[0, :, :, 0] = 1 - gain[0, :, :, 1]
    >>> two = Axis(np.array([-1, -1, 0, 1, 2]))  # of the second axis two cells at least
    >>> best_boxes(gain, [Axis(np.array([-1, 0, 1])), two], LabelWorth())[0].tolist()
    [[0, 0, 1, 1], [2, 2, 3, 3]]
    """
    parts = [
        _best_boxes(state[rows], [axis.take(rows) for axis in axes], worth)
        for rows in gen_batches(len(state), rows_per_chunk(_size(state, axes)))
    ]
    return np.concatenate(parts)


def _size(state: np.ndarray, axes: Sequence[Axis]) -> int:
    """Numbers that are worked on for one row at a time: the sums of all strips, some times over."""
    size = 3 * state[0].size
    for axis in axes[:-1]:
        size = int(size * max(1.0, len(axis.strips()[0]) / axis.n_cells))
    return size


def _best_boxes(state: np.ndarray, axes: Sequence[Axis], worth: Any) -> np.ndarray:
    best: Found | None = None
    n_axes = len(axes)
    for order in itertools.permutations(range(n_axes)):
        moved = state.transpose(0, *(1 + axis for axis in order), n_axes + 1)
        box, value = _nested(moved, [axes[axis] for axis in order], worth.cut)
        box = box.transpose(0, *(1 + int(at) for at in np.argsort(order)))
        if best is None:
            best = Found(box, value)
            continue
        better = value > best.value + 1e-12 * np.abs(best.value)  # not by rounding
        wider = better.reshape(-1, *(1,) * n_axes)
        best = Found(np.where(wider, box, best.box), np.where(better, value, best.value))
    assert best is not None
    flat = best.box.reshape(len(state), -1)
    return _numbered(flat).reshape(best.box.shape)


def _numbered(box: np.ndarray) -> np.ndarray:
    """Numbers of boxes, in their order: from 0 up in each row, of shape (n_rows, n_cells)."""
    apart = box + (int(box.max(initial=0)) + 1) * np.arange(len(box))[:, None]
    number = np.unique(apart, return_inverse=True)[1].reshape(box.shape)
    return number - number.min(axis=1, keepdims=True)


def _nested(state: np.ndarray, axes: list[Axis], cut: Callable[[np.ndarray, Axis], Found]) -> Found:
    """Strips along the first axis, each cut along the others on its own."""
    if len(axes) == 1:
        return cut(state, axes[0])
    n_rows, n = state.shape[:2]
    begin, end, there = axes[0].strips()
    row, strip = np.nonzero(np.broadcast_to(there, (n_rows, len(begin))))
    total = np.concatenate([np.zeros_like(state[:, :1]), np.cumsum(state, axis=1)], axis=1)
    summed = total[row, end[strip]]
    summed -= total[row, begin[strip]]
    inner = _nested(summed, [axis.take(row) for axis in axes[1:]], cut)
    value = np.full((len(begin), n_rows), -np.inf)
    value[strip, row] = inner.value
    pair = np.zeros((n_rows, len(begin)), dtype=np.intp)
    pair[row, strip] = np.arange(len(row))
    best = np.full((n + 1, n_rows), -np.inf)
    best[0] = 0.0
    chosen = np.zeros((n + 1, n_rows), dtype=np.intp)
    rows, at = np.arange(n_rows), np.full(n_rows, n)
    for stop in range(1, n + 1):
        ending = np.flatnonzero(end == stop)
        if len(ending):
            found = best[begin[ending]] + value[ending]
            least = found.argmax(axis=0)
            best[stop], chosen[stop] = found[least, rows], ending[least]
    taken = np.zeros((n_rows, n), dtype=np.intp)
    for cell in range(n - 1, -1, -1):
        taken[:, cell] = chosen[at, rows]
        at = np.where(begin[taken[:, cell]] == cell, cell, at)
    box = inner.box[pair[rows[:, None], taken]]
    many = int(inner.box.max(initial=0)) + 1
    return Found(box + many * taken.reshape(n_rows, n, *(1,) * (len(axes) - 1)), best[n])
