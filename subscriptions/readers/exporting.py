"""All readers as CSV, a line at a time, however many they are; safe to open in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from subscriptions.models import Subscriber

COLUMNS = (
    *("email", "status", "language", "frequency", "weekday", "hour", "timezone", "max_papers"),
    *(
        "created_at",
        "signup_requested_at",
        "consent_at",
        "consent_text",
        "consent_page",
        "consent_ip",
    ),
    *("confirmed_at", "unsubscribed_at", "topics", "categories"),
)
OF_INTERESTS = {"topics", "categories"}
STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r")
CHUNK = 2_000  # readers


class _Echo:
    """What csv writes to: hands each line back."""

    def write(self, line: str) -> str:
        return line


def export_lines() -> Iterator[str]:
    """The head, then each reader in the order of their coming; one walk along the primary key."""
    write = csv.writer(_Echo()).writerow
    yield write(COLUMNS)
    last = 0
    while rows := _after(last):
        last = rows[-1][0]
        for _pk, *values in rows:
            yield write([safe(_text(value)) for value in values])


def _after(pk: int) -> list[tuple[Any, ...]]:
    names = [f"interests__{name}" if name in OF_INTERESTS else name for name in COLUMNS]
    return list(
        Subscriber.objects.filter(pk__gt=pk).order_by("pk").values_list("pk", *names)[:CHUNK]
    )


def _text(value: object) -> str:
    if isinstance(value, list):
        return " ".join(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return "" if value is None else str(value)


def safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula; `plain` undoes it."""
    return f"'{text}" if text.startswith(STARTS_FORMULA) else text


def plain(cell: str) -> str:
    """What `safe` was given."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(STARTS_FORMULA) else cell
