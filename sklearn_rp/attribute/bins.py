"""Bins of one feature, the same for everybody and none below a minimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.partition import last_starts, least_of, measured
from sklearn_rp.domain import Cells
from sklearn_rp.feature import Category, Feature, Number
from sklearn_rp.rows import Rows, is_frame, is_pandas, with_categories

_GRID = 128  # candidate ends of bins: so many evenly over the range,
_QUANTILES = 64  # and so many evenly over the population
_MOST = 256  # bins; up to so many possible values, a bin may end at each
_EXACT = 12  # categories: up to so many, every grouping is weighed
_EVEN = 1e-6  # what evenness weighs beside a model


@dataclass(frozen=True, eq=False)
class Draft:
    """Cells of a sensitive feature, of which bins are to be made.

    Parameters
    ----------
    feature : Feature
        The feature.
    cells : Cells
        A bin is made of whole cells.
    mass : ndarray of shape (n_cells,)
        Share of the population in each; none has nothing.
    measure, least : ndarray of shape (n_cells + 1,), float
        As `measured` gives them.
    strategy : str
        "uniform": the cells of a number are the bins.
    """

    feature: Feature
    cells: Cells
    mass: np.ndarray
    measure: np.ndarray
    least: float
    strategy: str

    @classmethod
    def of(cls, feature: Feature, minimum: float, unit: str, X: Rows, strategy: str) -> Draft:
        """Cells that the strategy needs."""
        own = feature.values(X)

        def draft(cells: Cells) -> Draft:
            count = np.bincount(cells.of(own), minlength=len(cells)).astype(np.float64)
            measure, least = measured(minimum, unit, feature, cells, count)
            mass = count + _EVEN / len(count)
            return cls(feature, cells, mass / mass.sum(), measure, least, strategy)

        if not isinstance(feature, Number):
            return draft(feature.cells(None, 1))
        total = 1.0 if unit == "mass" else feature.span
        least = least_of(minimum, unit, feature)
        most = max(1, int(total / least + 1e-9)) if least * _MOST > total else _MOST
        if strategy != "uniform":
            few = feature.possible is not None and len(feature.possible) <= _MOST
            return draft(feature.cells(None, 1) if few else _candidates(feature, own, most))
        if feature.counts:
            most = min(most, int(feature.span))
        for n_bins in range(most, 0, -1):
            found = draft(_cells(feature, _even_ends(feature, n_bins)))
            # Fewer than asked for where two ends are the same double.
            if (last_starts(found.measure, least)[1:] >= np.arange(len(found.cells))).all():
                break
        return found

    def groups(self, gram: np.ndarray) -> np.ndarray:
        """Number of the bin of each cell.

        Parameters
        ----------
        gram : ndarray of shape (n_cells, n_cells)
            Inner products, over training rows and outputs, of a model's answers in the cells: each
            less the row's mean, times the cell's mass. With ``S`` the sum of the entries of a bin
            and ``P`` its mass, ``S / P`` is what the squared distance falls by where the bin has
            a mean answer of its own.
        """
        # Beside the model, very little: where it does not care, bins as equal as they can be.
        scale = float((np.diag(gram) / self.mass).sum())
        gram = gram / scale if scale > 0 else gram
        n_cells = len(self.cells)
        if isinstance(self.feature, Category):
            least = int(min(self.least, n_cells))
            if self.strategy == "uniform":
                return np.arange(n_cells) * (n_cells // least) // n_cells
            return _best_groups(gram, self.mass, least)
        if self.strategy == "uniform":
            return np.arange(n_cells)
        return _best_bins(gram, self.mass, last_starts(self.measure, self.least))


@dataclass(frozen=True, eq=False)
class Bins:
    """Bins of a feature, and what stands for each.

    Parameters
    ----------
    feature : Feature
        The feature; what is not possible counts as the nearest value that is.
    cells : Cells
        The bins of a number; each category by itself.
    group : ndarray of int of shape (n_cells,)
        Number of the bin of each cell.
    values : ndarray of shape (n_bins,)
        What stands for each bin, a possible value.
    palette : series or None
        The same as a column of the dtype that the training rows had; None for an array.
    """

    feature: Feature
    cells: Cells
    group: np.ndarray
    values: np.ndarray
    palette: Any

    @classmethod
    def of(cls, draft: Draft, group: np.ndarray, X: Rows) -> Bins:
        """Bins of some cells each."""
        # A refusal of one person's value would tell about it.
        feature = draft.feature.lenient()
        cells = draft.cells
        if isinstance(feature, Number):
            cells = _merged(feature, cells, np.flatnonzero(np.diff(group)))
            group, at = np.arange(len(cells)), cells.at
        else:
            order = np.lexsort((-draft.mass, group))
            at = order[np.r_[True, np.diff(group[order]) > 0]]
        values = feature.held(at)
        return cls(feature, cells, group, values, _palette(X, feature.column, values))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def ends(self) -> Any:
        """Smallest and largest possible value of each bin; categories of each group."""
        known = self.feature.categories
        if known is None:
            return np.stack([self.cells.first, self.cells.last], axis=1)
        return [known[self.group == number] for number in range(len(self))]

    def of_rows(self, X: Rows) -> np.ndarray:
        """Number of each row's bin."""
        return self.group[self.cells.of(self.feature.values(X))]

    def column(self, X: Rows) -> Any:
        """The column of a frame, what stands for its bin in place of each value."""
        number = self.of_rows(X)
        name = X.columns[self.feature.column]
        if not is_pandas(X):
            known = self.palette if type(self.palette) is type(X[name]) else None
            return (type(X[name])(self.values) if known is None else known)[number].alias(name)
        known = self.palette if isinstance(self.palette, pd.Series) else pd.Series(self.values)
        return known.iloc[number].set_axis(X.index)

    def open_columns(self, X: Rows, name: str) -> dict[str, np.ndarray]:
        """Ends of each row's bin; for a category whether each is in the row's group."""
        number, known = self.of_rows(X), self.feature.categories
        if known is None:
            low, high = self.ends[number].T
            return {f"{name}_low": low, f"{name}_high": high}
        inside = (self.group == number[:, None]).astype(np.float64)
        return {f"{name}_{c}": inside[:, k] for k, c in enumerate(known)}


