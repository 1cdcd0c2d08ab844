"""Rows and labels are checked once: what is refused, and with what words."""

# ruff: noqa: E501

from functools import partial

import numpy as np
import pandas as pd
import pytest
from refused import refused
from scipy.sparse import csr_array
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from small import FRAME, X, Y, exact, fitted

from sklearn_rp import (
    AttributePrivacyClassifier,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attribute import compatible_sets

PEOPLE = FRAME.assign(sex=["f", "m"] * 40)


def with_value(value):
    changed = X.astype(object)
    changed[3, 1] = value
    return changed


def trained(rows=X, y=Y):
    return RobustPrivacyClassifier(n_samples=50).fit(rows, y)


def named():
    return exact().fit(FRAME, Y)


# What is given, what is done with it, the error, and its words.
REFUSED = [
    ("None in a noised feature", lambda: exact().predict(with_value(None)), ValueError, "NaN in the noised feature 'x1'.*impute"),
    ("NaN in a noised feature", lambda: trained(with_value(np.nan).astype(float)), ValueError, "NaN in the noised feature 'x1'.*impute"),
    ("infinity in a noised feature", lambda: trained(with_value(np.inf).astype(float)), ValueError, "infinity in the noised feature 'x1'"),
    ("NaT in a noised feature", lambda: exact().predict(with_value(pd.NaT)), TypeError, "not 'NaTType'.*give missing values as np.nan"),
    ("text in a numeric array", lambda: exact().predict(with_value("high")), ValueError, "could not convert string to float: 'high'"),
    ("complex numbers", lambda: exact().predict(X.astype(complex)), ValueError, "Complex data not supported"),
    ("a list of unequal rows", lambda: exact().predict([[1.0, 2.0], [3.0]]), ValueError, "inhomogeneous shape"),
    ("a string for X", lambda: exact().predict("rows"), ValueError, "Expected 2D array"),
    ("None for X", lambda: exact().predict(None), ValueError, "Expected 2D array"),
    ("a sparse X", lambda: trained(csr_array(X)), TypeError, r"[Ss]parse X cannot be smoothed.*toarray"),
    ("a sparse X where a dense one was fitted", lambda: trained().predict(csr_array(X)), TypeError, "parse X cannot be smoothed"),
    ("a column for X", lambda: trained(X[:, 0]), ValueError, "Expected 2D array"),
    ("a series for X", lambda: trained(FRAME["age"]), ValueError, "Expected 2D array|Expected a 2-dimensional"),
    ("a three-dimensional X where rows were fitted", lambda: exact().predict(np.zeros((2, 4, 2))), ValueError, "rows of shape"),
    ("one person as a series", lambda: exact().fit(FRAME, Y).certify(FRAME.iloc[5]), ValueError, r"One person is X.iloc\[\[5\]\]"),
    ("no rows", lambda: exact().certify(X[:0]), ValueError, "0 sample"),
    ("no rows to fit on", lambda: trained(FRAME.iloc[:0], Y[:0]), ValueError, "0 sample"),
    ("no columns", lambda: exact().fit(X[:, :0], Y), ValueError, "0 feature"),
    ("no column with two values", lambda: trained(np.ones((80, 2))), ValueError, "Every noised feature is constant"),
    ("truth values alone", lambda: trained(X > 0), ValueError, "takes every numeric feature, and X has none"),
    ("text alone", lambda: trained(PEOPLE[["sex"]]), ValueError, "takes every numeric feature, and X has none"),
    ("one row to fit on", lambda: exact().fit(X[:1], Y[:1]), ValueError, "y holds one class"),
    ("one class to fit on", lambda: exact().fit(X, np.zeros(80, int)), ValueError, "a classifier needs at least two"),
    ("no labels", lambda: trained(X, None), ValueError, "requires y to be passed"),
    ("too few labels", lambda: trained(X, Y[:10]), ValueError, "inconsistent numbers of samples"),
    ("numbers for labels", lambda: trained(X, X[:, 0]), ValueError, "Unknown label type: continuous"),
    ("a label that is NaN", lambda: trained(X, np.where(Y, 1.0, np.nan)), ValueError, "Input y contains NaN"),
    ("two columns of labels", lambda: exact().fit(X, np.c_[Y, Y]), ValueError, "y should be a 1d array"),
    ("labels of mixed types", lambda: exact().fit(X, np.array([1, "a"] * 40, dtype=object)), ValueError, "Unknown label type"),
    ("integers too large for a float", lambda: exact().predict([[10**400, 0, 0, 0]]), ValueError, "too large for a double: .* in a larger unit"),
    ("an infinite row", lambda: exact().certify(np.full((1, 4), np.inf)), ValueError, "infinity"),
    ("an extra column", lambda: exact().predict(np.c_[X, X[:, 0]]), ValueError, "5 features.*expecting 4"),
    ("a missing column", lambda: trained().certify(X[:, :2]), ValueError, "2 features.*expecting 4"),
    ("a missing column of a frame", lambda: named().predict(FRAME[["age", "bmi", "hdl"]]), ValueError, "feature names should match"),
    ("columns in another order", lambda: named().predict(FRAME[FRAME.columns[::-1]]), ValueError, "must be in the same order"),
    ("a renamed column", lambda: named().predict(FRAME.rename(columns={"bp": "x"})), ValueError, "unseen at fit time"),
    ("duplicate columns", lambda: trained(pd.concat([FRAME, FRAME[["age"]]], axis=1)), ValueError, r"several columns named \['age'\]"),
    ("a nullable column with a missing value", lambda: trained(FRAME.assign(bp=pd.array([None, *range(79)], dtype="Int64"))), ValueError, "NaN in the noised feature 'bp'"),
    ("NaN in a noised column of a frame", lambda: named().predict_proba(FRAME.assign(bmi=np.nan)), ValueError, "NaN in the noised feature 'bmi'"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("method", ["predict", "predict_proba", "certify"])
def test_every_method_checks_its_rows(method):
    ask = getattr(named(), method)
    for rows, error, message in (
        (FRAME[["bmi", "age", "bp", "hdl"]], ValueError, "must be in the same order"),
        (FRAME.assign(bmi=np.nan), ValueError, "NaN in the noised feature 'bmi'"),
        (csr_array(X), TypeError, "parse X cannot be smoothed"),
    ):
        with pytest.raises(error, match=message):
            ask(rows)
    with pytest.raises(NotFittedError):
        getattr(RobustPrivacyClassifier(), method)(X)


def read_only(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def on_disk(values, folder):
    np.save(folder / "rows.npy", values)
    rows = np.load(folder / "rows.npy", mmap_mode="r")
    assert isinstance(rows, np.memmap)
    assert not rows.flags.writeable
    return rows


# What works all the same, and gives what the plain input gives: the plain one, and the same anyhow.
TAKEN = [
    ("lists for arrays", X, lambda _: X.tolist()),
    ("Fortran order", X, lambda _: np.asfortranarray(X)),
    ("every second row of a larger array", X, lambda _: np.repeat(X, 2, axis=0)[::2]),
    ("a read-only array", X, lambda _: read_only(X)),
    ("numbers as objects", X, lambda _: X.astype(object)),
    ("big-endian numbers", X, lambda _: X.astype(">f8")),
    ("a memory map", X, lambda folder: on_disk(X, folder)),
    ("a frame with an odd index", FRAME, lambda _: FRAME.set_axis([5, -1, *[None, 5.5, "a"] * 26])),
]


@pytest.mark.filterwarnings("ignore:.*hold numbers as objects")
@pytest.mark.parametrize("make", [exact, fitted])
@pytest.mark.parametrize(("plain", "same"), [t[1:] for t in TAKEN], ids=[t[0] for t in TAKEN])
def test_taken(plain, same, make, tmp_path):
    clf = make().fit(plain, Y)
    expected, rows = clf.certify(plain), same(tmp_path)
    for found in (clf.certify(rows), clf.fit(rows, Y).certify(rows)):
        np.testing.assert_array_equal(expected.label, found.label)
        np.testing.assert_allclose(expected.radius, found.radius, atol=1e-12)
    if isinstance(rows, pd.DataFrame):
        assert found.to_frame().index.equals(rows.index)


def test_a_frame_with_text_in_fit_and_an_array_in_predict():
    rest = ColumnTransformer([("sex", OneHotEncoder(), ["sex"])], remainder="passthrough")
    model = make_pipeline(rest, LogisticRegression())
    clf = RobustPrivacyClassifier(model, noise_features=["bmi"], n_samples=50).fit(PEOPLE, Y)
    with pytest.raises(TypeError, match="fitted on a DataFrame.*give a DataFrame"):
        clf.predict(PEOPLE.to_numpy())


def test_a_frame_in_fit_and_an_array_in_predict():
    frame = pd.DataFrame(X, columns=[f"f{j}" for j in range(X.shape[1])])
    clf = RobustPrivacyClassifier(n_samples=50).fit(frame, Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        found = clf.predict(X)
    np.testing.assert_array_equal(found, clf.predict(frame))


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
