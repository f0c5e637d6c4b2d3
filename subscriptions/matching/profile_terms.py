"""The terms that drive a profile, for display and removal. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from papers.text.lexemes import STOP_WORDS
from papers.text.markup import readable_lines
from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.terms import extract_terms, extract_words
from subscriptions.matching.profile import Profile
from subscriptions.matching.profile_vectors import weigh_terms
from subscriptions.matching.telling_terms import MIN_REPEATED, is_phrase
from subscriptions.matching.typed_phrases import MAX_PHRASE_WORDS
from subscriptions.matching.typed_terms import is_filler, is_subject, split_clauses

TERMS_SHOWN = 20
_EXAMINED = 80  # of the strongest terms, since words inside a phrase are not repeated


@dataclass(frozen=True, slots=True)
class Word:
    """A word or phrase, its weight in the profile, and whether the reader typed it."""

    text: str
    weight: float
    typed: bool


def strongest_terms(profile: Profile, lexicon: Lexicon, count: int = TERMS_SHOWN) -> list[Word]:
    """Return the terms that raise a paper's score most, strongest first.

    A short clause that the reader typed is shown as written. Other terms are left out if they are
    part of a stronger phrase or contain a stronger word, and so are pairs of words of papers that
    are no phrases. Half of the places are for typed words, since a few example papers have many
    more terms.
    """
    typed, source = set(extract_terms(profile.typed)), _SourceText.of_profile(profile)
    weights = {
        text: weight
        for place, (text, weight) in enumerate(weigh_terms(profile, lexicon))
        if place < _EXAMINED or text in typed
    }
    phrases = _typed_phrases(profile, weights)
    in_phrases = {term for phrase in phrases for term in extract_terms(phrase.text)}
    words: list[Word] = []
    for text, weight in weights.items():
        if text in STOP_WORDS or (
            not is_subject(text, profile.typed) if text in typed else is_filler(text)
        ):
            continue
        parts = set(text.split())
        is_repeated = text in in_phrases or any(
            parts <= set(word.text.split()) or parts >= set(word.text.split()) for word in words
        )
        is_readable = " " not in text or source.has_phrase(text, is_typed=text in typed)
        if weight > 0 and not is_repeated and is_readable:
            words.append(Word(text, weight, text in typed))
    return _select([*phrases, *words], count)


def _select(words: Sequence[Word], count: int) -> list[Word]:
    """Return the strongest words, half of them typed ones if there are as many."""
    ranked = sorted(words, key=lambda word: -word.weight)
    typed = [word for word in ranked if word.typed][: count // 2]
    others = [word for word in ranked if word not in typed][: count - len(typed)]
    return sorted([*typed, *others], key=lambda word: -word.weight)


def _typed_phrases(profile: Profile, weights: Mapping[str, float]) -> list[Word]:
    """Return typed clauses of 2 to MAX_PHRASE_WORDS words, each with the weight of its terms."""
    phrases = []
    for clause in dict.fromkeys(split_clauses(profile.typed)):
        weight = sum(max(weights.get(term, 0.0), 0.0) for term in set(extract_terms(clause)))
        length = len(clause.split())
        has_words = max(length, len(extract_words(clause))) > 1
        if weight > 0 and length <= MAX_PHRASE_WORDS and has_words:
            phrases.append(Word(clause, weight, typed=True))
    return phrases


@dataclass(frozen=True, slots=True)
class _SourceText:
    """The texts that a profile's terms come from, in small letters."""

    typed: str
    titles: str
    papers: str

    @classmethod
    def of_profile(cls, profile: Profile) -> _SourceText:
        texts = (
            profile.typed,
            " . ".join(paper.title for paper in profile.examples),
            " . ".join(f"{paper.title} . {paper.abstract}" for paper in profile.examples),
        )
        return cls(*(" ".join(text.lower().split()) for text in texts))

    def has_phrase(self, pair: str, *, is_typed: bool) -> bool:
        """Return whether two words read like a phrase of the texts.

        They follow each other without a stop word between them. If the reader did not type them, a
        title has them or the papers have them twice: one sentence also has “distinguishes models”.
        """
        if is_typed:
            return pair in self.typed or pair in self.papers
        is_repeated = pair in self.titles or self.papers.count(pair) >= MIN_REPEATED
        return is_repeated and is_phrase(pair.split())


def terms_of_paper(paper: PaperText, lexicon: Lexicon, count: int = 5) -> list[str]:
    """Return the strongest terms that a liked or disliked paper contributes to a profile."""
    return [word.text for word in strongest_terms(Profile(liked=(paper,)), lexicon, count)]


def remove_phrase(text: str, phrase: str) -> str:
    """Return `text` without any occurrence of a phrase, as whole words in any case.

    Phrases lack stop words, so up to three words may stand between two words of one.
    """
    words = map(re.escape, phrase.split())
    pattern = r"\s+(?:[\w'’-]+\s+){0,3}?".join(words)
    plain = readable_lines(text)
    rest = re.sub(rf"(?<![\w-]){pattern}(?![\w-])", "", plain, flags=re.IGNORECASE)
    return _tidy(rest) if rest != plain else text


def remove_entries(entries: Sequence[str], phrase: str) -> list[str]:
    """Return the entries that do not contain a phrase."""
    return [entry for entry in entries if remove_phrase(entry, phrase) == entry]


def _tidy(text: str) -> str:
    """Remove doubled spaces and separators, and empty lines."""
    lines = (re.sub(r"[^\S\n]+", " ", line) for line in text.splitlines())
    closed = (re.sub(r" ?([,;:.])(?:\s*[,;:.])+", r"\1", line) for line in lines)
    bare = (re.sub(r" ([,;:.])", r"\1", line).strip(" ,;:") for line in closed)
    return "\n".join(line for line in bare if line not in ("", "."))
