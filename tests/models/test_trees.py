"""Tables of trees, against the models that they are read from."""

import json
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from engines.oracle import raw
from scipy import special
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.boosters import catboost_table
from sklearn_rp.models.trees import read_trees

RNG = np.random.default_rng(0)
X = np.c_[RNG.normal(size=(240, 2)), RNG.integers(-2, 3, 240), RNG.normal(size=240) * 1e-3 + 7]
SCORE = X[:, 0] + np.sin(3 * X[:, 1]) + X[:, 2] * (X[:, 3] > 7)
TARGETS = {
    "two": SCORE > 0,
    "three": np.array(["b", "a", "c"])[np.digitize(SCORE, [-0.7, 0.8])],
    "numbers": SCORE,
}
MISSING = np.where(RNG.random(X.shape) < [0.3, 0, 0.2, 0], np.nan, X)


def reached(table, rows):
    """The leaf of each tree that each row comes to: shape (n_rows, n_trees)."""
    node = np.tile(table.first[:-1], (len(rows), 1))
    inner = table.left[node] >= 0
    while inner.any():
        x = np.take_along_axis(rows, np.where(inner, table.feature[node], 0), axis=1)
        left = np.where(np.isnan(x), table.missing_left[node], x <= table.edge[node])
        node = np.where(inner, np.where(left, table.left[node], table.right[node]), node)
        inner = table.left[node] >= 0
    return node


def added_up(table, rows):
    each = table.value[reached(table, rows)]
    return table.start + (each.mean(axis=1) if table.combine == "mean" else each.sum(axis=1))


def beside_edges(table, rows):
    """Rows at the last double of the left side of some splits, and at the next."""
    rng = np.random.default_rng(1)
    inner = np.flatnonzero((table.left >= 0) & np.isfinite(table.edge))
    if not len(inner):
        return rows
    some = rng.choice(inner, 300)
    edge = np.r_[table.edge[some], np.nextafter(table.edge[some], np.inf)]
    copies = rows[rng.integers(0, len(rows), len(edge))]
    copies[np.arange(len(edge)), np.tile(table.feature[some], 2)] = edge
    return np.r_[rows, copies]


def check_table(model, rows):
    table = read_trees(model)
    asked = beside_edges(table, rows)
    own = np.asarray(raw(model, asked), dtype=float).reshape(len(asked), -1)
    found = added_up(table, asked)
    if isinstance(model, AdaBoostClassifier) and found.shape[1] == 2:
        found = found[:, 1:] - found[:, :1]
    tolerance = 1e-5 if type(model).__module__.startswith("xgboost") else 1e-10
    np.testing.assert_allclose(found, own, rtol=tolerance, atol=tolerance)
    # Where each node is.
    inner = table.left >= 0
    assert (table.tree[table.left[inner]] == table.tree[inner]).all()
    assert (table.tree[table.right[inner]] == table.tree[inner]).all()
    assert (table.feature[~inner] == -1).all()
    return table


BOOSTERS = {
    "lightgbm": {"n_estimators": 6, "verbose": -1, "n_jobs": 1, "min_child_samples": 5},
    "xgboost": {"n_estimators": 6, "n_jobs": 1, "max_depth": 5},
    "catboost": {
        "iterations": 6, "depth": 4, "thread_count": 1, "random_seed": 0, "verbose": 0,
        "allow_writing_files": False,
    },
}  # fmt: skip


def package(name, kind, **arguments):
    """A model of another package, where that is installed."""

    def make(**more):
        found = getattr(pytest.importorskip(name), kind)
        return found(**(BOOSTERS[name] | arguments | more))

    return make, {}, True


