"""Signatures of OAuth 1.0a requests: HMAC-SHA1 of RFC 5849. Pure.

The request is signed as a whole, so the nonce and the time are arguments.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit


@dataclass(frozen=True, slots=True)
class Credentials:
    """A client, and the token that it acts with; secrets are not part of `repr`."""

    client_key: str
    client_secret: str = field(repr=False)
    token: str = ""
    token_secret: str = field(default="", repr=False)


def authorization_header(
    method: str,
    url: str,
    credentials: Credentials,
    *,
    nonce: str,
    timestamp: int,
    **protocol: str,
) -> str:
    """Return the Authorization header of a request without a form body.

    `protocol` has further parameters by name without "oauth_": callback, verifier.
    """
    parameters = {
        "oauth_consumer_key": credentials.client_key,
        "oauth_nonce": nonce,
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(timestamp),
        **{f"oauth_{name}": value for name, value in protocol.items()},
    }
    parameters |= {"oauth_token": credentials.token} if credentials.token else {}
    base = signature_base(method, url, parameters)
    key = f"{_escape(credentials.client_secret)}&{_escape(credentials.token_secret)}"
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha1).digest()
    parameters["oauth_signature"] = base64.b64encode(digest).decode()
    pairs = (f'{name}="{_escape(value)}"' for name, value in parameters.items())
    return f"OAuth {', '.join(pairs)}"


def signature_base(method: str, url: str, parameters: Mapping[str, str]) -> str:
    """Return the text that is signed (RFC 5849, 3.4.1), for a URL without a default port."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    pairs = sorted((_escape(name), _escape(value)) for name, value in [*query, *parameters.items()])
    joined = "&".join(f"{name}={value}" for name, value in pairs)
    address = f"{parts.scheme}://{parts.netloc}{parts.path}".replace(
        parts.netloc, parts.netloc.lower(), 1
    )
    return "&".join(map(_escape, (method.upper(), address, joined)))


def _escape(text: str) -> str:
    return quote(text, safe="-._~")
