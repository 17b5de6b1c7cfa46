"""A lab's sheet for whoever teaches with it: all hints, solutions and traps, open, to print."""

from __future__ import annotations

from labrunner.lessons.frontmatter import ORIGINAL
from labrunner.model.lesson import Lesson, Step, Trap
from labrunner.website import labs
from labrunner.website.markup import Html, fill, html, items, join, tag
from labrunner.website.material import Lab
from labrunner.website.page import Page, anchor
from labrunner.words import count, tr


def page(lab: Lab, language: str) -> Page:
    """The sheet in one language, which is spoken."""
    lesson = lab.lesson(language)
    path = labs.sheet_of(lab, language)
    title = tr("Sheet for instructors: {1}", lesson.title)
    traps = sum(len(step.traps) for step in lesson.steps)
    body = fill(
        "sheet.html",
        title=title,
        facts=labs.facts(lesson),
        summary=lesson.summary,
        back=anchor(path, labs.path_of(lab, language), tr("What learners read")),
        goals_title=tr("They will:"),
        goals=items(labs.inline(text) for text in lesson.objectives),
        needs=_needs(lesson),
        plan_title=tr("The steps"),
        plan=_plan(lesson),
        advice=_advice(traps),
        steps=[
            _step(lesson, step, number, labs.start_command(lab, language, step.id))
            for number, step in enumerate(lesson.steps, 1)
        ],
    )
    versions = {other: labs.sheet_of(lab, other) for other in lab.languages}
    several = versions if len(versions) > 1 else {}
    return Page(path, title, body, lesson.summary, language, several, kind="sheet")


def _needs(lesson: Lesson) -> Html:
    if not lesson.requires:
        return Html()
    known = items(labs.inline(text) for text in lesson.requires)
    return join([tag("p", tr("They should know:")), known])


def _plan(lesson: Lesson) -> Html:
    """A table of the steps: about when each begins, and what it has."""
    share = lesson.minutes / len(lesson.steps)
    rows = [
        tag(
            "tr",
            join(
                [
                    tag("td", tr("{1} min", round(share * number)), class_="right"),
                    tag("td", tag("a", step.title, href=f"#{step.id}")),
                    tag("td", len(step.hints), class_="right"),
                    tag("td", len(step.traps), class_="right"),
                ]
            ),
        )
        for number, step in enumerate(lesson.steps)
    ]
    heads = (tr("after"), tr("step"), tr("hints"), tr("traps"))
    head = tag("tr", join(tag("th", words, scope="col") for words in heads))
    table = tag("table", join([tag("thead", head), tag("tbody", join(rows))]))
    return tag("div", table, class_="table", tabindex="0")


def _advice(traps: int) -> Html:
    said = tr(
        "The times share the minutes of the lab out evenly; watch your own learners. A trap is a "
        "wrong answer that people give: {1} of them are here, each with what the check says to it.",
        traps,
    )
    return tag("p", said)


def _step(lesson: Lesson, step: Step, number: int, command: str) -> Html:
    hints = [labs.blocks(text) for text in step.hints]
    return fill(
        "sheet-step.html",
        id=step.id,
        number=tr("Step {1} of {2}", number, len(lesson.steps)),
        title=step.title,
        command=command,
        hints_title=count(len(hints), "hint", "hints"),
        hints=items(hints, "ol"),
        solution_title=tr("Solution"),
        solution=labs.blocks(step.solution),
        traps_title=count(len(step.traps), "trap", "traps"),
        traps=[_trap(trap) for trap in step.traps],
    )


def _trap(trap: Trap) -> Html:
    said = tag("q", trap.message, lang=ORIGINAL)
    message = join([html(tr("The check says:")), said], " ")
    return fill("trap.html", body=labs.blocks(trap.body), message=message)