LGBM = partial(package, "lightgbm", "LGBMClassifier")
XGB = partial(package, "xgboost", "XGBClassifier")
CAT = partial(package, "catboost", "CatBoostClassifier")
SHALLOW = DecisionTreeClassifier(max_depth=4)
# What is made, its arguments, and whether it takes missing values.
CLASSIFIERS = {
    "tree": (DecisionTreeClassifier, {}, True),
    "extra tree": (ExtraTreeClassifier, {}, True),
    "forest": (RandomForestClassifier, {"n_estimators": 7}, True),
    "extra trees": (ExtraTreesClassifier, {"n_estimators": 7}, True),
    "bagging": (BaggingClassifier, {"estimator": SHALLOW, "max_features": 0.6}, True),
    "few in each bag": (BaggingClassifier, {"estimator": SHALLOW, "max_samples": 4}, True),
    "adaboost": (AdaBoostClassifier, {"estimator": SHALLOW, "n_estimators": 5}, False),
    "boosting": (GradientBoostingClassifier, {"n_estimators": 6}, False),
    "boosting from zero": (GradientBoostingClassifier, {"n_estimators": 6, "init": "zero"}, False),
    "histograms": (HistGradientBoostingClassifier, {"max_iter": 6, "min_samples_leaf": 5}, True),
    "lightgbm": LGBM(),
    "lightgbm dart": LGBM(boosting_type="dart"),
    "lightgbm, NaN is 0": LGBM(use_missing=False),
    "xgboost": XGB(),
    "xgboost pruned": XGB(gamma=3, tree_method="exact"),
    "xgboost dart": XGB(booster="dart", rate_drop=0.5),
    "xgboost vectors": XGB(multi_strategy="multi_output_tree"),
    "xgboost forest": package("xgboost", "XGBRFClassifier"),
    "catboost": CAT(),
    "catboost, missing above": CAT(nan_mode="Max"),
    "catboost by depth": CAT(grow_policy="Depthwise"),
    "catboost by loss": CAT(grow_policy="Lossguide"),
}
REGRESSORS = {
    "tree": (DecisionTreeRegressor, {}, True),
    "extra tree": (ExtraTreeRegressor, {}, True),
    "forest": (RandomForestRegressor, {"n_estimators": 7}, True),
    "extra trees": (ExtraTreesRegressor, {"n_estimators": 7}, True),
    "bagging": (BaggingRegressor, {"estimator": DecisionTreeRegressor(max_depth=4)}, True),
    "boosting": (GradientBoostingRegressor, {"n_estimators": 6}, False),
    "boosting of medians": (
        GradientBoostingRegressor, {"n_estimators": 6, "loss": "absolute_error"}, False
    ),
    "histograms": (HistGradientBoostingRegressor, {"max_iter": 6}, True),
    "lightgbm": package("lightgbm", "LGBMRegressor"),
    "xgboost": package("xgboost", "XGBRegressor"),
    "xgboost forest": package("xgboost", "XGBRFRegressor"),
    "catboost": package("catboost", "CatBoostRegressor"),
}  # fmt: skip
CASES = [
    *((CLASSIFIERS[name], target) for name in CLASSIFIERS for target in ("two", "three")),
    *((REGRESSORS[name], "numbers") for name in REGRESSORS),
]
IDS = [
    *(f"{name}-{target}" for name in CLASSIFIERS for target in ("two", "three")),
    *(f"{name}-numbers" for name in REGRESSORS),
]


def grown(kind, rows, target, **more):
    make, arguments, _ = kind
    model = make(**(arguments | more))
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    y = TARGETS[target]
    if type(model).__module__.startswith("xgboost") and target == "three":
        y = np.unique(y, return_inverse=True)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(rows, y)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize(("kind", "target"), CASES, ids=IDS)
@pytest.mark.parametrize("missing", [False, True])
def test_the_table_answers_as_the_model_on_both_sides_of_its_edges(kind, target, missing):
    if missing and not kind[2]:
        pytest.skip("takes no missing values")
    rows = MISSING if missing else X
    model = grown(kind, rows, target)
    table = check_table(model, rows)
    assert (table.left >= 0).any()
    assert not table.unread


