"""Write works as CSV for spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from papers.citations.work import Work
from papers.text.markup import one_line

COLUMNS = (
    *("title", "authors", "date", "kind", "published_in", "arxiv_id", "doi", "url", "pdf_url"),
    *("categories", "abstract", "citation_key"),
)
# With those that begin with our own apostrophe, so that it can be removed again.
_FORMULA_STARTS = tuple(f"{start}{sign}" for start in ("", "'") for sign in "=+-@")


def write_csv(works: Iterable[Work]) -> str:
    """Return a table with a heading. No cell is a formula. Excel needs the byte order mark."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    writer.writerows([_safe_cell(text) for text in _row(work)] for work in works)
    return f"\ufeff{table.getvalue()}"


def _row(work: Work) -> list[str]:
    return [
        work.title,
        "; ".join(name.full for name in work.names),
        work.iso_date,
        work.kind,
        work.venue or work.server,
        work.arxiv_id,
        work.identifier,
        work.url,
        work.pdf_url,
        "; ".join(work.keywords),
        work.abstract,
        work.key,
    ]


def _safe_cell(text: str) -> str:
    """Return one line that a spreadsheet shows as text: formulas get an apostrophe in front."""
    line = one_line(text)
    return f"'{line}" if line.startswith(_FORMULA_STARTS) else line
