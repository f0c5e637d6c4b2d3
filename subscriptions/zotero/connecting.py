"""Connecting a reader's Zotero account, checking what its key may do, and disconnecting."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.db import transaction

from subscriptions.models import Subscriber, ZoteroAccount
from subscriptions.zotero.answers import KeyRights, read_collections, read_key
from subscriptions.zotero.api import PAGE_SIZE, Client, Denied, NotFound, Unavailable, ZoteroError
from subscriptions.zotero.encryption import UnreadableSecret, decrypt, encrypt

API_KEY = re.compile(r"[A-Za-z0-9]{16,64}")  # Zotero's have 24 characters
MAX_COLLECTIONS = 2000


def connect(reader: Subscriber, key: str, now: datetime, *, from_oauth: bool) -> ZoteroAccount:
    """Store a key, encrypted, after Zotero has said what it may do.

    The key of the same account replaces an earlier one; that of another account also removes what
    belongs to the earlier one. Raise `Denied` if the key is not valid or cannot read the library.
    """
    client = Client(key, now)
    rights = _key_rights(client)
    client.user_id = rights.user_id
    collections = load_collections(client, PAGE_SIZE)  # the refresh loads the others
    values = _account_values(rights) | {
        "encrypted_key": encrypt(key),
        "from_oauth": from_oauth,
        "connected_at": now,
        "revoked_at": None,
        "collections": collections,
        "next_refresh_at": now,
        "next_upload_at": now,
    }
    with transaction.atomic():
        Subscriber.objects.select_for_update(no_key=True).get(pk=reader.pk)
        ZoteroAccount.objects.filter(subscriber=reader).exclude(user_id=rights.user_id).delete()
        account, _created = ZoteroAccount.objects.update_or_create(
            subscriber=reader, defaults=values
        )
    return account


def _account_values(rights: KeyRights) -> dict[str, Any]:
    return {
        "user_id": rights.user_id,
        "username": rights.username,
        "may_write": rights.may_write,
        "may_write_notes": rights.may_write_notes,
    }


def _key_rights(client: Client) -> KeyRights:
    """Return the rights of the client's key; raise `Denied` if it cannot read the library."""
    try:
        rights = read_key(client.get("/keys/current"))
    except NotFound as error:
        raise Denied(error.status, error.detail) from None
    if rights is None:
        raise Unavailable(200, "the answer does not describe a key")
    if not rights.may_read:
        raise Denied(403, "the key cannot read the library")
    return rights


def open_client(account: ZoteroAccount, now: datetime) -> Client | None:
    """Return a client with the account's key, or None if the key can no longer be decrypted."""
    try:
        key = decrypt(account.encrypted_key)
    except UnreadableSecret:
        revoke(account, now)
        return None
    return Client(key, now, account.user_id)


def check_key(account: ZoteroAccount, client: Client) -> bool:
    """Record what the key may do; return False if it is no longer valid.

    Raise a `ZoteroError` if Zotero cannot be asked.
    """
    try:
        rights = _key_rights(client)
    except Denied:
        rights = None
    if rights is None or rights.user_id != account.user_id:
        revoke(account, client.now)
        return False
    _update(account, **_account_values(rights))
    return True


def revoke(account: ZoteroAccount, now: datetime) -> None:
    """Record that the key is not valid. Nothing is asked of Zotero until the reader reconnects."""
    _update(account, revoked_at=now)


def load_collections(client: Client, most: int) -> list[dict[str, str]]:
    """Return `key` and `name` of the collections."""
    listing = client.read_list(client.library("/collections"), most)
    return read_collections(listing.entries if listing else [])


def update_collections(account: ZoteroAccount, client: Client) -> None:
    """Load the collections again; note if the one for kept papers is gone."""
    collections = load_collections(client, MAX_COLLECTIONS)
    keys = {one["key"] for one in collections}
    gone = bool(account.out_collection) and account.out_collection not in keys
    _update(account, collections=collections, out_collection_gone=gone)


def _update(account: ZoteroAccount, **values: Any) -> None:
    for name, value in values.items():
        setattr(account, name, value)
    ZoteroAccount.objects.filter(pk=account.pk).update(**values)


def disconnect(account: ZoteroAccount, now: datetime, *, delete_key: bool) -> bool:
    """Forget the account, its collections and uploads; return whether Zotero deleted the key.

    Without `delete_key`, Zotero is not asked. Items in Zotero stay there.
    """
    deleted = False
    if delete_key and (client := open_client(account, now)):
        try:
            client.call("DELETE", "/keys/current")
            deleted = True
        except (Denied, NotFound):
            deleted = True  # it was not valid any more
        except ZoteroError:
            deleted = False
    account.delete()
    return deleted
