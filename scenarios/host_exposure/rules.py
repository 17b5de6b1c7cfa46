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
    rules = [line for line in saved.splitlines() if line.startswith("-A ")]
    user = [line for line in rules if line.startswith("-A DOCKER-USER ")]
    returns = [n for n, line in enumerate(user) if line == "-A DOCKER-USER -j RETURN"]
    stops = [n for n, line in enumerate(user) if STOPS.search(line)]
    if returns and any(n > returns[0] for n in stops):
        return "There is a rule in DOCKER-USER, after one with which every packet leaves the chain."
    if any(port_of(user[n], port) for n in stops):
        return f"In DOCKER-USER the packets do not have the port {port} any more."
    if any(r.startswith("-A INPUT ") and STOPS.search(r) and port_of(r, port) for r in rules):
        return "There is a rule in INPUT, and these packets do not come by there."
    return ""


def port_of(rule: str, port: int) -> bool:
    """Whether a rule asks for this port of the packet as it is now."""
    return bool(re.search(rf"--dports? (\S*,)?{port}\b", rule))
