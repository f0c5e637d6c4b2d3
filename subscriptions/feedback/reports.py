"""Read standard reports: delivery status (RFC 3464, 6533), feedback (RFC 5965), auto-replies. Pure.

Each reader returns a `Finding`, or None if the mail is not of its kind.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from email import message_from_bytes, message_from_string
from email.message import Message
from enum import StrEnum
from quopri import decodestring
from typing import NamedTuple

from subscriptions.feedback.bounce_severity import enhanced_code, is_hard
from subscriptions.feedback.mail_parts import (
    MAX_TEXT_LENGTH,
    addresses_in,
    header,
    is_from_daemon,
    original_recipients,
    payload_bytes,
)


class Kind(StrEnum):
    """Kind of a mail in the bounce mailbox."""

    BOUNCE = "bounce"
    DELAYED = "delayed"  # the server keeps trying
    COMPLAINT = "complaint"
    OPT_OUT = "opt_out"  # an unsubscribe request passed on by the reader's mail provider
    DELIVERED = "delivered"
    RELAYED = "relayed"  # to a system that sends no reports
    AUTO_REPLY = "auto_reply"
    OTHER = "other"


class Finding(NamedTuple):
    """The result of one reader; see `bounce_parser.ReturnedMail`."""

    kind: Kind
    hard: bool = False
    recipients: Sequence[str] = ()
    status: str = ""
    diagnostic: str = ""


STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
FAILURE_SUBJECT = re.compile(
    r"undeliver|not deliver|(mail|delivery|message) (system )?(fail|error|problem|status)"
    r"|returned (mail|to sender)|fail(ure|ed) notice|failure (notice|notification)"
    r"|delivery (has )?fail|error sending|rejected mail|bounce notification|mail failure",
    re.I,
)
FEEDBACK_KINDS = {
    "": Kind.COMPLAINT,
    "abuse": Kind.COMPLAINT,
    "fraud": Kind.COMPLAINT,
    "virus": Kind.COMPLAINT,
    "opt-out": Kind.OPT_OUT,
    "opt-out-list": Kind.OPT_OUT,
}
"""Feedback types that a person causes. Failed authentication (`auth-failure`, for DMARC reports),
`not-spam` and unknown types are no complaint and are left for a person to look at."""

_ACTIONS = {  # from best to worst
    "expanded": Kind.RELAYED,
    "relayed": Kind.RELAYED,
    "delivered": Kind.DELIVERED,
    "delayed": Kind.DELAYED,
    "failed": Kind.BOUNCE,
}
_AWAY_SUBJECT = re.compile(
    r"^(auto(matic|mated)?[\s-]*(reply|response|antwort)|autoreply|out of (the )?office|vacation"
    r"|abwesenheit|réponse automatique|respuesta automática|risposta automatica|自動応答)",
    re.IGNORECASE,
)


def read_feedback(mail: Message) -> Finding | None:
    """Read a complaint or opt-out (RFC 5965, RFC 6591)."""
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            fields = _report_fields(part)
            feedback_type = header(fields, "Feedback-Type")
            recipients = [*addresses_in(fields, "Original-Rcpt-To", "Removal-Recipient")]
            kind = _feedback_kind(fields, feedback_type)
            return Finding(kind, recipients=recipients, diagnostic=feedback_type or "abuse")
    if header(mail, "Subject").startswith("complaint about message from "):  # Outlook.com's JMRP
        recipients = [*original_recipients(mail)]
        return Finding(Kind.COMPLAINT, recipients=recipients, diagnostic="abuse")
    return None


def _feedback_kind(fields: Message, feedback_type: str) -> Kind:
    if "Auth-Failure" in fields:
        return Kind.OTHER
    word = re.split(r"[\s;(]", feedback_type.lower().replace("_", "-"), maxsplit=1)[0]
    return FEEDBACK_KINDS.get(word, Kind.OTHER)


def _report_fields(part: Message) -> Message:
    """Return the header-like fields of a report part, which is parsed as text or as a message."""
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        first: Message = payload[0]
        return first if first.keys() else message_from_bytes(payload_bytes(first).lstrip())
    return message_from_bytes(payload_bytes(part).lstrip())


def read_receipt(mail: Message) -> Finding | None:
    """Recognise a read receipt (RFC 8098), which says nothing about an address."""
    types = {part.get_content_type() for part in mail.walk()}
    is_receipt = "message/disposition-notification" in types and not types & set(STATUS_TYPES)
    return Finding(Kind.OTHER, diagnostic="receipt") if is_receipt else None


def read_auto_reply(mail: Message) -> Finding | None:
    """Recognise an automatic reply (RFC 3834 and older marks); it is never a bounce."""
    if _is_report(mail) or is_from_daemon(mail) or FAILURE_SUBJECT.search(header(mail, "Subject")):
        return None
    replied = header(mail, "Auto-Submitted").lower().startswith(("auto-replied", "auto-notified"))
    marked = any(name in mail for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
    if replied or marked or _AWAY_SUBJECT.match(header(mail, "Subject")):
        return Finding(Kind.AUTO_REPLY, diagnostic=header(mail, "Subject"))
    return None


def _is_report(mail: Message) -> bool:
    return any(part.get_content_type() in STATUS_TYPES for part in mail.walk())


def read_delivery_status(mail: Message) -> Finding | None:
    """Read a delivery status; it has one block per recipient, and the worst decides."""
    blocks = [(kind, block) for block in _blocks(mail) if (kind := _action_kind(block))]
    if not blocks:
        return None
    order = list(_ACTIONS.values())
    worst = max((kind for kind, _ in blocks), key=order.index)
    worst_blocks = [block for kind, block in blocks if kind == worst]
    status = enhanced_code(header(worst_blocks[0], "Status"))
    diagnostic = _typed_value(header(worst_blocks[0], "Diagnostic-Code"))
    recipients = [name for block in worst_blocks for name in _recipient(block)]
    hard = worst == Kind.BOUNCE and is_hard(status, diagnostic)
    return Finding(worst, hard, recipients, status, diagnostic)


def _action_kind(block: Message) -> Kind | None:
    action = header(block, "Action").lower().split(" ")[0]
    if not action and header(block, "Status").startswith("5"):
        return Kind.BOUNCE
    return _ACTIONS.get(action)


def _blocks(mail: Message) -> Iterator[Message]:
    for part in mail.walk():
        if part.get_content_type() in STATUS_TYPES:
            yield from map(message_from_string, re.split(r"\n\s*\n", _report_text(part)))


def _report_text(part: Message) -> str:
    """Return the text of a part that the standard library parses as messages or leaves encoded."""
    payload = part.get_payload()
    inner = payload if isinstance(payload, list) else []
    raw = b"\n\n".join(item.as_bytes().strip() for item in inner if isinstance(item, Message))
    encoding = header(part, "Content-Transfer-Encoding").lower()
    with suppress(ValueError):  # not encoded after all
        if encoding == "base64":
            raw = b64decode(b"".join(raw.split()), validate=True)
        elif encoding == "quoted-printable":
            raw = decodestring(raw)
    return raw[:MAX_TEXT_LENGTH].decode("utf-8", "replace").strip()


def _recipient(block: Message) -> Iterator[str]:
    """Yield the address of a block, if it has one."""
    for name in ("Original-Recipient", "Final-Recipient"):
        address = _typed_value(header(block, name)).strip(" <>")
        if "@" in address:
            yield address
            return


def _typed_value(value: str) -> str:
    """Return the value of a typed field: `a@b` for `rfc822; a@b`."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else value
