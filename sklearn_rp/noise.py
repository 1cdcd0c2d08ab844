"""What is perturbed and how much: columns, scales, draws, noisy copies of rows.

The noise law is that of anisotropic Gaussian smoothing: feature ``j`` of the noised set ``J``
gets ``sigma * scale[j]`` times a standard normal number; every other feature stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state, gen_batches

from sklearn_rp.exceptions import warn_user
from sklearn_rp.rows import (
    OBJECTS,
    Rows,
    by_feature,
    check_kind,
    column_names,
    column_values,
    did_you_mean,
    find_column,
    is_frame,
    is_numeric,
    kind_of_column,
    missing,
    names_of,
    replace_columns,
)

_MANY = 20  # categories: numbers as text may well be numbers
_BLOCK_ELEMENTS = 2**18  # numbers drawn from one generator: 2 MiB


def seed_of(random_state: Any) -> int:
    """128 bits drawn from a `random_state`."""
    words = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    return int.from_bytes(words.tobytes(), "little")


@dataclass(frozen=True)
class Draws:
    """Which draws of which noise bank the votes are cast with.

    Parameters
    ----------
    entropy : tuple of int
        Seed of the bank.
    start, stop : int
        Numbers of the first draw and of the one after the last.
    row : int or None
        None: all rows share one bank. Else every row has noise of its own, and this is the number
        of the first row.
    """

    entropy: tuple[int, ...]
    start: int
    stop: int
    row: int | None = None

    def __len__(self) -> int:
        return self.stop - self.start

    def for_rows(self, first: int) -> Draws:
        """The same, for rows that begin with number `first` of these."""
        return self if self.row is None else replace(self, row=self.row + first)


def noised_values(X: Rows, columns: np.ndarray) -> np.ndarray:
    """The noised features of `X` as floats, float32 where `X` is.

    Parameters
    ----------
    X : ndarray or frame of shape (n_samples, n_features)
        Checked rows.
    columns : ndarray of shape (n_noised,)
        Positions of the noised features.

    Returns
    -------
    values : ndarray of shape (n_samples, n_noised)
        A view of `X` where it is an array of floats and all its columns are noised.
    """
    if not is_frame(X):
        whole = len(columns) == X.shape[1]
        values = X if whole else X[:, columns]
        return values if values.dtype.kind == "f" else values.astype(np.float64)
    parts = [column_values(X, j) for j in columns]
    single = all(part.dtype == np.float32 for part in parts)
    return np.stack(parts, axis=1).astype(np.float32 if single else np.float64, copy=False)


def resolve_columns(noise_features: Any, X: Rows) -> np.ndarray:
    """Positions of the features that `noise_features` names.

    Parameters
    ----------
    noise_features : None, str, int, sequence, boolean mask or callable
        None means every numeric feature. A callable gets `X` and returns any of the others.
    X : ndarray or frame of shape (n_samples, n_features)
        Checked training rows.

    Returns
    -------
    columns : ndarray of int
        Positions, in the order in which they were named.

    Raises
    ------
    ValueError
        If a name or position does not exist, is given twice, or nothing is selected.
    TypeError
        If the selection is of another kind, or a selected feature is not numeric.
    """
    n_features = X.shape[1]
    names = column_names(X)
    if noise_features is None:
        columns = [j for j in range(n_features) if is_numeric(X, j)]
        if not columns:
            raise ValueError(
                "noise_features=None takes every numeric feature, and X has none. Robust Privacy "
                "by Gaussian noise needs at least one numeric feature."
            )
        return np.asarray(columns, dtype=np.intp)
    if callable(noise_features):
        noise_features = noise_features(X)
    if isinstance(noise_features, str | int | np.integer) and not isinstance(noise_features, bool):
        noise_features = [noise_features]
    if isinstance(noise_features, slice):
        noise_features = np.arange(n_features)[noise_features]
    try:
        wanted = _listed(noise_features, names_of(X))
    except TypeError:
        raise TypeError(
            f"noise_features={noise_features!r} is not allowed: give None (every numeric feature), "
            "names, positions, a boolean mask, or a callable such as make_column_selector()."
        ) from None
    if _is_mask(wanted):
        if len(wanted) != n_features:
            raise ValueError(
                f"noise_features is a boolean mask of length {len(wanted)}, but X has {n_features} "
                "features: the mask needs one entry for each."
            )
        wanted = list(np.flatnonzero(wanted))
    columns = [find_column(w, n_features, names, parameter="noise_features") for w in wanted]
    if not columns:
        raise ValueError(
            "noise_features selects no feature: at least one is needed, as without noise nothing "
            "can be certified."
        )
    if len(set(columns)) < len(columns):
        raise ValueError(f"noise_features={wanted!r} names a feature more than once.")
    for j in columns:
        if not check_kind(X, j, parameter="noise_features") and len(columns) > 1:
            shown = j if names is None else names[j]
            raise TypeError(
                f"noise_features names {shown!r}, which is not numeric: Gaussian noise can be "
                "added to numbers alone. Leave it out (it then reaches the estimator untouched), "
                "or, if it is categorical, noise it alone."
            )
    return np.asarray(columns, dtype=np.intp)


def _listed(noise_features: Any, names: Sequence[str]) -> list[Any]:
    """What `noise_features` lists; a mask with labels in the order of the features."""
    mapping = isinstance(noise_features, Mapping)
    wanted = list(noise_features.values() if mapping else noise_features)
    if not _is_mask(wanted):
        if mapping:
            raise TypeError
        return wanted
    given = by_feature(noise_features, names, parameter="noise_features")
    if given is None or len(given) < len(names):
        return wanted
    return [given[j] for j in range(len(names))]


def _is_mask(wanted: list[Any]) -> bool:
    return bool(wanted) and all(isinstance(w, bool | np.bool_) for w in wanted)


def _warn_of_numbers_as_objects(X: Rows, names: Sequence[str]) -> None:
    """A column of numbers in a frame of objects gets no noise: say so."""
    overlooked = [names[j] for j in range(X.shape[1]) if kind_of_column(X, j) == OBJECTS]
    if overlooked:
        warn_user(
            f"The column(s) {overlooked} hold numbers as objects and get no noise: convert them "
            "with astype(float) if they are to be protected."
        )


def find_noised(feature: Any, columns: np.ndarray, names: np.ndarray) -> int:
    """Place of a feature among the noised ones; a clear error for any other."""
    known = names.tolist()
    if isinstance(feature, str):
        if feature not in known:
            raise ValueError(
                f"feature={feature!r} is not a noised feature{did_you_mean(feature, known) or '.'} "
                f"The certificate holds with it fixed; noised are {known}."
            )
        return known.index(feature)
    where = np.flatnonzero(columns == feature)
    if not len(where):
        raise ValueError(
            f"feature={feature!r} is not the position of a noised feature: the certificate holds "
            f"with it fixed. Noised are {dict(zip(columns.tolist(), known, strict=True))}."
        )
    return int(where[0])


def _is_number(text: Any) -> bool:
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return True


def resolve_scale(
    noise_scale: Any,
    values: np.ndarray,
    columns: np.ndarray,
    names: Sequence[str],
    weight: np.ndarray | None = None,
) -> np.ndarray:
    """Scale of each noised feature, in the feature's own unit.

    Parameters
    ----------
    noise_scale : "std", None, array-like or mapping
        "std": standard deviation of `values`; None: 1; an array with one entry for each feature
        of X, or for each noised one in the order in which they were named; a mapping from feature
        name or position to scale, or a Series with features for labels.
    values : ndarray of shape (n_samples, n_noised)
        The noised features of the training rows.
    columns : ndarray of shape (n_noised,)
        Positions of the noised features.
    names : sequence of str of length n_features
        Names of all features, for messages and for the mapping.
    weight : ndarray of shape (n_samples,), default=None
        Weights of the rows; None: all alike.

    Returns
    -------
    scale : ndarray of shape (n_noised,)
        Positive, or 0 where the feature is constant and ``noise_scale="std"``.
    """
    if isinstance(noise_scale, str):
        if noise_scale != "std":
            raise ValueError(
                f"noise_scale={noise_scale!r} is not allowed: give 'std' (of the training data), "
                "None (all 1), an array, or a mapping from feature to scale."
            )
        scale = values.std(axis=0, dtype=np.float64)
        if weight is not None:
            middle = np.average(values, axis=0, weights=weight)
            scale = np.sqrt(np.average((values - middle) ** 2, axis=0, weights=weight))
        size = np.abs(values).max(axis=0).astype(np.float64)
        # The variance of a constant column comes out as rounding error, not as zero.
        scale[scale <= 8 * np.finfo(values.dtype).eps * size] = 0.0
        return scale
    if noise_scale is None:
        return np.ones(len(columns))
    given = by_feature(noise_scale, names, parameter="noise_scale")
    if given is not None:
        missing = [names[j] for j in columns if int(j) not in given]
        if missing:
            raise ValueError(
                f"noise_scale has no entry for the noised feature(s) {missing}: give one for each, "
                "or noise_scale='std'."
            )
        noise_scale = [given[int(j)] for j in columns]
    try:
        scale = np.array(noise_scale, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"noise_scale={noise_scale!r} is not allowed: scales are positive numbers."
        ) from None
    if scale.shape == (len(names),):
        if len(columns) == len(names) and (np.diff(columns) < 0).any():
            raise ValueError(
                "noise_scale is an array and noise_features names all features in an order of its "
                "own: give noise_scale as a mapping from feature to scale."
            )
        scale = scale[columns]
    if scale.shape != (len(columns),):
        raise ValueError(
            f"noise_scale has shape {scale.shape}: allowed are one entry for each of the "
            f"{len(names)} features of X or for each of the {len(columns)} noised ones."
        )
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ValueError(
            f"noise_scale={noise_scale!r} is not allowed: every scale must be positive and finite. "
            "To leave a feature without noise, leave it out of noise_features."
        )
    return scale


@dataclass(frozen=True, eq=False)
class Noise:
    """The noise law without its level: which features, and in what units.

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
    categories : ndarray or None
        All categories, sorted, where the one noised feature is categorical.
    """

    columns: np.ndarray
    names: np.ndarray
    scale: np.ndarray
    low: np.ndarray
    high: np.ndarray
    categories: np.ndarray | None = None

    @classmethod
    def from_data(
        cls,
        X: Rows,
        noise_features: Any,
        noise_scale: Any,
        names: Sequence[str],
        table: bool = True,
        weight: np.ndarray | None = None,
    ) -> Noise:
        """Learn the law from checked training rows; warn of choices surely not meant.

        With ``table=False`` the columns are the entries of images or the like. A row of weight 2
        counts as two rows, one of weight 0 as none.
        """
        columns = resolve_columns(noise_features, X)
        if noise_features is None:
            _warn_of_numbers_as_objects(X, names)
        if not is_numeric(X, int(columns[0])):
            return cls._of_category(X, columns, noise_scale, names)
        values = noised_values(X, columns)
        check_finite(values, [names[j] for j in columns])
        if weight is not None:
            values, weight = values[weight > 0], weight[weight > 0]
        scale = resolve_scale(noise_scale, values, columns, names, weight)
        order = np.argsort(columns)
        columns, scale, values = columns[order], scale[order], values[:, order]
        constant = scale == 0
        if constant.all():
            raise ValueError(
                f"Every noised feature is constant in the {len(values)} sample(s) of X "
                f"(n_samples={len(values)}): there is no standard deviation to scale the noise "
                "with. Give noise_scale=None, an array or a mapping, or more rows."
            )
        if constant.any():
            dropped = [names[j] for j in columns[constant]]
            shown = str(dropped[:5]) + (f" and {len(dropped) - 5} more" if dropped[5:] else "")
            warn_user(
                f"The feature(s) {shown} are constant in the training data: they get no noise, "
                "and every certificate holds with them fixed. Leave them out of noise_features, "
                "or give their noise_scale."
            )
            columns, scale, values = columns[~constant], scale[~constant], values[:, ~constant]
        if (values == values[:1]).all():
            warn_user(
                f"No noised feature has more than one value in the {len(values)} sample(s) of X: "
                "exact methods read a model, and report radii, within the range of X. Add rows at "
                "the ends of the range, or use method='monte_carlo'."
            )
        binary = [
            names[j]
            for j, v in zip(columns, values.T, strict=True)
            if table and len(v) > 2 and ((v == v.min()) ^ (v == v.max())).all()
        ]
        if binary:
            warn_user(
                f"The feature(s) {binary} hold only two values, as one-hot columns do, and "
                "Gaussian noise is added to them: a radius then speaks of values that do not "
                "exist. Leave them out of noise_features, or encode inside the wrapped estimator."
            )
        values = values.astype(np.float64, copy=False)
        return cls(
            columns,
            np.asarray([str(names[j]) for j in columns]),
            scale,
            values.min(axis=0),
            values.max(axis=0),
        )

    @classmethod
    def _of_category(
        cls, X: Rows, columns: np.ndarray, noise_scale: Any, names: Sequence[str]
    ) -> Noise:
        name, values = names[columns[0]], column_values(X, int(columns[0]))
        if not (noise_scale is None or (isinstance(noise_scale, str) and noise_scale == "std")):
            raise ValueError(
                f"noise_scale={noise_scale!r} is not allowed for the categorical feature {name!r}: "
                "sigma is the probability that the category is drawn anew. Leave noise_scale at "
                "its default."
            )
        one, zero = np.ones(1), np.zeros(1)
        found = cls(columns, np.asarray([str(name)]), one, zero, zero, np.empty(0))
        found._check_categories(values)
        try:
            categories = np.asarray(sorted(set(values.tolist())), dtype=values.dtype)
        except TypeError:
            raise TypeError(
                f"The noised feature {name!r} has categories of several types: convert them to "
                "text."
            ) from None
        if len(categories) > _MANY and all(_is_number(category) for category in categories):
            warn_user(
                f"The noised feature {name!r} holds {len(categories)} different numbers as text, "
                "and is taken for a category: sigma is then the probability that it is drawn anew. "
                "If they are numbers, convert the column with astype(float)."
            )
        if len(categories) < 2:
            raise ValueError(
                f"The noised feature {name!r} has one category only, {categories.tolist()}: there "
                "is nothing to hide."
            )
        return replace(found, categories=categories)

    def check_levels(self, sigmas: Sequence[float]) -> None:
        """Refuse noise levels that the law does not have."""
        if self.categories is not None and max(sigmas) > 1:
            raise ValueError(
                f"sigma={max(sigmas):g} is not allowed for a categorical noised feature: there it "
                "is the probability that the category is drawn anew, at most 1."
            )

    def _check_categories(self, values: np.ndarray) -> None:
        if missing(values).any():
            raise ValueError(
                f"Input X contains missing values in the noised categorical feature "
                f"{str(self.names[0])!r}: fill them in before, with a category of their own."
            )

    def farthest(self, sigma: float) -> float:
        """Diameter of the training rows' box in noise units.

        An exact radius may be infinite (a model that ignores the noised features); none is
        reported beyond this.
        """
        return float(np.linalg.norm((self.high - self.low) / self.scale)) / sigma

    def draw(self, entropy: int | Sequence[int], start: int, stop: int) -> np.ndarray:
        """Standard normal draws number `start` to `stop` of the bank that `entropy` stands for.

        Draw ``i`` is a function of ``(entropy, i)`` alone: any chunking gives the same bank, and
        no process has to hold or send it.

        Parameters
        ----------
        entropy : int or sequence of int
            The seed.
        start, stop : int
            Numbers of draws; a `start` that is a multiple of `block` wastes none.

        Returns
        -------
        draws : ndarray of shape (stop - start, n_noised), float64
        """
        width, size = len(self.columns), self.block
        out = np.empty((stop - start, width))
        for number in range(start // size, -(-stop // size)):
            rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(number,)))
            first = number * size - start
            if first < 0:
                rng.standard_normal((-first, width))  # those before `start`
            rng.standard_normal(out=out[max(first, 0) : max(first + size, 0)])
        return out

    def draw_own(self, draws: Draws, n_rows: int, most: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Standard normal draws of each row's own, at most about `most` at a time.

        A row's draws are a function of seed and number of the row alone: rows come in blocks that
        share a generator, or, where votes are many, each has one.

        Parameters
        ----------
        draws : Draws
            Seed, number of votes, and number of the first row.
        n_rows : int
            Number of rows.
        most : int
            Draws at a time.

        Yields
        ------
        rows : slice
            Of the `n_rows`.
        own : ndarray of shape (len(rows), some of the votes, n_noised)
        """
        first, votes, width = draws.row or 0, len(draws), len(self.columns)
        size = max(1, self.block // votes)
        for number in range(first // size, -(-(first + n_rows) // size)):
            rng = np.random.default_rng(np.random.SeedSequence(draws.entropy, spawn_key=(number,)))
            begin, end = max(number * size, first), min((number + 1) * size, first + n_rows)
            if size == 1:
                for some in gen_batches(votes, max(1, min(most, self.block))):
                    own = rng.standard_normal((1, some.stop - some.start, width))
                    yield slice(begin - first, end - first), own
                continue
            block = rng.standard_normal((end - number * size, votes, width))[begin - end :]
            for rows in gen_batches(end - begin, max(1, most // votes)):
                for some in gen_batches(votes, most):
                    here = slice(begin - first + rows.start, begin - first + rows.stop)
                    yield here, block[rows, some]

    def probes(self) -> np.ndarray:
        """Offsets to try an engine on: shape (24, n_noised)."""
        return probes(self.scale)

    @property
    def block(self) -> int:
        """Draws that come from one generator."""
        return max(1, _BLOCK_ELEMENTS // len(self.columns))

    def values(self, X: Rows) -> np.ndarray:
        """The noised features of `X`: shape (n_samples, n_noised)."""
        if self.categories is not None:
            return column_values(X, int(self.columns[0])).reshape(-1, 1)
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
        if self.categories is not None:
            self._check_categories(values[:, 0])
            return values
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

        Parameters
        ----------
        X : ndarray or frame of shape (n_rows, n_features)
            The rows.
        values : ndarray of shape (n_rows, n_noised)
            Their noised features.
        offsets : ndarray of shape (n_offsets, n_noised) or (n_rows, n_offsets, n_noised)
            Noise in each feature's own unit, the same for all rows or each row's own.

        Returns
        -------
        copies : same kind as `X`, of n_rows * n_offsets rows
            The copies of row 0 first.
        """
        n_rows, n_offsets = len(values), offsets.shape[-2]
        # The sum is formed in the precision of the row, which is also what the model was fitted on.
        offsets = offsets.astype(values.dtype, copy=False)
        shifted = (values[:, None, :] + offsets).reshape(n_rows * n_offsets, -1)
        return replace_columns(X, self.columns, shifted, n_offsets)


def probes(scale: np.ndarray) -> np.ndarray:
    """Offsets to try a reading on: near, at the scale and far beyond, each to both sides.

    Whatever the noise level: a rule of the model's own may be far away. Shape (24, n_noised).
    """
    draws = np.random.default_rng(0).standard_normal((12, len(scale))) * scale
    draws *= np.tile([0.1, 1.0, 10.0, 100.0], 3)[:, None]
    return np.concatenate([draws, -draws])


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
