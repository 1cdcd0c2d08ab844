"""Metrics by hand, and their scorers in scikit-learn's searches."""

import pickle

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from test_certificate import make_certificate

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.metrics import _CertificateScorer as Scorer
from sklearn_rp.metrics import (
    abstention_rate,
    average_certified_radius,
    certified_accuracy_score,
    make_certificate_scorer,
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


def test_bad_input(cert):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        certified_accuracy_score(TRUTH[:2], cert)
    with pytest.raises(TypeError, match="not a Certificate"):
        abstention_rate(TRUTH)
    with pytest.raises(ValueError, match="no rows"):
        abstention_rate(cert[:0])
    with pytest.raises(ValueError, match="must not be negative"):
        certified_accuracy_score(TRUTH, cert, radius=-1)
    with pytest.raises(TypeError, match="no parameter named 'cert'"):
        make_certificate_scorer(lambda y_true, y_pred: 0)
    with pytest.raises(TypeError, match="takes no argument"):
        make_certificate_scorer(certified_accuracy_score, radios=1)
    with pytest.raises(TypeError, match="not callable"):
        make_certificate_scorer("accuracy")


def test_scorer_pickles_and_shows_itself():
    scorer = make_certificate_scorer(certified_accuracy_score, radius=0.5)
    assert isinstance(pickle.loads(pickle.dumps(scorer)), Scorer)
    assert repr(scorer) == "make_certificate_scorer(certified_accuracy_score, radius=0.5)"


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_search_over_sigma_through_a_pipeline(n_jobs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3))
    y = (X @ [1.0, 1.0, 0] > 0).astype(int)
    pipe = make_pipeline(
        StandardScaler(),
        RobustPrivacyClassifier(
            LogisticRegression(), method="monte_carlo", n_samples=300, random_state=0
        ),
    )
    scoring = {
        "accuracy": "accuracy",
        "radius": make_certificate_scorer(average_certified_radius),
        "abstention": make_certificate_scorer(abstention_rate, greater_is_better=False),
    }
    search = GridSearchCV(
        pipe,
        {"robustprivacyclassifier__sigma": [0.1, 0.5, 1.0]},
        scoring=scoring,
        refit="radius",
        cv=3,
        n_jobs=n_jobs,
    ).fit(X, y)
    radius = search.cv_results_["mean_test_radius"]
    assert radius[0] < radius[2]
    assert search.best_index_ == radius.argmax()
    assert (search.cv_results_["mean_test_abstention"] <= 0).all()
    scores = cross_validate(search.best_estimator_, X, y, scoring=scoring, cv=3)
    assert scores["test_radius"].mean() == radius[search.best_index_]
