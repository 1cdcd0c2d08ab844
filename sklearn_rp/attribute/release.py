"""The released label as a function of one sensitive feature, the others fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from sklearn_rp.classifier import RobustPrivacyClassifier
from sklearn_rp.noise import Noise
from sklearn_rp.rows import (
    Rows,
    column_values,
    find_column,
    holds_numbers,
    is_numeric,
    missing,
    names_of,
    replace_columns,
    rows_per_chunk,
    sample_rows,
    take_rows,
)
from sklearn_rp.smoothing import encode, labels_of, last_step, unwrapped
from sklearn_rp.smoothing.sweep import Profile, Sweep, certain_radius
from sklearn_rp.validation import check_rows
from sklearn_rp.wrapper import is_random

_PRECISION = 1e-7  # of the range: how closely the ends of intervals are found
_MOST_ROUNDS = 40  # of halving
_PROFILE_CELLS = 16  # of the first look at a smoothed label that is known all along the attribute


@dataclass(frozen=True, eq=False)
class Attribute:
    """The sensitive feature and the values that it may have.

    Parameters
    ----------
    column : int
        Its position in X.
    name : str
        Its name.
    low, high : float
        Range of a numeric feature.
    categories : ndarray or None
        Categories of any other, sorted.
    strict : bool
        Whether the range was given, so that a value outside it is an error.
    """

    column: int
    name: str
    low: float
    high: float
    categories: np.ndarray | None
    strict: bool

    @classmethod
    def from_data(cls, X: Rows, sensitive_feature: Any, bounds: Any) -> Attribute:
        """Look the feature up in checked training rows.

        Raises
        ------
        ValueError
            If it is not there, constant, missing in some rows, or outside `bounds`.
        """
        names = names_of(X)
        column = find_column(sensitive_feature, X.shape[1], names, parameter="sensitive_feature")
        name = str(names[column])
        if is_numeric(X, column):
            values = column_values(X, column).astype(np.float64)
            if bounds is None:
                found = cls(column, name, -np.inf, np.inf, None, False)
                found.values(X)
                low, high = float(values.min()), float(values.max())
            else:
                low, high = _check_bounds(bounds)
                found = cls(column, name, low, high, None, True)
                found.values(X)
            if not low < high:
                raise ValueError(
                    f"sensitive_feature={name!r} is constant, {low:g}, in the rows given "
                    f"(n_samples={len(values)}): give bounds=(low, high) if it can have other "
                    "values."
                )
            return cls(column, name, low, high, None, bounds is not None)
        found_values = column_values(X, column)
        if holds_numbers(found_values):
            raise ValueError(
                f"sensitive_feature={name!r} holds numbers as objects: convert it with "
                "astype(float)."
            )
        if bounds is not None and (isinstance(bounds, str) or not np.iterable(bounds)):
            raise ValueError(
                f"bounds={bounds!r} is not allowed for the categorical feature {name!r}: give a "
                "list of categories."
            )
        if missing(found_values).any():
            raise ValueError(_missing(name))
        possible = set(found_values.tolist() if bounds is None else bounds)
        try:
            ordered = sorted(possible)
        except TypeError:
            raise TypeError(
                f"sensitive_feature={name!r} has categories of several types: "
                f"{sorted(map(str, possible))[:5]} ... Convert them to text."
            ) from None
        categories = np.asarray(ordered, dtype=None if bounds is not None else found_values.dtype)
        if len(categories) < 2:
            raise ValueError(
                f"sensitive_feature={name!r} is constant: it has one category, "
                f"{categories.tolist()}. Give all in bounds if there are others."
            )
        found = cls(column, name, 0.0, float(len(categories)), categories, True)
        found.values(X)
        return found

    def same_as(self, other: Attribute) -> bool:
        """Whether two are the same feature with the same possible values."""
        ends = (self.column, self.low, self.high) == (other.column, other.low, other.high)
        return ends and np.array_equal(
            [] if self.categories is None else self.categories,
            [] if other.categories is None else other.categories,
        )

    @property
    def bounds(self) -> Any:
        """The values that are possible: (low, high), or the categories."""
        return (self.low, self.high) if self.categories is None else self.categories

    @property
    def span(self) -> float:
        """Length of the range, or number of categories."""
        return self.high - self.low

    def values(self, X: Rows) -> np.ndarray:
        """The rows' own values: numbers, or positions of categories; shape (n_rows,)."""
        values = column_values(X, self.column)
        if self.categories is not None:
            if missing(values).any():
                raise ValueError(_missing(self.name))
            return encode(values, self.categories, what=f"category of {self.name!r}")
        values = values.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(_missing(self.name))
        outside = (values < self.low) | (values > self.high)
        if self.strict and outside.any():
            raise ValueError(
                f"sensitive_feature={self.name!r} has the value {values[outside][0]:g}, outside "
                f"bounds=({self.low:g}, {self.high:g}): bounds must hold every value that is "
                "possible."
            )
        return values

    def copies(self, X: Rows, rows: np.ndarray, z: np.ndarray) -> Rows:
        """Rows of `X` with the sensitive feature replaced: by numbers, or category positions."""
        values = z if self.categories is None else self.categories[z]
        return replace_columns(
            take_rows(X, rows), np.array([self.column]), np.asarray(values)[:, None], 1
        )


