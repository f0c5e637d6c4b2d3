"""Sections of a digest: items grouped by section, and by topic within "for you". Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from subscriptions.matching.selection import SECTIONS

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """The items of a section. `topic_name` is empty in digests of one topic."""

    key: str
    topic_name: str = ""
    items: list[Item] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Return the topic's name, or the section's title, untranslated."""
        return self.topic_name or SECTIONS[self.key]


def group_items(items: Iterable[Item]) -> list[Section]:
    """Return the sections that have items, in the order of a digest.

    Items of unknown sections, which another version may have stored, are left out.
    """
    found: dict[tuple[str, Any], Section] = {}
    order = list(SECTIONS)
    known = [item for item in items if item["section"] in SECTIONS]
    for item in sorted(known, key=lambda item: order.index(item["section"])):
        key = item["section"], item.get("topic")
        found.setdefault(key, Section(item["section"], item.get("topic_name", "")))
        found[key].items.append(item)
    return list(found.values())
