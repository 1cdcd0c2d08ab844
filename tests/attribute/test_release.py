"""What is released along a feature: of no model that is random, and of whole wrappers."""

import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
)
from small import OwnPipeline, jitter, tree

from sklearn_rp import (
    AttributePrivacyClassifier,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import RandomizedResponseClassifier


class OwnSearch(GridSearchCV):
    """Answers with a threshold of its own."""

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.95).astype(int)


class Stores(LinearRule):
    """Keeps a model as searches do, and answers the opposite."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        smoothed = RobustPrivacyClassifier(tree(3), noise_features=[0], sigma=0.5)
        self.best_estimator_ = smoothed.fit(X, y)
        return self

    def predict(self, X):
        return 1 - self.best_estimator_.predict(X)


@pytest.mark.parametrize("kind", ["search", "pipeline", "stores"])
def test_wrappers_with_answers_of_their_own_are_not_looked_through(kind):
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 10, (300, 2))
    labels = ((rows[:, 0] > 5) ^ (rng.uniform(size=300) < 0.03)).astype(int)
    smoothed = RobustPrivacyClassifier(tree(3), noise_features=[0], sigma=0.5)
    wrapper = {
        "search": OwnSearch(smoothed, {"sigma": [0.5]}, cv=2),
        "pipeline": OwnPipeline([("model", smoothed)]),
        "stores": Stores(),
    }[kind].fit(rows, labels)
    with pytest.raises(TypeError, match="certify cannot certify"):
        certify(wrapper, rows)
    sets = compatible_sets(wrapper, rows[:20], sensitive_feature=0, bounds=(0, 10))
    assert (sets.label == wrapper.predict(rows[:20])).all()
    z = np.linspace(0, 10, 2001)
    for i in range(20):
        same = wrapper.predict(np.c_[z, np.full(2001, rows[i, 1])]) == sets.label[i]
        assert sets.length[i] == pytest.approx(10 * same.mean(), abs=0.05)


def test_columns_in_another_order_are_refused_by_sets():
    lightgbm = pytest.importorskip("lightgbm")  # reads frames by position
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.uniform(0, 10, (400, 2)), columns=["a", "b"])
    labels = ((rows["a"] > 5) & (rows["b"] > 2)).astype(int)
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    asked = {"sensitive_feature": "b", "bounds": (0, 10)}
    clf = RobustPrivacyClassifier(model, noise_features=["b"], sigma=0.1).fit(rows, labels)
    apc = AttributePrivacyClassifier(model, **asked).fit(rows, labels)
    for estimator in (clf, apc):
        with pytest.raises(ValueError, match="feature names should match"):
            compatible_sets(estimator, rows[["b", "a"]], **asked)


def random_release():
    return RobustPrivacyClassifier(
        tree(3), resample=True, method="monte_carlo", n_samples=30, alpha=0.1
    )


@pytest.mark.filterwarnings("ignore:.*same rows different answers")
@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier([("a", random_release())]),
        BaggingClassifier(random_release(), 2),
        make_pipeline(random_release()),
        RobustPrivacyClassifier(RandomizedResponseClassifier(tree(3), p=0.7), noise_features=[0]),
        LinearRule((1.0, -1.0)),
        DummyClassifier(strategy="stratified"),
        make_pipeline(FunctionTransformer(jitter), LogisticRegression()),
        make_pipeline(FunctionTransformer(jitter), RobustPrivacyClassifier(tree(3))),
    ],
    ids=["voting", "bagging", "pipeline", "inside", "unknown", "dummy", "step", "step in front"],
)
def test_a_release_that_is_random_inside_is_refused(model):
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 10, (200, 2))
    if isinstance(model, LinearRule):
        model = FlipsACoin()
    model = clone(model).fit(rows, (rows[:, 0] > 5).astype(int))
    with pytest.raises(ValueError, match="releases at random"):
        compatible_sets(model, rows, sensitive_feature=0)


class FlipsACoin(LinearRule):
    """Random, and tells nobody."""

    def predict(self, X):
        return np.random.default_rng().integers(2, size=len(X))


def test_a_model_that_is_random_where_values_are_missing():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    labels = (rows.sum(axis=1) > 0).astype(int)
    rows[:6, 2] = np.nan  # none of them is among the usual sample
    rows[[0]] = rows[[10]]

    class FillsAnyhow(LinearRule):
        def predict(self, X):
            fill = np.random.default_rng().normal(scale=9, size=X.shape)
            return super().predict(np.where(np.isnan(X), fill, X))

    model = FillsAnyhow((1.0, 1.0, 1.0)).fit(rows, labels)
    with pytest.raises(ValueError, match="releases at random"):
        compatible_sets(model, rows, sensitive_feature=0)
