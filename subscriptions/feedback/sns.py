"""Is a message really from Amazon SNS? (pure; the certificate is fetched by the caller)

anymail compares headers with the body and leaves the signature to be checked:
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

AMAZON = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?")
AHEAD = timedelta(minutes=15)  # how far a sender's clock may be before ours

# Message type -> the fields that are signed, in this order; those that are not there are left out.
SIGNED_FIELDS = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        *("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    ),
}
SIGNED_FIELDS["UnsubscribeConfirmation"] = SIGNED_FIELDS["SubscriptionConfirmation"]
# S303: version 1 is what Amazon signs with unless the topic asks for version 2.
HASHES: dict[str, type[hashes.HashAlgorithm]] = {"1": hashes.SHA1, "2": hashes.SHA256}


class NotSigned(Exception):
    """Not from Amazon, changed on the way, or too old."""


def verify(
    message: Mapping[str, Any],
    certificate_at: Callable[[str], bytes],
    now: datetime,
    max_age: timedelta,
) -> None:
    """Raise `NotSigned`, unless Amazon signed this message lately.

    `message` is the parsed JSON; `certificate_at` gives the PEM at an address that has been
    checked to be Amazon's.
    """
    _check_time(str(message.get("Timestamp", "")), now, max_age)
    key = _public_key(certificate_at(_certificate_url(message)), now)
    algorithm = HASHES.get(str(message.get("SignatureVersion")))
    if algorithm is None:
        raise NotSigned("SignatureVersion is neither 1 nor 2")
    try:
        signature = b64decode(str(message.get("Signature", "")), validate=True)
        key.verify(signature, signed_text(message).encode(), padding.PKCS1v15(), algorithm())
    except (InvalidSignature, ValueError) as error:
        raise NotSigned("wrong signature") from error


def signed_text(message: Mapping[str, Any]) -> str:
    """What is signed: name and value of each field, a line each."""
    fields = SIGNED_FIELDS.get(str(message.get("Type")), ())
    if not fields:
        raise NotSigned("unknown type")
    return "".join(f"{name}\n{message[name]}\n" for name in fields if message.get(name) is not None)


def _check_time(value: str, now: datetime, max_age: timedelta) -> None:
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError as error:
        raise NotSigned("no time") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not now - max_age <= moment <= now + AHEAD:
        raise NotSigned(f"its time {value} is not of now")


def _certificate_url(message: Mapping[str, Any]) -> str:
    url = str(message.get("SigningCertURL", ""))
    try:
        parts = urlsplit(url)
        usual = parts.scheme == "https" and parts.port in (None, 443) and not parts.username
    except ValueError:
        usual = False
    if not usual or not AMAZON.fullmatch(parts.hostname or "") or not parts.path.endswith(".pem"):
        raise NotSigned("its certificate is not at Amazon")
    return url


def _public_key(pem: bytes, now: datetime) -> rsa.RSAPublicKey:
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise NotSigned("its certificate cannot be read") from error
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise NotSigned("its certificate is not valid now")
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotSigned("its certificate holds no RSA key")
    return key
