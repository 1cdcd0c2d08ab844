"""What is asked of each sensitive feature, where there may be several."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from sklearn_rp.attribute.partition import check_minimum
from sklearn_rp.feature import Feature
from sklearn_rp.rows import Rows, by_feature, column_names, find_column, names_of

_DEFAULT = {"unit": "share", "bounds": None, "domain": "auto"}


def several(sensitive_feature: Any) -> bool:
    """Whether a list of features is given, of one or more."""
    return np.iterable(sensitive_feature) and not isinstance(sensitive_feature, str)


def asked_of(estimator: Any, X: Rows) -> list[tuple[Feature, Any, str]]:
    """The sensitive features of an estimator, with the minimum and the unit of each.

    Raises
    ------
    ValueError
        If a feature is not there, or one of its parameters is not allowed.
    """
    columns = _columns(estimator, X)
    names = ("minimum", "unit", "bounds", "domain")
    parameters = [_per_feature(estimator, X, columns, name) for name in names]
    asked = []
    for column, minimum, unit, bounds, domain in zip(columns, *parameters, strict=True):
        feature = Feature.from_data(X, column, bounds, domain)
        number = isinstance(minimum, Real) and not isinstance(minimum, bool)
        if not number or not float(minimum) > 0:
            raise ValueError(
                f"minimum={minimum!r} is not allowed for {feature.name!r}: give a number above 0."
            )
        check_minimum(minimum, unit, feature)
        asked.append((feature, minimum, unit))
    return asked


def _columns(estimator: Any, X: Rows) -> list[int]:
    """Positions of the sensitive features."""
    given = estimator.sensitive_feature
    wanted, names = list(given) if several(given) else [given], column_names(X)
    found = [find_column(w, X.shape[1], names, parameter="sensitive_feature") for w in wanted]
    if not found or len(set(found)) < len(found):
        raise ValueError(
            f"sensitive_feature={given!r} is not allowed: give at least one feature, each once."
        )
    return found


def _per_feature(estimator: Any, X: Rows, columns: list[int], parameter: str) -> list[Any]:
    """A parameter's value for each sensitive feature, in their order."""
    value, names = getattr(estimator, parameter), names_of(X)
    named = by_feature(value, names, parameter=parameter)
    if named is not None:
        strange = [names[column] for column in named if column not in columns]
        lacking = [names[column] for column in columns if column not in named]
        if strange:
            raise ValueError(
                f"{parameter}={value!r} names {strange}, not among sensitive_feature="
                f"{estimator.sensitive_feature!r}."
            )
        if lacking and parameter not in _DEFAULT:
            raise ValueError(f"{parameter}={value!r} has none for {lacking}: give one for each.")
        return [named.get(column, _DEFAULT.get(parameter)) for column in columns]
    if not _one_for_each(value, parameter):
        return [value] * len(columns)
    if len(value) != len(columns):
        raise ValueError(
            f"{parameter}={value!r} has {len(value)} values for {len(columns)} sensitive features: "
            "give one for all, or one for each."
        )
    return list(value)


def _one_for_each(value: Any, parameter: str) -> bool:
    """Whether a parameter is given as a sequence with a value for each feature."""
    if isinstance(value, str) or not np.iterable(value):
        return False
    if parameter in ("minimum", "unit"):
        return True
    texts = (str,) if parameter == "domain" else ()
    return all(
        v is None or isinstance(v, texts) or (np.iterable(v) and not isinstance(v, str))
        for v in value
    )
