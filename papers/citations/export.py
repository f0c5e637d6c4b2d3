"""Files with the citations of papers, in every format. Pure.

    export(works, "ris", "papers-2026-04-30")

A new format is one entry of `FORMATS`, whose keys are also the endings of the files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from papers.citations.bibtex import write_bibtex
from papers.citations.csl import write_csl
from papers.citations.ris import write_ris
from papers.citations.spreadsheet import write_csv
from papers.citations.work import Work
from papers.text.folding import fold_text

MAX_FILE_NAME = 80  # characters, without the ending


@dataclass(frozen=True, slots=True)
class Format:
    """A format of citations: its name on pages, its media type and its writer."""

    name: str
    content_type: str
    write: Callable[[Iterable[Work]], str]


FORMATS = {
    "bib": Format("BibTeX", "application/x-bibtex", write_bibtex),
    "ris": Format("RIS", "application/x-research-info-systems", write_ris),
    "json": Format("CSL JSON", "application/vnd.citationstyles.csl+json", write_csl),
    "csv": Format("CSV", "text/csv", write_csv),
}


@dataclass(frozen=True, slots=True)
class Export:
    """A file to download."""

    content: bytes
    content_type: str
    file_name: str


def export(works: Iterable[Work], ending: str, name: str) -> Export:
    """Return a file of works, each once; `ending` is a key of `FORMATS`.

    `name` may be any text. The name of the file has only ASCII letters, digits and dashes.
    """
    distinct = {work.key: work for work in works}.values()
    chosen = FORMATS[ending]
    return Export(
        content=chosen.write(distinct).encode("utf-8", "replace"),
        content_type=f"{chosen.content_type}; charset=utf-8",
        file_name=f"{safe_file_name(name)}.{ending}",
    )


def safe_file_name(name: str) -> str:
    """Return a name that is safe on every system and in a header; "papers" if nothing is left."""
    folded = "".join(char if char.isascii() and char.isalnum() else " " for char in fold_text(name))
    return "-".join(folded.split())[:MAX_FILE_NAME].strip("-") or "papers"
