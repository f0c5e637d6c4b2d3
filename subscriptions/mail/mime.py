"""One email as plain values, and as the bytes to send. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache

from subscriptions.mail.addresses import wire_address
from subscriptions.mail.prerendered import FilledTemplate

MAX_HEADER_LENGTH = 74  # characters that need no folding
BOUNDARY = "=_paperboy"  # never in quoted-printable text
PART_HEADER = (
    "--{}\r\nContent-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
    "\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One email, ready to be sent.

    `to` is the bare address. `headers` excludes From, To, Subject, Date and MIME headers. For the
    provider's records, `public_id` identifies the digest or message (`kind`), and `tag` its edition
    or kind. `return_path` is the envelope sender if it differs from the sender's address.
    """

    to: str
    subject: str
    text: FilledTemplate
    html: FilledTemplate
    headers: Mapping[str, str] = field(default_factory=dict)
    public_id: str = ""
    kind: str = "digest"
    tag: str = ""
    return_path: str = ""

    def as_bytes(self, sender: str, date: datetime) -> bytes:
        """Return the message as multipart/alternative, text first, with CRLF.

        It is ASCII, except for an address that needs SMTPUTF8.
        """
        lines = {
            "From": sender,
            "To": wire_address(self.to),
            "Subject": _encode_text_header("Subject", self.subject),
            "Date": format_datetime(date),
            **{name: _fold(value) for name, value in self.headers.items()},
            "MIME-Version": "1.0",
            "Content-Type": f'multipart/alternative; boundary="{BOUNDARY}"',
        }
        if any("\n" in value.replace("\r\n ", "") for value in lines.values()):
            raise ValueError("A header contains a line break.")
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return b"".join(
            (
                f"{head}\r\n{PART_HEADER.format(BOUNDARY, 'plain')}".encode(),
                self.text.encoded(),
                f"\r\n{PART_HEADER.format(BOUNDARY, 'html')}".encode(),
                self.html.encoded(),
                f"\r\n--{BOUNDARY}--\r\n".encode(),
            )
        )


@lru_cache(maxsize=1024)  # many readers of an edition get the same subject
def _encode_text_header(name: str, value: str) -> str:
    """Encode and fold a header of free text if needed."""
    if value.isascii() and len(name) + len(value) < MAX_HEADER_LENGTH:
        return value
    charset = None if value.isascii() else "utf-8"
    return Header(value, charset, header_name=name).encode(linesep="\r\n")


def _fold(value: str) -> str:
    """Fold a header of several addresses in angle brackets, one per line."""
    return value.replace(">, <", ">,\r\n <")
