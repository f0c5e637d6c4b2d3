"""Files for reference managers of a library, a selection, a digest and a topic."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from papers.citations.export import FORMATS
from papers.models import Paper
from subscriptions import tokens
from subscriptions.library.keeping import keep_paper
from subscriptions.models import Digest, LibraryEntry, Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page
from tests.papers.citations.readers import READERS
from tests.subscriptions.conftest import MakeDigest, MakeReader

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
all_formats = pytest.mark.parametrize("ending", FORMATS)


@pytest.fixture
def reader(edition: list[Paper], make_reader: MakeReader, now: datetime) -> Subscriber:
    """A reader who keeps two papers of the site, and one from elsewhere without a year."""
    reader = make_reader(topic={"text": "video generation with diffusion"})
    for paper in edition[:2]:
        keep_paper(reader, paper, now)
    LibraryEntry.objects.create(
        subscriber=reader,
        identity="title:x",
        title="Notes on {braces} & 50% of “engines”",
        authors=["Ada Example", "王小明"],
        note="=1+1\n**see** & <b>",
        tags=["thesis", "to read"],
        kept_at=now.replace(hour=1),
        read_at=now,
    )
    return reader


def url(reader: Subscriber, name: str, *args: object) -> str:
    return reverse(name, args=[*args, tokens.make_token(Purpose.PREFERENCES, reader.pk)])


def exported(client: Client, page: Page, ending: str) -> list[str]:
    """Return the titles in the file that a page links."""
    urls = page.tree.xpath("//a/@href[contains(., '/export/')]")
    [found] = [one for one in urls if f"/{ending}/" in one]
    return titles(client.get(found), ending)


def titles(answer: object, ending: str) -> list[str]:
    return [entry["title"] for entry in READERS[ending](answer.content.decode())]  # type: ignore[attr-defined]


@all_formats
def test_the_library_is_exported_with_its_filter(
    client: Client, reader: Subscriber, ending: str
) -> None:
    page = Page.open(client, url(reader, "library"))
    everything = exported(client, page, ending)
    assert len(everything) == 3
    assert everything[-1] == "Notes on {braces} & 50% of “engines”"
    assert exported(client, page.submit("Apply", tag="thesis"), ending) == everything[-1:]


@all_formats
def test_a_selection_is_exported(client: Client, reader: Subscriber, ending: str) -> None:
    entry = reader.library.get(title__startswith="Long")
    page = Page.open(client, url(reader, "library"))
    file = page.submit("Do it", entry=[str(entry.pk)], act=ending)
    assert titles(file.response, ending) == [entry.title]
    assert file.response["Content-Disposition"] == f'attachment; filename="library.{ending}"'


def test_a_spreadsheet_of_the_library_has_notes_and_tags_and_no_formula(
    client: Client, reader: Subscriber
) -> None:
    text = client.get(url(reader, "library-export", "csv")).content.decode("utf-8-sig")
    *_kept, row = csv.DictReader(io.StringIO(text))
    assert row["note"] == "'=1+1\n**see** & <b>"
    assert (row["tags"], row["kept_on"], row["read_on"]) == (
        *("thesis; to read", "2026-04-30", "2026-04-30"),
    )


def test_keys_are_kept_and_two_works_never_share_one(client: Client, reader: Subscriber) -> None:
    reader.library.update(citation_key="key1")
    answer = client.get(url(reader, "library-export", "bib"))
    keys = [entry["key"] for entry in READERS["bib"](answer.content.decode())]
    assert len(set(keys)) == 3
    assert keys[0] == "key1"
    again = client.get(url(reader, "library-export", "bib"))
    assert again.content == answer.content


@all_formats
def test_a_digest_is_exported_by_its_link_and_by_its_reader(
    client: Client,
    reader: Subscriber,
    edition: list[Paper],
    make_digest: MakeDigest,
    make_reader: MakeReader,
    ending: str,
) -> None:
    items = [
        {"paper": paper.pk, "section": section, "reason": "", "title": ""}
        for paper, section in zip(edition[:3], ("trending", "for_you", "for_you"), strict=True)
    ]
    # Kept papers of the section “unread” are nobody else's business.
    texts = dict.fromkeys(("reason", "title", "authors", "url", "language"), "x")
    kept = {"paper": edition[4].pk, "section": Digest.UNREAD, "entry": 0, **texts}
    digest: Digest = make_digest(
        reader, items=[*items, kept], paper_ids=[item["paper"] for item in items]
    )
    Paper.objects.filter(pk=edition[2].pk).update(hidden=True)
    expected = [edition[1].title, edition[0].title]
    link = tokens.make_token(Purpose.DIGEST, digest.public_id)
    for address in (
        reverse("digest", args=[link]),
        url(reader, "past-digest", digest.public_id),
    ):
        assert exported(client, Page.open(client, address), ending) == expected
    other = make_reader("other@example.org")
    Page.open(client, url(other, "past-digest-export", digest.public_id, ending), status=404)


@all_formats
def test_the_matches_of_a_topic_are_exported(
    client: Client, reader: Subscriber, edition: list[Paper], ending: str
) -> None:
    page = Page.open(client, url(reader, "topic", reader.first_topic.pk))
    assert exported(client, page, ending)[0] == "Diffusion for video generation"
