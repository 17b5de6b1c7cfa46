"""Steps 1 to 4: who is on which bridge, and what that looks like from inside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labrunner import not_yet, passed

from .common import PAGE, SPEED, in_short, no_file, read_page, runs_on, word

if TYPE_CHECKING:
    from labrunner import Lab, Verdict


def one_bridge(lab: Lab) -> Verdict:
    """A container of the learner's is a neighbour of bob's and has read his page."""
    dave = lab.container("dave")
    why = (
        "north alone is asked for, so that it is clear what lets dave reach bob."
        if dave and "north" in dave.networks
        else "Only members of north reach bob; publishing a port does not make a member."
    )
    if problem := runs_on(lab, "dave", {"north"}, why):
        return problem
    state = lab.tcp("dave", "bob", PAGE)
    if state != "open":
        return not_yet(
            f"dave does not reach bob on port {PAGE}.",
            expected="open",
            seen=state,
            look="docker ps --format '{{.Names}}: {{.Networks}}'",
        )
    return read_page(lab, "dave", "bob") or passed(
        f"dave reads bob's page, and bob publishes nothing: all of north may use port {PAGE}.",
        seen=f"{word(lab, 'bob')} in dave:/tmp/bob",
    )


@dataclass(frozen=True)
class Symptom:
    """How one kind of failure shows in what curl, ping, getent or an exit code say."""

    path: str
    pattern: re.Pattern[str]
    words: str


# A name server that does not answer makes the name time out: that is a failure by name, too.
BY_NAME = Symptom(
    "/tmp/by-name",  # noqa: S108
    re.compile(r"\(6\)|resolv|not known|NXDOMAIN|^\s*[62]\s*$", re.IGNORECASE),
    "a name that is not known (curl: 6)",
)
BY_ADDRESS = Symptom(
    "/tmp/by-address",  # noqa: S108
    re.compile(r"\(28\) (?!resolv)|connection timed|100% packet loss|^\s*28\s*$", re.IGNORECASE),
    "a time-out (curl: 28)",
)


def two_bridges(lab: Lab) -> Verdict:
    """Carol's two failures are on record, and they are failures of segregation."""
    for name, network in (("bob", "north"), ("carol", "south")):
        why = "Leave the two apart: this step is about how that looks."
        if problem := runs_on(lab, name, {network}, why):
            return problem
    for symptom, other in ((BY_NAME, BY_ADDRESS), (BY_ADDRESS, BY_NAME)):
        if problem := recorded(lab, symptom, other) or somebody_else(lab, symptom):
            return problem
    state = lab.tcp("carol", "bob", PAGE, timeout=1.0)
    return passed(
        "Another bridge has two faces: by name nobody of that name, by address only silence.",
        seen=f"carol asks for bob now: {state.replace('_', ' ')}",
    )


def recorded(lab: Lab, symptom: Symptom, other: Symptom) -> Verdict | None:
    """``None`` where carol's file shows this symptom and not the other one."""
    asked = "name" if symptom is BY_NAME else "address"
    text = lab.file("carol", symptom.path)
    if text is None:
        return no_file("carol", symptom.path, f"curl's complaint when bob is asked by {asked}")
    if symptom.pattern.search(text):
        return None
    return not_yet(
        f"{symptom.path} shows {other.words}: there bob was not asked by {asked}."
        if other.pattern.search(text)
        else f"{symptom.path} does not show how asking bob by {asked} ends.",
        expected=symptom.words,
        seen=told(text),
        look=f"docker exec carol cat {symptom.path}",
    )


NAMED = re.compile(r"resolve host:? '?([\w.-]+)|ping: ([\w.-]+): ", re.IGNORECASE)
TOLD = re.compile(r"Trying \S+|curl: \(\d+\).*")
TRIED = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d+)| port (\d+))?")


def somebody_else(lab: Lab, symptom: Symptom) -> Verdict | None:
    """``None`` where it was bob who did not answer, as far as the record tells."""
    text = lab.file("carol", symptom.path) or ""
    wrong = not_his_name(text) if symptom is BY_NAME else not_his_address(lab, text)
    if not wrong:
        return None
    bob = "bob" if symptom is BY_NAME else lab.address("bob", "north")
    return not_yet(
        f"{symptom.path}: {wrong}",
        expected=f"what curl -v says when {bob} is asked, port {PAGE}",
        seen=told(text),
        look=f"docker exec carol cat {symptom.path}",
    )


def told(text: str) -> str:
    """What curl says of whom it tried and how that ended; the text where it is not curl's."""
    return in_short(" ".join(TOLD.findall(text)) or text)


