from datetime import UTC, date, datetime

import pytest

from papers.feeds import DocumentError, ParsedDocument, parse_document

RSS = """<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/"
     version="2.0">
  <channel>
    <title>cs.CV updates on arXiv.org</title>
    <link>http://rss.arxiv.org/rss/cs.CV</link>
    <description>cs.CV updates on the arXiv.org e-print archive.</description>
    <pubDate>Mon, 27 Apr 2026 00:00:00 -0400</pubDate>
    {items}
  </channel>
</rss>"""

ITEM = """<item>
  <title>Learning to {title}</title>
  <link>https://arxiv.org/abs/{id}</link>
  <description>arXiv:{id}v{version} Announce Type: {kind}
Abstract: We show that $\\alpha &lt; 1$
holds for K\\"ahler cats.</description>
  <guid isPermaLink="false">oai:arXiv.org:{id}v{version}</guid>
  <category>cs.CV</category>
  <category>cs.LG</category>
  <pubDate>Mon, 27 Apr 2026 00:00:00 -0400</pubDate>
  <arxiv:announce_type>{kind}</arxiv:announce_type>
  <dc:creator>Ann One (Somewhere, Town (North)), Bo Tw\\"o</dc:creator>
  <arxiv:DOI>10.1000/ABC</arxiv:DOI>
  <arxiv:journal_reference>Journal of Cats 11 (2026)</arxiv:journal_reference>
</item>"""


def item(kind: str = "new", version: int = 1, identity: str = "2604.00001") -> str:
    return ITEM.format(title="Purr", kind=kind, version=version, id=identity)


def listing(*items: str) -> ParsedDocument:
    return parse_document(RSS.format(items="".join(items)).encode())


def test_a_new_paper_of_the_listing_has_all_its_fields() -> None:
    document = listing(item())
    assert document.kind == "arxiv-rss"
    assert document.title == "cs.CV updates on arXiv.org"
    assert document.published_at == datetime(2026, 4, 27, 4, tzinfo=UTC)
    (entry,) = document.entries
    assert entry.title == "Learning to Purr"
    assert entry.abstract == "We show that α < 1 holds for Kähler cats."
    assert entry.abstract_raw == 'We show that $\\alpha < 1$\nholds for K\\"ahler cats.'
    assert entry.authors == ("Ann One", "Bo Twö")
    assert (entry.arxiv_id, entry.version, entry.doi) == ("2604.00001", 1, "10.1000/abc")
    assert entry.categories == ("cs.CV", "cs.LG")
    assert entry.announce_type == "new"
    assert entry.published_at == datetime(2026, 4, 27, 4, tzinfo=UTC)
    assert entry.updated_at is None
    assert entry.listed_on == date(2026, 4, 27)
    assert entry.abstract_url == "https://arxiv.org/abs/2604.00001"
    assert entry.pdf_url == "https://arxiv.org/pdf/2604.00001"
    assert entry.journal_ref == "Journal of Cats 11 (2026)"
    assert not entry.withdrawn


@pytest.mark.parametrize("kind", ["replace", "replace-cross"])
def test_the_date_of_a_replacement_is_that_of_its_version(kind: str) -> None:
    (entry,) = listing(item(kind, version=3)).entries
    assert (entry.announce_type, entry.version) == (kind, 3)
    assert entry.published_at is None
    assert entry.updated_at == datetime(2026, 4, 27, 4, tzinfo=UTC)


def test_the_date_of_a_cross_list_is_not_the_date_of_the_paper() -> None:
    (entry,) = listing(item("cross")).entries
    assert entry.published_at is None
    assert entry.updated_at is None
    assert entry.listed_on == date(2026, 4, 27)


