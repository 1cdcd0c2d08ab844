"""Answers learnt for whole runs: a second model, and what it is worth beside the first."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import KFold, StratifiedKFold

from sklearn_rp.attribute.labelling import MinimumRelease, blurred
from sklearn_rp.attribute.partition import random_pieces
from sklearn_rp.attribute.space import Space
from sklearn_rp.feature import Feature, Number
from sklearn_rp.models.inside import is_frozen
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.wrapper import of_rows

_COPIES = 4  # of each training row, in as many pieces
_MOST_COPIES = 200_000
# The weight of answers learnt for runs is found on so many rows, as many asked about in each half.
_FEWEST_ROWS, _WEIGHED_ROWS, _HELD_OUT = 20, 20_000, 500


def check_levels(levels: str, estimator: Any, feature: Feature) -> None:
    """Answers for runs need runs, and a model that can be trained.

    Raises
    ------
    ValueError
        If they are asked for where there are none.
    """
    if levels != "intervals":
        return
    if not isinstance(feature, Number):
        raise ValueError(
            f"levels='intervals' is not allowed for the categorical feature {feature.name!r}, "
            "which has no runs: use 'model' or 'auto'."
        )
    if is_frozen(estimator.estimator if isinstance(estimator, FrozenEstimator) else estimator):
        raise ValueError(
            f"levels='intervals' is not allowed with estimator={estimator!r}: a part of it is "
            "frozen, and a second model cannot be trained. Use 'model' or 'auto'."
        )


def best_weight(
    fit_on: Callable[[np.ndarray, int], MinimumRelease],
    X: Rows,
    y: np.ndarray,
    weight: Any,
    rng: np.random.RandomState,
    labels: bool,
) -> float:
    """Weight of the answers learnt for runs with the least squared error on held-out rows.

    Parameters
    ----------
    fit_on : callable
        A release fitted on some rows, with a seed, that goes by the answers learnt for runs alone.
    X, y : ndarray or frame of shape (n_samples, n_features), ndarray of shape (n_samples,)
        Training rows and labels.
    weight : array-like of shape (n_samples,) or None
        Their weights: rows of none are not looked at.
    rng : RandomState
        Source of the draws.
    labels : bool
        Whether `y` holds labels.
    """
    known = np.arange(len(y)) if weight is None else np.flatnonzero(np.asarray(weight))
    counts = np.sort(np.unique(y[known], return_counts=True)[1])
    rare = labels and (len(counts) < 2 or counts[-2] < 2)
    if len(known) < _FEWEST_ROWS or rare:
        return 0.0
    seed = int(rng.randint(2**31))
    order = rng.permutation(known)[:_WEIGHED_ROWS]
    folds = StratifiedKFold(2) if labels else KFold(2)
    parts = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said of all rows already, or about rare labels
        for train, test in folds.split(order, y[order]):
            release, held_out = fit_on(order[train], seed), order[test][:_HELD_OUT]
            truth = release.truth(y[held_out])
            for rows, mean, learnt in release.own_runs(take_rows(X, held_out)):
                parts.append((truth[rows], mean, learnt))
    return release.share(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def with_run_model(
    release: MinimumRelease,
    weight: float,
    estimator: Any,
    fit: Callable[..., Any],
    X: Rows,
    y: np.ndarray,
    params: dict[str, Any],
    measures: list[np.ndarray],
    rng: np.random.RandomState,
) -> MinimumRelease:
    """The release that goes by answers learnt for runs, too.

    Parameters
    ----------
    release : MinimumRelease
        Without them.
    weight : float
        Of these answers.
    estimator : classifier or regressor
        An unfitted model.
    fit : callable
        Fits it.
    X, y : ndarray or frame of shape (n_samples, n_features), ndarray of shape (n_samples,)
        Training rows and labels.
    params : dict
        For the ``fit`` of `estimator`.
    measures : list of ndarray of shape (n_cells + 1,)
        Ends of the cells, of each feature.
    rng : RandomState
        Source of the draws.
    """
    n_rows = len(y)
    copies = int(np.clip(_MOST_COPIES // n_rows, 1, _COPIES))
    rows = np.tile(np.arange(n_rows), copies)
    cell, least = release.cells.of(release.feature.values(X))[rows], release.minimum
    if isinstance(release.cells, Space):  # a random piece along each feature: a random box
        cells = np.unravel_index(cell, release.cells.shape)
        drawn = [random_pieces(*each, rng) for each in zip(measures, cells, least, strict=True)]
        pieces: Any = (np.stack(ends, axis=1) for ends in zip(*drawn, strict=True))
    else:
        pieces = random_pieces(measures[0], cell, least, rng)
    known = blurred(release.feature, release.cells, X, rows, *pieces)
    model = fit(estimator, known, y[rows], of_rows(params, rows, n_rows))
    return replace(release, run_model=model, run_weight=weight)
