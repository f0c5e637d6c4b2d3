"""Parser for any RSS, Atom or RDF feed: journals, labs, lists of papers.

Well-formed feeds are parsed by `plainxml`, all others by feedparser.
"""

import re
from calendar import timegm
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from xml.sax import SAXException

import feedparser

from papers.feeds import fields, markup, plainxml
from papers.feeds.entries import DocumentError, Entry, ParsedDocument, Refusal
from papers.metadata import authors, descriptions, identifiers
from papers.metadata.descriptions import Description
from papers.text.markup import html_to_text, one_line

# feedparser takes up to 30 microseconds for a tag, and the square of its attributes.
# The largest journal feed seen has 1,400 entries and fewer than 30,000 marks.
_MAX_MARKS = 60_000
_MAX_ATTRIBUTES = 2_000
_LONG_TAG = re.compile(rb"<[A-Za-z][^<>]{%d,}" % (5 * _MAX_ATTRIBUTES))
_END_TAG = re.compile(rb"</\s*(?:\w+:)?(?:rss|feed|rdf|channel)\s*>", re.I)


def parse_feed(data: bytes) -> ParsedDocument:
    """Parse a feed; raise `DocumentError` if feedparser finds none."""
    plain_feed = plainxml.read(data)
    if plain_feed is not None:
        return _document(plain_feed["feed"], plain_feed["entries"], ())
    feed = _parse_with_feedparser(data)
    items = feed.entries
    _add_identifiers(items, data)
    broken: tuple[Refusal, ...] = ()
    if feed.bozo and items and not _END_TAG.search(data[-400:].replace(b"\0", b"")):
        broken = (Refusal(f"entry {len(items)}", "the document breaks off in it"),)
        items = items[:-1]
    return _document(feed.feed, items, broken)


def _document(head: Any, items: Sequence[Any], broken: tuple[Refusal, ...]) -> ParsedDocument:
    entries, refused = fields.read_all(items, _entry, _name)
    title = one_line(html_to_text(_text(head, "title")))[: fields.MAX_TITLE]
    published = _moment(head, "published") or _moment(head, "updated")
    return ParsedDocument(title, entries, refused + broken, published)


