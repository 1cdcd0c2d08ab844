"""Numbers that never pin a sensitive feature down: what they keep, and what is refused."""

# ruff: noqa: E501

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from refused import refit, refused
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
)
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_rp import AttributePrivacyRegressor
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import PrivacyWarning

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME = FRAME[["age", "bmi", "bp", "s5"]]
Y = Y.to_numpy()
RNG = np.random.default_rng(0)
CODES = pd.DataFrame(
    {
        "region": RNG.choice(["north", "east", "south", "west", "mid"], 300),
        "size": RNG.normal(size=300),
        "gap": np.where(RNG.random(300) < 0.2, np.nan, RNG.normal(size=300)),
    }
)
PRICE = (
    CODES["region"].map({"north": 1, "east": 5, "south": 5.5, "west": 9, "mid": 2}) + CODES["size"]
).to_numpy()


def encoded(model):
    columns = make_column_transformer((OneHotEncoder(), ["region"]), remainder="passthrough")
    return make_pipeline(columns, model)


MODELS = {
    "linear": LinearRegression(),
    "tree": DecisionTreeRegressor(max_depth=5, random_state=0),
    "forest": RandomForestRegressor(10, random_state=0),
    "boosting": HistGradientBoostingRegressor(max_iter=20),
    "neighbours": KNeighborsRegressor(),
    "poisson": make_pipeline(StandardScaler(), PoissonRegressor()),
    "gamma": make_pipeline(StandardScaler(), GammaRegressor()),
    "log": TransformedTargetRegressor(
        GradientBoostingRegressor(n_estimators=10), func=np.log, inverse_func=np.exp
    ),
}
TREE = DecisionTreeRegressor(max_depth=2, random_state=0).fit(FRAME, Y)
LABELS = LogisticRegression(max_iter=5000).fit(FRAME, Y > 150)
UNITS = {"share": 0.25, "length": 5.0, "mass": 0.2}


def moved(X, feature, values):
    """Every row at every value of a feature: rows of value 0 first."""
    X = pd.concat([X] * len(values), ignore_index=True)
    X[feature] = np.repeat(values, len(X) // len(values))
    return X


def shortest(apr, X, feature, low, high, n=2000):
    """Shortest stretch of equal numbers on a dense grid, over all rows."""
    grid = np.linspace(low, high, n)
    found = apr.predict(moved(X, feature, grid)).reshape(n, len(X))
    least = np.inf
    for numbers in found.T:
        ends = np.flatnonzero(np.r_[True, numbers[1:] != numbers[:-1], True])
        least = min(least, np.diff(ends).min())
    return (least + 1) * (high - low) / (n - 1)


@pytest.mark.parametrize("name", MODELS)
def test_every_number_is_shared_by_the_minimum(name):
    apr = AttributePrivacyRegressor(
        MODELS[name], sensitive_feature="bmi", levels="model", bounds=(15, 45)
    ).fit(FRAME, Y)
    few = 2 if apr.release_.alone else 8  # a model that is asked row by row takes its time
    assert shortest(apr, FRAME.iloc[:few], "bmi", 15, 45) >= 0.2 * 30
    sets = apr.compatible_sets(FRAME)
    assert sets.component_length.min() >= 0.2 * 30 - 1e-9
    np.testing.assert_array_equal(sets.label, apr.predict(FRAME))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "quantile"])
@pytest.mark.parametrize("levels", ["model", "intervals", "auto"])
@pytest.mark.parametrize("unit", UNITS)
def test_in_every_unit_with_all_levels_and_losses(loss, levels, unit):
    apr = AttributePrivacyRegressor(
        MODELS["tree"], sensitive_feature="bmi", minimum=UNITS[unit], unit=unit, loss=loss,
        levels=levels, bounds=(15, 45), resolution=64, quantile=0.8,
    ).fit(FRAME[:200], Y[:200])  # fmt: skip
    sets = apr.compatible_sets(FRAME[200:260])
    if unit == "mass":
        prior = apr.attribute_prior(FRAME[200:260])
        assert sets.prior_mass(prior).min() >= 0.2 - 1e-9
        return
    least = {"share": 0.25 * 30, "length": 5.0}[unit]
    assert sets.component_length.min() >= least - 1e-9
    assert shortest(apr, FRAME[200:204], "bmi", 15, 45, 1000) >= least


