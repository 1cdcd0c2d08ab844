"""Answers over a grid of several sensitive features: each for a box with long enough sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.attribute.boxes import Axis, LabelWorth, NumberWorth, best_boxes
from sklearn_rp.attribute.labelling import Labelling, MinimumRelease
from sklearn_rp.attribute.labels import MinimumLabels
from sklearn_rp.attribute.lists import ListWorth, MinimumLists
from sklearn_rp.attribute.numbers import MinimumNumbers
from sklearn_rp.attribute.partition import exactly_summed
from sklearn_rp.attribute.pieces import Loss
from sklearn_rp.attribute.rooms import Rooms
from sklearn_rp.attribute.space import Space
from sklearn_rp.feature import Category
from sklearn_rp.rows import Rows
from sklearn_rp.runs import Runs


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimumBoxes(MinimumRelease):
    """A release along several sensitive features: of labels or of numbers.

    Parameters
    ----------
    model : fitted estimator
        What is to be agreed with.
    feature, cells : Space
        The sensitive features, and their grid.
    prior : CellPrior
        How likely each cell is.
    minimum : tuple of float
        Smallest side of a box along each, or number of categories.
    last_start : None
        It is in the `axes`.
    run_model : fitted estimator or None
        A model for the middles of boxes.
    run_weight : float
        Weight of its answers, in [0, 1].
    alone : bool
        Whether models are asked for one row at a time.
    by_mass : bool
        Whether the minimum is measured in mass under the prior.
    axes : tuple of Axis
        How the grid may be cut.
    """

    axes: tuple[Axis, ...]

    def along(self, X: Rows) -> tuple[Runs, np.ndarray, np.ndarray]:
        """Boxes of equal answers, of which neighbours may have the same; and the rows' own.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.

        Returns
        -------
        runs, own, answer : Runs, ndarray of int, ndarray, both of shape (n_samples,)
            As of one feature; a box of several categories is one box for each.
        """
        runs, _, own, answer = self.boxes(X)
        return runs, own, answer

    def along_one(self, X: Rows, place: int) -> tuple[Runs, np.ndarray, np.ndarray]:
        """As `along`, of one of the features, the others being what they are.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.
        place : int
            Which of the features.

        Returns
        -------
        runs, own, answer : Runs, ndarray of int, ndarray, both of shape (n_samples,)
        """
        runs, _, own, answer = self.boxes(X)
        at, kept = self.cells.values(X)[runs.row], np.ones(len(runs.row), dtype=bool)
        for k, feature in enumerate(self.cells.features):
            if k != place:
                kept &= feature.holds(runs.low[:, k], runs.high[:, k], at[:, k])
        runs = runs.where(kept)
        order = np.lexsort((runs.low[:, place], runs.row))
        row, symbol = runs.row[order], runs.symbol[order]
        low, high = runs.low[order, place], runs.high[order, place]
        new = np.ones(len(row), dtype=bool)
        if not isinstance(self.cells.features[place], Category):
            new[1:] = (row[1:] != row[:-1]) | (symbol[1:] != symbol[:-1])
        first = np.flatnonzero(new)
        last = np.r_[first[1:], len(row)] - 1
        found = Runs(row[first], symbol[first], low[first], high[last], runs.n_rows, runs.n_symbols)
        return found, own, answer

    def boxes(self, X: Rows) -> tuple[Runs, np.ndarray, np.ndarray, np.ndarray]:
        """As `along`, and the number of the box that each part is of: shape (n_runs,).

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.

        Returns
        -------
        runs, box, own, answer : Runs, ndarray of int, ndarray of int, ndarray
        """
        parts = list(self._labellings(X))
        labels = np.concatenate([each.labels for each in parts])
        box = np.concatenate([each.box for each in parts])
        own = np.concatenate([each.released for each in parts])
        answer = np.concatenate([each.answer(self.symbols) for each in parts])
        which, place, first, stop = box_parts(box, self.cells)
        row, at = np.divmod(place[which], box.shape[1])
        n_answers = self._n_answers(labels)
        runs = Runs(row, labels[row, at], first, stop, len(labels), n_answers)
        return runs, which, own, answer

    @property
    def space(self) -> Space:
        """The features and their cells."""
        return self.cells

    def cuts(self, weight: np.ndarray, rooms: Rooms | None = None) -> tuple[Axis, ...]:
        """How cells may be cut: along each feature.

        Parameters
        ----------
        weight : ndarray of shape (n_rows, n_cells)
            How likely each cell is.
        rooms : Rooms, default=None
            Inside which they are, of one row each: with equally many categories.

        Returns
        -------
        axes : tuple of Axis
        """
        if rooms is None:
            return self.axes
        return tuple(
            rooms.axis(self.cells, j, least, axis.mass)
            for j, (least, axis) in enumerate(zip(self.minimum, self.axes, strict=True))
        )

    def _pieces(self, each: Labelling) -> tuple[Runs, np.ndarray]:
        assert each.box is not None
        numbers = numbered(each.box)
        place, low, after = _sides(numbers, self.cells.shape)
        row, at = np.divmod(place, numbers.shape[1])
        symbol = each.labels[row, at]
        runs = Runs(row, symbol, low, after, len(each.labels), int(symbol.max(initial=0)) + 1)
        return runs, numbers

    def _boxes(self, state: np.ndarray, axes: tuple[Axis, ...], worth: Any) -> np.ndarray:
        """Number of the box of each cell: (n_rows, n_cells, k) to (n_rows, n_cells)."""
        shape = (len(state), *(axis.n_cells for axis in axes), state.shape[2])
        return best_boxes(state.reshape(shape), axes, worth).reshape(state.shape[:2])


@dataclass(frozen=True, eq=False, kw_only=True)
class BoxLabels(MinimumBoxes, MinimumLabels):
    """The release of an :class:`~sklearn_rp.AttributePrivacyClassifier` of several features."""

    def labelled(
        self,
        rows: Any,
        gain: np.ndarray,
        weight: np.ndarray,
        own: np.ndarray,
        axes: tuple[Axis, ...],
    ) -> Labelling:
        """What agrees best with the model's answers in the cells: as of one feature."""
        weighted = exactly_summed(gain * weight[:, :, None])
        box = self._boxes(weighted, axes, LabelWorth())
        numbers = numbered(box)
        n_boxes = int(numbers.max()) + 1
        flat = weighted.reshape(-1, weighted.shape[2])
        worth = [np.bincount(numbers.ravel(), column, n_boxes) for column in flat.T]
        labels = np.argmax(worth, axis=0)[numbers]
        return Labelling(rows, labels, gain, weight, own, box=box)


