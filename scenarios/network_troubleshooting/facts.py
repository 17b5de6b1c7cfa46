"""The causes, which patient has which, and by which symptom a cause is ruled out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labrunner import Lab

IMAGE = "service:1"
PORT = 8000
HOME, ELSEWHERE, DEFAULT = "library", "annex", "bridge"
COPIES = ("copies-1", "copies-2", "copies-3")
JOB = "indexer"
"""What works by night."""
SECONDS = 3
"""The patience of who asks for the list of prints."""
NARROW = 600
"""What a frame may hold on a cable that somebody has set wrongly."""

GROUPS = {
    "catalogue": ("wrong-network",),
    "loans": ("loopback",),
    "hours": ("stopped", "wrong-network", "default-bridge"),
    "fines": ("loopback", "reject"),
    "rooms": ("paused", "drop"),
    "copies": ("dead-backend", "two-owners"),
    "prints": ("mtu", "cpu-hog"),
    "news": ("stopped", "paused", "wrong-network", "loopback", "reject", "drop"),
}
"""By patient: the faults of which it has one, and which look alike from the desk."""

SYMPTOMS: dict[str, dict[str, str]] = {
    "stopped": {"state": "ended"},
    "paused": {"state": "paused"},
    "wrong-network": {"state": "runs", "network": "other"},
    "default-bridge": {"state": "runs", "network": "default"},
    "loopback": {"state": "runs", "network": "home", "answer": "refused", "listens": "itself"},
    "reject": {"state": "runs", "network": "home", "answer": "refused", "listens": "everywhere"},
    "drop": {"state": "runs", "network": "home", "answer": "silence"},
    "two-owners": {"state": "runs", "network": "home", "answer": "at times", "owners": "two"},
    "dead-backend": {"state": "runs", "network": "home", "answer": "at times", "owners": "one"},
    "mtu": {"state": "runs", "network": "home", "answer": "small", "large": "lost"},
    "cpu-hog": {"state": "runs", "network": "home", "answer": "small", "large": "through"},
}
"""By cause: the answers to the questions, in the order in which they are best asked."""

WORDS: dict[tuple[str, str], tuple[str, str]] = {
    ("state", "ended"): ("{patient} would not run", "{patient} had ended"),
    ("state", "paused"): ("{patient} would be paused", "{patient} was paused"),
    ("state", "runs"): ("{patient} would run", "{patient} ran"),
    ("network", "other"): (
        "{patient} would share no network with the desk",
        "{patient} shared no network with the desk",
    ),
    ("network", "default"): (
        "{patient} would be on Docker's default network",
        "{patient} was on Docker's default network",
    ),
    ("network", "home"): ("{patient} would be on library", "{patient} was on library"),
    ("answer", "refused"): ("{patient} would refuse at once", "{patient} refused at once"),
    ("answer", "silence"): ("nothing would come back", "nothing came back"),
    ("answer", "at times"): (
        "{patient} would answer at times and fail at times",
        "{patient} answered at times and failed at times",
    ),
    ("answer", "small"): (
        "{patient} would answer small requests",
        "{patient} answered small requests",
    ),
    ("listens", "itself"): (
        "the program of {patient} would listen on 127.0.0.1 alone",
        "the program of {patient} listened on 127.0.0.1 alone",
    ),
    ("listens", "everywhere"): (
        "the program of {patient} would listen on every address",
        "the program of {patient} listened on every address",
    ),
    ("owners", "two"): (
        "two would answer for one address",
        "two answered for one address",
    ),
    ("owners", "one"): (
        "one alone would answer for each address",
        "one alone answered for each address",
    ),
    ("large", "lost"): ("a large ping would be lost", "a large ping was lost"),
    ("large", "through"): ("a large ping would come through", "a large ping came through"),
}
"""By question and answer: how it would be, and how it was."""

LOOK = {
    "state": "docker ps -a",
    "network": "docker ps -a --format '{{{{.Names}}}}: {{{{.Networks}}}}'",
    "answer": "docker exec desk curl -sS -m 2 http://{patient}:8000/",
    "listens": "docker exec {patient} ss -ltn",
    "owners": "docker exec desk owners {patient}",
    "large": "docker exec desk ping -c 2 -W 1 -s 1400 {patient}",
}
"""By question: the command that answers it."""


def cause_of(lab: Lab, patient: str) -> str:
    """What is wrong with a patient in this lab."""
    return lab.random(f"fault of {patient}").choice(GROUPS[patient])


def chosen_copy(lab: Lab) -> str:
    """The one of the three copies that has the fault."""
    return lab.random("which copy").choice(COPIES)


def ruled_out(patient: str, named: str, cause: str) -> tuple[str, str, str]:
    """The first question whose answer tells a named cause from the true one.

    Returns:
        The question, how it would be with the named cause, and how it was.
    """
    theirs, true = SYMPTOMS[named], SYMPTOMS[cause]
    question = next(q for q in theirs if theirs[q] != true[q])
    would, _ = WORDS[question, theirs[question]]
    _, was = WORDS[question, true[question]]
    return question, would.format(patient=patient), was.format(patient=patient)
