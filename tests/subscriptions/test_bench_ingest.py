from __future__ import annotations

from datetime import date

import pytest

from papers.feeds import parse
from subscriptions.benchmarks import documents, ingest

DAY = date(2026, 4, 30)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (documents.arxiv_rss, "arxiv-rss"),
        (documents.journal_rss, "feed"),
        (documents.hf_daily, "hf-daily"),
    ],
)
def test_measured_documents_are_whole(made: object, kind: str) -> None:
    document = parse(made(200, DAY))  # type: ignore[operator]
    assert (document.kind, len(document.entries), document.refused) == (kind, 200, ())
    assert all(entry.authors and len(entry.abstract) > 600 for entry in document.entries)
    assert len({entry.title for entry in document.entries}) == 200


@pytest.mark.django_db
def test_the_table_sets_ours_beside_feedparsers() -> None:
    data = documents.arxiv_rss(20, DAY)
    kind = ingest.measured("arXiv RSS", data, 20, rounds=1)
    assert kind["rows"] == 20
    day = ingest.whole_day(60)
    table = ingest.table({"entries": 20, "kinds": [kind], "day": day, "peak_mb": 1})
    assert "feedparser alone" in table
    assert "= " in table.splitlines()[-3]
