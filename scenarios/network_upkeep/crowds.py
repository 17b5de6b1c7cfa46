"""Steps 6 and 7: what slows a network down, the number of its members or their load."""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import no_file, runs_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labrunner import Lab
    from labrunner.view import ContainerView

RUNS = 3
MANY = 20
BUSY = tuple(f"guest-{n}" for n in range(1, 5))
IDLE = tuple(f"guest-{n}" for n in range(5, MANY + 1))
# wide, because a busy machine may slow one side's three runs and not the other's
ALIKE = (0.4, 2.5)
SLOWED = 0.6
CAP = 0.5

_RATE = re.compile(r"([\d.]+) ([KMGT]?)bits/sec.*receiver")
_SOURCE = re.compile(r"local \S+ port (\d+) connected")
_JSON_SOURCE = re.compile(r'"local_port":\s*(\d+)')
_UNIT = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def rates_in(text: str) -> list[float]:
    """Bits a second that arrived in each finished run, as iperf3 writes it or with ``-J``."""
    runs = [_RATE.findall(part) for part in text.split("Connecting to host")[1:]]
    # with several streams the last line is their sum
    found = [float(lines[-1][0]) * _UNIT[lines[-1][1]] for lines in runs if lines]
    return [rate for rate in (*found, *json_rates(text)) if rate > 0]


def json_rates(text: str) -> Iterator[float]:
    """The rate of each JSON document in a file that may hold several."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            document, at = decoder.raw_decode(text, at)
            yield float(document["end"]["sum_received"]["bits_per_second"])
        except (ValueError, KeyError, TypeError):
            return
        at = text.find("{", at)


def best(lab: Lab, name: str) -> float | Verdict:
    """The best of at least three runs in one of desk's files, in Gbit/s."""
    path = f"/tmp/{name}.txt"  # noqa: S108  a path in the learner's container
    text = lab.file("desk", path)
    if text is None:
        return no_file(path, f"{RUNS} runs of iperf3 to store")
    found = rates_in(text)
    runs = min(len(found), len(sources_in(text)))
    if runs >= RUNS:
        return max(found) / 1e9
    return not_yet(
        f"{path} holds too few runs: one alone proves nothing.",
        expected=f"{RUNS} finished runs or more, each another one",
        seen=f"{runs}",
        look=f"docker exec desk grep receiver {path}",
    )


def bests(lab: Lab, *names: str) -> list[float] | Verdict:
    """The best of each, or the first problem."""
    found = []
    for name in names:
        rate = best(lab, name)
        if isinstance(rate, Verdict):
            return rate
        found.append(rate)
    return copied(lab, names) or found


def copied(lab: Lab, names: Sequence[str]) -> Verdict | None:
    """``None`` where no two of desk's files have a run in common."""
    paths = [f"/tmp/{name}.txt" for name in names]  # noqa: S108
    sources = {path: sources_in(lab.file("desk", path) or "") for path in paths}
    for one, two in combinations(paths, 2):
        if same := sources[one] & sources[two]:
            return not_yet(
                f"{two} holds runs that are in {one}: they were copied, not measured.",
                expected=f"{RUNS} runs of its own in each file",
                seen=f"in both: the run from port {min(same)}",
                look=f"docker exec desk grep connected {one} {two}",
            )
    return None


def sources_in(text: str) -> set[str]:
    """The ports from which runs were sent, as iperf3 writes them or with ``-J``.

    The kernel gives each run another one.
    """
    return set(_SOURCE.findall(text)) | set(_JSON_SOURCE.findall(text))


def crowd(lab: Lab) -> Verdict:
    """The same pair, measured before twenty idle neighbours came and after."""
    if problem := one_core(lab):
        return problem
    guests = [view for name in (*BUSY, *IDLE) if (view := lab.container(name)) and view.running]
    here = [view for view in guests if "yard" in view.networks]
    if len(here) < MANY:
        return not_yet(
            f"{len(here)} of {MANY} guests are on yard.",
            expected=f"guest-1 to guest-{MANY} running on yard",
            seen=elsewhere(guests),
            look="docker ps --format '{{.Names}}: {{.Networks}}'",
        )
    rates = bests(lab, "few", "crowd")
    if isinstance(rates, Verdict):
        return rates
    if problem := measured_around(lab, here):
        return problem
    few, many = rates
    seen = f"best of each: {few:.1f} Gbit/s with few, {many:.1f} with {MANY} more"
    if not ALIKE[0] <= many / few <= ALIKE[1]:
        return not_yet(
            "The two differ too much to be the work of idle containers; something was busy.",
            expected=f"a ratio between {ALIKE[0]} and {ALIKE[1]}; remove both files, measure again",
            seen=seen,
            look="docker stats --no-stream",
        )
    return passed(f"Idle neighbours cost nothing that could be measured: {seen}.", seen=seen)


