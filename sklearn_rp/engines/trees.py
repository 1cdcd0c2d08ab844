"""Closed form of trees and of averages and sums of trees: each leaf is a box.

The probability that a noisy row falls into a box is a product over features: of a difference of two
normal distribution functions for a noised feature, of an indicator for any other. Horvath et al.
2022 (arXiv 2205.13909) do this for ensembles of stumps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from scipy import special
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.utils import gen_batches

from sklearn_rp.engines.problem import Engine, Problem, moved_so, trial
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Gaussian
from sklearn_rp.models.affine import dense_inputs, unfold_axes
from sklearn_rp.models.boxes import Boxes
from sklearn_rp.models.cells import Cells
from sklearn_rp.models.inside import adapted
from sklearn_rp.models.items import ItemScores, parted, places_of
from sklearn_rp.models.trees import FORESTS, TREES, read_trees
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, rows_per_chunk, take_rows
from sklearn_rp.rules import PLURALITY, Rule, TopItems, best_items
from sklearn_rp.votes import Exact, Scored, Votes


@dataclass(eq=False)
class Trees(Engine):
    """Engine of a decision tree, an average of trees, or a sum of boosted trees.

    Parameters
    ----------
    boxes : Boxes
        The leaves.
    transform : callable
        Steps before the trees.
    noise : Noise
        What is perturbed.
    source : ndarray of shape (n_inputs,)
        The noised feature behind each input; -1 for none.
    gain : ndarray of shape (n_inputs,)
        What one unit of it adds to the input.
    raw : tuple of float or None
        Boosting: start value, and the bounds of the raw score. None: the leaves hold votes.
    voting : {"hard", "soft", "median"}
        What they vote with.
    rule : Rule
        What becomes of the votes.
    scores : ndarray of shape (n_leaves, n_items), or None
        Of hard votes for items: what each leaf thinks of them.
    banned : ndarray of bool of shape (n_masks, n_items), or None
        Items that must not be named: see `Listing`.
    """

    boxes: Boxes
    transform: Callable[[Rows], Any]
    noise: Noise
    source: np.ndarray
    gain: np.ndarray
    raw: tuple[float, float, float] | None = None
    voting: str = "soft"
    rule: Rule = PLURALITY
    scores: np.ndarray | None = None
    banned: np.ndarray | None = None

    method = "exact"
    divisible = True
    name = "trees"
    title = "boxes of the leaves"

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for a tree, or for a forest whose probabilities are smoothed."""
        problem.numbers_alone()
        voting, noise, X = problem.voting, problem.noise, problem.X
        if voting != "soft" and len(noise.columns) == 1:
            raise NotForMe("along one noised feature any model is swept")
        model, transform, source, gain = unfold_axes(adapted(problem.model), noise.columns, X)
        kind = type(model)
        known = kind in TREES or (kind in FORESTS and voting == "soft")
        table = read_trees(model) if known else None
        if table is None or table.value is None:
            raise NotForMe(
                f"{kind.__name__} is no tree, nor, with voting='soft', a forest of one output"
            )
        scores = None
        if problem.best is None:
            votes = _votes(table.value, voting, problem.cells)
        else:
            scores = _item_scores(table.value, problem.model)
            votes = scores if voting == "soft" else _listed(scores, problem.best)
            if not ((votes >= 0) & (votes <= 1)).all():
                raise NotForMe("some scores in the leaves are not between 0 and 1")
        boxes = Boxes(table, votes / table.n_trees)
        if scores is not None:
            scores = scores[boxes.leaves]
        how = None, voting, problem.rule, None if voting == "soft" else scores
        engine = cls(boxes, transform, noise, source, gain, *how)
        engine._check(problem, voting)
        return engine

    def _check(self, problem: Problem, voting: str) -> None:
        if not self._agrees(problem, voting):
            raise NotForMe("the model is not what its leaves say")

    def _agrees(self, problem: Problem, voting: str) -> bool:
        """Whether the steps hand on the noise as is believed, and the leaves vote as the model."""
        # A forest has many leaves, and each is asked about each copy.
        estimator = problem.reader
        rows, draws, copies = trial(problem, 40)
        inputs = self._inputs(copies)
        moved = np.where(self.source < 0, 0.0, self.gain * draws[:, self.source])
        if not moved_so(inputs, self._inputs(rows), moved):
            return False
        found = self.boxes.expectation(inputs, np.zeros(inputs.shape[1]))
        if voting == "raw":
            start = self.raw[0] if self.raw else 0.0
            return bool(np.allclose(start + found[:, 0], estimator.decision_function(copies)))
        if voting == "soft":
            return bool(np.allclose(found, estimator.predict_proba(copies), atol=1e-6))
        place = self.rule.top(found, 0.5)
        return bool((place == places_of(estimator, copies, estimator.classes_)).all())

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Any = None) -> list[Votes]:
        """Exact votes of each row at each noise level."""
        values = self.noise.check_rows(X, min(sigmas))
        totals: list[list[np.ndarray]] = [[] for _ in sigmas]
        errors: list[list[np.ndarray]] = [[] for _ in sigmas]
        gain = np.where(self.source < 0, 0.0, np.abs(self.gain))
        scale = gain * self.noise.scale[self.source]
        mask: Any = None
        if self.banned is not None:
            X, mask = parted(X)
        held = self.boxes.n_leaves * (2 if mask is None else 2 + 3 * self.boxes.value.shape[1])
        for rows in gen_batches(X.shape[0], rows_per_chunk(held)):
            inputs = self._inputs(take_rows(X, rows))
            given = gain * np.abs(values[rows].astype(np.float64)[:, self.source])
            for level, sigma in enumerate(sigmas):
                spread = sigma * scale
                if mask is None or self.scores is None:
                    totals[level].append(self.boxes.expectation(inputs, spread))
                else:
                    totals[level].append(self._without(inputs, spread, mask[rows]))
                errors[level].append(self.boxes.error(inputs, sigma * scale, given))
        return [
            self._answer(np.concatenate(total), np.concatenate(error), self.noise.farthest(sigma))
            for total, error, sigma in zip(totals, errors, sigmas, strict=True)
        ]

    def identity(self) -> Any:
        """What the leaves vote: labels, probabilities or raw scores."""
        return self.boxes.value, self.raw, self.voting, self.rule

    def excluding(self, banned: np.ndarray) -> Self:
        """The same, where some items must not be named."""
        return replace(self, banned=banned)

    def _without(self, inputs: np.ndarray, spread: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """As `expectation`, of leaves that name the best items among those that they may."""
        assert isinstance(self.rule, TopItems)
        assert self.banned is not None
        assert self.scores is not None
        allowed = np.where(self.banned[mask][:, None, :], -np.inf, self.scores)
        votes = _listed(allowed, self.rule)
        return (self.boxes.chance(inputs, spread).T[:, :, None] * votes).sum(axis=1)

    def _inputs(self, X: Rows) -> np.ndarray:
        return dense_inputs(self.transform, X).astype(np.float64, copy=False)

    def _answer(self, total: np.ndarray, error: np.ndarray, farthest: float) -> Votes:
        if self.raw is None:
            return Exact(total, error, rule=self.rule)
        # Boosting: G = (E[S] - low) / (high - low) is a soft vote and the decision is S > 0, so
        # the radius is the distance of Phi^-1(G) from Phi^-1 at S = 0.
        start, low, high = self.raw
        score = start + total[:, 0]
        share = np.stack([special.expit(-score), special.expit(score)], axis=1)
        if low >= 0 or high <= 0:  # one label everywhere
            return Scored(share, np.full(len(score), farthest))
        slack = error * np.abs(self.boxes.value).max() * self.boxes.n_trees / (high - low)
        g, zero = (score - low) / (high - low), -low / (high - low)
        near = np.where(g > zero, np.maximum(g - slack, zero), np.minimum(g + slack, zero))
        near = np.clip(near, 1e-15, 1 - 1e-15)
        far, close = np.maximum(near, zero), np.minimum(near, zero)
        return Scored(share, np.clip(Gaussian.distance(far, close), 0.0, farthest))


class Boosting(Trees):
    """Engine of binary gradient boosting, through the bounds of its raw score."""

    title = "bounds of the raw score"

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for binary gradient boosting; loose, and so only where it is asked for by name."""
        problem.numbers_alone()
        problem.labels_alone()
        if problem.voting == "hard":
            raise NotForMe("it smooths the raw score, and voting='hard' smooths labels")
        if problem.method != "exact":
            raise NotForMe("its radii are small: only with method='exact'")
        estimator, noise, X = problem.reader, problem.noise, problem.X
        model, transform, source, gain = unfold_axes(estimator, noise.columns, X)
        if type(model) is not GradientBoostingClassifier or len(model.classes_) != 2:
            raise NotForMe(f"{type(model).__name__} is no binary gradient boosting")
        table = read_trees(model)
        value = table.contributions()[:, 0]
        leaf, first = table.left < 0, table.first[:-1]
        one = dense_inputs(transform, take_rows(X, slice(0, 1)))  # the start as the model adds it
        reached = [t.tree_.apply(one.astype(np.float32))[0] for t in np.ravel(model.estimators_)]
        start = float(np.ravel(model.decision_function(one))[0] - sum(value[first + reached]))
        least = np.minimum.reduceat(np.where(leaf, value, np.inf), first)
        most = np.maximum.reduceat(np.where(leaf, value, -np.inf), first)
        raw = start, start + sum(least.tolist()), start + sum(most.tolist())
        engine = cls(Boxes(table, value[:, None]), transform, noise, source, gain, raw)
        engine._check(problem, "raw")
        return engine


def _item_scores(value: np.ndarray, model: ItemScores) -> np.ndarray:
    """What each node thinks of each item: shape (n_nodes, n_items)."""
    if model.of_labels_:
        value = value / value.sum(axis=1, keepdims=True)
    return model.spread(value)


def _listed(scores: np.ndarray, best: TopItems) -> np.ndarray:
    """Votes for the best items: of the shape of `scores`, (..., n_items)."""
    votes = np.zeros(scores.shape)
    place = best_items(scores, best.n_best, best.ordered)
    np.put_along_axis(votes, place, np.broadcast_to(best.worth, place.shape), axis=-1)
    return votes


def _votes(value: np.ndarray, voting: str, cells: Cells | None) -> np.ndarray:
    """Votes of each node of trees: shape (n_nodes, n_classes)."""
    if cells is not None:
        return np.eye(len(cells.middles))[cells.of(value[:, 0])]
    if voting == "soft":
        return value / value.sum(axis=1, keepdims=True)
    return np.eye(value.shape[1])[value.argmax(axis=1)]
