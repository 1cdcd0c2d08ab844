"""Several releases about the same people: the minimum survives them all, by brute force."""

# ruff: noqa: E501

import pickle
import zlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from refused import refused
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyRecommender,
    AttributePrivacyRegressor,
    AttributePrivacyTransformer,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.attribute.compatible_sets import joined
from sklearn_rp.attribute.joint_sets import joined as joined_boxes

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME, Y = FRAME[["age", "bmi", "bp", "s5"]].copy(), Y.to_numpy()
REGIONS = np.array(["centre", "east", "isle", "north", "south", "west"])
FRAME["region"] = REGIONS[np.random.default_rng(5).integers(6, size=len(Y))]
Y = Y + np.select([FRAME["region"] == "north", FRAME["region"] == "isle"], [30, 20])
KINDS = {
    "whole numbers": ["age"],
    "a number": ["bmi"],
    "categories": ["region"],
    "two numbers": ["age", "bmi"],
    "a number and a category": ["bmi", "region"],
}


def encoded(model):
    columns = make_column_transformer((OneHotEncoder(), ["region"]), remainder="passthrough")
    return make_pipeline(columns, model)


def asked(features, rng):
    """A minimum and a unit for each feature, of one feature as it is given alone."""
    unit, minimum = [], []
    for feature in features:
        kind = "categories" if feature == "region" else rng.choice(["share", "length", "mass"])
        least = {"categories": rng.integers(1, 4), "length": rng.uniform(2, 15)}
        unit.append(str(kind))
        minimum.append(float(least.get(str(kind), rng.uniform(0.03, 0.3))))
    given = {"sensitive_feature": features, "minimum": minimum, "unit": unit}
    return given if len(features) > 1 else {name: value[0] for name, value in given.items()}


def drawn_model(features, rng):
    """An estimator with a minimum over a model of one of eleven kinds."""
    given = asked(features, rng) | {
        "prior": str(rng.choice(["conditional", "empirical", "uniform"])),
        "levels": "model" if "region" in features else str(rng.choice(["model", "intervals"])),
        "resolution": int(rng.choice([16, 64, 256])),
        "random_state": int(rng.integers(99)),
    }
    target = Y + rng.normal(0, 20, len(Y))
    kind = rng.integers(3)
    if kind == 2:
        model = [
            RandomForestClassifier(6, max_depth=5, random_state=1),
            DecisionTreeRegressor(max_depth=4, random_state=0),
            LinearRegression(),
        ][rng.integers(3)]
        scores = np.stack([target, 300 - target, *FRAME[["age", "bmi", "bp"]].to_numpy().T], axis=1)
        liked = scores > np.quantile(scores, rng.uniform(0.4, 0.8, size=5), axis=0).diagonal()
        given |= {"n_recommended": int(rng.integers(1, 4)), "ordered": bool(rng.integers(2))}
        given["resolution"] = min(given["resolution"], 64)  # each cell is a list
        return AttributePrivacyRecommender(encoded(model), **given).fit(FRAME, liked.astype(int))
    if kind == 1:
        model = [
            DecisionTreeClassifier(max_depth=5, random_state=0),
            RandomForestClassifier(10, max_depth=5, random_state=1),
            LogisticRegression(),
            GaussianNB(),
        ][rng.integers(4)]
        ends = np.sort(np.quantile(target, rng.uniform(0.2, 0.8, size=rng.integers(1, 3))))
        return AttributePrivacyClassifier(encoded(model), **given).fit(
            FRAME, np.digitize(target, ends)
        )
    model = [
        DecisionTreeRegressor(max_depth=4, random_state=0),
        HistGradientBoostingRegressor(max_iter=10, random_state=0),
        LinearRegression(),
        ExtraTreesRegressor(10, max_depth=4, random_state=0),
    ][rng.integers(4)]
    given["loss"] = str(rng.choice(["squared_error", "absolute_error"]))
    given["decimals"] = [None, -1][rng.integers(2)]
    return AttributePrivacyRegressor(encoded(model), **given).fit(FRAME, target)


