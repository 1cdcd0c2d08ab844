"""How the smoothed probabilities ``h(x)`` are known: one file an engine, one shape of answer."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from sklearn_rp.noise import Noise, Rows
from sklearn_rp.smoothing.monte_carlo import MonteCarlo
from sklearn_rp.smoothing.votes import Votes

__all__ = ["Engine", "Votes", "make_engine"]


class Engine(Protocol):
    """What the estimator asks of an engine."""

    method: str

    def votes(self, X: Rows, sigmas: Any, entropy: Any) -> list[Votes]:
        """Votes of checked rows at each noise level."""


def make_engine(
    method: str,
    *,
    estimator: Any,
    classes: np.ndarray,
    noise: Noise,
    voting: str,
    n_samples: int,
    n_jobs: int | None,
) -> Engine:
    """Engine for a fitted base classifier.

    Parameters
    ----------
    method : {"auto", "exact", "monte_carlo"}
        "auto" takes an exact engine where one applies.
    estimator : fitted classifier
        The base classifier.
    classes : ndarray of shape (n_classes,)
        Its labels.
    noise : Noise
        What is perturbed.
    voting : {"hard", "soft"}
        Votes by label or by probability.
    n_samples, n_jobs : int
        For Monte Carlo.

    Returns
    -------
    engine : Engine
    """
    if method == "exact":
        raise ValueError(
            f"method='exact' has no closed form for {type(estimator).__name__} here: "
            "use method='monte_carlo', or 'auto'."
        )
    return MonteCarlo(estimator, classes, noise, n_samples, voting, n_jobs)  # type: ignore[arg-type]
