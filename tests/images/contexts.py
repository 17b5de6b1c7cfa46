"""Contexts to build images of."""

from __future__ import annotations

import os
from pathlib import Path

from labrunner.engine import images

PREFIX = f"labrunner-test/{os.getpid()}-"
"""Of the names of images: files of tests that run at the same time do not remove each other's."""

MINIMAL = "ARG BASE=debian:trixie-slim\nFROM ${BASE}\n"


def make_context(folder: Path, dockerfile: str = MINIMAL, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def ref_of(folder: Path, name: str = "shop/order:1") -> str:
    return images.plan({name: folder})[name].ref
