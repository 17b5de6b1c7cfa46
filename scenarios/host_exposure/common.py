"""What several checks of this scenario know and ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from labrunner import not_yet, ruined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labrunner import Lab, Verdict
    from labrunner.view import ContainerView

PAGE = 8000
"""Where every page in a container is served."""
WEB, SHOP = 8080, 8081
"""Published ports of the containers of these names."""
STATUS, ADMIN = 9100, 9200
"""Services of the host: one for everybody, one on its loopback address alone."""
OWN = 7000
"""A port of the laptop's own."""

NET_ADMIN, NET_RAW = 12, 13
CAPABILITY = {NET_ADMIN: "NET_ADMIN", NET_RAW: "NET_RAW"}
PATIENCE = 1.0
WORKERS = 6


def digits(lab: Lab, what: str, count: int = 6) -> str:
    """A number that only somebody who saw it in this lab can know."""
    return "".join(lab.random(what).choices("123456789", k=count))


def leftover(lab: Lab) -> int:
    """The port of a service that somebody has forgotten on the host."""
    return lab.random("leftover").randrange(9300, 9900)


def lan_address(lab: Lab, last: int = 1) -> str:
    """An address on the LAN: the host's is the first, the laptop's the twentieth."""
    rng = lab.random("lan")
    return f"10.{rng.randrange(16, 240)}.{rng.randrange(240)}.{last}"


def state_of(view: ContainerView | None) -> str:
    """A container's state in words."""
    if view is None:
        return "no container of that name"
    if view.running:
        return f"running on {' and '.join(sorted(view.networks)) or 'no network'}"
    return f"exited with code {view.exit_code}" if view.status == "exited" else view.status


def runs_on(lab: Lab, name: str, wanted: str) -> Verdict | None:
    """``None`` where the container runs, on this network and no other."""
    view = lab.container(name)
    if view is not None and view.running and set(view.networks) == {wanted}:
        return None
    if view is None:
        message = f"There is no container {name} yet."
    elif not view.running:
        message = f"{name} does not run."
    else:
        message = f"{name} should be on {wanted} and nowhere else."
    return not_yet(
        message,
        expected=f"{name} running on {wanted}",
        seen=state_of(view),
        look="docker ps -a --format '{{.Names}}: {{.Status}}, {{.Networks}}'",
    )


def scenery(lab: Lab, *names: str) -> Verdict | None:
    """``None`` where these containers of the lab itself run, and the laptop has its cable."""
    for name in names:
        view = lab.container(name)
        if view is None or not view.running:
            return not_yet(
                f"{name} is needed here, and does not run.",
                expected=f"{name} running, as the lab started it",
                seen=state_of(view),
                look="docker ps -a",
            )
    if "laptop" in names and not has_cable(lab):
        return ruined(
            "The laptop has lost its cable: it belonged to the container that was stopped.",
            expected=f"laptop with the address {lan_address(lab, 20)}",
            seen="no such address in it",
        )
    return None


def has_cable(lab: Lab) -> bool:
    """Whether the laptop is on the LAN still."""
    shown = lab.exec("laptop", ["ip", "-4", "-o", "address"]).out
    return f" {lan_address(lab, 20)}/" in shown


def no_file(container: str, path: str, what: str) -> Verdict:
    """The evidence is not there."""
    return not_yet(
        f"{container} has no {path} yet.",
        expected=f"{path} in {container}, holding {what}",
        seen="no such file",
        look=f"docker exec {container} ls -l /tmp",
    )


Way = tuple[str, str, int]
"""Who dials, which address, which port."""


def open_ways(lab: Lab, ways: Sequence[Way]) -> list[Way]:
    """Which of these connections are accepted; all are tried at once."""
    with ThreadPoolExecutor(WORKERS) as pool:
        states = list(pool.map(lambda way: lab.tcp(*way, timeout=PATIENCE), ways))
    return [way for way, state in zip(ways, states, strict=True) if state == "open"]


def from_host(lab: Lab, where: str, port: int) -> bool:
    """Whether a program of the host itself gets a page there."""
    url = f"http://{where}:{port}/"
    fetch = ["busybox", "wget", "-q", "-T", "2", "-O", "/dev/null", url]
    return lab.run_on_host(fetch).code == 0


def held(lab: Lab, name: str, which: Iterable[int]) -> list[str]:
    """Which of these capabilities the first program of a container has."""
    view = lab.container(name)
    pid = view.pid if view else 0
    status = lab.run_on_host(["cat", f"/proc/{pid}/status"]).out
    return [CAPABILITY[bit] for bit in which if effective(status) >> bit & 1]


def effective(status: str) -> int:
    """The effective capabilities in the text of ``/proc/…/status``."""
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            return int(value, 16)
    raise ValueError("no capabilities in the status of a process")
