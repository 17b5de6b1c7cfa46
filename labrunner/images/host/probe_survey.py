"""The part of the prober that measures: tries every way and waits for what comes of it.

Imported by ``probe.py``, which lies beside it in the image.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from labrunner.images.host.probe_dial import Dialer, Space, Try, now
    from labrunner.images.host.probe_facts import facts_of, slices
    from labrunner.images.host.probe_names import Question, Resolver, read
    from labrunner.images.host.probe_parties import EVERY, LOOPBACK, Door, Parties, Party, Way
    from labrunner.images.host.probe_post import (
        ECHO,
        NOWHERE,
        Message,
        Post,
        default_gateway,
        delivered,
        withheld,
    )
    from labrunner.images.host.probe_sockets import TCP, UDP
    from labrunner.images.host.probe_telling import ICMP, Asked, Teller
else:
    from probe_dial import now
    from probe_facts import facts_of, slices
    from probe_names import Question, Resolver, read
    from probe_parties import EVERY, LOOPBACK, Door, Parties, Way
    from probe_post import ECHO, NOWHERE, Message, Post, default_gateway, delivered, withheld
    from probe_sockets import TCP, UDP
    from probe_telling import ICMP, Teller

INSTANT = 0.02
"""Seconds that instant answers get before names are asked for."""
NO_WAY_OUT = "the host has no way out"
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
        self.known = Parties(dialer, request, say)
        self.host, self.parties = self.known.host, self.known.all
        self.answering: set[tuple[int, str]] = set()

    def run(self) -> None:
        """Find what listens, try everything at once, tell."""
        before = {p.name: slices(int(p.pid)) for p in self.parties} if self.facts else {}
        withheld_before = self._withheld()
        self.known.find_listeners()
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
            teller = Teller(self.known, self.say)
            teller.ways(ways, names)
            for door in doors:
                teller.door(door)
            for party, left in outside:
                teller.outside(party, left)
            if self.facts:
                self._tell_facts(before)
        finally:
            self.post.close()
            self.beyond.close()

    # --- trying ---------------------------------------------------------------------------

    def _dial(self, source: Party, target: Party) -> Iterable[Way]:
        """Connect to every port of a target at every address that it may have there."""
        for address, (by, network) in self.known.ways(source, target).items():
            for port in target.ports[TCP]:
                way = Way(source, target, port, TCP)
                if target is self.host:
                    way.behind = self.known.led_to(TCP, address, port)
                yield way.along(by, network, address, self.dialer.dial(source.space, address, port))

    def _send(self, source: Party, target: Party) -> Iterable[Way]:
        """Send a datagram to every port of a target, and an echo."""
        together = source.space.key == target.space.key
        for address, (by, network) in self.known.ways(source, target).items():
            asked = [(port, UDP) for port in target.ports[UDP]]
            for port, protocol in asked if together else [*asked, (ECHO, ICMP)]:
                way = Way(source, target, port, protocol)
                if target is self.host and protocol == UDP:
                    way.behind = self.known.led_to(UDP, address, port)
                yield way.along(by, network, address, self.post.send(source.space, address, port))

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
                if self.known.served(party, UDP, way.address, port):
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

    # --- names ----------------------------------------------------------------------------

    def _ask(self, source: Party, target: Party) -> Iterable[Asked]:
        """Ask a source's resolver for every name that its target may have there."""
        known = self.known.ways(source, target)
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
        vain = (
            resolver.embedded
            and not source.given.get("dns")
            and not self.known.share(source, target)
        )
        for name in dict.fromkeys(names):
            if vain and name.lower() not in resolver.hosts:
                question = Question([name], 0, lab=True)  # never sent, so without an answer
            else:
                question = resolver.ask(name, self.timeout, lab=True)
            yield source, target, name, question

    # --- the way outside ------------------------------------------------------------------

    def _leave(self, party: Party) -> Message | tuple[str, str]:
        """Send a packet on its way outside; or why there is no need to."""
        router, own = default_gateway("self"), default_gateway(party.pid)
        if party.space.key == self.dialer.home.key:
            return ("none", NO_WAY_OUT) if router is None else ("open", "")
        networks = [
            n for m in self.known.spaces[party.space.key] for n in m.given["networks"].values()
        ]
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

    def _tell_facts(self, before: dict[str, tuple[int, int]]) -> None:
        """Everything else; who is short of processor time is watched for a while."""
        if any(used for _periods, used in before.values()):
            self._pause(self.began + WATCHED - now())
        for party in self.parties:
            self.say({"facts": facts_of(self.dialer, party, before[party.name])})
        self.say({"facts": facts_of(self.dialer, self.host, (0, 0))})
