from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from devtools.evaluation import trending_replay
from devtools.evaluation.recorded_votes import read_recordings
from devtools.evaluation.vote_metrics import measure_order
from tests.shared_data import SHARED, needs_shared_data

DAY = date(2026, 4, 1)


def row(number: int, day: date, morning: int, last: int, **more: object) -> dict[str, object]:
    begun = datetime(day.year, day.month, day.day, tzinfo=UTC)
    counts = [(8, morning, "api"), (24.1, (morning + last) // 2, "rss_daily"), (140, last, "rss")]
    return {
        "arxiv_id": f"{day:%y%m}.{day.day:02}{number:03}",
        "hf_day": day.isoformat(),
        "published": (begun - timedelta(hours=20)).isoformat(),
        "observations": [
            {
                "at": (begun + timedelta(hours=hours)).isoformat(),
                "upvotes": votes,
                "comments": 1 if source == "api" else None,
                "source": source,
            }
            for hours, votes, source in counts
        ],
        **more,
    }


def write_lines(tmp_path: Path, rows: list[dict[str, object]], name: str = "o.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps(paper) + "\n" for paper in rows))
    return path


def rows() -> list[dict[str, object]]:
    """Return papers of two days; ties in the morning differ by the number of authors."""
    return [
        row(number, day, 3 + 8 * (number // 4), 20 + 10 * (number // 4) + 5 * (number % 4 == 0))
        for day in (DAY, DAY + timedelta(days=1))
        for number in range(12)
    ]


def texts() -> list[dict[str, object]]:
    return [
        {
            "arxiv_id": paper["arxiv_id"],
            "authors": ["A"] * (2 if number % 4 == 0 else 30),
        }
        for number, paper in enumerate(rows())
    ]


def test_the_command_replays_the_days_and_measures_all_rankings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    observations = write_lines(tmp_path, rows())
    papers = write_lines(tmp_path, texts(), "p.jsonl")
    call_command("evaluate", "trending", observations=observations, papers=papers, json=True)
    report = json.loads(capsys.readouterr().out)
    assert set(report["baselines"]) == {"current votes", "votes per hour", "hacker news"}
    assert set(report["hours"]) == {"8", "12", "26", "50", "74"}
    eight = report["hours"]["8"]
    assert (eight["days"], eight["papers"]) == (2, 24)
    assert eight["paperboy"]["kendall_tau"] > eight["baselines"]["current votes"]["kendall_tau"]
    mean, low, high = eight["better by"]["current votes"]["kendall_tau"]
    assert 0 < low <= mean <= high
    assert set(eight["authors"]) == {
        "current votes",
        "before the correction",
        "after the correction",
        "last votes",
    }


def test_the_table_and_the_days_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("evaluate", "trending", observations=write_lines(tmp_path, rows()), days="odd")
    out = capsys.readouterr().out
    assert "by hour 8: 12 papers of 1 days" in out
    assert "hacker news" in out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "o.jsonl"),
        ('{"arxiv_id": "2604.00001"}\n', "2604.00001: KeyError('observations')"),
        (json.dumps(row(1, DAY, 1, 2)) + "\n", "no day has 10 papers"),
    ],
)
def test_an_invalid_file_is_reported_in_one_line(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text(content)
    with pytest.raises(CommandError, match=r"^[^\n]*$") as raised:
        call_command("evaluate", "trending", observations=path)
    assert message in str(raised.value)


def test_counts_are_used_only_from_their_hour(tmp_path: Path) -> None:
    read = read_recordings(write_lines(tmp_path, rows()), None)
    assert trending_replay.cases_by_day(read, 7) == []
    morning, next_day = (
        trending_replay.cases_by_day(read, 8)[0][0],
        trending_replay.cases_by_day(read, 26)[0][0],
    )
    assert morning.signals().votes == 3
    assert next_day.signals().votes == 14
    assert morning.last_votes == next_day.last_votes == 25
    assert trending_replay.cases_by_day(read, 120) == [], (
        "the last count is no truth about its own hour"
    )


def test_an_unknown_day_is_the_one_before_the_first_daily_list(tmp_path: Path) -> None:
    counts = [
        {"at": "2026-04-02T00:09:00+00:00", "upvotes": 1, "comments": None, "source": "rss_daily"}
    ]
    weekly = [{**counts[0], "source": "rss_weekly"}]
    both = [
        row(1, DAY, 1, 2, hf_day=None, observations=counts),
        row(2, DAY, 1, 2, hf_day=None, observations=weekly),
    ]
    assert [paper.day for paper in read_recordings(write_lines(tmp_path, both), None)] == [DAY]


def test_metrics_are_expected_values_over_all_orders_of_ties() -> None:
    votes = np.array([9, 5, 1, 0])
    perfect = measure_order(np.array([4.0, 3.0, 2.0, 1.0]), votes)
    assert perfect == {"ndcg@10": 1.0, "precision@10": 1.0, "kendall_tau": 1.0}
    tied = measure_order(np.zeros(4), votes)
    assert tied["kendall_tau"] == 0
    orders = [
        measure_order(np.array([4.0, 3, 2, 1])[list(order)], votes)["ndcg@10"]
        for order in np.array(np.meshgrid(*[range(4)] * 4)).T.reshape(-1, 4)
        if len(set(order)) == 4
    ]
    assert tied["ndcg@10"] == pytest.approx(np.mean(orders))
    worst = measure_order(np.arange(20.0), np.arange(20)[::-1])
    assert (worst["precision@10"], worst["kendall_tau"]) == (0, -1)


@needs_shared_data
def test_every_baseline_is_worse_on_recorded_votes() -> None:
    observations = SHARED / "trends" / "upvote_observations.jsonl.gz"
    report = trending_replay.evaluate(read_recordings(observations, None), hours=[26])
    hour = report.hours[26]
    assert hour.days > 100
    for name in ("votes per hour", "hacker news"):
        assert hour.better_by[name]["ndcg@10"][1] > 0, name
    assert hour.better_by["current votes"]["ndcg@10"][1] > -0.001
