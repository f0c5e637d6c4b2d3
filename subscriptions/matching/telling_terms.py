"""The phrases that tell most about a paper, spelled as in its text. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np

from papers.text.filler_words import FILLER_WORDS
from papers.text.folding import fold_text
from papers.text.lexemes import STOP_WORDS
from papers.vectors.lexicon import Lexicon
from papers.vectors.terms import extract_words, named_term_ids, term_ids, token_ids
from subscriptions.matching.candidates import Candidates, Scores

TELLING = 3  # phrases of a paper, the strongest ones
MIN_REPEATED = 2  # times that the paper has a phrase that its title lacks
MAX_WORDS = 5  # of a phrase
MAX_NAME_WORDS = 3  # before a colon in a title, for the name of what the paper presents
MAX_NAMED_LENGTH = 60  # characters of the phrases in one reason, unless the first is longer

# Words between phrases, besides stop words: prepositions, verbs and adverbs of titles.
_BETWEEN = frozenset(
    """
    across along among and/or around as based behind beyond cannot could enables enabling every
    fails fail get gets given helps help improves improve inside instead is it its let's learn
    learns make makes may meets meet might must need needs never not onto our really reveals
    should shows still struggle struggles think toward towards upon us using versus via vs want
    what's within without would yet your
    """.split()
)
# Words that begin a run of words of a title but not its phrase: verbs, and praise.
_LEADING = frozenset(
    """
    accelerate accelerating addressing aligning analyzing assessing automated automatic
    automatically benchmarking better beyond boosting boosts breaking bridging building calibrating
    can comparing comprehensive detecting developing distilling drives effective efficient enabling
    enhance enhances enhancing estimating evaluating explaining exploring fast first generating good
    how identifying improve improved improves improving incentivizing integrating introducing
    investigating leveraging low-cost making measuring mitigating modeling modelling new novel
    optimizing outperforms predicting preserves probe probing quantifying rethinking revealing
    reveals revisiting robust scalable simple simulating solving some strong tackling towards
    understanding unified unifying unlocking using utilizing
    """.split()
)
# A title with these beside a phrase has no more to say than the phrase.
_GENRE = frozenset("report review study survey technical".split())
# In a title, a clause with one of these is a sentence or a question.
_FINITE = frozenset(
    "are can cannot do does doesn't fail fails how is may must need needs should what when whether "
    "which who why will".split()
)
_CLAUSE = re.compile(r"(?:[^.;:!?,()\[\]“”\"—]+|[.](?=\S))+")
_WORD = re.compile(r"[^\W\d_](?:[\w/+&‐‑–'’.-]*[^\W_])?[*]?|\d+[^\W\d_][\w-]*")
_ENDS_BADLY = re.compile(
    r"(?:.+(?:ly|aware|free|level|ous|ive|ful|ical|able|ible)"
    r"|(?!.*(?:speed|seed|feed|weed|breed|need)$).{3,}ed"
    r"|large|small|multi|neural|visual|deep|novel|new|non-.+)",
    re.I,
)


@dataclass(frozen=True, slots=True)
class TellingTerm:
    """A phrase of a paper as written, its words, and its embedding (256), if it has one."""

    text: str
    words: tuple[str, ...]
    embedding: Scores


def is_common(word: str, candidates: Candidates) -> bool:
    """Return whether a single word is in so many papers that it says little alone."""
    return not candidates.lookups.common_ids.isdisjoint(token_ids(word))


def telling_terms(candidates: Candidates, position: int) -> list[TellingTerm]:
    """Return the strongest phrases of a candidate, at most TELLING, strongest first.

    These are the phrases of its title and, if there are fewer, those that its abstract repeats.
    Single words are left out, and so is the name that a title gives to its subject, unless there is
    nothing else. A phrase that is the whole title is always left out, since the reason stands below
    the title. The phrases of a candidate are found once, since many readers may get it.
    """
    known = candidates.lookups.telling_terms
    if position not in known:
        known[position] = _find_terms(candidates, position)
    terms: list[TellingTerm] = known[position]
    return terms


def _find_terms(candidates: Candidates, position: int) -> list[TellingTerm]:
    paper, lexicon = candidates.papers[position], candidates.lexicon
    weights = _term_weights(candidates, position)

    def strength(phrase: str) -> float:
        return sum(weights.get(number, 0.0) for number in set(term_ids(phrase).tolist()))

    title_words = set(extract_words(paper.title)) - _GENRE
    plain, from_sentences = (
        sorted(
            (phrase for phrase in phrases if not title_words <= set(extract_words(phrase))),
            key=lambda phrase: -strength(phrase),
        )
        for phrases in _title_phrases(paper.title)
    )
    ranked = [phrase for phrase in plain if len(extract_words(phrase)) > 1]
    if len(ranked) < TELLING:
        ranked += sorted(_repeated_phrases(paper.abstract), key=lambda phrase: -strength(phrase))
    name = extract_words(_name_in(paper.title, lexicon))
    ranked = [phrase for phrase in ranked if extract_words(phrase) != name]
    found = _choose(ranked, strength, candidates)
    found = found or _choose([*from_sentences, *plain], strength, candidates)
    return [
        TellingTerm(phrase, tuple(words), lexicon.embed_phrase(phrase))
        for phrase, words in found.items()
    ]


def _choose(
    phrases: Iterable[str], strength: Callable[[str], float], candidates: Candidates
) -> dict[str, list[str]]:
    """Return the words of the first TELLING phrases that share no word and are not ordinary."""
    found: dict[str, list[str]] = {}
    for phrase in phrases:
        words = extract_words(phrase)
        is_said = any(not set(words).isdisjoint(other) for other in found.values())
        if not is_said and strength(phrase) and not _is_ordinary(words, candidates):
            found[phrase] = words
        if len(found) == TELLING:
            break
    return found


def _term_weights(candidates: Candidates, position: int) -> dict[int, float]:
    """Return the squared weight of each term of a candidate, by its ID."""
    rows = candidates.lookups.term_rows
    span = slice(*rows.indptr[position : position + 2])
    numbers = candidates.lexicon.ids_at(rows.indices[span]).tolist()
    return dict(zip(numbers, (rows.data[span] ** 2).tolist(), strict=True))


def _is_ordinary(words: Sequence[str], candidates: Candidates) -> bool:
    """Return whether a phrase is a single common word, or says nothing about a subject."""
    return all(word in FILLER_WORDS for word in words) or (
        len(words) == 1 and is_common(words[0], candidates)
    )


def _name_in(title: str, lexicon: Lexicon) -> str:
    """Return the name before the colon of a title, such as “Mutual Forcing”; "" if it has none.

    Words that follow each other in other papers, too, are no name: “Federated Learning: A Survey”.
    """
    name, colon, _rest = title.partition(":")
    if not colon or len(name.split()) > MAX_NAME_WORDS:
        return ""
    pairs = np.array(
        [number for number, term in named_term_ids(name) if " " in term], dtype=np.uint64
    )
    columns = lexicon.unique_columns_of(pairs)
    # Stored rarities are rounded; the margin is half a paper.
    is_known = lexicon.rarity_at(columns) < lexicon.rarity_for(1.5)
    return "" if len(columns) == len(pairs) > 0 and is_known.all() else name.strip()


def nearest_terms(
    terms: Sequence[TellingTerm], direction: Scores | None, count: int
) -> tuple[str, ...]:
    """Return at most `count` of the terms, those nearest to a direction (256) first.

    Together they have at most MAX_NAMED_LENGTH characters, or there is only one.
    """

    def closeness(term: TellingTerm) -> float:
        return 0.0 if direction is None else float(term.embedding @ direction)

    nearest = [term.text for term in sorted(terms, key=lambda term: -closeness(term))[:count]]
    while len(nearest) > 1 and sum(map(len, nearest)) > MAX_NAMED_LENGTH:
        nearest.pop()
    return tuple(nearest)


def _title_phrases(title: str) -> tuple[list[str], list[str]]:
    """Return the phrases of a title between function words, and those of sentences in it.

    The latter may be fragments. Verbs that begin a clause are left out.
    """
    plain: list[str] = []
    from_sentences: list[str] = []
    for clause in _CLAUSE.finditer(title):
        words = clause.group().split()
        is_question = title[clause.end() : clause.end() + 1] == "?"
        is_plain = not is_question and _FINITE.isdisjoint(map(fold_text, words))
        (plain if is_plain else from_sentences).extend(_phrases_of(words))
    return plain, from_sentences


def _phrases_of(words: Sequence[str]) -> Iterator[str]:
    run: list[str] = []
    for place, word in enumerate([*words, "of"]):
        folded = fold_text(word)
        is_verb = place == 0 and folded.endswith("ing") and "-" not in word and len(words) > 1
        if is_verb or folded in STOP_WORDS or folded in _BETWEEN or not _WORD.fullmatch(word):
            if phrase := _trim(run):
                yield phrase
            run = []
        else:
            run.append(word)


def _trim(run: Sequence[str]) -> str:
    """Return the last words of a run, which end with what they are about; "" if they don't."""
    words = [word.strip("'’-‐‑–*_") for word in run[-MAX_WORDS:]]
    while words and (fold_text(words[0]) in _LEADING or words[0].endswith("ly")):
        is_adverb = words[0].endswith("ly")
        words = words[2:] if is_adverb and words[1:] and words[1].endswith("ing") else words[1:]
    if not words or _ENDS_BADLY.fullmatch(words[-1]):
        return ""
    return " ".join(words)


