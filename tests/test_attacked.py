"""What reviewers broke once: models that looked as if they had a closed form, and had another."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from scipy.special import logit
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    Certificate,
    RobustPrivacyClassifier,
    certify,
)
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.attribute.prior import best_guess
from sklearn_rp.baselines import RandomizedResponseClassifier
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.rows import replace_columns

X, Y = load_breast_cancer(return_X_y=True)
X = X[:, :4]


def tree(depth=4):
    return DecisionTreeClassifier(max_depth=depth, random_state=0)


def votes(clf, rows, n=20_000):
    """Shares of n votes of the fitted base model, drawn here."""
    rng = np.random.default_rng(0)
    columns = [int(name[1:]) for name in clf.noise_features_]
    answer = []
    for row in rows:
        noisy = np.repeat(row[None], n, axis=0)
        noisy[:, columns] += clf.sigma * clf.noise_scale_ * rng.normal(size=(n, len(columns)))
        labels = clf.estimator_.predict(noisy)
        answer.append([(labels == c).mean() for c in clf.classes_])
    return np.array(answer)


def check_shares(clf, rows):
    assert clf.predict_proba(rows) == pytest.approx(votes(clf, rows), abs=0.03)


class Square(SelectKBest):
    """A selector that also transforms."""

    def transform(self, X):
        return (super().transform(X) - 100) ** 2


def sentinel_data():
    rng = np.random.default_rng(0)
    X = np.c_[rng.normal(120, 30, 2000), rng.normal(size=2000)]
    y = (X[:, 0] > 110).astype(int)
    X[::20, 0] = 0
    return X, y


def clipped_data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 2))
    X[3], X[7, 1] = [12, 0], 30
    return X, (X.sum(axis=1) > 0).astype(int)


weighted = ColumnTransformer(
    [("n", StandardScaler(), [0, 1, 2, 3])], transformer_weights={"n": 10.0}
)
NOT_AFFINE = {
    "imputer of a number": (
        make_pipeline(SimpleImputer(missing_values=0), tree(3)),
        *sentinel_data(),
    ),
    "transformer weights": (make_pipeline(weighted, tree()), X, Y),
    "a subclassed selector": (make_pipeline(Square(k=2), tree()), X, Y),
}


@pytest.mark.parametrize("case", NOT_AFFINE)
def test_steps_that_are_not_what_they_seem(case):
    model, rows, y = NOT_AFFINE[case]
    clf = RobustPrivacyClassifier(model, sigma=0.5, n_samples=2000, random_state=0).fit(rows, y)
    check_shares(clf, rows[:3])
    if clf.method_ == "exact":
        pytest.fail("there is no closed form behind this step")


def test_a_scaler_that_clips():
    try:
        scaler = MaxAbsScaler(clip=True)
    except TypeError:
        pytest.skip("MaxAbsScaler has no clip in this scikit-learn")
    rows, y = clipped_data()
    clf = RobustPrivacyClassifier(make_pipeline(scaler, LogisticRegression(C=100)), n_samples=50)
    assert clf.fit(rows, y).method_ == "monte_carlo"


def test_a_frozen_pipeline_over_reordered_columns():
    frame = pd.DataFrame(X, columns=list("abcd"))
    columns = ColumnTransformer([("s", StandardScaler(), [0])])
    pipe = make_pipeline(columns, tree()).fit(frame, Y)
    other = frame[["d", "c", "b", "a"]]
    arguments = {"noise_features": ["a", "d"], "sigma": 0.3, "random_state": 0}
    exact = RobustPrivacyClassifier(FrozenEstimator(pipe), **arguments).fit(other, Y)
    sampled = RobustPrivacyClassifier(
        FrozenEstimator(pipe), method="monte_carlo", n_samples=20_000, **arguments
    ).fit(other, Y)
    assert exact.predict_proba(other[:20]) == pytest.approx(
        sampled.predict_proba(other[:20]), abs=0.03
    )


@pytest.mark.parametrize("init", [LogisticRegression(max_iter=5000), tree(2)])
def test_boosting_that_starts_at_a_model(init):
    model = GradientBoostingClassifier(n_estimators=5, init=init, random_state=0)
    with pytest.raises(ValueError, match="no closed form"):
        RobustPrivacyClassifier(model, voting="soft", method="exact").fit(X, Y)
    # Nor are its thresholds known.
    model.fit(X, Y)
    sets = compatible_sets(model, X[:20], sensitive_feature=0)
    assert (sets.certified_inner == 0).all()


def test_boosting_bounds_no_probability():
    model = GradientBoostingClassifier(n_estimators=20, random_state=0)
    clf = RobustPrivacyClassifier(model, voting="soft", method="exact").fit(X, Y)
    cert = clf.certify(X[:10])
    assert np.isnan(cert.p_lower).all()
    assert np.isnan(cert.p_upper).all()
    assert ((logit(clf.predict_proba(X[:10])[:, 1]) > 0) == cert.label).all()


def test_stacking_reads_its_input_itself():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(800, 2))
    y = (rows[:, 0] + 0.3 * rows[:, 1] > 0).astype(int)
    model = StackingClassifier(
        [("t", tree(2))], final_estimator=LogisticRegression(), passthrough=True, cv=2
    ).fit(rows, y)
    sets = compatible_sets(model, rows[:50], sensitive_feature=1)
    assert (sets.certified_inner == 0).all()
    assert (sets.component_length > 0).all()


def test_boosting_with_a_category_numbers_its_features_anew():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"s": rng.normal(size=2000), "t": rng.normal(size=2000)})
    frame["c"] = pd.Categorical(rng.choice(["u", "v"], 2000))
    y = (frame["s"] + 0.5 * frame["t"] > 0).astype(int)
    model = HistGradientBoostingClassifier(categorical_features="from_dtype").fit(frame, y)
    rows = frame[:10]
    sets = compatible_sets(model, rows, sensitive_feature="t", bounds=(-4, 4))
    z = np.linspace(-4, 4, 2001)
    copies = rows.loc[rows.index.repeat(2001)].assign(t=np.tile(z, 10))
    same = model.predict(copies).reshape(10, -1) == model.predict(rows)[:, None]
    assert sets.length == pytest.approx(same.mean(axis=1) * 8, abs=0.06)


def test_a_fallback_is_published_as_it_is_released():
    rng = np.random.default_rng(0)
    z = rng.uniform(0, 10, 3000)
    rows, y = np.c_[z, rng.normal(size=3000)], np.digitize(z, [3, 3.8, 4.4, 7]) % 3
    clf = RobustPrivacyClassifier(
        tree(None), noise_features=[0], sigma=0.25, noise_scale=None, fallback=-1, min_radius=0.2
    )
    apt = AttributePrivacyTransformer(
        clf, sensitive_feature=0, bounds=(0, 10), include_prediction=True
    ).fit(rows, y)
    along = np.c_[np.linspace(0, 10, 1001), np.zeros(1001)]
    released, out = apt.estimator_.predict(along), apt.transform(along)
    assert np.array_equal(apt.classes_[out[:, 3].astype(int)], released)
    for label in np.unique(released):
        assert len(np.unique(out[released == label], axis=0)) == 1


def test_a_random_release_behind_a_pipeline_is_refused():
    random = RobustPrivacyClassifier(RandomForestClassifier(3), resample=True, n_samples=12)
    apt = AttributePrivacyTransformer(make_pipeline(StandardScaler(), random), sensitive_feature=0)
    with pytest.raises(ValueError, match="releases at random"):
        apt.fit(X, Y)


def test_names_and_dtypes_of_the_output():
    frame = pd.DataFrame(X[:, :2], columns=["bmi", "bmi_low"])
    apt = AttributePrivacyTransformer(tree(), sensitive_feature="bmi")
    with pytest.raises(ValueError, match=r"several columns named \['bmi_low'\]"):
        apt.fit(frame, Y)
    apt = AttributePrivacyTransformer(tree(), sensitive_feature=0, output="drop").fit(X, Y)
    whole, part = apt.transform(np.array([[30, 2, 3, 4]])), apt.transform([[30.5, 2, 3, 4]])
    assert whole.dtype == part.dtype == np.float64  # whether the value is whole does not show


def test_values_at_a_threshold_are_in_their_own_set():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3000, 1))
    model = HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=2)
    model.fit(rows, rows[:, 0] > 0)
    sets = compatible_sets(model, rows, sensitive_feature=0)
    assert (sets.component_length > 0).all()
    order = np.argsort(rows[:, 0])
    inside = sets.contains(rows[order, 0])
    assert inside[order, np.arange(3000)].all()


def test_guesses_within_a_tolerance_that_floating_point_misses():
    assert best_guess(np.array([0.7, 0.9]), np.array([[0.5, 0.5]]), 0.1)[0] == 1.0


def test_intersections_of_known_sets_are_known():
    one, two = tree(3).fit(X, Y), tree(5).fit(X[::2], Y[::2])
    asked = {"sensitive_feature": 0, "bounds": (X[:, 0].min(), X[:, 0].max())}
    both = compatible_sets(one, X[:50], **asked).intersect(compatible_sets(two, X[:50], **asked))
    assert both.certified_inner == pytest.approx(both.length)
    assert both.certified_outer == pytest.approx(both.length)


def test_rows_beyond_the_range_count_as_at_its_end():
    apt = AttributePrivacyTransformer(tree(), sensitive_feature=0).fit(X, Y)
    sets = apt.compatible_sets(X[:20] + np.array([100, 0, 0, 0]))
    assert (sets.component_length > 0).all()


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(
            ColumnTransformer([("k", "passthrough", [1, 2])]), FunctionTransformer(np.log1p), tree()
        ),
        make_pipeline(FunctionTransformer(np.log1p), tree()),
    ],
)
def test_pipelines_without_a_closed_form_fall_back(model):
    clf = RobustPrivacyClassifier(model, noise_features=[0, 3], n_samples=20).fit(X, Y)
    assert clf.method_ == "monte_carlo"


def test_frames_that_once_ended_in_raw_errors():
    frame = pd.DataFrame(X, columns=[10, 20, 30, 40])
    model = make_pipeline(ColumnTransformer([("s", StandardScaler(), [0, 1])]), tree())
    assert RobustPrivacyClassifier(model, n_samples=50).fit(frame, Y).method_ == "exact"
    text = pd.DataFrame({"a": X[:, 0], "t": np.where(Y, "u", "v")})
    model = make_pipeline(
        SimpleImputer(strategy="most_frequent"), FunctionTransformer(lambda v: v[:, :1]), tree()
    )
    assert len(RobustPrivacyClassifier(model, n_samples=50).fit(text, Y).certify(text)) == len(Y)
    xgboost = pytest.importorskip("xgboost")
    linear = xgboost.XGBClassifier(booster="gblinear", n_estimators=3).fit(X, Y)
    assert (compatible_sets(linear, X[:5], sensitive_feature=0).certified_inner == 0).all()


def test_errors_say_what_is_wrong():
    model = tree().fit(X, Y)
    frame = pd.DataFrame({"c": ["a", "b", "a", "b"], "x": [1.0, 2, 3, 4]})
    cases = [
        (lambda: compatible_sets(model, X[0], sensitive_feature=0), "Expected 2D array"),
        (lambda: compatible_sets(model, X[:0], sensitive_feature=0), "0 sample"),
        (lambda: compatible_sets(model, X, sensitive_feature=0, sigmas=["a"]), "sigmas=.*allowed"),
        (lambda: compatible_sets(model, X, sensitive_feature=0, sigmas=[]), "sigmas=.*allowed"),
        (
            lambda: compatible_sets(model, frame, sensitive_feature="c", bounds="ab"),
            "give a list of categories",
        ),
        (
            lambda: compatible_sets(model, frame.assign(c=["a", 1, "b", 2]), sensitive_feature="c"),
            "several types",
        ),
        (
            lambda: compatible_sets(model, frame.astype({"x": object}), sensitive_feature="x"),
            "numbers as objects",
        ),
        (
            lambda: RobustPrivacyClassifier(tree(), noise_features="c", sigma=1.5).fit(
                frame, [0, 1, 0, 1]
            ),
            "could not convert|drawn anew",
        ),
        (
            lambda: compatible_sets(model, X, sensitive_feature=0).prior_mass({"a": 1.0}),
            "is numeric",
        ),
        (lambda: compatible_sets(model, X, sensitive_feature=0).intersect("x"), "CompatibleSets"),
        (
            lambda: AttributeInferenceAttack(model, sensitive_feature=0, n_resamples=10.5).fit(X),
            "n_resamples=10.5",
        ),
    ]
    for call, message in cases:
        with pytest.raises((ValueError, TypeError), match=message):
            call()
    text = frame.loc[[0, 1, 2, 3] * 10].reset_index(drop=True)

    class OnText(DecisionTreeClassifier):
        def fit(self, X, y):
            return super().fit(X[["x"]], y)

        def predict(self, X):
            return super().predict(X[["x"]])

    fitted = OnText().fit(text, text["x"] > 2)
    with pytest.raises(ValueError, match="needs its predict_proba"):
        AttributeInferenceAttack(fitted, sensitive_feature="c", imputer=RidgeClassifier()).fit(text)


@pytest.mark.parametrize("n_samples", [11, 300])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_fresh_noise_is_each_rows_own(n_samples, n_jobs):
    """Rows of one call shared their noise: two queries about a person were no two mechanisms."""
    rule = LinearRule([1.0]).fit(np.zeros((2, 1)), [0, 1])
    X = np.linspace(-1, 1, 50)[:, None]
    clf = RobustPrivacyClassifier(
        rule, method="monte_carlo", n_samples=n_samples, alpha=0.05, resample=True,
        noise_scale=None, sigma=1.0, n_jobs=n_jobs, random_state=0,
    ).fit(X, (X[:, 0] > 0).astype(int))  # fmt: skip
    share = clf.predict_proba(np.zeros((2000, 1)))[:, 1]
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    assert share.std() == pytest.approx(0.5 / np.sqrt(n_samples), rel=0.1)  # independent


# --- what the second adversarial reader found -----------------------------------------------------


def jobs():
    """People whose label is a function of the job, which is stored as a category."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"job": pd.Categorical(rng.choice(list("abcd"), 300)), "v": rng.normal(size=300)}
    )
    return X, X["job"].isin(["b", "c"]).to_numpy().astype(int)


