"""Every speed that the project promises, measured as ratios within one run.

    python -m bench.run [--rounds N] [--json FILE]

Absolute times say more about the machine than about the code, so each row times two
commands in turn, A B A B ..., and compares their medians. Exit code 1 where a ratio is over.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench import compose
from labrunner import plugins

SHOP = "unsegregated-shop"
CACHE = Path(__file__).parent.parent / ".cache"
Job = Callable[[], float]


@dataclass(frozen=True)
class Row:
    """One promise: its ratio, its bound, and the medians in seconds that it comes from."""

    name: str
    ratio: float
    bound: float
    ours: float
    theirs: float

    @property
    def held(self) -> bool:
        """Whether the ratio is within its bound."""
        return self.ratio <= self.bound


def timed(argv: Sequence[str], env: dict[str, str] | None = None) -> float:
    """Seconds that a whole process takes; its failure ends the benchmark."""
    begun = time.perf_counter()
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return seconds


def pair(name: str, bound: float, ours: Job, theirs: Job, rounds: int) -> Row:
    """Two jobs in turn, after one uncounted round; the ratio of their medians."""
    ours(), theirs()
    figures = [(ours(), theirs()) for _ in range(rounds)]
    a, b = median(f[0] for f in figures), median(f[1] for f in figures)
    return Row(name, a / b, bound, a, b)


class Bench:
    """The commands under test, in a state of their own."""

    def __init__(self, folder: Path, rounds: int) -> None:
        self.rounds = rounds
        self.folder = folder
        self.lab = [sys.executable, "-m", "labrunner"]
        self.env = {
            **os.environ,
            "LABRUNNER_STATE": str(folder / "state"),
            "LABRUNNER_RUNTIME": str(folder / "run"),
        }

    def run(self, *arguments: str) -> float:
        """Time one ``lab`` command."""
        return timed([*self.lab, *arguments], self.env)

    def rows(self) -> Iterator[Row]:
        """Every row, as it is measured."""
        yield from self.start_up()
        yield from self.lifecycle()
        yield from self.looking()
        yield from self.measuring()

    def start_up(self) -> Iterator[Row]:
        """What one command costs before it does anything."""
        bare = lambda: timed([sys.executable, "-c", "pass"])  # noqa: E731
        for command in ("list", "--help"):
            yield pair(f"lab {command}", 10, lambda c=command: self.run(c), bare, 9)  # type: ignore[misc]

    def lifecycle(self) -> Iterator[Row]:
        """Start and stop on both hosts, against docker compose with the same topology."""
        program = compose.program(CACHE)
        file = self.folder / "compose.yaml"
        compose.topology(plugins.find(SHOP), file)
        up = [*program, "-f", str(file), "up", "-d", "--wait"]
        down = [*program, "-f", str(file), "down", "-t", "0"]
        figures: dict[str, list[float]] = {}
        for number in range(self.rounds + 1):
            taken = {
                "compose up": timed(up),
                "compose down": timed(down),
                "local start": self.run("start", SHOP, "--host", "local"),
                "local stop": self.run("stop"),
                "sandbox start": self.run("start", SHOP, "--host", "sandbox"),
                "sandbox stop": self.run("stop"),
            }
            if number:
                for name, seconds in taken.items():
                    figures.setdefault(name, []).append(seconds)
        middle = {name: median(values) for name, values in figures.items()}
        for host, start, stop in (("local", 0.8, 0.8), ("sandbox", 1.2, 0.5)):
            a, b = middle[f"{host} start"], middle["compose up"]
            yield Row(f"lab start, {host}", a / b, start, a, b)
            a, b = middle[f"{host} stop"], middle["compose down"]
            yield Row(f"lab stop, {host}", a / b, stop, a, b)

    def looking(self) -> Iterator[Row]:
        """One check against one docker exec, one map against probing pair by pair."""
        self.run("start", SHOP)
        try:
            # solved, so that its check goes all the way and tries the connection
            self.run("solve", "look-around")
            shown = subprocess.run(
                [*self.lab, "env", "--json"], env=self.env, capture_output=True, check=True
            ).stdout
            env = {**os.environ, **json.loads(shown)}
            probe = ["docker", "exec", "gateway", *_dial("payment-db", 5432)]
            yield pair(
                "lab check with one probe",
                4,
                lambda: self.run("check", "look-around"),
                lambda: timed(probe, env),
                self.rounds,
            )
            pairs = list(self._pairs())
            yield pair(
                "lab map",
                0.3,
                lambda: self.run("map", "--json"),
                lambda: sum(_try(argv, env) for argv in pairs),
                self.rounds,
            )
        finally:
            self.run("stop")

    def measuring(self) -> Iterator[Row]:
        """The reach of a few containers and of many, in seconds against seconds promised."""
        from labrunner.engine import images, reach
        from labrunner.engine.client import connect
        from tests.reach.suburb import crowd

        engine = connect()
        image = images.host_image(engine)
        for containers, networks, promised in ((6, 3, 0.5), (40, 4, 5.0)):
            with crowd(engine, image, containers, networks) as host:
                reach.measure(host)
                taken = median(reach.measure(host).seconds for _ in range(self.rounds))
            name = f"reach of {containers} on {networks}"
            yield Row(name, taken / promised, 1, taken, promised)

    def _pairs(self) -> Iterator[list[str]]:
        """What a map finds out, one docker exec for each try."""
        shown = subprocess.run(
            [*self.lab, "map", "--json"], env=self.env, capture_output=True, check=True
        ).stdout
        for found in json.loads(shown)["probes"]:
            if found["protocol"] != "tcp" or found["source"] == "host":
                continue
            yield ["docker", "exec", found["source"], *_dial(found["via"], found["port"])]


def _dial(target: str, port: int) -> list[str]:
    return ["timeout", "1", "bash", "-c", f"exec 3<>/dev/tcp/{target}/{port}"]


def _try(argv: Sequence[str], env: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(argv, env=env, capture_output=True, check=False)
    return time.perf_counter() - begun


def main() -> int:
    """Measure, print a table, and say whether every promise held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    # who ends it must not leave a lab behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="labbench-") as folder:
        print(f"{'what':<28} {'ratio':>6} {'bound':>6}  {'ours':>7} {'theirs':>7}")
        for row in Bench(Path(folder), options.rounds).rows():
            word = "holds" if row.held else "OVER"
            print(
                f"{row.name:<28} {row.ratio:6.2f} {row.bound:6.2f}  "
                f"{row.ours * 1000:5.0f}ms {row.theirs * 1000:5.0f}ms  {word}",
                flush=True,
            )
            rows.append(row)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    return 0 if all(row.held for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
