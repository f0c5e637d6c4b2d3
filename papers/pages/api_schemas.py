"""Parameter types and response schemas of the JSON API. The OpenAPI document is made from them."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Any

from django.conf import settings
from django.utils import timezone
from ninja import Path, Query, Schema
from pydantic import BeforeValidator, Field

from papers import models

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def check_date_format(value: Any) -> Any:
    """Reject strings that are not ISO dates. Pydantic alone would read 0 as 1 January 1970."""
    if isinstance(value, str) and not ISO_DATE.fullmatch(value):
        raise ValueError("use the format YYYY-MM-DD, such as 2026-04-30")
    return value


Day = Annotated[date, BeforeValidator(check_date_format)]
Limit = Annotated[int, Query(ge=1, le=100, description="Maximum number of papers.")]
Category = Annotated[
    str,
    Query(
        pattern=r"^[A-Za-z-]{2,12}(\.[A-Za-z-]{2,12})?$",
        description="An arXiv category such as cs.CL, or an archive such as cs.",
    ),
]
PaperId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class Error(Schema):
    detail: str = Field(description="What went wrong, in one sentence.")


class Paper(Schema):
    id: int
    url: str = Field(description="The paper's page on this site.")
    arxiv_id: str | None
    doi: str | None
    title: str
    abstract: str
    authors: list[str]
    categories: list[str]
    day: date = Field(description="The day the paper was featured or, if it wasn't, listed.")
    published_at: datetime | None
    version: int | None
    abstract_url: str
    pdf_url: str
    code_url: str
    project_url: str
    votes: int
    comments: int
    stars: int
    picked: bool = Field(description="Whether a curator picked the paper.")
    note: str = Field(description="The curator's note.")
    withdrawn: bool


class PaperList(Schema):
    items: list[Paper]
    next: str | None = Field(description="URL of the next page; null on the last page.")


class SearchResults(PaperList):
    problems: list[str] = Field(description="The parts of the query that were not used, and why.")


class DailyAuthor(Schema):
    name: str
    hidden: bool = False


class DailyPaper(Schema):
    id: str
    title: str
    summary: str
    authors: list[DailyAuthor]
    publishedAt: datetime
    submittedOnDailyAt: datetime
    upvotes: int
    githubRepo: str | None
    githubStars: int | None
    projectPage: str | None


class DailyItem(Schema):
    """An item in the format of Hugging Face's daily papers API, with the fields we know."""

    paper: DailyPaper
    title: str
    summary: str
    publishedAt: datetime
    thumbnail: str | None
    numComments: int


def serialize_paper(paper: models.Paper) -> dict[str, Any]:
    """Return the fields of `Paper`."""
    names = [name for name in Paper.model_fields if name not in ("url", "picked")]
    return {name: getattr(paper, name) for name in names} | {
        "url": settings.SITE_URL + paper.get_absolute_url(),
        "authors": [str(name) for name in paper.authors],
        "picked": paper.featured,
    }


def serialize_daily_item(paper: models.Paper) -> dict[str, Any]:
    """Return the fields of `DailyItem`."""
    published = paper.published_at or midnight(paper.listed_on)
    daily_paper = {
        "id": paper.arxiv_id,
        "title": paper.title,
        "summary": paper.abstract,
        "authors": [{"name": str(name)} for name in paper.authors],
        "publishedAt": published,
        "submittedOnDailyAt": midnight(paper.day),
        "upvotes": paper.all_votes,
        "githubRepo": paper.code_url or None,
        "githubStars": paper.stars or None,
        "projectPage": paper.project_url or None,
    }
    return {
        "paper": daily_paper,
        "title": paper.title,
        "summary": paper.abstract,
        "publishedAt": published,
        "thumbnail": paper.thumbnail_url or None,
        "numComments": paper.comments,
    }


def midnight(day: date) -> datetime:
    """Return the start of a day in the site's time zone."""
    return datetime.combine(day, time(), timezone.get_default_timezone())
