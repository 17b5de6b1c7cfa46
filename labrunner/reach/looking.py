"""A lab looked at as a whole: who reaches whom, and which faults have a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labrunner.reach import troubles

if TYPE_CHECKING:
    from labrunner.model.reach import Reach, Trouble
    from labrunner.view import Lab


def look(lab: Lab) -> tuple[Reach, tuple[Trouble, ...]]:
    """Measure a lab, and name its faults in the language that is spoken.

    Of a riddle none is named: its learner is to find them.
    """
    if lab.scenario.riddle:
        return lab.reach(), ()
    reach, facts = lab.survey()
    return reach, troubles.find(reach, facts)
