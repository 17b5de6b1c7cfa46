"""What is tried: the words of ``--only``."""

from __future__ import annotations

import pytest

from labrunner.errors import UsageError
from labrunner.validate.cases import Only, asked
from labrunner.validate.proof import Kind

STEPS = frozenset({"first", "trap"})
BOTH = Only(frozenset({"first"}), frozenset({Kind.REPLAY}))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ((), Only()),
        (("first", "replay"), BOTH),
        (("step:first", "kind:replay"), BOTH),
        (("step:trap",), Only(steps=frozenset({"trap"}))),
        (("kind:trap",), Only(kinds=frozenset({Kind.TRAP}))),
    ],
)
def test_a_word_is_a_step_or_a_kind(words: tuple[str, ...], meant: Only) -> None:
    """Each is sorted where it belongs; a prefix says it where a word alone would not."""
    assert asked(words, STEPS) == meant


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("trap", "'trap' is a step and a kind of case, too", "write step:trap or kind:trap"),
        ("tarp", "'tarp' is neither a step nor a kind of case", "steps: first, trap; kinds: "),
        ("step:replay", "there is no step 'replay'", "steps: first, trap"),
        ("kind:first", "there is no kind 'first'", "kinds: mutation, order"),
        ("case:first", "'case:first' is neither a step nor a kind of case", "steps: first"),
    ],
)
def test_a_word_that_may_mean_two_things_or_none_is_refused(
    word: str, message: str, hint: str
) -> None:
    """Nothing is guessed: who asked is told what to write instead."""
    with pytest.raises(UsageError) as refused:
        asked([word], STEPS)
    assert refused.value.message == message
    assert hint in refused.value.hint
