"""Several sensitive features, hidden jointly: the guarantee by brute force, and what is said of it."""

# ruff: noqa: E501

import pickle

import numpy as np
import pandas as pd
import pytest
from refused import refit, refused
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import gen_batches

from sklearn_rp import (
    AttributeCoarsener,
    AttributePrivacyClassifier,
    AttributePrivacyRegressor,
    privacy_report,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.inspection import CompatibleSetDisplay, ReleaseDisplay

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME, Y = FRAME[["age", "bmi", "bp", "s5"]], Y.to_numpy()
FRAME["region"] = np.array(["east", "north", "south", "west"])[np.arange(len(Y)) % 4]
HIGH = np.where(Y > 150, "high", "low")


def encoded(model):
    columns = make_column_transformer((OneHotEncoder(), ["region"]), remainder="passthrough")
    return make_pipeline(columns, model)


BOOSTING = encoded(HistGradientBoostingRegressor(max_iter=15, random_state=0))
LABELS = encoded(HistGradientBoostingClassifier(max_iter=15, random_state=0))
# What is hidden, to which minimum, in which unit.
ASKED = {
    "two shares": (["age", "bmi"], 0.2, "share"),
    "two lengths": (["bmi", "s5"], {"bmi": 5, "s5": 0.8}, "length"),
    "two masses": (["age", "bmi"], [0.3, 0.2], "mass"),
    "a number and a category": (["bmi", "region"], [0.2, 2], ["share", "categories"]),
    "a category and a number": (["region", "age"], [2, 10], ["categories", "length"]),
    "three": (["age", "bmi", "region"], [0.25, 0.25, 2], ["share", "share", "categories"]),
    "three numbers": (["age", "bmi", "bp"], 0.3, "share"),
}
FITTED = {}


def fitted(kind, name):
    if (kind, name) not in FITTED:
        features, minimum, unit = ASKED[name]
        asked = {"sensitive_feature": features, "minimum": minimum, "unit": unit}
        if kind == "numbers":
            model = AttributePrivacyRegressor(BOOSTING, levels="model", **asked).fit(FRAME, Y)
        else:
            model = AttributePrivacyClassifier(LABELS, **asked).fit(FRAME, HIGH)
        FITTED[kind, name] = model
    return FITTED[kind, name]


def placed(frame, sets, rng, where):
    """People with other values inside their own box: `where` from 0 to 1 along each side."""
    moved = frame.copy()
    for feature, at in zip(sets.features, where, strict=True):
        sides = sets.component(feature.name)
        if feature.categories is not None:
            moved[feature.name] = [rng.choice(each) for each in sides]
        else:
            low, high = sides
            moved[feature.name] = feature.nearest(low + (high - low) * at)
    return moved


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "numbers"])
@pytest.mark.parametrize("name", ASKED)
def test_nothing_changes_inside_anybodys_box(kind, name):
    model, rng, people = fitted(kind, name), np.random.default_rng(0), FRAME.iloc[::7]
    sets, released = model.compatible_sets(people), model.predict(people)
    np.testing.assert_array_equal(sets.label, released)
    corners = [np.full(3, c) for c in (0.0, 1.0)] + [rng.random(3) for _ in range(4)]
    corners += [np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 1.0])]
    for where in corners:
        moved = placed(people, sets, rng, where[: len(sets.features)])
        np.testing.assert_array_equal(model.predict(moved), released)
        # The box itself does not move either.
        np.testing.assert_array_equal(
            model.compatible_sets(moved).component_length, sets.component_length
        )


@pytest.mark.parametrize("kind", ["labels", "numbers"])
@pytest.mark.parametrize("name", [n for n in ASKED if "mass" not in n])
def test_each_side_is_at_least_the_minimum(kind, name):
    model = fitted(kind, name)
    sets = model.compatible_sets(FRAME)
    least = [model.minimum_[feature] for feature in sets.names]
    assert (sets.component_length >= np.array(least) * (1 - 1e-12)).all()
    # Who knows all but one of them is left with the minimum of that one.
    for feature, smallest in zip(sets.names, least, strict=True):
        alone = sets.given_others(feature)
        assert (alone.component_length >= smallest * (1 - 1e-12)).all()
        assert (sets.project(feature).length >= alone.length - 1e-9).all()
        assert [g.feature for g in model.guarantee_] == sets.names


