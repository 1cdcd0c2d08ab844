"""Noise: which columns, what scale, which draws, and copies in the container that came in."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector

from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.noise import Noise, noised_values, resolve_columns

MIXED = pd.DataFrame(
    {
        "age": [30, 41, 52, 60],
        "sex": ["f", "m", "m", "f"],
        "bmi": [21.5, 30.25, 27.0, 35.5],
        "smoker": [True, False, True, False],
        "joined": pd.to_datetime(["2020-01-01"] * 4),
    }
)


@pytest.mark.parametrize(
    ("noise_features", "columns"),
    [
        (None, [0, 2]),
        ("bmi", [2]),
        (["bmi", "age"], [2, 0]),
        (2, [2]),
        ([-3], [2]),
        ([True, False, True, False, False], [0, 2]),
        (make_column_selector(dtype_include="number"), [0, 2]),
        (slice(0, 1), [0]),
    ],
)
def test_resolve_columns(noise_features, columns):
    assert resolve_columns(noise_features, MIXED).tolist() == columns


def names_of(X):
    return list(X.columns) if hasattr(X, "columns") else [f"x{j}" for j in range(X.shape[1])]


def noise_of(X, features=None, scale="std"):
    return Noise.from_data(X, features, scale, names_of(X))


def test_scales():
    assert noise_of(MIXED).scale == pytest.approx(MIXED[["age", "bmi"]].std(ddof=0))
    assert noise_of(MIXED, scale=None).scale.tolist() == [1, 1]
    assert noise_of(MIXED, scale=[5, 2]).scale.tolist() == [5, 2]
    assert noise_of(MIXED, scale=[5, 9, 2, 9, 9]).scale.tolist() == [5, 2]
    assert noise_of(MIXED, scale={"bmi": 2, "age": 5}).scale.tolist() == [5, 2]
    # One scale for each named feature, in the order in which they are named.
    noise = noise_of(MIXED, ["bmi", "age"], scale=[2, 5])
    assert (noise.names.tolist(), noise.scale.tolist()) == (["age", "bmi"], [5, 2])
    numbers = MIXED[["age", "bmi"]]
    with pytest.raises(ValueError, match="in an order of its own"):
        noise_of(numbers, ["bmi", "age"], scale=[2, 5])


def test_numbers_as_objects_warn():
    with pytest.warns(PrivacyWarning, match=r"\['bmi'\] hold numbers as objects"):
        noise_of(MIXED.astype({"bmi": object}))


def test_integer_names_that_are_not_positions_are_refused():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(9, 3)), columns=[1, 0, 2])
    with pytest.raises(ValueError, match="integers for names"):
        resolve_columns([0], X)


def test_a_constant_feature_gets_no_noise():
    X = np.c_[np.arange(5.0), np.full(5, 0.1)]
    with pytest.warns(PrivacyWarning, match=r"\['x1'\] are constant"):
        assert noise_of(X).columns.tolist() == [0]


def test_a_one_hot_column_warns():
    X = np.c_[np.arange(5.0), [0, 1, 1, 0, 1]]
    with pytest.warns(PrivacyWarning, match=r"\['x1'\] hold only two values"):
        noise_of(X)


def test_draws_do_not_depend_on_chunks():
    noise = noise_of(np.random.default_rng(0).normal(size=(9, 600)))
    block = noise.block
    whole = noise.draw(7, 0, 3 * block)
    ends = [0, 3, block, 2 * block - 1, 2 * block + 5]
    parts = [noise.draw(7, a, b) for a, b in pairwise(ends)]
    assert np.array_equal(whole[: 2 * block + 5], np.concatenate(parts))
    assert not np.array_equal(whole, noise.draw(8, 0, 3 * block))


def test_draws_are_standard_normal():
    draws = noise_of(np.random.default_rng(0).normal(size=(9, 3))).draw(1, 0, 100_000)
    assert np.abs(draws.mean(axis=0)).max() < 4 / np.sqrt(1e5)
    assert np.abs(np.cov(draws.T) - np.eye(3)).max() < 4 * np.sqrt(2 / 1e5)


def containers():
    yield "array", np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    yield "integers", np.array([[1, 2, 3], [4, 5, 6]])
    yield "float32", np.array([[1, 2, 3], [4, 5, 6]], dtype=np.float32)
    yield "objects", np.array([[1.0, "a", 3.0], [4.0, "b", 6.0]], dtype=object)
    yield "frame", pd.DataFrame({"u": [1, 4], "v": ["a", "b"], "w": [3.0, 6.0]}, index=[7, 7])


@pytest.mark.parametrize("X", [pytest.param(X, id=name) for name, X in containers()])
@pytest.mark.parametrize("features", [[0, 2], [2]])
def test_noisy_copies(X, features):
    before = X.copy()
    noise = noise_of(X, features, scale=None)
    offsets = np.arange(3 * len(features)).reshape(3, -1) / 8
    copies = noise.noisy_copies(X, noise.values(X), offsets)
    assert type(copies) is type(X)
    assert copies.shape == (6, 3)
    expected = np.repeat(np.asarray(X, dtype=object), 3, axis=0)
    for column, shift in zip(features, offsets.T, strict=True):
        expected[:, column] = expected[:, column].astype(float) + np.tile(shift, 2)
    assert (np.asarray(copies, dtype=object) == expected).all()
    assert np.array_equal(np.asarray(before, dtype=object), np.asarray(X, dtype=object))
    if isinstance(X, pd.DataFrame):
        assert list(copies.columns) == list(X.columns)
        assert copies.dtypes["v"] == X.dtypes["v"]
        assert copies.dtypes["u"] == (float if 0 in features else int)
    elif X.dtype == np.float32:
        assert copies.dtype == np.float32


def test_noisy_copies_of_polars():
    pl = pytest.importorskip("polars")
    X = pl.DataFrame({"u": [1, 4], "v": ["a", "b"], "w": [3.0, 6.0]})
    noise = noise_of(X)
    assert noise.names.tolist() == ["u", "w"]
    copies = noise.noisy_copies(X, noise.values(X), np.array([[0.5, 0.25], [0.0, 0.0]]))
    assert copies.columns == ["u", "v", "w"]
    assert copies.rows() == [(1.5, "a", 3.25), (1.0, "a", 3.0), (4.5, "b", 6.25), (4.0, "b", 6.0)]


def test_values_of_nullable_dtypes():
    X = pd.DataFrame({"u": pd.array([1, 2], dtype="Int64"), "w": pd.array([1.5, 2], "Float64")})
    assert noised_values(X, np.array([0, 1])).tolist() == [[1.0, 1.5], [2.0, 2.0]]
    X.loc[0, "u"] = pd.NA
    with pytest.raises(ValueError, match="contains NaN in the noised feature 'u'"):
        noise_of(X)


def test_noise_below_floating_point_resolution_is_refused():
    X = np.array([[1e9], [1e9 + 1e5]], dtype=np.float32)
    noise = noise_of(X, scale=None)
    with pytest.raises(ValueError, match="too small beside its values"):
        noise.check_rows(X, sigma=0.5)
    noise.check_rows(X.astype(np.float64), sigma=0.5)
