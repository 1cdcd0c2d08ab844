"""What a user meets before any method is called: import, names, links."""

import ast
import csv
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import refused
from sklearn.base import BaseEstimator
from sklearn.utils import estimator_html_repr

import sklearn_rp
from sklearn_rp import (
    baselines,
    model_selection,
)

ROOT = Path(__file__).parents[1]
MODULES = [name for name in dir(sklearn_rp) if name not in sklearn_rp.__all__]


def fresh(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_import_takes_no_time():
    code = "from time import perf_counter as t; a = t(); import sklearn_rp; print(t() - a)"
    assert min(float(fresh(code)) for _ in range(3)) < 0.5


def test_import_brings_nothing_heavy():
    code = "import sys, sklearn_rp; print(*{name.split('.')[0] for name in sys.modules})"
    heavy = {"torch", "pandas", "matplotlib", "dask", "polars", "sklearn", "scipy", "numpy"}
    assert not heavy & set(fresh(code).split())


def test_names_come_when_asked_for():
    for name in sklearn_rp.__all__:
        assert getattr(sklearn_rp, name) is not None
    assert fresh("from sklearn_rp import *; print(RobustPrivacyClassifier.__name__)") == (
        "RobustPrivacyClassifier"
    )
    with pytest.raises(AttributeError, match="has no attribute 'RobustClassifier'"):
        sklearn_rp.RobustClassifier  # noqa: B018
    with pytest.raises(ImportError):
        from sklearn_rp import nothing  # noqa: F401


@pytest.mark.parametrize("name", MODULES)
def test_completion_shows_what_is_public(name):
    try:
        module = importlib.import_module(f"sklearn_rp.{name}")
    except ImportError:
        pytest.skip(f"{name} needs what is not installed")
    assert dir(module) == sorted(module.__all__)
    for each in module.__all__:
        assert getattr(module, each).__doc__
        assert not each.startswith("_")


def test_the_readme_runs_as_it_is_written(tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    pytest.importorskip("sqlalchemy")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks) >= 3
    seen: dict = {}
    for block in blocks:
        exec(block, seen)
    made = {path.name for path in tmp_path.iterdir() if not path.name.endswith(("-wal", "-shm"))}
    assert made == {"report.html", "releases.db"}
    assert seen["cert"].half_width("bmi").shape == (111,)
    assert (seen["private"].compatible_sets(seen["X_test"]).component_length >= 7).all()
    assert (tmp_path / "report.html").read_text().count("<img") >= 5


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_links_lead_to_files(page):
    links = re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text())
    missing = [to for to in links if "://" not in to and not (ROOT / to).exists()]
    assert not missing


def test_every_estimator_is_in_the_readme():
    text = (ROOT / "README.md").read_text().replace("`-", "`RobustPrivacy")
    for name in sklearn_rp.__all__:
        if name[0].isupper() and name != "Certificate":
            assert f"`{name}`" in text


def test_the_notebook_is_kept_without_its_outputs():
    cells = json.loads((ROOT / "examples" / "walk.ipynb").read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 8
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_one_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", sklearn_rp.__version__)
    project = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in project
    assert f'"{sklearn_rp.__version__}"' not in project
    assert f"version: {sklearn_rp.__version__}" in (ROOT / "CITATION.cff").read_text()


def estimators():
    for module in (sklearn_rp, baselines, model_selection):
        for name in module.__all__:
            kind = getattr(module, name)
            if isinstance(kind, type) and issubclass(kind, BaseEstimator):
                yield kind


@pytest.mark.parametrize("kind", list(estimators()))
def test_links_lead_to_pages_that_exist(kind):
    needs = {
        "AttributeCoarsener": {"sensitive_feature": "bmi"},
        "AttributePrivacyTransformer": {"sensitive_feature": "bmi"},
        "AttributePrivacyClassifier": {"sensitive_feature": "bmi"},
        "AttributePrivacyRegressor": {"sensitive_feature": "bmi"},
        "AttributePrivacyRecommender": {"sensitive_feature": "bmi"},
        "RobustPrivacyRegressor": {"step": 1},
        "NoiseSearchCV": {"estimator": sklearn_rp.RobustPrivacyClassifier(), "sigmas": [0.5]},
    }
    estimator = kind(**needs.get(kind.__name__, {}))
    link = re.search(r'href="(\S*sklearn_rp\S*)"', estimator_html_repr(estimator)).group(1)
    page = link.rsplit("/", 1)[1].removesuffix(".html")
    api = (ROOT / "docs" / "api" / "index.rst").read_text()
    module, name = page.rsplit(".", 1)
    section = api.split(f".. currentmodule:: {module}\n")[1].split("currentmodule")[0]
    assert f"   {name}\n" in section


def test_the_table_of_faults_is_what_the_tests_provoke():
    published = refused.table()
    with refused.TABLE.open() as file:
        assert list(csv.reader(file)) == published
    given = [what for what, _ in published]
    assert len(set(given)) == len(given)


def test_no_eval_and_no_unpickling():
    forbidden = {"eval", "exec", "pickle.load", "pickle.loads", "joblib.load", "__import__"}
    for file in Path(sklearn_rp.__file__).parent.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
        assert not forbidden & {ast.unparse(call.func) for call in calls}, file.name
        assert "allow_pickle" not in {k.arg for call in calls for k in call.keywords}, file.name


def test_the_table_of_the_readme_is_measured():
    """Every figure of its quotes is in the table that the benchmark wrote."""
    with (ROOT / "docs" / "results" / "quotes.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["task"].startswith("insurance")]
    measured = {
        (
            row["release"],
            float(row["minimum"]),
        ): f"{float(row['R2']):.3f} ± {float(row['± R2']):.3f}"
        for row in rows
        if row["attribute"] == "bmi"
    }
    lines = re.findall(
        r"^\| (\S.*?) \| (0\.\d+ ± 0\.\d+) \|", (ROOT / "README.md").read_text(), re.M
    )
    asked = {
        "not at all": ("no privacy", 0.0),
        "by dropping it": ("dropped", 0.0),
        "a minimum of a fifth of its range": ("minimum, auto", 0.2),
        "a minimum of a third": ("minimum, auto", 0.33),
    }
    assert dict(lines) == {name: measured[line] for name, line in asked.items()}
