"""A class's probability as the number that is released: of both regressors."""

# ruff: noqa: E501

import numpy as np
import pytest
from refused import refit, refused
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyRegressor,
    AttributePrivacyTransformer,
    RobustPrivacyRegressor,
    privacy_report,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.metrics import certified_error, make_certificate_scorer

FRAME, PROGRESS = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME = FRAME[["age", "bmi", "bp", "s5"]]
Y = np.select([PROGRESS > 200, PROGRESS > 100], ["fast", "medium"], "slow")
BMI = {"sensitive_feature": "bmi", "bounds": (18, 43)}
MODELS = {
    "boosting": HistGradientBoostingClassifier(max_iter=10),
    "forest": RandomForestClassifier(20, max_depth=5, random_state=0),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
}


def minimum(model, **parameters):
    return AttributePrivacyRegressor(model, pos_label="fast", **(BMI | parameters))


def expected_loss(truth, released, loss):
    """What a released probability loses beside the model's, in expectation over the class."""
    if loss == "log_loss":
        safe = np.clip(released, 1e-12, 1 - 1e-12)
        return -(truth * np.log(safe) + (1 - truth) * np.log(1 - safe))
    return truth * (1 - released) ** 2 + (1 - truth) * released**2


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
@pytest.mark.parametrize("name", MODELS)
def test_probabilities_leave_everybody_the_minimum(name, loss):
    apr = minimum(clone(MODELS[name]), loss=loss, levels="model", prior="uniform").fit(FRAME, Y)
    plain = clone(MODELS[name]).fit(FRAME, Y)
    place = list(plain.classes_).index("fast")
    told = apr.estimator_.predict(FRAME)
    np.testing.assert_allclose(told, plain.predict_proba(FRAME)[:, place], rtol=1e-12)
    n = 4 if apr.release_.alone else 12
    sets, rows = apr.compatible_sets(FRAME), FRAME.head(n)
    assert (sets.component_length >= 0.2 * 25 - 1e-9).all()
    grid = np.linspace(18, 43, 400)
    for row in range(n):
        along = rows.iloc[np.full(400, row)].assign(bmi=grid)
        released, model = apr.predict(along), plain.predict_proba(along)[:, place]
        assert ((released >= 0) & (released <= 1)).all()
        here = released == sets.label[row]
        low, high = (end[row] for end in sets.own_interval())
        assert here[(grid > low + 1e-6) & (grid < high - 1e-6)].all()
        # No better than the best constant, and no worse than the best two steps of a few.
        ours = expected_loss(model, released, loss).mean()
        assert ours <= expected_loss(model, model.mean(), loss).mean() + 1e-3
        for cut in np.linspace(18 + 5, 43 - 5, 7):
            left = grid <= cut
            two = np.where(left, model[left].mean(), model[~left].mean())
            assert ours <= expected_loss(model, two, loss).mean() + 2e-3


def test_a_score_is_that_of_zeros_and_ones():
    apr = minimum(MODELS["forest"], levels="model").fit(FRAME, Y)
    truth, told = (Y == "fast").astype(float), apr.predict(FRAME)
    assert apr.score(FRAME, Y) == pytest.approx(r2_score(truth, told))
    brier, alone = brier_score_loss(truth, told), truth.mean() * (1 - truth.mean())
    assert apr.score(FRAME, Y) == pytest.approx(1 - brier / alone)
    assert log_loss(truth, told) < log_loss(truth, np.full(len(truth), truth.mean()))


@pytest.mark.parametrize("loss", ["squared_error", "log_loss"])
def test_answers_learnt_for_runs(loss):
    apr = minimum(MODELS["boosting"], loss=loss).fit(FRAME, Y)
    assert 0 <= apr.interval_weight_ <= 1
    learnt = minimum(MODELS["boosting"], loss=loss, levels="intervals").fit(FRAME, Y)
    told = learnt.predict(FRAME)
    assert ((told >= 0) & (told <= 1)).all()
    assert learnt.score(FRAME, Y) > 0.1
    assert (learnt.compatible_sets(FRAME).component_length >= 5 - 1e-9).all()


