"""The front page: every lab, by its level."""

from __future__ import annotations

from itertools import groupby

from labrunner.website import labs
from labrunner.website.markup import Html, fill, items, tag
from labrunner.website.material import Lab, Material
from labrunner.website.page import Page, anchor, link, translated
from labrunner.words import count, tr

LEVELS = {
    "beginner": "For beginners",
    "intermediate": "For those who know the basics",
    "advanced": "For those who have practice",
}
"""The heading of each level."""


def page(material: Material, language: str) -> Page:
    """The front page in one language; a lab that is not translated is shown as it is."""
    path = translated("index.html", language)
    levels = groupby(material.labs, key=lambda lab: lab.lesson("").level)
    minutes = sum(lab.lesson("").minutes for lab in material.labs)
    body = fill(
        "front.html",
        title=tr("Container networks and container security, by doing"),
        lead=tr(
            "Real containers, real attacks, real walls, on your own machine. In every step you "
            "guess, measure, read why, and apply it; a check looks at what really is, and says "
            "what it expected and what it saw."
        ),
        begin=tr("Begin with a lab"),
        commands=labs.console("lab list", *_first(material, language)),
        then=tr("The labs"),
        total=tr(
            "{1}, {2} in all. A step's hints and solution stay folded until you open them.",
            count(len(material.labs), "lab", "labs"),
            _hours(minutes),
        ),
        claims=tr("What is said, what is true"),
        claims_text=tr(
            "A widely read article explains container networks. Each of its claims is put to "
            "the test in a step of a lab."
        ),
        claims_link=anchor(path, "claims.html", tr("See what came out"), hreflang="en"),
        levels=[_level(path, level, list(found), language) for level, found in levels],
    )
    versions = {other: translated("index.html", other) for other in material.languages}
    summary = tr("Labs about container networks and container security.")
    return Page(path, "labrunner", body, summary, language, versions, kind="front")


def _first(material: Material, language: str) -> list[str]:
    """What starts the easiest lab that this language has."""
    easy = [lab for lab in material.labs if language in lab.languages][:1]
    return [labs.start_command(lab, language) for lab in easy]


def _hours(minutes: int) -> str:
    return tr("about {1} hours", round(minutes / 60))


def _level(path: str, level: str, found: list[Lab], language: str) -> Html:
    return fill(
        "level.html",
        id=f"_{level}",
        title=tr(LEVELS[level]),
        cards=[_card(path, lab, language) for lab in found],
    )


def _card(path: str, lab: Lab, language: str) -> Html:
    lesson = lab.lesson(language)
    target = labs.path_of(lab, lesson.language)
    return fill(
        "card.html",
        href=link(path, target),
        name=lab.name,
        language=lesson.language,
        title=lesson.title,
        facts=labs.facts(lesson),
        summary=lesson.summary,
        more=tr("What you will do, and should know"),
        goals_title=tr("You will:"),
        goals=items(labs.inline(text) for text in lesson.objectives),
        needs=labs.needs(lesson),
        package=labs.package(lab),
    )


def lost() -> Page:
    """What somebody gets who follows a link to a page that is not there."""
    links = [tag("li", anchor("404.html", "index.html", "All labs"))]
    links += [tag("li", anchor("404.html", "search.html", "Search"))]
    title = "There is no such page"
    text = "It may have been called otherwise, or the lab is no longer among these."
    body = fill("lost.html", title=title, text=text, links=links)
    return Page("404.html", title, body, text, kind="lost")
