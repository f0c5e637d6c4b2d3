"""Papers opened on the site: a weak example, only for readers who allowed that they are noted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions import tokens
from subscriptions.editions import candidate_pool, digests
from subscriptions.editions.why_not import explain_absence
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.models import OpenedPaper, Subscriber
from subscriptions.profiles import reading_history
from subscriptions.profiles.load import load_profiles, paper_text
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


def choose(client: Client, reader: Subscriber, allow: str) -> str:
    page = Page.open(client, profile_url(reader))
    buttons = {
        "yes": "Learn from papers I open here",
        "again": "Record them in this browser too",
        "no": "Stop and delete them all",
    }
    return page.submit(buttons[allow]).html


def profile_url(reader: Subscriber) -> str:
    return reverse("profile", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])


def report(client: Client, paper: Paper) -> int:
    """Send what the script of a paper's page sends, and return the status."""
    return forge(client, reverse("opened", args=[paper.pk])).status_code


def profile_page(client: Client, reader: Subscriber) -> str:
    return client.get(profile_url(reader)).text


def test_nothing_is_noted_unless_the_reader_allowed_it(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader()
    assert "Learn from papers I open here" in profile_page(client, reader)
    assert 'id="opened"' not in client.get(edition[0].get_absolute_url()).text
    assert report(client, edition[0]) == 204
    sign_in(client, reader)
    assert 'id="opened"' not in client.get(edition[0].get_absolute_url()).text
    assert report(client, edition[0]) == 204
    assert not OpenedPaper.objects.exists()


def test_an_opened_paper_is_noted_by_its_page_and_never_by_looking(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader()
    page = choose(client, reader, "yes")
    assert "papers you open in this browser count" in page
    assert "Recorded since you allowed it on" in page
    first = Subscriber.objects.get().opened_recorded_since
    choose(Client(), reader, "again")
    assert Subscriber.objects.get().opened_recorded_since == first
    page = client.get(edition[0].get_absolute_url()).text
    assert f'action="{reverse("opened", args=[edition[0].pk])}"' in page
    assert not OpenedPaper.objects.exists(), "a GET changes nothing"
    assert client.get(reverse("opened", args=[edition[0].pk])).status_code == 405
    for _ in range(2):
        assert report(client, edition[0]) == 204
    assert OpenedPaper.objects.get().paper == edition[0]
    assert edition[0].title in profile_page(client, reader)


def test_another_browser_and_a_changed_cookie_note_nothing(
    client: Client, make_reader: MakeReader, edition: list[Paper], settings: Any
) -> None:
    reader, name = make_reader(), settings.SIGN_IN_COOKIE_NAME
    choose(client, reader, "yes")
    other = Client()
    report(other, edition[0])
    other.cookies[name] = str(client.cookies[name].value) + "x"
    report(other, edition[0])
    other.cookies[name] = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    report(other, edition[0])
    assert not OpenedPaper.objects.exists()
    assert "Record them in this browser too" in profile_page(other, reader)
    assert "Record them in this browser too" not in profile_page(client, reader)


def test_reporting_needs_csrf(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    choose(client, make_reader(), "yes")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    assert report(strict, edition[0]) == 403


def test_each_is_removed_with_one_tap_and_stopping_forgets_all(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader()
    choose(client, reader, "yes")
    for paper in edition[:3]:
        report(client, paper)
    Page.open(client, profile_url(reader)).submit(f"Remove {edition[0].title}")
    assert OpenedPaper.objects.count() == 2
    before = Page.open(client, profile_url(reader))
    for _ in range(2):
        assert "The list has been deleted" in before.submit("Stop and delete them all").text
    assert not OpenedPaper.objects.exists()
    report(client, edition[1])
    assert not OpenedPaper.objects.exists()


def test_a_reset_forgets_them_too(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader()
    choose(client, reader, "yes")
    report(client, edition[0])
    Page.open(client, reverse("profile-reset")).submit("Reset my profile")
    assert not OpenedPaper.objects.exists()
    assert not Subscriber.objects.get().learns_from_opened


def test_hidden_and_missing_papers_are_not_noted_and_only_the_newest_are_kept(
    make_reader: MakeReader, edition: list[Paper], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = make_reader(learns_from_opened=True)
    Paper.objects.filter(pk=edition[0].pk).update(hidden=True)
    assert reading_history.record_opened(reader.pk, edition[0].pk, now)
    assert reading_history.record_opened(reader.pk, 10**9, now)
    assert not OpenedPaper.objects.exists()
    monkeypatch.setattr(reading_history, "MAX_KEPT", 2)
    for number, paper in enumerate(edition[1:5]):
        reading_history.record_opened(reader.pk, paper.pk, now + timedelta(minutes=number))
    assert set(OpenedPaper.objects.values_list("paper", flat=True)) == {
        edition[3].pk,
        edition[4].pk,
    }


def test_nothing_is_noted_of_who_has_left(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader()
    choose(client, reader, "yes")
    Subscriber.objects.update(status=Subscriber.Status.UNSUBSCRIBED)
    report(client, edition[0])
    assert not OpenedPaper.objects.exists()


def test_it_counts_a_little_and_a_liked_paper_counts_more(
    make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    reader = make_reader(topic={"text": "medical images"}, learns_from_opened=True)
    reading_history.record_opened(reader.pk, edition[0].pk, now)
    [wanted] = load_profiles([reader.first_topic])
    assert wanted.opened == (paper_text(edition[0]),)
    candidates = candidate_pool.CandidatePool.of(now.date()).candidates
    near = next(n for n, one in enumerate(candidates.papers) if one.key == str(edition[2].pk))
    text = wanted.text
    ways: list[Profile] = [
        Profile(text=text),
        Profile(text=text, opened=wanted.opened),
        Profile(text=text, liked=wanted.opened),
    ]
    nothing, looked, liked = (found.scores[near] for found in match_profiles(ways, candidates))
    assert nothing < looked < liked


def test_what_was_opened_is_not_sent_and_says_why(
    make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    reader = make_reader(learns_from_opened=True)
    assert edition[0].pk in digests.preview_digest(reader, now).paper_ids
    reading_history.record_opened(reader.pk, edition[0].pk, now)
    assert edition[0].pk not in digests.preview_digest(reader, now).paper_ids
    assert "You've already opened it" in explain_absence(reader, str(edition[0].arxiv_id), now)


def test_rows_of_a_reader_who_forbade_it_teach_nothing(
    make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    reader = make_reader()
    OpenedPaper.objects.create(
        subscriber=reader, topic=reader.first_topic, paper=edition[0], created_at=now
    )
    assert load_profiles([reader.first_topic])[0].opened == ()
    assert edition[0].pk in digests.preview_digest(reader, now).paper_ids
