"""RobustPrivacyClassifier: what is given, and what comes of it."""

# ruff: noqa: E501, PT017

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refused import refused
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from small import VOTES, Base, Stranger, X, Y, exact, fitted

from sklearn_rp import (
    RobustPrivacyClassifier,
)
from sklearn_rp.exceptions import PrivacyWarning


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


RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)
PEOPLE = pd.DataFrame(ROWS, columns=["age", "bmi", "bp"]).assign(
    sex=["f", "m"] * 30, joined=pd.Timestamp("2020-01-01")
)


def select_nothing(X):
    return []


class SumsTo(Stranger):
    """Probabilities that do not add up to 1: the bounds would promise too much."""

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]

    def predict_proba(self, X):
        return np.c_[np.full(len(X), 0.9), 0.5 + 0.49 * (np.asarray(X)[:, 0] > 0)]


def test_frozen_with_augmentation_warns():
    base = FrozenEstimator(LogisticRegression().fit(ROWS, LABELS))
    with pytest.warns(PrivacyWarning, match="n_augment=1 has no effect"):
        RobustPrivacyClassifier(base, n_augment=1, n_samples=50).fit(ROWS, LABELS)


def changed(**parameters):
    """A fit that fails, and leaves the object as it was."""
    clf = RobustPrivacyClassifier(**({"n_samples": 50} | parameters))
    before = dict(vars(clf))
    try:
        clf.fit(ROWS, LABELS)
    finally:
        assert vars(clf) == before


def noised(features):
    return RobustPrivacyClassifier(noise_features=features).fit(PEOPLE, LABELS)


