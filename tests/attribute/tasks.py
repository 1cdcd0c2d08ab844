"""Tasks and models that several test files of sensitive features use."""

from itertools import pairwise

import numpy as np
from conftest import LinearRule
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.datasets import make_recommendation

# That a minimum is laid on.
MODELS = [
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(8, random_state=0),
    HistGradientBoostingClassifier(max_iter=8, min_samples_leaf=3),
    LogisticRegression(),
    GaussianNB(),
    KNeighborsClassifier(3),
    LinearSVC(),  # no probabilities
    RobustPrivacyClassifier(DecisionTreeClassifier(random_state=0), noise_features=[1]),
]


class Where(ClassifierMixin, BaseEstimator):
    """Label 1 where a rule of the first column holds: nothing but `predict`."""

    def __init__(self, rule):
        self.rule = rule

    def fit(self, X, y=None):
        self.classes_ = np.array([0, 1])
        return self

    def predict(self, X):
        return np.asarray(self.rule(np.asarray(X)[:, 0]), dtype=int)


def codes(seed=0, n=600):
    """Whole numbers 0 to 5, of which 1 and 4 get the label 1."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([rng.integers(0, 6, n), rng.normal(size=n)])
    return X, np.isin(X[:, 0], [1, 4]).astype(int)


def task(seed, n=80, n_classes=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    score = np.sin(4 * X[:, 1]) + X[:, 0] + 0.3 * rng.normal(size=n)
    return X, np.digitize(score, np.linspace(-1, 1, n_classes + 1)[1:-1])


def related(n=120, integers=False):
    """Rows whose sensitive feature, the second, has to do with the others; and labels."""
    X, y = task(1, n=n)
    X[:, 2] = X[:, 2] > 0
    X[:, 1] += X[:, 0] + X[:, 2]
    if integers:
        X[:, 1] = np.round(4 * X[:, 1])
    return X, y


def two_groups(n=200):
    """A sensitive feature, below 1 or above 9, that the other one all but gives away."""
    group = np.arange(n) % 2
    part = np.where(np.arange(n) % 20 == 0, 1, group)  # a tree that looks for it splits the feature
    z = np.random.default_rng(0).uniform(size=n) + 9 * part
    return np.column_stack([z, group]), part


def runs(labels):
    """(label, first cell, cell after the last) of each maximal run."""
    cuts = [0, *(np.flatnonzero(np.diff(labels)) + 1), len(labels)]
    return [(labels[a], a, b) for a, b in pairwise(cuts)]


def fewest(labels):
    """Fewest categories of a label that is used, in each row."""
    return np.array([np.unique(row, return_counts=True)[1].min() for row in labels])


TASK = make_recommendation(60, random_state=0)
RULE = LinearRule(TASK.coef).fit(TASK.data, TASK.target)


def with_value(value):
    X = TASK.data.copy()
    X[4, 0] = value
    return X
