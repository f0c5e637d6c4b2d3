"""Promise 19, the source's side: quiet, late, broken and incomplete days told apart."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from papers.freshness import rules
from papers.freshness.rules import BROKEN, FRESH, PARTIAL, QUIET, STALE, WAITING, Facts, Verdict

# 30 April 2026 is a Thursday; New York is four hours behind UTC.
THURSDAY = date(2026, 4, 30)
MORNING = datetime(2026, 4, 30, 12, tzinfo=UTC)
DAWN = datetime(2026, 4, 30, 4, 30, tzinfo=UTC)
SATURDAY = datetime(2026, 5, 2, 12, tzinfo=UTC)


def listing(day: date, counts: dict[str, int], **more: object) -> Facts:
    return Facts(
        kind="arxiv-rss",
        day=day,
        entries=sum(counts.values()),
        counts={name: (count, day) for name, count in counts.items()},
        **more,  # type: ignore[arg-type]
    )


def judged(facts: Facts, now: datetime = MORNING, *names: str) -> Verdict:
    return rules.judge_document(facts, now, names or ("cs.AI", "cs.CL"))


def test_todays_list_is_fresh() -> None:
    verdict = judged(listing(THURSDAY, {"cs.AI": 212, "cs.CL": 90}))
    assert (verdict.overall.state, verdict.overall.reason) == (FRESH, "")
    assert verdict.categories["cs.AI"] == rules.Statement(FRESH, "", 212)


def test_an_empty_list_of_today_is_a_quiet_day() -> None:
    verdict = judged(listing(THURSDAY, {}))
    assert (verdict.overall.state, verdict.overall.reason) == (
        QUIET,
        "Nothing was announced today.",
    )
    assert verdict.categories["cs.CL"].state == QUIET


@pytest.mark.parametrize("day", [date(2026, 5, 2), date(2026, 5, 1)])
def test_a_weekend_is_quiet_with_or_without_a_list(day: date) -> None:
    verdict = judged(listing(day, {} if day.day == 2 else {"cs.AI": 100}), SATURDAY)
    assert (verdict.overall.state, verdict.overall.reason) == (
        QUIET,
        "Nothing is announced on weekends.",
    )


def test_yesterdays_list_is_late_only_once_todays_is_due() -> None:
    facts = listing(date(2026, 4, 29), {"cs.AI": 200})
    assert judged(facts, DAWN).overall.state == WAITING
    verdict = judged(facts)
    assert verdict.overall.state == STALE
    assert verdict.overall.reason == "It still shows the list for Wednesday, 29 April."
    assert verdict.categories["cs.AI"].state == STALE
    assert judged(listing(date(2026, 4, 28), {"cs.AI": 2}), DAWN).overall.state == STALE


def test_fridays_list_is_not_late_on_monday_at_dawn() -> None:
    monday = datetime(2026, 5, 4, 4, 30, tzinfo=UTC)
    facts = listing(date(2026, 5, 1), {"cs.AI": 200})
    assert judged(facts, monday).overall.state == WAITING
    assert judged(facts, monday + timedelta(hours=3)).overall.state == STALE


def test_a_missing_category_is_stale_if_usual_and_quiet_otherwise() -> None:
    usual = {"cs.AI": [200, 220, 210], "math.KT": [0, 2, 1]}
    facts = listing(THURSDAY, {"cs.CL": 90}, usual=usual)
    verdict = judged(facts, MORNING, "cs.AI", "cs.CL", "math.KT")
    assert verdict.overall.state == PARTIAL
    assert verdict.categories["cs.AI"].state == STALE
    assert "usually has about 210 papers" in verdict.overall.reason
    assert verdict.categories["math.KT"].state == QUIET
    assert verdict.categories["cs.CL"].state == FRESH


def test_one_stale_category_among_fresh_ones_is_late() -> None:
    facts = listing(THURSDAY, {"cs.CL": 90, "cs.AI": 200})
    facts.counts["cs.AI"] = (200, date(2026, 4, 29))
    verdict = judged(facts)
    assert (verdict.categories["cs.AI"].state, verdict.categories["cs.CL"].state) == (STALE, FRESH)


def test_too_few_and_unreadable_entries_and_a_full_document_are_incomplete() -> None:
    few = listing(THURSDAY, {"cs.AI": 12}, usual={"cs.AI": [200, 220]})
    assert (
        judged(few, MORNING, "cs.AI").overall.reason
        == "cs.AI: only 12 papers instead of about 210."
    )
    assert judged(listing(THURSDAY, {"cs.AI": 9}, refused=3)).overall.state == PARTIAL
    assert judged(listing(THURSDAY, {"cs.AI": 2000})).overall.state == PARTIAL


def test_a_failed_fetch_is_broken_with_its_status() -> None:
    verdict = rules.judge_failure("http_error", 503, ["cs.AI"])
    assert verdict.overall.state == verdict.categories["cs.AI"].state == BROKEN
    assert verdict.overall.reason == "The server answered with an error (HTTP 503)."


def test_featured_papers_are_dated_in_utc() -> None:
    facts = Facts(kind="hf-daily", day=date(2026, 4, 29), entries=40)
    assert rules.judge_document(facts, DAWN, ()).overall.state == WAITING
    assert rules.judge_document(facts, MORNING + timedelta(hours=1), ()).overall.state == STALE
    assert (
        rules.judge_document(Facts("hf-daily", day=THURSDAY, entries=9), MORNING, ()).overall.state
        == FRESH
    )
    assert rules.judge_document(Facts("hf-daily"), SATURDAY, ()).overall.state == QUIET


def test_a_feed_is_late_only_if_its_newest_entry_gets_older() -> None:
    old, new = MORNING - timedelta(days=40), MORNING
    told = rules.judge_document(
        Facts("feed", published_at=old, previous_at=new, entries=3), MORNING, ()
    ).overall
    assert told.state == STALE
    assert (
        rules.judge_document(Facts("feed", published_at=old, entries=3), MORNING, ()).overall.state
        == QUIET
    )
    assert rules.judge_document(Facts("feed", entries=3, new=3), MORNING, ()).overall.state == FRESH


def test_archives_count_each_of_their_papers_once() -> None:
    day = THURSDAY
    counts = rules.count_categories([(("cs.AI", "cs.CL"), day), (("cs.CL", "stat.ML"), None)])
    assert counts["cs"] == (2, day)
    assert (counts["cs.CL"], counts["stat"]) == ((2, day), (1, None))
