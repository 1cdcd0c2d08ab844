"""How likely each cell of the sensitive feature is, for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.utils.validation import has_fit_parameter

from sklearn_rp.attribute.prior import Groups, Numbers, held_out_spread
from sklearn_rp.attribute.space import Space
from sklearn_rp.feature import Category, Feature
from sklearn_rp.law import Gaussian
from sklearn_rp.models.inside import cloned
from sklearn_rp.rows import (
    Rows,
    alike,
    column_names,
    find_column,
    take_rows,
    without_columns,
)
from sklearn_rp.trial import depends_on_company

_FEWEST_ROWS = 20  # to learn a prior from
_MOST_ROWS = 20_000  # in the leaves of a forest
_POPULATION = 0.05  # share of the population's prior in every learnt one: no cell is impossible
_TREES, _LEAF = 25, 10  # of the forest: trees, and fewest rows of a leaf
_LEAST = 1e-6  # share of the even prior, or of the population's: no cell is worthless


def learns(prior: Any) -> bool:
    """Whether a prior is learnt from the other features."""
    if isinstance(prior, str):
        return prior == "conditional"
    return hasattr(prior, "fit") and not hasattr(prior, "score_samples")


def check_prior(prior: Any, X: Rows, feature: Feature) -> list[int] | None:
    """Columns to condition on; None where there are none.

    Raises
    ------
    ValueError, TypeError
        If the prior is none, or not one for this feature.
    """
    if isinstance(prior, str):
        if prior not in ("conditional", "empirical", "uniform"):
            raise ValueError(
                f"prior={prior!r} is not allowed: give 'conditional', 'empirical', "
                "'uniform', a list of columns to condition on, or an estimator."
            )
        return None
    if hasattr(prior, "score_samples"):
        if isinstance(feature, Category):
            raise ValueError(
                f"prior={prior!r} is a density, which a categorical feature has not: give "
                "'conditional', 'empirical', 'uniform', a list of columns to condition on, or "
                "a classifier."
            )
        return None
    if learns(prior):
        if not hasattr(prior, "predict"):
            raise TypeError(
                f"prior={prior!r} is not allowed: an estimator needs predict_proba, "
                "predict or score_samples."
            )
        if isinstance(feature, Category) and not hasattr(prior, "predict_proba"):
            raise ValueError(
                f"prior={prior!r} is not allowed for the categorical feature "
                f"{feature.name!r}: give a classifier with predict_proba."
            )
        return None
    try:
        # Labels of a mapping or a Series are no columns to condition on.
        wanted = None if hasattr(prior, "keys") else list(prior)
    except TypeError:
        wanted = None
    if wanted is not None and not wanted:
        raise ValueError(
            f"prior={prior!r} is not allowed: name columns to condition on, or give 'empirical', "
            "which conditions on none."
        )
    if wanted is None:
        raise TypeError(
            f"prior={prior!r} is not allowed: give 'conditional', 'empirical', "
            "'uniform', a list of columns to condition on, or an estimator."
        )
    by = [find_column(b, X.shape[1], column_names(X), parameter="prior") for b in wanted]
    if feature.column in by:
        raise ValueError(
            f"prior={prior!r} names the sensitive feature, {feature.name!r}: labels "
            "would then depend on it beyond the minimum. Condition on other columns."
        )
    return by


def check_joint_prior(prior: Any, features: Sequence[Feature]) -> None:
    """Refuse a prior that says nothing of several features together.

    Raises
    ------
    ValueError
        If it does not.
    """
    names = [feature.name for feature in features]
    if learns(prior) and not isinstance(prior, str) and not hasattr(prior, "predict_proba"):
        raise ValueError(
            f"prior={prior!r} is not allowed for the features {names} together: give "
            "'conditional', 'empirical', 'uniform', a list of columns to condition on, or a "
            "classifier with predict_proba."
        )


class CellPrior:
    """How likely each cell of the sensitive feature is for each row, as training rows tell.

    Parameters
    ----------
    prior : str, sequence of columns, or estimator
        As `check_prior` allows it.
    feature, cells : Feature, Cells; or Space, twice
        The sensitive feature and its cells; or several, and the grid of theirs.
    X, own, weight : ndarray or frame, ndarray of shape (n_samples,), ndarray or None
        Training rows, their own values, and their weights.
    by : list of int or None
        Columns to condition on.
    seed : int
        Seed of the forest.
    """

    def __init__(
        self,
        prior: Any,
        feature: Any,
        cells: Any,
        X: Rows,
        own: np.ndarray,
        weight: np.ndarray | None,
        by: list[int] | None,
        seed: int,
    ):
        cell = cells.of(own)
        people = np.ones(len(cell)) if weight is None else np.asarray(weight, dtype=np.float64)
        # A population of one kind for all, by its numbers of people.
        self.empirical = isinstance(prior, str) and prior == "empirical"
        if isinstance(cells, Space):
            self.count = cells.people(own, people)
        else:
            self.count = np.bincount(cell, weights=people, minlength=len(cells))
        everybody = _everybody(prior, cells, own[people > 0], self.count)
        weights = [everybody]
        self._groups = None if by is None else Groups(X, by)
        if self._groups is not None:
            groups = np.zeros((len(self._groups), len(cells)))
            np.add.at(groups, (self._groups.numbers(X), cell), people)
            groups += _LEAST * everybody
            weights = [*(groups / groups.sum(axis=1, keepdims=True)), everybody]
        self._weights = np.stack(weights)  # the last line is for groups that were not seen
        self._conditional = None
        if learns(prior):
            known = None if weight is None else people[people > 0]
            counted = X if weight is None else take_rows(X, np.flatnonzero(people))
            model = None if isinstance(prior, str) else prior
            self._conditional = ConditionalPrior(model, counted, feature, cells, seed, known)

    def weights(self, X: Rows) -> np.ndarray:
        """Weight of each cell for each row: shape (n_rows, n_cells)."""
        if self._conditional is not None:
            return self._conditional.weights(X, self._weights[-1])
        group = np.full(X.shape[0], -1) if self._groups is None else self._groups.numbers(X)
        return self._weights[group]


def _everybody(prior: Any, cells: Any, own: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Prior weights of the cells, over all people."""
    width = cells.widths
    # No cell is worthless: where nobody was seen, the model still decides.
    even = width / width.sum()
    if hasattr(prior, "score_samples"):
        density = cloned(prior).fit(own.reshape(len(own), -1))
        at = cells.at.reshape(len(cells), -1)
        everybody = np.exp(density.score_samples(at)) * width + _LEAST * even
    else:
        uniform = isinstance(prior, str) and prior == "uniform"
        everybody = width if uniform else count + _LEAST * even
    return everybody / everybody.sum()


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
    X, feature, cells : ndarray or frame, Feature, Cells
        Training rows; the sensitive feature, which is left out of them, and its cells.
    seed : int
        Seed of the forest.
    weight : ndarray of shape (n_samples,) or None
        Weights of the rows; for an estimator that takes them.
    """

    def __init__(
        self,
        estimator: Any,
        X: Rows,
        feature: Any,
        cells: Any,
        seed: int,
        weight: np.ndarray | None = None,
    ):
        self._columns, self._cells, self._n_cells = feature.columns, cells, len(cells)
        own = feature.values(X)
        cell = cells.of(own)
        self._model: Any = None
        self._leaf_shares: Any = None
        self._spread: float | None = None
        self._alone = False
        if X.shape[1] <= len(feature.columns) or len(own) < _FEWEST_ROWS or (cell == cell[0]).all():
            return  # nothing to learn
        rest = without_columns(X, feature.columns)
        if estimator is None:
            rows = np.random.default_rng(seed).permutation(len(own))[:_MOST_ROWS]
            each = np.ones(len(rows)) if weight is None else weight[rows]
            learnt = feature.targets(own) if isinstance(feature, Space) else own
            self._fit_forest(take_rows(rest, rows), learnt[rows], cell[rows], each, feature, seed)
            return
        takes = weight is not None and has_fit_parameter(estimator, "sample_weight")
        given = {"sample_weight": weight} if takes else {}
        if hasattr(estimator, "predict_proba"):
            self._model = cloned(estimator).fit(rest, cell, **given)
        else:
            self._spread = held_out_spread(cloned(estimator), rest, own, feature.span)
            self._model = cloned(estimator).fit(rest, own, **given)
        self._alone = depends_on_company(self._model, rest)

    def _fit_forest(
        self,
        rest: Rows,
        own: np.ndarray,
        cell: np.ndarray,
        weight: np.ndarray,
        feature: Any,
        seed: int,
    ) -> None:
        kind = ExtraTreesClassifier if isinstance(feature, Category) else ExtraTreesRegressor
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
        """Probability of each cell for each row, whatever its own value: shape (n_rows, n_cells).

        The prior of everybody, `population`, is mixed in; it is alone where nothing was learnt.
        """
        if self._model is None:
            return np.broadcast_to(population, (X.shape[0], self._n_cells))
        rest = without_columns(X, self._columns)
        if self._alone and rest.shape[0] > 1:
            first, number = alike(rest, [])
            rows = [take_rows(X, slice(k, k + 1)) for k in first.tolist()]
            return np.concatenate([self.weights(row, population) for row in rows])[number]
        if self._leaf_shares is not None:
            found = (self._leaves(rest) @ self._leaf_shares).toarray()
        elif self._spread is not None:
            middle = np.asarray(self._model.predict(rest), dtype=np.float64).reshape(-1, 1)
            below = Gaussian.below((self._cells.inner - middle) / self._spread)
            found = np.diff(below, axis=1, prepend=0.0, append=1.0)
        else:
            found = np.zeros((X.shape[0], self._n_cells))
            found[:, self._model.classes_] = self._model.predict_proba(rest)
        if isinstance(self._cells, Space):  # which has more cells than a leaf has rows
            found = self._cells.spread(found)
        # Rounded: the last bits of a model's answer may depend on the batch, the release must not.
        found = (1 - _POPULATION) * found.round(9) + _POPULATION * population
        return found / found.sum(axis=1, keepdims=True)
