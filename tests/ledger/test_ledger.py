"""What a ledger answers, remembers, and forgets: on SQLite and on PostgreSQL."""

# ruff: noqa: E501

import json
import pickle
import sqlite3
import threading
import time
from enum import Enum
from functools import partial

import numpy as np
import pandas as pd
import pytest
from refused import refused
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from ledger.tasks import COLUMNS, FRAME, Y, labels, lists, numbers, people, several
from sklearn_rp import AttributePrivacyClassifier, AttributePrivacyRegressor

pytest.importorskip("sqlalchemy")
from sqlalchemy import create_engine, event, text

from sklearn_rp.ledger import LedgerError, ReleaseLedger, coding, database


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """A new ledger's database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'releases.db'}"
    return request.getfixturevalue("database")


@pytest.fixture
def ledger(url):
    with ReleaseLedger(url) as opened:
        yield opened


IDS = [f"p{k}" for k in range(30)]


def test_answers_are_those_within_what_is_left_open(ledger):
    X, within = people(), None
    for model in several():
        expected = model.predict(X, within=within)
        within = model.compatible_sets(X, within=within)
        answer = ledger.release(model, X, ids=IDS)
        np.testing.assert_array_equal(answer, expected)
        assert answer.dtype == expected.dtype
        held = ledger.sets(model, X, ids=IDS)
        assert held.intervals == within.intervals
    assert (within.component_length >= model.minimum_ * (1 - 1e-9)).all()
    frame = ledger.open_sets(IDS, "bmi")
    assert frame[["bmi_low", "bmi_high"]].to_numpy().tolist() == [
        list(i) for s in within.intervals for i in s
    ]
    assert frame["id"].tolist() == [IDS[k] for k in within.row]


def test_the_same_question_has_the_recorded_answer(ledger):
    X, (first, second, third, _) = people(), several()
    answers = [ledger.release(model, X, ids=IDS) for model in (first, second, third)]
    before = ledger.open_sets(IDS, "bmi")
    for model, answer in zip((first, second, third), answers, strict=True):
        np.testing.assert_array_equal(ledger.release(model, X, ids=IDS), answer)
        np.testing.assert_array_equal(ledger.release(model, X[::-1], ids=IDS[::-1]), answer[::-1])
    pd.testing.assert_frame_equal(ledger.open_sets(IDS, "bmi"), before)
    # Other features of the same person are another question: a release of its own.
    ledger.release(first, X.assign(bp=X["bp"] + 30), ids=IDS)
    assert [len(ledger.history(person)) for person in IDS] == [4] * 30


def test_one_person_in_several_rows_is_answered_one_after_the_other(ledger, tmp_path):
    X = people(6)
    rows = pd.concat([X.assign(bp=X["bp"] + 10 * k) for k in range(4)], ignore_index=True)
    ids = [*range(6)] * 4
    together = ledger.release(numbers(1), rows, ids=ids)
    with ReleaseLedger(f"sqlite:///{tmp_path / 'alone.db'}") as other:
        alone = [
            other.release(numbers(1), rows.iloc[[k]], ids=ids[k : k + 1])[0] for k in range(24)
        ]
    np.testing.assert_array_equal(together, alone)
    sets = ledger.sets(numbers(1), X, ids=range(6))
    assert (sets.component_length >= numbers(1).minimum_ * (1 - 1e-9)).all()


def test_lists_and_what_must_not_be_named(ledger):
    X, model = people(), lists()
    before = numbers(1)
    ledger.release(before, X, ids=IDS)
    expected = model.compatible_sets(X, within=before.compatible_sets(X))
    answer = ledger.release(model, X, ids=IDS)
    np.testing.assert_array_equal(answer, expected.label)
    np.testing.assert_array_equal(ledger.release(model, X, ids=IDS), answer)
    assert ledger.history(IDS[0])["answer"].tolist()[-1] == answer[0].tolist()
    # Nothing excluded is the same question, something another.
    nothing = np.zeros((30, 6), dtype=bool)
    np.testing.assert_array_equal(ledger.release(model, X, ids=IDS, exclude=nothing), answer)
    assert [len(ledger.history(person)) for person in IDS] == [2] * 30
    mask = np.arange(6) == answer[:, :1] - 1
    open_ = ledger.sets(model, X, ids=IDS)
    others = ledger.release(model, X, ids=IDS, exclude=mask)
    np.testing.assert_array_equal(others, model.predict(X, within=open_, exclude=mask))
    np.testing.assert_array_equal(ledger.release(model, X, ids=IDS, exclude=mask), others)
    np.testing.assert_array_equal(ledger.release(model, X, ids=IDS), answer)
    assert [len(ledger.history(person)) for person in IDS] == [3] * 30
    assert (ledger.sets(model, X, ids=IDS).component_length >= model.minimum_ * (1 - 1e-9)).all()
    with pytest.raises(TypeError, match="exclude is given, but AttributePrivacyRegressor"):
        ledger.release(before, X, ids=IDS, exclude=mask)


def test_categories_and_several_features(ledger):
    X = FRAME[["bmi", "region", "bp"]].iloc[:30]
    columns = make_column_transformer((OneHotEncoder(), ["region"]), remainder="passthrough")
    within = None
    for depth in (3, 4, 5):
        model = AttributePrivacyRegressor(
            make_pipeline(columns, DecisionTreeRegressor(max_depth=depth, random_state=0)),
            sensitive_feature=["region", "bmi"], minimum=[2, 0.2], unit=["categories", "share"], levels="model",
        ).fit(FRAME[["bmi", "region", "bp"]], Y)  # fmt: skip
        expected = model.compatible_sets(X, within=within)
        answer = ledger.release(model, X, ids=IDS)
        np.testing.assert_array_equal(answer, expected.label)
        within = ledger.sets(model, X, ids=IDS)
        np.testing.assert_array_equal(within.component_length, expected.component_length)
        np.testing.assert_array_equal(within.share, expected.share)
    assert (within.component_length >= [2, 0.2 * (42.2 - 18) - 1e-9]).all()
    frame = ledger.open_sets(IDS[:3], ["bmi", "region"])
    assert list(frame) == ["id", "bmi_low", "bmi_high", "region"]
    single = AttributePrivacyClassifier(make_pipeline(columns, LogisticRegression()), sensitive_feature="region", minimum=2, unit="categories")  # fmt: skip
    with ReleaseLedger("sqlite://") as other:
        single.fit(X, np.where(Y[:30] > 150, 1, 0))
        np.testing.assert_array_equal(other.release(single, X, ids=IDS), single.predict(X))
        held = other.sets(single, X, ids=IDS)
        assert held.intervals == single.compatible_sets(X).intervals
        np.testing.assert_array_equal(other.release(single, X, ids=IDS), single.predict(X))


def everything(url):
    """All that the database holds, as one text."""
    engine = create_engine(url)
    with engine.connect() as connection:
        lines = [
            str(tuple(line))
            for table in database.TABLES.sorted_tables
            for line in connection.execute(table.select())
        ]
    engine.dispose()
    return "\n".join(lines)


def test_neither_own_values_nor_other_features_are_stored(url):
    X = people().assign(
        age=lambda f: f["age"] + 0.123456,
        bmi=lambda f: f["bmi"] + 0.0031,
        s5=lambda f: f["s5"] + 0.00071,
    )
    with ReleaseLedger(url) as ledger:
        for model in several():
            ledger.release(model, X, ids=IDS)
    held = everything(url)
    assert "p17" in held  # ids as they were given
    for column in COLUMNS:
        assert not [
            value for value in X[column] if repr(float(value)) in held and value != round(value)
        ]
    assert "bmi" in held


def test_ids_are_sealed_with_a_key(url, tmp_path):
    key = "a secret that is kept elsewhere"
    with ReleaseLedger(url, key=key) as ledger:
        answer = ledger.release(numbers(), people(), ids=IDS)
    held = everything(url)
    assert not [person for person in IDS if f"'{person}'" in held]
    assert key not in held
    with ReleaseLedger(url, key=key.encode()) as ledger:
        np.testing.assert_array_equal(ledger.release(numbers(), people(), ids=IDS), answer)
        assert len(ledger.history("p3")) == 1
    for other, words in ((None, "with a key"), ("another secret, as long", "with another key")):
        with pytest.raises(LedgerError, match=f"was made {words}"):
            ReleaseLedger(url, key=other)
    plain = f"sqlite:///{tmp_path / 'plain.db'}"
    ReleaseLedger(plain).close()
    with pytest.raises(LedgerError, match="was made without a key"):
        ReleaseLedger(plain, key=key)


def grown(rows):
    """People, some of whom have another BMI, that no earlier answer allows."""
    X = people()
    X.loc[X.index[rows], "bmi"] = 42.0
    return X


def test_a_value_that_has_changed_is_refused_by_name_until_it_is_renewed(ledger, url):
    first, second = several(2)
    low = [k for k in range(30) if people()["bmi"].iloc[k] < 25][:2]
    ledger.release(second, people(), ids=IDS)
    before = everything(url)
    names = ", ".join(IDS[k] for k in low)
    for model in (first, second):  # the same question, too: its answer is about the old value
        with pytest.raises(ValueError, match=f"'bmi' of ids {names} is not among"):
            ledger.release(model, grown(low), ids=IDS)
    assert everything(url) == before
    assert ledger.renew([IDS[k] for k in low], reason="measured anew, 2026") == 2
    answer = ledger.release(second, grown(low), ids=IDS)
    np.testing.assert_array_equal(answer[low], second.predict(grown(low))[low])
    history = ledger.history(IDS[low[0]])
    assert history["event"].tolist() == ["release", "renewal", "release"]
    assert history["reason"][1] == "measured anew, 2026"
    assert str(history["time"].dtype).endswith("UTC]")
    assert history["time"].is_monotonic_increasing
    assert history["answer"].tolist()[::2] == [second.predict(people())[low[0]], answer[low[0]]]


def test_a_persons_own_request_and_erasure(ledger, url):
    X, model = people(), numbers(1)
    ledger.release(model, X, ids=IDS)
    ledger.renew(["p4"], reason="moved")
    ledger.release(labels(2), X, ids=IDS)
    (held,) = json.loads(json.dumps(ledger.export(["p4"])))
    assert held["id"] == held["stored_as"] == "p4"
    assert [each["features"] for each in held["releases"]] == [["bmi"], ["bmi"]]
    assert held["releases"][0]["answer"] == model.predict(X)[4]
    assert held["releases"][1]["answer"] in ("high", "low")
    of_all = {"number", "person", "renewal", "question"}  # keys, and a digest; told elsewhere
    told = {column.name for column in database.RELEASES.columns} - of_all
    assert set(held["releases"][0]) == told | {"features"}
    assert held["releases"][0]["model"].startswith("AttributePrivacyRegressor(")  # no digest
    assert held["renewals"][0]["reason"] == "moved"
    (left,) = held["open"]
    assert left["left_open"] == held["releases"][1]["left_open"]
    assert ledger.erase(["p4", "nobody"]) == 1
    assert "'p4'" not in everything(url)
    assert "'p5'" in everything(url)
    (held,) = ledger.export(["p4"])
    assert held["releases"] == held["renewals"] == held["open"] == []
    assert held["since"] is None
    assert len(ledger.history("p4")) == 0
    whole = ledger.open_sets(["p4"], "bmi")
    assert whole[["bmi_low", "bmi_high"]].to_numpy().tolist() == [[18.0, 42.2]]


@pytest.mark.slow
def test_10_000_people_are_a_few_statements(ledger):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({c: rng.choice(FRAME[c].to_numpy(), 10_000) for c in COLUMNS})
    said = []
    event.listen(
        ledger.database.engine, "before_cursor_execute", lambda *args: said.append(args[2])
    )
    ledger.release(labels(), X, ids=range(10_000))
    ledger.release(numbers(1), X, ids=range(10_000))
    assert len(said) < 60  # PostgreSQL inserts a thousand lines at a time
    assert len(ledger.open_sets(range(10_000), "bmi")["id"].unique()) == 10_000


def beside(first, second):
    """Two models of one ledger."""
    with ReleaseLedger("sqlite://") as ledger:
        ledger.release(first, people(), ids=IDS)
        ledger.release(second, people(), ids=IDS)


def test_what_one_model_hides_another_does_not_look_at():
    """Age may be hidden by a model that does not see BMI, beside one that hides BMI alone."""
    X = FRAME[["bmi", "bp", "s5"]], FRAME[["age", "bp", "s5"]]
    models = [
        AttributePrivacyRegressor(DecisionTreeRegressor(max_depth=3), sensitive_feature=f, levels="model").fit(x, Y)
        for f, x in zip(("bmi", "age"), X, strict=True)
    ]  # fmt: skip
    with ReleaseLedger("sqlite://") as ledger:
        for model, x in zip(models, X, strict=True):
            np.testing.assert_array_equal(
                ledger.release(model, x.iloc[:30], ids=IDS), model.predict(x.iloc[:30])
            )
        assert len(ledger.history("p0")) == 2


def opened():
    ledger = ReleaseLedger("sqlite://")
    ledger.release(numbers(), people(), ids=IDS)
    return ledger


REFUSED = [
    ("a ledger's estimator without a minimum",
     lambda: opened().release(DecisionTreeRegressor().fit(people(), Y[:30]), people(), ids=IDS),
     TypeError, "estimator=DecisionTreeRegressor is not allowed"),
    ("a ledger's Pipeline around an estimator",
     lambda: opened().release(make_pipeline(StandardScaler(), numbers()), people(), ids=IDS),
     TypeError, "estimator=Pipeline is not allowed"),
    ("`ids` fewer than rows", lambda: opened().release(numbers(), people(), ids=IDS[:9]),
     ValueError, "ids has 9 entries, but X has 30 rows"),
    ("`ids` one text", lambda: opened().history(["p1"]), TypeError, r"ids holds \['p1'\]"),
    ("`ids` with a missing one", lambda: opened().release(numbers(), people(2), ids=["a", None]),
     TypeError, "ids holds None: an id is text or a whole number"),
    ("`ids` that are no list", lambda: opened().open_sets("p1", "bmi"),
     TypeError, "ids='p1' is not allowed: give a list"),
    ("`ids` too long", lambda: opened().erase(["x" * 300]), ValueError, "300 characters: 255 at most"),
    ("a ledger's `key` that is short", lambda: ReleaseLedger("sqlite://", key="secret"),
     ValueError, "key of 6 bytes is not allowed"),
    ("a ledger's `url` that is none", lambda: ReleaseLedger("releases.db"),
     LedgerError, "url='releases.db' is not allowed"),
    ("a renewal without a `reason`", lambda: opened().renew(IDS, reason=" "),
     ValueError, "reason=' ' is not allowed: say why"),
    ("a ledger's `feature` that no model hides", lambda: opened().open_sets(IDS, "age"),
     ValueError, r"feature='age' is not hidden by any model of the ledger: they hide \['bmi'\]"),
    ("a ledger's model that shows what another hides",
     lambda: beside(numbers(), numbers(sensitive_feature="age")),
     ValueError, r"hides \['age'\].*hides \['bmi'\].*jointly: sensitive_feature=\['age', 'bmi'\]"),
    ("a ledger's models with other `bounds`", lambda: beside(numbers(), numbers(bounds=(15, 60))),
     ValueError, "fit all with the same bounds and domain"),
    ("labels that a ledger cannot hold",
     lambda: ReleaseLedger("sqlite://").release(
         AttributePrivacyClassifier(LogisticRegression(), sensitive_feature="bmi").fit(
             people(), np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]")[(Y[:30] > 150) * 1]),
         people(), ids=IDS),
     TypeError, "holds text and numbers, not date"),
]  # fmt: skip


@refused(REFUSED)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_nothing_is_half_recorded_where_a_call_fails(ledger, url, monkeypatch):
    ledger.release(labels(), people(), ids=IDS)
    before = everything(url)
    monkeypatch.setattr("sklearn_rp.ledger.batch.sets_to_text", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ledger.release(numbers(1), people(), ids=IDS)
    assert everything(url) == before


def test_a_newer_schema_is_refused_and_an_older_one_brought_up(url, monkeypatch):
    ReleaseLedger(url).close()
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE release_ledger SET value = '7' WHERE name = 'version'"))
    with pytest.raises(
        LedgerError, match="schema has version 7, and this sklearn_rp knows those up to 1"
    ):
        ReleaseLedger(url)
    # A version to come, whose migration adds a table.
    with create_engine(url).begin() as connection:
        connection.execute(text("UPDATE release_ledger SET value = '1' WHERE name = 'version'"))
    monkeypatch.setattr(database, "VERSION", 3)
    steps = [
        lambda c: c.execute(text("CREATE TABLE one (a INTEGER)")),
        lambda c: c.execute(text("CREATE TABLE two (a INTEGER)")),
    ]
    monkeypatch.setattr(database, "MIGRATIONS", {1: steps[0], 2: lambda c: 1 / 0})
    with pytest.raises(ZeroDivisionError):
        ReleaseLedger(url)  # all steps or none
    monkeypatch.setattr(database, "MIGRATIONS", dict(enumerate(steps, start=1)))
    with ReleaseLedger(url) as ledger:
        ledger.release(numbers(), people(), ids=IDS)
    with create_engine(url).connect() as connection:
        assert (
            connection.execute(
                text("SELECT value FROM release_ledger WHERE name = 'version'")
            ).scalar()
            == "3"
        )
        assert connection.execute(text("SELECT count(*) FROM two")).scalar() == 0


def test_a_full_disk_is_a_clear_error(tmp_path):
    path = tmp_path / "releases.db"
    with ReleaseLedger(f"sqlite:///{path}") as ledger:
        ledger.release(numbers(), people(5), ids=IDS[:5])
        with ledger.database.engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        before = everything(f"sqlite:///{path}")

        def full(raw, *_):
            raw.execute(f"PRAGMA max_page_count={pages}")

        ledger.database.engine.dispose()
        event.listen(ledger.database.engine, "connect", full)
        rng = np.random.default_rng(0)
        X = pd.DataFrame({c: rng.choice(FRAME[c].to_numpy(), 2000) for c in COLUMNS})
        with pytest.raises(LedgerError, match="nothing is released: database or disk is full"):
            ledger.release(numbers(), X, ids=[f"q{k}" for k in range(2000)])
    assert everything(f"sqlite:///{path}") == before


def test_a_file_that_may_not_be_written_is_a_clear_error(tmp_path):
    path = tmp_path / "releases.db"
    url = f"sqlite:///{path}"
    ReleaseLedger(url).close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    with pytest.raises(
        LedgerError, match="nothing is released: attempt to write a readonly database"
    ):
        ReleaseLedger(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(LedgerError, match="unable to open database file"):
        ReleaseLedger(f"sqlite:///{tmp_path}/nowhere/releases.db")


def test_a_ledger_that_another_process_holds_is_a_clear_error(tmp_path):
    path = tmp_path / "releases.db"
    with ReleaseLedger(f"sqlite:///{path}", timeout=0.2) as ledger, sqlite3.connect(path) as raw:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="database is locked. another process held it"):
            ledger.release(numbers(), people(), ids=IDS)
        raw.rollback()
        assert len(ledger.release(numbers(), people(), ids=IDS)) == 30


def test_a_lost_connection_is_a_clear_error(postgres, database):
    with ReleaseLedger(database) as ledger:
        first = ledger.release(numbers(), people(), ids=IDS)
        with postgres.stopped(), pytest.raises(LedgerError, match="nothing is released"):
            ledger.release(labels(), people(), ids=IDS)
        np.testing.assert_array_equal(ledger.release(numbers(), people(), ids=IDS), first)
        ledger.release(labels(), people(), ids=IDS)
        assert len(ledger.history("p0")) == 2


def test_what_the_ledger_knows_of_columns_is_that_of_the_fit():
    """Arrays: the second hides x0, at which the first looks."""
    first, second = (
        AttributePrivacyRegressor(DecisionTreeRegressor(max_depth=4), sensitive_feature=f, levels="model").fit(FRAME[COLUMNS].to_numpy(), Y)
        for f in (1, 0)
    )  # fmt: skip
    X = people().to_numpy()
    with ReleaseLedger("sqlite://") as ledger:
        ledger.release(first, X, ids=IDS)
        with pytest.raises(ValueError, match=r"hides \['x0'\].*depend on \['x0', 'x1'\]"):
            ledger.release(second, X, ids=IDS)
        with pytest.raises(ValueError, match="one on a frame and one on an array"):
            ledger.release(numbers(), people(), ids=IDS)
    by_number = AttributePrivacyRegressor(DecisionTreeRegressor(), sensitive_feature=1, levels="model").fit(pd.DataFrame(FRAME[COLUMNS].to_numpy()), Y)  # fmt: skip
    with ReleaseLedger("sqlite://") as ledger, pytest.raises(ValueError, match="are no text"):
        ledger.release(by_number, pd.DataFrame(X), ids=IDS)
    # A frozen model behind the same numbers, from other columns, is another model.
    tree = FrozenEstimator(DecisionTreeRegressor(max_depth=3).fit(X[:, [1, 2]], Y[:30]))
    given = {"sensitive_feature": "bmi", "levels": "model"}
    with ReleaseLedger("sqlite://") as ledger:
        names = [
            ledger.name_of(AttributePrivacyRegressor(tree, **given).fit(people().set_axis(c, axis=1)[c[1:3]], Y[:30]))
            for c in (["age", "bmi", "bp", "s5"], ["bp", "bmi", "age", "s5"])
        ]  # fmt: skip
    assert names[0] != names[1]


def test_the_name_of_a_model_does_not_change_with_use(tmp_path):
    model, other = (
        AttributePrivacyRegressor(DecisionTreeRegressor(max_depth=8, random_state=k), sensitive_feature=["age", "bmi"], minimum=m, levels="model").fit(FRAME[COLUMNS], Y)
        for k, m in enumerate((0.4, 0.1))
    )  # fmt: skip
    url = f"sqlite:///{tmp_path / 'releases.db'}"
    with ReleaseLedger(url) as ledger:
        answer = ledger.release(model, people(), ids=IDS)
        ledger.release(other, people(), ids=IDS)
        name = ledger.name_of(model)
        sets = ledger.sets(model, people(), ids=IDS)
        assert repr(sets)
        assert sets.share.shape == (30,)
        model.predict(people())
        assert model.release_.space.features[0].possible is not None
    with ReleaseLedger(url) as ledger:
        assert ledger.name_of(pickle.loads(pickle.dumps(model))) == ledger.name_of(model) == name
        np.testing.assert_array_equal(ledger.release(model, people(), ids=IDS), answer)
        assert len(ledger.history("p0")) == 2


def at_once(*calls):
    """Calls in threads of their own, begun together; what each has raised."""
    barrier, raised = threading.Barrier(len(calls)), [None] * len(calls)

    def run(k):
        barrier.wait()
        try:
            calls[k]()
        except Exception as error:
            raised[k] = error

    threads = [threading.Thread(target=run, args=(k,)) for k in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_two_models_that_do_not_go_together_do_not_come_in_at_once(url):
    """Each is slow to write itself down, so that both have looked before either has written."""
    models = numbers(), numbers(sensitive_feature="age")
    with ReleaseLedger(url) as ledger:

        def slow(connection, cursor, statement, *_):
            if statement.startswith("INSERT INTO ledger_models"):
                time.sleep(0.5)

        event.listen(ledger.database.engine, "before_cursor_execute", slow)
        raised = at_once(
            *(
                partial(ledger.release, m, people(), ids=[f"{k}{p}" for p in IDS])
                for k, m in enumerate(models)
            )
        )
    assert sum(isinstance(error, ValueError) for error in raised) == 1
    assert sum(error is None for error in raised) == 1


def test_many_that_meet_the_same_new_people_all_get_their_answer(url):
    model = numbers(1)
    with ReleaseLedger(url) as ledger:
        calls = [
            partial(ledger.release, model, people(1).iloc[[0, 0]], ids=[f"{min(k, j)}-{max(k, j)}" for j in (0, 1)])
            for k in range(10)
        ]  # fmt: skip
        assert at_once(*calls) == [None] * 10
        assert len(ledger.history("0-1")) == 1


def test_threads_share_a_ledger_in_memory():
    with ReleaseLedger("sqlite://") as ledger:
        calls = [partial(ledger.release, m, people(), ids=IDS) for m in several(4)]
        assert at_once(*calls) == [None] * 4
        assert len(ledger.history("p0")) == 4


def test_a_database_that_was_put_in_place_of_another_is_looked_at_anew(tmp_path):
    path, model = tmp_path / "releases.db", numbers()
    with ReleaseLedger(f"sqlite:///{path}") as ledger:
        ledger.release(model, people(), ids=IDS)
        with ledger.database.engine.begin() as connection:
            for table in reversed(database.TABLES.sorted_tables):
                if table.name != "release_ledger":
                    connection.execute(table.delete())
        ledger.release(model, people(), ids=IDS)
        assert ledger.export(["p0"])[0]["releases"][0]["features"] == ["bmi"]


class Person(str, Enum):  # noqa: UP042  (whose str() is its name)
    """An id as some services have it."""

    ANNA = "p1"


def test_ids_and_questions_are_equal_where_they_are_meant_to_be():
    X, model = people(3), numbers()
    with ReleaseLedger("sqlite://") as ledger:
        ledger.release(model, X, ids=["p1", 2, np.int64(3)])
        ledger.release(model, X.astype(object).astype({"bmi": float}), ids=[Person.ANNA, "2", 3])
        assert [len(ledger.history(k)) for k in ("p1", 2, "3")] == [1, 1, 1]
    told = partial(coding.other_features, columns=np.array([], dtype=int))
    same = [
        pd.Series([3, 4]),
        pd.Series([3.0, 4.0]),
        pd.Series([3, 4.0], dtype=object),
        pd.Series([3, 4], dtype="Int64"),
    ]
    assert len({tuple(told(each.to_frame())) for each in same}) == 1
    others = [[3], ["3"], [2**53], [2**53 + 1], ["nan"], [None], [True]]
    rows = [told(pd.DataFrame({"a": each}))[0] for each in others]
    assert len(set(rows)) == len(rows)
    assert told(pd.DataFrame({"a": [None]}))[0] == told(pd.DataFrame({"a": [np.nan]}))[0]
    assert told(pd.DataFrame({"a": ["x"], "b": ["yz"]})) != told(
        pd.DataFrame({"a": ["xy"], "b": ["z"]})
    )
