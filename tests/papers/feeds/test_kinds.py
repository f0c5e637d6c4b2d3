import pytest

from papers.feeds import DocumentError, kinds, parse_document, recognise
from papers.feeds.sniffing import MAX_BYTES, MAX_TAGS

LISTING = (
    b"<rss><channel><link>http://rss.arxiv.org/rss/cs.AI</link><item><title>A</title>"
    b"<guid>oai:arXiv.org:2401.00001v1</guid></item></channel></rss>"
)
ANSWER = b"<feed><id>http://arxiv.org/api/x</id></feed>"
BLOG = b"<rss version='2.0'><channel><item><title>A</title></item></channel></rss>"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (LISTING, "arxiv-rss"),
        (b"<rss><channel><item><guid>oai:arXiv.org:1</guid></item></channel></rss>", "arxiv-rss"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?>\n<!-- <html> -->\n" + LISTING, "arxiv-rss"),
        (LISTING.decode().encode("utf-16"), "arxiv-rss"),
        (ANSWER, "arxiv-api"),
        (BLOG, "feed"),
        (b"<!DOCTYPE rss PUBLIC '-//N//DTD RSS 0.91//EN' 'http://x/y.dtd'>" + BLOG, "feed"),
        (b"<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/>", "feed"),
        (b"<atom:feed xmlns:atom='http://www.w3.org/2005/Atom'/>", "feed"),
        (b" []", "hf-daily"),
        (b'{"a": 1}', "hf-daily"),
        (b"1", "hf-daily"),
    ],
)
def test_a_document_is_recognised_by_its_content(data: bytes, kind: str) -> None:
    assert recognise(data).name == kind


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty document"),
        (b" \n\t ", "empty document"),
        (b"\xef\xbb\xbf", "empty document"),
        (b"\0" * 10, "empty document"),
        (b"<!DOCTYPE html>\n<HTML><body><item>", "an HTML page, not a feed"),
        (b"<html><body><rss>", "an HTML page, not a feed"),
        (b"<opml/>", "not a feed: the root element is <opml>"),
        (b"Not Found", "neither XML nor JSON: begins with 'Not Found'"),
        (b"<!-- never closed <rss>", "neither XML nor JSON: begins with '<!-- never closed <rss>'"),
        (BLOG[:40] + b"\0" + BLOG[40:], "NUL byte at offset 40"),
        (b"<rss>" + b"<a>" * MAX_TAGS, f"XML with {MAX_TAGS + 1} tags, more than {MAX_TAGS}"),
        (b"x" * (MAX_BYTES + 1), f"document of {MAX_BYTES + 1} bytes, more than {MAX_BYTES}"),
    ],
)
def test_unreadable_documents_raise_a_one_line_error(data: bytes, message: str) -> None:
    for kind in (None, *kinds.names()):
        with pytest.raises(DocumentError) as caught:
            parse_document(data, kind)
        assert str(caught.value) == message


BOMB = (
    b'<!DOCTYPE rss [<!ENTITY a "1234567890"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>'
)


@pytest.mark.parametrize(
    "prolog",
    [
        BOMB,
        BOMB.replace(b"!ENTITY", b"!entity"),
        b"<!-- > -->" + BOMB,
        b'<!DOCTYPE rss [<!ATTLIST x y CDATA "]>"> <!ENTITY a "b">]>',
        b'<!DOCTYPE rss [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        b'<!DOCTYPE rss [<!ENTITY % e SYSTEM "http://127.0.0.1:1/x.dtd"> %e;]>',
    ],
)
@pytest.mark.parametrize("body", [LISTING, BLOG, ANSWER])
def test_documents_that_declare_entities_are_refused(prolog: bytes, body: bytes) -> None:
    for data in (prolog + body, (prolog + body).decode().encode("utf-16")):
        with pytest.raises(DocumentError, match="declares its own entities"):
            parse_document(data)


def test_hidden_entity_declarations_are_not_expanded() -> None:
    hidden = BOMB.replace(b"[", b'[<!ATTLIST x y CDATA "]><rss><!--">', 1).replace(b"]>", b"--]>")
    body = LISTING.replace(b"<title>A", b"<title>A&d;")
    try:
        document = parse_document(hidden + body)
    except DocumentError:
        return
    assert all(len(entry.title) < 20 for entry in document.entries)


def test_a_post_about_entities_is_accepted() -> None:
    post = BLOG.replace(b"A</title>", b"<![CDATA[Why <!ENTITY is odd]]></title>")
    assert len(parse_document(post).entries) == 1


def test_an_arxiv_listing_is_recognised_when_a_feed_is_expected() -> None:
    document = parse_document(LISTING, "feed")
    assert (document.kind, document.entries[0].version) == ("arxiv-rss", 1)


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (LISTING, "arxiv-api", "a document of kind arxiv-rss, not arxiv-api"),
        (ANSWER, "arxiv-rss", "a document of kind arxiv-api, not arxiv-rss"),
        (BLOG, "hf-daily", "a document of kind feed, not hf-daily"),
        (b"[]", "feed", "a document of kind hf-daily, not feed"),
        (b"[]", "arxiv-rss", "a document of kind hf-daily, not arxiv-rss"),
    ],
)
def test_a_document_of_another_kind_raises_an_error(data: bytes, kind: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        parse_document(data, kind)
    assert str(caught.value) == message


def test_an_unknown_kind_raises_a_value_error() -> None:
    with pytest.raises(ValueError, match="unknown kind of document 'rss'"):
        parse_document(BLOG, "rss")
