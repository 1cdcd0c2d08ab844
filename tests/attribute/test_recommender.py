"""AttributePrivacyRecommender: lists of items that leave a minimum open for everybody."""

# ruff: noqa: E501

import pickle
from itertools import combinations, pairwise, product

import numpy as np
import pandas as pd
import pytest
from refused import refit, refused
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyRecommender,
    AttributePrivacyTransformer,
    RobustPrivacyRecommender,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.attribute.boxes import Axis, best_boxes
from sklearn_rp.attribute.lists import ListWorth
from sklearn_rp.baselines import PopularRecommender, TopItemsRecommender
from sklearn_rp.datasets import make_item_recommendation
from sklearn_rp.rules import TopItems

TASK = make_item_recommendation(240, 16, random_state=0)
PEOPLE, LIKED = TASK.data[["age", "activity", "region"]], TASK.target
NUMBERS = PEOPLE[["age", "activity"]]
FIRST = LIKED.to_numpy().argmax(axis=1) % 5  # one item for each


def encoded(model):
    columns = make_column_transformer((OneHotEncoder(), ["region"]), remainder="passthrough")
    return make_pipeline(columns, model)


def forest(n=8):
    return RandomForestClassifier(n, max_depth=5, random_state=0)


def recommender(model=None, **arguments):
    given = {"sensitive_feature": "age", "n_recommended": 3} | arguments
    return AttributePrivacyRecommender(encoded(forest()) if model is None else model, **given)


# The best lists


def worth(total, best):
    """Of one list, from what the items have."""
    order = np.sort(total)[::-1][: best.n_best]
    return (order / np.log2(np.arange(best.n_best) + 2)).sum() if best.ordered else order.sum()


