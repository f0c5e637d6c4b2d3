"""Why a paper was chosen, in words: true of its score and no more. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from textwrap import shorten

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from scipy import sparse

from papers.text.markup import join_names
from papers.vectors.lexicon import Lexicon, PaperText, extract_words, term_ids
from subscriptions.matching.match import (
    MEANING,
    OPENED_SHARE,
    Candidates,
    Chosen,
    Profile,
    ProfileVectors,
    Sources,
    author_key,
    colleagues,
    focused_taste,
    parts,
    spelled,
)
from subscriptions.matching.typed_terms import clauses, is_subject

REASON_WORDS = 3
PHRASE_WORDS = 6  # the longest phrase that is named as one
NEAR_LENGTH = 100  # characters of what the reader typed that a reason repeats
SPOKEN_SHARE = 0.1  # what carried less of the likeness is not named as its reason

Scores = NDArray[np.float32]
_COMPOUND_PARTS = re.compile(r"[^-‐‑–]+[-‐‑–]?|[-‐‑–]+")
_SPACE_IN_COMPOUND = re.compile(r"(?<=\w[-‐‑–]) ")
_Terms = tuple[frozenset[int], frozenset[int]]  # the ids of single words, and of pairs
_Window = tuple[str, frozenset[int], frozenset[int]]  # a phrase with both


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a paper was chosen: only what raised its score.

    `words` are words and phrases as the reader wrote them, `examples` titles of liked papers and
    `opened` of opened ones. `near` is the part of what the reader typed that is closest, where
    shared meaning carried the choice rather than words. `colleague` is an author of this paper
    and of the liked one named `wrote`. `parts` is the score taken apart: the likeness before
    calibration by words, meaning and fields, then what authors and categories added to the
    calibrated score.
    """

    author: str = ""
    words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    near: str = ""
    colleague: str = ""
    wrote: str = ""
    categories: tuple[str, ...] = ()
    parts: dict[str, float] = field(default_factory=dict)

    def sentence(self) -> str:
        """The reason in the language of the moment; empty when nothing in the profile speaks for
        the paper."""
        spoken = "; ".join(self._said())
        if not spoken and self.categories:
            spoken = _("in %(fields)s, which you follow") % {"fields": ", ".join(self.categories)}
        return spoken[:1].upper() + spoken[1:]

    def _said(self) -> Iterator[str]:
        if self.author:
            yield _("by %(name)s, an author you follow") % {"name": self.author}
        if self.words:
            yield _("matches your %(words)s") % {"words": _quoted(self.words)}
        if self.examples:
            yield _("similar to “%(title)s”, which you liked") % {"title": self.examples[0]}
        elif self.opened:
            yield _("similar to “%(title)s”, which you opened") % {"title": self.opened[0]}
        if self.near:
            yield _("similar in meaning to your “%(text)s”") % {"text": self.near}
        if self.colleague:
            named = {"name": self.colleague, "title": self.wrote}
            yield _("by %(name)s, also an author of “%(title)s”") % named


class _Clauses:
    """What readers typed, clause by clause, and what each clause means: made for a whole chunk of
    readers the first time that one of them is asked for."""

    def __init__(self, profiles: Sequence[Profile], lexicon: Lexicon) -> None:
        self.texts = {one.typed for one in profiles if one.typed and not one.examples}
        self.lexicon = lexicon

    def of(self, typed: str) -> tuple[list[str], Scores]:
        """The clauses of one reader's text, with a row of meaning for each."""
        return self._found[typed]

    @cached_property
    def _found(self) -> dict[str, tuple[list[str], Scores]]:
        said = {typed: clauses(typed) for typed in self.texts}
        rows = self.lexicon.vectors([PaperText("", one) for own in said.values() for one in own])
        ends = np.cumsum([len(own) for own in said.values()])
        meant = np.split(self.lexicon.meanings(rows), ends[:-1])
        return {typed: (said[typed], own) for typed, own in zip(said, meant, strict=True)}


@dataclass(frozen=True)
class _Grounds:
    """What the reasons of one reader stand on. By chosen candidate: its score taken apart, its
    `meanings`, what each term that the reader typed carried, by its id, and what each example did
    (`examples`: examples x chosen)."""

    profile: Profile
    apart: Sequence[dict[str, float]]
    meanings: Scores
    typed: Sequence[dict[int, float]]
    examples: Scores
    clauses: _Clauses


def explain_choices(
    profiles: Sequence[Profile],
    candidates: Candidates,
    chosen: Sequence[Sequence[int]],
    taste: ProfileVectors | None = None,
) -> list[list[Reason]]:
    """Why the candidates at these positions were chosen for each of `profiles`, in their order;
    `taste` as for `match`. Vectors are made for the whole chunk at once."""
    if not profiles:
        return []
    taste = focused_taste(profiles, candidates, taste)
    return [
        [_reason(grounds, place, candidates.papers[one]) for place, one in enumerate(positions)]
        for grounds, positions in zip(
            _grounds(profiles, candidates, Chosen.of(chosen), taste), chosen, strict=True
        )
    ]


