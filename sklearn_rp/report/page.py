"""A report as a page: tables, each with what it says in words, as text, HTML and JSON."""

from __future__ import annotations

import html
import json
import os
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sklearn_rp._version import __version__

_RADII = (
    "How far the noised features of a person may move, all others fixed, before the {word} may "
    "change: for 5 % of the people less than is said under 5 %, and so on. A radius ends at the "
    "diameter of the training rows, even where the {word} never changes."
)
_SETS = (
    "Values of {0} around a person's own that get the same {word}, all other features fixed: "
    "length of the stretch in the unit of {0}, or number of values where only some are possible. "
    "Whoever knows the model, the other features and the {word} cannot tell them apart. Groups: "
    "what is released, or those given."
)
_JOINT = (
    "Joint values of {0} that get the same {word}, all other features fixed: sides of a box around "
    "a person's own values, in each feature's unit or in numbers of possible values, and the share "
    "of all joint values."
)
_JOINT_ATTACK = (
    "What attackers guess who know the model and the features that are not sensitive, and of the "
    "sensitive ones the others, or none. "
)
_LEFT = (
    "Values around a person's own that go with all answers which the ledger remembers; where it "
    "remembers none, the whole range. Next answers constant: how many people are left with so "
    "little that no further answer of this model depends on it."
)
_ATTACK = (
    "What attackers guess who know the model and all other features. Imputation sees no {word}; "
    "the others see it, too: gain is what that adds, with its 95 % interval over people. "
)
_OF_NUMBERS = (
    "error: mean distance of the guess from the truth; length: of the set of values that the "
    "attacker is left with; coverage: how often that holds the truth."
)
_OF_CATEGORIES = (
    "mcc: Matthews' correlation of guess and truth, 0 for chance and 1 for certainty; g_mean: "
    "geometric mean of the shares of each category that are guessed."
)
SEVERAL_RELEASES = (
    "Several releases about one person, by other models or after retraining: what they leave open "
    "is the intersection of their sets."
)
NOT_IN_THE_LEDGER = "Releases about these people that did not go through the ledger."
NOT_COVERED = (
    "What the other features give away without any model: see the imputation line of each attack.",
    SEVERAL_RELEASES,
    "Copying the model through its answers (extraction), and rebuilding inputs from many queries "
    "(inversion): measure them with sklearn_rp.attacks.",
    "Features that are neither noised nor named as sensitive here.",
    "Vote shares, certificates and this report itself: they are computed from people's rows and "
    "stay with the owner of the data.",
)


