"""Which items are recommended where: what is drawn, by asking again."""

import matplotlib as mpl
import numpy as np
import pytest
from refused import refused
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyRecommender,
    RobustPrivacyRecommender,
)
from sklearn_rp.baselines import TopItemsRecommender
from sklearn_rp.datasets import make_item_recommendation
from sklearn_rp.inspection import CompatibleSetDisplay, ReleaseDisplay, ReleasedItemsDisplay

mpl.use("Agg")
TASK = make_item_recommendation(200, 12, random_state=0)
X, Y = TASK.data[["age", "activity"]], TASK.target
FOREST = RandomForestClassifier(8, max_depth=5, random_state=0)


def released(**given):
    given = {"sensitive_feature": "age", "minimum": 10, "unit": "length"} | given
    return AttributePrivacyRecommender(FOREST, n_recommended=3, **given).fit(X, Y)


@pytest.mark.parametrize("feature", ["age", "activity"])
def test_stretches_are_where_an_item_is_recommended(feature):
    model = released(sensitive_feature=feature, minimum=0.2, unit="share")
    display = ReleasedItemsDisplay.from_estimator(model, X, row=5)
    table = display.frame()
    plain = TopItemsRecommender(FOREST, n_recommended=3).fit(X, Y)
    z = np.unique(X[feature])[3::9]
    rows = X.iloc[[5] * len(z)].assign(**{feature: z})
    for name, asked in (("released", model), ("model", plain)):
        part = table[table["model"] == name]
        for value, items in zip(z, asked.predict(rows), strict=True):
            there = part[(part["low"] <= value) & (value < part["high"])]["item"]
            near = (np.abs(part["low"] - value) < 0.02) | (np.abs(part["high"] - value) < 0.02)
            if feature == "age" or not near.any():
                assert sorted(there) == sorted(items)
    assert display.own == X[feature].iloc[5]
    low, high = display.left_open
    assert low <= display.own <= high


def test_what_is_drawn():
    display = ReleasedItemsDisplay.from_estimator(released(), X, row=2, unit="years")
    shown = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert set(shown) == set(display.frame()["item"])
    assert display.ax_.get_xlabel() == "age (years)"
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert sorted(names) == ["left open", "released", "the model's own list", "this person"]
    alone = ReleasedItemsDisplay.from_estimator(released(), X, baseline=None)
    assert set(alone.frame()["model"]) == {"released"}


def test_categories_and_certified_lists():
    frame = X.assign(region=TASK.data["gender"].map({"f": 1.0, "m": 0.0}))
    model = RobustPrivacyRecommender(FOREST, n_recommended=3, noise_features=["age"]).fit(frame, Y)
    display = ReleasedItemsDisplay.from_estimator(
        model, frame, sensitive_feature="age", bounds=(18, 77)
    )
    assert (display.frame()["low"] >= 17.5).all()
    sets = CompatibleSetDisplay.from_estimator(
        model, frame[:30], sensitive_feature="age", bounds=(18, 77)
    )
    assert sets.frame()["model"].unique().tolist() == ["base model", "released"]
    assert {"label_1", "label_3"} <= set(sets.frame().columns)


REFUSED = [
    (
        "steps of a recommender",
        lambda: ReleaseDisplay.from_estimator(released(), X),
        ValueError,
        "releases lists: use ReleasedItemsDisplay",
    ),
    (
        "items of a classifier",
        lambda: ReleasedItemsDisplay.from_estimator(
            AttributePrivacyClassifier(LogisticRegression(), sensitive_feature="age").fit(
                X, Y.iloc[:, 0]
            ),
            X,
        ),
        ValueError,
        "releases no lists: use ReleaseDisplay",
    ),
    (
        "items of nobody",
        lambda: ReleasedItemsDisplay.from_estimator(released(), X, row=999),
        ValueError,
        "row=999 is not allowed: X has 200 rows",
    ),
]


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
