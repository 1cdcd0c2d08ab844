"""The report says what the parts say that it is made of, in plain words and without surprises."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import AttributePrivacyClassifier, RobustPrivacyClassifier
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import RandomizedResponseClassifier
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.report import NOT_COVERED, PrivacyReport, privacy_report

X, Y = load_recommendation(return_X_y=True, as_frame=True)
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, Y, random_state=0)
TREE = DecisionTreeClassifier(max_depth=5, random_state=0)
EXACT = RobustPrivacyClassifier(TREE, noise_features=["bmi"]).fit(X_TRAIN, Y_TRAIN)


def report(estimator=EXACT, rows=X_TEST, labels=Y_TEST, features=("bmi",), **arguments):
    return privacy_report(estimator, rows, labels, sensitive_features=features, **arguments)


@pytest.fixture(scope="module")
def usual():
    return report(features=["bmi", "sex"], bounds={"bmi": (15, 50)})


def test_figures_are_those_of_the_parts(usual):
    cert = EXACT.certify(X_TEST)
    sets = compatible_sets(EXACT, X_TEST, sensitive_feature="bmi", bounds=(15, 50))
    point = usual.operating_point
    assert point["accuracy"] == EXACT.score(X_TEST, Y_TEST)
    assert point["noised_features"] == ["bmi"]
    assert point["standard_deviation_of_the_noise"] == pytest.approx(
        [0.25 * X_TRAIN["bmi"].std(ddof=0)]
    )
    assert (point["method"], point["alpha"], point["votes_per_row"]) == ("exact", 0.0, 0)
    radii = usual.radii.set_index("reading")
    assert radii.loc["radius, scaled units", "50 %"] == np.median(cert.radius)
    half = radii.loc["half-width of bmi, its own unit", "5 %"]
    assert half == pytest.approx(np.quantile(cert.half_width("bmi"), 0.05))
    table = usual.sets["bmi"].set_index("group")
    assert table.loc["all", "smallest"] == sets.component_length.min()
    for label in EXACT.classes_:
        own = sets.component_length[sets.label == label]
        assert table.loc[label, "median"] == np.median(own)
        assert table.loc[label, "n"] == len(own)
    assert usual.attacks["bmi"]["attacker"].tolist() == [
        "imputation", "deterministic", "bayesian", "learned",
    ]  # fmt: skip
    assert (usual.attacks["bmi"]["n"] == len(X_TEST) - len(X_TEST) // 2).all()
    assert usual.not_covered == list(NOT_COVERED)
    assert any("sex gets no noise" in text for text in usual.warnings)
    assert not any("range of bmi was taken" in text for text in usual.warnings)


def test_json_and_html(usual, tmp_path):
    record = json.loads(usual.to_json(tmp_path / "report.json"))
    assert record == usual.to_dict()
    assert record == json.loads((tmp_path / "report.json").read_text())
    assert record["sets"]["bmi"][0]["n"] == len(X_TEST)
    page = usual.to_html(tmp_path / "report.html")
    assert page == (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "http" not in page  # loads nothing
    assert usual._repr_html_() in page
    for text in (*usual.warnings, "Guessing sex", "Not covered"):
        assert text.replace("'", "&#x27;") in page
        assert text in repr(usual)


def test_names_cannot_break_the_page():
    evil = "<script>alert(1)</script>"
    rows, train = (part.rename(columns={"bmi": evil}) for part in (X_TEST, X_TRAIN))
    clf = RobustPrivacyClassifier(TREE, noise_features=[evil]).fit(train, Y_TRAIN)
    assert "<script" not in report(clf, rows, features=[evil]).to_html()


def test_votes():
    clf = RobustPrivacyClassifier(
        TREE, method="monte_carlo", n_samples=200, alpha=0.01, noise_features=["bmi", "age"],
        random_state=0,
    ).fit(X_TRAIN, Y_TRAIN)  # fmt: skip
    found = report(clf, X_TEST[:30], Y_TEST[:30], features="bmi", resolution=16)
    assert found.operating_point["votes_per_row"] == 200
    assert "release radius, scaled units" in found.radii["reading"].tolist()
    assert any("with probability 0.99" in text for text in found.warnings)


def test_fallback_and_pipeline():
    clf = RobustPrivacyClassifier(
        LogisticRegression(), sigma=1.0, fallback="ask a person", min_radius=0.5
    )
    model = make_pipeline(StandardScaler(), clf).fit(X_TRAIN.drop(columns="sex"), Y_TRAIN)
    found = report(model, X_TEST.drop(columns="sex"))
    assert found.operating_point["fallback"] == "ask a person"
    assert "ask a person" in found.sets["bmi"]["group"].tolist()
    assert found.radii["reading"].tolist() == ["radius, scaled units"]  # of the scaled features
    # The noise is on the scaled features, the BMI among them.
    assert not any("gets no noise" in text for text in found.warnings)
    plain = make_pipeline(StandardScaler(), LogisticRegression())
    plain.fit(X_TRAIN.drop(columns="sex"), Y_TRAIN)
    without = plain.score(X_TEST.drop(columns="sex"), Y_TEST)
    assert found.operating_point["accuracy_without_privacy"] == without


class NarrowBand(ClassifierMixin, BaseEstimator):
    """One label for a band of 0.6 kg/m2, another for everybody else."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        inside = np.abs(np.asarray(X["bmi"], dtype=float) - X_TEST["bmi"].iloc[0]) < 0.3
        return np.where(inside, *self.classes_)