@pytest.mark.parametrize("fewest", [2, 3])
def test_categories_share_a_number_in_groups(fewest):
    apr = AttributePrivacyRegressor(
        encoded(HistGradientBoostingRegressor(max_iter=20)),
        sensitive_feature="region", minimum=fewest, unit="categories",
    ).fit(CODES, PRICE)  # fmt: skip
    regions = np.unique(CODES["region"])
    found = apr.predict(moved(CODES[:40], "region", regions)).reshape(5, 40)
    for numbers in found.T:
        assert np.unique(numbers, return_counts=True)[1].min() >= fewest
    assert apr.compatible_sets(CODES).n_components.min() >= fewest


@pytest.mark.slow
def test_bits_do_not_depend_on_the_batch():
    apr = AttributePrivacyRegressor(sensitive_feature="bmi", levels="intervals").fit(FRAME, Y)
    whole = apr.predict(FRAME)
    order = np.random.default_rng(0).permutation(len(FRAME))
    np.testing.assert_array_equal(apr.predict(FRAME.iloc[order]), whole[order])
    for row in range(0, 40, 8):
        assert apr.predict(FRAME.iloc[[row]])[0] == whole[row]
    inside = moved(FRAME[:20], "bmi", np.linspace(18, 42, 50))
    found = apr.predict(inside).reshape(50, 20)
    one_by_one = np.array([apr.predict(inside.iloc[[i]])[0] for i in range(0, 1000, 37)])
    np.testing.assert_array_equal(one_by_one, found.ravel()[::37])


def test_a_number_is_the_mean_of_the_model_over_its_stretch():
    """With the even prior, against an integral over the stretch that was found."""
    apr = AttributePrivacyRegressor(
        LinearRegression(), sensitive_feature="bmi", levels="model", prior="uniform",
        bounds=(15, 45), resolution=512,
    ).fit(FRAME, Y)  # fmt: skip
    rows = FRAME[:10]
    sets = apr.compatible_sets(rows)
    low, high = sets.own_interval()
    for row in range(10):
        grid = np.linspace(low[row], high[row], 999)
        line = apr.estimator_.predict(moved(rows.iloc[[row]], "bmi", grid))
        assert sets.label[row] == pytest.approx(line.mean(), abs=0.1)


def test_decimals_are_those_of_every_number_and_join_neighbours():
    asked = {"sensitive_feature": "bmi", "levels": "model", "bounds": (15, 45)}
    fine = AttributePrivacyRegressor(**asked).fit(FRAME, Y)
    coarse = AttributePrivacyRegressor(decimals=-2, **asked).fit(FRAME, Y)
    found = coarse.predict(FRAME)
    np.testing.assert_array_equal(found, np.round(fine.predict(FRAME), -2) + 0.0)
    assert set(found) <= {0.0, 100.0, 200.0, 300.0, 400.0}
    one, other = fine.compatible_sets(FRAME), coarse.compatible_sets(FRAME)
    assert (other.component_length >= one.component_length - 1e-9).all()
    assert other.component_length.mean() > one.component_length.mean()


@pytest.mark.slow
def test_the_sign_of_zero_does_not_depend_on_the_batch():
    X = np.random.default_rng(0).uniform(-1, 1, (80, 2))
    y = np.where(X[:, 0] > 0, -1e-12, np.sin(9 * X[:, 1]))
    apr = AttributePrivacyRegressor(
        FrozenEstimator(KNeighborsRegressor(1).fit(X, y)),
        sensitive_feature=1, minimum=0.1, loss="absolute_error", levels="model",
    ).fit(X, y)  # fmt: skip
    whole = apr.predict(X)
    alone = np.concatenate([apr.predict(x[None]) for x in X])
    assert not np.signbit(whole[whole == 0]).any()
    assert whole.tobytes() == alone.tobytes()


