"""Data in which a recommendation depends on a sensitive attribute."""

from __future__ import annotations

import hashlib
from io import BytesIO
from numbers import Integral
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.datasets import get_data_home, load_diabetes
from sklearn.utils import Bunch, check_random_state

__all__ = [
    "fetch_medical_insurance",
    "fetch_movielens_100k",
    "load_recommendation",
    "make_item_recommendation",
    "make_recommendation",
]


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

_MOVIELENS_URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
_MOVIELENS_SHA256 = "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229"
_MOVIELENS_FILES = {
    "ml-100k/u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    "ml-100k/u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
    "ml-100k/u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
}
_GENRES = """\
unknown Action Adventure Animation Children's Comedy Crime Documentary Drama Fantasy Film-Noir
Horror Musical Mystery Romance Sci-Fi Thriller War Western"""
_MOVIELENS_DESCR = """\
MovieLens 100K
--------------

100 000 ratings from 1 to 5 that 943 people gave to 1 682 films, with their age (years; the
sensitive attribute), gender ("F" or "M") and occupation; a film is liked if its rating is {liked}
or more. From F. M. Harper and J. A. Konstan 2015, "The MovieLens Datasets: History and Context",
ACM Transactions on Interactive Intelligent Systems 5(4), article 19. GroupLens does not allow
others to redistribute the data: they are downloaded from GroupLens, and no part of this package.
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
    path = Path(get_data_home(data_home)) / "medical_insurance.csv"
    frame = pd.read_csv(_cached(path, _INSURANCE_SHA256, _INSURANCE_URL, download_if_missing))
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


def fetch_movielens_100k(
    *,
    data_home: str | Path | None = None,
    liked: int = 4,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Any:
    """Fetch MovieLens 100K as a recommendation task: who likes which films; age is sensitive.

    The archive is downloaded once, over https, and cached; three of its files are unpacked into the
    folder ``ml-100k``. Each is checked against its SHA-256: a ValueError says which one differs,
    an OSError which one is missing if it may not be downloaded. Films of equal title (18 titles
    stand twice) are merged: the larger rating counts. Some people and films are without a like.

    Parameters
    ----------
    data_home : str or Path, default=None
        Folder of the cache; scikit-learn's (:func:`sklearn.datasets.get_data_home`) if None.
    liked : int, default=4
        Smallest rating, 1 to 5, with which a film counts as liked.
    download_if_missing : bool, default=True
        If False, raise an error instead of downloading.
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        ``data`` (DataFrame of 943 people: age, gender, occupation), ``target`` (DataFrame of 0 and
        1, people by 1 664 titles), ``ratings`` (DataFrame like it, 0 where there is none),
        ``item_data`` (DataFrame, by title: year of release, and 19 genres as bool),
        ``feature_names``, ``sensitive_feature`` ("age") and ``DESCR``.

    Examples
    --------
    >>> from sklearn_rp.datasets import fetch_movielens_100k
    >>> X, Y = fetch_movielens_100k(return_X_y=True)  # doctest: +SKIP
    """
    if not isinstance(liked, Integral) or not 1 <= liked <= 5:
        raise ValueError(f"liked={liked!r} is not allowed: give a rating, a whole number, 1 to 5.")
    home = Path(get_data_home(data_home))
    for name in _MOVIELENS_FILES:
        if not (home / name).exists():
            archive = home / "ml-100k.zip"
            content = _cached(archive, _MOVIELENS_SHA256, _MOVIELENS_URL, download_if_missing)
            # By its name: nothing else of the archive gets onto the disk.
            ZipFile(content).extract(name, home)
    data, user, item = (_cached(home / name, key) for name, key in _MOVIELENS_FILES.items())
    ratings = pd.read_csv(data, sep="\t", names=["person", "film", "rating", "time"])
    people = pd.read_csv(user, sep="|", names=["id", "age", "gender", "occupation", "zip_code"])
    fields = ["id", "title", "released", "video", "url", *_GENRES.split()]
    films = pd.read_csv(item, sep="|", names=fields, encoding="latin-1")
    # Numbers of people and films are 1, 2, ... in the order of the files.
    column, titles = pd.factorize(films["title"])
    table = np.zeros((len(people), len(titles)), dtype=np.int8)
    np.maximum.at(table, (ratings["person"] - 1, column[ratings["film"] - 1]), ratings["rating"])
    frame = pd.DataFrame(table, columns=titles)
    X = people[["age", "gender", "occupation"]]
    target = (frame >= liked).astype(np.int8)
    if return_X_y:
        return X, target
    # The year is read from the date's end: names of months depend on the locale.
    films["year"] = pd.to_numeric(films["released"].str[-4:], errors="coerce")
    by_title = films.groupby("title", sort=False)
    return Bunch(
        data=X,
        target=target,
        ratings=frame,
        item_data=by_title[["year"]].min().join(by_title[_GENRES.split()].max().astype(bool)),
        feature_names=list(X.columns),
        sensitive_feature="age",
        DESCR=_MOVIELENS_DESCR.format(liked=liked),
    )


def make_item_recommendation(
    n_samples: int = 500,
    n_items: int = 40,
    *,
    n_liked: float = 6,
    taste: float = 1.0,
    random_state: Any = None,
) -> Bunch:
    """Make people and the items they like, with probabilities that are known; age is sensitive.

    Likes are drawn independently. The log-odds of each add up: how popular the item is, how near
    the person is to the item's age, leanings of gender and region, and how active the person is.

    Parameters
    ----------
    n_samples : int, default=500
        People.
    n_items : int, default=40
        Items; at least 2.
    n_liked : float, default=6
        Items that a person likes in the mean: more than 0, at most `n_items`.
    taste : float, default=1.0
        How strongly taste depends on age, 0 being not at all: at the item's age the log-odds are
        ``3 * taste`` larger than far from it.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        ``data`` (DataFrame: age from 18 to 77, activity, gender, region), ``target`` (DataFrame of
        0 and 1, people by items), ``probability`` (DataFrame like it), ``feature_names`` and
        ``sensitive_feature`` ("age").

    Examples
    --------
    >>> from sklearn_rp.datasets import make_item_recommendation
    >>> task = make_item_recommendation(n_liked=6, random_state=0)
    >>> float(task.probability.sum(axis=1).mean().round(6))
    6.0
    """
    for name, value, least in (("n_samples", n_samples, 1), ("n_items", n_items, 2)):
        if value < least:
            raise ValueError(f"{name}={value!r} is not allowed: give at least {least}.")
    if not 0 < n_liked <= n_items:
        raise ValueError(f"n_liked={n_liked!r} is not allowed: give more than 0, up to {n_items}.")
    if not 0 <= taste < np.inf:
        raise ValueError(f"taste={taste!r} is not allowed: give a finite number, at least 0.")
    rng = check_random_state(random_state)
    data = pd.DataFrame({"age": rng.randint(18, 78, size=n_samples)})
    data["activity"] = rng.normal(size=n_samples)
    center, width = rng.uniform(18, 77, size=n_items), rng.uniform(6, 15, size=n_items)
    away = (data[["age"]].to_numpy() - center) / width
    odds = rng.normal(scale=0.7, size=n_items) + 3 * taste * np.exp(-(away**2) / 2)
    odds += 0.4 * data[["activity"]].to_numpy()
    for feature, groups in (("gender", ["f", "m"]), ("region", ["east", "north", "south", "west"])):
        group = rng.randint(len(groups), size=n_samples)
        data[feature] = np.array(groups)[group]
        odds += rng.normal(scale=0.4, size=(len(groups), n_items))[group]
    # Between the ends, where all is 0 or 1 in floating point, the mean is what it has to be.
    low, high = -750 - odds.max(), 750 - odds.min()
    odds += brentq(lambda c: expit(odds + c).sum(axis=1).mean() - n_liked, low, high)
    probability = pd.DataFrame(expit(odds), columns=[f"item_{j:02d}" for j in range(n_items)])
    return Bunch(
        data=data,
        target=(rng.uniform(size=odds.shape) < probability).astype(np.int8),
        probability=probability,
        feature_names=list(data.columns),
        sensitive_feature="age",
    )


def _cached(path: Path, sha256: str, url: str = "", allowed: bool = False) -> BytesIO:
    """Content of a file of the cache, checked; the file is downloaded where that is allowed."""
    if not path.exists():
        if not allowed:
            raise OSError(f"{path} is not there, and download_if_missing=False.")
        try:
            import pooch
        except ImportError as error:
            raise ImportError(
                "Downloading needs pooch: pip install 'sklearn-rp[data]', or put the file into "
                f"{path} by hand."
            ) from error
        pooch.retrieve(url, f"sha256:{sha256}", fname=path.name, path=path.parent)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(
            f"{path} is not the expected file (its SHA-256 differs): delete it, and it is "
            "downloaded again."
        )
    return BytesIO(content)


def _labels(values: Any, threshold: float, above: str, others: str) -> np.ndarray:
    """Labels by a threshold, both of them somebody's."""
    if not values.min() <= threshold < values.max():
        raise ValueError(
            f"threshold={threshold!r} leaves one label only: give a value from {values.min():g} to "
            f"below {values.max():g}."
        )
    return np.where(values > threshold, above, others)
