"""The shop in French: everything that a learner of it reads, from start to stop, is French."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from labrunner import plugins, telling, words
from labrunner.cli import map_table, ui
from labrunner.lessons import frontmatter, markdown, reading
from labrunner.lint import spoken
from labrunner.lint.python import Module, called
from labrunner.model.reach import Listener, Probe, Reach
from labrunner.model.verdict import not_yet
from labrunner.reach import picture, table
from tests.conftest import Lab
from tests.e2e.ways import NOT_YET

SHOP = "unsegregated-shop"
CONTENT = Path(__file__).parent.parent / "content" / SHOP
RUNNER = Path(words.__file__).parent.parent
WORDS = words.read(Path(words.__file__).parent / "fr.toml")
"""What checks and events say."""
OUR_OWN = WORDS | words.read(Path(words.__file__).parent / "fr.toml", "runner")
FRENCH = words.load("fr", CONTENT)
LETTER = re.compile(r"[A-Za-z]{2}")

NOT_A_LEARNERS = (
    "doctor.py",
    "validate",
    "lint",
    "killercoda",
    "scaffold",
    "bundle.py",
    "stock.py",
)
"""Where nobody works in a lab: these speak English."""


@cache
def runner() -> tuple[Module, ...]:
    """Every module of labrunner."""
    return tuple(Module(path) for path in sorted(RUNNER.rglob("*.py")))


def learners() -> Iterator[Module]:
    """Those that speak to a learner in a lab."""
    for module in runner():
        if not set(NOT_A_LEARNERS) & set(module.path.relative_to(RUNNER).parts):
            yield module


def texts(*nodes: ast.expr) -> Iterator[str]:
    """The texts among these, as keys; a choice between texts has several."""
    for node in nodes:
        if isinstance(node, ast.IfExp):
            yield from texts(node.body, node.orelse)
        elif isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            yield spoken.key_of(node)


# --- the runner's own words ---------------------------------------------------------------


def test_all_that_the_runner_says_has_french() -> None:
    """Each ``tr("…")`` and ``count(n, "…", "…")``."""
    said = {
        (key, module.path.name)
        for module in runner()
        for call in module.calls
        if isinstance(call.func, ast.Name) and call.func.id in ("tr", "count")
        # the rest of what `tr` gets fills gaps, the first of `count` is a number
        for key in texts(*(call.args[:1] if call.func.id == "tr" else call.args[1:]))
    }
    assert len(said) > len(telling.WORDS)
    assert sorted(key for key in said if key[0] not in OUR_OWN) == []


def test_words_out_of_a_table_have_french() -> None:
    """What is handed to ``tr`` by name: verdicts, states, levels, notes, the map."""
    said = {
        *telling.WORDS.values(),
        *telling.ADVICE.values(),
        *ui.STATES.values(),
        *frontmatter.LEVELS,
        *(name.capitalize() for name in markdown.ADMONITIONS),
        *table.MEANING,
        *table.MEANING.values(),
        *table.TITLES.values(),
        *table.WAYS_OUT.values(),
        *map_table.SINCE.values(),
        *(picture.INTERNAL, picture.SILENT, picture.GONE),
    }
    assert {key for key in said if LETTER.search(key)} - OUR_OWN.keys() == set()


def test_progress_has_french() -> None:
    """What an event is of, and its details; a name is a name."""
    said = {
        (key, module.path.name)
        for module in learners()
        for call in module.calls
        if called(call) == "Event"
        for key in texts(
            *call.args[:1], *call.args[3:4], *(k.value for k in call.keywords if k.arg == "detail")
        )
    }
    assert ("a Docker engine of your own", "sandbox.py") in said
    assert [key for key in said if LETTER.search(key[0]) and key[0] not in OUR_OWN] == []
    details = {key for key, _ in said if " " in key}
    assert details - WORDS.keys() == set(), "these are looked for, so they stand below [words]"


def test_no_french_is_left_over() -> None:
    """What nothing says any more is taken out."""
    written = {name.capitalize() for name in markdown.ADMONITIONS}
    written |= {key for module in runner() for key in spoken.everything(module)}
    assert sorted(OUR_OWN.keys() - written) == []


def test_ready_made_checks_have_french() -> None:
    """Each text that stands in one of them, wherever it is put together."""
    said = set(told(Module(RUNNER / "checks.py").tree))
    assert "{1} does not run" in said
    assert {key for key in said if " " in key and LETTER.search(key)} - WORDS.keys() == set()


def told(node: ast.AST) -> Iterator[str]:
    """Every text in a piece of code that a learner may read: no docstrings, no commands."""
    if isinstance(node, ast.Expr) or (isinstance(node, ast.keyword) and node.arg == "look"):
        return
    if isinstance(node, ast.JoinedStr | ast.Constant):
        yield spoken.key_of(node)
        return
    for child in ast.iter_child_nodes(node):
        yield from told(child)


# --- the checks of the shop ---------------------------------------------------------------

OLD = "my-unsegregated-network"
WRONG_NETWORK = "to its callers that looks like a wrong network."
SAID = f"""\
The note /notes/db is there, but what it should hold is not in it.
That is the address of payment-service, not of payment-db.
There is no note /notes/db in gateway yet.
order-service never started: options after the image's name go to the program.
order-service is on bridge, where gateway is not.
order-service is there, but its restart policy is 'no': one crash or one reboot and it stays away.
order-service runs, but it has never come back by itself: that is a hope so far.
The restart policy of order-service is 'on-failure': a program that ends without an error \
stays away.
The container order-service runs shop/user:1: another service under its name.
The note holds the address of order-service and payment-service as well: which one is it?
The note calls that address payment-bd, and not payment-db.
The note gives 198.18.1.6 to front, and that is an address on another network.
The numbers are in the loot, but not whose they are: 8 holders are missing.
The same time again and again: one order written down several times is one order.
The note has an order of 0.1 ms; the fastest in the gateway's own log took 15 ms.
The times in /notes/after are those in /notes/before: nothing was measured anew.
The times in /notes/after are older than the networks that they should be measured on.
There is no container order-service.
An order was paid, but it did not come through the gateway.
An order arrived and failed: user-service: no customer 99.
payment-service does not run, it is exited: {WRONG_NETWORK}
No order has reached order-service yet.
Two addresses are glued together in the note: nothing stands between them.
The note does not tell which address order-service has on {OLD}.
order-service is on one network only, so there is nothing to glue.
The loot is complete, but user-service never opened the database.
0 of 8 card numbers are in the loot.
3 of 8 card numbers are in the loot.
There is no /srv/loot in user-service; it is in payment-service.
1 measured, at least 3 needed: one run proves nothing.
10 of 10 were not orders but failures (status 404): how fast something fails says nothing.
More times in the note than orders paid through the gateway: time real orders.
The network people holds 5 services: a big neighbourhood with a new name.
The network data leads out through the host; the database needs no way out.
order-service and user-service share no network but {OLD}.
payment-db does not run, it is exited: {WRONG_NETWORK}
The cards are gone: payment-db was made anew, or emptied.
The note /notes/before is gone: gateway was made anew, or the note removed.
user-service still reaches payment-db.
user-service is on {OLD} still; whoever joins it next can talk to it.
Orders are broken: user-service: name not known.
gateway was made on {OLD}, which is gone: after a stop or a reboot, newer engines do not \
start it again.
Orders are broken: payment-service: name not known.
""".splitlines()
"""What the checks answer to the traps of the lesson, as it was said in a lab."""

SERVICES_OWN = ("no customer 99", "name not known")
"""What a program of the shop printed; it stays as the learner sees it elsewhere."""
ENGLISH = re.compile(r"\b(the|is|not|and|of|that|was|has|there|it|no|with|in)\b", re.IGNORECASE)


def english_in(heard: str) -> list[str]:
    """Words that only English has, names and what a program printed left out."""
    for own in SERVICES_OWN:
        heard = heard.replace(own, "")
    return ENGLISH.findall(re.sub(r"\S*[-/']\S*", "", heard))


def test_every_trap_is_among_what_was_said() -> None:
    """So that what follows is about all of them."""
    lesson = reading.read(CONTENT)
    parts = [trap.message for step in lesson.steps for trap in step.traps]
    assert [part for part in parts if not any(part in said for said in SAID)] == []


@pytest.mark.parametrize("said", SAID)
def test_what_a_trap_earns_is_heard_in_french(said: str) -> None:
    """The sentence is one that a check says, and it has French words."""
    folder = Path(__file__).parent.parent / "scenarios" / "unsegregated_shop"
    keys = [k for file in folder.glob("*.py") for k in spoken.everything(Module(file)) if " " in k]
    patterns = [re.compile(re.sub(r"\\{\d+\\}", "(.+?)", re.escape(key))) for key in keys]
    assert any(
        p.fullmatch(said) and key in FRENCH.table for p, key in zip(patterns, keys, strict=True)
    )
    heard = FRENCH.of(said)
    assert heard != said
    assert english_in(heard) == []


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (
            "from user-service to payment-db: name unknown, address filtered",
            "de user-service à payment-db : nom inconnu, adresse filtrée",
        ),
        (
            "payment-db:5432 and 198.18.1.3:5432 let it in (network front, data)",
            "entré par payment-db:5432 et 198.18.1.3:5432 (réseau front, data)",
        ),
        (
            "on people: order-service; on front: gateway, order-service",
            "sur people : order-service ; sur front : gateway, order-service",
        ),
        (
            "order-service is on no network, where gateway is not.",
            "gateway n'est pas là où est order-service (aucun réseau).",
        ),
        (
            "the numbers of all cards in the table cards",
            "les numéros de toutes les cartes de la table cards",
        ),
    ],
)
def test_lists_and_measured_things_are_heard(said: str, heard: str) -> None:
    """Each part by itself; what a program printed stays."""
    assert FRENCH.of(said).replace("\xa0", " ") == heard


@pytest.mark.parametrize(
    "printed",
    [
        'exec failed: unable to start container process: exec: "ping": executable file not found',
        "Error response from daemon: Container 287913b82877 is not running",
        "psql: error: connection to server at 198.18.5.3, port 5432 failed: timeout expired",
        "2 packets transmitted, 2 received, 0% packet loss, time 1002ms",
        "curl: (6) Could not resolve host: order-service and nothing else",
        "LOG:  database system was interrupted; it is starting up",
        '172.18.0.3 - - "POST /orders HTTP/1.1" 200 0.046 s',
    ],
)
def test_what_a_program_printed_stays(printed: str) -> None:
    """A learner sees the same line in the check as in the terminal."""
    assert FRENCH.of(printed) == printed


# --- what is printed ----------------------------------------------------------------------


@pytest.fixture
def french() -> Iterator[None]:
    """This process speaks French for a while."""
    words.speak("fr", CONTENT)
    yield
    words.speak(words.ENGLISH)


@pytest.mark.usefixtures("french")
def test_the_map_speaks() -> None:
    """Its words, its legend, its summary; its JSON does not."""
    found = Reach(
        ("gateway", "user-service"),
        (Listener("gateway", "127.0.0.1", 80), Listener("host", "::", 80, "gateway:80")),
        (Probe("user-service", "gateway", "gateway", "name", "", 80, "unknown_name"),),
        0.3,
    )
    for width in (80, 40):
        drawn = map_table.draw(map_table.Shown(found), width)
        assert english_in(drawn) == []
        assert "sans nom" in drawn
        assert "hôte:80 mène à gateway:80" in drawn
        assert max(map(len, drawn.splitlines())) <= width
    assert {cell["word"] for cell in table.to_json(found)["table"]} == {"no name", "-"}


@pytest.mark.usefixtures("french")
def test_json_stays_english(capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads the same in every language."""
    said = not_yet("There is no container web.", expected="web running", seen="paused")
    ui.say_json(said)
    assert json.loads(capsys.readouterr().out)["message"] == said.message
    ui.verdict(said, title="étape")
    assert "Il n'y a pas de conteneur web." in capsys.readouterr().out


