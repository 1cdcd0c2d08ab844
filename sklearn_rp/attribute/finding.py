"""Finding the compatible sets of rows, for any fitted model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from sklearn_rp.attribute.along import Along, ReleaseAlong
from sklearn_rp.attribute.asked import features_of
from sklearn_rp.attribute.compatible_sets import CompatibleSets, joined
from sklearn_rp.attribute.joint_finding import joint_sets_of
from sklearn_rp.engines import for_rows
from sklearn_rp.models.items import gives_lists
from sklearn_rp.models.labels import gives_numbers
from sklearn_rp.rows import Rows, index_of, take_rows
from sklearn_rp.validation import as_rows, check_sigmas

_POINTS = 2**20  # looked at in one go


def compatible_sets(
    estimator: Any,
    X: Any,
    *,
    sensitive_feature: Any,
    bounds: Any = None,
    domain: Any = "auto",
    resolution: int = 256,
    tolerance: float = 0.0,
    sigmas: Sequence[float] | None = None,
    n_jobs: int | None = None,
) -> Any:
    """Values of a sensitive feature with the same released label, number or list, for each row.

    Parameters
    ----------
    estimator : fitted classifier, regressor or recommender
        Anything with ``predict``. Of a feature with few possible values every one is asked about,
        and of a tree model whose thresholds are known nothing is missed either. Elsewhere ends are
        found to the last possible value, but bands narrower than a cell of the first look may be
        missed: not for an estimator that smooths along the feature by an exact method, without
        fallback and `tolerance`; not around the row's own value; and not at values that occur
        often, at whole numbers (up to 256) and at zero.

        Several features are looked at on a grid of cells that are halved at the borders of a set,
        and what lies between two different answers is in no set; where all possible values or
        thresholds are known, and their cells no more than 8192, each is asked about.
    X : ndarray or frame of shape (n_rows, n_features)
        Rows.
    sensitive_feature : str, int, or list of up to three of them
        Name or position, numeric or categorical; a list for sets of joint values.
    bounds : (low, high), or sequence of categories, default=None
        The values that are possible; None: those in `X`. Give them before anything is published:
        the smallest and the largest value in `X` are those of two people. Of several features a
        mapping from feature, or one for each.
    domain : "auto", "continuous", "integer", or sequence of numbers, default="auto"
        Which numbers within the bounds are possible: all, the whole ones, or these. "auto": whole
        ones where the column holds nothing else (a column of floats, in 20 rows or more). Lengths
        of any but a continuous domain are numbers of possible values.
    resolution : int, default=256
        Cells of the first look; along each of two features 64 at most, of three 16.
    tolerance : float, default=0.0
        Of a regressor, in the unit of its target: values with a number that differs from the
        released one by no more than this are compatible with it. An exact number of a smooth model
        leaves one point open; give what nobody can tell apart, half a unit of the last digit shown.
    sigmas : sequence of float, default=None
        Noise levels of an estimator that smooths; None: the one it was fitted with. With a single
        noised feature the model is read once for all.
    n_jobs : int, default=None
        Processes that share the rows (joblib).

    Returns
    -------
    sets : CompatibleSets, or list of CompatibleSets where `sigmas` is given
        JointSets of several features: as near to the row as the grid allows its own values are in
        a box that is inside the set, grown to all sides in turn.

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
    features = features_of(sensitive_feature, X, bounds, domain)
    tolerance, cells = check_tolerance(tolerance, estimator), check_resolution(resolution)
    releases = [ReleaseAlong(estimator, each, X, cells, tolerance) for each in features]
    if len(releases) == 1:
        return sets_of(releases[0], X, sigmas, n_jobs)
    if sigmas is not None:
        raise ValueError(
            "sigmas is not allowed with several sensitive features: their sets are found at one "
            "noise level, that of fit."
        )
    return joint_sets_of(releases, X, n_jobs)


def check_resolution(resolution: Any) -> int:
    """Number of cells: at least 1."""
    if isinstance(resolution, bool) or not isinstance(resolution, int | np.integer):
        raise TypeError(f"resolution={resolution!r} is not allowed: give a whole number of cells.")
    if resolution < 1:
        raise ValueError(f"resolution={resolution} is not allowed: at least 1 cell is needed.")
    return int(resolution)


def check_tolerance(tolerance: Any, estimator: Any) -> float:
    """How far numbers may differ that are taken for the same: 0 for labels and lists."""
    number = isinstance(tolerance, Real) and not isinstance(tolerance, bool)
    if not number or not 0 <= float(tolerance) < np.inf:
        raise ValueError(
            f"tolerance={tolerance!r} is not allowed: a finite number from 0 up, in the unit of "
            "the target."
        )
    if tolerance and not gives_numbers(estimator):
        raise ValueError(
            f"tolerance={tolerance!r} is not allowed for {type(estimator).__name__}, which "
            f"releases {'lists' if gives_lists(estimator) else 'labels'}: it is about numbers. "
            "Leave it out."
        )
    return float(tolerance)


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
            "sigmas is given, but the estimator is no RobustPrivacyClassifier, -Regressor or "
            "-Recommender: it has no noise."
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
        along.answer,
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
