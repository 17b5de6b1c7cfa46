"""What `lab lint` says, and the table of its rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a scenario.

    Attributes:
        rule: its name in `RULES`.
        where: ``file:line``.
        message: what is wrong.
        fix: how its author mends it.
        suppressed: the reason that a comment in the file gives for leaving it so; else "".
    """

    rule: str
    where: str
    message: str
    fix: str
    suppressed: str = ""

    @property
    def file(self) -> str:
        """The file, without its line."""
        return self.where.rpartition(":")[0]

    @property
    def line(self) -> int:
        """The 1-based line."""
        return int(self.where.rpartition(":")[2])


def found(rule: str, path: Path, line: int, message: str, fix: str) -> Finding:
    """A finding; the rule must be one that the table has."""
    if rule not in RULES:
        raise KeyError(rule)
    return Finding(rule, f"{path}:{line}", message, fix)


@dataclass(frozen=True)
class Rule:
    """A rule: what it finds, and why that is a fault."""

    finds: str
    why: str


FINAL = ("scenario", "lesson", "suppression")
"""Rules that no comment suppresses."""

RULES: dict[str, Rule] = {
    "scenario": Rule(
        "a scenario that cannot be loaded or started",
        "nobody can use it; `lab list` shows it as broken",
    ),
    "lesson": Rule(
        "a lesson that cannot be read: a block without an end, a step without a solution …",
        "nobody can use it; every mistake of the file is listed, not only the first",
    ),
    "front-matter": Rule(
        "a head with missing or unknown keys; a summary that is no sentence or over 160 letters;"
        " a title with a full stop; one objective alone; minutes that do not fit the steps",
        "it is what a learner chooses by",
    ),
    "few-hints": Rule(
        "a step with fewer than two hints",
        "the first hint shows the direction, the second the way; with one it is all or nothing",
    ),
    "no-trap": Rule(
        "a step without a trap",
        "a check that was never shown a wrong answer has proved nothing",
    ),
    "hint-tells-all": Rule(
        "a hint with a command of the solution in it, word for word, that the reader has not met",
        "a hint that is the answer leaves nothing to find out",
    ),
    "check-cannot-fail": Rule(
        "a check of which no path gives a `not_yet`, `ruined` or a helper's complaint",
        "it passes whatever the learner does",
    ),
    "verdict-lost": Rule(
        "a verdict that is made and neither returned nor kept, as `not_yet(…)` without `return`",
        "the check goes on as if nothing were wrong",
    ),
    "literal-address": Rule(
        "an IP address in a check, a solution or a trap; loopback, `0.0.0.0` and masks are none",
        "subnets are chosen anew for each lab, so it is another address on the next machine",
    ),
    "sleep": Rule(
        "`sleep` as a wait in a solution, a trap or a check; as a container's own command it is"
        " none",
        "too short on a slow machine, too long on every other",
    ),
    "mutable-tag": Rule(
        "an image without a tag, or with `latest`, in a scenario, a Dockerfile or a command",
        "it is another image next month, and the lab a different one",
    ),
    "unknown-image": Rule(
        "a command that runs an image which no container of the lab has, the scenario does not"
        " bring and no command makes; where the lab has a way out, it may be pulled",
        "a lab's engine has its own images and no other, `tools:1` only if a container uses it",
    ),
    "needs-tty": Rule(
        "a solution that needs a terminal: `-t`, `docker attach`, an editor, a pager",
        "`lab solve` and `lab start --at` type it without one",
    ),
    "heading-order": Rule(
        "a heading more than one level below the one before it",
        "screen readers and the table of contents go by the levels",
    ),
    "broken-link": Rule(
        "a link or picture to a file or heading that is not there",
        "the reader ends nowhere",
    ),
    "link-text": Rule(
        "a link without words, or with none but `here`, `link`, `this`",
        "read aloud or skimmed, it does not say where it leads",
    ),
    "http-link": Rule(
        "a link with `http:` to another machine",
        "anybody on the way can change what the reader gets",
    ),
    "alt-text": Rule(
        "a picture without alternative text",
        "who cannot see it learns nothing from it",
    ),
    "reading-level": Rule(
        "a step whose prose is too hard for its level: a LIX (words a sentence, plus the percentage"
        " of words with more than six letters) over 40 for beginners, 45 for intermediate, 50 for"
        " advanced; 8 more in other languages than English",
        "the difficulty should be the network, not the sentence",
    ),
    "long-sentence": Rule(
        "a sentence of more than 40 words",
        "nobody keeps its beginning in mind until its end",
    ),
    "spelling": Rule(
        "American spelling, other words for what the house has a word for (`clue` for hint), names"
        " in the wrong letters (`Dockerhub`); English only; `labrunner/lint/words.toml` lists them",
        "one thing has one name, in all lessons",
    ),
    "wide-code": Rule(
        "a line of code with more than 76 columns",
        "it wraps in a terminal of 80 columns and on a page, and cannot be read or copied well",
    ),
    "translation-behind": Rule(
        "a translation without a step that the original has, with other commands, or made from an"
        " older text: each step says with `<!-- source: digest -->` what it was made from",
        "its readers do another lab than the checks judge",
    ),
    "words-missing": Rule(
        "a sentence of a check that a language of the lesson has no words for, in"
        " `words.<language>.toml` beside the lesson; or words that no check says any more",
        "the lesson speaks to its reader in one language and the check in another",
    ),
    "suppression": Rule(
        "a suppression without a reason, of a rule that is unknown or cannot be suppressed, or"
        " of nothing",
        "who reads it later cannot tell whether it is still needed",
    ),
}