def everybody(model, person, n_each):
    """One person with every joint value of a dense grid; and these, as numbers: (n, n_features)."""
    features = model.release_.space.features
    sides = [
        f.categories
        if f.categories is not None
        else np.unique(f.nearest(np.linspace(f.low, f.high, n_each)))
        for f in features
    ]
    grid = np.stack([g.ravel() for g in np.meshgrid(*map(np.arange, map(len, sides)), indexing="ij")], 1)  # fmt: skip
    rows = person.iloc[np.zeros(len(grid), dtype=int)].reset_index(drop=True)
    rows = rows.assign(**{f.name: side[at] for f, side, at in zip(features, sides, grid.T, strict=True)})  # fmt: skip
    rows = rows.astype(FRAME.dtypes)
    return rows, np.stack([f.values(rows) for f in features], axis=1).astype(float)


def held(sets, values):
    """Which joint values each set holds."""
    if hasattr(sets, "holding"):
        return sets.holding(values[None])
    names = sets.categories
    order = np.argsort(values[:, 0], kind="stable")
    z = values[order, 0] if names is None else names[values[order, 0].astype(int)]
    found = np.empty((len(sets), len(values)), dtype=bool)
    found[:, order] = sets.contains(z)
    return found


def left(sets):
    """Sides of what each row's own component is: (n_rows, n_features)."""
    categories = getattr(sets, "categories", None) is not None
    length = sets.length if categories else sets.component_length
    return np.asarray(length).reshape(len(sets), -1)


def mass(sets, model, X):
    """Prior mass of the interval that holds each row."""
    prior, (low, high) = model.attribute_prior(X), sets.own_interval()
    inside = (low[:, None] <= prior.values) & (prior.values <= high[:, None])
    return (inside * prior.weights).sum(axis=1)


def play(models, person, n_releases, n_each, seed):
    """A sequence of releases about one person, for every value that the person may have.

    The next model is chosen by what was released. After each release: nobody is below the minimum,
    the sets are what the whole protocol leaves open, point for point, and the same question again
    has the same answer and narrows nothing.
    """
    rows, values = everybody(models[0], person, n_each)
    history, sets = np.zeros(len(rows), dtype=int), None
    for number in range(n_releases):
        chosen = np.array([zlib.crc32(f"{seed} {number} {h}".encode()) for h in history])
        chosen %= len(models)
        parts, order, told = [], [], []
        for model, some in ((models[k], np.flatnonzero(chosen == k)) for k in np.unique(chosen)):
            X, within = rows.iloc[some], None if sets is None else sets[some]
            now = model.compatible_sets(X, within=within)
            if number < 2:
                np.testing.assert_array_equal(model.predict(X, within=within), now.label)
            again = model.compatible_sets(X, within=now)
            np.testing.assert_array_equal(again.label, now.label)
            np.testing.assert_array_equal(left(again), left(now))
            check_minimum(model, X, now, within)
            parts.append(replace(now, index=None, label=np.zeros(len(now))))
            order.append(some)
            told += [(history[k], repr(answer)) for k, answer in zip(some, now.label, strict=True)]
        place = np.argsort(np.concatenate(order))
        sets = (joined_boxes if values.shape[1] > 1 else joined)(parts)[place]
        history = np.unique([" ".join(map(str, told[k])) for k in place], return_inverse=True)[1]
        truth = history[:, None] == history
        np.testing.assert_array_equal(held(sets, values), truth)
    return history.max() + 1


