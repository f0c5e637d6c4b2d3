"""Atom and JSON Feed documents. Pure.

Django's Atom1Feed supports neither several authors per entry nor `content`, so the Atom document
is written here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lxml import etree

from papers.text.markup import one_line

ATOM = "http://www.w3.org/2005/Atom"
NAMESPACES: Any = {None: ATOM}  # lxml's stubs have no default namespace
TYPES = {"atom": "application/atom+xml", "json": "application/feed+json"}


@dataclass(frozen=True, slots=True)
class Item:
    """One entry. `content` is safe HTML. `id` must never change; it defaults to `url`."""

    title: str
    url: str
    content: str
    at: datetime
    authors: Sequence[str] = ()
    tags: Sequence[str] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed: `url` is its own URL, `home` that of the matching page, `site` the publisher."""

    title: str
    url: str
    home: str
    site: str
    items: Sequence[Item]
    updated: datetime

    def document(self, kind: str) -> bytes:
        """Return the feed in UTF-8; `kind` is a key of `TYPES`."""
        return _to_atom(self) if kind == "atom" else _to_json(self)


def _to_json(feed: Feed) -> bytes:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "home_page_url": feed.home,
        "feed_url": feed.url,
        "items": [_json_item(item) for item in feed.items],
    }
    return json.dumps(document, ensure_ascii=False).encode()


def _json_item(item: Item) -> dict[str, Any]:
    fields = {
        "id": item.id or item.url,
        "url": item.url,
        "title": one_line(item.title),
        "content_html": item.content,
        "date_published": item.at.isoformat(),
        "authors": [{"name": one_line(name)} for name in item.authors],
        "tags": list(item.tags),
    }
    return {name: value for name, value in fields.items() if value}


def _to_atom(feed: Feed) -> bytes:
    root = etree.Element(_qualify("feed"), nsmap=NAMESPACES)
    _add(root, "id", feed.url)
    _add(root, "title", feed.title)
    _add(root, "updated", feed.updated.isoformat())
    _add(root, "link", rel="self", type=TYPES["atom"], href=feed.url)
    _add(root, "link", rel="alternate", type="text/html", href=feed.home)
    _add(_add(root, "author"), "name", feed.site)
    for item in feed.items:
        _add_entry(root, item)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _add_entry(root: etree._Element, item: Item) -> None:
    entry = _add(root, "entry")
    _add(entry, "id", item.id or item.url)
    _add(entry, "title", item.title)
    _add(entry, "link", rel="alternate", href=item.url)
    _add(entry, "published", item.at.isoformat())
    _add(entry, "updated", item.at.isoformat())
    for name in item.authors:
        _add(_add(entry, "author"), "name", name)
    for tag in item.tags:
        _add(entry, "category", term=tag)
    _add(entry, "content", item.content, type="html")


def _add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    """Append an element. Characters that XML does not allow are removed."""
    element = etree.SubElement(parent, _qualify(name))
    for key, value in attributes.items():
        element.set(key, one_line(value))
    if text:
        element.text = one_line(text)
    return element


def _qualify(name: str) -> str:
    return f"{{{ATOM}}}{name}"
