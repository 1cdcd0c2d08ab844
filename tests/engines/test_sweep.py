"""The sweep of one or two features, against sums over a very fine grid."""

import numpy as np
import pytest
from scipy import special, stats
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from engines.oracle import exact, monte_carlo_shares
from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.datasets import load_recommendation

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)
WINE = load_wine(return_X_y=True)
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


def test_load_recommendation_is_swept_in_its_own_unit():
    X, y = load_recommendation(return_X_y=True, as_frame=True)
    X = X.drop(columns="sex")
    clf = RobustPrivacyClassifier(RandomForestClassifier(20, random_state=0), noise_features="bmi")
    cert = clf.fit(X, y).certify(X)
    assert cert.alpha == 0
    assert 0 < np.median(cert.half_width("bmi")) <= np.ptp(X["bmi"])
