"""`manage.py evaluate learning`: simulated readers who react to a digest a day."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from devtools.evaluation.cases import Corpus
from devtools.evaluation.learning import simulated_readers
from devtools.evaluation.learning.learners import Taps
from devtools.evaluation.learning.simulated_readers import (
    AUTHOR,
    EXAMPLE,
    PERSON,
    WORDS,
    SimulatedReader,
    find_authors,
    with_halves,
)
from devtools.evaluation.learning.simulation import paired_interval, tap
from papers.vectors.lexicon import Lexicon, PaperText

SUBJECTS = ("coral reefs", "steel bridges", "roman coins", "sourdough bread")
DAYS = [f"2026-01-{day:02}" for day in range(1, 25)]
Evaluate = Callable[..., str]


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """Run the command on two lists and two people with twelve papers each, and others."""
    monkeypatch.setattr(simulated_readers, "MIN_POOL", 5)
    titles = [f"{SUBJECTS[n % 4]} {n}" for n in range(48)]
    titles += [f"Whales and tides {n}" for n in range(192)]
    papers = [
        {
            "arxiv_id": str(number),
            "title": title,
            "abstract": f"We study {title}.",
            "categories": ["q-bio.PE"],
            "authors": [],
            "listed": DAYS[number % 24],
        }
        for number, title in enumerate(titles)
    ]
    interests = [
        {
            "profile_id": subject,
            "items": [{"arxiv_id": str(4 * item + n)} for item in [*range(12), 999]],
        }
        | ({"list_title": "🤖 Awesome", "name": subject} if n < 2 else {})
        for n, subject in enumerate(SUBJECTS)
    ]

    def run(*options: str, count: int = 4) -> str:
        files = tmp_path / "papers.jsonl", tmp_path / "interests.jsonl"
        for path, rows in zip(files, (papers, interests[:count]), strict=True):
            path.write_text("\n".join(map(json.dumps, rows)))
        names = ("--papers", str(files[0]), "--interests", str(files[1]))
        call_command("evaluate", "learning", *names, *options, stdout=(printed := io.StringIO()))
        return printed.getvalue()

    return run


def test_readers_learn_next_to_baselines(evaluate: Evaluate) -> None:
    report: dict[str, Any] = json.loads(evaluate("--json"))
    halves = ("first half", "second half")
    assert sum(report["readers"][half] for half in halves) == 6
    assert sum(report["interests"][half] for half in halves) == 4
    kinds = {group.partition(", ")[2] for group in report["readers"]} - {""}
    assert kinds == {WORDS, EXAMPLE, PERSON}
    curves = report["curves"]["first half"]
    assert set(curves) == {
        *("paperboy", "no learning", "rocchio", "svm", "five given examples"),
    }
    paperboy = curves["paperboy"]
    assert paperboy["0"]["more"] == paperboy["0"]["less"] == 0
    assert 0 < paperboy["20"]["more"] <= 5, "at most the half that comes out"
    assert paperboy["20"]["ndcg@10"] == 1.0, "each subject has its own words"
    assert report["leads"]["first half"]["no learning"]["0"] == [0, 0, 0], "the same start"
    assert report["few"]["first half"]["after 6 More"][0] == 1.0


def test_the_table_has_each_learner_and_the_lead_over_it(evaluate: Evaluate) -> None:
    table = evaluate("--half", "first")
    for line in ("first half: ", "paperboy  ", "rocchio  ", "lead over svm", "after 6 taps"):
        assert f"\n{line}" in f"\n{table}"
    assert "second half" not in table


def test_more_seeds_are_more_readers_of_the_same_interests(evaluate: Evaluate) -> None:
    report: dict[str, Any] = json.loads(evaluate("--seeds", "2", "--json"))
    halves = ("first half", "second half")
    assert sum(report["readers"][half] for half in halves) == 12
    assert sum(report["interests"][half] for half in halves) == 4


def test_a_kept_lexicon_must_be_of_the_same_papers(evaluate: Evaluate, tmp_path: Path) -> None:
    path = tmp_path / "lexicon"
    learnt = evaluate("--half", "first", "--lexicon", str(path))
    kept = evaluate("--half", "first", "--lexicon", str(path))
    assert learnt.splitlines()[:-1] == kept.splitlines()[:-1], "all but the time"
    path.write_bytes(Lexicon.learn([PaperText("1", "Reef")]).dumps())
    with pytest.raises(CommandError, match="learnt from 1 papers"):
        evaluate("--lexicon", str(path))


def test_authors_of_one_name_are_told_apart_by_their_teams() -> None:
    team = [PaperText(str(n), f"Reef {n}", authors=("Ann Lee", "Wei Wang")) for n in range(10)]
    others = [PaperText(f"x{n}", "Coin", authors=(f"Bo Um{n}", "Wei Wang")) for n in range(10)]
    [author] = find_authors(Corpus([*others, *team], {}), 5)
    assert author.positions == tuple(range(10, 20))
    assert author.kind == AUTHOR


def test_too_few_interests_are_refused(evaluate: Evaluate) -> None:
    with pytest.raises(CommandError, match="fewer than two interests"):
        evaluate(count=1)


def test_a_reader_reacts_to_papers_of_theirs_and_to_one_other() -> None:
    reader = SimulatedReader("a", WORDS, "a", (), (), frozenset([1, 2]), frozenset([5]), ())
    taps = tap(Taps(reader), [3, 2, 4, 5], "day")
    assert taps.more == (2,)
    assert taps.less in ((3,), (4,)), "never a held-out paper"


def test_intervals_resample_whole_interests() -> None:
    mean, low, high = paired_interval([1.0, 1.0, 0.0], [0.0, 0.0, 0.0], ["a", "a", "b"])
    assert (mean, low, high) == (0.6667, 0.0, 1.0)


def test_a_random_half_of_the_interests_is_first() -> None:
    interests = [simulated_readers.Interest(str(n), "", ()) for n in range(9)]
    halves = [one.half for one in with_halves(interests)]
    assert sorted(halves) == ["first"] * 4 + ["second"] * 5
    assert halves != sorted(halves)
