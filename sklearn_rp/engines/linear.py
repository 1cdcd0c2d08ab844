"""Closed form of linear models: the distance to where the answer changes, in noise units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.engines.problem import Engine, Problem, trial
from sklearn_rp.engines.rivals import Outcome, length, norms, of_lists, of_pairs, of_the_largest
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Gaussian
from sklearn_rp.models.affine import Given, unfold
from sklearn_rp.models.cells import Cells
from sklearn_rp.models.inside import adapted
from sklearn_rp.models.items import parted
from sklearn_rp.models.labels import labels_of, numbers_of
from sklearn_rp.models.linear import LinearScores, read_linear
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, rows_per_chunk, take_rows
from sklearn_rp.rules import PLURALITY, Rule, TopItems, best_items
from sklearn_rp.votes import Measured, Scored, Votes

_MOST_SCORES = 1000  # each with each other: 8 MB of distances


@dataclass(eq=False)
class Linear(Engine):
    """Engine of a model whose affine scores decide, or are its answer.

    Of one score ``w.x + b``, ``h_1(x) = Phi((w.x + b) / norm)`` with ``norm^2 = sum_{j in J} (w_j
    sigma s_j)^2``, and the radius is the distance to the hyperplane. The median of noisy numbers is
    the number itself, and the radius its distance to the nearer edge of its cell over `norm`.

    Where the largest of several scores decides, smoothing gains nothing: the label, or the list of
    items, is the model's own, and it stays the same up to the nearest hyperplane between it and
    another, ``min_c (score_A - score_c) / ||w_A - w_c||``.

    Parameters
    ----------
    parts : LinearScores
        The scores of the last step.
    transform : callable
        The steps before it.
    noise : Noise
        What is perturbed.
    weight : ndarray of shape (n_scores, n_noised)
        What one unit of each noised feature adds to the scores.
    weight_size : ndarray of shape (n_scores, n_noised)
        Size of the numbers that `weight` is a sum of.
    given : Given
        Size of the numbers that the inputs are sums of.
    estimator : fitted estimator
        The whole model, to refuse rows that it refuses.
    cells : Cells or None
        Of a regressor: where its numbers are put.
    n_classes : int
        Labels, cells or items.
    rule : Rule
        What is released.
    banned : ndarray of bool of shape (n_masks, n_items), or None
        Items that must not be named: see `Listing`.
    """

    parts: LinearScores
    transform: Callable[[Rows], Any]
    noise: Noise
    weight: np.ndarray
    weight_size: np.ndarray
    given: Given
    estimator: Any
    cells: Cells | None = None
    n_classes: int = 2
    rule: Rule = field(default=PLURALITY)
    banned: np.ndarray | None = None

    method = "exact"
    divisible = False
    name = "linear"
    title = "distance to the hyperplane"

    @property
    def voting(self) -> str:
        """What noisy copies would vote with."""
        return "hard" if self.cells is None else "median"

    def identity(self) -> Any:
        """Where numbers are put, or which items are named."""
        return self.cells, self.rule

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for a model that is linear in the noised features."""
        problem.hard_votes_alone()
        problem.numbers_alone()
        items, numbers = problem.best is not None, problem.cells is not None
        own = adapted(problem.model) if items else problem.model
        model, transform, effect = unfold(own, problem.noise.columns, problem.X)
        parts = read_linear(model, None if numbers else len(problem.classes))
        if parts.weights.shape[1] != len(effect):
            raise NotForMe(f"{type(model).__name__} is not known to be linear")
        if items:
            if "pairs" in parts.decides:
                raise NotForMe(f"{type(model).__name__} has no linear score for each item")
            parts = parts.of_items(problem.model)
        n_classes = len(problem.classes)
        if parts.decides == "largest" and len(parts.weights) > _MOST_SCORES:
            raise NotForMe(f"{len(parts.weights)} scores have too many pairs of rivals")
        if parts.decides == "sign":
            suits = numbers or n_classes == 2
        else:
            n_pairs = n_classes * (n_classes - 1) // 2
            wanted = n_pairs if "pairs" in parts.decides else n_classes
            suits = not numbers and len(parts.weights) == wanted
        if not suits:
            raise NotForMe(
                f"{type(model).__name__} has {len(parts.weights)} scores for {n_classes} classes"
            )
        several = parts.decides != "sign"
        size = parts.sizes @ np.abs(effect) if several or parts.ask is not None else 0 * effect[:1]
        weight = parts.weights @ effect
        given = Given.by_steps(own, problem.X)
        how = problem.cells, n_classes, problem.rule
        engine = cls(parts, transform, problem.noise, weight, size, given, problem.model, *how)
        if not engine._agrees(problem):
            raise NotForMe("score and answers of noisy rows are not what its weights say")
        return engine

    def _agrees(self, problem: Problem) -> bool:
        """Whether scores and answers of some noisy rows are what the folded weights say."""
        rows, draws, copies = trial(problem, 200)
        score, size = self._score(copies)
        plain, plain_size = self._score(rows)
        known = np.isfinite(plain[0])  # what everybody has is infinite
        expected = plain[:, None] + draws @ self.weight.T
        slack = 1e-6 * (size.reshape(expected.shape) + plain_size[:, None])
        off = np.abs(score.reshape(expected.shape)[..., known] - expected[..., known])
        if not (off <= slack[..., known]).all():
            return False
        slack = slack.reshape(score.shape)
        if self.cells is not None:
            off = np.abs(numbers_of(problem.model, copies) - score[:, 0])
            return bool((off <= slack[:, 0]).all())
        found = self._outcome(score, slack)
        clear, place = found.radius > 0, found.order
        if isinstance(self.rule, TopItems):
            # The list is one of the best by the model's own scores; probabilities may be equal to
            # the last bit where scores are not.
            own = problem.model.predict(copies)
            plainly = self._outcome(plain, 1e-6 * plain_size)
            theirs = best_items(problem.model.predict(rows), self.rule.n_best, self.rule.ordered)
            ours = plainly.order[:, : self.rule.n_best]
            if (theirs != ours).any(axis=1)[plainly.radius > 0].any():
                return False  # scores that are labels, or cut off, are equal where these are not
            one, other = self.rule.pairs(
                own - own.min(axis=1, keepdims=True), place[:, : self.rule.n_best]
            )
            near = 1e-9 * (1 + np.abs(own).max(axis=1, keepdims=True))
            return bool((one >= other - near).all(axis=1)[clear].all())
        return bool((labels_of(problem.model, copies) == problem.classes[place[:, 0]])[clear].all())

    def _score(self, X: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Scores, and the size of the numbers that they are sums of: (n_rows, n_scores)."""
        inputs = self.transform(X)
        if not hasattr(inputs, "tocsr"):
            inputs = np.asarray(inputs, dtype=np.float64)
        score, size = self.parts.scores(inputs), self.parts.size(inputs)
        # What the steps add up, and take the difference of, may be larger than what is left.
        given = self.given.of(X)
        for k, weight in enumerate(np.abs(self.parts.weights)):
            size[:, k] += (given * weight).sum(axis=1)
        return score, size

    def _outcome(self, score: np.ndarray, error: np.ndarray) -> Outcome:
        """What the scores decide, and how far it stays so at ``sigma=1``."""
        terms, scale = self.parts.terms, self.noise.scale
        weight, size = self.weight * scale, self.weight_size * scale
        if isinstance(self.rule, TopItems):
            return of_lists(score, error, norms(weight, size, terms), self.rule)
        if self.parts.decides == "largest":
            return of_the_largest(score, error, norms(weight, size, terms))
        norm = length(weight, size, terms)
        if self.parts.decides == "sign":
            score = -score
        return of_pairs(score, error, norm, self.n_classes, self.parts.decides != "clear pairs")

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Any = None) -> list[Votes]:
        """Exact votes of each row at each noise level."""
        mask = None
        if self.banned is not None:
            X, mask = parted(X)
        values = self.noise.check_rows(X, min(sigmas))
        single = values.dtype == np.float32
        parts = [
            self._score(take_rows(X, rows))
            for rows in gen_batches(X.shape[0], rows_per_chunk(X.shape[1] + 2 * len(self.weight)))
        ]
        score, size = (np.concatenate(part) for part in zip(*parts, strict=True))
        if np.isnan(score).any() or not np.isfinite(size).all():
            self.estimator.predict(X)  # what the model refuses is refused
        # Rounding error of a dot product: its length in units in the last place of its size.
        error = np.finfo(np.float32 if single else np.float64).eps * self.parts.terms * size
        if self.parts.decides == "sign":
            return [self._of_one(score[:, 0], error[:, 0], sigma) for sigma in sigmas]
        if mask is not None and self.banned is not None:
            score = np.where(self.banned[mask], -np.inf, score)
        outcome = self._outcome(score, error)
        return [self._of_several(outcome, sigma) for sigma in sigmas]

    def excluding(self, banned: np.ndarray) -> Self:
        """The same, where some items must not be named."""
        return replace(self, banned=banned)

    def _of_several(self, outcome: Outcome, sigma: float) -> Votes:
        """Votes where several scores compete: the answer is the model's own."""
        shares = outcome.shares(sigma)
        if not isinstance(self.rule, TopItems) or self.rule.n_best == 1:
            shares = shares / shares.sum(axis=1, keepdims=True)
        radius = outcome.radius / sigma
        clear = Gaussian.below(radius) - 1e-15
        radius = np.clip(radius * (1 - 1e-15), 0.0, self.noise.farthest(sigma))
        return Scored(shares, radius, clear, rule=self.rule)

    def _of_one(self, score: np.ndarray, error: np.ndarray, sigma: float) -> Votes:
        """Votes where one score decides, or is the answer."""
        weight, size = (each * sigma * self.noise.scale for each in (self.weight, self.weight_size))
        norm = float(np.sqrt(np.sum(weight**2)))
        most = float(length(weight, size, self.parts.terms)[0])
        near = np.abs(score) if self.cells is None else np.minimum(*self.cells.around(score))
        with np.errstate(divide="ignore", invalid="ignore"):
            radius = np.where(near > 0, (near - error) / most, 0.0)
        if self.cells is not None:  # so near to an edge, the median may come out beyond it
            radius = radius - 1e-15 * len(self.cells.edges)
        radius = np.clip(radius * (1 - 1e-12), 0.0, self.noise.farthest(sigma))
        # A score of 0 is class 0, for the model as for the first of equal shares.
        edges = np.zeros(1) if self.cells is None else self.cells.edges
        total = self._shares(score, edges, norm)
        return Measured(total, np.full(len(score), 1e-12), radius, rule=self.rule)

    def _shares(self, score: np.ndarray, edges: np.ndarray, norm: float) -> np.ndarray:
        """Probabilities of a noisy score between edges: shape (n_rows, n_edges + 1)."""
        ends = np.r_[-np.inf, edges, np.inf]
        away = score[:, None] - ends
        with np.errstate(divide="ignore", invalid="ignore"):
            away = np.where(away == 0, 0.0, away / norm)
        return Gaussian.mass(-away[:, :-1], -away[:, 1:])
