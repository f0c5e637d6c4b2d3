"""Whatever the bytes: a document, or one line of a DocumentError."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from papers.feeds import DocumentError, ParsedDocument, kinds, parse_document
from tests.examples import examples

LISTING = b"""<?xml version='1.0'?><rss xmlns:arxiv="http://arxiv.org/schemas/atom"
xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel><title>cs.AI</title>
<link>http://rss.arxiv.org/rss/cs.AI</link><pubDate>Mon, 27 Apr 2026 00:00:00 -0400</pubDate>
<item><title>On $\\alpha$</title><link>https://arxiv.org/abs/2604.00001</link><description>
arXiv:2604.00001v1 Announce Type: new \nAbstract: One &lt; two.</description>
<guid isPermaLink="false">oai:arXiv.org:2604.00001v1</guid><category>cs.AI</category>
<dc:creator>Ann One (A, B), Bo Two</dc:creator></item></channel></rss>"""
ANSWER = b"""<feed xmlns="http://www.w3.org/2005/Atom"><id>http://arxiv.org/api/x</id><entry>
<id>http://arxiv.org/abs/2604.00001v1</id><title>On x</title><summary>y</summary>
<published>2026-04-27T00:00:00Z</published><author><name>Ann</name></author></entry></feed>"""
BLOG = b"""<rss version="2.0"><channel><title>A</title><item><title>B &amp;amp; C</title>
<link>https://example.org/1</link><description><![CDATA[<p><b>Upvotes:</b> 6</p>]]></description>
<pubDate>Mon, 27 Apr 2026 00:00:00 -0400</pubDate></item></channel></rss>"""
DAILY = json.dumps(
    [{"paper": {"id": "2604.00001", "title": "A", "publishedAt": "2026-04-27", "upvotes": 1}}]
).encode()

bounded = settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
kind_names = st.sampled_from([None, *kinds.names()])
MARKUP = rb"""< > & ]]> <![CDATA[ <!-- <!DOCTYPE [ <item> </item> &#0; &#xD800; &nope; " ' { [
\u0000 \ud800 1e999 </ <p> <b>Upvotes:</b> $ \alpha"""
pieces = st.sampled_from([*MARKUP.split(), b"\0", b"\xff", b"\x0b", b" "])


def settled(data: bytes, kind: str | None) -> None:
    try:
        document = parse_document(data, kind)
    except DocumentError as error:
        reason = str(error)
        assert len(reason.splitlines()) == 1
        return
    assert isinstance(document, ParsedDocument)
    for entry in document.entries:
        assert entry.title
        assert "\0" not in entry.title_raw + entry.abstract_raw
        (entry.title_raw + entry.abstract_raw + "".join(entry.authors)).encode()


@bounded
@given(st.binary(max_size=200), kind_names)
def test_any_bytes_give_a_document_or_an_error(data: bytes, kind: str | None) -> None:
    settled(data, kind)


@bounded
@given(st.lists(pieces, max_size=30), kind_names)
def test_random_markup_gives_a_document_or_an_error(heap: list[bytes], kind: str | None) -> None:
    settled(b"<rss version='2.0'><channel><item><title>A" + b"".join(heap), kind)


@bounded
@given(
    st.sampled_from([LISTING, ANSWER, BLOG, DAILY]),
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 40), pieces | st.binary(max_size=4))),
)
def test_damaged_documents_give_a_document_or_an_error(
    whole: bytes, damages: list[tuple[int, int, bytes]]
) -> None:
    for at, length, instead in damages[:5]:
        whole = whole[:at] + instead + whole[at + length :]
    settled(whole, None)


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
PAPER_KEYS = ("id", "title", "summary", "authors", "publishedAt", "submittedOnDailyAt", "upvotes")
papers = st.fixed_dictionaries({}, optional=dict.fromkeys(PAPER_KEYS, values))
items = st.fixed_dictionaries(
    {"paper": papers | values}, optional={"publishedAt": values, "title": values}
)


@bounded
@given(st.lists(items | values, max_size=4) | values)
def test_any_json_gives_a_document_or_an_error(document: object) -> None:
    settled(json.dumps(document).encode(), "hf-daily")
    settled(json.dumps([repr(document)]).encode(), "hf-daily")


@bounded
@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_in_a_field_gives_a_document_or_an_error(title: str, authors: str) -> None:
    for whole in (LISTING, BLOG):
        text = whole.replace(b"<title>", b"<title><![CDATA[" + title.encode("utf-8", "ignore"), 2)
        text = text.replace(b"</title>", b"]]></title>", 2)
        settled(text.replace(b"Ann One", authors.encode("utf-8", "ignore")), None)
