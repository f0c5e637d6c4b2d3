"""What a topic's reactions changed, as the profile page says it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions import tokens
from subscriptions.models import Digest, Reaction, Subscriber
from subscriptions.profiles.learning_effect import describe_effect
from subscriptions.tokens import Purpose

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]
MakeReader = Callable[..., Subscriber]
MakeDigest = Callable[..., Digest]
REEFS = "Coral reefs bleach in warm water while polyps lose algae on atoll number"
BRIDGES = "Steel bridges carry trains over girders and rivets in span number"


@pytest.fixture
def reader(
    make_paper: MakePaper, make_reader: MakeReader, make_digest: MakeDigest, now: datetime
) -> Subscriber:
    """A reader of bridges whose ten digests each brought a paper on reefs and three others."""
    reader = make_reader(topic={"text": "steel bridges and girders"})
    for day in range(10):
        titles = [f"Reef {day}", *(f"Bridge {day} {n}" for n in range(3))]
        texts = [REEFS, BRIDGES, BRIDGES, "Bread of rye and wheat in batch number"]
        papers = [
            make_paper(title, abstract=f"{text} {day}.")
            for title, text in zip(titles, texts, strict=True)
        ]
        digest = make_digest(reader, day=now.date() - timedelta(days=day))
        digest.paper_ids = [paper.pk for paper in papers]
        digest.save()
    stored_lexicon.learn_lexicon(now)
    return reader


def like(reader: Subscriber, title: str, count: int, now: datetime) -> None:
    for n, paper in enumerate(Paper.objects.filter(title__startswith=title)[:count]):
        Reaction.objects.create(
            subscriber=reader,
            topic=reader.first_topic,
            paper=paper,
            kind=Reaction.Kind.MORE,
            created_at=now + timedelta(minutes=n),
        )


def describe(reader: Subscriber) -> str:
    topic = reader.topics.get()
    topic.subscriber = reader
    return describe_effect(topic)


def test_a_gain_is_shown_with_the_ranks_that_show_it(
    client: Client, reader: Subscriber, now: datetime
) -> None:
    like(reader, "Reef", 8, now)
    text = describe(reader)
    assert text.startswith("You've told us about 8 papers; your matches got better. With")
    assert "are above 100% of the other papers in their digests; without them, above 17%" in text
    path = reverse("profile", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    assert "your matches got better" in client.get(path).content.decode()


def test_no_gain_is_said_plainly(reader: Subscriber, now: datetime) -> None:
    like(reader, "Bridge", 5, now)
    like(reader, "Reef", 5, now + timedelta(days=1))
    assert describe(reader) == (
        "You've told us about 10 papers. They made no clear difference to your matches so far."
    )


def test_a_few_reactions_are_counted_only(reader: Subscriber, now: datetime) -> None:
    assert describe(reader) == ""
    like(reader, "Reef", 7, now)
    Digest.objects.filter(pk__in=Digest.objects.values("pk")[:6]).delete()
    assert describe(reader) == (
        "You've told us about 7 papers. "
        "Once you like more papers in your digests, we compare your matches here."
    )
