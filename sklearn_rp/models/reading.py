"""A model on cells of one numeric feature, or of two: read at one value of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.exceptions import NotForMe
from sklearn_rp.law import Gaussian
from sklearn_rp.models.asking import at_each
from sklearn_rp.models.inside import adapted
from sklearn_rp.models.items import ItemScores, Listing, places_of
from sklearn_rp.models.thresholds import MOST_EDGES, known_edges, trial_rows
from sklearn_rp.noise import noised_values
from sklearn_rp.rows import Rows, replace_columns, sample_rows, take_rows

_APART = 1024  # values that stand out, each in some row, that a reading is tried at
_CODES = (0, -1, 1, 9, 99, 999, 9999, -9, -99, -999, -9999)  # of what is not known


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


@dataclass(frozen=True, eq=False)
class Reading:
    """A fitted model that is constant on cells of some of its features, or taken to be.

    Parameters
    ----------
    estimator : fitted classifier
        The model.
    columns : ndarray of int of shape (n_columns,)
        Positions of the features, one or two.
    edges : list of ndarray
        Inner edges of the cells of each feature, sorted.
    cells : list of ndarray
        A value in each cell.
    """

    estimator: Any
    columns: np.ndarray
    edges: list[np.ndarray]
    cells: list[np.ndarray]

    @classmethod
    def on_edges(
        cls,
        estimator: Any,
        columns: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        edges: list[np.ndarray],
    ) -> Reading:
        """On cells between given edges."""
        cells = [representatives(*each) for each in zip(edges, low, high, strict=True)]
        return cls(estimator, columns, edges, cells)

    @classmethod
    def by_thresholds(
        cls,
        estimator: Any,
        columns: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        scale: np.ndarray,
        X: Rows,
    ) -> Reading:
        """On the model's own cells, tried on training rows.

        The features' values lie from `low` to `high`; `scale` is how far from a row the model is
        tried first.

        Raises
        ------
        NotForMe
            With the reason, if they are not known, are too many, or are not those of the model at
            some row that they are tried at.
        """
        model = adapted(estimator)
        rows = trial_rows(model, columns, X, 48)
        edges = known_edges(model, columns, rows)
        if np.prod([len(e) + 1.0 for e in edges]) > MOST_EDGES:
            raise NotForMe("the model has too many cells")
        reading = cls.on_edges(estimator, columns, low, high, edges)
        reading._check(X, rows, reading._values_apart(low, high, noised_values(X, columns)), scale)
        return reading

    def _check(self, X: Rows, rows: Rows, apart: np.ndarray, scale: np.ndarray) -> None:
        """Refuse a reading that is not the model: at rows as they are, at noisy ones, at others.

        The others, `apart`, are both sides of every edge, whole numbers, values that occur often,
        and codes such as 0 and -1, which a model may treat apart.

        Raises
        ------
        NotForMe
            If the model anywhere there is not the model at the cell.
        """
        own, n_rows = sample_rows(X, 100), rows.shape[0]
        self._compare(own, self.at_cells(own, noised_values(own, self.columns)), "predict")
        offsets = Gaussian(len(scale)).probes() * scale
        noisy = (noised_values(rows, self.columns)[:, None, :] + offsets).reshape(-1, len(scale))
        values = np.concatenate([noisy, apart])
        where = np.r_[np.repeat(np.arange(n_rows), len(offsets)), np.arange(len(apart)) % n_rows]
        some = take_rows(rows, where)
        copies = replace_columns(some, self.columns, values, 1)
        # Probabilities say more than labels, and know nothing that labels do not.
        proba = hasattr(self.estimator, "predict_proba")
        answer = "predict_proba" if proba else "predict"
        if isinstance(self.estimator, Listing):
            answer = "scores"
        self._compare(copies, self.at_cells(some, values), answer)

    def at_cells(self, X: Rows, values: np.ndarray) -> Rows:
        """Rows, each at the cells of some values of its features."""
        parts = zip(self.cells, self.edges, values.T.astype(np.float64), strict=True)
        cell = np.stack([each[np.searchsorted(edges, v)] for each, edges, v in parts], axis=1)
        return replace_columns(X, self.columns, cell, 1)

    def _compare(self, X: Rows, read: Rows, answer: str) -> None:
        own, found = (np.asarray(getattr(self.estimator, answer)(each)) for each in (X, read))
        scores = answer != "predict" or isinstance(self.estimator, ItemScores)
        numbers = own.dtype.kind == "f" and scores
        same = np.isclose(own, found, 1e-6, 1e-9, equal_nan=True) if numbers else own == found
        if not np.all(same):
            raise NotForMe("the model is not what its thresholds say")

    def _values_apart(self, lows: np.ndarray, highs: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Values that a reading may be wrong about: shape (at most _APART, n_columns)."""
        rng = np.random.default_rng(0)
        pools = []
        for edges, low, high, values in zip(self.edges, lows, highs, known.T, strict=True):
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

    def labels(self, X: Rows, classes: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Class numbers of all cells, chunk by chunk: shape (n_chunk, n_cells, ...)."""
        shape = [len(each) for each in self.cells]
        grid = np.stack([g.ravel() for g in np.meshgrid(*self.cells, indexing="ij")], axis=1)

        def ask(rows: Rows) -> np.ndarray:
            return places_of(self.estimator, rows, classes)

        for rows, found in at_each(ask, X, self.columns, grid):
            yield rows, found.reshape(len(found), *shape, *found.shape[2:])
