"""RobustPrivacyClassifier as its users meet it."""

import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule, as_frame
from scipy import stats
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import has_fit_parameter
from small import Base, X, Y, exact, fitted

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    Certificate,
    RobustPrivacyClassifier,
)
from sklearn_rp.baselines import NoisyInputClassifier, RandomizedResponseClassifier
from sklearn_rp.datasets import make_recommendation
from sklearn_rp.exceptions import PrivacyWarning

X_IRIS, Y_IRIS = load_iris(return_X_y=True)


def smooth(estimator=None, **changes):
    arguments = {"n_samples": 200, "random_state": 0, "method": "monte_carlo"}
    return RobustPrivacyClassifier(estimator, **(arguments | changes))


def frozen(cls):
    return FrozenEstimator(cls.fit(X_IRIS, Y_IRIS))


@pytest.mark.parametrize(
    "estimator",
    [
        None,
        LinearSVC(),  # no predict_proba
        DecisionTreeClassifier(random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression()),
        frozen(RandomForestClassifier(20, random_state=0)),
        CalibratedClassifierCV(DecisionTreeClassifier(max_depth=2), cv=2),
    ],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.parametrize("labels", [np.array([0, 1, 2]), np.array(["x", "yy", "z"])])
def test_predict_certificate_and_shares_agree_on_every_row(estimator, labels):
    if isinstance(estimator, FrozenEstimator) and labels.dtype.kind == "U":
        pytest.skip("the frozen model has its own labels")
    y = labels[Y_IRIS]
    clf = smooth(estimator, sigma=0.8).fit(X_IRIS, y)
    cert = clf.certify(X_IRIS)
    share = clf.predict_proba(X_IRIS)
    assert cert.abstained.any()
    assert not cert.abstained.all()
    assert np.array_equal(clf.predict(X_IRIS), cert.label)
    assert np.array_equal(clf.classes_[share.argmax(axis=1)], cert.label)
    assert share.sum(axis=1) == pytest.approx(np.ones(150))
    assert clf.score(X_IRIS, y) == accuracy_score(y, cert.label)
    assert set(cert.label) <= set(labels)
    assert (cert.n_samples == 200).all()


def test_votes_are_those_of_the_theory():
    """A linear rule's share of votes is Phi(distance); the radius is below the distance."""
    task = make_recommendation(400, random_state=0)
    clf = smooth(
        LinearRule(task.coef), sigma=0.5, noise_features=[0], noise_scale=None, n_samples=20_000
    )
    cert = clf.fit(task.data, task.target).certify(task.data)
    distance = task.data[:, 0] - task.boundary  # along the only noised feature
    h = stats.norm.cdf(distance / 0.5)
    share = clf.predict_proba(task.data)[:, 1]
    assert np.abs(share - h).max() < 5 * 0.5 / np.sqrt(20_000)
    right = cert.label == task.target
    assert right[np.abs(distance) > 0.05].all()
    # One bank for all rows: its luck is shared. At alpha = 0.001 the seed of this test is no fluke.
    assert (cert.radius[right] <= np.abs(distance)[right]).all()
    assert cert.radius[np.abs(distance) > 0.2].min() > 0.1


def test_radius_units():
    """Scaled units, noise units and the feature's own unit are three readings of one number."""
    task = make_recommendation(200, random_state=1)
    X = task.data * [10.0, 1, 1, 1]
    rule = LinearRule(task.coef / [10.0, 1, 1, 1])
    cert = (
        smooth(rule, sigma=0.5, noise_features=[0], noise_scale={0: 10.0}, n_samples=2000)
        .fit(X, task.target)
        .certify(X)
    )
    r = (stats.norm.ppf(cert.p_lower) - stats.norm.ppf(cert.p_upper)) / 2
    shown = ~cert.abstained
    assert cert.radius[shown] == pytest.approx(0.5 * r[shown])
    assert cert.half_width(0)[shown] == pytest.approx(10 * 0.5 * r[shown])
    distance = np.abs(X[:, 0] - 10 * task.boundary)
    assert (cert.half_width(0)[shown] <= distance[shown]).all()


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_batches_and_order_change_nothing(voting):
    base = DecisionTreeClassifier(random_state=0)
    clf = smooth(base, sigma=0.7, voting=voting).fit(X_IRIS, Y_IRIS)
    whole = clf.certify(X_IRIS)
    order = np.random.default_rng(0).permutation(150)
    shuffled = clf.certify(X_IRIS[order])
    assert np.array_equal(shuffled.radius, whole.radius[order])
    assert np.array_equal(shuffled.label, whole.label[order])
    single = clf.certify(X_IRIS[70:71])
    assert single.radius[0] == whole.radius[70]
    with config_context(working_memory=0.05):  # MiB: many chunks
        assert np.array_equal(clf.certify(X_IRIS).radius, whole.radius)
    assert np.array_equal(clf.set_params(n_jobs=2).fit(X_IRIS, Y_IRIS).certify(X_IRIS).radius,
                          whole.radius)  # fmt: skip


def test_certify_path_equals_single_levels():
    clf = smooth(sigma=0.5).fit(X_IRIS, Y_IRIS)
    path = clf.certify_path(X_IRIS, [0.25, 0.5, 1.0])
    assert [c.sigma for c in path] == [0.25, 0.5, 1.0]
    assert np.array_equal(path[1].radius, clf.certify(X_IRIS).radius)
    assert path[2].radius.max() > path[0].radius.max()


def test_refit_gives_the_same_bits():
    one = smooth(sigma=0.6, n_augment=1).fit(X_IRIS, Y_IRIS)
    two = clone(one).fit(X_IRIS, Y_IRIS)
    other = clone(one).set_params(random_state=1).fit(X_IRIS, Y_IRIS)
    assert np.array_equal(one.predict_proba(X_IRIS), two.predict_proba(X_IRIS))
    assert not np.array_equal(one.predict_proba(X_IRIS), other.predict_proba(X_IRIS))
    three = pickle.loads(pickle.dumps(one))
    assert np.array_equal(one.predict_proba(X_IRIS), three.predict_proba(X_IRIS))


def test_secret_seed():
    one = smooth(random_state=None).fit(X_IRIS, Y_IRIS)
    two = smooth(random_state=None).fit(X_IRIS, Y_IRIS)
    assert np.array_equal(one.predict_proba(X_IRIS), one.predict_proba(X_IRIS))
    assert not np.array_equal(one.predict_proba(X_IRIS), two.predict_proba(X_IRIS))
    assert str(one.release_.bank.entropy) not in repr(one)


def test_resample_is_fresh_in_every_call_and_reproducible():
    clf = smooth(sigma=1.0, resample=True)
    first, second = clf.fit(X_IRIS, Y_IRIS).predict_proba(X_IRIS), clf.predict_proba(X_IRIS)
    assert not np.array_equal(first, second)
    clf.fit(X_IRIS, Y_IRIS)
    assert np.array_equal(clf.predict_proba(X_IRIS), first)
    assert np.array_equal(clf.predict_proba(X_IRIS), second)
    assert clf.__sklearn_tags__().non_deterministic
    assert not smooth().__sklearn_tags__().non_deterministic


def test_fallback_and_min_radius():
    plain = smooth(sigma=0.8).fit(X_IRIS, Y_IRIS)
    cert = plain.certify(X_IRIS)
    radius = float(np.median(cert.radius))
    clf = smooth(sigma=0.8, fallback=-1, min_radius=radius).fit(X_IRIS, Y_IRIS)
    released = clf.predict(X_IRIS)
    assert np.array_equal(clf.certify(X_IRIS).label, cert.label)
    assert np.array_equal(released, np.where(cert.radius > radius, cert.label, -1))
    assert released.dtype.kind == "i"
    assert 0 < accuracy_score(Y_IRIS, released) < 1
    names = np.array(["a", "b", "c"])[Y_IRIS]
    clf = smooth(sigma=0.8, fallback="no answer").fit(X_IRIS, names)
    released = clf.predict(X_IRIS)
    assert set(released) == {"a", "b", "c", "no answer"}
    assert f1_score(names, released, average="macro") > 0
    # A label may serve as fallback: nobody sees who was not certified.
    assert set(smooth(sigma=0.8, fallback="a").fit(X_IRIS, names).predict(X_IRIS)) == set("abc")
    objects = names.astype(object)
    released = smooth(sigma=0.8, fallback="no answer").fit(X_IRIS, objects).predict(X_IRIS)
    assert set(released) == {"a", "b", "c", "no answer"}


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
def test_min_radius_means_the_same_in_predict_and_in_the_certificate():
    """Radii take few values, so that equality is common."""
    m = float(smooth(sigma=0.5).fit(X_IRIS, Y_IRIS).certify(X_IRIS).radius.max())
    clf = smooth(sigma=0.5, fallback=-1, min_radius=m).fit(X_IRIS, Y_IRIS)
    assert (clf.predict(X_IRIS) == -1).all()
    clf.set_params(min_radius=np.nextafter(m, 0)).fit(X_IRIS, Y_IRIS)
    kept = clf.predict(X_IRIS) != -1
    assert np.array_equal(kept, clf.certify(X_IRIS).radius > np.nextafter(m, 0))
    assert kept.any()


def test_parameters_take_effect_when_fitting():
    clf = smooth(sigma=0.5).fit(X_IRIS, Y_IRIS)
    before = clf.certify(X_IRIS)
    clf.set_params(sigma=5.0, alpha=0.9, fallback="none", min_radius=3, resample=True)
    assert np.array_equal(clf.certify(X_IRIS).radius, before.radius)
    assert np.array_equal(clf.predict(X_IRIS), before.label)


def test_an_issued_certificate_does_not_change():
    X = X_IRIS.copy()
    clf = smooth(sigma=0.5).fit(X, Y_IRIS)
    cert = clf.certify(X)
    half, low = cert.half_width(0), cert.interval(0)[0]
    X[:] = 1000
    clf.noise_scale_ *= 10
    assert np.array_equal(cert.half_width(0), half)
    assert np.array_equal(cert.interval(0)[0], low)
    assert np.array_equal(clf.certify(X_IRIS).half_width(0), half)


def test_objects_are_read_alike_in_every_batch():
    Z = np.empty((150, 2), dtype=object)
    Z[:, 0] = X_IRIS[:, 0]
    Z[:, 1] = np.where(X_IRIS[:, 1] > 3, "wide", "narrow")
    columns = ColumnTransformer(
        [("n", "passthrough", [0]), ("c", OneHotEncoder(handle_unknown="ignore"), [1])]
    )
    clf = smooth(make_pipeline(columns, LogisticRegression())).fit(Z, Y_IRIS)
    query = Z[:2].copy()
    query[0, 1] = None
    assert clf.predict(query)[0] == clf.predict(query[:1])[0]


def test_unreachable_min_radius_warns():
    with pytest.warns(PrivacyWarning, match="min_radius=9 can never be certified"):
        smooth(min_radius=9).fit(X_IRIS, Y_IRIS)


def test_frame_with_categories(people, mixed_pipeline):
    X, y = people
    clf = smooth(mixed_pipeline, sigma=0.5).fit(X, y)
    assert "sex" not in clf.noise_features_
    assert len(clf.noise_features_) == 9
    cert = clf.certify(X.iloc[:40])
    assert cert.half_width("bmi").max() > 0
    assert clf.feature_names_in_.tolist() == list(X.columns)
    narrow = smooth(mixed_pipeline, sigma=0.5, noise_features="bmi").fit(X, y)
    assert narrow.noise_features_.tolist() == ["bmi"]
    # Less noise, elsewhere certain: the radius in BMI is larger.
    assert np.median(narrow.certify(X).radius) > np.median(clf.certify(X).radius)
    assert np.array_equal(
        narrow.predict(X.set_index(np.zeros(len(X)))), narrow.predict(X)
    )  # the index plays no part


def test_missing_values_in_features_without_noise(people):
    X, y = people
    X = X.drop(columns="sex").assign(bp=X["bp"].where(X["bp"] > 80))
    assert X["bp"].isna().any()
    base = HistGradientBoostingClassifier(max_iter=5)
    assert len(smooth(base, noise_features=["bmi"]).fit(X, y).certify(X)) == len(X)
    with pytest.raises(ValueError, match="contains NaN in the noised feature 'bp'"):
        smooth(base).fit(X, y)


def test_polars_and_pandas_agree(people, mixed_pipeline):
    pl = pytest.importorskip("polars")
    X, y = people
    X_polars = pl.from_dict({c: X[c].to_list() for c in X})
    cert = smooth(mixed_pipeline, noise_features=["bmi", "age"]).fit(X, y).certify(X[:50])
    other = smooth(mixed_pipeline, noise_features=["bmi", "age"]).fit(X_polars, y)
    assert np.array_equal(other.certify(X_polars[:50]).radius, cert.radius)


def test_mixed_objects_and_lists():
    X = np.empty((150, 5), dtype=object)
    X[:, :4] = X_IRIS
    X[:, 4] = np.where(X_IRIS[:, 0] > 5.5, "long", "short")

    class Numbers(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            assert set(X[:, 4]) == {"long", "short"}
            self.inner_ = LogisticRegression().fit(X[:, :4].astype(float), y)
            self.classes_ = self.inner_.classes_
            return self

        def predict(self, X):
            return self.inner_.predict(X[:, :4].astype(float))

    cert = smooth(Numbers()).fit(X, Y_IRIS).certify(X)
    assert cert.feature_names.tolist() == ["x0", "x1", "x2", "x3"]
    plain = smooth().fit(X_IRIS.tolist(), Y_IRIS.tolist()).certify(X_IRIS.tolist())
    assert np.array_equal(cert.label, plain.label)


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")  # rare pixels
def test_many_classes():
    X, y = load_digits(return_X_y=True)
    names = np.array([f"class {c:02d}" for c in range(20)])
    y = names[2 * y + (X[:, 20] > 8)]  # 20 classes: the other way of counting
    clf = smooth(DecisionTreeClassifier(max_depth=9, random_state=0), sigma=1, noise_scale=None)
    clf.fit(X, y)
    share = clf.predict_proba(X[:30])
    assert len(clf.classes_) > 16
    assert np.array_equal(clf.classes_[share.argmax(axis=1)], clf.predict(X[:30]))
    assert share.sum(axis=1) == pytest.approx(np.ones(30))


def test_augmentation_helps_and_repeats_sample_weight():
    X, y = load_breast_cancer(return_X_y=True)

    class Records(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            self.seen_ = X, y, sample_weight
            return super().fit(X, y, sample_weight)

    weight = np.arange(1.0, len(y) + 1)
    base = Records(max_iter=10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf = smooth(base, n_augment=2, sigma=0.5, n_samples=50).fit(X, y, sample_weight=weight)
    seen_X, seen_y, seen_weight = clf.estimator_.seen_
    assert np.array_equal(seen_X[::3], X)
    assert np.array_equal(seen_y, np.repeat(y, 3))
    assert np.array_equal(seen_weight, np.repeat(weight, 3))
    spread = (seen_X[1::3] - X).std(axis=0) / X.std(axis=0)
    assert spread == pytest.approx(np.full(30, 0.5), rel=0.2)
    assert not np.allclose(seen_X[1::3], seen_X[2::3])

    tree = DecisionTreeClassifier(random_state=0)
    plain = cross_val_score(smooth(tree, sigma=1.0), X, y, cv=3).mean()
    trained = cross_val_score(smooth(tree, sigma=1.0, n_augment=5), X, y, cv=3).mean()
    assert trained > plain


WRAPPERS = [
    RobustPrivacyClassifier,
    partial(AttributePrivacyClassifier, sensitive_feature=0),
    partial(AttributePrivacyTransformer, sensitive_feature=0),
    RandomizedResponseClassifier,
]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_takes_weights_where_its_classifier_does(wrapper):
    weight = np.linspace(0, 1, 150)
    assert has_fit_parameter(wrapper(), "sample_weight")
    assert has_fit_parameter(wrapper(RobustPrivacyClassifier()), "sample_weight")
    plain = LogisticRegression().fit(X_IRIS, Y_IRIS, weight)
    for given in (weight, weight.tolist(), pd.Series(weight)):
        clf = wrapper(LogisticRegression()).fit(X_IRIS, Y_IRIS, given)
        assert np.array_equal(clf.estimator_.coef_, plain.coef_)

    for takes_none in (KNeighborsClassifier(), make_pipeline(LogisticRegression())):
        clf = wrapper(takes_none)
        assert not has_fit_parameter(clf, "sample_weight")
        with pytest.raises(ValueError, match=r"KNeighborsClassifier takes no weights|Pipeline.fit"):
            clf.fit(X_IRIS, Y_IRIS, sample_weight=weight)
        assert not hasattr(clf, "classes_")
        pickle.loads(pickle.dumps(clf.fit))(X_IRIS, Y_IRIS)


def test_calibration_trains_with_weights():
    weight = np.where(Y_IRIS == 2, 5.0, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        search = CalibratedClassifierCV(smooth(LogisticRegression(max_iter=500)), cv=2)
        found = search.fit(X_IRIS, Y_IRIS, sample_weight=weight)
    for each, (train, _) in zip(
        found.calibrated_classifiers_, StratifiedKFold(2).split(X_IRIS, Y_IRIS), strict=True
    ):
        plain = LogisticRegression(max_iter=500).fit(X_IRIS[train], Y_IRIS[train], weight[train])
        assert np.array_equal(each.estimator.estimator_.coef_, plain.coef_)


class Keeps(ClassifierMixin, BaseEstimator):
    """Takes no weights, and keeps the rows that it was fitted on."""

    def fit(self, X, y):
        self.seen_, self.classes_ = X, np.unique(y)
        return self

    def predict(self, X):
        return self.classes_[(X[:, 0] > 6).astype(int)]


@pytest.mark.parametrize("routing", [False, True])
def test_bagging_resamples_what_takes_no_weights(routing):
    with config_context(enable_metadata_routing=routing):
        bag = BaggingClassifier(
            RobustPrivacyClassifier(Keeps(), n_samples=20),
            n_estimators=2,
            random_state=0,
        ).fit(X_IRIS, Y_IRIS)
    drawn = X_IRIS[bag.estimators_samples_[0]]
    assert np.array_equal(bag.estimators_[0].estimator_.seen_, drawn)


def test_weights_of_the_noise_are_those_of_the_classifier():
    weight = np.arange(150) % 3
    repeated = np.repeat(X_IRIS, weight, axis=0)
    clf = smooth(LogisticRegression()).fit(X_IRIS, Y_IRIS, sample_weight=weight)
    assert clf.noise_scale_ == pytest.approx(repeated.std(axis=0))
    with config_context(enable_metadata_routing=True):
        asked = LogisticRegression().set_fit_request(sample_weight="importance")
        clf = smooth(asked).fit(X_IRIS, Y_IRIS, importance=weight)
        assert clf.noise_scale_ == pytest.approx(repeated.std(axis=0))
        noisy = NoisyInputClassifier(asked).fit(X_IRIS, Y_IRIS, importance=weight)
        assert noisy.release_.rule.noise.scale == pytest.approx(repeated.std(axis=0))


def test_weights_with_labels_go_with_the_rows():
    order = np.random.default_rng(0).permutation(150)
    X, y = pd.DataFrame(X_IRIS)[::-1], pd.Series(Y_IRIS)[::-1]
    weight = pd.Series(np.linspace(0, 1, 150))
    clf = smooth().fit(X, y, sample_weight=weight.loc[X.index])
    plain = LogisticRegression().fit(X, y, weight.loc[X.index])
    assert np.array_equal(clf.estimator_.coef_, plain.coef_)
    with pytest.raises(ValueError, match=r"sample_weight has the labels .*loc\[X.index\]"):
        smooth().fit(X, y, sample_weight=weight)
    # Rows that got new labels: the weights go with y.
    X, y, weight = X.reset_index(drop=True), y.iloc[order], weight.loc[y.index[order]]
    assert len(smooth().fit(X, y, sample_weight=weight).classes_) == 3


def test_metadata_routing():
    weight = np.linspace(0, 1, 150)
    plain = smooth().fit(X_IRIS, Y_IRIS, sample_weight=weight)
    with config_context(enable_metadata_routing=True):
        asked = LogisticRegression().set_fit_request(sample_weight=True)
        routed = smooth(asked).fit(X_IRIS, Y_IRIS, sample_weight=weight)
        assert np.array_equal(plain.estimator_.coef_, routed.estimator_.coef_)
        with pytest.raises(ValueError, match="not explicitly set"):
            smooth().fit(X_IRIS, Y_IRIS, sample_weight=weight)
        search = GridSearchCV(
            smooth(asked).set_score_request(sample_weight=False), {"sigma": [0.1, 0.5]}, cv=2
        )
        search.fit(X_IRIS, Y_IRIS, sample_weight=weight)
    with pytest.raises(TypeError, match="strange"):
        smooth().fit(X_IRIS, Y_IRIS, strange=weight)


def test_a_failed_fit_leaves_the_object_as_it_was():
    clf = smooth(sigma=0.5).fit(X_IRIS, Y_IRIS)
    before = clf.certify(X_IRIS)
    state = dict(vars(clf))

    class Fails(LogisticRegression):
        def fit(self, X, y):
            raise RuntimeError("in the middle")

    clf.estimator = Fails()
    with pytest.raises(RuntimeError, match="in the middle"):
        clf.fit(as_frame(X_IRIS[:, :2]), Y_IRIS)
    clf.estimator = None
    assert vars(clf) == state
    assert np.array_equal(clf.certify(X_IRIS).radius, before.radius)
    with pytest.raises(RuntimeError):
        smooth(Fails()).fit(X_IRIS, Y_IRIS)


def test_fit_does_not_touch_its_input(people, mixed_pipeline):
    X, y = people
    before = X.copy(deep=True)
    base = clone(mixed_pipeline)
    smooth(base, n_augment=1).fit(X, y).certify(X)
    pd.testing.assert_frame_equal(X, before)
    assert not hasattr(base, "classes_")


# --- certify through wrappers ---------------------------------------------------------------------


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
