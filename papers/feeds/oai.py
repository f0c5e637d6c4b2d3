"""arXiv's OAI-PMH records, in the formats `arXiv` and `arXivRaw`, used to fill missed days.

Described at info.arxiv.org/help/oa and www.openarchives.org/OAI/openarchivesprotocol.html.
A long answer ends with a token that requests the rest.
"""

from lxml import etree

from papers.feeds import fields, markup
from papers.feeds.entries import Entry, ParsedDocument
from papers.feeds.markup import Element
from papers.feeds.sniffing import Sniffed
from papers.metadata import authors, identifiers

_NO_RECORDS = "norecordsmatch"  # an empty answer, not an error


def is_oai(sniffed: Sniffed) -> bool:
    """Return whether this is an OAI-PMH answer."""
    return sniffed.root == "oai-pmh"


def parse_records(data: bytes) -> ParsedDocument:
    """Parse the records of an answer; raise `DocumentError` for errors and other documents."""
    head, items, broken = markup.read(data, "record")
    for error in head.all("error"):
        code = error.get("code", "")
        if code.lower() != _NO_RECORDS:
            raise fields.document_error("OAI-PMH error", code, error.text or "")
    if not head.all("listrecords", "getrecord", "error"):
        raise fields.document_error("OAI-PMH answer without records")
    entries, refused = fields.read_all(items, _entry, _name)
    title = f"arXiv records of {_request(head)}"
    published = fields.moment(head.text("responsedate"))
    token = _token(head)
    return ParsedDocument(title, entries, refused + broken, published, token)


def _request(head: Element) -> str:
    requests = head.all("request")
    name = requests[0].get("set") or requests[0].get("identifier") if requests else ""
    return fields.short(name or "the archive")


def _token(head: Element) -> str:
    """Return the token that requests the rest of the answer, "" if it is complete."""
    lists = [markup.element(node) for node in head.all("listrecords")]
    return next((node.text("resumptiontoken") for node in lists), "")


def _name(item: Element) -> str:
    headers = item.all("header")
    name = markup.element(headers[0]).text("identifier") if headers else ""
    return identifiers.parse_arxiv_id(name)[0] or name


def _entry(item: Element) -> Entry:
    if any(header.get("status") == "deleted" for header in item.all("header")):
        raise fields.EntryRefused("deleted by arXiv")
    record = _record(item)
    arxiv = identifiers.parse_arxiv_id(record.text("id"))[0]
    if not arxiv:
        raise fields.EntryRefused("no arXiv id")
    abstract, title = record.text("abstract"), record.text("title")
    version, created, updated = _dates(record)
    return Entry(
        title=fields.tex_title(title),
        abstract=fields.tex_abstract(abstract),
        title_raw=fields.raw(title),
        abstract_raw=fields.raw(abstract),
        authors=fields.names(_authors(record)),
        arxiv_id=arxiv,
        version=version,
        doi=identifiers.parse_doi(record.text("doi")),
        categories=fields.categories(record.text("categories").split()),
        announce_type="replace" if updated else "new",
        published_at=fields.moment(created),
        updated_at=fields.moment(updated),
        abstract_url=identifiers.abstract_url(arxiv),
        pdf_url=identifiers.pdf_url(arxiv),
        journal_ref=fields.journal(record.text("journal-ref")),
        withdrawn=fields.withdrawn(abstract, record.text("comments")),
    )


def _record(item: Element) -> Element:
    metadata = item.all("metadata")
    inner = markup.element(metadata[0]) if metadata else Element({})
    for node in inner.all("arxiv", "arxivraw"):
        return markup.element(node)
    raise fields.EntryRefused("no record in the formats arXiv or arXivRaw")


def _dates(record: Element) -> tuple[int | None, str, str]:
    """Return the version, the date of the first and the date of this one ("" for the first)."""
    versions = [(node.get("version", ""), markup.element(node)) for node in record.all("version")]
    if not versions:
        return None, record.text("created"), record.text("updated")
    last = versions[-1][0].lstrip("v")
    dates = [element.text("date") for _version, element in versions]
    number = int(last) if last.isdigit() and len(last) < 4 else None
    return number, dates[0], dates[-1] if len(dates) > 1 else ""


def _authors(record: Element) -> list[str]:
    """Return names, which are in parts (`arXiv`) or in one text (`arXivRaw`)."""
    names: list[str] = []
    for node in record.all("authors"):
        parts = markup.element(node).all("author")
        names += [_full_name(part) for part in parts] or authors.parse_authors([node.text or ""])
    return names


def _full_name(node: etree._Element) -> str:
    author = markup.element(node)
    suffix = author.texts("suffix")[:1]
    return " ".join([*author.texts("forenames")[:1], *author.texts("keyname"), *suffix])
