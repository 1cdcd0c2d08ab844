"""Faults one by one: what is given, and what happens."""

# ruff: noqa: E501, PT017

import os
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refused import refused
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_html_repr

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    Certificate,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attacks import (
    AttributeInferenceAttack,
    LabelOnlyInversionAttack,
    ModelExtractionAttack,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import PrivacyWarning

X, Y = make_classification(80, 4, n_informative=3, n_redundant=0, random_state=0)
FRAME = pd.DataFrame(X, columns=["age", "bmi", "bp", "hdl"])
VOTES = {"method": "monte_carlo", "n_samples": 50, "random_state": 0}


class Base(ClassifierMixin, BaseEstimator):
    """A rule; each fault below is a small change of it."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(np.asarray(X)[:, 0] > 0).astype(int)]


class Changes(Base):
    def predict(self, X):
        X[:] = 0
        return super().predict(X)


class Floats(Base):
    def predict(self, X):
        return super().predict(X).astype(float)


class Lists(Base):
    def predict(self, X):
        return super().predict(X).tolist()


class Column(Base):
    def predict(self, X):
        return super().predict(X)[:, None]


class Short(Base):
    def predict(self, X):
        return super().predict(X)[:-1]


class Breaks(Base):
    """Answers for a while."""

    def __init__(self, error=RuntimeError, after=1):
        self.error = error
        self.after = after

    def predict(self, X):
        self.asked_ = getattr(self, "asked_", 0) + 1
        if self.asked_ > self.after:
            raise self.error("in the middle")
        return super().predict(X)


class Unfitted(Base):
    def fit(self, X, y):
        return self


class Counts(Base):
    """Keeps global state: every second answer is turned around."""

    calls = 0

    def predict(self, X):
        Counts.calls += 1
        return super().predict(X)


class Dies(Base):
    def __init__(self, main=None):
        self.main = main

    def predict(self, X):
        if os.getpid() != self.main:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().predict(X)


def fitted(model=None, **arguments):
    return RobustPrivacyClassifier(Base() if model is None else model, **(VOTES | arguments)).fit(
        X, Y
    )


def exact(**arguments):
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    return RobustPrivacyClassifier(tree, **arguments).fit(X, Y)


def sets():
    return compatible_sets(exact(), X, sensitive_feature=0)


def with_value(value):
    changed = X.astype(object)
    changed[3, 1] = value
    return changed


# What is given, what is done with it, the error, and its words.
REFUSED = [
    ("None in a noised feature", lambda: exact().predict(with_value(None)), ValueError, "NaN"),
    ("NaT in a noised feature", lambda: exact().predict(with_value(pd.NaT)), (ValueError, TypeError), "NaT|NaN|float"),
    ("text in a numeric array", lambda: exact().predict(with_value("high")), ValueError, "could not convert|high"),
    ("complex numbers", lambda: exact().predict(X.astype(complex)), ValueError, "[Cc]omplex"),
    ("a list of unequal rows", lambda: exact().predict([[1.0, 2.0], [3.0]]), ValueError, "inhomogeneous|sequence"),
    ("a string for X", lambda: exact().predict("rows"), ValueError, "Expected 2D|could not convert"),
    ("None for X", lambda: exact().predict(None), ValueError, "Expected 2D|NoneType"),
    ("a three-dimensional X where rows were fitted", lambda: exact().predict(np.zeros((2, 4, 2))), ValueError, "rows of shape"),
    ("no rows", lambda: exact().certify(X[:0]), ValueError, "0 sample"),
    ("no columns", lambda: exact().fit(X[:, :0], Y), ValueError, "0 feature"),
    ("one row to fit on", lambda: exact().fit(X[:1], Y[:1]), ValueError, "class|constant"),
    ("one class to fit on", lambda: exact().fit(X, np.zeros(80, int)), ValueError, "at least two"),
    ("two columns of labels", lambda: exact().fit(X, np.c_[Y, Y]), ValueError, "y should be a 1d array|shape"),
    ("labels of mixed types", lambda: exact().fit(X, np.array([1, "a"] * 40, dtype=object)), (ValueError, TypeError), "."),
    ("integers too large for a float", lambda: exact().predict([[10**400, 0, 0, 0]]), (ValueError, OverflowError, TypeError), "."),
    ("an infinite row", lambda: exact().certify(np.full((1, 4), np.inf)), ValueError, "infinity"),
    ("a large offset under small noise", lambda: fitted(noise_scale=None, sigma=1e-12).predict(X + 1e6), ValueError, "too small beside its values"),
    ("float32 rows under tiny noise", lambda: fitted(noise_scale=None, sigma=1e-6).predict((X + 100).astype(np.float32)), ValueError, "too small beside its values"),
    ("an extra column", lambda: exact().predict(np.c_[X, X[:, 0]]), ValueError, "5 features.*expecting 4"),
    ("columns in another order", lambda: exact().fit(FRAME, Y).predict(FRAME[FRAME.columns[::-1]]), ValueError, "same order|feature names"),
    ("a renamed column", lambda: exact().fit(FRAME, Y).predict(FRAME.rename(columns={"bp": "x"})), ValueError, "unseen at fit time"),
    ("duplicate columns", lambda: exact().fit(pd.concat([FRAME, FRAME], axis=1), Y), ValueError, "several columns named"),
    ("a date column named for noise", lambda: exact(noise_features="when").fit(FRAME.assign(when=pd.Timestamp("2020")), Y), (TypeError, ValueError), "dates or times|no column names"),
    ("a nullable column with a missing value", lambda: exact().fit(FRAME.assign(bp=pd.array([None, *range(79)], dtype="Int64")), Y), ValueError, "NaN"),
    ("a classifier that was not fitted", lambda: RobustPrivacyClassifier().predict(X), NotFittedError, "not fitted"),
    ("a base model whose fit does nothing", lambda: fitted(Unfitted()), AttributeError, "classes_"),
    ("a base model that answers too few rows", lambda: fitted(Short()).predict(X), (ValueError, IndexError), "."),
    ("a base model that raises in the middle", lambda: fitted(Breaks()).predict(X), RuntimeError, "in the middle"),
    ("a base model out of memory", lambda: fitted(Breaks(MemoryError)).predict(X), MemoryError, "in the middle"),
    ("a regressor for a classifier", lambda: fitted(pd.DataFrame), ValueError, "estimator"),
    ("certify: a model that cannot", lambda: certify(LogisticRegression().fit(X, Y), X), TypeError, "cannot certify LogisticRegression"),
    ("certify: no model", lambda: certify(None, X), TypeError, "cannot certify NoneType"),
    ("certify_path: text", lambda: exact().certify_path(X, "high"), ValueError, "sigmas='high'"),
    ("certify_path: None", lambda: exact().certify_path(X, None), ValueError, "sigmas=None"),
    ("certify_path: zero", lambda: exact().certify_path(X, [0.0]), ValueError, "positive and finite"),
    ("Certificate.half_width: an unknown feature", lambda: exact().certify(X).half_width("bmi"), ValueError, "not a noised feature"),
    ("Certificate.half_width: a position beyond", lambda: exact().certify(X).half_width(9), ValueError, "not the position"),
    ("Certificate.at: a negative radius", lambda: exact().certify(X).at(-1), ValueError, "must not be negative"),
    ("Certificate.at: NaN", lambda: exact().certify(X).at(np.nan), ValueError, "must not be negative"),
    ("Certificate.from_json: other text", lambda: Certificate.from_json("{}"), ValueError, "no certificate"),
    ("Certificate.from_json: no JSON", lambda: Certificate.from_json("rows"), ValueError, "no certificate"),
    ("Certificate.from_json: a list", lambda: Certificate.from_json("[1]"), ValueError, "no certificate"),
    ("Certificate[...]: a name", lambda: exact().certify(X)["radius"], TypeError, "sliced by rows"),
    ("Certificate[...]: beyond the end", lambda: exact().certify(X)[80], IndexError, "80 rows"),
    ("Certificate.release_radius: no votes", lambda: fitted().certify(X).release_radius(0), ValueError, "n_votes=0"),
    ("Certificate.release_radius: beta of 1", lambda: fitted().certify(X).release_radius(beta=1), ValueError, "beta=1"),
    ("privacy_loss: fixed noise", lambda: fitted().privacy_loss(1.0), ValueError, "needs fresh noise"),
    ("privacy_loss: exact method", lambda: exact().privacy_loss(1.0), ValueError, "exact method"),
    ("compatible_sets: an unknown feature", lambda: compatible_sets(exact().fit(FRAME, Y), FRAME, sensitive_feature="bim"), ValueError, "did you mean 'bmi'"),
    ("compatible_sets: bounds the wrong way", lambda: compatible_sets(exact(), X, sensitive_feature=0, bounds=(1, 0)), ValueError, "low must be below high"),
    ("compatible_sets: bounds of text", lambda: compatible_sets(exact(), X, sensitive_feature=0, bounds="all"), ValueError, "bounds='all'"),
    ("compatible_sets: a value outside the bounds", lambda: compatible_sets(exact(), X, sensitive_feature=0, bounds=(0, 0.1)), ValueError, "outside"),
    ("compatible_sets: resolution of 0", lambda: compatible_sets(exact(), X, sensitive_feature=0, resolution=0), ValueError, "resolution=0"),
    ("compatible_sets: a release at random", lambda: compatible_sets(fitted(resample=True), X, sensitive_feature=0), ValueError, "resample=True"),
    ("compatible_sets: noise levels of a model without noise", lambda: compatible_sets(LogisticRegression().fit(X, Y), X, sensitive_feature=0, sigmas=[1]), ValueError, "no noise"),
    ("CompatibleSets.intersect: other people", lambda: sets().intersect(compatible_sets(exact(), X[:5], sensitive_feature=0)), ValueError, "same people"),
    ("CompatibleSets: a negative tolerance", lambda: sets().bayes_vulnerability(X[:, 0], tolerance=-1), ValueError, "tolerance=-1"),
    ("AttributePrivacyTransformer: no feature", lambda: AttributePrivacyTransformer(), TypeError, "sensitive_feature"),
    ("AttributePrivacyTransformer: nothing left", lambda: AttributePrivacyTransformer(sensitive_feature=0, output="drop", remainder="drop").fit(X, Y), ValueError, "leaves no column"),
    ("AttributePrivacyTransformer: an unknown output", lambda: AttributePrivacyTransformer(sensitive_feature=0, output="all").fit(X, Y), ValueError, "'output' parameter"),
    ("AttributePrivacyTransformer: no labels", lambda: AttributePrivacyTransformer(sensitive_feature=0).fit(X, None), ValueError, "requires y"),
    ("AttributePrivacyClassifier: an unknown unit", lambda: AttributePrivacyClassifier(sensitive_feature=0, unit="people").fit(X, Y), ValueError, "'unit' parameter"),
    ("AttributePrivacyClassifier: a minimum beyond the range", lambda: AttributePrivacyClassifier(sensitive_feature=0, minimum=1.5).fit(X, Y), ValueError, "minimum"),
    ("AttributePrivacyClassifier: a negative minimum", lambda: AttributePrivacyClassifier(sensitive_feature=0, minimum=-0.1).fit(X, Y), ValueError, "minimum"),
    ("AttributeInferenceAttack: not fitted", lambda: AttributeInferenceAttack(exact(), sensitive_feature=0).evaluate(X), ValueError, "call fit before"),
    ("LabelOnlyInversionAttack: no prior", lambda: LabelOnlyInversionAttack().run(exact()), ValueError, "no decoder"),
    ("LabelOnlyInversionAttack: no budget", lambda: LabelOnlyInversionAttack(max_queries=0).fit(X).run(exact()), ValueError, "max_queries=0"),
    ("ModelExtractionAttack: more queries than inputs", lambda: ModelExtractionAttack(n_queries=[999]).run(exact(), X, X), ValueError, "n_queries="),
]  # fmt: skip

# What works all the same, and gives what the plain input gives.
TAKEN = [
    ("lists for arrays", lambda: X.tolist()),
    ("Fortran order", lambda: np.asfortranarray(X)),
    ("every second row of a larger array", lambda: np.repeat(X, 2, axis=0)[::2]),
    ("a read-only array", lambda: read_only(X)),
    ("numbers as objects", lambda: X.astype(object)),
    ("big-endian numbers", lambda: X.astype(">f8")),
    ("a memory map", lambda: np.asarray(X)[:]),
    ("a frame with an odd index", lambda: pd.DataFrame(X, index=range(800, 0, -10)).to_numpy()),
]


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(("what", "make"), TAKEN, ids=[t[0] for t in TAKEN])
def test_taken(what, make):
    for clf in (exact(), fitted()):
        expected, found = clf.certify(X), clf.certify(make())
        np.testing.assert_array_equal(expected.label, found.label)
        np.testing.assert_allclose(expected.radius, found.radius, atol=1e-12)


# Faults of base models that are harmless, or seen through


def test_a_base_model_that_changes_its_input():
    before = X.copy()
    clf = fitted(Changes())
    clf.certify(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("model", [Floats(), Lists(), Column()])
def test_answers_of_another_type(model):
    np.testing.assert_array_equal(fitted(model).certify(X).radius, fitted().certify(X).radius)


def test_a_class_never_seen_in_noise():
    labels = np.where(X[:, 0] > 50, 2, Y)
    labels[0] = 2
    cert = RobustPrivacyClassifier(LogisticRegression(), **VOTES).fit(X, labels).certify(X)
    assert set(cert.label) <= {0, 1, 2}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_after_an_error_the_object_is_as_it_was(error):
    model = Breaks(error, after=10**9)
    clf = fitted(model)
    expected = clf.certify(X).radius
    clf.estimator_.after = clf.estimator_.asked_ + 1
    before = dict(vars(clf))
    clf.estimator_.after = clf.estimator_.asked_
    with pytest.raises(error):
        clf.certify(X)
    assert vars(clf) == before
    clf.estimator_.after = 10**9
    np.testing.assert_array_equal(clf.certify(X).radius, expected)


@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_killed_worker():
    clf = fitted(Dies(os.getpid()), n_jobs=2)
    with pytest.raises(RuntimeError, match="A process of n_jobs=2 died"):
        clf.certify(X)
    clf.set_params(n_jobs=1)
    assert len(fitted(Dies(os.getpid())).certify(X)) == 80
    assert clf.predict(X[:1]).shape == (1,)  # one row needs no worker: the object is as it was


# Persistence, threads


@pytest.mark.parametrize("make", [exact, fitted])
def test_persistence(make, tmp_path):
    clf = make()
    expected = clf.certify(X)
    joblib.dump(clf, tmp_path / "model")
    for back in (pickle.loads(pickle.dumps(clf)), joblib.load(tmp_path / "model")):
        np.testing.assert_array_equal(back.certify(X).radius, expected.radius)
    text = Certificate.from_json(expected.to_json())
    np.testing.assert_array_equal(text.radius, expected.radius)
    np.testing.assert_array_equal(text.label, expected.label)


def test_skops(tmp_path):
    io = pytest.importorskip("skops.io", reason="skops is not installed")
    clf = exact()
    io.dump(clf, tmp_path / "model.skops")
    unknown = io.get_untrusted_types(file=tmp_path / "model.skops")
    assert all(
        name.split(".")[0] in ("functools", "numpy", "sklearn", "sklearn_rp") for name in unknown
    ), unknown
    back = io.load(tmp_path / "model.skops", trusted=unknown)
    np.testing.assert_array_equal(back.certify(X).radius, clf.certify(X).radius)


def test_another_version_says_so():
    clf = exact()
    state = clf.__getstate__()
    assert "_sklearn_rp_version" in state
    state["_sklearn_rp_version"] = "0.0.1"
    other = RobustPrivacyClassifier.__new__(RobustPrivacyClassifier)
    with pytest.warns(PrivacyWarning, match="was fitted with sklearn_rp 0.0.1.*fit it again"):
        other.__setstate__(state)
    np.testing.assert_array_equal(other.certify(X).radius, clf.certify(X).radius)


def test_a_certificate_of_an_older_version():
    text = fitted().certify(X).to_json().replace('"voting": "hard"', '"old": 1')
    with pytest.raises(ValueError, match="no certificate written by Certificate.to_json"):
        Certificate.from_json(text)
    older = fitted().certify(X).to_json().replace(', "voting": "hard"', "")
    assert Certificate.from_json(older).voting == "hard"


@pytest.mark.parametrize("make", [exact, fitted])
def test_threads(make):
    clf = make()
    expected = clf.certify(X)
    with ThreadPoolExecutor(8) as pool:
        certs = list(pool.map(lambda _: clf.certify(X), range(24)))
        labels = list(pool.map(lambda _: clf.predict(X), range(24)))
    assert all(np.array_equal(cert.radius, expected.radius) for cert in certs)
    assert all(np.array_equal(label, expected.label) for label in labels)
    assert threading.active_count() < 50


def test_the_seed_is_secret():
    clf = RobustPrivacyClassifier(Base(), method="monte_carlo", n_samples=50).fit(X, Y)
    assert clf.release_.bank.entropy.bit_length() > 64
    shown = repr(clf) + str(clf.get_params()) + estimator_html_repr(clf)
    assert str(clf.release_.bank.entropy) not in shown
    assert clf.get_params()["random_state"] is None
    other = RobustPrivacyClassifier(Base(), method="monte_carlo", n_samples=50).fit(X, Y)
    assert other.release_.bank.entropy != clf.release_.bank.entropy
    assert clone(clf).fit(X, Y).release_.bank.entropy != clf.release_.bank.entropy


def test_no_eval_and_no_unpickling():
    import sklearn_rp

    for file in Path(sklearn_rp.__file__).parent.rglob("*.py"):
        text = file.read_text()
        for word in ("eval(", "exec(", "pickle.load", "joblib.load", "allow_pickle=True"):
            assert word not in text.replace(".eval()", ""), f"{file.name}: {word}"


# Fuzzing

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=3),
    st.lists(st.integers(-5, 5), max_size=4), st.just(np.array([1.0])), st.just(object()),
)  # fmt: skip
NAMES = sorted(RobustPrivacyClassifier().get_params(deep=False))


@settings(
    max_examples=150, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING, min_size=1, max_size=3))
@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
def test_fuzz_the_constructor(parameters):
    """Anything at all: it works, or it says what is wrong; never another error."""
    clf = RobustPrivacyClassifier(
        **({"estimator": DecisionTreeClassifier(max_depth=2), "n_samples": 20} | parameters)
    )
    before = dict(vars(clf))
    try:
        clf.fit(X, Y)
    except (ValueError, TypeError) as error:
        assert str(error)
        assert {k: id(v) for k, v in vars(clf).items()} == {k: id(v) for k, v in before.items()}
    else:
        cert = clf.certify(X[:5])
        assert np.isfinite(cert.radius).all()


COLUMN = st.sampled_from(
    ["float64", "float32", "int64", "int8", "bool", "Int64", "Float64", "string", "category",
     "object", "datetime64[ns]"]
)  # fmt: skip


@settings(
    max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.lists(COLUMN, min_size=1, max_size=4),
    st.sampled_from([None, "first", "last", [0], [-1]]),
    st.integers(0, 3),
)
@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
def test_fuzz_the_frames(kinds, features, n_missing):
    rng = np.random.default_rng(len(kinds))
    columns = {}
    for place, kind in enumerate(kinds):
        values = pd.Series(rng.integers(0, 5, size=40))
        if kind in ("string", "category", "object"):
            values = values.astype(str)
        values = values.astype(kind)
        if n_missing and kind in ("float64", "Int64", "object") and place == 0:
            values[:n_missing] = None
        columns[f"c{place}"] = values
    frame = pd.DataFrame(columns)
    if isinstance(features, str):
        features = [frame.columns[0 if features == "first" else -1]]
    target = np.arange(40) % 2
    clf = RobustPrivacyClassifier(Rows(), noise_features=features, method="monte_carlo")
    clf.set_params(n_samples=20, random_state=0)
    try:
        cert = clf.fit(frame, target).certify(frame[:5])
    except (ValueError, TypeError) as error:
        assert str(error)
    else:
        assert len(cert) == 5


class Rows(Base):
    """Takes any frame."""

    def predict(self, X):
        return self.classes_[np.arange(len(X)) % 2]


def test_forest_with_many_jobs_leaves_no_state():
    clf = RobustPrivacyClassifier(
        FrozenEstimator(RandomForestClassifier(5, random_state=0).fit(X, Y)), n_jobs=2, **VOTES
    ).fit(X, Y)
    before = set(vars(clf))
    clf.certify(X)
    assert set(vars(clf)) == before
