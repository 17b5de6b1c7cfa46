"""The part of the prober that connects: tries from inside network namespaces, all at once.

One thread does everything: it steps into a namespace just to create sockets, which stay in
it, and then watches all of them with one epoll. A connection is given up in the middle of
its handshake, so that no server ever sees it and no backlog fills: see ``_socket``.

Imported by ``probe.py``, which lies beside it in the image, and by the runner itself.
"""

# importing pathlib would cost more than all that is done with paths here:
# ruff: noqa: PTH123

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Self, TypeVar

    T = TypeVar("T")

QUIET = 0.25
"""Seconds without an answer after which an address on a bridge of this host counts as
filtered; an answer takes under a millisecond there. Stretched on a machine that is slow."""
REDIAL = 0.1
"""Seconds until a second first packet is sent; the kernel itself would take one second."""
PATIENCE = 10
"""An unanswered try gets this many times as long as the slowest answer took."""
MOST, LEAST = 4000, 16
"""At most so many tries wait for an answer at the same time, and so many in any case."""
SPARE = 200
"""Half as many files as are open for other purposes."""
POLL = 0.004
"""Seconds between two tries of a port that is waited for."""
CLONE_NEWNET = 0x40000000
RECVERR = {
    socket.AF_INET: (socket.IPPROTO_IP, 11),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 25),
}
"""The socket option that keeps errors with what is known of them."""
REJECTS = {
    (3, 0): "icmp-net-unreachable",
    (3, 1): "icmp-host-unreachable",
    (3, 2): "icmp-proto-unreachable",
    (3, 3): "icmp-port-unreachable",
    (3, 9): "icmp-net-prohibited",
    (3, 10): "icmp-host-prohibited",
    (3, 13): "icmp-admin-prohibited",
    (1, 0): "icmp6-no-route",
    (1, 1): "icmp6-adm-prohibited",
    (1, 3): "icmp6-addr-unreachable",
    (1, 4): "icmp6-port-unreachable",
}
"""ICMP type and code by the names that ``iptables --reject-with`` has for them."""


def now() -> float:
    """Seconds on the monotonic clock."""
    return time.monotonic()


def most_at_once() -> int:
    """How many tries may wait at the same time: each has up to two sockets."""
    with open("/proc/self/limits", encoding="ascii") as limits:
        for line in limits:
            if line.startswith("Max open files"):
                given = line.split()[3]
                free = int(given) // 2 - SPARE if given.isdigit() else MOST
                return max(LEAST, min(MOST, free))
    return MOST


class Space:
    """The network namespace of a process, held open."""

    def __init__(self, pid: int | str) -> None:
        self.pid = pid
        self.fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.key = os.fstat(self.fd).st_ino

    def enter(self) -> None:
        """Let this thread's next sockets belong to the namespace."""
        os.setns(self.fd, CLONE_NEWNET)  # type: ignore[attr-defined,unused-ignore]  # 3.12


