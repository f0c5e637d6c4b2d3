"""Templates with slots: rendered and encoded once, filled for each reader. Pure.

A template is rendered with `slot(name)` in place of each personal value. The text between the slots
is kept both as text and quoted-printable, so that a message is joined instead of rendered.
tests/subscriptions/mail/test_prerendered.py has a plain reference.

Measured gain: assembling a digest takes 0.4 ms. Rendering it with Django and sending it takes a
process 17 ms (docs/experiments/delivery.md).
"""

from __future__ import annotations

import re
import secrets
from binascii import b2a_qp
from collections.abc import Mapping
from functools import lru_cache
from html import escape

WIDTH = 72  # characters in a line of plain text
CRLF = b"\r\n"
SOFT_BREAK = b"=\r\n"
MAX_LINE_LENGTH = 76  # of quoted-printable, with its soft break

_MARK = f"slot{secrets.token_hex(8)}"  # random, so that no title can contain it
_SLOT = re.compile(rf"{_MARK}\.(\w+)\.")


def slot(name: str) -> str:
    """Return the placeholder for a value that is filled in later.

    It passes unchanged through escaping. Template filters cannot read or cut the value.
    """
    return f"{_MARK}.{name}."


class PrerenderedTemplate:
    """A rendered template, split at its slots.

    `slots` holds tuples of the text before a slot, the slot's name and, in plain text, its column;
    `end` is the text after the last slot. Values are escaped in HTML, and wrapped in plain text.
    """

    __slots__ = ("encoded_end", "encoded_slots", "end", "is_html", "slots")

    def __init__(self, rendered: str, *, is_html: bool) -> None:
        text = rendered.replace("\r\n", "\n").replace("\r", "\n")
        parts = _SLOT.split(text)
        if any(_MARK[:12] in part.lower() for part in parts):
            raise ValueError("A filter of the template changed a slot.")
        self.is_html, self.end = is_html, parts[-1]
        self.slots = tuple(
            (piece, name, 0 if is_html else len(piece.rpartition("\n")[2]))
            for piece, name in zip(parts[:-1:2], parts[1::2], strict=True)
        )
        self.encoded_end = encode(self.end)
        self.encoded_slots = tuple(
            (encode(piece), name, column) for piece, name, column in self.slots
        )

    def fill(self, values: Mapping[str, Value]) -> FilledTemplate:
        """Return the template with these values, which must include every slot's name."""
        return FilledTemplate(self, values)


class FilledTemplate:
    """A template with its values: `str()` returns the text, `encoded()` the bytes to send."""

    __slots__ = ("_encoded", "template", "values")

    def __init__(self, template: PrerenderedTemplate, values: Mapping[str, Value]) -> None:
        self.template, self.values = template, values
        self._encoded: bytes | None = None

    def __str__(self) -> str:
        parts: list[str] = []
        self._add_text(parts)
        return "".join(parts)

    def encoded(self) -> bytes:
        """Return UTF-8 as quoted-printable: lines of at most 76 characters that end in CRLF."""
        if self._encoded is None:
            parts: list[bytes] = []
            self._add_encoded(parts)
            self._encoded = b"".join(parts)
        return self._encoded

    def _add_text(self, parts: list[str]) -> None:
        template, values = self.template, self.values
        for piece, name, column in template.slots:
            parts.append(piece)
            value = values[name]
            if isinstance(value, str):
                parts.append(escape(value) if template.is_html else wrap(value, column))
            else:
                value._add_text(parts)
        parts.append(template.end)

    def _add_encoded(self, parts: list[bytes]) -> None:
        template, values = self.template, self.values
        for piece, name, column in template.encoded_slots:
            parts.append(piece)
            value = values[name]
            if isinstance(value, str):
                parts.append(_encode_value(value, template.is_html, column))
            else:
                value._add_encoded(parts)
        parts.append(template.encoded_end)


Value = str | FilledTemplate


@lru_cache(maxsize=4096)  # a reader's token occurs twice per paper, a reason in many emails
def _encode_value(value: str, is_html: bool, column: int) -> bytes:
    return encode(escape(value) if is_html else wrap(value, column))


def wrap(value: str, column: int) -> str:
    """Wrap a value that starts at `column` to lines of at most WIDTH characters.

    Words stay whole, and the first word stays on its line.
    """
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


def encode(text: str) -> bytes:
    """Return quoted-printable that can be joined with other pieces.

    It starts on a line of its own and ends one, with a soft break if `text` ends without a newline.
    """
    if not text:
        return b""
    lines = b2a_qp(text.encode()).replace(b"\n", CRLF)
    if text.endswith("\n"):
        return lines
    last = len(lines) - (lines.rfind(b"\n") + 1)
    if last > MAX_LINE_LENGTH - 1:  # no room for the soft break: move the last character down
        width = 3 if lines[-3:-2] == b"=" else 1
        lines = lines[:-width] + SOFT_BREAK + lines[-width:]
    return lines + SOFT_BREAK
