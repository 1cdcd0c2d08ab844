"""Models whose score is a sum of functions of one input, or of a few, each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from scipy import special

from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.boxes import Boxes
from sklearn_rp.models.tables import TreeTable
from sklearn_rp.models.trees import read_trees

_MOST_CELLS = 2**14  # of all blocks
_SINGLE = ("XGBClassifier", "XGBRFClassifier")  # add up in single precision


@dataclass(frozen=True, eq=False)
class Block:
    """A function of a few inputs, constant on the cells of a grid.

    Parameters
    ----------
    inputs : tuple of int
        Positions of the inputs.
    edges : tuple of ndarray
        The largest double below each change, for each input: sorted, -inf first, inf last. One cell
        more, the last one, is that of missing values.
    values : ndarray of shape (n_cells of the first input, ...)
        The function.
    """

    inputs: tuple[int, ...]
    edges: tuple[np.ndarray, ...]
    values: np.ndarray

    def at(self, inputs: np.ndarray) -> np.ndarray:
        """The function of some rows of inputs: shape (n_rows,)."""
        along = zip(self.inputs, self.edges, strict=True)
        return self.values[tuple(cell_of(inputs[:, j], edges) for j, edges in along)]

    def is_noisy(self, spread: np.ndarray) -> bool:
        """Whether noise of these deviations, shape (n_inputs,), reaches it."""
        return bool(spread[list(self.inputs)].any())


def cell_of(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Cells of some values of one input."""
    place = np.searchsorted(edges[1:-1], x, side="left")
    return np.where(np.isnan(x), len(edges) - 1, place)


@dataclass(frozen=True, eq=False)
class StepSum:
    """A score that is a sum of blocks; above 0 it decides for the second class.

    Parameters
    ----------
    blocks : tuple of Block
        The functions.
    start : float
        What is added to them.
    slack : float
        How far what the model itself adds up may be from it.
    """

    blocks: tuple[Block, ...]
    start: float
    slack: float

    def score(self, inputs: np.ndarray) -> np.ndarray:
        """The score of some rows of inputs: shape (n_rows,)."""
        found = np.full(len(inputs), self.start)
        for block in self.blocks:
            found += block.at(inputs)
        return found


def read_steps(model: Any) -> StepSum:
    """Read a fitted binary classifier as a sum of functions of a few inputs.

    Raises
    ------
    NotForMe
        If it is none, or not known to be one.
    """
    found = _read(model)
    values = [found.start, found.slack, *(float(np.abs(b.values).max()) for b in found.blocks)]
    if not np.isfinite(values).all():
        raise NotForMe("some of its parts are infinite")
    return found


def _read(model: Any) -> StepSum:
    kind = type(model)
    package = kind.__module__.split(".")[0]
    if (package, kind.__name__) == ("sklearn", "BernoulliNB"):
        return _bernoulli(model)
    if (package, kind.__name__) == ("interpret", "ExplainableBoostingClassifier"):
        return _explainable_boosting(model)
    if package == "xgboost" and model.get_params().get("objective") == "binary:logitraw":
        raise NotForMe("decides by another threshold than 0")
    found = _of_trees(read_trees(model), single=kind.__name__ in _SINGLE)
    if package != "catboost":
        return found
    threshold = model.get_probability_threshold()
    return replace(found, start=found.start - float(special.logit(threshold)))


def _of_trees(table: TreeTable, *, single: bool) -> StepSum:
    """Trees, put together where they ask about the same inputs."""
    value, start = table.contributions(), np.asarray(table.start, dtype=np.float64)
    if table.unread:
        raise NotForMe("some inputs are told apart in another way than by thresholds")
    if table.combine == "mean":
        value = value / value.sum(axis=1, keepdims=True) / table.n_trees
    if value.shape[1] == 2:
        value, start = value[:, 1:] - value[:, :1], start[1:] - start[:1]
    if value.shape[1] != 1:
        raise NotForMe("there are more than two classes")
    boxes = Boxes(table, value)
    groups = _connected(_asked(table))
    edges = {side.feature: side.edges for side in boxes.sides}
    blocks = _grids(groups, edges)
    cells = _cells_of_leaves(boxes, edges)
    tree = table.tree[boxes.leaves]
    root = table.feature[table.first[:-1]][tree]  # an input that the leaf's tree asks about; or -1
    block_of = {j: block for block in blocks for j in block.inputs}
    constant = float(start[0])
    for leaf, (asked, amount) in enumerate(
        zip(root.tolist(), boxes.value[:, 0].tolist(), strict=True)
    ):
        if asked < 0:
            constant += amount
            continue
        block = block_of[asked]
        block.values[np.ix_(*(cells[j][leaf] for j in block.inputs))] += amount
    largest = np.zeros(table.n_trees)
    np.maximum.at(largest, tree, np.abs(boxes.value[:, 0]))
    size = float(largest.sum()) + abs(float(start[0]))
    unit = float(np.finfo(np.float32 if single else np.float64).eps)
    # Probabilities, too, are told apart from a half only so far.
    return StepSum(_merged(blocks), constant, unit * (2 * (table.n_trees + 8) * size + 4))


