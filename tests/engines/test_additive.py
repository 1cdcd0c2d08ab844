"""Sums over features: their votes, against exact fractions, quadrature and draws."""

from fractions import Fraction
from itertools import product
from math import erfc, sqrt

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from engines.oracle import exact, raw
from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.engines.softened import beyond, chance_above, window

X, Y = make_classification(500, 8, n_informative=5, flip_y=0.1, random_state=0)
X = X[:, :6]
CANCER = load_breast_cancer(return_X_y=True)
STUMP = DecisionTreeClassifier(max_depth=1)


def lightgbm():
    return pytest.importorskip("lightgbm").LGBMClassifier(max_depth=1, n_estimators=30, verbose=-1)


def xgboost():
    return pytest.importorskip("xgboost").XGBClassifier(max_depth=1, n_estimators=30)


def xgboost_in_pairs():
    groups = "[[0, 1], [2], [3], [4, 5]]"
    kind = pytest.importorskip("xgboost").XGBClassifier
    return kind(max_depth=2, n_estimators=8, interaction_constraints=groups)


def catboost():
    kind = pytest.importorskip("catboost").CatBoostClassifier
    return kind(depth=1, n_estimators=30, verbose=0, allow_writing_files=False)


def explainable(**options):
    kind = pytest.importorskip("interpret.glassbox").ExplainableBoostingClassifier
    options = {"max_bins": 16, "max_interaction_bins": 8} | options
    return kind(outer_bags=1, max_rounds=60, random_state=0, n_jobs=1, **options)


MODELS = {
    "boosted stumps": lambda: GradientBoostingClassifier(
        max_depth=1, n_estimators=40, random_state=0
    ),
    "histograms": lambda: HistGradientBoostingClassifier(
        interaction_cst="no_interactions", max_iter=20
    ),
    "histograms in blocks": lambda: HistGradientBoostingClassifier(
        interaction_cst=[{0, 1}, {2}, {3, 4}, {5}], max_iter=15, max_leaf_nodes=5
    ),
    "adaboost": lambda: AdaBoostClassifier(n_estimators=20, random_state=0),
    "stumps that vote": lambda: RandomForestClassifier(25, max_depth=1, random_state=0),
    "bags of stumps": lambda: BaggingClassifier(STUMP, 15, max_features=0.5, random_state=0),
    "naive bayes": GaussianNB,
    "naive bayes of signs": lambda: BernoulliNB(binarize=0.1),
    "quadratic": lambda: QuadraticDiscriminantAnalysis(reg_param=0.1),
    "scaled quadratic": lambda: make_pipeline(StandardScaler(), QuadraticDiscriminantAnalysis()),
    "scaled stumps": lambda: make_pipeline(
        StandardScaler(), AdaBoostClassifier(n_estimators=20, random_state=0)
    ),
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "xgboost in pairs": xgboost_in_pairs,
    "catboost": catboost,
    "explainable boosting": lambda: explainable(interactions=0),
    "explainable boosting with a pair": lambda: explainable(interactions=[(1, 0)]),
}


def shares(clf, rows):
    """Share of the second class, and its error."""
    votes = clf.release_.votes(clf.checked_rows(rows))
    return votes.total[:, 1], votes.error


def score_of(model, X):
    """Score of a fitted model, by its own public methods."""
    inner = model[-1] if hasattr(model, "steps") else model
    inputs = model[:-1].transform(X) if hasattr(model, "steps") else X
    if isinstance(inner, GaussianNB | BernoulliNB):
        return np.diff(inner.predict_log_proba(inputs))[:, 0]
    found = raw(inner, inputs)
    return found if found.ndim == 1 else np.diff(found)[:, 0]


GRID = np.linspace(-400, 400, 400_001)
DENSITY = 3 / (8 * np.pi) * np.sinc(GRID / 4 / np.pi) ** 4
BELOW = integrate.cumulative_trapezoid(DENSITY, GRID, initial=0.0)


