"""Export of all readers as CSV, streamed line by line and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator

from subscriptions.models import Subscriber
from subscriptions.readers.profile_columns import dump_subscriptions, dump_topics

READER_COLUMNS = (
    *("email", "status", "language", "timezone", "created_at", "signup_requested_at"),
    *("consent_at", "consent_text", "consent_page", "consent_ip", "confirmed_at"),
    *("unsubscribed_at", "less_often_offered_at", "muted_words", "muted_authors"),
    *("shared_authors", "learns_from_kept", "learns_from_opened"),
    "opened_recorded_since",
)
COLUMNS = (*READER_COLUMNS, "topics", "subscriptions")
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")
CHUNK_SIZE = 2_000  # readers


class _Echo:
    """File-like object for the csv module whose `write` returns the line."""

    def write(self, line: str) -> str:
        return line


def export_lines() -> Iterator[str]:
    """Yield the header and one line per reader, by primary key."""
    write = csv.writer(_Echo()).writerow
    yield write(COLUMNS)
    last = 0
    while readers := _load_chunk(last):
        last = readers[-1].pk
        for reader in readers:
            yield write([safe(cell) for cell in _cells(reader)])


def _load_chunk(pk: int) -> list[Subscriber]:
    rows = Subscriber.objects.filter(pk__gt=pk).prefetch_related("topics", "subscriptions__topics")
    return list(rows.order_by("pk")[:CHUNK_SIZE])


def _cells(reader: Subscriber) -> list[str]:
    return [
        *(_text(getattr(reader, name)) for name in READER_COLUMNS),
        dump_topics(reader.topics.all()),
        dump_subscriptions(reader.subscriptions.all()),
    ]


def _text(value: object) -> str:
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return "" if value is None else str(value)


def safe(text: str) -> str:
    """Return a cell that no spreadsheet interprets as a formula; `plain` reverts it."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_PREFIXES) else text


def plain(cell: str) -> str:
    """Return the text that `safe` was called with."""
    is_safe = cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_PREFIXES)
    return cell[1:] if is_safe else cell
