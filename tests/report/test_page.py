"""What a report says in plain words and in figures, and several of them side by side."""

# ruff: noqa: E501

import json
import re
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from refused import refused
from scipy.stats import ttest_1samp
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyRegressor,
    RobustPrivacyClassifier,
    privacy_report,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.report import PrivacyComparison
from sklearn_rp.report.words import UNPROMISED

X, Y = load_recommendation(return_X_y=True, as_frame=True)
X = X[["age", "bmi", "bp"]]
X_TRAIN, X_TEST, Y_TRAIN, Y_TEST = train_test_split(X, Y, random_state=0)
TREE = DecisionTreeClassifier(max_depth=5, random_state=0)
PLAIN = clone(TREE).fit(X_TRAIN, Y_TRAIN)
BMI = {"sensitive_feature": "bmi", "bounds": (15, 50)}
LEVELS = {"levels": "model", "prior": "empirical"}
SMOOTHED = RobustPrivacyClassifier(TREE, noise_features=["bmi"]).fit(X_TRAIN, Y_TRAIN)
MINIMUM = AttributePrivacyClassifier(TREE, minimum=0.2, **BMI, **LEVELS).fit(X_TRAIN, Y_TRAIN)


def report(estimator, rows=X_TEST, labels=Y_TEST, features="bmi", **given):
    asked = {"bounds": (15, 50), "resolution": 32} | given
    return privacy_report(estimator, rows, labels, sensitive_features=features, **asked)


@pytest.fixture(scope="module")
def smoothed():
    return report(SMOOTHED)


@pytest.fixture(scope="module")
def side_by_side():
    return report({"tree": PLAIN, "noise": SMOOTHED, "a fifth": MINIMUM})


def test_the_model_inside_is_reported_beside_the_release(smoothed):
    bare = smoothed.sets_without_privacy["bmi"].iloc[0]
    sets = compatible_sets(PLAIN, X_TEST, **BMI)
    assert bare["smallest"] == sets.component_length.min()
    assert bare["median"] == np.median(sets.component_length)
    points = smoothed.points().set_index("release")
    assert points["score"].to_dict() == {
        "without privacy": PLAIN.score(X_TEST, Y_TEST),
        "released": SMOOTHED.score(X_TEST, Y_TEST),
        "one answer for everybody": (Y_TEST.mode()[0] == Y_TEST).mean(),
    }
    assert points.loc["without privacy", "smallest"] == sets.component_length.min() / 35
    assert points.loc["one answer for everybody", "median"] == 1
    alone = report(SMOOTHED, baseline=None)
    assert not alone.sets_without_privacy
    assert alone.points()["release"].tolist() == ["released", "one answer for everybody"]


def test_the_model_inside_is_found_behind_the_steps():
    scaled = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        RobustPrivacyClassifier(TREE, noise_features=["bmi"]),
    ).fit(X_TRAIN, Y_TRAIN)
    bare = make_pipeline(StandardScaler(), clone(TREE)).fit(X_TRAIN.to_numpy(), Y_TRAIN)
    found = report(scaled).sets_without_privacy["bmi"].iloc[0]
    sets = compatible_sets(bare, X_TEST.to_numpy(), sensitive_feature=1, bounds=(15, 50))
    assert found["median"] == pytest.approx(np.median(sets.component_length))


def test_radii_by_group(smoothed):
    table = smoothed.radii_by_group.set_index("group")
    widths = SMOOTHED.certify(X_TEST).half_width("bmi")
    labels = SMOOTHED.predict(X_TEST)
    assert table.loc["all", "50 %"] == np.median(widths)
    for label in SMOOTHED.classes_:
        assert table.loc[label, "5 %"] == np.quantile(widths[labels == label], 0.05)
        assert table.loc[label, "certified"] == (widths[labels == label] > 0).mean()
    assert report(MINIMUM).radii_by_group is None


def test_every_kind_of_promise_in_plain_words(smoothed):
    said = " ".join(smoothed.summary)
    assert "Certified for 100.0% of these people, with certainty" in said
    smallest = SMOOTHED.certify(X_TEST).half_width("bmi").min()
    assert f"{smallest:.3g} for the least protected" in said
    assert "That is no minimum" in said
    votes = RobustPrivacyClassifier(
        TREE, noise_features=["bmi"], method="monte_carlo", n_samples=200, random_state=0
    ).fit(X_TRAIN, Y_TRAIN)
    said = " ".join(report(votes, X_TEST[:30], Y_TEST[:30]).summary)
    assert "each with probability 0.999" in said
    assert "with certainty" not in said
    said = " ".join(report(MINIMUM).summary)
    assert "Promised to everybody, with certainty" in said
    assert "at least a fifth of the range of bmi. Possible values: bmi: 15 to 50." in said
    assert UNPROMISED in report(PLAIN).summary
    assert "certain" not in " ".join(report(PLAIN).summary).replace(UNPROMISED, "")


