"""Read headers, addresses and texts of a returned mail. Pure.

Sizes are bounded: a returned mail may be huge or malformed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message

MAX_BYTES = 1_000_000  # of a mail; a report comes before the returned mail
MAX_TEXT_LENGTH = 100_000  # characters searched
MAX_ADDRESSES = 50  # from one mail
ADDRESS = re.compile(r"[^\s<>,;:\"()]{1,100}@[^\s<>,;:\"()@]{1,255}")
_TO = re.compile(r"^[> \t|]*To:[ \t]*(.{3,300})$", re.MULTILINE)
_DAEMON = re.compile(
    r"^(mailer-?daemon|postmaster|mail-?daemon|mdaemon|double-?bounce|.*mail delivery.*)", re.I
)


def parse_mail(raw: bytes) -> Message:
    """Parse a mail with line ends of any kind; an mbox separator line is dropped."""
    raw = raw[:MAX_BYTES].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    raw = raw.lstrip(b"\xef\xbb\xbf\n\t ")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    return message_from_bytes(raw, policy=policy.compat32)


def header(part: Message, name: str) -> str:
    """Return one header on one line, decoded as far as possible."""
    value = str(part.get(name, ""))
    with suppress(LookupError, ValueError, MessageError):  # keep it undecoded
        value = str(make_header(decode_header(value)))
    return " ".join(value.split())[:1000]


def addresses_in(part: Message, *names: str) -> Iterator[str]:
    """Yield the addresses in these headers."""
    values = [str(value)[:2000] for name in names for value in part.get_all(name, [])]
    yield from ADDRESS.findall(" ".join(values))[:MAX_ADDRESSES]


def payload_bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def first_text(mail: Message) -> str:
    """Return the first text part, which is written for people."""
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            return payload_bytes(part)[:MAX_TEXT_LENGTH].decode("utf-8", "replace")
    return ""


def original_recipients(mail: Message) -> Iterator[str]:
    """Yield the recipients of the returned mail, from its part or its quoted headers."""
    for part in list(mail.walk())[1:]:
        yield from addresses_in(part, "To", "X-HmXmrOriginalRecipient")
    for line in _TO.findall(first_text(mail))[:1]:
        yield from ADDRESS.findall(line)


def is_from_daemon(mail: Message) -> bool:
    return bool(_DAEMON.match(header(mail, "From").strip('"<> ')))


def is_from_system(mail: Message) -> bool:
    """Return whether a mail system sent this mail: an empty return path or a daemon's address."""
    has_empty_path = header(mail, "Return-Path") in ("<>", "<MAILER-DAEMON>")
    return has_empty_path or is_from_daemon(mail)
