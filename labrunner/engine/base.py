"""The one base image below all others: pulled, or made from Debian's packages.

Its name is a digest of the recipe here, not of its bytes. So a base from a registry, one made
on this machine and one from a bundle serve the same images, and a Debian that moved on since
does not make every image rebuild; ``lab images build --fresh`` renews it on purpose.
"""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import shutil
import subprocess
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labrunner.engine.background import Ongoing, clip, watched
from labrunner.engine.client import engine_errors
from labrunner.errors import EngineError
from labrunner.model.event import OnEvent, ignore_event

if TYPE_CHECKING:
    import docker

NAME = "base"
SUITE = "trixie"
UPSTREAM = f"debian:{SUITE}-slim"
REPOSITORY = "labrunner/base"
IMAGE_LABEL = "labrunner.image"
INPUTS_LABEL = "labrunner.inputs"

# what a lab never reads; dpkg remembers it for every later apt-get install in an image
_LEFT_OUT = ("man", "info", "locale", "lintian", "doc-base", "doc")
_DPKG = (
    *(f"path-exclude=/usr/share/{part}/*" for part in _LEFT_OUT),
    "path-include=/usr/share/doc/*/copyright",
    # an image that was cut off is built again: no need to wait for the disk after each file
    "force-unsafe-io",
)
_APT = (
    'APT::Install-Recommends "false"',
    'APT::Keep-Downloaded-Packages "false"',
    'Acquire::Languages "none"',
    # these two caches are 90 MB in every image that installs something
    'Dir::Cache::pkgcache ""',
    'Dir::Cache::srcpkgcache ""',
)
_APT_FILE = "/etc/apt/apt.conf.d/99labrunner"
_WRITE_APT = f"printf '%s;\\n' {shlex.join(_APT)} >"
_RECIPE = "\n".join(("labrunner base 1", SUITE, *_DPKG, *_APT))

INPUTS = hashlib.sha256(_RECIPE.encode()).hexdigest()
REF = f"{REPOSITORY}:{INPUTS[:12]}"

_REGISTRY_PATIENCE = 5.0
_STALLED = 60.0
_LAST_LINES = 6
_WIDE = 300

# Go's names of architectures, where Debian's differ
_DEBIAN_ARCH = {"arm": "armhf", "386": "i386", "ppc64le": "ppc64el"}


class Unavailable(Exception):  # noqa: N818  not an error: the next way is tried
    """This way to a base is not open here; the text says why in a few words."""


Way = Callable[["docker.DockerClient", Ongoing], None]


def ensure(
    client: docker.DockerClient,
    *,
    on_event: OnEvent = ignore_event,
    ways: Mapping[str, Way] | None = None,
) -> str:
    """The reference of the base image, made available first where it is missing.

    Raises:
        EngineError: no way is open; says why for each, and what to do.
    """
    if present(client):
        return REF
    return make(client, on_event=on_event, ways=ways)


def present(client: docker.DockerClient) -> bool:
    """Whether the engine has the base."""
    return _has(client, REF)


def make(
    client: docker.DockerClient,
    *,
    on_event: OnEvent = ignore_event,
    ways: Mapping[str, Way] | None = None,
) -> str:
    """Make the base anew by the first way that is open; see `ensure`."""
    ongoing = Ongoing(NAME, on_event)
    reasons = []
    for what, way in (WAYS if ways is None else ways).items():
        ongoing.step(f"Debian {SUITE} {what}")
        try:
            way(client, ongoing)
        except Unavailable as reason:
            reasons.append(f"{what}: {reason}")
            continue
        ongoing.done(what)
        return REF
    ongoing.failed("not to be had here")
    raise EngineError(
        "the base image cannot be had here\n" + "\n".join(f"    {reason}" for reason in reasons),
        "on a machine that has the images run: lab images save FILE; "
        "bring the file here and run: lab images load FILE",
    )


def _has(client: docker.DockerClient, ref: str) -> bool:
    import docker.errors

    with engine_errors(f"looking for the image {ref}"):
        try:
            client.images.get(ref)
        except docker.errors.ImageNotFound:
            return False
        return True


# --- from a registry ----------------------------------------------------------------------


def from_registry(client: docker.DockerClient, ongoing: Ongoing) -> None:
    """Pull the base; a registry that does not answer within seconds is none."""
    brought = not _has(client, UPSTREAM)
    if brought:
        _pull(client, ongoing)
    recipe = (
        f"FROM {UPSTREAM}\n"
        f"RUN {_WRITE_APT} {_APT_FILE}\n"
        f"LABEL {IMAGE_LABEL}={NAME} {INPUTS_LABEL}={INPUTS}\n"
    )

    def build(_tell: Callable[[None], None]) -> None:
        for line in client.api.build(
            fileobj=io.BytesIO(recipe.encode()), tag=REF, rm=True, forcerm=True, decode=True
        ):
            if "error" in line:
                raise Unavailable(clip(str(line["error"]), _WIDE))

    with engine_errors("naming the base image"):
        watched(build, lambda _nothing: ongoing.beat("setting apt up"))
        if brought:
            # its layers live on under our name; the learner's list of images stays theirs
            client.api.remove_image(UPSTREAM, noprune=True)