@pytest.mark.slow
def test_a_search_that_may_have_missed_something_is_called_so():
    near = make_pipeline(StandardScaler(), KNeighborsClassifier(3)).fit(X_TRAIN, Y_TRAIN)
    found = report(near, resolution=8)
    (said,) = [each for each in found.warnings if "was found by a search" in each]
    assert f"for {len(X_TEST)} of {len(X_TEST)} people" in said
    # It is so: a closer look finds less for somebody.
    coarse, fine = (
        compatible_sets(near, X_TEST, resolution=resolution, **BMI).component_length
        for resolution in (8, 2048)
    )
    assert (fine < coarse - 0.01).any()
    smooth = RobustPrivacyClassifier(near, noise_features="bmi").fit(X_TRAIN, Y_TRAIN)
    for exact in (PLAIN, smooth, MINIMUM):
        assert not [each for each in report(exact).warnings if "was found by a search" in each]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("minimum", "unit", "words"),
    [
        (0.27, "share", "at least 27% of the range of bmi"),
        (5, "length", "at least 5 (in its own unit) of bmi"),
        (0.3, "mass", "values of bmi that at least 30% of people have, by the prior in force"),
    ],
)
def test_a_minimum_in_its_unit(minimum, unit, words):
    model = AttributePrivacyClassifier(TREE, minimum=minimum, unit=unit, **BMI, **LEVELS)
    assert any(words in each for each in report(model.fit(X_TRAIN, Y_TRAIN)).summary)


def test_with_a_fallback_it_is_said_how_far_the_answer_stays():
    clf = RobustPrivacyClassifier(TREE, noise_features=["bmi"], fallback="?", min_radius=0.5)
    clf.fit(X_TRAIN, Y_TRAIN)
    found, cert = report(clf), clf.certify(X_TEST)
    told = clf.predict(X_TEST)
    assert 0 < (told == "?").mean() < 1
    assert found.operating_point["certified_share"] == (told != "?").mean()
    share = np.floor(1000 * (told != "?").mean()) / 1000
    assert f"Certified for {share:.1%} of these people" in found.summary[1]
    widths = np.maximum(cert.radius - 0.5, 0) * cert.scale[0]
    table = found.radii_by_group.set_index("group")
    assert table.loc["all", "75 %"] == pytest.approx(np.quantile(widths, 0.75))
    # Within these, down and up, nobody's released label changes.
    for side in (-0.99, 0.99):
        moved = X_TEST.assign(bmi=X_TEST["bmi"] + side * widths)
        assert (clf.predict(moved) == told)[widths > 0].all()


def test_noise_around_a_minimum_is_compared_with_the_model_inside():
    noise = RobustPrivacyClassifier(MINIMUM, noise_features=["bmi"]).fit(X_TRAIN, Y_TRAIN)
    found = report(noise)
    assert found.operating_point["accuracy_without_privacy"] == PLAIN.score(X_TEST, Y_TEST)
    smallest = compatible_sets(PLAIN, X_TEST, **BMI).component_length.min()
    assert found.sets_without_privacy["bmi"]["smallest"][0] == smallest


def test_the_best_attacker_is_one_whose_gain_is_no_chance(smoothed):
    table = smoothed.attacks["bmi"].copy()
    table["gain"] = [0.0, 0.5, 0.4, 0.1]
    table["gain_low"] = [0.0, -0.1, 0.2, -0.3]
    found = replace(smoothed, attacks={"bmi": table})
    assert any("guesses bmi better" in each for each in found.summary)


