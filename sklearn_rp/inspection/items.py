"""Which items are recommended where, along one sensitive feature of one person."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.along import ReleaseAlong
from sklearn_rp.inspection.axes import COLOURS, Display, pyplot
from sklearn_rp.inspection.subject import Subject, left_open, person_at
from sklearn_rp.models.asking import at_each
from sklearn_rp.models.items import gives_lists, lists_of
from sklearn_rp.rows import sample_rows

_POINTS = 400  # that answers are asked at
_MOST_ITEMS = 40  # that are drawn


class ReleasedItemsDisplay(Display):
    """The items that one person is recommended, along one sensitive feature, all others fixed.

    Each item has a line: where it is on the model's own list, and where it is on the released one.
    Use `from_estimator` to make one. The picture holds the person's true value: it is for the owner
    of the data.

    Parameters
    ----------
    table : DataFrame of shape (n_parts, 4)
        Stretches in which an item is recommended: ``model`` ("model" or "released"), ``item``,
        ``low`` and ``high``; of a categorical feature positions.
    feature : str
        Name of the feature.
    own : float
        The person's own value.
    left_open : tuple of float
        Ends of the stretch around it that gets the same list; of whole numbers by half a one wider.
    unit : str, default=None
        Unit of the feature, for the axis.
    categories : ndarray, default=None
        Categories, of which the values are positions.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        After `plot`.

    Examples
    --------
    >>> from sklearn_rp import AttributePrivacyRecommender
    >>> from sklearn_rp.datasets import make_item_recommendation
    >>> from sklearn_rp.inspection import ReleasedItemsDisplay
    >>> task = make_item_recommendation(200, random_state=0)
    >>> X, y = task.data[["age", "activity"]], task.target
    >>> recommender = AttributePrivacyRecommender(sensitive_feature="age", n_recommended=5)
    >>> display = ReleasedItemsDisplay.from_estimator(recommender.fit(X, y), X, row=3)
    >>> display.frame().columns.tolist()
    ['model', 'item', 'low', 'high']
    """

    _grid = False

    def __init__(
        self,
        table: pd.DataFrame,
        feature: str,
        own: float,
        left_open: tuple[float, float],
        *,
        unit: str | None = None,
        categories: np.ndarray | None = None,
    ):
        self.table = table
        self.feature = feature
        self.own = own
        self.left_open = left_open
        self.unit = unit
        self.categories = categories

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        row: int = 0,
        sensitive_feature: str | int | None = None,
        bounds: Any = None,
        baseline: Any = "auto",
        unit: str | None = None,
        ax: Any = None,
    ) -> ReleasedItemsDisplay:
        """Ask at every value of the feature, and draw the items.

        Parameters
        ----------
        estimator : fitted recommender or AttributePrivacyTransformer
            Whose release it is about.
        X : array-like or DataFrame of shape (n_rows, n_features)
            Rows.
        row : int, default=0
            Position of the person among them.
        sensitive_feature : str or int, default=None
            Name or position of the feature, where the estimator does not know it itself.
        bounds : (low, high), or sequence of categories, default=None
            With `sensitive_feature`: the values that are possible; None: those in `X`.
        baseline : "auto", None or fitted recommender, default="auto"
            The model to compare with: "auto" is the one inside; None is no comparison.
        unit : str, default=None
            Unit of the feature, for the axis (``"years"``).
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        display : ReleasedItemsDisplay

        Raises
        ------
        ValueError
            If there is no such row, the feature is not known, or no lists are released.
        """
        subject = Subject.of(estimator, X, sensitive_feature, bounds)
        if not gives_lists(subject.model):
            raise ValueError(
                f"{type(subject.model).__name__} releases no lists: use ReleaseDisplay."
            )
        person = person_at(subject.rows, row)
        feature = subject.feature
        if feature.categories is None and feature.possible is None:
            z: Any = np.linspace(feature.low, feature.high, _POINTS)
            first, last = z, np.r_[z[1:], z[-1]]
        else:  # each value, or category, has a width
            cells = feature.cells(None, _POINTS)
            z = cells.at
            first, last = cells.first - 0.5, cells.last + 0.5
            if feature.categories is not None:
                first, last = np.arange(len(z)) - 0.5, np.arange(len(z)) + 0.5
        parts = []
        for name, model in subject.models(baseline).items():
            ask = partial(lists_of, model)
            asked = at_each(ask, person, feature.columns, feature.held(z)[:, None])
            lists = np.concatenate([found for _, found in asked])[0]
            parts.append(_stretches(name, lists, first, last))
        release = ReleaseAlong(subject.model, feature, sample_rows(subject.rows), _POINTS)
        at, low, high = left_open(release, person)
        half = 0.5 if feature.categories is None and feature.possible is not None else 0.0
        ends = low - half, high + half
        table = pd.concat(parts, ignore_index=True)
        known = feature.categories
        return cls(table, feature.name, at, ends, unit=unit, categories=known).plot(ax)

    def plot(self, ax: Any = None) -> ReleasedItemsDisplay:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own, as high as there are items.

        Returns
        -------
        self : ReleasedItemsDisplay
        """
        if ax is None:
            high = 1.6 + 0.22 * len(self._items())
            ax = pyplot().subplots(figsize=(7, high), layout="constrained")[1]
        return super().plot(ax)

    def frame(self) -> pd.DataFrame:
        """What is drawn.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``model``, ``item``, ``low`` and ``high``: where each item is recommended.
        """
        return self.table

    def _items(self) -> list[Any]:
        """Items that are drawn, from the bottom: those that are released first come last."""
        released = self.table["model"] == "released"
        length = (self.table["high"] - self.table["low"]).where(released, 0.0)
        totals = length.groupby(self.table["item"], sort=False).sum()
        kept = totals.sort_values(kind="stable").index[-_MOST_ITEMS:]
        first = self.table[released].groupby("item")["low"].min()
        order = {item: first.get(item, np.inf) for item in kept}
        return sorted(kept, key=lambda item: -order[item])

    def _draw(self, ax: Any) -> None:
        items = self._items()
        place = {item: number for number, item in enumerate(items)}
        looks = {
            "model": {"color": "0.6", "height": 0.3, "label": "the model's own list"},
            "released": {"color": COLOURS[0], "height": 0.66, "label": "released"},
        }
        apart = self.categories is not None
        if not apart:
            ax.axvspan(*self.left_open, color=COLOURS[2], alpha=0.2, linewidth=0, label="left open")
        for name in ("released", "model"):
            some = self.table[(self.table["model"] == name) & self.table["item"].isin(place)]
            if len(some):
                at = [place[item] for item in some["item"]]
                ax.barh(at, some["high"] - some["low"], left=some["low"], **looks[name])
        ax.axvline(self.own, color="k", linewidth=1.2, label="this person")
        ax.set_yticks(range(len(items)), [_short(item) for item in items])
        ax.set_ylim(-0.6, len(items) - 0.4)
        if self.categories is not None:
            ax.set_xticks(np.arange(len(self.categories)), [str(c) for c in self.categories])
        ax.set_xlabel(f"{self.feature} ({self.unit})" if self.unit else self.feature)


def _stretches(name: str, lists: np.ndarray, first: np.ndarray, last: np.ndarray) -> pd.DataFrame:
    """Where each item is on the list: from `first` of a value to `last` of another."""
    lines = []
    for item in pd.unique(lists.ravel()):
        there = np.r_[False, (lists == item).any(axis=1), False]
        changes = np.flatnonzero(np.diff(there.astype(int)))
        ends = zip(first[changes[::2]], last[changes[1::2] - 1], strict=True)
        lines += [(name, item, float(low), float(high)) for low, high in ends]
    return pd.DataFrame(lines, columns=["model", "item", "low", "high"])


def _short(item: Any) -> str:
    text = str(item)
    return text if len(text) <= 32 else f"{text[:30]} ..."
