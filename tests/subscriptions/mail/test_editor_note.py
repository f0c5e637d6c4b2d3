"""The editor's note: a little Markdown as harmless HTML and as plain text."""

from __future__ import annotations

import pytest

from subscriptions.mail import editor_note
from subscriptions.mail.editor_note import render_note, to_email_html, to_text


@pytest.mark.parametrize(
    ("typed", "html", "text"),
    [
        ("Good *morning*,\r\nall", "<p>Good <em>morning</em>,<br>\nall</p>", "Good morning,\nall"),
        ("One\n\n\nTwo", "<p>One</p>\n<p>Two</p>", "One\n\nTwo"),
        ("[a](https://e.org/?x=1&y=2)", '<p><a href="https://e.org/?x=1&amp;y=2">a</a></p>',
         "a (https://e.org/?x=1&y=2)"),
        ("https://e.org.", '<p><a href="https://e.org">https://e.org</a>.</p>', "https://e.org."),
        ("[m](mailto:a@e.org)", '<p><a href="mailto:a@e.org">m</a></p>', "m (a@e.org)"),
        ("# 1 of 2\n1. one\n- two", "<p># 1 of 2<br>\n1. one<br>\n- two</p>",
         "# 1 of 2\n1. one\n- two"),
        ("a_b_c 2 * 3 * 4 `x`", "<p>a_b_c 2 * 3 * 4 `x`</p>", "a_b_c 2 * 3 * 4 `x`"),
        ("all & sundry <3", "<p>all &amp; sundry &lt;3</p>", "all & sundry <3"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_what_it_takes(typed: str, html: str, text: str) -> None:
    assert (render_note(typed), to_text(typed)) == (html, text)


@pytest.mark.parametrize(
    "typed",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,AAAA)",
        "![x](https://e.org/spy.png)",
        "[x](/relative)",
        '[x](https://e.org "onmouseover=alert(1)")',
        "<a href='https://e.org' onclick='x()'>x</a>",
        "<style>p{}</style>",
    ],
)
def test_nothing_that_runs_loads_or_leads_nowhere_comes_through(typed: str) -> None:
    for html in (render_note(typed), to_email_html(typed)):
        for bad in ("<script", "<img", "<style", "javascript:", "data:", "/relative", " onclick"):
            assert f'="{bad}' not in html.lower()
            assert not (bad.startswith("<") and bad in html.lower())
        assert "<a href='" not in html


def test_text_is_wrapped_between_words_and_addresses_stay_whole() -> None:
    address = f"https://e.org/{'x' * 90}"
    lines = to_text(f"{'word ' * 40} [here]({address})").splitlines()
    assert max(len(line) for line in lines if address not in line) <= editor_note.WIDTH
    assert any(address in line for line in lines)


def test_an_email_carries_its_looks_and_a_page_none() -> None:
    assert 'style="color:#1f45c4"' in to_email_html("[a](https://e.org)")
    assert "style" not in render_note("[a](https://e.org)")
