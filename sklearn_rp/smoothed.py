"""What the estimators with noise share: they smooth a model, and certify what they release."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from copy import copy, deepcopy
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import gen_even_slices
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import Interval, StrOptions, reported, reporter, with_callbacks
from sklearn_rp.answers import Labels, Lists
from sklearn_rp.certificate import Certificate, concatenate
from sklearn_rp.engines import Problem, check_n_jobs, find_engine
from sklearn_rp.exceptions import warn_user
from sklearn_rp.law import seed_of
from sklearn_rp.models.cells import Cells
from sklearn_rp.models.inside import cloned, is_frozen, last_step
from sklearn_rp.models.items import places_of
from sklearn_rp.models.nets import is_net, tell_noise
from sklearn_rp.noise import CategoryNoise, Noise
from sklearn_rp.privacy import GaussianPrivacy
from sklearn_rp.release import Bank, SmoothedRelease
from sklearn_rp.rounds import Question
from sklearn_rp.rows import Rows, names_of, take_rows
from sklearn_rp.rules import TopItems
from sklearn_rp.trial import check_method, check_noise
from sklearn_rp.validation import check_rows, check_sigmas
from sklearn_rp.votes import check_budget, warn_of_budget
from sklearn_rp.wrapper import Wrapper, of_rows

_REPORTS = 20  # steps of the progress of one call, where anybody asks for it
_ROWS_OF_A_REPORT = 16  # at least
_MOST_TRIED = 2**20  # numbers of the noise bank that are looked at in `fit`


class Smoothed(Wrapper):
    """Base of the estimators that release by votes of noisy copies, and certify it."""

    _parameter_constraints: dict = Wrapper._parameter_constraints | {
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "noise_features": "no_validation",
        "noise_scale": "no_validation",
        "method": [StrOptions({"auto", "exact", "monte_carlo"})],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "n_augment": [Interval(Integral, 0, None, closed="left")],
        "min_radius": [Interval(Real, 0, None, closed="left")],
        "resample": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    _takes_images = True

    @property
    def _voting(self) -> Any:
        """What noisy copies vote with: "hard", "soft" or "median"."""
        raise NotImplementedError

    def _symbols(
        self, base: Any, X: Rows, y: np.ndarray, weight: np.ndarray | None
    ) -> tuple[np.ndarray, Cells | None]:
        """Labels of the fitted model; or, of a regressor, what stands for its cells, and these."""
        raise NotImplementedError

    def _answer(self, classes: np.ndarray) -> Labels | Lists:
        """What is released, of a fitted model with these labels."""
        raise NotImplementedError

    @property
    def _best(self) -> TopItems | None:
        """Of a recommender: which items are named."""
        return None

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        check_n_jobs(self.n_jobs)
        # Images, sequences: flat rows for all but the base classifier.
        shape = X.shape[1:] if len(X.shape) > 2 else None
        if shape is not None and self.noise_features is not None:
            raise ValueError(
                f"noise_features={self.noise_features!r} is not allowed for X of shape {X.shape}: "
                "every entry gets noise, noise_features=None."
            )
        given, X = X, _flat(X)
        weight = params.get("sample_weight")
        asked = self.noise_features, self.noise_scale
        noise = Noise.from_data(X, *asked, names_of(X), table=shape is None, weight=weight)
        noise.check_levels([self.sigma])
        # Without a seed, from the operating system.
        seeded = self.random_state is not None
        entropy = seed_of(self.random_state) if seeded else secrets.randbits(128)
        calls = np.random.SeedSequence(entropy, spawn_key=(0, 2)) if seeded else None
        base = self._train(X, y, params, noise, entropy, shape)
        classes, cells = self._symbols(base, given, y, weight)
        method = check_method(base, given, self.method, self._voting, self.resample)
        how = self._voting, method, self.resample
        problem = Problem(base, classes, noise, X, shape, *how, cells, self._best)
        engine, declined = find_engine(problem)
        # On a copy: a model may write into what it is given.
        one = deepcopy(take_rows(X, slice(0, 1)))
        places_of(problem.reader, one, classes)
        if self._best is not None and self._voting == "soft":
            problem.reader.predict_proba(one)  # scores may be no probabilities
        if engine.method == "monte_carlo" or isinstance(noise, CategoryNoise):
            self._check_noise(base, problem.reader, X, noise, entropy)
        votes = self.n_samples if engine.method == "monte_carlo" else 0
        if votes:
            self._check_budget(len(classes), warn=True)
        self.estimator_ = base
        self.engine_ = engine.name
        self.method_ = engine.method
        self.noise_features_ = noise.names
        self.noise_scale_ = noise.scale.copy()
        # Parameters take effect when fitting: a later set_params must not change half of them.
        self.release_ = SmoothedRelease(
            model=base,
            noise=noise,
            answer=self._answer(classes),
            engine=engine,
            declined=tuple(
                (kind.name, kind.title, kind.method == "exact", reason) for kind, reason in declined
            ),
            bank=Bank(entropy, bool(self.resample), calls),
            sigma=self.sigma,
            alpha=self.alpha,
            n_votes=votes,
            shape=shape,
        )

    def _train(
        self,
        X: Rows,
        y: np.ndarray,
        params: dict[str, Any],
        noise: Noise,
        entropy: int,
        shape: tuple[int, ...] | None,
    ) -> Any:
        """The fitted base model."""
        base = cloned(self._base())
        clean = X, y, params
        if self.n_augment and isinstance(base, FrozenEstimator):
            warn_user(
                f"n_augment={self.n_augment} has no effect on a FrozenEstimator: it is not fitted "
                "again."
            )
        elif self.n_augment:
            X, y, params = _augmented(*clean, noise, self.sigma, self.n_augment, entropy)
        net = last_step(base)
        if is_net(net) and not is_frozen(base):
            tell_noise(base, net, noise, self.sigma, shape or (X.shape[1],))
        try:
            return self._fit_base(base, X if shape is None else X.reshape(-1, *shape), y, params)
        except Exception:
            if self.n_augment and shape is None and not is_net(net):  # is it the noise?
                X, y, params = clean
                plain = clone(base).fit(X, y, **params)
                self._check_noise(plain, plain, X, noise, entropy)
            raise

    def _check_noise(self, base: Any, reader: Any, X: Rows, noise: Noise, entropy: int) -> None:
        """Refuse noise that leaves the model's domain: the votes to come are tried on some rows."""
        n_draws = max(1, min(self.n_samples, _MOST_TRIED // len(noise.columns)))
        ask = reader.predict_proba if self._voting == "soft" else reader.predict
        category = isinstance(noise, CategoryNoise)
        draws = np.empty((0, 1)) if category else noise.law.draw((entropy,), 0, n_draws)
        check_noise(base, ask, X, noise, self.sigma, draws)

    def _check_budget(self, n_classes: int, *, warn: bool) -> None:
        """Refuse votes that certify nothing, unless fresh noise is all that is wanted."""
        votes = self.n_samples, self.alpha, n_classes, self._voting
        needed = not (self.resample and self.fallback is None)
        check_budget(*votes, needed=needed, rule=self._best)
        if warn:
            warn_of_budget(*votes, self.sigma, self.min_radius, rule=self._best)

    def certify(self, X, *, radius=None, tolerance=None, feature=None):
        """Certificate of each row, or only as much of it as answers a question.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        radius : float, default=None
            The question "is the radius at least this?", in scaled units or in the unit of
            `feature`. Monte Carlo votes then come in growing rounds, and a row leaves as soon as
            its answer is certain: ``certificate.at(radius)`` is the answer, and
            ``certificate.n_samples`` the votes of each row, `n_samples` at most. None: all rows get
            all votes. Exact methods have nothing to save.
        tolerance : float, default=None
            The question "what is the radius, to within this?", likewise.
        feature : str or int, default=None
            Noised feature in whose unit `radius` or `tolerance` is given.

        Returns
        -------
        certificate : Certificate
            Labels (of a regressor numbers), radii and bounds. With ``resample=False`` its labels
            are those of `predict` (before `fallback`); where a row left early they may differ,
            though not, with probability ``1 - alpha``, from that of the smoothed model.

        Raises
        ------
        ValueError
            If `radius` and `tolerance` are both given, or not allowed.

        Notes
        -----
        With a question, certificate and answer of a row hold with probability ``1 - alpha``
        together, however early the row leaves. Up to 1000 votes are cast in one go.

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from sklearn.naive_bayes import GaussianNB
        >>> from sklearn_rp import RobustPrivacyClassifier
        >>> X, y = load_wine(return_X_y=True)
        >>> clf = RobustPrivacyClassifier(GaussianNB(), n_samples=20_000, random_state=0).fit(X, y)
        >>> cert = clf.certify(X[:5], radius=0.2)
        >>> cert.at(0.2).shape, bool((cert.n_samples < 20_000).all())
        ((5,), True)
        """
        check_is_fitted(self)
        sigmas = [self.release_.sigma]
        return self.certify_path(X, sigmas, radius=radius, tolerance=tolerance, feature=feature)[0]

    def certify_path(self, X, sigmas, *, radius=None, tolerance=None, feature=None):
        """Certificates at several noise levels, without fitting the base estimator again.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        sigmas : sequence of float
            Noise levels, in units of `noise_scale`.
        radius, tolerance : float, default=None
            A question, as in `certify`.
        feature : str or int, default=None
            In whose unit.

        Returns
        -------
        certificates : list of Certificate
            One for each noise level. They share one noise bank, or, for swept rows, one reading of
            the model. Each holds with probability 1 - alpha by itself: who picks the best of
            several for a row must fit with ``alpha / len(sigmas)``.

        Raises
        ------
        ValueError
            If a noise level is not a positive number.
        """
        sigmas = check_sigmas(sigmas)
        check_is_fitted(self)
        self.release_.noise.check_levels(sigmas)
        question = self.release_.question(radius, tolerance, feature)
        # What callbacks keep on an estimator while they run stays off this one: threads share it.
        return reporter(self)._certify_reported(X, sigmas, question)

    @with_callbacks
    def _certify_reported(
        self, X: Any, sigmas: Sequence[float], question: Question | None
    ) -> list[Certificate]:
        X, release = self.checked_rows(X), self.release_
        draws = release.draws()
        if not getattr(self, "_skl_callbacks", None):
            return release.certify(X, sigmas, question, draws, self.n_jobs)
        n_parts = max(1, min(_REPORTS, X.shape[0] // _ROWS_OF_A_REPORT))
        slices = list(gen_even_slices(X.shape[0], n_parts))
        parts = [
            release.certify(
                take_rows(X, rows), sigmas, question, draws.for_rows(rows.start), self.n_jobs
            )
            for rows in reported(self, "certify", slices)
        ]
        return [concatenate(level) for level in zip(*parts, strict=True)]

    def at_levels(self, X: Any, sigmas: Sequence[float]) -> list[Self]:
        """The fitted estimator at several noise levels, its votes for some rows found once.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            The rows that will be asked about.
        sigmas : sequence of float
            Noise levels.

        Returns
        -------
        estimators : list of estimator
        """
        self.release_.noise.check_levels(sigmas)
        release = self.release_.recalled(self.checked_rows(X), sigmas, self.n_jobs)
        views = [copy(self) for _ in sigmas]
        for view, sigma in zip(views, sigmas, strict=True):
            view.sigma, view.release_ = sigma, release.at(sigma)
            view.__dict__.pop("_skl_callbacks", None)
        return views

    def explain_engine(self) -> pd.DataFrame:
        """Which engine finds the smoothed probabilities, and why none of those before it.

        Returns
        -------
        table : DataFrame of shape (n_asked, 4)
            Engines in the order in which they were asked, the one that was taken last: `engine`,
            `computation` in words, whether it is `exact`, and the `reason` why it was not taken.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> from sklearn_rp import RobustPrivacyClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> table = RobustPrivacyClassifier(KNeighborsClassifier()).fit(X, y).explain_engine()
        >>> table["engine"].tolist()[-1], table["reason"].tolist()[1]
        ('monte_carlo', 'KNeighborsClassifier is not known to be linear')
        """
        check_is_fitted(self)
        return self.release_.explanation()

    def privacy_loss(self, distance: float, n_queries: int = 1) -> GaussianPrivacy:
        """What fresh noise promises for *any* two rows at a distance, certified or not.

        ``n_samples`` noisy looks at a row are that many Gaussian mechanisms: the release is
        mu-Gaussian differentially private with ``mu = sqrt(n_samples * n_queries) * distance /
        sigma``. Strong for few votes, weak for many.

        Parameters
        ----------
        distance : float
            Between the two rows, in scaled units over the noised features; all others are equal.
        n_queries : int, default=1
            Releases about the same person.

        Returns
        -------
        promise : GaussianPrivacy
            With its total variation, advantage, epsilon and delta.

        Raises
        ------
        ValueError
            If the noise is fixed or the method exact: the release is then a function of the row,
            and the certificate speaks, not this.
        """
        check_is_fitted(self)
        release = self.release_
        if not release.is_random:
            raise ValueError(
                "privacy_loss needs fresh noise, resample=True. Here the release is a function of "
                f"the row ({'fixed noise' if release.n_votes else 'exact method'}): rows within a "
                "certified ball give the same label, and no such guarantee holds for the others."
            )
        if not 0 <= distance < np.inf:
            raise ValueError(f"distance={distance!r} is not allowed: a finite number from 0 up.")
        if not isinstance(n_queries, Integral) or n_queries < 1:
            raise ValueError(f"n_queries={n_queries!r} is not allowed: a whole number, at least 1.")
        return release.privacy_loss(distance, int(n_queries))

    def checked_rows(self, X):
        """Rows as `predict` checks them, flat, for those who ask `release_` itself.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X : ndarray or DataFrame of shape (n_samples, n_features)
        """
        X = check_rows(self, X, reset=False, allow_nd=True)
        shape, fitted = X.shape[1:] if len(X.shape) > 2 else None, self.release_.shape
        if shape != fitted:
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but {type(self).__name__} was fitted on rows "
                f"of shape {fitted or (self.n_features_in_,)}."
            )
        return _flat(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = bool(self.resample) or tags.non_deterministic
        return tags


def _flat(X: Rows) -> Rows:
    """Rows as vectors: images and the like are unrolled."""
    return X if len(X.shape) == 2 else X.reshape(len(X), -1)


def _augmented(
    X: Rows,
    y: np.ndarray,
    params: dict[str, Any],
    noise: Noise,
    sigma: float,
    n_augment: int,
    entropy: int,
) -> tuple[Rows, np.ndarray, dict[str, Any]]:
    """Training rows, each followed by its noisy copies; what goes with a row is repeated."""
    n_rows, copies = X.shape[0], 1 + n_augment
    # A stream of its own: the votes must not reuse the noise that the model was fitted on.
    rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(0, 1)))
    noisy = noise.among_copies(X, rng, sigma, copies)
    origin = np.repeat(np.arange(n_rows), copies)
    return noisy, y[origin], of_rows(params, origin, n_rows)