class Loop:
    """One epoll, and what to do when a descriptor of it is ready."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.handlers: dict[int, Callable[[], None]] = {}

    def watch(self, fd: int, events: int, handler: Callable[[], None]) -> None:
        """Call ``handler`` whenever ``fd`` is ready."""
        self.handlers[fd] = handler
        self.epoll.register(fd, events)

    def forget(self, fd: int) -> None:
        """Stop watching; harmless for one that is not watched."""
        if self.handlers.pop(fd, None) is not None:
            self.epoll.unregister(fd)

    def turn(self, seconds: float) -> None:
        """Handle what is ready, waiting at most so long for something to be."""
        for fd, _events in self.epoll.poll(max(0.0, seconds)):
            handler = self.handlers.get(fd)
            if handler is not None:
                handler()

    def run(self, *ticks: Callable[[float], float | None]) -> None:
        """Turn until no tick has anything pending; a tick gives seconds until it is due."""
        while True:
            due = [wait for wait in (tick(now()) for tick in ticks) if wait is not None]
            if not due:
                return
            self.turn(min(due))


class Try:
    """One connection attempt: from a namespace to an address and port."""

    def __init__(self, space: Space, address: str, port: int, limit: float) -> None:
        self.space, self.address, self.port = space, address, port
        self.limit = limit
        self.near = False
        self.state = ""
        self.detail = ""
        self.sockets: list[socket.socket] = []
        self.began = 0.0


class Dialer:
    """Makes tries and finds out what comes of them, each only once."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self.loop = Loop()
        self.home = Space("self")
        self.spaces = [self.home]
        self.links = Links()
        self.known: dict[tuple[int, str, int], Try] = {}
        self.pending: set[Try] = set()
        self.slowest = 0.0
        self.most = most_at_once()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for attempt in list(self.pending):
            self._settle(attempt, "filtered")
        for space in self.spaces:
            os.close(space.fd)
        self.loop.epoll.close()

    def space(self, pid: int) -> Space:
        """The namespace of a process, kept until the dialer is closed; ``OSError``: it ended."""
        space = Space(pid)
        self.spaces.append(space)
        return space

    def dial(self, space: Space, address: str, port: int) -> Try:
        """The try from there to that port; made now unless it was made before."""
        key = (space.key, address, port)
        if key not in self.known:
            attempt = self.known[key] = Try(space, address, port, self.timeout)
            attempt.near = self.links.lead_to(address)
            attempt.began = now()
            self.pending.add(attempt)
            self._open(attempt)
            if len(self.known) % 64 == 0:
                self.loop.turn(0)
            while len(self.pending) >= self.most:
                self.loop.turn(self.tick(now()) or 0)
        return self.known[key]

    def tick(self, moment: float) -> float | None:
        """Give up what waited long enough, redial once; seconds until the next is due."""
        quiet = max(QUIET, PATIENCE * self.slowest)
        due = None
        for attempt in list(self.pending):
            age = moment - attempt.began
            limit = min(attempt.limit, quiet) if attempt.near else attempt.limit
            if age >= limit:
                self._settle(attempt, "filtered")
                continue
            left = limit - age
            if len(attempt.sockets) == 1 and age < REDIAL:
                left = min(left, REDIAL - age)
            elif len(attempt.sockets) == 1:
                self._open(attempt)
            due = left if due is None else min(due, left)
        return due

    def once_more(self, attempt: Try) -> None:
        """Make a try that is over once more; what came of it counts."""
        attempt.sockets, attempt.state, attempt.detail = [], "", ""
        attempt.began = now()
        self.pending.add(attempt)
        self._open(attempt)

    def again(self, attempt: Try) -> Try:
        """The same try anew."""
        del self.known[attempt.space.key, attempt.address, attempt.port]
        return self.dial(attempt.space, attempt.address, attempt.port)

    def inside(self, space: Space, make: Callable[[], T]) -> T:
        """Call ``make``, which creates sockets, with this thread in a namespace."""
        if space is self.home:
            return make()
        space.enter()
        try:
            return make()
        finally:
            self.home.enter()

    def _open(self, attempt: Try) -> None:
        address = attempt.address
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            sock = self.inside(attempt.space, lambda: _socket(family))
        except OSError as error:
            self._settle(attempt, *meaning(error.errno or 0, ""))
            return
        attempt.sockets.append(sock)
        code = sock.connect_ex((address, attempt.port))
        if code in (0, errno.EINPROGRESS):
            self.loop.watch(
                sock.fileno(),
                select.EPOLLOUT | select.EPOLLERR,
                lambda: self._answered(attempt, sock),
            )
        else:
            self._settle(attempt, *meaning(code, _icmp(sock)))

    def _answered(self, attempt: Try, sock: socket.socket) -> None:
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if len(attempt.sockets) == 1:
            self.slowest = max(self.slowest, now() - attempt.began)
        self._settle(attempt, *meaning(code, _icmp(sock)))

    def _settle(self, attempt: Try, state: str, detail: str = "") -> None:
        for sock in attempt.sockets:
            self.loop.forget(sock.fileno())
            sock.close()
        attempt.state, attempt.detail = state, detail
        self.pending.discard(attempt)


class Links:
    """The networks that this host itself is on: routes that need no router, and loopback."""

    def __init__(self) -> None:
        self.found = [(_number("127.0.0.0"), _number("255.0.0.0"))]
        with open("/proc/self/net/route", encoding="ascii") as table:
            next(table)
            for line in table:
                fields = line.split()
                net, router, mask = (int(fields[i], 16) for i in (1, 2, 7))
                if not router and mask:
                    self.found.append((net, mask))

    def lead_to(self, address: str) -> bool:
        """Whether an address is on one of them. IPv6 addresses count as far away."""
        if ":" in address:
            return False
        number = _number(address)
        return any(number & mask == net for net, mask in self.found)


def _number(address: str) -> int:
    """An IPv4 address as ``/proc/net/route`` has it: in this machine's byte order."""
    number: int = struct.unpack("=I", socket.inet_aton(address))[0]
    return number


