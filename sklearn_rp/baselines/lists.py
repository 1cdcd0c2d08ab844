"""Lists of items: those of the model, and those that everybody gets."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from sklearn_rp.baselines.plain import Releases
from sklearn_rp.models.inside import cloned
from sklearn_rp.recommending import RecommenderWrapper
from sklearn_rp.release import ListRelease
from sklearn_rp.rows import Rows, is_frame
from sklearn_rp.validation import check_rows


class _PlainLists(Releases, RecommenderWrapper):
    """Items that are released as a model of scores has them."""

    release_: ListRelease

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        base = self._fit_base(cloned(self._base()), X, y, params)
        best = self._best_of(base)
        self.estimator_ = base
        self.release_ = ListRelease(base, self.items_, best)

    def predict(self, X, exclude=None):
        """Items to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        exclude : array-like, sparse matrix or DataFrame of shape (n_samples, n_items), default=None
            Items that must not be recommended to a row: not 0, or True.

        Returns
        -------
        items : ndarray of shape (n_samples, n_recommended)
            Best first where order counts, else in the order of `items_`.
        """
        check_is_fitted(self)
        X, release = check_rows(self, X, reset=False), self.release_
        if exclude is not None:
            X, banned = self._marked(X, exclude)
            release = ListRelease(release.model, release.items, release.best, banned)
        return release.release(X)


class TopItemsRecommender(_PlainLists):
    """Recommend the model's best items as they are: nothing is hidden.

    Parameters
    ----------
    estimator : estimator, default=None
        What scores items; see :class:`~sklearn_rp.RobustPrivacyRecommender`.
    n_recommended : int, default=10
        Items of a list.
    ordered : bool, default=False
        Whether their order is released, the best first.

    Attributes
    ----------
    estimator_ : estimator
        What gives scores by position of the item; its ``estimator_`` is the fitted model.
    items_ : ndarray of shape (n_items,)
        The items.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Examples
    --------
    >>> from sklearn_rp.baselines import TopItemsRecommender
    >>> from sklearn_rp.datasets import make_item_recommendation
    >>> task = make_item_recommendation(200, random_state=0)
    >>> X, y = task.data[["age", "activity"]], task.target
    >>> TopItemsRecommender(n_recommended=3).fit(X, y).predict(X).shape
    (200, 3)
    """

    def __init__(self, estimator=None, *, n_recommended=10, ordered=False):
        self.estimator = estimator
        self.n_recommended = n_recommended
        self.ordered = ordered

    @classmethod
    def inside(cls, recommender):
        """The model inside a fitted recommender, its lists as they are.

        Parameters
        ----------
        recommender : RobustPrivacyRecommender or AttributePrivacyRecommender
            Fitted.

        Returns
        -------
        plain : TopItemsRecommender
            Fitted.
        """
        release = recommender.release_
        best = getattr(release, "best", None) or release.answer.best
        asked = {"n_recommended": best.n_best, "ordered": best.ordered}
        plain = cls(recommender.estimator, **asked)
        seen = ("n_features_in_", "feature_names_in_", "_mixed", "_categorical")
        known = ("estimator_", "items_", "_best_items", *seen)
        for name in known:
            if hasattr(recommender, name):
                setattr(plain, name, getattr(recommender, name))
        plain.release_ = ListRelease(plain.estimator_, plain.items_, best)
        return plain


class PopularRecommender(_PlainLists):
    """Recommend to everybody what most people have: no row is looked at, and nothing is told.

    Parameters
    ----------
    n_recommended : int, default=10
        Items of a list.
    ordered : bool, default=False
        Whether the most popular comes first.

    Attributes
    ----------
    estimator_ : estimator
        What gives the share of the training rows that have each item.
    items_ : ndarray of shape (n_items,)
        The items.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Examples
    --------
    >>> from sklearn_rp.baselines import PopularRecommender
    >>> X, y = [[20], [30], [40]], [[1, 0, 1], [0, 0, 1], [0, 1, 1]]
    >>> PopularRecommender(n_recommended=2).fit(X, y).predict([[25]]).tolist()
    [[0, 2]]
    """

    _parameter_constraints: dict = {
        name: RecommenderWrapper._parameter_constraints[name]
        for name in ("n_recommended", "ordered")
    }
    estimator = None

    def __init__(self, *, n_recommended=10, ordered=False):
        self.n_recommended = n_recommended
        self.ordered = ordered

    def _given(self) -> Any:
        return _Popularity()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True  # rows are not looked at
        return tags


class _Popularity(BaseEstimator):
    """Share of the training rows that have each item, whoever asks."""

    def fit(self, X: Any, y: np.ndarray, sample_weight: Any = None) -> _Popularity:
        """Count the items."""
        if y.ndim == 1:
            self.classes_, place = np.unique(y, return_inverse=True)
            y = np.eye(len(self.classes_))[place]
        self.share_ = np.average(y, axis=0, weights=sample_weight)
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """The shares, for each row."""
        return np.tile(self.share_, (X.shape[0] if is_frame(X) else len(X), 1))

    def predict(self, X: Any) -> np.ndarray:
        """The shares, for each row."""
        return self.decision_function(X)