def test_a_model_in_production():
    frozen = FrozenEstimator(clone(MODELS["forest"]).fit(FRAME, Y))
    apr = minimum(frozen).fit(FRAME, Y)
    assert apr.interval_weight_ == 0
    few = minimum(frozen).fit(FRAME[:50], Y[:50])
    assert few.estimator_.estimator_ is frozen
    rpr = RobustPrivacyRegressor(frozen, step=0.1, pos_label="fast", noise_features=["bmi"])
    rpr.fit(FRAME, Y)
    assert rpr.engine_ == "sweep"
    learnt = minimum(frozen, levels="intervals").fit(FRAME, Y)  # a second model is a clone of it
    assert learnt.score(FRAME, Y) > 0.1


def test_a_smoothed_probability():
    rpr = RobustPrivacyRegressor(
        clone(MODELS["forest"]), step=0.1, pos_label="fast", noise_features=["bmi"], sigma=0.5
    ).fit(FRAME, Y)
    assert rpr.method_ == "exact"
    told = rpr.predict(FRAME)
    assert set(np.round(told, 9)) <= set(np.round(np.arange(10) / 10 + 0.05, 9))
    assert rpr.score(FRAME, Y) > 0.2
    low, high = rpr.certify(FRAME).interval("bmi")
    for at in (low + 1e-6, high - 1e-6):
        np.testing.assert_array_equal(rpr.predict(FRAME.assign(bmi=at)), told)
    sets = compatible_sets(rpr, FRAME.head(20), **BMI)
    np.testing.assert_array_equal(sets.label, told[:20])


def test_weights_and_searches():
    weight = np.where(FRAME["age"] > 50, 1.0, 0.0)
    apr = minimum(MODELS["forest"], levels="model")
    kept = clone(apr).fit(FRAME, Y, sample_weight=weight)
    plain = clone(MODELS["forest"]).fit(FRAME, Y, sample_weight=weight)
    told = kept.estimator_.predict(FRAME)
    np.testing.assert_allclose(told, plain.predict_proba(FRAME)[:, 0], rtol=1e-12)
    search = GridSearchCV(apr, {"minimum": [0.2, 0.9]}, cv=2).fit(FRAME, Y)
    assert search.best_params_["minimum"] == 0.2


def test_published_and_reported():
    apr = minimum(MODELS["forest"], levels="model", decimals=2)
    apt = AttributePrivacyTransformer(apr, include_prediction=True, **BMI).fit(FRAME, Y)
    out = apt.transform(FRAME)
    np.testing.assert_array_equal(out["prediction"], apt.estimator_.predict(FRAME))
    report = privacy_report(apt.estimator_, FRAME, Y, sensitive_features="bmi", bounds=(18, 43))
    assert report.operating_point["model"] == "RandomForestClassifier"
    assert report.operating_point["r2"] == pytest.approx(apt.estimator_.score(FRAME, Y))


def test_two_classes_of_numbers():
    X, y = load_breast_cancer(return_X_y=True)
    apr = AttributePrivacyRegressor(
        LogisticRegression(max_iter=5000), sensitive_feature=0, pos_label=0, levels="model"
    ).fit(X[:, :5], y)
    assert apr.score(X[:, :5], y) > 0.5
    assert apr.predict(X[:, :5])[y == 0].mean() > 0.7


def test_a_net():
    pytest.importorskip("skorch")
    import torch
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    net = NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Linear(4, 3)), criterion=torch.nn.CrossEntropyLoss,
        max_epochs=3, verbose=0,
    )  # fmt: skip
    small = StandardScaler().fit_transform(FRAME).astype(np.float32)
    apr = AttributePrivacyRegressor(
        net, sensitive_feature=1, pos_label="slow", levels="model"
    ).fit(small, Y)  # fmt: skip
    told = apr.predict(small)
    assert told.min() >= 0
    assert told.max() <= 1
    assert (apr.compatible_sets(small).share >= 0.2 - 1e-9).all()


def test_scorers_know_the_class():
    for label in ("fast", 1):
        target = Y if label == "fast" else (Y == "fast").astype(int)
        rpr = RobustPrivacyRegressor(
            clone(MODELS["forest"]), step=0.1, pos_label=label, noise_features=["bmi"]
        ).fit(FRAME, target)
        expected = certified_error((Y == "fast").astype(float), rpr.certify(FRAME))
        assert make_certificate_scorer(certified_error)(rpr, FRAME, target) == expected
    with pytest.raises(ValueError, match="y holds .* of a class's probability, y == pos_label"):
        certified_error(Y, rpr.certify(FRAME))


