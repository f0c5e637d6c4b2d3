"""The values that all parsers return. Plain values: no ORM, no clock, no settings."""

from dataclasses import dataclass
from datetime import date, datetime


class DocumentError(ValueError):
    """The document as a whole cannot be read. The message is one line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A paper as one document describes it.

    Texts are readable Unicode. `title_raw` and `abstract_raw` have the original, decoded from XML
    or JSON and without HTML. Missing values are empty or None.
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
    listed_on: date | None = None  # the day of the source's list
    featured_on: date | None = None  # the day it was featured by the community
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
    """A rejected entry: `where` is "entry 17 (2401.00001)", `reason` is one line."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A parsed document with its entries and refusals."""

    title: str
    entries: tuple[Entry, ...]
    refused: tuple[Refusal, ...]
    published_at: datetime | None = None  # the date in the document
    more: str = ""  # OAI-PMH's token to request the rest
    kind: str = ""  # name of its `SourceKind`, set by `parse_document`
