"""Numbers: rounded to a grid, or with noise."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from sklearn_rp._compat import Interval, StrOptions
from sklearn_rp.baselines.plain import AtRandom, RandomRelease, Releases
from sklearn_rp.models.inside import cloned
from sklearn_rp.models.labels import numbers_of, wavering
from sklearn_rp.release import FittedRelease
from sklearn_rp.rows import Rows, take_rows
from sklearn_rp.validation import as_float
from sklearn_rp.wrapper import RegressorWrapper


class RoundedRegressor(Releases, RegressorWrapper):
    """Round each number to the middle of a cell of a grid: the plainest coarsening of an answer.

    It promises nothing: next to the edge of a cell a value is given away as precisely as before.
    :class:`~sklearn_rp.AttributePrivacyRegressor` chooses the steps so that none is too narrow.

    Parameters
    ----------
    estimator : regressor, default=None
        The regressor; ``LinearRegression()`` if None.
    step : float, default=1.0
        Width of the cells, in the unit of the target.

    Attributes
    ----------
    estimator_ : regressor
        The fitted regressor.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_rp.baselines import RoundedRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> RoundedRegressor(step=50).fit(X, y).predict(X[:3])
    array([225.,  75., 175.])
    """

    _parameter_constraints: dict = RegressorWrapper._parameter_constraints | {
        "step": [Interval(Real, 0, None, closed="neither")]
    }

    def __init__(self, estimator=None, step=1.0):
        self.estimator = estimator
        self.step = step

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        base = self._fit_base(cloned(self._base()), X, y, params)
        numbers = numbers_of(base, X)
        fine = wavering(base, take_rows(X, slice(0, 1)), numbers)
        step = as_float("step", self.step)
        if step <= fine:
            raise ValueError(
                f"step={step:g} is not allowed: the model's answers are not known to better "
                f"than {fine:.3g}. Use a step well above that."
            )
        self.estimator_ = base
        self.release_ = RoundedRelease(base, step, fine)


@dataclass(frozen=True, eq=False)
class RoundedRelease(FittedRelease):
    """Numbers of a fitted regressor, rounded to the middles of cells.

    Parameters
    ----------
    model : fitted regressor
        The regressor.
    step : float
        Width of the cells.
    fine : float
        A number so little below an edge is above it.
    """

    model: Any
    step: float
    fine: float

    def identity(self) -> Any:
        """Model and grid."""
        return self.model, self.step, self.fine

    def release(self, X: Rows, n_jobs: int | None = None) -> np.ndarray:
        """What is released for each of some checked rows."""
        return (np.floor((numbers_of(self.model, X) + self.fine) / self.step) + 0.5) * self.step


class NoisyOutputRegressor(AtRandom, RegressorWrapper):
    """Add noise to each number: the Laplace or the Gaussian mechanism on a model's answer.

    Answers are kept within the range of those to the training rows, so that two rows differ by no
    more than that: with Laplace noise the release is ``range / scale``-differentially private for
    the row, with Gaussian noise ``range / scale``-GDP (Dong, Roth, Su 2019, arXiv 1905.02383).
    Whoever may ask again about the same row averages the noise away: Q queries cost Q times the
    epsilon, or ``sqrt(Q)`` times the mu.

    Parameters
    ----------
    estimator : regressor, default=None
        The regressor; ``LinearRegression()`` if None.
    scale : float, default=1.0
        Scale of the Laplace noise, or standard deviation of the Gaussian, in the unit of the
        target.
    distribution : {"laplace", "gaussian"}, default="laplace"
        The noise.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. With a seed, a fitted object draws the same calls in the same order.

    Attributes
    ----------
    estimator_ : regressor
        The fitted regressor.
    range_ : tuple of float
        Smallest and largest answer to the training rows.
    epsilon_ : float
        Of one release, with Laplace noise.
    mu_ : float
        Of one release, with Gaussian noise; see :class:`~sklearn_rp.privacy.GaussianPrivacy`.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_rp.baselines import NoisyOutputRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> noisy = NoisyOutputRegressor(scale=50, random_state=0).fit(X, y)
    >>> round(noisy.epsilon_, 1)
    5.1
    """

    _parameter_constraints: dict = AtRandom._parameter_constraints | {
        "scale": [Interval(Real, 0, None, closed="neither")],
        "distribution": [StrOptions({"laplace", "gaussian"})],
    }

    def __init__(self, estimator=None, scale=1.0, *, distribution="laplace", random_state=None):
        self.estimator = estimator
        self.scale = scale
        self.distribution = distribution
        self.random_state = random_state

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        base = self._fit_base(cloned(self._base()), X, y, params)
        numbers = numbers_of(base, X)
        low, high = float(numbers.min()), float(numbers.max())
        rule = _Added(self.distribution, as_float("scale", self.scale), low, high)
        self.estimator_ = base
        self.range_ = low, high
        for name in ("epsilon_", "mu_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        name = "epsilon_" if self.distribution == "laplace" else "mu_"
        setattr(self, name, (high - low) / self.scale)
        self.release_ = RandomRelease(base, None, rule, self.calls())


@dataclass(frozen=True, eq=False)
class _Added:
    """A number within a range, and noise."""

    distribution: str
    scale: float
    low: float
    high: float

    def __call__(self, release: RandomRelease, X: Rows, rng: np.random.Generator) -> np.ndarray:
        numbers = np.clip(numbers_of(release.model, X), self.low, self.high)
        draw = rng.laplace if self.distribution == "laplace" else rng.normal
        return numbers + draw(scale=self.scale, size=len(numbers))
