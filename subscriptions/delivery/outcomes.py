"""Outcomes of deliveries, from SMTP replies, HTTP statuses and exceptions. Pure.

There is one table per kind of response. Anything not in a table is `UNCERTAIN`: a message that may
have been accepted must never be sent again automatically. Errors that providers name are in
`config.providers`.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from enum import IntEnum, StrEnum
from typing import Any

from anymail.exceptions import AnymailAPIError, AnymailError

from config.providers import find_error

MAX_REASON_LENGTH = 500  # characters; some providers return whole pages


class Kind(StrEnum):
    """Outcome of one delivery."""

    SENT = "sent"
    RETRY = "retry"  # certainly not accepted, for a temporary reason
    THROTTLED = "throttled"  # certainly not accepted: slow down; not counted as an attempt
    REFUSED = "refused"  # this message or recipient, permanently
    UNCERTAIN = "uncertain"  # may have been accepted
    BROKEN = "broken"  # wrong credentials or configuration: nothing can be sent


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome with details.

    `why` is for the operator, `retry_after` is the wait that the provider requests, and
    `provider_id` is the provider's ID of the message.
    """

    kind: Kind
    why: str = ""
    retry_after: timedelta | None = None
    provider_id: str = ""


class Stage(IntEnum):
    """Stage of an SMTP conversation."""

    CONNECT = 0  # greeting, EHLO, STARTTLS, login
    MAIL = 1
    RCPT = 2
    DATA = 3  # the reply to DATA: nothing of the message has been sent
    CONTENT = 4  # the final dot may have been sent: only a reply is certain


# Reply codes that mean the same at every stage, then by stage; else by the first digit.
SMTP_ANYWHERE = {
    421: Kind.THROTTLED,  # closing the channel: too busy, or too many from us
    454: Kind.THROTTLED,  # "Maximum sending rate exceeded" (Amazon SES), temporary login failure
    530: Kind.BROKEN,  # authentication or STARTTLS required
    534: Kind.BROKEN,
    535: Kind.BROKEN,  # wrong user or password
    538: Kind.BROKEN,
}
SMTP_BY_STAGE = {(Stage.MAIL, 552): Kind.REFUSED}  # larger than the server takes: this one only
SMTP_TEMPORARY = {
    Stage.CONNECT: Kind.THROTTLED,
    Stage.MAIL: Kind.RETRY,
    Stage.RCPT: Kind.RETRY,
    Stage.DATA: Kind.RETRY,
    Stage.CONTENT: Kind.RETRY,
}
SMTP_FINAL = {
    Stage.CONNECT: Kind.BROKEN,
    Stage.MAIL: Kind.BROKEN,  # our own sender address is refused: that of every message
    Stage.RCPT: Kind.REFUSED,
    Stage.DATA: Kind.REFUSED,
    Stage.CONTENT: Kind.REFUSED,
}

# HTTP status codes of providers' APIs. 5xx and unreadable 2xx are left out: the message may have
# been accepted.
HTTP = {
    400: Kind.REFUSED,
    401: Kind.BROKEN,
    402: Kind.BROKEN,  # out of credit
    403: Kind.BROKEN,
    404: Kind.BROKEN,  # wrong address, unknown domain or server
    405: Kind.BROKEN,
    406: Kind.REFUSED,
    408: Kind.RETRY,  # the request arrived incomplete
    409: Kind.RETRY,
    410: Kind.BROKEN,
    411: Kind.REFUSED,
    413: Kind.REFUSED,  # too large
    415: Kind.REFUSED,
    420: Kind.THROTTLED,  # SparkPost: sending limit exceeded
    421: Kind.RETRY,
    422: Kind.REFUSED,
    425: Kind.RETRY,
    429: Kind.THROTTLED,
}
# Exceptions by class name, so that no provider's library need be installed: requests and
# urllib3, botocore, the standard library, anymail. The first one found in the chain counts.
RAISED = {
    "SSLCertVerificationError": Kind.BROKEN,
    "NewConnectionError": Kind.RETRY,
    "NameResolutionError": Kind.RETRY,
    "ConnectTimeout": Kind.RETRY,
    "ConnectTimeoutError": Kind.RETRY,
    "EndpointConnectionError": Kind.RETRY,
    "ProxyError": Kind.RETRY,
    "ConnectionRefusedError": Kind.RETRY,
    "gaierror": Kind.RETRY,
    "NoCredentialsError": Kind.BROKEN,
    "PartialCredentialsError": Kind.BROKEN,
    "NoRegionError": Kind.BROKEN,
    "InvalidURL": Kind.BROKEN,
    "MissingSchema": Kind.BROKEN,
    "ImproperlyConfigured": Kind.BROKEN,  # anymail's configuration errors are some
    "AnymailUnsupportedFeature": Kind.BROKEN,  # every message asks the same of the provider
    "AnymailRecipientsRefused": Kind.REFUSED,
    "AnymailInvalidAddress": Kind.REFUSED,
    "AnymailSerializationError": Kind.REFUSED,
}