ONE_LEAF = {
    "tree": {"max_leaf_nodes": None, "min_samples_leaf": 200},
    "forest": {"min_samples_leaf": 200},
    "boosting": {"min_samples_leaf": 200},
    "histograms": {"min_samples_leaf": 200},
    "lightgbm": {"min_child_samples": 200},
    "xgboost": {"gamma": 1e9},
    "xgboost vectors": {"gamma": 1e9},
}


@pytest.mark.parametrize("target", ["two", "three"])
@pytest.mark.parametrize("name", ONE_LEAF)
def test_trees_of_one_leaf(name, target):
    model = grown(CLASSIFIERS[name], X, target, **ONE_LEAF[name])
    table = check_table(model, X)
    assert not (table.left >= 0).any()
    assert (table.first == np.arange(table.n_trees + 1)).all()
    assert len(table.along(0)) == 0


@pytest.mark.parametrize("name", ["lightgbm", "xgboost"])
def test_trees_after_an_early_stop_are_left_out(name):
    home = {"lightgbm": "LGBMClassifier", "xgboost": "XGBClassifier"}[name]
    make, _, _ = package(name, home, n_estimators=60, learning_rate=1.0)
    stop = {"early_stopping_rounds": 5}
    y = RNG.integers(0, 2, len(X))
    if name == "xgboost":
        model = make(**stop).fit(X, y, eval_set=[(X, 1 - y)], verbose=False)
    else:
        callback = pytest.importorskip("lightgbm").early_stopping(5, verbose=False)
        model = make().fit(X, y, eval_set=[(X, 1 - y)], callbacks=[callback])
    assert check_table(model, X).n_trees < 6


def test_a_lightgbm_forest_is_a_mean():
    """Its raw scores are sums, its probabilities are those of the mean."""
    forest = {"boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}
    model = grown(LGBM(**forest), X, "two")
    table = read_trees(model)
    score = added_up(table, beside_edges(table, X))[:, 0]
    own = model.predict_proba(beside_edges(table, X))[:, 1]
    np.testing.assert_allclose(special.expit(score), own, rtol=1e-10)


@pytest.mark.parametrize("objective", ["count:poisson", "reg:gamma", "reg:logistic"])
def test_the_start_of_xgboost_is_behind_its_link(objective):
    make, _, _ = package("xgboost", "XGBRegressor", objective=objective)
    y = 0.1 + 0.8 * (TARGETS["numbers"] > 0)
    check_table(make().fit(X, y), X)


def test_an_exponential_loss_starts_from_half_the_score():
    model = GradientBoostingClassifier(loss="exponential", n_estimators=5, random_state=0)
    check_table(model.fit(X, TARGETS["two"]), X)


@pytest.mark.parametrize("model", [DecisionTreeRegressor(max_depth=4), RandomForestClassifier(3)])
def test_leaves_of_several_outputs_are_numbers_or_shares_of_ones(model):
    y = np.c_[SCORE > 0, X[:, 0] > 1, np.zeros(len(X))].astype(int)
    model.fit(X, y)
    table = read_trees(model)
    trees = getattr(model, "estimators_", [model])
    leaves = [tree.apply(X.astype(np.float32)) + first for tree, first in zip(trees, table.first, strict=False)]  # fmt: skip  # noqa: E501
    found = np.mean([table.contributions()[leaf] for leaf in leaves], axis=0)
    if hasattr(model, "predict_proba"):
        expected = [p[:, 1] if p.shape[1] > 1 else np.zeros(len(X)) for p in model.predict_proba(X)]
    else:
        expected = model.predict(X).T
    np.testing.assert_allclose(found, np.transpose(expected), atol=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        MultiOutputClassifier(HistGradientBoostingClassifier(max_iter=3)),
        MultiOutputRegressor(GradientBoostingRegressor(n_estimators=3)),
    ],
)
def test_models_for_each_output_change_at_the_splits_of_all(model):
    y = np.c_[SCORE > 0, X[:, 0] > 1].astype(int)
    model.fit(X, y)
    table = read_trees(model)
    edges = np.unique(np.concatenate([read_trees(each).along(0) for each in model.estimators_]))
    np.testing.assert_array_equal(table.along(0), edges)
    assert table.value is None
    assert (np.diff(table.first) > 0).all()
    inner = table.left >= 0
    assert (table.tree[table.left[inner]] == table.tree[inner]).all()
    assert (table.tree[table.right[inner]] == table.tree[inner]).all()