RUNNERS_WORDS = re.compile(
    r"^ *(?:expected|seen|look) *:|: (?:not yet|passed)$|^ *(?:begins|done|waiting|FAILED) |"
    r"^(?:Step|Hint|Starting|Stopping|Stopped|Resetting)\b|\bstill at work\b",
    re.MULTILINE,
)


def english_sentences(printed: str) -> list[str]:
    """Sentences of the runner or of the shop's checks that were printed in English."""
    squeezed = " ".join(printed.split())
    found = RUNNERS_WORDS.findall(printed)
    for key in (*FRENCH.table, *OUR_OWN):
        own = re.split(r"\{\d+\}", key.strip())
        if " " in key.strip() and sum(map(len, own)) > len("a few words"):
            pattern = r"\S.{0,60}?".join(re.escape(" ".join(part.split(" "))) for part in own)
            found += [key] if re.search(pattern, squeezed) else []
    return found


def test_english_would_be_noticed() -> None:
    """The test below sees what it looks for."""
    text = "étape 1/9 A: pas encore\n  There is no container\n  web.\n  seen:     it is paused\n"
    assert {"There is no container {1}."} < set(english_sentences(text))
    assert english_sentences(text.replace("There is", "Voici").replace("seen", "vu")) == []


@pytest.mark.engine
@pytest.mark.slow
def test_two_steps_are_played_in_french(lab: Lab) -> None:
    """Start, a wrong answer, hints, solutions, status, map, reset, stop: all of it is French."""
    french, english = reading.read(CONTENT, "fr"), reading.read(CONTENT)
    assert (french.language, plugins.find(SHOP).content) == ("fr", CONTENT)
    printed: list[str] = []

    def typed(*arguments: str, code: int = 0) -> str:
        done = lab(*arguments)
        assert done.returncode == code, done.stdout + done.stderr
        printed.append(done.stdout + done.stderr)
        return " ".join(printed[-1].replace("\xa0", " ").split())

    begun = typed("start", SHOP, "--lang", "fr")
    assert f"Étape 1 sur {len(french.steps)} : {french.steps[0].title}" in begun
    assert "réseau my-unsegregated-network" in begun
    assert "Il n'y a pas encore de note /notes/db dans gateway." in typed("check", code=NOT_YET)
    environment = json.loads(lab.ok("env", "--json"))
    (wrong,) = english.steps[0].traps[1].commands
    subprocess.run(["bash", "-c", wrong.text], env={**lab.env, **environment}, check=True)
    red = typed("check", code=NOT_YET)
    assert "C'est l'adresse de payment-service, pas celle de payment-db." in red
    assert "attendu :" in red
    for number in (1, 2, 2):
        assert f"Indice {number} sur 2 pour" in typed("hint")
    assert "La moitié droite garde" in typed("solve", "--show")
    assert "le port 5432 est ouvert." in typed("solve")
    typed("check", code=NOT_YET)
    assert "étape 2/9" in typed("hint", "add-order") + typed("solve", "add-order")
    for arguments in (
        ["lesson", "--all"],
        ["status"],
        ["map"],
        ["map", "--all", "--since", "lab"],
        ["map", "--svg"],
    ):
        typed(*arguments)
    assert "étapes réussies : 2 sur 9" in typed("status")
    assert "Remise à zéro" in typed("reset", "--step")
    assert "Il n'en reste rien sur le moteur." in typed("stop")
    assert english_sentences("\n".join(printed)) == []
