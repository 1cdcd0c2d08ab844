"""Which values of a feature are possible: found, said, and counted."""

import numpy as np
import pandas as pd
import pytest
from attribute.tasks import Where, codes
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.domain import extent
from sklearn_rp.feature import Feature

CODE_MODELS = {
    "categorical splits": HistGradientBoostingClassifier(categorical_features=[0], random_state=0),
    "one-hot": make_pipeline(
        ColumnTransformer([("c", OneHotEncoder(), [0])], remainder="passthrough"),
        LogisticRegression(C=100),
    ),
    "tree": DecisionTreeClassifier(random_state=0),
}


@pytest.mark.parametrize("kind", ["array", "frame", "integers"])
@pytest.mark.parametrize("name", CODE_MODELS)
def test_sets_of_whole_numbers_hold_whole_numbers(name, kind):
    X, y = codes()
    if kind == "frame":
        X = pd.DataFrame(X, columns=["0", "1"]).astype({"0": "int16"})
    elif kind == "integers":
        X = np.column_stack([X[:, 0], X[:, 1] > 0]).astype(int)
    model = CODE_MODELS[name].fit(np.asarray(X) if kind == "frame" else X, y)
    rows = np.asarray(X) if kind == "frame" else X
    sets = compatible_sets(model, rows, sensitive_feature=0)
    assert sets.domain == "integer"
    assert sets.span == 6
    assert sets.holds_own.sum() == len(X)
    for label, intervals in zip(sets.label, sets.intervals, strict=True):
        ones = [(1.0, 1.0), (4.0, 4.0)]
        assert intervals == (ones if label else [(0.0, 0.0), (2.0, 3.0), (5.0, 5.0)])
    assert np.array_equal(sets.length, np.where(y == 1, 2.0, 4.0))
    uniform = {float(value): 1 / 6 for value in range(6)}
    before, after = sets.bayes_vulnerability(uniform)
    assert before == pytest.approx(np.full(len(X), 1 / 6))
    assert after == pytest.approx(np.where(y == 1, 1 / 2, 1 / 4))
    apt = AttributePrivacyTransformer(FrozenEstimator(model), sensitive_feature=0).fit(rows, y)
    out = apt.transform(rows)
    assert {tuple(pair) for pair in out[y == 1, :2]} == {(1.0, 4.0)}


def test_the_domain_is_found_or_said():
    whole = np.column_stack([np.arange(30.0), np.ones(30)])
    domain = lambda X, **arguments: Feature.from_data(X, 0, None, **arguments).domain  # noqa: E731
    assert domain(whole) == "integer"
    assert domain(whole[:5]) == "continuous"  # five floats prove nothing
    assert domain(whole[:5].astype(int)) == "integer"
    assert domain(whole + 0.5) == "continuous"
    assert domain(whole, domain="continuous") == "continuous"
    assert domain(whole[:3], domain=[0, 1, 2, 7]).tolist() == [0, 1, 2, 7]
    assert domain(whole[:5].astype(object)) == "continuous"
    assert domain(whole[:5].astype(int).astype(object)) == "integer"
    nullable = pd.DataFrame({"a": pd.array([1, 2, 3], dtype="Int64"), "b": [0.5, 0.5, 1]})
    assert domain(nullable) == "integer"
    feature = Feature.from_data(whole, 0, (-3.5, 40.2))
    assert (feature.low, feature.high, feature.span) == (-3.0, 40.0, 44.0)


def test_extents_count_what_is_possible():
    start, stop = np.array([1.0, 2.0]), np.array([1.0, 7.0])
    assert extent(start, stop, "continuous").tolist() == [0, 5]
    assert extent(start, stop, "integer").tolist() == [1, 6]
    assert extent(start, stop, np.array([1.0, 2.0, 4.0, 9.0])).tolist() == [1, 2]