def test_where_leaves_are_not_understood_the_splits_are():
    table = read_trees(AdaBoostRegressor(n_estimators=3).fit(X, SCORE))
    assert len(table.along(0))
    assert table.value is None
    with pytest.raises(NotForMe, match="leaves of the model are not understood"):
        table.contributions()


def test_what_is_not_made_of_trees_is_refused_by_name():
    class Own(DecisionTreeClassifier):
        pass

    y = TARGETS["two"]
    for model in (LogisticRegression(), Own()):
        with pytest.raises(NotForMe, match=f"^{type(model).__name__} is not known to change at"):
            read_trees(model.fit(X, y))
    model = BaggingClassifier(LogisticRegression(), 2).fit(X, y)
    with pytest.raises(NotForMe, match=r"^BaggingClassifier holds LogisticRegression$"):
        read_trees(model)


RECORDED = json.loads((Path(__file__).parent / "catboost.json").read_text())


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_catboost_as_it_was_saved(name):
    """Models and their raw scores, recorded with CatBoost 1.2.10: also where it is missing."""
    case = RECORDED[name]
    table = catboost_table(case["model"])
    assert table.unread == {int(k): what for k, what in case["unread"].items()}
    if case["unread"]:
        for k, what in table.unread.items():
            with pytest.raises(NotForMe, match=f"input {k} of the model is read by {what}"):
                table.along(k)
    else:
        found = added_up(table, np.array(case["rows"]))
        np.testing.assert_allclose(found, case["raw"], rtol=1e-12, atol=1e-12)
    for k, edges in case["edges"].items():
        np.testing.assert_array_equal(table.along(int(k)), edges)


def test_the_scale_of_catboost_is_folded_into_its_leaves():
    make, _, _ = CAT()
    model = make().fit(X, TARGETS["two"])
    model.set_scale_and_bias(3.0, 0.5)
    check_table(model, X)


def test_columns_that_catboost_reads_by_category_are_not_read():
    package = pytest.importorskip("catboost")
    rows = pd.DataFrame(X, columns=list("abcd"))
    rows.insert(1, "code", np.arange(len(X)) % 5)
    y = (X[:, 0] > 0) ^ (rows["code"] == 3)
    for size in (1, 9):  # by a statistic, and each for itself
        model = package.CatBoostClassifier(
            **BOOSTERS["catboost"], cat_features=["code"], one_hot_max_size=size
        ).fit(rows, y)
        table = read_trees(model)
        assert len(table.along(3))
        with pytest.raises(NotForMe, match="input 1 of the model is read by category"):
            table.along(1)


def test_catboost_on_text_is_refused():
    package = pytest.importorskip("catboost")
    rows = pd.DataFrame({"a": X[:, 0], "text": np.where(SCORE > 0, "high up", "down low")})
    model = package.CatBoostClassifier(**BOOSTERS["catboost"], text_features=["text"])
    with pytest.raises(NotForMe, match="^CatBoostClassifier reads text or embeddings$"):
        read_trees(model.fit(rows, SCORE > 0))


def test_a_booster_of_linear_models_is_none_of_trees():
    xgboost = pytest.importorskip("xgboost")
    linear = xgboost.XGBClassifier(booster="gblinear", n_estimators=3).fit(X, TARGETS["two"])
    assert (compatible_sets(linear, X[:5], sensitive_feature=0).certified_inner == 0).all()
