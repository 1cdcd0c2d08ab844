"""A sensitive feature: where it stands, and the values that it may have."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from sklearn_rp.domain import (
    Cells,
    check_bounds,
    check_domain,
    extent,
    is_whole,
    listed,
    middle_in_order,
    same_domain,
)
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


@dataclass(frozen=True, eq=False)
class Feature(ABC):
    """The sensitive feature and the values that it may have.

    Inside, a value is a number: of a category its position.

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
    domain : "continuous", "integer", ndarray or "categories"
        The numbers that are possible between `low` and `high`: any, the whole ones, or these.
    strict : bool
        Whether a value that is not possible is an error; else it is taken for the nearest that is,
        and an unknown category for the commonest.
    common : ndarray
        Numbers that occur often, or the position of the commonest category.
    """

    column: int
    name: str
    low: float
    high: float
    categories: np.ndarray | None
    domain: Any
    strict: bool
    common: np.ndarray

    kind: ClassVar[str]  # in words
    units: ClassVar[tuple[str, ...]]  # that a minimum may be given in

    @staticmethod
    def from_data(X: Rows, sensitive_feature: Any, bounds: Any, domain: Any = "auto") -> Feature:
        """Look the feature up in checked training rows.

        Raises
        ------
        ValueError
            If it is not there, constant, missing in some rows, or not among the possible values.
        """
        names = names_of(X)
        column = find_column(sensitive_feature, X.shape[1], names, parameter="sensitive_feature")
        numeric = check_kind(X, column, parameter="sensitive_feature")
        kind: type[Number] | type[Category] = Number if numeric else Category
        return kind.from_column(X, column, str(names[column]), bounds, domain)

    @property
    @abstractmethod
    def bounds(self) -> Any:
        """The values that are possible: (low, high), or the categories."""

    @property
    @abstractmethod
    def possible(self) -> np.ndarray | None:
        """All possible values, where they are few enough to be asked."""

    @abstractmethod
    def own(self, held: np.ndarray) -> np.ndarray:
        """The possible values that entries of the column, none missing, are taken for."""

    @abstractmethod
    def _are(self, own: np.ndarray, held: np.ndarray) -> np.ndarray:
        """Whether entries of the column are the values that they are taken for."""

    @abstractmethod
    def named(self, z: np.ndarray) -> np.ndarray:
        """Values as people call them: numbers, or categories by name."""

    @abstractmethod
    def held(self, z: np.ndarray) -> np.ndarray:
        """Values as the column holds them."""

    @abstractmethod
    def cells(self, inner: np.ndarray | None, resolution: int) -> Cells:
        """Cells between given ends, or of a grid; every possible value alone, where they are few.

        Parameters
        ----------
        inner : ndarray or None
            Where a model may change: the largest number below each change.
        resolution : int
            Cells of the grid, where `inner` is None.
        """

    @property
    def columns(self) -> np.ndarray:
        """Its position, as `replace_columns` takes it."""
        return np.array([self.column])

    @property
    def counts(self) -> bool:
        """Whether an extent is a number of possible values."""
        return not same_domain(self.domain, "continuous")

    @cached_property
    def span(self) -> float:
        """Extent of the whole domain: a length, or the number of possible values."""
        return float(extent(np.array(self.low), np.array(self.high), self.domain))

    def holds(self, low: np.ndarray, high: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Whether stretches hold a value: both ends are in them, of a category its position."""
        return (low <= at) & (at <= high)

    def same_as(self, other: Feature) -> bool:
        """Whether two are the same feature with the same possible values."""
        return (
            self.column == other.column
            and same_domain(self.domain, other.domain)
            and np.array_equal(self.bounds, other.bounds)
        )

    def lenient(self) -> Self:
        """The same, where a value that is not possible is no error.

        For rows of one person each: a refusal would tell about the value.
        """
        return replace(self, strict=False)

    def values(self, X: Rows) -> np.ndarray:
        """The rows' own values: possible numbers, or positions of categories; shape (n_rows,)."""
        held = column_values(X, self.column)
        if missing(held).any():
            raise ValueError(_missing(self.name))
        return self.own(held)

    def settled(self, X: Rows) -> Rows:
        """The rows, each impossible value replaced by the possible one that it is taken for."""
        own, held = self.values(X), column_values(X, self.column)
        if self._are(own, held).all():
            return X
        return self.copies(X, np.arange(X.shape[0]), own)

    def copies(self, X: Rows, rows: np.ndarray, z: np.ndarray) -> Rows:
        """Rows of `X` with the sensitive feature replaced: by numbers, or category positions."""
        return replace_columns(take_rows(X, rows), self.columns, self.held(z)[:, None], 1)


