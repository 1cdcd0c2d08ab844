"""What is tried before a model is trusted: answers that do not change."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PowerTransformer,
)
from small import jitter, tree

from sklearn_rp import (
    RobustPrivacyClassifier,
)
from sklearn_rp.baselines import (
    NoisyInputClassifier,
    RandomizedResponseClassifier,
)
from sklearn_rp.exceptions import PrivacyWarning


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


NORMAL_RNG = np.random.default_rng(0)
smooth = partial(RobustPrivacyClassifier, n_samples=50, sigma=0.01, random_state=0)


def search(base, /, **grid):
    return GridSearchCV(base, grid or {}, cv=2, scoring="accuracy")


PEOPLE = pd.DataFrame(
    {
        "code": NORMAL_RNG.integers(0, 12, 400),
        "income": NORMAL_RNG.lognormal(size=400),
        "bmi": NORMAL_RNG.normal(size=400),
    }
)
RICH = (PEOPLE["income"] > 1).to_numpy().astype(int)


def prepared(step, column, model=None):
    columns = make_column_transformer(
        (step, [column]), remainder="passthrough", verbose_feature_names_out=False
    )
    return make_pipeline(columns, model or LogisticRegression())


OUTSIDE = [
    (prepared(OneHotEncoder(), "code"), "code", "columntransformer", "unknown categories"),
    (prepared(OrdinalEncoder(), "code"), "code", "columntransformer", "unknown categories"),
    (prepared(FunctionTransformer(np.log), "income"), "income", "columntransformer", "NaN"),
    (
        prepared(PowerTransformer("box-cox"), "income", KNeighborsClassifier()),
        "income",
        "columntransformer",
        "strictly positive",
    ),
    (
        search(prepared(OneHotEncoder(), "code"), logisticregression__C=[1.0]),
        "code",
        "columntransformer",
        "unknown categories",
    ),
]
NOISY = {
    "smoothed": smooth,
    "softly": partial(smooth, voting="soft"),
    "resampled": partial(smooth, resample=True),
    "augmented": partial(smooth, n_augment=1),
    "two features": partial(smooth, noise_features=["code", "income"]),
    "baseline": partial(NoisyInputClassifier, sigma=0.01),
}


@pytest.mark.filterwarnings("ignore:invalid value encountered in log", "ignore:.*test scores")
@pytest.mark.filterwarnings("ignore:Scoring failed")
@pytest.mark.parametrize("wrapper", NOISY.values(), ids=NOISY.keys())
@pytest.mark.parametrize(("base", "feature", "step", "reason"), OUTSIDE)
def test_noise_beyond_the_domain_names_feature_step_and_remedy(
    base, feature, step, reason, wrapper
):
    clf = wrapper(clone(base)).set_params(sigma=0.25)
    message = rf"Noise on \['{feature}'\] at sigma=0.25 .* step '{step}' .*{reason}"
    with pytest.raises(ValueError, match=message) as caught:
        clf.fit(PEOPLE, RICH)
    assert "Leave it out of noise_features" in str(caught.value)
    assert len(str(caught.value)) < 600
    assert not hasattr(clf, "estimator_")
    # The remedy is one.
    others = [name for name in PEOPLE if name != feature]
    assert clf.set_params(noise_features=others).fit(PEOPLE, RICH).predict(PEOPLE[:9]).shape == (9,)


class Root(LinearRule):
    """NaN for a negative number, in whatever it is asked."""

    def predict(self, X):
        return np.where(X[:, 0] < 0, np.nan, (X[:, 0] > 1).astype(float))

    def predict_proba(self, X):
        share = np.where(X[:, 0] < 0, np.nan, (X[:, 0] > 1) * 0.8 + 0.1)
        return np.c_[1 - share, share]


@pytest.mark.parametrize("voting", ["hard", "soft"])
def test_an_answer_that_is_nan_is_none(voting):
    rows = PEOPLE[["income", "bmi"]].to_numpy()
    clf = smooth(Root(), voting=voting, sigma=0.25)
    with pytest.raises(ValueError, match=r"Noise on \['x0'\] .* Root has no .*answer is NaN"):
        clf.fit(rows, RICH)
    clf.set_params(noise_features=[1]).fit(rows, RICH)
    np.testing.assert_array_equal(clf.predict(rows), RICH)


def test_a_model_that_takes_gaps_takes_noise_that_makes_them():
    """Missing is then an answer like any other."""
    model = prepared(FunctionTransformer(np.log), "income", HistGradientBoostingClassifier())
    with np.errstate(invalid="ignore"):
        clf = smooth(model, sigma=0.25).fit(PEOPLE, RICH)
        assert clf.score(PEOPLE, RICH) > 0.8


@pytest.mark.filterwarnings("ignore:invalid value encountered in log")
def test_noise_that_stays_inside_is_not_refused():
    """The smallest income is far from 0 in units of the noise; a sweep would read beyond it."""
    people = PEOPLE.assign(income=PEOPLE["income"] + 1)
    model = prepared(FunctionTransformer(np.log), "income")
    clf = smooth(model, noise_features="income").fit(people, RICH)
    assert clf.engine_ == "monte_carlo"
    assert clf.score(people, RICH) > 0.9
    with pytest.raises(ValueError, match=r"method='exact' reads .*\['income'\].*'monte_carlo'"):
        clf.set_params(method="exact").fit(people, RICH)


@pytest.mark.filterwarnings("ignore:invalid value encountered in log")
def test_every_feature_whose_noise_fails_is_named():
    people = PEOPLE.assign(tax=PEOPLE["income"] - 1e-3)
    net = FunctionTransformer(lambda Z: np.log(Z[["income"]] - Z[["tax"]].to_numpy()))
    with pytest.raises(ValueError, match=r"Noise on \['income', 'tax'\] at .*'function"):
        smooth(make_pipeline(net, LogisticRegression())).fit(people, RICH)


class Corner(LinearRule):
    """No answer beyond the corner that no row is near in both features."""

    def predict(self, X):
        if (np.asarray(X).min(axis=1) > 1.5).any():
            raise KeyError("beyond the corner")
        return super().predict(X)


def test_noise_that_fails_on_all_features_together():
    rows = np.array([[1.45, 1.45], [-1.0, -1.0], [-1.1, -1.1]] * 20)
    with pytest.raises(
        ValueError, match=r"\['x0', 'x1'\].* Corner .*KeyError: 'beyond the corner'"
    ):
        smooth(Corner([1.0, 0.0]), sigma=0.1).fit(rows, np.array([1, 0, 0] * 20))


def test_a_category_that_a_frozen_model_does_not_know():
    text = PEOPLE.assign(code="old")
    model = prepared(OneHotEncoder(), "code").fit(text, RICH)
    text.loc[1, "code"] = "new"
    with pytest.raises(ValueError, match=r"Noise on \['code'\] .*columntransformer.*unknown"):
        smooth(FrozenEstimator(model), noise_features="code").fit(text, RICH)
