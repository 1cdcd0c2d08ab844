"""Cells that are read from tree models, against the models themselves."""

import warnings

import numpy as np
import pandas as pd
import pytest
import small
from engines.oracle import check_shares
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    RobustPrivacyClassifier,
)
from sklearn_rp._compat import hist_gradient_boosting_nodes
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.engines.fast_votes import LinearVotes, TreeVotes
from sklearn_rp.engines.linear import Linear
from sklearn_rp.engines.problem import Problem
from sklearn_rp.engines.trees import Trees
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.reading import Reading, representatives
from sklearn_rp.models.tables import float32_edges
from sklearn_rp.models.thresholds import known_edges, trial_rows
from sklearn_rp.models.trees import read_trees
from sklearn_rp.noise import Noise
from sklearn_rp.rows import replace_columns

RNG = np.random.default_rng(0)
# Whole numbers with their median at one of them, numbers, and codes.
X = np.c_[
    np.resize([0.0, 1.0, 2.0, 3.0, 3.0, 4.0, 5.0], 600),
    RNG.normal(size=600),
    RNG.integers(-3, 4, 600),
    RNG.normal(size=600) * 1e-3 + 7,
]
Y = ((X[:, 0] + X[:, 2] > 3) ^ (X[:, 1] > 0.5) ^ (X[:, 3] > 7)).astype(int) + (X[:, 2] == 0)


def lightgbm(**arguments):
    package = pytest.importorskip("lightgbm")
    defaults = {"n_estimators": 8, "verbose": -1, "n_jobs": 1, "random_state": 0}
    return package.LGBMClassifier(**(defaults | arguments))


def xgboost(**arguments):
    package = pytest.importorskip("xgboost")
    defaults = {"n_estimators": 8, "n_jobs": 1, "random_state": 0, "max_depth": 4}
    return package.XGBClassifier(**(defaults | arguments))


def catboost(**arguments):
    package = pytest.importorskip("catboost")
    defaults = {"iterations": 8, "depth": 4, "thread_count": 1, "random_seed": 0, "verbose": 0}
    return package.CatBoostClassifier(**(defaults | arguments), allow_writing_files=False)


MODELS = {
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "extra tree": lambda: ExtraTreeClassifier(random_state=0),
    "forest": lambda: RandomForestClassifier(5, random_state=0),
    "extra trees": lambda: ExtraTreesClassifier(5, max_depth=6, random_state=0),
    "boosting": lambda: GradientBoostingClassifier(n_estimators=5, random_state=0),
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=8, random_state=0),
    "adaboost": lambda: AdaBoostClassifier(
        DecisionTreeClassifier(max_depth=4), n_estimators=4, random_state=0
    ),
    "bagging": lambda: BaggingClassifier(
        DecisionTreeClassifier(max_depth=5), 4, max_features=0.8, random_state=0
    ),
    "lightgbm": lightgbm,
    "lightgbm dart": lambda: lightgbm(boosting_type="dart"),
    "xgboost": xgboost,
    "xgboost exact": lambda: xgboost(tree_method="exact"),
    "xgboost dart": lambda: xgboost(booster="dart"),
    "xgboost vectors": lambda: xgboost(multi_strategy="multi_output_tree"),
    "catboost": catboost,
    "catboost uneven": lambda: catboost(grow_policy="Lossguide"),
}
STEPS = {
    "none": lambda: [],
    "standard": lambda: [StandardScaler()],
    "robust": lambda: [RobustScaler()],
    "min-max": lambda: [MinMaxScaler((-1, 1))],
    "max-abs": lambda: [MaxAbsScaler()],
    "imputer": lambda: [SimpleImputer(strategy="median")],
    "several": lambda: [RobustScaler(), SimpleImputer(), StandardScaler(copy=False)],
    "columns": lambda: [
        ColumnTransformer(
            [("a", StandardScaler(), [1, 0]), ("b", OneHotEncoder(sparse_output=False), [2])],
            remainder="passthrough",
        )
    ],
    "pandas": lambda: [RobustScaler().set_output(transform="pandas")],
}


def noise_of(rows, *columns):
    names = [f"x{j}" for j in range(rows.shape[1])]
    return Noise.from_data(rows, list(columns), "std", names)


