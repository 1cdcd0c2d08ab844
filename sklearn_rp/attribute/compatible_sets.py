"""CompatibleSets: the values of the sensitive feature that a released label leaves open."""

from __future__ import annotations

import html
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special
from sklearn.utils.validation import check_is_fitted

from sklearn_rp.attribute.prior import Prior
from sklearn_rp.attribute.release import Lines, Release
from sklearn_rp.domain import extent, same_domain
from sklearn_rp.engines import for_rows
from sklearn_rp.feature import Feature
from sklearn_rp.rows import Rows, as_values, index_of, take_rows
from sklearn_rp.validation import as_rows, check_groups, check_sigmas

if TYPE_CHECKING:
    import pandas as pd

_POINTS = 2**20  # looked at in one go
_PER_ROW = ("label", "own", "certified_inner", "certified_outer")


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
        ends = np.searchsorted(self.row, np.arange(len(self) + 1))
        count = ends[number + 1] - ends[number]
        row = np.repeat(np.arange(len(number)), count)
        part = np.arange(len(row)) + np.repeat(ends[number] - np.cumsum(count) + count, count)
        chosen: dict[str, Any] = {name: getattr(self, name)[number] for name in _PER_ROW}
        chosen |= {name: getattr(self, name)[part] for name in ("start", "stop")}
        index = None if self.index is None else self.index[number]
        return replace(self, **chosen, row=row, index=index)

    @property
    def intervals(self) -> list[list[Any]]:
        """Per row, the list of (low, high) pairs, both in the set, or of categories."""
        ends = np.searchsorted(self.row, np.arange(len(self) + 1))
        if self.categories is not None:
            names = self.categories[self.start.astype(int)].tolist()
            return [names[a:b] for a, b in itertools.pairwise(ends)]
        pairs = list(zip(self.start.tolist(), self.stop.tolist(), strict=True))
        return [pairs[a:b] for a, b in itertools.pairwise(ends)]

    @property
    def span(self) -> float:
        """Length of the whole range, in the feature's unit; or number of possible values."""
        return float(extent(np.array(self.low), np.array(self.high), self.domain))

    @property
    def sizes(self) -> np.ndarray:
        """Length of each part, or number of possible values in it: shape (n_parts,)."""
        return extent(self.start, self.stop, self.domain)

    @property
    def length(self) -> np.ndarray:
        """Total length of each set, in the feature's unit; or number of possible values."""
        return np.bincount(self.row, weights=self.sizes, minlength=len(self))

    @property
    def share(self) -> np.ndarray:
        """Length over that of the whole range."""
        return self.length / self.span

    @property
    def n_components(self) -> np.ndarray:
        """Number of separate intervals; or of categories."""
        return np.bincount(self.row, minlength=len(self))

    @property
    def component_length(self) -> np.ndarray:
        """Length of the interval that holds the row's own value; categories count as one."""
        lengths = np.where(self.holds_own, self.sizes, 0.0)
        return np.bincount(self.row, weights=lengths, minlength=len(self))

    @property
    def holds_own(self) -> np.ndarray:
        """Parts that hold their row's own value, shape (n_parts,); all, of a categorical one."""
        if self.categories is not None:
            return np.ones(len(self.row), dtype=bool)
        own = self.own[self.row]
        return (self.start <= own) & (own <= self.stop)

    def hull(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest compatible value of each row, of a numeric feature.

        Returns
        -------
        low, high : ndarray of shape (n_rows,)
            The whole range where the label was seen nowhere along the attribute.
        """
        low, high = np.full((2, len(self)), np.nan)
        np.fmin.at(low, self.row, self.start)
        np.fmax.at(high, self.row, self.stop)
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
        known = Prior.make(prior)
        return (known.for_rows(len(self)) * self.contains(known.values)).sum(axis=1)

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
        known = Prior.make(prior)
        after = known.for_rows(len(self)) * self.contains(known.values)
        total = after.sum(axis=1, keepdims=True)
        bare = total[:, 0] <= 0
        after = after / np.where(total > 0, total, 1.0)
        after[bare, self._nearest(known.values)[bare]] = 1.0
        return after

    def _nearest(self, values: np.ndarray) -> np.ndarray:
        """Position of the value that is nearest to each set: of numbers; else the first inside."""
        if self.categories is not None:
            return self.contains(values).argmax(axis=1)
        low, high = self.hull()
        below = np.clip(np.searchsorted(values, low), 1, max(len(values) - 1, 1)) - 1
        above = np.minimum(below + 1, len(values) - 1)
        nearer = np.abs(values[below] - high) <= np.abs(values[above] - low)
        return np.where(nearer, below, above)

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
        known = Prior.make(prior)
        if isinstance(tolerance, str) or not tolerance >= 0:
            raise ValueError(f"tolerance={tolerance!r} is not allowed: it must not be negative.")
        if self.categories is not None and tolerance:
            raise ValueError(
                f"tolerance={tolerance!r} is not allowed for the categorical {self.feature!r}."
            )
        before = _best_guess(known.values, known.for_rows(len(self)), tolerance)
        after = _best_guess(known.values, self.posterior(known), tolerance)
        bare = np.flatnonzero(self.prior_mass(known) <= 0)
        if len(bare):
            after[bare] = np.maximum(before[bare], self[bare]._best_guess_inside(tolerance))
        return before, after

    def _best_guess_inside(self, tolerance: float) -> np.ndarray:
        """Largest share of each set in a window of twice the tolerance.

        The best window begins or ends where a part does; all pairs of parts of a row are tried.
        """
        if self.categories is not None:
            return 1.0 / self.length
        reach = 2 * tolerance * (1 + 1e-9)
        parts = np.bincount(self.row, minlength=len(self))
        first = np.cumsum(parts) - parts
        one = np.repeat(np.arange(len(self.row)), parts[self.row])
        beside = parts[self.row]
        other = np.arange(len(one)) - np.repeat(np.cumsum(beside) - beside, beside)
        other = other + first[self.row[one]]
        best = np.zeros(len(self))
        for low, high in (
            (self.start[one], self.start[one] + reach),
            (self.stop[one] - reach, self.stop[one]),
        ):
            start, stop = np.maximum(self.start[other], low), np.minimum(self.stop[other], high)
            held = self._held(start, stop)
            inside = np.bincount(one, weights=held, minlength=len(self.row))
            np.maximum.at(best, self.row, inside)
        whole = self.length
        return np.where(whole > 0, best / np.where(whole > 0, whole, 1.0), 1.0)

    def _held(self, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
        """Extent of what is possible between any two numbers, none where they are crossed."""
        if isinstance(self.domain, str) and self.domain == "integer":
            start, stop = np.ceil(start), np.floor(stop)
        size = extent(start, stop, self.domain)
        return np.where(start <= stop, size, 0.0)

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
        if not isinstance(other, CompatibleSets):
            raise TypeError(f"other={type(other).__name__} is not CompatibleSets.")
        if len(self) != len(other) or self.feature != other.feature:
            raise ValueError(
                f"The sets are of {len(self)} and {len(other)} rows and of {self.feature!r} and "
                f"{other.feature!r}: they must be about the same people and feature."
            )
        if not np.array_equal(self.own, other.own):
            raise ValueError(
                f"The sets are of people with other values of {self.feature!r}: they must be about "
                "the same people, in the same order."
            )
        same = (self.low, self.high) == (other.low, other.high) and np.array_equal(
            self.categories if self.categories is not None else [],
            other.categories if other.categories is not None else [],
        )
        if not same:
            raise ValueError("The sets have different bounds: give both the same.")
        if not same_domain(self.domain, other.domain):
            raise ValueError("The sets have different domains: give both the same.")
        # Closed stretches, a category alone in its own: what begins comes before what ends there.
        width = 1 if self.categories is not None else 0
        row = np.concatenate([self.row, other.row] * 2)
        at = np.concatenate([self.start, other.start, self.stop - width, other.stop - width])
        step = np.repeat([1, -1], len(at) // 2)
        order = np.lexsort((-step, at, row))
        row, at, step = row[order], at[order], step[order]
        both = np.flatnonzero((np.cumsum(step) == 2) & (step == 1))
        start, stop = at[both], at[both + 1] + width
        label = np.empty(len(self), dtype=object)
        label[:] = list(zip(self.label.tolist(), other.label.tolist(), strict=True))
        size = extent(start, stop, self.domain)
        length = np.bincount(row[both], weights=size, minlength=len(self))
        inner = self.certified_inner + other.certified_inner - self.span
        outer = np.minimum(self.certified_outer, other.certified_outer)
        known = (self.certified_inner == self.certified_outer) & (
            other.certified_inner == other.certified_outer
        )
        return CompatibleSets(
            label,
            self.feature,
            self.low,
            self.high,
            self.categories,
            row[both],
            start,
            stop,
            self.own,
            np.where(known, length, np.maximum(inner, 0.0)),
            np.where(known, length, outer),
            self.index,
            self.domain,
            "; ".join(dict.fromkeys([self.reading, other.reading])),
        )

    def to_frame(self) -> pd.DataFrame:
        """Table with one line per row.

        Returns
        -------
        frame : pandas.DataFrame
            With the index of the rows.
        """
        import pandas as pd

        return pd.DataFrame(
            {
                "label": self.label,
                "n_components": self.n_components,
                "length": self.length,
                "component_length": self.component_length,
                "share": self.share,
                "certified_inner": self.certified_inner,
                "certified_outer": self.certified_outer,
            },
            index=self.index,
        )

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
        import pandas as pd

        length = pd.Series(self.component_length)
        parts = {"all": length}
        if groups is not None:
            groups = check_groups(groups, len(self), self)
            parts |= {g: length[groups == g] for g in np.unique(groups)}
        return pd.DataFrame(
            {
                name: {
                    "n": len(part),
                    "smallest": part.min(),
                    "5 %": part.quantile(0.05),
                    "median": part.median(),
                    "mean": part.mean(),
                }
                for name, part in parts.items()
            }
        ).T.astype({"n": int})

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


def compatible_sets(
    estimator: Any,
    X: Any,
    *,
    sensitive_feature: str | int,
    bounds: Any = None,
    domain: Any = "auto",
    resolution: int = 256,
    sigmas: Sequence[float] | None = None,
    n_jobs: int | None = None,
) -> Any:
    """Values of a sensitive feature with the same released label, for each row.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict``. Of a feature with few possible values every one is asked about,
        and of a tree model whose thresholds are known nothing is missed either. Elsewhere ends are
        found to the last possible value, but bands narrower than a cell of the first look may be
        missed: not for an exact RobustPrivacyClassifier that noises the feature and has no
        fallback; not around the row's own value; and not at values that occur often, at whole
        numbers (up to 256) and at zero.
    X : ndarray or frame of shape (n_rows, n_features)
        Rows.
    sensitive_feature : str or int
        Name or position, numeric or categorical.
    bounds : (low, high), or sequence of categories, default=None
        The values that are possible; None: those in `X`. Give them before anything is published:
        the smallest and the largest value in `X` are those of two people.
    domain : "auto", "continuous", "integer", or sequence of numbers, default="auto"
        Which numbers within the bounds are possible: all, the whole ones, or these. "auto": whole
        ones where the column holds nothing else (a column of floats, in 20 rows or more). Lengths
        of any but a continuous domain are numbers of possible values.
    resolution : int, default=256
        Cells of the first look.
    sigmas : sequence of float, default=None
        Noise levels of a RobustPrivacyClassifier; None: the one it was fitted with. With a single
        noised feature the model is read once for all.
    n_jobs : int, default=None
        Processes that share the rows (joblib).

    Returns
    -------
    sets : CompatibleSets, or list of CompatibleSets where `sigmas` is given

    Raises
    ------
    ValueError
        If the feature is not there, constant, missing in some rows, or outside `bounds`; if the
        release is random.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_rp.attribute import compatible_sets
    >>> from sklearn_rp.datasets import load_recommendation
    >>> X, y = load_recommendation(return_X_y=True, as_frame=True)
    >>> X = X[["age", "bmi", "bp"]]
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> compatible_sets(model, X, sensitive_feature="bmi").length.shape  # kg/m2
    (442,)
    """
    X = as_rows(X)
    attribute = Feature.from_data(X, sensitive_feature, bounds, domain)
    release = Release(estimator, attribute, X, check_resolution(resolution))
    return sets_of(release, X, sigmas, n_jobs)


def check_resolution(resolution: Any) -> int:
    """Number of cells: at least 1."""
    if isinstance(resolution, bool) or not isinstance(resolution, int | np.integer):
        raise TypeError(f"resolution={resolution!r} is not allowed: give a whole number of cells.")
    if resolution < 1:
        raise ValueError(f"resolution={resolution} is not allowed: at least 1 cell is needed.")
    return int(resolution)


def sets_of(
    release: Release,
    X: Rows,
    sigmas: Sequence[float] | None = None,
    n_jobs: int | None = None,
    through: Callable[[list[int]], Iterable[int]] = iter,
    owner: bool = True,
) -> Any:
    """Compatible sets of checked rows, chunk by chunk; `through` may report each chunk."""
    levels: list[Any] = [None] if sigmas is None else check_sigmas(sigmas)
    if sigmas is not None and release.smoothed is None:
        raise ValueError(
            "sigmas is given, but the estimator is not a RobustPrivacyClassifier: it has no noise."
        )
    smoothed = release.smoothed
    if smoothed is not None:
        check_is_fitted(smoothed)
    possible = release.attribute.possible
    points = release.resolution + 1 if possible is None else len(possible)
    size = max(1, _POINTS // points)
    parts: list[list[CompatibleSets]] = []
    for first in through([*range(0, X.shape[0], size)]):
        chunk = take_rows(X, slice(first, min(first + size, X.shape[0])))
        parts += for_rows(partial(_sets_of_rows, release, levels, owner), chunk, n_jobs)
    answer = [replace(_join(level), index=index_of(X)) for level in zip(*parts, strict=True)]
    return answer[0] if sigmas is None else answer


def _sets_of_rows(
    release: Release, levels: list[float | None], owner: bool, X: Rows, first: int
) -> list[CompatibleSets]:
    own = release.attribute.values(X)
    found = release.lines(X, levels, owner)
    return [_select(release, lines, symbol, own) for lines, symbol in found]


def _select(release: Release, lines: Lines, symbol: np.ndarray, own: np.ndarray) -> CompatibleSets:
    """The stretches of each row's own symbol."""
    keep = lines.symbol == symbol[lines.row]
    rows = np.arange(len(symbol))
    a = release.attribute
    return CompatibleSets(
        release.symbols[symbol],
        a.name,
        a.low,
        a.high,
        a.categories,
        lines.row[keep],
        lines.low[keep],
        lines.high[keep],
        own,
        lines.inner[rows, symbol],
        lines.outer[rows, symbol],
        domain=a.domain,
        reading=lines.reading,
    )


def _join(parts: Sequence[CompatibleSets]) -> CompatibleSets:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    offset = np.cumsum([0, *(len(part) for part in parts[:-1])])

    def together(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return CompatibleSets(
        together("label"),
        first.feature,
        first.low,
        first.high,
        first.categories,
        np.concatenate([part.row + shift for part, shift in zip(parts, offset, strict=True)]),
        together("start"),
        together("stop"),
        together("own"),
        together("certified_inner"),
        together("certified_outer"),
        domain=first.domain,
        reading="; ".join(dict.fromkeys(part.reading for part in parts)),
    )


def _best_guess(values: np.ndarray, weights: np.ndarray, tolerance: float) -> np.ndarray:
    """Largest probability of a window of twice the tolerance: shape (n_rows,)."""
    if not tolerance:
        return weights.max(axis=1)
    total = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)
    # A hair wider: 0.7 and 0.9 are 0.2 apart, whatever floating point says.
    stop = np.searchsorted(values, values + 2 * tolerance * (1 + 1e-9), side="right")
    return np.max(total[:, stop] - total[:, :-1], axis=1)
