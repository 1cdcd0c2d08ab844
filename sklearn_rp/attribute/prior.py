"""What an adversary knows about the sensitive feature, before and after seeing a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import cross_val_predict

from sklearn_rp.domain import extent
from sklearn_rp.rows import (
    Rows,
    as_values,
    check_kind,
    column_names,
    column_values,
    find_column,
    has_labels,
    is_numeric,
    missing,
    names_of,
)

_WIDER = 1 + 1e-9  # a hair: 0.7 and 0.9 are 0.2 apart, whatever floating point says


@dataclass(frozen=True, eq=False)
class Prior:
    """Distribution of the sensitive feature over finitely many values.

    Parameters
    ----------
    values : ndarray of shape (n_values,)
        The values; numeric ones sorted.
    weights : ndarray of shape (n_values,) or (n_rows, n_values)
        Their probabilities, the same for all rows or for each row its own.

    Examples
    --------
    >>> Prior.make({"a": 0.5, "b": 0.5}).values
    array(['a', 'b'], dtype='<U1')
    """

    values: np.ndarray
    weights: np.ndarray

    @classmethod
    def make(cls, prior: Any) -> Prior:
        """Prior from a sample, a mapping from value to probability, or a Prior.

        Parameters
        ----------
        prior : Prior, mapping or array-like
            An array-like is a sample of the population: each value counts once.

        Returns
        -------
        prior : Prior

        Raises
        ------
        ValueError
            If probabilities are negative or do not sum to 1, or values are missing.
        """
        if isinstance(prior, Prior):
            return prior
        if isinstance(prior, Mapping):
            values, weights = _values(list(prior)), np.asarray(list(prior.values()), dtype=float)
        else:
            _check_sample(prior)
            values, counts = np.unique(_values(prior), return_counts=True)
            weights = counts / counts.sum()
        if not (weights >= 0).all() or not np.isclose(weights.sum(), 1, atol=1e-6):
            raise ValueError(
                f"prior has probabilities that sum to {weights.sum():g}: they must not be negative "
                "and sum to 1."
            )
        order = np.argsort(values)
        return cls(values[order], weights[order])

    @classmethod
    def from_data(
        cls,
        X_public: Rows,
        sensitive_feature: Any,
        *,
        by: Sequence[Any] | None = None,
        X: Rows | None = None,
    ) -> Prior:
        """Prior from a public sample, alike for all or given some other columns.

        Parameters
        ----------
        X_public : ndarray or frame of shape (n_public, n_features)
            A sample of the population.
        sensitive_feature : str or int
            The feature.
        by : sequence of str or int, default=None
            Columns to condition on: a row of `X` is given the public values of those who are equal
            to it in these columns, and all public values where nobody is.
        X : ndarray or frame of shape (n_rows, n_features), default=None
            The rows; needed with `by`.

        Returns
        -------
        prior : Prior
        """
        column = find_column(
            sensitive_feature,
            X_public.shape[1],
            column_names(X_public),
            parameter="sensitive_feature",
        )
        check_kind(X_public, column, parameter="sensitive_feature")
        sample = _values(column_values(X_public, column))
        if by is None:
            return cls.make(sample)
        if X is None:
            raise ValueError("by=... needs X: the rows for which the prior is meant.")
        names = column_names(X_public)
        columns = [find_column(b, len(names_of(X_public)), names, parameter="by") for b in by]
        groups = Groups(X_public, columns)
        public, group = groups.numbers(X_public), groups.numbers(X)
        values, number = np.unique(sample, return_inverse=True)
        count = np.zeros((len(groups), len(values)))
        np.add.at(count, (public, number), 1.0)
        everybody = np.bincount(number, minlength=len(values)).astype(float)
        weights = np.where((group >= 0)[:, None], count[group], everybody)
        return cls(values, weights / weights.sum(axis=1, keepdims=True))

    def for_rows(self, n_rows: int) -> np.ndarray:
        """Weights of each row.

        Parameters
        ----------
        n_rows : int
            Number of rows.

        Returns
        -------
        weights : ndarray of shape (n_rows, n_values)
        """
        if self.weights.ndim == 2 and len(self.weights) != n_rows:
            raise ValueError(
                f"prior was made for {len(self.weights)} rows, but there are {n_rows}."
            )
        return np.broadcast_to(self.weights, (n_rows, len(self.values)))


def _values(given: Any) -> np.ndarray:
    """Values of a prior: numbers or categories, none missing."""
    values = as_values(given, parameter="prior")
    if values.ndim != 1 or not len(values):
        raise ValueError(
            f"prior has shape {values.shape}: give a sample of values, a mapping from value to "
            "probability, or a Prior."
        )
    if missing(values).any() or (values.dtype.kind == "f" and not np.isfinite(values).all()):
        raise ValueError("prior holds NaN or infinity: leave missing values out.")
    return values


def _check_sample(prior: Any) -> None:
    """A Series that pairs values with their share or number is no sample of values."""
    if not has_labels(prior):
        return
    numeric = getattr(prior.dtype, "kind", "O") in "iuf"
    shares = numeric and (prior >= 0).all() and np.isclose(float(prior.sum()), 1, atol=1e-6)
    if shares or (numeric and prior.name in ("count", "proportion")):
        raise ValueError(
            "prior is a Series that may be a sample, or hold the share of each of its labels: give "
            "prior.to_numpy() if its entries are the values of people, and a mapping, "
            "value_counts(normalize=True).to_dict(), if its labels are the values."
        )


class Groups:
    """Rows that are equal in some columns.

    Parameters
    ----------
    X : ndarray or frame of shape (n_samples, n_features)
        Rows; of these only the distinct combinations are kept.
    columns : list of int
        Positions of the columns.
    """

    def __init__(self, X: Rows, columns: Sequence[int]):
        self.columns = list(columns)
        self._known = self._index(X).unique()

    def _index(self, X: Rows) -> Any:
        return pd.MultiIndex.from_arrays([column_values(X, j) for j in self.columns])

    def numbers(self, X: Rows) -> np.ndarray:
        """Number of each row's group; -1 for one that was not seen."""
        return np.asarray(self._known.get_indexer(self._index(X)))

    def __len__(self) -> int:
        return len(self._known)


