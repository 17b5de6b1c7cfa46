"""Who can reach whom in a lab: measured when it is asked for, and not again while it is true."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from labrunner import words
from labrunner.web.opening import opened, scenario_of

if TYPE_CHECKING:
    from labrunner.model.reach import Reach
    from labrunner.session import OpenLab
    from labrunner.web.threads import Threads
    from labrunner.web.watching import Watching


@dataclass(frozen=True)
class Measured:
    """A map, and what it is true for.

    Attributes:
        key: the lab, how many events and steps it had had, and the language.
        at: when it was measured.
        map: as pages get it.
    """

    key: tuple[object, ...]
    at: float
    map: dict[str, Any]


class Maps:
    """The maps of a server, measured one at a time in each lab.

    Args:
        watching: knows whether something has happened since.
    """

    def __init__(self, watching: Watching) -> None:
        self._watching = watching
        self._kept: dict[str, Measured] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def forget(self, lab: str) -> None:
        """The lab is gone."""
        self._kept.pop(lab, None)

    async def get(
        self, threads: Threads, lab: str, language: str, *, fresh: bool
    ) -> dict[str, Any]:
        """A lab's map, not older than its engine's last event."""
        async with self._locks.setdefault(lab, asyncio.Lock()):
            watch = self._watching.engine(lab)
            key = (watch and watch.record.id, watch and watch.count, language)
            kept = self._kept.get(lab)
            # without eyes on the engine nobody can say whether it is still true
            if watch is None or fresh or kept is None or kept.key != key or watch.seen != "running":
                begun = time.time()
                kept = Measured(key, begun, await threads.asking(measure, lab, language))
                self._kept[lab] = kept
            return {**kept.map, "age": round(max(0.0, time.time() - kept.at), 1)}


def measure(name: str, language: str) -> dict[str, Any]:
    """Measure a lab, and put it into words."""
    from labrunner.reach import kept, looking, picture, table

    with opened(name) as lab, words.speaking(language, lab.scenario.content):
        reach, troubles = looking.look(lab.view)
        riddle = lab.scenario.riddle
        drawn = picture.of_lab(lab.view, reach, kept.places(lab.record))
        kept.keep_places(lab.record, drawn.places)
        marked, said = _changes(lab, reach)
        tables = {name: table.table(reach, name, marked) for name in table.PROTOCOLS}
        holes = table.published(reach)
        return {
            "state": "measured",
            "svg": picture.svg(drawn),
            "words": picture.words(drawn),
            "summary": table.nothing(reach) or table.summary(reach),
            "table": asdict(tables["tcp"]),
            "tables": {name: asdict(one) for name, one in tables.items() if one.columns},
            "published": [asdict(hole) for hole in holes],
            "outside": [asdict(one) for one in table.outside(reach)],
            "legend": [asdict(one) for one in table.legend(tables.values(), holes)],
            "troubles": [asdict(one) for one in troubles],
            "notes": table.notes(reach, riddle=riddle, told=table.told_by(troubles)),
            "changes": said,
            "riddle": riddle,
        }


def _changes(lab: OpenLab, reach: Reach) -> tuple[frozenset[Any], list[str]]:
    """What is not as it was when the step began."""
    from labrunner.reach import changes, kept

    before = kept.to_compare(lab.record, "step")
    # only what is missing: the last map is the one that the learner asked for
    kept.keep(lab.record, reach, points=())
    if before is None:
        return frozenset(), []
    found = changes.compare(before[1].reach, reach)
    return changes.ways(found), changes.tell(found, riddle=lab.scenario.riddle)


def plan(name: str, language: str) -> dict[str, Any]:
    """What there is of a lab that does not run: how it starts."""
    from labrunner.reach import picture

    scenario = scenario_of(name)
    with words.speaking(language, scenario.content):
        drawn = picture.of_scenario(scenario)
        svg, said = picture.svg(drawn), picture.words(drawn)
    lists = ("legend", "notes", "troubles", "changes", "published", "outside")
    return {
        "state": "none",
        "age": 0,
        "svg": svg,
        "words": said,
        "summary": "",
        "table": {"columns": [], "rows": []},
        "tables": {},
        "riddle": False,
        **{name: [] for name in lists},
    }
