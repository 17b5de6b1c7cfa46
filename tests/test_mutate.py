"""Slips on a solution: those that people make, and none that makes no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner.model.lesson import Command, Lesson, Step
from labrunner.model.scenario import Scenario
from labrunner.model.topology import Network
from labrunner.validate.mutate import Mutant, mutants
from labrunner.validate.words import calls, only_looks

LOOKS = [
    "lab host -- ls -ln '/srv/a b'",
    "lab host -- sh -c 'cd /srv && diff a b'",
    "docker ps -a --filter name=x --format '{{.Names}} {{.Status}}'",
    "docker logs --tail 1 web",
    "docker network inspect -f '{{.Name}}' front",
    "docker exec web cat /etc/hosts",
    "docker exec web sh -c 'cd /tmp && grep receiver *.txt'",
    "docker exec gateway sort /notes/before | head -n 1",
    "docker exec web diff /tmp/before /tmp/after",
    "docker exec web curl -s -m 2 -o /dev/null -w '%{http_code}' http://bob/",
    "docker run --rm --network host page:1 curl -s http://127.0.0.1/",
    "docker exec db psql -c 'SELECT count(*) FROM cards'",
    "docker exec web tcpdump -A -r /tmp/loot.pcap | grep -aoE 'Ms [A-Z]+' | sort -u",
    "echo $GATEWAY",
    "lab map",
]
ACTS = [
    "docker rm -f web",
    "docker exec web tee /tmp/x",
    "docker exec web cat /etc/hosts > hosts",
    "docker exec web cat /etc/hosts | docker exec -i web tee /tmp/x",
    "docker exec web curl -s -o /tmp/page http://bob/",
    "docker exec web curl -d a=b http://bob/",
    "docker exec web sh -c 'echo hello > /tmp/x'",
    "docker exec db psql -c 'DELETE FROM cards'",
    "docker run --rm -d tools:1 sleep 5",
    "docker run --name x tools:1 cat",
    "docker exec web timeout 5 tcpdump -i eth0 -w /tmp/loot.pcap",
    "docker exec web tcpdump -r /tmp/loot.pcap -w /tmp/less.pcap port 80",
    "lab reset",
    "lab host -- rm '/srv/x'",
    "lab host --lab other -- ls",
    "something-unknown",
    "docker ps; docker rm -f web",
]


@pytest.mark.parametrize("text", LOOKS)
def test_a_command_that_only_looks(text: str) -> None:
    """Leaving it out would spoil nothing."""
    assert only_looks(text)


@pytest.mark.parametrize("text", ACTS)
def test_a_command_that_acts(text: str) -> None:
    """What is not known to look counts as acting."""
    assert not only_looks(text)


def test_the_options_of_a_docker_call_end_at_its_image() -> None:
    """What comes after the image belongs to the program in it."""
    (call,) = calls("docker run -d --name x --network=front -p 1:2 \\\n  page:1 httpd -p 8080")
    assert [(o.name, o.value) for o in call.options] == [
        ("-d", ""),
        ("--name", "x"),
        ("--network", "front"),
        ("-p", "1:2"),
    ]
    assert [word.text for word in call.rest] == ["page:1", "httpd", "-p", "8080"]


def slips(*texts: str) -> dict[str, str]:
    """Name of each slip on this solution → all that is typed."""
    commands = tuple(Command(text, line=n) for n, text in enumerate(texts, 1))
    step = Step("one", "One", "", (), "", commands, (), 1)
    lesson = Lesson(Path("l"), "en", "T", "beginner", 1, "", (), (), "", (step,))
    scenario = Scenario("s", networks=(Network("north"), Network("south")))
    found: list[Mutant] = mutants(scenario, lesson, step)
    return {m.name: "\n".join(c.text for c in m.commands) for m in found}


def test_every_command_that_acts_is_left_out_once() -> None:
    """And those that only look never."""
    found = slips("docker network create front", "docker ps", "docker rm -f old")
    assert found == {
        'without "docker network create front"': "docker ps\ndocker rm -f old",
        'without "docker rm -f old"': "docker network create front\ndocker ps",
    }


def test_the_slips_of_a_run() -> None:
    """Wrong network, loopback forgotten, an option missing; never the ones for the terminal."""
    found = slips("docker run -d --name web --network north -p 127.0.0.1:80:8000 page:1")
    texts = set(found.values())
    assert "docker run -d --name web --network south -p 127.0.0.1:80:8000 page:1" in texts
    assert "docker run -d --name web --network north -p 80:8000 page:1" in texts
    assert "docker run -d --name web -p 127.0.0.1:80:8000 page:1" in texts
    assert "docker run -d --name web --network north page:1" in texts
    assert "" in texts
    assert len(texts) == 5


def test_a_program_that_listens_everywhere() -> None:
    """Loopback is forgotten also where a program in the host's network is told it."""
    found = slips("docker run -d --network host page:1 httpd -p 127.0.0.1:9001")
    assert "docker run -d --network host page:1 httpd -p 9001" in found.values()


def test_restart_instead_of_a_new_container() -> None:
    """The old settings stay; so a solution that makes it anew may not be replaced by that."""
    found = slips("docker rm -f web", "docker run -d --name web -e A=1 page:1")
    assert found["docker restart web, not made anew"] == "docker restart web"


def test_a_loop_is_several_commands() -> None:
    """Each name is left out once; of mere numbers the last one is enough."""
    found = slips("for n in a b c; do docker network connect north $n; done")
    shorter = [text for name, text in found.items() if name.startswith("without ") and text]
    assert [text.split(";")[0].split() for text in shorter] == [
        ["for", "n", "in", "b", "c"],
        ["for", "n", "in", "a", "c"],
        ["for", "n", "in", "a", "b"],
    ]
    assert (
        len([n for n in slips("for i in 1 2 3; do docker start $i; done") if "without" in n]) == 2
    )


def test_what_makes_no_difference_is_not_tried() -> None:
    """A variable that only commands that look use, and a container that is removed again."""
    found = slips(
        "docker run -d --name web -p 80:80 page:1",
        "G=$(docker inspect -f '{{.Gateway}}' web)",
        "docker exec carol curl http://$G/",
        "docker rm -f web",
        "docker run -d --name web page:1",
    )
    assert set(found) == {
        'without "docker rm -f web"',
        'without "docker run -d --name web page:1"',
        "docker restart web, not made anew",
    }
    used = slips("B=$(docker inspect bob)", "docker exec carol curl -o /tmp/x http://$B/")
    assert 'without "B=$(docker inspect bob)"' in used
