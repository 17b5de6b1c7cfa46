"""Steps 1 to 3: what a neighbour hears, and what it hears once it lies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from labrunner import not_yet, passed
from labrunner.checks import running

from .facts import PORT, Heard, app_knows_better, app_works, capture, heard, loot, query, visits

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

SECONDS = 3.0
"""As long as this the neighbour must have listened: the app asks every second."""

PATIENCE = 2.0
"""Seconds that a listener which was told to stop may take for it."""

FLOODED = 10
"""Fewer packets than one question has: those that a switch sends to all, before it knows who
is where."""

ASKING = frozenset({"scram-sha-256", "md5"})
"""Ways to ask for a password without having it sent. With a password that is stored for SCRAM,
as PostgreSQL does since 14, ``md5`` means SCRAM, too."""


def switch(lab: Lab) -> Verdict:
    """The neighbour listened, heard itself, and did not hear the app."""
    path = "/tmp/passive.pcap"  # noqa: S108
    if problem := running(lab, "neighbour") or still_listening(lab):
        return problem
    packets = capture(lab, "neighbour", path)
    if not isinstance(packets, list):
        return packets
    view = lab.container("neighbour")
    found = heard(packets, view.networks.values() if view else ())
    seen = f"{found.own} packets of its own and {found.foreign} of others in {found.seconds:.1f} s"
    message, expected = doubtful(found, path)
    if message:
        look = f"docker exec neighbour tcpdump -n -r {path}"
        return not_yet(message, expected=expected, seen=seen, look=look)
    return passed(f"neighbour can hear, and app is not to be heard: {seen}.", seen=seen)


def doubtful(found: Heard, path: str) -> tuple[str, str]:
    """Why a capture says nothing of a switch, and what would; both "" where it does."""
    if not found.own:
        return (
            f"neighbour's own pings are not in {path}: who hears nothing at all may be deaf.",
            "packets that neighbour itself sent while it listened",
        )
    if found.seconds < SECONDS:
        return (
            "That was too short: app may not have said anything meanwhile.",
            f"{SECONDS:g} seconds or more from the first packet to the last",
        )
    if not found.knocks:
        return (
            f"neighbour's own knock on port {PORT} is not in {path}: it may be deaf to app, too.",
            f"packets of neighbour's own from and to port {PORT} of db",
        )
    if found.foreign >= FLOODED:
        return (
            "neighbour heard others talk. Has it told somebody lies by ARP already?",
            "a capture without arpspoof",
        )
    return "", ""


def still_listening(lab: Lab) -> Verdict | None:
    """``None`` where nobody writes to the neighbour's captures any more."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if lab.exec("neighbour", ["pgrep", "-x", "tcpdump"]).code != 0:
            return None
    return not_yet(
        "neighbour is still listening, so the file is not complete.",
        expected="no tcpdump running any more",
        seen="tcpdump in neighbour",
        look="docker top neighbour",
    )


def spoof(lab: Lab) -> Verdict:
    """Password and rows are in the neighbour's capture."""
    found = loot(lab, "neighbour", "/tmp/loot.pcap")  # noqa: S108
    if not isinstance(found, tuple):
        return found
    has_password, patients = found
    if not (has_password and patients == len(visits(lab))):
        return not_yet(
            "The capture has only one half of the talk."
            if has_password or patients
            else "Neither password nor patients can be read in the capture.",
            expected="the app's password, which goes to db, and the rows, which come back",
            seen=f"password: {'yes' if has_password else 'no'}, patients: {patients}",
            look="docker exec app ip neigh; docker exec db cat /proc/net/arp",
        )
    unaware = "" if app_works(lab) else ", and app works on as if nothing were the matter"
    return passed(
        f"neighbour has the password and {patients} patients{unaware}.",
        seen=f"{patients} patients and the password in /tmp/loot.pcap",
    )


def scram(lab: Lab) -> Verdict:
    """The password is no longer sent, and the rows still are."""
    if problem := app_works(lab):
        return problem
    wanted = "SELECT auth_method FROM pg_hba_file_rules WHERE type LIKE 'host%'"
    methods = set(query(lab, wanted))
    if not methods <= ASKING:
        return not_yet(
            "db trusts everybody now, and asks for no password."
            if "trust" in methods
            else "db still has the password sent to it."
            if "password" in methods
            else "db asks in another way than it should.",
            expected="scram-sha-256 in every line of pg_hba.conf that begins with host",
            seen=" and ".join(sorted(methods)) or "no line",
            look="docker exec db cat pg_hba.conf",
        )
    found = loot(lab, "neighbour", "/tmp/scram.pcap")  # noqa: S108
    if not isinstance(found, tuple):
        return found
    has_password, patients = found
    if has_password:
        return not_yet(
            "The password is in the new capture. Did db read its file again before you listened?",
            expected="a capture from after the change, without the password",
            seen="the password, in plain text",
            look="docker exec db pg_ctl reload",
        )
    if not patients:
        return not_yet(
            "There are no rows in the new capture: the answers of db were not heard.",
            expected="patients, but no password",
            seen="neither",
            look="docker exec app ip neigh",
        )
    return app_knows_better(lab) or passed(
        f"No password on the wire any more, and {patients} patients as before.",
        seen=f"{patients} patients in /tmp/scram.pcap",
    )
