"""JointSets: the joint values of several sensitive features that a release leaves open."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import gen_batches

from sklearn_rp.attribute.along import OWN_READING
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.joint import MinimumBoxes
from sklearn_rp.domain import extent
from sklearn_rp.feature import Category, Feature
from sklearn_rp.rows import Rows, did_you_mean, index_of, rows_per_chunk
from sklearn_rp.runs import Runs

_SHOWN = 10  # rows in a notebook


@dataclass(frozen=True, eq=False, repr=False)
class JointSets:
    """For each row, all joint values of several sensitive features with the same released answer.

    A set is a union of boxes. It depends on the answer and on the features that are not sensitive
    alone. What tells of the row's own values (`component`, `component_length`, `given_others`) is
    for the owner of the row.

    Parameters
    ----------
    label : ndarray of shape (n_rows,)
        Released answers.
    features : tuple of Feature
        The sensitive features.
    row, start, stop, box : ndarray of shape (n_parts,) or (n_parts, n_features)
        The parts of all sets, row after row: smallest and largest possible value of each feature,
        both in it, or the position of a category and the next; and the number of the box that the
        part is of: one of several categories has a part for each.
    own : ndarray of shape (n_rows, n_features)
        The rows' own values (positions of categories).
    index : pandas.Index or None
        Labels of the rows, where they came in a pandas frame.
    reading : str
        How the sets were found.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from sklearn_rp import AttributePrivacyRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> apr = AttributePrivacyRegressor(
    ...     DecisionTreeRegressor(max_depth=4), sensitive_feature=["age", "bmi"],
    ...     minimum={"age": 15, "bmi": 5}, unit="length", levels="model",
    ... ).fit(X, y)  # fmt: skip
    >>> sets = apr.compatible_sets(X)
    >>> bool((sets.component_length.round(9) >= [15, 5]).all())
    True
    >>> sets.project("bmi").component_length.shape
    (442,)
    """

    label: np.ndarray
    features: tuple[Feature, ...]
    row: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    box: np.ndarray
    own: np.ndarray
    index: Any = None
    reading: str = OWN_READING

    @classmethod
    def of(cls, release: MinimumBoxes, X: Rows) -> JointSets:
        """The sets of a release of several features.

        Parameters
        ----------
        release : MinimumBoxes
            The release.
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Checked rows.

        Returns
        -------
        sets : JointSets
        """
        space = release.cells
        runs, box, own, answer = release.boxes(X)
        kept = runs.symbol == own[runs.row]
        runs = runs.where(kept)
        values = space.values(X)
        return cls(
            answer, space.features, runs.row, runs.low, runs.high, box[kept], values, index_of(X)
        )

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: Any) -> JointSets:
        if isinstance(rows, str):
            raise TypeError(f"Sets are taken by rows; their fields are attributes: .{rows}")
        number = np.atleast_1d(np.arange(len(self))[rows])
        row, part = self.as_runs().of_rows(number)
        parts = {name: getattr(self, name)[part] for name in ("start", "stop", "box")}
        index = None if self.index is None else self.index[number]
        return replace(
            self, label=self.label[number], own=self.own[number], row=row, index=index, **parts
        )

    def as_runs(self) -> Runs:
        """The parts of all sets, as boxes of one answer.

        Returns
        -------
        runs : Runs
        """
        return Runs(self.row, np.zeros_like(self.row), self.start, self.stop, len(self), 1)

    @property
    def names(self) -> list[str]:
        """Names of the features."""
        return [feature.name for feature in self.features]

    @property
    def share(self) -> np.ndarray:
        """Share of the joint range that each set holds: shape (n_rows,)."""
        whole = np.prod([feature.span for feature in self.features])
        return self.as_runs().totals(*(f.domain for f in self.features))[:, 0] / whole

    @property
    def holds_own(self) -> np.ndarray:
        """Parts that hold their row's own values: shape (n_parts,)."""
        return self._hold_own(range(len(self.features)))

    def _hold_own(self, places: Iterable[int]) -> np.ndarray:
        """Parts that hold their row's own values of some of the features."""
        inside = np.ones(len(self.row), dtype=bool)
        for j in places:
            at = self.own[self.row, j]
            inside &= self.features[j].holds(self.start[:, j], self.stop[:, j], at)
        return inside

    @property
    def _in_component(self) -> np.ndarray:
        """Parts of the box that holds the row's own values."""
        held = self.holds_own
        box = np.full(len(self), -1)
        np.maximum.at(box, self.row[held], self.box[held])  # others may touch it at the row
        return self.box == box[self.row]

    @property
    def component_length(self) -> np.ndarray:
        """Sides of the box that holds the row's own values: shape (n_rows, n_features).

        In each feature's own unit, or the number of possible values, or of categories.
        """
        inside = self._in_component
        row = self.row[inside]
        found = np.zeros((len(self), len(self.features)))
        for j, feature in enumerate(self.features):
            # Of a box of several categories each has a part.
            side = _joined(row, self.start[inside, j], self.stop[inside, j], feature)
            size = extent(*side[1:], feature.domain)
            found[:, j] = np.bincount(side[0], size, len(self))
        return found

    def component(self, feature: str | int) -> Any:
        """One side of the box that holds the row's own values.

        Parameters
        ----------
        feature : str or int
            Name of a sensitive feature, or its position in X.

        Returns
        -------
        low, high : ndarray of shape (n_rows,)
            Both possible values. Of a categorical feature instead a list of the categories of each
            row.
        """
        j, inside = self._place(feature), self._in_component
        low, high, row = self.start[inside, j], self.stop[inside, j], self.row[inside]
        known = self.features[j].categories
        if known is not None:
            rows, first, _ = _joined(row, low, high, self.features[j])
            ends = np.searchsorted(rows, np.arange(len(self) + 1))
            return [known[first[a:b].astype(np.intp)].tolist() for a, b in pairwise(ends)]
        ends = np.full((2, len(self)), np.nan)
        np.fmin.at(ends[0], row, low)
        np.fmax.at(ends[1], row, high)
        return ends[0], ends[1]

    def project(self, feature: str | int) -> CompatibleSets:
        """What is left open of one feature to whoever knows none of the sensitive ones.

        Parameters
        ----------
        feature : str or int
            Name of a sensitive feature, or its position in X.

        Returns
        -------
        sets : CompatibleSets
            All its values that go with the answer and some values of the others.
        """
        return self._of_one(self._place(feature), np.ones(len(self.row), dtype=bool))

    def given_others(self, feature: str | int) -> CompatibleSets:
        """What is left open of one feature to whoever knows all the other sensitive ones, too.

        Parameters
        ----------
        feature : str or int
            Name of a sensitive feature, or its position in X.

        Returns
        -------
        sets : CompatibleSets
            Its values that go with the answer and the row's own values of the others. No component
            that holds a row is narrower than its minimum.
        """
        j = self._place(feature)
        return self._of_one(j, self._hold_own(k for k in range(len(self.features)) if k != j))

    def prior_mass(self, prior: Any) -> np.ndarray:
        """Share of a population whose joint values are in each set.

        Parameters
        ----------
        prior : DataFrame or array-like of shape (n_people, n_features)
            Joint values of people: in the order of `features`, or by name.

        Returns
        -------
        mass : ndarray of shape (n_rows,)
        """
        return self.holding(_values_of(self.features, prior)[None]).mean(axis=1)

    def holding(self, values: np.ndarray) -> np.ndarray:
        """Which of some joint values each set holds.

        Parameters
        ----------
        values : ndarray of shape (n_rows or 1, n_values, n_features)
            Joint values, the same for all rows or for each its own; of categories positions.

        Returns
        -------
        inside : ndarray of bool of shape (n_rows, n_values)
        """
        found = np.zeros((len(self), values.shape[1]), dtype=bool)
        for parts in gen_batches(len(self.row), rows_per_chunk(2 * values.shape[1])):
            row = self.row[parts]
            inside = np.ones((len(row), values.shape[1]), dtype=bool)
            at = values[row if len(values) > 1 else np.zeros_like(row)]
            for j, feature in enumerate(self.features):
                ends = self.start[parts, j, None], self.stop[parts, j, None]
                inside &= feature.holds(*ends, at[:, :, j])
            first = np.flatnonzero(np.diff(row, prepend=-1))
            found[row[first]] |= np.logical_or.reduceat(inside, first, axis=0)
        return found

    def intersect(self, other: JointSets) -> JointSets:
        """What several releases about the same people leave open together.

        Parameters
        ----------
        other : JointSets
            Of the same rows and features, for another model.

        Returns
        -------
        sets : JointSets
            Its labels are pairs.

        Raises
        ------
        ValueError
            If rows or features differ.
        """
        same = len(self.features) == len(other.features) and all(
            one.same_as(two) for one, two in zip(self.features, other.features, strict=False)
        )
        if not same or not np.array_equal(self.own, other.own):
            raise ValueError("The sets are not of the same people, features and possible values.")
        one, two = (
            replace(s.as_runs(), symbol=s.box, n_symbols=int(s.box.max(initial=0)) + 1)
            for s in (self, other)
        )
        runs = one.intersect(two, *(feature.domain for feature in self.features))
        label = np.empty(len(self), dtype=object)
        label[:] = list(zip(self.label.tolist(), other.label.tolist(), strict=True))
        box = np.unique(runs.symbol, return_inverse=True)[1].astype(np.intp)
        return replace(
            self, label=label, row=runs.row, start=runs.low, stop=runs.high, box=box,
            reading=self.reading if self.reading == other.reading
            else f"{self.reading}; {other.reading}",
        )  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Table with one line per row.

        Returns
        -------
        frame : pandas.DataFrame
            ``label``, ``share`` of the joint range, and for each feature the side of the row's own
            box, ``<name>_length``; with the index of the rows.
        """
        columns: dict[str, Any] = {"label": self.label, "share": self.share}
        columns |= {
            f"{name}_length": side
            for name, side in zip(self.names, self.component_length.T, strict=True)
        }
        return pd.DataFrame(columns, index=self.index)

    def __repr__(self) -> str:
        sides = ", ".join(
            f"{name!r} {side:.4g}"
            for name, side in zip(self.names, np.median(self.component_length, axis=0), strict=True)
        )
        return (
            f"JointSets of {len(self)} row(s): median sides of the boxes {sides}; median share of "
            f"the joint range {np.median(self.share):.3g}"
        )

    def _repr_html_(self) -> str:
        """A summary and the first rows, for notebooks."""
        table = self[: min(_SHOWN, len(self))].to_frame().to_html(float_format="{:.4g}".format)
        return f"<pre>{html.escape(repr(self))}</pre>{table}"

    def _place(self, feature: str | int) -> int:
        """Place of a feature among the sensitive ones."""
        for j, each in enumerate(self.features):
            if feature in (each.name, each.column) and not isinstance(feature, bool):
                return j
        hint = did_you_mean(feature, self.names) if isinstance(feature, str) else ""
        raise ValueError(
            f"feature={feature!r} is not a sensitive feature{hint or '.'} These are {self.names}."
        )

    def _of_one(self, j: int, kept: np.ndarray) -> CompatibleSets:
        """Sets of one feature from some parts, joined where they touch."""
        feature = self.features[j]
        row, low, high = _joined(self.row[kept], self.start[kept, j], self.stop[kept, j], feature)
        runs = Runs(row, np.zeros_like(row), low, high, len(self), 1)
        own = self.own[:, j] if feature.categories is None else self.own[:, j].astype(np.intp)
        return exact_sets(self.label, feature, runs, own, self.reading, self.index)


def exact_sets(
    label: np.ndarray,
    feature: Feature,
    runs: Runs,
    own: np.ndarray,
    reading: str,
    index: Any = None,
) -> CompatibleSets:
    """Sets of one feature that are known all along it.

    Parameters
    ----------
    label, own, reading, index
        As of `CompatibleSets`.
    feature : Feature
        The sensitive feature.
    runs : Runs
        Their parts.

    Returns
    -------
    sets : CompatibleSets
    """
    length = np.bincount(runs.row, runs.sizes(feature.domain), runs.n_rows)
    a, ends = feature, (runs.row, runs.low, runs.high)
    known = label, a.name, a.low, a.high, a.categories, *ends, own, length, length
    return CompatibleSets(*known, index, a.domain, reading)


def _values_of(features: tuple[Feature, ...], prior: Any) -> np.ndarray:
    """Joint values of people, as numbers: shape (n_people, n_features)."""
    names = [feature.name for feature in features]
    if hasattr(prior, "columns"):
        lacking = [name for name in names if name not in prior.columns]
        if lacking:
            raise ValueError(f"prior lacks the columns {lacking}.")
        columns = [np.asarray(prior[name]) for name in names]
    else:
        table = np.asarray(prior)
        if table.ndim != 2 or table.shape[1] != len(features) or not len(table):
            raise ValueError(
                f"prior has shape {table.shape}: give joint values of people, one column for "
                f"each of {names}."
            )
        columns = list(table.T)
    pairs = zip(features, columns, strict=True)
    return np.stack([f.lenient().own(values) for f, values in pairs], axis=1).astype(float)


def joined(parts: Sequence[JointSets]) -> JointSets:
    """Sets of consecutive chunks of rows as one."""
    if len(parts) == 1:
        return parts[0]
    rows = np.cumsum([0, *(len(part) for part in parts)])
    boxes = np.cumsum([0, *(int(part.box.max(initial=-1)) + 1 for part in parts)])
    names = ("label", "own", "start", "stop")
    fields: dict[str, Any] = {n: np.concatenate([getattr(p, n) for p in parts]) for n in names}
    for name, offset in (("row", rows), ("box", boxes)):
        shifted = [getattr(p, name) + k for p, k in zip(parts, offset[:-1], strict=True)]
        fields[name] = np.concatenate(shifted)
    return replace(parts[0], **fields, reading="; ".join(dict.fromkeys(p.reading for p in parts)))


def _joined(
    row: np.ndarray, low: np.ndarray, high: np.ndarray, feature: Feature
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stretches of one feature, row after row, those that overlap or touch as one."""
    if isinstance(feature, Category):
        pairs = np.unique(np.stack([row, low.astype(np.intp)], axis=1), axis=0)
        return pairs[:, 0], pairs[:, 1].astype(float), pairs[:, 1] + 1.0
    order = np.lexsort((low, row))
    row, low, high = row[order], low[order], high[order]
    # The largest end so far in the row: of ranks, a later row's being larger.
    ends = np.unique(high)
    rank = row * (len(ends) + 1) + np.searchsorted(ends, high)
    so_far = ends[np.maximum.accumulate(rank) - row * (len(ends) + 1)] if len(row) else high
    if isinstance(feature.domain, str):
        touches = so_far + 1 if feature.domain == "integer" else np.nextafter(so_far, np.inf)
    else:
        touches = np.r_[feature.domain, np.inf][
            np.searchsorted(feature.domain, so_far, side="right")
        ]
    new = np.ones(len(row), dtype=bool)
    new[1:] = (row[1:] != row[:-1]) | (low[1:] > touches[:-1])
    first = np.flatnonzero(new)
    last = np.r_[first[1:], len(row)] - 1
    return row[first], low[first], so_far[last]
