"""Robust Privacy for scikit-learn: predictions that provably do not give away their input."""

from sklearn_rp.attribute import AttributePrivacyClassifier, AttributePrivacyTransformer
from sklearn_rp.certificate import Certificate
from sklearn_rp.classifier import RobustPrivacyClassifier, certify

__version__ = "0.1.0"

__all__ = [
    "AttributePrivacyClassifier",
    "AttributePrivacyTransformer",
    "Certificate",
    "RobustPrivacyClassifier",
    "__version__",
    "certify",
]
