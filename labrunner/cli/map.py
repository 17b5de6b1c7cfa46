"""`lab map`: measures who can reach whom, and shows it, compares it, or draws it."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.cli import ui
from labrunner.cli.map_table import Compared, Shown, draw
from labrunner.errors import UsageError
from labrunner.reach import changes, kept, looking, table
from labrunner.words import tr

if TYPE_CHECKING:
    from labrunner.model.reach import Reach, Trouble
    from labrunner.reach.kept import Point
    from labrunner.session import OpenLab


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        since: what to compare with; ``None``: nothing.
        everything: all protocols, published ports and the way out.
        as_json: everything, for programs.
        output: the file that a drawing goes to; ``None``: standard output.
    """

    since: Point | None = None
    everything: bool = False
    as_json: bool = False
    output: Path | None = None


def point(since: str | None, *, diff: bool) -> Point | None:
    """What to compare with, as it was typed.

    Raises:
        UsageError: there is no such point.
    """
    wanted = since or ("last" if diff else None)
    for one in kept.POINTS:
        if one == wanted:
            return one
    if wanted is None:
        return None
    raise UsageError(f"there is no beginning called {wanted!r}", "--since last, step or lab")


def refuse(wanted: Wanted, *, svg: bool, watch: bool) -> None:
    """Say of options that mean nothing together that they do.

    Raises:
        UsageError: they do not go together.
    """
    if wanted.output is not None and not svg:
        raise UsageError("--output is for a drawing", "lab map --svg --output FILE")
    others = [("--json", wanted.as_json), ("--watch", watch), ("--svg", svg)]
    given = [option for option, asked in others if asked]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} do not go together", "choose one of them")


def show(lab: OpenLab, wanted: Wanted) -> None:
    """Measure a lab, keep it for the next comparison, and print it for this terminal."""
    with ui.waiting(tr("Measuring who can reach whom"), quiet=wanted.as_json):
        reach, named = looking.look(lab.view)
    compared, lacking = compare(lab, reach, wanted.since)
    kept.keep(lab.record, reach)
    if wanted.as_json:
        ui.say_json(to_json(reach, named, compared))
        return
    shown = Shown(reach, wanted.everything, lab.scenario.riddle, named, compared)
    ui.say(draw(shown, ui.width(), ui.paint))
    if lacking:
        ui.say()
        ui.say(ui.wrap(lacking))


def watch(lab: OpenLab, wanted: Wanted) -> None:
    """Measure again and again, and say each time what changed."""
    from labrunner.cli.map_watch import Watch

    Watch(lab, wanted).run()


def compare(lab: OpenLab, reach: Reach, since: Point | None) -> tuple[Compared | None, str]:
    """What changed, where it was asked for; or why that cannot be said."""
    if since is None:
        return None, ""
    found = kept.to_compare(lab.record, since)
    if found is None:
        said = tr("Nothing was measured before: there is nothing to compare with.")
        return None, f"{said} {tr('This map is kept for the next time.')}"
    which, before = found
    return Compared(which, before.at, changes.compare(before.reach, reach)), ""


def to_json(
    reach: Reach, named: tuple[Trouble, ...] = (), compared: Compared | None = None
) -> dict[str, Any]:
    """All of it, for programs."""
    return {
        **table.to_json(reach),
        "troubles": [asdict(one) for one in named],
        "compared": asdict(compared) if compared else None,
    }


# --- the picture --------------------------------------------------------------------------


def draw_plan(name: str, output: Path | None) -> None:
    """Draw a scenario as it starts; nothing needs to run."""
    from labrunner import plugins
    from labrunner.reach import picture

    _give(picture.svg(picture.of_scenario(plugins.find(name)), alone=True), output)


def draw_lab(lab: OpenLab, wanted: Wanted) -> None:
    """Draw a running lab as it is measured now."""
    from labrunner.reach import picture

    reach = lab.view.reach()
    drawn = picture.of_lab(lab.view, reach, kept.places(lab.record))
    kept.keep(lab.record, reach)
    kept.keep_places(lab.record, drawn.places)
    _give(picture.svg(drawn, alone=True), wanted.output)


def _give(drawing: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(drawing)
        return
    try:
        output.write_text(drawing, encoding="utf-8")
    except OSError as error:
        what = f"cannot write {output}: {error.strerror}"
        raise UsageError(what, "choose another --output") from error
    ui.note(tr("The picture is in {1}.", output))
