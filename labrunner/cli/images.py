"""``lab images``: what the labs are made of, as images on your engine or in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from labrunner.cli import ui
from labrunner.errors import UsageError

if TYPE_CHECKING:
    from labrunner.engine.stock import Stock

app = typer.Typer(
    help="List, build, remove, save and load the images of the labs.", no_args_is_help=True
)

AT_FAULT = 3

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Scenarios = Annotated[
    list[str] | None, typer.Argument(metavar="[SCENARIO]...", help="Default: every one.")
]


@app.command("list")
def list_images(*, as_json: Json = False) -> None:
    """Show every image, whether it is there, and how much of your disk it takes."""
    from labrunner.engine import client, stock

    rows = stock.list_images(client.connect(), _users(None))
    if as_json:
        ui.say_json({"images": rows})
        return
    ui.table([_row(row) for row in rows])
    ui.note("\nOWN is what an image adds to the base, which all share.")
    if any(row.state == "missing" for row in rows):
        ui.note("lab images build makes what is missing; so does lab start, for its lab.")
    if any(row.state == "outdated" for row in rows):
        ui.note("lab images remove --outdated frees what no lab uses any more.")


@app.command()
def build(
    scenarios: Scenarios = None,
    *,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Make all anew, for newer packages from Debian.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build what is missing: the base, the sandbox host and the images of scenarios."""
    from labrunner.engine import client, images, stock

    users = {stock.RUNNER: _own(scenarios), **_users(scenarios)}
    engine = client.connect()
    with ui.Progress("Images", quiet=as_json) as progress:
        built = images.ensure_all(engine, list(users.values()), fresh=fresh, on_event=progress)
    if as_json:
        ui.say_json(dict(zip(users, built, strict=True)))
    else:
        ui.say(f"{len(_refs(built))} images are ready.")


@app.command()
def remove(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[IMAGE]...", help="As lab images list shows.")
    ] = None,
    *,
    outdated: Annotated[
        bool, typer.Option("--outdated", help="Those that no lab uses any more.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Every image of labrunner.")] = False,
    as_json: Json = False,
) -> None:
    """Remove images of labrunner from your engine; no other image is touched."""
    from labrunner.engine import client, stock

    engine = client.connect()
    rows = stock.list_images(engine, _users(None))
    chosen = _chosen(rows, names or [], outdated=outdated, everything=everything)
    removal = stock.remove(engine, chosen)
    if as_json:
        ui.say_json(removal)
    else:
        for ref in removal.removed:
            ui.say(f"removed  {ref}")
        for ref, why in removal.kept.items():
            ui.say(ui.wrap(f"kept     {ref}: {why}", " " * 9))
        if not removal.removed and not removal.kept:
            ui.say("Nothing to remove.")
    if removal.kept:
        raise typer.Exit(AT_FAULT)


@app.command()
def save(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The bundle to write.")],
    scenarios: Scenarios = None,
) -> None:
    """Save the images in one file, for machines without a way to a registry or Debian."""
    from labrunner.engine import base, bundle, client, images

    groups = [_own(scenarios), *_users(scenarios).values()]
    engine = client.connect()
    with ui.Progress(f"Saving images in {file}") as progress:
        refs = _refs(images.ensure_all(engine, groups, on_event=progress))
        refs.add(base.ensure(engine, on_event=progress))
        saved = bundle.save(engine, sorted(refs), file, on_event=progress)
    ui.say(f"{len(saved)} images are in {file} ({_megabytes(file.stat().st_size)}).")


@app.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle of lab images save.")],
) -> None:
    """Load the images of a bundle."""
    from labrunner.engine import bundle, client, stock

    engine = client.connect()
    with ui.Progress(f"Loading images from {file}") as progress:
        saved = bundle.load(engine, file, on_event=progress)
    ui.say(f"{len(saved)} images are loaded.")
    missing = [s.name for s in stock.list_images(engine, _users(None)) if s.state == "missing"]
    if missing:
        ui.note(ui.wrap(f"Not in this bundle, or in another version: {', '.join(missing)}"))


# --- choosing -----------------------------------------------------------------------------


def _users(names: list[str] | None) -> dict[str, dict[str, Path]]:
    """Scenario's name → its images; of every scenario where none is named."""
    from labrunner import plugins
    from labrunner.engine.hosts import image_folders

    if names:
        scenarios = [plugins.find(name) for name in names]
    else:
        scenarios = list(plugins.discover().scenarios)
    return {scenario.name: image_folders(scenario) for scenario in scenarios}


def _own(names: list[str] | None) -> dict[str, Path]:
    """The runner's own images that these scenarios need: the host; all, where none is named."""
    from labrunner.engine import images

    known = dict(images.KNOWN)
    return {images.HOST_IMAGE: known[images.HOST_IMAGE]} if names else known


def _refs(built: list[dict[str, str]]) -> set[str]:
    return {ref for group in built for ref in group.values()}


def _chosen(
    rows: list[Stock], names: list[str], *, outdated: bool, everything: bool
) -> list[Stock]:
    if not names and not outdated and not everything:
        raise UsageError("say which images", "name them, or use --outdated or --all")
    known = {row.name for row in rows} | {row.ref for row in rows}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no image {name!r} of labrunner", "lab images list")
    return [
        row
        for row in rows
        if everything
        or (outdated and row.state == "outdated")
        or row.name in names
        or row.ref in names
    ]


# --- showing ------------------------------------------------------------------------------


def _row(row: Stock) -> dict[str, str]:
    return {
        "image": row.name,
        "state": row.state,
        "size": _megabytes(row.size),
        "own": _megabytes(row.own),
        "used by": ", ".join(row.used_by) or "-",
    }


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.0f} MB"
