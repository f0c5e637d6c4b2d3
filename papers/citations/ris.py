"""Write works as RIS. Pure.

RIS has no type for preprints. Zotero and Mendeley read RPRT as a report, which keeps the server
and the number; as an article (GEN, UNPB) a preprint would lose both.
"""

from __future__ import annotations

import html
import re
import warnings
from collections.abc import Iterable
from typing import Any

import rispy

from papers.citations.names import Name
from papers.citations.venues import Kind
from papers.citations.work import Work
from papers.text.markup import one_line

_TYPES = {
    Kind.PREPRINT: "RPRT",
    Kind.ARTICLE: "JOUR",
    Kind.CONFERENCE: "CONF",
    Kind.OTHER: "GEN",
}


_MARKUP = re.compile(r"<|&#?\w+;")


class _Writer(rispy.RisWriter):
    """A writer of CRLF lines without a number before each entry, as reference managers expect."""

    NEWLINE = "\r\n"

    def set_header(self, count: int) -> str:
        return ""


def write_ris(works: Iterable[Work]) -> str:
    """Return an entry for each work."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # rispy only warns of a field it cannot write
        return str(rispy.dumps([_entry(work) for work in works], implementation=_Writer))


def _entry(work: Work) -> dict[str, Any]:
    lines = {
        "title": work.title,
        **_dates(work),
        "secondary_title": work.venue,
        **_preprint(work),
        "doi": work.identifier,
        "abstract": work.abstract,
        "id": work.key,
    }
    entry: dict[str, Any] = {"type_of_reference": _TYPES[work.kind]}
    entry["authors"] = [one_line(_write_name(name)) for name in work.names]
    entry |= {name: line for name, text in lines.items() if (line := one_line(text))}
    entry["urls"] = [one_line(work.url)] if work.url else []
    entry["keywords"] = [one_line(category) for category in work.keywords]
    entry["notes"] = [_write_note(work.kept.note)] if work.kept and work.kept.note else []
    return entry


def _dates(work: Work) -> dict[str, str]:
    """Return the year, and the whole date if it is known."""
    parts = [f"{number:0{width}}" for number, width in zip(work.issued, (4, 2, 2), strict=False)]
    return {"year": "".join(parts[:1]), "date": "/".join(parts) if len(parts) > 1 else ""}


def _write_note(note: str) -> str:
    """Return a note as one line: Zotero reads HTML here, with `<br>` for a new line."""
    if _MARKUP.search(note):
        note = html.escape(note, quote=False)
    return "<br>".join(map(one_line, note.splitlines()))


def _preprint(work: Work) -> dict[str, str]:
    """Return where a preprint is; Zotero reads `note` (M1) as its "Extra" field."""
    number = f"arXiv:{work.arxiv_id}" if work.arxiv_id else ""
    if work.kind != Kind.PREPRINT:
        return {"name_of_database": "arXiv", "accession_number": number} if number else {}
    return {
        "publisher": work.server,
        "type_of_work": "Preprint",
        "issn": number,  # SN is the number of a report
        "note": work.arxiv_note,
    }


def _write_name(name: Name) -> str:
    """Return "Family, Given, Suffix"."""
    return ", ".join(filter(None, (name.family, name.given, name.suffix)))