def read_of(model, noise, rows):
    return Reading.by_thresholds(model, noise.columns, noise.low, noise.high, noise.scale, rows)


def asked_of(model, noise, rows):
    return Problem(model, model.classes_, noise, rows, None, "hard", "auto", resample=False)


def ask(model, row, column, values):
    """Answers for one row, its feature replaced, in the container and precision of the row."""
    if isinstance(row, pd.DataFrame):
        copies = row.iloc[np.zeros(len(values), dtype=int)].reset_index(drop=True)
        single = row.dtypes.iloc[column] == np.float32
        copies.isetitem(column, pd.Series(values.astype(np.float32) if single else values))
    else:
        kind = row.dtype if row.dtype.kind == "f" else np.float64
        copies = np.repeat(row.astype(kind), len(values), axis=0)
        copies[:, column] = values
    return np.asarray(model.predict_proba(copies))


def check_cells(model, rows, column, edges):
    """Within each cell, from its first double to its last, the model gives one answer."""
    rng = np.random.default_rng(1)
    low, high = np.min(edges, initial=-3), np.max(edges, initial=8)
    values = np.unique(
        np.r_[
            edges,
            np.nextafter(edges, np.inf),
            np.nextafter(edges, -np.inf),
            rng.uniform(low - 1, high + 1, 200),
            np.arange(-5, 10),
            [0.0, -0.0, 5e-324, -5e-324, 1e-35, -1e-35, 1e-20, -1e-20],
        ]
    )
    cell = np.searchsorted(edges, values)
    first = np.searchsorted(cell, cell)  # of each value's cell
    for row in rows:
        found = ask(model, row, column, values)
        np.testing.assert_allclose(found, found[first], rtol=0, atol=1e-12)


def fitted(name, steps, rows=X):
    model = make_pipeline(*STEPS[steps](), MODELS[name]())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(rows, Y)


def some(rows, n=12):
    where = np.linspace(0, len(rows) - 1, n).astype(int)
    return [rows.iloc[[i]] if isinstance(rows, pd.DataFrame) else rows[[i]] for i in where]


QUICK = {"tree", "histograms", "lightgbm", "xgboost exact"}, {"none", "columns", "several"}
CASES = [
    pytest.param(name, steps, marks=() if quick else pytest.mark.slow)
    for name in MODELS
    for steps in STEPS
    for quick in [(name in QUICK[0] and steps in QUICK[1]) or steps == "robust"]
]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize(("name", "steps"), CASES)
def test_edges_are_the_models_own_to_the_last_bit(name, steps):
    model = fitted(name, steps)
    for column in (0, 1):
        noise = noise_of(X, column)
        edges = known_edges(model, noise.columns, X)[0]
        assert len(edges)
        check_cells(model, some(X, 8), column, edges)
        for asked in (X, X[5:6]):
            found = read_of(model, noise, asked)
            assert found is not None
            np.testing.assert_array_equal(found.edges[0], edges)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize(
    "kind", ["float32", "int64", "int32", "frame", "float32 frame", "int frame", "mixed frame"]
)
@pytest.mark.parametrize(
    "steps", ["none", pytest.param("standard", marks=pytest.mark.slow), "robust"]
)
@pytest.mark.parametrize("name", ["forest", "histograms", "lightgbm", "xgboost exact", "catboost"])
def test_edges_in_every_container(name, steps, kind):
    frame = pd.DataFrame(X, columns=list("abcd"))
    rows = {
        "float32": X.astype(np.float32),
        "int64": np.rint(X * 3).astype(np.int64),
        "int32": np.rint(X * 3).astype(np.int32),
        "frame": frame,
        "float32 frame": frame.astype(np.float32),
        "int frame": np.rint(frame * 3).astype(np.int64),
        "mixed frame": frame.astype({"a": np.int64, "b": np.float32, "c": np.int8}),
    }[kind]
    model = fitted(name, steps, rows)
    for column in (0, 1):
        for asked in (rows, rows[5:6]):
            edges = known_edges(model, noise_of(rows, column).columns, asked)[0]
            assert len(edges)
            check_cells(model, some(rows, 3), column, edges)


