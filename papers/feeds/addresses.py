"""Addresses of sources, and what their queries ask for."""

from __future__ import annotations

import re
from datetime import date, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

ARXIV_LIST = "https://rss.arxiv.org/rss/"
HF_DAILY = "https://huggingface.co/api/daily_papers?limit=100"
HF_PAGE = 50  # entries, unless "limit" says otherwise
VOTES_GROW = 2  # days before today on which a daily list is still read


def host_of(url: str) -> str:
    """The host of an address, lower case; "" where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


_INTERNAL = frozenset(
    "local localhost localdomain internal intranet intra private lan corp home arpa vpn".split()
)
_ADDRESS_LIKE = re.compile(r"://|^\S+\.\S+/\S*$|[?&]\w+=")


def public_host_of(url: str) -> str:
    """Return the host of an address if its name looks like one of the open internet, else "".

    >>> public_host("https://feeds.lab.example.org/rss?token=1"), public_host("http://db.corp.org/")
    ('feeds.lab.example.org', '')
    """
    name = host_of(url).rstrip(".")
    labels = name.split(".")
    is_name = len(labels) > 1 and labels[-1].isalpha() and ":" not in name
    return name if is_name and not _INTERNAL & set(labels) else ""


def is_address(text: str) -> bool:
    """Is this text an address, or does it hold one, rather than a name?"""
    return bool(_ADDRESS_LIKE.search(text))


def with_query(url: str, **values: object) -> str:
    """The address with these parameters in its query, in place of those of the same name."""
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query) if pair[0] not in values]
    query = urlencode([*kept, *((name, str(value)) for name, value in values.items())])
    return urlunsplit(parts._replace(query=query))


def arxiv_categories(url: str) -> list[str]:
    """The categories an arXiv listing was asked for: ".../rss/cs.AI+cs.CL"."""
    if "arxiv.org/" not in url or not ("/rss/" in url or "/atom/" in url):
        return []
    last = url.split("?")[0].rstrip("/").rpartition("/")[2]
    return [name for name in last.replace("%2B", "+").split("+") if name]


def page_size(url: str) -> int:
    """How many entries a full page of a daily list has."""
    limit = dict(parse_qsl(urlsplit(url).query)).get("limit", "")
    return int(limit) if limit.isdigit() and 0 < int(limit) <= 1000 else HF_PAGE


def page_url(url: str, number: int) -> str:
    """A further page of a daily list; the first is 0."""
    return with_query(url, p=number)


def urls_of_days_before(url: str, today: date) -> list[str]:
    """The same list of the days before today; none for an address that names a day itself."""
    if "date" in dict(parse_qsl(urlsplit(url).query)):
        return []
    days = (today - timedelta(days=back) for back in range(1, VOTES_GROW + 1))
    return [with_query(url, date=day.isoformat()) for day in days]
