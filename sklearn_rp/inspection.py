"""Pictures of certificates, of the price of privacy, and of what a release leaves open."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import column_or_1d

from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.finding import compatible_sets, sets_of
from sklearn_rp.attribute.minimum import AttributePrivacyClassifier
from sklearn_rp.attribute.release import Release
from sklearn_rp.attribute.transformer import AttributePrivacyTransformer
from sklearn_rp.certificate import Certificate
from sklearn_rp.classifier import RobustPrivacyClassifier, certify
from sklearn_rp.metrics import certified_accuracy_score
from sklearn_rp.models.inside import unwrapped
from sklearn_rp.validation import check_rows

__all__ = ["CertifiedAccuracyDisplay", "CompatibleSetDisplay", "PrivacyUtilityDisplay"]


def __dir__() -> list[str]:
    return __all__


# Okabe and Ito's colours, told apart by colour-blind readers, each with a line style of its own.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", "-.", ":")
_POINTS = 1000  # of a curve: no screen shows more
_PEOPLE = 300  # of a picture of intervals
_APART = 80  # of whom each has a bar of their own
_AROUND, _ELSEWHERE = 0.75, 0.3  # opacity of the bars


class CertifiedAccuracyDisplay:
    """Certified accuracy against radius: one curve for each noise level or model.

    Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    curves : dict of str to (radius, certified_accuracy)
        Steps of each curve: `certified_accuracy` holds from the radius before up to `radius`.
    unit : str
        What the radius is measured in, for the axis.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        After `plot`.
    lines_ : list of matplotlib Line2D
        After `plot`, one for each curve.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.inspection import CertifiedAccuracyDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = RobustPrivacyClassifier(noise_features=[2]).fit(X, y)
    >>> display = CertifiedAccuracyDisplay.from_estimator(clf, X, y, sigmas=[0.25, 1.0])
    >>> display.frame().columns.tolist()
    ['name', 'radius', 'certified_accuracy']
    """

    def __init__(self, curves: dict[str, tuple[np.ndarray, np.ndarray]], unit: str):
        self.curves = curves
        self.unit = unit

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        sigmas: Sequence[float] | None = None,
        feature: str | int | None = None,
        unit: str | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> CertifiedAccuracyDisplay:
        """Certify rows and draw the curves.

        Parameters
        ----------
        estimator : fitted estimator
            Anything that :func:`sklearn_rp.certify` takes.
        X : array-like or DataFrame of shape (n_rows, n_features)
            Rows.
        y : array-like of shape (n_rows,)
            True labels.
        sigmas : sequence of float, default=None
            Noise levels, a curve each; None: the one of the fit.
        feature : str or int, default=None
            A noised feature: its half-width in its own unit takes the place of the radius.
        unit : str, default=None
            Unit for the axis: of `feature` (``"kg/m2"``), or of the radius (``"standard
            deviations"`` with the default `noise_scale`).
        name : str, default=None
            What the curves are called in the legend; None: the noise level alone.
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        display : CertifiedAccuracyDisplay
        """
        levels = [certify(estimator, X)] if sigmas is None else certify(estimator, X, sigmas)
        return cls.from_predictions(y, levels, feature=feature, unit=unit, name=name, ax=ax)

    @classmethod
    def from_predictions(
        cls,
        y: Any,
        certificates: Certificate | Sequence[Certificate],
        *,
        feature: str | int | None = None,
        unit: str | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> CertifiedAccuracyDisplay:
        """Draw the curves of certificates at hand.

        Parameters
        ----------
        y : array-like of shape (n_rows,)
            True labels.
        certificates : Certificate or list of Certificate
            Of the same rows.
        feature : str or int, default=None
            As in `from_estimator`.
        unit, name : str, default=None
            As in `from_estimator`.
        ax : matplotlib Axes, default=None
            As in `from_estimator`.

        Returns
        -------
        display : CertifiedAccuracyDisplay
        """
        several = [certificates] if isinstance(certificates, Certificate) else list(certificates)
        curves = {}
        for cert in several:
            title = f"sigma = {cert.sigma:.6g}"
            title = title if name is None else f"{name}, {title}"
            if title in curves:
                raise ValueError(f"Two certificates are called {title!r}: draw them one by one.")
            curves[title] = _certified_accuracy(y, cert, feature)
        if feature is None:
            unit = "scaled units" if unit is None else unit
            axis = f"certified radius ({unit})"
        else:
            what = several[0].feature_names[several[0]._place(feature)]
            axis = f"certified half-width of {what} ({unit or 'its own unit'})"
        return cls(curves, axis).plot(ax)

    def frame(self) -> pd.DataFrame:
        """What is drawn: the steps of each curve.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``name``, ``radius``, ``certified_accuracy``.
        """
        parts = [
            pd.DataFrame({"name": name, "radius": radius, "certified_accuracy": accuracy})
            for name, (radius, accuracy) in self.curves.items()
        ]
        return pd.concat(parts, ignore_index=True)

    def plot(self, ax: Any = None) -> CertifiedAccuracyDisplay:
        """Draw the curves; several displays may share one axes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        self : CertifiedAccuracyDisplay
        """
        self.ax_ = ax = _axes(ax)
        self.figure_ = ax.figure
        self.lines_ = []
        looks = _looks(len(ax.lines))
        for name, (radius, accuracy) in self.curves.items():
            (line,) = ax.plot(
                radius, accuracy, drawstyle="steps-pre", label=name, linewidth=1.8, **next(looks)
            )
            self.lines_.append(line)
        ax.set_xlabel(self.unit)
        ax.set_ylabel("certified accuracy")
        ax.set_ylim(-0.02, 1.02)
        ax.set_xlim(0, 1.03 * max(line.get_xdata()[-1] for line in ax.lines) or 1)
        ax.grid(alpha=0.3)
        ax.legend()
        return self


def _certified_accuracy(
    y: Any, cert: Certificate, feature: str | int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the curve: the score at each radius up to which it holds."""
    certified = cert.radius if feature is None else cert.half_width(feature)
    radius = np.unique(certified[~cert.abstained])
    # A subset of the steps runs below the curve, never above: the last radius of each is kept.
    chosen = np.unique(np.linspace(0, max(len(radius) - 1, 0), _POINTS).astype(int))
    radius = np.r_[0.0, radius[chosen[: len(radius)]]]
    certified_accuracy_score(y, cert)  # checks both
    mine = np.sort(certified[(column_or_1d(y) == cert.label) & ~cert.abstained])
    accuracy = (len(mine) - np.searchsorted(mine, radius)) / len(cert)
    return np.r_[radius, radius[-1]], np.r_[accuracy, 0.0]


class PrivacyUtilityDisplay:
    """Accuracy against privacy of a search's candidates, their frontier, and the chosen one.

    Use `from_cv_results` or `from_estimator` to make one.

    Parameters
    ----------
    table : DataFrame
        What `frame` gives.
    accuracy, privacy : str
        Names of the two scores, for the axes.
    name : str, default=None
        What the candidates are called in the legend.

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
        After `plot`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.inspection import PrivacyUtilityDisplay
    >>> from sklearn_rp.metrics import average_certified_radius, make_certificate_scorer
    >>> from sklearn_rp.model_selection import NoiseSearchCV, max_privacy
    >>> X, y = load_iris(return_X_y=True)
    >>> search = NoiseSearchCV(
    ...     RobustPrivacyClassifier(noise_features=[2]),
    ...     [0.25, 0.5, 1.0],
    ...     scoring={
    ...         "accuracy": "accuracy",
    ...         "radius": make_certificate_scorer(average_certified_radius),
    ...     },
    ...     refit=max_privacy(0.02),
    ... ).fit(X, y)
    >>> display = PrivacyUtilityDisplay.from_estimator(search)
    >>> int(display.frame()["chosen"].sum())
    1
    """

    def __init__(self, table: pd.DataFrame, accuracy: str, privacy: str, name: str | None = None):
        self.table = table
        self.accuracy = accuracy
        self.privacy = privacy
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        search: Any,
        *,
        accuracy: str = "accuracy",
        privacy: str = "radius",
        name: str | None = None,
        ax: Any = None,
    ) -> PrivacyUtilityDisplay:
        """Draw the candidates of a fitted search, and the one that it chose.

        Parameters
        ----------
        search : fitted GridSearchCV, NoiseSearchCV or other search
            With several scorers.
        accuracy, privacy : str, default="accuracy" and "radius"
            As in `from_cv_results`.
        name : str, default=None
            As in `from_cv_results`.
        ax : matplotlib Axes, default=None
            As in `from_cv_results`.

        Returns
        -------
        display : PrivacyUtilityDisplay
        """
        if not hasattr(search, "cv_results_"):
            raise ValueError(f"{type(search).__name__} has no cv_results_: fit the search first.")
        chosen = getattr(search, "best_index_", None)
        return cls.from_cv_results(
            search.cv_results_, accuracy=accuracy, privacy=privacy, chosen=chosen, name=name, ax=ax
        )

    @classmethod
    def from_cv_results(
        cls,
        cv_results: dict[str, Any],
        *,
        accuracy: str = "accuracy",
        privacy: str = "radius",
        chosen: int | Callable | None = None,
        name: str | None = None,
        ax: Any = None,
    ) -> PrivacyUtilityDisplay:
        """Draw the candidates of a search.

        Parameters
        ----------
        cv_results : dict
            ``cv_results_`` of a search.
        accuracy, privacy : str, default="accuracy" and "radius"
            Names of two of its scorers; more is better for both.
        chosen : int or callable, default=None
            The candidate to mark, or a rule such as :func:`~sklearn_rp.model_selection.max_privacy`
            that chooses it.
        name : str, default=None
            What the candidates are called in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        display : PrivacyUtilityDisplay
        """
        table = pd.DataFrame({"candidate": [_words(params) for params in cv_results["params"]]})
        for column, scorer in (("accuracy", accuracy), ("privacy", privacy)):
            if f"mean_test_{scorer}" not in cv_results:
                known = [key[10:] for key in cv_results if key.startswith("mean_test_")]
                raise ValueError(f"{column}={scorer!r} is no scorer of the search: it has {known}.")
            mean = np.asarray(cv_results[f"mean_test_{scorer}"], dtype=float)
            splits = [
                np.asarray(value, dtype=float)
                for key, value in cv_results.items()
                if key.startswith("split") and key.endswith(f"_test_{scorer}")
            ]
            table[column] = mean
            error = np.std(splits, axis=0, ddof=1) / np.sqrt(len(splits)) if len(splits) > 1 else 0
            table[f"{column}_error"] = error
        index = chosen(cv_results) if callable(chosen) else chosen
        table["chosen"] = np.arange(len(table)) == (-1 if index is None else index)
        table["frontier"] = _frontier(table["accuracy"].to_numpy(), table["privacy"].to_numpy())
        return cls(table, accuracy, privacy, name).plot(ax)

    def frame(self) -> pd.DataFrame:
        """What is drawn, one line for each candidate.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``candidate``, ``accuracy``, ``accuracy_error`` (one standard error over the
            splits), ``privacy``, ``privacy_error``, ``chosen``, ``frontier`` (no other candidate is
            better in both).
        """
        return self.table.copy()

    def plot(self, ax: Any = None) -> PrivacyUtilityDisplay:
        """Draw the candidates; several displays may share one axes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        self : PrivacyUtilityDisplay
        """
        self.ax_ = ax = _axes(ax)
        self.figure_ = ax.figure
        number = sum(isinstance(c, _container()) for c in ax.containers)
        colour = _COLOURS[number % len(_COLOURS)]
        table = self.table
        ax.errorbar(
            table["privacy"],
            table["accuracy"],
            xerr=table["privacy_error"],
            yerr=table["accuracy_error"],
            fmt="osD^v"[number % 5],
            markersize=4,
            color=colour,
            ecolor=(*_rgb(colour), 0.35),
            label=self.name or "candidates, with standard errors",
        )
        edge = table[table["frontier"]].sort_values("privacy")
        ax.plot(edge["privacy"], edge["accuracy"], color=colour, linewidth=1, alpha=0.7)
        for _, row in table[table["chosen"]].iterrows():
            ax.plot(
                row["privacy"],
                row["accuracy"],
                "o",
                markersize=13,
                markerfacecolor="none",
                markeredgecolor=colour,
                markeredgewidth=2,
                linestyle="none",
                label=f"chosen: {row['candidate']}",
            )
        ax.set_xlabel(f"privacy: {self.privacy} (mean over splits)")
        ax.set_ylabel(f"{self.accuracy} (mean over splits)")
        ax.grid(alpha=0.3)
        ax.legend()
        return self


