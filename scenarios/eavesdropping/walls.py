"""Steps 4 to 6: a stolen address, and two walls against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import not_yet, passed
from labrunner.checks import first, only_on, running

from .facts import (
    NET_ADMIN,
    NET_RAW,
    PORT,
    Rights,
    app_knows_better,
    app_works,
    holds,
    password,
    rights,
)

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

CAUGHT = "/tmp/caught"  # noqa: S108  a path in the learner's container


def catches(lab: Lab, who: str, how: str) -> bool:
    """Whether an impostor was given the app's password in this way, plain or TLS."""
    return any(
        line.startswith(f"{how}:") and password(lab) in line for line in caught_lines(lab, who)
    )


def caught_lines(lab: Lab, who: str) -> list[str]:
    """What an impostor noted."""
    return (lab.file(who, CAUGHT) or "").splitlines()


def address(lab: Lab) -> Verdict:
    """A container with NET_ADMIN took db's address, and the app gave it the password."""
    if problem := only_on(lab, "thief", {"clinic"}):
        return problem
    if not holds(rights(lab, "thief").now, NET_ADMIN):
        return not_yet(
            "thief may not change addresses: the kernel says no, whatever it tries.",
            expected="thief with the capability NET_ADMIN in effect",
            seen="without it",
            look="docker inspect -f '{{.HostConfig.CapAdd}} {{.Config.User}}' thief",
        )
    if not catches(lab, "thief", "plain"):
        return not_yet(
            "thief has the right, but not the password yet.",
            expected=f"the app's password in thief's {CAUGHT}",
            seen=(caught_lines(lab, "thief") or ["nothing there"])[-1],
            look="docker exec thief impostor app db",
        )
    return passed(
        "app gave its password to a neighbour that had db's address for a moment.",
        seen=f"the password in thief:{CAUGHT}",
    )


def excess(found: Rights) -> list[str]:
    """The rights among these that let a neighbour lie or listen."""
    names = {"NET_ADMIN": NET_ADMIN, "NET_RAW": NET_RAW}
    return [name for name, number in names.items() if holds(found.ever, number)]


def caps(lab: Lab) -> Verdict:
    """Nobody on the app's network but app and db may forge packets."""
    if problem := only_on(lab, "neighbour", {"clinic"}):
        return problem
    network = lab.network("clinic")
    for name in sorted((network.members if network else frozenset()) - {"app", "db"}):
        found = rights(lab, name)
        too_much = excess(found)
        if too_much:
            return not_yet(
                f"{name} may still forge packets."
                if any(holds(found.now, n) for n in (NET_ADMIN, NET_RAW))
                else f"{name} runs as a user without rights, but a program in it could get them.",
                expected="nobody on clinic but app and db with NET_RAW or NET_ADMIN",
                seen=f"{name} can have {' and '.join(too_much)}",
                look=f"docker inspect -f '{{{{.HostConfig.CapDrop}}}}' {name}",
            )
    return first(app_works(lab), app_knows_better(lab)) or passed(
        "No neighbour can forge a packet now, and app and db miss nothing."
    )


def segment(lab: Lab) -> Verdict:
    """Somebody with the right to forge is on clinic, and db and app are not."""
    if problem := only_on(lab, "visitor", {"clinic"}):
        return problem
    if not holds(rights(lab, "visitor").now, NET_RAW):
        return not_yet(
            "visitor has no NET_RAW, so it proves nothing about walls.",
            expected="visitor with what Docker gives to everybody",
            seen="without NET_RAW",
            look="docker inspect -f '{{.HostConfig.CapDrop}}' visitor",
        )
    if problem := first(running(lab, "db"), running(lab, "app")) or strangers(lab):
        return problem
    view = lab.container("db")
    for place in filter(None, view.networks.values() if view else ()):
        if lab.tcp("visitor", place, PORT, timeout=1.0) == "open":
            return not_yet(
                "visitor reaches db.",
                expected=f"no way from visitor to port {PORT} of db",
                seen=f"{place} is open to it",
                look="lab map",
            )
    return app_works(lab) or passed(
        "visitor may forge what it likes: neither app nor db is on its bridge."
    )


def strangers(lab: Lab) -> Verdict | None:
    """``None`` where app and db share their networks with nobody, and these have no way out."""
    for name in ("db", "app"):
        view = lab.container(name)
        for network in view.networks if view else ():
            found = lab.network(network)
            others = sorted((found.members if found else frozenset()) - {"app", "db"})
            if others:
                return not_yet(
                    f"{name} is still a neighbour of {' and '.join(others)}, on {network}.",
                    expected="app and db on a network that nobody else is on",
                    seen=f"{network}: {', '.join(sorted({name, *others}))}",
                    look="docker ps --format '{{.Names}}: {{.Networks}}'",
                )
            if found and not found.internal:
                return not_yet(
                    f"{network} has a way out, and neither app nor db needs one.",
                    expected=f"{network} made with --internal",
                    seen="internal: false",
                    look=f"docker network inspect -f '{{{{.Internal}}}}' {network}",
                )
    return None
