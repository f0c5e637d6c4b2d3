"""`manage.py evaluate matching`: its progress messages and options."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from papers.vectors.lexicon import PaperText
from papers.vectors.starter_learning import learn_starter

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


def test_candidates_are_ranked_for_the_paper_they_were_graded_for(tmp_path: Path) -> None:
    def paper(key: str, title: str, **more: int) -> dict[str, object]:
        return {"paper_id": key, "title": title, "abstract": f"We study {title}.", **more}

    listed = {"arxiv_id": "2604.10000", "listed": "2026-04-30", "categories": [], "authors": []}
    row = {
        "query": paper("1", "tidal power"),
        "candidates": [
            paper("2", "video codecs", grade=1),
            paper("3", "power from tidal marshes", grade=2),
            paper("1", "tidal power", grade=3),
        ],
    }
    papers, graded = tmp_path / "papers.jsonl", tmp_path / "graded.jsonl"
    papers.write_text(json.dumps({**listed, "title": "Agents", "abstract": "We study agents."}))
    graded.write_text(json.dumps(row))
    files = ("--papers", str(papers), "--graded", str(graded), "--archive-days", "0", "--json")
    call_command("evaluate", "matching", *files, stdout=(printed := io.StringIO()))
    report = json.loads(printed.getvalue())
    assert (report["cases"], report["paperboy"]["mrr"]) == (1, 1.0)
    assert report["paperboy"]["recall@100"] == 1.0  # the paper itself is no candidate


@pytest.mark.slow
@pytest.mark.parametrize("pool", ["listed:2026-04-30", "all"])
def test_the_archive_can_be_limited(evaluate: Evaluate, pool: str) -> None:
    assert evaluate(pool, "--archive-days", "0", "--archive-until", "2026-04-30")["cases"] == 1


def test_a_starter_is_compared_with_other_archives_unless_it_knows_the_pool(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    papers = [PaperText(str(n), "Tidal power", "We study tidal power.") for n in range(12)]
    for name, newest in (("fair", "2026-04-29"), ("unfair", "2026-04-30")):
        (tmp_path / name).write_bytes(learn_starter(papers, newest).dumps())
    options = ("--archive-days", "0", "--starter")
    for more, other in (((), "no starter"), (("--all-papers",), "all papers")):
        report = evaluate("listed:2026-04-30", *more, *options, str(tmp_path / "fair"))
        compared = report[other]
        assert isinstance(compared, dict)
        assert list(compared) == ["paperboy", "gain over it"]
        assert report["baselines"] == {}
    with pytest.raises(CommandError, match="until 2026-04-30, also of pools"):
        evaluate("listed:2026-04-30", *options, str(tmp_path / "unfair"))
    with pytest.raises(CommandError, match="No such file"):
        evaluate("listed:2026-04-30", *options, str(tmp_path / "missing"))
