"""RobustPrivacyRecommender: lists of items, smoothed and certified."""

# ruff: noqa: E501

import pickle

import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from refused import refit, refused
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import Certificate, RobustPrivacyClassifier, RobustPrivacyRecommender, certify
from sklearn_rp.datasets import make_item_recommendation
from sklearn_rp.metrics import make_recommendation_scorer, ndcg_at_k_score

TASK = make_item_recommendation(240, 20, random_state=0)
WOMAN = (TASK.data["gender"] == "f").to_numpy()
PEOPLE = TASK.data[["age", "activity"]].assign(
    height=175 - 12.0 * WOMAN + np.random.default_rng(0).normal(0, 6, len(WOMAN))
)
LIKED = TASK.target
X, Y = PEOPLE.to_numpy(), LIKED.to_numpy()
IRIS, SPECIES = load_iris(return_X_y=True)


def forest(n=12):
    return RandomForestClassifier(n, max_depth=5, random_state=0)


def recommender(model=None, **arguments):
    given = {"n_recommended": 3, "n_samples": 300, "random_state": 0} | arguments
    return RobustPrivacyRecommender(forest() if model is None else model, **given)


def lists_of(scores, k, ordered):
    """The k best of each row, by a loop: of equals the first."""
    found = [sorted(range(len(row)), key=lambda j: (-row[j], j))[:k] for row in scores]
    return np.array(found if ordered else [sorted(each) for each in found])


MODELS = {
    "a forest of labels": (RandomForestClassifier(8, random_state=0), "labels"),
    "a forest of a matrix": (forest(), "matrix"),
    "one model a column": (MultiOutputClassifier(GaussianNB()), "matrix"),
    "a chain": (ClassifierChain(DecisionTreeClassifier(max_depth=3, random_state=0)), "matrix"),
    "neighbours": (KNeighborsClassifier(9), "matrix"),
    "a perceptron": (
        make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=20, random_state=0)),
        "matrix",
    ),
    "numbers": (RandomForestRegressor(7, max_depth=4, random_state=0), "matrix"),
    "linear numbers": (LinearRegression(), "matrix"),
    "no probabilities": (LinearSVC(), "labels"),
    "behind steps": (make_pipeline(StandardScaler(), GaussianNB()), "labels"),
}


