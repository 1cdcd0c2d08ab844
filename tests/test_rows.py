"""Rows of any container."""

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



def test_a_dtype_that_loses_values_is_refused():
    kind = pd.api.types.pandas_dtype("datetime64[ns]")
    rows = pd.DataFrame({"when": pd.Series(["2020-01-01", "2021-01-01"], dtype=kind), "v": [0, 1]})
    with pytest.raises(ValueError, match="has no place for"):
        replace_columns(rows, np.array([0]), np.array([[None], [None]], dtype=object), 1)