def check_minimum(model, X, sets, within):
    """No side of what is left is below the minimum, or below what was left before."""
    now = left(sets)
    before = np.full(now.shape, np.inf) if within is None else left(within)
    guarantee = model.guarantee_ if isinstance(model.minimum_, dict) else [model.guarantee_]
    for j, promised in enumerate(guarantee):
        if promised.unit != "mass":
            least = model.minimum_ if len(guarantee) == 1 else model.minimum_[promised.feature]
            assert (now[:, j] >= np.minimum(before[:, j], least) * (1 - 1e-9)).all()
        elif len(guarantee) == 1:
            had = np.ones(len(X)) if within is None else mass(within, model, X)
            assert (mass(sets, model, X) >= np.minimum(had, promised.minimum) - 1e-9).all()


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_ever_below_the_minimum(kind):
    rng = np.random.default_rng(list(KINDS).index(kind))
    models = [drawn_model(KINDS[kind], rng) for _ in range(3)]
    n_each = 60 if len(KINDS[kind]) == 1 else 12
    for seed in range(2):
        play(models, FRAME.sample(1, random_state=seed), 4, n_each, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_200_sequences_of_up_to_20_releases(kind):
    """40 of each kind, over five models drawn anew for every eight of them."""
    rng = np.random.default_rng(100 + list(KINDS).index(kind))
    n_each = 30 if len(KINDS[kind]) == 1 else 6
    for sequence in range(40):
        if sequence % 8 == 0:
            models = [drawn_model(KINDS[kind], rng) for _ in range(5)]
        person = FRAME.sample(1, random_state=sequence)
        play(models, person, 1 + sequence % 20, n_each, sequence)


def labels(minimum=0.2, **given):
    given = {"sensitive_feature": "bmi", "minimum": minimum} | given
    return AttributePrivacyClassifier(RandomForestClassifier(20, max_depth=6, random_state=0).fit(
        FRAME[["age", "bmi", "bp", "s5"]], Y > 150), **given).fit(FRAME[["age", "bmi", "bp", "s5"]], Y > 150)  # fmt: skip


def numbers(minimum=0.2, **given):
    given = {"sensitive_feature": "bmi", "minimum": minimum, "levels": "model"} | given
    model = HistGradientBoostingRegressor(max_iter=20, random_state=0)
    return AttributePrivacyRegressor(model, **given).fit(FRAME[["age", "bmi", "bp", "s5"]], Y)


def people(n=100):
    return FRAME[["age", "bmi", "bp", "s5"]].iloc[:n]


def test_what_six_minimums_leave_open_together():
    """Each by itself they intersect to little; one within the other they keep a fifth."""
    X, rng = people(), np.random.default_rng(0)
    models = [
        AttributePrivacyRegressor(
            DecisionTreeRegressor(max_depth=6, random_state=k), sensitive_feature="bmi", levels="model"
        ).fit(people(442), Y + rng.normal(0, 40, len(Y)))
        for k in range(6)
    ]  # fmt: skip
    plain, within = models[0].compatible_sets(X), models[0].compatible_sets(X)
    for model in models[1:]:
        plain = plain.intersect(model.compatible_sets(X))
        within = model.compatible_sets(X, within=within)
    least = models[0].minimum_
    assert (plain.component_length < 0.9 * least).mean() > 0.5
    assert (within.component_length >= least * (1 - 1e-9)).all()


def test_an_attacker_who_sees_all_answers_is_bounded():
    """Whoever knows the other features, all models and the code, and weighs values by a prior."""
    X, prior = people(), people(442)["bmi"].to_numpy()
    given = {"minimum": 0.2, "unit": "mass", "prior": "empirical"}
    models = [labels(**given), numbers(**given)]
    models += [
        AttributePrivacyRegressor(
            DecisionTreeRegressor(max_depth=6, random_state=k), sensitive_feature="bmi", levels="model", **given
        ).fit(people(442), Y + np.random.default_rng(k).normal(0, 40, len(Y)))
        for k in range(4)
    ]  # fmt: skip
    alone = within = None
    for model in models:
        mine = model.compatible_sets(X)
        alone = mine if alone is None else alone.intersect(mine)
        within = model.compatible_sets(X, within=within)
        # Imputation: the best guess without any answer; and with all of them.
        before, after = within.bayes_vulnerability(prior)
        assert (after <= before / 0.2 * (1 + 1e-9)).all()
        assert (within.pointwise_maximal_leakage(prior) <= np.log2(1 / 0.2) + 1e-9).all()
    # Each by itself, the same models tell more than that about many.
    assert (alone.pointwise_maximal_leakage(prior) > np.log2(1 / 0.2)).mean() > 0.2


@pytest.mark.parametrize("make", [labels, numbers])
def test_bits_depend_neither_on_company_nor_on_the_rows_own_value(make):
    model, X = make(), people()
    earlier = numbers(0.3).compatible_sets(X)
    sets, answer = model.compatible_sets(X, within=earlier), model.predict(X, within=earlier)
    for row in range(0, 100, 13):
        alone = model.predict(X.iloc[[row]], within=earlier[[row]])
        np.testing.assert_array_equal(alone, answer[[row]])
    # Moved inside what is left open: the same all along the way.
    low, high = sets.own_interval()
    for at in (0.0, 0.3, 1.0):
        moved = X.assign(bmi=low + at * (high - low))
        then = numbers(0.3).compatible_sets(moved)
        np.testing.assert_array_equal(then.label, earlier.label)
        np.testing.assert_array_equal(model.predict(moved, within=then), answer)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict(X, within=earlier), answer)


