"""What the estimators share: they wrap one classifier."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from copy import deepcopy
from functools import update_wrapper
from types import FunctionType, MethodType
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import has_fit_parameter

from sklearn_rp._compat import CallbackSupportMixin, DocumentedMixin, HasMethods, fitting, route
from sklearn_rp._version import __version__
from sklearn_rp.bounds import two_largest
from sklearn_rp.exceptions import warn_user
from sklearn_rp.models.inside import behind_steps, is_pipeline, last_step, unwrapped
from sklearn_rp.models.labels import fit_in_labels, in_labels, labels_of, probabilities_of
from sklearn_rp.noise import Noise
from sklearn_rp.rows import (
    Rows,
    missing,
    replace_columns,
    rows_with_gaps,
    sample_positions,
    sample_rows,
    take_rows,
)
from sklearn_rp.validation import check_target, check_weights


class weighted:  # noqa: N801
    """``fit`` whose signature has ``sample_weight`` where that of the classifier inside has it.

    There scikit-learn looks whether an estimator takes weights; bagging, for one, hands its
    resamples on as weights to whatever says that it does.
    """

    def __init__(self, fit: Any):
        self._fit = fit
        # A copy, not a call: warnings count the frames up to the user's line.
        plain: Any = FunctionType(
            fit.__code__, fit.__globals__, fit.__name__, fit.__defaults__, fit.__closure__
        )
        known = inspect.signature(fit)
        rest = [p for name, p in known.parameters.items() if name != "sample_weight"]
        update_wrapper(plain, fit)
        plain.__signature__ = known.replace(parameters=rest)
        self._plain = plain

    def __get__(self, wrapper: Any, owner: Any = None) -> Callable:
        if wrapper is None:
            return self._fit
        takes = has_fit_parameter(wrapper._base(), "sample_weight")
        return MethodType(self._fit if takes else self._plain, wrapper)


class Versioned(BaseEstimator):
    """Remembers which version fitted it: another one warns when it is restored."""

    def __getstate__(self):
        return super().__getstate__() | {"_sklearn_rp_version": __version__}

    def __setstate__(self, state):
        state = dict(state)
        version = state.pop("_sklearn_rp_version", None)
        super().__setstate__(state)
        if version is not None and version.split(".")[:2] != __version__.split(".")[:2]:
            warn_user(
                f"This {type(self).__name__} was fitted with sklearn_rp {version}, and this is "
                f"{__version__}: results may differ or fail; fit it again, or use that version."
            )


class ClassifierWrapper(DocumentedMixin, CallbackSupportMixin, MetaEstimatorMixin, Versioned):
    """Base of the estimators that fit a classifier and release its labels in some way."""

    estimator: Any

    # Whether a meta-estimator has `predict` may be known in `fit` alone: it is asked for there.
    _parameter_constraints: dict = {"estimator": [HasMethods(["fit"]), None]}

    def _base(self) -> Any:
        """The unfitted classifier: `estimator`, or the default."""
        return LogisticRegression() if self.estimator is None else self.estimator

    def _check_labels(self, X: Rows, y: Any) -> np.ndarray:
        """Labels as an array; refused where there is no classifier, or nothing to tell apart."""
        estimator = self._base()
        kind = get_tags(estimator).estimator_type
        if kind not in (None, "classifier"):
            raise ValueError(
                f"estimator={estimator!r} is a {kind}: a classifier is needed. Robust Privacy "
                "is about labels; for a regressor, put a threshold on the target first."
            )
        self._check_methods(estimator, fitted=False)
        y = check_target(self, X, y)
        if not isinstance(estimator, FrozenEstimator):  # which may be asked about rows of one class
            self._check_classes(np.unique(y))
        return y

    def _needed(self) -> dict[str, str]:
        """Methods that the classifier must have: what needs them, and what to do without."""
        return {"predict": "estimator={name} has no {method}: a classifier is needed."}

    def _check_methods(self, estimator: Any, *, fitted: bool) -> None:
        """Refuse a classifier without a method that is needed.

        A meta-estimator may have it, by its class, and find out in `fit` whether it does.
        """
        for method, why in self._needed().items():
            try:
                getattr(estimator, method)
            except AttributeError as error:
                if fitted or not hasattr(type(estimator), method):
                    raise ValueError(
                        why.format(method=method, name=type(estimator).__name__)
                    ) from error

    def _check_classes(self, classes: np.ndarray) -> None:
        """Refuse labels that there is nothing to tell apart in."""
        if len(classes) < 2:
            raise ValueError(
                f"y holds one class, {classes.tolist()}: a classifier needs at least two classes."
            )

    def _passed_on(
        self, X: Rows, y: Any, sample_weight: Any, fit_params: dict[str, Any]
    ) -> dict[str, Any]:
        """Parameters for the ``fit`` of the classifier, the rows' weights among them."""
        if sample_weight is not None:
            fit_params = fit_params | {"sample_weight": sample_weight}
        params = route(self, "fit", "estimator", fit_params)
        if params.get("sample_weight") is None:
            return params
        taken = inspect.signature(self._base().fit).parameters
        if "sample_weight" not in taken and not any(
            p.kind == p.VAR_KEYWORD for p in taken.values()
        ):
            raise ValueError(
                f"sample_weight is not allowed: {type(self._base()).__name__} takes no weights in "
                "fit. Leave it out, or wrap a classifier that does."
            )
        return params | {"sample_weight": check_weights(params["sample_weight"], X.shape[0], X, y)}

    def _fit_base(self, base: Any, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Fit a clone of the classifier; callbacks are told."""
        with fitting(self, base):
            base = fit_in_labels(base, X, y, params)
        self._check_methods(base, fitted=True)
        return base

    def get_metadata_routing(self):
        """Metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
            `fit` passes on to the ``fit`` of the classifier what that requests.
        """
        return MetadataRouter(owner=type(self).__name__).add(
            estimator=self._base(),
            method_mapping=MethodMapping().add(caller="fit", callee="fit"),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._base())
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = False  # not in the features that matter
        tags.input_tags.positive_only = inner.input_tags.positive_only
        tags.non_deterministic = inner.non_deterministic
        if tags.classifier_tags is not None and inner.classifier_tags is not None:
            tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
            tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        return tags


def is_random(estimator: Any, X: Rows) -> bool:
    """Whether a fitted classifier answers at random: by what is known of it, or seen on some rows.

    Parameters
    ----------
    estimator : fitted classifier
        Anything with ``predict``.
    X : ndarray or frame of shape (n_rows, n_features)
        Rows as it takes them; some are asked about twice, some of those with gaps among them.

    Returns
    -------
    random : bool
    """
    parts = [last_step(estimator)]
    if hasattr(estimator, "get_params"):
        parts += estimator.get_params(deep=True).values()
    if any(_releases_at_random(part) for part in parts):
        return True
    gaps = rows_with_gaps(X)
    return _wavers(estimator, sample_rows(X)) or bool(
        len(gaps) and _wavers(estimator, sample_rows(take_rows(X, gaps)))
    )


def _releases_at_random(part: Any) -> bool:
    """Whether a part is known to, as it was fitted; by its parameters where it was not."""
    fresh = getattr(getattr(part, "_release", None), "resample", None)
    if fresh is not None:
        return bool(fresh)
    return isinstance(part, ClassifierWrapper) and bool(get_tags(part).non_deterministic)


def _wavers(estimator: Any, rows: Rows) -> bool:
    """Whether the model inside a release gives the same rows different answers."""
    inner = unwrapped(estimator)
    if isinstance(inner, ClassifierWrapper):  # fixed noise, and slower to ask
        return _wavers(inner.estimator_, rows)
    if is_pipeline(inner) and isinstance(last_step(inner), ClassifierWrapper):
        given = [behind_steps(inner, deepcopy(rows)) for _ in range(2)]
        return joblib.hash(given[0]) != joblib.hash(given[1]) or _wavers(inner[-1], given[0])
    first, second = (labels_of(inner, deepcopy(rows)) for _ in range(2))
    return bool((first != second).any())


def has_threshold(estimator: Any, X: Rows) -> bool:
    """Whether a fitted classifier's labels are not those of its largest probabilities.

    So it is where it has a threshold of its own. A few rows may differ in any case: probabilities
    of support vector machines are fitted apart from their labels.
    """
    if not hasattr(estimator, "classes_"):
        return False
    rows = sample_rows(X, 200)
    proba = probabilities_of(estimator, deepcopy(rows))
    top = np.asarray(in_labels(estimator).classes_)[proba.argmax(axis=1)]
    first, second = two_largest(proba)
    clear = first - second > 1e-6
    return bool(np.mean((top != labels_of(estimator, rows)) & clear) > 0.05)


_TRIED = 20  # rows that noise is tried on as they come
_TRIED_FEATURES = 50  # whose smallest and largest values are tried as well, with the farthest noise


def check_noise(
    estimator: Any,
    ask: Callable[[Rows], Any],
    X: Rows,
    noise: Noise,
    sigma: float,
    draws: np.ndarray,
) -> None:
    """Refuse noise that takes rows to where a fitted classifier has no answer.

    Parameters
    ----------
    estimator : fitted classifier
        Where it is a Pipeline, the error names the step.
    ask : callable
        Its answers to rows, labels or probabilities.
    X : ndarray or frame of shape (n_rows, n_features)
        Checked training rows; noise is tried on some of them.
    noise : Noise
        What is perturbed.
    sigma : float
        Noise level.
    draws : ndarray of shape (n_draws, n_noised)
        Standard normal draws, of which some are tried; not used for categories.

    Raises
    ------
    ValueError
        If an answer is an error or not a number, though the rows themselves have one. It names the
        features.
    """
    rows, noisy = _noisy_values(X, noise, sigma, draws)
    chosen = take_rows(X, rows)
    clean = noise.values(chosen)

    def failure(values: np.ndarray) -> Exception | None:
        return _failure(ask, replace_columns(chosen, noise.columns, values, 1))

    error = failure(noisy)
    if error is None or failure(clean) is not None:  # what the rows lack is not for the noise
        return
    alone = [
        name
        for j, name in enumerate(noise.names.tolist())
        if failure(np.where(np.arange(clean.shape[1]) == j, noisy, clean)) is not None
    ]
    shown = str((alone or noise.names.tolist())[:5]) + (" ..." if len(alone) > 5 else "")
    given = replace_columns(chosen, noise.columns, clean, 1)
    step, reason = _step_of(
        estimator, given, replace_columns(chosen, noise.columns, noisy, 1), error
    )
    raise ValueError(
        f"Noise on {shown} at sigma={sigma:g} leads to rows that {step} has no answer for "
        f"({_in_short(reason)}). Leave it out of noise_features; or, if it is a code and no "
        "quantity, make it a category with astype(str); or use a smaller sigma, or a model that "
        "takes every number."
    ) from error


def _noisy_values(
    X: Rows, noise: Noise, sigma: float, draws: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of some rows, and noisy values of theirs; every category where those are noised."""
    some = sample_positions(X, _TRIED)
    if noise.categories is not None:
        return np.resize(some, len(noise.categories)), noise.categories[:, None]
    values = noise.values(X)
    far = np.arange(values.shape[1])[:_TRIED_FEATURES]
    rows = np.r_[some, values[:, far].argmin(axis=0), values[:, far].argmax(axis=0)]
    which = np.r_[
        np.arange(len(some)) % len(draws),
        draws[:, far].argmin(axis=0),
        draws[:, far].argmax(axis=0),
    ]
    offsets = sigma * noise.scale * draws[which]
    return rows, values[rows] + offsets.astype(values.dtype)


def _failure(ask: Callable[[Rows], Any], rows: Rows) -> Exception | None:
    """What is wrong with the answers to some rows, or None."""
    try:
        found = np.asarray(ask(rows))
    except Exception as error:  # a model may raise anything
        return error
    if found.dtype.kind in "fO" and missing(found).any():
        return ValueError("its answer is NaN")
    return None


def _step_of(estimator: Any, given: Rows, noisy: Rows, error: Exception) -> tuple[str, Exception]:
    """The step of a Pipeline that cannot take noisy rows, or leaves gaps in them; and why."""
    model = unwrapped(estimator)
    if not is_pipeline(model):
        return type(model).__name__, error
    for name, step in model.steps[:-1]:
        if step in (None, "passthrough"):
            continue
        try:
            given, noisy = step.transform(given), step.transform(noisy)
        except Exception as found:
            return f"the step {name!r}", found
        if _has_gaps(noisy) and not _has_gaps(given):
            return f"the step {name!r}", ValueError("it gives NaN or infinity")
    return f"the step {model.steps[-1][0]!r}", error


def _has_gaps(X: Any) -> bool:
    """Whether some numbers are not finite."""
    try:
        return not np.isfinite(np.asarray(X, dtype=np.float64)).all()
    except (TypeError, ValueError):  # sparse, or not of numbers
        return False


def _in_short(error: Exception) -> str:
    """Kind and first line of an error, which may list thousands of values."""
    first = (str(error).splitlines() or [""])[0]
    return textwrap.shorten(f"{type(error).__name__}: {first}", 160, placeholder=" ...")
