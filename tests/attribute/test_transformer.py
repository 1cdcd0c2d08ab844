"""AttributePrivacyTransformer: names and containers."""

# ruff: noqa: E501

import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import small
from refused import refit, refused
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import (
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from attribute.tasks import RULE, TASK, with_value
from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import Prior, compatible_sets
from sklearn_rp.validation import check_rows

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_frames_in_and_out(frame_model):
    X, y, model = frame_model
    X = X.set_index(X.index + 100)
    apt = AttributePrivacyTransformer(model, sensitive_feature="bmi").fit(X, y)
    out = apt.transform(X.iloc[:20])
    assert isinstance(out, pd.DataFrame)
    assert list(out) == apt.get_feature_names_out().tolist()
    assert list(out)[2:5] == ["bmi_low", "bmi_high", "bp"]
    assert out.index.equals(X.index[:20])
    pd.testing.assert_frame_equal(
        out.drop(columns=["bmi_low", "bmi_high"]), X.iloc[:20].drop(columns="bmi")
    )
    assert (out["bmi_low"] < out["bmi_high"]).all()
    for arguments, names in (
        ({"output": "midpoint"}, [*X]),
        ({"output": "drop"}, [c for c in X if c != "bmi"]),
        ({"remainder": "drop"}, ["bmi_low", "bmi_high"]),
        ({"remainder": "drop", "include_prediction": True}, ["bmi_low", "bmi_high", "prediction"]),
    ):
        other = clone(apt).set_params(**arguments).fit(X, y)
        assert list(other.transform(X.iloc[:5])) == names
        assert other.get_feature_names_out().tolist() == names
    text = clone(apt).set_output(transform="pandas").fit(X, y).transform(X.iloc[:5])
    assert list(text) == list(out)
    sets = apt.compatible_sets(X.iloc[:20])
    assert list(sets.to_frame()) == [
        "label", "n_components", "length", "component_length", "share",
        "certified_inner", "certified_outer",
    ]  # fmt: skip
    assert sets.summary(groups=X["sex"].iloc[:20]).index.tolist() == ["all", "1", "2"]
    assert "CompatibleSets of 20 row(s), 'bmi'" in repr(sets)


NUMBERS = np.random.default_rng(0).normal(size=(120, 3))
SIDES = (NUMBERS[:, 0] + NUMBERS[:, 1] > 0).astype(int)


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (None, ["0", "1", "2"]),
        (pd.MultiIndex.from_tuples([("a", "p"), ("a", "q"), ("b", "p")]), ["a_p", "a_q", "b_p"]),
        (pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)]), ["a_1", "a_2", "b_1"]),
    ],
    ids=["numbers", "two levels", "levels of two types"],
)
@pytest.mark.parametrize("output", ["interval", "midpoint", "drop"])
def test_columns_that_are_not_text_come_out_as_text(columns, names, output):
    """Else scikit-learn refuses the mixture in the next step."""
    X = pd.DataFrame(NUMBERS, columns=columns, index=range(7, 127))
    new = {"interval": [f"{names[1]}_low", f"{names[1]}_high"], "midpoint": [names[1]], "drop": []}
    apt = AttributePrivacyTransformer(LogisticRegression(), sensitive_feature=1, output=output)
    expected = apt.fit(NUMBERS, SIDES).transform(NUMBERS[:9])
    out = apt.fit(X, SIDES).transform(X[:9])
    assert list(out) == [names[0], *new[output], names[2]]
    assert list(out) == apt.get_feature_names_out().tolist()
    assert out.index.equals(X.index[:9])
    # Two fits, of a frame and of an array: their sums are made in other orders.
    np.testing.assert_allclose(out.to_numpy(), expected, rtol=1e-12)
    again = clone(apt).set_output(transform="pandas").fit(X, SIDES).transform(X[:9])
    pd.testing.assert_frame_equal(again, out)
    pipe = make_pipeline(clone(apt), LogisticRegression()).fit(X, SIDES)
    assert pipe[-1].feature_names_in_.tolist() == list(out)


