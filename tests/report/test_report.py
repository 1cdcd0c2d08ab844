"""The report says what the parts say that it is made of, in plain words and without surprises."""

# ruff: noqa: E501

import json
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from refused import refused
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline as SklearnPipeline
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import AttributePrivacyClassifier, RobustPrivacyClassifier, certify
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import RandomizedResponseClassifier
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.report import PrivacyReport, privacy_report
from sklearn_rp.report.page import NOT_COVERED
from sklearn_rp.validation import check_rows

HOME = __name__.split(".")[0]  # the package that these tests belong to
X, Y = load_recommendation(return_X_y=True, as_frame=True)
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, Y, random_state=0)
TREE = DecisionTreeClassifier(max_depth=5, random_state=0)
EXACT = RobustPrivacyClassifier(TREE, noise_features=["bmi"]).fit(X_TRAIN, Y_TRAIN)


def with_a_copy(rows):
    return rows.assign(copied=rows["bmi"])


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


VOTES = {"method": "monte_carlo", "n_samples": 50, "random_state": 0}


@pytest.mark.parametrize(
    "model",
    [
        EXACT,
        RobustPrivacyClassifier(TREE, noise_features=["bmi"], **VOTES),
        RobustPrivacyClassifier(TREE, noise_features=["age"]),
        RobustPrivacyClassifier(TREE, noise_features=["bmi"], fallback="nobody"),
        AttributePrivacyClassifier(TREE, sensitive_feature="bmi", minimum=0.2),
    ],
    ids=["exact", "votes", "noise on another feature", "fallback", "minimum"],
)
def test_rows_are_checked_five_times_at_most(model, monkeypatch):
    model = model.fit(X_TRAIN, Y_TRAIN)
    checked = []

    def counted(estimator, X, **arguments):
        checked.append(X)
        return check_rows(estimator, X, **arguments)

    for name, module in list(sys.modules.items()):
        if name.startswith("sklearn_rp") and getattr(module, "check_rows", None) is check_rows:
            monkeypatch.setattr(module, "check_rows", counted)
    report(model, X_TEST[:40], Y_TEST[:40], resolution=4)
    assert 1 <= len(checked) <= 5


def test_json_and_html(usual, tmp_path):
    record = json.loads(usual.to_json(tmp_path / "report.json"))
    assert record == usual.to_dict()
    assert record == json.loads((tmp_path / "report.json").read_text())
    assert record["sets"]["bmi"][0]["n"] == len(X_TEST)
    page = usual.to_html(tmp_path / "report.html")
    assert page == (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "http" not in page  # loads nothing
    assert usual._repr_html_() in page
    for text in (*usual.summary, *usual.warnings, *usual.not_covered, "Guessing sex"):
        assert text.replace("'", "&#x27;") in page
        assert text in " ".join(repr(usual).split())


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
    readings = ["radius, scaled units", "release radius, scaled units"]  # of the scaled features
    assert found.radii["reading"].tolist() == readings
    # The noise is on the scaled features, the BMI among them.
    assert not any("gets no noise" in text for text in found.warnings)
    plain = make_pipeline(StandardScaler(), LogisticRegression())
    plain.fit(X_TRAIN.drop(columns="sex"), Y_TRAIN)
    without = plain.score(X_TEST.drop(columns="sex"), Y_TEST)
    assert found.operating_point["accuracy_without_privacy"] == without


def test_half_widths_behind_steps_are_in_no_unit_of_the_columns():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"rate": rng.normal(0.05, 0.01, 200), "age": rng.normal(50, 10, 200)})
    labels = (rows["rate"] > 0.05).astype(int)
    scaled = StandardScaler().set_output(transform="pandas")
    pipe = make_pipeline(
        scaled,
        RobustPrivacyClassifier(
            DecisionTreeClassifier(max_depth=2, random_state=0), noise_features=["rate"]
        ),
    )
    found = privacy_report(
        pipe.fit(rows, labels), rows, labels, sensitive_features="rate", bounds=(0, 0.1)
    )
    assert found.radii["reading"].tolist() == ["radius, scaled units"]
    assert found.operating_point["noised_features_behind_the_steps"] == ["rate"]
    assert "standard_deviation_of_the_noise" not in found.operating_point


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
    assert f"{HOME}'s NarrowBand gives no certificates: no radius is reported." in found.warnings
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


NUMBERS, MORE = (part.drop(columns="sex") for part in (X_TRAIN, X_TEST))
MINIMUM = AttributePrivacyClassifier(TREE, sensitive_feature="bmi", minimum=0.2)


