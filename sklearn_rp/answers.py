"""What is released: how votes become an answer, and which answers there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.votes import Votes


@dataclass(frozen=True, eq=False)
class Labels:
    """The label with the most votes; where there is a fallback, that for what is not certified.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Labels.
    fallback : label or None
        What is released for rows that are not certified; None: their label all the same.
    min_radius : float or None
        With a fallback: what the radius of a certificate, in scaled units, has to exceed.
    """

    classes: np.ndarray
    fallback: Any = None
    min_radius: float | None = None

    @property
    def symbols(self) -> np.ndarray:
        """All that may be released, sorted."""
        if self.fallback is None:
            return self.classes
        if self.classes.dtype.kind == "O":
            return np.asarray(sorted({*self.classes.tolist(), self.fallback}), dtype=object)
        return np.unique(np.r_[self.classes, np.asarray([self.fallback])])

    def of(self, votes: Votes) -> np.ndarray:
        """Label of each row, certified or not."""
        return self.classes[votes.top]

    def released(self, label: np.ndarray, radius: Callable[[], np.ndarray]) -> np.ndarray:
        """What is released for labels; their radii, in scaled units, are asked for if needed."""
        if self.min_radius is None:
            return label
        return or_fallback(label, radius() > self.min_radius, self.fallback)


def labels(classes: np.ndarray, fallback: Any = None, min_radius: float = 0.0) -> Labels:
    """The answer for labels, with a fallback where one is given.

    Raises
    ------
    ValueError
        If the fallback is of another kind than the labels: metrics take labels of one kind only.
    """
    if fallback is None:
        return Labels(classes)
    kinds = {"U": "text", "i": "number", "u": "number", "f": "number", "b": "boolean"}
    example = np.asarray(classes.tolist())  # labels of dtype object are text or numbers
    wanted = kinds.get(example.dtype.kind, "object")
    given = kinds.get(np.asarray(fallback).dtype.kind, "object")
    if np.ndim(fallback) or wanted != given or fallback != fallback:
        raise ValueError(
            f"fallback={fallback!r} is not allowed beside the labels {classes.tolist()}: "
            f"it must be one {wanted}, as metrics take labels of one kind only."
        )
    return Labels(classes, fallback, float(min_radius))


def or_fallback(label: np.ndarray, certified: np.ndarray, fallback: Any) -> np.ndarray:
    """Labels, and the fallback for the rows that are not certified."""
    other = np.asarray(fallback)
    kind = np.result_type(label, other) if label.dtype.kind != "O" else np.dtype(object)
    return np.where(certified, label.astype(kind), other.astype(kind))
