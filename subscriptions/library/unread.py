"""The unread section of digests: kept papers that a reader has not read yet."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q
from django.utils import translation

from papers.bulk import any_of
from papers.text.markup import one_line
from papers.text.shortening import short_authors, truncate
from subscriptions.library.entries import outside_url
from subscriptions.mail.links import absolute
from subscriptions.models import Digest, LibraryEntry, LibraryEntryQuerySet, Subscription

MAX_ENTRIES = 5
TITLE_LENGTH, AUTHORS_LENGTH = 240, 120  # characters
REMEMBERED_FOR = timedelta(days=40)  # the digest before, also if they come once a month


def unread_sections(
    subscriptions: Sequence[Subscription], day: date
) -> dict[int, list[dict[str, Any]]]:
    """Return the items of the unread section of this day's digests, by subscription.

    The papers take turns: the oldest come first, and each digest goes on where the last one ended.
    Three queries for any number of subscriptions; none if no digest has the section.
    """
    chosen = [one for one in subscriptions if one.pk and one.has_unread_section(day)]
    if not chosen:
        return {}
    readers = {one.subscriber_id for one in chosen}
    unread, last = _unread_entries(readers), _last_entries(readers, day)
    turns = {
        one.pk: next_in_turn(unread.get(one.subscriber_id, ()), last.get(one.pk, 0))
        for one in chosen
    }
    of_turns = any_of("pk", {pk for turn in turns.values() for pk in turn})
    entries = LibraryEntry.objects.select_related("paper").filter(of_turns).in_bulk()
    sections = {}
    for one in chosen:
        with translation.override(one.subscriber.language):
            sections[one.pk] = [_make_item(entries[pk]) for pk in turns[one.pk] if pk in entries]
    return sections


def next_in_turn(entries: Sequence[int], last: int) -> list[int]:
    """Return the next primary keys after the last one that was shown, from ascending ones.

    After the newest it is the oldest's turn again.
    """
    start = bisect_right(entries, last)
    return [*entries[start:], *entries[:start]][:MAX_ENTRIES]


def _unread_entries(readers: Collection[int]) -> dict[int, list[int]]:
    """Return the primary keys of unread entries by reader, those kept first at the beginning."""
    rows = _readable(LibraryEntry.objects.unread()).filter(any_of("subscriber_id", readers))
    by_reader = rows.order_by().values_list("subscriber_id")
    return dict(by_reader.annotate(keys=ArrayAgg("pk", order_by="pk")))


def _readable(entries: LibraryEntryQuerySet) -> LibraryEntryQuerySet:
    """Leave out papers that are hidden or withdrawn; news tells of withdrawn ones."""
    visible = Q(paper__hidden=False, paper__withdrawn=False)
    return entries.filter(Q(paper__isnull=True) | visible)


def _last_entries(readers: Collection[int], day: date) -> dict[int, int]:
    """Return the entry at the end of the last unread section, by subscription."""
    digests = Digest.objects.filter(
        any_of("subscriber_id", readers),
        status__in=Digest.RESERVING_STATUSES,
        day__gt=day - REMEMBERED_FOR,
        items__contains=[{"section": Digest.UNREAD}],
    )
    newest = digests.order_by("subscription_id", "-day", "-sequence").distinct("subscription_id")
    rows = newest.values_list("subscription_id", "items")
    return {subscription: items[-1]["entry"] for subscription, items in rows if subscription}


def _make_item(entry: LibraryEntry) -> dict[str, Any]:
    """Return the record that an email shows. `paper` is None for one not in our sources."""
    return {
        "section": Digest.UNREAD,
        "entry": entry.pk,
        "paper": entry.paper_id,
        "title": truncate(one_line(entry.title), TITLE_LENGTH),
        "authors": truncate(short_authors(entry.authors), AUTHORS_LENGTH),
        "url": _url(entry),
        "language": entry.paper.language if entry.paper else "",
    }


def _url(entry: LibraryEntry) -> str:
    """Return the address of the paper; empty if none is known."""
    if entry.paper:
        return entry.paper.abstract_url or absolute(entry.paper.get_absolute_url())
    return outside_url(entry)
