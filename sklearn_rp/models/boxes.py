"""Leaves of trees as boxes, and how likely a noisy row falls into each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sklearn_rp.law import Gaussian
from sklearn_rp.models.tables import TreeTable

_EPS = np.finfo(np.float64).eps
_NO_PARENT = -1  # that of the root


@dataclass(eq=False)
class Sides:
    """One side of one box in one feature: all leaves that have one in it."""

    feature: int
    leaves: np.ndarray
    low: np.ndarray  # positions in `edges`
    high: np.ndarray
    missing: np.ndarray  # whether a missing value reaches the leaf
    edges: np.ndarray  # the largest doubles below, sorted, -inf first, inf last
    size: float  # the largest absolute value of a threshold


class Boxes:
    """All leaves of some trees, as boxes.

    Parameters
    ----------
    table : TreeTable
        The trees.
    contribution : ndarray of shape (n_nodes, n_outputs)
        What each node contributes to the sum over the trees.
    """

    def __init__(self, table: TreeTable, contribution: np.ndarray):
        leaves, steps, self.depth = _paths(table)
        self.leaves, self.value = leaves, contribution[leaves]
        self.n_trees, self.n_leaves = table.n_trees, len(leaves)
        self.largest = int(np.bincount(table.tree[leaves]).max())
        asked = (table.feature >= 0) & np.isfinite(table.threshold)
        size = np.zeros(table.feature.max() + 1)
        np.maximum.at(size, table.feature[asked], np.abs(table.threshold[asked]))
        self.sides = _sides(steps, size)

    def expectation(self, inputs: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Expected sum of the reached leaves' values: shape (n_rows, n_outputs).

        The noise on the inputs of the trees, shape (n_rows, n_inputs), has the standard deviations
        `spread`; 0 is none.
        """
        chance = self.chance(inputs, spread)
        # No matrix product, as its last bits depend on how many rows there are; and row by row, in
        # pairs: leaf after leaf, the rounding errors would grow with the number of trees.
        each = [np.multiply(chance.T, v, order="C").sum(axis=1) for v in self.value.T]
        return np.stack(each, axis=1)

    def chance(self, inputs: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Probability of each leaf for each row, as of `expectation`: (n_leaves, n_rows)."""
        chance = np.ones((self.n_leaves, len(inputs)))
        for side in self.sides:
            x = inputs[:, side.feature]
            chance[side.leaves] *= _within(side, x, spread[side.feature])
        return chance

    def error(self, inputs: np.ndarray, spread: np.ndarray, given: np.ndarray) -> np.ndarray:
        """Bound of the rounding error of `expectation`, for values in [0, 1] of averaged trees.

        Shape (n_rows,). The inputs, shape (n_rows, n_inputs), were computed from numbers of the
        size `given`, of the same shape.
        """
        shift = np.zeros(len(inputs))
        for side in self.sides:
            if spread[side.feature]:
                size = np.abs(inputs[:, side.feature]) + given[:, side.feature] + side.size
                shift = np.maximum(shift, 8 * _EPS * size / spread[side.feature])
        # Each factor of each leaf is off by a few units in the last place and by the shift of its
        # argument times the largest density; a tree has no more than `largest` leaves. Summed in
        # pairs, some more units, however many trees there are.
        return (self.largest * max(self.depth, 1)) * (4 * _EPS + shift) + 1e-15


def _within(side: Sides, x: np.ndarray, spread: float) -> np.ndarray:
    """Chance that the feature lies between the sides of each leaf: shape (n_leaves, n_rows)."""
    if spread:
        below = Gaussian.below((side.edges[:, None] - x) / spread)
        return np.maximum(below[side.high] - below[side.low], 0.0)
    below = (x <= side.edges[:, None]).astype(np.float64)
    # A leaf that missing values alone reach is an empty box, its low side above its high one.
    inside = np.maximum(below[side.high] - below[side.low], 0.0)
    missing = np.isnan(x)
    return np.where(missing, side.missing[:, None], inside) if missing.any() else inside


def _paths(table: TreeTable) -> tuple[np.ndarray, np.ndarray, int]:
    """Leaves of all trees, and one record for every step on the way to each of them.

    Returns
    -------
    leaves : ndarray of shape (n_leaves,)
        Node numbers.
    steps : ndarray of shape (n_steps, 5)
        Position in `leaves`, feature, lower side, upper side, whether missing values take the step.
    depth : int
        Steps to the deepest leaf.
    """
    inner = np.flatnonzero(table.left >= 0)
    parent = np.full(len(table.left), _NO_PARENT)
    parent[table.left[inner]] = inner
    parent[table.right[inner]] = inner
    grown = parent != _NO_PARENT  # a pruned node has no parent either, but no tree begins with it
    grown[table.first[:-1]] = True
    leaves = np.flatnonzero((table.left < 0) & grown)
    records = []
    position, node = np.arange(len(leaves)), leaves
    while True:
        above = parent[node]
        on_the_way = above != _NO_PARENT
        position, node, above = position[on_the_way], node[on_the_way], above[on_the_way]
        if not len(node):
            break
        went_left = table.left[above] == node
        edge = table.edge[above]
        records.append(
            np.column_stack(
                [
                    position,
                    table.feature[above],
                    np.where(went_left, -np.inf, edge),
                    np.where(went_left, edge, np.inf),
                    went_left == table.missing_left[above],
                ]
            )
        )
        node = above
    return leaves, np.concatenate(records) if records else np.empty((0, 5)), len(records)


def _sides(steps: np.ndarray, size: np.ndarray) -> list[Sides]:
    """Tightest sides of each leaf in each feature on its way."""
    if not len(steps):
        return []
    order = np.lexsort((steps[:, 0], steps[:, 1]))
    steps = steps[order]
    leaf, feature = steps[:, 0], steps[:, 1]
    starts = np.flatnonzero(np.r_[True, (np.diff(leaf) != 0) | (np.diff(feature) != 0)])
    low = np.maximum.reduceat(steps[:, 2], starts)
    high = np.minimum.reduceat(steps[:, 3], starts)
    missing = np.minimum.reduceat(steps[:, 4], starts) > 0
    leaf, feature = leaf[starts].astype(np.intp), feature[starts].astype(np.intp)
    result = []
    for j in np.unique(feature):
        here = feature == j
        edges = np.unique(np.r_[-np.inf, low[here], high[here], np.inf])
        result.append(
            Sides(
                int(j),
                leaf[here],
                np.searchsorted(edges, low[here]),
                np.searchsorted(edges, high[here]),
                missing[here],
                edges,
                float(size[j]),
            )
        )
    return result
