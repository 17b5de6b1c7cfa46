"""The part of the prober that measures: finds what listens, tries every way, and tells of it.

Imported by ``probe.py``, which lies beside it in the image.
"""

# importing pathlib would cost more than all that is done with paths here:
# ruff: noqa: PTH208

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from labrunner.images.host.probe_dial import Dialer, Space, Try, now
    from labrunner.images.host.probe_facts import facts_of, owned, slices
    from labrunner.images.host.probe_names import Question, Resolver, read
    from labrunner.images.host.probe_post import (
        ECHO,
        NOWHERE,
        Message,
        Post,
        default_gateway,
        delivered,
        withheld,
    )
    from labrunner.images.host.probe_sockets import TCP, UDP, Bound, listeners, sockets_of

    Asked = tuple["Party", "Party", str, Question]
else:
    from probe_dial import now
    from probe_facts import facts_of, owned, slices
    from probe_names import Question, Resolver, read
    from probe_post import ECHO, NOWHERE, Message, Post, default_gateway, delivered, withheld
    from probe_sockets import TCP, UDP, listeners, sockets_of

LOOPBACK = "127.0.0.1"
INSTANT = 0.02
"""Seconds that instant answers get before names are asked for."""
BEST_FIRST = ("open", "refused", "filtered", "no_route")
HOST = "host"
ICMP = "icmp"
SANDBOX_DNS = "198.18.0.1"
"""Where a sandbox's resolver is; see resolver.py."""
NO_WAY_OUT = "the host has no way out"
CLOSED = "icmp-port-unreachable"
TIME_IS_OVER = "time-exceeded"
ROUNDS = 4
A_SECOND = 1.05
"""Until a kernel that has sent many ICMP errors sends one more."""
ARRIVAL = 0.02
"""Seconds in which a datagram to a neighbour has arrived, on a machine that is not slow."""
RELAYED = 0.1
"""The same where a program on the host must wake up and pass it on."""
GLANCE = 0.001
WATCHED = 0.35
"""Seconds over which use of the processor is watched: three of the kernel's time slices."""
EVERY = ("0.0.0.0", "::")  # noqa: S104  what a listener may be bound to, not what we bind


