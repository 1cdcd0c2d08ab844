"""The fitted release: immutable, shared by threads, asked by everything that builds on it."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import AttributePrivacyClassifier, RobustPrivacyClassifier, certify
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import RandomizedResponseClassifier
from sklearn_rp.law import next_seed
from sklearn_rp.release import release_of

X, Y = load_iris(return_X_y=True)
TREE = DecisionTreeClassifier(max_depth=3, random_state=0)


def smoothed(**parameters):
    parameters = {"n_samples": 200, "random_state": 0} | parameters
    return RobustPrivacyClassifier(TREE, **parameters).fit(X, Y)


RELEASES = {
    "votes": lambda: smoothed(method="monte_carlo"),
    "exact": lambda: smoothed(noise_features=[2]),
    "fallback": lambda: smoothed(fallback=-1, min_radius=0.2, method="monte_carlo"),
    "minimum": lambda: AttributePrivacyClassifier(TREE, sensitive_feature=2).fit(X, Y),
}


@pytest.mark.parametrize("name", RELEASES)
def test_it_releases_what_the_estimator_predicts(name):
    clf = RELEASES[name]()
    release = clf.release_
    np.testing.assert_array_equal(release.release(clf.checked_rows(X)), clf.predict(X))
    assert not release.is_random
    assert set(clf.predict(X).tolist()) <= set(release.symbols.tolist())
    assert (release.fallback is not None) == (name == "fallback")


@pytest.mark.parametrize("name", RELEASES)
def test_it_does_not_change(name):
    """Neither by an assignment nor by parameters that are set after the fit."""
    clf = RELEASES[name]()
    with pytest.raises(FrozenInstanceError):
        clf.release_.model = None
    before, label = pickle.dumps(clf.release_), clf.predict(X)
    clf.set_params(**({"minimum": 0.9} if name == "minimum" else {"sigma": 9.0, "alpha": 0.5}))
    np.testing.assert_array_equal(clf.predict(X), label)
    assert pickle.loads(before) == clf.release_


def test_asking_does_not_change_what_it_is_equal_to():
    clf, twin = (
        RobustPrivacyClassifier(RandomForestClassifier(5, random_state=0), random_state=0).fit(X, Y)
        for _ in range(2)
    )
    clf.certify(X)
    assert clf.release_ == twin.release_
    other = RobustPrivacyClassifier(RandomForestClassifier(5, random_state=0), random_state=1)
    assert clf.release_ != other.fit(X, Y).release_


def test_threads_share_it():
    release = smoothed(method="monte_carlo").release_
    expected = release.certify(X, [0.25])[0].radius
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: release.certify(X, [0.25])[0].radius, range(8)))
    for radius in found:
        np.testing.assert_array_equal(radius, expected)


def test_no_two_calls_share_fresh_noise_whatever_the_threads():
    calls = smoothed(resample=True, method="monte_carlo").release_.bank.calls
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            drawn = list(pool.map(lambda _: next_seed(calls).spawn_key, range(10_000)))
    finally:
        sys.setswitchinterval(before)
    assert len(set(drawn)) == len(drawn)


def test_what_is_voted_for_is_part_of_it():
    """The leaves of a tree vote by label or by probability, under one name and one seed."""
    hard, soft = (smoothed(voting=voting, noise_features=[2, 3]) for voting in ("hard", "soft"))
    assert hard.engine_ == soft.engine_ == "trees"
    assert not np.allclose(hard.predict_proba(X), soft.predict_proba(X))
    assert hard.release_ != soft.release_


def test_it_tells_random_from_deterministic():
    assert smoothed(resample=True, method="monte_carlo").release_.is_random
    assert not smoothed(method="monte_carlo").release_.is_random
    assert RandomizedResponseClassifier(TREE, random_state=0).fit(X, Y).release_.is_random


def test_it_is_found_through_what_stands_around_it():
    clf = smoothed(noise_features=[2])
    search = GridSearchCV(RobustPrivacyClassifier(TREE), {"sigma": [0.5]}, cv=2).fit(X, Y)
    pipe = make_pipeline(StandardScaler(), RobustPrivacyClassifier(TREE)).fit(X, Y)
    assert release_of(FrozenEstimator(clf)) is clf.release_
    assert release_of(search) is search.best_estimator_.release_
    assert release_of(pipe) is pipe[-1].release_
    assert release_of(TREE) is None


def test_at_another_level_it_is_that_of_a_fit_there():
    release, other = (
        smoothed(method="monte_carlo").release_,
        smoothed(method="monte_carlo", sigma=1),
    )
    assert release.at(1) == other.release_


def test_recalled_votes_are_the_votes():
    clf = smoothed(method="monte_carlo")
    rows = clf.checked_rows(X)
    recalled = clf.release_.recalled(rows, [0.25, 0.5], None)
    for sigma in (0.25, 0.5, 0.75):
        np.testing.assert_array_equal(
            recalled.at(sigma).votes(rows).total, clf.release_.at(sigma).votes(rows).total
        )


class Changed(RobustPrivacyClassifier):
    """Its labels are not those that it inherits the certificates of."""

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


class Constant(ClassifierMixin, BaseEstimator):
    """Certifies its own labels."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def certify(self, X):
        return "all of them"


def test_a_subclass_with_labels_of_its_own_is_not_certified_by_inherited_ones():
    with pytest.raises(TypeError, match="certify cannot certify Changed"):
        certify(Changed(TREE).fit(X, Y), X)
    assert certify(Constant().fit(X, Y), X) == "all of them"


@pytest.mark.parametrize("kind", [RobustPrivacyClassifier, AttributePrivacyClassifier])
def test_sets_of_what_is_not_fitted_yet(kind):
    needed = {"sensitive_feature": 2} if kind is AttributePrivacyClassifier else {}
    with pytest.raises(NotFittedError):
        compatible_sets(kind(TREE, **needed), X, sensitive_feature=2)
