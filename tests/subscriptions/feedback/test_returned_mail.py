"""Mail that comes to us: whose it is, and where it is read from. Promise 36."""

from __future__ import annotations

import imaplib
import io
import mailbox as std_mailbox
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from operations import doctor
from operations.findings import Level
from subscriptions import tasks, tokens
from subscriptions.delivery import mailing_run
from subscriptions.editions import digests
from subscriptions.feedback import returned_mail
from subscriptions.feedback.record import record_events
from subscriptions.mail import digest_mail, emails, transactional
from subscriptions.models import DeliveryEvent, Digest, Subscriber, Suppression
from subscriptions.tokens import Purpose, ReturnPath
from tests.shared_data import needs_shared_data
from tests.subscriptions.conftest import MakeDigest, MakeReader, Sink
from tests.subscriptions.feedback.test_bounce_parser import FLUFL, SISIMAI, mails
from tests.subscriptions.messages import sign_up
from tests.subscriptions.returned import absence, complaint, delayed, dsn, letter

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def bounce_address(settings: Any) -> None:
    settings.BOUNCE_EMAIL = "bounces@example.net"


@pytest.fixture
def digest(make_digest: MakeDigest) -> Digest:
    return make_digest(status="uncertain", claimed_at=timezone.now() - timedelta(hours=1))


def sealed(digest: Digest) -> str:
    return ReturnPath(ReturnPath.DIGEST, digest.pk).address()


def states(digest: Digest) -> tuple[str, str]:
    digest.refresh_from_db()
    return digest.status, Subscriber.objects.get(pk=digest.subscriber_id).status


# --- Whose it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["return path", "envelope", "lower case", "message id"])
def test_a_bounce_finds_its_digest(digest: Digest, by: str) -> None:
    raw, envelope = dsn(to=sealed(digest)), ""
    if by == "envelope":
        raw, envelope = dsn(), sealed(digest)
    elif by == "lower case":
        raw = dsn(to=sealed(digest).upper())
    elif by == "message id":
        raw = dsn(message_id=digest_mail.message_id(digest))
    for _ in range(3):
        assert returned_mail.process_mail(raw, timezone.now(), sent_to=envelope) == "bounce"
        assert states(digest) == ("failed", "suppressed")
    assert DeliveryEvent.objects.get().provider_word == "5.1.1"


@pytest.mark.parametrize(
    ("raw", "what", "becomes"),
    [
        (delayed, "delayed", ("sent", "active")),
        (complaint, "complaint", ("sent", "suppressed")),
        (lambda to: absence(to=to), "auto_reply", ("sent", "active")),
        (lambda to: dsn(to=to, status="5.2.2"), "bounce", ("failed", "active")),
        (
            lambda to: dsn(to=to, status="5.2.1", diagnostic="smtp; 550 5.2.1 policy"),
            *("bounce", ("failed", "active")),
        ),
        (lambda to: dsn(to=to, action="delivered"), "delivered", ("sent", "active")),
        (lambda to: dsn(to=to, action="relayed"), "relayed", ("sent", "active")),
        (lambda to: complaint(to=to, kind="opt-out"), "opt_out", ("sent", "unsubscribed")),
    ],
)
def test_each_kind_of_mail_has_its_consequence(
    digest: Digest, raw: Any, what: str, becomes: tuple[str, str]
) -> None:
    assert returned_mail.process_mail(raw(to=sealed(digest)), timezone.now()) == what
    assert states(digest) == becomes


@pytest.mark.parametrize("kind", ["auth-failure", "not-spam", "dmarc", "never heard of"])
@pytest.mark.promise(50)
def test_an_automatic_report_changes_nothing(digest: Digest, kind: str) -> None:
    raw = complaint(message_id=digest_mail.message_id(digest), to=sealed(digest), kind=kind)
    assert returned_mail.process_mail(raw, timezone.now()) == returned_mail.IGNORED
    assert states(digest) == ("uncertain", "active")
    assert not Suppression.objects.exists()


def test_a_bounce_of_strange_characters_is_written_down(digest: Digest) -> None:
    raw = dsn(to=sealed(digest), diagnostic="smtp; 550 5.1.1 \0 \ud800 \u202e no such user")
    assert returned_mail.process_mail(raw, timezone.now()) == "bounce"
    assert DeliveryEvent.objects.get().kind == "hard"


