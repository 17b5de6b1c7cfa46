"""What each container of the shop may do that it does not need, as the kernel has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .facts import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labrunner import Lab
    from labrunner.view import ContainerView

CAPABILITIES = {
    1: "DAC_OVERRIDE",
    12: "NET_ADMIN",
    13: "NET_RAW",
    19: "SYS_PTRACE",
    21: "SYS_ADMIN",
}
"""Those that are told by name, the worst last."""

BIND = 1 << 10
"""NET_BIND_SERVICE, which a gateway may keep for its port 80."""
NET_ADMIN = 1 << 12

CLIENTS = ("payment-service", "report-service")
"""Who asks the database."""

FIELD = re.compile(r"^(\w+):\s+(\S+)", re.MULTILINE)


def statuses(lab: Lab, containers: dict[str, ContainerView]) -> dict[str, dict[str, str]]:
    """What the kernel says of the first process of each container."""
    paths = [f"/proc/{c.pid}/status" for c in containers.values()]
    text = lab.run_on_host(["cat", *paths]).out
    parts = text.split("Name:\t")[1:]
    if len(parts) != len(containers):
        raise LookupError("a container ended while it was looked at")
    return {name: dict(FIELD.findall(part)) for name, part in zip(containers, parts, strict=True)}


def capabilities(status: dict[str, str]) -> int:
    """All that a process of the container can ever get."""
    return int(status["CapBnd"], 16)


def names(bits: int) -> str:
    """The best known capabilities of a set, and how many there are in all."""
    known = [name for bit, name in reversed(CAPABILITIES.items()) if bits >> bit & 1]
    number = bits.bit_count()
    return ", ".join([f"{number} capabilit{'y' if number == 1 else 'ies'}", *known])


def routers(
    lab: Lab, containers: dict[str, ContainerView], found: dict[str, dict[str, str]]
) -> Iterator[Finding]:
    """Containers that pass on packets between their networks, or could change routes."""
    for name, status in found.items():
        if capabilities(status) & NET_ADMIN:
            yield Finding(
                f"{name} may change its own routes and addresses",
                f"{name} without NET_ADMIN",
                names(capabilities(status)),
                f"docker inspect -f '{{{{.HostConfig.CapAdd}}}}' {name}",
            )
    for name, container in containers.items():
        if len(container.networks) < 2:  # noqa: PLR2004  only who has two can pass on
            continue
        forward = lab.exec(name, ["cat", "/proc/sys/net/ipv4/ip_forward"]).out.strip()
        if forward != "0":
            yield Finding(
                f"{name} passes on packets between its networks",
                f"ip_forward 0 in {name}, which is on {len(container.networks)} networks",
                f"ip_forward is {forward}",
                f"docker exec {name} cat /proc/sys/net/ipv4/ip_forward",
            )


def rights(
    containers: dict[str, ContainerView], found: dict[str, dict[str, str]]
) -> Iterator[Finding]:
    """Everything else that a container of the shop does not need."""
    for name, container in containers.items():
        status, config = found[name], container.attrs["HostConfig"]
        bits = capabilities(status)
        look = f"docker exec {name} cat /proc/1/status"
        if bits & ~(BIND if name == "gateway" else 0):
            yield Finding(
                f"{name} has {names(bits)}", f"no capability in {name}", f"CapBnd {bits:x}", look
            )
        if status["Uid"] == "0":
            yield Finding(f"{name} runs as root", "another user", "uid 0", look)
        if status.get("NoNewPrivs") != "1":
            yield Finding(
                f"a program in {name} can gain rights that it was not started with",
                "no-new-privileges",
                "NoNewPrivs 0",
                look,
            )
        if "DATABASE_URL" in container.env and name not in CLIENTS:
            yield Finding(
                f"{name} is told how to get into the database",
                f"DATABASE_URL only in {' and '.join(CLIENTS)}",
                f"DATABASE_URL={container.env['DATABASE_URL']}",
                f"docker inspect -f '{{{{.Config.Env}}}}' {name}",
            )
        yield from _files(name, container)
        for what, key in (("memory", "Memory"), ("processes", "PidsLimit")):
            if (config.get(key) or 0) <= 0:
                yield Finding(
                    f"{name} may use {what} without a limit",
                    f"a limit of {what} for {name}",
                    "none",
                    f"docker inspect -f '{{{{.HostConfig.{key}}}}}' {name}",
                )


def _files(name: str, container: ContainerView) -> Iterator[Finding]:
    """What it may write, and what it sees of the host."""
    if not container.attrs["HostConfig"]["ReadonlyRootfs"]:
        yield Finding(
            f"{name} may change its own programs",
            f"{name} with a root file system that is read-only",
            "it may be written to",
            f"docker inspect -f '{{{{.HostConfig.ReadonlyRootfs}}}}' {name}",
        )
    for mount in container.attrs["Mounts"]:
        if mount["Type"] == "bind":
            yield Finding(
                f"{name} sees {mount['Source']} of the host",
                "nothing of the host in a container",
                f"mounted at {mount['Destination']}",
                f"docker inspect -f '{{{{json .Mounts}}}}' {name}",
            )
