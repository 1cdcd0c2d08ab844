"""PrivacyUtilityDisplay, by the data that it draws."""

# ruff: noqa: E501

import numpy as np
import pytest
from refused import refused
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    RobustPrivacyClassifier,
)
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.inspection import (
    PrivacyUtilityDisplay,
)
from sklearn_rp.metrics import (
    average_certified_radius,
    make_certificate_scorer,
)
from sklearn_rp.model_selection import max_privacy

TASK = make_recommendation(400, random_state=0)
X, y = TASK.data, TASK.target
RESULTS = {
    "params": [{"clf__sigma": s} for s in (0.1, 0.5, 1.0, 2.0)],
    "mean_test_accuracy": np.array([0.90, 0.92, 0.80, 0.79]),
    "mean_test_radius": np.array([0.1, 0.3, 0.5, 0.5]),
    "split0_test_accuracy": np.array([0.9, 0.9, 0.8, 0.79]),
    "split1_test_accuracy": np.array([0.9, 0.94, 0.8, 0.79]),
    "split0_test_radius": np.array([0.1, 0.3, 0.5, 0.5]),
    "split1_test_radius": np.array([0.1, 0.3, 0.5, 0.5]),
}


def test_privacy_utility_by_hand():
    display = PrivacyUtilityDisplay.from_cv_results(RESULTS, chosen=max_privacy(0.15))
    frame = display.frame()
    assert frame["candidate"].tolist() == [f"sigma = {s}" for s in ("0.1", "0.5", "1", "2")]
    assert frame["frontier"].tolist() == [False, True, True, False]
    assert frame["chosen"].tolist() == [False, False, True, False]
    np.testing.assert_allclose(frame["accuracy_error"], [0, 0.02, 0, 0], atol=1e-12)
    np.testing.assert_array_equal(frame["privacy"], RESULTS["mean_test_radius"])
    other = PrivacyUtilityDisplay.from_cv_results(RESULTS, name="other", ax=display.ax_)
    assert other.ax_ is display.ax_
    assert not other.frame()["chosen"].any()
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert sorted(labels) == ["candidates, with standard errors", "chosen: sigma = 1", "other"]


def test_privacy_utility_of_a_search():
    search = GridSearchCV(
        RobustPrivacyClassifier(DecisionTreeClassifier(random_state=0), noise_features=[0]),
        {"sigma": [0.1, 1.0], "estimator__max_depth": [1, 3]},
        scoring={
            "accuracy": "accuracy",
            "radius": make_certificate_scorer(average_certified_radius),
        },
        refit=max_privacy(),
        cv=2,
    )
    frame = PrivacyUtilityDisplay.from_estimator(search.fit(X, y)).frame()
    assert np.flatnonzero(frame["chosen"]).tolist() == [search.best_index_]
    np.testing.assert_array_equal(frame["accuracy"], search.cv_results_["mean_test_accuracy"])
    assert frame["candidate"][0] == "max_depth = 1, sigma = 0.1"


def test_a_failed_candidate_hides_no_other():
    results = RESULTS | {"mean_test_accuracy": np.array([0.9, 0.8, 0.7, np.nan])}
    frame = PrivacyUtilityDisplay.from_cv_results(results).frame()
    assert frame["frontier"].tolist() == [True, True, True, False]


BASE = GradientBoostingClassifier(n_estimators=20, random_state=0).fit(X, y)
REFUSED = [
    ("PrivacyUtilityDisplay: a scorer that the search has not", lambda: PrivacyUtilityDisplay.from_cv_results(RESULTS, privacy="acr"), ValueError, "privacy='acr' is no scorer of the search"),
    ("PrivacyUtilityDisplay: a search that was not fitted", lambda: PrivacyUtilityDisplay.from_estimator(GridSearchCV(BASE, {})), ValueError, "fit the search first"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
