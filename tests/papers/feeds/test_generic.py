from datetime import UTC, datetime

import pytest

from papers.feeds import DocumentError, Entry, ParsedDocument, parse_document

NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:prism="http://purl.org/rss/1.0/modules/prism/" '
    'xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
)


def feed(*items: str) -> ParsedDocument:
    body = "".join(f"<item>{item}</item>" for item in items)
    text = f"""<rss version="2.0" {NAMESPACES}><channel><title>A &amp;amp; B</title>
      <pubDate>Wed, 01 Jul 2026 00:00:00 GMT</pubDate>{body}</channel></rss>"""
    return parse_document(text.encode())


def only(item: str) -> Entry:
    (entry,) = feed(item).entries
    return entry


def test_a_plain_feed_has_its_fields() -> None:
    document = feed(
        "<title>Cats &amp;amp; dogs</title><link>https://example.org/1</link>"
        "<description>&lt;p&gt;One.&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;&lt;p&gt;Two&lt;/p&gt;"
        "</description><category>News</category><author>Ann One</author>"
        "<pubDate>Wed, 01 Jul 2026 02:00:00 +0200</pubDate>"
        '<media:thumbnail url="https://example.org/1.png"/>'
    )
    (entry,) = document.entries
    assert (document.kind, document.title) == ("feed", "A & B")
    assert document.published_at == datetime(2026, 7, 1, tzinfo=UTC)
    assert entry.title == "Cats & dogs"
    assert entry.abstract == "One.\n\nTwo"
    assert entry.authors == ("Ann One",)
    assert entry.categories == ("News",)
    assert entry.abstract_url == "https://example.org/1"
    assert entry.thumbnail_url == "https://example.org/1.png"
    assert entry.published_at == datetime(2026, 7, 1, tzinfo=UTC)
    assert entry.updated_at is None
    assert (entry.arxiv_id, entry.doi, entry.votes) == ("", "", None)


def test_atom_is_read() -> None:
    text = """<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title>
      <entry><title type="html">On &lt;i&gt;Cats&lt;/i&gt;</title><id>urn:1</id>
      <link href="https://example.org/1"/><updated>2026-07-01T00:00:00Z</updated>
      <author><name>Ann One</name></author><author><name>Bo Two</name></author>
      <content type="html">&lt;b&gt;Small&lt;/b&gt; cats</content></entry></feed>"""
    (entry,) = parse_document(text.encode()).entries
    assert (entry.title, entry.abstract) == ("On Cats", "Small cats")
    assert entry.authors == ("Ann One", "Bo Two")
    assert entry.published_at == entry.updated_at == datetime(2026, 7, 1, tzinfo=UTC)


def test_rdf_of_a_preprint_server_is_read() -> None:
    text = f"""<rdf:RDF xmlns="http://purl.org/rss/1.0/" {NAMESPACES}
        xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <channel rdf:about="http://example.org"><title>A</title></channel>
      <item rdf:about="http://example.org/857789v1">
        <title><![CDATA[
          Cat Liver
        ]]></title>
        <link> http://example.org/857789v1 </link>
        <description><![CDATA[ Small (n < 5) cats. ]]></description>
        <dc:creator><![CDATA[ One, A., Two, B. ]]></dc:creator>
        <dc:date>2019-11-29</dc:date>
        <dc:identifier>doi:10.1101/857789</dc:identifier>
        <prism:publicationName>A Journal</prism:publicationName>
      </item></rdf:RDF>"""
    (entry,) = parse_document(text.encode()).entries
    assert (entry.title, entry.abstract) == ("Cat Liver", "Small (n < 5) cats.")
    assert entry.authors == ("A. One", "B. Two")
    assert (entry.doi, entry.journal_ref) == ("10.1101/857789", "A Journal")
    assert entry.published_at == datetime(2019, 11, 29, tzinfo=UTC)


def test_a_journal_with_prism_and_a_creator_for_each_author_is_read() -> None:
    entry = only(
        "<title>Cats in $\\alpha$ Space</title><link>https://example.org/1</link>"
        "<prism:doi>10.1038/ABC</prism:doi>"
        "<dc:creator>Ann One</dc:creator><dc:creator>Bo Two</dc:creator>"
    )
    assert entry.title == "Cats in α Space"
    assert (entry.doi, entry.authors) == ("10.1038/abc", ("Ann One", "Bo Two"))


@pytest.mark.parametrize(
    "place",
    [
        "<link>https://arxiv.org/abs/2401.00001v2</link>",
        "<link>https://huggingface.co/papers/2401.00001</link>",
        "<link>https://example.org/1</link><guid>https://arxiv.org/pdf/2401.00001</guid>",
        "<guid isPermaLink='false'>arXiv:2401.00001</guid>",
        "<link>https://doi.org/10.48550/arXiv.2401.00001</link>",
        "<prism:doi>10.48550/arXiv.2401.00001</prism:doi>",
    ],
)
def test_an_arxiv_paper_is_recognised_in_any_feed(place: str) -> None:
    entry = only(f"<title>Cats</title>{place}")
    assert (entry.arxiv_id, entry.doi) == ("2401.00001", "")
    assert entry.abstract_url == "https://arxiv.org/abs/2401.00001"
    assert entry.pdf_url == "https://arxiv.org/pdf/2401.00001"


