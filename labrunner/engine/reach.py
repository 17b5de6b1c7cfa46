"""Who can reach whom: the questions that checks, lessons and ``lab map`` ask of the prober."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from labrunner.engine.addresses import host_address
from labrunner.engine.client import engine_errors
from labrunner.engine.host import LABEL, ROLE
from labrunner.errors import EngineError
from labrunner.model.reach import (
    Condition,
    Facts,
    Interface,
    Listener,
    Neighbour,
    Outside,
    Probe,
    Reach,
    Segment,
)

if TYPE_CHECKING:
    import docker

    from labrunner.engine.host import Host
    from labrunner.model.reach import ReachState

MARGIN = 15.0
"""Seconds that the prober's start may take on top of what it is asked to wait."""

SECOND_THOUGHTS = 8.0
"""Seconds more where much was rejected: a kernel says so only once a second then."""

LOG_LINES = 8


@dataclass(frozen=True)
class WaitFor:
    """A port that must accept before a container counts as started.

    Attributes:
        name: the container.
        pid: its first process, as the host numbers it.
        ip: its own address, where the port is tried.
        port: TCP port.
        timeout: seconds until it counts as failed.
    """

    name: str
    pid: int
    ip: str
    port: int
    timeout: float = 20.0


@dataclass(frozen=True)
class Try:
    """One connection to try: from a container, to a name or an address, on a port."""

    source: str
    target: str
    port: int


def measure(host: Host, *, timeout: float = 1.0, only: Collection[str] | None = None) -> Reach:
    """Measure who can reach whom, all at once, without changing anything.

    Every port on which a running container listens, TCP or UDP, is tried from inside every
    other one, at each address and by each name that it may have there, and so is an echo; the
    host's ports are tried at each gateway, and published ports from the host. A server
    notices nothing of TCP: handshakes are broken off before they are complete. One of UDP
    gets an empty datagram. Nothing outside the host is asked.

    Args:
        host: where the containers run.
        timeout: seconds after which a try without an answer counts as filtered. On bridges
            of the host, where an answer takes under a millisecond, the prober waits less:
            0.25 s, or ten times as long as its slowest answer took.
        only: names of the containers to look at. Default: all in a sandbox; on a ``local``
            host those that carry the lab's label or are on a network that does.

    Raises:
        EngineError: the engine or the prober failed.
    """
    return _measure(host, timeout, only, facts=False)[0]


def survey(
    host: Host, *, timeout: float = 1.0, only: Collection[str] | None = None
) -> tuple[Reach, Facts]:
    """Measure who can reach whom, and see what names a fault; see `measure`."""
    return _measure(host, timeout, only, facts=True)


def _measure(
    host: Host, timeout: float, only: Collection[str] | None, *, facts: bool
) -> tuple[Reach, Facts]:
    begun = time.monotonic()
    looked = _look(host, only, stopped=facts)
    listeners: list[Listener] = []
    probes: list[Probe] = []
    outside: list[Outside] = []
    seen: dict[str, Mapping[str, Any]] = {}
    gone: set[str] = set()
    request = {
        "mode": "reach",
        "containers": looked.described,
        "timeout": timeout,
        "sandbox": host.kind == "sandbox",
        "facts": facts,
    }
    for reply in _ask(host, request, 2 * timeout + SECOND_THOUGHTS):
        if "probe" in reply:
            probes.append(_mark(Probe(*reply["probe"]), looked.paused))
        elif "listener" in reply:
            listeners.append(Listener(*reply["listener"]))
        elif "outside" in reply:
            outside.append(Outside(*reply["outside"]))
        elif "facts" in reply:
            seen[reply["facts"]["name"]] = reply["facts"]
        elif "gone" in reply:
            gone.add(reply["gone"])
    reach = Reach(
        containers=tuple(c["name"] for c in looked.described if c["name"] not in gone),
        listeners=tuple(listeners),
        probes=tuple(probes),
        seconds=time.monotonic() - begun,
        outside=tuple(outside),
    )
    return reach, _facts(looked, seen) if facts else Facts()


