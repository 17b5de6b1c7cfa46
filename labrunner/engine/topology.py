"""A scenario's networks and containers, brought up on a host and taken down again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from labrunner.engine.addresses import create_network
from labrunner.engine.client import engine_errors
from labrunner.engine.host import LABEL, ROLE
from labrunner.errors import EngineError
from labrunner.model.event import Event, OnEvent
from labrunner.model.scenario import Scenario
from labrunner.model.topology import Container, Network

if TYPE_CHECKING:
    from ipaddress import IPv4Network

    import docker

    from labrunner.engine.host import Host

T = TypeVar("T")

WORKERS = 8
"""Engine calls under way at once; two cores are full with four, more cores like more."""

Intend = Callable[[Sequence[tuple[str, str]]], None]
"""Called with kinds and names before those things are made."""


def up(
    host: Host,
    scenario: Scenario,
    *,
    subnets: Sequence[IPv4Network] = (),
    intend: Intend,
    beside: Callable[[], None] = lambda: None,
    rename: Callable[[str], None] = lambda _image: None,
    on_event: OnEvent,
) -> None:
    """Make every network, volume and container of a scenario, and wait until all are ready.

    Args:
        host: where.
        scenario: what.
        subnets: one for each network; none where the engine's own pool will do.
        intend: told before each creation.
        beside: what else must be done before the first container; done beside the networks.
        rename: gives an image its name again, which another lab on this engine took away.
        on_event: told about each one as it happens.

    Raises:
        EngineError: something could not be made or did not become ready.
    """
    labels = {LABEL: host.lab_id, ROLE: "part"}
    volumes = sorted({volume for c in scenario.containers for volume in c.volumes})
    intend(
        [
            *(("network", network.name) for network in scenario.networks),
            *(("volume", volume) for volume in volumes),
            *(("container", container.name) for container in scenario.containers),
        ]
    )
    first, *later = _waves(scenario.containers) or [[]]
    begun = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        chosen: Sequence[IPv4Network | None] = subnets or [None] * len(scenario.networks)
        networks = [
            pool.submit(_network, host.client, network, subnet, labels, on_event)
            for network, subnet in zip(scenario.networks, chosen, strict=True)
        ]
        before = [pool.submit(_volume, host.client, v, labels) for v in volumes]
        before.append(pool.submit(beside))
        # a container can be made before its networks, but not be started: they come all at once
        making = _Making(host.client, labels, on_event, before, networks, rename)
        made = [pool.submit(making.start, container) for container in first]
        _wait([*networks, *before])
        found = _wait(made)
    _wait_ready(host, first, found, begun, on_event)
    for wave in later:
        begun = time.monotonic()
        with ThreadPoolExecutor(WORKERS) as pool:
            found = _wait([pool.submit(making.start, container) for container in wave])
        _wait_ready(host, wave, found, begun, on_event)


def _waves(containers: Sequence[Container]) -> list[list[Container]]:
    """Containers in the order of their ``after``: each wave needs only the waves before it."""
    waves: list[list[Container]] = []
    started: set[str] = set()
    left = list(containers)
    while left:
        wave = [c for c in left if started.issuperset(c.after)]
        if not wave:
            names = ", ".join(c.name for c in left)
            raise EngineError(f"these containers wait for one another: {names}")
        waves.append(wave)
        started.update(c.name for c in wave)
        left = [c for c in left if c not in wave]
    return waves


def _wait_ready(
    host: Host,
    wave: Sequence[Container],
    found: Sequence[Mapping[str, Any]],
    begun: float,
    on_event: OnEvent,
) -> None:
    """Wait until every container of a wave is ready; ``found`` is what ``inspect`` said."""
    from labrunner.engine import reach

    waits = []
    for container, attrs in zip(wave, found, strict=True):
        if container.ready is None:
            on_event(Event("container", container.name, "done", seconds=time.monotonic() - begun))
        else:
            waits.append(
                reach.WaitFor(
                    name=container.name,
                    pid=attrs["State"]["Pid"],
                    ip=_first_address(attrs),
                    port=container.ready.port,
                    timeout=container.ready.timeout,
                )
            )
    if waits:
        reach.wait_ready(
            host,
            waits,
            lambda name, _seconds: on_event(
                Event("container", name, "done", "ready", time.monotonic() - begun)
            ),
        )


def _wait(jobs: Sequence[Future[T]]) -> list[T]:
    """The results, or the first error once every job has ended."""
    errors = [e for e in (job.exception() for job in jobs) if e is not None]
    if errors:
        raise errors[0]
    return [job.result() for job in jobs]


def _network(
    client: docker.DockerClient,
    network: Network,
    subnet: IPv4Network | None,
    labels: Mapping[str, str],
    on_event: OnEvent,
) -> None:
    on_event(Event("network", network.name, "started"))
    begun = time.monotonic()
    options = {} if network.icc else {"com.docker.network.bridge.enable_icc": "false"}
    with engine_errors(f"network {network.name}"):
        create_network(
            client,
            network.name,
            subnet,
            options=options,
            internal=network.internal,
            labels=dict(labels),
            check_duplicate=True,
        )
    on_event(Event("network", network.name, "done", seconds=time.monotonic() - begun))


def _volume(client: docker.DockerClient, name: str, labels: Mapping[str, str]) -> None:
    with engine_errors(f"volume {name}"):
        client.api.create_volume(name, labels=dict(labels))


@dataclass(frozen=True)
class _Making:
    """How the containers of a lab are made.

    Attributes:
        client: the engine.
        labels: what each gets.
        on_event: told about each one.
        before: what must be done before one is made.
        networks: what must be there before one is started.
        rename: see `up`.
    """

    client: docker.DockerClient
    labels: Mapping[str, str]
    on_event: OnEvent
    before: Sequence[Future[None]]
    networks: Sequence[Future[None]]
    rename: Callable[[str], None]

    def start(self, container: Container) -> dict[str, Any]:
        """Create, connect and start one container; what ``inspect`` then says of it."""
        import docker.errors

        api = self.client.api
        _wait(self.before)
        self.on_event(Event("container", container.name, "started"))
        with engine_errors(f"container {container.name}"):
            try:
                made = self._create(container)
            except docker.errors.NotFound:
                # an engine that wants to see the network first, or a name that went meanwhile
                _wait(self.networks)
                self.rename(container.image)
                made = self._create(container)
            _wait(self.networks)
            for network in container.networks[1:]:
                api.connect_container_to_network(made, network)
            api.start(made)
            attrs: dict[str, Any] = api.inspect_container(made)
        return attrs

    def _create(self, container: Container) -> str:
        """Make a container; its id."""
        api = self.client.api
        host_config = api.create_host_config(
            network_mode=container.networks[0] if container.networks else "none",
            port_bindings={p.container: (p.address, p.host) for p in container.ports},
            cap_add=list(container.cap_add),
            cap_drop=list(container.cap_drop),
            read_only=container.read_only,
            mem_limit=container.memory,
            memswap_limit=container.memory,
            nano_cpus=int(container.cpus * 1e9) if container.cpus else None,
            pids_limit=container.pids,
            binds=[f"{volume}:{path}" for volume, path in container.volumes.items()],
        )
        made = api.create_container(
            container.image,
            command=list(container.command) if container.command is not None else None,
            name=container.name,
            environment=dict(container.env),
            ports=[p.container for p in container.ports],
            labels=dict(self.labels),
            user=container.user,
            host_config=host_config,
        )
        return str(made["Id"])


def _first_address(attrs: Mapping[str, Any]) -> str:
    """An address of a started container; its loopback where it is on no network."""
    networks: Mapping[str, Mapping[str, str]] = attrs["NetworkSettings"]["Networks"]
    addresses = [n["IPAddress"] for n in networks.values() if n.get("IPAddress")]
    return addresses[0] if addresses else "127.0.0.1"
