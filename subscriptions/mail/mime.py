"""One mail as plain values, and as the bytes that go over the wire. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.header import Header
from email.utils import format_datetime
from functools import lru_cache

from subscriptions.mail.addresses import wire_address
from subscriptions.mail.prerendered import FilledTemplate

HEADER_WIDTH = 74  # characters of a line that need no folding
BOUNDARY = "=_paperboy"  # quoted-printable text never holds "=_"
PART = (
    "--{}\r\nContent-Type: text/{}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
    "\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail, ready to be handed over.

    `to` is the bare address; `headers` are those beside From, To, Subject, Date and MIME's own;
    `public_id` names the digest or message (`kind`) and `tag` what it is one of, for the provider's
    records; `return_path` is the envelope's sender where that is not the sender's own address.
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
        """The whole message: multipart/alternative, text first, CRLF.

        ASCII, but for an address that needs SMTPUTF8.
        """
        lines = {
            "From": sender,
            "To": wire_address(self.to),
            "Subject": _text_header("Subject", self.subject),
            "Date": format_datetime(date),
            **{name: _folded(value) for name, value in self.headers.items()},
            "MIME-Version": "1.0",
            "Content-Type": f'multipart/alternative; boundary="{BOUNDARY}"',
        }
        if any("\n" in value.replace("\r\n ", "") for value in lines.values()):
            raise ValueError("A header holds a line break.")
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return b"".join(
            (
                f"{head}\r\n{PART.format(BOUNDARY, 'plain')}".encode(),
                self.text.encoded(),
                f"\r\n{PART.format(BOUNDARY, 'html')}".encode(),
                self.html.encoded(),
                f"\r\n--{BOUNDARY}--\r\n".encode(),
            )
        )


@lru_cache(maxsize=1024)  # many readers of an edition share the subject
def _text_header(name: str, value: str) -> str:
    """A header of free text, encoded and folded where need be."""
    if value.isascii() and len(name) + len(value) < HEADER_WIDTH:
        return value
    charset = None if value.isascii() else "utf-8"
    return Header(value, charset, header_name=name).encode(linesep="\r\n")


def _folded(value: str) -> str:
    """A header of several addresses in angle brackets, one on each line."""
    return value.replace(">, <", ">,\r\n <")
