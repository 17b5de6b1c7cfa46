"""Commands and files in a container, through the engine's API."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labrunner.engine.client import engine_errors
from labrunner.engine.hijack import STDERR, STDOUT, Exec
from labrunner.errors import EngineError
from labrunner.model.result import Result

if TYPE_CHECKING:
    import docker

OUTPUT_LIMIT = 4 * 1024 * 1024
"""Bytes of a command's output that are kept; more is a mistake, not an answer."""


def run_in(
    client: docker.DockerClient,
    container: str,
    argv: Sequence[str],
    *,
    timeout: float,
    user: str | None = None,
) -> Result:
    """Run a command in a container and give its exit code and outputs.

    Raises:
        EngineError: no such container, it does not run, or the command outlasts ``timeout``
            seconds (it is left behind then: the engine has no way to end it).
    """
    outputs = {STDOUT: bytearray(), STDERR: bytearray()}
    late = f"{' '.join(argv)} in {container} did not end within {timeout:g} s"
    try:
        # not the SDK's own reader: on a busy machine it loses one answer in ten, namely what
        # came together with the headers
        with Exec(client, container, argv, user=user or "", stdin=False) as command:
            for kind, part in command.frames(time.monotonic() + timeout):
                outputs[kind] += part
                if sum(map(len, outputs.values())) > OUTPUT_LIMIT:
                    break
            code = command.code()
    except TimeoutError as error:
        raise EngineError(late) from error
    return Result(code, _text(outputs[STDOUT]), _text(outputs[STDERR]))


def read_file(client: docker.DockerClient, container: str, path: str) -> str | None:
    """The text of a file in a container, running or not; ``None`` where it is not there."""
    import docker.errors

    try:
        with engine_errors(f"reading {path} in {container}"):
            stream, stat = client.api.get_archive(container, path)
            size = int(stat["size"])
            archive = b"".join(stream) if size <= OUTPUT_LIMIT else b""
    except EngineError as error:
        if isinstance(error.__cause__, docker.errors.NotFound):
            return None
        raise
    if not archive:
        raise EngineError(f"{path} in {container} is larger than {OUTPUT_LIMIT} bytes")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None:
                return _text(file.read())
    return None


def _text(data: bytes | bytearray) -> str:
    return bytes(data).decode("utf-8", "replace")
