"""What the checks of this lab know and ask: what the registry holds, what kiosk runs, the notes."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labrunner import Verdict, not_yet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labrunner import Lab
    from labrunner.view import ContainerView

HUB = "localhost:5000"
REPOSITORY = "menu"
NAME = f"{HUB}/{REPOSITORY}"
ASK = ("curl", "-s", "-i", "-m", "4")
KINDS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    # an engine that keeps images as containerd does pushes an index
    "application/vnd.oci.image.index.v1+json",
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
OWN = ("base:1", "base:2", "menu:1", "menu:2")
"""What the lab brings for the learner to push and to build upon."""
INVENTORY = "/srv/inventory"
PATIENCE = 3.0
"""Seconds that a kiosk gets to serve after it was started."""
VERIFY = ("cosign", "verify", "--insecure-ignore-tlog", "--key")
KEY = "/keys/cosign.pub"


@dataclass(frozen=True)
class Held:
    """What the registry holds under a tag or a digest."""

    digest: str
    layers: tuple[str, ...]


def word(lab: Lab) -> str:
    """The account number on the stranger's page, another one in each lab."""
    return str(lab.random("account").randrange(10**7, 10**8))


def held(lab: Lab, which: str, repository: str = REPOSITORY) -> Held | None:
    """What the registry has under this tag or digest; ``None`` where there is nothing."""
    place = f"http://registry:5000/v2/{repository}"
    accept = [word for kind in KINDS for word in ("-H", f"Accept: {kind}")]
    head, body = answer(lab, [*ASK, *accept, f"{place}/manifests/{which}"])
    found = re.search(r"(?im)^docker-content-digest: *(\S+)", head)
    if found is None:
        return None
    manifest = json.loads(body)
    if "manifests" in manifest:
        inner = held(lab, str(manifest["manifests"][0]["digest"]), repository)
        return Held(found[1], inner.layers if inner else ())
    _, config = answer(lab, [*ASK, f"{place}/blobs/{manifest['config']['digest']}"])
    return Held(found[1], tuple(json.loads(config)["rootfs"]["diff_ids"]))


def answer(lab: Lab, words: Sequence[str]) -> tuple[str, str]:
    """Head and body of what the registry says."""
    head, _, body = lab.exec("desk", words).out.replace("\r\n", "\n").partition("\n\n")
    return head, body


def layers(lab: Lab, name: str) -> tuple[str, ...]:
    """The layers of an image; none where there is no such image.

    Those of the lab's own images are known, whatever became of their names.
    """
    if name in OWN and (text := lab.file("others", INVENTORY)):
        return tuple(json.loads(text)[name])
    return on_engine(lab, name)


def on_engine(lab: Lab, name: str) -> tuple[str, ...]:
    """The layers of what an image's name means on the lab's engine now."""
    found: list[dict[str, Any]] = lab.client.api.images(filters={"reference": name})
    if not found:
        return ()
    return tuple(lab.client.api.inspect_image(found[0]["Id"])["RootFS"]["Layers"])


def working(lab: Lab) -> Verdict | None:
    """``None`` where registry and desk run: without them nothing can be looked at."""
    for name in ("registry", "desk"):
        view = lab.container(name)
        if view is None or not view.running:
            return not_yet(
                f"{name} does not run, and nothing goes without it.",
                expected=f"{name} running",
                seen=view.status if view else "no container of that name",
                look="docker ps -a",
            )
    return None


def tagged(lab: Lab, tag: str, image: str, command: str) -> Held | Verdict:
    """What the registry has under a tag, if that is this image of the engine."""
    there = held(lab, tag)
    if there is None:
        return not_yet(
            f"The registry has no {NAME}:{tag} yet.",
            expected=f"{image}, pushed under that name",
            seen=tags(lab),
            look=command,
        )
    if there.layers != layers(lab, image):
        return not_yet(
            f"The registry has a {NAME}:{tag}, but it is not {image}.",
            expected=f"the layers of {image}",
            seen=version(lab, there.layers),
            look=command,
        )
    return there