def test_two_levels_are_named_by_their_text_or_both():
    columns = pd.MultiIndex.from_tuples([("a", "p"), ("a", "q"), ("b", "p")])
    X = pd.DataFrame(NUMBERS, columns=columns)
    model = LogisticRegression().fit(X, SIDES)
    lengths = [
        compatible_sets(model, X, sensitive_feature=f).length for f in (1, "a_q", ("a", "q"))
    ]
    assert np.array_equal(lengths[0], lengths[1])
    assert np.array_equal(lengths[0], lengths[2])
    X.columns = pd.MultiIndex.from_tuples([("a", "b_c"), ("a_b", "c"), ("b", "p")])
    with pytest.raises(ValueError, match="several columns of X are called that"):
        compatible_sets(model, X, sensitive_feature="a_b_c")
    with pytest.raises(ValueError, match=r"several columns named \['a_b_c'\]"):
        AttributePrivacyTransformer(LogisticRegression(), sensitive_feature=2).fit(X, SIDES)


def test_names_given_for_columns_without_any():
    apt = AttributePrivacyTransformer(LogisticRegression(), sensitive_feature="x1")
    for X in (NUMBERS, pd.DataFrame(NUMBERS)):
        apt.set_params(sensitive_feature=1).fit(X, SIDES)
        assert apt.get_feature_names_out(["a", "b", "c"]).tolist() == ["a", "b_low", "b_high", "c"]
        with pytest.raises(ValueError, match="input_features"):
            apt.get_feature_names_out(["a", "b"])
    X = pd.DataFrame(NUMBERS, columns=list("abc"))
    apt.fit(X, SIDES)
    assert apt.get_feature_names_out(list("abc")).tolist() == ["a", "b_low", "b_high", "c"]
    with pytest.raises(ValueError, match="input_features"):
        apt.get_feature_names_out(list("abd"))
    both = ColumnTransformer([("t", clone(apt), [0, 1])], remainder="passthrough")
    both.fit(pd.DataFrame(NUMBERS), SIDES)
    assert both.get_feature_names_out().tolist() == [
        "t__x0", "t__x1_low", "t__x1_high", "remainder__x2",
    ]  # fmt: skip


def test_an_array_calls_its_columns_x0_x1_for_every_parameter():
    """As it is told in sensitive_feature_, so it is taken."""
    X, y = NUMBERS.round(), SIDES

    def transformed(feature):
        apt = AttributePrivacyTransformer(LogisticRegression(), sensitive_feature=feature)
        assert apt.fit(X, y).sensitive_feature_ == "x1"
        return apt.transform(X)

    def smoothed(**arguments):
        return (
            RobustPrivacyClassifier(LogisticRegression(), **arguments).fit(X, y).certify(X).radius
        )

    def guaranteed(feature, prior):
        apc = AttributePrivacyClassifier(sensitive_feature=feature, prior=prior)
        return apc.fit(X, y).predict_proba(X)

    model = LogisticRegression().fit(X, y)
    for named, placed in (
        (transformed("x1"), transformed(1)),
        (
            compatible_sets(model, X, sensitive_feature="x1").length,
            compatible_sets(model, X, sensitive_feature=1).length,
        ),
        (smoothed(noise_features="x1"), smoothed(noise_features=1)),
        (smoothed(noise_features=["x2", "x0"]), smoothed(noise_features=[2, 0])),
        (
            smoothed(noise_features=[0, 1], noise_scale={"x1": 2.0, "x0": 1.0}),
            smoothed(noise_features=[0, 1], noise_scale={1: 2.0, 0: 1.0}),
        ),
        (guaranteed("x1", ["x0"]), guaranteed(1, [0])),
        (
            Prior.from_data(X, "x1", by=["x0"], X=X).weights,
            Prior.from_data(X, 1, by=[0], X=X).weights,
        ),
    ):
        assert np.array_equal(named, placed)
    with pytest.raises(ValueError, match="no column names"):
        smoothed(noise_features="x3")
    with pytest.raises(ValueError, match="x3"):
        transformed("x3")


def test_polars_frames(frame_model):
    pl = pytest.importorskip("polars")
    X, y, model = frame_model
    X_polars = pl.from_dict({c: X[c].to_list() for c in X})
    apt = AttributePrivacyTransformer(model, sensitive_feature="bmi")
    expected = clone(apt).fit(X, y).transform(X[:9])
    out = apt.fit(X_polars, y).transform(X_polars[:9])
    assert out.columns == list(expected)
    assert np.array_equal(out["bmi_low"].to_numpy(), expected["bmi_low"])


