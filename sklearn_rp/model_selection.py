"""Choosing a noise level or a minimum: the most privacy within an accuracy budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number, Real
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, indexable
from sklearn.utils.parallel import Parallel, delayed

from sklearn_rp._compat import (
    BaseSearchCV,
    DocumentedMixin,
    fit_context,
    reported,
    route,
    routing_enabled,
    rows_of_params,
    safe_split,
    weights_for_scores,
    with_callbacks,
)
from sklearn_rp.models.inside import behind_steps, cloned, is_pipeline, last_step
from sklearn_rp.models.nets import waiting_for_noise
from sklearn_rp.rows import did_you_mean
from sklearn_rp.smoothed import Smoothed
from sklearn_rp.validation import check_sigmas, unchanged_on_error

__all__ = ["NoiseSearchCV", "max_privacy"]


def __dir__() -> list[str]:
    return __all__


def max_privacy(
    max_accuracy_loss: float = 0.01,
    *,
    accuracy: str = "accuracy",
    privacy: str = "radius",
    one_standard_error: bool = False,
) -> MaxPrivacy:
    """``refit`` callable for searches: the most privacy whose accuracy is within a budget.

    Parameters
    ----------
    max_accuracy_loss : float, default=0.01
        How much mean accuracy may be given up against the best candidate: 0.01 is one point, 1 is
        all of it, 0 the paper's "no loss of accuracy".
    accuracy, privacy : str, default="accuracy" and "radius"
        Names of two scorers of the search; more is better for both.
    one_standard_error : bool, default=False
        Whether the budget is at least one standard error, over splits, of the best candidate's
        accuracy: differences below that are not told apart.

    Returns
    -------
    refit : callable
        Gives the index of the chosen candidate from ``cv_results_``. Of candidates with equal
        privacy the more accurate one is chosen. A search with a callable `refit` has no single
        score: ask ``search.best_estimator_.score`` instead.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.metrics import average_certified_radius, make_certificate_scorer
    >>> from sklearn_rp.model_selection import max_privacy
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(
    ...     RobustPrivacyClassifier(noise_features=[2], random_state=0),
    ...     {"sigma": [0.1, 0.5, 2.0]},
    ...     scoring={
    ...         "accuracy": "accuracy",
    ...         "radius": make_certificate_scorer(average_certified_radius),
    ...     },
    ...     refit=max_privacy(max_accuracy_loss=0.02),
    ... ).fit(X, y)
    >>> sorted(search.best_params_)
    ['sigma']
    """
    is_number = isinstance(max_accuracy_loss, Real) and not isinstance(max_accuracy_loss, bool)
    if not is_number or not 0 <= max_accuracy_loss < np.inf:
        raise ValueError(
            f"max_accuracy_loss={max_accuracy_loss!r} is not allowed: give a number from 0 up, in "
            "the unit of the accuracy scorer (0.01 is one point)."
        )
    for name, value in (("accuracy", accuracy), ("privacy", privacy)):
        if not isinstance(value, str):
            raise TypeError(f"{name}={value!r} is not allowed: give the name of a scorer.")
    return MaxPrivacy(float(max_accuracy_loss), accuracy, privacy, bool(one_standard_error))


@dataclass(eq=False, repr=False)
class MaxPrivacy:
    """What `max_privacy` returns: a class rather than a closure, so that it pickles."""

    max_accuracy_loss: float
    accuracy: str
    privacy: str
    one_standard_error: bool

    def __call__(self, cv_results: dict[str, Any]) -> int:
        """Index of the chosen candidate."""
        accuracy = self._mean(cv_results, self.accuracy)
        privacy = self._mean(cv_results, self.privacy)
        usable = np.isfinite(accuracy) & np.isfinite(privacy)
        if not usable.any():
            raise ValueError(
                f"No candidate qualifies: the scores {self.accuracy!r} and {self.privacy!r} are "
                "not finite for any of them. Look for warnings of failed fits, or set "
                "error_score='raise' in the search."
            )
        best = int(np.argmax(np.where(usable, accuracy, -np.inf)))
        budget = self.max_accuracy_loss
        if self.one_standard_error:
            budget = max(budget, standard_errors(cv_results, self.accuracy)[best])
        # A hair more: 0.95 - 0.94 is 0.01, whatever floating point says.
        within = usable & (accuracy >= accuracy[best] - budget - 1e-9)
        order = np.lexsort((-accuracy, -np.where(within, privacy, -np.inf)))
        return int(order[0])

    @staticmethod
    def _mean(cv_results: dict[str, Any], scorer: str) -> np.ndarray:
        key = f"mean_test_{scorer}"
        if key not in cv_results:
            known = scorers_of(cv_results)
            raise ValueError(
                f"The search has no scorer named {scorer!r}{did_you_mean(scorer, known)}. It has "
                f"{known}: name two of them in scoring={{...}} and in max_privacy(...)."
            )
        return np.asarray(cv_results[key], dtype=float)

    def __repr__(self) -> str:
        return (
            f"max_privacy({self.max_accuracy_loss:g}, accuracy={self.accuracy!r}, "
            f"privacy={self.privacy!r}, one_standard_error={self.one_standard_error})"
        )


class NoiseSearchCV(DocumentedMixin, BaseSearchCV):
    """Cross-validated search over noise levels that fits once per split for all of them.

    Gives what :class:`~sklearn.model_selection.GridSearchCV` over ``sigma`` gives, for less: in
    each split the estimator is fitted once and its votes on the test rows are found once, for all
    noise levels and all scorers. Where the rows are swept (one noised feature), ten noise levels
    cost about as much as one. For other parameters, and for training with noise (``n_augment``),
    which is a fit of its own for each level, use GridSearchCV.

    Parameters
    ----------
    estimator : RobustPrivacyClassifier, -Regressor or -Recommender, or Pipeline that ends in one
        What is to be tuned; its own ``sigma`` is ignored.
    sigmas : array-like of shape (n_sigmas,)
        Noise levels to try, in units of the estimator's ``noise_scale``.
    scoring : str, callable, list, tuple or dict, default=None
        As in GridSearchCV; None: the estimator's ``score``.
    n_jobs : int, default=None
        Splits in parallel (joblib).
    refit : bool, str or callable, default=True
        As in GridSearchCV: True, the name of a scorer where there are several, or a callable such
        as :func:`max_privacy`. False: nothing is fitted at the end.
    cv : int, cross-validation generator or iterable, default=None
        As in GridSearchCV; None: 5 folds, stratified for a classifier.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in GridSearchCV, one entry for each noise level. The times of a split are those of all
        noise levels together.
    best_index_, best_params_, best_score_, best_estimator_ : int, dict, float, estimator
        The choice, as in GridSearchCV; ``best_score_`` is missing where `refit` is a callable.
    scorer_, multimetric_, n_splits_ : callable or dict, bool, int
        As in GridSearchCV.
    classes_ : ndarray of shape (n_classes,)
        Labels; of a classifier.
    n_features_in_, feature_names_in_ : int, ndarray
        As seen by `best_estimator_`.

    See Also
    --------
    max_privacy : The most privacy within an accuracy budget, as `refit`.
    sklearn_rp.RobustPrivacyClassifier.certify_path : Certificates at several noise levels.

    Notes
    -----
    The splits draw noise of their own, apart from that of `best_estimator_`, also with a
    ``random_state`` given: a noise bank that helped to choose the noise level would bias the
    certificates that it gives.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> from sklearn_rp import RobustPrivacyClassifier, certify
    >>> from sklearn_rp.metrics import average_certified_radius, make_certificate_scorer
    >>> from sklearn_rp.model_selection import NoiseSearchCV, max_privacy
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> search = NoiseSearchCV(
    ...     RobustPrivacyClassifier(
    ...         HistGradientBoostingClassifier(max_iter=20), noise_features=[0]
    ...     ),
    ...     sigmas=[0.1, 0.5, 1.0, 2.0],
    ...     scoring={
    ...         "accuracy": "accuracy",
    ...         "radius": make_certificate_scorer(average_certified_radius),
    ...     },
    ...     refit=max_privacy(max_accuracy_loss=0.01),
    ...     cv=3,
    ... ).fit(X, y)
    >>> search.cv_results_["mean_test_radius"].shape
    (4,)
    >>> len(certify(search, X[:5]))
    5
    """

    _parameter_constraints: dict = BaseSearchCV._parameter_constraints | {"sigmas": ["array-like"]}

    def __init__(self, estimator, sigmas, *, scoring=None, n_jobs=None, refit=True, cv=None):
        super().__init__(estimator, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv)
        self.sigmas = sigmas

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, **params):
        """Score every noise level in every split, and fit with the one that `refit` chooses.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,), or (n_samples, n_items)
            Labels, or numbers; of a recommender what its `fit` takes.
        **params : dict
            ``groups`` for the splits and parameters for the ``fit`` of the estimator; with
            metadata routing enabled, whatever is requested.

        Returns
        -------
        self : NoiseSearchCV

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not allowed, or a fit or a score fails. A failed call
            leaves the object as it was.
        """
        with unchanged_on_error(self):
            self._fit(X, y, params)
        return self

    def _fit(self, X: Any, y: Any, params: dict[str, Any]) -> None:
        for name in ("estimator", "index", "params", "score"):  # nothing of an earlier fit stays
            self.__dict__.pop(f"best_{name}_", None)
        where, clf = _smoothed(self.estimator)
        sigmas = check_sigmas(self.sigmas)
        if clf.n_augment:
            raise ValueError(
                f"n_augment={clf.n_augment} trains the model anew for each noise level: search "
                "over sigma with GridSearchCV, or set n_augment=0."
            )
        if waiting_for_noise(last_step(clf.estimator)):
            raise ValueError(
                "GaussianNoise(sigma=None) trains the net anew for each noise level: search over "
                "sigma with GridSearchCV, or give the callback a sigma of its own."
            )
        scorer = check_scoring(self.estimator, self.scoring)
        if isinstance(self.scoring, list | tuple | set | dict):
            self._check_refit(list(self.scoring))
        X, y = indexable(X, y)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        to_split, to_fit, to_score = self._routed(params)
        folds = list(cv.split(X, y, **to_split))
        # Its own noise level is never used; the largest cannot be too little for `min_radius`.
        apart = cloned(self.estimator).set_params(**{f"{where}sigma": max(sigmas)})
        if clf.random_state is not None:
            seed = check_random_state(clf.random_state).randint(2**31 - 1)
            apart.set_params(**{f"{where}random_state": int(seed)})
        tasks = (
            delayed(_fit_and_score)(
                clone(apart), X, y, fold, sigmas, scorer, to_fit=to_fit, to_score=to_score
            )
            for fold in folds
        )
        found = Parallel(n_jobs=self.n_jobs, return_as="generator")(tasks)
        parts = [part for part, _ in zip(found, reported(self, "search", folds), strict=True)]
        self.multimetric_ = isinstance(parts[0][0][0], dict)
        results = _cv_results(parts, [{f"{where}sigma": sigma} for sigma in sigmas])
        self.n_splits_ = len(folds)
        self.scorer_ = getattr(scorer, "_scorers", scorer)
        self._choose(results)
        if self.refit:
            self.best_estimator_ = cloned(self.estimator).set_params(**self.best_params_)
            started = time.perf_counter()
            self.best_estimator_.fit(X, y, **to_fit)
            self.refit_time_ = time.perf_counter() - started
            if hasattr(self.best_estimator_, "feature_names_in_"):
                self.feature_names_in_ = self.best_estimator_.feature_names_in_
        self.cv_results_ = results

    def _routed(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Parameters for the splitter, for each fit, and for the scores."""
        if routing_enabled():
            asked = ("splitter", "split"), ("estimator", "fit"), ("scorer", "score")
            return [route(self, "fit", child, params, method) for child, method in asked]
        rest = dict(params)
        groups, weight = rest.pop("groups", None), weights_for_scores(self, params)
        return [{"groups": groups}, rest, {} if weight is None else {"sample_weight": weight}]

    def _check_refit(self, names: list[str]) -> None:
        known = self.refit in names if isinstance(self.refit, str) else self.refit is False
        if not known and not callable(self.refit):
            raise ValueError(
                f"refit={self.refit!r} is not allowed with several scorers: give the name of the "
                f"one that chooses, {names}, a callable such as max_privacy(), or False."
            )

    def _choose(self, results: dict[str, Any]) -> None:
        """Best candidate, by one scorer or by a callable."""
        if self.multimetric_:
            self._check_refit(scorers_of(results))
            if not self.refit:
                return
        if callable(self.refit):
            index = self.refit(results)
            if isinstance(index, bool) or not isinstance(index, int | np.integer):
                raise TypeError(f"refit gave {index!r}: it has to give the index of a candidate.")
            if not 0 <= index < len(results["params"]):
                raise IndexError(f"refit gave {index!r}: there are {len(results['params'])}.")
        else:
            metric = self.refit if self.multimetric_ else "score"
            index = results[f"rank_test_{metric}"].argmin()
            self.best_score_ = results[f"mean_test_{metric}"][index]
        self.best_index_ = int(index)
        self.best_params_ = results["params"][index]


