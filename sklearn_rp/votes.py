"""The one shape of answer that every engine gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np


@dataclass(frozen=True, eq=False)
class Votes:
    """What an engine knows of the smoothed probabilities ``h_c(x)`` of some rows.

    Parameters
    ----------
    total : ndarray of shape (n_rows, n_classes)
        ``kind="hard"``: integer counts. ``kind="soft"``: sums of probabilities.
        ``kind="exact"``: the probabilities themselves.
    kind : {"hard", "soft", "exact"}
        How `total` came about, and with it which bound applies.
    n_samples : int
        Draws behind `total`; 0 where it is exact.
    error : float or ndarray of shape (n_rows,)
        ``kind="exact"``: no probability of a row is further from the true one than this. It depends
        on the row alone, as the row's radius must not depend on the batch.
    radius : ndarray of shape (n_rows,) or None
        ``kind="exact"``: radius in noise units, rounded down, where the engine knows more than
        follows from `total`.
    reach : ndarray of shape (n_rows, 2) or None
        One noised feature: the same to either side, below and above.
    """

    total: np.ndarray
    kind: Literal["hard", "soft", "exact"]
    n_samples: int
    error: Any = 0.0
    radius: np.ndarray | None = None
    reach: np.ndarray | None = None

    @property
    def share(self) -> np.ndarray:
        """Estimate of ``h_c(x)``: shape (n_rows, n_classes), rows sum to 1."""
        return self.total / self.n_samples if self.n_samples else self.total

    @property
    def top(self) -> np.ndarray:
        """Position of the class with the most votes, the first of equals: shape (n_rows,)."""
        return self.total.argmax(axis=1)


def concatenate(parts: Sequence[Votes]) -> Votes:
    """Votes of consecutive chunks of rows as one."""
    first = parts[0]
    error = [np.broadcast_to(p.error, len(p.total)) for p in parts]
    return Votes(
        np.concatenate([p.total for p in parts]),
        first.kind,
        first.n_samples,
        np.concatenate(error),
        None if first.radius is None else np.concatenate([cast("Any", p.radius) for p in parts]),
        None if first.reach is None else np.concatenate([cast("Any", p.reach) for p in parts]),
    )
