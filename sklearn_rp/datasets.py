"""Data in which a recommendation depends on a sensitive attribute."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import get_data_home, load_diabetes
from sklearn.utils import Bunch, check_random_state

__all__ = ["fetch_medical_insurance", "load_recommendation", "make_recommendation"]


def __dir__() -> list[str]:
    return __all__


_DIABETES_NAMES = ["age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu"]

_RECOMMENDATION_DESCR = """\
Follow-up recommendation from the diabetes study
------------------------------------------------

442 patients of the diabetes study (Efron, Hastie, Johnstone, Tibshirani 2004, "Least Angle
Regression", Annals of Statistics 32), as scikit-learn ships it (``load_diabetes(scaled=False)``),
in raw units:

- age: years
- sex: "1" or "2" (the source codes two groups so, without naming them)
- bmi: body mass index, kg/m2 (the sensitive attribute)
- bp: average blood pressure, mm Hg
- tc, ldl, hdl: total cholesterol, low- and high-density lipoproteins, mg/dl
- tch: ratio of total cholesterol to HDL
- ltg: log of the triglycerides level
- glu: blood sugar level, mg/dl

The recommendation is "intensive follow-up" for patients whose disease progression one year after
baseline is above {threshold:g}, and "standard follow-up" for the others.
"""

_INSURANCE_URL = (
    "https://raw.githubusercontent.com/stedy/Machine-Learning-with-R-datasets/master/insurance.csv"
)
_INSURANCE_SHA256 = "505c1cbc2e63d0363bac59501563df2530aadf4cdb9cfee226f4ef32f5468281"
_INSURANCE_DESCR = """\
Medical Insurance Cost
----------------------

1 338 policy holders: age (years), sex, bmi (body mass index, kg/m2; the sensitive attribute),
children (number), smoker, region, and charges (US dollars a year). From B. Lantz, "Machine Learning
with R", by way of the repository stedy/Machine-Learning-with-R-datasets (insurance.csv).

The recommendation is "offered" for yearly charges above {threshold:.2f} dollars, "not offered" for
the others.
"""


def load_recommendation(
    *, threshold: float = 140.0, return_X_y: bool = False, as_frame: bool = False
) -> Any:
    """Load the diabetes study as a recommendation task; BMI is the sensitive attribute.

    Parameters
    ----------
    threshold : float, default=140.0
        Disease progression above which "intensive follow-up" is recommended; the default is close
        to the median.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.
    as_frame : bool, default=False
        Whether `data` is a DataFrame with a text column ``sex`` ("1" or "2"); else an array of
        floats.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        ``data``, ``target`` (text labels), ``feature_names``, ``sensitive_feature`` ("bmi"),
        ``progression`` (what the threshold was put on), ``frame`` and ``DESCR``.

    Examples
    --------
    >>> from sklearn_rp.datasets import load_recommendation
    >>> X, y = load_recommendation(return_X_y=True, as_frame=True)
    >>> X.shape, sorted(set(y))
    ((442, 10), ['intensive follow-up', 'standard follow-up'])
    """
    source = load_diabetes(scaled=False)
    progression = source.target
    target: Any = _labels(progression, threshold, "intensive follow-up", "standard follow-up")
    data: Any = source.data
    frame = None
    if as_frame:
        data = pd.DataFrame(data, columns=_DIABETES_NAMES)
        data["sex"] = data["sex"].astype(int).astype(str)
        target = pd.Series(target, name="recommendation")
        frame = data.assign(recommendation=target)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        feature_names=list(_DIABETES_NAMES),
        sensitive_feature="bmi",
        progression=progression,
        frame=frame,
        DESCR=_RECOMMENDATION_DESCR.format(threshold=threshold),
    )


def make_recommendation(
    n_samples: int = 500,
    n_features: int = 4,
    *,
    slope: float = 1.0,
    band: float | None = None,
    flip: float = 0.0,
    random_state: Any = None,
) -> Bunch:
    """Make a recommendation task whose boundary in the sensitive attribute is known.

    The features are independent standard normal numbers; the first is the sensitive attribute
    ``s``, the others are ``w``. Label 1 ("recommended") is given where
    ``boundary(w) < s`` and, with `band`, ``s <= boundary(w) + band``, the boundary being
    ``slope * mean(w)``. Hence, with noise on ``s`` alone, everything is known in closed form: the
    compatible set of a label, and, without `band`, the distance of a row to the boundary,
    which is the radius of the smoothed rule.

    Parameters
    ----------
    n_samples : int, default=500
        Rows.
    n_features : int, default=4
        Features, the sensitive one included; at least 2.
    slope : float, default=1.0
        How strongly the boundary depends on the other features.
    band : float, default=None
        Width of the stretch of ``s`` that is recommended; None: everything above the boundary.
    flip : float, default=0.0
        Share of labels that are flipped at random, in [0, 1).
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        ``data`` of shape (n_samples, n_features), ``target`` (0 or 1), ``feature_names``,
        ``sensitive_feature`` ("s"), ``boundary`` of shape (n_samples,), ``band``, and
        ``coef`` of shape (n_features,): without `band`, label 1 is where ``data @ coef > 0``.

    Examples
    --------
    >>> from sklearn_rp.datasets import make_recommendation
    >>> task = make_recommendation(100, random_state=0)
    >>> bool(((task.data[:, 0] > task.boundary) == task.target).all())
    True
    """
    if n_samples < 1:
        raise ValueError(f"n_samples={n_samples!r} is not allowed: at least 1 row is needed.")
    if n_features < 2:
        raise ValueError(
            f"n_features={n_features!r} is not allowed: at least 2 are needed, the sensitive one "
            "and another."
        )
    if band is not None and not band > 0:
        raise ValueError(f"band={band!r} is not allowed: give a positive width, or None.")
    if not 0 <= flip < 1:
        raise ValueError(f"flip={flip!r} is not allowed: it must be in [0, 1).")
    rng = check_random_state(random_state)
    data = rng.normal(size=(n_samples, n_features))
    coef = np.r_[1.0, np.full(n_features - 1, -slope / (n_features - 1))]
    boundary = -data[:, 1:] @ coef[1:]
    above = data[:, 0] - boundary
    target = ((above > 0) & (above <= (np.inf if band is None else band))).astype(int)
    flipped = rng.uniform(size=n_samples) < flip
    return Bunch(
        data=data,
        target=np.where(flipped, 1 - target, target),
        feature_names=["s"] + [f"w{j}" for j in range(1, n_features)],
        sensitive_feature="s",
        boundary=boundary,
        band=band,
        coef=coef,
    )


def fetch_medical_insurance(
    *,
    data_home: str | Path | None = None,
    threshold: float | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Any:
    """Fetch the Medical Insurance Cost data as a recommendation task; BMI is sensitive.

    The file is downloaded once, over https, checked against its SHA-256, and cached.

    Parameters
    ----------
    data_home : str or Path, default=None
        Folder of the cache; scikit-learn's (:func:`sklearn.datasets.get_data_home`) if None.
    threshold : float, default=None
        Yearly charges (US dollars) above which the label is "offered"; None: their median.
    download_if_missing : bool, default=True
        If False, raise an error instead of downloading.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        ``data`` (DataFrame: age, sex, bmi, children, smoker, region), ``target`` (Series),
        ``charges``, ``feature_names``, ``sensitive_feature`` ("bmi"), ``frame`` and ``DESCR``.

    Raises
    ------
    OSError
        If the file is not there and `download_if_missing` is False.
    ValueError
        If a file is not the one that is expected.
    """
    home = Path(get_data_home(None if data_home is None else str(data_home)))
    path = home / "medical_insurance.csv"
    if not path.exists():
        if not download_if_missing:
            raise OSError(f"{path} is not there, and download_if_missing=False.")
        try:
            import pooch
        except ImportError as error:
            raise ImportError(
                "Downloading needs pooch: pip install 'sklearn-rp[data]', or put the file into "
                f"{path} by hand."
            ) from error
        pooch.retrieve(_INSURANCE_URL, f"sha256:{_INSURANCE_SHA256}", fname=path.name, path=home)
    if hashlib.sha256(path.read_bytes()).hexdigest() != _INSURANCE_SHA256:
        raise ValueError(
            f"{path} is not the expected file (its SHA-256 differs): delete it, and it is "
            "downloaded again."
        )
    frame = pd.read_csv(path)
    charges = frame.pop("charges")
    threshold = float(charges.median()) if threshold is None else threshold
    target = pd.Series(_labels(charges, threshold, "offered", "not offered"), name="offer")
    if return_X_y:
        return frame, target
    return Bunch(
        data=frame,
        target=target,
        charges=charges,
        feature_names=list(frame.columns),
        sensitive_feature="bmi",
        frame=frame.assign(offer=target),
        DESCR=_INSURANCE_DESCR.format(threshold=threshold),
    )


def _labels(values: Any, threshold: float, above: str, others: str) -> np.ndarray:
    """Labels by a threshold, both of them somebody's."""
    if not values.min() <= threshold < values.max():
        raise ValueError(
            f"threshold={threshold!r} leaves one label only: give a value from {values.min():g} to "
            f"below {values.max():g}."
        )
    return np.where(values > threshold, above, others)
