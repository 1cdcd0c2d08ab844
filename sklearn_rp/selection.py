"""Which features are noised, and in what units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklearn_rp.rows import (
    Rows,
    by_feature,
    check_kind,
    column_names,
    did_you_mean,
    find_column,
    is_numeric,
    names_of,
)


def resolve_columns(noise_features: Any, X: Rows) -> np.ndarray:
    """Positions of the features that `noise_features` names, in the order in which they were named.

    None means every numeric feature. A callable gets `X` and returns any of the others.

    Raises
    ------
    ValueError
        If a name or position does not exist, is given twice, or nothing is selected.
    TypeError
        If the selection is of another kind, or a selected feature is not numeric.
    """
    n_features = X.shape[1]
    names = column_names(X)
    if noise_features is None:
        columns = [j for j in range(n_features) if is_numeric(X, j)]
        if not columns:
            raise ValueError(
                "noise_features=None takes every numeric feature, and X has none. Robust Privacy "
                "by Gaussian noise needs at least one numeric feature."
            )
        return np.asarray(columns, dtype=np.intp)
    if callable(noise_features):
        noise_features = noise_features(X)
    if isinstance(noise_features, str | int | np.integer) and not isinstance(noise_features, bool):
        noise_features = [noise_features]
    if isinstance(noise_features, slice):
        noise_features = np.arange(n_features)[noise_features]
    try:
        wanted = _listed(noise_features, names_of(X))
    except TypeError:
        raise TypeError(
            f"noise_features={noise_features!r} is not allowed: give None (every numeric feature), "
            "names, positions, a boolean mask, or a callable such as make_column_selector()."
        ) from None
    if _is_mask(wanted):
        if len(wanted) != n_features:
            raise ValueError(
                f"noise_features is a boolean mask of length {len(wanted)}, but X has {n_features} "
                "features: the mask needs one entry for each."
            )
        wanted = list(np.flatnonzero(wanted))
    columns = [find_column(w, n_features, names, parameter="noise_features") for w in wanted]
    if not columns:
        raise ValueError(
            "noise_features selects no feature: at least one is needed, as without noise nothing "
            "can be certified."
        )
    if len(set(columns)) < len(columns):
        raise ValueError(f"noise_features={wanted!r} names a feature more than once.")
    for j in columns:
        if not check_kind(X, j, parameter="noise_features") and len(columns) > 1:
            shown = j if names is None else names[j]
            raise TypeError(
                f"noise_features names {shown!r}, which is not numeric: Gaussian noise can be "
                "added to numbers alone. Leave it out (it then reaches the estimator untouched), "
                "or, if it is categorical, noise it alone."
            )
    return np.asarray(columns, dtype=np.intp)


def _listed(noise_features: Any, names: Sequence[str]) -> list[Any]:
    """What `noise_features` lists; a mask with labels in the order of the features."""
    mapping = isinstance(noise_features, Mapping)
    wanted = list(noise_features.values() if mapping else noise_features)
    if not _is_mask(wanted):
        if mapping:
            raise TypeError
        return wanted
    given = by_feature(noise_features, names, parameter="noise_features")
    if given is None or len(given) < len(names):
        return wanted
    return [given[j] for j in range(len(names))]


def _is_mask(wanted: list[Any]) -> bool:
    return bool(wanted) and all(isinstance(w, bool | np.bool_) for w in wanted)


def find_noised(feature: Any, columns: np.ndarray, names: np.ndarray) -> int:
    """Place of a feature among the noised ones; a clear error for any other."""
    known = names.tolist()
    if isinstance(feature, str):
        if feature not in known:
            raise ValueError(
                f"feature={feature!r} is not a noised feature{did_you_mean(feature, known) or '.'} "
                f"The certificate holds with it fixed; noised are {known}."
            )
        return known.index(feature)
    where = np.flatnonzero(columns == feature)
    if not len(where):
        raise ValueError(
            f"feature={feature!r} is not the position of a noised feature: the certificate holds "
            f"with it fixed. Noised are {dict(zip(columns.tolist(), known, strict=True))}."
        )
    return int(where[0])


def resolve_scale(
    noise_scale: Any,
    values: np.ndarray,
    columns: np.ndarray,
    names: Sequence[str],
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Scale of each noised feature, in the feature's own unit.

    Positive, or 0 where the feature is constant and ``noise_scale="std"``: the standard deviation
    of `values`, the noised features of the training rows. None: 1; an array has one entry for each
    feature of X, or for each noised one in the order in which they were named; a mapping, or a
    Series, has features for labels.
    """
    if isinstance(noise_scale, str):
        if noise_scale != "std":
            raise ValueError(
                f"noise_scale={noise_scale!r} is not allowed: give 'std' (of the training data), "
                "None (all 1), an array, or a mapping from feature to scale."
            )
        scale = values.std(axis=0, dtype=np.float64)
        if weight is not None:
            middle = np.average(values, axis=0, weights=weight)
            scale = np.sqrt(np.average((values - middle) ** 2, axis=0, weights=weight))
        size = np.abs(values).max(axis=0).astype(np.float64)
        # The variance of a constant column comes out as rounding error, not as zero.
        scale[scale <= 8 * np.finfo(values.dtype).eps * size] = 0.0
        return scale
    if noise_scale is None:
        return np.ones(len(columns))
    given = by_feature(noise_scale, names, parameter="noise_scale")
    if given is not None:
        missing = [names[j] for j in columns if int(j) not in given]
        if missing:
            raise ValueError(
                f"noise_scale has no entry for the noised feature(s) {missing}: give one for each, "
                "or noise_scale='std'."
            )
        noise_scale = [given[int(j)] for j in columns]
    try:
        scale = np.array(noise_scale, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"noise_scale={noise_scale!r} is not allowed: scales are positive numbers."
        ) from None
    if scale.shape == (len(names),):
        if len(columns) == len(names) and (np.diff(columns) < 0).any():
            raise ValueError(
                "noise_scale is an array and noise_features names all features in an order of its "
                "own: give noise_scale as a mapping from feature to scale."
            )
        scale = scale[columns]
    if scale.shape != (len(columns),):
        raise ValueError(
            f"noise_scale has shape {scale.shape}: allowed are one entry for each of the "
            f"{len(names)} features of X or for each of the {len(columns)} noised ones."
        )
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ValueError(
            f"noise_scale={noise_scale!r} is not allowed: every scale must be positive and finite. "
            "To leave a feature without noise, leave it out of noise_features."
        )
    return scale
