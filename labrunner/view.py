"""What a check sees of a running lab: its containers, its networks, and ways to try things.

Everything here looks and never changes: the engine is asked afresh for each question, so a
check that is run twice says the same twice.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from labrunner.engine.addresses import host_address
from labrunner.engine.client import engine_errors
from labrunner.errors import EngineError
from labrunner.model.result import Result
from labrunner.model.scenario import Scenario

if TYPE_CHECKING:
    import docker

    from labrunner.engine.host import Host
    from labrunner.model.reach import Facts, Reach, ReachState

NOT_FOUND = 404


@dataclass(frozen=True)
class Published:
    """A published port as the engine has it: ``address:host_port`` leads to ``port``."""

    address: str
    host_port: int
    port: int


@dataclass(frozen=True)
class ContainerView:
    """A container as it is now.

    Attributes:
        attrs: what ``docker inspect`` shows, for whatever has no attribute of its own.
    """

    attrs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name, without the slash that the engine puts before it."""
        return str(self.attrs["Name"]).lstrip("/")

    @property
    def id(self) -> str:
        """Its full id."""
        return str(self.attrs["Id"])

    @property
    def status(self) -> str:
        """``created``, ``running``, ``paused``, ``restarting``, ``exited`` or ``dead``."""
        return str(self.attrs["State"]["Status"])

    @property
    def running(self) -> bool:
        """Whether it runs and is not paused."""
        return self.status == "running"

    @property
    def pid(self) -> int:
        """Process id of its first process on the host; 0 where it does not run."""
        return int(self.attrs["State"]["Pid"])

    @property
    def exit_code(self) -> int:
        """The exit code of its last run."""
        return int(self.attrs["State"]["ExitCode"])

    @property
    def oom_killed(self) -> bool:
        """Whether its last run ended for want of memory."""
        return bool(self.attrs["State"]["OOMKilled"])

    @property
    def networks(self) -> dict[str, str]:
        """Address by network; "" on a network where it has none, as when it is stopped."""
        networks = self.attrs["NetworkSettings"]["Networks"] or {}
        return {name: str(n.get("IPAddress") or "") for name, n in networks.items()}

    @property
    def image(self) -> str:
        """The image as it was named when the container was made."""
        return str(self.attrs["Config"]["Image"])

    @property
    def env(self) -> dict[str, str]:
        """Its environment variables."""
        pairs = (item.partition("=") for item in self.attrs["Config"]["Env"] or ())
        return {name: value for name, _, value in pairs}

    @property
    def tty(self) -> bool:
        """Whether it was started with ``-t``."""
        return bool(self.attrs["Config"]["Tty"])

    @property
    def restart_policy(self) -> str:
        """``no``, ``always``, ``unless-stopped`` or ``on-failure``."""
        return str(self.attrs["HostConfig"]["RestartPolicy"]["Name"] or "no")

    @property
    def cpus(self) -> float:
        """How many cores it may use, however that was said; 0 where there is no limit."""
        limits = self.attrs["HostConfig"]
        if (limits.get("CpuQuota") or 0) > 0:
            return float(limits["CpuQuota"] / (limits.get("CpuPeriod") or 100_000))
        return float((limits.get("NanoCpus") or 0) / 1e9)

    @property
    def published(self) -> tuple[Published, ...]:
        """The ports that are published now."""
        ports = self.attrs["NetworkSettings"]["Ports"] or {}
        return tuple(
            Published(binding["HostIp"], int(binding["HostPort"]), int(port.split("/")[0]))
            for port, bindings in ports.items()
            for binding in bindings or ()
        )


