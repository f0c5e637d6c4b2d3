from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.conf import settings

from papers.fetching import host_throttle, network
from papers.fetching.results import FetchResult
from papers.models import Paper
from subscriptions.models import Subscriber, Topic
from subscriptions.profiles import library_import
from subscriptions.profiles.load import profile_from_topic
from subscriptions.profiles.references import MAX_EXAMPLES, ParsedLibrary, Reference, parse_library
from tests.papers.servers import Server

MakePaper = Callable[..., Paper]
MakeReader = Callable[..., Subscriber]
FEED = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">
<title>Jane Doe's articles on arXiv</title><id>http://arxiv.org/a/doe_j_1</id>
<updated>2026-04-30T00:00:00-04:00</updated>
{}</feed>"""
ENTRY = """<entry><id>http://arxiv.org/abs/{0}v1</id><title>{1}</title>
<updated>2026-04-01T00:00:00-04:00</updated><published>2026-04-01T00:00:00-04:00</published>
<summary>What it says.</summary><author><name>Jane Doe</name></author>
<link href="http://arxiv.org/abs/{0}v1" rel="alternate" type="text/html"/>
<arxiv:primary_category term="cs.CL"/><category term="cs.CL"/></entry>"""


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("https://arxiv.org/a/doe_j_1", "doe_j_1"),
        ("http://www.arxiv.org/a/Doe_J_1.atom2", "doe_j_1"),
        (" doe_j_1 ", "doe_j_1"),
        ("o'neil-smith_j_12", "o'neil-smith_j_12"),
        ("0000-0002-1825-0097", "0000-0002-1825-0097"),
        ("https://orcid.org/0000-0002-1694-233x", "0000-0002-1694-233X"),
        ("https://arxiv.org/a/0000-0002-1825-0097", "0000-0002-1825-0097"),
        ("0000-0002-1825-0098", ""),  # its check digit is wrong
        ("https://example.org/a/doe_j_1", ""),
        ("https://arxiv.org/a/../../etc/passwd", ""),
        ("doe_j_1/../x", ""),
        ("doe_j_1\n", "doe_j_1"),
        ("doe_j_1?x=1", ""),
        ("Jane Doe", ""),
        ("", ""),
    ],
)
def test_only_author_pages_and_orcids_are_taken(typed: str, name: str) -> None:
    assert library_import.parse_author_id(typed) == name


def test_brought_papers_are_found_by_id_doi_or_title(
    make_paper: MakePaper, make_reader: MakeReader
) -> None:
    reader = make_reader()
    one = make_paper("One paper")
    two = make_paper("Two papers", doi="10.1000/two")
    three = make_paper("Three: papers!", title_key="threepapers|doe jane")
    brought = [
        Reference("Another spelling", one.arxiv_id or ""),
        Reference("", doi="10.1000/two"),
        Reference("Three papers"),
        Reference("Not among ours", "2001.00001"),
        Reference("Nor this"),
    ]
    added = library_import.add_examples(reader.first_topic.pk, brought)
    assert added.in_words() == ("We have 3 of 5 papers, 2 are matched by title only")
    kept = Topic.objects.get()
    assert kept.examples == [one.arxiv_id, two.arxiv_id, three.arxiv_id]
    assert [ref["title"] for ref in kept.references] == ["Not among ours", "Nor this"]


def test_a_title_that_two_papers_share_says_nothing(
    make_paper: MakePaper, make_reader: MakeReader
) -> None:
    make_paper("Same", title_key="same|doe")
    make_paper("Same", title_key="same|roe")
    assert library_import.add_examples(make_reader().first_topic.pk, [Reference("Same")]).found == 0


def test_bringing_twice_changes_nothing(make_paper: MakePaper, make_reader: MakeReader) -> None:
    reader, paper = make_reader(), make_paper()
    brought = [Reference("x", paper.arxiv_id or ""), Reference("Elsewhere")]
    library_import.add_examples(reader.first_topic.pk, brought)
    first = Topic.objects.values().get()
    library_import.add_examples(reader.first_topic.pk, brought)
    assert Topic.objects.values().get() == first


def test_there_is_a_most_and_the_newest_win(make_reader: MakeReader) -> None:
    reader = make_reader()
    library_import.add_examples(
        reader.first_topic.pk, [Reference(f"Old {n}") for n in range(MAX_EXAMPLES)]
    )
    added = library_import.add_examples(reader.first_topic.pk, [Reference("New")])
    kept = Topic.objects.get().references
    assert (len(kept), kept[0]["title"], added.left_out) == (MAX_EXAMPLES, "New", 1)


def test_a_reference_counts_by_its_title_until_we_have_the_paper(
    make_paper: MakePaper, make_reader: MakeReader
) -> None:
    reader = make_reader()
    library_import.add_examples(reader.first_topic.pk, [Reference("A coming paper", "2604.99999")])
    topic = reader.first_topic
    [before] = profile_from_topic(topic).liked
    assert (before.title, before.abstract) == ("A coming paper", "")
    make_paper("A coming paper", arxiv_id="2604.99999")
    [after] = profile_from_topic(topic).liked
    assert after.abstract


def test_an_author_page_becomes_examples(make_paper: MakePaper, make_reader: MakeReader) -> None:
    reader, ours = make_reader(), make_paper("Ours")
    entries = ENTRY.format(ours.arxiv_id, "Ours") + ENTRY.format("2001.00001", "Older")
    library_import.take(reader.first_topic.pk, FetchResult("ok", FEED.format(entries).encode()))
    topic = Topic.objects.get()
    assert topic.examples == [ours.arxiv_id]
    assert [ref["title"] for ref in topic.references] == ["Older"]
    assert topic.author_page_status.startswith("We have 1 of 2 papers")


@pytest.mark.parametrize(
    ("fetched", "said"),
    [
        (FetchResult("http_error", status=404, detail="HTTP 404"), "has no author page"),
        (FetchResult("too_slow", detail="not complete after 30 seconds"), "couldn't reach arXiv."),
        (FetchResult("network_error", detail="host name not found"), "couldn't reach arXiv."),
        (FetchResult("http_error", status=503, detail="HTTP 503"), "couldn't reach arXiv."),
        (FetchResult("ok", b"<html><body>Sorry</body></html>"), "couldn't read arXiv's answer"),
        (FetchResult("ok", FEED.format("").encode()), "lists no papers"),
    ],
)
def test_whatever_comes_of_it_is_said(
    make_reader: MakeReader, fetched: FetchResult, said: str
) -> None:
    reader = make_reader()
    library_import.take(reader.first_topic.pk, fetched)
    topic = Topic.objects.get()
    assert said in topic.author_page_status
    assert topic.examples == []


def test_arxiv_is_not_asked_again_and_again(make_reader: MakeReader, now: datetime) -> None:
    reader = make_reader()
    assert library_import.request_author_page(reader.first_topic.pk, "doe_j_1", now)
    assert not library_import.request_author_page(
        reader.first_topic.pk, "roe_j_1", now + timedelta(minutes=9)
    )
    assert Topic.objects.get().author_page == "doe_j_1"
    assert library_import.request_author_page(
        reader.first_topic.pk, "roe_j_1", now + timedelta(minutes=11)
    )


def test_a_reader_who_is_gone_or_asked_for_nothing_makes_no_request(
    make_reader: MakeReader, now: datetime
) -> None:
    library_import.import_author(0, now)
    library_import.import_author(make_reader().first_topic.pk, now)
    assert Topic.objects.get().author_page_status == ""


@pytest.fixture
def arxiv(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Stands in for arXiv's author pages, at an address that counts as public."""
    with Server().running() as running:
        monkeypatch.setattr(library_import, "AUTHOR_FEED", running.url("/a/{}.atom2"))
        monkeypatch.setattr(network, "is_public", lambda ip: ip == "127.0.0.1")
        yield running