def tcp(host: Host, source: str, target: str, port: int, *, timeout: float = 2.0) -> ReachState:
    """Try one connection from inside a container.

    Args:
        host: where the container runs.
        source: name of the container.
        target: a name, resolved as the container resolves it, or an address.
        port: TCP port.
        timeout: seconds for the name and again for the connection; less is waited where an
            answer can only be instant (see `measure`).

    Raises:
        EngineError: the container does not run, or the prober failed.
    """
    return tcp_all(host, [Try(source, target, port)], timeout=timeout)[0]


def tcp_all(host: Host, tries: Sequence[Try], *, timeout: float = 2.0) -> list[ReachState]:
    """Try several connections at once; see `tcp`. The states, in the order of the tries."""
    pids = {source: _pid(host, source) for source in {t.source for t in tries}}
    request = {
        "mode": "tcp",
        "timeout": timeout,
        "tries": [
            {"id": number, "pid": pids[t.source], "own": t.source, "to": t.target, "port": t.port}
            for number, t in enumerate(tries)
        ],
    }
    states: dict[int, str] = {}
    for reply in _ask(host, request, 2 * timeout):
        states[reply["id"]] = reply["state"]
    for number, one in enumerate(tries):
        if states.get(number, "gone") == "gone":
            raise EngineError(f"{one.source} ended while a connection from it was tried")
    return [cast("ReachState", states[number]) for number in range(len(tries))]


def wait_ready(
    host: Host, ports: Sequence[WaitFor], on_ready: Callable[[str, float], None]
) -> None:
    """Wait until every port accepts on its container's own address.

    Args:
        host: where the containers run.
        ports: what to wait for.
        on_ready: told each container's name as it becomes ready, and after how many seconds.

    Raises:
        EngineError: a container ended or its time is over; the hint has its last log lines.
    """
    if not ports:
        return
    wanted: list[dict[str, Any]] = [
        {"name": p.name, "pid": p.pid, "ip": p.ip, "port": p.port, "timeout": p.timeout}
        for p in ports
    ]
    by_name = {p.name: p for p in ports}

    def tell(reply: Mapping[str, Any]) -> None:
        if "failed" in reply:
            raise _not_ready(host, by_name[reply["name"]], reply["failed"])
        on_ready(reply["name"], reply["seconds"])

    if _reaches_directly(host, ports):
        from labrunner.images.host.probe_dial import wait

        wait([{**w, "inside": False} for w in wanted], 20.0, tell)
        return
    longest = max(p.timeout for p in ports)
    request = {"mode": "wait", "ports": wanted, "timeout": longest}
    for reply in _ask(host, request, longest):
        tell(reply)


def _ask(host: Host, request: Mapping[str, Any], seconds: float) -> Iterator[dict[str, Any]]:
    """The prober's replies to a request that takes at most so many seconds to answer."""
    for reply in host.probe(request, timeout=seconds + MARGIN):
        if "error" in reply:
            raise EngineError(f"the prober failed: {reply['error']}")
        if "done" in reply:
            return
        yield reply
    raise EngineError("the prober ended without an answer")


def _not_ready(host: Host, port: WaitFor, why: str) -> EngineError:
    try:
        with engine_errors(f"reading the logs of {port.name}"):
            log = host.client.api.logs(port.name, tail=LOG_LINES).decode("utf-8", "replace")
    except EngineError as error:
        log = str(error)
    if why == "ended":
        what = f"{port.name} ended before its port {port.port} accepted a connection"
    else:
        what = f"{port.name} did not accept on its port {port.port} within {port.timeout:g} s"
    last = log.strip()
    return EngineError(what, f"its last lines:\n{last}" if last else "it printed nothing")


