"""Amazon's signatures, with a key of the tests' own. Promise 33."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from subscriptions.feedback import sns, webhooks
from subscriptions.feedback.sns import HASHES, SignatureError, signed_text
from tests.subscriptions.providers import CERTIFICATE_URL, certificate, sns_message

DAY = timedelta(days=1)


def verify(message: dict[str, Any], pem: bytes | None = None, now: datetime | None = None) -> None:
    now = now or datetime.now(UTC)
    sns.verify(message, lambda url: certificate() if pem is None else pem, now, DAY)


@pytest.mark.parametrize("version", HASHES)
@pytest.mark.parametrize("kind", sns.SIGNED_FIELDS)
@pytest.mark.promise(33)
def test_a_message_signed_by_amazon_is_accepted(version: str, kind: str) -> None:
    more = {"Type": kind, "Subject": "A subject"}
    if kind != "Notification":
        more |= {"SubscribeURL": "https://sns.eu-west-1.amazonaws.com/?x", "Token": "t"}
    verify(sns_message({"eventType": "Send"}, version, **more))


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "TopicArn", "Type"])
@pytest.mark.promise(33)
def test_a_change_to_any_signed_field_is_refused(name: str) -> None:
    message = sns_message({"eventType": "Send"})
    changed = {"Type": "SubscriptionConfirmation", "Timestamp": datetime.now(UTC).isoformat()}
    with pytest.raises(SignatureError):
        verify(message | {name: changed.get(name, "other")})
    with pytest.raises(SignatureError):
        verify({key: value for key, value in message.items() if key != name})


@pytest.mark.parametrize(
    "changed",
    [
        {"Signature": ""},
        {"Signature": "not base64"},
        {"Signature": "AAAA"},
        {"SignatureVersion": "3"},
        {"SignatureVersion": "1"},
        {"SigningCertURL": ""},
        {"SigningCertURL": None},
        {"Timestamp": "yesterday"},
        {"Timestamp": None},
        {"Type": "Nonsense"},
    ],
)
@pytest.mark.promise(33)
def test_an_unsigned_message_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        verify(sns_message({"eventType": "Send"}) | changed)


@pytest.mark.promise(33)
def test_a_signature_by_another_key_is_refused() -> None:
    message = sns_message({"eventType": "Send"})
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    forged = key.sign(signed_text(message).encode(), padding.PKCS1v15(), HASHES["2"]())
    with pytest.raises(SignatureError, match="wrong signature"):
        verify(message | {"Signature": forged.hex()})


@pytest.mark.parametrize("hours", [-1, 25])
@pytest.mark.promise(33)
def test_a_message_from_another_time_is_refused(hours: int) -> None:
    then = datetime.now(UTC) - timedelta(hours=hours)
    message = sns_message({"eventType": "Send"}, Timestamp=then.isoformat())
    with pytest.raises(SignatureError, match="too old or in the future"):
        verify(message)


@pytest.mark.parametrize("pem", [b"", b"nonsense", certificate(datetime(2020, 1, 1, tzinfo=UTC))])
@pytest.mark.promise(33)
def test_an_invalid_or_expired_certificate_is_refused(pem: bytes) -> None:
    with pytest.raises(SignatureError, match="certificate"):
        verify(sns_message({"eventType": "Send"}), pem)


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com.example.org/x.pem",
        "https://example.org/sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com@example.org/x.pem",
        "https://user@sns.eu-west-1.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com:8443/x.pem",
        "https://sns.eu-west-1.amazonaws.com:no/x.pem",
        "https://bucket.s3.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com/x.txt",
        "https://[::1]/x.pem",
        "https://[x/x.pem",
        "file:///etc/passwd.pem",
    ],
)
@pytest.mark.promise(33)
def test_a_certificate_from_another_host_is_not_fetched(url: str) -> None:
    def fetch(url: str) -> bytes:
        raise AssertionError(f"fetched {url}")

    message = sns_message({"eventType": "Send"}, SigningCertURL=url)
    with pytest.raises(SignatureError, match="not at Amazon"):
        sns.verify(message, fetch, datetime.now(UTC), DAY)


@pytest.mark.usefixtures("redis")
def test_a_certificate_that_cannot_be_had_is_refused_and_not_kept(settings: Any) -> None:
    """Names below .invalid never resolve, so that nothing leaves this machine."""
    for _ in range(2):
        with pytest.raises(SignatureError, match="could not be fetched"):
            webhooks.fetch_certificate("https://sns.eu-west-1.amazonaws.invalid/x.pem")
    assert CERTIFICATE_URL.endswith(".pem")
