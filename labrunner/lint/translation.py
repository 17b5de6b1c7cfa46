"""Is a translation as new as its original?

Each step of a translation says what it was made from, in a comment below its heading, and all
that stands before the first step says so in a comment there::

    ## Regarde {#look-around}
    <!-- source: 1a2b3c4d -->

The digest is over what the original says; the finding names the one to write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from labrunner.lint.finding import Finding, found
from labrunner.lint.page import Page
from labrunner.model.lesson import Command, Step

_SOURCE = re.compile(r"source:\s*([0-9a-f]{8})")


def look(original: Page, page: Page) -> Iterator[Finding]:
    """Everything of this room."""
    yield from _made_from(original, page, None, None)
    theirs = {step.id: step for step in page.lesson.steps}
    for step in original.lesson.steps:
        # that all are there, in this order, was seen when the lesson was read
        if step.id in theirs:
            yield from _made_from(original, page, step, theirs[step.id])
            yield from _typed(page, step, theirs[step.id])


def _made_from(
    original: Page, page: Page, step: Step | None, theirs: Step | None
) -> Iterator[Finding]:
    """Was this part made from what the original says now?"""
    first = theirs.line if theirs else 1
    end = page.end(theirs) if theirs else page.lesson.steps[0].line - 1
    here = [(n, _SOURCE.fullmatch(text)) for n, text in page.comments if first <= n <= end]
    digest = original.digest(step)
    stated = [(n, match[1]) for n, match in here if match]
    what = f"step `{step.id}`" if step else "what stands before the first step"
    place = "below its heading" if step else "below the front matter"
    if not stated:
        message = f"{what} does not say what it was made from"
        fix = f"Compare, then write `<!-- source: {digest} -->` {place}."
        yield found("translation-behind", page.path, first, message, fix)
    elif stated[0][1] != digest:
        where = f"{original.path}:{step.line if step else 1}"
        message = f"{what} has changed in the original since it was translated"
        fix = f"Compare with {where}, then write `<!-- source: {digest} -->`."
        yield found("translation-behind", page.path, stated[0][0], message, fix)


def _typed(page: Page, ours: Step, theirs: Step) -> Iterator[Finding]:
    """Does the translation have the same things typed?"""
    pairs = [
        ("the solution", theirs.line, _texts(ours.commands), _texts(theirs.commands)),
        *(
            (
                f"trap {n}",
                mine.line,
                (old.message, *_texts(old.commands)),
                (mine.message, *_texts(mine.commands)),
            )
            for n, (old, mine) in enumerate(zip(ours.traps, theirs.traps, strict=False), 1)
        ),
        ("the number of traps", theirs.line, (str(len(ours.traps)),), (str(len(theirs.traps)),)),
    ]
    for what, line, old, mine in pairs:
        if old != mine:
            message = f"{what} of step `{theirs.id}` is not that of the original"
            fix = "Commands and the messages of traps are the same in every language."
            yield found("translation-behind", page.path, line, message, fix)


def _texts(commands: tuple[Command, ...]) -> tuple[str, ...]:
    return tuple(command.text for command in commands)