def _grounds(
    profiles: Sequence[Profile], candidates: Candidates, chosen: Chosen, taste: ProfileVectors
) -> Iterator[_Grounds]:
    lexicon, shared = candidates.lexicon, chosen.shared(taste, candidates)
    meanings = candidates.meanings[chosen.positions]
    apart = parts(profiles, candidates, chosen, taste, shared)
    typed = _carried_by_typed(profiles, lexicon, chosen, shared)
    sources = taste.sources or Sources.of((one for p in profiles for one in p.examples), lexicon)
    closeness = _closeness(profiles, candidates, chosen, sources)
    said = _Clauses(profiles, lexicon)
    spans = [slice(*span) for span in pairwise([0, *chosen.ends.tolist()])]
    for profile, near, span in zip(profiles, closeness, spans, strict=True):
        yield _Grounds(profile, apart[span], meanings[span], typed[span], near, said)


def _carried_by_typed(
    profiles: Sequence[Profile], lexicon: Lexicon, chosen: Chosen, shared: sparse.csr_matrix
) -> list[dict[int, float]]:
    """For each pair, what each term that the reader typed carried, by its id."""
    places = [lexicon.places_of(term_ids(profile.typed)) for profile in profiles]
    columns = np.concatenate(places)
    ends = np.cumsum([0, *map(len, places)])
    typed = sparse.csr_matrix(
        (np.ones(len(columns), np.float32), columns, ends), (len(profiles), shared.shape[1])
    )
    carried = shared.multiply(typed[chosen.readers]).tocsr()
    ids, values = lexicon.ids_at(carried.indices).tolist(), carried.data.tolist()
    return [
        dict(zip(ids[start:end], values[start:end], strict=True))
        for start, end in pairwise(carried.indptr.tolist())
    ]


def _closeness(
    profiles: Sequence[Profile], candidates: Candidates, chosen: Chosen, sources: Sources
) -> list[Scores]:
    """What each example of each reader carried of the likeness of each chosen candidate: examples
    x chosen, for each reader. All pairs of the chunk are multiplied at once."""
    counts = np.diff([0, *chosen.ends])
    known = sources.places
    mine = [np.array([known[one] for one in p.examples], dtype=np.int64) for p in profiles]
    ones = np.concatenate([np.repeat(own, n) for own, n in zip(mine, counts, strict=True)])
    spans = zip(mine, pairwise([0, *chosen.ends.tolist()]), strict=True)
    others = np.concatenate(
        [np.tile(chosen.positions[start:end], len(own)) for own, (start, end) in spans]
    )
    shared = sources.rows[ones].multiply(candidates.lexical[others]).sum(axis=1)
    near = np.asarray(shared, dtype=np.float32).ravel()
    near += MEANING * np.einsum("ij,ij->i", sources.meanings[ones], candidates.meanings[others])
    parts_of = np.split(
        near, np.cumsum([len(own) * n for own, n in zip(mine, counts, strict=True)])
    )
    found: list[Scores] = []
    for profile, own, n, carried in zip(profiles, mine, counts, parts_of, strict=False):
        shares = np.repeat([1.0, OPENED_SHARE], [len(profile.liked), len(profile.opened)])
        share = shares / (shares.sum() or 1.0)
        scaled = carried.reshape(len(own), n) * share[:, None]
        found.append(scaled.astype(np.float32))
    return found


def _reason(grounds: _Grounds, place: int, paper: PaperText) -> Reason:
    profile, apart = grounds.profile, grounds.apart[place]
    least = SPOKEN_SHARE * max(sum(apart[name] for name in ("words", "meaning", "fields")), 0.0)
    words = _shared_words(grounds, place, least)
    liked, opened = _closest(grounds, place, least)
    alone = apart["meaning"] > least and not (words or profile.examples)
    colleague, wrote = _colleague(profile, paper) if apart["shared author"] else ("", "")
    return Reason(
        author=_followed(profile, paper) if apart["author"] else "",
        words=words,
        examples=liked,
        opened=opened,
        near=_nearest(grounds, place) if alone else "",
        colleague=colleague,
        wrote=wrote,
        categories=tuple(name for name in profile.categories if name in paper.categories),
        parts=apart,
    )


def _shared_words(grounds: _Grounds, place: int, least: float) -> tuple[str, ...]:
    """What the reader typed that carried more than `least` together, the strongest first.

    Neighbouring words that carried as pairs are one phrase, spelled as the reader wrote it.
    """
    shares = grounds.typed[place]
    carried = {number for number, share in shares.items() if share > 0}
    if sum(shares[number] for number in carried) <= least:
        return ()
    named = _phrases(grounds.profile.typed, carried)
    told = [phrase for phrase in named if is_subject(phrase, grounds.profile.typed)]
    ranked = sorted(told, key=lambda phrase: -sum(shares.get(one, 0.0) for one in named[phrase]))
    return tuple(ranked[:REASON_WORDS])


