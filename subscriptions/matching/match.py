"""What a reader would pick: profiles against the candidates of an edition.

Pure and vectorised over a chunk of readers. The digest, the preview and the evaluation all call
`match`. A likeness is the sum of three cosines: shared terms, shared meaning, shared categories.
Calibrated, it is the score; authors and categories that the reader follows add to that, and so do
authors of liked papers where the reader asks for it.

A score ranks; `Match.grounds` tells which papers have something that a reader would accept as a
reason: words they typed, a close example, an author they follow.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from papers.text.markup import name_key
from papers.vectors.lexicon import (
    Lexicon,
    PaperText,
    extract_terms,
    normalize_dense_rows,
    normalize_rows,
    term_ids,
)
from papers.vectors.paper_vectors import paper_vectors, vectors_with_new_terms
from subscriptions.matching.phrases import Phrases
from subscriptions.matching.similarity import SimilarityCache
from subscriptions.matching.typed_terms import as_reasons, ids_of

Scores = NDArray[np.float32]
Flags = NDArray[np.bool_]

# Weights of meaning, of categories, and of terms. Chosen on one half of the readers of the
# evaluation, confirmed on the other: the optimum is flat. Typed words alone are few and chance
# decides which of them a paper has, so that meaning counts for more; both weigh so much that the
# median paper that readers did pick is as alike to either kind of profile.
MEANING, FIELDS, TERMS = 0.04, 0.01, 1.0
MEANING_OF_TYPED, TERMS_OF_TYPED = 0.12, 0.15
TYPED_SHARE, DISLIKED_SHARE = 2.0, -0.5  # what is typed and what is disliked, in liked papers
OPENED_SHARE = 0.25  # opening a paper says less than liking it
PROFILE_TERMS = 512  # the strongest: bounds what a reader costs
# Feedback: among the papers of a whole archive, unlike those of an edition, the nearest are surely
# about what the reader meant, and say it in more words than they did.
ARCHIVE = 20_000  # candidates from which on the nearest speak for the reader
NEAREST = 20
TERMS_AFTER_FEEDBACK = 0.4  # of what they weighed: the direction of meaning is better known now
FIELD_COLUMNS = 4096  # hashed: arXiv has some 150 categories and a thousand usual lists of them
HALF = 0.055  # the likeness of the median paper that readers did pick: it scores one half
AUTHOR_BOOST, CATEGORY_BOOST = 0.5, 0.1  # of what is missing to a score of one
SHARED_AUTHOR_BOOST = 0.2  # more, and the papers of a reading list sink below its authors' others
# The least that a reader accepts as a reason; what has less is not "for you".
CLOSE_EXAMPLES = 0.2  # the calibrated likeness to examples
CLOSE_MEANING = 0.5  # the cosine of meanings to what was typed
ENOUGH_WORDS = 2.0  # two typed words, or a rare one; see `typed_terms`
GROUNDS_BY_BOOST = ("author", "shared author")  # a category alone says too little
LARGEST_TEAM = 30  # the names on papers of larger collaborations say little about their subject


@dataclass(frozen=True, slots=True)
class Profile:
    """What one reader asked for, as stored: raw inputs only, so that no lexicon makes it stale.

    `opened` are papers the reader only looked at. `ignored` words tell nothing about the reader,
    wherever they are. With `shared_authors`, papers by the authors of liked ones count for more.
    `threshold` is the least score in [0, 1] that is worth a place in the digest.
    """

    text: str = ""
    words: tuple[str, ...] = ()
    excluded_words: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    muted_authors: tuple[str, ...] = ()
    liked: tuple[PaperText, ...] = ()
    disliked: tuple[PaperText, ...] = ()
    opened: tuple[PaperText, ...] = ()
    shared_authors: bool = False
    threshold: float = 0.0

    @property
    def typed(self) -> str:
        """The free text and the single words as one text."""
        return ". ".join(part for part in (self.text, *self.words) if part.strip())

    @property
    def wishes(self) -> bool:
        """Whether there is more to match than categories."""
        return bool(self.typed or self.examples or self.authors)

    @property
    def examples(self) -> tuple[PaperText, ...]:
        """Liked papers, then opened ones."""
        return (*self.liked, *self.opened)


@dataclass(frozen=True)
class Candidates:
    """The papers of an edition, prepared once and shared by all its readers.

    `sparse_rows`: candidates x (terms, then hashed categories); `parts`: the same columns, with the
    terms that a candidate has only as parts of compounds; `meanings`: candidates x 256, or x 0
    where the lexicon knows no meanings.
    """

    lexicon: Lexicon
    papers: tuple[PaperText, ...]
    sparse_rows: sparse.csr_matrix
    parts: sparse.csr_matrix
    meanings: Scores

    @classmethod
    def prepare(cls, lexicon: Lexicon, papers: Sequence[PaperText]) -> Candidates:
        """Terms of these papers that the lexicon has not learnt get columns of their own."""
        wider, lexical, parts, meanings = vectors_with_new_terms(lexicon, papers)
        rows = sparse.hstack([lexical, _fields(papers)], format="csr")
        parts.resize(rows.shape)
        return cls(wider, tuple(papers), rows, parts, meanings)

    def take(self, positions: Sequence[int]) -> Candidates:
        """The candidates at `positions` alone, without preparing them again."""
        chosen = np.asarray(positions, dtype=np.int64)
        papers = tuple(self.papers[position] for position in positions)
        rows, parts = self.sparse_rows[chosen], self.parts[chosen]
        return Candidates(self.lexicon, papers, rows, parts, self.meanings[chosen])

    @cached_property
    def alike(self) -> SimilarityCache:
        """How much they say the same."""
        return SimilarityCache(self.lexical, self.meanings)

    @cached_property
    def columns(self) -> sparse.csr_matrix:
        """`sparse_rows` transposed, ready for products."""
        return self.sparse_rows.T.tocsr()

    @cached_property
    def part_columns(self) -> sparse.csr_matrix:
        """`parts` transposed, ready for products."""
        return self.parts.T.tocsr()

    @cached_property
    def holders(self) -> sparse.csr_matrix:
        """Terms x candidates: 1 where a candidate has the term, alone or in a compound."""
        columns = (self.columns + self.part_columns)[: self.lexicon.size]
        columns.data = np.ones_like(columns.data)
        return columns

    @cached_property
    def lexical(self) -> sparse.csr_matrix:
        """The terms alone, without the categories."""
        return self.sparse_rows[:, : self.lexicon.size]

    @cached_property
    def by_author(self) -> dict[str, list[int]]:
        """Positions by the author's key."""
        return _positions([author_key(name) for name in paper.authors] for paper in self.papers)

    @cached_property
    def by_category(self) -> dict[str, list[int]]:
        """Positions by category."""
        return _positions(paper.categories for paper in self.papers)

    @cached_property
    def by_key(self) -> dict[str, list[int]]:
        """Positions by the caller's key."""
        return _positions([paper.key] for paper in self.papers)

    def holding(self, phrase: str) -> list[int]:
        """Positions of the papers with `phrase` in title or abstract: whole words, of any case,
        with or without hyphens and accents."""
        return self._phrases.holding(phrase)

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases([f"{paper.title}\n{paper.abstract}" for paper in self.papers])


