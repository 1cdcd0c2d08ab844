"""Lists along a sensitive feature, chosen anew for each row: none for less than a minimum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.attribute.boxes import Axis, Found, LabelWorth
from sklearn_rp.attribute.labelling import Codes, Labelling, MinimumRelease
from sklearn_rp.attribute.partition import best_assignment, best_runs, exactly_summed
from sklearn_rp.attribute.pieces import MOST_CATEGORIES, cheapest_groups, cheapest_pieces
from sklearn_rp.models.items import ItemScores, parted
from sklearn_rp.models.labels import encode
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.rules import TopItems, best_items


@dataclass(frozen=True, eq=False)
class Listed(Labelling):
    """Lists of all cells for some rows.

    Parameters
    ----------
    rows, labels, gain, weight, own
        As of `Labelling`: `labels` are places in `lists`, `gain` are the items' scores.
    lists : ndarray of int of shape (n_rows, n_lists, n_best)
        The lists of each row; no two that are used are equal.
    """

    lists: np.ndarray

    def at(self, symbols: Any, row: np.ndarray, cell: np.ndarray) -> np.ndarray:
        """What is released for some rows in some cells: the items."""
        return np.asarray(symbols[self.lists[row, self.labels[row, cell]]])


class ListCodes(Codes):
    """Lists, and numbers that stand for them.

    Parameters
    ----------
    items : ndarray of shape (n_items,)
        What may be on a list.
    n_best : int
        Items of a list.
    """

    def __init__(self, items: np.ndarray, n_best: int):
        super().__init__(items)
        self._n_best = n_best
        self._numbers: dict[bytes, int] = {}

    def codes(self, each: Listed) -> np.ndarray:
        """Number of the list of each cell, the same wherever the list is: (n_rows, n_cells)."""
        flat = each.lists.reshape(-1, self._n_best).astype(np.int64)
        some, place = np.unique(flat, axis=0, return_inverse=True)
        known = self._numbers
        told = [known.setdefault(one.tobytes(), len(known)) for one in some]
        number = np.asarray(told)[place.ravel()]
        return np.take_along_axis(number.reshape(each.lists.shape[:2]), each.labels, axis=1)

    def answers(self, code: np.ndarray) -> np.ndarray:
        """The lists that some numbers stand for: shape (n_rows, n_best)."""
        table = np.frombuffer(b"".join(self._numbers), dtype=np.int64).reshape(-1, self._n_best)
        return np.asarray(self._symbols[table[code.astype(np.intp)]])


@dataclass(frozen=True)
class ListWorth:
    """Boxes get the list that is worth most: what is summed up are the items' gains.

    Parameters
    ----------
    best : TopItems
        How many items, and whether their order counts: their gains are then discounted by rank, as
        in a discounted cumulative gain.
    """

    best: TopItems

    def of(self, total: np.ndarray) -> np.ndarray:
        """Worth of the best list, from what the items have: (..., n_items) to (...)."""
        k, n_items = self.best.n_best, total.shape[-1]
        if k < n_items:
            total = np.partition(total, n_items - k, axis=-1)[..., n_items - k :]
        if not self.best.ordered:
            return np.asarray(total.sum(axis=-1))
        return np.asarray((np.sort(total, axis=-1)[..., ::-1] / np.log2(np.arange(k) + 2)).sum(-1))

    def cut(self, state: np.ndarray, axis: Axis) -> Found:
        """The best pieces, or groups, along one axis: `state` of shape (n_rows, n, n_items)."""
        if self.best.n_best == 1:
            return LabelWorth().cut(state, axis)
        box = self.pieces(state, axis)
        number, row = _numbered(box)
        return Found(box, np.bincount(row, self.of(sums_of(number, state, len(row))), len(box)))

    def pieces(self, state: np.ndarray, axis: Axis) -> np.ndarray:
        """Number of the piece, or the group, of each cell: shape (n_rows, n)."""
        n_rows, n = state.shape[:2]
        if not axis.fewest:
            return cheapest_pieces(self._costs(state), (n_rows, n), axis.last_start)
        fewest = min(axis.fewest, n)
        if n <= MOST_CATEGORIES:
            return cheapest_groups(
                lambda members: -self.of((state * members[:, None]).sum(axis=1)),
                (n_rows, n),
                fewest,
            )
        order = _in_order(state)
        last = np.arange(n + 1) - fewest
        last[last < 0] = -1
        ordered = np.take_along_axis(state, order[:, :, None], axis=1)
        answer = np.empty((n_rows, n), dtype=np.intp)
        found = cheapest_pieces(self._costs(ordered), (n_rows, n), last)
        np.put_along_axis(answer, order, found, axis=1)
        return answer

    def _costs(self, state: np.ndarray) -> Callable[[np.ndarray, int], np.ndarray]:
        """What pieces cost: minus their worth."""
        zero = np.zeros((1, len(state), state.shape[2]))
        total = np.concatenate([zero, np.cumsum(state, axis=1).transpose(1, 0, 2)])
        return lambda starts, k: -self.of(total[k] - total[starts])


def _in_order(state: np.ndarray) -> np.ndarray:
    """Categories of each row in the order of what is most different in them: (n_rows, n)."""
    apart = state - state.mean(axis=1, keepdims=True)
    along = np.linalg.eigh(apart @ apart.transpose(0, 2, 1))[1][:, :, -1]
    # Which way round is nobody's: the first that differs from nought is positive.
    lead = np.take_along_axis(along, np.abs(along).argmax(axis=1)[:, None], axis=1)
    return np.argsort((along * np.sign(lead)).round(9), axis=1, kind="stable")


def _numbered(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of pieces that go on from row to row, and the row of each."""
    many = int(labels.max(initial=0)) + 1
    known, number = np.unique(labels + many * np.arange(len(labels))[:, None], return_inverse=True)
    return number.reshape(labels.shape), known // many


