"""Reasons for chosen papers, as sentences for readers. Pure.

A reason names only what raised the score. Vectors of all readers of a chunk are multiplied at once,
which is several times faster than one reader after another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from textwrap import shorten

import numpy as np
from django.utils.translation import gettext as _
from scipy import sparse

from papers.text.shortening import join_names, truncate
from papers.vectors.lexicon import Lexicon, PaperText
from papers.vectors.terms import extract_words, term_ids
from subscriptions.matching.candidates import Candidates, Scores
from subscriptions.matching.profile import Profile, author_key
from subscriptions.matching.profile_vectors import (
    EMBEDDING_WEIGHT,
    ProfileVectors,
    TextVectors,
    vectors_with_feedback,
)
from subscriptions.matching.score_breakdown import ChosenPairs, break_down_scores
from subscriptions.matching.telling_terms import is_common, nearest_terms, telling_terms
from subscriptions.matching.typed_phrases import (
    Clause,
    find_shared_phrases,
    fold_words,
    is_part_of_compound,
    parse_clauses,
)
from subscriptions.matching.typed_terms import is_filler, is_subject, split_clauses

MAX_PHRASES = 3
MAX_TERMS = 2  # of the paper, named beside what the reader typed
MAX_CLAUSE_LENGTH = 100  # characters of typed text that a reason repeats
MAX_TITLE_LENGTH = 60  # characters of the title of an example
MIN_SHARE = 0.1  # of the similarity; what contributed less is not named


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason for one paper.

    * `author`: a followed author of the paper.
    * `words`: words and phrases it shares with the typed text, as typed.
    * `examples`, `kept` and `opened`: titles of similar liked, kept and opened papers.
    * `near`: the typed clause with the most similar meaning, if no words were shared.
    * `terms`: terms that tell what the paper is about, if no other part of the reason does.
    * `colleague`: an author of the paper who also wrote the liked paper titled `wrote`.
    * `categories`: followed categories of the paper.
    * `parts`: the parts of the score; see `break_down_scores`.
    """

    author: str = ""
    words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    near: str = ""
    terms: tuple[str, ...] = ()
    colleague: str = ""
    wrote: str = ""
    categories: tuple[str, ...] = ()
    parts: dict[str, float] = field(default_factory=dict)

    def sentence(self) -> str:
        """Return the reason in the active language; "" if the paper does not match the profile."""
        text = "; ".join(self._clauses())
        if not text and self.categories:
            text = _("in %(fields)s, which you follow") % {"fields": ", ".join(self.categories)}
        return text[:1].upper() + text[1:]

    def _clauses(self) -> Iterator[str]:
        if self.author:
            yield _("by %(name)s, an author you follow") % {"name": self.author}
        if self.words:
            yield _("matches your %(words)s") % {"words": _quote(self.words)}
        if self.examples:
            yield _("similar to “%(title)s”, which you liked") % _titled(self.examples[0])
        elif self.kept:
            yield _("similar to “%(title)s”, which you kept") % _titled(self.kept[0])
        elif self.opened:
            yield _("similar to “%(title)s”, which you opened") % _titled(self.opened[0])
        if self.near:
            yield _("similar in meaning to your “%(text)s”") % {"text": self.near}
        if self.terms:
            yield _("about %(terms)s") % {"terms": _quote(self.terms)}
        if self.colleague:
            names = {"name": self.colleague, **_titled(self.wrote)}
            yield _("by %(name)s, also an author of “%(title)s”") % names


def _titled(title: str) -> dict[str, str]:
    """Return the title as readers recognise it; the same one stands below many papers."""
    return {"title": truncate(title, MAX_TITLE_LENGTH)}


