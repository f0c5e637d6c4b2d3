"""Resolve typed or pasted text to the address of a source.

People usually paste the page they are viewing, not its feed: "cs.CL", "huggingface.co/papers", a
journal's front page. Text that cannot be a source is rejected with the reason and, if possible,
with a suggestion.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from urllib.parse import parse_qs, urlsplit

from papers.feeds.addresses import ARXIV_LIST, HF_DAILY
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


class NotASource(ValueError):
    """The text does not name a source. The message explains why and is shown to people."""


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
        return ARXIV_LIST + "+".join(_canonical_names(names))
    address = _with_scheme(text)
    host = _host(address, text)
    _refuse_single_papers(address, text)
    if host in _NO_FEED:
        if host == "pubmed.ncbi.nlm.nih.gov" and "/rss/" in address:
            return address
        raise NotASource(_NO_FEED[host])
    for hosts, convert in _CONVERTERS:
        if host in hosts:
            return convert(address) or address
    return address


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


def _canonical_names(names: list[str]) -> list[str]:
    """Return the categories as arXiv writes them, without duplicates."""
    for name in names:
        if not categories.canonical_category(name):
            near = " or ".join(categories.nearest_categories(name)[:2])
            hint = f" Did you mean {near}?" if near else " Try cs.CL or quant-ph."
            raise NotASource(f"“{name}” isn't an arXiv category.{hint}")
    return list(dict.fromkeys(map(categories.canonical_category, names)))


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


def _arxiv(address: str) -> str:
    path = urlsplit(address).path.strip("/")
    found = re.fullmatch(r"(?:list|rss|atom|archive)/([A-Za-z.+,-]+)(?:/\w+)?", path)
    if found and (names := [name for name in re.split("[+,]", found[1]) if name]):
        kind = "atom" if path.startswith("atom/") else "rss"
        return ARXIV_LIST.replace("/rss/", f"/{kind}/") + "+".join(_canonical_names(names))
    if not path or path.startswith(("list", "archive", "search", "a/", "corr")):
        raise NotASource("This arXiv page has no feed. Enter categories instead, such as cs.CL.")
    return ""


def _hugging_face(address: str) -> str:
    parts = urlsplit(address)
    path = parts.path.strip("/")
    if path == "papers" or re.fullmatch(r"papers/(?:trending|(?:date|week|month)/[\w-]+)", path):
        return HF_DAILY
    if path == "api/daily_papers":
        return address if parts.query else HF_DAILY
    raise NotASource(
        "From Hugging Face, only Daily Papers can be added: https://huggingface.co/papers."
    )


def _biorxiv(address: str) -> str:
    return _subject_feed(address, "bioRxiv", categories.BIORXIV)


def _medrxiv(address: str) -> str:
    return _subject_feed(address, "medRxiv", categories.MEDRXIV)


def _subject_feed(address: str, server_name: str, subjects: tuple[str, ...]) -> str:
    """Return a subject's feed. The server answers unknown subjects with an empty feed."""
    parts, server = urlsplit(address), server_name.lower()
    subjects_text = parse_qs(parts.query).get("subject", [""])[0]
    if page := re.fullmatch(r"/collection/([\w-]+)", parts.path.rstrip("/")):
        subjects_text = page[1]
    elif parts.path.strip("/") and not parts.path.endswith("_xml.php"):
        raise NotASource(
            f"This page has no feed. Use a page such as https://www.{server}.org/collection/…"
        )
    requested = [
        subject
        for subject in re.split(r"[\s+]+", subjects_text.replace("-", "_").lower())
        if subject
    ]
    for subject in requested:
        if subject not in subjects and subject != "all":
            near = [name for name in subjects if subject in name.split("_")]
            near = near or get_close_matches(subject, subjects, 3, 0.6)
            hint = f" Did you mean {' or '.join(near[:2])}?" if near else ""
            raise NotASource(f"“{subject}” isn't a {server_name} subject.{hint}")
    query = "+".join(requested) or "all"
    return f"https://connect.{server}.org/{server}_xml.php?subject={query}"


def _nature(address: str) -> str:
    path = urlsplit(address).path.strip("/")
    if path.endswith(".rss"):
        return ""
    if found := re.fullmatch(r"subjects/([\w-]+)(?:/.*)?", path):
        return f"https://www.nature.com/subjects/{found[1]}.rss"
    if found := re.fullmatch(r"(\w+)(?:/[\w/-]*)?", path):
        return f"https://www.nature.com/{found[1]}.rss"
    return ""


def _plos(address: str) -> str:
    if found := re.fullmatch(r"/(\w+)/?", urlsplit(address).path):
        return f"https://journals.plos.org/{found[1]}/feed/atom"
    return ""


def _elife(address: str) -> str:
    path = urlsplit(address).path.strip("/")
    if found := re.fullmatch(r"subjects/([\w-]+)", path):
        return f"https://elifesciences.org/rss/subject/{found[1]}.xml"
    return "" if path.startswith("rss/") else "https://elifesciences.org/rss/recent.xml"


def _jmlr(address: str) -> str:
    return "" if address.endswith(".xml") else "https://www.jmlr.org/jmlr.xml"


_CONVERTERS: tuple[tuple[set[str], Callable[[str], str]], ...] = (
    ({"arxiv.org", "www.arxiv.org", "export.arxiv.org", "rss.arxiv.org"}, _arxiv),
    ({"huggingface.co", "www.huggingface.co", "hf.co"}, _hugging_face),
    ({"biorxiv.org", "www.biorxiv.org", "connect.biorxiv.org"}, _biorxiv),
    ({"medrxiv.org", "www.medrxiv.org", "connect.medrxiv.org"}, _medrxiv),
    ({"nature.com", "www.nature.com"}, _nature),
    ({"journals.plos.org"}, _plos),
    ({"elifesciences.org"}, _elife),
    ({"jmlr.org", "www.jmlr.org"}, _jmlr),
)