class Numbers(TransformerMixin, BaseEstimator):
    """Rows of any container as numbers for trees: what is none by its place among those seen."""

    def fit(self, X: Rows, y: Any = None) -> Numbers:
        """Look the categories up."""
        text = [j for j in range(X.shape[1]) if not is_numeric(X, j)]
        self.known_: dict[int, Any] = {
            j: pd.Categorical(column_values(X, j)).categories for j in text
        }
        return self

    def transform(self, X: Rows) -> np.ndarray:
        """Columns of text first; NaN where a value is missing, -1 where it was not seen."""
        columns = []
        for j, known in self.known_.items():
            values = column_values(X, j)
            columns.append(np.where(missing(values), np.nan, known.get_indexer(values)))
        columns += [column_values(X, j) for j in range(X.shape[1]) if j not in self.known_]
        single = np.finfo(np.float32)  # which trees count in
        return np.clip(np.column_stack(columns).astype(np.float64), single.min, single.max)


def prior_mass(sets: Any, prior: Prior) -> np.ndarray:
    """Probability of each set before the release: shape (n_rows,)."""
    return (prior.for_rows(len(sets)) * sets.contains(prior.values)).sum(axis=1)


def posterior(sets: Any, prior: Prior) -> np.ndarray:
    """Probabilities of the prior's values given the release: shape (n_rows, n_values).

    Where the set has no prior mass all goes to the one value that is nearest to it.
    """
    after = prior.for_rows(len(sets)) * sets.contains(prior.values)
    total = after.sum(axis=1, keepdims=True)
    bare = total[:, 0] <= 0
    after = after / np.where(total > 0, total, 1.0)
    after[bare, _nearest(sets, prior.values)[bare]] = 1.0
    return after


def _nearest(sets: Any, values: np.ndarray) -> np.ndarray:
    """Position of the value that is nearest to each set: of numbers; else the first inside."""
    if sets.categories is not None:
        return sets.contains(values).argmax(axis=1)
    low, high = sets.hull()
    below = np.clip(np.searchsorted(values, low), 1, max(len(values) - 1, 1)) - 1
    above = np.minimum(below + 1, len(values) - 1)
    nearer = np.abs(values[below] - high) <= np.abs(values[above] - low)
    return np.where(nearer, below, above)


def vulnerability(sets: Any, prior: Prior, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Chance that the best guess is right to within a tolerance, before and after the release."""
    if isinstance(tolerance, str) or not tolerance >= 0:
        raise ValueError(f"tolerance={tolerance!r} is not allowed: it must not be negative.")
    if sets.categories is not None and tolerance:
        raise ValueError(
            f"tolerance={tolerance!r} is not allowed for the categorical {sets.feature!r}."
        )
    before = best_guess(prior.values, prior.for_rows(len(sets)), tolerance)
    after = best_guess(prior.values, posterior(sets, prior), tolerance)
    bare = np.flatnonzero(prior_mass(sets, prior) <= 0)
    if len(bare):
        after[bare] = np.maximum(before[bare], _best_guess_inside(sets[bare], tolerance))
    return before, after


def best_guess(values: np.ndarray, weights: np.ndarray, tolerance: float) -> np.ndarray:
    """Largest probability of a window of twice the tolerance: shape (n_rows,)."""
    if not tolerance:
        return weights.max(axis=1)
    total = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)
    stop = np.searchsorted(values, values + 2 * tolerance * _WIDER, side="right")
    return np.max(total[:, stop] - total[:, :-1], axis=1)


def _best_guess_inside(sets: Any, tolerance: float) -> np.ndarray:
    """Largest share of each set in a window of twice the tolerance.

    The best window begins or ends where a part does; all pairs of parts of a row are tried.
    """
    if sets.categories is not None:
        return 1.0 / sets.length
    reach = 2 * tolerance * _WIDER
    row, start, stop = sets.row, sets.start, sets.stop
    one, other = sets.as_runs().of_rows(row)
    best = np.zeros(len(sets))
    for low, high in ((start[one], start[one] + reach), (stop[one] - reach, stop[one])):
        held = _held(np.maximum(start[other], low), np.minimum(stop[other], high), sets.domain)
        np.maximum.at(best, row, np.bincount(one, weights=held, minlength=len(row)))
    whole = sets.length
    return np.where(whole > 0, best / np.where(whole > 0, whole, 1.0), 1.0)


def _held(start: np.ndarray, stop: np.ndarray, domain: object) -> np.ndarray:
    """Extent of what is possible between any two numbers, none where they are crossed."""
    if isinstance(domain, str) and domain == "integer":
        start, stop = np.ceil(start), np.floor(stop)
    return np.where(start <= stop, extent(start, stop, domain), 0.0)


def held_out_spread(estimator: Any, rest: Rows, own: np.ndarray, span: float) -> float:
    """Standard deviation of what a regressor misses of values that it was not fitted on."""
    held_out = np.ravel(cross_val_predict(estimator, rest, own, cv=3))  # some answer in a column
    return max(float(np.std(own - held_out)), 1e-6 * span)
