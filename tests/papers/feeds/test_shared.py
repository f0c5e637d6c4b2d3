"""Documents as they are published, and a corpus of broken ones, where they are at hand."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from papers.feeds import DocumentError, ParsedDocument, kinds, parse_document
from papers.feeds.fields import MAX_ABSTRACT, MAX_AUTHORS, MAX_TITLE, MAX_URL
from tests.shared_data import SHARED, needs_shared_data

FEEDS = SHARED / "feeds"
BAD = SHARED / "bad"
URLS = ("abstract_url", "pdf_url", "code_url", "project_url", "thumbnail_url")
COUNTS = ("votes", "comments", "stars")

pytestmark = needs_shared_data


def read(data: bytes, kind: str | None = None) -> ParsedDocument | str:
    """The document, checked against all that is promised of one, or the reason against it."""
    try:
        document = parse_document(data, kind)
    except DocumentError as error:
        reason = str(error)
        assert len(reason.splitlines()) == 1
        return reason
    check(document)
    return document


def check(document: ParsedDocument) -> None:
    assert document.kind in kinds.names()
    for refusal in document.refused:
        assert len(f"{refusal.where}: {refusal.reason}".splitlines()) == 1
    for entry in document.entries:
        assert 1 <= len(entry.title) <= MAX_TITLE
        assert "\n" not in entry.title
        assert len(entry.abstract) <= MAX_ABSTRACT
        assert len(entry.authors) <= MAX_AUTHORS
        assert all(entry.authors)
        for text in (entry.title, entry.abstract, entry.title_raw, entry.abstract_raw):
            assert "\0" not in text
            text.encode()
        for url in (getattr(entry, name) for name in URLS):
            assert url == "" or (url.startswith(("http://", "https://")) and len(url) < MAX_URL)
        for count in (getattr(entry, name) for name in COUNTS):
            assert count is None or 0 <= count <= 10**9
        for moment in (entry.published_at, entry.updated_at):
            assert moment is None or moment.utcoffset() is not None


def documents(folder: str, pattern: str = "*") -> Iterator[bytes]:
    for path in sorted((FEEDS / folder).rglob(pattern)):
        if path.is_file() and path.suffix != ".md":
            yield path.read_bytes()


def packed(archive: str, every: int) -> Iterator[bytes]:
    with tarfile.open(FEEDS / archive) as tar:
        # In the archive's order: going back would unpack it anew each time.
        for member in [each for each in tar.getmembers() if each.isfile()][::every]:
            file = tar.extractfile(member)
            assert file is not None
            yield file.read()


def counted(answers: Iterator[ParsedDocument | str]) -> tuple[int, int, int, int]:
    """Documents read, entries, entries refused, documents refused."""
    listed = list(answers)
    read_ones = [each for each in listed if isinstance(each, ParsedDocument)]
    entries = sum(len(each.entries) for each in read_ones)
    refused = sum(len(each.refused) for each in read_ones)
    return len(read_ones), entries, refused, len(listed) - len(read_ones)


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("arxiv_rss2", (4, 10, 1, 0)),
        ("arxiv_rss2_regenerated", (20, 2298, 0, 1)),
        ("arxiv_rss_reserialised_toseic", (19, 573, 0, 0)),
    ],
)
def test_every_paper_of_arxiv_listings_is_read(
    folder: str, expected: tuple[int, int, int, int]
) -> None:
    assert counted(read(data, "arxiv-rss") for data in documents(folder)) == expected


def test_the_listing_in_both_formats_gives_the_same_entries() -> None:
    folder = FEEDS / "arxiv_rss2_regenerated"
    for path in sorted(folder.glob("cs.CV_2026-04-2*.rss.xml")):
        atom = parse_document(Path(str(path).replace(".rss.", ".atom.")).read_bytes())
        assert parse_document(path.read_bytes()).entries == atom.entries


def test_every_paper_of_the_query_api_is_read() -> None:
    recorded = (json.loads(data)["body"].encode() for data in documents("arxiv_atom_api", "*.json"))
    assert counted(map(read, recorded)) == (10, 159, 0, 1)
    assert counted(map(read, documents("arxiv_atom_api", "*.xml"))) == (4, 14, 0, 0)


def test_every_featured_paper_is_read_with_votes_and_day() -> None:
    found = [read(data, "hf-daily") for data in packed("hf_daily_api.tar.xz", every=3)]
    for document in found:
        if isinstance(document, str):
            assert document.startswith("JSON that is not a list of papers: ")
        else:
            assert document.refused == ()
            for entry in document.entries:
                assert entry.arxiv_id
                assert entry.votes is not None
                assert entry.featured_on is not None


def test_unofficial_lists_of_featured_papers_have_ids_votes_and_authors() -> None:
    for data in packed("hf_rss_unofficial.tar.xz", every=10):
        document = read(data, "feed")
        assert isinstance(document, ParsedDocument)
        assert document.refused == ()
        for entry in document.entries:
            assert entry.arxiv_id
            assert entry.authors
            assert entry.votes is not None
            assert not entry.abstract.startswith(("Authors", "Upvotes", "Summary"))


def test_journal_articles_have_dois_and_authors() -> None:
    found = [read(data) for data in documents("journal_rss")]
    entries = [one for each in found if isinstance(each, ParsedDocument) for one in each.entries]
    assert len(entries) == 1914
    assert all(entry.doi for entry in entries)
    assert sum(not entry.authors for entry in entries) == 14


@pytest.mark.parametrize("folder", ["rdf_rss1", "other_feeds", "miniflux_literals", "hf_rss_other"])
def test_other_feeds_are_read_or_refused_with_a_one_line_error(folder: str) -> None:
    for data in documents(folder):
        read(data)


def test_unsupported_formats_are_refused() -> None:
    assert all(isinstance(read(data), str) for data in documents("arxiv_announcements_json"))


@pytest.mark.parametrize("folder", ["feedparser_tests", "xml_bombs_defusedxml"])
def test_documents_of_other_parsers_raise_no_unexpected_error(folder: str) -> None:
    for path in sorted((BAD / folder).rglob("*")):
        if path.is_file():
            for kind in (None, *kinds.names()):
                read(path.read_bytes(), kind)


def test_a_listing_truncated_anywhere_keeps_only_complete_entries() -> None:
    whole = (FEEDS / "arxiv_rss2_regenerated" / "cs.CV_2026-04-27.rss.xml").read_bytes()
    known = set(parse_document(whole).entries)
    for size in range(0, len(whole), len(whole) // 12):
        document = read(whole[:size])
        if isinstance(document, ParsedDocument):
            assert set(document.entries) <= known
            assert len(document.refused) == 1
