"""Hard votes of models whose score is a sum over features, or a quadratic form, without drawing.

The noise on the features is independent, and so are the parts of the score: its characteristic
function is a product of theirs. :mod:`sklearn_rp.engines.enclosing` makes bounds of the votes of it
that hold with certainty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.engines.enclosing import LAST_DEGREE, enclosed
from sklearn_rp.engines.problem import Engine, Problem, moved_so, trial
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Gaussian
from sklearn_rp.models.additive import Block, StepSum, cell_of, read_steps
from sklearn_rp.models.affine import dense_inputs, unfold, unfold_axes
from sklearn_rp.models.labels import labels_of
from sklearn_rp.models.quadratic import Normals, read_normals
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, rows_per_chunk, take_rows
from sklearn_rp.votes import Exact, Votes

_EPS = np.finfo(np.float64).eps
_FINE = 2.0**36  # parts of a turn that whole multiples of are exact
_TAIL = 1e-13  # of the probability that a score is beyond its length


@dataclass(eq=False)
class LawOfRows:
    """What is known of each of some rows; `take` gives that of some of them."""

    mean: np.ndarray
    shift: float
    slack: np.ndarray
    error: np.ndarray
    beyond: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        """The laws of some of the rows."""
        each = {one.name: getattr(self, one.name) for one in fields(self)}
        here = {k: v[rows] for k, v in each.items() if isinstance(v, np.ndarray)}
        return replace(self, **here)


@dataclass(eq=False)
class Steps(LawOfRows):
    """A sum of blocks: `chance` has the probabilities of the cells of all, side by side."""

    fixed: np.ndarray  # in turns
    chance: np.ndarray
    turns: list[np.ndarray]  # of the cells of each block

    def harmonics(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """The product of the sums over the cells of each block."""
        n = np.arange(first, last)
        real, imaginary = _circle(self.fixed, n)
        start = 0
        for turns in self.turns:
            chance = self.chance[:, start : start + len(turns)]
            start += len(turns)
            cosine, sine = (
                # Row by row, and not by a matrix product, whose bits depend on the other rows.
                np.einsum("rm,mn->rn", chance, each)
                for each in _circle(turns, n)
            )
            real, imaginary = (
                real * cosine - imaginary * sine,
                real * sine + imaginary * cosine,
            )
        return real, imaginary


@dataclass(eq=False)
class Quadratic(LawOfRows):
    """``c + b.z + sum_i a_i z_i^2`` over a length, of independent standard normal ``z``."""

    constant: np.ndarray  # (n_rows,)
    linear: np.ndarray  # (n_rows, n_noised)
    square: np.ndarray  # (n_rows, n_noised)

    def harmonics(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """The closed form."""
        # E exp(iw(a z^2 + b z)) = (1 - 2iwa)^(-1/2) exp(-w^2 b^2 / (2 (1 - 2iwa)))
        w = 2 * np.pi * np.arange(first, last)
        size, angle = np.zeros((2, len(self.constant), len(w)))
        for a, b in zip(self.square.T, self.linear.T, strict=True):
            q = 2 * a[:, None] * w
            decay = 0.5 * (b[:, None] * w) ** 2 / (1 + q**2)
            size -= 0.25 * np.log1p(q**2) + decay
            angle += 0.5 * np.arctan(q) - decay * q
        size = np.exp(size)
        real, imaginary = _circle(self.constant, np.arange(first, last))
        cosine, sine = size * np.cos(angle), size * np.sin(angle)
        return real * cosine - imaginary * sine, real * sine + imaginary * cosine


def _circle(turns: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of `n` times some parts of a turn: shape (len(turns), len(n))."""
    coarse = np.round(turns * _FINE) / _FINE
    angle = coarse[:, None] * n  # exact, and so is its remainder
    angle -= np.round(angle)
    angle += (turns - coarse)[:, None] * n
    angle *= 2 * np.pi
    return np.cos(angle), np.sin(angle)