def _frontier(accuracy: np.ndarray, privacy: np.ndarray) -> np.ndarray:
    """Candidates that no other beats in one score without losing in the other."""
    known = np.isfinite(accuracy) & np.isfinite(privacy)
    accuracy, privacy = (np.where(known, v, -np.inf) for v in (accuracy, privacy))
    order = np.lexsort((-accuracy, -privacy))
    best = np.maximum.accumulate(np.r_[-np.inf, accuracy[order][:-1]])
    mask = np.zeros(len(accuracy), dtype=bool)
    mask[order] = accuracy[order] > best
    return mask & known


def _words(params: dict[str, Any]) -> str:
    """Parameters of a candidate, short: the step of a pipeline goes without saying."""
    return ", ".join(
        f"{name.split('__')[-1]} = {value:.3g}"
        if isinstance(value, float | np.floating)
        else f"{name.split('__')[-1]} = {value}"
        for name, value in params.items()
    )


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
        baseline: Any = "auto",
        unit: str | None = None,
        ax: Any = None,
    ) -> CompatibleSetDisplay:
        """Find the sets of some rows and draw them.

        Parameters
        ----------
        estimator : fitted classifier or AttributePrivacyTransformer
            Whose release it is about.
        X : array-like or DataFrame of shape (n_rows, n_features)
            Rows.
        sensitive_feature : str or int, default=None
            Name or position of the attribute, where the estimator does not know it itself, as an
            AttributePrivacyTransformer and an AttributePrivacyClassifier do.
        bounds : (low, high), or sequence of categories, default=None
            With `sensitive_feature`: the values that are possible; None: those in `X`.
        baseline : "auto", None or fitted classifier, default="auto"
            The model to compare with: "auto" is the base model of a smoothed classifier or of an
            AttributePrivacyClassifier, where it is one that releases; None is no comparison.
        unit : str, default=None
            Unit of the attribute, for the axes (``"kg/m2"``).
        ax : sequence of matplotlib Axes, or Axes, default=None
            As in `plot`.

        Returns
        -------
        display : CompatibleSetDisplay
        """
        knows = hasattr(estimator, "compatible_sets")
        if knows and (sensitive_feature is not None or bounds is not None):
            raise ValueError(
                f"{type(estimator).__name__} knows its sensitive feature and its bounds: leave out "
                "sensitive_feature and bounds."
            )
        if not knows and sensitive_feature is None:
            raise ValueError(
                f"{type(estimator).__name__} does not know which feature is sensitive: give "
                "sensitive_feature, and bounds."
            )
        if knows:
            rows = check_rows(estimator, X, reset=False)
            attribute = estimator.release_.feature

            def find(model: Any) -> CompatibleSets:
                return sets_of(Release(model, attribute, rows, estimator.resolution), rows)

            released = estimator.compatible_sets(X)
        else:

            def find(model: Any) -> CompatibleSets:
                asked = {"sensitive_feature": sensitive_feature, "bounds": bounds}
                return compatible_sets(model, X, **asked)

            released = find(estimator)
        if isinstance(baseline, str):
            if baseline != "auto":
                raise ValueError(
                    f"baseline={baseline!r} is not allowed: give 'auto', None or a classifier."
                )
            model = estimator
            if isinstance(model, AttributePrivacyTransformer):
                model = model.estimator_
            model = unwrapped(model)
            ours = isinstance(model, RobustPrivacyClassifier | AttributePrivacyClassifier)
            baseline = model.estimator_ if ours else None
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
            Columns ``model``, ``row``, ``label``, ``low``, ``high``, ``own`` (the true value) and
            ``holds_own`` (whether this part holds it). Of a categorical attribute: positions of the
            categories.
        """
        return pd.concat(
            [
                pd.DataFrame(
                    {
                        "model": name,
                        "row": sets.row,
                        "label": sets.label[sets.row],
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
            plt = _pyplot()
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
        looks = _looks(0)
        colours = [next(looks) for _ in self.sets]
        for place, ((name, sets), look) in enumerate(
            zip(models, colours[-len(models) :], strict=True)
        ):
            self._draw_sets(axes[place], name, sets, look["color"])
            if place:
                axes[place].set_ylabel("")
        if len(axes) > 1:
            self._draw_lengths(axes[-1], colours)
        if alone:
            self._explain(figure)
        self.axes_, self.figure_ = axes, figure
        return self

    def _draw_sets(self, ax: Any, name: str, sets: CompatibleSets, colour: str) -> None:
        from matplotlib.collections import PolyCollection

        order = np.argsort(sets.own, kind="stable")
        shown = order[np.unique(np.linspace(0, len(order) - 1, _PEOPLE).astype(int))]
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
            Patch(color="0.2", alpha=_AROUND, linewidth=0, label="same label, around the value"),
            Line2D([], [], color="k", marker=".", linestyle="", label="true value"),
        ]
        first = next(iter(self.sets.values()))
        if first.categories is None:
            pale = Patch(color="0.2", alpha=_ELSEWHERE, linewidth=0, label="same label, elsewhere")
            parts.insert(1, pale)
        else:
            parts[0].set_label("same label")
        columns = 3 if len(self.sets) > 1 else 2  # as many as the figure is wide for
        figure.legend(handles=parts, loc="outside lower center", ncols=columns, frameon=False)

    def _draw_lengths(self, ax: Any, colours: list[dict[str, str]]) -> None:
        for (name, sets), look in zip(self.sets.items(), colours, strict=True):
            length = np.sort(sets.component_length)
            at = np.unique(np.linspace(0, len(length) - 1, _POINTS).astype(int))
            share = (at + 1) / len(length)
            ax.plot(
                np.r_[length[at[0]], length[at]],
                np.r_[0, share],
                drawstyle="steps-post",
                label=name,
                linewidth=1.8,
                **look,
            )
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


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('Displays need matplotlib: pip install "sklearn-rp[plot]".') from error
    return plt


def _axes(ax: Any) -> Any:
    """The axes to draw on."""
    return _pyplot().subplots(figsize=(6, 4.2), layout="constrained")[1] if ax is None else ax


def _looks(start: int) -> Iterator[dict[str, str]]:
    """Colours with their line styles, from a place on."""
    for number in itertools.count(start):
        yield {
            "color": _COLOURS[number % len(_COLOURS)],
            "linestyle": _STYLES[number % len(_STYLES)],
        }


def _container() -> Any:
    from matplotlib.container import ErrorbarContainer

    return ErrorbarContainer


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
