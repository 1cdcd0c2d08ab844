"""Sums over features: bounds of the votes, against exact fractions, quadrature and draws."""

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
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from engines.oracle import exact
from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.engines.enclosing import enclosed

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


def bounds(clf, rows):
    """Lower and upper bound of the share of the second class."""
    votes = clf.release_.votes(clf.checked_rows(rows))
    return votes.total[:, 1] - votes.error, votes.total[:, 1] + votes.error


def drawn(clf, row, n, seed):
    """How many of `n` noisy copies get the second class, by the model itself."""
    columns = [int(name[1:]) for name in clf.noise_features_]
    rng = np.random.default_rng(seed)
    copies = np.repeat(row[None], n, axis=0)
    copies[:, columns] += clf.sigma * clf.noise_scale_ * rng.standard_normal((n, len(columns)))
    return int((clf.estimator_.predict(copies) == clf.classes_[1]).sum())


def assert_within(clf, rows, n, level=1e-6):
    lower, upper = bounds(clf, rows)
    assert (lower <= upper).all()
    for k, row in enumerate(rows):
        found = drawn(clf, row, n, seed=k)
        assert stats.binom.sf(found - 1, n, min(upper[k], 1.0)) > level
        assert stats.binom.cdf(found, n, max(lower[k], 0.0)) > level


@pytest.mark.parametrize("features", [None, [0, 1, 4]])
@pytest.mark.parametrize("name", MODELS)
def test_draws_are_within_the_bounds(name, features):
    clf = exact(MODELS[name](), sigma=0.5, noise_features=features).fit(X, Y)
    assert (clf.engine_, clf.method_) == ("additive", "exact")
    assert_within(clf, X[:6], 20_000)
    lower, upper = bounds(clf, X)
    # As 100 000 votes at alpha = 0.001 where they are widest; but where sums of a few steps are
    # next to 0, which no polynomial tells from it.
    assert np.quantile(upper - lower, 0.98) < 0.0105


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_a_million_draws_are_within_the_bounds(name):
    clf = exact(MODELS[name](), sigma=0.3).fit(X, Y)
    assert_within(clf, X[10:18], 10**6)


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
    lower, upper = bounds(clf, X[:20, :3])
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
            truth += chance if score > 0 else 0
        # Thresholds are compared in single precision: 1e-6 is more than that moves.
        assert lower[k] - 1e-6 <= truth <= upper[k] + 1e-6
        assert upper[k] - lower[k] < 0.0105


def positive(a, b, c):
    """Chance of ``a z^2 + b z + c > 0`` for a standard normal z, by the roots of the parabola."""
    roots = np.roots([a, b, c])
    roots = np.sort(roots[np.abs(roots.imag) < 1e-12].real)
    ends = np.r_[-np.inf, roots, np.inf]
    inside = (
        np.r_[ends[1] - 1, (roots[:-1] + roots[1:]) / 2, roots[-1] + 1] if len(roots) else [0.0]
    )
    above = np.array([a * t * t + b * t + c > 0 for t in inside])
    return float((np.diff(stats.norm.cdf(ends)) * above).sum())


@pytest.mark.parametrize("model", [GaussianNB(), QuadraticDiscriminantAnalysis()], ids=str)
def test_quadratic_scores_against_quadrature(model):
    """One of two noised features integrated numerically, the other by the roots of a parabola."""
    clf = RobustPrivacyClassifier(model, sigma=0.8).fit(X[:, :2], Y)
    assert clf.engine_ == "additive"
    spread = clf.sigma * clf.noise_scale_
    lower, upper = bounds(clf, X[:12, :2])
    for k in range(12):

        def chance(z, row=X[k, :2]):
            # The score along the second feature is a parabola: three points tell it.
            along = row[1] + spread[1] * np.array([-1.0, 0.0, 1.0])
            proba = clf.estimator_.predict_log_proba(
                np.c_[np.full(3, row[0] + spread[0] * z), along]
            )
            low, middle, high = proba[:, 1] - proba[:, 0]
            found = positive((low + high) / 2 - middle, (high - low) / 2, middle)
            return found * stats.norm.pdf(z)

        truth, off = integrate.quad(chance, -8.5, 8.5, limit=400, epsabs=1e-7)
        assert lower[k] - 1e-6 - off <= truth <= upper[k] + 1e-6 + off
        assert upper[k] - lower[k] < 0.0105


