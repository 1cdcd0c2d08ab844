"""Closed form of linear models: the distance to where the answer changes, in noise units."""

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
from sklearn_rp.models.cells import Cells
from sklearn_rp.models.inside import has_own
from sklearn_rp.models.labels import labels_of, numbers_of
from sklearn_rp.models.thresholds import trial_rows
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, rows_per_chunk, take_rows
from sklearn_rp.rules import MEDIAN, PLURALITY
from sklearn_rp.votes import Measured, Votes


@dataclass(eq=False)
class Linear(Engine):
    """Engine of a model that decides by the sign of an affine score, or answers with the score.

    For the score ``w.x + b``, ``h_1(x) = Phi((w.x + b) / norm)`` with
    ``norm^2 = sum_{j in J} (w_j sigma s_j)^2``, and the radius is the distance to the hyperplane.
    The median of noisy numbers is the number itself, and the radius its distance to the nearer edge
    of its cell over `norm`.

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
    cells : Cells or None
        Of a regressor: where its numbers are put.
    """

    model: Any
    transform: Callable[[Rows], Any]
    noise: Noise
    weight: np.ndarray
    weight_size: np.ndarray
    cells: Cells | None = None

    method = "exact"
    divisible = False
    name = "linear"
    title = "distance to the hyperplane"

    @property
    def voting(self) -> str:
        """What noisy copies would vote with."""
        return "hard" if self.cells is None else "median"

    def identity(self) -> Any:
        """Where numbers are put."""
        return self.cells

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for a binary model that is linear in the noised features."""
        problem.labels_alone()
        problem.hard_votes_alone()
        problem.numbers_alone()
        if problem.cells is None and len(problem.classes) != 2:
            raise NotForMe("there are more than two classes")
        model, transform, effect = unfold(problem.model, problem.noise.columns, problem.X)
        coef = _coef(model, problem.cells is not None)
        if coef.shape != (len(effect),):
            raise NotForMe(f"{type(model).__name__} is not known to be linear")
        added = _added(model)
        size = np.zeros(effect.shape[1]) if added is None else added @ np.abs(effect)
        engine = cls(model, transform, problem.noise, coef @ effect, size, problem.cells)
        if not engine._agrees(problem):
            raise NotForMe("score and answers of noisy rows are not what its weights say")
        return engine

    def _agrees(self, problem: Problem) -> bool:
        """Whether score and answers of some noisy rows are what the folded weights say."""
        rows = trial_rows(problem.model, self.noise.columns, problem.X, 200)
        values = self.noise.values(rows)
        draws = self.noise.probes()
        copies = self.noise.noisy_copies(rows, values, draws)
        score, size = self._score(copies)
        plain, plain_size = self._score(rows)
        expected = plain[:, None] + self.weight @ draws.T
        slack = 1e-6 * (size.reshape(expected.shape) + plain_size[:, None])
        if not (np.abs(score.reshape(expected.shape) - expected) <= slack).all():
            return False
        if self.cells is not None:
            return bool((np.abs(numbers_of(problem.model, copies) - score) <= slack.ravel()).all())
        clear = np.abs(score) > slack.ravel()
        labels = labels_of(problem.model, copies)
        return bool((labels == problem.classes[(score > 0).astype(int)])[clear].all())

    def _score(self, X: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Score, and the size of the numbers it is a sum of, both of shape (n_rows,)."""
        numbers = self.cells is not None
        inputs, coef = self.transform(X), _coef(self.model, numbers)
        if not hasattr(inputs, "tocsr"):
            inputs = np.asarray(inputs, dtype=np.float64)
        intercept = float(np.ravel(self.model.intercept_)[0])
        added = _added(self.model)
        if added is None:
            score, added = _dot(inputs, coef) + intercept, np.abs(coef)
        else:
            ask = self.model.predict if numbers else self.model.decision_function
            score = np.ravel(np.asarray(ask(inputs), dtype=np.float64))
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
        coef = _coef(self.model, self.cells is not None)
        terms = len(coef) + len(getattr(self.model, "support_", ())) + 16
        error = unit * terms * size
        answer: list[Votes] = []
        for sigma in sigmas:
            norm, blurred = (
                float(np.sqrt(np.sum((each * sigma * self.noise.scale) ** 2)))
                for each in (self.weight, self.weight_size)
            )
            farthest = self.noise.farthest(sigma)
            most = norm + np.finfo(np.float64).eps * terms * blurred
            near = np.abs(score) if self.cells is None else np.minimum(*self.cells.around(score))
            with np.errstate(divide="ignore", invalid="ignore"):
                radius = np.where(near > 0, (near - error) / most, 0.0)
            if self.cells is not None:  # so near to an edge, the median may come out beyond it
                radius = radius - 1e-15 * len(self.cells.edges)
            radius = np.clip(radius * (1 - 1e-12), 0.0, farthest)
            # A score of 0 is class 0, for the model as for the first of equal shares.
            edges = np.zeros(1) if self.cells is None else self.cells.edges
            total, rule = self._shares(score, edges, norm), MEDIAN if self.cells else PLURALITY
            answer.append(Measured(total, np.full(len(score), 1e-12), radius, rule=rule))
        return answer

    def _shares(self, score: np.ndarray, edges: np.ndarray, norm: float) -> np.ndarray:
        """Probabilities of a noisy score between edges: shape (n_rows, n_edges + 1)."""
        ends = np.r_[-np.inf, edges, np.inf]
        away = score[:, None] - ends
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.where(away == 0, 0.0, away / norm)
        return Gaussian.mass(-away[:, :-1], -away[:, 1:])


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


def _coef(model: Any, numbers: bool) -> np.ndarray:
    """Weights of a linear model with one score: shape (n_inputs,); none at all if it is none.

    Of a regressor, the score is the number that it answers.
    """
    nothing, score = np.empty(0), "predict" if numbers else "decision_function"
    if not (hasattr(model, score) and hasattr(model, "intercept_")):
        return nothing
    if has_own(model, "predict", score):
        return nothing
    coef = getattr(model, "coef_", None)  # kernels other than the linear one have none
    if coef is None or np.size(model.intercept_) != 1:
        return nothing
    coef = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)
    return coef.ravel().astype(np.float64)
