"""Export papers as files for reference managers and spreadsheets.

    export_papers(papers, "bib", "papers of 2026-04-30")

`papers.citations` writes the formats. A list may come from anywhere: a day, a search, a digest.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from django.conf import settings

from papers.citations.export import Export, export
from papers.citations.work import Date, Work, arxiv_month
from papers.models import Paper

MAX_PAPERS = 500  # per file of a list
# The fields of a paper that `make_work` reads.
FIELDS = (
    *("title", "authors", "categories", "abstract", "arxiv_id", "doi", "journal_ref"),
    *("published_at", "listed_on", "abstract_url", "pdf_url"),
)


def export_papers(papers: Iterable[Paper], ending: str, name: str) -> Export:
    """Return a file with the citations of papers, each once, in the given order."""
    return export(map(make_work, papers), ending, name)


def make_work(paper: Paper) -> Work:
    """Return the bibliographic data of a paper."""
    page = settings.SITE_URL + paper.get_absolute_url()
    return Work(
        id=str(paper.pk),
        title=paper.title,
        authors=[str(name) for name in paper.authors],
        date=publication_date(paper),
        url=paper.abstract_url or page,
        page=page,
        pdf_url=paper.pdf_url,
        arxiv_id=paper.arxiv_id or "",
        categories=paper.categories,
        doi=paper.doi or "",
        journal=paper.journal_ref,
        abstract=paper.abstract,
        language=paper.language,
    )


def publication_date(paper: Paper) -> Date:
    """Return the date of the first version.

    Lists announce revisions and older papers too, so their dates count only near the month in
    which arXiv assigned the identifier.
    """
    stated = paper.published_at.date() if paper.published_at else paper.listed_on
    assigned = arxiv_month(paper.arxiv_id or "")
    if assigned and not 0 <= _months(stated) - (assigned[0] * 12 + assigned[1]) <= 1:
        return assigned
    return stated.year, stated.month, stated.day


def _months(day: date) -> int:
    return day.year * 12 + day.month
