"""What an adversary knows about a sensitive feature, before and after a release.

The functions behind the methods of CompatibleSets: `sets` are such.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_rp.attribute.prior import Prior
from sklearn_rp.domain import extent

_WIDER = 1 + 1e-9  # a hair: 0.7 and 0.9 are 0.2 apart, whatever floating point says


def prior_mass(sets: Any, prior: Prior) -> np.ndarray:
    """Probability of each set before the release: shape (n_rows,)."""
    return (prior.for_rows(len(sets)) * sets.contains(prior.values)).sum(axis=1)


def posterior(sets: Any, prior: Prior) -> np.ndarray:
    """Probabilities of the prior's values given the release: shape (n_rows, n_values).

    Where the set has no prior mass all goes to the one value that is nearest to it.
    """
    after = prior.for_rows(len(sets)) * sets.contains(prior.values)
    total = after.sum(axis=1, keepdims=True)
    bare = total[:, 0] <= 0
    after = after / np.where(total > 0, total, 1.0)
    after[bare, _nearest(sets, prior.values)[bare]] = 1.0
    return after


def _nearest(sets: Any, values: np.ndarray) -> np.ndarray:
    """Position of the value that is nearest to each set: of numbers; else the first inside."""
    if sets.categories is not None:
        return sets.contains(values).argmax(axis=1)
    low, high = sets.hull()
    below = np.clip(np.searchsorted(values, low), 1, max(len(values) - 1, 1)) - 1
    above = np.minimum(below + 1, len(values) - 1)
    nearer = np.abs(values[below] - high) <= np.abs(values[above] - low)
    return np.where(nearer, below, above)


def vulnerability(sets: Any, prior: Prior, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Chance that the best guess is right to within a tolerance, before and after the release."""
    if isinstance(tolerance, str) or not tolerance >= 0:
        raise ValueError(f"tolerance={tolerance!r} is not allowed: it must not be negative.")
    if sets.categories is not None and tolerance:
        raise ValueError(
            f"tolerance={tolerance!r} is not allowed for the categorical {sets.feature!r}."
        )
    before = best_guess(prior.values, prior.for_rows(len(sets)), tolerance)
    after = best_guess(prior.values, posterior(sets, prior), tolerance)
    bare = np.flatnonzero(prior_mass(sets, prior) <= 0)
    if len(bare):
        after[bare] = np.maximum(before[bare], _best_guess_inside(sets[bare], tolerance))
    return before, after


def best_guess(values: np.ndarray, weights: np.ndarray, tolerance: float) -> np.ndarray:
    """Largest probability of a window of twice the tolerance: shape (n_rows,)."""
    if not tolerance:
        return weights.max(axis=1)
    total = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights, axis=1)], axis=1)
    stop = np.searchsorted(values, values + 2 * tolerance * _WIDER, side="right")
    return np.max(total[:, stop] - total[:, :-1], axis=1)


def _best_guess_inside(sets: Any, tolerance: float) -> np.ndarray:
    """Largest share of each set in a window of twice the tolerance.

    The best window begins or ends where a part does; all pairs of parts of a row are tried.
    """
    if sets.categories is not None:
        return 1.0 / sets.length
    reach = 2 * tolerance * _WIDER
    row, start, stop = sets.row, sets.start, sets.stop
    one, other = sets.as_runs().of_rows(row)
    best = np.zeros(len(sets))
    for low, high in ((start[one], start[one] + reach), (stop[one] - reach, stop[one])):
        held = _held(np.maximum(start[other], low), np.minimum(stop[other], high), sets.domain)
        np.maximum.at(best, row, np.bincount(one, weights=held, minlength=len(row)))
    whole = sets.length
    return np.where(whole > 0, best / np.where(whole > 0, whole, 1.0), 1.0)


def _held(start: np.ndarray, stop: np.ndarray, domain: object) -> np.ndarray:
    """Extent of what is possible between any two numbers, none where they are crossed."""
    if isinstance(domain, str) and domain == "integer":
        start, stop = np.ceil(start), np.floor(stop)
    return np.where(start <= stop, extent(start, stop, domain), 0.0)
