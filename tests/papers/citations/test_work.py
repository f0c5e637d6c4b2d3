from __future__ import annotations

from dataclasses import replace

import pytest

from papers.citations.export import export, safe_file_name
from papers.citations.venues import Kind, publication_year
from papers.citations.work import Work, arxiv_month

WORK = Work("The Best of Größe", ["Jürgen Müller"], (2026, 4, 30), "https://x.org/1", id="12")


@pytest.mark.parametrize(
    ("journal", "doi", "arxiv_id", "kind"),
    [
        ("", "", "2401.00001", Kind.PREPRINT),
        ("", "10.1000/1", "2401.00001", Kind.PREPRINT),
        ("bioRxiv", "10.1101/2024.01.01.1", "", Kind.PREPRINT),
        ("", "10.1101/2024.01.01.1", "", Kind.PREPRINT),
        ("", "10.1101/gr.1", "", Kind.OTHER),
        ("", "", "", Kind.OTHER),
        ("Phys. Rev. B 74, 214517 (2006)", "", "2401.00001", Kind.ARTICLE),
        ("Proceedings of the National Academy of Sciences 1", "", "", Kind.ARTICLE),
        ("Proc. R. Soc. A 12 (2020)", "", "", Kind.ARTICLE),
        ("In Proc. ACM SIGSOFT International Symposium, 2020", "", "2401.00001", Kind.CONFERENCE),
        ("2020 IEEE International Conference on X", "10.1/1", "", Kind.CONFERENCE),
        ("NeurIPS 2023", "", "2401.00001", Kind.CONFERENCE),
    ],
)
def test_only_a_journal_reference_makes_a_published_paper(
    journal: str, doi: str, arxiv_id: str, kind: Kind
) -> None:
    assert replace(WORK, journal=journal, doi=doi, arxiv_id=arxiv_id).kind == kind


@pytest.mark.parametrize(
    ("journal", "year"),
    [
        ("Phys. Rev. B 74, 214517 (2006)", 2006),
        ("J. of X, Vol.3, No.1, January 2012", 2012),
        ("Annals 2013 (1999) 2005", 1999),
        ("ICSTW 2022, pp. 2026-2033", 2022),
        ("X 2019, Y 2020", 0),
        ("Nature", 0),
    ],
)
def test_the_year_of_a_journal_reference_is_read_if_it_is_clear(journal: str, year: int) -> None:
    assert publication_year(journal) == year


def test_the_date_of_a_preprint_is_not_that_of_its_article() -> None:
    published = replace(WORK, arxiv_id="2604.00001", journal="J. of X (2027)")
    assert (WORK.issued, published.issued) == ((2026, 4, 30), (2027,))
    assert replace(published, journal="J. of X").issued == (2026,)
    assert replace(published, arxiv_id="").issued == (2026, 4, 30)


def test_keys_depend_on_nothing_but_the_paper() -> None:
    assert WORK.key == "muller2026best-12"
    assert replace(WORK, authors=["Luc Van Gool"]).key == "gool2026best-12"
    assert replace(WORK, authors=["Qwen Team", "A B"]).key == "qwenteam2026best-12"
    assert replace(WORK, title="王", authors=[]).key == "2026-12"
    assert replace(WORK, id="").key != replace(WORK, id="", title="The Best of All").key


def test_a_paper_that_is_listed_twice_is_exported_once() -> None:
    assert export([WORK, WORK], "bib", "x").content.count(b"@") == 1


def test_arxiv_ids_state_their_month() -> None:
    assert arxiv_month("0704.0001") == (2007, 4)
    assert arxiv_month("math-ph/9912001") == (1999, 12)
    assert arxiv_month("") == arxiv_month("2413.00001") == ()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ('a"b\r\nSet-Cookie: x', "a-b-set-cookie-x"),
        ("../../etc/passwd", "etc-passwd"),
        ("Größe & Maß", "grosse-mass"),
        ("王小明", "papers"),
        ("x" * 200, "x" * 80),
    ],
)
def test_names_of_files_are_safe(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe
