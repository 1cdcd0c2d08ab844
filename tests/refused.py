"""What is refused, in one table for each test file; together they are the table of the docs.

python tests/refused.py    # runs every line, and writes docs/results/faults.csv
"""

import csv
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TABLE = HERE.parent / "docs" / "results" / "faults.csv"
IN_A_FILE = re.compile(r"^(REFUSED|TAKEN) = ", re.MULTILINE)


def refused(rows):
    """Parametrize a test by lines of a table: what is given, the call, its error, the words."""
    return pytest.mark.parametrize(
        ("call", "error", "message"), [pytest.param(*row[1:], id=row[0]) for row in rows]
    )


def refit(estimator, X, y=None):
    """A fit that has to fail, and to leave the object as it was."""
    before = dict(vars(estimator))
    try:
        estimator.fit(X, y)
    finally:
        assert vars(estimator) == before


def modules():
    """Test files with a table."""
    for path in sorted(HERE.rglob("test_*.py")):
        if IN_A_FILE.search(path.read_text()):
            yield import_module(".".join(path.relative_to(HERE).with_suffix("").parts))


def table():
    """Every line of every file: what is given, and what comes of it."""
    files = list(modules())
    rows = [row for file in files for row in getattr(file, "REFUSED", ())]
    taken = [[row[0], "taken as it is meant"] for f in files for row in getattr(f, "TAKEN", ())]
    return [["given", "outcome"], *([row[0], row[2].__name__] for row in rows), *taken]


if __name__ == "__main__":
    # As tests: what is published has been provoked.
    done = pytest.main(["-q", "-k", "test_refused or test_taken", str(HERE)])
    if done == 0:
        with TABLE.open("w", newline="") as file:
            csv.writer(file).writerows(table())
    sys.exit(done)
