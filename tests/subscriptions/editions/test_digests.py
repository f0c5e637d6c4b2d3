from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from papers.models import Paper
from papers.ranking import scoring
from subscriptions.editions import composing, digests
from subscriptions.models import Digest, Reaction, Subscriber, Subscription

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
LANGUAGE = {"text": "long context language models", "categories": ["cs.CL"]}
VISION = {"text": "video generation with diffusion", "categories": ["cs.CV"]}


def titles(digest: Digest) -> list[str]:
    return [item["title"] for item in digest.items]


def test_readers_with_different_interests_get_different_papers(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    one, two = make_reader("one@e.org", LANGUAGE), make_reader("two@e.org", VISION)
    ready = digests.build_due_digests([one.pk, two.pk], now)
    assert len(ready) == 2
    first, second = one.digests.get(), two.digests.get()
    assert titles(first)[0] == "Long context language models"
    assert titles(second)[0] == "Diffusion for video generation"
    assert first.items[0]["section"] == "for_you"
    assert "language" in first.items[0]["reason"]


def test_every_chosen_paper_has_a_reason(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic=LANGUAGE)
    digests.build_due_digests([reader.pk], now)
    assert all(item["reason"] for item in reader.digests.get().items)


def test_readers_without_interests_get_trending_papers(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader()
    digests.build_due_digests([reader.pk], now)
    assert titles(reader.digests.get())[0] == "Long context language models"
    assert "90 votes" in reader.digests.get().items[0]["reason"]


def test_building_twice_creates_one_digest(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic=LANGUAGE)
    assert len(digests.build_due_digests([reader.pk], now)) == 1
    assert digests.build_due_digests([reader.pk], now) == []
    Subscription.objects.update(next_digest_at=now)  # as if the scheduler had forgotten
    assert digests.build_due_digests([reader.pk], now) == []
    assert Digest.objects.count() == 1


@pytest.mark.promise(4)
def test_the_database_rejects_a_duplicate_digest(make_reader: MakeReader, now: datetime) -> None:
    day = {"day": now.date(), "created_at": now, "expires_at": now, "next_attempt_at": now}
    reader = make_reader()
    row = {"subscriber": reader, "subscription": reader.default_subscription, **day}
    Digest.objects.create(**row)
    with pytest.raises(IntegrityError):
        Digest.objects.create(**row)


def test_next_digest_is_due_tomorrow(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(hour=8)
    digests.build_due_digests([reader.pk], now)
    reader.refresh_from_db()
    assert reader.default_subscription.next_digest_at == datetime(2026, 5, 1, 8, tzinfo=UTC)
    assert reader.default_subscription.last_digest_day == now.date()


@pytest.mark.parametrize("status", [Digest.Status.SENT, Digest.Status.PENDING])
def test_a_paper_is_never_sent_twice(
    edition: list[Paper], make_reader: MakeReader, now: datetime, status: str
) -> None:
    reader = make_reader(topic=LANGUAGE)
    digests.build_due_digests([reader.pk], now)
    first = reader.digests.get()
    Digest.objects.update(status=status)
    Subscription.objects.update(next_digest_at=now + timedelta(days=1))
    digests.build_due_digests([reader.pk], now + timedelta(days=1))
    second = reader.digests.first()
    assert second is not None
    assert second.day != first.day
    assert not set(first.paper_ids) & set(second.paper_ids)


@pytest.mark.parametrize("status", [Digest.Status.FAILED, Digest.Status.UNCERTAIN])
def test_papers_of_a_failed_digest_stay_eligible(
    edition: list[Paper], make_reader: MakeReader, now: datetime, status: str
) -> None:
    reader = make_reader(topic=LANGUAGE)
    digests.build_due_digests([reader.pk], now)
    Digest.objects.update(status=status)
    Subscription.objects.update(next_digest_at=now + timedelta(days=1))
    digests.build_due_digests([reader.pk], now + timedelta(days=1))
    assert titles(reader.digests.all()[0]) == titles(reader.digests.all()[1])


def test_hidden_withdrawn_revised_and_old_papers_never_appear(
    make_paper: Callable[..., Paper], make_reader: MakeReader, now: datetime
) -> None:
    make_paper("Hidden language models", hidden=True, votes=50)
    make_paper("Withdrawn language models", withdrawn=True, votes=50)
    make_paper("Revised language models", announce_type="replace", votes=50)
    make_paper("Old language models", listed_on=now.date() - timedelta(days=20), votes=50)
    good = make_paper("Good language models", votes=1)
    scoring.rescore(now)
    reader = make_reader(topic=LANGUAGE)
    digests.build_due_digests([reader.pk], now)
    assert reader.digests.get().paper_ids == [good.pk]


def test_excluded_words_and_disliked_papers_never_appear(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic=LANGUAGE | {"excluded_words": ["agents"]})
    Reaction.objects.create(
        subscriber=reader,
        topic=reader.first_topic,
        paper=edition[0],
        kind=Reaction.Kind.LESS,
        created_at=now,
    )
    digests.build_due_digests([reader.pk], now)
    shown = titles(reader.digests.get())
    assert "Reasoning agents with tools" not in shown
    assert "Long context language models" not in shown


def test_a_reaction_changes_the_next_choice(
    edition: list[Paper], make_paper: Callable[..., Paper], make_reader: MakeReader, now: datetime
) -> None:
    liked = make_paper(
        "Protein folding with transformers", listed_on=now.date() - timedelta(days=9)
    )
    wanted = make_paper("Protein folding at scale", categories=["q-bio.BM"])
    reader = make_reader(topic={"text": "language", "categories": ["cs.CL"]})
    Reaction.objects.create(
        subscriber=reader,
        topic=reader.first_topic,
        paper=liked,
        kind=Reaction.Kind.MORE,
        created_at=now,
    )
    digests.build_due_digests([reader.pk], now)
    items: list[dict[str, Any]] = reader.digests.get().items
    chosen = next(item for item in items if item["paper"] == wanted.pk)
    assert chosen["section"] == "for_you"
    assert "Protein folding with transformers" in chosen["reason"]


@pytest.mark.promise(19)
def test_a_day_without_papers_is_skipped_with_a_reason(
    make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader()
    assert digests.build_due_digests([reader.pk], now) == []
    digest = reader.digests.get()
    assert (digest.status, digest.reason) == (Digest.Status.SKIPPED, composing.NO_NEW_PAPERS)


def test_a_late_digest_is_skipped_and_its_papers_stay_eligible(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic=LANGUAGE)
    evening = now + timedelta(hours=12)
    assert digests.build_due_digests([reader.pk], evening) == []
    assert "Too late" in reader.digests.get().reason
    reader.refresh_from_db()
    assert reader.default_subscription.next_digest_at == datetime(2026, 5, 1, 8, tzinfo=UTC)
    tomorrow = now + timedelta(days=1)
    assert len(digests.build_due_digests([reader.pk], tomorrow)) == 1


def test_only_active_readers_who_are_due_are_found(make_reader: MakeReader, now: datetime) -> None:
    due = make_reader("due@e.org")
    make_reader("later@e.org", next_digest_at=now + timedelta(hours=1))
    make_reader("gone@e.org", status=Subscriber.Status.UNSUBSCRIBED)
    make_reader("bounced@e.org", status=Subscriber.Status.SUPPRESSED)
    make_reader("pending@e.org", status=Subscriber.Status.PENDING)
    assert list(digests.due_readers(now)) == [[due.pk]]


def test_due_readers_come_in_chunks(make_reader: MakeReader, now: datetime, settings: Any) -> None:
    settings.SUBSCRIBERS_PER_TASK = 2
    for number in range(5):
        make_reader(f"{number}@e.org")
    assert [len(chunk) for chunk in digests.due_readers(now)] == [2, 2, 1]


def test_the_number_of_queries_does_not_depend_on_the_number_of_readers(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    counts = []
    for size in (1, 40):
        readers = [make_reader(f"{size}-{n}@e.org", LANGUAGE) for n in range(size)]
        digests.preview_digest(readers[0], now)  # the edition is prepared once a process
        with CaptureQueriesContext(connection) as queries:
            digests.build_due_digests([reader.pk for reader in readers], now)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_send_now_builds_todays_digest_once(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic=LANGUAGE, next_digest_at=now + timedelta(hours=9), hour=17)
    digest = digests.build_digest(reader.pk, now)
    assert digest is not None
    assert digests.build_digest(reader.pk, now) == digest
    reader.refresh_from_db()
    assert reader.default_subscription.next_digest_at == datetime(2026, 5, 1, 17, tzinfo=UTC)


def test_the_subject_has_the_best_title_and_a_limited_length() -> None:
    items = [{"title": "Very " * 100 + "long"}, {"title": "Second"}]
    line = composing.subject_line(items)
    assert line.endswith("… + 1 more")
    assert len(line) <= 150
    assert composing.subject_line(items[1:]) == "Second"


def test_preview_stores_nothing(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic=LANGUAGE)
    assert titles(digests.preview_digest(reader, now))[0] == "Long context language models"
    assert Digest.objects.count() == 0


@pytest.mark.promise(43)
def test_a_category_alone_puts_no_paper_in_for_you(
    make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    reader = make_reader(topic={"text": "sea anemones", "categories": ["cs.CL"]})
    [digest] = digests.make_digests(now.date(), [reader.default_subscription], now)
    assert digest.items
    assert {item["section"] for item in digest.items} <= {"trending", "outside"}
