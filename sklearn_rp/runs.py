"""Stretches of a feature along which an answer stays the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from sklearn_rp.domain import extent


@dataclass(frozen=True, eq=False)
class Runs:
    """Stretches of equal answers, row after row.

    Along several features together they are boxes: ends then have a column for each feature.

    Parameters
    ----------
    row, symbol : ndarray of int of shape (n_runs,)
        Row and number of the answer of each stretch; rows in order.
    low, high : ndarray of shape (n_runs,) or (n_runs, n_features)
        Its ends, both of them in it; of a category its position and the next.
    n_rows, n_symbols : int
        Numbers of rows and of possible answers.

    Examples
    --------
    >>> ages = np.arange(18.0, 22.0)
    >>> runs = Runs.from_cells(np.array([[0, 0, 1, 0], [1, 1, 1, 1]]), ages, ages, 2)
    >>> runs.low.tolist(), runs.high.tolist()
    ([18.0, 20.0, 21.0, 18.0], [19.0, 20.0, 21.0, 21.0])
    >>> runs.totals("integer").tolist()
    [[3.0, 1.0], [0.0, 4.0]]
    """

    row: np.ndarray
    symbol: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_rows: int
    n_symbols: int

    @classmethod
    def from_cells(
        cls,
        symbols: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
        n_symbols: int,
        *,
        apart: bool = False,
    ) -> Runs:
        """Runs of cells along one feature: `symbols` of shape (n_rows, n_cells).

        Cells reach from `first` to `last`. With `apart` cells have no neighbours (categories): each
        is a run of its own.
        """
        begins = np.ones(symbols.shape, dtype=bool)
        if not apart:
            begins[:, 1:] = symbols[:, 1:] != symbols[:, :-1]
        stops = np.ones(symbols.shape, dtype=bool)
        stops[:, :-1] = begins[:, 1:]
        row, begin = np.nonzero(begins)
        stop = np.nonzero(stops)[1]
        return cls(row, symbols[row, begin], first[begin], last[stop], len(symbols), n_symbols)

    @classmethod
    def from_points(
        cls, row: np.ndarray, at: np.ndarray, symbol: np.ndarray, n_rows: int, n_symbols: int
    ) -> Runs:
        """Runs of points along one feature, by row and value; between two of them is nothing."""
        change = (row[1:] != row[:-1]) | (symbol[1:] != symbol[:-1])
        starts, stops = np.flatnonzero(np.r_[True, change]), np.flatnonzero(np.r_[change, True])
        return cls(row[starts], symbol[starts], at[starts], at[stops], n_rows, n_symbols)

    @cached_property
    def first(self) -> np.ndarray:
        """Position of each row's first run, and the number of all: shape (n_rows + 1,)."""
        return np.searchsorted(self.row, np.arange(self.n_rows + 1))

    def of_rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions in `rows`, and the runs of the row that stands there, side by side."""
        return side_by_side(self.first[rows], self.first[rows + 1])

    def take(self, rows: np.ndarray) -> Runs:
        """Runs of some rows, in their order."""
        row, run = self.of_rows(rows)
        return Runs(row, self.symbol[run], self.low[run], self.high[run], len(rows), self.n_symbols)

    def where(self, keep: np.ndarray) -> Runs:
        """Some of the runs, of all rows: `keep` is a mask."""
        kept = {name: getattr(self, name)[keep] for name in ("row", "symbol", "low", "high")}
        return replace(self, **kept)

    def sizes(self, *domains: Any) -> np.ndarray:
        """How much of the domain each run holds, of boxes the product: shape (n_runs,)."""
        ends = zip(_along(self.low), _along(self.high), domains, strict=True)
        return reduce(np.multiply, [extent(*each) for each in ends])

    def totals(self, *domains: Any) -> np.ndarray:
        """How much of the domain has each answer: shape (n_rows, n_symbols)."""
        return self.sums(self.sizes(*domains))

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """Sums of what each run weighs, by row and answer: shape (n_rows, n_symbols)."""
        cell, shape = self.row * self.n_symbols + self.symbol, (self.n_rows, self.n_symbols)
        return np.bincount(cell, weights=weights, minlength=shape[0] * shape[1]).reshape(shape)

    def has_answer(self, symbol: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """Whether some symbols stand for some answers: they are these."""
        return np.asarray(symbol == answer)

    def holding(self, values: np.ndarray) -> np.ndarray:
        """Which runs hold the value of their row: `values` of shape (n_rows,), or of boxes."""
        at = values[self.row]
        inside = (self.low <= at) & (at <= self.high)
        return inside if inside.ndim == 1 else inside.all(axis=1)

    def at(self, values: np.ndarray) -> np.ndarray:
        """Answer of each row at one value; -1 where no run holds it: shape (n_rows,)."""
        held = self.holding(values)
        symbol = np.full(self.n_rows, -1)
        symbol[self.row[held]] = self.symbol[held]
        return symbol

    def hull(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest end among the runs of each row; NaN where it has none."""
        low, high = np.full((2, self.n_rows, *self.low.shape[1:]), np.nan)
        np.fmin.at(low, self.row, self.low)
        np.fmax.at(high, self.row, self.high)
        return low, high

    def intersect(self, other: Runs, *domains: Any) -> Runs:
        """Where a run of the one and a run of the other lie over each other, in the same row.

        The answers are pairs: those of the one times the number of the other's, and the other's.
        """
        one, run = side_by_side(*other._near(self))
        low = np.maximum(self.low[one], other.low[run])
        high = np.minimum(self.high[one], other.high[run])
        meet = np.ones(len(one), dtype=bool)
        for a, b, domain in zip(_along(low), _along(high), domains, strict=True):
            category = isinstance(domain, str) and domain == "categories"
            meet &= (a < b) if category else (a <= b)
        symbol = self.symbol[one] * other.n_symbols + other.symbol[run]
        n_symbols = self.n_symbols * other.n_symbols
        return Runs(self.row[one], symbol, low, high, self.n_rows, n_symbols).where(meet)

    def _near(self, other: Runs) -> tuple[np.ndarray, np.ndarray]:
        """For each run of `other` the runs here that it may touch: the first, and behind the last.

        Boxes: all of the row. Along one feature runs are in order, so that few have to be tried.
        """
        if self.low.ndim > 1:
            return self.first[other.row], self.first[other.row + 1]
        ends = np.concatenate([self.low, self.high, other.low, other.high])
        row = np.concatenate([self.row, self.row, other.row, other.row])
        place = row * len(ends) + np.unique(ends, return_inverse=True)[1]
        n = len(self.row)
        low, high, begins, stops = np.split(place, [n, 2 * n, 2 * n + len(other.row)])
        return np.searchsorted(high, begins), np.searchsorted(low, stops, side="right")


