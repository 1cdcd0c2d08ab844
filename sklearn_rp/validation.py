"""Checks of rows and targets that the estimators share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    column_or_1d,
    validate_data,
)

from sklearn_rp._compat import CALLBACK_STATE
from sklearn_rp.rows import Rows, as_series, categorical_dtypes, is_frame, missing, numbered, recast


def check_sigmas(sigmas: Any) -> list[float]:
    """Noise levels: at least one, each positive and finite."""
    try:
        levels = np.atleast_1d(np.asarray(sigmas, dtype=np.float64)).tolist()
    except (TypeError, ValueError):
        levels = []
    if not levels or not all(0 < sigma < np.inf for sigma in levels):
        raise ValueError(
            f"sigmas={sigmas!r} is not allowed: give at least one noise level, each positive and "
            "finite."
        )
    return levels


def as_float(parameter: str, value: Any) -> float:
    """A parameter as a double."""
    try:
        return float(value)
    except OverflowError:
        raise ValueError(
            f"{parameter} is a number of {len(str(value))} digits, which is not allowed: give one "
            "that a double holds."
        ) from None


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give the object its attributes back if the block fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        running = {name: value for name, value in vars(estimator).items() if name in CALLBACK_STATE}
        vars(estimator).clear()
        vars(estimator).update(before | running)
        raise


def _check_in_memory(X: Any) -> None:
    """Refuse tables that are not there yet, or of a kind that models do not take."""
    kind = type(X)
    package = kind.__module__.split(".")[0]
    if package in ("dask", "dask_expr") and hasattr(X, "map_partitions"):
        remedy = (
            "take its partitions, with sklearn_rp.distributed.certify_partition or "
            "certify_to_parquet, or load it with X.compute()"
        )
    elif package == "polars" and kind.__name__ == "LazyFrame":
        remedy = "load it with X.collect()"
    elif package == "pyarrow":
        remedy = "convert it with X.to_pandas()"
    else:
        return
    raise TypeError(
        f"X is a {package} {kind.__name__}, and rows have to be in an array or a pandas or polars "
        f"DataFrame: {remedy}."
    )


def as_rows(X: Any) -> Rows:
    """Rows for any model: frames as they are, all else as an array of two dimensions."""
    _check_in_memory(X)
    return X if is_frame(X) else check_array(X, dtype=None, ensure_all_finite=False)


def check_rows(estimator: Any, X: Any, *, reset: bool, allow_nd: bool = False) -> Rows:
    """Rows as the base estimator shall see them: frames as they are, all else as an array."""
    _check_in_memory(X)
    if issparse(X):
        raise TypeError(
            "Sparse X cannot be smoothed: noise on every feature makes each row dense. Convert it "
            "with X.toarray(), or reduce it (TruncatedSVD) in a step before."
        )
    if is_frame(X):
        if X.shape[0] == 0 or X.shape[1] == 0:
            raise ValueError(
                f"Found array with {X.shape[0]} sample(s) and {X.shape[1]} feature(s) "
                f"(shape={X.shape}) while a minimum of 1 is required."
            )
        if len(set(X.columns)) < X.shape[1]:
            twice = sorted({str(c) for c in X.columns if list(X.columns).count(c) > 1})
            raise ValueError(f"X has several columns named {twice}: names must be unique.")
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if reset:
            estimator._mixed = False
            estimator._categorical = categorical_dtypes(X)
            return X
        return recast(X, estimator._categorical)
    if hasattr(X, "iloc") and getattr(X, "ndim", 2) == 1:
        raise ValueError(
            "Expected 2D array, got a Series, one row or one column of a table: give a DataFrame. "
            "One person is X.iloc[[5]], with two brackets. Reshape your data."
        )
    if reset:
        estimator._mixed = _is_mixed(X)
        estimator._categorical = {}
    elif hasattr(estimator, "feature_names_in_") and np.asarray(X).dtype.kind in "OUS":
        raise TypeError(
            f"{type(estimator).__name__} was fitted on a DataFrame, and X is an array with text in "
            f"it: give a DataFrame with the columns {estimator.feature_names_in_.tolist()}."
        )
    if estimator._mixed and getattr(X, "dtype", None) == np.dtype(object):
        return validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite=False)
    try:
        return validate_data(estimator, X, reset=reset, ensure_all_finite=False, allow_nd=allow_nd)
    except TypeError as error:  # numpy's own says neither where nor what to do
        if "float() argument" not in str(error):
            raise
        raise TypeError(
            f"X holds a value that is no number ({error}): give missing values as np.nan, dates as "
            "numbers, and categories as text in a DataFrame."
        ) from None


def _is_mixed(X: Any) -> bool:
    """Whether `X` is an array of objects with text in it; decided when fitting, for all calls."""
    if not (isinstance(X, np.ndarray) and X.dtype.kind == "O" and X.ndim == 2):
        return False
    return any(isinstance(value, str) for value in X.flat)


def going_with(values: Any, *rows: Any, parameter: str) -> np.ndarray:
    """Entries that go with rows, one by one.

    As everywhere in scikit-learn they are read by position. Labels that say otherwise are refused:
    whether a Series was sorted, or the rows were given new labels, nobody can tell. Labels that
    pandas gave by itself say nothing about other ones. What is known of the rows is X, y, or
    anything with an ``index``: the labels of one will do.
    """
    if isinstance(values, Mapping):
        raise TypeError(
            f"{parameter} is a mapping: give an array with an entry for each row, in their order."
        )
    series = as_series(values)
    known = [each.index for each in rows if hasattr(getattr(each, "index", None), "get_indexer")]
    if series is None or not known or any(index.equals(series.index) for index in known):
        return np.asarray(values)
    own = series.index
    if not any(index.isin(own).all() or not (numbered(own) or numbered(index)) for index in known):
        return np.asarray(values)
    raise ValueError(
        f"{parameter} has the labels {series.index.tolist()[:3]} ..., and the rows of X have "
        f"{known[0].tolist()[:3]} ...: give {parameter}.loc[X.index] if the labels count, or "
        f"{parameter}.to_numpy() if its entries are in the order of the rows."
    )


def check_weights(sample_weight: Any, n_rows: int, *rows: Any) -> np.ndarray:
    """A weight for each row; see `going_with` for `rows`."""
    weight = going_with(sample_weight, *rows, parameter="sample_weight")
    weight = weight.astype(np.float64)
    if weight.shape != (n_rows,):
        raise ValueError(
            f"sample_weight has shape {weight.shape}: give a weight for each of the {n_rows} rows."
        )
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise ValueError(
            "sample_weight is not allowed: weights must be finite and not negative, and not all of "
            "them zero."
        )
    return weight


def check_groups(groups: Any, n_rows: int, *rows: Any) -> np.ndarray:
    """A group for each row, "missing" for rows without one; see `going_with` for `rows`."""
    groups = going_with(groups, *rows, parameter="groups")
    if groups.shape != (n_rows,):
        raise ValueError(
            f"groups has shape {groups.shape}: give a group for each of the {n_rows} rows, such as "
            "a column of the table, X['region']."
        )
    gone = missing(groups)
    kinds = {type(group) for group in groups[~gone].tolist()}
    if not gone.any() and len(kinds) == 1:
        return groups
    return np.where(gone, "missing", [str(group) for group in groups.tolist()])


def check_target(estimator: Any, X: Rows, y: Any) -> np.ndarray:
    """Labels, as a one-dimensional array."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    check_consistent_length(X, y)
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "O" and missing(y).any():
        raise ValueError(
            f"y holds {int(missing(y).sum())} missing labels (NaN or None): leave those rows out."
        )
    if y.dtype.kind == "f":
        check_array(y, ensure_2d=False, input_name="y")
    check_classification_targets(y)
    return y


def check_numbers(estimator: Any, X: Rows, y: Any) -> np.ndarray:
    """Numbers to predict, as a one-dimensional array of doubles."""
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None."
        )
    check_consistent_length(X, y)
    shape = np.asarray(y).shape
    if len(shape) > 1 and shape[1] != 1:
        raise ValueError(
            f"y has shape {shape}: one number for each row is released. Wrap one regressor for "
            "each output."
        )
    y = column_or_1d(y, warn=True)
    if y.dtype.kind not in "iufbO":
        raise ValueError(f"y holds {y.dtype.name} values: a regressor needs numbers.")
    return check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
