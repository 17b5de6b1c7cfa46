"""Ways out of a container, and what shuts each of them.

The host has three flags that only its root may read, another in each lab. The app serves a
page and needs next to nothing; the desk is where flags are brought, and where Docker's own
seccomp profile lies. Everything else is made by the learner.
"""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING

from labrunner import Container, Image, Limits, Network, Ready, Scenario

from .breakouts import backup, board, filter_off, host_shell, monitor
from .common import ORDERS, flag, order
from .hardened import least, limits, profile, together, user

if TYPE_CHECKING:
    from labrunner import Lab

PLANT = r"""
umask 077
printf '%s\n' "$2" > /root/flag1
printf '%s\n' "$3" > /root/flag2
printf '%s\n' "$4" > /root/flag3
umask 022
mkdir -p "${1%/*}"
printf '%s\n' "$5" > "$1"
cat "$(find /run/containerd -path "*/$6/config.json")"
"""
"""Plants what is to be found on the host, and prints how the engine runs a container."""


def plant(lab: Lab) -> None:
    """Plant flags and orders on the host, and lay Docker's own profile on the desk."""
    app = lab.container("app")
    flags = [flag(lab, number) for number in (1, 2, 3)]
    words = [ORDERS, *flags, order(lab), app.id if app else ""]
    found = lab.run_on_host(["sh", "-c", PLANT, "sh", *words])
    # the engine has no command that shows its profile; but it hands it to each container
    own = json.loads(found.out)["linux"]["seccomp"]
    text = json.dumps(own, indent=2).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("default.json")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    lab.client.api.put_archive("desk", "/profiles", packed.getvalue())


scenario = Scenario(
    name="breakout-mitigations",
    networks=(Network("front"),),
    images=(Image("app:1", "images/app"),),
    containers=(
        Container("app", "app:1", ("front",), ready=Ready(80)),
        Container("desk", "app:1", ("front",), command=("sleep", "infinity")),
    ),
    hosts=("sandbox",),
    limits=Limits(memory="1g", processes=1024, disk="256m"),
    setup=plant,
    checks={
        "filter-off": filter_off,
        "host-shell": host_shell,
        "monitor": monitor,
        "backup": backup,
        "board": board,
        "user": user,
        "profile": profile,
        "least": least,
        "limits": limits,
        "together": together,
    },
)
