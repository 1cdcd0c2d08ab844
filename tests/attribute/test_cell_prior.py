"""Priors that are learnt: what the other features tell, and never the own value."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
)


def task(seed, n=80, n_classes=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    score = np.sin(4 * X[:, 1]) + X[:, 0] + 0.3 * rng.normal(size=n)
    return X, np.digitize(score, np.linspace(-1, 1, n_classes + 1)[1:-1])


PRIORS = {
    "conditional": "conditional",
    "empirical": "empirical",
    "uniform": "uniform",
    "columns": [2],
    "density": KernelDensity(bandwidth=0.5),
    "regressor": LinearRegression(),
    "classifier": DecisionTreeClassifier(max_depth=3, random_state=0),
}


def related(n=120, integers=False):
    """Rows whose sensitive feature, the second, has to do with the others; and labels."""
    X, y = task(1, n=n)
    X[:, 2] = X[:, 2] > 0
    X[:, 1] += X[:, 0] + X[:, 2]
    if integers:
        X[:, 1] = np.round(4 * X[:, 1])
    return X, y


@pytest.mark.parametrize("prior", ["conditional", "empirical", "classifier"])
def test_a_learnt_prior_weighs_its_rows(prior):
    X, y = related()
    low = X[:, 1] < np.median(X[:, 1])
    apc = AttributePrivacyClassifier(sensitive_feature=1, prior=PRIORS[prior], random_state=0)
    alike = apc.fit(X, y).attribute_prior(X)
    heavy = apc.fit(X, y, sample_weight=np.where(low, 50.0, 1.0)).attribute_prior(X)
    below = alike.values < np.median(X[:, 1])
    assert 0.3 < alike.weights[:, below].sum(axis=1).mean() < 0.7
    assert heavy.weights[:, below].sum(axis=1).mean() > 0.85


@pytest.mark.parametrize("prior", PRIORS)
def test_no_prior_looks_at_the_own_value(prior):
    X, y = related()
    apc = AttributePrivacyClassifier(
        sensitive_feature=1, prior=PRIORS[prior], resolution=50, random_state=0
    ).fit(X, y)
    before = apc.attribute_prior(X).weights
    moved = X.copy()
    moved[:, 1] = np.random.default_rng(0).permutation(X[:, 1])
    assert np.array_equal(apc.attribute_prior(moved).weights, before)
    one_by_one = [apc.attribute_prior(x[None]).weights[0] for x in X[:9]]
    assert np.array_equal(one_by_one, before[:9])
    assert (before > 0).all()
    assert before.sum(axis=1) == pytest.approx(np.ones(len(X)))


def two_groups(n=200):
    """A sensitive feature, below 1 or above 9, that the other one all but gives away."""
    group = np.arange(n) % 2
    part = np.where(np.arange(n) % 20 == 0, 1, group)  # a tree that looks for it splits the feature
    z = np.random.default_rng(0).uniform(size=n) + 9 * part
    return np.column_stack([z, group]), part


@pytest.mark.parametrize(
    "prior", ["conditional", LinearRegression(), DecisionTreeClassifier(random_state=0)]
)
def test_a_learnt_prior_knows_what_the_other_features_tell(prior):
    X, y = two_groups()
    apc = AttributePrivacyClassifier(
        DecisionTreeClassifier(random_state=0),
        sensitive_feature=0,
        minimum=1.0,
        prior=prior,
        domain="continuous",
        random_state=0,
    ).fit(X, y)
    known = apc.attribute_prior(X)
    upper = known.weights[:, known.values > 5].sum(axis=1)
    assert (np.abs(upper - X[:, 1]) < 0.2).all()
    # One answer for all values of the feature: the one for the values that such people have.
    assert np.array_equal(apc.predict(X), X[:, 1])


def test_a_learnt_prior_of_categories():
    X, y = two_groups()
    X = pd.DataFrame({"part": np.where(X[:, 0] > 5, "high", "low"), "group": X[:, 1]})
    columns = ColumnTransformer([("c", OneHotEncoder(), ["part"])], remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeClassifier(random_state=0))
    for prior in ("conditional", GaussianNB()):
        apc = AttributePrivacyClassifier(model, sensitive_feature="part", prior=prior)
        known = apc.fit(X, y).attribute_prior(X)
        assert known.values.tolist() == ["high", "low"]
        assert (np.abs(known.weights[:, 0] - X["group"]) < 0.2).all()


def test_a_prior_is_learnt_from_text_and_around_gaps():
    X, y = two_groups()
    frame = pd.DataFrame(
        {
            "z": X[:, 0],
            "text": np.where(X[:, 1] == 1, "yes", "no"),
            "gaps": np.where(np.arange(len(X)) % 3 == 0, np.nan, 1.0),
            "none": pd.Series(["a", None] * (len(X) // 2), dtype=object),
            "whole": pd.array([1, None] * (len(X) // 2), dtype="Int64"),
        }
    )
    model = make_pipeline(
        ColumnTransformer([("z", "passthrough", ["z"])]), DecisionTreeClassifier(random_state=0)
    )
    apc = AttributePrivacyClassifier(model, sensitive_feature="z", minimum=1.0, random_state=0)
    apc.fit(frame, y)
    assert np.array_equal(apc.predict(frame), X[:, 1])
    pl = pytest.importorskip("polars")
    other = pl.DataFrame({"z": X[:, 0], "text": frame["text"].tolist()})
    assert np.array_equal(clone(apc).fit(other, y).predict(other), X[:, 1])
    objects = np.array(frame[["z", "text"]], dtype=object)
    bare = AttributePrivacyClassifier(
        make_pipeline(ColumnTransformer([("z", "passthrough", [0])]), GaussianNB()),
        sensitive_feature=0,
        minimum=1.0,
        resolution=20,
        random_state=0,
    ).fit(objects, y)
    assert np.array_equal(bare.predict(objects), X[:, 1])
    unseen = frame.assign(text="never seen")
    assert apc.predict(unseen).shape == y.shape


def test_the_population_is_the_prior_where_nothing_can_be_learnt():
    X, y = two_groups()
    rows = np.r_[:8, 100:108]
    for some, labels in ((X[:, :1], y), (X[rows], y[rows])):
        learnt, everybody = (
            AttributePrivacyClassifier(sensitive_feature=0, prior=prior)
            .fit(some, labels)
            .attribute_prior(some)
            .weights
            for prior in ("conditional", "empirical")
        )
        assert np.array_equal(learnt, everybody)
