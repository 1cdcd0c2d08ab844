"""Votes found without asking the model about every copy are the model's own votes."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.engines.fast_votes import LinearVotes, TreeVotes
from sklearn_rp.engines.monte_carlo import MonteCarlo
from sklearn_rp.law import Draws

X, Y = load_wine(return_X_y=True)
TWO = Y > 0
TEXT = np.array(["a", "c", "b"])[Y]
FRAME = pd.DataFrame(X, columns=[f"f{j}" for j in range(X.shape[1])]).assign(
    colour=np.array(["red", "white"])[np.arange(len(X)) % 2]
)
MIXED = make_column_transformer(
    (OneHotEncoder(), ["colour"]), (StandardScaler(), [f"f{j}" for j in range(13)])
)
LINEAR = {
    "binary": (make_pipeline(StandardScaler(), LogisticRegression()), X, TWO),
    "multinomial": (make_pipeline(StandardScaler(), LogisticRegression()), X, TEXT),
    "no steps": (RidgeClassifier(), X, Y),
    "one against the rest": (make_pipeline(StandardScaler(), LinearSVC()), X, Y),
    "perceptron": (make_pipeline(StandardScaler(), Perceptron()), X, Y),
    "sgd": (make_pipeline(StandardScaler(), SGDClassifier(random_state=0)), X, TWO),
    "discriminant": (make_pipeline(PCA(5), LinearDiscriminantAnalysis()), X, Y),
    "frame": (make_pipeline(MIXED, LogisticRegression()), FRAME, TEXT),
}
TREES = {
    "tree": (DecisionTreeClassifier(max_depth=4, random_state=0), X, Y),
    "extra tree": (ExtraTreeClassifier(random_state=0), X, TEXT),
    "forest": (RandomForestClassifier(9, random_state=0), X, Y),
    "extra trees": (ExtraTreesClassifier(7, random_state=0), X, TWO),
    "scaled": (make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=0)), X, Y),
    "float32": (RandomForestClassifier(5, random_state=0), X.astype(np.float32), Y),
    "frame": (make_pipeline(MIXED, RandomForestClassifier(5, random_state=0)), FRAME, TEXT),
    "codes": (
        RandomForestClassifier(5, random_state=0),
        FRAME.assign(colour=pd.Categorical(np.arange(len(X)) % 3)),
        Y,
    ),
    "whole numbers": (DecisionTreeClassifier(random_state=0), (10 * X).astype(int), Y),
}
CASES = [
    *((name, LinearVotes, "hard") for name in LINEAR),
    *((name, TreeVotes, voting) for name in TREES for voting in ("hard", "soft")),
]


def smooth(model, X, y, **arguments):
    arguments = {"sigma": 0.5, "method": "monte_carlo", "random_state": 0} | arguments
    return RobustPrivacyClassifier(model, **arguments).fit(X, y)


@pytest.mark.parametrize("row", [None, 7])
@pytest.mark.parametrize(("name", "kind", "voting"), CASES)
def test_votes_are_the_models_own(name, kind, voting, row):
    model, rows, labels = (LINEAR if kind is LinearVotes else TREES)[name]
    clf = smooth(model, rows, labels, voting=voting)
    engine = clf.release_.engine
    assert type(engine) is kind
    generic = MonteCarlo(engine.estimator, engine.classes, engine.noise, voting)
    for draws in (Draws((3,), 0, 700, row), Draws((3,), 100, 450, row)):
        found = engine.votes(rows[:40], [0.2, 1.5], draws)
        expected = generic.votes(rows[:40], [0.2, 1.5], draws)
        for a, b in zip(found, expected, strict=True):
            if voting == "hard":
                np.testing.assert_array_equal(a.total, b.total)
            else:
                np.testing.assert_allclose(a.total, b.total, rtol=1e-9, atol=1e-6)
    assert not np.array_equal(found[0].total, found[1].total)


def test_chunks_change_nothing(monkeypatch):
    for model in (LINEAR["multinomial"][0], LINEAR["binary"][0], TREES["forest"][0]):
        labels = TWO if model is LINEAR["binary"][0] else Y
        clf = smooth(model, X, labels, n_samples=500)
        whole = clf.predict_proba(X)
        with monkeypatch.context() as patch:
            patch.setattr("sklearn_rp.rows._CHUNK_BYTES", 20_000)
            block = clf.release_.engine.noise.law.block
            patch.setattr("sklearn_rp.law._BLOCK_ELEMENTS", block * 13)
            np.testing.assert_array_equal(clf.predict_proba(X), whole)


class Contrary(RandomForestClassifier):
    def predict(self, X):
        return self.classes_[::-1][np.searchsorted(self.classes_, super().predict(X))]


@pytest.mark.parametrize(
    ("model", "arguments"),
    [
        (Contrary(5, random_state=0), {}),
        (RandomForestClassifier(5, n_jobs=2, random_state=0), {}),  # threads of its own
        (MLPClassifier((5,), max_iter=20, random_state=0), {}),
        (SVC(kernel="linear"), {}),  # one against one
        (make_pipeline(StandardScaler(), LogisticRegression()), {"voting": "soft"}),
        (GaussianNB(), {}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*:sklearn.exceptions.ConvergenceWarning")
def test_others_are_asked_as_they_are(model, arguments):
    assert type(smooth(model, X, Y, n_samples=100, **arguments).release_.engine) is MonteCarlo


@pytest.mark.parametrize("steps", [False, True])
def test_linear_models_of_single_precision_vote_in_double(steps):
    rows, labels = load_iris(return_X_y=True)
    rows = rows.astype(np.float32)
    model = LogisticRegression(max_iter=500)
    model = make_pipeline(StandardScaler(), model) if steps else model
    clf = smooth(model, rows, labels)
    assert type(clf.release_.engine) is LinearVotes
    release = clf.release_
    noise, draws = release.noise, release.draws()
    bank = release.sigma * noise.scale * noise.law.draw(draws.entropy, 0, len(draws))
    for k in (0, 70, 120):
        copies = rows[k] + bank  # in double, and the model itself in single precision
        found = np.searchsorted(clf.classes_, clf.estimator_.predict(copies.astype(np.float32)))
        expected = np.bincount(found, minlength=3) / len(bank)
        assert clf.predict_proba(rows[[k]])[0] == pytest.approx(expected, abs=3 / len(bank))


class Turned(LogisticRegression):
    """Another answer where one feature is far out."""

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] > 100, 0, super().predict(X))


Turned.predict.__module__ = "sklearn.linear_model"


def test_single_precision_with_a_rule_of_its_own_is_left_to_the_model():
    rows, labels = load_iris(return_X_y=True)
    clf = smooth(Turned(max_iter=500), rows.astype(np.float32), labels)
    assert type(clf.release_.engine) is MonteCarlo


def test_rows_are_checked_although_their_copies_are_not():
    clf = smooth(
        RandomForestClassifier(5, random_state=0), X, Y, noise_features=[0, 1], n_samples=20
    )
    bad = X[:3].copy()
    bad[1, 5] = np.inf  # not a noised feature: the model says what it thinks of it
    with pytest.raises(ValueError, match=r"infinity"):
        clf.predict(bad)


# Found by an adversarial reader


IN_PLACE = {
    "forest": RandomForestClassifier(5, random_state=0),
    "linear": LogisticRegression(),
    "bayes": GaussianNB(),
}


@pytest.mark.parametrize("resample", [False, True])
@pytest.mark.parametrize("method", ["monte_carlo", "auto"])
@pytest.mark.parametrize("name", IN_PLACE)
def test_steps_that_write_into_their_input_do_no_harm(name, method, resample):
    if method == "auto" and resample:
        pytest.skip("draws noise: the other method")
    found = []
    for copy in (True, False):
        model = make_pipeline(StandardScaler(copy=copy), IN_PLACE[name])
        clf = RobustPrivacyClassifier(
            model, method=method, n_samples=300, resample=resample, random_state=0
        ).fit(X.copy(), TWO)
        rows = X.copy()
        found.append(clf.certify_path(rows, [0.2, 0.5])[1])
        np.testing.assert_array_equal(rows, X)
        clf.predict(rows)
        np.testing.assert_array_equal(rows, X)
    np.testing.assert_array_equal(found[0].label, found[1].label)
    np.testing.assert_array_equal(found[0].radius, found[1].radius)
    np.testing.assert_array_equal(found[0].values, found[1].values)


def test_single_precision_is_not_rounded_before_there_is_noise():
    """Certified balls of different labels must not overlap."""
    rng = np.random.default_rng(0)
    serial = np.rint(rng.standard_normal(600) * 4)
    a = 0.9 * serial / 4 + 0.4 * rng.standard_normal(600)
    a += 2 * np.sign(a)
    rows = np.c_[a, 2.0**23 + serial].astype(np.float32)
    clf = RobustPrivacyClassifier(
        make_pipeline(PCA(2), DecisionTreeClassifier(random_state=0)), noise_features=[0],
        noise_scale=None, sigma=0.25, method="monte_carlo", n_samples=3000, random_state=0,
    ).fit(rows, a > 0)  # fmt: skip
    line = np.c_[np.linspace(-3, 3, 400), np.full(400, 2.0**23)].astype(np.float32)
    cert = clf.certify(line)
    first, second = cert[cert.label], cert[~cert.label]
    distance = np.abs(first.values[:, None, 0] - second.values[None, :, 0])
    together = first.radius[:, None] + second.radius[None, :]
    assert (together <= distance + 1e-5)[distance > 0].all()


class WithRule(LogisticRegression):
    """Nobody below a limit gets the last class, whatever the scores."""

    def predict(self, X):
        label = super().predict(X)
        low = (X[:, 0] < 12) & (label == self.classes_[-1])
        return np.where(low, self.classes_[0], label)


@pytest.mark.parametrize("labels", [Y, TWO])
@pytest.mark.parametrize("method", ["monte_carlo", "auto"])
def test_a_rule_of_the_models_own_is_kept(method, labels):
    model = FrozenEstimator(WithRule(max_iter=5000).fit(X, labels))
    clf = RobustPrivacyClassifier(
        model, method=method, noise_features=[1, 2], n_samples=200, random_state=0
    ).fit(X[X[:, 0] > 13], labels[X[:, 0] > 13])
    assert type(clf.release_.engine) is MonteCarlo
    low = X[X[:, 0] < 12]
    assert not (clf.predict(low) == model.classes_[-1]).any()


class ListOfWeights(GaussianNB):
    coef_ = [1, 2]


class NoIntercept(GaussianNB):
    coef_ = np.ones((3, 13))

    def decision_function(self, X):
        return X


@pytest.mark.parametrize("method", ["auto", "monte_carlo"])
@pytest.mark.parametrize(
    "model",
    [
        Pipeline([("only", LogisticRegression(max_iter=5000))]),
        Pipeline([("only", DecisionTreeClassifier(random_state=0))]),
        make_pipeline(StandardScaler(), Pipeline([("only", RandomForestClassifier(3))])),
        ListOfWeights(),
        NoIntercept(),
    ],
)
def test_what_cannot_be_sped_up_is_asked_as_it_is(model, method):
    clf = RobustPrivacyClassifier(model, method=method, n_samples=50, random_state=0).fit(X, Y)
    assert clf.predict(X[:3]).shape == (3,)


def test_wide_inputs_are_left_as_they_are():
    rows = pd.DataFrame({"x": X[:, 0], "code": [f"c{i}" for i in range(len(X))]})
    encoder = make_column_transformer((OneHotEncoder(), ["code"]), remainder="passthrough")
    model = make_pipeline(encoder, RandomForestClassifier(3, random_state=0))
    assert type(smooth(model, rows, Y, n_samples=20).release_.engine) is MonteCarlo
