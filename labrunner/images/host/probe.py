"""Finds out who can reach whom, from inside the network namespaces of containers.

Runs on a lab's host as its root (Python 3.12 or newer, standard library only; start it with
``-S -E -s``, not ``-I``: its other halves lie beside it). One JSON request per line on
standard input; JSON replies, one per line, on standard output. The last reply to a request
is ``{"done": seconds}``, after ``{"error": text}`` if it failed. Requests by their ``mode``:

``reach``
    ``containers``: name, pid, networks {net: {ip, ip6, gateway}}, names [..],
    links {target: [names]}, published [[address, host port, container port]], dns (whether
    it was given name servers of its own); ``timeout``.
    Replies: ``{"listener": [owner, address, port, behind]}``, ``{"probe": {..}}`` with the
    fields of `labrunner.model.Probe`, ``{"gone": name}`` for a container that has ended.
``tcp``
    ``tries``: id, pid, own (the container's name), to, port; ``timeout``.
    Replies: id, state, address, detail.
``wait``
    ``ports``: name, pid, ip, port; ``timeout``.
    Replies as each port accepts: name, seconds; or name, failed.
"""

# importing pathlib would cost more than all that is done with paths here:
# ruff: noqa: PTH115, PTH208

from __future__ import annotations

import json
import os
import socket
import struct
import sys

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TextIO

    from labrunner.images.host.probe_dial import Dialer, Space, Try, now, wait
    from labrunner.images.host.probe_names import DOCKER_DNS, Question, Resolver, read
else:
    from probe_dial import Dialer, now, wait
    from probe_names import DOCKER_DNS, Question, Resolver, read

LISTEN = "0A"
LONGEST_TABLE = 4 * 1024 * 1024
LOOPBACK = "127.0.0.1"
INSTANT = 0.02
"""Seconds that instant answers get before names are asked for."""
BEST_FIRST = ("open", "refused", "filtered", "no_route")
EVERY = ("0.0.0.0", "::")  # noqa: S104  what a listener may be bound to, not what we bind


def listeners(pid: int | str) -> dict[tuple[str, int], str]:
    """Address and port of each TCP listener in a process's namespace → its socket's inode."""
    found: dict[tuple[str, int], str] = {}
    for table in ("tcp", "tcp6"):
        for line in read(f"/proc/{pid}/net/{table}", LONGEST_TABLE).splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == LISTEN:  # noqa: PLR2004  the inode's column
                host, port = fields[1].split(":")
                address = decode_address(host)
                if address != DOCKER_DNS:
                    found[address, int(port, 16)] = fields[9]
    return found


def decode_address(text: str) -> str:
    """An address as ``/proc/net/tcp`` writes it: hexadecimal words in this machine's order."""
    words = [int(text[i : i + 8], 16) for i in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)


class Party:
    """A container, or the host: where tries start and end.

    Attributes:
        addresses: the networks' names by its address on each.
        gateways: the networks' names by the host's address on each.
        ports: what it listens on, by port: the addresses that the listener is bound to.
    """

    def __init__(self, name: str, space: Space, given: dict[str, Any]) -> None:
        self.name, self.space, self.given = name, space, given
        self.pid = space.pid
        self.addresses: dict[str, str] = {}
        self.gateways: dict[str, str] = {}
        for network, ends in given.get("networks", {}).items():
            for key in ("ip", "ip6"):
                if ends.get(key):
                    self.addresses[ends[key]] = network
            if ends.get("gateway"):
                self.gateways[ends["gateway"]] = network
        self.ports: dict[int, set[str]] = {}
        self.resolver: Resolver | None = None

    def listen(self, found: Iterable[tuple[str, int]]) -> None:
        """Take note of listeners: address and port."""
        for address, port in found:
            self.ports.setdefault(port, set()).add(address)

    def owns(self, inodes: set[str]) -> set[str]:
        """Which of these sockets a process of this container holds (by its control group)."""
        mine: set[str] = set()
        group = read(f"/proc/{self.pid}/cgroup")
        for entry in filter(str.isdigit, os.listdir("/proc")):
            if group and read(f"/proc/{entry}/cgroup") == group:
                mine |= sockets_of(entry)
        return mine & inodes


def sockets_of(pid: str) -> set[str]:
    """Inodes of the sockets that a process holds; none where we may not look."""
    folder = f"/proc/{pid}/fd"
    try:
        links = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    except OSError:
        return set()
    return {link[8:-1] for link in links if link.startswith("socket:[")}


