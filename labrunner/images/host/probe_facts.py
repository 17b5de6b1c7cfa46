"""What is known of a container beside who reaches it: its interfaces, addresses and neighbours.

Imported by ``probe.py``, which lies beside it in the image.
"""

from __future__ import annotations

import fcntl
import socket
import struct

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from typing import Any

    from labrunner.images.host.probe_dial import Dialer, Space
    from labrunner.images.host.probe_names import read
    from labrunner.images.host.probe_parties import Party
else:
    from probe_names import read

SIOCGIFMTU, SIOCGIFHWADDR = 0x8921, 0x8927
COMPLETE = 2
"""The flag of a neighbour whose hardware address is known."""
LONGEST_TABLE = 1024 * 1024
CPU = ("/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/cpu/cpu.stat")
"""Where a container sees its own share of the processor, by the version of control groups."""


def owned(pid: int | str) -> list[str]:
    """Every IPv4 address of a namespace's own, as its kernel has it."""
    found: dict[str, None] = {}
    address = ""
    for line in read(f"/proc/{pid}/net/fib_trie", LONGEST_TABLE).splitlines():
        words = line.split()
        if words[:1] == ["|--"]:
            address = words[1]
        elif words[:3] == ["/32", "host", "LOCAL"] and not address.startswith("127."):
            found[address] = None
    return list(found)


def neighbours(pid: int | str) -> list[tuple[str, str]]:
    """Address and hardware address of every neighbour that a namespace has found."""
    rows = [line.split() for line in read(f"/proc/{pid}/net/arp", LONGEST_TABLE).splitlines()[1:]]
    return [(row[0], row[3]) for row in rows if len(row) > 3 and int(row[2], 16) & COMPLETE]  # noqa: PLR2004


def interfaces(dialer: Dialer, space: Space) -> list[tuple[str, str, int]]:
    """Name, hardware address and MTU of every interface but loopback."""
    lines = read(f"/proc/{space.pid}/net/dev", LONGEST_TABLE).splitlines()[2:]
    names = [line.partition(":")[0].strip() for line in lines]
    try:
        sock = dialer.inside(space, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    except OSError:
        return []
    with sock:
        return [end for name in names if name != "lo" for end in _interface(sock, name)]


def _interface(sock: socket.socket, name: str) -> list[tuple[str, str, int]]:
    question = struct.pack("16s24x", name.encode())
    try:
        mtu = struct.unpack_from("=i", fcntl.ioctl(sock, SIOCGIFMTU, question), 16)[0]
        mac = fcntl.ioctl(sock, SIOCGIFHWADDR, question)[18:24]
    except OSError:
        return []  # it has just gone
    return [(name, mac.hex(":"), int(mtu))]


def slices(pid: int) -> tuple[int, int]:
    """Time slices of a container that had a limit, and how many of them it used up."""
    for path in CPU:
        words = dict(
            line.split(maxsplit=1)
            for line in read(path, root=f"/proc/{pid}/root").splitlines()
            if line.count(" ") == 1
        )
        if "nr_periods" in words:
            return int(words["nr_periods"]), int(words.get("nr_throttled", 0))
    return 0, 0


def throttled(before: tuple[int, int], after: tuple[int, int]) -> float:
    """The share of the time slices that have passed meanwhile that was used up."""
    periods, used = after[0] - before[0], after[1] - before[1]
    return used / periods if periods > 0 else 0.0


def facts_of(dialer: Dialer, party: Party, before: tuple[int, int]) -> dict[str, Any]:
    """Everything about a container, or the host."""
    space, is_host = party.space, party.pid == "self"
    return {
        "name": party.name,
        "interfaces": [] if is_host else interfaces(dialer, space),
        "owned": party.owned,
        "neighbours": neighbours(party.pid),
        "throttled": 0.0 if is_host else throttled(before, slices(int(party.pid))),
    }
