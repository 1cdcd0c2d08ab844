"""The one shape of answer that every engine gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
    error : float
        ``kind="exact"``: no probability in `total` is further from the true one than this.
    """

    total: np.ndarray
    kind: Literal["hard", "soft", "exact"]
    n_samples: int
    error: float = 0.0

    @property
    def share(self) -> np.ndarray:
        """Estimate of ``h_c(x)``: shape (n_rows, n_classes), rows sum to 1."""
        return self.total / self.n_samples if self.n_samples else self.total

    @property
    def top(self) -> np.ndarray:
        """Position of the class with the most votes, the first of equals: shape (n_rows,)."""
        return self.total.argmax(axis=1)
