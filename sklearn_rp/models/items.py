"""Scores of items, whatever a fitted model gives: probabilities, label matrices or numbers."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags

from sklearn_rp.models.inside import Adapter, cloned, is_frozen, last_step
from sklearn_rp.models.labels import (
    Adapted,
    classes_of,
    encode,
    fit_in_labels,
    gives_numbers,
    in_labels,
    labels_of,
    normalised,
)
from sklearn_rp.models.nets import is_net
from sklearn_rp.rows import Rows, column_values, without_columns
from sklearn_rp.rules import TopItems, best_items


def gives_lists(model: Any) -> bool:
    """Whether a model, fitted or not, answers with a list of items for each row."""
    try:
        return bool(get_tags(model).estimator_type == "recommender")
    except AttributeError:  # whatever has `predict` may be asked
        return False


def lists_of(estimator: Any, X: Any) -> np.ndarray:
    """What a fitted recommender answers for each row: shape (n_rows, n_recommended).

    Raises
    ------
    ValueError
        If there is not one list for each row.
    """
    lists = np.asarray(estimator.predict(X))
    if lists.ndim != 2 or len(lists) != np.shape(X)[0]:
        raise ValueError(
            f"predict of {type(estimator).__name__} gave an array of shape {lists.shape} for "
            f"{np.shape(X)[0]} rows: a list of items for each row is needed, one of them in a "
            "column."
        )
    return lists


class ItemScores(Adapter, BaseEstimator):
    """Answers with a score for each item, by its position.

    Parameters
    ----------
    estimator : estimator
        A classifier of items; one of label matrices, with an item in each column; a regressor of
        several outputs, whose numbers are the scores; or a recommender with ``decision_function``.
    """

    def __init__(self, estimator: Any):
        self.estimator = estimator

    def fit(self, X: Any, y: np.ndarray, **params: Any) -> ItemScores:
        """Fit the model to labels, shape (n_rows,), or to a matrix, shape (n_rows, n_items).

        An item that all rows have, or none, is not for the model to learn, which may refuse it: it
        has that score.
        """
        model = cloned(self.estimator)
        frozen = is_frozen(model)
        if y.ndim == 1 or frozen:
            self.estimator_ = model.fit(X, y, **params) if frozen else _fitted(model, X, y, params)
            self.n_items_ = _scores(self.estimator_, X[:1]).shape[1]
            self.place_, self.constant_ = np.arange(self.n_items_), np.zeros(self.n_items_)
        else:
            varied = (y != y[:1]).any(axis=0)
            self.n_items_, self.place_ = y.shape[1], np.flatnonzero(varied)
            self.constant_ = np.where(varied, 0.0, y[0].astype(np.float64))
            # One alone comes twice: some models take two columns or none.
            target = y[:, np.resize(self.place_, max(2, len(self.place_)))]
            self.estimator_ = _fitted(model, X, target, params)
        one = np.ndim(self.estimator_.predict(X[:1])) == 1
        self.of_labels_ = one and self._of_labels()
        self.items_ = self._labels(y, one)
        return self

    def _of_labels(self) -> bool:
        """Whether scores are probabilities of the labels of one classifier, which add up to 1."""
        if not hasattr(self.estimator_, "predict_proba"):
            return False
        return not isinstance(getattr(last_step(self.estimator_), "classes_", None), list)

    def _labels(self, y: np.ndarray, one: bool) -> np.ndarray:
        """The items: labels of a classifier, else columns."""
        if y.ndim == 1 and hasattr(last_step(self.estimator_), "classes_"):
            labels = np.asarray(classes_of(in_labels(self.estimator_), y))
            if labels.shape == (self.n_items_,):
                return labels
            if one:
                raise ValueError(
                    f"{type(self.estimator_).__name__} gives {self.n_items_} scores for "
                    f"{len(labels)} labels: give one that has a score for each label "
                    "(decision_function_shape='ovr')."
                )
        return np.asarray(getattr(self.estimator_, "items_", np.arange(self.n_items_)))

    def predict(self, X: Any) -> np.ndarray:
        """Scores of all items: shape (n_rows, n_items).

        Raises
        ------
        ValueError
            If they are not finite, or not one for each item.
        """
        found = _scores(self.estimator_, X)
        if self.of_labels_:
            found = normalised(found, None)
        if found.shape[1:] != (max(2, len(self.place_)),) or not np.isfinite(found).all():
            raise ValueError(
                f"{type(self.estimator_).__name__} gave scores of shape {found.shape}, or some that"
                f" are not finite: one finite score for each of {len(self.place_)} items is needed."
            )
        return self.spread(found)

    def reading(self, shape: tuple[int, ...] | None) -> ItemScores:
        """The same for flat rows of images or sequences."""
        if shape is None:
            return self
        flat = copy(self)
        flat.estimator_ = Adapted(self.estimator_, shape, None)
        return flat

    def spread(self, found: np.ndarray) -> np.ndarray:
        """Scores of the items that the model knows, and of those that need none."""
        found = found[:, : len(self.place_)]  # one alone comes twice
        if len(self.place_) == self.n_items_:
            return found
        scores = np.tile(self.constant_, (len(found), 1))
        scores[:, self.place_] = found
        return scores


def _fitted(model: Any, X: Any, y: np.ndarray, params: dict[str, Any]) -> Any:
    if y.ndim == 1 and not gives_numbers(model):
        return fit_in_labels(model, X, y, params)
    if is_net(last_step(model)):
        y = y.astype(np.float32).reshape(len(y), -1)
    return model.fit(X, y, **params)


def _scores(model: Any, X: Any) -> np.ndarray:
    """What a fitted model gives each item it knows: shape (n_rows, n_known)."""
    if hasattr(model, "predict_proba") and not gives_numbers(model):
        found = in_labels(model).predict_proba(X)
        if isinstance(found, list):  # one array for each column of a label matrix
            columns = zip(found, last_step(model).classes_, strict=True)
            return np.stack([_positive(np.asarray(p), c) for p, c in columns], axis=1)
        return _of_ones(np.asarray(found, dtype=np.float64))
    if hasattr(model, "decision_function"):
        found = np.asarray(model.decision_function(X), dtype=np.float64)
        return found if found.ndim == 2 else np.stack([-found, found], axis=1)
    found = np.asarray(model.predict(X))
    if found.ndim == 1 and not gives_numbers(model):
        classes = np.asarray(in_labels(model).classes_)
        return np.eye(len(classes))[encode(labels_of(model, X), classes)]
    return _of_ones(found.astype(np.float64))


def _of_ones(found: np.ndarray) -> np.ndarray:
    """One column for each item; some nets give 0 and 1 a table each."""
    if found.ndim == 3 and found.shape[1] == 2:
        return found[:, 1]
    return found.reshape(len(found), -1)


def _positive(proba: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Probability of 1, of one column of a label matrix."""
    (place,) = np.nonzero(np.asarray(classes) == 1)
    return proba[:, place[0]] if len(place) else np.zeros(len(proba))


