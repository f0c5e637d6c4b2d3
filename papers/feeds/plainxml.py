"""Fast parser for well-formed RSS, Atom and RDF, with lxml.

`read` returns the same values as feedparser, or None for documents that need feedparser: broken
XML, old or unusual formats, invalid dates, relative addresses. A test compares both on every
recorded feed.

Measured on a synthetic feed of 1,000 journal entries: 0.45 s instead of 1.09 s for the whole
document, of which reading takes 0.05 s instead of 0.46 s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from typing import Any

from lxml import etree

from papers.feeds import fields

ATOM = "http://www.w3.org/2005/Atom"
RSS1 = "http://purl.org/rss/1.0/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
TERMS = "http://purl.org/dc/terms/"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
MEDIA = "http://search.yahoo.com/mrss/"
XHTML = ' xmlns="http://www.w3.org/1999/xhtml"'
ARXIV = ("http://arxiv.org/schemas/atom",)
PRISM = re.compile(r"http://(?:prismstandard\.org|purl\.org/rss/1\.0/modules/prism)/?.*")

_PARTS = {
    **dict.fromkeys(("title", f"{{{DC}}}title"), "title"),
    **dict.fromkeys(("description", f"{{{DC}}}description", "summary"), "summary"),
    f"{{{CONTENT}}}encoded": "content",
    "content": "content",
    "link": "link",
    **dict.fromkeys(("guid", "id"), "id"),
    **dict.fromkeys(("author", f"{{{DC}}}creator", f"{{{DC}}}author"), "author"),
    **dict.fromkeys(("category", f"{{{DC}}}subject"), "tag"),
    **dict.fromkeys(("pubDate", "published", f"{{{TERMS}}}issued"), "published"),
    **dict.fromkeys(
        ("updated", "lastBuildDate", f"{{{DC}}}date", f"{{{TERMS}}}modified"), "updated"
    ),
    f"{{{DC}}}identifier": "identifier",
    f"{{{MEDIA}}}thumbnail": "thumbnail",
}
# Elements of the formats that are ignored; all others are unknown.
_IGNORED = frozenset(
    "comments enclosure source rights contributor language copyright managingEditor webMaster "
    "generator docs cloud ttl image rating textInput textinput skipHours skipDays subtitle icon "
    "logo items item entry publisher".split()
)
_FAMILIAR = (ATOM, RSS1, "")
# Left to feedparser.
_LEFT_TO_FEEDPARSER = re.compile(r"itunes|podlove|georss|opengis", re.I)
_CONTROL = re.compile("[\x80-\x9f]")
_TYPES = {"text", "html", "xhtml", "text/plain", "text/html", "application/xhtml+xml", None}


class _Unsupported(Exception):
    """The document needs feedparser."""


def read(data: bytes) -> dict[str, Any] | None:
    """Return {"feed": ..., "entries": [...]} with feedparser's names, or None if unsupported.

    Dates are moments (`published_at`, `updated_at`) where feedparser has `..._parsed`.
    """
    if b"xml:base" in data:
        return None
    try:
        root = etree.fromstring(data.lstrip(), _parser())
        head, items = _layout(root)
        return {"feed": _Reader(head).read(), "entries": [_Reader(item).read() for item in items]}
    except (_Unsupported, etree.XMLSyntaxError, ValueError):
        return None


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )


def _layout(root: etree._Element) -> tuple[etree._Element, list[etree._Element]]:
    """Return the head and the items of RSS, RDF or Atom."""
    name = str(root.tag)
    if name == "rss" and root.get("version", "").startswith(("0.9", "2")):
        channels = root.findall("channel")
        items = channels[0].findall("item") if len(channels) == 1 else []
    elif name == f"{{{RDF}}}RDF":
        channels, items = root.findall(f"{{{RSS1}}}channel"), root.findall(f"{{{RSS1}}}item")
    elif name == f"{{{ATOM}}}feed":
        channels, items = [root], root.findall(f"{{{ATOM}}}entry")
    else:
        raise _Unsupported
    if len(channels) != 1 or len(items) != sum(1 for _ in root.iter("{*}item", "{*}entry")):
        raise _Unsupported
    return channels[0], items


class _Reader:
    """Read a head or an item into a dict with feedparser's names."""

    def __init__(self, node: etree._Element) -> None:
        self.node = node
        parts = ("links", "authors", "tags", "content", "identifiers")
        self.values: dict[str, Any] = {part: [] for part in parts}

    def read(self) -> dict[str, Any]:
        if about := self.node.get(f"{{{RDF}}}about"):
            self.values["id"] = about
        for child in self.node.iterchildren("*"):
            self._take(child, *_part(str(child.tag)))
        content = self.values["content"]
        if content and "summary" not in self.values:
            self.values["summary"] = content[0]["value"]
        return self.values

    def _take(self, child: etree._Element, part: str, is_atom: bool) -> None:
        if part == "unsupported" or (part == "ignored" and _has_media(child)):
            raise _Unsupported
        if part == "ignored":
            return
        take = getattr(self, f"_take_{part}", None)
        if take:
            take(child, is_atom)
        else:
            self._first(part, _text(child))

    def _first(self, name: str, value: str) -> None:
        if value:
            self.values.setdefault(name, value)

    def _take_title(self, child: etree._Element, is_atom: bool) -> None:
        self._first("title", _markup(child, is_atom))

    def _take_summary(self, child: etree._Element, is_atom: bool) -> None:
        self._first("summary", _markup(child, is_atom))

    def _take_content(self, child: etree._Element, is_atom: bool) -> None:
        if is_atom and child.get("src"):
            raise _Unsupported
        self.values["content"].append({"value": _markup(child, is_atom)})

    def _take_link(self, child: etree._Element, is_atom: bool) -> None:
        if not is_atom and child.attrib:
            raise _Unsupported
        href = child.get("href", "").strip() if is_atom else _text(child)
        if not href:
            return
        self.values["links"].append({"href": href})
        kind, rel = child.get("type", "text/html"), child.get("rel", "alternate")
        if rel == "alternate" and kind in ("text/html", "application/xhtml+xml", "html"):
            self.values["link"] = href

    def _take_id(self, child: etree._Element, _is_atom: bool) -> None:
        text = _text(child)
        self.values["id"] = text
        if child.get("isPermaLink", "true") == "true":
            self._first("link", text)

    def _take_author(self, child: etree._Element, is_atom: bool) -> None:
        names = [_text(name) for name in child.findall(f"{{{ATOM}}}name")] if is_atom else []
        name = names[0] if len(names) == 1 else _text(child)
        if (is_atom and len(names) != 1) or "@" in name or (len(child) and not is_atom):
            raise _Unsupported
        if name:
            self.values["authors"].append({"name": name})

    def _take_tag(self, child: etree._Element, is_atom: bool) -> None:
        self.values["tags"].append({"term": (child.get("term", "") or _text(child)).strip()})

    def _take_identifier(self, child: etree._Element, _is_atom: bool) -> None:
        self.values["identifiers"].append(_text(child))

    def _take_thumbnail(self, child: etree._Element, _is_atom: bool) -> None:
        self.values.setdefault("media_thumbnail", []).append({"url": child.get("url", "")})

    def _take_published(self, child: etree._Element, _is_atom: bool) -> None:
        self._date("published_at", child)

    def _take_updated(self, child: etree._Element, _is_atom: bool) -> None:
        self._date("updated_at", child)

    def _date(self, name: str, child: etree._Element) -> None:
        text = _text(child)
        moment = fields.moment(text)
        if text and not moment:
            raise _Unsupported
        self.values[name] = moment and moment.replace(microsecond=0)


