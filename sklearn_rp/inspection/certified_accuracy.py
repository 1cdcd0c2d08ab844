"""Certified accuracy against the radius, for each noise level or model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.certificate import Certificate
from sklearn_rp.certifying import certify
from sklearn_rp.inspection.axes import POINTS, Display, look
from sklearn_rp.metrics.scores import is_right
from sklearn_rp.rows import sample_positions


class CertifiedAccuracyDisplay(Display):
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
            what = several[0].name_of(feature)
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

    def _draw(self, ax: Any) -> None:
        self.lines_ = []
        for name, (radius, accuracy) in self.curves.items():
            style = look(len(ax.lines)) | {"drawstyle": "steps-pre", "linewidth": 1.8}
            (line,) = ax.plot(radius, accuracy, label=name, **style)
            self.lines_.append(line)
        ax.set_xlabel(self.unit)
        ax.set_ylabel("certified accuracy")
        ax.set_ylim(-0.02, 1.02)
        ax.set_xlim(0, 1.03 * max(line.get_xdata()[-1] for line in ax.lines) or 1)


def _certified_accuracy(
    y: Any, cert: Certificate, feature: str | int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Steps of the curve: the score at each radius up to which it holds."""
    right = is_right(y, cert)
    certified = cert.radius if feature is None else cert.half_width(feature)
    radius = np.unique(certified[~cert.abstained])
    # A subset of the steps runs below the curve, never above: the last radius of each is kept.
    radius = np.r_[0.0, radius[sample_positions(radius, POINTS)]]
    mine = np.sort(certified[right & ~cert.abstained])
    accuracy = (len(mine) - np.searchsorted(mine, radius)) / len(cert)
    return np.r_[radius, radius[-1]], np.r_[accuracy, 0.0]
