"""Clean and bound the values of an entry, one function per field.

Values out of bounds are dropped. Only an unusable title rejects the whole entry.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlsplit

from papers.feeds.entries import DocumentError, Entry, Refusal
from papers.text.markup import one_line, readable_text, unwrap_lines
from papers.text.shortening import truncate

MAX_TITLE = 1_000
MAX_ABSTRACT = 20_000
MAX_RAW = 100_000
MAX_NAME = 200
MAX_CATEGORY = 100  # characters; the width of the column, as a test checks
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
# Most of the ten thousand names per day need no conversion.
_PLAIN_NAME = re.compile(r"[A-Za-z]+\.?(?:[ '-][A-Za-z]+\.?)*")

Item = TypeVar("Item")


class EntryRefused(ValueError):
    """The entry cannot be used. The message is one line."""


def read_all(
    items: Iterable[Item], read: Callable[[Item], Entry], name: Callable[[Item], str]
) -> tuple[tuple[Entry, ...], tuple[Refusal, ...]]:
    """Return the entries of the readable items, and a refusal for each of the others.

    `name` returns the identifier of an item ("2401.00001"), or "".
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
    """Return a `DocumentError` whose message is one line of bounded length."""
    return DocumentError(one_line(remove_unstorable(": ".join([what, *map(str, details)])))[:300])


def remove_unstorable(text: str) -> str:
    """Return the text without NUL and lone surrogates, which PostgreSQL cannot store."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def raw(text: str) -> str:
    """Return an original text, bounded and storable."""
    return remove_unstorable(text[:MAX_RAW])


def title(text: str) -> str:
    """Return a readable title; raise `EntryRefused` if it is empty or too long."""
    if not text:
        raise EntryRefused("no title")
    if len(text) > MAX_TITLE:
        raise EntryRefused(f"title of {len(text)} characters, more than {MAX_TITLE}")
    return text


def tex_title(text: str) -> str:
    """Return a title with readable LaTeX, without the suffix of arXiv's old feeds."""
    return title(_ARXIV_SUFFIX.sub("", one_line(readable_text(text))))


def tex_abstract(text: str) -> str:
    """Return paragraphs with readable LaTeX, separated by blank lines."""
    return _tidied(readable_text(text[:MAX_RAW]))


def abstract(text: str) -> str:
    """Return paragraphs separated by blank lines."""
    return _tidied(unwrap_lines(text))


def _tidied(unwrapped: str) -> str:
    return _shortened("\n\n".join(filter(None, map(one_line, unwrapped.split("\n\n")))))


def journal(text: str) -> str:
    """Return a journal's name or reference on one line, truncated if it is too long."""
    return truncate(short(text), MAX_JOURNAL)


def short(text: str) -> str:
    """Return a short text, such as a journal reference, on one line."""
    return one_line(readable_text(text[:MAX_TITLE]))


def _shortened(text: str) -> str:
    if len(text) <= MAX_ABSTRACT:
        return text
    return text[: MAX_ABSTRACT - 1].rsplit(" ", 1)[0] + "…"


def names(received: Iterable[str]) -> tuple[str, ...]:
    """Return readable author names, without those that have no letter, such as ":"."""
    readable_names = (
        name if _PLAIN_NAME.fullmatch(name) else one_line(readable_text(name)) for name in received
    )
    named = (name for name in readable_names if _LETTER.search(name))
    return tuple(_bounded(named, MAX_AUTHORS, MAX_NAME))


def categories(received: Iterable[str]) -> tuple[str, ...]:
    """Return distinct categories in order; "Optics; Acoustics" are two."""
    single = (part for text in received for part in remove_unstorable(text).split(";"))
    return tuple(dict.fromkeys(_bounded(map(one_line, single), MAX_CATEGORIES, MAX_CATEGORY)))


def _bounded(texts: Iterable[str], limit: int, max_length: int) -> Iterator[str]:
    kept = 0
    for text in texts:
        if text and kept < limit:
            kept += 1
            yield truncate(text, max_length)


def url(value: object) -> str:
    """Return an HTTP(S) address of sane length, else ""."""
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
    """Return an integer from 0 to a billion, else None."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= MAX_COUNT else None


def moment(text: object) -> datetime | None:
    """Return the moment of an ISO 8601 or RFC 822 date, in UTC; without a zone it is UTC."""
    parsed = _parse_date(text)
    return parsed.astimezone(UTC) if parsed else None


def day(text: object) -> date | None:
    """Return the day of a date, in the zone it was written in."""
    parsed = _parse_date(text)
    return parsed.date() if parsed else None


def _parse_date(text: object) -> datetime | None:
    if not isinstance(text, str) or len(text) > MAX_DATE:
        return None
    return _parse_date_text(text)


@lru_cache(maxsize=1024)  # all entries of a day have the same date
def _parse_date_text(text: str) -> datetime | None:
    text = " ".join(text.split())
    formats = (_iso_date, _mail_date, _journal_date)
    parsed = next(filter(None, (parse(text) for parse in formats)), None)
    if parsed is None or parsed.year not in YEARS:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _iso_date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _mail_date(text: str) -> datetime | None:
    if not _MAIL_DATE.match(text):  # the library misreads "2021/02/18"
        return None
    try:
        return parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):
        return None


def _journal_date(text: str) -> datetime | None:
    """Parse dates of journals: "2021/02/18 14:42:15", "18-Nov-2026", "November 18, 2026".

    With slashes the year must come first, because "02/03/2021" is ambiguous.
    """
    match = (
        _YEAR_FIRST.fullmatch(text) or _DAY_FIRST.fullmatch(text) or _MONTH_FIRST.fullmatch(text)
    )
    if not match:
        return None
    month = match["month"]
    number = int(month) if month.isdigit() else _MONTHS.get(month[:3].lower(), 0)
    hour, minute, second = (int(part) for part in f"{match['clock'] or '0:0'}:0".split(":")[:3])
    try:
        return datetime(
            int(match["year"]), number, int(match["day"]), hour, minute, second, tzinfo=UTC
        )
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
    """Return whether an abstract or a comment states that the paper was withdrawn."""
    suspects = (text for text in texts if "ithdraw" in text or "ITHDRAW" in text)
    return any(_WITHDRAWN.search(text) for text in suspects)
