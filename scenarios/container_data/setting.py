"""What happened in the workshop before the learner came."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from . import facts

if TYPE_CHECKING:
    from labrunner import Lab

PLANT = r"""
set -e
shop=$1; shift
mkdir -p "$shop/prices"
printf '%s\n' "$1" > "$shop/prices/prices.txt"; shift
chown -R "$1" "$shop/prices"; shift
while [ $# -gt 0 ]; do printf '%s\n' "$2" > "$1"; shift 2; done
"""
"""Makes the folder of the prices, then one file after the other, each with a line of text."""

NIGHTLY = r"""
pg_dump | sed '/^COPY public.locks/,$ { /^20\t/q }' | head -c -9
"""
"""A backup that ends in the middle of a table, as when a disk is full."""


def prepare(lab: Lab) -> None:
    """All of it, at once."""
    tasks = (write_diary, fill_database, leave_things, make_archive, start_till)
    with ThreadPoolExecutor(len(tasks)) as pool:
        for done in [pool.submit(task, lab) for task in tasks]:
            done.result()


def write_diary(lab: Lab) -> None:
    """The mechanic wrote into the container's own file system."""
    script = 'mkdir /diary && printf "%s\\n" "$1" > "$2"'
    lab.exec("diary", ["sh", "-c", script, "sh", facts.diary(lab), facts.DIARY])


def fill_database(lab: Lab) -> None:
    """Customers and their locks, and last night's backup, which nobody has looked at."""
    filled = lab.exec("db", ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-c", facts.tables(lab)])
    dumped = lab.exec("db", ["sh", "-c", NIGHTLY])
    if filled.code or dumped.code:
        raise RuntimeError(f"db took no rows: {filled.err}{dumped.err}")
    script = 'printf "%s" "$1" > /backups/nightly.sql'
    lab.exec("desk", ["sh", "-c", script, "sh", dumped.out])


def leave_things(lab: Lab) -> None:
    """Volumes that nobody uses, and the prices on the host."""
    api = lab.client.api
    texts = {
        "letters": ("letter.txt", facts.letter(lab)),
        "season": ("tyres.txt", facts.season(lab)),
        "": ("receipts.txt", facts.receipts(lab)),
    }
    words = []
    for name, (file, text) in texts.items():
        words += [f"{api.create_volume(name or None)['Mountpoint']}/{file}", text]
    # two more that nobody uses; nothing in them was ever worth a name
    for _ in range(2):
        words += [f"{api.create_volume()['Mountpoint']}/cache", "nothing of interest"]
    planted = lab.run_on_host(
        ["sh", "-c", PLANT, "sh", facts.SHOP, facts.price_list(lab), facts.OWNER, *words]
    )
    if planted.code:
        raise RuntimeError(f"the host took no files: {planted.err}")


def make_archive(lab: Lab) -> None:
    """A container that was never started, with a volume of each kind."""
    lab.client.containers.create(
        facts.TOOLS, name="archive", volumes=["letters:/letters", "/scratch"]
    )


def start_till(lab: Lab) -> None:
    """Somebody started the till with a slip in the path, and the engine made the folder."""
    lab.client.containers.run(
        facts.TOOLS,
        ["sleep", "infinity"],
        name="till",
        detach=True,
        volumes=[f"{facts.SLIP}:/data"],
        network="shop",
        stop_signal="SIGKILL",
    )
