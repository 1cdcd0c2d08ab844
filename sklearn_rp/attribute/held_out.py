"""What models that were not fitted on a row answer along its sensitive features."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import check_array, get_tags
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_consistent_length, column_or_1d

from sklearn_rp.attribute.bins import Draft
from sklearn_rp.feature import Category
from sklearn_rp.models.asking import at_each
from sklearn_rp.models.inside import cloned
from sklearn_rp.models.items import ItemScores
from sklearn_rp.models.labels import encode, fit_in_labels, in_labels, labels_of, probabilities_of
from sklearn_rp.ranking import dense
from sklearn_rp.rows import Rows, column_values, is_numeric, sample_positions, take_rows
from sklearn_rp.validation import check_target

_READ = 500  # training rows at which a model is read
_FOLDS = 3
_CLASSES = 20  # distinct numbers in y: up to so many, they are taken for labels


def answers_along(estimator: Any, X: Rows, y: Any, drafts: list[Draft]) -> list[np.ndarray]:
    """How a model's answers go together along each feature, as `Draft.groups` takes it.

    It is the `model` of an AttributeCoarsener. Each training row that is read has an answer of a
    model that was not fitted on it.
    """
    y, classes = _target(estimator, X, y)
    grams = [np.zeros((len(draft.cells),) * 2) for draft in drafts]
    if len(np.unique(y)) < 2:
        return grams
    model, rows = estimator.model, X
    values = [draft.feature.held(draft.cells.at)[:, None] for draft in drafts]
    if model is None:
        model, rows = _default(y, classes), _in_numbers(X, drafts)
        values = [draft.cells.at[:, None] for draft in drafts]
    for fitted, asked in _held_out(model, rows, X, y, classes, drafts):
        some, ask = take_rows(rows, asked), partial(_answer, fitted, classes=classes)
        for draft, gram, each in zip(drafts, grams, values, strict=True):
            mass = draft.mass[:, None]
            n_outputs = y.shape[1] if y.ndim > 1 else 0
            for _, answer in at_each(ask, some, draft.feature.columns, each, 2 * n_outputs):
                sums = (answer - (answer * mass).sum(axis=1, keepdims=True)) * mass
                gram += np.einsum("nkc,nlc->kl", sums, sums, optimize=True)
    return grams


def _held_out(
    model: Any,
    rows: Rows,
    X: Rows,
    y: np.ndarray,
    classes: np.ndarray | None,
    drafts: list[Draft],
) -> Iterator[tuple[Any, np.ndarray]]:
    """Fitted models, and positions of rows that they were not fitted on."""
    # One row of each category is always fitted on: an encoder has to know them all.
    always = [
        np.unique(draft.feature.values(X), return_index=True)[1]
        for draft in drafts
        if isinstance(draft.feature, Category)
    ]
    read = np.setdiff1d(sample_positions(X, _READ), np.concatenate([*always, []]))
    for left_out in _folds(y, classes):
        asked = np.intersect1d(read, left_out)
        fitted_on = np.setdiff1d(np.arange(X.shape[0]), asked)
        if not len(asked) or len(np.unique(y[fitted_on])) < 2:
            continue  # nothing to read, or a constant answer
        some = take_rows(rows, fitted_on)
        if y.ndim > 1:
            yield ItemScores(model).fit(some, y[fitted_on]), asked
        else:
            yield fit_in_labels(cloned(model), some, y[fitted_on], {}), asked


def _default(y: np.ndarray, classes: np.ndarray | None) -> Any:
    """A model that needs no settings."""
    if y.ndim > 1:
        return RandomForestRegressor(50, min_samples_leaf=20, random_state=0)
    if classes is None:
        return HistGradientBoostingRegressor(random_state=0)
    return HistGradientBoostingClassifier(random_state=0)


def _target(estimator: Any, X: Rows, y: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """The target, and its classes; None where it is a number."""
    kind = None if estimator.model is None else get_tags(estimator.model).estimator_type
    if kind not in (None, "classifier", "regressor"):
        raise ValueError(
            f"model={estimator.model!r} is a {kind}: a classifier or a regressor is needed."
        )
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target y is None: "
            "strategy='optimal' looks at it. Use 'uniform' or 'quantile' without."
        )
    if np.asarray(dense(y)).shape[1:] > (1,):  # a label matrix, or numbers of several items
        check_consistent_length(X, y)
        return check_array(dense(y), dtype=np.float64, input_name="y"), None
    if kind is None:
        values = column_or_1d(y, warn=True)
        many = values.dtype.kind in "iuf" and len(np.unique(values)) > _CLASSES
        kind = "regressor" if many or type_of_target(values) == "continuous" else "classifier"
    if kind == "classifier":
        y = check_target(estimator, X, y)
        return y, np.unique(y)
    check_consistent_length(X, y)
    y = column_or_1d(y, warn=True)
    return check_array(y, ensure_2d=False, dtype="numeric", input_name="y"), None


def _folds(y: np.ndarray, classes: np.ndarray | None) -> list[np.ndarray]:
    """Positions of the rows of each fold."""
    rare = classes is None or np.unique(y, return_counts=True)[1].min() < _FOLDS
    kind = KFold if rare else StratifiedKFold
    folds = kind(min(_FOLDS, len(y)), shuffle=True, random_state=0)
    return [left_out for _, left_out in folds.split(y, y)]


def _in_numbers(X: Rows, drafts: list[Draft]) -> np.ndarray:
    """Rows as an array of numbers: text, categories and the like by code."""
    columns = []
    for j in range(X.shape[1]):
        values = column_values(X, j)
        numbers = is_numeric(X, j)
        columns.append(values.astype(np.float64) if numbers else pd.factorize(values)[0])
    out = np.column_stack(columns).astype(np.float64)
    for draft in drafts:
        out[:, draft.feature.column] = draft.feature.values(X)
    return out


def _answer(model: Any, X: Rows, *, classes: np.ndarray | None) -> np.ndarray:
    """What a model says: a number, or a probability for each class; shape (n_rows, n_outputs)."""
    if classes is None:
        return np.asarray(model.predict(X), dtype=np.float64).reshape(X.shape[0], -1)
    if not hasattr(model, "predict_proba"):
        return np.eye(len(classes))[encode(labels_of(model, X), classes)]
    probability = np.zeros((X.shape[0], len(classes)))
    known = np.asarray(getattr(in_labels(model), "classes_", classes))  # a fold may lack some
    probability[:, encode(known, classes)] = probabilities_of(model, X, len(known))
    return probability
