"""A small task, and classifiers fitted on it: what tests of faults and of errors begin with."""

import numpy as np
import pandas as pd
from conftest import LinearRule
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    RobustPrivacyClassifier,
)

X, Y = make_classification(80, 4, n_informative=3, n_redundant=0, random_state=0)
FRAME = pd.DataFrame(X, columns=["age", "bmi", "bp", "hdl"])
VOTES = {"method": "monte_carlo", "n_samples": 50, "random_state": 0}


class Base(ClassifierMixin, BaseEstimator):
    """A rule; faults are small changes of it."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)]


def fitted(model=None, **arguments):
    model = Base() if model is None else model
    return RobustPrivacyClassifier(model, **(VOTES | arguments)).fit(X, Y)


def exact(**arguments):
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    return RobustPrivacyClassifier(tree, **arguments).fit(X, Y)


class Stranger(ClassifierMixin, BaseEstimator):
    """Answers with a label that it was not fitted on."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), 7)


class Longest(LinearRule):
    """Any rows, any columns: label 1 where the text of the BMI is long."""

    def predict(self, X):
        return (X["bmi"].astype(str).str.len() > 4).to_numpy().astype(int)


def jitter(rows):
    return rows + np.random.default_rng().normal(size=rows.shape)


class OwnPipeline(Pipeline):
    """Answers with a threshold of its own."""

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.95).astype(int)


def tree(depth=4):
    return DecisionTreeClassifier(max_depth=depth, random_state=0)
