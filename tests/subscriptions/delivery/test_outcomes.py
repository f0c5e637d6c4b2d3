"""What errors of a hand-over say: was the message surely not accepted?"""

from __future__ import annotations

import smtplib
import ssl
from datetime import timedelta

import pytest
import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailRecipientsRefused,
    AnymailRequestsAPIError,
    AnymailUnsupportedFeature,
)
from urllib3.exceptions import MaxRetryError as GaveUp
from urllib3.exceptions import NewConnectionError, ProtocolError

from subscriptions.delivery.outcomes import (
    Kind,
    Stage,
    outcome_of_disconnect,
    outcome_of_error,
    outcome_of_reply,
)


@pytest.mark.parametrize(
    ("stage", "code", "kind"),
    [
        (Stage.CONNECT, 421, Kind.THROTTLED),
        (Stage.CONNECT, 554, Kind.BROKEN),
        (Stage.CONNECT, 535, Kind.BROKEN),
        (Stage.CONNECT, 454, Kind.THROTTLED),
        (Stage.MAIL, 421, Kind.THROTTLED),
        (Stage.MAIL, 530, Kind.BROKEN),
        (Stage.MAIL, 550, Kind.BROKEN),
        (Stage.MAIL, 552, Kind.REFUSED),
        (Stage.MAIL, 451, Kind.RETRY),
        (Stage.RCPT, 450, Kind.RETRY),
        (Stage.RCPT, 550, Kind.REFUSED),
        (Stage.DATA, 554, Kind.REFUSED),
        (Stage.DATA, 451, Kind.RETRY),
        (Stage.CONTENT, 454, Kind.THROTTLED),
        (Stage.CONTENT, 451, Kind.RETRY),
        (Stage.CONTENT, 552, Kind.REFUSED),
        (Stage.CONTENT, 354, Kind.UNCERTAIN),
        (Stage.CONTENT, -1, Kind.UNCERTAIN),
        (Stage.RCPT, -1, Kind.RETRY),
    ],
)
def test_a_reply_is_certain_whatever_it_says(stage: Stage, code: int, kind: Kind) -> None:
    outcome = outcome_of_reply(stage, code, "said the server")
    assert outcome.kind == kind
    assert outcome.why == f"{stage.name}: {code} said the server"


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(
    "error", [TimeoutError("no answer"), smtplib.SMTPServerDisconnected("gone"), OSError("reset")]
)
@pytest.mark.promise(6)
def test_a_lost_connection_is_uncertain_only_after_content_was_sent(
    stage: Stage, error: Exception
) -> None:
    in_doubt = stage == Stage.CONTENT
    assert outcome_of_disconnect(stage, error).kind == (Kind.UNCERTAIN if in_doubt else Kind.RETRY)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (smtplib.SMTPAuthenticationError(535, b"wrong password"), Kind.BROKEN),
        (smtplib.SMTPAuthenticationError(454, b"try later"), Kind.THROTTLED),
        (smtplib.SMTPNotSupportedError("no STARTTLS here"), Kind.BROKEN),
        (smtplib.SMTPException("No suitable authentication method found."), Kind.BROKEN),
        (smtplib.SMTPConnectError(421, b"busy"), Kind.THROTTLED),
        (ssl.SSLCertVerificationError("self-signed"), Kind.BROKEN),
        (ConnectionRefusedError("nobody there"), Kind.RETRY),
    ],
)
def test_wrong_settings_are_told_from_a_server_that_is_away(error: Exception, kind: Kind) -> None:
    assert outcome_of_disconnect(Stage.CONNECT, error).kind == kind


def answer(status: int, body: bytes = b"", **headers: str) -> AnymailRequestsAPIError:
    response = requests.Response()
    response.status_code, response._content = status, body
    response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return AnymailRequestsAPIError("no", response=response)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, Kind.THROTTLED),
        (420, Kind.THROTTLED),
        (401, Kind.BROKEN),
        (402, Kind.BROKEN),
        (403, Kind.BROKEN),
        (404, Kind.BROKEN),
        (400, Kind.REFUSED),
        (413, Kind.REFUSED),
        (422, Kind.REFUSED),
        (408, Kind.RETRY),
        (200, Kind.UNCERTAIN),
        (500, Kind.UNCERTAIN),
        (502, Kind.UNCERTAIN),
        (503, Kind.UNCERTAIN),
        (504, Kind.UNCERTAIN),
    ],
)
def test_a_providers_status_codes(status: int, kind: Kind) -> None:
    assert outcome_of_error(answer(status)).kind == kind


