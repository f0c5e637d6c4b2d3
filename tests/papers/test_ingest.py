from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import URLField

from devtools import sample
from papers.feeds import Entry, ParsedDocument, fields
from papers.ingest import IngestResult, store_document
from papers.metadata import identifiers
from papers.models import Document, Observation, Paper

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 4, 30, 5, tzinfo=UTC)
ENTRY = Entry(
    title="Learning to fold",
    abstract="We fold.",
    title_raw="Learning to fold",
    abstract_raw="We fold.",
    authors=("Ada Example", "Bo Example"),
    arxiv_id="2604.12345",
    version=1,
    categories=("cs.LG", "q-bio.BM"),
    announce_type="new",
    listed_on=date(2026, 4, 29),
)
FEATURED = replace(
    ENTRY,
    version=None,
    categories=(),
    announce_type="",
    listed_on=None,
    featured_on=date(2026, 4, 30),
    votes=7,
    comments=1,
    code_url="https://code.example.org/fold",
)

_serial = iter(range(10_000))


def put(
    *entries: Entry, kind: str = "arxiv-rss", now: datetime = NOW, digest: str = ""
) -> IngestResult:
    """Store a document of these entries; every one has bytes of its own unless told."""
    parsed = ParsedDocument(kind=kind, title="A list", entries=entries, refused=())
    return store_document(parsed, digest or f"{next(_serial):064}", "a document", now)


def test_a_new_paper_is_one_row_with_all_its_fields() -> None:
    assert put(ENTRY).new == 1
    paper = Paper.objects.get()
    assert (paper.arxiv_id, paper.version, paper.day) == ("2604.12345", 1, date(2026, 4, 29))
    assert paper.authors == ["Ada Example", "Bo Example"]
    assert paper.primary_category == "cs.LG"


def test_the_same_document_again_changes_nothing() -> None:
    put(ENTRY, digest="a" * 64)
    again = put(ENTRY, digest="a" * 64)
    assert (again.new, again.updated, again.unchanged) == (0, 0, 1)
    assert again.known
    assert Document.objects.count() == 1


def test_cross_lists_and_feeds_merge_into_one_row() -> None:
    put(ENTRY)
    put(replace(ENTRY, announce_type="cross", listed_on=date(2026, 4, 30)))
    result = put(FEATURED, kind="hf-daily")
    assert result.updated == 1
    paper = Paper.objects.get()
    assert (paper.votes, paper.comments) == (7, 1)
    assert paper.code_url == "https://code.example.org/fold"
    assert paper.categories == ["cs.LG", "q-bio.BM"]
    assert paper.listed_on == date(2026, 4, 29)
    assert paper.day == date(2026, 4, 30), "news on the day it was featured"


def test_a_paper_twice_in_one_document_is_one_row() -> None:
    result = put(ENTRY, replace(ENTRY, announce_type="cross"))
    assert (result.new, result.unchanged, Paper.objects.count()) == (1, 1, 1)


def test_votes_are_observed_over_time() -> None:
    for hours, votes in enumerate((7, 9, 9, 30)):
        put(replace(FEATURED, votes=votes), kind="hf-daily", now=NOW + timedelta(hours=hours))
    assert list(Observation.objects.values_list("votes", flat=True)) == [7, 9, 9, 30]
    assert Paper.objects.get().votes == 30


def test_an_old_document_read_again_does_not_restore_old_votes() -> None:
    put(FEATURED, kind="hf-daily", digest="a" * 64)
    put(replace(FEATURED, votes=30), kind="hf-daily", now=NOW + timedelta(hours=1))
    put(FEATURED, kind="hf-daily", digest="a" * 64, now=NOW + timedelta(hours=2))
    assert Paper.objects.get().votes == 30
    assert Observation.objects.count() == 2


def test_a_revision_replaces_the_text_and_is_not_new() -> None:
    put(ENTRY)
    put(replace(ENTRY, title="Learning to fold well", version=2, announce_type="replace"))
    paper = Paper.objects.get()
    assert (paper.title, paper.version, paper.announce_type) == ("Learning to fold well", 2, "new")


