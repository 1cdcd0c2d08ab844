"""The service of the how-to page, by its test client."""

import importlib.util
import sqlite3
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sqlalchemy")
pytest.importorskip("fastapi")
pytest.importorskip("httpx")
from fastapi.testclient import TestClient

FILE = Path(__file__).parents[2] / "examples" / "service.py"


@pytest.fixture(scope="module")
def service():
    spec = importlib.util.spec_from_file_location("service", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def path(tmp_path):
    return tmp_path / "releases.db"


@pytest.fixture
def client(service, path):
    with TestClient(service.make_app(f"sqlite:///{path}", key="kept in another place")) as opened:
        yield opened


ANNA = {"id": "anna", "age": 50.0, "bmi": 24.0, "bp": 90.0, "ltg": 4.5}


def lines(path):
    with sqlite3.connect(path) as raw:
        return raw.execute("SELECT person, answer FROM ledger_releases ORDER BY number").fetchall()


def test_answers_are_chosen_within_what_is_open_and_recorded(client, service, path):
    row = service.pd.DataFrame([ANNA])[service.COLUMNS]
    first, second = service.models()["follow-up"], service.models()["lipids"]
    sets = first.compatible_sets(row)
    then = second.compatible_sets(row, within=sets)
    told = client.post("/answers/follow-up", json=ANNA).json()["answer"]
    assert told == sets.label[0]
    assert client.post("/answers/lipids", json=ANNA).json()["answer"] == then.label[0]
    assert then.component_length[0] >= 5
    # Again: the same, and nothing more is written down.
    assert client.post("/answers/follow-up", json=ANNA).json()["answer"] == told
    held = lines(path)
    assert len(held) == 2
    assert "anna" not in str(held)


def test_a_changed_value_has_no_answer_and_nothing_is_said_of_it(client, path, caplog):
    client.post("/answers/follow-up", json=ANNA)
    client.post("/answers/lipids", json=ANNA)
    before = lines(path)
    response = client.post("/answers/follow-up", json=ANNA | {"bmi": 55.0})
    assert response.status_code == 409
    assert "bmi" not in response.text
    assert "anna" in caplog.text  # the owner's log
    assert lines(path) == before


def test_what_cannot_be_recorded_is_not_released(client, path):
    client.app.state.ledger.database.engine.dispose()
    client.app.state.ledger = client.app.state.ledger.__class__(
        f"sqlite:///{path}", key="kept in another place", timeout=0.1
    )
    with sqlite3.connect(path) as raw:
        raw.execute("BEGIN IMMEDIATE")
        response = client.post("/answers/follow-up", json=ANNA)
        raw.rollback()
    assert response.status_code == 503
    assert client.post("/answers/follow-up", json=ANNA).status_code == 200
    assert len(lines(path)) == 1


def test_others(client):
    assert client.post("/answers/nothing", json=ANNA).status_code == 404
    assert client.post("/answers/lipids", json={"id": "anna"}).status_code == 422
    answers = [
        client.post("/answers/lipids", json=ANNA | {"id": f"p{k}", "bmi": bmi}).json()["answer"]
        for k, bmi in enumerate(np.linspace(18, 42, 40))
    ]
    assert 1 < len(set(answers)) <= 5  # steps of 5 kg/m2 at least
