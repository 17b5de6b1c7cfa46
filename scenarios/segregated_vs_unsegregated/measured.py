"""Steps 8 and 9: what the learner measured with iperf3, read and judged."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from labrunner import not_yet, passed

from .common import names, no_file, runs_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from labrunner import Lab, Verdict

RUNS = 3
# wide, because a busy machine may slow one side's three runs and not the other's
ALIKE = (0.33, 3.0)
NEAR = (0.8, 1.25)
SLOWED = 0.75
CAP = 0.5
NOISY = ("noisy-1", "noisy-2", "noisy-3", "noisy-4")


@dataclass(frozen=True)
class Run:
    """One run of iperf3: whom it measured, and bits a second that arrived.

    Attributes:
        source: address and port that it was sent from; no two runs have the same.
    """

    target: str
    rate: float
    source: str = ""


TARGET = re.compile(r"local (\S+) port (\d+) connected to (\S+) port")
RATE = re.compile(r"([\d.]+) ([KMGT]?)bits/sec.*receiver")
UNIT = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def runs_in(text: str) -> list[Run]:
    """Every finished run in what ``iperf3 --logfile`` wrote, as text or with ``-J``."""
    found = [Run(*pair) for pair in json_runs(text)]
    for part in text.split("Connecting to host")[1:]:
        target, rates = TARGET.search(part), RATE.findall(part)
        if target and rates:
            # with several streams the last line is their sum
            rate = float(rates[-1][0]) * UNIT[rates[-1][1]]
            found.append(Run(target[3], rate, f"{target[1]} port {target[2]}"))
    return list(dict.fromkeys(run for run in found if run.rate > 0))


def json_runs(text: str) -> Iterator[tuple[str, float, str]]:
    """Target, rate and source of each JSON document in a file that may hold several."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            document: dict[str, Any]
            document, end = decoder.raw_decode(text, at)
            ends = document["start"]["connected"][0]
            rate = float(document["end"]["sum_received"]["bits_per_second"])
            source = f"{ends['local_host']} port {ends['local_port']}"
            yield str(ends["remote_host"]), rate, source
        except (ValueError, KeyError, IndexError, TypeError):
            return
        at = text.find("{", end)


def best(lab: Lab, path: str, network: str, *others: str) -> float | Verdict:
    """The best of at least three runs over this network that dave has on record, in Gbit/s.

    Those that one of the other files has as well were not measured for this one.
    """
    text = lab.file("dave", path)
    if text is None:
        return no_file("dave", path, f"{RUNS} runs of iperf3 to alice")
    found = runs_in(text)
    if problem := copied(lab, path, found, others) or to_itself(path, found):
        return problem
    view = lab.network(network)
    subnet = view.subnet if view else ""
    strays = [run.target for run in found if not is_in(run.target, subnet)]
    if strays:
        here = subnet or "a subnet that is not there"
        return not_yet(
            f"{path} was not measured on {network}."
            if len(strays) == len(found)
            else f"{path} holds runs that were not measured on {network}. Remove the file and"
            " measure again.",
            expected=f"alice's address on {network}, in {here}, in every run",
            seen=f"connected to {strays[0]}",
            look=f"docker exec dave grep connected {path}",
        )
    if len(found) < RUNS:
        return not_yet(
            f"{path} holds too few runs: one alone proves nothing.",
            expected=f"{RUNS} finished runs or more, each another one",
            seen=f"{len(found)}",
            look=f"docker exec dave grep receiver {path}",
        )
    return max(r.rate for r in found) / 1e9


def copied(lab: Lab, path: str, found: list[Run], others: Sequence[str]) -> Verdict | None:
    """``None`` where no run of this file is in one of the others, too."""
    for other in others:
        same = set(found) & set(runs_in(lab.file("dave", other) or ""))
        if same:
            return not_yet(
                f"{path} holds runs that are in {other}: they were copied, not measured.",
                expected=f"{RUNS} runs of its own in each file",
                seen=f"in both: the run from {min(run.source for run in same)}",
                look=f"docker exec dave grep connected {other} {path}",
            )
    return None


def to_itself(path: str, found: list[Run]) -> Verdict | None:
    """``None`` where every run was sent to somebody else."""
    if all(run.source.split()[0] != run.target for run in found if run.source):
        return None
    return not_yet(
        f"{path} holds a run of dave to himself: that crossed no bridge.",
        expected="runs from dave to alice",
        seen="the same address at both ends",
        look=f"docker exec dave grep connected {path}",
    )


def is_in(text: str, subnet: str) -> bool:
    """Whether this is an address of that subnet."""
    try:
        return ip_address(text) in ip_network(subnet)
    except ValueError:
        return False


