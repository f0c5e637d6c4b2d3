"""Documents of the walk's feed server: one day of the sample, and a small journal."""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from xml.sax.saxutils import escape

from django.utils.text import slugify

from devtools import sample
from tests.papers.servers import Server

ARXIV, HUGGING_FACE, JOURNAL = "/rss/cs.CL", "/api/daily_papers", "/journal.rss"
FIRST_DAY = {
    "Medieval manuscript paleography with vision transformers": "Scribal hands in charters are "
    "told apart by a transformer that sees single pen strokes.",
    "Protein language models for enzyme design": "We rank enzyme variants by the likelihood of a "
    "protein language model and confirm the best in the laboratory.",
}
NEXT_DAY = {
    "Reading damaged charters with vision transformers": "A medieval manuscript is often torn. "
    "We restore missing pen strokes before paleography begins.",
    "Dating medieval manuscripts by their abbreviations": "Paleography dates a manuscript by its "
    "script. We add the abbreviations that scribes used.",
}

THIRD_DAY = {
    "Who copied this manuscript? Medieval hands under the microscope": "Paleography compares "
    "letters by eye. We compare the ink.",
}


def publish(server: Server, today: date, journal: dict[str, str]) -> None:
    """Serve today's arXiv and Hugging Face lists, and a journal with these titles and abstracts."""
    with tempfile.TemporaryDirectory() as folder:
        paths = sample.write_for(today, Path(folder))
        files = {path.name: path.read_bytes() for path in paths}
    server.answer(ARXIV, body=files[f"arxiv-{today}.xml"], Content_Type="application/rss+xml")
    server.answer(
        HUGGING_FACE, body=files[f"hf-daily-{today}.json"], Content_Type="application/json"
    )
    server.answer(JOURNAL, body=rss(today, journal), Content_Type="application/rss+xml")


def rss(today: date, papers: dict[str, str]) -> bytes:
    """Return an RSS 2.0 document as journals publish it."""
    published = format_datetime(datetime(today.year, today.month, today.day, tzinfo=UTC))
    items = "".join(
        f"<item><title>{escape(title)}</title><link>https://journal.example/{slugify(title)}</link>"
        f"<description>{escape(text)}</description><dc:creator>Ada Example</dc:creator>"
        f"<dc:identifier>doi:10.5555/{slugify(title)}</dc:identifier>"
        f"<pubDate>{published}</pubDate></item>"
        for title, text in papers.items()
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Journal of Old Books</title>'
        f"<link>https://journal.example/</link><description>Papers</description>{items}"
        "</channel></rss>"
    ).encode()
