"""What is said and what is true: every claim, its verdict, and the step that measures it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from labrunner.claims import VERDICTS, Claim
from labrunner.website import labs
from labrunner.website.markup import Html, fill, html, items, join, plain, tag
from labrunner.website.material import Material
from labrunner.website.page import Entry, Page, anchor

PATH = "claims.html"
TITLE = "What is said, what is true"
SUMMARY = "What a widely read article claims about container networks, and what holds."

SECTIONS = (
    (1, "What segregation does"),
    (11, "One network for a whole shop"),
    (17, "Addresses of containers"),
    (21, "Scans"),
    (30, "Two containers that talk"),
    (35, "Upkeep and protection of networks"),
    (43, "When something does not work"),
    (46, "Weak points, and what is said to help"),
    (52, "More remedies, data and images"),
    (60, "In sum"),
)
"""The first claim of each section of the article, and what it is about."""

MEANINGS = {
    "true": "it holds",
    "partly": "it holds under a condition that matters",
    "false": "it does not hold",
    "outdated": "it held once",
    "dangerous": "done as written, it lowers security",
}
"""What each verdict says."""


def page(material: Material) -> Page:
    """All claims, in the order of the article."""
    titles = {
        (lab.name, step.id): f"{lab.lesson('').title}: {step.title}"
        for lab in material.labs
        for step in lab.lesson("").steps
    }
    sections = [
        (title, list(found))
        for title, found in groupby(material.claims, key=lambda claim: section(claim.place[0]))
    ]
    body = fill(
        "claims.html",
        title=TITLE,
        counted=_counted(material.claims),
        contents=items(
            (tag("a", title, href=f"#_{at}") for at, (title, _) in enumerate(sections, 1)),
            class_="contents",
        ),
        sections=[
            _section(f"_{at}", title, found, titles)
            for at, (title, found) in enumerate(sections, 1)
        ],
    )
    entries = tuple(_entry(claim) for claim in material.claims)
    return Page(PATH, TITLE, body, SUMMARY, kind="claims", entries=entries)


def section(number: int) -> str:
    """The section of the article that a claim belongs to."""
    return [title for first, title in SECTIONS if first <= number][-1]


def _counted(claims: Sequence[Claim]) -> Html:
    """How many claims got which verdict, and what the verdicts mean."""
    found = Counter(claim.verdict for claim in claims)
    rows = (
        join(
            [
                tag(
                    "dt",
                    join(
                        [
                            _verdict(word),
                            html(f"{found[word]} {'time' if found[word] == 1 else 'times'}"),
                        ],
                        " ",
                    ),
                ),
                tag("dd", MEANINGS[word]),
            ]
        )
        for word in VERDICTS
        if found[word]
    )
    return tag("dl", join(rows), class_="verdicts")


def _verdict(word: str) -> Html:
    return tag("strong", word, class_=f"verdict {word}")


def _section(
    anchor_id: str, title: str, claims: Sequence[Claim], titles: dict[tuple[str, str], str]
) -> Html:
    rows = [
        fill(
            "claim.html",
            row=row,
            versions=[_version(claim, titles) for claim in same],
        )
        for row, same in groupby(claims, key=lambda claim: claim.row)
    ]
    return fill("claims-section.html", id=anchor_id, title=title, claims=rows)


def _version(claim: Claim, titles: dict[tuple[str, str], str]) -> Html:
    """A claim as one lab puts it to the test."""
    target = f"labs/{claim.lab}.html#{claim.step}"
    return fill(
        "claim-version.html",
        says=labs.inline(claim.says),
        verdict=_verdict(claim.verdict),
        truth=labs.inline(claim.truth),
        where=anchor(PATH, target, titles[claim.lab, claim.step]),
        command=f"lab start {claim.lab} --at {claim.step}",
    )


def _entry(claim: Claim) -> Entry:
    says = plain(labs.inline(claim.says))
    text = f"{says} {claim.verdict} {plain(labs.inline(claim.truth))}"
    shown = labs.shortened(f"{claim.verdict}: {plain(labs.inline(claim.truth))}")
    return Entry(f"claim-{claim.row}", labs.shortened(says), text, shown)
