from __future__ import annotations

from datetime import date, timedelta

import pytest

from papers.ranking.vote_prediction import (
    MIN_PAPERS,
    Appeal,
    AppealError,
    VotedPaper,
    weighted_text,
)

DAYS = [date(2026, 4, 1) + timedelta(days=number) for number in range(20)]


VOTES = {"Robots": 16, "Glaciers": 1, "Lattices": 4, "Enzymes": 4}


def papers(count: int) -> list[VotedPaper]:
    """Return papers on days with many and few votes; robots get more than glaciers."""
    return [
        VotedPaper(
            weighted_text(f"{name} number{number}", "measured"), day, votes * (1 + 10 * (place % 2))
        )
        for number in range(count // (len(DAYS) * len(VOTES)) + 1)
        for place, day in enumerate(DAYS)
        for name, votes in VOTES.items()
    ][:count]


def test_words_of_voted_papers_are_learnt_relative_to_their_day() -> None:
    model = Appeal.learn(papers(MIN_PAPERS))
    robots, glaciers, unknown = model.predict(["Robots walk.", "Glaciers melt.", "Quorums agree."])
    assert robots > 0.3
    assert glaciers < -0.3
    assert unknown == 0


def test_too_few_papers_teach_nothing() -> None:
    assert Appeal.learn(papers(MIN_PAPERS - 1)) == Appeal()
    assert Appeal().predict(["Robots walk."]).tolist() == [0.0]


def test_a_stored_model_loads_unchanged() -> None:
    learnt = Appeal.learn(papers(MIN_PAPERS))
    read = Appeal.loads(learnt.dumps())
    assert read == learnt
    assert Appeal.loads(Appeal().dumps()) == Appeal()


@pytest.mark.parametrize("data", [b"", b"\xff", b"[1]", b'{"a": 1}', b'{"a": ["x", "y"]}'])
def test_invalid_bytes_raise_an_error(data: bytes) -> None:
    with pytest.raises(AppealError):
        Appeal.loads(data)
