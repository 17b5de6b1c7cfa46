"""What the checks of `segregated-vs-unsegregated` read out of a learner's files."""

from __future__ import annotations

import json

import pytest

from scenarios.segregated_vs_unsegregated import measured, members

ONE_RUN = """Connecting to host alice, port 5201
[  5] local 198.18.1.4 port {port} connected to 198.18.1.2 port 5201
[ ID] Interval           Transfer     Bitrate         Retr  Cwnd
[  5]   0.00-1.00   sec  1.27 GBytes  10.9 Gbits/sec  403   1.53 MBytes
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Retr
[  5]   0.00-1.00   sec  1.27 GBytes  {sent}  403            sender
[  5]   0.00-1.00   sec  1.27 GBytes  {received}                  receiver

iperf Done.
"""
CUT_SHORT = ONE_RUN.partition("- - -")[0].format(port=53034)
FAILED = "iperf3: error - unable to connect to server: Connection refused\n"


def text_run(received: str, port: int = 53030) -> str:
    """What one run of iperf3 writes."""
    return ONE_RUN.format(sent="99.9 Gbits/sec", received=received, port=port)


def json_run(rate: float, port: int = 53032) -> str:
    """What one run of ``iperf3 -J`` writes, as far as it is read."""
    connected = [
        {
            "local_host": "198.18.1.4",
            "local_port": port,
            "remote_host": "198.18.1.2",
            "remote_port": 5201,
        }
    ]
    return json.dumps(
        {"start": {"connected": connected}, "end": {"sum_received": {"bits_per_second": rate}}},
        indent=2,
    )


@pytest.mark.parametrize(
    ("received", "rate"),
    [
        ("10.9 Gbits/sec", 10.9e9),
        ("870 Mbits/sec", 870e6),
        ("12.5 Kbits/sec", 12.5e3),
        ("7 bits/sec", 7.0),
    ],
)
def test_every_unit_that_a_learner_may_choose(received: str, rate: float) -> None:
    """What arrived counts, not what was sent, in whatever unit iperf3 was told to use."""
    assert measured.runs_in(text_run(received)) == [
        measured.Run("198.18.1.2", rate, "198.18.1.4 port 53030")
    ]


def test_runs_in_one_file_are_told_apart() -> None:
    """Text and JSON may stand in one file; runs that did not finish do not count."""
    parts = (text_run("1 Gbits/sec"), json_run(2e9), json_run(3e9), CUT_SHORT, FAILED)
    rates = sorted(run.rate for run in measured.runs_in("".join(parts)))
    assert rates == [1e9, 2e9, 3e9]


def test_several_streams_are_one_run() -> None:
    """With ``-P`` each stream has its line, and the sum comes last."""
    summed = "[SUM]   0.00-1.00   sec  2.54 GBytes  21.8 Gbits/sec                  receiver\n"
    found = measured.runs_in(text_run("10.9 Gbits/sec") + summed)
    assert found == [measured.Run("198.18.1.2", 21.8e9, "198.18.1.4 port 53030")]


def test_a_run_written_down_twice_is_one_run() -> None:
    """Runs of one speed are told apart by the port that each was sent from."""
    again = text_run("1 Gbits/sec") * 3 + text_run("1 Gbits/sec", 53036) + json_run(1e9) * 2
    assert len(measured.runs_in(again)) == 3


def test_a_run_to_oneself_crosses_no_bridge() -> None:
    """It is refused, however fast it was; runs to alice are not."""
    own = measured.Run("198.18.1.4", 4e10, "198.18.1.4 port 53030")
    assert measured.to_itself("/tmp/own.txt", [own]) is not None
    assert measured.to_itself("/tmp/own.txt", measured.runs_in(text_run("1 Gbits/sec"))) is None


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("curl: (6) Could not resolve host: bob", ""),
        ("* Could not resolve host: bbo\ncurl: (6) Could not resolve host: bbo", "asked for bbo"),
        ("ping: bob: Name or service not known", ""),
        ("ping: alice: Name or service not known", "asked for alice"),
        ("curl: (28) Resolving timed out after 2001 milliseconds", ""),
        ("6", ""),
    ],
)
def test_a_name_that_is_said_is_bobs(said: str, wrong: str) -> None:
    """Where the record says whose name was not known, it is bob's."""
    assert wrong in members.not_his_name(said)
    assert bool(wrong) == bool(members.not_his_name(said))


@pytest.mark.parametrize("text", ["", "hello", "{", '{"start": {}}', "[]", "0.0 bits/sec receiver"])
def test_anything_else_is_no_run(text: str) -> None:
    """A file with something else in it holds no runs, and breaks nothing."""
    assert measured.runs_in(text) == []


@pytest.mark.parametrize("address", ["198.18.4.2", "fe80::1", "alice", ""])
def test_an_address_elsewhere_is_a_stray(address: str) -> None:
    """Only addresses of the subnet count as measured on that network."""
    assert measured.is_in("198.18.1.2", "198.18.1.0/24")
    assert not measured.is_in(address, "198.18.1.0/24")
    assert not measured.is_in(address, "")


@pytest.mark.parametrize(
    ("said", "symptom"),
    [
        ("curl: (6) Could not resolve host: bob", members.BY_NAME),
        ("curl: (28) Resolving timed out after 2001 milliseconds", members.BY_NAME),
        ("ping: bob: Name or service not known", members.BY_NAME),
        ("2\n", members.BY_NAME),
        ("curl: (28) Connection timed out after 2002 milliseconds", members.BY_ADDRESS),
        ("curl: (28) Failed to connect to 198.18.1.3 port 8000", members.BY_ADDRESS),
        ("1 packets transmitted, 0 received, 100% packet loss, time 0ms", members.BY_ADDRESS),
        ("28\n", members.BY_ADDRESS),
        ("curl: (7) Failed to connect to 198.18.1.3 port 81", None),
        ("I am bob. My word is heron-4821.", None),
    ],
)
def test_each_failure_is_told_from_the_other(said: str, symptom: members.Symptom | None) -> None:
    """What curl, ping, getent or an exit code say belongs to one failure, or to none."""
    shown = [s for s in (members.BY_NAME, members.BY_ADDRESS) if s.pattern.search(said)]
    assert shown == ([symptom] if symptom else [])


ANSWERED = "64 bytes from bob.north (198.18.1.3): icmp_seq={} ttl=64 time=0.08 ms\n"
UNREACHABLE = "From alice (198.18.1.2) icmp_seq={} Destination Host Unreachable\n"


def pings(answers: int, sent: int | None) -> str:
    """What ping writes, with its summary where it has come to an end."""
    lines = "".join(ANSWERED.format(n + 1) for n in range(answers))
    if sent is None:
        return f"PING bob (198.18.1.3) 56(84) bytes of data.\n{lines}"
    summary = f"{sent} packets transmitted, {answers} received, +3 errors, 9% packet loss\n"
    return f"{lines}{UNREACHABLE.format(sent)}\n--- bob ping statistics ---\n{summary}"


@pytest.mark.parametrize(
    ("answers", "sent", "cut"),
    [
        (4, 49, True),
        (4, None, True),
        (50, 50, False),
        (49, 50, False),
        (0, 10, False),
        (0, None, False),
    ],
)
def test_pings_that_were_cut_off(answers: int, sent: int | None, cut: bool) -> None:  # noqa: FBT001
    """Answers came and then no more; one that is late at the end was not cut off."""
    assert members.stopped_short(pings(answers, sent)) == cut
