"""Data and models that several test files use."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from sklearn_rp.datasets import load_recommendation

# Workers side by side share the cores: threads of OpenMP, BLAS and torch in each would fight for
# them. The limits are for what is loaded already, the variable for what comes later.
if "PYTEST_XDIST_WORKER" in os.environ:
    threadpool_limits(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)

# Where all is installed, as in CI, a test is skipped for one of these reasons, or the run fails.
MAY_BE_SKIPPED = (
    "no CUDA device here",
    "takes no missing values",
    "rows come in one container",
    "draws noise: the other method",
    "is non deterministic",  # checks of scikit-learn's that ask twice
    "SCIPY_ARRAY_API is not set",
    "the frozen model has its own labels",
    "every row has noise of its own, by its number",
    "every call draws anew",
    "a device draws noise of its own",
    "not at hand, and tests do not use the network",
)


def pytest_sessionfinish(session):
    """Nothing is skipped in silence: with NOTHING_MISSING=1 another reason is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if "NOTHING_MISSING" not in os.environ or reporter is None:
        return
    told = [str(report.longrepr[2]) for report in reporter.stats.get("skipped", [])]
    other = sorted({t for t in told if not any(reason in t for reason in MAY_BE_SKIPPED)})
    if other:
        reporter.write_line(f"\nSkipped, though all should be there: {other}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


class LinearRule(ClassifierMixin, BaseEstimator):
    """Label 1 where ``X @ coef > 0``: nothing but `predict`, and nothing to learn."""

    def __init__(self, coef=(1.0,), labels=(0, 1)):
        self.coef = coef
        self.labels = labels

    def fit(self, X, y=None):
        self.classes_ = np.asarray(self.labels)
        return self

    def predict(self, X):
        return self.classes_[(np.asarray(X) @ np.asarray(self.coef) > 0).astype(int)]


@pytest.fixture
def people():
    """The recommendation data as a frame with a text column."""
    return load_recommendation(return_X_y=True, as_frame=True)


@pytest.fixture
def mixed_pipeline():
    """A base model for `people`: scaled numbers, encoded categories."""
    columns = ColumnTransformer(
        [
            ("number", StandardScaler(), ["age", "bmi", "bp", "ltg"]),
            ("category", OneHotEncoder(), ["sex"]),
        ]
    )
    return make_pipeline(columns, LogisticRegression())


@pytest.fixture
def insurance_home():
    if not (SHARED_DATA / "medical_insurance.csv").exists():
        pytest.skip("the insurance file is not at hand, and tests do not use the network")
    return SHARED_DATA


def as_frame(X, names=None):
    return pd.DataFrame(X, columns=names or [f"f{j}" for j in range(X.shape[1])])