def test_an_interval_too_short_for_two_has_one_answer():
    """A plain model's sets may be narrower than the minimum: then nothing more is told."""
    X = people()
    tree = DecisionTreeRegressor(max_depth=7, random_state=0).fit(people(442), Y)
    earlier = compatible_sets(tree, X, sensitive_feature="bmi", bounds=numbers().bounds_)
    model = numbers(0.5)
    short = earlier.component_length < 2 * model.minimum_
    now = model.compatible_sets(X, within=earlier)
    assert short.mean() > 0.5
    np.testing.assert_array_equal(now.component_length[short], earlier.component_length[short])


def test_sets_may_come_in_any_order_of_features():
    X = FRAME[["age", "bmi", "bp"]]
    asked_ = {"minimum": 0.3, "levels": "model"}
    one = AttributePrivacyRegressor(DecisionTreeRegressor(max_depth=4), sensitive_feature=["age", "bmi"], **asked_).fit(X, Y)  # fmt: skip
    other = AttributePrivacyRegressor(DecisionTreeRegressor(max_depth=3), sensitive_feature=["bmi", "age"], **asked_).fit(X, Y)  # fmt: skip
    sets = other.compatible_sets(X, within=one.compatible_sets(X))
    assert sets.names == ["bmi", "age"]
    least = [other.minimum_["bmi"], other.minimum_["age"]]
    assert (sets.component_length >= np.array(least) * (1 - 1e-9)).all()


@pytest.mark.parametrize("make", [labels, numbers])
def test_a_transformer_publishes_what_is_left_of_it(make):
    model, X = make(), people()
    earlier = numbers(0.3).compatible_sets(X)
    both = AttributePrivacyTransformer(
        FrozenEstimator(model), sensitive_feature="bmi", include_prediction=True
    ).fit(people(442), Y > 150 if make is labels else Y)
    sets = model.compatible_sets(X, within=earlier)
    assert both.compatible_sets(X, within=earlier).intervals == sets.intervals
    published = both.transform(X, within=earlier)
    np.testing.assert_array_equal(published[["bmi_low", "bmi_high"]], np.stack(sets.hull(), axis=1))
    np.testing.assert_array_equal(published["prediction"], sets.label.astype(float))
    # It depends on what was released and on the other features alone.
    low, high = sets.own_interval()
    moved = X.assign(bmi=low + 0.5 * (high - low))
    then = numbers(0.3).compatible_sets(moved)
    pd.testing.assert_frame_equal(both.transform(moved, within=then), published)


