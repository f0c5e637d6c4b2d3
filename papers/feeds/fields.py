"""One value of an entry at a time: as received in, clean and within bounds out.

What is out of bounds is dropped; only a title that cannot be used refuses the entry.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from papers.feeds.entries import DocumentError, Entry, Refusal
from papers.text import one_line, readable, unwrap

MAX_TITLE = 1_000
MAX_ABSTRACT = 20_000
MAX_RAW = 100_000
MAX_NAME = 200
MAX_CATEGORY = 100
MAX_JOURNAL = 500
MAX_DOI = 300
MAX_VERSION = 32_767
MAX_AUTHORS = 5_000
MAX_CATEGORIES = 50
MAX_URL = 2_000
MAX_COUNT = 10**9
MAX_ENTRIES = 20_000
YEARS = range(1900, 2101)

_NOUN = r"(?:paper|article|manuscript|submission|preprint|work|version|report|note|letter)"
_WITHDRAWN = re.compile(
    rf"\b(?:this|the) (?:\w+ )?{_NOUN} (?:has been|had to be|is being|is|was) (?:\w+ )?withdrawn\b"
    r"|\bwithdrawn by (?:arxiv|the (?:\w+ )?authors?|all authors|its authors?|authors?)\b"
    r"|^\W*(?:paper )?withdrawn\s*(?:$|[.;:,(]|(?:by|due|because|as|since|for|pending)\b)",
    re.I,
)
_LETTER = re.compile(r"[^\W\d_]")
# What needs no reading: most names, and there are ten thousand in a day.
_PLAIN_NAME = re.compile(r"[A-Za-z]+\.?(?:[ '-][A-Za-z]+\.?)*")

Item = TypeVar("Item")


class EntryRefused(ValueError):
    """This entry cannot be used; str() is one line saying why."""


def read_all(
    items: Iterable[Item], read: Callable[[Item], Entry], name: Callable[[Item], str]
) -> tuple[tuple[Entry, ...], tuple[Refusal, ...]]:
    """Entries of those items that can be read, and a refusal for each of the others.

    `name` gives what an item is known by ("2401.00001"), or "".
    """
    entries: list[Entry] = []
    refused: list[Refusal] = []
    for number, item in enumerate(items, 1):
        if number > MAX_ENTRIES:
            refused.append(Refusal(f"entry {number}", f"and all after it: over {MAX_ENTRIES}"))
            break
        try:
            entries.append(read(item))
        except EntryRefused as error:
            refused.append(Refusal(where(number, name(item)), str(error)))
    return tuple(entries), tuple(refused)


def where(number: int, name: str) -> str:
    """ "entry 17 (2401.00001)", or "entry 17" for an entry without a name."""
    name = one_line(storable(name))[:80]
    return f"entry {number} ({name})" if name else f"entry {number}"


def document_error(what: str, *details: object) -> DocumentError:
    """A DocumentError whose text is surely one line of bounded length."""
    return DocumentError(one_line(storable(": ".join([what, *map(str, details)])))[:300])


def storable(text: str) -> str:
    """The text without NUL and lone surrogates, which PostgreSQL cannot hold."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def raw(text: str) -> str:
    return storable(text[:MAX_RAW])


def title(text: str) -> str:
    """A readable title as it is; refuses an empty or an endless one."""
    if not text:
        raise EntryRefused("no title")
    if len(text) > MAX_TITLE:
        raise EntryRefused(f"title of {len(text)} characters, more than {MAX_TITLE}")
    return text


def tex_title(text: str) -> str:
    return title(one_line(readable(text)))


def tex_abstract(text: str) -> str:
    """Paragraphs with LaTeX made readable, separated by blank lines."""
    return _tidied(readable(text[:MAX_RAW]))


def abstract(text: str) -> str:
    """Paragraphs separated by blank lines."""
    return _tidied(unwrap(text))


def _tidied(unwrapped: str) -> str:
    return _shortened("\n\n".join(filter(None, map(one_line, unwrapped.split("\n\n")))))


def short(text: str) -> str:
    """A journal reference or another short text, at most a long title's length, on one line."""
    return one_line(readable(text[:MAX_TITLE]))


def _shortened(text: str) -> str:
    if len(text) <= MAX_ABSTRACT:
        return text
    return text[: MAX_ABSTRACT - 1].rsplit(" ", 1)[0] + "…"


def names(received: Iterable[str]) -> tuple[str, ...]:
    """Author names, readable, without those that hold no letter ("Team, :, A. Name" has one)."""
    readable_names = (
        name if _PLAIN_NAME.fullmatch(name) else one_line(readable(name)) for name in received
    )
    named = (name for name in readable_names if _LETTER.search(name))
    return tuple(_bounded(named, MAX_AUTHORS))


def categories(received: Iterable[str]) -> tuple[str, ...]:
    """Distinct categories in their order."""
    return tuple(dict.fromkeys(_bounded(map(one_line, map(storable, received)), MAX_CATEGORIES)))


def _bounded(texts: Iterable[str], limit: int) -> Iterator[str]:
    kept = 0
    for text in texts:
        if text and kept < limit:
            kept += 1
            yield text[:MAX_NAME]


def url(value: object) -> str:
    """An http(s) address of sane length, else ""."""
    if not isinstance(value, str) or len(value) >= MAX_URL:
        return ""
    value = storable(value).strip()
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    sane = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", value)
    return value if sane and value.isprintable() else ""


def count(value: object) -> int | None:
    """A whole number from 0 to a billion, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_COUNT else None


def moment(text: object) -> datetime | None:
    """The instant of an ISO 8601 or RFC 822 date, in UTC; a date without zone is in UTC."""
    read = _read_date(text)
    return read.astimezone(UTC) if read else None


def day(text: object) -> date | None:
    """The day as written, in the zone it was written in."""
    read = _read_date(text)
    return read.date() if read else None


def _read_date(text: object) -> datetime | None:
    if not isinstance(text, str) or len(text) > 100:
        return None
    return _dated(text)


@lru_cache(maxsize=1024)  # a whole day's entries bear one date
def _dated(text: str) -> datetime | None:
    read = _iso_date(text.strip()) or _mail_date(text.strip())
    if read is None or read.year not in YEARS:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _iso_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _mail_date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):
        return None


def withdrawn(*texts: str) -> bool:
    """Whether an abstract or a comment says that the paper was withdrawn."""
    suspects = (text for text in texts if "ithdraw" in text or "ITHDRAW" in text)
    return any(_WITHDRAWN.search(text) for text in suspects)
