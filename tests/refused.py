"""What is refused, in one table for each test file; together they are the table of the docs.

python tests/refused.py    # writes docs/results/faults.csv
"""

import csv
from importlib import import_module
from pathlib import Path

import pytest

TABLE = Path(__file__).parents[1] / "docs" / "results" / "faults.csv"
FILES = ["faults", "metrics", "model_selection", "search", "inspection", "report", "baselines"]


def refused(rows):
    """Parametrize a test by lines of a table: what is given, the call, its error, the words."""
    return pytest.mark.parametrize(
        ("call", "error", "message"), [pytest.param(*row[1:], id=row[0]) for row in rows]
    )


def table():
    """Every line of every file: what is given, and what comes of it."""
    files = [import_module(f"test_{name}") for name in FILES]
    lines = [["given", "outcome"]]
    for what, _, error, _ in (row for file in files for row in file.REFUSED):
        kinds = error if isinstance(error, tuple) else (error,)
        lines.append([what, " or ".join(kind.__name__ for kind in kinds)])
    taken = [what for file in files for what, _ in getattr(file, "TAKEN", ())]
    return lines + [[what, "taken as it is meant"] for what in taken]


if __name__ == "__main__":
    with TABLE.open("w", newline="") as file:
        csv.writer(file).writerows(table())
