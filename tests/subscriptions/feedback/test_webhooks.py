"""Providers' webhooks, through anymail's real views. Promises 33 and 34."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anymail import urls as anymail_urls
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from subscriptions import tokens
from subscriptions.feedback import webhooks
from subscriptions.models import DeliveryEvent, Digest, Subscriber
from subscriptions.tokens import Purpose
from tests.pages import forge
from tests.shared_data import SHARED, needs_shared_data
from tests.subscriptions import providers
from tests.subscriptions.conftest import MakeDigest, MakeReader
from tests.subscriptions.providers import Post, mailgun, post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
PAYLOADS = SHARED / "bad" / "esp_webhook_payloads.jsonl"


@pytest.fixture(autouse=True)
def open_doors(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every provider set up; Amazon's certificate is the one thing not fetched for real."""
    settings.ANYMAIL = providers.settings_of_all()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setattr(webhooks, "fetch_certificate", lambda url: providers.certificate())


@pytest.fixture
def digest(make_digest: MakeDigest) -> Digest:
    """One whose fate is uncertain, handed over an hour ago."""
    return make_digest(status="uncertain", claimed_at=timezone.now() - timedelta(hours=1))


def bounce(digest: Digest, **more: Any) -> dict[str, Any]:
    """Postmark's word for a hard bounce of this digest."""
    return {
        "RecordType": "Bounce",
        "ID": 42,
        "Type": "HardBounce",
        "Email": digest.subscriber.email,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "BouncedAt": timezone.now().isoformat(),
        "Details": f"550 5.1.1 <{digest.subscriber.email}> unknown",
        "Metadata": {"digest": str(digest.public_id)},
    } | more


def failed(digest: Digest, **more: Any) -> dict[str, Any]:
    """Mailgun's word for it."""
    return {
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "recipient": digest.subscriber.email,
        "timestamp": timezone.now().timestamp(),
        "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
        "user-variables": {"digest": str(digest.public_id)},
    } | more


def complaint(digest: Digest) -> dict[str, Any]:
    """Amazon's word for a complaint."""
    metadata = json.dumps({"digest": str(digest.public_id)})
    return {
        "eventType": "Complaint",
        "complaint": {"complainedRecipients": [{"emailAddress": digest.subscriber.email}]},
        "mail": {"messageId": "0", "headers": [{"name": "X-Metadata", "value": metadata}]},
    }


def paths_of_anymail() -> list[str]:
    """The paths of anymail's own URLs, which its documentation tells operators to set up."""
    patterns = [str(url.pattern).lstrip("^") for url in anymail_urls.urlpatterns]
    return [
        f"/anymail/{pattern.replace('(_mime)?/$', mime)}"
        for pattern in patterns
        for mime in (("/", "_mime/") if "_mime" in pattern else ("",))
    ]


def untouched(digest: Digest) -> bool:
    digest.refresh_from_db()
    digest.subscriber.refresh_from_db()
    status = (digest.status, digest.subscriber.status)
    return status == ("uncertain", "active") and not DeliveryEvent.objects.exists()


# --- What comes in --------------------------------------------------------------------------------


def test_a_bounce_settles_the_digest_and_suppresses_the_reader(
    client: Client, digest: Digest
) -> None:
    for _ in range(3):
        assert post("postmark", bounce(digest)).to(client).status_code == 200
    digest.refresh_from_db()
    assert (digest.status, digest.subscriber.status) == ("failed", "suppressed")
    event = DeliveryEvent.objects.get()
    assert (event.provider, event.kind, event.digest) == ("Postmark", "hard", digest)
    assert event.detail == "550 5.1.1 <…> unknown"


@pytest.mark.parametrize("debug", [True, False])
def test_a_webhook_that_was_set_up_without_the_last_slash_works(
    client: Client, digest: Digest, settings: Any, debug: bool
) -> None:
    settings.DEBUG = debug
    sent = post("postmark", bounce(digest))
    answer = forge(
        client,
        "/anymail/postmark/tracking",
        sent.body,
        content_type=sent.content_type,
        headers=providers.BASIC,
    )
    assert answer.status_code == 200
    assert DeliveryEvent.objects.get().kind == "hard"