def only_labels_of(found):
    return {key: value for key, value in found.to_dict().items() if key != "sklearn_rp"}


@pytest.mark.slow
def test_what_is_set_after_the_fit_is_not_reported():
    clf = clone(MINIMUM).fit(NUMBERS, Y_TRAIN)
    before = report(clf, MORE, bounds=(15, 50))
    clf.set_params(
        sensitive_feature="age", minimum=0.9, unit="length", bounds=(1, 2), prior="uniform",
        estimator=LogisticRegression(),
    )  # fmt: skip
    after = report(clf, MORE, bounds=(15, 50))
    assert only_labels_of(after) == only_labels_of(before)
    point = after.operating_point
    assert (point["guaranteed_for"], point["minimum"], point["unit"]) == ("bmi", 0.2, "share")
    votes = {"method": "monte_carlo", "n_samples": 100, "random_state": 0}
    smooth = RobustPrivacyClassifier(TREE, noise_features=["bmi"], **votes).fit(NUMBERS, Y_TRAIN)
    before = report(smooth, MORE[:30], Y_TEST[:30], bounds=(15, 50), resolution=4)
    smooth.set_params(
        sigma=9.0, noise_features=["age"], noise_scale=None, voting="soft", n_samples=7, alpha=0.5,
        min_radius=3.0, fallback="nobody", resample=True, method="exact", random_state=3,
        estimator=LogisticRegression(),
    )  # fmt: skip
    after = report(smooth, MORE[:30], Y_TEST[:30], bounds=(15, 50), resolution=4)
    assert only_labels_of(after) == only_labels_of(before)
    point = after.operating_point
    assert (point["sigma"], point["votes_per_row"], point["alpha"]) == (0.25, 100, 0.001)
    assert (point["voting"], point["fallback"], point["fresh_noise"]) == ("hard", None, False)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (RandomForestClassifier(5, random_state=0), "RandomForestClassifier"),
        (AdaBoostClassifier(n_estimators=3, random_state=0), "AdaBoostClassifier"),
        (BaggingClassifier(TREE, 3, random_state=0), "BaggingClassifier"),
        (make_pipeline(StandardScaler(), RandomForestClassifier(5)), "RandomForestClassifier"),
        (RobustPrivacyClassifier(MINIMUM, noise_features="bmi"), "DecisionTreeClassifier"),
        (
            RobustPrivacyClassifier(RandomForestClassifier(5), noise_features="bmi"),
            "RandomForestClassifier",
        ),
        (GridSearchCV(MINIMUM, {"minimum": [0.3]}, cv=2), "DecisionTreeClassifier"),
    ],
)
def test_the_model_has_its_own_name(model, name):
    point = _operating_point_of(model.fit(NUMBERS, Y_TRAIN))
    assert point["model"] == name


def _operating_point_of(model):
    return report(model, MORE, bounds=(15, 50), resolution=16).operating_point


def keep_names(step):
    return step.set_output(transform="pandas")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "about"),
    [
        (make_pipeline("passthrough", MINIMUM), "guaranteed_for"),
        (GridSearchCV(MINIMUM, {"minimum": [0.2]}, cv=2), "guaranteed_for"),
        (GridSearchCV(make_pipeline("passthrough", MINIMUM), {}, cv=2), "guaranteed_for"),
        (make_pipeline(GridSearchCV(MINIMUM, {}, cv=2)), "guaranteed_for"),
        (
            make_pipeline(
                keep_names(
                    make_column_transformer(
                        (StandardScaler(), ["age"]),
                        ("passthrough", ["bmi", "bp"]),
                        verbose_feature_names_out=False,
                    )
                ),
                MINIMUM,
            ),
            "guaranteed_for",
        ),
        (
            make_pipeline(keep_names(StandardScaler()), MINIMUM),
            "guaranteed_for_behind_the_steps",
        ),
        (  # the values are there as they were, and once more in another column
            make_pipeline(FunctionTransformer(with_a_copy), MINIMUM),
            "guaranteed_for_behind_the_steps",
        ),
    ],
)
@pytest.mark.parametrize("frozen", [False, True])
def test_a_guarantee_is_reported_wherever_it_ends(model, about, frozen):
    model = model.fit(NUMBERS, Y_TRAIN)
    found = report(FrozenEstimator(model) if frozen else model, MORE, bounds=(15, 50))
    point = found.operating_point
    assert point[about] == "bmi"
    assert (point["minimum"], point["unit"]) == (0.2, "share")
    assert len([key for key in point if key.startswith("guaranteed_for")]) == 1
    assert not any("no certificates" in text for text in found.warnings)
    said = any("as the last step of the Pipeline reads it" in text for text in found.warnings)
    assert said == (about != "guaranteed_for")
    if about == "guaranteed_for":
        seen = NUMBERS["bmi"].max() - NUMBERS["bmi"].min()
        assert found.sets["bmi"]["smallest"].min() >= 0.2 * seen - 1e-9