class Party:
    """A container, or the host: where tries start and end.

    Attributes:
        addresses: the networks' names by its address on each.
        gateways: the networks' names by the host's address on each.
        ports: for each protocol what it listens on, by port: the addresses that it is bound to.
        owned: every address that its kernel has.
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
        self.ports: dict[str, dict[int, set[str]]] = {TCP: {}, UDP: {}}
        self.owned = owned(self.pid)
        self.resolver: Resolver | None = None

    def listen(self, found: Iterable[Bound]) -> None:
        """Take note of listeners: protocol, address and port."""
        for protocol, address, port in found:
            self.ports[protocol].setdefault(port, set()).add(address)

    def serves(self, protocol: str, address: str, port: int) -> bool:
        """Whether something listens on that port at that address of its own."""
        bound = self.ports.get(protocol, {}).get(port, set())
        return address in bound or not bound.isdisjoint(EVERY)

    def owns(self, inodes: set[str]) -> set[str]:
        """Which of these sockets a process of this container holds (by its control group)."""
        mine: set[str] = set()
        group = read(f"/proc/{self.pid}/cgroup")
        for entry in filter(str.isdigit, os.listdir("/proc")):
            if group and read(f"/proc/{entry}/cgroup") == group:
                mine |= sockets_of(entry)
        return mine & inodes


class Way:
    """One way from a source to a target that was tried, or is one of several that were."""

    def __init__(self, source: Party, target: Party, port: int, protocol: str) -> None:
        self.source, self.target, self.port, self.protocol = source, target, port, protocol
        self.by, self.network, self.address = "", "", ""
        self.tried: Try | Message | None = None
        self.behind: tuple[Party, int] | None = None

    def along(self, by: str, network: str, address: str, tried: Try | Message) -> Way:
        """Say how it was tried."""
        self.by, self.network, self.address, self.tried = by, network, address, tried
        return self


class Door:
    """A published port: what came of trying it, and of trying whoever is behind it."""

    def __init__(self, party: Party, at: str, port: int, inner: int, protocol: str) -> None:
        self.party, self.at, self.port = party, at, port
        self.inner, self.protocol = inner, protocol
        self.first: Try | Message | None = None
        self.behind: list[tuple[str, Try | Message]] = []

    def ways(self, host: Party) -> Iterable[Way]:
        """The ways from the host to whoever is behind it."""
        for address, tried in self.behind:
            way = Way(host, self.party, self.inner, self.protocol)
            yield way.along("address", self.party.addresses[address], address, tried)


class Survey:
    """One measurement of who reaches whom."""

    def __init__(
        self, dialer: Dialer, request: dict[str, Any], say: Callable[[dict[str, Any]], None]
    ) -> None:
        self.dialer, self.say = dialer, say
        self.timeout = dialer.timeout
        self.began = now()
        self.post = Post(dialer)
        self.hops = 2 if request.get("sandbox") else 1
        self.beyond = Post(dialer, self.hops)
        self.facts = bool(request.get("facts"))
        self.sandbox = bool(request.get("sandbox"))
        self.host = Party(HOST, dialer.home, {})
        self.parties: list[Party] = []
        for given in request["containers"]:
            try:
                self.parties.append(Party(given["name"], dialer.space(int(given["pid"])), given))
            except (FileNotFoundError, ProcessLookupError):
                say({"gone": given["name"]})
        self.spaces: dict[int, list[Party]] = {}
        for party in self.parties:
            self.spaces.setdefault(party.space.key, []).append(party)
        self.behind: dict[Bound, tuple[Party, int]] = {}
        self.answering: set[tuple[int, str]] = set()
        self.owners: dict[str, set[int]] = {}
        for party in (*self.parties, self.host):
            for address in party.owned:
                self.owners.setdefault(address, set()).add(party.space.key)

    def run(self) -> None:
        """Find what listens, try everything at once, tell."""
        before = {p.name: slices(int(p.pid)) for p in self.parties} if self.facts else {}
        withheld_before = self._withheld()
        self._find_listeners()
        pairs = [(s, t) for s in self.parties for t in (*self.parties, self.host) if s is not t]
        try:
            ways = [way for pair in pairs for way in self._dial(*pair)]
            doors = self._knock()
            ways += [way for pair in pairs for way in self._send(*pair)]
            outside = [(party, self._leave(party)) for party in self.parties]
            self._settle_down()
            names = self._name(pairs)
            self._see_who_answers()
            tried = [*ways, *(way for door in doors for way in door.ways(self.host))]
            self._insist(tried, withheld_before)
            self._see_arrive(tried)
            self._tell_all(ways, names)
            for door in doors:
                self._tell_door(door)
            for party, left in outside:
                self._tell_outside(party, left)
            if self.facts:
                self._tell_facts(before)
        finally:
            self.post.close()
            self.beyond.close()

    # --- trying ---------------------------------------------------------------------------

    def _dial(self, source: Party, target: Party) -> Iterable[Way]:
        """Connect to every port of a target at every address that it may have there."""
        for address, (by, network) in self._ways(source, target).items():
            for port in target.ports[TCP]:
                way = Way(source, target, port, TCP)
                if target is self.host:
                    way.behind = self._behind(TCP, address, port)
                yield way.along(by, network, address, self.dialer.dial(source.space, address, port))

    def _send(self, source: Party, target: Party) -> Iterable[Way]:
        """Send a datagram to every port of a target, and an echo."""
        together = source.space.key == target.space.key
        for address, (by, network) in self._ways(source, target).items():
            asked = [(port, UDP) for port in target.ports[UDP]]
            for port, protocol in asked if together else [*asked, (ECHO, ICMP)]:
                way = Way(source, target, port, protocol)
                if target is self.host and protocol == UDP:
                    way.behind = self._behind(UDP, address, port)
                yield way.along(by, network, address, self.post.send(source.space, address, port))

    def _behind(self, protocol: str, address: str, port: int) -> tuple[Party, int] | None:
        """The container and port that are behind a port of the host."""
        places = (address, *EVERY)
        found = (self.behind.get((protocol, place, port)) for place in places)
        return next((one for one in found if one is not None), None)

    def _knock(self) -> list[Door]:
        """Try every published port from the host itself, and what is behind it.

        A port of loopback, and sometimes others, is Docker's own program's, which accepts
        whether or not anybody is behind it. So whoever is behind is tried, too.
        """
        doors: list[Door] = []
        for party in self.parties:
            own = next((a for a in party.gateways if ":" not in a), LOOPBACK)
            told: set[tuple[str, int]] = set()
            for address, port, inner, protocol in party.given.get("published", ()):
                every = address in ("", *EVERY)
                if every and (protocol, port) in told:
                    continue  # the same once more, for IPv6
                told.add((protocol, port))
                door = Door(party, own if every else address, port, inner, protocol)
                door.first = self._try(door.at, port, protocol)
                door.behind = [(a, self._try(a, inner, protocol)) for a in party.addresses]
                for at in party.addresses:
                    self.post.send(self.host.space, at)  # whether anything gets there
                doors.append(door)
        return doors

    def _try(self, address: str, port: int, protocol: str) -> Try | Message:
        if protocol == TCP:
            return self.dialer.dial(self.host.space, address, port)
        return self.post.send(self.host.space, address, port)

    def _settle_down(self) -> None:
        """Let instant answers arrive before names are asked for.

        A kernel sends any neighbour only a few ICMP errors in a row and then one a second.
        A name server that cannot be reached uses them up, and a rule that rejects with one
        would look like a rule that drops.
        """
        until = now() + INSTANT
        while (left := until - now()) > 0:
            self.dialer.loop.turn(left)

    def _name(self, pairs: Iterable[tuple[Party, Party]]) -> list[Asked]:
        """Ask for every name, and wait for all that was asked and tried."""
        names = [asked for pair in pairs for asked in self._ask(*pair)]
        resolvers = [p.resolver for p in self.parties if p.resolver is not None]
        try:
            for resolver in resolvers:
                resolver.ask_own(self.timeout)
            self.dialer.loop.run(*self._ticks(), *(r.tick for r in resolvers))
        finally:
            for resolver in resolvers:
                resolver.close()
        return names

    def _ticks(self) -> tuple[Callable[[float], float | None], ...]:
        return self.dialer.tick, self.post.tick, self.beyond.tick

    def _withheld(self) -> int | None:
        """How many ICMP errors were not sent, by anybody here; ``None``: nobody counts them."""
        spaces = {p.space.key: p.pid for p in (*self.parties, self.host)}
        counts = [count for pid in spaces.values() if (count := withheld(pid)) is not None]
        return sum(counts) if counts else None

    def _insist(self, ways: Sequence[Way], before: int | None) -> None:
        """Try again what was silent while a kernel withheld errors: it may have rejected.

        It sends one more each second. As long as it withholds some, there are more to come.
        Where it does not count them, some are expected as long as any were sent.
        """
        silent = {way.tried for way in ways if way.tried is not None and self._silent(way)}
        heard = any(way.tried is not None and way.tried.detail.startswith(ICMP) for way in ways)
        for _round in range(ROUNDS):
            after = self._withheld()
            more = heard if before is None or after is None else after > before
            if not more or not silent:
                return
            self._pause(A_SECOND)
            before = self._withheld()
            for tried in silent:
                if isinstance(tried, Message):
                    self.post.ask(tried)
                else:
                    self.dialer.once_more(tried)
            self.dialer.loop.run(*self._ticks())
            still = {tried for tried in silent if tried.state == "filtered"}
            heard, silent = still != silent, still

    def _pause(self, seconds: float) -> None:
        until = now() + seconds
        while (left := until - now()) > 0:
            self.dialer.loop.turn(left)

    def _silent(self, way: Way) -> bool:
        """Whether there was no answer on a way on which something else was answered."""
        if way.tried is None or way.tried.state != "filtered":
            return False
        return self._arrives(way.source.space, way.address)

    def _arrives(self, space: Space, address: str) -> bool:
        """Whether anything from there was answered at that address."""
        echo = self.post.known.get((space.key, address, ECHO))
        return (echo is not None and echo.state == "open") or (
            (space.key, address) in self.answering
        )

    def _see_who_answers(self) -> None:
        """Note from where and at which addresses a connection was accepted or refused."""
        self.answering = {
            (key, address)
            for (key, address, _port), tried in self.dialer.known.items()
            if tried.state in ("open", "refused")
        }

    # --- datagrams that nobody answers ----------------------------------------------------

    def _see_arrive(self, ways: Iterable[Way]) -> None:
        """Find out of datagrams without an answer which have arrived.

        What a kernel takes in for its own container it counts, when every rule has let it
        pass. So of several that went to a container none has arrived, or all, or some: then
        each half is looked at by itself.
        """
        waiting: dict[int | str, list[list[Message]]] = {}
        for pid, messages in self._unanswered(ways).items():
            waiting[pid] = [sorted(messages, key=lambda m: (m.port, m.address))]
        while waiting:
            for pid, (sent, arrived) in self._count({p: w.pop() for p, w in waiting.items()}):
                if arrived >= len(sent):
                    for message in sent:
                        message.state, message.detail = "open", "no answer"
                elif arrived:
                    half = len(sent) // 2
                    waiting[pid] += [sent[:half], sent[half:]]
            waiting = {pid: groups for pid, groups in waiting.items() if groups}

    def _unanswered(self, ways: Iterable[Way]) -> dict[int | str, set[Message]]:
        """Datagrams to where somebody listens that nobody answered, by who should have."""
        found: dict[int | str, set[Message]] = {}
        for way in ways:
            tried = way.tried
            if isinstance(tried, Message) and way.protocol == UDP and self._silent(way):
                party, port = way.behind or (way.target, way.port)
                if self._served(party, UDP, way.address, port):
                    found.setdefault(party.pid, set()).add(tried)
        return found

    def _count(
        self, groups: dict[int | str, list[Message]]
    ) -> list[tuple[int | str, tuple[list[Message], int]]]:
        """Send each container its messages once more, and count how many arrive."""
        before = {pid: delivered(pid) or 0 for pid in groups}
        for messages in groups.values():
            for message in messages:
                self.post.put(message)
        arrived = dict.fromkeys(groups, 0)
        near = all(m.address not in self.host.owned for sent in groups.values() for m in sent)
        until = now() + max(ARRIVAL if near else RELAYED, self.dialer.slowest)
        while any(arrived[pid] < len(sent) for pid, sent in groups.items()):
            for pid in groups:
                arrived[pid] = (delivered(pid) or 0) - before[pid]
            if (left := until - now()) <= 0:
                break
            self.dialer.loop.turn(min(left, GLANCE))
        return [(pid, (sent, arrived[pid])) for pid, sent in groups.items()]

    # --- listeners ------------------------------------------------------------------------

    def _find_listeners(self) -> None:
        """Fill in the ports of every party and tell of them."""
        for party in self.parties:
            for address, port, inner, protocol in party.given.get("published", ()):
                self.behind[protocol, address or EVERY[0], port] = party, inner
        home = self.dialer.home.key
        for key, members in self.spaces.items():
            if key != home:
                left = self._share_out(
                    listeners(self.dialer, members[0].space), members, shared=False
                )
                maker = next((m for m in members if m.addresses), members[0])
                maker.listen(left)  # held by nobody that we may see
        left = self._share_out(
            listeners(self.dialer, self.host.space), self.spaces.get(home, []), shared=True
        )
        self.host.listen([*self._ours(left), *self.behind])
        for party in (*self.parties, self.host):
            for protocol, ports in party.ports.items():
                for port, addresses in sorted(ports.items()):
                    for address in sorted(addresses):
                        self._tell_listener(party, protocol, address, port)

    def _ours(self, found: list[Bound]) -> Iterable[Bound]:
        """Of the host's own listeners those that belong to the lab.

        A sandbox's resolver stands for the world outside. On a machine of somebody's own,
        no datagram is sent to services that it has for itself.
        """
        for one in found:
            if one[0] == TCP or (self.sandbox and one[1:] != (SANDBOX_DNS, 53)):
                yield one

    def _tell_listener(self, party: Party, protocol: str, address: str, port: int) -> None:
        behind = self.behind.get((protocol, address, port)) if party is self.host else None
        inner = f"{behind[0].name}:{behind[1]}" if behind else ""
        self.say({"listener": [party.name, address, port, inner, protocol]})

    def _share_out(
        self, found: dict[Bound, str], members: list[Party], *, shared: bool
    ) -> list[Bound]:
        """Give each listener of a namespace to its owner; what is left over."""
        if len(members) == 1 and not shared:
            members[0].listen(list(found))
            return []
        for party in members:
            mine = party.owns(set(found.values()))
            party.listen([at for at, inode in found.items() if inode in mine])
            found = {at: inode for at, inode in found.items() if inode not in mine}
        return list(found)

    # --- names ----------------------------------------------------------------------------

    def _ways(self, source: Party, target: Party) -> dict[str, tuple[str, str]]:
        """Addresses at which a target may be tried from a source → how, on which network."""
        if source.space.key == target.space.key:
            ways = {LOOPBACK: ("address", "")}
            return {**ways, **{a: ("address", n) for a, n in target.addresses.items()}}
        if target.space.key == self.host.space.key:
            return {gateway: ("gateway", n) for gateway, n in source.gateways.items()}
        members = self.spaces[target.space.key] if not target.addresses else [target]
        return {a: ("address", n) for member in members for a, n in member.addresses.items()}

    def _ask(self, source: Party, target: Party) -> Iterable[Asked]:
        """Ask a source's resolver for every name that its target may have there."""
        known = self._ways(source, target)
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
            yield source, target, name, question

    def _share(self, source: Party, target: Party) -> bool:
        """Whether the two are on one network, without which Docker's resolver knows no name."""
        mine = {n for member in self.spaces[source.space.key] for n in member.addresses.values()}
        return not mine.isdisjoint(target.addresses.values())

    # --- telling --------------------------------------------------------------------------

    def _tell_all(self, ways: Iterable[Way], names: Iterable[Asked]) -> None:
        by_pair: dict[tuple[str, str], list[Way]] = {}
        for way in ways:
            outcome = self._outcome(way)
            if outcome is not None:
                self._probe(way, way.address, way.by, way.network, (*outcome, way.address))
                by_pair.setdefault((way.source.name, way.target.name), []).append(way)
        for source, target, name, question in names:
            self._tell_name(
                by_pair.get((source.name, target.name), ()), source, target, (name, question)
            )

    def _outcome(self, way: Way) -> tuple[str, str] | None:
        """State and detail of a way; ``None`` where it could not be tried."""
        tried = way.tried
        if tried is None or (way.protocol == ICMP and tried.detail == "EACCES"):
            return None
        party, port = way.behind or (way.target, way.port)
        return self._meaning(tried, party, port, way.protocol, way.address)

    def _meaning(
        self, tried: Try | Message, party: Party, port: int, protocol: str, address: str
    ) -> tuple[str, str]:
        """State and detail: a refusal where somebody listens is a rule's doing."""
        detail = tried.detail
        if tried.state != "refused" or protocol == ICMP:
            return tried.state, detail
        if len(self.owners.get(address, ())) > 1:
            return tried.state, ""  # the other owner of this address may have refused
        served = self._served(party, protocol, address, port)
        if protocol == TCP and served and not detail:
            detail = "tcp-reset"
        if protocol == UDP and not served and detail == CLOSED:
            detail = ""  # what a kernel itself says of a closed port
        return tried.state, detail

    def _served(self, party: Party, protocol: str, address: str, port: int) -> bool:
        """Whether something listens there; behind the host's address that may be any of its own."""
        own = (address,) if party is self.host or address in party.owned else party.addresses
        return any(party.serves(protocol, a, port) for a in (*own, address))

    def _tell_name(
        self, ways: Iterable[Way], source: Party, target: Party, asked: tuple[str, Question]
    ) -> None:
        name, question = asked
        ports = [(port, protocol) for protocol in (TCP, UDP) for port in target.ports[protocol]]
        if source.space.key != target.space.key and target is not self.host:
            ports.append((ECHO, ICMP))
        for port, protocol in ports:
            there = {w.address: w for w in ways if (w.port, w.protocol) == (port, protocol)}
            led = [there[a] for a in question.addresses if a in there]
            found = [(*outcome, w.address) for w in led if (outcome := self._outcome(w))]
            best = min(found, key=lambda f: BEST_FIRST.index(f[0]), default=None)
            if best is None:
                # known, perhaps, but as somebody else's: it does not lead to this target
                elsewhere = ", ".join(question.addresses)
                best = "unknown_name", f"leads to {elsewhere}" if elsewhere else "", ""
            self._probe(Way(source, target, port, protocol), name, "name", "", best)

    def _tell_door(self, door: Door) -> None:
        if door.first is None:
            return
        state, detail = door.first.state, door.first.detail
        behind = [
            self._meaning(tried, door.party, door.inner, door.protocol, address)
            for address, tried in door.behind
        ]
        if behind and (state == "open" or door.protocol == UDP or not detail):
            state, detail = min(behind, key=lambda b: BEST_FIRST.index(b[0]))
        way = Way(self.host, door.party, door.port, door.protocol)
        self._probe(way, door.at, "published", "", (state, detail, door.at))

    def _probe(self, way: Way, via: str, by: str, network: str, came: tuple[str, str, str]) -> None:
        state, detail, address = came
        self.say(
            {
                "probe": [
                    way.source.name,
                    way.target.name,
                    via,
                    by,
                    network,
                    way.port,
                    state,
                    address,
                    detail,
                    way.protocol,
                ]
            }
        )

    # --- the way outside ------------------------------------------------------------------

    def _leave(self, party: Party) -> Message | tuple[str, str]:
        """Send a packet on its way outside; or why there is no need to."""
        router, own = default_gateway("self"), default_gateway(party.pid)
        if party.space.key == self.dialer.home.key:
            return ("none", NO_WAY_OUT) if router is None else ("open", "")
        networks = [n for m in self.spaces[party.space.key] for n in m.given["networks"].values()]
        told: tuple[str, str] | None = None
        if not networks and own is None:
            told = "none", "no network"
        elif networks and all(n.get("internal") for n in networks):
            told = "blocked", "internal"
        elif router is None:
            told = "none", NO_WAY_OUT
        elif own is None:
            told = "blocked", "no default route"
        elif read("/proc/sys/net/ipv4/ip_forward").strip() == "0":
            told = "blocked", "ip_forward is 0"
        elif own not in self.host.owned:
            told = "open", "by its routes"
        if told is not None or router is None:
            return told or ("none", NO_WAY_OUT)
        message = self.beyond.send(party.space, router if self.hops > 1 else NOWHERE)
        message.near = True
        return message

    def _tell_outside(self, party: Party, left: Message | tuple[str, str]) -> None:
        if isinstance(left, tuple):
            state, detail = left
        elif left.state == "open" or left.detail == TIME_IS_OVER:
            state, detail = "open", ""
        elif left.detail == "EACCES":
            state, detail = "open", "by its routes"
        else:
            state, detail = "blocked", left.detail or "no answer"
        self.say({"outside": [party.name, state, detail]})

    def _tell_facts(self, before: dict[str, tuple[int, int]]) -> None:
        """Everything else; who is short of processor time is watched for a while."""
        if any(used for _periods, used in before.values()):
            self._pause(self.began + WATCHED - now())
        for party in self.parties:
            self.say({"facts": facts_of(self.dialer, party, before[party.name])})
        self.say({"facts": facts_of(self.dialer, self.host, (0, 0))})