ENCODED = make_pipeline(
    make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["job"])), LogisticRegression()
)
NATIVE = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype")


@pytest.mark.parametrize("model", [ENCODED, NATIVE], ids=["encoded", "native"])
def test_one_record_knows_its_own_category_only(model):
    """The other categories became missing values: false radii, and transform told the value."""
    X, y = jobs()
    clf = RobustPrivacyClassifier(model, noise_features="job", sigma=0.3).fit(X, y)
    apc = AttributePrivacyClassifier(
        model, sensitive_feature="job", minimum=3, unit="categories"
    ).fit(X, y)
    apt = AttributePrivacyTransformer(model, sensitive_feature="job").fit(X, y)
    out, kept = {}, {}
    for job in "abcd":
        alone = pd.DataFrame({"job": [job], "v": [0.0]}).astype({"job": "category"})
        cert = clf.certify(alone)
        assert (cert.label[0], cert.radius[0]) == (int(job in "bc"), 0.0)
        assert apc.compatible_sets(alone).length[0] >= 3
        out[job], kept[job] = apt.transform(alone).to_numpy().tolist(), apc.predict(alone)[0]
        plain = clone(model).fit(X, y)
        sets = compatible_sets(plain, alone, sensitive_feature="job", bounds=list("abcd"))
        assert sets.intervals == [["b", "c"] if job in "bc" else ["a", "d"]]
    assert out["b"] == out["c"] != out["a"] == out["d"]
    assert max(list(kept.values()).count(label) for label in kept.values()) >= 3


