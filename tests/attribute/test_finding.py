"""The domain of a sensitive feature: what is possible is counted and read, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from attribute.tasks import Where
from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import PrivacyWarning

# --- every row is in its own set ------------------------------------------------------------------


def test_a_value_that_a_step_treats_apart():
    """Zero stands for missing: the label of 0 is that of 5."""
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, size=(600, 2))
    X[rng.random(600) < 0.3, 0] = 0.0
    y = (np.where(X[:, 0] == 0, 5, X[:, 0]) > 3).astype(int)
    imputer = SimpleImputer(missing_values=0, strategy="constant", fill_value=5.0)
    model = make_pipeline(imputer, DecisionTreeClassifier(max_depth=1)).fit(X, y)
    for rows in (X, X[X[:, 0] == 0][:1], X[:1]):
        sets = compatible_sets(model, rows, sensitive_feature=0, bounds=(-9, 12))
        assert np.array_equal(sets.label, model.predict(rows))
        assert sets.contains(np.array([0.0]))[:, 0].tolist() == (sets.label == 1).tolist()
        assert sets.holds_own.sum() == len(rows)
        below = [pair for pair in sets.intervals[np.argmin(sets.label)] if pair[0] < 0]
        if sets.label.min() == 0:  # up to the last double below zero
            assert below == [(-9.0, -np.nextafter(0, 1))]


def test_sets_say_how_they_were_found():
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, size=(300, 2))
    X[rng.random(300) < 0.3, 0] = 0.0
    y = (X[:, 0] > 3).astype(int)
    arguments = {"sensitive_feature": 0, "bounds": (-9, 12)}
    tree = DecisionTreeClassifier(max_depth=2).fit(X, y)
    assert compatible_sets(tree, X, **arguments).reading == "thresholds of the model"
    imputer = SimpleImputer(missing_values=0, strategy="constant", fill_value=5.0)
    sentinel = make_pipeline(imputer, DecisionTreeClassifier(max_depth=2)).fit(X, y)
    assert compatible_sets(sentinel, X, **arguments).reading.startswith("search (")
    whole = compatible_sets(tree, X.round(), **arguments)
    assert whole.reading == "every possible value"
    assert whole.intersect(whole[np.arange(300)]).reading == "every possible value"
    apc = AttributePrivacyClassifier(tree, **arguments).fit(X, y)
    assert apc.compatible_sets(X).reading == "its own labelling"


def test_gaps_elsewhere_in_the_first_row_are_no_hindrance():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=99), "b": pd.array(rng.integers(0, 9, 99), "Int64")})
    X.loc[0, "b"] = pd.NA
    tree = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=5)
    tree.fit(X.astype(float), X["a"] > 0)
    sets = compatible_sets(tree, X, sensitive_feature="a")
    assert sets.reading == "thresholds of the model"
    assert sets.holds_own.sum() == 99


def test_ends_are_the_last_doubles():
    cut = 1 / 3
    X = np.random.default_rng(0).normal(size=(100, 2))
    model = Where(lambda x: x > cut).fit(X)
    sets = compatible_sets(model, X, sensitive_feature=0, bounds=(-5, 5))
    low, high = sets.own_interval()
    above = sets.label == 1
    assert set(low[above]) == {np.nextafter(cut, 1)}
    assert set(high[~above]) == {cut}
    tiny = Where(lambda x: x > 0).fit(X)  # where doubles are densest
    low, high = compatible_sets(tiny, X, sensitive_feature=0, bounds=(-5, 5)).own_interval()
    assert set(low) == {-5.0, np.nextafter(0, 1)}
    assert set(high) == {0.0, 5.0}


def test_a_band_that_only_its_own_row_sees():
    X = np.random.default_rng(0).uniform(0, 10, size=(50, 2))
    X[0, 0] = 3.0001
    band = Where(lambda x: (x > 3) & (x < 3.0002)).fit(X)
    sets = compatible_sets(band, X, sensitive_feature=0, bounds=(0, 10), resolution=16)
    assert sets.label[0] == 1
    assert sets.holds_own.sum() == 50
    assert sets.intervals[0] == [(np.nextafter(3, 4), np.nextafter(3.0002, 0))]
    assert sets.component_length[0] == pytest.approx(0.0002)


def test_training_rows_outside_their_own_published_set_make_the_reading_finer():
    X = np.random.default_rng(0).uniform(0, 10, size=(200, 2))
    stripes = Where(lambda x: np.floor(4 * x) % 2 == 0).fit(X)
    y = stripes.predict(X)
    arguments = {"sensitive_feature": 0, "bounds": (0, 10), "domain": "continuous"}
    apt = AttributePrivacyTransformer(FrozenEstimator(stripes), resolution=8, **arguments)
    sets = apt.fit(X, y).compatible_sets(X)
    assert sets.holds_own.sum() == 200
    assert np.array_equal(sets.n_components, 20 + sets.label)  # 10 itself begins a stripe
    hairs = Where(lambda x: np.floor(4000 * x) % 2 == 0).fit(X)
    apt = AttributePrivacyTransformer(FrozenEstimator(hairs), resolution=4, **arguments)
    with pytest.warns(PrivacyWarning, match="not in their own sets of 'x0'"):
        apt.fit(X, hairs.predict(X))


def test_a_smoothed_model_changes_along_other_features_where_its_trees_do():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(0, 10, 400), rng.normal(size=400)])
    y = (np.floor(8 * X[:, 0]) % 2 == (X[:, 1] > 0)).astype(int)
    tree = DecisionTreeClassifier(random_state=0)
    clf = RobustPrivacyClassifier(tree, noise_features=[1]).fit(X, y)
    arguments = {"sensitive_feature": 0, "bounds": (0, 10), "domain": "continuous"}
    sets = compatible_sets(clf, X, resolution=4, **arguments)
    assert sets.holds_own.sum() == 400
    assert np.array_equal(sets.certified_inner, sets.certified_outer)
    z = np.linspace(0, 10, 997)
    for row, inside in zip(X[:20], sets.contains(z)[:20], strict=True):
        copies = np.column_stack([z, np.full(len(z), row[1])])
        assert np.array_equal(inside, clf.predict(copies) == clf.predict(row[None]))


# --- minimums -------------------------------------------------------------------------------------


# --- what is not possible -------------------------------------------------------------------------


# --- priors that know nothing of a set ------------------------------------------------------------


def test_a_set_without_prior_mass_is_no_safe_one():
    X = np.column_stack([np.linspace(0, 10, 21), np.zeros(21)])
    model = Where(lambda x: (x > 4.6) & (x < 4.9)).fit(X)
    rows = np.array([[4.7, 0.0], [1.0, 0.0]])
    sets = compatible_sets(model, rows, sensitive_feature=0, bounds=(0, 10), domain="continuous")
    prior = np.arange(0, 11.0)  # nobody between 4 and 5
    before, after = sets.bayes_vulnerability(prior, tolerance=0.25)
    assert before == pytest.approx([1 / 11, 1 / 11])
    assert after == pytest.approx([1.0, 1 / 11])  # every guess inside is right within 0.25
    before, after = sets.bayes_vulnerability(prior, tolerance=0.05)
    assert after[0] == pytest.approx(1 / 3, rel=1e-6)
    assert sets.prior_mass(prior)[0] == 0
    assert sets.posterior_entropy(prior)[0] == 0
    posterior = sets.posterior(prior)
    assert posterior[0].argmax() == 5  # 5 is nearer to (4.6, 4.9) than 4
    assert posterior.sum(axis=1) == pytest.approx([1, 1])


def test_the_best_guess_inside_a_set_of_several_parts():
    X = np.arange(20.0)[:, None] * [1, 0]
    model = Where(lambda x: np.isin(x, [3, 4, 6, 15])).fit(X)
    sets = compatible_sets(model, X.astype(int), sensitive_feature=0)
    held = sets[sets.label == 1]
    nowhere = {100.0: 1.0}
    for tolerance, best in ((0, 1 / 4), (0.5, 2 / 4), (1, 2 / 4), (1.5, 3 / 4), (6, 1.0)):
        _, after = held.bayes_vulnerability(nowhere, tolerance=tolerance)
        assert after == pytest.approx(np.maximum(np.full(4, best), 1.0))  # the prior is sure
    unsure = {100.0 + 10 * k: 0.1 for k in range(10)}
    for tolerance, best in ((0, 1 / 4), (0.5, 2 / 4), (1, 2 / 4), (1.5, 3 / 4), (6, 1.0)):
        _, after = held.bayes_vulnerability(unsure, tolerance=min(tolerance, 4))
        wide = 1.0 if tolerance > 4 else best
        expected = 3 / 4 if tolerance > 4 else wide
        assert after == pytest.approx(np.full(4, expected))


def test_intersections_of_closed_stretches():
    X = np.arange(12.0)[:, None] * [1, 0]
    X = X.astype(int)
    one = compatible_sets(Where(lambda x: x >= 4).fit(X), X, sensitive_feature=0)
    two = compatible_sets(Where(lambda x: (x >= 8) | (x == 4)).fit(X), X, sensitive_feature=0)
    both = one.intersect(two)
    assert both.intervals[4] == [(4.0, 4.0), (8.0, 11.0)]
    assert both.intervals[5] == [(5.0, 7.0)]
    assert both.intervals[0] == [(0.0, 3.0)]
    assert both.length[[0, 4, 5]].tolist() == [4, 5, 3]
    other = compatible_sets(LinearRule((1.0, 0)).fit(X), X * 1.0, sensitive_feature=0)
    with pytest.raises(ValueError, match="different domains"):
        one.intersect(other)


@pytest.mark.parametrize("edges", [(22.5, 25.5), (27.0, 31.5), (36.0, 36.2)])
def test_a_band_that_begins_at_a_point_of_the_grid(edges):
    """There the smoothed label is a tie, with no ball: the gap beside it was never looked into."""
    ages = np.linspace(18, 90, 1441)[:, None]
    inside = (ages[:, 0] >= edges[0]) & (ages[:, 0] < edges[1])
    rule = Between(*edges).fit(ages, inside.astype(int))
    clf = RobustPrivacyClassifier(FrozenEstimator(rule), sigma=0.001, noise_scale=None)
    clf.fit(ages, inside.astype(int))
    rows = np.array([[np.mean(edges)], [80.0]])
    for bounds in ((18, 90), (0, 90)):
        sets = compatible_sets(clf, rows, sensitive_feature=0, bounds=bounds)
        length = edges[1] - edges[0]
        cell = 1.5 * 72 / 256  # the smoothed classifier is that of the model read on 256 cells
        assert sets.length == pytest.approx([length, bounds[1] - bounds[0] - length], abs=cell)


class Between(LinearRule):
    """Label 1 in a band."""

    def __init__(self, low=0.0, high=1.0):
        super().__init__()
        self.low, self.high = low, high

    def predict(self, X):
        value = np.asarray(X)[:, 0]
        return ((value >= self.low) & (value < self.high)).astype(int)


def test_rows_that_take_many_balls_are_looked_at_a_few_at_a_time(monkeypatch):
    """What is held at once changes nothing of the answer."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    clf = RobustPrivacyClassifier(tree, noise_features=[0], sigma=0.2).fit(X, X[:, 0] > 0)
    asked = {"sensitive_feature": 0, "bounds": (-200, 200)}
    whole = compatible_sets(clf, X[:20], **asked)
    monkeypatch.setattr("sklearn_rp.attribute.search._POINTS", 1000)
    parts = compatible_sets(clf, X[:20], **asked)
    for name in ("row", "start", "stop", "certified_inner", "certified_outer"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    lengths = whole.length
    assert (whole.certified_inner > lengths - 1e-3).all()
