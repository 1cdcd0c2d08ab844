"""AttributePrivacyTransformer: the sensitive column, replaced by what the release leaves open."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import Interval, StrOptions, reported, reporter, with_callbacks
from sklearn_rp.attribute.along import ReleaseAlong
from sklearn_rp.attribute.earlier import sets_left
from sklearn_rp.attribute.finding import check_tolerance, sets_of
from sklearn_rp.attribute.labelling import MinimumRelease
from sklearn_rp.classifier import RobustPrivacyClassifier
from sklearn_rp.exceptions import warn_user
from sklearn_rp.feature import Category, Feature
from sklearn_rp.models.inside import cloned, last_step
from sklearn_rp.models.items import gives_lists
from sklearn_rp.models.labels import gives_numbers
from sklearn_rp.recommending import RecommenderWrapper
from sklearn_rp.rows import (
    Rows,
    assembled,
    is_frame,
    names_of,
    sample_rows,
    take_rows,
    whole_column,
)
from sklearn_rp.validation import check_rows
from sklearn_rp.wrapper import ClassifierWrapper, RegressorWrapper, Wrapper

_TRIED = 200  # training rows that are looked for in their own sets
_FINEST = 16  # times the resolution that is asked for
_NO_MINIMUM = (
    "within is given, but {} has no minimum of {!r} alone: wrap an AttributePrivacyClassifier, "
    "-Regressor or -Recommender; of other models, `intersect` says what is left."
)


class AttributePrivacyTransformer(TransformerMixin, Wrapper):
    """Replace a sensitive column by what the released answer leaves open about it.

    For each row the sensitive value is replaced by the set of values with the same released answer:
    label, number or list (Robust Attribute Privacy, [1]_). The law of `transform`: its output is a
    function of the released answer and of the other features alone. Moving the sensitive value
    anywhere inside its compatible set changes not one bit of the row's output, so that the output
    may be published with the answer.

    Parameters
    ----------
    estimator : classifier, regressor or recommender, default=None
        The model whose answers are released; ``RobustPrivacyClassifier()`` if None. Any
        model works; wrap one that is already fitted in
        :class:`~sklearn.frozen.FrozenEstimator`.
    sensitive_feature : str or int
        Name or position of the sensitive feature, numeric or categorical.
    bounds : (low, high), or sequence of categories, default=None
        The values that are possible; None: those seen in `fit`. Give them before anything is
        published: the smallest and the largest value seen are those of two people. A value that is
        not possible is an error in `fit` alone, as an error about one person's row tells about it:
        `transform` takes it for the nearest that is, and an unknown category for the commonest.
    domain : "auto", "continuous", "integer", or sequence of numbers, default="auto"
        Which numbers within the bounds are possible: all, the whole ones, or these. "auto": whole
        ones where the column holds nothing else (a column of floats, in 20 rows or more).
    resolution : int, default=256
        Cells that are looked at first where neither the model's own thresholds are known nor every
        possible value can be asked about. Up to 16 times as many where training rows would be
        outside their own sets.
    tolerance : float, default=0.0
        Of a regressor, in the unit of its target: released numbers that differ by no more are taken
        for the same.
    output : {"interval", "midpoint", "drop"}, default="interval"
        "interval": columns ``<name>_low`` and ``<name>_high`` with the lowest and the highest
        compatible value, or for a categorical feature a 0/1 column ``<name>_<category>`` for each
        category; "midpoint": one column ``<name>`` with their middle; "drop": nothing.
    remainder : {"passthrough", "drop"}, default="passthrough"
        What becomes of the other features.
    include_prediction : bool, default=False
        Whether to append a column ``prediction`` with the number of the released label, or with
        the released number; of a recommender ``prediction_1``, ``prediction_2``, ... with the
        numbers of the items.
    n_jobs : int, default=None
        Processes that share the rows when compatible sets are found (joblib).

    Attributes
    ----------
    estimator_ : estimator
        The fitted model.
    classes_ : ndarray
        What may be released, an abstention's label among it; the items of a recommender. Not of a
        regressor.
    feature_ : Feature
        The sensitive feature.
    sensitive_feature_ : str
        Its name.
    bounds_ : tuple or ndarray
        The values that are possible.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    See Also
    --------
    sklearn_rp.attribute.compatible_sets : The sets themselves, for any fitted model.

    References
    ----------
    .. [1] J. Jin et al., "Robust Privacy: Inference-Stage Privacy through Certified Robustness",
       arXiv 2601.17360, 2026.

    Examples
    --------
    >>> from sklearn_rp import AttributePrivacyTransformer, RobustPrivacyClassifier
    >>> from sklearn_rp.datasets import load_recommendation
    >>> X, y = load_recommendation(return_X_y=True, as_frame=True)
    >>> X = X[["age", "bmi", "bp"]]
    >>> apt = AttributePrivacyTransformer(
    ...     RobustPrivacyClassifier(noise_features="bmi"), sensitive_feature="bmi"
    ... ).fit(X, y)
    >>> apt.get_feature_names_out().tolist()
    ['age', 'bmi_low', 'bmi_high', 'bp']
    >>> apt.transform(X).shape
    (442, 4)
    """

    _parameter_constraints: dict = Wrapper._parameter_constraints | {
        "sensitive_feature": "no_validation",
        "bounds": "no_validation",
        "domain": "no_validation",
        "resolution": [Interval(Integral, 1, None, closed="left")],
        "tolerance": "no_validation",
        "output": [StrOptions({"interval", "midpoint", "drop"})],
        "remainder": [StrOptions({"passthrough", "drop"})],
        "include_prediction": ["boolean"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        estimator=None,
        *,
        sensitive_feature,
        bounds=None,
        domain="auto",
        resolution=256,
        tolerance=0.0,
        output="interval",
        remainder="passthrough",
        include_prediction=False,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.sensitive_feature = sensitive_feature
        self.bounds = bounds
        self.domain = domain
        self.resolution = resolution
        self.tolerance = tolerance
        self.output = output
        self.remainder = remainder
        self.include_prediction = include_prediction
        self.n_jobs = n_jobs

    def _learn(self, X: Rows, y: np.ndarray, params: dict[str, Any]) -> None:
        weight = params.get("sample_weight")
        counted = X if weight is None else take_rows(X, np.flatnonzero(weight))
        feature = Feature.from_data(counted, self.sensitive_feature, self.bounds, self.domain)
        if isinstance(feature, Category) and self.output == "midpoint":
            raise ValueError(
                f"output='midpoint' is not allowed for the categorical feature "
                f"{feature.name!r}: use 'interval' (a 0/1 column for each category) or "
                "'drop'."
            )
        if self.output == "drop" and self.remainder == "drop" and not self.include_prediction:
            raise ValueError(
                "output='drop' with remainder='drop' leaves no column: keep one of them, or "
                "set include_prediction=True."
            )
        base = self._fit_base(cloned(self._base()), X, y, params)
        # A refusal of one person's value would tell about it: beyond is as good as any other.
        feature = feature.lenient()
        self._release = _release_along(base, feature, counted, self.resolution, self.tolerance)
        self.estimator_ = base
        if not gives_numbers(base):
            self.classes_ = self._release.symbols
        self._n_told = last_step(base).n_recommended if gives_lists(base) else 0
        self.feature_ = feature
        self.sensitive_feature_ = feature.name
        self.bounds_ = feature.bounds
        self._names = [str(name) for name in names_of(X)]
        self._check_names(X, feature)

    def transform(self, X, within=None):
        """Replace the sensitive column.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        within : CompatibleSets, default=None
            What earlier releases left open, where the estimator has a minimum: the answer is chosen
            inside it, and what is left is published.

        Returns
        -------
        X_out : ndarray or DataFrame of shape (n_samples, n_features_out)
            A frame for a frame. See `get_feature_names_out` for the columns.
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        sets = self._sets(X, None, owner=False) if within is None else self._left(X, within)
        feature = self.feature_
        columns: list[np.ndarray] = []
        if self.output != "drop" and isinstance(feature, Category):
            open_ = sets.contains(feature.categories)
            # Where the answer is seen nowhere along the feature, all categories are left open.
            columns = list((open_ | ~open_.any(axis=1, keepdims=True)).T.astype(np.float64))
        elif self.output != "drop":
            low, high = sets.hull()
            columns = [low, high] if self.output == "interval" else [(low + high) / 2]
        new = dict(zip(self._new_names(feature, feature.name), columns, strict=True))
        last: dict[str, np.ndarray] = {}
        if self.include_prediction:
            numbers = gives_numbers(self.estimator_)
            told = sets.label if numbers else self._release.coded(sets.label)
            told = told.astype(np.float64).reshape(len(told), -1)
            last = dict(zip(self._told_names(), told.T, strict=True))
        return self._assemble(X, new, last)

    def _new_names(self, feature: Feature, name: str) -> list[str]:
        """Names of the columns in place of the sensitive one."""
        if self.output == "drop":
            return []
        if self.output == "midpoint":
            return [name]
        if isinstance(feature, Category):
            return [f"{name}_{category}" for category in feature.categories]
        return [f"{name}_low", f"{name}_high"]

    def _check_names(self, X: Rows, feature: Feature) -> None:
        """No two columns of the output may have one name."""
        names = self._names_out(feature, [str(name) for name in names_of(X)])
        taken = sorted({name for name in names if names.count(name) > 1})
        if taken:
            raise ValueError(
                f"The output would have several columns named {taken}: rename those of X, or use "
                "another output."
            )

    def _assemble(self, X: Rows, new: dict[str, np.ndarray], last: dict[str, np.ndarray]) -> Any:
        """The columns of the output: a frame's are named as in `get_feature_names_out`."""
        columns: dict[str, Any] = {}
        for j, name in enumerate(self._names):
            if j == self.feature_.column:
                columns |= new
            elif self.remainder == "passthrough":
                columns[name] = whole_column(X, j)
        mixed = not is_frame(X) and X.dtype.kind == "O"
        return assembled(X, columns | last, object if mixed else np.float64)

    def get_feature_names_out(self, input_features=None):
        """Names of the columns that `transform` gives.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of `X`; None: those seen in `fit`, as text, levels joined by
            ``"_"``, and ``x0``, ``x1``, ... for an array. They must be those seen in `fit` where
            all of these were strings.

        Returns
        -------
        names : ndarray of str objects
        """
        check_is_fitted(self)
        names = self._names if input_features is None else [str(name) for name in input_features]
        known = self._names if hasattr(self, "feature_names_in_") else names
        if names != known or len(names) != len(self._names):
            raise ValueError(
                f"input_features={names} is not equal to the names seen in fit, {self._names}."
            )
        return np.asarray(self._names_out(self.feature_, names), dtype=object)

    def _names_out(self, feature: Feature, names: list[str]) -> list[str]:
        """Names of all columns of the output, from those of `X`."""
        new = self._new_names(feature, names[feature.column])
        if self.remainder == "passthrough":
            new = names[: feature.column] + new + names[feature.column + 1 :]
        return [*new, *self._told_names()] if self.include_prediction else new

    def _told_names(self) -> list[str]:
        """Names of the columns of what is released."""
        if not self._n_told:
            return ["prediction"]
        return [f"prediction_{place}" for place in range(1, self._n_told + 1)]

    def compatible_sets(self, X, sigmas=None, within=None):
        """Sets of values with the same released answer; for the owner of the rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        sigmas : sequence of float, default=None
            Noise levels of an estimator that smooths; None: the one it was fitted with.
        within : CompatibleSets, default=None
            What earlier releases left open, as of `transform`.

        Returns
        -------
        sets : CompatibleSets, or list of CompatibleSets where `sigmas` is given
        """
        check_is_fitted(self)
        X = check_rows(self, X, reset=False)
        return self._sets(X, sigmas) if within is None else self._left(X, within)

    def _left(self, X: Rows, within: Any) -> Any:
        """What is open after a release inside what others left open."""
        release = self._release.own
        if not isinstance(release, MinimumRelease) or not release.feature.same_as(self.feature_):
            raise ValueError(_NO_MINIMUM.format(type(self.estimator_).__name__, self.feature_.name))
        return sets_left(release, self._release.checked(X), within)

    def _sets(self, X: Rows, sigmas: Any, owner: bool = True) -> Any:
        return reporter(self)._sets_reported(X, sigmas, owner)

    @with_callbacks
    def _sets_reported(self, X: Rows, sigmas: Any, owner: bool) -> Any:
        return sets_of(
            self._release,
            X,
            sigmas,
            self.n_jobs,
            lambda parts: reported(self, "compatible_sets", parts),
            owner,
        )

    _default = RobustPrivacyClassifier
    _check_classes = ClassifierWrapper._check_classes

    @property
    def _rules(self) -> type[Wrapper]:
        """What is asked of a classifier, of a regressor, or of a recommender."""
        if gives_lists(self._base()):
            return RecommenderWrapper
        return RegressorWrapper if gives_numbers(self._base()) else ClassifierWrapper

    @property
    def _kind(self) -> str:  # type: ignore[override]
        return self._rules._kind

    @property
    def _other_kind(self) -> str:  # type: ignore[override]
        return self._rules._other_kind

    def _target(self, X: Rows, y: Any) -> Any:
        y = self._rules._target(self, X, y)
        names = getattr(self, "_columns", None) if y.ndim > 1 else None
        return y if names is None else pd.DataFrame(y, columns=names)

    def _fit_model(self, model: Any, X: Any, y: np.ndarray, params: dict[str, Any]) -> Any:
        return self._rules._fit_model(model, X, y, params)

    def _check_varied(self, y: np.ndarray) -> None:
        self._rules._check_varied(self, np.asarray(y))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = tags.regressor_tags = None
        return tags


