from __future__ import annotations

from datetime import date

import pytest

from devtools.benchmarks import ingest, synthetic_feeds
from papers.feeds import parse_document

DAY = date(2026, 4, 30)


@pytest.mark.parametrize(
    ("make_document", "kind"),
    [
        (synthetic_feeds.arxiv_rss, "arxiv-rss"),
        (synthetic_feeds.journal_rss, "feed"),
        (synthetic_feeds.hf_daily, "hf-daily"),
    ],
)
def test_synthetic_documents_are_complete(make_document: object, kind: str) -> None:
    document = parse_document(make_document(200, DAY))  # type: ignore[operator]
    assert (document.kind, len(document.entries), document.refused) == (kind, 200, ())
    assert all(entry.authors and len(entry.abstract) > 600 for entry in document.entries)
    assert len({entry.title for entry in document.entries}) == 200


@pytest.mark.django_db
def test_the_table_compares_with_feedparser() -> None:
    data = synthetic_feeds.arxiv_rss(20, DAY)
    kind = ingest.measure_document("arXiv RSS", data, 20, rounds=1)
    assert kind["rows"] == 20
    day = ingest.measure_day(60)
    table = ingest.table({"entries": 20, "kinds": [kind], "day": day, "peak_mb": 1})
    assert "feedparser alone" in table
    assert "= " in table.splitlines()[-3]
