"""Reading mails that come back: bounces, complaints, automatic answers (pure).

Standard reports (RFC 3464 delivery status, RFC 5965 feedback) are read with the standard library;
the many mail systems that write prose are left to flufl.bounce, the collection Mailman uses. Who
is meant is never taken from the words of a mail, which anybody can write: callers find our own
reader by `sent_to` (the address the mail came to) or `message_ids` (of the mail sent back).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from enum import StrEnum

from flufl.bounce import all_failures

from subscriptions.severity import is_hard

LARGEST = 1_000_000  # bytes looked at; a report is at the front, what is returned comes after
LONGEST_TEXT = 100_000  # characters of prose searched
MOST_ADDRESSES = 50  # that one mail may name


class Kind(StrEnum):
    """What a mail in the bounce mailbox is."""

    BOUNCE = "bounce"
    DELAYED = "delayed"  # the other side goes on trying
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Returned:
    """What one mail says. `recipients` are for people to read, in lower case; `hard` is whether
    the address itself is at fault; `status` is an enhanced code such as 5.1.1, or ""."""

    kind: Kind
    hard: bool = False
    recipients: tuple[str, ...] = ()
    status: str = ""
    diagnostic: str = ""
    message_ids: tuple[str, ...] = ()
    sent_to: tuple[str, ...] = ()
    subject: str = ""


def read(raw: bytes) -> Returned:
    """What a mail is and says; never raises, whatever the bytes are."""
    mail = parsed(raw)
    readers = (_complaint, _automatic, _status, _prose, _daemon)
    nothing: Found = (Kind.OTHER, False, [], "", "")
    found = next(filter(None, (reader(mail) for reader in readers)), nothing)
    kind, hard, recipients, status, diagnostic = found
    names = dict.fromkeys(name.strip().lower() for name in recipients)
    return Returned(
        kind,
        hard,
        tuple(names)[:MOST_ADDRESSES],
        status,
        diagnostic[:500],
        message_ids=tuple(_message_ids(mail)),
        sent_to=tuple(_addresses(mail, *ENVELOPE_HEADERS)),
        subject=header(mail, "Subject"),
    )


Found = tuple[Kind, bool, list[str], str, str]  # kind, hard, recipients, status, diagnostic


def parsed(raw: bytes) -> Message:
    """The mail, whatever line ends it has; mbox's first line is left out."""
    raw = raw[:LARGEST].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    raw = raw.lstrip(b"\xef\xbb\xbf\n\t ")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    return message_from_bytes(raw, policy=policy.compat32)


def header(part: Message, name: str) -> str:
    """One header in one line, decoded as far as it can be."""
    value = str(part.get(name, ""))
    with suppress(LookupError, ValueError, MessageError):  # then it is shown as it stands
        value = str(make_header(decode_header(value)))
    return " ".join(value.split())[:1000]


# Where the address stands that a mail was really delivered to, which VERP needs.
_ADDRESS = re.compile(r"[^\s<>,;:\"()]{1,100}@[^\s<>,;:\"()@]{1,255}")
ENVELOPE_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")


def _addresses(part: Message, *names: str) -> Iterator[str]:
    values = [str(value)[:2000] for name in names for value in part.get_all(name, [])]
    yield from _ADDRESS.findall(" ".join(values))[:MOST_ADDRESSES]


# --- Complaints: RFC 5965 -----------------------------------------------------------------------


def _complaint(mail: Message) -> Found | None:
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            fields = _fields(part)
            kind = fields["Feedback-Type"] or "abuse"
            recipients = [*_addresses(fields, "Original-Rcpt-To", "Removal-Recipient")]
            if kind.lower() == "not-spam":
                return Kind.OTHER, False, recipients, "", kind
            return Kind.COMPLAINT, False, recipients, "", str(kind)
    if header(mail, "Subject").startswith("complaint about message from "):  # Outlook.com's JMRP
        return Kind.COMPLAINT, False, [*_sent_to(mail)], "", "abuse"
    return None


def _fields(part: Message) -> Message:
    """The header-like fields of a report part, which the parser keeps as text or as a message."""
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        first: Message = payload[0]
        return first if first.keys() else message_from_bytes(_bytes(first).lstrip())
    return message_from_bytes(_bytes(part).lstrip())


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


# --- Automatic answers: RFC 3834 and what came before it ----------------------------------------

_AWAY = re.compile(
    r"^(auto(matic|mated)?[\s-]*(reply|response|antwort)|autoreply|out of (the )?office|vacation"
    r"|abwesenheit|réponse automatique|respuesta automática|risposta automatica|自動応答)",
    re.IGNORECASE,
)


def _automatic(mail: Message) -> Found | None:
    """An absence note is about a person, not about an address; it is never a bounce."""
    if _is_report(mail) or _is_from_daemon(mail) or _FAILED.search(header(mail, "Subject")):
        return None
    replied = header(mail, "Auto-Submitted").lower().startswith(("auto-replied", "auto-notified"))
    marked = any(name in mail for name in ("X-Autoreply", "X-Autorespond", "X-Autoresponder"))
    if replied or marked or _AWAY.match(header(mail, "Subject")):
        return Kind.AUTO_REPLY, False, [], "", header(mail, "Subject")
    return None


def _is_report(mail: Message) -> bool:
    return any(part.get_content_type() == "message/delivery-status" for part in mail.walk())


# --- Delivery status: RFC 3464 ------------------------------------------------------------------


