"""What drives a profile's choice, in words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from papers.text.markup import readable_lines
from papers.vectors.lexicon import Lexicon, PaperText, extract_terms, extract_words
from subscriptions.matching.match import Profile, strongest_words
from subscriptions.matching.reasons import PHRASE_WORDS
from subscriptions.matching.typed_terms import clauses, is_filler, is_subject

WORDS_SHOWN = 20
_SPARE = 4  # times as many are looked at, since words inside a phrase are not shown again


@dataclass(frozen=True, slots=True)
class Word:
    """A word or phrase, its weight in the profile, and whether the reader typed it."""

    text: str
    weight: float
    typed: bool


def strongest_terms(profile: Profile, lexicon: Lexicon, count: int = WORDS_SHOWN) -> list[Word]:
    """The words that raise a paper's score most; typed ones can be removed, others only muted.

    A short clause of what the reader typed stands as they wrote it. Of other words, one that
    stands in a stronger phrase, or a phrase around a stronger word, is left out.
    """
    weights = dict(strongest_words(profile, lexicon, count * _SPARE))
    phrases = _phrases(profile, weights)
    inside = {term for phrase in phrases for term in extract_terms(phrase.text)}
    typed, written = set(extract_terms(profile.typed)), _written(profile)
    chosen: list[Word] = []
    for text, weight in weights.items():
        if not is_subject(text, profile.typed) if text in typed else is_filler(text):
            continue
        parts = set(text.split())
        said = text in inside or any(
            parts <= set(word.text.split()) or parts >= set(word.text.split()) for word in chosen
        )
        # A pair made across a stop word reads like nothing that anybody wrote.
        if weight > 0 and not said and (" " not in text or text in written):
            chosen.append(Word(text, weight, text in typed))
    return sorted([*phrases, *chosen], key=lambda word: -word.weight)[:count]


def _phrases(profile: Profile, weights: Mapping[str, float]) -> list[Word]:
    """Clauses of two words and more that are short enough to be one thing, with what their terms
    weigh together."""
    found = []
    for clause in dict.fromkeys(clauses(profile.typed)):
        weight = sum(max(weights.get(term, 0.0), 0.0) for term in set(extract_terms(clause)))
        written = len(clause.split())
        if weight > 0 and written <= PHRASE_WORDS and max(written, len(extract_words(clause))) > 1:
            found.append(Word(clause, weight, typed=True))
    return found


def _written(profile: Profile) -> str:
    papers = (f"{paper.title}. {paper.abstract}" for paper in profile.examples)
    return " ".join(". ".join([profile.typed, *papers]).lower().split())


def terms_of_paper(paper: PaperText, lexicon: Lexicon, count: int = 5) -> list[str]:
    """The words that one paper adds to a profile, or takes from it."""
    return [word.text for word in strongest_terms(Profile(liked=(paper,)), lexicon, count)]


def remove_phrase(text: str, phrase: str) -> str:
    """`text` without a phrase, wherever it stands as whole words, of any case.

    Phrases are made with stop words left out, so up to three words may stand inside one.
    """
    words = map(re.escape, phrase.split())
    pattern = r"\s+(?:[\w'’-]+\s+){0,3}?".join(words)
    plain = readable_lines(text)
    rest = re.sub(rf"(?<![\w-]){pattern}(?![\w-])", "", plain, flags=re.IGNORECASE)
    return _tidy(rest) if rest != plain else text


def remove_entries(entries: Sequence[str], phrase: str) -> list[str]:
    """A list of words and phrases without those that hold this one."""
    return [entry for entry in entries if remove_phrase(entry, phrase) == entry]


def _tidy(text: str) -> str:
    """No doubled spaces or separators where words were taken out; lines stay lines."""
    lines = (re.sub(r"[^\S\n]+", " ", line) for line in text.splitlines())
    closed = (re.sub(r" ?([,;:.])(?:\s*[,;:.])+", r"\1", line) for line in lines)
    bare = (re.sub(r" ([,;:.])", r"\1", line).strip(" ,;:") for line in closed)
    return "\n".join(line for line in bare if line not in ("", "."))