def test_a_minimum_of_mass_is_that_of_the_population_along_each():
    sets = fitted("numbers", "two masses").compatible_sets(FRAME)
    for feature, least in (("age", 0.3), ("bmi", 0.2)):
        low, high = sets.component(feature)
        values = FRAME[feature].to_numpy()
        inside = ((low[:, None] <= values) & (values <= high[:, None])).mean(axis=1)
        assert (inside >= least - 1e-9).all()


def dense(feature, n=60):
    """Values of one feature: all of it there is, and its border."""
    if feature.categories is not None:
        return np.asarray(feature.categories)
    return np.unique(feature.nearest(np.linspace(*feature.bounds, n)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "numbers"])
@pytest.mark.parametrize("name", [n for n in ASKED if "three" not in n])
def test_every_point_of_a_dense_grid(kind, name):
    """The set says of every joint value of 2 000 people whether it gets the row's answer."""
    model, n_people, rng = fitted(kind, name), 2000, np.random.default_rng(3)
    # Others than those of the training rows: each column is drawn by itself.
    people = pd.DataFrame({c: rng.choice(FRAME[c].to_numpy(), n_people) for c in FRAME})
    everybody = model.compatible_sets(people)
    names, features = everybody.names, everybody.features
    first, second = (dense(feature) for feature in features)
    grid = pd.DataFrame(
        {names[0]: np.repeat(first, len(second)), names[1]: np.tile(second, len(first))}
    )
    points = FRAME.iloc[np.zeros(len(grid), dtype=int)].reset_index(drop=True).assign(**grid)
    at = np.stack([feature.values(points) for feature in features], axis=1)
    for rows in gen_batches(n_people, 50):
        sets, some = everybody[rows], people[rows]
        copies = some.iloc[np.repeat(np.arange(len(some)), len(grid))].copy()
        copies[names] = pd.concat([grid] * len(some)).to_numpy()
        copies = copies.astype(FRAME.dtypes)
        same = model.predict(copies).reshape(len(some), -1) == sets.label[:, None]
        inside = np.zeros_like(same)
        for row, start, stop in zip(sets.row, sets.start, sets.stop, strict=True):
            inside[row] |= np.all(
                [f.holds(start[j], stop[j], at[:, j]) for j, f in enumerate(features)], axis=0
            )
        np.testing.assert_array_equal(same, inside)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "numbers"])
@pytest.mark.parametrize("name", ASKED)
def test_bits_do_not_depend_on_company(kind, name):
    model = fitted(kind, name)
    together = model.predict(FRAME)
    alone = [model.predict(FRAME.iloc[[row]])[0] for row in range(0, 442, 40)]
    np.testing.assert_array_equal(together[::40], alone)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(FRAME), together)
    assert twin.release_ == model.release_


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_one_feature_in_a_list_is_the_feature_alone(kind):
    make = {
        "labels": lambda f, m: AttributePrivacyClassifier(LABELS, sensitive_feature=f, minimum=m),
        "numbers": lambda f, m: AttributePrivacyRegressor(BOOSTING, sensitive_feature=f, minimum=m),
    }[kind]
    target = HIGH if kind == "labels" else Y
    alone, listed = make("bmi", 0.3).fit(FRAME, target), make(["bmi"], [0.3]).fit(FRAME, target)
    np.testing.assert_array_equal(alone.predict(FRAME), listed.predict(FRAME))
    assert listed.release_ == alone.release_
    assert listed.guarantee_ == alone.guarantee_
    one, other = alone.compatible_sets(FRAME), listed.compatible_sets(FRAME)
    assert one.intervals == other.intervals


def test_the_score_beside_the_model_and_beside_dropping_both():
    train, test = FRAME.iloc[:300], FRAME.iloc[300:]
    apr = AttributePrivacyRegressor(
        BOOSTING, sensitive_feature=["age", "bmi"], levels="model", resolution=576
    ).fit(train, Y[:300])
    plain = clone(BOOSTING).fit(train, Y[:300])
    dropped = encoded(HistGradientBoostingRegressor(max_iter=15)).fit(
        train.drop(columns=["age", "bmi"]), Y[:300]
    )
    ours = apr.score(test, Y[300:])
    assert ours > dropped.score(test.drop(columns=["age", "bmi"]), Y[300:]) + 0.02
    assert ours > plain.score(test, Y[300:]) - 0.1


