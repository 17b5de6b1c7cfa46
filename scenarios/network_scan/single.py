"""Steps about one target: a first scan, a report that stays, what states mean, all ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed, ruined

from .facts import (
    FOLDER,
    LOOK,
    PAGE,
    PRINTER,
    USER,
    WEB,
    door,
    kept_in,
    last_words,
    must_be,
    saved,
)
from .nmap_xml import WHOLE

if TYPE_CHECKING:
    from labrunner import Lab

OFFICE_WEB = ("web", "office")
NOBODY = 8081


def scanner(lab: Lab) -> Verdict:
    """A container made a scan of web from within office."""
    if problem := ended_well(lab, "first") or on_office(lab, "first"):
        return problem
    found = kept_in(lab, "first")
    if isinstance(found, Verdict):
        return found
    return must_be(lab, found, OFFICE_WEB, WEB, "open") or passed(
        f"From within office, port {WEB} of web is open, published or not.", seen=found.args
    )


def ended_well(lab: Lab, name: str) -> Verdict | None:
    """``None`` where a container of this name ran a scan to its end."""
    view = lab.container(name)
    if view is None:
        return not_yet(
            f"There is no container {name} yet.",
            expected=f"a container {name} that has scanned and ended (without --rm)",
            seen="no container of that name",
            look="docker ps -a",
        )
    if str(view.attrs["Path"]).startswith("-"):
        return not_yet(
            f"{name} never started: what follows the image's name is the program to run.",
            expected="... scanner:1 nmap OPTIONS TARGET",
            seen=f"a program to run: {view.attrs['Path']}",
            look=f"docker inspect -f '{{{{.State.Error}}}}' {name}",
        )
    if view.status == "exited" and view.exit_code == 0:
        return None
    return not_yet(
        f"{name} has not come to its end: it is {view.status}."
        if view.status != "exited"
        else f"{name} has failed: nmap said why.",
        expected="exit code 0",
        seen=f"exit code {view.exit_code}: {last_words(lab, name)}",
        look=f"docker logs {name}",
    )


def on_office(lab: Lab, name: str) -> Verdict | None:
    """``None`` where a container stood on office and on no other network."""
    view = lab.container(name)
    networks = sorted(view.networks) if view else []
    if networks == ["office"]:
        return None
    return not_yet(
        f"{name} is on {' and '.join(networks) or 'no network'}, and web is on office.",
        expected=f"{name} on office alone",
        seen=last_words(lab, name),
        look=f"docker inspect -f '{{{{.HostConfig.NetworkMode}}}}' {name}",
    )


def report(lab: Lab) -> Verdict:
    """A report of web is in the folder on the host, and belongs to whom the folder belongs."""
    found = saved(lab, "web.xml")
    if isinstance(found, Verdict):
        return found
    if problem := must_be(lab, found, OFFICE_WEB, WEB, "open"):
        return problem
    owner = lab.run_on_host(["stat", "-c", "%u", f"{FOLDER}/web.xml"]).out.strip()
    if owner != USER:
        return not_yet(
            f"The report belongs to user {owner}, and the folder to user {USER}.",
            expected=f"web.xml owned by user {USER}",
            seen=f"owned by user {owner}" + (", which is root" if owner == "0" else ""),
            look=LOOK,
        )
    return passed(f"The report outlives its container, and belongs to user {USER}.")


def states(lab: Lab) -> Verdict:
    """One report shows an open port, two closed ones, and an open one of a paused container."""
    printer = lab.container("printer")
    if printer is None or printer.status != "paused":
        return not_yet(
            "printer is not paused.",
            expected="printer paused, and scanned like that",
            seen=printer.status if printer else "no container of that name",
            look="docker ps -a --filter name=printer",
        )
    found = saved(lab, "states.xml")
    if isinstance(found, Verdict):
        return found
    return (
        must_be(lab, found, OFFICE_WEB, WEB, "open")
        or must_be(lab, found, OFFICE_WEB, NOBODY, "closed")
        or must_be(lab, found, OFFICE_WEB, PAGE, "closed")
        or must_be(lab, found, ("printer", "office"), PRINTER, "open")
        or passed("Closed, though a server runs there; open, though nobody will ever answer.")
    )


def all_ports(lab: Lab) -> Verdict:
    """A scan of every port of web found the forgotten one."""
    found = saved(lab, "all.xml")
    if isinstance(found, Verdict):
        return found
    if problem := must_be(lab, found, OFFICE_WEB, WEB, "open"):
        return problem
    left_out = set(range(1, WHOLE + 1)) - found.ports
    if left_out:
        return not_yet(
            f"That was not every port: {len(left_out)} were left out.",
            expected=f"ports 1 to {WHOLE}; 0 may be among them",
            seen=f"{len(found.ports)} ports scanned by: {found.args}",
        )
    host = found.host(lab.address(*OFFICE_WEB))
    if host is None or door(lab) not in host.open:
        if lab.tcp("web", "127.0.0.1", door(lab)) == "open":
            return not_yet(
                "Every port was scanned, and yet one that is open is not in the report.",
                expected=f"{WEB} and one more port open",
                seen=f"open: {sorted(host.open) if host else 'none'}; scan again",
            )
        return ruined(
            "The forgotten door is gone: web was made anew.",
            expected="the container web that the lab started",
            seen="another one, without the door",
        )
    return passed(
        f"{len(found.ports)} ports in {found.elapsed:.1f} s, and one that nobody had on a list: "
        f"{door(lab)}."
    )
