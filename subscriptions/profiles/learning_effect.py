"""Effect of a topic's reactions: ranks of later papers with and without the earlier ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from papers.models import Paper
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import Lexicon, PaperText
from subscriptions.matching.candidates import Candidates
from subscriptions.matching.match import match_profiles
from subscriptions.matching.profile import Profile
from subscriptions.models import Digest, Reaction, Topic
from subscriptions.profiles.load import load_profiles, paper_text

MIN_LIKED = 4  # liked papers of the later half; a mean of fewer is chance
MAX_LIKED = 10  # the newest ones, since each brings a digest of papers
Shown = tuple[PaperText, Sequence[PaperText]]
"""A paper that the reader liked, and the other papers of the digest that brought it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Ranks of the later liked papers among the others of their digests.

    `learnt` is the mean share of the others that such a paper is above, with the earlier reactions
    in the profile, and `unlearnt` without any. `error` is the standard error of their difference.
    """

    learnt: float
    unlearnt: float
    error: float

    @property
    def is_better(self) -> bool:
        """Return True if the gain is more than chance usually brings."""
        return self.learnt - self.unlearnt > self.error


def describe_effect(topic: Topic) -> str:
    """Return what reactions to papers of this topic changed; "" without any.

    The topic has its reader loaded.
    """
    rows = topic.reactions.order_by("created_at", "pk").values_list("paper_id", "kind")
    reactions = list(rows)
    if not reactions or topic.query:
        return ""
    effect = _measure_topic(topic, reactions)
    return " ".join([_count_papers(len(reactions), effect), _compare(effect)])


def _count_papers(count: int, effect: Effect | None) -> str:
    if effect and effect.is_better:
        text = ngettext(
            "You've told us about %(count)s paper; your matches got better.",
            "You've told us about %(count)s papers; your matches got better.",
            count,
        )
    else:
        text = ngettext(
            "You've told us about %(count)s paper.", "You've told us about %(count)s papers.", count
        )
    return text % {"count": count}


def _compare(effect: Effect | None) -> str:
    if effect is None:
        return _("Once you like more papers in your digests, we compare your matches here.")
    if not effect.is_better:
        return _("They made no clear difference to your matches so far.")
    return _(
        "With the earlier half of them, papers that you liked later are above %(learnt)s%% of the "
        "other papers in their digests; without them, above %(unlearnt)s%%."
    ) % {"learnt": round(100 * effect.learnt), "unlearnt": round(100 * effect.unlearnt)}


def _measure_topic(topic: Topic, reactions: Sequence[tuple[int, str]]) -> Effect | None:
    """Return the effect of the earlier half of reactions; None if too few came later."""
    later = dict(reactions[len(reactions) // 2 :])
    liked = [pk for pk, kind in later.items() if kind == Reaction.Kind.MORE][-MAX_LIKED:]
    if len(liked) < MIN_LIKED:
        return None
    shown = _shown_with(topic, liked, {pk for pk, _kind in reactions})
    [profile] = load_profiles([topic])
    given = {str(pk) for pk, _kind in reactions} - set(_example_keys(topic))
    learnt = _without(profile, {str(pk) for pk in later} & given)
    return measure_effect(learnt, _without(profile, given), shown, stored_lexicon.load_lexicon())


def _shown_with(topic: Topic, liked: Sequence[int], known: Collection[int]) -> list[Shown]:
    """Return the liked papers that a digest brought, with its other papers without a reaction."""
    own = Digest.objects.filter(subscriber=topic.subscriber, paper_ids__overlap=list(liked))
    brought = {pk: papers for papers in own.values_list("paper_ids", flat=True) for pk in papers}
    rows = Paper.objects.in_bulk({pk for one in liked for pk in brought.get(one, ())})
    texts = {pk: paper_text(row) for pk, row in rows.items()}
    return [
        (
            texts[pk],
            [texts[other] for other in brought[pk] if other in texts and other not in known],
        )
        for pk in liked
        if pk in texts
    ]


def _example_keys(topic: Topic) -> list[str]:
    rows = Paper.objects.filter(arxiv_id__in=topic.examples).values_list("pk", flat=True)
    return [str(pk) for pk in rows]


def _without(profile: Profile, keys: Collection[str]) -> Profile:
    """Return the profile without these papers."""
    liked, disliked = (
        tuple(paper for paper in papers if paper.key not in keys)
        for papers in (profile.liked, profile.disliked)
    )
    return replace(profile, liked=liked, disliked=disliked)


def measure_effect(
    learnt: Profile, unlearnt: Profile, shown: Sequence[Shown], lexicon: Lexicon
) -> Effect | None:
    """Return how high liked papers are with both profiles; None if too few were in a digest."""
    shown = [(paper, others) for paper, others in shown if others]
    if len(shown) < MIN_LIKED:
        return None
    papers = list(dict.fromkeys(one for paper, others in shown for one in (paper, *others)))
    places = {paper: place for place, paper in enumerate(papers)}
    matches = match_profiles([learnt, unlearnt], Candidates.prepare(lexicon, papers))
    shares = np.array(
        [
            [
                _share_below(match.scores[places[paper]], match.scores[[places[o] for o in others]])
                for paper, others in shown
            ]
            for match in matches
        ]
    )
    gains = shares[0] - shares[1]
    error = float(gains.std(ddof=1)) / len(gains) ** 0.5
    return Effect(float(shares[0].mean()), float(shares[1].mean()), error)


def _share_below(score: np.float32, others: np.ndarray) -> float:
    """Return the share of scores below one; equal ones count half."""
    return float(np.mean((others < score) + 0.5 * (others == score)))
