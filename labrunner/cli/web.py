"""The page: `lab open` shows it, `lab serve` is its server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from labrunner import __version__
from labrunner.cli import ui
from labrunner.cli.options import Json
from labrunner.errors import LabError

if TYPE_CHECKING:
    from labrunner.web.address import Running

PATIENCE = 60.0
"""Seconds that a server may take to begin."""

Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Where it listens.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("open")(open_page)
    app.command("serve")(serve)


def open_page(
    *,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in your browser.")
    ] = True,
    port: Port = None,
    as_json: Json = False,
) -> None:
    """Open the labs' page in your browser; its server is started where none runs."""
    from labrunner.web import address

    with address.alone(2 * PATIENCE):
        running = address.find() or _start(port)
    if as_json:
        ui.say_json(running)
    else:
        ui.say(running.address)
    if running.version != __version__:
        old = f"This page is of labrunner {running.version}: lab serve --stop, then lab open."
        ui.note(ui.wrap(old))
    if browser and not as_json and _can_show():
        import webbrowser

        webbrowser.open(address.for_a_browser(running))


def serve(
    *,
    port: Port = None,
    bind: Annotated[
        str, typer.Option("--bind", help="Address to listen at; beyond this machine at your risk.")
    ] = "127.0.0.1",
    stop: Annotated[bool, typer.Option("--stop", help="End the server; the labs stay.")] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Say whether it runs, and where.")
    ] = False,
    ready: Annotated[int | None, typer.Option("--ready", hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """Serve the labs' page, until Ctrl-C; the labs stay."""
    from labrunner.web import address

    if stop or status:
        running = address.find()
        (_end if stop else _tell)(running, as_json=as_json)
        return
    from labrunner.web import gate, serving

    _need_page()
    if not gate.is_loopback(bind):
        ui.note(
            ui.wrap(
                "Whoever can reach this address and has the token can do on this machine what "
                "you can. The connection is not encrypted: others on the way can read both."
            )
        )
    told = _Told(ready)
    try:
        serving.run(bind=bind, port=port, on_ready=told.running)
    except LabError as error:
        told.failed(error)
        raise


def _tell(running: Running | None, *, as_json: bool) -> None:
    if as_json:
        ui.say_json(running)
    elif running is None:
        ui.say("No page is served. lab open begins.")
    else:
        ui.say(f"{running.address} (process {running.pid})")
    if running is None:
        raise typer.Exit(1)


def _end(running: Running | None, *, as_json: bool) -> None:
    from labrunner.web import address

    if running is not None and not address.stop(running):
        raise LabError(
            f"the server (process {running.pid}) does not end", "it may be undoing a start: wait"
        )
    if as_json:
        ui.say_json({"stopped": running is not None})
    else:
        ui.say("No page was served." if running is None else "The server has ended; labs stay.")


def _need_page() -> None:
    """Say at once where the page itself is missing."""
    from labrunner.web import app

    if not app.is_built():
        raise LabError(
            f"the page was not built: there is no {app.INDEX}",
            "in a checkout, make page builds it; a released labrunner has it",
        )


class _Told:
    """Where the server says that it runs: to who started it, or to the terminal."""

    def __init__(self, ready: int | None) -> None:
        self._ready = ready

    def running(self, running: Running) -> None:
        """It listens."""
        from dataclasses import asdict

        if self._ready is None:
            ui.say(running.address)
            ui.note("Ctrl-C ends the server; the labs stay.")
            import sys

            sys.stdout.flush()
        else:
            self._write(asdict(running))

    def failed(self, error: LabError) -> None:
        """It does not."""
        if self._ready is not None:
            self._write({"message": error.message, "hint": error.hint})

    def _write(self, found: dict[str, Any]) -> None:
        import json
        from contextlib import suppress

        assert self._ready is not None  # noqa: S101  who calls has looked
        with suppress(OSError):
            os.write(self._ready, json.dumps(found).encode())
            os.close(self._ready)


def _start(port: int | None) -> Running:
    """Start a server in the background, and wait until it listens.

    Raises:
        LabError: it does not; says what it said.
    """
    import json
    import select
    import subprocess
    import sys

    from labrunner.web import address

    _need_page()
    log = address.log_file()
    heard, tell = os.pipe()
    wanted = [] if port is None else ["--port", str(port)]
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "labrunner", "serve", "--ready", str(tell), *wanted],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            pass_fds=[tell],
            start_new_session=True,
        )
    os.close(tell)
    try:
        if not select.select([heard], [], [], PATIENCE)[0]:
            process.terminate()
            raise LabError(f"the server did not begin within {PATIENCE:g} s", f"see {log}")
        answer = os.read(heard, 65536)
    finally:
        os.close(heard)
    found = json.loads(answer) if answer else {"message": "the server ended", "hint": f"see {log}"}
    if "message" in found:
        # somebody else may have been faster
        return address.find() or _failed(found)
    return address.Running(**found)


def _failed(found: dict[str, str]) -> Running:
    raise LabError(found["message"], found["hint"])


def _environment() -> dict[str, str]:
    """Ours, without what a lab's own shell has: the server outlives that lab."""
    from labrunner.engine.client import ENGINE_VARIABLE, engine_address
    from labrunner.session import LAB_VARIABLE

    kept = dict(os.environ)
    if LAB_VARIABLE in kept:
        kept["DOCKER_HOST"] = engine_address()
        kept.pop(ENGINE_VARIABLE, None)
        kept.pop(LAB_VARIABLE)
    return kept


def _can_show() -> bool:
    """Whether there is somebody in front of a screen."""
    import sys

    display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and (display or sys.platform == "darwin")
