"""Pure parsers for the documents that sources publish."""

from dataclasses import replace

from papers.feeds import kinds
from papers.feeds.entries import DocumentError, Entry, ParsedDocument, Refusal
from papers.feeds.kinds import SourceKind
from papers.feeds.sniffing import check_tags, sniff

__all__ = [
    "DocumentError",
    "Entry",
    "ParsedDocument",
    "Refusal",
    "SourceKind",
    "parse_document",
    "recognise",
]


def recognise(data: bytes) -> SourceKind:
    """Return the kind of a document; raise `DocumentError` if there is none."""
    sniffed = sniff(data)
    for kind in kinds.KINDS:
        if kind.recognise(sniffed):
            check_tags(sniffed)
            return kind
    raise DocumentError(f"not a feed: the root element is <{sniffed.root}>")


def parse_document(data: bytes, kind: str | None = None) -> ParsedDocument:
    """Parse a document of the given kind, or of the kind it is recognised as.

    A document of a specific kind that is given as a generic one ("feed") is parsed as the
    specific kind. Raise `DocumentError` if the document as a whole cannot be read, and `ValueError`
    for an unknown kind.
    """
    if kind not in (None, *kinds.names()):
        raise ValueError(
            f"unknown kind of document {kind!r}, not one of {', '.join(kinds.names())}"
        )
    used = _kind_to_use(recognise(data), kind)
    return replace(used.parse(data), kind=used.name)


def _kind_to_use(recognised: SourceKind, name: str | None) -> SourceKind:
    if name in (None, recognised.name):
        return recognised
    requested = kinds.by_name(str(name))
    if requested.generic and recognised.format == requested.format:
        return recognised
    # Copies of a document may have lost the marks by which its kind is recognised.
    if recognised.generic and recognised.format == requested.format:
        return requested
    raise DocumentError(f"a document of kind {recognised.name}, not {name}")
