"""Lessons as HTML: for the page and for the site, from the parser that the terminal has too.

What comes out is harmless whatever the lesson says. Raw HTML is shown as typed, links lead to
web pages and nowhere else, and at last nh3 lets through only tags and attributes that are
expected. There is no style and no script in it, so that it works under a strict CSP.

What it consists of, for whoever writes the style sheet::

    <div class="console">                        one for each console block
      <pre class="command" data-command="docker ps" tabindex="0"><code>docker ps</code></pre>
      <pre class="output" tabindex="0"><code>what it printed</code></pre>      where it is shown
    </div>
    <pre class="code" tabindex="0"><code class="language-python">…</code></pre>
    <div class="admonition note" role="note">    or warning, or danger
      <p class="admonition-title">Note</p> …
    </div>
    <div class="table" tabindex="0"><table>…<th class="right"> …</table></div>
    <a href="https://…" rel="noopener noreferrer" target="_blank">

A command has no prompt in it, neither in its text nor in ``data-command``, which is what is to
be typed; the style sheet puts ``$`` before it. Its lines are joined by line feeds.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from labrunner.lessons import markdown
from labrunner.words import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it import MarkdownIt
    from markdown_it.token import Token

    from labrunner.model.lesson import Lesson

HIGHEST = 3
"""The first level that a heading inside of a text may have: those above are the page's own."""
LOWEST = 6

_TAGS = frozenset(
    re.findall(
        r"\w+",
        "a blockquote br code div em h3 h4 h5 h6 hr li ol p pre strong"
        " table tbody td th thead tr ul",
    )
)
_ATTRIBUTES = {
    "a": {"href", "title", "target"},
    "code": {"class"},
    "div": {"class", "role", "tabindex"},
    "ol": {"start"},
    "p": {"class"},
    "pre": {"class", "data-command", "tabindex"},
    "td": {"class"},
    "th": {"class"},
}
_SCHEMES = frozenset({"http", "https", "mailto"})
_OUTSIDE = re.compile(r"https?://", re.IGNORECASE)
_LANGUAGE = re.compile(r"[a-z0-9+-]+")


def blocks(text: str, *, highest: int = HIGHEST) -> str:
    """Markdown taken from a lesson as HTML: an introduction, a step's body, a hint, a solution.

    Words of our own in it (the titles of admonitions) are in the language that is spoken (see
    `labrunner.words`). What stands in hints, solutions and traps inside of the text is left out,
    as the terminal does.

    Args:
        text: the Markdown, such as ``step.body`` or one of ``step.hints``.
        highest: level that the highest heading in it gets; smaller ones stay smaller.
    """
    tokens = _without_hidden(_renderer().parse(text))
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            # a text's own headings begin at ###, which is 3
            level = max(int(token.tag[1:]), HIGHEST) - HIGHEST + highest
            token.tag = f"h{min(level, LOWEST)}"
    made = _renderer()
    return _clean(str(made.renderer.render(tokens, made.options, {})))


def introduction(lesson: Lesson) -> str:
    """What a lesson is about: summary, objectives, what one should know, its introduction.

    The title, the level and the minutes are the page's to show.
    """
    parts = [
        lesson.summary,
        _list(tr("You will:"), lesson.objectives),
        _list(tr("You should know:"), lesson.requires),
        lesson.introduction,
    ]
    return blocks("\n\n".join(part for part in parts if part))


def _list(title: str, items: Sequence[str]) -> str:
    return "\n".join([title, "", *(f"- {item}" for item in items)]) if items else ""


def _clean(made: str) -> str:
    """Only what is expected; everything else is taken out, its words stay."""
    import nh3

    return nh3.clean(
        made,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        url_schemes=set(_SCHEMES),
        link_rel="noopener noreferrer",
        strip_comments=True,
    )


def _without_hidden(tokens: Sequence[Token]) -> list[Token]:
    """The tokens without those of hints, solutions and traps."""
    kept: list[Token] = []
    hidden: list[str] = []
    for token in tokens:
        if markdown.container(token) in markdown.HIDDEN:
            hidden.append(token.type.removesuffix("_open"))
        elif hidden and token.nesting == -1 and token.type == f"{hidden[-1]}_close":
            hidden.pop()
        elif not hidden:
            kept.append(token)
    return kept


@cache
def _renderer() -> MarkdownIt:
    """The parser of lessons, with our own way to write some of its blocks."""
    made = markdown.parser()
    for name in markdown.ADMONITIONS:
        made.add_render_rule(f"container_{name}_open", _admonition)
        made.add_render_rule(f"container_{name}_close", _end)
    for name, rule in (
        ("fence", _fence),
        ("code_block", _code),
        ("table_open", _table),
        ("table_close", _table_end),
        ("th_open", _cell),
        ("td_open", _cell),
        ("link_open", _link),
        ("image", _image),
    ):
        made.add_render_rule(name, rule)
    return made


# --- one rule a kind of block: markdown-it calls it with itself, all tokens and an index ----


def _admonition(_self: Any, tokens: Sequence[Token], at: int, *_rest: Any) -> str:
    name = markdown.container(tokens[at])
    title = escape(tr(name.capitalize()))
    return f'<div class="admonition {name}" role="note">\n<p class="admonition-title">{title}</p>\n'


def _end(*_arguments: Any) -> str:
    return "</div>\n"


def _fence(_self: Any, tokens: Sequence[Token], at: int, *_rest: Any) -> str:
    words = tokens[at].info.split()
    language = words[0].lower() if words else ""
    if language == "console":
        try:
            found = markdown.commands(tokens[at].content)
        except ValueError:
            return _pre(tokens[at].content, "code")  # a draft: shown as it is
        parts = []
        for command in found:
            parts.append(_pre(command.text, "command", data=command.text))
            parts += [_pre(command.output, "output")] if command.output else []
        return f'<div class="console">\n{"".join(parts)}</div>\n'
    return _pre(tokens[at].content, "code", language=language)


def _code(_self: Any, tokens: Sequence[Token], at: int, *_rest: Any) -> str:
    return _pre(tokens[at].content, "code")


def _pre(content: str, name: str, *, language: str = "", data: str | None = None) -> str:
    kind = f' class="language-{language}"' if _LANGUAGE.fullmatch(language) else ""
    typed = "" if data is None else f' data-command="{escape(data)}"'
    text = escape(content.rstrip("\n"), quote=False)
    return f'<pre class="{name}"{typed} tabindex="0"><code{kind}>{text}</code></pre>\n'


def _table(*_arguments: Any) -> str:
    return '<div class="table" tabindex="0">\n<table>\n'


def _table_end(*_arguments: Any) -> str:
    return "</table>\n</div>\n"


def _cell(_self: Any, tokens: Sequence[Token], at: int, *_rest: Any) -> str:
    """A cell; its alignment as a class, since a strict CSP knows no style attributes."""
    style = str(tokens[at].attrGet("style") or "")
    side = style.removeprefix("text-align:")
    return f'<{tokens[at].tag} class="{side}">' if side else f"<{tokens[at].tag}>"


def _link(self: Any, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    if _OUTSIDE.match(str(tokens[at].attrGet("href") or "")):
        tokens[at].attrSet("target", "_blank")
    return str(self.renderToken(tokens, at, options, env))


def _image(_self: Any, tokens: Sequence[Token], at: int, *_rest: Any) -> str:
    """A picture by its words: nothing is loaded that the runner did not bring."""
    words = escape(f"[{tr('picture: {1}', tokens[at].content)}]")
    source = escape(str(tokens[at].attrGet("src") or ""))
    return f'<a href="{source}">{words}</a>' if source else words
