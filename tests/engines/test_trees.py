"""Exact engines against oracles that share no code with them."""

import numpy as np
import pandas as pd
import pytest
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
WINE = load_wine(return_X_y=True)


def exact(estimator, **changes):
    arguments = {"method": "exact", "random_state": 0}
    return RobustPrivacyClassifier(estimator, **(arguments | changes))


def monte_carlo_shares(clf, X, n, voting="hard", seed=1):
    """Shares of n votes per row, drawn here and not by the package."""
    rng = np.random.default_rng(seed)
    spread = clf.sigma * clf.noise_scale_
    columns = [int(str(name)[1:]) for name in clf.noise_features_]  # x0, x1, ...
    answer = []
    for x in X:
        noisy = np.repeat(x[None], n, axis=0)
        noisy[:, columns] += spread * rng.standard_normal((n, len(columns)))
        if voting == "soft":
            answer.append(clf.estimator_.predict_proba(noisy).mean(axis=0))
        else:
            labels = clf.estimator_.predict(noisy)
            answer.append([(labels == c).mean() for c in clf.classes_])
    return np.array(answer)


# --- linear ---------------------------------------------------------------------------------------

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
        GaussianNB(),
    ):
        clf = RobustPrivacyClassifier(model, n_samples=20).fit(X, y)
        assert clf.method_ == "monte_carlo"
        with pytest.raises(ValueError, match="no closed form for this .* It has one for a binary"):
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


def test_a_model_that_ignores_the_noised_feature():
    """The true radius is infinite; no more than the diameter of the data is reported."""
    X = np.c_[np.linspace(-1, 1, 50), np.random.default_rng(0).normal(size=50)]
    y = (X[:, 0] > 0).astype(int)
    for model in (LogisticRegression(), DecisionTreeClassifier()):
        model.fit(X * [1, 0], y)
        clf = exact(FrozenEstimator(model), noise_features=[1], sigma=0.3).fit(X, y)
        radius = clf.certify(X).radius
        assert radius == pytest.approx(np.full(50, np.ptp(X[:, 1]) / X[:, 1].std()))


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

SWEPT = [
    DecisionTreeClassifier(random_state=0),
    RandomForestClassifier(10, random_state=0),
    GradientBoostingClassifier(n_estimators=15, random_state=0),
    HistGradientBoostingClassifier(max_iter=15, random_state=0),
    AdaBoostClassifier(n_estimators=10, random_state=0),
    BaggingClassifier(DecisionTreeClassifier(), 5, max_features=0.5, random_state=0),
    make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0)),
    make_pipeline(RobustScaler(), HistGradientBoostingClassifier(max_iter=10, random_state=0)),
]


def add_boosters():
    for package, name, arguments in (
        ("lightgbm", "LGBMClassifier", {"verbose": -1}),
        ("xgboost", "XGBClassifier", {}),
    ):
        try:
            module = __import__(package)
        except ImportError:
            yield pytest.param(None, marks=pytest.mark.skip(reason=f"{package} is not installed"))
        else:
            yield getattr(module, name)(n_estimators=10, random_state=0, **arguments)


def brute_g(clf, x, column, z, spread, read):
    """Smoothed label at values z of one feature, by summing over a very fine grid."""
    step = spread / 400
    fine = np.arange(z.min() - 8 * spread, z.max() + 8 * spread, step)
    labels = read(x, column, fine)
    weight = stats.norm.cdf((fine[None] + step / 2 - z[:, None]) / spread) - stats.norm.cdf(
        (fine[None] - step / 2 - z[:, None]) / spread
    )
    return np.stack([weight[:, labels == c].sum(axis=1) for c in clf.classes_], axis=1)


