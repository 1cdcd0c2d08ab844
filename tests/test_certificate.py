"""Certificate: readings in the right units, slicing, frames, JSON, pickles."""

# ruff: noqa: E501

import dataclasses
import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import small
from refused import refused
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier
from small import X, fitted

from sklearn_rp import (
    Certificate,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attribute import compatible_sets


def make_certificate(**changes):
    arguments = {
        "label": np.array(["a", "a", "b", "b"]),
        "radius": np.array([0.0, 1.0, 2.0, 3.0]),
        "abstained": np.array([True, False, False, False]),
        "p_lower": np.array([0.4, 0.84, 0.97, 0.99]),
        "p_upper": np.array([0.6, 0.16, 0.03, 0.01]),
        "n_samples": np.full(4, 1000),
        "sigma": 0.5,
        "alpha": 0.001,
        "method": "monte_carlo",
        "feature_names": np.array(["age", "bmi"]),
        "scale": np.array([13.0, 4.4]),
        "feature_indices": np.array([0, 2]),
        "values": np.array([[30.0, 21.0], [40, 25], [50, 30], [60, 35]]),
    }
    return Certificate(**(arguments | changes))


def same(one, other):
    return all(
        np.array_equal(getattr(one, f.name), getattr(other, f.name))
        and np.asarray(getattr(one, f.name)).dtype == np.asarray(getattr(other, f.name)).dtype
        for f in dataclasses.fields(Certificate)
    )


def test_a_notebook_shows_a_table():
    cert = make_certificate()
    shown = cert._repr_html_()
    assert shown.startswith("<pre>Certificate of 4 row(s)")
    assert shown.count("<tr") == 1 + 4
    assert "p_lower" in shown
    sets = compatible_sets(LogisticRegression().fit([[0.0], [1.0]], [0, 1]), [[0.0], [1.0]],
                           sensitive_feature=0)  # fmt: skip
    assert sets._repr_html_().count("<tr") == 1 + 2


def test_readings_are_in_the_units_of_the_feature():
    cert = make_certificate()
    assert cert.half_width("bmi").tolist() == [0, 4.4, 8.8, pytest.approx(13.2)]
    assert cert.half_width(2).tolist() == cert.half_width("bmi").tolist()  # its position in X
    assert (cert.name_of(2), cert.name_of("age")) == ("bmi", "age")
    assert cert.half_width("age")[1] == 13
    low, high = cert.interval("bmi")
    assert low[1] == pytest.approx(25 - 4.4)
    assert high[1] == pytest.approx(25 + 4.4)
    assert low[0] == high[0] == 21


def test_at():
    cert = make_certificate()
    assert cert.at(0).tolist() == [False, True, True, True]
    assert cert.at(2.0).tolist() == [False, False, True, True]
    with pytest.raises(ValueError, match="radius=nan"):
        cert.at(float("nan"))


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("bmmi", "did you mean 'bmi'"),
        (1, "not the position of a noised feature"),
        (None, "not the position"),
    ],
)
def test_unknown_feature(feature, message):
    with pytest.raises(ValueError, match=message):
        make_certificate().half_width(feature)


def test_slicing():
    cert = make_certificate()
    assert len(cert) == 4
    assert cert[1:3].label.tolist() == ["a", "b"]
    assert cert[~cert.abstained].radius.tolist() == [1, 2, 3]
    assert cert[[3, 0]].values[:, 1].tolist() == [35, 21]
    assert len(cert[-1]) == 1
    assert [len(row) for row in cert] == [1, 1, 1, 1]
    assert cert[2].sigma == 0.5
    with pytest.raises(IndexError):
        cert[4]
    with pytest.raises(TypeError, match=r"\.radius"):
        cert["radius"]


def test_tables_keep_the_labels_of_the_rows(people):
    X, y = people
    X = X[["age", "bmi"]].sample(frac=1, random_state=0)
    clf = RobustPrivacyClassifier(noise_features="bmi").fit(X, y[X.index])
    half = clf.certify(X).to_frame("bmi")["half_width_bmi"]
    pd.testing.assert_index_equal(half.index, X.index)
    again = clf.certify(X.sort_index()).to_frame("bmi")["half_width_bmi"]
    joined = X.join(half).sort_index()["half_width_bmi"]
    np.testing.assert_allclose(joined, again, rtol=1e-9)  # last bits may hang on the batch
    cert = clf.certify(X)
    assert cert[cert.radius > 1].to_frame().index.equals(X.index[cert.radius > 1])
    assert Certificate.from_json(cert.to_json()).index is None
    pipe = make_pipeline(StandardScaler(), RobustPrivacyClassifier()).fit(X, y[X.index])
    assert certify(pipe, X).to_frame().index.equals(X.index)
    assert certify(pipe, X, [0.1, 0.2])[1].to_frame().index.equals(X.index)
    assert certify(pipe, X.to_numpy()).to_frame().index.equals(pd.RangeIndex(len(X)))
    sets = compatible_sets(clf, X, sensitive_feature="bmi")
    assert sets.to_frame().index.equals(X.index)
    assert sets.intersect(sets)[5:9].to_frame().index.equals(X.index[5:9])


def test_frame():
    frame = make_certificate().to_frame(features=["bmi"])
    assert isinstance(frame, pd.DataFrame)
    assert list(frame) == [
        "label", "radius", "abstained", "p_lower", "p_upper", "n_samples", "half_width_bmi",
    ]  # fmt: skip
    assert frame["half_width_bmi"].tolist() == [0, 4.4, 8.8, pytest.approx(13.2)]


