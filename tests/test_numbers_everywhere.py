"""What takes classifiers takes regressors: scores, searches, reports, displays, baselines, dask."""

# ruff: noqa: E501

from functools import partial

import numpy as np
import pandas as pd
import pytest
from refused import refit, refused
from scipy import stats
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyRegressor,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
    RobustPrivacyRegressor,
    certify,
    privacy_report,
)
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.baselines import NoisyOutputRegressor, RoundedRegressor
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.inspection import (
    CertifiedAccuracyDisplay,
    CompatibleSetDisplay,
    PrivacyUtilityDisplay,
    ReleaseDisplay,
)
from sklearn_rp.metrics import (
    abstention_rate,
    average_certified_radius,
    certified_accuracy_score,
    certified_error,
    make_certificate_scorer,
)
from sklearn_rp.model_selection import NoiseSearchCV, max_privacy

FRAME, Y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
FRAME, Y = FRAME[["age", "bmi", "bp", "s5"]], Y.to_numpy()
TRAIN, TEST = slice(0, 300), slice(300, None)
BMI = {"sensitive_feature": "bmi", "bounds": (15, 45)}


def smoothed(model=None, **parameters):
    parameters = {"step": 40, "noise_features": "bmi", "random_state": 0} | parameters
    model = model or DecisionTreeRegressor(max_depth=4, random_state=0)
    return RobustPrivacyRegressor(model, **parameters)


class Counting(KNeighborsRegressor):
    asked = 0

    def predict(self, X):
        Counting.asked += len(X)
        return super().predict(X)


RPR = smoothed(sigma=0.5).fit(FRAME, Y)


@pytest.mark.parametrize(
    "metric", [mean_absolute_error, r2_score, partial(mean_pinball_loss, alpha=0.9)]
)
@pytest.mark.parametrize("radius", [0.0, 0.4, 9.0])
def test_what_is_not_certified_gets_one_number(metric, radius):
    cert = RPR.certify(FRAME)
    released = cert.label.copy()
    released[cert.abstained | (cert.radius < radius)] = np.median(Y)
    found = certified_error(Y, cert, radius=radius, metric=metric)
    assert found == pytest.approx(metric(Y, released))
    in_unit = certified_error(
        Y, cert, radius=radius * RPR.noise_scale_[0], feature="bmi", metric=metric, fallback=0
    )
    released[released == np.median(Y)] = 0
    certified = ~cert.abstained & (cert.radius >= radius)
    expected = metric(Y, np.where(certified, cert.label, 0))
    assert in_unit == pytest.approx(expected)
    weight = np.arange(len(Y)) % 3
    weighted = certified_error(Y, cert, metric=metric, sample_weight=weight)
    kept = np.where(cert.abstained, np.median(Y), cert.label)
    assert weighted == pytest.approx(metric(Y, kept, sample_weight=weight))


def test_radii_of_numbers_count_whatever_the_number():
    cert = RPR.certify(FRAME)
    assert average_certified_radius(Y, cert) == pytest.approx(cert.radius.mean())
    assert abstention_rate(cert) == cert.abstained.mean()
    with pytest.raises(ValueError, match="of numbers, which are not right or wrong: use certified"):
        certified_accuracy_score(Y, cert)
    with pytest.raises(ValueError, match="of numbers, which are not right or wrong"):
        CertifiedAccuracyDisplay.from_estimator(RPR, FRAME, Y)


def test_a_scorer_of_errors_stops_the_votes():
    voted = smoothed(Counting(), n_samples=20_000, method="monte_carlo").fit(FRAME, Y)
    scorer = make_certificate_scorer(certified_error, greater_is_better=False, radius=0.2)
    Counting.asked = 0
    assert -scorer(voted, FRAME[:40], Y[:40]) > 0
    assert 0 < Counting.asked < 0.6 * 40 * 20_000
    assert cross_val_score(smoothed(), FRAME, Y, scoring=scorer, cv=3).shape == (3,)


