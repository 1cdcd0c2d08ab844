"""Where tree models change: along their inputs, and along the features in front of the steps.

Along one feature, the others fixed, a tree model changes at its thresholds alone. They are read
from what was fitted, and an edge is right to the last bit: it is the largest double of the feature
at which the model, steps included, still takes the lower side.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sklearn_rp.domain import middle_in_order
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.affine import dense_inputs, unfold_axes
from sklearn_rp.models.asking import at_pairs
from sklearn_rp.models.inside import last_step
from sklearn_rp.models.tables import TreeTable
from sklearn_rp.models.trees import read_trees
from sklearn_rp.rows import (
    Rows,
    column_values,
    is_frame,
    is_numeric,
    is_pandas,
    names_of,
    replace_columns,
    sample_rows,
    take_rows,
)

MOST_EDGES = 4096  # beyond, a model's own thresholds are too many to visit for every row
_WIDENINGS = 8  # of the bracket around where an edge is thought to be, by 2**6 each
_TRIED = 16  # columns at most that are given other values


def known_edges(estimator: Any, columns: np.ndarray, X: Rows) -> list[np.ndarray]:
    """Edges of the cells of some features, each in its own unit; steps are tried on rows of `X`.

    For each feature, sorted: the largest double on the lower side of each change.

    Raises
    ------
    NotForMe
        If they are not known.
    """
    try:
        model, transform, source, gain = unfold_axes(estimator, columns, X)
    except NotForMe as reason:
        raise NotForMe(
            "a step in front of the model is not known to keep the features apart"
        ) from reason
    found = read_trees(model)
    answer: list[np.ndarray] = []
    for k, column in enumerate(columns):
        position = np.flatnonzero(source == k)
        if not len(position):
            answer.append(np.empty(0))
            continue
        j = int(position[0])
        edges = found.along(j)
        if len(edges) > MOST_EDGES:
            raise NotForMe(f"the model has {len(edges)} thresholds along {names_of(X)[column]!s}")
        answer.append(_in_front(edges, partial(_input, transform, int(column), j), gain[j], X))
    return answer


def _input(
    transform: Callable[..., Any], column: int, position: int, X: Rows, x: np.ndarray
) -> np.ndarray:
    """One input of the model, for rows whose feature in a column is replaced by `x`."""

    def ask(rows: Rows) -> tuple[np.ndarray]:
        inputs = transform(rows, double=False)
        if hasattr(inputs, "toarray"):
            inputs = inputs[:, [position]].toarray()
            return (inputs[:, 0].astype(np.float64),)
        return (column_values(inputs, position).astype(np.float64),)

    # A copy: a step may write into what it is given.
    rows, values = np.arange(len(x)) % X.shape[0], x[:, None].copy()
    return at_pairs(ask, X, np.array([column]), rows, values)[0]


def _in_front(
    edges: np.ndarray, read: Callable[[Rows, np.ndarray], np.ndarray], gain: float, X: Rows
) -> np.ndarray:
    """Edges of the feature from edges of the input that it becomes: sorted.

    The steps are asked, not inverted: what they round is theirs.
    """
    if not len(edges):
        return edges
    row = take_rows(X, slice(0, 1))
    origin = read(row, np.zeros(1))[0]
    unchanged = gain == 1 and origin == 0  # no step: not a bit may be lost
    with np.errstate(over="ignore"):
        guess = edges if unchanged else (edges - origin) / gain
    if not np.isfinite(guess).all():
        raise NotForMe("a threshold of the model is beyond all doubles in front of the steps")
    # Where the gain is negative, the lower side of the feature is the upper one of the input.
    lower = (lambda z, t: z <= t) if gain > 0 else (lambda z, t: z > t)

    def below(rows: Rows, x: np.ndarray, which: np.ndarray) -> np.ndarray:
        return lower(read(rows, x), edges[which])

    every = np.arange(len(edges))
    found = guess.copy()
    both = below(row, np.r_[guess, np.nextafter(guess, np.inf)], np.r_[every, every])
    left = np.flatnonzero(~both[: len(edges)] | both[len(edges) :])
    if len(left):
        size = np.spacing(np.abs(guess[left]) + abs(origin / gain))
        found[left] = _bisect(lambda x, k: below(row, x, left[k]), guess[left], size)
    # In other rows, too: an input may depend on more than this feature.
    both = below(X, np.r_[found, np.nextafter(found, np.inf)], np.r_[every, every])
    if not both[: len(edges)].all() or both[len(edges) :].any():
        raise NotForMe("what the steps make of the feature depends on other features")
    return np.unique(found)


def _bisect(
    below: Callable[[np.ndarray, np.ndarray], np.ndarray], guess: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """Largest doubles at which `below` holds, near where they are thought to be.

    In the order of the doubles, so that values near zero are found as quickly as any.
    """
    every = np.arange(len(guess))
    for widening in range(_WIDENINGS):
        reach = 4 * size * 2.0 ** (6 * widening)
        low, high = guess - reach, guess + reach
        inside = below(np.r_[low, high], np.r_[every, every])
        if inside[: len(guess)].all() and not inside[len(guess) :].any():
            break
    else:
        raise NotForMe("a threshold of the model is crossed nowhere in front of the steps")
    while True:
        active = np.flatnonzero(np.nextafter(low, np.inf) < high)
        if not len(active):
            return low
        middle = middle_in_order(low[active], high[active])
        holds = below(middle, active)
        low[active] = np.where(holds, middle, low[active])
        high[active] = np.where(holds, high[active], middle)


def trial_rows(estimator: Any, noised: np.ndarray, X: Rows, most: int) -> Rows:
    """Rows to try a reading on: as many, however few are handed in; rows of `X` first.

    A quarter of them at least are not rows of `X`: columns that no noise is added to, and that
    reach the model through affine steps alone, take values of other rows, values near them, and
    values on both sides of the model's thresholds.
    """
    own = sample_rows(X, most - most // 4)
    rng = np.random.default_rng(0)
    n_own, n_new = own.shape[0], most - own.shape[0]
    rows = take_rows(own, np.r_[np.arange(n_own), np.arange(n_new) % n_own])
    try:
        found: TreeTable | None = read_trees(last_step(estimator))
    except NotForMe:
        found = None
    columns, parts = [], []
    for column in rng.permutation(np.setdiff1d(np.arange(X.shape[1]), noised))[:_TRIED]:
        if not is_numeric(X, int(column)):
            continue
        values = column_values(rows, int(column)).astype(np.float64)
        there = np.flatnonzero(np.isfinite(values[:n_own]))
        try:
            one = unfold_axes(estimator, np.array([column]), X)
        except NotForMe:
            continue
        if not len(there):
            continue
        first = take_rows(own, there[:1])
        edges = _nearly(found, first, values[there[0]], *one)
        if edges is None:  # a code may come in whole numbers alone
            order = np.r_[np.arange(n_own), rng.choice(there, n_new)]
            rows = _shuffled(rows, int(column), order)
            continue
        values[n_own:] = _others(values[there], edges, n_new, rng)
        columns.append(column)
        parts.append(values)
    return replace_columns(rows, np.array(columns), np.stack(parts, axis=1), 1) if parts else rows


def _shuffled(X: Rows, column: int, order: np.ndarray) -> Rows:
    """The rows, one column of them taken from others: of its own type, whatever that is."""
    if is_pandas(X):
        out = X.copy(deep=False)
        out.isetitem(column, X.iloc[order, column].array)
        return out
    if is_frame(X):
        return X.with_columns(X[:, column][order])
    out = X.copy()
    out[:, column] = X[order, column]
    return out


def _others(known: np.ndarray, edges: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Other values of a feature: known ones, and any."""
    new = rng.choice(known, n)
    size = max(float(known.std()), 0.1 * float(np.abs(known).max()), 1e-3)
    # One row alone says little of the range: far beyond it, too.
    new += size * rng.choice([0.0, 1.0, 10.0, 100.0], n) * rng.normal(size=n)
    if not len(edges):
        return new
    beside = rng.choice(edges, n) + size * rng.choice([-1e-3, 1e-3], n)
    return np.where(rng.random(n) < 0.5, beside, new)


def _nearly(
    found: TreeTable | None,
    row: Rows,
    x: float,
    model: Any,
    transform: Callable[..., Any],
    source: np.ndarray,
    gain: np.ndarray,
) -> np.ndarray | None:
    """About where a feature, `x` in `row`, crosses the splits; None if it is a code."""
    position = np.flatnonzero(source == 0)
    if found is None or not len(position):
        return np.empty(0)
    j = int(position[0])
    if j in found.unread:
        return None
    origin = float(dense_inputs(transform, row)[0, j])
    return x + (found.along(j) - origin) / gain[j]
