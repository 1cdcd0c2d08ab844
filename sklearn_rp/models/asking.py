"""A fitted model, asked about rows with other values in some of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.rows import Rows, replace_columns, rows_per_chunk, take_rows


def at_each(
    ask: Callable[[Rows], np.ndarray],
    X: Rows,
    columns: np.ndarray,
    values: np.ndarray,
    numbers: int = 0,
) -> Iterator[tuple[slice, np.ndarray]]:
    """What a model answers for every row, at each of some values of some columns.

    Parameters
    ----------
    ask : callable
        The model: an array of answers for rows.
    X : ndarray or frame of shape (n_rows, n_features)
        Rows.
    columns : ndarray of int of shape (n_columns,)
        The columns.
    values : ndarray of shape (n_values, n_columns)
        Their values, as the columns hold them.
    numbers : int, default=0
        Numbers that whoever asks needs for each answer: chunks are the smaller for them.

    Yields
    ------
    rows, answer : slice, ndarray of shape (n_chunk, n_values, ...)
        Chunk by chunk.
    """
    size = rows_per_chunk(len(values) * max(X.shape[1], numbers))
    for rows in gen_batches(X.shape[0], size):
        chunk = take_rows(X, rows)
        n_rows = chunk.shape[0]
        repeated = np.tile(values, (n_rows, 1))
        answer = ask(replace_columns(chunk, columns, repeated, len(values)))
        yield rows, answer.reshape(n_rows, len(values), *answer.shape[1:])


def at_pairs(
    ask: Callable[[Rows], tuple[np.ndarray, ...]],
    X: Rows,
    columns: np.ndarray,
    rows: np.ndarray,
    values: np.ndarray,
) -> tuple[np.ndarray, ...]:
    """What a model answers for some rows, each with values of its own in some columns.

    Parameters
    ----------
    ask : callable
        The model: arrays of answers for rows.
    X, columns, values : as for `at_each`
        Here there are values for each of `rows`.
    rows : ndarray of int of shape (n_pairs,)
        Positions in `X`; a row may come several times.

    Returns
    -------
    answers : tuple of ndarray of shape (n_pairs, ...)
    """
    parts = [
        ask(replace_columns(take_rows(X, rows[some]), columns, values[some], 1))
        for some in gen_batches(len(rows), rows_per_chunk(X.shape[1]))
    ]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
