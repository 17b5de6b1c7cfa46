"""The lab proves itself: a test for each step, and one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from labrunner.testing import steps_of

if TYPE_CHECKING:
    from labrunner.testing import RunningLab
    from labrunner.validate.terminal import Terminal

test_hello_network = steps_of("hello-network")


@pytest.mark.lab("hello-network", at="part-them")
def test_bob_forgets_the_name(lab: RunningLab, typed_terminal: Terminal) -> None:
    """The name belongs to the network: who has left it does not know it any more."""
    assert lab.view.resolves("bob", "ada")
    typed_terminal.type("docker network disconnect hello bob", seconds=30)
    assert not lab.view.resolves("bob", "ada")