class AddsUpInAnyOrder(RegressorMixin, BaseEstimator):
    """As a forest does with threads, or a net in another batch: the last bits are not the same."""

    def __init__(self, dtype="float64", relative=1e-15):
        self.dtype = dtype
        self.relative = relative

    def fit(self, X, y=None):
        self.calls_ = 0
        return self

    def predict(self, X):
        self.calls_ += 1
        X = np.asarray(X)
        exact = np.sin(3 * X[:, 1]) + X[:, 0] + 2
        return (exact * (1 + self.relative * (self.calls_ % 3))).astype(self.dtype)


def test_last_bits_of_a_model_do_not_show():
    X = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    model = FrozenEstimator(AddsUpInAnyOrder().fit(X))
    apr = AttributePrivacyRegressor(
        model, sensitive_feature=1, minimum=0.3, resolution=16, levels="model"
    )
    answers = {apr.fit(X, np.zeros(30)).predict(X).tobytes() for _ in range(5)}
    assert len(answers) == 1


@pytest.mark.parametrize(("dtype", "relative"), [("float64", 1e-15), ("float32", 2e-7)])
def test_what_wavers_in_its_last_bits_is_not_random(dtype, relative):
    X = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    asked = {"sensitive_feature": 1, "levels": "model"}
    model = FrozenEstimator(AddsUpInAnyOrder(dtype, relative).fit(X))
    AttributePrivacyRegressor(model, **asked).fit(X, X[:, 0])
    model = FrozenEstimator(AddsUpInAnyOrder(dtype, 1e-4).fit(X))
    with pytest.raises(ValueError, match="releases at random"):
        AttributePrivacyRegressor(model, **asked).fit(X, X[:, 0])


def test_float32_answers_are_rounded_to_what_they_hold():
    X = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    for dtype, most in (("float32", 1e-4), ("float64", 1e-8)):
        model = FrozenEstimator(AddsUpInAnyOrder(dtype, 0.0).fit(X))
        apr = AttributePrivacyRegressor(model, sensitive_feature=1, levels="model").fit(X, X[:, 0])
        least = max(64 * np.finfo(dtype).eps, 1e-13)
        assert least <= apr.release_.unit <= most


@pytest.mark.parametrize("decimals", [308, 400])
def test_more_decimals_than_a_number_has_change_nothing(decimals):
    asked = {"sensitive_feature": "bmi", "levels": "model"}
    fine = AttributePrivacyRegressor(FrozenEstimator(TREE), decimals=decimals, **asked)
    plain = AttributePrivacyRegressor(FrozenEstimator(TREE), **asked).fit(FRAME, Y)
    np.testing.assert_array_equal(fine.fit(FRAME, Y).predict(FRAME), plain.predict(FRAME))


def test_levels_stay_in_the_range_of_the_model():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 2)), columns=["a", "b"])
    y = np.random.default_rng(1).poisson(np.exp(X["a"] - 1))
    apr = AttributePrivacyRegressor(PoissonRegressor(), sensitive_feature="a").fit(X, y)
    assert (apr.predict(X) > 0).all()


def test_weights_are_those_of_the_model_and_of_the_people():
    weight = np.random.default_rng(0).integers(0, 3, len(Y))
    asked = {
        "sensitive_feature": "bmi",
        "levels": "model",
        "prior": "empirical",
        "bounds": (15, 45),
    }
    model = DecisionTreeRegressor(max_depth=3, random_state=0)
    weighted = AttributePrivacyRegressor(model, **asked).fit(FRAME, Y, sample_weight=weight)
    rows = np.repeat(np.arange(len(Y)), weight)
    repeated = AttributePrivacyRegressor(model, **asked).fit(FRAME.iloc[rows], Y[rows])
    np.testing.assert_allclose(weighted.predict(FRAME), repeated.predict(FRAME), rtol=1e-6)


