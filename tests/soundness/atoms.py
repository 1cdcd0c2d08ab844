"""A walk over atoms: values that a model may treat alone, and all that is published about them."""

import warnings
from itertools import cycle, product

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import XGBClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.exceptions import PrivacyWarning

N_ROWS = 240
TREE = DecisionTreeClassifier(random_state=0)
BOOSTED = {"n_estimators": 6, "n_jobs": 1}
LIGHT = {**BOOSTED, "min_child_samples": 3, "verbose": -1}
MODELS = {
    "tree": TREE,
    "forest": RandomForestClassifier(5, random_state=0),
    "extra trees": ExtraTreesClassifier(5, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=6, min_samples_leaf=3),
    "histogram boosting, categories": HistGradientBoostingClassifier(
        max_iter=6, min_samples_leaf=3, categorical_features=[0]
    ),
    "gradient boosting": GradientBoostingClassifier(n_estimators=6, random_state=0),
    "AdaBoost": AdaBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=5),
    "bagging": BaggingClassifier(TREE, n_estimators=5, random_state=0),
    "LightGBM": LGBMClassifier(**LIGHT),
    "LightGBM, linear leaves": LGBMClassifier(**LIGHT, linear_trees=True),  # an alias
    "LightGBM, zero as missing": LGBMClassifier(**LIGHT, zero_as_missing=True),
    "XGBoost": XGBClassifier(**BOOSTED),
    "XGBoost, zero as missing": XGBClassifier(**BOOSTED, missing=0),
    "XGBoost, exact": XGBClassifier(**BOOSTED, tree_method="exact"),
    "logistic": LogisticRegression(max_iter=300),
    "neighbours": KNeighborsClassifier(3),
    "naive Bayes": GaussianNB(),
    "network": MLPClassifier((8,), max_iter=40, random_state=0),
    "support vectors": SVC(gamma=2.0),
    "noise on another feature": None,
    "noise on the feature": None,
    "minimum": None,
}
STEPS = {
    "nothing": None,
    "StandardScaler": StandardScaler(),
    "RobustScaler": RobustScaler(),
    "MinMaxScaler": MinMaxScaler(),
    "bins": KBinsDiscretizer(6, encode="ordinal", strategy="uniform"),
    "one-hot": ColumnTransformer(
        [("code", OneHotEncoder(handle_unknown="ignore", sparse_output=False), [0])],
        remainder="passthrough",
    ),
    "zero imputed": SimpleImputer(missing_values=0),
    "quantiles": QuantileTransformer(n_quantiles=20),
    "polynomials": PolynomialFeatures(2),
    "absolute values": FunctionTransformer(np.abs),
}
CODES = np.array([3.0, 7, 11, 12, 40, 41])
# Values seen in training, those that are a class of their own, and how the domain is told.
COLUMNS = {
    "whole numbers": (np.arange(10.0), [1, 4, 5], {}),
    "sentinels": (np.r_[-1.0, 0:8, 999], [-1, 0, 3, 999], {}),
    "codes": (CODES, [7, 40], {"domain": CODES}),
    "ends": (np.arange(-8, 9) / 4, [0, 0.75, 1], {}),  # and any number between them
}
SMALL = ("whole numbers", "codes")
HELD = ("array of floats", "array of integers", "frame of floats", "frame of integers")
CASES = [
    (*case, held)
    for case, held in zip(product(MODELS, STEPS, COLUMNS), cycle(HELD * 2 + HELD[:1]))
    if case[1:] != ("one-hot", "ends")  # every number a code of its own
]


def task(column, seed=0):
    """Training rows, labels that depend on single values of the first feature, and its domain."""
    values, alone, domain = COLUMNS[column]
    rng = np.random.default_rng(seed)
    X = np.c_[rng.choice(values, N_ROWS), rng.normal(size=(N_ROWS, 2)).round(2)]
    X[: len(values), 0] = values
    X[:, 1:][X[:, 1:] == 0] = 0.5  # zero is a matter of the first feature alone
    if column == "ends":
        between = np.arange(N_ROWS) % 2 == 1
        X[between, 0] = rng.uniform(values[0], values[-1], size=between.sum())
    y = (np.isin(X[:, 0], alone) ^ (X[:, 1] > 0)).astype(int)
    return X, y + (X[:, 2] > 1), domain


def in_container(X, column, held):
    """The rows as an array or a frame; whole numbers as integers where they can be."""
    if held == "array of integers" and column != "ends":
        return np.c_[X[:, 0], 100 * X[:, 1:]].round().astype(np.int64)
    if held.startswith("array"):
        return X
    frame = pd.DataFrame(X, columns=["age", "b", "c"])
    if held == "frame of integers" and column != "ends":
        frame["age"] = frame["age"].astype(np.int64)
    return frame


def fitted(model, step, X, y, domain):
    steps = [] if STEPS[step] is None else [clone(STEPS[step])]
    noised = {"noise on another feature": 1, "noise on the feature": 0}
    if MODELS[model] is not None:
        return make_pipeline(*steps, clone(MODELS[model])).fit(X, y)
    pipe = make_pipeline(*steps, clone(TREE).set_params(max_depth=6))
    if model in noised:
        clf = RobustPrivacyClassifier(
            pipe, noise_features=[noised[model]], sigma=0.3, n_samples=100, random_state=0
        )
        return clf.fit(X, y)
    return AttributePrivacyClassifier(pipe, sensitive_feature=0, minimum=0.3, **domain).fit(X, y)