def _reaches_directly(host: Host, ports: Sequence[WaitFor]) -> bool:
    """Whether this process itself sees the containers' processes and is on their networks.

    Then no helper has to be started to wait for them. A process number alone proves
    nothing (the engine may be on another machine): its control group must name the container.
    """
    if host.kind != "local" or sys.platform != "linux":
        return False
    from labrunner.images.host.probe_dial import Links

    links = Links()
    try:
        for port in ports:
            with engine_errors(f"looking at {port.name}"):
                container = host.client.api.inspect_container(port.name)["Id"]
            groups = Path(f"/proc/{port.pid}/cgroup").read_text(encoding="utf-8")
            if container not in groups or not links.lead_to(port.ip):
                return False
    except (OSError, EngineError):
        return False  # gone already, or out of sight: the other way finds out which
    return True


def _mark(probe: Probe, paused: Collection[str]) -> Probe:
    """Say of an open port of a paused container that nobody will answer there."""
    if probe.state == "open" and probe.target in paused and probe.protocol != "icmp":
        return replace(probe, detail="paused")
    return probe


def _pid(host: Host, container: str) -> int:
    with engine_errors(f"looking at {container}"):
        state = host.client.api.inspect_container(container)["State"]
    if not state["Pid"]:
        raise EngineError(
            f"{container} is {state['Status']}: nothing can be tried from inside it",
            f"docker start {container}",
        )
    return int(state["Pid"])


# --- what the engine says ----------------------------------------------------------------


@dataclass(frozen=True)
class _Looked:
    """What the engine says.

    Attributes:
        described: what the prober needs to know of each running container.
        paused: names of those that are paused.
        attrs: all that the engine says of each container, those that do not run among them.
        networks: the same of each network, by name.
    """

    described: list[dict[str, Any]]
    paused: set[str]
    attrs: list[Mapping[str, Any]]
    networks: Mapping[str, Mapping[str, Any]]


def _look(host: Host, only: Collection[str] | None, *, stopped: bool) -> _Looked:
    import docker.errors

    api = host.client.api
    found: list[Mapping[str, Any]] = []
    with engine_errors("looking at the containers"):
        networks = {n["Name"]: n for n in api.networks()}
        for entry in _chosen(host, networks, only, stopped=stopped):
            try:
                found.append(api.inspect_container(entry["Id"]))
            except docker.errors.NotFound:
                continue
    found.sort(key=lambda attrs: str(attrs["Name"]))
    running = [attrs for attrs in found if attrs["State"]["Pid"]]
    return _Looked(
        described=[_describe(attrs, networks) for attrs in running],
        paused={attrs["Name"].lstrip("/") for attrs in running if attrs["State"]["Paused"]},
        attrs=found,
        networks=networks,
    )


def _chosen(
    host: Host,
    networks: Mapping[str, Mapping[str, Any]],
    only: Collection[str] | None,
    *,
    stopped: bool,
) -> list[Mapping[str, Any]]:
    """Entries of the engine's list of containers that are to be looked at."""
    ours = {n for n, attrs in networks.items() if (attrs["Labels"] or {}).get(LABEL) == host.lab_id}

    def wanted(entry: Mapping[str, Any]) -> bool:
        labels = entry["Labels"] or {}
        if labels.get(ROLE, "part") != "part":
            return False
        if only is not None:
            return any(name.lstrip("/") in only for name in entry["Names"])
        if host.kind == "sandbox" or labels.get(LABEL) == host.lab_id:
            return True
        return not ours.isdisjoint(entry["NetworkSettings"]["Networks"])

    client: docker.DockerClient = host.client
    return [entry for entry in client.api.containers(all=stopped) if wanted(entry)]