@pytest.mark.parametrize("model", [*SWEPT, *add_boosters()], ids=lambda m: type(m).__name__)
@pytest.mark.parametrize(
    "data",
    [pytest.param(CANCER, marks=pytest.mark.slow, id="cancer"), pytest.param(WINE, id="wine")],
)
def test_sweep_of_tree_models_loses_nothing(model, data):
    X, y = data
    column = 6
    clf = exact(model, sigma=0.5, noise_features=[column]).fit(X, y)
    assert clf.engine_ == "sweep"
    edges = clf.release_.engine.reading.edges[0]
    assert len(edges) != 255  # the model's own thresholds, not the grid
    rows = X[:: len(X) // 15]
    spread = 0.5 * X[:, column].std()

    def read(x, j, values):
        copies = np.repeat(x[None], len(values), axis=0)
        copies[:, j] = values
        return clf.estimator_.predict(copies)

    cert, share = clf.certify(rows), clf.predict_proba(rows)
    for i, x in enumerate(rows):
        h = brute_g(clf, x, column, x[[column]], spread, read)[0]
        assert share[i] == pytest.approx(h, abs=2e-3)
        # Inside the certified interval the smoothed label does not change; just beyond it does.
        low, high = (end[i] for end in cert.interval(column))
        z = np.linspace(low, high, 101)[1:-1]
        inside = brute_g(clf, x, column, z, spread, read)
        margin = inside[:, clf.classes_ == cert.label[i]].ravel() - np.where(
            clf.classes_ == cert.label[i], -1, inside
        ).max(axis=1)
        assert (margin > -2e-3).all()
        farthest = np.ptp(X[:, column])
        for end, side in ((low, -1), (high, 1)):
            if abs(end - x[column]) < 0.999 * farthest:
                z = np.array([end + side * 0.05 * spread])
                beyond = brute_g(clf, x, column, z, spread, read)
                top = clf.classes_[beyond[0].argmax()]
                close = np.sort(beyond[0])[-2:]
                assert top != cert.label[i] or close[1] - close[0] < 0.05


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=80, random_state=0)),
        GaussianNB(),
    ],
    ids=["MLP", "naive Bayes"],
)
def test_sweep_of_any_model_is_exact_for_its_quantised_version(model):
    X, y = WINE
    clf = exact(model, sigma=0.6, noise_features=[9]).fit(X, y)
    reading = clf.release_.engine.reading
    edges, cells = reading.edges[0], reading.cells[0]
    assert len(cells) == 256
    assert ((cells[:-1] < edges) & (edges < cells[1:])).all()

    def read(x, j, values):
        copies = np.repeat(x[None], len(values), axis=0)
        copies[:, j] = cells[np.searchsorted(edges, values)]
        return clf.estimator_.predict(copies)

    spread = 0.6 * X[:, 9].std()
    share = clf.predict_proba(X[:20])
    for i, x in enumerate(X[:20]):
        h = brute_g(clf, x, 9, x[[9]], spread, read)[0]
        assert share[i] == pytest.approx(h, abs=2e-3)
    assert np.array_equal(clf.predict(X), clf.certify(X).label)
    # Fine enough that the quantised model is close to the model itself.
    sampled = monte_carlo_shares(clf, X[:10], 20_000)
    assert clf.predict_proba(X[:10]) == pytest.approx(sampled, abs=0.03)


def test_the_exact_distance_is_never_below_the_radius_of_the_shares():
    X, y = CANCER
    for model in (RandomForestClassifier(10, random_state=0), DecisionTreeClassifier()):
        clf = exact(model, sigma=0.5, noise_features=[20]).fit(X, y)
        cert = clf.certify(X)
        share = -np.sort(-clf.predict_proba(X), axis=1)
        r = special.ndtri(np.minimum(share[:, 0], 1 - 1e-15))
        capped = np.minimum(0.5 * r, np.ptp(X[:, 20]) / X[:, 20].std())
        assert (cert.radius >= capped - 1e-6).all()
        assert (cert.radius > capped + 0.05).any()  # and often well above it
        assert np.array_equal(cert.radius, cert.reach.min(axis=1))


@pytest.mark.parametrize("model", [DecisionTreeClassifier(max_depth=4), GaussianNB()])
def test_sweep_of_two_features(model):
    X, y = IRIS
    clf = exact(model, sigma=0.4, noise_features=[2, 3]).fit(X, y)
    tree = isinstance(model, DecisionTreeClassifier)
    assert clf.engine_ == ("trees" if tree else "sweep")
    sampled = monte_carlo_shares(clf, X[::10], 20_000)
    assert clf.predict_proba(X[::10]) == pytest.approx(sampled, abs=0.02 if tree else 0.08)
    auto = RobustPrivacyClassifier(model, noise_features=[2, 3], n_samples=20).fit(X, y)
    assert auto.method_ == ("exact" if tree else "monte_carlo")
    boosted = HistGradientBoostingClassifier(max_iter=3)
    assert RobustPrivacyClassifier(boosted, noise_features=[2, 3]).fit(X, y).engine_ == "sweep"


