"""One line for each bad value: the error names the parameter, what is allowed and what to do."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import RandomizedResponseClassifier
from sklearn_rp.datasets import fetch_medical_insurance, load_recommendation, make_recommendation
from sklearn_rp.exceptions import PrivacyWarning

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["age", "bmi", "bp"]).assign(
    sex=["f", "m"] * 30, joined=pd.Timestamp("2020-01-01")
)


class Stranger(ClassifierMixin, BaseEstimator):
    """Answers with a label that it was not fitted on."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), 7)


def select_nothing(X):
    return []


PARAMETERS = [
    ({"estimator": "forest"}, "'estimator' parameter"),
    ({"estimator": LinearRegression()}, "is a regressor: a classifier is needed"),
    ({"estimator": FrozenEstimator(LogisticRegression())}, "not fitted yet"),
    ({"sigma": 0}, r"'sigma' parameter .* range \(0, inf\)|'sigma' parameter"),
    ({"sigma": -1.0}, "'sigma' parameter"),
    ({"sigma": np.nan}, "sigma"),
    ({"sigma": np.inf}, "sigma"),
    ({"sigma": "0.5"}, "'sigma' parameter"),
    ({"sigma": None}, "'sigma' parameter"),
    ({"noise_features": []}, "selects no feature"),
    ({"noise_features": ["bmi"]}, "has no column names: give positions"),
    ({"noise_features": [3]}, "names position 3, but X has 3 features"),
    ({"noise_features": [0, 0]}, "more than once"),
    ({"noise_features": [0, -3]}, "more than once"),
    ({"noise_features": [True, False]}, "boolean mask of length 2"),
    ({"noise_features": [0.5]}, "by its name or position"),
    ({"noise_features": 0.5}, "noise_features=0.5 is not allowed"),
    ({"noise_features": True}, "noise_features=True is not allowed"),
    ({"noise_features": select_nothing}, "selects no feature"),
    ({"noise_scale": "range"}, "noise_scale='range' is not allowed: give 'std'"),
    ({"noise_scale": [1, 2]}, r"noise_scale has shape \(2,\)"),
    ({"noise_scale": [1, 2, 0]}, "must be positive and finite"),
    ({"noise_scale": [1, 2, np.nan]}, "must be positive and finite"),
    ({"noise_scale": ["a", "b", "c"]}, "scales are positive numbers"),
    ({"noise_scale": {0: 1.0}}, r"no entry for the noised feature\(s\) \['x1', 'x2'\]"),
    ({"noise_scale": {"bmi": 1.0}}, "not a column of X"),
    ({"method": "fast"}, "'method' parameter"),
    ({"voting": "loud"}, "'voting' parameter"),
    ({"voting": "soft", "estimator": LinearSVC()}, "needs predict_proba, which LinearSVC has not"),
    ({"n_samples": 0}, "'n_samples' parameter"),
    ({"n_samples": 10.5}, "'n_samples' parameter"),
    (
        {"n_samples": 5, "method": "monte_carlo"},
        "n_samples=5 cannot certify anything at alpha=0.001: at least 11 are",
    ),
    ({"alpha": 0}, "'alpha' parameter"),
    ({"alpha": 1}, "'alpha' parameter"),
    ({"alpha": np.nan}, "alpha"),
    ({"n_augment": -1}, "'n_augment' parameter"),
    ({"n_augment": 1.5}, "'n_augment' parameter"),
    ({"min_radius": -0.1}, "'min_radius' parameter"),
    ({"min_radius": np.nan}, "min_radius"),
    ({"fallback": "none"}, r"fallback='none' is not allowed beside the labels \[0, 1\]"),
    ({"fallback": [1]}, "fallback=.* is not allowed"),
    ({"resample": "yes"}, "'resample' parameter"),
    ({"n_jobs": "all"}, "'n_jobs' parameter"),
    ({"n_jobs": 0}, "n_jobs=0 is not allowed"),
    ({"estimator": KMeans(2)}, "is a clusterer: a classifier is needed"),
    ({"fallback": np.nan}, "fallback=nan is not allowed"),
    ({"n_samples": 3, "voting": "soft", "method": "monte_carlo"}, "cannot certify anything"),
    ({"random_state": "seed"}, "'random_state' parameter"),
]


@pytest.mark.parametrize(("changes", "message"), PARAMETERS)
def test_parameters(changes, message):
    clf = RobustPrivacyClassifier(**({"n_samples": 50} | changes))
    before = dict(vars(clf))
    with pytest.raises((ValueError, TypeError), match=message):
        clf.fit(X, Y)
    assert vars(clf) == before