def test_a_group_may_be_named_as_all_are():
    groups = np.where(np.arange(len(X_TEST)) % 2, "all", "rest")
    table = report(MINIMUM, groups=groups).sets["bmi"]
    assert table["group"].tolist() == ["all", "all (group)", "rest"]
    assert table["n"].tolist() == [len(X_TEST), len(X_TEST) // 2, len(X_TEST) - len(X_TEST) // 2]
    sets = MINIMUM.compatible_sets(X_TEST)
    assert sets.summary(groups)["n"].tolist() == table["n"].tolist()


def test_a_random_release_beside_one_that_is_not():
    fresh = RobustPrivacyClassifier(TREE, resample=True, n_samples=11, alpha=0.05)
    fresh.fit(X_TRAIN, Y_TRAIN)
    for order in (("a", "b"), ("b", "a")):
        models = {"a": MINIMUM, "b": fresh}
        both = report({name: models[name] for name in order})
        assert len(images(both.to_html())) >= 2
        assert both.table.set_index("model").loc["b", "promise"].startswith("a radius")


def test_where_possible_values_come_from_is_said():
    words = "taken from the rows"
    for model, said in ((PLAIN, 1), (MINIMUM, 0)):
        found = report(model, bounds=None)
        assert sum(words in each for each in found.warnings) == said
    fresh = RobustPrivacyClassifier(TREE, resample=True, n_samples=11, alpha=0.05)
    found = report(fresh.fit(X_TRAIN, Y_TRAIN), bounds=None)
    assert sum(words in each for each in found.warnings) == 1
    unbounded = AttributePrivacyClassifier(TREE, sensitive_feature="bmi", **LEVELS)
    unbounded.fit(X_TRAIN, Y_TRAIN)
    assert unbounded.bounds_given_ == (False,)
    assert any("the rows of its fit" in each for each in report(unbounded).warnings)


def test_no_more_is_promised_than_there_is():
    model = AttributePrivacyClassifier(TREE, minimum=50, unit="length", **BMI, **LEVELS)
    with pytest.warns(PrivacyWarning, match="more than the whole range"):
        model.fit(X_TRAIN, Y_TRAIN)
    assert report(model).operating_point["minimum"] == 35
    model = AttributePrivacyClassifier(TREE, minimum=0.196, **BMI, **LEVELS)
    assert any("at least 19.6% of" in each for each in report(model.fit(X_TRAIN, Y_TRAIN)).summary)
    twice = FunctionTransformer(lambda rows: rows.assign(more=rows["bmi"]))
    found = report({"a": make_pipeline(twice, clone(MINIMUM)).fit(X_TRAIN, Y_TRAIN)})
    assert found.table["promise"].tolist() == ["none"]
    assert "No minimum is promised along a column of X" in found.summary[0]


def test_the_price_has_its_interval():
    point = report(MINIMUM).operating_point
    released, plain = MINIMUM.predict(X_TEST), MINIMUM.estimator_.predict(X_TEST)
    worse = (plain == Y_TEST).astype(int) - (released == Y_TEST)
    assert point["lost"] == pytest.approx(worse.mean())
    expected = ttest_1samp(worse, 0).confidence_interval(0.95)
    np.testing.assert_allclose(point["lost_95_percent"], expected)
    assert point["changed_answers"] == (released != plain).mean() > 0
    assert "changed_answers" not in report(PLAIN).operating_point


def test_a_minimum_of_one_value_is_called_nothing():
    sex = X_TRAIN["age"] > 50
    rows, more = X_TRAIN.assign(sex=sex.astype(str)), X_TEST.assign(sex="True")
    more.loc[more.index[::2], "sex"] = "False"
    encoded = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough"), clone(TREE)
    )
    model = AttributePrivacyClassifier(encoded, sensitive_feature="sex", minimum=0.2, **LEVELS)
    with pytest.warns(PrivacyWarning, match="comes to a single possible value.*minimum=2"):
        model.fit(rows, Y_TRAIN)
    found = report({"empty": model}, more, features="sex", bounds=None)
    assert "Nothing is promised of sex" in found.summary[0]
    assert "with certainty" not in found.summary[0]
    assert found.table["promise"].tolist() == ["none"]
    assert model.set_params(minimum=2, unit="categories").fit(rows, Y_TRAIN).minimum_ == 2


def test_possible_values_are_those_of_the_minimum():
    own = report(MINIMUM, bounds=None)
    assert own.to_dict() == report(MINIMUM).to_dict()
    other = report(MINIMUM, bounds=(0, 90))
    (said,) = [each for each in other.warnings if "promised within other values" in each]
    assert "(bmi: 15 to 50)" in said
    assert "(bmi: 0 to 90)" in said
    assert not [each for each in own.warnings if "promised within other values" in each]
    assert not [each for each in own.warnings if "give bounds" in each]


def test_possible_categories_are_those_of_the_minimum():
    rows, more = (
        part.assign(site=np.array(["a", "b", "c"])[np.arange(len(part)) % 3])
        for part in (X_TRAIN, X_TEST)
    )
    more.loc[more["site"] == "c", "site"] = "a"
    encoded = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["site"]), remainder="passthrough"
        ),
        clone(TREE),
    )
    asked = {"sensitive_feature": "site", "minimum": 2, "unit": "categories"}
    told = AttributePrivacyClassifier(encoded, bounds=["a", "b", "c", "d"], **asked, **LEVELS)
    found = report(told.fit(rows, Y_TRAIN), more, features="site", bounds=None)
    assert found.operating_point["possible_values"] == ["site: a, b, c, d"]
    seen = AttributePrivacyClassifier(encoded, **asked, **LEVELS).fit(rows, Y_TRAIN)
    found = report(seen, more, features="site", bounds=None)
    assert found.operating_point["possible_values"] == ["site: a, b"]


