"""AttributePrivacyRegressor: numbers whose compatible set is never narrow."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from sklearn_rp._compat import Interval, StrOptions
from sklearn_rp.attribute.guaranteed import Guaranteed
from sklearn_rp.attribute.joint import BoxNumbers
from sklearn_rp.attribute.numbers import MinimumNumbers
from sklearn_rp.attribute.partition import ends_anywhere
from sklearn_rp.attribute.pieces import Loss
from sklearn_rp.feature import Feature
from sklearn_rp.models.labels import numbers_of, wavering
from sklearn_rp.rows import Rows, sample_rows
from sklearn_rp.wrapper import RegressorWrapper, class_told

_FINE = 1e-9  # of the answers' spread: they are rounded to about this


class AttributePrivacyRegressor(Guaranteed, RegressorWrapper):
    """Release numbers that never pin a sensitive feature down: a minimum for everybody.

    A released number is worse than a label: a premium of 8 412.37 gives a BMI away to a tenth of a
    unit. Here, along the sensitive feature, all other features being what they are, the released
    number is the same on stretches of at least `minimum`: whoever sees it and knows all the rest is
    left with at least that much. No noise, no failure probability; the release is a deterministic
    function of the row, so that repeated queries teach nothing.

    Among all such step functions the one with the least expected loss beside the model is
    released. It depends on the other features alone, so that the promise holds for every row.

    Parameters
    ----------
    estimator : regressor, default=None
        Any regressor; ``LinearRegression()`` if None. With `pos_label` any classifier that has
        ``predict_proba``. Wrap a model that is already fitted in
        :class:`~sklearn.frozen.FrozenEstimator`.
    sensitive_feature : str, int, or sequence of up to three of them
        Name or position, numeric or categorical. Several are hidden jointly: for everybody there
        is a box, each side at least the minimum of its feature, with one answer.
    minimum : float or int, sequence or mapping, default=0.2
        Smallest stretch that may share a number, measured in `unit`.
        Of several features one for all, or one for each: in their order, or by name. So are `unit`,
        `bounds` and `domain`.
    unit : {"share", "length", "mass", "categories"}, sequence or mapping, default="share"
        "share" of the range, in (0, 1]; "length" in the feature's own unit. Both count possible
        values where not every number is possible. "mass": share of the population, in (0, 1],
        under `prior`; "categories": number of them, for a categorical feature (which takes "share"
        as well).
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
    levels : {"model", "intervals", "auto"}, default="auto"
        The number for a run of cells. "model": the best one for the model's answers there.
        "intervals": the answer of a second model for the middle of the run; it is a clone that
        knows of each training row only the middle of a piece of the range, drawn at random around
        the row's own value. "auto": both, with the weight that predicts held-out training rows
        best; "model" for a frozen model and for a categorical feature. `fit` takes about ten times
        as long with "auto" as with "model".
    loss : {"squared_error", "absolute_error", "quantile", "log_loss"}, default="squared_error"
        What a number loses beside the model's answers, and with it which number is the best for a
        run: their mean, median, `quantile`, or again their mean. "log_loss" is for probabilities;
        the squared error of probabilities is the Brier score.
    quantile : float, default=0.5
        For ``loss="quantile"``, in (0, 1).
    decimals : int, default=None
        Decimals that released numbers are rounded to, as :func:`numpy.round` has them; None: all.
        Neighbours that round to one number are one stretch.
    pos_label : label, default=None
        Of a classifier: the class whose probability is the number that is released ("your risk is
        23 %"). `y` then holds labels, of two classes or more.
    random_state : int, RandomState instance or None, default=0
        Seed of the forest of the conditional prior and of the pieces behind ``levels``. Not None by
        default: the same rows then give the same release again, and another one about the same
        people would be another constraint on them.

    Attributes
    ----------
    estimator_ : regressor
        The fitted model; with `pos_label` a regressor around the classifier, its ``estimator_``.
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
    release_ : MinimumNumbers
        The release itself, fixed in `fit`.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during `fit`, where all are strings.

    See Also
    --------
    AttributePrivacyClassifier : The same for labels.

    Notes
    -----
    Several releases about one person, by this and other models, are several constraints: what they
    leave open together may be less than the minimum, unless each answers `within` what the others
    left open.

    Of several features the boxes are strips along one, each cut along the next on its own, in the
    best of all orders; they are chosen by the squared error, or the log-loss, also where numbers
    are quantiles. "mass" is then that of the population along each feature.

    For a categorical feature with up to ten categories every grouping of them is looked at; with
    more, those into neighbours in the order of the model's answers.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> from sklearn_rp import AttributePrivacyRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> apr = AttributePrivacyRegressor(
    ...     HistGradientBoostingRegressor(max_iter=20), sensitive_feature="bmi", levels="model"
    ... ).fit(X, y)
    >>> sets = apr.compatible_sets(X)
    >>> bool((sets.component_length >= 0.2 * (sets.high - sets.low) - 1e-9).all())
    True
    """

    _parameter_constraints: dict = Guaranteed._parameter_constraints | {
        "loss": [StrOptions({"squared_error", "absolute_error", "quantile", "log_loss"})],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "decimals": [Integral, None],
        "pos_label": "no_validation",
    }

    _answer_name = "number"

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
        levels="auto",
        loss="squared_error",
        quantile=0.5,
        decimals=None,
        pos_label=None,
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
        self.loss = loss
        self.quantile = quantile
        self.decimals = decimals
        self.pos_label = pos_label
        self.random_state = random_state

    def _ends(
        self, feature: Feature, edges: np.ndarray | None, minimum: float, unit: str
    ) -> np.ndarray | None:
        """Steps may end anywhere: of the model's own ends some, of a grid, and a minimum inside."""
        return ends_anywhere(feature, edges, minimum, unit, self.resolution)

    def _release_of(self, base: Any, X: Rows, y: np.ndarray, **common: Any) -> MinimumNumbers:
        quantiles = {"absolute_error": 0.5, "quantile": self.quantile}
        log = self.loss == "log_loss"
        if log and class_told(self) is None:
            raise ValueError(
                "loss='log_loss' is not allowed without pos_label: it is for probabilities. Wrap a "
                "classifier and name the class, or use loss='squared_error'."
            )
        kind = BoxNumbers if "axes" in common else MinimumNumbers
        return kind(
            loss=Loss(quantiles.get(self.loss), log),
            pos_label=class_told(self),
            unit=_unit(base, sample_rows(X)),
            decimals=self.decimals,
            **common,
        )


def _unit(model: Any, X: Rows) -> float:
    """What answers are rounded to, a power of ten; 0 where all are zero: nothing is rounded."""
    answers = numbers_of(model, X)
    fine = max(_FINE * float(np.std(answers)), wavering(model, X, answers))
    return float(10.0 ** np.ceil(np.log10(fine))) if fine > 0 else 0.0
