"""Tables of sets: of all people, and per group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.joint_sets import JointSets


def sets_table(sets: CompatibleSets, groups: np.ndarray) -> pd.DataFrame:
    """Lengths of the stretches that hold people: of all, per group."""
    table = sets.summary(groups).rename_axis("group").reset_index()
    table["group"] = table["group"].astype(str)
    table["median share of the range"] = table["median"] / sets.span
    return table


def joint_table(sets: JointSets, groups: np.ndarray) -> pd.DataFrame:
    """Sides of the boxes that hold people, and shares of the joint range: of all, per group."""
    parts = {"all": np.ones(len(sets), dtype=bool)} | {g: groups == g for g in np.unique(groups)}
    sides = sets.component_length
    lines = []
    for group, rows in parts.items():
        line: dict[str, Any] = {"group": str(group), "n": int(rows.sum())}
        for name, side in zip(sets.names, sides[rows].T, strict=True):
            line |= {f"smallest {name}": side.min(), f"median {name}": float(np.median(side))}
        lines.append(line | {"median share of the joint range": float(np.median(sets.share[rows]))})
    return pd.DataFrame(lines)
