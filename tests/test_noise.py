"""Noise: which columns, what scale, which draws, and copies in the container that came in."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector
from sklearn.frozen import FrozenEstimator
from sklearn.tree import DecisionTreeClassifier
from small import Longest

from sklearn_rp import (
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import Prior
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.noise import Noise, noised_values
from sklearn_rp.rows import check_kind
from sklearn_rp.selection import resolve_columns

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


def test_scales_with_labels_are_read_by_label():
    swapped = pd.Series({"bmi": 2.0, "age": 5.0})
    assert noise_of(MIXED, scale=swapped).scale.tolist() == [5, 2]
    assert noise_of(MIXED, ["bmi"], scale=swapped).scale.tolist() == [2]
    assert noise_of(MIXED, scale=MIXED.std(numeric_only=True)[::-1]).scale == pytest.approx(
        MIXED[["age", "bmi"]].std()
    )
    numbers = MIXED[["age", "bmi"]]
    assert noise_of(numbers.to_numpy(), scale=pd.Series({"x1": 2.0, "x0": 5.0})).scale.tolist() == [
        5,
        2,
    ]
    assert noise_of(numbers, scale=pd.Series([5.0, 2.0])).scale.tolist() == [5, 2]  # no labels
    assert noise_of(numbers, scale=pd.Series([2.0, 5.0], index=[1, 0])).scale.tolist() == [5, 2]
    for scale, message in (
        (pd.Series({"bim": 2.0, "age": 5.0}), r"'bim', which is not a column.*'bmi'\?"),
        (pd.Series({"age": 5.0}), r"no entry for the noised feature\(s\) \['bmi'\]"),
        (pd.Series([1.0, 2.0, 3.0], index=["age", "bmi", "age"]), "two entries .* 'age'"),
        ({"age": 5.0, 0: 1.0, "bmi": 2.0}, "two entries .* 'age'"),
    ):
        with pytest.raises(ValueError, match=message):
            noise_of(numbers, scale=scale)


def test_scales_of_an_array_with_coordinates():
    class DataArray:
        """As much of xarray's as is looked at."""

        coords = ("feature",)

        def to_series(self):
            return pd.Series({"bmi": 2.0, "age": 5.0})

    assert noise_of(MIXED, scale=DataArray()).scale.tolist() == [5, 2]


def test_a_mask_with_labels_is_read_by_label():
    mask = pd.Series({"bmi": True, "age": False, "sex": False, "smoker": False, "joined": False})
    assert resolve_columns(mask, MIXED).tolist() == [2]
    assert resolve_columns(mask.to_dict(), MIXED).tolist() == [2]
    assert resolve_columns(lambda X: X.dtypes[::-1] == "float64", MIXED).tolist() == [2]
    assert resolve_columns(pd.Series(["bmi", "age"], index=[7, 3]), MIXED).tolist() == [2, 0]
    with pytest.raises(ValueError, match="mask of length 2"):
        resolve_columns(mask[:2], MIXED)
    with pytest.raises(TypeError, match="noise_features=.*not allowed"):
        resolve_columns({"bmi": 1.0}, MIXED)


def test_scales_of_weighted_rows():
    X = np.array([[0.0, 5], [1, 5], [4, 5], [100, 6]])
    weight = np.array([2.0, 1, 1, 0])
    with pytest.warns(PrivacyWarning, match=r"\['x1'\] are constant"):
        noise = Noise.from_data(X, None, "std", ["x0", "x1"], weight=weight)
    assert noise.scale == pytest.approx([np.std([0, 0, 1, 4])])
    assert (noise.low, noise.high) == (0, 4)


HALVES = [Fraction(n, 2) for n in range(4)]
NEITHER = [
    (pd.Series([1, 2.5, 3, 4], dtype=object), "numbers as objects"),
    (pd.Series(list(np.arange(4.0)), dtype=object), "numbers as objects"),
    (pd.Series([np.float32(n) for n in range(4)], dtype=object), "numbers as objects"),
    (pd.Series([Decimal(n) for n in range(4)]), "numbers as objects"),
    (pd.Series(HALVES), "numbers as objects"),
    (pd.Series([None, *HALVES[1:]]), "numbers as objects"),
    (pd.Series(pd.date_range("2020", periods=4)), "dates or times"),
    (pd.Series(pd.date_range("2020", periods=4, tz="Europe/Paris")), "dates or times"),
    (pd.Series(pd.date_range("2020", periods=4).date), "dates or times"),
    (pd.Series(pd.period_range("2020", periods=4, freq="M")), "dates or times"),
    (pd.Series(pd.to_timedelta(range(4), "h")), "dates or times"),
    (pd.Series(np.arange(4) * 1j), "complex numbers"),
    (pd.Series([1j, 2j, 3j, 4], dtype=object), "complex numbers"),
    (pd.Series([True, 2, 3, 4], dtype=object), "values of several types"),
    (pd.Series(["a", 1, "b", 2]), "values of several types"),
    (pd.Series(pd.interval_range(0, 4)), "values of type Interval"),
]


