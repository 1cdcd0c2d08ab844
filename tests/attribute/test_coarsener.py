"""AttributeCoarsener: nothing moves inside a bin, no bin is too small, no bins are better."""

# ruff: noqa: E501

import pickle
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refused import refused
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import AttributeCoarsener, AttributePrivacyClassifier
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import PrivacyWarning

try:
    import polars as pl
except ImportError:  # not a dependency
    pl = None

TREE = DecisionTreeClassifier(max_depth=4, random_state=0)
LEVELS = ["a", "b", "c", "d", "e", "f", "g"]


def table(n=300, seed=0):
    """People with a sensitive feature of every kind, one of which the label hangs on each."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "income": rng.lognormal(10, 1, n),
            "age": rng.integers(18, 68, n),
            "dose": rng.choice([1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0], n),
            "level": rng.choice(LEVELS, n, p=[0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1]),
            "weight": rng.normal(70, 15, n),
        }
    )
    score = (
        (X["age"] > 40) + (X["income"] > 30_000) + X["level"].isin(["b", "e"]) + X["weight"] / 70
    )
    return X, (score + rng.normal(0, 0.3, n) > score.median()).astype(int).to_numpy()


def moved(X, column, values):
    """The rows with one column replaced, in the dtype that it has."""
    return X.assign(**{column: np.asarray(values, dtype=object)}).astype({column: X[column].dtype})


def inside(coarsener, X, column, rng):
    """Each row's sensitive value moved to another possible one in its bin."""
    ends = coarsener.bins_[column]
    own = X[column].to_numpy()
    if isinstance(ends, list):
        groups = {c: group for group in ends for c in group}
        return moved(X, column, [rng.choice(groups[value]) for value in own])
    number = np.searchsorted(ends[:, 1], own)
    low, high = ends[number].T
    other = np.array(
        [rng.choice([a, b, rng.uniform(a, b)]) for a, b in zip(low, high, strict=True)]
    )
    if column == "age":
        other = np.floor(other)
    if column == "dose":
        other = np.where(rng.uniform(size=len(other)) < 0.5, low, high)
    return moved(X, column, other)


def bits(answer):
    """An answer as bytes, with its dtypes."""
    if isinstance(answer, pd.DataFrame):
        return [(name, str(kind)) for name, kind in answer.dtypes.items()], pickle.dumps(
            [answer[c].tolist() for c in answer]
        )
    answer = np.asarray(answer)
    return answer.dtype, pickle.dumps(answer.tolist())


def encoded(model):
    numbers = ["income", "age", "dose", "weight"]
    columns = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(categories=[LEVELS]), ["level"])
    )
    return make_pipeline(columns, model)


@pytest.mark.parametrize("strategy", ["optimal", "uniform", "quantile"])
@pytest.mark.parametrize("column", ["income", "age", "dose", "level"])
def test_inside_a_bin_not_one_bit_of_any_output_moves(strategy, column):
    X, y = table()
    rng = np.random.default_rng(1)
    domain = [1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0] if column == "dose" else "auto"
    coarsener = AttributeCoarsener(
        sensitive_feature=column, strategy=strategy, domain=domain, model=encoded(TREE)
    ).fit(X, y)
    other = inside(coarsener, X, column, rng)
    assert (other[column] != X[column]).mean() > 0.3
    assert bits(coarsener.transform(other)) == bits(coarsener.transform(X))
    assert coarsener.transform(X)[column].nunique() > 1
    for model in (LogisticRegression(), SVC(), DecisionTreeClassifier(random_state=0)):
        private = make_pipeline(FrozenEstimator(coarsener), encoded(model)).fit(X, y)
        for method in ("predict", "predict_proba", "decision_function"):
            if hasattr(private, method):
                ask = getattr(private, method)
                assert bits(ask(other)) == bits(ask(X))
        assert bits(private[:-1].transform(other)) == bits(private[:-1].transform(X))


def test_several_features_move_together_and_nothing_else_does():
    X, y = table()
    rng = np.random.default_rng(2)
    coarsener = AttributeCoarsener(
        sensitive_feature=["age", "level", "income"],
        minimum=[10, 0.25, 0.2],
        unit={"age": "length"},
    )
    private = make_pipeline(coarsener, encoded(LogisticRegression())).fit(X, y)
    other = X
    for column in ("age", "level", "income"):
        other = inside(private[0], other, column, rng)
    assert bits(private.predict_proba(other)) == bits(private.predict_proba(X))
    assert private[0].minimum_["age"] == 10
    assert all(len(group) >= 2 for group in private[0].bins_["level"])