@pytest.mark.parametrize("pipeline", [False, True])
def test_noise_search_is_grid_search(pipeline):
    model = (
        make_pipeline(StandardScaler(), smoothed(noise_features=[1])) if pipeline else smoothed()
    )
    where = "robustprivacyregressor__" if pipeline else ""
    data = FRAME.to_numpy() if pipeline else FRAME
    scoring = {"r2": "r2", "radius": make_certificate_scorer(average_certified_radius)}
    choose = max_privacy(0.05, accuracy="r2")
    fast = NoiseSearchCV(model, [0.1, 0.5, 2.0], scoring=scoring, refit=choose, cv=3).fit(data, Y)
    slow = GridSearchCV(
        model, {f"{where}sigma": [0.1, 0.5, 2.0]}, scoring=scoring, refit=choose, cv=3
    ).fit(data, Y)
    for name in ("mean_test_r2", "mean_test_radius"):
        np.testing.assert_allclose(fast.cv_results_[name], slow.cv_results_[name])
    assert fast.best_params_ == slow.best_params_
    np.testing.assert_array_equal(fast.predict(data), slow.predict(data))
    display = PrivacyUtilityDisplay.from_estimator(fast, accuracy="r2")
    assert len(display.frame()) == 3


def test_the_transformer_publishes_the_sets_of_smoothed_numbers():
    apt = AttributePrivacyTransformer(smoothed(sigma=0.5), include_prediction=True, **BMI)
    out = apt.fit(FRAME, Y).transform(FRAME)
    np.testing.assert_array_equal(out["prediction"], RPR.predict(FRAME))
    inside = FRAME.assign(bmi=(out["bmi_low"] + out["bmi_high"]) / 2)
    sets = apt.compatible_sets(FRAME)
    one_part = np.array([len(each) == 1 for each in sets.intervals])
    assert one_part.mean() > 0.3
    np.testing.assert_array_equal(apt.transform(inside)[one_part], out[one_part])
    low, high = RPR.certify(FRAME).interval("bmi")
    own_low, own_high = sets.own_interval()
    assert (own_low <= np.maximum(low, 15) + 1e-5).all()
    assert (own_high >= np.minimum(high, 45) - 1e-5).all()


def test_an_attacker_gains_less_by_a_smoothed_number():
    public, people = FRAME[TRAIN], FRAME[TEST]
    gains = {}
    for name, model in {"exact": RPR.estimator_, "smoothed": RPR}.items():
        attack = AttributeInferenceAttack(model, n_resamples=20, **BMI).fit(public)
        gains[name] = attack.evaluate(people).to_frame().set_index("attacker")["length"]
    assert gains["smoothed"]["deterministic"] > gains["exact"]["deterministic"]


REPORTED = {
    "smoothed": (lambda: smoothed(sigma=0.5), {}),
    "minimum": (lambda: AttributePrivacyRegressor(levels="model", minimum=0.3, **BMI), {}),
    "bare": (lambda: Ridge(), {"tolerance": 10.0}),
    "in a pipeline": (lambda: make_pipeline(StandardScaler(), smoothed(noise_features=[1])), {}),
    "rounded": (lambda: RoundedRegressor(DecisionTreeRegressor(max_depth=4), step=50), {}),
}


@pytest.mark.parametrize("name", REPORTED)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_reports(name):
    make, options = REPORTED[name]
    model = make().fit(FRAME[TRAIN], Y[TRAIN])
    report = privacy_report(
        model, FRAME[TEST], Y[TEST], sensitive_features="bmi", bounds=(15, 45), **options
    )
    point = report.operating_point
    released = model.predict(FRAME[TEST])
    assert point["released"] == "numbers"
    assert point["r2"] == pytest.approx(r2_score(Y[TEST], released))
    assert point["mean_absolute_error"] == pytest.approx(mean_absolute_error(Y[TEST], released))
    alone = np.mean(np.abs(Y[TEST] - np.median(Y[TEST])))
    assert point["mean_absolute_error_of_the_median_alone"] == pytest.approx(alone)
    assert (point["r2_without_privacy"] is None) == (name == "bare")
    table = report.sets["bmi"]
    groups = table["group"].tolist()
    assert groups[0] == "all"
    assert 2 <= len(groups) <= 6
    sets = compatible_sets(model, FRAME[TEST], **BMI, **options)
    assert table["median"].iloc[0] == pytest.approx(np.median(sets.component_length))
    text = report.to_html()
    assert "What the number leaves open of bmi" in text
    assert "label" not in repr(report)
    assert (report.radii is not None) == (name in ("smoothed", "in a pipeline"))
    assert set(report.attacks["bmi"]["attacker"]) >= {"imputation", "bayesian"}


def test_a_report_says_where_numbers_are_worthless():
    model = LinearRegression().fit(FRAME[TRAIN], -Y[TRAIN])
    report = privacy_report(model, FRAME[TEST], Y[TEST], sensitive_features="bmi", tolerance=1.0)
    assert any("no less than the median alone" in each for each in report.warnings)
    assert any("the number leaves less than 5%" in each for each in report.warnings)


