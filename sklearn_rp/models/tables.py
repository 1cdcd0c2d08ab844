"""Fitted trees as one table: their splits, their leaves, and how the trees are put together.

Whatever grew them compares in its own precision. Here each split has an edge that is right to the
last bit: the largest double that the model sends to the left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from sklearn_rp.exceptions import NotForMe


@dataclass(frozen=True, eq=False)
class TreeTable:
    """All trees of a fitted model, node by node.

    Parameters
    ----------
    first : ndarray of int of shape (n_trees + 1,)
        Where the nodes of each tree begin, the root before all others.
    feature : ndarray of int of shape (n_nodes,)
        The input that each node asks about; -1 for leaves, and for questions of another kind.
    threshold : ndarray of shape (n_nodes,)
        What the model itself compares it with.
    edge : ndarray of shape (n_nodes,)
        The largest double of that input that goes left; infinite where missing values alone are
        told apart, and at leaves.
    left, right : ndarray of int of shape (n_nodes,)
        Where the nodes' children are; -1 for leaves.
    missing_left : ndarray of bool of shape (n_nodes,)
        Whether a missing value goes left.
    value : ndarray of shape (n_nodes, n_outputs) or None
        What each leaf contributes, weights and learning rates included; None where the splits alone
        are understood.
    combine : {"mean", "sum"}
        How the contributions of the trees are put together.
    start : ndarray of shape (n_outputs,)
        What is added to them.
    unread : dict from int to str
        Inputs that are told apart in another way too, and which: rows cannot be followed there.
    """

    first: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    edge: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray | None
    combine: Literal["mean", "sum"]
    start: np.ndarray
    unread: dict[int, str] = field(default_factory=dict)

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.first) - 1

    @property
    def tree(self) -> np.ndarray:
        """The tree of each node."""
        return np.repeat(np.arange(self.n_trees), np.diff(self.first))

    def contributions(self) -> np.ndarray:
        """What each node contributes: `value`.

        Raises
        ------
        NotForMe
            If it is not understood.
        """
        if self.value is None:
            raise NotForMe("the leaves of the model are not understood")
        return self.value

    def along(self, position: int) -> np.ndarray:
        """Sorted edges of one input.

        Raises
        ------
        NotForMe
            If the model tells values of this input apart in another way than by thresholds.
        """
        if position in self.unread:
            raise NotForMe(f"input {position} of the model is read by {self.unread[position]}")
        edges = self.edge[self.feature == position]
        return np.unique(edges[np.isfinite(edges)])


def side_by_side(tables: Sequence[TreeTable]) -> TreeTable:
    """The splits of several models of the same inputs, whose leaves have nothing to do together."""
    nodes = np.cumsum([0, *(len(table.left) for table in tables)])
    shifted = list(zip(tables, nodes[:-1], strict=True))

    def together(name: str) -> np.ndarray:
        return np.concatenate([getattr(table, name) for table in tables])

    def children(name: str) -> np.ndarray:
        each = [(getattr(table, name), shift) for table, shift in shifted]
        return np.concatenate([np.where(at >= 0, at + shift, at) for at, shift in each])

    first = np.r_[np.concatenate([table.first[:-1] + shift for table, shift in shifted]), nodes[-1]]
    return TreeTable(
        first,
        together("feature"),
        together("threshold"),
        together("edge"),
        children("left"),
        children("right"),
        together("missing_left"),
        value=None,
        combine="sum",
        start=np.zeros(1),
        unread={place: how for table in tables for place, how in table.unread.items()},
    )


def float32_edges(threshold: np.ndarray) -> np.ndarray:
    """Largest double ``x`` with ``float32(x) <= threshold``: shape of `threshold`.

    scikit-learn's trees read float32. The largest float32 that passes is ``f``; a double rounds to
    it up to the middle between ``f`` and the next float32, and the middle itself to the even one.

    Examples
    --------
    >>> threshold = np.array([0.1])
    >>> edge = float32_edges(threshold)
    >>> edge.astype(np.float32) <= threshold
    array([ True])
    >>> np.nextafter(edge, 1).astype(np.float32) <= threshold
    array([False])
    """
    threshold = np.asarray(threshold, dtype=np.float64)
    single = threshold.astype(np.float32)
    single = np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)
    after = np.nextafter(single, np.float32(np.inf))
    middle = (single.astype(np.float64) + after.astype(np.float64)) / 2
    above = middle.astype(np.float32) > threshold
    return np.where(above, np.nextafter(middle, -np.inf), middle)


class Tree(NamedTuple):
    """One tree as its model has it, node by node; leaves have no left child (-1)."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    missing_left: np.ndarray
    value: np.ndarray | None


def stacked(
    trees: Sequence[Tree],
    edges: Callable[[np.ndarray], np.ndarray],
    combine: Literal["mean", "sum"] = "sum",
    start: Any = 0.0,
    unread: dict[int, str] | None = None,
) -> TreeTable:
    """One table of trees; `edges` makes edges of their thresholds."""
    size = [len(tree.left) for tree in trees]
    first = np.r_[0, np.cumsum(size)]
    shift = np.repeat(first[:-1], size)
    feature, threshold, left, right, missing_left = (
        np.concatenate(column) for column in zip(*(tree[:5] for tree in trees), strict=True)
    )
    inner = left >= 0
    edge = np.full(len(inner), np.inf)
    edge[inner] = edges(threshold[inner])
    values = [tree.value for tree in trees if tree.value is not None]
    value = np.concatenate(values) if len(values) == len(trees) else None
    return TreeTable(
        first,
        np.where(inner, feature, -1).astype(np.intp),
        threshold,
        edge,
        np.where(inner, left + shift, -1).astype(np.intp),
        np.where(inner, right + shift, -1).astype(np.intp),
        missing_left.astype(bool),
        value,
        combine,
        np.broadcast_to(start, 0 if value is None else value.shape[1]),
        unread or {},
    )


def placed(value: np.ndarray, columns: Any, n_outputs: int) -> np.ndarray:
    """Contributions to some of the outputs: shape (n_nodes, n_outputs)."""
    out = np.zeros((len(value), n_outputs))
    out[:, columns] = value
    return out


def lone_leaf(n_outputs: int) -> Tree:
    """A tree that says nothing."""
    zero, none = np.zeros(1), np.full(1, -1)
    return Tree(none, zero, none, none, zero, np.zeros((1, n_outputs)))
