"""Addresses of sources."""

from __future__ import annotations

from papers.feeds import addresses


def test_categories_are_read_from_a_listings_address() -> None:
    assert addresses.arxiv_categories("https://rss.arxiv.org/rss/cs.AI+q-bio") == ["cs.AI", "q-bio"]
    assert addresses.arxiv_categories("https://rss.arxiv.org/atom/cs.AI%2Bcs.CL") == [
        "cs.AI",
        "cs.CL",
    ]
    assert addresses.arxiv_categories("https://example.org/rss/cs.AI") == []
