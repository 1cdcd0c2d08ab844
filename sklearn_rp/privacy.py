"""What fresh noise promises for all rows at once: Gaussian differential privacy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize

from sklearn_rp.law import Gaussian

__all__ = ["GaussianPrivacy"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class GaussianPrivacy:
    """The promise of a Gaussian mechanism: to tell two rows apart is to tell N(0, 1) from N(mu, 1).

    Gaussian differential privacy (Dong, Roth, Su 2019, arXiv 1905.02383). Whatever is computed from
    the noisy looks keeps it, the released label and the vote shares among it.

    Parameters
    ----------
    mu : float
        How far apart the two are; 0 is perfect privacy.

    Examples
    --------
    >>> from sklearn_rp.privacy import GaussianPrivacy
    >>> promise = GaussianPrivacy(mu=0.5)
    >>> round(promise.advantage, 3), round(promise.epsilon(1e-3), 2)
    (0.099, 1.35)
    """

    mu: float

    def __post_init__(self) -> None:
        if not 0 <= self.mu < np.inf:
            raise ValueError(f"mu={self.mu!r} is not allowed: a finite number from 0 up.")

    @property
    def total_variation(self) -> float:
        """Largest difference that any event's probability has under the two rows."""
        return float(2 * Gaussian.below(self.mu / 2) - 1)

    @property
    def advantage(self) -> float:
        """By how much any test beats a coin in telling two equally likely rows apart."""
        return self.total_variation / 2

    def delta(self, epsilon: float) -> float:
        """The delta that goes with an epsilon, for (epsilon, delta)-differential privacy.

        Parameters
        ----------
        epsilon : float
            Not negative.

        Returns
        -------
        delta : float
            ``Phi(-eps/mu + mu/2) - e**eps Phi(-eps/mu - mu/2)``.
        """
        if not 0 <= epsilon < np.inf:
            raise ValueError(f"epsilon={epsilon!r} is not allowed: a finite number from 0 up.")
        if self.mu == 0:
            return 0.0
        a, b = -epsilon / self.mu + self.mu / 2, -epsilon / self.mu - self.mu / 2
        # Both terms as logarithms: neither e**eps nor the tail is a number for large epsilon.
        upper, lower = Gaussian.log_below(a), epsilon + Gaussian.log_below(b)
        return float(max(0.0, -np.exp(upper) * np.expm1(min(0.0, lower - upper))))

    def epsilon(self, delta: float) -> float:
        """The epsilon that goes with a delta.

        Parameters
        ----------
        delta : float
            Between 0 and 1, both excluded.

        Returns
        -------
        epsilon : float
            The smallest, rounded up; 0 where `delta` is at least the total variation.
        """
        if not 0 < delta < 1:
            raise ValueError(f"delta={delta!r} is not allowed: a number between 0 and 1.")
        if self.total_variation <= delta:
            return 0.0
        high = self.mu
        while self.delta(high) > delta:
            high *= 2
        root: Any = optimize.brentq(lambda e: self.delta(e) - delta, 0.0, high, xtol=1e-12)
        return float(root * (1 + 1e-9) + 1e-9)
