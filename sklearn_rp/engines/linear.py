"""Closed form of binary linear models: the distance to the hyperplane, in noise units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.engines.problem import Engine, Problem
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Gaussian
from sklearn_rp.models.affine import unfold
from sklearn_rp.models.inside import has_own
from sklearn_rp.models.labels import labels_of
from sklearn_rp.models.thresholds import trial_rows
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, rows_per_chunk, take_rows
from sklearn_rp.votes import Measured, Votes


@dataclass(eq=False)
class Linear(Engine):
    """Engine of a model that decides by the sign of an affine score.

    For the score ``w.x + b``, ``h_1(x) = Phi((w.x + b) / norm)`` with
    ``norm^2 = sum_{j in J} (w_j sigma s_j)^2``, and the radius is the distance to the hyperplane.

    Parameters
    ----------
    model : fitted classifier
        The last step; its ``decision_function`` is affine.
    transform : callable
        The steps before it.
    noise : Noise
        What is perturbed.
    weight : ndarray of shape (n_noised,)
        What one unit of each noised feature adds to the score.
    weight_size : ndarray of shape (n_noised,)
        Size of the numbers that `weight` is a sum of, where the model added them up.
    """

    model: Any
    transform: Callable[[Rows], Any]
    noise: Noise
    weight: np.ndarray
    weight_size: np.ndarray

    method = "exact"
    divisible = False
    name = "linear"
    title = "distance to the hyperplane"

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for a binary model that is linear in the noised features."""
        problem.hard_votes_alone()
        problem.numbers_alone()
        if len(problem.classes) != 2:
            raise NotForMe("there are more than two classes")
        model, transform, effect = unfold(problem.reader, problem.noise.columns, problem.X)
        coef = _coef(model)
        if coef.shape != (len(effect),):
            raise NotForMe(f"{type(model).__name__} is not known to be linear")
        added = _added(model)
        size = np.zeros(effect.shape[1]) if added is None else added @ np.abs(effect)
        engine = cls(model, transform, problem.noise, coef @ effect, size)
        if not engine._agrees(problem.reader, problem.classes, problem.X):
            raise NotForMe("score and labels of noisy rows are not what its weights say")
        return engine

    def _agrees(self, estimator: Any, classes: np.ndarray, X: Rows) -> bool:
        """Whether score and labels of some noisy rows are what the folded weights say."""
        rows = trial_rows(estimator, self.noise.columns, X, 200)
        values = self.noise.values(rows)
        draws = self.noise.probes()
        copies = self.noise.noisy_copies(rows, values, draws)
        score, size = self._score(copies)
        plain, plain_size = self._score(rows)
        expected = plain[:, None] + self.weight @ draws.T
        slack = 1e-6 * (size.reshape(expected.shape) + plain_size[:, None])
        if not (np.abs(score.reshape(expected.shape) - expected) <= slack).all():
            return False
        clear = np.abs(score) > slack.ravel()
        labels = labels_of(estimator, copies)
        return bool((labels == classes[(score > 0).astype(int)])[clear].all())

    def _score(self, X: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Score, and the size of the numbers it is a sum of, both of shape (n_rows,)."""
        inputs, coef = self.transform(X), _coef(self.model)
        if not hasattr(inputs, "tocsr"):
            inputs = np.asarray(inputs, dtype=np.float64)
        intercept = float(np.ravel(self.model.intercept_)[0])
        added = _added(self.model)
        if added is None:
            score, added = _dot(inputs, coef) + intercept, np.abs(coef)
        else:
            score = np.ravel(np.asarray(self.model.decision_function(inputs), dtype=np.float64))
        size = _dot(abs(inputs), added) + abs(intercept)
        return score, size + _dot(np.abs(self.noise.values(X)), np.abs(self.weight))

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Any = None) -> list[Votes]:
        """Exact votes of each row at each noise level."""
        values = self.noise.check_rows(X, min(sigmas))
        single = values.dtype == np.float32
        parts = [
            self._score(take_rows(X, rows))
            for rows in gen_batches(X.shape[0], rows_per_chunk(X.shape[1]))
        ]
        score, size = (np.concatenate(part) for part in zip(*parts, strict=True))
        # Rounding error of a dot product: its length in units in the last place of its size.
        unit = np.finfo(np.float32 if single else np.float64).eps
        terms = len(_coef(self.model)) + len(getattr(self.model, "support_", [])) + 16
        error = unit * terms * size
        answer: list[Votes] = []
        for sigma in sigmas:
            norm, blurred = (
                float(np.sqrt(np.sum((each * sigma * self.noise.scale) ** 2)))
                for each in (self.weight, self.weight_size)
            )
            farthest = self.noise.farthest(sigma)
            with np.errstate(divide="ignore", invalid="ignore"):
                margin = np.where(score == 0, 0.0, score / norm)
                most = norm + np.finfo(np.float64).eps * terms * blurred
                radius = np.where(score == 0, 0.0, (np.abs(score) - error) / most)
            radius = np.clip(radius * (1 - 1e-12), 0.0, farthest)
            h = Gaussian.below(margin)
            # A score of 0 is class 0, for the model as for the first of equal shares.
            total = np.stack([Gaussian.below(-margin), h], axis=1)
            answer.append(Measured(total, np.full(len(score), 1e-12), radius))
        return answer


def _dot(rows: Any, weight: np.ndarray) -> np.ndarray:
    """Each row times the weights: a matrix product's last bits depend on how many there are."""
    if hasattr(rows, "tocsr"):
        return np.ravel(rows @ weight)
    return (np.ascontiguousarray(rows) * weight).sum(axis=1)


def _added(model: Any) -> np.ndarray | None:
    """Size of what each weight is a sum of, one number for each support vector; None: of itself."""
    if not hasattr(model, "support_vectors_"):
        return None
    dual, vectors = (
        each.toarray() if hasattr(each, "toarray") else np.asarray(each)
        for each in (model.dual_coef_, model.support_vectors_)
    )
    return np.abs(dual).sum(axis=0) @ np.abs(vectors)


def _coef(model: Any) -> np.ndarray:
    """Weights of a binary linear model: shape (n_inputs,); none at all if it is no such model."""
    nothing = np.empty(0)
    if not (hasattr(model, "decision_function") and hasattr(model, "intercept_")):
        return nothing
    if has_own(model, "predict", "decision_function"):
        return nothing
    coef = getattr(model, "coef_", None)  # kernels other than the linear one have none
    if coef is None or np.size(model.intercept_) != 1:
        return nothing
    coef = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)
    return coef.ravel().astype(np.float64)
