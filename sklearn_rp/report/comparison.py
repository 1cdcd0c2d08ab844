"""Several releases about the same people, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from sklearn_rp._version import __version__
from sklearn_rp.report.page import PrivacyReport
from sklearn_rp.report.pictures import NOT_DRAWN, can_draw, people_picture, price_picture
from sklearn_rp.report.quality import score_of
from sklearn_rp.report.sheet import Picture, Sheet, folded, listed, records, short, tabled, wrapped
from sklearn_rp.report.tables import best_of, shares_of
from sklearn_rp.report.words import unit_of, word_of

_NOTE = (
    "How good the answers of each model are, what it promises, and which share of the range it "
    "leaves open around the least protected person, and around half of them; and how much smaller "
    "the mean error of the best attacker who sees the answers is than that of one who does not "
    "(for categories: larger Matthews' correlation), with its 95 % interval over people."
)


@dataclass(frozen=True, eq=False, repr=False)
class PrivacyComparison(Sheet):
    """Reports on several releases about the same people, side by side.

    What :func:`~sklearn_rp.privacy_report` gives for several estimators.

    Parameters
    ----------
    reports : dict of str to PrivacyReport
        By the name of the model.
    """

    reports: dict[str, PrivacyReport]

    @property
    def summary(self) -> list[str]:
        """For each model what it promises, its price, and what it leaves open."""
        return [f"{name}: {' '.join(report.summary[1:])}" for name, report in self.reports.items()]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One line for each model: score, promise, shares left open, the attacker's gain."""
        return pd.DataFrame([_line(name, report) for name, report in self.reports.items()])

    def points(self) -> pd.DataFrame:
        """What the figure of the price shows.

        Returns
        -------
        points : pandas.DataFrame
            As of :meth:`PrivacyReport.points`, one line for each feature and model.
        """
        tables = {name: report.points() for name, report in self.reports.items()}
        own = [
            table[table["release"] == "released"].assign(release=name)
            for name, table in tables.items()
        ]
        alone = [table[table["release"] == "one answer for everybody"] for table in tables.values()]
        found = [table for table in (*own, *alone) if len(table)]  # random releases have none
        together = pd.concat(found, ignore_index=True) if found else own[0]
        return together.drop_duplicates(ignore_index=True)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, tables as lists of records.

        Returns
        -------
        record : dict
        """
        reports = {name: report.to_dict() for name, report in self.reports.items()}
        return {"sklearn_rp": __version__, "table": records(self.table), "reports": reports}

    @cached_property
    def _pictures(self) -> dict[str, Picture]:
        """Drawn once: of the price, and for each feature."""
        looked_at = [report for report in self.reports.values() if report.sets]
        first = next(iter(looked_at or self.reports.values()))
        if not can_draw() or not first.sets:
            return {}
        score = score_of(first.operating_point)[0]
        found = {"price": price_picture(self.points(), score)}
        for feature in first.people:
            of_all = {name: report.people.get(feature) for name, report in self.reports.items()}
            several = {n: s["released"] for n, s in of_all.items() if isinstance(s, dict)}
            if several:
                unit = first.operating_point["units"].get(feature)
                found[feature] = people_picture(several, word_of(first.operating_point), unit)
        return found

    def _body(self, people: bool) -> str:
        drawn = [p for key, p in self._pictures.items() if people or key == "price"]
        parts = [tabled("Side by side", _NOTE, self._turned()), *(each.to_html() for each in drawn)]
        parts.append(listed("In short", self.summary))
        if not can_draw():
            parts.append(f"<p>{NOT_DRAWN}</p>")
        parts += [folded(name, report._body(people)) for name, report in self.reports.items()]
        return "".join(parts)

    def _turned(self) -> pd.DataFrame:
        """The table with a column for each model: it stays narrow, whatever is asked."""
        return self.table.set_index("model").T.rename_axis(None, axis=1).reset_index(names="")

    def __repr__(self) -> str:
        table = self._turned().to_string(index=False, float_format=short, na_rep="")
        lines = [f"PrivacyComparison of {', '.join(self.reports)}", "", table, "", "In short:"]
        return "\n".join([*lines, *wrapped(self.summary)])


def _line(name: str, report: PrivacyReport) -> dict[str, Any]:
    """One line of the table."""
    point = report.operating_point
    what, score, *_ = score_of(point)
    line: dict[str, Any] = {"model": name, what: score, "promise": _promise(point)}
    for feature, table in report.sets.items():
        line[f"{feature}: smallest share"], line[f"{feature}: median share"] = shares_of(table)
        line[f"{feature}: an attacker gains"] = _gain(report, feature)
    return line


def _gain(report: PrivacyReport, feature: str) -> str:
    """Of the best attacker, in the unit of the feature; nothing where it may be chance."""
    best = best_of(report.attacks[feature])
    if best["gain_low"] <= 0:
        return "nothing beyond chance"
    unit = unit_of(report.operating_point, feature)
    low, high = best["gain_low"], best["gain_high"]
    return f"{best['gain']:.2g}{unit} ({low:.2g} to {high:.2g}), {best['attacker']}"


def _promise(point: dict[str, Any]) -> str:
    """What is promised, in a few words."""
    found = []
    if "guaranteed_for" in point and len(point["nothing_promised_of"]) < len(
        point["guaranteed_within"]
    ):
        found.append("a minimum for everybody, certain")
    if "alpha" in point:
        sure = "certain" if point["alpha"] == 0 else f"with probability {1 - point['alpha']:g}"
        found.append(f"a radius, {sure}")
    return "; ".join(found) or "none"