@dataclass(frozen=True, slots=True)
class Sources:
    """What a chunk of profiles stands on, papers and typed texts, each with its row in `rows` and
    `meanings`: many readers like the same papers, and each is made vectors once."""

    places: dict[PaperText, int]
    rows: sparse.csr_matrix
    meanings: Scores

    @classmethod
    def of(cls, texts: Iterable[PaperText], lexicon: Lexicon) -> Sources:
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        rows, meanings = paper_vectors(lexicon, list(places))
        is_paper = np.array([bool(text.key) for text in places], dtype=np.bool_)
        is_paper = np.repeat(is_paper, np.diff(rows.indptr))
        rows.data[is_paper & np.isin(rows.indices, lexicon.common)] = 0.0
        rows.eliminate_zeros()
        return cls(places, rows, meanings)


@dataclass(frozen=True, slots=True)
class ProfileVectors:
    """A chunk of profiles in the vectors of one version of the lexicon, a row a reader. `typed` is
    what each typed term counts as a reason.

    Good for every edition whose lexicon has the same `version`; made anew for another. Whoever
    keeps it may drop the `sources` it was made from: reasons then make them anew.
    """

    version: str
    sparse_rows: sparse.csr_matrix
    meanings: Scores
    typed: sparse.csr_matrix
    sources: Sources | None = None

    @property
    def typed_rows(self) -> sparse.csr_matrix:
        """`sparse_rows` with the typed terms alone: these count in parts of compounds, too."""
        typed = self.typed.copy()
        typed.data = np.ones_like(typed.data)
        typed.resize(self.sparse_rows.shape)
        return self.sparse_rows.multiply(typed).tocsr()

    @classmethod
    def of(cls, profiles: Sequence[Profile], lexicon: Lexicon) -> ProfileVectors:
        """At most `PROFILE_TERMS` terms, the categories and one direction of meaning for each."""
        weighed = [_weighed(profile) for profile in profiles]
        sources = Sources.of((text for row in weighed for text, _share in row), lexicon)
        shares = _shares(weighed, sources.places)
        few = TERMS_OF_TYPED if sources.meanings.shape[1] else TERMS
        by_terms = [TERMS if profile.examples else few for profile in profiles]
        by_meaning = [MEANING if one.examples else MEANING_OF_TYPED for one in profiles]
        terms_of_all = _without_ignored(_profile_rows(shares, sources), profiles, lexicon)
        wanted = sparse.diags(by_terms) @ _strongest(terms_of_all, PROFILE_TERMS)
        fields = FIELDS * normalize_rows(shares @ _fields(list(sources.places)))
        meant = normalize_dense_rows(np.asarray(shares @ sources.meanings, dtype=np.float32))
        return cls(
            lexicon.version,
            sparse.hstack([wanted, fields], format="csr", dtype=np.float32),
            np.asarray(meant * np.array(by_meaning)[:, None], dtype=np.float32),
            as_reasons([one.typed for one in profiles], [one.ignored for one in profiles], lexicon),
            sources,
        )


