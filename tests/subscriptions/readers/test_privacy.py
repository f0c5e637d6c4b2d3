"""What we know of a reader is theirs to take and to delete. Promise 32."""

from __future__ import annotations

import json
from datetime import datetime
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from papers import community
from papers.models import Paper, Submission, Vote
from subscriptions.editions import digests
from subscriptions.library.changes import remove_entries
from subscriptions.library.keeping import keep_paper
from subscriptions.mail import suppression
from subscriptions.mail.addresses import email_key
from subscriptions.models import (
    DeliveryEvent,
    Digest,
    Erasure,
    LibraryEntry,
    LibraryRemoval,
    Message,
    OpenedPaper,
    Reaction,
    SignIn,
    Subscriber,
    Subscription,
    Topic,
    ZoteroAccount,
    ZoteroCollection,
    ZoteroUpload,
)
from subscriptions.profiles import reading_history
from subscriptions.readers import lifecycle, privacy, signup
from subscriptions.zotero import encryption, uploads
from tests.pages import Page
from tests.subscriptions.conftest import MakeReader
from tests.subscriptions.messages import sign_up

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
ADDRESS = "Ada.Reader@Example.org"
ZOTERO_KEY = "K3yOfTheReader23456789ab"


@pytest.fixture
def reader(edition: list[Paper], now: datetime) -> Subscriber:
    """A reader who did everything a reader can do."""
    asked = signup.SignUpRequest(email=ADDRESS, timezone="Europe/Rome", page="/x/", ip="192.0.2.7")
    reader = signup.request_sign_up(asked, now)
    lifecycle.activate_reader(reader, now)
    Subscription.objects.filter(subscriber=reader.pk).update(next_digest_at=now)
    Topic.objects.filter(subscriber=reader).update(text="language models", words=["agents"])
    digests.build_due_digests([reader.pk], now)
    first, second = edition[:2]
    Reaction.objects.create(
        subscriber=reader, topic=reader.first_topic, paper=first, kind="more", created_at=now
    )
    reading_history.start_recording(reader.pk, now)
    reading_history.record_opened(reader.pk, second.pk, now)
    entry = keep_paper(reader, first, now)
    entry.note, entry.tags = "read on the train", ["thesis"]
    entry.save()
    keep_paper(reader, second, now)
    remove_entries(reader, reader.library.filter(paper=second), now)
    connect_zotero(reader, now)
    community.add_vote(first.pk, reader.community_key, now)
    community.propose_paper("2604.77777", "my own work", reader.community_key, now)
    back: dict[str, Any] = {
        "provider": "x",
        "occurred_at": now,
        "received_at": now,
        "digest": reader.digests.get(),
    }
    DeliveryEvent.objects.create(key="k", kind="delivered", subscriber=reader, **back)
    reader.refresh_from_db()
    return reader


def connect_zotero(reader: Subscriber, now: datetime) -> None:
    """Connect an account with a collection of examples, and plan the upload of kept papers."""
    account = ZoteroAccount.objects.create(
        subscriber=reader,
        user_id=4711,
        username="ada-reads",
        encrypted_key=encryption.encrypt(ZOTERO_KEY),
        from_oauth=False,
        may_write=True,
        may_write_notes=True,
        connected_at=now,
        next_refresh_at=now,
        next_upload_at=now,
    )
    account.chosen.create(topic=reader.first_topic, key="READING2", name="For the thesis")
    uploads.plan_uploads(account, now)


def every_value() -> str:
    """All that the database holds, as one text."""
    rows = [list(model._default_manager.values()) for model in apps.get_models()]
    return str(rows).casefold()


@pytest.mark.promise(32)
def test_consent_is_recorded_with_time_place_text_and_confirmation(
    reader: Subscriber, now: datetime
) -> None:
    consent = privacy.export(reader)["consent"]
    assert consent == {
        "text": str(signup.CONSENT),
        "page": "/x/",
        "ip": "192.0.2.7",
        "at": now,
        "confirmed_at": now,
        "unsubscribed_at": None,
    }


