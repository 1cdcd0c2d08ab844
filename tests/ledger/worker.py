"""A process of its own that releases: beside others, or to be killed at some point.

python tests/ledger/worker.py release URL SEED N    # one line of JSON for each call
python tests/ledger/worker.py killed URL            # for each point what was returned before it
"""

import json
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from sqlalchemy import event

from ledger.tasks import people, several
from sklearn_rp.ledger import ReleaseLedger

N_PEOPLE, N_MODELS = 12, 5


def call(ledger, models, rng):
    """A release of some model about some of the people, each with one of two other features."""
    some = np.sort(rng.choice(N_PEOPLE, 8, replace=False))
    number, changed = int(rng.integers(N_MODELS)), rng.integers(2, size=8).tolist()
    X = people(N_PEOPLE).iloc[some]
    X = X.assign(bp=X["bp"] + 5.0 * np.array(changed))
    answer = ledger.release(models[number], X, ids=some)
    return {"model": number, "ids": some.tolist(), "changed": changed, "answer": answer.tolist()}


def release(url, seed, n):
    """Several calls, one after the other."""
    models, rng = several(N_MODELS), np.random.default_rng(int(seed))
    with ReleaseLedger(url) as ledger:
        for _ in range(int(n)):
            print(json.dumps(call(ledger, models, rng)), flush=True)


def dies(url, point, model, pipe):
    """Release about people of this point, and be killed there."""
    ledger = ReleaseLedger(url)
    engine, said = ledger.database.engine, []

    def kill(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    def before(*_):
        if len(said) == point:
            kill()
        said.append(1)

    # The model is recorded, and one of the people is known.
    ledger.release(model, people(1).assign(bp=70.0), ids=[f"{point}-0"])
    event.listen(engine, "before_cursor_execute", before)
    if point == "commit":
        event.listen(engine, "commit", kill)
    if point == "committed":
        whole = ledger.database.transact
        ledger.database.transact = lambda work: (whole(work), kill())
    answer = ledger.release(model, people(5), ids=[f"{point}-{k}" for k in range(5)])
    os.write(pipe, json.dumps([len(said), answer.tolist()]).encode())
    kill()


def child(url, point, model):
    """What a child has returned before it was killed: how many statements, and the answers."""
    end, pipe = os.pipe()
    number = os.fork()
    if number == 0:
        os.close(end)
        dies(url, point, model, pipe)
    os.close(pipe)
    _, status = os.waitpid(number, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL, status
    with os.fdopen(end) as file:
        told = file.read()
    return json.loads(told) if told else None


def killed(url):
    """Children that are killed before each statement, before and after the commit, and then."""
    model = several(2)[1]
    n, _ = child(url, "counted", model)
    points = [*range(n), "commit", "committed", "returned"]
    print(json.dumps([[point, child(url, point, model)] for point in points]))


if __name__ == "__main__":
    {"release": release, "killed": killed}[sys.argv[1]](*sys.argv[2:])
