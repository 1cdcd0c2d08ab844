"""What is perturbed and how much: columns, scales, draws, noisy copies of rows.

The noise law is that of anisotropic Gaussian smoothing: feature ``j`` of the noised set ``J``
gets ``sigma * scale[j]`` times a standard normal number; every other feature stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_rp.exceptions import warn_user
from sklearn_rp.feature import Category
from sklearn_rp.law import Gaussian, Redraw
from sklearn_rp.rows import (
    OBJECTS,
    Rows,
    column_values,
    is_frame,
    is_numeric,
    kind_of_column,
    missing,
    replace_columns,
)
from sklearn_rp.selection import resolve_columns, resolve_scale

_MANY = 20  # categories: numbers as text may well be numbers


def noised_values(X: Rows, columns: np.ndarray) -> np.ndarray:
    """The noised features of `X` as floats, float32 where `X` is: shape (n_samples, n_noised).

    A view of `X` where it is an array of floats and all its columns are noised.
    """
    if not is_frame(X):
        whole = len(columns) == X.shape[1]
        values = X if whole else X[:, columns]
        try:
            return values if values.dtype.kind == "f" else values.astype(np.float64)
        except OverflowError:
            raise ValueError(
                "X holds a whole number in the noised features that is too large for a double: "
                "give the column in a larger unit."
            ) from None
    parts = [column_values(X, j) for j in columns]
    single = all(part.dtype == np.float32 for part in parts)
    return np.stack(parts, axis=1).astype(np.float32 if single else np.float64, copy=False)


@dataclass(frozen=True, eq=False)
class Noise:
    """What is perturbed: some features, and in what units.

    Parameters
    ----------
    columns : ndarray of shape (n_noised,)
        Positions of the noised features in X.
    names : ndarray of str of shape (n_noised,)
        Their names.
    scale : ndarray of shape (n_noised,)
        Standard deviation of the noise at ``sigma=1``, in each feature's own unit.
    low, high : ndarray of shape (n_noised,)
        Range of the training rows, in each feature's own unit.
    """

    columns: np.ndarray
    names: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @staticmethod
    def from_data(
        X: Rows,
        noise_features: Any,
        noise_scale: Any,
        names: Sequence[str],
        table: bool = True,
        weight: np.ndarray | None = None,
    ) -> Noise:
        """Learn what is perturbed from checked training rows; warn of choices surely not meant.

        With ``table=False`` the columns are the entries of images or the like. A row of weight 2
        counts as two rows, one of weight 0 as none.
        """
        columns = resolve_columns(noise_features, X)
        if noise_features is None:
            _warn_of_numbers_as_objects(X, names)
        if not is_numeric(X, int(columns[0])):
            return CategoryNoise.from_column(X, int(columns[0]), noise_scale, names)
        values = noised_values(X, columns)
        check_finite(values, [names[j] for j in columns])
        if weight is not None:
            values, weight = values[weight > 0], weight[weight > 0]
        scale = resolve_scale(noise_scale, values, columns, names, weight)
        order = np.argsort(columns)
        columns, scale, values = columns[order], scale[order], values[:, order]
        _check_varied(values, scale, [names[j] for j in columns])
        kept = scale > 0
        columns, scale, values = columns[kept], scale[kept], values[:, kept]
        named = np.asarray([str(names[j]) for j in columns])
        _warn_of_few_values(values, named, table)
        values = values.astype(np.float64, copy=False)
        return Noise(columns, named, scale, values.min(axis=0), values.max(axis=0))

    @property
    def law(self) -> Gaussian:
        """The noise law, in units of the scales."""
        return Gaussian(len(self.columns))

    def check_levels(self, sigmas: Sequence[float]) -> None:
        """Refuse noise levels that the law does not have."""

    def farthest(self, sigma: float) -> float:
        """Diameter of the training rows' box in noise units.

        An exact radius may be infinite (a model that ignores the noised features); none is
        reported beyond this.
        """
        return float(np.linalg.norm((self.high - self.low) / self.scale)) / sigma

    def probes(self) -> np.ndarray:
        """Offsets to try an engine on, each in its feature's own unit: shape (24, n_noised)."""
        return self.law.probes() * self.scale

    def values(self, X: Rows) -> np.ndarray:
        """The noised features of `X`: shape (n_samples, n_noised)."""
        return noised_values(X, self.columns)

    def check_rows(self, X: Rows, sigma: float) -> np.ndarray:
        """Noised features of `X`, refused where noise cannot do what the theory says.

        Raises
        ------
        ValueError
            If a noised value is not finite, or the noise is below the floating point resolution
            of a value (row + noise would then not hide the row: Voracek & Hein 2023).
        """
        values = self.values(X)
        check_finite(values, self.names)
        if len(values):
            largest = np.abs(values).max(axis=0)
            coarse = np.spacing(largest) * 2.0**8 > sigma * self.scale
            if coarse.any():
                j = int(np.flatnonzero(coarse)[0])
                raise ValueError(
                    f"The noise on feature {str(self.names[j])!r} (sigma * scale = "
                    f"{sigma * self.scale[j]:.3g}) is too small beside its values (up to "
                    f"{largest[j]:.3g} in {values.dtype}): their sum is rounded so coarsely that "
                    "no certificate would be sound. Subtract the feature's offset first, use "
                    "float64, or raise sigma."
                )
        return values

    def noisy_copies(self, X: Rows, values: np.ndarray, offsets: np.ndarray) -> Rows:
        """Every row of `X` with every offset added, in the container that `X` is.

        The copies of row 0 come first. The noised features of the rows are given as `values`.
        Offsets are in each feature's own unit, of shape (n_offsets, n_noised), or (n_rows,
        n_offsets, n_noised) where each row has its own.
        """
        n_rows, n_offsets = len(values), offsets.shape[-2]
        # The sum is formed in the precision of the row, which is also what the model was fitted on.
        offsets = offsets.astype(values.dtype, copy=False)
        shifted = (values[:, None, :] + offsets).reshape(n_rows * n_offsets, -1)
        return replace_columns(X, self.columns, shifted, n_offsets)

    def among_copies(self, X: Rows, rng: np.random.Generator, sigma: float, copies: int) -> Rows:
        """Every row of `X` as it is, and noisy copies of it, `copies` of each in all.

        Parameters
        ----------
        X : ndarray or frame of shape (n_rows, n_features)
            The rows.
        rng : Generator
            Where the noise comes from.
        sigma : float
            Noise level.
        copies : int
            How many.

        Returns
        -------
        copies : same kind as `X`, of n_rows * copies rows
            Those of row 0 first.
        """
        draws = self.law.fresh(rng, X.shape[0], copies)
        draws[:, 0] = 0.0
        return self.noisy_copies(X, self.values(X), sigma * self.scale * draws)


