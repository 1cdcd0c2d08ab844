"""One categorical feature drawn anew: probabilities and certificates by hand."""

import numpy as np
import pandas as pd
import pytest
from engines.oracle import exact, monte_carlo_shares
from scipy import special, stats
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    Perceptron,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier
from sklearn_rp import RobustPrivacyClassifier
from sklearn_rp.datasets import load_recommendation
from dataclasses import replace
from conftest import LinearRule
from engines.oracle import monte_carlo_shares
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
from sklearn_rp.attribute.knowledge import best_guess
from sklearn_rp.baselines import RandomizedResponseClassifier
from sklearn_rp.exceptions import PrivacyWarning
from sklearn_rp.rows import replace_columns

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

@pytest.mark.parametrize("dtype", ["object", "category", "str"])
def test_categories(dtype):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "city": pd.Series(rng.choice(["a", "b", "c", "d"], 300)).astype(dtype),
            "age": rng.normal(size=300),
        }
    )
    y = ((X["age"] + (X["city"] == "a") + rng.normal(size=300)) > 0.3).astype(int)
    columns = ColumnTransformer([("c", OneHotEncoder(), ["city"])], remainder="passthrough")
    model = make_pipeline(columns, DecisionTreeClassifier(max_depth=5, random_state=0))
    sigma = 0.6
    clf = RobustPrivacyClassifier(model, noise_features="city", sigma=sigma).fit(X, y)
    assert clf.engine_ == "categories"
    answers = np.stack(
        [clf.estimator_.predict(X.assign(city=pd.Series([z] * 300).astype(X["city"].dtype)))
         for z in "abcd"], axis=1,
    )  # fmt: skip
    own = np.array(["abcd".index(z) for z in X["city"]])
    h = np.empty((300, 4, 2))
    for c in (0, 1):
        h[:, :, c] = (1 - sigma) * (answers == c) + sigma * (answers == c).mean(axis=1)[:, None]
    assert clf.predict_proba(X) == pytest.approx(h[np.arange(300), own])
    cert = clf.certify(X)
    labels = h.argmax(axis=2)
    tied = np.isclose(h[:, :, 0], h[:, :, 1]).any(axis=1)
    same = (labels == labels[:, :1]).all(axis=1) & ~tied
    assert 0 < same.sum() < 300
    assert np.array_equal(cert.at(1), same)
    assert np.array_equal(cert.abstained, ~same)
    with pytest.raises(ValueError, match="categorical and has no width"):
        cert.half_width("city")
    assert "certified" in repr(cert)
    with pytest.raises(ValueError, match="probability that the category is drawn anew"):
        clf.certify_path(X, [1.5])
    unseen = X.head(3).assign(city=pd.Series(["a", "b", "zz"]).astype("object"))
    with pytest.raises(ValueError, match="category 'zz'"):
        clf.certify(unseen)
    with pytest.raises(ValueError, match="missing values in the noised categorical"):
        clf.certify(X.head(3).assign(city=pd.Series(["a", None, "b"]).astype("object")))
    for changes, message in (
        ({"method": "monte_carlo"}, "not numeric"),
        ({"voting": "soft"}, "not numeric"),
        ({"resample": True}, "not numeric"),
        ({"noise_scale": [1.0]}, "not allowed for the categorical"),
        ({"noise_features": ["city", "age"]}, "noise it alone"),
    ):
        arguments = {"noise_features": "city", "sigma": sigma} | changes
        with pytest.raises((TypeError, ValueError), match=message):
            RobustPrivacyClassifier(model, **arguments).fit(X, y)


X, Y = load_breast_cancer(return_X_y=True)


X = X[:, :4]


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
