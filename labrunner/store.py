"""What must outlive a command: progress, attempts, and the ledger of what was created.

The engine is asked what runs; the store only says what was meant to. Every write is one
transaction, made before the act that it announces.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from labrunner.errors import StateError
from labrunner.lock import holding
from labrunner.model.topology import HostKind
from labrunner.model.verdict import Verdict

SCHEMA = 2
"""The version of the tables below; kept in SQLite's ``user_version``."""

TABLES = """
CREATE TABLE lab (
    id TEXT PRIMARY KEY, scenario TEXT NOT NULL, host TEXT NOT NULL, engine TEXT NOT NULL,
    folder TEXT NOT NULL, seed INTEGER NOT NULL, language TEXT NOT NULL, step TEXT NOT NULL,
    farewell INTEGER NOT NULL, state TEXT NOT NULL, created REAL NOT NULL, ended REAL,
    began REAL
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
"""

LATER = {1: ("ALTER TABLE lab ADD COLUMN began REAL", "UPDATE lab SET began = created")}
"""By an earlier version: what makes the next one of it."""

MAKING = 60.0
"""Seconds that the first command on a machine may take to make the tables, for those beside it."""

LabState = Literal["starting", "running", "gone"]


@dataclass(frozen=True)
class LabRecord:
    """One row of the table of labs.

    Attributes:
        id: unique, also the value of the engine's label.
        scenario: its scenario's name.
        host: sandbox or local.
        engine: address of the engine that it was started on.
        folder: private folder with its sockets.
        seed: what everything random in it comes from.
        language: language of its lesson.
        step: id of the step that the learner is on; "" when all are done.
        farewell: its scenario or a plugin wants to act before it goes.
        state: starting, running or gone.
        created: seconds since the epoch.
        began: the same, of the moment from which it was the learner's: it was set up, and the
            steps before theirs were solved. ``None`` before that.
    """

    id: str
    scenario: str
    host: HostKind
    engine: str
    folder: Path
    seed: int
    language: str
    step: str
    farewell: bool
    state: LabState
    created: float
    began: float | None = None


@dataclass(frozen=True)
class Attempt:
    """One check of one step; ``solved`` where the runner typed the solution."""

    step: str
    at: float
    outcome: str
    message: str
    seconds: float
    solved: bool


@dataclass(frozen=True)
class Entry:
    """One line of the ledger: something that a lab made or was about to make."""

    lab: str
    kind: str
    name: str


