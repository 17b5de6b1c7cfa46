"""Starting a Docker engine that is installed but does not run."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

from labrunner.engine import client
from labrunner.errors import EngineError

PATIENCE = 60.0
POLL = 0.05
LOG = Path("/var/log/dockerd.log")


def start() -> str:
    """Start the engine of this machine and wait until it answers; says how it was started.

    Raises:
        EngineError: there is none, we may not, or it did not come up.
    """
    if shutil.which("dockerd") is None:
        raise EngineError(
            "no Docker engine is installed on this machine",
            "Debian and Ubuntu: apt-get install docker.io; "
            "macOS and Windows: start Docker Desktop; others: https://docs.docker.com/engine/install/",
        )
    if os.geteuid() != 0:
        raise EngineError(
            "the Docker engine is installed but does not run",
            "sudo systemctl start docker (or sudo dockerd), then try again",
        )
    if Path("/run/systemd/system").is_dir():
        done = subprocess.run(
            ["systemctl", "start", "docker"], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise EngineError(
                f"systemctl start docker: {done.stderr.strip()}", "journalctl -u docker"
            )
        _wait(None)
        return "started through systemd"
    with LOG.open("ab") as log:
        process = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    _wait(process)
    return f"started dockerd as process {process.pid}; its log is {LOG}"


def _wait(process: subprocess.Popen[bytes] | None) -> None:
    """Until the engine answers; stops early when its process died."""
    pause = threading.Event()
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client.connect().close()
        except EngineError:
            dead = process is not None and process.poll() is not None
            if dead or time.monotonic() > deadline:
                tail = "\n".join(LOG.read_text(errors="replace").splitlines()[-5:]) if dead else ""
                raise EngineError(
                    f"the engine did not come up {tail}".strip(), f"see {LOG}"
                ) from None
            # the socket's folder may not exist yet, so there is nothing to wait on
            pause.wait(POLL)
        else:
            return
