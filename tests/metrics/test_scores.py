"""Scores of certificates and of sets, by hand."""

# ruff: noqa: E501

import numpy as np
import pytest
from conftest import LinearRule
from refused import refused
from test_certificate import make_certificate

from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.metrics import (
    abstention_rate,
    attribute_advantage,
    average_certified_radius,
    bayes_vulnerability,
    certified_accuracy_score,
    interval_length_score,
)

# label: a a b b; radius: 0 (abstained), 1, 2, 3; the third is wrong
TRUTH = np.array(["a", "a", "a", "b"])


@pytest.fixture
def cert():
    return make_certificate()


def test_values_by_hand(cert):
    assert certified_accuracy_score(TRUTH, cert) == 0.5  # the abstained row counts as wrong
    assert certified_accuracy_score(TRUTH, cert, radius=1.0) == 0.5
    assert certified_accuracy_score(TRUTH, cert, radius=1.5) == 0.25
    assert certified_accuracy_score(TRUTH, cert, radius=4) == 0
    assert average_certified_radius(TRUTH, cert) == (0 + 1 + 0 + 3) / 4
    assert abstention_rate(cert) == 0.25


def sets():
    task = make_recommendation(60, random_state=0)
    rule = LinearRule(task.coef).fit(task.data, task.target)
    return compatible_sets(rule, task.data, sensitive_feature=0)


def scored(*weights):
    return abstention_rate(make_certificate(), sample_weight=np.array(weights))


REFUSED = [
    ("certified_accuracy_score: labels for a certificate", lambda: certified_accuracy_score(TRUTH, TRUTH), TypeError, "not a Certificate"),
    ("certified_accuracy_score: too few labels", lambda: certified_accuracy_score(TRUTH[:3], make_certificate()), ValueError, "inconsistent numbers of samples"),
    ("certified_accuracy_score: a negative radius", lambda: certified_accuracy_score(TRUTH, make_certificate(), radius=-1), ValueError, "must not be negative"),
    ("average_certified_radius: no rows", lambda: average_certified_radius([], make_certificate()[:0]), ValueError, "no rows"),
    ("abstention_rate: labels for a certificate", lambda: abstention_rate(TRUTH), TypeError, "not a Certificate"),
    ("abstention_rate: no rows", lambda: abstention_rate(make_certificate()[:0]), ValueError, "no rows"),
    ("abstention_rate: weights of 0", lambda: scored(0, 0, 0, 0), ValueError, "sample_weight is not allowed"),
    ("abstention_rate: a negative weight", lambda: scored(1, 1, 1, -1), ValueError, "sample_weight is not allowed"),
    ("abstention_rate: a weight that is NaN", lambda: scored(1, 1, 1, np.nan), ValueError, "sample_weight is not allowed"),
    ("abstention_rate: too few weights", lambda: scored(1, 1, 1), ValueError, "a weight for each of the 4 rows"),
    ("interval_length_score: a certificate for sets", lambda: interval_length_score(make_certificate()), TypeError, "not CompatibleSets"),
    ("interval_length_score: rows for sets", lambda: interval_length_score(np.zeros((4, 2))), TypeError, "not CompatibleSets"),
    ("interval_length_score: no rows", lambda: interval_length_score(sets()[:0]), ValueError, "no rows"),
    ("interval_length_score: a quantile of 2", lambda: interval_length_score(sets(), quantile=2), ValueError, "quantile=2"),
    ("interval_length_score: weights for a quantile", lambda: interval_length_score(sets(), quantile=0.1, sample_weight=np.ones(60)), ValueError, "sample_weight is for the mean"),
    ("bayes_vulnerability: a prior of text", lambda: bayes_vulnerability(sets(), prior=["a", "b"]), ValueError, "but 'x0' is numeric"),
    ("bayes_vulnerability: a negative tolerance", lambda: bayes_vulnerability(sets(), prior=[0.0], tolerance=-1), ValueError, "tolerance=-1"),
    ("attribute_advantage: an empty prior", lambda: attribute_advantage(sets(), prior=[]), ValueError, r"prior has shape \(0,\): give a sample of values"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
