"""Answers learnt for whole runs: a second model, and what it is worth beside the first."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold

from sklearn_rp.attribute.labelling import MinimumRelease, blurred
from sklearn_rp.attribute.partition import random_pieces
from sklearn_rp.feature import Feature, Number
from sklearn_rp.models.inside import is_frozen
from sklearn_rp.models.labels import fit_in_labels
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
) -> float:
    """Weight of the answers learnt for runs with the least squared error on held-out rows.

    A release that goes by these answers alone is fitted on some rows, with a seed. Rows of no
    weight are not looked at.
    """
    known = np.arange(len(y)) if weight is None else np.flatnonzero(np.asarray(weight))
    counts = np.sort(np.unique(y[known], return_counts=True)[1])
    if len(known) < _FEWEST_ROWS or len(counts) < 2 or counts[-2] < 2:
        return 0.0
    seed = int(rng.randint(2**31))
    order = rng.permutation(known)[:_WEIGHED_ROWS]
    along = across = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said of all rows already, or about rare labels
        for train, test in StratifiedKFold(2).split(order, y[order]):
            release, held_out = fit_on(order[train], seed), order[test][:_HELD_OUT]
            truth = (y[held_out][:, None] == release.symbols).astype(float)
            for rows, mean, learnt in release.own_runs(take_rows(X, held_out)):
                along += ((truth[rows] - mean) * (learnt - mean)).sum()
                across += ((learnt - mean) ** 2).sum()
    return float(np.clip(along / across, 0.0, 1.0).round(3)) if across > 0 else 0.0


def with_run_model(
    release: MinimumRelease,
    weight: float,
    estimator: Any,
    X: Rows,
    y: np.ndarray,
    params: dict[str, Any],
    measure: np.ndarray,
    rng: np.random.RandomState,
) -> MinimumRelease:
    """The release that goes by answers learnt for runs, too, with a weight.

    They are learnt by an unfitted `estimator`; `params` are for its ``fit``. Cells end at
    `measure`.
    """
    unknown = np.setdiff1d(y, release.symbols)
    if len(unknown):  # labels of rows that are given with a frozen model
        raise ValueError(
            f"y holds {unknown.tolist()[:5]}, which the fitted model does not know: with "
            f"levels='intervals' give labels among {release.symbols.tolist()[:10]}."
        )
    n_rows = len(y)
    copies = int(np.clip(_MOST_COPIES // n_rows, 1, _COPIES))
    rows = np.tile(np.arange(n_rows), copies)
    cell = release.cells.of(release.feature.values(X))[rows]
    pieces = random_pieces(measure, cell, release.minimum, rng)
    known = blurred(release.feature, release.cells, X, rows, *pieces)
    model = fit_in_labels(estimator, known, y[rows], of_rows(params, rows, n_rows))
    return replace(release, run_model=model, run_weight=weight)
