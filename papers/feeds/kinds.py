"""The registry of source kinds.

To add a kind, write a parser that returns a `ParsedDocument` and add a `SourceKind` to `KINDS`.
Everything else reads this table: recognition, ingest, paging, freshness, categories and the admin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Literal

from django.utils.translation import gettext_lazy, gettext_noop

from papers.feeds import arxiv, generic, huggingface, jsonfeed, oai, sites
from papers.feeds.addresses import arxiv_categories
from papers.feeds.entries import ParsedDocument
from papers.feeds.schedule import NEW_YORK, DailyList
from papers.feeds.sniffing import Sniffed

ARCHIVE, CURATED, ANY_FEED = 3, 2, 1  # ranks


@dataclass(frozen=True, slots=True)
class Paging:
    """The addresses of further pages, and of earlier lists whose votes still grow."""

    page_size: Callable[[str], int]  # full page of this URL, in entries
    page_url: Callable[[str, int], str]  # the first page is 0
    earlier_urls: Callable[[str, date], list[str]]


@dataclass(frozen=True, slots=True)
class ListNotices:
    """Sentences for readers when a whole list is quiet, late or broken; "" for none.

    They may be lazy translations.
    """

    quiet: object = ""
    late: object = ""
    broken: object = ""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """Everything that is specific to one kind of source.

    Texts of a higher `rank` replace those of a lower one. A `generic` kind accepts documents that
    more specific kinds recognise too.
    """

    name: str  # as stored in the database
    label: str
    parse: Callable[[bytes], ParsedDocument]
    recognise: Callable[[Sniffed], bool]
    rank: int
    format: Literal["xml", "json"] = "xml"
    generic: bool = False
    list_day: Callable[[ParsedDocument], date | None] = lambda _parsed: None
    schedule: DailyList | None = None
    notices: ListNotices = ListNotices()
    paging: Paging | None = None
    categories: Callable[[str], list[str]] = lambda _url: []  # requested by a URL
    sites: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    """By host: convert the address of a page to that of its feed, "" if it is a feed itself."""


ARXIV_OAI = SourceKind(
    name="arxiv-oai",
    label="arXiv OAI-PMH",
    parse=oai.parse_records,
    recognise=oai.is_oai,
    rank=ARCHIVE,
)
ARXIV_API = SourceKind(
    name="arxiv-api",
    label="arXiv API",
    parse=arxiv.parse_answer,
    recognise=arxiv.is_answer,
    rank=ARCHIVE,
)
ARXIV_RSS = SourceKind(
    name="arxiv-rss",
    label="arXiv RSS",
    parse=arxiv.parse_listing,
    recognise=arxiv.is_listing,
    rank=ARCHIVE,
    list_day=arxiv.list_day,
    schedule=DailyList(
        zone=NEW_YORK,
        due=timedelta(hours=2),
        quiet=(
            gettext_noop("Nothing was announced today."),
            gettext_noop("Nothing is announced on weekends."),
        ),
        max_entries=2000,
    ),
    notices=ListNotices(quiet=gettext_lazy("arXiv has no announcements today.")),
    categories=arxiv_categories,
    sites=dict.fromkeys(
        ("arxiv.org", "www.arxiv.org", "export.arxiv.org", "rss.arxiv.org"), sites.arxiv_list
    ),
)
FEED = SourceKind(
    name="feed",
    label="RSS, Atom, RDF or JSON feed",
    parse=lambda data: (
        jsonfeed.parse_json_feed(data) if jsonfeed.MARK.search(data) else generic.parse_feed(data)
    ),
    recognise=lambda sniffed: sniffed.is_feed or jsonfeed.is_json_feed(sniffed),
    rank=ANY_FEED,
    generic=True,
    sites=sites.FEEDS,
)
HF_DAILY = SourceKind(
    name="hf-daily",
    label="Hugging Face Daily Papers",
    parse=huggingface.parse_daily,
    recognise=lambda sniffed: sniffed.format == "json",
    rank=CURATED,
    format="json",
    list_day=huggingface.list_day,
    schedule=DailyList(
        zone=UTC,
        due=timedelta(hours=12),
        quiet=(
            gettext_noop("No papers are featured today."),
            gettext_noop("No papers are featured on weekends."),
        ),
    ),
    notices=ListNotices(
        quiet=gettext_lazy("Hugging Face features no papers today."),
        late=gettext_lazy("Hugging Face's list for today is late."),
        broken=gettext_lazy(
            "We couldn't read Hugging Face today; the votes shown may be out of date."
        ),
    ),
    paging=Paging(huggingface.page_size, huggingface.page_url, huggingface.earlier_urls),
    sites=dict.fromkeys(("huggingface.co", "www.huggingface.co", "hf.co"), sites.hugging_face_list),
)
KINDS: tuple[SourceKind, ...] = (ARXIV_OAI, ARXIV_API, ARXIV_RSS, FEED, HF_DAILY)
"""In the order in which they are tried on a document; the first that recognises it is used."""


def names() -> list[str]:
    """Return the names of all kinds."""
    return [kind.name for kind in KINDS]


def choices() -> list[tuple[str, str]]:
    """Return (name, label) of all kinds, for a model field."""
    return [(kind.name, kind.label) for kind in KINDS]


def by_name(name: str) -> SourceKind:
    """Return the kind of this name; raise `KeyError` if there is none."""
    return {kind.name: kind for kind in KINDS}[name]


def requested_categories(url: str) -> list[str]:
    """Return the categories that a source's URL requests; [] if it does not name any."""
    return next(filter(None, (kind.categories(url) for kind in KINDS)), [])