def refused(model, rows, column, reason):
    """Refused with the reason, in many rows and in one."""
    noise = noise_of(rows, column)
    for asked in (rows, rows[5:6]):
        with pytest.raises(NotForMe, match=reason):
            read_of(model, noise, asked)
        with pytest.raises(NotForMe):
            read_of(model, noise, asked)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (lambda: lightgbm(linear_tree=True), "linear models in its leaves"),
        (lambda: lightgbm(linear_trees=True), "linear models in its leaves"),
        (lambda: lightgbm(zero_as_missing=True), "taking 0 for missing"),
        (lambda: lightgbm(categorical_feature=[0], min_data_per_group=1), "read by category"),
        (lambda: xgboost(missing=0), "takes the value 0 for missing"),
        (lambda: xgboost(missing=3.0), "takes the value 3.0 for missing"),
        (lambda: xgboost(booster="gblinear"), "not made of trees"),
        (
            lambda: xgboost(feature_types=["c", "q", "q", "q"], enable_categorical=True),
            "read by category",
        ),
        (lambda: HistGradientBoostingClassifier(categorical_features=[0]), "has categorical"),
        (lambda: LogisticRegression(), "not known to change at thresholds alone"),
        (lambda: BaggingClassifier(HistGradientBoostingClassifier(max_iter=2), 2), "holds Hist"),
        (
            lambda: GradientBoostingClassifier(init=LogisticRegression(), n_estimators=2),
            "starts from another model",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_is_not_read_by_thresholds_is_refused_with_the_reason(model, reason):
    rows = np.abs(X)
    refused(model().fit(rows, Y), rows, 0, reason)


def test_only_the_inputs_that_are_told_apart_otherwise_are_refused():
    for model in (
        lightgbm(categorical_feature=[2], min_data_per_group=1),
        xgboost(feature_types=["q", "q", "c", "q"], enable_categorical=True),
    ):
        rows = np.c_[X[:, :2], X[:, 2] + 3, X[:, 3]]
        model.fit(rows, Y)
        refused(model, rows, 2, "category")
        check_cells(model, some(rows), 0, known_edges(model, noise_of(rows, 0).columns, rows)[0])


@pytest.mark.parametrize("make", [lightgbm, xgboost])
def test_columns_of_truth_values_are_read(make):
    rows = pd.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": X[:, 1]})
    model = make().fit(rows, Y)
    for asked in (rows, rows[5:6]):
        reading = read_of(model, noise_of(rows, 0), asked)
        check_cells(model, some(rows), 0, reading.edges[0])


def test_a_reader_that_fails_is_no_error(monkeypatch):
    model = lightgbm().fit(X, Y)
    monkeypatch.setattr(type(model.booster_), "model_to_string", lambda *_, **__: 1 / 0)
    refused(model, X, 0, "LGBMClassifier cannot be read: ZeroDivisionError")


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(missing_values=0),
        SimpleImputer(missing_values=-1.0, strategy="constant", fill_value=9),
        SimpleImputer(add_indicator=True),
        make_column_transformer((SimpleImputer(missing_values=3), [0, 1]), remainder="passthrough"),
        MinMaxScaler(clip=True),
        FunctionTransformer(np.abs),
    ],
    ids=str,
)
def test_steps_that_treat_values_apart_are_refused(imputer):
    model = make_pipeline(imputer, DecisionTreeClassifier(random_state=0)).fit(X, Y)
    refused(model, X, 0, "a step in front of the model")


