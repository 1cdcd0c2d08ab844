"""Certificate: what is certified of each row, and its readings in units that people know."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd

from sklearn_rp.answers import in_columns
from sklearn_rp.bounds import majority_share, soft_majority_share
from sklearn_rp.law import Gaussian
from sklearn_rp.selection import find_noised
from sklearn_rp.votes import needed_votes

_TABLE = ("label", "radius", "abstained", "p_lower", "p_upper", "n_samples")
_PER_ROW = (*_TABLE, "values", "reach", "index")


@dataclass(frozen=True, eq=False, repr=False)
class Certificate:
    """One record per row: the released label and how far the row may move without changing it.

    The smoothed classifier gives `label` for every row within `radius` of the certified one, the
    distance being Euclidean in scaled units over the noised features (`feature_names`), all other
    features fixed. With ``alpha > 0`` this holds for each row with probability ``1 - alpha``
    over the draws of the noise.

    A certificate is for whoever owns the row: radius and interval are computed from the row and
    tell about it. Publish the label, not the certificate.

    Parameters
    ----------
    label : ndarray of shape (n_rows,), or (n_rows, n_recommended) of lists
        With the most votes, certified or not; of a regressor the cell that holds the median.
    radius : ndarray of shape (n_rows,)
        Certified radius in scaled units (``sigma * r``, the paper's R); 0 where abstained.
    abstained : ndarray of bool of shape (n_rows,)
        Whether nothing is certified.
    p_lower, p_upper : ndarray of shape (n_rows,)
        Bounds of the smoothed probability of `label` (from below) and of the runner-up (from
        above); of a regressor, of being on the right side of the edge of the cell that is more in
        doubt, and of its complement; of a linear model of several classes, or items, the chance of
        not changing places with the nearest rival, and of doing so; NaN where none is bounded.
    n_samples : ndarray of int of shape (n_rows,)
        Votes behind each row; 0 where the method is exact.
    sigma : float
        Noise level, in units of `scale`.
    alpha : float
        Failure probability of each row's statement; 0.0 for exact methods.
    method : str
        How the smoothed probabilities were found.
    feature_names : ndarray of str of shape (n_noised,)
        The noised features.
    scale : ndarray of shape (n_noised,)
        Their scales, each in the feature's own unit.
    feature_indices : ndarray of int of shape (n_noised,)
        Their positions in X.
    values : ndarray of shape (n_rows, n_noised)
        Their values in the certified rows.
    reach : ndarray of shape (n_rows, 2) or None
        Where an exact method knows it, for one noised feature: how far it can move down and up, in
        scaled units; `radius` is the smaller of the two.
    voting : {"hard", "soft", "median"}
        What was counted: labels, probabilities, or numbers on either side of the released cell's
        edges.
    n_classes : int
        Number of classes.
    min_radius : float or None
        Where the classifier has a `fallback`: `label` is released only above this radius. None: it
        is always released.
    index : pandas.Index or None
        Labels of the rows, where they came in a pandas frame; not part of the JSON.
    ordered : bool
        Of lists of items: whether their order is certified, too.

    Examples
    --------
    >>> from sklearn_rp import RobustPrivacyClassifier
    >>> from sklearn_rp.datasets import load_recommendation
    >>> X, y = load_recommendation(return_X_y=True, as_frame=True)
    >>> clf = RobustPrivacyClassifier(sigma=0.5, noise_features=["bmi"], random_state=0)
    >>> cert = clf.fit(X, y).certify(X.head(3))
    >>> cert.half_width("bmi").shape  # kg/m2
    (3,)
    >>> len(cert[~cert.abstained]) <= 3
    True
    """

    label: np.ndarray
    radius: np.ndarray
    abstained: np.ndarray
    p_lower: np.ndarray
    p_upper: np.ndarray
    n_samples: np.ndarray
    sigma: float
    alpha: float
    method: str
    feature_names: np.ndarray
    scale: np.ndarray
    feature_indices: np.ndarray
    values: np.ndarray
    reach: np.ndarray | None = None
    voting: str = "hard"
    n_classes: int = 2
    min_radius: float | None = None
    index: Any = None
    ordered: bool = False

    def name_of(self, feature: str | int) -> str:
        """Name of a noised feature.

        Parameters
        ----------
        feature : str or int
            Its name, or its position in X.

        Returns
        -------
        name : str

        Raises
        ------
        ValueError
            If the feature is not a noised one.
        """
        return str(self.feature_names[self._place(feature)])

    def half_width(self, feature: str | int) -> np.ndarray:
        """How far one feature alone can move, in its own unit (kg/m2, years).

        Parameters
        ----------
        feature : str or int
            Name of a noised feature, or its position in X.

        Returns
        -------
        half_width : ndarray of shape (n_rows,)
            ``radius * scale[feature]``; 0 where abstained.

        Raises
        ------
        ValueError
            If the feature is not a noised one (certificates hold with it fixed), or categorical.
        """
        return self.radius * _scale_of(self, feature)

    def interval(self, feature: str | int) -> tuple[np.ndarray, np.ndarray]:
        """Values of one feature that are certified to get the same label, all else fixed.

        The interval is centred on the row's own value: it is for the owner of the row, not for
        publication.

        Parameters
        ----------
        feature : str or int
            As of `half_width`.

        Returns
        -------
        low, high : ndarray of shape (n_rows,)
            Ends of the open interval, in the feature's own unit; it may reach beyond the values
            that are possible.
        """
        scale = _scale_of(self, feature)
        centre = self.values[:, self._place(feature)].astype(np.float64)
        reach = np.stack([self.radius] * 2, axis=1) if self.reach is None else self.reach
        return centre - scale * reach[:, 0], centre + scale * reach[:, 1]

    def at(self, radius: float, *, feature: str | int | None = None) -> np.ndarray:
        """Rows certified to at least a radius.

        Parameters
        ----------
        radius : float
            Not negative; in scaled units, or in the unit of `feature`.
        feature : str or int, default=None
            Name of a noised feature, or its position in X: the rows whose half-width of this
            feature is at least `radius` (a BMI hidden to 3 kg/m2 either way).

        Returns
        -------
        certified : ndarray of bool of shape (n_rows,)
        """
        if not radius >= 0:
            raise ValueError(f"radius={radius!r} is not allowed: it must not be negative.")
        certified = self.radius if feature is None else self.half_width(feature)
        return ~self.abstained & (certified >= radius)

    def release_radius(
        self, n_votes: Any = None, beta: float = 0.001, *, rule: str | None = None
    ) -> np.ndarray:
        """Radius within which the *sampled* release, not the smoothed classifier, is the label.

        What is published is the top of `n_votes` votes. Near the edge of the certified ball that
        is almost a coin toss; within this smaller radius it is `label` with probability at least
        ``1 - beta``, so that two rows in it give releases that differ by at most `beta` in total
        variation. It grows with `n_votes` up to `radius`.

        Parameters
        ----------
        n_votes : int or ndarray of shape (n_rows,), default=None
            Votes behind a release; None: as many as behind the certificate.
        beta : float, default=0.001
            Probability that the release is another one.
        rule : {"majority", "abstain"}, default=None
            "majority": the top label is released. "abstain": only where its own certificate, at
            this `alpha`, exceeds `min_radius`, as with a `fallback`; hard votes. None: as the
            certified classifier does.

        Returns
        -------
        radius : ndarray of shape (n_rows,)
            In scaled units; 0 where nothing is promised. Of an exact method: `radius`, as its
            release is the smoothed classifier; what is beyond `min_radius`, with a fallback.

        Raises
        ------
        ValueError
            If a parameter is not allowed; of lists by votes.

        Notes
        -----
        ``sigma * (Phi^-1(p_lower) - Phi^-1(q))``, where q is the share with which `n_votes` votes
        are enough with probability ``1 - beta``. Within this radius an adversary's advantage is at
        most `release_advantage`.
        """
        if rule is None:
            rule = "majority" if self.min_radius is None else "abstain"
        if rule not in ("majority", "abstain"):
            raise ValueError(f"rule={rule!r} is not allowed: 'majority' or 'abstain'.")
        if not 0 < beta < 1:
            raise ValueError(f"beta={beta!r} is not allowed: a number between 0 and 1.")
        if self.alpha == 0:
            least = (self.min_radius or 0.0) * (rule == "abstain")
            return np.maximum(self.radius - least, 0.0)
        if self.label.ndim > 1:
            raise ValueError("release_radius is not known of lists by votes: use `radius`.")
        n = self.n_samples if n_votes is None else np.asarray(n_votes)
        if n.dtype.kind not in "iu" or not (n >= 1).all():
            raise ValueError(f"n_votes={n_votes!r} is not allowed: whole numbers, at least 1.")
        share = _needed_share(self, n, beta, rule)
        radius = np.minimum(self.sigma * Gaussian.distance(self.p_lower, share), self.radius)
        return np.where(self.abstained, 0.0, np.maximum(radius, 0.0))

    def release_advantage(self, beta: float = 0.001) -> float:
        """By how much an adversary beats a coin in telling two rows within `release_radius` apart.

        Parameters
        ----------
        beta : float, default=0.001
            As in `release_radius`.

        Returns
        -------
        advantage : float
            ``beta / 2 + alpha``, the second part for certificates that fail; 0 if exact.
        """
        return beta / 2 + self.alpha if self.alpha else 0.0

    def to_frame(self, features: str | int | Sequence[str | int] = ()) -> pd.DataFrame:
        """Table with one line per row.

        Parameters
        ----------
        features : str, int or sequence of them, default=()
            Noised features for which the half-width is added, as ``half_width_<name>``.

        Returns
        -------
        frame : pandas.DataFrame
            Columns as the attributes, ``label`` (of lists ``label_1``, ``label_2``, ...) to
            ``n_samples``, and the half-widths; with the index of the certified rows.
        """
        columns = in_columns("label", self.label)
        columns |= {name: getattr(self, name) for name in _TABLE[1:]}
        for feature in [features] if isinstance(features, str | int) else features:
            columns[f"half_width_{self.name_of(feature)}"] = self.half_width(feature)
        return pd.DataFrame(columns, index=self.index)

    def to_json(self) -> str:
        """Text from which `from_json` restores the certificate without loss.

        Returns
        -------
        text : str
        """
        record: dict[str, Any] = {}
        for field in fields(self):
            if field.name == "index":
                continue
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value = np.asarray(value.tolist()) if value.dtype.kind == "T" else value
                record[field.name] = {
                    "dtype": value.dtype.str,
                    "shape": value.shape,
                    "data": value.ravel().tolist(),
                }
            else:
                record[field.name] = value
        return json.dumps(record)

    @classmethod
    def from_json(cls, text: str) -> Certificate:
        """Certificate written by `to_json`.

        Parameters
        ----------
        text : str
            What `to_json` returned.

        Returns
        -------
        certificate : Certificate

        Raises
        ------
        ValueError
            If the text is something else.
        """
        try:
            record = json.loads(text)
            arguments = {}
            for name, value in record.items():
                if isinstance(value, dict):
                    data = np.asarray(value["data"], dtype=np.dtype(value["dtype"]))
                    value = data.reshape(value["shape"])
                arguments[name] = value
            return cls(**arguments)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"The text is no certificate written by Certificate.to_json: {error}"
            ) from error

    def __len__(self) -> int:
        return len(self.radius)

    def __getitem__(self, rows: Any) -> Certificate:
        if isinstance(rows, int | np.integer) and not isinstance(rows, bool | np.bool_):
            if not -len(self) <= rows < len(self):  # also ends iteration
                raise IndexError(f"row {rows} of a certificate of {len(self)} rows")
            rows = [rows]
        if isinstance(rows, str):
            raise TypeError(f"A certificate is sliced by rows; its fields are attributes: .{rows}")
        chosen: dict[str, Any] = {name: getattr(self, name) for name in _PER_ROW}
        chosen = {name: v if v is None else v[rows] for name, v in chosen.items()}
        return replace(self, **chosen)

    def __repr__(self) -> str:
        return "\n".join(_told(self))

    def _repr_html_(self) -> str:
        """A summary and the first rows, for notebooks."""
        head = html.escape(repr(self))
        return f"<pre>{head}</pre>{self[:10].to_frame().to_html(float_format='{:.4g}'.format)}"

    def _place(self, feature: str | int) -> int:
        """Place of a feature among the noised ones."""
        return find_noised(feature, self.feature_indices, self.feature_names)


def _scale_of(cert: Certificate, feature: str | int) -> float:
    position = find_noised(feature, cert.feature_indices, cert.feature_names)
    if cert.values.dtype.kind not in "iuf":
        raise ValueError(
            f"feature={feature!r} is categorical and has no width: its radius says whether "
            "every category gets the same label."
        )
    return float(cert.scale[position])


def _told(cert: Certificate) -> list[str]:
    """Lines that say what is certified."""
    confidence = "certain" if cert.alpha == 0 else f"alpha={cert.alpha:g}"
    lines = [
        f"Certificate of {len(cert)} row(s): {cert.method}, sigma={cert.sigma:g}, {confidence}"
    ]
    if len(cert):
        lines.append(f"  certified  {1 - cert.abstained.mean():.1%}")
        fewest, most = int(cert.n_samples.min()), int(cert.n_samples.max())
        if fewest < most:
            lines.append(
                f"  votes      {fewest} to {most}: they stopped when the question was "
                "answered, see `at`; all votes may certify more"
            )
        if cert.min_radius is not None:
            above = int((cert.radius > cert.min_radius).sum())
            lines.append(
                f"  released   {above} of {len(cert)} labels, with a radius above "
                f"{cert.min_radius:g}; for the others the fallback"
            )
        if cert.values.dtype.kind != "f":
            name = str(cert.feature_names[0])
            lines.append(f"  noised     {name!r}, a category: certified is certified for all")
            return lines
        radius = np.quantile(cert.radius, [0, 0.05, 0.5, 0.95])
        lines.append(
            "  radius     median {2:.3g}, 5 % to 95 %: {1:.3g} to {3:.3g}, smallest {0:.3g} "
            "(scaled units)".format(*radius)
        )
        shown = 4
        for name, scale in zip(cert.feature_names[:shown], cert.scale, strict=False):
            half = np.median(cert.radius) * scale
            lines.append(
                f"  half-width {half:.4g} in median for {str(name)!r} alone (its own unit)"
            )
        if len(cert.feature_names) > shown:
            lines.append(f"  ... and {len(cert.feature_names) - shown} more noised features")
    return lines


def _needed_share(cert: Certificate, n: np.ndarray, beta: float, rule: str) -> np.ndarray:
    """Vote share with which a label is released with probability 1 - `beta`."""
    if cert.voting == "median":  # two edges, each with a majority of its own
        beta = beta / 2
    if rule == "abstain":
        if cert.voting == "soft":
            raise ValueError("rule='abstain' needs hard votes: this certificate counted soft.")
        sizes, where = np.unique(n, return_inverse=True)
        asked = cert.n_classes, cert.min_radius or 0.0, cert.sigma
        counts = [needed_votes(int(m), cert.alpha, *asked, voting=cert.voting) for m in sizes]
        return majority_share(n, beta, np.asarray(counts)[where].reshape(n.shape))
    if cert.voting == "soft":
        return soft_majority_share(n, beta)
    return majority_share(n, beta, n // 2 + 1)


def concatenate(parts: Sequence[Certificate]) -> Certificate:
    """Certificates of consecutive rows as one."""
    if len(parts) == 1:
        return parts[0]
    together: dict[str, Any] = {
        name: None
        if getattr(parts[0], name) is None
        else np.concatenate([getattr(part, name) for part in parts])
        for name in _PER_ROW[:-1]
    }
    index = parts[0].index
    if index is not None:
        index = index.append([part.index for part in parts[1:]])
    return replace(parts[0], **together, index=index)