@pytest.mark.promise(8)
def test_the_wait_that_a_provider_requests_is_kept() -> None:
    assert outcome_of_error(answer(429, Retry_After="17")).retry_after == timedelta(seconds=17)
    now, later = "Thu, 30 Apr 2026 08:00:00 GMT", "Thu, 30 Apr 2026 08:02:00 GMT"
    by_date = outcome_of_error(answer(429, Retry_After=later, Date=now))
    assert by_date.retry_after == timedelta(minutes=2)
    assert outcome_of_error(answer(429)).retry_after is None
    assert outcome_of_error(answer(429, Retry_After="soon")).retry_after is None
    assert outcome_of_error(answer(503, Retry_After="5")).kind == Kind.THROTTLED


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer(500, b'{"status": "error", "code": -1, "name": "Invalid_Key"}'), Kind.BROKEN),
        (answer(500, b'{"status": "error", "name": "GeneralError"}'), Kind.UNCERTAIN),
        (answer(422, b'{"ErrorCode": 406, "Message": "inactive"}'), Kind.REFUSED),
        (answer(422, b'{"ErrorCode": 405, "Message": "no credit"}'), Kind.BROKEN),
        (answer(422, b"[1, 2]"), Kind.REFUSED),
        (answer(422, b'{"name": ["odd"]}'), Kind.REFUSED),
    ],
)
def test_a_providers_own_name_of_an_error_counts_more(error: Exception, kind: Kind) -> None:
    assert outcome_of_error(error).kind == kind


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("TooManyRequestsException", 429, Kind.THROTTLED),
        ("ThrottlingException", 400, Kind.THROTTLED),
        ("SendingPausedException", 400, Kind.BROKEN),
        ("MessageRejected", 400, Kind.REFUSED),
        ("ExpiredTokenException", 403, Kind.BROKEN),
        ("InternalFailure", 500, Kind.UNCERTAIN),
    ],
)
def test_the_answers_of_amazon_ses(code: str, status: int, kind: Kind) -> None:
    response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert outcome_of_error(AnymailAPIError("no", response=response)).kind == kind


def wrapped(kind: type[Exception], inner: Exception) -> Exception:
    """As anymail raises it: its own class, caused by that of requests."""
    outer = type("AnymailRequestsAPIError", (AnymailRequestsAPIError, kind), {})("Error posting")
    outer.__cause__ = kind(inner)
    return outer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (
            wrapped(
                requests.ConnectionError,
                GaveUp(None, "/", NewConnectionError(None, "refused")),  # type: ignore[arg-type]
            ),
            Kind.RETRY,
        ),
        (wrapped(requests.ConnectTimeout, TimeoutError()), Kind.RETRY),
        (wrapped(requests.ReadTimeout, TimeoutError()), Kind.UNCERTAIN),
        (
            wrapped(requests.ConnectionError, ProtocolError("aborted", ConnectionResetError())),
            Kind.UNCERTAIN,
        ),
        (
            wrapped(
                requests.exceptions.SSLError,
                GaveUp(None, "/", ssl.SSLCertVerificationError("expired")),  # type: ignore[arg-type]
            ),
            Kind.BROKEN,
        ),
        (AnymailConfigurationError("no token"), Kind.BROKEN),
        (AnymailUnsupportedFeature("metadata"), Kind.BROKEN),
        (AnymailRecipientsRefused(), Kind.REFUSED),
        (ValueError("a header with a line break"), Kind.REFUSED),
        (RuntimeError("who knows"), Kind.UNCERTAIN),
    ],
)
def test_an_exception_says_whether_the_message_may_be_on_its_way(
    error: Exception, kind: Kind
) -> None:
    assert outcome_of_error(error).kind == kind
