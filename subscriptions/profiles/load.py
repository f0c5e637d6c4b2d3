"""Load readers' profiles for matching, many readers in a few queries."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields

from django.db.models import Q

from papers.bulk import any_of
from papers.models import Paper
from papers.text.markup import readable_lines
from papers.vectors.lexicon import PaperText
from subscriptions.matching.profile import Profile
from subscriptions.models import Interests, OpenedPaper, Reaction, Subscriber

MAX_REACTIONS = 50  # the newest reactions of each kind; interests move, and vectors cost
MAX_OPENED = 20

# Minimum calibrated score by strictness.
THRESHOLDS: dict[str, float] = {
    Interests.Strictness.ALL: 0.0,
    Interests.Strictness.GOOD: 0.35,
    Interests.Strictness.ONLY: 0.55,
}

OPENED = "opened"
PAPERS = ("liked", "disliked", OPENED)  # fields of a profile
TEXT = ("pk", "title", "abstract", "categories", "authors")  # columns loaded per paper
Reactions = dict[str, list[PaperText]]  # by kind, newest first; including opened papers


def paper_text(paper: Paper) -> PaperText:
    """Return the text of a paper for matching."""
    return _text(*(getattr(paper, name) for name in TEXT))


def _text(
    pk: int, title: str, abstract: str, categories: Iterable[str], authors: Iterable[str]
) -> PaperText:
    return PaperText(str(pk), title, abstract, tuple(categories), tuple(authors))


def paper_ids(texts: Iterable[PaperText]) -> set[int]:
    """Return the primary keys of stored papers; other texts are titles only."""
    return {int(text.key) for text in texts if text.key.isdigit()}


def missing_papers(arxiv_ids: Iterable[str]) -> list[str]:
    """Return the IDs, sorted, of papers that we do not have, so that matching cannot use them."""
    ids = set(arxiv_ids)
    stored = Paper.objects.filter(arxiv_id__in=ids).values_list("arxiv_id", flat=True)
    return sorted(ids - set(stored))


def is_strict(profile: Profile) -> bool:
    """Return True if digests exclude everything below the threshold, even trending papers."""
    return profile.threshold >= THRESHOLDS[Interests.Strictness.ONLY]


def load_profiles(readers: Sequence[Subscriber]) -> list[Profile]:
    """Return the readers' profiles in order, with five queries for any number of readers."""
    pks = [reader.pk for reader in readers]
    rows = Interests.objects.filter(any_of("subscriber_id", pks))
    interests = {row.subscriber_id: row for row in rows}
    reactions = _reactions(pks)
    known = _known(interests.values())
    return [_profile(interests.get(pk) or Interests(), reactions[pk], known) for pk in pks]


def profile_key(profile: Profile) -> str:
    """Return a key that changes with the reader's interests, except for opened papers."""
    values = [
        [paper.key for paper in profile.liked],
        [paper.key for paper in profile.disliked],
        *(getattr(profile, field.name) for field in fields(profile) if field.name not in PAPERS),
    ]
    return hashlib.blake2b(repr(values).encode(), digest_size=16).hexdigest()


def profile_from_interests(interests: Interests) -> Profile:
    """Return the profile for these interests without reactions; they need not be saved."""
    return _profile(interests, defaultdict(list), _known([interests]))


def _profile(interests: Interests, reactions: Reactions, known: dict[str, PaperText]) -> Profile:
    named = [known[name] for name in interests.examples if name in known]
    brought = [_brought(reference, known) for reference in interests.references]
    more = reactions[Reaction.Kind.MORE][:MAX_REACTIONS]
    less = reactions[Reaction.Kind.LESS]
    liked = dict.fromkeys([*named, *brought, *more])
    opened = [text for text in reactions[OPENED] if text not in liked and text not in less]
    return Profile(
        text=readable_lines(interests.topics),
        words=tuple(map(readable_lines, interests.words)),
        excluded_words=tuple(map(readable_lines, interests.excluded_words)),
        ignored=tuple(interests.ignored_words),
        categories=tuple(interests.categories),
        authors=tuple(interests.authors),
        muted_authors=tuple(interests.muted_authors),
        liked=tuple(text for text in liked if text not in less),
        disliked=tuple(less[:MAX_REACTIONS]),
        opened=tuple(opened[:MAX_OPENED]),
        shared_authors=interests.shared_authors,
        threshold=THRESHOLDS[interests.strictness],
    )


def _brought(reference: dict[str, str], known: dict[str, PaperText]) -> PaperText:
    """Return the text of a referenced paper: in full if stored, else its title."""
    found = known.get(reference["arxiv_id"]) or known.get(reference["doi"])
    return found or PaperText(f"title {reference['title']}", reference["title"])


def _reactions(pks: Sequence[int]) -> dict[int, Reactions]:
    by_reader = any_of("subscriber_id", pks)
    given = Reaction.objects.filter(by_reader).order_by("-created_at")
    opened = OpenedPaper.objects.allowed().filter(by_reader)
    rows: list[tuple[int, str, int]] = [
        *given.values_list("subscriber_id", "kind", "paper_id"),
        *((pk, OPENED, paper) for pk, paper in opened.values_list("subscriber_id", "paper_id")),
    ]
    # Many readers react to the same papers, so each is loaded once.
    papers = Paper.objects.filter(any_of("pk", {paper for _pk, _kind, paper in rows}))
    texts = {row[0]: _text(*row) for row in papers.values_list(*TEXT)}
    found: dict[int, Reactions] = defaultdict(lambda: defaultdict(list))
    for pk, kind, paper in rows:
        if paper in texts:  # not deleted in the meantime
            found[pk][kind].append(texts[paper])
    return found


def _known(everyone: Iterable[Interests]) -> dict[str, PaperText]:
    """Return the stored papers among examples and references, by arXiv ID and by DOI."""
    names: set[str] = set()
    dois: set[str] = set()
    for interests in everyone:
        names.update(interests.examples)
        names.update(reference["arxiv_id"] for reference in interests.references)
        dois.update(reference["doi"] for reference in interests.references)
    papers = Paper.objects.filter(Q(arxiv_id__in=names - {""}) | Q(doi__in=dois - {""}))
    known: dict[str, PaperText] = {}
    for arxiv_id, doi, *row in papers.values_list("arxiv_id", "doi", *TEXT):
        text = _text(*row)
        known |= {name: text for name in (arxiv_id, doi) if name}
    return known
