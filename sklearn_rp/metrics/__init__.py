"""Metrics of certificates and of compatible sets, and scorers made from them."""

from sklearn_rp.metrics.scorers import make_certificate_scorer, make_compatible_sets_scorer
from sklearn_rp.metrics.scores import (
    abstention_rate,
    attribute_advantage,
    average_certified_radius,
    bayes_vulnerability,
    certified_accuracy_score,
    certified_error_score,
    interval_length_score,
)

__all__ = [
    "abstention_rate",
    "attribute_advantage",
    "average_certified_radius",
    "bayes_vulnerability",
    "certified_accuracy_score",
    "certified_error_score",
    "interval_length_score",
    "make_certificate_scorer",
    "make_compatible_sets_scorer",
]


def __dir__() -> list[str]:
    return __all__
