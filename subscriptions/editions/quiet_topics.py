"""Notices about topics that have matched nothing for a while, once a month for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from papers import bulk
from subscriptions.models import Topic
from subscriptions.schedule import local_day

QUIET_AFTER = timedelta(days=14)  # without a paper
REPEAT_AFTER = timedelta(days=30)


def quiet_topics(
    topics: Sequence[Topic], items: Iterable[dict[str, Any]], day: date
) -> list[Topic]:
    """Return the topics to give notice of in a digest of several topics.

    They are stored, have no paper among the items, and had none for QUIET_AFTER.
    """
    if len(topics) < 2:
        return []
    matched = {item.get("topic") for item in items}
    return [topic for topic in topics if topic.pk not in matched and _is_quiet(topic, day)]


def _is_quiet(topic: Topic, day: date) -> bool:
    told = topic.quiet_notice_on
    return day - _last_match(topic) >= QUIET_AFTER and (not told or day - told >= REPEAT_AFTER)


def _last_match(topic: Topic) -> date:
    """Return the day of the last match, or else the day on which the topic was added."""
    return topic.matched_on or local_day(topic.subscriber.timezone, topic.created_at)


def describe_quiet(topic: Topic) -> str:
    """Return the notice for a quiet topic, in the active language."""
    return _("Nothing has matched “%(topic)s” since %(day)s. You could loosen it.") % {
        "topic": topic.title,
        "day": date_format(_last_match(topic), _("j F Y")),
    }


def record_notices(topics: Iterable[int], day: date) -> None:
    """Record that digests of this day gave notice of these topics."""
    if pks := set(topics):
        Topic.objects.filter(bulk.any_of("pk", pks)).update(quiet_notice_on=day)