def of_postmark(digest: Digest, kind: str, details: str, **more: Any) -> Post:
    return post("postmark", bounce(digest, Type=kind, Details=details, **more))


def of_mailgun(digest: Digest, reason: str, status: dict[str, Any]) -> Post:
    return mailgun(failed(digest, reason=reason, **{"delivery-status": status}))


def of_mailjet(digest: Digest, event: str, error: str, **more: Any) -> Post:
    named = {"email": digest.subscriber.email, "time": int(timezone.now().timestamp())}
    payload = json.dumps({"digest": str(digest.public_id)})
    return post("mailjet", {"event": event, "error": error, "Payload": payload} | named | more)


def of_sparkpost(digest: Digest, kind: str, **more: Any) -> Post:
    event = {"type": kind, "rcpt_meta": {"digest": str(digest.public_id)}, "event_id": "1"}
    event |= {"raw_rcpt_to": digest.subscriber.email, **more}
    return post("sparkpost", [{"msys": {"message_event": event}}])


def of_sendgrid(digest: Digest, kind: str, **more: Any) -> Post:
    now = int(timezone.now().timestamp())
    event = {"event": kind, "email": digest.subscriber.email, "timestamp": now, "sg_event_id": "1"}
    return post("sendgrid", [event | {"digest": str(digest.public_id)} | more])


def of_amazon(digest: Digest, kind: str, **more: Any) -> Post:
    event = complaint(digest)
    recipients = event.pop("complaint")["complainedRecipients"]
    said = more | {f"{'bounced' if kind == 'Bounce' else 'complained'}Recipients": recipients}
    for recipient in recipients:
        recipient["diagnosticCode"] = more.get("diagnosticCode", "")
    return post("amazon_ses", event | {"eventType": kind, kind.lower(): said})


