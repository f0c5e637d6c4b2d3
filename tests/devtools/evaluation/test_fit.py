"""`manage.py evaluate fit`: predicted shares of choices against those found."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from devtools.evaluation.cases import Case, Corpus
from devtools.evaluation.fit import (
    EXAMPLES,
    REFERENCE,
    Observations,
    bin_shares,
    learn_curve,
    merge_cases,
    with_typed,
)
from papers.vectors.lexicon import PaperText
from subscriptions.matching.fit import FitCurve

CURVE = FitCurve((0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9))
SUBJECTS = ("coral reefs", "steel bridges", "roman coins", "sourdough bread")


def observations(scores: np.ndarray, chosen: np.ndarray, weights: np.ndarray) -> Observations:
    count = len(scores)
    return Observations(
        np.repeat(EXAMPLES, count),
        np.repeat("listed:2026-01-01", count),
        np.full(count, 100.0),
        scores,
        np.array([CURVE.share(score) for score in scores.tolist()]),
        chosen,
        weights,
        np.repeat("a", count),
    )


def test_the_learnt_curve_is_the_one_behind_the_choices() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.02, 0.98, 20_000)
    shares = np.array([CURVE.share(score) for score in scores.tolist()])
    found = observations(scores, rng.random(len(scores)) < shares, np.ones(len(scores)))
    assert learn_curve(found).shares == pytest.approx(CURVE.shares, abs=0.06)
    assert all(one.is_right for one in bin_shares(found))


def test_found_shares_are_weighted() -> None:
    scores = np.array([0.5, 0.5])
    [one] = bin_shares(observations(scores, np.array([True, False]), np.array([1.0, 3.0])))
    assert (one.found, one.choices) == (0.25, 1)
    assert one.predicted == 0.3
    assert one.is_right


def test_choices_of_one_profile_and_pool_are_one_case() -> None:
    corpus = Corpus([PaperText(str(n), f"Title {n}") for n in range(5)], {})
    cases = [Case("a", (0,), "", "all", frozenset([n])) for n in (1, 2)]
    [merged] = merge_cases(cases)
    assert merged.relevant == {1, 2}
    assert [case.text for case in with_typed(corpus, [merged])] == ["", "Title 0"]


def test_readers_type_a_title_instead_of_examples_or_beside_them() -> None:
    corpus = Corpus([PaperText(str(n), f"Title {n}") for n in range(5)], {})
    case = Case("a", (0, 1), "", "all", frozenset([2]))
    starts = [(one.liked, one.text) for one in with_typed(corpus, [case])]
    assert starts == [((0, 1), ""), ((), "Title 0"), ((1,), "Title 0")]


def test_the_table_has_days_kinds_and_sizes_of_pools(tmp_path: Path) -> None:
    papers = [
        {
            "arxiv_id": str(n),
            "title": f"{SUBJECTS[n % 4]} {n}",
            "abstract": f"We study {SUBJECTS[n % 4]}.",
            "categories": ["q-bio.PE"],
            "authors": [],
            "listed": f"2026-01-0{1 + n // 40}",
        }
        for n in range(120)
    ]
    cases = [
        {
            "reader": str(n),
            "pool": f"listed:2026-01-0{1 + day}",
            "profile": {"papers": [str(n)]},
            "relevant": [str(40 * day + n + 8)],
        }
        for n in range(4)
        for day in range(3)
    ]
    files = tmp_path / "papers.jsonl", tmp_path / "cases.jsonl"
    for path, rows in zip(files, (papers, cases), strict=True):
        path.write_text("\n".join(map(json.dumps, rows)))
    names = ("--papers", str(files[0]), "--cases", str(files[1]))
    call_command("evaluate", "fit", *names, "--json", stdout=(printed := io.StringIO()))
    report: dict[str, Any] = json.loads(printed.getvalue())
    assert set(report["groups"]) == {
        *("all", "examples", "typed", "pools below 100 papers"),
        *("first third of days", "second third of days", "last third of days"),
    }
    assert set(report["curves"]) == {"examples", "typed"}
    choices = sum(one["choices"] for one in report["groups"]["all"])
    assert choices == 12, "half of the readers, by examples and typed"
    call_command("evaluate", "fit", *names, stdout=(printed := io.StringIO()))
    assert "examples" in printed.getvalue()
    assert "learnt from the other half, typed:" in printed.getvalue()
    assert REFERENCE == 100
    late = ("--first-day", "2026-01-02")
    call_command("evaluate", "fit", *names, *late, "--json", stdout=(printed := io.StringIO()))
    report = json.loads(printed.getvalue())
    choices = sum(one["choices"] for one in report["groups"]["all"])
    assert choices == 8, "only those of the last two days"
    late = (*late, "--archive-days", "1")
    call_command("evaluate", "fit", *names, *late, "--json", stdout=(printed := io.StringIO()))
    report = json.loads(printed.getvalue())
    choices = sum(one["choices"] for one in report["groups"]["all"])
    assert choices == 4, "only those of the day after the archive"
    with pytest.raises(CommandError, match="not more than 3"):
        call_command("evaluate", "fit", *names, *late[:-1], "3")
