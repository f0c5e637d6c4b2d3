from __future__ import annotations

import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.mail.prerendered import PrerenderedTemplate, encoded, slot, wrapped

ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


def decoded(wire: bytes) -> str:
    return quopri.decodestring(wire).decode().replace("\r\n", "\n")


@given(st.lists(ANY, min_size=1, max_size=4), ANY, st.booleans())
def test_what_goes_over_the_wire_is_the_text(pieces: list[str], value: str, is_html: bool) -> None:
    stencil = PrerenderedTemplate(slot("value").join(pieces) + "\n", is_html=is_html)
    filled = stencil.fill({"value": value})
    wire = filled.encoded()
    assert decoded(wire) == str(filled)
    assert wire.isascii()
    assert wire.endswith(b"\r\n")
    assert max(map(len, wire.split(b"\r\n"))) <= 76
    assert b"\n" not in wire.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "text", ["0" * 76, "0" * 73 + "\x1f", "line\n" + "0" * 75, "é" * 12 + "0" * 4]
)
def test_a_last_line_without_room_for_a_soft_break_is_broken_before(text: str) -> None:
    wire = encoded(text)
    assert max(map(len, wire.split(b"\r\n"))) <= 76
    assert decoded(wire + b"\r\n") == f"{text}\n"


def test_values_are_escaped_in_html_only() -> None:
    rendered = f'<a href="{slot("url")}">'
    values = {"url": '"><script>&'}
    assert str(PrerenderedTemplate(rendered, is_html=True).fill(values)) == (
        '<a href="&quot;&gt;&lt;script&gt;&amp;">'
    )
    assert (
        str(PrerenderedTemplate(rendered, is_html=False).fill(values)) == '<a href=""><script>&">'
    )


def test_a_stencil_stands_in_another() -> None:
    inner = PrerenderedTemplate(f"[{slot('n')}]\n", is_html=True)
    outer = PrerenderedTemplate(f"{slot('one')}-{slot('two')}\n", is_html=True)
    filled = outer.fill({name: inner.fill({"n": f"<{name}>"}) for name in ("one", "two")})
    assert str(filled) == "[&lt;one&gt;]\n-[&lt;two&gt;]\n\n"
    assert decoded(filled.encoded()) == str(filled)


def test_a_filter_that_changes_a_blank_is_found_out() -> None:
    for changed in (slot("title")[:20] + "…", slot("title").upper()):
        with pytest.raises(ValueError, match="changed a blank"):
            PrerenderedTemplate(changed, is_html=True)


def test_lines_of_text_are_wrapped_from_where_the_blank_stands() -> None:
    filled = PrerenderedTemplate(f"Why: {slot('why')}\n", is_html=False).fill({"why": "word " * 40})
    lines = str(filled).splitlines()
    assert lines[0].startswith("Why: word word")
    assert 60 < len(lines[0]) <= 72
    assert len(lines) == 3
    assert all(len(line) <= 72 for line in lines)


@given(st.text("ab -", max_size=300), st.integers(0, 100))
def test_wrapping_changes_nothing_but_spaces(value: str, column: int) -> None:
    assert wrapped(value, column).split() == value.split()


def test_a_long_link_stays_whole() -> None:
    link = "https://example.org/" + "x" * 200
    assert link in wrapped(f"It has code now: {link}", 70)


def test_nothing_is_encoded_as_nothing() -> None:
    assert encoded("") == b""