def target(kind):
    """Labels, the item that each likes first; or the matrix."""
    return Y.argmax(axis=1) % 6 if kind == "labels" else Y


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("ordered", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", MODELS)
def test_lists_are_those_that_copies_name_most_often(name, ordered):
    """Without noise worth the name, they are the model's own."""
    model, kind = MODELS[name]
    y = target(kind)
    asked = {"sigma": 1e-7, "n_samples": 400, "method": "monte_carlo", "ordered": ordered}
    found = recommender(model, **asked).fit(X, y)
    inner = found.estimator_.estimator_
    if hasattr(inner, "predict_proba"):
        scores = inner.predict_proba(X)
        if isinstance(scores, list):
            scores = np.transpose([p[:, 1] if p.shape[1] > 1 else 0 * p[:, 0] for p in scores])
    else:
        scores = inner.decision_function(X) if kind == "labels" else inner.predict(X)
    near = np.sort(scores, axis=1)[:, -4:]
    clear = (np.diff(near, axis=1) > 1e-4).all(axis=1)  # copies of others toss a coin
    assert clear.mean() > 0.05
    expected = found.items_[lists_of(scores, 3, ordered)]
    np.testing.assert_array_equal(found.predict(X)[clear], expected[clear])


@pytest.mark.parametrize("ordered", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("model", "noised", "voting", "engine"),
    [
        (forest(), ["age"], "hard", "sweep"),
        (DecisionTreeRegressor(max_depth=5, random_state=0), ["height"], "hard", "sweep"),
        (DecisionTreeClassifier(max_depth=5, random_state=0), ["age", "activity"], "hard", "trees"),
        (DecisionTreeRegressor(max_depth=5, random_state=0), ["age", "activity"], "hard", "trees"),
        (forest(), ["age", "activity"], "soft", "trees"),
        (RandomForestRegressor(8, max_depth=5, random_state=0), None, "soft", "trees"),
        (forest(), ["age", "activity"], "hard", "monte_carlo"),
    ],
)
def test_exact_votes_are_the_limit_of_counted_ones(model, noised, voting, engine, ordered):
    asked = {"noise_features": noised, "voting": voting, "ordered": ordered, "sigma": 0.4}
    exact = recommender(model, **asked).fit(PEOPLE, LIKED)
    assert exact.engine_ == engine
    votes = recommender(model, **asked | {"method": "monte_carlo", "n_samples": 4000})
    votes.fit(PEOPLE, LIKED)
    rows = PEOPLE[:12]
    share, expected = votes.decision_function(rows), exact.decision_function(rows)
    np.testing.assert_allclose(
        share, expected, atol=5 * 0.5 / np.sqrt(300 if engine == "monte_carlo" else 4000)
    )
    if engine != "monte_carlo":
        upper, lower = exact.certify(rows), votes.certify(rows)
        sure = ~lower.abstained
        assert (lower.radius[sure] <= upper.radius[sure] + 1e-9).all()
        assert (lower.label[sure] == upper.label[sure]).all()


def test_a_noised_category():
    model = make_pipeline(_Codes(), forest())
    frame = TASK.data[["age", "activity", "region"]]
    found = recommender(model, noise_features="region", sigma=0.5).fit(frame, LIKED)
    assert found.engine_ == "categories"
    cert = found.certify(frame)
    everywhere = [found.predict(frame.assign(region=r)) for r in np.unique(frame["region"])]
    same = np.all([(each == cert.label).all(axis=1) for each in everywhere], axis=0)
    assert (same[cert.radius > 0]).all()
    assert (cert.radius > 0).any()
    regions = np.unique(frame["region"])
    inner = found.estimator_
    named = [lists_of(inner.predict(frame.assign(region=r)), 3, False) for r in regions]
    h = np.zeros((len(frame), 20))
    for region, each in zip(regions, named, strict=True):
        chance = 0.5 * (frame["region"] == region).to_numpy() + 0.5 / len(regions)
        for place in range(3):
            h[np.arange(len(frame)), each[:, place]] += chance
    np.testing.assert_allclose(found.decision_function(frame), h, atol=1e-12)


class _Codes(BaseEstimator):
    """Text as numbers."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        regions = np.unique(TASK.data["region"])
        return np.column_stack([X[["age", "activity"]], np.searchsorted(regions, X["region"])])


# k = 1


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (DecisionTreeClassifier(max_depth=4, random_state=0), {"noise_features": [2]}),
        (DecisionTreeClassifier(max_depth=4, random_state=0), {}),
        (RandomForestClassifier(10, random_state=0), {"voting": "soft"}),
        (RandomForestClassifier(10, random_state=0), {}),
        (GaussianNB(), {"noise_features": [1]}),
        (GaussianNB(), {}),
        (GaussianNB(), {"voting": "soft"}),
        (GaussianNB(), {"resample": True}),
        (LogisticRegression(max_iter=500), {}),
    ],
)
def test_one_item_is_the_label_of_the_classifier(model, asked):
    given = {"sigma": 0.5, "n_samples": 400, "random_state": 3} | asked
    alone = RobustPrivacyRecommender(model, n_recommended=1, **given).fit(IRIS, SPECIES)
    label = RobustPrivacyClassifier(model, **given).fit(IRIS, SPECIES)
    one, other = alone.certify(IRIS), label.certify(IRIS)
    np.testing.assert_array_equal(one.label, other.label[:, None])
    for name in ("radius", "abstained", "p_lower", "p_upper"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(alone.decision_function(IRIS), label.predict_proba(IRIS))
    if not asked.get("resample"):
        np.testing.assert_array_equal(alone.predict(IRIS)[:, 0], label.predict(IRIS))


# Masks


@pytest.mark.parametrize("ordered", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (forest(), {"noise_features": ["age"]}),
        (forest(), {"voting": "soft"}),
        (
            DecisionTreeClassifier(max_depth=5, random_state=0),
            {"noise_features": ["age", "activity"]},
        ),
        (MultiOutputClassifier(GaussianNB()), {"noise_features": ["age", "activity"]}),
        (MultiOutputClassifier(GaussianNB()), {"voting": "soft", "n_samples": 2000}),
    ],
)
def test_a_mask_is_as_a_model_that_has_not_these_items(model, asked, ordered):
    """Scores of what is excluded are below all others."""
    found = recommender(model, ordered=ordered, **asked | {"n_samples": 1000}).fit(PEOPLE, LIKED)
    rng = np.random.default_rng(0)
    rows, mask = PEOPLE[:20], rng.random((20, 20)) < 0.5
    cert = found.certify(rows, exclude=mask)
    np.testing.assert_array_equal(found.predict(rows, exclude=mask), cert.label)
    place = pd.Index(found.items_).get_indexer(cert.label.ravel()).reshape(cert.label.shape)
    assert not np.take_along_axis(mask, place, axis=1).any()
    for number in (3, 17):
        without = _Without(found.estimator_.estimator_, mask[number]).fit(X, Y)
        alone = recommender(
            FrozenEstimator(without), ordered=ordered, **asked | {"n_samples": 1000}
        )
        alone.set_params(method="monte_carlo").fit(PEOPLE, LIKED)
        share = alone.decision_function(rows[number : number + 1])[0, ~mask[number]]
        own = found.decision_function(rows, exclude=mask)
        assert (own[mask] < 0).all()
        own = own[number, ~mask[number]]
        np.testing.assert_allclose(share, own, atol=0.08)
    nothing = np.zeros((20, 20), dtype=bool)
    plain = found.certify(rows)
    np.testing.assert_array_equal(found.certify(rows, exclude=nothing).label, plain.label)
    np.testing.assert_allclose(found.certify(rows, exclude=nothing).radius, plain.radius, rtol=1e-9)


class _Without(RegressorMixin, BaseEstimator):
    """Scores of a fitted model, 0 for items that are left out and above 0 for all others."""

    def __init__(self, model=None, mask=None):
        self.model, self.mask = model, mask

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        scores = np.transpose([p[:, 1] for p in self.model.predict_proba(X)])
        return np.where(self.mask, 0.0, np.minimum(scores + 1e-12, 1.0))


def test_masks_of_all_kinds():
    found = recommender(noise_features=["age"]).fit(PEOPLE, LIKED)
    rows, mask = PEOPLE[:6], np.arange(20) % 3 == np.arange(6)[:, None] % 3
    expected = found.predict(rows, exclude=mask)
    for other in (mask.astype(int), sparse.csr_array(mask.astype(int)), mask.tolist()):
        np.testing.assert_array_equal(found.predict(rows, exclude=other), expected)
    names = pd.DataFrame(mask, columns=LIKED.columns).assign(unheard_of=True)
    shuffled = names[names.columns[::-1]]
    np.testing.assert_array_equal(found.predict(rows, exclude=shuffled), expected)
    single = found.predict(rows[2:3], exclude=mask[2:3])
    np.testing.assert_array_equal(single, expected[2:3])


def test_rows_of_all_kinds_with_a_mask():
    mask = np.arange(20) < 4
    expected = (
        recommender(noise_features=[0]).fit(X, Y).predict(X[:8], exclude=np.tile(mask, (8, 1)))
    )
    assert not (expected < 4).any()
    for kind in (np.float32, object):
        found = recommender(noise_features=[0]).fit(X.astype(kind).astype(kind), Y)
        lists = found.predict(X[:8].astype(kind), exclude=np.tile(mask, (8, 1)))
        assert not (lists < 4).any()
    polars = pytest.importorskip("polars")
    frame = polars.from_pandas(PEOPLE)
    found = recommender(noise_features=["age"]).fit(frame, Y)
    lists = found.predict(frame[:8], exclude=np.tile(mask, (8, 1)))
    np.testing.assert_array_equal(lists, expected)


def test_a_radius_does_not_depend_on_the_masks_of_others():
    model = LogisticRegression(max_iter=500)
    asked = {"voting": "soft", "method": "monte_carlo", "n_recommended": 1, "n_samples": 500}
    found = RobustPrivacyRecommender(model, sigma=0.1, random_state=0, **asked).fit(IRIS, SPECIES)
    mask = np.zeros((150, 3), dtype=bool)
    mask[0, 0] = True
    together = found.certify(IRIS, exclude=mask)
    apart = found.certify(IRIS[1:], exclude=mask[1:])
    np.testing.assert_array_equal(together.radius[1:], apart.radius)
    np.testing.assert_array_equal(apart.radius, found.certify(IRIS[1:]).radius)


def test_leaves_that_no_trial_reaches_have_to_be_probabilities():
    """Else the bound of how fast a mean of scores can change is wrong."""
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.uniform(-1, 1, (3000, 2)), np.zeros(3000)])
    scores = rng.random((3000, 3)) * 0.1 + [0.45, 0.45, 0.2]
    rows[:40, 2], scores[:40] = 9.0, [-40, 0.5, 0.2]
    model = DecisionTreeRegressor(max_depth=6, random_state=0)
    given = {"voting": "soft", "noise_features": [0, 1], "n_recommended": 1}
    with pytest.raises(
        ValueError, match="has no closed form for this DecisionTreeRegressor|0 to 1"
    ):
        RobustPrivacyRecommender(model, method="exact", **given).fit(rows, scores)


# Edges


def test_equals_come_in_their_order():
    class Flat(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.tile([0.5, 0.7, 0.5, 0.5, 0.7], (len(X), 1))

    found = recommender(Flat(), noise_features=[0]).fit(X, Y[:, :5])
    assert (found.predict(X) == [0, 1, 4]).all()
    assert (found.set_params(ordered=True).fit(X, Y[:, :5]).predict(X) == [1, 4, 0]).all()


def test_all_items_are_one_list():
    found = recommender(n_recommended=20, noise_features=[0]).fit(X, Y)
    assert (found.predict(X) == np.arange(20)).all()
    assert (found.certify(X).radius > 1).all()
    votes = recommender(n_recommended=20, method="monte_carlo").fit(X, Y).certify(X[:20])
    assert not votes.abstained.any()
    ranked = recommender(n_recommended=20, noise_features=[0], ordered=True).fit(X, Y)
    assert (np.sort(ranked.predict(X), axis=1) == np.arange(20)).all()


def test_an_item_that_nobody_chose_is_last():
    y = np.column_stack([np.zeros(len(Y), dtype=int), Y[:, :4]])
    for model in (MultiOutputClassifier(GaussianNB()), forest(), LinearRegression()):
        found = recommender(model, noise_features=[0]).fit(X, y)
        assert found.items_.tolist() == [0, 1, 2, 3, 4]
        assert (found.decision_function(X)[:, 0] < 0.5).mean() > 0.5
    y[:, 0] = 1  # and one that everybody has is on every list
    found = recommender(MultiOutputClassifier(GaussianNB()), noise_features=[0]).fit(X, y)
    assert (found.predict(X)[:, 0] == 0).all()
    y[:, 1:4] = 0  # one column is left to learn
    found = recommender(MultiOutputClassifier(GaussianNB()), noise_features=[0]).fit(X, y)
    assert (found.predict(X)[:, 0] == 0).all()
    assert (found.predict(X) == 4).any()


def test_score_is_precision():
    found = recommender(noise_features=["age"]).fit(PEOPLE, LIKED)
    lists = found.predict(PEOPLE)
    liked = [
        [LIKED.loc[i, item] for item in row] for i, row in zip(LIKED.index, lists, strict=True)
    ]
    assert found.score(PEOPLE, LIKED) == pytest.approx(np.mean(liked))
    more = LIKED.assign(unheard_of=1)[["unheard_of", *LIKED.columns[::-1]]]
    assert found.score(PEOPLE, more) == pytest.approx(np.mean(liked))
    of_labels = recommender(n_recommended=2, noise_features=["age"]).fit(PEOPLE, target("labels"))
    strange = target("labels").copy()
    strange[:120] = 99  # was never seen
    hits = (of_labels.predict(PEOPLE) == strange[:, None]).sum()
    assert of_labels.score(PEOPLE, strange) == pytest.approx(hits / len(X) / 2)
    half = np.r_[np.ones(120), np.zeros(120)]
    assert of_labels.score(PEOPLE, strange, half) == 0


# As any estimator


def test_fallback_is_what_is_not_certified_gets():
    popular = np.sort(np.argsort(-Y.sum(axis=0), kind="stable")[:3])
    found = recommender(noise_features=[0], fallback=popular, min_radius=0.1).fit(X, Y)
    cert, lists = found.certify(X), found.predict(X)
    sure = cert.radius > 0.1
    assert 0.1 < sure.mean() < 0.9
    np.testing.assert_array_equal(lists[sure], cert.label[sure])
    assert (lists[~sure] == popular).all()
    mask = np.zeros((len(X), 20), dtype=bool)
    mask[:, np.setdiff1d(np.arange(20), popular)[:2]] = True
    assert found.predict(X, exclude=mask).shape == (len(X), 3)


def test_certificates_go_to_tables_text_and_back():
    found = recommender(noise_features=["age"], ordered=True).fit(PEOPLE, LIKED)
    cert = found.certify(PEOPLE[:9])
    assert cert.label.shape == (9, 3)
    assert cert.ordered
    again = Certificate.from_json(cert.to_json())
    np.testing.assert_array_equal(again.label, cert.label)
    assert again.ordered
    assert cert[2:4].label.shape == (2, 3)
    assert cert.to_frame("age").columns.tolist()[:4] == ["label_1", "label_2", "label_3", "radius"]
    assert "9 row(s)" in repr(cert)
    assert "label_3" in cert._repr_html_()
    assert pickle.loads(pickle.dumps(found)).release_ == found.release_


@pytest.mark.slow
def test_bits_do_not_depend_on_company_or_processes():
    for voting in ("hard", "soft"):
        found = recommender(MultiOutputClassifier(GaussianNB()), voting=voting, ordered=True,
                            n_samples=1000).fit(X, Y)  # fmt: skip
        whole = found.certify(X[:30])
        with config_context(working_memory=0.05):
            small = found.certify(X[:30])
        shared = found.set_params(n_jobs=2).certify(X[:30])
        parts = [found.certify(X[i : i + 1]) for i in range(5)]
        for other in (small, shared):
            np.testing.assert_array_equal(other.label, whole.label)
            np.testing.assert_array_equal(other.radius, whole.radius)
        np.testing.assert_array_equal([p.radius[0] for p in parts], whole.radius[:5])


@pytest.mark.slow
@pytest.mark.parametrize("ordered", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_early_stopping_answers_as_all_votes_do(ordered):
    rule = MultiOutputClassifier(GaussianNB())
    found = recommender(rule, n_samples=20_000, ordered=ordered, sigma=0.5).fit(X, Y)
    whole = found.certify(X[:16])
    middle = float(np.quantile(whole.radius, 0.8)) / 2
    cert = found.certify(X[:16], radius=middle)
    assert cert.n_samples.mean() < 0.8 * 20_000
    left = cert.n_samples < 20_000
    sure = cert.at(middle)
    assert (whole.at(middle)[left & sure]).all()
    far = ~sure & left
    assert (whole.radius[far] < middle).all()
    masked = found.certify(X[:16], radius=middle, exclude=np.tile(np.arange(20) < 3, (16, 1)))
    assert not (masked.label < 3).any()


def test_pipelines_searches_and_paths():
    pipeline = make_pipeline(StandardScaler(), recommender(noise_features=[0]))
    pipeline.fit(X, Y)
    assert certify(pipeline, X[:5]).label.shape == (5, 3)
    assert pipeline.score(X, Y) == pipeline[-1].score(pipeline[0].transform(X), Y)
    scorer = make_recommendation_scorer(ndcg_at_k_score)
    search = GridSearchCV(
        recommender(noise_features=["age"]), {"sigma": [0.1, 1.0]}, cv=2, scoring=scorer
    )
    search.fit(PEOPLE, LIKED)
    assert search.predict(PEOPLE).shape == (len(X), 3)
    assert 0 < search.best_score_ < 1
    assert scorer(search, PEOPLE, LIKED) > 0
    near, far = search.best_estimator_.certify_path(PEOPLE, [0.1, 1.0])
    assert near.sigma == 0.1
    assert far.label.shape == near.label.shape
    table = search.best_estimator_.explain_engine()
    assert table["engine"].tolist()[-1] == "sweep"


def test_fresh_noise_is_a_random_release():
    found = recommender(
        MultiOutputClassifier(GaussianNB()), resample=True, sigma=1.0, n_samples=51
    ).fit(X, Y)
    assert (found.predict(X) != found.predict(X)).any()
    assert found.privacy_loss(0.1).mu == pytest.approx(np.sqrt(51) * 0.1 / 1.0)


def test_frozen_models_keep_their_items():
    model = forest().fit(X, Y)
    found = recommender(FrozenEstimator(model), noise_features=[0]).fit(X, LIKED)
    assert found.items_.tolist() == LIKED.columns.tolist()
    assert recommender(FrozenEstimator(model), noise_features=[0]).fit(
        X, Y
    ).items_.tolist() == list(range(20))
    labels = RandomForestClassifier(5, random_state=0).fit(IRIS, SPECIES + 10)
    found = recommender(FrozenEstimator(labels), n_recommended=2, noise_features=[0]).fit(
        IRIS, SPECIES + 10
    )
    assert found.items_.tolist() == [10, 11, 12]


def test_weights_reach_the_model():
    weight = np.r_[np.ones(120), np.zeros(120)]
    one = recommender(noise_features=[0]).fit(X, Y, sample_weight=weight)
    other = recommender(noise_features=[0]).fit(X, Y)
    assert (one.predict(X) != other.predict(X)).any()


@pytest.mark.slow
def test_nets_name_items():
    pytest.importorskip("skorch")
    import torch
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    torch.manual_seed(0)
    single = X.astype(np.float32)
    given = {"max_epochs": 3, "verbose": 0, "train_split": None}
    net = NeuralNetRegressor(
        torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 20), torch.nn.Sigmoid()),
        criterion=torch.nn.BCELoss, **given,
    )  # fmt: skip
    for voting in ("hard", "soft"):
        found = recommender(net, voting=voting, n_samples=400).fit(single, Y)
        assert found.engine_ == "monte_carlo"
        assert found.predict(single).shape == (len(X), 3)
    labels = NeuralNetClassifier(
        torch.nn.Sequential(torch.nn.Linear(3, 6)), criterion=torch.nn.CrossEntropyLoss, **given
    )
    y = np.array(["a", "b", "c", "d", "e", "f"])[target("labels")]
    found = recommender(labels, n_recommended=2).fit(single, y)
    assert set(found.predict(single).ravel()) <= set(y)


FITTED = recommender(noise_features=[0]).fit(X, Y)
REFUSED = [
    ("too many items", lambda: refit(recommender(n_recommended=21), X, Y), ValueError, "n_recommended=21 is not allowed: there are 20 items"),
    ("no items", lambda: refit(recommender(n_recommended=0), X, Y), ValueError, "n_recommended"),
    ("one item", lambda: refit(recommender(n_recommended=1), X, np.zeros(len(X))), ValueError, "y holds 1 item.*at least two items"),
    ("one column", lambda: refit(recommender(RandomForestRegressor(2)), X, Y[:, :1]), ValueError, "not allowed with the regressor"),
    ("rows alike", lambda: refit(recommender(), X, np.ones((len(X), 5), dtype=int)), ValueError, "all 240 rows of y are equal"),
    ("ratings for a classifier", lambda: refit(recommender(), X, 3 * Y), ValueError, r"y holds \[3\], but a matrix for a classifier holds 0 and 1"),
    ("text in a matrix", lambda: refit(recommender(), X, np.full((len(X), 3), "a")), ValueError, "y holds .* values"),
    ("numbers of one item", lambda: refit(recommender(LinearRegression()), X, X[:, 0]), ValueError, "not allowed with the regressor"),
    ("twice the same item", lambda: refit(recommender(), PEOPLE, LIKED.rename(columns={"item_01": "item_00"})), ValueError, "several columns of one name"),
    ("scores beyond one", lambda: refit(recommender(LinearRegression(), voting="soft"), X, 9.0 * Y), ValueError, "voting='soft' takes means of scores from 0 to 1"),
    ("a fallback of another size", lambda: refit(recommender(fallback=[0, 1]), X, Y), ValueError, "fallback=.*give 3 different items"),
    ("a fallback of strangers", lambda: refit(recommender(fallback=[0, 1, 77]), X, Y), ValueError, "Found the item 77"),
    ("other columns for a frozen model", lambda: refit(recommender(FrozenEstimator(forest().fit(X, Y))), PEOPLE, LIKED.iloc[:, :7]), ValueError, "y has 7 columns, but the fitted model scores 20 items"),
    ("a transformer", lambda: refit(recommender(StandardScaler()), X, Y), ValueError, "has no predict: a recommender is needed"),
    ("not fitted", lambda: recommender().predict(X), NotFittedError, "not fitted"),
    ("a mask of another shape", lambda: FITTED.predict(X, exclude=np.zeros((3, 20))), ValueError, r"exclude has shape \(3, 20\)"),
    ("a mask of text", lambda: FITTED.predict(X[:1], exclude=[["a"] * 20]), ValueError, "exclude holds"),
    ("a mask that leaves two", lambda: FITTED.predict(X[:4], exclude=np.arange(20) >= np.array([[9], [2], [9], [1]])), ValueError, r"fewer than n_recommended=3 items to row\(s\) 1, 3"),
    ("a mask of the fallback", lambda: recommender(noise_features=[0], fallback=[0, 1, 2]).fit(X, Y).predict(X, exclude=np.tile(np.arange(20) == 1, (240, 1))), ValueError, "exclude holds items of fallback"),
    ("too few votes", lambda: refit(recommender(n_samples=5), X, Y), ValueError, "n_samples=5 cannot certify anything"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_release_radius_of_lists_is_refused():
    cert = recommender(MultiOutputClassifier(GaussianNB())).fit(X, Y).certify(X[:3])
    with pytest.raises(ValueError, match="lists"):
        cert.release_radius()
    exact = FITTED.certify(X[:3])
    np.testing.assert_array_equal(exact.release_radius(), exact.radius)


def test_linear_rules_are_no_recommenders():
    rule = LinearRule(np.array([1.0, 0, 0])).fit(X, [0, 1])
    found = recommender(FrozenEstimator(rule), n_recommended=1, noise_features=[0])
    assert found.fit(X, (X[:, 0] > 40).astype(int)).items_.tolist() == [0, 1]
