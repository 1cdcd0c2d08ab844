"""Sweep of one noised feature (or two): any model, read on cells of that feature.

Along one feature, the others fixed, a model that is evaluated on cells is piecewise constant, and
its smoothed probabilities are sums of differences of normal distribution functions. The labels of
the cells serve any noise level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from sklearn_rp.engines.problem import Engine, NoAnswer, Problem
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Gaussian
from sklearn_rp.models.reading import Reading, grid_edges
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, sample_rows
from sklearn_rp.rules import PLURALITY, Rule, TopItems
from sklearn_rp.runs import ListRuns, Runs
from sklearn_rp.votes import Exact, Measured, Votes, concatenate

_STEPS = 60  # of the search for the nearest change of label
_STILL = 1e-5  # noise units: nearer to a change than this, the search has arrived


def shares(profile: Runs, rows: np.ndarray, x: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """``h_c`` of some rows, each at a value of the feature: shape (n_queries, n_classes).

    Parameters
    ----------
    profile : Runs
        The labels along the feature; the first run of a row begins at -inf, the last ends at inf.
    rows, x, spread : ndarray of shape (n_queries,)
        Row, value of the feature, and standard deviation of the noise.
    """
    query, run = profile.of_rows(rows)
    at, width = x[query], spread[query]
    weight = Gaussian.mass((profile.low[run] - at) / width, (profile.high[run] - at) / width)
    return replace(profile, row=query, symbol=profile.symbol[run], n_rows=len(rows)).sums(weight)


def nearest_change(
    profile: Runs,
    rows: np.ndarray,
    x: np.ndarray,
    label: np.ndarray,
    spread: np.ndarray,
    side: np.ndarray,
    error: np.ndarray,
    start: np.ndarray,
    rule: Rule = PLURALITY,
    far: Any = np.inf,
) -> np.ndarray:
    """Distance to the nearest change of the smoothed label on one side, for each query.

    Goes from certified ball to certified ball: within its radius the label cannot change, so that
    the sum of the steps never exceeds the distance, and it tends to it.

    Parameters
    ----------
    profile : Runs
        The labels along the feature.
    rows, x, label, spread : ndarray of shape (n_queries,)
        Row, value of the feature, smoothed label there (of lists: (n_queries, n_best)), and
        standard deviation of the noise.
    side : ndarray of shape (n_queries,)
        -1 for below, 1 for above.
    error, start : ndarray of shape (n_queries,)
        Bound of the rounding error of the shares; certified radius where the search begins.
    rule : Rule
        How shares become a label.
    far : float or ndarray of shape (n_queries,)
        How far is looked.

    Returns
    -------
    distance : ndarray of shape (n_queries,)
        In noise units; inf where the label never changes on this side; beyond `far` it is no more
        than a lower bound.
    """
    first, last = profile.first[rows], profile.first[rows + 1] - 1  # the outermost runs
    outer = profile.symbol[np.where(side > 0, last, first)]
    outer_start = np.where(side > 0, profile.low[last], profile.high[first])
    # Beyond the start of the outermost run, where the label is that run's, it has more than half
    # of the probability for good.
    home = np.where(profile.has_answer(outer, label), side * outer_start, np.inf)
    distance = np.where(side * x > home, np.inf, start)
    far = np.broadcast_to(far, distance.shape)
    active = np.flatnonzero((start > _STILL) & np.isfinite(distance) & (distance < far))
    for _ in range(_STEPS):
        if not len(active):
            break
        at = x[active] + side[active] * distance[active] * spread[active]
        safe = side[active] * at > home[active]
        share = shares(profile, rows[active], at, spread[active])
        step = Exact(share, error[active], rule=rule).radius_of(label[active])
        distance[active] += np.where(safe, np.inf, step)
        active = active[(step > _STILL) & ~safe & (distance[active] < far[active])]
    return distance


@dataclass(eq=False)
class Sweep(Engine):
    """Engine that reads any model on cells of one noised feature, or of two.

    Parameters
    ----------
    reading : Reading
        The model at a value of each cell; that is the base classifier.
    classes : ndarray of shape (n_classes,)
        Its labels.
    noise : Noise
        What is perturbed: one numeric feature, or two.
    voting : {"hard", "median"}
        What the answers are.
    rule : Rule
        What becomes of them.
    radii : bool
        Whether it is looked for how far an answer reaches.
    """

    reading: Reading
    classes: np.ndarray
    noise: Noise
    voting: str = "hard"
    rule: Rule = PLURALITY
    radii: bool = True

    method = "exact"
    divisible = True
    name = "sweep"
    title = "sweep of one feature"
    n_noised: ClassVar[int] = 1
    resolution: ClassVar[int] = 256  # cells of a model whose thresholds are not known

    @classmethod
    def for_problem(cls, problem: Problem) -> Self:
        """Engine for any model, on its own cells where they are known."""
        problem.hard_votes_alone()
        problem.numbers_alone()
        noise = problem.noise
        if len(noise.columns) != cls.n_noised:
            raise NotForMe(f"{len(noise.columns)} features are noised, not {cls.n_noised}")
        model, ends = problem.reader, (noise.low, noise.high)
        try:
            reading = Reading.by_thresholds(model, noise.columns, *ends, noise.scale, problem.X)
        except NotForMe:
            if cls.n_noised > 1 and problem.method == "auto":  # a coarse reading, by name only
                raise
            edges = [grid_edges(*each, cls.resolution) for each in zip(*ends, strict=True)]
            reading = Reading.on_edges(model, noise.columns, *ends, edges)
        try:
            for _ in reading.labels(sample_rows(problem.X, 2), problem.classes):
                pass
        except Exception as error:  # a model may raise anything
            raise NoAnswer(
                f"reads the model at values of {noise.names.tolist()} up to half their range "
                "beyond those of X, where it has no answer"
            ) from error
        return cls(reading, problem.classes, noise, problem.voting, problem.rule)

    def without_radii(self) -> Self:
        """The same, for its shares alone."""
        return replace(self, radii=False)

    def excluding(self, banned: np.ndarray) -> Self:
        """The same, where some items must not be named."""
        reader = self.reading.estimator.excluding(banned)
        return replace(self, reading=replace(self.reading, estimator=reader))

    def identity(self) -> Any:
        """Where the model is read: on its own cells, or on a grid; and what becomes of that."""
        return self.reading.edges, self.voting, self.rule

    def profile(self, X: Rows) -> Runs:
        """Labels of all rows along the one noised feature."""
        return self._runs(
            np.concatenate([each for _, each in self.reading.labels(X, self.classes)])
        )

    def _runs(self, labels: np.ndarray) -> Runs:
        edges, n_classes = self.reading.edges[0], len(self.classes)
        ends = np.r_[-np.inf, edges], np.r_[edges, np.inf]
        if isinstance(self.rule, TopItems):
            return ListRuns.from_lists(labels, *ends, self.rule.worth, n_classes)
        return Runs.from_cells(labels, *ends, n_classes)

    def certified_along(
        self, profile: Runs, rows: np.ndarray, x: np.ndarray, sigma: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Smoothed label of some rows, each at a value of the feature, and its certified radius.

        In the feature's own unit.
        """
        spread = np.full(len(x), sigma * self.noise.scale[0])
        share = shares(profile, rows, x, spread)
        here = Exact(share, self._error(x[:, None], sigma), rule=self.rule)
        return here.top, spread * here.radius_of(here.top)

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Any = None) -> list[Votes]:
        """Exact votes of each row at each noise level; the model is read once."""
        values = self.noise.check_rows(X, min(sigmas)).astype(np.float64, copy=False)
        parts = [
            self._answer(labels, values[rows], sigmas)
            for rows, labels in self.reading.labels(X, self.classes)
        ]
        return [concatenate(level) for level in zip(*parts, strict=True)]

    def _answer(
        self, labels: np.ndarray, values: np.ndarray, sigmas: Sequence[float]
    ) -> list[Votes]:
        """All noise levels and both sides at once: one search for many queries."""
        n_rows, n_levels = len(values), len(sigmas)
        profile = self._runs(labels)
        rows = np.tile(np.arange(n_rows), n_levels)
        x = np.tile(values[:, 0], n_levels)
        spread = np.repeat(np.asarray(sigmas) * self.noise.scale[0], n_rows)
        share = shares(profile, rows, x, spread)
        error = np.concatenate([self._error(values, sigma) for sigma in sigmas])
        here = Exact(share, error, rule=self.rule)
        if not self.radii:
            levels = zip(np.split(share, n_levels), np.split(error, n_levels), strict=True)
            return [Exact(*each, rule=self.rule) for each in levels]
        top, far = here.top, [self.noise.farthest(sigma) for sigma in sigmas]
        reach = nearest_change(
            profile,
            np.tile(rows, 2),
            np.tile(x, 2),
            np.concatenate([top, top]),
            np.tile(spread, 2),
            np.repeat([-1, 1], len(rows)),
            np.tile(error, 2),
            np.tile(here.radius_of(top), 2),
            self.rule,
            np.tile(np.repeat(far, n_rows), 2),
        )
        reach = (reach * (1 - 1e-12)).reshape(2, n_levels, n_rows)
        share, error = share.reshape(n_levels, n_rows, -1), error.reshape(n_levels, n_rows)
        answer: list[Votes] = []
        for level in range(n_levels):
            near = np.minimum(reach[:, level].T, far[level])
            found = share[level], error[level], near.min(axis=1), near
            answer.append(Measured(*found, rule=self.rule))
        return answer

    def _error(self, values: np.ndarray, sigma: float) -> np.ndarray:
        """Bound of the rounding error of the shares: shape (n_rows,)."""
        shift, n_cells = np.zeros(len(values)), 1
        for edges, x, scale in zip(self.reading.edges, values.T, self.noise.scale, strict=True):
            n_cells *= len(edges) + 1
            if len(edges):
                size = np.abs(x) + np.abs(edges).max()
                shift += 8 * np.finfo(np.float64).eps * size / (sigma * scale)
        return n_cells * (1e-15 + shift) + 1e-14