def test_in_pipelines_searches_and_column_transformers(frame_model):
    X, y, model = frame_model
    apt = AttributePrivacyTransformer(model, sensitive_feature="bmi", remainder="drop")
    pipe = make_pipeline(apt, LogisticRegression())
    search = GridSearchCV(
        pipe, {"attributeprivacytransformer__output": ["interval", "midpoint"]}, cv=2
    ).fit(X, y)
    assert search.best_score_ > 0.6
    numbers = X.drop(columns="sex")
    inner = AttributePrivacyTransformer(
        RandomForestClassifier(5, random_state=0), sensitive_feature="bmi"
    )
    both = ColumnTransformer([("a", inner, ["bmi", "bp"])], remainder="passthrough")
    names = both.fit(numbers, y).get_feature_names_out().tolist()
    assert names[:3] == ["a__bmi_low", "a__bmi_high", "a__bp"]
    assert both.transform(numbers).shape == (442, 10)
    again = pickle.loads(pickle.dumps(apt.fit(X, y)))
    pd.testing.assert_frame_equal(again.transform(X), apt.transform(X))
    with config_context(enable_metadata_routing=True):
        tree = DecisionTreeClassifier(random_state=0).set_fit_request(sample_weight=True)
        clone(inner).set_params(estimator=tree).fit(numbers, y, sample_weight=np.ones(442))


def test_values_beyond_the_training_range_are_taken_where_no_bounds_are_given():
    apt = AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0)
    apt.fit(TASK.data, TASK.target)
    out = apt.transform(with_value(1e3))
    assert np.isfinite(out).all()
    # Of bounds that are given, too: a refusal of one person's value would tell about it.
    given = clone(apt).set_params(bounds=(-9, 9)).fit(TASK.data, TASK.target)
    far, end = given.transform(with_value(1e3)), given.transform(with_value(9.0))
    assert np.array_equal(far, end)
    with pytest.raises(ValueError, match="outside bounds"):
        given.fit(with_value(1e3), TASK.target)