def outcome_of_reply(stage: Stage, code: int, text: str) -> Outcome:
    """Return the outcome of an SMTP reply other than success at this stage."""
    first = code // 100
    kind = SMTP_ANYWHERE.get(code) or SMTP_BY_STAGE.get((stage, code))
    if kind is None and first in (4, 5):
        kind = (SMTP_TEMPORARY if first == 4 else SMTP_FINAL)[stage]
    return Outcome(kind or _unfinished(stage), f"{stage.name}: {code} {text}"[:MAX_REASON_LENGTH])


def outcome_of_disconnect(stage: Stage, error: Exception) -> Outcome:
    """Return the outcome of an SMTP conversation that broke off at this stage."""
    if isinstance(error, smtplib.SMTPResponseException):
        return outcome_of_reply(stage, error.smtp_code, _text(error.smtp_error))
    misfit = isinstance(error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError)
    if misfit or type(error) is smtplib.SMTPException:  # "No suitable authentication method"
        return Outcome(Kind.BROKEN, f"{stage.name}: {_reason(error)}"[:MAX_REASON_LENGTH])
    return Outcome(_unfinished(stage), f"{stage.name}: {_reason(error)}"[:MAX_REASON_LENGTH])


def outcome_of_error(error: Exception) -> Outcome:
    """Return the outcome of an error raised by a provider's backend."""
    response = getattr(error, "response", None)
    kind = _named(response) or next(
        (RAISED[name] for name in _class_names(error) if name in RAISED), None
    )
    wait = _retry_after(getattr(response, "headers", None) or {})
    code = _status_code(error, response)
    if kind is None and code is not None:
        kind = HTTP.get(code)
        if code == 503 and wait:  # it requests a retry, so it has not accepted the message
            kind = Kind.THROTTLED
    if kind is None and isinstance(error, ValueError) and not isinstance(error, AnymailAPIError):
        kind = Kind.REFUSED  # the message could not be composed
    return Outcome(kind or Kind.UNCERTAIN, _reason(error), wait)


def _unfinished(stage: Stage) -> Kind:
    return Kind.UNCERTAIN if stage == Stage.CONTENT else Kind.RETRY


def _text(reply: bytes | str) -> str:
    return reply if isinstance(reply, str) else reply.decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_REASON_LENGTH]


def _status_code(error: Exception, response: Any) -> int | None:
    if isinstance(response, Mapping):  # botocore's
        code = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    else:
        code = error.status_code if isinstance(error, AnymailError) else None
    return code if isinstance(code, int) else None


def _named(response: Any) -> Kind | None:
    """Return the kind for the provider's name of the error, if the registry has it."""
    if isinstance(response, Mapping):
        return _kind_outcome_of_error(response.get("Error", {}).get("Code"))
    try:
        body = response.json()
    except (AttributeError, ValueError):
        return None
    if not isinstance(body, Mapping):
        return None
    name = body.get("ErrorCode") or body.get("name")
    return _kind_outcome_of_error(name)


def _kind_outcome_of_error(name: object) -> Kind | None:
    kind = find_error(name) if isinstance(name, int | str) else None
    return Kind(kind) if kind else None


def _class_names(error: BaseException) -> Iterator[str]:
    """Yield the class names of an error, then those of the errors it wraps, outermost first."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield from (cls.__name__ for cls in type(current).__mro__)
        inner = [current.__cause__, getattr(current, "reason", None), *current.args]
        waiting += [wrapped for wrapped in inner if isinstance(wrapped, BaseException)]


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return Retry-After as a duration; a date counts from the response's Date header."""
    value = str(headers.get("Retry-After", "")).strip()
    if value.isdecimal():
        return timedelta(seconds=min(int(value), 86_400))
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(str(headers.get("Date", "")))
    except (TypeError, ValueError):
        return None
    return max(wait, timedelta())
