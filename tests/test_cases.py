"""What is tried: the words of ``--only``, and what is drawn for ``--sample``."""

from __future__ import annotations

import pytest

from labrunner.errors import UsageError
from labrunner.validate.cases import Group, Only, Work, asked, sampled
from labrunner.validate.proof import Case, Kind

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


def planned(traps: int) -> list[Group]:
    """A line, and a trial for each trap of two steps; the first of each step has the replay."""
    found = [Group(Work.LINE, "tiny", "", (Case("tiny", Kind.START), Case("tiny", Kind.STOP)))]
    for step in ("one", "two"):
        cases = [Case("tiny", Kind.TRAP, step, number=number) for number in range(1, traps + 1)]
        replay = Case("tiny", Kind.REPLAY, step)
        found += [Group(Work.TRIAL, "tiny", step, (replay, cases[0]))]
        found += [Group(Work.TRIAL, "tiny", step, (case,)) for case in cases[1:]]
    return found


def of(kind: Kind, groups: list[Group]) -> list[Case]:
    """The cases of a kind."""
    return [case for group in groups for case in group.cases if case.kind is kind]


def test_a_sample_has_so_many_of_each_step_and_all_of_the_rest() -> None:
    """Traps are drawn step by step; where there are fewer, all are taken; no group is empty."""
    for number, traps in ((1, 2), (3, 6), (9, 10)):
        found = sampled(planned(5), number, seed=7)
        assert len(of(Kind.TRAP, found)) == traps
        assert {case.step for case in of(Kind.TRAP, found)} == {"one", "two"}
        assert [len(of(kind, found)) for kind in (Kind.START, Kind.REPLAY, Kind.STOP)] == [1, 2, 1]
        assert all(group.cases for group in found)


def test_a_sample_is_the_seeds() -> None:
    """The same seed draws the same; in time, every trap has its turn."""
    assert sampled(planned(5), 1, seed=7) == sampled(planned(5), 1, seed=7)
    drawn = {case.id for seed in range(50) for case in of(Kind.TRAP, sampled(planned(5), 1, seed))}
    assert len(drawn) == 10