def speed(lab: Lab) -> Verdict:
    """The same pair, measured on a shared bridge and on one of its own: no difference."""
    pair = lab.network("pair")
    if pair is None or pair.members != {"alice", "dave"}:
        return not_yet(
            "There is no network pair yet."
            if pair is None
            else "pair is not a network of alice's and dave's alone.",
            expected="alice and dave on pair, and nobody else",
            seen="no such network" if pair is None else f"{names(pair.members)} on it",
            look="docker network inspect pair",
        )
    shared = best(lab, "/tmp/shared.txt", "north")  # noqa: S108
    if not isinstance(shared, float):
        return shared
    own = best(lab, "/tmp/own.txt", "pair", "/tmp/shared.txt")  # noqa: S108
    if not isinstance(own, float):
        return own
    if problem := one_core(lab):
        return problem
    seen = (
        f"best of each: {shared:.1f} Gbit/s shared, {own:.1f} Gbit/s own, ratio {own / shared:.2f}"
    )
    if not ALIKE[0] <= own / shared <= ALIKE[1]:
        return not_yet(
            "The two differ too much to be the bridge's doing; something else was busy.",
            expected=f"a ratio between {ALIKE[0]} and {ALIKE[1]}; measure both again",
            seen=seen,
        )
    doubt = (
        ""
        if NEAR[0] <= own / shared <= NEAR[1]
        else " The gap is other work or another core: measured again, it is another gap."
    )
    return passed(
        f"A bridge of one's own is no slower than a shared one: {seen}.{doubt}", seen=seen
    )


def one_core(lab: Lab) -> Verdict | None:
    """``None`` where both ends of the measurement are kept on the same one core."""
    views = [lab.container(name) for name in ("alice", "dave")]
    cores = [view.attrs["HostConfig"]["CpusetCpus"] or "any" for view in views if view]
    if len(set(cores)) == 1 and cores[0].isdigit():
        return None
    return not_yet(
        "alice and dave are not on one and the same core, so the two figures cannot be compared.",
        expected="both ends on the same core in every run; update both, then measure again",
        seen=" and ".join(f"core {core}" for core in cores),
        look="docker inspect -f '{{.Name}} {{.HostConfig.CpusetCpus}}' alice dave",
    )


def noisy(lab: Lab) -> Verdict:
    """Busy containers elsewhere slowed the pair, and a limit gave the speed back."""
    if problem := noisy_elsewhere(lab) or noisy_limited(lab):
        return problem
    rates: list[float] = []
    before = ["/tmp/own.txt"]  # noqa: S108
    for path in ("/tmp/quiet.txt", "/tmp/noisy.txt", "/tmp/capped.txt"):  # noqa: S108
        rate = best(lab, path, "pair", *before)
        before.append(path)
        if not isinstance(rate, float):
            return rate
        rates.append(rate)
    quiet, slowed, capped = rates
    seen = f"best of each: quiet {quiet:.1f}, noisy {slowed:.1f}, capped {capped:.1f} Gbit/s"
    if slowed > SLOWED * quiet:
        return not_yet(
            "noisy.txt is hardly slower than quiet.txt. Was all of it on one core, and the noise"
            " not limited yet? Remove both files and measure again.",
            expected=f"noisy below {SLOWED:.0%} of quiet",
            seen=seen,
            look="docker inspect -f '{{.Name}} {{.HostConfig.CpusetCpus}}' alice dave noisy-1",
        )
    if capped <= slowed:
        return not_yet(
            "capped.txt is no faster than noisy.txt. Was the noise limited when you measured"
            " it? Remove the file and measure again.",
            expected="capped above noisy",
            seen=seen,
            look="docker stats --no-stream",
        )
    return passed(f"Another network did not protect the pair, a limit did: {seen}.", seen=seen)


def noisy_elsewhere(lab: Lab) -> Verdict | None:
    """``None`` where every noisy container runs, and shares no network with the pair."""
    why = "The question is whether another network helps."
    for name in NOISY:
        if problem := runs_on(lab, name, {"south"}, why):
            return problem
    for name in ("alice", "dave"):
        if problem := runs_on(lab, name, {"pair"}, "The pair should be alone on its network."):
            return problem
    return None


def noisy_limited(lab: Lab) -> Verdict | None:
    """``None`` where the noise may use at most half a core in all, however that was said."""
    views = {name: lab.container(name) for name in NOISY}
    cores = {name: view.cpus if view else 0.0 for name, view in views.items()}
    if all(cores.values()) and sum(cores.values()) <= CAP:
        return None
    free = next((name for name, limit in cores.items() if not limit), None)
    return not_yet(
        f"{free} may use as much of the CPU as it can get."
        if free
        else "The limits leave too much to the noise.",
        expected=f"a CPU limit on each of {names(NOISY)}, at most {CAP} cores in all",
        seen=", ".join(f"{name}: {limit or 'no limit'}" for name, limit in cores.items()),
        look="docker inspect -f '{{.Name}} {{.HostConfig.NanoCpus}}' noisy-1",
    )
