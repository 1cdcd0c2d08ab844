"""Joint sets of any fitted model: against brute force over the plane, and over all joint values."""

# ruff: noqa: E501

import numpy as np
import pandas as pd
import pytest
from refused import refused
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyRegressor,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import compatible_sets

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME, Y = FRAME[["age", "bmi", "bp", "s5"]], Y.to_numpy()
FRAME["region"] = np.array(["east", "north", "south", "west"])[np.arange(len(Y)) % 4]
# It matters where one lives.
HIGH = np.where(Y + 40 * (FRAME["region"] == "south") > 150, "high", "low")
PEOPLE = FRAME.iloc[::21]
BOUNDS = {"age": (19, 79), "bmi": (15, 45), "bp": (60, 140), "s5": (3, 6.5)}


def encoded(model):
    columns = make_column_transformer((OneHotEncoder(), ["region"]), remainder=StandardScaler())
    return make_pipeline(columns, model)


MODELS = {
    "tree": encoded(DecisionTreeClassifier(max_depth=6, random_state=0)),
    "forest": encoded(RandomForestClassifier(15, max_depth=4, random_state=0)),
    "many cells": encoded(RandomForestClassifier(20, min_samples_leaf=2, random_state=0)),
    "logistic": encoded(LogisticRegression()),
    "svc": encoded(SVC(C=3)),
    "regression tree": encoded(DecisionTreeRegressor(max_depth=5, random_state=0)),
    "linear": encoded(LinearRegression()),
}
# What is looked at, whether it is certain for trees, and the width of what may be left out.
ASKED = {
    "two numbers": (["bmi", "bp"], 1 / 512),
    "whole numbers": (["age", "bmi"], 1 / 512),
    "a category": (["region", "s5"], 1 / 512),
    "three": (["age", "region", "bmi"], 1 / 32),
}
FITTED = {}
QUICK = (
    "tree",
    "many cells",
    "linear",
)  # one exact, one of known cells that are many, one searched


def marked(name):
    return name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)


ALL = [marked(name) for name in MODELS]


def fitted(name):
    if name not in FITTED:
        numbers = name in ("regression tree", "linear")
        FITTED[name] = MODELS[name].fit(FRAME, Y if numbers else HIGH)
    return FITTED[name]


def found(name, features, **more):
    tolerance = {"linear": 10.0, "regression tree": 1.0}.get(name, 0.0)
    bounds = {f: BOUNDS[f] for f in features if f in BOUNDS}
    more = {"bounds": bounds, "tolerance": tolerance} | more
    return compatible_sets(fitted(name), PEOPLE, sensitive_feature=features, **more), tolerance


def random_values(sets, size, rng):
    """Joint possible values, as numbers and as the columns hold them."""
    z = np.empty((size, len(sets.features)))
    for j, feature in enumerate(sets.features):
        if feature.possible is not None:
            z[:, j] = rng.choice(feature.possible, size)
        else:
            z[:, j] = rng.uniform(feature.low, feature.high, size)
    return z


def contained(sets, row, z, margin=0.0):
    """Whether joint values are in the set of a row, or so near to a part of it."""
    parts = np.flatnonzero(sets.row == row)
    inside = np.ones((len(z), len(parts)), dtype=bool)
    for j, feature in enumerate(sets.features):
        near = margin * feature.span * (feature.possible is None)
        low, high = sets.start[parts, j] - near, sets.stop[parts, j] + near
        inside &= feature.holds(low, high, z[:, j, None])
    return inside.any(axis=1)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("name", ALL)
def test_against_brute_force(name, asked):
    features, width = ASKED[asked]
    sets, tolerance = found(name, features)
    model, rng = fitted(name), np.random.default_rng(0)
    certain = not sets.reading.startswith("search")
    few = name in ("tree", "forest", "regression tree")
    assert certain == (few or (name == "many cells" and asked == "a category"))
    wrong = missed = n = 0
    for row in range(len(PEOPLE)):
        z = random_values(sets, 400, rng)
        # Half of them near the row, where it matters.
        for j, feature in enumerate(sets.features):
            if feature.categories is None:
                step = rng.normal(size=200) * feature.span / 20
                z[:200, j] = feature.nearest(sets.own[row, j] + step)
        rows = PEOPLE.iloc[[row] * len(z)].reset_index(drop=True)
        for j, feature in enumerate(sets.features):
            rows[feature.name] = feature.held(z[:, j])
        told = model.predict(rows)
        own = model.predict(PEOPLE.iloc[[row]])[0]
        same = np.abs(told - own) <= tolerance if tolerance else told == own
        inside = contained(sets, row, z)
        wrong += (inside & ~same).sum()
        # What is not in the set, though it has the answer, is near a border.
        missed += (same & ~contained(sets, row, z, margin=width)).sum()
        if certain:
            np.testing.assert_array_equal(inside, same)
        n += len(z)
    assert sets.share.max() <= 1 + 1e-9
    assert contained_own(sets).all()
    assert wrong <= 2e-4 * n
    assert missed <= 2e-3 * n