def test_an_older_version_never_replaces_a_newer_one() -> None:
    put(replace(ENTRY, title="Newer", version=2, announce_type="replace"))
    put(ENTRY, now=NOW + timedelta(days=1))
    assert Paper.objects.get().title == "Newer"


def test_another_source_never_replaces_the_text_of_arxiv() -> None:
    put(ENTRY)
    put(replace(FEATURED, title="LEARNING TO FOLD!!"), kind="hf-daily", now=NOW + timedelta(days=1))
    assert Paper.objects.get().title == "Learning to fold"


def test_the_text_of_arxiv_replaces_that_of_another_source() -> None:
    put(replace(FEATURED, title="LEARNING TO FOLD!!"), kind="hf-daily")
    put(ENTRY, now=NOW + timedelta(days=1))
    paper = Paper.objects.get()
    assert (paper.title, paper.votes) == ("Learning to fold", 7)


def test_absent_fields_do_not_clear_stored_ones() -> None:
    put(replace(ENTRY, journal_ref="Journal 1", pdf_url="https://arxiv.org/pdf/2604.12345"))
    put(replace(ENTRY, abstract="", abstract_raw="", authors=(), categories=(), version=2))
    paper = Paper.objects.get()
    assert paper.abstract == "We fold."
    assert paper.authors
    assert paper.categories
    assert paper.journal_ref == "Journal 1"


def test_the_curators_columns_are_never_written() -> None:
    put(ENTRY)
    Paper.objects.update(featured=True, note="Read this", hidden=True)
    put(replace(ENTRY, title="Other", version=2))
    paper = Paper.objects.get()
    assert (paper.title, paper.featured, paper.note, paper.hidden) == (
        "Other",
        True,
        "Read this",
        True,
    )


def test_a_published_version_is_matched_to_its_preprint_by_title_and_author() -> None:
    put(ENTRY)
    put(replace(ENTRY, arxiv_id="", version=None, doi="10.1000/fold"), kind="feed")
    paper = Paper.objects.get()
    assert (paper.arxiv_id, paper.doi) == ("2604.12345", "10.1000/fold")


def test_a_preprint_is_matched_to_its_published_version_by_doi() -> None:
    put(replace(ENTRY, arxiv_id="", doi="10.1000/fold", title="Fold, learnt"), kind="feed")
    put(replace(ENTRY, doi="10.1000/fold"))
    assert Paper.objects.get().arxiv_id == "2604.12345"


def test_papers_with_different_ids_are_separate_even_with_the_same_title() -> None:
    put(ENTRY, replace(ENTRY, arxiv_id="2604.99999"))
    assert Paper.objects.count() == 2


def test_a_doi_that_two_preprints_claim_stays_with_the_first() -> None:
    put(replace(ENTRY, doi="10.1000/a"), replace(ENTRY, arxiv_id="2604.99999", doi="10.1000/a"))
    assert Paper.objects.count() == 2
    assert Paper.objects.filter(doi="10.1000/a").count() == 1


def test_posts_without_ids_and_authors_are_matched_by_title() -> None:
    post = replace(ENTRY, arxiv_id="", authors=(), version=None)
    assert put(post, kind="feed").new == 1
    assert put(post, kind="feed").new == 0


def test_a_withdrawn_paper_is_not_visible() -> None:
    put(ENTRY)
    put(replace(ENTRY, version=2, announce_type="replace", withdrawn=True))
    assert not Paper.objects.visible().exists()


def test_replaced_versions_are_kept_unchanged() -> None:
    put(ENTRY)
    for number in (2, 3, 3):
        revised = replace(ENTRY, title=f"Fold {number}", version=number, announce_type="replace")
        put(revised, now=NOW + timedelta(days=number))
    kept = Paper.objects.get().versions.values_list("number", "title", "abstract")
    assert list(kept) == [(1, "Learning to fold", "We fold."), (2, "Fold 2", "We fold.")]


