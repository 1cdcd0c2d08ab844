"""The released label as a function of one sensitive feature, the others fixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from sklearn_rp.classifier import RobustPrivacyClassifier
from sklearn_rp.domain import extent
from sklearn_rp.engines.sweep import Profile, Sweep, certain_radius
from sklearn_rp.feature import Feature
from sklearn_rp.models.inside import last_step, unwrapped
from sklearn_rp.models.labels import encode, in_labels, labels_of
from sklearn_rp.models.thresholds import NotForMe
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows, rows_per_chunk
from sklearn_rp.validation import check_rows
from sklearn_rp.wrapper import is_random

_PRECISION = 1e-7  # of the range: how closely certified balls of one label are made to meet
_MOST_ROUNDS = 120  # of halving
_PROFILE_CELLS = 16  # of the first look at a smoothed label that is known all along the attribute


@dataclass(frozen=True, eq=False)
class Lines:
    """What is released along the attribute, for some rows: stretches of equal symbols.

    Parameters
    ----------
    row, symbol : ndarray of int of shape (n_runs,)
        Row and symbol of each stretch, in order.
    low, high : ndarray of shape (n_runs,)
        Its ends, possible values that belong to it; of a category its position and the next.
    inner, outer : ndarray of shape (n_rows, n_symbols)
        Certified bounds of the length of each symbol's set.
    reading : str
        How they were found.
    """

    row: np.ndarray
    symbol: np.ndarray
    low: np.ndarray
    high: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    reading: str

    @classmethod
    def known(
        cls,
        row: np.ndarray,
        symbol: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        shape: tuple[int, int],
        feature: Feature,
        reading: str,
    ) -> Lines:
        """Stretches that are all there is: their lengths are certain. `shape`: rows, symbols."""
        length = np.zeros(shape)
        np.add.at(length, (row, symbol), extent(low, high, feature.domain))
        return cls(row, symbol, low, high, length, length, reading)

    @classmethod
    def from_cells(
        cls,
        symbol: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
        n_symbols: int,
        feature: Feature,
        reading: str,
    ) -> Lines:
        """Runs of equal symbols, of cells of shape (n_rows, n_cells); categories stay apart."""
        change = np.ones(symbol.shape, dtype=bool)
        if feature.categories is None:
            change[:, 1:] = symbol[:, 1:] != symbol[:, :-1]
        row, begin = np.nonzero(change)
        end = np.r_[begin[1:], 0] - 1
        end[np.r_[row[1:] != row[:-1], True]] = symbol.shape[1] - 1
        low, high = first[begin], last[end]
        shape = (len(symbol), n_symbols)
        return cls.known(row, symbol[row, begin], low, high, shape, feature, reading)

    def at(self, values: np.ndarray) -> np.ndarray:
        """Symbol of each row at one value; -1 where no stretch holds it. Numeric features only."""
        held = (self.low <= values[self.row]) & (values[self.row] <= self.high)
        symbol = np.full(len(values), -1)
        symbol[self.row[held]] = self.symbol[held]
        return symbol


class Release:
    """The released symbol of a fitted classifier along one attribute.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict``.
    attribute : Feature
        The sensitive feature.
    X : ndarray or frame of shape (n_samples, n_features)
        Checked training rows; known thresholds are tried on some of them.
    resolution : int
        Cells that are looked at first where the thresholds are not known.
    """

    def __init__(self, estimator: Any, attribute: Feature, X: Rows, resolution: int):
        self.estimator = in_labels(estimator)
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
        self.symbols = _symbols(self.estimator, X)
        self.edges: np.ndarray | None = None  # all that a tree model may change at
        self.declined = ""  # why not
        self.sweep: Sweep | None = None
        self.certifies = False
        if attribute.categories is not None:
            return
        if self.smoothed is not None:
            noise = self.smoothed._noise
            self.certifies = bool(attribute.column in noise.columns)
            engine = self.smoothed._engine
            alone = noise.columns.tolist() == [attribute.column]
            # What is certified, and hence answered by a fallback, the certificate itself says.
            alone = alone and self.smoothed._release.fallback is None
            if alone and engine.name == Sweep.name:
                self.sweep = cast("Sweep", engine)
        if self.certifies:
            self.declined = "noise on the feature smooths the model's thresholds"
        elif attribute.possible is None:
            # Noise on other features: whatever the votes, the label changes where the model does.
            self._find_edges(inner.estimator_ if ours else estimator, X)

    def _find_edges(self, model: Any, X: Rows) -> None:
        """Where a tree model may change along the attribute; or why that is not known."""
        a = self.attribute
        noise = Noise(
            np.array([a.column]),
            np.array([a.name]),
            np.array([(a.high - a.low) / 4]),
            np.array([a.low]),
            np.array([a.high]),
        )
        classes = getattr(model, "classes_", None)
        if classes is None:
            self.declined = f"{type(model).__name__} names no classes_"
            return
        classes = np.asarray(classes)
        try:
            self.edges = Sweep.by_thresholds(model, classes, noise, X).edges[0]
        except NotForMe as reason:
            self.declined = str(reason)

    def released(self, X: Rows) -> np.ndarray:
        """Number of the symbol that is released for each row."""
        return encode(labels_of(self.estimator, X), self.symbols)

    def lines(
        self, X: Rows, sigmas: Sequence[float | None], owner: bool = True
    ) -> list[tuple[Lines, np.ndarray]]:
        """Symbols along the attribute and at the rows themselves, at each noise level.

        A noise level of None is the one that the model was fitted with. The model is read once for
        all levels where its only noised feature is the attribute.

        With `owner`, every row is in its own set: what a reading of the model says of a row is held
        against what is released for it. Without, stretches depend on the other features alone, so
        that the stretches of one symbol may be published.
        """
        a = self.attribute
        X = a.settled(X)
        if self.known is not None:
            return [self.known._attribute_lines(check_rows(self.known, X, reset=False))]
        if self.smoothed is not None:  # the base model may not check the names of columns
            X = self.smoothed._rows(X)
        own, rows = a.values(X), np.arange(X.shape[0])
        profile = None if self.sweep is None else self.sweep.profile(X)
        answer = []
        for sigma in sigmas:
            if profile is None and sigma is None:
                symbol = self.released(X)
            else:
                symbol = self._read(X, rows, own, sigma, profile)[0]
            seen = symbol if owner else None
            lines = None
            if a.possible is not None or self.edges is not None:
                lines = self._cells(X, own, seen, sigma, profile)
            if lines is None:
                lines = self._search(X, own, seen, sigma, profile)
            answer.append((lines, symbol))
        return answer

    def _cells(
        self,
        X: Rows,
        own: np.ndarray,
        seen: np.ndarray | None,
        sigma: float | None,
        profile: Profile | None,
    ) -> Lines | None:
        """All possible values, or all cells of a tree model; None where that is not the model."""
        a, n_rows = self.attribute, X.shape[0]
        cells = a.cells(self.edges, self.resolution)
        rows, z = np.repeat(np.arange(n_rows), len(cells)), np.tile(cells.at, n_rows)
        symbol = self._read(X, rows, z, sigma, profile)[0].reshape(n_rows, len(cells))
        if seen is not None:
            where = np.arange(n_rows), cells.of(own)
            if a.possible is None and (symbol[where] != seen).any():  # misread: nothing is certain
                return None
            symbol[where] = seen
        reading = "thresholds of the model" if a.possible is None else "every possible value"
        return Lines.from_cells(symbol, cells.first, cells.last, len(self.symbols), a, reading)

    def _search(
        self,
        X: Rows,
        own: np.ndarray,
        seen: np.ndarray | None,
        sigma: float | None,
        profile: Profile | None,
    ) -> Lines:
        """Any model: look at a grid, then halve what lies between two different symbols.

        Where the release is certified, also halve what no certified ball covers: a band narrower
        than the grid is found all the same.
        """
        a, n_rows = self.attribute, X.shape[0]
        # Every point of a profile is certified: what the grid misses is found all the same.
        cells = self.resolution if profile is None else min(self.resolution, _PROFILE_CELLS)
        grid = a.first_look(cells, atoms=not self.certifies)
        row = np.repeat(np.arange(n_rows), len(grid))
        z = np.tile(grid, n_rows)
        points = self._halved(X, (row, z, *self._read(X, row, z, sigma, profile)), sigma, profile)
        lines = self._runs(n_rows, *points)
        stray = np.flatnonzero(seen is not None and lines.at(own) != seen)
        if seen is not None and len(stray):  # a band so narrow that only the row in it sees it
            new = (stray, own[stray], seen[stray], np.zeros(len(stray)))
            both = tuple(np.concatenate(pair) for pair in zip(points, new, strict=True))
            lines = self._runs(n_rows, *self._halved(X, both, sigma, profile))
        return lines

    def _halved(
        self, X: Rows, points: tuple[np.ndarray, ...], sigma: float | None, profile: Profile | None
    ) -> tuple[np.ndarray, ...]:
        """Points looked at, in order, and those between them that had to be looked at, too.

        Until two neighbours of different symbols have no possible value between them.
        """
        a = self.attribute
        points = _in_order(points)
        left = np.flatnonzero(points[0][1:] == points[0][:-1])
        gaps = [np.stack([part[left], part[left + 1]]) for part in points]
        looks = [points]
        for _ in range(_MOST_ROUNDS):
            _, z, symbol, half = gaps
            width, middle = z[1] - z[0], a.middle(z[0], z[1])
            known = half.max(axis=0) > 0  # a point on a change of label has no ball
            bare = known & (half.sum(axis=0) < width) & (width > _PRECISION * (a.high - a.low))
            open_ = (symbol[0] != symbol[1]) | bare
            open_ &= (middle > z[0]) & (middle < z[1])
            if not open_.any():
                break
            gaps = [part[:, open_] for part in gaps]
            rows, middle = gaps[0][0], middle[open_]
            new = (rows, middle, *self._read(X, rows, middle, sigma, profile))
            looks.append(new)
            gaps = [
                np.concatenate([np.stack([part[0], at]), np.stack([at, part[1]])], axis=1)
                for part, at in zip(gaps, new, strict=True)
            ]
        return _in_order(tuple(np.concatenate(part) for part in zip(*looks, strict=True)))

    def _runs(
        self, n_rows: int, row: np.ndarray, z: np.ndarray, symbol: np.ndarray, half: np.ndarray
    ) -> Lines:
        """Stretches between points in order. What lies between two different points is in none."""
        a = self.attribute
        new_row = np.r_[True, row[1:] != row[:-1]]
        starts = np.flatnonzero(new_row | np.r_[True, symbol[1:] != symbol[:-1]])
        stops = np.r_[starts[1:], len(row)] - 1
        # Certified lengths, gap by gap, from the balls at its two ends.
        gap = np.flatnonzero(~new_row[1:])
        width = z[gap + 1] - z[gap]
        n_symbols = len(self.symbols)
        reach = np.zeros((n_symbols, len(gap)))
        if a.domain == "continuous":
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
        reading = f"search ({self.declined or 'its thresholds are not those of the model'})"
        low, high = z[starts], z[stops]
        return Lines(row[starts], symbol[starts], low, high, inner, a.span - others, reading)

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


def _in_order(points: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Points by row and value; of several at one place the one that came last."""
    row, z = points[:2]
    order = np.lexsort((z, row))
    row, z = row[order], z[order]
    last = np.r_[(row[1:] != row[:-1]) | (z[1:] != z[:-1]), True]
    return tuple(part[order[last]] for part in points)


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