def test_labelled_votes_authors_and_summary_are_read_from_the_description() -> None:
    entry = only(
        "<title>Cats</title><link>https://arxiv.org/abs/2401.00001</link><description>"
        '&lt;p&gt;&lt;img src="https://example.org/1.png"/&gt;&lt;/p&gt;'
        "&lt;p&gt;&lt;b&gt;Authors:&lt;/b&gt; Ann One, Bo Two&lt;/p&gt;"
        "&lt;p&gt;&lt;b&gt;Upvotes:&lt;/b&gt; 6&lt;/p&gt;"
        "&lt;p&gt;&lt;b&gt;Summary:&lt;/b&gt; Cats are small.&lt;/p&gt;</description>"
    )
    assert entry.authors == ("Ann One", "Bo Two")
    assert (entry.votes, entry.abstract) == (6, "Cats are small.")


def test_a_citation_in_place_of_an_abstract_is_parsed() -> None:
    entry = only(
        "<title>Cats</title><link>https://doi.org/10.1016/j.cats.2026.1</link><description>"
        "Ann One, Bo Two&lt;br /&gt;Applied Cats, vol. 9, pp. 1&lt;br /&gt;"
        "DOI: 10.1016/j.cats.2026.1</description>"
    )
    assert entry.authors == ("Ann One", "Bo Two")
    assert (entry.journal_ref, entry.abstract) == ("Applied Cats, vol. 9, pp. 1", "")
    assert entry.doi == "10.1016/j.cats.2026.1"


def test_a_publication_notice_in_place_of_an_abstract_is_parsed() -> None:
    entry = only(
        "<title>Cats</title><link>https://example.org/1</link><description>"
        "&lt;p&gt;Publication date: July 2026&lt;/p&gt;"
        "&lt;p&gt;&lt;b&gt;Source:&lt;/b&gt; Applied Cats, Volume 9&lt;/p&gt;"
        "&lt;p&gt;Author(s): Ann One, Bo Two&lt;/p&gt;</description>"
    )
    assert entry.authors == ("Ann One", "Bo Two")
    assert (entry.journal_ref, entry.abstract) == ("Applied Cats, Volume 9", "")


def test_links_that_are_not_http_are_dropped() -> None:
    entry = only(
        "<title>Cats</title><link>javascript:alert(1)</link><guid>urn:x</guid>"
        '<media:thumbnail url="data:image/png;base64,x"/>'
    )
    assert (entry.abstract_url, entry.thumbnail_url) == ("", "")


def test_an_entry_without_title_is_refused_and_named() -> None:
    document = feed("<link>https://example.org/1</link>", "<title>Cats</title>")
    assert [entry.title for entry in document.entries] == ["Cats"]
    (refusal,) = document.refused
    assert (refusal.where, refusal.reason) == ("entry 1 (https://example.org/1)", "no title")


def test_a_feed_without_entries_is_valid() -> None:
    assert feed().entries == ()


def test_a_truncated_feed_loses_only_its_last_entry() -> None:
    text = "<rss version='2.0'><channel><item><title>A</title></item><item><title>B</title><desc"
    document = parse_document(text.encode())
    assert [entry.title for entry in document.entries] == ["A"]
    assert document.refused[0].reason == "the document breaks off in it"


def test_other_encodings_are_read() -> None:
    text = (
        '<?xml version="1.0" encoding="{}"?><rss version="2.0"><channel>'
        "<item><title>Äther</title></item></channel></rss>"
    )
    for encoding in ("iso-8859-1", "utf-16", "utf-8-sig", "utf-16-be", "utf-32"):
        data = text.format(encoding.removesuffix("-sig")).encode(encoding)
        assert [entry.title for entry in parse_document(data).entries] == ["Äther"], encoding


def test_bytes_are_never_used_as_a_file_name() -> None:
    with pytest.raises(DocumentError, match="neither XML nor JSON"):
        parse_document(__file__.encode(), "feed")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<a/>" * 250_000, "tags and attributes, over 60000"),
        (f"<a {' '.join(f'a{n}=1' for n in range(3000))}/>", "more than 2000 attributes"),
    ],
)
def test_markup_that_takes_minutes_to_parse_is_refused(body: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        feed(body)


@pytest.mark.parametrize(
    ("creator", "names"),
    [
        ("Alpha, Ann and Beta, Bo", ("Ann Alpha", "Bo Beta")),
        ("van Alpha, Ann and Beta, Bo and Gamma, Cy", ("Ann van Alpha", "Bo Beta", "Cy Gamma")),
        ("Ann Alpha，Bo Beta", ("Ann Alpha", "Bo Beta")),
        ("张一、李二", ("张一", "李二")),
        ("Ann Alpha, Bo Beta, et al.", ("Ann Alpha", "Bo Beta")),
        ("Ann Alpha et al.", ("Ann Alpha",)),
    ],
)
def test_lists_of_names_in_one_field_are_split(creator: str, names: tuple[str, ...]) -> None:
    entry = only(f"<title>Cats</title><dc:creator>{creator}</dc:creator>")
    assert entry.authors == names


@pytest.mark.parametrize("broken", ["", "<strange:x/>"])
def test_the_doi_is_found_among_several_identifiers(broken: str) -> None:
    """Also where the document is read by feedparser, which keeps only the last of them."""
    entry = only(
        "<title>Cats</title><dc:identifier>pmid:4</dc:identifier>"
        "<dc:identifier>doi:10.5555/cats.1</dc:identifier>"
        f"<dc:identifier>hwp:cats;1</dc:identifier>{broken}"
    )
    assert entry.doi == "10.5555/cats.1"


@pytest.mark.parametrize("broken", ["", "<strange:x/>"])
def test_dates_with_slashes_are_read_or_dropped(broken: str) -> None:
    entry = only(f"<title>Cats</title><pubDate>2023/05/17 08:01:02</pubDate>{broken}")
    assert entry.published_at == datetime(2023, 5, 17, 8, 1, 2, tzinfo=UTC)
    strange = only(f"<title>Cats</title><pubDate>05/17 of 2023</pubDate>{broken}")
    assert strange.published_at is None
