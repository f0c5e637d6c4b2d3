"""Export and erasure of all data about a reader.

Readers use the site, operators the admin or `manage.py privacy`. An erasure leaves a keyed hash of
the address, so that importing an old list does not restore the reader. They can still sign up again
with a new consent.
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
from subscriptions.models import (
    Erasure,
    Subscriber,
    Suppression,
    ZoteroAccount,
    ZoteroCollection,
    ZoteroUpload,
)

RequestedBy = Erasure.RequestedBy

READER = (
    *("email", "status", "timezone", "language", "created_at", "feed_key_version"),
    *("muted_words", "muted_authors", "shared_authors", "learns_from_kept"),
    *("learns_from_opened", "opened_recorded_since", "suggestion"),
)
MOMENTS = ("signup_requested_at", "less_often_offered_at", "signed_out_at")
CONSENT = ("text", "page", "ip", "at")
TOPIC = (
    *("name", "position", "active", "created_at", "text", "words", "excluded_words"),
    *("ignored_words", "categories", "authors", "examples", "references", "strictness"),
    *("query", "all_matches", "max_papers", "may_split", "author_page", "author_page_status"),
    *("author_page_requested_at", "matched_on", "quiet_notice_on"),
)
SUBSCRIPTION = (
    *("name", "position", "destination", "address", "state", "frequency", "weekday", "month_day"),
    "first_week",
    *("hour", "all_topics", "trending", "max_papers", "created_at", "stopped_at"),
    "unread_weekday",
    *("next_digest_at", "last_digest_day", "covered_until", "paused_until"),
)
LIBRARY = (
    *("topic__position", "title", "authors", "arxiv_id", "doi", "venue", "url", "year", "note"),
    *("citation_key", "tags", "kept_at", "read_at"),
)
ZOTERO = (
    *("user_id", "username", "from_oauth", "may_write", "may_write_notes", "connected_at"),
    *("revoked_at", "collections", "out_collection", "out_collection_gone"),
    *("next_refresh_at", "next_upload_at"),
)
ZOTERO_COLLECTION = (
    *("topic__position", "key", "name", "references", "library_version", "refreshed_at"),
    "is_gone",
)
ZOTERO_UPLOAD = (
    *("identity", "title", "status", "problem", "detail", "attempts", "next_attempt_at"),
    *("item_key", "created_at", "sent_at"),
)
DIGEST = (
    *("public_id", "subscription__position", "day", "status", "reason", "subject", "items"),
    *("notices", "created_at"),
)
MESSAGE = (
    *("public_id", "kind", "about", "status", "reason", "created_at", "expires_at"),
    *("claimed_at", "attempts", "sent_at"),
)
EVENT = ("occurred_at", "kind", "provider", "provider_word", "detail", "day")


def export(reader: Subscriber) -> dict[str, Any]:
    """Return all data stored about a reader, by subject, as JSON-serializable values."""
    key = reader.community_key
    hashes = suppression.address_hashes(reader.email_key)
    return {
        "reader": {name: getattr(reader, name) for name in (*READER, *MOMENTS)},
        "consent": {name: getattr(reader, f"consent_{name}") for name in CONSENT}
        | {"confirmed_at": reader.confirmed_at, "unsubscribed_at": reader.unsubscribed_at},
        "topics": list(reader.topics.order_by("position").values(*TOPIC)),
        "subscriptions": [
            {name: getattr(one, name) for name in SUBSCRIPTION}
            | {"topics": [topic.position for topic in one.topics.order_by("position")]}
            for one in reader.subscriptions.order_by("position")
        ],
        "sign_ins": list(reader.sign_ins.order_by("created_at").values("created_at", "expires_at")),
        "reactions": _papers(
            reader.reactions.order_by("created_at"), "kind", "topic__position", "created_at"
        ),
        "opened": _papers(reader.opened.order_by("created_at"), "topic__position", "created_at"),
        "library": list(reader.library.order_by("kept_at").values(*LIBRARY)),
        "library_removed": [
            {"removed_at": one.removed_at, "entries": json.loads(one.entries)}
            for one in reader.library_removals.order_by("removed_at")
        ],
        "zotero": _zotero(reader),
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
    """Return the number of records of each kind, with an untranslated label."""
    key = reader.community_key
    return [
        (gettext_noop("Topics"), reader.topics.count()),
        (gettext_noop("Schedules"), reader.subscriptions.count()),
        (gettext_noop("Digests"), reader.digests.count()),
        (gettext_noop("Other emails"), reader.messages.count()),
        (gettext_noop("Reactions to papers"), reader.reactions.count()),
        (gettext_noop("Papers you opened here"), reader.opened.count()),
        (gettext_noop("Kept papers"), reader.library.count()),
        (gettext_noop("Papers sent to Zotero"), _sent_to_zotero(reader).count()),
        (gettext_noop("Votes"), Vote.objects.filter(created_by=key).count()),
        (gettext_noop("Proposals"), Submission.objects.filter(created_by=key).count()),
        (gettext_noop("Delivery records"), reader.delivery_events.count()),
    ]


def export_json(reader: Subscriber) -> str:
    """Return all data stored about a reader as JSON text."""
    return json.dumps(export(reader), cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)


def _zotero(reader: Subscriber) -> dict[str, Any] | None:
    """Return the reader's Zotero account without its key, which nobody is shown."""
    account = ZoteroAccount.objects.filter(subscriber=reader)
    if not (values := account.values(*ZOTERO).first()):
        return None
    chosen = ZoteroCollection.objects.filter(account__in=account).order_by("name", "pk")
    uploads = ZoteroUpload.objects.filter(account__in=account).order_by("created_at", "pk")
    return {
        **values,
        "examples": list(chosen.values(*ZOTERO_COLLECTION)),
        "uploads": list(uploads.values(*ZOTERO_UPLOAD)),
    }


def _sent_to_zotero(reader: Subscriber) -> QuerySet[ZoteroUpload]:
    uploads = ZoteroUpload.objects.filter(account__subscriber=reader)
    return uploads.filter(status=ZoteroUpload.Status.SENT)


def _papers(rows: QuerySet[Any], *names: str) -> list[dict[str, Any]]:
    """Return the rows as dictionaries, with the arXiv ID and title of their paper."""
    return list(rows.values(*names, "paper__arxiv_id", "paper__title"))


@transaction.atomic
def erase_reader(reader: Subscriber, now: datetime, requested_by: str = RequestedBy.READER) -> None:
    """Delete a reader and all related rows.

    Suppressions after complaints and bounces remain, since they contain only a hash.
    """
    Erasure.objects.update_or_create(
        address_hash=suppression.address_hashes(reader.email_key)[0],
        defaults={"erased_at": now, "requested_by": requested_by},
    )
    community.forget_reader(reader.community_key, now)
    _anonymize_log(reader.pk)
    reader.delete()


def was_erased(email_key: str) -> bool:
    """Return True if the reader with this address was erased, so that no import restores it."""
    return Erasure.objects.filter(address_hash__in=suppression.address_hashes(email_key)).exists()


def _anonymize_log(pk: int) -> None:
    """Remove the reader's name from the admin log, keeping the entries."""
    readers = ContentType.objects.get_for_model(Subscriber)
    entries = LogEntry.objects.filter(content_type=readers, object_id=str(pk))
    entries.update(object_repr="an erased reader")
