"""Noise laws: what is drawn, how likely an interval is, which radius follows, what a look tells.

The only place that knows the normal distribution.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special
from sklearn.utils import check_random_state, gen_batches

_BLOCK_ELEMENTS = 2**18  # numbers drawn from one generator: 2 MiB
# Relative and absolute error allowed for in a difference of normal quantiles. scipy's are accurate
# to a few units in the last place (2.2e-16) of numbers below 9, as probabilities are kept 1e-15
# from certainty: the error is below 1e-14.
_SLACK = 1e-12
_ALL_CATEGORIES = 2.0 * (1 + 1e-12)  # still 2 when it has been rounded down
_CLEAR = 1e-12  # two probabilities nearer than this may be equal
_SPAWNING = threading.Lock()


def seed_of(random_state: Any) -> int:
    """128 bits drawn from a `random_state`."""
    words = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    return int.from_bytes(words.tobytes(), "little")


def next_seed(calls: np.random.SeedSequence | None) -> np.random.SeedSequence:
    """Seed of one more call: the next in a reproducible order; None: from the operating system."""
    if calls is None:
        return np.random.SeedSequence()
    with _SPAWNING:  # two threads at once would get the same one
        return calls.spawn(1)[0]


@dataclass(frozen=True)
class Draws:
    """Which draws of which noise bank the votes are cast with.

    Parameters
    ----------
    entropy : tuple of int
        Seed of the bank.
    start, stop : int
        Numbers of the first draw and of the one after the last.
    row : int or None
        None: all rows share one bank. Else every row has noise of its own, and this is the number
        of the first row.
    """

    entropy: tuple[int, ...]
    start: int
    stop: int
    row: int | None = None

    def __len__(self) -> int:
        return self.stop - self.start

    def for_rows(self, first: int) -> Draws:
        """The same, for rows that begin with number `first` of these."""
        return self if self.row is None else replace(self, row=self.row + first)


@dataclass(frozen=True)
class Gaussian:
    """Independent standard normal numbers, one for each noised feature, in noise units.

    Parameters
    ----------
    width : int
        Number of noised features.
    """

    width: int

    @property
    def block(self) -> int:
        """Draws that come from one generator."""
        return max(1, _BLOCK_ELEMENTS // self.width)

    def draw(self, entropy: int | Sequence[int], start: int, stop: int) -> np.ndarray:
        """Draws number `start` to `stop` of the bank of `entropy`: shape (stop - start, width).

        Draw ``i`` is a function of ``(entropy, i)`` alone: any chunking gives the same bank, and no
        process has to hold or send it. A `start` that is a multiple of `block` wastes none.
        """
        size = self.block
        out = np.empty((stop - start, self.width))
        for number in range(start // size, -(-stop // size)):
            rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,)))
            first = number * size - start
            if first < 0:
                self.fresh(rng, -first)  # those before `start`
            rng.standard_normal(out=out[max(first, 0) : max(first + size, 0)])
        return out

    def draw_own(self, draws: Draws, n_rows: int, most: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Draws of each row's own, at most about `most` at a time.

        A row's draws are a function of seed and number of the row alone: rows come in blocks that
        share a generator, or, where votes are many, each has one.

        Yields
        ------
        rows : slice
            Of the `n_rows`.
        own : ndarray of shape (len(rows), some of the votes, width)
        """
        first, votes = draws.row or 0, len(draws)
        size = max(1, self.block // votes)
        for number in range(first // size, -(-(first + n_rows) // size)):
            rng = np.random.default_rng(np.random.SeedSequence(draws.entropy, spawn_key=(number,)))
            begin, end = max(number * size, first), min((number + 1) * size, first + n_rows)
            if size == 1:
                for some in gen_batches(votes, max(1, min(most, self.block))):
                    own = self.fresh(rng, 1, some.stop - some.start)
                    yield slice(begin - first, end - first), own
                continue
            block = self.fresh(rng, end - number * size, votes)[begin - end :]
            for rows in gen_batches(end - begin, max(1, most // votes)):
                for some in gen_batches(votes, most):
                    here = slice(begin - first + rows.start, begin - first + rows.stop)
                    yield here, block[rows, some]

    def fresh(self, rng: np.random.Generator, *shape: int) -> np.ndarray:
        """Draws from a generator, of a shape followed by `width`."""
        return rng.standard_normal((*shape, self.width))

    def probes(self) -> np.ndarray:
        """Draws to try an engine on: near, at the noise and far beyond, each to both sides.

        Whatever the noise level: a rule of the model's own may be far away. Shape (24, width).
        """
        draws = self.fresh(np.random.default_rng(0), 12)
        draws *= np.tile([0.1, 1.0, 10.0, 100.0], 3)[:, None]
        return np.concatenate([draws, -draws])

    @staticmethod
    def below(x: Any) -> Any:
        """Probability of a number up to `x`."""
        return special.ndtr(x)

    @staticmethod
    def log_below(x: Any) -> Any:
        """Logarithm of `below`, accurate where that is next to nothing."""
        return special.log_ndtr(x)

    @staticmethod
    def mass(low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Probability of a number between `low` and `high`, accurate in both tails."""
        # In the upper tail the difference of complements keeps its accuracy.
        low, high = np.where(low > 0, -high, low), np.where(low > 0, -low, high)
        return special.ndtr(high) - special.ndtr(low)

    @staticmethod
    def distance(p: np.ndarray, q: np.ndarray | float) -> np.ndarray:
        """How far a ball may move before the probability `p` becomes `q`: rounded down.

        ``Phi^-1(p) - Phi^-1(q)``, in noise units: the least favourable event is a half-space.

        Examples
        --------
        >>> float(Gaussian.distance(0.8413447460685429, 0.5).round(9))
        1.0
        """
        far = special.ndtri(p) - special.ndtri(q)
        return far - _SLACK * (2 + np.abs(far))

    @classmethod
    def radius(cls, p_lower: np.ndarray, p_upper: np.ndarray) -> np.ndarray:
        """Radius in noise units: half the way from the winner's to the runner-up's probability.

        Cohen, Rosenfeld, Kolter 2019 (arXiv 1902.02918), Theorem 1; for soft votes Salman et al.
        2019 (1906.04584), Lemma 2. Not positive where nothing is certified; rounded down.

        Examples
        --------
        >>> float(Gaussian.radius(0.8413447460685429, 0.15865525393145707).round(9))
        1.0
        """
        return cls.distance(p_lower, p_upper) / 2

    @staticmethod
    def mu(distance: float, looks: int) -> float:
        """Gaussian differential privacy of some noisy looks at two rows at a distance.

        To tell them apart is to tell N(0, 1) from N(mu, 1) (Dong, Roth, Su 2019).
        """
        return float(np.sqrt(looks) * distance)


@dataclass(frozen=True)
class Redraw:
    """A category is kept with probability ``1 - sigma``, else drawn evenly from all.

    Two different categories are at distance 1.

    Parameters
    ----------
    n_categories : int
        How many there are.
    """

    n_categories: int

    def draw(self, rng: np.random.Generator, own: np.ndarray, sigma: float) -> np.ndarray:
        """Noisy categories of some: numbers, of the shape of `own`."""
        anew = rng.integers(self.n_categories, size=own.shape)
        return np.where(rng.random(own.shape) < sigma, anew, own)

    def mass(self, answers: np.ndarray, sigma: float) -> np.ndarray:
        """``h_c`` from every category: ``(1 - sigma) 1[f = c] + sigma / m #{z : f(z) = c}``.

        From the one-hot answer to each category, shape (n_rows, n_categories, n_classes); of that
        shape.
        """
        return (1 - sigma) * answers + sigma * answers.mean(axis=1, keepdims=True)

    @staticmethod
    def radius(label: np.ndarray, margin: np.ndarray) -> np.ndarray:
        """2 where every category clearly gives the same label, else 0: shape (n_rows,).

        The margins are differences of probabilities; both have shape (n_rows, n_categories).
        """
        clear = (margin > _CLEAR).all(axis=1)
        return np.where((label == label[:, :1]).all(axis=1) & clear, _ALL_CATEGORIES, 0.0)

    def epsilon(self, sigma: float, looks: int = 1) -> float:
        """Pure differential privacy of some noisy looks: randomised response."""
        return float(looks * np.log1p(self.n_categories * (1 - sigma) / sigma))
