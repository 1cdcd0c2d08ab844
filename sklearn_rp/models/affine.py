"""What affine steps in front of a model do to the noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import SelectorMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from sklearn_rp.exceptions import NotForMe
from sklearn_rp.models.inside import is_pipeline, unwrapped
from sklearn_rp.noise import noised_values
from sklearn_rp.rows import Rows, column_names, in_double, is_numeric


def unfold(
    estimator: Any, columns: np.ndarray, X: Rows
) -> tuple[Any, Callable[..., Any], np.ndarray]:
    """Split a fitted model into affine steps and what stands behind them.

    Returns
    -------
    model, transform, effect : tuple
        The last step; the steps before it as one function of rows; and what one unit of each noised
        feature adds to each input of the last step, shape (n_inputs, n_noised).

    Raises
    ------
    NotForMe
        If a step is not known to be affine in the noised features, those in `columns`.
    """
    effect = np.zeros((X.shape[1], len(columns)))
    effect[columns, np.arange(len(columns))] = 1.0
    steps: list[Any] = []
    model = unwrapped(estimator)
    names = column_names(X)
    while is_pipeline(model):
        if len(model) > 1:
            effect, names = _through(model[:-1], effect, names), None
            steps.append(model[:-1])
        model = unwrapped(model[-1])

    return model, partial(_transform, steps), effect


@dataclass(frozen=True, eq=False)
class Given:
    """The columns of rows that affine steps add up, and what size of numbers they make of them.

    A step may take the difference of large numbers: its error goes with these, and not with what is
    left (a PCA of a column of time stamps).

    Parameters
    ----------
    columns : ndarray of shape (n_columns,)
        Numeric columns that reach the model through affine steps.
    effect : ndarray of shape (n_inputs, n_columns)
        Absolute effect of one unit of each on each input of the last step.
    """

    columns: np.ndarray
    effect: np.ndarray

    @classmethod
    def by_steps(cls, estimator: Any, X: Rows) -> Given:
        """All numeric columns of `X`, but those that go through a step of another kind."""
        numeric = np.array([j for j in range(X.shape[1]) if is_numeric(X, j)], dtype=np.intp)
        try:
            return cls(numeric, np.abs(unfold(estimator, numeric, X)[2]))
        except NotForMe:
            parts = []
            for column in numeric:
                try:
                    parts.append((column, np.abs(unfold(estimator, np.array([column]), X)[2])))
                except NotForMe:
                    continue
        columns, effects = zip(*parts, strict=True)
        return cls(np.array(columns), np.concatenate(effects, axis=1))

    def of(self, X: Rows) -> np.ndarray:
        """Sum of the sizes of what each input is made of: shape (n_rows, n_inputs)."""
        size = np.abs(noised_values(X, self.columns).astype(np.float64))
        size[np.isnan(size)] = 0.0  # imputed, by a number of the column
        if (self.effect != 0).sum(axis=1).max(initial=0) <= 1:  # no input is a sum
            source, gain = self.effect.argmax(axis=1), self.effect.max(axis=1)
            return np.where(gain > 0, size[:, source] * gain, 0.0)
        return np.stack([(size * each).sum(axis=1) for each in self.effect], axis=1)


def dense_inputs(transform: Callable[[Rows], Any], X: Rows) -> np.ndarray:
    """What the last step reads, as an array."""
    inputs = transform(X)
    return np.asarray(inputs.toarray() if hasattr(inputs, "toarray") else inputs)


def unfold_axes(
    estimator: Any, columns: np.ndarray, X: Rows
) -> tuple[Any, Callable[..., Any], np.ndarray, np.ndarray]:
    """As `unfold`, where the steps keep noised features apart.

    Returns
    -------
    model, transform, source, gain : tuple
        For each input of the last step, the position of the one noised feature behind it (-1: none)
        and what one unit of that adds.

    Raises
    ------
    NotForMe
        If an input mixes noised features, or a noised feature reaches several inputs: their noise
        would not be independent.
    """
    model, transform, effect = unfold(estimator, columns, X)
    used = effect != 0
    if (used.sum(axis=1) > 1).any() or (used.sum(axis=0) > 1).any():
        raise NotForMe("the steps in front of the model do not keep the noised features apart")
    source = np.where(used.any(axis=1), used.argmax(axis=1), -1)
    return model, transform, source, effect.sum(axis=1)


def _transform(steps: list[Any], rows: Rows, *, double: bool = True) -> Any:
    """What the steps make of rows.

    With ``double=False`` in the precision of the rows, as the model itself reads them; a step may
    then write into them.
    """
    if steps and double:
        # A step may write into what it is given. And what it rounds of a row, before there is any
        # noise, moves with the row: the smoothed classifier would jump where the theory forbids.
        rows = in_double(rows)
    for step in steps:
        rows = step.transform(rows)
    return rows


def _through(step: Any, effect: np.ndarray, names: list[str] | None) -> np.ndarray:
    """Effect of the noised features behind one step.

    Raises
    ------
    NotForMe
        If it may not be affine in them.
    """
    step = unwrapped(step)
    if isinstance(step, str):
        return effect if step == "passthrough" else effect[:0]
    if step is None:
        return effect
    kind = type(step)  # a subclass may do anything
    unknown = NotForMe(f"the step {kind.__name__} is not known to be affine in the noised features")
    if not effect.any():
        # Whatever the step is, no noise reaches it; only the number of its outputs counts.
        if not hasattr(step, "get_feature_names_out"):
            raise unknown
        return np.zeros((len(step.get_feature_names_out()), effect.shape[1]))
    if kind is Pipeline:
        for _, inner in step.steps:
            effect, names = _through(inner, effect, names), None
        return effect
    weighted = getattr(step, "transformer_weights", None)
    if kind is FeatureUnion and not weighted:
        return np.concatenate([_through(each, effect, names) for _, each in step.transformer_list])
    if kind is ColumnTransformer and not weighted:
        return _through_columns(step, effect, names)
    found = None if weighted else _alone(step, kind, effect)
    if found is None:
        raise unknown
    return found


def _alone(step: Any, kind: type, effect: np.ndarray) -> np.ndarray | None:
    """Effect behind a step that holds no others; None if it may not be affine."""
    if getattr(step, "clip", False):
        return None
    if kind in (StandardScaler, RobustScaler, MaxAbsScaler):
        scale = getattr(step, "scale_", None)
        return effect if scale is None else effect / scale[:, None]
    if kind is MinMaxScaler:
        return effect * step.scale_[:, None]
    if kind is PCA:
        outcome = step.components_ @ effect
        return outcome / np.sqrt(step.explained_variance_)[:, None] if step.whiten else outcome
    if kind is TruncatedSVD:
        return step.components_ @ effect
    if kind is FunctionTransformer:
        return effect if step.func is None else None
    if kind is SimpleImputer:
        # The identity on noised features, which are finite; a column without a value is dropped.
        numbers = step.statistics_.dtype.kind == "f"
        missing_is_nan = isinstance(step.missing_values, float) and np.isnan(step.missing_values)
        dropped = not numbers or np.isnan(step.statistics_).any()
        return effect if missing_is_nan and not step.add_indicator and not dropped else None
    if getattr(kind, "transform", None) is SelectorMixin.transform:
        return effect[step.get_support()]
    return None


def _through_columns(
    step: ColumnTransformer, effect: np.ndarray, names: list[str] | None
) -> np.ndarray:
    n_outputs = max(part.stop or 0 for part in step.output_indices_.values())
    out = np.zeros((n_outputs, effect.shape[1]))
    # The transformer goes by the columns that it was fitted on, wherever they stand now.
    fitted = list(getattr(step, "feature_names_in_", [])) or names
    place = np.arange(len(effect))
    if names is not None and fitted is not None and names != fitted:
        if not set(fitted) <= set(names):
            raise NotForMe("a ColumnTransformer was fitted on other columns")
        place = np.array([names.index(name) for name in fitted])
    for name, inner, selected in step.transformers_:
        where = step.output_indices_[name]
        if where.stop == where.start:
            continue
        part = effect[place[_positions(selected, len(place), fitted)]]
        if not part.any():
            continue
        sub = _through(inner, part, None)
        if len(sub) != where.stop - where.start:
            raise NotForMe(f"the step {name!r} of a ColumnTransformer is not what it was fitted as")
        out[where] = sub
    return out


def _positions(selected: Any, n_features: int, names: list[str] | None) -> np.ndarray:
    """Positions of the columns that a fitted ColumnTransformer names."""
    if isinstance(selected, slice):
        if isinstance(selected.start, str) or isinstance(selected.stop, str):
            known = names or []
            low = known.index(selected.start) if selected.start is not None else 0
            high = known.index(selected.stop) + 1 if selected.stop is not None else n_features
            return np.arange(low, high)
        return np.arange(n_features)[selected]
    selected = [selected] if isinstance(selected, str | int) else list(selected)
    if selected and all(isinstance(s, bool | np.bool_) for s in selected):
        return np.flatnonzero(selected)
    known = names or []
    return np.array(
        [known.index(s) if isinstance(s, str) else int(s) % n_features for s in selected],
        dtype=np.intp,
    )
