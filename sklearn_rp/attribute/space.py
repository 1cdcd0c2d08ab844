"""Several sensitive features together, and the cells of their joint range: a grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from sklearn_rp.attribute.boxes import Axis
from sklearn_rp.attribute.partition import last_starts, least_of
from sklearn_rp.domain import Cells
from sklearn_rp.feature import Category, Feature, Number
from sklearn_rp.models.asking import at_each
from sklearn_rp.rows import Rows, replace_columns, sample_rows, take_rows

MOST_FEATURES = 3
_LOOKED_AT, _FINE = 100, 128  # training rows, and cells, by which the cells are chosen


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

    def place_of(self, feature: Feature) -> int | None:
        """Where a feature with its possible values stands among these; None if it does not."""
        found = [j for j, each in enumerate(self.features) if each.same_as(feature)]
        return found[0] if found else None

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
        return self.spread(np.bincount(self.of(own), people, len(self))[None])[0]

    def spread(self, weight: np.ndarray) -> np.ndarray:
        """Weights of the grid's cells, half of each row's as if the features were independent.

        Of shape (n_rows, n_cells), as is what is given.
        """
        grid = weight.reshape(-1, *self.shape)
        axes = range(1, grid.ndim)
        total = np.maximum(grid.sum(axis=tuple(axes), keepdims=True), 1e-300)
        product = total
        for j in axes:
            others = tuple(k for k in axes if k != j)
            product = product * (grid.sum(axis=others, keepdims=True) / total)
        return ((grid + product) / 2).reshape(weight.shape)

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
    ask: Callable[[Rows], np.ndarray],
    X: Rows,
    asked: Sequence[tuple[Feature, Any, str]],
    edges: Sequence[np.ndarray | None],
    resolution: int,
) -> tuple[Cells, ...]:
    """Cells of each feature, so few that the grid has about `resolution` cells.

    Categories are all there. Of numbers, half of the cells are spread evenly, and half of them over
    where the model changes most.

    Parameters
    ----------
    ask : callable
        What the model answers to rows, as numbers: shape (n_rows, k).
    X : ndarray or frame of shape (n_samples, n_features)
        Training rows, some of which are looked at.
    asked : sequence of (Feature, minimum, unit)
        The features.
    edges : sequence of ndarray or None
        Where the model changes along each, where that is known.
    resolution : int
        Cells of the grid.
    """
    features = [feature for feature, _, _ in asked]
    categories = [f for f in features if isinstance(f, Category)]
    rest = resolution / np.prod([len(f.possible) for f in categories] or [1])
    n_numbers = max(1, len(features) - len(categories))
    # Beside categories, too, no more than a grid of two would have, or twice as many.
    most = int(min(rest ** (1 / n_numbers), 2 * resolution**0.5) + 1e-9)
    most, rows, found = max(2, most), sample_rows(X, _LOOKED_AT), []
    for feature, known in zip(features, edges, strict=True):
        if not isinstance(feature, Number):
            found.append(feature.cells(None, most))
            continue
        ends = np.linspace(feature.low, feature.high, _FINE + 1)[1:-1]
        if known is not None:
            ends = np.union1d(ends, sample_rows(known, _FINE))
        fine = feature.cells(ends, _FINE)
        if len(fine) <= most:
            found.append(fine)
            continue
        answers = at_each(ask, rows, feature.columns, feature.held(fine.at)[:, None])
        along = np.concatenate([each for _, each in answers])
        change = np.abs(np.diff(along, axis=1)).sum(axis=2).mean(axis=0)
        found.append(_merged(fine, change, most))
    return tuple(found)


def _merged(fine: Cells, change: np.ndarray, most: int) -> Cells:
    """Fewer cells: where the model changes by so much between two of them, one ends."""
    width = fine.widths / fine.widths.sum()
    jump = change / change.sum() if change.sum() > 0 else np.zeros(len(change))
    # How far one has come, before and behind the end of each cell but the last.
    before = (np.cumsum(width)[:-1] + np.r_[0.0, np.cumsum(jump)[:-1]]) / 2
    behind = before + jump / 2
    last, starts = 0.0, [0]
    for k, (low, high) in enumerate(zip(before, behind, strict=True)):
        if np.floor(high * most + 1e-9) > np.floor(last * most + 1e-9) or high - low > 0.5 / most:
            starts.append(k + 1)
            last = high
    first = np.array(starts)
    stops = np.r_[first[1:], len(fine)]
    return Cells(
        fine.inner[first[1:] - 1],
        fine.at[(first + stops - 1) // 2],
        fine.first[first],
        fine.last[stops - 1],
        fine.ends[np.r_[first, len(fine)]],
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
    mass = count / count.sum() if unit == "mass" else None
    measure = cells.ends if mass is None else np.r_[0.0, np.cumsum(mass)]
    return Axis(last_starts(measure, least), mass=mass), measure, least
