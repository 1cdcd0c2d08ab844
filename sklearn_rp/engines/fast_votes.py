"""Votes of models that can be asked behind the steps and checks that noisy copies would pass.

The steps in front of a model are affine: what they make of row plus noise is what they make of the
row, plus what the noise adds to each input. Linear models need no noisy copies at all, and trees
read them in the precision that they compare in, without being checked anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.engines.monte_carlo import MonteCarlo, count_positions, count_probabilities
from sklearn_rp.engines.problem import Problem
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Draws
from sklearn_rp.models.affine import dense_inputs, unfold
from sklearn_rp.models.inside import has_own
from sklearn_rp.models.labels import labels_of, normalised
from sklearn_rp.models.linear import row_dots
from sklearn_rp.models.tables import TreeTable
from sklearn_rp.models.thresholds import trial_rows
from sklearn_rp.models.trees import FORESTS, TREES, read_trees
from sklearn_rp.rows import Rows, in_double, rows_per_chunk, take_rows
from sklearn_rp.votes import Votes

_WIDEST = 4  # inputs for each column of X: what encoders make wider is better left sparse


@dataclass(eq=False)
class Folded(MonteCarlo):
    """Engine that adds the noise to the inputs of the last step.

    Parameters
    ----------
    model : fitted classifier
        The last step.
    transform : callable
        The steps before it, as one function of clean rows.
    effect : ndarray of shape (n_inputs, n_noised)
        What one unit of each noised feature adds to each input.
    """

    model: Any = None
    transform: Callable[[Rows], Any] = field(default=np.asarray)
    effect: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for a model whose own votes it gives."""
        problem.labels_alone()
        if problem.is_net or problem.shape is not None:
            raise NotForMe("the model is a net, or reads images")
        X, noise = problem.X, problem.noise
        parts = unfold(problem.estimator, noise.columns, X)
        model, _, effect = parts
        if not cls._knows(model, len(problem.classes), problem.voting):
            raise NotForMe(f"{type(model).__name__} is not one that it can ask")
        if len(effect) > _WIDEST * X.shape[1]:
            raise NotForMe("the steps make many inputs of one feature")
        engine = cls(*cls._asked(problem), *parts)
        if not engine._reads_the_model(X):
            raise NotForMe("its votes on some rows are not those of the model")
        return engine

    @classmethod
    def _knows(cls, model: Any, n_classes: int, voting: str) -> bool:
        """Whether the model is one that this engine can ask."""
        raise NotImplementedError

    @property
    def _width(self) -> int:
        return len(self.effect)

    def _reads_the_model(self, X: Rows) -> bool:
        """Whether the engine's votes on some rows are those of the estimator itself."""
        rows = trial_rows(self.estimator, self.noise.columns, X, 50)
        bank = self.noise.probes()
        expected = MonteCarlo._count(self, rows, bank)
        if self.voting == "soft":
            return bool(np.allclose(self._count(rows, bank), expected, rtol=1e-6))
        return bool((self._count(rows, bank) == expected).all())