class Store:
    """The database of one user.

    Args:
        path: the file; made where it is missing.

    Raises:
        StateError: it cannot be opened, written, or was made by a newer labrunner.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._errors():
            self._db = sqlite3.connect(
                path, timeout=10, isolation_level=None, check_same_thread=False
            )
            self._db.row_factory = sqlite3.Row
            self._prepare()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _prepare(self) -> None:
        version = self._version()
        if version > SCHEMA:
            raise StateError(
                f"{self.path} was written by a newer labrunner (schema {version}, "
                f"this one knows {SCHEMA})",
                "upgrade labrunner, or set LABRUNNER_STATE to another folder",
            )
        if version < SCHEMA:
            # one at a time: SQLite lets nobody else in meanwhile, and says so at once
            with holding(self.path.parent / "locks", "store", patience=MAKING):
                self._make()

    def _make(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        with self._transaction():
            # another process may have made the tables while we waited for it
            version = self._version()
            later = [each for number in range(version, SCHEMA) for each in LATER.get(number, ())]
            for statement in later if version else filter(str.strip, TABLES.split(";")):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            text = str(error)
            if "full" in text or "disk I/O" in text:
                hint = "free some disk space; your labs are untouched"
            elif isinstance(error, OSError) or "readonly" in text or "unable to open" in text:
                hint = "make it writable, or set LABRUNNER_STATE to another folder"
            elif "not a database" in text or "malformed" in text:
                hint = f"move {self.path} away; labs that run are found again by their labels"
            else:
                hint = "try again; lab doctor looks at the store too"
            raise StateError(f"the store {self.path}: {text}", hint) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors():
            try:
                # inside the try: an interrupt may come the moment that this returns
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # on a full disk SQLite has rolled back by itself
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    # --- labs -----------------------------------------------------------------------------

    def add_lab(self, lab: LabRecord) -> None:
        """Write down a lab that is about to be made."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO lab VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                (
                    lab.id,
                    lab.scenario,
                    lab.host,
                    lab.engine,
                    str(lab.folder),
                    lab.seed,
                    lab.language,
                    lab.step,
                    lab.farewell,
                    lab.state,
                    lab.created,
                ),
            )

    def set_state(self, lab_id: str, state: LabState) -> None:
        """A lab is now running, and the learner's; or gone."""
        ended = time.time() if state == "gone" else None
        began = time.time() if state == "running" else None
        with self._transaction() as db:
            db.execute(
                "UPDATE lab SET state = ?, ended = ?, began = coalesce(began, ?) WHERE id = ?",
                (state, ended, began, lab_id),
            )

    def set_step(self, lab_id: str, step: str) -> None:
        """The learner is on this step now; "" when all are done."""
        with self._transaction() as db:
            db.execute("UPDATE lab SET step = ? WHERE id = ?", (step, lab_id))

    def set_language(self, lab_id: str, language: str) -> None:
        """The learner reads the lesson in this language from now on."""
        with self._transaction() as db:
            db.execute("UPDATE lab SET language = ? WHERE id = ?", (language, lab_id))

    def labs(self, *, scenario: str | None = None) -> list[LabRecord]:
        """The labs that are not gone, oldest first."""
        query = "SELECT * FROM lab WHERE state != 'gone'"
        with self._errors():
            rows = self._db.execute(query + " ORDER BY created").fetchall()
        return [_record(r) for r in rows if scenario in (None, r["scenario"])]

    def known_ids(self) -> frozenset[str]:
        """Ids of every lab that this store ever had, gone ones too."""
        with self._errors():
            rows = self._db.execute("SELECT id FROM lab").fetchall()
        return frozenset(r["id"] for r in rows)

    # --- progress -------------------------------------------------------------------------

    def add_attempt(
        self, lab: LabRecord, step: str, verdict: Verdict, *, seconds: float, solved: bool
    ) -> None:
        """Keep what a check said."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO attempt VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    lab.id,
                    lab.scenario,
                    step,
                    time.time(),
                    verdict.outcome.value,
                    verdict.message,
                    seconds,
                    solved,
                ),
            )

    def attempts(self, lab_id: str) -> list[Attempt]:
        """Every check of a lab since it was the learner's, oldest first."""
        query = "SELECT * FROM attempt WHERE lab = ? AND at >= (SELECT began FROM lab WHERE id = ?)"
        with self._errors():
            rows = self._db.execute(f"{query} ORDER BY at", (lab_id, lab_id)).fetchall()
        return [
            Attempt(r["step"], r["at"], r["outcome"], r["message"], r["seconds"], bool(r["solved"]))
            for r in rows
        ]

    def passed_steps(self, lab_id: str) -> frozenset[str]:
        """Ids of the steps that were passed once; a passed step stays passed."""
        with self._errors():
            rows = self._db.execute(
                "SELECT DISTINCT step FROM attempt WHERE lab = ? AND outcome = 'passed'", (lab_id,)
            ).fetchall()
        return frozenset(r["step"] for r in rows)

    def hints_shown(self, lab_id: str, step: str) -> int:
        """How many hints of a step the learner has seen."""
        with self._errors():
            row = self._db.execute(
                "SELECT shown FROM hint WHERE lab = ? AND step = ?", (lab_id, step)
            ).fetchone()
        return int(row["shown"]) if row else 0

    def set_hints_shown(self, lab_id: str, step: str, shown: int) -> None:
        """The learner has seen this many hints of a step."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO hint VALUES (?, ?, ?)", (lab_id, step, shown))

    def shown_so_far(self, lab_id: str) -> tuple[int, int]:
        """How many checks a lab has had, and how many hints were shown in it."""
        query = (
            "SELECT (SELECT count(*) FROM attempt WHERE lab = ?) AS checks,"
            " (SELECT coalesce(sum(shown), 0) FROM hint WHERE lab = ?) AS hints"
        )
        with self._errors():
            row = self._db.execute(query, (lab_id, lab_id)).fetchone()
        return int(row["checks"]), int(row["hints"])

    def version(self) -> int:
        """Another number whenever something else than this connection has written."""
        with self._errors():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    # --- ledger ---------------------------------------------------------------------------

    def intend(self, lab_id: str, things: Iterable[tuple[str, str]]) -> None:
        """These things, kind and name, are about to be made for a lab."""
        rows = [(lab_id, kind, name, time.time()) for kind, name in things]
        with self._transaction() as db:
            db.executemany("INSERT OR REPLACE INTO ledger VALUES (?, ?, ?, ?, NULL)", rows)

    def removed(self, lab_id: str) -> None:
        """Everything that a lab made is gone."""
        with self._transaction() as db:
            db.execute("UPDATE ledger SET removed = ? WHERE lab = ?", (time.time(), lab_id))

    def ledger(self, lab_id: str) -> list[Entry]:
        """What a lab made, or was about to make, and that is not known to be gone."""
        with self._errors():
            rows = self._db.execute(
                "SELECT * FROM ledger WHERE lab = ? AND removed IS NULL ORDER BY at", (lab_id,)
            ).fetchall()
        return [Entry(r["lab"], r["kind"], r["name"]) for r in rows]


def _record(row: sqlite3.Row) -> LabRecord:
    return LabRecord(
        id=row["id"],
        scenario=row["scenario"],
        host=cast("HostKind", row["host"]),
        engine=row["engine"],
        folder=Path(row["folder"]),
        seed=row["seed"],
        language=row["language"],
        step=row["step"],
        farewell=bool(row["farewell"]),
        state=cast("LabState", row["state"]),
        created=row["created"],
        began=row["began"],
    )
