"""Taking a lab off an engine that is not its own: what the lab and its learner made, no more.

Ours is what carries the lab's label; what has a name that the ledger keeps for the lab, and was
made since the lab began (a name that was taken before had refused the start); and a network
made since then on which nothing but the lab's own containers are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from labrunner.engine import ahead
from labrunner.engine.client import engine_errors
from labrunner.engine.host import LABEL
from labrunner.model.event import Event, OnEvent

if TYPE_CHECKING:
    import docker

TAG = "tag"
LEARNER = "learner-"
"""Ledger kinds: a name given to an image, and what the lesson has the learner make."""

WORKERS = 16
"""Engine calls under way at once, those that wait for others among them."""
SHIPPED = frozenset({"bridge", "host", "none"})
"""Networks that every engine has."""


@dataclass(frozen=True)
class Made:
    """How the things of one lab are told from others.

    Attributes:
        lab_id: value of the label.
        entries: kinds and names from the ledger.
        since: when the lab began, seconds since the epoch.
    """

    lab_id: str
    entries: Sequence[tuple[str, str]]
    since: float

    def names(self, kind: str) -> frozenset[str]:
        """What the lab or its learner was to make of this kind."""
        return frozenset(n for k, n in self.entries if k in (kind, LEARNER + kind))

    def has(self, kind: str, name: str, labels: Any, created: str | float) -> bool:
        """Whether a thing on the engine is the lab's."""
        if (labels or {}).get(LABEL) == self.lab_id:
            return True
        return name in self.names(kind) and self.is_young(created)

    def is_young(self, created: str | float) -> bool:
        """Whether something was made since the lab began."""
        # the engine gives whole seconds for containers
        return _moment(created) >= self.since - 1


def clear(client: docker.DockerClient, made: Made, *, on_event: OnEvent) -> None:
    """Remove what a lab and its learner made on an engine, and nothing else.

    Args:
        client: the engine.
        made: which things are the lab's.
        on_event: told about what hangs on the lab's networks and is left alone.
    """
    api = client.api
    with engine_errors("removing the lab"), ThreadPoolExecutor(WORKERS) as pool:
        containers, others = _containers(made, api.containers(all=True))
        networks = _networks(client, made, {c["Id"] for c in containers}, pool)
        removal = partial(api.remove_container, force=True, v=True)
        # of images that keep another name, so that what was made from them is hardly in the way
        names = [pool.submit(_give_back, client, name) for name in _tags(made, others)]
        _all(pool, removal, [c["Id"] for c in containers])
        volumes = [v["Name"] for v in api.volumes()["Volumes"] or () if _is_volume(made, v)]
        images = [*made.names("image"), *(kept for job in names if (kept := job.result()))]
        rest = [
            pool.submit(_all, pool, partial(_remove_network, client, on_event), networks),
            pool.submit(_all, pool, api.remove_volume, volumes),
            pool.submit(_all, pool, partial(api.remove_image, noprune=True), images),
        ]
        for job in rest:
            job.result()


def clear_labelled_containers(address: str, lab_id: str) -> None:
    """Remove a lab's own containers without the SDK; what is left then is `clear`'s, as ever.

    Args:
        address: the engine's; see `ahead.ask`.
        lab_id: value of the label.
    """
    label = quote(json.dumps({"label": [f"{LABEL}={lab_id}"]}))
    found = ahead.listed(address, f"{ahead.CONTAINERS}&filters={label}") or ()
    paths = [f"/containers/{container['Id']}?force=1&v=1" for container in found]
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda path: ahead.ask(address, path, "DELETE"), paths))


def _containers(
    made: Made, found: Iterable[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The lab's containers, and everybody else's."""
    ours: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for container in found:
        (ours if _is_container(made, container) else others).append(container)
    return ours, others


def _is_container(made: Made, container: dict[str, Any]) -> bool:
    # one whose removal failed is dead, and has lost its name
    names = [name.lstrip("/") for name in container["Names"] or ("",)]
    return any(
        made.has("container", name, container["Labels"], container["Created"]) for name in names
    )


def _is_volume(made: Made, volume: dict[str, Any]) -> bool:
    return made.has("volume", volume["Name"], volume["Labels"], volume.get("CreatedAt") or 0)


def _networks(
    client: docker.DockerClient, made: Made, containers: set[str], pool: ThreadPoolExecutor
) -> list[str]:
    """Ids of the lab's networks, those included that the learner made up."""
    young = [
        network["Id"]
        for network in client.api.networks()
        if network["Name"] not in SHIPPED
        and (
            (network["Labels"] or {}).get(LABEL) == made.lab_id or made.is_young(network["Created"])
        )
    ]
    found = []
    for attrs in filter(None, pool.map(partial(_look_at, client), young)):
        members = set(attrs["Containers"] or {})
        ours = made.has("network", attrs["Name"], attrs["Labels"], attrs["Created"])
        if ours or (members and members <= containers):
            found.append(str(attrs["Id"]))
    return found


def _look_at(client: docker.DockerClient, network: str) -> dict[str, Any]:
    """What ``inspect`` says of a network; nothing of one that went meanwhile: others have some."""
    import docker.errors

    try:
        found: dict[str, Any] = client.api.inspect_network(network)
    except docker.errors.NotFound:
        return {}
    return found


def _tags(made: Made, others: Iterable[dict[str, Any]]) -> list[str]:
    """Image names to give back; one that another container was made from is kept."""
    tags = {name for kind, name in made.entries if kind == TAG}
    return sorted(tags - {c["Image"] for c in others})


def _give_back(client: docker.DockerClient, name: str) -> str:
    """Take a name from an image; that name where it was its last, and something is in the way."""
    import docker.errors

    try:
        client.api.remove_image(name, noprune=True)
    except docker.errors.NotFound:
        return ""
    except docker.errors.APIError:
        return name
    return ""


def _remove_network(client: docker.DockerClient, on_event: OnEvent, network: str) -> None:
    """Remove a network; whatever else hangs on it is cut off, kept and reported."""
    import docker.errors

    # nearly always nothing is left on it: to ask first would take longer
    with suppress(docker.errors.APIError):
        client.api.remove_network(network)
        return
    attrs = client.api.inspect_network(network)
    for container in (attrs["Containers"] or {}).values():
        client.api.disconnect_container_from_network(container["Name"], network, force=True)
        on_event(Event("remove", container["Name"], "note", "not part of the lab: left alone"))
    client.api.remove_network(network)


def _all(pool: ThreadPoolExecutor, remove: Callable[[str], object], names: Iterable[str]) -> None:
    """Remove things at once; what is gone already is fine, any other error counts."""
    import docker.errors

    def one(name: str) -> None:
        try:
            remove(name)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            # a helper of a check a moment ago: the engine is removing it already
            if "already in progress" not in str(error.explanation):
                raise

    for job in [pool.submit(one, name) for name in names]:
        job.result()


def _moment(created: str | float) -> float:
    """Seconds since the epoch, from either of the forms in which the engine gives a time."""
    if not isinstance(created, str):
        return float(created)
    seconds, _, rest = created.partition(".")
    zone = rest.lstrip("0123456789") if rest else ""
    return datetime.fromisoformat(seconds + zone).timestamp()
