"""One contract for all engines: the same bits in any chunk, company and number of processes."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import RobustPrivacyClassifier, RobustPrivacyRegressor

CANCER, MALIGNANT = load_breast_cancer(return_X_y=True)
CANCER = CANCER[:, :6]
IRIS, SPECIES = load_iris(return_X_y=True)
PEOPLE, PROGRESS = load_diabetes(return_X_y=True, scaled=False)
PEOPLE = PEOPLE[:, [0, 2, 3, 8]]
REGION = pd.DataFrame({"region": np.array(["north", "south", "west"])[np.arange(569) % 3]})
REGION["size"] = CANCER[:, 0]
ASKED = slice(0, 569, 31)


def tree():
    return DecisionTreeClassifier(max_depth=4, random_state=0)


def forest():
    return RandomForestClassifier(15, max_depth=4, random_state=0)


def net():
    pytest.importorskip("skorch")
    import torch
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3)]
    return NeuralNetClassifier(
        torch.nn.Sequential(*layers), criterion=torch.nn.CrossEntropyLoss, max_epochs=5, verbose=0
    )


def net_of_numbers():
    pytest.importorskip("skorch")
    import torch
    from skorch import NeuralNetRegressor

    torch.manual_seed(0)
    layers = [torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)]
    net = NeuralNetRegressor(torch.nn.Sequential(*layers), max_epochs=5, lr=1e-3, verbose=0)
    return make_pipeline(StandardScaler(), net)


def encoded(model=None):
    from sklearn.compose import make_column_transformer

    columns = make_column_transformer((OneHotEncoder(), ["region"]), remainder="passthrough")
    return make_pipeline(columns, model or tree())


# What is smoothed, on which data, and the engine that has to answer.
CASES = {
    "all categories": (encoded, (REGION, MALIGNANT), {"noise_features": "region", "sigma": 0.7}),
    "distance to the hyperplane": (
        lambda: make_pipeline(StandardScaler(), LogisticRegression()),
        (CANCER, MALIGNANT),
        {},
    ),
    "distance to the hyperplane, several classes": (LogisticRegression, (IRIS, SPECIES), {}),
    "distance to the hyperplane, pairs of classes": (
        lambda: SVC(kernel="linear"),
        (IRIS, SPECIES),
        {},
    ),
    "sum over features": (
        lambda: AdaBoostClassifier(n_estimators=15, random_state=0),
        (CANCER, MALIGNANT),
        {},
    ),
    "sum over features, quadratic": (GaussianNB, (CANCER, MALIGNANT), {}),
    "sweep of one feature": (tree, (IRIS, SPECIES), {"noise_features": [2]}),
    "boxes of the leaves": (tree, (IRIS, SPECIES), {"noise_features": [2, 3]}),
    "boxes of the leaves, soft": (forest, (IRIS, SPECIES), {"voting": "soft"}),
    "sweep of two features": (
        lambda: HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4),
        (IRIS, SPECIES),
        {"noise_features": [0, 2]},
    ),
    "bounds of the raw score": (
        lambda: GradientBoostingClassifier(n_estimators=5, random_state=0),
        (CANCER, MALIGNANT),
        {"voting": "soft", "method": "exact"},
    ),
    "votes of a net on its device": (net, (IRIS.astype(np.float32), SPECIES), {}),
    "votes of linear scores": (LogisticRegression, (IRIS, SPECIES), {"method": "monte_carlo"}),
    "votes of trees": (forest, (IRIS, SPECIES), {}),
    "votes of noisy copies": (GaussianNB, (IRIS, SPECIES), {}),
    "votes of noisy copies, soft": (GaussianNB, (IRIS, SPECIES), {"voting": "soft"}),
    "votes of noisy copies, of each row's own": (
        KNeighborsClassifier,
        (IRIS, SPECIES),
        {"resample": True},
    ),
    "all categories, numbers": (
        lambda: encoded(DecisionTreeRegressor(max_depth=4, random_state=0)),
        (REGION, MALIGNANT + CANCER[:, 1]),
        {"noise_features": "region", "sigma": 0.7, "step": 2},
    ),
    "distance to the hyperplane, numbers": (
        lambda: make_pipeline(StandardScaler(), Ridge()),
        (PEOPLE, PROGRESS),
        {"step": 30},
    ),
    "sweep of one feature, numbers": (
        lambda: HistGradientBoostingRegressor(max_iter=5),
        (PEOPLE, PROGRESS),
        {"noise_features": [1], "step": 20},
    ),
    "sweep of two features, numbers": (
        lambda: HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=4),
        (PEOPLE, PROGRESS),
        {"noise_features": [0, 1], "step": 10},
    ),
    "boxes of the leaves, numbers": (
        lambda: DecisionTreeRegressor(max_depth=5, random_state=0),
        (PEOPLE, PROGRESS),
        {"step": 20},
    ),
    "votes of a net on its device, numbers": (
        net_of_numbers,
        (PEOPLE.astype(np.float32), PROGRESS),
        {"step": 5},
    ),
    "votes of trees, numbers": (
        lambda: RandomForestRegressor(10, max_depth=4, random_state=0),
        (PEOPLE, PROGRESS),
        {"step": 30},
    ),
    "votes of noisy copies, numbers": (KNeighborsRegressor, (PEOPLE, PROGRESS), {"step": 50}),
}
FIELDS = ("label", "radius", "abstained", "p_lower", "p_upper", "n_samples", "values", "reach")
EXACT = [name for name in CASES if not name.startswith("votes")]
VOTED = [name for name in CASES if name.startswith("votes")]
FITTED = {}


def fitted(name):
    """The classifier of a case, fitted once, and rows to ask about."""
    if name not in FITTED:
        make, (X, y), parameters = CASES[name]
        parameters = {"sigma": 0.4, "n_samples": 300, "random_state": 0} | parameters
        FITTED[name] = wrapped(make(), parameters).fit(X, y), X[ASKED]
    return FITTED[name]


def wrapped(model, parameters):
    kind = RobustPrivacyRegressor if "step" in parameters else RobustPrivacyClassifier
    return kind(model, **parameters)


def shares(clf, X):
    """Smoothed probabilities; a release with fresh noise begins anew."""
    twin = pickle.loads(pickle.dumps(clf))
    return twin.release_.votes(twin.checked_rows(X)).share


def answers(clf, copies):
    """Labels of the model, by nothing of the package; of numbers the middles of their cells."""
    found = np.ravel(clf.estimator_.predict(copies))
    if not hasattr(clf, "step"):
        return found
    numbers = clf.numbers_
    first = np.floor(found.astype(float) / clf.step) - np.floor(numbers[0] / clf.step)
    return numbers[np.clip(first, 0, len(numbers) - 1).astype(int)]


def rows_of(X, rows):
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def certified(clf, X):
    """Certificates of a call; a release with fresh noise begins anew."""
    return pickle.loads(pickle.dumps(clf)).certify(X)


def assert_same(one, other):
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(one, field), getattr(other, field), err_msg=field)


def assert_close(one, other):
    for field in FIELDS:
        expected = getattr(other, field)
        if expected is None or expected.dtype.kind != "f":
            np.testing.assert_array_equal(getattr(one, field), expected, err_msg=field)
        else:
            np.testing.assert_allclose(getattr(one, field), expected, 1e-9, 1e-9, err_msg=field)


@pytest.fixture(params=CASES)
def case(request):
    return fitted(request.param)


@pytest.mark.parametrize("name", CASES)
def test_the_engine_is_the_one_that_is_meant(name):
    clf, _ = fitted(name)
    table = clf.explain_engine()
    taken = table.iloc[-1]
    assert taken["computation"] == name.split(",")[0]
    assert (taken["engine"], taken["reason"]) == (clf.engine_, "taken")
    assert bool(taken["exact"]) == (clf.method_ == "exact")
    assert table["reason"].str.len().min() > 0
    assert table["computation"].is_unique


def test_bits_do_not_depend_on_chunks(case):
    clf, X = case
    whole = certified(clf, X)
    with config_context(working_memory=0.002):
        assert_same(certified(clf, X), whole)


def test_bits_do_not_depend_on_company(case):
    clf, X = case
    if clf.release_.is_random:
        pytest.skip("every row has noise of its own, by its number")
    whole = certified(clf, X)
    order = np.random.default_rng(0).permutation(X.shape[0])
    assert_same(certified(clf, rows_of(X, order)), whole[order])
    for row in (0, X.shape[0] - 1):
        assert_same(certified(clf, rows_of(X, [row])), whole[[row]])


@pytest.mark.slow
def test_bits_do_not_depend_on_processes(case):
    clf, X = case
    other = pickle.loads(pickle.dumps(clf)).set_params(n_jobs=2)
    assert_same(certified(other, X), certified(clf, X))


def test_what_was_pickled_is_equal_and_answers_so(case):
    clf, X = case
    twin = pickle.loads(pickle.dumps(clf))
    assert twin.release_ == clf.release_
    assert hash(twin.release_) == hash(clf.release_)
    assert replace(clf.release_, sigma=2 * clf.release_.sigma) != clf.release_
    assert clf.release_ != "a release"
    assert_same(twin.certify(X), certified(clf, X))


def test_a_path_is_its_levels_one_by_one(case):
    clf, X = case
    if clf.release_.is_random:
        pytest.skip("every call draws anew")
    sigmas = [0.3, 0.6]
    path = clf.certify_path(X, sigmas)
    for sigma, found in zip(sigmas, path, strict=True):
        assert_same(found, clf.certify_path(X, [sigma])[0])


def test_shares_are_probabilities_and_radii_go_with_them(case):
    clf, X = case
    cert, share = certified(clf, X), shares(clf, X)
    np.testing.assert_allclose(share.sum(axis=1), 1.0, atol=1e-9)
    assert (share >= 0).all()
    median = np.minimum((share.cumsum(axis=1) < 0.5 + 1e-9).sum(axis=1), share.shape[1] - 1)
    top = median if hasattr(clf, "step") else share.argmax(axis=1)
    np.testing.assert_array_equal(clf.release_.answer.classes[top], cert.label)
    np.testing.assert_array_equal(cert.abstained, ~(cert.radius > 0))
    assert cert.voting == ("median" if hasattr(clf, "step") else clf.voting)
    known = np.isfinite(cert.p_lower)
    assert (cert.p_lower <= cert.p_upper)[known & cert.abstained].all() or clf.method_ != "exact"
    assert (cert.p_lower > cert.p_upper)[known & ~cert.abstained].all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("container", ["float32", "frame"])
def test_other_containers_of_the_same_numbers(name, container):
    """Of float32 rows the same in any company; of a frame what is said of the array.

    A model fitted on a frame may differ in its last bits: its columns are together in memory.
    """
    make, (X, y), parameters = CASES[name]
    if hasattr(X, "iloc") or ("device" in name and container == "frame"):
        pytest.skip("rows come in one container")
    parameters = {"sigma": 0.4, "n_samples": 300, "random_state": 0} | parameters
    clf = wrapped(make(), parameters)
    if container == "frame":
        names = [f"x{j}" for j in range(X.shape[1])]
        twin = clf.fit(pd.DataFrame(X, columns=names), y)
        found = certified(twin, pd.DataFrame(X[ASKED], columns=names))
        plain, rows = fitted(name)
        assert_close(found, certified(plain, rows))
        return
    X = X.astype(np.float32)
    clf.fit(X, y)
    whole = certified(clf, X[ASKED])
    assert len(whole) == len(X[ASKED])
    if not clf.release_.is_random:
        assert_same(certified(clf, X[ASKED][3:5]), whole[3:5])


def noisy(clf, row, n):
    """Noisy copies of a row, by nothing of the package."""
    rng = np.random.default_rng(0)
    if hasattr(row, "iloc"):
        copies = row.iloc[np.zeros(n, dtype=int)].reset_index(drop=True)
        anew = rng.random(n) < clf.sigma
        drawn = rng.choice(["north", "south", "west"], n)
        copies["region"] = np.where(anew, drawn, copies["region"])
        return copies
    copies = np.repeat(row, n, axis=0)
    columns = [int(str(name)[1:]) for name in clf.noise_features_]
    copies[:, columns] += clf.sigma * clf.noise_scale_ * rng.normal(size=(n, len(columns)))
    return copies


@pytest.mark.parametrize("name", [n for n in EXACT if n != "bounds of the raw score"])
def test_exact_shares_are_those_of_a_simulation(name):
    clf, X = fitted(name)
    n, share = 40_000, shares(clf, X)
    for row in range(0, X.shape[0], 4):
        copies = noisy(clf, rows_of(X, [row]), n)
        if clf.release_.voting == "soft":
            seen = clf.estimator_.predict_proba(copies).mean(axis=0)
        else:
            labels = answers(clf, copies)
            seen = np.array([(labels == c).mean() for c in clf.release_.answer.classes])
        assert np.abs(seen - share[row]).max() < 5 * np.sqrt(0.25 / n)


@pytest.mark.parametrize("name", [n for n in VOTED if "own" not in n])
def test_votes_are_those_of_the_model_on_the_noise_bank(name):
    clf, X = fitted(name)
    release, rows = clf.release_, X[:4]
    draws = release.draws()
    offsets = release.sigma * release.noise.scale * release.noise.law.draw(draws.entropy, 0, 300)
    copies = (rows[:, None, :] + offsets.astype(rows.dtype)).reshape(-1, X.shape[1])
    if clf.release_.voting == "soft":
        expected = clf.estimator_.predict_proba(copies).reshape(4, 300, -1).mean(axis=1)
        np.testing.assert_allclose(clf.predict_proba(rows), expected, atol=1e-9)
        return
    labels = answers(clf, copies).reshape(4, 300)
    classes = clf.release_.answer.classes
    expected = np.stack([(labels == c).mean(axis=1) for c in classes], axis=1)
    # A net's single precision may put a number next to an edge on either side.
    few = 2 / 300 if name == "votes of a net on its device, numbers" else 0
    np.testing.assert_allclose(shares(clf, rows), expected, rtol=0, atol=few)


def test_every_engine_is_in_the_contract():
    pytest.importorskip("skorch")
    from sklearn_rp.engines import problem
    from sklearn_rp.engines.torch import TorchNet  # noqa: F401  (registers itself as a subclass)

    def kinds(base):
        return {base} | {kind for each in base.__subclasses__() for kind in kinds(each)}

    titles = {kind.title for kind in kinds(problem.Engine) if "title" in vars(kind)}
    assert titles == {name.split(",")[0] for name in CASES}
