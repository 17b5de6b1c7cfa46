"""The store: what must outlive a command does, whatever happens to the command."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from labrunner.errors import BusyError, StateError
from labrunner.lock import holding
from labrunner.model.verdict import not_yet, passed
from labrunner.store import SCHEMA, LabRecord, Store


def record(**changes: object) -> LabRecord:
    lab = LabRecord(
        id="shop-1",
        scenario="shop",
        host="sandbox",
        engine="unix:///var/run/docker.sock",
        folder=Path("/tmp/labrunner-0/shop-1"),
        seed=7,
        language="en",
        step="first",
        farewell=False,
        state="starting",
        created=1.0,
    )
    return replace(lab, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "labs.db")


def test_a_lab_is_found_again_by_another_process(store: Store) -> None:
    """What one command wrote, the next one reads."""
    store.add_lab(record())
    store.set_state("shop-1", "running")
    store.set_step("shop-1", "second")
    (found,) = Store(store.path).labs()
    assert replace(found, began=None) == record(state="running", step="second")


def test_a_lab_that_is_gone_is_listed_no_more_but_stays_known(store: Store) -> None:
    """Ids stay known, so that leftovers of a lab can be told from other people's things."""
    store.add_lab(record())
    store.set_state("shop-1", "gone")
    assert store.labs() == []
    assert store.known_ids() == {"shop-1"}


def test_a_passed_step_stays_passed(store: Store) -> None:
    """A later check that fails takes nothing away."""
    store.add_lab(record())
    store.set_state("shop-1", "running")
    for verdict in (
        not_yet("no", expected="a", seen="b"),
        passed("yes"),
        not_yet("broken again", expected="a", seen="b"),
    ):
        store.add_attempt(record(), "first", verdict, seconds=0.1, solved=False)
    assert store.passed_steps("shop-1") == {"first"}
    assert [a.outcome for a in store.attempts("shop-1")] == ["not_yet", "passed", "not_yet"]


def test_what_was_solved_on_the_way_is_no_attempt(store: Store) -> None:
    """A lab is its learner's from the moment that it runs; a step passed before stays passed."""
    store.add_lab(record())
    store.add_attempt(record(), "first", passed("replayed"), seconds=0.1, solved=True)
    assert [lab.began for lab in store.labs()] == [None]
    before = time.time()
    store.set_state("shop-1", "running")
    store.add_attempt(record(), "second", passed("by hand"), seconds=0.1, solved=False)
    assert [a.step for a in store.attempts("shop-1")] == ["second"]
    assert store.passed_steps("shop-1") == {"first", "second"}
    (lab,) = store.labs()
    assert lab.began is not None
    assert before <= lab.began <= time.time()


OLD = """
CREATE TABLE lab (
    id TEXT PRIMARY KEY, scenario TEXT NOT NULL, host TEXT NOT NULL, engine TEXT NOT NULL,
    folder TEXT NOT NULL, seed INTEGER NOT NULL, language TEXT NOT NULL, step TEXT NOT NULL,
    farewell INTEGER NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, ended REAL
);
CREATE TABLE attempt (
    lab TEXT NOT NULL, scenario TEXT NOT NULL, step TEXT NOT NULL, at REAL NOT NULL,
    outcome TEXT NOT NULL, message TEXT NOT NULL, seconds REAL NOT NULL, solved INTEGER NOT NULL
);
CREATE INDEX attempt_lab ON attempt (lab, step);
CREATE TABLE hint (
    lab TEXT NOT NULL, step TEXT NOT NULL, shown INTEGER NOT NULL, PRIMARY KEY (lab, step)
);
CREATE TABLE ledger (
    lab TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, at REAL NOT NULL, removed REAL,
    PRIMARY KEY (lab, kind, name)
);
INSERT INTO lab VALUES ('shop-1', 'shop', 'sandbox', 'unix:///var/run/docker.sock',
    '/tmp/labrunner-0/shop-1', 7, 'en', 'first', 0, 'running', 1.0, NULL);
INSERT INTO attempt VALUES ('shop-1', 'shop', 'first', 2.0, 'not_yet', 'no', 0.1, 0);
PRAGMA user_version = 1;
"""
"""What the first labrunner left, with a lab that runs."""


def test_a_lab_of_an_earlier_labrunner_goes_on(tmp_path: Path) -> None:
    """The tables are brought up to date where they are, and only once."""
    db = sqlite3.connect(tmp_path / "labs.db")
    db.executescript(OLD)
    db.close()
    for _ in range(2):
        store = Store(tmp_path / "labs.db")
        assert store.labs() == [record(state="running", began=1.0)]
        assert [a.at for a in store.attempts("shop-1")] == [2.0]
        store.close()
    Store(tmp_path / "labs.db").add_lab(record(id="shop-2"))


