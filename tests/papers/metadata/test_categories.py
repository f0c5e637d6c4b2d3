from __future__ import annotations

import pytest

from papers.metadata import categories


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[("cs.CL", "cs.CL"), ("CS.cl ", "cs.CL"), ("Quant-Ph", "quant-ph"), ("math", "math")],
        *[("cs.XY", ""), ("cs.", ""), ("", ""), ("cs.CL.AI", ""), ("physics.hep-th", "")],
    ],
)
def test_categories_are_recognised_in_any_case(text: str, code: str) -> None:
    assert categories.canonical_category(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *[("cs.CLL", "cs.CL"), ("cscl", "cs.CL"), ("physics.optic", "physics.optics")],
        *[("cs.XX", "cs.AI"), ("stat.QQ", "stat.ME"), ("math.??", "math.AC")],
        *[("robotics", "cs.RO"), ("quantph", "quant-ph"), ("astroph.GA", "astro-ph.GA")],
    ],
)
def test_similar_categories_are_suggested(text: str, code: str) -> None:
    assert categories.nearest_categories(text)[0] == code


@pytest.mark.parametrize("text", ["", "zzzzzz", "12345"])
def test_no_suggestion_for_other_text(text: str) -> None:
    assert categories.nearest_categories(text) == []


def test_the_taxonomy_is_complete() -> None:
    archives = {code.partition(".")[0] for code in categories.NAMES}
    assert archives <= set(categories.NAMES)
    assert len(categories.NAMES) == 166
