"""max_privacy: the rule by hand, and inside scikit-learn's searches."""

# ruff: noqa: E501

import pickle

import numpy as np
import pytest
from refused import refused
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import AttributePrivacyClassifier, RobustPrivacyClassifier
from sklearn_rp.metrics import (
    average_certified_radius,
    interval_length_score,
    make_certificate_scorer,
    make_compatible_sets_scorer,
)
from sklearn_rp.model_selection import max_privacy

RESULTS = {
    "mean_test_accuracy": np.array([0.95, 0.94, 0.93, 0.80, np.nan]),
    "mean_test_radius": np.array([0.1, 0.3, 0.5, 0.9, 2.0]),
    "split0_test_accuracy": np.array([0.90, 0.9, 0.9, 0.8, 1.0]),
    "split1_test_accuracy": np.array([1.00, 0.98, 0.96, 0.8, 1.0]),
}


@pytest.mark.parametrize(
    ("arguments", "index"),
    [
        ({"max_accuracy_loss": 0}, 0),
        ({"max_accuracy_loss": 0.01}, 1),
        ({"max_accuracy_loss": 0.0199}, 1),
        ({"max_accuracy_loss": 0.02}, 2),
        ({"max_accuracy_loss": 1}, 3),
        ({"max_accuracy_loss": 0, "one_standard_error": True}, 2),  # se = 0.05
    ],
)
def test_by_hand(arguments, index):
    rule = max_privacy(**arguments)
    assert rule(RESULTS) == index
    assert pickle.loads(pickle.dumps(rule))(RESULTS) == index


def test_of_equal_privacy_the_more_accurate():
    results = {
        "mean_test_accuracy": np.array([0.90, 0.95, 0.94]),
        "mean_test_radius": np.array([0.5, 0.4, 0.5]),
    }
    assert max_privacy(0.1)(results) == 2


REFUSED = [
    ("max_privacy: a negative budget", lambda: max_privacy(-0.1), ValueError, "max_accuracy_loss=-0.1"),
    ("max_privacy: a budget that is NaN", lambda: max_privacy(np.nan), ValueError, "max_accuracy_loss=nan"),
    ("max_privacy: an infinite budget", lambda: max_privacy(np.inf), ValueError, "max_accuracy_loss=inf"),
    ("max_privacy: a budget of text", lambda: max_privacy("1 %"), ValueError, "max_accuracy_loss='1 %'"),
    ("max_privacy: a budget that is a truth value", lambda: max_privacy(True), ValueError, "max_accuracy_loss=True"),
    ("max_privacy: a function for a name", lambda: max_privacy(accuracy=len), TypeError, "give the name of a scorer"),
    ("max_privacy: a scorer that the search has not", lambda: max_privacy(privacy="radios")(RESULTS), ValueError, r"no scorer named 'radios', did you mean 'radius'\?"),
    ("max_privacy: no candidate with scores", lambda: max_privacy()({"mean_test_accuracy": [np.nan], "mean_test_radius": [1.0]}), ValueError, "No candidate qualifies"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_rule_shows_itself():
    assert repr(max_privacy(0.02)) == (
        "max_privacy(0.02, accuracy='accuracy', privacy='radius', one_standard_error=False)"
    )


SCORING = {
    "accuracy": "accuracy",
    "radius": make_certificate_scorer(average_certified_radius),
}


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", [GridSearchCV, RandomizedSearchCV])
def test_in_searches(kind, n_jobs):
    X, y = load_iris(return_X_y=True)
    clf = RobustPrivacyClassifier(
        DecisionTreeClassifier(max_depth=3, random_state=0), noise_features=[2]
    )
    grid = {"sigma": [0.05, 0.2, 0.4, 1.0, 3.0]}
    more = {} if kind is GridSearchCV else {"n_iter": 5, "random_state": 0}
    chosen = []
    for loss in (0.0, 1.0):
        rule = max_privacy(loss)
        search = kind(clf, grid, scoring=SCORING, refit=rule, n_jobs=n_jobs, **more).fit(X, y)
        accuracy = search.cv_results_["mean_test_accuracy"]
        radius = search.cv_results_["mean_test_radius"]
        within = accuracy >= accuracy.max() - loss - 1e-9
        assert radius[search.best_index_] == radius[within].max()
        assert search.best_estimator_.sigma == search.best_params_["sigma"]
        chosen.append(radius[search.best_index_])
    assert chosen[0] <= chosen[1]


def test_halving_search_takes_the_scorers():
    X, y = load_iris(return_X_y=True)
    clf = RobustPrivacyClassifier(LogisticRegression(max_iter=500), noise_features=[2])
    search = HalvingGridSearchCV(
        clf, {"sigma": [0.2, 1.0]}, scoring=SCORING["radius"], random_state=0, min_resources=60
    ).fit(X, y)
    assert search.best_params_["sigma"] in (0.2, 1.0)


def test_over_a_guaranteed_minimum():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = (X[:, 1] > 0).astype(int)
    apc = AttributePrivacyClassifier(
        DecisionTreeClassifier(max_depth=3, random_state=0), sensitive_feature=0, bounds=(-5, 5)
    )
    narrowest = make_compatible_sets_scorer(
        interval_length_score, sensitive_feature=0, bounds=(-5, 5), quantile=0
    )
    search = GridSearchCV(
        apc,
        {"minimum": [0.1, 0.5, 1.0]},
        scoring={"accuracy": "accuracy", "narrowest": narrowest},
        refit=max_privacy(0.02, privacy="narrowest"),
    ).fit(X, y)
    assert search.cv_results_["mean_test_narrowest"][search.best_index_] == pytest.approx(10)