def _status(mail: Message) -> Found | None:
    """The worst that the blocks of a delivery status say, one block a recipient."""
    failed, delayed = [], []
    for block in _blocks(mail):
        action = header(block, "Action").lower().split(" ")[0]
        if action == "failed" or (not action and header(block, "Status").startswith("5")):
            failed.append(block)
        elif action == "delayed":
            delayed.append(block)
    if not (failed or delayed):
        return None
    blocks = failed or delayed
    status = _code(header(blocks[0], "Status"))
    diagnostic = _typed(header(blocks[0], "Diagnostic-Code"))
    recipients = [name for block in blocks for name in _recipients(block)]
    if not failed:
        return Kind.DELAYED, False, recipients, status, diagnostic
    return Kind.BOUNCE, is_hard(status, diagnostic), recipients, status, diagnostic


def _blocks(mail: Message) -> Iterator[Message]:
    for part in mail.walk():
        if part.get_content_type() == "message/delivery-status":
            payload = part.get_payload()
            yield from (
                block
                for block in (payload if isinstance(payload, list) else [])
                if isinstance(block, Message)
            )


def _recipients(block: Message) -> Iterator[str]:
    for name in ("Original-Recipient", "Final-Recipient"):
        address = _typed(header(block, name)).strip(" <>")
        if "@" in address:
            yield address
            return


def _typed(value: str) -> str:
    """The value of a typed field: `rfc822; a@b` is a@b."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and " " not in kind.strip() else value


def _code(text: str) -> str:
    found = re.search(r"\b[245]\.\d{1,3}\.\d{1,3}\b", text)
    return found.group() if found else ""


# --- Prose --------------------------------------------------------------------------------------


def _prose(mail: Message) -> Found | None:
    """What flufl.bounce makes of it: addresses that failed for now, and for good."""
    temporary, permanent = all_addresses(mail)
    if not (temporary or permanent):
        return None
    text = " ".join(_text(mail).split())
    status = _code(text)
    if not permanent:
        return Kind.DELAYED, False, sorted(temporary), status, text[:500]
    return Kind.BOUNCE, is_hard(status, text[:5000]), sorted(permanent), status, text[:500]


def all_addresses(mail: Message) -> tuple[set[str], set[str]]:
    """Addresses that failed for now and for good; both empty for what is no bounce."""
    try:
        temporary, permanent = all_failures(mail)
    except Exception:  # each of its seventeen detectors stumbles over mails of its own
        return set(), set()
    return _plain(temporary), _plain(permanent)


def _plain(addresses: Collection[bytes]) -> set[str]:
    found = (address.decode("utf-8", "replace").strip(" <>") for address in addresses)
    return {address for address in found if "@" in address}


def _text(mail: Message) -> str:
    """The first text part, which is what a person is told."""
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            return _bytes(part)[:LONGEST_TEXT].decode("utf-8", "replace")
    return ""


# --- Neither standard nor known: a mail system that says something failed ----------------------

_DAEMON = re.compile(
    r"^(mailer-?daemon|postmaster|mail-?daemon|mdaemon|double-?bounce|.*mail delivery.*)", re.I
)
_FAILED = re.compile(
    r"undeliver|not deliver|(mail|delivery|message) (system )?(fail|error|problem|status)"
    r"|returned (mail|to sender)|fail(ure|ed) notice|failure (notice|notification)"
    r"|delivery (has )?fail|error sending|rejected mail|bounce notification|mail failure",
    re.I,
)
_TRYING = re.compile(r"deferred|delayed|still trying|will (be )?retr|warning:|not yet been", re.I)


def _is_from_daemon(mail: Message) -> bool:
    return bool(_DAEMON.match(header(mail, "From").strip('"<> ')))


def _daemon(mail: Message) -> Found | None:
    """Words decide what kind it is; whom it was sent to stands in what is returned."""
    subject = header(mail, "Subject")
    returned = header(mail, "Return-Path") in ("<>", "<MAILER-DAEMON>")
    if not (_FAILED.search(subject) and (returned or _is_from_daemon(mail))):
        return None
    text = " ".join(_text(mail)[:5000].split())
    status = _code(text)
    recipients = [*_addresses(mail, "X-Failed-Recipients")] or [*_sent_to(mail)]
    if _TRYING.search(subject) and not status.startswith("5"):
        return Kind.DELAYED, False, recipients, status, text
    return Kind.BOUNCE, is_hard(status, text), recipients, status, text


_TO = re.compile(r"^[> \t|]*To:[ \t]*(.{3,300})$", re.MULTILINE)


def _sent_to(mail: Message) -> Iterator[str]:
    """Whom the returned mail was sent to: a part of its own, or its headers in the text."""
    for part in list(mail.walk())[1:]:
        yield from _addresses(part, "To", "X-HmXmrOriginalRecipient")
    for line in _TO.findall(_text(mail))[:1]:
        yield from _ADDRESS.findall(line)


# --- Which mail came back -----------------------------------------------------------------------

_MESSAGE_ID = re.compile(r"^[> \t|]*Message-I[Dd]:\s*(<[^<>\s]{3,250}>)", re.MULTILINE)


def _message_ids(mail: Message) -> Iterator[str]:
    """Message-IDs of mails sent back: as a part, as its headers, quoted, or as what is answered."""
    found = [header(mail, name) for name in ("In-Reply-To", "References", "X-Original-Message-ID")]
    for part in list(mail.walk())[1:]:
        found.append(header(part, "Message-ID"))
        if part.get_content_maintype() in ("text", "message") and not part.is_multipart():
            found += _MESSAGE_ID.findall(_bytes(part)[:LONGEST_TEXT].decode("utf-8", "replace"))
    if not mail.is_multipart():
        found += _MESSAGE_ID.findall(_bytes(mail)[:LONGEST_TEXT].decode("utf-8", "replace"))
    ids = [one for value in found for one in re.findall(r"<[^<>\s]{3,250}>", value)]
    yield from list(dict.fromkeys(ids))[:MOST_ADDRESSES]
