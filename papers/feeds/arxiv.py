"""arXiv's own formats: the daily listing (RSS 2.0 and Atom, since 2024) and the query API.

Described at info.arxiv.org/help/rss_specifications.html, .../atom_specifications.html and
.../api/user-manual.html. Elements are known by their local names in lower case, as copies
of the listing go around without namespaces and with "pubdate".
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from lxml import etree

from papers.feeds import authors, fields, identifiers
from papers.feeds.entries import Entry, ParsedDocument, Refusal

_ANNOUNCE_TYPES = {"new", "cross", "replace", "replace-cross"}
_HEADER = re.compile(
    r"\s*arXiv:(?P<id>\S+)\s+Announce Type:\s*(?P<type>[a-z-]+)\s*(?:Abstract:\s*)?", re.I
)
_REFERENCE = re.compile(rb"&#(?:x(?P<hex>[0-9a-f]{1,8})|(?P<decimal>[0-9]{1,8}));", re.I)
_ERRORS = re.compile(r"https?://(?:export\.)?arxiv\.org/api/errors")


@dataclass(frozen=True, slots=True)
class _Element:
    """The children of an XML element by local name; texts stripped, attributes as they are."""

    children: dict[str, list[etree._Element]]

    def all(self, *names: str) -> list[etree._Element]:
        return [child for name in names for child in self.children.get(name, ())]

    def texts(self, *names: str) -> list[str]:
        return [text for child in self.all(*names) if (text := _text(child))]

    def text(self, *names: str) -> str:
        for name in names:
            for child in self.children.get(name, ()):
                if text := _text(child):
                    return text
        return ""


def _text(node: etree._Element) -> str:
    text = "".join(map(str, node.itertext())) if len(node) else node.text or ""
    return text.strip()


def parse_listing(data: bytes) -> ParsedDocument:
    """A day of a category, in RSS or Atom; weekends and holidays are valid and empty.

    Raises DocumentError for what is no XML, and for arXiv's "Feed error" with its reason.
    """
    channel, items, broken = _read(data)
    title = channel.text("title")
    if title.lower().startswith("feed error"):
        raise fields.document_error(title, channel.text("description", "subtitle"))
    listed = channel.text("pubdate", "updated")
    entries, refused = fields.read_all(
        items, lambda item: _listed_entry(item, listed), lambda item: _listed_id(item)[0]
    )
    published = fields.moment(listed)
    return ParsedDocument("arxiv-rss", fields.short(title), entries, refused + broken, published)


def parse_answer(data: bytes) -> ParsedDocument:
    """An answer of the query API. Raises DocumentError if arXiv answered with an error."""
    feed, items, broken = _read(data)
    for item in items:
        if _ERRORS.match(item.text("id")):
            raise fields.document_error("arXiv answered with an error", item.text("summary"))
    entries, refused = fields.read_all(items, _answer_entry, lambda item: _answer_id(item)[0])
    title, published = fields.short(feed.text("title")), fields.moment(feed.text("updated"))
    return ParsedDocument("arxiv-api", title, entries, refused + broken, published)


def _read(data: bytes) -> tuple[_Element, list[_Element], tuple[Refusal, ...]]:
    """The channel, its items, and a refusal if the document breaks off within the last."""
    root, error = _tree(data)
    channel = next(root.iter("{*}channel"), root)
    items = [_element(item) for item in root.iter("{*}item", "{*}entry")]
    if error and not items:
        raise fields.document_error("broken XML without an entry", error)
    if error and not _closed(data, root):
        return _element(channel), items[:-1], (_broken_off(len(items), error),)
    return _element(channel), items, ()


def _tree(data: bytes) -> tuple[etree._Element, str]:
    """The document, and what is wrong with it ("" for well-formed XML)."""
    data = data.lstrip()
    try:
        return etree.fromstring(data, _parser(recover=False)), ""
    except etree.XMLSyntaxError as error:
        reason = error.msg or str(error)
    except ValueError as error:
        raise fields.document_error("broken XML", error) from error
    # One stray character must not cost a whole day's papers.
    try:
        root = etree.fromstring(_REFERENCE.sub(_possible, data), _parser(recover=True))
        # libxml2 may let bytes through that are no text; better now than at any later access.
        etree.tostring(root, encoding="unicode")
    except (etree.XMLSyntaxError, ValueError, TypeError) as error:
        raise fields.document_error("broken XML", error) from error
    return root, reason


def _possible(reference: re.Match[bytes]) -> bytes:
    """The reference, unless it is to half of a surrogate pair, which is no character."""
    code = int(reference["hex"], 16) if reference["hex"] else int(reference["decimal"])
    return b"" if 0xD800 <= code <= 0xDFFF else reference[0]


def _parser(recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


def _closed(data: bytes, root: etree._Element) -> bool:
    """Whether the root's end tag is there (in any character width)."""
    end = f"</(?:\\w+:)?{re.escape(_local_name(root.tag))}".encode()
    return re.search(end, data[-400:].replace(b"\0", b""), re.I) is not None


