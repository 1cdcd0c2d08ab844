"""A page of its own, in pieces of HTML: it loads nothing from elsewhere."""

from __future__ import annotations

import html
import json
import os
import textwrap
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

_STYLE = (
    ".sklearn-rp-report{font-family:system-ui,sans-serif;line-height:1.5;max-width:60em}"
    ".sklearn-rp-report table{border-collapse:collapse;margin:.5em 0;font-size:.9em;"
    "width:max-content}"
    ".sklearn-rp-report td,.sklearn-rp-report th{padding:.3em .8em;text-align:right;"
    "border-bottom:1px solid #8886;vertical-align:top;max-width:20em}"
    ".sklearn-rp-report td:first-child,.sklearn-rp-report th:first-child{text-align:left}"
    ".sklearn-rp-report .scroll{overflow-x:auto}"
    ".sklearn-rp-report figure{margin:1em 0}"
    ".sklearn-rp-report img{max-width:100%;height:auto;background:#fff}"
    ".sklearn-rp-report figcaption{font-size:.9em}"
    ".sklearn-rp-report summary{cursor:pointer;font-size:1.2em;font-weight:bold}"
)
_PAGE = (
    ":root{color-scheme:light dark}"
    "body{font-family:system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
    "@media print{figure,tr{break-inside:avoid}h2,h3{break-after:avoid}"
    ".sklearn-rp-report .scroll{overflow:visible}.sklearn-rp-report table{width:auto}}"
)


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with what it shows in words.

    Parameters
    ----------
    png : bytes
        The figure.
    alt : str
        What it shows, for who cannot see it.
    caption : str
        How to read it.
    """

    png: bytes
    alt: str
    caption: str

    def to_html(self) -> str:
        """Inside the page, nothing to load."""
        data = b64encode(self.png).decode("ascii")
        alt = html.escape(self.alt)
        return (
            f'<figure><img alt="{alt}" src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(self.caption)}</figcaption></figure>"
        )


class Sheet:
    """What shows in a notebook, and goes to HTML and JSON."""

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text."""
        raise NotImplementedError

    def _body(self, people: bool) -> str:
        raise NotImplementedError

    def to_json(self, path: str | os.PathLike | None = None) -> str:
        """The report as JSON: figures over all people and over groups.

        No person's own value is in it, but for the ends of ranges that were taken from rows, of
        which the warnings speak, and for groups of one.

        Parameters
        ----------
        path : str or path, default=None
            File to write as well.

        Returns
        -------
        text : str
        """
        return _written(json.dumps(self.to_dict(), indent=1, allow_nan=False), path)

    def to_html(
        self,
        path: str | os.PathLike | None = None,
        *,
        title: str = "Privacy report",
        people: bool = True,
    ) -> str:
        """The report as a page of its own, which loads nothing from elsewhere.

        Parameters
        ----------
        path : str or path, default=None
            File to write as well.
        title : str, default="Privacy report"
            Heading of the page.
        people : bool, default=True
            Whether the pictures of single people, who show with their true values, are in it.

        Returns
        -------
        text : str
        """
        page = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(title)}</title><style>{_PAGE}</style></head>"
            f"<body><h1>{html.escape(title)}</h1>{self._shown(people)}</body></html>"
        )
        return _written(page, path)

    def _repr_html_(self) -> str:
        return self._shown(True)

    def _shown(self, people: bool) -> str:
        return f'<div class="sklearn-rp-report"><style>{_STYLE}</style>{self._body(people)}</div>'


def listed(title: str, items: Sequence[str], level: int = 2) -> str:
    """A heading and a list."""
    entries = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f"<h{level}>{html.escape(title)}</h{level}><ul>{entries}</ul>"


def tabled(title: str, note: str, table: pd.DataFrame, pictures: Sequence[Picture] = ()) -> str:
    """A heading, what a table says in words, pictures, and the table, as wide as it needs."""
    shown = table.to_html(index=False, border=0, float_format=short, na_rep="")
    head = f"<h2>{html.escape(title)}</h2><p>{html.escape(note)}</p>"
    drawn = "".join(picture.to_html() for picture in pictures)
    return f"{head}{drawn}<div class='scroll'>{shown}</div>"


def folded(title: str, content: str) -> str:
    """A part that may be folded."""
    return f"<details open><summary>{html.escape(title)}</summary>{content}</details>"


def wrapped(items: Sequence[str]) -> list[str]:
    """A list as lines of text."""
    return [line for item in items for line in textwrap.wrap(f"- {item}", 118)]


def short(number: float) -> str:
    """Three digits; no sign of a zero."""
    return f"{number + 0.0:.3g}"


def records(table: pd.DataFrame | None) -> Any:
    """A table as plain records."""
    return None if table is None else json.loads(table.to_json(orient="records"))


def _written(text: str, path: str | os.PathLike | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text
