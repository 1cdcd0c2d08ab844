"""Labels along a sensitive feature, chosen anew for each row: none for less than a minimum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sklearn_rp.attribute.boxes import Axis
from sklearn_rp.attribute.labelling import Labelling, MinimumRelease, sums
from sklearn_rp.attribute.partition import best_assignment, best_runs, exactly_summed
from sklearn_rp.models.labels import encode, labels_of, probabilities_of
from sklearn_rp.rows import Rows, take_rows

_LEAD = 1e-9  # of the released label's probability over all others


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
    by_mass : bool
        Whether the minimum is measured in mass under the prior.
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

    def finished(self, X: Rows, each: Labelling) -> Labelling:
        """Each run's label by both answers for it, and what the labels of its cells are worth.

        Runs keep their ends, or join a neighbour: none becomes shorter.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.
        each : Labelling
            What agrees best with the model, for some of them.

        Returns
        -------
        each : Labelling
        """
        if self.run_model is None:
            return each
        runs, number = self._pieces(each)
        learnt = self._learnt(take_rows(X, each.rows), runs)[number]
        gain = (1 - self.run_weight) * each.gain + self.run_weight * learnt
        best = sums(number, gain * each.weight[:, :, None]).argmax(axis=1)
        return replace(each, labels=best[number], gain=gain)

    def _best(self, gain: np.ndarray, weight: np.ndarray, axis: Axis) -> np.ndarray:
        weighted = exactly_summed(gain * weight[:, :, None])
        if axis.fewest:
            return best_assignment(weighted, axis.fewest)
        return best_runs(weighted, axis.last_start)

    def _answers(self, model: Any, rows: Rows) -> np.ndarray:
        """Probability of each label for each row: shape (n_rows, n_labels)."""
        found = probabilities_of(model, rows) if self.by_probability else None
        if found is None or found.shape[1] != len(self.symbols):
            # A fallback has no probability of its own.
            labels = encode(labels_of(model, rows), self.symbols)
            found = np.eye(len(self.symbols))[labels]
        # Rounded: the last bits of a model's answer may depend on the batch, the release must not.
        return found.round(9)
