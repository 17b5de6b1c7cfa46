"""``lab validate`` where slips survive, luck decides, or hosts die."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from labrunner.validate.proof import Kind, Status
from tests import tiny
from tests.validate.authors import QUICK, SECOND_CHECK, SECOND_STEP, SOLUTION, Author, how, only

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine


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
    proof = author.prove(options=how(patience=replace(QUICK, start=12)))
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


def test_one_after_another_each_is_on_a_host_that_it_may_be_on(author: Author) -> None:
    """On a shared engine what may run there; beside it, in a sandbox, what may not."""
    author.write()
    tiny.write(author.folder, "inside", more='scenario.hosts = ("sandbox",)')
    proof = author.prove("kind:order", names=("tiny", "inside"))
    assert [(r.case.kind, r.status) for r in proof.results] == [(Kind.ORDER, Status.PROVEN)] * 2, (
        proof.results
    )


def test_words_of_only_are_steps_or_kinds(author: Author) -> None:
    """Anything else is refused before a lab starts."""
    from labrunner.errors import UsageError

    author.write()
    with pytest.raises(UsageError, match="neither a step nor a kind"):
        author.prove("tow")
