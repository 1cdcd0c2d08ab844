"""What earlier releases left open, as rooms: a later answer is chosen inside each by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sklearn_rp.attribute.boxes import Axis
from sklearn_rp.attribute.partition import last_starts
from sklearn_rp.attribute.space import Space
from sklearn_rp.domain import extent
from sklearn_rp.feature import Category
from sklearn_rp.runs import Runs

_LEAST_SHARE = 1e-9  # of a cell that a room touches: nothing in a room is worthless


@dataclass(frozen=True, eq=False)
class Rooms:
    """Boxes of values that are left open to some rows, none over another.

    Of a numeric feature a room is an interval, of a categorical one a set of categories.

    Parameters
    ----------
    row : ndarray of int of shape (n_rooms,)
        The row of each, in order.
    low, high : ndarray of shape (n_rooms, n_features)
        Its ends, both in it; of categories nothing is meant by them.
    members : tuple of (ndarray of bool of shape (n_rooms, n_categories), or None)
        Of each categorical feature which categories are in the room.
    """

    row: np.ndarray
    low: np.ndarray
    high: np.ndarray
    members: tuple[np.ndarray | None, ...]

    @classmethod
    def of(cls, runs: Runs, room: np.ndarray, features: tuple[Any, ...]) -> Rooms:
        """The rooms that some parts make up.

        Parameters
        ----------
        runs : Runs
            The parts: boxes along the features.
        room : ndarray of int of shape (n_parts,)
            Number of the room of each; of several categories a room has a part for each.
        features : tuple of Feature
            The features.
        """
        pairs = np.stack([runs.row, room], axis=1)
        pairs, number = np.unique(pairs, axis=0, return_inverse=True)
        number, n_rooms = number.ravel(), len(pairs)
        low = np.full((n_rooms, len(features)), np.inf)
        np.minimum.at(low, number, runs.low.reshape(low[number].shape))
        high = np.full((n_rooms, len(features)), -np.inf)
        np.maximum.at(high, number, runs.high.reshape(low[number].shape))
        members: list[np.ndarray | None] = []
        for j, feature in enumerate(features):
            inside = None
            if isinstance(feature, Category):
                inside = np.zeros((n_rooms, len(feature.categories)), dtype=bool)
                inside[number, runs.low.reshape(low[number].shape)[:, j].astype(np.intp)] = True
                low[:, j] = high[:, j] = 0.0
            members.append(inside)
        return cls(pairs[:, 0].astype(np.intp), low, high, tuple(members))

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rooms: Any) -> Rooms:
        """Some of them."""
        members = tuple(None if each is None else each[rooms] for each in self.members)
        return Rooms(self.row[rooms], self.low[rooms], self.high[rooms], members)

    def of_rows(self, row: np.ndarray) -> Rooms:
        """The same, of other rows."""
        return replace(self, row=row)

    def holding(self, values: np.ndarray) -> np.ndarray:
        """The room that holds each row's own values; -1 where none does.

        Parameters
        ----------
        values : ndarray of shape (n_rows, n_features)
            Numbers, and positions of categories.

        Returns
        -------
        room : ndarray of int of shape (n_rows,)
        """
        at, inside = values[self.row], np.ones(len(self), dtype=bool)
        for j, members in enumerate(self.members):
            if members is None:
                inside &= (self.low[:, j] <= at[:, j]) & (at[:, j] <= self.high[:, j])
            else:
                inside &= members[np.arange(len(self)), at[:, j].astype(np.intp)]
        room = np.full(len(values), -1)
        held = np.flatnonzero(inside)
        room[self.row[held]] = held
        return room

    def same(self) -> tuple[np.ndarray, np.ndarray]:
        """Rooms that are equal, and of one row: the first of each kind, and every room's kind."""
        parts = [self.row[:, None], self.low.view(np.int64), self.high.view(np.int64)]
        parts += [each.astype(np.int64) for each in self.members if each is not None]
        _, first, kind = np.unique(
            np.concatenate(parts, axis=1), axis=0, return_index=True, return_inverse=True
        )
        return first, kind.ravel()

    def within(self, space: Space) -> tuple[np.ndarray, np.ndarray]:
        """Which cells each room touches, and how much of each is in it.

        Parameters
        ----------
        space : Space
            The features and their cells.

        Returns
        -------
        there, share : ndarray of shape (n_rooms, n_cells)
            Of the cells of the grid, flat; a cell that is touched is in the room by a little.
        """
        there, share = np.ones((len(self), 1), dtype=bool), np.ones((len(self), 1))
        for j in range(len(space.features)):
            touched, part = self._along(space, j)
            there = (there[:, :, None] & touched[:, None]).reshape(len(self), -1)
            share = (share[:, :, None] * part[:, None]).reshape(len(self), -1)
        return there, share

    def _along(self, space: Space, j: int) -> tuple[np.ndarray, np.ndarray]:
        """As `within`, along one of the features."""
        members = self.members[j]
        if members is not None:
            return members, members.astype(float)
        size = self._sizes(space, j)
        share = np.clip(size / np.maximum(space.sides[j].widths, 1e-300), _LEAST_SHARE, 1.0)
        share[self._whole(space, j)] = 1.0  # an end, of a width next to nothing, aside
        return size >= 0, np.where(size >= 0, share, 0.0)

    def _whole(self, space: Space, j: int) -> np.ndarray:
        """Which cells of a numeric feature are all in each room."""
        side = space.sides[j]
        return (self.low[:, j, None] <= side.first) & (side.last <= self.high[:, j, None])

    def _sizes(self, space: Space, j: int) -> np.ndarray:
        """How much of each cell of a numeric feature is in each room; -1 where none is."""
        side, low, high = space.sides[j], self.low[:, j, None], self.high[:, j, None]
        first, last = np.maximum(side.first, low), np.minimum(side.last, high)
        return np.where(
            first <= last, extent(first, np.maximum(first, last), space.features[j].domain), -1.0
        )

    def axis(self, space: Space, j: int, least: float, mass: np.ndarray | None) -> Axis:
        """How the cells of a feature may be cut inside each room.

        Parameters
        ----------
        space : Space
            The features and their cells.
        j : int
            Which of them.
        least : float
            The minimum: a run that is shorter is allowed where it is the room.
        mass : ndarray of shape (n_cells,) or (n_rooms, n_cells), or None
            What each cell weighs, where that is what a minimum is measured in. Cells count that are
            whole in the room: what of another's people are in it is not known.

        Returns
        -------
        axis : Axis
            Of categories those of the room alone, which must be equally many in all.
        """
        members = self.members[j]
        if members is not None:
            n = int(members[0].sum())
            fewest = min(int(least), n)
            last = np.arange(n + 1) - fewest
            last[last < 0] = -1
            last[-1] = max(last[-1], 0)
            return Axis(last, fewest)
        if mass is None:
            size = np.maximum(self._sizes(space, j), 0.0)
        else:
            size = np.where(self._whole(space, j), mass, 0.0)
        measure = np.cumsum(np.pad(size, ((0, 0), (1, 0))), axis=1)
        return Axis(last_starts(measure, least))

    def sizes(self) -> np.ndarray:
        """How many categories each room has of each categorical feature: (n_rooms, n_them)."""
        counts = [each.sum(axis=1) for each in self.members if each is not None]
        return np.stack(counts, axis=1) if counts else np.zeros((len(self), 0), dtype=np.intp)
