"""Text that only looks like TeX is unchanged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.text.markup import readable_text


@pytest.mark.parametrize(
    "text",
    [
        "50% of the papers # & more",
        "it costs $5 and $10, or $500-$780 USD",
        "from $3M to $300M+ in 5 years",
        "about $0.16/hour and $1.61/hour (or $0 on free tiers)",
        "snake_case, 10^5 and a_b^c",
        "the set {Austin, Dallas} of {0,1}",
        "run it with --flag and -x",
        "C:/x, a~=b, https://a.org/~me/x_y~z?a=b&c=%20#d",
        "f'' is not touched here: a'b",
        "日本語 العربية עברית é 👩‍🔬",
    ],
)
def test_text_without_tex_is_unchanged(text: str) -> None:
    kept = text.replace("''", "”")
    assert readable_text(text) == kept


def test_text_beside_tex_is_unchanged() -> None:
    """A formula elsewhere makes the whole text go through the parser."""
    text = "50% of it & # snake_case, 10^5, $5 and $10, https://a.org/~me/x_y~z?a=%20#d"
    assert readable_text(text + r" $\alpha$") == text + " α"


@given(st.text(st.sampled_from("abc XYZ.,;:!?()é中-/123%&#\"'"), max_size=200))
def test_only_white_space_of_text_without_tex_changes(text: str) -> None:
    if "--" not in text and "''" not in text:
        assert readable_text(text) == " ".join(text.split())
