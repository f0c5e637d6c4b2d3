from __future__ import annotations

import quopri
import textwrap
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.mail.prerendered import WIDTH, PrerenderedTemplate, encode, slot, wrap

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


def decode(encoded: bytes) -> str:
    return quopri.decodestring(encoded).decode().replace("\r\n", "\n")


def wrap_plainly(value: str, column: int) -> str:
    """The reference for `wrap`: the standard library, with the column as a word of that length."""
    if column + len(value) <= WIDTH:
        return value
    placeholder = "x" * column
    lines = textwrap.wrap(
        placeholder + " ".join(value.split()),
        WIDTH,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)[column:]


WORDS = st.lists(st.text("abc<&é-", min_size=1, max_size=30), max_size=20).map(" ".join)


@given(st.lists(ANY_TEXT, min_size=1, max_size=4), WORDS, st.booleans())
def test_a_filled_template_is_its_pieces_and_values_joined(
    pieces: list[str], value: str, is_html: bool
) -> None:
    rendered = "".join(f"{piece}{slot('value')}" for piece in pieces)
    filled = PrerenderedTemplate(rendered, is_html=is_html).fill({"value": value})
    assert str(filled) == "".join(
        piece + fill_plainly(value, len(piece.rpartition("\n")[2]), is_html) for piece in pieces
    )


def fill_plainly(value: str, column: int, is_html: bool) -> str:
    return escape(value) if is_html else wrap_plainly(value, column)


@given(st.lists(ANY_TEXT, min_size=1, max_size=4), ANY_TEXT, st.booleans())
def test_the_encoded_bytes_are_the_text(pieces: list[str], value: str, is_html: bool) -> None:
    template = PrerenderedTemplate(slot("value").join(pieces) + "\n", is_html=is_html)
    filled = template.fill({"value": value})
    encoded = filled.encoded()
    assert decode(encoded) == str(filled)
    assert encoded.isascii()
    assert encoded.endswith(b"\r\n")
    assert max(map(len, encoded.split(b"\r\n"))) <= 76
    assert b"\n" not in encoded.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "text", ["0" * 76, "0" * 73 + "\x1f", "line\n" + "0" * 75, "é" * 12 + "0" * 4]
)
def test_a_last_line_without_room_for_a_soft_break_is_broken_earlier(text: str) -> None:
    encoded = encode(text)
    assert max(map(len, encoded.split(b"\r\n"))) <= 76
    assert decode(encoded + b"\r\n") == f"{text}\n"


def test_values_are_escaped_in_html_only() -> None:
    rendered = f'<a href="{slot("url")}">'
    values = {"url": '"><script>&'}
    html = PrerenderedTemplate(rendered, is_html=True).fill(values)
    text = PrerenderedTemplate(rendered, is_html=False).fill(values)
    assert str(html) == '<a href="&quot;&gt;&lt;script&gt;&amp;">'
    assert str(text) == '<a href=""><script>&">'


def test_a_filled_template_can_fill_a_slot() -> None:
    inner = PrerenderedTemplate(f"[{slot('n')}]\n", is_html=True)
    outer = PrerenderedTemplate(f"{slot('first')}-{slot('second')}\n", is_html=True)
    filled = outer.fill({name: inner.fill({"n": f"<{name}>"}) for name in ("first", "second")})
    assert str(filled) == "[&lt;first&gt;]\n-[&lt;second&gt;]\n\n"
    assert decode(filled.encoded()) == str(filled)


def test_a_filter_that_changes_a_slot_is_an_error() -> None:
    for changed in (slot("title")[:20] + "…", slot("title").upper()):
        with pytest.raises(ValueError, match="changed a slot"):
            PrerenderedTemplate(changed, is_html=True)


def test_text_is_wrapped_from_the_column_of_its_slot() -> None:
    filled = PrerenderedTemplate(f"Why: {slot('why')}\n", is_html=False).fill({"why": "word " * 40})
    lines = str(filled).splitlines()
    assert lines[0].startswith("Why: word word")
    assert 60 < len(lines[0]) <= 72
    assert len(lines) == 3
    assert all(len(line) <= 72 for line in lines)


@given(st.text("ab -", max_size=300), st.integers(0, 100))
def test_wrapping_changes_only_spaces(value: str, column: int) -> None:
    assert wrap(value, column).split() == value.split()


def test_a_long_link_stays_whole() -> None:
    link = "https://example.org/" + "x" * 200
    assert link in wrap(f"It has code now: {link}", 70)


def test_empty_text_is_encoded_as_nothing() -> None:
    assert encode("") == b""
