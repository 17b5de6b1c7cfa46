"""How each fault is planted in a healthy library."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from .facts import (
    COPIES,
    DEFAULT,
    ELSEWHERE,
    GROUPS,
    HOME,
    IMAGE,
    JOB,
    NARROW,
    PORT,
    cause_of,
    chosen_copy,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labrunner import Lab

APART = ("catalogue", "copies")
"""Patients with whom it is done in another way: one was made where it is, one comes in threes."""
SPIN = ("sh", "-c", "while :; do :; done")

LISTEN = """
kill $(pidof httpd)
echo "$1" > /etc/listen
until httpd -h /srv -p "$1:$2" 2>/dev/null; do :; done
"""
"""The port is free a moment after the kill."""
ANNOUNCE = """
ip -o address show to "$1" | grep -q . || exit 1
announce "$1" "$2" > /dev/null 2>&1 &
"""
"""Says an address that is there to everybody, and goes on with that in the background."""
FIND_CABLE = 'ip -o link | sed -n "s/^$1: \\([^@:]*\\).*/\\1/p"'
"""The host's end of a cable, by the number that the container's end knows of it."""


def plant_all(lab: Lab) -> None:
    """Give each patient its fault, all at once."""
    jobs = [partial(plant, lab, patient) for patient in GROUPS if patient not in APART]
    jobs += [partial(night_job, lab), partial(join, lab, "desk", DEFAULT), partial(copies, lab)]
    with ThreadPoolExecutor(len(jobs)) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()


def copies(lab: Lab) -> None:
    """One name for all copies, and then the fault of one."""
    with ThreadPoolExecutor(len(COPIES)) as pool:
        for done in [pool.submit(share_name, lab, name) for name in COPIES]:
            done.result()
    plant(lab, "copies")


def share_name(lab: Lab, name: str) -> None:
    """A copy can be called by the name of all copies, too."""
    api = lab.client.api
    api.disconnect_container_from_network(name, HOME)
    api.connect_container_to_network(name, HOME, aliases=["copies"])


def plant(lab: Lab, patient: str) -> None:
    """Give a patient the fault that chance has chosen for this lab."""
    PLANTED[cause_of(lab, patient)](lab, patient)


def stop(lab: Lab, patient: str) -> None:
    """It has ended."""
    lab.client.api.kill(patient)


def pause(lab: Lab, patient: str) -> None:
    """It is held where it is."""
    lab.client.api.pause(patient)


def move(lab: Lab, patient: str, network: str) -> None:
    """It is on another network than its callers."""
    lab.client.api.disconnect_container_from_network(patient, HOME)
    join(lab, patient, network)


def join(lab: Lab, name: str, network: str) -> None:
    """Put a container on one more network."""
    lab.client.api.connect_container_to_network(name, network)


def loopback(lab: Lab, patient: str) -> None:
    """Its program listens where only it can call itself."""
    must(lab, patient, ["sh", "-c", LISTEN, "sh", "127.0.0.1", str(PORT)])


def rule(lab: Lab, patient: str, verdict: str) -> None:
    """A rule of the host's firewall stands before its port."""
    chosen = ["-d", address(lab, patient), "-p", "tcp", "--dport", str(PORT), "-j", verdict]
    must(lab, None, ["iptables", "-w", "-I", "DOCKER-USER", *chosen])


def dead(lab: Lab, _: str) -> None:
    """The program of one copy is gone, its container runs on."""
    must(lab, chosen_copy(lab), ["sh", "-c", "kill $(pidof httpd)"])


def two_owners(lab: Lab, _: str) -> None:
    """The scanner has taken the address of a copy, and both say so every few seconds.

    In different steps, so that they take turns however busy the machine is.
    """
    copy = chosen_copy(lab)
    own = address(lab, copy)
    must(lab, "scanner", ["ip", "address", "add", f"{own}/24", "dev", "eth0"])
    for who, seconds in ((copy, "2"), ("scanner", "3")):
        must(lab, who, ["sh", "-c", ANNOUNCE, "sh", own, seconds])


def narrow(lab: Lab, patient: str) -> None:
    """The host's end of its cable takes small frames only, and tells nobody."""
    number = must(lab, patient, ["cat", "/sys/class/net/eth0/iflink"]).strip()
    cable = must(lab, None, ["sh", "-c", FIND_CABLE, "sh", number]).strip()
    must(lab, None, ["ip", "link", "set", cable, "mtu", str(NARROW)])
    # by itself the kernel hands whole bundles of packets along, which no real cable carries
    view = lab.container(patient)
    inside = ["nsenter", "-t", str(view.pid if view else 0), "-n"]
    must(lab, None, [*inside, "ip", "link", "set", "eth0", "gso_max_segs", "1"])


def nothing(_: Lab, __: str) -> None:
    """What the night job does comes by night."""


def night_job(lab: Lab) -> None:
    """Make the job that is started by night: greedy in one case, modest in the other."""
    greedy = cause_of(lab, "prints") == "cpu-hog"
    api = lab.client.api
    settings = api.create_host_config(
        network_mode=HOME,
        cpuset_cpus="0",
        cpu_shares=65536 if greedy else None,
        cpu_period=None if greedy else 100_000,
        cpu_quota=None if greedy else 2_000,
    )
    # both on one core, so that it is the same on a machine with two and with twenty
    api.update_container("prints", cpuset_cpus="0")
    api.create_container(IMAGE, name=JOB, command=list(SPIN), host_config=settings)


def address(lab: Lab, name: str) -> str:
    """A container's address on the library's network."""
    view = lab.container(name)
    return view.networks[HOME] if view else ""


def must(lab: Lab, where: str | None, argv: Sequence[str]) -> str:
    """What a command prints that has to work, in a container or on the host."""
    done = lab.exec(where, argv) if where else lab.run_on_host(argv)
    if done.code:
        raise RuntimeError(f"a fault could not be planted: {done.err.strip()}")
    return done.out


PLANTED: dict[str, Callable[[Lab, str], None]] = {
    "stopped": stop,
    "paused": pause,
    "wrong-network": partial(move, network=ELSEWHERE),
    "default-bridge": partial(move, network=DEFAULT),
    "loopback": loopback,
    "reject": partial(rule, verdict="REJECT"),
    "drop": partial(rule, verdict="DROP"),
    "dead-backend": dead,
    "two-owners": two_owners,
    "mtu": narrow,
    "cpu-hog": nothing,
}
