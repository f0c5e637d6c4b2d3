from __future__ import annotations

import pytest

from papers.vectors.terms import term_ids
from subscriptions.matching.typed_phrases import is_part_of_compound, parse_clauses


@pytest.mark.parametrize(
    ("phrase", "text", "is_part"),
    [
        ("flow", "flow", False),
        ("flow", "tidal flow", False),
        ("flow", "flow of tides", False),
        ("flow", "(flow)", False),
        ("flow", "tidal-flow models", True),
        ("flow", "flow–structure coupling", True),
        ("flow", "coastal overflow", True),
        ("flow", "flow_rate", True),
        ("tidal flow", "tidal flow-rate", True),
        ("flow", "flow-rate and flow", False),
    ],
)
def test_a_phrase_is_part_of_a_compound_if_it_never_stands_alone(
    phrase: str, text: str, is_part: bool
) -> None:
    assert is_part_of_compound(phrase, text) == is_part


@pytest.mark.parametrize(
    "text",
    [
        "models of the tidal flow",
        "zero-shot tide-gauge-based models",
        "water:tides of the coast",
    ],
)
def test_the_terms_of_a_clause_are_those_of_its_text(text: str) -> None:
    [clause] = parse_clauses(text)
    found = {
        number for words, pairs in clause.terms + clause.joined_terms for number in words | pairs
    }
    assert found == set(term_ids(text).tolist())