@pytest.mark.parametrize(
    "raw",
    [
        complaint(kind="auth-failure"),
        dsn(),  # names the reader's address, which anybody can write
        complaint(),
        dsn(to="bounces+d1-aaaaaaaaaaaaaaaa@example.net"),
        dsn(to="bounces+d99999999999999999-aaaaaaaaaaaaaaaa@example.net"),
        dsn(message_id="<00000000-0000-4000-8000-000000000000@localhost.localdomain>"),
        letter("hello"),
        b"",
    ],
)
@pytest.mark.promise(36)
def test_an_email_without_our_signature_suppresses_nobody(
    digest: Digest, now: datetime, raw: bytes
) -> None:
    assert returned_mail.process_mail(raw, timezone.now()) == returned_mail.IGNORED
    assert states(digest) == ("uncertain", "active")
    assert not DeliveryEvent.objects.exists()


@pytest.mark.promise(36)
def test_a_digest_that_was_never_sent_cannot_bounce(make_digest: MakeDigest, now: datetime) -> None:
    waiting = make_digest(status="pending", claimed_at=None)
    assert returned_mail.process_mail(dsn(to=sealed(waiting)), now) == returned_mail.IGNORED
    assert states(waiting) == ("pending", "active")


@needs_shared_data
@pytest.mark.promise(36)
def test_bounce_corpora_suppress_nobody(
    make_reader: MakeReader, make_digest: MakeDigest, now: datetime
) -> None:
    for name in ("kijitora@example.jp", "userx@example.uk", "anne.person@dom.ain"):
        make_digest(make_reader(name))
    for path in [*mails(SISIMAI), *mails(FLUFL)]:
        assert returned_mail.process_mail(path.read_bytes(), now) == returned_mail.IGNORED, (
            path.name
        )
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}
    assert not Suppression.objects.exists()
    assert not DeliveryEvent.objects.exists()


def test_return_paths_survive_a_new_secret_key(settings: Any) -> None:
    address = ReturnPath(ReturnPath.DIGEST, 17).address()
    assert len(address.partition("@")[0]) <= 64
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new key of no importance"
    assert tokens.read_return_path(address) == ReturnPath("d", 17)
    for forged in (address.replace("d17", "d18"), address.replace("d17", "r17"), "a@b.org", ""):
        assert tokens.read_return_path(forged) is None


# --- What went out leads back ---------------------------------------------------------------------


def test_a_digest_leaves_with_a_return_path_of_its_own_and_comes_back(
    edition: Any, make_reader: MakeReader, smtp: Sink, now: datetime, settings: Any
) -> None:
    pks = [make_reader(f"{n}@e.org", {"text": "language models"}).pk for n in range(2)]
    mailing_run.deliver_digests(digests.build_due_digests(pks, now), lambda: now)
    assert [message["From"] for message in smtp.accepted] == [settings.DEFAULT_FROM_EMAIL] * 2
    first, second = smtp.senders
    assert first != second
    assert first.startswith("bounces+d")
    assert returned_mail.process_mail(dsn(to=first), now + timedelta(hours=1)) == "bounce"
    statuses = Subscriber.objects.order_by("pk").values_list("status", flat=True)
    assert list(statuses) == ["suppressed", "active"]


@pytest.mark.usefixtures("redis")
def test_a_confirmation_leaves_with_a_return_path_too(
    make_reader: MakeReader, smtp: Sink, now: datetime, settings: Any
) -> None:
    reader = make_reader(status="pending", confirmed_at=None)
    sign_up(reader.email, now)
    assert smtp.accepted[0]["From"] == settings.DEFAULT_FROM_EMAIL
    assert returned_mail.process_mail(dsn(to=smtp.senders[0]), now) == "bounce"
    reader.refresh_from_db()
    assert reader.status == "suppressed"


def test_with_a_provider_or_without_a_mailbox_the_sender_is_our_own(
    make_reader: MakeReader, settings: Any
) -> None:
    reader = make_reader()
    settings.ANYMAIL_PROVIDER = "postmark"
    message = transactional.write_message("preferences_link", timezone.now(), reader)
    assert emails.render_message(message).return_path == ""
    settings.ANYMAIL_PROVIDER, settings.BOUNCE_EMAIL = "", ""
    assert emails.render_message(message).return_path == ""