class LinearVotes(Folded):
    """Engine of linear models: their scores are those of the row, plus those of the noise."""

    title = "votes of linear scores"

    @classmethod
    def _knows(cls, model: Any, n_classes: int, voting: str) -> bool:
        coef: Any = getattr(model, "coef_", None)
        intercept: Any = getattr(model, "intercept_", None)
        outputs = 1 if n_classes == 2 else n_classes
        return (
            voting == "hard"
            and not has_own(model, "predict", "decision_function")
            and getattr(coef, "dtype", None) in (np.float64, np.float32)
            and np.ndim(coef) in (1, 2)
            and (1 if np.ndim(coef) == 1 else len(coef)) == outputs
            and np.size(intercept) == outputs
        )

    def _weights(self) -> np.ndarray:
        """What one unit of each noised feature adds to each score: (n_noised, n_scores)."""
        return (self._coef() @ self.effect).T

    @property
    def _single(self) -> bool:
        """Whether the model computes in single precision; votes are cast in double all the same."""
        return bool(self.model.coef_.dtype == np.float32)

    def _reads_the_model(self, X: Rows) -> bool:
        if not self._single:
            return super()._reads_the_model(X)
        # Copy by copy, and those that are clear in single precision.
        rows = trial_rows(self.estimator, self.noise.columns, X, 50)
        bank = self.noise.probes()
        scores = self._scores(rows)[:, None, :] + bank @ self._weights()
        labels = labels_of(
            self.estimator, self.noise.noisy_copies(rows, self.noise.values(rows), bank)
        )
        two = np.concatenate([-scores, scores], axis=2) if scores.shape[2] == 1 else scores
        ordered = np.sort(two.reshape(len(labels), -1), axis=1)
        size = np.abs(dense_inputs(self.transform, rows)) @ np.abs(self._coef()).T
        size = size.max(axis=1)[:, None] + np.abs(bank @ self._weights()).max(axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > 1e-4 * size.ravel()
        own = self.classes[two.reshape(len(labels), -1).argmax(axis=1)]
        return bool((own == labels)[clear].all())

    def _coef(self) -> np.ndarray:
        """Weights of the last step: shape (n_scores, n_inputs)."""
        coef = self.model.coef_
        coef = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)
        return coef.reshape(-1, len(self.effect)).astype(np.float64)

    def _scores(self, X: Rows) -> np.ndarray:
        inputs = self.transform(X)
        if self._single:  # row by row: in single precision, sums in another order differ
            if not hasattr(inputs, "tocsr"):
                inputs = np.asarray(inputs, dtype=np.float64)
            return row_dots(inputs, self._coef()) + np.ravel(self.model.intercept_).astype(float)
        scores = np.asarray(self.model.decision_function(inputs), dtype=np.float64)
        return scores.reshape(len(scores), -1)

    def _count(self, X: Rows, offsets: np.ndarray) -> np.ndarray:
        return self._decide(self._scores(X)[:, None, :] + offsets @ self._weights())

    def _decide(self, scores: np.ndarray) -> np.ndarray:
        """Votes from scores of shape (n_rows, n_votes, n_scores)."""
        if scores.shape[2] == 1:
            second = (scores[:, :, 0] > 0).sum(axis=1)
            return np.stack([scores.shape[1] - second, second], axis=1)
        return count_positions(scores.argmax(axis=2), len(self.classes))

    def _add_shared(
        self, totals: np.ndarray, X: Rows, sigmas: Sequence[float], draws: Draws
    ) -> None:
        weights = self._weights() * self.noise.scale[:, None]
        scores = self._scores(X)
        at_once = rows_per_chunk(weights.size)
        at_once = -(-at_once // self.noise.law.block) * self.noise.law.block
        for start in range(draws.start, draws.stop, at_once):
            stop = min(start + at_once, draws.stop)
            bank = self.noise.law.draw(draws.entropy, start, stop) @ weights
            for total, sigma in zip(totals, sigmas, strict=True):
                if bank.shape[1] == 1:  # above 0 where the noise adds more than -score
                    below = np.searchsorted(np.sort(sigma * bank[:, 0]), -scores[:, 0], "right")
                    total += np.stack([below, len(bank) - below], axis=1)
                    continue
                step = max(1, rows_per_chunk(bank.shape[1]) // len(bank))
                for first in range(0, len(scores), step):
                    rows = slice(first, first + step)
                    total[rows] += self._decide(scores[rows, None, :] + sigma * bank)


class TreeVotes(Folded):
    """Engine of trees and forests: copies are made in single precision, in which trees compare."""

    title = "votes of trees"

    @classmethod
    def _knows(cls, model: Any, n_classes: int, voting: str) -> bool:
        if type(model) not in TREES + FORESTS or model.n_outputs_ > 1:
            return False
        return getattr(model, "n_jobs", None) in (None, 1)  # else its own threads are faster

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Draws) -> list[Votes]:
        """Votes of each row at each noise level, all with the same draws."""
        for rows in gen_batches(X.shape[0], rows_per_chunk(X.shape[1])):
            # The noisy copies are not checked, the rows are; on a copy, as steps may write into it.
            self.estimator.predict(in_double(take_rows(X, rows)))
        return super().votes(X, sigmas, draws)

    def _count(self, X: Rows, offsets: np.ndarray) -> np.ndarray:
        inputs = dense_inputs(self.transform, X)
        if inputs.dtype.kind != "f":  # whole numbers, or a frame of several types
            inputs = inputs.astype(np.float64)
        shift = self._shift(offsets)
        if inputs.dtype == np.float32:  # the sum is formed in the precision of the row
            shift = shift.astype(np.float32)
        copies = np.empty((len(inputs), shift.shape[-2], inputs.shape[1]), dtype=np.float32)
        np.add(inputs[:, None, :], shift, out=copies, casting="same_kind")
        flat = copies.reshape(-1, inputs.shape[1])
        if self.voting == "soft":
            proba = normalised(self._proba(flat), len(self.classes))
            return count_probabilities(proba, len(inputs))
        position = self._position(flat)
        return count_positions(position.reshape(len(inputs), -1), len(self.classes))

    def _shift(self, offsets: np.ndarray) -> np.ndarray:
        """What the noise adds to each input."""
        if self._places is None:
            return offsets @ self.effect.T
        shift = np.zeros((*offsets.shape[:-1], len(self.effect)))
        shift[..., self._places] = offsets
        return shift

    @cached_property
    def _places(self) -> np.ndarray | None:
        """Inputs that are the noised features themselves; None where steps change them."""
        alone = np.count_nonzero(self.effect) == self.effect.shape[1]
        whole = bool((self.effect.sum(axis=0) == 1).all())
        return self.effect.argmax(axis=0) if alone and whole else None

    def _position(self, copies: np.ndarray) -> np.ndarray:
        """Position of the model's label of each copy."""
        if self.cells is not None:
            return self.cells.of(self._proba(copies)[:, 0])
        if self._table.n_trees > 1:
            return self._proba(copies).argmax(axis=1)
        ((tree, value),) = self._trees()
        return value.argmax(axis=1)[tree.apply(copies, check_input=False)]

    def _proba(self, copies: np.ndarray) -> np.ndarray:
        """Probabilities of the model, or its numbers, bit for bit."""
        total, part = np.zeros((2, len(copies), self._table.contributions().shape[1]))
        for tree, value in self._trees():
            leaf = tree.apply(copies, check_input=False)
            total += np.take(value, leaf, axis=0, out=part, mode="clip")
        total /= self._table.n_trees
        return total

    @cached_property
    def _table(self) -> TreeTable:
        return read_trees(self.model)

    def _trees(self) -> Iterator[tuple[Any, np.ndarray]]:
        """Each tree, and the shares of the classes in its nodes."""
        first = self._table.first
        members = getattr(self.model, "estimators_", [self.model])
        yield from zip(members, np.split(self._table.contributions(), first[1:-1]), strict=True)
