from __future__ import annotations

from datetime import UTC, datetime

import pytest

from papers.feeds import DocumentError, parse_document
from tests.shared_data import SHARED, needs_shared_data

RECORDS = SHARED / "feeds" / "arxiv_oai_pmh"
HEAD = '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><request verb="ListRecords"/>'
RAW = """<record><header><identifier>oai:arXiv.org:2604.00001</identifier></header><metadata>
<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>2604.00001</id>
<version version="v1"><date>Wed, 29 Apr 2026 10:00:00 GMT</date></version>
<version version="v2"><date>Thu, 30 Apr 2026 10:00:00 GMT</date></version>
<title>On $k$</title><authors>Ann One (X, Y), Bo Two and Cy Three</authors>
<categories>cs.AI cs.CL</categories><comments>withdrawn by the author</comments>
<doi>10.1000/A</doi><journal-ref>J. 1</journal-ref><abstract>It is.</abstract></arXivRaw>
</metadata></record>"""


def answer(body: str) -> bytes:
    return f"{HEAD}{body}</OAI-PMH>".encode()


def test_raw_records_have_version_withdrawal_and_venue() -> None:
    document = parse_document(answer(f"<ListRecords>{RAW}</ListRecords>"))
    [entry] = document.entries
    assert (document.kind, entry.title, entry.version) == ("arxiv-oai", "On k", 2)
    assert entry.authors == ("Ann One", "Bo Two", "Cy Three")
    assert entry.published_at == datetime(2026, 4, 29, 10, tzinfo=UTC)
    assert (entry.announce_type, entry.withdrawn) == ("replace", True)
    assert (entry.doi, entry.journal_ref) == ("10.1000/a", "J. 1")


def test_the_resumption_token_is_read_and_deleted_records_are_refused() -> None:
    gone = '<record><header status="deleted"><identifier>oai:arXiv.org:2604.2</identifier></header>'
    token = '<resumptionToken cursor="0"> 7|1001 </resumptionToken>'
    document = parse_document(answer(f"<ListRecords>{RAW}{gone}</record>{token}</ListRecords>"))
    assert (document.more, len(document.entries)) == ("7|1001", 1)
    assert [refusal.reason for refusal in document.refused] == ["deleted by arXiv"]


def test_no_matches_is_an_empty_document_and_other_errors_are_raised() -> None:
    assert parse_document(answer('<error code="noRecordsMatch">none</error>')).entries == ()
    with pytest.raises(DocumentError, match="badArgument: Wrong set"):
        parse_document(answer('<error code="badArgument">Wrong set</error>'))
    with pytest.raises(DocumentError, match="OAI-PMH answer without records"):
        parse_document(answer("<Identify><repositoryName>arXiv</repositoryName></Identify>"))


@needs_shared_data
def test_every_recorded_response_is_read_completely() -> None:
    documents = [parse_document(path.read_bytes()) for path in sorted(RECORDS.iterdir())]
    assert len(documents) == 8
    entries = [entry for document in documents for entry in document.entries]
    assert len(entries) == 10
    assert not any(document.refused for document in documents)
    assert all(entry.authors and entry.abstract and entry.categories for entry in entries)
