"""What the estimators share: they wrap one model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import update_wrapper
from types import FunctionType, MethodType
from typing import Any

import numpy as np
from pandas import NA
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    RegressorMixin,
    is_classifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.utils import column_or_1d, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import has_fit_parameter

from sklearn_rp._compat import (
    CallbackSupportMixin,
    DocumentedMixin,
    HasMethods,
    fit_context,
    fitting,
    route,
    safe_indexing,
    with_callbacks,
)
from sklearn_rp._version import __version__
from sklearn_rp.exceptions import warn_user
from sklearn_rp.models.inside import adapted, last_step
from sklearn_rp.models.labels import fit_in_labels, fit_in_numbers
from sklearn_rp.models.scores import ClassScore
from sklearn_rp.rows import (
    Rows,
)
from sklearn_rp.validation import (
    check_numbers,
    check_rows,
    check_target,
    check_weights,
    unchanged_on_error,
)


class weighted:  # noqa: N801
    """``fit`` whose signature has ``sample_weight`` where that of the model inside has it.

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
        takes = has_fit_parameter(wrapper._given(), "sample_weight")
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


class Wrapper(DocumentedMixin, CallbackSupportMixin, MetaEstimatorMixin, Versioned):
    """Base of the estimators that fit a model and release its answers in some way."""

    estimator: Any
    pos_label: Any = None  # of a regressor: the class whose probability is its number

    _kind: str  # of the model, as its tags call it
    _other_kind: str  # what is said to a model of another kind
    _default: Any  # the model where none is given
    _target: Any  # checks `y`
    _fit_model: Any  # fits a model to checked rows
    _check_varied: Any  # refuses a target that holds one value

    # Whether a meta-estimator has `predict` may be known in `fit` alone: it is asked for there.
    _parameter_constraints: dict = {"estimator": [HasMethods(["fit"]), None]}

    @weighted
    @with_callbacks
    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None, **fit_params):
        """Fit the model, and what is released of it.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows. Columns that this estimator does not look at may be of any type that
            the model takes; where noise is added to every entry, arrays of more dimensions
            (images, sequences) are rows, too.
        y : array-like of shape (n_samples,)
            Labels, or numbers for a regressor.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row, for the ``fit`` of the model, and wherever this estimator
            learns from the rows itself; None: all alike.
        **fit_params : dict
            Passed to the ``fit`` of the model; with metadata routing enabled, as requested
            there.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not allowed, or the model has no answer where it is
            needed. A failed call leaves the object as it was.
        """
        with unchanged_on_error(self):
            self._fit(X, y, sample_weight, fit_params)
        return self

    def _fit(self, X: Any, y: Any, sample_weight: Any, fit_params: dict[str, Any]) -> None:
        X = check_rows(self, X, reset=True, allow_nd=self._takes_images)
        params = self._passed_on(X, y, sample_weight, fit_params)
        self._learn(X, self._check_target(X, y), params)

    _takes_images = False

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        """Fit to checked rows and target; `params` are for the ``fit`` of the model."""
        raise NotImplementedError

    def checked_rows(self, X: Any) -> Rows:
        """Rows as `predict` checks them, for those who ask `release_` itself.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X : ndarray or DataFrame of shape (n_samples, n_features)
        """
        return check_rows(self, X, reset=False)

    def _given(self) -> Any:
        """What is wrapped: `estimator`, or the default."""
        return self._default() if self.estimator is None else self.estimator

    def _tags(self) -> Any:
        """Tags of what is wrapped; a FrozenEstimator's own are a deep copy, made at every call."""
        given = self._given()
        return get_tags(given.estimator if type(given) is FrozenEstimator else given)

    def _base(self) -> Any:
        """The unfitted model: what is wrapped, or what makes numbers of it."""
        return self._answering(self._given())

    def _answering(self, model: Any) -> Any:
        """A model, so that its answers are what is released."""
        return model

    def _check_model(self, estimator: Any) -> None:
        """Refuse a model of another kind."""
        kind = get_tags(estimator).estimator_type
        if kind not in (None, self._kind):
            raise ValueError(self._other_kind.format(estimator=repr(estimator), kind=kind))

    def _check_target(self, X: Rows, y: Any) -> np.ndarray:
        """Labels or numbers as an array; refused where the model is of another kind."""
        estimator = self._given()
        self._check_model(estimator)
        self._check_methods(estimator, fitted=False)
        y = self._target(X, y)
        if not isinstance(estimator, FrozenEstimator):  # which may be asked about rows of one class
            self._check_varied(y)
        return y

    def _needed(self) -> dict[str, str]:
        """Methods that the model must have: what needs them, and what to do without."""
        return {"predict": f"estimator={{name}} has no {{method}}: a {self._kind} is needed."}

    def _check_methods(self, estimator: Any, *, fitted: bool) -> None:
        """Refuse a model without a method that is needed.

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

    def _passed_on(
        self, X: Rows, y: Any, sample_weight: Any, fit_params: dict[str, Any]
    ) -> dict[str, Any]:
        """Parameters for the ``fit`` of the model, the rows' weights among them."""
        if sample_weight is not None:
            fit_params = fit_params | {"sample_weight": sample_weight}
        params = route(self, "fit", "estimator", fit_params)
        if params.get("sample_weight") is None:
            return params
        taken = inspect.signature(self._given().fit).parameters
        if "sample_weight" not in taken and not any(
            p.kind == p.VAR_KEYWORD for p in taken.values()
        ):
            raise ValueError(
                f"sample_weight is not allowed: {type(self._given()).__name__} takes no weights in "
                "fit. Leave it out, or wrap a model that does."
            )
        return params | {"sample_weight": check_weights(params["sample_weight"], X.shape[0], X, y)}

    def _fit_base(self, base: Any, X: Any, y: Any, params: dict[str, Any]) -> Any:
        """Fit a clone of the model; callbacks are told."""
        with fitting(self, base):
            base = self._fit_model(base, X, y, params)
        self._check_methods(adapted(base), fitted=True)
        return base

    def get_metadata_routing(self):
        """Metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
            `fit` passes on to the ``fit`` of the model what that requests.
        """
        return MetadataRouter(owner=type(self).__name__).add(
            estimator=self._given(),
            method_mapping=MethodMapping().add(caller="fit", callee="fit"),
        )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = self._tags()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = False  # not in the features that matter
        tags.input_tags.positive_only = inner.input_tags.positive_only
        tags.non_deterministic = inner.non_deterministic
        return tags


