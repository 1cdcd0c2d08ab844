"""What an adversary knows about the sensitive feature before seeing a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse, special
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.model_selection import cross_val_predict
from sklearn.utils.validation import has_fit_parameter

from sklearn_rp.domain import Cells
from sklearn_rp.feature import Feature
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
    take_rows,
    without_column,
)

_FEWEST_ROWS = 20  # to learn a prior from
_MOST_ROWS = 20_000  # in the leaves of a forest
_POPULATION = 0.05  # share of the population's prior in every learnt one: no cell is impossible
_TREES, _LEAF = 25, 10  # of the forest: trees, and fewest rows of a leaf


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
        import pandas as pd

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
        import pandas as pd

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


class ConditionalPrior:
    """How likely each cell of the sensitive feature is, given the other features.

    Learnt from training rows. A forest weights them by the leaves that they share with a row, as
    quantile regression forests do (Meinshausen 2006).

    Parameters
    ----------
    estimator : estimator or None
        None: a forest. A classifier with ``predict_proba``, which is fitted to the numbers of the
        cells; or a regressor, around whose prediction the feature is spread normally, as its
        residuals on held-out rows are. A clone is fitted.
    X : ndarray or frame of shape (n_samples, n_features)
        Training rows.
    feature : Feature
        The sensitive feature; it is left out of the rows.
    cells : Cells
        Its cells.
    seed : int
        Seed of the forest.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows; for an estimator that takes them.
    """

    def __init__(
        self,
        estimator: Any,
        X: Rows,
        feature: Feature,
        cells: Cells,
        seed: int,
        weight: np.ndarray | None = None,
    ):
        self._column, self._inner, self._n_cells = feature.column, cells.inner, len(cells)
        own = feature.values(X)
        cell = cells.of(own)
        self._model: Any = None
        self._leaf_shares: Any = None
        self._spread: float | None = None
        if X.shape[1] < 2 or len(own) < _FEWEST_ROWS or (cell == cell[0]).all():
            return  # nothing to learn
        rest = without_column(X, feature.column)
        if estimator is None:
            rows = np.random.default_rng(seed).permutation(len(own))[:_MOST_ROWS]
            each = np.ones(len(rows)) if weight is None else weight[rows]
            self._fit_forest(take_rows(rest, rows), own[rows], cell[rows], each, feature, seed)
            return
        takes = weight is not None and has_fit_parameter(estimator, "sample_weight")
        given = {"sample_weight": weight} if takes else {}
        if hasattr(estimator, "predict_proba"):
            self._model = clone(estimator).fit(rest, cell, **given)
        else:
            held_out = cross_val_predict(clone(estimator), rest, own, cv=3)
            self._spread = max(float(np.std(own - held_out)), 1e-6 * feature.span)
            self._model = clone(estimator).fit(rest, own, **given)

    def _fit_forest(
        self,
        rest: Rows,
        own: np.ndarray,
        cell: np.ndarray,
        weight: np.ndarray,
        feature: Feature,
        seed: int,
    ) -> None:
        kind = ExtraTreesRegressor if feature.categories is None else ExtraTreesClassifier
        forest = kind(_TREES, min_samples_leaf=_LEAF, max_features=1 / 3, random_state=seed)
        numbers = Numbers().fit(rest)
        self._model = numbers, forest.fit(numbers.transform(rest), own, sample_weight=weight)
        self._first_leaf = np.cumsum([0] + [tree.tree_.node_count for tree in forest.estimators_])
        leaves = self._leaves(rest)
        in_cell = sparse.csr_array(
            (weight, (np.arange(len(cell)), cell)), shape=(len(cell), self._n_cells)
        )
        count = sparse.csr_array(leaves.T @ in_cell)
        total = np.asarray(count.sum(axis=1)).ravel() * len(forest.estimators_)
        count.data /= np.repeat(total, np.diff(count.indptr))
        self._leaf_shares = count

    def _leaves(self, rest: Rows) -> Any:
        """Which leaves of the trees a row is in: sparse, of shape (n_rows, n_leaves)."""
        numbers, forest = self._model
        single = numbers.transform(rest).astype(np.float32)
        # Tree by tree: for few rows forest.apply takes longer to start than to answer.
        leaf = np.stack([tree.tree_.apply(single) for tree in forest.estimators_], axis=1)
        leaf = leaf + self._first_leaf[:-1]
        n_rows, n_trees = leaf.shape
        ends = np.arange(0, n_rows * n_trees + 1, n_trees)
        ones = np.ones(leaf.size)
        return sparse.csr_array((ones, leaf.ravel(), ends), shape=(n_rows, self._first_leaf[-1]))

    def weights(self, X: Rows, population: np.ndarray) -> np.ndarray:
        """Probability of each cell for each row.

        Parameters
        ----------
        X : ndarray or frame of shape (n_rows, n_features)
            Rows; their own value of the sensitive feature is not looked at.
        population : ndarray of shape (n_cells,)
            Prior of everybody, mixed in; alone where nothing was learnt.

        Returns
        -------
        weights : ndarray of shape (n_rows, n_cells)
        """
        if self._model is None:
            return np.broadcast_to(population, (X.shape[0], self._n_cells))
        rest = without_column(X, self._column)
        if self._leaf_shares is not None:
            found = (self._leaves(rest) @ self._leaf_shares).toarray()
        elif self._spread is not None:
            middle = np.asarray(self._model.predict(rest), dtype=np.float64).reshape(-1, 1)
            below = special.ndtr((self._inner - middle) / self._spread)
            found = np.diff(below, axis=1, prepend=0.0, append=1.0)
        else:
            found = np.zeros((X.shape[0], self._n_cells))
            found[:, self._model.classes_] = self._model.predict_proba(rest)
        # Rounded: the last bits of a model's answer may depend on the batch, the release must not.
        found = (1 - _POPULATION) * found.round(9) + _POPULATION * population
        return found / found.sum(axis=1, keepdims=True)