def _repeated_phrases(abstract: str) -> list[str]:
    """Return phrases of two or three words that an abstract has MIN_REPEATED times, longest first.

    No phrase begins or ends with a filler.
    """
    clauses = [clause.group().split() for clause in _CLAUSE.finditer(abstract)]
    folded_clauses = [list(map(fold_text, words)) for words in clauses]
    pairs = Counter(chain.from_iterable(map(pairwise, folded_clauses)))
    counts: Counter[str] = Counter()
    spelled: dict[str, str] = {}
    for words, folded in zip(clauses, folded_clauses, strict=True):
        starts = [n for n, pair in enumerate(pairwise(folded)) if pairs[pair] >= MIN_REPEATED]
        for size in (3, 2):
            for start in starts:
                run = words[start : start + size]
                if len(run) == size and _is_nameable(run):
                    key = " ".join(folded[start : start + size])
                    counts[key] += 1
                    spelled.setdefault(key, " ".join(run))
    repeated = [spelled[key] for key, number in counts.items() if number >= MIN_REPEATED]
    return sorted(repeated, key=lambda phrase: -len(phrase.split()))


def _is_nameable(run: Sequence[str]) -> bool:
    folded = [fold_text(word) for word in run]
    return folded[0] not in FILLER_WORDS and folded[-1] not in FILLER_WORDS and is_phrase(run)


def is_phrase(run: Sequence[str]) -> bool:
    """Return whether neighbouring words of a text read like a phrase."""
    folded = [fold_text(word) for word in run]
    return (
        all(map(_WORD.fullmatch, run))
        and not any(word in STOP_WORDS or word in _BETWEEN for word in folded)
        and not all(word in FILLER_WORDS for word in folded)
        and not folded[0].endswith(("ing", "ly"))
        and not _ENDS_BADLY.fullmatch(run[-1])
    )
