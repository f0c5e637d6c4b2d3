"""The library of a reader: the list, and changes to several entries at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from papers.citations.export import FORMATS
from papers.pages.citations import format_links
from papers.pages.exports import file_response
from subscriptions.library import browsing, changes
from subscriptions.library.browsing import Choice, Sort, State
from subscriptions.library.citations import export_entries
from subscriptions.library.entries import describe_entries
from subscriptions.models import TAG_LENGTH, LibraryEntryQuerySet, Subscriber
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.tokens import Purpose

ENTRIES_PER_PAGE = 50
MAX_DIGITS = 18  # of a primary key in PostgreSQL


@require_safe
@mailed_link(Purpose.PREFERENCES)
def library_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the reader's library; `Choice` reads the query."""
    reader, choice = access.reader, Choice.from_query(request.GET)
    # The search runs once, and no sorted row is wide.
    found = list(choice.select(reader.library.all()).values_list("pk", flat=True))
    page = Paginator(found, ENTRIES_PER_PAGE).get_page(request.GET.get("page"))
    rows = reader.library.select_related("paper").in_bulk(list(page.object_list))
    context = {
        "reader": reader,
        "choice": choice,
        "typed": request.GET.get("q", "")[:200],
        "states": State,
        "sorts": Sort,
        "facets": browsing.facets(reader),
        "page": page,
        "entries": [
            shown | {"edit_url": access.url("library-entry", shown["entry"].pk)}
            for shown in describe_entries([rows[pk] for pk in page.object_list])
        ],
        "exports": format_links(lambda ending: _export_url(request, access, ending)),
        "formats": FORMATS,
        "removal": changes.last_removal(reader, timezone.now()),
        "tag_length": TAG_LENGTH,
        **_links(request, access),
    }
    return render(request, "subscriptions/library.html", context)


def _links(request: HttpRequest, access: Access) -> dict[str, str]:
    """Return the URLs of the page's forms, which lead back to the same list."""
    return {
        "act_url": _with_query(access.url("library-act"), request.GET),
        "undo_url": _with_query(access.url("library-undo"), request.GET),
        "library_url": access.url("library"),
        "upload_url": access.url("library-upload"),
        "preferences_url": access.url("preferences"),
        "zotero_url": access.url("zotero"),
    }


def _export_url(request: HttpRequest, access: Access, ending: str) -> str:
    return _with_query(access.url("library-export", ending), request.GET)


def _with_query(url: str, query: QueryDict) -> str:
    return f"{url}?{query.urlencode()}" if query else url


def _back_to_list(request: HttpRequest, access: Access) -> HttpResponse:
    return redirect(_with_query(access.url("library"), request.GET))


@require_POST
@mailed_link(Purpose.PREFERENCES)
def act_on_entries(request: HttpRequest, access: Access) -> HttpResponse:
    """Change the chosen entries: read or unread, tags, or remove them; or return them as a file.

    The button of a single entry sends its key as `read` or `unread`.
    """
    for name in ("read", "unread"):
        if pk := _number(request.POST.get(name, "")):
            _ACTS[name](access.reader, access.reader.library.filter(pk=pk), timezone.now(), [])
            return _back_to_list(request, access)
    act = request.POST.get("act", "")
    entries = chosen_entries(request, access.reader)
    if (act not in _ACTS and act not in FORMATS) or not entries.exists():
        messages.error(request, _("Choose papers and an action first."))
        return _back_to_list(request, access)
    if act in FORMATS:
        return file_response(export_entries(entries, act, _("library")))
    try:
        tags = changes.split_tags(request.POST.get("tag", ""))
        sentence = _ACTS[act](access.reader, entries, timezone.now(), tags)
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        if sentence:
            messages.success(request, sentence)
    return _back_to_list(request, access)


def chosen_entries(request: HttpRequest, reader: Subscriber) -> LibraryEntryQuerySet:
    """Return the checked entries, or all of the list if the reader chose all."""
    choice = Choice.from_query(request.GET)
    if request.POST.get("all"):
        return choice.select(reader.library.all())
    pks = [_number(text) for text in request.POST.getlist("entry")]
    return choice.select(reader.library.filter(pk__in=pks))


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS else 0


def _read(_reader: Subscriber, entries: LibraryEntryQuerySet, now: datetime, _tags: Any) -> str:
    count = changes.mark_read(entries, now)
    return ngettext(
        "%(count)s paper was marked as read.", "%(count)s papers were marked as read.", count
    ) % {"count": count}


def _unread(_reader: Subscriber, entries: LibraryEntryQuerySet, _now: datetime, _tags: Any) -> str:
    count = changes.mark_unread(entries)
    return ngettext(
        "%(count)s paper was marked as unread.", "%(count)s papers were marked as unread.", count
    ) % {"count": count}


def _tag(
    _reader: Subscriber, entries: LibraryEntryQuerySet, _now: datetime, tags: list[str]
) -> str:
    _require_tags(tags)
    count = changes.add_tags(entries, tags)
    return ngettext("%(count)s tag was added.", "%(count)s tags were added.", count) % {
        "count": count
    }


def _untag(
    _reader: Subscriber, entries: LibraryEntryQuerySet, _now: datetime, tags: list[str]
) -> str:
    _require_tags(tags)
    count = changes.remove_tags(entries, tags)
    return ngettext("%(count)s tag was removed.", "%(count)s tags were removed.", count) % {
        "count": count
    }


def _require_tags(tags: list[str]) -> None:
    if not tags:
        raise ValidationError(_("Type a tag first."))


def _remove(reader: Subscriber, entries: LibraryEntryQuerySet, now: datetime, _tags: Any) -> str:
    changes.remove_entries(reader, entries, now)
    return ""  # the page offers to undo it


_ACTS: dict[str, Callable[[Subscriber, LibraryEntryQuerySet, datetime, list[str]], str]] = {
    "read": _read,
    "unread": _unread,
    "tag": _tag,
    "untag": _untag,
    "remove": _remove,
}
"""Each changes the entries and returns a sentence that says so."""


@require_POST
@mailed_link(Purpose.PREFERENCES)
def undo_removal(request: HttpRequest, access: Access) -> HttpResponse:
    """Bring back the papers of a removal."""
    try:
        count = changes.restore_entries(access.reader, _number(request.POST.get("removal", "")))
    except ValidationError as error:
        messages.error(request, error.messages[0])
    else:
        text = ngettext("%(count)s paper was restored.", "%(count)s papers were restored.", count)
        messages.success(request, text % {"count": count})
    return _back_to_list(request, access)