def partitions(n, least):
    """Ends of all pieces of n cells, none shorter."""
    for many in range(n // least):
        for cuts in combinations(range(1, n), many):
            ends = [0, *cuts, n]
            if min(np.diff(ends)) >= least:
                yield ends


@pytest.mark.parametrize("best", [TopItems(2), TopItems(3, ordered=True), TopItems(6), TopItems(1)])
@pytest.mark.parametrize("least", [1, 2, 4, 9])
def test_no_partition_is_worth_more(best, least):
    rng = np.random.default_rng(least)
    state = rng.random((25, 9, 6)) * (rng.random((25, 9, 1)) + 0.1)
    last = np.arange(10) - least
    last[last < 0] = -1
    found = ListWorth(best).cut(state, Axis(last))
    for row in range(25):
        brute = max(
            sum(worth(state[row, a:b].sum(axis=0), best) for a, b in pairwise(e))
            for e in partitions(9, least)
        )
        assert found.value[row] == pytest.approx(brute)
        pieces = np.flatnonzero(np.diff(found.box[row], prepend=-1, append=-1))
        assert best.n_best == 1 or min(np.diff(pieces), default=9) >= least
        again = sum(
            worth(state[row, found.box[row] == p].sum(axis=0), best)
            for p in np.unique(found.box[row])
        )
        assert again == pytest.approx(brute) or best.n_best == 1


def groupings(n, least):
    """All groupings of n categories, as labels, with at least so many in each."""
    for labels in product(range(n), repeat=n):
        first = [labels.index(each) for each in labels]
        number = np.unique(first, return_inverse=True)[1]
        if (number == labels).all() and min(np.bincount(number)) >= least:
            yield np.array(labels)


@pytest.mark.parametrize("best", [TopItems(2), TopItems(2, ordered=True)])
@pytest.mark.parametrize("least", [1, 2, 3])
def test_no_grouping_of_categories_is_worth_more(best, least):
    state = np.random.default_rng(least).random((12, 5, 4))
    found = ListWorth(best).cut(state, Axis(np.arange(6) - 1, least))
    for row in range(12):
        brute = max(
            sum(worth(state[row, g == label].sum(axis=0), best) for label in np.unique(g))
            for g in groupings(5, least)
        )
        assert found.value[row] == pytest.approx(brute)
        assert min(np.bincount(found.box[row])[np.unique(found.box[row])]) >= least


def test_many_categories_are_grouped_with_their_neighbours():
    state = np.random.default_rng(0).random((30, 14, 5))
    found = ListWorth(TopItems(2)).cut(state, Axis(np.arange(15) - 1, 3))
    counts = [np.unique(row, return_counts=True)[1].min() for row in found.box]
    assert min(counts) >= 3
    one = [worth(row.sum(axis=0), TopItems(2)) for row in state]
    assert (found.value >= np.array(one) - 1e-9).all()
    assert found.value.mean() > np.mean(one)


def test_no_strips_are_worth_more():
    rng = np.random.default_rng(0)
    best, state = TopItems(2), rng.random((6, 4, 5, 4))
    axes = [Axis(np.array([-1, -1, 0, 1, 2])), Axis(np.array([-1, -1, 0, 1, 2, 3]))]
    box = best_boxes(state, axes, ListWorth(best))

    def cut(state):  # strips along the first axis, each cut along the second
        return max(
            sum(
                max(
                    sum(worth(state[a:b, c:d].sum(axis=(0, 1)), best) for c, d in pairwise(f))
                    for f in partitions(state.shape[1], 2)
                )
                for a, b in pairwise(e)
            )
            for e in partitions(state.shape[0], 2)
        )

    for row in range(6):
        brute = max(cut(state[row]), cut(state[row].transpose(1, 0, 2)))
        mine = sum(worth(state[row][box[row] == b].sum(axis=0), best) for b in np.unique(box[row]))
        assert mine == pytest.approx(brute)


# The guarantee


def everybody(model, X, feature, values):
    """Lists that each row gets with each value: shape (n_rows, n_values, k)."""
    n = len(values)
    rows = X.iloc[np.repeat(np.arange(len(X)), n)].reset_index(drop=True)
    rows[feature] = pd.Series(np.tile(values, len(X))).astype(X[feature].dtype)
    return model.predict(rows).reshape(len(X), n, -1)


MODELS = {
    "a forest": (encoded(forest()), "matrix"),
    "labels": (encoded(RandomForestClassifier(8, random_state=0)), "labels"),
    "one model a column": (encoded(MultiOutputClassifier(GaussianNB())), "matrix"),
    "a chain": (
        encoded(ClassifierChain(DecisionTreeClassifier(max_depth=3, random_state=0))),
        "matrix",
    ),
    "numbers": (encoded(ExtraTreesRegressor(8, max_depth=4, random_state=0)), "matrix"),
    "linear": (encoded(LinearRegression()), "matrix"),
    "smoothed": (
        RobustPrivacyRecommender(encoded(forest()), n_recommended=3, noise_features=["age"]),
        "matrix",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("ordered", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", MODELS)
def test_whole_numbers_by_brute_force(name, ordered):
    model, kind = MODELS[name]
    y = FIRST if kind == "labels" else LIKED
    found = recommender(model, ordered=ordered, minimum=9, unit="length").fit(PEOPLE, y)
    X, ages = PEOPLE[:40], np.arange(found.bounds_[0], found.bounds_[1] + 1)
    lists = everybody(found, X, "age", ages)
    own = X["age"].to_numpy()[:, None] == ages
    mine = lists[own]
    np.testing.assert_array_equal(found.predict(X), mine)
    same = (lists == mine[:, None]).all(axis=2)
    sets = found.compatible_sets(X)
    np.testing.assert_array_equal(sets.contains(ages.astype(float)), same)
    change = (lists[:, 1:] != lists[:, :-1]).any(axis=2)
    for row in change:
        assert np.diff(np.r_[0, np.flatnonzero(row) + 1, len(ages)]).min() >= 9
    assert (sets.component_length >= 9).all()
    assert change.any()
    assert all(len(set(row)) == 3 for row in mine.tolist())
    if not ordered:
        place = pd.Index(found.items_).get_indexer(mine.ravel()).reshape(mine.shape)
        assert (np.diff(place, axis=1) > 0).all()


@pytest.mark.parametrize("unit", ["share", "mass"])
@pytest.mark.parametrize(
    "levels", ["model", "intervals", pytest.param("auto", marks=pytest.mark.slow)]
)
def test_a_number_by_brute_force(unit, levels):
    found = recommender(
        sensitive_feature="activity", minimum=0.25, unit=unit, levels=levels, bounds=(-3.5, 3.5)
    ).fit(PEOPLE, LIKED)
    assert 0 <= found.interval_weight_ <= 1
    X, z = PEOPLE[:25], np.linspace(-3.5, 3.5, 701)
    lists = everybody(found, X, "activity", z)
    own = found.predict(X)
    sets = found.compatible_sets(X)
    inside = sets.contains(z)
    np.testing.assert_array_equal(inside, (lists == own[:, None]).all(axis=2))
    if unit == "share":
        assert (sets.component_length >= 0.25 * 7 - 1e-9).all()
    else:
        prior = found.attribute_prior(X)
        assert (sets.prior_mass(prior) >= 0.25 - 1e-9).all()


@pytest.mark.parametrize("n_recommended", [1, 2])
def test_categories_by_brute_force(n_recommended):
    found = recommender(
        sensitive_feature="region", minimum=2, unit="categories", n_recommended=n_recommended
    ).fit(PEOPLE, LIKED)
    X, regions = PEOPLE[:60], np.unique(PEOPLE["region"])
    lists = everybody(found, X, "region", regions)
    own = found.predict(X)
    same = (lists == own[:, None]).all(axis=2)
    np.testing.assert_array_equal(found.compatible_sets(X).contains(regions), same)
    assert (same.sum(axis=1) >= 2).all()


def test_two_features_by_brute_force():
    minimum = {"age": 12.0, "activity": 1.5}
    found = recommender(
        encoded(forest()), sensitive_feature=["age", "activity"], minimum=minimum, unit="length",
        bounds={"activity": (-3.5, 3.5)},
    ).fit(PEOPLE, LIKED)  # fmt: skip
    X, ages, z = PEOPLE[:3], np.arange(18, 78), np.linspace(-3.5, 3.5, 71)
    grid = np.stack([g.ravel() for g in np.meshgrid(ages, z, indexing="ij")], axis=1)
    sets, own = found.compatible_sets(X), found.predict(X)
    for row in range(3):
        rows = X.iloc[np.full(len(grid), row)].reset_index(drop=True)
        rows = rows.assign(age=grid[:, 0].astype(int), activity=grid[:, 1])
        same = (found.predict(rows) == own[row]).all(axis=1)
        np.testing.assert_array_equal(sets[[row]].holding(grid[None])[0], same)
    sides = sets.component_length
    assert (sides >= [12, 1.5 - 1e-9]).all()


def test_with_all_items_or_no_room_there_is_one_list():
    found = recommender(n_recommended=16).fit(PEOPLE, LIKED)
    assert (found.compatible_sets(PEOPLE).share == 1).all()
    with pytest.warns(UserWarning, match="cannot depend on it"):
        found = recommender(minimum=200, unit="length").fit(PEOPLE, LIKED)
    assert (found.compatible_sets(PEOPLE).share == 1).all()


# One item


@pytest.mark.parametrize("given", [
    {"sensitive_feature": "age"}, {"sensitive_feature": "activity", "unit": "mass"},
    {"sensitive_feature": "region", "minimum": 2, "unit": "categories"},
    {"sensitive_feature": ["age", "activity"]}, {"sensitive_feature": "age", "levels": "intervals"},
])  # fmt: skip
def test_one_item_is_the_label_of_the_classifier(given):
    for model in (RandomForestClassifier(10, random_state=0), GaussianNB()):
        one = AttributePrivacyRecommender(encoded(model), n_recommended=1, resolution=256, **given)
        label = AttributePrivacyClassifier(encoded(model), **given).fit(PEOPLE, FIRST)
        one.fit(PEOPLE, FIRST)
        np.testing.assert_array_equal(one.predict(PEOPLE)[:, 0], label.predict(PEOPLE))
        mine, other = one.compatible_sets(PEOPLE), label.compatible_sets(PEOPLE)
        np.testing.assert_array_equal(mine.start, other.start)
        np.testing.assert_array_equal(mine.stop, other.stop)


# Masks


@pytest.mark.parametrize("given", [
    {"n_recommended": 3}, {"n_recommended": 1}, {"n_recommended": 3, "ordered": True},
    {"n_recommended": 2, "levels": "intervals"},
    {"sensitive_feature": "region", "minimum": 2, "unit": "categories"},
    {"sensitive_feature": ["age", "activity"]},
])  # fmt: skip
def test_a_mask_is_as_a_model_that_has_not_these_items(given):
    found = recommender(**{"minimum": 0.25} | given).fit(PEOPLE, LIKED)
    mask = np.arange(16) % 3 == 0
    rows = PEOPLE[:50]
    masks = np.tile(mask, (50, 1))
    lists = found.predict(rows, exclude=masks)
    assert not np.isin(lists, LIKED.columns[mask]).any()
    few = found.release_
    few = type(few)(**{name: getattr(few, name) for name in few.__dataclass_fields__} | {
        "model": _Some(few.model, ~mask), "items": few.items[~mask],
        "run_model": few.run_model and _Some(few.run_model, ~mask),
    })  # fmt: skip
    np.testing.assert_array_equal(lists, few.release(found.checked_rows(rows)))
    # Each row by itself has its own.
    rng = np.random.default_rng(0)
    each = rng.random((50, 16)) < 0.4
    together = found.predict(rows, exclude=each)
    alone = [found.predict(rows[i : i + 1], exclude=each[i : i + 1])[0] for i in range(50)]
    np.testing.assert_array_equal(together, alone)
    sets = found.compatible_sets(rows, exclude=each)
    np.testing.assert_array_equal(sets.label, together)
    nothing = np.zeros((50, 16), dtype=bool)
    np.testing.assert_array_equal(found.predict(rows, exclude=nothing), found.predict(rows))


class _Some:
    """Scores of some items of a model."""

    def __init__(self, model, kept):
        self.model, self.kept, self.estimator_ = model, kept, model.estimator_

    def predict(self, X):
        return self.model.predict(X)[:, self.kept]


def test_with_a_mask_the_minimum_holds():
    found = recommender(minimum=9, unit="length").fit(PEOPLE, LIKED)
    X, ages = PEOPLE[:12], np.arange(18, 78)
    mask = np.random.default_rng(1).random((12, 16)) < 0.5
    rows = X.iloc[np.repeat(np.arange(12), 60)].reset_index(drop=True).assign(age=np.tile(ages, 12))
    lists = found.predict(rows, exclude=np.repeat(mask, 60, axis=0)).reshape(12, 60, 3)
    change = (lists[:, 1:] != lists[:, :-1]).any(axis=2)
    for row in change:
        assert np.diff(np.r_[0, np.flatnonzero(row) + 1, 60]).min() >= 9
    sets = found.compatible_sets(X, exclude=mask)
    same = (lists == sets.label[:, None]).all(axis=2)
    np.testing.assert_array_equal(sets.contains(ages.astype(float)), same)
    # Inside what an earlier release left open, too.
    left = found.compatible_sets(
        X,
        within=recommender(
            encoded(GaussianNB()),
            n_recommended=1,
            minimum=12,
            unit="length",
            bounds=(18, 77),
            domain="integer",
        )
        .fit(PEOPLE, FIRST)
        .compatible_sets(X),
        exclude=mask,
    )
    assert (left.component_length >= 9).all()


# Of any recommender


@pytest.mark.parametrize("model", [
    TopItemsRecommender(forest(), n_recommended=3), TopItemsRecommender(forest(), n_recommended=3, ordered=True),
    RobustPrivacyRecommender(forest(), n_recommended=3, noise_features=["age"], random_state=0),
    RobustPrivacyRecommender(forest(4), n_recommended=3, noise_features=["activity"], n_samples=60, method="monte_carlo", random_state=0),
    RobustPrivacyRecommender(forest(), n_recommended=3, voting="soft"),
    PopularRecommender(n_recommended=3),
])  # fmt: skip
def test_sets_of_any_recommender_by_brute_force(model):
    model.fit(NUMBERS, LIKED)
    X, ages = NUMBERS[:20], np.arange(18, 78)
    lists = everybody(model, X, "age", ages)
    own = model.predict(X)
    same = (lists == own[:, None]).all(axis=2)
    sets = compatible_sets(model, X, sensitive_feature="age", bounds=(18, 77))
    np.testing.assert_array_equal(sets.contains(ages.astype(float)), same)
    np.testing.assert_array_equal(sets.label, own)
    assert sets.reading == "every possible value"


def test_thresholds_of_a_model_of_lists_are_known():
    model = TopItemsRecommender(forest(), n_recommended=3).fit(NUMBERS, LIKED)
    sets = compatible_sets(model, NUMBERS[:30], sensitive_feature="activity", bounds=(-3.5, 3.5))
    assert sets.reading == "thresholds of the model"
    z = np.random.default_rng(0).uniform(-3.5, 3.5, 400)
    z.sort()
    lists = everybody(model, NUMBERS[:30], "activity", z)
    same = (lists == sets.label[:, None]).all(axis=2)
    np.testing.assert_array_equal(sets.contains(z), same)


def test_noise_on_another_feature_keeps_the_thresholds():
    model = RobustPrivacyRecommender(forest(), n_recommended=3, noise_features=["age"]).fit(
        NUMBERS, LIKED
    )
    sets = compatible_sets(model, NUMBERS[:5], sensitive_feature="activity", bounds=(-3.5, 3.5))
    assert sets.reading == "thresholds of the model"
    z = np.linspace(-3.5, 3.5, 100)
    same = (everybody(model, NUMBERS[:5], "activity", z) == sets.label[:, None]).all(axis=2)
    np.testing.assert_array_equal(sets.contains(z), same)


@pytest.mark.parametrize("sigmas", [None, [0.2, 0.6]])
def test_sets_of_certified_lists_along_a_number(sigmas):
    model = RobustPrivacyRecommender(forest(), n_recommended=3, noise_features=["activity"]).fit(
        NUMBERS, LIKED
    )
    found = compatible_sets(
        model, NUMBERS[:6], sensitive_feature="activity", bounds=(-3, 3), sigmas=sigmas
    )
    for sets, sigma in zip(found if sigmas else [found], sigmas or [model.sigma], strict=True):
        (other,) = model.at_levels(NUMBERS[:6], [sigma])
        z = np.linspace(-3, 3, 301)
        lists = everybody(other, NUMBERS[:6], "activity", z)
        same = (lists == sets.label[:, None]).all(axis=2)
        assert (sets.contains(z) == same).mean() > 0.995
        assert not (sets.contains(z) & ~same).any()
        # What is certified is true: no less inside, no more outside.
        share = same.mean(axis=1) * 6
        assert (sets.certified_inner <= share + 0.05).all()
        assert (sets.certified_outer >= share - 0.05).all()


# As any estimator


@pytest.mark.parametrize("model", [
    AttributePrivacyRecommender(forest(), sensitive_feature="age", n_recommended=3),
    RobustPrivacyRecommender(forest(), n_recommended=3, noise_features=["age"], random_state=0),
    AttributePrivacyRecommender(forest(), sensitive_feature="age", n_recommended=3, ordered=True),
])  # fmt: skip
def test_a_transformer_publishes_no_more_than_the_list_tells(model):
    apt = AttributePrivacyTransformer(
        model, sensitive_feature="age", include_prediction=True, bounds=(18, 77)
    )
    apt.fit(NUMBERS, LIKED)
    names = apt.get_feature_names_out().tolist()
    assert names == [
        "age_low",
        "age_high",
        "activity",
        "prediction_1",
        "prediction_2",
        "prediction_3",
    ]
    X = NUMBERS[:25]
    out = apt.transform(X)
    assert out.columns.tolist() == names
    told = apt.classes_[out[names[3:]].to_numpy().astype(int)]
    np.testing.assert_array_equal(told, apt.estimator_.predict(X))
    sets = apt.compatible_sets(X)
    for part in range(len(sets.row)):
        row = sets.row[part]
        for age in {int(sets.start[part]), int(sets.stop[part])}:
            other = apt.transform(X.iloc[[row]].assign(age=age))
            np.testing.assert_array_equal(other.to_numpy(), out.iloc[[row]].to_numpy())


def test_a_list_that_no_neighbour_has_cannot_be_published():
    class Spread(LinearRegression):
        def predict(self, X):
            at = np.asarray(X)[:, 1]
            return np.sin(1e6 * at[:, None] * np.arange(1, 17))

    apt = AttributePrivacyTransformer(
        TopItemsRecommender(Spread(), n_recommended=3), sensitive_feature="activity", resolution=8
    )
    with pytest.raises(ValueError, match="the list is not seen again"):
        apt.fit(NUMBERS, LIKED)


@pytest.mark.slow
def test_bits_do_not_depend_on_company_chunks_or_copies():
    found = recommender(encoded(MultiOutputClassifier(GaussianNB())), ordered=True).fit(
        PEOPLE, LIKED
    )
    lists = found.predict(PEOPLE)
    with config_context(working_memory=0.2):
        np.testing.assert_array_equal(found.predict(PEOPLE), lists)
    np.testing.assert_array_equal(
        [found.predict(PEOPLE[i : i + 1])[0] for i in range(20)], lists[:20]
    )
    again = pickle.loads(pickle.dumps(found))
    assert again.release_ == found.release_
    np.testing.assert_array_equal(again.predict(PEOPLE), lists)
    frozen = recommender(FrozenEstimator(found.estimator_.estimator_), ordered=True).fit(
        PEOPLE, LIKED
    )
    np.testing.assert_array_equal(frozen.predict(PEOPLE), lists)


def test_ties_between_items_are_the_first_ones():
    class Flat(LinearRegression):
        def predict(self, X):
            return np.tile([0.2, 0.7, 0.2, 0.2, 0.7], (len(X), 1))

    y = LIKED.to_numpy()[:, :5]
    assert (recommender(Flat()).fit(NUMBERS, y).predict(NUMBERS) == [0, 1, 4]).all()
    assert (recommender(Flat(), ordered=True).fit(NUMBERS, y).predict(NUMBERS) == [1, 4, 0]).all()


def test_score_is_precision_and_it_costs_little():
    found = recommender(minimum=10, unit="length").fit(PEOPLE, LIKED)
    lists = found.predict(PEOPLE)
    rows = np.arange(len(PEOPLE))[:, None]
    place = LIKED.columns.get_indexer(lists.ravel()).reshape(lists.shape)
    assert found.score(PEOPLE, LIKED) == pytest.approx(LIKED.to_numpy()[rows, place].mean())
    plain = TopItemsRecommender(encoded(forest()), n_recommended=3).fit(PEOPLE, LIKED)
    assert found.score(PEOPLE, LIKED) <= plain.score(PEOPLE, LIKED) + 1e-9
    popular = PopularRecommender(n_recommended=3).fit(PEOPLE, LIKED)
    assert found.score(PEOPLE, LIKED) > popular.score(PEOPLE, LIKED)


def test_popular_items_are_counted():
    found = PopularRecommender(n_recommended=4, ordered=True).fit(PEOPLE, LIKED)
    expected = LIKED.sum().sort_values(ascending=False, kind="stable").index[:4]
    assert (found.predict(PEOPLE[:3]) == expected.to_numpy()).all()
    weight = np.r_[np.ones(20), np.zeros(220)]
    found.fit(PEOPLE, LIKED, sample_weight=weight)
    expected = LIKED[:20].sum().sort_values(ascending=False, kind="stable").index[:4]
    assert (found.predict(PEOPLE[:3]) == expected.to_numpy()).all()
    mask = np.tile(LIKED.columns == expected[0], (3, 1))
    assert not (found.predict(PEOPLE[:3], exclude=mask) == expected[0]).any()
    labels = PopularRecommender(n_recommended=2, ordered=True).fit(PEOPLE, FIRST)
    top = np.argsort(-np.bincount(FIRST), kind="stable")[:2]
    assert (labels.predict(PEOPLE[:1]) == np.unique(FIRST)[top]).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_reach_the_model():
    weight = (PEOPLE["age"] < 45).to_numpy().astype(float)
    one = recommender(encoded(LogisticRegression()), n_recommended=1).fit(PEOPLE, FIRST)
    other = recommender(encoded(LogisticRegression()), n_recommended=1)
    other.fit(PEOPLE, FIRST, logisticregression__sample_weight=weight)
    assert (one.predict(PEOPLE) != other.predict(PEOPLE)).any()


def test_lists_of_many_categories_do_not_depend_on_other_rows():
    rng = np.random.default_rng(0)
    place = np.array([f"c{k:02d}" for k in range(13)])[rng.integers(13, size=240)]
    X = PEOPLE[["activity"]].assign(region=place)
    found = recommender(sensitive_feature="region", minimum=3, unit="categories").fit(X, LIKED)
    whole = found.predict(X)
    alone = [found.predict(X.iloc[[row]])[0] for row in range(60)]
    np.testing.assert_array_equal(whole[:60], alone)
    with config_context(working_memory=0.05):
        np.testing.assert_array_equal(found.predict(X), whole)


@pytest.mark.parametrize("prior", [["region"], "uniform", "empirical"])
def test_what_is_excluded_is_not_named_where_nobody_is(prior):
    """Weights vanish far from all people, and sums of nothing are equal."""
    model = encoded(MultiOutputClassifier(GaussianNB()))
    for k in (1, 2):
        found = recommender(
            model, sensitive_feature="activity", bounds=(-60, 60), minimum=0.05, prior=prior,
            n_recommended=k,
        ).fit(PEOPLE, LIKED)  # fmt: skip
        rows = PEOPLE.iloc[[0] * 121].assign(activity=np.linspace(-60, 60, 121))
        mask = np.tile(np.arange(16) % 3 == 0, (121, 1))
        assert not np.isin(found.predict(rows, exclude=mask), LIKED.columns[::3]).any()


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_units_of_the_scores_do_not_matter(scale, offset):
    plain = recommender(encoded(LinearRegression())).fit(PEOPLE, 1.0 * LIKED)
    other = recommender(encoded(LinearRegression())).fit(PEOPLE, scale * (LIKED + offset))
    same = (plain.predict(PEOPLE) == other.predict(PEOPLE)).all(axis=1)
    assert same.mean() > 0.95  # ties aside


def test_parameters_take_effect_when_fitting():
    found = recommender(n_recommended=4).fit(PEOPLE, LIKED)
    lists = found.predict(PEOPLE[:3])
    found.set_params(n_recommended=1)
    np.testing.assert_array_equal(found.predict(PEOPLE[:3]), lists)
    with pytest.raises(ValueError, match="fewer than n_recommended=4"):
        found.predict(PEOPLE[:1], exclude=np.arange(16)[None] > 1)


FITTED = recommender().fit(PEOPLE, LIKED)
REFUSED = [
    ("lists longer than the items", lambda: refit(recommender(n_recommended=17), PEOPLE, LIKED), ValueError, "n_recommended=17 is not allowed: there are 16 items"),
    ("a list's order that is no boolean", lambda: refit(recommender(ordered="yes"), PEOPLE, LIKED), ValueError, "ordered"),
    ("a mask for other rows", lambda: FITTED.predict(PEOPLE, exclude=np.zeros((2, 16))), ValueError, r"exclude has shape \(2, 16\)"),
    ("a mask of nearly everything", lambda: FITTED.predict(PEOPLE[:2], exclude=np.ones((2, 16))), ValueError, "fewer than n_recommended=3"),
    ("sets of other people", lambda: FITTED.predict(PEOPLE[:3], within=FITTED.compatible_sets(PEOPLE[:2])), ValueError, "within holds sets of 2 rows"),
    ("a mask of missing values", lambda: FITTED.predict(PEOPLE[:2], exclude=np.full((2, 16), np.nan)), ValueError, "exclude holds float64 values, or missing ones"),
    ("a mask of words", lambda: FITTED.predict(PEOPLE[:1], exclude=pd.DataFrame({"item_00": ["no"]})), ValueError, "give a matrix of booleans"),
    ("a mask of other names", lambda: FITTED.predict(PEOPLE[:1], exclude=pd.DataFrame({0: [True]})), ValueError, r"exclude has the columns \[0\]: give each item once"),
    ("a recommender without scores in another", lambda: refit(recommender(PopularRecommender()), PEOPLE, LIKED), ValueError, "gives no scores: wrap the model inside it"),
    ("scores of pairs of labels", lambda: refit(recommender(encoded(SVC(decision_function_shape="ovo"))), PEOPLE, FIRST), ValueError, "gives 10 scores for 5 labels"),
    ("a list and a tolerance", lambda: compatible_sets(FITTED, PEOPLE, sensitive_feature="age", tolerance=1.0), ValueError, "tolerance"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_thresholds_of_one_model_a_column_are_known():
    inner = MultiOutputClassifier(HistGradientBoostingClassifier(max_iter=4, random_state=0))
    model = TopItemsRecommender(inner, n_recommended=3).fit(NUMBERS, LIKED)
    sets = compatible_sets(model, NUMBERS[:8], sensitive_feature="activity", bounds=(-3.5, 3.5))
    assert sets.reading == "thresholds of the model"
    z = np.linspace(-3.5, 3.5, 301)
    same = (everybody(model, NUMBERS[:8], "activity", z) == sets.label[:, None]).all(axis=2)
    np.testing.assert_array_equal(sets.contains(z), same)
