"""One reader's story: what they agreed to, what they were sent, what came of it, what they did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from papers.models import Submission, Vote
from subscriptions.models import Subscriber

MOST = 100  # of each kind, the newest


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """`kind` is consent, digest, message, event, reaction or staff; `digest` is the digest's
    primary key."""

    at: datetime
    kind: str
    said: str
    detail: str = ""
    digest: int | None = None


def timeline_of(reader: Subscriber) -> list[TimelineEntry]:
    """The newest first; a look-up by key for each kind, however many readers there are."""
    parts = (_consent, _digests, _messages, _events, _reactions, _community, _staff)
    return sorted(
        (moment for part in parts for moment in part(reader)),
        key=lambda moment: moment.at,
        reverse=True,
    )


def _consent(reader: Subscriber) -> Iterator[TimelineEntry]:
    where = " ".join(filter(None, (reader.consent_page, reader.consent_ip)))
    moments = (
        (reader.signup_requested_at or reader.created_at, "Asked for the digest", ""),
        (reader.consent_at, "Agreed", f"“{reader.consent_text}” {where}".strip()),
        (reader.confirmed_at, "Confirmed", ""),
        (reader.unsubscribed_at, "Unsubscribed", ""),
    )
    for at, said, detail in moments:
        if at:
            yield TimelineEntry(at, "consent", said, detail)


def _digests(reader: Subscriber) -> Iterator[TimelineEntry]:
    for digest in reader.digests.defer("items").order_by("-day")[:MOST]:
        said = f"Digest of {digest.day:%Y-%m-%d}: {digest.status}"
        at = digest.sent_at or digest.claimed_at or digest.created_at
        yield TimelineEntry(at, "digest", said, digest.reason or digest.subject, digest.pk)


def _messages(reader: Subscriber) -> Iterator[TimelineEntry]:
    for message in reader.messages.order_by("-created_at")[:MOST]:
        at = message.sent_at or message.claimed_at or message.created_at
        told = f"{message.get_kind_display().capitalize()}: {message.status}"
        yield TimelineEntry(at, "message", told, message.reason)


def _events(reader: Subscriber) -> Iterator[TimelineEntry]:
    for event in reader.delivery_events.order_by("-occurred_at")[:MOST]:
        said = f"{event.get_kind_display()}, by {event.provider}"
        yield TimelineEntry(
            event.occurred_at, "event", said, event.detail or event.provider_word, event.digest_id
        )


def _reactions(reader: Subscriber) -> Iterator[TimelineEntry]:
    for reaction in reader.reactions.select_related("paper").order_by("-created_at")[:MOST]:
        said = reaction.get_kind_display().capitalize()
        yield TimelineEntry(reaction.created_at, "reaction", said, reaction.paper.title)
    for opened in reader.opened.select_related("paper").order_by("-created_at")[:MOST]:
        yield TimelineEntry(opened.created_at, "reaction", "Opened on the site", opened.paper.title)


def _community(reader: Subscriber) -> Iterator[TimelineEntry]:
    key = reader.community_key
    for vote in (
        Vote.objects.filter(created_by=key).select_related("paper").order_by("-created_at")[:MOST]
    ):
        yield TimelineEntry(vote.created_at, "reaction", "Voted", vote.paper.title)
    for proposal in Submission.objects.filter(created_by=key).order_by("-created_at")[:MOST]:
        yield TimelineEntry(
            proposal.created_at, "reaction", f"Proposed {proposal.arxiv_id}", proposal.note
        )


def _staff(reader: Subscriber) -> Iterator[TimelineEntry]:
    kind = ContentType.objects.get_for_model(Subscriber)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(reader.pk))
    for entry in entries.select_related("user").order_by("-pk")[:MOST]:
        yield TimelineEntry(
            entry.action_time, "staff", f"By {entry.user}", entry.get_change_message()
        )
