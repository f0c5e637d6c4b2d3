"""HTML as plain text, and texts on one line."""

from __future__ import annotations

import pytest

from papers.text.markup import html_to_text, one_line, readable_text, unwrap_lines


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>One <b>two</b>.</p><p>Three&nbsp;&amp; four</p>", "One two.\n\nThree & four"),
        ("a<br/>b", "a\n\nb"),
        ("x<script>alert(1)</script><style>p{}</style>y", "xy"),
        ("<img src=x onerror=alert(1)>caption<!-- hidden -->", "caption"),
        ("<jats:p>Journals' own</jats:p>", "Journals' own"),
        ("a < b and c > d, a<b, p <q and r> s", "a < b and c > d, a<b, p <q and r> s"),
        ("&lt;think&gt; tokens", "<think> tokens"),
        ("no markup at all", "no markup at all"),
        ("<a href='https://a.org'>link</a> H<sub>2</sub>O", "link H2O"),
        ("cut <b", "cut <b"),
    ],
)
def test_html_becomes_plain_text(markup: str, text: str) -> None:
    assert html_to_text(markup) == text


def test_one_line_has_no_line_breaks_controls_or_direction_marks() -> None:
    assert one_line("a\r\nb\x00c\u2028d\u202ee\u2066f\x85g\ud800h") == "a bc def gh"
    assert one_line(" e\u0301 ") == "é"
    assert one_line("می‌خواهم 👩‍🔬") == "می‌خواهم 👩‍🔬"


def test_hard_wraps_are_removed_and_paragraphs_kept() -> None:
    wrapped = "One\n  two $x$\r\nthree.\n \n\n  Next\tone."
    assert readable_text(wrapped) == "One two x three.\n\nNext one."
    assert unwrap_lines(wrapped) == "One two $x$ three.\n\nNext one."
