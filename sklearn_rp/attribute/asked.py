"""What is asked of each sensitive feature, where there may be several."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np

from sklearn_rp.attribute.partition import check_minimum
from sklearn_rp.attribute.space import MOST_FEATURES
from sklearn_rp.feature import Feature
from sklearn_rp.rows import Rows, by_feature, find_column, names_of

_DEFAULT = {"unit": "share", "bounds": None, "domain": "auto"}


def several(sensitive_feature: Any, X: Rows) -> bool:
    """Whether a list of features is given, of one or more."""
    # A column with names on several levels is named by a tuple.
    levels = getattr(getattr(X, "columns", None), "nlevels", 1)
    one = isinstance(sensitive_feature, str) or (
        isinstance(sensitive_feature, tuple) and len(sensitive_feature) == levels > 1
    )
    return np.iterable(sensitive_feature) and not one


def asked_of(
    estimator: Any, X: Rows, most: int | None = MOST_FEATURES
) -> list[tuple[Feature, Any, str]]:
    """The sensitive features of an estimator, `most` of them, with the minimum and unit of each.

    Raises
    ------
    ValueError
        If a feature is not there, or one of its parameters is not allowed.
    """
    given = estimator.sensitive_feature
    features = features_of(given, X, estimator.bounds, estimator.domain, most)
    columns = [feature.column for feature in features]
    minima, units = (
        _per_feature(getattr(estimator, name), X, columns, name, given)
        for name in ("minimum", "unit")
    )
    asked = []
    for feature, minimum, unit in zip(features, minima, units, strict=True):
        number = isinstance(minimum, Real) and not isinstance(minimum, bool)
        if not number or not float(minimum) > 0:
            raise ValueError(
                f"minimum={minimum!r} is not allowed for {feature.name!r}: give a number above 0."
            )
        check_minimum(minimum, unit, feature)
        asked.append((feature, minimum, unit))
    return asked


def bounds_given(estimator: Any, X: Rows, features: list[Feature]) -> tuple[bool, ...]:
    """For each sensitive feature whether its possible values are given, and not taken from rows."""
    columns = [feature.column for feature in features]
    given = _per_feature(estimator.bounds, X, columns, "bounds", estimator.sensitive_feature)
    return tuple(each is not None for each in given)


def features_of(
    sensitive_feature: Any, X: Rows, bounds: Any, domain: Any, most: int | None = MOST_FEATURES
) -> list[Feature]:
    """Sensitive features, `most` of them, with the values of each that are possible.

    Raises
    ------
    ValueError
        If a feature is not there, comes twice or is one of too many, or has no such values.
    """
    columns = _columns(sensitive_feature, X, most)
    parameters = [
        _per_feature(value, X, columns, name, sensitive_feature)
        for name, value in (("bounds", bounds), ("domain", domain))
    ]
    return [Feature.from_data(X, *each) for each in zip(columns, *parameters, strict=True)]


def _columns(given: Any, X: Rows, most: int | None) -> list[int]:
    """Positions of the sensitive features."""
    wanted, names = list(given) if several(given, X) else [given], names_of(X)
    found = [find_column(w, X.shape[1], names, parameter="sensitive_feature") for w in wanted]
    if not found or len(set(found)) < len(found):
        raise ValueError(
            f"sensitive_feature={given!r} is not allowed: give at least one feature, each once."
        )
    if most is not None and len(found) > most:
        raise ValueError(
            f"sensitive_feature lists {len(found)} features: {most} at most are looked at "
            "jointly, as their cells multiply. Hide the others by an AttributeCoarsener in front, "
            "which keeps a minimum of each."
        )
    return found


def _per_feature(value: Any, X: Rows, columns: list[int], parameter: str, given: Any) -> list[Any]:
    """A parameter's value for each sensitive feature, in their order."""
    names = names_of(X)
    named = by_feature(value, names, parameter=parameter)
    if named is not None:
        strange = [names[column] for column in named if column not in columns]
        lacking = [names[column] for column in columns if column not in named]
        if strange:
            raise ValueError(
                f"{parameter}={value!r} names {strange}, not among sensitive_feature={given!r}."
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
