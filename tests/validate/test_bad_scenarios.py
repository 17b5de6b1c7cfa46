"""``lab validate`` finds each kind of bad scenario, and names it rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.validate.proof import Kind, Status
from tests.validate.authors import SECOND_CHECK, SECOND_STEP, SOLUTION, Author, how, only

pytestmark = pytest.mark.engine

# --- nothing wrong ------------------------------------------------------------------------


def test_a_good_scenario_is_proven_and_every_slip_noticed(author: Author) -> None:
    """No false alarm; each kind of case is tried, and says where it stands in a file."""
    author.write(more=SECOND_CHECK, later=SECOND_STEP)
    proof = author.prove(options=how(jobs=2))
    assert [r for r in proof.results if not r.fine] == []
    assert {r.case.kind for r in proof.results} == set(Kind) - {Kind.ORDER, Kind.TOGETHER}
    assert proof.strength() == 1.0
    assert all(r.case.where for r in proof.results)
    solution = next(r for r in proof.results if r.case.kind is Kind.SOLUTION)
    assert solution.typed == (SOLUTION.removeprefix("$ "),)
    assert SOLUTION in solution.transcript


# --- one thing wrong ----------------------------------------------------------------------

TOUCHES = """lab.exec("tiny-one", ["sh", "-c", "date +%N > /tmp/seen"])"""
ONCE = """
    if lab.file("tiny-one", "/tmp/seen") is None:
        lab.exec("tiny-one", ["touch", "/tmp/seen"])
"""
CONNECTS = """lab.client.networks.create("tiny-left") if lab.network("tiny-left") is None else 0"""

BAD = [
    pytest.param(
        {"before": 'return passed("well done")'},
        Kind.UNTOUCHED,
        ("passes though nothing was done", "well done"),
        id="passes-untouched",
    ),
    pytest.param(
        {"before": "1 / 0"},
        Kind.UNTOUCHED,
        ("the check itself fails", "ZeroDivisionError"),
        id="check-raises",
    ),
    pytest.param(
        {"before": "Event().wait()"},
        Kind.UNTOUCHED,
        ("did not end within 10 s", "error"),
        id="check-never-ends",
    ),
    pytest.param(
        {"before": 'return ruined("gone", expected="this", seen="that")'},
        Kind.UNTOUCHED,
        ("only a reset helps", "gone"),
        id="ruined-untouched",
    ),
    pytest.param(
        {"before": TOUCHES},
        Kind.TWICE,
        ("the check changes the lab", "file in tiny-one: /tmp/seen"),
        id="check-writes-a-file",
    ),
    pytest.param(
        {"before": ONCE},
        Kind.TWICE,
        ("the check changes the lab", "file in tiny-one: /tmp/seen is new"),
        id="check-writes-a-file-the-first-time-only",
    ),
    pytest.param(
        {"before": CONNECTS},
        Kind.TWICE,
        ("the check changes the lab", "network tiny-left is new"),
        id="check-makes-a-network",
    ),
    pytest.param(
        {"before": "vars(scenario).setdefault('runs', []).append(1)\n"
         "    if len(scenario.runs) % 2 == 0: return not_yet('other', expected='a', seen='b')"},
        Kind.TWICE,
        ("says two things", "other"),
        id="check-changes-its-mind",
    ),
    pytest.param(
        {"trap": SOLUTION},
        Kind.TRAP,
        ("the trap passes the check", "passed"),
        id="trap-is-green",
    ),
    pytest.param(
        {"message": "Some other words"},
        Kind.TRAP,
        ("not with the trap's message", "It is elsewhere"),
        id="trap-with-another-message",
    ),
    pytest.param(
        {"solution": SOLUTION.replace("tiny-two", "tiny-tow")},
        Kind.SOLUTION,
        ("does not turn the check green", "There is no tiny-two"),
        id="solution-fails",
    ),
    pytest.param(
        {"shown": "tiny-network"},
        Kind.OUTPUT,
        ("what the lesson shows does not come", "tiny-net"),
        id="output-is-a-lie",
    ),
    pytest.param(
        {"solution": "$ docker exec -it tiny-one cat\n" + SOLUTION},
        Kind.SOLUTION,
        ("did not end within 15 s", "passed"),
        id="solution-never-ends",
    ),
    pytest.param(
        {"solution": "$ read -r -s -p 'Password: ' word\n" + SOLUTION},
        Kind.SOLUTION,
        ("waits for a password", "passed"),
        id="solution-asks-for-a-password",
    ),
    pytest.param(
        {"solution": "$ yes\n" + SOLUTION},
        Kind.SOLUTION,
        ("printed more than", "passed"),
        id="solution-prints-megabytes",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "kind", "told"), BAD)
def test_a_bad_scenario_is_caught_and_named(
    author: Author, changed: dict[str, str], kind: Kind, told: tuple[str, str]
) -> None:
    """Each defect: the right case fails, with what was seen, and with the place to mend."""
    author.write(**changed)
    found = only(author.prove(kind), kind)
    message, seen = told
    assert (found.status, found.fine) == (Status.FAILED, False)
    assert message in found.message, found
    assert seen in f"{found.seen} {found.message}", found
    file, line = found.case.where.rsplit(":", 1)
    assert Path(file).name in ("scenario.py", "lesson.md")
    assert int(line) > 1


def test_a_file_that_a_program_writes_is_not_the_checks_doing(author: Author) -> None:
    """What is asked for the first time may keep something; that is no change by who asked."""
    keeps = "trap 'test -e /tmp/kept || echo 1 > /tmp/kept' USR1; while :; do sleep 60 & wait; done"
    author.write(
        program=f'("sh", "-c", {keeps!r})',
        before='lab.exec("tiny-one", ["sh", "-c", "kill -USR1 1"])',
    )
    found = only(author.prove("twice"), Kind.TWICE)
    assert found.status is Status.PROVEN, found
