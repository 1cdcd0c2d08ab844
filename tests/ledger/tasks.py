"""Models and people for the tests of the ledger: trees, of which no process starts threads."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.frozen import FrozenEstimator
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyRecommender,
    AttributePrivacyRegressor,
)

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME, Y = FRAME[["age", "bmi", "bp", "s5"]].copy(), Y.to_numpy()
FRAME["region"] = np.array(["east", "north", "south", "west"])[np.arange(len(Y)) % 4]
COLUMNS = ["age", "bmi", "bp", "s5"]


def people(n=30):
    return FRAME[COLUMNS].iloc[:n]


def numbers(seed=0, **given):
    """A number, that leaves a fifth of the range of BMI open by itself."""
    given = {"sensitive_feature": "bmi", "levels": "model", "prior": "empirical"} | given
    tree = DecisionTreeRegressor(max_depth=4 + seed % 3, random_state=seed)
    target = Y + np.random.default_rng(seed).normal(0, 40, len(Y))
    tree.fit(FRAME[COLUMNS], target)
    return AttributePrivacyRegressor(FrozenEstimator(tree), **given).fit(FRAME[COLUMNS], target)


def labels(seed=0, **given):
    given = {"sensitive_feature": "bmi", "prior": "empirical"} | given
    target = np.where(Y + np.random.default_rng(seed).normal(0, 40, len(Y)) > 150, "high", "low")
    tree = DecisionTreeClassifier(max_depth=5, random_state=seed).fit(FRAME[COLUMNS], target)
    return AttributePrivacyClassifier(FrozenEstimator(tree), **given).fit(FRAME[COLUMNS], target)


def lists(seed=0, **given):
    given = {"sensitive_feature": "bmi", "prior": "empirical", "n_recommended": 2} | given
    scores = FRAME[["age", "bmi", "bp"]] + np.random.default_rng(seed).normal(0, 5, (len(Y), 3))
    liked = np.column_stack([scores > scores.quantile(q) for q in (0.4, 0.7)])
    items = pd.DataFrame(liked.astype(int), columns=range(1, 7))
    return AttributePrivacyRecommender(
        DecisionTreeClassifier(max_depth=5, random_state=seed), **given
    ).fit(FRAME[COLUMNS], items)


def several(n=4):
    """Models of both kinds about the same people."""
    return [numbers(seed) if seed % 2 else labels(seed) for seed in range(n)]
