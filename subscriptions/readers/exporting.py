"""Export of all readers as CSV, streamed line by line and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from subscriptions.models import Subscriber

COLUMNS = (
    *("email", "status", "language", "frequency", "weekday", "hour", "timezone", "max_papers"),
    *("created_at", "signup_requested_at", "consent_at", "consent_text", "consent_page"),
    *("consent_ip", "confirmed_at", "unsubscribed_at", "topics", "categories"),
)
PATHS = {
    **{name: f"subscriptions__{name}" for name in ("frequency", "weekday", "hour", "max_papers")},
    "topics": "topics__text",
    "categories": "topics__categories",
}
"""Columns of the first topic and of the default subscription."""
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
    while rows := _load_chunk(last):
        last = rows[-1][0]
        for _pk, *values in rows:
            yield write([safe(_text(value)) for value in values])


def _load_chunk(pk: int) -> list[tuple[Any, ...]]:
    names = [PATHS.get(name, name) for name in COLUMNS]
    rows = Subscriber.objects.filter(pk__gt=pk, topics__position=0, subscriptions__position=0)
    return list(rows.order_by("pk").values_list("pk", *names)[:CHUNK_SIZE])


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return "" if value is None else str(value)


def safe(text: str) -> str:
    """Return a cell that no spreadsheet interprets as a formula; `plain` reverts it."""
    return f"'{text}" if text.startswith(FORMULA_PREFIXES) else text


def plain(cell: str) -> str:
    """Return the text that `safe` was called with."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_PREFIXES) else cell