def of_brevo(digest: Digest, kind: str, reason: str) -> Post:
    custom = json.dumps({"digest": str(digest.public_id)})
    event = {"event": kind, "email": digest.subscriber.email, "reason": reason}
    return post("brevo", event | {"X-Mailin-custom": custom})


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        # A filter's verdict is no complaint
        (lambda d: of_postmark(d, "SpamNotification", "smtp;550 5.7.1 rejected as spam"), "soft"),
        (lambda d: of_postmark(d, "SpamNotification", ""), "soft"),
        (lambda d: of_postmark(d, "SpamComplaint", ""), "complaint"),
        (lambda d: of_postmark(d, "SpamComplaint", "", RecordType="SpamComplaint"), "complaint"),
        (lambda d: of_sparkpost(d, "policy_rejection", bounce_class="51"), "rejected"),
        (lambda d: of_sparkpost(d, "bounce", bounce_class="52"), "soft"),
        (lambda d: of_sparkpost(d, "spam_complaint", fb_type="abuse"), "complaint"),
        (lambda d: of_sparkpost(d, "spam_complaint", fb_type="auth-failure"), "unknown"),
        (lambda d: of_amazon(d, "Complaint", complaintFeedbackType="auth-failure"), "unknown"),
        (lambda d: of_amazon(d, "Complaint", complaintFeedbackType="not-spam"), "unknown"),
        (lambda d: of_amazon(d, "Complaint", complaintFeedbackType="abuse"), "complaint"),
        # What the address had done before
        (lambda d: of_mailgun(d, "suppress-complaint", {"code": 605}), "complaint"),
        (lambda d: of_mailgun(d, "suppress-bounce", {"code": 605}), "hard"),
        (lambda d: of_mailgun(d, "suppress-unsubscribe", {"code": 605}), "left"),
        (lambda d: of_sendgrid(d, "dropped", reason="Spam Reporting Address"), "complaint"),
        (lambda d: of_sendgrid(d, "dropped", reason="Bounced Address"), "hard"),
        (lambda d: of_mailjet(d, "blocked", "spam reporter"), "complaint"),
        # Policy, quota, rate and content, whatever the provider calls it
        (lambda d: of_postmark(d, "HardBounce", "550 5.2.1 receiving mail at a rate"), "soft"),
        (lambda d: of_postmark(d, "HardBounce", "552 5.1.1 Recipient overquota"), "soft"),
        (lambda d: of_postmark(d, "HardBounce", "550 5.7.1 No such user!"), "hard"),
        (
            lambda d: of_mailgun(
                d, "bounce", {"code": 550, "message": "5.1.1 gone", "bounce-type": "soft"}
            ),
            "soft",
        ),
        (
            lambda d: of_mailgun(d, "bounce", {"code": 550, "message": "550 policy restrictions"}),
            "soft",
        ),
        (lambda d: of_mailjet(d, "blocked", "quota exceeded"), "rejected"),
        (lambda d: of_mailjet(d, "blocked", "relay/access denied"), "rejected"),
        (lambda d: of_mailjet(d, "bounce", "quota exceeded", hard_bounce=True), "soft"),
        (lambda d: of_mailjet(d, "bounce", "user unknown", hard_bounce=True), "hard"),
        (lambda d: of_sendgrid(d, "bounce", type="bounce", reason="550 5.1.1 unknown"), "hard"),
        (lambda d: of_sendgrid(d, "bounce", type="blocked", reason="550 5.1.1 unknown"), "soft"),
        (
            lambda d: of_sendgrid(
                d, "bounce", type="bounce", reason="550 no", bounce_classification="Reputation"
            ),
            "soft",
        ),
        (
            lambda d: of_amazon(
                d,
                "Bounce",
                bounceType="Permanent",
                bounceSubType="General",
                diagnosticCode="smtp; 550 5.7.1 client host blocked using a block list",
            ),
            "soft",
        ),
        (
            lambda d: of_amazon(
                d,
                "Bounce",
                bounceType="Permanent",
                bounceSubType="General",
                diagnosticCode="smtp; 550 5.1.1 user unknown",
            ),
            "hard",
        ),
        (lambda d: of_brevo(d, "hard_bounce", "552 5.2.2 mailbox full"), "soft"),
        (lambda d: of_brevo(d, "hard_bounce", "550 5.1.1 no such user"), "hard"),
    ],
)
@pytest.mark.promise(50)
def test_only_a_nonexistent_address_or_a_persons_complaint_suppresses_at_once(
    client: Client, digest: Digest, made: Callable[[Digest], Post], kind: str
) -> None:
    assert made(digest).to(client).status_code == 200
    assert DeliveryEvent.objects.get().kind == kind
    digest.subscriber.refresh_from_db()
    becomes = {"hard": "suppressed", "complaint": "suppressed", "left": "unsubscribed"}
    assert digest.subscriber.status == becomes.get(kind, "active")


def test_our_message_id_names_the_digest_where_the_metadata_does_not(
    client: Client, digest: Digest, settings: Any
) -> None:
    event = {
        "event": "delivered",
        "email": digest.subscriber.email,
        "message-id": f"<{digest.public_id}@{settings.MAIL_DOMAIN}>",
        "ts_epoch": timezone.now().timestamp() * 1000,
    }
    assert post("brevo", event).to(client).status_code == 200
    digest.refresh_from_db()
    assert digest.status == "sent"


EXPECTED = {
    "amazon_ses": "complaint:complaint delivery:delivered send:accepted reject:rejected "
    "open:opened click:clicked",
    "brevo": "sent:accepted delivered:delivered hard_bounce:hard soft_bounce:soft "
    "blocked:rejected spam:complaint invalid_email:hard opened:opened proxy_open:opened "
    "unsubscribe:left",
    "mailersend": "delivered:delivered clicked:clicked",
    "mailjet": "open:opened spam:complaint unsub:left",
    "mailtrap": "open:opened bounce:hard reject:rejected",
    "mandrill": "hard_bounce:hard old_tracking_url:accepted",
    "postal": "bounce:soft deferred:deferred failed:rejected delivered:delivered",
    "postmark": "delivered:delivered spam:complaint resubscribe:unknown "
    "subscription_change_bounce:hard",
    "resend": "hard_bounced:hard delivery_delayed:deferred complained:complaint opened:opened",
    "sendgrid": "setUpClass:accepted dropped_bounced:hard deferred:deferred "
    "compatibility_message_id_from_smtp_id:delivered",
    "sparkpost": "injection:accepted delivery:delivered open:opened "
    "initial_open_event_as_unknown:unknown",
    "unisender_go": "error_includes_project_id_single:accepted hard_bounced:hard spam:complaint "
    "unsubscribed:left clicked:clicked multiple_event_option:accepted+delivered",
}


