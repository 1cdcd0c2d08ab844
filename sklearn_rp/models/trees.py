"""Trees that scikit-learn grew, and the one reader of all trees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

from sklearn_rp._compat import hist_gradient_boosting_nodes, hist_gradient_boosting_start
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.boosters import catboost, lightgbm, xgboost
from sklearn_rp.models.tables import (
    Tree,
    TreeTable,
    float32_edges,
    placed,
    side_by_side,
    stacked,
)

TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)
FORESTS = (
    RandomForestClassifier,
    RandomForestRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
)


def read_trees(model: Any) -> TreeTable:
    """Read the trees of a fitted model.

    Raises
    ------
    NotForMe
        If it is not made of trees, or its fitted form is not understood.
    """
    kind = type(model)  # a subclass, or another meta-estimator, may read its input in any way
    reader = _READERS.get((kind.__module__.split(".")[0], kind.__name__))
    if reader is None:
        raise NotForMe(f"{kind.__name__} is not known to change at thresholds alone")
    try:
        return reader(model)
    except NotForMe as reason:
        raise NotForMe(f"{kind.__name__} {reason}") from None
    except Exception as error:  # another package, in a version of its own
        raise NotForMe(f"{kind.__name__} cannot be read: {error!r}") from error


def _of_trees(
    members: Any, values: Callable[[Any, int], np.ndarray | None], **rest: Any
) -> TreeTable:
    """Table of fitted scikit-learn trees; `values` says what the nodes of each contribute."""
    members = np.ravel(np.asarray(members, dtype=object)).tolist()
    other = {type(member).__name__ for member in members if type(member) not in TREES}
    if other:
        raise NotForMe(f"holds {', '.join(sorted(other))}")
    subsets = rest.pop("subsets", None)
    trees = []
    for k, member in enumerate(members):
        tree, feature = member.tree_, member.tree_.feature
        if subsets is not None:
            feature = np.where(feature < 0, -1, np.asarray(subsets[k])[feature])
        trees.append(
            Tree(
                feature,
                tree.threshold,
                tree.children_left,
                tree.children_right,
                tree.missing_go_to_left,
                values(member, k),
            )
        )
    return stacked(trees, float32_edges, **rest)


def _values(member: Any, _: int = 0) -> np.ndarray | None:
    """Shares of the classes, or the mean, in each node; of several outputs the share of 1."""
    value = member.tree_.value
    if member.n_outputs_ == 1:
        return value[:, 0, :]
    if not hasattr(member, "classes_"):
        return value[:, :, 0]
    share = value / value.sum(axis=2, keepdims=True)
    found = np.zeros(share.shape[:2])
    for j, classes in enumerate(member.classes_):
        (place,) = np.nonzero(np.asarray(classes) == 1)
        if len(place):
            found[:, j] = share[:, j, place[0]]
    return found


def _tree(model: Any) -> TreeTable:
    return _of_trees([model], _values, combine="mean")


def _forest(model: Any) -> TreeTable:
    return _of_trees(model.estimators_, _values, combine="mean")


def _bagging(model: Any) -> TreeTable:
    def values(member: Any, k: int) -> np.ndarray | None:
        value = _values(member)
        if value is None or not hasattr(model, "classes_"):
            return value
        return placed(value, member.classes_.astype(np.intp), len(model.classes_))

    subsets = model.estimators_features_  # it draws features
    return _of_trees(model.estimators_, values, combine="mean", subsets=subsets)


def _adaboost(model: Any) -> TreeTable:
    weight = model.estimator_weights_ / model.estimator_weights_.sum()

    def values(member: Any, k: int) -> np.ndarray | None:
        if not hasattr(model, "classes_"):  # a median
            return None
        n_classes = len(model.classes_)
        place = np.searchsorted(model.classes_, member.classes_)
        vote = place[member.tree_.value[:, 0, :].argmax(axis=1)]
        return weight[k] * np.where(np.eye(n_classes)[vote] > 0, 1.0, -1 / max(n_classes - 1, 1))

    return _of_trees(model.estimators_, values)


def _gradient_boosting(model: Any) -> TreeTable:
    if model.init is not None and not isinstance(model.init, str):
        raise NotForMe(f"starts from another model, init={model.init!r}")
    n_outputs = np.shape(model.estimators_)[1]

    def values(member: Any, k: int) -> np.ndarray:
        value = model.learning_rate * member.tree_.value[:, :, 0]
        return value if n_outputs == 1 else placed(value, [k % n_outputs], n_outputs)

    return _of_trees(model.estimators_, values, start=_prior_score(model))


def _prior_score(model: Any) -> Any:
    """What gradient boosting starts from: the score of the shares of the classes, or a constant."""
    if model.init == "zero":
        return 0.0
    if not hasattr(model, "classes_"):
        return np.ravel(model.init_.constant_)
    eps = np.finfo(np.float32).eps
    share = np.clip(model.init_.class_prior_, eps, 1 - eps)
    if len(share) == 2:
        return special.logit(share[1:]) * (0.5 if model.loss == "exponential" else 1.0)
    return np.log(share) - np.log(share).mean()


def _hist_gradient_boosting(model: Any) -> TreeTable:
    if model.is_categorical_ is not None:  # its trees then number the features anew
        raise NotForMe("has categorical features")
    start = hist_gradient_boosting_start(model)
    trees = []
    for k, nodes in enumerate(hist_gradient_boosting_nodes(model)):
        leaf = nodes["is_leaf"] > 0
        trees.append(
            Tree(
                nodes["feature_idx"].astype(np.intp),
                nodes["num_threshold"].astype(np.float64),
                np.where(leaf, -1, nodes["left"].astype(np.intp)),
                nodes["right"].astype(np.intp),
                nodes["missing_go_to_left"],
                placed(nodes["value"][:, None], [k % len(start)], len(start)),
            )
        )
    return stacked(trees, np.asarray, start=start)


def _one_for_each(model: Any) -> TreeTable:
    return side_by_side([read_trees(each) for each in model.estimators_])


_READERS: dict[tuple[str, str], Callable[[Any], TreeTable]] = {
    **{("sklearn", kind.__name__): _tree for kind in TREES},
    **{("sklearn", kind.__name__): _forest for kind in FORESTS},
    **{("sklearn", f"Bagging{kind}"): _bagging for kind in ("Classifier", "Regressor")},
    **{("sklearn", f"AdaBoost{kind}"): _adaboost for kind in ("Classifier", "Regressor")},
    ("sklearn", "MultiOutputClassifier"): _one_for_each,
    ("sklearn", "MultiOutputRegressor"): _one_for_each,
    ("sklearn", "GradientBoostingClassifier"): _gradient_boosting,
    ("sklearn", "GradientBoostingRegressor"): _gradient_boosting,
    ("sklearn", "HistGradientBoostingClassifier"): _hist_gradient_boosting,
    ("sklearn", "HistGradientBoostingRegressor"): _hist_gradient_boosting,
    ("lightgbm", "LGBMClassifier"): lightgbm,
    ("lightgbm", "LGBMRegressor"): lightgbm,
    ("xgboost", "XGBClassifier"): xgboost,
    ("xgboost", "XGBRFClassifier"): xgboost,
    ("xgboost", "XGBRegressor"): xgboost,
    ("xgboost", "XGBRFRegressor"): xgboost,
    ("catboost", "CatBoostClassifier"): catboost,
    ("catboost", "CatBoostRegressor"): catboost,
}
