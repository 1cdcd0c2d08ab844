"""Choosing the noise: max_privacy by hand, NoiseSearchCV against GridSearchCV, progress."""

# ruff: noqa: E501

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sklearn
from refused import refused
from scored import ATTRIBUTE, SCORING, SIGMAS, WEIGHT, X, same_scores, tree, y
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, roc_auc_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from small import OwnPipeline

from sklearn_rp import (
    AttributePrivacyClassifier,
    RobustPrivacyClassifier,
    RobustPrivacyRecommender,
    certify,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import make_item_recommendation
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.metrics import (
    average_certified_radius,
    certified_accuracy_score,
    interval_length_score,
    make_certificate_scorer,
    make_compatible_sets_scorer,
)
from sklearn_rp.model_selection import NoiseSearchCV, max_privacy


def votes(**arguments):
    return tree(method="monte_carlo", n_samples=50, random_state=0, **arguments)


@pytest.mark.slow
@pytest.mark.parametrize("make", [tree, votes])
@pytest.mark.parametrize("voting", ["hard", "soft"])
@pytest.mark.parametrize("pipeline", [False, True])
def test_noise_search_is_grid_search(make, voting, pipeline):
    clf = make(voting=voting)
    where = "robustprivacyclassifier__" if pipeline else ""
    if make is votes:  # with noise of the splits' own, equal scores are not to be had
        clf.set_params(random_state=None, n_samples=400)
    clf = make_pipeline(StandardScaler(), clf) if pipeline else clf
    scoring = SCORING | {"auc": make_scorer(roc_auc_score, response_method="predict_proba")}
    if make is votes or voting == "soft":  # compatible sets of these take long
        scoring = {"accuracy": "accuracy", "radius": SCORING["radius"]}
    fast = NoiseSearchCV(clf, SIGMAS, scoring=scoring, refit="radius", cv=3).fit(X, y)
    plain = GridSearchCV(clf, {f"{where}sigma": SIGMAS}, scoring=scoring, refit="radius", cv=3)
    plain.fit(X, y)
    assert set(fast.cv_results_) == set(plain.cv_results_)
    assert fast.cv_results_["params"] == plain.cv_results_["params"]
    if make is votes:
        for name in scoring:
            np.testing.assert_allclose(
                fast.cv_results_[f"mean_test_{name}"],
                plain.cv_results_[f"mean_test_{name}"],
                atol=0.15,
            )
        return
    same_scores(fast.cv_results_, plain.cv_results_)
    assert (fast.best_params_, fast.best_index_) == (plain.best_params_, plain.best_index_)
    assert fast.best_score_ == plain.best_score_
    assert fast.score(X, y) == plain.score(X, y)
    np.testing.assert_array_equal(fast.predict_proba(X), plain.predict_proba(X))


@pytest.mark.parametrize("scoring", [None, "accuracy", SCORING["radius"]])
def test_noise_search_with_one_score(scoring):
    forest = RandomForestClassifier(5, random_state=0)
    clf = RobustPrivacyClassifier(forest, voting="soft", noise_features=[0])
    fast = NoiseSearchCV(clf, SIGMAS, scoring=scoring, cv=2).fit(X, y)
    plain = GridSearchCV(clf, {"sigma": SIGMAS}, scoring=scoring, cv=2).fit(X, y)
    same_scores(fast.cv_results_, plain.cv_results_)
    assert fast.best_score_ == plain.best_score_
    assert not fast.multimetric_
    unfitted = NoiseSearchCV(clf, SIGMAS, scoring=scoring, refit=False, cv=2).fit(X, y)
    assert unfitted.best_index_ == plain.best_index_
    assert not hasattr(unfitted, "best_estimator_")


class Counting(GradientBoostingClassifier):
    calls = 0

    def predict(self, X):
        Counting.calls += len(X)
        return super().predict(X)


def test_noise_search_reads_the_model_once_for_all_levels_and_scores():
    base = FrozenEstimator(Counting(n_estimators=5, random_state=0).fit(X, y))
    read = []
    for sigmas in ([0.5], np.linspace(0.1, 2, 10)):
        Counting.calls = 0
        clf = RobustPrivacyClassifier(base, noise_features=[0], method="exact")
        NoiseSearchCV(clf, sigmas, scoring=SCORING, refit=False, cv=2).fit(X, y)
        read.append(Counting.calls)
    # Whether the release is random: rows, times, folds, scores of compatible sets.
    asked_twice = 50 * 2 * 2 * 2
    assert read[1] - read[0] <= 9 * asked_twice
    assert read[0] > 100 * asked_twice


def test_splits_draw_noise_of_their_own():
    search = NoiseSearchCV(votes(), [0.5], cv=[(np.arange(240), np.arange(240))]).fit(X, y)
    same_bank = votes().set_params(sigma=0.5).fit(X, y)
    np.testing.assert_array_equal(
        search.best_estimator_.certify(X).radius, same_bank.certify(X).radius
    )
    by_radius = NoiseSearchCV(
        votes(), [0.5], scoring=SCORING["radius"], cv=[(np.arange(240), np.arange(240))]
    ).fit(X, y)
    assert by_radius.best_score_ != average_certified_radius(y, same_bank.certify(X))


def test_a_recommender_is_searched_as_by_a_grid_and_its_folds_are_not_stratified():
    task = make_item_recommendation(120, 8, random_state=0)
    rows, wanted = task.data[["age", "activity"]], task.target
    model = RobustPrivacyRecommender(
        RandomForestClassifier(5, random_state=0), n_recommended=3, noise_features=["age"]
    )
    search = NoiseSearchCV(model, SIGMAS).fit(rows, wanted)
    grid = GridSearchCV(model, {"sigma": SIGMAS}, cv=KFold(5)).fit(rows, wanted)
    same_scores(search.cv_results_, grid.cv_results_)
    assert not hasattr(search, "classes_")


def test_fresh_noise_can_be_searched():
    clf = votes(resample=True)
    search = NoiseSearchCV(clf, SIGMAS, scoring=SCORING["radius"], cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_groups():
    groups = np.arange(len(y)) % 4
    search = NoiseSearchCV(tree(), SIGMAS, cv=GroupKFold(4)).fit(X, y, groups=groups)
    assert search.n_splits_ == 4
    with sklearn.config_context(enable_metadata_routing=True):
        again = NoiseSearchCV(tree(), SIGMAS, cv=GroupKFold(4)).fit(X, y, groups=groups)
    same_scores(search.cv_results_, again.cv_results_)


def test_frames_and_names():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=[f"col{j}" for j in range(X.shape[1])])
    clf = RobustPrivacyClassifier(LogisticRegression(), noise_features=["col0"])
    scorer = make_certificate_scorer(certified_accuracy_score, radius=0.1, feature="col0")
    search = NoiseSearchCV(clf, SIGMAS, scoring=scorer).fit(frame, y)
    assert search.feature_names_in_.tolist() == list(frame.columns)
    assert search.n_features_in_ == frame.shape[1]


def no_number(estimator, X, y):
    return np.zeros(2)


def search_with(**changes):
    """A fitted search, fitted again with other parameters: it is as it was where that fails."""
    search = NoiseSearchCV(tree(), SIGMAS, cv=2).fit(X, y)
    before = dict(vars(search))
    try:
        search.set_params(**changes).fit(X, y)
    finally:
        assert all(vars(search)[n] is value for n, value in before.items() if n.endswith("_"))


REFUSED = [
    ("max_privacy: a negative budget", lambda: max_privacy(-0.1), ValueError, "max_accuracy_loss=-0.1"),
    ("max_privacy: a budget that is NaN", lambda: max_privacy(np.nan), ValueError, "max_accuracy_loss=nan"),
    ("max_privacy: an infinite budget", lambda: max_privacy(np.inf), ValueError, "max_accuracy_loss=inf"),
    ("max_privacy: a budget of text", lambda: max_privacy("1 %"), ValueError, "max_accuracy_loss='1 %'"),
    ("max_privacy: a budget that is a truth value", lambda: max_privacy(True), ValueError, "max_accuracy_loss=True"),
    ("max_privacy: a function for a name", lambda: max_privacy(accuracy=len), TypeError, "give the name of a scorer"),
    ("max_privacy: a scorer that the search has not", lambda: max_privacy(privacy="radios")(RESULTS), ValueError, r"no scorer named 'radios', did you mean 'radius'\?"),
    ("max_privacy: no candidate with scores", lambda: max_privacy()({"mean_test_accuracy": [np.nan], "mean_test_radius": [1.0]}), ValueError, "No candidate qualifies"),
    ("NoiseSearchCV: another classifier", lambda: search_with(estimator=DecisionTreeClassifier()), TypeError, "search over sigma with GridSearchCV"),
    ("NoiseSearchCV: a Pipeline with answers of its own", lambda: search_with(estimator=OwnPipeline([("model", tree())])), TypeError, "nor a Pipeline that ends in one"),
    ("NoiseSearchCV: training with noise", lambda: search_with(estimator=tree(n_augment=2)), ValueError, "n_augment=2 trains the model anew"),
    ("NoiseSearchCV: no noise levels", lambda: search_with(sigmas=[]), ValueError, "sigmas="),
    ("NoiseSearchCV: a negative noise level", lambda: search_with(sigmas=[0.1, -1]), ValueError, "sigmas="),
    ("NoiseSearchCV: several scorers, and none that chooses", lambda: search_with(scoring=SCORING), ValueError, "refit=True is not allowed with several scorers"),
    ("NoiseSearchCV: an unknown scorer that chooses", lambda: search_with(scoring=SCORING, refit="radios"), ValueError, "refit='radios'"),
    ("NoiseSearchCV: a rule that gives no candidate", lambda: search_with(refit=lambda results: 0.5), TypeError, "index of a candidate"),
    ("NoiseSearchCV: a rule that gives a candidate too many", lambda: search_with(refit=lambda results: 9), IndexError, "there are 3"),
    ("NoiseSearchCV: a scorer that gives no number", lambda: search_with(scoring=no_number), ValueError, r"scoring must return a number, got \[0. 0.\].*scorer=score"),
    ("NoiseSearchCV: one of several scorers gives no number", lambda: search_with(scoring={"a": "accuracy", "b": no_number}, refit="a"), ValueError, r"must return a number.*scorer=b"),
    ("NoiseSearchCV: a noise level above 1 for a category", lambda: NoiseSearchCV(of_colours(), [0.5, 3.0], cv=2).fit(COLOURS, [0, 1] * 20), ValueError, "sigma=3 is not allowed for a categorical"),
    ("certify: a search without refit", lambda: certify(NoiseSearchCV(tree(), SIGMAS, refit=False, cv=2).fit(X, y), X), TypeError, "refit=False"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


COLOURS = np.array([["a", 1.0], ["b", 2.0]] * 20, dtype=object)


def of_colours():
    encoder = make_column_transformer((OneHotEncoder(), [0]))
    model = make_pipeline(encoder, DecisionTreeClassifier())
    return RobustPrivacyClassifier(model, noise_features=[0])


def test_a_categorical_feature_has_levels_of_its_own():
    search = NoiseSearchCV(of_colours(), [0.5, 1.0], cv=2).fit(COLOURS, [0, 1] * 20)
    assert search.best_score_ == 1.0


def test_iris_with_three_classes_and_many_features():
    data, target = load_iris(return_X_y=True)
    clf = RobustPrivacyClassifier(LogisticRegression(max_iter=500), n_samples=100, random_state=0)
    search = NoiseSearchCV(clf, [0.1, 1.0], cv=3, n_jobs=2).fit(data, target)
    assert search.predict(data[:3]).shape == (3,)
    assert search.classes_.tolist() == [0, 1, 2]


class Recorder:
    """A callback that notes what it is told."""

    def __init__(self):
        self.events = []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context):
        self.events.append(("end", context.task_name, context.task_id))


callbacks = pytest.mark.skipif(
    not hasattr(tree(), "set_callbacks"), reason="scikit-learn before 1.9 has no callbacks"
)


@callbacks
@pytest.mark.parametrize("make", [tree, votes])
def test_certify_reports_and_gives_the_same(make):
    clf = make().fit(X, y)
    quiet = clf.certify_path(X, SIGMAS)
    recorder = Recorder()
    clf.set_callbacks(recorder)
    for a, b in zip(quiet, clf.certify_path(X, SIGMAS), strict=True):
        np.testing.assert_array_equal(a.radius, b.radius)
        np.testing.assert_array_equal(a.label, b.label)
        np.testing.assert_array_equal(a.p_lower, b.p_lower)
    events = recorder.events
    assert (events[0], events[-1]) == ("setup", "teardown")
    assert events[1] == ("begin", "certify", 0)
    assert events[-2] == ("end", "certify", 0)
    assert sum(e[:2] == ("end", "part") for e in events) == 240 // 16
    clf.predict(X)
    compatible_sets(clf, X[:5], **ATTRIBUTE)  # asks for many certificates, and is not one
    assert recorder.events == events


@callbacks
def test_fits_and_searches_report_and_tear_down_after_an_error():
    recorder = Recorder()
    search = NoiseSearchCV(tree(), SIGMAS, cv=4)
    search.set_callbacks(recorder)
    search.fit(X, y)
    assert sum(e[:2] == ("end", "part") for e in recorder.events) == 4
    assert recorder.events[-1] == "teardown"
    clf = tree()
    clf.set_callbacks(recorder)
    clf.fit(X, y)
    assert recorder.events[-3:] == [("end", "fit-estimator", 0), ("end", "fit", 0), "teardown"]
    clf.set_params(estimator=FrozenEstimator(RandomForestClassifier()))  # not fitted: fails late
    before = set(vars(clf))
    with pytest.raises(sklearn.exceptions.NotFittedError):
        clf.fit(X, y)
    assert recorder.events[-1] == "teardown"
    assert set(vars(clf)) == before


@callbacks
def test_progress_bar_in_grid_search():
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    search = GridSearchCV(tree(), {"sigma": SIGMAS}, cv=2)
    search.set_callbacks(ProgressBar())
    assert search.fit(X, y).best_params_


def test_a_choice_by_max_privacy_warns_of_nothing(recwarn):
    scoring = {"accuracy": "accuracy", "radius": SCORING["radius"]}
    NoiseSearchCV(tree(), SIGMAS, scoring=scoring, refit=max_privacy()).fit(X, y)
    assert not [w for w in recwarn if issubclass(w.category, PrivacyWarning)]


@pytest.mark.parametrize("kind", [GridSearchCV, NoiseSearchCV])
def test_workers_know_the_configuration(kind):
    scorer = make_certificate_scorer(average_certified_radius)
    model = DecisionTreeClassifier(max_depth=3, random_state=0)
    grid = {"sigmas": SIGMAS} if kind is NoiseSearchCV else {"param_grid": {"sigma": SIGMAS}}
    with sklearn.config_context(enable_metadata_routing=True):
        clf = RobustPrivacyClassifier(
            model.set_fit_request(sample_weight=False), noise_features=[0]
        )
        scorer.set_score_request(sample_weight=True)
        one, two = (
            kind(clf, scoring=scorer, cv=2, n_jobs=n_jobs, **grid).fit(X, y, sample_weight=WEIGHT)
            for n_jobs in (1, 2)
        )
    same_scores(one.cv_results_, two.cv_results_)
    plain = NoiseSearchCV(clf, SIGMAS, scoring=SCORING["radius"], cv=2).fit(X, y)
    assert not np.array_equal(
        plain.cv_results_["mean_test_score"], one.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize(
    "scoring", [None, "accuracy", SCORING["radius"], {"a": "accuracy", "r": SCORING["radius"]}]
)
def test_weights_without_routing_go_where_grid_search_sends_them(scoring):
    refit = "a" if isinstance(scoring, dict) else True
    fast = NoiseSearchCV(tree(), SIGMAS, scoring=scoring, refit=refit, cv=2)
    plain = GridSearchCV(tree(), {"sigma": SIGMAS}, scoring=scoring, refit=refit, cv=2)
    fast.fit(X, y, sample_weight=WEIGHT)
    plain.fit(X, y, sample_weight=WEIGHT)
    same_scores(fast.cv_results_, plain.cv_results_)


def several(estimator, X, y):
    return {"score": 0.5, "other": 1.0}


@pytest.mark.parametrize("scoring", [{"score": "accuracy"}, ["accuracy"], several])
def test_a_score_called_score(scoring):
    refit = "accuracy" if isinstance(scoring, list) else "score"
    fast = NoiseSearchCV(tree(), SIGMAS, scoring=scoring, refit=refit, cv=2).fit(X, y)
    plain = GridSearchCV(tree(), {"sigma": SIGMAS}, scoring=scoring, refit=refit, cv=2).fit(X, y)
    assert fast.multimetric_ is plain.multimetric_ is True
    assert fast.score(X, y) == plain.score(X, y)
    assert set(vars(plain)) - set(vars(fast)) == {"param_grid"} | {
        name for name in vars(plain) if name.startswith("_checked")
    }


def test_nothing_of_an_earlier_fit_stays():
    search = NoiseSearchCV(tree(), SIGMAS, cv=2).fit(X, y)
    search.set_params(refit=False).fit(X, y)
    assert not hasattr(search, "best_estimator_")


def test_the_estimators_own_sigma_does_not_matter():
    clf = votes(min_radius=1.0, fallback=0, sigma=0.25)  # a warning would be an error here
    NoiseSearchCV(clf, [2.0, 3.0], cv=2).fit(X, y)


@callbacks
def test_callbacks_of_the_classifier_do_not_cost_readings():
    base = FrozenEstimator(Counting(n_estimators=5, random_state=0).fit(X, y))
    clf = RobustPrivacyClassifier(base, noise_features=[0], method="exact")
    read = []
    for callback in ([], [Recorder()]):
        Counting.calls = 0
        clf.set_callbacks(*callback)
        NoiseSearchCV(clf, SIGMAS, scoring=SCORING["radius"], refit=False, cv=2).fit(X, y)
        read.append(Counting.calls)
    assert read[0] == read[1]


@callbacks
def test_callbacks_in_threads():
    clf, recorder = tree().fit(X, y), Recorder()
    clf.set_callbacks(recorder)
    before = set(vars(clf))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: clf.certify(X).radius, range(12)))
    assert all(np.array_equal(found[0], other) for other in found)
    assert recorder.events.count("setup") == recorder.events.count("teardown") == 12
    assert set(vars(clf)) == before


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


def test_the_rule_shows_itself():
    assert repr(max_privacy(0.02)) == (
        "max_privacy(0.02, accuracy='accuracy', privacy='radius', one_standard_error=False)"
    )


BOTH = {
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
        search = kind(clf, grid, scoring=BOTH, refit=rule, n_jobs=n_jobs, **more).fit(X, y)
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
        clf, {"sigma": [0.2, 1.0]}, scoring=BOTH["radius"], random_state=0, min_resources=60
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
