"""Commands and files in a container, through the engine's API."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from labrunner.engine.client import engine_errors
from labrunner.errors import EngineError
from labrunner.model import Result

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
    api = client.api
    with engine_errors(f"running {argv[0]} in {container}"):
        made = api.exec_create(container, list(argv), user=user or "")
        stream = api.exec_start(made["Id"], stream=True, demux=True)
    out, err = bytearray(), bytearray()
    failure: list[BaseException] = []

    def read() -> None:
        try:
            for part_out, part_err in stream:
                out.extend(part_out or b"")
                err.extend(part_err or b"")
                if len(out) + len(err) > OUTPUT_LIMIT:
                    return
        except Exception as error:  # noqa: BLE001  handed to the waiting thread below
            failure.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(timeout)
    if reader.is_alive():
        raise EngineError(f"{' '.join(argv)} in {container} did not end within {timeout:g} s")
    with engine_errors(f"running {argv[0]} in {container}"):
        if failure:
            raise failure[0]
        code = api.exec_inspect(made["Id"])["ExitCode"]
    return Result(int(code or 0), _text(out), _text(err))


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
