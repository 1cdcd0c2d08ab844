"""Labels along a sensitive feature, chosen anew for each row: none for less than a minimum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from sklearn_rp.attribute.cell_prior import CellPrior
from sklearn_rp.attribute.partition import best_assignment, best_runs, last_starts
from sklearn_rp.attribute.space import Space
from sklearn_rp.feature import Category, Number
from sklearn_rp.models.asking import at_each
from sklearn_rp.models.labels import encode, labels_of, probabilities_of
from sklearn_rp.release import FittedRelease
from sklearn_rp.rows import Rows, alike, take_rows
from sklearn_rp.runs import Runs

_LEAD = 1e-9  # of the released label's probability over all others


@dataclass(frozen=True, eq=False)
class Labelling:
    """Labels of all cells for some rows.

    Parameters
    ----------
    rows : slice
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

    rows: slice
    labels: np.ndarray
    gain: np.ndarray
    weight: np.ndarray
    own: np.ndarray
    box: np.ndarray | None = field(default=None, kw_only=True)

    @property
    def released(self) -> np.ndarray:
        """Number of the label of each row."""
        return self.labels[np.arange(len(self.own)), self.own]

    def answer(self, symbols: Any) -> np.ndarray:
        """What is released for each row."""
        return self.at(symbols, np.arange(len(self.own)), self.own)

    def at(self, symbols: Any, row: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """What is released for some rows in some cells."""
        return np.asarray(symbols[self.labels[row, cell].astype(np.intp)])


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

    _width = 1  # numbers that an answer is made of

    def identity(self) -> Any:
        """Models, prior, cells and minimum."""
        return [getattr(self, each.name) for each in fields(self)]

    @property
    def symbols(self) -> Any:
        """All that may be released, sorted; None where that is not known."""
        return None

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

    def own_runs(self, X: Rows) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Chunk by chunk: rows, the model's answer for each row's run, and the answer learnt."""
        raise NotImplementedError

    def _labellings(self, X: Rows) -> Iterator[Any]:
        """What is released, chunk by chunk."""
        raise NotImplementedError

    def _n_answers(self, labels: np.ndarray) -> int:
        """How many answers are told apart along the feature."""
        raise NotImplementedError

    def _answers(self, model: Any, rows: Rows) -> np.ndarray:
        """Answers of a model, rounded: their last bits may depend on the batch."""
        raise NotImplementedError

    def _best(self, gain: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Number of the answer, or of the stretch, of each cell: shape (n_rows, n_cells)."""
        raise NotImplementedError

    def _learnt(self, X: Rows, runs: Runs) -> np.ndarray:
        """Answers learnt for runs of cells: shape (n_runs, ...)."""
        rows = blurred(self.feature, self.cells, X, runs.row, runs.low, runs.high)
        return self._asked(self.run_model, rows, runs.first)

    def _optimal(self, X: Rows) -> Iterator[Labelling]:
        """What agrees best with the model, chunk by chunk."""
        cell = self.cells.of(self.feature.values(X))
        columns = self.feature.columns
        values = self.feature.held(self.cells.at).reshape(len(self.cells), -1)

        def ask(rows: Rows) -> np.ndarray:
            ends = np.arange(0, rows.shape[0] + 1, len(self.cells))
            return self._asked(self.model, rows, ends)

        for rows, gain in at_each(ask, X, columns, values, self._width):
            weight = self.prior.weights(take_rows(X, rows))
            yield self._labelled(rows, gain, weight, cell[rows])

    def _asked(self, model: Any, rows: Rows, ends: np.ndarray) -> np.ndarray:
        """Answers of a model; `ends` are those of what belongs to one row."""
        if not self.alone or len(ends) < 3:
            return self._answers(model, rows)
        parts = [slice(a, b) for a, b in pairwise(ends.tolist()) if b > a]
        return np.concatenate([self._answers(model, take_rows(rows, part)) for part in parts])

    def _labelled(
        self, rows: slice, gain: np.ndarray, weight: np.ndarray, own: np.ndarray
    ) -> Labelling:
        """What agrees best with the model's answers in the cells."""
        return Labelling(rows, self._best(gain, weight), gain, weight, own)

    def _pieces(self, each: Labelling) -> tuple[Runs, np.ndarray]:
        """The stretches, or boxes, of cells with one answer; and the number of each cell's."""
        return in_cells(each.labels)

    def _last_starts(self, weight: np.ndarray) -> np.ndarray:
        """Where a run may start, of each row."""
        if self.last_start is not None:
            return self.last_start
        return last_starts(np.cumsum(np.pad(weight, ((0, 0), (1, 0))), axis=1), self.minimum)


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimumLabels(MinimumRelease):
    """The release of an :class:`~sklearn_rp.AttributePrivacyClassifier`.

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
    classes : ndarray of shape (n_labels,)
        All that may be released.
    by_probability : bool
        Whether the model is agreed with in its probabilities, or in its labels.
    """

    classes: np.ndarray
    by_probability: bool

    @property
    def symbols(self) -> np.ndarray:
        """All that may be released."""
        return self.classes

    @property
    def _width(self) -> int:  # type: ignore[override]
        return 4 * len(self.classes)

    def _n_answers(self, labels: np.ndarray) -> int:
        return len(self.classes)

    def truth(self, y: np.ndarray) -> np.ndarray:
        """What answers for runs are compared with: shape (n_rows, n_labels)."""
        return (y[:, None] == self.classes).astype(float)

    def probabilities(self, X: Rows) -> np.ndarray:
        """Mean probabilities over the cells that share the row's label: (n_rows, n_labels).

        The released label leads, if by little.
        """
        parts = []
        for each in self._labellings(X):
            inside = (each.labels == each.released[:, None]) * each.weight
            inside = inside / inside.sum(axis=1, keepdims=True)
            mean = np.einsum("nm,nmc->nc", inside, each.gain)
            mean = mean / mean.sum(axis=1, keepdims=True)
            released = np.eye(mean.shape[1], dtype=bool)[each.released]
            # The largest by _LEAD at least: a tie is nobody's.
            lack = np.where(released, 0.0, mean).max(axis=1) - mean[released] + _LEAD
            lack = np.maximum(lack, 0.0)
            share = (lack / (1 + lack - _LEAD))[:, None]
            parts.append((1 - share) * mean + share * released)
        return np.concatenate(parts)

    def most_lost(self, X: Rows) -> float:
        """Largest share of the agreement that a row loses to the minimum."""
        lost = [0.0]
        for each in self._labellings(X):
            kept = np.take_along_axis(each.gain, each.labels[:, :, None], axis=2)[:, :, 0]
            lost.append(float(((each.gain.max(axis=2) - kept) * each.weight).sum(axis=1).max()))
        return max(lost)

    def own_runs(self, X: Rows) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Chunk by chunk: rows, the model's mean over each row's run, and the answer learnt."""
        for each in self._optimal(X):
            runs, number = self._pieces(each)
            run = number[np.arange(len(each.own)), each.own]
            weight = each.weight[:, :, None]
            mean = _sums(number, each.gain * weight) / _sums(number, weight)
            yield each.rows, mean[run], self._learnt(take_rows(X, each.rows), runs)[run]

    def _labellings(self, X: Rows) -> Iterator[Labelling]:
        """What is released, chunk by chunk."""
        for each in self._optimal(X):
            yield each if self.run_model is None else self._relabelled(X, each)

    def _relabelled(self, X: Rows, each: Labelling) -> Labelling:
        """Each run's label by both answers for it, and what the labels of its cells are worth.

        Runs keep their ends, or join a neighbour: none becomes shorter.
        """
        runs, number = self._pieces(each)
        learnt = self._learnt(take_rows(X, each.rows), runs)[number]
        gain = (1 - self.run_weight) * each.gain + self.run_weight * learnt
        best = _sums(number, gain * each.weight[:, :, None]).argmax(axis=1)
        return replace(each, labels=best[number], gain=gain)

    def _best(self, gain: np.ndarray, weight: np.ndarray) -> np.ndarray:
        weighted = gain * weight[:, :, None]
        if isinstance(self.feature, Category):
            return best_assignment(weighted, int(self.minimum))
        return best_runs(weighted, self._last_starts(weight))

    def _answers(self, model: Any, rows: Rows) -> np.ndarray:
        """Probability of each label for each row: shape (n_rows, n_labels)."""
        found = probabilities_of(model, rows) if self.by_probability else None
        if found is None or found.shape[1] != len(self.symbols):
            # A fallback has no probability of its own.
            labels = encode(labels_of(model, rows), self.symbols)
            found = np.eye(len(self.symbols))[labels]
        # Rounded: the last bits of a model's answer may depend on the batch, the release must not.
        return found.round(9)


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


def _sums(number: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Sums over each run of what is known of the cells: (n_rows, n_cells, k) to (n_runs, k)."""
    run, flat = number.ravel(), values.reshape(-1, values.shape[2])
    step = np.diff(run, prepend=-1)
    if (step >= 0).all():  # runs come one after the other, boxes need not
        return np.add.reduceat(flat, np.flatnonzero(step))
    n_runs = int(run.max()) + 1
    return np.stack([np.bincount(run, column, n_runs) for column in flat.T], axis=1)
