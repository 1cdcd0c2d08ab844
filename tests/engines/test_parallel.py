"""Rows shared among processes: the same bits, clear errors."""

import os
import signal

import numpy as np
import pandas as pd
import pytest
import small
from joblib import parallel_config
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from small import Base

from sklearn_rp import (
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import compatible_sets

X, Y = load_breast_cancer(return_X_y=True)
ROWS = X[:97]
LETTERS = pd.DataFrame({"letter": np.array(list("abcd"))[np.arange(len(X)) % 4]})
FOREST = FrozenEstimator(RandomForestClassifier(10, random_state=0).fit(X, Y))
ENGINES = {
    "linear": (make_pipeline(StandardScaler(), LogisticRegression()), {}),
    "trees": (FOREST, {"voting": "soft"}),
    "sweep": (FOREST, {"noise_features": [0]}),
    "two": (FOREST, {"noise_features": [0, 7]}),
    "monte_carlo": (GaussianNB(), {"n_samples": 200}),
    "linear votes": (LogisticRegression(max_iter=5000), {"method": "monte_carlo"}),
    "tree votes": (DecisionTreeClassifier(random_state=0), {"method": "monte_carlo"}),
    "fresh": (GaussianNB(), {"resample": True, "n_samples": 60}),
    "fresh, one generator a row": (GaussianNB(), {"resample": True, "n_samples": 9000}),
}


def everything(name, n_jobs):
    model, arguments = ENGINES[name]
    clf = RobustPrivacyClassifier(model, random_state=0, n_jobs=n_jobs, **arguments).fit(X, Y)
    return [
        clf.predict(ROWS),
        clf.predict_proba(ROWS),
        *(cert.radius for cert in clf.certify_path(ROWS, [0.2, 0.6])),
    ]


LONG = ("fresh, one generator a row",)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in LONG else ()) for n in ENGINES]
)
def test_the_same_bits_for_any_number_of_processes(name):
    for one, several in zip(everything(name, 1), everything(name, 2), strict=True):
        np.testing.assert_array_equal(one, several)


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_fresh_noise_has_the_same_bits_for_any_chunk(voting, monkeypatch):
    def one():
        clf = RobustPrivacyClassifier(
            GaussianNB(), n_samples=300, resample=True, random_state=0, voting=voting
        )
        return clf.fit(X, Y).predict_proba(ROWS)

    whole = one()
    monkeypatch.setattr("sklearn_rp.rows._CHUNK_BYTES", 20_000)
    np.testing.assert_array_equal(whole, one())


def test_categories():
    rows = LETTERS.assign(x=X[:, 0])
    model = make_pipeline(OrdinalEncoder(), DecisionTreeClassifier(random_state=0))
    found = [
        RobustPrivacyClassifier(model, noise_features=["letter"], n_jobs=n_jobs)
        .fit(rows, Y)
        .certify(rows.head(30))
        for n_jobs in (1, 2)
    ]
    np.testing.assert_array_equal(found[0].radius, found[1].radius)


MODELS = {
    "boosting": HistGradientBoostingClassifier(max_iter=10, random_state=0).fit(X, Y),
    "bayes": GaussianNB().fit(X, Y),
    "swept": RobustPrivacyClassifier(FOREST, noise_features=[0], random_state=0).fit(X, Y),
    "voted": RobustPrivacyClassifier(FOREST, n_samples=50, random_state=0).fit(X, Y),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_compatible_sets(name):
    few = ROWS[:12] if name == "voted" else ROWS
    one, several = (
        compatible_sets(MODELS[name], few, sensitive_feature=0, n_jobs=n_jobs, resolution=32)
        for n_jobs in (1, 3)
    )
    assert len(one) == len(several) == len(few)
    for field in ("label", "row", "start", "stop", "own", "certified_inner", "certified_outer"):
        np.testing.assert_array_equal(getattr(one, field), getattr(several, field))


def test_the_transformer_and_its_sets():
    apt = [
        AttributePrivacyTransformer(MODELS["swept"], sensitive_feature=0, n_jobs=n).fit(X, Y)
        for n in (1, 2)
    ]
    np.testing.assert_array_equal(apt[0].transform(ROWS), apt[1].transform(ROWS))
    two = [each.compatible_sets(ROWS, sigmas=[0.2, 0.5])[1].length for each in apt]
    np.testing.assert_array_equal(*two)


def test_the_backend_is_the_users():
    clf = MODELS["voted"]
    with parallel_config(backend="threading", n_jobs=2):
        np.testing.assert_array_equal(clf.predict_proba(ROWS), MODELS["voted"].predict_proba(ROWS))


def test_few_rows_need_no_more_processes_than_rows():
    clf = RobustPrivacyClassifier(GaussianNB(), n_samples=20, n_jobs=8, random_state=0).fit(X, Y)
    assert len(clf.certify(X[:1])) == 1


class Dies(Base):
    def __init__(self, main=None):
        self.main = main

    def predict(self, X):
        if os.getpid() != self.main:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(X)


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_worker():
    clf = small.fitted(Dies(os.getpid()), n_jobs=2)
    with pytest.raises(RuntimeError, match="A process of n_jobs=2 died"):
        clf.certify(small.X)
    clf.set_params(n_jobs=1)
    assert len(small.fitted(Dies(os.getpid())).certify(small.X)) == 80
    assert clf.predict(small.X[:1]).shape == (
        1,
    )  # one row needs no worker: the object is as it was


def test_forest_with_many_jobs_leaves_no_state():
    clf = RobustPrivacyClassifier(
        FrozenEstimator(RandomForestClassifier(5, random_state=0).fit(small.X, small.Y)),
        n_jobs=2,
        **small.VOTES,
    ).fit(small.X, small.Y)
    before = set(vars(clf))
    clf.certify(small.X)
    assert set(vars(clf)) == before
