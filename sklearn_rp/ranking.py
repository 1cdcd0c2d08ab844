"""How good lists of items are: precision, recall, NDCG and hit rate at k."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.metrics import ndcg_score

from sklearn_rp.models.labels import encode
from sklearn_rp.validation import check_weights


def precision_at_k_score(
    y: Any, recommended: Any, *, items: Any = None, sample_weight: Any = None
) -> float:
    """Share of the recommended items that are relevant: precision at k.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_items)
        The one relevant item of each row; or a matrix with an item in each column, relevant where
        it is above 0. Columns of a DataFrame are items by name, and may be others than `items`:
        what cannot be recommended is missed.
    recommended : array-like of shape (n_rows, k)
        The items of each row's list.
    items : array-like of shape (n_items,), default=None
        What the columns of an array stand for; None: their positions.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

    Returns
    -------
    score : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If an item is recommended that is none, or shapes do not fit.

    Examples
    --------
    >>> from sklearn_rp.metrics import precision_at_k_score
    >>> precision_at_k_score([[1, 0, 1, 0], [0, 0, 0, 1]], [[0, 1], [1, 3]])
    0.5
    """
    return _mean(precisions(y, recommended, items), sample_weight)


def precisions(y: Any, recommended: Any, items: Any = None) -> np.ndarray:
    """Precision of each list, as of `precision_at_k_score`: shape (n_rows,)."""
    return np.asarray(_hits(y, recommended, items)[0].mean(axis=1))


def recall_at_k_score(
    y: Any, recommended: Any, *, items: Any = None, sample_weight: Any = None
) -> float:
    """Share of the relevant items that are recommended: recall at k.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_items)
        Relevant items, as of `precision_at_k_score`.
    recommended : array-like of shape (n_rows, k)
        The items of each row's list.
    items : array-like of shape (n_items,), default=None
        What the columns of an array stand for; None: their positions.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

    Returns
    -------
    score : float
        Mean over the rows that have a relevant item.

    Raises
    ------
    ValueError
        As of `precision_at_k_score`; or if no row has a relevant item.

    Examples
    --------
    >>> from sklearn_rp.metrics import recall_at_k_score
    >>> recall_at_k_score([[1, 0, 1, 0], [0, 0, 0, 1]], [[0, 1], [1, 3]])
    0.75
    """
    hits, gain = _hits(y, recommended, items)
    relevant = (gain > 0).sum(axis=1)
    some = _with_relevant(relevant)
    weight = None if sample_weight is None else np.asarray(sample_weight)[some]
    return _mean(np.asarray(hits[some].sum(axis=1) / relevant[some]), weight)


def hit_rate_score(
    y: Any, recommended: Any, *, items: Any = None, sample_weight: Any = None
) -> float:
    """Share of the rows with a relevant item on their list: hit rate at k.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_items)
        Relevant items, as of `precision_at_k_score`.
    recommended : array-like of shape (n_rows, k)
        The items of each row's list.
    items : array-like of shape (n_items,), default=None
        What the columns of an array stand for; None: their positions.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

    Returns
    -------
    score : float
        Between 0 and 1; with one relevant item a row, scikit-learn's top-k accuracy.

    Raises
    ------
    ValueError
        As of `precision_at_k_score`.

    Examples
    --------
    >>> from sklearn_rp.metrics import hit_rate_score
    >>> hit_rate_score([[1, 0, 1, 0], [0, 0, 1, 0]], [[0, 1], [1, 3]])
    0.5
    """
    hits, _ = _hits(y, recommended, items)
    return _mean(np.asarray(hits.any(axis=1), dtype=np.float64), sample_weight)


def ndcg_at_k_score(
    y: Any,
    recommended: Any,
    *,
    items: Any = None,
    ordered: bool = True,
    sample_weight: Any = None,
) -> float:
    """Normalised discounted cumulative gain of the lists, by :func:`sklearn.metrics.ndcg_score`.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_items)
        Relevant items, as of `precision_at_k_score`; the numbers of a matrix are the gains, none
        negative.
    recommended : array-like of shape (n_rows, k)
        The items of each row's list.
    items : array-like of shape (n_items,), default=None
        What the columns of an array stand for; None: their positions.
    ordered : bool, default=True
        Whether the best item comes first. False: the mean over all orders of the list.
    sample_weight : array-like of shape (n_rows,), default=None
        Weight of each row; None: all alike.

    Returns
    -------
    score : float
        Mean over the rows that have a relevant item.

    Raises
    ------
    ValueError
        As of `recall_at_k_score`.

    Examples
    --------
    >>> from sklearn_rp.metrics import ndcg_at_k_score
    >>> round(ndcg_at_k_score([[1, 0, 1, 0], [0, 0, 0, 1]], [[0, 1], [1, 3]]), 3)
    0.622
    """
    place, gain = _told(y, recommended, items)
    some = _with_relevant((gain > 0).sum(axis=1))
    k = place.shape[1]
    score = np.zeros(gain.shape)
    worth = np.arange(k, 0, -1.0) if ordered else np.ones(k)
    np.put_along_axis(score, place, worth[None], axis=1)
    weight = None if sample_weight is None else np.asarray(sample_weight)[some]
    told = {"k": k, "sample_weight": weight, "ignore_ties": ordered}
    return float(ndcg_score(gain[some], score[some], **told))


def make_recommendation_scorer(
    metric: Callable[..., float], **kwargs: Any
) -> Callable[[Any, Any, Any], float]:
    """Scorer for ``cross_validate`` and search estimators from a metric of lists.

    Parameters
    ----------
    metric : callable
        ``metric(y, recommended, items=..., **kwargs)``, such as `recall_at_k_score`.
    **kwargs : dict
        Passed on to `metric`.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y)``, of a recommender or a Pipeline that ends in one.

    Examples
    --------
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_rp import AttributePrivacyRecommender
    >>> from sklearn_rp.datasets import make_item_recommendation
    >>> from sklearn_rp.metrics import make_recommendation_scorer, ndcg_at_k_score
    >>> task = make_item_recommendation(120, random_state=0)
    >>> X, y = task.data[["age", "activity"]], task.target
    >>> recommender = AttributePrivacyRecommender(sensitive_feature="age", n_recommended=5)
    >>> scorer = make_recommendation_scorer(ndcg_at_k_score)
    >>> cross_val_score(recommender, X, y, scoring=scorer).shape
    (5,)
    """
    return _ListScorer(metric, kwargs)


class _ListScorer:
    def __init__(self, metric: Callable[..., float], kwargs: dict[str, Any]):
        self._metric, self._kwargs = metric, kwargs

    def __call__(self, estimator: Any, X: Any, y: Any, **params: Any) -> float:
        last = estimator
        while not hasattr(last, "items_"):  # of a Pipeline, a search
            last = last[-1] if hasattr(last, "steps") else last.best_estimator_
        told = {"items": last.items_} | self._kwargs | params
        if self._metric is ndcg_at_k_score:
            told = {"ordered": bool(getattr(last, "ordered", True))} | told
        return self._metric(y, estimator.predict(X), **told)

    def __repr__(self) -> str:
        told = "".join(f", {name}={value!r}" for name, value in self._kwargs.items())
        return f"make_recommendation_scorer({self._metric.__name__}{told})"


def _told(y: Any, recommended: Any, items: Any) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the recommended items, and the gain of every item: (n_rows, n_items or more)."""
    recommended = np.asarray(recommended)
    if recommended.ndim != 2:
        raise ValueError(
            f"recommended has shape {recommended.shape}: give a list of items for each row, of "
            "shape (n_rows, k)."
        )
    gain, items = _gains(y, items, recommended)
    if len(gain) != len(recommended):
        raise ValueError(
            f"y has {len(gain)} rows and recommended {len(recommended)}: give one list for each."
        )
    return encode(recommended, items, what="item"), gain


