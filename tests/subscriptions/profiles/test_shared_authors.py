"""Papers by the people who wrote the reader's papers: only for readers who ask for them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page

MakePaper = Callable[..., Paper]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def far(edition: list[Paper], make_paper: MakePaper) -> Paper:
    """A paper on another subject by an author of one the reader likes."""
    Paper.objects.filter(pk=edition[0].pk).update(authors=["Li Wei"])
    return make_paper("Tides of the northern sea", abstract="Salt.", authors=["Wei, Li"])


def reasons(reader: Subscriber, now: object) -> dict[int, str]:
    items = digests.preview_digest(reader, now).items  # type: ignore[arg-type]
    return {item["paper"]: item["reason"] for item in items}


def test_it_is_off_until_the_reader_ticks_it(
    client: Client, make_reader: MakeReader, edition: list[Paper], far: Paper, now: object
) -> None:
    reader = make_reader(topic={"examples": [edition[0].arxiv_id]})
    assert "Li" not in reasons(reader, now).get(far.pk, "")
    url = reverse("preferences", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    page = Page.open(client, url)
    assert "Also papers by authors of papers you like" in page.text
    assert "Saved." in page.submit("Save", shared_authors=True).text
    reader.refresh_from_db()
    assert reader.shared_authors
    said = reasons(reader, now)[far.pk]
    assert said == "By Wei, Li, also an author of “Long context language models”"


def test_it_never_brings_what_the_reader_excluded(
    make_reader: MakeReader, edition: list[Paper], far: Paper, now: object
) -> None:
    topic, rules = {"examples": [edition[0].arxiv_id]}, {"muted_authors": ["Li Wei"]}
    assert far.pk not in reasons(make_reader(topic=topic, shared_authors=True, **rules), now)


@pytest.mark.slow
def test_the_evaluation_reports_it_apart(tmp_path: Path) -> None:
    rows = [
        {
            "arxiv_id": f"2604.{number}",
            "title": title,
            "abstract": title,
            "categories": ["cs.CL"],
            "authors": [author],
            "listed": "2026-04-30",
        }
        for number, (title, author) in enumerate(
            [("Tides", "Li Wei"), ("Agents", "Ada Example"), ("Salt", "Li Wei"), ("Video", "Bo")]
        )
    ]
    profile = {"papers": ["2604.0"]}
    case = {"reader": "1", "profile": profile, "pool": "all", "relevant": ["2604.2"]}
    papers, cases = tmp_path / "papers.jsonl", tmp_path / "cases.jsonl"
    papers.write_text("\n".join(map(json.dumps, rows)))
    cases.write_text(json.dumps(case))
    printed = io.StringIO()
    options = ["--papers", str(papers), "--cases", str(cases), "--json"]
    call_command("evaluate", "matching", *options, "--shared-authors", stdout=printed)
    report = json.loads(printed.getvalue())
    assert report["paperboy with shared authors"]["mrr"] == 1.0
    assert report["paperboy"]["mrr"] < 1.0, "the main figures know no names"
    call_command("evaluate", "matching", *options, "--variety", stdout=(more := io.StringIO()))
    variety = json.loads(more.getvalue())["variety"]
    assert variety["thinned"]["closest pair"] <= variety["ranked"]["closest pair"]
    call_command("evaluate", "matching", *options, stdout=(plain := io.StringIO()))
    assert "paperboy with shared authors" not in json.loads(plain.getvalue())