@pytest.mark.parametrize(("values", "kind"), NEITHER)
def test_what_is_neither_number_nor_category_is_refused(values, kind):
    X = MIXED.assign(age=values)
    with pytest.raises(TypeError, match=f"noise_features names 'age', which holds {kind}"):
        resolve_columns(["age"], X)
    with pytest.raises(TypeError, match=f"'age', which holds {kind}.*, neither numbers nor"):
        resolve_columns(["age", "bmi"], X)
    assert resolve_columns(None, X).tolist() == [2]
    with pytest.raises(TypeError, match=f"sensitive_feature names 'age', which holds {kind}"):
        check_kind(X, 0, parameter="sensitive_feature")
    with pytest.raises(TypeError, match=f"sensitive_feature names 'age', which holds {kind}"):
        Prior.from_data(X, "age")


@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
def test_what_is_neither_in_arrow_and_polars():
    pa, pl = pytest.importorskip("pyarrow"), pytest.importorskip("polars")
    decimals = pd.Series(list(map(Decimal, range(4))), dtype=pd.ArrowDtype(pa.decimal128(5, 2)))
    dates = pd.date_range("2020", periods=4).date
    frames = [
        pd.DataFrame({"n": decimals, "d": pd.Series(dates, dtype=pd.ArrowDtype(pa.date32()))}),
        pl.DataFrame({"n": list(map(Decimal, range(4))), "d": list(dates)}),
    ]
    for X in frames:
        with pytest.raises(TypeError, match="'n', which holds numbers as objects"):
            resolve_columns("n", X)
        with pytest.raises(TypeError, match="'d', which holds dates or times"):
            resolve_columns("d", X)
        with pytest.raises(ValueError, match="X has none"):
            resolve_columns(None, X)


def test_categories_are_text_truth_values_and_what_is_declared():
    codes = pd.Series([3, 1, 3, 2], dtype="category")
    for values in (MIXED["sex"], MIXED["smoker"], codes, pd.Series([True, None, False, True])):
        assert not check_kind(MIXED.assign(age=values), 0, parameter="noise_features")
    assert check_kind(MIXED, 2, parameter="noise_features")


def test_numbers_of_any_kind_in_an_array_of_objects_are_numbers():
    X = np.array([["a", 1, Decimal("0.5")], ["b", 2.5, Fraction(3, 2)]], dtype=object)
    noise = noise_of(X, scale=None)
    assert noise.columns.tolist() == [1, 2]
    assert noise.values(X).tolist() == [[1, 0.5], [2.5, 1.5]]


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


RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)
PEOPLE = pd.DataFrame(ROWS, columns=["age", "bmi", "bp"]).assign(
    sex=["f", "m"] * 30, joined=pd.Timestamp("2020-01-01")
)


def test_numbers_as_objects_are_no_categories():
    rows = PEOPLE.assign(bmi=PEOPLE["bmi"].astype(object))
    with pytest.raises(TypeError, match=r"'bmi', which holds numbers as objects.*astype\(float\)"):
        RobustPrivacyClassifier(Longest(), noise_features=["bmi"]).fit(rows, LABELS)
    rows = PEOPLE.assign(bmi=PEOPLE["bmi"].astype(str))
    with pytest.warns(PrivacyWarning, match="different numbers as text"):
        clf = RobustPrivacyClassifier(Longest(), noise_features=["bmi"]).fit(rows, LABELS)
    with pytest.raises(ValueError, match=r"and \d+ more") as caught:
        clf.predict(rows.assign(bmi="7"))
    assert len(str(caught.value)) < 400


def test_one_row_to_fit_a_frozen_model_on_is_warned_of():
    frozen = FrozenEstimator(DecisionTreeClassifier(random_state=0).fit(ROWS, LABELS))
    clf = RobustPrivacyClassifier(frozen, noise_scale=None)
    two = [int(np.argmin(LABELS)), int(np.argmax(LABELS))]
    rows = np.repeat(ROWS[two[:1]], 2, axis=0)
    with pytest.warns(PrivacyWarning, match="No noised feature has more than one value"):
        clf.fit(rows, LABELS[two])


def test_copies_of_a_category_are_drawn_anew_or_kept():
    rows = pd.DataFrame({"sex": pd.Categorical(["f", "m"] * 1000), "bmi": np.arange(2000.0)})
    noise = Noise.from_data(rows, ["sex"], "std", ["sex", "bmi"])
    found = noise.among_copies(rows, np.random.default_rng(0), 0.4, 3)
    origin = np.repeat(np.arange(2000), 3)
    np.testing.assert_array_equal(found["bmi"], origin)
    kept = (found["sex"].to_numpy() == rows["sex"].to_numpy()[origin]).reshape(2000, 3)
    assert kept[:, 0].all()
    assert abs(kept[:, 1:].mean() - 0.8) < 0.03  # 1 - sigma + sigma / 2
