"""What is tried before a model is trusted: answers that do not change."""

from dataclasses import replace
import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from engines.oracle import monte_carlo_shares
from scipy.special import logit
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier
from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    Certificate,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.attribute.knowledge import best_guess
from sklearn_rp.baselines import RandomizedResponseClassifier
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.rows import replace_columns



def tree(depth=4):
    return DecisionTreeClassifier(max_depth=depth, random_state=0)


def jitter(rows):
    return rows + np.random.default_rng().normal(size=rows.shape)


@pytest.mark.parametrize(
    "model",
    [
        RandomizedResponseClassifier(tree(3), p=0.6),
        DummyClassifier(strategy="stratified"),
        make_pipeline(FunctionTransformer(jitter), LogisticRegression()),
    ],
    ids=["baseline", "dummy", "step"],
)
def test_no_certificate_of_a_random_model_is_certain(model):
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 10, (200, 2))
    labels = (rows[:, 0] > 5).astype(int)
    with pytest.warns(PrivacyWarning, match="same rows different answers"):
        clf = RobustPrivacyClassifier(clone(model), noise_features=[0]).fit(rows, labels)
    assert clf.method_ == "monte_carlo"
    assert (clf.certify(rows).alpha) > 0
    with pytest.raises(ValueError, match="method='exact' is not allowed"):
        RobustPrivacyClassifier(clone(model), noise_features=[0], method="exact").fit(rows, labels)
