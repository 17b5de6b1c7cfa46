"""Maps of a running lab: kept, compared, watched and drawn."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pexpect
import pytest

from labrunner.engine.host import is_news
from tests import tiny
from tests.conftest import Lab, Snapshot
from tests.e2e.ways import NOTHING, USAGE, lab_id
from tests.waiting import ends

if TYPE_CHECKING:
    import docker

pytestmark = pytest.mark.engine

NAME = "drawn"
SECOND = "docker run -d --name drawn-two --network drawn-net tools:1 sleep infinity"
SERVER = '("nc", "-lk", "80")'
SHY_SERVER = '("nc", "-lk", "127.0.0.1", "80")'
PATIENCE = 60
"""Seconds for what takes a second on a machine that has nothing else to do."""


def typed(lab: Lab, command: str) -> None:
    """Type a command in the lab."""
    environment = json.loads(lab.ok("env", "--json"))
    env = {**lab.env, **environment}
    subprocess.run(["bash", "-c", command], env=env, check=True, capture_output=True, timeout=180)


def measured(lab: Lab, *options: str) -> dict[str, Any]:
    """What ``lab map --json`` says."""
    found: dict[str, Any] = json.loads(lab.ok("map", "--json", *options))
    return found


def passers(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Containers that came and went; on a local host other people's servers do so, too."""
    return [
        (change["kind"], change["target"])
        for change in found["compared"]["changes"]
        if change["kind"] in ("come", "gone")
    ]


def at_work(lab: str) -> list[str]:
    """Processes that measure a lab beside the learner's work."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue  # it has ended while we looked
        if "labrunner.reach.keeping" in words and lab in words:
            found.append(file.parent.name)
    return found


def is_kept(lab: Lab, point: str, *, step: str) -> bool:
    """Whether a measurement of this step's beginning is there."""
    for file in Path(lab.env["LABRUNNER_RUNTIME"]).glob(f"*/map-*-{point}.json"):
        return bool(json.loads(file.read_text(encoding="utf-8"))["step"] == step)
    return False


def test_the_beginning_of_a_lab_and_of_a_step_are_measured_unasked(stopped: Lab) -> None:
    """What a learner did is seen without a map before it; a step that is passed begins another."""
    stopped.ok("start", NAME)
    assert ends(lambda: is_kept(stopped, "lab", step="two"), PATIENCE)
    typed(stopped, SECOND)
    first = measured(stopped, "--diff")
    assert (first["compared"]["since"], passers(first)) == ("step", [("come", "drawn-two")])
    assert "Every step is done" in stopped.ok("check")
    assert ends(lambda: is_kept(stopped, "step", step=""), PATIENCE)
    assert passers(measured(stopped, "--since", "step")) == []
    assert passers(measured(stopped, "--since", "lab")) == [("come", "drawn-two")]
    assert passers(measured(stopped, "--diff")) == []
    typed(stopped, "docker rm -f drawn-two")
    said = stopped.ok("map", "--diff")
    assert re.search(r"since the last map, \d\d:\d\d:\d\d:\n  gone: drawn-two", said)


def test_a_lab_that_is_stopped_at_once_leaves_nothing(
    stopped: Lab, snapshot: Callable[[str], Snapshot]
) -> None:
    """Whatever is being measured then: no process stays, no file, nothing on the engine."""
    stopped.ok("start", NAME)
    name = lab_id(stopped)
    stopped.ok("stop")
    assert ends(lambda: not at_work(name), PATIENCE)
    assert snapshot(name) == NOTHING
    assert list(Path(stopped.env["LABRUNNER_RUNTIME"]).iterdir()) == []


def test_on_a_local_host_the_first_map_is_the_beginning(stopped: Lab) -> None:
    """Nothing is measured unasked on somebody's own engine; that is said, and then it is kept."""
    stopped.ok("start", NAME, "--host", "local")
    assert at_work(lab_id(stopped)) == []
    assert "there is nothing to compare with" in " ".join(stopped.ok("map", "--diff").split())
    typed(stopped, SECOND)
    assert passers(measured(stopped, "--since", "step")) == [("come", "drawn-two")]


