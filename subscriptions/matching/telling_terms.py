"""The terms that tell most about a paper, spelled as in its text. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from papers.text.filler_words import FILLER_WORDS
from papers.text.folding import fold_text
from papers.text.lexemes import STOP_WORDS
from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.terms import extract_words, named_term_ids
from subscriptions.matching.candidates import Candidates, Scores
from subscriptions.matching.typed_terms import split_clauses

TELLING = 5  # terms of a paper, the strongest ones
MIN_REPEATED = 2  # times that the paper has a term that its title lacks
MAX_WORDS = 4  # of a term
COMMON_SHARE, COMMON_PAPERS = 0.025, 25  # a common word is in more papers than the larger of these

_NAMEABLE = re.compile(r"[^\W\d_][\w‐‑–-]*[^\W_]['’]?s?[*]?")


@dataclass(frozen=True, slots=True)
class TellingTerm:
    """A term of a paper as written, its words, and its embedding (256), if it has one."""

    text: str
    words: tuple[str, ...]
    embedding: Scores | None


def is_common(word: str, lexicon: Lexicon) -> bool:
    """Return whether a single word is in so many papers that it says little alone."""
    [(number, _term)] = list(named_term_ids(word)) or [(0, "")]
    [column] = lexicon.columns_of(np.array([number], np.uint64))
    fewest = max(COMMON_SHARE * lexicon.paper_count, COMMON_PAPERS)
    return column >= 0 and float(lexicon.rarity_at(np.array([column]))[0]) < lexicon.rarity_for(
        fewest
    )


def telling_terms(candidates: Candidates, position: int) -> list[TellingTerm]:
    """Return the strongest terms of a candidate, at most TELLING, strongest first.

    Words in a stronger pair and fillers are left out, and so are common words. The terms of a
    candidate are found once, since many readers may get it.
    """
    known = candidates.lookups.telling_terms
    if position not in known:
        known[position] = _find_terms(candidates, position)
    terms: list[TellingTerm] = known[position]
    return terms


def _find_terms(candidates: Candidates, position: int) -> list[TellingTerm]:
    rows, lexicon = candidates.lookups.term_rows, candidates.lexicon
    span = slice(*rows.indptr[position : position + 2])
    columns = rows.indices[span][np.argsort(-rows.data[span], kind="stable")]
    numbers = lexicon.ids_at(columns).tolist()
    terms: list[TellingTerm] = []
    for fewest in (MIN_REPEATED, 1):  # a term that occurs once is named if there is no other
        spellings = _spell_terms(candidates.papers[position], fewest)
        for column, number in zip(columns.tolist(), numbers, strict=True):
            written, words = spellings.get(number, ("", ()))
            is_said = any(set(words) & set(term.words) for term in terms)
            if written and not is_said and not (len(words) == 1 and is_common(written, lexicon)):
                terms.append(TellingTerm(written, words, _embedding_of(column, lexicon)))
        if terms:
            break
    return terms[:TELLING]


def _embedding_of(column: int, lexicon: Lexicon) -> Scores | None:
    place = int(np.searchsorted(lexicon.embedded_columns, column))
    if place == len(lexicon.embedded_columns) or lexicon.embedded_columns[place] != column:
        return None
    return lexicon.embeddings[place].astype(np.float32)


def nearest_terms(
    terms: Sequence[TellingTerm], direction: Scores | None, count: int
) -> tuple[str, ...]:
    """Return at most `count` of the terms, those nearest to a direction (256) first."""

    def closeness(term: TellingTerm) -> float:
        if direction is None or term.embedding is None:
            return 0.0
        return float(term.embedding @ direction) / float(np.linalg.norm(term.embedding) or 1.0)

    return tuple(term.text for term in sorted(terms, key=lambda term: -closeness(term))[:count])


def _spell_terms(paper: PaperText, fewest: int) -> dict[int, tuple[str, tuple[str, ...]]]:
    """Return each word and pair of words of the title, and those that occur `fewest` times, by ID.

    Each has its first spelling and its words. Where the same word always follows or precedes, it
    is included: "residual rotation approximation", not "residual rotation". No term begins or ends
    with a filler or has a number first.
    """
    clauses = [
        clause.split() for text in (paper.title, paper.abstract) for clause in split_clauses(text)
    ]
    in_title = len(split_clauses(paper.title))
    places: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for index, clause in enumerate(clauses):
        for start in range(len(clause)):
            for end in (start + 1, start + 2):
                if (number := _number_of(clause[start:end])) and end <= len(clause):
                    places[number].append((index, start, end))
    spelled = {}
    for number, found in places.items():
        if found[0][0] < in_title or len(found) >= fewest:
            start, end = _extend(clauses, found)
            shown = _strip(clauses[found[-1][0]][start:end])
            spelled[number] = (shown, tuple(extract_words(shown)))
    return spelled


def _number_of(run: Sequence[str]) -> int:
    """Return the ID of a written word or pair as a term; 0 if it cannot be named."""
    if not all(_NAMEABLE.fullmatch(word) for word in run):
        return 0
    words = [extract_words(word) for word in run]
    if STOP_WORDS.intersection(part for word in run for part in word.lower().split("-")):
        return 0
    if not all(words) or words[0][0] in FILLER_WORDS or words[-1][-1] in FILLER_WORDS:
        return 0
    return list(named_term_ids(_strip(run)))[-1][0] if sum(map(len, words)) <= 2 else 0


def _extend(
    clauses: Sequence[Sequence[str]], found: Sequence[tuple[int, int, int]]
) -> tuple[int, int]:
    """Return where the last occurrence starts and ends with the words that all have around it."""
    _index, start, end = found[-1]
    for step in range(1, MAX_WORDS):
        if (
            end - start < MAX_WORDS
            and len({_word_at(clauses[i], e + step - 1) for i, _s, e in found}) == 1
        ):
            if not _word_at(clauses[found[-1][0]], end):
                break
            end += 1
        else:
            break
    for step in range(1, MAX_WORDS):
        before = {_word_at(clauses[i], s - step) for i, s, _e in found}
        if end - start >= MAX_WORDS or len(before) > 1 or before == {""}:
            break
        start -= 1
    return start, end


def _word_at(clause: Sequence[str], place: int) -> str:
    """Return the folded word at a place; "" if there is none that could belong to a term."""
    word = clause[place] if 0 <= place < len(clause) else ""
    return fold_text(word) if word and _number_of([word]) else ""


def _strip(run: Sequence[str]) -> str:
    return " ".join(run).strip("'’-‐‑–*_")
