"""From a reader's rows to the profile that matching reads; many readers in a few queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from papers.lexicon import PaperText
from papers.models import Paper
from subscriptions.matching import Profile
from subscriptions.models import Interests, Reaction, Subscriber

MOST_EXAMPLES = 50  # the newest reactions of each kind; interests move, and vectors cost


def paper_text(paper: Paper) -> PaperText:
    """What matching knows of a paper."""
    return PaperText(
        key=str(paper.pk),
        title=paper.title,
        abstract=paper.abstract,
        categories=tuple(paper.categories),
        authors=tuple(paper.authors),
    )


def profiles(readers: Sequence[Subscriber]) -> list[Profile]:
    """The profile of each reader, in their order; three queries for any number of them."""
    pks = [reader.pk for reader in readers]
    interests = Interests.objects.in_bulk(pks)
    reactions = _reactions(pks)
    examples = _by_arxiv_id(name for known in interests.values() for name in known.examples)
    return [_profile(interests.get(pk) or Interests(), reactions[pk], examples) for pk in pks]


def _profile(
    interests: Interests,
    reactions: dict[str, list[PaperText]],
    examples: dict[str, PaperText],
) -> Profile:
    named = [examples[name] for name in interests.examples if name in examples]
    return Profile(
        text=interests.topics,
        words=tuple(interests.words),
        excluded_words=tuple(interests.excluded_words),
        categories=tuple(interests.categories),
        authors=tuple(interests.authors),
        liked=tuple(dict.fromkeys([*named, *reactions[Reaction.Kind.MORE][:MOST_EXAMPLES]])),
        disliked=tuple(reactions[Reaction.Kind.LESS][:MOST_EXAMPLES]),
    )


def _reactions(pks: Sequence[int]) -> dict[int, dict[str, list[PaperText]]]:
    found: dict[int, dict[str, list[PaperText]]] = defaultdict(lambda: defaultdict(list))
    rows = Reaction.objects.filter(subscriber__in=pks).select_related("paper")
    for row in rows.order_by("-created_at"):
        found[row.subscriber_id][row.kind].append(paper_text(row.paper))
    return found


def _by_arxiv_id(names: Iterable[str]) -> dict[str, PaperText]:
    known = Paper.objects.filter(arxiv_id__in=set(names))
    return {paper.arxiv_id or "": paper_text(paper) for paper in known}
