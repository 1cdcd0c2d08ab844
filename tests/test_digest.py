"""Equal models have one name, wherever they are; others have another."""

import io
import pickle
import subprocess
import sys
import warnings
from copy import deepcopy
from importlib.util import find_spec

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from sklearn_rp import (
    AttributePrivacyClassifier,
    AttributePrivacyTransformer,
    RobustPrivacyClassifier,
)
from sklearn_rp._compat import hist_gradient_boosting_nodes
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.digest import digest

PEOPLE, Y = load_recommendation(return_X_y=True, as_frame=True)
X = PEOPLE.select_dtypes("number")


def encoded(seed):
    columns = make_column_transformer(
        (OneHotEncoder(), ["sex"]), (StandardScaler(), ["bmi", "age"]), remainder="drop"
    )
    return make_pipeline(columns, DecisionTreeClassifier(max_depth=3 + seed, random_state=0))


def boosted(name):
    def make(seed):
        found = pytest.importorskip(name)
        if name == "catboost":
            quiet = {"verbose": 0, "allow_writing_files": False, "thread_count": 1}
            return found.CatBoostClassifier(iterations=3 + seed, depth=3, **quiet)
        kind = found.XGBClassifier if name == "xgboost" else found.LGBMClassifier
        quiet = {} if name == "xgboost" else {"verbose": -1}
        return WithNumbers(kind(n_estimators=3 + seed, max_depth=3, n_jobs=1, **quiet))

    return make


class WithNumbers(FrozenEstimator):
    """Labels as numbers, for models that take no others."""

    def fit(self, X, y):
        self.estimator.fit(X, np.unique(y, return_inverse=True)[1])
        return self


def network(seed):
    torch = pytest.importorskip("torch")
    skorch = pytest.importorskip("skorch")
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Linear(X.shape[1], 2), torch.nn.BatchNorm1d(2))
    net = skorch.NeuralNetClassifier(
        module, criterion=torch.nn.CrossEntropyLoss, max_epochs=2, verbose=0, train_split=None
    )
    scaler = make_pipeline(StandardScaler(), FunctionTransformer(to_single))
    return make_pipeline(scaler, RobustPrivacyClassifier(net, n_samples=100, random_state=0))


def to_single(X):
    return np.asarray(X, dtype=np.float32)


MODELS = {
    "tree": lambda seed: DecisionTreeClassifier(max_depth=3 + seed, random_state=0),
    "forest": lambda seed: RandomForestClassifier(5, random_state=seed),
    "boosting": lambda seed: GradientBoostingClassifier(n_estimators=3 + seed, random_state=0),
    "histogram": lambda seed: HistGradientBoostingClassifier(max_iter=3 + seed, random_state=0),
    "adaboost": lambda seed: AdaBoostClassifier(n_estimators=3 + seed, random_state=0),
    "linear": lambda seed: LogisticRegression(C=1.0 + seed, max_iter=2000),
    "vectors": lambda seed: SVC(C=1.0 + seed),
    "neighbours": lambda seed: KNeighborsClassifier(3 + seed, algorithm="kd_tree"),
    "process": lambda seed: GaussianProcessClassifier(random_state=seed),
    "perceptron": lambda seed: MLPClassifier((4,), max_iter=3, random_state=seed),
    "stacked": lambda seed: StackingClassifier(
        [("a", DecisionTreeClassifier(max_depth=1 + seed, random_state=0))],
        DecisionTreeClassifier(max_depth=1, random_state=0),
    ),
    "encoded": encoded,
    "searched": lambda seed: GridSearchCV(
        DecisionTreeClassifier(random_state=0), {"max_depth": [2 + seed]}, cv=2
    ),
    "smoothed": lambda seed: RobustPrivacyClassifier(
        DecisionTreeClassifier(max_depth=3, random_state=0),
        noise_features=["bmi"],
        random_state=seed,
    ),
    "guaranteed": lambda seed: AttributePrivacyClassifier(
        DecisionTreeClassifier(max_depth=3 + seed, random_state=0),
        sensitive_feature="bmi",
        random_state=seed,
    ),
    "xgboost": boosted("xgboost"),
    "lightgbm": boosted("lightgbm"),
    "catboost": boosted("catboost"),
    "network": network,
}
FITTED: dict = {}


def fitted(name, seed=0):
    if (name, seed) not in FITTED:
        rows = PEOPLE if name == "encoded" else X
        FITTED[name, seed] = quietly(MODELS[name](seed), rows)
    return FITTED[name, seed]


