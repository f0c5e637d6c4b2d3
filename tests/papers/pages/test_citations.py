from __future__ import annotations

import bibtexparser
from hypothesis import given
from hypothesis import strategies as st

from papers.pages.citations import Work, bibtex_entry, citation_key

WORK = Work(
    title="On the Analytical Engine & 50% of Größe",
    authors=["Ada Lovelace", "José Ñandú"],
    year=2026,
    url="https://arxiv.org/abs/2604.12345",
    arxiv_id="2604.12345",
    category="cs.CL",
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_a_preprint_is_cited_with_its_arxiv_id() -> None:
    text = bibtex_entry(WORK)
    assert text.startswith("@misc{lovelace2026analytical,")
    assert r"title = {{On the Analytical Engine {\&} 50{\%} of Gr{\"o}{\ss}e}}" in text
    assert r"author = {Ada Lovelace and Jos{\'e} {\~N}and{\'u}}" in text
    assert "eprint = {2604.12345}" in text
    assert "archivePrefix = {arXiv}" in text
    assert "primaryClass = {cs.CL}" in text


def test_a_published_paper_is_an_article() -> None:
    text = bibtex_entry(
        Work("T", ["A B"], 2025, "https://x.org/a_b", doi="10.1/a_b", journal="J. of X")
    )
    assert text.startswith("@article{b2025t,")
    assert "journal = {J. of X}" in text
    assert "doi = {10.1/a_b}" in text
    assert "eprint" not in text


def test_the_citation_key_has_only_ascii_letters() -> None:
    assert citation_key(Work("Über Größe", ["Jürgen Müller"], 2026, "")) == "muller2026uber"
    assert citation_key(Work("王", [], 2026, "")) == "2026"


@given(title=TEXT, authors=st.lists(TEXT, max_size=4), journal=TEXT, doi=TEXT)
def test_every_entry_can_be_parsed(title: str, authors: list[str], journal: str, doi: str) -> None:
    text = bibtex_entry(Work(title, authors, 2026, "https://x.org/1", doi=doi, journal=journal))
    library = bibtexparser.parse_string(text)
    assert not library.failed_blocks
    [entry] = library.entries
    assert entry["year"] == "2026"
