"""Linear models as scores: what one unit of each input adds to each, and how they decide."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.inside import has_own
from sklearn_rp.models.items import ItemScores
from sklearn_rp.models.labels import gives_numbers

_MANY = ("OneVsRestClassifier", "MultiOutputClassifier", "MultiOutputRegressor")


@dataclass(frozen=True, eq=False)
class LinearScores:
    """Scores that are affine in the inputs of a model.

    Parameters
    ----------
    weights : ndarray of shape (n_scores, n_inputs)
        What one unit of each input adds to each score.
    intercept : ndarray of shape (n_scores,)
        What they are where all inputs are 0.
    decides : {"sign", "largest", "pairs", "clear pairs"}
        One score above 0; the largest; or one score for each two classes, above 0 for the first of
        them, the class that wins most deciding: of equals the first, or else it is not said which.
    sizes : ndarray of shape (n_scores, n_inputs)
        Size of the numbers that each weight is a sum of.
    ask : callable or None
        Scores as the model itself adds them up; None: by the weights.
    terms : int
        How many numbers a score is a sum of.
    """

    weights: np.ndarray
    intercept: np.ndarray
    decides: Literal["sign", "largest", "pairs", "clear pairs"]
    sizes: np.ndarray
    ask: Callable[[Any], Any] | None
    terms: int

    def scores(self, inputs: Any) -> np.ndarray:
        """Scores of some rows of inputs: shape (n_rows, n_scores)."""
        if self.ask is None:
            return row_dots(inputs, self.weights) + self.intercept
        found = np.asarray(self.ask(inputs), dtype=np.float64)
        return found.reshape(-1, len(self.weights))

    def size(self, inputs: Any) -> np.ndarray:
        """Size of the numbers that each score is a sum of: shape (n_rows, n_scores)."""
        intercept = np.where(np.isfinite(self.intercept), np.abs(self.intercept), 0.0)
        return row_dots(abs(inputs), self.sizes) + intercept

    def of_items(self, items: ItemScores) -> LinearScores:
        """The same for all items, where the model knows some, and the others are as they are."""
        place, n_items = items.place_, items.n_items_
        parts = self
        if self.decides == "sign" and len(place) == 2:
            parts = replace(
                self,
                weights=np.concatenate([-self.weights, self.weights]),
                intercept=np.r_[-self.intercept, self.intercept],
                sizes=np.concatenate([self.sizes, self.sizes]),
                ask=None,
            )
        weights, sizes = np.zeros((2, n_items, self.weights.shape[1]))
        weights[place], sizes[place] = parts.weights[: len(place)], parts.sizes[: len(place)]
        constant = items.constant_
        model = items.estimator_
        if hasattr(model, "predict_proba") and not gives_numbers(model):  # none is 0 or 1
            with np.errstate(divide="ignore"):
                constant = np.log(constant) - np.log(1 - constant)
        intercept = constant.copy()
        intercept[place] = parts.intercept[: len(place)]
        return replace(
            parts, weights=weights, sizes=sizes, intercept=intercept, decides="largest", ask=None
        )


def read_linear(model: Any, n_classes: int | None) -> LinearScores:
    """Scores of a fitted model, of labels, or (`n_classes` None) numbers.

    Raises
    ------
    NotForMe
        If it is not known to be linear.
    """
    kind = type(model).__name__
    unknown = NotForMe(f"{kind} is not known to be linear")
    ask = "predict" if n_classes is None or gives_numbers(model) else "decision_function"
    if has_own(model, "predict", *([] if kind in _MANY else [ask])):
        raise unknown
    if kind in (*_MANY, "OneVsOneClassifier"):
        return _of_members(model)
    coef, intercept = (getattr(model, name, None) for name in ("coef_", "intercept_"))
    if coef is None or intercept is None:  # kernels other than the linear one have no weights
        raise unknown
    coef = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)
    weights = np.atleast_2d(coef).astype(np.float64)
    if weights.ndim != 2 or np.size(intercept) not in (1, len(weights)):
        raise unknown
    intercept = np.broadcast_to(np.ravel(intercept).astype(np.float64), len(weights))
    sizes, terms = np.abs(weights), weights.shape[1] + 16
    if hasattr(model, "support_vectors_"):
        return _of_vectors(model, weights, intercept, n_classes)
    decides: Literal["sign", "largest"] = "sign" if len(weights) == 1 else "largest"
    return LinearScores(weights, intercept, decides, sizes, None, terms)


def _of_vectors(
    model: Any, weights: np.ndarray, intercept: np.ndarray, n_classes: int | None
) -> LinearScores:
    """A support vector machine: it adds up its support vectors, and asks about each two classes."""
    dual, vectors = (
        each.toarray() if hasattr(each, "toarray") else np.asarray(each)
        for each in (model.dual_coef_, model.support_vectors_)
    )
    sizes = np.broadcast_to(np.abs(dual).sum(axis=0) @ np.abs(vectors), weights.shape)
    terms = weights.shape[1] + len(vectors) + 16
    if len(weights) == 1:
        asked = model.predict if n_classes is None else model.decision_function
        return LinearScores(weights, intercept, "sign", sizes, asked, terms)
    if model.break_ties:
        raise NotForMe(f"{type(model).__name__} breaks ties between pairs by its scores")
    pairwise = copy(model)
    pairwise.decision_function_shape = "ovo"
    asked = pairwise.decision_function
    return LinearScores(weights, intercept, "pairs", sizes, asked, terms)


def _of_members(model: Any) -> LinearScores:
    """One score for each of several models of two classes, or of numbers."""
    parts = []
    for member in model.estimators_:
        try:
            part = read_linear(member, None if gives_numbers(member) else 2)
        except NotForMe as reason:
            raise NotForMe(f"a member of {type(model).__name__}: {reason}") from None
        if part.decides != "sign" or part.ask is not None:
            raise NotForMe(f"a member of {type(model).__name__} has not one score of its own")
        classes = getattr(member, "classes_", [0, 1])
        if list(classes) not in ([0, 1], [-1, 1]):
            raise NotForMe(f"a member of {type(model).__name__} tells {list(classes)} apart")
        parts.append(part)
    weights, intercept, sizes = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("weights", "intercept", "sizes")
    )
    one = parts[0]
    if type(model).__name__ == "OneVsOneClassifier" and len(weights) > 1:
        # Its members speak for the second class.
        return replace(
            one, weights=-weights, intercept=-intercept, sizes=sizes, decides="clear pairs"
        )
    decides: Literal["sign", "largest"] = "sign" if len(weights) == 1 else "largest"
    return replace(one, weights=weights, intercept=intercept, sizes=sizes, decides=decides)


def row_dots(rows: Any, weights: np.ndarray) -> np.ndarray:
    """Each row times the weights: a matrix product's last bits depend on how many there are."""
    if hasattr(rows, "tocsr"):
        return np.stack([np.ravel(rows @ weight) for weight in weights], axis=1)
    rows = np.ascontiguousarray(rows)
    return np.stack([(rows * weight).sum(axis=1) for weight in weights], axis=1)
