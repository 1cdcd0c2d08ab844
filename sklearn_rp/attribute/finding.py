"""Finding compatible sets: the released label as a function of one feature, the others fixed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_rp.attribute.compatible_sets import CompatibleSets, joined
from sklearn_rp.attribute.labelling import MinimumRelease
from sklearn_rp.attribute.search import Read, certain_lengths, search
from sklearn_rp.engines import for_rows
from sklearn_rp.engines.sweep import Sweep
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.feature import Category, Feature, Number
from sklearn_rp.models.asking import at_pairs
from sklearn_rp.models.inside import homes, unwrapped
from sklearn_rp.models.labels import encode, in_labels, labels_of
from sklearn_rp.models.reading import Reading
from sklearn_rp.release import FittedRelease, SmoothedRelease, labels, release_of
from sklearn_rp.rows import Rows, index_of, take_rows
from sklearn_rp.runs import Runs
from sklearn_rp.trial import is_random
from sklearn_rp.validation import as_rows, check_sigmas

_PROFILE_CELLS = 16  # of the first look at a smoothed label that is known all along the feature
_POINTS = 2**20  # looked at in one go


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
    feature = Feature.from_data(X, sensitive_feature, bounds, domain)
    release = ReleaseAlong(estimator, feature, X, check_resolution(resolution))
    return sets_of(release, X, sigmas, n_jobs)


def check_resolution(resolution: Any) -> int:
    """Number of cells: at least 1."""
    if isinstance(resolution, bool) or not isinstance(resolution, int | np.integer):
        raise TypeError(f"resolution={resolution!r} is not allowed: give a whole number of cells.")
    if resolution < 1:
        raise ValueError(f"resolution={resolution} is not allowed: at least 1 cell is needed.")
    return int(resolution)


def sets_of(
    release: ReleaseAlong,
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
    possible = release.feature.possible
    points = release.resolution + 1 if possible is None else len(possible)
    size = max(1, _POINTS // points)
    parts: list[list[CompatibleSets]] = []
    rows = release.checked(X)
    for first in through([*range(0, X.shape[0], size)]):
        chunk = take_rows(rows, slice(first, min(first + size, X.shape[0])))
        parts += for_rows(partial(_sets_of_rows, release, levels, owner), chunk, n_jobs)
    answer = [replace(joined(level), index=index_of(X)) for level in zip(*parts, strict=True)]
    return answer[0] if sigmas is None else answer


def _sets_of_rows(
    release: ReleaseAlong, levels: list[float | None], owner: bool, X: Rows, first: int
) -> list[CompatibleSets]:
    own = release.feature.values(X)
    return [_select(release, along, own) for along in release.along(X, levels, owner)]


def _select(release: ReleaseAlong, along: Along, own: np.ndarray) -> CompatibleSets:
    """The stretches of each row's own symbol."""
    runs, symbol, a = along.runs, along.symbol, release.feature
    runs, rows = runs.where(runs.symbol == symbol[runs.row]), np.arange(len(symbol))
    return CompatibleSets(
        release.symbols[symbol],
        a.name,
        a.low,
        a.high,
        a.categories,
        runs.row,
        runs.low,
        runs.high,
        own,
        along.inner[rows, symbol],
        along.outer[rows, symbol],
        domain=a.domain,
        reading=along.reading,
    )


