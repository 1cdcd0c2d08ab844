"""Rival defences: their laws by simulation."""

# ruff: noqa: E501

import pickle

import numpy as np
import pytest
from conftest import LinearRule
from refused import refused
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator

from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import (
    NoisyInputClassifier,
    RandomAbstentionClassifier,
    RandomizedResponseClassifier,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))
Y = np.array(["a", "b", "c", "d"])[np.digitize(X[:, 0], [-0.7, 0, 0.7])]
BASE = FrozenEstimator(RandomForestClassifier(20, random_state=0).fit(X, Y))


def test_randomized_response_has_its_law():
    clf = RandomizedResponseClassifier(BASE, p=0.7, random_state=0).fit(X, Y)
    truth = BASE.predict(X[:1])[0]
    answers = clf.predict(np.repeat(X[:1], 40_000, axis=0))
    names, counts = np.unique(answers, return_counts=True)
    expected = np.where(names == truth, 0.7, 0.1) * 40_000
    assert stats.chisquare(counts, expected).pvalue > 1e-4
    share = counts / 40_000  # epsilon: the largest log ratio of an answer's chance, over two rows
    assert clf.epsilon_ == pytest.approx(np.log(0.7 / 0.1))
    assert np.log(share.max() / share.min()) == pytest.approx(clf.epsilon_, rel=0.05)
    certain = RandomizedResponseClassifier(BASE, p=1, random_state=0).fit(X, Y)
    assert certain.epsilon_ == np.inf
    np.testing.assert_array_equal(certain.predict(X), BASE.predict(X))
    blind = RandomizedResponseClassifier(BASE, p=0.25, random_state=0).fit(X, Y)
    assert blind.epsilon_ == pytest.approx(0, abs=1e-12)


def test_classes_in_any_order():
    class Backwards(LinearRule):
        def fit(self, X, y):
            super().fit(X, y)
            self.classes_ = self.classes_[::-1]
            return self

        def predict(self, X):
            return np.where(X[:, 0] > 0, 1, 0)

    frozen = FrozenEstimator(Backwards([1.0, 0, 0]).fit(X, (X[:, 0] > 0).astype(int)))
    clf = RandomizedResponseClassifier(frozen, p=1.0).fit(X, (X[:, 0] > 0).astype(int))
    np.testing.assert_array_equal(clf.predict(X), frozen.predict(X))


def test_noisy_input_has_its_law():
    rule = LinearRule([1.0, 0.0, 0.0]).fit(X, Y == "a")
    clf = NoisyInputClassifier(rule, sigma=0.5, noise_scale=None, noise_features=[0])
    clf.set_params(random_state=0).fit(X, (X[:, 0] > 0).astype(int))
    row = np.array([[0.4, 1.0, -1.0]])
    answers = clf.predict(np.repeat(row, 40_000, axis=0))
    assert answers.mean() == pytest.approx(stats.norm.cdf(0.4 / 0.5), abs=0.01)
    # Rows of one call have noise of their own: a share of them differs from the clean answer.
    assert 0 < answers.mean() < 1


def test_random_abstention():
    clf = RandomAbstentionClassifier(BASE, rate=0.3, fallback="none", random_state=0).fit(X, Y)
    answers = clf.predict(np.repeat(X, 50, axis=0))
    silent = answers == "none"
    assert silent.mean() == pytest.approx(0.3, abs=0.02)
    clean = np.repeat(BASE.predict(X), 50)
    np.testing.assert_array_equal(answers[~silent], clean[~silent])


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: RandomizedResponseClassifier(BASE, p=0.5, **k),
        lambda **k: NoisyInputClassifier(BASE, sigma=1.0, **k),
        lambda **k: RandomAbstentionClassifier(BASE, rate=0.5, fallback="e", **k),
    ],
)
def test_fresh_in_every_call_and_reproducible(make):
    clf = make(random_state=0).fit(X, Y)
    first, second = clf.predict(X), clf.predict(X)
    assert not np.array_equal(first, second)
    again = make(random_state=0).fit(X, Y)
    np.testing.assert_array_equal(first, again.predict(X))
    np.testing.assert_array_equal(second, again.predict(X))
    assert not np.array_equal(make().fit(X, Y).predict(X), make().fit(X, Y).predict(X))
    assert pickle.loads(pickle.dumps(clf)).predict(X).shape == (400,)
    unseeded = pickle.dumps(make().fit(X, Y))  # copies do not repeat each other
    copies = [pickle.loads(unseeded).predict(X) for _ in range(2)]
    assert not np.array_equal(*copies)
    with pytest.raises(ValueError, match="releases at random"):
        compatible_sets(clf, X, sensitive_feature=0)


REFUSED = [
    ("RandomizedResponseClassifier: worse than chance", lambda: RandomizedResponseClassifier(BASE, p=0.2).fit(X, Y), ValueError, "p=0.2 is not allowed with 4 classes"),
    ("RandomizedResponseClassifier: a probability of 0", lambda: RandomizedResponseClassifier(BASE, p=0).fit(X, Y), ValueError, "'p' parameter"),
    ("RandomizedResponseClassifier: a probability above 1", lambda: RandomizedResponseClassifier(BASE, p=1.1).fit(X, Y), ValueError, "'p' parameter"),
    ("RandomizedResponseClassifier: a probability of text", lambda: RandomizedResponseClassifier(BASE, p="0.5").fit(X, Y), ValueError, "'p' parameter"),
    ("NoisyInputClassifier: no noise", lambda: NoisyInputClassifier(BASE, sigma=0).fit(X, Y), ValueError, "'sigma' parameter"),
    ("NoisyInputClassifier: noise on text", lambda: NoisyInputClassifier(Text(), noise_features=[0]).fit(TEXT, Y), TypeError, "names 'x0', which is not numeric"),
    ("RandomAbstentionClassifier: no fallback", lambda: RandomAbstentionClassifier(BASE).fit(X, Y), ValueError, "fallback=None is not allowed"),
    ("RandomAbstentionClassifier: a number beside labels of text", lambda: RandomAbstentionClassifier(BASE, fallback=0).fit(X, Y), ValueError, "fallback=0 is not allowed beside the labels"),
]  # fmt: skip
TEXT = np.where(X > 0, "high", "low").astype(object)


class Text(LinearRule):
    def predict(self, X):
        return np.full(len(X), "a")


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
