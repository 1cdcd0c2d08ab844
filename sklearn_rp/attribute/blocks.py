"""Joint values with one answer of any model: blocks of cells, halved where the answers differ."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sklearn_rp.feature import Category, Feature, Number

_FIRST = {0: 1, 1: 256, 2: 64, 3: 16}  # cells of the first look along each of so many numbers
_HALVED = {0: 0, 1: 6, 2: 3, 3: 1}  # how often these are halved
_MOST_CELLS = 2**13  # of a grid: up to so many every one is asked about

Ask = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Line:
    """Where a feature is looked at.

    Parameters
    ----------
    at : ndarray of shape (n_rows, n_points) or (1, n_points)
        Values to ask about.
    first, last : ndarray of shape (n_rows, n_cells) or (1, n_cells)
        Smallest and largest possible value of each cell.
    own : ndarray of int of shape (n_rows,)
        Number of the point of each row's own value.
    known : bool
        Whether the model is constant on each cell, asked about at its one point; else a cell lies
        between two points.
    apart : bool
        Whether cells have no neighbours.
    """

    at: np.ndarray
    first: np.ndarray
    last: np.ndarray
    own: np.ndarray
    known: bool
    apart: bool

    def __len__(self) -> int:
        return int(self.first.shape[1])

    @classmethod
    def of(
        cls, feature: Feature, edges: np.ndarray | None, own: np.ndarray, n_numbers: int, most: int
    ) -> Line:
        """On known cells where there are any; else on a grid, with the rows' own values in it."""
        if feature.possible is not None or edges is not None:
            cells = feature.cells(edges, most)
            ends = cells.at[None], cells.first[None], cells.last[None]
            return cls(*ends, cells.of(own), True, isinstance(feature, Category))
        assert isinstance(feature, Number)  # of categories all are possible
        coarse = min(most, _FIRST[n_numbers])
        grid = feature.first_look(coarse << _HALVED[n_numbers], atoms=False)
        at = np.tile(grid, (len(own), 1))
        # The nearest point gives way to the own value; the ends of the range stay.
        place = np.clip(np.searchsorted((grid[1:] + grid[:-1]) / 2, own), 1, len(grid) - 2)
        place = np.where(own == grid[0], 0, np.where(own == grid[-1], len(grid) - 1, place))
        at[np.arange(len(own)), place] = own
        last = at[:, 1:].copy()
        if feature.counts:  # a number is in one cell only
            last[:, :-1] -= 1
        return cls(at, at[:, :-1], last, place, False, False)

    def holds_own(self, row: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Whether stretches of cells hold the own value of their row."""
        own = self.own[row]
        if self.known:
            return (low <= own) & (own < high)
        # The point that ends a stretch is in it, unless every number is in one cell only.
        return (low <= own) & (self.at[row, own] <= self.last[row, high - 1])


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of cells, of some rows: from a first cell along each feature to before another.

    Parameters
    ----------
    row : ndarray of int of shape (n_blocks,)
        Row of each.
    low, high : ndarray of int of shape (n_blocks, n_features)
        Its first cell along each feature, and the one behind its last.
    """

    row: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def where(self, keep: np.ndarray) -> Blocks:
        """Some of them."""
        return Blocks(self.row[keep], self.low[keep], self.high[keep])

    @classmethod
    def together(cls, parts: Sequence[Blocks]) -> Blocks:
        """Several, one after the other."""
        return cls(
            *(np.concatenate([getattr(p, n) for p in parts]) for n in ("row", "low", "high"))
        )

    @classmethod
    def grid(cls, n_rows: int, lines: Sequence[Line], cells: Sequence[int]) -> Blocks:
        """All cells of all rows, so many along each feature in a block."""
        each = [np.arange(0, len(line), size) for line, size in zip(lines, cells, strict=True)]
        low = np.stack([g.ravel() for g in np.meshgrid(*each, indexing="ij")], axis=1)
        high = np.minimum(low + np.array(cells), [len(line) for line in lines])
        tiled = (np.tile(ends, (n_rows, 1)) for ends in (low, high))
        return cls(np.repeat(np.arange(n_rows), len(low)), *tiled)

    def halves(self) -> Blocks:
        """Each cut in two along every feature where it has more than one cell."""
        found = self
        for j in range(self.low.shape[1]):
            middle = (found.low[:, j] + found.high[:, j]) // 2
            cut = middle > found.low[:, j]
            below, above = found.high.copy(), found.low[cut].copy()
            below[cut, j] = above[:, j] = middle[cut]
            upper = found.where(cut)
            found = Blocks.together([replace(found, high=below), replace(upper, low=above)])
        return found

    def merged(self, lines: Sequence[Line]) -> Blocks:
        """Neighbours along one feature, with the same sides along the others, as one."""
        found = self
        for j, line in enumerate(lines):
            if line.apart or not len(found):
                continue
            others = [k for k in range(len(lines)) if k != j]
            keys = [ends[:, k] for k in others for ends in (found.low, found.high)]
            order = np.lexsort((found.low[:, j], *keys, found.row))
            found = found.where(order)
            new = np.ones(len(found), dtype=bool)
            new[1:] = (found.row[1:] != found.row[:-1]) | (found.low[1:, j] != found.high[:-1, j])
            for ends in (found.low[:, others], found.high[:, others]):
                new[1:] |= (ends[1:] != ends[:-1]).any(axis=1)
            first = np.flatnonzero(new)
            high = found.high[first]
            high[:, j] = found.high[np.r_[first[1:], len(found)] - 1, j]
            found = Blocks(found.row[first], found.low[first], high)
        return found.where(np.argsort(found.row, kind="stable"))


def same_blocks(ask: Ask, lines: Sequence[Line], n_rows: int) -> tuple[Blocks, bool]:
    """Blocks with the answer of their row, and whether that is certain and nothing is missed.

    Blocks are looked at in their corners, and halved where these differ: what is left between two
    points with different answers is nobody's. Where all cells are known, and few, each is asked.

    Parameters
    ----------
    ask : callable
        Whether rows, at points of all features, shape (n, n_features), have their row's answer.
    lines : sequence of Line
        The features.
    n_rows : int
        Number of rows.
    """
    n_numbers = sum(not line.apart for line in lines)
    every = all(line.known for line in lines) and math.prod(map(len, lines)) <= _MOST_CELLS
    cells = [
        1 if every or line.apart
        else max(1, -(-len(line) // _FIRST[n_numbers])) if line.known
        else 2 ** _HALVED[n_numbers]
        for line in lines
    ]  # fmt: skip
    look, found = Blocks.grid(n_rows, lines, cells), []
    while len(look):
        same = _at_corners(ask, lines, look)
        inside = np.asarray(same.all(axis=1))
        found.append(look.where(inside))
        open_ = ~inside & same.any(axis=1) & np.any(look.high - look.low > 1, axis=1)
        look = look.where(open_).halves()
    return Blocks.together(found).merged(lines), every


def _at_corners(ask: Ask, lines: Sequence[Line], look: Blocks) -> np.ndarray:
    """Whether the corners of blocks have their row's answer: shape (n_blocks, n_corners)."""
    ends = [(look.low[:, j], look.high[:, j] - line.known) for j, line in enumerate(lines)]
    corners = np.stack([np.stack(each, axis=1) for each in itertools.product(*ends)], axis=1)
    shape = [int(look.row.max()) + 1, *(line.at.shape[1] for line in lines)]
    asked = [np.broadcast_to(look.row[:, None], corners.shape[:2]), *np.moveaxis(corners, 2, 0)]
    number = np.ravel_multi_index(tuple(asked), tuple(shape))
    wanted, place = np.unique(number, return_inverse=True)
    row, *at = np.unravel_index(wanted, shape)
    return ask(row, np.stack(at, axis=1))[place.reshape(number.shape)]


def own_boxes(blocks: Blocks, lines: Sequence[Line], n_rows: int) -> tuple[Blocks, np.ndarray]:
    """The blocks cut anew, so that a box of some of them holds each row; and which are of it.

    It is the largest block that holds the row, made longer to all sides in turn for as long as it
    stays inside the set; and then taken to other categories.
    """
    held = np.ones(len(blocks), dtype=bool)
    for j, line in enumerate(lines):
        held &= line.holds_own(blocks.row, blocks.low[:, j], blocks.high[:, j])
    size = np.where(held, np.prod(blocks.high - blocks.low, axis=1, dtype=float), -1.0)
    order = np.lexsort((size, blocks.row))
    last = order[np.r_[blocks.row[order][1:] != blocks.row[order][:-1], True][: len(order)]]
    last = last[held[last]]
    box = _Box(blocks, lines, n_rows)
    there = blocks.row[last]
    box.low[there], box.high[there] = blocks.low[last], blocks.high[last]
    for j, line in enumerate(lines):
        if line.apart:
            box.member[j][there, line.own[there]] = True
    box.grow(there)
    return box.cut_out()


class _Box:
    """A box of each row that is inside its blocks; of categories a set."""

    def __init__(self, blocks: Blocks, lines: Sequence[Line], n_rows: int):
        self.blocks, self.lines = blocks, lines
        self.low, self.high = np.zeros((2, n_rows, len(lines)), dtype=np.intp)
        self.apart = [j for j, line in enumerate(lines) if line.apart]
        self.along = [j for j, line in enumerate(lines) if not line.apart]
        self.member = {j: np.zeros((n_rows, len(lines[j])), dtype=bool) for j in self.apart}

    def inside(self) -> np.ndarray:
        """Whether the box of each row is inside its blocks."""
        row, covered = self.blocks.row, self._of_members().astype(float)
        whole = np.ones(len(self.low))
        for j in self.along:
            low = np.maximum(self.low[row, j], self.blocks.low[:, j])
            high = np.minimum(self.high[row, j], self.blocks.high[:, j])
            covered *= np.maximum(high - low, 0)
            whole *= self.high[:, j] - self.low[:, j]
        for j in self.apart:
            whole *= self.member[j].sum(axis=1)
        return np.bincount(row, covered, len(self.low)) >= whole - 0.5

    def _of_members(self) -> np.ndarray:
        """Blocks of categories that the box of their row has, too."""
        row, among = self.blocks.row, np.ones(len(self.blocks), dtype=bool)
        for j in self.apart:
            among &= self.member[j][row, self.blocks.low[:, j]]
        return among

    def grow(self, rows: np.ndarray) -> None:
        """Make the boxes of some rows longer, and take them to other categories."""
        there = np.zeros(len(self.low), dtype=bool)
        there[rows] = True
        longest = max((len(self.lines[j]) for j in self.along), default=0)
        for step in 2 ** np.arange(longest.bit_length())[::-1]:
            for j in self.along:
                for ends, most in ((self.low, 0), (self.high, len(self.lines[j]))):
                    before = ends[:, j].copy()
                    moved = np.maximum(before - step, 0) if not most else before + step
                    ends[:, j] = np.where(there, np.minimum(moved, len(self.lines[j])), before)
                    ends[:, j] = np.where(self.inside(), ends[:, j], before)
        for j in self.apart:
            for category in range(len(self.lines[j])):
                before = self.member[j][:, category].copy()
                self.member[j][:, category] |= there
                self.member[j][:, category] &= before | self.inside()

    def cut_out(self) -> tuple[Blocks, np.ndarray]:
        """The blocks, cut at the sides of the boxes; and which parts are in them."""
        among = self._of_members()
        rest, inner = [self.blocks.where(~among)], self.blocks.where(among)
        for j in self.along:
            low = np.clip(self.low[inner.row, j], inner.low[:, j], inner.high[:, j])
            high = np.clip(self.high[inner.row, j], inner.low[:, j], inner.high[:, j])
            high = np.maximum(low, high)
            below, above = (
                replace(inner, high=inner.high.copy()),
                replace(inner, low=inner.low.copy()),
            )
            below.high[:, j], above.low[:, j] = low, high
            rest += [below, above]
            inner = replace(inner, low=inner.low.copy(), high=inner.high.copy())
            inner.low[:, j], inner.high[:, j] = low, high
        parts = [*rest, inner]
        mine = np.concatenate([np.full(len(part), part is inner) for part in parts])
        found = Blocks.together(parts)
        there = (found.high > found.low).all(axis=1)
        order = np.flatnonzero(there)[np.argsort(found.row[there], kind="stable")]
        return found.where(order), mine[order]
