"""Votes of noisy copies: each row's noise is its own."""

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



X, Y = load_breast_cancer(return_X_y=True)


X = X[:, :4]


@pytest.mark.parametrize("n_samples", [11, 300])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_fresh_noise_is_each_rows_own(n_samples, n_jobs):
    """Rows of one call shared their noise: two queries about a person were no two mechanisms."""
    rule = LinearRule([1.0]).fit(np.zeros((2, 1)), [0, 1])
    X = np.linspace(-1, 1, 50)[:, None]
    clf = RobustPrivacyClassifier(
        rule, method="monte_carlo", n_samples=n_samples, alpha=0.05, resample=True,
        noise_scale=None, sigma=1.0, n_jobs=n_jobs, random_state=0,
    ).fit(X, (X[:, 0] > 0).astype(int))  # fmt: skip
    share = clf.predict_proba(np.zeros((2000, 1)))[:, 1]
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    assert share.std() == pytest.approx(0.5 / np.sqrt(n_samples), rel=0.1)  # independent
