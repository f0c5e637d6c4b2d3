"""arXiv's own formats: the daily listing (RSS 2.0 and Atom, since 2024) and the query API.

Described at info.arxiv.org/help/rss_specifications.html, .../atom_specifications.html and
.../api/user-manual.html.
"""

import re
from datetime import date

from papers.feeds import fields, markup
from papers.feeds.entries import Entry, ParsedDocument
from papers.feeds.markup import Element
from papers.feeds.schedule import arxiv_day
from papers.feeds.sniffing import Sniffed
from papers.metadata import authors, identifiers

_ANNOUNCE_TYPES = {"new", "cross", "replace", "replace-cross"}
_HEADER = re.compile(
    r"\s*arXiv:(?P<id>\S+)\s+Announce Type:\s*(?P<type>[a-z-]+)\s*(?:Abstract:\s*)?", re.I
)
_ERRORS = re.compile(r"https?://(?:export\.)?arxiv\.org/api/errors")
_ANSWER_MARK = re.compile(rb"<(?:\w+:)?id>\s*https?://(?:export\.)?arxiv\.org/api/", re.I)
_LISTING_MARK = re.compile(
    rb"<(?:\w+:)?(?:guid|id)\b[^>]*>\s*oai:arXiv\.org:"
    rb"|<(?:\w+:)?(?:link|id)>\s*https?://(?:rss|export)\.arxiv\.org/(?:rss|atom)/",
    re.I,
)


def is_answer(sniffed: Sniffed) -> bool:
    """Return whether this is an answer of the query API."""
    return sniffed.is_feed and bool(_ANSWER_MARK.search(sniffed.head))


def is_listing(sniffed: Sniffed) -> bool:
    """Return whether this is a daily listing."""
    return sniffed.is_feed and bool(_LISTING_MARK.search(sniffed.head))


def list_day(parsed: ParsedDocument) -> date | None:
    """Return the day of a listing, in New York."""
    return arxiv_day(parsed.published_at) if parsed.published_at else None


def parse_listing(data: bytes) -> ParsedDocument:
    """Parse a daily listing, in RSS or Atom; on weekends and holidays it is valid and empty.

    Raise `DocumentError` for invalid XML, and for arXiv's "Feed error" with its reason.
    """
    channel, items, broken = markup.read(data, "item", "entry")
    title = channel.text("title")
    if title.lower().startswith("feed error"):
        raise fields.document_error(title, channel.text("description", "subtitle"))
    listed = channel.text("pubdate", "updated")
    entries, refused = fields.read_all(
        items, lambda item: _listed_entry(item, listed), lambda item: _listed_id(item)[0]
    )
    published = fields.moment(listed)
    return ParsedDocument(fields.short(title), entries, refused + broken, published)


def parse_answer(data: bytes) -> ParsedDocument:
    """Parse an answer of the query API; raise `DocumentError` if it is an error."""
    feed, items, broken = markup.read(data, "item", "entry")
    for item in items:
        if _ERRORS.match(item.text("id")):
            raise fields.document_error("arXiv answered with an error", item.text("summary"))
    entries, refused = fields.read_all(items, _answer_entry, lambda item: _answer_id(item)[0])
    title, published = fields.short(feed.text("title")), fields.moment(feed.text("updated"))
    return ParsedDocument(title, entries, refused + broken, published)


def _listed_id(item: Element) -> tuple[str, int | None]:
    """Return ID and version, from the guid, else the description, else the link."""
    header = _HEADER.match(item.text("description", "summary"))
    hrefs = [link.get("href", "") for link in item.all("link")]
    for text in (*item.texts("guid", "id"), header["id"] if header else "", *hrefs):
        arxiv, version = identifiers.parse_arxiv_id(text)
        if arxiv:
            return arxiv, version
    return identifiers.parse_arxiv_id(item.text("link"))


def _listed_entry(item: Element, listed: str) -> Entry:
    arxiv, version = _listed_id(item)
    if not arxiv:
        raise fields.EntryRefused("no arXiv id")
    announced = item.text("pubdate", "published") or listed
    announce_type, abstract = _announcement(item)
    return Entry(
        title=fields.tex_title(item.text("title")),
        abstract=fields.tex_abstract(abstract),
        title_raw=fields.raw(item.text("title")),
        abstract_raw=fields.raw(abstract),
        authors=fields.names(_creators(item)),
        arxiv_id=arxiv,
        version=version,
        doi=identifiers.parse_doi(item.text("doi")),
        categories=fields.categories(_listed_categories(item)),
        announce_type=announce_type,
        # This is the date of the announcement; only for new papers it is their age.
        published_at=fields.moment(announced) if announce_type == "new" else None,
        updated_at=fields.moment(announced) if announce_type.startswith("replace") else None,
        listed_on=fields.day(announced) or fields.day(listed),
        abstract_url=identifiers.abstract_url(arxiv),
        pdf_url=identifiers.pdf_url(arxiv),
        journal_ref=fields.journal(item.text("journal_reference", "journal_ref")),
        withdrawn=fields.withdrawn(abstract),
    )


def _announcement(item: Element) -> tuple[str, str]:
    """Return announce type and abstract of "arXiv:ID Announce Type: new \\nAbstract: ..."."""
    description = item.text("description", "summary")
    header = _HEADER.match(description)
    abstract = description[header.end() :] if header else description
    announced = (item.text("announce_type") or (header["type"] if header else "")).lower()
    return announced if announced in _ANNOUNCE_TYPES else "", abstract


def _creators(item: Element) -> list[str]:
    return [name for text in item.texts("creator") for name in authors.parse_arxiv_authors(text)]


def _listed_categories(item: Element) -> list[str]:
    terms = [node.get("term", "") for node in item.all("category")]
    return item.texts("category") or terms


def _answer_id(item: Element) -> tuple[str, int | None]:
    return identifiers.parse_arxiv_id(item.text("id"))


def _answer_entry(item: Element) -> Entry:
    arxiv, version = _answer_id(item)
    if not arxiv:
        raise fields.EntryRefused("no arXiv id")
    abstract = item.text("summary")
    return Entry(
        title=fields.tex_title(item.text("title")),
        abstract=fields.tex_abstract(abstract),
        title_raw=fields.raw(item.text("title")),
        abstract_raw=fields.raw(abstract),
        authors=fields.names(markup.element(author).text("name") for author in item.all("author")),
        arxiv_id=arxiv,
        version=version,
        doi=identifiers.parse_doi(item.text("doi")),
        categories=fields.categories(
            node.get("term", "") for node in item.all("primary_category", "category")
        ),
        published_at=fields.moment(item.text("published")),
        updated_at=fields.moment(item.text("updated")),
        abstract_url=identifiers.abstract_url(arxiv),
        pdf_url=identifiers.pdf_url(arxiv),
        journal_ref=fields.journal(item.text("journal_ref")),
        withdrawn=fields.withdrawn(abstract, item.text("comment")),
    )
