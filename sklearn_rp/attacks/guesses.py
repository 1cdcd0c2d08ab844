"""What an attacker guesses who sees the answer and some of the features, and how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state, gen_batches

from sklearn_rp.attribute.compatible_sets import CompatibleSets
from sklearn_rp.attribute.prior import Numbers, Prior, held_out_spread
from sklearn_rp.feature import Category, Feature, Number
from sklearn_rp.law import Gaussian
from sklearn_rp.models.labels import labels_of, probabilities_of
from sklearn_rp.rows import Rows, is_frame, is_pandas, rows_per_chunk, without_columns
from sklearn_rp.validation import check_groups

_NO_MASS = 1e-12  # weight of the even distribution: it decides where the prior has no mass
_HALVINGS = 60  # of a part, in search of a median
_ATTACKERS = ("imputation", "deterministic", "bayesian", "learned")


@dataclass(frozen=True, eq=False, repr=False)
class AttackResult:
    """What each attacker guessed, beside the truth.

    Parameters
    ----------
    truth : ndarray of shape (n_rows,)
        The sensitive values.
    guesses : dict of str to ndarray of shape (n_rows,)
        "imputation" sees the other features alone; the others see the released label as well.
    sets : CompatibleSets
        The set that the label leaves open for each row.
    categorical : bool
        Whether the feature is categorical.
    n_resamples : int
        Resamples of the rows behind each confidence interval.
    random_state : int
        Seed of the resampling.
    """

    truth: np.ndarray
    guesses: dict[str, np.ndarray]
    sets: CompatibleSets
    categorical: bool
    n_resamples: int
    random_state: int

    def to_frame(self, groups: Any = None) -> pd.DataFrame:
        """Figures of each attacker with 95 % confidence intervals, over rows and per group.

        Numeric feature: ``error``, the mean absolute error in its unit (an attacker wants little);
        ``length``, the mean length of the set that the attacker is left with, and ``coverage``, how
        often it holds the truth. Categorical feature: ``mcc``, Matthews' correlation, and
        ``g_mean``, the geometric mean of the categories' recalls (an attacker wants much). For both
        ``gain``: what seeing the label adds, person by person, to the imputation that does not:
        error saved, or correlation won.

        Parameters
        ----------
        groups : array-like of shape (n_rows,), default=None
            A group for each row.

        Returns
        -------
        table : pandas.DataFrame
            One line for each group and attacker; ``<figure>_low`` and ``<figure>_high`` are the
            ends of the bootstrap interval over rows.
        """
        everybody = np.ones(len(self.truth), dtype=bool)
        parts = {"all": everybody}
        if groups is not None:
            groups = check_groups(groups, len(everybody), self.sets)
            parts |= {str(g): groups == g for g in np.unique(groups)}
        lines = []
        for group, rows in parts.items():
            members = np.flatnonzero(rows)
            rng = np.random.default_rng(self.random_state)
            resamples = rng.choice(members, size=(self.n_resamples, len(members)))
            draws = np.vstack([members, resamples])  # the first is the group as it is
            found = {attacker: self._figures(attacker, draws) for attacker in self.guesses}
            main = "mcc" if self.categorical else "error"
            blind = found["imputation"][main]
            for attacker, figures in found.items():
                line: dict[str, Any] = {"group": group, "attacker": attacker, "n": len(members)}
                saved = blind - figures[main]
                figures["gain"] = -saved if self.categorical else saved
                for name, value in figures.items():
                    line[name] = value[0]
                    line[f"{name}_low"], line[f"{name}_high"] = np.quantile(
                        value[1:], [0.025, 0.975]
                    )
                lines.append(line)
        return pd.DataFrame(lines)

    def _figures(self, attacker: str, draws: np.ndarray) -> dict[str, np.ndarray]:
        """Figures of an attacker for each draw of rows."""
        truth, guess = self.truth, self.guesses[attacker]
        if self.categorical:
            n = len(cast("np.ndarray", self.sets.categories))
            pair = truth.astype(int) * n + guess.astype(int)
            found = [
                _of_categories(pair[draws[some]], n)
                for some in gen_batches(len(draws), rows_per_chunk(n * n))
            ]
            mcc, g_mean = np.concatenate(found, axis=1)
            return {"mcc": mcc, "g_mean": g_mean}
        if attacker != "imputation":
            sets = self.sets
            length = sets.length
            holds = np.bincount(sets.row, weights=sets.holds_own, minlength=len(sets)) > 0
        else:
            length = np.full(len(truth), self.sets.span)
            holds = (truth >= self.sets.low) & (truth <= self.sets.high)
        each = {"error": np.abs(truth - guess), "length": length, "coverage": holds}
        return {name: value[draws].mean(axis=1) for name, value in each.items()}

    def __repr__(self) -> str:
        table = self.to_frame().drop(columns=["group"]).round(3)
        return f"AttackResult on {self.sets.feature!r}, {len(self.truth)} rows\n{table.to_string()}"


def _of_categories(pair: np.ndarray, n: int) -> np.ndarray:
    """Matthews' correlation and geometric mean of recalls, for each draw of pairs at once.

    As scikit-learn's `matthews_corrcoef` and `recall_score`, which check their input in each call.
    """
    number = pair + n * n * np.arange(len(pair))[:, None]
    counts = np.bincount(number.ravel(), minlength=len(pair) * n * n).reshape(-1, n, n)
    counts = counts.astype(float)
    truth, guess, right = counts.sum(axis=2), counts.sum(axis=1), np.einsum("dcc->dc", counts)
    total = float(pair.shape[1])
    together = right.sum(axis=1) * total - (truth * guess).sum(axis=1)
    spread = (total**2 - (truth**2).sum(axis=1)) * (total**2 - (guess**2).sum(axis=1))
    mcc = np.where(spread > 0, together / np.sqrt(np.where(spread > 0, spread, 1.0)), 0.0)
    there = truth > 0
    recall = np.where(there, right / np.where(there, truth, 1.0), 1.0)
    return np.stack([mcc, recall.prod(axis=1) ** (1 / there.sum(axis=1))])


class Guesser:
    """Guesses of one feature from the others that are known, and from what is released.

    Parameters
    ----------
    feature : Feature
        What is guessed.
    hidden : ndarray of int
        Positions of the features that are not known, it among them.
    imputer : estimator or None
        Predicts the feature; a random forest if None.
    random_state : int
        Seed of forests and of random guesses.
    """

    def __init__(self, feature: Feature, hidden: np.ndarray, imputer: Any, random_state: int):
        self.feature, self.hidden = feature, hidden
        self.imputer, self.random_state = imputer, random_state

    def fit(self, X: Rows, symbol: np.ndarray) -> Guesser:
        """Learn from public rows, and the numbers of what is released for them."""
        rest, values = self._known(X), self.feature.values(X)
        self._imputer = self._new_imputer(rest).fit(rest, values)
        if isinstance(self.feature, Category) and not hasattr(self._imputer, "predict_proba"):
            raise ValueError(
                f"imputer={self.imputer!r} is not allowed for the categorical feature "
                f"{self.feature.name!r}: the bayesian attacker needs its predict_proba."
            )
        self._spread = 0.0
        if isinstance(self.feature, Number):
            imputer = self._new_imputer(rest)
            self._spread = held_out_spread(imputer, rest, values, self.feature.span)
        both = _with_label(rest, symbol)
        self._learned = self._new_imputer(both).fit(both, values)
        return self

    def guesses(self, X: Rows, symbol: np.ndarray, sets: CompatibleSets) -> dict[str, np.ndarray]:
        """What each attacker guesses, whose sets are these."""
        rest = self._known(X)
        numeric = isinstance(self.feature, Number)
        found = self._numbers(rest, sets) if numeric else self._categories(rest, sets)
        found["learned"] = labels_of(self._learned, _with_label(rest, symbol))
        return {name: found[name] for name in _ATTACKERS}

    def _known(self, X: Rows) -> Rows:
        """The features that are known."""
        if X.shape[1] == len(self.hidden):  # then nothing is known but the label
            return np.zeros((X.shape[0], 1))
        rest = without_columns(X, self.hidden)
        if not is_pandas(X):
            return rest
        return rest.set_axis([str(name) for name in rest.columns], axis=1)

    def _numbers(self, rest: Rows, sets: CompatibleSets) -> dict[str, np.ndarray]:
        attribute = cast("Number", self.feature)
        imputed = labels_of(self._imputer, rest)
        low, high = sets.hull()
        return {
            "imputation": imputed,
            "deterministic": (low + high) / 2,
            # Around the imputed value the attribute is spread as held-out residuals in public are.
            "bayesian": _median_inside(
                sets, attribute, np.asarray(imputed, dtype=float), self._spread
            ),
        }

    def _categories(self, rest: Rows, sets: CompatibleSets) -> dict[str, np.ndarray]:
        categories = cast("Category", self.feature).categories
        rng = check_random_state(self.random_state)
        open_ = sets.contains(categories)
        share = np.zeros(open_.shape)
        share[:, self._imputer.classes_.astype(int)] = probabilities_of(self._imputer, rest)
        share += _NO_MASS  # a set that the imputer rules out is left as it is
        posterior = sets.posterior(Prior(categories, share / share.sum(axis=1, keepdims=True)))
        noise = rng.uniform(size=open_.shape)
        return {
            "imputation": labels_of(self._imputer, rest),
            "deterministic": np.where(open_, noise, -1.0).argmax(axis=1),
            "bayesian": posterior.argmax(axis=1),
        }

    def _new_imputer(self, rest: Rows) -> Any:
        if self.imputer is not None:
            return clone(self.imputer)
        numeric = isinstance(self.feature, Number)
        kind = RandomForestRegressor if numeric else RandomForestClassifier
        forest = kind(min_samples_leaf=5, random_state=self.random_state)
        if not is_frame(rest) and rest.dtype.kind in "iuf":
            return forest
        return make_pipeline(Numbers(), forest)


def _median_inside(
    sets: CompatibleSets, feature: Number, mean: np.ndarray, spread: float
) -> np.ndarray:
    """Median of a normal distribution cut down to each row's set: the best guess by distance.

    It is found part by part, however narrow the parts are beside the range.
    """
    row, span = sets.row, sets.high - sets.low
    low, high = _smeared(sets)
    high = np.maximum(high, low + 1e-12 * span)  # a single number is a part, too

    def mass(part: Any, upto: np.ndarray) -> np.ndarray:
        """Of some parts, from their low end on."""
        a, b = ((x - mean[row[part]]) / spread for x in (low[part], upto))
        return Gaussian.mass(a, b) + _NO_MASS * (upto - low[part]) / span

    each = mass(slice(None), high)
    first = np.searchsorted(row, np.arange(len(sets)))
    last = np.r_[first[1:], len(row)] - 1
    total = np.add.reduceat(each, first)
    each = each / total[row]  # of its row's set: sums over many rows then keep their digits
    before = np.cumsum(each) - each
    before -= before[first][row]
    passed = np.bincount(row, weights=before + each < 0.5).astype(int)
    part = np.minimum(first + passed, last)
    wanted = (0.5 - before[part]) * total
    left, right = low[part], high[part]
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        short = mass(part, middle) < wanted
        left, right = np.where(short, middle, left), np.where(short, right, middle)
    return np.clip(feature.nearest((left + right) / 2), sets.start[part], sets.stop[part])


def _smeared(sets: CompatibleSets) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the parts, where every possible value stands for the numbers nearest to it."""
    values = sets.domain
    if isinstance(values, str):
        half = 0.5 if values == "integer" else 0.0
        return sets.start - half, sets.stop + half
    middle = (values[1:] + values[:-1]) / 2
    ends = np.r_[2 * values[0] - middle[0], middle, 2 * values[-1] - middle[-1]]
    first, last = (np.searchsorted(values, end) for end in (sets.start, sets.stop))
    return ends[first], ends[last + 1]


def _with_label(rest: Rows, symbol: np.ndarray) -> Rows:
    """The other features and the number of the released label; or numbers, of a list."""
    if is_pandas(rest):
        name = "released_label"
        while any(str(column).startswith(name) for column in rest.columns):
            name += "_"
        columns = symbol.astype(float).reshape(len(symbol), -1).T
        new = {f"{name}{j or ''}": column for j, column in enumerate(columns)}
        return pd.concat([rest, pd.DataFrame(new, index=rest.index)], axis=1)
    return np.column_stack([rest, symbol.astype(float)])