def test_sweep_in_frames_and_its_path(people):
    X, y = people
    columns = ColumnTransformer([("category", OneHotEncoder(), ["sex"])], remainder="passthrough")
    model = make_pipeline(columns, RandomForestClassifier(20, random_state=0))
    clf = RobustPrivacyClassifier(model, noise_features="bmi").fit(X, y)
    assert clf.engine_ == "sweep"
    path = clf.certify_path(X, [0.25, 0.5, 1.0])
    for sigma, cert in zip([0.25, 0.5, 1.0], path, strict=True):
        other = RobustPrivacyClassifier(FrozenEstimator(clf.estimator_), sigma=sigma,
                                        noise_features="bmi").fit(X, y)  # fmt: skip
        assert np.array_equal(other.certify(X).radius, cert.radius)
    low, high = path[1].interval("bmi")
    shown = ~path[1].abstained
    assert (high - low >= 2 * path[1].half_width("bmi") - 1e-9)[shown].all()
    assert clf.certify(X.iloc[[5, 200]]).radius.tolist() == path[0].radius[[5, 200]].tolist()


# --- categories -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["object", "category", "str"])
def test_categories(dtype):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "city": pd.Series(rng.choice(["a", "b", "c", "d"], 300)).astype(dtype),
            "age": rng.normal(size=300),
        }
    )
    y = ((X["age"] + (X["city"] == "a") + rng.normal(size=300)) > 0.3).astype(int)
    columns = ColumnTransformer([("c", OneHotEncoder(), ["city"])], remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeClassifier(max_depth=5, random_state=0))
    sigma = 0.6
    clf = RobustPrivacyClassifier(model, noise_features="city", sigma=sigma).fit(X, y)
    assert clf.engine_ == "categories"
    answers = np.stack(
        [clf.estimator_.predict(X.assign(city=pd.Series([z] * 300).astype(X["city"].dtype)))
         for z in "abcd"], axis=1,
    )  # fmt: skip
    own = np.array(["abcd".index(z) for z in X["city"]])
    h = np.empty((300, 4, 2))
    for c in (0, 1):
        h[:, :, c] = (1 - sigma) * (answers == c) + sigma * (answers == c).mean(axis=1)[:, None]
    assert clf.predict_proba(X) == pytest.approx(h[np.arange(300), own])
    cert = clf.certify(X)
    labels = h.argmax(axis=2)
    tied = np.isclose(h[:, :, 0], h[:, :, 1]).any(axis=1)
    same = (labels == labels[:, :1]).all(axis=1) & ~tied
    assert 0 < same.sum() < 300
    assert np.array_equal(cert.at(1), same)
    assert np.array_equal(cert.abstained, ~same)
    with pytest.raises(ValueError, match="categorical and has no width"):
        cert.half_width("city")
    assert "certified" in repr(cert)
    with pytest.raises(ValueError, match="probability that the category is drawn anew"):
        clf.certify_path(X, [1.5])
    unseen = X.head(3).assign(city=pd.Series(["a", "b", "zz"]).astype("object"))
    with pytest.raises(ValueError, match="category 'zz'"):
        clf.certify(unseen)
    with pytest.raises(ValueError, match="missing values in the noised categorical"):
        clf.certify(X.head(3).assign(city=pd.Series(["a", None, "b"]).astype("object")))
    for changes, message in (
        ({"method": "monte_carlo"}, "not numeric"),
        ({"voting": "soft"}, "not numeric"),
        ({"resample": True}, "not numeric"),
        ({"noise_scale": [1.0]}, "not allowed for the categorical"),
        ({"noise_features": ["city", "age"]}, "noise it alone"),
    ):
        arguments = {"noise_features": "city", "sigma": sigma} | changes
        with pytest.raises((TypeError, ValueError), match=message):
            RobustPrivacyClassifier(model, **arguments).fit(X, y)


