"""Inspect the bytes of a document before parsing: format, root element, size."""

import re
from dataclasses import dataclass
from typing import Literal

from papers.feeds.entries import DocumentError

# A day of all arXiv lists is about 3 MB, a full page of the query API about 6 MB.
MAX_BYTES = 12 * 2**20
# Each tag takes about 200 bytes of memory; two thousand papers have about 100,000 tags.
MAX_TAGS = 600_000

_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_LEADING = b"\xef\xbb\xbf\xff\xfe \t\r\n"
_JSON_START = re.compile(rb'[\[{"\d-]')
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]{0,60})")
_FEED_ROOTS = {"rss", "feed", "rdf", "channel"}
_HEAD = 2**16  # bytes that hold the marks of a format: the head and the first item


@dataclass(frozen=True, slots=True)
class Sniffed:
    """The properties of a document by which its kind is recognised.

    `text` is the document with one byte per character, `root` the local name of its root element
    in lower case ("" for JSON), `head` the first 64 kB from the root on.
    """

    format: Literal["xml", "json"]
    text: bytes
    root: str = ""
    head: bytes = b""

    @property
    def is_feed(self) -> bool:
        """Return whether this is RSS, Atom or RDF."""
        return self.root in _FEED_ROOTS


def sniff(data: bytes) -> Sniffed:
    """Return the properties of a document.

    Raise `DocumentError` for documents that no parser should read: empty or oversized documents,
    HTML pages, NUL bytes, and XML that declares its own entities.
    """
    text = _single_byte(data)
    start = text[:_HEAD].lstrip(_LEADING)
    if not start:
        raise DocumentError("empty document")
    if _JSON_START.match(start):
        return Sniffed("json", text)
    return _sniff_xml(text)


def _single_byte(data: bytes) -> bytes:
    """Return the document without NUL bytes, so that ASCII can be searched at any width."""
    if len(data) > MAX_BYTES:
        raise DocumentError(f"document of {len(data)} bytes, more than {MAX_BYTES}")
    at = data.find(b"\0")
    if at < 0:
        return data
    if not data.startswith(_BYTE_ORDER_MARKS) and at >= 4:
        raise DocumentError(f"NUL byte at offset {at}")
    return data.replace(b"\0", b"")


def _sniff_xml(text: bytes) -> Sniffed:
    at = _root_offset(text)
    # Only declared entities can expand; no feed of papers needs any.
    if re.search(rb"<!ENTITY", text[:at], re.I):
        raise DocumentError("XML that declares its own entities")
    name = _root_name(text, at)
    if name == "html":
        raise DocumentError("an HTML page, not a feed")
    return Sniffed("xml", text, name, text[at : at + _HEAD])


def check_tags(sniffed: Sniffed) -> None:
    """Raise `DocumentError` for XML with more than `MAX_TAGS` tags."""
    if sniffed.format == "xml" and (tags := sniffed.text.count(b"<")) > MAX_TAGS:
        raise DocumentError(f"XML with {tags} tags, more than {MAX_TAGS}")


def _root_name(text: bytes, at: int) -> str:
    match = _ROOT.match(text, at)
    if not match:
        start = text.lstrip(_LEADING)[:30].decode("ascii", "replace")
        raise DocumentError(f"neither XML nor JSON: begins with {start!r}")
    return match[1].decode("ascii", "replace").lower()


def _root_offset(text: bytes) -> int:
    """Return the offset of the root element, after comments, instructions and doctype."""
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
