"""What is published does not move inside the set: a property, of every model and feature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LAW_MODELS = [
    DecisionTreeClassifier(max_depth=5, random_state=0),
    RandomForestClassifier(5, random_state=0),
    LogisticRegression(),
    GaussianNB(),
    KNeighborsClassifier(3),
    RobustPrivacyClassifier(DecisionTreeClassifier(random_state=0), noise_features=[1]),
    RobustPrivacyClassifier(LogisticRegression()),
    RobustPrivacyClassifier(GaussianNB(), noise_features=[0, 1], n_samples=30, random_state=0),
    RobustPrivacyClassifier(
        DecisionTreeClassifier(random_state=0), noise_features=[1], fallback=-1, min_radius=0.3
    ),
]


class Centred(AttributePrivacyTransformer):
    """Deliberately wrong: publishes an interval around the row's own value."""

    def transform(self, X):
        X = np.asarray(X)
        out = super().transform(X)
        half = self.compatible_sets(X).component_length / 2
        j = self.feature_.column
        out[:, j], out[:, j + 1] = X[:, j] - half, X[:, j] + half
        return out


def violations(kind, model, seed, column, output):
    """Rows whose output changes when their value moves inside the compatible set."""
    rng = np.random.default_rng(seed)
    X = np.clip(rng.normal(size=(60, 3)), -4, 4)
    y = (X[:, 0] + np.sin(3 * X[:, 1]) + 0.3 * rng.normal(size=60) > 0).astype(int)
    apt = kind(model, sensitive_feature=column, output=output, resolution=16, bounds=(-4, 4))
    if output == "interval":
        apt.set_params(include_prediction=True)
    apt.fit(X, y)
    rows = X[:25]
    before = apt.transform(rows)
    label = apt.estimator_.predict(rows)
    changed = 0
    for _ in range(4):
        moved = rows.copy()
        moved[:, column] = rng.uniform(-4, 4, size=len(rows))
        stays = apt.estimator_.predict(moved) == label
        after = apt.transform(moved)
        # All columns but the passed-on ones must be equal to the bit; those were not moved.
        changed += int((after[stays] != before[stays]).any(axis=1).sum())
    return changed


CASES = {
    "number": st.integers(0, len(LAW_MODELS) - 1),
    "seed": st.integers(0, 2**32 - 1),
    "column": st.integers(0, 2),
    "output": st.sampled_from(["interval", "midpoint", "drop"]),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@given(**CASES)
@settings(max_examples=20, deadline=None)
def test_the_law(number, seed, column, output):
    kind = AttributePrivacyTransformer
    assert violations(kind, LAW_MODELS[number], seed, column, output) == 0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@given(**CASES)
@settings(max_examples=100, deadline=None)
def test_the_law_many_times(number, seed, column, output):
    kind = AttributePrivacyTransformer
    assert violations(kind, LAW_MODELS[number], seed, column, output) == 0


def test_the_law_catches_a_transformer_that_is_centred_on_the_value():
    assert violations(Centred, LAW_MODELS[0], 0, 1, "interval") > 10
