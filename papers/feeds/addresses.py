"""Web addresses of sources: hosts, queries, categories."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

ARXIV_LIST = "https://rss.arxiv.org/rss/"
HF_DAILY = "https://huggingface.co/api/daily_papers?limit=100"


def host_of(url: str) -> str:
    """Return the host of an address in lower case, or "" if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


_INTERNAL = frozenset(
    "local localhost localdomain internal intranet intra private lan corp home arpa vpn".split()
)
_ADDRESS_LIKE = re.compile(r"://|^\S+\.\S+/\S*$|[?&]\w+=")


def public_host_of(url: str) -> str:
    """Return the host of an address if its name is a public one, else "".

    >>> public_host_of("https://feeds.lab.example.org/rss?token=1")
    'feeds.lab.example.org'
    >>> public_host_of("http://db.corp.org/")
    ''
    """
    name = host_of(url).rstrip(".")
    labels = name.split(".")
    is_name = len(labels) > 1 and labels[-1].isalpha() and ":" not in name
    return name if is_name and not _INTERNAL & set(labels) else ""


def is_address(text: str) -> bool:
    """Return whether the text is, or contains, an address."""
    return bool(_ADDRESS_LIKE.search(text))


def with_query(url: str, **values: object) -> str:
    """Return the address with these query parameters added or replaced."""
    parts = urlsplit(url)
    kept = [pair for pair in parse_qsl(parts.query) if pair[0] not in values]
    query = urlencode([*kept, *((name, str(value)) for name, value in values.items())])
    return urlunsplit(parts._replace(query=query))


def arxiv_categories(url: str) -> list[str]:
    """Return the categories in the address of an arXiv list: ".../rss/cs.AI+cs.CL"."""
    if "arxiv.org/" not in url or not ("/rss/" in url or "/atom/" in url):
        return []
    last = url.split("?")[0].rstrip("/").rpartition("/")[2]
    return [name for name in last.replace("%2B", "+").split("+") if name]