def _fit_and_score(
    estimator: Any,
    X: Any,
    y: Any,
    fold: tuple[np.ndarray, np.ndarray],
    sigmas: Sequence[float],
    scorer: Any,
    *,
    to_fit: dict[str, Any],
    to_score: dict[str, Any],
) -> tuple[list[Any], float, float]:
    """Scores of a fold at each noise level; seconds of the fit, and of all scores."""
    train, test = fold
    started = time.perf_counter()
    X_train, y_train = safe_split(estimator, X, y, train)
    estimator.fit(X_train, y_train, **rows_of_params(X, to_fit, train))
    fitted = time.perf_counter()
    X_test, y_test = safe_split(estimator, X, y, test, train)
    params = rows_of_params(X, to_score, test)
    views = _at_noise_levels(estimator, X_test, sigmas)
    scores = [_numbers(scorer(view, X_test, y_test, **params)) for view in views]
    return scores, fitted - started, time.perf_counter() - fitted


def _numbers(found: Any, name: str | None = None) -> Any:
    """What a scorer gave, as a plain number, or by name where it gave several."""
    if isinstance(found, dict) and name is None:
        return {each: _numbers(score, each) for each, score in found.items()}
    if np.size(found) == 1 and hasattr(found, "item"):
        found = found.item()
    if not isinstance(found, Number):
        raise ValueError(
            f"scoring must return a number, got {found} ({type(found)}) instead. "
            f"(scorer={name or 'score'})"
        )
    return found


