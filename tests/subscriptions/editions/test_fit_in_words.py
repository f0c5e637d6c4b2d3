"""Papers of a topic show how well they fit in emails, previews and feeds; others don't."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions.editions import digests
from subscriptions.editions.topic_matches import MatchedTopic
from subscriptions.mail import digest_mail
from subscriptions.mail.cards import visible_cards
from subscriptions.matching.match import Match
from subscriptions.matching.profile import Profile
from subscriptions.matching.selection import FOR_YOU
from subscriptions.models import Subscriber, Topic
from subscriptions.pages.feeds import paper_list

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
TEXT = "Reasoning agents with tools"


def test_a_digest_says_how_well_each_paper_fits(
    edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader(topic={"text": TEXT}, language="de")
    digest = digests.preview_digest(reader, now)
    fits = {item["section"]: item.get("fit") for item in digest.items}
    assert fits.pop(FOR_YOU) == "strong"
    assert fits
    assert not any(fits.values()), "trending papers have none"
    mail = digest_mail.test_message(digest, visible_cards(digest.paper_ids), reader.email)
    for part in (str(mail.text), str(mail.html)):
        assert part.count("Passt sehr gut:") == 1
        assert "Warum:" in part
    entries = paper_list(digest.items, {paper.pk: paper for paper in edition})
    assert entries.count("Strong fit: ") == 1


def test_a_strict_topic_has_no_fit() -> None:
    match = Match(np.array([0.9], dtype=np.float32), np.array([True]))
    topics = (Topic(query="agents"), Topic(text="agents"))
    fits = [MatchedTopic(topic, Profile(), match).fit(0) for topic in topics]
    assert fits == ["", "strong"]


def test_a_preview_shows_the_fit(client: Client, edition: list[Paper]) -> None:
    page = client.get(reverse("preview"), {"interests": TEXT}).content.decode()
    assert "<b>Strong fit:</b>" in page
