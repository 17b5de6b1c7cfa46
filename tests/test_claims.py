"""What is said and what is true: every claim is measured by a step, and the page says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labrunner import claims
from labrunner.errors import ScenarioError
from labrunner.lessons import reading

ROOT = Path(__file__).parent.parent
CONTENT = ROOT / "content"

ROWS = (*map(str, range(1, 63)), "52a", "55a")
"""Every claim of the article."""

GOOD = """
[[claim]]
row = 1
says = "It is so."
verdict = "partly"
truth = "Only on Mondays."
step = "look"
"""


def test_every_claim_of_the_article_is_measured() -> None:
    """None is left out, and none is made up."""
    assert {claim.row for claim in claims.read(CONTENT)} == set(ROWS)


def test_the_page_is_the_one_that_the_claims_make() -> None:
    """``python -m labrunner.claims > docs/claims.md`` was not forgotten."""
    made = subprocess.run(
        [sys.executable, "-m", "labrunner.claims"], capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs" / "claims.md").read_text("utf-8") == made.stdout


@pytest.mark.parametrize("lab", sorted(f.parent.name for f in CONTENT.glob(f"*/{claims.FILE}")))
def test_a_claim_names_a_step_that_exists(lab: str) -> None:
    """Whoever follows the page finds the step."""
    steps = {step.id for step in reading.read(CONTENT / lab).steps}
    named = {claim.step for claim in claims.read(CONTENT) if claim.lab == lab}
    assert named
    assert named <= steps


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('verdict = "partly"', 'verdict = "maybe"', "the verdict 'maybe' is unknown"),
        ("row = 1", 'row = "one"', "the row 'one' is no number"),
        ('step = "look"\n', "", "step: missing or unknown"),
        ("says =", "sez =", "says, sez: missing or unknown"),
        ("row = 1", "row = ", "cannot be read"),
    ],
)
def test_a_wrong_claim_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The error says which file, which claim and what is wrong."""
    (tmp_path / "lab").mkdir()
    file = tmp_path / "lab" / claims.FILE
    file.write_text(GOOD, "utf-8")
    assert claims.read(tmp_path)[0].truth == "Only on Mondays."
    file.write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(ScenarioError, match=message) as caught:
        claims.read(tmp_path)
    assert str(file) in caught.value.where


def test_the_page_is_in_the_order_of_the_article(tmp_path: Path) -> None:
    """Rows with a letter follow their number; two labs on one row stand together."""
    for lab, row in (("a", '"2a"'), ("b", "10"), ("c", "2")):
        (tmp_path / lab).mkdir()
        (tmp_path / lab / claims.FILE).write_text(GOOD.replace("row = 1", f"row = {row}"), "utf-8")
    page = claims.page(claims.read(tmp_path))
    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## 2",
        "## 2a",
        "## 10",
    ]
