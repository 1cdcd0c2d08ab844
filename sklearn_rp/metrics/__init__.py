"""Metrics of certificates, of compatible sets and of lists, and scorers made from them."""

from sklearn_rp.metrics.scorers import make_certificate_scorer, make_compatible_sets_scorer
from sklearn_rp.metrics.scores import (
    abstention_rate,
    attribute_advantage,
    average_certified_radius,
    bayes_vulnerability,
    certified_accuracy_score,
    certified_error,
    certified_precision_score,
    interval_length_score,
)
from sklearn_rp.ranking import (
    hit_rate_score,
    make_recommendation_scorer,
    ndcg_at_k_score,
    precision_at_k_score,
    recall_at_k_score,
)

__all__ = [
    "abstention_rate",
    "attribute_advantage",
    "average_certified_radius",
    "bayes_vulnerability",
    "certified_accuracy_score",
    "certified_error",
    "certified_precision_score",
    "hit_rate_score",
    "interval_length_score",
    "make_certificate_scorer",
    "make_compatible_sets_scorer",
    "make_recommendation_scorer",
    "ndcg_at_k_score",
    "precision_at_k_score",
    "recall_at_k_score",
]


def __dir__() -> list[str]:
    return __all__
