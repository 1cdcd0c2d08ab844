"""Tables of sets: of all people, and per group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.joint_sets import JointSets

_JOINT = "share of the joint range"


def sets_table(sets: CompatibleSets, groups: np.ndarray) -> pd.DataFrame:
    """Lengths of the stretches that hold people: of all, per group."""
    table = sets.summary(groups).rename_axis("group").reset_index()
    table["group"] = table["group"].astype(str)
    for end in ("smallest", "median"):
        table[f"{end} share of the range"] = table[end] / sets.span
    return table


def joint_table(sets: JointSets, groups: np.ndarray) -> pd.DataFrame:
    """Sides of the boxes that hold people, and shares of the joint range: of all, per group."""
    sides = sets.component_length
    lines = []
    for group, rows in parts_of(groups):
        line: dict[str, Any] = {"group": group, "n": int(rows.sum())}
        for name, side in zip(sets.names, sides[rows].T, strict=True):
            line |= {f"smallest {name}": side.min(), f"median {name}": float(np.median(side))}
        shares = {"smallest": sets.share[rows].min(), "median": float(np.median(sets.share[rows]))}
        lines.append(line | {f"{end} {_JOINT}": share for end, share in shares.items()})
    return pd.DataFrame(lines)


def parts_of(groups: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Name of each part of the people, and which they are: all, then each group."""
    named = [(str(group), groups == group) for group in np.unique(groups)]
    return [("all", np.ones(len(groups), dtype=bool)), *named]


def is_joint(table: pd.DataFrame) -> bool:
    """Whether a table of sets is of several features together."""
    return f"median {_JOINT}" in table


def shares_of(table: pd.DataFrame) -> tuple[float, float]:
    """Smallest and median share of the range, or of the joint one, that is left open of people."""
    what = _JOINT if is_joint(table) else "share of the range"
    line = table.iloc[0]
    return float(line[f"smallest {what}"]), float(line[f"median {what}"])


def best_of(attacks: pd.DataFrame) -> Any:
    """The attacker who gains most by seeing the answer: a line of the table."""
    told: Any = attacks[attacks["attacker"] != "imputation"].reset_index(drop=True)
    sure = told[told["gain_low"] > 0]  # beyond chance
    told = sure if len(sure) else told
    return told.loc[told["gain"].idxmax()]


def groups_table(values: np.ndarray, groups: np.ndarray) -> pd.DataFrame:
    """Quantiles of a radius, of all and per group; an abstained row counts with 0."""
    return pd.DataFrame(
        [
            {"group": group, "n": int(rows.sum()), "certified": float((values[rows] > 0).mean())}
            | quantiles(values[rows])
            for group, rows in parts_of(groups)
        ]
    )


def first_width(readings: Iterable[str]) -> str:
    """The reading of a radius that figures per group are about: a half-width where there is one."""
    names = list(readings)
    return next((name for name in names if name.startswith("half-width")), names[0])


def quantiles(values: np.ndarray) -> dict[str, float]:
    """From 5 % to 95 %."""
    return {f"{100 * q:.0f} %": float(np.quantile(values, q)) for q in _QUANTILES}


_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