@pytest.mark.parametrize("levels", ["intervals", "auto"])
@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_answers_learnt_for_boxes(levels, kind):
    asked = {"sensitive_feature": ["age", "bmi"], "levels": levels}
    if kind == "numbers":
        model = AttributePrivacyRegressor(BOOSTING, **asked).fit(FRAME, Y)
        score = model.score(FRAME, Y)
    else:
        model = AttributePrivacyClassifier(LABELS, **asked).fit(FRAME, HIGH)
        score = model.score(FRAME, HIGH)
    assert score > (0.3 if kind == "numbers" else 0.7)
    assert 0 <= model.interval_weight_ <= 1
    sets, rng = model.compatible_sets(FRAME), np.random.default_rng(1)
    assert (sets.component_length >= [0.2 * 61, 0.2 * 24.2 - 1e-9]).all()
    moved = placed(FRAME, sets, rng, rng.random(2))
    np.testing.assert_array_equal(model.predict(moved), model.predict(FRAME))


@pytest.mark.parametrize(
    "prior",
    ["empirical", "uniform", ["s5"], RandomForestClassifier(10, random_state=0), KernelDensity()],
    ids=["empirical", "uniform", "columns", "classifier", "density"],
)
def test_priors(prior):
    frame = FRAME.drop(columns="region")
    model = AttributePrivacyRegressor(
        HistGradientBoostingRegressor(max_iter=15), sensitive_feature=["age", "bmi"],
        levels="model", prior=prior,
    ).fit(frame, Y)  # fmt: skip
    assert model.score(frame, Y) > 0.3
    weight = model.release_.prior.weights(frame)
    np.testing.assert_allclose(weight.sum(axis=1), 1.0)
    sets = model.compatible_sets(frame)
    assert (sets.component_length >= [0.2 * 61, 0.2 * 24.2 - 1e-9]).all()


@pytest.mark.slow
def test_frozen_weighted_searched_and_probabilities():
    frozen = FrozenEstimator(clone(LABELS).fit(FRAME, HIGH))
    apc = AttributePrivacyClassifier(frozen, sensitive_feature=["age", "bmi"]).fit(FRAME, HIGH)
    proba = apc.predict_proba(FRAME)
    np.testing.assert_array_equal(apc.classes_[proba.argmax(axis=1)], apc.predict(FRAME))
    risk = AttributePrivacyRegressor(
        frozen, sensitive_feature=["age", "bmi"], pos_label="high", loss="log_loss", decimals=2
    ).fit(FRAME, HIGH)
    told = risk.predict(FRAME)
    assert ((told >= 0) & (told <= 1)).all()
    np.testing.assert_array_equal(told, told.round(2))
    median = AttributePrivacyRegressor(
        LinearRegression(), sensitive_feature=[0, 1], loss="absolute_error", levels="model"
    ).fit(FRAME.drop(columns="region"), Y, sample_weight=np.arange(442) % 2)
    assert median.score(FRAME.drop(columns="region"), Y) > 0.2
    search = GridSearchCV(
        AttributePrivacyClassifier(LogisticRegression(max_iter=5000), sensitive_feature=["age", "bmi"]),
        {"minimum": [0.2, {"age": 0.9, "bmi": 0.9}]}, cv=2,
    ).fit(FRAME.drop(columns="region"), HIGH)  # fmt: skip
    assert search.best_params_["minimum"] == 0.2


def test_values_beyond_the_bounds_and_integers():
    model = fitted("numbers", "two shares")
    far = FRAME.head(3).assign(age=[5, 200, 40], bmi=[1.0, 99.0, 30.0])
    ends = FRAME.head(3).assign(
        age=[FRAME["age"].min(), FRAME["age"].max(), 40],
        bmi=[FRAME["bmi"].min(), FRAME["bmi"].max(), 30.0],
    )
    np.testing.assert_array_equal(model.predict(far), model.predict(ends))
    assert model.feature_.features[0].domain == "integer"
    assert model.minimum_["age"] == np.ceil(0.2 * 61)