def test_units_are_written():
    model = AttributePrivacyClassifier(TREE, minimum=5, unit="length", **BMI, **LEVELS)
    found = report(model.fit(X_TRAIN, Y_TRAIN), units="kg/m2")
    assert any("at least 5 kg/m2 of bmi" in each for each in found.summary)
    smallest = found.sets["bmi"]["smallest"][0]
    assert any(f"person's bmi {smallest:.3g} kg/m2" in each for each in found.summary)
    alts = [alt for alt, _ in images(found.to_html())]
    assert "(kg/m2)" in alts[1]


def test_an_impact_assessment_has_its_sections(smoothed):
    impact = smoothed.impact
    assert list(impact) == [
        "What is processed", "What is promised", "What is not promised", "Residual risk",
        "To be added",
    ]  # fmt: skip
    processed = " ".join(impact["What is processed"])
    assert "111 people with 3 attributes each" in processed
    assert "Possible values of bmi: 15 to 50." in processed
    assert impact["What is not promised"] == smoothed.not_covered
    assert any("training data" in each for each in smoothed.not_covered)
    assert set(smoothed.warnings) <= set(impact["Residual risk"])
    imputed = smoothed.attacks["bmi"].set_index("attacker").loc["imputation", "error"]
    assert any(f"mean error of {imputed:.3g}" in each for each in impact["Residual risk"])
    page = smoothed.to_html()
    for title, lines in impact.items():
        assert f"<h3>{title}</h3>" in page
        assert lines


def images(page):
    return re.findall(r'<img alt="([^"]+)" src="data:image/png;base64,([^"]+)">', page)


def test_figures_are_in_the_page(smoothed):
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib.image import imread

    matplotlib.use("agg")
    before = matplotlib.rcParams.copy()
    found = images(smoothed.to_html())
    assert matplotlib.rcParams == before
    assert len(found) == 3  # price, sets by person, radii by group
    assert all(len(alt) > 60 for alt, _ in found)
    score = SMOOTHED.score(X_TEST, Y_TEST)
    assert f"released (bmi): accuracy {score:.3g}" in found[0][0]
    for _, data in found:
        picture = imread(BytesIO(b64decode(data)))
        assert picture[..., :3].std() > 0.05  # something is drawn
    without = images(smoothed.to_html(people=False))
    assert [alt for alt, _ in without] == [found[0][0], found[2][0]]


def test_no_persons_value_is_in_the_json(smoothed):
    assert "people" not in smoothed.to_dict()
    text = smoothed.to_json()
    own = X_TEST["bmi"].drop_duplicates()
    assert not any(f" {value}," in text for value in own if value % 1 and value not in (15, 50))


def test_without_matplotlib_the_page_says_so(monkeypatch):
    monkeypatch.setattr("sklearn_rp.report.pictures.find_spec", lambda name: None)
    found = report(MINIMUM)
    assert "Figures need matplotlib" in found.to_html()
    assert not images(found.to_html())
    assert "Figures need matplotlib" in report({"one": MINIMUM}).to_html()


def test_any_name_can_be_drawn():
    pytest.importorskip("matplotlib")
    evil = r"$\frac$ <b>US$ 体重"
    rows, train = (part.rename(columns={"bmi": evil}) for part in (X_TEST, X_TRAIN))
    clf = RobustPrivacyClassifier(TREE, noise_features=[evil]).fit(train, Y_TRAIN)
    groups = np.where(rows["age"] > 50, r"$\nothing$", "<i>")
    page = report({r"a $\b$": clf, "b": clf}, rows, features=evil, groups=groups).to_html()
    assert len(images(page)) == 8
    assert "<b>" not in page
    assert "<i>" not in page


