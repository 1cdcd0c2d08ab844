"""AttributePrivacyRecommender: lists of items whose compatible set is never narrow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_rp.attribute.earlier import earlier_rooms, sets_left
from sklearn_rp.attribute.guaranteed import Guaranteed
from sklearn_rp.attribute.joint import BoxLists
from sklearn_rp.attribute.lists import MinimumLists
from sklearn_rp.attribute.partition import ends_anywhere
from sklearn_rp.attribute.within import release_within
from sklearn_rp.feature import Feature
from sklearn_rp.models.items import ItemScores
from sklearn_rp.models.labels import gives_numbers, last_bits
from sklearn_rp.recommending import RecommenderWrapper
from sklearn_rp.rows import Rows, sample_rows
from sklearn_rp.validation import check_rows

_FINE = 1e-9  # of the scores' spread: they are rounded to about this


class AttributePrivacyRecommender(Guaranteed, RecommenderWrapper):
    """Release lists of items that never pin a sensitive feature down: a minimum for everybody.

    Ten recommended films give an age away to the year. Here, along the sensitive feature, all other
    features being what they are, the list is the same on stretches of at least `minimum`: whoever
    sees it and knows all the rest is left with at least that much. No noise, no failure
    probability; the release is a deterministic function of the row, so that repeated queries teach
    nothing.

    Among all ways to cut the feature into such stretches the one is taken whose lists have the
    largest expected scores by the model; in order, discounted by rank as in a discounted cumulative
    gain.

    Parameters
    ----------
    estimator : estimator, default=None
        What scores items: a classifier whose labels are the items (by its probabilities), one of
        label matrices with an item in each column (forests, ``MultiOutputClassifier``, chains,
        nets), a regressor of several outputs, or a :class:`RobustPrivacyRecommender`.
        ``RandomForestClassifier(random_state=0)`` if None. Wrap a model that is already fitted in
        :class:`~sklearn.frozen.FrozenEstimator`.
    sensitive_feature : str, int, or sequence of up to three of them
        Name or position, numeric or categorical. Several are hidden jointly: for everybody there
        is a box, each side at least the minimum of its feature, with one answer.
    n_recommended : int, default=10
        Items of a list.
    ordered : bool, default=False
        Whether their order is released, the best first. Else they come in the order of `items_`,
        which tells nothing.
    minimum : float or int, sequence or mapping, default=0.2
        Smallest stretch that may share a list, measured in `unit`.
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
    resolution : int, default=64
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
        What an item is worth in a run of cells. "model": the mean of the model's scores there.
        "intervals": the score of a second model for the middle of the run; it is a clone that
        knows of each training row only the middle of a piece of the range, drawn at random around
        the row's own value. "auto": both, with the weight that predicts held-out training rows
        best; "model" for a frozen model and for a categorical feature.
    random_state : int, RandomState instance or None, default=0
        Seed of the forest of the conditional prior and of the pieces behind ``levels``. Not None by
        default: the same rows then give the same release again, and another one about the same
        people would be another constraint on them.

    Attributes
    ----------
    estimator_ : estimator
        What gives scores by position of the item; its ``estimator_`` is the fitted model.
    items_ : ndarray of shape (n_items,)
        The items: labels of a classifier, names of the columns of a DataFrame, or their positions.
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
    release_ : MinimumLists
        The release itself, fixed in `fit`.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    See Also
    --------
    AttributePrivacyClassifier : The same for labels; one recommended item is its label.
    RobustPrivacyRecommender : Lists with noise, and a radius for each row.

    Notes
    -----
    For a categorical feature with up to ten categories every grouping of them is looked at; with
    more, those into neighbours in the order in which the model's scores differ most.

    Of several features the boxes are strips along one, each cut along the next on its own, in the
    best of all orders. "mass" is then that of the population along each feature.

    Examples
    --------
    >>> from sklearn_rp import AttributePrivacyRecommender
    >>> from sklearn_rp.datasets import make_item_recommendation
    >>> task = make_item_recommendation(300, random_state=0)
    >>> X, y = task.data[["age", "activity"]], task.target
    >>> recommender = AttributePrivacyRecommender(
    ...     sensitive_feature="age", minimum=10, unit="length", n_recommended=3
    ... ).fit(X, y)
    >>> recommender.predict(X.head(2)).shape
    (2, 3)
    >>> bool((recommender.compatible_sets(X).component_length >= 10).all())
    True
    """

    _parameter_constraints: dict = (
        Guaranteed._parameter_constraints | RecommenderWrapper._parameter_constraints
    )

    _answer_name = "list"
    release_: MinimumLists

    def __init__(
        self,
        estimator=None,
        *,
        sensitive_feature,
        n_recommended=10,
        ordered=False,
        minimum=0.2,
        unit="share",
        bounds=None,
        domain="auto",
        resolution=64,
        prior="conditional",
        levels="model",
        random_state=0,
    ):
        self.estimator = estimator
        self.sensitive_feature = sensitive_feature
        self.n_recommended = n_recommended
        self.ordered = ordered
        self.minimum = minimum
        self.unit = unit
        self.bounds = bounds
        self.domain = domain
        self.resolution = resolution
        self.prior = prior
        self.levels = levels
        self.random_state = random_state

    def _ends(
        self, feature: Feature, edges: np.ndarray | None, minimum: float, unit: str
    ) -> np.ndarray | None:
        """Lists may change anywhere; one item as a label does."""
        if self.n_recommended == 1:
            return edges
        return ends_anywhere(feature, edges, minimum, unit, self.resolution)

    def _release_of(self, base: Any, X: Rows, y: np.ndarray, **common: Any) -> MinimumLists:
        best = self._best_of(base)
        kind = BoxLists if "axes" in common else MinimumLists
        return kind(items=self.items_, best=best, **_measured(base, sample_rows(X)), **common)

    def predict(self, X, within=None, exclude=None):
        """Items to release for each row.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        within : CompatibleSets or JointSets, default=None
            What earlier releases about the same people, of any models, left open: `compatible_sets`
            of the last of them. The answer is chosen inside it, so that the component that holds a
            row is never cut below the minimum, however many releases there are.
        exclude : array-like, sparse matrix or DataFrame of shape (n_samples, n_items), default=None
            Items that must not be recommended to a row, such as those that a person has already:
            not 0, or True. Columns of a DataFrame are items by name. It is taken to be known to
            whoever sees the list, as the features that are not hidden are: the minimum holds for
            every mask, but what the mask itself gives away (whoever has these films is young) is
            not this estimator's to hide.

        Returns
        -------
        items : ndarray of shape (n_samples, n_recommended)
            Best first where order counts, else in the order of `items_`.

        Raises
        ------
        ValueError
            If `within` does not hold a row's own value, which must have changed since; or is of
            other features, possible values or rows. If `exclude` has another shape, or leaves too
            few items.
        """
        check_is_fitted(self)
        release, X = self.masked(check_rows(self, X, reset=False), exclude)
        if within is None:
            return release.release(X)
        rooms, own = earlier_rooms(within, X, release.space)
        return release_within(release, X, rooms, own).answer

    def compatible_sets(self, X, within=None, exclude=None):
        """Sets of values with the same list; for the owner of the rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows.
        within : CompatibleSets or JointSets, default=None
            What earlier releases left open, as of `predict`.
        exclude : array-like, sparse matrix or DataFrame of shape (n_samples, n_items), default=None
            Items that must not be recommended, as of `predict`.

        Returns
        -------
        sets : CompatibleSets, or JointSets of several features
            Exact, with the lists as labels: no component that holds a row is shorter than the
            minimum. With `within` what is open after this release, too.

        Raises
        ------
        ValueError
            As of `predict`.
        """
        if exclude is None:
            return super().compatible_sets(X, within)
        check_is_fitted(self)
        return sets_left(*self.masked(check_rows(self, X, reset=False), exclude), within)

    def masked(self, X: Any, exclude: Any) -> tuple[MinimumLists, Any]:
        """The release without some items, for those who ask it itself.

        Parameters
        ----------
        X : ndarray or DataFrame of shape (n_samples, n_features)
            Checked rows.
        exclude : array-like, sparse matrix or DataFrame of shape (n_samples, n_items), or None
            Items that must not be recommended, as of `predict`.

        Returns
        -------
        release, X : MinimumLists, ndarray or DataFrame of shape (n_samples, n_features or one more)
            The rows with the number of their mask in a column more, where there are masks.
        """
        if exclude is None:
            return self.release_, X
        X, banned = self._marked(X, exclude)
        return replace(self.release_, banned=banned), X


def _measured(model: ItemScores, X: Rows) -> dict[str, Any]:
    """How fine scores are told apart: their last bits may depend on the batch; and how large."""
    if hasattr(model.estimator_, "predict_proba") and not gives_numbers(model.estimator_):
        return {"decimals": 9}
    scores = model.predict(X)
    middle = float(scores.mean())
    far = float(np.abs(scores - middle).max(initial=0)) or 1.0
    wavers = last_bits(model, X) * float(np.abs(scores).max(initial=0))
    fine = max(_FINE * float(np.std(scores)), wavers) or _FINE
    decimals = -int(np.ceil(np.log10(fine)))
    return {"decimals": decimals, "middle": middle, "size": float(2.0 ** np.ceil(np.log2(far)))}