@lru_cache(maxsize=1024)
def _part(tag: str) -> tuple[str, bool]:
    """Return the part that an element is, and whether it belongs to Atom."""
    space, _brace, local = tag[1:].rpartition("}") if tag.startswith("{") else ("", "", tag)
    familiar = space in _FAMILIAR
    part = _PARTS.get(local if familiar else tag)
    if part:
        return part, space == ATOM
    if familiar and local not in _IGNORED:
        return "unsupported", False
    if PRISM.fullmatch(space) and local.lower() in ("doi", "publicationname"):
        return f"prism_{local.lower()}", False
    if space in ARXIV and local == "doi":
        return "arxiv_doi", False
    if space.rstrip("/") == MEDIA.rstrip("/"):
        return ("ignored" if local == "content" else "unsupported"), False
    return ("unsupported" if _LEFT_TO_FEEDPARSER.search(space) else "ignored"), False


def _text(node: etree._Element) -> str:
    if len(node):
        raise _Unsupported
    return _strip(node.text or "")


def _strip(text: str) -> str:
    """Return the text stripped; leave Windows-1252 and double encoding to feedparser."""
    text = text.strip()
    if text.isascii():
        return text
    if _CONTROL.search(text):  # the second byte of most doubly encoded letters is one of these
        raise _Unsupported
    return text


def _markup(node: etree._Element, is_atom: bool) -> str:
    """Return the text or HTML in an element; Atom elements may contain XHTML."""
    if not is_atom:
        return _text(node)
    kind = node.get("type")
    if kind not in _TYPES or node.get("mode"):
        raise _Unsupported
    if kind in ("xhtml", "application/xhtml+xml"):
        only = node[0] if len(node) == 1 and not (node.text or "").strip() else node
        return _strip("".join(_inner(only if str(only.tag).endswith("}div") else node)))
    return _text(node)


def _inner(node: etree._Element) -> Iterator[str]:
    yield escape(node.text or "", quote=False)
    for child in node:
        yield etree.tostring(child, encoding="unicode").replace(XHTML, "")


def _has_media(node: etree._Element) -> bool:
    """Return whether an element has media with their own descriptions and pictures."""
    if str(node.tag).rpartition("}")[2] in ("item", "entry"):
        return False
    return any(str(child.tag).startswith(f"{{{MEDIA}}}") for child in node)
