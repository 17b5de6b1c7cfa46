"""Steps 7 and 8: a signature of your own, and a gate that lets nothing else in."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from labrunner import Verdict, not_yet, passed

from .facts import (
    DIGEST,
    KEY,
    NAME,
    VERIFY,
    Held,
    brief,
    by_id,
    held,
    image_layers,
    note,
    pinned,
    runs,
    working,
)

if TYPE_CHECKING:
    from labrunner import Lab

SEASONS = ("spring", "summer", "autumn", "winter")
OFFERS = ("good", "unsigned", "other", "copied")
WHY = {
    "unsigned": "has no signature at all",
    "other": "was signed with another key",
    "copied": "carries a signature that was made for another image",
}


def plan(lab: Lab) -> tuple[str, ...]:
    """What is offered under which season, another sequence in each lab."""
    source: random.Random = lab.random("offers")
    return tuple(source.sample(OFFERS, len(OFFERS)))


def complaint(lab: Lab, name: str) -> str:
    """What cosign has against an image, with the learner's public key; "" where nothing."""
    result = lab.exec("desk", [*VERIFY, KEY, name])
    errors = [line for line in result.err.splitlines() if line.startswith("Error: ")]
    return "" if result.code == 0 else (errors or ["Error: no answer"])[0].removeprefix("Error: ")


def sign(lab: Lab) -> Verdict:
    """Version 3 carries the learner's signature, and the learner has seen it verified."""
    if problem := working(lab):
        return problem
    there = held(lab, "3")
    if there is None:
        return not_yet(
            f"The registry has no {NAME}:3, so there is nothing to sign.",
            expected="version 3, from the step before",
            seen="no tag 3",
            look="docker exec desk curl -s localhost:5000/v2/menu/tags/list",
        )
    return (
        unsigned(lab, there)
        or unseen(lab, there)
        or passed("Version 3 carries your signature, and it verifies.", seen=there.digest)
    )


def unsigned(lab: Lab, there: Held) -> Verdict | None:
    """``None`` where the image verifies with the learner's public key."""
    if lab.file("desk", KEY) is None:
        return not_yet(
            f"There is no public key {KEY} on the desk.",
            expected="a key pair, made in the container desk",
            seen="no such file in desk",
            look="docker exec desk ls -l /keys",
        )
    wrong = complaint(lab, f"{NAME}@{there.digest}")
    if not wrong:
        return None
    return not_yet(
        f"{NAME}:3 does not verify with your key.",
        expected=f"a signature over {brief(there.digest)}",
        seen=brief(wrong),
        look=f"docker exec desk cosign tree {NAME}:3",
    )


def unseen(lab: Lab, there: Held) -> Verdict | None:
    """``None`` where the note has what was verified."""
    text = note(lab, "/notes/verified", "what cosign verify prints of version 3")
    if isinstance(text, Verdict):
        return text
    if there.digest in DIGEST.findall(text) and "docker-manifest-digest" in text:
        return None
    return not_yet(
        "The note /notes/verified is not what cosign verify prints of version 3.",
        expected=f"what it verified: {brief(there.digest)}",
        seen=text.strip().splitlines()[0][:100],
        look="docker exec desk cat /notes/verified",
    )


def gate(lab: Lab) -> Verdict:
    """Of the four offers only the one with the learner's signature runs, by its digest."""
    if problem := working(lab):
        return problem
    if held(lab, "winter") is None:
        return not_yet(
            "Nothing has been offered yet.",
            expected="the tags spring, summer, autumn and winter in the registry",
            seen="no such tags",
            look="docker exec others four-offers",
        )
    return let_in(lab) or unread(lab) or kept_out(lab) or by_digest(lab)


def let_in(lab: Lab) -> Verdict | None:
    """``None`` where nothing runs that should not."""
    there = held(lab, "3")
    for season, kind in zip(SEASONS, plan(lab), strict=True):
        view = lab.container(season)
        if view is None or not view.running or kind == "good":
            continue
        # a digest that stands in a complaint may be that of the true image
        true = there is not None and image_layers(lab, view) == there.layers
        return not_yet(
            f"{season} runs version 3, but the offer of that name {WHY[kind]}."
            if true
            else f"{season} was let in, and it {WHY[kind]}.",
            expected="only what verifies with your public key",
            seen=brief(complaint(lab, f"{NAME}:{season}")),
            look=f"docker exec desk {' '.join(VERIFY)} {KEY} {NAME}:{season}",
        )
    return None


def unread(lab: Lab) -> Verdict | None:
    """``None`` where the notes have what cosign says of each of the four."""
    for season, kind in zip(SEASONS, plan(lab), strict=True):
        path = f"/notes/{season}"
        text = note(lab, path, f"what cosign verify says of {NAME}:{season}")
        if isinstance(text, Verdict):
            return text
        wanted = complaint(lab, f"{NAME}:{season}") or "docker-manifest-digest"
        if wanted not in text:
            return not_yet(
                f"The note {path} is not what cosign says of {season} with your key.",
                expected="the digest that it verified" if kind == "good" else brief(wanted),
                seen=brief(text.strip().splitlines()[-1])[:100],
                look=f"docker exec desk cat {path}",
            )
    return None


def kept_out(lab: Lab) -> Verdict | None:
    """``None`` where at least one of the four was started."""
    if any(lab.container(season) for season in SEASONS):
        return None
    return not_yet(
        "None of the four runs, and one of them verifies.",
        expected="a container called as the offer, on front",
        seen="no container spring, summer, autumn or winter",
        look="docker ps -a",
    )


def by_digest(lab: Lab) -> Verdict:
    """Whether the good one runs, and was started as what was verified."""
    good = SEASONS[plan(lab).index("good")]
    view = runs(lab, good)
    if isinstance(view, Verdict):
        return view
    there, digest = held(lab, "3"), pinned(view)
    look = f"docker inspect -f '{{{{.Config.Image}}}}' {good}"
    if digest is None:
        return not_yet(
            f"{good} was made from an image's id, and what you verified is a digest."
            if by_id(view)
            else f"{good} was made from a tag: what you verified and what you ran may be two"
            " things.",
            expected=f"{NAME}@sha256:…, the digest that was verified",
            seen=f"{brief(view.image)} alone" if by_id(view) else view.image,
            look=look,
        )
    if there is None or digest != there.digest:
        return not_yet(
            f"{good} runs another image than the one that was verified.",
            expected=brief(there.digest) if there else "the digest of version 3",
            seen=brief(digest),
            look=look,
        )
    return passed("One of four got in, and it is the one that you signed.", seen=good)