def test_the_listing_as_atom_gives_the_same_entry() -> None:
    atom = """<feed xmlns:arxiv="http://arxiv.org/schemas/atom"
        xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns="http://www.w3.org/2005/Atom">
      <id>http://rss.arxiv.org/atom/cs.CV</id>
      <title>cs.CV updates on arXiv.org</title>
      <updated>2026-04-27T04:00:00+00:00</updated>
      <entry>
        <id>oai:arXiv.org:2604.00001v1</id>
        <title>Learning to Purr</title>
        <updated>2026-11-24T02:14:56.980537+00:00</updated>
        <link href="https://arxiv.org/abs/2604.00001" rel="alternate" type="text/html"/>
        <summary>arXiv:2604.00001v1 Announce Type: new
Abstract: We show that $\\alpha &lt; 1$
holds for K\\"ahler cats.</summary>
        <category term="cs.CV"/><category term="cs.LG"/>
        <published>2026-04-27T00:00:00-04:00</published>
        <arxiv:announce_type>new</arxiv:announce_type>
        <dc:creator>Ann One (Somewhere, Town (North)), Bo Tw\\"o</dc:creator>
        <arxiv:DOI>10.1000/ABC</arxiv:DOI>
        <arxiv:journal_reference>Journal of Cats 11 (2026)</arxiv:journal_reference>
      </entry></feed>"""
    document = parse_document(atom.encode())
    assert document.kind == "arxiv-rss"
    assert document.entries == listing(item()).entries


def test_a_copy_without_namespaces_and_with_other_capitals_is_read() -> None:
    stripped = """<?xml version="1.0" ?><rss><channel><title>arxiv-rss</title><link></link>
      <pubDate>Tue, 24 Dec 2024 02:43:37 </pubDate>
      <item><title>Purr</title><guid>oai:arXiv.org:2412.00001v2</guid>
      <description>An abstract.</description><pubdate>Mon, 23 Dec 2024 00:00:00 -0500</pubdate>
      <category>cs.LG</category><announce_type>replace-cross</announce_type>
      <creator>Ann One, Bo Two</creator></item></channel></rss>"""
    document = parse_document(stripped.encode())
    (entry,) = document.entries
    assert document.kind == "arxiv-rss"
    assert (entry.arxiv_id, entry.version) == ("2412.00001", 2)
    assert (entry.announce_type, entry.abstract) == ("replace-cross", "An abstract.")
    assert entry.authors == ("Ann One", "Bo Two")
    assert entry.listed_on == date(2024, 12, 23)


def test_a_copy_without_namespace_declarations_is_read() -> None:
    text = RSS.format(items=item()).replace("xmlns:dc=", "about=")
    assert parse_document(text.encode()).entries[0].authors == ("Ann One", "Bo Twö")


def test_a_weekend_is_a_valid_document_without_entries() -> None:
    document = listing()
    assert (document.kind, document.entries, document.refused) == ("arxiv-rss", (), ())


def test_an_empty_document_is_read_if_its_kind_is_given() -> None:
    empty = b"<rss><channel><title>arxiv-rss</title><link></link></channel></rss>"
    assert parse_document(empty, "arxiv-rss").kind == "arxiv-rss"


def test_an_error_feed_of_arxiv_raises_its_message() -> None:
    text = RSS.format(items="").replace("cs.CV updates on arXiv.org", "Feed error for query: x")
    text = text.replace("cs.CV updates on the arXiv.org e-print archive.", "Invalid archive 'x'.")
    with pytest.raises(DocumentError, match=r"^Feed error for query: x: Invalid archive 'x'\.$"):
        parse_document(text.encode())


def test_a_bad_entry_is_refused_and_the_others_are_kept() -> None:
    nameless = item().replace("Learning to Purr", " ")
    endless = item(identity="2604.00003").replace("Purr", "x" * 1000)
    foreign = item().replace("2604.00001", "nothing")
    document = listing(item(), nameless, endless, foreign, item(identity="2604.00009"))
    assert [entry.arxiv_id for entry in document.entries] == ["2604.00001", "2604.00009"]
    assert [(refusal.where, refusal.reason) for refusal in document.refused] == [
        ("entry 2 (2604.00001)", "no title"),
        ("entry 3 (2604.00003)", "title of 1012 characters, more than 1000"),
        ("entry 4", "no arXiv id"),
    ]


@pytest.mark.parametrize("stray", ["\x0b", "&#11;", "&#xD800;", "&#55296;", "&nbsp;", "& "])
def test_a_stray_character_does_not_lose_the_document(stray: str) -> None:
    document = listing(item().replace("cats", f"cats{stray}"), item(identity="2604.00002"))
    assert [entry.arxiv_id for entry in document.entries] == ["2604.00001", "2604.00002"]
    assert document.refused == ()


