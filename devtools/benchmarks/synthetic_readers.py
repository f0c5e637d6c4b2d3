"""Synthetic readers and papers, stored in the current database, which must be empty."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
from django.db import connection, models

from config.progress import step
from devtools.benchmarks import synthetic_text
from papers.models import Paper
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import PaperText
from subscriptions.models import Reaction, Subscriber, Subscription, Topic

DISTINCT = 2_000  # readers; more are copies of these with other addresses
OLDER_PER_PAPER = 2  # older papers, which readers like, for each paper of the day


@dataclass(frozen=True, slots=True)
class Shape:
    """The average numbers of topics and subscriptions of a reader, from 1 to 2."""

    topics: float = 1.0
    subscriptions: float = 1.0

    def has_second_topic(self, number: int) -> bool:
        return number % 10 < round((self.topics - 1.0) * 10)

    def has_second_subscription(self, number: int) -> bool:
        return number % 10 >= 10 - round((self.subscriptions - 1.0) * 10)


ONE_EACH = Shape()


def store(
    papers: int,
    readers: int,
    now: datetime,
    due: int | None = None,
    shape: Shape = ONE_EACH,
) -> int:
    """Store papers of today and readers; return how many subscriptions are due."""
    with step(f"Storing {papers:,} papers"):
        liked = store_papers(papers, now)
    with step(f"Storing {readers:,} readers"):
        return store_readers(readers, liked, now, due, shape)


def store_papers(count: int, now: datetime) -> list[Paper]:
    """Store `count` papers of today, some with votes, and older ones; return the older ones.

    Scores and the lexicon are computed, too.
    """
    older = OLDER_PER_PAPER * count
    texts = synthetic_text.papers(older + count)
    unsaved = [_paper(n, text, now, older=n < older) for n, text in enumerate(texts)]
    papers = Paper.objects.bulk_create(unsaved, batch_size=500)
    scoring.rescore(now)
    stored_lexicon.learn_lexicon(now)
    return papers[:older]


def _paper(number: int, text: PaperText, now: datetime, *, older: bool) -> Paper:
    day = now - (timedelta(days=30) if older else timedelta())
    arxiv_id = f"{2603 if older else 2604}.{10000 + number}"
    row = unsaved_paper(number, text, arxiv_id, day.date(), day - timedelta(hours=1))
    row.code_url = f"https://code.example.org/{number}" if number % 7 == 0 else ""
    return row


def unsaved_paper(
    number: int, text: PaperText, arxiv_id: str, listed_on: date, seen: datetime
) -> Paper:
    """Return a paper as a feed lists it; one in twenty has votes.

    The number keeps papers of the same title apart.
    """
    return Paper(
        arxiv_id=arxiv_id,
        title=text.title,
        title_raw=text.title,
        title_key=title_key(number, text),
        abstract=text.abstract,
        abstract_url=f"https://arxiv.org/abs/{arxiv_id}",
        authors=list(text.authors),
        categories=list(text.categories),
        announce_type="new",
        text_source="arxiv-rss",
        votes=number % 40 if number % 20 == 0 else 0,
        listed_on=listed_on,
        first_seen_at=seen,
        text_seen_at=seen,
    )


def title_key(number: int, text: PaperText) -> str:
    """Return the unique title key of a synthetic paper."""
    return f"{text.title[:300]}|{number}"


def store_readers(
    count: int,
    liked: list[Paper],
    now: datetime,
    due: int | None = None,
    shape: Shape = ONE_EACH,
) -> int:
    """Store active readers; return how many subscriptions are due.

    One third typed interests, one third likes papers, one third both. All are due, or about `due`
    of them in multiples of DISTINCT.
    """
    distinct = min(count, DISTINCT)
    readers = [_reader(number, now) for number in range(distinct)]
    Subscriber.objects.bulk_create(readers)
    topics, reactions = [], []
    rng = np.random.default_rng(1)
    by_field: dict[str | None, list[Paper]] = defaultdict(list)
    for older in liked:
        by_field[older.primary_category].append(older)
    for number, reader in enumerate(readers):
        near = by_field[liked[number % len(liked)].primary_category]
        drawn = [near[int(n)] for n in rng.integers(len(near), size=12)]
        topics.append(topic := _topic(number, reader, drawn))
        if shape.has_second_topic(number):
            topics.append(Topic(subscriber=reader, position=1, text=drawn[5].title))
        if number % 3:
            liked_papers = dict.fromkeys(drawn[4 : 5 + int(rng.integers(1, 8))])
            kinds = [(paper, Reaction.Kind.MORE) for paper in liked_papers]
            if number % 4 == 0 and drawn[1] not in liked_papers:
                kinds.append((drawn[1], Reaction.Kind.LESS))
            reactions += [
                Reaction(subscriber=reader, paper=paper, topic=topic, kind=kind, created_at=now)
                for paper, kind in kinds
            ]
    Topic.objects.bulk_create(topics)
    Subscription.objects.bulk_create(
        _subscription(reader, now, position)
        for number, reader in enumerate(readers)
        for position in range(1 + shape.has_second_subscription(number))
    )
    Reaction.objects.bulk_create(reactions)
    _multiply(distinct, count, count if due is None else due)
    return Subscription.objects.due(now).count()


def _reader(number: int, now: datetime) -> Subscriber:
    address = f"reader-{number}@example-{number % 50}.org"
    return Subscriber(
        email=address,
        email_key=address,
        status=Subscriber.Status.ACTIVE,
        created_at=now - timedelta(days=30),
        confirmed_at=now - timedelta(days=30),
    )


def _subscription(reader: Subscriber, now: datetime, position: int) -> Subscription:
    return Subscription(
        subscriber=reader,
        position=position,
        covered_until=now - timedelta(days=1),
        next_digest_at=now - timedelta(minutes=1),
        hour=(now - timedelta(minutes=1)).hour,
    )


def _topic(number: int, reader: Subscriber, drawn: list[Paper]) -> Topic:
    field = drawn[0].categories[:1]
    return Topic(
        subscriber=reader,
        text=drawn[0].title if number % 3 != 1 else "",
        excluded_words=drawn[1].title.split()[:1] if number % 10 == 0 else [],
        categories=field if number % 2 else [],
        authors=drawn[2].authors[:1] if number % 5 == 0 else [],
    )


def _next_pk(model: type[models.Model]) -> int:
    return (model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0) + 1


def _multiply(distinct: int, count: int, due: int) -> None:
    """Copy the distinct readers inside PostgreSQL until there are `count`.

    As many copies are due now as `due` requires; the others are due tomorrow.
    """
    copies = -(-count // distinct) - 1
    one_in = max(count // max(due, 1), 1)
    shift = {model: f"copy.n * {_next_pk(model)}" for model in (Subscriber, Topic)}
    reader, topic = f"subscriber_id + {shift[Subscriber]}", f"topic_id + {shift[Topic]}"
    next_pk = "nextval(pg_get_serial_sequence(%s, 'id'))"
    changed = {
        Subscriber: {
            "id": f"id + {shift[Subscriber]}",
            "email": "copy.n || '-' || email",
            "email_key": "copy.n || '-' || email_key",
        },
        Topic: {"id": f"id + {shift[Topic]}", "subscriber_id": reader},
        Subscription: {
            "id": next_pk,
            "subscriber_id": reader,
            "next_digest_at": f"next_digest_at + CASE mod(copy.n, {one_in}) WHEN 0 "
            "THEN interval '0' ELSE interval '1 day' END",
        },
        Reaction: {"subscriber_id": reader, "topic_id": topic, "id": next_pk},
    }
    for model, values in changed.items():
        table = model._meta.db_table
        columns = [str(field.column) for field in model._meta.concrete_fields]
        named = ", ".join(f'"{name}"' for name in columns)
        chosen = ", ".join(values.get(name, f'"{name}"') for name in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} ({named}) SELECT {chosen} FROM {table}, "  # noqa: S608
                f"generate_series(1, {copies}) AS copy (n)",
                [table] * chosen.count("%s"),
            )
    surplus = Subscriber.objects.order_by("-pk")[: Subscriber.objects.count() - count]
    Subscriber.objects.filter(pk__in=list(surplus.values_list("pk", flat=True))).delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
