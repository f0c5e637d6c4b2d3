"""Requests as mail providers send them, signed with keys of the tests' own."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from django.http import HttpResponse
from django.test import Client

from subscriptions.feedback.sns import HASHES, signed_text
from tests.pages import forge

SECRET = "user:a secret"
MAILGUN_KEY = "mailgun's key"
MAILERSEND_KEY = "mailersend's key"
MANDRILL_KEY = "mandrill's key"
UNISENDER_KEY = "unisender's key"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
BASIC = {"Authorization": "Basic " + b64encode(SECRET.encode()).decode()}


def settings_of_all() -> dict[str, Any]:
    """anymail's settings with which every provider's webhook is open."""
    pem = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "WEBHOOK_SECRET": SECRET,
        "MAILGUN_WEBHOOK_SIGNING_KEY": MAILGUN_KEY,
        "MAILERSEND_SIGNING_SECRET": MAILERSEND_KEY,
        "MAILERSEND_INBOUND_SECRET": MAILERSEND_KEY,
        "MANDRILL_WEBHOOK_KEY": MANDRILL_KEY,
        "MANDRILL_WEBHOOK_URL": "https://example.org/mandrill",
        "POSTAL_WEBHOOK_KEY": "".join(pem.decode().splitlines()[1:-1]),
        "UNISENDER_GO_API_KEY": UNISENDER_KEY,
    }


def certificate(now: datetime | None = None) -> bytes:
    """A certificate for our key, in PEM, valid around `now`."""
    now = now or datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(KEY, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def sns_message(event: object, version: str = "2", **more: str) -> dict[str, str]:
    """A notification that holds `event`, signed."""
    message = {
        "Type": "Notification",
        "MessageId": hashlib.sha256(repr(event).encode()).hexdigest()[:36],
        "TopicArn": "arn:aws:sns:eu-west-1:111111111111:events",
        "Message": event if isinstance(event, str) else json.dumps(event),
        "Timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE_URL,
    } | more
    signature = KEY.sign(signed_text(message).encode(), padding.PKCS1v15(), HASHES[version]())
    return message | {"Signature": b64encode(signature).decode()}


@dataclass
class Post:
    """What goes to /anymail/`provider`/`kind`/."""

    provider: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "tracking"
    content_type: str = "application/json"

    def to(self, client: Client, **changed: str) -> HttpResponse:
        path = f"/anymail/{self.provider}/{self.kind}/".replace("//", "/")
        headers = {**BASIC, **self.headers, **changed}
        headers = {name: value for name, value in headers.items() if value}
        answer: Any = forge(
            client, path, self.body, content_type=self.content_type, headers=headers
        )
        return answer


def post(provider: str, payload: Any, kind: str = "tracking") -> Post:
    """A payload in the provider's own wrapping, signed its way."""
    return WRAPPINGS.get(provider, _plain)(provider, payload, kind)


def _plain(provider: str, payload: Any, kind: str) -> Post:
    return Post(provider, json.dumps(payload).encode(), kind=kind)


def _amazon_ses(provider: str, payload: Any, kind: str) -> Post:
    message = payload if "TopicArn" in payload else sns_message(payload)
    headers = {
        "x-amz-sns-message-type": message.get("Type", ""),
        "x-amz-sns-message-id": message.get("MessageId", ""),
    }
    return Post(provider, json.dumps(message).encode(), headers, kind)


def _mailersend(provider: str, payload: Any, kind: str) -> Post:
    body = json.dumps(payload).encode()
    signature = hmac.new(MAILERSEND_KEY.encode(), body, hashlib.sha256).hexdigest()
    return Post(provider, body, {"Signature": signature}, kind)


def mailgun(event: dict[str, Any], at: datetime | None = None, token: str = "t" * 50) -> Post:
    seconds = str(int((at or datetime.now(UTC)).timestamp()))
    mac = hmac.new(MAILGUN_KEY.encode(), f"{seconds}{token}".encode(), hashlib.sha256)
    signature = {"timestamp": seconds, "token": token, "signature": mac.hexdigest()}
    return _plain("mailgun", {"signature": signature, "event-data": event}, "tracking")


def _mandrill(provider: str, payload: Any, kind: str) -> Post:
    events = json.dumps(payload)
    signed = f"https://example.org/mandrillmandrill_events{events}".encode()
    mac = hmac.new(MANDRILL_KEY.encode(), signed, hashlib.sha1)
    headers = {"X-Mandrill-Signature": b64encode(mac.digest()).decode()}
    body = urlencode({"mandrill_events": events}).encode()
    return Post(provider, body, headers, "", "application/x-www-form-urlencoded")


def _postal(provider: str, payload: Any, kind: str) -> Post:
    body = json.dumps(payload).encode()
    signature = KEY.sign(body, padding.PKCS1v15(), hashes.SHA1())
    return Post(provider, body, {"X-Postal-Signature": b64encode(signature).decode()}, kind)


def _unisender_go(provider: str, payload: Any, kind: str) -> Post:
    body = json.dumps({**payload, "auth": UNISENDER_KEY}).encode()
    auth = hashlib.md5(body).hexdigest().encode()
    return Post(provider, body.replace(UNISENDER_KEY.encode(), auth), kind=kind)


WRAPPINGS = {
    "amazon_ses": _amazon_ses,
    "mailersend": _mailersend,
    "mandrill": _mandrill,
    "postal": _postal,
    "unisender_go": _unisender_go,
}
