"""“Save and send today's digest”: typed interests count, and no paper is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions import tokens
from subscriptions.editions import digests, states, todays_digest
from subscriptions.models import Digest, Edition, Subscriber, Subscription
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
SUBJECTS = ("Protein folding", "Legged robots", "Galaxy surveys", "Speech translation")
ASPECTS = ("energy landscapes", "a simple baseline", "what failed in practice")
SEND = "Save and send today's digest"


@pytest.fixture
def papers(make_paper: Callable[..., Paper]) -> list[Paper]:
    """Create papers of today, three per subject."""
    now = timezone.now()
    made = [
        make_paper(
            f"{subject}: {aspect}",
            abstract=f"We study {subject.lower()}. It is about {aspect}.",
            votes=number,
            score=float(number),
            listed_on=now.date(),
            first_seen_at=now,
        )
        for number, (subject, aspect) in enumerate(product(SUBJECTS, ASPECTS), 1)
    ]
    stored_lexicon.learn_lexicon(now)
    return made


@pytest.fixture
def newcomer(make_reader: MakeReader) -> Subscriber:
    now = timezone.now()
    later = now + timedelta(hours=20)
    return make_reader(confirmed_at=now, next_digest_at=later, max_papers=3)


def open_preferences(client: Client, reader: Subscriber) -> Page:
    link = reverse("preferences", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    return Page.open(client, link)


def hand_over(reader: Subscriber) -> None:
    """Mark the pending digests as sent, as the mail system does."""
    reader.digests.filter(status="pending").update(
        status="sent", attempts=1, sent_at=timezone.now()
    )


def test_typed_interests_are_saved_first_and_used_for_todays_digest(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    page = open_preferences(client, newcomer).submit(SEND, text="protein folding")
    assert "Saved." in page.text
    assert "Today's digest is on its way" in page.text
    assert "Your next digest comes on" in page.text
    assert newcomer.first_topic.text == "protein folding"
    digest = newcomer.digests.get()
    own = [item["title"] for item in digest.items if item["section"] == "for_you"]
    assert own
    assert all("Protein" in title for title in own)


def test_a_change_on_the_first_day_allows_a_second_digest_without_repeated_papers(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    page = open_preferences(client, newcomer).submit(SEND, text="protein folding")
    hand_over(newcomer)
    page = page.submit(SEND)
    assert "If you change your interests, you can get one more today." in page.text
    assert newcomer.digests.count() == 1
    page = page.submit(SEND, text="legged robots")
    assert "on its way" in page.text
    first, second = newcomer.digests.order_by("sequence")
    assert not set(first.paper_ids) & set(second.paper_ids)
    assert any("robots" in item["title"] for item in second.items)
    hand_over(newcomer)
    page = page.submit(SEND, text="galaxy surveys")
    assert "From now on there's one per day." in page.text
    assert newcomer.digests.count() == 2
    assert Edition.objects.get().due == 2


def test_an_earlier_change_also_counts(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    page = open_preferences(client, newcomer).submit(SEND, text="protein folding")
    hand_over(newcomer)
    page = page.submit("Save", text="legged robots").submit(SEND)
    assert "on its way" in page.text
    assert newcomer.digests.count() == 2


def test_a_scheduled_digest_on_the_first_day_allows_a_second_one(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    now = timezone.now()
    Subscription.objects.update(next_digest_at=now)
    digests.build_due_digests([newcomer.pk], now)
    hand_over(newcomer)
    page = open_preferences(client, newcomer)
    assert "you can get one more today" in page.text
    assert "you can get one more today" in page.submit(SEND).text
    assert "on its way" in page.submit(SEND, text="legged robots").text
    assert newcomer.digests.count() == 2


def test_after_the_first_day_there_is_one_digest_per_day(
    client: Client, make_reader: MakeReader, papers: list[Paper]
) -> None:
    now = timezone.now()
    reader = make_reader(confirmed_at=now - timedelta(days=2), max_papers=3)
    page = open_preferences(client, reader).submit(SEND, text="protein folding")
    assert "on its way" in page.text
    hand_over(reader)
    page = page.submit(SEND, text="legged robots")
    assert "(one per day)." in page.text
    assert reader.digests.count() == 1
    assert reader.first_topic.text == "legged robots"


def test_pressing_twice_sends_once(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    page = open_preferences(client, newcomer)
    page.submit(SEND, text="protein folding")
    again = page.submit(SEND, text="protein folding")
    assert "already on its way" in again.text
    assert newcomer.digests.count() == 1


def test_without_a_match_the_scheduled_digest_can_still_be_built(
    client: Client, newcomer: Subscriber
) -> None:
    due = newcomer.default_subscription.next_digest_at
    page = open_preferences(client, newcomer).submit(SEND, text="protein folding")
    assert "Nothing new matches your interests" in page.text
    newcomer.refresh_from_db()
    assert not newcomer.digests.exists()
    assert newcomer.default_subscription.next_digest_at is not None
    assert due is not None


def test_a_skipped_digest_is_built_again(
    client: Client, newcomer: Subscriber, make_paper: Callable[..., Paper]
) -> None:
    now = timezone.now()
    Subscription.objects.update(next_digest_at=now)
    digests.build_due_digests([newcomer.pk], now)
    assert newcomer.digests.get().status == "skipped"
    make_paper("Came later", score=2.0, votes=9, listed_on=now.date(), first_seen_at=now)
    page = open_preferences(client, newcomer).submit(SEND)
    assert "on its way" in page.text
    assert newcomer.digests.get().status == "pending"
    assert Edition.objects.get().due == 1


def test_a_digest_waiting_for_its_edition_is_rebuilt_from_saved_interests(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    now = timezone.now()
    states.hold_edition(now.date(), "Not yet", "editor", now)
    page = open_preferences(client, newcomer).submit(SEND, text="protein folding")
    assert "We'll send it when today's edition is released." in page.text
    page = page.submit(SEND, text="legged robots")
    digest = newcomer.digests.get()
    assert digest.status == "pending"
    assert "robots" in digest.items[0]["title"]


def test_a_cancelled_edition_is_not_sent(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    now = timezone.now()
    states.ensure_editions([now.date()], now)
    states.cancel_edition(now.date(), "Wrong day", "editor", now)
    page = open_preferences(client, newcomer).submit(SEND, text="protein folding")
    assert "was cancelled" in page.text
    assert not newcomer.digests.exists()


def test_with_an_error_nothing_is_sent_and_nothing_is_lost(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    page = open_preferences(client, newcomer)
    page = page.submit(SEND, text="protein folding", categories="cs.XX")
    assert page.status == 400
    assert page.fields(SEND)["text"] == "protein folding"
    assert not newcomer.digests.exists()


def test_readers_without_emails_see_no_send_button(
    client: Client, make_reader: MakeReader, papers: list[Paper]
) -> None:
    reader = make_reader(status=Subscriber.Status.UNSUBSCRIBED, next_digest_at=None)
    page = open_preferences(client, reader)
    assert SEND not in page.text
    forge(client, page.url, page.fields("Save") | {"send": "today"})
    assert not reader.digests.exists()


def test_no_day_has_three_digests(newcomer: Subscriber, papers: list[Paper]) -> None:
    now = timezone.now()
    digest = todays_digest.request_digest(newcomer.default_subscription.pk, now).digest
    assert digest is not None
    for turn in (digest.sequence, 2):
        digest.pk, digest.sequence = None, turn
        digest.public_id = Digest().public_id
        with pytest.raises(IntegrityError), transaction.atomic():
            digest.save(force_insert=True)


def test_a_signed_in_reader_sees_no_sign_up_on_home_and_saves_without_a_link(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    sign_in(client, newcomer)
    home = Page.open(client, "/")
    assert "Your papers arrive by email." in home.text
    assert not home.tree.xpath("//section[@class='banner']")
    page = Page.open(client, reverse("preferences")).submit(SEND, text="protein folding")
    assert "on its way" in page.text


def test_home_asks_a_signed_in_reader_for_interests_only_while_there_are_none(
    client: Client, newcomer: Subscriber, papers: list[Paper]
) -> None:
    sign_in(client, newcomer)
    invitation = "Tell us what you're interested in"
    assert invitation in Page.open(client, "/").text
    Page.open(client, reverse("preferences")).submit("Save", text="protein folding")
    home = Page.open(client, "/")
    assert invitation not in home.text
    assert home.tree.xpath(f"//p[@class='yours']/a[@href='{reverse('topics')}']")
