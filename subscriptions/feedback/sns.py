"""Verification of Amazon SNS messages. Pure: the caller fetches the certificate.

anymail compares headers with the body but does not check the signature:
https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AMAZON_HOST = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?")
MAX_CLOCK_SKEW = timedelta(minutes=15)  # of a sender's clock ahead of ours

SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
SIGNED_FIELDS["UnsubscribeConfirmation"] = SIGNED_FIELDS["SubscriptionConfirmation"]
"""Signed fields by message type, in signing order; absent fields are left out."""

# S303: Amazon signs with version 1 unless the topic asks for version 2.
HASHES: dict[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}


class SignatureError(Exception):
    """The message is not from Amazon, was changed on the way, or is too old."""


def verify(
    message: Mapping[str, Any],
    fetch_certificate: Callable[[str], bytes],
    now: datetime,
    max_age: timedelta,
) -> None:
    """Raise `SignatureError` unless Amazon signed this message within `max_age`.

    `message` is the parsed JSON; `fetch_certificate` returns the PEM at a URL that has been checked
    to be Amazon's.
    """
    _check_time(str(message.get("Timestamp", "")), now, max_age)
    key = _public_key(fetch_certificate(_certificate_url(message)), now)
    algorithm = HASHES.get(str(message.get("SignatureVersion")))
    if algorithm is None:
        raise SignatureError("SignatureVersion is neither 1 nor 2")
    try:
        signature = b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(signature, signed_text(message).encode(), padding.PKCS1v15(), algorithm())
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("wrong signature") from error


def signed_text(message: Mapping[str, Any]) -> str:
    """Return the signed text: the name and value of each field, on a line each."""
    fields = SIGNED_FIELDS.get(str(message.get("Type")), ())
    if not fields:
        raise SignatureError("unknown type")
    return "".join(f"{name}\n{message[name]}\n" for name in fields if message.get(name) is not None)


def _check_time(value: str, now: datetime, max_age: timedelta) -> None:
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError as error:
        raise SignatureError("no time") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not now - max_age <= moment <= now + MAX_CLOCK_SKEW:
        raise SignatureError(f"its time {value} is too old or in the future")


def _certificate_url(message: Mapping[str, Any]) -> str:
    url = str(message.get("SigningCertURL", ""))
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme == "https" and parts.port in (None, 443) and not parts.username
    except ValueError:
        is_plain = False
    if (
        not is_plain
        or not AMAZON_HOST.fullmatch(parts.hostname or "")
        or not parts.path.endswith(".pem")
    ):
        raise SignatureError("its certificate is not at Amazon")
    return url


def _public_key(pem: bytes, now: datetime) -> rsa.RSAPublicKey:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise SignatureError("its certificate cannot be read") from error
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise SignatureError("its certificate is not valid now")
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignatureError("its certificate holds no RSA key")
    return key
