"""The library page: the list, and changes to one or several entries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from papers.curation import merge_papers
from papers.models import Paper, PaperUpdate
from subscriptions import tokens
from subscriptions.library.keeping import keep_paper
from subscriptions.models import LibraryEntry, Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.subscriptions.conftest import MakeReader

MakePaper = Callable[..., Paper]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def reader(edition: list[Paper], make_reader: MakeReader, now: datetime) -> Subscriber:
    """A reader who keeps all papers of the edition, the first one last."""
    reader = make_reader()
    for minutes, paper in enumerate(reversed(edition)):
        keep_paper(reader, paper, now + timedelta(minutes=minutes))
    return reader


def url(reader: Subscriber, name: str = "library", *args: object) -> str:
    return reverse(name, args=[*args, tokens.make_token(Purpose.PREFERENCES, reader.pk)])


def titles(page: Page) -> list[str]:
    """Return the first word of each title on the page."""
    return [title.split()[0] for title in page.tree.xpath("//ol[@class='kept']//h2//bdi/text()")]


def entry_of(reader: Subscriber, word: str) -> LibraryEntry:
    return reader.library.get(title__startswith=word)


def test_the_list_is_searched_filtered_and_sorted(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, url(reader))
    assert titles(page) == [
        "Long",
        "Reasoning",
        "Tokenisation",
        "Diffusion",
        "Gaussian",
        "Segmentation",
    ]
    reader.library.filter(title__startswith="Long").update(
        note="for Müller’s group", tags=["thesis"], year=2024
    )
    Paper.objects.filter(title__startswith="Gaussian").update(code_url="https://example.org/c")
    page = Page.open(client, url(reader))
    assert titles(page.submit("Search", q="MULLER thesis")) == ["Long"]
    searched = page.submit("Search", q="example language", sort="attention")
    assert titles(searched) == ["Long", "Tokenisation"]
    assert titles(page.submit("Search", q="100%_")) == []
    assert titles(page.submit("Apply", tag="thesis")) == ["Long"]
    assert titles(page.submit("Apply", year="2024")) == ["Long"]
    assert titles(page.submit("Apply", code=True)) == ["Gaussian"]
    assert titles(page.submit("Apply", sort="title"))[:2] == ["Diffusion", "Gaussian"]
    assert titles(page.submit("Apply", sort="attention"))[:2] == ["Long", "Diffusion"]
    assert titles(page.submit("Apply", sort="paper"))[-1] == "Long"


def test_one_paper_is_marked_as_read_and_the_list_stays_the_same(
    client: Client, reader: Subscriber
) -> None:
    page = Page.open(client, url(reader)).submit("Apply", show="unread", sort="title")
    page = page.submit("Mark as read Long context language models")
    assert "Long" not in titles(page)
    assert "show=unread" in page.url
    assert "5 unread" in page.text
    page = page.submit("Apply", show="read").submit("Mark as unread Long context language models")
    assert reader.library.unread().count() == 6


def test_several_papers_are_tagged_read_and_removed_at_once(
    client: Client, reader: Subscriber
) -> None:
    chosen = [str(entry_of(reader, word).pk) for word in ("Long", "Diffusion")]
    page = Page.open(client, url(reader))
    page = page.submit("Do it", entry=chosen, act="tag", tag=" to  read , thesis")
    assert "4 tags were added" in page.text
    assert entry_of(reader, "Long").tags == ["to read", "thesis"]
    page = page.submit("Do it", entry=chosen, act="tag", tag="thesis")
    assert entry_of(reader, "Long").tags == ["to read", "thesis"], "no tag twice"
    page = page.submit("Do it", entry=chosen[:1], act="untag", tag="thesis")
    assert entry_of(reader, "Long").tags == ["to read"]
    page = page.submit("Do it", entry=chosen, act="read")
    assert reader.library.unread().count() == 4
    assert "Choose papers and an action first" in page.submit("Do it", act="read").text
    assert "Type a tag first" in page.submit("Do it", entry=chosen, act="tag").text


def test_a_removal_is_undone_with_notes_and_tags(
    client: Client, reader: Subscriber, edition: list[Paper], now: datetime
) -> None:
    reader.library.update(note="mine", tags=["a"])
    before = list(reader.library.values())
    chosen = [str(pk) for pk in reader.library.values_list("pk", flat=True)[:4]]
    page = Page.open(client, url(reader)).submit("Do it", entry=chosen, act="remove")
    assert len(titles(page)) == 2
    page = page.submit("Undo")
    assert "4 papers were restored" in page.text
    assert list(reader.library.values()) == before
    page = page.submit("Do it", entry=chosen, act="remove")
    keep_paper(reader, edition[0], now)
    edition[1].delete()
    reader.first_topic.delete()
    assert "3 papers were restored" in page.submit("Undo").text
    assert entry_of(reader, "Long").note == "", "it was kept again"
    assert entry_of(reader, "Reasoning").paper is None
    assert not reader.library_removals.exists()


def test_all_papers_of_a_long_list_are_chosen(
    client: Client,
    reader: Subscriber,
    now: datetime,
    django_assert_max_num_queries: Callable[..., object],
) -> None:
    LibraryEntry.objects.bulk_create(
        LibraryEntry(
            subscriber=reader,
            identity=f"title:{n}",
            title=f"Old {n:02}",
            kept_at=now - timedelta(days=1),
        )
        for n in range(60)
    )
    with django_assert_max_num_queries(14):  # type: ignore[attr-defined]
        page = Page.open(client, url(reader))
    assert len(titles(page)) == 50
    second = Page.open(client, url(reader) + "?page=2")
    assert len(titles(second)) == 16
    page = page.submit("Search", q="old").submit("Do it", act="tag", tag="x", all=True)
    assert reader.library.filter(tags=["x"]).count() == 60


def test_a_note_is_saved_and_shown_safely(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, url(reader, "library-entry", entry_of(reader, "Long").pk))
    note = "**Read** [this](https://example.org)\n<script>alert(1)</script>"
    page = page.submit("Save", note=note, tags="thesis, memory", is_read=True)
    entry = entry_of(reader, "Long")
    assert (entry.tags, entry.read_at is not None) == (["thesis", "memory"], True)
    assert (
        '<strong>Read</strong> <a href="https://example.org" rel="nofollow noopener">' in page.html
    )
    assert "<script>alert" not in page.html
    page = Page.open(client, url(reader, "library-entry", entry.pk))
    assert page.fields("Save")["tags"] == "thesis, memory"
    again = page.submit("Save", note="x" * 2001, tags=",".join(map(str, range(21))))
    assert again.status == 400
    assert "At most 2,000 characters" in again.text
    assert "20 tags at most" in again.text
    page = page.submit("Remove from the library")
    assert not reader.library.filter(pk=entry.pk).exists()


def test_papers_that_are_hidden_withdrawn_or_merged_stay(
    client: Client, reader: Subscriber, edition: list[Paper], now: datetime
) -> None:
    withdrawn, hidden, merged = edition[:3]
    Paper.objects.filter(pk=withdrawn.pk).update(withdrawn=True)
    Paper.objects.filter(pk=hidden.pk).update(hidden=True)
    merge_papers(edition[3].pk, merged.pk, "curator", now)
    PaperUpdate.objects.create(
        paper=edition[4], kind="venue", at=now + timedelta(hours=1), detail="ICML 2026"
    )
    PaperUpdate.objects.create(paper=edition[4], kind="code", at=now - timedelta(hours=1))
    page = Page.open(client, url(reader))
    assert len(titles(page)) == 6
    assert "This paper has been withdrawn." in page.text
    assert "This paper is no longer on this site." in page.text
    assert f"Listed as {edition[3].title}" in page.text
    assert "Has been published: ICML 2026 , 30 April 2026" in page.text
    assert "Now has code" not in page.text, "it had code when it was kept"


def test_a_full_library_keeps_no_more_and_says_so(
    client: Client, make_paper: MakePaper, reader: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.library.changes.MAX_ENTRIES", 6)
    token = tokens.make_token(Purpose.REACT, reader.pk)
    page = Page.open(client, reverse("keep", args=[make_paper().pk, token]))
    page = page.submit("Keep it")
    assert page.status == 400
    assert "A library can have 6 papers. Yours has 6" in page.text
    assert reader.library.count() == 6


def test_a_library_is_private(client: Client, reader: Subscriber, make_reader: MakeReader) -> None:
    other = make_reader("other@example.org")
    entry = entry_of(reader, "Long")
    assert "You haven't kept any papers yet" in Page.open(client, url(other)).text
    Page.open(client, url(other, "library-entry", entry.pk), status=404)
    forge(client, url(other, "library-act"), {"entry": entry.pk, "act": "remove"})
    forge(client, url(other, "library-act"), {"read": entry.pk})
    Page.open(client, url(reader)).submit("Do it", entry=[str(entry.pk)], act="remove")
    removal = reader.library_removals.get()
    forge(client, url(other, "library-undo"), {"removal": removal.pk})
    assert reader.library.count() == 5
    assert not reader.library.exclude(read_at=None).exists()
    assert client.get(reverse("library")).status_code == 302, "signed out"