def _palette(X: Rows, column: int, values: np.ndarray) -> Any:
    """What stands for each bin, as a column of the kind that a frame has; None for an array."""
    if not is_frame(X):
        return None
    numbers = values.dtype.kind in "if"
    if not is_pandas(X):
        old = X[X.columns[column]]
        return type(old)(values.tolist(), dtype=None if numbers else old.dtype)
    kind = None if numbers else X.dtypes.iloc[column]
    if isinstance(kind, pd.CategoricalDtype):
        kind = with_categories(kind, values)
    return pd.Series(values, dtype=kind)


def _merged(feature: Number, cells: Cells, last: np.ndarray) -> Cells:
    """Cells put together; `last` are the positions of the last ones, that of all left out."""
    start, stop = np.r_[0, last + 1], np.r_[last, len(cells) - 1]
    first, end = cells.first[start], cells.last[stop]
    ends = cells.ends[np.r_[start, len(cells)]]
    return Cells(cells.inner[last], feature.middle(first, end), first, end, ends)


def _cells(feature: Number, ends: np.ndarray) -> Cells:
    """Cells of a number that end at some of its possible values."""
    if feature.possible is None:
        return feature.cells(ends, 1)
    alone = feature.cells(None, 1)
    last = np.unique(np.searchsorted(alone.last, ends))
    return _merged(feature, alone, last[last < len(alone) - 1])


def _even_ends(feature: Number, n_bins: int) -> np.ndarray:
    """Where equally wide bins end, as equally as the possible values allow."""
    below = np.arange(1, n_bins) / n_bins * feature.span
    if not feature.counts:
        return feature.low + below
    below = np.floor(below + 1e-9).astype(np.int64)
    if isinstance(feature.domain, str):
        return feature.low + below - 1
    return feature.domain[below - 1]


def _candidates(feature: Number, own: np.ndarray, most: int) -> Cells:
    """Cells that end wherever a bin may: evenly over the range, and over the population."""
    seen, count = np.unique(own, return_counts=True)
    share = np.cumsum(count) / len(own)
    wanted = np.r_[np.arange(1, _QUANTILES) / _QUANTILES, np.arange(1, most + 1) / most]
    at = np.searchsorted(share, wanted - 1e-12)
    at = np.unique(np.r_[at, at - 1])
    at = at[(at >= 0) & (at < len(seen) - 1)]
    between = feature.middle(seen[at], seen[at + 1])
    grid = [
        _even_ends(feature, n) for n in (_GRID, most) if n <= feature.span or not feature.counts
    ]
    return _cells(feature, np.concatenate([*grid, between]))


