"""The part of the prober that connects to nothing: echoes, datagrams, and the way outside.

One socket for each kind and namespace asks everybody: an answer has its sender's address on it,
and an error the address that was asked. Imported by ``probe.py``, which lies beside it.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from labrunner.images.host.probe_dial import (
        PATIENCE,
        QUIET,
        RECVERR,
        REDIAL,
        REJECTS,
        Dialer,
        Space,
        meaning,
        now,
    )
else:
    from probe_dial import PATIENCE, QUIET, RECVERR, REDIAL, REJECTS, meaning, now

ECHO = 0
"""The port that stands for an echo."""
REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
REPLY = {socket.AF_INET: 0, socket.AF_INET6: 129}
"""ICMP types of an echo, and of the answer to it."""
ICMP = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
BATCH = 32
"""So many are sent before answers are taken in; of many more some would be lost."""
TRIES = 3
"""A socket first tells of an error that an earlier packet met."""
NOWHERE = "192.0.2.1"
"""An address that is nobody's (RFC 5737). What is sent there must end at our own gateway."""
TIME_EXCEEDED = 11
ROOM = 1 << 20


class Message:
    """A packet to an address and port, and what came of it."""

    def __init__(self, space: Space, address: str, port: int) -> None:
        self.space, self.address, self.port = space, address, port
        self.near = False
        self.state = ""
        self.detail = ""
        self.again = False
        self.began = 0.0


class Box:
    """A socket in a namespace, and whom it asked."""

    def __init__(self, sock: socket.socket, hops: int, *, echo: bool, raw: bool) -> None:
        self.sock, self.echo, self.raw = sock, echo, raw
        self.family = socket.AddressFamily(sock.family)
        self.ident = os.getpid() & 0xFFFF
        self.asked: dict[tuple[str, int], Message] = {}
        sock.setblocking(False)
        sock.setsockopt(*RECVERR[self.family], 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        if hops and self.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)

    def send(self, message: Message) -> int:
        """Send one packet; the number of an error, or 0."""
        self.asked[message.address, message.port] = message
        packet = _echo(self.family, self.ident) if self.echo else b""
        try:
            self.sock.sendto(packet, (message.address, message.port))
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def answered(self) -> tuple[Message | None] | None:
        """Whose answer comes next, if anybody's that was asked; ``None``: there is no more."""
        try:
            data, sender = self.sock.recvfrom(512)
        except OSError:
            return None
        if not self.echo:
            return (self.asked.get((sender[0], sender[1])),)
        if self.raw and self.family == socket.AF_INET:
            data = data[(data[0] & 15) * 4 :]
        if len(data) < 8 or data[0] != REPLY[self.family]:  # noqa: PLR2004  the header's size
            return (None,)
        mine = not self.raw or int.from_bytes(data[4:6], "big") == self.ident
        return (self.asked.get((sender[0], ECHO)) if mine else None,)

    def failed(self) -> tuple[Message | None, int, tuple[int, int]] | None:
        """Whose error comes next, its number, ICMP type and code; ``None``: there is no more."""
        try:
            _data, ancillary, _flags, asked = self.sock.recvmsg(64, 512, socket.MSG_ERRQUEUE)
        except OSError:
            return None
        port = ECHO if self.echo else asked[1]
        for _level, _kind, data in ancillary:
            if len(data) >= 8:  # noqa: PLR2004  struct sock_extended_err up to its code
                number, _origin, kind, code = struct.unpack_from("=IBBB", data)
                return self.asked.get((asked[0], port)), number, (kind, code)
        return None, 0, (0, 0)