def test_a_model_without_certificates():
    found = report(NarrowBand().fit(X_TRAIN, Y_TRAIN))
    assert found.radii is None
    assert found.operating_point["accuracy_without_privacy"] is None
    assert any("no certificates" in text for text in found.warnings)
    narrow = int((np.abs(X_TEST["bmi"] - X_TEST["bmi"].iloc[0]) < 0.3).sum())
    want = f"For {narrow} of {len(X_TEST)} people the label leaves less than 5% of the range of bmi"
    assert any(text.startswith(want) for text in found.warnings)
    assert any(
        text.startswith("Group intensive follow-up: the label leaves") for text in found.warnings
    )


def test_a_guaranteed_minimum():
    clf = AttributePrivacyClassifier(TREE, sensitive_feature="bmi", minimum=0.3)
    found = report(clf.fit(X_TRAIN, Y_TRAIN), bounds={"bmi": (15, 50)})
    assert found.operating_point["minimum"] == 0.3
    without = TREE.fit(X_TRAIN, Y_TRAIN).score(X_TEST, Y_TEST)
    assert found.operating_point["accuracy_without_privacy"] == without
    assert not any("no certificates" in text for text in found.warnings)
    seen = X_TRAIN["bmi"].max() - X_TRAIN["bmi"].min()
    assert found.sets["bmi"]["smallest"].min() >= 0.3 * seen


@pytest.mark.parametrize("kind", ["smoothed", "baseline"])
def test_a_random_release(kind):
    if kind == "smoothed":
        clf = RobustPrivacyClassifier(TREE, resample=True, n_samples=11, alpha=0.05)
    else:
        clf = RandomizedResponseClassifier(TREE, p=0.8)
    found = report(clf.fit(X_TRAIN, Y_TRAIN))
    assert not found.sets
    assert any("release is random" in text for text in found.warnings)
    json.loads(found.to_json())


def test_a_noise_that_hides_little_is_called_so():
    rows, train = (part.drop(columns="sex") for part in (X_TEST, X_TRAIN))
    votes = RobustPrivacyClassifier(
        LogisticRegression(max_iter=2000), noise_features=["bmi"], sigma=0.01,
        method="monte_carlo", n_samples=100,
    ).fit(train, Y_TRAIN)  # fmt: skip
    found = report(votes, rows, bounds=(15, 50))
    half = np.median(votes.certify(rows).half_width("bmi"))
    assert any(f"hides bmi by less than {half:.3g} either way" in t for t in found.warnings)


def test_tables_are_explained_and_titled(usual):
    page = usual.to_html(title="Follow-up <2026>")
    assert "<h1>Follow-up &lt;2026&gt;</h1>" in page
    for text in ("in the unit of bmi", "Imputation sees no label", "mcc: Matthews", "error: mean"):
        assert text in page
        assert text in " ".join(repr(usual).split())
    assert usual.radii.columns.tolist() == [
        "reading", "smallest", "5 %", "25 %", "50 %", "75 %", "95 %",
    ]  # fmt: skip
    assert usual.attacks["bmi"].columns.tolist() == [
        "attacker", "n", "error", "error_low", "error_high", "length", "coverage",
        "gain", "gain_low", "gain_high",
    ]  # fmt: skip


def test_bounds_of_the_one_feature():
    one = report(bounds=(15, 50)).to_dict()
    assert one == report(bounds={"bmi": (15, 50)}).to_dict()
    with pytest.raises(ValueError, match="not allowed for several sensitive features"):
        report(features=["bmi", "age"], bounds=(15, 50))


def test_a_useless_model_is_called_so():
    labels = np.where(np.arange(len(X_TEST)) % 10 == 0, *np.unique(Y))
    assert any("no more than the most frequent" in text for text in report(labels=labels).warnings)


def test_groups_and_public_rows():
    groups = np.where(X_TEST["age"] > 50, "old", "young")
    found = report(groups=groups, X_public=X_TRAIN)
    assert found.sets["bmi"]["group"].tolist() == ["all", "old", "young"]
    assert (found.attacks["bmi"]["n"] == len(X_TEST)).all()


def test_arrays_and_polars():
    polars = pytest.importorskip("polars")
    rows, train = (part.drop(columns="sex") for part in (X_TEST, X_TRAIN))
    clf = RobustPrivacyClassifier(TREE, noise_features=[0]).fit(train.to_numpy(), Y_TRAIN)
    array = report(clf, rows.to_numpy(), features=[1])
    assert list(array.sets) == ["x1"]
    framed = RobustPrivacyClassifier(TREE, noise_features=["bmi"]).fit(train, Y_TRAIN)
    one, other = report(framed, rows), report(framed, polars.from_pandas(rows))
    pd.testing.assert_frame_equal(one.sets["bmi"], other.sets["bmi"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": []}, r"sensitive_features=\[\] is not allowed"),
        ({"features": ["bmu"]}, "did you mean 'bmi'"),
        ({"bounds": {"age": (0, 100)}}, r"bounds names \['age'\]"),
        ({"groups": [1, 2]}, "groups has shape"),
        ({"rows": X_TEST[:10], "labels": Y_TEST[:10]}, "X has 10 rows: half of them are too few"),
    ],
)
def test_what_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        report(**arguments)


def test_nothing_to_look_at_is_said(usual):
    quiet = replace(usual, warnings=[])
    assert "- Nothing stood out." in repr(quiet)
    assert "<li>Nothing stood out.</li>" in quiet.to_html()


def test_repr_is_short_enough_to_read(usual):
    assert isinstance(usual, PrivacyReport)
    assert max(map(len, repr(usual).splitlines())) < 200
