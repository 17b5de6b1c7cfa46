"""The part of the prober that tells what came of all that was tried, and what it means.

Imported by ``probe_survey.py``, which lies beside it in the image.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost as much as the whole measurement
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from labrunner.images.host.probe_dial import Try
    from labrunner.images.host.probe_names import Question
    from labrunner.images.host.probe_parties import Door, Parties, Party, Way
    from labrunner.images.host.probe_post import ECHO, Message
    from labrunner.images.host.probe_sockets import TCP, UDP

    Asked = tuple[Party, Party, str, Question]
else:
    from probe_parties import Way
    from probe_post import ECHO
    from probe_sockets import TCP, UDP

BEST_FIRST = ("open", "refused", "filtered", "no_route")
ICMP = "icmp"
CLOSED = "icmp-port-unreachable"
TIME_IS_OVER = "time-exceeded"
UNREACHABLE = (
    "icmp-net-unreachable",
    "icmp-host-unreachable",
    "icmp6-no-route",
    "icmp6-addr-unreachable",
)
"""What a router says of its own accord, too. Between neighbours there is none: a rule said it."""


class Teller:
    """Says of each way what came of it.

    Args:
        parties: who was looked at.
        say: sends a reply.
    """

    def __init__(self, parties: Parties, say: Callable[[dict[str, Any]], None]) -> None:
        self.parties, self.say = parties, say

    def ways(self, ways: Iterable[Way], names: Iterable[Asked]) -> None:
        """What came of every address, and of every name."""
        by_pair: dict[tuple[str, str], list[Way]] = {}
        for way in ways:
            outcome = self._outcome(way)
            if outcome is not None:
                self._probe(way, way.address, way.by, way.network, (*outcome, way.address))
                by_pair.setdefault((way.source.name, way.target.name), []).append(way)
        for source, target, name, question in names:
            self._name(
                by_pair.get((source.name, target.name), ()), source, target, (name, question)
            )

    def _outcome(self, way: Way) -> tuple[str, str] | None:
        """State and detail of a way; ``None`` where it could not be tried."""
        tried = way.tried
        if tried is None or (way.protocol == ICMP and tried.detail == "EACCES"):
            return None
        party, port = way.behind or (way.target, way.port)
        state, detail = self._meaning(tried, party, port, way.protocol, way.address)
        if detail in UNREACHABLE and not self.parties.adjoin(way):
            detail = ""
        return state, detail

    def _meaning(
        self, tried: Try | Message, party: Party, port: int, protocol: str, address: str
    ) -> tuple[str, str]:
        """State and detail: a refusal where somebody listens is a rule's doing."""
        detail = tried.detail
        if tried.state != "refused" or protocol == ICMP:
            return tried.state, detail
        if len(self.parties.owners.get(address, ())) > 1:
            return tried.state, ""  # the other owner of this address may have refused
        served = self.parties.served(party, protocol, address, port)
        if protocol == TCP and served and not detail:
            detail = "tcp-reset"
        if protocol == UDP and not served and detail == CLOSED:
            detail = ""  # what a kernel itself says of a closed port
        return tried.state, detail

    def _name(
        self, ways: Iterable[Way], source: Party, target: Party, asked: tuple[str, Question]
    ) -> None:
        name, question = asked
        ports = [(port, protocol) for protocol in (TCP, UDP) for port in target.ports[protocol]]
        if source.space.key != target.space.key and target is not self.parties.host:
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

    def door(self, door: Door) -> None:
        """What came of a published port."""
        if door.first is None:
            return
        state, detail = door.first.state, door.first.detail
        behind = [
            self._meaning(tried, door.party, door.inner, door.protocol, address)
            for address, tried in door.behind
        ]
        if behind and (state == "open" or door.protocol == UDP or not detail):
            state, detail = min(behind, key=lambda b: BEST_FIRST.index(b[0]))
        way = Way(self.parties.host, door.party, door.port, door.protocol)
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

    def outside(self, party: Party, left: Message | tuple[str, str]) -> None:
        """Whether somebody has a way out."""
        if isinstance(left, tuple):
            state, detail = left
        elif left.state == "open" or left.detail == TIME_IS_OVER:
            state, detail = "open", ""
        elif left.detail == "EACCES":
            state, detail = "open", "by its routes"
        else:
            state, detail = "blocked", left.detail or "no answer"
        self.say({"outside": [party.name, state, detail]})
