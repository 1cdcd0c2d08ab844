"""AttributeCoarsener: sensitive features in bins that are the same for everybody.

The plainest way to a minimum: whatever is computed from the bins, by whatever model, moves with
nothing that stays inside a bin. The bins are chosen once, by the same rule as a partition for each
row (`sklearn_rp.attribute.minimum`), for all training rows together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_rp._compat import DocumentedMixin, HasMethods, StrOptions, fit_context
from sklearn_rp.attribute.asked import asked_of
from sklearn_rp.attribute.bins import Bins, Draft
from sklearn_rp.attribute.held_out import answers_along
from sklearn_rp.attribute.partition import warn_of_nothing
from sklearn_rp.exceptions import warn_user
from sklearn_rp.rows import (
    assembled,
    is_frame,
    is_pandas,
    names_of,
    whole_column,
)
from sklearn_rp.validation import check_rows, unchanged_on_error
from sklearn_rp.wrapper import Versioned


class AttributeCoarsener(OneToOneFeatureMixin, TransformerMixin, DocumentedMixin, Versioned):
    """Put sensitive features into bins, the same for everybody and none below a minimum.

    In front of any model: inside a bin, not one bit of *any* output of the Pipeline moves, be it a
    label, a probability, a number, an explanation or a list. Whoever sees it, and knows all other
    features, is left with a whole bin. The same holds for all models behind one fitted coarsener
    together, and for several sensitive features at once: each keeps its own minimum. No noise, no
    failure probability; the model has to be trained on the bins, which is its price.

    Parameters
    ----------
    sensitive_feature : str, int, or sequence of these
        Names or positions, numeric or categorical. All other columns are passed on as they are.
    minimum : float or int, sequence or mapping, default=0.2
        Smallest bin, measured in `unit`; there are 256 bins at most. One for all features, or one
        for each: in their order, or by name.
    unit : {"share", "length", "mass", "categories"}, sequence or mapping, default="share"
        "share" of the range, in (0, 1]; "length" in the feature's own unit. Both count possible
        values where not every number is possible: of ages 18 to 67 a share of 0.2, or a length of
        10, is ten ages. "mass": share of the training population, in (0, 1]; "categories": number
        of them, for a categorical feature (which takes "share" as well). One for all, or one for
        each.
    strategy : {"optimal", "uniform", "quantile"}, default="optimal"
        "optimal": the bins at which a model loses least. With ``f`` its answer (probabilities of
        labels, or a number), the sum over training rows and over the values of the sensitive
        feature, weighted as in the training population, of the squared distance between ``f`` and
        its mean in the bin. The model answers on training rows that it was not fitted on (three
        folds, 500 rows at most). Exact over some 200 candidate ends of bins, and over all groupings
        of up to 12 categories; more of them are put in order along the main direction of the
        model's answers first. Needs `y`.
        "uniform": equally wide bins, as many as fit. "quantile": bins of as equal a part of the
        training population as the minimum allows.
    bounds : (low, high), sequence of categories, sequence or mapping of these, default=None
        The values that are possible; None: those seen in `fit`. Give them before anything is
        published: the smallest and the largest value seen are those of two people. What is not
        possible is an error in `fit` alone: `transform` takes it for the nearest value that is
        possible, and an unknown category for the commonest.
    domain : {"auto", "continuous", "integer"}, numbers, sequence or mapping, default="auto"
        Which numbers within the bounds are possible: all, the whole ones, or these. "auto": whole
        ones where the column holds nothing else (a column of floats, in 20 rows or more).
    model : estimator, default=None
        Whose answers "optimal" bins are to keep: a classifier or a regressor, cloned; wrap one that
        is fitted in :class:`~sklearn.frozen.FrozenEstimator`. None: gradient boosting of
        histograms, with text as codes; it takes up to 20 distinct whole numbers in `y` for labels.
        Of a matrix a random forest of the numbers in it.

    Attributes
    ----------
    bins_ : dict
        By feature: array of shape (n_bins, 2) with the smallest and the largest possible value of
        each bin; for a categorical feature a list of arrays of categories.
    values_ : dict
        By feature: what stands for each bin; shape (n_bins,).
    minimum_ : dict
        By feature: the minimum in its own unit (share and length), in possible values or categories
        where they are counted, or as a share of the population (mass).
    bounds_ : dict
        By feature: the values that are possible.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    See Also
    --------
    AttributePrivacyClassifier : Bins of each row's own, for the labels of one model.

    Notes
    -----
    What it does not do: one bit remains one bit (which bin it is), and a column that tells the
    sensitive value in another way (a year of birth beside an age) has to go.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_rp import AttributeCoarsener
    >>> from sklearn_rp.datasets import load_recommendation
    >>> X, y = load_recommendation(return_X_y=True, as_frame=True)
    >>> X = X[["age", "bmi", "bp"]]
    >>> coarsener = AttributeCoarsener(
    ...     sensitive_feature="bmi", minimum=10, unit="length", strategy="uniform", bounds=(15, 60)
    ... )
    >>> private = make_pipeline(coarsener, LogisticRegression()).fit(X, y)
    >>> private[0].bins_["bmi"].round(2).tolist()
    [[15.0, 26.25], [26.25, 37.5], [37.5, 48.75], [48.75, 60.0]]
    >>> X["bmi"].head(3).tolist(), private[0].transform(X)["bmi"].head(3).tolist()
    ([32.1, 21.6, 30.5], [31.875, 20.625, 31.875])
    """

    _parameter_constraints: dict = {
        "sensitive_feature": "no_validation",
        "minimum": "no_validation",
        "unit": "no_validation",
        "strategy": [StrOptions({"optimal", "uniform", "quantile"})],
        "bounds": "no_validation",
        "domain": "no_validation",
        "model": [HasMethods(["fit", "predict"]), None],
    }

    def __init__(
        self,
        *,
        sensitive_feature,
        minimum=0.2,
        unit="share",
        strategy="optimal",
        bounds=None,
        domain="auto",
        model=None,
    ):
        self.sensitive_feature = sensitive_feature
        self.minimum = minimum
        self.unit = unit
        self.strategy = strategy
        self.bounds = bounds
        self.domain = domain
        self.model = model

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Choose the bins.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_items), default=None
            Labels or numbers, or a matrix with an item in each column; needed for
            ``strategy="optimal"`` alone.

        Returns
        -------
        self : AttributeCoarsener

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data is not allowed. A failed call leaves the object as it was.
        """
        with unchanged_on_error(self):
            X = check_rows(self, X, reset=True)
            asked = asked_of(self, X, None)
            drafts = [Draft.of(*each, X, self.strategy) for each in asked]
            if self.strategy == "optimal":
                answers = answers_along(self, X, y, drafts)
            else:
                answers = [np.zeros((len(draft.cells),) * 2) for draft in drafts]
            bins = [
                Bins.of(draft, draft.groups(gram), X)
                for draft, gram in zip(drafts, answers, strict=True)
            ]
            for each, draft in zip(bins, drafts, strict=True):
                if len(each) == 1:
                    warn_user(
                        f"A minimum of {draft.least:g}, where {each.feature.name!r} has "
                        f"{draft.measure[-1]:g} in all, leaves one bin: the column is constant, "
                        "and no model can depend on it."
                    )
            for (feature, minimum, unit), draft in zip(asked, drafts, strict=True):
                warn_of_nothing(minimum, unit, draft.least, feature)
            self._bins = {each.feature.column: each for each in bins}
            self.bins_ = {each.feature.name: each.ends for each in bins}
            self.values_ = {each.feature.name: each.values for each in bins}
            self.minimum_ = {draft.feature.name: draft.least for draft in drafts}
            self.bounds_ = {draft.feature.name: draft.feature.bounds for draft in drafts}
        return self

    def transform(self, X):
        """Put what stands for its bin in place of each sensitive value.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_out : ndarray or DataFrame of shape (n_samples, n_features)
            A frame for a frame, all other columns as they are; else an array of float64, or of
            objects where there was text in `fit`. In place of a number the middle of its bin, a
            possible value; in place of a category the commonest of its group in the training rows,
            so that encoders know it. The dtype is settled in `fit`, whatever that of `X` is.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False)
        if not is_frame(X):
            out = rows.astype(self._array_dtype)
            for column, bins in self._bins.items():
                out[:, column] = bins.values[bins.of_rows(rows)]
            return out
        # Not the checked rows: these have the categories of the training rows in every column.
        out = X.copy() if is_pandas(X) else X
        for column, bins in self._bins.items():
            if is_pandas(X):
                out.isetitem(column, bins.column(rows))
            else:
                out = out.with_columns(bins.column(rows))
        return out

    def inverse_transform(self, X):
        """The ends of the bins.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows as `transform` gives them; any value of a bin will do.

        Returns
        -------
        X_out : ndarray or DataFrame
            A frame for a frame. In place of a sensitive column ``<name>`` the columns
            ``<name>_low`` and ``<name>_high`` with the smallest and the largest possible value of
            the bin, or for a categorical feature a 0/1 column ``<name>_<category>`` for each
            category: those of the group.

        Raises
        ------
        ValueError
            If two columns would have one name.
        """
        check_is_fitted(self)
        rows = check_rows(self, X, reset=False)
        pairs: list[tuple[Any, Any]] = []
        for j, name in enumerate(names_of(rows)):
            if j in self._bins:
                pairs += self._bins[j].open_columns(rows, name).items()
            else:
                pairs.append((name, whole_column(X if is_pandas(X) else rows, j)))
        names = [name for name, _ in pairs]
        twice = sorted({str(name) for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"The output would have several columns named {twice}: rename them.")
        return assembled(rows, dict(pairs), self._array_dtype)

    @property
    def _array_dtype(self) -> type:
        """One dtype for all arrays: whether values are whole must not show."""
        return object if self._mixed else np.float64

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.strategy == "optimal"
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = False  # not in the features that matter
        return tags
