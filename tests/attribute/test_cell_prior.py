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

from attribute.tasks import related, two_groups
from sklearn_rp import (
    AttributePrivacyClassifier,
)

PRIORS = {
    "conditional": "conditional",
    "empirical": "empirical",
    "uniform": "uniform",
    "columns": [2],
    "density": KernelDensity(bandwidth=0.5),
    "regressor": LinearRegression(),
    "classifier": DecisionTreeClassifier(max_depth=3, random_state=0),
}


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


class InAColumn(LinearRegression):
    """Answers in a column, as some regressors do."""

    def predict(self, X):
        return super().predict(X).reshape(-1, 1)


def test_a_prior_by_a_regressor_that_answers_in_a_column():
    X, y = related()
    asked = {"sensitive_feature": 1, "minimum": 0.3}
    plain, column = (
        AttributePrivacyClassifier(GaussianNB(), prior=prior, **asked).fit(X, y).attribute_prior(X)
        for prior in (LinearRegression(), InAColumn())
    )
    np.testing.assert_array_equal(plain.weights, column.weights)
