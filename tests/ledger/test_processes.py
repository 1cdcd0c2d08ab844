"""Several processes at one ledger, and such as are killed: equal to one after the other."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ledger.tasks import people, several

pytest.importorskip("sqlalchemy")
from sqlalchemy import create_engine, select

from ledger.worker import N_MODELS, N_PEOPLE
from sklearn_rp.ledger import ReleaseLedger, database
from sklearn_rp.ledger.coding import other_features

WORKER = Path(__file__).with_name("worker.py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked"),
]


def started(*arguments):
    given = {"env": os.environ | {"OMP_NUM_THREADS": "1"}, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, str(WORKER), *map(str, arguments)], **given)


def ended(process):
    told, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    return told


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'releases.db'}"
    return request.getfixturevalue("database")


@pytest.mark.parametrize("n", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_at_once_is_as_one_after_the_other(url, tmp_path, n):
    """Every answer is that of the releases about the person before it, and none is lost."""
    at_once = [started("release", url, seed, 12) for seed in range(n)]
    calls = [json.loads(line) for process in at_once for line in ended(process).splitlines()]
    assert len(calls) == 12 * n
    # What the processes were told is what is written down: one line for each question.
    asked = {}
    for each in calls:
        for person, changed, answer in zip(
            each["ids"], each["changed"], each["answer"], strict=True
        ):
            question = person, each["model"], changed
            assert asked.setdefault(question, answer) == answer
    engine = create_engine(url)
    with engine.connect() as connection:
        ordered = select(database.RELEASES).order_by(database.RELEASES.c.number)
        lines = connection.execute(ordered).all()
        open_ = {each.person: each.left_open for each in connection.execute(select(database.OPEN))}
    engine.dispose()
    assert len(lines) == len(asked)
    # The same questions, one by one, in the order of the lines.
    models, rows = several(N_MODELS), {}
    with ReleaseLedger(url) as ledger:
        names = [ledger.name_of(model) for model in models]
        for person in range(N_PEOPLE):
            for changed in (0, 1):
                row = people(N_PEOPLE).iloc[[person]]
                row = row.assign(bp=row["bp"] + 5.0 * changed)
                (question,) = ledger.seal.questions(other_features(row, np.array([1])))
                rows[str(person), question] = changed, row
    with ReleaseLedger("sqlite://") as again:
        for line in lines:
            changed, row = rows[line.person, line.question]
            model = names.index(line.model)
            (answer,) = again.release(models[model], row, ids=[line.person]).tolist()
            assert answer == json.loads(line.answer) == asked[int(line.person), model, changed]
            (held,) = again.export([line.person])
            assert held["open"][0]["left_open"] == json.loads(line.left_open)
        for person, text in open_.items():
            (held,) = again.export([person])
            assert held["open"][0]["left_open"] == json.loads(text)


def test_killed_at_any_point_it_is_all_or_nothing(url):
    """What was returned is recorded; and the same call again has the same answer."""
    points = json.loads(ended(started("killed", url)))
    model, X = several(2)[1], people(5)
    recorded = []
    with ReleaseLedger(url) as ledger:
        for point, returned in points:
            ids = [f"{point}-{k}" for k in range(5)]
            lines = {len(ledger.history(person)) - (person == ids[0]) for person in ids}
            assert len(lines) == 1  # all of them, or nobody
            recorded.append(lines == {1})
            answer = ledger.release(model, X, ids=ids)
            np.testing.assert_array_equal(answer[1:], model.predict(X)[1:])
            if returned is not None:
                assert recorded[-1]
                np.testing.assert_array_equal(answer, returned[1])
            assert [len(ledger.history(person)) for person in ids] == [2, 1, 1, 1, 1]
    # Until the commit nothing, from then on all; only the last was told.
    assert len(points) >= 10
    assert recorded == [False] * (len(points) - 2) + [True] * 2
    assert [told is not None for _, told in points] == [False] * (len(points) - 1) + [True]


def test_a_fork_takes_connections_of_its_own(url, tmp_path):
    """In a process without threads, as a service that forks its workers begins."""
    script = tmp_path / "forks.py"
    script.write_text(
        "import os, sys\n"
        f"sys.path.insert(0, {str(WORKER.parents[1])!r})\n"
        "from ledger.tasks import people, several\n"
        "from sklearn_rp.ledger import ReleaseLedger\n"
        "models = several(4)\n"
        f"with ReleaseLedger({url!r}) as ledger:\n"
        "    ledger.release(models[0], people(5), ids=range(5))\n"
        "    children = []\n"
        "    for model in models[1:]:\n"
        "        child = os.fork()\n"
        "        if child == 0:\n"
        "            for _ in range(5):\n"
        "                ledger.release(model, people(5), ids=range(5))\n"
        "            os._exit(0)\n"
        "        children.append(child)\n"
        "    for _ in range(5):\n"
        "        ledger.release(models[0], people(5), ids=range(5))\n"
        "    assert all(os.waitpid(child, 0)[1] == 0 for child in children)\n"
        "    assert [len(ledger.history(k)) for k in range(5)] == [4] * 5\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
