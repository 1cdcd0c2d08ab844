"""A release inside what earlier ones left open: the minimum survives them all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sklearn_rp.attribute.joint import box_parts
from sklearn_rp.attribute.labelling import Codes, Labelling, MinimumRelease
from sklearn_rp.attribute.rooms import Rooms
from sklearn_rp.feature import Category
from sklearn_rp.rows import Rows, alike, rows_per_chunk, take_rows
from sklearn_rp.runs import side_by_side

_NUMBERS = 8  # that are held of each cell of a room, for each that an answer is made of


class Left(NamedTuple):
    """What is released inside rooms, and what it leaves open.

    Parameters
    ----------
    answer : ndarray of shape (n_rows,)
        What is released.
    row, box : ndarray of int of shape (n_parts,)
        The row that each part is of, in order; and the number of its box: of several categories a
        box has a part for each.
    low, high : ndarray of shape (n_parts, n_features)
        Ends of the parts, as of :class:`~sklearn_rp.runs.Runs`.
    """

    answer: np.ndarray
    row: np.ndarray
    box: np.ndarray
    low: np.ndarray
    high: np.ndarray


class _Cut(NamedTuple):
    """Rooms of some rows that are alike, with an answer in every cell.

    `code` is the answer, `box` the number of the piece that the cell is of, from 0 up in each room;
    both of shape (n_rooms, n_cells), and meant where `there`.
    """

    there: np.ndarray
    code: np.ndarray
    box: np.ndarray


def release_within(release: MinimumRelease, X: Rows, rooms: Rooms, own_room: np.ndarray) -> Left:
    """Answers that are chosen inside each room by itself, and what they leave open.

    A room is cut into pieces none of which is below the minimum, the best for the model; one that
    cannot be cut gets one answer, and one that is what the release leaves open by itself keeps that
    answer. So whoever sees the answer is left with a piece of the room, or with all of it. How it
    is cut depends on the room and on the features that are not sensitive alone.

    Parameters
    ----------
    release : MinimumRelease
        The release.
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Checked rows.
    rooms : Rooms
        What is open to each.
    own_room : ndarray of int of shape (n_samples,)
        The room that holds each row's own values.

    Returns
    -------
    left : Left
    """
    first, kind = alike(X, release.feature.columns)
    # Of people who differ in the sensitive values alone, each room is cut once.
    some, which = rooms.of_rows(kind[rooms.row]).same()
    every = rooms.take(some).of_rows(kind[rooms.row[some]])
    cell, own = release.cells.of(release.feature.values(X)), which[own_room]
    code = np.empty(len(own))
    parts: list[tuple[np.ndarray, ...]] = []
    n_boxes, book = 0, release.book()
    for chunk, cut in _cuts(release, take_rows(X, first), every, book):
        mine = np.flatnonzero((chunk.start <= own) & (own < chunk.stop))
        code[mine] = cut.code[own[mine] - chunk.start, cell[mine]]
        room, box, low, high, codes = _parts(release, every.take(chunk), cut)
        parts.append((room + chunk.start, box + n_boxes, low, high, codes))
        n_boxes += int(box.max(initial=-1)) + 1
    room, box, low, high, codes = (np.concatenate(each) for each in zip(*parts, strict=True))
    ends = np.searchsorted(room, np.arange(len(every) + 1))
    place, part = side_by_side(ends[which], ends[which + 1])
    kept = codes[part] == code[rooms.row[place]]
    place, part = place[kept], part[kept]
    numbers = place * np.int64(max(n_boxes, 1)) + box[part]
    return Left(book.answers(code), rooms.row[place], numbers, low[part], high[part])


def _cuts(
    release: MinimumRelease, X: Rows, rooms: Rooms, book: Codes
) -> Iterator[tuple[slice, _Cut]]:
    """Which rooms, and how they are cut: chunk by chunk. Rooms are in the order of their rows."""
    ends = np.searchsorted(rooms.row, np.arange(X.shape[0] + 1))
    for raw in release.optimal(X):
        first, after = int(ends[raw.rows.start]), int(ends[raw.rows.stop])
        size = rows_per_chunk(_NUMBERS * raw.gain[0].size)
        whole = release.finished(X, raw)
        for start in range(first, after, size):  # some people may have many
            chunk = slice(start, min(start + size, after))
            some = rooms.take(chunk)
            some = some.of_rows(some.row - raw.rows.start)
            yield chunk, _cut(release, X, raw, whole, some, book)


def _cut(
    release: MinimumRelease, X: Rows, raw: Labelling, whole: Any, rooms: Rooms, book: Codes
) -> _Cut:
    """The rooms of some rows: `raw` and `whole` are what is best, and is released, without them."""
    there, share = rooms.within(release.space)
    codes = book.codes(whole)
    code, box = codes[rooms.row].astype(np.float64), np.where(there, 0, 1)
    # What the release leaves open by itself, too: the same question again.
    alone = _pieces(release, codes, whole.box)[rooms.row]
    same = alone == np.take_along_axis(alone, there.argmax(axis=1)[:, None], axis=1)
    known = (same == there).all(axis=1) & (share == there).all(axis=1)
    for group in _of_equal_sizes(rooms, np.flatnonzero(~known)):
        found = _anew(release, X, raw, rooms.take(group), there[group], share[group], book)
        code[group], box[group] = found
    return _Cut(there, code, box)


def _of_equal_sizes(rooms: Rooms, some: np.ndarray) -> Iterator[np.ndarray]:
    """Some rooms, those with equally many categories together."""
    if not len(some):
        return
    kind = np.unique(rooms.take(some).sizes(), axis=0, return_inverse=True)[1].ravel()
    for number in range(int(kind.max()) + 1):
        yield some[kind == number]


def _anew(
    release: MinimumRelease,
    X: Rows,
    raw: Labelling,
    rooms: Rooms,
    there: np.ndarray,
    share: np.ndarray,
    book: Codes,
) -> tuple[np.ndarray, np.ndarray]:
    """The best pieces of each room: codes of the answers, and numbers of the pieces."""
    n_rooms, n_cells = there.shape
    # Cells of the rooms' own categories, and all along numbers: equally many in each room.
    used = np.ones((n_rooms, 1), dtype=bool)
    for side, members in zip(release.space.sides, rooms.members, strict=True):
        along = np.ones((n_rooms, len(side)), dtype=bool) if members is None else members
        used = (used[:, :, None] & along[:, None]).reshape(n_rooms, -1)
    at = np.nonzero(used)[1].reshape(n_rooms, -1)
    weight = raw.weight[rooms.row]
    axes = release.cuts(weight, rooms)
    gain = raw.gain[rooms.row]
    gain = np.take_along_axis(gain, at.reshape(at.shape + (1,) * (gain.ndim - 2)), axis=1)
    inside = np.take_along_axis(weight * share, at, axis=1)
    whole = release.labelled(raw.rows, gain, inside, np.zeros(n_rooms, dtype=np.intp), axes)
    # What is outside is by itself: it has no part in the middle of a piece.
    outside = int(whole.labels.max()) + 1
    labels = np.full((n_rooms, n_cells), outside)
    np.put_along_axis(labels, at, whole.labels, axis=1)
    labels[~there] = outside
    box = None
    if whole.box is not None:
        box = np.full((n_rooms, n_cells), int(whole.box.max()) + 1)
        np.put_along_axis(box, at, whole.box, axis=1)
        box[~there] = int(whole.box.max()) + 1
    box = _from_zero(_pieces(release, labels, box))
    rows = np.arange(raw.rows.start, raw.rows.stop)[rooms.row]
    nowhere = np.zeros(n_rooms, dtype=np.intp)
    each = Labelling(rows, labels, raw.gain[rooms.row], weight * share, nowhere, box=box)
    code = book.codes(release.finished(X, each)).astype(np.float64)
    # A room of one answer is one piece. Else neighbours that happen to have the same answer stay
    # apart: each of them will be cut no further.
    least, most = (np.where(there, code, end) for end in (np.inf, -np.inf))
    one = least.min(axis=1) == most.max(axis=1)
    return code, np.where(one[:, None], ~there, box)


def _pieces(release: MinimumRelease, codes: np.ndarray, box: np.ndarray | None) -> np.ndarray:
    """Number of the piece of each cell: of a grid its box, else a stretch of one code."""
    if box is not None:
        return box
    if isinstance(release.feature, Category):
        return codes
    return np.cumsum(np.diff(codes, axis=1, prepend=codes[:, :1]) != 0, axis=1)


def _from_zero(box: np.ndarray) -> np.ndarray:
    """Numbers of pieces, in their order: from 0 up in each row, and none left out."""
    apart = box + (int(box.max(initial=0)) + 1) * np.arange(len(box))[:, None]
    number = np.unique(apart, return_inverse=True)[1].reshape(box.shape)
    return number - number.min(axis=1, keepdims=True)


def _parts(release: MinimumRelease, rooms: Rooms, cut: _Cut) -> tuple[np.ndarray, ...]:
    """Parts of the pieces: room, number of the piece, ends, and the answer."""
    space = release.space
    box, place, low, high = box_parts(cut.box, space)
    room, at = np.divmod(place[box], cut.box.shape[1])
    kept = cut.there[room, at]
    room, at, box, low, high = (each[kept] for each in (room, at, box, low, high))
    for j, members in enumerate(rooms.members):
        if members is None:
            low[:, j] = np.maximum(low[:, j], rooms.low[room, j])
            high[:, j] = np.minimum(high[:, j], rooms.high[room, j])
    return room, box, low, high, cut.code[room, at]
