"""Votes of any model on noisy copies of the rows (Cohen, Rosenfeld, Kolter 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np

from sklearn_rp.engines.problem import Engine, Problem
from sklearn_rp.law import Draws
from sklearn_rp.models.cells import Cells
from sklearn_rp.models.items import Listing, places_of
from sklearn_rp.models.labels import encode, labels_of, probabilities_of
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, rows_per_chunk, take_rows
from sklearn_rp.rules import Rule, TopItems, rule_of
from sklearn_rp.votes import SOFT_UNIT, Votes, counted


@dataclass(eq=False)
class MonteCarlo(Engine):
    """Engine that counts the labels of noisy copies of each row.

    Parameters
    ----------
    estimator : fitted classifier
        The base classifier ``f``.
    classes : ndarray of shape (n_classes,)
        Its labels, in the order of its ``classes_``.
    noise : Noise
        What is perturbed.
    voting : {"hard", "soft", "median"}
        Count ``predict`` or add up ``predict_proba``.
    cells : Cells or None
        Of a regressor: where its numbers are put.
    best : TopItems or None
        Of a model of items: how many are named.
    """

    estimator: Any
    classes: np.ndarray
    noise: Noise
    voting: Literal["hard", "soft", "median"] = "hard"
    cells: Cells | None = None
    best: TopItems | None = field(default=None, kw_only=True)

    method = "monte_carlo"
    name = "monte_carlo"
    title = "votes of noisy copies"
    divisible = True

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for any model."""
        return cls(*cls._asked(problem), best=problem.best)

    @staticmethod
    def _asked(problem: Problem) -> tuple[Any, Any, Any, Any, Any]:
        """What every engine that counts is told."""
        return problem.reader, problem.classes, problem.noise, problem.voting, problem.cells

    @property
    def rule(self) -> Rule:
        """How votes become one answer."""
        return rule_of(self.voting) if self.best is None else self.best

    def excluding(self, banned: np.ndarray) -> Self:
        """The same, where some items must not be named."""
        return replace(self, estimator=self.estimator.excluding(banned))

    @property
    def _width(self) -> int:
        """Inputs of the model, where there may be more than columns of X."""
        return 1

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Draws) -> list[Votes]:
        """Votes of each row at each noise level, all with the same draws.

        A row's votes depend on the row and the draws alone (as far as the model's own answer for a
        row does not depend on its batch). With noise of its own for every row they also depend on
        its number.
        """
        self.noise.check_rows(X, min(sigmas))
        # Integers, for soft votes too: their sum does not depend on its order, hence not on chunks.
        totals = np.zeros((len(sigmas), X.shape[0], len(self.classes)), dtype=np.int64)
        if draws.row is None:
            self._add_shared(totals, X, sigmas, draws)
        else:
            self._add_own(totals, X, sigmas, draws)
        if self.voting == "soft" or (self.best is not None and self.best.ordered):
            totals = totals / SOFT_UNIT
        return [counted(self.voting, self.rule)(total, len(draws)) for total in totals]

    def _add_shared(
        self, totals: np.ndarray, X: Rows, sigmas: Sequence[float], draws: Draws
    ) -> None:
        """Count votes with one bank for all rows into `totals`, of shape (n_sigmas, n_rows, ...).

        Votes outside, rows inside: each draw is made once, and none is kept.
        """
        rows_at_once, votes_at_once = self._chunks(X, len(draws))
        for start in range(draws.start, draws.stop, votes_at_once):
            stop = min(start + votes_at_once, draws.stop)
            offsets = self.noise.law.draw(draws.entropy, start, stop) * self.noise.scale
            for first in range(0, X.shape[0], rows_at_once):
                rows = slice(first, min(first + rows_at_once, X.shape[0]))
                chunk = take_rows(X, rows)
                for total, sigma in zip(totals, sigmas, strict=True):
                    total[rows] += self._count(chunk, sigma * offsets)

    def _add_own(self, totals: np.ndarray, X: Rows, sigmas: Sequence[float], draws: Draws) -> None:
        """As `_add_shared`, every row with noise of its own."""
        most = rows_per_chunk(max(self._width, X.shape[1]))
        for rows, own in self.noise.law.draw_own(draws, X.shape[0], most):
            chunk, offsets = take_rows(X, rows), own * self.noise.scale
            for total, sigma in zip(totals, sigmas, strict=True):
                total[rows] += self._count(chunk, sigma * offsets)

    def _chunks(self, X: Rows, n_votes: int) -> tuple[int, int]:
        """Rows and votes of one chunk, within scikit-learn's working memory."""
        copies = rows_per_chunk(max(self._width, X.shape[1]))
        block = self.noise.law.block
        votes = max(1, copies // max(1, X.shape[0]) // block) * block
        votes = min(votes, -(-n_votes // block) * block)
        return max(1, copies // min(votes, n_votes)), votes

    def _count(self, X: Rows, offsets: np.ndarray) -> np.ndarray:
        """Votes of some rows, each with all offsets or with its own: shape (n_rows, n_classes)."""
        copies = self.noise.noisy_copies(X, self.noise.values(X), offsets)
        if isinstance(self.estimator, Listing):
            return self._count_items(self.estimator, copies, X.shape[0])
        if self.voting == "soft":
            proba = probabilities_of(self.estimator, copies, len(self.classes))
            return count_probabilities(proba, X.shape[0])
        labels = labels_of(self.estimator, copies)
        return count_labels(labels.reshape(X.shape[0], -1), self.classes)

    def _count_items(self, reader: Listing, copies: Rows, n_rows: int) -> np.ndarray:
        """Votes for items: shape (n_rows, n_items)."""
        if self.voting == "soft":
            return count_probabilities(reader.predict_proba(copies), n_rows)
        place = places_of(reader, copies, self.classes).reshape(n_rows, -1)
        if not reader.rule.ordered:
            return count_positions(place, len(self.classes))
        # By rank, and integers, as of probabilities.
        n_best = reader.rule.n_best
        worth = np.rint(reader.rule.worth * SOFT_UNIT).astype(np.int64)
        ranks = place.reshape(n_rows, -1, n_best).transpose(2, 0, 1)
        counts = (count_positions(each, len(self.classes)) for each in ranks)
        return np.asarray(sum(w * each for w, each in zip(worth, counts, strict=True)))


def count_labels(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How often each class occurs in each row: (n_rows, n_votes) to (n_rows, n_classes).

    Raises
    ------
    ValueError
        If a label is none of `classes`.

    Examples
    --------
    >>> count_labels(np.array([["b", "a", "b"], ["a", "a", "a"]]), np.array(["a", "b"]))
    array([[1, 2],
           [3, 0]])
    """
    if len(classes) <= 16:
        # Comparing whole arrays is several times faster than looking labels up, strings above all.
        counts = np.stack([(labels == c).sum(axis=1) for c in classes], axis=1)
        if (counts.sum(axis=1) == labels.shape[1]).all():
            return counts
    return count_positions(encode(labels, classes), len(classes))


def count_positions(position: np.ndarray, n_classes: int) -> np.ndarray:
    """As `count_labels`, from positions of classes."""
    n_rows = len(position)
    number = position + n_classes * np.arange(n_rows)[:, None]
    return np.bincount(number.ravel(), minlength=n_rows * n_classes).reshape(n_rows, n_classes)


def count_probabilities(proba: np.ndarray, n_rows: int) -> np.ndarray:
    """Sum of the probabilities of each row's copies, in units of ``1 / SOFT_UNIT``."""
    units = np.rint(proba * SOFT_UNIT).astype(np.int64)
    return units.reshape(n_rows, -1, proba.shape[1]).sum(axis=1)
