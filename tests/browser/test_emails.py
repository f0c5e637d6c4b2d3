"""The HTML parts of emails on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.utils import timezone

from papers.models import Paper
from subscriptions.editions import digests
from subscriptions.library import keeping
from subscriptions.mail import cards, digest_mail, emails
from subscriptions.models import Digest, Subscription
from tests.browser.conftest import Browser
from tests.browser.test_topics import add_reader

LOW_LINKS = """[...document.querySelectorAll('a')]
  .filter(link => link.getBoundingClientRect().height < 44)
  .map(link => link.textContent.trim())"""


def html_parts() -> Iterator[tuple[str, str]]:
    """Yield the name and HTML of each email to readers."""
    now = timezone.now()
    reader = add_reader("Reasoning of large language models; long context")
    keeping.keep_paper(reader, Paper.objects.order_by("score")[0], now)
    Subscription.objects.filter(subscriber=reader).update(unread_weekday=now.weekday())
    for name in ("confirmation", "preferences_link", "welcome", "less_often", "goodbye"):
        yield name, str(getattr(emails, name)(reader).html)
    yield "vote_link", str(emails.vote_link(reader, Paper.objects.order_by("-score")[0]).html)
    digests.build_digest(reader.pk, now)
    digest = reader.digests.select_related("subscriber").get()
    for period in (Digest.Period.DAY, Digest.Period.WEEK):
        digest.period = period
        visible = cards.visible_cards(digest.shown_papers)
        html = str(digest_mail.digest_message(digest, visible).html)
        assert "Mark as read" in html
        yield period.label, html


def test_links_in_emails_are_high_enough_for_a_finger(
    browser: Browser, papers: str, tmp_path: Path
) -> None:
    low = {}
    for name, html in html_parts():
        path = tmp_path / f"{name}.html"
        path.write_text(html)
        browser.open(path.as_uri())
        browser.be_wide(390, 844)
        assert browser.measure("document.links.length"), name
        assert browser.measure("document.documentElement.scrollWidth") == 390, name
        low[name] = browser.measure(LOW_LINKS)
    assert {name: links for name, links in low.items() if links} == {}
