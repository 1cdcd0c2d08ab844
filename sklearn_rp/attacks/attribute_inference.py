"""Attribute inference: who holds the model, the other features and the label guesses the rest."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.utils import check_random_state

from sklearn_rp.attacks.guesses import AttackResult, Guesser
from sklearn_rp.attribute.along import ReleaseAlong
from sklearn_rp.attribute.asked import features_of
from sklearn_rp.attribute.finding import check_resolution, check_tolerance, sets_of
from sklearn_rp.attribute.joint_finding import joint_sets_of
from sklearn_rp.attribute.joint_sets import JointSets
from sklearn_rp.attribute.prior import Numbers
from sklearn_rp.attribute.space import Space
from sklearn_rp.feature import Category, Feature, Number
from sklearn_rp.rows import Rows, is_frame, is_pandas, without_columns
from sklearn_rp.validation import as_rows

_TREES, _LEAF = 100, 5  # of the forest whose leaves joint values are drawn from
_OTHERS, _NONE = "the others", "none"  # what an attacker knows of several attributes


@dataclass(frozen=True, eq=False, repr=False)
class JointAttackResult:
    """What each attacker guessed of several attributes.

    Parameters
    ----------
    results : dict of (str, str) to AttackResult
        By the attribute that is guessed, and by what is known of the other sensitive ones: "the
        others" or "none".
    sets : JointSets
        The joint set that the answer leaves open for each row.
    """

    results: dict[tuple[str, str], AttackResult]
    sets: JointSets

    def to_frame(self, groups: Any = None) -> pd.DataFrame:
        """Figures of each attacker with 95 % confidence intervals, over rows and per group.

        Parameters
        ----------
        groups : array-like of shape (n_rows,), default=None
            A group for each row.

        Returns
        -------
        table : pandas.DataFrame
            As of one attribute (:meth:`AttackResult.to_frame`), with the attribute that is guessed
            as ``feature``, and as ``knows`` what is known of the other sensitive ones.
        """
        tables = []
        for (feature, knows), result in self.results.items():
            table = result.to_frame(groups)
            table.insert(0, "feature", feature)
            table.insert(1, "knows", knows)
            tables.append(table)
        return pd.concat(tables, ignore_index=True)

    def __repr__(self) -> str:
        table = self.to_frame().drop(columns=["group"]).round(3)
        names = self.sets.names
        return f"JointAttackResult on {names}, {len(self.sets)} rows\n{table.to_string()}"


class AttributeInferenceAttack:
    """The adversary who knows the model, the other features and the label or number.

    Four attackers are run beside each other (after Jayaraman & Evans 2022, arXiv 2209.01292):

    - **imputation**, the baseline: predicts the attribute from the other features alone; what it
      finds, no defence of the release can hide;
    - **deterministic**: knows the compatible set of the label, and nothing of the population;
      guesses its middle, or at random among the compatible categories;
    - **bayesian**: the imputation's view of the population (for a number: normal, as wide as its
      residuals on held-out public rows), cut down to the compatible set, and even over the set
      where that view leaves nothing of it;
    - **learned**: a model of the attribute given the other features *and* the label.

    Of several attributes each is guessed twice: by whoever knows the others, and by whoever knows
    none of them. The bayesian attacker then draws joint values of public people who are like the
    person in all other features (leaves of a forest), and keeps those in the joint set.

    Parameters
    ----------
    model : fitted classifier or regressor
        What releases the labels, or the numbers.
    sensitive_feature : str, int, or list of up to three of them
        The attribute, numeric or categorical; or several, attacked jointly.
    imputer : estimator, default=None
        Predicts the attribute; a random forest if None. It is cloned.
    bounds : (low, high), or sequence of categories, default=None
        The values that are possible; None: those in the public data. Of several attributes a
        mapping from feature, or one for each.
    domain : "auto", "continuous", "integer", or sequence of numbers, default="auto"
        As in :func:`~sklearn_rp.attribute.compatible_sets`; looked up in the public data.
    resolution : int, default=256
        Cells of the first look for compatible sets.
    tolerance : float, default=0.0
        Of a regressor: as in :func:`~sklearn_rp.attribute.compatible_sets`.
    n_resamples : int, default=200
        Resamples behind each confidence interval.
    random_state : int, default=0
        Seed of forests, of random guesses and of the resampling.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from sklearn_rp.attacks import AttributeInferenceAttack
    >>> from sklearn_rp.datasets import make_recommendation
    >>> task = make_recommendation(600, random_state=0)
    >>> X, y = task.data, task.target
    >>> model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X[:200], y[:200])
    >>> attack = AttributeInferenceAttack(model, sensitive_feature=0, n_resamples=20)
    >>> table = attack.fit(X[200:400], y[200:400]).evaluate(X[400:], y[400:]).to_frame()
    >>> table["attacker"].tolist()
    ['imputation', 'deterministic', 'bayesian', 'learned']
    """

    _features: list[Feature]
    _releases: list[ReleaseAlong]
    _alone: list[Guesser]
    _blind: list[Guesser]
    _draws: Any

    def __init__(
        self,
        model: Any,
        *,
        sensitive_feature: Any,
        imputer: Any = None,
        bounds: Any = None,
        domain: Any = "auto",
        resolution: int = 256,
        tolerance: float = 0.0,
        n_resamples: int = 200,
        random_state: int = 0,
    ):
        self.model = model
        self.sensitive_feature = sensitive_feature
        self.imputer = imputer
        self.bounds = bounds
        self.domain = domain
        self.resolution = resolution
        self.tolerance = tolerance
        self.n_resamples = n_resamples
        self.random_state = random_state

    def fit(self, X_public: Rows, y_public: Any = None) -> AttributeInferenceAttack:
        """Learn what the population tells.

        Parameters
        ----------
        X_public : ndarray or frame of shape (n_public, n_features)
            People whose attribute the adversary knows.
        y_public : array-like of shape (n_public,), default=None
            Not used: the adversary asks the model for its labels.

        Returns
        -------
        self : AttributeInferenceAttack
        """
        if not isinstance(self.n_resamples, Integral) or self.n_resamples < 10:
            raise ValueError(
                f"n_resamples={self.n_resamples!r} is not allowed: a whole number, at least 10."
            )
        X_public = _checked(X_public)
        features = features_of(self.sensitive_feature, X_public, self.bounds, self.domain)
        tolerance = check_tolerance(self.tolerance, self.model)
        resolution = check_resolution(self.resolution)
        releases = [
            ReleaseAlong(self.model, feature, X_public, resolution, tolerance)
            for feature in features
        ]
        symbol = releases[0].described(releases[0].answer(releases[0].checked(X_public)))
        columns = np.array([feature.column for feature in features])

        def guesser(feature: Feature, hidden: np.ndarray) -> Guesser:
            new = Guesser(feature, hidden, self.imputer, self.random_state)
            return new.fit(X_public, symbol)

        alone = [guesser(feature, feature.columns) for feature in features]
        blind, draws = [], None
        if len(features) > 1:
            blind = [guesser(feature, columns) for feature in features]
            draws = _Draws(Space(tuple(features), ()), X_public, self.random_state)
        self._features, self._releases = features, releases
        self._alone, self._blind, self._draws = alone, blind, draws
        return self

    def evaluate(self, X: Rows, y: Any = None) -> Any:
        """Attack some rows.

        Parameters
        ----------
        X : ndarray or frame of shape (n_rows, n_features)
            Rows, their true attribute among them; the attackers see all the rest, and the label.
        y : array-like of shape (n_rows,), default=None
            Not used: the label is what the model releases.

        Returns
        -------
        result : AttackResult, or JointAttackResult of several attributes
        """
        if not hasattr(self, "_releases"):
            raise ValueError("This AttributeInferenceAttack is not fitted yet: call fit before.")
        X = _checked(X)
        seed = int(check_random_state(self.random_state).randint(2**31))
        found: dict[tuple[str, str], AttackResult] = {}
        for release, guesser in zip(self._releases, self._alone, strict=True):
            sets = sets_of(release, X)
            guesses = guesser.guesses(X, release.described(sets.label), sets)
            found[release.feature.name, _OTHERS] = self._result(guesser, X, guesses, sets, seed)
        if self._draws is None:
            return next(iter(found.values()))
        one = self._releases[0]
        joint = joint_sets_of(self._releases, X)
        drawn = self._draws.of(X)
        inside = joint.holding(drawn)
        for j, guesser in enumerate(self._blind):
            sets = joint.project(guesser.feature.name)
            guesses = guesser.guesses(X, one.described(sets.label), sets)
            feature, there = guesser.feature, inside.any(axis=1)
            best = _best_of(drawn[:, :, j], inside, isinstance(feature, Category))
            if isinstance(feature, Number):
                best = feature.nearest(np.where(there, best, feature.low))
            guesses["bayesian"] = np.where(there, best, guesses["bayesian"])
            found[guesser.feature.name, _NONE] = self._result(guesser, X, guesses, sets, seed)
        return JointAttackResult(dict(sorted(found.items(), key=self._order)), joint)

    def _order(self, item: Any) -> tuple[int, bool]:
        """By the attribute, as they were given."""
        (name, knows), _ = item
        return [feature.name for feature in self._features].index(name), knows == _NONE

    def _result(
        self, guesser: Guesser, X: Rows, guesses: dict[str, np.ndarray], sets: Any, seed: int
    ) -> AttackResult:
        truth = guesser.feature.values(X)
        categorical = isinstance(guesser.feature, Category)
        return AttackResult(truth, guesses, sets, categorical, self.n_resamples, seed)


class _Draws:
    """Joint values of public people who are like a person in what is known of them."""

    def __init__(self, space: Space, X: Rows, random_state: int):
        self.space, self.own = space, space.values(X)
        self.numbers: Any = None
        if X.shape[1] > len(space.columns):
            rest = without_columns(X, space.columns)
            self.numbers = Numbers().fit(rest)
            forest = ExtraTreesRegressor(_TREES, min_samples_leaf=_LEAF, random_state=random_state)
            self.forest = forest.fit(self.numbers.transform(rest), space.targets(self.own))
            self.leaf = self.forest.apply(self.numbers.transform(rest))
        self.random_state = random_state

    def of(self, X: Rows) -> np.ndarray:
        """Drawn values, tree by tree one: shape (n_rows, n_draws, n_features)."""
        people, rng = len(self.own), np.random.default_rng(self.random_state)
        if self.numbers is None:
            return self.own[rng.integers(people, size=(X.shape[0], _TREES))]
        rest = self.numbers.transform(without_columns(X, self.space.columns))
        found = np.empty((X.shape[0], _TREES), dtype=np.intp)
        for tree, leaf in enumerate(self.forest.apply(rest).T):
            order = np.argsort(self.leaf[:, tree], kind="stable")
            ends = [
                np.searchsorted(self.leaf[:, tree], leaf, side=side, sorter=order)
                for side in ("left", "right")
            ]
            found[:, tree] = order[rng.integers(ends[0], ends[1])]
        return self.own[found]


def _best_of(drawn: np.ndarray, inside: np.ndarray, categorical: bool) -> np.ndarray:
    """Median of the draws that are inside, or the commonest category: shape (n_rows,)."""
    if categorical:
        among = np.arange(int(drawn.max()) + 1)
        count = ((drawn[:, :, None] == among) & inside[:, :, None]).sum(axis=1)
        return np.asarray(count.argmax(axis=1))
    ordered = np.sort(np.where(inside, drawn, np.inf), axis=1)
    n = inside.sum(axis=1)
    rows = np.arange(len(n))
    return np.asarray(ordered[rows, np.maximum(n - 1, 0) // 2] / 2 + ordered[rows, n // 2] / 2)


def _checked(X: Any) -> Rows:
    """Rows as an array or a pandas frame."""
    if is_frame(X) and not is_pandas(X):
        raise TypeError("The attack takes arrays and pandas frames: call X.to_pandas() before.")
    return as_rows(X)
