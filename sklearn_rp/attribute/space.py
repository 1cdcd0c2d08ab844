"""Several sensitive features together, and the cells of their joint range: a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from sklearn_rp.attribute.boxes import Axis
from sklearn_rp.attribute.partition import last_starts, least_of
from sklearn_rp.domain import Cells
from sklearn_rp.feature import Category, Feature, Number
from sklearn_rp.rows import Rows, replace_columns, take_rows

MOST_FEATURES = 3


@dataclass(frozen=True, eq=False)
class Space:
    """Sensitive features and their cells; a cell of the grid is one of each.

    It stands where one feature, and its cells, would.

    Parameters
    ----------
    features : tuple of Feature
        The features.
    sides : tuple of Cells
        The cells of each.
    """

    features: tuple[Feature, ...]
    sides: tuple[Cells, ...]

    @property
    def name(self) -> str:
        """Their names."""
        return ", ".join(feature.name for feature in self.features)

    @property
    def columns(self) -> np.ndarray:
        """Their positions, as `replace_columns` takes them."""
        return np.concatenate([feature.columns for feature in self.features])

    @property
    def shape(self) -> tuple[int, ...]:
        """Cells of each."""
        return tuple(len(side) for side in self.sides)

    def __len__(self) -> int:
        return int(np.prod(self.shape))

    @property
    def at(self) -> np.ndarray:
        """A possible value of each in every cell of the grid: shape (n_cells, n_features)."""
        grid = np.meshgrid(*(side.at for side in self.sides), indexing="ij")
        return np.stack([each.ravel() for each in grid], axis=1)

    def held(self, z: np.ndarray) -> np.ndarray:
        """Values as the columns hold them: shape (n, n_features)."""
        each = [feature.held(z[:, j]) for j, feature in enumerate(self.features)]
        kinds = {values.dtype for values in each}
        if len(kinds) == 1 or all(kind.kind in "iuf" for kind in kinds):
            return np.stack(each, axis=1)
        out = np.empty((len(z), len(each)), dtype=object)
        for j, values in enumerate(each):
            out[:, j] = values.tolist() if values.dtype.kind in "iuf" else values
        return out

    def values(self, X: Rows) -> np.ndarray:
        """The rows' own values: shape (n_rows, n_features)."""
        return np.stack([feature.values(X) for feature in self.features], axis=1).astype(float)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Number of the grid's cell that holds each value, of shape (n, n_features)."""
        each = [side.of(values[:, j]) for j, side in enumerate(self.sides)]
        return np.ravel_multi_index(each, self.shape)

    def same_as(self, other: object) -> bool:
        """Several features are no single one."""
        return False

    def settled(self, X: Rows) -> Rows:
        """The rows, each impossible value replaced by the possible one that it is taken for."""
        for feature in self.features:
            X = feature.settled(X)
        return X

    @property
    def widths(self) -> np.ndarray:
        """Extent of every cell of the grid."""
        return reduce(np.multiply.outer, [side.widths for side in self.sides]).ravel()

    def targets(self, own: np.ndarray) -> np.ndarray:
        """Values as a forest learns them: numbers in shares of the range, categories by place."""
        columns = []
        for feature, values in zip(self.features, own.T, strict=True):
            if isinstance(feature, Category):
                columns.append(np.eye(len(feature.categories))[values.astype(np.intp)])
            else:
                columns.append(values[:, None] / (feature.high - feature.low))
        return np.concatenate(columns, axis=1)

    def people(self, own: np.ndarray, people: np.ndarray) -> np.ndarray:
        """How many people are in each cell of the grid: half as they are, half as if independent.

        A grid may have more cells than there are people to fill them.
        """
        found = np.bincount(self.of(own), weights=people, minlength=len(self)).reshape(self.shape)
        every, total = range(len(self.shape)), max(found.sum(), 1e-300)
        sides = [found.sum(axis=tuple(k for k in every if k != j)) / total for j in every]
        return (found / 2 + total / 2 * reduce(np.multiply.outer, sides)).ravel()

    def lenient(self) -> Space:
        """The same, where a value that is not possible is no error."""
        return replace(self, features=tuple(feature.lenient() for feature in self.features))

    def blurred(self, X: Rows, rows: np.ndarray, first: np.ndarray, after: np.ndarray) -> Rows:
        """Rows that know only the middle of a box of cells: `first` to before `after` of each."""
        middles = []
        for j, (feature, side) in enumerate(zip(self.features, self.sides, strict=True)):
            assert isinstance(feature, Number)  # categories have no middle
            middles.append(feature.middle(side.first[first[:, j]], side.last[after[:, j] - 1]))
        held = self.held(np.stack(middles, axis=1))
        return replace_columns(take_rows(X, rows), self.columns, held, 1)


