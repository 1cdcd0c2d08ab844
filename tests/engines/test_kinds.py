"""Which engine each kind of model gets, and why: the table of the docs, run line by line.

PYTHONPATH=tests python tests/engines/test_kinds.py    # writes docs/results/engines.csv
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_classification
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import (
    HuberRegressor,
    LogisticRegression,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import (
    RobustPrivacyClassifier,
    RobustPrivacyRecommender,
    RobustPrivacyRegressor,
)

TABLE = Path(__file__).parents[2] / "docs" / "results" / "engines.csv"
X, TWO = make_classification(200, 6, n_informative=4, n_redundant=0, random_state=0)
THREE = TWO + (X[:, 1] > 0.5)
NUMBER = X @ np.arange(6.0) + np.sin(X[:, 0])
MATRIX = (X[:, [0, 1, 2, 3]] + X[:, [1, 2, 3, 4]] > 0.3).astype(int)
HGB = HistGradientBoostingClassifier
FEW = {"n_estimators": 5, "random_state": 0}

# What is fitted, the target, what else is asked for, and the engine that it gets.
KINDS = {
    "logistic regression, two classes": (LogisticRegression(), TWO, {}, "linear"),
    "logistic regression, three": (LogisticRegression(), THREE, {}, "linear"),
    "logistic regression, soft votes": (
        LogisticRegression(), TWO, {"voting": "soft"}, "monte_carlo"),
    "linear SVC, three": (LinearSVC(), THREE, {}, "linear"),
    "SVC with a linear kernel, three": (SVC(kernel="linear"), THREE, {}, "linear"),
    "SVC": (SVC(), TWO, {}, "monte_carlo"),
    "perceptron, three": (Perceptron(), THREE, {}, "linear"),
    "ridge classifier": (RidgeClassifier(), THREE, {}, "linear"),
    "stochastic gradients": (SGDClassifier(random_state=0), THREE, {}, "linear"),
    "linear discriminant, three": (LinearDiscriminantAnalysis(), THREE, {}, "linear"),
    "one against the rest": (OneVsRestClassifier(LogisticRegression()), THREE, {}, "linear"),
    "one against one": (OneVsOneClassifier(LinearSVC()), THREE, {}, "linear"),
    "scaled logistic regression": (
        make_pipeline(StandardScaler(), LogisticRegression()), THREE, {}, "linear"),
    "logistic regression of squares": (
        make_pipeline(PolynomialFeatures(2), LogisticRegression()), TWO, {}, "monte_carlo"),
    "logistic regression of splines": (
        make_pipeline(SplineTransformer(), LogisticRegression()), TWO, {}, "monte_carlo"),
    "tree": (DecisionTreeClassifier(max_depth=4, random_state=0), THREE, {}, "trees"),
    "tree, one feature": (
        DecisionTreeClassifier(max_depth=4), THREE, {"noise_features": [0]}, "sweep"),
    "forest": (RandomForestClassifier(**FEW), THREE, {}, "monte_carlo"),
    "forest, soft votes": (RandomForestClassifier(**FEW), THREE, {"voting": "soft"}, "trees"),
    "forest, two features": (
        RandomForestClassifier(**FEW), THREE, {"noise_features": [0, 1]}, "sweep"),
    "extra trees, soft votes": (ExtraTreesClassifier(**FEW), TWO, {"voting": "soft"}, "trees"),
    "forest of stumps": (RandomForestClassifier(max_depth=1, **FEW), TWO, {}, "additive"),
    "bags of trees": (BaggingClassifier(**FEW), TWO, {}, "monte_carlo"),
    "boosted stumps": (GradientBoostingClassifier(max_depth=1, **FEW), TWO, {}, "additive"),
    "boosted trees": (
        GradientBoostingClassifier(n_estimators=60, random_state=0), TWO, {}, "monte_carlo"),
    "boosted trees, soft votes by name": (
        GradientBoostingClassifier(**FEW), TWO, {"voting": "soft", "method": "exact"}, "trees"),
    "AdaBoost of stumps": (AdaBoostClassifier(**FEW), TWO, {}, "additive"),
    "AdaBoost of stumps, three": (AdaBoostClassifier(**FEW), THREE, {}, "monte_carlo"),
    "histograms without interactions": (
        HGB(interaction_cst="no_interactions", max_iter=10), TWO, {}, "additive"),
    "histograms": (HGB(max_iter=60), TWO, {}, "monte_carlo"),
    "histograms, one feature": (HGB(max_iter=10), TWO, {"noise_features": [0]}, "sweep"),
    "naive Bayes, two classes": (GaussianNB(), TWO, {}, "additive"),
    "naive Bayes, three": (GaussianNB(), THREE, {}, "monte_carlo"),
    "naive Bayes of signs": (BernoulliNB(), TWO, {}, "additive"),
    "quadratic discriminant": (QuadraticDiscriminantAnalysis(), TWO, {}, "additive"),
    "nearest centroid": (NearestCentroid(), TWO, {}, "monte_carlo"),
    "neighbours": (KNeighborsClassifier(), TWO, {}, "monte_carlo"),
    "neighbours, one feature": (
        KNeighborsClassifier(), TWO, {"noise_features": [0]}, "sweep"),
    "perceptron of layers": (MLPClassifier((4,), max_iter=20), TWO, {}, "monte_carlo"),
    "Gaussian process": (GaussianProcessClassifier(), TWO, {}, "monte_carlo"),
    "calibrated": (CalibratedClassifierCV(LogisticRegression()), TWO, {}, "monte_carlo"),
    "voting": (
        VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]), TWO, {},
        "monte_carlo"),
    "stacking": (
        StackingClassifier([("a", LogisticRegression())], cv=2), TWO, {}, "monte_carlo"),
    "number: ridge": (Ridge(), NUMBER, {"step": 1.0}, "linear"),
    "number: Huber": (HuberRegressor(), NUMBER, {"step": 1.0}, "linear"),
    "number: linear SVR": (SVR(kernel="linear"), NUMBER, {"step": 1.0}, "linear"),
    "number: Poisson": (PoissonRegressor(), np.exp(NUMBER / 9), {"step": 1.0}, "monte_carlo"),
    "number: tree": (DecisionTreeRegressor(max_depth=4), NUMBER, {"step": 1.0}, "trees"),
    "number: forest": (RandomForestRegressor(**FEW), NUMBER, {"step": 1.0}, "monte_carlo"),
    "number: histograms, one feature": (
        HistGradientBoostingRegressor(max_iter=10), NUMBER, {"step": 1.0, "noise_features": [1]},
        "sweep"),
    "number: neighbours": (KNeighborsRegressor(), NUMBER, {"step": 1.0}, "monte_carlo"),
    "list: logistic regressions": (
        MultiOutputClassifier(LogisticRegression()), MATRIX, {"n_recommended": 2}, "linear"),
    "list: ridge regressions": (
        MultiOutputRegressor(Ridge()), MATRIX * 1.0, {"n_recommended": 2}, "linear"),
    "list: classes": (LogisticRegression(), THREE, {"n_recommended": 1}, "linear"),
    "list: chain": (
        ClassifierChain(LogisticRegression()), MATRIX, {"n_recommended": 2}, "monte_carlo"),
    "list: forest, soft votes": (
        RandomForestClassifier(**FEW), MATRIX, {"n_recommended": 2, "voting": "soft"}, "trees"),
    "list: forest, one feature": (
        RandomForestClassifier(**FEW), MATRIX, {"n_recommended": 2, "noise_features": [0]},
        "sweep"),
}  # fmt: skip

CLOSED = ["distance to the hyperplane", "boxes of the leaves", "sum over features"]

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning"),
]


def explained(name):
    """Engine, whether it is exact, and, where it is not, why no closed form is."""
    model, y, asked, _ = KINDS[name]
    kind = RobustPrivacyClassifier
    if "step" in asked:
        kind = RobustPrivacyRegressor
    if "n_recommended" in asked:
        kind = RobustPrivacyRecommender
    clf = kind(model, n_samples=300, random_state=0, **asked).fit(X, y)
    table = clf.explain_engine()
    declined = table[table["exact"] & (table["reason"] != "taken")].set_index("computation")[
        "reason"
    ]
    taken = table.iloc[-1]
    assert taken["reason"] == "taken"
    assert taken["engine"] == clf.engine_
    assert bool(taken["exact"]) == (clf.method_ == "exact")
    assert (declined.str.len() > 8).all()
    own = [f"{where}: {reason}" for where, reason in declined.items() if where in CLOSED]
    return clf.engine_, taken["computation"], "" if taken["exact"] else "; ".join(own)


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_gets_its_engine_and_says_why(name):
    engine, computation, reason = explained(name)
    assert engine == KINDS[name][3]
    with TABLE.open(newline="") as file:
        published = {row[0]: row[1:] for row in csv.reader(file)}
    assert published[name] == [engine, computation, reason]


def test_there_are_forty_kinds():
    assert len(KINDS) >= 40
    with TABLE.open(newline="") as file:
        assert [row[0] for row in csv.reader(file)][1:] == list(KINDS)


if __name__ == "__main__":
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["model", "engine", "computation", "why it is voted on"])
        writer.writerows([name, *explained(name)] for name in KINDS)
