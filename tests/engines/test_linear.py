"""Linear models: the closed form, against bisection on the model's own decision."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC

from engines.oracle import exact, monte_carlo_shares
from sklearn_rp import RobustPrivacyClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
LINEAR = [
    LogisticRegression(),
    LinearSVC(),
    SGDClassifier(random_state=0),
    RidgeClassifier(),
    Perceptron(),
    LinearDiscriminantAnalysis(),
    SVC(kernel="linear"),
    make_pipeline(PCA(5, whiten=True), LogisticRegression()),
    make_pipeline(MinMaxScaler(), SimpleImputer(), MaxAbsScaler(), LinearSVC()),
    make_pipeline(RobustScaler(), SelectKBest(k=7), LogisticRegression()),
    make_pipeline(StandardScaler(), FrozenEstimator(PCA(4).fit(CANCER[0])), RidgeClassifier()),
]


@pytest.mark.parametrize("model", LINEAR, ids=str)
@pytest.mark.parametrize("features", [None, [0, 3, 7]])
def test_linear(model, features):
    X, y = CANCER
    if not isinstance(model[-2] if hasattr(model, "steps") else None, FrozenEstimator):
        model = make_pipeline(StandardScaler(), model)
    clf = exact(model, sigma=0.7, noise_features=features).fit(X, y)
    assert (clf.method_, clf.engine_) == ("exact", "linear")
    cert = clf.certify(X)
    assert cert.alpha == 0.0
    assert np.array_equal(cert.label, clf.estimator_.predict(X))  # a linear model's g is f
    # The distance to the boundary, by bisection on the model's own decision along its gradient.
    columns = np.arange(30) if features is None else np.array(features)
    score = clf.estimator_.decision_function
    one = X[:1].repeat(len(columns), axis=0)
    one[np.arange(len(columns)), columns] += clf.noise_scale_
    slope = (score(one) - score(X[:1])) * clf.noise_scale_ / clf.noise_scale_
    direction = slope / np.linalg.norm(slope)
    rows = X[:40]
    low, high = np.zeros(40), np.full(40, 1e3)
    sign = -np.sign(score(rows))
    for _ in range(60):
        middle = (low + high) / 2
        moved = rows.copy()
        moved[:, columns] += (sign * middle)[:, None] * direction * clf.noise_scale_
        same = np.sign(score(moved)) == -sign
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    farthest = np.linalg.norm(np.ptp(X[:, columns], axis=0) / clf.noise_scale_)
    assert cert.radius[:40] == pytest.approx(np.minimum(low, farthest), rel=1e-5)
    assert (cert.radius[:40] <= low * (1 + 1e-9)).all()


def test_linear_shares_are_the_closed_form():
    X, y = CANCER
    X = StandardScaler().fit_transform(X)
    clf = exact(LogisticRegression(), sigma=0.5).fit(X, y)
    w, b = clf.estimator_.coef_[0], clf.estimator_.intercept_[0]
    expected = stats.norm.cdf((X @ w + b) / np.sqrt(np.sum((w * 0.5 * X.std(axis=0)) ** 2)))
    assert clf.predict_proba(X)[:, 1] == pytest.approx(expected, abs=1e-12)
    shares = monte_carlo_shares(clf, X[:10], 100_000)
    assert clf.predict_proba(X[:10]) == pytest.approx(shares, abs=5 * 0.5 / np.sqrt(1e5))


def test_linear_behind_a_column_transformer_with_categories(people, mixed_pipeline):
    X, y = people
    clf = RobustPrivacyClassifier(mixed_pipeline, sigma=0.5).fit(X, y)
    assert clf.engine_ == "linear"
    pipe = clf.estimator_
    names = list(pipe[0].feature_names_in_)
    w = pipe[-1].coef_[0][: len(names[:0]) + 4] / pipe[0].named_transformers_["number"].scale_
    scale = X[["age", "bmi", "bp", "ltg"]].std(ddof=0).to_numpy()
    distance = np.abs(pipe.decision_function(X)) / np.sqrt(np.sum((w * scale) ** 2))
    assert clf.certify(X).radius == pytest.approx(distance, rel=1e-9)


def test_a_kernel_or_a_curved_step_is_not_linear():
    X, y = CANCER[0][:, :4], CANCER[1]
    for model in (
        SVC(),
        make_pipeline(PolynomialFeatures(2), LogisticRegression()),
        make_pipeline(MinMaxScaler(clip=True), LogisticRegression()),
        KNeighborsClassifier(),
    ):
        clf = RobustPrivacyClassifier(model, n_samples=20).fit(X, y)
        assert clf.method_ == "monte_carlo"
        with pytest.raises(ValueError, match="no closed form for this .* It has one for a linear"):
            exact(model).fit(X, y)


def test_a_decision_that_is_not_the_sign_of_the_score_is_not_linear():
    class Shifted(LogisticRegression):
        def predict(self, X):
            return self.classes_[(self.decision_function(X) > 1).astype(int)]

    X, y = IRIS[0], (IRIS[1] > 0).astype(int)
    X = X[:, :2]
    with pytest.raises(ValueError, match=r"array of shape \(50, 3\) for 50 rows"):
        RobustPrivacyClassifier(Shifted(), n_samples=20).fit(X, y + (X[:, 0] > 6))
    clf = RobustPrivacyClassifier(Shifted(C=0.01), n_samples=20).fit(X, (X[:, 0] > 6).astype(int))
    assert clf.method_ == "monte_carlo"


def test_no_radius_is_too_large_where_a_model_adds_up_support_vectors_far_from_zero():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)) + 1e3
    y = (X.sum(axis=1) + 0.3 * rng.normal(size=200) > 3e3).astype(int)
    clf = exact(SVC(kernel="linear"), sigma=0.5, noise_scale=None).fit(X, y)
    model, long = clf.estimator_, np.longdouble
    weight = model.dual_coef_.astype(long)[0] @ model.support_vectors_.astype(long)
    score = X.astype(long) @ weight + long(model.intercept_[0])
    distance = np.abs(score) / np.sqrt((weight**2).sum())
    radius = clf.certify(X).radius
    assert (radius <= distance).all()
    assert radius == pytest.approx(distance.astype(float), abs=1e-6)
