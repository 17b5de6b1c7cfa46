"""The page's own sentences, and what it weighs."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from labrunner import words
from tests.page.conftest import STATIC

ROOT = Path(__file__).parents[2]
FRENCH = Path(words.__file__).parent / "fr.toml"
TEXT = r'"((?:[^"\\]|\\.)*)"'
TABLE = re.compile(r"^const [A-Z_]+: Record<.*?> = \{(.*?)^\};", re.DOTALL | re.MULTILINE)
HEAVIEST = 250_000
"""Bytes that scripts and styles may have together, as they are sent."""


def said() -> set[str]:
    """Every sentence in the page's scripts: what `tr` and `count` get, and tables of words."""
    found: set[str] = set()
    for script in (ROOT / "site" / "page" / "src").glob("*.ts"):
        source = script.read_text("utf-8")
        found |= set(re.findall(rf"\btr\(\s*{TEXT}", source))
        for pair in re.findall(rf"\bcount\([^\"]*{TEXT},\s*{TEXT}\)", source):
            found |= set(pair)
        for table in TABLE.findall(source):
            found |= set(re.findall(rf":\s*{TEXT}", table))
    return {json.loads(f'"{text}"') for text in found}


def test_all_that_the_page_says_has_french() -> None:
    """A reader of French reads no English around a French lesson."""
    theirs = {**words.read(FRENCH, "runner"), **words.read(FRENCH), **words.read(FRENCH, "page")}
    sentences = {text for text in said() if re.search("[A-Za-z]{2}", text)}
    assert len(sentences) > 100
    assert sorted(sentences - theirs.keys()) == []


def test_no_french_of_the_page_is_left_over() -> None:
    """What it does not say any more is taken out."""
    assert sorted(words.read(FRENCH, "page").keys() - said()) == []


@pytest.mark.page
def test_the_page_is_light() -> None:
    """Scripts and styles together come in less than 250 kB, compressed."""
    files = [*STATIC.glob("*.js"), *STATIC.glob("*.css")]
    assert len(files) > 1, "the page was not built: tools/page builds it"
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < HEAVIEST