class Post:
    """Sends packets from inside namespaces and finds out what comes of them.

    Args:
        dialer: whose loop waits for the answers.
        hops: how many machines may pass a packet on (0: as many as usual).
    """

    def __init__(self, dialer: Dialer, hops: int = 0) -> None:
        self.dialer, self.hops = dialer, hops
        self.boxes: dict[tuple[int, bool, bool], Box | None] = {}
        self.known: dict[tuple[int, str, int], Message] = {}
        self.pending: set[Message] = set()

    def close(self) -> None:
        """Let go of the sockets."""
        for box in self.boxes.values():
            if box is not None:
                self.dialer.loop.forget(box.sock.fileno())
                box.sock.close()

    def send(self, space: Space, address: str, port: int = ECHO) -> Message:
        """Ask, unless it was asked before: with an empty datagram, or an echo."""
        key = (space.key, address, port)
        if key not in self.known:
            message = self.known[key] = Message(space, address, port)
            message.near = self.dialer.links.lead_to(address)
            self.ask(message)
            if len(self.known) % BATCH == 0:
                self.dialer.loop.turn(0)
        return self.known[key]

    def ask(self, message: Message) -> None:
        """Ask, as if for the first time."""
        message.state, message.detail, message.again = "", "", False
        message.began = now()
        self.pending.add(message)
        self._put(message)

    def put(self, message: Message) -> int:
        """One more packet; the number of an error, or 0."""
        box = self._box(message)
        if box is None:
            return errno.EACCES
        code = 0
        for _try in range(TRIES):
            code = box.send(message)
            if not code:
                break
            self._heard(box)
        return code

    def tick(self, moment: float) -> float | None:
        """Give up what waited long enough, ask once more; seconds until the next is due."""
        quiet = max(QUIET, PATIENCE * self.dialer.slowest)
        due = None
        for message in list(self.pending):
            age = moment - message.began
            limit = min(self.dialer.timeout, quiet) if message.near else self.dialer.timeout
            if age >= limit:
                self._settle(message, "filtered")
                continue
            left = limit - age
            if not message.again and age < REDIAL:
                left = min(left, REDIAL - age)
            elif not message.again:
                message.again = True
                self._put(message)
            due = left if due is None else min(due, left)
        return due

    def _put(self, message: Message) -> None:
        code = self.put(message)
        if code == errno.EPERM:
            self._settle(message, "filtered")  # by a rule on the sender's own way out
        elif code:
            self._settle(message, *meaning(code, ""))

    def _box(self, message: Message) -> Box | None:
        """The socket for it; ``None`` where no such socket may be made."""
        echo, six = message.port == ECHO, ":" in message.address
        key = (message.space.key, echo, six)
        if key not in self.boxes:
            family = socket.AF_INET6 if six else socket.AF_INET
            make = _echo_box if echo else _datagram_box
            try:
                box = self.dialer.inside(message.space, lambda: make(family, self.hops))
            except OSError:
                self.boxes[key] = None
                return None
            self.boxes[key] = box
            self.dialer.loop.watch(box.sock.fileno(), select.EPOLLIN, lambda: self._heard(box))
        return self.boxes[key]

    def _heard(self, box: Box) -> None:
        """Take in every error and every answer that has come."""
        box.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # else the next packet fails
        while (failed := box.failed()) is not None:
            message, number, icmp = failed
            if message is not None and message in self.pending and number:
                self._time(message)
                detail = "time-exceeded" if icmp[0] == TIME_EXCEEDED else REJECTS.get(icmp, "")
                self._settle(message, *meaning(number, detail))
        while (answered := box.answered()) is not None:
            message = answered[0]
            if message is not None and message in self.pending:
                self._time(message)
                self._settle(message, "open")

    def _time(self, message: Message) -> None:
        """Learn from an answer how slow the machine is."""
        if not message.again:
            self.dialer.slowest = max(self.dialer.slowest, now() - message.began)

    def _settle(self, message: Message, state: str, detail: str = "") -> None:
        message.state, message.detail = state, detail
        self.pending.discard(message)


def _datagram_box(family: socket.AddressFamily, hops: int) -> Box:
    return Box(socket.socket(family, socket.SOCK_DGRAM), hops, echo=False, raw=False)


def _echo_box(family: socket.AddressFamily, hops: int) -> Box:
    """A socket for echoes; one kind needs a group that the namespace allows, the other a right."""
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM, ICMP[family])
    except PermissionError:
        sock = socket.socket(family, socket.SOCK_RAW, ICMP[family])
        return Box(sock, hops, echo=True, raw=True)
    return Box(sock, hops, echo=True, raw=False)


def _echo(family: socket.AddressFamily, ident: int) -> bytes:
    """An echo request. Only a raw socket of IPv4 leaves the checksum and the number to us."""
    head = struct.pack("!BBHHH", REQUEST[family], 0, 0, ident, 1)
    total = sum(struct.unpack("!4H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checked: bytes = head[:2] + (~total & 0xFFFF).to_bytes(2, "big") + head[4:]
    return checked


def counter(pid: int | str, table: str, *names: str) -> int | None:
    """The sum of counters of a namespace; ``None`` where its kernel has none of them."""
    try:
        with open(f"/proc/{pid}/net/snmp", encoding="ascii") as file:  # noqa: PTH123
            lines = [line.split() for line in file if line.startswith(f"{table}:")]
        found = [int(v) for k, v in zip(lines[0], lines[1], strict=False) if k in names]
    except (OSError, IndexError, ValueError):
        return None
    return sum(found) if found else None


def delivered(pid: int | str) -> int | None:
    """How many packets a namespace has taken in for itself, beyond every rule on the way."""
    return counter(pid, "Ip", "InDelivers")


def withheld(pid: int | str) -> int | None:
    """How many ICMP errors it has not sent because it had sent so many (since Linux 6.2)."""
    return counter(pid, "Icmp", "OutRateLimitGlobal", "OutRateLimitHost")


# --- the way outside ----------------------------------------------------------------------


def default_gateway(pid: int | str) -> str | None:
    """The router to everywhere of a namespace; "" for one without an address, ``None``: none."""
    try:
        with open(f"/proc/{pid}/net/route", encoding="ascii") as table:  # noqa: PTH123
            next(table)
            for line in table:
                fields = line.split()
                if fields[1] == fields[7] == "00000000":
                    router = int(fields[2], 16)
                    return socket.inet_ntoa(struct.pack("=I", router)) if router else ""
    except (OSError, StopIteration):
        pass
    return None
