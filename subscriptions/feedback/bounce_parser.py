"""Reading mails that come back: bounces, complaints, automatic answers (pure).

Standard reports (RFC 3464 delivery status, RFC 5965 feedback) are read with the standard library;
the many mail systems that write prose are left to flufl.bounce, the collection Mailman uses. Who
is meant is never taken from the words of a mail, which anybody can write: callers find our own
reader by `sent_to` (the address the mail came to) or `message_ids` (of the mail sent back).
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email import message_from_bytes, message_from_string, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from enum import StrEnum
from quopri import decodestring

from flufl.bounce import all_failures

from subscriptions.feedback.bounce_severity import enhanced_code, is_hard

LARGEST = 1_000_000  # bytes looked at; a report is at the front, what is returned comes after
LONGEST_TEXT = 100_000  # characters of prose searched
MOST_ADDRESSES = 50  # that one mail may name


class Kind(StrEnum):
    """What a mail in the bounce mailbox is."""

    BOUNCE = "bounce"
    DELAYED = "delayed"  # the other side goes on trying
    COMPLAINT = "complaint"
    OPT_OUT = "opt_out"  # a wish to get no more, passed on by the reader's mail provider
    DELIVERED = "delivered"
    RELAYED = "relayed"  # to a system that reports no more
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


def parse_bounce(raw: bytes) -> Returned:
    """What a mail is and says; never raises, whatever the bytes are."""
    mail = parsed(raw)
    readers = (_feedback, _receipt, _automatic, _status, _success, _warning, _prose, _daemon)
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


# --- Feedback: RFC 5965, RFC 6591 ---------------------------------------------------------------

# What a person says. Failed authentication (`auth-failure`, for DMARC's reports), `not-spam` and
# whatever is not known are no complaint: they are left for somebody to look at.
FEEDBACK = {
    "": Kind.COMPLAINT,
    "abuse": Kind.COMPLAINT,
    "fraud": Kind.COMPLAINT,
    "virus": Kind.COMPLAINT,
    "opt-out": Kind.OPT_OUT,
    "opt-out-list": Kind.OPT_OUT,
}


def _feedback(mail: Message) -> Found | None:
    for part in mail.walk():
        if part.get_content_type() == "message/feedback-report":
            fields = _fields(part)
            said = header(fields, "Feedback-Type")
            recipients = [*_addresses(fields, "Original-Rcpt-To", "Removal-Recipient")]
            return _feedback_kind(fields, said), False, recipients, "", said or "abuse"
    if header(mail, "Subject").startswith("complaint about message from "):  # Outlook.com's JMRP
        return Kind.COMPLAINT, False, [*_sent_to(mail)], "", "abuse"
    return None


def _feedback_kind(fields: Message, said: str) -> Kind:
    if "Auth-Failure" in fields:
        return Kind.OTHER
    word = re.split(r"[\s;(]", said.lower().replace("_", "-"), maxsplit=1)[0]
    return FEEDBACK.get(word, Kind.OTHER)


def _receipt(mail: Message) -> Found | None:
    """Whether a mail was read (RFC 8098) says nothing of an address, whatever its subject is."""
    kinds = {part.get_content_type() for part in mail.walk()}
    receipt = "message/disposition-notification" in kinds and not kinds & set(_STATUS_TYPES)
    return (Kind.OTHER, False, [], "", "receipt") if receipt else None


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
    return any(part.get_content_type() in _STATUS_TYPES for part in mail.walk())


# --- Delivery status: RFC 3464, and RFC 6533 for addresses beyond ASCII ---------------------------

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
# From the best to the worst that a block says of its recipient.
_ACTIONS = {
    "expanded": Kind.RELAYED,
    "relayed": Kind.RELAYED,
    "delivered": Kind.DELIVERED,
    "delayed": Kind.DELAYED,
    "failed": Kind.BOUNCE,
}


def _status(mail: Message) -> Found | None:
    """The worst that the blocks of a delivery status say, one block a recipient."""
    said = [(kind, block) for block in _blocks(mail) if (kind := _action(block))]
    if not said:
        return None
    order = list(_ACTIONS.values())
    worst = max((kind for kind, _ in said), key=order.index)
    blocks = [block for kind, block in said if kind == worst]
    status = enhanced_code(header(blocks[0], "Status"))
    diagnostic = _typed(header(blocks[0], "Diagnostic-Code"))
    recipients = [name for block in blocks for name in _recipients(block)]
    hard = worst == Kind.BOUNCE and is_hard(status, diagnostic)
    return worst, hard, recipients, status, diagnostic


def _action(block: Message) -> Kind | None:
    action = header(block, "Action").lower().split(" ")[0]
    if not action and header(block, "Status").startswith("5"):
        return Kind.BOUNCE
    return _ACTIONS.get(action)


def _blocks(mail: Message) -> Iterator[Message]:
    for part in mail.walk():
        if part.get_content_type() in _STATUS_TYPES:
            yield from map(message_from_string, re.split(r"\n\s*\n", _text_of_report(part)))


def _text_of_report(part: Message) -> str:
    """The text of a part that the standard library takes for messages, or leaves encoded."""
    payload = part.get_payload()
    inside = payload if isinstance(payload, list) else []
    raw = b"\n\n".join(one.as_bytes().strip() for one in inside if isinstance(one, Message))
    encoding = header(part, "Content-Transfer-Encoding").lower()
    with suppress(ValueError):  # then it is what it seems to be
        if encoding == "base64":
            raw = b64decode(b"".join(raw.split()), validate=True)
        elif encoding == "quoted-printable":
            raw = decodestring(raw)
    return raw[:LONGEST_TEXT].decode("utf-8", "replace").strip()


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


# --- Words that it arrived, or that it is still being tried ---------------------------------------

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


def _success(mail: Message) -> Found | None:
    """A report without fields that a mail arrived, or was passed on."""
    found = _ARRIVED.search(header(mail, "Subject"))
    if not (found and _is_from_system(mail)):
        return None
    arrived = found.group().strip("()").lower() in ("success", "delivered")
    return Kind.DELIVERED if arrived else Kind.RELAYED, False, [*_sent_to(mail)], "", ""


def _warning(mail: Message) -> Found | None:
    """A mail system that goes on trying says so; it may quote the answer that it got so far."""
    text = " ".join(_own_text(mail).split())[:5000]
    if not _is_from_system(mail) or _GIVEN_UP.search(text) or not _STILL_TRYING.search(text):
        return None
    temporary, permanent = all_addresses(mail)
    recipients = sorted(temporary | permanent) or [*_sent_to(mail)]
    return Kind.DELAYED, False, recipients, enhanced_code(text), text[:500]


def _is_from_system(mail: Message) -> bool:
    returned = header(mail, "Return-Path") in ("<>", "<MAILER-DAEMON>")
    return returned or _is_from_daemon(mail)


# --- Prose --------------------------------------------------------------------------------------


def _prose(mail: Message) -> Found | None:
    """What flufl.bounce makes of it: addresses that failed for now, and for good."""
    temporary, permanent = all_addresses(mail)
    if not (temporary or permanent):
        return None
    text = _answer(mail)
    status = enhanced_code(text)
    if _says_delivered(status, text):
        return Kind.OTHER, False, sorted(temporary | permanent), status, text[:500]
    if not permanent:
        return Kind.DELAYED, False, sorted(temporary), status, text[:500]
    return Kind.BOUNCE, is_hard("", text), sorted(permanent), status, text[:500]


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


# Where a mail that is sent back begins: what we wrote ourselves says nothing of an address.
_SENT_BACK = re.compile(
    r"^[ \t>*-]{0,10}(?:(?:(?:this|attachment) is a copy of|below this line is a copy"
    r"|(?:the )?(?:original|returned|unsent) message|message header|headers of the|begin of"
    r"|start of|included is|here is|received:|return-path:|message-id:|-+ original)\b.{0,200}"
    r"|-{3,}=?_.{0,200})$",
    re.I | re.M,
)
_SMTP_ANSWER = re.compile(r"(?<![\d.])[45]\d\d[ -]|(?<![\d.])[45]\.[0-7]\.\d{1,3}\b")
_ANSWER_LINES = 4  # an answer with the lines it is wrapped into


def _own_text(mail: Message) -> str:
    """What the mail system itself says, without the mail that it sends back."""
    text = _text(mail)
    found = _SENT_BACK.search(text, 1)
    return text[: found.start()] if found else text


def _answer(mail: Message) -> str:
    """The answer that was given to our mail, where one is quoted, else all that is said; one
    line. A mail system's advice around it names every cause there may be."""
    lines = _own_text(mail)[:20_000].splitlines()
    first = next((n for n, line in enumerate(lines) if _SMTP_ANSWER.search(line)), None)
    told = lines[:200] if first is None else lines[first : first + _ANSWER_LINES]
    return " ".join(" ".join(told).split())[:5000]


def _says_delivered(status: str, answer: str) -> bool:
    return status.startswith("2") and not _SMTP_ANSWER.search(answer)


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
    if not (_FAILED.search(subject) and _is_from_system(mail)):
        return None
    text = _answer(mail)
    status = enhanced_code(text)
    recipients = [*_addresses(mail, "X-Failed-Recipients")] or [*_sent_to(mail)]
    if _says_delivered(status, text):
        return Kind.OTHER, False, recipients, status, text
    if _TRYING.search(subject) and not status.startswith("5"):
        return Kind.DELAYED, False, recipients, status, text
    return Kind.BOUNCE, is_hard("", text), recipients, status, text


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
