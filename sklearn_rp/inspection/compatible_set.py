"""Each person's compatible set beside the true value, and how long the sets are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.answers import in_columns
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.finding import ReleaseAlong, compatible_sets, sets_of
from sklearn_rp.inspection.axes import draw_shares, look, pyplot
from sklearn_rp.inspection.subject import Subject
from sklearn_rp.rows import sample_positions

PEOPLE = 300  # of a picture of intervals, at most
_APART = 80  # of whom each has a bar of their own
_AROUND, _ELSEWHERE = 0.75, 0.3  # opacity of the bars


class CompatibleSetDisplay:
    """Each person's compatible set beside the true value, and how long the sets are.

    Use `from_estimator` or `from_predictions` to make one. The pictures hold the true values: they
    are for the owner of the data.

    Parameters
    ----------
    sets : dict of str to CompatibleSets
        By the name of the model, of the same people.
    unit : str, default=None
        Unit of the attribute, for the axes.

    Attributes
    ----------
    axes_, figure_ : ndarray of matplotlib Axes, and Figure
        After `plot`.

    Examples
    --------
    >>> from sklearn_rp import AttributePrivacyTransformer, RobustPrivacyClassifier
    >>> from sklearn_rp.datasets import load_recommendation
    >>> from sklearn_rp.inspection import CompatibleSetDisplay
    >>> X, y = load_recommendation(return_X_y=True, as_frame=True)
    >>> X = X[["age", "bmi", "bp"]]
    >>> apt = AttributePrivacyTransformer(
    ...     RobustPrivacyClassifier(noise_features="bmi"), sensitive_feature="bmi"
    ... ).fit(X, y)
    >>> display = CompatibleSetDisplay.from_estimator(apt, X.head(20), unit="kg/m2")
    >>> display.frame()["model"].unique().tolist()
    ['base model', 'released']
    """

    def __init__(self, sets: dict[str, CompatibleSets], unit: str | None = None):
        self.sets = sets
        self.unit = unit

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        sensitive_feature: str | int | None = None,
        bounds: Any = None,
        domain: Any = "auto",
        tolerance: float = 0.0,
        baseline: Any = "auto",
        unit: str | None = None,
        ax: Any = None,
    ) -> CompatibleSetDisplay:
        """Find the sets of some rows and draw them.

        Parameters
        ----------
        estimator : fitted classifier, regressor, recommender or AttributePrivacyTransformer
            Whose release it is about.
        X : array-like or DataFrame of shape (n_rows, n_features)
            Rows.
        sensitive_feature : str or int, default=None
            Name or position of the attribute, where the estimator does not know it itself, as an
            AttributePrivacyTransformer and the estimators with a minimum do.
        bounds : (low, high), or sequence of categories, default=None
            With `sensitive_feature`: the values that are possible; None: those in `X`.
        domain : "auto", "continuous", "integer", or sequence of numbers, default="auto"
            With `sensitive_feature`: which numbers within the bounds are possible, as of
            :func:`~sklearn_rp.attribute.compatible_sets`.
        tolerance : float, default=0.0
            With `sensitive_feature`, of a regressor and of its baseline, in the unit of the target:
            numbers that differ by no more than this are taken for the same.
        baseline : "auto", None or fitted estimator, default="auto"
            The model to compare with: "auto" is the base model of an estimator that smooths or has
            a minimum, where it is one that releases; None is no comparison.
        unit : str, default=None
            Unit of the attribute, for the axes (``"kg/m2"``).
        ax : sequence of matplotlib Axes, or Axes, default=None
            As in `plot`.

        Returns
        -------
        display : CompatibleSetDisplay
        """
        subject = Subject.of(estimator, X, sensitive_feature, bounds, domain, tolerance)
        asked = {"sensitive_feature": sensitive_feature, "bounds": bounds, "domain": domain}

        def find(model: Any) -> CompatibleSets:
            if not subject.knows:
                return compatible_sets(model, X, tolerance=tolerance, **asked)
            rows, near = subject.rows, getattr(estimator, "tolerance", 0.0)
            return sets_of(
                ReleaseAlong(model, subject.feature, rows, estimator.resolution, near), rows
            )

        released = estimator.compatible_sets(X) if subject.knows else find(estimator)
        if isinstance(baseline, str):
            if baseline != "auto":
                raise ValueError(
                    f"baseline={baseline!r} is not allowed: give 'auto', None or an estimator."
                )
            baseline = subject.inside
        sets = {}
        if baseline is not None:
            sets["base model"] = find(baseline)
        return cls(sets | {"released": released}, unit).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        sets: CompatibleSets | dict[str, CompatibleSets],
        *,
        unit: str | None = None,
        ax: Any = None,
    ) -> CompatibleSetDisplay:
        """Draw sets at hand.

        Parameters
        ----------
        sets : CompatibleSets, or dict of str to CompatibleSets
            Of the same people, by the name of the model.
        unit : str, default=None
            As in `from_estimator`.
        ax : sequence of matplotlib Axes, or Axes, default=None
            As in `plot`.

        Returns
        -------
        display : CompatibleSetDisplay
        """
        several = {"released": sets} if isinstance(sets, CompatibleSets) else dict(sets)
        first = next(iter(several.values()), None)
        if first is None or any(
            s.feature != first.feature or not np.array_equal(s.own, first.own)
            for s in several.values()
        ):
            raise ValueError(
                "sets must be of the same people and the same feature, one at least: draw groups "
                "of people one by one, from sets[group == 'a']."
            )
        return cls(several, unit).plot(ax)

    def frame(self) -> pd.DataFrame:
        """What is drawn: every part of every set.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``model``, ``row``, ``label`` (of lists ``label_1``, ...), ``low``, ``high``,
            ``own`` (the true value) and ``holds_own`` (whether this part holds it). Of a
            categorical attribute: positions of the categories.
        """
        return pd.concat(
            [
                pd.DataFrame(
                    {"model": name, "row": sets.row}
                    | in_columns("label", sets.label[sets.row])
                    | {
                        "low": sets.start,
                        "high": sets.stop,
                        "own": sets.own[sets.row],
                        "holds_own": sets.holds_own,
                    }
                )
                for name, sets in self.sets.items()
            ],
            ignore_index=True,
        )

    def plot(self, ax: Any = None) -> CompatibleSetDisplay:
        """Draw each model's sets, people in the order of their true values, and the lengths.

        Of more people than fit, evenly spaced ones are drawn; the lengths are those of all.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, or Axes, default=None
            One for each model and one for the lengths; or one only, for the sets of the last
            model; None: a figure of its own.

        Returns
        -------
        self : CompatibleSetDisplay
        """
        models = list(self.sets.items())
        alone = ax is None
        if alone:
            plt = pyplot()
            wide = len(models) + 1
            figure, axes = plt.subplots(
                1, wide, figsize=(0.9 + 2.5 * wide, 4.2), layout="constrained"
            )
            for other in axes[1:-1]:
                other.sharey(axes[0])
                other.tick_params(labelleft=False)
        else:
            axes = np.ravel(np.asarray(ax, dtype=object))
            if len(axes) == 1:
                models = models[-1:]
            elif len(axes) != len(models) + 1:
                raise ValueError(
                    f"ax has {len(axes)} axes: give one, or {len(models) + 1} (one for each of the "
                    "models and one for the lengths)."
                )
            figure = axes[0].figure
        first = len(self.sets) - len(models)
        for place, (name, sets) in enumerate(models):
            self._draw_sets(axes[place], name, sets, look(first + place)["color"])
            if place:
                axes[place].set_ylabel("")
        if len(axes) > 1:
            self._draw_lengths(axes[-1])
        if alone:
            self._explain(figure)
        self.axes_, self.figure_ = axes, figure
        return self

    def _draw_sets(self, ax: Any, name: str, sets: CompatibleSets, colour: str) -> None:
        from matplotlib.collections import PolyCollection

        order = np.argsort(sets.own, kind="stable")
        shown = order[sample_positions(order, PEOPLE)]
        place = np.full(len(sets), -1)
        place[shown] = np.arange(len(shown))
        parts = np.flatnonzero(place[sets.row] >= 0)
        middle = place[sets.row[parts]]
        half = 0.4 if len(shown) <= _APART else 0.5  # of more people gaps would be a pattern
        pad = _pad(sets)
        low, high = sets.start[parts] - pad, sets.stop[parts] + pad
        across = np.stack([low, high, high, low])
        up = np.stack([middle - half, middle - half, middle + half, middle + half])
        corners = np.stack([across, up], axis=2).transpose(1, 0, 2)
        holds = sets.holds_own[parts]
        for mask, alpha in ((~holds, _ELSEWHERE), (holds, _AROUND)):
            bars = PolyCollection(
                list(corners[mask]), facecolors=colour, alpha=alpha, linewidths=0, antialiased=False
            )
            ax.add_collection(bars)
        own = sets.own[shown] + (0.5 if sets.categories is not None else 0.0)
        size = float(np.clip(200 / max(len(shown), 1), 1.5, 5))
        ax.plot(own, np.arange(len(shown)), "k.", markersize=size, clip_on=False)
        ax.set_xlim(sets.low - pad, sets.high + pad)
        ax.set_ylim(-1, len(shown))
        if sets.categories is not None:
            ax.set_xticks(np.arange(len(sets.categories)) + 0.5, [str(c) for c in sets.categories])
        ax.set_xlabel(self._axis(sets))
        few = len(shown) < len(sets)
        who = f"{len(shown)} of {len(sets):,}".replace(",", " ") if few else f"{len(sets)}"
        ax.set_ylabel(f"{who} people, by their true value (black)")
        ax.set_yticks([])
        ax.set_title(name)

    def _explain(self, figure: Any) -> None:
        """What bars and dots mean, below the panels."""
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        parts = [
            Patch(color="0.2", alpha=_AROUND, linewidth=0, label="same answer, around the value"),
            Line2D([], [], color="k", marker=".", linestyle="", label="true value"),
        ]
        first = next(iter(self.sets.values()))
        if first.categories is None:
            pale = Patch(color="0.2", alpha=_ELSEWHERE, linewidth=0, label="same answer, elsewhere")
            parts.insert(1, pale)
        else:
            parts[0].set_label("same answer")
        columns = 3 if len(self.sets) > 1 else 2  # as many as the figure is wide for
        figure.legend(handles=parts, loc="outside lower center", ncols=columns, frameon=False)

    def _draw_lengths(self, ax: Any) -> None:
        for number, (name, sets) in enumerate(self.sets.items()):
            draw_shares(ax, sets.component_length, name, number)
        first = next(iter(self.sets.values()))
        ax.set_xlim(0, first.span * 1.02)
        ax.set_ylim(0, 1.02)
        what = f"length of the interval{f' ({self.unit})' if self.unit else ''}"
        if first.categories is not None:
            what = f"compatible categories of {first.feature}"
        elif _pad(first):
            what = "possible values in the interval"
        ax.set_xlabel(what)
        ax.set_ylabel("share of people with no more than that")
        ax.set_title("how much is left open")
        ax.grid(alpha=0.3)
        ax.legend()

    def _axis(self, sets: CompatibleSets) -> str:
        return f"{sets.feature} ({self.unit})" if self.unit else str(sets.feature)


def _pad(sets: CompatibleSets) -> float:
    """Half a bar of one possible value; nothing where every number is possible."""
    if isinstance(sets.domain, str):
        return 0.5 if sets.domain == "integer" else 0.0
    return float(np.diff(sets.domain).min()) / 2
