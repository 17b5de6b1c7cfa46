"""What the checks of `eavesdropping` read out of logs, captures and the kernel's words."""

from __future__ import annotations

import pytest

from labrunner import Result
from scenarios.eavesdropping import facts, walls

PACKETS = """\
1764.10 ARP, Request who-has 198.18.1.2 tell 198.18.1.3, length 28
1764.20 IP 198.18.1.3 > 198.18.1.2: ICMP echo request, id 21, seq 1, length 64
1764.30 IP6 fe80::2c5c:70ff:fe74:4aaf > ff02::2: ICMP6, router solicitation, length 16
1768.20 IP 198.18.1.2 > 198.18.1.3: ICMP echo reply, id 21, seq 4, length 64
1768.70 IP 198.18.1.4.50312 > 198.18.1.2.5432: Flags [S], seq 1, win 64240, length 0
"""


@pytest.mark.parametrize(
    ("result", "answer"),
    [
        (Result(0, "plain text\nMs Alder-256|gout\n"), facts.Answer(how="plain text")),
        (Result(0, "TLSv1.3\nMs Alder-256|gout\n", "WARNING"), facts.Answer(how="TLSv1.3")),
        (Result(0, "TLSv1.3\n"), facts.Answer(why="no visits")),
        (
            Result(2, "", "psql: error: connection failed:\n certificate verify failed\n"),
            facts.Answer(why="psql: error: connection failed: certificate verify failed"),
        ),
    ],
)
def test_an_answer_has_rows(result: Result, answer: facts.Answer) -> None:
    """How the connection was counts where rows came over it; an error is passed on in a line."""
    assert facts.answer_in(result) == answer


def test_packets_are_counted_by_whose_they_are() -> None:
    """A listener's own packets are told from those of others; ARP and IPv6 are neither."""
    found = facts.heard(PACKETS.splitlines(), ["198.18.1.3"])
    assert (found.own, found.foreign) == (2, 1)
    assert found.seconds == pytest.approx(4.5)


def test_an_empty_capture_is_silence() -> None:
    """A capture without packets holds nothing and lasts no time."""
    assert facts.heard([], ["198.18.1.3"]) == facts.Heard(0, 0, 0.0)


@pytest.mark.parametrize(
    ("status", "excess"),
    [
        # Docker's default; with NET_ADMIN; without NET_RAW; nothing at all
        ("CapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\n", ["NET_RAW"]),
        (
            "CapEff:\t00000000a80435fb\nCapBnd:\t00000000a80435fb\nNoNewPrivs:\t0\n",
            ["NET_ADMIN", "NET_RAW"],
        ),
        ("CapEff:\t00000000a80405fb\nCapBnd:\t00000000a80405fb\nNoNewPrivs:\t0\n", []),
        ("CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t0\n", []),
        # another user: no rights now, and a way to them only where programs may bring some
        ("CapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t0\n", ["NET_RAW"]),
        ("CapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\n", []),
    ],
)
def test_rights_are_what_a_container_can_have(status: str, excess: list[str]) -> None:
    """The rights that count are those in effect, and those that a program in it could bring."""
    assert walls.excess(facts.rights_in(status)) == excess


TABLE = """\
198.18.1.2 dev eth0 lladdr 02:42:c6:12:01:02 REACHABLE
198.18.1.3 dev eth0 lladdr 02:42:c6:12:01:03 STALE
198.18.1.9 dev eth0 FAILED
"""


@pytest.mark.parametrize(
    ("truth", "lie"),
    [
        ({"198.18.1.2": "02:42:c6:12:01:02"}, ""),
        ({"198.18.1.3": "02:42:c6:12:01:02"}, "198.18.1.3 dev eth0 lladdr 02:42:c6:12:01:03"),
        ({"198.18.1.9": "02:42:c6:12:01:02"}, ""),
        ({"": ""}, ""),
    ],
)
def test_a_wrong_mac_address_is_a_lie(truth: dict[str, str], lie: str) -> None:
    """An entry is a lie where it differs from what the engine gave; no entry is none."""
    assert facts.lies(TABLE, truth) == lie
