"""Datasets: shapes, units, and what the made ones promise."""

import hashlib
import sys
from types import SimpleNamespace
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
from conftest import SHARED_DATA
from scipy.special import logit

from sklearn_rp.datasets import (
    fetch_medical_insurance,
    fetch_movielens_100k,
    load_recommendation,
    make_item_recommendation,
    make_recommendation,
)

# Three people and four films, two of them of one title, as the original files have them.
TINY = {
    "ml-100k/u.data": "1\t1\t5\t0\n1\t2\t3\t0\n2\t2\t2\t0\n2\t4\t4\t0\n3\t3\t1\t0\n",
    "ml-100k/u.user": "1|24|M|none|02139\n2|53|F|other|94043\n3|7|M|student|T8H1N\n",
    "ml-100k/u.item": (
        "1|Café au Lait (1993)|01-Jan-1993||http://a|" + "|".join("0000010000000000000") + "\n"
        "2|Twice (1997)|02-Feb-1998||http://b|" + "|".join("0100000000000000000") + "\n"
        "3|unknown||||" + "|".join("1000000000000000000") + "\n"
        "4|Twice (1997)|01-Jan-1997||http://c|" + "|".join("0000000000000000001") + "\n"
    ),
}


# Where the original is, and the checksums of it and of its files.
URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
CHECKSUMS = {
    "ml-100k.zip": "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
    "ml-100k/u.data": "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
    "ml-100k/u.user": "f120e114da2e8cf314fd28f99417c94ae9ddf1cb6db8ce0e4b5995d40e90e62c",
    "ml-100k/u.item": "553841ebc7de3a0fd0d6b62a204ea30c1e651aacfb2814c7a6584ac52f2c5701",
}


