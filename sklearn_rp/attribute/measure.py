"""A minimum in the measure that it is about: a length, a number of values, or a mass of people."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_rp.domain import Cells
from sklearn_rp.feature import Feature

_TOLERANCE = 1e-12  # of the range: two lengths that differ by rounding are equal


def check_minimum(minimum: Any, unit: str, feature: Feature) -> None:
    """A minimum has to fit its unit, and the unit the feature.

    Raises
    ------
    ValueError
        If one of them does not.
    """
    if not np.isfinite(minimum):
        raise ValueError(f"minimum={minimum} is not allowed: it must be finite.")
    if unit not in feature.units:
        raise ValueError(
            f"unit={unit!r} is not allowed for the {feature.kind} feature {feature.name!r}: "
            f"use one of {feature.units}."
        )
    if unit in ("share", "mass") and minimum > 1:
        raise ValueError(
            f"minimum={minimum} is not allowed with unit={unit!r}: a share is in (0, 1]. For the "
            "feature's own unit use unit='length'."
        )
    if unit == "categories" and minimum != int(minimum):
        raise ValueError(
            f"minimum={minimum} is not allowed with unit='categories': give a whole number of them."
        )


def measured(
    minimum: float, unit: str, feature: Feature, cells: Cells, count: np.ndarray
) -> tuple[np.ndarray, float]:
    """Ends of cells, and the minimum, in the measure that the minimum is about.

    Parameters
    ----------
    minimum, unit : float, str
        As `check_minimum` allows them.
    feature : Feature
        The sensitive feature.
    cells : Cells
        Cells of its domain.
    count : ndarray of shape (n_cells,)
        Training rows in each cell.

    Returns
    -------
    measure, least : ndarray of shape (n_cells + 1,), float
        What lies below each cell, and in all of them; the smallest stretch that is allowed.
    """
    least = float(minimum)
    if unit == "mass":
        return np.r_[0.0, np.cumsum(count) / count.sum()], least
    if unit == "share":
        least *= feature.span
    if feature.counts:
        least = float(np.ceil(least - 1e-9))
    return cells.ends, least


def last_starts(measure: np.ndarray, least: float) -> np.ndarray:
    """For each end of a run, the last start that makes it long enough; -1 if there is none."""
    slack = _TOLERANCE * (measure[-1] - measure[0])
    last = np.searchsorted(measure, measure - least + slack, side="right") - 1
    last = np.minimum(last, np.arange(len(measure)) - 1)
    if last[-1] < 0:  # the whole range is too short: one label for all of it
        last[-1] = 0
    return last
