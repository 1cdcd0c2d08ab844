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