def possible_values(column, X):
    """All values of a domain that has few; of a continuum, atoms and the doubles next to them."""
    if column in ("whole numbers", "sentinels"):
        return np.arange(X[:, 0].min(), X[:, 0].max() + 1)
    if column == "codes":
        return CODES
    seen = np.unique(X[:, 0])
    near = [s for s in COLUMNS[column][0] if abs(s) <= 1.25]
    ends = [(s + seen[seen > s].min()) / 2 for s in near] + [
        (s + seen[seen < s].max()) / 2 for s in near
    ]
    atoms = np.r_[near, ends]
    return np.unique(np.r_[atoms, np.nextafter(atoms, 9), np.nextafter(atoms, -9), seen[[0, -1]]])


def moved(rows, z, column, held):
    """Each row at each value."""
    copies = np.repeat(rows, len(z), axis=0)
    copies[:, 0] = np.tile(z, len(rows))
    return in_container(copies, column, held)


def faults(model, step, column, held, n_rows=4, n_training=N_ROWS):
    """What is wrong about one model behind one step; nothing, one hopes.

    Walked are `n_rows` rows; that they are in their own sets is asked of `n_training` rows.
    """
    X, y, domain = task(column)
    data = in_container(X, column, held)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf = fitted(model, step, data, y, domain)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        apt = AttributePrivacyTransformer(FrozenEstimator(clf), sensitive_feature=0, **domain)
        apt.fit(data, y)
    warned = any(issubclass(w.category, PrivacyWarning) for w in caught)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            *_training_rows(apt, clf, X[:n_training], data[:n_training], domain, warned),
            *_walk(apt, clf, X, column, held, n_rows, rounds=model == "network"),
        ]


def _training_rows(apt, clf, X, data, domain, warned):
    """Every row is in its own set, and in what is published about it."""
    own = X[:, 0]
    for name, sets in (
        ("compatible_sets", compatible_sets(clf, data, sensitive_feature=0, **domain)),
        ("the transformer's sets", apt.compatible_sets(data)),
    ):
        held = np.bincount(sets.row[sets.holds_own], minlength=len(X))
        inside = (sets.start <= own[sets.row]) & (own[sets.row] <= sets.stop)
        within = np.bincount(sets.row[inside], minlength=len(X))
        if not ((held == 1) & (within == 1)).all():
            yield f"{(within != 1).sum()} training rows outside {name}"
        if not np.array_equal(sets.label, clf.predict(data)):
            yield f"{name} of other labels"
    low, high = np.asarray(apt.transform(data))[:, :2].T
    outside = (low > own) | (own > high)
    if outside.any() and not warned:
        yield f"{outside.sum()} training rows outside what is published"


def _walk(apt, clf, X, column, held, n_rows, rounds):
    """Rows moved along the feature; a model that `rounds` by the batch may move the last bit.

    Products of matrices (BLAS) differ by rounding with the number of rows, on some processors; an
    end that is bisected to the last bit may then differ in it. No other model may move anything.
    """
    rng = np.random.default_rng(1)
    rows = X[np.linspace(0, len(X) - 1, n_rows).astype(int)]
    z = possible_values(column, X)
    labels = clf.predict(moved(rows, z, column, held)).reshape(n_rows, -1)
    # What is published, at some of the values: all that were seen and some that were not.
    some = np.unique(np.r_[np.flatnonzero(np.isin(z, X[:, 0])), rng.choice(len(z), 20)])
    walked = moved(rows, z[some], column, held)
    published = np.asarray(apt.transform(walked))
    sets = apt.compatible_sets(walked)
    number, at = np.repeat(np.arange(n_rows), len(some)), np.tile(some, n_rows)
    label = labels[number, at]
    if not np.array_equal(sets.label, label):
        yield "labels that depend on the batch"
        return
    same = labels[number] == label[:, None]  # which values give the released label
    for row, one in product(range(n_rows), np.unique(label)):
        group = published[(number == row) & (label == one)]
        apart = 2 * np.spacing(np.abs(group[:1])) if rounds and len(group) else 0.0
        if len(group) and not (np.abs(group - group[0]) <= apart).all():
            yield f"row {row}, label {one}: what is published moves while the label stays"
    inside = np.zeros(same.shape, dtype=bool)
    for part, start, stop in zip(sets.row, sets.start, sets.stop, strict=True):
        inside[part] |= (start <= z) & (z <= stop)
    if not inside[np.arange(len(at)), at].all():
        yield f"{(~inside[np.arange(len(at)), at]).sum()} values outside their own set"
    # All of a small domain is asked; of a large one what is certified is exact.
    exact = (sets.certified_inner == sets.certified_outer) | (column in SMALL)
    if column != "ends":
        low = np.array([z[s].min() for s in same])
        high = np.array([z[s].max() for s in same])
        ends = (published[:, 0] == low) & (published[:, 1] == high)
        if not ends[exact].all():
            yield "published ends that are not those of the values with the label"
        if not np.array_equal(sets.length[exact], same.sum(axis=1)[exact]):
            yield "lengths that are not the numbers of values"
    wrong = (inside != same)[exact].any(axis=1)
    if wrong.any():
        yield f"{wrong.sum()} of {exact.sum()} sets that are not the values with the label"
    for k in rng.choice(len(at), n_rows, replace=False):
        alone = moved(rows[number[k], None], z[at[k], None], column, held)
        both = np.asarray(apt.transform(alone))[0], published[k]
        # A product of matrices has other last bits in another batch, and so have its ends.
        if not np.allclose(*both, rtol=0, atol=0 if exact[k] else 1e-12):
            yield f"value {z[at[k]]}: alone, something else is published"
        both = apt.compatible_sets(alone), sets[int(k)]
        parts = [np.r_[one.start, one.stop] for one in both]
        same_number = len(parts[0]) == len(parts[1])
        if not same_number or not np.allclose(*parts, rtol=0, atol=0 if exact[k] else 1e-12):
            yield f"value {z[at[k]]}: alone, it has another set"
