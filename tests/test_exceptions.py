"""Warnings name the line that the user wrote, and come once."""

import ast
import linecache
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attribute.tasks import Where
from conftest import LinearRule
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from small import Longest

import sklearn_rp
from sklearn_rp import (
    AttributeCoarsener,
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
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
CODES = pd.DataFrame({"code": np.tile([f"c{i:02d}" for i in range(28)], 5), "age": 0.0})
DECODED = CODES["code"].str[1:].astype(int) % 14
DECODER = make_pipeline(
    ColumnTransformer([("c", OneHotEncoder(), ["code"])], remainder="passthrough"),
    DecisionTreeClassifier(random_state=0),
)
HAIRS = Where(lambda x: np.floor(4000 * x) % 2 == 0).fit(X)
# Words of the warning, what warns in `fit`, and what it is fitted on.
WARNED = [
    ("hold numbers as objects", smooth(LinearRule([1.0, 0])), OBJECTS, Y),
    ("hold numbers as objects", NoisyInputClassifier(LinearRule([1.0, 0])), OBJECTS, Y),
    ("are constant in the training data", smooth(), CONSTANT, Y),
    ("No noised feature has more than one value", smooth(FITTED, noise_scale=None), ONE_VALUE, Y),
    ("hold only two values", smooth(), BINARY, Y),
    ("different numbers as text", smooth(Longest(), noise_features="bmi", method="auto"), TEXT, Y),
    ("has no effect on a FrozenEstimator", smooth(FITTED, n_augment=1), X, Y),
    ("gives the same rows different answers", smooth(Coin()), X, Y),
    ("has a threshold of its own", smooth(Threshold(), voting="soft"), X, Y),
    ("only privacy_loss speaks", smooth(n_samples=2, resample=True), X, Y),
    ("can never be certified", smooth(min_radius=9), X, Y),
    ("can never be certified", smooth(SVC(), min_radius=9, method="auto"), X, Y),
    (
        "is more than the whole range of",
        AttributePrivacyClassifier(sensitive_feature=0, minimum=90, unit="length"),
        X,
        Y,
    ),
    (
        "so that nothing is promised of it",
        AttributeCoarsener(sensitive_feature="code", minimum=0.01, strategy="uniform"),
        CODES,
        DECODED,
    ),
    (
        "too many sets of labels to try them all",
        AttributePrivacyClassifier(
            DECODER, sensitive_feature="code", minimum=4, unit="categories", prior="empirical"
        ),
        CODES,
        DECODED,
    ),
    (
        "training rows are not in their own sets",
        AttributePrivacyTransformer(FrozenEstimator(HAIRS), sensitive_feature=0, resolution=4),
        X,
        Y,
    ),
    (
        "leaves one bin: the column is constant",
        AttributeCoarsener(sensitive_feature=0, minimum=0.6, strategy="uniform"),
        X,
        Y,
    ),
]
RESTORED = "was fitted with sklearn_rp"


def warned():
    """Words of every warning that the package gives: what is between the values."""
    for path in Path(sklearn_rp.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "warn_user":
                words = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
                yield f"{path.stem}:{node.lineno}", "".join(w for w in words if isinstance(w, str))


def test_each_warning_of_the_package_is_provoked_here():
    provoked = {RESTORED, *(words for words, *_ in WARNED)}
    given = dict(warned())
    assert len(given) >= 15
    assert [place for place, text in given.items() if not any(w in text for w in provoked)] == []
    assert [w for w in provoked if sum(w in text for text in given.values()) != 1] == []


def the_warning(caught, message):
    ours = [w for w in caught if issubclass(w.category, PrivacyWarning)]
    assert [message in str(w.message) for w in ours] == [True]
    assert ours[0].filename == __file__
    return linecache.getline(__file__, ours[0].lineno)


@pytest.mark.parametrize(("message", "clf", "rows", "y"), WARNED)
def test_a_warning_of_fit_names_its_line_once(message, clf, rows, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(rows, y)
    assert "clf.fit(rows, y)" in the_warning(caught, message)


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
    assert "pickle.loads(stored)" in the_warning(caught, f"{RESTORED} 0.0.1")


def old_pickle(self, protocol):
    state = self.__getstate__() | {"_sklearn_rp_version": "0.0.1"}
    return RobustPrivacyClassifier, (), state