@dataclass(frozen=True, eq=False)
class Listing(Adapter):
    """A fitted model of scores that names the best items, by their positions.

    Parameters
    ----------
    estimator : ItemScores
        The model.
    rule : TopItems
        How many items, and whether their order counts.
    banned : ndarray of bool of shape (n_masks, n_items), or None
        What must not be named. The last column of the rows is then the number of the mask.
    """

    estimator: ItemScores
    rule: TopItems
    banned: np.ndarray | None = None

    @property
    def classes_(self) -> np.ndarray:
        """Positions of the items."""
        return np.arange(self.estimator.n_items_)

    def excluding(self, banned: np.ndarray | None) -> Listing:
        """The same, with masks."""
        return replace(self, banned=banned)

    def scores(self, X: Rows) -> np.ndarray:
        """Scores of all items; of those that are banned minus infinity."""
        if self.banned is None:
            return self.estimator.predict(X)
        X, mask = parted(X)
        return np.where(self.banned[mask], -np.inf, self.estimator.predict(X))

    def predict(self, X: Rows) -> np.ndarray:
        """Positions of the best items, the best first where order counts: (n_rows, n_best)."""
        return best_items(self.scores(X), self.rule.n_best, self.rule.ordered)

    def predict_proba(self, X: Rows) -> np.ndarray:
        """Scores between 0 and 1.

        Raises
        ------
        ValueError
            If some are not.
        """
        scores = self.estimator.predict(X if self.banned is None else parted(X)[0])
        if not ((scores >= -1e-9) & (scores <= 1 + 1e-9)).all():
            raise ValueError(
                f"{type(self.estimator.estimator_).__name__} gives scores from {scores.min():g} to "
                f"{scores.max():g}: voting='soft' takes means of scores from 0 to 1. Use "
                "voting='hard', which goes by the best items alone."
            )
        return np.clip(scores, 0.0, 1.0)


def parted(X: Rows) -> tuple[Rows, np.ndarray]:
    """Rows without their last column, which holds the number of their mask; and these numbers."""
    last = X.shape[1] - 1
    return without_columns(X, [last]), column_values(X, last).astype(np.intp)


def places_of(reader: Any, X: Rows, classes: np.ndarray) -> np.ndarray:
    """Places of what a fitted model answers: shape (n_rows,), or (n_rows, n_best) of lists."""
    if isinstance(reader, Listing):
        return reader.predict(X)
    return encode(labels_of(reader, X), classes)