class ClassifierWrapper(ClassifierMixin, Wrapper):
    """Base of the estimators that fit a classifier and release its labels in some way."""

    _kind = "classifier"
    _other_kind = (
        "estimator={estimator} is a {kind}: a classifier is needed. Robust Privacy is about labels "
        "here; numbers are released by RobustPrivacyRegressor and AttributePrivacyRegressor."
    )
    _default = LogisticRegression
    _target = check_target
    _fit_model = staticmethod(fit_in_labels)

    def _check_varied(self, y: np.ndarray) -> None:
        self._check_classes(np.unique(y))

    def _check_classes(self, classes: np.ndarray) -> None:
        """Refuse labels that there is nothing to tell apart in."""
        if len(classes) < 2:
            raise ValueError(
                f"y holds one class, {classes.tolist()}: a classifier needs at least two classes."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = self._tags().classifier_tags
        if inner is not None:
            tags.classifier_tags.multi_class = inner.multi_class
            tags.classifier_tags.poor_score = inner.poor_score
        return tags


class RegressorWrapper(RegressorMixin, Wrapper):
    """Base of the estimators that fit a regressor and release its numbers in some way."""

    _kind = "regressor"
    _other_kind = (
        "estimator={estimator} is a {kind}: a regressor is needed. Labels are released by "
        "RobustPrivacyClassifier and AttributePrivacyClassifier; a class's probability is released "
        "as a number with pos_label."
    )
    _default = LinearRegression
    _fit_model = staticmethod(fit_in_numbers)

    def _answering(self, model: Any) -> Any:
        return model if self.pos_label is None else ClassScore(model, self.pos_label)

    def _check_model(self, estimator: Any) -> None:
        if self.pos_label is None:
            super()._check_model(estimator)
        elif np.ndim(self.pos_label) or self.pos_label != self.pos_label or self.pos_label is NA:
            raise ValueError(f"pos_label={self.pos_label!r} is not allowed: give one label.")
        elif self.estimator is None or not is_classifier(estimator):
            raise ValueError(
                f"pos_label={self.pos_label!r} is not allowed with estimator={self.estimator!r}: "
                "it is the class of a classifier whose probability is released. Give a classifier, "
                "or leave it out."
            )

    def _needed(self) -> dict[str, str]:
        needs = "pos_label needs {method}, which {name} has not: wrap a classifier that has."
        return super()._needed() | ({} if self.pos_label is None else {"predict_proba": needs})

    def _target(self, X: Rows, y: Any) -> np.ndarray:
        pos_label = class_told(self)
        if pos_label is None:
            return check_numbers(self, X, y)
        y = check_target(self, X, y)
        if not isinstance(self._given(), FrozenEstimator) and not (y == pos_label).any():
            raise ValueError(
                f"pos_label={pos_label!r} is not allowed: y holds "
                f"{np.unique(y)[:10].tolist()!s} alone."
            )
        return y

    def score(self, X, y, sample_weight=None):
        """Coefficient of determination of the released numbers.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            True numbers; with `pos_label` true labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row; None: all alike.

        Returns
        -------
        score : float
            R2; with `pos_label` that of the probabilities beside 0 and 1, the Brier skill score.
        """
        return super().score(X, truth_of(self, column_or_1d(y)), sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = self._tags().regressor_tags
        if inner is not None:
            tags.regressor_tags.poor_score = inner.poor_score
        return tags

    def _check_varied(self, y: np.ndarray) -> None:
        """Refuse numbers that there is nothing to tell apart in."""
        if len(y) and (y == y[0]).all():
            raise ValueError(
                f"y is constant, {y[0]}, in the {len(y)} sample(s) given (n_samples={len(y)}): "
                "there is nothing to release. Give rows with different targets."
            )


def class_told(estimator: Any) -> Any:
    """The class whose probability is told as a number, by the last step or inside; or None."""
    last = last_step(estimator)
    if not isinstance(last, Wrapper):
        return None
    if last.pos_label is not None:
        return last.pos_label
    return None if last.estimator is None else class_told(last.estimator)


def truth_of(estimator: Any, y: Any) -> Any:
    """What answers are compared with: where they are probabilities of a class, whether it is it."""
    label = class_told(estimator)
    return y if label is None else (np.asarray(y) == label).astype(np.float64)


def of_rows(params: dict[str, Any], rows: np.ndarray, n_rows: int) -> dict[str, Any]:
    """Parameters of `fit`; of those that are one value a row, the values of some rows."""
    return {
        name: safe_indexing(value, rows) if _one_per_row(value, n_rows) else value
        for name, value in params.items()
    }


def _one_per_row(value: Any, n_rows: int) -> bool:
    if hasattr(value, "shape"):
        return value.shape[:1] == (n_rows,)
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) == n_rows