@dataclass(frozen=True)
class NetworkView:
    """A network as it is now; ``attrs`` is what ``docker network inspect`` shows."""

    attrs: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.attrs["Name"])

    @property
    def driver(self) -> str:
        """Its driver, ``bridge`` for most."""
        return str(self.attrs["Driver"])

    @property
    def internal(self) -> bool:
        """Whether it has no way out."""
        return bool(self.attrs["Internal"])

    @property
    def icc(self) -> bool:
        """Whether members may talk to each other."""
        options = self.attrs["Options"] or {}
        return bool(options.get("com.docker.network.bridge.enable_icc", "true") == "true")

    @property
    def members(self) -> frozenset[str]:
        """Names of the running containers on it."""
        return frozenset(c["Name"] for c in (self.attrs["Containers"] or {}).values())

    @property
    def subnet(self) -> str:
        """Its first subnet, or ""."""
        config = self.attrs["IPAM"]["Config"] or [{}]
        return str(config[0].get("Subnet", ""))

    @property
    def gateway(self) -> str:
        """The host's address on it, of an internal one too; "" where it has none."""
        return host_address(self.attrs)


class Lab:
    """A running lab, as checks, setups and hooks see it.

    Args:
        scenario: what it is an instance of.
        host: where it runs.
        seed: what everything random in it comes from.
    """

    def __init__(self, scenario: Scenario, host: Host, seed: int) -> None:
        self.scenario = scenario
        self.host = host
        self.seed = seed

    @property
    def id(self) -> str:
        """The lab's id, also the value of the label on everything it made."""
        return self.host.lab_id

    @property
    def client(self) -> docker.DockerClient:
        """The Docker SDK's client of the lab's engine."""
        return self.host.client

    def random(self, name: str) -> random.Random:
        """A source of randomness that gives the same for this lab and name, always."""
        return random.Random(f"{self.seed}:{name}")  # noqa: S311  repeatable on purpose

    def container(self, name: str) -> ContainerView | None:
        """The container of this name, or ``None``."""
        attrs = self._inspect(lambda: self.client.api.inspect_container(name))
        # an id that begins like the name would answer too
        found = ContainerView(attrs) if attrs else None
        return found if found and found.name == name else None

    def containers(self, *, stopped: bool = False) -> tuple[ContainerView, ...]:
        """Every running container of the lab's engine that the lab or the learner made.

        Args:
            stopped: those that do not run, too.
        """
        with engine_errors("listing containers"):
            ids = [c["Id"] for c in self.client.api.containers(all=stopped)]
        inspect = self.client.api.inspect_container
        found = (self._inspect(partial(inspect, i)) for i in ids)
        views = [ContainerView(attrs) for attrs in found if attrs]
        return tuple(v for v in views if self._is_ours(v))

    def _is_ours(self, view: ContainerView) -> bool:
        """On an engine that is not the lab's own, other people's containers do not count."""
        from labrunner.engine.host import LABEL

        if self.host.kind == "sandbox":
            return True
        labels = view.attrs["Config"]["Labels"] or {}
        # a learner who makes one of the lab's containers anew gives it the name, not the label
        names = {*self.scenario.owns.containers, *(c.name for c in self.scenario.containers)}
        return labels.get(LABEL) == self.id or view.name in names

    def network(self, name: str) -> NetworkView | None:
        """The network of this name, or ``None``."""
        attrs = self._inspect(lambda: self.client.api.inspect_network(name))
        found = NetworkView(attrs) if attrs else None
        return found if found and found.name == name else None

    def networks(self, *, unused: bool = False) -> tuple[NetworkView, ...]:
        """Every network that a running container of the lab is on.

        Args:
            unused: those of the lab and the learner on which nobody is, too.
        """
        names = sorted({n for c in self.containers() for n in c.networks})
        if unused:
            names = sorted({*names, *self._own_networks()})
        found = (self.network(name) for name in names)
        return tuple(n for n in found if n is not None)

    def _own_networks(self) -> set[str]:
        """Names of networks that the lab or the learner made, be anybody on them or not."""
        from labrunner.engine.host import LABEL

        with engine_errors("listing networks"):
            found = self.client.api.networks()
        planned = {*self.scenario.owns.networks, *(n.name for n in self.scenario.networks)}
        return {
            str(n["Name"])
            for n in found
            if n["Name"] in planned
            or (n["Labels"] or {}).get(LABEL) == self.id
            or (self.host.kind == "sandbox" and n["Name"] not in ("bridge", "host", "none"))
        }

    def address(self, container: str, network: str) -> str:
        """A container's address on a network; "" where it has none, or is not there."""
        found = self.container(container)
        return found.networks.get(network, "") if found else ""

    def gateway(self, network: str) -> str:
        """The host's address on a network; "" where it has none, or is not there."""
        found = self.network(network)
        return found.gateway if found else ""

    def exec(
        self,
        container: str,
        argv: Sequence[str],
        *,
        timeout: float = 10,
        user: str | None = None,
        not_ready: int | None = None,
        patience: float = 20,
    ) -> Result:
        """Run a command in a container.

        Args:
            container: its name.
            argv: the command; no shell is involved.
            timeout: seconds until the command counts as hung.
            user: who runs it; default: the container's user.
            not_ready: exit code that means that a server is not there yet, such as the 2 of
                ``psql``; the command runs again until it ends with another one.
            patience: seconds for that; then the last result counts.

        Raises:
            EngineError: the container does not run, or the command did not end in time.
        """
        from labrunner.engine.execute import run_in

        deadline = time.monotonic() + patience
        while True:
            result = run_in(self.client, container, argv, timeout=timeout, user=user)
            if result.code != not_ready or time.monotonic() > deadline:
                return result

    def run_on_host(self, argv: Sequence[str], *, timeout: float = 10) -> Result:
        """Run a command on the lab's host itself, as its root."""
        return self.host.run(argv, timeout=timeout)

    def file(self, container: str, path: str) -> str | None:
        """The text of a file in a container, running or not; ``None`` where it is not there."""
        from labrunner.engine.execute import read_file

        return read_file(self.client, container, path)

    def tcp(
        self, source: str, target: str, port: int, *, timeout: float = 2.0, patience: float = 0
    ) -> ReachState:
        """Try to connect from inside a container to a name or an address.

        Args:
            source: name of the container.
            target: a name, resolved as the container resolves it, or an address.
            port: TCP port.
            timeout: seconds for the name and again for the connection.
            patience: seconds for which a refusal is tried again. It comes at once, and it is
                what a server gives that was started a moment ago; all else stays as it is.
        """
        from labrunner.engine import reach

        deadline = time.monotonic() + patience
        while True:
            state = reach.tcp(self.host, source, target, port, timeout=timeout)
            if state != "refused" or time.monotonic() > deadline:
                return state

    def reach(self) -> Reach:
        """Measure who can talk to whom, all at once."""
        from labrunner.engine import reach

        return reach.measure(self.host, only=self._names())

    def survey(self) -> tuple[Reach, Facts]:
        """Measure the same, and see beside it what gives faults their names."""
        from labrunner.engine import reach

        return reach.survey(self.host, only=self._names(stopped=True))

    def _names(self, *, stopped: bool = False) -> frozenset[str] | None:
        if self.host.kind == "sandbox":
            return None
        return frozenset(c.name for c in self.containers(stopped=stopped))

    def resolves(self, container: str, name: str) -> bool:
        """Whether a name is known inside a container (its image needs ``getent``)."""
        return self.exec(container, ["getent", "hosts", name]).code == 0

    def logs(self, container: str, *, lines: int = 20) -> str:
        """The last lines of what a container printed."""
        with engine_errors(f"reading the logs of {container}"):
            return self.client.api.logs(container, tail=lines).decode("utf-8", "replace")

    def _inspect(self, call: Any) -> Mapping[str, Any] | None:
        """What an inspect call gives; ``None`` where the engine knows no such thing."""
        import docker.errors

        try:
            with engine_errors("looking at the lab"):
                attrs: Mapping[str, Any] = call()
        except EngineError as error:
            if isinstance(error.__cause__, docker.errors.NotFound):
                return None
            raise
        return attrs
