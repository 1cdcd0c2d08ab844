"""Defences to compare with: random answers, one noisy look, silence; rounded numbers; lists."""

from sklearn_rp.baselines.labels import (
    NoisyInputClassifier,
    RandomAbstentionClassifier,
    RandomizedResponseClassifier,
)
from sklearn_rp.baselines.lists import PopularRecommender, TopItemsRecommender
from sklearn_rp.baselines.numbers import NoisyOutputRegressor, RoundedRegressor

__all__ = [
    "NoisyInputClassifier",
    "NoisyOutputRegressor",
    "PopularRecommender",
    "RandomAbstentionClassifier",
    "RandomizedResponseClassifier",
    "RoundedRegressor",
    "TopItemsRecommender",
]


def __dir__() -> list[str]:
    return __all__
