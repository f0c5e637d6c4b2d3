"""Files of reference managers in a library, and papers that come later."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from papers.citations.export import export
from papers.citations.work import Kept, Work
from papers.models import Paper
from subscriptions import tokens
from subscriptions.library import linking, uploads
from subscriptions.library.bibliography import CitedWork, parse_bibliography
from subscriptions.library.citations import make_entry_work
from subscriptions.library.entries import outside_url
from subscriptions.library.keeping import keep_paper
from subscriptions.models import LibraryEntry
from subscriptions.profiles.references import Reference
from subscriptions.tokens import Purpose
from tests.pages import Page
from tests.subscriptions.conftest import MakeReader

ZOTERO = rb"""
@article{lovelace_notes_1843,
  title = {Notes on the {Analytical} Engine},
  author = {Lovelace, Ada and {Royal Society and Friends} and van der Berg, Jr., Jan and O{\"o} Bo},
  journal = {Taylor's Scientific Memoirs}, year = {1843}, doi = {10.1000/Notes},
  url = {https://example.org/a\_b?x=1\&y=2}, keywords = {computing, to read, cs.CL},
  annote = {First \_line\_

- second}, readstatus = {read}
}
@misc{broken, note = {no title}}
"""
works_of = parse_bibliography
NOTES = CitedWork(
    reference=Reference("Notes on the Analytical Engine", "", "10.1000/notes"),
    authors=("Ada Lovelace", "Royal Society and Friends", "Jan van der Berg Jr.", "Oö Bo"),
    year=1843,
    venue="Taylor's Scientific Memoirs",
    url="https://example.org/a_b?x=1&y=2",
    note="First _line_\n\n- second",
    tags=("computing", "to read"),
    citation_key="lovelace_notes_1843",
    is_read=True,
)


def test_a_file_is_read_with_authors_venue_note_and_tags() -> None:
    found = parse_bibliography(ZOTERO, "x.bib")
    assert found.works == (NOTES,)
    assert found.refused == ("line 11: no title",)


@pytest.mark.parametrize("ending", ["bib", "ris", "json"])
@pytest.mark.parametrize(
    "note", ["", "One", "A & <b> {x\n\n- 50% &amp; `\\pi` _x_\n“q” #1 $5", "a<br>b"]
)
def test_exports_of_a_library_are_read_back_without_loss(ending: str, note: str) -> None:
    work = Work(
        title="Notes on {braces} & 50% of “engines”",
        authors=["Ada Lovelace", "Royal Society", "王小明", "Martin King Jr."],
        date=(1843,),
        url="https://example.org/a_b?x=1&y=2",
        doi="10.1000/notes",
        journal="J. of Engines",
        citation_key="lovelace_1843",
        kept=Kept(note, ("to read", "C++ & more"), read_on="2026-04-30"),
    )
    [found] = parse_bibliography(export([work], ending, "x").content, f"x.{ending}").works
    assert found == CitedWork(
        reference=Reference(work.title, "", work.doi),
        authors=tuple(work.authors),
        year=1843,
        venue=work.journal,
        url=work.url,
        note=note,
        tags=("to read", "C++ & more"),
        citation_key=work.citation_key,
        is_read=ending == "bib",
    )


def test_links_that_are_no_web_addresses_are_dropped() -> None:
    [work] = parse_bibliography(b"@misc{a, title={T}, url={javascript:alert(1)}}", "x").works
    assert work.url == ""


def test_a_large_file_is_parsed_soon() -> None:
    entry = ZOTERO.partition(b"@misc")[0].decode()
    file = "".join(entry.replace("1843,", f"{n},", 1) for n in range(1_000)).encode()
    before = time.perf_counter()
    assert len(parse_bibliography(file, "x.bib").works) == 1_000
    assert time.perf_counter() - before < 10


@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
def test_a_reader_uploads_a_file(
    client: Client, edition: list[Paper], make_reader: MakeReader, now: datetime
) -> None:
    reader, paper = make_reader(), edition[0]
    keep_paper(reader, edition[1], now)
    kept = f"@misc{{b, title={{x}}, eprint={{{edition[1].arxiv_id}}}, keywords={{agents}}}}"
    new = f"@misc{{a, title={{As typed}}, eprint={{{paper.arxiv_id}}}, archiveprefix={{arXiv}}}}"
    token = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    page = Page.open(client, reverse("library-upload", args=[token]))
    file = SimpleUploadedFile("x.bib", ZOTERO + new.encode() + b"\n" + kept.encode())
    page = page.submit("Upload", file=file)
    assert "2 papers were added, 1 of them on this site, 1 was in your library already" in page.text
    assert "1 couldn't be read: line 11: no title." in page.text
    assert reader.library.get(paper=edition[1]).tags == ["agents"]
    assert reader.library.get(paper=paper).title == paper.title
    entry = reader.library.get(paper=None)
    assert (entry.authors[0], entry.year, entry.venue) == ("Ada Lovelace", 1843, NOTES.venue)
    assert make_entry_work(entry).key == "lovelace_notes_1843"
    page = Page.open(client, reverse("library-upload", args=[token]))
    again = page.submit("Upload", file=SimpleUploadedFile("x.bib", ZOTERO))
    assert "0 papers were added, 1 was in your library already" in again.text
    bad = page.submit("Upload", file=SimpleUploadedFile("x.bib", b"hello"))
    assert bad.status == 400
    assert "contains no BibTeX, RIS or CSL JSON entries" in bad.text


@pytest.mark.django_db
def test_a_paper_of_no_source_is_linked_outside(make_reader: MakeReader, now: datetime) -> None:
    reader = make_reader()
    references = [
        Reference("Of arXiv", "2604.00001"),
        Reference("Of a journal", "", "10.1000/notes"),
        Reference("Of no address"),
    ]
    uploads.add_works(reader, [CitedWork(one) for one in references], now)
    addresses = [outside_url(entry) for entry in reader.library.order_by("pk")]
    assert addresses == ["https://arxiv.org/abs/2604.00001", "https://doi.org/10.1000/notes", ""]


@pytest.mark.django_db
def test_a_library_has_a_limit(
    make_reader: MakeReader, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("subscriptions.library.changes.MAX_ENTRIES", 3)
    reader = make_reader()
    works = [CitedWork(Reference(f"Title {n}")) for n in range(4)]
    with pytest.raises(ValidationError, match="Yours has 0"):
        uploads.add_works(reader, works, now)
    assert uploads.add_works(reader, works[:3], now).new == 3
    assert uploads.add_works(reader, works[:3], now).kept_before == 3


@pytest.mark.django_db
def test_an_entry_is_linked_when_its_paper_comes(
    make_reader: MakeReader, make_paper: Callable[..., Paper], now: datetime
) -> None:
    reader = make_reader()
    uploads.add_works(reader, [replace(NOTES, citation_key="")], now)
    key = make_entry_work(reader.library.get()).key
    assert linking.link_entries() == 0
    paper = make_paper("Notes on the Analytical Engine", doi="10.1000/notes")
    assert linking.link_entries() == 1
    entry = reader.library.get()
    assert (entry.paper, entry.note, entry.tags) == (paper, NOTES.note, list(NOTES.tags))
    assert entry.identity == f"arxiv:{paper.arxiv_id}"
    assert make_entry_work(entry).key == key, "the key of earlier exports"
    assert linking.link_entries() == 0


@pytest.mark.django_db
def test_two_entries_of_the_same_work_become_one(
    make_reader: MakeReader, make_paper: Callable[..., Paper], now: datetime
) -> None:
    reader, paper = make_reader(), make_paper(doi="10.1000/notes")
    values: dict[str, Any] = {"subscriber": reader, "title": "x", "note": "old", "tags": ["a"]}
    day = timedelta(days=1)
    LibraryEntry.objects.create(
        **values, identity="doi:10.1000/notes", doi="10.1000/notes", kept_at=now - day
    )
    entry = keep_paper(reader, paper, now)
    LibraryEntry.objects.filter(pk=entry.pk).update(note="new", tags=["b", "a"])
    linking.link_entries()
    [merged] = reader.library.all()
    assert (merged.pk, merged.note, merged.tags) == (entry.pk, "new\n\nold", ["b", "a"])
    assert merged.kept_at == now - day
