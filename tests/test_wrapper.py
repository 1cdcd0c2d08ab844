"""What a model can do is asked of the fitted one; noise that it has no answer for is found then."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import StackingClassifier
from sklearn.feature_selection import RFE
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    StandardScaler,
)
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.baselines import (
    NoisyInputClassifier,
    RandomAbstentionClassifier,
    RandomizedResponseClassifier,
)
from sklearn_rp.model_selection import NoiseSearchCV

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = (X[:, 0] > 0).astype(int)
smooth = partial(RobustPrivacyClassifier, n_samples=50, sigma=0.01, random_state=0)


def stack():
    """Has `predict` once it is fitted: its last classifier is then there."""
    return StackingClassifier(
        [("linear", LogisticRegression()), ("tree", DecisionTreeClassifier())]
    )


def search(base, /, **grid):
    return GridSearchCV(base, grid or {}, cv=2, scoring="accuracy")


def by_position(model):
    return np.arange(model.n_features_in_, dtype=float)


BASES = {
    "stack": stack(),
    "stack in a Pipeline": make_pipeline(StandardScaler(), stack()),
    "stack in a search": search(stack(), tree__max_depth=[1, 2]),
    "stack in feature elimination": RFE(
        stack(), importance_getter=by_position, n_features_to_select=3
    ),
    "stack in self-training": SelfTrainingClassifier(stack()),
    "search over passthrough": search(
        Pipeline([("scale", StandardScaler()), ("model", "passthrough")]),
        model=[LogisticRegression(), LogisticRegression(C=0.5)],
    ),
    "search that brings probabilities": search(
        Pipeline([("model", LinearSVC())]), model=[LogisticRegression()]
    ),
    "one-vs-rest of stacks": OneVsRestClassifier(stack()),
}
WRAPPERS = {
    "smoothed": smooth,
    "smoothed softly": partial(smooth, voting="soft"),
    "kept": partial(RandomizedResponseClassifier, p=1.0),
    "noisy": partial(NoisyInputClassifier, sigma=0.01, random_state=0),
    "minimum": partial(AttributePrivacyClassifier, sensitive_feature=1, resolution=8),
    "never silent": partial(RandomAbstentionClassifier, rate=0.0, fallback=2),
}


@pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS.keys())
@pytest.mark.parametrize("base", BASES.values(), ids=BASES.keys())
def test_methods_are_asked_of_the_fitted_model(base, wrapper):
    base = clone(base)
    clf = wrapper(base).fit(X, Y)
    np.testing.assert_array_equal(clf.classes_, [0, 1])
    far = np.abs(X[:, 0]) > 0.2
    np.testing.assert_array_equal(clf.predict(X)[far], Y[far])


def test_a_search_over_noise_levels_takes_them_too():
    found = NoiseSearchCV(smooth(stack(), voting="soft"), [0.01, 0.1], cv=2).fit(X, Y)
    assert found.best_score_ > 0.9


LACKING = [
    (smooth(SVC(), voting="soft"), "voting='soft' needs predict_proba, which SVC has not"),
    (smooth(LinearSVC(), voting="soft"), "which LinearSVC has not: use voting='hard'"),
    (smooth(search(LinearSVC()), voting="soft"), "which GridSearchCV has not"),
    (smooth(StandardScaler()), "estimator=StandardScaler has no predict: a classifier is needed"),
    (smooth(search(LogisticRegression()).set_params(refit=False)), "GridSearchCV has no predict"),
    (RandomizedResponseClassifier(StandardScaler()), "StandardScaler has no predict"),
    (
        NoisyInputClassifier(Pipeline([("scale", StandardScaler()), ("model", "passthrough")])),
        "Pipeline has no predict",
    ),
]


@pytest.mark.parametrize(("clf", "message"), LACKING)
def test_a_method_that_is_not_there_is_named_and_nothing_changes(clf, message):
    before = dict(vars(clf))
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y)
    assert vars(clf) == before
    # A fitted object stays what it was, too.
    clf.set_params(estimator=LogisticRegression()).fit(X, Y)
    label = clf.estimator_.predict(X)
    clf.set_params(estimator=before["estimator"])
    with pytest.raises(ValueError, match=message):
        clf.fit(X, Y)
    np.testing.assert_array_equal(clf.estimator_.predict(X), label)


@pytest.mark.parametrize("base", BASES.values(), ids=BASES.keys())
def test_what_a_fitted_model_leaves_open_is_published(base):
    apt = AttributePrivacyTransformer(clone(base), sensitive_feature=1, resolution=8)
    assert apt.fit(X, Y).transform(X[:5]).shape == (5, 4)


ROWS = RNG.normal(size=(60, 3))
LABELS = (ROWS[:, 0] > 0).astype(int)
OTHERS = [
    RobustPrivacyClassifier,
    partial(AttributePrivacyClassifier, sensitive_feature=0),
    partial(AttributePrivacyTransformer, sensitive_feature=0),
    RandomizedResponseClassifier,
]


@pytest.mark.parametrize("wrapper", OTHERS)
def test_what_no_wrapper_can_work_with(wrapper):
    message = "LinearRegression.* is a regressor: a classifier is"
    if getattr(wrapper, "func", None) is AttributePrivacyTransformer:  # which takes regressors
        message = "the number is not seen again along 'x0'"
    with pytest.raises(ValueError, match=message):
        wrapper(LinearRegression()).fit(ROWS, LABELS)
    with pytest.raises(ValueError, match="y holds one class"):
        wrapper(LogisticRegression()).fit(ROWS, np.zeros(60))
    some = np.where(np.arange(60) % 7, LABELS.astype(str), None)
    with pytest.raises(ValueError, match="y holds 9 missing labels"):
        wrapper(LogisticRegression()).fit(ROWS, some)