def test_an_imputer_that_keeps_empty_columns_is_read():
    rows = np.c_[np.full(len(X), np.nan), X]
    for keep in (True, False):
        imputer = SimpleImputer(keep_empty_features=keep)
        model = make_pipeline(imputer, DecisionTreeClassifier(random_state=0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(rows, Y)
            noise = noise_of(rows, 1)
            if keep:
                check_cells(model, some(rows), 1, read_of(model, noise, rows).edges[0])
                continue
            with pytest.raises(NotForMe, match="a step in front of the model"):
                read_of(model, noise, rows)


def test_a_threshold_at_the_centre_of_a_scaler():
    """XGBoost cuts whole numbers at 0, or next to it, where the centre has become 0."""
    model = make_pipeline(RobustScaler(), xgboost(n_estimators=1, max_depth=1))
    rows = X[:, :1]
    model.fit(rows, rows[:, 0] < 3)
    edges = known_edges(model, noise_of(rows, 0).columns, rows)[0]
    below, above = ask(model, rows[:1], 0, np.array([np.nextafter(3.0, 0), 3.0])).argmax(axis=1)
    check_cells(model, [rows[:1]], 0, edges)
    assert len(edges) == 1
    assert (below, above) == (1, 0)
    assert 3 - 1e-12 < edges[0] < 3


def test_a_falling_feature_has_its_edges_on_the_right_side():
    pca = make_column_transformer((PCA(1), [0]), remainder="passthrough")
    model = make_pipeline(pca, RandomForestClassifier(5, random_state=0)).fit(X, Y)
    component = model[0].named_transformers_["pca"].components_
    for sign in (1, -1):
        component[:] = sign
        model[-1].fit(model[:-1].transform(X), Y)
        reading = read_of(model, noise_of(X, 0), X[:1])
        check_cells(model, some(X), 0, reading.edges[0])


def test_a_threshold_that_no_double_reaches_is_refused():
    rows = np.array([[-1e-300], [0.0], [1e-300]] * 20)
    model = make_pipeline(MaxAbsScaler(), HistGradientBoostingClassifier(max_iter=1))
    model.fit(rows * 1e307, rows[:, 0] > 0)
    for nodes in hist_gradient_boosting_nodes(model[-1]):
        nodes["num_threshold"] = 1e307
    refused(model, rows * 1e307, 0, "beyond all doubles")


def test_inputs_that_mix_features_are_refused_by_one_row():
    model = make_pipeline(PCA(1), DecisionTreeClassifier(random_state=0)).fit(X, Y)
    refused(model, X, 0, "depends on other features")


def test_an_edge_next_to_zero_is_found_in_the_order_of_the_doubles():
    """The scaler rounds 0 and 1e-17 to the same: the edge is a double between them."""
    rows = X[:, :2]
    model = make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=1))
    model.fit(rows, rows[:, 0] < 2)
    at_zero = model[0].transform([[0.0, 0.0]])[0, 0]
    for nodes in hist_gradient_boosting_nodes(model[-1]):
        nodes["num_threshold"] = at_zero
    edges = known_edges(model, noise_of(rows, 0).columns, rows)[0]
    assert 0 < edges[0] < 1e-15
    check_cells(model, some(rows), 0, edges)
    assert len(np.unique(ask(model, rows[:1], 0, np.array([edges[0], 1e-15]))[:, 0])) == 2


def test_thresholds_of_lightgbm_around_its_zero():
    """What is within 1e-35 of 0 is 0 for it, and its thresholds beside 0 are just there."""
    rows = np.resize([-1.0, 0.0, 1.0], (300, 1))
    for label in (-1.0, 0.0, 1.0):
        model = lightgbm().fit(rows, rows[:, 0] == label)
        edges = known_edges(model, noise_of(rows, 0).columns, rows)[0]
        assert (np.abs(edges) < 1e-34).all()
        near = np.r_[edges, np.nextafter(edges, 1), np.nextafter(edges, -1)]
        cell = np.searchsorted(edges, near)
        for k in np.unique(cell):
            assert len(np.unique(ask(model, rows[:1], 0, near[cell == k])[:, 0])) == 1


@pytest.mark.parametrize("name", ["histograms", "lightgbm"])
@pytest.mark.parametrize("container", ["array", "pandas", "polars"])
def test_single_precision_is_read_as_it_is_held(name, container):
    """float32 rows at the floats beside every edge are what their cells say."""
    rows = X.astype(np.float32)
    if container != "array":
        package = pytest.importorskip(container)
        rows = package.DataFrame({f"x{j}": rows[:, j] for j in range(4)})
    model = fitted(name, "robust", rows)
    for column in (0, 1):
        noise = noise_of(rows, column)
        reading = read_of(model, noise, rows)
        edges = reading.edges[0].astype(np.float32)
        beside = [np.nextafter(edges, np.float32(s)) for s in (-np.inf, np.inf)]
        values = np.concatenate([edges, *beside])[:, None]
        one = replace_columns(rows[:1], np.array([column]), values, len(values))
        read = reading.at_cells(one, values)
        np.testing.assert_array_equal(model.predict_proba(one), model.predict_proba(read))