@pytest.fixture(scope="module")
def movielens_home(tmp_path_factory):
    """The original files, made from the copies at hand, which differ.

    The copies begin with a line of names, have "|" between the fields of u.data too, and have lost
    the letters with accents. The loader's checksums say whether this brings the originals back.
    """
    if not (SHARED_DATA / "ml-100k").exists():
        pytest.skip("the MovieLens files are not at hand, and tests do not use the network")
    home = tmp_path_factory.mktemp("movielens")
    (home / "ml-100k").mkdir()
    accents = iter("éééèééééééÁö")
    for name in TINY:
        _, text = (SHARED_DATA / name).read_text("utf-8").split("\n", 1)
        text = text.replace("|", "\t") if name == "ml-100k/u.data" else text
        text = "".join(
            next(accents) if letter == "\N{REPLACEMENT CHARACTER}" else letter for letter in text
        )
        (home / name).write_bytes(text.encode("latin-1"))
    return home


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A small archive that passes for the original, and a stand-in for pooch that hands it out."""
    source = tmp_path / "source.zip"
    files = {name: text.encode("latin-1") for name, text in TINY.items()}
    with ZipFile(source, "w") as archive:
        for name, content in (files | {"ml-100k/u.data.exe": b"", "../outside": b""}).items():
            archive.writestr(name, content)
    content = source.read_bytes()
    passes = {content: CHECKSUMS["ml-100k.zip"]} | {files[name]: CHECKSUMS[name] for name in files}

    def sha256(content):
        honest = hashlib.sha256(content).hexdigest()
        return SimpleNamespace(hexdigest=lambda: passes.get(content, honest))

    monkeypatch.setattr("sklearn_rp.datasets.hashlib", SimpleNamespace(sha256=sha256))
    calls = []

    def retrieve(url, known_hash, fname, path):
        calls.append((url, known_hash))
        (path / fname).write_bytes(content)

    monkeypatch.setitem(sys.modules, "pooch", SimpleNamespace(retrieve=retrieve))
    home = tmp_path / "home"
    home.mkdir()
    return SimpleNamespace(home=home, calls=calls, content=content)


def test_load_recommendation():
    task = load_recommendation(as_frame=True)
    assert task.data.shape == (442, 10)
    assert task.data["bmi"].between(15, 45).all()  # kg/m2
    assert task.data["age"].between(15, 80).all()  # years
    assert set(task.data["sex"]) == {"1", "2"}
    assert task.frame.columns[-1] == task.target.name
    assert 0.45 < (task.target == "intensive follow-up").mean() < 0.55
    assert ((task.progression > 140) == (task.target == "intensive follow-up")).all()
    assert "kg/m2" in task.DESCR
    X, y = load_recommendation(return_X_y=True)
    assert X.dtype == float
    assert (y == task.target).all()
    other = load_recommendation(threshold=200).target
    assert (other == "intensive follow-up").mean() < 0.3


@pytest.mark.parametrize("band", [None, 0.5])
def test_make_recommendation_is_what_it_says(band):
    task = make_recommendation(2000, 5, slope=2.0, band=band, random_state=0)
    s, w = task.data[:, 0], task.data[:, 1:]
    assert task.boundary == pytest.approx(2.0 * w.mean(axis=1))
    high = task.boundary + (np.inf if band is None else band)
    assert np.array_equal(task.target, ((s > task.boundary) & (s <= high)).astype(int))
    if band is None:
        assert np.array_equal(task.target, (task.data @ task.coef > 0).astype(int))
    assert np.array_equal(make_recommendation(2000, 5, random_state=0).data, task.data)


def test_make_recommendation_flips():
    clean = make_recommendation(5000, random_state=0)
    noisy = make_recommendation(5000, flip=0.2, random_state=0)
    assert 0.17 < (clean.target != noisy.target).mean() < 0.23


def test_fetch_medical_insurance(insurance_home):
    task = fetch_medical_insurance(data_home=insurance_home, download_if_missing=False)
    assert task.data.shape == (1338, 6)
    assert isinstance(task.data, pd.DataFrame)
    assert task.charges.max() > 60_000
    assert (task.target == "offered").mean() == 0.5
    X, y = fetch_medical_insurance(data_home=insurance_home, threshold=20_000, return_X_y=True)
    assert (y == "offered").mean() < 0.25
    assert list(X) == task.feature_names
    with pytest.raises(ValueError, match="leaves one label only"):
        fetch_medical_insurance(data_home=insurance_home, threshold=1e9)


def test_fetch_movielens_100k(movielens_home):
    task = fetch_movielens_100k(data_home=movielens_home, download_if_missing=False)
    assert task.data.shape == (943, 3)
    assert (task.data["age"].min(), task.data["age"].max()) == (7, 73)
    assert task.data["gender"].value_counts().to_dict() == {"M": 670, "F": 273}
    assert task.data["occupation"].nunique() == 21
    assert not task.data.isna().any(axis=None)
    assert task.feature_names == list(task.data) == ["age", "gender", "occupation"]
    titles = task.ratings.columns
    assert task.ratings.shape == task.target.shape == (943, 1664)
    assert titles.is_unique
    assert "Misérables, Les (1995)" in titles
    assert titles.equals(task.target.columns)
    assert titles.equals(task.item_data.index)
    assert np.array_equal(np.unique(task.ratings), range(6))
    # 100 000 ratings; those of a person for both numbers of one title are one rating here.
    lines = pd.read_csv(movielens_home / "ml-100k" / "u.data", sep="\t", header=None)
    names = pd.read_csv(
        movielens_home / "ml-100k" / "u.item", sep="|", header=None, encoding="latin-1"
    )[1]
    assert len(lines) == 100_000
    assert names.value_counts().value_counts().to_dict() == {1: 1646, 2: 18}
    lines["title"] = names[lines[1] - 1].to_numpy()
    largest = lines.groupby([0, "title"])[2].max()
    assert len(largest) == (task.ratings.to_numpy() > 0).sum()
    rows = largest.index.get_level_values(0) - 1
    columns = titles.get_indexer(largest.index.get_level_values(1))
    assert np.array_equal(task.ratings.to_numpy()[rows, columns], largest)
    assert task.item_data.shape == (1664, 20)
    genres = task.item_data.drop(columns="year")
    assert set(genres.dtypes) == {np.dtype(bool)}
    toys = "Toy Story (1995)"
    assert list(genres.columns[genres.loc[toys]]) == ["Animation", "Children's", "Comedy"]
    assert task.item_data["year"][toys] == 1995
    assert task.item_data["year"].isna().sum() == 1
    assert task.sensitive_feature == "age"
    assert "Harper" in task.DESCR


@pytest.mark.parametrize("liked", [1, 4, np.int64(5)])
def test_movielens_liked(movielens_home, liked):
    task = fetch_movielens_100k(data_home=movielens_home, liked=liked)
    assert (task.target.dtypes == np.int8).all()
    assert np.array_equal(task.target == 1, task.ratings >= liked)
    assert f"is {liked}\n" in task.DESCR
    X, Y = fetch_movielens_100k(data_home=movielens_home, liked=liked, return_X_y=True)
    assert X.equals(task.data)
    assert Y.equals(task.target)


def test_movielens_is_downloaded_and_unpacked_once(tiny):
    task = fetch_movielens_100k(data_home=tiny.home)
    assert tiny.calls == [(URL, f"sha256:{CHECKSUMS['ml-100k.zip']}")]
    written = {str(p.relative_to(tiny.home)) for p in tiny.home.rglob("*") if p.is_file()}
    assert written == {"ml-100k.zip", *TINY}
    assert not (tiny.home.parent / "outside").exists()
    assert list(task.ratings) == ["Café au Lait (1993)", "Twice (1997)", "unknown"]
    assert task.ratings.to_numpy().tolist() == [[5, 3, 0], [0, 4, 0], [0, 0, 1]]
    assert task.target.to_numpy().tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert task.data["occupation"].tolist() == ["none", "other", "student"]
    twice = task.item_data.loc["Twice (1997)"]
    assert twice["year"] == 1997
    assert twice["Action"]
    assert twice["Western"]
    assert not twice["Comedy"]
    again = fetch_movielens_100k(data_home=tiny.home, download_if_missing=False)
    assert again.ratings.equals(task.ratings)
    assert len(tiny.calls) == 1


def test_movielens_from_an_archive_put_there_by_hand(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(ImportError, match="by hand"):
        fetch_movielens_100k(data_home=tiny.home)
    (tiny.home / "ml-100k.zip").write_bytes(tiny.content)
    task = fetch_movielens_100k(data_home=tiny.home, download_if_missing=False)
    assert task.data.shape == (3, 3)


def test_movielens_without_download(tiny):
    with pytest.raises(OSError, match="download_if_missing=False"):
        fetch_movielens_100k(data_home=tiny.home, download_if_missing=False)
    assert not list(tiny.home.iterdir())


@pytest.mark.parametrize("name", ["ml-100k.zip", *TINY])
def test_movielens_that_is_another_file(tiny, name):
    path = tiny.home / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"1|24|M\n")
    with pytest.raises(ValueError, match=f"{name} is not the expected file"):
        fetch_movielens_100k(data_home=tiny.home)
    path.unlink()  # as the message says
    assert fetch_movielens_100k(data_home=tiny.home).data.shape == (3, 3)


def test_make_item_recommendation():
    task = make_item_recommendation(random_state=0)
    assert task.data["age"].between(18, 77).all()
    assert set(task.data["gender"]) == {"f", "m"}
    assert set(task.data["region"]) == {"east", "north", "south", "west"}
    assert sorted(task.feature_names) == sorted(["age", "gender", "activity", "region"])
    assert task.feature_names == list(task.data)
    assert task.target.shape == task.probability.shape == (500, 40)
    assert list(task.target) == list(task.probability) == [f"item_{j:02d}" for j in range(40)]
    assert set(np.unique(task.target)) == {0, 1}
    assert task.target.any().all()  # something to learn of each item
    again = make_item_recommendation(random_state=0)
    assert all(again[key].equals(task[key]) for key in ("data", "target", "probability"))
    assert not make_item_recommendation(random_state=1).target.equals(task.target)


@pytest.mark.parametrize("n_liked", [0.5, 6, 20])
def test_likes_are_drawn_with_their_probability(n_liked):
    task = make_item_recommendation(20_000, 20, n_liked=n_liked, random_state=0)
    p = task.probability.to_numpy()
    assert p.sum(axis=1).mean() == pytest.approx(n_liked)
    bins = np.minimum((p * 10).astype(int), 9)
    for edge in np.unique(bins):
        here = bins == edge
        error = np.sqrt((p[here] * (1 - p[here])).sum()) / here.sum()
        frequency = task.target.to_numpy()[here].mean()
        assert frequency == pytest.approx(p[here].mean(), abs=4.5 * error + 1e-12)


@pytest.mark.parametrize("taste", [0, 1])
def test_taste_depends_on_age(taste):
    task = make_item_recommendation(taste=taste, random_state=0)
    assert task.data.equals(make_item_recommendation(taste=0.5, random_state=0).data)
    # What activity adds is the same for all items: gone in the difference of two.
    odds = logit(task.probability.to_numpy())
    contrast = pd.DataFrame(odds[:, 1:] - odds[:, :1])
    varies = contrast.groupby([task.data["gender"], task.data["region"]]).std()
    assert (varies > 0.1).all(axis=None) if taste else (varies < 1e-9).all(axis=None)


@pytest.mark.parametrize(("n_samples", "n_items"), [(1, 2), (1, 300), (300, 2)])
def test_item_recommendation_of_any_size(n_samples, n_items):
    task = make_item_recommendation(n_samples, n_items, n_liked=n_items, random_state=0)
    assert task.target.shape == (n_samples, n_items)
    assert task.target.columns.is_unique
    assert task.target.all(axis=None)


DATASETS = [
    (load_recommendation, {"threshold": 1000}, "threshold=1000 leaves one label only"),
    (make_recommendation, {"n_samples": 0}, "n_samples=0"),
    (make_recommendation, {"n_features": 1}, "n_features=1"),
    (make_recommendation, {"band": 0}, "band=0"),
    (make_recommendation, {"flip": 1}, "flip=1"),
    (fetch_movielens_100k, {"liked": 0}, "liked=0"),
    (fetch_movielens_100k, {"liked": 6}, "liked=6"),
    (fetch_movielens_100k, {"liked": 3.5}, "liked=3.5"),
    (fetch_movielens_100k, {"liked": "4"}, "liked='4'"),
    (make_item_recommendation, {"n_samples": 0}, "n_samples=0"),
    (make_item_recommendation, {"n_items": 1}, "n_items=1"),
    (make_item_recommendation, {"n_liked": 0}, "n_liked=0"),
    (make_item_recommendation, {"n_liked": 41}, "n_liked=41 is not allowed: .* up to 40"),
    (make_item_recommendation, {"taste": -1}, "taste=-1"),
    (make_item_recommendation, {"taste": float("nan")}, "taste=nan"),
    (make_item_recommendation, {"taste": float("inf")}, "taste=inf"),
]


@pytest.mark.parametrize(("loader", "arguments", "message"), DATASETS)
def test_datasets(loader, arguments, message):
    with pytest.raises(ValueError, match=message):
        loader(**arguments)


def test_insurance_without_download(tmp_path):
    with pytest.raises(OSError, match="download_if_missing=False"):
        fetch_medical_insurance(data_home=tmp_path, download_if_missing=False)
    (tmp_path / "medical_insurance.csv").write_text("age,bmi\n")
    with pytest.raises(ValueError, match="not the expected file"):
        fetch_medical_insurance(data_home=tmp_path)