def cells_within(
    asked: Sequence[tuple[Feature, Any, str]], edges: Sequence[np.ndarray | None], resolution: int
) -> tuple[Cells, ...]:
    """Cells of each feature, so few that the grid has about `resolution` cells.

    Categories are all there. Of numbers, cells end where stretches of the minimum, or of a whole
    part of it, begin and end; and where the model changes, if that is in few places. Features come
    with their minimum and its unit, and with the model's `edges`, where these are known.
    """
    features = [feature for feature, _, _ in asked]
    categories = [f for f in features if isinstance(f, Category)]
    rest = resolution / np.prod([len(f.possible) for f in categories] or [1])
    n_numbers = max(1, len(features) - len(categories))
    # Beside categories, too, no more than a grid of two would have, or twice as many.
    most = int(min(rest ** (1 / n_numbers), 2 * resolution**0.5) + 1e-9)
    most = max(2, most)
    found = []
    for (feature, given, unit), known in zip(asked, edges, strict=True):
        minimum = least_of(given, unit, feature)
        if not isinstance(feature, Number):
            found.append(feature.cells(None, most))
            continue
        own = np.empty(0) if known is None or len(known) > most // 2 else known
        whole = feature.span if feature.counts else feature.high - feature.low
        part = whole / max(2, most - len(own))
        if unit != "mass" and minimum < whole:
            parts = int((most - len(own)) * minimum / whole + 1e-9)
            part = minimum / parts if parts else part
        found.append(_cells(feature, own, part, most))
    return tuple(found)


def _cells(feature: Number, edges: np.ndarray, part: float, most: int) -> Cells:
    """Cells of a number that end every so much, and at the model's own ends."""
    if feature.possible is None:
        ends = feature.low + part * np.arange(1, int((feature.high - feature.low) / part) + 1)
        if feature.counts:
            ends = ends - 1  # a stretch of so many values ends before the next one
        return feature.cells(np.union1d(ends, edges), most)
    alone = feature.cells(None, most)
    if len(alone) <= most:
        return alone
    every = np.arange(part, len(alone), part).round().astype(np.intp)
    starts = np.union1d(np.r_[0, every], np.searchsorted(alone.at, edges, side="right"))
    starts = starts[starts < len(alone)]
    stops = np.r_[starts[1:], len(alone)]
    return Cells(
        alone.inner[starts[1:] - 1],
        alone.at[(starts + stops - 1) // 2],
        alone.first[starts],
        alone.last[stops - 1],
        alone.ends[np.r_[starts, len(alone)]],
    )


def axes_of(
    asked: Sequence[tuple[Feature, Any, str]],
    sides: Sequence[Cells],
    own: np.ndarray,
    weight: Any,
) -> tuple[tuple[Axis, ...], tuple[np.ndarray, ...], tuple[float, ...]]:
    """How the grid may be cut; ends of the cells, and minimum, of each feature in its measure.

    The rows' own values have shape (n_rows, n_features).
    """
    people = np.ones(len(own)) if weight is None else np.asarray(weight, dtype=np.float64)
    found = [
        _axis(minimum, unit, feature, side, np.bincount(side.of(z), people, len(side)))
        for (feature, minimum, unit), side, z in zip(asked, sides, own.T, strict=True)
    ]
    axes, measures, least = zip(*found, strict=True)
    return axes, measures, least


def _axis(
    minimum: float, unit: str, feature: Feature, cells: Cells, count: np.ndarray
) -> tuple[Axis, np.ndarray, float]:
    """How the cells of a feature may be cut; ends of the cells, and the minimum, in its measure."""
    least = least_of(minimum, unit, feature)
    if isinstance(feature, Category):
        fewest = min(int(least), len(cells))
        last = np.arange(len(cells) + 1) - fewest
        last[last < 0] = -1
        last[-1] = max(last[-1], 0)
        return Axis(last, fewest), cells.ends, least
    measure = np.r_[0.0, np.cumsum(count) / count.sum()] if unit == "mass" else cells.ends
    return Axis(last_starts(measure, least)), measure, least
