"""What nmap wrote with ``-oX``, as data.

A report is a learner's file: it may be cut off, empty, or something else altogether. It is
parsed by expat, without entities of its own (nmap declares none), and never by searching text.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = 65535


class BadReportError(ValueError):
    """This is no report of a scan that came to its end; the text says what it is."""


@dataclass(frozen=True)
class Host:
    """A host of a report.

    Attributes:
        address: its IPv4 address.
        names: what was typed for it, and what its address leads back to.
        up: whether nmap took it for running.
        reason: what nmap took it for running by, such as ``arp-response``.
        listed: state of each port that has a line of its own.
        rest: state of every other scanned port; "" where they differ.
    """

    address: str
    names: frozenset[str]
    up: bool
    reason: str
    listed: dict[int, str]
    rest: str

    @property
    def open(self) -> frozenset[int]:
        """The ports that accepted."""
        return frozenset(port for port, state in self.listed.items() if state == "open")


@dataclass(frozen=True)
class Report:
    """A finished scan.

    Attributes:
        args: the command line.
        kinds: scan types such as ``syn`` and ``connect``; none where ports were not scanned.
        ports: the TCP ports that were scanned.
        hosts: every host that has an entry.
        start: when it began, in seconds since 1970.
        elapsed: how long it took, in seconds.
    """

    args: str
    kinds: frozenset[str]
    ports: frozenset[int]
    hosts: tuple[Host, ...]
    start: int
    elapsed: float

    def host(self, address: str) -> Host | None:
        """The entry of this address, where it was found to be up."""
        return next((h for h in self.hosts if h.address == address and h.up), None)

    def state(self, address: str, port: int) -> str:
        """What the scan says of a port; "" where it says nothing."""
        found = self.host(address)
        if found is None or port not in self.ports:
            return ""
        return found.listed.get(port, found.rest)


def parse(text: str) -> Report:
    """The report in this text.

    Raises:
        BadReportError: it is none, or one of a scan that did not end.
    """
    if not text.strip():
        raise BadReportError("an empty file")
    root = _tree(text)
    if root.tag != "nmaprun":
        raise BadReportError(f"XML, but of something else than nmap: <{root.tag}>")
    finished = root.find("runstats/finished")
    if finished is None or finished.get("exit") != "success":
        why = "" if finished is None else finished.get("errormsg", "")
        raise BadReportError(f"a scan that did not come to its end {why}".strip())
    infos = root.findall("scaninfo")
    tcp = [info for info in infos if info.get("protocol") == "tcp"]
    return Report(
        args=root.get("args", ""),
        kinds=frozenset(info.get("type", "") for info in infos),
        ports=frozenset(port for info in tcp for port in _ports(info.get("services", ""))),
        hosts=tuple(_host(element) for element in root.findall("host")),
        start=int(root.get("start", "0")),
        elapsed=float(finished.get("elapsed", "0")),
    )


def begun(text: str) -> Report:
    """What the beginning of a report tells, also where its end is missing: the command line."""
    found: dict[str, str] = {}

    def first(tag: str, attributes: dict[str, str]) -> None:
        if tag == "nmaprun":
            found.update(attributes)

    parser = expat.ParserCreate()
    parser.StartElementHandler = first
    parser.EntityDeclHandler = _refuse
    with suppress(expat.ExpatError, BadReportError):
        parser.Parse(text.encode(), True)
    return Report(found.get("args", ""), frozenset(), frozenset(), (), 0, 0.0)


def _tree(text: str) -> Element:
    builder = TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        first = text.strip().splitlines()[0][:60]
        complete = "not XML" if not first.startswith("<?xml") else "XML that breaks off"
        raise BadReportError(f"{complete}: {first}") from error
    return builder.close()


def _refuse(name: str, *_others: object) -> None:
    raise BadReportError(f"XML with an entity {name}; nmap writes none")


def _ports(services: str) -> Iterator[int]:
    """Every port of a list such as ``1,3-4``."""
    for part in filter(None, services.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), min(int(last or first), WHOLE) + 1)


def _host(element: Element) -> Host:
    addresses = [a.get("addr", "") for a in element.findall("address[@addrtype='ipv4']")]
    status = element.find("status")
    listed = {}
    for port in element.findall("ports/port[@protocol='tcp']"):
        state = port.find("state")
        listed[int(port.get("portid", "0"))] = "" if state is None else state.get("state", "")
    rest = {extra.get("state", "") for extra in element.findall("ports/extraports")}
    return Host(
        address=addresses[0] if addresses else "",
        names=frozenset(n.get("name", "") for n in element.findall("hostnames/hostname")),
        up=status is not None and status.get("state") == "up",
        reason="" if status is None else status.get("reason", ""),
        listed=listed,
        rest=rest.pop() if len(rest) == 1 else "",
    )
