"""Fitted classifiers behind one face: flat rows in, labels out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from sklearn_rp._compat import BaseSearchCV

_ANSWERS = ("predict", "predict_proba", "decision_function")


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


def check_outputs(n_outputs: int, classes: np.ndarray) -> None:
    """Refuse a net that answers with more classes than there are."""
    if n_outputs > len(classes):
        raise ValueError(
            f"The net answers with class number {n_outputs - 1}, but there are {len(classes)} "
            f"classes, {classes.tolist()[:10]}: give its module as many outputs as y has classes."
        )


def unwrapped(estimator: Any) -> Any:
    """The estimator inside wrappers that hand on both rows and labels: frozen, searched."""
    *_, last = _inwards(estimator, pipelines=False)
    return last


def last_step(estimator: Any) -> Any:
    """The model itself: inside such wrappers, and behind the steps of Pipelines."""
    *_, last = _inwards(estimator, pipelines=True)
    return last


def is_frozen(estimator: Any) -> bool:
    """Whether the model itself is fitted already, inside searches and Pipelines too."""
    return any(isinstance(each, FrozenEstimator) for each in _inwards(estimator, pipelines=True))


def _inwards(estimator: Any, *, pipelines: bool) -> Iterator[Any]:
    """An estimator, what it wraps, what that wraps, and so on."""
    yield estimator
    inner = inside(estimator)
    if inner is None and pipelines and is_pipeline(estimator):
        inner = estimator[-1]
    if inner is not None:
        yield from _inwards(inner, pipelines=pipelines)


def inside(estimator: Any) -> Any:
    """What a FrozenEstimator or a search asks for its answers; None for anything else.

    Subclasses with answers of their own are something else: what holds for the estimator inside
    need not hold for them.
    """
    if isinstance(estimator, FrozenEstimator):
        own = any(hasattr(type(estimator), answer) for answer in _ANSWERS)
        return None if own else estimator.estimator
    if isinstance(estimator, BaseSearchCV) and not has_own(estimator, *_ANSWERS):
        return getattr(estimator, "best_estimator_", estimator.estimator)
    return None


def is_pipeline(estimator: Any) -> bool:
    """Whether an estimator answers as its last step does to what the steps before it give."""
    return isinstance(estimator, Pipeline) and not has_own(estimator, *_ANSWERS)


def behind_steps(pipeline: Any, X: Any) -> Any:
    """What the last step of a Pipeline is given."""
    return pipeline[:-1].transform(X) if len(pipeline) > 1 else X


def has_own(model: Any, *methods: str) -> bool:
    """Whether a model's methods are not scikit-learn's own: they may then do anything."""
    found = (getattr(type(model), method, None) for method in methods)
    return any(getattr(m, "__module__", "").split(".")[0] != "sklearn" for m in found)


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


def labels_of(estimator: Any, X: Any) -> np.ndarray:
    """What a fitted classifier answers for each row, one label each.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict``.
    X : ndarray or frame of shape (n_rows, ...)
        Rows as it takes them.

    Returns
    -------
    labels : ndarray of shape (n_rows,)
        Labels, of nets too; a single column is flattened: some models answer so (CatBoost, with
        three classes).

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
    last_step(model)._labels_of_outputs = classes
    return model


def net_classes(net: Any) -> np.ndarray:
    """Labels of a fitted net's outputs, in their order.

    Raises
    ------
    ValueError
        If they are not known: skorch answers with the number of the output, whatever the labels
        that it was trained on.
    """
    told = getattr(net, "_labels_of_outputs", None)
    if told is not None:
        return told
    classes = np.asarray(net.classes_)
    given = getattr(net, "classes", None) is not None
    if not given and not np.array_equal(classes, np.arange(len(classes))):
        raise ValueError(
            f"The net was fitted on the labels {classes.tolist()[:10]} and answers with the number "
            "of an output: give it one label for each output of its module, "
            "NeuralNetClassifier(..., classes=[...])."
        )
    return classes


def is_net(model: Any) -> bool:
    """Whether a model is one of skorch's classifiers, told without importing skorch."""
    return any(
        kind.__module__.split(".")[0] == "skorch" and kind.__name__.endswith("Classifier")
        for kind in type(model).__mro__
    )
