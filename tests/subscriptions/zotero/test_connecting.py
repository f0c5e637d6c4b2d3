"""Connecting and disconnecting a Zotero account."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from papers.models import Paper
from subscriptions.library.keeping import keep_paper
from subscriptions.models import Subscriber, ZoteroAccount, ZoteroUpload
from subscriptions.zotero import connecting, encryption, examples, uploads
from subscriptions.zotero.api import Client, Denied, Unavailable
from tests.subscriptions.zotero.conftest import IN, OUT, Clock
from tests.subscriptions.zotero.server import KEY, USER, Fault, Zotero

pytestmark = pytest.mark.django_db


def test_a_key_is_stored_encrypted_with_what_it_may_do(
    account: ZoteroAccount, clock: Clock
) -> None:
    assert (account.user_id, account.username) == (USER, "ada-reads")
    assert (account.may_write, account.may_write_notes) == (True, True)
    assert [one["name"] for one in account.collections] == ["Kept papers", "Reading"]
    assert KEY not in account.encrypted_key
    assert encryption.decrypt(account.encrypted_key) == KEY
    assert KEY not in repr(Client(KEY, clock()))


@pytest.mark.parametrize(
    ("access", "fault", "error"),
    [
        ({}, Fault(403, b"Invalid key"), Denied),
        ({}, Fault(404, b"Key not found"), Denied),
        ({"library": False}, None, Denied),
        ({}, Fault(500), Unavailable),
        ({}, Fault(cut=True), Unavailable),
        ({}, Fault(body=b"[]", status=200), Unavailable),
    ],
)
def test_a_key_that_cannot_be_used_is_not_stored(
    zotero: Zotero, reader: Subscriber, clock: Clock, access: Any, fault: Any, error: Any
) -> None:
    zotero.access |= access
    zotero.faults += [fault] if fault else []
    with pytest.raises(error) as raised:
        connecting.connect(reader, KEY, clock(), from_oauth=False)
    assert KEY not in str(raised.value)
    assert not ZoteroAccount.objects.exists()


def test_the_key_of_another_account_removes_what_belongs_to_the_first(
    account: ZoteroAccount, reader: Subscriber, zotero: Zotero, clock: Clock
) -> None:
    examples.choose_collection(account, IN, reader.first_topic, clock())
    connecting.connect(reader, KEY, clock(), from_oauth=False)
    assert ZoteroAccount.objects.get().chosen.exists()
    ZoteroAccount.objects.update(user_id=USER + 1)
    connecting.connect(reader, KEY, clock(), from_oauth=False)
    assert not ZoteroAccount.objects.get().chosen.exists()


def test_a_key_is_readable_after_a_rotation_and_encrypted_again_by_the_refresh(
    account: ZoteroAccount, clock: Clock, settings: Any
) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, just as long and random as the first one was"
    assert encryption.decrypt(account.encrypted_key) == KEY
    examples.refresh_account(account.pk, clock)
    settings.SECRET_KEY_FALLBACKS = []
    account.refresh_from_db()
    assert encryption.decrypt(account.encrypted_key) == KEY


def test_a_key_that_cannot_be_decrypted_counts_as_revoked(
    account: ZoteroAccount, clock: Clock, settings: Any, zotero: Zotero
) -> None:
    settings.SECRET_KEY = "another key, just as long and random as the first one was"
    examples.refresh_account(account.pk, clock)
    account.refresh_from_db()
    assert account.revoked_at == clock()
    assert zotero.requests == []


def test_a_revoked_key_stops_everything_until_the_reader_reconnects(
    account: ZoteroAccount, reader: Subscriber, papers: list[Paper], zotero: Zotero, clock: Clock
) -> None:
    keep_paper(reader, papers[0], clock())
    zotero.keys.clear()
    uploads.upload_kept_papers(account.pk, clock, lambda: False)
    account.refresh_from_db()
    assert account.revoked_at == clock()
    upload = account.uploads.get()
    assert (upload.status, upload.attempts) == (ZoteroUpload.Status.PENDING, 0)
    zotero.requests.clear()
    clock.forward(days=2)
    assert not ZoteroAccount.objects.due_for_upload(clock()).exists()
    assert not ZoteroAccount.objects.due_for_refresh(clock()).exists()
    examples.refresh_account(account.pk, clock)
    uploads.upload_kept_papers(account.pk, clock, lambda: False)
    assert zotero.requests == []
    zotero.keys.add(KEY)
    connecting.connect(reader, KEY, clock(), from_oauth=False)
    uploads.upload_kept_papers(account.pk, clock, lambda: False)
    assert len(zotero.in_collection(OUT)) == 1


def test_a_key_that_lost_the_right_to_write_keeps_papers_waiting(
    account: ZoteroAccount, reader: Subscriber, papers: list[Paper], zotero: Zotero, clock: Clock
) -> None:
    keep_paper(reader, papers[0], clock())
    zotero.access["write"] = False
    uploads.upload_kept_papers(account.pk, clock, lambda: False)
    account.refresh_from_db()
    assert (account.may_write, account.revoked_at) == (False, None)
    assert account.uploads.get().status == ZoteroUpload.Status.PENDING
    assert not ZoteroAccount.objects.due_for_upload(clock()).exists()
    zotero.access["write"] = True
    examples.refresh_account(account.pk, clock)
    clock.forward(hours=1)
    uploads.upload_kept_papers(account.pk, clock, lambda: False)
    assert len(zotero.in_collection(OUT)) == 1


def test_papers_wait_if_their_collection_was_deleted(
    account: ZoteroAccount, reader: Subscriber, papers: list[Paper], zotero: Zotero, clock: Clock
) -> None:
    keep_paper(reader, papers[0], clock())
    del zotero.collections[OUT]
    uploads.upload_kept_papers(account.pk, clock, lambda: False)
    account.refresh_from_db()
    assert account.out_collection_gone
    assert zotero.items == {}
    uploads.choose_out_collection(account, IN, clock())
    uploads.upload_kept_papers(account.pk, clock, lambda: False)
    assert len(zotero.in_collection(IN)) == 1


@pytest.mark.parametrize("delete_key", [True, False])
def test_disconnecting_forgets_the_account_and_deletes_the_key_if_asked(
    account: ZoteroAccount, zotero: Zotero, clock: Clock, delete_key: bool
) -> None:
    deleted = connecting.disconnect(account, clock(), delete_key=delete_key)
    assert deleted == delete_key
    assert (KEY in zotero.keys) != delete_key
    assert not ZoteroAccount.objects.exists()


def test_disconnecting_works_while_zotero_is_down(
    account: ZoteroAccount, zotero: Zotero, clock: Clock
) -> None:
    zotero.faults.append(Fault(503))
    assert not connecting.disconnect(account, clock(), delete_key=True)
    assert not ZoteroAccount.objects.exists()


def test_no_log_line_has_the_key(
    account: ZoteroAccount,
    reader: Subscriber,
    papers: list[Paper],
    zotero: Zotero,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    keep_paper(reader, papers[0], clock())
    zotero.faults.append(Fault(500, f"Key {KEY} is broken".encode(), method="POST"))
    with caplog.at_level(logging.DEBUG):
        uploads.upload_kept_papers(account.pk, clock, lambda: False)
        examples.refresh_account(account.pk, clock)
    assert KEY not in caplog.text
    assert KEY not in account.uploads.get().detail
    assert all(KEY not in path for _method, path, _headers in zotero.requests)
