"""Killercoda scenarios → labrunner packages. Nothing of what is imported is run on the way.

`convert` is the way in; `labrunner.killercoda.runtime` is what the packages that it makes use
when they run, so this module imports nothing else until it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from labrunner.killercoda.report import Report


def convert(folder: Path, into: Path) -> Report:
    """Make an installable scenario package out of a folder with an ``index.json``.

    Args:
        folder: the Killercoda scenario; only read, and nothing outside of it.
        into: where the package's own folder is made; it exists afterwards, or not at all.

    Raises:
        LabError: the folder is no Killercoda scenario, or something in it cannot be trusted;
            nothing was written.
    """
    from labrunner.killercoda import index, package, plan
    from labrunner.killercoda.source import Source

    source = Source(folder)
    return package.write(plan.make(index.read(source)), into)
