"""What the checks of this lab know and ask: its flags, its containers, and what holds them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from labrunner import Verdict, not_yet, ruined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labrunner import Lab
    from labrunner.view import ContainerView

IMAGE = "app:1"
ORDERS = "/home/shop/orders.txt"
SOCKETS = ("/run/docker.sock", "/var/run/docker.sock")
STATES = {"created": "it never started", "exited": "its program has ended"}
PATIENCE = 3.0
"""Seconds that the app gets to serve after it was started."""

UNSHARE = ("unshare", "-U", "true")
"""The system call that Docker's filter refuses, and nothing that other rules refuse."""
INTO_THE_HOST = ("nsenter", "-t", "1", "-m", "-u", "-i", "-n", "-p")


def listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def flag(lab: Lab, number: int) -> str:
    """What only somebody who read this file of the host's root in this lab can know."""
    return f"flag{{{number}-{lab.random(f'flag {number}').getrandbits(48):012x}}}"


def order(lab: Lab) -> str:
    """A line of the shop's orders, another one in each lab."""
    return f"order {lab.random('orders').randrange(10_000, 100_000)}: one lamp"


def loot(lab: Lab, number: int) -> Verdict | None:
    """``None`` where the flag lies on the desk."""
    path, wanted = f"/loot/flag{number}", flag(lab, number)
    text = lab.file("desk", path)
    if text is not None and wanted in text:
        return None
    look = f"docker exec desk cat {path}"
    if text is None:
        return not_yet(
            f"There is no {path} on the desk yet.",
            expected=f"the host's /root/flag{number}, saved in {path} in the container desk",
            seen="no such file in desk",
            look="docker exec desk ls -l /loot",
        )
    if "file of the image" in text:
        message = f"{path} is a file of the image: you were still inside the container."
    else:
        message = f"{path} does not hold the host's flag{number}."
    return not_yet(
        message,
        expected=f"what /root/flag{number} of the host says",
        seen=text.strip()[:60] or "an empty file: nothing came through the pipe",
        look=look,
    )


def runs(lab: Lab, name: str) -> Verdict | None:
    """``None`` where the container runs and is of the image that the tries need."""
    view = lab.container(name)
    if view is None and name == "desk":
        return ruined(
            "The desk is gone, and with it what lay on it.",
            expected="the container desk that the lab started",
            seen="no container of that name",
        )
    if view is None:
        return not_yet(
            f"There is no container {name}.",
            expected=f"a running container {name}",
            seen="no container of that name",
            look="docker ps -a",
        )
    if not view.running:
        words = lab.logs(name, lines=1).strip() or str(view.attrs["State"]["Error"])
        how = STATES.get(view.status, f"it is {view.status}")
        return not_yet(
            f"{name} does not run, {how}.",
            expected=f"{name} running",
            seen=words[:100] or f"exit code {view.exit_code}",
            look=f"docker logs {name}",
        )
    if view.attrs["Image"] != lab.client.images.get(IMAGE).id:
        return not_yet(
            f"{name} is of another image, which lacks what the intruder uses.",
            expected=f"image {IMAGE}",
            seen=view.image,
            look="docker ps",
        )
    return None


def settings(lab: Lab, name: str) -> dict[str, Any]:
    """What ``docker inspect`` shows below ``HostConfig``."""
    view = lab.container(name)
    return dict(view.attrs["HostConfig"]) if view else {}


def serves(lab: Lab) -> Verdict | None:
    """``None`` where the app serves its page to its neighbours."""
    if problem := runs(lab, "desk") or runs(lab, "app"):
        return problem
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = lab.exec("desk", ["curl", "-sSf", "-m", "2", "http://app/"])
        if answer.code == 0:
            return None
        if time.monotonic() > deadline:
            return runs(lab, "app") or not_yet(
                "app runs, but its neighbour desk does not get its page.",
                expected="the page at http://app/, asked from desk",
                seen=answer.err.strip(),
                look="docker exec desk curl -sS -m 2 http://app/",
            )


def works(lab: Lab, name: str, words: Sequence[str], user: str | None = None) -> bool:
    """Whether a command in a container ends well."""
    return lab.exec(name, words, user=user).code == 0


def opens(lab: Lab, name: str, path: str, user: str | None = None) -> bool:
    """Whether a file can be opened for writing; nothing is written."""
    return works(lab, name, ["sh", "-c", ': >> "$1"', "sh", path], user)


def status(lab: Lab, name: str, tool: str = "cat") -> dict[str, str]:
    """What the kernel says of a process in a container, ``/proc/self/status``."""
    lines = lab.exec(name, [tool, "/proc/self/status"]).out.splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def seccomp(lab: Lab, name: str) -> str:
    """The line with the filter."""
    return f"Seccomp: {status(lab, name).get('Seccomp', '?')}"


def places(view: ContainerView, path: str) -> Iterator[str]:
    """Where a file of the host's appears in a container."""
    for mount in view.attrs.get("Mounts") or ():
        source = str(mount.get("Source", "")).rstrip("/")
        if mount.get("Type") == "bind" and (path == source or path.startswith(f"{source}/")):
            yield str(mount["Destination"]) + path.removeprefix(source)


def taken(lab: Lab, name: str, commands: Sequence[Sequence[str]], number: int) -> str:
    """The first of these commands with which the container's user gets a flag; "" if none."""
    for words in commands:
        if flag(lab, number) in lab.exec(name, words).out:
            return " ".join(words)
    return ""


def breaks_out(lab: Lab, name: str) -> Verdict | None:
    """``None`` where nobody in the container reads the host's flag, by process or by mount."""
    view = lab.container(name)
    seen = ["/proc/1/root/root/flag1", *(places(view, "/root/flag1") if view else ())]
    ways = [[*INTO_THE_HOST, "cat", "/root/flag1"]]
    ways += [[tool, path] for path in seen for tool in ("cat", "readlog")]
    if way := taken(lab, name, ways, 1):
        return not_yet(
            f"{name} is a way into the host: an intruder in it reads /root/flag1.",
            expected="no way from it to a file of the host's root",
            seen=f"{way}: the flag",
            look=f"docker exec {name} {way}",
        )
    return None
