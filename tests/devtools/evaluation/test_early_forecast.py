from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

START = date(2026, 3, 18)
DAYS = 17


def paper(day: date, number: int) -> dict[str, object]:
    """Return one of a hundred papers of a day, of which the twenty about robots are featured."""
    is_featured = number < 20
    return {
        "arxiv_id": f"{day:%y%m%d}.{number:03}",
        "title": f"{'Robots' if is_featured else 'Glaciers'} {number}",
        "abstract": "Measured.",
        "authors": [f"Author {number} {day.day}", "Ada One" if number == 3 else "Bo Two"],
        "categories": ["cs.RO"],
        "listed": day.isoformat(),
        "hf_day": day.isoformat() if is_featured else None,
    }


def write_lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_forecast_is_measured_beside_single_signals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    papers = [
        paper(START + timedelta(days=day), number) for day in range(DAYS) for number in range(100)
    ]
    counts = [
        {
            "arxiv_id": row["arxiv_id"],
            "observations": [
                {"at": "2026-05-01", "upvotes": 9},
                {"at": "2026-04-20", "upvotes": 2},
            ],
        }
        for row in papers
        if row["hf_day"]
    ]
    files = {
        "papers": write_lines(tmp_path / "p.jsonl", papers),
        "observations": write_lines(tmp_path / "o.jsonl", counts),
    }
    call_command("evaluate", "early", first_day=date(2026, 4, 1), json=True, **files)
    report = json.loads(capsys.readouterr().out)
    assert (report["days"], report["papers"], report["featured"]) == (3, 300, 60)
    rankings = report["rankings"]
    assert rankings["forecast"] == {"recall@50": 1, "precision@10": 1, "votes ndcg@10": 1}
    assert rankings["words"]["recall@50"] == 1
    assert rankings["chance"]["recall@50"] == 0.5
    assert report["leads"]["chance"]["recall@50"] == [0.5, 0.5, 0.5]
    newcomers = report["groups"]["no author with a feature"]
    assert newcomers["of the featured"] == 0
    call_command("evaluate", "early", first_day=date(2026, 4, 3), **files)
    assert "1 days, 100 papers, 20 featured" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no day has 100 papers"):
        call_command("evaluate", "early", first_day=date(2026, 5, 10), **files)
