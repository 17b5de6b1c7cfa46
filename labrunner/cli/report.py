"""What the terminal says of a lab's standing."""

from __future__ import annotations

from labrunner.cli import ui
from labrunner.standing import Standing
from labrunner.words import count, tr


def show(row: Standing) -> None:
    """Print one lab's standing."""
    minutes = count(row.minutes, "minute", "minutes")
    host = tr(row.host)
    ui.say(ui.wrap(tr("{1}  on a {2} host, started {3} ago", row.scenario, host, minutes), "  "))
    if row.engine == "gone":
        ui.say(f"  {tr('The engine has lost it (a reboot, or it was removed).')}")
        ui.say(f"  {tr('lab reset --step makes it anew at your step; lab stop forgets it.')}")
    elif row.engine == "unknown":
        ui.say(ui.wrap(f"  {tr('Whether it still runs cannot be said: {1}', row.problem)}", "  "))
    elif row.problem:
        ui.say(ui.wrap(f"  {row.problem}", "  "))
    checks = count(row.attempts, "check", "checks")
    done = tr("{1} of {2} steps passed, {3}", len(row.passed), row.steps, checks)
    here = (
        tr("at step {1}: {2} ({3})", row.number, row.title, row.step)
        if row.step
        else tr("every step is done")
    )
    ui.say(ui.wrap(f"  {tr('{1}; {2}', done, here)}", "  "))
