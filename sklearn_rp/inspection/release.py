"""What one person would be told, as a function of a sensitive feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.along import ReleaseAlong
from sklearn_rp.inspection.axes import COLOURS, Display
from sklearn_rp.inspection.subject import Subject, left_open, person_at
from sklearn_rp.models.asking import at_each
from sklearn_rp.models.items import gives_lists
from sklearn_rp.models.labels import encode, gives_numbers, labels_of, numbers_of
from sklearn_rp.rows import Rows, sample_rows

_POINTS = 800  # along a feature of which every number is possible


class ReleaseDisplay(Display):
    """What one person would be told, as a function of a sensitive feature, all others fixed.

    The answers of the model, what is released instead, the person's own value, and the values
    around it that the release leaves open. Use `from_estimator` to make one. The picture holds the
    person's true value: it is for the owner of the data.

    Parameters
    ----------
    table : DataFrame of shape (n_values, 2 or 3)
        The feature, and what is answered at each value: by the ``model``, and as ``released``.
    own : float
        The person's own value.
    left_open : tuple of float
        Ends of the stretch around it that gets the same answer.
    unit, answer : str, default=None
        Unit of the feature, and what the answer is, for the axes.
    symbols : ndarray, default=None
        Labels, of which the answers are positions.
    categories : ndarray, default=None
        Categories, of which the values are positions.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        After `plot`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from sklearn_rp import AttributePrivacyRegressor
    >>> from sklearn_rp.inspection import ReleaseDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> apr = AttributePrivacyRegressor(
    ...     DecisionTreeRegressor(max_depth=4), sensitive_feature="bmi", levels="model"
    ... ).fit(X, y)
    >>> display = ReleaseDisplay.from_estimator(apr, X, row=7, unit="kg/m2")
    >>> display.frame().columns.tolist()
    ['bmi', 'model', 'released']
    """

    def __init__(
        self,
        table: pd.DataFrame,
        own: float,
        left_open: tuple[float, float],
        *,
        unit: str | None = None,
        answer: str | None = None,
        symbols: np.ndarray | None = None,
        categories: np.ndarray | None = None,
    ):
        self.table = table
        self.own = own
        self.left_open = left_open
        self.unit = unit
        self.answer = answer
        self.symbols = symbols
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
        answer: str | None = None,
        ax: Any = None,
    ) -> ReleaseDisplay:
        """Ask at every value of the feature, and draw the answers.

        Parameters
        ----------
        estimator : fitted classifier, regressor or AttributePrivacyTransformer
            Whose release it is about.
        X : array-like or DataFrame of shape (n_rows, n_features)
            Rows.
        row : int, default=0
            Position of the person among them.
        sensitive_feature : str or int, default=None
            Name or position of the feature, where the estimator does not know it itself.
        bounds : (low, high), or sequence of categories, default=None
            With `sensitive_feature`: the values that are possible; None: those in `X`.
        baseline : "auto", None or fitted estimator, default="auto"
            The model to compare with: "auto" is the one inside; None is no comparison.
        unit : str, default=None
            Unit of the feature, for the axis (``"kg/m2"``).
        answer : str, default=None
            What is released, for the axis (``"premium (EUR)"``).
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        display : ReleaseDisplay

        Raises
        ------
        ValueError
            If there is no such row, the feature is not known, or lists are released.
        """
        subject = Subject.of(estimator, X, sensitive_feature, bounds)
        if gives_lists(subject.model):
            raise ValueError(
                f"{type(subject.model).__name__} releases lists: use ReleasedItemsDisplay."
            )
        person = person_at(subject.rows, row)
        feature = subject.feature
        numbers = gives_numbers(subject.model)
        if feature.categories is None and feature.possible is None:
            z = np.linspace(feature.low, feature.high, _POINTS)
        else:
            z = feature.cells(None, _POINTS).at
        columns: dict[str, np.ndarray] = {feature.name: z}
        release = ReleaseAlong(subject.model, feature, sample_rows(subject.rows), _POINTS)
        symbols = None if numbers else release.symbols
        for name, model in subject.models(baseline).items():
            found = _asked(model, person, feature, z)
            columns[name] = found if symbols is None else encode(found, symbols)
        at, low, high = left_open(release, person)
        return cls(
            pd.DataFrame(columns), at, (low, high), unit=unit, answer=answer, symbols=symbols,
            categories=feature.categories,
        ).plot(ax)  # fmt: skip

    def frame(self) -> pd.DataFrame:
        """What is drawn.

        Returns
        -------
        frame : pandas.DataFrame
            The feature, and what is answered at each value: ``model`` and ``released``. Labels and
            categories as positions, in `symbols` and `categories`.
        """
        return self.table

    def _draw(self, ax: Any) -> None:
        feature = self.table.columns[0]
        z = self.table[feature]
        categories = self.categories
        apart = categories is not None
        looks = {
            "model": {"color": "0.55", "linewidth": 1.5},
            "released": {"color": COLOURS[0], "linewidth": 2.5},
        }
        told = self.table["released"].iloc[int(np.abs(z - self.own).argmin())]
        shade = {"color": COLOURS[2], "alpha": 0.2, "linewidth": 0}
        if apart:
            for number, each in enumerate(z[self.table["released"] == told]):
                label = "left open" if number == 0 else None
                ax.axvspan(each - 0.4, each + 0.4, **shade, label=label)
        else:
            ax.axvspan(*self.left_open, **shade, label="left open")
        # Of categories the markers lie on one another: each is smaller than the one below.
        sizes = dict(zip(("model", "released"), (15, 10), strict=True))
        for name in self.table.columns[1:]:
            style = {"marker": "o", "linestyle": "", "markersize": sizes[name]} if apart else {}
            if self.symbols is not None:
                style["drawstyle"] = "steps-mid"
            ax.plot(z, self.table[name], label=name, **looks[name], **style)
        ax.plot(self.own, told, "ko", markersize=5 if apart else 6, label="this person")
        if categories is not None:
            ax.set_xticks(z, [str(each) for each in categories])
        if self.symbols is not None:
            ax.set_yticks(np.arange(len(self.symbols)), [str(each) for each in self.symbols])
        ax.set_xlabel(f"{feature} ({self.unit})" if self.unit else str(feature))
        ax.set_ylabel(self.answer or ("label" if self.symbols is not None else "number"))


def _asked(model: Any, person: Rows, feature: Any, z: np.ndarray) -> np.ndarray:
    """What a model answers a person at each value."""

    def ask(rows: Rows) -> np.ndarray:
        return numbers_of(model, rows) if gives_numbers(model) else labels_of(model, rows)

    parts = at_each(ask, person, feature.columns, feature.held(z)[:, None])
    return np.concatenate([found for _, found in parts])[0]
