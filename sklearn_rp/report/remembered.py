"""What is left open of people after all that a ledger remembers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.earlier import rows_inside
from sklearn_rp.report.page import NOT_COVERED, NOT_IN_THE_LEDGER, SEVERAL_RELEASES
from sklearn_rp.report.tables import joint_table, parts_of, sets_table
from sklearn_rp.rows import Rows

_FULL = "next answers constant"  # column of the table


class Remembered(NamedTuple):
    """What a report says of a ledger."""

    table: pd.DataFrame | None
    warnings: list[str]
    not_covered: list[str]


def remembered(ledger: Any, estimator: Any, X: Rows, ids: Any, groups: np.ndarray) -> Remembered:
    """What is left open after all releases, per group; nothing without a ledger.

    Parameters
    ----------
    ledger : ReleaseLedger or None
        What remembers them.
    estimator : estimator with a minimum
        The next to be asked.
    X : ndarray or DataFrame of shape (n_rows, n_features)
        The people.
    ids : array-like of shape (n_rows,)
        Who they are.
    groups : ndarray of shape (n_rows,)
        A group for each.

    Raises
    ------
    ValueError
        If only one of `ledger` and `ids` is given.
    """
    if ledger is None and ids is None:
        return Remembered(None, [], list(NOT_COVERED))
    if ledger is None or ids is None:
        raise ValueError("ledger and ids belong together: give both, or neither of them.")
    sets = ledger.sets(estimator, X, ids=ids)
    single = isinstance(sets, CompatibleSets)
    table = sets_table(sets, groups) if single else joint_table(sets, groups)
    full = _too_short_to_cut(sets, estimator, X)
    table[_FULL] = [int(full[part].sum()) for _, part in parts_of(groups)]
    name = sets.feature if single else " and ".join(sets.names)
    lost = ~rows_inside(sets)
    warnings = []
    if full.any():
        warnings.append(
            f"For {int(full.sum())} of {len(full)} people what the ledger left open of {name} is "
            "less than twice the minimum: the next answers about them can no more depend on it, by "
            "any model with this minimum, until they are renewed."
        )
    if lost.any():
        warnings.append(
            f"For {int(lost.sum())} of {len(lost)} people the value of {name} is not in what was "
            "left open: it has changed since, and nothing is released about them until they are "
            "renewed."
        )
    covered = [NOT_IN_THE_LEDGER if each == SEVERAL_RELEASES else each for each in NOT_COVERED]
    return Remembered(table, warnings, covered)


def _too_short_to_cut(sets: Any, estimator: Any, X: Rows) -> np.ndarray:
    """Rows whose component is below twice the minimum, along every feature: it gets one answer.

    Along several features a minimum in mass is not held against theirs, and counts as long enough.
    """
    if isinstance(sets, CompatibleSets):
        if estimator.guarantee_.unit == "mass":
            prior, (low, high) = estimator.attribute_prior(X), sets.own_interval()
            inside = (low[:, None] <= prior.values) & (prior.values <= high[:, None])
            return (inside * prior.weights).sum(axis=1) < 2 * estimator.minimum_
        length = sets.component_length if sets.categories is None else sets.length
        return length < 2 * estimator.minimum_
    units = {each.feature: each.unit for each in estimator.guarantee_}
    least = [0.0 if units[n] == "mass" else estimator.minimum_[n] for n in sets.names]
    return (sets.component_length < 2 * np.array(least)).all(axis=1)
