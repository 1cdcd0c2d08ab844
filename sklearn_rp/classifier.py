"""RobustPrivacyClassifier: the estimator that users see, and `certify` for what wraps it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import gen_even_slices
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import (
    BaseSearchCV,
    Interval,
    StrOptions,
    fit_context,
    reported,
    reporter,
    safe_indexing,
    with_callbacks,
)
from sklearn_rp.bounds import Bounds, scaled_radius
from sklearn_rp.certificate import Certificate, concatenate
from sklearn_rp.engines import Engine, Problem, Recalled, cast_votes, check_n_jobs, find_engine
from sklearn_rp.exceptions import warn_user
from sklearn_rp.law import Draws, seed_of
from sklearn_rp.models.inside import behind_steps, inside, is_frozen, is_pipeline, last_step
from sklearn_rp.models.labels import encode, labels_of
from sklearn_rp.models.nets import is_net, net_classes
from sklearn_rp.noise import Noise
from sklearn_rp.privacy import GaussianPrivacy
from sklearn_rp.rounds import Question, vote_in_rounds
from sklearn_rp.rows import Rows, index_of, names_of, replace_columns, take_rows
from sklearn_rp.selection import find_noised
from sklearn_rp.validation import check_rows, check_sigmas, unchanged_on_error
from sklearn_rp.votes import Votes, max_radius, min_samples
from sklearn_rp.wrapper import ClassifierWrapper, check_noise, has_threshold, is_random, weighted

_REPORTS = 20  # steps of the progress of one call, where anybody asks for it
_ROWS_OF_A_REPORT = 16  # at least
_MOST_TRIED = 2**20  # numbers of the noise bank that are looked at in `fit`


class RobustPrivacyClassifier(ClassifierMixin, ClassifierWrapper):
    """Smooth a classifier with Gaussian noise and certify how far an input can move unseen.

    The label of the smoothed classifier is what the base classifier answers most often on noisy
    copies of the row. Where that is clear, it provably stays the same for every row within a
    certified radius: whoever sees the label cannot tell the row from any of those (Robust Privacy,
    [1]_). Smoothing and its certificate are those of [2]_. With an exact method the released label
    is that label; with Monte Carlo it is the top of `n_samples` votes, which near the edge of a
    ball may differ from it.

    Parameters
    ----------
    estimator : classifier, default=None
        Anything with ``fit`` and ``predict``; ``LogisticRegression()`` if None. Wrap a model that
        is already fitted in :class:`~sklearn.frozen.FrozenEstimator`.
    sigma : float, default=0.25
        Noise level, in units of `noise_scale`. If the one noised feature is categorical: the
        probability, at most 1, that its category is drawn anew.
    noise_features : None, str, int, sequence, mask or callable, default=None
        Features that get noise: names, positions, a boolean mask, or a callable such as
        :func:`~sklearn.compose.make_column_selector`. None: every numeric feature. All others
        reach the estimator untouched, and every guarantee holds with them fixed.
    noise_scale : "std", None, array-like or mapping, default="std"
        Unit of the noise for each feature: the standard deviation of the training rows, 1 for all
        (None), an array, or a mapping from feature to scale.
    method : {"auto", "exact", "monte_carlo"}, default="auto"
        How the smoothed probabilities are found; the one used is `method_`. "auto" takes an exact
        method wherever one applies: binary linear models, decision trees, forests with
        ``voting="soft"``, and any model when a single feature is noised (any tree model when two
        are). See :ref:`engines`.
    voting : {"hard", "soft"}, default="hard"
        Each noisy copy votes with its label ("hard") or with its ``predict_proba`` ("soft").
    n_samples : int, default=1000
        Votes per row (Monte Carlo). They choose the label, and the same votes certify it.
    alpha : float, default=0.001
        Failure probability of each row's certificate (Monte Carlo).
    n_augment : int, default=0
        Noisy copies of each training row added when the base estimator is fitted.
    min_radius : float, default=0.0
        With `fallback`: a release counts as certified when its radius, in scaled units, exceeds
        this. `Certificate.at` tells the rows certified to any radius.
    fallback : label, default=None
        Released for a row that is not certified. None: the top label is always released.
    resample : bool, default=False
        False: one noise bank, drawn when fitting, serves every call; the release is a deterministic
        function of the row, and repeated queries teach nothing. True: fresh noise for every row in
        every call (with a given `random_state`, copies of one fitted object repeat each other's
        noise).
    n_jobs : int, default=None
        Processes that share the rows (joblib; the backend is that of ``joblib.parallel_config``).
        Results have the same bits for any number.
    random_state : int, RandomState instance or None, default=None
        Seed of the noise. None takes it from the operating system; keep the seed secret where
        an adversary who knows the model must not know the votes.

    Attributes
    ----------
    estimator_ : classifier
        The fitted base classifier.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    method_ : {"exact", "monte_carlo"}
        How the smoothed probabilities are found.
    engine_ : {"linear", "trees", "sweep", "categories", "monte_carlo", "torch"}
        Which computation does it.
    noise_features_ : ndarray of str of shape (n_noised,)
        The noised features.
    noise_scale_ : ndarray of shape (n_noised,)
        Their scales, in each feature's own unit.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    See Also
    --------
    sklearn_rp.certify : The same certificates through a Pipeline or a search.

    Notes
    -----
    All rows share one noise bank, so that a row's label does not depend on the batch it comes in
    (with ``resample=True`` each has noise of its own).
    Each row's certificate keeps its own 1 - alpha; the rows' errors are not independent.

    Parameters take effect when fitting, `n_jobs` at once; other noise levels are had from
    `certify_path`.

    Long work shows its progress where scikit-learn has callbacks (1.9 and later):
    ``clf.set_callbacks(sklearn.callback.ProgressBar())`` before `fit` or `certify`.

    References
    ----------
    .. [1] J. Jin et al., "Robust Privacy: Inference-Stage Privacy through Certified Robustness",
       arXiv 2601.17360, 2026.
    .. [2] J. Cohen, E. Rosenfeld, J. Z. Kolter, "Certified Adversarial Robustness via Randomized
       Smoothing", ICML 2019, arXiv 1902.02918.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> clf = RobustPrivacyClassifier(
    ...     DecisionTreeClassifier(max_depth=4, random_state=0), sigma=0.5, random_state=0
    ... ).fit(X, y)
    >>> cert = clf.certify(X[:5])
    >>> bool((clf.predict(X[:5]) == cert.label).all())
    True
    >>> cert.radius.shape  # in standard deviations of the training data
    (5,)
    """

    _parameter_constraints: dict = ClassifierWrapper._parameter_constraints | {
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "noise_features": "no_validation",
        "noise_scale": "no_validation",
        "method": [StrOptions({"auto", "exact", "monte_carlo"})],
        "voting": [StrOptions({"hard", "soft"})],
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, 1, closed="neither")],
        "n_augment": [Interval(Integral, 0, None, closed="left")],
        "min_radius": [Interval(Real, 0, None, closed="left")],
        "fallback": "no_validation",
        "resample": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator=None,
        *,
        sigma=0.25,
        noise_features=None,
        noise_scale="std",
        method="auto",
        voting="hard",
        n_samples=1000,
        alpha=0.001,
        n_augment=0,
        min_radius=0.0,
        fallback=None,
        resample=False,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.sigma = sigma
        self.noise_features = noise_features
        self.noise_scale = noise_scale
        self.method = method
        self.voting = voting
        self.n_samples = n_samples
        self.alpha = alpha
        self.n_augment = n_augment
        self.min_radius = min_radius
        self.fallback = fallback
        self.resample = resample
        self.n_jobs = n_jobs
        self.random_state = random_state

    @weighted
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **fit_params):
        """Fit the base classifier and draw the seed of the noise.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows. Columns that get no noise may be of any type that the estimator takes.
            Arrays of more dimensions (images, sequences) get noise in every entry.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, for the ``fit`` of the base estimator and for the standard
            deviations behind ``noise_scale="std"``; None: all alike.
        **fit_params : dict
            Passed to the ``fit`` of the base estimator; with metadata routing enabled, as requested
            there.

        Returns
        -------
        self : RobustPrivacyClassifier

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not allowed, or the classifier has no answer to noisy rows
            (tried on some of `X`). A failed call leaves the object as it was.
        """
        with unchanged_on_error(self):
            self._fit(X, y, sample_weight, fit_params)
        return self

    def _needed(self) -> dict[str, str]:
        soft = "voting='soft' needs {method}, which {name} has not: use voting='hard'."
        return super()._needed() | ({"predict_proba": soft} if self.voting == "soft" else {})

    def _fit(self, X: Any, y: Any, sample_weight: Any, fit_params: dict[str, Any]) -> None:
        check_n_jobs(self.n_jobs)
        X = check_rows(self, X, reset=True, allow_nd=True)
        params = self._passed_on(X, y, sample_weight, fit_params)
        y = self._check_labels(X, y)
        # Images, sequences: flat rows for all but the base classifier.
        shape = X.shape[1:] if len(X.shape) > 2 else None
        if shape is not None and self.noise_features is not None:
            raise ValueError(
                f"noise_features={self.noise_features!r} is not allowed for X of shape {X.shape}: "
                "every entry gets noise, noise_features=None."
            )
        self._shape = shape
        X = _flat(X)
        noise = Noise.from_data(
            X,
            self.noise_features,
            self.noise_scale,
            names_of(X),
            table=shape is None,
            weight=params.get("sample_weight"),
        )
        noise.check_levels([self.sigma])
        # Without a seed, from the operating system.
        seeded = self.random_state is not None
        entropy = seed_of(self.random_state) if seeded else secrets.randbits(128)
        base, classes = self._train(X, y, params, noise, entropy)
        self._check_classes(classes)
        self.estimator_ = base
        self.classes_ = classes
        self._noise = noise
        method = self._method_for(base, X if shape is None else X.reshape(-1, *shape))
        self._engine, self._declined = find_engine(
            Problem(base, classes, noise, X, shape, self.voting, method, self.resample)
        )
        first = deepcopy(take_rows(X, slice(0, 1)))  # a model may write into what it is given
        reader = getattr(self._engine, "estimator", base)
        encode(labels_of(reader, first), classes)
        if self._engine.method == "monte_carlo" or noise.categories is not None:
            self._check_noise(base, reader, X, noise, entropy)
        self.engine_ = self._engine.name
        self.method_ = self._engine.method
        if self.method_ == "monte_carlo":
            self._check_budget(len(classes))
            self._warn_of_budget(len(classes))
        self.noise_features_ = noise.names
        self.noise_scale_ = noise.scale.copy()
        # Parameters take effect when fitting: a later set_params must not change half of them.
        self._release = ReleaseRule(
            self.sigma,
            self.alpha,
            self.min_radius,
            self.fallback,
            self.resample,
            self.n_samples if self.method_ == "monte_carlo" else 0,
        )
        self._entropy = entropy
        # Fresh noise: with a seed given, call after call in a reproducible order.
        self._calls = np.random.SeedSequence(entropy, spawn_key=(0, 2)) if seeded else None

    def _check_noise(self, base: Any, reader: Any, X: Rows, noise: Noise, entropy: int) -> None:
        """Refuse noise that leaves the model's domain: the votes to come are tried on some rows."""
        n_draws = max(1, min(self.n_samples, _MOST_TRIED // len(noise.columns)))
        ask = reader.predict_proba if self.voting == "soft" else reader.predict
        check_noise(base, ask, X, noise, self.sigma, noise.law.draw((entropy,), 0, n_draws))

    def _train(
        self, X: Rows, y: np.ndarray, params: dict[str, Any], noise: Noise, entropy: int
    ) -> tuple[Any, np.ndarray]:
        """The fitted base classifier, and its labels."""
        base, shape = clone(self._base()), self._shape
        clean = X, y, params
        if self.n_augment and isinstance(base, FrozenEstimator):
            warn_user(
                f"n_augment={self.n_augment} has no effect on a FrozenEstimator: it is not fitted "
                "again."
            )
        elif self.n_augment:
            # A stream of its own: the votes must not reuse the noise that the model was fitted on.
            rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(0, 1)))
            draws = noise.law.fresh(rng, X.shape[0], 1 + self.n_augment)
            draws[:, 0] = 0.0
            X, y, params = _augment(X, y, params, self.sigma * noise.scale * draws, noise)
        net = last_step(base)
        if is_net(net) and not is_frozen(base):
            self._tell_noise(base, net, noise, shape or (X.shape[1],))
        try:
            base = self._fit_base(base, X if shape is None else X.reshape(-1, *shape), y, params)
        except Exception:
            if self.n_augment and shape is None and not is_net(net):  # is it the noise?
                X, y, params = clean
                plain = clone(base).fit(X, y, **params)
                self._check_noise(plain, plain, X, noise, entropy)
            raise
        net = last_step(base)
        classes = net_classes(net) if is_net(net) else getattr(base, "classes_", np.unique(y))
        return base, np.asarray(classes)

    def _method_for(self, base: Any, X: Any) -> Any:
        """`method`, or votes where the base classifier answers at random; warns of what is lost."""
        method = self.method
        if is_random(base, X):
            if method == "exact":
                raise ValueError(
                    f"method='exact' is not allowed: {type(base).__name__} gives the same rows "
                    "different answers, so that no certificate is certain. Use "
                    "method='monte_carlo', or a model that is a function of the row."
                )
            if not self.resample:
                warn_user(
                    f"{type(base).__name__} gives the same rows different answers: votes are "
                    "counted, and the release is random although resample=False."
                )
            method = "monte_carlo"
        if self.voting == "soft" and has_threshold(base, X):
            warn_user(
                f"{type(base).__name__} has a threshold of its own: its labels are not those of "
                "its largest probabilities, which voting='soft' smooths. Use voting='hard' to "
                "keep it."
            )
        return method

    def predict(self, X):
        """Label to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        label : ndarray of shape (n_samples,)
            The label with the most votes; `fallback`, where that is given, for rows whose
            certificate does not exceed `min_radius`.
        """
        check_is_fitted(self)
        release = self._release
        (votes,) = self._votes(self._rows(X), [release.sigma], self._draws())
        label = self.classes_[votes.top]
        if release.fallback is None:  # nobody asks for the radius
            return label
        radius = scaled_radius(votes.bounds(release.alpha).radius, release.sigma)
        return self._released(label, radius)

    def _released(self, label: np.ndarray, radius: np.ndarray) -> np.ndarray:
        """What is released for labels with these radii, in scaled units."""
        return released(label, radius > self._release.min_radius, self._release.fallback)

    def predict_proba(self, X):
        """Share of the votes that each class has; its argmax is the label of the certificate.

        The shares tell more about a row than the label does, and no certificate covers them: they
        are for the owner of the row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        share : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        check_is_fitted(self)
        (votes,) = self._votes(self._rows(X), [self._release.sigma], self._draws())
        return votes.share

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
            Labels, radii and bounds. With ``resample=False`` its labels are those of `predict`
            (before `fallback`); where a row left early they may differ, though not, with
            probability ``1 - alpha``, from that of the smoothed classifier.

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
        return self.certify_path(
            X, [self._release.sigma], radius=radius, tolerance=tolerance, feature=feature
        )[0]

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
        self._noise.check_levels(sigmas)
        question = self._question(radius, tolerance, feature)
        # What callbacks keep on an estimator while they run stays off this one: threads share it.
        return reporter(self)._certify_reported(X, sigmas, question)

    @with_callbacks
    def _certify_reported(
        self, X: Any, sigmas: Sequence[float], question: Question | None
    ) -> list[Certificate]:
        X, draws = self._rows(X), self._draws()
        if not getattr(self, "_skl_callbacks", None):
            return self._certify_rows(X, sigmas, draws, question)
        n_parts = max(1, min(_REPORTS, X.shape[0] // _ROWS_OF_A_REPORT))
        slices = list(gen_even_slices(X.shape[0], n_parts))
        parts = [
            self._certify_rows(take_rows(X, rows), sigmas, draws.for_rows(rows.start), question)
            for rows in reported(self, "certify", slices)
        ]
        return [concatenate(level) for level in zip(*parts, strict=True)]

    def _certify_rows(
        self, X: Rows, sigmas: Sequence[float], draws: Draws, question: Question | None = None
    ) -> list[Certificate]:
        """Certificates of checked rows at each noise level."""
        if question is not None and len(draws) and not isinstance(self._engine, Recalled):
            return [self._certify_in_rounds(X, sigma, draws, question) for sigma in sigmas]
        answer = []
        for sigma, votes in zip(sigmas, self._votes(X, sigmas, draws), strict=True):
            n_samples = np.full(X.shape[0], votes.n_samples)
            bounds = votes.bounds(self._release.alpha)
            answer.append(self._certificate(X, sigma, votes.top, bounds, n_samples, votes.reach))
        return answer

    def _certify_in_rounds(
        self, X: Rows, sigma: float, draws: Draws, question: Question
    ) -> Certificate:
        def cast(rows: np.ndarray, start: int, stop: int, number: int) -> Any:
            # Rows with noise of their own begin a new stream in every round.
            now = replace(draws, start=start, stop=stop)
            if draws.row is not None:
                now = replace(now, entropy=(*draws.entropy, number))
            return self._votes(take_rows(X, rows), [sigma], now)[0]

        found = vote_in_rounds(cast, X.shape[0], len(draws), self._release.alpha, sigma, question)
        return self._certificate(X, sigma, *found)

    def _identity(self) -> tuple[Any, ...]:
        """What tells this fit from others: base model, seed, noise, release."""
        engine = (self.engine_, getattr(self._engine, "voting", "hard"), self._shape)
        return self.estimator_, self._entropy, self._noise, self._release, self.classes_, engine

    def _question(self, radius: Any, tolerance: Any, feature: Any) -> Question | None:
        if radius is None and tolerance is None:
            if feature is not None:
                raise ValueError(
                    f"feature={feature!r} is given without a question in its unit: give radius or "
                    "tolerance, too."
                )
            return None
        if radius is not None and tolerance is not None:
            raise ValueError(
                f"radius={radius!r} and tolerance={tolerance!r} are two questions: give one."
            )
        for name, value in (("radius", radius), ("tolerance", tolerance)):
            if value is not None and not (isinstance(value, Real) and 0 <= float(value) < np.inf):
                raise ValueError(f"{name}={value!r} is not allowed: a finite number from 0 up.")
        unit = 1.0
        if feature is not None:
            place = find_noised(feature, self._noise.columns, self._noise.names)
            unit = float(self._noise.scale[place])
        least = None if self._release.fallback is None else float(self._release.min_radius)
        return Question(radius, tolerance, unit, least)

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
        release = self._release
        if not release.resample:
            raise ValueError(
                "privacy_loss needs fresh noise, resample=True. Here the release is a function of "
                f"the row ({'fixed noise' if release.n_votes else 'exact method'}): rows within a "
                "certified ball give the same label, and no such guarantee holds for the others."
            )
        if not 0 <= distance < np.inf:
            raise ValueError(f"distance={distance!r} is not allowed: a finite number from 0 up.")
        if not isinstance(n_queries, Integral) or n_queries < 1:
            raise ValueError(f"n_queries={n_queries!r} is not allowed: a whole number, at least 1.")
        looks = release.n_votes * int(n_queries)
        return GaussianPrivacy(float(np.sqrt(looks) * distance / release.sigma))

    def _certificate(
        self,
        X: Rows,
        sigma: float,
        top: np.ndarray,
        bounds: Bounds,
        n_samples: np.ndarray,
        reach: np.ndarray | None = None,
    ) -> Certificate:
        return Certificate(
            label=self.classes_[top],
            radius=scaled_radius(bounds.radius, sigma),
            abstained=bounds.abstained,
            p_lower=bounds.p_lower,
            p_upper=bounds.p_upper,
            n_samples=n_samples,
            sigma=float(sigma),
            alpha=float(self._release.alpha) if self._release.n_votes else 0.0,
            method=self.method_,
            feature_names=self._noise.names,
            scale=self._noise.scale.copy(),
            feature_indices=self._noise.columns,
            # A copy: what was certified stays so when the caller changes X.
            values=self._noise.values(X).copy(),
            reach=None if reach is None else scaled_radius(reach, sigma),
            n_classes=len(self.classes_),
            min_radius=None if self._release.fallback is None else float(self._release.min_radius),
            voting=getattr(self._engine, "voting", "hard"),
            index=index_of(X),
        )

    def _draws(self) -> Draws:
        """Noise of one call: always the same bank, or fresh noise for every row."""
        n_votes = self._release.n_votes
        if not self._release.resample:
            return Draws((self._entropy,), 0, n_votes)
        fresh = np.random.SeedSequence() if self._calls is None else self._calls.spawn(1)[0]
        return Draws(tuple(fresh.generate_state(4).tolist()), 0, n_votes, row=0)

    def _votes(self, X: Rows, sigmas: Sequence[float], draws: Draws) -> list[Votes]:
        """Votes of checked rows at each noise level."""
        return cast_votes(self._engine, X, sigmas, draws, self.n_jobs)

    def _rows(self, X: Any) -> Rows:
        """Checked rows, flat."""
        X = check_rows(self, X, reset=False, allow_nd=True)
        shape = X.shape[1:] if len(X.shape) > 2 else None
        if shape != self._shape:
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but {type(self).__name__} was fitted on rows "
                f"of shape {self._shape or (self.n_features_in_,)}."
            )
        return _flat(X)

    def _tell_noise(self, base: Any, net: Any, noise: Noise, shape: tuple[int, ...]) -> None:
        """Give the noise of this fit to the callbacks of a net that train with it."""
        waiting = waiting_for_noise(net)
        if waiting and net is not base:
            raise ValueError(
                "GaussianNoise(sigma=None) takes its noise from the RobustPrivacyClassifier right "
                "around the net: inside a Pipeline, give it a sigma of its own."
            )
        level = np.zeros(int(np.prod(shape)))
        level[noise.columns] = self.sigma * noise.scale
        for callback in waiting:
            callback.take_noise(level.reshape(shape))

    def _at_noise(self, sigma: float, engine: Engine) -> RobustPrivacyClassifier:
        """The same fitted classifier at another noise level, its votes from `engine`."""
        other = copy(self)
        other.sigma = sigma
        other._release = replace(self._release, sigma=sigma)
        other._engine = engine
        other.__dict__.pop("_skl_callbacks", None)
        return other

    def _check_budget(self, n_classes: int) -> None:
        """Refuse votes that can certify nothing, unless fresh noise is all that is wanted."""
        needed = min_samples(self.alpha, n_classes, self.voting)
        if self.n_samples < needed and not (self.resample and self.fallback is None):
            raise ValueError(
                f"n_samples={self.n_samples} cannot certify anything at alpha={self.alpha:g}: at "
                f"least {needed} are needed."
            )

    def _warn_of_budget(self, n_classes: int) -> None:
        """Warn of votes that certify nothing, or never as much as `min_radius`."""
        needed = min_samples(self.alpha, n_classes, self.voting)
        if self.n_samples < needed:
            warn_user(
                f"n_samples={self.n_samples} cannot certify anything at alpha={self.alpha:g}: "
                "every certificate abstains, and only privacy_loss speaks of the release. At least "
                f"{needed} votes are needed for certificates."
            )
            return
        largest = self.sigma * max_radius(self.n_samples, self.alpha, n_classes, self.voting)
        if self.min_radius >= largest:
            warn_user(
                f"min_radius={self.min_radius:g} can never be certified: {self.n_samples} votes at "
                f"sigma={self.sigma:g} and alpha={self.alpha:g} reach {largest:.3g} at most. Raise "
                "n_samples or sigma, or lower min_radius."
            )

    def _check_classes(self, classes: np.ndarray) -> None:
        """At least two; votes enough; and a fallback of their kind: metrics take one kind only."""
        super()._check_classes(classes)
        if self.method == "monte_carlo":
            self._check_budget(len(classes))
        check_fallback(self.fallback, classes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.non_deterministic = bool(self.resample) or tags.non_deterministic
        return tags


def certify(
    estimator: Any,
    X: Any,
    sigmas: Sequence[float] | None = None,
    *,
    radius: float | None = None,
    tolerance: float | None = None,
    feature: str | int | None = None,
) -> Any:
    """Certificate of each row, through wrappers that hand the label on unchanged.

    Parameters
    ----------
    estimator : fitted estimator
        A :class:`RobustPrivacyClassifier`, or a Pipeline, a search (``GridSearchCV`` and the like)
        or a FrozenEstimator around one, nested in any way. In a Pipeline the noise acts on what the
        steps before the classifier give, and so do radius and feature names.
    X : array-like or DataFrame of shape (n_samples, n_features)
        Rows.
    sigmas : sequence of float, default=None
        Noise levels, as in `RobustPrivacyClassifier.certify_path`; None: the one of the fit.
    radius, tolerance : float, default=None
        A question that stops the votes early, as in `RobustPrivacyClassifier.certify`.
    feature : str or int, default=None
        In whose unit.

    Returns
    -------
    certificate : Certificate, or list of Certificate where `sigmas` is given

    Raises
    ------
    TypeError
        If the estimator cannot certify, or changes the label on its way out (a tuned threshold, a
        calibrated ensemble): the certificate would not be about its output.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_rp import RobustPrivacyClassifier, certify
    >>> X, y = load_iris(return_X_y=True)
    >>> pipe = make_pipeline(StandardScaler(), RobustPrivacyClassifier(random_state=0)).fit(X, y)
    >>> len(certify(pipe, X))
    150
    """
    asked = {"radius": radius, "tolerance": tolerance, "feature": feature}
    question: Any = {name: value for name, value in asked.items() if value is not None}
    name = type(estimator).__name__
    if isinstance(estimator, BaseSearchCV) and not hasattr(estimator, "best_estimator_"):
        if hasattr(estimator, "cv_results_"):
            raise TypeError(f"This {name} has refit=False and holds no model to certify.")
        raise NotFittedError(f"This {name} is not fitted yet: call fit before certify.")
    inner = inside(estimator)
    if inner is not None:
        return certify(inner, X, sigmas, **question)
    if is_pipeline(estimator):
        check_is_fitted(estimator)
        rows = behind_steps(estimator, X)
        found = certify(estimator[-1], rows, sigmas, **question)
        if index_of(rows) is not None or np.shape(rows)[0] != np.shape(X)[0]:
            return found  # labels of their own; or rows that cannot be told apart any more
        if sigmas is None:
            return replace(found, index=index_of(X))
        return [replace(each, index=index_of(X)) for each in found]
    if hasattr(type(estimator), "certify"):
        if sigmas is None:
            return estimator.certify(X, **question)
        return estimator.certify_path(X, sigmas, **question)
    home = type(estimator).__module__.split(".")[0]
    raise TypeError(
        f"certify cannot certify {name} of {home}: the label has to come unchanged from a "
        "RobustPrivacyClassifier, through nothing but Pipeline, search estimators and "
        "FrozenEstimator as scikit-learn has them. A wrapper that moves the threshold, calibrates "
        "or combines models gives labels that no certificate is about; put it inside, as "
        f"RobustPrivacyClassifier(estimator={name}(...))."
    )


@dataclass(frozen=True)
class ReleaseRule:
    """Parameters of the release, as they were when fitting."""

    sigma: float
    alpha: float
    min_radius: float
    fallback: Any
    resample: bool
    n_votes: int  # behind each released label; 0: none, the method is exact


def check_fallback(fallback: Any, classes: np.ndarray) -> None:
    """Refuse a fallback of another kind than the labels: metrics take one kind only."""
    if fallback is None:
        return
    kinds = {"U": "text", "i": "number", "u": "number", "f": "number", "b": "boolean"}
    example = np.asarray(classes.tolist())  # labels of dtype object are text or numbers
    wanted = kinds.get(example.dtype.kind, "object")
    given = kinds.get(np.asarray(fallback).dtype.kind, "object")
    if np.ndim(fallback) or wanted != given or fallback != fallback:
        raise ValueError(
            f"fallback={fallback!r} is not allowed beside the labels {classes.tolist()}: "
            f"it must be one {wanted}, as metrics take labels of one kind only."
        )


def released(label: np.ndarray, certified: np.ndarray, fallback: Any) -> np.ndarray:
    """Labels, and `fallback`, where one is given, for the rows that are not certified."""
    if fallback is None:
        return label
    other = np.asarray(fallback)
    kind = np.result_type(label, other) if label.dtype.kind != "O" else np.dtype(object)
    return np.where(certified, label.astype(kind), other.astype(kind))


def _flat(X: Rows) -> Rows:
    """Rows as vectors: images and the like are unrolled."""
    return X if len(X.shape) == 2 else X.reshape(len(X), -1)


def waiting_for_noise(net: Any) -> list[Any]:
    """Callbacks of a net that take their noise level from the classifier around it."""
    found = []
    for each in getattr(net, "callbacks", None) or []:
        callback = each[1] if isinstance(each, tuple) else each
        if hasattr(callback, "take_noise") and getattr(callback, "sigma", None) is None:
            if isinstance(callback, type):
                raise TypeError(
                    f"callbacks holds the class {callback.__name__}: give an object, "
                    f"{callback.__name__}()."
                )
            found.append(callback)
    return found


def _augment(
    X: Rows, y: np.ndarray, params: dict[str, Any], offsets: np.ndarray, noise: Noise
) -> tuple[Rows, np.ndarray, dict[str, Any]]:
    """Training rows, each followed by its noisy copies; what goes with a row is repeated."""
    n_rows, copies = offsets.shape[:2]
    values = noise.values(X)
    shifted = (values[:, None, :] + offsets.astype(values.dtype)).reshape(n_rows * copies, -1)
    origin = np.repeat(np.arange(n_rows), copies)
    repeated = {
        name: safe_indexing(value, origin) if _one_per_row(value, n_rows) else value
        for name, value in params.items()
    }
    return replace_columns(X, noise.columns, shifted, copies), y[origin], repeated


def _one_per_row(value: Any, n_rows: int) -> bool:
    """Whether a fit parameter such as ``sample_weight`` has one entry for each row."""
    return hasattr(value, "__len__") and not isinstance(value, str | dict) and len(value) == n_rows
