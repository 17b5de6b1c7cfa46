"""What the checks of `trusted-images` read out of the name that a container was made from."""

from __future__ import annotations

import pytest

from labrunner.view import ContainerView
from scenarios.trusted_images.facts import by_id, pinned

DIGEST = "sha256:" + "0f" * 32


@pytest.mark.parametrize(
    ("image", "digest"),
    [
        (f"localhost:5000/menu@{DIGEST}", DIGEST),
        (f"localhost:5000/menu:2@{DIGEST}", DIGEST),
        ("localhost:5000/menu:2", None),
        ("menu:2", None),
        (DIGEST, None),
        (f"localhost:5000/other@{DIGEST}", None),
        (f"localhost:5000/menu-of-others@{DIGEST}", None),
        (f"localhost:5000/menu@{DIGEST[:-1]}", None),
    ],
)
def test_only_a_digest_in_the_menus_name_is_a_pin(image: str, digest: str | None) -> None:
    """A tag is none, nor is an image's id, nor a digest in another repository."""
    assert pinned(ContainerView({"Config": {"Image": image}})) == digest


@pytest.mark.parametrize(
    ("image", "so"),
    [
        (DIGEST, True),
        (DIGEST.removeprefix("sha256:")[:12], True),
        ("menu:2", False),
        (f"localhost:5000/menu@{DIGEST}", False),
        ("", False),
    ],
)
def test_an_id_is_not_taken_for_a_tag(image: str, so: bool) -> None:  # noqa: FBT001  a table's column
    """Who starts an image by its id, whole or short, is told of ids, and not of moving tags."""
    assert by_id(ContainerView({"Config": {"Image": image}, "Image": DIGEST})) is so
