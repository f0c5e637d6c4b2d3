"""Convert TeX and HTML from sources to readable text. Pure. Nothing here raises on any input."""

import html
import re
import unicodedata

import nh3

from papers.text import formulas
from papers.text.latex.conversion import to_unicode

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")


def readable_text(tex: str) -> str:
    r"""Return a title or abstract with TeX as Unicode and without hard wraps.

    >>> readable_text(r"K\"{a}hler: $\mathcal{O}(n^2)$ at 50% of the cost")
    'Kähler: O(n²) at 50% of the cost'
    """
    return unwrap_lines(to_unicode(tex))


def readable_lines(typed: str) -> str:
    """Return typed text with TeX as Unicode; line breaks are kept."""
    return "\n".join(map(readable_text, typed.splitlines()))


def unwrap_lines(text: str) -> str:
    """Collapse white space to single spaces; keep blank lines between paragraphs."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\n" not in text:
        return " ".join(text.split())
    paragraphs = (" ".join(part.split()) for part in _BLANK_LINE.split(text))
    return "\n\n".join(part for part in paragraphs if part)


# A "<" that opens no tag: "a<b", "p <q and r> s". A name of one letter must be the whole tag or be
# followed by an attribute with a value.
_LESS_THAN = re.compile(
    r"""<(?! [!?]
           | /?[a-zA-Z][\w:-]+ (?:[\s/][^<>]*)? >
           | /?[a-zA-Z] (?: \s* /? > | \s (?=[^<>=]*=) [^<>]* > ) )""",
    re.X,
)
_BLOCK = re.compile(
    r"</?(?:p|div|br|hr|li|ul|ol|h[1-6]|tr|table|blockquote|section|article|pre|dl|dt|dd|sec|st"
    # Crossref's and PubMed's abstracts are JATS, with a prefix or without.
    r"|\w+:(?:p|sec|title|list-item|abstract))\b[^<>]*>",
    re.I,
)
# nh3 drops an element of MathML or SVG in HTML with all that follows it, and JATS, which journals
# send, has elements of these names too, such as <sec> and <list>. Those become <span>.
_NAME_OF_TAG = re.compile(r"<(/?)([a-zA-Z][\w:-]*)")
_INVISIBLE = {"script", "style", "template", "noscript", "iframe", "object", "svg", "title"}
_ELEMENTS = nh3.ALLOWED_TAGS | _INVISIBLE


def _known_element(tag: re.Match[str]) -> str:
    return tag[0] if tag[2].lower() in _ELEMENTS else f"<{tag[1]}span"


def html_to_text(markup: str) -> str:
    """Return HTML as plain text: no elements, no scripts, entities decoded; "a < b" is kept.

    The result is text, not safe HTML: `&lt;i&gt;` becomes "<i>".
    """
    if "<" in markup:
        markup = formulas.readable(markup)
        markup = _LESS_THAN.sub("&lt;", markup)
        markup = _BLOCK.sub(lambda tag: f"\n\n{tag.group()}", markup)
        markup = _NAME_OF_TAG.sub(_known_element, markup)
        markup = nh3.clean(markup, tags=set(), attributes={}, clean_content_tags=_INVISIBLE)
    return unwrap_lines(html.unescape(markup) if "&" in markup else markup)


_LINE_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
# Controls, the soft hyphen, directional overrides and isolates, byte order mark, lone surrogates,
# noncharacters.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff"
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def one_line(text: str) -> str:
    """Return text fit for a header or a table cell: one line, printable, NFC."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    text = _UNPRINTABLE.sub("", _LINE_BREAKS.sub(" ", text))
    return unicodedata.normalize("NFC", " ".join(text.split()))