def test_auto_takes_no_exact_method_where_the_release_is_to_be_random():
    X, y = IRIS
    clf = RobustPrivacyClassifier(DecisionTreeClassifier(), resample=True, n_samples=20)
    assert clf.fit(X, y).method_ == "monte_carlo"
    with pytest.raises(ValueError, match="resample=True can do nothing"):
        exact(DecisionTreeClassifier(), resample=True).fit(X, y)


def test_load_recommendation_is_swept_in_its_own_unit():
    X, y = load_recommendation(return_X_y=True, as_frame=True)
    X = X.drop(columns="sex")
    clf = RobustPrivacyClassifier(RandomForestClassifier(20, random_state=0), noise_features="bmi")
    cert = clf.fit(X, y).certify(X)
    assert cert.alpha == 0
    assert 0 < np.median(cert.half_width("bmi")) <= np.ptp(X["bmi"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "voting", "features"),
    [
        (RandomForestClassifier(10, random_state=0), "soft", None),
        (DecisionTreeClassifier(random_state=0), "hard", [0, 3, 20, 27]),
        (make_pipeline(StandardScaler(), LogisticRegression()), "hard", None),
        (GradientBoostingClassifier(n_estimators=20, random_state=0), "hard", [7]),
    ],
    ids=["forest", "tree", "linear", "sweep"],
)
def test_a_million_votes(model, voting, features):
    """Within five standard errors of a million votes drawn here."""
    X, y = CANCER
    scale = np.linspace(0.5, 2, 30) * X.std(axis=0)
    clf = exact(model, sigma=0.5, noise_features=features, noise_scale=scale, voting=voting)
    rows = X[[3, 100, 400]]
    share = clf.fit(X, y).predict_proba(rows)
    parts = [monte_carlo_shares(clf, rows, 100_000, voting, seed) for seed in range(10)]
    assert share == pytest.approx(np.mean(parts, axis=0), abs=5 * 0.5 / 1000)


@pytest.mark.slow
def test_no_exact_radius_is_above_the_truth_at_many_random_points():
    """Boundary walk: the smoothed label at random points just inside the certified balls."""
    rng = np.random.default_rng(0)
    X, y = CANCER
    X = X[:, :5]
    for model, voting in (
        (DecisionTreeClassifier(max_depth=6, random_state=0), "hard"),
        (RandomForestClassifier(10, random_state=0), "soft"),
    ):
        clf = exact(model, sigma=0.5, voting=voting).fit(X, y)
        rows = X[rng.integers(0, len(X), 100_000)]
        rows = rows + 0.3 * X.std(axis=0) * rng.normal(size=rows.shape)
        cert = clf.certify(rows)
        assert (cert.radius > 0).mean() > 0.99
        step = rng.normal(size=rows.shape)
        step /= np.linalg.norm(step, axis=1, keepdims=True)
        inside = rows + 0.999 * cert.radius[:, None] * step * clf.noise_scale_
        assert (clf.predict(inside) == cert.label).all()
        # The worst direction is hardly ever drawn: walk down the gap of the shares instead.
        few = slice(0, 300)
        point, label = rows[few].copy(), cert.label[few]
        for _ in range(30):
            share = clf.predict_proba(point)[np.arange(300), np.searchsorted(clf.classes_, label)]
            slope = np.stack(
                [
                    clf.predict_proba(point + 1e-4 * scale * unit)[
                        np.arange(300), np.searchsorted(clf.classes_, label)
                    ]
                    - share
                    for scale, unit in zip(clf.noise_scale_, np.eye(5), strict=True)
                ],
                axis=1,
            )
            norm = np.linalg.norm(slope, axis=1, keepdims=True)
            walk = (point - rows[few]) / clf.noise_scale_ - 0.1 * slope / np.maximum(norm, 1e-300)
            length = np.linalg.norm(walk, axis=1, keepdims=True)
            walk *= np.minimum(1, 0.999 * cert.radius[few][:, None] / np.maximum(length, 1e-300))
            point = rows[few] + walk * clf.noise_scale_
            assert (clf.predict(point) == label).all()


# --- a model that was tuned -----------------------------------------------------------------------


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
