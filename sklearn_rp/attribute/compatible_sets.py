"""CompatibleSets: the values of the sensitive feature that a released label leaves open."""

from __future__ import annotations

import html
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from sklearn_rp.answers import in_columns
from sklearn_rp.attribute.prior import Prior, posterior, prior_mass, vulnerability
from sklearn_rp.domain import extent, same_domain
from sklearn_rp.rows import as_values
from sklearn_rp.runs import Runs, concatenate
from sklearn_rp.validation import check_groups

_CERTIFIED = ("certified_inner", "certified_outer")
_COLUMNS = ("n_components", "length", "component_length", "share", *_CERTIFIED)
_PER_ROW = ("label", "own", *_CERTIFIED)


@dataclass(frozen=True, eq=False, repr=False)
class CompatibleSets:
    """For each row, all values of the sensitive feature with the same released label.

    The set ``C(y, x_rest) = {z : g(z, x_rest) = y}`` depends on the label and on the other features
    alone: it is what the release leaves open, and may be published with it, within `bounds` that
    were not taken from the rows. What tells of the row's
    own value (`component_length`) is for the owner of the row.

    Parameters
    ----------
    label : ndarray of shape (n_rows,)
        Released labels.
    feature : str
        The sensitive feature.
    low, high : float
        Its smallest and largest possible value; for a categorical feature 0 and the number of
        categories.
    categories : ndarray or None
        Its categories, if it is not numeric.
    row, start, stop : ndarray of shape (n_parts,)
        The parts of all sets, row after row: smallest and largest possible value of each interval,
        both in it; or the position of a category and the next.
    own : ndarray of shape (n_rows,)
        The rows' own values (positions of categories).
    certified_inner, certified_outer : ndarray of shape (n_rows,)
        Certified bounds of `length`: nothing less, nothing more is compatible. Equal to it where
        the model's thresholds are known; 0 and the whole range where nothing is certified.
    index : pandas.Index or None
        Labels of the rows, where they came in a pandas frame.
    domain : "continuous", "integer", ndarray or "categories"
        The numbers that are possible: any between `low` and `high`, the whole ones, or these. Of
        any but the first, lengths are numbers of possible values.
    reading : str
        How the sets were found: "every possible value", "thresholds of the model", "its own
        labelling" (of an estimator that knows it), or "search" and why not by thresholds.

    Examples
    --------
    >>> from sklearn_rp.attribute import compatible_sets
    >>> from sklearn_rp.datasets import make_recommendation
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> task = make_recommendation(200, random_state=0)
    >>> tree = DecisionTreeClassifier(max_depth=3, random_state=0).fit(task.data, task.target)
    >>> sets = compatible_sets(tree, task.data, sensitive_feature=0)
    >>> len(sets.intervals), bool((sets.length >= sets.component_length).all())
    (200, True)
    """

    label: np.ndarray
    feature: str
    low: float
    high: float
    categories: np.ndarray | None
    row: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    own: np.ndarray
    certified_inner: np.ndarray
    certified_outer: np.ndarray
    index: Any = None
    domain: Any = "continuous"
    reading: str = ""

    def __len__(self) -> int:
        return len(self.label)

    def __getitem__(self, rows: Any) -> CompatibleSets:
        if isinstance(rows, str):
            raise TypeError(f"Sets are taken by rows; their fields are attributes: .{rows}")
        number = np.atleast_1d(np.arange(len(self))[rows])
        runs = self.as_runs().take(number)
        chosen: dict[str, Any] = {name: getattr(self, name)[number] for name in _PER_ROW}
        index = None if self.index is None else self.index[number]
        return replace(self, **chosen, row=runs.row, start=runs.low, stop=runs.high, index=index)

    def as_runs(self) -> Runs:
        """The parts of all sets, as runs of one answer.

        Returns
        -------
        runs : Runs
        """
        return Runs(self.row, np.zeros_like(self.row), self.start, self.stop, len(self), 1)

    @property
    def intervals(self) -> list[list[Any]]:
        """Per row, the list of (low, high) pairs, both in the set, or of categories."""
        if self.categories is not None:
            parts = self.categories[self.start.astype(int)].tolist()
        else:
            parts = list(zip(self.start.tolist(), self.stop.tolist(), strict=True))
        return [parts[a:b] for a, b in itertools.pairwise(self.as_runs().first)]

    @property
    def span(self) -> float:
        """Length of the whole range, in the feature's unit; or number of possible values."""
        return float(extent(np.array(self.low), np.array(self.high), self.domain))

    @property
    def sizes(self) -> np.ndarray:
        """Length of each part, or number of possible values in it: shape (n_parts,)."""
        return self.as_runs().sizes(self.domain)

    @property
    def length(self) -> np.ndarray:
        """Total length of each set, in the feature's unit; or number of possible values."""
        return self.as_runs().totals(self.domain)[:, 0]

    @property
    def share(self) -> np.ndarray:
        """Length over that of the whole range."""
        return self.length / self.span

    @property
    def n_components(self) -> np.ndarray:
        """Number of separate intervals; or of categories."""
        return np.diff(self.as_runs().first)

    @property
    def component_length(self) -> np.ndarray:
        """Length of the interval that holds the row's own value; categories count as one."""
        lengths = np.where(self.holds_own, self.sizes, 0.0)
        return self.as_runs().sums(lengths)[:, 0]

    @property
    def holds_own(self) -> np.ndarray:
        """Parts that hold their row's own value, shape (n_parts,); all, of a categorical one."""
        if self.categories is not None:
            return np.ones(len(self.row), dtype=bool)
        return self.as_runs().holding(self.own)

    def hull(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest compatible value of each row, of a numeric feature.

        Returns
        -------
        low, high : ndarray of shape (n_rows,)
            The whole range where the label was seen nowhere along the attribute.
        """
        low, high = self.as_runs().hull()
        return np.where(np.isnan(low), self.low, low), np.where(np.isnan(high), self.high, high)

    def own_interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The interval of each set that holds the row's own value, of a numeric feature.

        Returns
        -------
        low, high : ndarray of shape (n_rows,)
            Both possible values. NaN where several releases contradict each other (`intersect`).

        Raises
        ------
        ValueError
            If the feature is categorical.
        """
        if self.categories is not None:
            raise ValueError(
                f"{self.feature!r} is categorical, and has no intervals: use `intervals`, the "
                "categories of each set."
            )
        low, high = np.full((2, len(self)), np.nan)
        held = self.holds_own
        low[self.row[held]], high[self.row[held]] = self.start[held], self.stop[held]
        return low, high

    def contains(self, values: np.ndarray) -> np.ndarray:
        """Which of some values each set holds.

        Parameters
        ----------
        values : ndarray of shape (n_values,)
            Sorted numbers, or categories.

        Returns
        -------
        inside : ndarray of bool of shape (n_rows, n_values)
        """
        values = as_values(values, parameter="values")
        inside = np.zeros((len(self), len(values) + 1), dtype=np.int32)
        if self.categories is not None:
            place = np.array([np.flatnonzero(self.categories == v) for v in values], dtype=object)
            if any(len(p) == 0 for p in place):
                raise ValueError(
                    f"values={values.tolist()[:5]} are not all categories of {self.feature!r}: "
                    f"{self.categories.tolist()[:10]} are."
                )
            member = np.zeros((len(self), len(self.categories)), dtype=bool)
            member[self.row, self.start.astype(int)] = True
            return member[:, [int(p[0]) for p in place]]
        if values.dtype.kind not in "iufb":
            raise ValueError(
                f"values holds {values.dtype.name} values, but {self.feature!r} is numeric."
            )
        np.add.at(inside, (self.row, np.searchsorted(values, self.start)), 1)
        np.add.at(inside, (self.row, np.searchsorted(values, self.stop, side="right")), -1)
        return np.cumsum(inside, axis=1)[:, :-1] > 0

    def prior_mass(self, prior: Any) -> np.ndarray:
        """Probability of each set before the release.

        Parameters
        ----------
        prior : Prior, array-like or mapping
            See :meth:`Prior.make`.

        Returns
        -------
        mass : ndarray of shape (n_rows,)
        """
        return prior_mass(self, Prior.make(prior))

    def pointwise_maximal_leakage(self, prior: Any) -> np.ndarray:
        """Most that the release of each row tells about any secret in the feature, in bits.

        For a deterministic release that is ``-log2`` of the set's probability before it (Saeidian
        et al. 2023): whatever function of the feature is guessed at, the chance to be right grows
        by no more than a factor of two for each bit. A minimum in ``unit="mass"`` bounds it by
        ``log2(1 / minimum)``, under the prior in which mass is measured (`attribute_prior` of
        :class:`~sklearn_rp.AttributePrivacyClassifier`).

        Parameters
        ----------
        prior : Prior, array-like or mapping
            See :meth:`Prior.make`.

        Returns
        -------
        leakage : ndarray of shape (n_rows,)
            Infinite where the prior held all of the set to be impossible.
        """
        with np.errstate(divide="ignore"):
            return np.maximum(-np.log2(self.prior_mass(prior)), 0.0)

    def posterior(self, prior: Any) -> np.ndarray:
        """Probabilities of the prior's values given the release.

        Where the set has no prior mass the release says what the prior held to be impossible: all
        goes to the one value of the prior that is nearest to the set, and leakage is largest.

        Parameters
        ----------
        prior : Prior, array-like or mapping
            See :meth:`Prior.make`.

        Returns
        -------
        posterior : ndarray of shape (n_rows, n_values)
        """
        return posterior(self, Prior.make(prior))

    def posterior_entropy(self, prior: Any) -> np.ndarray:
        """Entropy of the posterior of each row, in bits.

        Parameters
        ----------
        prior : Prior, array-like or mapping
            See :meth:`Prior.make`.

        Returns
        -------
        entropy : ndarray of shape (n_rows,)
        """
        return special.entr(self.posterior(prior)).sum(axis=1) / np.log(2)

    def bayes_vulnerability(
        self, prior: Any, *, tolerance: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Chance that the best guess is right, before and after seeing the release.

        Parameters
        ----------
        prior : Prior, array-like or mapping
            See :meth:`Prior.make`.
        tolerance : float, default=0.0
            A guess counts as right within this distance, in the feature's unit.

        Returns
        -------
        before, after : ndarray of shape (n_rows,)
            Where a set has no prior mass, every possible value in it is taken for equally likely,
            and `after` is not less than `before`: the narrowest sets are no safe ones.
        """
        return vulnerability(self, Prior.make(prior), tolerance)

    def intersect(self, other: CompatibleSets) -> CompatibleSets:
        """What several releases about the same people leave open together.

        Parameters
        ----------
        other : CompatibleSets
            Of the same rows and feature, for another model.

        Returns
        -------
        sets : CompatibleSets
            Its labels are pairs.
        """
        return _intersection(self, other)

    def to_frame(self) -> pd.DataFrame:
        """Table with one line per row.

        Returns
        -------
        frame : pandas.DataFrame
            With the index of the rows.
        """
        columns = {name: getattr(self, name) for name in _COLUMNS}
        return pd.DataFrame(in_columns("label", self.label) | columns, index=self.index)

    def summary(self, groups: Any = None) -> pd.DataFrame:
        """Lengths of the sets: number, smallest, 5 %, median, mean; over all rows and per group.

        Parameters
        ----------
        groups : array-like of shape (n_rows,), default=None
            A group for each row; rows without one are a group of their own, "missing".

        Returns
        -------
        table : pandas.DataFrame
            One line for all rows, and one for each group.
        """
        return _summary(self, groups)

    def __repr__(self) -> str:
        unit = "categories" if self.categories is not None else "possible values"
        unit = "of its unit" if same_domain(self.domain, "continuous") else unit
        middle = np.median(self.length) if len(self) else np.nan
        return (
            f"CompatibleSets of {len(self)} row(s), {self.feature!r} in "
            f"{self.low:g} to {self.high:g}: median length {middle:.4g} {unit}"
        )

    def _repr_html_(self) -> str:
        """A summary and the first rows, for notebooks."""
        table = self.to_frame().head(10).to_html(float_format="{:.4g}".format)
        return f"<pre>{html.escape(repr(self))}</pre>{table}"


def _intersection(one: CompatibleSets, other: CompatibleSets) -> CompatibleSets:
    _check_same_people(one, other)
    runs = one.as_runs().intersect(other.as_runs(), one.domain)
    length = runs.totals(one.domain)[:, 0]
    label = np.empty(len(one), dtype=object)
    label[:] = list(zip(one.label.tolist(), other.label.tolist(), strict=True))
    inner = one.certified_inner + other.certified_inner - one.span
    outer = np.minimum(one.certified_outer, other.certified_outer)
    known = (one.certified_inner == one.certified_outer) & (
        other.certified_inner == other.certified_outer
    )
    return replace(
        one,
        label=label,
        row=runs.row,
        start=runs.low,
        stop=runs.high,
        certified_inner=np.where(known, length, np.maximum(inner, 0.0)),
        certified_outer=np.where(known, length, outer),
        reading=_readings([one, other]),
    )


def _summary(sets: CompatibleSets, groups: Any) -> pd.DataFrame:
    length = pd.Series(sets.component_length)
    parts: list[tuple[Any, pd.Series]] = [("all", length)]
    if groups is not None:
        groups = check_groups(groups, len(sets), sets)
        parts += [(g, length[groups == g]) for g in np.unique(groups)]  # one may be named "all"
    return pd.DataFrame(
        [
            {
                "n": len(part),
                "smallest": part.min(),
                "5 %": part.quantile(0.05),
                "median": part.median(),
                "mean": part.mean(),
            }
            for _, part in parts
        ],
        index=[name for name, _ in parts],
    )


def _check_same_people(one: CompatibleSets, other: Any) -> None:
    """Refuse sets of other rows, of another feature or of other possible values."""
    if not isinstance(other, CompatibleSets):
        raise TypeError(f"other={type(other).__name__} is not CompatibleSets.")
    if len(one) != len(other) or one.feature != other.feature:
        raise ValueError(
            f"The sets are of {len(one)} and {len(other)} rows and of {one.feature!r} and "
            f"{other.feature!r}: they must be about the same people and feature."
        )
    if not np.array_equal(one.own, other.own):
        raise ValueError(
            f"The sets are of people with other values of {one.feature!r}: they must be about "
            "the same people, in the same order."
        )
    known, given = (np.asarray(sets.categories) for sets in (one, other))
    if (one.low, one.high) != (other.low, other.high) or not np.array_equal(known, given):
        raise ValueError("The sets have different bounds: give both the same.")
    if not same_domain(one.domain, other.domain):
        raise ValueError("The sets have different domains: give both the same.")


def _readings(sets: Sequence[CompatibleSets]) -> str:
    return "; ".join(dict.fromkeys(each.reading for each in sets))


def joined(parts: Sequence[CompatibleSets]) -> CompatibleSets:
    """Sets of consecutive chunks of rows as one."""
    if len(parts) == 1:
        return parts[0]
    runs = concatenate([part.as_runs() for part in parts])
    fields: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_ROW
    }
    fields |= {"row": runs.row, "start": runs.low, "stop": runs.high}
    return replace(parts[0], **fields, reading=_readings(parts))
