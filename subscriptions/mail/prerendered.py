"""Text with blanks: rendered and encoded once, filled in often. Pure.

A template is rendered with `blank(name)` wherever a personal value is to stand. What is around the
blanks is kept both as text and quoted-printable, so that a message is joined and not encoded.
"""

from __future__ import annotations

import re
import secrets
from binascii import b2a_qp
from collections.abc import Mapping
from functools import lru_cache
from html import escape

WIDTH = 72  # characters of a line of plain text
CRLF = b"\r\n"
SOFT_BREAK = b"=\r\n"
LONGEST_LINE = 76  # of quoted-printable, with its soft break

_MARK = f"blank{secrets.token_hex(8)}"  # no title can hold what nobody can know
_BLANK = re.compile(rf"{_MARK}\.(\w+)\.")


def slot(name: str) -> str:
    """What a template is given for a value that comes later. It passes unchanged through escaping;
    filters that would look at the value, or cut it, are no use on it."""
    return f"{_MARK}.{name}."


class PrerenderedTemplate:
    """A rendered template: `blanks` are a piece of text, the name of the blank behind it and, in
    plain text, the column where that stands; `end` is the text behind the last one.

    In HTML values are escaped. In plain text their lines are wrapped, the first one from where the
    blank stands.
    """

    __slots__ = ("blanks", "encoded_blanks", "encoded_end", "end", "is_html")

    def __init__(self, rendered: str, *, is_html: bool) -> None:
        text = rendered.replace("\r\n", "\n").replace("\r", "\n")
        parts = _BLANK.split(text)
        if any(_MARK[:12] in part.lower() for part in parts):
            raise ValueError("A filter of the template changed a blank.")
        self.is_html, self.end = is_html, parts[-1]
        self.blanks = tuple(
            (piece, name, 0 if is_html else len(piece.rpartition("\n")[2]))
            for piece, name in zip(parts[:-1:2], parts[1::2], strict=True)
        )
        self.encoded_end = encoded(self.end)
        self.encoded_blanks = tuple(
            (encoded(piece), name, column) for piece, name, column in self.blanks
        )

    def fill(self, values: Mapping[str, Value]) -> FilledTemplate:
        """`values` holds at least this stencil's names."""
        return FilledTemplate(self, values)


class FilledTemplate:
    """A stencil with its values: `str` of it is the text, `encoded` what goes over the wire."""

    __slots__ = ("_wire", "stencil", "values")

    def __init__(self, stencil: PrerenderedTemplate, values: Mapping[str, Value]) -> None:
        self.stencil, self.values = stencil, values
        self._wire: bytes | None = None

    def __str__(self) -> str:
        parts: list[str] = []
        self._add_text(parts)
        return "".join(parts)

    def encoded(self) -> bytes:
        """UTF-8, quoted-printable, lines of at most 76 characters that end in CRLF."""
        if self._wire is None:
            parts: list[bytes] = []
            self._add_wire(parts)
            self._wire = b"".join(parts)
        return self._wire

    def _add_text(self, parts: list[str]) -> None:
        stencil, values = self.stencil, self.values
        for piece, name, column in stencil.blanks:
            parts.append(piece)
            value = values[name]
            if isinstance(value, str):
                parts.append(escape(value) if stencil.is_html else wrapped(value, column))
            else:
                value._add_text(parts)
        parts.append(stencil.end)

    def _add_wire(self, parts: list[bytes]) -> None:
        stencil, values = self.stencil, self.values
        for piece, name, column in stencil.encoded_blanks:
            parts.append(piece)
            value = values[name]
            if isinstance(value, str):
                parts.append(_filled_in(value, stencil.is_html, column))
            else:
                value._add_wire(parts)
        parts.append(stencil.encoded_end)


Value = str | FilledTemplate


@lru_cache(maxsize=4096)  # a reader's token stands twice with each paper, a reason in many mails
def _filled_in(value: str, is_html: bool, column: int) -> bytes:
    return encoded(escape(value) if is_html else wrapped(value, column))


def wrapped(value: str, column: int) -> str:
    """A value in lines of at most WIDTH characters, the first of which starts at `column`; words
    stay whole, and the first one where it is."""
    if column + len(value) <= WIDTH:
        return value
    lines: list[list[str]] = []
    room = WIDTH - column
    for word in value.split():
        if lines and len(word) < room:
            lines[-1].append(word)
            room -= len(word) + 1
        else:
            room = (WIDTH if lines else room) - len(word)
            lines.append([word])
    return "\n".join(map(" ".join, lines))


def encoded(text: str) -> bytes:
    """Quoted-printable that may stand anywhere among others: it starts on a line of its own and
    ends one, with a soft break where `text` has none."""
    if not text:
        return b""
    lines = b2a_qp(text.encode()).replace(b"\n", CRLF)
    if text.endswith("\n"):
        return lines
    last = len(lines) - (lines.rfind(b"\n") + 1)
    if last > LONGEST_LINE - 1:  # it has no room for the soft break; its last sign stands alone
        sign = 3 if lines[-3:-2] == b"=" else 1
        lines = lines[:-sign] + SOFT_BREAK + lines[-sign:]
    return lines + SOFT_BREAK