def _missing(name: str) -> str:
    return (
        f"Input X contains NaN, infinity or missing values in sensitive_feature={name!r}: the set "
        "of compatible values needs a value to start from. Impute them before, or leave the rows "
        "out."
    )


def _check_bounds(bounds: Any) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in bounds)
    except (TypeError, ValueError):
        raise ValueError(
            f"bounds={bounds!r} is not allowed: give (low, high) for a numeric feature."
        ) from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ValueError(f"bounds={bounds!r} is not allowed: low must be below high, both finite.")
    return low, high


@dataclass(frozen=True, eq=False)
class Lines:
    """What is released along the attribute, for some rows: stretches of equal symbols.

    Parameters
    ----------
    row, symbol : ndarray of int of shape (n_runs,)
        Row and symbol of each stretch, in order.
    low, high : ndarray of shape (n_runs,)
        Its ends, within the attribute's range.
    inner, outer : ndarray of shape (n_rows, n_symbols)
        Certified bounds of the length of each symbol's set.
    """

    row: np.ndarray
    symbol: np.ndarray
    low: np.ndarray
    high: np.ndarray
    inner: np.ndarray
    outer: np.ndarray


class Release:
    """The released symbol of a fitted classifier along one attribute.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict``.
    attribute : Attribute
        The sensitive feature.
    X : ndarray or frame of shape (n_samples, n_features)
        Checked training rows; known thresholds are tried on some of them.
    resolution : int
        Cells that are looked at first where the thresholds are not known.
    """

    def __init__(self, estimator: Any, attribute: Attribute, X: Rows, resolution: int):
        self.estimator = estimator
        self.attribute = attribute
        self.resolution = resolution
        if is_random(estimator, X):
            raise ValueError(
                f"{type(estimator).__name__} releases at random (resample=True, or another answer "
                "to the same rows): every value is compatible with every label, with some "
                "probability. Use resample=False for compatible sets."
            )
        inner = unwrapped(estimator)
        ours = getattr(type(inner), "predict", None) is RobustPrivacyClassifier.predict
        self.smoothed: RobustPrivacyClassifier | None = inner if ours else None
        # An estimator may know its own release along this very attribute.
        knows = hasattr(inner, "_attribute_lines") and inner._attribute.same_as(attribute)
        self.known = inner if knows else None
        self.symbols = _symbols(estimator, X)
        self.sweep: Sweep | None = None
        self.certifies = False
        if attribute.categories is None:
            if self.smoothed is None:
                self.sweep = self._thresholds(X)
            else:
                noise = self.smoothed._noise
                self.certifies = bool(attribute.column in noise.columns)
                engine = self.smoothed._engine
                alone = noise.columns.tolist() == [attribute.column]
                # What is certified, and hence answered by a fallback, the certificate itself says.
                alone = alone and self.smoothed._release.fallback is None
                if alone and engine.name == Sweep.name:
                    self.sweep = cast("Sweep", engine)

    def _thresholds(self, X: Rows) -> Sweep | None:
        """Cells of a tree model along the attribute; None for any other."""
        a = self.attribute
        noise = Noise(
            np.array([a.column]),
            np.array([a.name]),
            np.array([a.span / 4]),
            np.array([a.low]),
            np.array([a.high]),
        )
        classes = getattr(self.estimator, "classes_", None)
        if classes is None:
            return None
        return Sweep.for_model(
            self.estimator, np.asarray(classes), noise, sample_rows(X), lossless=True
        )

    def released(self, X: Rows) -> np.ndarray:
        """Number of the symbol that is released for each row."""
        return encode(labels_of(self.estimator, X), self.symbols)

    def lines(self, X: Rows, sigmas: Sequence[float | None]) -> list[tuple[Lines, np.ndarray]]:
        """Symbols along the attribute and at the rows themselves, at each noise level.

        A noise level of None is the one that the model was fitted with. The model is read once for
        all levels where its only noised feature is the attribute.
        """
        a = self.attribute
        if self.known is not None:
            return [self.known._attribute_lines(check_rows(self.known, X, reset=False))]
        if self.smoothed is not None:  # the base model may not check the names of columns
            X = self.smoothed._rows(X)
        if a.categories is None and self.sweep is not None and self.smoothed is None:
            return [(self._cells(X), self.released(X))]
        profile = self._profile(X) if self.sweep is not None else None
        answer = []
        for sigma in sigmas:
            if profile is None and sigma is None:
                symbol = self.released(X)
            else:
                rows, own = np.arange(X.shape[0]), a.values(X)
                symbol = self._read(X, rows, own, sigma, profile)[0]
            categorical = a.categories is not None
            lines = self._categories(X, sigma) if categorical else self._search(X, sigma, profile)
            answer.append((lines, symbol))
        return answer

    def _categories(self, X: Rows, sigma: float | None) -> Lines:
        m, n_rows = len(self.attribute.categories), X.shape[0]  # type: ignore[arg-type]
        rows, z = np.repeat(np.arange(n_rows), m), np.tile(np.arange(m), n_rows)
        symbol = self._read(X, rows, z, sigma, None)[0]
        count = np.zeros((n_rows, len(self.symbols)))
        np.add.at(count, (rows, symbol), 1.0)
        return Lines(rows, symbol, z.astype(float), z + 1.0, count, count)

    def _profile(self, X: Rows) -> Profile:
        """Base labels along the attribute, all rows."""
        assert self.sweep is not None
        return self.sweep.profile(X)

    def _cells(self, X: Rows) -> Lines:
        """A tree model: the runs of its cells, cut to the range."""
        a, profile = self.attribute, self._profile(X)
        low, high = np.maximum(profile.low, a.low), np.minimum(profile.high, a.high)
        keep = low < high
        row, symbol, low, high = profile.row[keep], profile.label[keep], low[keep], high[keep]
        length = np.zeros((X.shape[0], len(self.symbols)))
        np.add.at(length, (row, symbol), high - low)
        return Lines(row, symbol, low, high, length, length)

    def _search(self, X: Rows, sigma: float | None, profile: Profile | None) -> Lines:
        """Any model: look at a grid, then halve what lies between two different symbols.

        Where the release is certified, also halve what no certified ball covers: a band narrower
        than the grid is found all the same.
        """
        a, n_rows = self.attribute, X.shape[0]
        # Every point of a profile is certified: what the grid misses is found all the same.
        cells = self.resolution if profile is None else min(self.resolution, _PROFILE_CELLS)
        grid = np.linspace(a.low, a.high, cells + 1)
        row = np.repeat(np.arange(n_rows), len(grid))
        z = np.tile(grid, n_rows)
        symbol, half = self._read(X, row, z, sigma, profile)
        points = [(row, z, symbol, half)]
        left = np.flatnonzero(np.arange(len(row)) % len(grid) != len(grid) - 1)
        right = left + 1
        gaps = [np.stack([part[left], part[right]]) for part in points[0]]
        for _ in range(_MOST_ROUNDS):
            g_row, g_z, g_symbol, g_half = gaps
            width = g_z[1] - g_z[0]
            covered = g_half.sum(axis=0) >= width
            known = g_half.max(axis=0) > 0  # a point on a change of label has no ball
            open_ = (g_symbol[0] != g_symbol[1]) | (known & ~covered)
            open_ &= width > _PRECISION * a.span
            if not open_.any():
                break
            g_row, g_z, g_symbol, g_half = (part[:, open_] for part in gaps)
            middle = g_z.mean(axis=0)
            symbol, half = self._read(X, g_row[0], middle, sigma, profile)
            points.append((g_row[0], middle, symbol, half))
            gaps = [
                np.concatenate([np.stack([part[0], new]), np.stack([new, part[1]])], axis=1)
                for part, new in zip(
                    (g_row, g_z, g_symbol, g_half),
                    (g_row[0], middle, symbol, half),
                    strict=True,
                )
            ]
        row, z, symbol, half = (np.concatenate(part) for part in zip(*points, strict=True))
        order = np.lexsort((z, row))
        return self._runs(n_rows, row[order], z[order], symbol[order], half[order])

    def _runs(
        self, n_rows: int, row: np.ndarray, z: np.ndarray, symbol: np.ndarray, half: np.ndarray
    ) -> Lines:
        """Stretches between points in order; ends in the middle of two different points."""
        a = self.attribute
        new_row = np.r_[True, row[1:] != row[:-1]]
        starts = np.flatnonzero(new_row | np.r_[True, symbol[1:] != symbol[:-1]])
        first = new_row[starts]
        before = np.r_[z[0], z[:-1]][starts]
        low = np.where(first, a.low, (before + z[starts]) / 2)
        high = np.r_[low[1:], a.high]
        high[np.r_[first[1:], True]] = a.high
        # Certified lengths, gap by gap, from the balls at its two ends.
        gap = np.flatnonzero(~new_row[1:])
        width = z[gap + 1] - z[gap]
        n_symbols = len(self.symbols)
        reach = np.zeros((n_symbols, len(gap)))
        for end in (gap, gap + 1):
            reach[symbol[end], np.arange(len(gap))] += np.minimum(half[end], width)
        total = reach.sum(axis=0)
        inner = np.zeros((n_rows, n_symbols))
        others = np.zeros((n_rows, n_symbols))
        for c in range(n_symbols):
            inner[:, c] = np.bincount(
                row[gap], weights=np.minimum(reach[c], width), minlength=n_rows
            )
            others[:, c] = np.bincount(
                row[gap], weights=np.minimum(total - reach[c], width), minlength=n_rows
            )
        return Lines(row[starts], symbol[starts], low, high, inner, a.span - others)

    def _read(
        self,
        X: Rows,
        rows: np.ndarray,
        z: np.ndarray,
        sigma: float | None,
        profile: Profile | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Symbol and certified half-width along the attribute, for some rows at some values."""
        if self.smoothed is None or (profile is None and not self.certifies and sigma is None):
            return self._read_plain(X, rows, z), np.zeros(len(z))
        release, noise = self.smoothed._release, self.smoothed._noise
        sigma = release.sigma if sigma is None else sigma
        if profile is not None and self.sweep is not None:
            spread = np.full(len(z), sigma * noise.scale[0])
            share = profile.shares(rows, z, spread)
            top = share.argmax(axis=1)
            half = spread * certain_radius(share, top, self.sweep._error(z[:, None], sigma))
            return top, half  # without a fallback the symbols are the classes
        parts = []
        for chunk in self._chunks(len(z), X.shape[1]):
            copies = self.attribute.copies(X, rows[chunk], z[chunk])
            smoothed = self.smoothed
            cert = smoothed._certify_rows(smoothed._rows(copies), [sigma], smoothed._draws())[0]
            released = self.smoothed._released(cert.label, cert.radius)
            parts.append((encode(released, self.symbols), cert.radius))
        symbol, radius = (np.concatenate(part) for part in zip(*parts, strict=True))
        where = np.flatnonzero(noise.columns == self.attribute.column)
        if release.fallback is not None or not len(where):
            # A ball is about the label, not about whether it is certified.
            return symbol, np.zeros(len(z))
        return symbol, radius * noise.scale[where[0]]

    def _read_plain(self, X: Rows, rows: np.ndarray, z: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [
                self.released(self.attribute.copies(X, rows[chunk], z[chunk]))
                for chunk in self._chunks(len(z), X.shape[1])
            ]
        )

    @staticmethod
    def _chunks(n: int, n_features: int) -> list[slice]:
        size = rows_per_chunk(n_features)
        return [slice(first, min(first + size, n)) for first in range(0, n, size)]


def last_release(estimator: Any) -> Any:
    """How the classifier at the end releases, through Pipelines too, or None."""
    return getattr(last_step(estimator), "_release", None)


def _symbols(estimator: Any, X: Rows) -> np.ndarray:
    """All that may be released: the labels, and the label of an abstention."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        classes = np.unique(labels_of(estimator, X))
    classes = np.asarray(classes)
    fallback = getattr(last_release(estimator), "fallback", None)
    if fallback is None:
        return classes
    if classes.dtype.kind == "O":
        return np.asarray(sorted({*classes.tolist(), fallback}), dtype=object)
    return np.unique(np.r_[classes, np.asarray([fallback])])
