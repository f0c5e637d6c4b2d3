"""The editor's note of an edition: Markdown, as HTML and as plain text. Pure.

It takes paragraphs, links, bold and italics. Everything else of Markdown stays as it was typed, so
that a plain note keeps its number signs, numbers and back-ticks. The HTML is sanitised besides.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import mistune
import nh3

MAX_LENGTH = 1500  # characters as typed
PREFIX = "From the editor: "  # begins its line among a digest's notices
WIDTH = 72  # characters of a line of plain text
TAGS = {"p", "br", "strong", "em", "a"}
SCHEMES = {"http", "https", "mailto"}
# Styles of emails, which are read without a style sheet; "blue" is what dark mode recolours.
EMAIL_LOOKS = {
    "p": {"style": "margin:0 0 10px"},
    "a": {"style": "color:#1f45c4", "class": "blue"},
}
INLINE = ("escape", "emphasis", "link", "link_close", "auto_link", "linebreak")


def as_notice(note: str) -> str:
    return f"{PREFIX}{note}"


def is_note(notice: str) -> bool:
    """Is this notice of a digest the editor's note, and so Markdown?"""
    return notice.startswith(PREFIX)


def render_note(text: str, looks: dict[str, dict[str, str]] | None = None) -> str:
    """Render a note; `looks` are attributes to put on tags.

    >>> to_html("**Read** [this](https://example.org)")
    '<p><strong>Read</strong> <a href="https://example.org">this</a></p>'
    """
    rendered = str(_parser(_Renderer(escape=True))(_clean(text)))
    return nh3.clean(
        rendered,
        tags=TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_absolute,
        url_schemes=SCHEMES,
        link_rel=None,
        set_tag_attribute_values=looks or {},
    ).strip()


class _Renderer(mistune.HTMLRenderer):
    """A picture is its words."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return str(self.text(text))


def _absolute(_tag: str, name: str, value: str) -> str | None:
    """An address that only works on one site is none in an email."""
    is_absolute = value.partition(":")[0].lower() in SCHEMES
    return value if name != "href" or is_absolute else None


def to_email_html(text: str) -> str:
    return render_note(text, EMAIL_LOOKS)


def to_text(text: str) -> str:
    """Spell a note out: links with their address, paragraphs apart, lines of WIDTH at most.

    >>> to_text("**Read** [this](https://example.org)")
    'Read this (https://example.org)'
    """
    blocks: Any = _parser(None)(_clean(text))
    paragraphs = [_spelled_out(block) for block in blocks if "children" in block]
    return "\n\n".join(_wrapped(paragraph) for paragraph in paragraphs if paragraph.strip())


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _parser(renderer: Any) -> mistune.Markdown:
    block, inline = mistune.BlockParser(), mistune.InlineParser(hard_wrap=True)
    made = mistune.Markdown(renderer, block, inline, plugins=[mistune.import_plugin("url")])
    block.rules = ["blank_line"]
    inline.rules = [rule for rule in inline.rules if rule in (*INLINE, "url_link")]
    return made


def _spelled_out(token: dict[str, Any]) -> str:
    kind = token["type"]
    if kind in ("linebreak", "softbreak"):
        return "\n"
    words = "".join(map(_spelled_out, token.get("children", ()))) or str(token.get("raw", ""))
    if kind != "link":
        return words
    address = token["attrs"]["url"].removeprefix("mailto:")
    is_known = address.partition(":")[0].lower() in SCHEMES or "@" in address
    return words if words == address or not is_known else f"{words} ({address})"


def _wrapped(paragraph: str) -> str:
    return "\n".join(_lines(paragraph.splitlines()))


def _lines(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        yield from textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
