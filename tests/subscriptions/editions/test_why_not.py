from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions.editions import digests
from subscriptions.editions.why_not import explain_absence
from subscriptions.models import Digest, Reaction, Subscriber

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
MakePaper = Callable[..., Paper]
LANGUAGE: dict[str, Any] = {"text": "long context language models"}


def ask(reader: Subscriber, paper: Paper, now: datetime) -> str:
    return explain_absence(reader, paper.arxiv_id or "", now)


def test_an_unknown_paper(make_reader: MakeReader, now: datetime) -> None:
    assert "We don't have this paper" in explain_absence(make_reader(), "2001.00001", now)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"withdrawn": True}, "withdrawn"),
        ({"hidden": True}, "curator has hidden"),
        ({"announce_type": "replace"}, "It's a revision"),
    ],
)
def test_papers_that_nobody_gets(
    make_paper: MakePaper, make_reader: MakeReader, now: datetime, given: Any, said: str
) -> None:
    assert said in ask(make_reader(), make_paper(**given), now)


@pytest.mark.parametrize(
    ("days", "said"), [(-20, "too old: it is from"), (2, "will be eligible on")]
)
def test_days(
    make_paper: MakePaper, make_reader: MakeReader, now: datetime, days: int, said: str
) -> None:
    paper = make_paper(listed_on=now.date() + timedelta(days=days))
    assert said in ask(make_reader(), paper, now)


def test_sent_papers_have_the_day_of_the_digest(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic=LANGUAGE)
    digests.build_due_digests([reader.pk], now)
    assert "on its way" in ask(reader, edition[0], now)
    Digest.objects.update(status=Digest.Status.SENT)
    assert "the digest of 30 April 2026" in ask(reader, edition[0], now)


@pytest.mark.parametrize(("kind", "said"), [("less", "less like this"), ("more", "you like")])
def test_reactions(
    edition: list[Paper], make_reader: MakeReader, now: datetime, kind: str, said: str
) -> None:
    reader = make_reader()
    Reaction.objects.create(
        subscriber=reader, topic=reader.first_topic, paper=edition[0], kind=kind, created_at=now
    )
    assert said in ask(reader, edition[0], now)


def test_examples_are_not_sent(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"examples": [edition[0].arxiv_id]})
    assert "papers you like" in ask(reader, edition[0], now)


def test_exclusions_name_the_word_or_author(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    by_word = make_reader("a@e.org", {"excluded_words": ["survey", "Language"]})
    assert "It contains “Language”" in ask(by_word, edition[0], now)
    by_name = make_reader("b@e.org", muted_authors=["Bo Example"])
    assert "You muted Bo Example" in ask(by_name, edition[0], now)


def test_a_low_fit_names_what_the_reader_asked_for(
    edition: list[Paper], make_paper: MakePaper, make_reader: MakeReader, now: datetime
) -> None:
    kitchen = "Flour, salt, water and yeast rest in bowls of clay before ovens warm the loaves. "
    far = make_paper("Bread and butter of the bakers", abstract=f"{kitchen}No agents were hurt.")
    stored_lexicon.learn_lexicon(now)
    topics = "Reasoning with tools, segmentation of street scenes, rare video splatting; agents"
    reader = make_reader(topic={"text": topics, "strictness": "only"})
    assert ask(reader, far, now) == ("Loose fit: you asked for “Only when it is really for me”.")


def test_a_paper_without_a_match(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    assert "doesn't match your profile" in ask(make_reader(topic=LANGUAGE), edition[5], now)


def test_a_low_rank_is_explained(
    edition: list[Paper], make_paper: MakePaper, make_reader: MakeReader, now: datetime
) -> None:
    late = make_paper("Models", abstract="Of cheese and of ships, at length and in detail.")
    stored_lexicon.learn_lexicon(now)
    reader = make_reader(topic=LANGUAGE | {"words": ["models"]}, max_papers=1)
    said = ask(reader, late, now)
    assert "fit. It ranks 2 among" in said
    assert "at most 1 papers" in said


def test_papers_available_for_the_last_digest_are_explained(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    quiet = edition[2]
    reader = make_reader(topic={"text": quiet.title}, covered_until=now)
    assert "already available for your last digest" in ask(reader, quiet, now)


def test_every_explanation_agrees_with_the_next_digest(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    for places in (1, 2, 5, 10):
        reader = make_reader(f"{places}@e.org", LANGUAGE, max_papers=places)
        coming = {item["paper"] for item in digests.preview_digest(reader, now).items}
        for paper in edition:
            assert ("would be in your next digest" in ask(reader, paper, now)) == (
                paper.pk in coming
            )