def test_a_guarantee_behind_steps_that_lose_the_names():
    model = make_pipeline(StandardScaler(), AttributePrivacyClassifier(TREE, sensitive_feature=1))
    found = report(model.fit(NUMBERS, Y_TRAIN), MORE, bounds=(15, 50))
    assert found.operating_point["guaranteed_for_behind_the_steps"] == "x1"
    assert any("along x1 as the last step" in text for text in found.warnings)


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


REFUSED = [
    ("privacy_report: no features", lambda: report(features=[]), ValueError, r"sensitive_features=\[\] is not allowed"),
    ("privacy_report: an unknown feature", lambda: report(features=["bmu"]), ValueError, "did you mean 'bmi'"),
    ("privacy_report: bounds of another feature", lambda: report(bounds={"age": (0, 100)}), ValueError, r"bounds names \['age'\]"),
    ("privacy_report: one pair of bounds for several features", lambda: report(features=["bmi", "age"], bounds=(15, 50)), ValueError, "not allowed for several sensitive features"),
    ("privacy_report: a domain of another feature", lambda: report(domain={3: "integer"}), ValueError, r"domain names \[3\], which are not among"),
    ("privacy_report: too few groups", lambda: report(groups=[1, 2]), ValueError, "groups has shape"),
    ("privacy_report: too few rows", lambda: report(rows=X_TEST[:10], labels=Y_TEST[:10]), ValueError, "X has 10 rows: half of them are too few"),
    ("privacy_report: too few columns of public rows", lambda: report(X_public=NUMBERS), ValueError, "X_public has 9 columns, and X has 10"),
    ("privacy_report: another column in public rows", lambda: report(X_public=X_TRAIN.rename(columns={"bmi": "bmu"})), ValueError, r"X_public lacks the columns \['bmi'\] of X"),
    ("privacy_report: a model that was not fitted", lambda: report(RobustPrivacyClassifier()), NotFittedError, "not fitted"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


class Heavy:
    """Nothing but `predict`: whether the first of its columns named bmi is above 25."""

    def predict(self, X):
        values = X["bmi"] if hasattr(X, "columns") else np.asarray(X)[:, 0]
        return np.where(np.asarray(values, dtype=float) > 25, "heavy", "light")


def with_gaps(values, number=7):
    values = pd.Series(values).astype(object)
    values[::number] = None
    return values


def containers():
    rows = X[["bmi", "age", "sex"]][:150]
    whole = rows["age"].astype(int)
    yield "frame", rows
    yield "single column", rows[["bmi"]]
    yield "single column of an array", rows[["bmi"]].to_numpy()
    yield "array", rows[["bmi", "age"]].to_numpy()
    yield "list", rows[["bmi", "age"]].to_numpy().tolist()
    yield "mixed array", rows.to_numpy()
    yield "mixed array with gaps", rows.assign(sex=with_gaps(rows["sex"])).to_numpy()
    yield "nullable", rows.assign(age=with_gaps(whole).astype("Int64")).convert_dtypes()
    yield "nullable truth", rows.assign(age=with_gaps(whole > 50).astype("boolean"))
    arrow = pd.DataFrame(
        {"bmi": rows["bmi"], "age": with_gaps(whole), "sex": with_gaps(rows["sex"])}
    )
    if find_spec("pyarrow"):
        kinds = {"bmi": "double[pyarrow]", "age": "int64[pyarrow]", "sex": "string[pyarrow]"}
        yield "arrow", arrow.astype(kinds)
    yield "gaps", arrow.assign(age=rows["age"].where(whole % 7 > 0))
    yield "categories", rows.assign(sex=with_gaps(rows["sex"]).astype("category"))
    yield "durations", rows.assign(age=pd.to_timedelta(with_gaps(whole), unit="D"))
    yield (
        "dates",
        rows.assign(age=pd.Timestamp("2026-01-01") + pd.to_timedelta(with_gaps(whole), unit="D")),
    )
    yield "zoned dates", rows.assign(age=pd.date_range("2026-01-01", periods=len(rows), tz="UTC"))
    yield "integer names", rows[["bmi", "age"]].set_axis([0, 1], axis=1).rename(columns={0: "bmi"})


CONTAINERS = dict(containers())
FUNCTIONS = {
    "compatible_sets": lambda rows, feature: compatible_sets(
        Heavy(), rows, sensitive_feature=feature, bounds=(15, 50)
    ),
    "attack": lambda rows, feature: AttributeInferenceAttack(
        Heavy(), sensitive_feature=feature, bounds=(15, 50), n_resamples=10
    ).fit(rows).evaluate(rows).sets,
    "report": lambda rows, feature: privacy_report(
        Heavy(), rows, np.full(150, "light"), sensitive_features=feature, bounds=(15, 50)
    ),
}  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_rows_in_any_container(function, container):
    rows = CONTAINERS[container]
    feature = "bmi" if hasattr(rows, "columns") else 0
    heavy = X["bmi"].to_numpy()[:150] > 25
    found = FUNCTIONS[function](rows, feature)
    if function == "report":
        (table,) = found.sets.values()
        table = table.set_index("group")
        assert table.loc["heavy", "n"] == heavy.sum()
        assert table.loc["heavy", "median"] == pytest.approx(25, abs=1e-4)
        assert table.loc["light", "median"] == pytest.approx(10, abs=1e-4)
        (attack,) = found.attacks.values()
        assert np.isfinite(attack["error"]).all()
        json.loads(found.to_json())
    else:
        assert found.length == pytest.approx(np.where(heavy, 25, 10), abs=1e-4)


class AtTwo:
    """One label at the number 2 alone."""

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] == 2, "two", "others")


