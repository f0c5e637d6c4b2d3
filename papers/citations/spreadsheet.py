"""Write works as CSV for spreadsheets. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from papers.citations.work import Kept, Work
from papers.text.markup import one_line

COLUMNS = (
    *("title", "authors", "date", "kind", "published_in", "arxiv_id", "doi", "url", "pdf_url"),
    *("categories", "abstract", "citation_key"),
)
READER_COLUMNS = ("note", "tags", "kept_on", "read_on")
# With those that begin with our own apostrophe, so that it can be removed again.
_FORMULA_STARTS = tuple(f"{start}{sign}" for start in ("", "'") for sign in "=+-@")


def write_csv(works: Iterable[Work]) -> str:
    """Return a table with a heading. No cell is a formula. Excel needs the byte order mark.

    Works of a library have READER_COLUMNS.
    """
    rows = list(works)
    is_library = any(work.kept for work in rows)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([*COLUMNS, *(READER_COLUMNS if is_library else ())])
    for work in rows:
        kept = _reader_row(work.kept or Kept()) if is_library else []
        writer.writerow([*(_safe_cell(one_line(text)) for text in _row(work)), *kept])
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
        "; ".join(work.category_names),
        work.abstract,
        work.key,
    ]


def _reader_row(kept: Kept) -> list[str]:
    return [_safe_cell(kept.note), _safe_cell("; ".join(kept.tags)), kept.kept_on, kept.read_on]


def _safe_cell(text: str) -> str:
    """Return text that a spreadsheet shows as text: formulas get an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
