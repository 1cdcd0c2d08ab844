"""The values that are possible: how much of them lies in a stretch, and which a user may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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

    @classmethod
    def alone(cls, at: np.ndarray, last: np.ndarray) -> Cells:
        """Cells of one possible value each."""
        return cls((at[1:] + at[:-1]) / 2, at, at, last, np.arange(len(at) + 1.0))

    def __len__(self) -> int:
        return len(self.at)

    @property
    def widths(self) -> np.ndarray:
        """Extent of each cell."""
        return np.diff(self.ends)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Number of the cell of each value; the outer cells go on for ever."""
        return np.searchsorted(self.inner, values, side="left")


def middle_in_order(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The double halfway between two in the order of all doubles."""
    one, other = _order(low), _order(high)
    order = (one >> 1) + (other >> 1) + (one & other & 1)  # their sum may not fit
    return np.where(order < 0, _LEAST - order, order).view(np.float64)


def _order(values: np.ndarray) -> np.ndarray:
    """Doubles as whole numbers in the same order, next to each other where the doubles are."""
    bits = np.asarray(values, dtype=np.float64).view(np.int64)
    return np.where(bits < 0, _LEAST - bits, bits)


def is_whole(values: np.ndarray) -> bool:
    """Whether numbers are whole ones, and small enough to be told apart."""
    return bool((values == np.round(values)).all() and np.abs(values).max() < _LARGEST_WHOLE)


def same_domain(one: Any, other: Any) -> bool:
    """Whether two domains hold the same numbers, ends apart."""
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str) and one == other
    return np.array_equal(one, other)


def check_bounds(bounds: Any) -> tuple[float, float]:
    """Ends of a range, as they were given."""
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


def check_domain(domain: Any, name: str) -> None:
    """Refuse a word that names no domain of numbers."""
    if isinstance(domain, str) and domain not in ("auto", "continuous", "integer"):
        raise ValueError(
            f"domain={domain!r} is not allowed for {name!r}: give 'auto', 'continuous', 'integer', "
            "or all the numbers that are possible."
        )


def listed(domain: Any, bounds: Any, name: str) -> np.ndarray:
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
        low, high = check_bounds(bounds)
        if low != values[0] or high != values[-1]:
            raise ValueError(
                f"bounds={bounds!r} and domain={domain!r} contradict each other: a list of numbers "
                "has its own ends; leave bounds out."
            )
    return values