# --- Unsubscribing by mail ------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["unsubscribe {}", "Re: unsubscribe {}", "Unsubscribe: {}"])
def test_an_unsubscribe_mail_unsubscribes_once(
    make_reader: MakeReader, now: datetime, form: str
) -> None:
    reader = make_reader()
    raw = letter(form.format(tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)))
    for _ in range(3):
        assert returned_mail.process_mail(raw, now) == returned_mail.UNSUBSCRIBED
        reader.refresh_from_db()
        assert (reader.status, reader.unsubscribed_at) == ("unsubscribed", now)


@pytest.mark.parametrize(
    "form",
    [
        "unsubscribe%20{encoded}",
        "unsubscribe%2520{twice}",
        "unsubscribe {encoded}",
        "Re: unsubscribe%20{token}",
        "unsubscribe {token}.",
        "unsubscribe {token};",
        "unsubscribe <{token}>",
        'unsubscribe "{token}"',
        "unsubscribe '{token}',",
        "unsubscribe: “{token}”",
        "unsubscribe=({token})",
    ],
)
def test_a_subject_that_the_mail_program_left_encoded_or_put_in_quotes_unsubscribes(
    make_reader: MakeReader, now: datetime, form: str
) -> None:
    reader = make_reader()
    token = tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)
    encoded = quote(token, safe="")
    subject = form.format(token=token, encoded=encoded, twice=quote(encoded, safe=""))
    assert returned_mail.process_mail(letter(subject), now) == returned_mail.UNSUBSCRIBED
    reader.refresh_from_db()
    assert reader.status == "unsubscribed"


def test_the_subject_that_a_digest_offers_is_the_one_that_works(
    edition: Any, make_reader: MakeReader, smtp: Sink, now: datetime
) -> None:
    reader = make_reader(topic={"text": "language models"})
    mailing_run.deliver_digests(digests.build_due_digests([reader.pk], now), lambda: now)
    by_mail = str(smtp.accepted[0]["List-Unsubscribe"]).rpartition("subject=")[2].strip(">")
    message = EmailMessage()
    message["Subject"] = by_mail.replace("%20", " ").replace("%3A", ":")
    message["Auto-Submitted"] = "auto-replied"  # as Apple Mail marks it
    assert returned_mail.process_mail(message.as_bytes(), now) == returned_mail.UNSUBSCRIBED


@pytest.mark.parametrize("token", ["", "{pk}", "{pk}:1xVhgY:forged", "{other}", "{cut}"])
def test_a_forged_or_missing_token_unsubscribes_nobody(
    make_reader: MakeReader, now: datetime, token: str
) -> None:
    reader = make_reader()
    good = tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)
    said = token.format(
        pk=reader.pk, other=tokens.make_token(Purpose.PREFERENCES, reader.pk), cut=good[:-1]
    )
    assert returned_mail.process_mail(letter(f"unsubscribe {said}"), now) == returned_mail.IGNORED
    assert (
        returned_mail.process_mail(letter("unsubscribe", f"please, {reader.email}"), now)
        == returned_mail.IGNORED
    )
    reader.refresh_from_db()
    assert reader.status == "active"


# --- Where it is read from ------------------------------------------------------------------------


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("read_bounces", *arguments, stdout=out, **options)
    return out.getvalue().strip()


def test_files_directories_and_mboxes_are_read(digest: Digest, tmp_path: Path) -> None:
    (tmp_path / "one.eml").write_bytes(dsn(to=sealed(digest)))
    (tmp_path / "two.eml").write_bytes(letter("hello"))
    box = std_mailbox.mbox(tmp_path / "box")
    box.add(delayed(to=sealed(digest)))
    box.add(absence(to=sealed(digest)))
    box.close()
    assert run(str(tmp_path)) == "mails=4 auto_reply=1 bounce=1 delayed=1 ignored=1"
    assert run(str(tmp_path / "one.eml")) == "mails=1 bounce=1"
    assert run(str(tmp_path)) == "mails=4 auto_reply=1 bounce=1 delayed=1 ignored=1"
    assert DeliveryEvent.objects.count() == 3
    assert states(digest) == ("failed", "suppressed")


