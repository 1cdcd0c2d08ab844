"""Linear models of several classes and of items: the closed form, against walks on the model."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC

from engines.oracle import exact
from sklearn_rp import RobustPrivacyClassifier, RobustPrivacyRecommender, RobustPrivacyRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
WINE = load_wine(return_X_y=True)
IRIS = load_iris(return_X_y=True)
LARGEST = [
    LogisticRegression(),
    LinearSVC(),
    RidgeClassifier(),
    Perceptron(),
    LinearDiscriminantAnalysis(),
    OneVsRestClassifier(LogisticRegression()),
    OneVsRestClassifier(LinearSVC(fit_intercept=False)),
    make_pipeline(MinMaxScaler(), LogisticRegression()),
]
PAIRS = [SVC(kernel="linear"), NuSVC(kernel="linear", nu=0.1), OneVsOneClassifier(LinearSVC())]
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(300, 5))
AMOUNTS = ROWS @ RNG.normal(size=(5, 9)) + 0.5 * RNG.normal(size=(300, 9))
LIKED = (AMOUNTS > 0.8).astype(int)
FAVOURITE = AMOUNTS.argmax(axis=1)
ITEMS = {
    "classes": (LogisticRegression(), FAVOURITE),
    "scores of classes": (LinearSVC(), FAVOURITE),
    "label matrix": (MultiOutputClassifier(LogisticRegression()), LIKED),
    "one against the rest": (OneVsRestClassifier(LogisticRegression()), LIKED),
    "scores of labels": (make_pipeline(StandardScaler(), RidgeClassifier()), LIKED),
    "numbers": (Ridge(), AMOUNTS),
    "one regressor each": (MultiOutputRegressor(Ridge()), AMOUNTS),
    "two items": (LogisticRegression(), (FAVOURITE > 4).astype(int)),
}


def first_change(answer, X, own, direction, most=60.0):
    """Smallest step along each row's direction that changes the answer, by bisection from afar."""

    def same(step):
        return answer(X + step[:, None] * direction) == own

    low, high = np.zeros(len(X)), np.full(len(X), most)
    high[same(high)] = np.inf
    for _ in range(60):
        middle = np.where(np.isfinite(high), (low + high) / 2, low)
        inside = same(middle)
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high


@pytest.mark.parametrize("model", LARGEST, ids=str)
@pytest.mark.parametrize("features", [None, [0, 3, 7]])
def test_the_nearest_rival_is_where_the_model_itself_changes(model, features):
    X, y = WINE
    model = make_pipeline(StandardScaler(), model)
    clf = exact(model, sigma=0.7, noise_features=features).fit(X, y)
    assert (clf.engine_, clf.method_) == ("linear", "exact")
    cert = clf.certify(X)
    assert (cert.label == clf.estimator_.predict(X)).all()
    assert (cert.radius > 0).all()
    # Towards every rival: the gradient of each difference of scores, of the model by itself.
    columns = np.arange(13) if features is None else np.array(features)
    score = clf.estimator_.decision_function
    base = score(X[:1])
    slopes = np.zeros((13, 3))
    for j, scale in zip(columns, clf.noise_scale_, strict=True):
        moved = X[:1].copy()
        moved[:, j] += scale
        slopes[j] = (score(moved) - base)[0]
    scale = np.zeros(13)
    scale[columns] = clf.noise_scale_
    nearest = np.full(len(X), np.inf)
    for rival in range(3):
        toward = slopes[:, [rival]].T - slopes[:, cert.label].T
        norm = np.linalg.norm(toward, axis=1, keepdims=True)
        direction = np.divide(toward, norm, out=np.zeros_like(toward), where=norm > 0) * scale
        found = first_change(clf.estimator_.predict, X, cert.label, direction)
        nearest = np.minimum(nearest, np.where(cert.label == rival, np.inf, found))
    farthest = np.linalg.norm(np.ptp(X[:, columns], axis=0) / clf.noise_scale_)
    assert cert.radius == pytest.approx(np.minimum(nearest, farthest), rel=1e-6)
    assert (cert.radius <= nearest * (1 + 1e-9)).all()


@pytest.mark.parametrize("model", PAIRS, ids=str)
def test_pairs_of_classes_that_vote(model):
    X, y = WINE
    X = StandardScaler().fit_transform(X)
    clf = exact(model, sigma=0.7).fit(X, y)
    assert clf.engine_ == "linear"
    cert = clf.certify(X)
    assert (cert.label == clf.estimator_.predict(X)).all()
    # Where the label beats all others, no pair of its own may turn: exact towards the nearest.
    rng = np.random.default_rng(0)
    rows = rng.integers(len(X), size=20_000)
    step = rng.normal(size=(20_000, 13))
    step *= (cert.radius[rows] * (1 - 1e-9) / np.linalg.norm(step, axis=1))[:, None]
    assert (clf.estimator_.predict(X[rows] + step * clf.noise_scale_) == cert.label[rows]).all()
    plain = clf.estimator_
    if isinstance(plain, OneVsOneClassifier):
        weights = np.concatenate([each.coef_ for each in plain.estimators_])
        scores = np.stack([each.decision_function(X) for each in plain.estimators_], axis=1)
    else:
        weights = plain.coef_
        scores = plain.set_params(decision_function_shape="ovo").decision_function(X)
    distance = np.abs(scores) / np.linalg.norm(weights * clf.noise_scale_, axis=1)
    pairs = [(0, 1), (0, 2), (1, 2)]
    own = np.array([[label in pair for pair in pairs] for label in cert.label])
    expected = np.where(own, distance, np.inf).min(axis=1)
    assert cert.radius == pytest.approx(expected, rel=1e-6)


