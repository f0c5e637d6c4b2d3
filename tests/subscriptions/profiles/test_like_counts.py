from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from papers.models import Paper
from papers.ranking import scoring
from subscriptions.models import Reaction, Subscriber
from subscriptions.profiles import like_counts

pytestmark = pytest.mark.django_db


def test_reactions_count_towards_trending_until_they_are_gone(
    make_paper: Callable[..., Paper], make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    liked, disliked = make_paper("Liked"), make_paper("Disliked")
    for number in range(3):
        reader = make_reader(f"reader{number}@example.org")
        Reaction.objects.create(
            subscriber=reader, topic=reader.first_topic, paper=liked, kind="more", created_at=now
        )
        Reaction.objects.create(
            subscriber=reader, topic=reader.first_topic, paper=disliked, kind="less", created_at=now
        )
    assert like_counts.update_like_counts(now) == 1
    assert like_counts.update_like_counts(now) == 0, "nothing new"
    scoring.rescore(now)
    liked.refresh_from_db()
    disliked.refresh_from_db()
    assert (liked.liked, liked.score_parts["reactions_part"]) == (3, 3)
    assert disliked.heat == 0
    reader.delete()
    assert like_counts.update_like_counts(now) == 1
    liked.refresh_from_db()
    assert liked.liked == 2