def payloads() -> list[Any]:
    if not PAYLOADS.exists():
        return []
    cases = []
    for line in PAYLOADS.read_text().splitlines():
        case = json.loads(line)
        name = case["test"].rpartition(".")[2].removeprefix("test_").removesuffix("_event")
        wanted = dict(pair.split(":") for pair in EXPECTED[case["provider"]].split())
        if case["kind"] == "webhooks":
            values = (case["provider"], case["payload"], wanted[name].split("+"))
            cases.append(pytest.param(*values, id=f"{case['provider']}-{name}"))
    return cases


@needs_shared_data
@pytest.mark.parametrize(("provider", "payload", "kinds"), payloads())
def test_payloads_of_every_provider_are_understood(
    client: Client, settings: Any, provider: str, payload: Any, kinds: list[str]
) -> None:
    settings.EVENT_MAX_AGE = timedelta(days=36_500)
    for _ in range(3):
        assert post(provider, payload).to(client).status_code in (200, webhooks.REPLAYED)
    assert sorted(DeliveryEvent.objects.values_list("kind", flat=True)) == kinds


def damaged(payload: Any) -> Iterator[Any]:
    """The same without each of its fields in turn, and with each as something else."""
    if isinstance(payload, dict):
        for name, value in payload.items():
            yield {key: one for key, one in payload.items() if key != name}
            for other in (None, [], {}, "", 7, "\x00\ud800"):
                yield payload | {name: other}
            yield from (payload | {name: inner} for inner in damaged(value))
    elif isinstance(payload, list) and payload:
        yield from ([inner, *payload[1:]] for inner in damaged(payload[0]))