def test_another_beginning_is_refused(stopped: Lab) -> None:
    """The three are named; what does not go together is said before anything is measured."""
    done = stopped("map", "--since", "yesterday")
    assert done.returncode == USAGE
    assert "last, step or lab" in done.stderr
    for options in (("--watch", "--json"), ("--svg", "--watch"), ("--output", "x.svg")):
        assert stopped("map", *options).returncode == USAGE


# --- watching -----------------------------------------------------------------------------


@contextmanager
def watching(lab: Lab) -> Iterator[pexpect.spawn[str]]:
    """``lab map --watch`` as a pipe has it, ended in any case."""
    argv = lab.argv("map", "--watch")
    script = ["-c", '"$@" </dev/null | cat', "sh", *argv]
    child = pexpect.spawn("sh", script, env={**lab.env}, encoding="utf-8", timeout=PATIENCE)
    try:
        yield child
    finally:
        child.close(force=True)


def test_a_watch_says_what_changes(stopped: Lab) -> None:
    """In a pipe: the map, then each change by itself; and it ends with its lab."""
    stopped.ok("start", NAME)
    with watching(stopped) as child:
        child.expect("nothing listens anywhere")
        typed(stopped, SECOND)
        child.expect(r"at \d\d:\d\d:\d\d:\s+new: drawn-two")
        typed(stopped, "docker pause drawn-two; docker rm -f drawn-two")
        child.expect("gone: drawn-two")
        stopped.ok("stop")
        child.expect("The lab has ended")
        child.expect(pexpect.EOF)


def test_a_watch_goes_along_with_the_learner(stopped: Lab) -> None:
    """A step that begins meanwhile keeps its own beginning, whatever is measured beside it."""
    stopped.ok("start", NAME)
    with watching(stopped) as child:
        child.expect("nothing listens anywhere")
        typed(stopped, SECOND)
        child.expect("new: drawn-two")
        assert "Every step is done" in stopped.ok("check")
        assert ends(lambda: is_kept(stopped, "step", step=""), PATIENCE)
        typed(stopped, "docker rm -f drawn-two")
        child.expect("gone: drawn-two")
        assert ends(lambda: is_kept(stopped, "last", step=""), PATIENCE)
    assert passers(measured(stopped, "--since", "step")) == [("gone", "drawn-two")]


def test_a_watch_in_a_terminal_is_drawn_anew_until_ctrl_c(stopped: Lab) -> None:
    """The table is there again with each change; Ctrl-C ends it, and that is no error."""
    stopped.ok("start", NAME)
    assert ends(lambda: is_kept(stopped, "lab", step="two"), PATIENCE)
    argv = stopped.argv("map", "--watch", "--since", "lab")
    env = {**stopped.env, "TERM": "xterm"}
    child = pexpect.spawn(argv[0], argv[1:], env=env, encoding="utf-8", dimensions=(40, 80))
    child.timeout = PATIENCE
    try:
        child.expect(r"1 container")
        child.expect("since the lab began")
        child.expect("Ctrl-C ends")
        typed(stopped, SECOND)
        child.expect(r"2 containers")
        child.expect("new: drawn-two")
        child.sendintr()
        child.expect(pexpect.EOF)
    finally:
        child.close()
    assert (child.exitstatus, child.signalstatus) == (0, None)


def test_what_makes_no_event_is_seen_all_the_same(stopped: Lab, tmp_path: Path) -> None:
    """A firewall rule, a server that listens late: it is measured every few seconds, too."""
    tiny.write(tmp_path / "mine", NAME, program=SERVER)
    stopped.ok("start", NAME)
    typed(stopped, SECOND)
    assert ends(lambda: any("open" in c["word"] for c in measured(stopped)["table"]), PATIENCE)
    with watching(stopped) as child:
        child.expect(r"drawn-two\s+open")
        rule = ("iptables", "-I", "DOCKER-USER", "-p", "tcp", "--dport", "80", "-j", "DROP")
        bridge = ("sysctl", "-w", "net.bridge.bridge-nf-call-iptables=1")
        stopped("host", "--", *bridge)
        stopped.ok("host", "--", *rule)
        child.expect(r"closed now: drawn-two to drawn-one:80 \(filtered\)")