BAD = [
    ({"domain": "whole"}, ValueError, "'auto', 'continuous', 'integer'"),
    ({"domain": [1]}, ValueError, "at least two"),
    ({"domain": [0, 1, 2]}, ValueError, "only the numbers given are possible"),
    ({"domain": [0, 9], "bounds": (0, 10)}, ValueError, "contradict each other"),
    ({"domain": "integer", "bounds": (1, 3)}, ValueError, "outside bounds"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD)
def test_a_domain_that_is_not_allowed(arguments, error, message):
    X, y = codes()
    model = DecisionTreeClassifier().fit(X, y)
    with pytest.raises(error, match=message):
        compatible_sets(model, X, sensitive_feature=0, **arguments)
    for kind in (AttributePrivacyTransformer, AttributePrivacyClassifier):
        estimator = kind(FrozenEstimator(model), sensitive_feature=0, **arguments)
        with pytest.raises(error, match=message):
            estimator.fit(X, y)
        assert not hasattr(estimator, "estimator_")
    with pytest.raises(ValueError, match="only whole numbers are possible"):
        compatible_sets(model, X + 0.5, sensitive_feature=0, domain="integer")
    frame = pd.DataFrame({"c": ["a", "b"] * 5, "x": range(10)})
    with pytest.raises(ValueError, match="categorical feature 'c'"):
        compatible_sets(model, frame, sensitive_feature="c", domain="integer")


def test_a_list_of_possible_numbers():
    X = np.column_stack([np.resize([1.0, 2.5, 10.0, 50.0], 40), np.arange(40.0)])
    model = Where(lambda x: (x > 2) & (x < 20)).fit(X)
    sets = compatible_sets(model, X, sensitive_feature=0, domain=[1, 2.5, 10, 50, 99])
    assert sets.intervals[1] == [(2.5, 10.0)]
    assert sets.intervals[0] == [(1.0, 1.0), (50.0, 99.0)]
    assert sets.length[:4].tolist() == [3, 2, 2, 3]
    assert sets.component_length[:4].tolist() == [1, 2, 2, 2]
    apc = AttributePrivacyClassifier(
        FrozenEstimator(model), sensitive_feature=0, domain=[1, 2.5, 10, 50, 99], minimum=0.4
    ).fit(X, model.predict(X))
    assert apc.minimum_ == 2
    assert apc.compatible_sets(X).component_length.min() >= 2


@pytest.mark.parametrize("model", [DecisionTreeClassifier(random_state=0), KNeighborsClassifier(1)])
def test_whole_numbers_too_many_to_ask_about_each(model):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 100_000, 500), rng.normal(size=500)])
    y = ((X[:, 0] // 10_000) % 2).astype(int)
    model.fit(X, y)
    arguments = {"sensitive_feature": 0, "bounds": (0, 99_999)}
    sets = compatible_sets(model, X[:40], **arguments)
    assert sets.span == 100_000
    assert sets.holds_own.sum() == 40
    for i, intervals in enumerate(sets.intervals):
        ends = np.array(intervals)
        assert np.array_equal(ends, np.round(ends))
        probe = np.repeat(X[i : i + 1], len(intervals), axis=0)
        for side, step in ((0, -1), (1, 1)):  # the end is in the set, the next number is not
            probe[:, 0] = ends[:, side]
            assert (model.predict(probe) == sets.label[i]).all()
            probe[:, 0] += step
            within = (probe[:, 0] >= 0) & (probe[:, 0] <= 99_999)
            assert (model.predict(probe[within]) != sets.label[i]).all()
    apc = AttributePrivacyClassifier(FrozenEstimator(model), minimum=0.2, **arguments).fit(X, y)
    assert apc.minimum_ == 20_000
    assert apc.compatible_sets(X[:40]).component_length.min() >= 20_000


def test_what_is_not_possible_is_taken_for_what_is_without_a_word():
    X, y = codes()
    frame = pd.DataFrame({"code": [f"c{int(v)}" for v in X[:, 0]], "x": X[:, 1]})
    frame.loc[:20, "code"] = "c3"  # the commonest
    encoder = ColumnTransformer([("c", OneHotEncoder(), ["code"])], remainder="passthrough")
    model = make_pipeline(encoder, LogisticRegression())
    for kind in (AttributePrivacyTransformer, AttributePrivacyClassifier):
        estimator = kind(model, sensitive_feature="code").fit(frame, y)
        answer = getattr(estimator, "transform", getattr(estimator, "predict", None))
        strange = answer(frame.assign(code="secret illness"))
        commonest = answer(frame.assign(code="c3"))
        assert np.array_equal(np.asarray(strange), np.asarray(commonest))
    for value, nearest in ((2.4, 2.0), (-7.0, 0.0), (99.0, 5.0)):
        for kind in (AttributePrivacyTransformer, AttributePrivacyClassifier):
            estimator = kind(DecisionTreeClassifier(), sensitive_feature=0).fit(X, y)
            answer = getattr(estimator, "transform", getattr(estimator, "predict", None))
            rows = X.copy()
            rows[:, 0] = value
            given = answer(rows)
            rows[:, 0] = nearest
            assert np.array_equal(given, answer(rows))
