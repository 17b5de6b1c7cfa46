"""Step 4: a network whose members may not talk to each other, and the ways that are left."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from labrunner import not_yet, passed
from labrunner.checks import JUST_STARTED

from .common import (
    NET_RAW,
    PAGE,
    from_host,
    held,
    lan_address,
    open_ways,
    runs_on,
)

if TYPE_CHECKING:
    from labrunner import Lab, Verdict
    from labrunner.view import Published

CELLS = ("cell-1", "cell-2")
FILTERS = "/proc/sys/net/bridge/bridge-nf-call-iptables"


def icc_off(lab: Lab) -> Verdict:
    """Two neighbours that do not reach each other, by whatever way."""
    network = lab.network("cells")
    if network is None or network.icc:
        return not_yet(
            "There is no network cells yet."
            if network is None
            else "The members of cells may talk to each other.",
            expected="a network cells made with enable_icc=false",
            seen="no such network" if network is None else "enable_icc is true, the default",
            look="docker network inspect -f '{{json .Options}}' cells",
        )
    for name in CELLS:
        if problem := runs_on(lab, name, "cells"):
            return problem
    if problem := serves(lab) or for_host_only(lab) or raw(lab):
        return problem
    if open_ways(lab, [("cell-1", lab.address("cell-2", "cells"), PAGE)]):
        return unfiltered(lab)
    return passed(
        "cell-1 finds no way to cell-2, and the host does.",
        seen="cell-1 to cell-2: no answer",
    )


def serves(lab: Lab) -> Verdict | None:
    """``None`` where cell-2 serves its page on its own address."""
    own = lab.address("cell-2", "cells")
    state = lab.tcp("cell-2", own, PAGE, patience=JUST_STARTED)
    if state == "open":
        return None
    return not_yet(
        f"cell-2 does not serve on port {PAGE}, so nothing can be said of the way to it.",
        expected=f"a server on {own}:{PAGE}",
        seen=state,
        look="docker logs cell-2",
    )


def for_host_only(lab: Lab) -> Verdict | None:
    """``None`` where cell-2 is published, for the host and nobody else."""
    view = lab.container("cell-2")
    ports = view.published if view else ()
    if not ports:
        return not_yet(
            "cell-2 is not published, and the host needs it.",
            expected="a port of the host that leads to cell-2",
            seen="no published port",
            look="docker port cell-2",
        )
    for port in ports:
        if ways := open_ways(lab, by_host(lab, port)):
            _, where, number = ways[0]
            return not_yet(
                "cell-1 gets to cell-2 by way of the host.",
                expected=f"no way from cell-1 to {where}:{number}",
                seen=f"it connects; cell-2 is published on {port.address or 'every address'}",
                look="docker port cell-2",
            )
        dialled = local(port)
        if not from_host(lab, dialled, port.host_port):
            return not_yet(
                "The host itself does not get cell-2's page.",
                expected=f"a page at {dialled}:{port.host_port} of the host",
                seen="no answer",
                look="docker port cell-2",
            )
    return None


def by_host(lab: Lab, port: Published) -> list[tuple[str, str, int]]:
    """The addresses of the host at which cell-1 may try this port."""
    where = {lab.gateway("cells"), lan_address(lab)}
    return [("cell-1", each, port.host_port) for each in sorted(where)]


def local(port: Published) -> str:
    """The address at which the host reaches what it publishes."""
    published = ip_address(port.address or "::")
    return "127.0.0.1" if published.is_unspecified else str(published)


def raw(lab: Lab) -> Verdict | None:
    """``None`` where neither can make packets that no rule for IP sees."""
    for name in CELLS:
        if held(lab, name, [NET_RAW]):
            return not_yet(
                f"{name} may still send whatever frames it likes.",
                expected=f"{name} without the capability NET_RAW",
                seen="it has NET_RAW, as every container has by default",
                look=f"docker inspect -f '{{{{.HostConfig.CapDrop}}}}' {name}",
            )
    return None


def unfiltered(lab: Lab) -> Verdict:
    """cell-1 gets through, although the network forbids it: whose fault is that?"""
    setting = lab.run_on_host(["cat", FILTERS])
    if setting.out.strip() != "1":
        return passed(
            "All is set as it should be, but the kernel of this machine does not show bridged "
            "packets to its firewall, so enable_icc=false has no effect here.",
            seen=f"bridge-nf-call-iptables: {setting.out.strip() or 'not there'}",
        )
    return not_yet(
        "cell-1 reaches cell-2 although the network forbids it: a rule lets it pass.",
        expected="no answer from cell-2",
        seen="it connects",
        look="lab host -- iptables -S",
    )
