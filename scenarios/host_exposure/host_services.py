"""Step 5: services of the host, seen from every bridge, also from one with no way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import not_yet, passed, ruined

from .common import (
    PAGE,
    STATUS,
    Way,
    from_host,
    lan_address,
    leftover,
    open_ways,
    runs_on,
    scenery,
)

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

LOOPBACK = "127.0.0.1"
PLACES = (("guest", "guests"), ("clerk", "office"), ("db", "vault"), ("stray", "bridge"))
"""Who tries, and on which network; the last one is on the default bridge."""


def host_services(lab: Lab) -> Verdict:
    """The host's services are there for the host and the LAN, and for no container."""
    if problem := scenery(lab, "guest", "clerk", "stock", "web", "laptop"):
        return problem
    if problem := vault(lab) or runs_on(lab, "stray", "bridge"):
        return problem
    if problem := still_served(lab) or let_in(lab):
        return problem
    if not from_host(lab, lab.address("stock", "office"), PAGE):
        return not_yet(
            "The host itself no longer gets the page of stock.",
            expected="only connections that a container begins are dropped",
            seen="no answer: what stock answers comes in at INPUT, too",
            look="lab host -- iptables -vnL INPUT",
        )
    return passed(
        "The services of the host are there for the host and the LAN, and for no container.",
        seen=f"tried from {', '.join(who for who, _ in PLACES)}: no way in",
    )


def vault(lab: Lab) -> Verdict | None:
    """``None`` where db is alone with its pages, on a network with no way out."""
    network = lab.network("vault")
    if network is None or not network.internal:
        return not_yet(
            "There is no network vault yet." if network is None else "vault has a way out.",
            expected="a network vault made with --internal",
            seen="no such network" if network is None else "internal: false",
            look="docker network inspect -f '{{.Internal}}' vault",
        )
    return runs_on(lab, "db", "vault")


def still_served(lab: Lab) -> Verdict | None:
    """``None`` where the host and the LAN get the status page."""
    if not from_host(lab, LOOPBACK, STATUS):
        listening = lab.run_on_host(["busybox", "netstat", "-ltn"]).out
        if f":{STATUS} " not in listening:
            return ruined(
                "The status service of the host has ended.",
                expected=f"a service of the host on port {STATUS}",
                seen="nobody listens there",
            )
        return not_yet(
            "The host itself no longer gets its status page.",
            expected=f"the page at {LOOPBACK}:{STATUS} on the host",
            seen="no answer",
            look="lab host -- iptables -vnL INPUT",
        )
    state = lab.tcp("laptop", lan_address(lab), STATUS, timeout=1.0)
    if state == "open":
        return None
    return not_yet(
        "The laptop no longer gets the status page, and it should.",
        expected=f"port {STATUS} of the host open to the LAN",
        seen=f"from the laptop: {state}",
        look="lab host -- iptables -vnL INPUT",
    )


def ways(lab: Lab) -> list[Way]:
    """Every way from a container to a service of the host that is not on loopback."""
    return [
        (who, where, port)
        for who, network in PLACES
        for where in (lab.gateway(network), lan_address(lab))
        for port in (STATUS, leftover(lab))
    ]


def let_in(lab: Lab) -> Verdict | None:
    """``None`` where no container reaches a service of the host."""
    found = open_ways(lab, ways(lab))
    if not found:
        return None
    who, where, port = found[0]
    # the number of the other one is what the learner has found out
    service = "the status page" if port == STATUS else "the forgotten test server"
    return not_yet(
        f"{who} still gets {service} of the host.",
        expected="no service of the host open to guest, clerk, db or stray",
        seen=f"{len(found)} ways are open, one of them {who} to {where}:{port}",
        look="lab host -- iptables -vnL INPUT",
    )