@dataclass(frozen=True, slots=True)
class Match:
    """One reader's `scores` in [0, 1] by candidate; a barred candidate scores below zero.
    `grounds`: which candidates have something that the reader would accept as a reason.
    """

    scores: Scores
    grounds: Flags
    threshold: float = 0.0

    @property
    def personal(self) -> Scores:
        """The scores, nothing for candidates without grounds."""
        return np.where(self.grounds, self.scores, np.minimum(self.scores, np.float32(0.0)))

    def top(self, count: int) -> list[int]:
        """Positions of at most `count` candidates worth it, best first; nothing is padded."""
        if count <= 0:
            return []
        best = np.arange(len(self.scores))
        if count < len(best):
            best = np.argpartition(self.scores, -count)[-count:]
        found = self.scores[best]
        worth = (found > 0) & (found >= self.threshold)
        ordered = best[worth][np.lexsort((best[worth], -found[worth]))]
        positions: list[int] = ordered.tolist()
        return positions


def match_profiles(
    profiles: Sequence[Profile], candidates: Candidates, taste: ProfileVectors | None = None
) -> list[Match]:
    """Every profile against every candidate.

    `taste` is that of the same profiles if it was kept; it is made where it is missing or of
    another version of the lexicon.
    """
    taste = focused_taste(profiles, candidates, taste)
    likeness = np.asarray(taste.meanings @ candidates.meanings.T, dtype=np.float32)
    near = likeness >= np.float32(CLOSE_MEANING * MEANING_OF_TYPED)
    likeness += _shared_columns(taste, candidates)
    scores = _calibrated(likeness)
    by_examples = [place for place, profile in enumerate(profiles) if profile.examples]
    near[by_examples] = scores[by_examples] >= np.float32(CLOSE_EXAMPLES)
    if taste.typed.nnz:
        near |= (taste.typed @ candidates.holders).toarray() >= np.float32(ENOUGH_WORDS)
    for row, grounds, profile in zip(scores, near, profiles, strict=True):
        for part, positions, share in _boosts(profile, candidates):
            if positions:  # for most readers there are none, and numpy is slow to find that out
                row[positions] += (1.0 - row[positions]) * np.float32(share)
                if part in GROUNDS_BY_BOOST:
                    grounds[positions] = True
        if barred := _barred(profile, candidates):
            row[barred] = -1.0
    return [
        Match(row, grounds, profile.threshold)
        for row, grounds, profile in zip(scores, near, profiles, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for a chunk of readers, as pairs of a reader's row and a candidate's
    position, reader by reader; `ends` are where each reader's pairs end."""

    readers: NDArray[np.int64]
    positions: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, chosen: Sequence[Sequence[int]]) -> Chosen:
        """From the positions chosen for each reader."""
        counts = [len(positions) for positions in chosen]
        readers = np.repeat(np.arange(len(chosen)), counts)
        positions = np.array([one for row in chosen for one in row], dtype=np.int64)
        return cls(readers, positions, np.cumsum(counts))

    def shared(self, taste: ProfileVectors, candidates: Candidates) -> sparse.csr_matrix:
        """What each column of `sparse_rows` and `parts` carried of each pair's likeness."""
        offered, in_parts = candidates.sparse_rows[self.positions], candidates.parts[self.positions]
        shared = offered.multiply(taste.sparse_rows[self.readers])
        return (shared + in_parts.multiply(taste.typed_rows[self.readers])).tocsr()


def parts(
    profiles: Sequence[Profile],
    candidates: Candidates,
    chosen: Chosen,
    taste: ProfileVectors,
    shared: sparse.csr_matrix,
) -> list[dict[str, float]]:
    """The score of each pair by a focused taste taken apart: the likeness before calibration by
    words, meaning and fields, then what each boost added to the calibrated score. `shared` is that
    of the chosen."""
    count = len(chosen.positions)
    pairs = np.repeat(np.arange(count), np.diff(shared.indptr))
    lexical = shared.indices < candidates.lexicon.size
    words = np.bincount(pairs, shared.data * lexical, count)
    fields = np.bincount(pairs, shared.data * ~lexical, count)
    meant = taste.meanings[chosen.readers], candidates.meanings[chosen.positions]
    meaning = np.einsum("ij,ij->i", *meant)
    scores = _calibrated(np.asarray(words + meaning + fields, dtype=np.float32))
    boosts = [
        [(name, set(raised), share) for name, raised, share in _boosts(profile, candidates)]
        for profile in profiles
    ]
    found = []
    for pair, (reader, position) in enumerate(zip(chosen.readers, chosen.positions, strict=True)):
        apart = {"words": words[pair], "meaning": meaning[pair], "fields": fields[pair]}
        score = scores[pair]
        for name, raised, share in boosts[reader]:
            apart[name] = (1.0 - score) * share * (int(position) in raised)
            score += apart[name]
        found.append({name: float(value) for name, value in apart.items()})
    return found


def strongest_words(profile: Profile, lexicon: Lexicon, count: int) -> list[tuple[str, float]]:
    """The terms that drive the choice and their weights, strongest first."""
    lexicon = lexicon.including([text for text, _share in _weighed(profile)])
    wanted = ProfileVectors.of([profile], lexicon).sparse_rows[:, : lexicon.size].tocoo()
    weights = dict(zip(lexicon.ids_at(wanted.col).tolist(), wanted.data.tolist(), strict=True))
    texts = [profile.typed, *(f"{paper.title}. {paper.abstract}" for paper in profile.examples)]
    names = {number: term for text in texts for number, term in spelled(text)}
    known = [(names[number], weight) for number, weight in weights.items() if number in names]
    return sorted(known, key=lambda item: (-item[1], item[0]))[:count]


def _weighed(profile: Profile) -> list[tuple[PaperText, float]]:
    """What the profile stands on, and what each counts."""
    typed = [(PaperText("", profile.typed), TYPED_SHARE)] if profile.typed else []
    liked = [(paper, 1.0) for paper in profile.liked]
    opened = [(paper, OPENED_SHARE) for paper in profile.opened]
    return typed + liked + opened + [(paper, DISLIKED_SHARE) for paper in profile.disliked]


def _shares(
    weighed: Sequence[Sequence[tuple[PaperText, float]]], places: Mapping[PaperText, int]
) -> sparse.csr_matrix:
    """Profiles x sources: what each source counts for each profile."""
    values = np.array([share for row in weighed for _text, share in row], dtype=np.float32)
    columns = np.array([places[text] for row in weighed for text, _share in row], dtype=np.int64)
    ends = np.cumsum([0, *(len(row) for row in weighed)])
    return sparse.csr_matrix((values, columns, ends), shape=(len(weighed), len(places)))


def _profile_rows(shares: sparse.csr_matrix, sources: Sources) -> sparse.csr_matrix:
    """Unit rows of profiles. Terms of theirs that have no column, since no candidate has them, take
    their share of the length: one word of three counts less than one that is all."""
    rows = sparse.csr_matrix(shares @ sources.rows)
    there = np.asarray(sources.rows.multiply(sources.rows).sum(axis=1)).ravel()
    missing = shares.multiply(shares) @ np.maximum(1.0 - there, 0.0)
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel() + missing)
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return sparse.csr_matrix(sparse.diags(scale) @ rows, dtype=np.float32)