class Plane(Sweep):
    """Engine that reads any model on cells of two noised features."""

    title = "sweep of two features"
    n_noised = 2
    resolution = 32  # of each of the two

    def _answer(
        self, labels: np.ndarray, values: np.ndarray, sigmas: Sequence[float]
    ) -> list[Votes]:
        return [self._plane(labels, values, sigma) for sigma in sigmas]

    def _plane(self, labels: np.ndarray, values: np.ndarray, sigma: float) -> Votes:
        weights = []
        for edges, x, scale in zip(self.reading.edges, values.T, self.noise.scale, strict=True):
            ends = np.r_[-np.inf, edges, np.inf]
            weights.append(np.diff(Gaussian.below((ends - x[:, None]) / (sigma * scale)), axis=1))
        if isinstance(self.rule, TopItems):
            chance = weights[0][:, :, None] * weights[1][:, None]
            share = self._of_items(labels, chance, self.rule.worth)
            return Exact(share, self._error(values, sigma), rule=self.rule)
        share = np.stack(
            [
                np.einsum("nij,ni,nj->n", labels == c, *weights, optimize=True)
                for c in range(len(self.classes))
            ],
            axis=1,
        )
        return Exact(share, self._error(values, sigma), rule=self.rule)

    def _of_items(self, lists: np.ndarray, chance: np.ndarray, worth: np.ndarray) -> np.ndarray:
        """What each item has: of lists of shape (n_rows, n_cells, n_cells, n_best)."""
        n_rows, n_items = len(lists), len(self.classes)
        cell = n_items * np.arange(n_rows)[:, None, None, None] + lists
        each = chance[..., None] * worth
        return np.bincount(cell.ravel(), each.ravel(), n_rows * n_items).reshape(n_rows, n_items)
