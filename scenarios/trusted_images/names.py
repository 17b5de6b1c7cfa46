"""Steps 1 to 3: what a name says, what it does not say, and when it is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import (
    DIGEST,
    NAME,
    Held,
    brief,
    held,
    image_layers,
    layers,
    note,
    page,
    runs,
    tagged,
    version,
    working,
)

if TYPE_CHECKING:
    from labrunner import Lab
    from labrunner.view import ContainerView

TAGS = "docker exec desk curl -s localhost:5000/v2/menu/tags/list"


def push(lab: Lab) -> Verdict:
    """The registry has version 1 under its own name."""
    if problem := working(lab):
        return problem
    found = tagged(lab, "1", "menu:1", TAGS)
    if isinstance(found, Verdict):
        return found
    return passed("The registry has version 1.", seen=found.digest)


def latest(lab: Lab) -> Verdict:
    """The name without a tag is version 1 still, and kiosk was made from it."""
    return working(lab) or two_names(lab) or unnamed(lab)


def two_names(lab: Lab) -> Verdict | None:
    """``None`` where each version has its name, and the digest of version 2 is written down."""
    first, second = tagged(lab, "latest", "menu:1", TAGS), tagged(lab, "2", "menu:2", TAGS)
    if isinstance(first, Verdict):
        return first
    if isinstance(second, Verdict):
        return second
    text = note(lab, "/notes/push-2", "what the push of version 2 printed")
    if isinstance(text, Verdict):
        return text
    found = DIGEST.findall(text)
    if second.digest in found:
        return None
    return not_yet(
        "The note /notes/push-2 does not hold the digest of version 2.",
        expected=f"the line with {brief(second.digest)}",
        seen=brief(found[0]) if found else text.strip().splitlines()[0][:100],
        look="docker exec desk cat /notes/push-2",
    )


def unnamed(lab: Lab) -> Verdict:
    """Whether kiosk was made from the name without a tag, and what came of that."""
    kiosk = runs(lab)
    if isinstance(kiosk, Verdict):
        return kiosk
    if kiosk.image not in (NAME, f"{NAME}:latest"):
        return not_yet(
            "kiosk was not made from the name without a tag.",
            expected=NAME,
            seen=kiosk.image,
            look="docker ps",
        )
    return passed("latest is not the newest: it is what was pushed without a tag.", seen=page(lab))


def update(lab: Lab) -> Verdict:
    """Kiosk was made anew from what the name means now."""
    if problem := working(lab):
        return problem
    there = held(lab, "latest")
    if there is None or there.layers == layers(lab, "menu:1"):
        return not_yet(
            "In the registry, the name without a tag is version 1 still.",
            expected="version 2, which the colleague pushes",
            seen=version(lab, there.layers) if there else "no such name",
            look="docker exec others colleague-releases",
        )
    kiosk = runs(lab)
    if isinstance(kiosk, Verdict):
        return kiosk
    if image_layers(lab, kiosk) == there.layers:
        return passed("kiosk is a new container, from the image that was pulled.", seen=page(lab))
    return old_still(lab, kiosk, there)


def old_still(lab: Lab, kiosk: ContainerView, there: Held) -> Verdict:
    """The old version is served still; why."""
    local, own = layers(lab, f"{NAME}:latest"), image_layers(lab, kiosk)
    if local != there.layers:
        return not_yet(
            "Your engine does not have what the colleague pushed.",
            expected=f"{NAME} on your engine as it is in the registry",
            seen=f"{version(lab, local)} on your engine, and in kiosk {version(lab, own)}",
            look=f"docker inspect -f '{{{{.RepoDigests}}}}' {NAME}",
        )
    return not_yet(
        "The new image is here, but kiosk was made from the old one and stays with it.",
        expected=version(lab, there.layers),
        seen=page(lab),
        look="docker ps --filter name=kiosk",
    )
