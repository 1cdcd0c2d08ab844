"""Warnings name the line that the user wrote, and come once."""

import linecache
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from small import Longest

from sklearn_rp import AttributePrivacyClassifier, RobustPrivacyClassifier
from sklearn_rp.baselines import NoisyInputClassifier
from sklearn_rp.exceptions import PrivacyWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 2))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["age", "bmi"])


class Coin(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.random.default_rng().integers(0, 2, len(X))


class Threshold(Coin):
    """Its labels are not those of its largest probabilities."""

    def predict(self, X):
        return np.zeros(len(X), dtype=int)

    def predict_proba(self, X):
        return np.tile([0.2, 0.8], (len(X), 1))


def smooth(base=None, **parameters):
    parameters = {"n_samples": 50, "method": "monte_carlo", "random_state": 0} | parameters
    return RobustPrivacyClassifier(base, **parameters)


CONSTANT = FRAME.assign(bmi=1.0)
OBJECTS = FRAME.assign(bmi=FRAME["bmi"].astype(object))
TEXT = FRAME.assign(bmi=FRAME["bmi"].astype(str))
BINARY = FRAME.assign(bmi=Y)
ONE_VALUE = np.repeat(X[:1], 80, axis=0)
FITTED = FrozenEstimator(LogisticRegression().fit(X, Y))
WARNED = [
    ("hold numbers as objects", smooth(LinearRule([1.0, 0])), OBJECTS),
    ("hold numbers as objects", NoisyInputClassifier(LinearRule([1.0, 0])), OBJECTS),
    ("constant in the training data", smooth(), CONSTANT),
    ("more than one value", smooth(FITTED, noise_scale=None), ONE_VALUE),
    ("hold only two values", smooth(), BINARY),
    ("different numbers as text", smooth(Longest(), noise_features="bmi", method="auto"), TEXT),
    ("no effect on a FrozenEstimator", smooth(FITTED, n_augment=1), X),
    ("same rows different answers", smooth(Coin()), X),
    ("threshold of its own", smooth(Threshold(), voting="soft"), X),
    ("only privacy_loss speaks", smooth(n_samples=2, resample=True), X),
    ("can never be certified", smooth(min_radius=9), X),
    (
        "more than the whole range",
        AttributePrivacyClassifier(sensitive_feature=0, minimum=90, unit="length"),
        X,
    ),
    ("can never be certified", smooth(SVC(), min_radius=9, method="auto"), X),
]


def the_warning(caught, message):
    ours = [w for w in caught if issubclass(w.category, PrivacyWarning)]
    assert [message in str(w.message) for w in ours] == [True]
    assert ours[0].filename == __file__
    return linecache.getline(__file__, ours[0].lineno)


@pytest.mark.parametrize(("message", "clf", "rows"), WARNED)
def test_a_warning_of_fit_names_its_line_once(message, clf, rows):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(rows, Y)
    assert "clf.fit(rows, Y)" in the_warning(caught, message)


def test_through_whatever_calls_fit():
    clf = smooth(min_radius=9)
    search = GridSearchCV(make_pipeline("passthrough", clf), {}, cv=[(range(80), range(80))])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_pipeline("passthrough", clf).fit(X, Y)
    assert "make_pipeline" in the_warning(caught, "can never be certified")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.set_params(refit=False).fit(X, Y)
    assert "search.set_params" in the_warning(caught, "can never be certified")


def test_a_warning_of_unpickling_names_its_line_once():
    clf = smooth().fit(X, Y)
    clf.__class__ = type("Old", (RobustPrivacyClassifier,), {"__reduce_ex__": old_pickle})
    stored = pickle.dumps(clf)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pickle.loads(stored)
    assert "pickle.loads(stored)" in the_warning(caught, "was fitted with sklearn_rp 0.0.1")


def old_pickle(self, protocol):
    state = self.__getstate__() | {"_sklearn_rp_version": "0.0.1"}
    return RobustPrivacyClassifier, (), state
