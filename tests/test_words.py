"""What the runner and its checks say, in another language than English."""

from __future__ import annotations

from pathlib import Path

import pytest

from labrunner import words
from labrunner.errors import ScenarioError
from labrunner.words import Words

FRENCH = Words(
    {
        "Step {1} of {2}: ": "Étape {1} sur {2} : ",
        "{1} is on {2}": "{2} porte {1}",
        "no network": "aucun réseau",
        "{1} does not run": "{1} ne tourne pas",
        "{1} does not run, and {2}": "{1} ne tourne pas, et {2}",
        "{1}: {2}": "{1} : {2}",
        " and ": " et ",
        "container": "conteneur",
        "containers": "conteneurs",
    },
    "fr-CA",
)


def test_a_sentence_is_filled_in() -> None:
    """What a language does not have stays English, filled in all the same."""
    assert FRENCH.put("Step {1} of {2}: ", 3, 9) == "Étape 3 sur 9 : "
    assert FRENCH.put("Hint {1}", 2) == "Hint 2"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("web is on front", "front porte web"),
        ("web is on no network", "aucun réseau porte web"),
        ("web does not run, and db does not run", "web ne tourne pas, et db ne tourne pas"),
        ("a\nb does not run", "a\nb ne tourne pas"),
        ("nothing like it", "nothing like it"),
        ("it costs {1} is on {2}", "{2} porte it costs {1}"),
        ("web is on front, back and pay", "front, back et pay porte web"),
        ("web is on no network; the moon", "aucun réseau; the moon porte web"),
        ("web is on bread and butter it said", "bread and butter it said porte web"),
        ("error: no network", "error: no network"),
    ],
)
def test_what_was_said_in_english_is_heard(said: str, heard: str) -> None:
    """Gaps go where the other language wants them; what fills them may be a sentence, too."""
    assert FRENCH.of(said) == heard


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 conteneur"), (1, "1 conteneur"), (2, "2 conteneurs")]
)
def test_things_are_counted_as_the_language_does(number: int, said: str) -> None:
    """In French nothing is one thing; in English it is many."""
    assert FRENCH.count(number, "container", "containers") == said
    assert Words({}).count(0, "container", "containers") == "0 containers"


def test_what_only_the_runner_says_is_not_looked_for() -> None:
    """Else it would answer to whatever a program printed."""
    ours = Words({"a page": "une page"}, "fr", {"{1} to {2}": "{1} vers {2}"})
    assert ours.put("{1} to {2}", 80, 81) == "80 vers 81"
    assert ours.of("unable to start") == "unable to start"
    assert ours.knows("{1} to {2}")


def test_a_key_without_words_is_only_put() -> None:
    """The same holds for what has no letter of its own."""
    assert FRENCH.put("{1}: {2}", "a", "b") == "a : b"
    assert FRENCH.of("a: b") == "a: b"


def test_a_scenario_adds_its_own_words(tmp_path: Path) -> None:
    """They go before the runner's; a country's own words go before those of the language."""
    (tmp_path / "words.fr.toml").write_text("[words]\n'a b' = 'c d'\n'e f' = 'g h'\n", "utf-8")
    (tmp_path / "words.fr-CA.toml").write_text("[words]\n'e f' = 'i j'\n", "utf-8")
    assert words.load("fr", tmp_path).of("e f") == "g h"
    assert words.load("fr-CA", tmp_path).of("e f") == "i j"
    assert words.load("fr-CA", tmp_path).of("a b") == "c d"
    assert words.load("en", tmp_path).of("a b") == "a b"


@pytest.mark.parametrize("text", ["", "[words]\n'a' = ", "[words]\n'a {1}' = 'b {2}'\n", "words=1"])
def test_a_file_of_words_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    """Its author hears which file, and how it is written."""
    file = tmp_path / "words.fr.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(ScenarioError) as caught:
        words.read(file)
    assert caught.value.where == str(file)