def _release_along(
    base: Any, feature: Feature, X: Rows, resolution: int, tolerance: Any
) -> ReleaseAlong:
    """The release along the feature, seen so closely that training rows are in their own sets.

    What is published must not depend on a row's own value, so that a narrow band that the grid
    misses cannot be added when a row is found in it.
    """
    rows = sample_rows(X, _TRIED)
    near = check_tolerance(tolerance, base)
    release = ReleaseAlong(base, feature, X, resolution, near)
    while True:
        sets = sets_of(release, rows, owner=False)
        outside = len(sets) - len(np.unique(sets.row[sets.holds_own]))
        if not outside or isinstance(feature, Category):
            return release
        if release.resolution >= _FINEST * resolution:
            break
        release.resolution *= 4
    if release.lists:
        raise ValueError(
            f"resolution={resolution} is not enough: for {outside} of {len(rows)} "
            f"training rows the list is not seen again along {feature.name!r}, so that it "
            "gives the value away. Use AttributePrivacyRecommender, whose lists are shared."
        )
    if release.numbers:  # what is published would leave all values open, and that is not so
        raise ValueError(
            f"tolerance={tolerance!r} is not allowed: for {outside} of {len(rows)} "
            f"training rows the number is not seen again along {feature.name!r}, so that it "
            "gives the value away. Give the tolerance that numbers are read with, or use "
            "AttributePrivacyRegressor, whose numbers are shared."
        )
    warn_user(
        f"{outside} of {len(rows)} training rows are not in their own sets of "
        f"{feature.name!r}: the labels of this model change within 1/{release.resolution} of "
        "its range, and no thresholds of it are known. Raise resolution, or use "
        "AttributePrivacyClassifier, whose labels never change so often."
    )
    return release
