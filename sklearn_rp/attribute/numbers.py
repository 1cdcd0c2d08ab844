"""Numbers along a sensitive feature, chosen anew for each row: none for less than a minimum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.attribute.boxes import Axis
from sklearn_rp.attribute.labelling import Labelling, MinimumRelease
from sklearn_rp.attribute.pieces import MOST_CATEGORIES, Loss, best_groups, best_pieces
from sklearn_rp.feature import Category
from sklearn_rp.models.labels import numbers_of
from sklearn_rp.rows import Rows, take_rows


@dataclass(frozen=True, eq=False)
class Levelled(Labelling):
    """Numbers of all cells for some rows.

    Parameters
    ----------
    rows, labels, gain, weight, own
        As of `Labelling`: `labels` are places in `levels`, `gain` are the model's answers.
    levels : ndarray of shape (n_rows, n_levels)
        The numbers of each row, in order; no two that are used are equal.
    """

    levels: np.ndarray

    @property
    def codes(self) -> np.ndarray:
        """What is released in all cells: the numbers."""
        return np.take_along_axis(self.levels, self.labels, axis=1)

    def at(self, symbols: object, row: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """What is released for some rows in some cells."""
        return self.levels[row, self.labels[row, cell]]


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimumNumbers(MinimumRelease):
    """The release of an :class:`~sklearn_rp.AttributePrivacyRegressor`.

    Parameters
    ----------
    model : fitted estimator
        What is to be agreed with.
    feature : Feature
        The sensitive feature.
    cells : Cells
        Its cells.
    prior : CellPrior
        How likely each cell is.
    minimum : float
        Smallest stretch, or number of categories, of one answer.
    last_start : ndarray of int of shape (n_cells + 1,), or None
        The last cell at which a run that ends before a cell may start; None: it depends on the row.
    run_model : fitted estimator or None
        A model for the middles of runs.
    run_weight : float
        Weight of its answers, in [0, 1].
    alone : bool
        Whether models are asked for one row at a time.
    by_mass : bool
        Whether the minimum is measured in mass under the prior.
    loss : Loss
        What is lost by a number.
    unit : float
        Answers of models are rounded to this (0: not at all): their last bits may depend on the
        batch.
    decimals : int or None
        Decimals of the numbers that are released; None: all.
    pos_label : label or None
        The class whose probability they are.
    """

    loss: Loss
    unit: float
    decimals: int | None
    pos_label: Any = None

    @property
    def _width(self) -> int:  # type: ignore[override]
        n = len(self.cells)
        if isinstance(self.feature, Category) and n <= MOST_CATEGORIES:
            return 3 * 2**n // n + 4  # what is kept of every set of categories
        return 4 if self.loss.quantile is None else 2 * n

    def truth(self, y: np.ndarray) -> np.ndarray:
        """What answers for runs are compared with: shape (n_rows, 1)."""
        numbers = y if self.pos_label is None else y == self.pos_label
        return numbers[:, None].astype(np.float64)

    def share(self, truth: np.ndarray, mean: np.ndarray, learnt: np.ndarray) -> float:
        """Weight of the answers learnt for runs with the least loss."""
        if self.loss.quantile is None and not self.loss.log:
            return super().share(truth, mean, learnt)
        tried = np.linspace(0.0, 1.0, 101)
        lost = [self.loss.of(truth, (1 - t) * mean + t * learnt).sum() for t in tried]
        return float(tried[int(np.argmin(lost))])

    def own_runs(self, X: Rows) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        """Chunk by chunk: rows, the model's level of each row's run, and the answer learnt."""
        for each in self.optimal(X):
            runs, number = self._pieces(each)
            run = number[np.arange(len(each.own)), each.own]
            level = np.take_along_axis(self._levels(each), each.released[:, None], axis=1)
            yield each.rows, level, self._learnt(take_rows(X, each.rows), runs)[run][:, None]

    def finished(self, X: Rows, each: Labelling) -> Levelled:
        """The number of each piece.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.
        each : Labelling
            What agrees best with the model, for some of them.

        Returns
        -------
        each : Levelled
        """
        levels = self._levels(each)
        if self.run_model is not None:
            runs, _ = self._pieces(each)
            learnt = np.zeros_like(levels)
            learnt[runs.row, runs.symbol] = self._learnt(take_rows(X, each.rows), runs)
            levels = (1 - self.run_weight) * levels + self.run_weight * learnt
        if self.pos_label is not None:  # probabilities they are still
            levels = np.clip(levels, 0.0, 1.0)
        if self.decimals is not None:
            levels = _rounded(levels, self.decimals)
        levels, place = _ordered(levels + 0.0)  # no minus zero
        labels = np.take_along_axis(place, each.labels, axis=1)
        found = labels, each.gain, each.weight, each.own
        return Levelled(each.rows, *found, levels, box=each.box)

    def _n_answers(self, labels: np.ndarray) -> int:
        return int(labels.max(initial=0)) + 1

    def _best(self, gain: np.ndarray, weight: np.ndarray, axis: Axis) -> np.ndarray:
        if axis.fewest:
            return best_groups(gain, weight, axis.fewest, self.loss)
        return best_pieces(gain, weight, axis.last_start, self.loss)

    def _levels(self, each: Labelling) -> np.ndarray:
        """The best number for each piece of each row: shape (n_rows, n_pieces)."""
        levels = np.zeros((len(each.labels), int(each.labels.max(initial=0)) + 1))
        for piece in range(levels.shape[1]):
            weight = each.weight * (each.labels == piece)
            there = np.flatnonzero(weight.any(axis=1))
            levels[there, piece] = self.loss.level(each.gain[there], weight[there])
        return levels

    def _answers(self, model: object, rows: Rows) -> np.ndarray:
        """Numbers for rows, rounded: shape (n_rows,)."""
        numbers = numbers_of(model, rows)
        if not self.unit:
            return numbers
        with np.errstate(over="ignore"):
            rounded = np.round(numbers / self.unit) * self.unit
        return np.where(np.isfinite(rounded), rounded, numbers)


def _rounded(numbers: np.ndarray, decimals: int) -> np.ndarray:
    """Numbers of so many decimals; what has none so fine is itself."""
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(numbers, decimals)
    return np.where(np.isfinite(rounded), rounded, numbers)


def _ordered(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of each row in order, equal ones once; and the place of each in that order."""
    order = np.argsort(levels, axis=1, kind="stable")
    ordered = np.take_along_axis(levels, order, axis=1)
    step = np.zeros(levels.shape, dtype=np.intp)
    step[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    place = np.empty(levels.shape, dtype=np.intp)
    np.put_along_axis(place, order, np.cumsum(step, axis=1), axis=1)
    found = np.zeros_like(levels)
    np.put_along_axis(found, place, levels, axis=1)
    return found, place
