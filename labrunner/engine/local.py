"""The ``local`` host: an engine as it is, with care for everything that was there before."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from labrunner.engine import ahead
from labrunner.engine.clearing import LEARNER, TAG
from labrunner.engine.client import engine_errors
from labrunner.errors import EngineError
from labrunner.model.result import Result
from labrunner.model.scenario import Scenario
from labrunner.model.topology import HostKind

if TYPE_CHECKING:
    import docker


class LocalHost:
    """The engine that the ``docker`` command talks to, lent to a lab.

    Args:
        lab_id: value of the label on everything that the lab makes.
        client: the engine's client.
        address: the engine's address, as ``DOCKER_HOST`` has it.
    """

    kind: HostKind = "local"

    def __init__(self, lab_id: str, client: docker.DockerClient, address: str) -> None:
        self.lab_id = lab_id
        self.client = client
        self.docker_host = address

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float = 30) -> Result:
        """Run a command on this machine, as the person who runs ``lab``.

        Raises:
            EngineError: no such command, or it did not end within ``timeout`` seconds.
        """
        try:
            done = subprocess.run(
                list(argv),
                input=stdin,
                timeout=timeout,
                capture_output=True,
                text=True,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise EngineError(f"{argv[0]} did not end within {timeout:g} s") from error
        except OSError as error:
            raise EngineError(f"{argv[0]} on this machine: {error.strerror}") from error
        return Result(done.returncode, done.stdout, done.stderr)

    def interactive(self, argv: Sequence[str]) -> int:
        """Run a command on this machine, in this terminal; its exit code."""
        try:
            return subprocess.run(list(argv), check=False).returncode
        except OSError as error:
            raise EngineError(f"{argv[0]} on this machine: {error.strerror}") from error

    def probe(self, request: Mapping[str, Any], *, timeout: float) -> Iterator[dict[str, Any]]:
        """Run the prober beside the engine, in a helper container that goes at once."""
        from labrunner.engine.prober import probe

        return probe(self.client, self.lab_id, request, timeout=timeout)

    def close(self) -> None:
        """Let go of the connection."""
        self.client.close()


@dataclass(frozen=True)
class Held:
    """What an engine holds, each thing as the engine lists it."""

    containers: Sequence[Mapping[str, Any]]
    networks: Sequence[Mapping[str, Any]]
    volumes: Sequence[Mapping[str, Any]]
    images: Sequence[Mapping[str, Any]]

    @cached_property
    def tags(self) -> dict[str, str]:
        """Every image name on the engine, and the id of the image that has it."""
        return {tag: image["Id"] for image in self.images for tag in image["RepoTags"] or ()}


def held_ahead(address: str) -> Held | None:
    """What the engine at this address holds, before the SDK is there; ``None``: ask with that."""
    kinds = (ahead.CONTAINERS, ahead.NETWORKS, ahead.VOLUMES, ahead.IMAGES)
    with ThreadPoolExecutor(len(kinds)) as pool:
        containers, networks, volumes, images = pool.map(partial(ahead.listed, address), kinds)
    if containers is None or networks is None or volumes is None or images is None:
        return None
    return Held(containers, networks, volumes["Volumes"] or (), images)


def held(client: docker.DockerClient) -> Held:
    """What an engine holds now."""
    api = client.api
    with engine_errors("looking at what the engine holds"):
        volumes = api.volumes()["Volumes"] or ()
        return Held(api.containers(all=True), api.networks(), volumes, api.images())


def refuse_taken_names(held: Held, scenario: Scenario) -> None:
    """Make sure that nothing on this engine already has a name that the lab will use.

    Raises:
        EngineError: names what is in the way.
    """
    containers = {n.lstrip("/") for c in held.containers for n in c["Names"]}
    networks = {n["Name"] for n in held.networks}
    volumes = {v["Name"] for v in held.volumes}
    wanted = {
        "container": (
            {c.name for c in scenario.containers} | {*scenario.owns.containers},
            containers,
        ),
        "network": ({n.name for n in scenario.networks} | {*scenario.owns.networks}, networks),
        "volume": (
            {v for c in scenario.containers for v in c.volumes} | {*scenario.owns.volumes},
            volumes,
        ),
        "image": ({*map(_with_tag, scenario.owns.images)}, {*held.tags}),
    }
    taken = [
        f"{kind} {name}" for kind, (ours, there) in wanted.items() for name in sorted(ours & there)
    ]
    if taken:
        raise EngineError(
            f"this engine already has {', '.join(taken)}, which {scenario.name} would use",
            "rename or remove it, or use the sandbox host, where names never collide",
        )


def _with_tag(name: str) -> str:
    """An image's name as the engine lists it."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def names_to_give(images: Mapping[str, str], ids: Mapping[str, str]) -> list[str]:
    """Those of the names that the learner types which no image has yet.

    Args:
        images: reference by the learner's name.
        ids: see `Held.tags`.

    Raises:
        EngineError: another image has one of these names.
    """
    foreign = [n for n, ref in images.items() if n in ids and ids[n] != ids.get(ref)]
    if foreign:
        raise EngineError(
            f"this engine has other images called {', '.join(foreign)}",
            "give those images other tags, or use the sandbox host",
        )
    return [name for name in images if name not in ids]


def tag_images(
    client: docker.DockerClient, images: Mapping[str, str], names: Sequence[str]
) -> None:
    """Give images the names that the learner types."""
    with engine_errors("naming the images"), ThreadPoolExecutor(max(1, len(names))) as pool:
        list(pool.map(lambda n: client.api.tag(images[n], *n.rsplit(":", 1)), names))


def entries(scenario: Scenario, images: Mapping[str, str]) -> list[tuple[str, str]]:
    """Ledger entries, kind and name, for what will carry no label.

    Those are names given to images, and what the lesson has the learner make.
    """
    owns = scenario.owns
    return [
        *((TAG, name) for name in images),
        *((f"{LEARNER}container", name) for name in owns.containers),
        *((f"{LEARNER}network", name) for name in owns.networks),
        *((f"{LEARNER}volume", name) for name in owns.volumes),
        *((f"{LEARNER}image", name) for name in owns.images),
    ]
