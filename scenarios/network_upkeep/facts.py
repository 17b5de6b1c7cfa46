"""What several checks of this scenario ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import not_yet

if TYPE_CHECKING:
    from labrunner import Lab, Verdict

SPEED = 5201
TILLS = ("till-1", "till-2", "till-3")
OLD = ("old-shop", "old-test")
VISITORS = "visitors"
BOOK = "/srv/guests/book"
REPORT = "/root/report"
WORDS = ("heron", "maple", "copper", "lantern", "violet", "walnut", "harbour", "pepper")


def word(lab: Lab, what: str) -> str:
    """A word that is another one in each lab."""
    rng = lab.random(what)
    return f"{rng.choice(WORDS)}-{rng.randrange(1000, 10000)}"


def guest_book(lab: Lab) -> str:
    """What visitors of this lab's web site wrote."""
    return f"{word(lab, 'first guest')} was here\n{word(lab, 'second guest')} was here"


def report(lab: Lab) -> str:
    """What nightly wrote in the last night."""
    return f"Done. The word of the night is {word(lab, 'report')}."


def chatty(lab: Lab) -> str:
    """The till that does not stop talking."""
    return lab.random("tills").sample(TILLS, 2)[0]


def finished(lab: Lab) -> str:
    """The till that has sent much, once."""
    return lab.random("tills").sample(TILLS, 2)[1]


def runs_on(lab: Lab, name: str, network: str) -> Verdict | None:
    """``None`` where a container runs and is on this network."""
    view = lab.container(name)
    if view is None or not view.running:
        return not_yet(
            f"{name} does not run.",
            expected=f"{name} running on {network}",
            seen="no container of that name" if view is None else f"it is {view.status}",
            look=f"docker ps -a --filter name={name}",
        )
    if network in view.networks:
        return None
    return not_yet(
        f"{name} is not on {network}.",
        expected=f"{name} on {network}",
        seen=" and ".join(sorted(view.networks)) or "no network",
        look=f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {name}",
    )


def no_file(path: str, what: str) -> Verdict:
    """The evidence is not there."""
    return not_yet(
        f"desk has no {path} yet.",
        expected=f"{path} in desk, holding {what}",
        seen="no such file there (a redirect of your own shell saves on your machine)",
        look="docker exec desk ls -l /tmp",
    )