@pytest.mark.usefixtures("redis")
def test_author_pages_are_asked_for_by_name_and_in_turn(
    arxiv: Server, make_reader: MakeReader, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(host_throttle.SECONDS, "127.0.0.1", 0.5)
    arxiv.answer("/a/doe_j_1.atom2", body=FEED.format(ENTRY.format("2001.00001", "x")).encode())
    readers = [make_reader(f"{name}@example.org") for name in ("one", "two")]
    started = time.monotonic()
    for reader in readers:
        library_import.request_author_page(reader.first_topic.pk, "doe_j_1", now)
        library_import.import_author(reader.first_topic.pk, now)
    assert time.monotonic() - started >= 0.5, "the second waits for its turn"
    agents = [headers["User-Agent"] for _path, headers in arxiv.requests]
    assert agents == [settings.USER_AGENT] * 2
    said = Topic.objects.values_list("author_page_status", flat=True)
    assert all(one.startswith("We have 0 of 1 papers") for one in said)


@pytest.mark.usefixtures("redis")
def test_an_author_page_is_bounded_and_leads_into_no_house(
    arxiv: Server, make_reader: MakeReader, now: datetime
) -> None:
    reader = make_reader()
    library_import.request_author_page(reader.first_topic.pk, "doe_j_1", now)
    path = "/a/doe_j_1.atom2"
    arxiv.answer(path, body=gzip.compress(b" " * 30_000_000), Content_Encoding="gzip")
    library_import.import_author(reader.first_topic.pk, now)
    assert "couldn't reach arXiv" in Topic.objects.get().author_page_status
    arxiv.answer(path, 302, Location="http://169.254.169.254/latest/meta-data/")
    library_import.import_author(reader.first_topic.pk, now)
    kept = Topic.objects.get()
    assert "couldn't reach arXiv" in kept.author_page_status
    assert "169.254.169.254" not in kept.author_page_status
    assert kept.examples == kept.references == []


def test_the_report_of_a_long_file_says_how_many_were_taken() -> None:
    entries = "".join(f"@article{{k{n},\n title={{T{n}}},\n year=2020\n}}\n" for n in range(300))
    brought = parse_library(entries.encode(), "a.bib")
    assert ". We took the newest 200 and skipped 100 older ones." in _reported(brought)
    few = replace(brought, references=brought.references[:3], left_out=900)
    assert ". We took the newest 3 and skipped 900 older ones." in _reported(few)


def _reported(brought: ParsedLibrary) -> str:
    return library_import.describe_upload(library_import.Added(0, len(brought.references)), brought)
