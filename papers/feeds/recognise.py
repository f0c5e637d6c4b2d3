"""What a document is, told from its bytes and never from its name."""

import re

from papers.feeds import jsonfeed
from papers.feeds.entries import DocumentError

# A whole arXiv day is about 3 MB and a full page of the query API about 6 MB.
MAX_BYTES = 12 * 2**20
# Each tag takes some 200 bytes of memory; two thousand papers have about 100,000.
MAX_TAGS = 600_000

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_LEADING = b"\xef\xbb\xbf\xff\xfe \t\r\n"
_JSON_START = re.compile(rb'[\[{"\d-]')
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]{0,60})")
_FEED_ROOTS = {"rss", "feed", "rdf", "channel"}
# The marks of arXiv's own documents stand in the head or in the first item.
_HEAD = 2**16
_ANSWER_MARK = re.compile(rb"<(?:\w+:)?id>\s*https?://(?:export\.)?arxiv\.org/api/", re.I)
_LISTING_MARK = re.compile(
    rb"<(?:\w+:)?(?:guid|id)\b[^>]*>\s*oai:arXiv\.org:"
    rb"|<(?:\w+:)?(?:link|id)>\s*https?://(?:rss|export)\.arxiv\.org/(?:rss|atom)/",
    re.I,
)


def recognise(data: bytes) -> str:
    """The kind of a document, one of KINDS.

    Raises DocumentError for what no parser should be given: empty or oversized documents,
    HTML pages, other XML, NUL bytes, and XML that declares its own entities.
    """
    text = _single_byte(data)
    start = text[:_HEAD].lstrip(_LEADING)
    if not start:
        raise DocumentError("empty document")
    if _JSON_START.match(start):
        return "feed" if jsonfeed.MARK.search(text) else "hf-daily"
    return _kind_of_xml(text)


def _single_byte(data: bytes) -> bytes:
    """The ASCII parts of the document on their own, whatever its character width."""
    if len(data) > MAX_BYTES:
        raise DocumentError(f"document of {len(data)} bytes, more than {MAX_BYTES}")
    at = data.find(b"\0")
    if at < 0:
        return data
    if not data.startswith(_BYTE_ORDER_MARKS) and at >= 4:
        raise DocumentError(f"NUL byte at offset {at}")
    return data.replace(b"\0", b"")


def _kind_of_xml(text: bytes) -> str:
    at = _root_offset(text)
    # Only declared entities can expand; no feed of papers needs any.
    if re.search(rb"<!ENTITY", text[:at], re.I):
        raise DocumentError("XML that declares its own entities, refused")
    name = _root_name(text, at)
    if name == "oai-pmh":
        return "arxiv-oai"
    if name == "html":
        raise DocumentError("an HTML page, not a feed")
    if name not in _FEED_ROOTS:
        raise DocumentError(f"XML of another kind: its root element is <{name}>, not a feed's")
    head = text[at : at + _HEAD]
    if (tags := text.count(b"<")) > MAX_TAGS:
        raise DocumentError(f"XML with {tags} tags, more than {MAX_TAGS}")
    if _ANSWER_MARK.search(head):
        return "arxiv-api"
    return "arxiv-rss" if _LISTING_MARK.search(head) else "feed"


def _root_name(text: bytes, at: int) -> str:
    found = _ROOT.match(text, at)
    if not found:
        start = text.lstrip(_LEADING)[:30].decode("ascii", "replace")
        raise DocumentError(f"neither XML nor JSON: begins with {start!r}")
    return found[1].decode("ascii", "replace").lower()


def _root_offset(text: bytes) -> int:
    """Where the root element starts, past comments, instructions and the document type."""
    at = text.find(b"<")
    while at >= 0 and text[at + 1 : at + 2] in (b"!", b"?"):
        end = _markup_end(text, at)
        at = text.find(b"<", end) if end > 0 else -1
    return at if at >= 0 else len(text)


def _markup_end(text: bytes, at: int) -> int:
    if text.startswith(b"<!--", at):
        return text.find(b"-->", at)
    closed = text.find(b">", at)
    subset = text.find(b"[", at, closed)
    if subset >= 0 and text.startswith(b"<!", at):
        closed = text.find(b">", text.find(b"]", subset))
    return closed