@pytest.mark.promise(32)
def test_a_sign_up_for_an_active_address_leaves_its_consent_unchanged(
    reader: Subscriber, now: datetime
) -> None:
    later = now.replace(hour=20)
    signup.request_sign_up(
        signup.SignUpRequest(ADDRESS, "UTC", "/elsewhere/", "198.51.100.1"), later
    )
    reader.refresh_from_db()
    assert (reader.consent_page, reader.consent_at, reader.signup_requested_at) == (
        "/x/",
        now,
        later,
    )


@pytest.mark.promise(32)
def test_the_export_holds_everything_a_reader_did(reader: Subscriber, edition: list[Paper]) -> None:
    found = json.loads(privacy.export_json(reader))
    assert (
        found["reader"]["email"] == "Ada.Reader@example.org" or found["reader"]["email"] == ADDRESS
    )
    assert found["topics"][0]["text"] == "language models"
    assert found["subscriptions"][0]["next_digest_at"]
    assert found["reader"]["opened_recorded_since"]
    assert found["reactions"][0]["paper__title"] == edition[0].title
    assert found["opened"][0]["paper__title"] == edition[1].title
    assert found["library"][0]["title"] == edition[0].title
    assert found["library"][0]["note"] == "read on the train"
    [removed] = found["library_removed"][0]["entries"]
    assert removed["fields"]["title"] == edition[1].title
    assert found["zotero"]["username"] == "ada-reads"
    assert found["zotero"]["examples"][0]["name"] == "For the thesis"
    assert found["zotero"]["uploads"][0]["title"] == edition[0].title
    assert found["votes"][0]["paper__arxiv_id"] == edition[0].arxiv_id
    assert found["proposals"][0]["note"] == "my own work"
    assert found["digests"][0]["items"]
    assert found["digests"][0]["subscription__position"] == 0
    assert found["what_came_back"][0]["kind"] == "delivered"


@pytest.mark.promise(32)
def test_every_column_about_a_reader_is_exported_or_left_out_for_a_reason() -> None:
    """A column that is added must be thought of here."""
    not_theirs = {"id", "email_key"} | {f"consent_{name}" for name in privacy.CONSENT}
    not_theirs |= {"confirmed_at", "unsubscribed_at"}  # in the export, among the consent
    columns = {field.name for field in Subscriber._meta.concrete_fields} - not_theirs
    assert columns == {*privacy.READER, *privacy.MOMENTS}
    for model, exported in (
        (Topic, privacy.TOPIC),
        (Subscription, privacy.SUBSCRIPTION),
        (LibraryEntry, {*privacy.LIBRARY, "topic", "paper", "identity"} - {"topic__position"}),
        (ZoteroAccount, {*privacy.ZOTERO, "encrypted_key"}),
        (ZoteroCollection, {*privacy.ZOTERO_COLLECTION, "topic"} - {"topic__position"}),
        (ZoteroUpload, {*privacy.ZOTERO_UPLOAD, "entry", "write_token"}),
    ):
        columns = {field.name for field in model._meta.concrete_fields}
        assert columns - {"id", "subscriber", "account"} == set(exported)
    pointing = {one.related_model for one in Subscriber._meta.related_objects}
    assert pointing == {
        *(
            Topic,
            Subscription,
            LibraryEntry,
            LibraryRemoval,
            SignIn,
            Reaction,
            OpenedPaper,
            Digest,
            DeliveryEvent,
            Message,
            ZoteroAccount,
        )
    }


@pytest.mark.promise(32)
def test_the_key_of_another_service_is_neither_exported_nor_stored_as_it_is(
    reader: Subscriber,
) -> None:
    text = privacy.export_json(reader)
    assert ZOTERO_KEY not in text
    assert reader.zotero.encrypted_key not in text
    assert ZOTERO_KEY.casefold() not in every_value()


