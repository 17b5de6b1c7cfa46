"""Every page of the site: links that lead somewhere, nothing from elsewhere, nothing hidden."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest

from labrunner import claims
from labrunner.lessons import frontmatter, reading
from labrunner.website import claimed, front
from tests.website.conftest import BASE, Built
from tests.website.reading import Document, tree

ROOT = Path(__file__).resolve().parents[2]
CONTENT = ROOT / "content"
Documents = Mapping[str, Document]
LABS = sorted(path.parent.name for path in CONTENT.glob("*/lesson.md"))
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"


def broken(site: Path, documents: Documents) -> list[str]:
    """Links inside of a site that lead nowhere."""
    found = []
    for path, page in documents.items():
        for address in page.addresses():
            file, _, anchor = unquote(address).partition("#")
            if SCHEME.match(file):
                continue
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
            target = target if file else path
            if not (site / target).is_file():
                found.append(f"{path}: {address}: no such file")
            elif anchor and anchor not in documents[target].ids:
                found.append(f"{path}: {address}: no such place")
    return found


def test_every_link_leads_somewhere(site: Path, documents: Documents) -> None:
    """Files and the places on them, from every page."""
    assert broken(site, documents) == []
    assert sum(len(page.addresses()) for page in documents.values()) > len(documents) * 10


def test_every_link_leads_somewhere_with_an_address(
    theirs: Built, their_documents: Documents
) -> None:
    """The page for what is not there has links from the root; all others are as before."""
    documents = dict(their_documents)
    lost = documents.pop("404.html")
    assert broken(theirs.folder, documents) == []
    for address in lost.addresses():
        if not SCHEME.match(address) and not address.startswith("#"):
            assert address.startswith("/labs/")
            assert (theirs.folder / address.removeprefix("/labs/").partition("#")[0]).is_file()


def test_nothing_is_loaded_from_elsewhere(
    site: Path, documents: Documents, theirs: Built, their_documents: Documents
) -> None:
    """No picture, style, script or font of another machine, on no page and in no file."""
    for folder, found in ((site, documents), (theirs.folder, their_documents)):
        for page in found.values():
            loading = [a["src"] for _, a in page.tags if "src" in a]
            loading += [a["href"] for a in page.all("link") if a["rel"] in ("stylesheet", "icon")]
            assert [address for address in loading if SCHEME.match(address)] == [], page.path
        for name, content in tree(folder).items():
            if name.endswith((".css", ".svg")):
                text = content.decode().replace("http://www.w3.org/2000/svg", "")
                assert not re.search(r"https?:|//|@import|url\(|xlink", text), name


def test_every_page_forbids_what_it_does_not_need(
    documents: Documents, their_documents: Documents
) -> None:
    """A policy before anything that loads; no script or style in the page itself."""
    for found in (documents, their_documents):
        for page in found.values():
            (policy,) = [
                a["content"]
                for a in page.all("meta")
                if a.get("http-equiv") == "Content-Security-Policy"
            ]
            assert policy.startswith(POLICY), page.path
            assert "unsafe" not in policy
            names = [name for name, _ in page.tags]
            assert names.index("meta") < names.index("link")
            assert page.all("style") == []
            assert all(script.get("src") for script in page.all("script"))
            assert [k for _, a in page.tags for k in a if k == "style" or k.startswith("on")] == []


def test_every_page_has_its_frame(documents: Documents) -> None:
    """Language, title, one heading of the first rank, landmarks, a way past the navigation."""
    titles = []
    for page in documents.values():
        (html,) = page.all("html")
        assert re.fullmatch(r"[a-z]{2}", html["lang"])
        assert len(page.all("h1")) == 1, page.path
        for landmark in ("main", "header", "footer", "nav", "title"):
            assert page.all(landmark), (page.path, landmark)
        assert next(a for name, a in page.tags if name == "a") == {
            "class": "skip",
            "href": "#_main",
        }
        assert page.all("main")[0]["id"] == "_main"
        descriptions = [a["content"] for a in page.all("meta") if a.get("name") == "description"]
        assert all(descriptions)
        assert len(descriptions) == 1
        assert page.unclosed == [], page.path
        assert len(page.ids) == len(set(page.ids)), page.path
        titles.append(re.sub(r" - labrunner .*", "", page.text.strip()))
    assert len(set(titles)) == len(titles)


def test_no_heading_is_skipped(documents: Documents) -> None:
    """A heading is at most one rank below the one before it."""
    for page in documents.values():
        ranks = [int(name[1]) for name, _ in page.tags if re.fullmatch(r"h[1-6]", name)]
        steps = [after - before for before, after in pairwise(ranks)]
        assert ranks[0] == 1, page.path
        assert max(steps, default=0) <= 1, (page.path, ranks)


# --- what is to be read -------------------------------------------------------------------


@pytest.mark.parametrize("name", LABS)
def test_a_lab_can_be_read_whole(name: str, documents: Documents) -> None:
    """Introduction, steps, hints and solutions, in each language, in the page itself."""
    for language in frontmatter.languages(CONTENT / name):
        lesson = reading.read(CONTENT / name, language)
        ending = "" if language == "en" else f".{language}"
        page = documents[f"labs/{name}{ending}.html"]
        assert page.all("html")[0]["lang"] == language
        assert lesson.title in page.text
        assert f"lab start {name}" in page.text
        commands = [pre["data-command"] for pre in page.all("pre") if "data-command" in pre]
        for step in lesson.steps:
            assert step.id in page.ids
            assert step.title in page.text
            assert [c.text for c in step.commands if c.text not in commands] == []
        folds = [fold.get("class") for fold in page.all("details")]
        assert folds.count("solution") == len(lesson.steps)
        assert folds.count("hint") == sum(len(step.hints) for step in lesson.steps)
        assert [fold for fold in page.all("details") if "open" in fold] == []


@pytest.mark.parametrize("name", LABS)
def test_a_sheet_has_every_solution_and_every_trap(name: str, documents: Documents) -> None:
    """Open, with what the check says; nothing on it is folded."""
    lesson = reading.read(CONTENT / name)
    page = documents[f"teach/{name}.html"]
    assert page.all("details") == []
    text = re.sub(r"\s+", "", page.text)
    for step in lesson.steps:
        assert step.id in page.ids
        for trap in step.traps:
            assert re.sub(r"\s+", "", trap.message) in text
        for command in (*step.commands, *(c for trap in step.traps for c in trap.commands)):
            assert re.sub(r"\s+", "", command.text) in text


@pytest.mark.parametrize("name", LABS)
def test_a_picture_has_its_words(name: str, documents: Documents) -> None:
    """The picture of a lab's networks is there, and is told in words in it and below it."""
    page = documents[f"labs/{name}.html"]
    (drawn,) = page.all("svg")
    assert drawn["role"] == "img"
    assert set(drawn["aria-labelledby"].split()) <= set(page.ids)
    networks = [a["data-name"] for name, a in page.tags if name == "g" and a["class"] == "network"]
    assert [network for network in networks if network not in page.text] == []
    assert "The same in words" in page.text


