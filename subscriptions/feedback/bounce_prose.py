"""Read bounces written as prose, without a standard report. Pure.

The formats of many mail systems are left to flufl.bounce, the collection that Mailman uses.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from email.message import Message

from flufl.bounce import all_failures

from subscriptions.feedback.bounce_severity import enhanced_code, is_hard
from subscriptions.feedback.mail_parts import (
    addresses_in,
    first_text,
    header,
    is_from_system,
    original_recipients,
)
from subscriptions.feedback.reports import FAILURE_SUBJECT, Finding, Kind

MAX_RESPONSE_LENGTH = 5000  # characters
RESPONSE_LINES = 4  # an SMTP response with the lines it is wrapped into
_ARRIVED = re.compile(r"\((success|relay(ed)?|expanded)\)|^(delivered|relayed|expanded)\b", re.I)
_STILL_TRYING = re.compile(
    r"has not yet been (?:delivered|sent)|not yet been delivered|could not send message for past"
    r"|this is (?:only )?a warning|warning message only|no action is required on your part"
    r"|delivery attempts will continue|(?:will|is being|still being|be) (?:keep|kept|continue)"
    r"[^.]{0,40}try|still trying|will (?:be )?(?:retried|re-?try|try again|attempt)"
    r"|do not need to resend|temporary problem delivering|delivery (?:has been|is) delayed",
    re.I,
)
_GIVEN_UP = re.compile(
    r"giv(?:en|ing) up|gave up|permanent (?:fatal )?error|could not be delivered to", re.I
)
_TRYING_SUBJECT = re.compile(
    r"deferred|delayed|still trying|will (be )?retr|warning:|not yet been", re.I
)
# The start of the returned mail: our own words say nothing about an address.
_RETURNED_MAIL = re.compile(
    r"^[ \t>*-]{0,10}(?:(?:(?:this|attachment) is a copy of|below this line is a copy"
    r"|(?:the )?(?:original|returned|unsent) message|message header|headers of the|begin of"
    r"|start of|included is|here is|received:|return-path:|message-id:|-+ original)\b.{0,200}"
    r"|-{3,}=?_.{0,200})$",
    re.I | re.M,
)
_SMTP_RESPONSE = re.compile(r"(?<![\d.])[45]\d\d[ -]|(?<![\d.])[45]\.[0-7]\.\d{1,3}\b")


def read_success(mail: Message) -> Finding | None:
    """Recognise a notice, by its subject, that a mail arrived or was relayed."""
    match = _ARRIVED.search(header(mail, "Subject"))
    if not (match and is_from_system(mail)):
        return None
    arrived = match.group().strip("()").lower() in ("success", "delivered")
    return Finding(
        Kind.DELIVERED if arrived else Kind.RELAYED, recipients=[*original_recipients(mail)]
    )


def read_warning(mail: Message) -> Finding | None:
    """Recognise a warning that a server keeps trying; it may quote the response so far."""
    text = " ".join(_own_text(mail).split())[:MAX_RESPONSE_LENGTH]
    if not is_from_system(mail) or _GIVEN_UP.search(text) or not _STILL_TRYING.search(text):
        return None
    temporary, permanent = find_failed_addresses(mail)
    recipients = sorted(temporary | permanent) or [*original_recipients(mail)]
    return Finding(Kind.DELAYED, False, recipients, enhanced_code(text), text[:500])


def read_prose(mail: Message) -> Finding | None:
    """Read a bounce in a format that flufl.bounce knows."""
    temporary, permanent = find_failed_addresses(mail)
    if not (temporary or permanent):
        return None
    text = _smtp_response(mail)
    status = enhanced_code(text)
    if _says_delivered(status, text):
        return Finding(Kind.OTHER, False, sorted(temporary | permanent), status, text[:500])
    if not permanent:
        return Finding(Kind.DELAYED, False, sorted(temporary), status, text[:500])
    return Finding(Kind.BOUNCE, is_hard("", text), sorted(permanent), status, text[:500])


def read_daemon_notice(mail: Message) -> Finding | None:
    """Read a failure notice in an unknown format by its subject and text.

    Recipients come from the returned mail.
    """
    subject = header(mail, "Subject")
    if not (FAILURE_SUBJECT.search(subject) and is_from_system(mail)):
        return None
    text = _smtp_response(mail)
    status = enhanced_code(text)
    recipients = [*addresses_in(mail, "X-Failed-Recipients")] or [*original_recipients(mail)]
    if _says_delivered(status, text):
        return Finding(Kind.OTHER, False, recipients, status, text)
    if _TRYING_SUBJECT.search(subject) and not status.startswith("5"):
        return Finding(Kind.DELAYED, False, recipients, status, text)
    return Finding(Kind.BOUNCE, is_hard("", text), recipients, status, text)


def find_failed_addresses(mail: Message) -> tuple[set[str], set[str]]:
    """Return addresses that failed temporarily and permanently; both empty if it is no bounce."""
    try:
        temporary, permanent = all_failures(mail)
    except Exception:  # each of its seventeen detectors may fail on mails of other formats
        return set(), set()
    return _decode_addresses(temporary), _decode_addresses(permanent)


def _decode_addresses(addresses: Collection[bytes]) -> set[str]:
    decoded = (address.decode("utf-8", "replace").strip(" <>") for address in addresses)
    return {address for address in decoded if "@" in address}


def _own_text(mail: Message) -> str:
    """Return the mail system's own text, without the mail it returns."""
    text = first_text(mail)
    match = _RETURNED_MAIL.search(text, 1)
    return text[: match.start()] if match else text


def _smtp_response(mail: Message) -> str:
    """Return the quoted SMTP response on one line, else the mail system's whole text.

    The advice around a response names every possible cause and would mislead.
    """
    lines = _own_text(mail)[:20_000].splitlines()
    first = next((n for n, line in enumerate(lines) if _SMTP_RESPONSE.search(line)), None)
    response = lines[:200] if first is None else lines[first : first + RESPONSE_LINES]
    return " ".join(" ".join(response).split())[:MAX_RESPONSE_LENGTH]


def _says_delivered(status: str, response: str) -> bool:
    return status.startswith("2") and not _SMTP_RESPONSE.search(response)