def test_what_a_person_would_be_told_along_the_feature():
    pytest.importorskip("matplotlib").use("agg")
    apr = AttributePrivacyRegressor(DecisionTreeRegressor(max_depth=4), levels="model", **BMI)
    apr.fit(FRAME, Y)
    cases = [
        (apr, {}),
        (RPR, BMI),
        (AttributePrivacyTransformer(smoothed(), **BMI).fit(FRAME, Y), {}),
    ]
    for model, asked in cases:
        display = ReleaseDisplay.from_estimator(model, FRAME, row=5, unit="kg/m2", **asked)
        frame = display.frame()
        rows = FRAME.iloc[np.full(len(frame), 5)].assign(bmi=frame["bmi"].to_numpy())
        told = getattr(model, "estimator_", model) if not hasattr(model, "predict") else model
        np.testing.assert_array_equal(frame["released"], told.predict(rows))
        assert display.own == FRAME["bmi"].iloc[5]
        low, high = display.left_open
        assert low < display.own < high
        inside = frame[(frame["bmi"] > low + 1e-5) & (frame["bmi"] < high - 1e-5)]
        assert inside["released"].nunique() == 1
        assert display.ax_.get_xlabel() == "bmi (kg/m2)"
        assert (
            len(ReleaseDisplay.from_estimator(model, FRAME, baseline=None, **asked).frame().columns)
            == 2
        )
    np.testing.assert_array_equal(
        ReleaseDisplay.from_estimator(apr, FRAME, row=5).frame()["model"],
        apr.estimator_.predict(FRAME.iloc[np.full(800, 5)].assign(bmi=np.linspace(15, 45, 800))),
    )
    with pytest.raises(ValueError, match="row=442 is not allowed: X has 442 rows"):
        ReleaseDisplay.from_estimator(apr, FRAME, row=442)


def test_labels_and_categories_along_the_feature():
    pytest.importorskip("matplotlib").use("agg")
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    apc = AttributePrivacyClassifier(tree, **BMI).fit(FRAME, np.where(Y > 150, "high", "low"))
    display = ReleaseDisplay.from_estimator(apc, FRAME)
    assert display.symbols.tolist() == ["high", "low"]
    assert set(display.frame()["released"]) <= {0, 1}
    region = np.array(["north", "south", "west"])[np.arange(len(Y)) % 3]
    frame = pd.DataFrame({"age": FRAME["age"], "region": pd.Categorical(region)})
    model = GradientBoostingRegressor(random_state=0)
    from sklearn.compose import make_column_transformer
    from sklearn.preprocessing import OneHotEncoder

    coded = make_column_transformer((OneHotEncoder(), ["region"]), remainder="passthrough")
    apr = AttributePrivacyRegressor(
        make_pipeline(coded, model), sensitive_feature="region", minimum=2, unit="categories",
        levels="model",
    ).fit(frame, Y)  # fmt: skip
    display = ReleaseDisplay.from_estimator(apr, frame, row=3)
    assert display.categories.tolist() == ["north", "south", "west"]
    assert display.frame()["released"].nunique() == 1  # two at least, and so all three
    assert display.frame()["model"].nunique() == 3


def test_sets_beside_those_of_the_model_inside():
    pytest.importorskip("matplotlib").use("agg")
    display = CompatibleSetDisplay.from_estimator(RPR, FRAME[:20], **BMI)
    assert set(display.frame()["model"]) == {"base model", "released"}


def test_rounded_numbers():
    model = RoundedRegressor(DecisionTreeRegressor(max_depth=4, random_state=0), step=30)
    model.fit(FRAME, Y)
    number = model.estimator_.predict(FRAME)
    np.testing.assert_allclose(model.predict(FRAME), 30 * np.floor(number / 30) + 15)
    # The narrowest set is as narrow as that of the model, or nearly: it is no protection.
    sets, bare = (compatible_sets(m, FRAME, **BMI) for m in (model, model.estimator_))
    assert sets.component_length.min() < 2 * bare.component_length.min() + 0.1
    assert (sets.component_length >= bare.component_length - 1e-9).all()


