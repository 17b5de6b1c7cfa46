"""What several checks of this scenario ask: the learner's reports, and who is where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet
from labrunner.errors import EngineError

from .nmap_xml import BadReportError, Report, begun, parse
from .scope import strays

if TYPE_CHECKING:
    from labrunner import Lab

FOLDER = "/home/lab/my scans"
LOOK = f'lab host -- ls -ln "{FOLDER}"'
DOOR_FILE = "/etc/door"
USER = "1000"
LONGEST = 4_000_000
"""Bytes of a report that are read; the largest of this lab has some 30 kB."""

WEB, DB, PRINTER, PAGE = 8080, 5432, 9100, 9000


def door(lab: Lab) -> int:
    """The port that somebody forgot: none of the thousand that nmap tries by itself."""
    return lab.random("door").randrange(43000, 44000)


def owners(lab: Lab, network: str) -> dict[str, str]:
    """Who has which address on a network: the running containers, and the host."""
    found = {ip: c.name for c in lab.containers() if (ip := c.networks.get(network))}
    return found | {lab.gateway(network): "the host"}


def saved(lab: Lab, name: str) -> Report | Verdict:
    """The report of this name in the folder on the lab's host, or why it does not count."""
    path = f"{FOLDER}/{name}"
    found = lab.run_on_host(["head", "-c", str(LONGEST), path])
    return judged(lab, found.out, path) if found.code == 0 else nowhere(lab, name)


def nowhere(lab: Lab, name: str) -> Verdict:
    """The folder has no such report; where it went instead, if that can be seen."""
    search = ["find", "/home", "/tmp", "/root", "/var/tmp", "-name", name, "-type", "f"]  # noqa: S108
    elsewhere = lab.run_on_host(search).out.splitlines()
    if elsewhere:
        return not_yet(
            f"{name} is on the lab's host, but not in {FOLDER}.",
            expected=f"{FOLDER}/{name}",
            seen=elsewhere[0],
            look=LOOK,
        )
    return not_yet(
        f"There is no report {name} in {FOLDER} on the lab's host yet.",
        expected=f"{FOLDER}/{name}, written by nmap with -oX",
        seen="no such file there (what you save on your own machine does not count)",
        look=LOOK,
    )


def kept_in(lab: Lab, container: str) -> Report | Verdict:
    """The report that a container wrote into its own ``/tmp``, or why it does not count."""
    path = f"/tmp/{container}.xml"  # noqa: S108  a path in the learner's container
    try:
        text = lab.file(container, path)
    except EngineError:  # larger than any answer
        text = "-" * LONGEST
    if text is None:
        return not_yet(
            f"The container {container} has no report {path}.",
            expected=f"{path} in {container}, written by nmap with -oX",
            seen=last_words(lab, container),
            look=f"docker logs {container}",
        )
    return judged(lab, text, f"{path} in {container}")


def last_words(lab: Lab, container: str) -> str:
    """What a container printed last, in one line."""
    return " / ".join(lab.logs(container, lines=2).strip().splitlines())[:120] or "it said nothing"


def judged(lab: Lab, text: str, where: str) -> Report | Verdict:
    """The report in this text, once it is a whole one and kept to the lab."""
    try:
        found = parse(text)
    except BadReportError as error:
        return beyond(lab, begun(text)) or unfinished(text, where, str(error))
    return beyond(lab, found) or found


def beyond(lab: Lab, found: Report) -> Verdict | None:
    """``None`` where a scan kept to the lab, as far as its report goes."""
    outside = strays(found, *own(lab))
    if not outside:
        return None
    subnets = ", ".join(sorted(own(lab)[0]))
    return not_yet(
        f"Stop: this scan went beyond your lab, to {outside[0]}. "
        "You may scan what is yours, and what you were asked to scan; nothing else.",
        expected=f"only targets within {subnets}",
        seen=found.args,
    )


def unfinished(text: str, where: str, seen: str) -> Verdict:
    """The verdict on something that is no whole report, or too long to be read to its end."""
    if len(text.encode()) >= LONGEST:
        return not_yet(
            f"{where} is larger than {LONGEST // 1_000_000} MB, and no scan of this lab is.",
            expected="the report of a scan of one of the lab's subnets, some 30 kB at most",
            seen=begun(text).args or "something else than a report of nmap",
            look=LOOK,
        )
    return not_yet(
        f"{where} is not a finished report of nmap.",
        expected="the XML that nmap -oX writes, to its end",
        seen=seen,
        look=LOOK,
    )


def own(lab: Lab) -> tuple[set[str], set[str]]:
    """The subnets that belong to the lab, and the names of its networks."""
    known = [*lab.networks(), *(lab.network(name) for name in ("office", "guests", "vault"))]
    networks = [network for network in known if network is not None]
    return {n.subnet for n in networks if n.subnet}, {n.name for n in networks}


def must_be(
    lab: Lab, found: Report, target: tuple[str, str], port: int, *wanted: str
) -> Verdict | None:
    """``None`` where a report says that a port of a container is in one of these states.

    Args:
        lab: the lab.
        found: the report.
        target: the container, and the network on which its address is meant.
        port: the port.
        wanted: states that are right.
    """
    name, network = target
    where = lab.address(name, network)
    state = found.state(where, port)
    if state in wanted:
        return None
    if found.host(where) is None:
        message = f"The report does not have {name} among the hosts that are up."
        seen = f"{counted(found)} up, and {where} is not among them"
    elif not state:
        message = f"The report says nothing of port {port} of {name}."
        seen = "that port was not scanned"
    else:
        message = f"In the report, port {port} of {name} is {state}."
        seen = state
    return not_yet(
        message,
        expected=f"port {port} of {name} ({where}) {' or '.join(wanted)}",
        seen=f"{seen}; the scan was: {found.args}",
    )


def counted(found: Report) -> str:
    """How many hosts a report has for up, with the right word behind the number."""
    up = len([host for host in found.hosts if host.up])
    return f"{up} host" if up == 1 else f"{up} hosts"