def with_value(value):
    changed = X.copy()
    changed[3, 1] = value
    return changed


FIT_DATA = [
    (FRAME["age"], Y, ValueError, "Expected 2D array|Expected a 2-dimensional"),
    (with_value(np.nan), Y, ValueError, "NaN in the noised feature 'x1'.*impute"),
    (with_value(np.inf), Y, ValueError, "infinity in the noised feature 'x1'"),
    (csr_array(X), Y, TypeError, r"[Ss]parse X cannot be smoothed.*toarray"),
    (X[:, 0], Y, ValueError, "Expected 2D array"),
    (X[:0], Y[:0], ValueError, "0 sample"),
    (X, Y[:10], ValueError, "inconsistent numbers of samples"),
    (X, None, ValueError, "requires y to be passed"),
    (X, np.zeros(60), ValueError, "class"),
    (X, X[:, 0], ValueError, "Unknown label type: continuous"),
    (X, np.where(Y, 1.0, np.nan), ValueError, "Input y contains NaN"),
    (np.ones((60, 2)), Y, ValueError, "Every noised feature is constant"),
    (X > 0, Y, ValueError, "takes every numeric feature, and X has none"),
    (FRAME[["sex"]], Y, ValueError, "takes every numeric feature, and X has none"),
    (pd.concat([FRAME, FRAME[["age"]]], axis=1), Y, ValueError, r"several columns named \['age'\]"),
    (FRAME.iloc[:0], Y[:0], ValueError, "0 sample"),
]


@pytest.mark.parametrize(("rows", "y", "error", "message"), FIT_DATA)
def test_data_of_fit(rows, y, error, message):
    with pytest.raises(error, match=message):
        RobustPrivacyClassifier(n_samples=50).fit(rows, y)


FRAME_FEATURES = [
    ("joined", TypeError, "names 'joined', which holds dates or times.*days since a date"),
    (["bim"], ValueError, r"'bim', which is not a column of X, did you mean 'bmi'\?"),
    (["age", "sex"], TypeError, "not numeric"),
]


@pytest.mark.parametrize(("features", "error", "message"), FRAME_FEATURES)
def test_noise_features_of_a_frame(features, error, message):
    with pytest.raises(error, match=message):
        RobustPrivacyClassifier(noise_features=features).fit(FRAME, Y)


PREDICT_DATA = [
    (FRAME[["age", "bmi"]], ValueError, "feature names"),
    (FRAME[["bmi", "age", "bp"]], ValueError, "feature names"),
    (FRAME[["age", "bmi", "bp"]].rename(columns={"bp": "b"}), ValueError, "unseen at fit time"),
    (FRAME[["age", "bmi", "bp"]].assign(bmi=np.nan), ValueError, "NaN in the noised feature 'bmi'"),
    (csr_array(X), TypeError, "parse X cannot"),
]


@pytest.mark.parametrize("method", ["predict", "predict_proba", "certify"])
@pytest.mark.parametrize(("rows", "error", "message"), PREDICT_DATA)
def test_data_of_predict(rows, error, message, method):
    clf = RobustPrivacyClassifier(n_samples=50).fit(FRAME[["age", "bmi", "bp"]], Y)
    with pytest.raises(error, match=message):
        getattr(clf, method)(rows)


def test_number_of_features():
    clf = RobustPrivacyClassifier(n_samples=50).fit(X, Y)
    with pytest.raises(ValueError, match="X has 2 features, but .* is expecting 3"):
        clf.certify(X[:, :2])
    with pytest.raises(NotFittedError):
        RobustPrivacyClassifier().certify(X)


@pytest.mark.parametrize("sigmas", [[], [0.5, 0], [-1], [np.nan], [np.inf]])
def test_certify_path(sigmas):
    with pytest.raises(ValueError, match="sigmas=.* is not allowed"):
        RobustPrivacyClassifier(n_samples=50).fit(X, Y).certify_path(X, sigmas)


class SumsTo(Stranger):
    """Probabilities that do not add up to 1: the bounds would promise too much."""

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]

    def predict_proba(self, X):
        return np.c_[np.full(len(X), 0.9), 0.5 + 0.49 * (np.asarray(X)[:, 0] > 0)]