@dataclass(frozen=True, eq=False)
class ListRuns(Runs):
    """Stretches of equal lists of items: symbols are the lists' numbers.

    Parameters
    ----------
    row, symbol, low, high, n_rows, n_symbols
        As of `Runs`.
    items : ndarray of int of shape (n_symbols, n_best)
        The items of each list.
    worth : ndarray of shape (n_best,)
        What they get of its weight.
    n_items : int
        Number of all items.
    """

    items: np.ndarray
    worth: np.ndarray
    n_items: int

    @classmethod
    def from_lists(
        cls, lists: np.ndarray, first: np.ndarray, last: np.ndarray, worth: np.ndarray, n_items: int
    ) -> ListRuns:
        """Runs of cells along one feature: `lists` of shape (n_rows, n_cells, n_best)."""
        items, number = np.unique(lists.reshape(-1, lists.shape[2]), axis=0, return_inverse=True)
        runs = Runs.from_cells(number.reshape(lists.shape[:2]), first, last, len(items))
        ends = runs.row, runs.symbol, runs.low, runs.high
        return cls(*ends, runs.n_rows, runs.n_symbols, items, worth, n_items)

    def sums(self, weights: np.ndarray) -> np.ndarray:
        """Sums of what each run weighs, by row and item: shape (n_rows, n_items)."""
        cell = self.row[:, None] * self.n_items + self.items[self.symbol]
        each, size = weights[:, None] * self.worth, self.n_rows * self.n_items
        found = np.bincount(cell.ravel(), weights=each.ravel(), minlength=size)
        return found.reshape(self.n_rows, self.n_items)

    def has_answer(self, symbol: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """Whether some symbols stand for some lists, and far out nothing else does.

        What all copies name has more than half of the votes for it, and nothing else has; but in
        which order is not settled by that.
        """
        if (self.worth != 1).any():
            return np.zeros(len(symbol), dtype=bool)
        return np.asarray((self.items[symbol] == answer).all(axis=1))


def side_by_side(first: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranges written out: for each of their numbers the range that it is from, and the number.

    Parameters
    ----------
    first, after : ndarray of int of shape (n_ranges,)
        Where each begins, and the number behind its last.

    Returns
    -------
    place, number : ndarray of int of shape (n_numbers,)
    """
    count = after - first
    place = np.repeat(np.arange(len(first)), count)
    within = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count)
    return place, first[place] + within


def _along(ends: np.ndarray) -> np.ndarray:
    """Ends along one feature after the other: shape (n_features, n_runs)."""
    return np.atleast_2d(ends.T)


def concatenate(parts: Sequence[Runs]) -> Runs:
    """Runs of consecutive chunks of rows as one."""
    offset = np.cumsum([0, *(part.n_rows for part in parts)])
    row = [part.row + first for part, first in zip(parts, offset[:-1], strict=True)]
    names = ("symbol", "low", "high")
    symbol, low, high = (np.concatenate([getattr(p, name) for p in parts]) for name in names)
    n_symbols = parts[0].n_symbols
    return Runs(np.concatenate(row), symbol, low, high, int(offset[-1]), n_symbols)