class Along(NamedTuple):
    """What is released along the feature, for some rows.

    Parameters
    ----------
    runs : Runs
        Stretches of equal symbols.
    symbol : ndarray of int of shape (n_rows,)
        Symbols at the rows themselves.
    inner, outer : ndarray of shape (n_rows, n_symbols)
        Certified bounds of the length of each symbol's set.
    reading : str
        How they were found.
    """

    runs: Runs
    symbol: np.ndarray
    inner: np.ndarray
    outer: np.ndarray
    reading: str

    @classmethod
    def known(cls, runs: Runs, symbol: np.ndarray, domain: Any, reading: str) -> Along:
        """Stretches that are all there is: their lengths are certain."""
        length = runs.totals(domain)
        return cls(runs, symbol, length, length, reading)


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

    Attributes
    ----------
    symbols : ndarray
        All that may be released.
    smoothed : SmoothedRelease or None
        The release of a RobustPrivacyClassifier, where it is one.
    edges : ndarray or None
        All values that a tree model may change at.
    declined : str
        Why these are not known.
    """

    def __init__(self, estimator: Any, feature: Feature, X: Rows, resolution: int):
        inner = unwrapped(estimator)
        # Ours, and its `predict` not overridden: asked directly, its rows need no second check.
        ours = homes(inner, "predict") == {"sklearn_rp"}
        if ours:
            check_is_fitted(inner)
        self.estimator = in_labels(estimator)
        self.feature = feature
        self.resolution = resolution
        if is_random(estimator, X):
            raise ValueError(
                f"{type(estimator).__name__} releases at random (resample=True, or another answer "
                "to the same rows): every value is compatible with every label, with some "
                "probability. Use resample=False for compatible sets."
            )
        release: FittedRelease | None = getattr(inner, "release_", None) if ours else None
        self._own, self._owner = release, inner
        self.smoothed = release if isinstance(release, SmoothedRelease) else None
        # An estimator may know its own release along this very feature.
        knows = isinstance(release, MinimumRelease) and release.feature.same_as(feature)
        self._known = cast("MinimumRelease", release) if knows else None
        self.symbols = _symbols(self.estimator, X)
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
            self._find_edges(estimator if self.smoothed is None else self.smoothed.model, X)

    def _find_edges(self, model: Any, X: Rows) -> None:
        """Where a tree model may change along the feature; or why that is not known."""
        if getattr(model, "classes_", None) is None:
            self.declined = f"{type(model).__name__} names no classes_"
            return
        a = self.feature
        low, high = np.array([a.low]), np.array([a.high])
        try:
            reading = Reading.by_thresholds(model, a.columns, low, high, (high - low) / 4, X)
            self.edges = reading.edges[0]
        except NotForMe as reason:
            self.declined = str(reason)

    def checked(self, X: Rows) -> Rows:
        """Rows as `along` takes them: of possible values, and checked by the estimator."""
        X = self.feature.settled(X)
        return X if self._own is None else self._owner.checked_rows(X)

    def released(self, X: Rows) -> np.ndarray:
        """Number of the symbol that is released for each of some checked rows."""
        if self._own is None:
            return encode(labels_of(self.estimator, X), self.symbols)
        found = self._own.release(X, getattr(self._owner, "n_jobs", None))
        return encode(found, self.symbols)

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
            runs, symbol = self._known.along(X)
            return [Along.known(runs, symbol, a.domain, "its own labelling")]
        own, rows = a.values(X), np.arange(X.shape[0])
        profile = None if self._sweep is None else self._sweep.profile(X)
        answer = []
        for sigma in sigmas:
            read = self._reader(X, sigma, profile)
            plain = profile is None and sigma is None
            symbol = self.released(X) if plain else read(rows, own)[0]
            found = None
            if a.possible is not None or self.edges is not None:
                found = self._at_cells(read, own, symbol, owner)
            if found is None:
                found = self._by_search(read, own, symbol, owner, profile)
            answer.append(found)
        return answer

    def _at_cells(
        self, read: Read, own: np.ndarray, symbol: np.ndarray, owner: bool
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
        apart, n_symbols = isinstance(a, Category), len(self.symbols)
        runs = Runs.from_cells(found, cells.first, cells.last, n_symbols, apart=apart)
        return Along.known(runs, symbol, a.domain, reading)

    def _by_search(
        self, read: Read, own: np.ndarray, symbol: np.ndarray, owner: bool, profile: Runs | None
    ) -> Along:
        """Any model."""
        a, n_rows, n_symbols = cast("Number", self.feature), len(own), len(self.symbols)
        # Every point of a profile is certified: what the grid misses is found all the same.
        cells = self.resolution if profile is None else min(self.resolution, _PROFILE_CELLS)
        grid = a.first_look(cells, atoms=not self._certifies)
        points = search(read, a, own, symbol if owner else None, grid)
        runs = Runs.from_points(points.row, points.z, points.symbol, n_rows, n_symbols)
        inner, others = certain_lengths(points, a.domain, n_rows, n_symbols)
        reading = f"search ({self.declined or 'its thresholds are not those of the model'})"
        return Along(runs, symbol, inner, a.span - others, reading)

    def _reader(self, X: Rows, sigma: float | None, profile: Runs | None) -> Read:
        """Symbol and certified half-width along the feature, for some rows at some values."""
        smoothed, a = self.smoothed, self.feature
        if smoothed is None or (profile is None and not self._certifies and sigma is None):
            ask = self._plain
        else:
            level = smoothed.sigma if sigma is None else sigma
            if profile is not None and self._sweep is not None:
                # Without a fallback the symbols are the classes.
                return partial(self._sweep.certified_along, profile, sigma=level)
            ask = partial(self._certified, smoothed, level)

        def read(rows: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            symbol, half = at_pairs(ask, X, a.columns, rows, a.held(z)[:, None])
            return symbol, half

        return read

    def _plain(self, X: Rows) -> tuple[np.ndarray, np.ndarray]:
        return self.released(X), np.zeros(X.shape[0])

    def _certified(
        self, smoothed: SmoothedRelease, sigma: float, X: Rows
    ) -> tuple[np.ndarray, np.ndarray]:
        (cert,) = smoothed.certify(X, [sigma], n_jobs=self._owner.n_jobs)
        found = smoothed.answer.released(cert.label, partial(getattr, cert, "radius"))
        symbol = encode(found, self.symbols)
        where = np.flatnonzero(smoothed.noise.columns == self.feature.column)
        if smoothed.fallback is not None or not len(where):
            # A ball is about the label, not about whether it is certified.
            return symbol, np.zeros(X.shape[0])
        return symbol, cert.radius * smoothed.noise.scale[where[0]]


def _symbols(estimator: Any, X: Rows) -> np.ndarray:
    """All that may be released: the labels, and the label of an abstention."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        classes = np.unique(labels_of(estimator, X))
    return labels(np.asarray(classes), getattr(release_of(estimator), "fallback", None)).symbols
