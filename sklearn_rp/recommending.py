"""What the recommenders share: targets with many items, and items that must not be named."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import get_tags
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from sklearn_rp._compat import Interval
from sklearn_rp.models.items import ItemScores
from sklearn_rp.models.labels import gives_numbers
from sklearn_rp.ranking import dense, precision_at_k_score
from sklearn_rp.rows import Rows, index_of, is_frame, is_pandas, missing
from sklearn_rp.rules import TopItems
from sklearn_rp.validation import check_target
from sklearn_rp.wrapper import Wrapper

_SHOWN = 5  # rows that are named in an error


def _default() -> Any:
    return RandomForestClassifier(random_state=0)


def _fit_scores(model: Any, X: Any, y: np.ndarray, params: dict[str, Any]) -> Any:
    return model.fit(X, y, **params)


class RecommenderWrapper(Wrapper):
    """Base of the estimators that fit a model of items and release lists of the best."""

    n_recommended: Any
    ordered: Any
    items_: np.ndarray

    _kind = "recommender"
    _default = staticmethod(_default)
    _fit_model = staticmethod(_fit_scores)
    _columns: Any = None  # names of the items, of a label matrix

    _parameter_constraints: dict = Wrapper._parameter_constraints | {
        "n_recommended": [Interval(Integral, 1, None, closed="left")],
        "ordered": ["boolean"],
    }

    def _answering(self, model: Any) -> Any:
        return ItemScores(model)

    def _check_model(self, estimator: Any) -> None:
        kind = get_tags(estimator).estimator_type
        if kind == "recommender" and not hasattr(estimator, "decision_function"):
            raise ValueError(
                f"estimator={estimator!r} recommends items and gives no scores: wrap the model "
                "inside it."
            )
        if kind not in (None, "classifier", "regressor", "recommender"):
            raise ValueError(
                f"estimator={estimator!r} is a {kind}: items are scored by a classifier, by one of "
                "label matrices, or by a regressor of several outputs."
            )

    def _target(self, X: Rows, y: Any) -> np.ndarray:
        """Labels, or a matrix with a column for each item."""
        self._columns = None
        shape = np.asarray(dense(y)).shape
        if len(shape) < 2 or (shape[1] == 1 and not issparse(y)):
            if y is not None and gives_numbers(self._given()):
                raise ValueError(
                    f"y has shape {shape}, which is not allowed with the regressor "
                    f"{self._given()!r}: give a matrix with the numbers of each item in a column, "
                    "or wrap a classifier."
                )
            return check_target(self, X, y)
        check_consistent_length(X, y)
        names = np.asarray(y.columns) if hasattr(y, "columns") else None
        if names is not None and len(set(names.tolist())) < len(names):
            raise ValueError("y has several columns of one name: items must be unique.")
        matrix = check_array(dense(y), dtype=None, input_name="y")
        if matrix.dtype.kind not in "iufb":
            raise ValueError(
                f"y holds {matrix.dtype.name} values: give a label for each row, or a matrix of 0 "
                "and 1 with a column for each item."
            )
        if not gives_numbers(self._given()):
            strange = np.setdiff1d(matrix, (0, 1))
            if len(strange):
                raise ValueError(
                    f"y holds {strange.tolist()[:5]}, but a matrix for a classifier holds 0 and 1: "
                    "whether an item is wanted. Give (y >= threshold).astype(int), or wrap a "
                    "regressor, which takes any numbers."
                )
            matrix = matrix.astype(np.int64)
        self._columns = names
        return matrix

    def _check_varied(self, y: np.ndarray) -> None:
        """Refuse a target that there is nothing to tell apart in."""
        n_items = len(np.unique(y)) if y.ndim == 1 else y.shape[1]
        if n_items < 2:
            raise ValueError(
                f"y holds {n_items} item, one class: there is nothing to choose. Give at least two "
                "items."
            )
        if y.ndim > 1 and (y == y[:1]).all():
            raise ValueError(
                f"all {len(y)} rows of y are equal (n_samples={len(y)}): there is nothing to "
                "learn. Give rows with different items."
            )

    def _best_of(self, base: ItemScores) -> TopItems:
        """Which items are named; and what they are called."""
        names = self._columns
        if names is not None and len(names) != base.n_items_:
            raise ValueError(
                f"y has {len(names)} columns, but the fitted model scores {base.n_items_} items: "
                "give a column for each."
            )
        self.items_ = base.items_ if names is None else names
        n_items, k = base.n_items_, self.n_recommended
        if k > n_items:
            raise ValueError(
                f"n_recommended={k} is not allowed: there are {n_items} items. Give at most as "
                "many."
            )
        self._best_items = TopItems(int(k), bool(self.ordered) and k > 1, base.of_labels_)
        return self._best_items

    def score(self, X, y, sample_weight=None):
        """Precision at k: share of the recommended items that are relevant.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_items)
            The relevant item of each row, or a matrix with a column for each item, relevant where
            it is above 0. Items that are not known are missed.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; None: all alike.

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        told = {"items": self.items_, "sample_weight": sample_weight}
        return precision_at_k_score(y, self.predict(X), **told)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.estimator_type = "recommender"
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags

    def _marked(self, X: Rows, exclude: Any) -> tuple[Rows, np.ndarray]:
        """Rows with the number of their mask in one more column, and the masks.

        Raises
        ------
        ValueError
            If a mask has another shape, or leaves too few items.
        """
        mask, k = self._mask(exclude, X), self._best_items.n_best
        few = np.flatnonzero((~mask).sum(axis=1) < k)
        if len(few):
            index = index_of(X)
            named = few[:_SHOWN].tolist() if index is None else index[few[:_SHOWN]].tolist()
            raise ValueError(
                f"exclude leaves fewer than n_recommended={k} items to row(s) "
                f"{', '.join(map(str, named))}{' ...' if len(few) > _SHOWN else ''}: exclude fewer "
                "of them, or leave these rows out."
            )
        packed, number = np.unique(np.packbits(mask, axis=1), axis=0, return_inverse=True)
        banned = np.unpackbits(packed, axis=1, count=mask.shape[1]).astype(bool)
        return _with_column(X, number.ravel()), banned

    def _mask(self, exclude: Any, X: Rows) -> np.ndarray:
        """Whether each item must not be recommended to each row: shape (n_rows, n_items)."""
        values = np.asarray(dense(exclude))
        if values.dtype.kind == "O" and not missing(values).any():  # columns of several types
            values = values.astype(np.float64) if _of_numbers(values) else values
        if values.dtype.kind not in "biuf" or missing(values).any():
            raise ValueError(
                f"exclude holds {values.dtype.name} values, or missing ones: give a matrix of "
                "booleans, an item in each column."
            )
        mask = values != 0
        if hasattr(exclude, "columns"):
            mask = self._by_name(list(exclude.columns), mask)
        if mask.shape != (X.shape[0], len(self.items_)):
            raise ValueError(
                f"exclude has shape {mask.shape}: give one of {(X.shape[0], len(self.items_))}, a "
                "row for each row of X and a column for each of items_."
            )
        return mask

    def _by_name(self, names: list[Any], mask: np.ndarray) -> np.ndarray:
        """A mask in the order of the items; columns of others are left out."""
        place = {item: number for number, item in enumerate(self.items_.tolist())}
        known = [number for number, name in enumerate(names) if name in place]
        if not known or len(set(names)) < len(names):
            raise ValueError(
                f"exclude has the columns {names[:5]}: give each item once, by its name in items_, "
                f"{self.items_[:5].tolist()} ..."
            )
        found = np.zeros((len(mask), len(self.items_)), dtype=bool)
        found[:, [place[names[number]] for number in known]] = mask[:, known]
        return found


def _of_numbers(values: np.ndarray) -> bool:
    return all(
        isinstance(value, bool | int | float | np.number | np.bool_) for value in values.flat
    )


def _with_column(X: Rows, number: np.ndarray) -> Rows:
    """Rows with whole numbers in one more column, the last."""
    if not is_frame(X):
        exact = {"f": lambda kind: 2 ** (np.finfo(kind).nmant + 1), "i": lambda k: np.iinfo(k).max}
        exact["u"], exact["O"] = exact["i"], lambda _: np.inf
        fits = exact.get(X.dtype.kind, lambda _: -1)(X.dtype) >= number.max(initial=0)
        column = number[:, None].astype(X.dtype) if fits else number[:, None].astype(np.float64)
        return np.concatenate([X, column], axis=1)
    name = "mask"
    while name in set(X.columns):
        name += "_"
    if is_pandas(X):
        return pd.concat([X, pd.Series(number, index=X.index, name=name)], axis=1)
    series: Any = type(X[X.columns[0]])
    return X.with_columns(series(name, number))
