"""Finding the joint values that a release leaves open, for any fitted model."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from sklearn_rp.attribute.along import ReleaseAlong
from sklearn_rp.attribute.blocks import Line, own_boxes, same_blocks
from sklearn_rp.attribute.joint import MinimumBoxes
from sklearn_rp.attribute.joint_sets import JointSets, joined
from sklearn_rp.attribute.space import Space
from sklearn_rp.engines import for_rows
from sklearn_rp.models.asking import at_pairs
from sklearn_rp.rows import Rows, index_of, take_rows

_ROWS = 64  # at once


def joint_sets_of(alongs: list[ReleaseAlong], X: Rows, n_jobs: int | None = None) -> JointSets:
    """Joint sets of rows, of one release along each of several features.

    Its own boxes, of an estimator that hides these very features.
    """
    release, features = alongs[0].own, [each.feature for each in alongs]
    rows = X
    for each in alongs:
        rows = each.checked(rows)
    if isinstance(release, MinimumBoxes) and not alongs[0].tolerance:
        places = [release.cells.place_of(each) for each in features]
        if None not in places and len(places) == len(release.cells.features):
            sets = JointSets.of(release, rows)
            columns = {name: getattr(sets, name)[:, places] for name in ("start", "stop", "own")}
            return replace(sets, features=tuple(sets.features[j] for j in places), **columns)
    find = partial(_sets_of_rows, alongs, Space(tuple(features), ()))
    parts = []
    for first in range(0, rows.shape[0], _ROWS):
        chunk = take_rows(rows, slice(first, min(first + _ROWS, rows.shape[0])))
        parts += for_rows(find, chunk, n_jobs)
    return replace(joined(parts), index=index_of(X))


def _sets_of_rows(alongs: list[ReleaseAlong], space: Space, X: Rows, first: int) -> JointSets:
    release, own = alongs[0], space.values(X)
    answer = release.answer(X)
    n_numbers = sum(each.feature.categories is None for each in alongs)

    def find(known: bool) -> tuple[Any, ...]:
        lines = [
            Line.of(each.feature, each.edges if known else None, z, n_numbers, each.resolution)
            for each, z in zip(alongs, own.T, strict=True)
        ]

        def ask(row: np.ndarray, at: np.ndarray) -> np.ndarray:
            values = [
                line.at[row if len(line.at) > 1 else 0, at[:, j]] for j, line in enumerate(lines)
            ]

            def told(rows: Rows) -> tuple[np.ndarray]:
                return (release.answer(rows),)

            held = space.held(np.stack(values, axis=1))
            (found,) = at_pairs(told, X, space.columns, row, held)
            return release.same(found, answer[row])

        blocks, certain = same_blocks(ask, lines, len(own))
        return lines, certain, *own_boxes(blocks, lines, len(own))

    lines, certain, blocks, mine = find(known=True)
    lost = np.setdiff1d(np.arange(len(own)), blocks.row[mine])
    if len(lost) and any(each.edges is not None for each in alongs):
        # The model is not what its thresholds say: nothing is certain.
        lines, certain, blocks, mine = find(known=False)
        lost = np.setdiff1d(np.arange(len(own)), blocks.row[mine])
    start, stop = (
        np.stack([_ends(line, ends, blocks, j) for j, line in enumerate(lines)], axis=1)
        for ends in (0, 1)
    )
    # A band so narrow that only the row in it sees it.
    row = np.r_[blocks.row, lost]
    start, stop = (np.concatenate([ends, own[lost]]) for ends in (start, stop))
    for j, each in enumerate(alongs):
        stop[len(blocks) :, j] += each.feature.categories is not None
    order = np.argsort(row, kind="stable")
    is_own = np.r_[mine, np.ones(len(lost), dtype=bool)][order]
    return JointSets(
        answer, space.features, row[order], start[order], stop[order],
        _numbered(row[order], is_own), own, reading=_reading(alongs, certain),
    )  # fmt: skip


def _ends(line: Line, which: int, blocks: Any, place: int) -> np.ndarray:
    """Smallest (0) or largest (1) value of blocks along a feature."""
    cells = (line.last if which else line.first, blocks.high - 1 if which else blocks.low)
    row = blocks.row if len(line.at) > 1 else np.zeros(len(blocks), dtype=np.intp)
    return np.asarray(cells[0][row, cells[1][:, place]], dtype=np.float64)


def _numbered(row: np.ndarray, is_own: np.ndarray) -> np.ndarray:
    """Number of the box of each part: its own, but one for all of the row's own box, the last."""
    number = np.arange(len(row), dtype=np.intp)
    last = np.searchsorted(row, row, side="right") - 1
    return np.where(is_own, len(row) + last, number)


def _reading(alongs: list[ReleaseAlong], certain: bool) -> str:
    if certain:
        possible = all(each.feature.possible is not None for each in alongs)
        return "every possible value" if possible else "thresholds of the model"
    reasons = dict.fromkeys(each.declined for each in alongs if each.declined)
    return f"search ({'; '.join(reasons) or 'too many cells, or its thresholds are not known'})"
