"""Author lists for display, and keys of titles and names."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from papers.text.identity import name_key, title_key
from papers.text.shortening import short_authors
from tests.shared_data import SHARED

CORPUS = SHARED / "corpus" / "papers.jsonl.gz"
TEXISH = st.lists(
    st.sampled_from([*"ab1 .,%$#&_^{}[]()\\~`'\"-<>\n", "\\frac", "\\emph{", "\\ours", "é"])
).map("".join)


@pytest.mark.parametrize(
    ("authors", "text"),
    [
        ([], ""),
        (["A. One"], "A. One"),
        (["A. One", "B. Two"], "A. One and B. Two"),
        (["A. One", " ", "B. Two", "C.\nThree"], "A. One, B. Two and C. Three"),
        (["A", "B", "C", "D"], "A, B, C and D"),
        (["A", "B", "C", "D", "E"], "A, B, C and 2 more"),
        (["A"] * 3303, "A, A, A and 3,300 more"),
    ],
)
def test_author_lists_are_cut(authors: list[str], text: str) -> None:
    assert short_authors(authors) == text


def test_spellings_of_one_title_have_one_key() -> None:
    spellings = [
        r"Pre-training $\beta$-VAEs: K\"ahler's Way",
        "Pretraining β-VAEs - Kähler’s way",
        "Pre-Training β-VAEs:\n  Ka\u0308hler's Way.",
    ]
    assert len({title_key(title) for title in spellings}) == 1


def test_different_titles_have_different_keys() -> None:
    titles = ["On a", "On b", "On 1", "On ⊗", "???", "!!!", "深層学習", "深層学習2", "यह", "यहि"]
    assert len({title_key(title) for title in titles}) == len(titles)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller, J. K.", "J.K. Muller"),
        ("J K Müller (MIT, (and) more)", "J. K. Müller"),
        (r"Jean-Pierre Sm{\o}rg", "Jean Pierre Smørg"),
        ("WEI WANG", "Wang Wei"),
        ("Łukasz Kaiser", "Lukasz Kaiser"),
    ],
)
def test_spellings_of_one_author_have_one_key(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_an_initial_is_not_a_first_name() -> None:
    assert name_key("J. Müller") != name_key("Jürgen Müller")