def test_what_sets_say():
    sets = fitted("numbers", "a number and a category").compatible_sets(FRAME)
    assert len(sets) == 442
    frame = sets.to_frame()
    assert frame.columns.tolist() == ["label", "share", "bmi_length", "region_length"]
    assert (frame["region_length"] >= 2).all()
    assert frame.index.equals(FRAME.index)
    some = sets[[3, 5, 5]]
    np.testing.assert_array_equal(some.label, sets.label[[3, 5, 5]])
    np.testing.assert_array_equal(some.component_length, sets.component_length[[3, 5, 5]])
    np.testing.assert_allclose(some.share, sets.share[[3, 5, 5]])
    assert "JointSets of 442" in repr(sets)
    assert "<table" in sets._repr_html_()
    regions = sets.component("region")
    assert all(own in each for own, each in zip(FRAME["region"], regions, strict=True))
    low, high = sets.component("bmi")
    assert ((low <= FRAME["bmi"]) & (FRAME["bmi"] <= high)).all()
    # Mass by counting people.
    people = FRAME[["bmi", "region"]]
    mass = sets.prior_mass(people)
    model = fitted("numbers", "a number and a category")
    for row in (0, 7, 99):
        copies = FRAME.iloc[np.full(442, row)].reset_index(drop=True)
        copies[["bmi", "region"]] = people.to_numpy()
        copies["bmi"] = copies["bmi"].astype(float)
        assert mass[row] == pytest.approx((model.predict(copies) == sets.label[row]).mean())
    assert (sets.share > 0).all()
    assert (sets.share <= 1 + 1e-12).all()


def test_two_releases_leave_what_both_do():
    one, two = (fitted(kind, "two shares").compatible_sets(FRAME) for kind in ("labels", "numbers"))
    both = one.intersect(two)
    assert (both.share <= np.minimum(one.share, two.share) + 1e-12).all()
    assert (both.component_length <= two.component_length + 1e-12).all()
    assert both.label[0] == (one.label[0], two.label[0])
    people = FRAME[["age", "bmi"]]
    assert (both.prior_mass(people) >= 1 / 442).all()
    with pytest.raises(ValueError, match="not of the same people, features"):
        one.intersect(fitted("numbers", "two lengths").compatible_sets(FRAME))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "numbers"])
@pytest.mark.parametrize("name", ["two shares", "a number and a category", "three"])
def test_along_one_of_them_the_release_knows_itself(kind, name):
    model = fitted(kind, name)
    sets = model.compatible_sets(FRAME)
    for feature in sets.features:
        asked = {"sensitive_feature": feature.name, "bounds": feature.bounds}
        known = compatible_sets(model, FRAME, **asked)
        given = sets.given_others(feature.name)
        assert known.reading == "its own labelling"
        assert known.intervals == given.intervals
        np.testing.assert_array_equal(known.label, sets.label)


def test_reported_and_drawn():
    model = fitted("numbers", "a number and a category")
    bounds = {f.name: f.bounds for f in model.feature_.features}
    report = privacy_report(
        model, FRAME[::3], Y[::3], sensitive_features=["bmi", "region"], bounds=bounds
    )
    point = report.operating_point
    assert point["guaranteed_for"] == ["bmi", "region"]
    assert point["minimum"] == [0.2, 2.0]
    assert point["unit"] == ["share", "categories"]
    assert list(report.sets) == ["bmi", "region", "bmi and region"]
    assert "bmi, region" in report.to_html()
    pytest.importorskip("matplotlib").use("agg")
    for display in (ReleaseDisplay, CompatibleSetDisplay):
        with pytest.raises(ValueError, match="hides several features jointly, bmi, region: give"):
            display.from_estimator(model, FRAME[:20])
        drawn = display.from_estimator(
            model, FRAME[:20], sensitive_feature="bmi", bounds=bounds["bmi"]
        )
        assert len(drawn.frame())


def test_one_of_them_by_the_general_way():
    """Another reading of the same release, along one feature, says the same."""
    model = make_pipeline("passthrough", fitted("numbers", "two shares"))
    given = model[-1].compatible_sets(FRAME[:8]).given_others("bmi")
    bounds = (FRAME["bmi"].min(), FRAME["bmi"].max())
    other = compatible_sets(model, FRAME[:8], sensitive_feature="bmi", bounds=bounds)
    np.testing.assert_allclose(given.component_length, other.component_length, atol=1e-5)


def joint(**parameters):
    return AttributePrivacyRegressor(
        HistGradientBoostingRegressor(max_iter=5),
        **({"sensitive_feature": ["age", "bmi"], "levels": "model"} | parameters),
    )


