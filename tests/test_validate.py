"""``lab validate`` finds each kind of bad scenario, names it rightly, and leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from labrunner.validate.bench import Patience
from labrunner.validate.proof import Kind, Proof, Result, Status
from labrunner.validate.run import Options, validate
from tests.conftest import Lab, Snapshot

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

SCENARIO = """
from pathlib import Path
from threading import Event

from labrunner import Container, Network, Owned, Scenario, not_yet, passed, ruined

scenario = Scenario(
    name="tiny",
    networks=(Network("tiny-net"),),
    containers=(Container("tiny-one", "tools:1", ("tiny-net",), command=%(program)s),),
    owns=Owned(containers=("tiny-two",)),
)


@scenario.check("two")
def two(lab):
    %(before)s
    two = lab.container("tiny-two")
    if two is None:
        return not_yet("There is no tiny-two.", expected="a container tiny-two", seen="none")
    if "tiny-net" not in two.networks:
        return not_yet("It is elsewhere.", expected="on tiny-net", seen=str([*two.networks]))
    return passed("tiny-two is there")

%(more)s
"""
LESSON = """---
title: Tiny
level: beginner
minutes: 5
summary: One container, and a second.
objectives: [start a container]
requires: []
---
A lab for tests.

## A second container {#two}

Start one.

```console
$ docker network ls --filter name=tiny-net --format '{{.Name}}'
%(shown)s
```

::: hint
`docker run`
:::

::: hint
`-d`
:::

%(comment)s

::: solution
```console
%(solution)s
```
:::

::: trap "%(message)s"
```console
%(trap)s
```
:::
%(later)s
"""
SOLUTION = "$ docker run -d --name tiny-two --network tiny-net tools:1 sleep infinity"
GOOD = {
    "program": '("sleep", "infinity")',
    "before": "",
    "more": "",
    "shown": "tiny-net",
    "comment": "",
    "solution": SOLUTION,
    "message": "It is elsewhere",
    "trap": "$ docker run -d --name tiny-two tools:1 sleep infinity",
    "later": "",
}
SECOND_CHECK = """
@scenario.check("three")
def three(lab):
    if lab.file("tiny-one", "/tmp/three") is None:
        return not_yet("There is no file.", expected="/tmp/three", seen="no such file")
    return passed("the file is there")
"""
SECOND_STEP = """
## A file {#three}

Make one.

::: hint
`touch`
:::

::: hint
`docker exec`
:::

::: solution
```console
$ docker exec tiny-one touch /tmp/three
```
:::

::: trap "There is no file"
```console
$ docker exec tiny-one touch /tmp/four
```
:::
"""
CASES = 11
"""Of the good scenario with one step."""

QUICK = Patience(start=40, command=8, check=4, stop=40)


how = partial(replace, Options(seed=2, patience=QUICK))


@dataclass(frozen=True)
class Author:
    """Writes a tiny scenario with something changed in it, and has it proven."""

    folder: Path

    def write(self, **changed: str) -> None:
        """The scenario's files."""
        words = GOOD | changed
        home = self.folder / "tiny"
        (home / "content").mkdir(parents=True, exist_ok=True)
        (home / "scenario.py").write_text(SCENARIO % words, encoding="utf-8")
        (home / "content" / "lesson.md").write_text(LESSON % words, encoding="utf-8")

    def prove(
        self,
        *only: str,
        names: tuple[str, ...] = ("tiny",),
        options: Options | None = None,
    ) -> Proof:
        """What comes of it."""
        return validate(names, replace(options or how(), only=only))


@pytest.fixture
def author(
    folders: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Author]:
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LABRUNNER_SCENARIOS", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    from labrunner import plugins

    plugins._registry.cache_clear()
    yield Author(tmp_path / "mine")
    plugins._registry.cache_clear()
    assert left(tmp_path / "state", folders["LABRUNNER_RUNTIME"]) == []


def left(state: Path, runtime: str) -> list[str]:
    """What is left of any lab of a test."""
    from labrunner.engine.client import connect
    from labrunner.store import Store

    found = [str(path) for path in Path(runtime).iterdir()] if Path(runtime).exists() else []
    client = connect()
    for database in state.glob("validate/*/labs.db"):
        store = Store(database)
        for lab_id in store.known_ids():
            label = {"label": f"labrunner.lab={lab_id}"}
            found += [c["Names"][0] for c in client.api.containers(all=True, filters=label)]
        store.close()
    client.close()
    return found


def only(proof: Proof, kind: Kind, number: int = 1) -> Result:
    """The one result of a kind."""
    (found,) = [r for r in proof.results if (r.case.kind, r.case.number) == (kind, number)]
    return found


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
        ("did not end within 4 s", "error"),
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
        ("did not end within 8 s", "passed"),
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