def contained_own(sets):
    return np.bincount(sets.row, sets.holds_own, len(sets)) > 0


@pytest.mark.parametrize("name", ALL)
def test_the_share_is_that_of_random_joint_values(name):
    sets, _ = found(name, ["bmi", "bp"])
    z = random_values(sets, 4000, np.random.default_rng(0))
    drawn = [contained(sets, row, z).mean() for row in range(len(sets))]
    np.testing.assert_allclose(sets.share, drawn, atol=0.03)
    np.testing.assert_allclose(sets.prior_mass(z), drawn, atol=1e-12)


@pytest.mark.parametrize("features", [["bmi", "bp"], ["region", "bmi"], ["age", "s5", "region"]])
@pytest.mark.parametrize("name", ALL)
def test_the_rows_own_box_is_inside_the_set(name, features):
    sets, _ = found(name, features)
    assert (sets.component_length > 0).all(axis=1).mean() > 0.9
    rng = np.random.default_rng(0)
    sides = [sets.component(f) for f in features]
    for row in range(len(sets)):
        z = np.empty((50, len(features)))
        for j, (feature, side) in enumerate(zip(sets.features, sides, strict=True)):
            if feature.categories is not None:
                places = np.searchsorted(feature.categories, side[row])
                assert sets.own[row, j] in places
                z[:, j] = rng.choice(places, 50)
                continue
            low, high = side[0][row], side[1][row]
            assert low <= sets.own[row, j] <= high
            z[:, j] = feature.nearest(np.r_[low, high, rng.uniform(low, high, 48)])
        assert contained(sets, row, z).all()
    # It is what is left to whoever knows the other features, or less.
    for j, feature in enumerate(features):
        alone = sets.given_others(feature).component_length
        assert (alone >= sets.component_length[:, j] - 1e-9).all()


@pytest.mark.parametrize("name", ALL)
def test_given_the_others_it_is_the_set_of_the_one(name):
    sets, tolerance = found(name, ["bmi", "bp"])
    for feature in ("bmi", "bp"):
        one = compatible_sets(
            fitted(name), PEOPLE, sensitive_feature=feature, bounds=BOUNDS[feature],
            tolerance=tolerance,
        )  # fmt: skip
        alone = sets.given_others(feature)
        short = one.length - alone.length
        # Bands narrower than a cell of the first look may be missed.
        assert (short > -one.span / 64 * (1 + one.n_components)).all()
        assert (short > -1e-9).mean() >= 0.9
        near = short <= one.span / 256 * (1 + one.n_components)
        assert near.mean() >= (0.8 if name == "many cells" else 1)
        if not sets.reading.startswith("search"):
            np.testing.assert_allclose(short, 0, atol=1e-9)


@pytest.mark.slow
def test_a_release_that_hides_these_features_knows_itself():
    apr = AttributePrivacyRegressor(sensitive_feature=["age", "bmi"], resolution=64)
    apr.fit(FRAME.drop(columns="region"), Y)
    rows = PEOPLE.drop(columns="region")
    own = apr.compatible_sets(rows)
    possible = apr.bounds_
    for features in (["age", "bmi"], ["bmi", "age"]):
        sets = compatible_sets(apr, rows, sensitive_feature=features, bounds=possible)
        assert sets.reading == "its own labelling"
        assert sets.names == features
        np.testing.assert_allclose(sets.share, own.share)
        for j, feature in enumerate(features):
            k = own.names.index(feature)
            np.testing.assert_array_equal(sets.component_length[:, j], own.component_length[:, k])
    # One of them and another is a question for the general way.
    apc = AttributePrivacyClassifier(sensitive_feature=["age", "bmi"], resolution=64)
    apc.fit(FRAME.drop(columns="region"), HIGH)
    bounds = {"bmi": apc.bounds_["bmi"]}
    other = compatible_sets(apc, rows[:4], sensitive_feature=["bmi", "bp"], bounds=bounds)
    assert other.reading.startswith("search")
    least = other.given_others("bmi").component_length
    assert (least >= apc.minimum_["bmi"] - 2 * other.features[0].span / 256).all()


def test_other_releases():
    rows = PEOPLE.drop(columns="region")
    apc = AttributePrivacyClassifier(sensitive_feature="bmi").fit(
        FRAME.drop(columns="region"), HIGH
    )
    clf = RobustPrivacyClassifier(n_samples=200, random_state=0).fit(
        FRAME.drop(columns="region"), HIGH
    )
    for model in (apc, clf):
        sets = compatible_sets(model, rows.iloc[:3], sensitive_feature=["bmi", "s5"], resolution=16)
        np.testing.assert_array_equal(sets.label, model.predict(rows.iloc[:3]))
        assert contained_own(sets).all()


