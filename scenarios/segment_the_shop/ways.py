"""Who reaches whom: what the measured matrix says of ways that nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .facts import FORBIDDEN, NEEDED, PORTS, Finding, Pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labrunner import Lab, Reach
    from labrunner.view import ContainerView

REACHED = ("open", "refused")
"""A refusal is an answer, too: the packets arrive."""

DOOR = 8080
"""Where customers come in, on the lab's host."""

LOOPBACK = ("127.0.0.1", "::1")

# --- between containers -------------------------------------------------------------------


def inside(reach: Reach) -> Iterator[Finding]:
    """Ways from one service to another that must not be."""
    for source, target in FORBIDDEN:
        got_in = [p for p in reach.between(source, target) if p.state in REACHED]
        if got_in:
            by = sorted({f"{p.via}:{p.port}" for p in got_in})
            where = sorted({p.network for p in got_in if p.network})
            yield Finding(
                f"{source} reaches {target}",
                f"no way from {source} to {target}, by name or by address",
                f"{' and '.join(by)} let it in (network {', '.join(where) or 'unknown'})",
            )


def unneeded(reach: Reach) -> set[Pair]:
    """Every way that is open between two services and that the shop does not need."""
    return {
        (source, target)
        for source in PORTS
        for target in PORTS
        if source != target
        and (source, target) not in NEEDED
        and any(p.state in REACHED for p in reach.between(source, target))
    }


def ways_out(lab: Lab, containers: dict[str, ContainerView]) -> Iterator[Finding]:
    """Services that could call the world outside; only the gateway has to do with it."""
    for name, container in containers.items():
        found = (lab.network(n) for n in container.networks) if name != "gateway" else ()
        leads = sorted(n.name for n in found if n and not n.internal)
        if leads:
            yield Finding(
                f"{name} has a way out through {leads[0]}",
                f"{name} on networks made with --internal only",
                f"{leads[0]}: Internal is false",
                f"docker network inspect -f '{{{{.Internal}}}}' {leads[0]}",
            )


# --- in from outside -------------------------------------------------------------


def doors(lab: Lab, containers: dict[str, ContainerView], reach: Reach) -> Iterator[Finding]:
    """Ports on the host that should not be, and the one that should."""
    for name, container in containers.items():
        for address, port in published(container):
            if name != "gateway":
                yield Finding(
                    f"{name} is published on {address}:{port}",
                    "no published port but that of gateway",
                    f"-p {address}:{port}, also where its network hides it now",
                    "docker ps",
                )
            elif address not in LOOPBACK or port != DOOR:
                yield Finding(
                    f"gateway is published on {address}:{port}",
                    f"gateway published on the host's loopback, port {DOOR}, and nowhere else",
                    f"every address of the host, and every network of it, leads to port {port}"
                    if address not in LOOPBACK
                    else f"port {port} of loopback",
                    "docker ps",
                )
    yield from _through_host(reach)
    yield from _no_door(lab)


def published(container: ContainerView) -> list[tuple[str, int]]:
    """Addresses and ports that were asked for; an internal network only hides them."""
    asked = container.attrs["HostConfig"].get("PortBindings") or {}
    given = {(p.address, p.host_port) for p in container.published}
    wanted = {(b["HostIp"], int(b["HostPort"] or 0)) for bs in asked.values() for b in bs or ()}
    # 0: the engine chose one, which stands among those that are given
    both = {(ip or "0.0.0.0", port) for ip, port in given | wanted if port}  # noqa: S104  read only
    return sorted(both)


def _through_host(reach: Reach) -> Iterator[Finding]:
    """Ways by which a service reaches another through a port of the host."""
    behind = {x.port: x.behind.partition(":")[0] for x in reach.listeners if x.behind}
    seen: set[Pair] = set()
    for probe in reach.probes:
        target = behind.get(probe.port, "")
        pair = (probe.source, target)
        if probe.target != "host" or probe.state != "open" or not target or pair in seen:
            continue
        if probe.source in PORTS and probe.source != target and pair not in NEEDED:
            seen.add(pair)
            yield Finding(
                f"{probe.source} reaches {target} through the host",
                "no way through a published port of the host",
                f"{probe.via}:{probe.port} leads there",
            )


def _no_door(lab: Lab) -> Iterator[Finding]:
    """Customers must come in at the host's loopback."""
    url = f"http://127.0.0.1:{DOOR}/health"
    asked = lab.run_on_host(["busybox", "wget", "-q", "-O", "/dev/null", "-T", "5", url])
    if asked.code:
        yield Finding(
            "customers do not get in by the front door",
            f"gateway answers at the host's own 127.0.0.1:{DOOR}",
            asked.err.strip() or "no answer",
            f"docker run --rm --network host tools:1 curl 127.0.0.1:{DOOR}/health",
        )