def test_a_maildir_keeps_only_what_was_not_ours(digest: Digest, tmp_path: Path) -> None:
    box = std_mailbox.Maildir(tmp_path / "Maildir")
    box.add(dsn(to=sealed(digest)))
    box.add(letter("hello"))
    assert run(str(tmp_path / "Maildir")) == "mails=2 bounce=1 ignored=1"
    assert run(str(tmp_path / "Maildir")) == "mails=0"
    [left] = std_mailbox.Maildir(tmp_path / "Maildir")
    assert (left.get_subdir(), left.get_flags(), left["Subject"]) == ("cur", "S", "hello")


def test_a_mail_is_piped_in(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(dsn())))
    assert run("-", to=sealed(digest)) == "mails=1 bounce=1"
    assert states(digest) == ("failed", "suppressed")


def test_what_cannot_be_read_is_said(settings: Any, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        run(str(tmp_path / "missing"))
    with pytest.raises(CommandError, match="BOUNCE_MAILBOX_URL"):
        run()
    settings.BOUNCE_MAILBOX_URL = "imap://a:b@127.0.0.1:1/INBOX"
    with pytest.raises(CommandError, match=r"mailbox at 127\.0\.0\.1 cannot be read"):
        run()


@pytest.fixture
def imap(settings: Any) -> Iterator[imaplib.IMAP4]:
    """A real IMAP server with an empty INBOX, and a connection to it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = [str(Path(sys.executable).with_name("pymap")), "--host", "127.0.0.1"]
    program += ["--port", str(port), "--no-tls", "dict", "--demo-data"]
    server = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        connection = _connected(port)
        connection.login("demouser", "demopass")
        connection.select("INBOX")
        connection.store("1:*", "+FLAGS", r"\Deleted")
        connection.expunge()
        settings.BOUNCE_MAILBOX_URL = f"imap://demouser:demopass@127.0.0.1:{port}/INBOX"
        yield connection
        connection.logout()
    finally:
        server.terminate()
        server.wait(10)


def _connected(port: int) -> imaplib.IMAP4:
    deadline = time.monotonic() + 20
    while True:
        try:
            return imaplib.IMAP4("127.0.0.1", port, timeout=10)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_an_imap_mailbox_is_read_and_what_was_ours_taken_out(
    digest: Digest, imap: imaplib.IMAP4
) -> None:
    for raw in (dsn(to=sealed(digest)), letter("hello"), delayed(to=sealed(digest))):
        imap.append("INBOX", "", "", raw)
    assert run() == "mails=3 bounce=1 delayed=1 ignored=1"
    assert states(digest) == ("failed", "suppressed")
    assert run() == "mails=0"
    tasks.read_bounces()
    imap.select("INBOX")
    assert imap.search(None, "ALL")[1] == [b"1"]
    assert imap.search(None, "SEEN")[1] == [b"1"]


def test_a_wrong_password_for_the_mailbox_is_said_without_it(
    imap: imaplib.IMAP4, settings: Any
) -> None:
    settings.BOUNCE_MAILBOX_URL = settings.BOUNCE_MAILBOX_URL.replace("demopass", "secret")
    with pytest.raises(CommandError, match="cannot be read") as error:
        run()
    assert "secret" not in str(error.value)


def test_no_password_goes_unencrypted_to_another_machine(settings: Any) -> None:
    settings.BOUNCE_MAILBOX_URL = "imap://a:b@mailbox.invalid/INBOX"
    with pytest.raises(CommandError, match="cannot be read"):
        run()


def test_the_same_bounce_twice_is_one_event(digest: Digest, now: datetime) -> None:
    raw = dsn(to=sealed(digest))
    assert record_events([], now) == 0
    returned_mail.process_mail(raw, timezone.now())
    returned_mail.process_mail(raw, timezone.now() + timedelta(days=1))
    assert DeliveryEvent.objects.count() == 1


def test_the_doctor_logs_in_to_the_mailbox(imap: imaplib.IMAP4, settings: Any) -> None:
    [finding] = doctor.bounce_mailbox(timezone.now())
    assert finding.level == Level.OK
    settings.BOUNCE_MAILBOX_URL = settings.BOUNCE_MAILBOX_URL.replace("demopass", "other")
    [finding] = doctor.bounce_mailbox(timezone.now())
    assert finding.level == Level.ERROR
    assert "The mailbox at 127.0.0.1 cannot be read" in finding.message
    settings.BOUNCE_MAILBOX_URL = ""
    assert list(doctor.bounce_mailbox(timezone.now())) == []