@pytest.mark.parametrize(
    "label",
    [
        np.array(["a", "längst", "", "b"]),
        np.array([0, 1, 2, 2**40]),
        np.array([0.5, 1.5, 2.5, 2.5]),
        np.array([True, False, True, True]),
        np.array(["a", "b", "a", "b"], dtype=object),
    ],
)
def test_json_and_pickle_lose_nothing(label):
    cert = make_certificate(label=label, radius=np.array([0.0, 1 / 3, 1e-300, np.pi]))
    assert same(Certificate.from_json(cert.to_json()), cert)
    assert same(pickle.loads(pickle.dumps(cert)), cert)
    json.loads(cert.to_json())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"label": 3}', "no json"])
def test_json_of_something_else(text):
    with pytest.raises(ValueError, match="no certificate"):
        Certificate.from_json(text)


def test_repr_of_a_fallback_and_of_a_category(people):
    early = repr(make_certificate(n_samples=np.array([263, 263, 2000, 395])))
    assert "votes      263 to 2000: they stopped when the question was answered" in early
    assert "stopped" not in repr(make_certificate())
    shown = repr(make_certificate(min_radius=0.3))
    above = int((make_certificate().radius > 0.3).sum())
    assert f"released   {above} of 4 labels, with a radius above 0.3" in shown
    X, y = people
    model = make_pipeline(OrdinalEncoder(), DecisionTreeClassifier(random_state=0))
    clf = RobustPrivacyClassifier(model, noise_features="sex").fit(X[["sex"]], y)
    assert "'sex', a category: certified is certified for all" in repr(clf.certify(X[["sex"]]))
    assert "radius" not in repr(clf.certify(X[["sex"]]))


def test_repr():
    text = repr(make_certificate())
    assert "4 row(s)" in text
    assert "75.0%" in text
    assert "'bmi'" in text
    assert "certain" in repr(make_certificate(alpha=0.0))
    assert "0 row(s)" in repr(make_certificate()[:0])


CANCER_X, CANCER_Y = load_breast_cancer(return_X_y=True)
CANCER_X = CANCER_X[:, :4]


def test_labels_of_pandas_strings_survive_json():
    strings = getattr(np.dtypes, "StringDType", None)
    if strings is None:
        pytest.skip("this numpy has no strings of its own")
    clf = RobustPrivacyClassifier(LogisticRegression(max_iter=3000), random_state=0).fit(
        CANCER_X, CANCER_Y
    )
    cert = clf.certify(CANCER_X[:5])
    cert = replace(cert, label=np.where(cert.label, "yes", "no").astype(strings()))
    again = Certificate.from_json(cert.to_json())
    assert again.label.tolist() == cert.label.tolist()


def test_a_certificate_of_an_older_version():
    text = fitted().certify(X).to_json().replace('"voting": "hard"', '"old": 1')
    with pytest.raises(ValueError, match="no certificate written by Certificate.to_json"):
        Certificate.from_json(text)
    older = fitted().certify(X).to_json().replace(', "voting": "hard"', "")
    assert Certificate.from_json(older).voting == "hard"


RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)
PEOPLE = pd.DataFrame(ROWS, columns=["age", "bmi", "bp"]).assign(
    sex=["f", "m"] * 30, joined=pd.Timestamp("2020-01-01")
)


def test_small_helps():
    clf = RobustPrivacyClassifier(n_samples=50).fit(PEOPLE[["age", "bmi", "bp"]], LABELS)
    cert = clf.certify(PEOPLE[["age", "bmi", "bp"]])
    assert cert.to_frame("bmi").columns[-1] == "half_width_bmi"
    with pytest.raises(ValueError, match=r"did you mean 'bmi'\? The certificate"):
        cert.half_width("BMI")


REFUSED = [
    ("Certificate.half_width: an unknown feature", lambda: small.exact().certify(small.X).half_width("bmi"), ValueError, "not a noised feature"),
    ("Certificate.half_width: a position beyond", lambda: small.exact().certify(small.X).half_width(9), ValueError, "not the position"),
    ("Certificate.at: a negative radius", lambda: small.exact().certify(small.X).at(-1), ValueError, "must not be negative"),
    ("Certificate.at: NaN", lambda: small.exact().certify(small.X).at(np.nan), ValueError, "must not be negative"),
    ("Certificate.from_json: other text", lambda: Certificate.from_json("{}"), ValueError, "no certificate"),
    ("Certificate.from_json: no JSON", lambda: Certificate.from_json("rows"), ValueError, "no certificate"),
    ("Certificate.from_json: a list", lambda: Certificate.from_json("[1]"), ValueError, "no certificate"),
    ("Certificate[...]: a name", lambda: small.exact().certify(small.X)["radius"], TypeError, "sliced by rows"),
    ("Certificate[...]: beyond the end", lambda: small.exact().certify(small.X)[80], IndexError, "80 rows"),
    ("Certificate.release_radius: no votes", lambda: small.fitted().certify(small.X).release_radius(0), ValueError, "n_votes=0"),
    ("Certificate.release_radius: beta of 1", lambda: small.fitted().certify(small.X).release_radius(beta=1), ValueError, "beta=1"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
