"""What earlier releases left open, held against a release and its rows; and what is left then."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from sklearn_rp.attribute.along import OWN_READING
from sklearn_rp.attribute.compatible_sets import CompatibleSets, joined
from sklearn_rp.attribute.joint import MinimumBoxes
from sklearn_rp.attribute.joint_sets import JointSets, exact_sets
from sklearn_rp.attribute.labelling import MinimumRelease
from sklearn_rp.attribute.rooms import Rooms
from sklearn_rp.attribute.space import Space
from sklearn_rp.attribute.within import Left, release_within
from sklearn_rp.domain import same_domain
from sklearn_rp.feature import Category, Feature
from sklearn_rp.rows import Rows, index_of, rows_per_chunk, take_rows
from sklearn_rp.runs import Runs

_SHOWN = 5  # rows named in an error


def sets_left(release: MinimumRelease, X: Rows, within: Any = None) -> Any:
    """What a release leaves open, by itself or inside what earlier ones left open.

    Parameters
    ----------
    release : MinimumRelease
        The release.
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Checked rows.
    within : CompatibleSets or JointSets, default=None
        What is open before.

    Returns
    -------
    sets : CompatibleSets, or JointSets of several features
        With the answers as labels.

    Raises
    ------
    TypeError, ValueError
        If `within` is not of these rows and features, or does not hold the rows' own values.
    """
    if within is not None:
        rooms, own = earlier_rooms(within, X, release.space)
        return left_open(release_within(release, X, rooms, own), X, release.space)
    if isinstance(release, MinimumBoxes):
        return JointSets.of(release, X)
    feature = release.feature
    parts = []
    size = rows_per_chunk(len(release.cells))
    for rows in list(gen_batches(X.shape[0], size)) or [slice(0, 0)]:
        chunk = take_rows(X, rows)
        runs, symbol, answer = release.along(chunk)
        mine = runs.where(runs.symbol == symbol[runs.row])
        known = answer, feature, mine, feature.values(chunk), OWN_READING, index_of(chunk)
        parts.append(exact_sets(*known))
    return replace(joined(parts), index=index_of(X))


def earlier_rooms(within: Any, X: Rows, space: Space) -> tuple[Rooms, np.ndarray]:
    """The rooms that some sets leave open to some rows, and the one that holds each row.

    Parameters
    ----------
    within : CompatibleSets or JointSets
        What is open.
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Checked rows.
    space : Space
        The features that the release hides.

    Returns
    -------
    rooms, own : Rooms, ndarray of int of shape (n_samples,)

    Raises
    ------
    TypeError, ValueError
        If the sets are not of these rows and features, or do not hold the rows' own values.
    """
    runs, room = _runs_of(within, space)
    _check_rows(within, X)
    rooms = Rooms.of(runs, room, space.features)
    own = rooms.holding(space.values(X))
    changed = np.flatnonzero(own < 0)
    if len(changed):
        raise ValueError(
            f"within does not hold the value of {space.name!r} of {_named(changed, X)}: it must "
            "have changed since the earlier releases, or the sets are of somebody else. Nothing is "
            "released. Leave these rows out; or open them anew, if what was released says nothing "
            "about the value that they have now."
        )
    return rooms, own


def rows_inside(sets: CompatibleSets | JointSets) -> np.ndarray:
    """Which rows' own values are in their sets: not all, where a value has changed since.

    Parameters
    ----------
    sets : CompatibleSets or JointSets
        Sets with the rows' own values.

    Returns
    -------
    inside : ndarray of bool of shape (n_rows,)
    """
    part = sets.holds_own
    if isinstance(sets, CompatibleSets) and sets.categories is not None:
        part = sets.start == sets.own[sets.row]
    inside = np.zeros(len(sets), dtype=bool)
    inside[sets.row[part]] = True
    return inside


def left_open(left: Left, X: Rows, space: Space) -> Any:
    """What is open after a release inside rooms, as sets.

    Parameters
    ----------
    left : Left
        The release.
    X : ndarray or DataFrame of shape (n_samples, n_features)
        Checked rows.
    space : Space
        The features that it hides.

    Returns
    -------
    sets : CompatibleSets, or JointSets of several features
    """
    own, index = space.values(X), index_of(X)
    if len(space.features) > 1:
        box = np.unique(left.box, return_inverse=True)[1].ravel()
        ends = left.row, left.low, left.high, box
        return JointSets(left.answer, space.features, *ends, own, index)
    (feature,) = space.features
    runs = Runs(left.row, np.zeros_like(left.row), left.low[:, 0], left.high[:, 0], len(own), 1)
    return exact_sets(left.answer, feature, runs, feature.values(X), OWN_READING, index)


def _runs_of(within: Any, space: Space) -> tuple[Runs, np.ndarray]:
    """Parts of the sets, their sides in the order of the features; and the room of each."""
    wanted = CompatibleSets if len(space.features) == 1 else JointSets
    if not isinstance(within, CompatibleSets | JointSets):
        raise TypeError(
            f"within={type(within).__name__} is not allowed: give what `compatible_sets` of the "
            "earlier releases said, or None."
        )
    names = [feature.name for feature in space.features]
    held = [within.feature] if isinstance(within, CompatibleSets) else within.names
    if not isinstance(within, wanted) or sorted(held) != sorted(names):
        raise ValueError(
            f"within is of {held}, but the estimator hides {names}: an answer may depend on all "
            "that it does not hide. Let every estimator hide the same features, jointly."
        )
    runs = within.as_runs()
    if isinstance(within, CompatibleSets):
        (feature,) = space.features
        _check_same(feature, within.domain, within.low, within.high, within.categories)
        together = isinstance(feature, Category)
        room = np.zeros_like(runs.row) if together else np.arange(len(runs.row))
        return runs, room
    if within.reading != OWN_READING:
        raise ValueError(
            f"within was found by {within.reading!r}: of several features give the sets of "
            "estimators with a minimum, whose boxes do not lie over each other."
        )
    order = [held.index(name) for name in names]
    for feature, j in zip(space.features, order, strict=True):
        known = within.features[j]
        _check_same(feature, known.domain, known.low, known.high, known.categories)
    ends = runs.low[:, order], runs.high[:, order]
    return Runs(runs.row, runs.symbol, *ends, runs.n_rows, 1), within.box


def _check_same(feature: Feature, domain: Any, low: float, high: float, categories: Any) -> None:
    """Refuse sets of other possible values: what is left of them could not be told."""
    same = same_domain(domain, feature.domain) and (low, high) == (feature.low, feature.high)
    if categories is not None or feature.categories is not None:
        same = same and np.array_equal(np.asarray(categories), np.asarray(feature.categories))
    if not same:
        raise ValueError(
            f"within has other possible values of {feature.name!r} than the estimator, which has "
            f"bounds={feature.bounds!r} and domain={feature.domain!r}: fit all estimators with the "
            "same bounds and domain."
        )


def _check_rows(within: Any, X: Rows) -> None:
    if len(within) != X.shape[0]:
        raise ValueError(
            f"within holds sets of {len(within)} rows, but X has {X.shape[0]}: give one for each, "
            "in the same order."
        )
    index = index_of(X)
    if within.index is not None and index is not None and not index.equals(within.index):
        raise ValueError(
            "within and X have different row labels: take the sets of X's rows, in their order."
        )


def _named(rows: np.ndarray, X: Rows) -> str:
    """Rows, in words: by their labels where they have some."""
    index = index_of(X)
    shown = rows[:_SHOWN].tolist() if index is None else index[rows[:_SHOWN]].tolist()
    rest = f" and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, shown))}{rest}"
