"""No text takes long, however it is built."""

from __future__ import annotations

import time

import pytest

from papers.text.identity import name_key, title_key
from papers.text.latex.conversion import MAX_LENGTH
from papers.text.markup import html_to_text, one_line, readable_text
from papers.text.summary import extract_summary

FEW = ("{", "$a ", "<", ". A", "(")
OTHERS = (
    *("$", "\\", "\\(", "\\frac", "\\begin{a}", "^", "x_{", "`", '\\"', "~", "--", "<a ", "<!--"),
    *("&lt;", "\n \n", "1.", "code ", "we ", ")", "<a ="),
)


@pytest.mark.parametrize(
    "unit", [*FEW, *(pytest.param(unit, marks=pytest.mark.slow) for unit in OTHERS)]
)
def test_time_for_hostile_text_is_bounded(unit: str) -> None:
    """Repeat the unit up to the longest text that is parsed, and to 100,000 characters."""
    begun = time.process_time()
    for size in (MAX_LENGTH - 10, 100_000):
        hostile = unit * (size // len(unit))
        for function in (
            readable_text,
            html_to_text,
            one_line,
            extract_summary,
            title_key,
            name_key,
        ):
            function(hostile)
    assert time.process_time() - begun < 5