def test_the_front_page_has_every_lab_by_its_level(documents: Documents) -> None:
    """With its name, its minutes, what one will do, and a link."""
    page = documents["index.html"]
    links = [a["href"] for a in page.all("a")]
    for name in LABS:
        lesson = reading.read(CONTENT / name)
        assert f"labs/{name}.html" in links
        assert f"about {lesson.minutes} minutes" in page.text
        assert lesson.summary in page.text
    places = [page.text.index(front.LEVELS[level]) for level in frontmatter.LEVELS]
    assert places == sorted(places)


def test_the_french_pages_are_french(documents: Documents) -> None:
    """The frame, too; each version leads to the other, for people and for programs."""
    french = documents["labs/unsegregated-shop.fr.html"]
    english = documents["labs/unsegregated-shop.html"]
    for words in ("Étape 1 sur", "Indice 1 sur", "Solution", "Aller au texte", "Recherche"):
        assert words in french.text
    for words in ("Step 1 of", "Hint 1 of", "Skip to", "How to start", "Network my-"):
        assert words not in french.text
    assert "lab start unsegregated-shop --lang fr" in french.text
    for page, other in ((french, "en"), (english, "fr")):
        file = "unsegregated-shop.html" if other == "en" else "unsegregated-shop.fr.html"
        assert {"href": file, "hreflang": other, "lang": other} in page.all("a")
        assert {"rel": "alternate", "hreflang": other, "href": file} in page.all("link")
    assert "Une boutique" in documents["index.fr.html"].text
    shown = [a for a in documents["index.fr.html"].all("a") if "labs/" in a["href"]]
    assert {"labs/unsegregated-shop.fr.html", "labs/eavesdropping.html"} <= {
        a["href"] for a in shown
    }
    assert all(a["lang"] == ("fr" if ".fr." in a["href"] else "en") for a in shown)