TWICE = {
    "sweep": RobustPrivacyClassifier(noise_features=[2], random_state=0),
    "thresholds": RobustPrivacyClassifier(
        DecisionTreeClassifier(max_depth=4, random_state=0), noise_features=[1]
    ),
    "votes": RobustPrivacyClassifier(
        GaussianNB(), noise_features=[1, 2], n_samples=50, alpha=0.1, random_state=0
    ),
    "fallback": RobustPrivacyClassifier(GaussianNB(), noise_features=[2], fallback=9),
    "minimum": AttributePrivacyClassifier(GaussianNB(), sensitive_feature=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TWICE)
def test_transform_checks_the_rows_twice_at_most(name, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (X.sum(axis=1) > 0).astype(int)
    apt = AttributePrivacyTransformer(
        TWICE[name], sensitive_feature=2, bounds=(-5, 5), resolution=16
    ).fit(X, y)
    checked = []

    def counted(estimator, rows, **arguments):
        checked.append(type(estimator).__name__)
        return check_rows(estimator, rows, **arguments)

    for module_name, module in list(sys.modules.items()):
        if module_name.startswith("sklearn_rp") and hasattr(module, "check_rows"):
            monkeypatch.setattr(module, "check_rows", counted)
    monkeypatch.setattr("sklearn_rp.attribute.finding._POINTS", 500)  # chunks of few rows
    apt.transform(X)
    assert 1 <= len(checked) <= 2


CANCER_X, CANCER_Y = load_breast_cancer(return_X_y=True)
CANCER_X = CANCER_X[:, :4]


def test_a_fallback_is_published_as_it_is_released():
    rng = np.random.default_rng(0)
    z = rng.uniform(0, 10, 3000)
    rows, y = np.c_[z, rng.normal(size=3000)], np.digitize(z, [3, 3.8, 4.4, 7]) % 3
    clf = RobustPrivacyClassifier(
        small.tree(None),
        noise_features=[0],
        sigma=0.25,
        noise_scale=None,
        fallback=-1,
        min_radius=0.2,
    )
    apt = AttributePrivacyTransformer(
        clf, sensitive_feature=0, bounds=(0, 10), include_prediction=True
    ).fit(rows, y)
    along = np.c_[np.linspace(0, 10, 1001), np.zeros(1001)]
    released, out = apt.estimator_.predict(along), apt.transform(along)
    assert np.array_equal(apt.classes_[out[:, 3].astype(int)], released)
    for label in np.unique(released):
        assert len(np.unique(out[released == label], axis=0)) == 1


def test_a_random_release_behind_a_pipeline_is_refused():
    random = RobustPrivacyClassifier(RandomForestClassifier(3), resample=True, n_samples=12)
    apt = AttributePrivacyTransformer(make_pipeline(StandardScaler(), random), sensitive_feature=0)
    with pytest.raises(ValueError, match="releases at random"):
        apt.fit(CANCER_X, CANCER_Y)


def test_names_and_dtypes_of_the_output():
    frame = pd.DataFrame(CANCER_X[:, :2], columns=["bmi", "bmi_low"])
    apt = AttributePrivacyTransformer(small.tree(), sensitive_feature="bmi")
    with pytest.raises(ValueError, match=r"several columns named \['bmi_low'\]"):
        apt.fit(frame, CANCER_Y)
    apt = AttributePrivacyTransformer(small.tree(), sensitive_feature=0, output="drop").fit(
        CANCER_X, CANCER_Y
    )
    whole, part = apt.transform(np.array([[30, 2, 3, 4]])), apt.transform([[30.5, 2, 3, 4]])
    assert whole.dtype == part.dtype == np.float64  # whether the value is whole does not show


def test_rows_beyond_the_range_count_as_at_its_end():
    apt = AttributePrivacyTransformer(small.tree(), sensitive_feature=0).fit(CANCER_X, CANCER_Y)
    sets = apt.compatible_sets(CANCER_X[:20] + np.array([100, 0, 0, 0]))
    assert (sets.component_length > 0).all()


REFUSED = [
    ("AttributePrivacyTransformer: no feature", lambda: AttributePrivacyTransformer(), TypeError, "sensitive_feature"),
    ("AttributePrivacyTransformer: nothing left", lambda: AttributePrivacyTransformer(sensitive_feature=0, output="drop", remainder="drop").fit(small.X, small.Y), ValueError, "leaves no column"),
    ("AttributePrivacyTransformer: an unknown output", lambda: AttributePrivacyTransformer(sensitive_feature=0, output="all").fit(small.X, small.Y), ValueError, "'output' parameter"),
    ("AttributePrivacyTransformer: no labels", lambda: AttributePrivacyTransformer(sensitive_feature=0).fit(small.X, None), ValueError, "requires y"),
    ("AttributePrivacyTransformer: sensitive_feature='bmi'", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature="bmi"), TASK.data, TASK.target), ValueError, "not a column of X"),
    ("AttributePrivacyTransformer: sensitive_feature=9", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=9), TASK.data, TASK.target), ValueError, "names position 9"),
    ("AttributePrivacyTransformer: sensitive_feature=None", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=None), TASK.data, TASK.target), TypeError, "by its name or position"),
    ("AttributePrivacyTransformer: a constant feature", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0), TASK.data * [0, 1, 1, 1], TASK.target), ValueError, "is constant"),
    ("AttributePrivacyTransformer: NaN in the sensitive feature", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0), with_value(np.nan), TASK.target), ValueError, "missing values in sensitive_feature='x0'"),
    ("AttributePrivacyTransformer: infinity in the sensitive feature", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0), with_value(np.inf), TASK.target), ValueError, "infinity"),
    ("AttributePrivacyTransformer: bounds=(-1, 1)", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0, bounds=(-1, 1)), TASK.data, TASK.target), ValueError, r"outside bounds=\(-1, 1\)"),
    ("AttributePrivacyTransformer: bounds=(3, 1)", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0, bounds=(3, 1)), TASK.data, TASK.target), ValueError, "low must be below high"),
    ("AttributePrivacyTransformer: bounds=5", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0, bounds=5), TASK.data, TASK.target), ValueError, r"give \(low, high\)"),
    ("AttributePrivacyTransformer: resolution=0", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0, resolution=0), TASK.data, TASK.target), ValueError, "resolution"),
    ("AttributePrivacyTransformer: resolution=1.5", lambda: refit(AttributePrivacyTransformer(FrozenEstimator(RULE), sensitive_feature=0, resolution=1.5), TASK.data, TASK.target), ValueError, "resolution"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