@dataclass(eq=False)
class Additive(Engine):
    """Engine of binary models whose score is a sum of functions of one noised feature, or few.

    Parameters
    ----------
    parts : StepSum or Normals
        The score.
    transform : callable
        Steps before the model.
    model : fitted classifier
        The last step.
    noise : Noise
        What is perturbed.
    effect : ndarray of shape (n_inputs, n_noised)
        What one unit of each noised feature adds to each input.
    label_alone : bool
        Whether shares have to be known no better than which of them is the larger.
    """

    parts: StepSum | Normals
    transform: Callable[[Rows], Any]
    model: Any
    noise: Noise
    effect: np.ndarray
    label_alone: bool = False

    method = "exact"
    divisible = True
    name = "additive"
    title = "sum over features"
    voting = "hard"

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for a binary model with an additive, or a quadratic, score."""
        problem.labels_alone()
        problem.hard_votes_alone()
        problem.numbers_alone()
        if problem.cells is not None:
            raise NotForMe("it smooths labels, and numbers are asked for")
        if len(problem.classes) != 2:
            raise NotForMe("there are more than two classes")
        columns, X = problem.noise.columns, problem.X
        model, transform, effect = unfold(problem.model, columns, X)
        parts: StepSum | Normals
        try:
            parts = read_normals(model)
        except NotForMe:
            unfold_axes(problem.model, columns, X)  # steps that keep features apart
            parts = read_steps(model)
        engine = cls(parts, transform, model, problem.noise, effect)
        if not engine._agrees(problem):
            raise NotForMe("the model is not what its parts say")
        return engine

    def _agrees(self, problem: Problem) -> bool:
        """Whether the model answers for noisy rows as the score says."""
        rows, draws, copies = trial(problem, 100)
        inputs = self._inputs(copies)
        if not moved_so(inputs, self._inputs(rows), draws @ self.effect.T):
            return False
        if isinstance(self.parts, Normals):
            score, slack = self.parts.score(inputs), 1e-9 * self.parts.size(np.abs(inputs))
        else:
            score, slack = np.full(len(inputs), self.parts.start), np.asarray(self.parts.slack)
            for block in self.parts.blocks:
                score = score + block.values.ravel()[block.cells(inputs)]
        clear = np.abs(score) > slack
        labels = labels_of(problem.model, copies)
        return bool((labels == problem.classes[(score > 0).astype(int)])[clear].all())

    def without_radii(self) -> Self:
        """The same, for its labels alone."""
        return replace(self, label_alone=True)

    def _inputs(self, X: Rows) -> np.ndarray:
        return dense_inputs(self.transform, X).astype(np.float64, copy=False)

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Any = None) -> list[Votes]:
        """Votes of each row at each noise level, with the bounds of their error."""
        values = self.noise.check_rows(X, min(sigmas))
        found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in sigmas]
        held = self.effect.size + self._n_cells
        for rows in gen_batches(X.shape[0], rows_per_chunk(held)):
            inputs = self._inputs(take_rows(X, rows))
            odd = np.isnan(inputs).any(axis=1)
            if odd.any():  # what the model refuses is refused
                self.model.predict(self.transform(take_rows(X, rows)))
            given = np.abs(values[rows].astype(np.float64)) @ np.abs(self.effect).T
            for level, sigma in enumerate(sigmas):
                law = self._quadratic if isinstance(self.parts, Normals) else self._steps
                found[level].append(law(inputs, given, sigma * self.noise.scale))
        answer: list[Votes] = []
        for parts in found:
            lower, upper = (np.concatenate(each) for each in zip(*parts, strict=True))
            middle = (lower + upper) / 2
            error = (upper - lower) / 2 + 1e-15
            answer.append(Exact(np.stack([1 - middle, middle], axis=1), error))
        return answer

    @property
    def _n_cells(self) -> int:
        if isinstance(self.parts, Normals):
            return 0
        return sum(block.values.size for block in self.parts.blocks)

    def _steps(
        self, inputs: np.ndarray, given: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the chance of the second class, of a sum of blocks."""
        assert isinstance(self.parts, StepSum)
        spread = np.abs(self.effect) @ scale
        n_rows = len(inputs)
        fixed, error = np.full(n_rows, self.parts.start), np.zeros(n_rows)
        noisy = [b for b in self.parts.blocks if spread[list(b.inputs)].any()]
        for block in self.parts.blocks:
            if not spread[list(block.inputs)].any():
                fixed += block.values.ravel()[block.cells(inputs)]
        chances, values = [], []
        for block in noisy:
            chance, off = chances_of(block, inputs, given, spread)
            chances.append(chance)
            error += off
            reached = block.values.ravel()
            values.append(reached)
        least = sum(float(each.min()) for each in values)
        most = sum(float(each.max()) for each in values)
        slack = self.parts.slack
        length = (most - least + 2 * slack) * (1 + 1e-9) + np.finfo(np.float64).tiny
        lower = (fixed + least > slack).astype(np.float64)
        upper = (fixed + most >= -slack).astype(np.float64)
        open_ = np.flatnonzero(lower < upper)
        if len(open_) and noisy:
            chance = np.concatenate(chances, axis=1)[open_]
            turns = [each / length for each in values]
            at = fixed[open_] / length
            mean = at + (chance * np.concatenate(turns)).sum(axis=1)
            off = error[open_] + _EPS * 8 * (1 + len(turns))
            none = np.zeros(len(open_))
            law = Steps(mean, slack / length, none, off, none, at, chance, turns)
            lower[open_], upper[open_] = enclosed(law, self.label_alone)
        return lower, upper

    def _quadratic(
        self, inputs: np.ndarray, given: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the chance of the second class, of a quadratic score."""
        assert isinstance(self.parts, Normals)
        noisy = self.effect * scale
        first, second = self.parts.precisions
        square, turned = np.linalg.eigh(noisy.T @ ((first - second) / 2) @ noisy)
        noisy = noisy @ turned
        slope = self.parts.slope(inputs)
        linear = np.stack([(slope * column).sum(axis=1) for column in noisy.T], axis=1)
        constant = self.parts.score(inputs)
        n_noised = len(square)
        # Almost no noise is beyond this many deviations of each feature.
        reach = np.abs(inputs) + given + 9 * np.abs(self.effect) @ scale
        slack = 32 * _EPS * (n_noised + inputs.shape[1] + 8) * self.parts.size(reach)
        outside = 2 * n_noised * Gaussian.below(-9.0)
        length = _length(constant, linear, square) + slack
        over = length[:, None]
        mean = (constant + square.sum()) / length
        turn = 4 * np.pi * LAST_DEGREE * np.abs(square).max() / length
        error = 8 * _EPS * (n_noised + 2) * (1 + turn)
        law = Quadratic(
            mean,
            0.0,
            slack / length,
            error,
            np.full(len(mean), _TAIL + outside),
            constant / length,
            linear / over,
            np.broadcast_to(square, linear.shape) / over,
        )
        return enclosed(law, self.label_alone)


def chances_of(
    block: Block, inputs: np.ndarray, given: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the cells of a block, (n_rows, n_cells), and the error of their sum."""
    chance, error = np.ones((len(inputs), 1)), np.zeros(len(inputs))
    for j, edges in zip(block.inputs, block.edges, strict=True):
        x, n_cells = inputs[:, j], len(edges)
        one = np.zeros((len(x), n_cells))
        if spread[j]:
            away = (edges - x[:, None]) / spread[j]
            one[:, :-1] = Gaussian.mass(away[:, :-1], away[:, 1:])
            finite = np.abs(edges[1:-1])
            size = np.abs(x) + given[:, j] + (finite.max() if len(finite) else 0.0)
            error += n_cells * (4 * _EPS + 8 * _EPS * size / spread[j])
        else:
            one[np.arange(len(x)), cell_of(x, edges)] = 1.0
        chance = (chance[:, :, None] * one[:, None, :]).reshape(len(x), -1)
    return chance, error


def _length(constant: np.ndarray, linear: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Length ``C`` with ``E[|S| / C; |S| >= C]`` next to nothing, by Chernoff's bound: (n_rows,).

    ``t <= exp(k (t - 1))`` for ``t >= 1`` and ``k >= 1``, so that for ``l C >= 1`` it is at most
    ``exp(-l C) (M(l) + M(-l))``, with the moment generating function ``M`` of the score.
    """
    largest = max(float(np.abs(square).max()), 1e-300)
    deviation = np.sqrt((linear**2).sum(axis=1) + 2 * (square**2).sum())
    best = np.full(len(constant), np.inf)
    for share in (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95):
        rate = np.minimum(share / (2 * largest), 20 * share / np.maximum(deviation, 1e-300))
        either = []
        for sign in (-1.0, 1.0):
            at = sign * rate[:, None]
            room = 1 - 2 * at * square
            log_moment = sign * rate * constant + (
                0.5 * (at * linear) ** 2 / room - 0.5 * np.log(room)
            ).sum(axis=1)
            either.append(log_moment)
        needed = np.maximum(*either) - np.log(_TAIL / 2)
        best = np.minimum(best, np.maximum(needed, 1.0) / rate)
    return best
