"""What a released label reveals about one sensitive feature."""

from sklearn_rp.attribute.coarsener import AttributeCoarsener
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.finding import compatible_sets
from sklearn_rp.attribute.joint_sets import JointSets
from sklearn_rp.attribute.minimum import AttributePrivacyClassifier
from sklearn_rp.attribute.prior import Prior
from sklearn_rp.attribute.recommender import AttributePrivacyRecommender
from sklearn_rp.attribute.regressor import AttributePrivacyRegressor
from sklearn_rp.attribute.transformer import AttributePrivacyTransformer

__all__ = [
    "AttributeCoarsener",
    "AttributePrivacyClassifier",
    "AttributePrivacyRecommender",
    "AttributePrivacyRegressor",
    "AttributePrivacyTransformer",
    "CompatibleSets",
    "JointSets",
    "Prior",
    "compatible_sets",
]


def __dir__() -> list[str]:
    return __all__