def test_a_base_model_that_is_no_classifier():
    with pytest.raises(ValueError, match="Found the label 7, which is not among"):
        RobustPrivacyClassifier(Stranger(), n_samples=50).fit(X, Y)
    with pytest.raises(ValueError, match="not one probability for each"):
        RobustPrivacyClassifier(SumsTo(), voting="soft", n_samples=50).fit(X, Y)


def test_frozen_with_augmentation_warns():
    base = FrozenEstimator(LogisticRegression().fit(X, Y))
    with pytest.warns(PrivacyWarning, match="n_augment=1 has no effect"):
        RobustPrivacyClassifier(base, n_augment=1, n_samples=50).fit(X, Y)


DATASETS = [
    (load_recommendation, {"threshold": 1000}, "threshold=1000 leaves one label only"),
    (make_recommendation, {"n_samples": 0}, "n_samples=0"),
    (make_recommendation, {"n_features": 1}, "n_features=1"),
    (make_recommendation, {"band": 0}, "band=0"),
    (make_recommendation, {"flip": 1}, "flip=1"),
]


@pytest.mark.parametrize(("loader", "arguments", "message"), DATASETS)
def test_datasets(loader, arguments, message):
    with pytest.raises(ValueError, match=message):
        loader(**arguments)


def test_insurance_without_download(tmp_path):
    with pytest.raises(OSError, match="download_if_missing=False"):
        fetch_medical_insurance(data_home=tmp_path, download_if_missing=False)
    (tmp_path / "medical_insurance.csv").write_text("age,bmi\n")
    with pytest.raises(ValueError, match="not the expected file"):
        fetch_medical_insurance(data_home=tmp_path)


def test_a_frame_with_text_in_fit_and_an_array_in_predict():
    people = FRAME.drop(columns="joined")
    rest = ColumnTransformer([("sex", OneHotEncoder(), ["sex"])], remainder="passthrough")
    model = make_pipeline(rest, LogisticRegression())
    clf = RobustPrivacyClassifier(model, noise_features=["bmi"], n_samples=50).fit(people, Y)
    with pytest.raises(TypeError, match="fitted on a DataFrame.*give a DataFrame"):
        clf.predict(people.to_numpy())
    with pytest.raises(ValueError, match=r"One person is X.iloc\[\[5\]\]"):
        clf.certify(people.iloc[5])


def test_numbers_as_objects_are_no_categories():
    rows = FRAME.assign(bmi=FRAME["bmi"].astype(object))
    with pytest.raises(TypeError, match=r"'bmi', which holds numbers as objects.*astype\(float\)"):
        RobustPrivacyClassifier(Longest(), noise_features=["bmi"]).fit(rows, Y)
    rows = FRAME.assign(bmi=FRAME["bmi"].astype(str))
    with pytest.warns(PrivacyWarning, match="different numbers as text"):
        clf = RobustPrivacyClassifier(Longest(), noise_features=["bmi"]).fit(rows, Y)
    with pytest.raises(ValueError, match=r"and \d+ more") as caught:
        clf.predict(rows.assign(bmi="7"))
    assert len(str(caught.value)) < 400


class Longest(LinearRule):
    """Any rows, any columns: label 1 where the text of the BMI is long."""

    def predict(self, X):
        return (X["bmi"].astype(str).str.len() > 4).to_numpy().astype(int)


OTHERS = [
    RobustPrivacyClassifier,
    partial(AttributePrivacyClassifier, sensitive_feature=0),
    partial(AttributePrivacyTransformer, sensitive_feature=0),
    RandomizedResponseClassifier,
]


@pytest.mark.parametrize("wrapper", OTHERS)
def test_what_no_wrapper_can_work_with(wrapper):
    with pytest.raises(ValueError, match="LinearRegression.* is a regressor: a classifier is"):
        wrapper(LinearRegression()).fit(X, Y)
    with pytest.raises(ValueError, match="y holds one class"):
        wrapper(LogisticRegression()).fit(X, np.zeros(60))
    some = np.where(np.arange(60) % 7, Y.astype(str), None)
    with pytest.raises(ValueError, match="y holds 9 missing labels"):
        wrapper(LogisticRegression()).fit(X, some)


def test_a_value_beyond_bounds_is_answered_as_the_nearest_inside():
    """A refusal of one person's value would tell about it."""
    apc = AttributePrivacyClassifier(sensitive_feature=0, bounds=(-9, 9)).fit(X, Y)
    rows = X.copy()
    rows[:, 0] = 9
    beyond = X.copy()
    beyond[:, 0] = 1e6
    np.testing.assert_array_equal(apc.predict(beyond), apc.predict(rows))
    with pytest.raises(ValueError, match="outside bounds"):
        apc.fit(beyond, Y)


