"""What a lab's engine holds, as text that can be compared; and what a lab left behind."""

from __future__ import annotations

import hashlib
import json
import os
import select
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.engine.host import LABEL
from labrunner.errors import LabError

if TYPE_CHECKING:
    import docker

    from labrunner.session import OpenLab

State = Mapping[str, str]
"""By the name of a thing (``container bob``, ``file in dave: /tmp/bob``): what it is like."""

GOING = 20.0
"""Seconds that a process may take to end after the lab that it belonged to, on a busy machine."""

CLOCK = "clock"
"""In a state: the time at which it was looked at, on the lab's host."""

_LOOK = r'date +%s.%N; exec find "$@" -xdev ! -type d -printf "%p\t%s\t%T@\t%m\t%u\n" 2>/dev/null'
_ENGINES = frozenset({"/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/.dockerenv"})
"""Files that the engine itself puts into containers, when they are first looked into."""


# --- a lab that runs ----------------------------------------------------------------------


def of_lab(lab: OpenLab) -> State:
    """The lab's containers, networks, volumes, image names, and the files changed in them.

    Raises:
        EngineError: the lab's engine does not answer.
    """
    from labrunner.engine.client import engine_errors

    api = lab.host.client.api
    state: dict[str, str] = {}
    with engine_errors("looking at the lab"):
        folders: dict[str, str] = {}
        for found in api.containers(all=True):
            attrs = api.inspect_container(found["Id"])
            name = attrs["Name"].lstrip("/")
            state[f"container {name}"] = _container(attrs)
            folders.update(_folders(name, attrs))
        for found in api.networks():
            attrs = api.inspect_network(found["Id"])
            state[f"network {attrs['Name']}"] = _network(attrs)
        for volume in api.volumes()["Volumes"] or ():
            state[f"volume {volume['Name']}"] = str(volume.get("Mountpoint"))
        for image in api.images():
            for tag in image.get("RepoTags") or ():
                state[f"image {tag}"] = str(image["Id"])
    return state | _files(lab, folders)


def _container(attrs: Mapping[str, Any]) -> str:
    state = attrs["State"]
    networks = attrs["NetworkSettings"]["Networks"] or {}
    known = {
        "id": attrs["Id"][:12],
        "status": state["Status"],
        "pid": state["Pid"],
        "started": state["StartedAt"],
        "restarts": attrs["RestartCount"],
        "networks": {n: v.get("IPAddress") for n, v in sorted(networks.items())},
        "settings": _digest(attrs["HostConfig"]),
    }
    return json.dumps(known)


def _network(attrs: Mapping[str, Any]) -> str:
    members = sorted(c["Name"] for c in (attrs["Containers"] or {}).values())
    return json.dumps(
        {
            "id": attrs["Id"][:12],
            "internal": attrs["Internal"],
            "options": attrs["Options"],
            "members": members,
        }
    )


def _digest(value: Any) -> str:
    data = json.dumps(value, sort_keys=True, default=str).encode()
    return hashlib.blake2b(data, digest_size=6).hexdigest()


def _folders(name: str, attrs: Mapping[str, Any]) -> dict[str, str]:
    """Where the host keeps what a container changed: folder there → what to call it."""
    driver = (attrs.get("GraphDriver") or {}).get("Data") or {}
    upper = driver.get("UpperDir")
    found = {upper: name} if upper else {}
    for mount in attrs.get("Mounts") or ():
        if mount.get("Type") == "volume" and mount.get("RW"):
            found[mount["Source"]] = f"{name} {mount['Destination']}"
    return found


def _files(lab: OpenLab, folders: Mapping[str, str]) -> dict[str, str]:
    """Size and time of each file that was changed; nothing where the host may not be read."""
    if not folders:
        return {}
    try:
        found = lab.host.run(["sh", "-c", _LOOK, "sh", *folders], timeout=20)
    except LabError:
        return {}
    clock, *lines = found.out.splitlines() or ["0"]
    state = {CLOCK: clock}
    for line in lines:
        path, _, rest = line.partition("\t")
        folder = next((f for f in folders if path.startswith(f + "/")), None)
        if folder is not None and path.removeprefix(folder) not in _ENGINES:
            state[f"file in {folders[folder]}: {path.removeprefix(folder)}"] = rest
    return state


def differences(before: State, after: State) -> dict[str, str]:
    """What is not the same: name of the thing → what became of it.

    A file that was only opened for writing is copied into the container as it is, with its old
    time; that is no change.
    """
    found = {}
    clock = float(before.get(CLOCK, "0"))
    for name in sorted({*before, *after} - {CLOCK}):
        old, new = before.get(name), after.get(name)
        opened = name.startswith("file ") and old is None and new and _time(new) < clock
        if old == new or opened:
            continue
        found[name] = "is new" if old is None else "is gone" if new is None else "changed"
    return found


def _time(file: str) -> float:
    """When a file was changed, seconds since the epoch."""
    return float(file.split("\t")[1])


def told(found: Mapping[str, str], *, most: int = 6) -> str:
    """Differences in one line."""
    parts = [f"{name} {what}" for name, what in found.items()]
    more = f", and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


# --- a lab that is gone -------------------------------------------------------------------


