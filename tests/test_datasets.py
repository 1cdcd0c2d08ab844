"""Datasets: shapes, units, and the closed form that make_recommendation promises."""

import numpy as np
import pandas as pd
import pytest

from sklearn_rp.datasets import fetch_medical_insurance, load_recommendation, make_recommendation


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


DATASETS = [
    (load_recommendation, {"threshold": 1000}, "threshold=1000 leaves one label only"),
    (make_recommendation, {"n_samples": 0}, "n_samples=0"),
    (make_recommendation, {"n_features": 1}, "n_features=1"),
    (make_recommendation, {"band": 0}, "band=0"),
    (make_recommendation, {"flip": 1}, "flip=1"),
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
