"""The one way through the house: a file imports only what stands before it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "sklearn_rp"
ORDER = [
    "exceptions",
    "_compat",
    "_version",
    "rows",
    "domain",
    "runs",
    "feature",
    "law",
    "privacy",
    "bounds",
    "rules",
    "votes",
    "selection",
    "noise",
    "models",
    "models.inside",
    "models.nets",
    "models.labels",
    "models.items",
    "models.cells",
    "models.scores",
    "models.asking",
    "models.affine",
    "models.linear",
    "models.quadratic",
    "models.tables",
    "models.boxes",
    "models.boosters",
    "models.trees",
    "models.additive",
    "models.thresholds",
    "models.reading",
    "engines.problem",
    "engines.rivals",
    "engines.linear",
    "engines.softened",
    "engines.additive",
    "engines.monte_carlo",
    "engines.fast_votes",
    "engines.parallel",
    "engines.recalled",
    "engines.trees",
    "engines.sweep",
    "engines.categories",
    "engines.torch",
    "engines",
    "digest",
    "rounds",
    "answers",
    "certificate",
    "release",
    "certifying",
    "validation",
    "wrapper",
    "trial",
    "smoothed",
    "ranking",
    "recommending",
    "classifier",
    "regressor",
    "recommender",
    "attribute.prior",
    "attribute.partition",
    "attribute.pieces",
    "attribute.boxes",
    "attribute.space",
    "attribute.rooms",
    "attribute.cell_prior",
    "attribute.labelling",
    "attribute.labels",
    "attribute.numbers",
    "attribute.lists",
    "attribute.joint",
    "attribute.within",
    "attribute.asked",
    "attribute.search",
    "attribute.blocks",
    "attribute.along",
    "attribute.compatible_sets",
    "attribute.joint_sets",
    "attribute.earlier",
    "attribute.joint_finding",
    "attribute.finding",
    "attribute.transformer",
    "attribute.levels",
    "attribute.guaranteed",
    "attribute.minimum",
    "attribute.regressor",
    "attribute.recommender",
    "attribute.bins",
    "attribute.held_out",
    "attribute.coarsener",
    "attribute",
    "ledger.database",
    "ledger.coding",
    "ledger.lines",
    "ledger.batch",
    "ledger.book",
    "ledger",
    "distributed",
    "metrics.scores",
    "metrics.scorers",
    "metrics",
    "model_selection",
    "baselines.plain",
    "baselines.labels",
    "baselines.lists",
    "baselines.numbers",
    "baselines",
    "inspection.axes",
    "inspection.certified_accuracy",
    "inspection.privacy_utility",
    "inspection.subject",
    "inspection.compatible_set",
    "inspection.release",
    "inspection.items",
    "inspection.plane",
    "inspection",
    "neural",
    "attacks.guesses",
    "attacks.attribute_inference",
    "attacks.extraction",
    "attacks.walk",
    "attacks.inversion",
    "attacks",
    "report.asked",
    "report.sheet",
    "report.quality",
    "report.point",
    "report.tables",
    "report.words",
    "report.warnings",
    "report.pictures",
    "report.page",
    "report.comparison",
    "report.remembered",
    "report.measure",
    "report",
    "datasets",
    "",  # the package itself
]


def module_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__")


FILES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)


def test_every_module_has_its_place():
    assert sorted(FILES) == sorted(ORDER)


@pytest.mark.parametrize("module", [m for m in ORDER if m])
def test_imports_go_one_way(module):
    for source, _ in imports(FILES[module]):
        if source.split(".")[0] == "sklearn_rp":
            target = source.removeprefix("sklearn_rp").lstrip(".")
            assert ORDER.index(target) < ORDER.index(module), f"{module} imports {source}"


@pytest.mark.parametrize("module", [m for m in ORDER if m != "_compat"])
def test_only_compat_touches_private_scikit_learn(module):
    for source, names in imports(FILES[module]):
        if source.split(".")[0] == "sklearn":
            private = [p for p in [*source.split("."), *names] if p.startswith("_")]
            assert not private, f"{module} imports {source}: {names}"


def test_import_is_light():
    """Heavy or optional packages are imported where they are used.

    pandas is not in the list: scikit-learn itself imports it where it is installed.
    """
    code = (
        "import sys, sklearn_rp, sklearn_rp.metrics, sklearn_rp.datasets, sklearn_rp.inspection\n"
        "heavy = {'torch', 'skorch', 'matplotlib', 'polars', 'pooch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("module", [m for m in ORDER if m not in {"neural", "engines.torch"}])
def test_only_two_modules_know_torch(module):
    known = {source.split(".")[0] for source, _ in imports(FILES[module]) if source}
    assert not known & {"torch", "skorch"}


def test_without_torch_the_error_names_the_extra():
    code = (
        "import sys, sklearn_rp.classifier; sys.modules['torch'] = None\n"
        "try:\n    import sklearn_rp.neural\n"
        "except ImportError as error:\n    print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "sklearn-rp[torch]"' in out.stdout


LONGEST = {"module": 450, "class": 350, "function": 60}  # lines; a function's without docstring


def lengths():
    """Every module, class and function, and how many lines it has."""
    for module, path in FILES.items():
        text = path.read_text()
        yield "module", module, len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            size = node.end_lineno - node.lineno + 1
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            if kind == "function":
                size -= len((ast.get_docstring(node, clean=False) or "").splitlines())
            yield kind, f"{module}.{node.name}", size


def test_no_module_class_or_function_is_long():
    long = [(name, size) for kind, name, size in lengths() if size > LONGEST[kind]]
    assert not long


def own_names(tree):
    """Names that a module defines, or writes onto objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