def _without_ignored(
    rows: sparse.csr_matrix, profiles: Sequence[Profile], lexicon: Lexicon
) -> sparse.csr_matrix:
    """The rows without what each reader said tells nothing about them."""
    for place, profile in enumerate(profiles):
        if profile.ignored:
            span = slice(*rows.indptr[place : place + 2])
            ignored = lexicon.places_of(ids_of(profile.ignored))
            rows.data[span][np.isin(rows.indices[span], ignored)] = 0.0
    return rows


def _strongest(rows: sparse.csr_matrix, count: int) -> sparse.csr_matrix:
    """The `count` entries of each row that are farthest from zero."""
    kept = rows.copy()
    for start, end in zip(rows.indptr, rows.indptr[1:], strict=False):
        if end - start > count:
            weak = np.argpartition(np.abs(rows.data[start:end]), -count)[:-count]
            kept.data[start + weak] = 0.0
    kept.eliminate_zeros()
    return kept


def _fields(papers: Sequence[PaperText]) -> sparse.csr_matrix:
    """Papers x hashed categories, unit rows: each category, and the whole list as one more."""
    names = [(*paper.categories, " ".join(paper.categories)) for paper in papers]
    columns = [
        sorted({zlib.crc32(name.encode()) % FIELD_COLUMNS for name in row if name}) for row in names
    ]
    ends = np.cumsum([0, *(len(row) for row in columns)])
    flat = np.array([column for row in columns for column in row], dtype=np.int32)
    values = np.ones(len(flat), dtype=np.float32)
    return normalize_rows(
        sparse.csr_matrix((values, flat, ends), shape=(len(papers), FIELD_COLUMNS))
    )