def test_small_helps():
    clf = RobustPrivacyClassifier(n_samples=50).fit(FRAME[["age", "bmi", "bp"]], Y)
    cert = clf.certify(FRAME[["age", "bmi", "bp"]])
    assert cert.to_frame("bmi").columns[-1] == "half_width_bmi"
    with pytest.raises(ValueError, match=r"did you mean 'bmi'\? The certificate"):
        cert.half_width("BMI")
    with pytest.raises(ValueError, match="n_jobs=0 is not allowed"):
        compatible_sets(clf, FRAME[["age", "bmi", "bp"]], sensitive_feature="bmi", n_jobs=0)


def test_rows_without_a_group_are_a_group():
    sets = compatible_sets(LogisticRegression().fit(X, Y), X, sensitive_feature=0)
    table = sets.summary(np.where(np.arange(60) % 3, 2.0, np.nan))
    assert table["n"].to_dict() == {"all": 60, "2.0": 40, "missing": 20}
    assert table["n"].dtype.kind == "i"
    with pytest.raises(ValueError, match=r"groups has shape \(\): give a group for each"):
        sets.summary("region")


def test_a_frame_in_fit_and_an_array_in_predict():
    frame = pd.DataFrame(X, columns=[f"f{j}" for j in range(X.shape[1])])
    clf = RobustPrivacyClassifier(n_samples=50).fit(frame, Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = clf.predict(X)
    np.testing.assert_array_equal(found, clf.predict(frame))


def test_one_row_to_fit_a_frozen_model_on_is_warned_of():
    frozen = FrozenEstimator(DecisionTreeClassifier(random_state=0).fit(X, Y))
    clf = RobustPrivacyClassifier(frozen, noise_scale=None)
    two = [int(np.argmin(Y)), int(np.argmax(Y))]
    rows = np.repeat(X[two[:1]], 2, axis=0)
    with pytest.warns(PrivacyWarning, match="No noised feature has more than one value"):
        clf.fit(rows, Y[two])


def tables(frame):
    dask = pytest.importorskip("dask.dataframe")
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    return {
        r"dask DataFrame.*certify_partition or certify_to_parquet.*compute\(\)": dask.from_pandas(
            frame, npartitions=2
        ),
        r"polars LazyFrame.*X.collect\(\)": polars.from_pandas(frame).lazy(),
        r"pyarrow Table.*X.to_pandas\(\)": pyarrow.Table.from_pandas(frame),
    }


def test_tables_that_are_no_rows_say_what_to_do():
    frame = FRAME[["age", "bmi", "bp"]]
    clf = RobustPrivacyClassifier(n_samples=50).fit(frame, Y)
    apc = AttributePrivacyClassifier(sensitive_feature="age", resolution=8).fit(frame, Y)
    for message, table in tables(frame).items():
        for call in (
            lambda t: RobustPrivacyClassifier().fit(t, Y),
            clf.predict,
            clf.certify,
            partial(certify, clf),
            apc.predict,
            partial(compatible_sets, clf, sensitive_feature="age"),
        ):
            with pytest.raises(TypeError, match=message):
                call(table)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["a"], [2], ["b"]], r"the category 2, which is not among \['a', 'b'\]"),
        ([["a"], ["7"], ["b"]], r"the category '7', which is not among \['a', 'b'\]"),
    ],
)
def test_a_category_of_another_type_is_an_unknown_one(rows, message):
    known = np.array([["a"], ["b"]] * 30, dtype=object)
    rule = FrozenEstimator(IsA().fit(known, Y))
    clf = RobustPrivacyClassifier(rule, noise_features=0).fit(known, Y)
    with pytest.raises(ValueError, match=message):
        clf.predict(np.array(rows, dtype=object))


class IsA(LinearRule):
    def predict(self, X):
        return (X[:, 0] == "a").astype(int)


def test_labels_of_another_type_are_unknown_ones():
    class Text(Stranger):
        def predict(self, X):
            return np.where(np.arange(len(X)) % 2, "yes", "no")

    with pytest.raises(ValueError, match=r"Found the label 'no', which is not among \[0, 1\]"):
        RobustPrivacyClassifier(Text(), n_samples=50).fit(X, Y)
