"""Parse returned mail: bounces, complaints, automatic replies. Pure.

The addressee is never taken from the text of a mail, which anybody can write. Callers find the
reader by `sent_to` (the address that the mail came to) or `message_ids` (of the returned mail).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from subscriptions.feedback.bounce_prose import (
    read_daemon_notice,
    read_prose,
    read_success,
    read_warning,
)
from subscriptions.feedback.mail_parts import (
    MAX_ADDRESSES,
    MAX_TEXT_LENGTH,
    addresses_in,
    header,
    parse_mail,
    payload_bytes,
)
from subscriptions.feedback.reports import (
    Finding,
    Kind,
    read_auto_reply,
    read_delivery_status,
    read_feedback,
    read_receipt,
)

READERS = (
    *(read_feedback, read_receipt, read_auto_reply, read_delivery_status),
    *(read_success, read_warning, read_prose, read_daemon_notice),
)
"""Readers in order of reliability. To add a format, add its reader here."""

ENVELOPE_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
"""Headers with the address that a mail was delivered to, which holds our signed return path."""

MAX_DIAGNOSTIC_LENGTH = 500  # characters
_ID = re.compile(r"<[^<>\s]{3,250}>")
_MESSAGE_ID = re.compile(r"^[> \t|]*Message-I[Dd]:\s*(<[^<>\s]{3,250}>)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ReturnedMail:
    """The content of one returned mail.

    `recipients` are for people to read, in lower case; `hard` means that the address itself is at
    fault; `status` is an enhanced code such as 5.1.1, or empty.
    """

    kind: Kind
    hard: bool = False
    recipients: tuple[str, ...] = ()
    status: str = ""
    diagnostic: str = ""
    message_ids: tuple[str, ...] = ()
    sent_to: tuple[str, ...] = ()
    subject: str = ""


def parse_bounce(raw: bytes) -> ReturnedMail:
    """Return the kind and content of a mail. Never raises, for any bytes."""
    mail = parse_mail(raw)
    findings = (reader(mail) for reader in READERS)
    finding = next(filter(None, findings), Finding(Kind.OTHER))
    recipients = dict.fromkeys(name.strip().lower() for name in finding.recipients)
    return ReturnedMail(
        finding.kind,
        finding.hard,
        tuple(recipients)[:MAX_ADDRESSES],
        finding.status,
        finding.diagnostic[:MAX_DIAGNOSTIC_LENGTH],
        message_ids=tuple(_message_ids(mail)),
        sent_to=tuple(addresses_in(mail, *ENVELOPE_HEADERS)),
        subject=header(mail, "Subject"),
    )


def _message_ids(mail: Message) -> Iterator[str]:
    """Yield Message-IDs of the returned mail: from a part, from quoted headers, or replied to."""
    values = [header(mail, name) for name in ("In-Reply-To", "References", "X-Original-Message-ID")]
    for part in list(mail.walk())[1:]:
        values.append(header(part, "Message-ID"))
        if part.get_content_maintype() in ("text", "message") and not part.is_multipart():
            values += _quoted_message_ids(part)
    if not mail.is_multipart():
        values += _quoted_message_ids(mail)
    ids = [message_id for value in values for message_id in _ID.findall(value)]
    yield from list(dict.fromkeys(ids))[:MAX_ADDRESSES]


def _quoted_message_ids(part: Message) -> list[str]:
    text = payload_bytes(part)[:MAX_TEXT_LENGTH].decode("utf-8", "replace")
    return _MESSAGE_ID.findall(text)
