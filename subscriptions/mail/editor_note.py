"""The editor's note of an edition: Markdown rendered as HTML and as plain text. Pure.

Paragraphs, links, bold and italics are supported. Other Markdown stays as typed, so that a plain
note keeps its number signs, numbers and backticks. The HTML is also sanitised.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import mistune
import nh3

MAX_LENGTH = 1500  # characters as typed
PREFIX = "From the editor: "  # of the note among a digest's notices
WIDTH = 72  # characters in a line of plain text
TAGS = {"p", "br", "strong", "em", "a"}
SCHEMES = {"http", "https", "mailto"}
# Inline styles, since emails have no style sheet; dark mode recolours the class "blue".
EMAIL_ATTRIBUTES = {
    "p": {"style": "margin:0 0 10px"},
    "a": {"style": "color:#1f45c4", "class": "blue"},
}
INLINE = ("escape", "emphasis", "link", "link_close", "auto_link", "linebreak")


def as_notice(note: str) -> str:
    return f"{PREFIX}{note}"


def is_note(notice: str) -> bool:
    """Return whether a digest's notice is the editor's note, which is Markdown."""
    return notice.startswith(PREFIX)


def render_note(text: str, attributes: dict[str, dict[str, str]] | None = None) -> str:
    """Render a note as HTML; `attributes` are added to tags.

    >>> render_note("**Read** [this](https://example.org)")
    '<p><strong>Read</strong> <a href="https://example.org">this</a></p>'
    """
    rendered = str(_parser(_Renderer(escape=True))(_clean(text)))
    return nh3.clean(
        rendered,
        tags=TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_keep_absolute,
        url_schemes=SCHEMES,
        link_rel=None,
        set_tag_attribute_values=attributes or {},
    ).strip()


class _Renderer(mistune.HTMLRenderer):
    """A renderer that replaces pictures by their alternative text."""

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return str(self.text(text))


def _keep_absolute(_tag: str, name: str, value: str) -> str | None:
    """Drop relative links, which do not work in an email."""
    is_absolute = value.partition(":")[0].lower() in SCHEMES
    return value if name != "href" or is_absolute else None


def to_email_html(text: str) -> str:
    return render_note(text, EMAIL_ATTRIBUTES)


def to_text(text: str) -> str:
    """Render a note as plain text, with the address of each link, wrapped to WIDTH.

    >>> to_text("**Read** [this](https://example.org)")
    'Read this (https://example.org)'
    """
    blocks: Any = _parser(None)(_clean(text))
    paragraphs = [_block_text(block) for block in blocks if "children" in block]
    return "\n\n".join(_wrap(paragraph) for paragraph in paragraphs if paragraph.strip())


def _clean(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _parser(renderer: Any) -> mistune.Markdown:
    block, inline = mistune.BlockParser(), mistune.InlineParser(hard_wrap=True)
    markdown = mistune.Markdown(renderer, block, inline, plugins=[mistune.import_plugin("url")])
    block.rules = ["blank_line"]
    inline.rules = [rule for rule in inline.rules if rule in (*INLINE, "url_link")]
    return markdown


def _block_text(token: dict[str, Any]) -> str:
    kind = token["type"]
    if kind in ("linebreak", "softbreak"):
        return "\n"
    words = "".join(map(_block_text, token.get("children", ()))) or str(token.get("raw", ""))
    if kind != "link":
        return words
    address = token["attrs"]["url"].removeprefix("mailto:")
    is_address = address.partition(":")[0].lower() in SCHEMES or "@" in address
    return words if words == address or not is_address else f"{words} ({address})"


def _wrap(paragraph: str) -> str:
    return "\n".join(_wrap_lines(paragraph.splitlines()))


def _wrap_lines(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        yield from textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
