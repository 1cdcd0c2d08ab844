"""Stretches of equal answers of a model that can only be asked: a grid, and halving."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.domain import same_domain
from sklearn_rp.feature import Number
from sklearn_rp.runs import Runs

_PRECISION = 1e-7  # of the range: how closely certified balls of one answer are made to meet
_MOST_ROUNDS = 120  # of halving
_POINTS = 2**20  # held at once, of rows that are few enough

# Answers of some rows at some values; how far to either side they are certainly the same; and how
# far what is released surely is: where votes are counted, next to a change any label may win.
Told = tuple[np.ndarray, np.ndarray, np.ndarray]
Read = Callable[[np.ndarray, np.ndarray], Told]


@dataclass(frozen=True, eq=False)
class Points:
    """Values that were looked at, by row and value.

    Parameters
    ----------
    row : ndarray of int of shape (n_points,)
        Row of each.
    z : ndarray of shape (n_points,)
        Value of the feature.
    symbol : ndarray of int of shape (n_points,)
        The answer there.
    half : ndarray of shape (n_points,)
        How far to either side it is certainly the same.
    near : ndarray of shape (n_points,)
        How far what is released surely is.
    """

    row: np.ndarray
    z: np.ndarray
    symbol: np.ndarray
    half: np.ndarray
    near: np.ndarray

    @classmethod
    def together(cls, *parts: Points) -> Points:
        """Points of several looks, one after the other."""
        names = ("row", "z", "symbol", "half", "near")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def in_order(self) -> Points:
        """By row and value; of several at one place the one that came last."""
        order = np.lexsort((self.z, self.row))
        row, z = self.row[order], self.z[order]
        return self.at(order[np.r_[(row[1:] != row[:-1]) | (z[1:] != z[:-1]), True]])

    def at(self, keep: np.ndarray) -> Points:
        """Some of them."""
        parts = self.row, self.z, self.symbol, self.half, self.near
        return Points(*(part[keep] for part in parts))


@dataclass(frozen=True)
class Fineness:
    """How closely is looked, as shares of the range.

    Parameters
    ----------
    cell : float
        Where nothing surely is the same, no band wider than this is passed over.
    ball : float
        How closely certified balls of one answer are made to meet.
    """

    cell: float
    ball: float = _PRECISION


def search(
    read: Read,
    feature: Number,
    own: np.ndarray,
    seen: np.ndarray | None,
    grid: np.ndarray,
    fineness: Fineness,
) -> Iterator[tuple[slice, Points]]:
    """Look at a grid, then halve what lies between two different answers.

    Where answers are certified, also what no certified ball covers: a band narrower than the grid
    is found all the same. How many points that takes is seen from the balls on the grid: rows that
    take many come in small batches.

    Parameters
    ----------
    read : callable
        Answer and certified half-width of some rows, each at a value.
    feature : Number
        The feature.
    own : ndarray of shape (n_rows,)
        The rows' own values.
    seen : ndarray of int of shape (n_rows,), or None
        What is known to be answered there; None: nothing is.
    grid : ndarray of shape (n_values,)
        Where to look first.
    fineness : Fineness
        How closely is looked.

    Yields
    ------
    rows, points : slice, Points
        Batch by batch; the points' rows are counted from the first of the batch.
    """
    row, z = np.repeat(np.arange(len(own)), len(grid)), np.tile(grid, len(own))
    symbol, half, near = read(row, z)
    finest = fineness.ball * (feature.high - feature.low)
    for rows in _batches(half.reshape(len(own), -1), np.diff(grid), finest):
        some = slice(rows.start * len(grid), rows.stop * len(grid))
        look = Points(row[some] - rows.start, z[some], symbol[some], half[some], near[some])
        known = None if seen is None else seen[rows]

        def batch(number: np.ndarray, value: np.ndarray, first: int = rows.start) -> Any:
            return read(number + first, value)

        yield rows, _searched(batch, feature, own[rows], known, look, fineness)


def _batches(half: np.ndarray, width: np.ndarray, finest: float) -> Iterator[slice]:
    """Rows whose balls are few enough to be held at once, or one row."""
    known = np.maximum(half[:, 1:], half[:, :-1]) > 0
    balls = np.where(known, width / np.maximum(half[:, 1:] + half[:, :-1], finest), 1.0)
    ends = np.cumsum(balls.sum(axis=1) + half.shape[1])
    first = 0
    while first < len(half):
        held = ends[first - 1] if first else 0.0
        after = max(first + 1, int(np.searchsorted(ends, held + _POINTS, side="right")))
        yield slice(first, min(after, len(half)))
        first = after


def _searched(
    read: Read,
    feature: Number,
    own: np.ndarray,
    seen: np.ndarray | None,
    look: Points,
    fineness: Fineness,
) -> Points:
    points = _halved(read, feature, look, fineness)
    if seen is None:
        return points
    found = Runs.from_points(points.row, points.z, points.symbol, len(own), 1 + points.symbol.max())
    stray = np.flatnonzero(found.at(own) != seen)
    if not len(stray):
        return points
    # A band so narrow that only the row in it sees it.
    new = Points(stray, own[stray], seen[stray], *np.zeros((2, len(stray))))
    return _halved(read, feature, Points.together(points, new), fineness)


def _halved(read: Read, feature: Number, points: Points, fineness: Fineness) -> Points:
    """Points looked at, and those between them that had to be looked at, too.

    Until two neighbours of different answers have no possible value between them.
    """
    points = points.in_order()
    left = np.flatnonzero(points.row[1:] == points.row[:-1])
    below, above = points.at(left), points.at(left + 1)
    looks = [points]
    finest, cell = (
        share * (feature.high - feature.low) for share in (fineness.ball, fineness.cell)
    )
    for _ in range(_MOST_ROUNDS):
        width, middle = above.z - below.z, feature.middle(below.z, above.z)
        known = np.maximum(below.half, above.half) > 0  # a point on a change has no ball
        bare = known & (below.half + above.half < width)
        bare &= width > finest
        unseen = (below.near + above.near < width) & (width > cell)
        open_ = (below.symbol != above.symbol) | bare | unseen
        open_ &= (middle > below.z) & (middle < above.z)
        if not open_.any():
            break
        below, above, middle = below.at(open_), above.at(open_), middle[open_]
        new = Points(below.row, middle, *read(below.row, middle))
        looks.append(new)
        below, above = Points.together(below, new), Points.together(new, above)
    return Points.together(*looks).in_order()


def certain_lengths(
    points: Points, domain: Any, n_rows: int, n_symbols: int
) -> tuple[np.ndarray, np.ndarray]:
    """Length of the stretches that certainly have an answer, and that certainly have another.

    Gap by gap, from the balls at its two ends; both of shape (n_rows, n_symbols).
    """
    row, z = points.row, points.z
    gap = np.flatnonzero(row[1:] == row[:-1])
    width = z[gap + 1] - z[gap]
    reach = np.zeros((n_symbols, len(gap)))
    if same_domain(domain, "continuous"):
        for end in (gap, gap + 1):
            reach[points.symbol[end], np.arange(len(gap))] += np.minimum(points.half[end], width)
    total = reach.sum(axis=0)
    inner, others = np.zeros((2, n_rows, n_symbols))
    for c in range(n_symbols):
        inner[:, c] = np.bincount(row[gap], np.minimum(reach[c], width), n_rows)
        others[:, c] = np.bincount(row[gap], np.minimum(total - reach[c], width), n_rows)
    return inner, others
