"""Where tree models change: along their inputs, and along the features in front of the steps.

Along one feature, the others fixed, a tree model changes at its thresholds alone. They are read
from what was fitted, and an edge is right to the last bit: it is the largest double of the feature
at which the model, steps included, still takes the lower side.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)
from sklearn.utils import gen_batches

from sklearn_rp._compat import hist_gradient_boosting_nodes
from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.affine import dense_inputs, unfold_axes
from sklearn_rp.models.inside import last_step
from sklearn_rp.rows import (
    Rows,
    column_values,
    is_frame,
    is_numeric,
    names_of,
    replace_columns,
    rows_per_chunk,
    sample_rows,
    take_rows,
)

_TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)
_ENSEMBLES = (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    RandomForestClassifier,
)
MOST_EDGES = 4096  # beyond, a model's own thresholds are too many to visit for every row
_WIDENINGS = 8  # of the bracket around where an edge is thought to be, by 2**6 each
_TRIED = 16  # columns at most that are given other values
_LIGHTGBM_ZERO = float(np.float32(1e-35))  # what is not farther from 0 than this, it reads as 0


@dataclass(eq=False)
class Splits:
    """All splits of a tree model.

    Parameters
    ----------
    feature : ndarray of int of shape (n_splits,)
        The input that each of them asks about; negative for none.
    edge : ndarray of shape (n_splits,)
        The largest double of that input that goes to the lower side.
    unread : dict from int to str
        Inputs that are told apart in another way too, and which.
    """

    feature: np.ndarray
    edge: np.ndarray
    unread: dict[int, str] = field(default_factory=dict)

    def along(self, position: int) -> np.ndarray:
        """Sorted edges of one input.

        Raises
        ------
        NotForMe
            If the model tells values of this input apart in another way than by thresholds.
        """
        if position in self.unread:
            raise NotForMe(f"input {position} of the model is read by {self.unread[position]}")
        edges = self.edge[self.feature == position]
        # Where missing values alone are told apart, the threshold is infinite.
        return np.unique(edges[np.isfinite(edges)])


def float32_edges(threshold: np.ndarray) -> np.ndarray:
    """Largest double ``x`` with ``float32(x) <= threshold``: shape of `threshold`.

    scikit-learn's trees read float32. The largest float32 that passes is ``f``; a double rounds to
    it up to the middle between ``f`` and the next float32, and the middle itself to the even one.

    Examples
    --------
    >>> threshold = np.array([0.1])
    >>> edge = float32_edges(threshold)
    >>> edge.astype(np.float32) <= threshold
    array([ True])
    >>> np.nextafter(edge, 1).astype(np.float32) <= threshold
    array([False])
    """
    threshold = np.asarray(threshold, dtype=np.float64)
    single = threshold.astype(np.float32)
    single = np.where(single > threshold, np.nextafter(single, np.float32(-np.inf)), single)
    after = np.nextafter(single, np.float32(np.inf))
    middle = (single.astype(np.float64) + after.astype(np.float64)) / 2
    above = middle.astype(np.float32) > threshold
    return np.where(above, np.nextafter(middle, -np.inf), middle)


def splits(model: Any) -> Splits:
    """Read the splits of a fitted tree model.

    Parameters
    ----------
    model : fitted classifier
        Anything.

    Returns
    -------
    splits : Splits

    Raises
    ------
    NotForMe
        If it is no tree model, or not one whose fitted form is understood.
    """
    kind = type(model)  # a subclass, or another meta-estimator, may read its input in any way
    if kind in _TREES:
        return Splits(model.tree_.feature, float32_edges(model.tree_.threshold))
    if kind in _ENSEMBLES:
        return _ensemble(model)
    reader = _READERS.get((kind.__module__.split(".")[0], kind.__name__))
    if reader is None:
        raise NotForMe(f"{kind.__name__} is not known to change at thresholds alone")
    try:
        return reader(model)
    except NotForMe as reason:
        raise NotForMe(f"{kind.__name__} {reason}") from None
    except Exception as error:  # another package, in a version of its own
        raise NotForMe(f"{kind.__name__} cannot be read: {error!r}") from error


def _ensemble(model: Any) -> Splits:
    name = type(model).__name__
    start = getattr(model, "init", None)
    if start is not None and not isinstance(start, str):
        raise NotForMe(f"{name} starts from another model, init={start!r}")
    members = np.ravel(np.asarray(model.estimators_, dtype=object)).tolist()
    other = {type(member).__name__ for member in members if type(member) not in _TREES}
    if other:
        raise NotForMe(f"{name} holds {', '.join(sorted(other))}")
    trees = [member.tree_ for member in members]
    features = [tree.feature for tree in trees]
    subsets = getattr(model, "estimators_features_", None)  # bagging draws features
    if subsets is not None:
        features = [
            np.where(feature < 0, -1, np.asarray(subset)[feature])
            for feature, subset in zip(features, subsets, strict=True)
        ]
    edge = float32_edges(np.concatenate([tree.threshold for tree in trees]))
    return Splits(np.concatenate(features), edge)


def _hist_gradient_boosting(model: HistGradientBoostingClassifier) -> Splits:
    if model.is_categorical_ is not None:  # its trees then number the features anew
        raise NotForMe("has categorical features")
    nodes = np.concatenate(hist_gradient_boosting_nodes(model))
    nodes = nodes[nodes["is_leaf"] == 0]
    return Splits(nodes["feature_idx"].astype(np.intp), nodes["num_threshold"].astype(np.float64))


def _lightgbm(model: Any) -> Splits:
    """The text of the booster: parameters have aliases, and text cannot fail to be parsed."""
    found: dict[str, list[str]] = {"split_feature": [], "threshold": [], "decision_type": []}
    for line in model.booster_.model_to_string(num_iteration=-1).splitlines():
        key, _, text = line.partition("=")
        if key == "is_linear" and text.strip() != "0":
            raise NotForMe("has linear models in its leaves")
        if key in found:
            found[key].append(text)
        if line == "end of trees":
            break
    numbers = [np.array(" ".join(texts).split(), dtype=np.float64) for texts in found.values()]
    feature, edge, decision = numbers[0].astype(np.intp), numbers[1], numbers[2].astype(np.intp)
    # Bit 0: by category; bits 2 and 3: what is missing, 0 nothing, 1 the value 0, 2 NaN.
    unread = dict.fromkeys(feature[decision >> 2 & 3 == 1].tolist(), "taking 0 for missing")
    unread |= dict.fromkeys(feature[decision & 1 == 1].tolist(), "category")
    near = np.abs(edge) <= _LIGHTGBM_ZERO
    edge = np.where(near & (edge < 0), np.nextafter(-_LIGHTGBM_ZERO, -np.inf), edge)
    edge = np.where(near & (edge >= 0), _LIGHTGBM_ZERO, edge)
    return Splits(feature, edge, unread)


def _xgboost(model: Any) -> Splits:
    """The saved model, as text dumps round; it goes left where ``float32(x) < split``."""
    gap = model.get_params().get("missing", np.nan)
    if gap is not None and not np.isnan(gap):
        raise NotForMe(f"takes the value {gap!r} for missing")
    learner = json.loads(bytes(model.get_booster().save_raw("json")))["learner"]
    booster = learner["gradient_booster"]
    trees = booster.get("gbtree", booster)["model"].get("trees")  # dart holds a gbtree
    if trees is None:
        raise NotForMe(f"has booster={booster.get('name')!r}, which is not made of trees")
    if not trees:
        return Splits(np.empty(0, dtype=np.intp), np.empty(0))
    parts = []
    for tree in trees:
        inner = np.asarray(tree["left_children"]) != -1
        parts.append(
            [
                np.asarray(tree[key])[: len(inner)][inner]
                for key in ("split_indices", "split_conditions", "split_type")
            ]
        )
    feature, split, kind = (np.concatenate(part) for part in zip(*parts, strict=True))
    below = np.nextafter(split.astype(np.float32), np.float32(-np.inf))
    unread = dict.fromkeys(feature[kind != 0].tolist(), "category")
    return Splits(feature.astype(np.intp), float32_edges(below), unread)


_READERS: dict[tuple[str, str], Callable[[Any], Splits]] = {
    ("sklearn", "HistGradientBoostingClassifier"): _hist_gradient_boosting,
    ("lightgbm", "LGBMClassifier"): _lightgbm,
    ("xgboost", "XGBClassifier"): _xgboost,
    ("xgboost", "XGBRFClassifier"): _xgboost,
}


def known_edges(estimator: Any, columns: np.ndarray, X: Rows) -> list[np.ndarray]:
    """Edges of the cells of some features, each in its own unit.

    Parameters
    ----------
    estimator : fitted classifier
        Possibly behind steps.
    columns : ndarray of int of shape (n_noised,)
        Positions of the features.
    X : ndarray or frame of shape (n_rows, n_features)
        Rows that the steps are tried on.

    Returns
    -------
    edges : list of ndarray
        For each feature, sorted: the largest double on the lower side of each change.

    Raises
    ------
    NotForMe
        If they are not known.
    """
    try:
        model, transform, source, gain = unfold_axes(estimator, columns, X)
    except NotForMe as reason:
        raise NotForMe(
            "a step in front of the model is not known to keep the features apart"
        ) from reason
    found = splits(model)
    answer: list[np.ndarray] = []
    for k, column in enumerate(columns):
        position = np.flatnonzero(source == k)
        if not len(position):
            answer.append(np.empty(0))
            continue
        j = int(position[0])
        edges = found.along(j)
        if len(edges) > MOST_EDGES:
            raise NotForMe(f"the model has {len(edges)} thresholds along {names_of(X)[column]!s}")
        answer.append(_in_front(edges, partial(_input, transform, int(column), j), gain[j], X))
    return answer


def _input(
    transform: Callable[..., Any], column: int, position: int, X: Rows, x: np.ndarray
) -> np.ndarray:
    """One input of the model, for rows whose feature in a column is replaced by `x`."""
    answer = []
    for some in gen_batches(len(x), rows_per_chunk(2 * X.shape[1])):
        rows = take_rows(X, np.arange(some.start, some.stop) % X.shape[0])
        copies = replace_columns(rows, np.array([column]), x[some, None].copy(), 1)
        inputs = transform(copies, double=False)
        if is_frame(inputs):
            answer.append(column_values(inputs, position).astype(np.float64))
        else:
            here = inputs[:, [position]]
            here = here.toarray() if hasattr(here, "toarray") else np.asarray(here)
            answer.append(here.ravel().astype(np.float64))
    return np.concatenate(answer)


def _in_front(
    edges: np.ndarray, read: Callable[[Rows, np.ndarray], np.ndarray], gain: float, X: Rows
) -> np.ndarray:
    """Edges of the feature from edges of the input that it becomes: sorted.

    The steps are asked, not inverted: what they round is theirs.
    """
    if not len(edges):
        return edges
    row = take_rows(X, slice(0, 1))
    origin = read(row, np.zeros(1))[0]
    unchanged = gain == 1 and origin == 0  # no step: not a bit may be lost
    with np.errstate(over="ignore"):
        guess = edges if unchanged else (edges - origin) / gain
    if not np.isfinite(guess).all():
        raise NotForMe("a threshold of the model is beyond all doubles in front of the steps")
    # Where the gain is negative, the lower side of the feature is the upper one of the input.
    lower = (lambda z, t: z <= t) if gain > 0 else (lambda z, t: z > t)

    def below(rows: Rows, x: np.ndarray, which: np.ndarray) -> np.ndarray:
        return lower(read(rows, x), edges[which])

    every = np.arange(len(edges))
    found = guess.copy()
    both = below(row, np.r_[guess, np.nextafter(guess, np.inf)], np.r_[every, every])
    left = np.flatnonzero(~both[: len(edges)] | both[len(edges) :])
    if len(left):
        size = np.spacing(np.abs(guess[left]) + abs(origin / gain))
        found[left] = _bisect(lambda x, k: below(row, x, left[k]), guess[left], size)
    # In other rows, too: an input may depend on more than this feature.
    both = below(X, np.r_[found, np.nextafter(found, np.inf)], np.r_[every, every])
    if not both[: len(edges)].all() or both[len(edges) :].any():
        raise NotForMe("what the steps make of the feature depends on other features")
    return np.unique(found)


def _bisect(
    below: Callable[[np.ndarray, np.ndarray], np.ndarray], guess: np.ndarray, size: np.ndarray
) -> np.ndarray:
    """Largest doubles at which `below` holds, near where they are thought to be.

    In the order of the doubles, so that values near zero are found as quickly as any.
    """
    every = np.arange(len(guess))
    low, high = guess.copy(), guess.copy()
    for widening in range(_WIDENINGS):
        reach = 4 * size * 2.0 ** (6 * widening)
        low, high = guess - reach, guess + reach
        inside = below(np.r_[low, high], np.r_[every, every])
        if inside[: len(guess)].all() and not inside[len(guess) :].any():
            break
    else:
        raise NotForMe("a threshold of the model is crossed nowhere in front of the steps")
    a, b = _number(low), _number(high)
    while True:
        active = np.flatnonzero(b - 1 > a)
        if not len(active):
            return _double(a)
        middle = (a[active] >> 1) + (b[active] >> 1) + (a[active] & b[active] & 1)
        holds = below(_double(middle), active)
        a[active] = np.where(holds, middle, a[active])
        b[active] = np.where(holds, b[active], middle)


def _number(x: np.ndarray) -> np.ndarray:
    """Doubles, numbered in their order; 0 is number 0."""
    bits = np.abs(x).view(np.int64)
    return np.where(x < 0, -bits, bits)


def _double(number: np.ndarray) -> np.ndarray:
    x = np.abs(number).view(np.float64)
    return np.where(number < 0, -x, x)


def trial_rows(estimator: Any, noised: np.ndarray, X: Rows, most: int) -> Rows:
    """Rows to try a reading on: as many, however few are handed in.

    A quarter of them at least are not rows of `X`: columns that no noise is added to, and that
    reach the model through affine steps alone, take values of other rows, values near them, and
    values on both sides of the model's thresholds.

    Parameters
    ----------
    estimator : fitted classifier
        The model.
    noised : ndarray of int of shape (n_noised,)
        Positions of the noised features.
    X : ndarray or frame of shape (n_rows, n_features)
        Checked rows.
    most : int
        How many.

    Returns
    -------
    rows : same kind as `X`
        Rows of `X` first.
    """
    own = sample_rows(X, most - most // 4)
    rng = np.random.default_rng(0)
    n_own, n_new = own.shape[0], most - own.shape[0]
    rows = take_rows(own, np.r_[np.arange(n_own), np.arange(n_new) % n_own])
    try:
        found = splits(last_step(estimator))
    except NotForMe:
        found = Splits(np.empty(0, dtype=np.intp), np.empty(0))
    columns, parts = [], []
    for column in rng.permutation(np.setdiff1d(np.arange(X.shape[1]), noised))[:_TRIED]:
        if not is_numeric(X, int(column)):
            continue
        values = column_values(rows, int(column)).astype(np.float64)
        there = np.flatnonzero(np.isfinite(values[:n_own]))
        try:
            one = unfold_axes(estimator, np.array([column]), X)
        except NotForMe:
            continue
        if not len(there):
            continue
        first = take_rows(own, there[:1])
        edges = _nearly(found, first, values[there[0]], *one)
        values[n_own:] = _others(values[there], edges, n_new, rng)
        columns.append(column)
        parts.append(values)
    return replace_columns(rows, np.array(columns), np.stack(parts, axis=1), 1) if parts else rows


def _others(
    known: np.ndarray, edges: np.ndarray | None, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Other values of a feature: known ones, and, where `edges` is not None, any."""
    new = rng.choice(known, n)
    if edges is None:
        return new
    size = max(float(known.std()), 0.1 * float(np.abs(known).max()), 1e-3)
    # One row alone says little of the range: far beyond it, too.
    new += size * rng.choice([0.0, 1.0, 10.0, 100.0], n) * rng.normal(size=n)
    if not len(edges):
        return new
    beside = rng.choice(edges, n) + size * rng.choice([-1e-3, 1e-3], n)
    return np.where(rng.random(n) < 0.5, beside, new)


def _nearly(
    found: Splits,
    row: Rows,
    x: float,
    model: Any,
    transform: Callable[..., Any],
    source: np.ndarray,
    gain: np.ndarray,
) -> np.ndarray | None:
    """About where a feature, `x` in `row`, crosses the splits; None if it is a code."""
    position = np.flatnonzero(source == 0)
    if not len(position):
        return np.empty(0)
    j = int(position[0])
    if j in found.unread:
        return None
    origin = float(dense_inputs(transform, row)[0, j])
    return x + (found.along(j) - origin) / gain[j]