def _broken_off(number: int, error: str) -> Refusal:
    return Refusal(f"entry {number}", str(fields.document_error("the document breaks off", error)))


def _element(node: etree._Element) -> _Element:
    children: dict[str, list[etree._Element]] = {}
    for child in node.iterchildren("*"):
        children.setdefault(_local_name(child.tag), []).append(child)
    return _Element(children)


@lru_cache(maxsize=512)
def _local_name(tag: str) -> str:
    """ "creator" for dc:creator, also where a copy has lost the declaration of "dc"."""
    return re.split(r"[}:]", str(tag))[-1].lower()


def _listed_id(item: _Element) -> tuple[str, int | None]:
    """Id and version from the guid, else the description, else the link."""
    header = _HEADER.match(item.text("description", "summary"))
    hrefs = [link.get("href", "") for link in item.all("link")]
    for text in (*item.texts("guid", "id"), header["id"] if header else "", *hrefs):
        found = identifiers.arxiv_id(text)
        if found[0]:
            return found
    return identifiers.arxiv_id(item.text("link"))


def _listed_entry(item: _Element, listed: str) -> Entry:
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
        doi=identifiers.doi(item.text("doi")),
        categories=fields.categories(_listed_categories(item)),
        announce_type=announce_type,
        # The date is that of the announcement, so only a new paper's tells its age.
        published_at=fields.moment(announced) if announce_type == "new" else None,
        updated_at=fields.moment(announced) if announce_type.startswith("replace") else None,
        listed_on=fields.day(announced) or fields.day(listed),
        abstract_url=identifiers.abstract_url(arxiv),
        pdf_url=identifiers.pdf_url(arxiv),
        journal_ref=fields.short(item.text("journal_reference", "journal_ref")),
        withdrawn=fields.withdrawn(abstract),
    )


def _announcement(item: _Element) -> tuple[str, str]:
    """Announce type and abstract, from "arXiv:ID Announce Type: new \\nAbstract: ..."."""
    description = item.text("description", "summary")
    header = _HEADER.match(description)
    abstract = description[header.end() :] if header else description
    announced = (item.text("announce_type") or (header["type"] if header else "")).lower()
    return announced if announced in _ANNOUNCE_TYPES else "", abstract


def _creators(item: _Element) -> list[str]:
    return [name for text in item.texts("creator") for name in authors.comma_separated(text)]


def _listed_categories(item: _Element) -> list[str]:
    terms = [node.get("term", "") for node in item.all("category")]
    return item.texts("category") or terms


def _answer_id(item: _Element) -> tuple[str, int | None]:
    return identifiers.arxiv_id(item.text("id"))


def _answer_entry(item: _Element) -> Entry:
    arxiv, version = _answer_id(item)
    if not arxiv:
        raise fields.EntryRefused("no arXiv id")
    abstract = item.text("summary")
    return Entry(
        title=fields.tex_title(item.text("title")),
        abstract=fields.tex_abstract(abstract),
        title_raw=fields.raw(item.text("title")),
        abstract_raw=fields.raw(abstract),
        authors=fields.names(_element(author).text("name") for author in item.all("author")),
        arxiv_id=arxiv,
        version=version,
        doi=identifiers.doi(item.text("doi")),
        categories=fields.categories(
            node.get("term", "") for node in item.all("primary_category", "category")
        ),
        published_at=fields.moment(item.text("published")),
        updated_at=fields.moment(item.text("updated")),
        abstract_url=identifiers.abstract_url(arxiv),
        pdf_url=identifiers.pdf_url(arxiv),
        journal_ref=fields.short(item.text("journal_ref")),
        withdrawn=fields.withdrawn(abstract, item.text("comment")),
    )