def explain_choices(
    profiles: Sequence[Profile],
    candidates: Candidates,
    chosen: Sequence[Sequence[int]],
    vectors: ProfileVectors | None = None,
) -> list[list[Reason]]:
    """Return a reason for each position chosen for each profile, in their order.

    `vectors` are those of the same profiles, if the caller has them.
    """
    if not profiles:
        return []
    vectors = vectors_with_feedback(profiles, candidates, vectors)
    evidence = _collect_evidence(profiles, candidates, ChosenPairs.of_positions(chosen), vectors)
    return [
        [_make_reason(row, place, candidates, position) for place, position in pairs]
        for row, pairs in zip(evidence, map(enumerate, chosen), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Evidence:
    """The data behind the reasons of one reader.

    * `parts`: the parts of the score of each chosen candidate.
    * `embeddings` (chosen x 256): the candidates' embeddings.
    * `typed`: what each typed term contributed to each candidate, by the term's ID.
    * `examples` (examples x chosen): what each example contributed.
    * `clauses`: the typed text, parsed.
    """

    profile: Profile
    parts: Sequence[dict[str, float]]
    embeddings: Scores
    typed: Sequence[dict[int, float]]
    examples: Scores
    clauses: Sequence[Clause]
    clause_embeddings: _ClauseEmbeddings


class _ClauseEmbeddings:
    """The clauses that readers of a chunk typed, with embeddings; computed when first needed."""

    def __init__(self, profiles: Sequence[Profile], lexicon: Lexicon) -> None:
        self._texts = {p.typed for p in profiles if p.typed and not p.examples}
        self._lexicon = lexicon

    def clauses_of(self, typed: str) -> tuple[list[str], Scores]:
        """Return the clauses of a typed text, and their embeddings (clauses x 256)."""
        return self._by_text[typed]

    @cached_property
    def _by_text(self) -> dict[str, tuple[list[str], Scores]]:
        clauses = {text: _subjects_of(split_clauses(text)) for text in self._texts}
        texts = [PaperText("", clause) for row in clauses.values() for clause in row]
        embeddings = self._lexicon.embed(self._lexicon.vectors(texts))
        ends = np.cumsum([len(row) for row in clauses.values()])
        rows = np.split(embeddings, ends[:-1])
        return {text: (clauses[text], row) for text, row in zip(clauses, rows, strict=True)}


def _subjects_of(clauses: list[str]) -> list[str]:
    """Return the clauses that are not fillers; all of them if they all are."""
    return [one for one in clauses if not is_filler(" ".join(extract_words(one)))] or clauses


def _collect_evidence(
    profiles: Sequence[Profile],
    candidates: Candidates,
    chosen: ChosenPairs,
    vectors: ProfileVectors,
) -> Iterator[_Evidence]:
    lexicon, shared = candidates.lexicon, chosen.shared_columns(vectors, candidates)
    embeddings = candidates.embeddings[chosen.positions]
    parts = break_down_scores(profiles, candidates, chosen, vectors, shared)
    typed = _typed_contributions(profiles, lexicon, chosen, shared)
    texts = vectors.texts or TextVectors.of_texts(
        (paper for profile in profiles for paper in profile.examples), lexicon
    )
    examples = _example_contributions(profiles, candidates, chosen, texts)
    clause_embeddings = _ClauseEmbeddings(profiles, lexicon)
    spans = [slice(*span) for span in pairwise([0, *chosen.ends.tolist()])]
    for profile, contributions, span in zip(profiles, examples, spans, strict=True):
        yield _Evidence(
            profile,
            parts[span],
            embeddings[span],
            typed[span],
            contributions,
            parse_clauses(profile.typed) if any(typed[span]) else (),
            clause_embeddings,
        )


def _typed_contributions(
    profiles: Sequence[Profile],
    lexicon: Lexicon,
    chosen: ChosenPairs,
    shared: sparse.csr_matrix,
) -> list[dict[int, float]]:
    """Return for each pair what each typed term contributed, by the term's ID.

    `shared` is pairs x (terms + CATEGORY_COLUMNS).
    """
    columns = [lexicon.unique_columns_of(term_ids(profile.typed)) for profile in profiles]
    flat = np.concatenate(columns)
    ends = np.cumsum([0, *map(len, columns)])
    is_typed = sparse.csr_matrix(
        (np.ones(len(flat), np.float32), flat, ends), (len(profiles), shared.shape[1])
    )
    typed = shared.multiply(is_typed[chosen.readers]).tocsr()
    ids, values = lexicon.ids_at(typed.indices).tolist(), typed.data.tolist()
    return [
        dict(zip(ids[start:end], values[start:end], strict=True))
        for start, end in pairwise(typed.indptr.tolist())
    ]


def _example_contributions(
    profiles: Sequence[Profile], candidates: Candidates, chosen: ChosenPairs, texts: TextVectors
) -> list[Scores]:
    """Return for each reader what each example contributed to each choice (examples x chosen)."""
    counts = np.diff([0, *chosen.ends])
    rows = [
        np.array([texts.places[paper] for paper in profile.examples], dtype=np.int64)
        for profile in profiles
    ]
    # All pairs of an example and a choice, ordered by reader, then example, then choice.
    spans = [slice(*span) for span in pairwise([0, *chosen.ends.tolist()])]
    left = np.concatenate([np.repeat(row, n) for row, n in zip(rows, counts, strict=True)])
    right = np.concatenate(
        [np.tile(chosen.positions[span], len(row)) for row, span in zip(rows, spans, strict=True)]
    )
    terms = texts.rows[left].multiply(candidates.lookups.term_rows[right]).sum(axis=1)
    similarity = np.asarray(terms, dtype=np.float32).ravel()
    similarity += EMBEDDING_WEIGHT * np.einsum(
        "ij,ij->i", texts.embeddings[left], candidates.embeddings[right]
    )
    ends = np.cumsum([len(row) * n for row, n in zip(rows, counts, strict=True)])
    contributions: list[Scores] = []
    for profile, n, values in zip(profiles, counts, np.split(similarity, ends), strict=False):
        weights = np.array(profile.example_shares)
        shares = profile.weight_of_examples * weights / (weights.sum() or 1.0)
        scaled = values.reshape(len(weights), n) * shares[:, None]
        contributions.append(scaled.astype(np.float32))
    return contributions


def _make_reason(evidence: _Evidence, place: int, candidates: Candidates, position: int) -> Reason:
    profile, parts, paper = evidence.profile, evidence.parts[place], candidates.papers[position]
    similarity = sum(parts[name] for name in ("words", "meaning", "fields"))
    minimum = MIN_SHARE * max(similarity, 0.0)
    words = _shared_words(evidence, place, minimum, candidates, paper)
    liked, kept, opened = _similar_examples(evidence, place, minimum)
    is_by_meaning = parts["meaning"] > minimum and not (words or profile.examples)
    near, direction = _nearest_clause(evidence, place) if is_by_meaning else ("", None)
    colleague, wrote = _shared_author(profile, paper) if parts["shared author"] else ("", "")
    author = _followed_author(profile, paper) if parts["author"] else ""
    is_told = author or liked or kept or opened or colleague
    return Reason(
        author=author,
        words=words,
        examples=liked,
        kept=kept,
        opened=opened,
        near=near,
        terms=()
        if is_told or not (words or near)
        else _missing_terms(words, candidates, position, direction),
        colleague=colleague,
        wrote=wrote,
        categories=tuple(name for name in profile.categories if name in paper.categories),
        parts=parts,
    )


def _shared_words(
    evidence: _Evidence, place: int, minimum: float, candidates: Candidates, paper: PaperText
) -> tuple[str, ...]:
    """Return the strongest typed phrases and words of a paper, spelled as typed.

    Return none if typed terms together contributed no more than `minimum`. Common words are named
    only if there is nothing else and no meaning to name. Beside a phrase of several words, a
    single word is named only if it is a clause of its own or a name.
    """
    contributions, typed = evidence.typed[place], evidence.profile.typed
    shared = {number for number, value in contributions.items() if value > 0}
    if sum(contributions[number] for number in shared) <= minimum:
        return ()
    text = fold_words(f"{paper.title}\n{paper.abstract}")
    phrases = find_shared_phrases(evidence.clauses, shared, text)
    subjects = [phrase for phrase in phrases if is_subject(phrase, typed)]
    ranked = sorted(
        subjects,
        key=lambda phrase: -sum(contributions.get(number, 0.0) for number in phrases[phrase]),
    )
    longer = {phrase for phrase in subjects if len(extract_words(phrase)) > 1}
    telling = [
        phrase
        for phrase in ranked
        if not is_part_of_compound(phrase, typed)
        and (phrase in longer or not is_common(phrase, candidates))
    ]
    if not longer.isdisjoint(telling):
        telling = [phrase for phrase in telling if phrase in longer or _is_distinct(phrase, typed)]
    if not telling and evidence.embeddings.shape[1] and not evidence.profile.examples:
        return ()
    return tuple((telling or ranked)[:MAX_PHRASES])


def _is_distinct(phrase: str, typed: str) -> bool:
    """Return whether a typed word is a name, or a clause of its own."""
    return phrase[1:] != phrase[1:].lower() or phrase in split_clauses(typed)


def _missing_terms(
    words: Sequence[str], candidates: Candidates, position: int, direction: Scores | None
) -> tuple[str, ...]:
    """Return telling terms of a paper, unless the strongest has one of these shared words."""
    terms = telling_terms(candidates, position)
    named = {word for phrase in words for word in extract_words(phrase)}
    strongest = terms[:1] if terms and len(terms[0].words) > 1 else terms
    if any(named.intersection(term.words) for term in strongest):
        return ()
    others = [term for term in terms if not named.intersection(term.words)]
    return nearest_terms(others or terms, direction, MAX_TERMS)


def _nearest_clause(evidence: _Evidence, place: int) -> tuple[str, Scores]:
    """Return the typed clause with the most similar meaning, shortened, and its embedding (256)."""
    clauses, embeddings = evidence.clause_embeddings.clauses_of(evidence.profile.typed)
    nearest = int(np.argmax(embeddings @ evidence.embeddings[place]))
    return shorten(clauses[nearest], MAX_CLAUSE_LENGTH, placeholder="…"), embeddings[nearest]


def _similar_examples(
    evidence: _Evidence, place: int, minimum: float
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return titles of liked, kept and opened papers that contributed more than `minimum`.

    The paper that contributed most comes first.
    """
    profile = evidence.profile
    if not profile.examples:
        return (), (), ()
    contributions = evidence.examples[:, place].tolist()
    similar = [n for n, value in enumerate(contributions) if value > minimum]
    order = sorted(similar, key=lambda n: -contributions[n])
    titles = [paper.title for paper in profile.examples]
    liked, kept = len(profile.liked), len(profile.liked) + len(profile.kept)
    return (
        tuple(titles[n] for n in order if n < liked),
        tuple(titles[n] for n in order if liked <= n < kept),
        tuple(titles[n] for n in order if n >= kept),
    )


def _quote(phrases: Sequence[str]) -> str:
    """Return “one”, “two” and “three”."""
    return join_names([_("“%(words)s”") % {"words": phrase} for phrase in phrases])


def _shared_author(profile: Profile, paper: PaperText) -> tuple[str, str]:
    """Return an author of `paper` who wrote a liked paper, and the title of that paper."""
    liked = profile.liked_authors()
    name = next(name for name in paper.authors if author_key(name) in liked)
    return name, liked[author_key(name)].title


def _followed_author(profile: Profile, paper: PaperText) -> str:
    followed = {author_key(name) for name in profile.authors}
    return next(name for name in paper.authors if author_key(name) in followed)
