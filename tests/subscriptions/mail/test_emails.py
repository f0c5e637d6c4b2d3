from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import pytest
from django.test import Client

from papers.models import Paper
from papers.vectors import stored_lexicon
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail
from subscriptions.models import Digest, Subscriber

pytestmark = pytest.mark.django_db
MakeReader = Callable[..., Subscriber]
LINK = re.compile(r"https?://[^\s\"'<>)]+")


def sent(digest: Digest) -> EmailMessage:
    """The digest's mail as it leaves, parsed again."""
    made = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    return BytesParser(policy=default).parsebytes(
        made.as_bytes("us@example.org", digest.created_at)
    )  # type: ignore[return-value]


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return text.get_content(), html.get_content()


@pytest.fixture
def digest(edition: list[Paper], make_reader: MakeReader, now: datetime) -> Digest:
    reader = make_reader(topic={"text": "language models", "categories": ["cs.CL"]})
    digests.build_due_digests([reader.pk], now)
    return reader.digests.select_related("subscriber").get()


@pytest.mark.promise(22)
def test_every_header_that_mailbox_providers_require_is_present(digest: Digest) -> None:
    message = sent(digest)
    assert message["Message-ID"] == f"<{digest.public_id}@localhost.localdomain>"
    assert message["Date"]
    assert message.get_all("To") == ["reader@example.org"]
    assert message["List-Id"] == "Paperboy digest <digest.localhost.localdomain>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    by_web, by_mail = message["List-Unsubscribe"].split(",")
    assert re.fullmatch(r"<http://127\.0\.0\.1:8000/unsubscribe/[^/]+/>", by_web.strip())
    assert by_mail.strip().startswith("<mailto:unsubscribe@")
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.promise(22)
def test_text_comes_first_with_the_same_links_as_the_html(digest: Digest) -> None:
    text, html = parts(sent(digest))
    assert set(LINK.findall(text)) == set(LINK.findall(html.replace("&amp;", "&")))


def test_every_paper_shows_title_authors_reason_extract_and_reactions(digest: Digest) -> None:
    for part in parts(sent(digest)):
        flat = " ".join(part.split())
        for item in digest.items:
            paper = Paper.objects.get(pk=item["paper"])
            assert paper.title in flat
            assert paper.abstract_url in flat
            assert f"/react/more/{paper.pk}/" in flat
            assert f"/react/less/{paper.pk}/" in flat
            assert f"/keep/{paper.pk}/" in flat
        assert "Ada Example" in flat
        assert "90 votes" in flat
        assert "/preferences/" in flat
        assert "/digest/" in flat


@pytest.mark.parametrize("period", Digest.Period)
def test_every_paper_says_its_day_its_field_and_where_it_is(digest: Digest, period: str) -> None:
    digest.period = period
    papers = Paper.objects.filter(pk__in=digest.paper_ids)
    papers.update(pdf_url="https://pdf.example.org/1", code_url="https://code.example.org/1")
    text, html = parts(sent(digest))
    number = len(digest.items)
    for part in (text, html):
        assert part.count(f"{papers[0].day:%-d %b %Y} · ") == number
    for name in ("arXiv", "PDF", "Code"):
        assert len(re.findall(rf"<a href=[^>]*>{name}</a>", html)) == number
    assert text.count("PDF: https://pdf.example.org/1") == number
    assert set(LINK.findall(text)) == set(LINK.findall(html.replace("&amp;", "&")))
    assert len(re.findall(r"<h3[^>]*><a\s[^>]*text-decoration:underline", html)) == number


@pytest.mark.parametrize("period", Digest.Period)
def test_a_sources_own_summary_is_shown_and_named(digest: Digest, period: str) -> None:
    digest.period = period
    papers = Paper.objects.filter(pk__in=digest.paper_ids)
    papers.update(tldr="One model reads long texts in one pass.")
    for part in parts(sent(digest)):
        flat = " ".join(re.sub("<[^>]+>", "", part).split())
        told = "Summary (Hugging Face): One model reads long texts in one pass."
        assert flat.count(told) == len(digest.items)
        assert "Our method improves" not in flat


def test_the_preview_text_goes_on_after_the_subject(digest: Digest) -> None:
    found = cards.visible_cards(digest.paper_ids)
    first, second = (found[item["paper"]].paper.title for item in digest.items[:2])
    assert first in digest.subject
    text = digest_mail.preheader(digest.items, digest.subject, found)
    assert text.startswith(second[:60])
    assert first in digest_mail.preheader(digest.items, "The curator's subject", found)
    alone = digest.items[:1]
    assert digest_mail.preheader(alone, digest.subject, found) == alone[0]["reason"]


def test_lines_of_the_text_part_are_short_and_its_foot_names_the_site_once(
    digest: Digest,
) -> None:
    reason = "Similar in meaning to your “Image and video generation with diffusion models of all”"
    digest.items[0]["reason"] = reason
    digest.items[0]["fit"] = "strong"
    text = parts(sent(digest))[0].replace("\r\n", "\n")
    assert "Strong fit: Similar in meaning" in text
    assert reason in " ".join(text.split())
    long = [line for line in text.splitlines() if len(line) > 72 and "http" not in line]
    assert long == []
    assert text.endswith("/\n\nPaperboy\nhttp://127.0.0.1:8000/\n")