def not_his_name(text: str) -> str:
    """Whose name it was that nobody knew; "" where it was bob's, or is not said."""
    asked = {first or second for first, second in NAMED.findall(text)}
    return f"carol asked for {min(asked)}, not for bob." if asked and "bob" not in asked else ""


def not_his_address(lab: Lab, text: str) -> str:
    """Why this is no try of bob's page by his address; "" where it is one."""
    tries = {ip: port or other for ip, port, other in TRIED.findall(text)}
    bob = lab.address("bob", "north")
    if not tries:
        return "it does not say whom carol asked; with -v, curl does."
    if bob not in tries:
        owner = next((c.name for c in lab.containers() if min(tries) in c.networks.values()), "")
        return f"carol asked {min(tries)}{f', which is {owner}' if owner else ''}, and not bob."
    if tries[bob] not in ("", str(PAGE)):
        return f"carol asked port {tries[bob]}, and bob's page is on port {PAGE}."
    return ""


def second_leg(lab: Lab) -> Verdict:
    """Bob is a neighbour of both sides, and the two sides are still apart."""
    carol = lab.container("carol")
    hers = (
        "There she reaches all of north, not only bob."
        if carol and "north" in carol.networks
        else "It is bob who gets the second leg."
    )
    for name, networks, why in (
        ("alice", {"north"}, "On south carol reaches her. Only bob gets a second leg."),
        ("carol", {"south"}, hers),
        ("bob", {"north", "south"}, "He needs a leg in both."),
    ):
        if problem := runs_on(lab, name, networks, why):
            return problem
    for name in ("alice", "carol"):
        state = lab.tcp(name, "bob", PAGE)
        if state != "open":
            return not_yet(
                f"{name} does not reach bob.",
                expected=f"bob's port {PAGE} open to {name}",
                seen=state,
                look=f"docker exec {name} curl -sS -m 2 http://bob:{PAGE}/",
            )
    through = lab.tcp("carol", lab.address("alice", "north"), SPEED, timeout=1.0)
    if through == "open":
        return not_yet(
            "carol reaches alice as well.",
            expected="alice closed to carol",
            seen=f"alice's port {SPEED} open to carol",
            look="docker network inspect north",
        )
    return passed(
        "alice and carol both reach bob; carol does not reach alice: two legs are not a bridge.",
        seen=f"carol to alice: {through}",
    )


PINGS = "/tmp/ping"  # noqa: S108  a path in the learner's container
ANSWER = re.compile(r"^\d+ bytes from", re.MULTILINE)
SUMMARY = re.compile(r"(\d+) packets transmitted, \d+ (?:packets )?received")
# the last of all pings may be without its answer although nobody cut it off
MISSING = 2


def cut(lab: Lab) -> Verdict:
    """Bob left north while alice talked to him, and still serves south."""
    if problem := runs_on(lab, "bob", {"south"}, "He should have left north and kept south."):
        return problem
    state = lab.tcp("carol", "bob", PAGE)
    if state != "open":
        return not_yet(
            "bob is on south, but carol does not reach him.",
            expected=f"bob's port {PAGE} open to carol",
            seen=state,
            look=f"docker exec carol curl -sS -m 2 http://bob:{PAGE}/",
        )
    gone = lab.tcp("alice", "bob", PAGE, timeout=1.0)
    if gone == "open":
        return not_yet(
            "alice still reaches bob.",
            expected="bob unknown to alice",
            seen="open",
            look="docker ps --format '{{.Names}}: {{.Networks}}'",
        )
    return cut_off(lab) or passed(
        "bob moved from north to south while he ran, and the pings got no more answers.",
        seen=f"alice to bob: {gone.replace('_', ' ')}; carol to bob: open",
    )


def stopped_short(text: str) -> bool:
    """Whether these are pings that got answers first and later none, or go on still."""
    answers = len(ANSWER.findall(text))
    over = SUMMARY.search(text)
    return answers > 0 and (over is None or int(over[1]) - answers >= MISSING)


def cut_off(lab: Lab) -> Verdict | None:
    """``None`` where alice was talking to bob when he left: answers came, and then no more.

    Bob is known to have left, so that pings which are not over were cut as well.
    """
    text = lab.file("alice", PINGS)
    if text is None:
        return no_file("alice", PINGS, "the pings that were under way when bob left north")
    if stopped_short(text):
        return None
    over = SUMMARY.search(text)
    return not_yet(
        "alice's pings were over before bob left north, so nothing was cut."
        if ANSWER.search(text)
        else "bob answered none of alice's pings: when they began, he had left north.",
        expected="pings that get answers, and from the moment bob leaves north none",
        seen=over[0] if over else in_short(text),
        look=f"docker exec alice tail -n 3 {PINGS}",
    )
