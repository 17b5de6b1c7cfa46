"""Checks on backups: was the database still, does what comes back equal it, who can read it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed, ruined
from labrunner.checks import running

from . import facts, places

if TYPE_CHECKING:
    from labrunner import Lab

PATIENCE = 3.0
"""Seconds that a server gets to answer after it was started."""
SHUT_DOWN = ("1", "2")
"""How PostgreSQL numbers the states of a data folder in which everything was put away."""
RUNNING = "6"

CONTROL = "tar -xOf \"$1\" --wildcards '*global/pg_control' | od -An -tu4 -j16 -N4"
"""The state that a data folder in a tar says it was in."""
INSIDE = 'tar -xOf "$1" | grep -aqF "$2"'
ROWS = (
    "SELECT 'c', id::text, name, '', '' FROM customers UNION ALL"
    " SELECT 'l', id::text, customer::text, bike, code FROM locks ORDER BY 1, 2"
)
KEYS = "SELECT count(*) FROM pg_constraint WHERE contype IN ('p', 'u', 'f')"


# --- databases --------------------------------------------------------------------------------


def rows(lab: Lab, name: str) -> list[str]:
    """The rows of both tables in a container's database; none where there are no tables."""
    deadline = time.monotonic() + PATIENCE
    while lab.exec(name, ["pg_isready", "-q"]).code and time.monotonic() < deadline:
        pass
    return lab.exec(name, ["psql", "-At", "-c", ROWS]).out.splitlines()


def keys(lab: Lab, name: str) -> str:
    """How many keys of all kinds the tables in a container's database have."""
    return lab.exec(name, ["psql", "-At", "-c", KEYS]).out.strip()


def whole(lab: Lab) -> Verdict | None:
    """``None`` where the workshop's own database runs and has lost nothing."""
    if problem := running(lab, "db") or places.on_volume(lab, "db", facts.PGDATA, "bikes"):
        return problem
    found = "\n".join(rows(lab, "db"))
    missing = [code for code in facts.codes(lab) if code not in found]
    if not missing:
        return None
    return ruined(
        f"db itself has lost {len(missing)} of its {facts.LOCKS} locks.",
        expected="the workshop's database, untouched by the backup",
        seen=f"{len(found.splitlines())} rows in all",
    )


def same(lab: Lab, name: str, volume: str) -> Verdict | None:
    """``None`` where another server, on a volume of its own, has all that db has."""
    if problem := running(lab, name) or places.on_volume(lab, name, facts.PGDATA, volume):
        return problem
    there, here = rows(lab, "db"), rows(lab, name)
    lost = [row for row in there if row not in set(here)]
    if lost or len(there) != len(here):
        return not_yet(
            f"{name} does not have what db has.",
            expected="the same rows in both tables",
            seen=f"{len(lost)} of {len(there)} rows are missing or differ; {len(here)} rows in all",
            look=f"docker exec {name} psql -c 'TABLE locks'",
        )
    if keys(lab, name) != keys(lab, "db"):
        return not_yet(
            f"{name} has the rows, but not the keys of the tables.",
            expected=f"{keys(lab, 'db')} keys",
            seen=keys(lab, name),
            look=f"docker exec {name} psql -c '\\d locks'",
        )
    return None


# --- a copy of the files ----------------------------------------------------------------------


def stopped(lab: Lab) -> Verdict:
    """There is a copy of the files of a stopped database, and a server runs on it."""
    return (
        whole(lab)
        or cold(lab)
        or same(lab, "copy", "bikes-copy")
        or passed(
            "cold.tar was made of a database at rest, and copy serves what db serves.",
            seen=f"{len(rows(lab, 'copy'))} rows in both",
        )
    )


def cold(lab: Lab) -> Verdict | None:
    """``None`` where the tar holds the data folder of a database that was shut down."""
    folder = places.folder_of(lab, "backups") or "/nowhere"
    path = f"{folder}/cold.tar"
    look = "docker exec desk ls -l /backups"
    if lab.run_on_host(["test", "-s", path]).code:
        return not_yet(
            "There is no /backups/cold.tar yet.",
            expected="a tar of db's data folder in the volume backups",
            seen="no such file, or an empty one",
            look=look,
        )
    state = lab.run_on_host(["sh", "-c", CONTROL, "sh", path]).out.strip()
    has_row = lab.run_on_host(["sh", "-c", INSIDE, "sh", path, facts.codes(lab)[-1]]).code == 0
    if state in SHUT_DOWN and has_row:
        return None
    if state == RUNNING:
        return not_yet(
            "cold.tar is no copy of a database at rest: db was not shut down properly before.",
            expected="files whose state is: shut down",
            seen="files whose state is: in production",
            look="docker exec db pg_controldata",
        )
    return not_yet(
        "cold.tar does not hold the workshop's database.",
        expected="all of db's data folder, with the customers' locks in it",
        seen="a data folder without the locks" if state else "no global/pg_control in it",
        look="docker exec desk tar -tf /backups/cold.tar",
    )


