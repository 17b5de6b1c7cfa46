"""The part of the prober that asks for names: what a program inside a container would ask.

Imported by ``probe.py``, which lies beside it in the image.
"""

# importing pathlib would cost more than all that is done with paths here:
# ruff: noqa: PTH114, PTH115, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import select
import socket
import struct
import time

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Iterator

    from labrunner.images.host.probe_dial import Dialer, Space

AGAIN = 0.15
"""Seconds until an unanswered query is sent a second time."""
GRACE = 0.05
"""Seconds that Docker's resolver gets for other names once it has told the asker's own."""
PATIENCE = 10
"""Or this many times as long as it took to tell the asker's own, if that is more."""
DOCKER_DNS = "127.0.0.11"
TYPES = {1: (socket.AF_INET, 4), 28: (socket.AF_INET6, 16)}
"""Query types A and AAAA: address family and bytes of an answer."""
LONGEST_FILE = 65536


def read(path: str, limit: int = LONGEST_FILE, root: str = "") -> str:
    """Text of a regular file; "" where there is none or we may not look.

    ``root`` is where an absolute symbolic link starts again. What is read belongs to the
    learner, so nothing is opened that could block or never end.
    """
    try:
        for _hop in range(8):
            if not os.path.islink(root + path):
                break
            path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(root + path)))
        fd = os.open(root + path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return ""


def parse_hosts(text: str) -> dict[str, tuple[str, ...]]:
    """Addresses of each name in a hosts file, in order."""
    hosts: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            hosts[name.lower()] = (*hosts.get(name.lower(), ()), address)
    return hosts


def parse_resolv(text: str) -> tuple[list[str], list[str], int]:
    """Name servers, search domains and ``ndots`` of a resolv.conf."""
    servers: list[str] = []
    search: list[str] = []
    dots = 1
    for line in text.splitlines():
        word, *values = line.split() or [""]
        if word == "nameserver" and values:
            servers.append(values[0])
        elif word in ("search", "domain"):
            search = values
        elif word == "options":
            for value in values:
                if value.startswith("ndots:") and value[6:].isdigit():
                    dots = int(value[6:])
    return servers, search, dots


def query(number: int, name: str, kind: int) -> bytes:
    """A DNS query; ``ValueError`` for what can be no name."""
    labels = [label.encode() for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels):  # noqa: PLR2004  RFC 1035
        raise ValueError(name)
    packed = b"".join(bytes([len(label)]) + label for label in labels)
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + packed + struct.pack("!xHH", kind, 1)


def parse_answer(packet: bytes) -> tuple[int, tuple[str, ...]]:
    """Number and addresses of a DNS reply; ``ValueError`` for one that makes no sense."""
    try:
        number, _flags, questions, answers = struct.unpack_from("!4H", packet)
        place = 12
        for _question in range(questions):
            place = _after_name(packet, place) + 4
        addresses = []
        for _answer in range(answers):
            place = _after_name(packet, place)
            kind, _class, _ttl, length = struct.unpack_from("!HHIH", packet, place)
            data = packet[place + 10 : place + 10 + length]
            place += 10 + length
            family, size = TYPES.get(kind, (0, -1))
            if length == size:
                addresses.append(socket.inet_ntop(family, data))
    except (struct.error, IndexError) as error:
        raise ValueError("not a DNS reply") from error
    return number, tuple(addresses)


def _after_name(packet: bytes, place: int) -> int:
    while (length := packet[place]) != 0:
        if length >= 0xC0:  # noqa: PLR2004  the rest is a pointer
            return place + 2
        place += length + 1
    return place + 1


class Question:
    """A name that a container's resolver is asked for.

    Args:
        candidates: the full names that it may stand for, most likely first.
        limit: seconds to wait for an answer.
        lab: only a container of this engine can be meant.
    """

    def __init__(self, candidates: list[str], limit: float, *, lab: bool) -> None:
        self.candidates, self.limit, self.lab = candidates, limit, lab
        self.began = time.monotonic()
        self.ended = 0.0
        self.addresses: tuple[str, ...] = ()
        self.found: dict[str, tuple[str, ...]] = {}
        self.waiting: dict[int, int] = {}
        self.again = False

    def end(self) -> None:
        """Take the best answer that has come; the first candidate's is the best."""
        self.ended = time.monotonic()
        self.waiting.clear()
        answers = (self.found.get(candidate, ()) for candidate in self.candidates)
        self.addresses = next((a for a in answers if a), ())


class Resolver:
    """Resolves as a container does: its hosts file first, then its name servers.

    Args:
        dialer: whose loop waits for the answers.
        space: the container's network namespace, by its first process.
        own: the container's own name, which Docker's resolver knows without asking anyone.
    """

    def __init__(self, dialer: Dialer, space: Space, own: str) -> None:
        self.loop, self.space, self.own = dialer.loop, space, own
        root = f"/proc/{space.pid}/root"
        self.hosts = parse_hosts(read("/etc/hosts", root=root))
        servers, self.search, self.dots = parse_resolv(read("/etc/resolv.conf", root=root))
        self.embedded = DOCKER_DNS in servers
        addresses = read(f"/proc/{space.pid}/net/if_inet6").splitlines()
        self.kinds = (1, 28) if any(line.split()[3] == "00" for line in addresses) else (1,)
        self.questions: dict[str, Question] = {}
        self.sent: list[tuple[Question, str, bytes]] = []
        self.sockets = dialer.inside(space, lambda: list(self._sockets(servers)))
        self.probe: Question | None = None

    def _sockets(self, servers: list[str]) -> Iterator[socket.socket]:
        for server in servers[:3]:
            family = socket.AF_INET6 if ":" in server else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            try:
                sock.connect((server, 53))
            except (OSError, ValueError):
                sock.close()
                continue
            self._watch(sock)
            yield sock

    def _watch(self, sock: socket.socket) -> None:
        self.loop.watch(sock.fileno(), select.EPOLLIN, lambda: self._heard(sock))

    def ask(self, name: str, limit: float, *, lab: bool) -> Question:
        """The question for this name, asked at once unless it was asked before."""
        if name not in self.questions:
            self.questions[name] = question = Question(self._candidates(name), limit, lab=lab)
            known = (name,) if is_address(name) else self.hosts.get(name.lower())
            if known:
                question.found[name] = known
                question.candidates = [name]
            else:
                self._send_all(question)
            if not question.waiting:
                question.end()
        return self.questions[name]

    def ask_own(self, limit: float) -> None:
        """Ask for the container's own name, after all others: see `tick`."""
        if self.embedded and self.probe is None and self._open():
            self.probe = Question([self.own], limit, lab=True)
            self._send_all(self.probe)

    def tick(self, moment: float) -> float | None:
        """End what waited long enough; seconds until the next question is due.

        Docker's resolver hands a name that no container has to the host's name servers,
        which may take seconds to shrug. Names that it knows it tells at once: when it has
        told the asker's own name, asked last, what it has not told soon after is no
        container's name.
        """
        due = None
        grace = None
        if self.probe is not None and self.probe.ended and self.probe.addresses:
            took = self.probe.ended - self.probe.began
            grace = self.probe.ended + max(GRACE, PATIENCE * took) - moment
        for question in self._open():
            left = question.began + question.limit - moment
            if grace is not None and question.lab:
                left = min(left, grace)
            if left <= 0:
                question.end()
                continue
            if not question.again and moment - question.began >= AGAIN:
                self._repeat(question)
            elif not question.again:
                left = min(left, question.began + AGAIN - moment)
            due = left if due is None else min(due, left)
        return due

    def close(self) -> None:
        """Let go of the sockets."""
        for sock in self.sockets:
            self.loop.forget(sock.fileno())
            sock.close()

    def _open(self) -> list[Question]:
        probe = [self.probe] if self.probe is not None else []
        return [q for q in (*self.questions.values(), *probe) if q.waiting]

    def _candidates(self, name: str) -> list[str]:
        if name.endswith(".") or is_address(name):
            return [name]
        longer = [f"{name}.{domain}" for domain in self.search if domain != "."]
        return [name, *longer] if name.count(".") >= self.dots else [*longer, name]

    def _send_all(self, question: Question) -> None:
        for candidate in question.candidates:
            for kind in self.kinds:
                number = len(self.sent)
                try:
                    packet = query(number, candidate, kind)
                except (ValueError, struct.error):
                    continue
                self.sent.append((question, candidate, packet))
                question.waiting[number] = sum(self._send(s, packet) for s in self.sockets)
                if not question.waiting[number]:
                    del question.waiting[number]

    def _repeat(self, question: Question) -> None:
        question.again = True
        for number in question.waiting:
            for sock in self.sockets:
                self._send(sock, self.sent[number][2])

    def _send(self, sock: socket.socket, packet: bytes) -> bool:
        try:
            return bool(sock.send(packet))
        except OSError:
            return False

    def _heard(self, sock: socket.socket) -> None:
        try:
            number, addresses = parse_answer(sock.recv(4096))
            question, candidate, _packet = self.sent[number]
        except OSError:
            self._lost(sock)
            return
        except (ValueError, IndexError):
            return
        if number not in question.waiting:
            return
        question.found[candidate] = question.found.get(candidate, ()) + addresses
        question.waiting[number] -= 1
        if addresses or question.waiting[number] <= 0:
            del question.waiting[number]
        if not question.waiting:
            question.end()

    def _lost(self, sock: socket.socket) -> None:
        """A server's port is closed: it answers nothing that was asked."""
        self.loop.forget(sock.fileno())
        self.sockets.remove(sock)
        sock.close()
        for question in self._open():
            for number in list(question.waiting):
                question.waiting[number] -= 1
                if question.waiting[number] <= 0:
                    del question.waiting[number]
            if not question.waiting:
                question.end()


def is_address(text: str) -> bool:
    """Whether this is an address and no name."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        socket.inet_pton(family, text)
    except (OSError, ValueError):
        return False
    return True
