"""Addresses of sources: from what a curator types to what is fetched."""

from __future__ import annotations

import re
from datetime import date, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

ARXIV_LIST = "https://rss.arxiv.org/rss/"
HF_DAILY = "https://huggingface.co/api/daily_papers?limit=100"
HF_PAGE = 50  # entries, unless "limit" says otherwise
VOTES_GROW = 2  # days before today on which a daily list is still read

# arXiv's archives, and what names a category: "cs.AI", "hep-th", "q-bio.NC".
_ARCHIVES = (
    "astro-ph cond-mat cs econ eess gr-qc hep-ex hep-lat hep-ph hep-th math math-ph nlin nucl-ex "
    "nucl-th physics q-bio q-fin quant-ph stat"
).split()
_CATEGORY = re.compile(rf"(?:{'|'.join(_ARCHIVES)})(?:\.[A-Za-z-]{{2,12}})?")
_SEPARATORS = re.compile(r"[\s,;+]+")
_ARXIV_PAGE = re.compile(
    r"https?://(?:www\.|export\.)?arxiv\.org/(?:list/(?P<list>[A-Za-z.-]+)(?:/\w+)?"
    r"|(?:rss|atom)/(?P<rss>[A-Za-z.+-]+))/?(?:\?\S*)?"
)
_HF_PAGE = re.compile(r"https?://(?:www\.)?huggingface\.co/papers/?")


def of(typed: str) -> str:
    """The address to fetch, from an address or arXiv categories; as typed where it is neither.

    >>> of("cs.AI, cs.CL")
    'https://rss.arxiv.org/rss/cs.AI+cs.CL'
    >>> of("https://arxiv.org/list/cs.AI/recent")
    'https://rss.arxiv.org/rss/cs.AI'
    """
    typed = typed.strip()
    names = [name for name in _SEPARATORS.split(typed) if name]
    if names and all(map(_CATEGORY.fullmatch, names)):
        return ARXIV_LIST + "+".join(dict.fromkeys(names))
    if page := _ARXIV_PAGE.fullmatch(typed):
        return ARXIV_LIST + (page["list"] or page["rss"])
    return HF_DAILY if _HF_PAGE.fullmatch(typed) else typed


def host(url: str) -> str:
    """The host of an address, lower case; "" where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def with_query(url: str, **values: object) -> str:
    """The address with these parameters in its query, in place of those of the same name."""
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query) if pair[0] not in values]
    query = urlencode([*kept, *((name, str(value)) for name, value in values.items())])
    return urlunsplit(parts._replace(query=query))


def page_size(url: str) -> int:
    """How many entries a full page of a daily list has."""
    limit = dict(parse_qsl(urlsplit(url).query)).get("limit", "")
    return int(limit) if limit.isdigit() and 0 < int(limit) <= 1000 else HF_PAGE


def page(url: str, number: int) -> str:
    """A further page of a daily list; the first is 0."""
    return with_query(url, p=number)


def days_before(url: str, today: date) -> list[str]:
    """The same list of the days before today; none for an address that names a day itself."""
    if "date" in dict(parse_qsl(urlsplit(url).query)):
        return []
    days = (today - timedelta(days=back) for back in range(1, VOTES_GROW + 1))
    return [with_query(url, date=day.isoformat()) for day in days]