@needs_shared_data
@pytest.mark.parametrize("count", [10, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.parametrize("provider", EXPECTED)
@pytest.mark.promise(34)
def test_missing_and_strange_fields_are_handled(
    client: Client, settings: Any, provider: str, count: int
) -> None:
    settings.EVENT_MAX_AGE = timedelta(days=36_500)
    cases = [values for values, _, _ in map(tuple, payloads()) if values[0] == provider]
    strange = [one for _, payload, _ in cases for one in damaged(payload)]
    for payload in strange[:: max(1, len(strange) // count)]:
        answer = post(provider, payload).to(client)
        assert answer.status_code < 500, payload


@pytest.mark.promise(34)
def test_a_batch_of_a_thousand_with_unreadable_events_is_accepted(
    client: Client, digest: Digest
) -> None:
    now = int(timezone.now().timestamp())
    events = [
        {"event": "open", "sg_event_id": str(n), "timestamp": now, "email": "a@b.org"}
        for n in range(998)
    ]
    events += [{"no": "event"}, {"event": "delivered", "timestamp": "soon", "sg_event_id": "x"}]
    events[0] |= {"event": "delivered", "digest": str(digest.public_id)}
    events[0] |= {"email": digest.subscriber.email}
    for _ in range(3):
        assert post("sendgrid", events).to(client).status_code == 200
    assert DeliveryEvent.objects.count() == 1000
    assert DeliveryEvent.objects.filter(kind="unknown").count() == 2
    digest.refresh_from_db()
    assert digest.status == "sent"


# --- What stays out -------------------------------------------------------------------------------

DOORS = {
    "postmark": lambda digest: post("postmark", bounce(digest)),
    "mailgun": lambda digest: mailgun(failed(digest)),
    "amazon_ses": lambda digest: post("amazon_ses", complaint(digest)),
    "unisender_go": lambda digest: post(
        "unisender_go",
        {
            "event_name": "transactional_email_status",
            "status": "spam",
            "email": digest.subscriber.email,
            "metadata": {"digest": str(digest.public_id)},
        },
    ),
}
Door = Callable[[Digest], Post]


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.parametrize("header", ["", "Basic dXNlcjpub25l", "Bearer x", "Basic ����"])
@pytest.mark.promise(33)
def test_a_webhook_without_the_secret_is_refused(
    client: Client, digest: Digest, door: Door, header: str
) -> None:
    answer = door(digest).to(client, Authorization=header)
    assert 400 <= answer.status_code < 500
    assert untouched(digest)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.promise(33)
def test_every_webhook_is_closed_when_nothing_is_configured(
    client: Client, digest: Digest, settings: Any, door: Door
) -> None:
    request = door(digest)
    settings.ANYMAIL = {}
    assert 400 <= request.to(client).status_code < 500
    assert untouched(digest)


@pytest.mark.promise(33)
def test_a_certificate_is_fetched_only_after_the_secret_matched(
    client: Client, digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(webhooks, "fetch_certificate", fetched.append)
    assert DOORS["amazon_ses"](digest).to(client, Authorization="Basic eDp5").status_code == 400
    assert fetched == []


def test_every_door_of_anymail_is_guarded(client: Client, settings: Any) -> None:
    settings.ANYMAIL = {}
    for path in paths_of_anymail():
        for content_type in ("application/json", "application/x-www-form-urlencoded"):
            answer = forge(client, path, b"{}", content_type=content_type)
            assert 400 <= answer.status_code < 500, path


def test_each_url_of_anymail_leads_to_the_same_view_here() -> None:
    for path in paths_of_anymail():
        match = resolve(path)
        webhook = webhooks.find_webhook(**match.kwargs)
        view = resolve(path.removeprefix("/anymail"), urlconf=anymail_urls).func.view_class
        assert webhook, path
        assert webhook.__closure__
        strict = next(c.cell_contents for c in webhook.__closure__ if callable(c.cell_contents))
        assert issubclass(strict.view_class, view), path


@pytest.mark.parametrize(
    "path", ["carrier_pigeon/tracking/", "mandrill/inbound/", "base/tracking/", "os/tracking/"]
)
def test_there_is_no_webhook_that_anymail_does_not_have(client: Client, path: str) -> None:
    answer = forge(client, f"/anymail/{path}", b"{}", content_type="application/json")
    assert answer.status_code == 404


def test_a_process_loads_the_library_of_a_provider_only_for_its_webhook() -> None:
    code = """
import django; django.setup()
from django.core.checks import run_checks
from django.urls import resolve
run_checks()
import sys
libraries = ("boto3", "botocore", "svix")
print([name for name in libraries if name in sys.modules])
match = resolve("/anymail/postmark/tracking/")
from subscriptions.feedback import webhooks
assert webhooks.find_webhook(**match.kwargs)
print([name for name in libraries if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.splitlines() == ["[]", "[]"], done.stdout


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
@pytest.mark.promise(33)
def test_a_changed_body_is_refused_by_signing_providers(
    client: Client, digest: Digest, door: Door
) -> None:
    request = door(digest)
    if request.provider == "postmark":
        pytest.skip("Postmark signs nothing: its secret is all there is")
    if request.provider == "mailgun":
        body = json.loads(request.body)
        body["signature"]["timestamp"] = str(int(body["signature"]["timestamp"]) + 1)
        request.body = json.dumps(body).encode()
    else:
        request.body = request.body.replace(b"spam", b"sent").replace(b"abuse", b"other")
        request.body = request.body.replace(b"Complaint", b"Delivery!")
    assert 400 <= request.to(client).status_code < 500
    assert untouched(digest)


@pytest.mark.parametrize("days", [8, 4000])
@pytest.mark.parametrize("provider", ["postmark", "mailgun", "amazon_ses", "mailgun-unsigned"])
@pytest.mark.promise(33)
def test_old_events_are_refused(client: Client, digest: Digest, provider: str, days: int) -> None:
    old = timezone.now() - timedelta(days=days)
    requests = {
        "postmark": lambda: post("postmark", bounce(digest, BouncedAt=old.isoformat())),
        "mailgun": lambda: mailgun(failed(digest), old),
        "mailgun-unsigned": lambda: mailgun(failed(digest, timestamp=old.timestamp())),
        "amazon_ses": lambda: post(
            "amazon_ses", providers.sns_message(complaint(digest), Timestamp=old.isoformat())
        ),
    }
    assert 400 <= requests[provider]().to(client).status_code < 500
    assert untouched(digest)


@pytest.mark.promise(33)
def test_a_replayed_signature_is_refused_with_any_body(client: Client, digest: Digest) -> None:
    opened = {"event": "opened", "severity": "", "timestamp": timezone.now().timestamp()}
    assert mailgun(opened).to(client).status_code == 200
    replayed = json.loads(mailgun(opened).body)
    replayed["event-data"] = failed(digest)  # Mailgun signs the token, not what is said
    answer = Post("mailgun", json.dumps(replayed).encode()).to(client)
    assert answer.status_code == webhooks.REPLAYED
    assert DeliveryEvent.objects.get().kind == "opened"
    assert Subscriber.objects.get().status == "active"


@pytest.mark.promise(33)
def test_a_replayed_message_of_amazon_is_refused(client: Client, digest: Digest) -> None:
    request = post("amazon_ses", complaint(digest))
    assert request.to(client).status_code == 200
    assert request.to(client).status_code == webhooks.REPLAYED
    assert DeliveryEvent.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/json"),
        (b"not json", "application/json"),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b"\xff\xfe\x00", "application/json"),
        (b"null", "application/json"),
        (b"[[1]]", "text/plain"),
        (b"[" * 100_000, "application/json"),
        (b'{"timestamp": 1e300, "payload": {"status": "Sent"}}', "application/json"),
        (b"a=b", "application/x-www-form-urlencoded"),
    ],
)
def test_nonsense_is_the_senders_mistake_and_changes_nothing(
    client: Client, digest: Digest, body: bytes, content_type: str
) -> None:
    for path in paths_of_anymail():
        answer = forge(client, path, body, content_type=content_type, headers=providers.BASIC)
        assert answer.status_code < 500, path
    assert not DeliveryEvent.objects.exclude(kind="unknown").exists()
    digest.refresh_from_db()
    assert digest.status == "uncertain"


@pytest.mark.promise(26)
def test_get_on_a_webhook_changes_nothing(client: Client, digest: Digest) -> None:
    for path in paths_of_anymail():
        assert client.get(path, headers=providers.BASIC).status_code in (200, 400, 405)
        assert client.head(path, headers=providers.BASIC).status_code in (200, 400, 405)
    assert untouched(digest)


# --- Mail that a provider hands on ----------------------------------------------------------------


def inbound(subject: str, to: str) -> dict[str, Any]:
    return {
        "FromFull": {"Email": "somebody@example.org", "Name": ""},
        "ToFull": [{"Email": to, "Name": ""}],
        "OriginalRecipient": to,
        "Subject": subject,
        "TextBody": "",
        "Headers": [],
        "MessageID": "1",
        "Date": "Wed, 11 Oct 2017 18:31:04 -0700",
    }


def test_an_unsubscribe_mail_may_come_through_the_provider(
    client: Client, make_reader: MakeReader
) -> None:
    reader = make_reader()
    token = tokens.make_token(Purpose.UNSUBSCRIBE, reader.pk)
    payload = inbound(f"unsubscribe {token}", "unsubscribe@example.org")
    for _ in range(2):
        assert post("postmark", payload, "inbound").to(client).status_code == 200
        reader.refresh_from_db()
        assert reader.status == "unsubscribed"


def test_a_forged_unsubscribe_mail_changes_nothing(client: Client, make_reader: MakeReader) -> None:
    reader = make_reader()
    payload = inbound(f"unsubscribe {reader.pk}:forged:token", "unsubscribe@example.org")
    assert post("postmark", payload, "inbound").to(client).status_code == 200
    reader.refresh_from_db()
    assert reader.status == "active"


def test_now_is_the_time_of_an_event_without_one(client: Client, digest: Digest) -> None:
    payload = bounce(digest)
    del payload["BouncedAt"]
    before = datetime.now(UTC)
    assert post("postmark", payload).to(client).status_code == 200
    assert before <= DeliveryEvent.objects.get().occurred_at <= datetime.now(UTC)