# --- a dump -----------------------------------------------------------------------------------


def restored(lab: Lab) -> Verdict:
    """There is a whole dump, and it was brought back and equals the database."""
    return (
        whole(lab)
        or running(lab, "desk")
        or dump(lab)
        or same(lab, "spare", "spare")
        or passed(
            "bikes.dump was restored into spare, and spare has all that db has.",
            seen=f"{len(rows(lab, 'spare'))} rows and {keys(lab, 'spare')} keys in both",
        )
    )


def dump(lab: Lab) -> Verdict | None:
    """``None`` where the dump has every lock in it."""
    path = "/backups/bikes.dump"
    look = "docker exec desk ls -l /backups"
    if lab.exec("desk", ["test", "-s", path]).code:
        return not_yet(
            f"There is no {path} yet.",
            expected="a dump of db in the volume backups",
            seen="no such file, or an empty one",
            look=look,
        )
    return complete(lab, path, read(lab, ["cat", path]), look)


def read(lab: Lab, command: list[str]) -> str:
    """The statements in a dump that a command on the desk prints, of whichever kind it is."""
    unpack = lab.exec("desk", ["sh", "-c", '"$@" | pg_restore -f -', "sh", *command])
    return unpack.out if unpack.code == 0 else lab.exec("desk", command).out


def complete(lab: Lab, path: str, text: str, look: str) -> Verdict | None:
    """``None`` where a dump's text has the code of each lock in it."""
    missing = [code for code in facts.codes(lab) if code not in text]
    if not missing:
        return None
    return not_yet(
        f"{path} lacks {len(missing)} of {facts.LOCKS} locks.",
        expected="a dump with every lock in it",
        seen=f"{facts.LOCKS - len(missing)} locks",
        look=look,
    )


# --- encryption -------------------------------------------------------------------------------

HEADERS = {
    "age-encryption.org/": "",
    "-----BEGIN AGE ENCRYPTED": "",
    "# created:": "the secret key itself",
    "AGE-SECRET-KEY": "the secret key itself",
    "PGDMP": "a dump that pg_restore reads without any key: compressed is not encrypted",
}
"""How files begin, and what is wrong with such a file outside of the house."""
OTHER = "a file that is not encrypted with age"


def fault_of(beginning: str) -> str:
    """What is wrong with a file that begins so; "" where it is encrypted."""
    return next((fault for head, fault in HEADERS.items() if beginning.startswith(head)), OTHER)


def encrypted(lab: Lab) -> Verdict:
    """Only what is encrypted leaves the house, and it can be brought back with the key."""
    return (
        whole(lab)
        or running(lab, "desk")
        or leaves(lab)
        or opened(lab)
        or passed(
            "Nothing readable leaves the house, and with the key every lock comes back.",
            seen=f"bikes.age: {facts.LOCKS} of {facts.LOCKS} locks",
        )
    )


def leaves(lab: Lab) -> Verdict | None:
    """``None`` where nothing in the volume offsite can be read without the key."""
    files = lab.exec("desk", ["find", "/offsite", "-type", "f"]).out.splitlines()
    for path in files:
        fault = fault_of(lab.exec("desk", ["head", "-c", "64", path]).out)
        if fault:
            return not_yet(
                f"{path} would leave the house readable.",
                expected="only files that are encrypted with age in /offsite",
                seen=fault,
                look=f"docker exec desk head -c 64 {path}",
            )
    if "/offsite/bikes.age" in files:
        return None
    return not_yet(
        "There is no /offsite/bikes.age yet.",
        expected="an encrypted dump of db in the volume offsite",
        seen=", ".join(files) or "an empty folder",
        look="docker exec desk ls -l /offsite",
    )


def opened(lab: Lab) -> Verdict | None:
    """``None`` where the key on the desk opens the backup, and all is in it."""
    open_it = ["age", "-d", "-i", "/keys/key.txt"]
    command = [*open_it, "/offsite/bikes.age"]
    look = f"docker exec desk {' '.join(command)}"
    tried = lab.exec("desk", [*open_it, "-o", "/dev/null", "/offsite/bikes.age"])
    if tried.code:
        return not_yet(
            "The key on the desk does not open the backup.",
            expected="/keys/key.txt opens /offsite/bikes.age",
            seen=(tried.err.splitlines() or ["age failed"])[0].removeprefix("age: error: "),
            look=look,
        )
    return complete(lab, "bikes.age", read(lab, command), f"{look} | head")
