"""Write works as BibTeX. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import bibtexparser
from bibtexparser.library import Library
from bibtexparser.middlewares import AddEnclosingMiddleware
from bibtexparser.model import Entry, Field

from papers.citations.latex import escape
from papers.citations.names import Name
from papers.citations.venues import Kind
from papers.citations.work import Kept, Work
from papers.text.markup import one_line

_TYPES = {Kind.ARTICLE: "article", Kind.CONFERENCE: "inproceedings"}
_VENUE_FIELDS = {Kind.ARTICLE: "journal", Kind.CONFERENCE: "booktitle"}
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_NO_BRACES = str.maketrans("", "", "{}\\")
_enclosing = AddEnclosingMiddleware(
    reuse_previous_enclosing=False,
    enclose_integers=True,
    default_enclosing="{",
    allow_inplace_modification=True,
)


def write_bibtex(works: Iterable[Work], *, with_abstracts: bool = True) -> str:
    """Return an entry for each work: @article, @inproceedings or, for preprints, @misc."""
    library = Library([_entry(work, with_abstracts) for work in works])
    return str(bibtexparser.write_string(library, unparse_stack=[_enclosing]))


def _entry(work: Work, with_abstract: bool) -> Entry:
    values = dict(_identity(work)) | dict(_publication(work))
    if with_abstract:
        values |= {
            "keywords": escape(", ".join(work.keywords)),
            "abstract": escape(work.abstract),
        }
    values |= dict(_reader_fields(work.kept or Kept()))
    fields = [Field(name, value) for name, value in values.items() if value]
    for field in fields:
        if field.key == "month":
            field.enclosing = "no-enclosing"  # a macro of the style, which knows the language
    return Entry(_TYPES.get(work.kind, "misc"), work.key, fields)


def _identity(work: Work) -> Iterator[tuple[str, str]]:
    # The second pair of braces keeps the capitals of the title.
    yield "title", f"{{{escape(work.title)}}}"
    yield "author", " and ".join(map(_write_name, work.names))
    year, month, day = (*work.issued, 0, 0, 0)[:3]
    yield "year", str(year) if year else ""
    yield "month", _MONTHS[month - 1] if month else ""
    yield "day", str(day) if day else ""


def _publication(work: Work) -> Iterator[tuple[str, str]]:
    yield _VENUE_FIELDS.get(work.kind, "journal"), escape(work.venue)
    yield "publisher", work.server
    yield "eprint", work.arxiv_id
    if work.arxiv_id:
        yield "archivePrefix", "arXiv"
        yield "primaryClass", escape(work.primary_category)
    # Reference managers and hyperref read these as they are.
    yield "doi", one_line(work.identifier).translate(_NO_BRACES)
    yield "url", one_line(work.url).translate(_NO_BRACES)


def _reader_fields(kept: Kept) -> Iterator[tuple[str, str]]:
    """Yield `annote`, which styles do not print, and the `readstatus` of JabRef."""
    yield "annote", "\n".join(map(escape, kept.note.splitlines()))
    yield "readstatus", "read" if kept.read_on else ""


def _write_name(name: Name) -> str:
    """Return "Family, Jr., Given"; braces keep the name of a group in one piece."""
    parts = (name.family, name.suffix, name.given)
    written = [escape(part).replace(" and ", " {and} ") for part in parts if part]
    return f"{{{written[0]}}}" if name.is_whole else ", ".join(written)