@pytest.mark.parametrize("lost", ["edge", "side"])
@pytest.mark.parametrize("steps", ["none", "robust"])
def test_one_row_is_enough_to_find_a_wrong_reading(lost, steps, monkeypatch):
    """Every edge left out, or moved by one double, is found, whichever row is handed in."""
    rows = X[:, [0, 2]]
    model = make_pipeline(*STEPS[steps](), DecisionTreeClassifier(max_depth=5)).fit(rows, Y)
    noise = noise_of(rows, 0)
    edges = known_edges(model, noise.columns, rows)[0]
    assert len(edges) > 3
    for k in range(len(edges)):
        wrong = np.delete(edges, k)
        if lost == "side":
            wrong = np.insert(wrong, k, np.nextafter(edges[k], np.inf))
        monkeypatch.setattr("sklearn_rp.models.reading.known_edges", lambda *_, w=wrong: [w])
        for i in (0, 7, 300):
            with pytest.raises(NotForMe, match="not what its thresholds say"):
                read_of(model, noise, rows[i : i + 1])


@pytest.mark.parametrize(
    "make",
    [lambda: lightgbm(linear_tree=True), lambda: lightgbm(zero_as_missing=True)],
    ids=["linear trees", "zero as missing"],
)
def test_one_row_is_enough_where_a_reader_understands_too_little(make, monkeypatch):
    model = make().fit(X, Y)
    text = model.booster_.model_to_string()
    text = text.replace("is_linear=1", "is_linear=0")
    for old, new in (("4", "0"), ("6", "2")):
        text = text.replace(f"decision_type={old}", f"decision_type={new}")
        text = text.replace(f" {old} ", f" {new} ").replace(f" {old} ", f" {new} ")
    monkeypatch.setattr(type(model.booster_), "model_to_string", lambda *_, **__: text)
    read_trees(model)
    noise = noise_of(X, 0)
    for i in range(0, 600, 40):
        with pytest.raises(NotForMe):
            read_of(model, noise, X[i : i + 1])


def test_the_edge_is_the_largest_double_of_the_lower_side():
    rng = np.random.default_rng(0)
    t = np.r_[rng.normal(size=500) * 10.0 ** rng.integers(-6, 6, 500), 0.5, 1.0, 0.0, -0.0, 1e-45]
    t = np.r_[t, t.astype(np.float32)]
    edge = float32_edges(t)
    assert (edge.astype(np.float32) <= t).all()
    assert (np.nextafter(edge, np.inf).astype(np.float32) > t).all()


def test_cells_of_one_double_have_their_own_value():
    edges = np.array([1.0])
    for _ in range(4):
        edges = np.r_[edges, np.nextafter(edges[-1], 2)]
    values = representatives(edges, 0.0, 2.0)
    np.testing.assert_array_equal(np.searchsorted(edges, values), np.arange(6))


@pytest.mark.parametrize("steps", ["none", "robust", "columns"])
@pytest.mark.parametrize(
    ("model", "engine"),
    [
        (LogisticRegression(), Linear),
        (LogisticRegression(), LinearVotes),
        (DecisionTreeClassifier(max_depth=4, random_state=0), Trees),
        (DecisionTreeClassifier(max_depth=4, random_state=0), TreeVotes),
    ],
    ids=["linear", "linear votes", "trees", "tree votes"],
)
def test_a_rule_about_other_features_is_seen_from_one_row(model, engine, steps):
    """However few rows are handed in, an engine tries itself on others."""
    model = make_pipeline(*STEPS[steps](), model).fit(X, X[:, 0] + X[:, 1] > 2.5)
    noise = noise_of(X, 0, 3)
    low = X[X[:, 1] < -1]
    engine.for_problem(asked_of(model, noise, low[:1]))
    plain = model.predict
    model.predict = lambda rows: plain(rows) ^ (rows[:, 1] > 0.5)
    for i in range(5):
        with pytest.raises(NotForMe):
            engine.for_problem(asked_of(model, noise, low[i : i + 1]))


