"""What is exported can be read back, by the libraries of others and by our own import."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from papers.citations.export import FORMATS, export
from papers.citations.work import Kept, Work, arxiv_month
from papers.feeds import fields
from papers.text.folding import fold_text
from subscriptions.library.bibliography import CitedWork, parse_bibliography
from subscriptions.profiles.references import MAX_EXAMPLES, Reference, parse_library
from tests.examples import examples
from tests.papers.citations.readers import READERS, expected
from tests.shared_data import SHARED, needs_shared_data

CORPUS = SHARED / "corpus" / "papers.jsonl.gz"
CORPUS_PAPERS = 83_000
sample_sizes = pytest.mark.parametrize("size", [100, pytest.param(400, marks=pytest.mark.slow)])
# Words with every character that has a meaning in TeX, BibTeX, RIS, CSV or HTML.
HARD_WORDS = (
    *(
        "ß",
        "é",
        "Ångström",
        "İ",
        "ễ",
        "Đorđe",
        "θ",
        "O(n²)",
        "10⁻⁵",
        "ℝ",
        "王小明",
        "مرحبا",
        "עברית",
    ),
    *(
        "{}",
        "{x}",
        "}{",
        "50%",
        "A&B",
        "#1",
        '"q"',
        "\\pi",
        "$5",
        "a$b$c",
        "~3",
        "x^2",
        "a_b",
        "<i>",
    ),
    *(
        "a<b",
        "|x|",
        "--x",
        "''",
        "``",
        "`ls`",
        "“q”",
        "–",
        "@misc{a,",
        "TY  - JOUR",
        "ER  -",
        "=1+1",
    ),
    *(
        "C++",
        "and",
        "ANd",
        ",",
        ";",
        "%20",
        "&amp;",
        "\u202eabc",
        "a\u0301",
        "🙂",
        "1.",
        "AU",
        "-1",
    ),
)
WORDS = st.lists(
    st.sampled_from(HARD_WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    max_size=8,
).map(" ".join)
LETTERS = st.text("aäßéøzč文 '-.{}&%_", min_size=1, max_size=12)
WORKS = st.builds(
    Work,
    title=WORDS,
    authors=st.lists(
        LETTERS | st.sampled_from(["Luc Van Gool", "ATLAS Collaboration"]), max_size=5
    ),
    date=st.sampled_from([(2024,), (2024, 1), (2024, 1, 31), (1999, 12, 9)]),
    url=st.just("https://example.org/a_b?c=d%20e&f=#g"),
    id=st.integers(1, 10**9).map(str),
    arxiv_id=st.sampled_from(["", "2401.00001", "hep-th/9901001"]),
    categories=st.sampled_from([(), ("cs.CL",), ("cs.CL", "math-ph")]),
    doi=st.sampled_from(["", "10.1000/a_b(c)<d>1", "10.1101/2024.01.01.123456"]),
    journal=st.sampled_from(["", "J. of X & Y 12 (2023) 5", "Proc. of Z, 2024", "bioRxiv"]),
    abstract=WORDS,
)


def lost_fields(work: Work, ending: str) -> dict[str, tuple[Any, Any]]:
    """Return the fields that a format does not give back, with what it gives instead."""
    [found] = READERS[ending](export([work], ending, "x").content.decode())
    wanted = expected(work)
    return {name: (wanted[name], found.get(name)) for name in wanted if wanted[name] != found[name]}


@pytest.mark.parametrize("ending", FORMATS)
@given(work=WORKS)
@settings(max_examples=examples(150))
def test_no_field_is_lost_whatever_its_characters(ending: str, work: Work) -> None:
    assert lost_fields(work, ending) == {}


@pytest.mark.parametrize("ending", ["bib", "ris", "json"])
@given(work=WORKS)
def test_the_own_import_reads_every_export(ending: str, work: Work) -> None:
    if not (work.arxiv_id or work.doi):
        return  # what the title alone says is tested with real titles
    [found] = parse_library(export([work], ending, "x").content, f"x.{ending}").references
    assert found.arxiv_id == work.arxiv_id
    if not work.arxiv_id:
        assert found.doi == work.doi


def bare(title: str) -> str:
    """Return the letters and digits of a title; typography and braces do not tell papers apart."""
    return "".join(char for char in fold_text(title) if char.isalnum())


@cache
def corpus_works(size: int) -> list[Work]:
    """Return papers from all parts of the corpus, as the site stores them."""
    step = CORPUS_PAPERS // size
    with gzip.open(CORPUS, "rt") as lines:
        return [
            corpus_work(number, json.loads(line))
            for number, line in enumerate(islice(lines, 0, size * step, step))
        ]


def corpus_work(number: int, row: dict[str, Any]) -> Work:
    return Work(
        id=str(number + 1),
        title=fields.tex_title(row["title"]),
        authors=fields.names(row["authors"]),
        date=arxiv_month(row["arxiv_id"]),
        url=f"https://arxiv.org/abs/{row['arxiv_id']}",
        arxiv_id=row["arxiv_id"],
        categories=fields.categories(row["categories"]),
        abstract=fields.tex_abstract(row["abstract"]),
    )


@pytest.mark.slow
@needs_shared_data
@sample_sizes
def test_real_papers_lose_no_field(size: int) -> None:
    works = corpus_works(size)
    assert len(works) == size
    lost = Counter[tuple[str, str]]()
    for ending, read in READERS.items():
        found = read(export(works, ending, "x").content.decode())
        for work, entry in zip(works, found, strict=True):
            wanted = expected(work)
            lost.update((ending, name) for name in wanted if wanted[name] != entry[name])
    assert lost == {}


@pytest.mark.slow
@needs_shared_data
@sample_sizes
@pytest.mark.parametrize("ending", ["bib", "ris", "json"])
def test_the_library_reads_every_field_of_real_papers(ending: str, size: int) -> None:
    note = "See **this** & more\n\n- [x](https://example.org)"
    works = [
        replace(work, kept=Kept(f"{work.title}: {note}", ("thesis", "to read")))
        for work in corpus_works(size)
    ]
    found = parse_bibliography(export(works, ending, "x").content, f"x.{ending}").works
    lost = Counter[str]()
    for work, cited in zip(works, found, strict=True):
        wanted = cited_work(work)
        assert set(wanted.tags) <= set(cited.tags)  # beside classes of MSC and ACM
        same = replace(cited, tags=wanted.tags, reference=replace(cited.reference, doi=""))
        lost.update(name for name in SLOTS if getattr(same, name) != getattr(wanted, name))
    assert lost == {}


SLOTS = [one.name for one in dataclass_fields(CitedWork)]


def cited_work(work: Work) -> CitedWork:
    assert work.kept
    return CitedWork(
        reference=Reference(work.title, work.arxiv_id),
        authors=tuple(name.full for name in work.names),
        year=work.issued[0],
        url=work.url,
        note=work.kept.note,
        tags=tuple(work.kept.tags),
        citation_key=work.key,
    )


@pytest.mark.slow
@needs_shared_data
@sample_sizes
@pytest.mark.parametrize("ending", ["bib", "ris", "json"])
def test_the_own_import_finds_all_real_papers(ending: str, size: int) -> None:
    works = corpus_works(size)
    for start in range(0, len(works), MAX_EXAMPLES):
        part = works[start : start + MAX_EXAMPLES]
        library = parse_library(export(part, ending, "x").content, f"x.{ending}")
        titles = {reference.arxiv_id: reference.title for reference in library.references}
        assert titles.keys() == {work.arxiv_id for work in part}
        changed = {
            work.title: titles[work.arxiv_id]
            for work in part
            if bare(titles[work.arxiv_id]) != bare(work.title)
        }
        assert changed == {}
