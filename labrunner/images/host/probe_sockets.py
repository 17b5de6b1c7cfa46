"""What listens in a network namespace.

Imported by ``probe.py``, which lies beside it in the image.
"""

# importing pathlib would cost more than all that is done with paths here:
# ruff: noqa: PTH115, PTH208

from __future__ import annotations

import os
import socket
import struct

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Iterable

    from labrunner.images.host.probe_dial import Dialer, Space
    from labrunner.images.host.probe_names import DOCKER_DNS, read

    Bound = tuple[str, str, int]
else:
    from probe_names import DOCKER_DNS, read

TCP, UDP = "tcp", "udp"
STATES = {TCP: 10, UDP: 7}
"""The states of sockets that wait for whoever comes, as the kernel numbers them."""
EPHEMERAL = range(32768, 61000)
LONGEST_TABLE = 4 * 1024 * 1024
SOCK_DIAG = 4
BY_FAMILY, ERROR, DONE = 20, 2, 3
ASK_FOR_ALL = 0x301
HEADER = struct.Struct("=IHHII")
QUESTION = struct.Struct("=4BI48x")
PLACE = struct.Struct("!4xH2x16s")
INODE = struct.Struct("=I")
FAMILIES = {socket.AF_INET: 4, socket.AF_INET6: 16}
"""Bytes of an address."""
PATIENCE = 1.0


def listeners(dialer: Dialer, space: Space) -> dict[Bound, str]:
    """Protocol, address and port of all that listens in a namespace → its socket's inode.

    A datagram socket on a port that the kernel gave it is a client's.
    """
    try:
        found = [*_diagnosed(dialer, space)]
    except (OSError, struct.error):
        found = [*_listed(space.pid, TCP)]
    found += _listed(space.pid, UDP)
    return {
        (protocol, address, port): inode
        for protocol, address, port, inode in found
        if address != DOCKER_DNS and not (protocol == UDP and port in EPHEMERAL)
    }


def _listed(pid: int | str, protocol: str) -> Iterable[tuple[str, str, int, str]]:
    """What the kernel's table says. For TCP it takes milliseconds: it has a row for much else."""
    state = f"{STATES[protocol]:02X}"
    for table in (protocol, f"{protocol}6"):
        for line in read(f"/proc/{pid}/net/{table}", LONGEST_TABLE).splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == state:  # noqa: PLR2004  the inode's column
                host, port = fields[1].split(":")
                yield protocol, decode_address(host), int(port, 16), fields[9]


def _diagnosed(dialer: Dialer, space: Space) -> Iterable[tuple[str, str, int, str]]:
    """What the kernel says of TCP when it is asked for listeners only."""
    with dialer.inside(space, _netlink) as sock:
        for family in FAMILIES:
            question = QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << STATES[TCP])
            size = HEADER.size + len(question)
            sock.send(HEADER.pack(size, BY_FAMILY, ASK_FOR_ALL, 1, 0) + question)
            for row in _rows(sock):
                port, address = PLACE.unpack_from(row)
                (inode,) = INODE.unpack_from(row, 68)
                yield TCP, socket.inet_ntop(family, address[: FAMILIES[family]]), port, str(inode)


def _netlink() -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG)
    sock.settimeout(PATIENCE)
    return sock


def _rows(sock: socket.socket) -> Iterable[bytes]:
    """The parts of the kernel's answer; ``OSError`` where it knows no such question."""
    while True:
        packet = sock.recv(1 << 16)
        while packet:
            length, kind, *_rest = HEADER.unpack_from(packet)
            if kind == DONE:
                return
            if kind == ERROR or length < HEADER.size:
                raise OSError("no answer about sockets")
            yield packet[HEADER.size : length]
            packet = packet[(length + 3) & ~3 :]


def decode_address(text: str) -> str:
    """An address as ``/proc/net/tcp`` writes it: hexadecimal words in this machine's order."""
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)


def sockets_of(pid: str) -> set[str]:
    """Inodes of the sockets that a process holds; none where we may not look."""
    folder = f"/proc/{pid}/fd"
    try:
        links = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    except OSError:
        return set()
    return {link[8:-1] for link in links if link.startswith("socket:[")}
