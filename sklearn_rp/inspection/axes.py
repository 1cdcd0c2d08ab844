"""Axes to draw on, and colours that are told apart; matplotlib is imported when it is used."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from sklearn_rp.rows import sample_positions

# Okabe and Ito's colours, told apart by colour-blind readers, each with a line style of its own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":")
POINTS = 1000  # of a curve: no screen shows more


def pyplot() -> Any:
    """Matplotlib, or the extra to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError('Displays need matplotlib: pip install "sklearn-rp[plot]".') from error
    return plt


def look(number: int) -> dict[str, str]:
    """Colour and line style of a curve, by its number."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": STYLES[number % len(STYLES)]}


def draw_shares(ax: Any, values: np.ndarray, name: str, number: int) -> None:
    """A curve, by its number: the share of people with no more than a value."""
    values = np.sort(values)
    at = sample_positions(values, POINTS)
    ax.plot(
        np.r_[values[at[0]], values[at]],
        np.r_[0, (at + 1) / len(values)],
        drawstyle="steps-post",
        linewidth=1.8,
        label=name,
        **look(number),
    )


class Display:
    """A picture on one axes."""

    _grid = True  # lines across

    def plot(self, ax: Any = None) -> Self:
        """Draw it; several displays may share one axes.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        self : display
        """
        if ax is None:
            ax = pyplot().subplots(figsize=(6, 4.2), layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        self._draw(ax)
        if self._grid:
            ax.grid(alpha=0.3)
        ax.legend()
        return self

    def _draw(self, ax: Any) -> None:
        raise NotImplementedError
