"""A fitted release: a model, its noise, an answer, an engine and a seed that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import gen_batches

from sklearn_rp.answers import Labels, Lists
from sklearn_rp.bounds import Bounds, scaled_radius
from sklearn_rp.certificate import Certificate, concatenate
from sklearn_rp.digest import digest
from sklearn_rp.engines import Engine, Recalled, cast_votes
from sklearn_rp.law import Draws, next_seed
from sklearn_rp.models.inside import last_step
from sklearn_rp.models.items import ItemScores, Listing, parted
from sklearn_rp.noise import Noise
from sklearn_rp.privacy import GaussianPrivacy
from sklearn_rp.rounds import Question, is_question, vote_in_rounds
from sklearn_rp.rows import Rows, index_of, take_rows
from sklearn_rp.rules import TopItems
from sklearn_rp.selection import find_noised
from sklearn_rp.votes import Votes

_MOST_VOTES = 2**21  # numbers of votes that are held at once


class FittedRelease:
    """What is fitted, does not change any more, and releases: base of all releases.

    Two are equal that were fitted to the same end, after a round trip through a pickle, too.
    """

    @property
    def fallback(self) -> Any:
        """What is released for rows that are not certified; None: there is no such thing."""
        return getattr(getattr(self, "answer", None), "fallback", None)

    @property
    def is_random(self) -> bool:
        """Whether a row asked about twice may get two answers."""
        return False

    def release(self, X: Rows, n_jobs: int | None = None) -> np.ndarray:
        """What is released for each of some checked rows."""
        raise NotImplementedError

    def identity(self) -> Any:
        """What tells it from others, and decides its answers."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and digest(self) == digest(other)

    def __hash__(self) -> int:
        return hash(digest(self))


@dataclass(frozen=True, eq=False)
class Bank:
    """The noise of a release: one bank, the same in every call, or fresh for every row and call.

    Parameters
    ----------
    entropy : int
        Seed of the fit.
    fresh : bool
        Whether every call draws anew.
    calls : SeedSequence or None
        Of fresh noise, where a seed was given: call after call in a reproducible order.
    """

    entropy: int
    fresh: bool
    calls: np.random.SeedSequence | None = None

    def draws(self, n_votes: int) -> Draws:
        """Noise of one call."""
        if not self.fresh:
            return Draws((self.entropy,), 0, n_votes)
        return Draws(tuple(next_seed(self.calls).generate_state(4).tolist()), 0, n_votes, row=0)


