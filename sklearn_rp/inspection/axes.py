"""Axes to draw on, and colours that are told apart; matplotlib is imported when it is used."""

from __future__ import annotations

from typing import Any

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


def axes_or_new(ax: Any) -> Any:
    """The axes to draw on."""
    return pyplot().subplots(figsize=(6, 4.2), layout="constrained")[1] if ax is None else ax


def look(number: int) -> dict[str, str]:
    """Colour and line style of a curve, by its number."""
    return {"color": COLOURS[number % len(COLOURS)], "linestyle": STYLES[number % len(STYLES)]}
