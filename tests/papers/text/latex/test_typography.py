"""Dashes, quotation marks and ties of TeX become Unicode."""

from __future__ import annotations

import pytest

from papers.text.markup import readable_text


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        ("``quotes'' and `single' and it's", "“quotes” and ‘single’ and it's"),
        ("a---b, c --- d, 1--10, x -- y", "a—b, c — d, 1–10, x – y"),
        ("Fig.~3, about ~10x (~5%)", "Fig. 3, about ~10x (~5%)"),
    ],
)
def test_typewriter_conventions_are_converted(tex: str, text: str) -> None:
    assert readable_text(tex) == text
