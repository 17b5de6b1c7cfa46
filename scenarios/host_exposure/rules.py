"""What can be read in a firewall that does not do what somebody meant it to."""

from __future__ import annotations

import re

STOPS = re.compile(r"-j (DROP|REJECT)\b")


def misplaced(saved: str, port: int) -> str:
    """Why a rule for a published port has no effect, in a sentence; "" where none is seen.

    Args:
        saved: what ``iptables-save`` prints.
        port: the published port of the host.
    """
    user = of_chain(saved, "DOCKER-USER")
    returns = [n for n, line in enumerate(user) if line == "-A DOCKER-USER -j RETURN"]
    stops = [n for n, line in enumerate(user) if STOPS.search(line)]
    if returns and any(n > returns[0] for n in stops):
        return "There is a rule in DOCKER-USER, after one with which every packet leaves the chain."
    if any(port_of(user[n], port) for n in stops):
        return f"In DOCKER-USER the packets do not have the port {port} any more."
    if any(STOPS.search(rule) and port_of(rule, port) for rule in of_chain(saved, "INPUT")):
        return "There is a rule in INPUT, and these packets do not come by there."
    return ""


def gone(saved: str, port: int) -> str:
    """The same where the rules were right once, and somebody may have cleared them."""
    if not any(STOPS.search(rule) for rule in of_chain(saved, "DOCKER-USER")):
        return "The rules in DOCKER-USER are gone."
    return misplaced(saved, port)


def by_address(saved: str, address: str) -> str:
    """The rule of DOCKER-USER that stops what is for this address, or ""."""
    wanted = f" -d {address}/"
    found = (rule for rule in of_chain(saved, "DOCKER-USER") if wanted in rule)
    return next((rule for rule in found if STOPS.search(rule)), "")


def of_chain(saved: str, chain: str) -> list[str]:
    """The rules of a chain, from first to last."""
    return [line for line in saved.splitlines() if line.startswith(f"-A {chain} ")]


def port_of(rule: str, port: int) -> bool:
    """Whether a rule asks for this port of the packet as it is now."""
    return bool(re.search(rf"--dports? (\S*,)?{port}\b", rule))
