"""Answers along a sensitive feature, chosen anew for each row: none for less than a minimum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import Any

import numpy as np

from sklearn_rp.attribute.boxes import Axis
from sklearn_rp.attribute.cell_prior import CellPrior
from sklearn_rp.attribute.partition import last_starts
from sklearn_rp.attribute.rooms import Rooms
from sklearn_rp.attribute.space import Space
from sklearn_rp.feature import Category, Number
from sklearn_rp.models.asking import at_each
from sklearn_rp.release import FittedRelease
from sklearn_rp.rows import Rows, alike, take_rows
from sklearn_rp.runs import Runs


@dataclass(frozen=True, eq=False)
class Labelling:
    """Labels of all cells for some rows.

    Parameters
    ----------
    rows : slice or ndarray of int
        Which rows.
    labels : ndarray of int of shape (n_rows, n_cells)
        Number of the label of each cell.
    gain : ndarray of shape (n_rows, n_cells, n_labels)
        What each label of each cell is worth.
    weight : ndarray of shape (n_rows, n_cells)
        How likely each cell is.
    own : ndarray of int of shape (n_rows,)
        The rows' own cells.
    box : ndarray of int of shape (n_rows, n_cells), or None
        Of a grid: number of the box of each cell, which has one label.
    """

    rows: Any
    labels: np.ndarray
    gain: np.ndarray
    weight: np.ndarray
    own: np.ndarray
    box: np.ndarray | None = field(default=None, kw_only=True)

    @property
    def released(self) -> np.ndarray:
        """Number of the label of each row."""
        return self.labels[np.arange(len(self.own)), self.own]

    @property
    def codes(self) -> np.ndarray:
        """What is released in all cells, as numbers that are equal where it is: as `labels`."""
        return self.labels

    def answer(self, symbols: Any) -> np.ndarray:
        """What is released for each row."""
        return self.at(symbols, np.arange(len(self.own)), self.own)

    def at(self, symbols: Any, row: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """What is released for some rows in some cells."""
        return np.asarray(symbols[self.labels[row, cell].astype(np.intp)])


class Codes:
    """What is released in cells, as numbers; and what these stand for.

    Parameters
    ----------
    symbols : ndarray of shape (n_symbols,), or None
        Labels by number; None: the numbers are the answers.
    """

    def __init__(self, symbols: Any):
        self._symbols = symbols

    def codes(self, each: Any) -> np.ndarray:
        """Numbers that are equal where answers are: shape (n_rows, n_cells)."""
        return each.codes

    def answers(self, code: np.ndarray) -> np.ndarray:
        """What some numbers stand for."""
        return code if self._symbols is None else self._symbols[code.astype(np.intp)]


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimumRelease(FittedRelease):
    """A release that leaves a minimum open: a deterministic function of the row.

    For each row, the cells of the sensitive feature are cut into stretches, none shorter than the
    minimum, that get one answer each; among all such ways the one is taken that loses least beside
    the model. It depends on the other features alone. Rows are those that ``checked_rows`` of the
    estimator gives.

    Parameters
    ----------
    model : fitted estimator
        What is to be agreed with.
    feature : Feature or Space
        The sensitive feature; or several.
    cells : Cells or Space
        Its cells, or the grid of theirs.
    prior : CellPrior
        How likely each cell is, when agreement is counted.
    minimum : float
        Smallest stretch, or number of categories, of one answer.
    last_start : ndarray of int of shape (n_cells + 1,), or None
        The last cell at which a run that ends before a cell may start; None: it depends on the row,
        where mass is measured under a prior of its own.
    run_model : fitted estimator or None
        A model for the middles of runs.
    run_weight : float
        Weight of its answers beside those of `model`, in [0, 1].
    alone : bool
        Whether models are asked for one row at a time, in all its cells: the last bits of their
        answers depend on what else they are asked.
    by_mass : bool
        Whether the minimum is measured in mass under the prior; of several features their axes say.
    """

    model: Any
    feature: Any
    cells: Any
    prior: CellPrior
    minimum: Any
    last_start: np.ndarray | None
    run_model: Any = None
    run_weight: float = 0.0
    alone: bool = False
    by_mass: bool = False

    _width = 1  # numbers that an answer is made of

    def identity(self) -> Any:
        """Models, prior, cells and minimum."""
        return [getattr(self, each.name) for each in fields(self)]

    @property
    def symbols(self) -> Any:
        """All that may be released, sorted; None where that is not known."""
        return None

    def book(self) -> Codes:
        """Numbers for what is released."""
        return Codes(self.symbols)

    def release(self, X: Rows, n_jobs: int | None = None) -> np.ndarray:
        """Answer to release for each of some checked rows.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.
        n_jobs : int, default=None
            Not used.

        Returns
        -------
        answer : ndarray of shape (n_samples,)
        """
        # Of people who differ in the sensitive values alone one labelling answers all.
        first, kind = alike(X, self.feature.columns)
        cell, order = self.cells.of(self.feature.values(X)), np.argsort(kind, kind="stable")
        parts = []
        for each in self._labellings(take_rows(X, first) if len(first) < len(kind) else X):
            ends = np.searchsorted(kind, [each.rows.start, each.rows.stop], sorter=order)
            mine = order[ends[0] : ends[1]]
            parts.append(each.at(self.symbols, kind[mine] - each.rows.start, cell[mine]))
        answer = np.concatenate(parts)
        found = np.empty_like(answer)
        found[order] = answer
        return found

    def along(self, X: Rows) -> tuple[Runs, np.ndarray, np.ndarray]:
        """Answers along the sensitive feature, and at the rows themselves.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.

        Returns
        -------
        runs, own, answer : Runs, ndarray of int, ndarray, both of shape (n_samples,)
            Stretches of equal answers; numbers of the rows' own answers, and these themselves.
        """
        parts = list(self._labellings(X))
        labels = np.concatenate([each.labels for each in parts])
        own = np.concatenate([each.released for each in parts])
        ends, apart = (self.cells.first, self.cells.last), isinstance(self.feature, Category)
        answer = np.concatenate([each.answer(self.symbols) for each in parts])
        return Runs.from_cells(labels, *ends, self._n_answers(labels), apart=apart), own, answer

    def truth(self, y: np.ndarray) -> np.ndarray:
        """What answers for runs are compared with: shape (n_rows, k)."""
        raise NotImplementedError

    def share(self, truth: np.ndarray, mean: np.ndarray, learnt: np.ndarray) -> float:
        """Weight of the answers learnt for runs with the least squared error."""
        across = ((learnt - mean) ** 2).sum()
        if not across > 0:
            return 0.0
        along = ((truth - mean) * (learnt - mean)).sum()
        return float(np.clip(along / across, 0.0, 1.0).round(3))

    def own_runs(self, X: Rows) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        """Chunk by chunk: rows, the model's mean over each row's run, and the answer learnt."""
        for each in self.optimal(X):
            runs, number = self._pieces(each)
            run = number[np.arange(len(each.own)), each.own]
            weight = each.weight[:, :, None]
            mean = sums(number, each.gain * weight) / sums(number, weight)
            yield each.rows, mean[run], self._learnt(take_rows(X, each.rows), runs)[run]

    def _labellings(self, X: Rows) -> Iterator[Any]:
        """What is released, chunk by chunk."""
        return (self.finished(X, each) for each in self.optimal(X))

    def _n_answers(self, labels: np.ndarray) -> int:
        """How many answers are told apart along the feature."""
        raise NotImplementedError

    def _answers(self, model: Any, rows: Rows) -> np.ndarray:
        """Answers of a model, rounded: their last bits may depend on the batch."""
        raise NotImplementedError

    def _best(self, gain: np.ndarray, weight: np.ndarray, axis: Axis) -> np.ndarray:
        """Number of the answer, or of the stretch, of each cell: shape (n_rows, n_cells)."""
        raise NotImplementedError

    def finished(self, X: Rows, each: Any) -> Any:
        """What is released, from what agrees best with the model.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.
        each : Labelling
            Of some of them.

        Returns
        -------
        each : Labelling
        """
        raise NotImplementedError

    @property
    def space(self) -> Space:
        """The features and their cells."""
        return Space((self.feature,), (self.cells,))

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
        if rooms is not None:
            count = self.prior.count
            mass = np.broadcast_to(count / count.sum(), weight.shape)
            mass = mass if self.prior.empirical else weight
            return (rooms.axis(self.space, 0, self.minimum, mass if self.by_mass else None),)
        if isinstance(self.feature, Category):
            return (Axis(np.arange(len(self.cells) + 1) - 1, int(self.minimum)),)
        return (Axis(self._last_starts(weight)),)

    def _learnt(self, X: Rows, runs: Runs) -> np.ndarray:
        """Answers learnt for runs of cells: shape (n_runs, ...)."""
        rows = blurred(self.feature, self.cells, X, runs.row, runs.low, runs.high)
        return self._asked(self.run_model, rows, runs.first)

    def optimal(self, X: Rows) -> Iterator[Labelling]:
        """What agrees best with the model, chunk by chunk.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.

        Yields
        ------
        each : Labelling
        """
        cell = self.cells.of(self.feature.values(X))
        columns = self.feature.columns
        values = self.feature.held(self.cells.at).reshape(len(self.cells), -1)

        def ask(rows: Rows) -> np.ndarray:
            ends = np.arange(0, rows.shape[0] + 1, len(self.cells))
            return self._asked(self.model, rows, ends)

        for rows, gain in at_each(ask, X, columns, values, self._width):
            weight = self._prior_weights(take_rows(X, rows))
            yield self.labelled(rows, gain, weight, cell[rows], self.cuts(weight))

    def _prior_weights(self, X: Rows) -> np.ndarray:
        """How likely each cell is for each row: shape (n_rows, n_cells)."""
        return np.asarray(self.prior.weights(X))

    def _asked(self, model: Any, rows: Rows, ends: np.ndarray) -> np.ndarray:
        """Answers of a model; `ends` are those of what belongs to one row."""
        if not self.alone or len(ends) < 3:
            return self._answers(model, rows)
        parts = [slice(a, b) for a, b in pairwise(ends.tolist()) if b > a]
        return np.concatenate([self._answers(model, take_rows(rows, part)) for part in parts])

    def labelled(
        self,
        rows: Any,
        gain: np.ndarray,
        weight: np.ndarray,
        own: np.ndarray,
        axes: tuple[Axis, ...],
    ) -> Labelling:
        """What agrees best with the model's answers in the cells.

        Parameters
        ----------
        rows, gain, weight, own
            As of `Labelling`.
        axes : tuple of Axis
            How the cells may be cut.

        Returns
        -------
        each : Labelling
        """
        return Labelling(rows, self._best(gain, weight, axes[0]), gain, weight, own)

    def _pieces(self, each: Labelling) -> tuple[Runs, np.ndarray]:
        """The stretches, or boxes, of cells with one answer; and the number of each cell's."""
        return in_cells(each.labels)

    def _last_starts(self, weight: np.ndarray) -> np.ndarray:
        """Where a run may start, of each row."""
        if self.last_start is not None:
            return self.last_start
        return last_starts(np.cumsum(np.pad(weight, ((0, 0), (1, 0))), axis=1), self.minimum)