def test_more_is_kept_with_less_of_a_minimum():
    """At no minimum to speak of the released number is the model's, nearly."""
    model = HistGradientBoostingRegressor(max_iter=20)
    error = []
    for minimum in (0.01, 0.2, 1.0):
        apr = AttributePrivacyRegressor(
            model, sensitive_feature="bmi", minimum=minimum, levels="model"
        ).fit(FRAME, Y)
        error.append(((apr.predict(FRAME) - apr.estimator_.predict(FRAME)) ** 2).mean())
    assert error[0] < 0.02 * np.var(Y)
    assert error[0] < error[1] < error[2]


def test_a_frozen_model_is_not_fitted_again():
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(FRAME, Y)
    apr = AttributePrivacyRegressor(FrozenEstimator(model), sensitive_feature="bmi")
    apr.fit(FRAME[:100], Y[:100])
    assert apr.interval_weight_ == 0.0
    np.testing.assert_array_equal(apr.estimator_.predict(FRAME), model.predict(FRAME))


def test_what_was_pickled_is_equal_and_answers_so():
    apr = AttributePrivacyRegressor(MODELS["forest"], sensitive_feature="bmi").fit(FRAME, Y)
    twin = pickle.loads(pickle.dumps(apr))
    assert twin.release_ == apr.release_
    np.testing.assert_array_equal(twin.predict(FRAME), apr.predict(FRAME))


@pytest.mark.slow
def test_in_searches_pipelines_and_with_missing_values_elsewhere():
    model = encoded(HistGradientBoostingRegressor(max_iter=10))
    apr = AttributePrivacyRegressor(model, sensitive_feature="size", levels="model")
    assert cross_val_score(apr, CODES, PRICE, cv=3).mean() > 0.3
    search = GridSearchCV(apr, {"minimum": [0.2, 0.5]}, cv=2).fit(CODES, PRICE)
    assert search.best_params_["minimum"] in (0.2, 0.5)
    pipe = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        AttributePrivacyRegressor(sensitive_feature="bmi", levels="model"),
    )
    assert pipe.fit(FRAME, Y).score(FRAME, Y) > 0.2


# --- sets of any regressor ------------------------------------------------------------------------


def test_sets_of_a_tree_are_the_stretches_of_its_number():
    tree = DecisionTreeRegressor(max_depth=5, random_state=0).fit(FRAME, Y)
    sets = compatible_sets(tree, FRAME[:50], sensitive_feature="bmi", bounds=(15, 45))
    assert sets.reading == "thresholds of the model"
    np.testing.assert_array_equal(sets.label, tree.predict(FRAME[:50]))
    grid = np.linspace(15, 45, 3001)
    same = sets.label[:, None] == tree.predict(moved(FRAME[:50], "bmi", grid)).reshape(3001, 50).T
    np.testing.assert_array_equal(sets.contains(grid), same)


def test_an_exact_number_leaves_one_point_and_a_tolerance_an_interval():
    line = LinearRegression().fit(FRAME, Y)
    asked = {"sensitive_feature": "bmi", "bounds": (15, 45)}
    exact = compatible_sets(line, FRAME[:20], **asked)
    assert exact.length.max() < 1e-6
    wide = compatible_sets(line, FRAME[:20], **asked, tolerance=5.0)
    slope = line.coef_[1]
    low, high = wide.own_interval()
    own = FRAME["bmi"].to_numpy()[:20]
    np.testing.assert_allclose(low, np.maximum(own - 5 / slope, 15), atol=1e-5)
    np.testing.assert_allclose(high, np.minimum(own + 5 / slope, 45), atol=1e-5)


# --- what is refused ------------------------------------------------------------------------------