@dataclass(frozen=True, eq=False)
class CategoryNoise(Noise):
    """One category that is perturbed.

    Parameters
    ----------
    columns, names, scale, low, high : ndarray of shape (1,)
        As of `Noise`; the scale is 1.
    feature : Category
        The feature.
    """

    feature: Category

    @classmethod
    def from_column(
        cls, X: Rows, column: int, noise_scale: Any, names: Sequence[str]
    ) -> CategoryNoise:
        """Look the categories up in checked training rows."""
        name, values = str(names[column]), column_values(X, column)
        if not (noise_scale is None or (isinstance(noise_scale, str) and noise_scale == "std")):
            raise ValueError(
                f"noise_scale={noise_scale!r} is not allowed for the categorical feature {name!r}: "
                "sigma is the probability that the category is drawn anew. Leave noise_scale at "
                "its default."
            )
        _check_filled(values, name)
        categories = set(values.tolist())
        if len(set(map(type, categories))) > 1 and not _in_order(categories):
            raise TypeError(
                f"The noised feature {name!r} has categories of several types: convert them to "
                "text."
            )
        if len(categories) > _MANY and all(_is_number(category) for category in categories):
            warn_user(
                f"The noised feature {name!r} holds {len(categories)} different numbers as text, "
                "and is taken for a category: sigma is then the probability that it is drawn anew. "
                "If they are numbers, convert the column with astype(float)."
            )
        if len(categories) < 2:
            raise ValueError(
                f"The noised feature {name!r} has one category only, {list(categories)}: there "
                "is nothing to hide."
            )
        feature = Category.from_column(X, column, name, None, "auto")
        one, zero = np.ones(1), np.zeros(1)
        return cls(np.array([column]), np.array([name]), one, zero, zero, feature)

    @property
    def law(self) -> Any:
        """The noise law."""
        return Redraw(len(self.feature.categories))

    def check_levels(self, sigmas: Sequence[float]) -> None:
        """Refuse noise levels that the law does not have."""
        if max(sigmas) > 1:
            raise ValueError(
                f"sigma={max(sigmas):g} is not allowed for a categorical noised feature: there it "
                "is the probability that the category is drawn anew, at most 1."
            )

    def values(self, X: Rows) -> np.ndarray:
        """The noised category of each row: shape (n_samples, 1)."""
        return column_values(X, int(self.columns[0])).reshape(-1, 1)

    def check_rows(self, X: Rows, sigma: float) -> np.ndarray:
        """The noised category of each row, none of them missing."""
        values = self.values(X)
        _check_filled(values[:, 0], self.names[0])
        return values

    def among_copies(self, X: Rows, rng: np.random.Generator, sigma: float, copies: int) -> Rows:
        """Every row as it is, and copies of it whose category is drawn anew, or kept."""
        own = np.repeat(self.feature.values(X)[:, None], copies, axis=1)
        own[:, 1:] = self.law.draw(rng, own[:, 1:], sigma)
        return replace_columns(X, self.columns, self.feature.named(own.ravel())[:, None], copies)


