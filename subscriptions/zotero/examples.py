"""Papers of chosen Zotero collections as examples of topics.

A refresh reads the newest papers of a collection again whenever the library has a new version, and
replaces the examples. So papers that were deleted in Zotero, or moved out of the collection,
disappear. The reader's own examples are other columns of the topic and are not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from subscriptions.models import Topic, ZoteroAccount, ZoteroCollection
from subscriptions.profiles.references import MAX_EXAMPLES
from subscriptions.zotero import connecting
from subscriptions.zotero.answers import read_examples
from subscriptions.zotero.api import Client, NotFound, Unavailable, ZoteroError
from subscriptions.zotero.encryption import renew

REFRESH_EVERY = timedelta(days=1)
RETRY_AFTER = timedelta(hours=1)
MAX_CHOSEN = 20  # collections of a reader
MAX_READ = 2 * MAX_EXAMPLES  # items of a collection; some are notes and attachments
Clock = Callable[[], datetime]


def choose_collection(account: ZoteroAccount, key: str, topic: Topic, now: datetime) -> None:
    """Make a collection's papers examples of a topic; they are loaded by the next refresh.

    A collection that was chosen already moves to this topic.
    """
    name = account.collection_name(key)
    if not name:
        raise ValidationError(_("This collection isn't in Zotero any more. Choose another."))
    if account.chosen.exclude(key=key).count() >= MAX_CHOSEN:
        raise ValidationError(
            _("You've chosen %(most)s collections, which is the maximum. Remove one first.")
            % {"most": MAX_CHOSEN}
        )
    account.chosen.update_or_create(key=key, defaults={"topic": topic, "name": name})
    request_refresh(account, now)


def request_refresh(account: ZoteroAccount, now: datetime) -> None:
    """Make the account due for a refresh."""
    ZoteroAccount.objects.filter(pk=account.pk).update(next_refresh_at=now)


def refresh_account(pk: int, clock: Clock) -> None:
    """Refresh an account that is due: its rights, collections and examples. Safe to repeat."""
    if not ZoteroAccount.objects.claim(pk, "next_refresh_at", clock()):
        return
    account = ZoteroAccount.objects.get(pk=pk)
    client = connecting.open_client(account, clock())
    if client is None:
        return
    wait = REFRESH_EVERY
    try:
        _refresh(account, client)
    except ZoteroError:
        wait = max(RETRY_AFTER, client.pause)
    ZoteroAccount.objects.filter(pk=pk).update(next_refresh_at=clock() + wait)


def _refresh(account: ZoteroAccount, client: Client) -> None:
    """Refresh everything; stop if Zotero asks for a pause."""
    if not connecting.check_key(account, client):
        return
    encrypted = renew(account.encrypted_key)
    ZoteroAccount.objects.filter(pk=account.pk).update(encrypted_key=encrypted)
    connecting.update_collections(account, client)
    names = {one["key"]: one["name"] for one in account.collections}
    for chosen in account.chosen.all():
        if client.pause:
            raise Unavailable(200, "Zotero asks for a pause")
        _refresh_collection(chosen, names.get(chosen.key, chosen.name), client)


def _refresh_collection(chosen: ZoteroCollection, name: str, client: Client) -> None:
    path = client.library(f"/collections/{chosen.key}/items/top")
    order = {"sort": "dateAdded", "direction": "desc"}
    rows = ZoteroCollection.objects.filter(pk=chosen.pk)
    try:
        listing = client.read_list(path, MAX_READ, since=chosen.library_version, **order)
    except NotFound:
        rows.update(is_gone=True, references=[], library_version=0, refreshed_at=client.now)
        return
    if listing is None:
        rows.update(refreshed_at=client.now)
        return
    rows.update(
        is_gone=False,
        name=name,
        references=read_examples(listing.entries)[:MAX_EXAMPLES],
        library_version=listing.version,
        refreshed_at=client.now,
    )
