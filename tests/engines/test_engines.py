"""Which engine takes a problem: none that does not compute what the model answers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier
from small import tree

from engines.oracle import check_shares, exact
from sklearn_rp import (
    RobustPrivacyClassifier,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
CANCER = load_breast_cancer(return_X_y=True)
IRIS = load_iris(return_X_y=True)


def test_a_model_that_ignores_the_noised_feature():
    """The true radius is infinite; no more than the diameter of the data is reported."""
    X = np.c_[np.linspace(-1, 1, 50), np.random.default_rng(0).normal(size=50)]
    y = (X[:, 0] > 0).astype(int)
    for model in (LogisticRegression(), DecisionTreeClassifier()):
        model.fit(X * [1, 0], y)
        clf = exact(FrozenEstimator(model), noise_features=[1], sigma=0.3).fit(X, y)
        radius = clf.certify(X).radius
        assert radius == pytest.approx(np.full(50, np.ptp(X[:, 1]) / X[:, 1].std()))


def test_auto_takes_no_exact_method_where_the_release_is_to_be_random():
    X, y = IRIS
    clf = RobustPrivacyClassifier(DecisionTreeClassifier(), resample=True, n_samples=20)
    assert clf.fit(X, y).method_ == "monte_carlo"
    with pytest.raises(ValueError, match="resample=True can do nothing"):
        exact(DecisionTreeClassifier(), resample=True).fit(X, y)


class MajorityOfAll(GridSearchCV):
    """A search that answers in another way than its best model."""

    def predict(self, X):
        return np.full(len(X), self.classes_[1])


@pytest.mark.parametrize(
    ("model", "grid", "engine"),
    [
        (DecisionTreeClassifier(random_state=0), {"max_depth": [2, 4]}, "trees"),
        (
            make_pipeline(StandardScaler(), LogisticRegression()),
            {"logisticregression__C": [0.1, 1.0]},
            "linear",
        ),
    ],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_tuned_model_is_read_as_the_model_that_was_chosen(model, grid, engine, frozen):
    X, y = CANCER
    search = GridSearchCV(model, grid, cv=3)
    clf = RobustPrivacyClassifier(
        FrozenEstimator(search.fit(X, y)) if frozen else search, random_state=0
    ).fit(X, y)
    assert clf.engine_ == engine
    inner = clf.estimator_.estimator if frozen else clf.estimator_
    plain = RobustPrivacyClassifier(FrozenEstimator(inner.best_estimator_)).fit(X, y)
    np.testing.assert_array_equal(clf.certify(X).radius, plain.certify(X).radius)


def test_a_search_with_answers_of_its_own_is_not_read_as_its_best_model():
    search = MajorityOfAll(DecisionTreeClassifier(random_state=0), {"max_depth": [2]}, cv=3)
    clf = RobustPrivacyClassifier(search, random_state=0).fit(*CANCER)
    assert clf.method_ == "monte_carlo"
    assert (clf.predict(CANCER[0]) == 1).all()


CANCER_X, CANCER_Y = load_breast_cancer(return_X_y=True)
CANCER_X = CANCER_X[:, :4]


class Square(SelectKBest):
    """A selector that also transforms."""

    def transform(self, X):
        return (super().transform(X) - 100) ** 2


def sentinel_data():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(120, 30, 2000), rng.normal(size=2000)]
    y = (X[:, 0] > 110).astype(int)
    X[::20, 0] = 0
    return X, y


def clipped_data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    X[3], X[7, 1] = [12, 0], 30
    return X, (X.sum(axis=1) > 0).astype(int)


weighted = ColumnTransformer(
    [("n", StandardScaler(), [0, 1, 2, 3])], transformer_weights={"n": 10.0}
)
NOT_AFFINE = {
    "imputer of a number": (
        make_pipeline(SimpleImputer(missing_values=0), tree(3)),
        *sentinel_data(),
    ),
    "transformer weights": (make_pipeline(weighted, tree()), CANCER_X, CANCER_Y),
    "a subclassed selector": (make_pipeline(Square(k=2), tree()), CANCER_X, CANCER_Y),
}


@pytest.mark.parametrize("case", NOT_AFFINE)
def test_steps_that_are_not_what_they_seem(case):
    model, rows, y = NOT_AFFINE[case]
    clf = RobustPrivacyClassifier(model, sigma=0.5, n_samples=2000, random_state=0).fit(rows, y)
    check_shares(clf, rows[:3])
    assert clf.method_ == "monte_carlo"  # there is no closed form behind this step


def test_a_scaler_that_clips():
    try:
        scaler = MaxAbsScaler(clip=True)
    except TypeError:
        pytest.skip("MaxAbsScaler has no clip in this scikit-learn")
    rows, y = clipped_data()
    clf = RobustPrivacyClassifier(make_pipeline(scaler, LogisticRegression(C=100)), n_samples=50)
    assert clf.fit(rows, y).method_ == "monte_carlo"


def test_a_frozen_pipeline_over_reordered_columns():
    frame = pd.DataFrame(CANCER_X, columns=list("abcd"))
    columns = ColumnTransformer([("s", StandardScaler(), [0])])
    pipe = make_pipeline(columns, tree()).fit(frame, CANCER_Y)
    other = frame[["d", "c", "b", "a"]]
    arguments = {"noise_features": ["a", "d"], "sigma": 0.3, "random_state": 0}
    exact = RobustPrivacyClassifier(FrozenEstimator(pipe), **arguments).fit(other, CANCER_Y)
    sampled = RobustPrivacyClassifier(
        FrozenEstimator(pipe), method="monte_carlo", n_samples=20_000, **arguments
    ).fit(other, CANCER_Y)
    assert exact.predict_proba(other[:20]) == pytest.approx(
        sampled.predict_proba(other[:20]), abs=0.03
    )


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(
            ColumnTransformer([("k", "passthrough", [1, 2])]), FunctionTransformer(np.log1p), tree()
        ),
        make_pipeline(FunctionTransformer(np.log1p), tree()),
    ],
)
def test_pipelines_without_a_closed_form_fall_back(model):
    clf = RobustPrivacyClassifier(model, noise_features=[0, 3], n_samples=20).fit(
        CANCER_X, CANCER_Y
    )
    assert clf.method_ == "monte_carlo"


def test_columns_that_are_called_by_numbers_are_read():
    frame = pd.DataFrame(CANCER_X, columns=[10, 20, 30, 40])
    model = make_pipeline(ColumnTransformer([("s", StandardScaler(), [0, 1])]), tree())
    assert RobustPrivacyClassifier(model, n_samples=50).fit(frame, CANCER_Y).method_ == "exact"


def test_a_step_that_takes_text_before_one_that_drops_it():
    text = pd.DataFrame({"a": CANCER_X[:, 0], "t": np.where(CANCER_Y, "u", "v")})
    model = make_pipeline(
        SimpleImputer(strategy="most_frequent"), FunctionTransformer(lambda v: v[:, :1]), tree()
    )
    clf = RobustPrivacyClassifier(model, n_samples=50).fit(text, CANCER_Y)
    assert len(clf.certify(text)) == len(CANCER_Y)


class Guarded(Pipeline):
    """0 wherever the first feature is far out."""

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] > 3.9, 0, super().predict(X))


class GuardedModel(LogisticRegression):
    """The same, and says nothing of it in its module."""

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] > 3.9, 0, super().predict(X))


GuardedModel.predict.__module__ = "sklearn.linear_model"


@pytest.mark.parametrize("model", [Guarded([("m", LogisticRegression())]), GuardedModel()])
def test_a_rule_far_out_is_seen(model):
    rows = np.clip(np.random.default_rng(0).normal(size=(500, 2)), -2.4, 2.4)
    clf = RobustPrivacyClassifier(model, sigma=4.0, noise_scale=None, random_state=0)
    clf.fit(rows, (rows[:, 0] > 0).astype(int))
    assert clf.engine_ == "monte_carlo"
    assert clf.predict([[2.0, 0.0]]) == [0]
