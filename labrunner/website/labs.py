"""The page of a lab: what it is about, its networks, how to start it, and every step."""

from __future__ import annotations

from collections.abc import Sequence

from labrunner.claims import Claim
from labrunner.lessons import html as lessons
from labrunner.lessons.frontmatter import ORIGINAL
from labrunner.model.lesson import Lesson, Step
from labrunner.reach import picture
from labrunner.website.markup import Html, Part, fill, html, items, join, plain, tag
from labrunner.website.material import Lab, Material
from labrunner.website.page import Entry, Page, anchor, translated
from labrunner.words import count, tr

NO_BREAK = "\N{NO-BREAK SPACE}"
SHOWN = 110
"""Letters of a step that a search shows."""


# --- pieces that other pages have, too ----------------------------------------------------


def path_of(lab: Lab, language: str) -> str:
    """The file of a lab's page."""
    return translated(f"labs/{lab.name}.html", language)


def sheet_of(lab: Lab, language: str) -> str:
    """The file of a lab's sheet for instructors."""
    return translated(f"teach/{lab.name}.html", language)


def facts(lesson: Lesson) -> str:
    """Level, time and length in a few words."""
    steps = count(len(lesson.steps), "step", "steps").replace(" ", NO_BREAK)
    return f"{tr('{1}, about {2} minutes', tr(lesson.level), lesson.minutes)}, {steps}"


def blocks(text: str) -> Html:
    """Markdown taken from a lesson."""
    return Html(lessons.blocks(text))


def inline(text: str) -> Html:
    """One paragraph of Markdown, without its tags."""
    made = lessons.blocks(text).strip()
    return Html(made.removeprefix("<p>").removesuffix("</p>") if made.count("<p>") == 1 else made)


def console(*commands: str) -> Html:
    """Commands as a lesson shows them."""
    return blocks("\n".join(["```console", *(f"$ {command}" for command in commands), "```"]))


def fold(kind: str, title: str, body: Html, *, unfolded: bool = False) -> Html:
    """Something that is read only by those who want to."""
    head = tag("summary", title)
    return tag("details", join([head, body]), class_=kind, open="" if unfolded else None)


def shortened(text: str, longest: int = SHOWN) -> str:
    """The beginning of a text, cut between words."""
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " …"


def start_command(lab: Lab, language: str, step: str = "") -> str:
    """What starts a lab in a language, at a step."""
    at = f" --at {step}" if step else ""
    lang = f" --lang {language}" if language != ORIGINAL else ""
    return f"lab start {lab.name}{at}{lang}"


# --- the page -----------------------------------------------------------------------------


def page(material: Material, lab: Lab, language: str) -> Page:
    """A lab's page in one language, which is spoken."""
    lesson = lab.lesson(language)
    path = path_of(lab, language)
    said = [claim for claim in material.claims if claim.lab == lab.name]
    body = fill(
        "lab.html",
        title=lesson.title,
        facts=facts(lesson),
        summary=lesson.summary,
        package=package(lab),
        contents_title=tr("Steps"),
        contents=_contents(lesson),
        goals_title=tr("You will:"),
        goals=items(inline(text) for text in lesson.objectives),
        needs=needs(lesson),
        about_title=tr("What it is about"),
        introduction=blocks(lesson.introduction),
        picture=_figure(lab),
        start_title=tr("How to start it"),
        start=console(start_command(lab, language)),
        start_text=_start_text(lab),
        steps=[
            _step(lab, lesson, number, said, path) for number in range(1, len(lesson.steps) + 1)
        ],
        sheet=anchor(path, sheet_of(lab, language), tr("Sheet for instructors")),
        sheet_text=tr("Every solution and every trap of this lab, open, to print."),
        following=_following(material, lab, language, path),
    )
    versions = {other: path_of(lab, other) for other in lab.languages}
    entries = (_about(lesson), *(_entry(step) for step in lesson.steps))
    return Page(
        path,
        lesson.title,
        body,
        lesson.summary,
        language,
        versions if len(versions) > 1 else {},
        kind="lab",
        entries=entries,
    )


def package(lab: Lab) -> Html:
    """Which package a lab came with, where it came with one."""
    if not lab.package:
        return Html()
    return tag("p", tr("From the package {1}", lab.package), class_="source")


