"""certify: through what hands the label on, and no further."""


# ruff: noqa: E501

import numpy as np
import pandas as pd
import pytest
import small
from refused import refused
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    StandardScaler,
)
from small import tree

from sklearn_rp import (
    RobustPrivacyClassifier,
    certify,
)

X_IRIS, Y_IRIS = load_iris(return_X_y=True)


def smooth(estimator=None, **changes):
    arguments = {"n_samples": 200, "random_state": 0, "method": "monte_carlo"}
    return RobustPrivacyClassifier(estimator, **(arguments | changes))


def test_certify_goes_through_what_hands_the_label_on():
    pipe = make_pipeline(StandardScaler(), smooth(sigma=0.5)).fit(X_IRIS, Y_IRIS)
    cert = certify(pipe, X_IRIS)
    assert np.array_equal(cert.label, pipe.predict(X_IRIS))
    direct = smooth(sigma=0.5).fit(StandardScaler().fit_transform(X_IRIS), Y_IRIS)
    assert np.array_equal(
        cert.radius, direct.certify(StandardScaler().fit_transform(X_IRIS)).radius
    )
    search = GridSearchCV(pipe, {"robustprivacyclassifier__sigma": [0.5]}, cv=2)
    search.fit(X_IRIS, Y_IRIS)
    assert np.array_equal(certify(search, X_IRIS).radius, cert.radius)
    assert np.array_equal(certify(FrozenEstimator(search), X_IRIS).radius, cert.radius)
    assert len(certify(direct, X_IRIS)) == 150


def test_certify_of_a_pipeline_with_frames_keeps_names(people):
    X, y = people
    pipe = make_pipeline(StandardScaler().set_output(transform="pandas"), smooth())
    pipe.fit(X.drop(columns="sex"), y)
    assert "bmi" in certify(pipe, X.drop(columns="sex")).feature_names


@pytest.mark.parametrize(
    "wrapper",
    [
        lambda: FixedThresholdClassifier(smooth(), threshold=0.3),
        lambda: CalibratedClassifierCV(smooth(), cv=2),
        lambda: LogisticRegression(),
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
    ],
)
def test_certify_refuses_what_changes_the_label(wrapper):
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    with pytest.raises(TypeError, match="cannot certify"):
        certify(wrapper().fit(X, y), X)


X, Y = load_breast_cancer(return_X_y=True)
X = X[:, :4]


def test_a_pipeline_that_reorders_rows_keeps_their_labels():
    rows = pd.DataFrame(X, columns=list("abcd"))
    turned = FunctionTransformer(lambda frame: frame[::-1])
    pipe = make_pipeline(turned, FrozenEstimator(RobustPrivacyClassifier(tree(3)).fit(rows, Y)))
    cert = certify(pipe, rows)
    assert cert.to_frame().index.equals(rows.index[::-1])
    fewer = make_pipeline(FunctionTransformer(lambda frame: frame.to_numpy()[:5]), pipe[-1])
    assert len(certify(fewer, rows).to_frame()) == 5


REFUSED = [
    ("certify: a model that cannot", lambda: certify(LogisticRegression().fit(small.X, small.Y), small.X), TypeError, "cannot certify LogisticRegression"),
    ("certify: a model of numbers that cannot", lambda: certify(LinearRegression().fit(small.X, small.Y), small.X), TypeError, r"as RobustPrivacyRegressor\(estimator=LinearRegression"),
    ("certify: no model", lambda: certify(None, small.X), TypeError, "cannot certify NoneType"),
    ("certify: a classifier that was not fitted", lambda: certify(smooth(), X_IRIS), NotFittedError, "not fitted"),
    ("certify: a Pipeline that was not fitted", lambda: certify(make_pipeline(StandardScaler(), smooth()), X_IRIS), NotFittedError, "not fitted"),
    ("certify: a search that was not fitted", lambda: certify(GridSearchCV(smooth(), {"sigma": [0.5]}), X_IRIS), NotFittedError, "GridSearchCV is not fitted"),
    ("certify: a search without a best model", lambda: certify(GridSearchCV(smooth(), {"sigma": [0.5]}, cv=2, refit=False).fit(X_IRIS, Y_IRIS), X_IRIS), TypeError, "refit=False"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
