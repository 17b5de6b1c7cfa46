"""Steps 6 to 9: packets that the host forwards, and the chain in which they can be stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labrunner import not_yet, passed

from .common import (
    NET_ADMIN,
    NET_RAW,
    OWN,
    PAGE,
    PATIENCE,
    SHOP,
    STATUS,
    WEB,
    digits,
    from_host,
    held,
    lan_address,
    no_file,
    open_ways,
    runs_on,
    scenery,
)
from .rules import by_address, gone, misplaced
from .views import on_host

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

EVIDENCE = "/tmp/stock"  # noqa: S108  in the laptop
PROTECTS_ITSELF = 28
"""From this version on, the engine drops packets from elsewhere to a container's address."""
IDLE = 8001
"""A port at which stock has nobody listening."""
LOOK = "lab host -- iptables -vnL DOCKER-USER --line-numbers"


# --- 6: a published port is forwarded, not let in -----------------------------------------


def docker_user(lab: Lab) -> Verdict:
    """The published page is closed to the LAN, by the firewall, and to nobody else."""
    return closed_page(lab) or passed(
        f"Port {WEB} is closed to the LAN, and the office works as before.",
        seen=f"laptop to port {WEB}: no way in",
    )


Explain = Callable[[str, int], str]
"""Why a firewall lets a port in, in a sentence or ""."""


def closed_page(lab: Lab, explain: Explain = misplaced) -> Verdict | None:
    """``None`` where the LAN does not get web's page, and everybody else does."""
    if problem := scenery(lab, "web", "stock", "clerk", "laptop") or published(lab, "web", WEB):
        return problem
    if open_ways(lab, [("laptop", lan_address(lab), WEB)]):
        why = explain(lab.run_on_host(["iptables-save"]).out, WEB)
        return not_yet(
            f"The laptop still gets web's page. {why}".strip(),
            expected=f"port {WEB} closed to the LAN",
            seen=f"laptop to lab-host:{WEB}: open",
            look=LOOK,
        )
    return office_works(lab) or lan_works(lab)


def published(lab: Lab, name: str, port: int) -> Verdict | None:
    """``None`` where this container is published at this port of every address."""
    view = lab.container(name)
    found = [p for p in view.published if p.host_port == port] if view else []
    if any(p.address in ("0.0.0.0", "") for p in found):  # noqa: S104  what is looked for
        return None
    return not_yet(
        f"{name} is no longer published as it was: this is about the firewall.",
        expected=f"{name} published at 0.0.0.0:{port}",
        seen=", ".join(f"{p.address}:{p.host_port}" for p in found) or f"not at port {port}",
        look=f"docker port {name}",
    )


def office_works(lab: Lab) -> Verdict | None:
    """``None`` where the members of the office reach one another, and the host reaches web."""
    for name in ("stock", "web"):
        if not open_ways(lab, [("clerk", lab.address(name, "office"), PAGE)]):
            return not_yet(
                f"clerk no longer reaches {name}, next door in the office.",
                expected="only what comes from the LAN is dropped",
                seen=f"clerk to {name}:{PAGE}: no answer",
                look=LOOK,
            )
    if from_host(lab, "127.0.0.1", WEB):
        return None
    return not_yet(
        "The host itself no longer gets web's page.",
        expected=f"the page at 127.0.0.1:{WEB} on the host",
        seen="no answer",
        look=LOOK,
    )


def lan_works(lab: Lab) -> Verdict | None:
    """``None`` where the laptop gets the status page, so that the cable is not simply pulled."""
    state = lab.tcp("laptop", lan_address(lab), STATUS, timeout=1.0)
    if state == "open":
        return None
    return not_yet(
        "The laptop does not get the status page of the host any more.",
        expected=f"port {WEB} closed to the LAN, port {STATUS} open",
        seen=f"laptop to lab-host:{STATUS}: {state}",
        look="lab host -- iptables -vnL INPUT",
    )


# --- 7: after the port was translated -----------------------------------------------------


def after_dnat(lab: Lab) -> Verdict:
    """Of two published pages one is closed to the LAN and one open."""
    return (
        one_of_two(lab)
        or lasting(lab)
        or passed(
            f"Port {WEB} is closed to the LAN and port {SHOP} is open.",
            seen="both lead to port 8000 of a container",
        )
    )


def lasting(lab: Lab) -> Verdict | None:
    """``None`` where no rule goes by web's address."""
    rule = by_address(lab.run_on_host(["iptables-save"]).out, lab.address("web", "office"))
    if not rule:
        return None
    return not_yet(
        "A rule goes by the address that a container happens to have.",
        expected=f"a rule that asks which port the connection was for: {WEB}",
        seen=rule,
        look=LOOK,
    )


def one_of_two(lab: Lab, explain: Explain = misplaced) -> Verdict | None:
    """``None`` where web is closed to the LAN and shop is not."""
    if problem := scenery(lab, "clerk", "laptop"):
        return problem
    if problem := runs_on(lab, "shop", "office") or published(lab, "shop", SHOP):
        return problem
    if not open_ways(lab, [("clerk", lab.address("shop", "office"), PAGE)]):
        return not_yet(
            f"shop does not serve on port {PAGE}.",
            expected=f"a page at port {PAGE} of shop",
            seen="no connection from clerk",
            look="docker logs shop",
        )
    if not open_ways(lab, [("laptop", lan_address(lab), SHOP)]):
        return not_yet(
            "The laptop does not get shop's page, and it should.",
            expected=f"port {SHOP} open to the LAN",
            seen=f"laptop to lab-host:{SHOP}: no way in",
            look=LOOK,
        )
    return closed_page(lab, explain)