def test_a_label_without_a_majority_over_all_keeps_what_is_certain():
    """Three classes that beat each other in a circle: the first of equals is released."""
    X, y = IRIS[0][:, :2], IRIS[1]
    model = SVC(kernel="linear", C=0.01).fit(X, y)
    clf = exact(FrozenEstimator(model), sigma=0.5).fit(X, y)
    grid = np.stack(np.meshgrid(np.linspace(3, 9, 200), np.linspace(1, 6, 200)), axis=-1)
    grid = grid.reshape(-1, 2)
    pairs = model.set_params(decision_function_shape="ovo").decision_function(grid) > 0
    circle = (pairs[:, 0] == pairs[:, 2]) & (pairs[:, 0] != pairs[:, 1])
    assert circle.sum() > 20
    cert = clf.certify(grid)
    assert (cert.label == model.predict(grid)).all()
    assert (cert.radius[circle] > 0).any()
    rng = np.random.default_rng(1)
    rows = rng.choice(np.flatnonzero(circle), 20_000)
    step = rng.normal(size=(20_000, 2))
    step *= (cert.radius[rows] * (1 - 1e-9) / np.linalg.norm(step, axis=1))[:, None]
    moved = model.predict(grid[rows] + step * clf.noise_scale_)
    assert (moved == cert.label[rows])[cert.radius[rows] > 0].all()


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("name", ITEMS)
def test_lists_of_a_linear_model(name, ordered):
    model, y = ITEMS[name]
    k = 1 if name == "two items" else 3
    clf = RobustPrivacyRecommender(
        model, n_recommended=k, ordered=ordered, sigma=0.4, noise_scale=None, random_state=0
    ).fit(ROWS, y)
    assert clf.engine_ == "linear"
    cert = clf.certify(ROWS)
    assert (cert.label == clf.predict(ROWS)).all()
    # The model's own scores, and how they move; the distance at which each pair is equal.
    inner = clf.estimator_.estimator_
    found = inner.predict(ROWS) if "numbers" in name or "regressor" in name else None
    if found is None and hasattr(inner, "predict_proba"):
        proba = inner.predict_proba(ROWS)
        if isinstance(proba, list):
            proba = np.stack([each[:, 1] for each in proba], axis=1)
        found = np.log(proba) - (0 if proba.sum(axis=1) == pytest.approx(1) else np.log1p(-proba))
    if found is None:
        found = inner.decision_function(ROWS)
    for row in range(0, 300, 17):
        order = np.argsort(-found[row], kind="stable")
        listed = order[:k] if ordered else np.sort(order[:k])
        assert cert.label[row].tolist() == clf.items_[listed].tolist()
    slopes, *_ = np.linalg.lstsq(np.c_[ROWS, np.ones(300)], found, rcond=None)
    for row in range(0, 300, 17):
        order = np.argsort(-found[row], kind="stable")
        pairs = [(a, b) for a in order[:k] for b in order[k:]]
        if ordered:
            pairs = [
                *pairwise(order[:k]),
                *((order[k - 1], b) for b in order[k:]),
            ]
        away = [
            (found[row, a] - found[row, b]) / np.linalg.norm(slopes[:5, a] - slopes[:5, b])
            for a, b in pairs
        ]
        assert cert.radius[row] == pytest.approx(min(away), rel=1e-5)


def test_lists_without_what_is_excluded():
    model, y = ITEMS["label matrix"]
    clf = RobustPrivacyRecommender(model, n_recommended=2, sigma=0.4, random_state=0).fit(ROWS, y)
    plain = clf.certify(ROWS)
    exclude = np.zeros((300, 9), dtype=bool)
    exclude[np.arange(300), np.searchsorted(clf.items_, plain.label[:, 0])] = True
    without = clf.certify(ROWS, exclude=exclude)
    assert not np.take_along_axis(exclude, np.searchsorted(clf.items_, without.label), 1).any()
    rng = np.random.default_rng(0)
    rows = rng.integers(300, size=5000)
    step = rng.normal(size=(5000, 5))
    step *= (without.radius[rows] * (1 - 1e-9) / np.linalg.norm(step, axis=1))[:, None]
    moved = clf.predict(ROWS[rows] + step * clf.noise_scale_, exclude=exclude[rows])
    assert (moved == without.label[rows]).all(axis=1)[without.radius[rows] > 0].all()


