"""What the checks of `network-upkeep` read out of a learner's files."""

from __future__ import annotations

import json
import re

import pytest

from scenarios.network_upkeep import crowds, looking

ONE_RUN = """Connecting to host store, port 5201
[  5] local 198.18.1.4 port 53030 connected to 198.18.1.2 port 5201
[  5]   0.00-1.00   sec  1.27 GBytes  10.9 Gbits/sec  403   1.53 MBytes
- - - - - - - - - - - - - - - - - - - - - - - - -
[  5]   0.00-1.00   sec  1.27 GBytes  99.9 Gbits/sec  403            sender
[  5]   0.00-1.00   sec  1.27 GBytes  {received}                  receiver

iperf Done.
"""
CUT_SHORT = ONE_RUN.partition("- - -")[0]
FAILED = "iperf3: error - unable to connect to server: Connection refused\n"


def text_run(received: str) -> str:
    """What one run of iperf3 writes."""
    return ONE_RUN.format(received=received)


def json_run(rate: float) -> str:
    """What one run of ``iperf3 -J`` writes, as far as it is read."""
    return json.dumps({"start": {}, "end": {"sum_received": {"bits_per_second": rate}}}, indent=2)


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        (text_run("10.9 Gbits/sec"), [10.9e9]),
        (text_run("870 Mbits/sec") + CUT_SHORT + FAILED + text_run("7 bits/sec"), [870e6, 7.0]),
        (json_run(2e9) + "\n" + json_run(3e9), [2e9, 3e9]),
        (text_run("1 Gbits/sec") + json_run(4e9), [1e9, 4e9]),
        (text_run("0.0 bits/sec"), []),
        ('{"start": {}}', []),
        ("{", []),
        ("hello", []),
        ("", []),
    ],
)
def test_only_finished_runs_count(text: str, rates: list[float]) -> None:
    """What arrived counts, not what was sent, as text or JSON, several in one file."""
    assert crowds.rates_in(text) == rates


@pytest.mark.parametrize(
    ("line", "shows"),
    [
        ("desk 232kB / 1.08GB", True),
        ("8f1c  desk  0.00%  444KiB / 23.54GiB  0.00%  232kB / 1.08GB  0B / 0B  1", True),
        ("1075454219   18083      0       0       0       0 ", True),
        ("[  5]   0.00-2.01   sec  1.00 GBytes  4.28 Gbits/sec  receiver", True),
        ("         1.08G   18.3k      0       0       0       0", True),
        ("[  5]   0.00-2.01   sec   120 MBytes  8.55 Gbits/sec  receiver", False),
        ("desk 1.9MB / 232kB", False),
        ("desk 12MiB / 2GiB", False),
        ('"Created": "2026-11-24T09:41:22.317299543Z",', False),
        ("", False),
    ],
)
def test_a_gigabyte_in_whatever_unit(line: str, shows: bool) -> None:  # noqa: FBT001
    """Docker's units, iperf3's, those of ip and plain bytes; no limit of memory, rate or date."""
    found = [f for f in looking.figures(line) if looking.GIGABYTE <= f <= 1.08e9 * 1.05]
    assert bool(found) == shows, list(looking.figures(line))


def test_the_parts_that_differ_are_named() -> None:
    """Changed parts of a network's description; what only another format writes is no change."""
    one = {"Name": "yard", "Containers": {"a": 1}, "Labels": {}}
    two = {"Name": "yard", "Containers": {"a": 1, "b": 2}, "Labels": {"a": "b"}, "EnableIPv4": True}
    told = " ".join(looking.changed(one, two))
    assert re.findall(r"of (\w+)", told) == ["Containers", "Labels"]