@pytest.mark.parametrize("distribution", ["laplace", "gaussian"])
def test_noisy_numbers(distribution):
    model = NoisyOutputRegressor(scale=20, distribution=distribution, random_state=0)
    model.fit(FRAME, Y)
    number = model.estimator_.predict(FRAME)
    noise = np.concatenate([model.predict(FRAME) - number for _ in range(20)]) / 20
    law = stats.laplace if distribution == "laplace" else stats.norm
    assert stats.kstest(noise, law.cdf).pvalue > 1e-3
    low, high = model.range_
    assert (low, high) == (number.min(), number.max())
    far = FRAME.assign(bmi=1e6)
    assert abs(model.predict(far).mean() - high) < 10  # kept within the range
    cost = model.epsilon_ if distribution == "laplace" else model.mu_
    assert cost == pytest.approx((high - low) / 20)
    assert not hasattr(model, "mu_" if distribution == "laplace" else "epsilon_")
    with pytest.raises(ValueError, match="releases at random"):
        compatible_sets(model, FRAME, **BMI)


def test_laplace_noise_keeps_its_epsilon():
    """The likelihood ratio of two answers at the ends of the range, by counting."""
    model = NoisyOutputRegressor(scale=200, random_state=1).fit(FRAME, Y)
    low, high = (FRAME.iloc[np.full(40_000, i)] for i in (
        int(model.estimator_.predict(FRAME).argmin()), int(model.estimator_.predict(FRAME).argmax())
    ))  # fmt: skip
    bins = np.linspace(-400, 700, 12)
    seen = [np.histogram(model.predict(rows), bins)[0] / 40_000 for rows in (low, high)]
    enough = np.minimum(*seen) > 0.01
    assert np.abs(np.log(seen[0] / seen[1]))[enough].max() < model.epsilon_ + 0.1


def test_partitions_of_dask():
    dd = pytest.importorskip("dask.dataframe")
    from sklearn_rp.distributed import certify_partition

    data = dd.from_pandas(FRAME.astype(float), npartitions=3)
    meta = certify_partition(FRAME.head(0), RPR)
    found = data.map_partitions(certify_partition, RPR, meta=meta).compute(scheduler="synchronous")
    expected = certify(RPR, FRAME).to_frame()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert meta["label"].dtype == float


# fmt: off
REFUSED = [
    ("RoundedRegressor: a step of 0", lambda: refit(RoundedRegressor(step=0), FRAME, Y), ValueError, "The 'step' parameter of RoundedRegressor must be a float in the range"),
    ("RoundedRegressor: a step below the resolution", lambda: refit(RoundedRegressor(step=1e-3), FRAME, 1e12 + Y), ValueError, "are not known to better than"),
    ("NoisyOutputRegressor: a noise of another law", lambda: refit(NoisyOutputRegressor(distribution="cauchy"), FRAME, Y), ValueError, "The 'distribution' parameter of NoisyOutputRegressor must be a str among"),
    ("NoisyOutputRegressor: labels", lambda: refit(NoisyOutputRegressor(), FRAME, np.where(Y > 150, "a", "b")), ValueError, "a regressor needs numbers"),
    ("a tolerance for a report on labels", lambda: privacy_report(DecisionTreeClassifier().fit(FRAME, Y > 150), FRAME, Y > 150, sensitive_features="bmi", tolerance=1.0), ValueError, "tolerance=1.0 is not allowed for DecisionTreeClassifier, which releases labels"),
    ("a certified error of labels", lambda: certified_error(Y > 150, RobustPrivacyClassifier().fit(FRAME, Y > 150).certify(FRAME)), ValueError, "The certificate is of labels: use certified_accuracy_score"),
    ("a certified error with a fallback of text", lambda: certified_error(Y, RPR.certify(FRAME), fallback="none"), ValueError, "fallback='none' is not allowed: give a number"),
    ("a certified error without rows", lambda: certified_error(Y[:0], RPR.certify(FRAME)[:0]), ValueError, "The certificate has no rows"),
    ("a certified error of what is no certificate", lambda: certified_error(Y, Y), TypeError, "is not a Certificate"),
]
# fmt: on


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_no_certificates_of_a_minimum():
    apr = AttributePrivacyRegressor(levels="model", **BMI).fit(FRAME, Y)
    with pytest.raises(TypeError, match="certify cannot certify AttributePrivacyRegressor"):
        certify(apr, FRAME)


def test_nothing_is_warned_of_where_all_is_well(recwarn):
    smoothed(KNeighborsRegressor(), n_samples=200).fit(FRAME, Y).certify(FRAME[:5])
    assert not [w for w in recwarn if issubclass(w.category, PrivacyWarning)]
