"""The quick reader of plain feeds gives what feedparser gives, or leaves the feed to it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from papers.feeds import DocumentError, ParsedDocument, generic, parse_document, plainxml, recognise
from tests.shared_data import SHARED, needs_shared_data

FOLDERS = (
    *("journal_rss", "rdf_rss1", "other_feeds", "miniflux_literals", "hf_rss_other"),
    *("hf_rss_unofficial_plain", "arxiv_rss2_regenerated"),
)
RSS = """<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>A lab</title>
<item><title>One &amp;amp; two</title>{part}</item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>A lab</title><entry><title>One</title>
<id>https://lab.example/1</id>{part}</entry></feed>"""
HEAD = b"<rss version='2.0'><channel><title>x</title><item><title>t</title>"


def feedparsers(data: bytes, monkeypatch: pytest.MonkeyPatch) -> ParsedDocument | str:
    with monkeypatch.context() as patch:
        patch.setattr(plainxml, "read", lambda data: None)
        try:
            return generic.parse_feed(data)
        except DocumentError as error:
            return str(error)


@pytest.mark.parametrize(
    "part",
    [
        "<link>https://lab.example/1</link><guid>https://lab.example/2</guid>",
        "<guid>https://lab.example/2</guid><description>&lt;p&gt;Text&lt;/p&gt;</description>",
        "<guid isPermaLink='false'>seven</guid><content:encoded>Whole</content:encoded>",
        "<content:encoded>Whole</content:encoded><description>Short</description>",
        "<pubDate>Mon, 27 Apr 2026 00:00:00 EST</pubDate><dc:date>2026-04-28</dc:date>",
        "<dc:creator>Ann One</dc:creator><dc:creator>Two, Bo</dc:creator><category>x</category>",
        "<dc:identifier>doi:10.1000/a</dc:identifier><dc:title>Another</dc:title>",
    ],
)
def test_plain_rss_is_read_as_feedparser_reads_it(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = RSS.format(part=part).encode()
    assert plainxml.read(data) is not None
    assert generic.parse_feed(data) == feedparsers(data, monkeypatch)


@pytest.mark.parametrize(
    "part",
    [
        "<link href='https://lab.example/1'/><link rel='related' href='https://x.example'/>",
        "<author><name>Ann One</name></author><category term='x'/><updated>2026-04-28</updated>",
        "<summary type='html'>&lt;b&gt;Bold&lt;/b&gt; a &amp;lt; b</summary>",
        "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>a <i>b</i> &lt; c</div>"
        "</content>",
    ],
)
def test_plain_atom_is_read_as_feedparser_reads_it(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ATOM.format(part=part).encode()
    assert plainxml.read(data) is not None
    assert generic.parse_feed(data) == feedparsers(data, monkeypatch)


@pytest.mark.parametrize(
    "data",
    [
        RSS.format(part="<pubDate>once upon a time</pubDate>").encode(),
        RSS.format(part="<author>ann@lab.example (Ann)</author>").encode(),
        RSS.format(part="<link>/1</link>").replace("<channel>", "<channel xml:base='/'>").encode(),
        RSS.format(part="<fullitem>x</fullitem>").encode(),
        RSS.format(part="").encode()[:-20],
        b"<channel><item><title>A</title></item></channel>",
        ATOM.format(part="<content src='https://x.example'/>").encode(),
    ],
)
def test_feeds_that_are_not_plain_are_left_to_feedparser(data: bytes) -> None:
    assert plainxml.read(data) is None


def feeds() -> Iterator[bytes]:
    for folder in FOLDERS:
        paths = (path for path in (SHARED / "feeds" / folder).rglob("*") if path.is_file())
        yield from (path.read_bytes() for path in paths)
    for path in sorted((SHARED / "bad" / "feedparser_tests" / "wellformed").rglob("*.xml")):
        yield path.read_bytes()


@pytest.mark.slow
@needs_shared_data
def test_every_recorded_plain_feed_is_read_as_feedparser_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quick = 0
    for data in feeds():
        try:
            kind = recognise(data).name
        except DocumentError:
            continue
        if kind not in ("feed", "arxiv-rss") or data.lstrip()[:1] == b"{":
            continue
        if plainxml.read(data) is not None:
            quick += 1
            theirs = feedparsers(data, monkeypatch)
            assert theirs == generic.parse_feed(data) or "declaration not at start" in theirs
    assert quick > 400


# --- Bounds -------------------------------------------------------------------------------------

MANY = 60_000 // 2 - 10


CRAFTED = [
    HEAD + b"<description>" + b"<b>" * 2 * MANY,
    b"<rss version='2.0'><channel>" + b"<item><title>t</title></item>" * (MANY // 2),
    HEAD + b"<link>http://a.example/b</link>" * MANY,
    HEAD + b"<author>c@d.ef (x)</author>" * MANY,
    HEAD + b"<a " + b" ".join(b'a%d="x"' % number for number in range(1999)) + b">",
    b"<feed xmlns='http://www.w3.org/2005/Atom'>"
    + b"<entry><content type='xhtml'><div>x</div></content></entry>" * (MANY // 3),
    HEAD + b"<description>" + b"a" * 11_000_000,
    HEAD + b"</item></channel></rss>" + b" " * 11_000_000,
    HEAD + b"<b>x</b>" * 250_000 + b"</item></channel></rss>",
    b"<rss version='2.0'><channel>" + b"<item><title>t</title></item>" * 140_000
    + b"</channel></rss>",
]  # fmt: skip
MOST_MB = 200  # for a document of 11 MB, which is as large as any that is fetched

PEAK = """
import re, sys, time
from pathlib import Path
from papers.feeds import DocumentError, parse_document as parse
def peak():  # not ru_maxrss, which begins with that of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024
paths = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file())
parse(b"<rss version='2.0'><channel><title>x</title></channel></rss>")  # what is imported late
before, begun = peak(), time.process_time()
for path in paths:
    try:
        parse(path.read_bytes())
    except DocumentError:
        pass
print(len(paths), peak() - before, time.process_time() - begun)
"""


def grown(folder: Path) -> tuple[int, float, float]:
    """How many documents there are, by how many MB a new process grows that reads them, and how
    many seconds of a processor it takes."""
    said = subprocess.run(
        [sys.executable, "-c", PEAK, str(folder)], capture_output=True, text=True, check=True
    ).stdout.split()
    return int(said[0]), float(said[1]), float(said[2])


@needs_shared_data
@pytest.mark.promise(38)
def test_a_collection_of_bad_feeds_takes_little_memory() -> None:
    read, megabytes, _seconds = grown(SHARED / "bad" / "feedparser_tests")
    assert read > 1000
    assert megabytes < 20
    assert grown(SHARED / "bad" / "xml_bombs_defusedxml")[1] < 20


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(CRAFTED)))
@pytest.mark.promise(38)
def test_a_crafted_feed_takes_bounded_memory_and_time(number: int, tmp_path: Path) -> None:
    (tmp_path / "feed").write_bytes(CRAFTED[number])
    _read, megabytes, seconds = grown(tmp_path)
    assert megabytes < MOST_MB
    # The processor's time, not the clock's: four to five seconds, over six on a crowded machine.
    assert seconds < 15


MARKUP = re.compile(
    r"<\s*/?\s*(script|style|iframe|object|embed|applet|link|meta|form|input|svg|math|img|a|b|p"
    r"|div|span)\b|javascript:|\bon(click|load|error)\s*=",
    re.I,
)


def crafted() -> Iterator[bytes]:
    """feedparser's own corpus, as it is and with titles, without which nothing is stored."""
    for path in sorted((SHARED / "bad" / "feedparser_tests").rglob("*")):
        if path.is_file():
            yield path.read_bytes()
            yield re.sub(
                rb"<(item|entry)(?=[ >])[^>]*>", rb"\g<0><title>A</title>", path.read_bytes()
            )


@needs_shared_data
@pytest.mark.promise(38)
def test_no_markup_of_a_feed_is_stored() -> None:
    read = 0
    for data in crafted():
        try:
            entries = parse_document(data).entries
        except DocumentError:
            continue
        for entry in entries:
            read += 1
            for text in (entry.title, entry.abstract, entry.title_raw, entry.abstract_raw):
                assert not MARKUP.search(text), data
            for url in (entry.abstract_url, entry.thumbnail_url):
                assert url == "" or url.lower().startswith(("http://", "https://"))
    assert read > 200
