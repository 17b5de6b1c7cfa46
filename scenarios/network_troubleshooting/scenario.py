"""Eight services of a library, each with a fault; which one differs from lab to lab.

Everything starts healthy; then `faults` gives each patient what chance has chosen from its
group of faults that look alike. Rules are planted in the host's firewall, so this lab runs
in a sandbox only.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from labrunner import Container, Image, Limits, Network, Ready, Scenario, not_yet, passed

from .facts import COPIES, ELSEWHERE, HOME, IMAGE, LOOK, PORT, SYMPTOMS, cause_of, ruled_out
from .faults import plant_all
from .health import every_copy, long_list, one_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from labrunner import Lab, Verdict


RULES = ("drop", "reject")
"""Faults that whoever empties the firewall takes from all patients at once."""


def noted(lab: Lab, patient: str) -> str | Verdict:
    """The cause that the learner has noted, or why the note does not count."""
    text = lab.file("desk", f"/notes/{patient}")
    if text is None:
        return not_yet(
            f"There is no note on {patient} yet.",
            expected="the cause, in one word",
            seen=f"no file /notes/{patient} in desk",
            look=f"docker exec desk note {patient} CAUSE",
        )
    word = text.strip().lower()
    if word in SYMPTOMS:
        return word
    return not_yet(
        f"The note on {patient} is none of the causes.",
        expected=" ".join(SYMPTOMS),
        seen=word[:60] or "an empty note",
        look=f"docker exec desk cat /notes/{patient}",
    )


def lost(lab: Lab, patient: str, still_ill: Callable[[Lab], Verdict | None]) -> bool:
    """Whether a fault that is a rule went, perhaps with all rules, before anybody named it."""
    return cause_of(lab, patient) in RULES and still_ill(lab) is None


def without_symptoms(patient: str) -> Verdict:
    """It is well, and what it had is not noted."""
    return not_yet(
        f"There is no note on {patient} yet, and it has no symptoms any more.",
        expected="the cause, in one word",
        seen=f"a page of {patient}, and no file /notes/{patient} in desk",
        look="lab reset --step",
    )


def healed(lab: Lab, patient: str, still_ill: Callable[[Lab], Verdict | None]) -> Verdict:
    """The cause was named, and it is gone."""
    word = noted(lab, patient)
    if not isinstance(word, str):
        return word if not lost(lab, patient, still_ill) else without_symptoms(patient)
    cause = cause_of(lab, patient)
    if word != cause:
        question, would, was = ruled_out(patient, word, cause)
        return not_yet(
            f"{word} is ruled out. With it, {would}.",
            expected=would,
            seen=f"before you changed anything, {was}",
            look=LOOK[question].format(patient=patient),
        )
    if problem := still_ill(lab):
        return replace(problem, message=f"The cause is right. {problem.message}")
    return passed(
        f"{cause} it was, and {patient} is well again.",
        seen=f"{patient} answers the desk",
    )


def member(name: str, network: str = HOME) -> Container:
    """A service of the library."""
    return Container(name, IMAGE, (network,), ("serve", name), ready=Ready(PORT))


def check_of(patient: str) -> Callable[[Lab], Verdict]:
    """The check for a patient that is one service."""
    return partial(healed, patient=patient, still_ill=partial(one_service, name=patient))


scenario = Scenario(
    name="network-troubleshooting",
    networks=(Network(HOME), Network(ELSEWHERE)),
    images=(Image(IMAGE, "images/service"),),
    containers=(
        Container("desk", IMAGE, (HOME,)),
        member("catalogue", ELSEWHERE),
        *map(member, ("loans", "hours", "fines", "rooms", "prints", "news")),
        *map(member, COPIES),
        Container("scanner", IMAGE, (HOME,), cap_add=("NET_ADMIN",)),
    ),
    riddle=True,
    # it plants rules in the firewall of the host
    hosts=("sandbox",),
    limits=Limits(memory="1g", disk="256m"),
    # the list of prints has to come in time
    alone=("slow",),
    setup=plant_all,
    checks={
        "no-name": check_of("catalogue"),
        "refused": check_of("loans"),
        "same-face": check_of("hours"),
        "two-refusals": check_of("fines"),
        "two-silences": check_of("rooms"),
        "erratic": partial(healed, patient="copies", still_ill=every_copy),
        "slow": partial(healed, patient="prints", still_ill=long_list),
        "last-call": check_of("news"),
    },
)