@dataclass(frozen=True, eq=False)
class Number(Feature):
    """A numeric feature.

    Parameters
    ----------
    as_integers : bool
        Whether the column held Python's or numpy's integers.
    """

    as_integers: bool = False

    kind = "numeric"
    units = ("share", "length", "mass")

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest possible number."""
        return self.low, self.high

    @classmethod
    def from_column(cls, X: Rows, column: int, name: str, bounds: Any, domain: Any) -> Number:
        """Look the numbers of a column up."""
        raw = column_values(X, column)
        values = raw.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(_missing(name))
        check_domain(domain, name)
        held = X.dtypes.iloc[column] if is_pandas(X) else raw.dtype  # of nullable integers, too
        integers = (held if held.kind != "O" else np.asarray(raw.tolist()).dtype).kind in "iu"
        low, high = (values.min(), values.max()) if bounds is None else check_bounds(bounds)
        if isinstance(domain, str):
            if domain == "auto":
                few = not integers and len(values) < _FEWEST_ROWS
                whole = is_whole(values) and not few
                domain = "integer" if whole else "continuous"
            if domain == "integer":
                low, high = np.ceil(low), np.floor(high)
        else:
            domain = listed(domain, bounds, name)
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
        whole = not isinstance(domain, str) and is_whole(domain)
        as_integers = integers and (whole or same_domain(domain, "integer"))
        common = np.sort(seen[often])
        ends = (float(low), float(high))
        found = cls(column, name, *ends, None, domain, True, common, as_integers)
        found.values(X)
        return found if given else found.lenient()

    @cached_property
    def possible(self) -> np.ndarray | None:
        """All possible numbers, where they are few enough to be asked."""
        if not isinstance(self.domain, str):
            return self.domain
        if self.domain == "integer" and self.span <= _SMALL:
            return np.arange(self.low, self.high + 1)
        return None

    def own(self, held: np.ndarray) -> np.ndarray:
        """The possible numbers that entries of the column are taken for."""
        try:
            values = held.astype(np.float64)
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

    def _are(self, own: np.ndarray, held: np.ndarray) -> np.ndarray:
        return own == held.astype(np.float64)

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

    def middle(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """A possible number between two; one of them where there is none."""
        if not isinstance(self.domain, str):
            place = np.searchsorted(self.domain, low) + np.searchsorted(self.domain, high)
            return self.domain[place // 2]
        if self.domain == "integer":
            return np.floor(low / 2 + high / 2)
        # By size at first; then by the order of the doubles, which are dense around zero.
        near = high - low <= 1e-6 * (self.high - self.low)
        return np.where(near, middle_in_order(low, high), low / 2 + high / 2)

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
        """Cells between given ends, or of a grid; every possible number alone, where few are."""
        if self.possible is not None:
            at = self.possible.astype(np.float64)
            return Cells.alone(at, at)
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

    def named(self, z: np.ndarray) -> np.ndarray:
        """The numbers themselves."""
        return z

    def held(self, z: np.ndarray) -> np.ndarray:
        """Whole numbers as the column held them: a model may tell 3 from 3.0."""
        return z.astype(np.int64) if self.as_integers else z


@dataclass(frozen=True, eq=False)
class Category(Feature):
    """A categorical feature: its values are positions in `categories`."""

    categories: np.ndarray

    kind = "categorical"
    units = ("share", "categories")

    @property
    def bounds(self) -> np.ndarray:
        """The categories."""
        return self.categories

    @classmethod
    def from_column(cls, X: Rows, column: int, name: str, bounds: Any, domain: Any) -> Category:
        """Look the categories of a column up."""
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

    @property
    def possible(self) -> np.ndarray:
        """Positions of all categories."""
        return np.arange(len(self.categories))

    def own(self, held: np.ndarray) -> np.ndarray:
        """Positions of the categories that entries of the column are taken for."""
        number = pd.Index(self.categories).get_indexer(pd.Index(held))
        unknown = number < 0
        if unknown.any() and self.strict:
            shown = sorted({str(v) for v in held[unknown].tolist()})[:3]
            raise ValueError(
                f"Found the category of {self.name!r} {', '.join(shown)}, which is not among "
                f"{self.categories[:10].tolist()}: bounds must hold every category that is "
                "possible."
            )
        return np.where(unknown, int(self.common[0]), number)

    def _are(self, own: np.ndarray, held: np.ndarray) -> np.ndarray:
        return np.asarray(self.categories[own] == held)

    def holds(self, low: np.ndarray, high: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Whether stretches hold a category: they end where the next one begins."""
        return (low <= at) & (at < high)

    def cells(self, inner: np.ndarray | None, resolution: int) -> Cells:
        """Every category alone."""
        at = self.possible.astype(np.float64)
        return Cells.alone(at, at + 1)

    def named(self, z: np.ndarray) -> np.ndarray:
        """The categories at some positions."""
        return self.categories[z.astype(np.intp)]

    held = named


def _missing(name: str) -> str:
    return (
        f"Input X contains NaN, infinity or missing values in sensitive_feature={name!r}: the set "
        "of compatible values needs a value to start from. Impute them before, or leave the rows "
        "out."
    )