class Survey:
    """One measurement of who reaches whom."""

    def __init__(
        self, dialer: Dialer, request: dict[str, Any], say: Callable[[dict[str, Any]], None]
    ) -> None:
        self.dialer, self.say = dialer, say
        self.timeout = dialer.timeout
        self.host = Party("host", dialer.home, {})
        self.parties: list[Party] = []
        for given in request["containers"]:
            try:
                self.parties.append(Party(given["name"], dialer.space(int(given["pid"])), given))
            except (FileNotFoundError, ProcessLookupError):
                say({"gone": given["name"]})
        self.spaces: dict[int, list[Party]] = {}
        for party in self.parties:
            self.spaces.setdefault(party.space.key, []).append(party)

    def run(self) -> None:
        """Find what listens, try everything at once, tell."""
        self._find_listeners()
        tries: list[tuple[Party, Party, str, str, str, int, Try]] = []
        pairs: list[tuple[Party, Party, dict[str, str]]] = []
        for source in self.parties:
            for target in (*self.parties, self.host):
                if source is not target and target.ports:
                    ways = self._ways(source, target)
                    for address, (by, network) in ways.items():
                        for port in target.ports:
                            attempt = self.dialer.dial(source.space, address, port)
                            tries.append((source, target, address, by, network, port, attempt))
                    pairs.append((source, target, {a: n for a, (_by, n) in ways.items()}))
        self._settle_down()
        names = [asked for pair in pairs for asked in self._ask(*pair)]
        resolvers = [p.resolver for p in self.parties if p.resolver is not None]
        try:
            for resolver in resolvers:
                resolver.ask_own(self.timeout)
            self.dialer.loop.run(self.dialer.tick, *(r.tick for r in resolvers))
        finally:
            for resolver in resolvers:
                resolver.close()
        for source, target, address, by, network, port, attempt in tries:
            self._tell(source, target, (address, by, network), port, attempt)
        for source, target, name, question, known in names:
            self._tell_name(source, target, name, question, known)

    def _settle_down(self) -> None:
        """Let instant answers arrive before names are asked for.

        A kernel sends any neighbour only a few ICMP errors in a row and then one a second.
        A name server that cannot be reached uses them up, and a rule that rejects with one
        would look like a rule that drops.
        """
        until = now() + INSTANT
        while (left := until - now()) > 0:
            self.dialer.loop.turn(left)

    def _find_listeners(self) -> None:
        """Fill in the ports of every party and tell of them."""
        behind: dict[tuple[str, int], str] = {}
        for party in self.parties:
            for address, port, inner in party.given.get("published", ()):
                behind[address or EVERY[0], port] = f"{party.name}:{inner}"
        home = self.dialer.home.key
        for key, members in self.spaces.items():
            if key != home:
                left = self._share_out(listeners(members[0].pid), members, shared=False)
                maker = next((m for m in members if m.addresses), members[0])
                maker.listen(left)  # held by nobody that we may see
        left = self._share_out(listeners("self"), self.spaces.get(home, []), shared=True)
        self.host.listen([*left, *behind])
        for party in (*self.parties, self.host):
            for port, addresses in sorted(party.ports.items()):
                for address in sorted(addresses):
                    inner = behind.get((address, port), "") if party is self.host else ""
                    self.say({"listener": [party.name, address, port, inner]})

    def _share_out(
        self, found: dict[tuple[str, int], str], members: list[Party], *, shared: bool
    ) -> list[tuple[str, int]]:
        """Give each listener of a namespace to its owner; what is left over."""
        if len(members) == 1 and not shared:
            members[0].listen(list(found))
            return []
        for party in members:
            mine = party.owns(set(found.values()))
            party.listen([at for at, inode in found.items() if inode in mine])
            found = {at: inode for at, inode in found.items() if inode not in mine}
        return list(found)

    def _ways(self, source: Party, target: Party) -> dict[str, tuple[str, str]]:
        """Addresses at which a target may be tried from a source → how, on which network."""
        if source.space.key == target.space.key:
            ways = {LOOPBACK: ("address", "")}
            return {**ways, **{a: ("address", n) for a, n in target.addresses.items()}}
        if target.space.key == self.host.space.key:
            return {gateway: ("gateway", n) for gateway, n in source.gateways.items()}
        members = self.spaces[target.space.key] if not target.addresses else [target]
        return {a: ("address", n) for member in members for a, n in member.addresses.items()}

    def _ask(
        self, source: Party, target: Party, known: dict[str, str]
    ) -> Iterable[tuple[Party, Party, str, Question, dict[str, str]]]:
        """Ask a source's resolver for every name that its target may have there."""
        if source.resolver is None:
            source.resolver = Resolver(self.dialer, source.space, source.name)
        resolver = source.resolver
        names = list(target.given.get("names", ()))
        names += source.given.get("links", {}).get(target.name, ())
        names += [
            name
            for name, addresses in resolver.hosts.items()
            if name != "localhost" and any(a in known for a in addresses)
        ]
        vain = resolver.embedded and not source.given.get("dns") and not self._share(source, target)
        for name in dict.fromkeys(names):
            if vain and name.lower() not in resolver.hosts:
                question = Question([name], 0, lab=True)  # never sent, so without an answer
            else:
                question = resolver.ask(name, self.timeout, lab=True)
            yield source, target, name, question, known

    def _share(self, source: Party, target: Party) -> bool:
        """Whether the two are on one network, without which Docker's resolver knows no name."""
        mine = {n for member in self.spaces[source.space.key] for n in member.addresses.values()}
        return not mine.isdisjoint(target.addresses.values())

    def _tell(
        self, source: Party, target: Party, way: tuple[str, str, str], port: int, attempt: Try
    ) -> None:
        address, by, network = way
        detail = attempt.detail
        bound = target.ports[port]
        if attempt.state == "refused" and not detail and (EVERY[0] in bound or address in bound):
            detail = "tcp-reset"  # somebody listens there, so it was a rule that refused
        self._probe(source, target, address, by, network, port, attempt.state, address, detail)

    def _tell_name(
        self, source: Party, target: Party, name: str, question: Question, known: dict[str, str]
    ) -> None:
        for port in target.ports:
            tries = [
                self.dialer.dial(source.space, a, port) for a in question.addresses if a in known
            ]
            best = min(tries, key=lambda t: BEST_FIRST.index(t.state), default=None)
            if best is not None:
                state, address, detail = best.state, best.address, best.detail
            else:
                # known, perhaps, but as somebody else's: it does not lead to this target
                elsewhere = ", ".join(question.addresses)
                state, address = "unknown_name", ""
                detail = f"leads to {elsewhere}" if elsewhere else ""
            self._probe(source, target, name, "name", "", port, state, address, detail)

    def _probe(self, source: Party, target: Party, via: str, by: str, *rest: Any) -> None:
        network, port, state, address, detail = rest
        self.say(
            {
                "probe": {
                    "source": source.name,
                    "target": target.name,
                    "via": via,
                    "by": by,
                    "network": network,
                    "port": port,
                    "state": state,
                    "address": address,
                    "detail": detail,
                }
            }
        )