def test_a_class_told_by_what_is_inside():
    inner = RobustPrivacyRegressor(
        clone(MODELS["logistic"]), step=0.05, pos_label="fast", noise_features=[1]
    )
    few = {"resolution": 32, "levels": "model"}
    outer = AttributePrivacyRegressor(inner, **BMI, **few).fit(FRAME, Y)
    assert outer.score(FRAME[:100], Y[:100]) > 0.1
    around = RobustPrivacyRegressor(
        AttributePrivacyClassifier(LogisticRegression(max_iter=5000), resolution=8, **BMI),
        step=0.1, pos_label="fast", noise_features=[0], method="monte_carlo", n_samples=20,
    ).fit(FRAME, Y)  # fmt: skip
    assert around.estimator_.estimator_.classes_.tolist() == ["fast", "medium", "slow"]
    assert around.score(FRAME[:60], Y[:60]) > -1


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("model", [LogisticRegression(), DecisionTreeClassifier(max_depth=6)])
def test_probabilities_are_probabilities_and_the_same_in_any_company(kind, model):
    rng = np.random.default_rng(1)
    X = np.c_[rng.uniform(15, 45, 240), rng.normal(size=(240, 2))].astype(kind)
    y = (X[:, 0] - 30) / 6 + X[:, 1] + rng.logistic(size=240) > 0
    apr = AttributePrivacyRegressor(
        clone(model), sensitive_feature=0, loss="log_loss", pos_label=True, levels="model"
    ).fit(X, y)
    told = apr.predict(X)
    assert 0 <= told.min() <= told.max() <= 1
    log_loss(y, told)  # which takes nothing else
    alone = np.concatenate([apr.predict(X[k : k + 1]) for k in range(240)])
    np.testing.assert_array_equal(alone, told)


# fmt: off
REFUSED = [
    ("pos_label: a list", lambda: refit(minimum(MODELS["forest"]).set_params(pos_label=["fast"]), FRAME, Y), ValueError, r"pos_label=\['fast'\] is not allowed: give one label"),
    ("pos_label: NaN", lambda: refit(minimum(MODELS["forest"]).set_params(pos_label=np.nan), FRAME, Y), ValueError, "pos_label=nan is not allowed: give one label"),
    ("pos_label: a class that y has not", lambda: refit(minimum(MODELS["forest"], levels="model").set_params(pos_label="never"), FRAME, Y), ValueError, r"pos_label='never' is not allowed: y holds \['fast', 'medium', 'slow'\] alone"),
    ("pos_label of a regressor", lambda: refit(minimum(LinearRegression()), FRAME, Y), ValueError, "pos_label='fast' is not allowed with estimator=LinearRegression.*Give a classifier"),
    ("pos_label without a model", lambda: refit(minimum(None), FRAME, Y), ValueError, "pos_label='fast' is not allowed with estimator=None"),
    ("pos_label of a classifier without probabilities", lambda: refit(minimum(LinearSVC()), FRAME, Y), ValueError, "pos_label needs predict_proba, which LinearSVC has not"),
    ("a frozen classifier that does not know pos_label", lambda: refit(minimum(FrozenEstimator(LogisticRegression().fit(FRAME, Y == "fast"))), FRAME, Y), ValueError, "Found the pos_label 'fast', which is not among"),
    ("log-loss of numbers", lambda: refit(AttributePrivacyRegressor(loss="log_loss", **BMI), FRAME, PROGRESS), ValueError, "loss='log_loss' is not allowed without pos_label"),
    ("one class for a probability", lambda: refit(minimum(MODELS["forest"]), FRAME, np.full(len(Y), "fast")), ValueError, "y is constant, fast, in the 442 sample"),
    ("a classifier for a regressor, without pos_label", lambda: refit(AttributePrivacyRegressor(LogisticRegression(), **BMI), FRAME, PROGRESS), ValueError, "a class's probability is released as a number with pos_label"),
]
# fmt: on


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