# --- 8: without a published port ----------------------------------------------------------


def from_the_lan(lab: Lab) -> Verdict:
    """What was published is open to the LAN, and nothing else, though the laptop has a route."""
    if problem := one_of_two(lab) or routed(lab) or was_read(lab) or direct(lab) or outward(lab):
        return problem
    return passed(
        "From the LAN, a container's own address leads nowhere.",
        seen=f"laptop to stock and web by address: no way in; to port {SHOP}: open",
    )


def routed(lab: Lab) -> Verdict | None:
    """``None`` where the laptop sends packets for stock to the host."""
    way = lab.exec("laptop", ["ip", "route", "get", lab.address("stock", "office")])
    if f"via {lan_address(lab)} " in way.out:
        return None
    return not_yet(
        "The laptop has no route to the office, so it proves nothing that it gets no answer.",
        expected=f"a route to stock's address by way of {lan_address(lab)}",
        seen=(way.out or way.err).strip().splitlines()[0],
        look="docker exec laptop ip route",
    )


def was_read(lab: Lab) -> Verdict | None:
    """``None`` where stock's page was read on the laptop, or cannot be on this engine."""
    text = lab.file("laptop", EVIDENCE)
    if text is not None and digits(lab, "stock") in text:
        return None
    if guarded(lab):
        return None
    if text is None:
        return no_file("laptop", EVIDENCE, "the page of stock")
    return not_yet(
        f"The laptop has a {EVIDENCE}, but it is not stock's page.",
        expected="the page that stock serves",
        seen=text.strip()[:60] or "an empty file",
        look=f"docker exec laptop cat {EVIDENCE}",
    )


def guarded(lab: Lab) -> str:
    """Why stock could not be read from the LAN on this engine, or ""."""
    version = str(lab.client.version()["Version"])
    if int(version.partition(".")[0]) >= PROTECTS_ITSELF:
        return f"Docker {version} drops such packets by itself"
    first = lab.run_on_host(["iptables", "-S", "FORWARD"]).out.splitlines()[:1]
    return "the chain FORWARD ends in DROP" if first == ["-P FORWARD DROP"] else ""


def direct(lab: Lab) -> Verdict | None:
    """``None`` where no container of the office answers the laptop at its own address."""
    members = ("stock", "web", "shop")
    ways = [("laptop", lab.address(name, "office"), PAGE) for name in members]
    found = open_ways(lab, ways)
    if not found:
        return by_port(lab)
    name = members[ways.index(found[0])]
    return not_yet(
        f"The laptop still reaches {name} at its own address.",
        expected="no container answers the LAN at its own address",
        seen=f"laptop to {found[0][1]}:{PAGE}: open",
        look=LOOK,
    )


def by_port(lab: Lab) -> Verdict | None:
    """``None`` where the laptop gets no further at a port of stock where nobody listens."""
    where = lab.address("stock", "office")
    if lab.tcp("laptop", where, IDLE, timeout=PATIENCE) != "refused":
        return None
    # a rule may refuse as well, and then it does so at every port
    if lab.tcp("laptop", where, PAGE, timeout=PATIENCE) == "refused":
        return None
    return not_yet(
        f"Only port {PAGE} is closed: the laptop still gets to stock at every other one.",
        expected="no container answers the LAN at its own address, whatever the port",
        seen=f"laptop to {where}:{IDLE}: refused, and by stock itself",
        look=LOOK,
    )


def outward(lab: Lab) -> Verdict | None:
    """``None`` where containers still get out to the LAN, and hear the answer."""
    if open_ways(lab, [("clerk", lan_address(lab, 20), OWN)]):
        return None
    return not_yet(
        "clerk no longer reaches the laptop: the answers are dropped.",
        expected="only new connections from the LAN are dropped",
        seen=f"clerk to the laptop's port {OWN}: no answer",
        look=LOOK,
    )


# --- 9: who may edit all this -------------------------------------------------------------


def net_admin(lab: Lab) -> Verdict:
    """The agent runs in the host's network without power over it, and the firewall holds."""
    if problem := on_host(lab, "agent"):
        return problem
    if powers := held(lab, "agent", (NET_ADMIN, NET_RAW)):
        may = {"NET_ADMIN": "change the host's firewall", "NET_RAW": "listen to every network"}
        return not_yet(
            f"agent may still {may[powers[0]]}.",
            expected="agent in the host's network without NET_ADMIN and NET_RAW",
            seen=f"it has {' and '.join(powers)}",
            look="docker exec agent grep CapEff /proc/1/status",
        )
    if problem := one_of_two(lab, gone) or routed(lab) or direct(lab) or outward(lab):
        return problem
    return passed(
        "agent reads what it has to report, may change nothing, and the firewall holds.",
        seen=f"laptop to port {WEB} and to stock's own address: no way in",
    )
