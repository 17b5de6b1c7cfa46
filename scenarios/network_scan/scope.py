"""Whom a scan was aimed at, and whether all of that is the lab's own.

A report lists only hosts that were found; what was *tried* is in nmap's command line.
"""

from __future__ import annotations

import re
import shlex
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from .nmap_xml import Report

LOOPBACK = IPv4Network("127.0.0.0/8")
SMALLEST = 24
"""A name with fewer bits behind it means more than a lab's subnet."""

SHORT = "pegDSbmMT"
"""Short options whose value is the rest of the word, or else the next word."""
NEXT = frozenset(
    """
    -oN -oX -oG -oA -oS -oM -iL -iR --exclude --excludefile --host-timeout --max-retries
    --min-rate --max-rate --min-parallelism --max-parallelism --min-hostgroup --max-hostgroup
    --min-rtt-timeout --max-rtt-timeout --initial-rtt-timeout --scan-delay --max-scan-delay
    --version-intensity --top-ports --port-ratio --exclude-ports --dns-servers --source-port
    --interface --data-length --data --data-string --ttl --ip-options --mtu --spoof-mac --proxies
    --script --script-args --script-args-file --script-timeout --script-help --stats-every
    --datadir --servicedb --versiondb --stylesheet --resume --max-os-tries --decoys --scanflags
    --nsock-engine --stop-after
    """.split()  # noqa: SIM905  a list of words reads better without quotes
)
"""Options whose value is the next word, unless it follows a ``=``."""
RANDOM = "-iR"
"""Targets that nobody has chosen; as a word of its own it is no name, and so never within."""
NAME = re.compile(r"[\w.-]+")
OCTETS = re.compile(r"[\d,*-]+(?:\.[\d,*-]+){3}")


def targets(args: str) -> Iterator[str]:
    """Whatever in a command line of nmap is neither an option nor the value of one."""
    try:
        words = iter(shlex.split(args)[1:])
    except ValueError:  # a quote that nmap did not escape
        words = iter(args.split()[1:])
    for word in words:
        if word == RANDOM:
            yield RANDOM
        if not word.startswith("-"):
            yield word
        elif word in NEXT or (len(word) == len("-p") and word[1] in SHORT):
            next(words, None)


def strays(report: Report, subnets: Collection[str], names: Collection[str]) -> list[str]:
    """Everything a scan was aimed at, or found, that is not within the lab.

    Args:
        report: the scan.
        subnets: of the lab's networks.
        names: of the lab's containers and networks.
    """
    own = [*(IPv4Network(subnet) for subnet in subnets), LOOPBACK]
    aimed = [word for word in targets(report.args) if not inside(word, own, names)]
    found = [h.address for h in report.hosts if h.address and not inside(h.address, own, names)]
    return list(dict.fromkeys([*aimed, *found]))


def inside(target: str, own: Sequence[IPv4Network], names: Collection[str]) -> bool:
    """Whether a target of nmap's is within the lab: a name, an address, a subnet or a range."""
    address, _, bits = target.partition("/")
    if OCTETS.fullmatch(address):
        return _covered(address, bits, own)
    if address.startswith("-") or not NAME.fullmatch(address):
        return False
    if bits and not (bits.isdigit() and int(bits) >= SMALLEST):
        return False
    # a name without a dot leads to nobody else: the lab's name server has no search list
    last = address.rpartition(".")[2]
    return "." not in address or last in names


def whole(args: str, subnet: str) -> bool:
    """Whether one target of a command line is this subnet with every machine in it."""
    return any(_is_whole(target, IPv4Network(subnet)) for target in targets(args))


def _is_whole(target: str, subnet: IPv4Network) -> bool:
    address, _, bits = target.partition("/")
    if not OCTETS.fullmatch(address):  # a name, and so many bits of its address
        return bits.isdigit() and int(bits) <= subnet.prefixlen
    try:
        low, high = _ends(address, bits)
    except ValueError:
        return False
    return "," not in address and low <= subnet[1] and high >= subnet[-2]


def _covered(address: str, bits: str, own: Sequence[IPv4Network]) -> bool:
    """Whether one subnet holds both ends of what is meant, and so all that is between."""
    try:
        low, high = _ends(address, bits)
    except ValueError:
        return False
    return any(low in subnet and high in subnet for subnet in own)


def _ends(address: str, bits: str) -> tuple[IPv4Address, IPv4Address]:
    """The lowest and the highest address that is meant by octets, and by the bits behind them."""
    low, high = _octets(address)
    if bits:
        wide = IPv4Network(f"{low}/{bits}", strict=False)
        low, high = min(low, wide[0]), max(high, wide[-1])
    return low, high


def _octets(address: str) -> tuple[IPv4Address, IPv4Address]:
    """The lowest and the highest address that nmap's octets such as ``1-9,20`` or ``*`` mean."""
    low, high = [], []
    for octet in address.split("."):
        parts = octet.replace("*", "0-255").split(",")
        ends = [part.partition("-") for part in parts]
        low.append(min(int(first or "0") for first, _, _ in ends))
        high.append(max(int(last or ("255" if dash else first)) for first, dash, last in ends))
    return IPv4Address(".".join(map(str, low))), IPv4Address(".".join(map(str, high)))
