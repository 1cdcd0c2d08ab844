"""What a fitted model does, tried on some rows: at random, by a threshold, far from the data."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import joblib
import numpy as np
from sklearn.utils import gen_batches, get_tags

from sklearn_rp.bounds import two_largest
from sklearn_rp.exceptions import warn_user
from sklearn_rp.models.inside import behind_steps, is_pipeline, last_step, unwrapped
from sklearn_rp.models.items import ItemScores, gives_lists, lists_of
from sklearn_rp.models.labels import (
    gives_numbers,
    in_labels,
    labels_of,
    numbers_of,
    probabilities_of,
    wavering,
)
from sklearn_rp.noise import CategoryNoise, Noise
from sklearn_rp.rows import (
    Rows,
    missing,
    replace_columns,
    rows_with_gaps,
    sample_positions,
    sample_rows,
    take_rows,
)
from sklearn_rp.wrapper import Wrapper


def is_random(estimator: Any, X: Rows) -> bool:
    """Whether a fitted classifier answers at random: by what is known of it, or seen on some rows.

    Some rows of `X` are asked about twice, some of those with gaps among them: few of them more
    often, as two draws may well give one label.
    """
    parts = [last_step(estimator)]
    if hasattr(estimator, "get_params"):
        parts += estimator.get_params(deep=True).values()
    if any(_releases_at_random(part) for part in parts):
        return True
    gaps = rows_with_gaps(X)
    often = np.resize(gaps, max(len(gaps), _TRIED)) if len(gaps) else gaps
    return _wavers(estimator, sample_rows(X)) or bool(
        len(gaps) and _wavers(estimator, sample_rows(take_rows(X, often)))
    )


def _releases_at_random(part: Any) -> bool:
    """Whether a part is known to, as it was fitted; by its parameters where it was not."""
    release = getattr(part, "release_", None)
    if release is not None:
        return bool(release.is_random)
    return isinstance(part, Wrapper) and bool(get_tags(part).non_deterministic)


def _wavers(estimator: Any, rows: Rows) -> bool:
    """Whether the model inside a release gives the same rows different answers."""
    inner = unwrapped(estimator)
    if isinstance(inner, Wrapper):  # fixed noise, and slower to ask
        return _wavers(inner.estimator_, rows)
    if is_pipeline(inner) and isinstance(last_step(inner), Wrapper):
        given = [behind_steps(inner, deepcopy(rows)) for _ in range(2)]
        return joblib.hash(given[0]) != joblib.hash(given[1]) or _wavers(inner[-1], given[0])
    if isinstance(inner, ItemScores):
        scores, again = (inner.predict(deepcopy(rows)) for _ in range(2))
        return not np.allclose(scores, again, rtol=1e-9, atol=1e-12)
    if gives_lists(inner):
        return not np.array_equal(lists_of(inner, deepcopy(rows)), lists_of(inner, deepcopy(rows)))
    if gives_numbers(inner):
        numbers, again = (numbers_of(inner, deepcopy(rows)) for _ in range(2))
        few = wavering(inner, rows, numbers)
        return bool((np.abs(numbers - again) > few).any())
    first, second = (labels_of(inner, deepcopy(rows)) for _ in range(2))
    both_none = missing(first) & missing(second)  # NaN is no other answer than NaN
    return bool(((first != second) & ~both_none).any())


def depends_on_company(model: Any, X: Rows) -> bool:
    """Whether the last bits of a model's answer to a row depend on what it is asked with.

    So it is where a matrix product is computed in blocks. Some rows are asked in batches of several
    sizes.
    """
    rows = sample_rows(X, _TRIED_TOGETHER)
    n_rows = rows.shape[0]
    many = take_rows(rows, np.resize(np.arange(n_rows), 8 * n_rows))

    def ask(X: Rows) -> np.ndarray:
        answer = "predict_proba" if hasattr(model, "predict_proba") else "predict"
        return np.asarray(getattr(model, answer)(deepcopy(X)))

    whole = ask(many)[:n_rows]
    if whole.dtype.kind != "f":
        return False
    for size in (1, 5, n_rows):
        asked = slice(0, min(n_rows, 16 * size))
        parts = [ask(take_rows(rows, some)) for some in gen_batches(asked.stop, size)]
        if not np.array_equal(np.concatenate(parts), whole[asked], equal_nan=True):
            return True
    return False


def refuse_random(estimator: Any, X: Rows) -> None:
    """Refuse a fitted model that answers at random: it has no compatible sets."""
    if is_random(estimator, X):
        raise ValueError(
            f"{type(estimator).__name__} releases at random (resample=True, or another answer "
            "to the same rows): every value is compatible with every label, with some "
            "probability. Use resample=False for compatible sets."
        )


def has_threshold(estimator: Any, X: Rows) -> bool:
    """Whether a fitted classifier's labels are not those of its largest probabilities.

    So it is where it has a threshold of its own. A few rows may differ in any case: probabilities
    of support vector machines are fitted apart from their labels.
    """
    if not hasattr(estimator, "classes_"):
        return False
    rows = sample_rows(X, 200)
    proba = probabilities_of(estimator, deepcopy(rows))
    top = np.asarray(in_labels(estimator).classes_)[proba.argmax(axis=1)]
    first, second = two_largest(proba)
    clear = first - second > 1e-6
    return bool(np.mean((top != labels_of(estimator, rows)) & clear) > 0.05)


def check_method(model: Any, X: Rows, method: Any, voting: str, resample: bool) -> Any:
    """`method`, or votes where a fitted classifier answers at random; warns of what is lost.

    Raises
    ------
    ValueError
        If an exact method is asked for, and the model answers at random.
    """
    name = type(model).__name__
    if is_random(model, X):
        if method == "exact":
            raise ValueError(
                f"method='exact' is not allowed: {name} gives the same rows different answers, so "
                "that no certificate is certain. Use method='monte_carlo', or a model that is a "
                "function of the row."
            )
        if not resample:
            warn_user(
                f"{name} gives the same rows different answers: votes are counted, and the release "
                "is random although resample=False."
            )
        method = "monte_carlo"
    if voting == "soft" and has_threshold(model, X):
        warn_user(
            f"{name} has a threshold of its own: its labels are not those of its largest "
            "probabilities, which voting='soft' smooths. Use voting='hard' to keep it."
        )
    return method


_TRIED_TOGETHER = 40  # rows, asked in batches of several sizes
_TRIED = 20  # rows that noise is tried on as they come
_TRIED_FEATURES = 50  # whose smallest and largest values are tried as well, with the farthest noise


def check_noise(
    estimator: Any,
    ask: Callable[[Rows], Any],
    X: Rows,
    noise: Noise,
    sigma: float,
    draws: np.ndarray,
) -> None:
    """Refuse noise that takes rows to where a fitted classifier has no answer.

    What it is asked, `ask`, are labels or probabilities; of a Pipeline, `estimator`, the error
    names the step. Some training rows are tried, with some of the standard normal `draws`, shape
    (n_draws, n_noised), which are not used for categories.

    Raises
    ------
    ValueError
        If an answer is an error or not a number, though the rows themselves have one. It names the
        features.
    """
    rows, noisy = _noisy_values(X, noise, sigma, draws)
    chosen = take_rows(X, rows)
    clean = noise.values(chosen)

    def failure(values: np.ndarray) -> Exception | None:
        return _failure(ask, replace_columns(chosen, noise.columns, values, 1))

    error = failure(noisy)
    if error is None or failure(clean) is not None:  # what the rows lack is not for the noise
        return
    alone = [
        name
        for j, name in enumerate(noise.names.tolist())
        if failure(np.where(np.arange(clean.shape[1]) == j, noisy, clean)) is not None
    ]
    shown = str((alone or noise.names.tolist())[:5]) + (" ..." if len(alone) > 5 else "")
    given = replace_columns(chosen, noise.columns, clean, 1)
    step, reason = _step_of(
        estimator, given, replace_columns(chosen, noise.columns, noisy, 1), error
    )
    raise ValueError(
        f"Noise on {shown} at sigma={sigma:g} leads to rows that {step} has no answer for "
        f"({_in_short(reason)}). Leave it out of noise_features; or, if it is a code and no "
        "quantity, make it a category with astype(str); or use a smaller sigma, or a model that "
        "takes every number."
    ) from error


def _noisy_values(
    X: Rows, noise: Noise, sigma: float, draws: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of some rows, and noisy values of theirs; every category where those are noised."""
    some = sample_positions(X, _TRIED)
    if isinstance(noise, CategoryNoise):
        known = noise.feature.categories
        return np.resize(some, len(known)), known[:, None]
    values = noise.values(X)
    far = np.arange(values.shape[1])[:_TRIED_FEATURES]
    rows = np.r_[some, values[:, far].argmin(axis=0), values[:, far].argmax(axis=0)]
    which = np.r_[
        np.arange(len(some)) % len(draws),
        draws[:, far].argmin(axis=0),
        draws[:, far].argmax(axis=0),
    ]
    offsets = sigma * noise.scale * draws[which]
    return rows, values[rows] + offsets.astype(values.dtype)


