"""Models whose score is a sum over features, or a quadratic form, without drawing.

The noise on the features is independent, and so are the parts of the score: its characteristic
function is a product of theirs, and :mod:`sklearn_rp.engines.softened` makes votes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.engines.problem import Engine, Problem, moved_so, trial
from sklearn_rp.engines.softened import STEEPEST, beyond, chance_above
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Gaussian
from sklearn_rp.models.additive import Block, StepSum, cell_of, read_steps
from sklearn_rp.models.affine import Given, dense_inputs, unfold, unfold_axes
from sklearn_rp.models.labels import labels_of
from sklearn_rp.models.quadratic import Normals, read_normals
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, rows_per_chunk, take_rows
from sklearn_rp.votes import Exact, Votes

_EPS = np.finfo(np.float64).eps
_FINE = 2.0**32  # parts of a turn: what so many harmonics make of them is exact
_TAIL = 1e-12  # of the probability that a score is beyond its length
_HARMONICS = 2048  # of a sum of steps
_SHARPNESS = 100  # how many times as wide as its rounded edge a quadratic score typically spreads
_CLEAR = 2000.0  # such edges away, a score is hardly rounded
_MOST_HARMONICS = 2**20  # beyond, a row is so far out that nothing is said of it


@dataclass(eq=False)
class LawOfRows:
    """What is known of each of some rows; `take` gives that of some of them."""

    width: np.ndarray
    error: np.ndarray

    def take(self, rows: np.ndarray | slice) -> Self:
        """The laws of some of the rows."""
        each = {one.name: getattr(self, one.name) for one in fields(self)}
        here = {k: v[rows] for k, v in each.items() if isinstance(v, np.ndarray)}
        return replace(self, **here)


@dataclass(eq=False)
class Steps(LawOfRows):
    """A sum of blocks: `chance` has the probabilities of the cells of all, side by side."""

    fixed: np.ndarray  # in turns, as all values are
    chance: np.ndarray
    turns: list[np.ndarray]  # of the cells of each block

    def harmonics(self, k: np.ndarray) -> np.ndarray:
        """The product of the sums over the cells of each block."""
        real, imaginary = _circle(self.fixed, k)
        start = 0
        for turns in self.turns:
            chance = self.chance[:, start : start + len(turns)]
            start += len(turns)
            cosine, sine = (
                # Row by row, and not by a matrix product, whose bits depend on the other rows.
                np.einsum("rm,mn->rn", chance, each)
                for each in _circle(turns, k)
            )
            real, imaginary = (
                real * cosine - imaginary * sine,
                real * sine + imaginary * cosine,
            )
        return imaginary


@dataclass(eq=False)
class Quadratic(LawOfRows):
    """``c + b.z + sum_i a_i z_i^2`` in turns, of independent standard normal ``z``."""

    constant: np.ndarray  # (n_rows,)
    linear: np.ndarray  # (n_rows, n_noised)
    square: np.ndarray  # (n_rows, n_noised)

    def harmonics(self, k: np.ndarray) -> np.ndarray:
        """The closed form."""
        # E exp(iw(a z^2 + b z)) = (1 - 2iwa)^(-1/2) exp(-w^2 b^2 / (2 (1 - 2iwa)))
        w = 2 * np.pi * k
        size, angle = np.zeros((2, len(self.constant), len(w)))
        for a, b in zip(self.square.T, self.linear.T, strict=True):
            q = 2 * a[:, None] * w
            decay = 0.5 * (b[:, None] * w) ** 2 / (1 + q**2)
            size -= 0.25 * np.log1p(q**2) + decay
            angle += 0.5 * np.arctan(q) - decay * q
        size = np.exp(size)
        real, imaginary = _circle(self.constant, k)
        return real * (size * np.sin(angle)) + imaginary * (size * np.cos(angle))


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
    given : Given
        Size of the numbers that the inputs are sums of.
    """

    parts: StepSum | Normals
    transform: Callable[[Rows], Any]
    model: Any
    noise: Noise
    effect: np.ndarray
    given: Given

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
        given = Given.by_steps(problem.model, X)
        engine = cls(parts, transform, model, problem.noise, effect, given)
        if not engine._agrees(problem):
            raise NotForMe("the model is not what its parts say")
        return engine

    def _agrees(self, problem: Problem) -> bool:
        """Whether the model answers for noisy rows as the score says."""
        rows, draws, copies = trial(problem, 100)
        inputs = self._inputs(copies)
        if not moved_so(inputs, self._inputs(rows), draws @ self.effect.T):
            return False
        score, slack = self.parts.score(inputs), np.zeros(len(inputs))
        if isinstance(self.parts, Normals):
            nothing = np.zeros(inputs.shape)
            slack += 1e6 * self.parts.doubt(inputs, nothing, nothing)
        else:
            slack += self.parts.slack
        clear = np.abs(score) > slack
        labels = labels_of(problem.model, copies)
        return bool((labels == problem.classes[(score > 0).astype(int)])[clear].all())

    def _inputs(self, X: Rows) -> np.ndarray:
        inputs = dense_inputs(self.transform, X).astype(np.float64, copy=False)
        return np.ascontiguousarray(inputs)  # sums of a row's numbers depend on their order

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Any = None) -> list[Votes]:
        """Votes of each row at each noise level, with the bounds of their error."""
        self.noise.check_rows(X, min(sigmas))
        found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in sigmas]
        held = self.effect.size + self._n_cells
        for rows in gen_batches(X.shape[0], rows_per_chunk(held)):
            inputs = self._inputs(take_rows(X, rows))
            if not np.isfinite(inputs).all():  # what the model refuses is refused
                self.model.predict(self.transform(take_rows(X, rows)))
            given = self.given.of(take_rows(X, rows))
            for level, sigma in enumerate(sigmas):
                law = self._quadratic if isinstance(self.parts, Normals) else self._steps
                found[level].append(law(inputs, given, sigma * self.noise.scale))
        answer: list[Votes] = []
        for parts in found:
            share, error = (np.concatenate(each) for each in zip(*parts, strict=True))
            answer.append(Exact(np.stack([1 - share, share], axis=1), error))
        return answer

    def edge(self, sigma: float) -> float:
        """`tau`, how sharp the edge of the decision is at a noise level, in units of the score."""
        scale = sigma * self.noise.scale
        if isinstance(self.parts, Normals):
            return self._axes(scale)[2]
        spread = np.abs(self.effect) @ scale
        noisy = [b.values for b in self.parts.blocks if b.is_noisy(spread)]
        return 3 * sum(float(np.ptp(each)) for each in noisy) / np.pi / _HARMONICS

    def _axes(self, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Axes of a quadratic score, its curvature along them, and how sharp its edge is."""
        assert isinstance(self.parts, Normals)
        noisy = self.effect * scale
        first, second = self.parts.precisions
        square, turned = np.linalg.eigh(noisy.T @ ((first - second) / 2) @ noisy)
        noisy = noisy @ turned
        # How far the score spreads at the means of the classes, and between them.
        points = np.stack([*self.parts.means, self.parts.means.mean(axis=0)])
        spread = _spread(self._along(points, noisy), square)
        return noisy, square, max(float(np.median(spread)), 1e-300) / _SHARPNESS

    @property
    def _n_cells(self) -> int:
        if isinstance(self.parts, Normals):
            return 0
        return sum(block.values.size for block in self.parts.blocks)

    def _steps(
        self, inputs: np.ndarray, given: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Share of the second class, of a sum of blocks, and its error."""
        assert isinstance(self.parts, StepSum)
        spread = np.abs(self.effect) @ scale
        fixed, error = np.full(len(inputs), self.parts.start), np.zeros(len(inputs))
        chances, values = [np.empty((len(inputs), 0))], []
        for block in self.parts.blocks:
            if block.is_noisy(spread):
                chance, off = chances_of(block, inputs, given, spread)
                chances.append(chance)
                values.append(block.values.ravel())
                error += off
            else:
                fixed += block.at(inputs)
        least, most = (sum(float(f(each)) for each in values) for f in (np.min, np.max))
        reach = most - least
        # A score that is so far on one side, whatever the noise, is hardly rounded.
        share = np.where(fixed + least > reach, 1.0, np.where(fixed + most < -reach, 0.0, 0.5))
        off = np.where(share == 0.5, error, 0.0) + beyond(np.pi * _HARMONICS / 3) + 1e-15
        near = np.flatnonzero((share == 0.5) & (reach > 0))
        if len(near):
            turn = 6 * reach  # twice the length, which is three times the range
            width = np.full(len(near), 1 / (np.pi * _HARMONICS))
            phase = error[near] + _EPS * 8 * (1 + len(values))
            chance = np.concatenate(chances, axis=1)[near]
            law = Steps(width, phase, fixed[near] / turn, chance, [v / turn for v in values])
            share[near], more = chance_above(law)
            off[near] += more
        return share, off

    def _quadratic(
        self, inputs: np.ndarray, given: np.ndarray, scale: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Share of the second class, of a quadratic score, and its error."""
        assert isinstance(self.parts, Normals)
        noisy, square, tau = self._axes(scale)
        linear, constant = self._along(inputs, noisy), self.parts.score(inputs)
        n_noised = len(square)
        # Almost no noise is beyond nine deviations of each feature.
        margin = np.broadcast_to(9 * np.abs(self.effect) @ scale, inputs.shape)
        slack = self.parts.doubt(inputs, margin, 8 * _EPS * (np.abs(inputs) + given))
        low, high = _tails(constant, linear, square)
        share = np.where(low > _CLEAR * tau, 1.0, np.where(high < -_CLEAR * tau, 0.0, 0.5))
        off = 2 * _TAIL + 2 * n_noised * Gaussian.below(-9.0) + STEEPEST * slack / tau
        off += beyond(_CLEAR)
        near = np.flatnonzero(share == 0.5)
        if len(near):
            length = np.maximum(np.abs(low[near]), np.abs(high[near])) + _CLEAR * tau
            out = length > np.pi * tau * _MOST_HARMONICS
            off[near[out]] = 0.5
            near, length = near[~out], length[~out]
            phase = 8 * _EPS * (n_noised + 2) * (1 + 2 * np.abs(square).max() / tau)
            over = 2 * length[:, None]
            law = Quadratic(
                tau / length,
                np.full(len(near), phase),
                constant[near] / over[:, 0],
                linear[near] / over,
                square / over,
            )
            share[near], more = chance_above(law)
            off[near] += more
        return share, off

    def _along(self, inputs: np.ndarray, noisy: np.ndarray) -> np.ndarray:
        """What one unit of the noise along each axis adds to the score: (n_rows, n_noised)."""
        assert isinstance(self.parts, Normals)
        slope = self.parts.slope(inputs)
        return np.stack([(slope * column).sum(axis=1) for column in noisy.T], axis=1)


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
    return chance, error + _EPS * chance.shape[1]


def _spread(linear: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Standard deviation of a quadratic score: shape (n_rows,)."""
    return np.sqrt((linear**2).sum(axis=1) + 2 * (square**2).sum())


def _tails(
    constant: np.ndarray, linear: np.ndarray, square: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What a quadratic score is hardly below, and hardly above: each (n_rows,).

    By Chernoff's bound, ``P[S >= s] <= exp(-l s) E exp(l S)`` for any ``l > 0``.
    """
    largest = max(float(np.abs(square).max()), 1e-300)
    spread = np.maximum(_spread(linear, square), 1e-300)
    low, high = np.full(len(constant), -np.inf), np.full(len(constant), np.inf)
    for share in (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95):
        rate = np.minimum(share / (2 * largest), 20 * share / spread)
        for sign in (-1.0, 1.0):
            at = sign * rate[:, None]
            room = 1 - 2 * at * square
            moment = (0.5 * (at * linear) ** 2 / room - 0.5 * np.log(room)).sum(axis=1)
            end = constant + sign * (moment - np.log(_TAIL)) / rate
            if sign < 0:
                low = np.maximum(low, end)
            else:
                high = np.minimum(high, end)
    return low, high