def test_a_dtype_that_loses_values_is_refused():
    kind = pd.api.types.pandas_dtype("datetime64[ns]")
    rows = pd.DataFrame({"when": pd.Series(["2020-01-01", "2021-01-01"], dtype=kind), "v": [0, 1]})
    with pytest.raises(ValueError, match="has no place for"):
        replace_columns(rows, np.array([0]), np.array([[None], [None]], dtype=object), 1)


def test_a_prior_must_not_know_the_sensitive_feature():
    rows = np.repeat(np.arange(20.0)[:, None], 2, axis=1)
    clf = AttributePrivacyClassifier(tree(None), sensitive_feature=0, minimum=0.4, prior=[1, 0])
    with pytest.raises(ValueError, match="names the sensitive feature, 'x0'"):
        clf.fit(rows, (rows[:, 0] // 2) % 2)


@pytest.mark.parametrize("edges", [(22.5, 25.5), (27.0, 31.5), (36.0, 36.2)])
def test_a_band_that_begins_at_a_point_of_the_grid(edges):
    """There the smoothed label is a tie, with no ball: the gap beside it was never looked into."""
    ages = np.linspace(18, 90, 1441)[:, None]
    inside = (ages[:, 0] >= edges[0]) & (ages[:, 0] < edges[1])
    rule = Between(*edges).fit(ages, inside.astype(int))
    clf = RobustPrivacyClassifier(FrozenEstimator(rule), sigma=0.001, noise_scale=None)
    clf.fit(ages, inside.astype(int))
    rows = np.array([[np.mean(edges)], [80.0]])
    for bounds in ((18, 90), (0, 90)):
        sets = compatible_sets(clf, rows, sensitive_feature=0, bounds=bounds)
        length = edges[1] - edges[0]
        cell = 1.5 * 72 / 256  # the smoothed classifier is that of the model read on 256 cells
        assert sets.length == pytest.approx([length, bounds[1] - bounds[0] - length], abs=cell)


class Between(LinearRule):
    """Label 1 in a band."""

    def __init__(self, low=0.0, high=1.0):
        super().__init__()
        self.low, self.high = low, high

    def predict(self, X):
        value = np.asarray(X)[:, 0]
        return ((value >= self.low) & (value < self.high)).astype(int)


class OwnSearch(GridSearchCV):
    """Answers with a threshold of its own."""

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.95).astype(int)


class OwnPipeline(Pipeline):
    """Answers with a threshold of its own."""

    def predict(self, X):
        return (self.predict_proba(X)[:, 1] > 0.95).astype(int)


class Stores(LinearRule):
    """Keeps a model as searches do, and answers the opposite."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        smoothed = RobustPrivacyClassifier(tree(3), noise_features=[0], sigma=0.5)
        self.best_estimator_ = smoothed.fit(X, y)
        return self

    def predict(self, X):
        return 1 - self.best_estimator_.predict(X)


@pytest.mark.parametrize("kind", ["search", "pipeline", "stores"])
def test_wrappers_with_answers_of_their_own_are_not_looked_through(kind):
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 10, (300, 2))
    labels = ((rows[:, 0] > 5) ^ (rng.uniform(size=300) < 0.03)).astype(int)
    smoothed = RobustPrivacyClassifier(tree(3), noise_features=[0], sigma=0.5)
    wrapper = {
        "search": OwnSearch(smoothed, {"sigma": [0.5]}, cv=2),
        "pipeline": OwnPipeline([("model", smoothed)]),
        "stores": Stores(),
    }[kind].fit(rows, labels)
    with pytest.raises(TypeError, match="certify cannot certify"):
        certify(wrapper, rows)
    sets = compatible_sets(wrapper, rows[:20], sensitive_feature=0, bounds=(0, 10))
    assert (sets.label == wrapper.predict(rows[:20])).all()
    z = np.linspace(0, 10, 2001)
    for i in range(20):
        same = wrapper.predict(np.c_[z, np.full(2001, rows[i, 1])]) == sets.label[i]
        assert sets.length[i] == pytest.approx(10 * same.mean(), abs=0.05)


class Guarded(Pipeline):
    """0 wherever the first feature is far out."""

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] > 3.9, 0, super().predict(X))


class GuardedModel(LogisticRegression):
    """The same, and says nothing of it in its module."""

    def predict(self, X):
        return np.where(np.asarray(X)[:, 0] > 3.9, 0, super().predict(X))


GuardedModel.predict.__module__ = "sklearn.linear_model"


@pytest.mark.parametrize("model", [Guarded([("m", LogisticRegression())]), GuardedModel()])
def test_a_rule_far_out_is_seen(model):
    rows = np.clip(np.random.default_rng(0).normal(size=(500, 2)), -2.4, 2.4)
    clf = RobustPrivacyClassifier(model, sigma=4.0, noise_scale=None, random_state=0)
    clf.fit(rows, (rows[:, 0] > 0).astype(int))
    assert clf.engine_ == "monte_carlo"
    assert clf.predict([[2.0, 0.0]]) == [0]


def test_columns_in_another_order_are_refused_by_sets():
    lightgbm = pytest.importorskip("lightgbm")  # reads frames by position
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.uniform(0, 10, (400, 2)), columns=["a", "b"])
    labels = ((rows["a"] > 5) & (rows["b"] > 2)).astype(int)
    model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    asked = {"sensitive_feature": "b", "bounds": (0, 10)}
    clf = RobustPrivacyClassifier(model, noise_features=["b"], sigma=0.1).fit(rows, labels)
    apc = AttributePrivacyClassifier(model, **asked).fit(rows, labels)
    for estimator in (clf, apc):
        with pytest.raises(ValueError, match="feature names should match"):
            compatible_sets(estimator, rows[["b", "a"]], **asked)


def test_thresholds_that_tell_missing_values_alone():
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 10, size=(400, 2))
    gaps, labels = rows.copy(), (rows[:, 1] > 8).astype(int)
    gone = rng.random(400) < 0.3
    gaps[gone, 0], labels[gone] = np.nan, 1
    model = tree(None).fit(gaps, labels)
    assert np.isinf(model.tree_.threshold).any()
    sets = compatible_sets(model, rows[:20], sensitive_feature=0, bounds=(0, 10))
    assert sets.length == pytest.approx(np.full(20, 10.0))
    frozen = FrozenEstimator(model)
    for noised in ([0], None):
        clf = RobustPrivacyClassifier(frozen, noise_features=noised, sigma=0.3).fit(rows, labels)
        check_shares(clf, rows[:5])
    clf = AttributePrivacyClassifier(frozen, sensitive_feature=0, bounds=(0, 10)).fit(rows, labels)
    assert clf.compatible_sets(rows).component_length.min() == 10


def jitter(rows):
    return rows + np.random.default_rng().normal(size=rows.shape)


def random_release():
    return RobustPrivacyClassifier(
        tree(3), resample=True, method="monte_carlo", n_samples=30, alpha=0.1
    )


@pytest.mark.filterwarnings("ignore:.*same rows different answers")
@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier([("a", random_release())]),
        BaggingClassifier(random_release(), 2),
        make_pipeline(random_release()),
        RobustPrivacyClassifier(RandomizedResponseClassifier(tree(3), p=0.7), noise_features=[0]),
        LinearRule((1.0, -1.0)),
        DummyClassifier(strategy="stratified"),
        make_pipeline(FunctionTransformer(jitter), LogisticRegression()),
        make_pipeline(FunctionTransformer(jitter), RobustPrivacyClassifier(tree(3))),
    ],
    ids=["voting", "bagging", "pipeline", "inside", "unknown", "dummy", "step", "step in front"],
)
def test_a_release_that_is_random_inside_is_refused(model):
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 10, (200, 2))
    if isinstance(model, LinearRule):
        model = FlipsACoin()
    model = clone(model).fit(rows, (rows[:, 0] > 5).astype(int))
    with pytest.raises(ValueError, match="releases at random"):
        compatible_sets(model, rows, sensitive_feature=0)


class FlipsACoin(LinearRule):
    """Random, and tells nobody."""

    def predict(self, X):
        return np.random.default_rng().integers(2, size=len(X))


def test_labels_of_pandas_strings_survive_json():
    strings = getattr(np.dtypes, "StringDType", None)
    if strings is None:
        pytest.skip("this numpy has no strings of its own")
    clf = RobustPrivacyClassifier(LogisticRegression(max_iter=3000), random_state=0).fit(X, Y)
    cert = clf.certify(X[:5])
    cert = replace(cert, label=np.where(cert.label, "yes", "no").astype(strings()))
    again = Certificate.from_json(cert.to_json())
    assert again.label.tolist() == cert.label.tolist()


# --- and in a second round ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        RandomizedResponseClassifier(tree(3), p=0.6),
        DummyClassifier(strategy="stratified"),
        make_pipeline(FunctionTransformer(jitter), LogisticRegression()),
    ],
    ids=["baseline", "dummy", "step"],
)
def test_no_certificate_of_a_random_model_is_certain(model):
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 10, (200, 2))
    labels = (rows[:, 0] > 5).astype(int)
    with pytest.warns(PrivacyWarning, match="same rows different answers"):
        clf = RobustPrivacyClassifier(clone(model), noise_features=[0]).fit(rows, labels)
    assert clf.method_ == "monte_carlo"
    assert (clf.certify(rows).alpha) > 0
    with pytest.raises(ValueError, match="method='exact' is not allowed"):
        RobustPrivacyClassifier(clone(model), noise_features=[0], method="exact").fit(rows, labels)


def test_a_model_that_is_random_where_values_are_missing():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3))
    labels = (rows.sum(axis=1) > 0).astype(int)
    rows[:6, 2] = np.nan  # none of them is among the usual sample
    rows[[0]] = rows[[10]]

    class FillsAnyhow(LinearRule):
        def predict(self, X):
            fill = np.random.default_rng().normal(scale=9, size=X.shape)
            return super().predict(np.where(np.isnan(X), fill, X))

    model = FillsAnyhow((1.0, 1.0, 1.0)).fit(rows, labels)
    with pytest.raises(ValueError, match="releases at random"):
        compatible_sets(model, rows, sensitive_feature=0)


@pytest.mark.parametrize("threshold", [0.1, 0.9])
def test_a_threshold_is_kept_by_the_minimum_and_missed_by_soft_votes(threshold):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2))
    labels = (rows.sum(axis=1) + rng.normal(size=300) > 0).astype(int)
    model = FixedThresholdClassifier(LogisticRegression(), threshold=threshold)
    plain = clone(model).fit(rows, labels)
    apc = AttributePrivacyClassifier(model, sensitive_feature=0, minimum=0.001).fit(rows, labels)
    assert np.mean(apc.predict(rows) == plain.predict(rows)) > 0.97
    with pytest.warns(PrivacyWarning, match="has a threshold of its own"):
        RobustPrivacyClassifier(model, voting="soft", random_state=0).fit(rows, labels)


def test_sets_of_other_people_are_not_intersected():
    model = tree(3).fit(X, Y)
    sets = compatible_sets(model, X[:50], sensitive_feature=0, bounds=(0, 100))
    with pytest.raises(ValueError, match="same people, in the same order"):
        sets.intersect(sets[::-1])


def test_a_pipeline_that_reorders_rows_keeps_their_labels():
    rows = pd.DataFrame(X, columns=list("abcd"))
    turned = FunctionTransformer(lambda frame: frame[::-1])
    pipe = make_pipeline(turned, FrozenEstimator(RobustPrivacyClassifier(tree(3)).fit(rows, Y)))
    cert = certify(pipe, rows)
    assert cert.to_frame().index.equals(rows.index[::-1])
    fewer = make_pipeline(FunctionTransformer(lambda frame: frame.to_numpy()[:5]), pipe[-1])
    assert len(certify(fewer, rows).to_frame()) == 5


def test_missing_values_of_pandas_are_missing():
    people = pd.DataFrame({"v": X[:, 0], "s": pd.array(["a", "b"] * 284 + ["a"], dtype="string")})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["s"]), remainder="passthrough"), tree(3)
    ).fit(people, Y)
    gone = people.copy()
    gone.loc[3, "s"] = pd.NA
    with pytest.raises(ValueError, match="missing values in sensitive_feature='s'"):
        compatible_sets(model, gone, sensitive_feature="s")
    sets = compatible_sets(model, people, sensitive_feature="v")
    assert sets.summary(gone["s"])["n"].to_dict() == {"all": 569, "a": 285, "b": 283, "missing": 1}
    mixed = np.array(["a", 1] * 284 + ["a"], dtype=object)
    assert sets.summary(mixed)["n"].to_dict() == {"all": 569, "1": 284, "a": 285}