def elsewhere(guests: list[ContainerView]) -> str:
    """Where the guests are that are not where they should be."""
    others = sorted({network for view in guests for network in view.networks} - {"yard"})
    return f"{len(guests)} run" + (f", some on {' and '.join(others)}" if others else "")


def one_core(lab: Lab) -> Verdict | None:
    """``None`` where both ends of the measurement are kept on the same one core."""
    for name in ("desk", "store"):
        if problem := runs_on(lab, name, "yard"):
            return problem
    views = [lab.container(name) for name in ("desk", "store")]
    cores = [view.attrs["HostConfig"]["CpusetCpus"] or "any" for view in views if view]
    if len(set(cores)) == 1 and cores[0].isdigit():
        return None
    return not_yet(
        "desk and store are not on one and the same core, so figures cannot be compared.",
        expected="both ends on the same core in every run; update both, then measure again",
        seen=" and ".join(f"core {core}" for core in cores),
        look="docker inspect -f '{{.Name}} {{.HostConfig.CpusetCpus}}' desk store",
    )


def measured_around(lab: Lab, guests: list[ContainerView]) -> Verdict | None:
    """``None`` where one file was written before the guests came, the other one after."""
    first = min(began(view) for view in guests)
    last = max(began(view) for view in guests)
    for name, right, when in (
        ("few", written(lab, "few") <= first, "before the first guest came"),
        ("crowd", written(lab, "crowd") >= last, "with all guests there"),
    ):
        if not right:
            return not_yet(
                f"{name}.txt was not measured {when}.",
                expected=f"the last run in {name}.txt {when}",
                seen="the other way round",
                look="docker exec desk ls -lt --full-time /tmp",
            )
    return None


def began(view: ContainerView) -> float:
    """When a container was started, in seconds since the epoch."""
    return datetime.fromisoformat(view.attrs["State"]["StartedAt"]).timestamp()


def written(lab: Lab, name: str) -> float:
    """When one of desk's files was last written, in seconds since the epoch."""
    return float(lab.exec("desk", ["stat", "-c", "%.9Y", f"/tmp/{name}.txt"]).out)  # noqa: S108


def load(lab: Lab) -> Verdict:
    """Four busy ones slowed it; taking away idle ones was no help, a limit was."""
    if problem := one_core(lab):
        return problem
    for name in BUSY:
        if problem := runs_on(lab, name, "yard"):
            return problem
    busy = best(lab, "busy")
    if isinstance(busy, Verdict):
        return busy
    if left := [name for name in IDLE if lab.container(name)]:
        return not_yet(
            f"{len(left)} of the idle guests {'are' if len(left) > 1 else 'is'} there still.",
            expected="guest-5 to guest-20 gone",
            seen=f"{left[0]} is there",
            look="docker ps -a",
        )
    if problem := limited(lab):
        return problem
    rates = bests(lab, "crowd", "busy", "fewer", "limited")
    return rates if isinstance(rates, Verdict) else compared(*rates)


def limited(lab: Lab) -> Verdict | None:
    """``None`` where the four may use at most half a core in all, however that was said."""
    views = {name: lab.container(name) for name in BUSY}
    cores = {name: view.cpus if view else 0.0 for name, view in views.items()}
    if all(cores.values()) and sum(cores.values()) <= CAP:
        return None
    free = next((name for name, limit in cores.items() if not limit), None)
    return not_yet(
        f"{free} may use as much of the CPU as it can get."
        if free
        else "The limits leave too much to the four.",
        expected=f"a CPU limit on each of {', '.join(BUSY)}, at most {CAP} cores in all",
        seen=", ".join(f"{name}: {limit or 'no limit'}" for name, limit in cores.items()),
        look="docker inspect -f '{{.Name}} {{.HostConfig.NanoCpus}}' guest-1",
    )


def compared(quiet: float, busy: float, fewer: float, freed: float) -> Verdict:
    """What four measurements say about the two remedies."""
    seen = (
        f"best of each: crowd {quiet:.1f}, busy {busy:.1f}, fewer {fewer:.1f}, "
        f"limited {freed:.1f} Gbit/s"
    )
    for name, rate in (("busy", busy), ("fewer", fewer)):
        if rate > SLOWED * quiet:
            return not_yet(
                f"{name}.txt is hardly slower than crowd.txt. Were all four busy on core 0, and"
                " not limited yet? Remove the file and measure again.",
                expected=f"{name} below {SLOWED:.0%} of crowd",
                seen=seen,
                look="docker stats --no-stream guest-1 guest-2 guest-3 guest-4",
            )
    if freed <= max(busy, fewer):
        return not_yet(
            "limited.txt is no faster. Were the four limited when you measured it? Remove the"
            " file and measure again.",
            expected="limited above busy and fewer",
            seen=seen,
            look="docker stats --no-stream",
        )
    return passed(
        f"Fewer neighbours did not help, a limit for the busy ones did: {seen}. So do not count"
        " heads: look for the busy ones, in the column CPU % of docker stats."
    )