def in_containers(z):
    """One column of numbers as an array and as frames; polars' where it is there."""
    known = {"array": z[:, None], "pandas": pd.DataFrame({"z": z})}
    return known if pl is None else known | {"polars": pl.DataFrame({"z": z})}


@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["float", "float32", "integer", "wide", "listed"]),
    unit=st.sampled_from(["share", "length", "mass"]),
    strategy=st.sampled_from(["optimal", "uniform", "quantile"]),
    share=st.sampled_from([0.05, 0.1, 0.2, 0.25, 1 / 3, 0.5, 0.7, 1.0]),
    container=st.sampled_from(sorted(in_containers(np.zeros(1)))),
)
@settings(max_examples=80, deadline=None)
@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
def test_every_bin_is_at_least_the_minimum(seed, kind, unit, strategy, share, container):
    rng = np.random.default_rng(seed)
    n, domain = 60, "auto"
    if kind.startswith("float"):
        z = rng.lognormal(0, 1, n).astype(np.float32 if kind == "float32" else float)
    elif kind == "integer":
        z = rng.integers(-5, rng.integers(2, 40), n)
    elif kind == "wide":
        z = rng.integers(0, 5_000, n) ** 2
    else:
        domain = np.unique(rng.choice(1_000, rng.integers(2, 400))).astype(float)
        domain = np.r_[domain, 1_000.5]
        z = rng.choice(domain, n)
    z = np.r_[z, z[:1], z.max() + 3].astype(z.dtype) if kind != "listed" else z
    y = (z > np.median(z)).astype(int)
    X = in_containers(z)
    coarsener = AttributeCoarsener(
        sensitive_feature=0, unit=unit, strategy=strategy, domain=domain, model=TREE
    )
    low, high = float(z.min()), float(z.max())
    if kind.startswith("float"):
        possible = np.unique(np.r_[np.linspace(low, high, 5_001), z.astype(float)])
    elif kind == "listed":
        possible, low, high = domain, domain[0], domain[-1]
    elif kind == "integer":
        possible = np.arange(low, high + 1)
    else:
        possible = np.unique(np.r_[np.linspace(low, high, 5_001).round(), z])
    span = high - low + (kind in ("integer", "wide")) if kind != "listed" else len(domain)
    minimum = share * span if unit == "length" else share
    coarsener.set_params(minimum=minimum).fit(X[container], y)
    ends = next(iter(coarsener.bins_.values()))
    # The bins are what the rows show: nothing moves between two ends, something does beyond.
    asked = np.unique(np.r_[possible, ends.ravel()])
    rows = in_containers(asked)
    shown = np.asarray(coarsener.transform(rows[container]))[:, 0]
    starts = np.flatnonzero(np.r_[True, shown[1:] != shown[:-1]])
    stops = np.r_[starts[1:], len(asked)] - 1
    np.testing.assert_array_equal(asked[starts], ends[:, 0])
    np.testing.assert_array_equal(asked[stops], ends[:, 1])
    assert ((ends[:, 0] <= shown[starts]) & (shown[starts] <= ends[:, 1])).all()
    if unit == "mass":
        held = [np.mean((z >= a) & (z <= b)) for a, b in ends]
        least = share
    elif kind.startswith("float"):
        held, least = ends[:, 1] - ends[:, 0], share * span
    elif kind == "listed":
        held, least = [np.sum((domain >= a) & (domain <= b)) for a, b in ends], share * span
    else:
        held, least = ends[:, 1] - ends[:, 0] + 1, share * span
    assert min(held) >= least - 1e-9 * max(1, span)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_categories=st.integers(2, 20),
    least=st.integers(1, 12),
    strategy=st.sampled_from(["optimal", "uniform", "quantile"]),
)
@settings(max_examples=40, deadline=None)
@pytest.mark.filterwarnings("ignore::sklearn_rp.exceptions.PrivacyWarning")
def test_every_group_has_enough_categories(seed, n_categories, least, strategy):
    rng = np.random.default_rng(seed)
    known = np.array([f"c{k:02d}" for k in range(n_categories)])
    X = pd.DataFrame(
        {"c": np.r_[known, rng.choice(known, 60)], "z": rng.normal(size=60 + len(known))}
    )
    coarsener = AttributeCoarsener(
        sensitive_feature="c",
        minimum=least,
        unit="categories",
        strategy=strategy,
        model=make_pipeline(
            make_column_transformer((OrdinalEncoder(), ["c"]), remainder="passthrough"),
            DecisionTreeRegressor(max_depth=4),
        ),
    ).fit(X, rng.normal(size=len(X)))
    shown = coarsener.transform(X.iloc[:n_categories])["c"].to_numpy()
    groups = [set(known[shown == one]) for one in coarsener.values_["c"]]
    assert sorted(map(sorted, groups)) == sorted(sorted(g) for g in coarsener.bins_["c"])
    assert sum(map(len, groups)) == n_categories
    assert min(map(len, groups)) >= min(least, n_categories)
    assert all(one in group for one, group in zip(coarsener.values_["c"], groups, strict=True))
    if strategy == "uniform":
        assert len(groups) == max(1, n_categories // least)


class Known(RegressorMixin, BaseEstimator):
    """Answers with a number from a table, by the position of the value and of the other feature."""

    def __init__(self, answers=None):
        self.answers = answers

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def predict(self, X):
        first = X.iloc[:, 0].to_numpy()
        where = (
            np.array([LEVELS.index(v) for v in first]) if X.dtypes.iloc[0].kind == "O" else first
        )
        return self.answers[X.iloc[:, 1].to_numpy(dtype=int), np.asarray(where, dtype=int)]


class KnownProbability(ClassifierMixin, Known):
    """The same for probabilities of three labels."""

    def fit(self, X, y=None):
        self.classes_ = np.arange(3)
        return self

    def predict_proba(self, X):
        found = super().predict(X)
        return found / found.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)


