"""A reader walks through their library on a phone; its pages are accessible."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from subscriptions import tokens
from subscriptions.library.keeping import keep_paper
from subscriptions.models import LibraryEntry, Subscriber
from subscriptions.tokens import Purpose
from tests.browser.conftest import Browser
from tests.browser.test_topics import WIDTHS, add_reader, check


@pytest.fixture
def reader(papers: str) -> Subscriber:
    """A reader with four kept papers of the site and one from elsewhere."""
    reader, now = add_reader("Reasoning of large language models; long context"), timezone.now()
    for number, paper in enumerate(Paper.objects.order_by("-score")[:4]):
        keep_paper(reader, paper, now - timedelta(hours=number))
    LibraryEntry.objects.create(
        subscriber=reader,
        identity="title:notes",
        title="Notes on an Analytical Engine",
        authors=["Ada Example"],
        year=1843,
        kept_at=now - timedelta(days=1),
    )
    return reader


def url(name: str, reader: Subscriber, *args: object) -> str:
    return reverse(name, args=[*args, tokens.make_token(Purpose.PREFERENCES, reader.pk)])


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("colours", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_library_pages_are_accessible(
    browser: Browser, reader: Subscriber, width: int, colours: str
) -> None:
    first, second, *_rest = reader.library.all()
    note = "Compare with **our** runs, see [the notes](https://example.org)"
    LibraryEntry.objects.filter(pk=first.pk).update(note=note, tags=["thesis", "to read"])
    Paper.objects.filter(pk=second.paper_id).update(withdrawn=True)
    LibraryEntry.objects.filter(pk=second.pk).update(read_at=timezone.now())
    browser.be_wide(width)
    browser.prefer(colours)
    check(browser, f"library-{width}-{colours}", url("library", reader))
    check(
        browser,
        f"library-filter-{width}-{colours}",
        url("library", reader) + "?show=unread&sort=title",
    )
    check(browser, f"library-entry-{width}-{colours}", url("library-entry", reader, first.pk))
