"""`manage.py evaluate matching`: its progress messages and options."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

Evaluate = Callable[..., dict[str, object]]


@pytest.fixture
def evaluate(tmp_path: Path) -> Evaluate:
    """Run the command on four papers of two days and one case of the given pool."""
    titles = (
        "Tidal power from estuaries",
        "Agents that plan",
        "Tidal salt marshes",
        "Video codecs",
    )
    rows = [
        {
            "arxiv_id": f"2604.{10000 + number}",
            "title": title,
            "abstract": f"We study {title.lower()}.",
            "categories": ["cs.CL"],
            "authors": ["Ada Example"],
            "listed": "2026-04-29" if number == 0 else "2026-04-30",
        }
        for number, title in enumerate(titles)
    ]

    def run(pool: str, *options: str) -> dict[str, object]:
        profile = {"papers": ["2604.10000"]}
        case = {"reader": "1", "profile": profile, "pool": pool, "relevant": ["2604.10002"]}
        papers, cases = tmp_path / "papers.jsonl", tmp_path / "cases.jsonl"
        papers.write_text("\n".join(map(json.dumps, rows)))
        cases.write_text(json.dumps(case))
        files = ("--papers", str(papers), "--cases", str(cases), "--json")
        call_command("evaluate", "matching", *files, *options, stdout=(printed := io.StringIO()))
        report: dict[str, object] = json.loads(printed.getvalue())
        return report

    return run


def test_each_step_is_named_on_stderr(
    evaluate: Evaluate, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate("listed:2026-04-30")["cases"] == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    steps = (
        "Reading papers and cases …",
        "Learning from the papers …",
        "Waiting for the baselines …",
    )
    assert captured.err.splitlines() == list(steps)


def test_kept_papers_are_measured_beside_leaving_them_out(evaluate: Evaluate) -> None:
    kept = evaluate("listed:2026-04-30", "--kept", "1")["kept"]
    assert isinstance(kept, dict)
    [half] = {name.partition(",")[0] for name in kept}
    assert list(kept) == [f"{half}, {way}" for way in ("left out", "kept", "liked")]


@pytest.mark.slow
def test_the_archive_can_be_limited_for_pools_of_one_day(evaluate: Evaluate) -> None:
    assert evaluate("listed:2026-04-30", "--archive-days", "0")["cases"] == 1
    with pytest.raises(CommandError, match="requires pools of a single day"):
        evaluate("all", "--archive-days", "0")
