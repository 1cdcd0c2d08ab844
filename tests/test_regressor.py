"""RobustPrivacyRegressor: numbers in cells, certified; against formulas, votes and walks."""

# ruff: noqa: E501

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from refused import refit, refused
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    HuberRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
)
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

from sklearn_rp import Certificate, RobustPrivacyRegressor, certify
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import PrivacyWarning

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME, Y = FRAME[["age", "bmi", "bp", "s5"]], Y.to_numpy()
X = FRAME.to_numpy()


def smoothed(model=None, **parameters):
    parameters = {"step": 20, "random_state": 0} | parameters
    return RobustPrivacyRegressor(model, **parameters)


LINEAR = {
    "least squares": LinearRegression(),
    "ridge behind a scaler": make_pipeline(StandardScaler(), Ridge()),
    "huber": HuberRegressor(max_iter=1000),
    "support vectors": make_pipeline(StandardScaler(), SVR(kernel="linear", C=10)),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_line_is_released_by_its_own_number(name):
    """The radius is the distance to the nearer edge over the norm of the noise's effect."""
    rpr = smoothed(clone(LINEAR[name]), sigma=0.5).fit(X, Y)
    assert (rpr.engine_, rpr.method_) == ("linear", "exact")
    number = rpr.estimator_.predict(X)
    cell = np.floor(number / 20)
    cert = rpr.certify(X)
    np.testing.assert_array_equal(cert.label, 20 * cell + 10)
    np.testing.assert_array_equal(rpr.predict(X), cert.label)
    effect = np.array([rpr.estimator_.predict(X[:1] + d)[0] - number[0] for d in np.eye(4)])
    norm = np.sqrt(np.sum((effect * X.std(axis=0)) ** 2))
    edges = np.stack([number - 20 * cell, 20 * (cell + 1) - number])
    edges[0, cell == cell.min()] = np.inf  # the outermost go on for ever
    edges[1, cell == cell.max()] = np.inf
    away = edges.min(axis=0) / norm
    np.testing.assert_allclose(cert.radius, np.minimum(away, cert.radius.max()), rtol=1e-6)
    assert (cert.radius <= away + 1e-9).all()


def test_an_outermost_cell_goes_on_for_ever():
    rpr = smoothed(LinearRegression(), noise_features="bmi").fit(FRAME, Y)
    far = FRAME.head(2).assign(bmi=[1e4, -1e4])
    np.testing.assert_array_equal(rpr.predict(far), rpr.numbers_[[-1, 0]])
    assert np.diff(rpr.numbers_) == pytest.approx(20)


MODELS = {
    "tree, all features": (DecisionTreeRegressor(max_depth=5, random_state=0), None),
    "tree, two": (DecisionTreeRegressor(max_depth=5, random_state=0), ["bmi", "age"]),
    "forest, one": (RandomForestRegressor(8, max_depth=5, random_state=0), ["bmi"]),
    "boosting, two": (HistGradientBoostingRegressor(max_iter=8), ["bmi", "s5"]),
    "line": (Ridge(), None),
}


@pytest.mark.parametrize("name", MODELS)
def test_exact_answers_are_those_of_a_million_votes(name):
    """Cell and bounds by simulation, by nothing of the package."""
    model, noised = MODELS[name]
    rpr = smoothed(model, noise_features=noised, sigma=0.4).fit(FRAME, Y)
    assert rpr.method_ == "exact"
    cert, rng, n = rpr.certify(FRAME.head(6)), np.random.default_rng(0), 200_000
    names = list(rpr.noise_features_)
    for row in range(6):
        copies = FRAME.iloc[np.full(n, row)].astype(float).reset_index(drop=True)
        noise = 0.4 * rpr.noise_scale_ * rng.normal(size=(n, len(names)))
        copies[names] += noise
        numbers = rpr.estimator_.predict(copies)
        low, high = cert.label[row] - 10, cert.label[row] + 10
        above = 1.0 if low <= rpr.numbers_[0] - 10 else np.mean(numbers >= low)
        below = 1.0 if high >= rpr.numbers_[-1] + 10 else np.mean(numbers < high)
        assert min(above, below) > 0.5 - 4 * np.sqrt(0.25 / n)
        seen = min(above, below)
        assert abs(seen - cert.p_lower[row]) < 5 * np.sqrt(0.25 / n)
        # One feature and a line know more than the bound of the ball.
        assert cert.radius[row] >= 0.4 * stats.norm.ppf(min(cert.p_lower[row], 1 - 1e-9)) - 1e-6


def test_the_number_stays_within_the_interval_of_one_feature_and_changes_beyond_it():
    rpr = smoothed(RandomForestRegressor(8, random_state=0), noise_features=["bmi"], sigma=0.2)
    rpr.fit(FRAME, Y)
    cert = rpr.certify(FRAME)
    low, high = cert.interval("bmi")
    step = high - low
    for at, same in ((low + 1e-6 * step, True), (high - 1e-6 * step, True)):
        moved = rpr.predict(FRAME.assign(bmi=at))
        assert ((moved == cert.label) == same).all()
    near = (low > 15) & (high < 45)
    assert near.mean() > 0.5
    beyond = [rpr.predict(FRAME.assign(bmi=at)) for at in (low - 1e-3 * step, high + 1e-3 * step)]
    assert np.mean([(b != cert.label)[near] for b in beyond]) > 0.9


def test_a_category():
    region = np.array(["a", "b", "c"])[np.arange(len(X)) % 3]
    frame = pd.DataFrame({"region": region, "bmi": X[:, 1]})

    class Rate(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.fitted_ = True
            return self

        def predict(self, X):
            return X["region"].map({"a": 10.0, "b": 12.0, "c": 31.0}).to_numpy() + X["bmi"] * 0

    rpr = smoothed(Rate(), noise_features="region", sigma=0.9, step=10).fit(frame, Y)
    assert rpr.engine_ == "categories"
    # a and b are in one cell, which keeps at least .3 + .3 of what is drawn, and .1 of c's own.
    cert = rpr.certify(frame)
    np.testing.assert_array_equal(cert.label, 15.0)
    assert cert.radius == pytest.approx(2)
    less = rpr.certify_path(frame, [0.3])[0]
    np.testing.assert_array_equal(less.label, np.where(region == "c", 35.0, 15.0))
    assert less.abstained.all()


@pytest.mark.slow
def test_sampled_certificates_fail_with_probability_at_most_alpha():
    """Rows of one call, each with noise of its own, near an edge of a known line."""
    model = FrozenEstimator(LinearRegression().fit([[0.0], [10.0]], [0.0, 10.0]))
    rpr = RobustPrivacyRegressor(
        model, step=1.0, sigma=0.5, noise_scale=None, method="monte_carlo", n_samples=40,
        alpha=0.05, resample=True, random_state=0,
    ).fit([[0.0], [10.0]], [0.0, 10.0])  # fmt: skip
    for at in (5.0, 5.05, 5.25, 5.5):
        cert = rpr.certify(np.full((20_000, 1), at))
        true = min(at - 5.0, 6.0 - at)
        wrong = ~cert.abstained & ((cert.label != 5.5) | (cert.radius > true))
        assert stats.binomtest(int(wrong.sum()), 20_000, 0.05, alternative="greater").pvalue > 1e-4
    assert (~cert.abstained).mean() > 0.1  # in the middle of a cell something is certified


@pytest.mark.slow
def test_votes_stop_early_and_the_answer_is_the_same():
    rpr = smoothed(KNeighborsRegressor(20), step=40, method="monte_carlo", n_samples=20_000)
    rpr.fit(FRAME, Y)
    rows = FRAME.head(60)
    whole, asked = rpr.certify(rows), rpr.certify(rows, radius=0.1)
    assert np.median(asked.n_samples) < 5_000
    assert (asked.at(0.1) == whole.at(0.1)).mean() > 0.95
    roughly = rpr.certify(rows, tolerance=0.2)
    assert (np.abs(roughly.radius - whole.radius) <= 0.2 + 1e-9).mean() > 0.95
    in_unit = rpr.certify(rows, radius=0.5, feature="bmi")
    assert (in_unit.n_samples < 20_000).any()


@pytest.mark.slow
def test_noise_levels_at_once():
    for model in (Ridge(), DecisionTreeRegressor(max_depth=4), KNeighborsRegressor()):
        rpr = smoothed(model, step=40).fit(FRAME, Y)
        path = rpr.certify_path(FRAME, [0.1, 0.4])
        for sigma, cert in zip([0.1, 0.4], path, strict=True):
            assert cert.sigma == sigma
            np.testing.assert_array_equal(cert.label, rpr.certify_path(FRAME, [sigma])[0].label)


def test_a_fallback_stands_for_what_is_not_certified():
    rpr = smoothed(KNeighborsRegressor(), step=30, fallback=-1, min_radius=0.05).fit(FRAME, Y)
    cert, released = rpr.certify(FRAME), rpr.predict(FRAME)
    uncertain = ~(cert.radius > 0.05)
    assert 0.05 < uncertain.mean() < 0.95
    np.testing.assert_array_equal(released, np.where(uncertain, -1.0, cert.label))
    assert "for the others the fallback" in repr(cert)
    plain = smoothed(KNeighborsRegressor(), step=30).fit(FRAME, Y)
    np.testing.assert_array_equal(plain.predict(FRAME), cert.label)


def test_a_certificate_of_numbers_is_a_certificate():
    rpr = smoothed(KNeighborsRegressor(10), step=40).fit(FRAME, Y)
    cert = rpr.certify(FRAME)
    assert cert.voting == "median"
    again = Certificate.from_json(cert.to_json())
    np.testing.assert_array_equal(again.label, cert.label)
    assert (cert.release_radius() <= cert.radius).all()
    assert (cert.release_radius(n_votes=10**6) >= cert.release_radius()).all()
    assert (cert.half_width("bmi") == cert.radius * FRAME["bmi"].std(ddof=0)).all()
    # Two edges have to hold: less is promised than of a label of two with the same bounds.
    two = replace(cert, voting="hard")
    inside = cert.release_radius() > 0
    assert inside.any()
    assert (cert.release_radius() < two.release_radius())[inside].all()


def test_a_sampled_release_is_the_number_as_often_as_its_certificate_says():
    """At the edge of the release radius, over many banks of noise."""
    model = FrozenEstimator(LinearRegression().fit([[0.0], [10.0]], [0.0, 10.0]))
    rpr = RobustPrivacyRegressor(
        model, step=1.0, sigma=0.3, noise_scale=None, method="monte_carlo", n_samples=200,
        alpha=0.01, resample=True, random_state=0,
    ).fit([[0.0], [10.0]], [0.0, 10.0])  # fmt: skip
    cert = rpr.certify([[5.5]])
    near = cert.release_radius(beta=0.1)[0]
    assert 0 < near < cert.radius[0]
    again = rpr.predict(np.full((5000, 1), 5.5 + near * (1 - 1e-9)))
    other = int((again != 5.5).sum())
    assert stats.binomtest(other, 5000, 0.1, alternative="greater").pvalue > 1e-4


@pytest.mark.slow
def test_many_cells_of_many_rows_are_not_held_at_once():
    import tracemalloc

    target = 1000 * Y
    rpr = smoothed(Ridge(), step=float(np.ptp(target)) / 1500, noise_features="bmi")
    rpr.fit(FRAME, target)
    many = FRAME.iloc[np.arange(30_000) % 442]
    tracemalloc.start()
    told = rpr.predict(many)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * len(many) * len(rpr.numbers_)  # one number for each cell of each row
    np.testing.assert_array_equal(told[:442], rpr.predict(FRAME))
    cert = rpr.certify(many)
    np.testing.assert_array_equal(cert.radius[:442], rpr.certify(FRAME).radius)
    np.testing.assert_array_equal(cert.label, told)


def test_fresh_noise():
    rpr = smoothed(KNeighborsRegressor(), resample=True, n_samples=30, step=10).fit(FRAME, Y)
    assert (rpr.predict(FRAME) != rpr.predict(FRAME)).any()
    assert rpr.privacy_loss(0.01).mu == pytest.approx(np.sqrt(30) * 0.01 / 0.25)


CONTAINERS = {
    "pipeline": lambda: make_pipeline(StandardScaler(), smoothed(Ridge())),
    "target transformed": lambda: smoothed(
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1)
    ),
    "poisson": lambda: smoothed(PoissonRegressor(max_iter=1000)),
    "frozen": lambda: smoothed(FrozenEstimator(Ridge().fit(FRAME, Y))),
    "augmented": lambda: smoothed(DecisionTreeRegressor(max_depth=4), n_augment=2),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_composes(name):
    model = CONTAINERS[name]().fit(FRAME, Y)
    assert 0.2 < model.score(FRAME, Y) < 1
    cert = certify(model, FRAME)
    np.testing.assert_array_equal(cert.label, model.predict(FRAME))
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(FRAME), cert.label)


def test_searched_and_cross_validated():
    search = GridSearchCV(smoothed(Ridge()), {"sigma": [0.1, 0.5], "step": [10, 60]}, cv=3)
    search.fit(FRAME, Y)
    assert search.best_params_["step"] == 10
    assert len(certify(search, FRAME)) == len(FRAME)
    assert cross_val_score(smoothed(Ridge()), FRAME, Y).mean() > 0.3


def test_weights_reach_the_model():
    weight = np.where(FRAME["age"] > 50, 1.0, 0.01)
    plain, weighted = (smoothed(Ridge()).fit(FRAME, Y, sample_weight=w) for w in (None, weight))
    assert (plain.estimator_.coef_ != weighted.estimator_.coef_).any()


def test_numbers_and_their_sets():
    """Every value of the set of a released number gets it, and no other does."""
    rpr = smoothed(HistGradientBoostingRegressor(max_iter=8), noise_features=["bmi", "age"])
    rpr.fit(FRAME, Y)
    rows, grid = FRAME.head(4), np.linspace(FRAME["bmi"].min(), FRAME["bmi"].max(), 300)
    sets = compatible_sets(rpr, rows, sensitive_feature="bmi", bounds=(grid[0], grid[-1]))
    np.testing.assert_array_equal(sets.label, rpr.predict(rows))
    for row in range(4):
        asked = rpr.predict(rows.iloc[np.full(300, row)].assign(bmi=grid))
        inside = np.any([(low <= grid) & (grid <= high) for low, high in sets.intervals[row]], 0)
        np.testing.assert_array_equal(asked == sets.label[row], inside)


@pytest.mark.slow
def test_nets_are_asked_on_their_device():
    pytest.importorskip("skorch")
    import torch
    from skorch import NeuralNetRegressor

    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1)]
    net = NeuralNetRegressor(
        torch.nn.Sequential(*layers), max_epochs=60, lr=0.01, verbose=0, train_split=None,
        optimizer=torch.optim.Adam,
        device="cuda" if torch.cuda.is_available() else "cpu",
    )  # fmt: skip
    small, target = StandardScaler().fit_transform(X).astype(np.float32), Y / Y.std()
    rpr = smoothed(net, step=0.4, n_samples=500).fit(small, target)
    assert rpr.engine_ == "torch"
    cert = rpr.certify(small)
    np.testing.assert_array_equal(rpr.predict(small), cert.label)
    assert rpr.score(small, target) > 0.2

    # The same by the engine that asks any model, on the same noise.
    class Asked(type(net)):
        def predict(self, X):
            return super().predict(X)

    other = Asked(**net.get_params(deep=False)).initialize()
    other.module_.load_state_dict(rpr.estimator_.module_.state_dict())
    plain = smoothed(FrozenEstimator(other), step=0.4, n_samples=500).fit(small, target)
    assert plain.engine_ == "monte_carlo"
    if not torch.cuda.is_available():  # whose noise is its own
        np.testing.assert_array_equal(plain.predict(small), cert.label)


