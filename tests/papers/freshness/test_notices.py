"""Promise 19, the reader's side: an empty, late or broken day is told as what it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from papers.freshness import notices
from papers.models import Paper, Source, SourceCheck
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail
from subscriptions.models import Subscriber
from tests.pages import Page, forge

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 4, 30, 12, tzinfo=UTC)
MakeCheck = Callable[..., SourceCheck]


@pytest.fixture
def listed() -> Source:
    url = "https://rss.arxiv.org/rss/cs.AI+cs.CL+math.KT"
    return Source.objects.create(name="arXiv", kind="arxiv-rss", url=url)


def told(state: str, reason: str = "", entries: int = 0) -> dict[str, Any]:
    return {"state": state, "reason": reason, "entries": entries}


def checked(
    source: Source, at: datetime = NOW, state: str = "fresh", **categories: Any
) -> SourceCheck:
    return SourceCheck.objects.create(
        source=source,
        at=at,
        outcome="ok",
        state=state,
        categories={name.replace("_", "."): value for name, value in categories.items()},
    )


def test_no_notice_if_all_sources_are_fresh(listed: Source) -> None:
    assert notices.report_at(NOW).notices() == []
    checked(listed, cs_AI=told("fresh", entries=200))
    assert notices.report_at(NOW).notices(["cs.AI"]) == []


@pytest.mark.promise(19)
def test_a_quiet_day_has_a_notice(listed: Source) -> None:
    checked(listed, state="quiet", cs_AI=told("quiet"))
    assert notices.report_at(NOW).notices(["cs.AI"]) == ["arXiv has no announcements today."]


def test_no_notice_before_a_list_is_due(listed: Source) -> None:
    checked(listed, state="waiting", cs_AI=told("waiting"))
    assert notices.report_at(NOW).notices(["cs.AI"]) == []


def test_only_readers_of_a_late_category_get_its_notice(listed: Source) -> None:
    late = told("stale", "cs.AI still shows the list for Wednesday, 29 April.")
    checked(listed, state="partial", cs_AI=late, cs_CL=told("fresh", entries=90))
    report = notices.report_at(NOW)
    sentence = "cs.AI is late; the papers will follow once arXiv lists them."
    assert report.notices(["cs.AI"]) == report.notices(["cs"]) == report.notices() == [sentence]
    assert report.notices(["cs.CL"]) == report.notices(["econ.EM"]) == []


def test_broken_incomplete_and_late_have_different_notices(listed: Source) -> None:
    checked(
        listed,
        state="partial",
        cs_AI=told("broken", "The server answered with an error (HTTP 503)."),
        cs_CL=told("partial", "cs.CL: only 12 papers instead of about 210.", 12),
        math_KT=told("broken", "The server answered with an error (HTTP 503)."),
    )
    assert sorted(notices.report_at(NOW).notices()) == [
        "We couldn't read cs.AI and math.KT today; the papers will follow once arXiv answers.",
        "cs.CL is incomplete today: only 12 papers instead of about 210.",
    ]


def test_a_quiet_category_has_a_notice_while_others_are_fresh(listed: Source) -> None:
    checked(listed, cs_AI=told("fresh", entries=9), math_KT=told("quiet", "math.KT has nothing"))
    assert notices.report_at(NOW).notices(["math.KT"]) == [
        "arXiv has nothing new in math.KT today."
    ]
    assert notices.report_at(NOW).notices(["math.KT", "cs.AI"]) == []


def test_a_category_that_another_source_provides_has_no_notice(listed: Source) -> None:
    checked(listed, state="stale", cs_AI=told("stale", "late"))
    other = Source.objects.create(kind="arxiv-rss", url="https://rss.arxiv.org/rss/cs.AI")
    checked(other, cs_AI=told("fresh", entries=200))
    assert notices.report_at(NOW).notices(["cs.AI"]) == []


def test_the_day_after_a_late_one_states_how_many_papers_follow(listed: Source) -> None:
    yesterday = NOW - timedelta(days=1)
    checked(listed, yesterday, "stale", cs_AI=told("stale", "late"))
    checked(listed, yesterday + timedelta(hours=6), cs_AI=told("fresh", entries=100))
    checked(listed, cs_AI=told("fresh", entries=212))
    assert notices.report_at(NOW).notices(["cs.AI"]) == [
        "cs.AI was late yesterday; 212 papers follow today."
    ]


def test_a_report_is_cached_until_the_next_check(
    listed: Source, django_assert_num_queries: Any
) -> None:
    checked(listed, state="quiet")
    assert notices.report_at(NOW - timedelta(hours=1)).notices() == []
    notices.report_at(NOW)
    with django_assert_num_queries(1):
        notices.report_at(NOW + timedelta(minutes=1))
    checked(listed, NOW + timedelta(hours=1))
    assert notices.report_at(NOW + timedelta(hours=2)).notices() == []


@pytest.mark.promise(19)
def test_the_digest_explains_a_missing_source_in_text_and_html(
    listed: Source,
    edition: list[Paper],
    make_reader: Callable[..., Subscriber],
    now: datetime,
) -> None:
    checked(listed, now, "stale", cs_AI=told("stale", "late"), cs_CL=told("fresh", entries=9))
    reader = make_reader(topic={"categories": ["cs.AI", "cs.CL"]})
    deaf = make_reader("other@example.org", topic={"categories": ["cs.CL"]})
    digests.build_due_digests([reader.pk, deaf.pk], now)
    digest = reader.digests.get()
    mail = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    for part in (str(mail.text), str(mail.html)):
        assert "cs.AI is late;" in part
    assert deaf.digests.get().notices == []


def test_the_public_page_lists_failing_sources_first(listed: Source, client: Client) -> None:
    checked(listed, cs_AI=told("fresh", entries=200))
    Source.objects.create(name="Never looked at", url="https://example.org/a")
    bad = Source.objects.create(name="Bad one", url="https://example.org/b")
    SourceCheck.objects.create(
        source=bad, at=datetime.now(UTC), outcome="http_error", status=500, state="broken",
        reason="The server answered with an error (HTTP 500).", detail="HTTP 500 from https://example.org/b",
    )  # fmt: skip
    page = client.get("/status/")
    assert page.status_code == 200
    assert page.text.index("Bad one") < page.text.index("Never looked at")
    assert "The server answered with an error (HTTP 500)." in page.text
    assert "https://example.org/b" not in page.text
    assert forge(client, "/status/").status_code == 405


@pytest.mark.parametrize(
    ("name", "url", "private", "shown"),
    [
        ("", "https://feeds.example.org/rss?token=s3cret", False, "feeds.example.org"),
        ("", "https://user:s3cret@feeds.example.org/rss", False, "feeds.example.org"),
        ("", "http://wiki.corp.example.org/rss/s3cret", False, "New source"),
        ("", "http://10.1.2.3/rss/s3cret", False, "New source"),
        ("", "http://feeds.example.org/s3cret", True, "New source"),
        ("", "https://rss.arxiv.org/rss/cs.CL", True, "rss.arxiv.org"),
        ("http://db.internal/s3cret", "http://db.internal/s3cret", False, "New source"),
        ("db.internal/feed?key=s3cret", "http://db.internal/s3cret", False, "New source"),
        ("A journal", "http://db.internal/s3cret", False, "A journal"),
    ],
)
def test_the_public_page_shows_no_addresses_and_no_internal_hosts(
    client: Client, settings: Any, name: str, url: str, private: bool, shown: str
) -> None:
    settings.ALLOW_PRIVATE_SOURCES = private
    Source.objects.create(name=name, url=url)
    page = Page.open(client, "/status/")
    assert shown in page.text
    for secret in ("s3cret", "corp", "internal", "10.1.2.3", "/rss"):
        assert secret not in page.text
