"""Convert the addresses of pages on known sites to the addresses of their feeds.

Each function takes the address of a page. It returns the address of the feed, or "" if the address
needs no conversion, and raises `NotASource` with an explanation if the page has no feed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from urllib.parse import parse_qs, urlsplit

from papers.feeds.addresses import ARXIV_LIST, HF_DAILY
from papers.metadata import categories


class NotASource(ValueError):
    """The text does not name a source. The message explains why and is shown to people."""


def canonical_names(names: list[str]) -> list[str]:
    """Return the categories as arXiv writes them, without duplicates."""
    for name in names:
        if not categories.canonical_category(name):
            near = " or ".join(categories.nearest_categories(name)[:2])
            hint = f" Did you mean {near}?" if near else " Try cs.CL or quant-ph."
            raise NotASource(f"“{name}” isn't an arXiv category.{hint}")
    return list(dict.fromkeys(map(categories.canonical_category, names)))


def arxiv_list(address: str) -> str:
    path = urlsplit(address).path.strip("/")
    match = re.fullmatch(r"(?:list|rss|atom|archive)/([A-Za-z.+,-]+)(?:/\w+)?", path)
    if match and (names := [name for name in re.split("[+,]", match[1]) if name]):
        kind = "atom" if path.startswith("atom/") else "rss"
        return ARXIV_LIST.replace("/rss/", f"/{kind}/") + "+".join(canonical_names(names))
    if not path or path.startswith(("list", "archive", "search", "a/", "corr")):
        raise NotASource("This arXiv page has no feed. Enter categories instead, such as cs.CL.")
    return ""


def hugging_face_list(address: str) -> str:
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
    if match := re.fullmatch(r"subjects/([\w-]+)(?:/.*)?", path):
        return f"https://www.nature.com/subjects/{match[1]}.rss"
    if match := re.fullmatch(r"(\w+)(?:/[\w/-]*)?", path):
        return f"https://www.nature.com/{match[1]}.rss"
    return ""


def _plos(address: str) -> str:
    if match := re.fullmatch(r"/(\w+)/?", urlsplit(address).path):
        return f"https://journals.plos.org/{match[1]}/feed/atom"
    return ""


def _elife(address: str) -> str:
    path = urlsplit(address).path.strip("/")
    if match := re.fullmatch(r"subjects/([\w-]+)", path):
        return f"https://elifesciences.org/rss/subject/{match[1]}.xml"
    return "" if path.startswith("rss/") else "https://elifesciences.org/rss/recent.xml"


def _jmlr(address: str) -> str:
    return "" if address.endswith(".xml") else "https://www.jmlr.org/jmlr.xml"


FEEDS: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(("biorxiv.org", "www.biorxiv.org", "connect.biorxiv.org"), _biorxiv),
    **dict.fromkeys(("medrxiv.org", "www.medrxiv.org", "connect.medrxiv.org"), _medrxiv),
    **dict.fromkeys(("nature.com", "www.nature.com"), _nature),
    "journals.plos.org": _plos,
    "elifesciences.org": _elife,
    **dict.fromkeys(("jmlr.org", "www.jmlr.org"), _jmlr),
}
"""Sites with RSS or Atom feeds, by host."""
