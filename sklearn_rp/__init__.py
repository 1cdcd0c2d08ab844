"""Robust Privacy for scikit-learn: predictions that provably do not give away their input."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sklearn_rp._version import __version__

if TYPE_CHECKING:
    from sklearn_rp.attribute import (
        AttributeCoarsener,
        AttributePrivacyClassifier,
        AttributePrivacyRecommender,
        AttributePrivacyRegressor,
        AttributePrivacyTransformer,
    )
    from sklearn_rp.certificate import Certificate
    from sklearn_rp.certifying import certify
    from sklearn_rp.classifier import RobustPrivacyClassifier
    from sklearn_rp.recommender import RobustPrivacyRecommender
    from sklearn_rp.regressor import RobustPrivacyRegressor
    from sklearn_rp.report import privacy_report

__all__ = [
    "AttributeCoarsener",
    "AttributePrivacyClassifier",
    "AttributePrivacyRecommender",
    "AttributePrivacyRegressor",
    "AttributePrivacyTransformer",
    "Certificate",
    "RobustPrivacyClassifier",
    "RobustPrivacyRecommender",
    "RobustPrivacyRegressor",
    "__version__",
    "certify",
    "privacy_report",
]

# Imported when they are asked for (PEP 562): `import sklearn_rp` takes no time.
_HOMES = {
    "AttributeCoarsener": "attribute",
    "AttributePrivacyClassifier": "attribute",
    "AttributePrivacyRecommender": "attribute",
    "AttributePrivacyRegressor": "attribute",
    "AttributePrivacyTransformer": "attribute",
    "Certificate": "certificate",
    "RobustPrivacyClassifier": "classifier",
    "RobustPrivacyRecommender": "recommender",
    "RobustPrivacyRegressor": "regressor",
    "certify": "certifying",
    "privacy_report": "report",
}
_MODULES = (
    "attacks",
    "attribute",
    "baselines",
    "datasets",
    "distributed",
    "exceptions",
    "inspection",
    "ledger",
    "metrics",
    "model_selection",
    "neural",
    "privacy",
    "report",
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"sklearn_rp.{_HOMES[name]}"), name)
    if name in _MODULES:
        return import_module(f"sklearn_rp.{name}")
    raise AttributeError(f"module 'sklearn_rp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_MODULES])