@dataclass(frozen=True)
class Marks:
    """By what the things of one lab can be told from everybody else's.

    Attributes:
        lab_id: its id, which is also its label.
        folder: its private folder.
        words: ids of its containers and networks, as they stand in mounts and cgroups.
        volumes: names of the volumes that its containers write to.
        everything: for a ``local`` lab, what the engine held before it started.
    """

    lab_id: str
    folder: Path
    words: tuple[str, ...]
    volumes: tuple[str, ...]
    everything: frozenset[str] | None = None


def marks(
    outer: docker.DockerClient, lab_id: str, folder: Path, everything: frozenset[str] | None = None
) -> Marks:
    """The marks of a lab that runs still."""
    from labrunner.engine.client import engine_errors

    label = {"label": f"{LABEL}={lab_id}"}
    words, volumes = [], []
    with engine_errors("looking at the lab's host"):
        for found in outer.api.containers(all=True, filters=label):
            words.append(str(found["Id"]))
            volumes += [
                m["Name"]
                for m in found.get("Mounts") or ()
                if m.get("Type") == "volume" and m.get("RW") and m.get("Name")
            ]
        words += [f"br-{n['Id'][:12]}" for n in outer.api.networks(filters=label)]
    return Marks(lab_id, folder, tuple(words), tuple(volumes), everything)


def everything(outer: docker.DockerClient) -> frozenset[str]:
    """What an engine holds, apart from what belongs to some lab: one line for each thing."""
    from labrunner.engine.client import engine_errors

    with engine_errors("looking at the engine"):
        api = outer.api
        containers = [
            f"container {c['Names'][0].lstrip('/')}"
            for c in api.containers(all=True)
            if LABEL not in (c["Labels"] or {})
        ]
        networks = [
            f"network {n['Name']}" for n in api.networks() if LABEL not in (n["Labels"] or {})
        ]
        volumes = [
            f"volume {v['Name']}"
            for v in api.volumes()["Volumes"] or ()
            if LABEL not in (v["Labels"] or {})
        ]
        images = [f"image {tag}" for i in api.images() for tag in i.get("RepoTags") or ()]
    kept = [i for i in images if not i.startswith("image labrunner/")]
    return frozenset([*containers, *networks, *volumes, *kept])


def remains(outer: docker.DockerClient, of: Marks) -> list[str]:
    """What is left of a lab that was stopped; each a few words."""
    from labrunner.engine.client import engine_errors

    label = {"label": f"{LABEL}={of.lab_id}"}
    with engine_errors("looking for what is left"):
        api = outer.api
        volumes = {v["Name"]: v for v in api.volumes()["Volumes"] or ()}
        left = [
            *(f"container {c['Names'][0]}" for c in api.containers(all=True, filters=label)),
            *(f"network {n['Name']}" for n in api.networks(filters=label)),
            *(f"volume {n}" for n, v in volumes.items() if _labelled(v, of.lab_id)),
            *(f"volume {n}" for n in of.volumes if n in volumes),
        ]
    if of.folder.exists():
        left.append(f"folder {of.folder}")
    words = (of.lab_id, *of.words)
    left += [f"mount {line}" for line in _lines_with(words, Path("/proc/self/mountinfo"))]
    left += [f"process {line}" for line in _processes((*words, str(of.folder)))]
    left += [f"rule {line}" for line in _rules(words)]
    if of.everything is not None:
        now = everything(outer)
        left += [f"{name}, which was not there before" for name in sorted(now - of.everything)]
        left += [f"no {name}, which was there before" for name in sorted(of.everything - now)]
    return left


def _labelled(volume: Mapping[str, Any], lab_id: str) -> bool:
    return (volume.get("Labels") or {}).get(LABEL) == lab_id


def _lines_with(words: Iterable[str], path: Path) -> list[str]:
    with suppress(OSError):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if any(word in line for word in words)]
    return []


def _processes(words: tuple[str, ...]) -> list[str]:
    """Processes of this machine that belong to a lab and do not end within a moment."""
    return [
        told_as
        for pid in _pids()
        if (told_as := _belongs(pid, words)) and not _ends(pid, GOING) and _belongs(pid, words)
    ]


def _pids() -> list[int]:
    with suppress(OSError):
        return [int(p) for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]  # noqa: PTH208  names are all that is wanted
    return []


def _belongs(pid: int, words: tuple[str, ...]) -> str:
    """What to call a process of the lab; "" for one of somebody else."""
    for name in ("cmdline", "cgroup", "environ"):
        with suppress(OSError):
            data = Path(f"/proc/{pid}/{name}").read_bytes()
            text = data.replace(b"\0", b" ").decode("utf-8", "replace")
            if any(word in text for word in words):
                with suppress(OSError):
                    shown = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
                    return f"{pid} {shown.decode('utf-8', 'replace').strip()[:80]}"
    return ""


def _ends(pid: int, seconds: float) -> bool:
    """Whether a process ends within this time; the kernel wakes us when it does."""
    try:
        descriptor = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return not Path(f"/proc/{pid}").exists()
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _rules(words: tuple[str, ...]) -> list[str]:
    """Rules of this machine's firewall that name the lab; none where they may not be read."""
    with suppress(OSError, subprocess.SubprocessError):
        found = subprocess.run(
            ["iptables-save"], capture_output=True, text=True, check=False, timeout=10
        )
        return [line for line in found.stdout.splitlines() if any(w in line for w in words)]
    return []
