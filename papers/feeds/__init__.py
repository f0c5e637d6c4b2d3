"""Documents of papers in, entries out: pure parsers for what sources publish."""

from papers.feeds import arxiv, generic, huggingface, jsonfeed, oai
from papers.feeds.entries import KINDS, DocumentError, Entry, ParsedDocument, Refusal
from papers.feeds.recognise import recognise

__all__ = [
    "KINDS",
    "DocumentError",
    "Entry",
    "ParsedDocument",
    "Refusal",
    "parse",
    "recognise",
]

_PARSERS = {
    "arxiv-rss": arxiv.parse_listing,
    "arxiv-api": arxiv.parse_answer,
    "arxiv-oai": oai.parse_records,
    "hf-daily": huggingface.parse_daily,
    "feed": lambda data: (
        jsonfeed.parse_json_feed(data) if jsonfeed.MARK.search(data) else generic.parse_feed(data)
    ),
}


def parse_document(data: bytes, kind: str | None = None) -> ParsedDocument:
    """Read a document of the given kind, or of the kind it shows to be.

    arXiv documents given as "feed" are read as what they are, with all their fields. Raises
    DocumentError if the document as a whole cannot be read, and nothing else for any bytes;
    ValueError for a kind that is not one of KINDS.
    """
    if kind not in (None, *KINDS):
        raise ValueError(f"unknown kind of document {kind!r}, known are {', '.join(KINDS)}")
    found = recognise(data)
    if kind in (None, "feed") and found != "hf-daily":
        return _PARSERS[found](data)
    # Copies of arXiv's documents may have lost the marks by which they are recognised.
    if kind not in (None, found) and (found != "feed" or kind == "hf-daily"):
        raise DocumentError(f"a document of kind {found}, not {kind}")
    return _PARSERS[kind or found](data)
