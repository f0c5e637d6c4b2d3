from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core import mail

from subscriptions.models import Subscriber, Topic
from subscriptions.readers import lifecycle, signup
from tests.subscriptions.messages import sign_up

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mailbox(settings: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"  # type: ignore[attr-defined]


def asked(email: str = "Reader@Example.org", zone: str = "Europe/Berlin") -> signup.SignUpRequest:
    return signup.SignUpRequest(email=email, timezone=zone, page="/subscribe/", ip="192.0.2.7")


def test_signing_up_records_consent_and_waits_for_confirmation(now: datetime) -> None:
    reader = signup.request_sign_up(asked(), now)
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.PENDING
    assert reader.default_subscription.next_digest_at is None
    assert (reader.email_key, reader.timezone) == ("reader@example.org", "Europe/Berlin")
    assert (reader.consent_page, reader.consent_ip) == ("/subscribe/", "192.0.2.7")
    assert "by email" in reader.consent_text


def test_signing_up_twice_makes_one_reader(now: datetime) -> None:
    first, second = (
        signup.request_sign_up(asked(), now),
        signup.request_sign_up(asked("reader@example.ORG"), now),
    )
    assert first.pk == second.pk
    assert Topic.objects.count() == 1


def test_one_address_gets_one_confirmation_per_cooldown(now: datetime) -> None:
    for _ in range(50):
        signup.request_sign_up(asked(), now)
        sign_up(asked().email, now)
    assert len(mail.outbox) == 1
    later = now + timedelta(hours=2)
    sign_up(asked().email, later)
    assert len(mail.outbox) == 2


def test_confirmation_mail_has_both_parts_and_the_link(now: datetime) -> None:
    signup.request_sign_up(asked(), now)
    sign_up(asked().email, now)
    message = mail.outbox[0]
    html = message.alternatives[0][0]
    assert message.to == ["Reader@example.org"] or message.to == ["Reader@Example.org"]
    assert "/confirm/" in message.body
    assert "/confirm/" in html
    assert "\n" not in message.subject


def test_who_is_active_already_gets_the_preferences_link(
    make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    sign_up(make_reader().email, now)
    assert "/preferences/" in mail.outbox[0].body
    assert "/confirm/" not in mail.outbox[0].body


def test_who_bounced_or_complained_gets_nothing(
    make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    reader = make_reader(status=Subscriber.Status.SUPPRESSED)
    sign_up(reader.email, now)
    assert not lifecycle.activate_reader(reader, now)
    assert mail.outbox == []


def test_confirming_twice_changes_nothing(now: datetime) -> None:
    reader = signup.request_sign_up(asked(), now)
    assert lifecycle.activate_reader(reader, now)
    due = reader.default_subscription.next_digest_at
    lifecycle.activate_reader(reader, now + timedelta(hours=1))
    reader.refresh_from_db()
    assert (reader.confirmed_at, reader.default_subscription.next_digest_at) == (now, due)


def test_who_left_can_come_back(make_reader: Callable[..., Subscriber], now: datetime) -> None:
    reader = make_reader()
    lifecycle.unsubscribe_reader(reader.pk, now)
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.UNSUBSCRIBED
    assert reader.default_subscription.next_digest_at is None
    again = signup.request_sign_up(asked(reader.email), now)
    assert lifecycle.activate_reader(again, now)
    again.refresh_from_db()
    assert again.default_subscription.next_digest_at is not None


def test_unconfirmed_sign_ups_expire_and_others_stay(
    make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    signup.request_sign_up(asked("old@example.org"), now - timedelta(days=8))
    signup.request_sign_up(asked("new@example.org"), now - timedelta(days=6))
    make_reader("active@example.org", created_at=now - timedelta(days=90))
    signup.expire_pending(now)
    left = set(Subscriber.objects.values_list("email", flat=True))
    assert left == {"new@example.org", "active@example.org"}