def test_code_venue_version_and_withdrawal_are_recorded_once_as_updates() -> None:
    put(ENTRY)
    put(FEATURED, kind="hf-daily", now=NOW + timedelta(hours=1))
    put(replace(ENTRY, version=2, journal_ref="Journal 1"), now=NOW + timedelta(hours=2))
    news = Paper.objects.get().updates.filter(kind="version")
    assert news.get().detail == "v2"
    third, fourth = (replace(ENTRY, version=number) for number in (3, 4))
    put(third, fourth, fourth, now=NOW + timedelta(hours=3))
    put(replace(ENTRY, version=5, withdrawn=True), now=NOW + timedelta(hours=4))
    put(replace(ENTRY, version=6, withdrawn=True), now=NOW + timedelta(hours=5))
    found = Paper.objects.get().updates.order_by("at").values_list("kind", "detail")
    assert list(found) == [
        ("code", "https://code.example.org/fold"),
        ("venue", "Journal 1"),
        ("version", "v4"),
        ("withdrawn", ""),
    ]


def test_code_and_venue_of_a_new_paper_are_not_updates() -> None:
    put(replace(ENTRY, journal_ref="Journal 1", code_url="https://code.example.org/fold"))
    put(replace(ENTRY, version=1, title="Fold"), now=NOW + timedelta(hours=1))
    assert not Paper.objects.get().updates.exists()


def test_a_document_records_its_day_and_categories() -> None:
    put(ENTRY, replace(ENTRY, arxiv_id="2604.99999", categories=("cs.LG",)))
    counts = Document.objects.get().categories
    assert counts["cs.LG"] == counts["cs"] == [2, "2026-04-29"]
    assert counts["q-bio.BM"] == [1, "2026-04-29"]


def test_the_sample_is_stored_completely_and_only_once(tmp_path: Path, capsys: Any) -> None:
    paths = sample.write_for(date(2026, 11, 24), tmp_path)
    call_command("ingest", *paths)
    assert Paper.objects.count() >= 60
    assert "refused=0" in capsys.readouterr().out.splitlines()[-1]
    assert Paper.objects.latest("day").day == date(2026, 11, 24)
    call_command("ingest", *paths)
    assert "new=0 updated=0" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<!doctype html><html><body><h1>Not found</h1></body></html>"),
        ("shape.json", b"1"),
        ("list.json", b'{"papers": "none"}'),
        ("empty.xml", b""),
        ("bytes.bin", bytes(range(256)) * 4),
    ],
)
def test_an_unreadable_document_gives_one_line_and_a_failing_exit(
    tmp_path: Path, capsys: Any, name: str, data: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SystemExit) as exit_:
        call_command("ingest", path)
    said = capsys.readouterr().err.strip()
    assert exit_.value.code == 1
    assert said.startswith(f"{path}: cannot be read: ")
    assert "\n" not in said
    assert not Document.objects.exists()
    assert not Paper.objects.exists()


def test_a_document_without_usable_entries_gives_a_failing_exit(
    tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "cut.xml"
    path.write_bytes(b"<?xml version='1.0'?><rss><channel><item><title>Cut")
    with pytest.raises(SystemExit):
        call_command("ingest", path)
    said = capsys.readouterr()
    assert "cut.xml" in said.out + said.err
    assert not Paper.objects.exists()


def test_a_missing_file_does_not_stop_the_others(tmp_path: Path, capsys: Any) -> None:
    good = sample.write_for(date(2026, 11, 24), tmp_path)[0]
    with pytest.raises(SystemExit):
        call_command("ingest", tmp_path / "missing.xml", good)
    assert Paper.objects.exists()
    assert "No such file" in capsys.readouterr().err


NAMELESS = replace(ENTRY, arxiv_id="", authors=(), version=None, announce_type="")


@pytest.mark.parametrize("known", [ENTRY, replace(ENTRY, arxiv_id="", doi="10.5555/fold.1")])
def test_an_entry_without_ids_and_authors_never_replaces_a_paper_with_an_id(known: Entry) -> None:
    """A table of contents lists "Learning to fold" without authors: many papers have that title."""
    put(replace(known, authors=()))
    result = put(replace(NAMELESS, abstract="Another."), kind="feed")
    assert (result.new, Paper.objects.count()) == (1, 2)
    assert Paper.objects.get(text_source="arxiv-rss").abstract == "We fold."


def test_an_entry_without_ids_and_authors_is_matched_by_title() -> None:
    put(NAMELESS, kind="feed")
    assert put(NAMELESS, kind="feed").unchanged == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"arxiv_id": "2604.12345"}, {"arxiv_id": "2604.12346"}),
        ({"arxiv_id": "", "doi": "10.5555/1"}, {"arxiv_id": "", "doi": "10.5555/2"}),
    ],
)
def test_papers_of_one_title_and_author_with_different_ids_are_separate(
    first: dict[str, str], second: dict[str, str]
) -> None:
    put(replace(ENTRY, **first))
    assert put(replace(ENTRY, **second)).new == 1