def _phrases(text: str, carried: set[int]) -> dict[str, frozenset[int]]:
    """The longest phrases of `text` all whose pairs carried, then the single words that did and
    stand in none of them, each with its terms."""
    taken: set[int] = set()
    found: dict[str, frozenset[int]] = {}
    for phrase, singles, pairs in sorted(_carrying(text, carried), key=_fewest_last):
        if not (pairs or singles) <= taken:
            taken |= singles | pairs
            found[phrase] = singles | pairs
    return found


def _fewest_last(window: _Window) -> int:
    _phrase, singles, pairs = window
    return -len(singles | pairs)


def _carrying(text: str, carried: set[int]) -> Iterator[_Window]:
    """Every run of at most PHRASE_WORDS words of one clause of `text` all whose pairs carried, or
    that carried and has none; none begins or ends with a stop word."""
    for clause in _clauses_of(text):
        for first, start in enumerate(clause.content):
            singles, pairs = clause.alone[first]
            for last, end in enumerate(clause.content[first:], start=first):
                if end - start >= PHRASE_WORDS:
                    break
                more = clause.joined[last - 1] if last > first else (singles, pairs)
                if not more[1] <= carried:
                    break  # neither did all pairs of a longer one
                singles, pairs = singles | more[0], pairs | more[1]
                if pairs or not singles.isdisjoint(carried):
                    yield _together(clause.words[start : end + 1]), singles, pairs


def _together(words: Sequence[str]) -> str:
    """The words as the reader wrote them; those of a compound end with its hyphen."""
    return _SPACE_IN_COMPOUND.sub("", " ".join(words)).strip("'’-‐‑–")


@dataclass(frozen=True, slots=True)
class _Clause:
    """Words as written; the places of those that are no stop words; the ids of the terms of each
    of these alone, and of each with the next one."""

    words: list[str]
    content: list[int]
    alone: list[_Terms]
    joined: list[_Terms]


@lru_cache(maxsize=256)
def _clauses_of(text: str) -> list[_Clause]:
    found = []
    for words in map(_written_words, clauses(text)):
        content = [place for place, word in enumerate(words) if _singles_and_pairs(word)[0]]
        alone = [_singles_and_pairs(words[place]) for place in content]
        joined = [_singles_and_pairs(" ".join(words[a : b + 1])) for a, b in pairwise(content)]
        found.append(_Clause(words, content, alone, joined))
    return found


def _written_words(clause: str) -> list[str]:
    """The words of a clause, those of a compound that is several words to matching each alone."""
    return [
        part
        for word in clause.split()
        for part in (_COMPOUND_PARTS.findall(word) if len(extract_words(word)) > 1 else [word])
    ]


@lru_cache(maxsize=1 << 14)
def _singles_and_pairs(words: str) -> _Terms:
    """The ids of the terms of one word, and of the terms of two."""
    named = list(spelled(words))
    singles = frozenset(number for number, term in named if " " not in term)
    return singles, frozenset(number for number, _ in named) - singles


def _nearest(grounds: _Grounds, place: int) -> str:
    """The clause of what the reader typed that is closest in meaning, cut if it is long."""
    said, meant = grounds.clauses.of(grounds.profile.typed)
    nearest = int(np.argmax(meant @ grounds.meanings[place]))
    return shorten(said[nearest], NEAR_LENGTH, placeholder="…")


def _closest(
    grounds: _Grounds, place: int, least: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The titles of the liked and of the opened papers that carried more than `least`, the closest
    first."""
    if not grounds.profile.examples:
        return (), ()
    carried = grounds.examples[:, place].tolist()
    enough = [n for n, share in enumerate(carried) if share > least]
    order = sorted(enough, key=lambda n: -carried[n])
    titles = [paper.title for paper in grounds.profile.examples]
    liked = len(grounds.profile.liked)
    near = tuple(titles[n] for n in order if n < liked)
    return near, tuple(titles[n] for n in order if n >= liked)


def _quoted(phrases: Sequence[str]) -> str:
    """“one”, “two” and “three”."""
    return join_names([_("“%(words)s”") % {"words": phrase} for phrase in phrases])


def _colleague(profile: Profile, paper: PaperText) -> tuple[str, str]:
    """An author of `paper` who wrote a liked one, and the title of that one."""
    wrote = colleagues(profile)
    name = next(name for name in paper.authors if author_key(name) in wrote)
    return name, wrote[author_key(name)].title


def _followed(profile: Profile, paper: PaperText) -> str:
    wanted = {author_key(name) for name in profile.authors}
    return next(name for name in paper.authors if author_key(name) in wanted)
