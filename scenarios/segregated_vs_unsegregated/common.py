"""What several checks of this scenario ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import not_yet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labrunner import Lab, Verdict
    from labrunner.view import ContainerView

PAGE = 8000
SPEED = 5201
PUBLISHED = 8091
SERVICE = 9001
WORDS = ("heron", "maple", "copper", "lantern", "violet", "walnut", "harbour", "pepper")
WHY_NOT = {"exited": "its command has ended, or it was stopped"}


def word(lab: Lab, who: str) -> str:
    """What only somebody who read this container's page in this lab can know."""
    rng = lab.random(f"the word of {who}")
    return f"{rng.choice(WORDS)}-{rng.randrange(1000, 10000)}"


def state_of(view: ContainerView | None) -> str:
    """A container's state in words."""
    if view is None:
        return "no container of that name"
    if view.running:
        return f"running on {names(view.networks)}"
    return f"exited with code {view.exit_code}" if view.status == "exited" else view.status


def names(several: Iterable[str]) -> str:
    """Network or container names in a sentence."""
    *most, last = sorted(several) or ["no network"]
    return f"{', '.join(most)} and {last}" if most else last


def in_short(text: str) -> str:
    """The beginning of a file on one line."""
    return " ".join(text.split())[:70] or "an empty file"


def runs_on(lab: Lab, name: str, wanted: set[str], why: str) -> Verdict | None:
    """``None`` where the container runs and is on exactly these networks."""
    view = lab.container(name)
    if view is not None and view.running and set(view.networks) == wanted:
        return None
    seen = state_of(view)
    if view is None:
        message = f"There is no container {name} yet."
    elif not view.running:
        message = f"{name} does not run: {WHY_NOT.get(view.status, f'it is {view.status}')}."
    else:
        message = f"{name} is on {names(view.networks)}. {why}"
    return not_yet(
        message,
        expected=f"{name} running on {names(wanted)}",
        seen=seen,
        look="docker ps -a --format '{{.Names}}: {{.Status}}, {{.Networks}}'",
    )


def on_host(lab: Lab, name: str) -> Verdict | None:
    """``None`` where the container has the host's own network."""
    view = lab.container(name)
    if view is not None and "host" in view.networks:
        return None
    return not_yet(
        f"There is no container {name} yet."
        if view is None
        else f"{name} is not on the network of the host.",
        expected=f"{name} with --network host",
        seen=state_of(view),
        look=f"docker ps -a --filter name={name}",
    )


def no_file(container: str, path: str, what: str) -> Verdict:
    """The evidence is not there."""
    return not_yet(
        f"{container} has no {path} yet.",
        expected=f"{path} in {container}, holding {what}",
        seen="no such file in it (a redirect of your own shell saves on your machine)",
        look=f"docker exec {container} ls -l /tmp",
    )


def read_page(lab: Lab, reader: str, owner: str) -> Verdict | None:
    """``None`` where the reader has a file with the word that the owner's page has."""
    path = f"/tmp/{owner}"  # noqa: S108  a path in the learner's container
    text = lab.file(reader, path)
    if text is None:
        return no_file(reader, path, f"the page of {owner}")
    if word(lab, owner) in text:
        return None
    return not_yet(
        f"{reader} has a {path}, but it is not {owner}'s page.",
        expected=f"the page that {owner} serves on port {PAGE}",
        seen=in_short(text),
        look=f"docker exec {reader} cat {path}",
    )