def loss(answers, mass, groups):
    """What is lost where each group of positions gets its mean answer; rows as in training."""
    return sum(
        (
            mass[g][:, None]
            * (answers[:, g] - np.average(answers[:, g], axis=1, weights=mass[g])[:, None]) ** 2
        ).sum()
        for g in map(list, groups)
    )


@pytest.mark.parametrize("seed", range(12))
def test_optimal_bins_are_the_best_of_all_partitions(seed):
    rng = np.random.default_rng(seed)
    n_values, least = 9, int(rng.integers(1, 5))
    answers = np.cumsum(rng.normal(size=(20, n_values)), axis=1)
    X = pd.DataFrame({"z": rng.permutation(np.r_[np.arange(9), rng.integers(0, 9, 31)])})
    X["w"] = np.arange(40) // 2
    coarsener = AttributeCoarsener(
        sensitive_feature="z",
        minimum=least,
        unit="length",
        model=FrozenEstimator(Known(answers).fit(X)),
    ).fit(X, rng.normal(size=40))
    mass = np.bincount(X["z"]) / 40
    answers = answers[:, :, None]
    found = [range(int(a), int(b) + 1) for a, b in coarsener.bins_["z"]]
    every = [
        [range(a, b) for a, b in pairwise((0, *cuts, n_values))]
        for k in range(n_values)
        for cuts in combinations(range(1, n_values), k)
    ]
    allowed = [p for p in every if min(map(len, p)) >= least]
    assert found in allowed
    best = min(loss(answers, mass, p) for p in allowed)
    assert loss(answers, mass, found) == pytest.approx(best, rel=1e-4, abs=1e-4)


