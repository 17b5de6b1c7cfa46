"""What the checks of `trusted-images` read out of the name that a container was made from."""

from __future__ import annotations

import pytest

from labrunner.view import ContainerView
from scenarios.trusted_images.facts import pinned

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
