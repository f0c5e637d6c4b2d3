"""Synthetic documents of any size, made from the sample papers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from html import escape
from itertools import cycle, islice

from devtools import sample
from papers.feeds import Entry, parse_document

# One in four abstracts on arXiv has TeX; the sample abstracts are plain.
TEX = (
    r" It gains 4.2\% on $k$-means with $\mathcal{O}(n \log n)$ steps.",
    r" The cost is $2\times$ that of \textit{M\"uller et al.}",
)


def entries(count: int) -> Iterator[Entry]:
    """Yield `count` entries, repeating the sample papers."""
    samples = [
        entry
        for path in sorted(sample.FOLDER.glob("arxiv-*.xml"))
        for entry in parse_document(path.read_bytes()).entries
    ]
    return islice(cycle(samples), count)


def abstract(number: int, entry: Entry) -> str:
    """Return an abstract of the length usual on arXiv, about 1,200 characters."""
    return entry.abstract_raw * 2 + (TEX[number // 4 % 2] if number % 4 == 0 else "")


def arxiv_rss(count: int, day: date) -> bytes:
    """Return the listing of a day with `count` different papers."""
    when = f"{day:%a, %d %b %Y} 00:00:00 -0400"
    items = "".join(
        f"<item><title>{escape(entry.title_raw)} {number}</title>"
        f"<link>https://arxiv.org/abs/{day:%y%m}.{number:05}</link>"
        f"<description>arXiv:{day:%y%m}.{number:05}v1 Announce Type: new \n"
        f"Abstract: {escape(abstract(number, entry))}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{day:%y%m}.{number:05}v1</guid>'
        f"{''.join(f'<category>{name}</category>' for name in entry.categories)}"
        f"<pubDate>{when}</pubDate><arxiv:announce_type>new</arxiv:announce_type>"
        "<dc:rights>http://creativecommons.org/licenses/by/4.0/</dc:rights>"
        f"<dc:creator>{escape(', '.join(entry.authors))}</dc:creator></item>\n"
        for number, entry in enumerate(entries(count), 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<channel><title>cs updates on arXiv.org</title><link>http://rss.arxiv.org/rss/cs</link>"
        f"<pubDate>{when}</pubDate>\n{items}</channel></rss>"
    ).encode()


def journal_rss(count: int, day: date) -> bytes:
    """Return the feed of a journal, with markup in the descriptions."""
    when = f"{day:%a, %d %b %Y} 06:00:00 +0000"
    items = "".join(
        f"<item><title>{escape(entry.title_raw)} {number}</title>"
        f"<link>https://journal.example/articles/{number}</link>"
        f"<description><![CDATA[<p>{escape(abstract(number, entry))}</p>]]></description>"
        f"<dc:identifier>doi:10.5555/bench.{day:%y%m%d}.{number}</dc:identifier>"
        f"{''.join(f'<dc:creator>{escape(name)}</dc:creator>' for name in entry.authors)}"
        f"<pubDate>{when}</pubDate></item>\n"
        for number, entry in enumerate(entries(count), 1)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>A journal</title>'
        f"<link>https://journal.example/</link>\n{items}</channel></rss>"
    ).encode()


def hf_daily(count: int, day: date) -> bytes:
    """Return the daily papers of Hugging Face, with the first papers of the day's listing."""
    items = [
        {
            "paper": {
                "id": f"{day:%y%m}.{number:05}",
                "title": f"{entry.title_raw} {number}",
                "summary": abstract(number, entry),
                "authors": [{"name": name} for name in entry.authors],
                "publishedAt": f"{day}T00:00:00.000Z",
                "submittedOnDailyAt": f"{day}T01:00:00.000Z",
                "upvotes": number,
                "ai_summary": "What it is about, in a sentence.",
            },
            "numComments": number % 5,
        }
        for number, entry in enumerate(entries(count), 1)
    ]
    return json.dumps(items).encode()