def _check_varied(values: np.ndarray, scale: np.ndarray, names: list[str]) -> None:
    """Refuse features that are all constant; warn of some."""
    if not scale.any():
        raise ValueError(
            f"Every noised feature is constant in the {len(values)} sample(s) of X "
            f"(n_samples={len(values)}): there is no standard deviation to scale the noise "
            "with. Give noise_scale=None, an array or a mapping, or more rows."
        )
    dropped = [name for name, each in zip(names, scale, strict=True) if each == 0]
    if dropped:
        shown = str(dropped[:5]) + (f" and {len(dropped) - 5} more" if dropped[5:] else "")
        warn_user(
            f"The feature(s) {shown} are constant in the training data: they get no noise, "
            "and every certificate holds with them fixed. Leave them out of noise_features, "
            "or give their noise_scale."
        )


def _warn_of_few_values(values: np.ndarray, names: np.ndarray, table: bool) -> None:
    """Warn of rows that are all alike, and in a table of features that are codes, it seems."""
    if (values == values[:1]).all():
        warn_user(
            f"No noised feature has more than one value in the {len(values)} sample(s) of X: "
            "exact methods read a model, and report radii, within the range of X. Add rows at "
            "the ends of the range, or use method='monte_carlo'."
        )
    binary = [
        name
        for name, v in zip(names.tolist(), values.T, strict=True)
        if table and len(v) > 2 and ((v == v.min()) ^ (v == v.max())).all()
    ]
    if binary:
        warn_user(
            f"The feature(s) {binary} hold only two values, as one-hot columns do, and "
            "Gaussian noise is added to them: a radius then speaks of values that do not "
            "exist. Leave them out of noise_features, or encode inside the wrapped estimator."
        )


def _in_order(values: set[Any]) -> bool:
    """Whether some values can be sorted."""
    try:
        sorted(values)
    except TypeError:
        return False
    return True


def check_finite(values: np.ndarray, names: Sequence[str] | np.ndarray) -> None:
    """Refuse NaN and infinity in noised features, naming the first that has one."""
    finite = np.isfinite(values)
    if finite.all():
        return
    j = int(np.flatnonzero(~finite.all(axis=0))[0])
    kind = "NaN" if np.isnan(values[:, j]).any() else "infinity"
    raise ValueError(
        f"Input X contains {kind} in the noised feature {str(names[j])!r}. Noise needs finite "
        "numbers: impute missing values before (in a Pipeline in front of the smoothed "
        "classifier), or leave the feature out of noise_features."
    )


def _check_filled(values: np.ndarray, name: Any) -> None:
    """Refuse gaps in a noised category."""
    if missing(values).any():
        raise ValueError(
            f"Input X contains missing values in the noised categorical feature {str(name)!r}: "
            "fill them in before, with a category of their own."
        )


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True


def _warn_of_numbers_as_objects(X: Rows, names: Sequence[str]) -> None:
    """A column of numbers in a frame of objects gets no noise: say so."""
    overlooked = [names[j] for j in range(X.shape[1]) if kind_of_column(X, j) == OBJECTS]
    if overlooked:
        warn_user(
            f"The column(s) {overlooked} hold numbers as objects and get no noise: convert them "
            "with astype(float) if they are to be protected."
        )
