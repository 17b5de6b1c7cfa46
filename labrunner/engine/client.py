"""Connecting to a Docker engine, and turning its errors into sentences."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner.errors import EngineError

if TYPE_CHECKING:
    import docker

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
ENGINE_VARIABLE = "LABRUNNER_ENGINE"
"""Set in a lab's shell, where ``DOCKER_HOST`` is the lab's: the engine that labs are made on."""


def connect(docker_host: str | None = None, *, timeout: float = 60) -> docker.DockerClient:
    """A client of the engine at ``docker_host`` (default: the one the ``docker`` command uses).

    Args:
        docker_host: an address as ``DOCKER_HOST`` has it.
        timeout: seconds that one call may take.

    Raises:
        EngineError: nothing answers there, or we may not talk to it.
    """
    import docker

    address = docker_host or engine_address()
    with engine_errors(f"talking to the Docker engine at {address}"):
        if docker_host is None and os.environ.get("DOCKER_TLS_VERIFY"):
            client = docker.from_env(timeout=int(timeout))
        else:
            # the version is asked for at once: this is the call that shows whether it answers
            client = docker.DockerClient(base_url=address, timeout=int(timeout), version="auto")
        return client


def engine_address() -> str:
    """The engine that labs are made on: where the ``docker`` command would look.

    That is ``DOCKER_HOST``, its context, the socket. In a lab's shell, where ``docker`` means
    the lab, it is the engine that the lab itself is on: a lab is never made inside another.
    """
    chosen = os.environ.get("DOCKER_HOST")
    outer = os.environ.get(ENGINE_VARIABLE)
    # a proof may well have an engine of its own there; in a lab's shell alone there is another
    if chosen and outer and is_a_labs_own(chosen):
        chosen = outer
    return chosen or _context_address() or DEFAULT_SOCKET


def is_a_labs_own(address: str) -> bool:
    """Whether this is the engine in a sandbox, by the private folder that its socket is in."""
    from labrunner.places import runtime_folder

    return address.startswith("unix://") and Path(address.removeprefix("unix://")).is_relative_to(
        runtime_folder()
    )


def _context_address() -> str | None:
    """The endpoint of the current Docker context (Docker Desktop and colima set one)."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path("~/.docker").expanduser())
    config = folder / "config.json"
    name = os.environ.get("DOCKER_CONTEXT")
    if not name and not config.is_file():
        return None
    from docker.context import ContextAPI

    try:
        context = ContextAPI.get_context(name)
    except Exception:  # noqa: BLE001  a damaged context must not hide the default socket
        return None
    return context.Host if context is not None else None


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Translate whatever the SDK raises while ``doing`` something into an `EngineError`."""
    import docker.errors
    import requests.exceptions

    try:
        yield
    except docker.errors.APIError as error:
        raise EngineError(f"{doing}: {_explanation(error)}", _api_hint(error)) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise _unreachable(doing, error) from error
    except OSError as error:
        raise _unreachable(doing, error) from error


def _explanation(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error).strip()


def _api_hint(error: Exception) -> str:
    text = _explanation(error)
    if "address pool" in text:
        return "remove networks that nobody uses (docker network prune), then try again"
    if "already in use" in text or "already exists" in text:
        return "rename or remove it, or use the sandbox host, where names never collide"
    if "port is already allocated" in text or "address already in use" in text:
        return "stop what listens there, or use the sandbox host, where ports never collide"
    if "No such image" in text:
        return "lab images build"
    if "no space left" in text.lower():
        return "free some disk (docker system df shows what the engine holds)"
    return "lab doctor says what this machine can do"


def _unreachable(doing: str, error: Exception) -> EngineError:
    code = _errno(error)
    if code in (errno.EACCES, errno.EPERM):
        return EngineError(
            f"{doing}: permission denied",
            "join the group docker (sudo usermod -aG docker $USER, then log in again), "
            "or point DOCKER_HOST at an engine of your own",
        )
    if code in (errno.ENOENT, errno.ECONNREFUSED) or "FileNotFoundError" in str(error):
        return EngineError(
            f"{doing}: no engine answers there",
            "start Docker, or let lab doctor --fix try; DOCKER_HOST says where to look",
        )
    if "timed out" in str(error).lower():
        return EngineError(f"{doing}: no answer in time", "is the machine overloaded?")
    return EngineError(f"{doing}: {error}", "lab doctor says what this machine can do")


def _errno(error: BaseException) -> int | None:
    """The first errno in a chain of causes; requests and urllib3 wrap it several times."""
    seen: set[int] = set()
    queue: list[BaseException] = [error]
    while queue:
        current = queue.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, OSError) and current.errno is not None:
            return current.errno
        queue += [e for e in (current.__cause__, current.__context__) if e is not None]
        queue += [a for a in current.args if isinstance(a, BaseException)]
    return None
