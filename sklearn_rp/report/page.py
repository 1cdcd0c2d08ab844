"""A report as a page: in short, figures, tables with what they say in words, and what to assess."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from sklearn_rp._version import __version__
from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.joint_sets import JointSets
from sklearn_rp.report.pictures import (
    NOT_DRAWN,
    can_draw,
    people_picture,
    price_picture,
    radii_picture,
    sides_picture,
)
from sklearn_rp.report.quality import score_of
from sklearn_rp.report.sheet import Picture, Sheet, listed, records, short, tabled, wrapped
from sklearn_rp.report.tables import first_width, is_joint, shares_of
from sklearn_rp.report.words import NOTHING, impact, in_short, upper, word_of

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
    "People in the training data (membership inference): all that is said here is about the people "
    "who are asked about.",
    "Features that are neither noised nor named as sensitive here.",
    "Vote shares, certificates and this report itself: they are computed from people's rows and "
    "stay with the owner of the data.",
)


_PRICE = "How good the answers are, and how much of the range they leave open."
_GROUPS = "{0}, of all people and per group: quantiles, and the share with any."


@dataclass(frozen=True, eq=False, repr=False)
class PrivacyReport(Sheet):
    """What a release promises, what it leaves open, and what an attacker gains by it.

    Shows as tables and figures in a notebook; ``to_html`` makes a page of its own. It is about
    people's rows: for the owner of the data and whoever audits, not for publication.

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
    radii_by_group : DataFrame or None
        The first half-width of `radii`, or the radius where there is none, per group.
    sets_without_privacy : dict of str to DataFrame
        As `sets`, of the model inside, where there is one.
    people : dict of str to dict of str to CompatibleSets, or to JointSets
        For the figures: the sets of single people, with their true values, by feature and by name
        of the model. Not in what `to_dict` and `to_json` give.
    """

    operating_point: dict[str, Any]
    radii: pd.DataFrame | None
    sets: dict[str, pd.DataFrame]
    attacks: dict[str, pd.DataFrame]
    warnings: list[str]
    not_covered: list[str]
    left_open: pd.DataFrame | None = None
    radii_by_group: pd.DataFrame | None = None
    sets_without_privacy: dict[str, pd.DataFrame] = field(default_factory=dict)
    people: dict[str, dict[str, CompatibleSets] | JointSets] = field(default_factory=dict)

    @property
    def summary(self) -> list[str]:
        """In plain words: what is released, what is promised, its price, what is left to guess."""
        return in_short(self)

    @property
    def impact(self) -> dict[str, list[str]]:
        """For a data-protection impact assessment: its sections, and what each of them says."""
        return impact(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text, tables as lists of records.

        Returns
        -------
        record : dict
        """
        without = self.sets_without_privacy
        return {
            "sklearn_rp": __version__,
            "summary": self.summary,
            "operating_point": self.operating_point,
            "radii": records(self.radii),
            "radii_by_group": records(self.radii_by_group),
            "sets": {name: records(table) for name, table in self.sets.items()},
            "sets_without_privacy": {name: records(table) for name, table in without.items()},
            "attacks": {name: records(table) for name, table in self.attacks.items()},
            "left_open": records(self.left_open),
            "warnings": self.warnings,
            "not_covered": self.not_covered,
            "impact": self.impact,
        }

    def points(self) -> pd.DataFrame:
        """What the figure of the price shows, one line for each feature and release.

        Returns
        -------
        points : pandas.DataFrame
            Columns ``feature``, ``release``, ``score``, ``smallest`` and ``median``: shares of the
            range that are left open.
        """
        _, score, without, alone = score_of(self.operating_point)
        lines = []
        for feature, table in self.sets.items():
            found = [("released", score, *shares_of(table))]
            bare = self.sets_without_privacy.get(feature)
            if bare is not None and without is not None:
                found.insert(0, ("without privacy", without, *shares_of(bare)))
            found.append(("one answer for everybody", alone, 1.0, 1.0))
            lines += [(feature, *each) for each in found]
        return pd.DataFrame(lines, columns=["feature", "release", "score", "smallest", "median"])

    @cached_property
    def _pictures(self) -> dict[str, Picture]:
        """Drawn once, by title of the table that they stand before."""
        if not can_draw():
            return {}
        word, found = word_of(self.operating_point), {}
        units = self.operating_point.get("units", {})
        if self.sets:
            found["price"] = price_picture(self.points(), score_of(self.operating_point)[0])
        if self.radii_by_group is not None:
            found["radii"] = radii_picture(self.radii_by_group, self._reading)
        for name, sets in self.people.items():
            if isinstance(sets, JointSets):
                found[name] = sides_picture(sets, word)
            else:
                found[name] = people_picture(sets, word, units.get(name))
        return found

    @property
    def _reading(self) -> str:
        """What `radii_by_group` is about."""
        return first_width([] if self.radii is None else self.radii["reading"])

    def _body(self, people: bool) -> str:
        drawn = self._pictures
        parts = [listed("In short", self.summary), listed("Look at this", self.warnings or NOTHING)]
        if not can_draw():
            parts.append(f"<p>{NOT_DRAWN}</p>")
        for key, title, note, table in self._tables():
            shown = [drawn[key]] if key in drawn and (people or key not in self.people) else []
            parts.append(tabled(title, note, table, shown))
        parts.append("<h2>For a data-protection impact assessment</h2>")
        parts += [listed(title, lines, 3) for title, lines in self.impact.items()]
        return "".join(parts)

    def __repr__(self) -> str:
        lines = [f"PrivacyReport of {self.operating_point['estimator']}", ""]
        lines += ["In short:", *wrapped(self.summary), ""]
        lines += ["Look at this:", *wrapped(self.warnings or NOTHING), ""]
        for _, title, note, table in self._tables():
            lines += [title, *textwrap.wrap(note, 100)]
            lines += [table.to_string(index=False, float_format=short, na_rep=""), ""]
        lines += ["Not covered:", *wrapped(self.not_covered)]
        return "\n".join(lines)

    def _tables(self) -> list[tuple[str, str, str, pd.DataFrame]]:
        """Key of the picture that goes with it, title, what it says, and the table."""
        point = [
            (key.replace("_", " "), _told(v))
            for key, v in self.operating_point.items()
            if v not in (None, [], {})
        ]
        tables = []
        if self.sets:
            tables.append(("price", "Price and privacy", _PRICE, self.points()))
        word = word_of(self.operating_point)
        for name in self.sets:
            title = f"What the {word} leaves open of {name}"
            joint = is_joint(self.sets[name])
            note = (_JOINT if joint else _SETS).format(name, word=word)
            tables.append((name, title, note, self.sets[name]))
            if name in self.attacks:
                attack = self.attacks[name]
                note = _JOINT_ATTACK if joint else _ATTACK.format(word=word)
                note += (_OF_NUMBERS + " ") * ("error" in attack) + _OF_CATEGORIES * (
                    "mcc" in attack
                )
                tables.append(("", f"Guessing {name}", note, attack))
        if self.radii is not None:
            tables.append(("", "Certified radius", _RADII.format(word=word), self.radii))
        if self.radii_by_group is not None:
            note = _GROUPS.format(upper(self._reading))
            tables.append(("radii", "Certified radius by group", note, self.radii_by_group))
        if self.left_open is not None:
            title = "What all releases in the ledger leave open"
            tables.append(("", title, _LEFT, self.left_open))
        table = pd.DataFrame(point, columns=["", "value"])
        tables.append(("", "Operating point", "What is released, and how.", table))
        return tables


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(_told(v) for v in value[:8]) + (" ..." if len(value) > 8 else "")
    return str(value)
