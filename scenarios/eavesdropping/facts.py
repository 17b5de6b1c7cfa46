"""What every check knows: this lab's secrets, what the app says of itself, what was captured."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from labrunner import not_yet
from labrunner.checks import first, running

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from labrunner import Lab, Result, Verdict
    from labrunner.view import ContainerView

PORT = 5432
NET_ADMIN, NET_RAW = 12, 13
"""Numbers of capabilities, as the kernel has them."""

SURNAMES = ("Alder", "Birch", "Cedar", "Hazel", "Juniper", "Linden", "Maple", "Rowan", "Sorrel")
REASONS = ("migraine", "insomnia", "vertigo", "gout", "a cough", "a broken rib", "a sprained wrist")
WORDS = ("heron", "copper", "lantern", "violet", "walnut", "harbour", "pepper")


def password(lab: Lab) -> str:
    """The app's password in this lab."""
    rng = lab.random("password")
    return f"{rng.choice(WORDS)}-{rng.randrange(1000, 10000)}"


def visits(lab: Lab) -> dict[str, str]:
    """Who comes to this lab's clinic, and why."""
    rng = lab.random("visits")
    names = [f"Ms {name}-{rng.randrange(100, 1000)}" for name in rng.sample(SURNAMES, 3)]
    return dict(zip(names, rng.sample(REASONS, len(names)), strict=True))


def query(lab: Lab, statement: str) -> list[str]:
    """The lines that a query gives in db itself; none where it does not answer."""
    return lab.exec("db", ["psql", "-XAt", "-c", statement]).out.splitlines()


# --- the app ------------------------------------------------------------------------------

TLS_VERSION = """
SELECT coalesce(max(version), 'plain text') FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl
"""


@dataclass(frozen=True)
class Answer:
    """What the app gets when it asks.

    Attributes:
        how: the TLS version that its connection had, or "plain text"; "" where it failed.
        why: the error where it failed.
    """

    how: str = ""
    why: str = ""


def answer_in(result: Result) -> Answer:
    """Read what psql gave for `TLS_VERSION` and the rows: how it came, or why it did not."""
    lines = result.out.splitlines()
    if result.code == 0 and len(lines) > 1:
        return Answer(how=lines[0])
    return Answer(why=" ".join(result.err.split()) or "no visits")


def ask(lab: Lab, *, tls: bool, patience: float = 2.5) -> Answer:
    """Ask as the app does, with its settings, now: its log may be a second or three behind.

    What was just changed gets a few seconds to take effect.
    """
    deadline = time.monotonic() + patience
    while True:
        question = ["psql", "-XqAt", "-c", TLS_VERSION, "-c", "TABLE visits"]
        answer = answer_in(lab.exec("app", question))
        good = answer.how.startswith("TLS") if tls else answer.how
        if good or time.monotonic() > deadline:
            return answer


def app_works(lab: Lab, *, tls: bool = False) -> Verdict | None:
    """``None`` where the app gets its rows, over TLS if it should be."""
    if problem := first(running(lab, "db"), running(lab, "app")):
        return problem
    answer = ask(lab, tls=tls)
    if not answer.how:
        return not_yet(
            "app gets nothing from db.",
            expected="the rows of visits, when it asks",
            seen=answer.why,
            look="docker logs --tail 3 app",
        )
    if tls and not answer.how.startswith("TLS"):
        return not_yet(
            f"app talks to db over {answer.how}.",
            expected="over TLS",
            seen=complaint_of_db(lab) or "db says nothing about it",
            look="docker logs db",
        )
    return None


def complaint_of_db(lab: Lab) -> str:
    """The last thing that db said of its key or certificate."""
    lines = [
        line
        for line in lab.logs("db", lines=50).splitlines()
        if re.search(r"private key|certificate|SSL", line)
    ]
    return lines[-1].strip() if lines else ""


def app_knows_better(lab: Lab, patience: float = 3.0) -> Verdict | None:
    """``None`` where app has no wrong MAC address for db, or loses it within a few seconds."""
    app, db = lab.container("app"), lab.container("db")
    deadline = time.monotonic() + patience
    while app is not None and db is not None:
        table = lab.exec("app", ["ip", "neigh"]).out
        wrong = lies(table, {n["IPAddress"]: n["MacAddress"] for n in legs(db)})
        if not wrong:
            break
        if time.monotonic() > deadline:
            return not_yet(
                "app is still being lied to: it has another MAC address for db than db has.",
                expected="no arpspoof running any more",
                seen=wrong,
                look="docker exec app ip neigh",
            )
    return None


def legs(view: ContainerView) -> list[Mapping[str, str]]:
    """What the engine says of each network of a container."""
    return [*(view.attrs["NetworkSettings"]["Networks"] or {}).values()]


