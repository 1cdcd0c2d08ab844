"""Extraction: it finds what is there to find, and always ends."""

# ruff: noqa: E501

import numpy as np
import pytest
import small
from refused import refused
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression

from attacks.asked import Asked
from sklearn_rp.attacks import ModelExtractionAttack
from sklearn_rp.baselines import (
    RandomAbstentionClassifier,
)

X, Y = load_digits(return_X_y=True)
X = X / 16
PRIVATE, PUBLIC = Y < 5, X[Y >= 5]
MINE, LABELS = X[PRIVATE], Y[PRIVATE]
MODEL = LogisticRegression(max_iter=500).fit(MINE[:450], LABELS[:450])


def test_extraction_learns_the_model():
    halves = np.arange(len(PUBLIC)) % 2 == 0
    finder = ModelExtractionAttack(n_queries=[20, 200, 700], random_state=0)
    table = finder.run(MODEL, np.r_[MINE[450:], PUBLIC[halves]], MINE[:450], LABELS[:450])
    assert table["n_queries"].tolist() == [20, 200, 700]
    assert table["fidelity"].iloc[-1] > 0.85
    assert table["fidelity"].iloc[-1] > table["fidelity"].iloc[0]
    assert (table["fidelity_low"] <= table["fidelity"]).all()
    assert (table["model_accuracy"] == (MODEL.predict(MINE[:450]) == LABELS[:450]).mean()).all()
    again = finder.run(MODEL, np.r_[MINE[450:], PUBLIC[halves]], MINE[:450], LABELS[:450])
    np.testing.assert_array_equal(table, again)


def test_extraction_at_the_edges():
    constant = Asked(lambda X: np.zeros(len(X), dtype=int))
    table = ModelExtractionAttack(n_queries=[10]).run(constant, PUBLIC, MINE)
    assert table["fidelity"].tolist() == [1.0]
    assert "accuracy" not in table
    silent = RandomAbstentionClassifier(FrozenEstimator(MODEL), rate=1.0, fallback=-1).fit(
        MINE, LABELS
    )
    assert ModelExtractionAttack(n_queries=[10]).run(silent, PUBLIC, MINE)["fidelity"][0] == 0


REFUSED = [
    ("ModelExtractionAttack: more queries than inputs", lambda: ModelExtractionAttack(n_queries=[999]).run(small.exact(), small.X, small.X), ValueError, "n_queries=.* is not allowed: numbers from 2 to 80"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