REFUSED = [
    ("RobustPrivacyClassifier: estimator='forest'", lambda: changed(estimator="forest"), ValueError, "'estimator' parameter"),
    ("a regressor for a classifier", lambda: changed(estimator=LinearRegression()), ValueError, "is a regressor: a classifier is needed"),
    ("RobustPrivacyClassifier: estimator=FrozenEstimator(LogisticRegression())", lambda: changed(estimator=FrozenEstimator(LogisticRegression())), NotFittedError, "not fitted yet"),
    ("RobustPrivacyClassifier: sigma=0", lambda: changed(sigma=0), ValueError, "'sigma' parameter"),
    ("RobustPrivacyClassifier: sigma=-1.0", lambda: changed(sigma=-1.0), ValueError, "'sigma' parameter"),
    ("RobustPrivacyClassifier: sigma=nan", lambda: changed(sigma=np.nan), ValueError, "sigma"),
    ("RobustPrivacyClassifier: sigma=inf", lambda: changed(sigma=np.inf), ValueError, "sigma"),
    ("RobustPrivacyClassifier: sigma='0.5'", lambda: changed(sigma="0.5"), ValueError, "'sigma' parameter"),
    ("RobustPrivacyClassifier: sigma=None", lambda: changed(sigma=None), ValueError, "'sigma' parameter"),
    ("RobustPrivacyClassifier: noise_features=[]", lambda: changed(noise_features=[]), ValueError, "selects no feature"),
    ("RobustPrivacyClassifier: noise_features=['bmi']", lambda: changed(noise_features=["bmi"]), ValueError, "has no column names: give positions"),
    ("RobustPrivacyClassifier: noise_features=[3]", lambda: changed(noise_features=[3]), ValueError, "names position 3, but X has 3 features"),
    ("RobustPrivacyClassifier: noise_features=[0, 0]", lambda: changed(noise_features=[0, 0]), ValueError, "more than once"),
    ("RobustPrivacyClassifier: noise_features=[0, -3]", lambda: changed(noise_features=[0, -3]), ValueError, "more than once"),
    ("RobustPrivacyClassifier: noise_features=[True, False]", lambda: changed(noise_features=[True, False]), ValueError, "boolean mask of length 2"),
    ("RobustPrivacyClassifier: noise_features=[0.5]", lambda: changed(noise_features=[0.5]), TypeError, "by its name or position"),
    ("RobustPrivacyClassifier: noise_features=0.5", lambda: changed(noise_features=0.5), TypeError, "noise_features=0.5 is not allowed"),
    ("RobustPrivacyClassifier: noise_features=True", lambda: changed(noise_features=True), TypeError, "noise_features=True is not allowed"),
    ("RobustPrivacyClassifier: noise_features=a function that selects nothing", lambda: changed(noise_features=select_nothing), ValueError, "selects no feature"),
    ("RobustPrivacyClassifier: noise_scale='range'", lambda: changed(noise_scale="range"), ValueError, "noise_scale='range' is not allowed: give 'std'"),
    ("RobustPrivacyClassifier: noise_scale=[1, 2]", lambda: changed(noise_scale=[1, 2]), ValueError, r"noise_scale has shape \(2,\)"),
    ("RobustPrivacyClassifier: noise_scale=[1, 2, 0]", lambda: changed(noise_scale=[1, 2, 0]), ValueError, "must be positive and finite"),
    ("RobustPrivacyClassifier: noise_scale=[1, 2, nan]", lambda: changed(noise_scale=[1, 2, np.nan]), ValueError, "must be positive and finite"),
    ("RobustPrivacyClassifier: noise_scale=['a', 'b', 'c']", lambda: changed(noise_scale=["a", "b", "c"]), ValueError, "scales are positive numbers"),
    ("RobustPrivacyClassifier: noise_scale={0: 1.0}", lambda: changed(noise_scale={0: 1.0}), ValueError, r"no entry for the noised feature\(s\) \['x1', 'x2'\]"),
    ("RobustPrivacyClassifier: noise_scale={'bmi': 1.0}", lambda: changed(noise_scale={"bmi": 1.0}), ValueError, "not a column of X"),
    ("RobustPrivacyClassifier: method='fast'", lambda: changed(method="fast"), ValueError, "'method' parameter"),
    ("RobustPrivacyClassifier: voting='loud'", lambda: changed(voting="loud"), ValueError, "'voting' parameter"),
    ("RobustPrivacyClassifier: voting='soft', estimator=LinearSVC()", lambda: changed(voting="soft", estimator=LinearSVC()), ValueError, "needs predict_proba, which LinearSVC has not"),
    ("RobustPrivacyClassifier: n_samples=0", lambda: changed(n_samples=0), ValueError, "'n_samples' parameter"),
    ("RobustPrivacyClassifier: n_samples=10.5", lambda: changed(n_samples=10.5), ValueError, "'n_samples' parameter"),
    ("RobustPrivacyClassifier: n_samples=5, method='monte_carlo'", lambda: changed(n_samples=5, method="monte_carlo"), ValueError, "n_samples=5 cannot certify anything at alpha=0.001: at least 11 are"),
    ("RobustPrivacyClassifier: alpha=0", lambda: changed(alpha=0), ValueError, "'alpha' parameter"),
    ("RobustPrivacyClassifier: alpha=1", lambda: changed(alpha=1), ValueError, "'alpha' parameter"),
    ("RobustPrivacyClassifier: alpha=nan", lambda: changed(alpha=np.nan), ValueError, "alpha"),
    ("RobustPrivacyClassifier: n_augment=-1", lambda: changed(n_augment=-1), ValueError, "'n_augment' parameter"),
    ("RobustPrivacyClassifier: n_augment=1.5", lambda: changed(n_augment=1.5), ValueError, "'n_augment' parameter"),
    ("RobustPrivacyClassifier: min_radius=-0.1", lambda: changed(min_radius=-0.1), ValueError, "'min_radius' parameter"),
    ("RobustPrivacyClassifier: min_radius=nan", lambda: changed(min_radius=np.nan), ValueError, "min_radius"),
    ("RobustPrivacyClassifier: fallback='none'", lambda: changed(fallback="none"), ValueError, r"fallback='none' is not allowed beside the labels \[0, 1\]"),
    ("RobustPrivacyClassifier: fallback=[1]", lambda: changed(fallback=[1]), ValueError, "fallback=.* is not allowed"),
    ("RobustPrivacyClassifier: resample='yes'", lambda: changed(resample="yes"), ValueError, "'resample' parameter"),
    ("RobustPrivacyClassifier: n_jobs='all'", lambda: changed(n_jobs="all"), ValueError, "'n_jobs' parameter"),
    ("RobustPrivacyClassifier: n_jobs=0", lambda: changed(n_jobs=0), ValueError, "n_jobs=0 is not allowed"),
    ("RobustPrivacyClassifier: estimator=KMeans(2)", lambda: changed(estimator=KMeans(2)), ValueError, "is a clusterer: a classifier is needed"),
    ("RobustPrivacyClassifier: fallback=nan", lambda: changed(fallback=np.nan), ValueError, "fallback=nan is not allowed"),
    ("RobustPrivacyClassifier: n_samples=2**23, voting='soft', method='monte_carlo'", lambda: changed(n_samples=2**23, voting="soft", method="monte_carlo"), ValueError, "n_samples=8388608 is not allowed with voting='soft'.*Cast fewer than 8388608"),
    ("RobustPrivacyClassifier: n_samples=3, voting='soft', method='monte_carlo'", lambda: changed(n_samples=3, voting="soft", method="monte_carlo"), ValueError, "cannot certify anything"),
    ("RobustPrivacyClassifier: random_state='seed'", lambda: changed(random_state="seed"), ValueError, "'random_state' parameter"),
    ("a date column named for noise", lambda: noised("joined"), TypeError, "names 'joined', which holds dates or times.*days since a date"),
    ("RobustPrivacyClassifier: noise on a misspelt column", lambda: noised(["bim"]), ValueError, r"'bim', which is not a column of X, did you mean 'bmi'\?"),
    ("RobustPrivacyClassifier: noise on a number and a category", lambda: noised(["age", "sex"]), TypeError, "not numeric"),
    ("a large offset under small noise", lambda: fitted(noise_scale=None, sigma=1e-12).predict(X + 1e6), ValueError, "too small beside its values"),
    ("float32 rows under tiny noise", lambda: fitted(noise_scale=None, sigma=1e-6).predict((X + 100).astype(np.float32)), ValueError, "too small beside its values"),
    ("a classifier that was not fitted", lambda: RobustPrivacyClassifier().predict(X), NotFittedError, "not fitted"),
    ("a base model whose fit does nothing", lambda: fitted(Unfitted()), AttributeError, "classes_"),
    ("a base model that raises in the middle", lambda: fitted(Breaks()).predict(X), RuntimeError, "in the middle"),
    ("a base model out of memory", lambda: fitted(Breaks(MemoryError)).predict(X), MemoryError, "in the middle"),
    ("certify_path: text", lambda: exact().certify_path(X, "high"), ValueError, "sigmas='high'"),
    ("certify_path: None", lambda: exact().certify_path(X, None), ValueError, "sigmas=None"),
    ("certify_path: zero", lambda: exact().certify_path(X, [0.0]), ValueError, "positive and finite"),
    ("privacy_loss: fixed noise", lambda: fitted().privacy_loss(1.0), ValueError, "needs fresh noise"),
    ("privacy_loss: exact method", lambda: exact().privacy_loss(1.0), ValueError, "exact method"),
    ("a base model that answers too few rows", lambda: fitted(Short()).predict(X), ValueError, "one label for each row is needed"),
    ("a base model whose labels are none of its own", lambda: fitted(Stranger()), ValueError, "Found the label 7, which is not among"),
    ("a base model whose probabilities add up to more than 1", lambda: fitted(SumsTo(), voting="soft"), ValueError, "not one probability for each"),
    ("certify_path: no noise level", lambda: exact().certify_path(X, []), ValueError, r"sigmas=\[\] is not allowed"),
    ("certify_path: a negative noise level", lambda: exact().certify_path(X, [-1]), ValueError, "sigmas=.* is not allowed"),
    ("certify_path: a noise level that is NaN", lambda: exact().certify_path(X, [np.nan]), ValueError, "sigmas=.* is not allowed"),
    ("certify_path: an infinite noise level", lambda: exact().certify_path(X, [np.inf]), ValueError, "sigmas=.* is not allowed"),
    ("certify_path: one of two noise levels is 0", lambda: exact().certify_path(X, [0.5, 0]), ValueError, "sigmas=.* is not allowed"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
