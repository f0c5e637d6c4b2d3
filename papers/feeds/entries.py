"""What every parser returns, whatever the format it reads.

Plain values only: no ORM, no clock, no settings.
"""

from dataclasses import dataclass
from datetime import date, datetime

KINDS = ("arxiv-rss", "arxiv-api", "arxiv-oai", "hf-daily", "feed")


class DocumentError(ValueError):
    """The document as a whole cannot be read; str() is one line: what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One paper as one document describes it.

    Texts are readable Unicode with the original beside them (`*_raw`, decoded from XML or
    JSON, HTML taken out, and otherwise untouched). Everything a source leaves out is empty or
    None.
    """

    title: str
    abstract: str
    title_raw: str
    abstract_raw: str
    authors: tuple[str, ...] = ()
    arxiv_id: str = ""  # without version: "2401.00001", "astro-ph/0601001"
    version: int | None = None
    doi: str = ""  # lower case, without "https://doi.org/"
    categories: tuple[str, ...] = ()  # the first is the primary one
    announce_type: str = ""  # new | cross | replace | replace-cross | ""
    published_at: datetime | None = None  # UTC, of the first version
    updated_at: datetime | None = None  # UTC, of this version
    listed_on: date | None = None  # the day it stood in the source's list
    featured_on: date | None = None  # Hugging Face's featuring day
    abstract_url: str = ""
    pdf_url: str = ""
    code_url: str = ""
    project_url: str = ""
    thumbnail_url: str = ""
    journal_ref: str = ""
    tldr: str = ""
    votes: int | None = None
    comments: int | None = None
    stars: int | None = None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """An entry that was left out: `where` is "entry 17 (2401.00001)", `reason` one line."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A readable document: its entries, and those refused with the reason."""

    kind: str
    title: str
    entries: tuple[Entry, ...]
    refused: tuple[Refusal, ...]
    published_at: datetime | None = None  # the document's own date
    more: str = ""  # the token that asks for the rest of it, in OAI-PMH
