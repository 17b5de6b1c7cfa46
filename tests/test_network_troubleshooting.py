"""The causes of the lab network-troubleshooting: what tells them apart, and who gets which."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, cast

import pytest

from labrunner.view import Lab
from scenarios.network_troubleshooting import facts, faults

if TYPE_CHECKING:
    from labrunner.engine.host import Host
    from labrunner.model.scenario import Scenario

SEEDS = range(100)


def lab_of(seed: int) -> Lab:
    """A lab of which only the seed is asked."""
    return Lab(cast("Scenario", None), cast("Host", None), seed)


@pytest.mark.parametrize(("named", "cause"), list(permutations(facts.SYMPTOMS, 2)))
def test_any_wrong_cause_is_ruled_out_by_a_symptom(named: str, cause: str) -> None:
    """Two causes never share all symptoms, and the message has words for what differs."""
    question, would, was = facts.ruled_out("hours", named, cause)
    assert question in facts.LOOK
    assert " would " in would
    assert "{" not in would + was
    assert was not in would


def test_every_fault_of_a_group_can_be_planted() -> None:
    """Whatever chance chooses has a name and can be made."""
    chosen = {cause for group in facts.GROUPS.values() for cause in group}
    assert chosen == set(facts.SYMPTOMS) == set(faults.PLANTED)


@pytest.mark.parametrize("patient", facts.GROUPS)
def test_labs_differ_and_repeat(patient: str) -> None:
    """Each fault of a group comes in some lab, and the same seed gives the same one."""
    drawn = [facts.cause_of(lab_of(seed), patient) for seed in SEEDS]
    assert set(drawn) == set(facts.GROUPS[patient])
    assert drawn == [facts.cause_of(lab_of(seed), patient) for seed in SEEDS]