def test_to_look_is_no_news(stopped: Lab, engine: docker.DockerClient) -> None:
    """On a local host each measurement is a container itself: a watch must not wake itself."""
    stopped.ok("start", NAME, "--host", "local")
    stopped_name = lab_id(stopped)
    # it is listened to from here on, and would end by itself
    later = int(time.time()) + PATIENCE
    stream = engine.api.events(decode=True, until=later, filters={"type": ["container", "network"]})
    stopped.ok("map")
    typed(stopped, SECOND)
    events, probers, second = [], set(), set()
    for event in stream:
        events.append(event)
        named = event["Actor"]["Attributes"]
        if named.get("labrunner.role") == "probe" and named["labrunner.lab"] == stopped_name:
            probers.add(event["Actor"]["ID"])
        elif named.get("name") == "drawn-two":
            second.add(event["Actor"]["ID"])
            if event["Action"] == "start":
                break
    stream.close()
    assert probers
    assert second

    def news(whose: set[str]) -> list[str]:
        return [
            event["Action"]
            for event in events
            if {event["Actor"]["ID"], event["Actor"]["Attributes"].get("container")} & whose
            and is_news(event)
        ]

    assert news(probers) == []
    assert "start" in news(second)


# --- riddles ------------------------------------------------------------------------------


@pytest.mark.parametrize("riddle", [False, True])
def test_a_riddle_is_not_solved_by_its_map(stopped: Lab, tmp_path: Path, *, riddle: bool) -> None:
    """Elsewhere the map says that a port is bound to loopback alone; there it must not."""
    more = f"scenario.riddle = {riddle}"
    tiny.write(tmp_path / "mine", NAME, program=SHY_SERVER, more=more)
    stopped.ok("start", NAME)
    typed(stopped, SECOND)
    assert ends(lambda: bool(measured(stopped)["listeners"]), PATIENCE)
    said = " ".join(stopped.ok("map", "--all").split())
    assert "drawn-two refused" in said
    named = {(one["name"], *one["containers"]) for one in measured(stopped)["troubles"]}
    if riddle:
        assert not named
        assert not re.search("loopback|127", said)
    else:
        assert ("loopback", "drawn-one") in named
        assert "of its own loopback only" in said


# --- pictures -----------------------------------------------------------------------------

SVG = "{http://www.w3.org/2000/svg}"


def drawn(lab: Lab, file: Path) -> dict[str, tuple[str, str, str]]:
    """Each container in a picture: where its box is, and all that is written on it."""
    lab.ok("map", "--svg", "--output", str(file))
    root = ET.fromstring(file.read_text(encoding="utf-8"))  # noqa: S314  our own words
    found = {}
    for group in root.findall(f"{SVG}g[@class='container']"):
        box = group.find(f"{SVG}rect")
        assert box is not None
        written = " ".join(text.text or "" for text in group.iter(f"{SVG}text"))
        found[group.get("data-name", "")] = (box.get("x", ""), box.get("y", ""), written)
    return found


def test_a_picture_changes_only_where_the_lab_did(stopped: Lab, tmp_path: Path) -> None:
    """Two containers come, one goes, one stops, the first is removed: nobody else moves."""
    stopped.ok("start", NAME)
    file = tmp_path / "lab.svg"
    begun = drawn(stopped, file)
    assert list(begun) == ["drawn-one"]
    typed(stopped, f"{SECOND.replace('drawn-two', 'aa')}; {SECOND}")
    both = drawn(stopped, file)
    assert list(both) == ["drawn-one", "aa", "drawn-two"]
    assert both["drawn-one"] == begun["drawn-one"]
    typed(stopped, "docker rm -f aa; docker stop -t 0 drawn-two")
    later = drawn(stopped, file)
    assert list(later) == ["drawn-one", "drawn-two"]
    assert later["drawn-two"][:2] == both["drawn-two"][:2]
    assert later["drawn-two"][2] == "drawn-two exited"
    typed(stopped, "docker rm -f drawn-one; docker network create -d bridge second")
    last = drawn(stopped, file)
    assert last["drawn-one"][:2] == begun["drawn-one"][:2]
    assert last["drawn-one"][2] == "drawn-one not there"
    assert last["drawn-two"] == later["drawn-two"]
    assert "second" in file.read_text(encoding="utf-8")