def changed():
    model, X = numbers(), people(30)
    sets = model.compatible_sets(X)
    _, high = sets.own_interval()
    grown = X.copy()
    grown.iloc[[3, 17], 1] = np.where(high[[3, 17]] + 1 < 42, high[[3, 17]] + 1, 18.0)
    outside = ~held(sets[[3, 17]], grown["bmi"].to_numpy()[[3, 17], None]).diagonal()
    assert outside.all()
    return model, grown, sets


def test_a_value_that_has_changed_is_an_error_that_names_the_row():
    model, grown, sets = changed()
    with pytest.raises(ValueError, match=r"'bmi' of rows 3, 17: it must have changed"):
        model.compatible_sets(grown, within=sets)
    named = grown.set_axis([f"p{k}" for k in range(30)])
    with pytest.raises(ValueError, match="rows p3, p17"):
        model.predict(named, within=sets.__class__(**{**vars(sets), "index": named.index}))


def jointly():
    return AttributePrivacyRegressor(LinearRegression(), sensitive_feature=["age", "bmi"], levels="model").fit(people(442), Y)  # fmt: skip


REFUSED = [
    ("`within` that is a frame of intervals",
     lambda: numbers().predict(people(), within=numbers().compatible_sets(people()).to_frame()),
     TypeError, "within=DataFrame is not allowed: give what `compatible_sets`"),
    ("`within` of fewer rows",
     lambda: numbers().predict(people(), within=numbers().compatible_sets(people(9))),
     ValueError, "sets of 9 rows, but X has 100"),
    ("`within` of rows in another order",
     lambda: numbers().predict(people(), within=numbers().compatible_sets(people().iloc[::-1])),
     ValueError, "different row labels"),
    ("`within` of another feature",
     lambda: numbers().predict(people(), within=labels(sensitive_feature="bp").compatible_sets(people())),
     ValueError, r"within is of \['bp'\], but the estimator hides \['bmi'\]"),
    ("`within` of one of two features that are hidden jointly",
     lambda: jointly().predict(people(), within=numbers().compatible_sets(people())),
     ValueError, r"hides \['age', 'bmi'\].*jointly"),
    ("`within` of other possible values",
     lambda: numbers().predict(people(), within=labels(bounds=(10, 60)).compatible_sets(people())),
     ValueError, "fit all estimators with the same bounds"),
    ("joint `within` of a model without a minimum",
     lambda: jointly().predict(people(), within=compatible_sets(
         LinearRegression().fit(people(442), Y), people(), sensitive_feature=["age", "bmi"], tolerance=9.0)),
     ValueError, "estimators with a minimum"),
    ("`within` that does not hold a row's own value",
     lambda: changed()[0].predict(changed()[1], within=changed()[2]),
     ValueError, r"'bmi' of rows 3, 17: it must have changed"),
    ("`within` for a transformer of a model without a minimum",
     lambda: AttributePrivacyTransformer(LinearRegression(), sensitive_feature="bmi", tolerance=5).fit(people(442), Y).transform(
         people(), within=numbers().compatible_sets(people())),
     ValueError, "LinearRegression has no minimum of 'bmi' alone"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_frames_and_arrays():
    X, model = people(), numbers()
    plain = AttributePrivacyRegressor(
        HistGradientBoostingRegressor(max_iter=20, random_state=0),
        sensitive_feature=1, minimum=0.2, levels="model",
    ).fit(people(442).to_numpy(), Y)  # fmt: skip
    sets = plain.compatible_sets(X.to_numpy())
    with pytest.raises(ValueError, match="within is of"):
        model.predict(X, within=sets)
    again = plain.compatible_sets(X.to_numpy(), within=sets)
    assert again.intervals == sets.intervals
    assert isinstance(again.to_frame(), pd.DataFrame)