def _asked(table: TreeTable) -> list[set[int]]:
    """Inputs that each tree asks about."""
    ends = zip(table.first[:-1], table.first[1:], strict=True)
    return [set(table.feature[a:b][table.left[a:b] >= 0].tolist()) for a, b in ends]


def _connected(parts: list[set[int]]) -> list[tuple[int, ...]]:
    """Inputs that some part asks about together, all others apart."""
    group: dict[int, set[int]] = {}
    for asked in parts:
        together = asked.union(*(group[j] for j in asked if j in group))
        group |= dict.fromkeys(together, together)
    return sorted({tuple(sorted(each)) for each in group.values()})


def _grids(groups: list[tuple[int, ...]], edges: dict[int, np.ndarray]) -> list[Block]:
    """Empty blocks of some inputs each."""
    along = [tuple(edges[j] for j in group) for group in groups]
    sizes = [tuple(len(each) for each in sides) for sides in along]
    if sum(prod(size) for size in sizes) > _MOST_CELLS:
        raise NotForMe("too many inputs act together, or they have too many thresholds")
    return [Block(*each) for each in zip(groups, along, map(np.zeros, sizes), strict=True)]


def _cells_of_leaves(boxes: Boxes, edges: dict[int, np.ndarray]) -> dict[int, list[np.ndarray]]:
    """For each input the cells that each leaf covers, the last one of missing values."""
    found: dict[int, list[np.ndarray]] = {}
    for side in boxes.sides:
        missing = len(edges[side.feature]) - 1
        every = np.arange(missing + 1)
        cells = [every] * boxes.n_leaves
        told = zip(side.leaves, side.low, side.high, side.missing, strict=True)
        for leaf, low, high, too in told:
            cells[leaf] = np.r_[every[low:high], missing] if too else every[low:high]
        found[side.feature] = cells
    return found


def _merged(blocks: list[Block]) -> tuple[Block, ...]:
    """Blocks of one input without the edges at which nothing changes."""
    answer = []
    for block in blocks:
        if len(block.inputs) == 1:
            (edges,), values = block.edges, block.values
            kept = np.flatnonzero(np.r_[values[:-2] != values[1:-1], True])
            edges = np.r_[-np.inf, edges[1 + kept]]
            block = Block(block.inputs, (edges,), np.r_[values[kept], values[-1]])
        answer.append(block)
    return tuple(answer)


def _bernoulli(model: Any) -> StepSum:
    """Naive Bayes of inputs that are above a threshold or not."""
    if model.binarize is None or len(model.classes_) != 2:
        raise NotForMe("reads 0 and 1, or tells more than two classes apart")
    inside = model.feature_log_prob_
    with np.errstate(divide="ignore"):
        outside = np.log1p(-np.exp(inside))
    value = np.stack([outside[1] - outside[0], inside[1] - inside[0]], axis=1)
    edges = np.array([-np.inf, float(model.binarize), np.inf])
    start = float(model.class_log_prior_[1] - model.class_log_prior_[0])
    size = np.abs(inside).sum() + 2 * np.abs(outside).sum() + abs(start)
    blocks = [Block((j,), (edges,), np.r_[each, 0.0]) for j, each in enumerate(value)]
    return StepSum(tuple(blocks), start, 4 * np.finfo(np.float64).eps * (len(value) + 8) * size)


def _explainable_boosting(model: Any) -> StepSum:
    """Explainable boosting machine of the package interpret: one table for each of its terms."""
    if set(model.feature_types_in_) != {"continuous"}:
        raise NotForMe("has features that are not numbers")
    if len(model.classes_) != 2:
        raise NotForMe("there are more than two classes")
    terms = [tuple(map(int, term)) for term in model.term_features_]
    # It sends to the left what is below a cut; of two cuts alike the one is the finer.
    cuts = {
        (j, len(term)): np.nextafter(
            model.bins_[j][min(len(term), len(model.bins_[j])) - 1], -np.inf
        )
        for term in terms
        for j in term
    }
    edges = {
        j: np.unique(
            np.concatenate([[-np.inf, np.inf], *(c for (k, _), c in cuts.items() if k == j)])
        )
        for j, _ in cuts
    }
    blocks = _grids(_connected([set(term) for term in terms]), edges)
    size = abs(float(model.intercept_[0]))
    for term, scores in zip(terms, model.term_scores_, strict=True):
        block = next(block for block in blocks if term[0] in block.inputs)
        # The first place is that of missing values, which are the last cell here.
        places = [
            np.r_[1 + np.searchsorted(cuts[j, len(term)], edges[j][1:], side="left"), 0]
            for j in term
        ]
        added = scores[np.ix_(*places)]
        order = np.argsort(term)
        shape = [len(edges[j]) if j in term else 1 for j in block.inputs]
        block.values[...] += added.transpose(order).reshape(shape)
        size += float(np.abs(added).max())
    slack = 2 * np.finfo(np.float64).eps * (2 * (len(terms) + 8) * size + 4)
    return StepSum(_merged(blocks), float(model.intercept_[0]), slack)