def test_only_possible_values_are_counted():
    rows = np.c_[np.arange(120) % 6.0, np.arange(120.0)]
    asked = {"sensitive_features": 0, "resolution": 16}
    found = privacy_report(AtTwo(), rows, np.full(120, "others"), **asked)
    table = found.sets["x0"].set_index("group")
    assert table.loc["two", "median"] == 1
    assert table.loc["two", "median share of the range"] == pytest.approx(1 / 6)
    assert "For 20 of 120 people the label gives x0 away." in found.warnings
    for domain in ("integer", {0: [0, 1, 2, 3, 4, 5]}):
        same = privacy_report(AtTwo(), rows, np.full(120, "others"), domain=domain, **asked)
        pd.testing.assert_frame_equal(same.sets["x0"], found.sets["x0"])
    smooth = privacy_report(AtTwo(), rows, np.full(120, "others"), domain="continuous", **asked)
    assert smooth.sets["x0"].set_index("group").loc["two", "median"] == pytest.approx(0, abs=1e-5)


def test_public_rows_in_another_container():
    def attack(clf, rows, public, **asked):
        asked = {"bounds": (15, 50), "features": ["bmi"], "resolution": 16} | asked
        return report(clf, rows, X_public=public, **asked).to_dict()["attacks"]

    rows, public = X_TEST[["bmi", "age", "sex"]], X_TRAIN[["bmi", "age", "sex"]]
    expected = attack(Heavy(), rows, public)
    assert attack(Heavy(), rows, public.to_numpy()) == expected  # of objects: there is text in it
    assert attack(Heavy(), rows, public[public.columns[::-1]]) == expected
    rows, public = rows[["bmi", "age"]].to_numpy(), public[["bmi", "age"]]
    one = attack(Heavy(), rows, public, features=[0])
    assert attack(Heavy(), rows, public.to_numpy(), features=[0]) == one


class Pipeline(SklearnPipeline):
    """Of another package: its answers may be anything."""

    def predict(self, X):
        return super().predict(X)


def test_a_pipeline_of_another_package_is_called_by_its_package():
    foreign = Pipeline([("scaler", StandardScaler()), ("model", RobustPrivacyClassifier())])
    foreign.fit(NUMBERS, Y_TRAIN)
    found = report(foreign, MORE, bounds=(15, 50), resolution=16)
    assert found.radii is None
    assert f"{HOME}'s Pipeline gives no certificates: no radius is reported." in found.warnings
    assert found.operating_point["accuracy"] == foreign.score(MORE, Y_TEST)
    with pytest.raises(TypeError, match=f"cannot certify Pipeline of {HOME}: the label has to"):
        certify(foreign, MORE)


def test_nothing_to_look_at_is_said(usual):
    quiet = replace(usual, warnings=[])
    assert "- Nothing stood out." in repr(quiet)
    assert "<li>Nothing stood out.</li>" in quiet.to_html()


def test_repr_is_short_enough_to_read(usual):
    assert isinstance(usual, PrivacyReport)
    assert max(map(len, repr(usual).splitlines())) < 200
