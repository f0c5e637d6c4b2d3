"""Text with blanks: rendered and encoded once, filled in often. Pure.

A template is rendered with `blank(name)` wherever a personal value is to stand. What is around the
blanks is kept both as text and quoted-printable, so that a message is joined and not encoded.
"""

from __future__ import annotations

import re
import secrets
import textwrap
from binascii import b2a_qp
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html import escape

WIDTH = 72  # characters of a line of plain text
CRLF = b"\r\n"
SOFT_BREAK = b"=\r\n"

_MARK = f"blank{secrets.token_hex(8)}"  # no title can hold what nobody can know
_BLANK = re.compile(rf"{_MARK}\.(\w+)\.")


def blank(name: str) -> str:
    """What a template is given for a value that comes later. It passes unchanged through escaping;
    filters that would look at the value, or cut it, are no use on it."""
    return f"{_MARK}.{name}."


class Stencil:
    """A rendered template: `pieces` of text and between each two of them the `names` of a blank.

    In HTML values are escaped. In plain text their lines are wrapped, the first one from where the
    blank stands.
    """

    __slots__ = ("_columns", "_encoded", "is_html", "names", "pieces")

    def __init__(self, rendered: str, *, is_html: bool) -> None:
        text = rendered.replace("\r\n", "\n").replace("\r", "\n")
        parts = _BLANK.split(text)
        if any(_MARK[:12] in part.lower() for part in parts):
            raise ValueError("A filter of the template changed a blank.")
        self.pieces, self.names = tuple(parts[::2]), tuple(parts[1::2])
        self.is_html = is_html
        self._encoded = tuple(encoded(piece) for piece in self.pieces)
        self._columns = tuple(len(piece.rpartition("\n")[2]) for piece in self.pieces[:-1])

    def fill(self, values: Mapping[str, Value]) -> Filled:
        """`values` holds at least this stencil's names."""
        return Filled(self, values)


class Filled:
    """A stencil with its values: `str` of it is the text, `encoded` what goes over the wire."""

    __slots__ = ("stencil", "values")

    def __init__(self, stencil: Stencil, values: Mapping[str, Value]) -> None:
        self.stencil, self.values = stencil, values

    def __str__(self) -> str:
        return "".join(self._text())

    def encoded(self) -> bytes:
        """UTF-8, quoted-printable, lines of at most 76 characters that end in CRLF."""
        return b"".join(self._wire())

    def _text(self) -> Iterator[str]:
        stencil, values = self.stencil, self.values
        yield stencil.pieces[0]
        for name, column, piece in zip(
            stencil.names, stencil._columns, stencil.pieces[1:], strict=True
        ):
            value = values[name]
            if isinstance(value, str):
                yield escape(value) if stencil.is_html else wrapped(value, column)
            else:
                yield from value._text()
            yield piece

    def _wire(self) -> Iterator[bytes]:
        stencil, values = self.stencil, self.values
        pieces = iter(stencil._encoded)
        yield next(pieces)
        for name, column, piece in zip(stencil.names, stencil._columns, pieces, strict=True):
            value = values[name]
            if isinstance(value, str):
                yield _filled_in(value, stencil.is_html, column)
            else:
                yield from value._wire()
            yield piece


Value = str | Filled


@lru_cache(maxsize=4096)  # a reader's token stands twice with each paper, a reason in many mails
def _filled_in(value: str, is_html: bool, column: int) -> bytes:
    return encoded(escape(value) if is_html else wrapped(value, column))


def wrapped(value: str, column: int) -> str:
    """A value in lines of at most WIDTH characters, the first of which starts at `column`; words
    stay whole, and the first one where it is."""
    if column + len(value) <= WIDTH or " " not in value:
        return value
    first, _, rest = value.partition(" ")
    start = column + len(first)
    lines = textwrap.wrap(
        f"{'-' * start} {rest}", WIDTH, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join([first + lines[0][start:], *lines[1:]])


def encoded(text: str) -> bytes:
    """Quoted-printable that may stand anywhere among others: it starts on a line of its own and
    ends one, with a soft break where `text` has none."""
    if not text:
        return b""
    lines = b2a_qp(text.encode()).replace(b"\n", CRLF)
    return lines if text.endswith("\n") else lines + SOFT_BREAK
