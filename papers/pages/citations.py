"""BibTeX entries for papers. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import bibtexparser
from bibtexparser.library import Library
from bibtexparser.model import Entry, Field
from pylatexenc.latexencode import UnicodeToLatexEncoder

from papers.text.folding import fold_text
from papers.text.markup import one_line

_WORD = re.compile(r"[a-z0-9]+")
_STOP_WORDS = frozenset("a an and for from in is of on or the to towards with".split())
# BibTeX counts braces even where TeX escapes them, so an unbalanced one would break the entry.
_NO_BRACES = str.maketrans("", "", "{}\\")
_encoder = UnicodeToLatexEncoder(
    unknown_char_policy="keep",
    unknown_char_warning=False,
    replacement_latex_protection="braces-all",
)


@dataclass(frozen=True, slots=True)
class Work:
    """The bibliographic data of a paper; an unknown field is ""."""

    title: str
    authors: Sequence[str]
    year: int
    url: str
    arxiv_id: str = ""
    category: str = ""
    doi: str = ""
    journal: str = ""


def citation_key(work: Work) -> str:
    """Return surname, year and first significant word, such as lovelace2026analytical."""
    words = _WORD.findall(fold_text(work.title))
    significant = [word for word in words if word not in _STOP_WORDS] or words
    surname = _WORD.findall(fold_text(work.authors[0]))[-1:] if work.authors else []
    return "".join([*surname, str(work.year), *significant[:1]])


def bibtex_entry(work: Work) -> str:
    """Return one entry: @article if the journal is known, else @misc.

    Special characters are encoded for TeX. Double braces keep the capitals of the title.
    """
    names = [_encode(name).replace(" and ", " {and} ") for name in work.authors if name.strip()]
    preprint = {"archivePrefix": "arXiv", "primaryClass": work.category} if work.arxiv_id else {}
    fields = {
        "title": f"{{{_encode(work.title)}}}",
        "author": " and ".join(names),
        "year": str(work.year),
        "journal": _encode(work.journal),
        "doi": _strip_braces(work.doi),
        "eprint": work.arxiv_id,
        **preprint,
        "url": _strip_braces(work.url),
    }
    entry = Entry(
        "article" if work.journal else "misc",
        citation_key(work),
        [Field(name, value) for name, value in fields.items() if value],
    )
    return str(bibtexparser.write_string(Library([entry])))


def _encode(text: str) -> str:
    return str(_encoder.unicode_to_latex(_strip_braces(text)))


def _strip_braces(text: str) -> str:
    return one_line(text).translate(_NO_BRACES)