@dataclass(frozen=True, eq=False, kw_only=True)
class BoxLists(MinimumBoxes, MinimumLists):
    """The release of an :class:`~sklearn_rp.AttributePrivacyRecommender` of several features."""

    def labelled(
        self,
        rows: Any,
        gain: np.ndarray,
        weight: np.ndarray,
        own: np.ndarray,
        axes: tuple[Axis, ...],
    ) -> Labelling:
        """What agrees best with the model's scores in the cells: as of one feature."""
        box = self._boxes(self._state(gain, weight, axes), axes, ListWorth(self.best))
        return Labelling(rows, box, gain, weight, own, box=box)


@dataclass(frozen=True, eq=False, kw_only=True)
class BoxNumbers(MinimumBoxes, MinimumNumbers):
    """The release of an :class:`~sklearn_rp.AttributePrivacyRegressor` of several features.

    Boxes are chosen by the squared error, or the log-loss, also where numbers are quantiles.
    """

    def labelled(
        self,
        rows: Any,
        gain: np.ndarray,
        weight: np.ndarray,
        own: np.ndarray,
        axes: tuple[Axis, ...],
    ) -> Labelling:
        """What agrees best with the model's answers in the cells: as of one feature."""
        log = self.loss.log
        middle = 0.0 if log else np.average(gain, axis=1, weights=weight)[:, None]
        state = np.stack([weight, weight * (gain - middle)], axis=2)
        box = self._boxes(state, axes, NumberWorth(Loss(log=log)))
        return Labelling(rows, box, gain, weight, own, box=box)


def numbered(box: np.ndarray) -> np.ndarray:
    """Numbers of boxes that go on from row to row.

    Parameters
    ----------
    box : ndarray of int of shape (n_rows, n_cells)
        Numbers from 0 up in each row.

    Returns
    -------
    numbers : ndarray of int of shape (n_rows, n_cells)
    """
    many = box.max(axis=1) + 1
    return box + (np.cumsum(many) - many)[:, None]


def box_parts(
    box: np.ndarray, space: Space
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Boxes of cells, those of several categories in a part for each.

    Parameters
    ----------
    box : ndarray of int of shape (n_rows, n_cells)
        Number of the box of each cell of the grid, from 0 up in each row.
    space : Space
        The features and their cells.

    Returns
    -------
    which : ndarray of int of shape (n_parts,)
        Number of the box that each part is of; they go on from row to row.
    place : ndarray of int of shape (n_boxes,)
        One of the cells of each box: flat, of all rows.
    first, stop : ndarray of shape (n_parts, n_features)
        Ends, as of `Runs`.
    """
    numbers = numbered(box)
    place, low, after = _sides(numbers, space.shape)
    which = np.arange(len(place))
    first, stop = np.empty(low.shape), np.empty(low.shape)
    for j, side in enumerate(space.sides):
        first[:, j], stop[:, j] = side.first[low[:, j]], side.last[after[:, j] - 1]
    apart = [j for j, f in enumerate(space.features) if isinstance(f, Category)]
    if apart:
        cell = np.stack(np.unravel_index(np.arange(numbers.shape[1]), space.shape), axis=1)
        pairs = np.concatenate(
            [numbers.reshape(-1, 1), np.tile(cell[:, apart], (len(numbers), 1))], axis=1
        )
        pairs = np.unique(pairs, axis=0)
        which = pairs[:, 0]
        first, stop = first[which], stop[which]
        first[:, apart], stop[:, apart] = pairs[:, 1:], pairs[:, 1:] + 1
    return which, place, first, stop


def _sides(
    numbers: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each box: one of its cells, flat, of all rows; its first cell along each axis, the last.

    The last is the one behind; of shape (n_boxes, n_axes) both.
    """
    flat = numbers.ravel()
    n_boxes = int(flat.max()) + 1
    place = np.empty(n_boxes, dtype=np.intp)
    place[flat[::-1]] = np.arange(len(flat))[::-1]
    cell = np.stack(np.unravel_index(np.arange(numbers.shape[1]), shape), axis=1)
    low = np.full((n_boxes, len(shape)), max(shape))
    after = np.zeros((n_boxes, len(shape)), dtype=np.intp)
    for j in range(len(shape)):
        along = np.tile(cell[:, j], len(numbers))
        np.minimum.at(low[:, j], flat, along)
        np.maximum.at(after[:, j], flat, along + 1)
    return place, low, after
