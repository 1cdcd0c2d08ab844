"""The pictures of a report, drawn for a page that may be as narrow as a phone."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.joint_sets import JointSets
from sklearn_rp.inspection.axes import COLOURS, draw_shares
from sklearn_rp.inspection.compatible_set import PEOPLE, CompatibleSetDisplay
from sklearn_rp.report.sheet import Picture

NOT_DRAWN = 'Figures need matplotlib: pip install "sklearn-rp[plot]".'
_WIDTH = 5.6  # inches, of letters of 10 points: what a phone shows at two thirds is still read
_MARKERS = "osD^vP*"
_MOST_GROUPS = 12
_LARGEST = 15  # points, of a marker


def can_draw() -> bool:
    """Whether matplotlib is there."""
    return find_spec("matplotlib") is not None


def people_picture(sets: dict[str, CompatibleSets], word: str, unit: str | None) -> Picture:
    """Each person's set, by model, and how long the sets of all are."""
    names, first = list(sets), next(iter(sets.values()))
    wide = min(len(names), 2)
    lines = -(-len(names) // wide)
    with _figure(3.0 * lines + 2.4) as (figure, drawn):
        grid = figure.add_gridspec(lines + 1, wide, height_ratios=[3.0] * lines + [2.4])
        panels: list[Any] = []
        for place in range(len(names)):
            share = {"sharey": panels[0]} if panels else {}
            panels.append(figure.add_subplot(grid[divmod(place, wide)], **share))
        lengths = figure.add_subplot(grid[lines, :])
        CompatibleSetDisplay.from_predictions(sets, unit=unit, ax=[*panels, lengths])
        for place, (name, panel) in enumerate(zip(names, panels, strict=True)):
            panel.set_title(textwrap.fill(name, 34), fontsize=10)
            panel.set_ylabel("" if place % wide else "people, by their true value")
        lengths.set_ylabel("share of people with\nno more than that")
        png = drawn()
    middle = {name: float(np.median(each.component_length)) for name, each in sets.items()}
    found = "; ".join(f"{name}: {length:.3g}" for name, length in middle.items())
    return Picture(
        png,
        f"Sets of {first.feature} that go with each of {len(first)} people's {word}, and the share "
        f"of people with no more than a length. Median lengths around a person's own value, of "
        f"{first.span:.3g} possible{f' ({unit})' if unit else ''}: {found}.",
        f"Each line is a person, in the order of their true {first.feature} (black dot). Dark: "
        f"values around it with the same {word}; pale: values elsewhere with the same {word}. "
        "Below: how many people are left with no more than a length. "
        f"{min(len(first), PEOPLE)} of {len(first)} people are drawn, evenly spaced in that order. "
        "True values of people are in this picture.",
    )


def sides_picture(sets: JointSets, word: str) -> Picture:
    """How long the sides of people's boxes are, of the range of each feature."""
    with _figure(3.0) as (figure, drawn):
        ax = figure.add_subplot()
        for number, (feature, side) in enumerate(
            zip(sets.features, sets.component_length.T, strict=True)
        ):
            draw_shares(ax, side / feature.span, feature.name, number)
        ax.set_xlim(0, 1.02)
        ax.set_ylim(0, 1.02)
        ax.set_xlabel("side of the box, share of the range")
        ax.set_ylabel("share of people with\nno more than that")
        ax.grid(alpha=0.3)
        ax.legend(loc="upper left")
        png = drawn()
    share = sets.component_length / [feature.span for feature in sets.features]
    found = "; ".join(
        f"{feature.name}: {smallest:.1%} smallest, {median:.1%} median"
        for feature, smallest, median in zip(
            sets.features, share.min(axis=0), np.median(share, axis=0), strict=True
        )
    )
    return Picture(
        png,
        f"Shares of people by the side of the box around their own values. {found}.",
        f"Of the box around a person's own values, inside which the {word} is the same: how long "
        "its sides are. The further to the right a curve, the less is told.",
    )


def price_picture(points: pd.DataFrame, score: str) -> Picture:
    """What is left open against how good the answers are, a panel for each feature.

    Parameters
    ----------
    points : DataFrame
        Columns ``feature``, ``release``, ``score``, ``smallest`` and ``median``, shares of the
        range.
    score : str
        What the score is.
    """
    features = points["feature"].unique()
    names = points["release"].unique().tolist()
    with _figure(2.6 * len(features) + 0.3 + 0.25 * len(names)) as (figure, drawn):
        panels = figure.subplots(len(features), 1, sharex=True, squeeze=False).ravel()
        for feature, ax in zip(features, panels, strict=True):
            for line in points[points["feature"] == feature].itertuples():
                number = names.index(line.release)
                colour = COLOURS[number % len(COLOURS)]
                size = max(_LARGEST - 3 * number, 5)  # one behind another is seen around it
                style = {"color": colour, "clip_on": False}
                ax.plot([line.smallest, line.median], [line.score] * 2, lw=size / 3, **style)
                ax.plot(
                    line.median, line.score, _MARKERS[number % len(_MARKERS)], ms=size, ls="none",
                    label=textwrap.fill(line.release, 60), **style,
                )  # fmt: skip
                ax.plot(line.smallest, line.score, "|", ms=size + 4, mew=size / 3, **style)
            ax.set_xlim(0, 1.02)
            ax.margins(y=0.2)
            ax.set_title(f"{feature}", fontsize=10)
            ax.set_ylabel(textwrap.fill(score, 28))
            ax.grid(alpha=0.3)
        panels[-1].set_xlabel("left open: share of the range (bar: smallest, marker: median)")
        handles = dict(zip(*reversed(panels[0].get_legend_handles_labels()), strict=True))
        figure.legend(handles.values(), handles, loc="outside lower center", frameon=False)
        png = drawn()
    found = "; ".join(
        f"{p.release} ({p.feature}): {score} {p.score:.3g}, smallest share {p.smallest:.3g}, "
        f"median {p.median:.3g}"
        for p in points.itertuples()
    )
    return Picture(
        png,
        f"{score} against the share of the range left open. {found}.",
        "To the right: more is left open, around the value of half of the people (marker) and of "
        "the least protected person (bar). Upwards: better answers. Of equal ones the later is "
        "drawn on the earlier, and smaller.",
    )


def radii_picture(table: pd.DataFrame, reading: str) -> Picture:
    """Quantiles of the certified radius of each group."""
    table = table.head(_MOST_GROUPS)
    columns = [column for column in table.columns if column.endswith(" %")]
    with _figure(1.2 + 0.38 * len(table)) as (figure, drawn):
        ax = figure.add_subplot()
        at = np.arange(len(table))
        low, first, middle, third, high = table[columns].to_numpy(dtype=float).T
        ax.hlines(at, low, high, color="k", lw=1, zorder=0.9)
        ax.barh(at, third - first, left=first, height=0.6, color=COLOURS[5], edgecolor="k")
        ax.vlines(middle, at - 0.3, at + 0.3, color="k", lw=3)
        names = [
            f"{textwrap.shorten(group, 24, placeholder='...')} ({n})"
            for group, n in zip(table["group"], table["n"], strict=True)
        ]
        ax.set_yticks(at, names)
        ax.invert_yaxis()
        ax.set_xlim(left=0)
        ax.set_xlabel(reading)
        ax.grid(axis="x", alpha=0.3)
        png = drawn()
    found = "; ".join(
        f"{group}: {middle:.3g}"
        for group, middle in zip(table["group"], table[columns[2]], strict=True)
    )
    return Picture(
        png,
        f"{reading} by group, median: {found}.",
        "Box: the middle half of the group, thick line: its median, whiskers: from 5 % to 95 %; an "
        "uncertified person counts with 0. In brackets the number of people.",
    )


@contextmanager
def _figure(height: float) -> Iterator[tuple[Any, Any]]:
    """A figure, and what draws it; names are text, whatever signs are in them."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    known = {k: v for k, v in mpl.rcParamsDefault.items() if not k.startswith("backend")}
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", category=mpl.MatplotlibDeprecationWarning)
        mpl.rcParams.update(known | {"text.parse_math": False, "legend.fontsize": 9})
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")

        def drawn() -> bytes:
            data = BytesIO()
            figure.savefig(data, format="png", dpi=144, metadata={"Software": None})
            return data.getvalue()

        yield figure, drawn
