"""Robust Privacy for scikit-learn: predictions that provably do not give away their input."""

from sklearn_rp._version import __version__
from sklearn_rp.attribute import AttributePrivacyClassifier, AttributePrivacyTransformer
from sklearn_rp.certificate import Certificate
from sklearn_rp.classifier import RobustPrivacyClassifier, certify

__all__ = [
    "AttributePrivacyClassifier",
    "AttributePrivacyTransformer",
    "Certificate",
    "RobustPrivacyClassifier",
    "__version__",
    "certify",
]