def test_binary_data_gives_a_document_or_a_one_line_error() -> None:
    for stray in (b"\xed\xa0\x80", b"\xff", b"\xc3", b"\xf5\x80\x80\x80"):
        data = RSS.format(items=item()).encode().replace(b"cats", b"cats" + stray)
        try:
            assert len(parse_document(data).entries) <= 1
        except DocumentError as error:
            reason = str(error)
            assert reason.startswith("broken XML")


def test_a_truncated_document_keeps_its_complete_entries() -> None:
    whole = RSS.format(items=item() + item(identity="2604.00002"))
    document = parse_document(whole[: whole.rindex("holds for")].encode())
    assert [entry.arxiv_id for entry in document.entries] == ["2604.00001"]
    assert document.refused[0].where == "entry 2"
    assert document.refused[0].reason.startswith("the document breaks off: Premature end of data")


def test_a_document_truncated_before_its_first_entry_is_refused() -> None:
    whole = RSS.format(items=item())
    with pytest.raises(DocumentError, match=r"^broken XML without an entry: .* line 7, column 65$"):
        parse_document(whole[: whole.index("</description>")].encode())


def test_an_abstract_that_says_withdrawn_marks_the_paper_as_withdrawn() -> None:
    text = item("replace", 2).replace("We show that", "This paper has been withdrawn. Before,")
    assert listing(text).entries[0].withdrawn


ANSWER = """<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"
    xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">
  <id>https://arxiv.org/api/qFNnN3Zc8bA02</id>
  <title>arXiv Query: id_list=cs/0001001</title>
  <updated>2026-04-12T22:09:36Z</updated>
  {entries}
</feed>"""

ANSWERED = """<entry>
  <id>http://arxiv.org/abs/cs/0001001v2</id>
  <title>On the Size
  of Cats</title>
  <updated>2001-04-02T12:38:54Z</updated>
  <published>2000-01-08T18:48:36Z</published>
  <link href="https://arxiv.org/abs/cs/0001001v2" rel="alternate" type="text/html"/>
  <summary>  Cats are
small.
  Some are not.
</summary>
  <category term="cs.LG" scheme="http://arxiv.org/schemas/atom"/>
  <category term="cs.AI" scheme="http://arxiv.org/schemas/atom"/>
  <arxiv:comment>5 pages. This submission has been withdrawn by the author</arxiv:comment>
  <arxiv:primary_category term="cs.AI"/>
  <arxiv:journal_ref>J. Cats 5,
    115 (2001)</arxiv:journal_ref>
  <arxiv:doi>10.1103/PhysRevB.85.115117</arxiv:doi>
  <author><name>Ann One</name><arxiv:affiliation>Somewhere</arxiv:affiliation></author>
  <author><name>Bo Two</name></author>
</entry>"""


def test_an_answer_of_the_query_api_has_all_its_fields() -> None:
    document = parse_document(ANSWER.format(entries=ANSWERED).encode())
    (entry,) = document.entries
    assert document.kind == "arxiv-api"
    assert document.published_at == datetime(2026, 4, 12, 22, 9, 36, tzinfo=UTC)
    assert (entry.title, entry.abstract) == ("On the Size of Cats", "Cats are small. Some are not.")
    assert (entry.arxiv_id, entry.version) == ("cs/0001001", 2)
    assert entry.categories == ("cs.AI", "cs.LG")
    assert entry.authors == ("Ann One", "Bo Two")
    assert entry.published_at == datetime(2000, 1, 8, 18, 48, 36, tzinfo=UTC)
    assert entry.updated_at == datetime(2001, 4, 2, 12, 38, 54, tzinfo=UTC)
    assert (entry.doi, entry.journal_ref) == ("10.1103/physrevb.85.115117", "J. Cats 5, 115 (2001)")
    assert entry.withdrawn


def test_an_answer_without_papers_is_valid() -> None:
    assert parse_document(ANSWER.format(entries="").encode()).entries == ()


def test_an_error_of_the_query_api_raises_its_message() -> None:
    error = """<entry><id>https://arxiv.org/api/errors#incorrect_id_format_for_abc</id>
      <title>Error</title><summary>incorrect id format for abc</summary></entry>"""
    text = ANSWER.format(entries=error).replace("api/qFNnN3Zc8bA02", "")
    with pytest.raises(
        DocumentError, match=r"^arXiv answered with an error: incorrect id format for abc$"
    ):
        parse_document(text.encode())
