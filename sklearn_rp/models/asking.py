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

    The values, of shape (n_values, n_columns), are as the columns hold them. Where whoever asks
    needs more `numbers` for each answer than a row has, chunks are the smaller.

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

    Positions of the rows, of which one may come several times, and values have shape (n_pairs,) and
    (n_pairs, n_columns); the answers are arrays of shape (n_pairs, ...).
    """
    parts = [
        ask(replace_columns(take_rows(X, rows[some]), columns, values[some], 1))
        for some in gen_batches(len(rows), rows_per_chunk(X.shape[1]))
    ]
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