def blurred(
    feature: Any,
    cells: Any,
    X: Rows,
    rows: np.ndarray,
    first: np.ndarray,
    after: np.ndarray,
) -> Rows:
    """Rows that know only the middle of a stretch of cells, the last of which is not in it."""
    if isinstance(feature, Space):
        return feature.blurred(X, rows, first, after)
    assert isinstance(feature, Number)  # categories have no middle
    return feature.copies(X, rows, feature.middle(cells.first[first], cells.last[after - 1]))


def in_cells(labels: np.ndarray) -> tuple[Runs, np.ndarray]:
    """Runs of equal labels, from a first cell to the one after the last; the run of each cell."""
    place = np.arange(labels.shape[1])
    runs = Runs.from_cells(labels, place, place + 1, int(labels.max()) + 1)
    number = np.repeat(np.arange(len(runs.row)), runs.high - runs.low)
    return runs, number.reshape(labels.shape)


def sums(number: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums over each run of what is known of its cells.

    Parameters
    ----------
    number : ndarray of int of shape (n_rows, n_cells)
        Number of the run of each cell.
    values : ndarray of shape (n_rows, n_cells, k)
        What is summed up.

    Returns
    -------
    sums : ndarray of shape (n_runs, k)
    """
    run, flat = number.ravel(), values.reshape(-1, values.shape[2])
    step = np.diff(run, prepend=-1)
    if (step >= 0).all():  # runs come one after the other, boxes need not
        return np.add.reduceat(flat, np.flatnonzero(step))
    n_runs = int(run.max()) + 1
    return np.stack([np.bincount(run, column, n_runs) for column in flat.T], axis=1)
