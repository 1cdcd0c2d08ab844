"""Rows of a table, whatever holds them: an array, a pandas or a polars frame."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd
from sklearn import get_config

Rows = Any  # an ndarray, a pandas or a polars frame

# A chunk beyond this is slower, not faster: it no longer stays in the processor's cache between
# being written by one step and being read by the next.
_CHUNK_BYTES = 2**23


def rows_per_chunk(numbers_per_row: int) -> int:
    """Rows worked on at once: within scikit-learn's working memory, and within the cache."""
    limit = min(_CHUNK_BYTES, int(get_config()["working_memory"] * 2**20))
    return max(1, limit // (8 * max(1, numbers_per_row)))


def is_pandas(X: Rows) -> bool:
    """Whether `X` is a pandas frame."""
    return hasattr(X, "iloc") and hasattr(X, "columns")


def is_frame(X: Rows) -> bool:
    """Whether `X` is a pandas or a polars frame."""
    return is_pandas(X) or (hasattr(X, "with_columns") and hasattr(X, "shape"))


def take_rows(X: Rows, rows: Any) -> Rows:
    """Rows of `X` at a slice or at integer positions."""
    return X.iloc[rows] if is_pandas(X) else X[rows]


def without_columns(X: Rows, columns: Any) -> Rows:
    """All columns of `X` but some."""
    if is_pandas(X):
        return X.iloc[:, np.setdiff1d(np.arange(X.shape[1]), columns)]
    if is_frame(X):
        return X.drop([X.columns[column] for column in np.atleast_1d(columns)])
    return np.delete(X, columns, axis=1)


def alike(X: Rows, columns: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows that differ in some columns alone: the first of each kind, and every row's kind.

    Shapes (n_kinds,) and (n_rows,); floats are told apart by their bits.
    """
    rows = np.arange(X.shape[0])
    kind = np.zeros(X.shape[0], dtype=np.int64)
    for column in np.setdiff1d(np.arange(X.shape[1]), columns):
        values = column_values(X, int(column))
        if values.dtype.kind == "f":
            values = values.astype(np.float64).view(np.int64)
        codes = pd.factorize(values, use_na_sentinel=False)[0]
        first, kind = np.unique(
            kind * (len(rows) + 1) + codes, return_index=True, return_inverse=True
        )[1:]
        if len(first) == len(rows):  # all are different by now
            return rows, rows
    return np.unique(kind, return_index=True)[1], kind


def sample_rows(X: Rows, most: int = 50) -> Rows:
    """At most `most` rows from all over `X`."""
    return take_rows(X, sample_positions(X, most))


def sample_positions(X: Rows, most: int) -> np.ndarray:
    """Positions of at most `most` rows, or entries, from all over `X`."""
    n_rows = X.shape[0]
    return np.unique(np.linspace(0, max(n_rows - 1, 0), most).astype(int))[:n_rows]


def in_double(X: Rows) -> Rows:
    """A copy of rows, with float64 in place of float32."""
    if is_pandas(X):
        single = {name: np.float64 for name, kind in X.dtypes.items() if kind == np.float32}
        return X.astype(single) if single else X.copy()
    if is_frame(X):
        return X.with_columns([X[n].cast(float) for n in X.columns if X[n].dtype.is_float()])
    return X.astype(np.float64) if X.dtype == np.float32 else X.copy()


def column_names(X: Rows) -> list[str] | None:
    """Names of the columns of a frame, levels joined by "_"; None for an array."""
    return [_joined(name) for name in X.columns] if is_frame(X) else None


def _joined(name: Any) -> Any:
    """The name of a column; that of a MultiIndex as one text."""
    return "_".join(map(str, name)) if isinstance(name, tuple) else name


def index_of(X: Rows) -> Any:
    """Labels of the rows of a pandas frame; None for anything else."""
    return X.index if is_pandas(X) else None


def names_of(X: Rows) -> list[str]:
    """Names of the columns: those of a frame, else x0, x1, ..."""
    names = column_names(X)
    return [f"x{j}" for j in range(X.shape[1])] if names is None else names


def column_values(X: Rows, column: int) -> np.ndarray:
    """One column as an array; missing values of nullable dtypes become NaN."""
    if is_pandas(X):
        series = X.iloc[:, column]
        if hasattr(series.dtype, "na_value") and series.dtype.kind in "iuf":
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        return series.to_numpy()
    if is_frame(X):
        return X[X.columns[column]].to_numpy()
    return X[:, column]


def missing(values: np.ndarray) -> np.ndarray:
    """Which of some values are None, NaN, NA or the like."""
    return np.asarray(pd.isna(values))


def rows_with_gaps(X: Rows) -> np.ndarray:
    """Positions of the rows in which something is missing."""
    if is_frame(X):
        gaps = [missing(column_values(X, j)) for j in range(X.shape[1])]
        return np.flatnonzero(np.any(gaps, axis=0))
    return np.flatnonzero(missing(X).reshape(len(X), -1).any(axis=1))


NUMBER, CATEGORY = "numbers", "categories"
OBJECTS, DATES, COMPLEX = "numbers as objects", "dates or times", "complex numbers"
_REMEDIES = {
    OBJECTS: "Convert the column with astype(float), or, if they are codes of categories, with "
    "astype(str).",
    DATES: "Convert the column to a number, such as the days since a date, or, if they are "
    "categories, with astype(str).",
    COMPLEX: "Give the real and the imaginary part as a column each.",
}
_OF_TIME = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    np.datetime64,
    np.timedelta64,
    pd.Period,
)


def kind_of_values(values: np.ndarray) -> str:
    """What some values are: `NUMBER`, `CATEGORY`, or in words what else.

    Numbers are real, categories text or booleans. An array of objects is what its values are;
    missing ones do not count.

    Examples
    --------
    >>> kind_of_values(np.array([1, 2.5, None], dtype=object)), kind_of_values(np.array(["a"]))
    ('numbers', 'categories')
    >>> kind_of_values(np.array(["2020-01-01"], dtype="datetime64[D]"))
    'dates or times'
    """
    if values.dtype.kind != "O":
        known = {"M": DATES, "m": DATES, "c": COMPLEX}
        known |= dict.fromkeys("iuf", NUMBER) | dict.fromkeys("bUST", CATEGORY)
        return known.get(values.dtype.kind, f"values of type {values.dtype}")
    types = set(map(type, values[~missing(values)].tolist()))
    for one, what in (
        ((bool, np.bool_), CATEGORY),
        (str, CATEGORY),
        (bytes, CATEGORY),
        (_OF_TIME, DATES),
    ):
        if all(issubclass(each, one) for each in types):
            return what
    if all(issubclass(each, Number) and each is not bool for each in types):
        imaginary = any(issubclass(each, complex | np.complexfloating) for each in types)
        return COMPLEX if imaginary else NUMBER
    names = sorted(each.__name__ for each in types)
    return f"values of type {names[0]}" if len(names) == 1 else f"values of several types, {names}"


def kind_of_column(X: Rows, column: int) -> str:
    """What a column holds: `NUMBER`, `CATEGORY`, or in words what else; one rule for all.

    In a frame, numbers held as objects (decimals and fractions among them) are `OBJECTS`: whether
    they are numbers or codes is to be said by the dtype. An array of objects has no other way.
    """
    if not is_frame(X):
        return kind_of_values(X[:, column] if X.dtype.kind == "O" else X[:0, column])
    if is_numeric(X, column):
        return NUMBER
    if is_pandas(X):
        if hasattr(X.dtypes.iloc[column], "categories"):
            return CATEGORY
        values = X.iloc[:, column].to_numpy()
    else:
        series = X[X.columns[column]]
        if series.dtype.is_temporal():
            return DATES
        values = series.to_numpy()
    kind = kind_of_values(values)
    return OBJECTS if kind == NUMBER else kind


def check_kind(X: Rows, column: int, *, parameter: str) -> bool:
    """Whether a column that a parameter names holds numbers; False: categories.

    Raises
    ------
    TypeError
        If it holds neither; with the remedy.
    """
    kind = kind_of_column(X, column)
    if kind not in (NUMBER, CATEGORY):
        raise TypeError(
            f"{parameter} names {names_of(X)[column]!r}, which holds {kind}, neither numbers nor "
            f"categories. {_remedy(kind)}"
        )
    return kind == NUMBER


def _remedy(kind: str) -> str:
    return _REMEDIES.get(kind, "Convert the column to text with astype(str).")


def as_values(values: Any, *, parameter: str) -> np.ndarray:
    """A vector of numbers, in floating point where they were objects, or of categories.

    Raises
    ------
    TypeError
        If it holds neither; with the remedy.
    """
    values = np.asarray(values)
    kind = kind_of_values(values)
    if kind not in (NUMBER, CATEGORY):
        raise TypeError(
            f"{parameter} holds {kind}, neither numbers nor categories. {_remedy(kind)}"
        )
    return values.astype(np.float64) if kind == NUMBER and values.dtype.kind == "O" else values


def is_numeric(X: Rows, column: int) -> bool:
    """Whether a column holds numbers (booleans, dates and decimals are not numbers)."""
    if is_pandas(X):
        return X.dtypes.iloc[column].kind in "iuf"
    if is_frame(X):
        kind = X[X.columns[column]].dtype
        return kind.is_integer() or kind.is_float()
    return kind_of_column(X, column) == NUMBER


def find_column(
    feature: Any, n_features: int, names: Sequence[str] | None, *, parameter: str
) -> int:
    """Position of one feature given by name or position; a clear error otherwise.

    The columns of an array are x0, x1, ..., as in everything that names them.
    """
    feature = _joined(feature)
    if isinstance(feature, str):
        made = [f"x{j}" for j in range(n_features)]
        if names is None and feature in made:
            return made.index(feature)
        if names is None:
            raise ValueError(
                f"{parameter} names {feature!r}, but X has no column names: give positions, or a "
                "DataFrame. Steps of a Pipeline keep the names with set_output(transform='pandas')."
            )
        if feature not in names:
            raise ValueError(
                f"{parameter} names {feature!r}, which is not a column of X"
                f"{did_you_mean(feature, names) or '.'} Columns are: {list(names)}."
            )
        if names.count(feature) > 1:
            raise ValueError(
                f"{parameter} names {feature!r}, and several columns of X are called that once "
                "their levels are joined: give the position."
            )
        return names.index(feature)
    if isinstance(feature, int | np.integer) and not isinstance(feature, bool | np.bool_):
        if names is not None and any(
            isinstance(name, int | np.integer) and name != j for j, name in enumerate(names)
        ):
            raise ValueError(
                f"{parameter} names {feature}, but the columns of X have integers for names "
                f"({list(names)[:5]} ...) that are not their positions: rename them, so that it is "
                "clear which column is meant."
            )
        if not -n_features <= feature < n_features:
            raise ValueError(
                f"{parameter} names position {feature}, but X has {n_features} features: allowed "
                f"are {-n_features} to {n_features - 1}."
            )
        return int(feature) % n_features
    raise TypeError(f"{parameter} holds {feature!r}: a feature is given by its name or position.")


def as_series(values: Any) -> Any:
    """A labelled vector (a pandas Series, an xarray DataArray) as a Series; None for all else."""
    if hasattr(values, "coords") and hasattr(values, "to_series"):
        values = values.to_series()
    return values if hasattr(values, "iloc") and values.ndim == 1 else None


def numbered(index: Any) -> bool:
    """Whether the labels of a Series or frame are those that pandas gives where there are none."""
    return bool(getattr(index, "start", None) == 0 and index.step == 1)


def has_labels(values: Any) -> bool:
    """Whether the entries of a vector have labels of their own."""
    series = as_series(values)
    return series is not None and not numbered(series.index)


def by_feature(values: Any, names: Sequence[str], *, parameter: str) -> dict[int, Any] | None:
    """Entries by the position of the feature that their label names; None where they have none.

    Raises
    ------
    ValueError, TypeError
        If a label is not a feature, or two are the same.

    Examples
    --------
    >>> by_feature({"bmi": 1.0, "age": 10.0}, ["age", "bmi"], parameter="noise_scale")
    {1: 1.0, 0: 10.0}
    """
    if has_labels(values):
        series = as_series(values)
        pairs = list(zip(series.index.tolist(), series.tolist(), strict=True))
    elif isinstance(values, Mapping):
        pairs = list(values.items())
    else:
        return None
    found: dict[int, Any] = {}
    for label, value in pairs:
        column = find_column(label, len(names), names, parameter=parameter)
        if column in found:
            raise ValueError(f"{parameter} has two entries for the feature {names[column]!r}.")
        found[column] = value
    return found


def did_you_mean(word: str, known: Sequence[Any]) -> str:
    """``', did you mean ...?'`` where a known name is near, else nothing."""
    plain = {str(k).casefold(): k for k in known}
    near = difflib.get_close_matches(word.casefold(), plain, n=1)
    return f", did you mean {plain[near[0]]!r}?" if near else ""


def replace_columns(X: Rows, columns: np.ndarray, values: np.ndarray, repeats: int) -> Rows:
    """Rows of `X`, each `repeats` times, with some columns replaced, in the container that `X` is.

    The new values have shape (n_rows * repeats, n_replaced).
    """
    if not is_frame(X):
        if X.dtype.kind == "f":
            values = values.astype(X.dtype, copy=False)
        if len(columns) == X.shape[1]:
            return values
        kind = X.dtype if X.dtype.kind in "fO" else np.result_type(X.dtype, values.dtype)
        out = np.repeat(X.astype(kind, copy=False), repeats, axis=0)
        out[:, columns] = values
        return out
    take = np.repeat(np.arange(X.shape[0]), repeats)
    if not is_pandas(X):
        names = [X.columns[j] for j in columns]
        series: Callable = type(X[names[0]])
        # Whole numbers become floats; floats keep their precision, as in an array.
        kept_types = [X[n].dtype.is_float() or not X[n].dtype.is_numeric() for n in names]
        return X[take].with_columns(
            [
                series(name, v, dtype=X[name].dtype if own else None)
                for name, v, own in zip(names, values.T, kept_types, strict=True)
            ]
        )
    single = (X.dtypes.iloc[columns] == np.float32).to_numpy()
    if len(columns) == X.shape[1] and values.dtype.kind == "f":
        return pd.DataFrame(values, columns=X.columns).astype(X.dtypes[single].to_dict())
    out = X.iloc[take].reset_index(drop=True)
    for position, column, short in zip(columns, values.T, single, strict=True):
        column = column.astype(np.float32) if short else column
        kept = None if is_numeric(X, position) else X.dtypes.iloc[position]
        if isinstance(kept, pd.CategoricalDtype):
            kept = with_categories(kept, column)
        new = pd.Series(column, dtype=kept)
        if kept is not None and new.isna().any():
            lost = sorted({str(v) for v in column[new.isna().to_numpy()].tolist()})
            raise ValueError(
                f"The column {X.columns[position]!r} of dtype {kept} has no place for {lost[:5]}: "
                "convert it to text, or to a dtype that holds every value that is possible."
            )
        out.isetitem(position, new)
    return out


def whole_column(X: Rows, column: int) -> Any:
    """One column as the container has it."""
    return X.iloc[:, column] if is_pandas(X) else X[:, column]


def assembled(X: Rows, columns: dict[Any, Any], dtype: type) -> Rows:
    """Columns by name, an entry for each row of `X`, in the container that `X` is.

    Arrays have one dtype whatever the values: whether they are whole must not show.
    """
    if not is_frame(X):
        return np.stack([column.astype(dtype) for column in columns.values()], axis=1)
    return pd.DataFrame(columns, index=X.index) if is_pandas(X) else type(X)(columns)


def with_categories(dtype: Any, values: Any) -> Any:
    """A pandas categorical dtype, the values that it lacks behind its own: codes stay the same."""
    more = pd.Index(pd.unique(pd.Series(values))).dropna().difference(dtype.categories)
    if not len(more):
        return dtype
    return pd.CategoricalDtype([*dtype.categories, *more], dtype.ordered)


def categorical_dtypes(X: Rows) -> dict[Any, Any]:
    """Categorical columns of a pandas frame, and their dtypes."""
    if not is_pandas(X):
        return {}
    return {name: kind for name, kind in X.dtypes.items() if hasattr(kind, "categories")}


def recast(X: Rows, dtypes: dict[Any, Any]) -> Rows:
    """Rows whose categorical columns have the categories of other rows, in their order.

    One record alone knows its own category only; whoever goes by codes would take it for another.
    """
    new = {
        name: with_categories(dtypes[name], kind.categories)
        for name, kind in categorical_dtypes(X).items()
        if name in dtypes and kind != dtypes[name]
    }
    return X.astype(new) if new else X