def _contents(lesson: Lesson) -> Html:
    return items(
        (tag("a", step.title, href=f"#{step.id}") for step in lesson.steps), "ol", class_="contents"
    )


def needs(lesson: Lesson) -> Html:
    """What one should know before a lab."""
    if not lesson.requires:
        return Html()
    known = items((inline(text) for text in lesson.requires), lang=lesson.language)
    return join([tag("p", tr("You should know:")), known])


def _figure(lab: Lab) -> Html:
    """The networks as a picture, and the same in words."""
    drawn = picture.of_scenario(lab.scenario)
    return fill(
        "picture.html",
        title=tr("What runs when the lab starts"),
        picture=Html(picture.svg(drawn, ident="_picture")),
        words=[tag("li", line) for line in picture.words(drawn)],
        words_title=tr("The same in words"),
    )


def _start_text(lab: Lab) -> Html:
    hosts = lab.scenario.hosts
    if hosts == ("sandbox",):
        said = tr("It runs in a sandbox: an engine of its own, away from yours.")
    elif hosts[0] == "sandbox":
        said = tr(
            "It runs in a sandbox: an engine of its own, away from yours. With {1} it runs on "
            "your engine as it is.",
            "--host local",
        )
    else:
        said = tr("It runs on your engine as it is, and removes only what it made.")
    more = tr("Then {1} opens the terminal, {2} looks, {3} helps, and {4} ends it.")
    commands = ("lab shell", "lab check", "lab hint", "lab stop")
    parts = html(more)
    for number, command in enumerate(commands, 1):
        parts = Html(parts.replace(f"{{{number}}}", tag("code", command)))
    return join([tag("p", _code(said, "--host local")), tag("p", parts)])


def _code(said: str, word: str) -> Html:
    """A sentence in which one word is code."""
    return Html(html(said).replace(word, tag("code", word)))


def _step(lab: Lab, lesson: Lesson, number: int, said: Sequence[Claim], path: str) -> Html:
    step = lesson.steps[number - 1]
    hints = [
        fold("hint", tr("Hint {1} of {2}", at, len(step.hints)), blocks(text))
        for at, text in enumerate(step.hints, 1)
    ]
    return fill(
        "step.html",
        id=step.id,
        number=tr("Step {1} of {2}", number, len(lesson.steps)),
        title=step.title,
        body=blocks(step.body),
        hints=hints,
        solution=fold("solution", tr("Solution"), blocks(step.solution)),
        claims=_measured(path, [claim for claim in said if claim.step == step.id]),
        at=_code_line(tr("To begin here:"), start_command(lab, lesson.language, step.id)),
    )


def _code_line(words: str, command: str) -> Html:
    return tag("p", join([html(words), tag("code", command)], " "), class_="at")


def _measured(path: str, said: Sequence[Claim]) -> Html:
    """The claims that a step puts to the test."""
    rows = [
        join(
            [
                anchor(path, f"claims.html#claim-{claim.row}", tr("Claim {1}", claim.row)),
                tag("span", inline(claim.says), lang=ORIGINAL),
            ],
            " ",
        )
        for claim in said
    ]
    if not rows:
        return Html()
    title = tag("p", tr("Put to the test in this step:"), class_="measured-title")
    return tag("div", join([title, items(rows)]), class_="measured")


def _following(material: Material, lab: Lab, language: str, path: str) -> Html:
    """The next lab of the list."""
    at = material.labs.index(lab) + 1
    if at == len(material.labs):
        return Html()
    following = material.labs[at]
    lesson = following.lesson(language)
    target = path_of(following, lesson.language)
    words: Part = tag("span", lesson.title, lang=lesson.language)
    there = anchor(path, target, html(words), hreflang=lesson.language)
    return tag("p", join([html(tr("The next lab:")), there], " "))


# --- search -------------------------------------------------------------------------------


def _about(lesson: Lesson) -> Entry:
    text = plain(blocks("\n\n".join([lesson.summary, *lesson.objectives, lesson.introduction])))
    return Entry("", lesson.title, text, shortened(lesson.summary))


def _entry(step: Step) -> Entry:
    body = plain(blocks(step.body))
    rest = plain(blocks("\n\n".join([*step.hints, step.solution])))
    return Entry(step.id, step.title, f"{body} {rest}", shortened(body))
