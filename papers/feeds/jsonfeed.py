"""JSON Feed, versions 1 and 1.1. Described at www.jsonfeed.org/version/1.1/."""

import json
import re
from typing import Any

from papers.feeds import fields
from papers.feeds.entries import Entry, ParsedDocument
from papers.feeds.sniffing import Sniffed
from papers.metadata import authors, identifiers
from papers.text.markup import html_to_text, one_line

MARK = re.compile(rb'"version"\s*:\s*"https?:\\?/\\?/(?:www\.)?jsonfeed\.org', re.I)


def is_json_feed(sniffed: Sniffed) -> bool:
    """Return whether this is a JSON Feed."""
    return sniffed.format == "json" and bool(MARK.search(sniffed.text))


def parse_json_feed(data: bytes) -> ParsedDocument:
    """Parse a JSON Feed; raise `DocumentError` for any other document."""
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise fields.document_error("JSON nested too deeply") from error
    except ValueError as error:
        raise fields.document_error("broken JSON", error) from error
    if not isinstance(document, dict) or not isinstance(document.get("items", []), list):
        raise fields.document_error("JSON Feed without a list of items")
    feed_authors = [name for name in map(_person, _people(document)) if name]
    entries, refused = fields.read_all(
        document.get("items", []), lambda item: _entry(item, feed_authors), _name
    )
    title = one_line(html_to_text(_text(document, "title")))[: fields.MAX_TITLE]
    return ParsedDocument(title, entries, refused)


def _text(holder: Any, *keys: str) -> str:
    """Return the first of these keys with text; IDs may be numbers."""
    for key in keys:
        value = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _people(holder: dict[str, Any]) -> list[object]:
    listed = holder.get("authors")
    return listed if isinstance(listed, list) else [holder.get("author")]


def _person(person: object) -> str:
    return html_to_text(_text(person, "name"))


def _links(item: Any) -> list[str]:
    return [_text(item, key) for key in ("url", "external_url", "id")]


def _identity(item: Any) -> tuple[str, int | None, str]:
    parsed = [identifiers.parse_arxiv_id(link) for link in _links(item)]
    arxiv, version = next((pair for pair in parsed if pair[0]), ("", None))
    return arxiv, version, next(filter(None, map(identifiers.parse_doi, _links(item))), "")


def _name(item: Any) -> str:
    arxiv, _version, doi = _identity(item)
    return arxiv or doi or _text(item, "url", "id")


def _entry(item: Any, feed_authors: list[str]) -> Entry:
    if not isinstance(item, dict):
        raise fields.EntryRefused("no object")
    arxiv, version, doi = _identity(item)
    title = html_to_text(_text(item, "title"))
    html = _text(item, "content_html", "content_text", "summary")[: fields.MAX_RAW]
    abstract = html_to_text(html)
    readable = fields.tex_title if arxiv or doi else fields.title
    tidy = fields.tex_abstract if arxiv or doi else fields.abstract
    named = [name for name in map(_person, _people(item)) if name] or feed_authors
    tags = item.get("tags")
    return Entry(
        title=readable(one_line(title)),
        abstract=tidy(abstract),
        title_raw=fields.raw(title),
        abstract_raw=fields.raw(abstract),
        authors=fields.names(authors.parse_authors(named)),
        arxiv_id=arxiv,
        version=version,
        doi=doi,
        categories=fields.categories(
            tag for tag in (tags if isinstance(tags, list) else []) if isinstance(tag, str)
        ),
        published_at=fields.moment(item.get("date_published") or item.get("date_modified")),
        updated_at=fields.moment(item.get("date_modified")),
        abstract_url=identifiers.abstract_url(arxiv)
        or next(filter(None, map(fields.url, _links(item))), ""),
        pdf_url=identifiers.pdf_url(arxiv),
        thumbnail_url=fields.url(item.get("image")),
        withdrawn=fields.withdrawn(abstract),
    )
