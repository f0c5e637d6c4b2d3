"""A reader's profile: raw inputs, independent of any lexicon. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from papers.text.identity import name_key
from papers.vectors.lexicon import PaperText

TYPED_SHARE = 2.0  # the weight of typed text; that of a liked paper is 1
DISLIKED_SHARE = 1.0  # against a paper
MAX_DISLIKED = 1.2  # of all disliked papers together, as a share of the rest of the profile
KEPT_SHARE = 0.75  # some are kept for another reason than what the topic is about
OPENED_SHARE = 0.25  # opening a paper says less than liking it
MAX_TEAM = 30  # authors; the names on papers of larger collaborations say little about a subject

Weighted = tuple[PaperText, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """The inputs of one reader.

    `kept` are papers in the reader's library, `opened` those that they only looked at. `ignored`
    words never count. With `shared_authors`, papers by authors of liked papers score higher.
    `min_share` is the minimum share of choices for a place in the digest; see `fit`.
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
    kept: tuple[PaperText, ...] = ()
    opened: tuple[PaperText, ...] = ()
    shared_authors: bool = False
    min_share: float = 0.0

    @property
    def typed(self) -> str:
        """The free text and the single words as one text."""
        return ". ".join(part for part in (self.text, *self.words) if part.strip())

    @property
    def has_interests(self) -> bool:
        """True if there is more to match than categories."""
        return bool(self.typed or self.examples or self.authors)

    @property
    def examples(self) -> tuple[PaperText, ...]:
        """Liked papers, then kept ones, then opened ones."""
        return (*self.liked, *self.kept, *self.opened)

    @property
    def example_shares(self) -> list[float]:
        """The weight of each of `examples`."""
        counts = (
            (1.0, len(self.liked)),
            (KEPT_SHARE, len(self.kept)),
            (OPENED_SHARE, len(self.opened)),
        )
        return [share for share, count in counts for _ in range(count)]

    @property
    def weight_of_examples(self) -> float:
        """The weight of examples beside the typed text, in [0, 1]."""
        examples = sum(self.example_shares)
        return examples / (examples + (TYPED_SHARE if self.typed else 0.0)) if examples else 0.0

    def weighted_typed(self) -> list[Weighted]:
        """Return the typed text with its weight, if there is one."""
        return [(PaperText("", self.typed), TYPED_SHARE)] if self.typed else []

    def weighted_examples(self) -> list[Weighted]:
        """Return the examples, each with its weight."""
        return list(zip(self.examples, self.example_shares, strict=True))

    def weighted_disliked(self) -> list[Weighted]:
        """Return the disliked papers, each with its negative weight."""
        given = sum(weight for _text, weight in self.weighted_typed() + self.weighted_examples())
        count = len(self.disliked)
        weight = min(DISLIKED_SHARE, MAX_DISLIKED * given / count) if count else 0.0
        return [(paper, -weight) for paper in self.disliked]

    def texts(self) -> list[PaperText]:
        """Return the typed text and all papers of the profile."""
        typed = [text for text, _weight in self.weighted_typed()]
        return [*typed, *self.examples, *self.disliked]

    def liked_authors(self) -> dict[str, PaperText]:
        """Return the authors of liked papers by key, each with the first paper they wrote.

        Papers with more than MAX_TEAM authors are skipped.
        """
        papers: dict[str, PaperText] = {}
        for paper in self.liked:
            if len(paper.authors) <= MAX_TEAM:
                for name in paper.authors:
                    papers.setdefault(author_key(name), paper)
        return papers


@lru_cache(maxsize=1 << 16)
def author_key(name: str) -> str:
    """Return a key that is the same for all spellings of a name."""
    return name_key(name)
