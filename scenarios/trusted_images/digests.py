"""Steps 4 to 6: a tag that was moved, a digest that cannot be, and where an update belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import (
    NAME,
    brief,
    by_id,
    held,
    image_layers,
    layers,
    note,
    page,
    pinned,
    runs,
    version,
    word,
    working,
)

if TYPE_CHECKING:
    from labrunner import Lab
    from labrunner.view import ContainerView

PAGE = "version 3"


def moved(lab: Lab) -> Verdict:
    """The note has what the tag brings now."""
    if problem := working(lab):
        return problem
    there = held(lab, "2")
    if there is None or there.layers == layers(lab, "menu:2"):
        return not_yet(
            "In the registry, the tag 2 is what you pushed.",
            expected="the tag 2, pushed by a stranger",
            seen=version(lab, there.layers) if there else "no such tag",
            look="docker exec others stranger-pushes",
        )
    text = note(lab, "/notes/moved", "the page that localhost:5000/menu:2 brings now")
    if isinstance(text, Verdict):
        return text
    if word(lab) in text:
        return passed("The same name, and another program.", seen=text.strip().splitlines()[0])
    local = layers(lab, f"{NAME}:2")
    return not_yet(
        "The note has the true page: your engine was not asked to look for another one."
        if local != there.layers
        else "The note does not have the page that the tag 2 brings now.",
        expected="the page of the stranger's image",
        seen=text.strip().splitlines()[0][:100],
        look=f"docker run --rm {NAME}:2 cat /srv/index.html",
    )


def pin(lab: Lab) -> Verdict:
    """Kiosk runs the true version 2, and its name cannot come to mean another one."""
    if problem := working(lab):
        return problem
    kiosk = runs(lab)
    if isinstance(kiosk, Verdict):
        return kiosk
    digest = pinned(kiosk)
    if digest is None:
        return not_yet(
            "kiosk was made from an image's id. That does not move, but nobody can pull by it."
            if by_id(kiosk)
            else "kiosk was made from a name that may mean another image tomorrow.",
            expected=f"{NAME}@sha256:…",
            seen=f"{brief(kiosk.image)} alone" if by_id(kiosk) else kiosk.image,
            look="docker inspect -f '{{.Config.Image}}' kiosk",
        )
    if image_layers(lab, kiosk) != layers(lab, "menu:2"):
        return not_yet(
            "kiosk is pinned, but to another image than the version 2 that you pushed.",
            expected="the digest that your push of version 2 printed",
            seen=f"{version(lab, image_layers(lab, kiosk))}: {page(lab)}",
            look="docker exec desk cat /notes/push-2",
        )
    return passed("kiosk is version 2, and whoever pushes cannot change that.", seen=digest)


def rebuild(lab: Lab) -> Verdict:
    """Kiosk runs an image that was built on the new base and is in the registry."""
    if problem := working(lab):
        return problem
    kiosk = runs(lab)
    if isinstance(kiosk, Verdict):
        return kiosk
    there = held(lab, "3")
    if problem := old_base(lab, kiosk):
        return problem
    if PAGE not in page(lab):
        return not_yet(
            "kiosk is on the new base, but does not serve version 3 of the menu.",
            expected="a page that says Menu, version 3",
            seen=page(lab)[:100],
            look="docker exec desk curl -s http://kiosk/",
        )
    if there is None or there.layers != image_layers(lab, kiosk):
        return not_yet(
            f"The registry does not have kiosk's image as {NAME}:3.",
            expected="the new image, pushed under the tag 3",
            seen=version(lab, there.layers) if there else "no tag 3",
            look="docker exec desk curl -s localhost:5000/v2/menu/tags/list",
        )
    return passed("A new image on the new base, and a new container from it.", seen=there.digest)


def old_base(lab: Lab, kiosk: ContainerView) -> Verdict | None:
    """``None`` where a container's image begins with the layers of the new base."""
    base, before, own = layers(lab, "base:2"), layers(lab, "menu:2"), image_layers(lab, kiosk)
    if own[: len(base)] == base:
        return None
    look = "docker exec kiosk cat /etc/base"
    patched = any(c["Path"] == "/etc/base" for c in lab.client.api.diff(kiosk.id) or ())
    if patched:
        message = "That was written into this one container. The next kiosk will not have it."
    elif layers(lab, f"{NAME}:3")[: len(base)] == base:
        message = "The new image is there, but kiosk was made from another one."
    elif own == before:
        message = "kiosk's image is the one from before."
    elif own[: len(before)] == before:
        message = "kiosk's image was patched on top; below that is the old base, hole and all."
    else:
        message = "kiosk's image was built anew, but on the old base: yours is not the newest."
    first = layers(lab, "base:1")
    return not_yet(
        message,
        expected="an image that begins with the layers of base 2",
        seen="the layers of base 1" if own[: len(first)] == first else "the layers of neither",
        look=look,
    )
