"""Runs the page's server with limits that a test has chosen: ``python serve.py OPTIONS``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from labrunner.web import serving
from labrunner.web.server import Options

if TYPE_CHECKING:
    from labrunner.web.address import Running


def tell(running: Running) -> None:
    """Say where it is, to whoever reads our output."""
    sys.stdout.write(f"{running.address}\n")
    sys.stdout.flush()


serving.run(port=0, options=Options(**json.loads(sys.argv[1])), on_ready=tell)