def test_a_flood_is_cut_and_the_transcript_stays_small(author: Author) -> None:
    """What a command prints is bounded in the report, its beginning and end kept."""
    author.write(solution=f"$ head -c 3000000 /dev/zero | base64; echo the-end\n{SOLUTION}")
    found = only(author.prove("solution"), Kind.SOLUTION)
    assert found.status is Status.PROVEN
    assert "bytes left out" in found.transcript
    assert "the-end" in found.transcript
    assert len(found.transcript) < 300_000


def test_a_surviving_slip_is_listed_and_may_be_explained(author: Author) -> None:
    """A check that does not look at the network: two slips survive, until somebody says why."""
    weak = "if lab.container('tiny-two'): return passed('there')"
    author.write(before=weak, message="no tiny-two", trap="$ docker ps")
    proof = author.prove("mutation")
    survivors = [r for r in proof.results if r.status is Status.SURVIVED]
    assert {r.case.name.partition('"')[0].strip(" :") for r in survivors} == {
        "on bridge instead of tiny-net",
        "--network tiny-net missing in",
    }
    assert proof.strength() == pytest.approx(1 / 3)
    assert not proof.fine
    author.write(
        before=weak,
        message="no tiny-two",
        trap="$ docker ps",
        comment='<!-- survives "tiny-net": any network will do -->',
    )
    proof = author.prove("mutation")
    assert proof.fine
    assert {r.explained for r in proof.results if r.status is Status.SURVIVED} == {
        "any network will do"
    }
    assert proof.strength() == pytest.approx(1 / 3)


def test_an_explanation_of_nothing_is_a_mistake(author: Author) -> None:
    """A comment that outlived its slip, and a pattern that is none: file and line."""
    author.write(comment='<!-- survives "--memory": it is only a test -->')
    (found,) = author.prove().results
    assert (found.case.kind, found.status) == (Kind.START, Status.ERROR)
    assert "explains a slip that is not tried" in found.message
    assert "lesson.md:28" in found.case.where
    assert "without" in found.seen
    author.write(comment="<!-- varies: ( -->")
    (found,) = author.prove().results
    assert "not followed by a regular expression" in found.message


def test_a_slip_may_be_noticed_by_a_later_check(author: Author) -> None:
    """The first check is weak; the second looks at what the first step should have made."""
    strict = SECOND_CHECK.replace(
        "if lab.file",
        "if 'tiny-net' not in lab.container('tiny-two').networks:\n"
        "        return not_yet('Elsewhere.', expected='tiny-net', seen='another')\n"
        "    if lab.file",
    )
    author.write(
        before="if lab.container('tiny-two'): return passed('there')",
        message="no tiny-two",
        trap="$ docker ps",
        more=strict,
        later=SECOND_STEP,
    )
    proof = author.prove("mutation", "two")
    assert proof.fine
    assert any("noticed by the check of three" in r.message for r in proof.results)


def test_a_solution_that_needs_a_terminal_breaks_the_replay(author: Author) -> None:
    """By hand the second step is reached; ``--at`` types without a terminal, and is not."""
    tty = "$ docker exec -it tiny-one touch /tmp/three"
    first = SOLUTION.replace("docker run -d", "test -t 0 && docker run -d")
    author.write(solution=first, more=SECOND_CHECK, later=SECOND_STEP.replace(tty, tty))
    proof = author.prove("replay", "trap", "solution")
    replay = only(proof, Kind.REPLAY)
    assert replay.status is Status.FAILED
    assert "the solution of two did not pass" in replay.message
    assert "lesson.md" in replay.case.where
    traps = [r for r in proof.results if r.case.kind is Kind.TRAP]
    assert [r.status for r in traps] == [Status.PROVEN, Status.ERROR]
    assert "no lab gets to the start of three" in traps[1].message


def test_what_is_left_on_a_local_engine_is_found(
    author: Author, engine: docker.DockerClient
) -> None:
    """The lesson makes a network that the scenario does not own: the stop leaves it."""
    author.write(solution=f"$ docker network create tiny-left\n{SOLUTION}")
    try:
        found = only(author.prove("stop", options=how(host="local")), Kind.STOP)
        assert found.status is Status.FAILED
        assert "leaves things behind" in found.message
        assert "network tiny-left, which was not there before" in found.seen
    finally:
        for network in engine.networks.list(names=["tiny-left"]):
            network.remove()


def test_a_flaky_step_is_called_flaky(author: Author) -> None:
    """Green in one run and red in the next, of the same scenario."""
    author.write(before="if lab.seed % 2: return not_yet('No luck.', expected='luck', seen='none')")
    found = only(author.prove("solution", options=how(repeat=2)), Kind.SOLUTION)
    assert found.status is Status.FLAKY
    assert "1 proven, 1 failed of 2" in found.message
    assert "No luck" in found.seen


def test_a_setup_that_hangs_ends(author: Author) -> None:
    """The start is given up after its time; nothing else of the scenario is tried."""
    author.write(more="scenario.setup = lambda lab: Event().wait()")
    proof = author.prove(options=how(patience=Patience(start=12, command=8, check=4, stop=40)))
    (found,) = proof.results
    assert (found.case.kind, found.status) == (Kind.START, Status.ERROR)
    assert "did not end within 12 s" in found.message


