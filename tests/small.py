"""A small task, and classifiers fitted on it: what tests of faults and of errors begin with."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import make_classification
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier

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