def test_rows_to_try_keep_codes_and_what_other_steps_read():
    """Only numbers that reach the model through affine steps are given values of no row."""
    frame = pd.DataFrame(
        {"a": X[:, 0], "b": X[:, 1], "code": X[:, 2].astype(int), "text": "t", "d": X[:, 3]}
    )
    columns = make_column_transformer(
        (OneHotEncoder(), ["code", "text"]), (StandardScaler(), ["a", "b"]), ("passthrough", ["d"])
    )
    model = make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(frame, Y)
    for asked in (frame, frame[5:6]):
        rows = trial_rows(model, noise_of(frame, 0).columns, asked, 48)
        assert len(rows) == 48
        assert set(rows["code"]) <= set(asked["code"])
        assert set(rows["a"]) <= set(asked["a"])
        assert rows["b"].nunique() > 10
        assert rows["d"].nunique() > 10
        model.predict(rows)
    ordinal = lightgbm(categorical_feature=[2], min_data_per_group=1)
    codes = np.c_[X[:, :2], X[:, 2] + 3]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ordinal.fit(codes, Y)
    rows = trial_rows(ordinal, noise_of(codes, 0).columns, codes[:3], 48)
    assert set(rows[:, 2]) <= set(codes[:3, 2])


def test_stacking_reads_its_input_itself():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(800, 2))
    y = (rows[:, 0] + 0.3 * rows[:, 1] > 0).astype(int)
    model = StackingClassifier(
        [("t", small.tree(2))], final_estimator=LogisticRegression(), passthrough=True, cv=2
    ).fit(rows, y)
    sets = compatible_sets(model, rows[:50], sensitive_feature=1)
    assert (sets.certified_inner == 0).all()
    assert (sets.component_length > 0).all()


def test_boosting_with_a_category_numbers_its_features_anew():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"s": rng.normal(size=2000), "t": rng.normal(size=2000)})
    frame["c"] = pd.Categorical(rng.choice(["u", "v"], 2000))
    y = (frame["s"] + 0.5 * frame["t"] > 0).astype(int)
    model = HistGradientBoostingClassifier(categorical_features="from_dtype").fit(frame, y)
    rows = frame[:10]
    sets = compatible_sets(model, rows, sensitive_feature="t", bounds=(-4, 4))
    z = np.linspace(-4, 4, 2001)
    copies = rows.loc[rows.index.repeat(2001)].assign(t=np.tile(z, 10))
    same = model.predict(copies).reshape(10, -1) == model.predict(rows)[:, None]
    assert sets.length == pytest.approx(same.mean(axis=1) * 8, abs=0.06)


def test_values_at_a_threshold_are_in_their_own_set():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 1))
    model = HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=2)
    model.fit(rows, rows[:, 0] > 0)
    sets = compatible_sets(model, rows, sensitive_feature=0)
    assert (sets.component_length > 0).all()
    order = np.argsort(rows[:, 0])
    inside = sets.contains(rows[order, 0])
    assert inside[order, np.arange(3000)].all()


def test_thresholds_that_tell_missing_values_alone():
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 10, size=(400, 2))
    gaps, labels = rows.copy(), (rows[:, 1] > 8).astype(int)
    gone = rng.random(400) < 0.3
    gaps[gone, 0], labels[gone] = np.nan, 1
    model = small.tree(None).fit(gaps, labels)
    assert np.isinf(model.tree_.threshold).any()
    sets = compatible_sets(model, rows[:20], sensitive_feature=0, bounds=(0, 10))
    assert sets.length == pytest.approx(np.full(20, 10.0))
    frozen = FrozenEstimator(model)
    for noised in ([0], None):
        clf = RobustPrivacyClassifier(frozen, noise_features=noised, sigma=0.3).fit(rows, labels)
        check_shares(clf, rows[:5])
    clf = AttributePrivacyClassifier(frozen, sensitive_feature=0, bounds=(0, 10)).fit(rows, labels)
    assert clf.compatible_sets(rows).component_length.min() == 10