def groupings(items):
    """All partitions of a list into sets."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for k in range(len(rest) + 1):
        for chosen in combinations(rest, k):
            left = [item for item in rest if item not in chosen]
            for others in groupings(left):
                yield [[first, *chosen], *others]


@pytest.mark.parametrize("seed", range(6))
def test_optimal_groups_are_the_best_of_all_groupings(seed):
    rng = np.random.default_rng(seed)
    least = 1 + seed % 3
    answers = rng.uniform(size=(20, 7, 3)) ** 3
    X = pd.DataFrame({"c": np.r_[LEVELS, rng.choice(LEVELS, 40)].astype(object)})
    X["w"] = np.r_[np.zeros(7, dtype=int), np.arange(40) // 2]  # the first seven are not read
    y = np.arange(47) % 3
    coarsener = AttributeCoarsener(
        sensitive_feature="c",
        minimum=least,
        unit="categories",
        model=FrozenEstimator(KnownProbability(answers).fit(X)),
    ).fit(X, y)
    answers = answers / answers.sum(axis=2, keepdims=True)
    mass = X["c"].value_counts()[LEVELS].to_numpy() / 47
    found = [[LEVELS.index(c) for c in group] for group in coarsener.bins_["c"]]
    allowed = [p for p in groupings(list(range(7))) if min(map(len, p)) >= least]
    assert sorted(found) in [sorted(p) for p in allowed]
    best = min(loss(answers, mass, p) for p in allowed)
    assert loss(answers, mass, found) == pytest.approx(best, rel=1e-4, abs=1e-4)


def test_optimal_bins_end_where_the_target_changes():
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(600, 2))
    for y in ((X[:, 0] > 0.31).astype(int), np.where(X[:, 0] > 0.31, 5.0, -1.0) + X[:, 1]):
        bins = AttributeCoarsener(sensitive_feature=0).fit(X, y).bins_["x0"]
        assert np.abs(bins[:, 1] - 0.31).min() < 0.02


def test_uniform_bins_are_equal_and_as_many_as_fit():
    ages = np.arange(18, 68)[:, None]
    coarsener = AttributeCoarsener(sensitive_feature=0, strategy="uniform", unit="length")
    assert coarsener.set_params(minimum=10).fit(ages).bins_["x0"].tolist() == [
        [18, 27],
        [28, 37],
        [38, 47],
        [48, 57],
        [58, 67],
    ]
    bins = coarsener.set_params(minimum=12).fit(ages).bins_["x0"]
    assert (bins[:, 1] - bins[:, 0] + 1).tolist() == [12, 13, 12, 13]
    wide = coarsener.set_params(bounds=(0, 1), minimum=0.3, domain="continuous")
    np.testing.assert_allclose(wide.fit([[0.0], [1.0]]).bins_["x0"][:, 1], [1 / 3, 2 / 3, 1])


@pytest.mark.parametrize("strategy", ["optimal", "uniform", "quantile"])
@pytest.mark.parametrize(
    "values", [[1e300, -1e300, 0, 5e299], [0, 5e-324, 1e-323, 2e-323], [1e15, 1e15 + 1, 1e15 + 7]]
)
def test_a_tiny_minimum_of_any_numbers(values, strategy):
    X = np.repeat(values, 10)[:, None]
    coarsener = AttributeCoarsener(
        sensitive_feature=0, minimum=1e-12, strategy=strategy, domain="continuous"
    ).fit(X, np.repeat([0, 1], len(X) // 2))
    low, high = coarsener.bins_["x0"].T
    assert (low <= high).all()
    assert len(low) <= 256
    shown = coarsener.transform(X)
    assert len(np.unique(shown)) > 1
    np.testing.assert_array_equal(coarsener.transform(shown), shown)


def test_quantile_bins_hold_equally_many_where_the_minimum_allows_it():
    z = np.random.default_rng(0).lognormal(size=1_000)[:, None]
    coarsener = AttributeCoarsener(sensitive_feature=0, strategy="quantile", unit="mass")
    shown = coarsener.fit(z).transform(z)
    assert np.unique(shown, return_counts=True)[1].tolist() == [200] * 5
    coarsener.set_params(unit="share").fit(z)
    ends = coarsener.bins_["x0"]
    assert (ends[:, 1] - ends[:, 0] >= 0.2 * np.ptp(z) - 1e-9).all()


def test_quantile_groups_hold_equally_many():
    for n_categories in (8, 40):  # every grouping is weighed; they are dealt out
        codes = np.repeat(np.arange(n_categories), np.arange(n_categories) + 1)
        X = pd.DataFrame({"c": [f"c{code:02d}" for code in codes]})
        coarsener = AttributeCoarsener(
            sensitive_feature="c", strategy="quantile", minimum=2, unit="categories"
        )
        counts = coarsener.fit_transform(X)["c"].value_counts()
        assert len(counts) == n_categories // 2
        assert counts.nunique() == 1


def test_what_is_not_possible_counts_as_the_nearest_or_the_commonest():
    X, y = table()
    coarsener = AttributeCoarsener(
        sensitive_feature=["age", "level"], model=encoded(TREE), minimum=[0.2, 0.4]
    ).fit(X, y)
    person = X.iloc[[0, 0, 0]].assign(age=[-5, 1_000, 44], level=["nobody", "a", "a"])
    known = person.assign(age=[18, 67, 44], level="a")
    assert bits(coarsener.transform(person)) == bits(coarsener.transform(known))


@pytest.mark.parametrize("value", ["34567 dollars", [34_567], pd.Timestamp("2034-05-06 07:00")])
def test_what_is_no_number_is_an_error_that_tells_of_nobody(value):
    X, y = table(60)
    row = X.iloc[:1].assign(income=pd.Series([value], dtype=object))
    coarsener = AttributeCoarsener(sensitive_feature="income", strategy="uniform").fit(X)
    labels = AttributePrivacyClassifier(encoded(TREE), sensitive_feature="income").fit(X, y)
    for ask in (coarsener.transform, labels.predict):
        with pytest.raises(ValueError, match="'income' held numbers in fit") as error:
            ask(row)
        assert "34" not in str(error.value)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_missing_value_is_an_error_that_tells_of_nobody(value):
    X, _ = table()
    coarsener = AttributeCoarsener(sensitive_feature="income", strategy="uniform").fit(X)
    with pytest.raises(ValueError, match="missing values in sensitive_feature='income'") as error:
        coarsener.transform(X.iloc[:3].assign(income=[34_567.0, value, 34_567.0]))
    assert "34" not in str(error.value)
    with pytest.raises(ValueError, match="missing values in sensitive_feature='level'"):
        AttributeCoarsener(sensitive_feature="level", strategy="uniform").fit(
            X.assign(level=X["level"].where(X["level"] != "c"))
        )


def test_all_other_columns_stay_as_they_are():
    X, _ = table(30)
    X["when"], X["gap"] = pd.Timestamp("2020-01-01"), np.nan
    X["kind"] = pd.Categorical(X["level"], categories=[*LEVELS, "z"])
    X["single"] = X["weight"].astype(np.float32)
    X.index = np.arange(30) // 2
    before = X.copy()
    coarsener = AttributeCoarsener(sensitive_feature=["age", "income"], strategy="quantile").fit(X)
    others = [name for name in X if name not in ("age", "income")]
    some = X.iloc[5:9]
    some = some.assign(kind=some["kind"].cat.remove_unused_categories())
    pd.testing.assert_frame_equal(coarsener.transform(some)[others], some[others])
    pd.testing.assert_frame_equal(X, before)
    opened = coarsener.inverse_transform(coarsener.transform(X))
    pd.testing.assert_frame_equal(opened[others], X[others])
    assert ((opened["age_low"] <= X["age"]) & (X["age"] <= opened["age_high"])).all()
    if pl is None:
        return
    frame = pl.DataFrame(table(30)[0])
    out = coarsener.fit(frame).transform(frame)
    assert out.columns == frame.columns
    assert out.drop("age", "income").equals(frame.drop("age", "income"))
    assert (
        coarsener.inverse_transform(out)
        .drop("age_low", "age_high", "income_low", "income_high")
        .equals(frame.drop("age", "income"))
    )
    numbers = np.array([[1.0, 2.0, np.nan], [3.0, 4.0, 5.0]])
    coarsener = AttributeCoarsener(sensitive_feature=0, strategy="uniform").fit(numbers)
    np.testing.assert_array_equal(coarsener.transform(numbers)[:, 1:], numbers[:, 1:])


def test_dtypes_tell_nothing():
    X, _ = table()
    coarsener = AttributeCoarsener(sensitive_feature=["age", "level"], strategy="quantile").fit(X)
    kinds = coarsener.transform(X).dtypes
    assert kinds["age"] == np.int64
    assert kinds["level"] == X["level"].dtype
    for other in (
        X.astype({"age": float}),
        X.astype({"age": np.float32, "level": "category"}),
        X.astype({"age": "Int64"}),
        X.iloc[:1].astype({"level": "category"}),
    ):
        assert coarsener.transform(other).dtypes.equals(kinds)
    numbers = X[["age", "weight"]].to_numpy().round()
    for trained in (numbers, numbers.astype(int), numbers.astype(np.float32)):
        for asked in (numbers, numbers.astype(int), numbers[:3] + 0.25):
            fitted = AttributeCoarsener(sensitive_feature=0, strategy="uniform").fit(trained)
            assert fitted.transform(asked).dtype == np.float64
    mixed = X[["age", "level"]].to_numpy(dtype=object)
    fitted = AttributeCoarsener(sensitive_feature=[0, 1], strategy="uniform").fit(mixed)
    assert fitted.transform(mixed).dtype == object
    assert fitted.inverse_transform(fitted.transform(mixed)).shape == (300, 2 + len(LEVELS))


@pytest.mark.parametrize("dtype", ["category", "string", object, bool])
def test_categories_keep_the_dtype_of_the_training_rows(dtype):
    X, y = table()
    X = X.assign(level=X["level"].isin(["a", "b"]) if dtype is bool else X["level"].astype(dtype))
    unit = {"unit": "categories", "minimum": 1 if dtype is bool else 3}
    coarsener = AttributeCoarsener(sensitive_feature="level", **unit).fit(X, y)
    out = coarsener.transform(X)
    assert out["level"].dtype == X["level"].dtype
    assert out["level"].nunique() == 2
    if dtype == "category":
        assert coarsener.transform(X.iloc[[3]])["level"].dtype == X["level"].dtype


@pytest.mark.parametrize("kind", ["String", "Categorical", "Enum"])
def test_categories_of_polars(kind):
    pytest.importorskip("polars")
    dtype = pl.Enum(LEVELS) if kind == "Enum" else getattr(pl, kind)
    X, _ = table()
    X = pl.DataFrame(X).with_columns(pl.col("level").cast(dtype))
    out = AttributeCoarsener(sensitive_feature="level", strategy="quantile").fit_transform(X)
    assert out["level"].dtype == X["level"].dtype
    assert out["level"].n_unique() == 3


def test_inverse_transform_gives_the_ends_of_the_bins():
    X, y = table()
    coarsener = AttributeCoarsener(
        sensitive_feature=["age", "level"],
        strategy="uniform",
        minimum=[10, 3],
        unit=["length", "categories"],
    ).fit(X)
    opened = coarsener.inverse_transform(coarsener.transform(X))
    assert opened.columns.tolist() == [
        "income",
        "age_low",
        "age_high",
        "dose",
        *[f"level_{c}" for c in LEVELS],
        "weight",
    ]
    assert ((opened["age_low"] <= X["age"]) & (X["age"] <= opened["age_high"])).all()
    assert (opened["age_high"] - opened["age_low"] + 1 >= 10).all()
    groups = opened[[f"level_{c}" for c in LEVELS]].to_numpy()
    assert set(groups.sum(axis=1)) <= {3, 4}
    own = [LEVELS.index(c) for c in X["level"]]
    assert (groups[np.arange(len(X)), own] == 1).all()
    taken = X.assign(age_low=1.0)
    coarsener = AttributeCoarsener(sensitive_feature="age", strategy="uniform").fit(taken)
    with pytest.raises(ValueError, match="several columns named .'age_low'."):
        coarsener.inverse_transform(coarsener.transform(taken))
    assert y.shape == (300,)


def test_compatible_sets_of_any_model_behind_it_are_no_narrower():
    X, y = table()
    X = X.drop(columns="level")
    coarsener = AttributeCoarsener(sensitive_feature=["age", "income"], strategy="quantile")
    for model in (DecisionTreeClassifier(random_state=0), make_pipeline(StandardScaler(), SVC())):
        private = make_pipeline(coarsener, model).fit(X, y)
        for name, least in private[0].minimum_.items():
            bounds = private[0].bounds_[name]
            sets = compatible_sets(private, X.iloc[:40], sensitive_feature=name, bounds=bounds)
            assert sets.component_length.min() >= least * (1 - 1e-6)


def test_transforming_twice_changes_nothing():
    X, y = table()
    coarsener = AttributeCoarsener(sensitive_feature=["age", "level", "income"]).fit(X, y)
    once = coarsener.transform(X)
    pd.testing.assert_frame_equal(coarsener.transform(once), once)


def test_names_and_containers_of_scikit_learn():
    X, y = table()
    coarsener = AttributeCoarsener(sensitive_feature="age", strategy="uniform").fit(X)
    assert coarsener.get_feature_names_out().tolist() == X.columns.tolist()
    assert coarsener.n_features_in_ == 5
    assert coarsener.feature_names_in_.tolist() == X.columns.tolist()
    arrays = AttributeCoarsener(sensitive_feature=1, strategy="uniform").set_output(
        transform="pandas"
    )
    numbers = X[["income", "age"]].to_numpy()
    assert arrays.fit_transform(numbers).columns.tolist() == ["x0", "x1"]
    columns = ColumnTransformer(
        [
            ("bins", AttributeCoarsener(sensitive_feature="age", model=TREE), ["age", "weight"]),
            ("level", OneHotEncoder(), ["level"]),
        ]
    )
    private = make_pipeline(columns, StandardScaler(), LogisticRegression()).fit(X, y)
    assert private.score(X, y) > 0.6
    assert "bins__age" in columns.fit(X, y).get_feature_names_out()


def test_a_search_over_the_minimum():
    X, y = table()
    pipe = make_pipeline(
        AttributeCoarsener(sensitive_feature="age", model=encoded(TREE)),
        encoded(LogisticRegression()),
    )
    search = GridSearchCV(pipe, {"attributecoarsener__minimum": [0.1, 0.3]}, cv=2).fit(X, y)
    coarsener = search.best_estimator_[0]
    again = pickle.loads(pickle.dumps(coarsener))
    pd.testing.assert_frame_equal(again.transform(X), coarsener.transform(X))
    assert clone(coarsener).get_params()["minimum"] == coarsener.minimum


def test_another_version_warns_when_it_is_restored():
    coarsener = AttributeCoarsener(sensitive_feature="age", strategy="uniform").fit(table(30)[0])
    state = coarsener.__getstate__() | {"_sklearn_rp_version": "0.0.1"}
    with pytest.warns(PrivacyWarning, match="was fitted with sklearn_rp 0.0.1"):
        AttributeCoarsener(sensitive_feature="age").__setstate__(state)


def test_the_default_model_takes_text_gaps_and_any_target():
    X, y = table()
    X = X.assign(weight=X["weight"].where(X["weight"] > 50), when=pd.Timestamp("2020-01-01"))
    for target in (y, np.where(y, "yes", "no"), y * 1.5 + X["age"] / 7, X["age"] * 100):
        bins = AttributeCoarsener(sensitive_feature="age").fit(X, target).bins_["age"]
        assert len(bins) >= 2
    same = AttributeCoarsener(sensitive_feature="age").fit(X, np.zeros(len(X)))
    assert len(same.bins_["age"]) == 5  # nothing to lose: as equal as they can be


def test_a_model_of_labels_alone_and_rare_labels():
    X, y = table()
    y = y.astype(str)
    y[7] = "once"
    model = encoded(SVC())
    coarsener = AttributeCoarsener(sensitive_feature="age", model=model).fit(X, y)
    assert len(coarsener.bins_["age"]) >= 2
    assert not hasattr(model, "n_features_in_")
    probability = encoded(DecisionTreeClassifier(max_depth=3))
    assert len(clone(coarsener).set_params(model=probability).fit(X, y).bins_["age"]) >= 2


def test_one_value_for_all_or_one_for_each():
    X, _ = table()
    both = {"sensitive_feature": ["age", "weight"], "strategy": "uniform"}

    def found(**params):
        fitted = AttributeCoarsener(**both, **params).fit(X)
        return {name: bins.tolist() for name, bins in fitted.bins_.items()}

    wide = {"minimum": 10, "unit": "length"}
    assert found(**wide) == found(minimum=[10, 10], unit={"age": "length", "weight": "length"})
    assert found(bounds=(0, 200)) == found(bounds=[(0, 200), (0, 200)])
    assert found(bounds={"age": (0, 200)}) == found(bounds=[(0, 200), None])
    assert found(domain="continuous") == found(domain=["continuous", "continuous"])
    assert found(domain={"weight": "continuous"}) == found(domain=["auto", "continuous"])
    assert found(minimum={"age": 0.5, "weight": 0.2}) == found(minimum=np.array([0.5, 0.2]))


def test_the_target_is_needed_for_optimal_bins_alone():
    X, y = table(60)
    for strategy in ("uniform", "quantile"):
        AttributeCoarsener(sensitive_feature="age", strategy=strategy).fit(X)
    with pytest.raises(ValueError, match="requires y to be passed.*Use 'uniform' or 'quantile'"):
        AttributeCoarsener(sensitive_feature="age").fit(X)
    with pytest.raises(ValueError, match="Unknown label type"):
        AttributeCoarsener(sensitive_feature="age", model=TREE).fit(X, X["weight"])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        AttributeCoarsener(sensitive_feature="age").fit(X, y[:-1])
    regressor = make_pipeline(OneHotEncoder(), LinearRegression())
    AttributeCoarsener(sensitive_feature="level", model=regressor).fit(X[["level"]], X["weight"])


@pytest.mark.parametrize(
    "params",
    [
        {"sensitive_feature": "age", "unit": "length", "minimum": 80},
        {"sensitive_feature": "age", "minimum": 0.6},
        {"sensitive_feature": "level", "unit": "categories", "minimum": 9},
    ],
)
@pytest.mark.parametrize("strategy", ["optimal", "uniform", "quantile"])
def test_one_bin_for_all_is_warned_of(params, strategy):
    X, y = table()
    coarsener = AttributeCoarsener(**params, strategy=strategy, model=encoded(TREE))
    with pytest.warns(PrivacyWarning, match="leaves one bin: the column is constant") as seen:
        coarsener.fit(X, y)
    assert seen[0].filename == __file__
    assert coarsener.transform(X)[params["sensitive_feature"]].nunique() == 1


def bad(**params):
    """A second fit that fails, after which the first is still there."""
    X, y = table(60)
    coarsener = AttributeCoarsener(sensitive_feature="age", strategy="uniform").fit(X, y)
    before = coarsener.transform(X)
    try:
        coarsener.set_params(**params).fit(X.assign(same=1.0), y)
    finally:
        pd.testing.assert_frame_equal(coarsener.transform(X), before)


REFUSED = [
    ("AttributeCoarsener: sensitive_feature='agee'", lambda: bad(sensitive_feature="agee"), ValueError, "did you mean 'age'"),
    ("AttributeCoarsener: sensitive_feature=[]", lambda: bad(sensitive_feature=[]), ValueError, "at least one feature, each once"),
    ("AttributeCoarsener: sensitive_feature=['age', 1]", lambda: bad(sensitive_feature=["age", 1]), ValueError, "at least one feature, each once"),
    ("AttributeCoarsener: unit='categories'", lambda: bad(unit="categories"), ValueError, "unit='categories' is not allowed for the numeric feature 'age'"),
    ("AttributeCoarsener: sensitive_feature='level', unit='mass'", lambda: bad(sensitive_feature="level", unit="mass"), ValueError, "for the categorical feature 'level'"),
    ("AttributeCoarsener: unit='metres'", lambda: bad(unit="metres"), ValueError, "unit='metres' is not allowed"),
    ("AttributeCoarsener: minimum=0", lambda: bad(minimum=0), ValueError, "minimum=0 is not allowed for 'age': give a number above 0"),
    ("AttributeCoarsener: minimum='wide'", lambda: bad(minimum="wide"), ValueError, "minimum='wide' is not allowed"),
    ("AttributeCoarsener: minimum=True", lambda: bad(minimum=True), ValueError, "minimum=True is not allowed"),
    ("AttributeCoarsener: minimum=nan", lambda: bad(minimum=np.nan), ValueError, "minimum=nan is not allowed"),
    ("AttributeCoarsener: minimum=inf, unit='length'", lambda: bad(minimum=np.inf, unit="length"), ValueError, "it must be finite"),
    ("AttributeCoarsener: minimum=10", lambda: bad(minimum=10), ValueError, "a share is in .0, 1.. For the feature's own unit use unit='length'"),
    ("AttributeCoarsener: minimum=[0.1, 0.2]", lambda: bad(minimum=[0.1, 0.2]), ValueError, "2 values for 1 sensitive features: give one for all"),
    ("AttributeCoarsener: minimum={'weight': 0.1}", lambda: bad(minimum={"weight": 0.1}), ValueError, "not among sensitive_feature='age'"),
    ("AttributeCoarsener: minimum={}", lambda: bad(minimum={}), ValueError, r"has none for \['age'\]"),
    ("AttributeCoarsener: sensitive_feature='level', minimum=1.5, unit='categories'", lambda: bad(sensitive_feature="level", minimum=1.5, unit="categories"), ValueError, "a whole number of them"),
    ("AttributeCoarsener: sensitive_feature='level', minimum=inf, unit='categories'", lambda: bad(sensitive_feature="level", minimum=np.inf, unit="categories"), ValueError, "must be finite"),
    ("AttributeCoarsener: strategy='best'", lambda: bad(strategy="best"), ValueError, "'strategy' parameter"),
    ("AttributeCoarsener: bounds=(60, 20)", lambda: bad(bounds=(60, 20)), ValueError, "low must be below high"),
    ("AttributeCoarsener: bounds=(20, 30)", lambda: bad(bounds=(20, 30)), ValueError, "outside bounds"),
    ("AttributeCoarsener: domain='whole'", lambda: bad(domain="whole"), ValueError, "domain='whole' is not allowed"),
    ("AttributeCoarsener: model='tree'", lambda: bad(model="tree"), ValueError, "'model' parameter"),
    ("AttributeCoarsener: model=KMeans(), strategy='optimal'", lambda: bad(model=KMeans(), strategy="optimal"), ValueError, "is a clusterer: a classifier or a regressor"),
    ("AttributeCoarsener: sensitive_feature='same'", lambda: bad(sensitive_feature="same"), ValueError, "is constant"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("model", [None, RandomForestClassifier(5, random_state=0)])
def test_bins_for_lists_are_where_tastes_change(model):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(18, 78, 400), rng.normal(size=400)]).astype(float)
    old = X[:, 0] >= 47
    liked = np.column_stack([old, ~old, rng.random(400) < 0.5, np.zeros(400)]).astype(int)
    given = {"sensitive_feature": 0, "minimum": 12, "unit": "length"}
    bins = AttributeCoarsener(**given, model=model).fit(X, liked).bins_["x0"]
    assert (bins[:, 1] - bins[:, 0] + 1 >= 12).all()
    assert 46 in bins[:, 1]