def test_one_doi_under_two_titles_is_one_paper() -> None:
    put(replace(ENTRY, arxiv_id="", doi="10.5555/1"))
    put(replace(ENTRY, arxiv_id="", doi="10.5555/1", title="Learning to fold."), kind="feed")
    assert Paper.objects.count() == 1


def refuse_to_store(title: str) -> None:
    """Make PostgreSQL refuse a paper, as it does a value that we did not expect."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql "
            "AS $$BEGIN RAISE 'refused'; END$$"
        )
        cursor.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON papers_paper FOR EACH ROW "
            f"WHEN (NEW.title = '{title}') EXECUTE FUNCTION refuse()"
        )


def test_limits_of_parsers_equal_those_of_columns() -> None:
    column = Paper._meta.get_field
    assert column("categories").base_field.max_length == fields.MAX_CATEGORY
    assert column("field").output_field.max_length == fields.MAX_CATEGORY
    assert column("journal_ref").max_length == fields.MAX_JOURNAL
    assert column("doi").max_length == identifiers.MAX_DOI
    urls = [one for one in Paper._meta.fields if isinstance(one, URLField)]
    assert {one.max_length for one in urls} == {fields.MAX_URL}


LONG = "very long " * 2_000


def test_too_long_values_are_cut_to_their_column(tmp_path: Path) -> None:
    """Each of these texts is longer than any column; the entry is stored all the same."""
    path = tmp_path / "feed.xml"
    path.write_text(
        f"""<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
        xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/">
        <channel><title>{LONG}</title><item><title>Ropes {"ﬃ" * 900}</title>
        <link>https://example.org/{"x" * 3000}</link><description>{LONG}</description>
        <category>{LONG}</category><category>Optics; Acoustics</category>
        <dc:creator>{LONG}</dc:creator><dc:identifier>doi:10.5555/{"İ" * 200}</dc:identifier>
        <prism:publicationName>{LONG[:990]}</prism:publicationName></item></channel></rss>"""
    )
    call_command("ingest", str(path))
    paper = Paper.objects.get()
    assert paper.categories[1:] == ["Optics", "Acoustics"]
    assert len(paper.categories[0]) == 100
    assert len(paper.journal_ref) == 500


def test_a_document_that_cannot_be_stored_does_not_stop_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its file name is no Unicode, which PostgreSQL could not keep either."""
    paths = [tmp_path / "a.xml", tmp_path / "b\udcff.xml"]
    for number, path in enumerate(paths):
        path.write_text(
            f"<rss version='2.0'><channel><item><title>R{number}</title></item></channel></rss>"
        )
    call_command("ingest", *map(str, paths))
    assert Paper.objects.count() == 2
    refuse_to_store("R2")
    for number, path in enumerate(paths, start=2):
        path.write_text(
            f"<rss version='2.0'><channel><item><title>R{number}</title></item></channel></rss>"
        )
    with pytest.raises(SystemExit):
        call_command("ingest", *map(str, paths))
    assert set(Paper.objects.values_list("title", flat=True)) == {"R0", "R1", "R3"}
    assert "a.xml: cannot be stored: refused" in capsys.readouterr().err