NEIGHBOUR = re.compile(r"^(?P<address>\S+) dev \S+ lladdr (?P<mac>\S+)", re.MULTILINE)


def lies(table: str, truth: Mapping[str, str]) -> str:
    """The line of ``ip neigh`` that has another MAC address for an address than the true one."""
    for entry in NEIGHBOUR.finditer(table):
        true = truth.get(entry["address"])
        if true and true != entry["mac"]:
            return entry[0]
    return ""


# --- captures -----------------------------------------------------------------------------

PACKET = re.compile(
    r"^(?P<at>\d+\.\d+) IP (?P<source>\d+(?:\.\d+){3})(?:\.(?P<sport>\d+))?"
    r" > (?P<target>\d+(?:\.\d+){3})(?:\.(?P<dport>\d+))?: "
)


@dataclass(frozen=True)
class Heard:
    """What is in a capture.

    Attributes:
        own: packets from or to the one who listened.
        foreign: packets between others.
        knocks: of its own, those from or to the port of the database.
        seconds: from the first packet to the last.
    """

    own: int
    foreign: int
    seconds: float
    knocks: int = 0


def heard(lines: Sequence[str], me: Iterable[str]) -> Heard:
    """Count the packets that ``tcpdump -nn -tt`` prints, by whose they are."""
    mine = set(me)
    packets = [match for line in lines if (match := PACKET.match(line))]
    times = [float(packet["at"]) for packet in packets]
    own = [p for p in packets if mine & {p["source"], p["target"]}]
    knocks = sum(1 for p in own if str(PORT) in (p["sport"], p["dport"]))
    seconds = max(times) - min(times) if times else 0.0
    return Heard(len(own), len(packets) - len(own), seconds, knocks)


def capture(lab: Lab, who: str, path: str) -> list[str] | Verdict:
    """The packets in a file that somebody captured, one a line, or why there are none."""
    if problem := running(lab, who):
        return problem
    if lab.exec(who, ["test", "-f", path]).code != 0:
        return not_yet(
            f"{who} has no {path} yet.",
            expected=f"a capture in {path}, in the container {who}",
            seen="no such file",
            look=f"docker exec {who} ls -l /tmp",
        )
    # the packets of a few seconds; who let it run for an hour need not wait for all of them
    result = lab.exec(who, ["tcpdump", "-nn", "-tt", "-c", "2000", "-r", path])
    if result.code != 0 and not result.out:
        return not_yet(
            f"{path} is no capture that tcpdump can read.",
            expected="what tcpdump -w writes",
            seen=result.err.strip().splitlines()[-1],
            look=f"docker exec {who} tcpdump -r {path}",
        )
    return result.out.splitlines()


def secrets_in(lab: Lab, who: str, path: str, secrets: Iterable[str]) -> set[str]:
    """Which of these words can be read in a file in a container."""
    words = list(secrets)
    given = [part for word in words for part in ("-e", word)]
    found = lab.exec(who, ["grep", "-a", "-o", "-F", *given, path]).out
    return {word for word in words if word in found}


def loot(lab: Lab, who: str, path: str) -> tuple[bool, int] | Verdict:
    """Whether the app's password is in a capture, and how many patients; or why it is empty."""
    packets = capture(lab, who, path)
    if not isinstance(packets, list):
        return packets
    if not any(f".{PORT}" in line for line in packets):
        return not_yet(
            f"Nothing of the talk between app and db is in {path}.",
            expected=f"packets to and from port {PORT}",
            seen=f"{len(packets)} packets, none of them of that port",
            look=f"docker exec {who} tcpdump -n -r {path}",
        )
    found = secrets_in(lab, who, path, [password(lab), *visits(lab)])
    return password(lab) in found, len(found - {password(lab)})


# --- rights -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rights:
    """What a container's first process may do, and what it could get.

    Attributes:
        now: capabilities that are in effect, as a bit mask.
        ever: those that a program with more rights could bring.
    """

    now: int
    ever: int


def rights_in(status: str) -> Rights:
    """Read the rights out of ``/proc/PID/status``."""
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    now, bounding = (int(fields[key].strip(), 16) for key in ("CapEff", "CapBnd"))
    locked = fields.get("NoNewPrivs", "0").strip() == "1"
    return Rights(now, now if locked else bounding)


def rights(lab: Lab, name: str) -> Rights:
    """The rights of a running container's first process."""
    return rights_in(lab.exec(name, ["cat", "/proc/1/status"]).out)


def holds(mask: int, capability: int) -> bool:
    """Whether a capability is in a mask."""
    return bool(mask >> capability & 1)