def test_several_models_side_by_side(side_by_side):
    assert isinstance(side_by_side, PrivacyComparison)
    table = side_by_side.table.set_index("model")
    for name, model in (("tree", PLAIN), ("noise", SMOOTHED), ("a fifth", MINIMUM)):
        alone = report(model)
        assert side_by_side.reports[name].to_dict() == alone.to_dict()
        assert table.loc[name, "accuracy"] == model.score(X_TEST, Y_TEST)
        shares = compatible_sets(model, X_TEST, resolution=32, **BMI).component_length / 35
        assert table.loc[name, "bmi: smallest share"] == pytest.approx(shares.min())
        assert table.loc[name, "bmi: median share"] == pytest.approx(np.median(shares))
    for name in table.index:
        attack = side_by_side.reports[name].attacks["bmi"].set_index("attacker")
        best = attack.drop("imputation")["gain"].idxmax()
        told = "nothing beyond chance"
        if attack.loc[best, "gain_low"] > 0:
            told = f"{attack.loc[best, 'gain']:.2g} ("
        assert table.loc[name, "bmi: an attacker gains"].startswith(told)
    assert table["promise"].tolist() == [
        "none", "a radius, certain", "a minimum for everybody, certain",
    ]  # fmt: skip
    points = side_by_side.points()
    assert points["release"].tolist() == ["tree", "noise", "a fifth", "one answer for everybody"]
    record = json.loads(side_by_side.to_json())
    assert record["reports"].keys() == side_by_side.reports.keys()
    text = repr(side_by_side)
    assert max(map(len, text.splitlines())) < 130
    assert all(name in text for name in table.index)


def test_the_page_of_several_models(side_by_side, tmp_path):
    page = side_by_side.to_html(tmp_path / "report.html", title="Three models")
    assert page == (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<details open>") == 3
    assert len(images(page)) == 2 + 2 + 3 + 2  # of all, and of each
    assert len(images(side_by_side.to_html(people=False))) == 1 + 1 + 2 + 1


@pytest.mark.slow
def test_numbers_and_joint_attributes_are_drawn():
    pytest.importorskip("matplotlib")
    target = X["bp"] + X["bmi"]
    model = AttributePrivacyRegressor(
        DecisionTreeRegressor(max_depth=4, random_state=0),
        sensitive_feature=["age", "bmi"], minimum=0.2, bounds=[(18, 90), (15, 50)], **LEVELS,
    ).fit(X, target)  # fmt: skip
    found = report(
        model, X[:60], target[:60], ["age", "bmi"], bounds={"age": (18, 90), "bmi": (15, 50)}
    )
    said = " ".join(found.summary)
    assert "a number is released" in said
    assert "cannot tell their value together from others around it" in said
    lost = np.abs(model.predict(X[:60]) - target[:60]) - np.abs(
        model.estimator_.predict(X[:60]) - target[:60]
    )
    assert found.operating_point["lost"] == pytest.approx(lost.mean())
    assert f"(R2 {found.operating_point['r2']:.3g})" in said
    drawn = images(found.to_html())
    assert len(drawn) == 4  # price, both features, sides of boxes
    sides = model.compatible_sets(X[:60]).component_length / [72, 35]
    assert f"bmi: {sides[:, 1].min():.1%} smallest" in drawn[3][0]
    assert "Sides of the boxes" in said


@pytest.mark.slow
def test_a_joint_share_is_that_of_the_boxes():
    model = AttributePrivacyRegressor(
        DecisionTreeRegressor(max_depth=3, random_state=0),
        sensitive_feature=["age", "bmi"], minimum=0.3, **LEVELS,
    ).fit(X, X["bp"])  # fmt: skip
    bounds = {name: (X[name].min(), X[name].max()) for name in ("age", "bmi")}
    found = report(model, X[:60], X["bp"][:60], ["age", "bmi"], bounds=bounds)
    shares = model.compatible_sets(X[:60]).share
    line = found.sets["age and bmi"].iloc[0]
    assert line["smallest share of the joint range"] == pytest.approx(shares.min())
    assert line["median share of the joint range"] == pytest.approx(np.median(shares))


NUMBERS = DecisionTreeRegressor(max_depth=3).fit(X_TRAIN, X_TRAIN["bp"])
REFUSED = [
    ("privacy_report: labels beside numbers", lambda: report({"a": PLAIN, "b": NUMBERS}), ValueError, "release labels and numbers, which have no score in common"),
    ("privacy_report: no estimator", lambda: report({}), ValueError, r"estimator=\{\} is not allowed"),
    ("privacy_report: units of another feature", lambda: report(PLAIN, units={"bmy": "kg/m2"}), ValueError, r"units names \['bmy'\].*did you mean 'bmi'"),
    ("privacy_report: another baseline", lambda: report(PLAIN, baseline=DummyClassifier()), ValueError, "give 'auto' or None; another model"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_tables_are_frames(side_by_side):
    for found in side_by_side.reports.values():
        for table in (*found.sets.values(), *found.attacks.values(), found.points()):
            assert isinstance(table, pd.DataFrame)