@dataclass(frozen=True, eq=False, repr=False)
class PrivacyReport:
    """What a release promises, what it leaves open, and what an attacker gains by it.

    Shows as tables in a notebook. It is about people's rows: for the owner of the data and whoever
    audits, not for publication.

    Parameters
    ----------
    operating_point : dict
        What is released and how: estimator, method, noise, votes, accuracy.
    radii : DataFrame or None
        Quantiles over rows of the certified radius and of the half-widths, and the share of rows
        certified at all; None where the estimator has no certificates.
    sets : dict of str to DataFrame
        For each sensitive feature, the sets of compatible values: over all rows and per group;
        and of several together, where they were looked at jointly.
    attacks : dict of str to DataFrame
        For each sensitive feature, attribute inference beside its baseline.
    warnings : list of str
        What to look at, in plain words.
    not_covered : list of str
        What nothing in this report speaks of.
    left_open : DataFrame or None
        What is left open after all that a ledger remembers: over all rows and per group; and of how
        many people so little that the next answers cannot depend on the feature.
    """

    operating_point: dict[str, Any]
    radii: pd.DataFrame | None
    sets: dict[str, pd.DataFrame]
    attacks: dict[str, pd.DataFrame]
    warnings: list[str]
    not_covered: list[str]
    left_open: pd.DataFrame | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, tables as lists of records.

        Returns
        -------
        record : dict
        """

        def records(table: pd.DataFrame | None) -> Any:
            return None if table is None else json.loads(table.to_json(orient="records"))

        return {
            "sklearn_rp": __version__,
            "operating_point": self.operating_point,
            "radii": records(self.radii),
            "sets": {name: records(table) for name, table in self.sets.items()},
            "attacks": {name: records(table) for name, table in self.attacks.items()},
            "left_open": records(self.left_open),
            "warnings": self.warnings,
            "not_covered": self.not_covered,
        }

    def to_json(self, path: str | os.PathLike | None = None) -> str:
        """The report as JSON.

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
        self, path: str | os.PathLike | None = None, *, title: str = "Privacy report"
    ) -> str:
        """The report as a page of its own, which loads nothing from elsewhere.

        Parameters
        ----------
        path : str or path, default=None
            File to write as well.
        title : str, default="Privacy report"
            Heading of the page.

        Returns
        -------
        text : str
        """
        page = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
            f"<body><h1>{html.escape(title)}</h1>{self._repr_html_()}</body></html>"
        )
        return _written(page, path)

    def _repr_html_(self) -> str:
        parts = [_list("Look at this", self.warnings or _NOTHING)]
        for title, note, table in self._tables():
            shown = table.to_html(index=False, border=0, float_format="{:.3g}".format, na_rep="")
            head = f"<h2>{html.escape(title)}</h2><p>{html.escape(note)}</p>"
            parts.append(f"{head}<div class='scroll'>{shown}</div>")
        parts.append(_list("Not covered", self.not_covered))
        return "".join(parts)

    def __repr__(self) -> str:
        lines = [f"PrivacyReport of {self.operating_point['estimator']}", ""]
        lines += ["Look at this:", *(f"- {each}" for each in self.warnings or _NOTHING), ""]
        for title, note, table in self._tables():
            lines += [title, *textwrap.wrap(note, 100)]
            lines += [table.to_string(index=False, float_format="{:.3g}".format, na_rep=""), ""]
        lines += ["Not covered:", *(f"- {text}" for text in self.not_covered)]
        return "\n".join(lines)

    def _tables(self) -> list[tuple[str, str, pd.DataFrame]]:
        point = [(key.replace("_", " "), _shown(v)) for key, v in self.operating_point.items()]
        table = pd.DataFrame(point, columns=["", "value"])
        tables = [("Operating point", "What is released, and how.", table)]
        word = str(self.operating_point.get("released", "labels")).removesuffix("s")
        if self.radii is not None:
            tables.append(("Certified radius", _RADII.format(word=word), self.radii))
        for name in self.sets:
            title = f"What the {word} leaves open of {name}"
            joint = "median share of the joint range" in self.sets[name]
            note = (_JOINT if joint else _SETS).format(name, word=word)
            tables.append((title, note, self.sets[name]))
            if name in self.attacks:
                attack = self.attacks[name]
                note = _JOINT_ATTACK if joint else _ATTACK.format(word=word)
                note += (_OF_NUMBERS + " ") * ("error" in attack) + _OF_CATEGORIES * (
                    "mcc" in attack
                )
                tables.append((f"Guessing {name}", note, attack))
        if self.left_open is not None:
            tables.append(("What all releases in the ledger leave open", _LEFT, self.left_open))
        return tables


_NOTHING = ["Nothing stood out."]
_STYLE = (
    "body{font-family:system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;"
    "line-height:1.5}table{border-collapse:collapse;margin:1em 0}td,th{padding:.3em .8em;"
    "text-align:right;border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}"
    ".scroll{overflow-x:auto}"
)


def _list(title: str, items: Sequence[str]) -> str:
    entries = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f"<h2>{html.escape(title)}</h2><ul>{entries}</ul>"


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_shown(v) for v in value[:8]) + (" ..." if len(value) > 8 else "")
    return str(value)


def _written(text: str, path: str | os.PathLike | None) -> str:
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text
