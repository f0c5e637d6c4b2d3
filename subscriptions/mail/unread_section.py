"""The section of a digest with kept papers that the reader has not read yet."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from django.urls import reverse

from subscriptions.mail.links import absolute
from subscriptions.mail.prerendered import Value, slot
from subscriptions.models import Digest

Item = Mapping[str, Any]
Shapes = tuple[tuple[bool, bool], ...]
"""For each entry: True if it has authors, and True if it has an address."""

FIELDS = ("title", "authors", "url", "language")


def visible_items(digest: Digest, papers: Container[int]) -> list[Item]:
    """Return the items whose paper is still visible or is not in our sources."""
    items = digest.unread_items
    return [item for item in items if item["paper"] is None or item["paper"] in papers]


def item_shapes(items: Sequence[Item]) -> Shapes:
    return tuple((bool(item["authors"]), bool(item["url"])) for item in items)


def entry_slots(shapes: Shapes) -> list[dict[str, str]]:
    """Return the slots of each entry for a template."""
    return [
        {
            "title": slot(f"unread_{number}_title"),
            "authors": slot(f"unread_{number}_authors") if has_authors else "",
            "url": slot(f"unread_{number}_url") if has_url else "",
            "language": slot(f"unread_{number}_language"),
            "read_url": slot(f"unread_{number}_read_url"),
        }
        for number, (has_authors, has_url) in enumerate(shapes)
    ]


def slot_values(items: Sequence[Item], token: Value) -> dict[str, Value]:
    """Return the values of all slots; `token` ends the links that mark a paper as read."""
    values: dict[str, Value] = {}
    for number, item in enumerate(items):
        values |= {f"unread_{number}_{name}": item[name] for name in FIELDS}
        path = reverse("library-read", args=[item["entry"]])
        values[f"unread_{number}_read_url"] = f"{absolute(path)}{token}"
    return values
