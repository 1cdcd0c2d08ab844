"""The one shape of answer that every engine gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np


@dataclass(frozen=True, eq=False)
class Votes:
    """What an engine knows of the smoothed probabilities ``h_c(x)`` of some rows.

    Parameters
    ----------
    total : ndarray of shape (n_rows, n_classes)
        ``kind="hard"``: integer counts. ``kind="soft"``: sums of probabilities.
        ``kind="exact"``: the probabilities themselves.
    kind : {"hard", "soft", "exact"}
        How `total` came about, and with it which bound applies.
    n_samples : int
        Draws behind `total`; 0 where it is exact.
    error : float or ndarray of shape (n_rows,)
        ``kind="exact"``: no probability of a row is further from the true one than this. It depends
        on the row alone, as the row's radius must not depend on the batch.
    radius : ndarray of shape (n_rows,) or None
        ``kind="exact"``: radius in noise units, rounded down, where the engine knows more than
        follows from `total`.
    reach : ndarray of shape (n_rows, 2) or None
        One noised feature: the same to either side, below and above.
    """

    total: np.ndarray
    kind: Literal["hard", "soft", "exact"]
    n_samples: int
    error: Any = 0.0
    radius: np.ndarray | None = None
    reach: np.ndarray | None = None

    @property
    def share(self) -> np.ndarray:
        """Estimate of ``h_c(x)``: shape (n_rows, n_classes), rows sum to 1."""
        return self.total / self.n_samples if self.n_samples else self.total

    @property
    def top(self) -> np.ndarray:
        """Position of the class with the most votes, the first of equals: shape (n_rows,)."""
        return self.total.argmax(axis=1)


def concatenate(parts: Sequence[Votes]) -> Votes:
    """Votes of consecutive chunks of rows as one."""
    first = parts[0]
    error = [np.broadcast_to(p.error, len(p.total)) for p in parts]
    return Votes(
        np.concatenate([p.total for p in parts]),
        first.kind,
        first.n_samples,
        np.concatenate(error),
        None if first.radius is None else np.concatenate([cast("Any", p.radius) for p in parts]),
        None if first.reach is None else np.concatenate([cast("Any", p.reach) for p in parts]),
    )


def probabilities_of(estimator: Any, X: Any, n_classes: int | None = None) -> np.ndarray:
    """Probabilities that a fitted classifier gives each row, checked.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict_proba``.
    X : ndarray or frame of shape (n_rows, ...)
        Rows as it takes them.
    n_classes : int, default=None
        Columns that are needed; None: any number.

    Returns
    -------
    proba : ndarray of float64 of shape (n_rows, n_classes)
        Rows sum to 1.

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


def encode(labels: np.ndarray, classes: np.ndarray, what: str = "label") -> np.ndarray:
    """Position of each label in `classes`.

    Parameters
    ----------
    labels : ndarray of any shape
        What the base classifier answered.
    classes : ndarray of shape (n_classes,)
        All it may answer.
    what : str, default="label"
        What the labels are called in the error.

    Returns
    -------
    number : ndarray of int, the shape of `labels`

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