def test_no_link_holds_the_readers_address(digest: Digest) -> None:
    message = sent(digest)
    links = [*LINK.findall(parts(message)[1]), message["List-Unsubscribe"]]
    assert not [link for link in links if "reader" in link or "example.org" in link]


@pytest.mark.promise(21)
def test_hostile_titles_are_right_in_html_and_text_and_never_in_a_header(
    make_paper: Callable[..., Paper], make_reader: MakeReader, now: datetime
) -> None:
    title = 'A <script>alert(1)</script> & "quotes" Bcc: x@y.z café 模型'
    make_paper(title, votes=3, score=1.0, code_url="https://code.example.org/x")
    reader = make_reader()
    digests.build_due_digests([reader.pk], now)
    digest = reader.digests.select_related("subscriber").get()
    digest.subject = "Two\r\nBcc: everyone@example.org"
    message = sent(digest)
    text, html = parts(message)
    assert title in " ".join(text.split())
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert message["Bcc"] is None
    assert message["Subject"] == "Two Bcc: everyone@example.org"


@pytest.mark.parametrize("frequency", ["daily", "weekly"])
@pytest.mark.promise(20)
def test_the_longest_digest_stays_below_the_clipping_limit(
    frequency: str, make_paper: Callable[..., Paper], make_reader: MakeReader, now: datetime
) -> None:
    for number in range(30):
        make_paper(
            f"{number} " + "Long title " * 30,
            authors=[f"Author Number {one}" for one in range(3303)],
            abstract="A sentence of some length that says what was found in the end. " * 40,
            votes=10,
            score=1.0,
            code_url="https://code.example.org/" + "x" * 100,
        )
    stored_lexicon.learn_lexicon(now)
    rhythm = {"frequency": frequency, "weekday": now.weekday()}
    reader = make_reader(max_papers=30, topic={"text": "long title"}, **rhythm)
    digests.build_due_digests([reader.pk], now)
    digest = reader.digests.select_related("subscriber").get()
    message = sent(digest)
    html = parts(message)[1]
    assert digest.is_round_up == (frequency == "weekly")
    assert html.count("/react/more/") >= 20
    assert len(html.encode()) <= 102_400


@pytest.mark.promise(20)
def test_omitted_papers_are_counted_and_linked(
    digest: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_mail, "MAX_HTML_BYTES", 8_000)
    for part in parts(sent(digest)):
        shown = sum(f"/react/more/{pk}/" in part for pk in digest.paper_ids)
        assert 1 <= shown < len(digest.paper_ids)
        assert re.search(rf"{len(digest.paper_ids) - shown} more papers? in your browser", part)
    assert len(parts(sent(digest))[1].encode()) <= 8_000


def test_a_test_mail_acts_for_no_reader(digest: Digest) -> None:
    made = digest_mail.test_message(
        digest, cards.visible_cards(digest.paper_ids), "curator@example.org"
    )
    assert made.to == "curator@example.org"
    assert made.subject.startswith("[Test] ")
    assert "/unsubscribe/0:" in made.headers["List-Unsubscribe"]
    assert "/react/more/" in str(made.html)
    assert str(digest.subscriber_id) not in re.findall(r"/react/more/\d+/(\d+):", str(made.html))


def test_what_a_curator_changes_shows_in_the_next_mail(digest: Digest) -> None:
    first, second = digest.paper_ids[:2]
    before = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    Paper.objects.filter(pk=first).update(note="Read this one.")
    Paper.objects.filter(pk=second).update(hidden=True)
    after = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    for old, new in ((before.text, after.text), (before.html, after.html)):
        assert "Read this one." not in str(old)
        assert "Read this one." in str(new)
        assert f"/react/more/{second}/" in str(old)
        assert f"/react/more/{second}/" not in str(new)


def test_cards_that_are_kept_cost_one_small_query(
    digest: Digest, django_assert_num_queries: Any
) -> None:
    cards.visible_cards(digest.paper_ids)
    with django_assert_num_queries(1) as queries:
        shown = cards.visible_cards(digest.paper_ids)
        digest_mail.digest_message(digest, shown)
    assert "abstract" not in queries[0]["sql"]


def test_the_page_is_the_mail(digest: Digest, client: Client) -> None:
    mail = digest_mail.digest_message(digest, cards.visible_cards(digest.paper_ids))
    view_url = re.search(r'"(http://[^"]*/digest/[^"]*)"', str(mail.html))
    assert view_url
    page = client.get(view_url[1].removeprefix("http://127.0.0.1:8000")).text
    card = re.compile(r"<h3.*?Less like this", re.S)
    signed = re.compile(r"\d+:[\w-]+:[\w-]+/")
    assert [signed.sub("", one) for one in card.findall(page)] == [
        signed.sub("", one) for one in card.findall(str(mail.html))
    ]