def rounded(score, tau):
    """P[score + tau eta > 0], by a sum over the density of eta."""
    return np.interp(score / tau, GRID, BELOW)


def copies_of(clf, row, n, seed):
    columns = [int(name[1:]) for name in clf.noise_features_]
    rng = np.random.default_rng(seed)
    copies = np.repeat(row[None], n, axis=0)
    copies[:, columns] += clf.sigma * clf.noise_scale_ * rng.standard_normal((n, len(columns)))
    return copies


def assert_right(clf, rows, n):
    """Against the mean of rounded votes of drawn copies, and against their labels."""
    share, error = shares(clf, rows)
    tau = clf.release_.engine.edge(clf.sigma)
    for k, row in enumerate(rows):
        copies = copies_of(clf, row, n, seed=k)
        votes = rounded(score_of(clf.estimator_, copies).astype(float), tau)
        spread = votes.std()
        assert abs(votes.mean() - share[k]) <= 6 * spread / np.sqrt(n) + 10 / n + error[k]
        hard = clf.estimator_.predict(copies) == clf.classes_[1]
        undecided = np.abs(hard - votes).mean()
        assert abs(hard.mean() - share[k]) <= 6 * 0.5 / np.sqrt(n) + undecided


@pytest.mark.parametrize("features", [None, pytest.param([0, 1, 4], marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", MODELS)
def test_shares_are_means_of_rounded_votes(name, features):
    clf = exact(MODELS[name](), sigma=0.5, noise_features=features).fit(X, Y)
    assert (clf.engine_, clf.method_) == ("additive", "exact")
    assert_right(clf, X[:6], 20_000)
    assert shares(clf, X)[1].max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_million_draws(name):
    clf = exact(MODELS[name](), sigma=0.3).fit(X, Y)
    assert_right(clf, X[10:11], 10**6)


def mass(low, high, x, spread):
    """Probability of an interval, by the C library's error function."""
    low, high = (Fraction(0.5 * erfc(-(e - x) / (spread * sqrt(2)))) for e in (low, high))
    return high - low


@pytest.mark.parametrize("n_estimators", [3, 7])
def test_against_an_oracle_in_exact_fractions(n_estimators):
    """All cells of the product of a few stumps, their scores added up as fractions."""
    model = GradientBoostingClassifier(
        max_depth=1, n_estimators=n_estimators, learning_rate=0.7, random_state=0
    )
    clf = exact(model, sigma=0.6).fit(X[:, :3], Y)
    if clf.engine_ != "additive":
        pytest.fail(f"engine {clf.engine_}")
    stumps = [tree.tree_ for tree in clf.estimator_.estimators_[:, 0]]
    rate = Fraction(0.7)
    first = clf.estimator_.init_.class_prior_
    start = Fraction(float(np.log(first[1] / first[0])))
    cuts = [sorted({float(t.threshold[0]) for t in stumps if t.feature[0] == j}) for j in range(3)]
    ends = [[-np.inf, *cut, np.inf] for cut in cuts]
    share, error = shares(clf, X[:20, :3])
    tau = clf.release_.engine.edge(clf.sigma)
    for k, row in enumerate(X[:20, :3]):
        spread = clf.sigma * clf.noise_scale_
        truth = Fraction(0)
        for cell in product(*(range(len(end) - 1) for end in ends)):
            score, chance = start, Fraction(1)
            for j, c in enumerate(cell):
                chance *= mass(ends[j][c], ends[j][c + 1], row[j], spread[j])
            for t in stumps:
                j = int(t.feature[0])
                goes_left = ends[j][cell[j] + 1] <= t.threshold[0]
                leaf = t.children_left[0] if goes_left else t.children_right[0]
                score += rate * Fraction(float(t.value[leaf, 0, 0]))
            truth += chance * Fraction(float(rounded(float(score), tau)))
        # Thresholds are compared in single precision: 1e-6 is more than that moves.
        assert float(truth) == pytest.approx(share[k], abs=1e-6 + error[k])


@pytest.mark.parametrize("model", [GaussianNB(), QuadraticDiscriminantAnalysis()], ids=str)
def test_quadratic_scores_against_quadrature(model):
    """Both noised features integrated numerically, on a fine grid of the plane."""
    clf = RobustPrivacyClassifier(model, sigma=0.8).fit(X[:, :2], Y)
    assert clf.engine_ == "additive"
    z = np.linspace(-7, 7, 701)
    weight = stats.norm.pdf(z) * (z[1] - z[0])
    share, error = shares(clf, X[:12, :2])
    tau = clf.release_.engine.edge(0.8)
    for k, row in enumerate(X[:12, :2]):
        spread = 0.8 * clf.noise_scale_
        plane = np.stack(np.meshgrid(*(x + s * z for x, s in zip(row, spread, strict=True))), -1)
        votes = rounded(score_of(clf.estimator_, plane.reshape(-1, 2)), tau).reshape(len(z), -1)
        truth = weight @ votes @ weight
        assert truth == pytest.approx(share[k], abs=1e-5 + error[k])
        # The edge is so sharp that hard votes are nearly the same.
        hard = (
            weight
            @ (score_of(clf.estimator_, plane.reshape(-1, 2)) > 0).reshape(votes.shape)
            @ weight
        )
        assert hard == pytest.approx(share[k], abs=0.005)


class Point:
    """Scores without noise, and an edge that is very sharp, or not."""

    def __init__(self, x, width):
        self.x, self.width, self.error = x, width, np.zeros(len(x))

    def harmonics(self, k):
        return np.sin(np.pi * np.outer(self.x, k))

    def take(self, rows):
        return Point(self.x[rows], self.width[rows])


@pytest.mark.parametrize("width", [1e-2, 1e-3, 2e-4])
def test_the_finite_sum_is_the_rounded_step(width):
    x = np.linspace(-0.8, 0.8, 401)
    share, error = chance_above(Point(x, np.full(len(x), width)))
    assert share == pytest.approx(rounded(x, width), abs=1e-6 + float(beyond(0.2 / width)))
    assert (error < 1e-12).all()
    assert (np.diff(share[np.abs(x) < 0.2]) > -1e-4 * width).all()


def test_the_window_is_the_characteristic_function_of_the_density():
    for t in (0.0, 0.1, 0.3, 0.5, 0.7, 0.95, 1.0, 1.5):
        found = integrate.trapezoid(DENSITY * np.cos(t * GRID), GRID)
        assert found == pytest.approx(float(window(np.array(t))), abs=1e-6)
    for u in (3.0, 10.0, 100.0):
        assert 2 * integrate.trapezoid(DENSITY[u < GRID], GRID[u < GRID]) <= beyond(u)


def test_labels_are_those_of_the_certificate():
    for name in ("histograms", "naive bayes", "adaboost"):
        clf = RobustPrivacyClassifier(MODELS[name](), sigma=0.7).fit(X, Y)
        assert clf.engine_ == "additive"
        np.testing.assert_array_equal(clf.predict(X), clf.certify(X).label)


@pytest.mark.parametrize("name", ["naive bayes", "histograms", "adaboost", "quadratic"])
def test_thirty_features_are_known_better_than_from_100_000_votes(name):
    clf = RobustPrivacyClassifier(MODELS[name](), sigma=0.5).fit(*CANCER)
    assert clf.engine_ == "additive"
    share, error = shares(clf, CANCER[0][::10])
    assert error.max() < 1e-6
    near = np.argsort(np.abs(share - 0.5))[:4]
    for k in near:  # where hard votes differ most
        copies = copies_of(clf, CANCER[0][::10][k], 40_000, seed=k)
        hard = (clf.estimator_.predict(copies) == 1).mean()
        assert hard == pytest.approx(share[k], abs=0.0105 + 5 * 0.5 / 200)


def test_what_is_released_stays_where_votes_are_next_to_even():
    """From a row to the very edge of its ball, and in the direction in which the votes fall."""
    clf = RobustPrivacyClassifier(MODELS["adaboost"](), sigma=0.5).fit(X, Y)
    cert = clf.certify(X[:60])
    point, step = X[:60].copy(), 1e-3
    for _ in range(40):  # down the gap of the shares
        rows = np.repeat(point[:, None], 12, axis=1).reshape(-1, 6)
        moves = np.tile(np.r_[np.eye(6), -np.eye(6)] * step * clf.noise_scale_, (60, 1))
        p = shares(clf, rows + moves)[0].reshape(60, 12)
        slope = (p[:, :6] - p[:, 6:]) * np.where(cert.label == clf.classes_[1], -1, 1)[:, None]
        slope /= np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-300)
        point = point + slope * clf.noise_scale_ * cert.radius[:, None] / 40 * (1 - 1e-9)
    inside = np.linalg.norm((point - X[:60]) / clf.noise_scale_, axis=1) < cert.radius
    assert (clf.predict(point) == cert.label)[inside & (cert.radius > 0)].all()
    left = np.abs(shares(clf, point)[0] - 0.5)
    assert np.median(left) < 0.25  # it does come near


@pytest.mark.filterwarnings("ignore:The feature.* hold only two values")
def test_a_score_that_is_often_exactly_zero():
    """Two stumps of equal weight: many copies tie, and each counts for half."""
    rows = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]] * 10)
    y = (rows[:, 0] + rows[:, 1] > 1).astype(int)
    forest = RandomForestClassifier(2, max_depth=1, max_features=1, random_state=3).fit(rows, y)
    clf = RobustPrivacyClassifier(FrozenEstimator(forest), sigma=1.0).fit(rows, y)
    assert clf.engine_ == "additive"
    share, _ = shares(clf, rows[:4])
    for k in range(4):
        score = score_of(forest, copies_of(clf, rows[k], 40_000, seed=k))
        half = ((score > 1e-9) + 0.5 * (np.abs(score) <= 1e-9)).mean()
        assert half == pytest.approx(share[k], abs=0.015)


