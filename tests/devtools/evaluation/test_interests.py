"""`manage.py evaluate interests`: readers with two interests, made up from reading lists."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from devtools.evaluation.cases import EvaluationError
from devtools.evaluation.interests import make_up_readers, measure_first_ten
from devtools.evaluation.reading_lists import (
    ReadingList,
    double_topics,
    read_lists,
    single_topics,
    split_lists,
)

SUBJECTS = ("coral reefs", "steel bridges", "roman coins", "sourdough bread")
LISTS = [
    ReadingList(name, name[:1], tuple(range(start, start + 9)))
    for start, name in zip((0, 8, 20, 40), SUBJECTS, strict=True)
]
Evaluate = Callable[..., str]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Run the command on four lists of nine papers each, and forty other papers."""
    titles = [f"{subject} {number}" for subject in SUBJECTS for number in range(9)]
    titles += [f"Whales and tides {number}" for number in range(40)]
    papers = [
        {
            "arxiv_id": str(number),
            "title": title,
            "abstract": f"We study {title}.",
            "categories": [],
            "authors": [],
        }
        for number, title in enumerate(titles)
    ]
    lists = [
        {
            "profile_id": subject,
            "repo": "lists",
            "items": [{"arxiv_id": str(9 * n + item)} for item in [*range(9), 999]],
        }
        for n, subject in enumerate(SUBJECTS)
    ]

    def run(*options: str, count: int = 4) -> str:
        files = tmp_path / "papers.jsonl", tmp_path / "lists.jsonl"
        for path, rows in zip(files, (papers, lists[:count]), strict=True):
            path.write_text("\n".join(map(json.dumps, rows)))
        names = ("--papers", str(files[0]), "--lists", str(files[1]))
        call_command("evaluate", "interests", *names, *options, stdout=(printed := io.StringIO()))
        return printed.getvalue()

    return run


def test_readers_are_ranked_for_with_one_topic_and_with_two(evaluate: Evaluate) -> None:
    report: dict[str, Any] = json.loads(evaluate("--json"))
    assert report["readers"] == 12, "each list with three others"
    assert report["topics"]["two topics"]["both lists"] == 1.0
    assert report["topics"]["two topics"]["ndcg@10"] == 1.0
    assert report["topics"]["as suggested"] == report["topics"]["one topic"], "no embeddings"
    assert set(report["suggestions"]) == {"first half", "second half"}


def test_the_table_has_a_row_for_each_way(evaluate: Evaluate) -> None:
    table = evaluate()
    for name in ("12 readers", "one topic", "two topics", "as suggested", "second half"):
        assert f"\n{name}" in f"\n{table}"


def test_too_few_lists_are_an_error(evaluate: Evaluate) -> None:
    with pytest.raises(CommandError, match="fewer than 4 lists of 8 known papers"):
        evaluate(count=3)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"none\.jsonl"):
        read_lists(tmp_path / "none.jsonl", {})


def test_examples_are_not_to_be_found() -> None:
    for reader in make_up_readers(LISTS):
        examples = {*reader.examples[0], *reader.examples[1]}
        assert not examples & (reader.wanted[0] | reader.wanted[1])


def test_halves_have_each_list_once() -> None:
    first, second = split_lists(LISTS)
    assert sorted(one.name for one in [*first, *second]) == sorted(SUBJECTS)


def test_topics_have_papers_of_their_lists_only() -> None:
    papers = {one.name: set(one.positions) for one in LISTS}
    for topic in single_topics(LISTS):
        assert set(topic.positions) <= papers[topic.lists[0]]
    doubles = list(double_topics(LISTS))
    assert doubles
    for topic in doubles:
        first, second = (papers[name] for name in topic.lists)
        for position, is_second in zip(topic.positions, topic.is_second, strict=True):
            assert position in (second - first if is_second else first - second)
    near = {topic.lists for topic in doubles if topic.is_near}
    assert near == {("steel bridges", "sourdough bread")}, "of one collection"


def test_the_rarer_list_is_counted() -> None:
    is_wanted = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0]], dtype=bool)
    metrics = measure_first_ten([0, 3, 2], is_wanted)
    assert (metrics["both lists"], metrics["of the rarer"], metrics["of any"]) == (1.0, 1.0, 2.0)
    assert measure_first_ten([0, 1, 3], is_wanted)["both lists"] == 0.0
    assert measure_first_ten([0, 1, 2], is_wanted)["ndcg@10"] == 1.0
