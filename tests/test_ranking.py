"""Precision, recall, hit rate and NDCG of lists, beside loops and scikit-learn."""

# ruff: noqa: E501

import pickle

import numpy as np
import pandas as pd
import pytest
from refused import refused
from scipy import sparse
from sklearn.metrics import ndcg_score, top_k_accuracy_score

from sklearn_rp.metrics import (
    hit_rate_score,
    make_recommendation_scorer,
    ndcg_at_k_score,
    precision_at_k_score,
    recall_at_k_score,
)

RNG = np.random.default_rng(0)
GAINS = RNG.integers(0, 4, size=(40, 9)) * (RNG.random((40, 9)) < 0.4)
GAINS[7] = 0
LISTS = np.array([RNG.permutation(9)[:4] for _ in range(40)])


def test_by_a_loop():
    hits = [[GAINS[i, j] > 0 for j in row] for i, row in enumerate(LISTS)]
    assert precision_at_k_score(GAINS, LISTS) == pytest.approx(np.mean(hits))
    assert hit_rate_score(GAINS, LISTS) == pytest.approx(np.mean([any(h) for h in hits]))
    recalls = [sum(h) / (GAINS[i] > 0).sum() for i, h in enumerate(hits) if (GAINS[i] > 0).any()]
    assert recall_at_k_score(GAINS, LISTS) == pytest.approx(np.mean(recalls))
    found = []
    for i, row in enumerate(LISTS):
        if GAINS[i].any():
            discount = 1 / np.log2(np.arange(4) + 2)
            ideal = (np.sort(GAINS[i])[::-1][:4] * discount).sum()
            found.append((GAINS[i, row] * discount).sum() / ideal)
    assert ndcg_at_k_score(GAINS, LISTS) == pytest.approx(np.mean(found))


def test_without_an_order_ndcg_is_the_mean_over_all_orders():
    orders = [
        ndcg_at_k_score(GAINS, LISTS[:, list(order)])
        for order in ([0, 1, 2, 3], [1, 2, 3, 0], [2, 3, 0, 1], [3, 0, 1, 2])
    ]
    assert ndcg_at_k_score(GAINS, LISTS, ordered=False) == pytest.approx(np.mean(orders))


def test_as_scikit_learn_has_them():
    scores = RNG.random((40, 9))
    lists = np.argsort(-scores, axis=1)[:, :3]
    rows = GAINS.any(axis=1)
    assert ndcg_at_k_score(GAINS, lists) == pytest.approx(
        ndcg_score(GAINS[rows], scores[rows], k=3)
    )
    labels = RNG.integers(0, 9, size=40)
    top = top_k_accuracy_score(labels, scores, k=3, labels=np.arange(9))
    assert hit_rate_score(labels, lists) == pytest.approx(top)
    assert recall_at_k_score(labels, lists) == pytest.approx(top)
    assert precision_at_k_score(labels, lists) == pytest.approx(top / 3)


def test_items_by_name_and_those_that_are_not_known():
    names = np.array(list("abcdefghi"))
    frame = pd.DataFrame(GAINS, columns=names)
    for metric in (precision_at_k_score, recall_at_k_score, ndcg_at_k_score, hit_rate_score):
        expected = metric(GAINS, LISTS)
        assert metric(frame, names[LISTS]) == pytest.approx(expected)
        assert metric(frame[names[::-1]], names[LISTS], items=names) == pytest.approx(expected)
        assert metric(sparse.csr_array(GAINS), names[LISTS], items=names) == pytest.approx(expected)
        # What cannot be recommended is missed, and nothing else changes.
        more = metric(frame.assign(unheard_of=1), names[LISTS], items=names)
        full = np.column_stack([GAINS, np.ones(40)])
        assert more == pytest.approx(metric(full, LISTS))
    labels = np.where(np.arange(40) < 20, "z", names[LISTS[:, 1]])
    assert precision_at_k_score(labels, names[LISTS], items=names) == pytest.approx(0.5 / 4)


def test_weights():
    weight = (np.arange(40) < 10).astype(float)
    for metric in (precision_at_k_score, recall_at_k_score, ndcg_at_k_score, hit_rate_score):
        expected = metric(GAINS[:10], LISTS[:10])
        assert metric(GAINS, LISTS, sample_weight=weight) == pytest.approx(expected)


def test_a_scorer_pickles_and_says_what_it_is():
    scorer = make_recommendation_scorer(recall_at_k_score)
    assert (
        repr(pickle.loads(pickle.dumps(scorer))) == "make_recommendation_scorer(recall_at_k_score)"
    )


REFUSED = [
    ("labels for lists", lambda: precision_at_k_score(GAINS, LISTS[:, 0]), ValueError, "recommended has shape"),
    ("other rows", lambda: precision_at_k_score(GAINS[:3], LISTS), ValueError, "y has 3 rows and recommended 40"),
    ("an item that is none", lambda: precision_at_k_score(GAINS, LISTS + 9), ValueError, "Found the item"),
    ("a matrix of other items", lambda: precision_at_k_score(GAINS, LISTS, items=np.arange(12)), ValueError, "there are 12 items"),
    ("gains below nought", lambda: ndcg_at_k_score(-1.0 * GAINS, LISTS), ValueError, "0 .not relevant. or more"),
    ("nothing to find", lambda: recall_at_k_score(0 * GAINS, LISTS), ValueError, "no relevant item in any row"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
