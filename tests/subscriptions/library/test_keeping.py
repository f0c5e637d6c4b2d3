"""Keeping papers in a library."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from papers.models import Paper
from subscriptions.library.changes import restore_entries
from subscriptions.library.keeping import keep_paper, remove_paper
from subscriptions.models import LibraryEntry, work_identity
from tests.subscriptions.conftest import MakeReader

pytestmark = pytest.mark.django_db


def test_a_paper_is_kept_once_and_removed(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader, paper = make_reader(), edition[0]
    entry = keep_paper(reader, paper, now)
    assert keep_paper(reader, paper, now + timedelta(hours=1)) == entry
    assert reader.library.get().kept_at == now
    assert (entry.title, entry.topic) == (paper.title, reader.first_topic)
    remove_paper(reader, paper.pk, now)
    remove_paper(reader, paper.pk, now)
    assert not reader.library.exists()
    [removal] = reader.library_removals.all()
    restore_entries(reader, removal.pk)
    assert reader.library.get().paper == paper


def test_an_entry_from_an_upload_becomes_that_of_the_paper(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader, paper = make_reader(), edition[0]
    uploaded = LibraryEntry.objects.create(
        subscriber=reader,
        identity=work_identity(paper.arxiv_id or "", "", ""),
        title="As typed",
        note="from my thesis",
        kept_at=now,
    )
    entry = keep_paper(reader, paper, now + timedelta(hours=1))
    assert (entry.pk, entry.note, entry.kept_at) == (uploaded.pk, "from my thesis", now)
    assert (entry.paper, entry.title) == (paper, paper.title)


def test_a_topic_of_another_reader_is_not_taken(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader, other = make_reader(), make_reader(email="other@example.org")
    entry = keep_paper(reader, edition[0], now, str(other.first_topic.pk))
    assert entry.topic == reader.first_topic
