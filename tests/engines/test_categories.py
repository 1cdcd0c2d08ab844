"""One categorical feature drawn anew: probabilities and certificates by hand."""

import numpy as np
import pandas as pd
import pytest
from conftest import LinearRule
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import (
    LogisticRegression,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
)
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import compatible_sets

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


ROWS_RNG = np.random.default_rng(0)
ROWS = ROWS_RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([["a"], [2], ["b"]], r"the category 2, which is not among \['a', 'b'\]"),
        ([["a"], ["7"], ["b"]], r"the category '7', which is not among \['a', 'b'\]"),
    ],
)
def test_a_category_of_another_type_is_an_unknown_one(rows, message):
    known = np.array([["a"], ["b"]] * 30, dtype=object)
    rule = FrozenEstimator(IsA().fit(known, LABELS))
    clf = RobustPrivacyClassifier(rule, noise_features=0).fit(known, LABELS)
    with pytest.raises(ValueError, match=message):
        clf.predict(np.array(rows, dtype=object))


class IsA(LinearRule):
    def predict(self, X):
        return (X[:, 0] == "a").astype(int)
