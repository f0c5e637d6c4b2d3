from __future__ import annotations

from dataclasses import replace

import pytest

from papers.citations.bibtex import write_bibtex
from papers.citations.latex import escape
from papers.citations.work import Work

WORK = Work(
    id="7",
    title="On the Analytical Engine & 50% of Größe",
    authors=["Ada Lovelace", "José Ñandú", "Luc Van Gool", "ATLAS Collaboration"],
    date=(2026, 4, 30),
    url="https://arxiv.org/abs/2604.12345",
    arxiv_id="2604.12345",
    categories=["cs.CL"],
)


def test_a_preprint_is_cited_with_its_arxiv_id_and_doi() -> None:
    text = write_bibtex([WORK])
    assert text.startswith("@misc{lovelace2026analytical-7,")
    assert r"title = {{On the Analytical Engine \& 50\% of Gr{\"o}{\ss}e}}" in text
    names = r"Lovelace, Ada and {\~N}and{\'u}, Jos{\'e} and Van Gool, Luc and {ATLAS Collaboration}"
    assert f"author = {{{names}}}" in text
    assert "month = apr,\n\tday = {30}" in text
    for line in (
        "eprint = {2604.12345}",
        "archivePrefix = {arXiv}",
        "primaryClass = {cs.CL}",
        "doi = {10.48550/arXiv.2604.12345}",
    ):
        assert line in text


def test_a_journal_reference_makes_an_article_of_its_year() -> None:
    text = write_bibtex([replace(WORK, doi="10.1/a_b", journal="J. of X & Y 12 (2027) 5")])
    assert text.startswith("@article{lovelace2026analytical-7,")
    assert r"journal = {J. of X \& Y 12 (2027) 5}" in text
    assert "year = {2027}" in text
    assert "month" not in text
    assert "doi = {10.1/a_b}" in text
    assert "eprint = {2604.12345}" in text


def test_a_conference_paper_is_in_its_proceedings() -> None:
    text = write_bibtex([replace(WORK, journal="Proc. of the 3rd Workshop on X, 2026")])
    assert text.startswith("@inproceedings{")
    assert "booktitle = {Proc. of the 3rd Workshop on X, 2026}" in text


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("Łódź, Æ, ı, ő, θ, 中", r"{\L}{\'o}d{\'z}, {\AE}, {\i}, ő, θ, 中"),
        ("ş ą å č ï", r"{\c s} {\k a} {\r a} {\v c} {\"\i}"),
        ("{a} and }", r"\ensuremath{\lbrace}a\ensuremath{\rbrace} and \ensuremath{\rbrace}"),
        ("{a}_b", r"\{a\}\_b"),
        ("--x ''y'' `z'", r"-{}-x '{}'y'{}' {`}z'"),
    ],
)
def test_text_is_escaped_for_tex(text: str, tex: str) -> None:
    assert escape(text) == tex
