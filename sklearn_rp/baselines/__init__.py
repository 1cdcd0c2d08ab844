"""Defences to compare with: random answers, one noisy look, silence, rounded and noisy numbers."""

from sklearn_rp.baselines.labels import (
    NoisyInputClassifier,
    RandomAbstentionClassifier,
    RandomizedResponseClassifier,
)
from sklearn_rp.baselines.numbers import NoisyOutputRegressor, RoundedRegressor

__all__ = [
    "NoisyInputClassifier",
    "NoisyOutputRegressor",
    "RandomAbstentionClassifier",
    "RandomizedResponseClassifier",
    "RoundedRegressor",
]


def __dir__() -> list[str]:
    return __all__