def _smoothed(estimator: Any) -> tuple[str, Any]:
    """The estimator that smooths, and where its parameters are: "" or "<step>__"."""
    if isinstance(estimator, Smoothed):
        return "", estimator
    if is_pipeline(estimator):
        name, last = estimator.steps[-1]
        where, clf = _smoothed(last)
        return f"{name}__{where}", clf
    raise TypeError(
        f"estimator={type(estimator).__name__} is not a RobustPrivacyClassifier, -Regressor or "
        "-Recommender, nor a Pipeline that ends in one: for anything else, search over sigma with "
        "GridSearchCV."
    )


def _at_noise_levels(estimator: Any, X: Any, sigmas: Sequence[float]) -> list[Any]:
    """A fitted estimator at several noise levels, its votes for `X` found once."""
    if is_pipeline(estimator):
        *before, (name, last) = estimator.steps
        views = _at_noise_levels(last, behind_steps(estimator, X), sigmas)
        return [Pipeline([*before, (name, view)]) for view in views]
    return estimator.at_levels(X, sigmas)


def _cv_results(
    parts: Sequence[tuple[list[Any], float, float]], candidates: list[dict[str, Any]]
) -> dict[str, Any]:
    """``cv_results_`` from the scores and times of each fold."""
    folds, *times = zip(*parts, strict=True)
    scores = list(zip(*folds, strict=True))  # of each noise level in each fold
    results: dict[str, Any] = {}
    for kind, seconds in zip(("fit_time", "score_time"), times, strict=True):
        results[f"mean_{kind}"] = np.full(len(candidates), np.mean(seconds))
        results[f"std_{kind}"] = np.full(len(candidates), np.std(seconds))
    for name in candidates[0]:
        results[f"param_{name}"] = np.ma.MaskedArray([c[name] for c in candidates], mask=False)
    results["params"] = candidates
    several = isinstance(scores[0][0], dict)
    for name in scores[0][0] if several else ["score"]:
        values = np.array([[s[name] if several else s for s in level] for level in scores])
        results |= {f"split{i}_test_{name}": values[:, i] for i in range(len(folds))}
        results[f"mean_test_{name}"] = mean = values.mean(axis=1)
        results[f"std_test_{name}"] = values.std(axis=1)
        worst = np.where(np.isnan(mean), np.inf, -mean)
        results[f"rank_test_{name}"] = rankdata(worst, method="min").astype(np.int32)
    return results


def scorers_of(cv_results: dict[str, Any]) -> list[str]:
    """Names of the scorers."""
    return [name[10:] for name in cv_results if name.startswith("mean_test_")]


def standard_errors(cv_results: dict[str, Any], scorer: str) -> np.ndarray:
    """Standard error of each candidate's mean score over the splits; 0 of a single split."""
    splits = [
        np.asarray(value, dtype=float)
        for name, value in cv_results.items()
        if name.startswith("split") and name.endswith(f"_test_{scorer}")
    ]
    if len(splits) < 2:
        return np.zeros(len(cv_results[f"mean_test_{scorer}"]))
    return np.std(splits, axis=0, ddof=1) / np.sqrt(len(splits))