@dataclass(frozen=True, eq=False)
class SmoothedRelease(FittedRelease):
    """The release of a fitted estimator that smooths, its `release_`.

    For those who build on the package: it takes rows that an estimator has checked (flat, of the
    columns of the fit), and may be shared by threads. Noise levels aside nothing of it is changed
    by ``set_params``.

    Parameters
    ----------
    model : fitted estimator
        The base model.
    noise : Noise
        What is perturbed, and its law.
    answer : Labels or Lists
        How votes become what is released.
    engine : Engine
        How the smoothed probabilities are known.
    declined : tuple of (name, title, whether exact, reason)
        Engines that were asked before, and why it is none of them.
    bank : Bank
        The noise of each call.
    sigma : float
        Noise level.
    alpha : float
        Failure probability of each row's certificate.
    n_votes : int
        Votes behind each release; 0: the method is exact.
    shape : tuple of int or None
        Shape of one row as the model reads it; None: rows of a table.
    banned : ndarray of bool of shape (n_masks, n_items), or None
        Items that must not be recommended: the last column of the rows is then the number of their
        mask.

    Examples
    --------
    >>> import pickle
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> release = RobustPrivacyClassifier(noise_features=[2]).fit(X, y).release_
    >>> release.release(X[:2]).tolist(), release.certify(X[:2], [0.25])[0].radius.shape
    ([0, 0], (2,))
    >>> pickle.loads(pickle.dumps(release)) == release
    True
    """

    model: Any
    noise: Noise
    answer: Labels | Lists
    engine: Engine | Recalled
    declined: tuple[tuple[str, str, bool, str], ...]
    bank: Bank
    sigma: float
    alpha: float
    n_votes: int
    shape: tuple[int, ...] | None
    banned: np.ndarray | None = None

    @property
    def symbols(self) -> np.ndarray | None:
        """All that may be released, sorted."""
        return self.answer.symbols

    @property
    def is_random(self) -> bool:
        """Whether every call draws anew."""
        return self.bank.fresh

    @property
    def voting(self) -> str:
        """What is counted.

        Labels or items ("hard"), probabilities or scores ("soft"), or sides of a cell's edges
        ("median").
        """
        return getattr(self.engine, "voting", "hard")

    def identity(self) -> Any:
        """Model, seed, noise, answer, and how votes are cast."""
        how = (self.engine.name, self.engine.identity(), self.shape, self.is_random)
        numbers = (self.sigma, self.alpha, self.n_votes)
        return self.model, self.bank.entropy, self.noise, self.answer, numbers, how

    def at(self, sigma: float) -> SmoothedRelease:
        """The same at another noise level.

        Parameters
        ----------
        sigma : float
            Noise level, in units of the noise's scales.

        Returns
        -------
        release : SmoothedRelease
        """
        return replace(self, sigma=sigma)

    def excluding(self, banned: np.ndarray) -> SmoothedRelease:
        """The same, of items some of which must not be recommended.

        Parameters
        ----------
        banned : ndarray of bool of shape (n_masks, n_items)
            Masks; the rows that it is asked about have the number of theirs in a column more.

        Returns
        -------
        release : SmoothedRelease
        """
        return replace(self, engine=self.engine.excluding(banned), banned=banned)

    def _cast(
        self, X: Rows, sigmas: Sequence[float], draws: Draws, n_jobs: int | None
    ) -> list[Votes]:
        """Votes at each noise level."""
        votes = cast_votes(self.engine, X, sigmas, draws, n_jobs)
        if self.banned is None:
            return votes
        banned = self.banned[parted(X)[1]]
        return [each.without(banned) for each in votes]

    def recalled(self, X: Rows, sigmas: Sequence[float], n_jobs: int | None) -> SmoothedRelease:
        """The same, its votes for some rows at some noise levels found once and remembered."""
        if self.is_random:  # every call draws anew, and nothing can be recalled
            return self
        return replace(self, engine=Recalled(self.engine, X, sigmas, n_jobs))

    def votes(self, X: Rows, n_jobs: int | None = None) -> Votes:
        """What the engine knows of the smoothed probabilities.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.
        n_jobs : int, default=None
            Processes.

        Returns
        -------
        votes : Votes
            Its `share` has shape (n_samples, n_classes).
        """
        return self._cast(X, [self.sigma], self.draws(), n_jobs)[0]

    def draws(self) -> Draws:
        """Noise of one call."""
        return self.bank.draws(self.n_votes)

    def release(self, X: Rows, n_jobs: int | None = None) -> np.ndarray:
        """What is released for each of some checked rows.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Rows as ``checked_rows`` of the estimator gives them.
        n_jobs : int, default=None
            Processes.

        Returns
        -------
        label : ndarray of shape (n_samples,)
        """
        draws = self.draws()
        parts = [
            self._release(take_rows(X, rows), draws.for_rows(rows.start), n_jobs)
            for rows in self._parts(X)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _release(self, X: Rows, draws: Draws, n_jobs: int | None) -> np.ndarray:
        if self.answer.fallback is None:  # nobody asks how far it reaches
            engine = self.engine.without_radii()
            votes = replace(self, engine=engine)._cast(X, [self.sigma], draws, n_jobs)[0]
            return self.answer.of(votes)
        votes = self._cast(X, [self.sigma], draws, n_jobs)[0]

        def radius() -> np.ndarray:
            return scaled_radius(votes.bounds(self.alpha).radius, self.sigma)

        return self.answer.released(self.answer.of(votes), radius)

    def _parts(self, X: Rows, n_levels: int = 1) -> list[slice]:
        """Rows whose votes are held at once: of many classes, or cells, not all."""
        n_rows = X.shape[0]
        if isinstance(self.engine, Recalled):  # that remembers all
            return [slice(0, n_rows)]
        size = max(1, _MOST_VOTES // (len(self.answer.classes) * n_levels))
        return list(gen_batches(n_rows, size)) or [slice(0, 0)]

    def certify(
        self,
        X: Rows,
        sigmas: Sequence[float],
        question: Question | None = None,
        draws: Draws | None = None,
        n_jobs: int | None = None,
    ) -> list[Certificate]:
        """Certificates of checked rows at each noise level.

        Parameters
        ----------
        X : ndarray or frame of shape (n_rows, n_features)
            Checked rows, flat.
        sigmas : sequence of float
            Noise levels.
        question : Question, default=None
            What stops the votes early.
        draws : Draws, default=None
            Noise of the call, where it is made in several parts.
        n_jobs : int, default=None
            Processes.

        Returns
        -------
        certificates : list of Certificate
        """
        draws = self.draws() if draws is None else draws
        parts = [
            self._certify(take_rows(X, rows), sigmas, question, draws.for_rows(rows.start), n_jobs)
            for rows in self._parts(X, len(sigmas))
        ]
        return [concatenate(level) for level in zip(*parts, strict=True)]

    def _certify(
        self,
        X: Rows,
        sigmas: Sequence[float],
        question: Question | None,
        draws: Draws,
        n_jobs: int | None,
    ) -> list[Certificate]:
        if question is not None and len(draws) and not isinstance(self.engine, Recalled):
            return [self._in_rounds(X, sigma, draws, question, n_jobs) for sigma in sigmas]
        answer = []
        found = self._cast(X, sigmas, draws, n_jobs)
        for sigma, votes in zip(sigmas, found, strict=True):
            n_samples = np.full(X.shape[0], votes.n_samples)
            bounds = votes.bounds(self.alpha)
            label = self.answer.of(votes)
            answer.append(self._certificate(X, sigma, label, bounds, n_samples, votes.reach))
        return answer

    def _in_rounds(
        self, X: Rows, sigma: float, draws: Draws, question: Question, n_jobs: int | None
    ) -> Certificate:
        def cast(rows: np.ndarray, start: int, stop: int, number: int) -> Any:
            # Rows with noise of their own begin a new stream in every round.
            now = replace(draws, start=start, stop=stop)
            if draws.row is not None:
                now = replace(now, entropy=(*draws.entropy, number))
            return self._cast(take_rows(X, rows), [sigma], now, n_jobs)[0]

        found = vote_in_rounds(cast, X.shape[0], len(draws), self.alpha, sigma, question)
        top, bounds, n_samples = found
        return self._certificate(X, sigma, self.answer.at(top), bounds, n_samples)

    def _certificate(
        self,
        X: Rows,
        sigma: float,
        label: np.ndarray,
        bounds: Bounds,
        n_samples: np.ndarray,
        reach: np.ndarray | None = None,
    ) -> Certificate:
        return Certificate(
            label=label,
            radius=scaled_radius(bounds.radius, sigma),
            abstained=bounds.abstained,
            p_lower=bounds.p_lower,
            p_upper=bounds.p_upper,
            n_samples=n_samples,
            sigma=float(sigma),
            alpha=float(self.alpha) if self.n_votes else 0.0,
            method=self.engine.method,
            feature_names=self.noise.names,
            scale=self.noise.scale.copy(),
            feature_indices=self.noise.columns,
            # A copy: what was certified stays so when the caller changes X.
            values=self.noise.values(X).copy(),
            reach=None if reach is None else scaled_radius(reach, sigma),
            n_classes=len(self.answer.classes),
            min_radius=self.answer.min_radius,
            voting=self.voting,
            index=index_of(X),
            ordered=bool(isinstance(self.answer, Lists) and self.answer.best.ordered),
        )

    def explanation(self) -> pd.DataFrame:
        """The engines that were asked, and why not each; the one that was taken is the last."""
        engine = self.engine
        taken = engine.name, engine.title, engine.method == "exact", "taken"
        columns = ["engine", "computation", "exact", "reason"]
        return pd.DataFrame([*self.declined, taken], columns=columns)

    def question(self, radius: Any, tolerance: Any, feature: Any) -> Question | None:
        """What is asked of radii, from the parameters of ``certify``; None: nothing."""
        if not is_question(radius, tolerance, feature):
            return None
        unit = 1.0
        if feature is not None:
            place = find_noised(feature, self.noise.columns, self.noise.names)
            unit = float(self.noise.scale[place])
        return Question(radius, tolerance, unit, self.answer.min_radius)

    def privacy_loss(self, distance: float, n_queries: int) -> GaussianPrivacy:
        """What fresh noise promises for any two rows at a distance, in scaled units."""
        return GaussianPrivacy(self.noise.law.mu(distance, self.n_votes * n_queries) / self.sigma)


@dataclass(frozen=True, eq=False)
class ListRelease(FittedRelease):
    """The best items of a fitted model, as they are.

    Parameters
    ----------
    model : ItemScores
        What scores the items.
    items : ndarray of shape (n_items,)
        What there is to recommend.
    best : TopItems
        How many are named, and whether their order counts.
    banned : ndarray of bool of shape (n_masks, n_items), or None
        Items that must not be recommended: see `SmoothedRelease`.
    """

    model: ItemScores
    items: np.ndarray
    best: TopItems
    banned: np.ndarray | None = None

    def identity(self) -> Any:
        """Model, items and how many are named."""
        return self.model, self.items, self.best, self.banned

    def release(self, X: Rows, n_jobs: int | None = None) -> np.ndarray:
        """Items of each row: shape (n_rows, n_best)."""
        return self.items[Listing(self.model, self.best, self.banned).predict(X)]


def release_of(estimator: Any) -> Any:
    """The fitted release of the last step of an estimator, through Pipelines too, or None."""
    return getattr(last_step(estimator), "release_", None)
