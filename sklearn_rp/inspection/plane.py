"""What one person would be told over the plane of two sensitive features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.guaranteed import Guaranteed
from sklearn_rp.attribute.space import Space
from sklearn_rp.inspection.axes import Display
from sklearn_rp.inspection.subject import person_at
from sklearn_rp.models.inside import unwrapped
from sklearn_rp.rows import replace_columns
from sklearn_rp.validation import check_rows

_PLACES = 2  # features of a plane


class ReleasePlaneDisplay(Display):
    """What one person would be told over the plane of two sensitive features.

    Boxes of one answer, the answer as colour; the person's own values, and the box that is left
    open around them. Use `from_estimator` to make one. The picture holds the person's true values:
    it is for the owner of the data.

    Parameters
    ----------
    boxes : DataFrame
        One line for each box: ``answer``, ``low_<name>`` and ``high_<name>`` of both features (of a
        categorical one the position of the category and the next), and ``own``, whether it is of
        the box that holds the person.
    names : list of str
        The two features.
    own : ndarray of shape (2,)
        The person's own values.
    ticks : list of (ndarray or None)
        Categories of each feature, where it is categorical.
    units : list of str
        Unit of each, for the axes; "" for none.
    answer : str
        What is released, for the colour bar.
    pads : tuple of float
        By how much a box is drawn wider at both ends, along each: half a step, where only whole
        values are possible.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        After `plot`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.tree import DecisionTreeRegressor
    >>> from sklearn_rp import AttributePrivacyRegressor
    >>> from sklearn_rp.inspection import ReleasePlaneDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> apr = AttributePrivacyRegressor(
    ...     DecisionTreeRegressor(max_depth=4), sensitive_feature=["age", "bmi"], levels="model"
    ... ).fit(X, y)
    >>> display = ReleasePlaneDisplay.from_estimator(apr, X, row=7, units={"bmi": "kg/m2"})
    >>> bool(display.frame()["own"].any())
    True
    """

    _grid = False

    def __init__(
        self,
        boxes: pd.DataFrame,
        names: list[str],
        own: np.ndarray,
        ticks: list[np.ndarray | None],
        units: list[str],
        answer: str = "released",
        pads: tuple[float, ...] = (0.0, 0.0),
    ):
        self.pads = pads
        self.boxes = boxes
        self.names = names
        self.own = own
        self.ticks = ticks
        self.units = units
        self.answer = answer

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        row: int = 0,
        units: dict[str, str] | None = None,
        answer: str = "released",
        ax: Any = None,
    ) -> ReleasePlaneDisplay:
        """Find the boxes of one person, and draw them.

        Parameters
        ----------
        estimator : fitted AttributePrivacyClassifier or AttributePrivacyRegressor
            With two sensitive features.
        X : array-like or DataFrame of shape (n_rows, n_features)
            Rows.
        row : int, default=0
            Position of the person among them.
        units : dict, default=None
            Unit of a feature by its name, for the axes.
        answer : str, default="released"
            What is released, for the colour bar.
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        display : ReleasePlaneDisplay

        Raises
        ------
        ValueError
            If the estimator does not hide two features jointly, or there is no such row.
        """
        model = unwrapped(estimator)
        space = getattr(model, "feature_", None)
        if not isinstance(model, Guaranteed) or not isinstance(space, Space):
            raise ValueError(
                f"{type(estimator).__name__} hides no two features jointly: use ReleaseDisplay for "
                "one."
            )
        if len(space.features) != _PLACES:
            raise ValueError(
                f"The sensitive features are {space.name}: a plane shows two. Draw the sets of one "
                "of them, with project or given_others."
            )
        rows = check_rows(estimator, X, reset=False)
        person = person_at(rows, row)
        release: Any = model.release_
        runs, box, _, _ = release.boxes(person)
        sets = model.compatible_sets(person)
        mine = np.isin(box, sets.box[sets.holds_own])
        names = [feature.name for feature in space.features]
        at = [_cell(space, j, runs.low[:, j]) for j in range(_PLACES)]
        columns: dict[str, Any] = {"answer": _told(release, person, runs, at)}
        for j, name in enumerate(names):
            columns |= {f"low_{name}": runs.low[:, j], f"high_{name}": runs.high[:, j]}
        given = units or {}
        return cls(
            pd.DataFrame(columns | {"own": mine}),
            names,
            sets.own[0],
            [feature.categories for feature in space.features],
            [given.get(name, "") for name in names],
            answer,
            tuple(
                0.5 * (f.domain == "integer") if isinstance(f.domain, str) else 0.0
                for f in space.features
            ),
        ).plot(ax)

    def frame(self) -> pd.DataFrame:
        """What is drawn.

        Returns
        -------
        frame : pandas.DataFrame
            One line for each box.
        """
        return self.boxes

    def _draw(self, ax: Any) -> None:
        from matplotlib import colormaps, colors
        from matplotlib.cm import ScalarMappable
        from matplotlib.patches import Rectangle

        told = self.boxes["answer"]
        numbers = told.dtype.kind in "iuf"
        symbols, code = np.unique(told.to_numpy(), return_inverse=True)
        values = told.to_numpy(dtype=float) if numbers else code.astype(float)
        if numbers:
            norm: Any = colors.Normalize(values.min(), max(values.max(), values.min() + 1e-12))
            palette: Any = colormaps["cividis"]
        else:
            norm = colors.BoundaryNorm(np.arange(len(symbols) + 1) - 0.5, len(symbols))
            shades = np.linspace(0.15, 1, len(symbols))
            palette = colors.ListedColormap(colormaps["cividis"](shades))
        low, high = (
            np.stack([self.boxes[f"{end}_{n}"] + sign * p for n, p in zip(
                self.names, self.pads, strict=True)], axis=1)
            for end, sign in (("low", -1), ("high", 1))
        )  # fmt: skip
        for corner, size, value in zip(low, high - low, values, strict=True):
            colour = palette(norm(value))
            ax.add_patch(Rectangle(corner, *size, facecolor=colour, edgecolor="w", lw=0.8))
        own = self.boxes["own"].to_numpy()
        for corner, size in zip(low[own], (high - low)[own], strict=True):
            ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor="#D55E00", lw=2.5))
        half = [0.5 if each is not None else 0.0 for each in self.ticks]
        ax.plot(*(self.own + half), "o", color="w", markeredgecolor="k", label="this person")
        ax.plot([], [], "s", color="none", markeredgecolor="#D55E00", mew=2, label="left open")
        ax.set_xlim(low[:, 0].min(), high[:, 0].max())
        ax.set_ylim(low[:, 1].min(), high[:, 1].max())
        for known, ticks in zip(self.ticks, (ax.set_xticks, ax.set_yticks), strict=True):
            if known is not None:
                ticks(np.arange(len(known)) + 0.5, [str(each) for each in known])
        labels = [f"{n} ({u})" if u else n for n, u in zip(self.names, self.units, strict=True)]
        ax.set_xlabel(labels[0])
        ax.set_ylabel(labels[1])
        bar = ax.figure.colorbar(ScalarMappable(norm, palette), ax=ax, label=self.answer)
        if not numbers:
            bar.set_ticks(np.arange(len(symbols)), labels=[str(each) for each in symbols])


def _cell(space: Space, place: int, low: np.ndarray) -> np.ndarray:
    """Cell of a feature that begins at a value; of categories, their position."""
    categorical = space.features[place].categories is not None
    return low.astype(np.intp) if categorical else space.sides[place].of(low)


def _told(release: Any, person: Any, runs: Any, at: list[np.ndarray]) -> np.ndarray:
    """The answer of each box: asked at a cell of it."""
    space = release.cells
    cell = np.ravel_multi_index(at, space.shape)
    values = space.held(space.at[cell])
    return release.release(replace_columns(person, space.columns, values, len(values)))
