"""Which engine takes a problem: none that does not compute what the model answers."""

import numpy as np
import pandas as pd
import pytest
from engines.oracle import exact, monte_carlo_shares
from scipy import special, stats
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier
from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.datasets import load_recommendation

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CANCER = load_breast_cancer(return_X_y=True)


IRIS = load_iris(return_X_y=True)


def test_a_model_that_ignores_the_noised_feature():
    """The true radius is infinite; no more than the diameter of the data is reported."""
    X = np.c_[np.linspace(-1, 1, 50), np.random.default_rng(0).normal(size=50)]
    y = (X[:, 0] > 0).astype(int)
    for model in (LogisticRegression(), DecisionTreeClassifier()):
        model.fit(X * [1, 0], y)
        clf = exact(FrozenEstimator(model), noise_features=[1], sigma=0.3).fit(X, y)
        radius = clf.certify(X).radius
        assert radius == pytest.approx(np.full(50, np.ptp(X[:, 1]) / X[:, 1].std()))


def test_auto_takes_no_exact_method_where_the_release_is_to_be_random():
    X, y = IRIS
    clf = RobustPrivacyClassifier(DecisionTreeClassifier(), resample=True, n_samples=20)
    assert clf.fit(X, y).method_ == "monte_carlo"
    with pytest.raises(ValueError, match="resample=True can do nothing"):
        exact(DecisionTreeClassifier(), resample=True).fit(X, y)


class MajorityOfAll(GridSearchCV):
    """A search that answers in another way than its best model."""

    def predict(self, X):
        return np.full(len(X), self.classes_[1])


@pytest.mark.parametrize(
    ("model", "grid", "engine"),
    [
        (DecisionTreeClassifier(random_state=0), {"max_depth": [2, 4]}, "trees"),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression__C": [0.1, 1.0]},
            "linear",
        ),
    ],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_tuned_model_is_read_as_the_model_that_was_chosen(model, grid, engine, frozen):
    X, y = CANCER
    search = GridSearchCV(model, grid, cv=3)
    clf = RobustPrivacyClassifier(
        FrozenEstimator(search.fit(X, y)) if frozen else search, random_state=0
    ).fit(X, y)
    assert clf.engine_ == engine
    inner = clf.estimator_.estimator if frozen else clf.estimator_
    plain = RobustPrivacyClassifier(FrozenEstimator(inner.best_estimator_)).fit(X, y)
    np.testing.assert_array_equal(clf.certify(X).radius, plain.certify(X).radius)


def test_a_search_with_answers_of_its_own_is_not_read_as_its_best_model():
    search = MajorityOfAll(DecisionTreeClassifier(random_state=0), {"max_depth": [2]}, cv=3)
    clf = RobustPrivacyClassifier(search, random_state=0).fit(*CANCER)
    assert clf.method_ == "monte_carlo"
    assert (clf.predict(CANCER[0]) == 1).all()
