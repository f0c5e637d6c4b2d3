"""Compose digests from chosen papers: notices, subject, and the section of unread papers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from papers import updates
from papers.freshness import notices
from papers.text.shortening import truncate
from subscriptions.editions.choosing import Order
from subscriptions.editions.desk import Desk
from subscriptions.editions.quiet_topics import describe_quiet, quiet_topics
from subscriptions.library.news import KeptNews, kept_news
from subscriptions.library.unread import unread_sections
from subscriptions.mail.digest_mail import SUBJECT_LENGTH
from subscriptions.matching.selection import FOR_YOU
from subscriptions.models import Digest, Subscription
from subscriptions.profiles.load import profile_key
from subscriptions.readers.scheduling import is_first_day

NO_NEW_PAPERS = "Nothing new matches."
MAX_QUOTE_LENGTH = 80  # characters of a reader's own text in a notice
PERIODS: dict[str, str] = {
    Subscription.Frequency.WEEKLY: Digest.Period.WEEK,
    Subscription.Frequency.FORTNIGHTLY: Digest.Period.FORTNIGHT,
    Subscription.Frequency.MONTHLY: Digest.Period.MONTH,
}
SUBJECTS: dict[str, str] = {
    Digest.Period.DAY: "%(title)s",
    Digest.Period.WEEK: gettext_noop("Your week: %(title)s"),
    Digest.Period.FORTNIGHT: gettext_noop("Your two weeks: %(title)s"),
    Digest.Period.MONTH: gettext_noop("Your month: %(title)s"),
}


class Composer:
    """Makes digests of one day from chosen papers; loads data shared by all readers once."""

    def __init__(
        self, day: date, desk: Desk, now: datetime, subscriptions: Sequence[Subscription]
    ) -> None:
        self.day, self.desk, self.now = day, desk, now
        self.source_report, self.updates = notices.report_at(now), updates.updates_since(now)
        self.kept_news = kept_news({one.subscriber_id for one in subscriptions}, now)
        self.unread = unread_sections(subscriptions, day)

    def compose(self, order: Order, items: list[dict[str, Any]], seen: frozenset[int]) -> Digest:
        """Return an unsaved digest: pending with new or unread papers, or skipped with a reason."""
        subscription = order.subscription
        reader, due = subscription.subscriber, subscription.next_digest_at or self.now
        expires_at = due + settings.DIGEST_CUTOFF
        papers = list(dict.fromkeys(item["paper"] for item in items))
        unread = [
            item
            for item in self.unread.get(subscription.pk, ())
            if not item["paper"] or item["paper"] not in papers
        ]
        reason = ""
        if expires_at <= self.now:
            reason = f"Too late: it was due at {due:%Y-%m-%d %H:%M} UTC."
        elif not items and not unread:
            reason = NO_NEW_PAPERS
        digest = Digest(
            subscriber=reader,
            subscription=subscription,
            day=self.day,
            period=PERIODS.get(subscription.frequency, Digest.Period.DAY),
            status=Digest.Status.SKIPPED if reason else Digest.Status.PENDING,
            reason=reason,
            created_at=self.now,
            queued_at=self.now,
            next_attempt_at=self.now,
            expires_at=expires_at,
        )
        if is_first_day(reader, self.day):
            digest.profile_key = profile_key([one.profile for one in order.topics])
        if not reason:
            self.desk.annotate(items)
            digest.items, digest.paper_ids = [*items, *unread], papers
        with translation.override(reader.language):
            self._write(digest, order, seen)
        return digest

    def _write(self, digest: Digest, order: Order, seen: frozenset[int]) -> None:
        """Set subject and notices, in the active language."""
        items = digest.new_items
        topics = [one.topic for one in order.topics]
        quiet = quiet_topics(topics, items, self.day) if items else []
        digest.quiet_topics = tuple(topic.pk for topic in quiet)
        digest.notices = [
            *self._notices(digest, order, seen),
            *map(describe_quiet, quiet),
        ]
        if items:
            digest.subject = self.desk.subject or subject_line(items, digest.period)
        elif digest.unread_items:
            digest.subject = unread_subject(len(digest.unread_items))

    def _notices(self, digest: Digest, order: Order, seen: frozenset[int]) -> list[Any]:
        categories = {name for one in order.topics for name in one.profile.categories}
        wishes = [one.wish for one in order.topics if one.has_interests]
        items, news = digest.new_items, self.kept_news.get(digest.subscriber_id, KeptNews())
        only_unread = [_("Nothing new for you this time.")] if digest.items and not items else []
        return [
            *self.desk.notices(),
            *only_unread,
            *unmatched_notices(wishes, items, digest.period),
            *self.source_report.notices(sorted(categories)),
            *updates.describe_updates(
                self.updates,
                seen - news.papers,
                order.subscription.covered_until,
                news.updates,
            ),
        ]


def unmatched_notices(
    wishes: Sequence[str],
    items: Sequence[dict[str, Any]],
    period: str = Digest.Period.DAY,
) -> list[str]:
    """Return a notice if none of these papers matches the reader's interests.

    `wishes` has the typed text of each topic, empty for a topic of examples only. A matching paper
    can be in any section: it may be pinned by the editor, or be trending.
    """
    if not items or not wishes or any(_is_match(item) for item in items):
        return []
    if len(wishes) > 1:
        return [_("None of the new papers matches your topics. This is what is trending.")]
    typed = truncate(" ".join(wishes[0].split()), MAX_QUOTE_LENGTH)
    if period == Digest.Period.WEEK:
        if typed:
            text = _("None of this week's papers matches “%(text)s”. This is what is trending.")
        else:
            text = _(
                "None of this week's papers is close to what you like. This is what is trending."
            )
    elif period != Digest.Period.DAY:
        if typed:
            text = _("None of the new papers matches “%(text)s”. This is what is trending.")
        else:
            text = _("None of the new papers is close to what you like. This is what is trending.")
    elif typed:
        text = _("None of today's papers matches “%(text)s”. This is what is trending today.")
    else:
        text = _(
            "None of today's papers is close to what you like. This is what is trending today."
        )
    return [text % {"text": typed}]


def _is_match(item: dict[str, Any]) -> bool:
    return item["section"] == FOR_YOU or item["score"] > 0


def subject_line(items: Sequence[dict[str, Any]], period: str = Digest.Period.DAY) -> str:
    """Return a subject line with the title of the best paper and the number of others."""
    more = len(items) - 1
    pattern = _(SUBJECTS[period])
    if more:
        several = ngettext("%(named)s + %(more)s more", "%(named)s + %(more)s more", more)
        pattern = several % {"named": pattern, "more": more}
    room = SUBJECT_LENGTH - len(pattern % {"title": ""})
    return pattern % {"title": truncate(items[0]["title"], room)}


def unread_subject(number: int) -> str:
    """Return the subject line of a digest with only unread papers.

    It names none of them: lists of digests in the admin show subjects, and a library is private.
    """
    return ngettext(
        "%(number)s paper you kept and haven't read yet",
        "%(number)s papers you kept and haven't read yet",
        number,
    ) % {"number": number}