def focused_taste(
    profiles: Sequence[Profile], candidates: Candidates, taste: ProfileVectors | None
) -> ProfileVectors:
    """`taste` if it is of the candidates' lexicon, else that of `profiles` made anew; in an
    archive, its meaning turned half-way to where the nearest candidates lie."""
    if taste is None or taste.version != candidates.lexicon.version:
        taste = ProfileVectors.of(profiles, candidates.lexicon)
    if len(candidates.papers) < ARCHIVE or not candidates.meanings.shape[1]:
        return taste
    nearest = np.argpartition(-_likeness(taste, candidates), NEAREST, axis=1)[:, :NEAREST]
    found = normalize_dense_rows(candidates.meanings[nearest].mean(axis=1))
    weight = np.linalg.norm(taste.meanings, axis=1, keepdims=True)
    turned = weight * normalize_dense_rows(normalize_dense_rows(taste.meanings) + found)
    return ProfileVectors(
        taste.version,
        sparse.csr_matrix(TERMS_AFTER_FEEDBACK * taste.sparse_rows, dtype=np.float32),
        np.asarray(turned, dtype=np.float32),
        taste.typed,
        taste.sources,
    )


def _likeness(taste: ProfileVectors, candidates: Candidates) -> Scores:
    likeness = np.asarray(taste.meanings @ candidates.meanings.T, dtype=np.float32)
    return likeness + _shared_columns(taste, candidates)