def test_a_scenario_that_kills_its_own_host_is_named(author: Author) -> None:
    """The engine inside dies of the solution: said so, and the next case goes on."""
    kill = "for p in /proc/[0-9]*; do grep -qs dockerd $p/comm && kill -9 ${p#/proc/}; done"
    author.write(
        solution=f"$ docker run --rm --privileged --pid host tools:1 sh -c '{kill}'\n{SOLUTION}"
    )
    proof = author.prove("solution", "trap")
    found = only(proof, Kind.SOLUTION)
    assert found.status is Status.ERROR
    assert "host died while the solution of two was typed" in found.message
    assert only(proof, Kind.TRAP).status is Status.PROVEN


def test_what_exists_nowhere_or_is_broken_does_not_stop_the_others(author: Author) -> None:
    """A wrong name and a broken scenario are said; the good one is proven."""
    author.write()
    (author.folder / "torn").mkdir()
    (author.folder / "torn" / "scenario.py").write_text("import nothing_like_it\n")
    proof = author.prove(names=("nowhere", "torn", "tiny"), options=how(quick=True))
    by_name = {r.case.scenario: r for r in proof.results if r.case.kind is Kind.START}
    assert "there is no scenario 'nowhere'" in by_name["nowhere"].message
    assert "nothing_like_it" in by_name["torn"].message
    assert by_name["tiny"].status is Status.PROVEN
    assert not proof.fine


def test_words_of_only_are_steps_or_kinds(author: Author) -> None:
    """Anything else is refused before a lab starts."""
    from labrunner.errors import UsageError

    author.write()
    with pytest.raises(UsageError, match="neither a step nor a kind"):
        author.prove("tow")


# --- cut off ------------------------------------------------------------------------------


@pytest.fixture
def command(lab: Lab, tmp_path: Path) -> Lab:
    """The ``lab`` command with the good tiny scenario."""
    Author(tmp_path / "mine").write()
    return Lab(lab.state, {**lab.env, "LABRUNNER_SCENARIOS": str(tmp_path / "mine")})


@pytest.mark.parametrize("after", ["at work", "tiny/two/untouched", "tiny/two/trap"])
def test_an_interrupt_leaves_nothing_and_the_run_is_resumed(
    command: Lab, after: str, tmp_path: Path
) -> None:
    """Ctrl-C at any point: labs are removed, results so far are kept, --resume does the rest."""
    process = subprocess.Popen(
        command.argv("validate", "tiny", "--seed", "5"),
        env=command.env,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if after in line:
            break
    process.send_signal(signal.SIGINT)
    process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 130
    assert left(tmp_path / "state", command.env["LABRUNNER_RUNTIME"]) == []
    report = tmp_path / "report.json"
    done = command("validate", "tiny", "--resume", "--json", str(report))
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["seed"] == 5
    assert len(found["results"]) == CASES
    assert left(tmp_path / "state", command.env["LABRUNNER_RUNTIME"]) == []


def test_a_worker_that_is_killed_is_replaced(command: Lab, tmp_path: Path) -> None:
    """Its cases are said to be lost, its lab is removed, and the others are tried."""
    process = subprocess.Popen(
        command.argv("validate", "tiny", "--json", str(tmp_path / "report.json")),
        env=command.env,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    killed = False
    for line in process.stderr:
        if "two/untouched" in line and not killed:
            killed = True
            for pid in workers(process.pid):
                os.kill(pid, signal.SIGKILL)
    process.stderr.close()
    assert process.wait(120) == 1
    results = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["results"]
    lost = {r["kind"] for r in results if "its worker died" in r["message"]}
    assert "stop" in lost
    assert lost <= {"twice", "solution", "stop"}
    assert len(results) == CASES
    assert left(tmp_path / "state", command.env["LABRUNNER_RUNTIME"]) == []


def workers(parent: int) -> list[int]:
    """The worker processes of a run."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        int(pid)
        for pid in children
        if b"labrunner.validate.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_a_failed_lab_is_kept_and_can_be_entered(
    command: Lab, tmp_path: Path, snapshot: Callable[[str], Snapshot]
) -> None:
    """--keep: the lab of the first failure stays, ``lab`` finds it, and ``lab stop`` ends it."""
    Author(tmp_path / "mine").write(solution=SOLUTION.replace("tiny-two", "tiny-tow"))
    done = command("validate", "tiny", "--only", "solution", "--keep")
    assert done.returncode == 1
    (row,) = json.loads(command.ok("status", "--json"))
    assert f"lab shell --lab {row['lab']}" in " ".join(done.stderr.split())
    assert command("check", "two").returncode == 1
    command.ok("stop")
    assert snapshot(row["lab"]) == (frozenset(), frozenset(), frozenset())