def test_every_claim_leads_to_the_step_that_measures_it(documents: Documents) -> None:
    """And each step names the claims that it puts to the test."""
    page = documents["claims.html"]
    found = claims.read(CONTENT)
    links = {a["href"] for a in page.all("a")}
    for claim in found:
        assert f"claim-{claim.row}" in page.ids
        assert f"labs/{claim.lab}.html#{claim.step}" in links
        back = documents[f"labs/{claim.lab}.html"].all("a")
        assert any(a["href"].endswith(f"claims.html#claim-{claim.row}") for a in back)
    assert {title for _, title in claimed.SECTIONS} == {
        claimed.section(claim.place[0]) for claim in found
    }


@pytest.mark.parametrize("file", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_every_document_is_there(file: Path, documents: Documents) -> None:
    """Guide, reference, rules, CI, and what is written later."""
    if file.name == "claims.md":  # the site has it in a form of its own
        return
    page = documents[f"docs/{file.stem}.html"]
    heads = re.findall(r"(?m)^##+ ", re.sub(r"(?sm)^(`{3,}).*?^\1$", "", file.read_text("utf-8")))
    assert len([name for name, _ in page.tags if name in ("h2", "h3")]) == len(heads)
    assert [a for a in page.all("a") if a["href"].partition("#")[0].endswith(".md")] == []


# --- what others write --------------------------------------------------------------------


def test_nothing_in_a_lesson_can_run(their_documents: Documents) -> None:
    """Scripts, handlers, frames, styles and script links are words, wherever they stand."""
    for path in ("labs/hostile.html", "teach/hostile.html", "index.html", "labs/hello-there.html"):
        page = their_documents[path]
        assert page.all("script") == []
        assert page.all("iframe") == []
        for address in page.addresses():
            assert not address.lower().startswith(("javascript:", "data:", "vbscript:"))
        assert [k for _, a in page.tags for k in a if k == "style" or k.startswith("on")] == []
        assert page.unclosed == []
    text = their_documents["labs/hostile.html"].text
    for word in ("title", "summary", "introduction", "command", "goal"):
        assert f'alert("{word}")' in text.replace("'", '"'), word


def test_a_lab_of_the_users_own_is_on_the_site(theirs: Built, their_documents: Documents) -> None:
    """In its languages, without the folder that it lies in."""
    assert "Bonjour à tous" in their_documents["labs/hello-there.fr.html"].text
    assert "labs/hello-there.html" in [a["href"] for a in their_documents["index.html"].all("a")]
    assert "hello-there" in theirs.said["labs"]
    assert [name for name, data in tree(theirs.folder).items() if b"/shelf" in data] == []


def test_with_an_address_links_between_languages_are_whole(
    theirs: Built, their_documents: Documents
) -> None:
    """Search engines want them so; there is a map of the site, too."""
    page = their_documents["labs/hello-there.fr.html"]
    assert {
        "rel": "alternate",
        "hreflang": "en",
        "href": f"{BASE}labs/hello-there.html",
    } in page.all("link")
    assert f"<loc>{BASE}labs/hello-there.fr.html</loc>" in (
        theirs.folder / "sitemap.xml"
    ).read_text("utf-8")
