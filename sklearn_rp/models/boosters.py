"""Trees that LightGBM, XGBoost and CatBoost grew, read from what they save."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy import special

from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.tables import Tree, TreeTable, float32_edges, lone_leaf, placed, stacked

_LIGHTGBM_ZERO = float(np.float32(1e-35))  # what is not farther from 0 than this, it reads as 0
# How XGBoost makes a score of what it calls the base score, by objective; else it is one.
_XGBOOST_LINKS: dict[str, Callable[[Any], Any]] = {
    "binary:logistic": special.logit,
    "binary:logitraw": special.logit,
    "reg:logistic": special.logit,
    "count:poisson": np.log,
    "reg:gamma": np.log,
    "reg:tweedie": np.log,
}
_XGBOOST_KEYS = (
    "left_children",
    "right_children",
    "split_indices",
    "split_type",
    "split_conditions",
    "default_left",
)
_CATBOOST_LEAVES = 2**20  # beyond, its model as text takes gigabytes
_FLOAT32_MAX = float(np.finfo(np.float32).max)


def lightgbm(model: Any) -> TreeTable:
    """The text of the booster: parameters have aliases, and text cannot fail to be parsed."""
    text, _, _ = model.booster_.model_to_string().partition("end of trees")
    head, *blocks = (_fields(part) for part in text.split("\nTree="))
    n_outputs = int(head["num_tree_per_iteration"])
    share = n_outputs / len(blocks) if "average_output" in head else 1.0
    trees: list[Tree] = []
    unread: dict[int, str] = {}
    for k, block in enumerate(blocks):
        if block.get("is_linear", "0").strip() != "0":
            raise NotForMe("has linear models in its leaves")
        feature, decision, left, right = (
            np.array(block[key].split(), dtype=np.float64).astype(np.intp)
            for key in ("split_feature", "decision_type", "left_child", "right_child")
        )
        threshold, leaf = (
            np.array(block[key].split(), dtype=np.float64) for key in ("threshold", "leaf_value")
        )
        # Bit 0: by category; bit 1: missing goes left; bits 2 and 3: what is missing, 0 nothing
        # (NaN is then read as 0), 1 the value 0, 2 NaN.
        gap = decision >> 2 & 3
        unread |= dict.fromkeys(feature[gap == 1].tolist(), "taking 0 for missing")
        unread |= dict.fromkeys(feature[decision & 1 == 1].tolist(), "category")
        missing_left = np.where(gap == 0, threshold >= 0, decision & 2 > 0)
        n, none = len(feature), np.full(len(leaf), -1)  # leaves after all others, ~k for leaf k
        value = np.r_[np.zeros(n), share * leaf][:, None]
        trees.append(
            Tree(
                np.r_[feature, none],
                np.r_[threshold, none],
                np.r_[np.where(left < 0, n + ~left, left), none],
                np.r_[np.where(right < 0, n + ~right, right), none],
                np.r_[missing_left, none],
                placed(value, [k % n_outputs], n_outputs),
            )
        )
    return stacked(trees or [lone_leaf(n_outputs)], _lightgbm_edges, unread=unread)


def _fields(text: str) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition("=") for line in text.splitlines())}


def _lightgbm_edges(threshold: np.ndarray) -> np.ndarray:
    near = np.abs(threshold) <= _LIGHTGBM_ZERO
    below = np.where(near & (threshold < 0), np.nextafter(-_LIGHTGBM_ZERO, -np.inf), threshold)
    return np.where(near & (threshold >= 0), _LIGHTGBM_ZERO, below)


def xgboost(model: Any) -> TreeTable:
    """The saved model, as text dumps round; it goes left where ``float32(x) < split``."""
    gap = model.get_params().get("missing", np.nan)
    if gap is not None and not np.isnan(gap):
        raise NotForMe(f"takes the value {gap!r} for missing")
    learner = json.loads(bytes(model.get_booster().save_raw("json")))["learner"]
    booster = learner["gradient_booster"]
    weights = booster.get("weight_drop")
    grown = booster.get("gbtree", booster)["model"]  # dart holds a gbtree
    if "trees" not in grown:
        raise NotForMe(f"has booster={booster.get('name')!r}, which is not made of trees")
    sizes = learner["learner_model_param"]
    n_outputs = max(int(sizes["num_class"]), int(sizes.get("num_target", 1)), 1)
    link = _XGBOOST_LINKS.get(learner["objective"]["name"], np.asarray)
    best = getattr(model, "best_iteration", None)  # where it stopped early
    used = len(grown["trees"]) if best is None else grown["iteration_indptr"][best + 1]
    trees: list[Tree] = []
    unread: dict[int, str] = {}
    for k, tree in enumerate(grown["trees"][:used]):
        left, right, feature, kind, condition, missing_left = (
            np.asarray(tree[key])[: len(tree["left_children"])] for key in _XGBOOST_KEYS
        )
        unread |= dict.fromkeys(feature[(left != -1) & (kind != 0)].tolist(), "category")
        if int(tree["tree_param"]["size_leaf_vector"]) > 1:
            value = np.asarray(tree["base_weights"], dtype=np.float64).reshape(len(left), -1)
        else:
            value = placed(condition[:, None], [grown["tree_info"][k]], n_outputs)
        weight = 1.0 if weights is None else weights[k]
        trees.append(Tree(feature, condition, left, right, missing_left, weight * value))
    start = link(np.atleast_1d(json.loads(sizes["base_score"])).astype(np.float64))
    return stacked(trees or [lone_leaf(n_outputs)], _xgboost_edges, start=start, unread=unread)


def _xgboost_edges(split: np.ndarray) -> np.ndarray:
    return float32_edges(np.nextafter(split.astype(np.float32), np.float32(-np.inf)))


def catboost(model: Any) -> TreeTable:
    """The saved model, through a file: it has no other form that can be read."""
    if model.get_text_feature_indices() or model.get_embedding_feature_indices():
        raise NotForMe("reads text or embeddings")  # and can then be saved in no other form
    if np.sum(model.get_tree_leaf_counts()) > _CATBOOST_LEAVES:
        raise NotForMe("has too many leaves to be read")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        return catboost_table(json.loads(path.read_text(encoding="utf-8")))


def catboost_table(saved: dict[str, Any]) -> TreeTable:
    """Table of a CatBoost model as it saves itself; it goes left where ``float32(x) <= border``."""
    features = saved["features_info"]
    numbers = {each["feature_index"]: each for each in features["float_features"]}
    categories = features.get("categorical_features", [])
    unread = {each["flat_feature_index"]: "category" for each in categories}
    for ctr in features.get("ctrs", []):  # statistics of categories, and of numbers with them
        for element in ctr["elements"]:
            if "float_feature_index" in element:
                place = numbers[element["float_feature_index"]]["flat_feature_index"]
                unread[place] = "category"
    scale, bias = saved["scale_and_bias"]

    def question(split: dict[str, Any]) -> tuple[int, float, bool]:
        if split["split_type"] != "FloatFeature":
            return -1, np.inf, False
        number = numbers[split["float_feature_index"]]
        border = split["border"]
        if abs(border) >= _FLOAT32_MAX:  # tells missing values from all numbers
            border *= np.inf
        return number["flat_feature_index"], border, number["nan_value_treatment"] != "AsTrue"

    trees = [_even(tree, question, scale, len(bias)) for tree in saved.get("oblivious_trees", [])]
    trees += [_uneven(tree, question, scale, len(bias)) for tree in saved.get("trees", [])]
    start = np.asarray(bias, dtype=np.float64)
    return stacked(trees or [lone_leaf(len(bias))], float32_edges, start=start, unread=unread)


_Question = Callable[[dict[str, Any]], tuple[int, float, bool]]
_NO_QUESTION = (-1, 0.0, False)


def _even(tree: dict[str, Any], question: _Question, scale: float, n_outputs: int) -> Tree:
    """A tree that asks one question a level; the last one makes the highest bit of the leaf."""
    asked = [question(split) for split in reversed(tree["splits"])]
    n_leaves = 2 ** len(asked)
    times = [*(2**level for level in range(len(asked))), n_leaves]
    feature, border, missing_left = (
        np.repeat(column, times) for column in zip(*asked, _NO_QUESTION, strict=True)
    )
    node = np.arange(2 * n_leaves - 1)
    left = np.where(node < n_leaves - 1, 2 * node + 1, -1)
    value = scale * np.reshape(tree["leaf_values"], (n_leaves, n_outputs))
    value = np.r_[np.zeros((n_leaves - 1, n_outputs)), value]
    return Tree(feature, border, left, left + 1, missing_left, value)


def _uneven(tree: dict[str, Any], question: _Question, scale: float, n_outputs: int) -> Tree:
    """A tree whose branches ask questions of their own."""
    nodes, left, right, asked = [tree], [], [], []
    for node in nodes:  # which grows
        inner = "split" in node
        asked.append(question(node["split"]) if inner else _NO_QUESTION)
        left.append(len(nodes) if inner else -1)
        right.append(len(nodes) + 1 if inner else -1)
        nodes += [node["left"], node["right"]] if inner else []
    value = np.array([np.ravel(node.get("value", np.zeros(n_outputs))) for node in nodes])
    feature, border, missing_left = (np.array(column) for column in zip(*asked, strict=True))
    return Tree(feature, border, np.array(left), np.array(right), missing_left, scale * value)
