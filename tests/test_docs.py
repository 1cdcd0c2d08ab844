"""Every block of code in the documentation runs, on small data, where it shows no output.

What does, with ``>>>``, is a doctest; the README's blocks are run by test_package.py.
"""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import sklearn_rp
from sklearn_rp.attacks import AttributeInferenceAttack
from sklearn_rp.attribute import compatible_sets
from sklearn_rp.datasets import load_recommendation, make_item_recommendation

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(
    str(page.relative_to(DOCS))
    for page in [*DOCS.glob("*.rst"), *DOCS.glob("how_to/*.rst")]
    if "code-block:: python" in page.read_text()
)


def blocks(page):
    """Source of the blocks of a page."""
    text = (DOCS / page).read_text()
    for found in re.finditer(r"^\.\. code-block:: python\n\n((?:   .*\n|\n)+)", text, re.M):
        yield re.sub(r"^   ", "", found.group(1), flags=re.M)


def people():
    """Names that the pages take for granted."""
    X, y = load_recommendation(return_X_y=True, as_frame=True)
    X = X[["age", "bmi", "bp"]].assign(sex=(X["sex"] == "2") + 1.0)
    X, X_test, y, y_test = train_test_split(X, y, train_size=150, test_size=60, random_state=0)
    known = {name: getattr(sklearn_rp, name) for name in sklearn_rp.__all__}
    known |= {"X": X, "y": y, "X_test": X_test, "y_test": y_test, "labels": y, "X_new": X_test}
    model = DecisionTreeClassifier(max_depth=3, random_state=0).fit(X, y)
    clf = sklearn_rp.RobustPrivacyClassifier(
        model, noise_features=["bmi"], method="monte_carlo", n_samples=400, random_state=0
    ).fit(X, y)
    return known | {
        "model": model, "clf": clf, "X_public": X_test, "make_pipeline": make_pipeline,
        "compatible_sets": compatible_sets, "AttributeInferenceAttack": AttributeInferenceAttack,
        "HistGradientBoostingClassifier": HistGradientBoostingClassifier,
        "RandomForestClassifier": RandomForestClassifier,
    }  # fmt: skip


def of_lists(known):
    task = make_item_recommendation(200, random_state=0)
    X = task.data[["age", "activity"]]
    return {"X": X, "liked": task.target, "model": RandomForestClassifier(5).fit(X, task.target)}


def of_numbers(known):
    X, tree = known["X"], DecisionTreeRegressor(max_depth=3, random_state=0)
    labels = np.where(known["y"] == known["y"].iloc[0], "ill", "well")
    numbers = {"y": X["bp"], "model": clone(tree), "labels": labels}
    return numbers | {"HistGradientBoostingRegressor": lambda: clone(tree)}


def of_nets(known):
    torch = pytest.importorskip("torch")
    from skorch import NeuralNetClassifier

    images = np.random.default_rng(0).normal(size=(40, 1, 4, 4)).astype(np.float32)
    module, labels = (
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2)),
        np.arange(40) % 2,
    )
    net = NeuralNetClassifier(module, criterion=torch.nn.CrossEntropyLoss, verbose=0, max_epochs=1)
    return {
        "module": module, "images": images, "test_images": images[:5], "labels": labels,
        "NeuralNetClassifier": NeuralNetClassifier,
        "clf": sklearn_rp.RobustPrivacyClassifier(net, n_samples=200).fit(images, labels),
    }  # fmt: skip


def of_clusters(known):
    pytest.importorskip("distributed")
    from joblib import parallel_config

    Path("patients").mkdir()
    known["X"].to_parquet("patients/part.parquet")
    return {"parallel_config": parallel_config}


PREPARED = {
    "lists.rst": of_lists,
    "neural.rst": of_nets,
    "how_to/gpu.rst": of_nets,
    "scale.rst": of_clusters,
    "how_to/cluster.rst": of_clusters,
}
# What stands for a cluster or a device that is not here.
STAND_INS = {
    'device="cuda"': 'device="cpu"',
    "NeuralNetClassifier(...,": "NeuralNetClassifier(module,",
    '"tcp://scheduler:8786"': "n_workers=1, processes=False, dashboard_address=None",
    "n_jobs=64": "n_jobs=2",
    "n_samples=10_000": "n_samples=200",
}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.filterwarnings("ignore")
def test_every_block_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = people()
    known = labels | PREPARED.get(page, lambda known: {})(labels)
    for source in blocks(page):
        for said, here in STAND_INS.items():
            source = source.replace(said, here)
        if page == "minimum.rst":  # from labels to numbers and back
            known |= labels | (of_numbers(labels) if "Regressor(" in source else {})
        exec(compile(source, page, "exec"), known)
        if "apc" in known:
            known["sets"] = known["apc"].compatible_sets(labels["X"])
        if "client" in known:
            known["client"].close()


def test_no_page_is_forgotten():
    assert len(PAGES) >= 8
    found = sum(len(list(blocks(page))) for page in PAGES)
    said = sum((DOCS / page).read_text().count("code-block:: python") for page in PAGES)
    assert found == said