def quietly(model, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # not converged: three iterations are enough here
        return model.fit(rows[:200], Y[:200])


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


@pytest.mark.parametrize("name", MODELS)
def test_a_copy_has_the_name_of_the_model_and_so_has_a_model_in_use(name):
    model = fitted(name)
    before = digest(model)
    for copied in (deepcopy(model), pickle.loads(pickle.dumps(model)), through_joblib(model)):
        assert digest(copied) == before
        assert digest(through_joblib(copied)) == before
    model.predict(PEOPLE[:50] if name == "encoded" else X[:50])
    assert digest(model) == before


@pytest.mark.parametrize("name", MODELS)
def test_another_fit_has_another_name(name):
    assert digest(fitted(name)) != digest(fitted(name, 1))


@pytest.mark.parametrize("name", sorted({*MODELS} - {"network"}))
def test_the_same_fit_again_has_the_same_name(name):
    again = quietly(MODELS[name](0), PEOPLE if name == "encoded" else X)
    assert digest(again) == digest(fitted(name))


OF_OTHERS = {  # slow to import
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "catboost": "catboost",
    "network": "skorch",
}


@pytest.mark.parametrize(
    "names",
    [
        [name for name in MODELS if name not in OF_OTHERS],
        pytest.param(
            [name for name, package in OF_OTHERS.items() if find_spec(package)],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_name_is_the_same_in_a_fresh_process(tmp_path, names):
    models = {name: fitted(name) for name in names}
    joblib.dump(models, tmp_path / "models")
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); import joblib, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from sklearn_rp.digest import digest\n"
        "for name, model in joblib.load(sys.argv[1]).items(): print(name, digest(model))"
    )
    tests = str(__file__).rpartition("/")[0]
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "models"), tests],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert dict(line.split() for line in out.splitlines()) == {
        name: digest(model) for name, model in models.items()
    }


def test_one_changed_leaf_changes_the_name():
    forest = deepcopy(fitted("forest"))
    leaf = np.flatnonzero(forest.estimators_[3].tree_.children_left == -1)[0]
    forest.estimators_[3].tree_.value[leaf, 0, 0] += 1e-9
    assert digest(forest) != digest(fitted("forest"))
    histogram = deepcopy(fitted("histogram"))
    hist_gradient_boosting_nodes(histogram)[1]["value"][-1] += 1e-9
    assert digest(histogram) != digest(fitted("histogram"))


def test_weights_and_buffers_of_a_net_count_and_its_mode_does_not():
    torch = pytest.importorskip("torch")
    model = fitted("network")
    module = model[-1].estimator_.module_
    before = digest(model)
    module.train()
    assert digest(model) == before
    other = deepcopy(model)
    other[-1].estimator_.module_[1].running_mean[0] += 1e-6
    assert digest(other) != before
    low = torch.nn.Linear(2, 2).to(torch.bfloat16)
    assert digest(low) == digest(deepcopy(low))


def test_how_the_work_is_done_does_not_count():
    one = RobustPrivacyClassifier(fitted("forest"), random_state=0, n_samples=50)
    names = [digest(one.set_params(n_jobs=n).fit(X, Y)) for n in (None, 1)]
    assert names[0] == names[1]
    one.set_params(sigma=7.0)  # takes effect when fitting
    assert digest(one) == names[0]
    assert digest(one.fit(X, Y)) != names[0]


def test_steps_before_the_model_count():
    names = [
        digest(make_pipeline(FunctionTransformer(step), fitted("tree")))
        for step in (np.log, np.exp, lambda x: x + 1, lambda x: x + 2, lambda x: x + 2)
    ]
    assert len(set(names)) == 4
    assert names[3] == names[4]


@pytest.mark.parametrize(
    ("one", "same", "other"),
    [
        (["a" * 30] * 2, ["".join(["a"] * 30), "a" * 30], ["a" * 30, "a" * 29]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2, "b": 1}),
        ({"x", "y", "z"}, {"z", "y", "x"}, {"x", "y"}),
        (np.eye(3), np.asfortranarray(np.eye(3)), np.eye(3, dtype=np.float32)),
        (np.array(["a", None], dtype=object), np.array(["a", None], dtype=object), ["a", None]),
        (sparse.csr_matrix(np.eye(2)), sparse.csr_matrix(np.eye(2)), sparse.eye(3).tocsr()),
        (X[:3], X[:3].copy(), X[1:4]),
        (X["bmi"], X["bmi"].copy(), X["bmi"].set_axis(range(1, len(X) + 1))),
        (1, 1, True),
        (np.nan, float("nan"), None),
        ("1", "1", 1),
        ([["a"], "b"], [["a"], "b"], [["a", "b"]]),
        (*2 * [pd.CategoricalDtype(["a", "b"])], pd.CategoricalDtype(["b", "a"])),
    ],
    ids=[
        "strings", "dict", "set", "array", "objects", "sparse", "frame", "series", "number", "nan",
        "text", "nested", "dtype",
    ],
)  # fmt: skip
def test_values_count_and_identity_does_not(one, same, other):
    assert digest(one) == digest(same)
    assert digest(one) != digest(other)


def test_padding_between_fields_does_not_count():
    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    raw = np.arange(2 * kind.itemsize, dtype=np.uint8)
    one, other = raw.copy().view(kind), raw.copy().view(kind)
    other.view(np.uint8)[3] += 1
    assert digest(one) == digest(other)
    other["a"][1] += 1
    assert digest(one) != digest(other)


def test_rings_end():
    ring: list = [1]
    ring.append(ring)
    assert digest(ring) == digest(deepcopy(ring))


def test_what_a_transformer_puts_out_is_part_of_it():
    X, y = load_iris(return_X_y=True)
    names = {
        digest(
            AttributePrivacyTransformer(
                LogisticRegression(max_iter=500), sensitive_feature=0, resolution=8, output=output
            ).fit(X, y)
        )
        for output in ("interval", "midpoint", "drop")
    }
    assert len(names) == 3
