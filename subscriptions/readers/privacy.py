"""What we know of a reader: all of it handed over, or all of it erased.

The reader does both on the site, the operator in the admin or by `manage.py privacy`. What an
erasure leaves is a keyed hash of the address, so that an old list of readers that is read in
again does not bring back who asked to be forgotten; signing up anew, with a new consent, does.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from papers import community
from papers.models import Report, Submission, Vote
from subscriptions.mail import suppression
from subscriptions.models import Erasure, Interests, Subscriber, Suppression

RequestedBy = Erasure.RequestedBy

READER = (
    *("email", "status", "timezone", "language", "hour", "frequency", "weekday", "max_papers"),
    *("created_at", "feed_key_version"),
)
MOMENTS = (
    *("signup_requested_at", "next_digest_at", "last_digest_day", "covered_until", "paused_until"),
    *("less_often_offered_at", "signed_out_at"),
)
CONSENT = ("text", "page", "ip", "at")
INTERESTS = (
    *("topics", "words", "excluded_words", "ignored_words", "categories", "authors"),
    *("muted_authors", "examples"),
    *("references", "shared_authors", "strictness", "author_page", "author_page_status"),
    *("author_page_requested_at", "learns_from_opened", "opened_recorded_since", "suggestion"),
)
DIGEST = ("public_id", "day", "status", "reason", "subject", "items", "notices", "created_at")
MESSAGE = (
    *("public_id", "kind", "about", "status", "reason", "created_at", "expires_at"),
    *("claimed_at", "attempts", "sent_at"),
)
EVENT = ("occurred_at", "kind", "provider", "provider_word", "detail", "day")


def export(reader: Subscriber) -> dict[str, Any]:
    """All that is stored about a reader, by subject; plain values, ready for JSON."""
    key = reader.community_key
    interests = Interests.objects.filter(pk=reader.pk).first()
    hashes = suppression.address_hashes(reader.email_key)
    return {
        "reader": {name: getattr(reader, name) for name in (*READER, *MOMENTS)},
        "consent": {name: getattr(reader, f"consent_{name}") for name in CONSENT}
        | {"confirmed_at": reader.confirmed_at, "unsubscribed_at": reader.unsubscribed_at},
        "interests": {name: getattr(interests, name) for name in INTERESTS} if interests else {},
        "sign_ins": list(reader.sign_ins.order_by("created_at").values("created_at", "expires_at")),
        "reactions": _papers(reader.reactions.order_by("created_at"), "kind", "created_at"),
        "opened": _papers(reader.opened.order_by("created_at"), "created_at"),
        "votes": _papers(Vote.objects.filter(created_by=key).order_by("created_at"), "created_at"),
        "reports": _papers(
            Report.objects.filter(created_by=key).order_by("created_at"),
            *("reason", "created_at", "status"),
        ),
        "proposals": list(
            Submission.objects.filter(created_by=key)
            .order_by("created_at")
            .values("arxiv_id", "note", "created_at", "status", "outcome")
        ),
        "digests": list(reader.digests.order_by("day").values(*DIGEST, "sent_at")),
        "messages": list(reader.messages.order_by("created_at").values(*MESSAGE)),
        "what_came_back": list(reader.delivery_events.order_by("occurred_at").values(*EVENT)),
        "suppressed": list(
            Suppression.objects.filter(address_hash__in=hashes).values(
                "reason", "created_at", "until"
            )
        ),
    }


def summarize_data(reader: Subscriber) -> list[tuple[str, int]]:
    """How much there is of each kind, named in plain words."""
    key = reader.community_key
    return [
        (gettext_noop("Digests"), reader.digests.count()),
        (gettext_noop("Other emails"), reader.messages.count()),
        (gettext_noop("Reactions to papers"), reader.reactions.count()),
        (gettext_noop("Papers you opened here"), reader.opened.count()),
        (gettext_noop("Votes"), Vote.objects.filter(created_by=key).count()),
        (gettext_noop("Proposals"), Submission.objects.filter(created_by=key).count()),
        (gettext_noop("Delivery records"), reader.delivery_events.count()),
    ]


def export_json(reader: Subscriber) -> str:
    """The same as JSON text."""
    return json.dumps(export(reader), cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


def _papers(rows: QuerySet[Any], *names: str) -> list[dict[str, Any]]:
    """Rows that say something of a paper, with its id and title."""
    return list(rows.values(*names, "paper__arxiv_id", "paper__title"))


@transaction.atomic
def erase_reader(reader: Subscriber, now: datetime, requested_by: str = RequestedBy.READER) -> None:
    """Delete a reader and all that hangs on them; a reader who is gone already stays so.

    A complaint or a bounce goes on being remembered, as a hash it always was.
    """
    Erasure.objects.update_or_create(
        address_hash=suppression.address_hashes(reader.email_key)[0],
        defaults={"erased_at": now, "requested_by": requested_by},
    )
    community.forget_reader(reader.community_key, now)
    _unname(reader.pk)
    reader.delete()


def was_erased(email_key: str) -> bool:
    """Whether this address asked to be forgotten: no list that is read in may bring it back."""
    return Erasure.objects.filter(address_hash__in=suppression.address_hashes(email_key)).exists()


def _unname(pk: int) -> None:
    """The admin's log goes on saying what curators did, and no longer to whom."""
    readers = ContentType.objects.get_for_model(Subscriber)
    entries = LogEntry.objects.filter(content_type=readers, object_id=str(pk))
    entries.update(object_repr="an erased reader")
