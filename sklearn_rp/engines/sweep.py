"""Sweep of one noised feature (or two): any model, read on cells of that feature.

Along one feature, the others fixed, a model that is evaluated on cells is piecewise constant, and
its smoothed probabilities are sums of differences of normal distribution functions. The labels of
the cells serve any noise level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.bounds import certain_radius
from sklearn_rp.engines.problem import Engine, NoAnswer, Problem
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Gaussian
from sklearn_rp.models.labels import encode, labels_of
from sklearn_rp.models.thresholds import MOST_EDGES, known_edges, trial_rows
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, replace_columns, rows_per_chunk, sample_rows, take_rows
from sklearn_rp.votes import Exact, Measured, Votes, concatenate

_APART = 1024  # values that stand out, each in some row, that a reading is tried at
_CODES = (0, -1, 1, 9, 99, 999, 9999, -9, -99, -999, -9999)  # of what is not known
_STEPS = 60  # of the search for the nearest change of label
_STILL = 1e-5  # noise units: nearer to a change than this, the search has arrived


def grid_edges(low: float, high: float, cells: int) -> np.ndarray:
    """Inner edges of equal cells over a range and a quarter of it on either side."""
    margin = (high - low) / 4
    return np.linspace(low - margin, high + margin, cells + 1)[1:-1]


def representatives(edges: np.ndarray, low: float, high: float) -> np.ndarray:
    """One value inside each cell: the middle; of an outer cell, a value well beyond its edge."""
    if not len(edges):
        return np.array([(low + high) / 2])
    step = max((high - low) / 2, np.spacing(np.abs(edges).max()) * 2**10)
    # Between adjacent doubles the middle is rounded to either; a cell holds its upper edge only.
    middle = np.maximum(edges[1:] / 2 + edges[:-1] / 2, np.nextafter(edges[:-1], np.inf))
    return np.r_[edges[0] - step, middle, edges[-1] + step]


@dataclass(eq=False)
class Profile:
    """Labels of some rows along one feature, as runs of equal labels.

    Parameters
    ----------
    row, label : ndarray of int of shape (n_runs,)
        Row and class of each run, rows in order.
    low, high : ndarray of shape (n_runs,)
        Ends of each run; the first of a row begins at -inf, the last ends at inf.
    n_rows, n_classes : int
        Numbers of rows and classes.
    """

    row: np.ndarray
    label: np.ndarray
    low: np.ndarray
    high: np.ndarray
    n_rows: int
    n_classes: int

    @classmethod
    def from_cells(cls, labels: np.ndarray, edges: np.ndarray, n_classes: int) -> Profile:
        """Runs of the cells' labels: `labels` of shape (n_rows, n_cells), `edges` between them."""
        n_rows, n_cells = labels.shape
        change = np.ones((n_rows, n_cells), dtype=bool)
        change[:, 1:] = labels[:, 1:] != labels[:, :-1]
        row, cell = np.nonzero(change)
        ends = np.r_[-np.inf, edges, np.inf]
        last = np.r_[row[1:] != row[:-1], True]
        high = np.where(last, np.inf, ends[np.r_[cell[1:], 0]])
        return cls(row, labels[row, cell], ends[cell], high, n_rows, n_classes)

    def shares(self, rows: np.ndarray, x: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """``h_c`` of some rows, each at a value of the feature: shape (n_queries, n_classes).

        Parameters
        ----------
        rows, x, spread : ndarray of shape (n_queries,)
            Row, value of the feature, and standard deviation of the noise.
        """
        query, run = self._runs_of(rows)
        at, width = x[query], spread[query]
        weight = Gaussian.mass((self.low[run] - at) / width, (self.high[run] - at) / width)
        cell = query * self.n_classes + self.label[run]
        total = np.bincount(cell, weights=weight, minlength=len(rows) * self.n_classes)
        return total.reshape(len(rows), self.n_classes)

    def _runs_of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the queries and of the runs of their rows, side by side."""
        first = np.searchsorted(self.row, np.arange(self.n_rows + 1))
        count = first[rows + 1] - first[rows]
        query = np.repeat(np.arange(len(rows)), count)
        within = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
        return query, first[rows][query] + within

    def outermost(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Label of each row's outermost run on a side (-1, 1), and where that run begins."""
        if side > 0:
            run = np.flatnonzero(np.r_[self.row[1:] != self.row[:-1], True])
            return self.label[run], self.low[run]
        run = np.flatnonzero(np.r_[True, self.row[1:] != self.row[:-1]])
        return self.label[run], self.high[run]


def nearest_change(
    profile: Profile,
    rows: np.ndarray,
    x: np.ndarray,
    label: np.ndarray,
    spread: np.ndarray,
    side: np.ndarray,
    error: np.ndarray,
    start: np.ndarray,
) -> np.ndarray:
    """Distance to the nearest change of the smoothed label on one side, for each query.

    Goes from certified ball to certified ball: within its radius the label cannot change, so that
    the sum of the steps never exceeds the distance, and it tends to it.

    Parameters
    ----------
    profile : Profile
        The labels along the feature.
    rows, x, label : ndarray of shape (n_queries,)
        Row, value of the feature, and smoothed label there.
    spread : ndarray of shape (n_queries,)
        Standard deviation of the noise, in the feature's own unit.
    side : ndarray of shape (n_queries,)
        -1 for below, 1 for above.
    error : ndarray of shape (n_queries,)
        Bound of the rounding error of the shares.
    start : ndarray of shape (n_queries,)
        Certified radius where the search begins.

    Returns
    -------
    distance : ndarray of shape (n_queries,)
        In noise units; inf where the label never changes on this side.
    """
    (top_below, end_below), (top_above, end_above) = profile.outermost(-1), profile.outermost(1)
    outer_label = np.where(side > 0, top_above[rows], top_below[rows])
    outer_start = np.where(side > 0, end_above[rows], end_below[rows])
    # Beyond the start of the outermost run, where the label is that run's, it has more than half
    # of the probability for good.
    home = np.where(outer_label == label, side * outer_start, np.inf)
    distance = np.where(side * x > home, np.inf, start)
    active = np.flatnonzero((start > _STILL) & np.isfinite(distance))
    for _ in range(_STEPS):
        if not len(active):
            break
        at = x[active] + side[active] * distance[active] * spread[active]
        safe = side[active] * at > home[active]
        share = profile.shares(rows[active], at, spread[active])
        step = certain_radius(share, label[active], error[active])
        distance[active] += np.where(safe, np.inf, step)
        active = active[(step > _STILL) & ~safe]
    return distance


@dataclass(eq=False)
class Sweep(Engine):
    """Engine that reads any model on cells of one noised feature, or of two.

    Parameters
    ----------
    estimator : fitted classifier
        The model.
    classes : ndarray of shape (n_classes,)
        Its labels.
    noise : Noise
        What is perturbed: one numeric feature, or two.
    edges : list of ndarray
        Inner edges of the cells of each noised feature, sorted.
    cells : list of ndarray
        A value in each cell; the model at these values is the base classifier.
    """

    estimator: Any
    classes: np.ndarray
    noise: Noise
    edges: list[np.ndarray]
    cells: list[np.ndarray]

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
        try:
            engine = cls.by_thresholds(problem.reader, problem.classes, noise, problem.X)
        except NotForMe:
            if cls.n_noised > 1 and problem.method == "auto":  # a coarse reading, by name only
                raise
            edges = [
                grid_edges(low, high, cls.resolution)
                for low, high in zip(noise.low, noise.high, strict=True)
            ]
            engine = cls._on(edges, problem.reader, problem.classes, noise)
        try:
            for _ in engine.labels(sample_rows(problem.X, 2)):
                pass
        except Exception as error:  # a model may raise anything
            raise NoAnswer(
                f"reads the model at values of {noise.names.tolist()} up to half their range "
                "beyond those of X, where it has no answer"
            ) from error
        return engine

    @classmethod
    def by_thresholds(cls, estimator: Any, classes: np.ndarray, noise: Noise, X: Rows) -> Self:
        """Engine on the model's own cells.

        Raises
        ------
        NotForMe
            With the reason, if they are not known, are too many, or are not those of the model at
            some row that they are tried at.
        """
        rows = trial_rows(estimator, noise.columns, X, 48)
        edges = known_edges(estimator, noise.columns, rows)
        if np.prod([len(e) + 1.0 for e in edges]) > MOST_EDGES:
            raise NotForMe("the model has too many cells")
        engine = cls._on(edges, estimator, classes, noise)
        engine._check(X, rows)
        return engine

    @classmethod
    def _on(
        cls, edges: list[np.ndarray], estimator: Any, classes: np.ndarray, noise: Noise
    ) -> Self:
        cells = [representatives(*each) for each in zip(edges, noise.low, noise.high, strict=True)]
        return cls(estimator, classes, noise, edges, cells)

    def _check(self, X: Rows, rows: Rows) -> None:
        """Refuse a reading that is not the model: at rows as they are, at noisy ones, at others.

        The others are both sides of every edge, whole numbers, values that occur often, and codes
        such as 0 and -1, which a model may treat apart.

        Raises
        ------
        NotForMe
            If the model anywhere there is not the model at the cell.
        """
        own, n_rows = sample_rows(X, 100), rows.shape[0]
        self._compare(own, self._at_cells(own, self.noise.values(own)), "predict")
        probes = self.noise.probes()
        noisy = (self.noise.values(rows)[:, None, :] + probes).reshape(-1, probes.shape[1])
        apart = self._values_apart(self.noise.values(X))
        values = np.concatenate([noisy, apart])
        where = np.r_[np.repeat(np.arange(n_rows), len(probes)), np.arange(len(apart)) % n_rows]
        some = take_rows(rows, where)
        copies = replace_columns(some, self.noise.columns, values, 1)
        # Probabilities say more than labels, and know nothing that labels do not.
        proba = hasattr(self.estimator, "predict_proba")
        answer = "predict_proba" if proba else "predict"
        self._compare(copies, self._at_cells(some, values), answer)

    def _at_cells(self, X: Rows, values: np.ndarray) -> Rows:
        """Rows, each at the cells of some values of its noised features."""
        parts = zip(self.cells, self.edges, values.T.astype(np.float64), strict=True)
        cell = np.stack([each[np.searchsorted(edges, v)] for each, edges, v in parts], axis=1)
        return replace_columns(X, self.noise.columns, cell, 1)

    def _compare(self, X: Rows, read: Rows, answer: str) -> None:
        own, found = (np.asarray(getattr(self.estimator, answer)(each)) for each in (X, read))
        numbers = own.dtype.kind == "f" and answer != "predict"
        same = np.isclose(own, found, 1e-6, 1e-9, equal_nan=True) if numbers else own == found
        if not np.all(same):
            raise NotForMe("the model is not what its thresholds say")

    def _values_apart(self, known: np.ndarray) -> np.ndarray:
        """Values that a reading may be wrong about: shape (at most _APART, n_noised)."""
        rng = np.random.default_rng(0)
        pools = []
        for edges, low, high, values in zip(
            self.edges, self.noise.low, self.noise.high, known.T, strict=True
        ):
            low, high = np.ceil(low), np.floor(high)
            whole = np.arange(low, high + 1) if high - low < 256 else np.empty(0)
            often, count = np.unique(values, return_counts=True)
            often = often[np.argsort(-count)[:64]]
            pools.append(np.unique(np.r_[edges, np.nextafter(edges, np.inf), whole, often, _CODES]))
        # Each in several rows, where they are few.
        n = max(len(pool) for pool in pools)
        n = min(_APART, 8 * n)
        shuffled = [np.resize(rng.permutation(pool), n) for pool in pools]
        return np.stack([rng.permutation(each) for each in shuffled], axis=1)

    def labels(self, X: Rows) -> Iterable[tuple[slice, np.ndarray]]:
        """Class numbers of all cells, chunk by chunk: shape (n_chunk, n_cells, ...)."""
        shape = [len(each) for each in self.cells]
        grid = np.stack([g.ravel() for g in np.meshgrid(*self.cells, indexing="ij")], axis=1)
        for rows in gen_batches(X.shape[0], rows_per_chunk(len(grid) * (X.shape[1] + 1))):
            chunk = take_rows(X, rows)
            n_rows = chunk.shape[0]
            copies = replace_columns(
                chunk, self.noise.columns, np.tile(grid, (n_rows, 1)), len(grid)
            )
            found = encode(labels_of(self.estimator, copies), self.classes)
            yield rows, found.reshape(n_rows, *shape)

    def profile(self, X: Rows) -> Profile:
        """Labels of all rows along the one noised feature."""
        parts = [labels for _, labels in self.labels(X)]
        return Profile.from_cells(np.concatenate(parts), self.edges[0], len(self.classes))

    def votes(self, X: Rows, sigmas: Sequence[float], draws: Any = None) -> list[Votes]:
        """Exact votes of each row at each noise level; the model is read once."""
        values = self.noise.check_rows(X, min(sigmas)).astype(np.float64, copy=False)
        parts = [self._answer(labels, values[rows], sigmas) for rows, labels in self.labels(X)]
        return [concatenate(level) for level in zip(*parts, strict=True)]

    def _answer(
        self, labels: np.ndarray, values: np.ndarray, sigmas: Sequence[float]
    ) -> list[Votes]:
        """All noise levels and both sides at once: one search for many queries."""
        n_rows, n_levels = len(values), len(sigmas)
        profile = Profile.from_cells(labels, self.edges[0], len(self.classes))
        rows = np.tile(np.arange(n_rows), n_levels)
        x = np.tile(values[:, 0], n_levels)
        spread = np.repeat(np.asarray(sigmas) * self.noise.scale[0], n_rows)
        share = profile.shares(rows, x, spread)
        error = np.concatenate([self._error(values, sigma) for sigma in sigmas])
        top = share.argmax(axis=1)
        reach = nearest_change(
            profile,
            np.tile(rows, 2),
            np.tile(x, 2),
            np.tile(top, 2),
            np.tile(spread, 2),
            np.repeat([-1, 1], len(rows)),
            np.tile(error, 2),
            np.tile(certain_radius(share, top, error), 2),
        )
        reach = (reach * (1 - 1e-12)).reshape(2, n_levels, n_rows)
        share, error = share.reshape(n_levels, n_rows, -1), error.reshape(n_levels, n_rows)
        answer: list[Votes] = []
        for level, sigma in enumerate(sigmas):
            near = np.minimum(reach[:, level].T, self.noise.farthest(sigma))
            answer.append(Measured(share[level], error[level], near.min(axis=1), near))
        return answer

    def _error(self, values: np.ndarray, sigma: float) -> np.ndarray:
        """Bound of the rounding error of the shares: shape (n_rows,)."""
        shift, n_cells = np.zeros(len(values)), 1
        for edges, x, scale in zip(self.edges, values.T, self.noise.scale, strict=True):
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
        for edges, x, scale in zip(self.edges, values.T, self.noise.scale, strict=True):
            ends = np.r_[-np.inf, edges, np.inf]
            weights.append(np.diff(Gaussian.below((ends - x[:, None]) / (sigma * scale)), axis=1))
        share = np.stack(
            [
                np.einsum("nij,ni,nj->n", labels == c, *weights, optimize=True)
                for c in range(len(self.classes))
            ],
            axis=1,
        )
        return Exact(share, self._error(values, sigma))