def _describe(
    attrs: Mapping[str, Any], networks: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """One container as the prober's request has it."""
    name = attrs["Name"].lstrip("/")
    ends: dict[str, dict[str, Any]] = {}
    names = [name]
    links: dict[str, list[str]] = {}
    for network, end in attrs["NetworkSettings"]["Networks"].items():
        if not end.get("IPAddress") and not end.get("GlobalIPv6Address"):
            continue
        ends[network] = {
            "ip": end["IPAddress"],
            "ip6": end.get("GlobalIPv6Address") or "",
            "gateway": end.get("Gateway") or host_address(networks.get(network, {})),
            "internal": bool(networks.get(network, {}).get("Internal")),
        }
        names += _aliases(attrs, end)
        for link in end.get("Links") or ():
            target, _, alias = link.partition(":")
            links.setdefault(target, []).append(alias or target)
    return {
        "name": name,
        "pid": attrs["State"]["Pid"],
        "networks": ends,
        "names": list(dict.fromkeys(names)),
        "links": links,
        "published": [(a, h, int(i.partition("/")[2]), p) for a, h, i, p in _published(attrs)],
        "dns": bool(attrs["HostConfig"].get("Dns")),
    }


def _aliases(attrs: Mapping[str, Any], end: Mapping[str, Any]) -> list[str]:
    """The names that a container goes by on a network beside its own."""
    return [a for a in end.get("Aliases") or () if not attrs["Id"].startswith(a)]


def _published(attrs: Mapping[str, Any]) -> list[tuple[str, int, str, str]]:
    """Address and port of the host, ``protocol/port`` of the container, and the protocol."""
    found = []
    for inner, bindings in (attrs["NetworkSettings"].get("Ports") or {}).items():
        port, _, protocol = inner.partition("/")
        if protocol in {"tcp", "udp"}:
            found += [
                (b["HostIp"], int(b["HostPort"]), f"{protocol}/{port}", protocol)
                for b in bindings or ()
            ]
    return found


# --- what names a fault ------------------------------------------------------------------


def _facts(looked: _Looked, seen: Mapping[str, Mapping[str, Any]]) -> Facts:
    conditions = tuple(
        _condition(attrs, seen.get(attrs["Name"].lstrip("/"), {})) for attrs in looked.attrs
    )
    used = {network for one in conditions for network, _address in one.addresses}
    neighbours = {
        Neighbour(name, address, mac)
        for name, found in seen.items()
        for address, mac in found["neighbours"]
    }
    return Facts(
        containers=conditions,
        networks=tuple(_segment(looked.networks[n]) for n in sorted(used & set(looked.networks))),
        neighbours=tuple(sorted(neighbours, key=lambda n: (n.seen_by, n.address, n.mac))),
    )


def _condition(attrs: Mapping[str, Any], seen: Mapping[str, Any]) -> Condition:
    state, config = attrs["State"], attrs["HostConfig"]
    ends = attrs["NetworkSettings"]["Networks"]
    by_mac = {end.get("MacAddress"): network for network, end in ends.items()}
    exposed = [
        "/".join(reversed(port.split("/"))) for port in attrs["Config"].get("ExposedPorts") or ()
    ]
    published = tuple((a, h, inner) for a, h, inner, _p in _published(attrs))
    return Condition(
        name=attrs["Name"].lstrip("/"),
        state=state["Status"],
        exit_code=state["ExitCode"],
        addresses=tuple((network, end.get("IPAddress") or "") for network, end in ends.items()),
        aliases=tuple((n, alias) for n, end in ends.items() for alias in _aliases(attrs, end)),
        expected=tuple(sorted({*exposed, *(inner for _a, _h, inner in published)})),
        published=published,
        mode=config.get("NetworkMode") or "",
        interfaces=tuple(
            Interface(name, mac, mtu, by_mac.get(mac, ""))
            for name, mac, mtu in seen.get("interfaces", ())
        ),
        owned=tuple(seen.get("owned", ())),
        cpus=_cpus(config),
        throttled=seen.get("throttled", 0.0),
    )


def _cpus(config: Mapping[str, Any]) -> float:
    """How much processor time a container may take; 0: as much as there is."""
    if config.get("NanoCpus"):
        return float(config["NanoCpus"]) / 1e9
    quota, period = config.get("CpuQuota") or 0, config.get("CpuPeriod") or 100_000
    return float(quota) / float(period) if quota > 0 else 0.0


def _segment(attrs: Mapping[str, Any]) -> Segment:
    options = attrs.get("Options") or {}
    return Segment(
        name=attrs["Name"],
        internal=bool(attrs.get("Internal")),
        icc=options.get("com.docker.network.bridge.enable_icc", "true") == "true",
        mtu=int(options.get("com.docker.network.driver.mtu") or 0),
    )
