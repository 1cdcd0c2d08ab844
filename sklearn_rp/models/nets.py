"""skorch's nets, which answer by number of the output; told without importing skorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_rp.noise import Noise


def is_net(model: Any) -> bool:
    """Whether a model is one of skorch's estimators, told without importing skorch."""
    return any(
        kind.__module__.split(".")[0] == "skorch"
        and kind.__name__.endswith(("Classifier", "Regressor"))
        for kind in type(model).__mro__
    )


def remember_labels(net: Any, classes: np.ndarray) -> None:
    """Write onto a fitted net which labels its outputs stand for."""
    net._labels_of_outputs = classes


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


def check_outputs(n_outputs: int, classes: np.ndarray) -> None:
    """Refuse a net that answers with more classes than there are."""
    if n_outputs > len(classes):
        raise ValueError(
            f"The net answers with class number {n_outputs - 1}, but there are {len(classes)} "
            f"classes, {classes.tolist()[:10]}: give its module as many outputs as y has classes."
        )


def waiting_for_noise(net: Any) -> list[Any]:
    """Callbacks of a net that take their noise level from the classifier around it."""
    found = []
    for each in getattr(net, "callbacks", None) or []:
        callback = each[1] if isinstance(each, tuple) else each
        if hasattr(callback, "take_noise") and getattr(callback, "sigma", None) is None:
            if isinstance(callback, type):
                raise TypeError(
                    f"callbacks holds the class {callback.__name__}: give an object, "
                    f"{callback.__name__}()."
                )
            found.append(callback)
    return found


def tell_noise(base: Any, net: Any, noise: Noise, sigma: float, shape: tuple[int, ...]) -> None:
    """Give the noise of a fit to the callbacks of a net that train with it.

    The net is at the end of `base`, and reads rows of `shape`.

    Raises
    ------
    ValueError
        If there are such callbacks, and steps in front of the net.
    """
    waiting = waiting_for_noise(net)
    if waiting and net is not base:
        raise ValueError(
            "GaussianNoise(sigma=None) takes its noise from the RobustPrivacyClassifier right "
            "around the net: inside a Pipeline, give it a sigma of its own."
        )
    level = np.zeros(int(np.prod(shape)))
    level[noise.columns] = sigma * noise.scale
    for callback in waiting:
        callback.take_noise(level.reshape(shape))
