from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from papers.models import Paper, StoredLexicon
from papers.vectors import stored_lexicon
from papers.vectors.lexicon import METHOD

pytestmark = pytest.mark.django_db
MakePaper = Callable[..., Paper]


def test_a_lexicon_is_learnt_at_first_and_after_growth(
    make_paper: MakePaper, now: datetime
) -> None:
    assert stored_lexicon.learn_lexicon(now) is None
    for number in range(10):
        make_paper(f"Paper {number} on graphs")
    assert stored_lexicon.learn_lexicon(now) is not None
    make_paper("One more")
    later = now + timedelta(hours=1)
    assert stored_lexicon.learn_lexicon(later) is not None, "a tenth more"
    assert stored_lexicon.learn_lexicon(later) is None


def test_the_newest_lexicon_is_used_and_old_ones_are_deleted(
    make_paper: MakePaper, now: datetime
) -> None:
    for number in range(6):
        make_paper(f"Paper {number} on subject{number}")
        stored_lexicon.learn_lexicon(now + timedelta(hours=number))
    assert StoredLexicon.objects.count() == stored_lexicon.MAX_STORED
    newest = StoredLexicon.objects.latest()
    assert (
        stored_lexicon.load_lexicon().version == stored_lexicon.current_version() == newest.version
    )


def test_a_lexicon_of_another_method_is_learnt_again(
    make_paper: MakePaper, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        make_paper(f"Paper {number} on graphs")
    with monkeypatch.context() as before:
        before.setattr("papers.vectors.lexicon.METHOD", "pairs")
        assert stored_lexicon.learn_lexicon(now) is not None
    assert stored_lexicon.learn_lexicon(now + timedelta(hours=1)) is not None
    assert stored_lexicon.learn_lexicon(now + timedelta(hours=2)) is None
    assert stored_lexicon.load_lexicon().version.startswith(f"{METHOD}-")