def _gains(y: Any, items: Any, recommended: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gain of every item for every row, and the items: those that are known come first."""
    known = None if items is None else np.asarray(items)
    if hasattr(y, "columns"):
        columns = np.asarray(y.columns)
        if known is None:
            return _as_gains(y), columns
        told = set(known.tolist())
        strange = np.array([j for j, c in enumerate(columns.tolist()) if c not in told], dtype=int)
        gain = np.zeros((len(y), len(known) + len(strange)))
        found, values = np.setdiff1d(np.arange(len(columns)), strange), _as_gains(y)
        gain[:, encode(columns[found], known, what="item")] = values[:, found]
        gain[:, len(known) :] = values[:, strange]
        return gain, np.r_[known, columns[strange]] if len(strange) else known
    if not issparse(y) and np.ndim(y) == 1:
        labels = np.asarray(y)
        known = np.unique(np.r_[labels, recommended.ravel()]) if known is None else known
        strange = np.setdiff1d(labels, known)
        known = np.r_[known, strange] if len(strange) else known
        gain = np.zeros((len(labels), len(known)))
        gain[np.arange(len(labels)), encode(labels, known)] = 1.0
        return gain, known
    gain = _as_gains(y)
    known = np.arange(gain.shape[1]) if known is None else known
    if gain.shape[1:] != known.shape:
        raise ValueError(
            f"y has shape {gain.shape}, but there are {len(known)} items: give a column for each, "
            "or a DataFrame whose columns name the items."
        )
    return gain, known


def dense(matrix: Any) -> Any:
    """A matrix that may be sparse, with all its zeros."""
    return matrix.toarray() if hasattr(matrix, "toarray") else matrix


def _as_gains(y: Any) -> np.ndarray:
    gain = np.asarray(dense(y), dtype=np.float64)
    if gain.ndim != 2 or not (gain >= 0).all():
        raise ValueError(
            f"y of shape {gain.shape} is not allowed: give one item for each row, or a matrix with "
            "a column for each item whose numbers are 0 (not relevant) or more."
        )
    return gain


def _hits(y: Any, recommended: Any, items: Any) -> tuple[np.ndarray, np.ndarray]:
    place, gain = _told(y, recommended, items)
    return np.take_along_axis(gain, place, axis=1) > 0, gain


def _with_relevant(relevant: np.ndarray) -> np.ndarray:
    some = np.flatnonzero(relevant)
    if not len(some):
        raise ValueError(
            "y has no relevant item in any row: there is nothing to find. Give rows that have one."
        )
    return some


def _mean(values: np.ndarray, sample_weight: Any) -> float:
    if sample_weight is None:
        return float(values.mean())
    return float(np.average(values, weights=check_weights(sample_weight, len(values))))