def _failure(ask: Callable[[Rows], Any], rows: Rows) -> Exception | None:
    """What is wrong with the answers to some rows, or None."""
    try:
        found = np.asarray(ask(rows))
    except Exception as error:  # a model may raise anything
        return error
    if found.dtype.kind in "fO" and missing(found).any():
        return ValueError("its answer is NaN")
    return None


def _step_of(estimator: Any, given: Rows, noisy: Rows, error: Exception) -> tuple[str, Exception]:
    """The step of a Pipeline that cannot take noisy rows, or leaves gaps in them; and why."""
    model = unwrapped(estimator)
    if not is_pipeline(model):
        return type(model).__name__, error
    for name, step in model.steps[:-1]:
        if step in (None, "passthrough"):
            continue
        try:
            given, noisy = step.transform(given), step.transform(noisy)
        except Exception as found:
            return f"the step {name!r}", found
        if _has_gaps(noisy) and not _has_gaps(given):
            return f"the step {name!r}", ValueError("it gives NaN or infinity")
    return f"the step {model.steps[-1][0]!r}", error


def _has_gaps(X: Any) -> bool:
    """Whether some numbers are not finite."""
    try:
        return not np.isfinite(np.asarray(X, dtype=np.float64)).all()
    except (TypeError, ValueError):  # sparse, or not of numbers
        return False


def _in_short(error: Exception) -> str:
    """Kind and first line of an error, which may list thousands of values."""
    first = (str(error).splitlines() or [""])[0]
    return textwrap.shorten(f"{type(error).__name__}: {first}", 160, placeholder=" ...")