def gives(values):
    class Gives(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.fitted_ = True
            return self

        def predict(self, X):
            return np.resize(values, len(X))

    return Gives()


# fmt: off
REFUSED = [
    ("RobustPrivacyRegressor: a step of 0", lambda: refit(smoothed(step=0), FRAME, Y), ValueError, "The 'step' parameter of RobustPrivacyRegressor must be a float in the range"),
    ("a step that is wider than all answers", lambda: refit(smoothed(step=1e4), FRAME, Y), ValueError, r"step=10000 is not allowed: the model's answers to the rows of fit lie between .* Use a smaller step"),
    ("a step of more digits than a double has", lambda: refit(smoothed(step=10**400), FRAME, Y), ValueError, "step is a number of 401 digits"),
    ("a step that is wider than answers on both sides of zero", lambda: refit(smoothed(step=1e4), FRAME, Y - 150), ValueError, "step=10000 is not allowed: .* are all within one step"),
    ("a step that makes too many cells", lambda: refit(smoothed(step=1e-3), FRAME, Y), ValueError, r"cells of that width; 4096 are allowed. Use a step of 0.0\d+ or more"),
    ("a step below the resolution of the model", lambda: refit(smoothed(step=1e-3), FRAME, 1e12 + Y), ValueError, "are not known to better than .* subtract an offset from y"),
    ("numbers that are constant", lambda: refit(smoothed(), FRAME, np.ones(len(Y))), ValueError, "y is constant, 1.0, in the 442 sample"),
    ("numbers with NaN", lambda: refit(smoothed(), FRAME, np.where(Y > 300, np.nan, Y)), ValueError, "Input y contains NaN"),
    ("numbers with infinity", lambda: refit(smoothed(), FRAME, np.where(Y > 300, np.inf, Y)), ValueError, "Input y contains infinity"),
    ("two numbers for each row", lambda: refit(smoothed(), FRAME, np.c_[Y, Y]), ValueError, r"y has shape \(442, 2\): one number for each row is released"),
    ("text for numbers", lambda: refit(smoothed(), FRAME, np.resize(["a", "b"], len(Y))), ValueError, "a regressor needs numbers"),
    ("a classifier for a regressor", lambda: refit(smoothed(LogisticRegression()), FRAME, Y), ValueError, "is a classifier: a regressor is needed. Labels are released by RobustPrivacyClassifier"),
    ("a smoothed regressor whose answers are NaN", lambda: refit(smoothed(gives([1.0, np.nan])), FRAME, Y), ValueError, "predict of Gives gave NaN or infinity"),
    ("a smoothed regressor with two answers for each row", lambda: refit(smoothed(TwoNumbers()), FRAME, Y), ValueError, r"predict of TwoNumbers gave an array of shape \(442, 2\)"),
    ("a fallback for numbers that is text", lambda: refit(smoothed(fallback="none"), FRAME, Y), ValueError, "The 'fallback' parameter of RobustPrivacyRegressor must be"),
    ("a fallback for numbers that is NaN", lambda: refit(smoothed(fallback=np.nan), FRAME, Y), ValueError, "The 'fallback' parameter of RobustPrivacyRegressor must be"),
    ("too few votes to certify a number", lambda: refit(smoothed(KNeighborsRegressor(), n_samples=11), FRAME, Y), ValueError, "n_samples=11 cannot certify anything at alpha=0.001: at least 12 are needed"),
    ("an exact method for the median of a forest", lambda: refit(smoothed(RandomForestRegressor(3), method="exact"), FRAME, Y), ValueError, "method='exact' has no closed form for this RandomForestRegressor with 4 noised feature.* regression tree"),
    ("a smoothed regressor that is not fitted", lambda: smoothed().predict(FRAME), NotFittedError, "not fitted"),
]
# fmt: on


class TwoNumbers(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.zeros((len(X), 2))


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_random_regressor_is_told():
    class Dice(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.fitted_ = True
            return self

        def predict(self, X):
            return np.random.default_rng().normal(size=len(X))

    with pytest.warns(PrivacyWarning, match="the release is random although resample=False"):
        smoothed(Dice(), step=0.5).fit(FRAME, Y)
