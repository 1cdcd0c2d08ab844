"""CatBoost: categories beside the noise, labels in a column, a constructor that changes lists."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
    RobustPrivacyRegressor,
)
from sklearn_rp.baselines import RandomizedResponseClassifier

RNG = np.random.default_rng(0)
PEOPLE = pd.DataFrame(
    {
        "age": RNG.normal(40, 10, 300),
        "bmi": RNG.normal(27, 4, 300),
        "region": RNG.choice(["north", "south", "west"], 300),
        "code": RNG.integers(0, 5, 300),
    }
)
SICK = ((PEOPLE["age"] > 40) ^ (PEOPLE["region"] == "north") | (PEOPLE["bmi"] > 30)).astype(int)
QUIET = {"n_estimators": 15, "depth": 3, "verbose": 0, "allow_writing_files": False}


def catboost(kind="CatBoostClassifier", **arguments):
    return getattr(pytest.importorskip("catboost"), kind)(**QUIET | arguments)


class Listed(ClassifierMixin, BaseEstimator):
    """Keeps a copy of the list that it is given, as CatBoost does."""

    def __init__(self, cat_features=None):
        self.cat_features = list(cat_features)

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


WRAPPERS = {
    "smoothed": lambda model: RobustPrivacyClassifier(model, noise_features=["bmi"]),
    "minimum": lambda model: AttributePrivacyClassifier(model, sensitive_feature="bmi"),
    "transformer": lambda model: AttributePrivacyTransformer(model, sensitive_feature="bmi"),
    "baseline": lambda model: RandomizedResponseClassifier(model),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_constructor_that_changes_what_it_is_given_has_a_remedy(name):
    wrapper = WRAPPERS[name](Listed(["region"]))
    with pytest.raises(
        ValueError, match=r"modifies parameter cat_features\. Give the parameter as"
    ):
        wrapper.fit(PEOPLE, SICK)
    assert not [key for key in vars(wrapper) if key.endswith("_")]


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize("categories", [("region",), ("region", "code"), (2,)])
def test_categories_as_a_tuple(name, categories):
    with pytest.raises(ValueError, match=r"cat_features=\('region',\)"):
        WRAPPERS[name](catboost(cat_features=list(categories))).fit(PEOPLE, SICK)
    wrapper = WRAPPERS[name](catboost(cat_features=categories)).fit(PEOPLE, SICK)
    assert wrapper.n_features_in_ == 4
    inside = wrapper.estimator_.predict(PEOPLE)
    assert np.ravel(inside).mean() == pytest.approx(SICK.mean(), abs=0.2)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_thresholds_of_numbers_beside_categories_are_known(frozen):
    model = catboost(cat_features=("region",))
    model = FrozenEstimator(model.fit(PEOPLE, SICK)) if frozen else model
    clf = RobustPrivacyClassifier(model, noise_features=["bmi"], sigma=0.3).fit(PEOPLE, SICK)
    assert (clf.engine_, clf.method_) == ("sweep", "exact")
    # Held against a fine sweep of the model itself.
    rows = PEOPLE.iloc[:5]
    z = np.linspace(5, 50, 4001)
    spread = 0.3 * clf.noise_scale_[0]
    for k in range(5):
        copies = pd.concat([rows.iloc[[k]]] * len(z), ignore_index=True).assign(bmi=z)
        density = np.exp(-0.5 * ((z - rows["bmi"].iloc[k]) / spread) ** 2)
        label = np.ravel(clf.estimator_.predict(copies)).astype(int)
        share = (density * (label == 1)).sum() / density.sum()
        assert clf.predict_proba(rows)[k, 1] == pytest.approx(share, abs=0.01)


def test_a_category_is_noised():
    clf = RobustPrivacyClassifier(
        catboost(cat_features=("region",)), noise_features=["region"], sigma=0.4
    ).fit(PEOPLE, SICK)
    assert clf.engine_ == "categories"


def test_a_category_is_hidden():
    apc = AttributePrivacyClassifier(
        catboost(cat_features=("region",)), sensitive_feature="region", minimum=2,
        unit="categories",
    ).fit(PEOPLE, SICK)  # fmt: skip
    assert apc.compatible_sets(PEOPLE).length.min() >= 2


def test_three_labels_come_in_a_column():
    y = np.array(["low", "middle", "high"])[SICK + (PEOPLE["age"] > 50)]
    clf = RobustPrivacyClassifier(
        catboost(cat_features=("region",)), noise_features=["bmi"], sigma=0.3
    ).fit(PEOPLE, y)
    assert clf.predict(PEOPLE).shape == (300,)
    assert set(clf.predict(PEOPLE)) <= {"low", "middle", "high"}


def test_numbers():
    reg = RobustPrivacyRegressor(
        catboost("CatBoostRegressor", cat_features=("region",)), noise_features=["bmi"], step=2.0
    ).fit(PEOPLE, PEOPLE["age"])
    assert reg.engine_ == "sweep"
