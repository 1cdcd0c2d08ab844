"""Model inversion from labels alone: what the model takes for a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_array, check_is_fitted

from sklearn_rp.attacks.walk import Walk
from sklearn_rp.models.labels import in_labels, labels_of
from sklearn_rp.release import release_of


@dataclass(frozen=True, eq=False, repr=False)
class InversionResult:
    """What a label-only inversion found, class by class.

    Parameters
    ----------
    targets : ndarray of shape (n_targets,)
        The classes attacked.
    reconstructions, starts : ndarray of shape (n_targets, ...)
        The inputs found, and the random inputs that the search started from; NaN where the model
        never answered the class.
    found : ndarray of bool of shape (n_targets,)
        Whether a start was found within the budget.
    success, start_success : dict of str to ndarray of bool of shape (n_targets,)
        For each evaluator, whether it takes the reconstruction (the start) for the class.
    n_queries, n_forward : ndarray of int of shape (n_targets,)
        Label queries spent, and forward passes of the model behind them.
    radius : ndarray of shape (n_targets,)
        Of the last sphere on which every label was the class, in latent units.
    n_resamples, random_state : int
        Of the bootstrap over targets.
    """

    targets: np.ndarray
    reconstructions: np.ndarray
    starts: np.ndarray
    found: np.ndarray
    success: dict[str, np.ndarray]
    start_success: dict[str, np.ndarray]
    n_queries: np.ndarray
    n_forward: np.ndarray
    radius: np.ndarray
    n_resamples: int = 1000
    random_state: int = 0

    def to_frame(self) -> pd.DataFrame:
        """One line for each target.

        Returns
        -------
        frame : pandas.DataFrame
            Columns ``target``, ``found``, ``start_<evaluator>``, ``success_<evaluator>``,
            ``n_queries``, ``n_forward``, ``radius``.
        """
        columns: dict[str, Any] = {"target": self.targets, "found": self.found}
        columns |= {f"start_{name}": value for name, value in self.start_success.items()}
        columns |= {f"success_{name}": value for name, value in self.success.items()}
        return pd.DataFrame(
            columns
            | {"n_queries": self.n_queries, "n_forward": self.n_forward, "radius": self.radius}
        )

    def summary(self) -> pd.DataFrame:
        """Share of targets inverted, by evaluator, with 95 % intervals over targets.

        Returns
        -------
        table : pandas.DataFrame
            One line for each evaluator: ``start`` (before the search), ``success``,
            ``success_low``, ``success_high`` (bootstrap), ``n_queries`` (mean), ``n_forward``.
        """
        rng = np.random.default_rng(self.random_state)
        draws = rng.integers(len(self.targets), size=(self.n_resamples, len(self.targets)))
        lines = {}
        for name, hit in self.success.items():
            low, high = np.quantile(hit[draws].mean(axis=1), [0.025, 0.975])
            lines[name] = {
                "start": self.start_success[name].mean(),
                "success": hit.mean(),
                "success_low": low,
                "success_high": high,
                "n_queries": self.n_queries.mean(),
                "n_forward": self.n_forward.mean(),
            }
        return pd.DataFrame(lines).T

    def plot(
        self,
        X: Any,
        y: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        n_targets: int = 8,
        ax: Any = None,
    ) -> Any:
        """Reconstructions below real images of the same classes.

        Parameters
        ----------
        X : array-like of shape (n_rows, n_features)
            Real images.
        y : array-like of shape (n_rows,)
            Their classes.
        image_shape : (height, width), default=None
            Shape of an image; None: square.
        n_targets : int, default=8
            So many targets at most.
        ax : matplotlib Axes, default=None
            Where to draw; None: a figure of its own.

        Returns
        -------
        ax : matplotlib Axes
        """
        X, y = np.asarray(X, dtype=float).reshape(len(X), -1), np.asarray(y)
        side = int(np.sqrt(X.shape[1]))
        height, width = (side, side) if image_shape is None else image_shape
        shown = np.flatnonzero(np.isin(self.targets, y))[:n_targets]
        rows = [
            np.array([X[np.flatnonzero(y == self.targets[i])[0]] for i in shown]),
            self.reconstructions.reshape(len(self.targets), -1)[shown],
        ]
        canvas = np.full((2 * height + 2, len(shown) * (width + 2)), np.nan)
        for line, images in enumerate(rows):
            for place, image in enumerate(images):
                top, left = line * (height + 2), place * (width + 2)
                canvas[top : top + height, left : left + width] = image.reshape(height, width)
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots(figsize=(1.2 * len(shown) + 1, 3), layout="constrained")[1]
        ax.imshow(canvas, cmap="gray")
        ax.set_yticks([height / 2, 1.5 * height + 2], ["real", "found"])
        ax.set_xticks(
            np.arange(len(shown)) * (width + 2) + width / 2,
            [f"{self.targets[i]}\n" + ("" if self.found[i] else "(no start)") for i in shown],
        )
        ax.tick_params(length=0)
        for spine in ax.spines.values():
            spine.set_visible(False)
        return ax

    def __repr__(self) -> str:
        table = self.summary().round(3)
        return f"InversionResult on {len(self.targets)} targets\n{table.to_string()}"


class LabelOnlyInversionAttack:
    """Find inputs that a model takes for a class, from its labels alone (BREP-MI, [1]_).

    The adversary knows a prior over inputs, a decoder learnt from public data, and asks the model
    for labels. From a random input that gets the class, the search walks away from the class's
    border: it looks at a sphere of points around the current one, steps away from those with
    another label, and lets the sphere grow whenever all of it has the label. Every loop has a cap.

    Success says that an evaluator takes what was found for the class; how it looks beside the
    class's real members is for :meth:`InversionResult.plot` to show.

    Parameters
    ----------
    prior : object with ``inverse_transform``, default=None
        The decoder, fitted on public data: a PCA, or a torch generator in a
        :class:`~sklearn_rp.neural.Decoder`. None: a PCA with at most 40 components, fitted in
        `fit`.
    max_queries : int, default=5000
        Label queries for each target, at most.
    max_initial : int, default=4000
        Of these, random inputs tried in search of a start.
    n_points : int, default=16
        Points of the sphere.
    radius : float, default=2.0
        Of the first sphere, in latent units: standard deviations of the prior.
    growth : float, default=1.3
        Of the radius.
    n_iterations : int, default=80
        Spheres looked at, at most.
    clamp : float, default=1.5
        Latent coordinates are kept within this many standard deviations; None: not at all.
    queries_per_point : int, default=1
        More than 1: the attacker who repeats each query and takes the majority.
    on_abstention : {"label", "ignore"}, default="label"
        What the attacker makes of "no answer", the `fallback` of the model: another label, or
        nothing.
    random_state : int, RandomState instance or None, default=None
        Seed.

    References
    ----------
    .. [1] M. Kahla, S. Chen, H. A. Just, R. Jia, "Label-Only Model Inversion Attacks via Boundary
       Repulsion", CVPR 2022, arXiv 2203.01925.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_rp.attacks import LabelOnlyInversionAttack
    >>> X, y = load_digits(return_X_y=True)
    >>> private, public = y < 5, y >= 5
    >>> model = LogisticRegression(max_iter=50).fit(X[private][:400] / 16, y[private][:400])
    >>> judge = LogisticRegression(max_iter=50).fit(X[private][400:] / 16, y[private][400:])
    >>> attack = LabelOnlyInversionAttack(random_state=0).fit(X[public] / 16)
    >>> result = attack.run(model, targets=[0, 1, 2], evaluators=[judge])
    >>> result.reconstructions.shape
    (3, 64)
    """

    def __init__(
        self,
        prior: Any = None,
        *,
        max_queries: int = 5000,
        max_initial: int = 4000,
        n_points: int = 16,
        radius: float = 2.0,
        growth: float = 1.3,
        n_iterations: int = 80,
        clamp: float | None = 1.5,
        queries_per_point: int = 1,
        on_abstention: str = "label",
        random_state: Any = None,
    ):
        self.prior = prior
        self.max_queries = max_queries
        self.max_initial = max_initial
        self.n_points = n_points
        self.radius = radius
        self.growth = growth
        self.n_iterations = n_iterations
        self.clamp = clamp
        self.queries_per_point = queries_per_point
        self.on_abstention = on_abstention
        self.random_state = random_state

    def fit(self, X_public: Any, y: Any = None) -> LabelOnlyInversionAttack:
        """Fit the prior on public data.

        Parameters
        ----------
        X_public : array-like of shape (n_public, n_features)
            Inputs like those of the model, of other people.
        y : array-like, default=None
            Not used.

        Returns
        -------
        self : LabelOnlyInversionAttack
        """
        X_public = check_array(X_public)
        prior = PCA(min(40, *X_public.shape), random_state=0) if self.prior is None else self.prior
        self.prior_ = clone(prior).fit(X_public)
        return self

    def run(
        self, model: Any, *, targets: Sequence[Any] | None = None, evaluators: Any = ()
    ) -> InversionResult:
        """Attack a fitted classifier.

        Parameters
        ----------
        model : fitted classifier
            Anything with ``predict``.
        targets : sequence of labels, default=None
            Classes to invert; None: all that the model may answer, "no answer" aside.
        evaluators : sequence of fitted classifiers, or mapping from name to one
            Independent judges of success, trained on other data than the model where possible.

        Returns
        -------
        result : InversionResult

        Raises
        ------
        ValueError, TypeError
            If a parameter is not allowed, or there is no fitted prior.
        """
        self._check()
        decode, n_latent = self._decoder()
        release = release_of(model)
        no_answer = getattr(release, "fallback", None)
        if targets is None:
            wanted = np.asarray(in_labels(model).classes_)
            wanted = wanted if no_answer is None else wanted[wanted != no_answer]
        else:
            wanted = np.asarray(targets)
        if not wanted.size or wanted.ndim != 1:
            raise ValueError(f"targets={targets!r} is not allowed: give one class at least.")
        judges = evaluators
        if not hasattr(evaluators, "items"):
            judges = {f"evaluator_{i}": judge for i, judge in enumerate(evaluators)}
        search = Walk(self, in_labels(model), decode, n_latent, wanted, no_answer)
        search.start()
        starts = search.z.copy()
        search.walk()
        found = search.found
        images, first = decode(search.z), decode(starts)
        images[~found], first[~found] = np.nan, np.nan
        verdicts: list[dict[str, np.ndarray]] = []
        for inputs in (images, first):
            verdict = {}
            for name, judge in judges.items():
                hit = np.zeros(len(wanted), dtype=bool)
                if found.any():
                    hit[found] = labels_of(judge, inputs[found]) == wanted[found]
                verdict[name] = hit
            verdicts.append(verdict)
        return InversionResult(
            wanted, images, first, found, verdicts[0], verdicts[1], search.spent,
            search.spent * votes_per_query(model), search.reached,
        )  # fmt: skip

    def _check(self) -> None:
        whole = ("max_queries", "max_initial", "n_points", "n_iterations", "queries_per_point")
        for name in whole:
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}={value!r} is not allowed: a whole number, at least 1.")
        for name, least in (("radius", 0), ("growth", 1), ("clamp", 0)):
            value = getattr(self, name)
            if name == "clamp" and value is None:
                continue
            if not isinstance(value, Real) or not least < float(value) < np.inf:
                raise ValueError(f"{name}={value!r} is not allowed: a number above {least}.")
        if self.on_abstention not in ("label", "ignore"):
            raise ValueError(
                f"on_abstention={self.on_abstention!r} is not allowed: 'label' or 'ignore'."
            )

    def _decoder(self) -> tuple[Any, int]:
        """Inputs from latent points in standard units, and the number of latent coordinates."""
        prior = getattr(self, "prior_", self.prior)
        if not hasattr(prior, "inverse_transform"):
            raise ValueError(
                f"prior={self.prior!r} is no decoder: give a fitted object with inverse_transform, "
                "such as a PCA, or call fit(X_public) before run."
            )
        if hasattr(prior, "fit"):
            check_is_fitted(prior)
        n_latent = getattr(prior, "n_components_", getattr(prior, "n_components", None))
        if not isinstance(n_latent, Integral):
            raise ValueError(f"prior={prior!r} does not tell its n_components.")
        variance = getattr(prior, "explained_variance_", None)
        white = variance is None or getattr(prior, "whiten", False)
        scale = np.ones(n_latent) if white else np.sqrt(np.asarray(variance))
        components = getattr(prior, "components_", None)
        kind = None if components is None else np.asarray(components).dtype

        def decode(z: np.ndarray) -> np.ndarray:
            return np.array(prior.inverse_transform(z * scale), dtype=kind)

        return decode, int(n_latent)


def votes_per_query(model: Any) -> int:
    """Forward passes of the base model behind one released label; 1 where nothing more is known."""
    n_votes = 1
    release = release_of(model)
    while getattr(release, "n_votes", None) is not None:
        n_votes *= max(1, release.n_votes)
        release = release_of(release.model)
    return n_votes