def tags(lab: Lab) -> str:
    """The tags of the repository, in words."""
    _, body = answer(lab, [*ASK, f"http://registry:5000/v2/{REPOSITORY}/tags/list"])
    found = json.loads(body).get("tags") if body.startswith("{") else None
    shown = sorted(tag for tag in found or () if not tag.endswith(".sig"))
    return f"tags {', '.join(shown)}" if shown else "no tag at all"


def version(lab: Lab, found: Sequence[str]) -> str:
    """What an image with these layers is, in words."""
    for name, words in (("menu:1", "version 1"), ("menu:2", "version 2")):
        if tuple(found) == layers(lab, name):
            return words
    for name, words in (("menu:2", "version 2"), ("menu:1", "version 1")):
        own = layers(lab, name)
        if tuple(found[: len(own)]) == own:
            return f"{words} with something on top of it"
    for name, words in (("base:2", "base 2"), ("base:1", "base 1")):
        base = layers(lab, name)
        if tuple(found[: len(base)]) == base:
            return f"another image, on {words}"
    return "something else"


def note(lab: Lab, path: str, what: str) -> str | Verdict:
    """What the learner saved at this path on the desk, or why it does not count."""
    text = lab.file("desk", path)
    if text is not None and text.strip():
        return text
    expected = f"{what} in {path}, in the container desk"
    look = "docker exec desk ls -l /notes"
    if text is None:
        message, seen = f"There is no note {path} on the desk yet.", "no such file in desk"
    else:
        message, seen = f"The note {path} is empty: nothing came through.", "an empty file"
    return not_yet(message, expected=expected, seen=seen, look=look)


def runs(lab: Lab, name: str = "kiosk") -> ContainerView | Verdict:
    """The container, if it runs on front; else why not."""
    view = lab.container(name)
    if view is None:
        return not_yet(
            f"There is no container {name}.",
            expected=f"a running container {name}",
            seen="no container of that name",
            look="docker ps -a",
        )
    if not view.running:
        words = lab.logs(name, lines=1).strip() or str(view.attrs["State"]["Error"])
        return not_yet(
            f"{name} does not run, it is {view.status}.",
            expected=f"{name} running",
            seen=words[:100] or f"exit code {view.exit_code}",
            look=f"docker logs {name}",
        )
    if "front" not in view.networks:
        return not_yet(
            f"{name} is not on the network front, where its guests are.",
            expected=f"{name} on front",
            seen=f"on {' and '.join(view.networks) or 'no network'}",
            look=f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {name}",
        )
    return view


def image_layers(lab: Lab, view: ContainerView) -> tuple[str, ...]:
    """The layers of the image that a container was made from, whatever it is called now."""
    return tuple(lab.client.api.inspect_image(view.attrs["Image"])["RootFS"]["Layers"])


def page(lab: Lab, name: str = "kiosk") -> str:
    """What guests get from a container; curl's complaint where they get nothing."""
    deadline = time.monotonic() + PATIENCE
    while True:
        result = lab.exec("desk", ["curl", "-sSf", "-m", "2", f"http://{name}/"])
        if result.code == 0 or time.monotonic() > deadline:
            return (result.out or result.err).strip()


def brief(text: str) -> str:
    """A text whose digests are shortened, so that it fits into a line."""
    return DIGEST.sub(lambda found: f"{found[0][:19]}…", text)


def by_id(view: ContainerView) -> bool:
    """Whether a container was made from an image's id, or from the beginning of one."""
    words = view.image.removeprefix("sha256:")
    return bool(words) and str(view.attrs["Image"]).removeprefix("sha256:").startswith(words)


def pinned(view: ContainerView) -> str | None:
    """The digest in the name that a container was made from, if there is one."""
    name, _, digest = view.image.partition("@")
    # a tag beside a digest is not looked at, by the engine neither
    ours = name == NAME or name.startswith(f"{NAME}:")
    return digest if ours and DIGEST.fullmatch(digest) else None
