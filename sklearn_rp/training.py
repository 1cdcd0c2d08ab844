"""Fitting the base classifier of a smoothed one: noisy copies of the rows, noise of a net."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_rp._compat import safe_indexing
from sklearn_rp.models.nets import waiting_for_noise
from sklearn_rp.noise import Noise
from sklearn_rp.rows import Rows


def tell_noise(base: Any, net: Any, noise: Noise, sigma: float, shape: tuple[int, ...]) -> None:
    """Give the noise of a fit to the callbacks of a net that train with it.

    Parameters
    ----------
    base, net : estimator, net
        The base classifier, and the net at the end of it.
    noise : Noise
        What is perturbed.
    sigma : float
        Noise level.
    shape : tuple of int
        Shape of one row as the net reads it.

    Raises
    ------
    ValueError
        If there are such callbacks, and steps in front of the net.
    """
    waiting = waiting_for_noise(net)
    if waiting and net is not base:
        raise ValueError(
            "GaussianNoise(sigma=None) takes its noise from the RobustPrivacyClassifier right "
            "around the net: inside a Pipeline, give it a sigma of its own."
        )
    level = np.zeros(int(np.prod(shape)))
    level[noise.columns] = sigma * noise.scale
    for callback in waiting:
        callback.take_noise(level.reshape(shape))


def augmented(
    X: Rows,
    y: np.ndarray,
    params: dict[str, Any],
    noise: Noise,
    sigma: float,
    n_augment: int,
    entropy: int,
) -> tuple[Rows, np.ndarray, dict[str, Any]]:
    """Training rows, each followed by its noisy copies; what goes with a row is repeated."""
    n_rows, copies = X.shape[0], 1 + n_augment
    # A stream of its own: the votes must not reuse the noise that the model was fitted on.
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(0, 1)))
    noisy = noise.among_copies(X, rng, sigma, copies)
    origin = np.repeat(np.arange(n_rows), copies)
    repeated = {
        name: safe_indexing(value, origin) if _one_per_row(value, n_rows) else value
        for name, value in params.items()
    }
    return noisy, y[origin], repeated


def _one_per_row(value: Any, n_rows: int) -> bool:
    """Whether a fit parameter such as ``sample_weight`` has one entry for each row."""
    return hasattr(value, "__len__") and not isinstance(value, str | dict) and len(value) == n_rows