def _socket(family: socket.AddressFamily) -> socket.socket:
    """A socket that connects without ever finishing the handshake.

    Without quick acknowledgements the kernel holds back the third packet for up to 200 ms,
    hoping that data will carry it; with a linger time of zero a close sends a reset in its
    place. So the server's kernel drops the half-open connection and no ``accept`` returns.
    """
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.setsockopt(*RECVERR[family], 1)
    return sock


def _icmp(sock: socket.socket) -> str:
    """The ICMP error behind a failure, by the name of the rule target that sends it, or ""."""
    try:
        _data, ancillary, _flags, _from = sock.recvmsg(1, 512, socket.MSG_ERRQUEUE)
    except OSError:
        return ""
    for _level, _kind, data in ancillary:
        if len(data) >= 8:  # noqa: PLR2004  struct sock_extended_err up to its code
            _errno, _origin, kind, code = struct.unpack_from("=IBBB", data)
            return REJECTS.get((kind, code), "")
    return ""


def meaning(code: int, icmp: str) -> tuple[str, str]:
    """State and detail for an errno of ``connect``."""
    if code == 0:
        return "open", ""
    if code == errno.ECONNREFUSED:
        return "refused", icmp
    if code == errno.ETIMEDOUT:
        return "filtered", ""
    return "no_route", icmp or errno.errorcode.get(code, str(code))


class Wait:
    """A port that is waited for until it accepts, its process ends, or time is over."""

    def __init__(self, dialer: Dialer, given: dict[str, Any], limit: float) -> None:
        self.name: str = given["name"]
        self.limit = float(given.get("timeout", limit))
        self.dialer = dialer
        self.ended = False
        self.attempt: Try | None = None
        self.process = os.pidfd_open(int(given["pid"]))
        dialer.loop.watch(self.process, select.EPOLLIN, self._died)
        space = dialer.space(int(given["pid"])) if given.get("inside", True) else dialer.home
        self.attempt = dialer.dial(space, given["ip"] or "127.0.0.1", int(given["port"]))

    def _died(self) -> None:
        self.ended = True
        self.dialer.loop.forget(self.process)

    def outcome(self, seconds: float) -> dict[str, Any] | None:
        """What came of it after so many seconds; ``None``: still waiting."""
        if self.attempt is not None and self.attempt.state == "open":
            return {"name": self.name, "seconds": round(seconds, 4)}
        if self.ended:
            return {"name": self.name, "failed": "ended", "seconds": round(seconds, 4)}
        if seconds >= self.limit:
            return {"name": self.name, "failed": "timeout", "seconds": round(seconds, 4)}
        return None

    def poll(self) -> None:
        """Try once more if the last try was answered, and not with a yes."""
        if self.attempt is not None and self.attempt.state not in ("", "open"):
            self.attempt = self.dialer.again(self.attempt)

    def close(self) -> None:
        """Let go of the process."""
        self.dialer.loop.forget(self.process)
        os.close(self.process)


def wait(ports: Iterable[dict[str, Any]], limit: float, tell: Callable[[Any], None]) -> None:
    """Tell of each port as it accepts on its container's own address, or why it does not.

    Args:
        ports: name, pid, ip, port; ``timeout`` in seconds (default: ``limit``); ``inside``:
            whether to try from the container's namespace (the default) or from here.
        limit: seconds.
        tell: gets ``{name, seconds}`` or ``{name, seconds, failed: "ended"|"timeout"}``.
    """
    waiting: list[Wait] = []
    with Dialer(1.0) as dialer:
        try:
            for given in ports:
                try:
                    waiting.append(Wait(dialer, given, limit))
                except (ProcessLookupError, FileNotFoundError):
                    tell({"name": given["name"], "failed": "ended", "seconds": 0.0})
            _wait(dialer, waiting, tell)
        finally:
            for item in waiting:
                item.close()


def _wait(dialer: Dialer, waiting: list[Wait], tell: Callable[[Any], None]) -> None:
    begun = now()
    while waiting:
        round_ends = now() + POLL
        while waiting and (left := round_ends - now()) > 0:
            dialer.loop.turn(left)
            for item in list(waiting):
                outcome = item.outcome(now() - begun)
                if outcome is not None:
                    waiting.remove(item)
                    item.close()
                    tell(outcome)
        dialer.tick(now())
        for item in waiting:
            item.poll()
