"""A paper as a BibTeX entry. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import bibtexparser
from bibtexparser.library import Library
from bibtexparser.model import Entry, Field
from pylatexenc.latexencode import UnicodeToLatexEncoder

from papers.text.folding import fold_text
from papers.text.markup import one_line

_LETTERS = re.compile(r"[a-z0-9]+")
_SMALL = frozenset("a an and for from in is of on or the to towards with".split())
# BibTeX counts braces even where TeX does not.
_UNBALANCED = str.maketrans("", "", "{}\\")
_encoder = UnicodeToLatexEncoder(
    unknown_char_policy="keep",
    unknown_char_warning=False,
    replacement_latex_protection="braces-all",
)


@dataclass(frozen=True, slots=True)
class Work:
    """What a citation says of a paper; "" for what is not known."""

    title: str
    authors: Sequence[str]
    year: int
    url: str
    arxiv_id: str = ""
    category: str = ""
    doi: str = ""
    journal: str = ""


def citation_key(work: Work) -> str:
    """Surname, year and the first word that says something: lovelace2026analytical."""
    words = _LETTERS.findall(fold_text(work.title))
    telling = [word for word in words if word not in _SMALL] or words
    surname = _LETTERS.findall(fold_text(work.authors[0]))[-1:] if work.authors else []
    return "".join([*surname, str(work.year), *telling[:1]])


def bibtex_entry(work: Work) -> str:
    """One entry: @article where the journal is known, else @misc. TeX reads the names and the
    title as they are; the title keeps its capitals."""
    names = [_tex(name).replace(" and ", " {and} ") for name in work.authors if name.strip()]
    preprint = {"archivePrefix": "arXiv", "primaryClass": work.category} if work.arxiv_id else {}
    fields = {
        "title": f"{{{_tex(work.title)}}}",
        "author": " and ".join(names),
        "year": str(work.year),
        "journal": _tex(work.journal),
        "doi": _bare(work.doi),
        "eprint": work.arxiv_id,
        **preprint,
        "url": _bare(work.url),
    }
    entry = Entry(
        "article" if work.journal else "misc",
        citation_key(work),
        [Field(name, value) for name, value in fields.items() if value],
    )
    return str(bibtexparser.write_string(Library([entry])))


def _tex(text: str) -> str:
    return str(_encoder.unicode_to_latex(_bare(text)))


def _bare(text: str) -> str:
    return one_line(text).translate(_UNBALANCED)
