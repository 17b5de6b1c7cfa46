"""Forty containers at once; and how a measurement compares with asking one by one."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from labrunner.engine import reach

if TYPE_CHECKING:
    import docker

    from labrunner.model.reach import Reach

from tests.reach.suburb import crowd


def check_all(measured: Reach, networks: int) -> None:
    """Every way between neighbours is open, and no other."""
    names = sorted(measured.containers)
    for protocol, port in (("tcp", 80), ("udp", 53), ("icmp", 0)):
        found = {
            (p.source, p.target): p.state
            for p in measured.probes
            if p.by == "address" and (p.protocol, p.port) == (protocol, port)
        }
        wanted = {
            (a, b): "open" if int(a[1:]) % networks == int(b[1:]) % networks else "filtered"
            for a in names
            for b in names
            if a != b
        }
        assert found == wanted, protocol


@pytest.mark.engine
def test_forty(engine: docker.DockerClient, image: str) -> None:
    """Forty containers are measured as rightly as two, over every protocol."""
    with crowd(engine, image, 40, 4) as host:
        measured = reach.measure(host)
        assert len(measured.containers) == 40
        check_all(measured, 4)


@pytest.mark.engine
@pytest.mark.alone
def test_six_on_three(engine: docker.DockerClient, image: str) -> None:
    """Six containers on three networks take a tenth of asking pair by pair with docker exec."""
    with crowd(engine, image, 6, 3) as host:
        reach.measure(host)
        ours = [reach.measure(host) for _ in range(3)]
        check_all(ours[0], 3)
        tries = [p for p in ours[0].probes if p.protocol == "tcp" and p.source != "host"]
        begun = time.monotonic()
        for probe in tries:
            dial = ["nc", "-z", "-w", "1", probe.via, str(probe.port)]
            argv = ["docker", "-H", host.docker_host, "exec", probe.source, *dial]
            subprocess.run(argv, capture_output=True, check=False)
        theirs = time.monotonic() - begun
        assert sorted(m.seconds for m in ours)[1] <= 0.1 * theirs