def _worth(square: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """What bins are worth: ``S / P``, and a little for their being many and equal."""
    mass = np.where(mass > 0, mass, np.inf)
    return square / mass - _EVEN * np.where(mass < np.inf, mass, 0.0) ** 2


def _best_bins(gram: np.ndarray, mass: np.ndarray, last_start: np.ndarray) -> np.ndarray:
    """Bins of neighbouring cells with the largest total worth, none too short; O(n_cells^2).

    ``F[k] = max_{j <= last_start[k]} F[j] + worth(j, k)``, `last_start` as in `best_runs`.
    """
    n_cells = len(mass)
    below, total = np.r_[0.0, np.cumsum(mass)], np.zeros((n_cells + 1,) * 2)
    total[1:, 1:] = gram.cumsum(axis=0).cumsum(axis=1)
    own = np.diag(total)
    worth = _worth(own[:, None] + own - total - total.T, below - below[:, None])
    best = np.r_[0.0, np.full(n_cells, -np.inf)]
    came_from = np.zeros(n_cells + 1, dtype=np.intp)
    for k in range(1, n_cells + 1):
        if last_start[k] >= 0:
            ended = best[: last_start[k] + 1] + worth[: last_start[k] + 1, k]
            came_from[k] = ended.argmax()
            best[k] = ended[came_from[k]]
    starts = np.zeros(n_cells, dtype=np.intp)
    k = n_cells
    while k:
        k = came_from[k]
        starts[k] = 1
    return np.cumsum(starts) - 1


def _best_groups(gram: np.ndarray, mass: np.ndarray, least: int) -> np.ndarray:
    """Groups of categories with the largest total worth, none too small.

    Over sets of categories, where they are few: the best of a set is its best group with the first
    of them, and the best of the rest. Groups of twice the least are split without loss.
    """
    n = len(mass)
    if n < 2 * least:
        return np.zeros(n, dtype=np.intp)
    if n > _EXACT:
        return _good_groups(gram, mass, least)
    code = np.arange(1, 2**n)
    member = (code[:, None] >> np.arange(n)) & 1
    fits = (least <= member.sum(axis=1)) & (member.sum(axis=1) < 2 * least)
    code, member = code[fits], member[fits]
    worth = _worth(((member @ gram) * member).sum(axis=1), member @ mass)
    lowest = code & -code
    by_first = {int(bit): np.flatnonzero(lowest == bit) for bit in np.unique(lowest)}
    best, choice = np.full(2**n, -np.inf), np.zeros(2**n, dtype=np.intp)
    best[0] = 0.0
    # The first category leaves with the first group: after that it is in none that is looked up.
    for some in [*range(2, 2**n, 2), 2**n - 1]:
        groups = by_first.get(some & -some, np.empty(0, dtype=np.intp))
        groups = groups[code[groups] & ~some == 0]
        if len(groups):
            total = worth[groups] + best[some ^ code[groups]]
            choice[some] = groups[total.argmax()]
            best[some] = total.max()
    group, left, number = np.empty(n, dtype=np.intp), 2**n - 1, 0
    while left:
        group[member[choice[left]] > 0] = number
        left ^= int(code[choice[left]])
        number += 1
    return group


def _good_groups(gram: np.ndarray, mass: np.ndarray, least: int) -> np.ndarray:
    """Groups of many categories: the best in the order of the answers' main direction.

    Where there are no answers they are dealt out, the largest first, to and fro.
    """
    n = len(mass)
    group = np.empty(n, dtype=np.intp)
    if not gram.any():
        turn, place = np.divmod(np.arange(n), n // least)
        group[np.argsort(-mass, kind="stable")] = np.where(turn % 2, n // least - 1 - place, place)
        return group
    root = np.sqrt(mass)
    direction = np.linalg.eigh(gram / root / root[:, None])[1][:, -1] / root
    order = np.argsort(direction, kind="stable")
    last_start = last_starts(np.arange(n + 1.0), least)
    group[order] = _best_bins(gram[np.ix_(order, order)], mass[order], last_start)
    return group