def _shared_columns(taste: ProfileVectors, candidates: Candidates) -> Scores:
    """The likeness by terms and categories."""
    shared = taste.sparse_rows @ candidates.columns
    if taste.typed.nnz:
        shared += taste.typed_rows @ candidates.part_columns
    return np.asarray(shared.toarray(), dtype=np.float32)


def _calibrated(likeness: Scores) -> Scores:
    """Likeness to [0, 1), half at HALF: a fixed curve, so that a score means the same every day."""
    positive = np.maximum(likeness, 0.0)
    return np.asarray(positive / (positive + np.float32(HALF)), dtype=np.float32)


def _boosts(profile: Profile, candidates: Candidates) -> Iterator[tuple[str, list[int], float]]:
    """What adds to calibrated scores, in this order: its name, to which candidates, and the share
    that it adds of what is missing to a score of one."""
    yield "author", _by_followed(profile, candidates), AUTHOR_BOOST
    yield "shared author", _by_colleague(profile, candidates), SHARED_AUTHOR_BOOST
    yield "category", _by_category(profile, candidates), CATEGORY_BOOST


def _by_followed(profile: Profile, candidates: Candidates) -> list[int]:
    return _found(candidates.by_author, map(author_key, profile.authors)) if profile.authors else []


def _by_colleague(profile: Profile, candidates: Candidates) -> list[int]:
    return _found(candidates.by_author, colleagues(profile)) if profile.shared_authors else []


def colleagues(profile: Profile) -> dict[str, PaperText]:
    """Who wrote the liked papers, by key, with the first of these papers for each."""
    wrote: dict[str, PaperText] = {}
    for paper in profile.liked:
        if len(paper.authors) <= LARGEST_TEAM:
            for name in paper.authors:
                wrote.setdefault(author_key(name), paper)
    return wrote


def _by_category(profile: Profile, candidates: Candidates) -> list[int]:
    return _found(candidates.by_category, profile.categories) if profile.categories else []


def _barred(profile: Profile, candidates: Candidates) -> list[int]:
    """Candidates with an excluded word or a muted author, or disliked themselves."""
    barred = [n for phrase in profile.excluded_words for n in candidates.holding(phrase)]
    if profile.muted_authors:
        barred += _found(candidates.by_author, map(author_key, profile.muted_authors))
    if profile.disliked:
        barred += _found(candidates.by_key, (paper.key for paper in profile.disliked))
    return barred


def _found(index: dict[str, list[int]], keys: Iterable[str]) -> list[int]:
    return sorted({position for key in keys for position in index.get(key, ())})


def _positions(keys: Iterable[Iterable[str]]) -> dict[str, list[int]]:
    index: dict[str, list[int]] = defaultdict(list)
    for position, names in enumerate(keys):
        for name in dict.fromkeys(names):
            index[name].append(position)
    return dict(index)


@lru_cache(maxsize=1 << 16)
def author_key(name: str) -> str:
    """What makes two spellings of a name one."""
    return name_key(name)


def spelled(text: str) -> Iterable[tuple[int, str]]:
    """The terms of a text, each with its id."""
    return zip(term_ids(text).tolist(), extract_terms(text), strict=True)
