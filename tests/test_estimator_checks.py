"""scikit-learn's own checks, for every estimator of the package."""

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rp import (
    AttributeCoarsener,
    AttributePrivacyClassifier,
    AttributePrivacyRecommender,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
    RobustPrivacyRecommender,
    RobustPrivacyRegressor,
)
from sklearn_rp.baselines import (
    NoisyInputClassifier,
    PopularRecommender,
    RandomAbstentionClassifier,
    RandomizedResponseClassifier,
    TopItemsRecommender,
)
from sklearn_rp.model_selection import NoiseSearchCV

# 200 votes keep the checks quick; they are enough to certify at the default alpha.
ESTIMATORS = [
    RobustPrivacyClassifier(),
    RobustPrivacyClassifier(DecisionTreeClassifier(random_state=0)),
    RobustPrivacyClassifier(n_samples=200, method="monte_carlo", random_state=0),
    RobustPrivacyClassifier(n_samples=200, voting="soft", random_state=0),
    RobustPrivacyClassifier(n_samples=200, resample=True, random_state=0),
    RobustPrivacyRegressor(step=0.27),
    RobustPrivacyRegressor(DecisionTreeRegressor(random_state=0), step=0.27),
    RobustPrivacyRegressor(step=0.27, n_samples=200, method="monte_carlo", random_state=0),
    AttributePrivacyClassifier(sensitive_feature=0, resolution=16),
    AttributePrivacyClassifier(sensitive_feature=0, resolution=16, levels="auto"),
    AttributePrivacyClassifier(
        KNeighborsClassifier(), sensitive_feature=-1, unit="mass", minimum=0.1
    ),
    AttributePrivacyTransformer(LogisticRegression(), sensitive_feature=0, resolution=16),
    AttributePrivacyTransformer(  # seeded and converged: weights and repeated rows give one model
        RobustPrivacyClassifier(LogisticRegression(tol=1e-12, max_iter=10_000), random_state=0),
        sensitive_feature=0,
        resolution=16,
        output="midpoint",
    ),
    RobustPrivacyRecommender(DecisionTreeClassifier(random_state=0), n_recommended=1),
    RobustPrivacyRecommender(
        LogisticRegression(), n_recommended=1, n_samples=200, method="monte_carlo", random_state=0
    ),
    AttributePrivacyRecommender(
        DecisionTreeClassifier(random_state=0), sensitive_feature=0, n_recommended=1, resolution=16
    ),
    TopItemsRecommender(LogisticRegression(), n_recommended=1),
    PopularRecommender(n_recommended=1),
    AttributeCoarsener(sensitive_feature=0),
    AttributeCoarsener(sensitive_feature=[0], strategy="quantile", unit="mass"),
    RandomizedResponseClassifier(p=1.0, random_state=0),
    RandomizedResponseClassifier(p=0.9, random_state=0),
    NoisyInputClassifier(sigma=0.05, random_state=0),
    RandomAbstentionClassifier(rate=0.0, fallback=-1, random_state=0),
    NoiseSearchCV(RobustPrivacyClassifier(n_samples=200, random_state=0), [0.1, 0.5], cv=2),
]


def expected_failed_checks(estimator):
    if getattr(estimator, "resample", False):
        # The check compares the releases of two calls; fresh noise makes them differ on purpose.
        return {"check_classifiers_train": "two calls are two draws of the noise"}
    if isinstance(estimator, RandomAbstentionClassifier):
        return {"check_classifiers_classes": "its labels are text, the fallback here is a number"}
    if isinstance(estimator, AttributePrivacyClassifier) and estimator.estimator is None:
        # The forest that learns the conditional prior splits at random.
        equal = "weights and repeated rows give two forests"
        return {"check_sample_weight_equivalence_on_dense_data": equal}
    return {}


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failed_checks)
def test_sklearn_checks(estimator, check):
    check(estimator)