def tcp(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Try each target as a client would: by name or address, every address that it has."""
    with Dialer(float(request.get("timeout", 2.0))) as dialer:
        asked: list[tuple[dict[str, Any], Resolver, Question]] = []
        for given in request["tries"]:
            try:
                space = dialer.space(int(given["pid"]))
            except (FileNotFoundError, ProcessLookupError):
                say({"id": given["id"], "state": "gone", "address": "", "detail": ""})
                continue
            resolver = Resolver(dialer, space, given.get("own", ""))
            question = resolver.ask(given["to"], dialer.timeout, lab="." not in given["to"])
            resolver.ask_own(dialer.timeout)
            asked.append((given, resolver, question))
        dialer.loop.run(*(resolver.tick for _given, resolver, _question in asked))
        dialled = []
        for given, resolver, question in asked:
            resolver.close()
            port = int(given["port"])
            tries = [dialer.dial(resolver.space, a, port) for a in question.addresses]
            dialled.append((given["id"], tries))
        dialer.loop.run(dialer.tick)
    for number, tries in dialled:
        best = min(tries, key=lambda t: t.state != "open", default=None)
        say(
            {
                "id": number,
                "state": best.state if best else "unknown_name",
                "address": best.address if best else "",
                "detail": best.detail if best else "",
            }
        )


def answer(request: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> None:
    """Do what one request asks for."""
    mode = request.get("mode")
    if mode == "reach":
        with Dialer(float(request.get("timeout", 1.0))) as dialer:
            Survey(dialer, request, say).run()
    elif mode == "tcp":
        tcp(request, say)
    elif mode == "wait":
        wait(request["ports"], float(request.get("timeout", 20.0)), say)
    else:
        raise ValueError(f"unknown mode {mode!r}")


def converse(requests: Iterable[str], answers: TextIO) -> None:
    """Answer requests, a line each, until there are none."""
    begun = now()

    def say(reply: dict[str, Any]) -> None:
        answers.write(json.dumps(reply, separators=(",", ":")) + "\n")
        if "probe" not in reply and "listener" not in reply:
            answers.flush()

    for line in requests:
        if line.strip():
            try:
                answer(json.loads(line), say)
            except Exception as error:  # noqa: BLE001  whoever asked must hear of it
                say({"error": f"{type(error).__name__}: {error}"})
            say({"done": round(now() - begun, 4)})
            begun = now()


if __name__ == "__main__":
    converse(sys.stdin, sys.stdout)
