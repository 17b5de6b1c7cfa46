"""Steps 1 to 3: what a container in the host's place sees, and what one on a bridge sees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from labrunner import not_yet, passed

from .common import (
    ADMIN,
    STATUS,
    WEB,
    digits,
    leftover,
    no_file,
    runs_on,
    scenery,
    state_of,
)

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

SECRET, HEARD, OPEN = "/tmp/secret", "/tmp/heard", "/tmp/open"  # noqa: S108  in containers
PACKET = re.compile(r"^\d\d:\d\d:\d\d\.\d+ ", re.MULTILINE)
FIRST, LAST = 8000, 9999
NUMBER = re.compile(r"(?<![\d.])\d{4}(?![\d.])")
FAILED = re.compile(r"refused|timed out|failed|closed|filtered|unreachable", re.IGNORECASE)


def on_host(lab: Lab, name: str) -> Verdict | None:
    """``None`` where the container runs in the host's own network."""
    view = lab.container(name)
    if view is not None and view.running and "host" in view.networks:
        return None
    if view is None:
        message = f"There is no container {name} yet."
    elif not view.running:
        message = f"{name} does not run."
    else:
        message = f"{name} has a network of its own."
    return not_yet(
        message,
        expected=f"{name} running with --network host",
        seen=state_of(view),
        look=f"docker ps -a --filter name={name}",
    )


def host_mode(lab: Lab) -> Verdict:
    """The page that the host serves to itself alone was read in a container."""
    if problem := on_host(lab, "scout"):
        return problem
    text = lab.file("scout", SECRET)
    if text is None:
        return no_file("scout", SECRET, "the page that the host serves to itself alone")
    word = digits(lab, "admin")
    if word not in text:
        return not_yet(
            "scout has a page, but not the one that the host serves to itself alone.",
            expected="the page of a service that listens on the host's 127.0.0.1 only",
            seen=text.strip()[:60] or "an empty file",
            look="docker exec scout ss -ltn",
        )
    return passed(
        "A container has read what the host serves on its own loopback address.",
        seen=f"number {word}, from 127.0.0.1:{ADMIN} of the host",
    )


def eavesdrop(lab: Lab) -> Verdict:
    """The token that clerk sends was heard by a container that is on no bridge."""
    if problem := scenery(lab, "clerk", "stock") or on_host(lab, "scout"):
        return problem
    text = lab.file("scout", HEARD)
    if text is None:
        return no_file("scout", HEARD, "the token that clerk sends")
    if digits(lab, "token", 10) in text:
        return passed("scout has heard clerk's token; neither clerk nor stock noticed.")
    if not text.strip():
        message, seen = "Nothing was heard.", "an empty file"
    elif PACKET.search(text):
        message = "Packets were seen, but not what is in them."
        seen = text.strip().splitlines()[0][:60]
    else:
        message, seen = "That is not what clerk sends.", text.strip()[:60]
    return not_yet(
        message,
        expected="a line with clerk's token",
        seen=seen,
        look=f"docker exec scout head -n 5 {HEARD}",
    )


def ports_in(text: str) -> set[int]:
    """The ports that a list names, one a line or as ``nc`` tells of them."""
    lines = [line for line in text.splitlines() if not FAILED.search(line)]
    found = {int(number) for line in lines for number in NUMBER.findall(line)}
    return {port for port in found if FIRST <= port <= LAST}


def audit(lab: Lab) -> Verdict:
    """A list of exactly the ports of the host that are open to guest."""
    if problem := runs_on(lab, "guest", "guests") or scenery(lab, "web"):
        return problem
    text = lab.file("guest", OPEN)
    if text is None:
        return no_file("guest", OPEN, f"the open ports of the host from {FIRST} to {LAST}")
    listed = ports_in(text)
    known = {WEB, STATUS, leftover(lab), ADMIN}
    known |= {p.host_port for c in lab.containers() for p in c.published}
    gateway = lab.gateway("guests")
    known = {port for port in known if FIRST <= port <= LAST}
    for port in sorted(listed, key=lambda p: (p not in known, p)):
        state = lab.tcp("guest", gateway, port, timeout=1.0)
        if state != "open":
            return not_yet(
                f"Port {port} is on the list, and guest does not get in there.",
                expected="the ports that are open to guest, and no other",
                seen=f"{gateway}:{port} from guest: {state}",
                look=f"docker exec guest nc -zv -w 1 {gateway} {port}",
            )
    missed = [p for p in known - listed if lab.tcp("guest", gateway, p, timeout=1.0) == "open"]
    if missed:
        return not_yet(
            "There is more that is open to guest than the list says.",
            expected=f"every port from {FIRST} to {LAST} at which the host lets guest in",
            seen=f"{len(listed)} on the list, and {len(missed)} open that is not on it",
            look=f"docker exec guest cat {OPEN}",
        )
    return passed(
        f"That is what guest gets of the host: {len(listed)} ports.",
        seen=", ".join(map(str, sorted(listed))),
    )