@pytest.mark.promise(32)
def test_erasing_leaves_nothing_but_a_keyed_hash(
    reader: Subscriber, edition: list[Paper], now: datetime
) -> None:
    assert "ada.reader" in every_value()
    key, hashes = reader.community_key, suppression.address_hashes(reader.email_key)
    privacy.erase_reader(reader, now)
    left = every_value()
    assert "ada.reader" not in left
    assert key not in left
    assert "my own work" not in left
    assert "read on the train" not in left
    assert "ada-reads" not in left
    assert "for the thesis" not in left
    assert Erasure.objects.get().address_hash in hashes
    assert not Vote.objects.exists()
    assert Submission.objects.get().created_by == ""
    edition[0].refresh_from_db()
    assert edition[0].site_votes == 0


@pytest.mark.promise(32)
def test_an_erased_address_is_recognised_by_imports_after_key_rotation(
    reader: Subscriber, now: datetime, settings: Any
) -> None:
    privacy.erase_reader(reader, now)
    assert privacy.was_erased(email_key(ADDRESS))
    assert not privacy.was_erased("somebody@example.org")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = settings.SUPPRESSION_KEY = "a new key of no importance"
    assert privacy.was_erased(email_key(ADDRESS))


def test_who_was_erased_may_sign_up_anew_with_a_new_consent(
    reader: Subscriber, now: datetime
) -> None:
    privacy.erase_reader(reader, now)
    again = signup.request_sign_up(signup.SignUpRequest(ADDRESS, "UTC", "/y/", None), now)
    assert again.status == Subscriber.Status.PENDING
    assert lifecycle.activate_reader(again, now)


def test_erasing_twice_at_once_changes_nothing(reader: Subscriber, now: datetime) -> None:
    same = Subscriber.objects.get(pk=reader.pk)
    privacy.erase_reader(reader, now)
    privacy.erase_reader(same, now)
    assert Erasure.objects.count() == 1


def test_a_complaint_outlives_the_erasure(make_reader: MakeReader, now: datetime) -> None:
    reader = make_reader()
    suppression.suppress_readers({reader.pk: "complaint"}, now)
    reader.refresh_from_db()
    privacy.erase_reader(reader, now)
    signup.request_sign_up(signup.SignUpRequest("reader@example.org", "UTC", "/", None), now)
    sign_up("reader@example.org", now)
    assert Message.objects.get().status == "suppressed"


@pytest.mark.parametrize("way", ["page", "action"])
@pytest.mark.promise(32)
def test_deleting_a_reader_in_the_admin_is_an_erasure(
    admin_client: Client, reader: Subscriber, way: str
) -> None:
    """The admin's own log keeps no name either."""
    name = "admin:subscriptions_subscriber"
    if way == "page":
        asked = Page.open(admin_client, reverse(f"{name}_delete", args=[reader.pk]))
    else:
        page = Page.open(admin_client, reverse(f"{name}_changelist"))
        asked = page.submit("Go", action="delete_selected", _selected_action=[f"{reader.pk}"])
    asked.submit("Yes, I’m sure")
    assert Erasure.objects.get().requested_by == "operator"
    assert LogEntry.objects.get().object_repr == "an erased reader"
    assert "ada.reader" not in every_value()


@pytest.mark.promise(32)
def test_the_operator_exports_and_erases_by_command(reader: Subscriber) -> None:
    out = StringIO()
    call_command("privacy", "export", ADDRESS.upper(), stdout=out)
    assert json.loads(out.getvalue())["topics"][0]["words"] == ["agents"]
    call_command("privacy", "erase", ADDRESS, stdout=out)
    assert not Subscriber.objects.exists()
    with pytest.raises(CommandError, match="No reader"):
        call_command("privacy", "erase", ADDRESS, stdout=out)
