"""Answers for whole stretches, learnt beside those of the model."""

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.tree import DecisionTreeClassifier

from attribute.tasks import related, two_groups
from sklearn_rp import (
    AttributePrivacyClassifier,
)
from sklearn_rp.attribute.partition import (
    random_pieces,
)


def test_pieces_are_drawn_without_a_look_at_the_row():
    measure = np.arange(7.0)
    cell = np.tile(np.arange(6), 40_000)
    first, after = random_pieces(measure, cell, 2.0, np.random.RandomState(0))
    assert (first <= cell).all()
    assert (cell < after).all()
    size = after - first
    assert size.min() == 2
    assert size.max() == 6
    tested = 0
    for a, b in np.unique(np.column_stack([first, after]), axis=0):
        count = np.bincount(cell[(first == a) & (after == b)], minlength=6)[a:b]
        if count.sum() > 2_000:
            assert stats.chisquare(count).pvalue > 1e-4
            tested += 1
    assert tested >= 5


def test_answers_learnt_for_the_whole_range_are_those_of_a_model_without_the_feature():
    X, y = related()
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    apc = AttributePrivacyClassifier(
        tree, sensitive_feature=1, minimum=1.0, levels="intervals", random_state=0
    ).fit(X, y)
    without = clone(tree).fit(X[:, [0, 2]], y)
    assert np.array_equal(apc.predict(X), without.predict(X[:, [0, 2]]))
    assert apc.interval_weight_ == 1


def test_held_out_rows_weigh_the_two_answers():
    X, y = two_groups()
    asked = {"sensitive_feature": 0, "minimum": 1.0, "levels": "auto", "random_state": 0}
    tree = DecisionTreeClassifier(random_state=0)
    # Averaged over everybody, the model knows nothing of a row; one trained on pieces does.
    worse = AttributePrivacyClassifier(tree, prior="uniform", **asked).fit(X, y)
    assert worse.interval_weight_ > 0.9
    assert np.array_equal(worse.predict(X), X[:, 1])
    frozen = FrozenEstimator(clone(tree).fit(X, y))
    assert AttributePrivacyClassifier(frozen, **asked).fit(X, y).interval_weight_ == 0
    again = AttributePrivacyClassifier(frozen, **asked | {"levels": "intervals"}).fit(X, y)
    assert np.array_equal(again.predict(X), X[:, 1])
    with pytest.raises(ValueError, match=r"y holds \[7\], which the fitted model does not know"):
        AttributePrivacyClassifier(frozen, **asked | {"levels": "intervals"}).fit(X, y + 6 * y)


def test_answers_for_runs_are_learnt_with_the_weights_of_the_rows():
    X, y = two_groups()
    wrong = np.r_[X, X], np.r_[y, 1 - y]
    weight = np.repeat([1.0, 1e-9], len(X))
    for levels in ("intervals", "auto"):
        apc = AttributePrivacyClassifier(
            DecisionTreeClassifier(max_depth=3, random_state=0),
            sensitive_feature=0,
            minimum=0.2,
            levels=levels,
            random_state=0,
        ).fit(*wrong, sample_weight=weight)
        assert np.array_equal(apc.predict(X), y)


class Watched(LogisticRegression):
    def fit(self, X, y, sample_weight=None, eval_set=()):
        self.eval_set_ = eval_set
        return super().fit(X, y, sample_weight)


def test_what_fit_is_given_beside_the_rows_is_passed_on_to_the_second_model():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = (X.sum(axis=1) > 0).astype(int)
    apc = AttributePrivacyClassifier(Watched(), sensitive_feature=0, levels="intervals")
    apc.fit(X, y, eval_set=[(X[:7], y[:7])])
    for model in (apc.estimator_, apc.release_.run_model):
        ((rows, labels),) = model.eval_set_
        assert rows.shape == (7, 2)
        assert labels.shape == (7,)
