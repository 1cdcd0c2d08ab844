"""AttributePrivacyClassifier: labels whose compatible set is never narrow.

Along the sensitive feature, the others fixed, the released label is chosen anew, cell by cell: the
labelling that agrees best with the model among all in which every run of one label is long enough.
It depends on the other features alone, so that the promise holds for every row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_rp.attribute.along import symbols_of
from sklearn_rp.attribute.guaranteed import Guaranteed
from sklearn_rp.attribute.joint import BoxLabels
from sklearn_rp.attribute.labels import MinimumLabels
from sklearn_rp.attribute.partition import enumerates
from sklearn_rp.exceptions import warn_user
from sklearn_rp.feature import Number
from sklearn_rp.models.labels import in_labels
from sklearn_rp.rows import Rows, sample_rows
from sklearn_rp.trial import has_threshold
from sklearn_rp.validation import check_rows
from sklearn_rp.wrapper import ClassifierWrapper


class AttributePrivacyClassifier(Guaranteed, ClassifierWrapper):
    """Release labels that never pin a sensitive feature down: a minimum for everybody.

    For every row, the stretch of the sensitive feature's values that share the row's label, all
    other features being what they are, is at least `minimum` long. Whoever sees the label and
    knows all the rest is left with at least that much. No noise, no failure probability, no
    abstention; the release is a deterministic function of the row, so that repeated queries teach
    nothing.

    Among all labellings with this property, the one with the largest expected agreement with the
    model is released.

    Parameters
    ----------
    estimator : classifier, default=None
        Any classifier; ``LogisticRegression()`` if None. Its probabilities are used where it has
        them, else its labels. Wrap a model that is already fitted in
        :class:`~sklearn.frozen.FrozenEstimator`.
    sensitive_feature : str, int, or sequence of up to three of them
        Name or position, numeric or categorical. Several are hidden jointly: for everybody there
        is a box, each side at least the minimum of its feature, with one answer.
    minimum : float or int, sequence or mapping, default=0.2
        Smallest stretch that may share a label, measured in `unit`.
        Of several features one for all, or one for each: in their order, or by name. So are `unit`,
        `bounds` and `domain`.
    unit : {"share", "length", "mass", "categories"}, sequence or mapping, default="share"
        "share" of the range, in (0, 1]; "length" in the feature's own unit. Both count possible
        values where not every number is possible: of ages 18 to 67 a share of 0.2, or a length of
        10, is ten ages. "mass": share of the
        population, in (0, 1], under `prior`: whatever is released, its pointwise maximal leakage
        is then at most ``log2(1 / minimum)`` bits; "categories": number of them, for a
        categorical feature (which takes "share" as well).
    bounds : (low, high), or sequence of categories, default=None
        The values that are possible; None: those seen in `fit`. A value that is not possible is
        released as the nearest that is, and an unknown category as the commonest.
    domain : "auto", "continuous", "integer", or sequence of numbers, default="auto"
        Which numbers within the bounds are possible: all, the whole ones, or these. "auto": whole
        ones where the column holds nothing else (a column of floats, in 20 rows or more).
    resolution : int, default=256
        Cells of the range where the model's own thresholds are not known. The model is read in
        the middle of each. Of several features: cells of the grid of all of them together.
    prior : "conditional", "empirical", "uniform", columns, or estimator, default="conditional"
        How likely each cell is, when agreement is counted. The price depends on it, the promise
        does not.

        - "conditional": given the other features, learnt from the training rows by a forest;
        - "empirical": as in the training population; "uniform": evenly over the range;
        - a sequence of columns: as among the training rows that are equal in these;
        - an estimator of the feature by the others, of which a clone is fitted: a classifier with
          ``predict_proba`` (to the numbers of the cells), or a regressor, around whose predictions
          the feature is spread normally, as its residuals on held-out rows are;
        - an estimator of the density with ``score_samples``, such as
          :class:`~sklearn.neighbors.KernelDensity`.

        An estimate from few rows is uncertain, and no value is impossible: a twentieth of what is
        learnt from the other features is the population's.
    levels : {"model", "intervals", "auto"}, default="model"
        What a label is worth in a run of cells. "model": the mean of the model's answers there.
        "intervals": the answer of a second model for the middle of the run; it is a clone that
        knows of each training row only the middle of a piece of the range, drawn at random around
        the row's own value. "auto": both, with the weight that predicts held-out training rows
        best; "model" for a frozen model and for a categorical feature. Expect `fit` of a
        boosting to take four ("intervals") to ten times ("auto") as long as the model's own.
    random_state : int, RandomState instance or None, default=0
        Seed of the forest of the conditional prior and of the pieces behind ``levels``. Not None by
        default: the same rows then give the same release again, and another one about the same
        people would be another constraint on them.

    Attributes
    ----------
    estimator_ : classifier
        The fitted model.
    classes_ : ndarray of shape (n_classes,)
        Labels.
    minimum_ : float, or dict of several features
        The minimum in the feature's own unit (share and length), in possible values or categories
        where they are counted, or as a share of the population (mass).
    bounds_ : tuple or ndarray, or dict of several features
        The values that are possible.
    bounds_given_ : tuple of bool
        For each sensitive feature whether its possible values were given; else the rows gave them.
    guarantee_ : tuple
        What was promised in `fit`: name of the `feature`, `minimum` and `unit`; of several features
        one such tuple for each.
    interval_weight_ : float
        Weight of the answers learnt for runs, in [0, 1].
    release_ : MinimumLabels
        The release itself, fixed in `fit`: its `feature`, `cells` and `symbols`; ``release(rows)``,
        ``probabilities(rows)`` and ``along(rows)`` of checked rows.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    Notes
    -----
    Of several features the boxes are strips along one, each cut along the next on its own, in the
    best of all orders. "mass" is then that of the population along each feature.

    What it does not do: one bit remains one bit (which side of a wide boundary), and two different
    models released about one person, each by itself, are two constraints: see `within`.

    Examples
    --------
    >>> from sklearn.ensemble import RandomForestClassifier
    >>> from sklearn_rp import AttributePrivacyClassifier
    >>> from sklearn_rp.datasets import load_recommendation
    >>> X, y = load_recommendation(return_X_y=True)
    >>> apc = AttributePrivacyClassifier(
    ...     RandomForestClassifier(20, random_state=0), sensitive_feature=2, minimum=0.25
    ... ).fit(X, y)
    >>> sets = apc.compatible_sets(X)
    >>> bool((sets.component_length >= 0.25 * (sets.high - sets.low) - 1e-9).all())
    True
    """

    _answer_name = "label"
    release_: MinimumLabels

    def __init__(
        self,
        estimator=None,
        *,
        sensitive_feature,
        minimum=0.2,
        unit="share",
        bounds=None,
        domain="auto",
        resolution=256,
        prior="conditional",
        levels="model",
        random_state=0,
    ):
        self.estimator = estimator
        self.sensitive_feature = sensitive_feature
        self.minimum = minimum
        self.unit = unit
        self.bounds = bounds
        self.domain = domain
        self.resolution = resolution
        self.prior = prior
        self.levels = levels
        self.random_state = random_state

    def _release_of(self, base: Any, X: Rows, y: np.ndarray, **common: Any) -> MinimumLabels:
        classes = symbols_of(in_labels(base), X)
        self.classes_ = classes
        # A model with a threshold of its own is agreed with in its labels.
        by_probability = hasattr(base, "predict_proba") and not has_threshold(base, X)
        kind = BoxLabels if "axes" in common else MinimumLabels
        return kind(classes=classes, by_probability=by_probability, **common)

    def _check_known(self, y: np.ndarray, release: MinimumLabels) -> None:
        unknown = np.setdiff1d(y, release.symbols)
        if len(unknown):  # labels of rows that are given with a frozen model
            raise ValueError(
                f"y holds {unknown.tolist()[:5]}, which the fitted model does not know: with "
                f"levels='intervals' give labels among {release.symbols.tolist()[:10]}."
            )

    def _check_release(self, release: MinimumLabels, X: Rows) -> None:
        """Among many categories the best labelling may not be found."""
        if isinstance(release, BoxLabels):
            return
        n_cells, n_labels = len(release.cells), len(release.symbols)
        if isinstance(release.feature, Number) or enumerates(
            n_cells, n_labels, int(release.minimum)
        ):
            return
        looked_at = sample_rows(X)
        warn_user(
            f"minimum={self.minimum} with {n_cells} categories and {n_labels} labels: there "
            "are too many sets of labels to try them all. The minimum holds, but the agreement "
            f"with the model may not be the largest possible: in {looked_at.shape[0]} training "
            f"rows at most {release.most_lost(looked_at):.2g} of it is lost, the minimum's own "
            "price included."
        )

    def predict_proba(self, X):
        """Mean probabilities of the model over the values that share the row's label.

        They are a function of the released label and of the other features alone, so that they
        tell no more than the label; where the released label is not the most probable, they are
        moved towards it until it is. They go with the label of ``predict(X)``: after earlier
        releases, where labels are chosen `within` what is open, do not release them.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
        """
        check_is_fitted(self)
        return self.release_.probabilities(check_rows(self, X, reset=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True  # the label may have to ignore a feature
        return tags
