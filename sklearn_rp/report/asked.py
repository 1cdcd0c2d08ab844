"""What a report is asked about: the rows, the features, and the values that are possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.guaranteed import Guaranteed
from sklearn_rp.attribute.space import Space
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import unwrapped
from sklearn_rp.rows import (
    Rows,
    categorical_dtypes,
    did_you_mean,
    is_frame,
    is_numeric,
    is_pandas,
    recast,
)
from sklearn_rp.validation import as_rows


def listed(features: Any) -> list[Any]:
    """The sensitive features, one of them as a list, too."""
    return [features] if isinstance(features, str | int | np.integer) else list(features)


def by_feature(parameter: str, given: Any, features: list[Any], example: str) -> dict[Any, Any]:
    """What is given for each feature, or for the one feature."""
    if given is not None and not isinstance(given, Mapping):
        if len(features) > 1:
            raise ValueError(
                f"{parameter}={given!r} is not allowed for several sensitive features: give a "
                f"mapping, {{{features[0]!r}: {example}, ...}}."
            )
        given = {features[0]: given}
    found = dict(given or {})
    strangers = [key for key in found if key not in features]
    if strangers:
        raise ValueError(
            f"{parameter} names {strangers}, which are not among sensitive_features={features}"
            f"{did_you_mean(str(strangers[0]), features) or '.'}"
        )
    return found


def take_own(
    estimator: Any, X: Rows, features: list[Any], bounds: dict[Any, Any], domains: dict[Any, Any]
) -> None:
    """Possible values as an estimator with a minimum was told them, where none are given here."""
    model = unwrapped(estimator)
    if not isinstance(model, Guaranteed):
        return
    own = model.feature_
    among = own.features if isinstance(own, Space) else (own,)
    for given, each in zip(model.bounds_given_, among, strict=True):
        for feature in features:
            known = feature in bounds or feature in domains
            if not given or known or feature not in (each.name, each.column):
                continue
            if _holds(each, Feature.from_data(X, feature, None, "auto")):
                bounds[feature] = each.bounds
                domains[feature] = "auto" if each.categories is not None else each.domain


def _holds(feature: Feature, held: Feature) -> bool:
    """Whether all values that are there are possible ones of a feature."""
    if feature.categories is None or held.categories is None:
        both = feature.categories is None and held.categories is None
        return both and feature.low <= held.low and held.high <= feature.high
    return set(held.categories) <= set(feature.categories)


def features_in(X: Rows, names: list[Any], bounds: Any, domains: Any) -> list[Feature]:
    """The sensitive features, with the values that are possible."""
    if not names:
        raise ValueError("sensitive_features=[] is not allowed: name at least one feature.")
    return [
        Feature.from_data(X, name, bounds.get(name), domains.get(name, "auto")) for name in names
    ]


def as_parameters(features: list[Feature], one: bool = False) -> dict[str, Any]:
    """Bounds and domains of features as parameters: of one, or a list of each."""
    domains = ["auto" if f.categories is not None else f.domain for f in features]
    found = {"bounds": [f.bounds for f in features], "domain": domains}
    return {name: each[0] for name, each in found.items()} if one else found


def as_told(X: Any) -> Rows:
    """Rows, of whatever container, as an array or a pandas frame."""
    X = as_rows(X)
    return X.to_pandas() if is_frame(X) and not is_pandas(X) else X


def alike(public: Rows, X: Rows) -> Rows:
    """Public rows with the columns of `X`, in the container of `X`."""
    if public.shape[1] != X.shape[1]:
        raise ValueError(
            f"X_public has {public.shape[1]} columns, and X has {X.shape[1]}: give both the same."
        )
    if not is_pandas(X):
        return public.to_numpy() if is_pandas(public) else public
    if not is_pandas(public):
        public = pd.DataFrame(public, columns=X.columns).infer_objects()
    strangers = [name for name in X.columns if name not in public.columns]
    if strangers:
        raise ValueError(f"X_public lacks the columns {strangers} of X: give both the same.")
    public = public[list(X.columns)]
    kinds = {
        name: kind
        for j, (name, kind) in enumerate(X.dtypes.items())
        if public.dtypes.iloc[j] != kind
        and not is_numeric(X, j)
        and not hasattr(kind, "categories")
    }
    return recast(public.astype(kinds), categorical_dtypes(X))


def together_with(X: Rows, more: Rows | None) -> Rows:
    """Rows, and more of the same columns below them."""
    if more is None:
        return X
    if not is_pandas(X):
        return np.concatenate([X, more])
    return pd.concat([X, more], ignore_index=True)
