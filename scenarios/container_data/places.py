"""Where things lie: mounts of containers, files in volumes, words on the host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from labrunner import Verdict, not_yet

if TYPE_CHECKING:
    from labrunner import Lab
    from labrunner.view import ContainerView

VOLUMES = "/var/lib/docker/volumes/"
EVERYWHERE = (VOLUMES, "/var/lib/docker/overlay2", "/home", "/root")
"""Where the engine of a sandbox keeps volumes and what containers wrote, and people's folders."""

NAMELESS = re.compile(r"[0-9a-f]{64}")
"""What the engine calls a volume that was given no name."""


def mount_at(view: ContainerView, path: str) -> dict[str, Any] | None:
    """The volume or folder that is mounted at this place, or ``None``."""
    mounts = view.attrs.get("Mounts") or ()
    return next((dict(m) for m in mounts if str(m["Destination"]).rstrip("/") == path), None)


def shown(mount: dict[str, Any] | None) -> str:
    """A mount in a few words."""
    if mount is None:
        return "nothing mounted there"
    if mount["Type"] == "volume":
        name = str(mount["Name"])
        return "a volume without a name" if NAMELESS.fullmatch(name) else f"the volume {name}"
    return f"the host's folder {mount['Source']}" if mount["Type"] == "bind" else mount["Type"]


def on_volume(lab: Lab, name: str, path: str, volume: str) -> Verdict | None:
    """``None`` where a container has the volume of this name at this place."""
    view = lab.container(name)
    mount = mount_at(view, path) if view else None
    if mount and mount["Type"] == "volume" and mount["Name"] == volume:
        return None
    return not_yet(
        f"{name} does not have the volume {volume} at {path}.",
        expected=f"the volume {volume} at {path}",
        seen=shown(mount),
        look=f"docker inspect -f '{{{{json .Mounts}}}}' {name}",
    )


def folder_of(lab: Lab, volume: str) -> str | None:
    """The folder on the host in which a volume lies; ``None`` where there is no such volume."""
    found = {v["Name"]: str(v["Mountpoint"]) for v in lab.client.api.volumes()["Volumes"] or ()}
    return found.get(volume)


def holds(lab: Lab, volume: str, text: str) -> bool:
    """Whether a file of a volume has this text in it."""
    folder = folder_of(lab, volume)
    return folder is not None and bool(files_with(lab, text, folder))


def files_with(lab: Lab, text: str, *folders: str) -> list[str]:
    """Files below these folders of the host that have this text in them."""
    # `merged` is where the engine shows layers once more, whole images with them
    words = ["grep", "-rlF", "--exclude-dir=merged", "-e", text, "--", *folders]
    return lab.run_on_host(words).out.splitlines()


def named(path: str) -> str:
    """Where a file of the host lies, in the learner's words."""
    if path.startswith(VOLUMES):
        return f"the volume {path.removeprefix(VOLUMES).split('/')[0][:12]}"
    return "a container without a volume" if "/overlay2/" in path else path


def is_lost(lab: Lab, text: str) -> bool:
    """Whether neither a volume nor a container of the host has this text any more."""
    return not files_with(lab, text, *EVERYWHERE)


def unused(lab: Lab) -> list[str]:
    """Volumes without a name that no container uses."""
    found = lab.client.api.volumes(filters={"dangling": True})["Volumes"] or ()
    return [v["Name"] for v in found if NAMELESS.fullmatch(v["Name"])]


def opens(lab: Lab, name: str, path: str, user: str | None = None) -> bool:
    """Whether a file can be opened for writing; nothing is written."""
    words = ["sh", "-c", 'test -e "$1" && : >> "$1"', "sh", path]
    return lab.exec(name, words, user=user).code == 0
