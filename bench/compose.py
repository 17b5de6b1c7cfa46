"""A `docker compose` to measure against, and the same topology written for it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from labrunner.engine.client import connect
from labrunner.engine.hosts import image_folders
from labrunner.engine.images import ensure
from labrunner.model.scenario import Scenario
from labrunner.model.topology import Container

HEALTH_INTERVAL = "250ms"


def program(cache: Path) -> list[str]:
    """A compose v2 command: the installed one, else Debian 13's, taken out of its package."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    if plugin.returncode == 0:
        return ["docker", "compose"]
    standalone = cache / "docker-compose"
    if not standalone.exists():
        _extract(standalone)
    return [str(standalone)]


def _extract(target: Path) -> None:
    """Let an image of Debian 13 fetch its own docker-compose package, and copy the program."""
    target.parent.mkdir(parents=True, exist_ok=True)
    context = target.parent / "compose-context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(
        "ARG BASE=debian:trixie-slim\nFROM ${BASE}\n"
        "RUN apt-get update -qq && cd /tmp && apt-get download -qq docker-compose"
        " && dpkg-deb -x docker-compose_*.deb /compose && rm -rf /var/lib/apt/lists/*\n",
        encoding="utf-8",
    )
    reference = ensure(connect(), {"bench/compose:1": context})["bench/compose:1"]
    made = subprocess.run(
        ["docker", "create", reference, "true"], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        found = subprocess.run(["docker", "export", made], capture_output=True, check=True).stdout
        archive = target.parent / "compose.tar"
        archive.write_bytes(found)
        _take(archive, target)
        archive.unlink()
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", made], capture_output=True, check=False)
        shutil.rmtree(context)


def _take(archive: Path, target: Path) -> None:
    import tarfile

    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and Path(member.name).name == "docker-compose":
                file = tar.extractfile(member)
                if file is not None and member.size > 2**20:
                    target.write_bytes(file.read())
                    target.chmod(0o755)
                    return
    raise SystemExit("Debian's docker-compose package holds no such program any more")


def topology(scenario: Scenario, file: Path) -> None:
    """Write a scenario's topology as a compose file (JSON is YAML) with health checks."""
    references = ensure(connect(), image_folders(scenario))
    document = {
        "name": "labrunner-bench",
        "services": {c.name: _service(c, references) for c in scenario.containers},
        "networks": {n.name: {"name": n.name, "internal": n.internal} for n in scenario.networks},
    }
    file.write_text(json.dumps(document), encoding="utf-8")


def _service(container: Container, references: dict[str, str]) -> dict[str, Any]:
    service: dict[str, Any] = {
        "image": references[container.image],
        "container_name": container.name,
        "networks": list(container.networks),
        "environment": dict(container.env),
        "cap_add": list(container.cap_add),
        "cap_drop": list(container.cap_drop),
        "ports": [f"{p.address}:{p.host}:{p.container}" for p in container.ports],
    }
    if container.command is not None:
        service["command"] = list(container.command)
    if container.ready is not None:
        service["healthcheck"] = {
            "test": ["CMD", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{container.ready.port}"],
            "interval": HEALTH_INTERVAL,
            "timeout": "2s",
            "retries": 80,
        }
    return service
