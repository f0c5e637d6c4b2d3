"""Spacing of formulas, and of text from which TeX was removed."""

import re

# Around "log" in a formula: becomes a space next to a letter, digit or bracket.
GAP = "\ufdd0"
_WIDE_GAP = re.compile(f"(?<=[\\w)\\]]){GAP}+(?=[A-Za-z0-9Α-ω√])")

_RELATION = re.compile(r"(?<=\S)(?:\s+([=<>≤≥≈≡≠∼∈≪≫→←⊂⊆])\s*|([=<>≤≥≈≡≠∼∈≪≫→←⊂⊆])\s+)(?=\S)")
_LEADING_RELATION = re.compile(r"^([=<>≤≥≈∼±×])\s+")
# A removed citation leaves its space before the full stop.
_LOOSE_PUNCTUATION = re.compile(r"(?<=\S)[ \t~]+([.,;])(?=\s|$)")


def fill_gaps(text: str) -> str:
    """Return text with each gap replaced by a space or by nothing."""
    return _WIDE_GAP.sub(" ", text).replace(GAP, "")


def space_formula(formula: str) -> str:
    """Return a formula with single spaces, and relations with a space on both sides or neither."""
    formula = _LEADING_RELATION.sub(r"\1", " ".join(formula.split()))
    return _RELATION.sub(lambda match: f" {match[1] or match[2]} ", formula)


def tighten_punctuation(text: str) -> str:
    """Return text without white space before punctuation."""
    return _LOOSE_PUNCTUATION.sub(r"\1", text)