class Point:
    """Scores without noise, each at one point of the circle."""

    def __init__(self, x):
        self.mean, self.shift = x, 0.0
        self.slack = self.error = self.beyond = np.zeros(len(x))

    def harmonics(self, first, last):
        angle = 2 * np.pi * np.outer(self.mean, np.arange(first, last))
        return np.cos(angle), np.sin(angle)

    def take(self, rows):
        return Point(self.mean[rows])


def test_no_polynomial_crosses_the_step():
    """Vaaler's inequality at points near and far: what is released rests on it."""
    near = np.logspace(-9, -0.01, 400)
    x = np.r_[near, -near, 0.0]
    for label_alone in (False, True):
        lower, upper = enclosed(Point(x), label_alone)
        assert (lower <= (x > 0)).all()
        assert (upper >= (x >= 0)).all()
        assert (lower <= 0).mean() > 0.5  # it is no constant
        far = np.abs(x) > 0.01
        assert (upper - lower)[far & (np.abs(x) < 0.9)].max() < 0.02 or label_alone


def test_labels_alone_are_those_of_the_certificate():
    for name in ("histograms", "naive bayes", "adaboost"):
        clf = RobustPrivacyClassifier(MODELS[name](), sigma=0.7).fit(X, Y)
        assert clf.engine_ == "additive"
        np.testing.assert_array_equal(clf.predict(X), clf.certify(X).label)


def test_thirty_features_are_known_as_well_as_from_100_000_votes():
    for model in (GaussianNB(), MODELS["histograms"]()):
        clf = RobustPrivacyClassifier(model, sigma=0.5).fit(*CANCER)
        assert clf.engine_ == "additive"
        lower, upper = bounds(clf, CANCER[0][::10])
        assert (upper - lower).max() < 0.0105


@pytest.mark.filterwarnings("ignore:The feature.* hold only two values")
def test_a_score_that_is_often_exactly_zero():
    """Two stumps of equal weight: half of all copies tie, and no bound takes sides."""
    rows = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 10)
    y = (rows.sum(axis=1) > 1).astype(int)
    forest = RandomForestClassifier(2, max_depth=1, bootstrap=False, max_features=None)
    forest.fit(rows, y)
    clf = exact(FrozenEstimator(forest), sigma=1.0).fit(rows, y)
    lower, upper = bounds(clf, np.array([[0.5, 0.5]]))
    found = drawn(clf, np.array([0.5, 0.5]), 20_000, 0) / 20_000
    assert lower[0] - 0.02 <= found <= upper[0] + 0.02
    bags = AdaBoostClassifier(n_estimators=2, random_state=0).fit(rows, y)
    clf = RobustPrivacyClassifier(FrozenEstimator(bags), sigma=1.0, random_state=0).fit(rows, y)
    assert_within(clf, rows[:4], 20_000)


def test_missing_values_of_other_features():
    rows, y = X.copy(), Y
    rows[::3, 5] = np.nan
    clf = exact(MODELS["histograms"](), sigma=0.5, noise_features=[0, 1]).fit(rows, y)
    assert clf.engine_ == "sweep"  # two features whose thresholds are known
    clf = exact(MODELS["histograms"](), sigma=0.5, noise_features=[0, 1, 2]).fit(rows, y)
    assert clf.engine_ == "additive"
    assert_within(clf, rows[:6], 20_000)


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
    lower, upper = bounds(clf, frame.iloc[:5])
    rng = np.random.default_rng(0)
    for k in range(5):
        copies = pd.concat([frame.iloc[[k]]] * 20_000, ignore_index=True)
        copies[list("abcd")] += 0.5 * clf.noise_scale_ * rng.normal(size=(20_000, 4))
        found = int((clf.estimator_.predict(copies) == clf.classes_[1]).sum())
        assert stats.binom.sf(found - 1, 20_000, min(upper[k], 1.0)) > 1e-6
        assert stats.binom.cdf(found, 20_000, max(lower[k], 0.0)) > 1e-6


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
