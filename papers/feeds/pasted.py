"""Resolve typed or pasted text to the address of a source.

People usually paste the page they are viewing, not its feed: "cs.CL", "huggingface.co/papers", a
journal's front page. Text that cannot be a source is rejected with the reason and, if possible,
with a suggestion.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from papers.feeds import kinds
from papers.feeds.addresses import ARXIV_LIST
from papers.feeds.sites import NotASource, canonical_names
from papers.metadata import categories
from papers.metadata.identifiers import parse_arxiv_id, parse_doi

_SEPARATORS = re.compile(r"[\s,;+]+")
# Text with the form of a category, valid or not: "cs.XY", "hep-th".
_CATEGORY_LIKE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z]{2,5})?(?:\.[A-Za-z-]{2,12})?")
_ARTICLE = re.compile(r"nature\.com/articles/|rxiv\.org/content/(?:\w+/)?10\.\d{4}")
_NO_FEED = {
    "scholar.google.com": "Google Scholar doesn't offer feeds.",
    "openreview.net": "OpenReview doesn't offer a feed that Paperboy can read.",
    "www.semanticscholar.org": "Semantic Scholar doesn't offer feeds.",
    "paperswithcode.com": "Papers with Code has shut down. Use "
    "https://huggingface.co/papers instead.",
    "pubmed.ncbi.nlm.nih.gov": "This is a PubMed page, not a feed. Click “Create RSS” below the "
    "search field and paste the link it gives you.",
    "x.com": "X doesn't offer feeds.",
    "twitter.com": "X doesn't offer feeds.",
}


def resolve_source_url(text: str) -> str:
    """Return the address to fetch; raise `NotASource` if the text names none.

    >>> resolve_source_url("cs.AI, cs.CL")
    'https://rss.arxiv.org/rss/cs.AI+cs.CL'
    >>> resolve_source_url("https://www.biorxiv.org/collection/cell-biology")
    'https://connect.biorxiv.org/biorxiv_xml.php?subject=cell_biology'
    """
    text = text.strip().strip("<>“”\"'").strip()
    if not text:
        raise NotASource("Enter a web address or arXiv categories.")
    if names := _category_names(text):
        return ARXIV_LIST + "+".join(canonical_names(names))
    address = _with_scheme(text)
    host = _host(address, text)
    _refuse_single_papers(address, text)
    if host in _NO_FEED:
        if host == "pubmed.ncbi.nlm.nih.gov" and "/rss/" in address:
            return address
        raise NotASource(_NO_FEED[host])
    convert = next((kind.sites[host] for kind in kinds.KINDS if host in kind.sites), None)
    return (convert(address) or address) if convert else address


def _category_names(text: str) -> list[str]:
    """Return the categories in the text, or [] if it holds anything else."""
    names = [name for name in _SEPARATORS.split(text) if name]
    if not all(map(_CATEGORY_LIKE.fullmatch, names)):
        return []
    dotted = [name for name in names if "." in name]
    archives = {name.partition(".")[0].casefold() for name in dotted}
    if all(map(categories.canonical_category, names)) or (
        names and archives and archives <= _ARCHIVES
    ):
        return names
    return []


_ARCHIVES = {code.partition(".")[0] for code in categories.NAMES}


def _with_scheme(text: str) -> str:
    for prefix in ("feed://", "feed:"):
        if text.lower().startswith(prefix):
            text = text[len(prefix) :]
    if "://" in text or "." not in text.partition("/")[0] or " " in text:
        return text
    return f"https://{text}"


def _host(address: str, text: str) -> str:
    """Return the host of a web address; raise `NotASource` for anything else."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError:
        host = ""
    if not host or parts.scheme.lower() not in ("http", "https") or " " in address:
        near = categories.nearest_categories(text)
        hint = f" Did you mean the arXiv category {near[0]}?" if near else ""
        raise NotASource(
            f"“{text[:100]}” isn't a web address (https://…) or a list of arXiv categories "
            f"such as cs.CL.{hint}"
        )
    return host


def _refuse_single_papers(address: str, text: str) -> None:
    path = urlsplit(address).path
    is_article = "nature.com/articles/" in address or re.search(
        r"/content/(?:\w+/)?10\.\d{4}", path
    )
    if parse_arxiv_id(text)[0] or parse_arxiv_id(address)[0] or parse_doi(text) or is_article:
        raise NotASource("This is a single paper. A source is a feed that lists new papers.")
