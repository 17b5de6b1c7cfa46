"""Steps 5 to 7: the host is a member of every bridge."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from labrunner import not_yet, passed
from labrunner.checks import JUST_STARTED, first, running

from .common import (
    PUBLISHED,
    SERVICE,
    on_host,
    read_page,
    runs_on,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labrunner import Lab, Verdict
    from labrunner.view import Published


def gateway_hole(lab: Lab) -> Verdict:
    """The web server is published, for the host only, and serves its neighbours."""
    if problem := runs_on(lab, "web", {"north"}, "It belongs to north."):
        return problem
    view = lab.container("web")
    ports = view.published if view else ()
    if not ports:
        return not_yet(
            "web is not published, and the host needs it.",
            expected="a port of 127.0.0.1 on the host that leads to web",
            seen="no published port",
            look="docker port web",
        )
    if problem := published_wide(lab, ports) or web_is_deaf(lab, ports) or other_port(ports):
        return problem
    return passed(
        "web is there for its neighbours and for the host, and the hole is closed.",
        seen=f"carol to port {ports[0].host_port} of her gateway: {through_gateway(lab, ports[0])}",
    )


def through_gateway(lab: Lab, port: Published) -> str:
    """What comes of carol's try to use a published port through her own gateway."""
    return lab.tcp("carol", lab.gateway("south"), port.host_port, timeout=1.0)


def published_wide(lab: Lab, ports: Sequence[Published]) -> Verdict | None:
    """``None`` where every port is published for the host itself and for nobody else."""
    for port in ports:
        if not (port.address and ip_address(port.address).is_loopback):
            where = f"{port.address}:{port.host_port}"
            every = not port.address or ip_address(port.address).is_unspecified
            return not_yet(
                f"web is published on {where}, for whoever reaches"
                f" {'any address of the host' if every else 'that address'}.",
                expected="published on 127.0.0.1 alone",
                seen=f"carol, through her own gateway: {through_gateway(lab, port)}",
                look="docker port web",
            )
    return None


def other_port(ports: Sequence[Published]) -> Verdict | None:
    """``None`` where web is published as the port that the host asks for, on IPv4's loopback."""
    if any((p.address, p.host_port) == ("127.0.0.1", PUBLISHED) for p in ports):
        return None
    return not_yet(
        f"web is published, but not as port {PUBLISHED} of 127.0.0.1, where the host asks for it.",
        expected=f"127.0.0.1:{PUBLISHED}",
        seen=" and ".join(f"{p.address}:{p.host_port}" for p in ports),
        look="docker port web",
    )


def web_is_deaf(lab: Lab, ports: Sequence[Published]) -> Verdict | None:
    """``None`` where web accepts on its own address what is published."""
    own = lab.address("web", "north")
    for port in ports:
        state = lab.tcp("web", own, port.port, patience=JUST_STARTED)
        if state != "open":
            return not_yet(
                f"The published port leads to port {port.port} of web, and there nobody answers.",
                expected=f"a server on {own}:{port.port} in web",
                seen=state,
                look="docker exec web busybox netstat -ltn",
            )
    return None


def host_reaches_all(lab: Lab) -> Verdict:
    """From the host, the page of a container that publishes nothing was read."""
    if problem := on_host(lab, "scout") or running(lab, "scout"):
        return problem
    return read_page(lab, "scout", "carol") or passed(
        "The host reads carol's page by her address: unpublished is not private from the host.",
        seen=f"{word(lab, 'carol')} in scout:/tmp/carol",
    )


def open_host(lab: Lab) -> Verdict:
    """A service of the host is there for the host, and shut to a network with no way out."""
    cellar = lab.network("cellar")
    if cellar is None or not cellar.internal:
        return not_yet(
            "There is no network cellar yet." if cellar is None else "cellar has a way out.",
            expected="a network cellar made with --internal",
            seen="no such network" if cellar is None else "internal: false",
            look="docker network inspect -f '{{.Internal}}' cellar",
        )
    why = "She should be in the cellar and nowhere else."
    if problem := first(
        runs_on(lab, "erin", {"cellar"}, why), on_host(lab, "printer"), running(lab, "printer")
    ):
        return problem
    own = lab.tcp("printer", "127.0.0.1", SERVICE, patience=JUST_STARTED)
    if own != "open":
        return not_yet(
            "The host itself does not reach the printer.",
            expected=f"a server on port {SERVICE} of the host's loopback address",
            seen=own,
            look="docker exec printer busybox netstat -ltn",
        )
    gateway = lab.gateway("cellar")
    state = lab.tcp("erin", gateway, SERVICE, timeout=1.0)
    if state == "open":
        return not_yet(
            "erin, on a network with no way out, reaches the printer of the host.",
            expected=f"{gateway}:{SERVICE} closed to erin",
            seen="open",
            look="docker exec printer busybox netstat -ltn",
        )
    return open_elsewhere(lab) or passed(
        "The printer serves the host; erin and carol do not get in.",
        seen=f"erin to {gateway}:{SERVICE}: {state}",
    )


def open_elsewhere(lab: Lab) -> Verdict | None:
    """``None`` where carol does not reach the printer through her own gateway either."""
    gateway = lab.gateway("south")
    carol = lab.container("carol")
    if not gateway or carol is None or not carol.running:
        return None
    if lab.tcp("carol", gateway, SERVICE, timeout=1.0) != "open":
        return None
    return not_yet(
        "erin is kept out, but carol, on another network, reaches the printer of the host.",
        expected=f"{gateway}:{SERVICE} closed to carol",
        seen="open",
        look="docker exec printer busybox netstat -ltn",
    )
