"""Steps about where the scanner stands: in the network, in the one next door, on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import WEB, counted, must_be, owners, saved
from .scope import targets

if TYPE_CHECKING:
    from labrunner import Lab

    from .nmap_xml import Report


def sweep(lab: Lab) -> Verdict:
    """A sweep found every host of office, the host of the lab among them."""
    found = saved(lab, "sweep.xml")
    if isinstance(found, Verdict):
        return found
    up = {host.address for host in found.hosts if host.up}
    known = owners(lab, "office")
    missed = [f"{name} ({ip})" for ip, name in known.items() if ip not in up]
    if missed:
        return not_yet(
            f"The sweep has missed {' and '.join(sorted(missed))}.",
            expected=f"everybody on office: {', '.join(sorted(known.values()))}",
            seen=f"{counted(found)} up; the scan was: {found.args}",
            look="docker network inspect office",
        )
    # only a connection can be refused: without root's rights nmap has no other way to ask
    if any(host.up and host.reason == "conn-refused" for host in found.hosts):
        return not_yet(
            "They are all there, and found by connecting, as an ordinary user has to.",
            expected="a sweep as root, that is, without --user",
            seen=found.args,
        )
    scanner = " and the scanner, which is gone again" if up - known.keys() else ""
    return passed(
        f"{len(up)} hosts are up: {len(known) - 1} containers, the host itself at its gateway "
        f"address{scanner}."
    )


def next_door(lab: Lab) -> Verdict:
    """From guests, web's port shows as filtered."""
    found = saved(lab, "guests.xml")
    if isinstance(found, Verdict):
        return found
    problem = (
        unanswered(lab, found)
        or must_be(lab, found, ("web", "office"), WEB, "filtered")
        or must_be(lab, found, ("kiosk", "guests"), WEB, "open")
    )
    if problem:
        return problem
    return passed(
        f"From next door, port {WEB} of web is filtered: no answer, not even a refusal.",
        seen=f"{found.elapsed:.1f} s for {len(found.ports)} ports",
    )


def unanswered(lab: Lab, found: Report) -> Verdict | None:
    """A verdict on the two ways in which a scan ends without web."""
    where = lab.address("web", "office")
    if found.host(where) is not None:
        return None
    if where in targets(found.args):
        return not_yet(
            "web is not in the report: nmap asked first whether it is there, got no answer and "
            "did not scan it. Silence does not mean that there is no web.",
            expected=f"port {WEB} of web looked at, although nothing answers",
            seen=found.args,
        )
    return not_yet(
        "web is not in the report: on guests, nobody knows the name web.",
        expected=f"a scan of web's address, {where}",
        seen=found.args,
        look="docker inspect -f '{{.NetworkSettings.Networks.office.IPAddress}}' web",
    )


def from_host(lab: Lab) -> Verdict:
    """One scan reached both networks, as only the host does."""
    found = saved(lab, "host.xml")
    if isinstance(found, Verdict):
        return found
    if not any(host.up for host in found.hosts):
        return not_yet(
            "The report has no host in it: the host does not know the names of containers.",
            expected="web and kiosk scanned by their addresses",
            seen=found.args,
            look="docker inspect -f '{{json .NetworkSettings.Networks}}' kiosk",
        )
    return (
        must_be(lab, found, ("web", "office"), WEB, "open")
        or must_be(lab, found, ("kiosk", "guests"), WEB, "open")
        or passed("From the host, one scan sees both networks. No container sees that.")
    )