@pytest.mark.parametrize("module", [m for m in ORDER if m not in {"_compat", "exceptions"}])
def test_private_attributes_are_reached_in_their_own_module_alone(module):
    """scikit-learn's and skorch's own go through `_compat`; `exceptions` asks for the frame."""
    tree = ast.parse(FILES[module].read_text())
    known = set(own_names(tree))
    reached = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and node.attr not in known
        and ast.unparse(node.value) not in {"self", "cls", "super()"}
    ]
    assert not reached


# What a test cannot provoke otherwise but by a size that is made small: there is no such parameter.
SIZES = {
    "sklearn_rp.rows._CHUNK_BYTES": "chunks of few rows",
    "sklearn_rp.law._BLOCK_ELEMENTS": "blocks of few draws",
    "sklearn_rp.engines.torch._CPU_NUMBERS": "batches of few rows on a device",
    "sklearn_rp.attribute.finding._POINTS": "chunks of few points along a feature",
    "sklearn_rp.attribute.search._POINTS": "points of few rows at a time",
}
PROTOCOLS = {"_repr_html_"}  # IPython's own name
TESTS = sorted(Path(__file__).parent.rglob("*.py"))


def is_private(name):
    return name.startswith("_") and not name.endswith("__") and name not in PROTOCOLS


def reached(tree):
    """Private names of other objects and modules: attributes, imports, targets of patches."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = node.value.func if isinstance(node.value, ast.Call) else node.value
            if not (isinstance(owner, ast.Name) and owner.id in {"self", "cls", "super"}):
                yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("attr"):  # setattr, ...
            text = [a.value for a in node.args if isinstance(a, ast.Constant)]
            names = [name for name in text if isinstance(name, str) and name not in SIZES]
            yield from (name for name in names if is_private(name.rpartition(".")[2]))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_tests_speak_through_public_names(path):
    assert not list(reached(ast.parse(path.read_text())))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_every_error_is_told_by_its_words(path):
    """A message that any text matches is none."""
    for node in ast.walk(ast.parse(path.read_text())):
        words = None
        if isinstance(node, ast.keyword) and node.arg == "match":
            words = node.value
        elif isinstance(node, ast.Tuple) and len(node.elts) == 4:  # a line of a table of errors
            words = node.elts[3]
        if isinstance(words, ast.Constant):
            assert words.value not in {"", ".", ".*"}


def test_sizes_that_tests_make_small_are_there():
    for name in SIZES:
        module, _, size = name.rpartition(".")
        assert f"\n{size} = " in FILES[module.removeprefix("sklearn_rp.")].read_text()
