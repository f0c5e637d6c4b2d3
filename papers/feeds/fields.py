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
from papers.text.markup import one_line, readable_text, truncate, unwrap_lines

MAX_TITLE = 1_000
MAX_ABSTRACT = 20_000
MAX_RAW = 100_000
MAX_NAME = 200
MAX_CATEGORY = 100  # characters; as wide as the column, which a test compares
MAX_JOURNAL = 500
MAX_AUTHORS = 5_000
MAX_CATEGORIES = 50
MAX_URL = 2_000
MAX_DATE = 100
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
# "Cats. (arXiv:2101.00001v2 [cs.CL] UPDATED)"
_ARXIV_SUFFIX = re.compile(
    r"\.? ?\(arXiv:\S{9,30}(?: \[[\w.-]{2,20}\])?(?: (?:UPDATED|CROSS LISTED))?\)$"
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
    name = one_line(remove_unstorable(name))[:80]
    return f"entry {number} ({name})" if name else f"entry {number}"


def document_error(what: str, *details: object) -> DocumentError:
    """A DocumentError whose text is surely one line of bounded length."""
    return DocumentError(one_line(remove_unstorable(": ".join([what, *map(str, details)])))[:300])


def remove_unstorable(text: str) -> str:
    """The text without NUL and lone surrogates, which PostgreSQL cannot hold."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def raw(text: str) -> str:
    return remove_unstorable(text[:MAX_RAW])


def title(text: str) -> str:
    """A readable title as it is; refuses an empty or an endless one."""
    if not text:
        raise EntryRefused("no title")
    if len(text) > MAX_TITLE:
        raise EntryRefused(f"title of {len(text)} characters, more than {MAX_TITLE}")
    return text


def tex_title(text: str) -> str:
    """A title with LaTeX made readable, without what arXiv's old feeds wrote behind it."""
    return title(_ARXIV_SUFFIX.sub("", one_line(readable_text(text))))


def tex_abstract(text: str) -> str:
    """Paragraphs with LaTeX made readable, separated by blank lines."""
    return _tidied(readable_text(text[:MAX_RAW]))


def abstract(text: str) -> str:
    """Paragraphs separated by blank lines."""
    return _tidied(unwrap_lines(text))


def _tidied(unwrapped: str) -> str:
    return _shortened("\n\n".join(filter(None, map(one_line, unwrapped.split("\n\n")))))


def journal(text: str) -> str:
    """A journal's name or reference on one line; its end is cut when it is too long."""
    return truncate(short(text), MAX_JOURNAL)


def short(text: str) -> str:
    """A journal reference or another short text, at most a long title's length, on one line."""
    return one_line(readable_text(text[:MAX_TITLE]))


def _shortened(text: str) -> str:
    if len(text) <= MAX_ABSTRACT:
        return text
    return text[: MAX_ABSTRACT - 1].rsplit(" ", 1)[0] + "…"


def names(received: Iterable[str]) -> tuple[str, ...]:
    """Author names, readable, without those that hold no letter ("Team, :, A. Name" has one)."""
    readable_names = (
        name if _PLAIN_NAME.fullmatch(name) else one_line(readable_text(name)) for name in received
    )
    named = (name for name in readable_names if _LETTER.search(name))
    return tuple(_bounded(named, MAX_AUTHORS, MAX_NAME))


def categories(received: Iterable[str]) -> tuple[str, ...]:
    """Distinct categories in their order; "Optics; Acoustics" are two."""
    single = (part for text in received for part in remove_unstorable(text).split(";"))
    return tuple(dict.fromkeys(_bounded(map(one_line, single), MAX_CATEGORIES, MAX_CATEGORY)))


def _bounded(texts: Iterable[str], limit: int, longest: int) -> Iterator[str]:
    kept = 0
    for text in texts:
        if text and kept < limit:
            kept += 1
            yield truncate(text, longest)


def url(value: object) -> str:
    """An http(s) address of sane length, else ""."""
    if not isinstance(value, str) or len(value) >= MAX_URL:
        return ""
    value = remove_unstorable(value).strip()
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
    if not isinstance(text, str) or len(text) > MAX_DATE:
        return None
    return _dated(text)


@lru_cache(maxsize=1024)  # a whole day's entries bear one date
def _dated(text: str) -> datetime | None:
    text = " ".join(text.split())
    read = next(
        filter(None, (reader(text) for reader in (_iso_date, _mail_date, _other_date))), None
    )
    if read is None or read.year not in YEARS:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _iso_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _mail_date(text: str) -> datetime | None:
    if not _MAIL_DATE.match(text):  # the library makes something of "2021/02/18"
        return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):
        return None


def _other_date(text: str) -> datetime | None:
    """A date as journals write it: "2021/02/18 14:42:15", "18-Nov-2026", "November 18, 2026".

    With slashes the year must come first: "02/03/2021" is another day in another country.
    """
    found = (
        _YEAR_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    )
    if not found:
        return None
    month = found["month"]
    number = int(month) if month.isdigit() else _MONTHS.get(month[:3].lower(), 0)
    hour, minute, second = (int(part) for part in f"{found['clock'] or '0:0'}:0".split(":")[:3])
    year, day = int(found["year"]), int(found["day"])
    try:
        return datetime(year, number, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


_MONTHS = {
    name: number
    for number, name in enumerate(
        "jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1
    )
}
_MAIL_DATE = re.compile(r"(?:[A-Za-z]{3,9},? ?)?\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2,4} \d")
_CLOCK = r"(?:[ T,]+(?:at )?(?P<clock>\d{1,2}:\d\d(?::\d\d)?)(?: ?(?:UTC|GMT|Z))?)?"
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})[ /.-](?P<month>\d{1,2}|[A-Za-z]{3,9})\.?[ /.-](?P<day>\d{1,2})" + _CLOCK
)
_DAY_FIRST = re.compile(
    rf"(?:[A-Za-z]{{3,9}},? )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[ /.-]"
    rf"(?P<month>[A-Za-z]{{3,9}})[.,]?[ /.-](?P<year>\d{{4}}){_CLOCK}"
)
_MONTH_FIRST = re.compile(
    rf"(?:[A-Za-z]{{3,9}},? )?(?P<month>[A-Za-z]{{3,9}})\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? "
    rf"(?P<year>\d{{4}}){_CLOCK}"
)


def withdrawn(*texts: str) -> bool:
    """Whether an abstract or a comment says that the paper was withdrawn."""
    suspects = (text for text in texts if "ithdraw" in text or "ITHDRAW" in text)
    return any(_WITHDRAWN.search(text) for text in suspects)