def _parse_with_feedparser(data: bytes) -> Any:
    _refuse_excessive_markup(data.replace(b"\0", b""))
    try:
        # As a stream: bytes themselves would be tried as a file name and as an address.
        # Its sanitiser can take minutes on a crafted document; we use nh3.
        feed = feedparser.parse(BytesIO(data), sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:  # a library with many ways to fail on broken input
        raise fields.document_error("feed that cannot be read", repr(error)) from error
    problem = feed.get("bozo_exception")
    # Other complaints, as of a wrongly declared encoding, leave an empty feed a valid one.
    if not feed.entries and (isinstance(problem, SAXException) or not feed.version):
        raise fields.document_error("feed without an entry", problem or "no feed in it")
    return feed


def _add_identifiers(items: Sequence[Any], data: bytes) -> None:
    """Add all `dc:identifier` of each item; feedparser keeps only the last one."""
    for item in items:
        item["identifiers"] = [_text(item, "dc_identifier")]
    try:
        _, nodes, _ = markup.read(data, "item", "entry")
    except DocumentError:
        return
    if len(nodes) == len(items):
        for item, node in zip(items, nodes, strict=True):
            item["identifiers"] += node.texts("identifier")


def _refuse_excessive_markup(text: bytes) -> None:
    marks = sum(map(text.count, (b"<", b"&", b'="', b"='")))
    if marks > _MAX_MARKS:
        raise fields.document_error(f"feed with {marks} tags and attributes, over {_MAX_MARKS}")
    if any(tag[0].count(b"=") > _MAX_ATTRIBUTES for tag in _LONG_TAG.finditer(text)):
        raise fields.document_error(f"feed with a tag of more than {_MAX_ATTRIBUTES} attributes")


def _text(holder: Any, key: str) -> str:
    value = holder.get(key)
    return value if isinstance(value, str) else ""


def _links(item: Any) -> list[str]:
    hrefs = [_text(link, "href") for link in item.get("links", ())]
    return [link for link in (_text(item, "link"), _text(item, "id"), *hrefs) if link]


def _identity(item: Any) -> tuple[str, int | None, str]:
    """Return arXiv ID, version and DOI, from their own fields and from all links."""
    doi_fields = [_text(item, key) for key in ("prism_doi", "arxiv_doi")]
    texts = [*doi_fields, *item.get("identifiers", ()), *_links(item)]
    parsed = (identifiers.parse_arxiv_id(text) for text in texts)
    arxiv, version = next((pair for pair in parsed if pair[0]), ("", None))
    doi = next(filter(None, map(identifiers.parse_doi, texts)), "")
    return arxiv, version, doi


def _name(item: Any) -> str:
    arxiv, _, doi = _identity(item)
    return arxiv or doi or _text(item, "link")


def _entry(item: Any) -> Entry:
    arxiv, version, doi = _identity(item)
    title, described = html_to_text(_text(item, "title")), _description(item)
    abstract = described.abstract
    readable = fields.tex_title if arxiv or doi else fields.title
    tidy = fields.tex_abstract if arxiv or doi else fields.abstract
    return Entry(
        title=readable(one_line(title)),
        abstract=tidy(abstract),
        title_raw=fields.raw(title),
        abstract_raw=fields.raw(abstract),
        authors=fields.names(_authors(item) or authors.parse_authors([described.authors])),
        arxiv_id=arxiv,
        version=version,
        doi=doi or described.doi,
        categories=fields.categories(_text(tag, "term") for tag in item.get("tags", ())),
        published_at=_moment(item, "published") or _moment(item, "updated"),
        updated_at=_moment(item, "updated"),
        abstract_url=identifiers.abstract_url(arxiv) or _page(item),
        pdf_url=identifiers.pdf_url(arxiv),
        thumbnail_url=_thumbnail(item),
        journal_ref=fields.journal(_text(item, "prism_publicationname") or described.journal),
        votes=described.votes,
        withdrawn=fields.withdrawn(abstract),
    )


def _description(item: Any) -> Description:
    contents = [_text(content, "value") for content in item.get("content", ())]
    html = _text(item, "summary") or next(iter(contents), "")
    return descriptions.parse_description(html[: fields.MAX_RAW])


def _authors(item: Any) -> tuple[str, ...]:
    people = [html_to_text(_text(person, "name")) for person in item.get("authors", ())]
    return authors.parse_authors([name for name in people if name])


def _moment(holder: Any, name: str) -> datetime | None:
    """Return a date as a moment in UTC, parsed by us, else by feedparser.

    feedparser completes a partly understood date with today's: "2021/02/18" becomes the first of
    this month. Its result is used only if the text contains the same year and day.
    """
    if f"{name}_at" in holder:
        instant: datetime | None = holder[f"{name}_at"]
        return instant
    # feedparser returns "published" for a missing "updated".
    if name not in holder:
        return None
    text = _text(holder, name)
    if moment := fields.moment(text):
        return moment.replace(microsecond=0)
    parts = holder.get(f"{name}_parsed")
    if not parts or parts[0] not in fields.YEARS or not _contains_day(text, parts):
        return None
    return datetime.fromtimestamp(timegm(parts), UTC)


def _contains_day(text: str, parts: Any) -> bool:
    """Return whether a text contains the year and day; a time zone may shift the day by one."""
    numbers = {int(digits) for digits in re.findall(r"\d{1,4}", text)}
    days = {parts[2] - 1, parts[2], parts[2] + 1}
    compact = f"{parts[0]:04}{parts[1]:02}{parts[2]:02}" in text
    return compact or (parts[0] in numbers and bool(numbers & days))


def _page(item: Any) -> str:
    return next(filter(None, map(fields.url, _links(item))), "")


def _thumbnail(item: Any) -> str:
    images = item.get("media_thumbnail") or [{}]
    return fields.url(images[0].get("url"))
