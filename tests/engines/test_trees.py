"""Sums over the leaves of trees, against a walk down with the box in hand."""

import numpy as np
import pytest
import small
from scipy import special, stats
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from engines.oracle import exact, monte_carlo_shares
from sklearn_rp import (
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import compatible_sets

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
WINE = load_wine(return_X_y=True)


# --- linear ---------------------------------------------------------------------------------------


# --- trees ----------------------------------------------------------------------------------------


def plain_tree(tree, x, spread, leaf_vote):
    """Smoothed votes of one tree for one row, by walking down with the box in hand."""

    def walk(node, low, high):
        if tree.children_left[node] == -1:
            chance = 1.0
            for j in range(len(x)):
                if low[j] == -np.inf and high[j] == np.inf:
                    continue
                if spread[j]:
                    chance *= stats.norm.cdf(high[j], x[j], spread[j]) - stats.norm.cdf(
                        low[j], x[j], spread[j]
                    )
                elif not np.isnan(x[j]):
                    chance *= low[j] < np.float32(x[j]) <= high[j]
            return chance * leaf_vote(tree.value[node, 0])
        j, t = tree.feature[node], tree.threshold[node]
        left_high, right_low = high.copy(), low.copy()
        left_high[j], right_low[j] = min(high[j], t), max(low[j], t)
        if np.isnan(x[j]):
            child = tree.children_left if tree.missing_go_to_left[node] else tree.children_right
            return walk(child[node], low, high)
        return walk(tree.children_left[node], low, left_high) + walk(
            tree.children_right[node], right_low, high
        )

    free = np.full(len(x), np.inf)
    return walk(0, -free, free)


def top_class(value):
    return np.eye(len(value))[value.argmax()]


def fractions(value):
    return value / value.sum()


def name_of(value):
    return getattr(value, "__name__", str(value))


TREES = [
    (DecisionTreeClassifier(max_depth=4, random_state=0), "hard", top_class),
    (DecisionTreeClassifier(random_state=0), "hard", top_class),
    (ExtraTreeClassifier(max_depth=6, random_state=1), "hard", top_class),
    (DecisionTreeClassifier(max_depth=3, random_state=0), "soft", fractions),
    (RandomForestClassifier(7, random_state=0), "soft", fractions),
    (ExtraTreesClassifier(5, max_depth=5, random_state=0), "soft", fractions),
    (DecisionTreeClassifier(max_depth=1), "hard", top_class),
]


@pytest.mark.parametrize(("model", "voting", "vote"), TREES, ids=name_of)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(CANCER, marks=pytest.mark.slow, id="cancer"),
        pytest.param(IRIS, id="iris"),
        pytest.param(WINE, id="wine"),
    ],
)
@pytest.mark.parametrize("noised", ["all", "some"])
def test_trees(model, voting, vote, data, noised):
    X, y = data
    n_features = X.shape[1]
    features = None if noised == "all" else [0, 2, 3]
    scale = np.linspace(0.5, 2, n_features) * X.std(axis=0)
    clf = exact(model, sigma=0.4, noise_features=features, noise_scale=scale, voting=voting)
    clf.fit(X, y)
    assert clf.engine_ == "trees"
    rows = X[:: len(X) // 12]
    spread = 0.4 * scale
    if features is not None:
        spread[np.setdiff1d(np.arange(n_features), features)] = 0
    members = getattr(clf.estimator_, "estimators_", [clf.estimator_])
    expected = np.array(
        [np.mean([plain_tree(m.tree_, x, spread, vote) for m in members], axis=0) for x in rows]
    )
    share = clf.predict_proba(rows)
    assert share == pytest.approx(expected, abs=1e-6)  # float32 edges: the walk ignores them
    assert share.sum(axis=1) == pytest.approx(np.ones(len(rows)))
    few = monte_carlo_shares(clf, rows[:4], 40_000, voting)
    assert share[:4] == pytest.approx(few, abs=5 * 0.5 / np.sqrt(40_000))
    cert = clf.certify(rows)
    assert np.array_equal(cert.label, clf.classes_[expected.argmax(axis=1)])
    top, second = -np.sort(-expected, axis=1)[:, :2].T
    r = (special.ndtri(np.clip(top, 0, 1 - 1e-15)) - special.ndtri(np.clip(second, 1e-15, 1))) / 2
    clear = (top - second > 1e-6) & (top < 1 - 1e-9)  # rounding error is subtracted from the rest
    assert cert.radius[clear] == pytest.approx(0.4 * r[clear], abs=1e-3)
    assert np.isfinite(cert.radius).all()


def test_trees_behind_scalers_and_encoders(people):
    X, y = people
    columns = ColumnTransformer(
        [
            ("number", make_pipeline(StandardScaler(), MinMaxScaler()), ["bmi", "bp", "age"]),
            ("category", OneHotEncoder(), ["sex"]),
            ("drop", "drop", ["tc"]),
        ],
        remainder="passthrough",
    )
    tree = DecisionTreeClassifier(max_depth=6, random_state=0)
    clf = exact(make_pipeline(columns, tree), sigma=0.3).fit(X, y)
    assert clf.engine_ == "trees"
    sampled = RobustPrivacyClassifier(
        FrozenEstimator(clf.estimator_), sigma=0.3, n_samples=20_000, method="monte_carlo"
    ).fit(X, y)
    rows = X.iloc[:30]
    assert clf.predict_proba(rows) == pytest.approx(sampled.predict_proba(rows), abs=0.02)
    assert np.abs(clf.predict_proba(rows) - sampled.predict_proba(rows)).mean() < 0.003


def test_trees_behind_pca_have_no_closed_form():
    clf = RobustPrivacyClassifier(make_pipeline(PCA(3), DecisionTreeClassifier()), n_samples=20)
    assert clf.fit(*IRIS).method_ == "monte_carlo"


@pytest.mark.parametrize("model", [DecisionTreeClassifier(max_depth=6), RandomForestClassifier(5)])
def test_trees_with_missing_values_in_features_without_noise(model):
    X, y = CANCER
    X = X[:, :6].copy()
    X[np.random.default_rng(0).uniform(size=len(X)) < 0.3, 4] = np.nan
    voting = "hard" if isinstance(model, DecisionTreeClassifier) else "soft"
    model.set_params(random_state=0)
    clf = exact(model, noise_features=[0, 1, 2], voting=voting).fit(X, y)
    spread = np.zeros(6)
    spread[:3] = 0.25 * X[:, :3].std(axis=0)
    rows = X[:40]
    assert np.isnan(rows).any()
    members = getattr(clf.estimator_, "estimators_", [clf.estimator_])
    vote = top_class if voting == "hard" else fractions
    expected = [np.mean([plain_tree(m.tree_, x, spread, vote) for m in members], 0) for x in rows]
    assert clf.predict_proba(rows) == pytest.approx(np.array(expected), abs=1e-6)


def test_boosting_by_its_bounded_score():
    X, y = CANCER
    model = GradientBoostingClassifier(n_estimators=20, random_state=0)
    assert RobustPrivacyClassifier(model, voting="soft", n_samples=20).fit(X, y).method_ != "exact"
    clf = exact(model, sigma=0.3, voting="soft").fit(X, y)
    rows = X[:20]
    rng = np.random.default_rng(0)
    cert, share = clf.certify(rows), clf.predict_proba(rows)
    trees = np.ravel(clf.estimator_.estimators_)
    leaf = [t.tree_.value[t.tree_.children_left == -1, 0, 0] * 0.1 for t in trees]
    start = clf.estimator_.init_.predict_proba(X[:1])[0]
    start = np.log(start[1] / start[0])
    low, high = start + sum(v.min() for v in leaf), start + sum(v.max() for v in leaf)
    for i, x in enumerate(rows):
        noisy = x + 0.3 * X.std(axis=0) * rng.standard_normal((20_000, 30))
        score = clf.estimator_.decision_function(noisy)
        slack = 5 * score.std() / np.sqrt(20_000) + 1e-3
        assert special.logit(share[i, 1]) == pytest.approx(score.mean(), abs=slack)
        g = (score.mean() - low) / (high - low)
        r = abs(special.ndtri(g) - special.ndtri(-low / (high - low)))
        density = stats.norm.pdf(special.ndtri(g))
        assert cert.radius[i] == pytest.approx(0.3 * r, abs=0.3 * slack / (high - low) / density)
        assert cert.label[i] == (score.mean() > 0)


# --- sweep ----------------------------------------------------------------------------------------


# --- categories -----------------------------------------------------------------------------------


# --- a model that was tuned -----------------------------------------------------------------------


FOUR, CANCER_Y = load_breast_cancer(return_X_y=True)
FOUR = FOUR[:, :4]


@pytest.mark.parametrize("init", [LogisticRegression(max_iter=5000), small.tree(2)])
def test_boosting_that_starts_at_a_model(init):
    model = GradientBoostingClassifier(n_estimators=5, init=init, random_state=0)
    with pytest.raises(ValueError, match="no closed form"):
        RobustPrivacyClassifier(model, voting="soft", method="exact").fit(FOUR, CANCER_Y)
    # Nor are its thresholds known.
    model.fit(FOUR, CANCER_Y)
    sets = compatible_sets(model, FOUR[:20], sensitive_feature=0)
    assert (sets.certified_inner == 0).all()


def test_boosting_bounds_no_probability():
    model = GradientBoostingClassifier(n_estimators=20, random_state=0)
    clf = RobustPrivacyClassifier(model, voting="soft", method="exact").fit(FOUR, CANCER_Y)
    cert = clf.certify(FOUR[:10])
    assert np.isnan(cert.p_lower).all()
    assert np.isnan(cert.p_upper).all()
    assert ((logit(clf.predict_proba(FOUR[:10])[:, 1]) > 0) == cert.label).all()


def test_no_radius_is_too_large_where_a_scaler_subtracts_large_numbers():
    rng = np.random.default_rng(0)
    X = 4 * rng.uniform(size=(300, 2)) + 2.0**30
    y = (X[:, 0] > 2.0**30 + 2).astype(int)
    model = make_pipeline(MinMaxScaler(), DecisionTreeClassifier(max_depth=1))
    clf = exact(model, sigma=0.5, noise_scale=None).fit(X, y)
    scaler, tree, long = clf.estimator_[0], clf.estimator_[1].tree_, np.longdouble
    feature = tree.feature[0]
    edge = (long(tree.threshold[0]) - long(scaler.min_[feature])) / long(scaler.scale_[feature])
    distance = np.abs(X[:, feature].astype(long) - edge)
    radius = clf.certify(X).radius
    assert (radius <= distance).all()
    assert radius == pytest.approx(distance.astype(float), rel=0.03)  # 4 sigma, near the last bit
