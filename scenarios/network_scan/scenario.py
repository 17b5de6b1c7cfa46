"""A network scan, from each network and from the host: what nmap sees depends on where it stands.

``office`` holds a web server, a database and a printer; ``guests`` holds a kiosk. The web
server has a page that only it itself can read, and a door on a port that differs in every lab.
Reports go into a folder of the lab's host, so this scenario needs a host of its own: a sandbox.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Container, Image, Network, Port, Ready, Scenario

from .facts import DOOR_FILE, FOLDER, USER, door
from .places import from_host, next_door, sweep
from .rights import rights
from .single import all_ports, report, scanner, states
from .split import split

if TYPE_CHECKING:
    from labrunner import Lab


def set_out(lab: Lab) -> None:
    """The folder for reports, and the door that somebody forgot."""
    lab.run_on_host(["install", "-d", "-o", USER, "-g", USER, "-m", "755", FOLDER])
    port = str(door(lab))
    script = f'echo "$1" > {DOOR_FILE} && httpd -p "$1" -h /srv'
    lab.exec("web", ["sh", "-c", script, "sh", port])


scenario = Scenario(
    name="network-scan",
    networks=(Network("office"), Network("guests")),
    images=(Image("scanner:1", "images/scanner"), Image("target:1", "images/target")),
    containers=(
        Container("web", "target:1", ("office",), ready=Ready(8080)),
        Container("db", "tools:1", ("office",), ("nc", "-dlk", "5432"), ready=Ready(5432)),
        Container("printer", "tools:1", ("office",), ("nc", "-dlk", "9100"), ready=Ready(9100)),
        Container(
            "kiosk",
            "target:1",
            ("guests",),
            ("httpd", "-f", "-p", "8080", "-h", "/srv"),
            ports=(Port(8080, 8088),),
            ready=Ready(8080),
        ),
    ),
    # scans with --network host, and files on the host: not on a machine that others use
    hosts=("sandbox",),
    setup=set_out,
    checks={
        "scanner": scanner,
        "report": report,
        "sweep": sweep,
        "states": states,
        "all-ports": all_ports,
        "next-door": next_door,
        "from-host": from_host,
        "rights": rights,
        "split": split,
    },
)
