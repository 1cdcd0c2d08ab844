"""What is released of votes: a label, or a list of items; and what for who is not certified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.rules import TopItems
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
        return self.at(votes.top)

    def at(self, place: np.ndarray) -> np.ndarray:
        """Labels at some positions."""
        return self.classes[place]

    def released(self, label: np.ndarray, radius: Callable[[], np.ndarray]) -> np.ndarray:
        """What is released for labels; their radii, in scaled units, are asked for if needed."""
        if self.min_radius is None:
            return label
        return or_fallback(label, radius() > self.min_radius, self.fallback)


@dataclass(frozen=True, eq=False)
class Lists:
    """The items with the most votes; where there is a fallback, that for what is not certified.

    Parameters
    ----------
    items : ndarray of shape (n_items,)
        What there is to recommend.
    best : TopItems
        How many are named, and whether their order counts.
    fallback : ndarray of shape (n_best,), or None
        The items that are released for rows that are not certified; None: theirs all the same.
    min_radius : float or None
        With a fallback: what the radius of a certificate, in scaled units, has to exceed.
    """

    items: np.ndarray
    best: TopItems
    fallback: np.ndarray | None = None
    min_radius: float | None = None

    @property
    def classes(self) -> np.ndarray:
        """What votes are for."""
        return self.items

    @property
    def symbols(self) -> None:
        """All that may be released: too much to be told."""
        return None

    def of(self, votes: Votes) -> np.ndarray:
        """Items of each row, certified or not: shape (n_rows, n_best)."""
        return self.at(votes.top)

    def at(self, place: np.ndarray) -> np.ndarray:
        """Items at some positions."""
        return self.items[place]

    def released(self, items: np.ndarray, radius: Callable[[], np.ndarray]) -> np.ndarray:
        """What is released for items; their radii, in scaled units, are asked for if needed."""
        if self.fallback is None:
            return items
        certified = radius() > self.min_radius
        return np.where(certified[:, None], items, self.fallback)


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


def in_columns(name: str, answer: np.ndarray) -> dict[str, np.ndarray]:
    """Answers as columns of a table: one, or of lists one for each place."""
    if answer.ndim == 1:
        return {name: answer}
    return {f"{name}_{place}": column for place, column in enumerate(answer.T, start=1)}