def _pull(client: docker.DockerClient, ongoing: Ongoing) -> None:
    import docker.errors
    import requests.exceptions

    def ask(_tell: Callable[[None], None]) -> object:
        return client.images.get_registry_data(UPSTREAM)

    def pull(tell: Callable[[dict[str, Any]], None]) -> None:
        repository, tag = UPSTREAM.split(":")
        for line in client.api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in line:
                raise Unavailable(clip(str(line["error"]), _WIDE))
            tell(line)

    try:
        watched(ask, lambda _nothing: ongoing.beat(), patience=_REGISTRY_PATIENCE)
        watched(pull, _Pulled(ongoing), patience=_STALLED)
    except TimeoutError as error:
        raise Unavailable(str(error)) from error
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        raise Unavailable(clip(str(getattr(error, "explanation", "") or error), _WIDE)) from error


class _Pulled:
    """Adds up the bytes of a pull's layers."""

    def __init__(self, ongoing: Ongoing) -> None:
        self._ongoing = ongoing
        self._layers: dict[str, tuple[int, int]] = {}

    def __call__(self, line: dict[str, Any] | None) -> None:
        detail = (line or {}).get("progressDetail") or {}
        if line and detail.get("total"):
            self._layers[line.get("id", "")] = (detail.get("current", 0), detail["total"])
        have, of = (sum(pair[i] for pair in self._layers.values()) for i in (0, 1))
        self._ongoing.beat(f"pulling, {have / 1e6:.0f} of {of / 1e6:.0f} MB")


# --- from Debian's packages ---------------------------------------------------------------


def from_packages(client: docker.DockerClient, ongoing: Ongoing) -> None:
    """Make the base with mmdebstrap, which is installed first where that is possible."""
    tool = shutil.which("mmdebstrap") or _install_mmdebstrap(ongoing)
    with engine_errors("asking the engine for its version"):
        engine = str(client.version().get("Arch", ""))
    ours = _output(["dpkg", "--print-architecture"]) or ""
    if _DEBIAN_ARCH.get(engine, engine) != ours:
        raise Unavailable(f"this machine makes {ours} images, the engine runs {engine}")
    with tempfile.TemporaryDirectory(prefix="labrunner-base-") as folder:
        tar = Path(folder) / "base.tar"
        _run([tool, *_mmdebstrap_arguments(), SUITE, str(tar)], ongoing, "mmdebstrap")
        _import(client, tar, ongoing)


def _mmdebstrap_arguments() -> Iterator[str]:
    yield from ("--variant=minbase", "--format=tar")
    yield from (f"--dpkgopt={line}" for line in _DPKG)
    # not --aptopt: mmdebstrap itself needs the packages that it downloaded
    yield f'--customize-hook={_WRITE_APT} "$1"{_APT_FILE}'
    # copied from the machine that it runs on; caches that apt was just told not to know
    yield '--customize-hook=rm -f "$1"/etc/hostname "$1"/etc/resolv.conf "$1"/var/cache/apt/*.bin'


def _install_mmdebstrap(ongoing: Ongoing) -> str:
    if not shutil.which("apt-get"):
        raise Unavailable("mmdebstrap is for Debian and its kin, this is none")
    if os.geteuid() != 0:
        raise Unavailable("mmdebstrap is missing (sudo apt-get install mmdebstrap)")
    install = ["apt-get", "install", "-y", "--no-install-recommends"]
    packages = ["mmdebstrap", "debian-archive-keyring"]
    ongoing.step("installing mmdebstrap")
    try:
        _run([*install, *packages], ongoing, "apt-get install")
    except Unavailable:
        # the lists of packages are old, or there are none yet
        _run(["apt-get", "update"], ongoing, "apt-get update")
        _run([*install, *packages], ongoing, "apt-get install")
    tool = shutil.which("mmdebstrap")
    if tool is None:
        raise Unavailable("mmdebstrap is still missing after its installation")
    return tool


def _import(client: docker.DockerClient, tar: Path, ongoing: Ongoing) -> None:
    changes = ['CMD ["bash"]', f"LABEL {IMAGE_LABEL}={NAME}", f"LABEL {INPUTS_LABEL}={INPUTS}"]

    def send(_tell: Callable[[None], None]) -> str:
        return str(
            client.api.import_image(
                str(tar), repository=REPOSITORY, tag=INPUTS[:12], changes=changes
            )
        )

    ongoing.step("handing it to the engine")
    with engine_errors("handing the base image to the engine"):
        answer = watched(send, lambda _nothing: ongoing.beat())
    if "error" in answer:
        raise Unavailable(clip(answer, _WIDE))


def _run(argv: Sequence[str], ongoing: Ongoing, doing: str) -> None:
    """Run a command, telling what it prints; its last lines go with a failure."""
    last: deque[str] = deque(maxlen=_LAST_LINES)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        )
    except OSError as error:
        raise Unavailable(f"{doing}: {error}") from error

    def read(tell: Callable[[str], None]) -> None:
        for line in process.stdout or ():
            tell(line.strip())

    def news(line: str | None) -> None:
        if line:
            last.append(line)
        ongoing.beat(f"{doing}: {clip(last[-1].removeprefix('I: '))}" if last else doing)

    try:
        watched(read, news, patience=_STALLED * 2)
        code = process.wait(timeout=_STALLED)
    except (TimeoutError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{doing}: {error}") from error
    finally:
        if process.poll() is None:
            process.terminate()  # mmdebstrap unmounts and removes its own folder
            process.wait(timeout=_STALLED)
        if process.stdout is not None:
            process.stdout.close()
    if code != 0:
        errors = [line for line in last if line.startswith("E:")]
        raise Unavailable(f"{doing} ended with {code}: " + clip(" / ".join(errors or last), _WIDE))


def _output(argv: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


WAYS: Mapping[str, Way] = {
    "from a registry": from_registry,
    "from Debian's packages": from_packages,
}