@pytest.mark.slow
def test_processes_order_company_and_index():
    sets, _ = found("many cells", ["bmi", "bp"])
    two, _ = found("many cells", ["bmi", "bp"], n_jobs=2)
    pd.testing.assert_frame_equal(sets.to_frame(), two.to_frame())
    assert sets.to_frame().index.equals(PEOPLE.index)
    alone = compatible_sets(
        fitted("many cells"), PEOPLE.iloc[5:6], sensitive_feature=["bmi", "bp"],
        bounds={"bmi": (15, 45), "bp": (60, 140)},
    )  # fmt: skip
    pd.testing.assert_frame_equal(alone.to_frame(), sets[5:6].to_frame())


def test_one_feature_in_a_list_is_the_feature_alone():
    model = fitted("tree")
    one = compatible_sets(model, PEOPLE, sensitive_feature="bmi", bounds=(15, 45))
    listed = compatible_sets(model, PEOPLE, sensitive_feature=["bmi"], bounds=[(15, 45)])
    pd.testing.assert_frame_equal(one.to_frame(), listed.to_frame())


def test_a_model_that_its_thresholds_misread_is_searched():
    class Odd(DecisionTreeClassifier):
        def predict(self, X, check_input=True):
            told = super().predict(X, check_input)
            return np.where(np.asarray(X)[:, 0] == 0.123456, "odd", told)

    X = np.random.default_rng(0).normal(size=(300, 3))
    model = Odd(max_depth=3, random_state=0).fit(X, np.where(X[:, 0] + X[:, 1] > 0, "a", "b"))
    X[7, 0] = 0.123456
    sets = compatible_sets(model, X, sensitive_feature=[0, 1])
    assert sets.label[7] == "odd"
    assert sets.share[7] == 0
    assert contained_own(sets)[7]
    assert (sets.component_length[7] == 0).all()


def ask(**parameters):
    return compatible_sets(fitted("tree"), PEOPLE, **parameters)


REFUSED = [
    ("noise levels and several features", lambda: ask(sensitive_feature=["age", "bmi"], sigmas=[1.0]), ValueError, "sigmas is not allowed with several sensitive features"),
    ("joint sets of four features", lambda: ask(sensitive_feature=["age", "bmi", "bp", "s5"]), ValueError, "lists 4 features: 3 at most"),
    ("joint sets of a feature twice", lambda: ask(sensitive_feature=["age", "age"]), ValueError, "each once"),
    ("joint sets with one pair of bounds", lambda: ask(sensitive_feature=["age", "bmi"], bounds=[(1, 2), (3, 4), (5, 6)]), ValueError, "has 3 values for 2 sensitive features"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_many_whole_numbers():
    """Of more whole numbers than are asked about one by one, each is in one part only."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 5000, size=(60, 2))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X[:, 0] > X[:, 1])
    possible = {"sensitive_feature": [0, 1], "bounds": [(0, 4999), (0, 4999)]}
    sets = compatible_sets(model, X, **possible)
    assert contained_own(sets).all()
    assert sets.share.max() <= 1
    inside = sets.component_length > 0
    assert inside.all()
    for row, (low, high) in enumerate(zip(*sets.component("x0"), strict=True)):
        assert low <= X[row, 0] <= high


def test_a_whole_number_at_the_border_is_in_its_set():
    class Step:
        classes_ = np.array([0, 1])

        def predict(self, X):
            return (np.asarray(X)[:, 0] > 2003).astype(int)

    X = np.random.default_rng(0).integers(0, 5000, size=(40, 2))
    X[::2, 0] = 2003
    possible = {"sensitive_feature": [0, 1], "bounds": [(0, 4999), (0, 4999)]}
    sets = compatible_sets(Step(), X, **possible)
    assert contained_own(sets).all()
    assert (sets.component_length > 0).all()


def test_a_release_behind_steps_or_with_answers_of_its_own():
    rows = FRAME.drop(columns="region")
    apr = AttributePrivacyRegressor(sensitive_feature=["age", "bmi"], levels="model", resolution=64)
    behind = make_pipeline("passthrough", apr).fit(rows, Y)
    bounds = behind[-1].bounds_
    sets = compatible_sets(behind, rows[:30:2], sensitive_feature=["age", "bmi"], bounds=bounds)
    assert sets.reading.startswith("search")

    class Told(AttributePrivacyRegressor):
        def predict(self, X):
            return super().predict(X) + 100 * (np.asarray(X["bmi"]) > 30)

    told = Told(sensitive_feature=["age", "bmi"], levels="model", resolution=64).fit(rows, Y)
    sets = compatible_sets(told, rows[:30:2], sensitive_feature=["age", "bmi"], bounds=bounds)
    assert sets.reading.startswith("search")
    low, high = sets.component("bmi")
    assert ((low > 29.5) | (high < 30.5)).all()