def sums_of(number: np.ndarray, values: np.ndarray, n_pieces: int) -> np.ndarray:
    """Sums over pieces of what is known of their cells, in any order: shape (n_pieces, k)."""
    run, flat = number.ravel(), values.reshape(-1, values.shape[2])
    order = np.argsort(run, kind="stable")
    return np.add.reduceat(flat[order], np.searchsorted(run[order], np.arange(n_pieces)))


@dataclass(frozen=True, eq=False, kw_only=True)
class MinimumLists(MinimumRelease):
    """The release of an :class:`~sklearn_rp.AttributePrivacyRecommender`.

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
        Smallest stretch, or number of categories, of one list.
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
    items : ndarray of shape (n_items,)
        What there is to recommend.
    best : TopItems
        How many items are named, and whether their order counts.
    decimals : int
        Decimals that scores are rounded to: their last bits may depend on the batch.
    middle, size : float
        What scores are around, and how far they go from it, a power of two: sums are then exact,
        whatever the scores are measured in.
    banned : ndarray of bool of shape (n_masks, n_items), or None
        Items that must not be recommended: the last column of the rows is then the number of their
        mask.
    """

    items: np.ndarray
    best: TopItems
    decimals: int
    middle: float = 0.0
    size: float = 1.0
    banned: np.ndarray | None = None

    @property
    def symbols(self) -> np.ndarray:
        """All that may be on a list."""
        return self.items

    @property
    def _width(self) -> int:  # type: ignore[override]
        return 6 * len(self.items)

    def _n_answers(self, labels: np.ndarray) -> int:
        return int(labels.max(initial=0)) + 1

    def book(self) -> ListCodes:
        """Numbers for lists."""
        return ListCodes(self.items, self.best.n_best)

    def truth(self, y: np.ndarray) -> np.ndarray:
        """What answers for runs are compared with: shape (n_rows, n_items)."""
        if y.ndim > 1:
            return y.astype(np.float64)
        return np.eye(len(self.items))[encode(y, self.items)]

    def finished(self, X: Rows, each: Labelling) -> Listed:
        """The list of each piece, by both answers for its items.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.
        each : Labelling
            What agrees best with the model, for some of them.

        Returns
        -------
        each : Listed
        """
        n_rows = len(each.labels)
        found = each.gain, each.weight, each.own
        gain, banned = _allowed(each.gain)
        plain = self.run_model is None and each.box is None and not banned.any()
        if self.best.n_best == 1 and plain:
            n_lists = max(len(self.items), int(each.labels.max(initial=0)) + 1)
            alone = np.minimum(np.arange(n_lists), len(self.items) - 1)[None, :, None]
            table = np.broadcast_to(alone, (n_rows, n_lists, 1))
            return Listed(each.rows, each.labels, *found, table, box=each.box)
        if self.run_model is None:
            number, row = _numbered(each.labels if each.box is None else each.box)
        else:
            runs, number = self._pieces(each)
            row = runs.row
            learnt = _allowed(self._learnt(take_rows(X, each.rows), runs)[:, None])[0][:, 0]
            gain = (1 - self.run_weight) * gain + self.run_weight * learnt[number]
        total = sums_of(number, self._weighted(gain, each.weight), len(row))
        total[banned[row]] = -np.inf
        lists = best_items(total, self.best.n_best, self.best.ordered)
        # Lists of a row that are equal are one, whatever lies between.
        same, place = np.unique(np.column_stack([row, lists]), axis=0, return_inverse=True)
        first = np.searchsorted(same[:, 0], np.arange(n_rows + 1))
        table = np.zeros((n_rows, int(np.diff(first).max()), lists.shape[1]), np.intp)
        table[same[:, 0], np.arange(len(same)) - first[same[:, 0]]] = same[:, 1:]
        labels = (place.ravel() - first[row])[number]
        return Listed(each.rows, labels, *found, table, box=each.box)

    def labelled(
        self,
        rows: Any,
        gain: np.ndarray,
        weight: np.ndarray,
        own: np.ndarray,
        axes: tuple[Axis, ...],
    ) -> Labelling:
        """What agrees best with the model's scores in the cells: numbers of pieces.

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
        state = self._state(gain, weight, axes)
        if self.best.n_best > 1:
            labels = ListWorth(self.best).pieces(state, axes[0])
        elif axes[0].fewest:
            labels = best_assignment(state, axes[0].fewest)
        else:
            labels = best_runs(state, axes[0].last_start)
        return Labelling(rows, labels, gain, weight, own)

    def _state(self, gain: np.ndarray, weight: np.ndarray, axes: tuple[Axis, ...]) -> np.ndarray:
        """Gains times weights, of the items that may be on a list: (n_rows, n_cells, n_some)."""
        gain, banned = _allowed(gain)
        low = gain.min(axis=(1, 2)) - 1
        gain = np.where(banned[:, None], low[:, None, None], gain)
        k = self.best.n_best
        # The order of many categories is that of all items: it must not depend on other rows.
        if k > 1 and not any(axis.fewest for axis in axes):
            # Who is nowhere as good as k others are everywhere is on no list.
            least = np.partition(np.where(banned, low[:, None], gain.min(axis=1)), -k, axis=1)
            most = gain.max(axis=1)
            needed = int((most >= least[:, -k, None]).sum(axis=1).max())
            if needed < gain.shape[2]:
                some = np.argpartition(-most, needed - 1, axis=1)[:, :needed]
                gain = np.take_along_axis(gain, np.sort(some, axis=1)[:, None], axis=2)
        return self._weighted(gain, weight)

    def _weighted(self, gain: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Gains times weights, in numbers whose sums are exact: and so are ties."""
        weighted = (gain - self.middle) / self.size * weight[:, :, None]
        if self.best.n_best == 1:  # as those of labels
            return exactly_summed(weighted)
        return np.rint(weighted * 2.0**40) / 2.0**40

    def _prior_weights(self, X: Rows) -> np.ndarray:
        return super()._prior_weights(X if self.banned is None else parted(X)[0])

    def _answers(self, model: ItemScores, rows: Rows) -> np.ndarray:
        """Score of each item for each row, of what must not be named minus infinity."""
        if self.banned is None:
            return model.predict(rows).round(self.decimals)
        rows, mask = parted(rows)
        scores = model.predict(rows).round(self.decimals)
        return np.where(self.banned[mask], -np.inf, scores)


def _allowed(gain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gains without infinities, and which items of each row have them: (n_rows, n_items)."""
    banned = np.isneginf(gain[:, 0])
    return (np.where(banned[:, None], 0.0, gain) if banned.any() else gain), banned
