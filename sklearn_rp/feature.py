"""A sensitive feature: where it stands, and the values that it may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sklearn_rp.rows import (
    Rows,
    check_kind,
    column_values,
    find_column,
    is_pandas,
    missing,
    names_of,
    replace_columns,
    take_rows,
)

_SMALL = 512  # possible values: up to so many, every one is asked about
_FEWEST_ROWS = 20  # by which numbers of a float column are known to be whole ones only
_COMMON = 64  # values that occur often, asked about in any case
_WHOLE = 256  # whole numbers in the range of a feature that may have any value
_LARGEST_WHOLE = 2.0**52  # beyond, a double may not be a whole number
_LEAST = np.int64(-(2**63))


def extent(start: np.ndarray, stop: np.ndarray, domain: Any) -> np.ndarray:
    """How much of a domain lies in closed stretches.

    Parameters
    ----------
    start, stop : ndarray
        Ends of the stretches, possible values both; of a category its position and the next.
    domain : "continuous", "integer", "categories" or ndarray
        The values that are possible; an array holds all of them, sorted.

    Returns
    -------
    extent : ndarray
        Length of a stretch of real numbers; number of possible values of any other.

    Examples
    --------
    >>> extent(np.array([18.0, 30.0]), np.array([18.0, 39.0]), "integer")
    array([ 1., 10.])
    """
    if isinstance(domain, str):
        return stop - start + (domain == "integer")
    first = np.searchsorted(domain, start, side="left")
    return (np.searchsorted(domain, stop, side="right") - first).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Cells:
    """A partition of the domain; a model is read at one value of each cell.

    Parameters
    ----------
    inner : ndarray of shape (n_cells - 1,)
        Where a value passes from one cell to the next; an end belongs to the cell below it.
    at : ndarray of shape (n_cells,)
        A possible value in each cell.
    first, last : ndarray of shape (n_cells,)
        Smallest and largest possible value of each cell.
    ends : ndarray of shape (n_cells + 1,)
        Extent of the domain below each cell, and of all of it.
    """

    inner: np.ndarray
    at: np.ndarray
    first: np.ndarray
    last: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.at)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Number of the cell of each value; the outer cells go on for ever."""
        return np.searchsorted(self.inner, values, side="left")


