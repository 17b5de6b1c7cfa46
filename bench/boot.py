"""What a sandbox's start costs, against the same engine started plainly in the same image.

    python -m bench.boot [--rounds N]

*Plainly* means: dockerd launches its own containerd, and images come by ``docker load``.
Everything else (limits, namespaces, the engine's other settings) is the same in both. Images are
of random bytes, so that nothing can compress them. Exit code 1 where a ratio is over 0.5.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from labrunner.engine import images, outer_box, sandbox, template
from labrunner.engine.client import connect
from labrunner.model.topology import Limits
from tests.sandboxes import changed

if TYPE_CHECKING:
    import docker

SIZES = (0, 20, 500, 2000)
"""Megabytes of images."""

LOADED = 500
"""Megabytes up to which the plain engine is made to load them too: it takes seconds."""

BOUND = 0.5
LIMITS = Limits(memory="6g", disk="3g")

PLAIN = r"""
RUN sed -i -e 's/^start_containerd$/:/' -e '/--containerd /d' /usr/local/sbin/lab-host
"""
"""Makes the host image's entry point leave containerd to dockerd."""


@contextmanager
def image_of(engine: docker.DockerClient, megabytes: int, folder: Path) -> Iterator[dict[str, str]]:
    """An image of so many random megabytes, by a learner's name; none for 0."""
    if not megabytes:
        yield {}
        return
    archive = folder / "image.tar"
    with (
        tarfile.open(archive, "w") as tar,
        tempfile.TemporaryFile(dir=folder) as data,
    ):
        for _ in range(megabytes):
            data.write(os.urandom(1_000_000))
        data.seek(0)
        info = tarfile.TarInfo("random")
        info.size = megabytes * 1_000_000
        tar.addfile(info, data)
    repository = f"labbench-{secrets.token_hex(4)}"
    engine.api.import_image_from_file(str(archive), repository, "1")
    archive.unlink()
    try:
        yield {"mine:1": f"{repository}:1"}
    finally:
        identity = engine.api.inspect_image(f"{repository}:1")["Id"]
        for each in template.templates(engine):
            if identity in each.images:
                template.remove_template(engine, each)
        engine.images.remove(f"{repository}:1")


def ours(
    engine: docker.DockerClient, host_image: str, wanted: dict[str, str], folder: Path
) -> tuple[float, float]:
    """Seconds until a sandbox's engine answers, and seconds of its removal."""
    lab_id = f"bench-{secrets.token_hex(4)}"
    spec = sandbox.SandboxSpec(lab_id, "lab-host", LIMITS, wanted, False, folder)
    begun = time.perf_counter()
    made = sandbox.create(engine, spec, host_image=host_image)
    up = time.perf_counter()
    made.close()
    sandbox.remove(engine, lab_id)
    return up - begun, time.perf_counter() - up


def theirs(engine: docker.DockerClient, plain: str, wanted: dict[str, str], folder: Path) -> float:
    """Seconds until a plain engine answers and has the images."""
    box = outer_box.Box(
        name=f"labrunner-bench-{secrets.token_hex(4)}",
        image=plain,
        limits=LIMITS,
        socket_folder=folder / "sock",
    )
    begun = time.perf_counter()
    try:
        outer_box.start(engine, box)
        if wanted:
            inner = connect(f"unix://{folder}/sock/docker.sock", timeout=600)
            for ref in wanted.values():
                inner.api.load_image(engine.api.get_image(ref, chunk_size=1 << 20))
            inner.close()
        return time.perf_counter() - begun
    finally:
        outer_box.remove(engine, box.name)


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    engine = connect(timeout=600)
    host_image = images.host_image(engine)
    held = True
    print("   images     ours    plain  ratio  removal")
    with (
        tempfile.TemporaryDirectory(prefix="labbench-") as name,
        changed(engine, host_image, PLAIN) as plain,
    ):
        folder = Path(name)
        for megabytes in SIZES:
            with image_of(engine, megabytes, folder) as wanted:
                ours(engine, host_image, wanted, folder)  # makes the template
                figures = []
                for _ in range(rounds):
                    up, down = ours(engine, host_image, wanted, folder)
                    slow = (
                        theirs(engine, plain, wanted, folder)
                        if megabytes <= LOADED
                        else float("nan")
                    )
                    figures.append((up, slow, down))
                up, slow, down = (median(column) for column in zip(*figures, strict=True))
                held &= not up / slow > BOUND  # not a number: was not measured
                print(
                    f"{megabytes:6} MB {up * 1000:6.0f}ms {slow * 1000:6.0f}ms"
                    f" {up / slow:6.2f} {down * 1000:6.0f}ms",
                    flush=True,
                )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
