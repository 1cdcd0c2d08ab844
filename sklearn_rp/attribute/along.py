"""What is released as a function of one sensitive feature, the others fixed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_rp.answers import labels
from sklearn_rp.attribute.joint import MinimumBoxes
from sklearn_rp.attribute.labelling import MinimumRelease
from sklearn_rp.attribute.search import Fineness, Read, Told, certain_lengths, search
from sklearn_rp.engines.sweep import Sweep
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.feature import Category, Feature, Number
from sklearn_rp.models.asking import at_pairs
from sklearn_rp.models.inside import homes, last_step, unwrapped
from sklearn_rp.models.items import ItemScores, gives_lists, lists_of
from sklearn_rp.models.labels import encode, gives_numbers, in_labels, labels_of, numbers_of
from sklearn_rp.models.reading import Reading
from sklearn_rp.release import FittedRelease, ListRelease, SmoothedRelease, release_of
from sklearn_rp.rows import Rows
from sklearn_rp.rules import TopItems
from sklearn_rp.runs import Runs, concatenate
from sklearn_rp.trial import refuse_random

OWN_READING = "its own labelling"  # of an estimator that knows its sets
_VOTED_BALL = 2.0**-10  # of the range: how closely balls of votes are made to meet
_FIRST_CELLS = 16  # of the first look where what is released is certified all along the feature


class Along(NamedTuple):
    """What is released along the feature, for some rows.

    Parameters
    ----------
    runs : Runs
        Stretches of equal symbols.
    symbol : ndarray of int of shape (n_rows,)
        Symbols at the rows themselves.
    answer : ndarray of shape (n_rows,)
        What is released for them.
    inner, outer : ndarray of shape (n_rows, n_symbols)
        Certified bounds of the length of each symbol's set.
    reading : str
        How they were found.
    """

    runs: Runs
    symbol: np.ndarray
    answer: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    reading: str

    @classmethod
    def known(
        cls, runs: Runs, symbol: np.ndarray, answer: np.ndarray, domain: Any, reading: str
    ) -> Along:
        """Stretches that are all there is: their lengths are certain."""
        length = runs.totals(domain)
        return cls(runs, symbol, answer, length, length, reading)


class ReleaseAlong:
    """The released symbol of a fitted classifier along one feature.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict``.
    feature : Feature
        The sensitive feature.
    X : ndarray or frame of shape (n_samples, n_features)
        Checked training rows; known thresholds are tried on some of them.
    resolution : int
        Cells that are looked at first where the thresholds are not known.
    tolerance : float
        Of a regressor: numbers that differ by no more than this are taken for the same.

    Attributes
    ----------
    symbols : ndarray
        All labels that may be released.
    numbers, lists : bool
        Whether numbers are released, or lists of items; `symbols` then are no labels, or the items.
    smoothed : SmoothedRelease or None
        The release of a RobustPrivacyClassifier, where it is one.
    own : FittedRelease or None
        The release of one of our estimators, whose `predict` is ours.
    edges : ndarray or None
        All values that a tree model may change at.
    declined : str
        Why these are not known.
    """

    def __init__(
        self,
        estimator: Any,
        feature: Feature,
        X: Rows,
        resolution: int,
        tolerance: float = 0.0,
    ):
        inner = unwrapped(estimator)
        # Ours, and its `predict` not overridden: asked directly, its rows need no second check.
        ours = homes(inner, "predict") == {"sklearn_rp"}
        if ours:
            check_is_fitted(inner)
        self.estimator = in_labels(estimator)
        self.feature = feature
        self.resolution = resolution
        release: FittedRelease | None = getattr(inner, "release_", None) if ours else None
        self.own, self._owner = release, inner
        self.smoothed = release if isinstance(release, SmoothedRelease) else None
        # An estimator may know its own release along this very feature.
        knows = isinstance(release, MinimumRelease) and release.feature.same_as(feature)
        self._place: int | None = None  # of the feature, where several are hidden jointly
        if isinstance(release, MinimumBoxes):
            self._place = release.cells.place_of(feature)
            knows = self._place is not None
        knows = knows and not tolerance
        self._known = cast("MinimumRelease", release) if knows else None
        if not knows:  # whose model was tried in `fit`
            refuse_random(estimator, X)
        # Of a smoothed regressor all numbers that it may release are known, as labels are.
        known = self.smoothed is not None and not tolerance
        self.numbers, self.tolerance = gives_numbers(estimator) and not known, tolerance
        self.lists = gives_lists(estimator)
        self.symbols = self._symbols(estimator, X)
        several = self.numbers or self.lists
        self._n_symbols = 2 if several else len(self.symbols)  # another answer, and the same
        self.edges: np.ndarray | None = None
        self.declined = ""
        self._sweep: Sweep | None = None
        self._certifies = False
        if not isinstance(feature, Number):
            return
        if self.smoothed is not None:
            noise, engine = self.smoothed.noise, self.smoothed.engine
            self._certifies = bool(feature.column in noise.columns)
            alone = noise.columns.tolist() == [feature.column]
            # What is certified, and hence answered by a fallback, the certificate itself says.
            alone = alone and self.smoothed.fallback is None
            if alone and engine.name == Sweep.name:
                self._sweep = cast("Sweep", engine)
        if self._certifies:
            self.declined = "noise on the feature smooths the model's thresholds"
        elif feature.possible is None:
            # Noise on other features: whatever the votes, the label changes where the model does.
            inside = isinstance(release, SmoothedRelease | ListRelease)
            model = release.model if inside else estimator  # type: ignore[union-attr]
            self.edges, self.declined = edges_along(model, feature, X)

    def _symbols(self, estimator: Any, X: Rows) -> np.ndarray:
        """Labels, or items; none of numbers."""
        if self.numbers:
            return np.empty(0)
        if self.lists:
            items = getattr(last_step(estimator), "items_", None)
            return np.unique(lists_of(estimator, X)) if items is None else np.asarray(items)
        if self.smoothed is not None and self.smoothed.symbols is not None:
            return self.smoothed.symbols
        return symbols_of(self.estimator, X)

    def checked(self, X: Rows) -> Rows:
        """Rows as `along` takes them: of possible values, and checked by the estimator."""
        X = self.feature.settled(X)
        return X if self.own is None else self._owner.checked_rows(X)

    def released(self, X: Rows) -> np.ndarray:
        """Code of what is released for each of some checked rows."""
        return self.coded(self.answer(X))

    def coded(self, answer: np.ndarray) -> np.ndarray:
        """Answers as numbers: of labels, and items, their place among the symbols."""
        return answer if self.numbers else encode(answer, self.symbols)

    def described(self, answer: np.ndarray) -> np.ndarray:
        """Answers as numbers to learn from: of lists the rank of each item, from the end."""
        coded = self.coded(answer)
        if not self.lists:
            return coded
        found = np.zeros((len(coded), len(self.symbols)))
        ordered = bool(getattr(last_step(self._owner), "ordered", True))
        worth = TopItems(coded.shape[1], ordered).worth
        np.put_along_axis(found, coded, worth[None], axis=1)
        return found

    def same(self, found: np.ndarray, answer: np.ndarray) -> np.ndarray:
        """Which answers are those that were given: shape (n,)."""
        if self.numbers:
            return np.asarray(np.abs(found - answer) <= self.tolerance)
        same = np.asarray(found == answer)
        return np.asarray(same.all(axis=1)) if self.lists else same

    def answer(self, X: Rows) -> np.ndarray:
        """What is released for each of some checked rows."""
        if self.own is not None:
            return self.own.release(X, getattr(self._owner, "n_jobs", None))
        if self.lists:
            return lists_of(self.estimator, X)
        return numbers_of(self.estimator, X) if self.numbers else labels_of(self.estimator, X)

    def along(
        self, X: Rows, sigmas: Sequence[float | None] = (None,), owner: bool = True
    ) -> list[Along]:
        """Symbols along the feature and at the rows themselves, at each noise level.

        A noise level of None is the one that the model was fitted with. The model is read once for
        all levels where its only noised feature is the sensitive one.

        With `owner`, every row is in its own set: what a reading of the model says of a row is held
        against what is released for it. Without, stretches depend on the other features alone, so
        that the stretches of one symbol may be published.
        """
        a = self.feature
        if self._known is not None:
            if self._place is None:
                runs, symbol, answer = self._known.along(X)
            else:
                joint = cast("MinimumBoxes", self._known)
                runs, symbol, answer = joint.along_one(X, self._place)
            return [Along.known(runs, symbol, answer, a.domain, OWN_READING)]
        own, rows = a.values(X), np.arange(X.shape[0])
        profile = None if self._sweep is None else self._sweep.profile(X)
        found = []
        for sigma in sigmas:
            plain = profile is None and sigma is None
            if self.numbers:
                answer = self.answer(X)
                symbol = np.ones(len(answer), dtype=np.intp)
                read = self._near(X, answer)
            elif self.lists:
                told = self._reader(X, sigma, profile)
                answer = self.answer(X) if plain else told(rows, own)[0]
                symbol = np.ones(len(answer), dtype=np.intp)
                read = partial(self._same_list, told, answer)
            else:
                read = self._reader(X, sigma, profile)
                symbol = self.released(X) if plain else read(rows, own)[0]
                answer = self.symbols[symbol]
            along = None
            if a.possible is not None or self.edges is not None:
                along = self._at_cells(read, own, symbol, answer, owner)
            if along is None:
                along = self._by_search(read, own, symbol, answer, owner, profile)
            found.append(along)
        return found

    def _at_cells(
        self, read: Read, own: np.ndarray, symbol: np.ndarray, answer: np.ndarray, owner: bool
    ) -> Along | None:
        """All possible values, or all cells of a tree model; None where that is not the model."""
        a, n_rows = self.feature, len(own)
        cells = a.cells(self.edges, self.resolution)
        rows, z = np.repeat(np.arange(n_rows), len(cells)), np.tile(cells.at, n_rows)
        found = read(rows, z)[0].reshape(n_rows, len(cells))
        if owner:
            where = np.arange(n_rows), cells.of(own)
            if a.possible is None and (found[where] != symbol).any():  # misread: nothing is certain
                return None
            found[where] = symbol
        reading = "thresholds of the model" if a.possible is None else "every possible value"
        apart, n_symbols = isinstance(a, Category), self._n_symbols
        runs = Runs.from_cells(found, cells.first, cells.last, n_symbols, apart=apart)
        return Along.known(runs, symbol, answer, a.domain, reading)

    def _by_search(
        self,
        read: Read,
        own: np.ndarray,
        symbol: np.ndarray,
        answer: np.ndarray,
        owner: bool,
        profile: Runs | None,
    ) -> Along:
        """Any model."""
        a, n_symbols = cast("Number", self.feature), self._n_symbols
        # What balls cover needs no look: where points are certified, a coarse grid is enough, and
        # what it misses is found all the same.
        balls = profile is not None or self._certifies
        grid = a.first_look(
            min(self.resolution, _FIRST_CELLS) if balls else self.resolution,
            atoms=not self._certifies,
        )
        # Votes are counts: their balls end somewhere near a change, and no closer look tells more.
        voted = self.smoothed is not None and self.smoothed.n_votes > 0
        fineness = Fineness(1.5 / self.resolution, _VOTED_BALL if voted else Fineness.ball)
        parts = []
        for some, points in search(read, a, own, symbol if owner else None, grid, fineness):
            size = len(own[some])
            found = Runs.from_points(points.row, points.z, points.symbol, size, n_symbols)
            parts.append((found, *certain_lengths(points, a.domain, size, n_symbols)))
        runs = concatenate([found for found, _, _ in parts])
        inner, others = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
        reading = f"search ({self.declined or 'its thresholds are not those of the model'})"
        return Along(runs, symbol, answer, inner, a.span - others, reading)

    def _reader(self, X: Rows, sigma: float | None, profile: Runs | None) -> Read:
        """What is released along the feature, for some rows at some values: see `Read`."""
        smoothed, a = self.smoothed, self.feature
        if smoothed is None or (profile is None and not self._certifies and sigma is None):
            ask = self._plain
        else:
            level = smoothed.sigma if sigma is None else sigma
            if profile is not None and self._sweep is not None:
                # Without a fallback the symbols are the classes.
                return partial(self._swept, self._sweep, profile, level)
            ask = partial(self._certified, smoothed, level)

        def read(rows: np.ndarray, z: np.ndarray) -> Told:
            symbol, half, near = at_pairs(ask, X, a.columns, rows, a.held(z)[:, None])
            return symbol, half, near

        return read

    def _swept(
        self, sweep: Sweep, profile: Runs, sigma: float, rows: np.ndarray, z: np.ndarray
    ) -> Told:
        symbol, half = sweep.certified_along(profile, rows, z, sigma)
        return (self.symbols[symbol] if self.lists else symbol), half, half

    @staticmethod
    def _same_list(told: Read, answer: np.ndarray, rows: np.ndarray, z: np.ndarray) -> Told:
        """Whether the list at some values is the row's own, and for how far it, or none, is so."""
        found, half, near = told(rows, z)
        return (found == answer[rows]).all(axis=1).astype(np.intp), half, near

    def _near(self, X: Rows, answer: np.ndarray) -> Read:
        """Whether the number at some values is within the tolerance of the one that is released."""

        def ask(rows: Rows) -> tuple[np.ndarray, ...]:
            return (self.answer(rows),)

        def read(rows: np.ndarray, z: np.ndarray) -> Told:
            (found,) = at_pairs(ask, X, self.feature.columns, rows, self.feature.held(z)[:, None])
            nothing = np.zeros(len(z))
            return self.same(found, answer[rows]).astype(np.intp), nothing, nothing

        return read

    def _plain(self, X: Rows) -> Told:
        answer, nothing = self.answer(X), np.zeros(X.shape[0])
        return (answer if self.lists else self.coded(answer)), nothing, nothing

    def _certified(self, smoothed: SmoothedRelease, sigma: float, X: Rows) -> Told:
        (cert,) = smoothed.certify(X, [sigma], n_jobs=self._owner.n_jobs)
        found = smoothed.answer.released(cert.label, partial(getattr, cert, "radius"))
        symbol = found if self.lists else encode(found, self.symbols)
        where = np.flatnonzero(smoothed.noise.columns == self.feature.column)
        if smoothed.fallback is not None or not len(where):
            # A ball is about the label, not about whether it is certified.
            return symbol, *np.zeros((2, X.shape[0]))
        scale = smoothed.noise.scale[where[0]]
        known = cert.label.ndim == 1 or cert.alpha == 0  # of lists by votes it is not
        near = cert.release_radius(rule="majority") if known else np.zeros(X.shape[0])
        return symbol, cert.radius * scale, near * scale


def symbols_of(estimator: Any, X: Rows) -> np.ndarray:
    """All that may be released: the labels, and the label of an abstention."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        classes = np.unique(labels_of(estimator, X))
    return labels(np.asarray(classes), getattr(release_of(estimator), "fallback", None)).symbols


def edges_along(model: Any, feature: Feature, X: Rows) -> tuple[np.ndarray | None, str]:
    """All values of a feature that a tree model may change at; or None, and why not."""
    if not isinstance(feature, Number) or feature.possible is not None:
        return None, ""
    known = gives_numbers(model) or isinstance(model, ItemScores)
    if not known and getattr(model, "classes_", None) is None:
        return None, f"{type(model).__name__} names no classes_"
    low, high = np.array([feature.low]), np.array([feature.high])
    try:
        found = Reading.by_thresholds(model, feature.columns, low, high, (high - low) / 4, X)
    except NotForMe as reason:
        return None, str(reason)
    return found.edges[0], ""