def test_missing_values_of_other_features():
    rows, y = X.copy(), Y
    rows[::3, 5] = np.nan
    clf = exact(MODELS["histograms"](), sigma=0.5, noise_features=[0, 1]).fit(rows, y)
    assert clf.engine_ == "sweep"  # two features whose thresholds are known
    clf = exact(MODELS["histograms"](), sigma=0.5, noise_features=[0, 1, 2]).fit(rows, y)
    assert clf.engine_ == "additive"
    assert_right(clf, rows[:6], 20_000)


def test_what_the_model_refuses_is_refused():
    clf = exact(GaussianNB(), sigma=0.5, noise_features=[0, 1, 2]).fit(X, Y)
    odd = X[:3].copy()
    odd[1, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        clf.predict(odd)


def test_a_category_beside_the_noised_features():
    import pandas as pd

    frame = pd.DataFrame(X[:, :4], columns=list("abcd"))
    frame["e"] = np.where(X[:, 4] > 0, "high", "low")
    columns = make_column_transformer((OneHotEncoder(), ["e"]), remainder="passthrough")
    model = make_pipeline(columns, GradientBoostingClassifier(max_depth=1, random_state=0))
    clf = RobustPrivacyClassifier(model, sigma=0.5).fit(frame, Y)
    assert clf.engine_ == "additive"
    share, _ = shares(clf, frame.iloc[:5])
    rng = np.random.default_rng(0)
    for k in range(5):
        copies = pd.concat([frame.iloc[[k]]] * 20_000, ignore_index=True)
        copies[list("abcd")] += 0.5 * clf.noise_scale_ * rng.normal(size=(20_000, 4))
        hard = (clf.estimator_.predict(copies) == clf.classes_[1]).mean()
        assert hard == pytest.approx(share[k], abs=0.005 + 5 * 0.5 / np.sqrt(20_000))


def test_priors_that_rule_a_class_out():
    for model in (GaussianNB(priors=[0.0, 1.0]), BernoulliNB(binarize=0.5, class_prior=[0.0, 1.0])):
        with np.errstate(divide="ignore", invalid="ignore"):
            clf = RobustPrivacyClassifier(model, n_samples=50, random_state=0).fit(X, Y)
            assert clf.method_ == "monte_carlo"
            assert (clf.predict(X[:20]) == 1).all()


@pytest.mark.parametrize("model", [GaussianNB(), LogisticRegression()], ids=str)
def test_an_infinity_beside_the_noise_is_for_the_model_to_refuse(model):
    clf = exact(model, sigma=0.5, noise_features=[0, 1, 2]).fit(X, Y)
    odd = X[:3].copy()
    odd[1, 5] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        clf.predict(odd)


def test_far_from_the_origin_nothing_is_lost_that_can_be_kept():
    small = X[:, :4] * 0.01
    near = RobustPrivacyClassifier(GaussianNB(var_smoothing=0)).fit(small, Y).certify(small[:50])
    far = RobustPrivacyClassifier(GaussianNB(var_smoothing=0)).fit(small + 1e4, Y)
    moved = far.certify(small[:50] + 1e4)
    known = near.radius < 0.8
    assert moved.radius[known] == pytest.approx(near.radius[known], abs=1e-2)
    assert (moved.radius[~known] > 0.79).all()


def test_memory_order_does_not_matter():
    clf = RobustPrivacyClassifier(GaussianNB(), sigma=0.5).fit(X, Y)
    whole = clf.certify(np.asfortranarray(X[:40]))
    np.testing.assert_array_equal(whole.radius, clf.certify(X[:40]).radius)
    for k in range(5):
        np.testing.assert_array_equal(clf.certify(X[[k]]).radius, whole.radius[[k]])


def test_the_threshold_that_catboost_is_told():
    model = catboost().fit(X, Y)
    model.set_probability_threshold(0.35)
    clf = RobustPrivacyClassifier(FrozenEstimator(model), sigma=0.5).fit(X, Y)
    assert clf.engine_ == "additive"
    share, _ = shares(clf, X[:6])
    for k in range(6):
        hard = (clf.estimator_.predict(copies_of(clf, X[k], 20_000, seed=k)) == 1).mean()
        assert hard == pytest.approx(share[k], abs=0.01 + 5 * 0.5 / np.sqrt(20_000))


class Moved(GaussianNB):
    """Decides by another threshold."""

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] > 0.8).astype(int)]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Moved(), "Moved"),
        (GradientBoostingClassifier(n_estimators=40, random_state=0), "too many"),
        (make_pipeline(FunctionTransformer(np.sinh), GaussianNB()), "not known to be affine"),
        (BernoulliNB(binarize=None), "0 and 1"),
    ],
    ids=["moved", "deep", "curved", "of zeros and ones"],
)
@pytest.mark.filterwarnings("ignore:The feature.* hold only two values")
def test_what_is_no_sum(model, reason):
    rows = (X > 0).astype(float) if isinstance(model, BernoulliNB) else X
    clf = RobustPrivacyClassifier(model, n_samples=50, random_state=0).fit(rows, Y)
    table = clf.explain_engine()
    assert clf.method_ == "monte_carlo"
    assert reason in table.loc[table["engine"] == "additive", "reason"].item()


def test_three_classes_are_voted_on():
    y = Y + (X[:, 1] > 0)
    clf = RobustPrivacyClassifier(GaussianNB(), n_samples=50, random_state=0).fit(X, y)
    table = clf.explain_engine()
    assert "more than two" in table.loc[table["engine"] == "additive", "reason"].item()
