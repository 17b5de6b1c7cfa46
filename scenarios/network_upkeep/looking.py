"""Steps 1 and 2: what `docker network inspect` does not show, and where it can be seen."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from labrunner import Verdict, not_yet, passed

from .facts import TILLS, chatty, finished, no_file, runs_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labrunner import Lab

GIGABYTE = 1e9
BEFORE, AFTER, WHERE = "/tmp/before", "/tmp/after", "/tmp/where"  # noqa: S108
SENT = "/sys/class/net/eth0/statistics/tx_bytes"
WATCHED = 0.5
"""Seconds for which the counters are watched: the talker sends ten times in that time."""
SILENT = 2000
"""Bytes in that time that are no talk: answers to the network's own questions."""

_FIGURE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(?:([kKMGT])(i?)(?:B|Bytes)?\b|(?![\w.%]))")
_POWER = {"k": 1, "K": 1, "M": 2, "G": 3, "T": 4}


def blind(lab: Lab) -> Verdict:
    """Two inspections are alike although a gigabyte went by; something else shows it."""
    for name in ("desk", "store"):
        if problem := runs_on(lab, name, "yard"):
            return problem
    found = []
    for path in (BEFORE, AFTER):
        inspected = inspection(lab, path)
        if isinstance(inspected, Verdict):
            return inspected
        found.append(inspected)
    if differing := tuple(changed(*found)):
        return not_yet(
            "The two differ: something about the network itself has changed in between.",
            expected=f"{BEFORE} and {AFTER}, with nothing but traffic between them",
            seen=", ".join(differing),
            look=f"docker exec desk diff {BEFORE} {AFTER}",
        )
    sent = counter(lab, "desk")
    if sent < GIGABYTE:
        return not_yet(
            "desk has not sent a gigabyte yet, so there is nothing to be seen.",
            expected="a gigabyte from desk to store, after the first look",
            seen=f"{sent / 1e6:.1f} MB sent so far",
            look=f"docker exec desk cat {SENT}",
        )
    return shown(lab, sent)


def shown(lab: Lab, sent: int) -> Verdict:
    """Whether what the learner kept shows the gigabyte."""
    text = lab.file("desk", WHERE)
    if text is None:
        return no_file(WHERE, "a line that shows the gigabyte")
    if any(GIGABYTE <= figure <= sent * 1.05 for figure in figures(text)):
        return passed(
            "A gigabyte went by: the network's description is the same to the letter, "
            "the counters have it.",
            seen=f"{sent / 1e9:.2f} GB sent by desk",
        )
    return not_yet(
        f"{WHERE} does not show the gigabyte.",
        expected="the output of a command that counts bytes: a gigabyte or more, sent by desk",
        seen=" / ".join(text.split("\n")[:3]).strip(" /") or "an empty file",
        look=f"docker exec desk cat {WHERE}",
    )


def inspection(lab: Lab, path: str) -> Any:
    """What the learner kept of `docker network inspect yard`, or why it is not that."""
    text = lab.file("desk", path)
    if text is None:
        return no_file(path, "what `docker network inspect yard` prints")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    network = found[0] if isinstance(found, list) and found else found
    whole = isinstance(network, dict) and "Containers" in network
    if whole and network.get("Name") == "yard":
        return network
    return not_yet(
        f"{path} is not a description of the network yard.",
        expected="all that `docker network inspect yard` prints",
        seen=f"a description of {network['Name']}"
        if whole and "Name" in network
        else (text.strip().splitlines() or ["an empty file"])[0][:60],
        look=f"docker exec desk head {path}",
    )


def changed(one: dict[str, Any], two: dict[str, Any]) -> Iterator[str]:
    """The parts in which two descriptions of a network differ.

    A format may write a part that the engine left out; only what both have can differ.
    """
    for key in sorted(one.keys() & two.keys()):
        if one[key] != two[key]:
            yield f"another value of {key}"


def figures(text: str) -> Iterator[float]:
    """Every figure in a text, in bytes, whatever its unit."""
    for number, prefix, binary in _FIGURE.findall(text):
        yield float(number) * ((1024 if binary else 1000) ** _POWER[prefix] if prefix else 1)


def counter(lab: Lab, name: str) -> int:
    """Bytes that a running container has sent since it started; 0 where it has no network."""
    result = lab.exec(name, ["cat", SENT])
    return int(result.out) if result.code == 0 else 0


def growth(lab: Lab, names: Sequence[str]) -> dict[str, int]:
    """How many bytes each of them sends within a moment."""
    first = {name: counter(lab, name) for name in names}
    until = time.monotonic() + WATCHED
    last = first
    while time.monotonic() < until:
        last = {name: counter(lab, name) for name in names}
    return {name: last[name] - first[name] for name in names}


def talker(lab: Lab) -> Verdict:
    """The till that never stopped talking is silent, and the others are at work."""
    guilty = chatty(lab)
    for name in TILLS:
        if name != guilty and (problem := runs_on(lab, name, "yard")):
            return innocent(lab, name, problem)
    view = lab.container(guilty)
    if view is None or not view.running:
        return passed(f"{guilty} was it, and the other two are still at work.")
    sent = growth(lab, [guilty])[guilty]
    if sent <= SILENT:
        return passed(f"{guilty} was it, and it is silent now.")
    return not_yet(
        "One of the tills is still talking without a pause.",
        expected="three tills of which none sends all the time",
        seen=f"{sent // 1000} kB more within half a second",
        look="docker stats --no-stream till-1 till-2 till-3",
    )


def innocent(lab: Lab, name: str, problem: Verdict) -> Verdict:
    """A till was stopped that did no harm."""
    much = name == finished(lab)
    return not_yet(
        f"{name} was not it. It sent much once and has been silent since: a sum is no rate."
        if much
        else f"{name} was not it.",
        expected=f"{name} running on yard",
        seen=problem.seen,
        look=problem.look,
    )
