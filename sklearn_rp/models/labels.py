"""Fitted classifiers behind one face: rows in, labels and probabilities out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_regressor

from sklearn_rp.models.inside import is_frozen, last_step
from sklearn_rp.models.nets import check_outputs, is_net, net_classes, remember_labels


@dataclass(eq=False)
class Adapted:
    """A fitted classifier that reads rows of another shape, or answers by position of the class.

    Parameters
    ----------
    estimator : fitted classifier
        The base classifier.
    shape : tuple of int or None
        Shape of one row as `estimator` reads it; None: rows of a table.
    classes : ndarray or None
        Labels, where `estimator` answers with their positions (as skorch's nets do).
    """

    estimator: Any
    shape: tuple[int, ...] | None
    classes: np.ndarray | None

    @property
    def classes_(self) -> np.ndarray:
        """Labels, in the order of the probabilities."""
        return np.asarray(self.estimator.classes_) if self.classes is None else self.classes

    def predict(self, X: Any) -> np.ndarray:
        """Labels of flat rows."""
        found = _one_each(self.estimator, self._rows(X))
        if self.classes is None:
            return found
        position = found.astype(np.intp)
        check_outputs(int(position.max(initial=0)) + 1, self.classes)
        return self.classes[position]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of flat rows."""
        return self.estimator.predict_proba(self._rows(X))

    def _rows(self, X: Any) -> Any:
        return X if self.shape is None else X.reshape(len(X), *self.shape)


def in_labels(estimator: Any) -> Any:
    """A fitted classifier that answers with labels, whatever it is: nets answer by position.

    Wherever a fitted model is asked for its labels, it is asked through this.

    Raises
    ------
    ValueError
        If it is a net whose labels are not known.
    """
    net = last_step(estimator)
    if not is_net(net) or getattr(net, "classes_", None) is None:
        return estimator
    return Adapted(estimator, None, net_classes(net))


def fit_in_labels(model: Any, X: Any, y: np.ndarray, params: dict[str, Any]) -> Any:
    """Fit a classifier; a net is trained on positions of the labels, and keeps the labels."""
    net = last_step(model)
    if not is_net(net) or is_frozen(model):
        return model.fit(X, y, **params)
    classes, position = np.unique(y, return_inverse=True)
    binary = "NeuralNetBinaryClassifier" in {kind.__name__ for kind in type(net).__mro__}
    if binary and len(classes) > 2:
        raise ValueError(
            f"y holds {len(classes)} classes, but NeuralNetBinaryClassifier tells two apart: use "
            "NeuralNetClassifier."
        )
    model = model.fit(X, position.astype(np.float32 if binary else np.int64), **params)
    remember_labels(last_step(model), classes)
    return model


def fit_in_numbers(model: Any, X: Any, y: np.ndarray, params: dict[str, Any]) -> Any:
    """Fit a regressor; a net is trained on one column of single precision."""
    if is_net(last_step(model)) and not is_frozen(model):
        y = y.astype(np.float32)[:, None]
    return model.fit(X, y, **params)


def labels_of(estimator: Any, X: Any) -> np.ndarray:
    """What a fitted classifier answers for each row: labels, of nets too.

    A single column is flattened: some models answer so (CatBoost, with three classes).

    Raises
    ------
    ValueError
        If there is not one label for each row.
    """
    return _one_each(in_labels(estimator), X)


def _one_each(estimator: Any, X: Any) -> np.ndarray:
    """What a model answers, as a vector."""
    labels = np.asarray(estimator.predict(X))
    if labels.shape[1:] == (1,):
        labels = labels[:, 0]
    if labels.shape != (np.shape(X)[0],):
        raise ValueError(
            f"predict of {type(estimator).__name__} gave an array of shape {labels.shape} for "
            f"{np.shape(X)[0]} rows: one label for each row is needed. Wrap one classifier for "
            "each output where there are several."
        )
    return labels


def encode(labels: np.ndarray, classes: np.ndarray, what: str = "label") -> np.ndarray:
    """Position of each label in `classes`; `what` the labels are called in the error.

    Raises
    ------
    ValueError
        If a label is none of `classes`.

    Examples
    --------
    >>> encode(np.array(["b", "a", "b"]), np.array(["a", "b"]))
    array([1, 0, 1])
    """
    labels = np.asarray(labels)
    try:
        order = np.argsort(classes)
        place = np.minimum(np.searchsorted(classes, labels, sorter=order), len(classes) - 1)
        number = order[place]
        unknown = np.asarray(classes[number] != labels)
    except TypeError:  # text and numbers have no order
        places = {each: k for k, each in enumerate(classes.tolist())}
        number = np.reshape([places.get(e, -1) for e in labels.ravel().tolist()], labels.shape)
        unknown = number < 0
    if unknown.any():
        strangers = sorted({repr(label) for label in labels[unknown].tolist()})[:3]
        known = str(classes[:10].tolist()) + (
            f" and {len(classes) - 10} more" if len(classes) > 10 else ""
        )
        raise ValueError(
            f"Found the {what} {', '.join(strangers)}, which is not among {known}: "
            + (
                "the estimator is not a classifier that Robust Privacy can smooth."
                if what == "label"
                else "the estimator was not fitted on it."
            )
        )
    return number


def probabilities_of(estimator: Any, X: Any, n_classes: int | None = None) -> np.ndarray:
    """Probabilities that a fitted classifier gives each row, of so many classes (None: any number).

    Raises
    ------
    ValueError
        If the answers are no probabilities.
    """
    return normalised(estimator.predict_proba(X), n_classes)


def normalised(proba: Any, n_classes: int | None) -> np.ndarray:
    """Probabilities that add up to 1 in double precision; what is none is refused.

    The bounds hold for numbers in [0, 1], and the bound of the runner-up is one minus that of the
    winner: sums other than 1 would make it wrong.
    """
    proba = np.asarray(proba, dtype=np.float64)
    total = proba.sum(axis=-1, keepdims=True)
    if (
        proba.ndim != 2
        or proba.shape[1] != (n_classes or proba.shape[1])
        or not (proba >= 0).all()
        or not (np.abs(total - 1) < 1e-3).all()
    ):
        raise refuse_probabilities(proba.shape, n_classes)
    return proba / total


def refuse_probabilities(shape: tuple[int, ...], n_classes: int | None) -> ValueError:
    """The error for what is no probability."""
    each = "each class" if n_classes is None else f"each of the {n_classes} classes"
    return ValueError(
        f"predict_proba of the estimator gave an array of shape {shape} that is not one "
        f"probability for {each}, none NaN or negative, adding up to 1: mend it, or go by the "
        "labels alone (voting='hard', or a model without predict_proba)."
    )


def classes_of(model: Any, y: np.ndarray) -> np.ndarray:
    """Labels of a fitted classifier; where it does not name them, those that it was fitted on."""
    net = last_step(model)
    return np.asarray(net_classes(net) if is_net(net) else getattr(model, "classes_", np.unique(y)))


def gives_numbers(model: Any) -> bool:
    """Whether a model, fitted or not, is a regressor; what carries no tags is taken for none."""
    try:
        return bool(is_regressor(model))
    except AttributeError:  # whatever has `predict` may be asked
        return False


def last_bits(model: Any, X: Any) -> float:
    """By what share of their size a regressor's numbers may waver: with batches, threads, devices.

    64 units in the last place of their type, asked for one row, and 1e-13 at least.
    """
    kind = np.asarray(model.predict(X[:1])).dtype
    return max(1e-13, 64 * float(np.finfo(kind).eps) if kind.kind == "f" else 0.0)


def wavering(model: Any, X: Any, numbers: np.ndarray) -> float:
    """By how much a regressor's numbers for some rows may waver: two so near may be one."""
    return last_bits(model, X) * float(np.abs(numbers).max(initial=0))


def numbers_of(estimator: Any, X: Any) -> np.ndarray:
    """What a fitted regressor answers for each row, one number each.

    Parameters
    ----------
    estimator : fitted regressor
        Anything with ``predict``.
    X : ndarray or frame of shape (n_rows, n_features)
        Rows as it takes them.

    Returns
    -------
    numbers : ndarray of float64 of shape (n_rows,)

    Raises
    ------
    ValueError
        If there is not one finite number for each row.
    """
    numbers = _one_each(estimator, X).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"predict of {type(estimator).__name__} gave NaN or infinity: one finite number for "
            "each row is needed."
        )
    return numbers