NUMBERS = FRAME.drop(columns="region")
# fmt: off
REFUSED = [
    ("four sensitive features together", lambda: refit(joint(sensitive_feature=["age", "bmi", "bp", "s5"]), NUMBERS, Y), ValueError, "lists 4 features: 3 at most are looked at jointly.* AttributeCoarsener"),
    ("a sensitive feature twice", lambda: refit(joint(sensitive_feature=["age", "age"]), NUMBERS, Y), ValueError, "give at least one feature, each once"),
    ("no sensitive feature", lambda: refit(joint(sensitive_feature=[]), NUMBERS, Y), ValueError, "give at least one feature"),
    ("a joint minimum for one feature of two", lambda: refit(joint(minimum={"age": 0.2}), NUMBERS, Y), ValueError, r"minimum=.* has none for \['bmi'\]"),
    ("a joint minimum for a feature that is not hidden", lambda: refit(joint(minimum={"age": 0.2, "bmi": 0.2, "bp": 0.1}), NUMBERS, Y), ValueError, r"names \['bp'\], not among sensitive_feature"),
    ("three minimums for two features", lambda: refit(joint(minimum=[0.1, 0.2, 0.3]), NUMBERS, Y), ValueError, "has 3 values for 2 sensitive features"),
    ("a joint minimum of text", lambda: refit(joint(minimum=["a", 0.2]), NUMBERS, Y), ValueError, "minimum='a' is not allowed for 'age'"),
    ("a joint unit that is none", lambda: refit(joint(unit=["share", "yards"]), NUMBERS, Y), ValueError, "unit='yards' is not allowed for the numeric feature 'bmi'"),
    ("a joint prior by a regressor", lambda: refit(joint(prior=LinearRegression()), NUMBERS, Y), ValueError, r"is not allowed for the features \['age', 'bmi'\] together"),
    ("a joint prior by a sensitive feature", lambda: refit(joint(prior=["bmi"]), NUMBERS, Y), ValueError, "names the sensitive feature, 'bmi'"),
    ("levels of intervals beside a category", lambda: refit(AttributePrivacyRegressor(BOOSTING, sensitive_feature=["bmi", "region"], minimum=[0.2, 2], unit=["share", "categories"], levels="intervals"), FRAME, Y), ValueError, "levels='intervals' is not allowed for the categorical feature 'region'"),
    ("the prior of several features as one", lambda: fitted("numbers", "two shares").attribute_prior(FRAME), ValueError, "attribute_prior is of one sensitive feature"),
    ("joint sets of a feature that is not hidden", lambda: fitted("numbers", "two shares").compatible_sets(FRAME).project("bp"), ValueError, r"feature='bp' is not a sensitive feature. These are \['age', 'bmi'\]"),
    ("the joint mass of people without a feature", lambda: fitted("numbers", "two shares").compatible_sets(FRAME).prior_mass(FRAME[["age"]]), ValueError, r"prior lacks the columns \['bmi'\]"),
]
# fmt: on


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_bins_are_not_joint_and_may_be_of_more_features():
    four = ["age", "bmi", "bp", "s5"]
    coarsener = AttributeCoarsener(sensitive_feature=four, strategy="uniform").fit(NUMBERS, Y)
    assert all(1 < len(np.unique(bins)) <= 5 for bins in np.asarray(coarsener.transform(NUMBERS)).T)


def test_a_minimum_that_is_too_wide_is_told():
    with pytest.warns(PrivacyWarning, match="more than the whole range of 'bmi'"):
        model = joint(minimum=[10, 99], unit="length").fit(NUMBERS, Y)
    sets = model.compatible_sets(NUMBERS)
    assert (sets.component_length[:, 1] >= 24.2 - 1e-9).all()


def test_frames_of_other_kinds():
    pl = pytest.importorskip("polars")
    model = joint().fit(NUMBERS, Y)
    other = joint().fit(pl.from_pandas(NUMBERS), Y)
    np.testing.assert_array_equal(model.predict(NUMBERS), other.predict(pl.from_pandas(NUMBERS)))
    array = joint(sensitive_feature=[0, 1]).fit(NUMBERS.to_numpy(), Y)
    np.testing.assert_array_equal(array.predict(NUMBERS.to_numpy()), model.predict(NUMBERS))
    assert isinstance(model.compatible_sets(NUMBERS).to_frame(), pd.DataFrame)