class Gaps(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return np.full(len(X), np.nan)


def fitted(y=Y, **given):
    return refit(AttributePrivacyRegressor(**({"sensitive_feature": "bmi"} | given)), FRAME, y)


def tolerant(model, tolerance):
    return compatible_sets(model, FRAME, sensitive_feature="bmi", tolerance=tolerance)


# fmt: off
REFUSED = [
    ("AttributePrivacyRegressor: a classifier", lambda: fitted(estimator=LogisticRegression()), ValueError, "classifier: a regressor is needed"),
    ("AttributePrivacyRegressor: NaN among the targets", lambda: fitted(np.where(np.arange(442) == 3, np.nan, Y)), ValueError, "y contains NaN"),
    ("AttributePrivacyRegressor: an infinite target", lambda: fitted(np.where(np.arange(442) == 3, np.inf, Y)), ValueError, "y contains infinity"),
    ("AttributePrivacyRegressor: one target for all", lambda: fitted(np.full(442, 7.5)), ValueError, "y is constant, 7.5, .*nothing to release"),
    ("AttributePrivacyRegressor: several outputs", lambda: fitted(np.stack([Y, Y], axis=1)), ValueError, "one number for each row is released"),
    ("AttributePrivacyRegressor: text for targets", lambda: fitted(np.where(Y > 150, "high", "low")), ValueError, "regressor needs numbers"),
    ("AttributePrivacyRegressor: no targets", lambda: fitted(None), ValueError, "requires y to be passed"),
    ("AttributePrivacyRegressor: an unknown loss", lambda: fitted(loss="hinge"), ValueError, "'loss' parameter"),
    ("AttributePrivacyRegressor: a quantile of 1", lambda: fitted(loss="quantile", quantile=1.0), ValueError, "'quantile' parameter"),
    ("AttributePrivacyRegressor: decimals that are none", lambda: fitted(decimals=0.5), ValueError, "'decimals' parameter"),
    ("AttributePrivacyRegressor: a minimum of 0", lambda: fitted(minimum=0), ValueError, "'minimum' parameter"),
    ("AttributePrivacyRegressor: a feature that is not there", lambda: fitted(sensitive_feature="weight"), ValueError, "not a column of X"),
    ("AttributePrivacyRegressor: a model that answers NaN", lambda: fitted(estimator=Gaps()), ValueError, "gave NaN or infinity"),
    ("compatible_sets: a negative tolerance", lambda: tolerant(TREE, -1), ValueError, "tolerance=-1 is not allowed: .*from 0 up"),
    ("compatible_sets: a tolerance of NaN", lambda: tolerant(TREE, np.nan), ValueError, "tolerance=nan .*from 0 up"),
    ("compatible_sets: an infinite tolerance", lambda: tolerant(TREE, np.inf), ValueError, "tolerance=inf .*from 0 up"),
    ("compatible_sets: text for a tolerance", lambda: tolerant(TREE, "small"), ValueError, "tolerance='small' .*from 0 up"),
    ("compatible_sets: a tolerance for labels", lambda: tolerant(LABELS, 1.0), ValueError, "tolerance=1.0 is not allowed for LogisticRegression"),
]
# fmt: on


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_not_fitted_and_too_wide_a_minimum():
    apr = AttributePrivacyRegressor(sensitive_feature="bmi", minimum=99, unit="length")
    for ask in (apr.predict, apr.compatible_sets, apr.attribute_prior):
        with pytest.raises(NotFittedError):
            ask(FRAME)
    with pytest.warns(PrivacyWarning, match="the number cannot depend on it at all"):
        apr.set_params(levels="model").fit(FRAME, Y)
    grid = apr.predict(moved(FRAME[:9], "bmi", np.linspace(18, 40, 30))).reshape(30, 9)
    assert (grid == grid[0]).all()


CHECKED = {"sensitive_feature": 0, "resolution": 16}


@parametrize_with_checks(
    [
        AttributePrivacyRegressor(levels="model", prior="empirical", **CHECKED),
        AttributePrivacyRegressor(DecisionTreeRegressor(random_state=0), **CHECKED),
    ]
)
def test_scikit_learn_checks(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_clone_keeps_the_parameters():
    apr = AttributePrivacyRegressor(
        MODELS["tree"], sensitive_feature="bmi", decimals=1, quantile=0.3
    )
    assert clone(apr).get_params(deep=False).keys() == apr.get_params(deep=False).keys()
    assert clone(apr).decimals == 1
