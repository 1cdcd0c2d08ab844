"""Scorers of certificates and sets, in scikit-learn's searches."""

# ruff: noqa: E501

import pickle
from functools import partial

import numpy as np
import pytest
import sklearn
from conftest import LinearRule
from refused import refused
from scored import ATTRIBUTE, SCORING, SIGMAS, WEIGHT, X, same_scores, tree, y
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import RobustPrivacyClassifier, certify
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.certificate import Certificate
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.metrics import (
    abstention_rate,
    attribute_advantage,
    average_certified_radius,
    bayes_vulnerability,
    certified_accuracy_score,
    interval_length_score,
    make_certificate_scorer,
    make_compatible_sets_scorer,
)
from sklearn_rp.model_selection import NoiseSearchCV, max_privacy

REFUSED = [
    ("make_certificate_scorer: a metric of labels", lambda: make_certificate_scorer(lambda y_true, y_pred: 0), TypeError, "no parameter named 'cert'"),
    ("make_certificate_scorer: an argument that the metric has not", lambda: make_certificate_scorer(certified_accuracy_score, radios=1), TypeError, r"takes no argument \['radios'\]"),
    ("make_certificate_scorer: the name of a metric", lambda: make_certificate_scorer("accuracy"), TypeError, "not callable"),
    ("make_certificate_scorer: a request without metadata routing", lambda: make_certificate_scorer(abstention_rate).set_score_request(sample_weight=True), RuntimeError, "metadata routing is enabled"),
    ("make_compatible_sets_scorer: a metric of certificates", lambda: make_compatible_sets_scorer(abstention_rate, sensitive_feature=0), TypeError, "no parameter named 'sets'"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_scorer_pickles_and_shows_itself():
    scorer = make_certificate_scorer(certified_accuracy_score, radius=0.5)
    shown = "make_certificate_scorer(certified_accuracy_score, radius=0.5)"
    assert repr(scorer) == repr(pickle.loads(pickle.dumps(scorer))) == shown


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


def test_scores_of_compatible_sets():
    task = make_recommendation(200, slope=0.0, random_state=0)
    rule = LinearRule(task.coef).fit(task.data, task.target)
    sets = compatible_sets(rule, task.data, sensitive_feature=0, bounds=(-4, 4))
    assert interval_length_score(sets) == pytest.approx(4, abs=1e-5)
    assert interval_length_score(sets, quantile=0) == pytest.approx(4, abs=1e-5)
    prior = {-1.0: 0.4, 1.0: 0.2, 2.0: 0.4}
    before, after = 0.4, np.where(task.target == 1, 2 / 3, 1.0).mean()
    assert bayes_vulnerability(sets, prior=prior) == pytest.approx(after)
    assert attribute_advantage(sets, prior=prior) == pytest.approx(after - before)
    scorer = make_compatible_sets_scorer(
        attribute_advantage,
        sensitive_feature=0,
        bounds=(-4, 4),
        prior=prior,
        greater_is_better=False,
    )
    assert pickle.loads(pickle.dumps(scorer))(rule, task.data) == pytest.approx(before - after)
    search = GridSearchCV(
        DecisionTreeClassifier(random_state=0),
        {"max_depth": [1, 8]},
        scoring=make_compatible_sets_scorer(
            interval_length_score, sensitive_feature=0, bounds=(-4, 4)
        ),
        cv=2,
    ).fit(task.data, np.random.default_rng(0).integers(0, 2, 200))
    assert search.best_params_ == {"max_depth": 1}  # a deep tree has narrow sets


def test_numbers_within_a_tolerance_and_a_domain():
    """The tolerance of answers is not that of a guess, which the metric is given."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(-4, 5, 60), rng.normal(size=60)]
    line = LinearRegression().fit(X, X @ [2.0, 1.0])
    asked = {"sensitive_feature": 0, "bounds": (-5, 5)}
    length = make_compatible_sets_scorer(
        interval_length_score, domain="continuous", answer_tolerance=1.0, **asked
    )
    assert length(line, X) == pytest.approx(1.0, abs=1e-3)  # half a unit to each side
    whole = make_compatible_sets_scorer(
        interval_length_score, domain="integer", answer_tolerance=5.0, **asked
    )
    assert whole(line, X) == (5 - (np.abs(X[:, 0]) == 4)).mean()  # two to each side
    prior = np.linspace(-5, 5, 11)
    guess = make_compatible_sets_scorer(
        bayes_vulnerability,
        domain="integer",
        answer_tolerance=5.0,
        tolerance=1,
        prior=prior,
        **asked,
    )
    sets = compatible_sets(line, X, domain="integer", tolerance=5.0, **asked)
    _, after = sets.bayes_vulnerability(prior, tolerance=1)
    assert guess(line, X) == pickle.loads(pickle.dumps(guess))(line, X) == after.mean()
    assert "answer_tolerance=5.0" in repr(guess)


class Counted(LinearRule):
    """Counts the rows that it is asked about."""

    asked = 0

    def predict(self, X):
        Counted.asked += len(X)
        return super().predict(X)


FAR = np.c_[[-3.0, -2.5, -2.0, 2.0, 2.5, 3.0], np.zeros(6)]
SIDE = (FAR[:, 0] > 0).astype(int)
FEW, ALL = 6 * 1000, 6 * 20_000  # votes: 263 a row in the first round, 395 in the second


def one_line(y, cert):
    return certified_accuracy_score(y, cert, radius=0.3)


def by_hand(y, cert):
    return float((cert.at(0.3) & (cert.label == y)).mean())


def label_first(y, cert):
    return float(((cert.label == y) & cert.at(0.3)).mean())


def at_two_radii(y, cert):
    return float(cert.at(0.3).mean() + cert.at(0.6).mean()) / 2


def share_certified(y, cert):
    assert isinstance(cert, Certificate)
    return float((cert.at(0.3) & ~cert.abstained).mean())


COSTS = [
    (make_certificate_scorer(certified_accuracy_score, radius=0.3), FEW),
    (make_certificate_scorer(certified_accuracy_score), FEW),
    (make_certificate_scorer(partial(certified_accuracy_score, radius=0.3)), FEW),
    (make_certificate_scorer(one_line), FEW),
    (make_certificate_scorer(by_hand), FEW),
    (make_certificate_scorer(label_first), ALL),
    (make_certificate_scorer(at_two_radii), ALL + FEW),
    (make_certificate_scorer(share_certified), ALL + FEW),
]


@pytest.mark.parametrize(("scorer", "most"), COSTS)
def test_a_metric_costs_the_votes_that_it_asks_for(scorer, most):
    """Far from the boundary a few hundred votes tell that the radius is at least 0.3."""
    clf = RobustPrivacyClassifier(
        FrozenEstimator(Counted([1.0, 0]).fit(FAR)),
        sigma=0.5,
        noise_scale=None,
        noise_features=[0],
        method="monte_carlo",
        n_samples=20_000,
        random_state=0,
    ).fit(FAR, SIDE)
    Counted.asked = 0
    assert scorer(clf, FAR, SIDE) == 1.0
    assert most - FEW < Counted.asked <= most


def test_a_metric_sees_the_certificate_of_its_own_question(people):
    """All votes where anything but the first question is asked: the same values as `certify`."""
    X, _ = people
    clf = RobustPrivacyClassifier(
        LinearRule([1.0], [0, 1]),
        sigma=0.5,
        noise_features="bmi",
        method="monte_carlo",
        n_samples=3000,
        random_state=0,
    )
    rows = X[["bmi"]] - 26
    clf.fit(rows, (rows["bmi"] > 0).astype(int))
    seen = {}

    def metric(cert):
        seen["early"] = cert.at(1.0, feature="bmi")
        seen["label"] = cert.label
        seen["radius"] = cert.radius
        seen["later"] = cert.at(1.0, feature="bmi")
        return 0.0

    make_certificate_scorer(metric)(clf, rows)
    early, full = clf.certify(rows, radius=1.0, feature="bmi"), clf.certify(rows)
    np.testing.assert_array_equal(seen["early"], early.at(1.0, feature="bmi"))
    np.testing.assert_array_equal(seen["label"], early.label)
    np.testing.assert_array_equal(seen["radius"], full.radius)
    np.testing.assert_array_equal(seen["later"], full.at(1.0, feature="bmi"))


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("kind", [GridSearchCV, RandomizedSearchCV, NoiseSearchCV])
def test_every_score_in_every_search(kind, routing):
    arguments = {
        GridSearchCV: {"param_grid": {"sigma": SIGMAS}},
        RandomizedSearchCV: {"param_distributions": {"sigma": SIGMAS}, "n_iter": 3},
        NoiseSearchCV: {"sigmas": SIGMAS},
    }[kind]
    rule = max_privacy(0.05, privacy="length")
    with sklearn.config_context(enable_metadata_routing=routing):
        search = [
            kind(tree(), scoring=SCORING, refit=rule, cv=2, n_jobs=n_jobs, **arguments).fit(X, y)
            for n_jobs in (1, 2)
        ]
    same_scores(search[0].cv_results_, search[1].cv_results_)
    scores = search[0].cv_results_
    for name in SCORING:
        assert np.isfinite(scores[f"mean_test_{name}"]).all()
    radius = tree().fit(X, y).noise_scale_[0] * 0.2
    assert radius < 0.3  # in x0's own unit, so that the one is the stricter
    assert (scores["mean_test_in_unit"] <= scores["mean_test_certified"]).all()
    assert len(certify(search[0], X)) == len(X)
    assert search[0].best_estimator_.sigma == search[0].best_params_["sigma"]


@pytest.mark.parametrize("name", [n for n in SCORING if n != "accuracy"])
def test_halving_and_cross_validate(name):
    search = HalvingGridSearchCV(
        tree(), {"sigma": SIGMAS}, scoring=SCORING[name], random_state=0, min_resources=60, cv=2
    ).fit(X, y)
    assert search.best_params_["sigma"] in SIGMAS
    one, two = (
        cross_validate(tree(), X, y, scoring=SCORING, cv=2, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    np.testing.assert_array_equal(one[f"test_{name}"], two[f"test_{name}"])


def test_scores_by_hand_with_weights():
    clf = tree().fit(X, y)
    cert = clf.certify(X)
    right = (cert.label == y) & ~cert.abstained
    assert certified_accuracy_score(y, cert, radius=0.3, feature="x0") == np.mean(
        right & (cert.half_width("x0") >= 0.3)
    )
    weighted = {
        certified_accuracy_score: right,
        average_certified_radius: np.where(right, cert.radius, 0),
    }
    for metric, each in weighted.items():
        score = metric(y, cert, sample_weight=WEIGHT)
        assert score == pytest.approx((each * WEIGHT).sum() / WEIGHT.sum())
    assert abstention_rate(cert, sample_weight=WEIGHT) == pytest.approx(
        WEIGHT[cert.abstained].sum() / WEIGHT.sum()
    )
    sets = compatible_sets(clf, X, **ATTRIBUTE)
    assert interval_length_score(sets, sample_weight=WEIGHT) == pytest.approx(
        np.average(sets.component_length, weights=WEIGHT)
    )


@sklearn.config_context(enable_metadata_routing=True)
@pytest.mark.parametrize("kind", ["cross_validate", "GridSearchCV", "NoiseSearchCV"])
def test_weights_are_routed_to_the_scores_that_ask(kind):
    def scorer():
        return make_certificate_scorer(certified_accuracy_score)

    scoring = {
        "plain": scorer(),
        "weighted": scorer().set_score_request(sample_weight=True),
        "renamed": scorer().set_score_request(sample_weight="importance"),
    }
    model = DecisionTreeClassifier(max_depth=4, random_state=0).set_fit_request(sample_weight=False)
    clf = RobustPrivacyClassifier(model, noise_features=[0])
    params = {"sample_weight": WEIGHT, "importance": (WEIGHT > 0.5).astype(float)}
    folds = [(np.arange(120), np.arange(120, 240))]
    if kind == "cross_validate":
        scores = cross_validate(clf, X, y, scoring=scoring, cv=folds, params=params)
        found = {name: scores[f"test_{name}"][0] for name in scoring}
    else:
        search = (
            NoiseSearchCV(clf, [0.25], scoring=scoring, refit=False, cv=folds)
            if kind == "NoiseSearchCV"
            else GridSearchCV(clf, {"sigma": [0.25]}, scoring=scoring, refit=False, cv=folds)
        ).fit(X, y, **params)
        found = {name: search.cv_results_[f"mean_test_{name}"][0] for name in scoring}
    cert = clf.fit(X[:120], y[:120]).certify(X[120:])
    weights = {"plain": None, "weighted": WEIGHT[120:], "renamed": params["importance"][120:]}
    for name, weight in weights.items():
        expected = certified_accuracy_score(y[120:], cert, sample_weight=weight)
        assert found[name] == expected
    assert len(set(found.values())) == 3
