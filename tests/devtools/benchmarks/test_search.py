from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from devtools.benchmarks import search

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_home_and_search_are_timed_beside_a_bare_view() -> None:
    report = search.measure(60, 3)
    assert report["papers"] == 60
    assert set(report["rows"]) == {"search", "home", "bare view"}
    assert report["rows"]["bare view"]["p50_ms"] < report["rows"]["search"]["p50_ms"]
    assert "per second" in search.table(report)


def test_real_papers_are_read_from_json_lines(tmp_path: Path) -> None:
    row = {
        "arxiv_id": "2604.00001",
        "title": r"K\"ahler robots",
        "abstract": None,
        "categories": ["cs.RO"],
        "authors": ["Ada"],
    }
    path = tmp_path / "papers.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(row).encode()))
    cases = tmp_path / "cases.jsonl"
    case = {"profile": {"text": "robots"}, "relevant": ["2604.00001", "2604.00002"]}
    cases.write_text(json.dumps(case))
    report = search.measure(10, 1, path, cases)
    assert report["papers"] == 1
    assert report["recall"]["search"] == {50: 0.5, 200: 0.5, 1000: 0.5}
    assert "by meaning" in search.table(report)
