"""Boxes of the leaves: what the closed form of trees may be off by."""

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from sklearn_rp import RobustPrivacyClassifier


def stumps(n_trees):
    """The same stump over and over: every sum is rounded in the same direction."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    forest = RandomForestClassifier(
        n_trees, max_depth=1, bootstrap=False, max_features=None, random_state=0
    )
    clf = RobustPrivacyClassifier(
        forest, sigma=5.0, voting="soft", noise_features=[0, 1], random_state=0
    )
    return clf.fit(X, X[:, 0] > 0.1).release_


def test_no_number_of_trees_is_further_off_than_the_error_allowed_for():
    rows = np.linspace(-6, 6, 40)[:, None] * np.ones(3)
    one, many = (stumps(n_trees).votes(rows) for n_trees in (1, 1000))
    off = np.abs(one.total - many.total).max(axis=1)
    assert (off <= many.error).all()


def test_a_row_has_the_same_bits_in_any_company():
    release = stumps(300)
    rows = np.random.default_rng(1).normal(size=(40, 3))
    together = release.votes(rows).total
    for size in (1, 2, 7):
        for first in range(0, 40 - size, size):
            some = slice(first, first + size)
            np.testing.assert_array_equal(release.votes(rows[some]).total, together[some])