def test_items_that_all_rows_have_or_none():
    y = LIKED.copy()
    y[:, 4], y[:, 7] = 1, 0
    clf = RobustPrivacyRecommender(
        MultiOutputClassifier(LogisticRegression()), n_recommended=3, sigma=0.4, random_state=0
    ).fit(ROWS, y)
    assert clf.engine_ == "linear"
    cert = clf.certify(ROWS)
    assert (cert.label == 4).any(axis=1).all()
    assert not (cert.label == 7).any()
    one = RobustPrivacyRecommender(
        MultiOutputClassifier(LogisticRegression()), n_recommended=1, sigma=0.4, random_state=0
    ).fit(ROWS, y)
    assert (one.predict(ROWS) == 4).all()  # and nothing ever changes that
    assert (one.certify(ROWS).radius == one.certify(ROWS).radius.max()).all()


def test_shares_are_in_the_order_of_the_decision():
    clf = RobustPrivacyClassifier(LogisticRegression(), sigma=0.02).fit(*WINE)
    share = clf.predict_proba(WINE[0])
    assert (clf.classes_[share.argmax(axis=1)] == clf.estimator_.predict(WINE[0])).all()
    np.testing.assert_allclose(share.sum(axis=1), 1.0)
    cert = clf.certify(WINE[0])
    # The chance against the nearest rival, and the radius follow from each other.
    clear = cert.p_lower < 1 - 1e-9
    assert clear.any()
    assert norm.ppf(cert.p_lower[clear]) * 0.02 == pytest.approx(cert.radius[clear], abs=1e-6)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (SVC(kernel="linear", break_ties=True), "breaks ties"),
        (OneVsRestClassifier(SVC(kernel="rbf")), "a member of OneVsRestClassifier"),
        (OneVsRestClassifier(SVC(kernel="linear")), "not one score of its own"),
    ],
    ids=str,
)
def test_what_is_not_known_to_be_linear_is_voted_on(model, reason):
    clf = RobustPrivacyClassifier(model, n_samples=50, random_state=0).fit(*IRIS)
    table = clf.explain_engine()
    assert clf.method_ == "monte_carlo"
    assert reason in table.loc[table["engine"] == "linear", "reason"].item()


@pytest.mark.parametrize("offset", [1.7e9, 1e12])
def test_columns_far_from_zero_that_a_step_takes_the_difference_of(offset):
    """A PCA of time stamps beside the noise: what it rounds is not certified."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(size=(300, 3)), offset + rng.normal(size=(300, 3))]
    y = (X[:, 0] + X[:, 1] + 0.3 * rng.normal(size=300) > 0).astype(int)
    clf = RobustPrivacyClassifier(
        make_pipeline(PCA(6), LogisticRegression()), sigma=0.5, noise_features=[0, 1, 2],
        noise_scale=None, n_samples=200, random_state=0,
    ).fit(X, y)  # fmt: skip
    if clf.engine_ != "linear":
        return
    slope = np.array([1.0, 1.0, 0.0, 0, 0, 0]) / np.sqrt(2)
    rows = X[:40].copy()
    for _ in range(60):  # next to where the label changes
        cert = clf.certify(rows)
        rows = rows - 0.9 * slope * (cert.radius * np.where(cert.label == 1, 1, -1))[:, None]
    for away in (1e-8, 1e-6, 1e-4, 1e-2):
        near = rows + away * slope * np.where(cert.label == 1, 1, -1)[:, None]
        cert = clf.certify(near)
        other = near - slope * (0.999 * cert.radius * np.where(cert.label == 1, 1, -1))[:, None]
        assert (clf.predict(other) == cert.label)[cert.radius > 0].all()
        assert (clf.estimator_.predict(other) == cert.label)[cert.radius > 0].all()


@pytest.mark.parametrize(
    "model",
    [MultiOutputClassifier(RidgeClassifier()), MultiOutputClassifier(Perceptron())],
    ids=str,
)
def test_scores_that_are_labels_are_not_ranked_by_what_is_behind_them(model):
    clf = RobustPrivacyRecommender(model, n_recommended=3, n_samples=300, random_state=0)
    clf.fit(ROWS, LIKED)
    assert clf.method_ == "monte_carlo"


def test_thousands_of_items_have_too_many_rivals():
    many = np.tile(AMOUNTS, 120)
    clf = RobustPrivacyRecommender(Ridge(), n_recommended=2, n_samples=300, random_state=0)
    table = clf.fit(ROWS, many).explain_engine()
    assert "too many pairs" in table.loc[table["engine"] == "linear", "reason"].item()


def test_numbers_in_thousands_of_cells_have_none():
    reg = RobustPrivacyRegressor(Ridge(), step=0.004, random_state=0).fit(ROWS, AMOUNTS[:, 0])
    assert len(reg.numbers_) > 2000
    assert (reg.engine_, reg.method_) == ("linear", "exact")


def test_a_list_of_votes_between_pairs_is_no_score():
    clf = RobustPrivacyRecommender(
        make_pipeline(StandardScaler(), SVC(kernel="linear")), n_recommended=1, n_samples=200,
        random_state=0,
    ).fit(ROWS, FAVOURITE % 3)  # fmt: skip
    assert clf.method_ == "monte_carlo"
