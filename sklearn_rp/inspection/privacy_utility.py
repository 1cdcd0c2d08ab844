"""Accuracy against privacy of the candidates of a search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.inspection.axes import Display, look
from sklearn_rp.model_selection import scorers_of, standard_errors


class PrivacyUtilityDisplay(Display):
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
                known = scorers_of(cv_results)
                raise ValueError(f"{column}={scorer!r} is no scorer of the search: it has {known}.")
            table[column] = np.asarray(cv_results[f"mean_test_{scorer}"], dtype=float)
            table[f"{column}_error"] = standard_errors(cv_results, scorer)
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

    def _draw(self, ax: Any) -> None:
        from matplotlib.colors import to_rgba
        from matplotlib.container import ErrorbarContainer

        number = sum(isinstance(c, ErrorbarContainer) for c in ax.containers)
        colour = look(number)["color"]
        table = self.table
        ax.errorbar(
            table["privacy"],
            table["accuracy"],
            xerr=table["privacy_error"],
            yerr=table["accuracy_error"],
            fmt="osD^v"[number % 5],
            markersize=4,
            color=colour,
            ecolor=to_rgba(colour, 0.35),
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