@dataclass(frozen=True, eq=False)
class Feature:
    """The sensitive feature and the values that it may have.

    Parameters
    ----------
    column : int
        Its position in X.
    name : str
        Its name.
    low, high : float
        Smallest and largest possible value; of categories 0 and their number.
    categories : ndarray or None
        Categories, sorted, where it is not numeric.
    domain : "continuous", "integer" or ndarray
        The numbers that are possible between `low` and `high`: any, the whole ones, or these.
    strict : bool
        Whether a value that is not possible is an error; else it is taken for the nearest that is,
        and an unknown category for the commonest.
    common : ndarray
        Numbers that occur often, or the position of the commonest category.
    as_integers : bool
        Whether the column held Python's or numpy's integers.
    """

    column: int
    name: str
    low: float
    high: float
    categories: np.ndarray | None
    domain: Any
    strict: bool
    common: np.ndarray
    as_integers: bool = False

    @classmethod
    def from_data(
        cls, X: Rows, sensitive_feature: Any, bounds: Any, domain: Any = "auto"
    ) -> Feature:
        """Look the feature up in checked training rows.

        Raises
        ------
        ValueError
            If it is not there, constant, missing in some rows, or not among the possible values.
        """
        names = names_of(X)
        column = find_column(sensitive_feature, X.shape[1], names, parameter="sensitive_feature")
        name = str(names[column])
        if check_kind(X, column, parameter="sensitive_feature"):
            return cls._of_numbers(X, column, name, bounds, domain)
        return cls._of_categories(X, column, name, bounds, domain)

    @classmethod
    def _of_numbers(cls, X: Rows, column: int, name: str, bounds: Any, domain: Any) -> Feature:
        raw = column_values(X, column)
        values = raw.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(_missing(name))
        _check_domain(domain, name)
        held = X.dtypes.iloc[column] if is_pandas(X) else raw.dtype  # of nullable integers, too
        integers = (held if held.kind != "O" else np.asarray(raw.tolist()).dtype).kind in "iu"
        low, high = (values.min(), values.max()) if bounds is None else _check_bounds(bounds)
        if isinstance(domain, str):
            if domain == "auto":
                few = not integers and len(values) < _FEWEST_ROWS
                whole = _is_whole(values) and not few
                domain = "integer" if whole else "continuous"
            if domain == "integer":
                low, high = np.ceil(low), np.floor(high)
        else:
            domain = _listed(domain, bounds, name)
            low, high = domain[0], domain[-1]
        if not low < high:
            raise ValueError(
                f"sensitive_feature={name!r} is constant, {low:g}, in the rows given "
                f"(n_samples={len(values)}): give bounds=(low, high) if it can have other values."
            )
        given = bounds is not None or not isinstance(domain, str)
        seen, count = np.unique(values, return_counts=True)
        often = np.flatnonzero(count >= max(2, 0.005 * len(values)))
        often = often[np.argsort(-count[often], kind="stable")][:_COMMON]
        whole = not isinstance(domain, str) and _is_whole(domain)
        as_integers = integers and (whole or same_domain(domain, "integer"))
        common = np.sort(seen[often])
        ends = (float(low), float(high))
        found = cls(column, name, *ends, None, domain, True, common, as_integers)
        found.values(X)
        return found if given else replace(found, strict=False)

    @classmethod
    def _of_categories(cls, X: Rows, column: int, name: str, bounds: Any, domain: Any) -> Feature:
        found_values = column_values(X, column)
        if not (isinstance(domain, str) and domain == "auto"):
            raise ValueError(
                f"domain={domain!r} is not allowed for the categorical feature {name!r}: give the "
                "categories that are possible as bounds."
            )
        if bounds is not None and (isinstance(bounds, str) or not np.iterable(bounds)):
            raise ValueError(
                f"bounds={bounds!r} is not allowed for the categorical feature {name!r}: give a "
                "list of categories."
            )
        if missing(found_values).any():
            raise ValueError(_missing(name))
        possible = set(found_values.tolist() if bounds is None else bounds)
        try:
            ordered = sorted(possible)
        except TypeError:
            raise TypeError(
                f"sensitive_feature={name!r} has categories of several types: "
                f"{sorted(map(str, possible))[:5]} ... Convert them to text."
            ) from None
        categories = np.asarray(ordered, dtype=None if bounds is not None else found_values.dtype)
        if len(categories) < 2:
            raise ValueError(
                f"sensitive_feature={name!r} is constant: it has one category, "
                f"{categories.tolist()}. Give all in bounds if there are others."
            )
        found = cls(
            column, name, 0.0, float(len(categories)), categories, "categories", True, np.zeros(1)
        )
        commonest = np.bincount(found.values(X)).argmax()
        return replace(found, common=np.array([commonest]))

    def same_as(self, other: Feature) -> bool:
        """Whether two are the same feature with the same possible values."""
        ends = (self.column, self.low, self.high) == (other.column, other.low, other.high)
        return (
            ends
            and same_domain(self.domain, other.domain)
            and np.array_equal(
                [] if self.categories is None else self.categories,
                [] if other.categories is None else other.categories,
            )
        )

    @property
    def bounds(self) -> Any:
        """The values that are possible: (low, high), or the categories."""
        return (self.low, self.high) if self.categories is None else self.categories

    @property
    def counts(self) -> bool:
        """Whether an extent is a number of possible values."""
        return not same_domain(self.domain, "continuous")

    @cached_property
    def span(self) -> float:
        """Extent of the whole domain: a length, or the number of possible values."""
        return float(extent(np.array(self.low), np.array(self.high), self.domain))

    @cached_property
    def possible(self) -> np.ndarray | None:
        """All possible values (positions of categories), where they are few enough to be asked."""
        if self.categories is not None:
            return np.arange(len(self.categories))
        if not isinstance(self.domain, str):
            return self.domain
        if self.domain == "integer" and self.span <= _SMALL:
            return np.arange(self.low, self.high + 1)
        return None

    def values(self, X: Rows) -> np.ndarray:
        """The rows' own values: possible numbers, or positions of categories; shape (n_rows,)."""
        values = column_values(X, self.column)
        if missing(values).any():
            raise ValueError(_missing(self.name))
        if self.categories is not None:
            return self._positions(values)
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            # numpy's own error would show somebody's value.
            raise ValueError(
                f"sensitive_feature={self.name!r} held numbers in fit, and now holds something "
                "else: convert it with astype(float)."
            ) from None
        if not np.isfinite(values).all():
            raise ValueError(_missing(self.name))
        if self.strict:
            self._refuse(values)
        return self.nearest(values)

    def _positions(self, values: np.ndarray) -> np.ndarray:
        import pandas as pd

        known: Any = self.categories
        number = pd.Index(known).get_indexer(pd.Index(values))
        unknown = number < 0
        if unknown.any() and self.strict:
            shown = sorted({str(v) for v in values[unknown].tolist()})[:3]
            raise ValueError(
                f"Found the category of {self.name!r} {', '.join(shown)}, which is not among "
                f"{known.tolist()[:10]}: bounds must hold every category that is possible."
            )
        return np.where(unknown, int(self.common[0]), number)

    def _refuse(self, values: np.ndarray) -> None:
        outside = (values < self.low) | (values > self.high)
        whole = same_domain(self.domain, "integer")
        other = values != (np.round(values) if whole else self.nearest(values))
        if other.any() and self.counts:
            allowed = "whole numbers" if whole else "the numbers given"
            raise ValueError(
                f"sensitive_feature={self.name!r} has the value {values[other][0]:g}, but only "
                f"{allowed} are possible: give domain='continuous', or a domain that holds it."
            )
        if outside.any():
            raise ValueError(
                f"sensitive_feature={self.name!r} has the value {values[outside][0]:g}, outside "
                f"bounds=({self.low:g}, {self.high:g}): bounds must hold every value that is "
                "possible."
            )

    def nearest(self, values: np.ndarray) -> np.ndarray:
        """The possible number next to each number."""
        values = np.clip(values, self.low, self.high)
        if isinstance(self.domain, str):
            return np.round(values) if self.domain == "integer" else values
        above = np.clip(np.searchsorted(self.domain, values), 1, len(self.domain) - 1)
        low, high = self.domain[above - 1], self.domain[above]
        return np.where(values - low <= high - values, low, high)

    def settled(self, X: Rows) -> Rows:
        """The rows, each impossible value replaced by the possible one that it is taken for."""
        own = self.values(X)
        found = column_values(X, self.column)
        if self.categories is None:
            same = own == found.astype(np.float64)
        else:
            same = np.asarray(self.categories[own] == found)
        if same.all():
            return X
        return self.copies(X, np.arange(X.shape[0]), own)

    def middle(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """A possible number between two; one of them where there is none."""
        if not isinstance(self.domain, str):
            place = np.searchsorted(self.domain, low) + np.searchsorted(self.domain, high)
            return self.domain[place // 2]
        if self.domain == "integer":
            return np.floor(low / 2 + high / 2)
        # By size at first; then by the order of the doubles, which are dense around zero.
        near = high - low <= 1e-6 * (self.high - self.low)
        return np.where(near, _middle_in_order(low, high), low / 2 + high / 2)

    def first_look(self, cells: int, atoms: bool) -> np.ndarray:
        """Values that are asked about first: a grid, and what a model may treat by itself.

        Parameters
        ----------
        cells : int
            Cells of the grid.
        atoms : bool
            Whether to add values that occur often, whole numbers and zero.
        """
        looks = [np.linspace(self.low, self.high, cells + 1)]
        if atoms:
            whole = np.arange(np.ceil(self.low), self.low + min(self.high - self.low, _WHOLE) + 1)
            few = self.high - self.low <= _WHOLE
            looks += [self.common, whole if few else np.array([-1.0, 0.0, 1.0])]
        look = np.concatenate(looks)
        return np.unique(self.nearest(look[(look >= self.low) & (look <= self.high)]))

    def cells(self, inner: np.ndarray | None, resolution: int) -> Cells:
        """Cells between given ends, or of a grid; every possible value alone, where they are few.

        Parameters
        ----------
        inner : ndarray or None
            Where a model may change: the largest number below each change.
        resolution : int
            Cells of the grid, where `inner` is None.
        """
        if self.possible is not None:
            at = self.possible.astype(np.float64)
            last = at + 1 if self.categories is not None else at
            return Cells((at[1:] + at[:-1]) / 2, at, at, last, np.arange(len(at) + 1.0))
        if inner is None:
            inner = np.linspace(self.low, self.high, resolution + 1)[1:-1]
        if self.domain == "integer":
            inner = np.floor(inner)
        inner = np.unique(inner[(inner >= self.low) & (inner < self.high)])
        ends = np.r_[self.low, inner, self.high]
        if self.domain == "integer":
            first = np.r_[self.low, inner + 1]
            last = np.r_[inner, self.high]
            counts = np.r_[0.0, np.cumsum(extent(first, last, "integer"))]
            return Cells(inner, np.floor((first + last) / 2), first, last, counts)
        first = np.r_[self.low, np.nextafter(inner, np.inf)]
        return Cells(inner, (ends[1:] + ends[:-1]) / 2, first, ends[1:], ends - self.low)

    def copies(self, X: Rows, rows: np.ndarray, z: np.ndarray) -> Rows:
        """Rows of `X` with the sensitive feature replaced: by numbers, or category positions."""
        if self.categories is not None:
            values = self.categories[z.astype(np.intp)]
        else:  # whole numbers as the column held them: a model may tell 3 from 3.0
            values = z.astype(np.int64) if self.as_integers else z
        return replace_columns(take_rows(X, rows), np.array([self.column]), values[:, None], 1)


def _middle_in_order(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The double halfway between two in the order of all doubles."""
    one, other = _order(low), _order(high)
    order = (one >> 1) + (other >> 1) + (one & other & 1)  # their sum may not fit
    return np.where(order < 0, _LEAST - order, order).view(np.float64)


def _order(values: np.ndarray) -> np.ndarray:
    """Doubles as whole numbers in the same order, next to each other where the doubles are."""
    bits = np.asarray(values, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, _LEAST - bits, bits)


def _is_whole(values: np.ndarray) -> bool:
    return bool((values == np.round(values)).all() and np.abs(values).max() < _LARGEST_WHOLE)


def same_domain(one: Any, other: Any) -> bool:
    """Whether two domains hold the same numbers, ends apart."""
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    return np.array_equal(one, other)


def _missing(name: str) -> str:
    return (
        f"Input X contains NaN, infinity or missing values in sensitive_feature={name!r}: the set "
        "of compatible values needs a value to start from. Impute them before, or leave the rows "
        "out."
    )


def _check_bounds(bounds: Any) -> tuple[float, float]:
    try:
        ends: Any = None if isinstance(bounds, Mapping) else bounds  # its keys are no ends
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds={bounds!r} is not allowed: give (low, high) for a numeric feature."
        ) from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"bounds={bounds!r} is not allowed: low must be below high, both finite.")
    return low, high


def _check_domain(domain: Any, name: str) -> None:
    if isinstance(domain, str) and domain not in ("auto", "continuous", "integer"):
        raise ValueError(
            f"domain={domain!r} is not allowed for {name!r}: give 'auto', 'continuous', 'integer', "
            "or all the numbers that are possible."
        )


def _listed(domain: Any, bounds: Any, name: str) -> np.ndarray:
    """All possible numbers, sorted."""
    try:
        values = np.unique(np.asarray(domain, dtype=np.float64))
    except (TypeError, ValueError):
        values = np.empty(0)
    if len(values) < 2 or not np.isfinite(values).all() or np.ndim(domain) != 1:
        raise ValueError(
            f"domain={domain!r} is not allowed for {name!r}: give 'auto', 'continuous', 'integer', "
            "or all the numbers that are possible, at least two."
        )
    if bounds is not None:
        low, high = _check_bounds(bounds)
        if low != values[0] or high != values[-1]:
            raise ValueError(
                f"bounds={bounds!r} and domain={domain!r} contradict each other: a list of numbers "
                "has its own ends; leave bounds out."
            )
    return values
