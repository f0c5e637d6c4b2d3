"""The timeline of a reader: consent, emails, delivery events, reactions and staff actions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from papers.models import Submission, Vote
from subscriptions.models import Subscriber
from subscriptions.readers.scheduling import describe_subscription

MAX_ENTRIES = 100  # per kind, newest first


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """An event in the timeline.

    `kind` is consent, digest, message, event, reaction or staff. `digest` is a primary key.
    """

    at: datetime
    kind: str
    title: str
    detail: str = ""
    digest: int | None = None


def timeline_of(reader: Subscriber) -> list[TimelineEntry]:
    """Return the entries, newest first, with one indexed query per kind."""
    parts = (_consent, _digests, _messages, _events, _reactions, _community, _staff)
    return sorted(
        (entry for part in parts for entry in part(reader)),
        key=lambda entry: entry.at,
        reverse=True,
    )


def _consent(reader: Subscriber) -> Iterator[TimelineEntry]:
    where = " ".join(filter(None, (reader.consent_page, reader.consent_ip)))
    moments = (
        (reader.signup_requested_at or reader.created_at, "Signed up", ""),
        (reader.consent_at, "Consented", f"“{reader.consent_text}” {where}".strip()),
        (reader.confirmed_at, "Confirmed", ""),
        (reader.unsubscribed_at, "Unsubscribed", ""),
    )
    for at, title, detail in moments:
        if at:
            yield TimelineEntry(at, "consent", title, detail)


def _digests(reader: Subscriber) -> Iterator[TimelineEntry]:
    names = {row.pk: describe_subscription(row) for row in reader.subscriptions.all()}
    several = len(names) > 1
    for digest in reader.digests.defer("items").order_by("-day")[:MAX_ENTRIES]:
        title = f"Digest of {digest.day:%Y-%m-%d}: {digest.status}"
        if several or not digest.subscription_id:
            title += f" ({names.get(digest.subscription_id or 0, 'of a deleted subscription')})"
        at = digest.sent_at or digest.claimed_at or digest.created_at
        yield TimelineEntry(at, "digest", title, digest.reason or digest.subject, digest.pk)


def _messages(reader: Subscriber) -> Iterator[TimelineEntry]:
    for message in reader.messages.order_by("-created_at")[:MAX_ENTRIES]:
        at = message.sent_at or message.claimed_at or message.created_at
        title = f"{message.get_kind_display().capitalize()}: {message.status}"
        yield TimelineEntry(at, "message", title, message.reason)


def _events(reader: Subscriber) -> Iterator[TimelineEntry]:
    for event in reader.delivery_events.order_by("-occurred_at")[:MAX_ENTRIES]:
        title = f"{event.get_kind_display()}, by {event.provider}"
        yield TimelineEntry(
            event.occurred_at, "event", title, event.detail or event.provider_word, event.digest_id
        )


def _reactions(reader: Subscriber) -> Iterator[TimelineEntry]:
    for reaction in reader.reactions.select_related("paper").order_by("-created_at")[:MAX_ENTRIES]:
        title = reaction.get_kind_display().capitalize()
        yield TimelineEntry(reaction.created_at, "reaction", title, reaction.paper.title)
    if last := reader.library.first():  # the rest of a library is private
        yield TimelineEntry(last.kept_at, "reaction", f"Keeps {reader.library.count():,} papers")
    for opened in reader.opened.select_related("paper").order_by("-created_at")[:MAX_ENTRIES]:
        yield TimelineEntry(opened.created_at, "reaction", "Opened on the site", opened.paper.title)


def _community(reader: Subscriber) -> Iterator[TimelineEntry]:
    key = reader.community_key
    for vote in (
        Vote.objects.filter(created_by=key)
        .select_related("paper")
        .order_by("-created_at")[:MAX_ENTRIES]
    ):
        yield TimelineEntry(vote.created_at, "reaction", "Voted", vote.paper.title)
    for proposal in Submission.objects.filter(created_by=key).order_by("-created_at")[:MAX_ENTRIES]:
        yield TimelineEntry(
            proposal.created_at, "reaction", f"Proposed {proposal.arxiv_id}", proposal.note
        )


def _staff(reader: Subscriber) -> Iterator[TimelineEntry]:
    kind = ContentType.objects.get_for_model(Subscriber)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(reader.pk))
    for entry in entries.select_related("user").order_by("-pk")[:MAX_ENTRIES]:
        yield TimelineEntry(
            entry.action_time, "staff", f"By {entry.user}", entry.get_change_message()
        )