def test_the_ledger_keeps_what_was_intended_until_it_is_gone(store: Store) -> None:
    """An intent that was never carried out is still looked for at the end."""
    store.intend("shop-1", [("container", "gateway")])
    store.intend("shop-1", [("container", "gateway"), ("network", "front")])
    assert [(e.kind, e.name) for e in store.ledger("shop-1")] == [
        ("container", "gateway"),
        ("network", "front"),
    ]
    store.removed("shop-1")
    assert store.ledger("shop-1") == []


def test_hints_are_counted_per_step(store: Store) -> None:
    """Seeing a hint of one step reveals none of another."""
    store.set_hints_shown("shop-1", "first", 2)
    assert store.hints_shown("shop-1", "first") == 2
    assert store.hints_shown("shop-1", "second") == 0


def test_a_newer_schema_is_refused_and_kept(tmp_path: Path) -> None:
    """A database of a newer labrunner is not touched."""
    path = tmp_path / "labs.db"
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    db.close()
    with pytest.raises(StateError, match="newer labrunner") as caught:
        Store(path)
    assert "upgrade" in caught.value.hint


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Bytes that are no database give the file's name and a way out."""
    path = tmp_path / "labs.db"
    path.write_bytes(b"this is not a database, it is a sentence" * 100)
    with pytest.raises(StateError, match=r"labs\.db") as caught:
        Store(path)
    assert "move" in caught.value.hint


def test_a_full_disk_is_a_sentence_and_loses_nothing(store: Store) -> None:
    """When SQLite can write no more, the error says so and what was there stays."""
    store.add_lab(record())
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for number in range(10_000):
            store.intend("shop-1", [("container", f"{'x' * 200}{number}")])

    with pytest.raises(StateError, match="full") as caught:
        fill()
    assert "disk" in caught.value.hint
    assert [lab.id for lab in Store(store.path).labs()] == ["shop-1"]


class SignalError(BaseException):
    """Stands for a signal: it comes the moment that a statement returns."""


class InterruptedConnection:
    """A connection on which a signal arrives right after a transaction has begun."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, statement: str) -> sqlite3.Cursor:
        """Run a statement; the signal comes once it is done."""
        cursor = self._connection.execute(statement)
        if statement.startswith("BEGIN"):
            raise SignalError
        return cursor


def test_an_interrupt_in_a_transaction_leaves_the_store_usable(store: Store) -> None:
    """Whenever the signal comes, the next write works: what an undo writes depends on it."""
    connection = store._db
    store._db = InterruptedConnection(connection)  # type: ignore[assignment]
    with pytest.raises(SignalError):
        store.intend("shop-1", [("network", "cut off")])
    store._db = connection
    store.intend("shop-1", [("network", "front")])
    assert [e.name for e in store.ledger("shop-1")] == ["front"]


def test_many_processes_may_make_the_database_at_once(tmp_path: Path) -> None:
    """Eight terminals on a fresh machine, all at the same moment: every one succeeds."""
    script = (
        "import sys; from pathlib import Path; from labrunner.store import Store\n"
        "print('ready', flush=True)\n"
        "for path in sys.stdin:\n"
        "    Store(Path(path.strip())).intend(sys.argv[1], [('network', 'n')])\n"
        "    print('ok', flush=True)"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, f"lab-{i}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(8)
    ]
    heard = [process.stdout for process in running if process.stdout]
    assert [stream.readline() for stream in heard] == ["ready\n"] * 8
    for again in range(6):
        for process in running:
            assert process.stdin is not None
            process.stdin.write(f"{tmp_path / f'labs-{again}.db'}\n")
            process.stdin.flush()
        assert [stream.readline() for stream in heard] == ["ok\n"] * 8
    assert [process.communicate()[0] for process in running] == [""] * 8


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    """A holder that is killed with -9 leaves no lock behind."""
    script = (
        "import sys, signal; from pathlib import Path; from labrunner.lock import holding\n"
        "with holding(Path(sys.argv[1]), 'shop'):\n"
        "    print('held', flush=True); signal.pause()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(BusyError, match=str(process.pid)), holding(tmp_path, "shop", patience=0.1):
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with holding(tmp_path, "shop", patience=60):
        pass


def test_a_waiting_command_gets_the_lock_when_it_is_free(tmp_path: Path) -> None:
    """A second command waits briefly instead of failing at once."""
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with holding(tmp_path, "shop"):
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait(60)
    threading.Timer(0.2, leave.set).start()
    with holding(tmp_path, "shop", patience=60):
        assert leave.is_set()
    thread.join()
