"""Recommended sources: a table, a command, a page in the admin."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers import recommended, tasks
from papers.feeds import kinds
from papers.feeds.pasted import resolve_source_url
from papers.models import Source
from papers.recommended import RECOMMENDED, STARTERS
from tests.pages import Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sources that a worker was asked to read."""
    found: list[int] = []
    for name in ("delay", "delay_on_commit"):
        monkeypatch.setattr(tasks.fetch_source, name, found.append)
    return found


def run(*arguments: Any) -> str:
    out = StringIO()
    call_command("add_source", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_each_recommended_source_has_the_kind_of_its_url() -> None:
    """So that pasting it and ticking it give one source, of a kind that is read."""
    for one in RECOMMENDED:
        assert resolve_source_url(one.address) == one.address, one.name
        assert one.kind in kinds.names()
        assert one.papers_per_day > 0
    for key in ("name", "address", "label"):
        assert len({getattr(one, key) for one in RECOMMENDED}) == len(RECOMMENDED)
    assert {one.group for one in RECOMMENDED} >= {"arXiv", "bioRxiv", "medRxiv", "Journals"}


def test_the_command_adds_pasted_sources_and_fetches_them(fetched: list[int]) -> None:
    said = run("cs.CL", "https://huggingface.co/papers", "https://lab.example/feed.xml")
    urls = set(Source.objects.values_list("url", flat=True))
    assert urls == {
        "https://rss.arxiv.org/rss/cs.CL",
        "https://huggingface.co/api/daily_papers?limit=100",
        "https://lab.example/feed.xml",
    }
    assert said.count("added: ") == 3
    assert "added: Hugging Face Daily Papers" in said
    assert sorted(fetched) == sorted(Source.objects.values_list("pk", flat=True))
    assert "already added: arXiv cs.CL" in run("CS.cl")
    assert Source.objects.count() == 3


def test_a_bad_address_adds_nothing_and_every_bad_one_is_named(fetched: list[int]) -> None:
    with pytest.raises(CommandError) as refused:
        run("cs.CL", "cs.XY", "nonsense")
    assert "Nothing was added." in str(refused.value)
    assert "“cs.XY” isn't an arXiv category" in str(refused.value)
    assert "“nonsense” isn't a web address" in str(refused.value)
    assert (Source.objects.count(), fetched) == (0, [])


def test_recommended_sources_are_added_by_name_or_all_starters(fetched: list[int]) -> None:
    run("--recommended", "CS.ro", "biorxiv-ecology", "nature")
    assert set(Source.objects.values_list("name", flat=True)) == {
        "arXiv cs.RO", "bioRxiv: ecology", "Nature",
    }  # fmt: skip
    run("--recommended")
    assert Source.objects.count() == 3 + len(STARTERS)
    with pytest.raises(CommandError, match="Did you mean nature"):
        run("--recommended", "natur")
    with pytest.raises(CommandError, match="Give an address"):
        run()


def test_the_list_describes_each_source() -> None:
    Source.objects.create(url="https://rss.arxiv.org/rss/cs.AI+cs.CL")
    said = run("--list")
    for one in RECOMMENDED:
        assert f" {one.name} " in said
    line = next(line for line in said.splitlines() if " cs.CL " in line)
    assert "Computation and Language, about 180 papers per day (already added)" in line


def test_some_sources_are_preselected_in_an_empty_installation(
    admin_client: Client, fetched: list[int]
) -> None:
    page = Page.open(admin_client, reverse("admin:papers_source_recommended"))
    assert page.fields("Add sources")["names"] == list(STARTERS)
    after = page.submit("Add sources")
    assert "5 sources were added and will be checked within a minute." in after.text
    assert len(fetched) == Source.objects.count() == len(STARTERS)


def test_a_curator_selects_and_pastes_sources(admin_client: Client, fetched: list[int]) -> None:
    Source.objects.create(url="https://rss.arxiv.org/rss/cs.AI+cs.CL", name="Language")
    page = Page.open(admin_client, reverse("admin:papers_source_recommended"))
    assert "names" not in page.fields("Add sources"), "nothing is ticked once there is a source"
    assert "Included in Language" in page.text
    assert "Hugging Face Daily Papers AI papers that people vote for and discuss 40" in page.text
    typed = "stat.ME stat.AP\n\nhttps://www.nature.com/nmeth/\nhttps://lab.example/feed\n"
    after = page.submit("Add sources", names=["hf-daily", "nmeth"], addresses=typed)
    assert "4 sources were added" in after.text
    assert Source.objects.filter(url="https://rss.arxiv.org/rss/stat.ME+stat.AP").exists()
    assert Source.objects.get(name="Nature Methods").kind == "feed"


def test_bad_lines_are_named_and_the_input_is_kept(
    admin_client: Client, fetched: list[int]
) -> None:
    page = Page.open(admin_client, reverse("admin:papers_source_recommended"))
    typed = "https://lab.example/feed\ncs.XY\nftp://x.example/y"
    after = page.submit("Add sources", names=["cs.RO"], addresses=typed)
    assert "Nothing was added." in after.text
    assert "cs.XY: “cs.XY” isn't an arXiv category." in after.text
    assert "ftp://x.example/y: " in after.text
    assert after.fields("Add sources") | {"csrfmiddlewaretoken": ""} == {
        "csrfmiddlewaretoken": "", "names": "cs.RO", "addresses": typed,
    }  # fmt: skip
    nothing = page.submit("Add sources", names=[], addresses="")
    assert "Select a source or enter an address." in nothing.text
    assert (Source.objects.count(), fetched) == (0, [])


def test_the_page_requires_permission_to_add_sources(client: Client, admin_client: Client) -> None:
    page = reverse("admin:papers_source_recommended")
    assert client.get(page).status_code == 302
    listed = Page.open(admin_client, reverse("admin:papers_source_changelist"))
    assert page in listed.html


def test_a_source_with_a_changed_address_is_checked_at_once_like_a_new_one(
    admin_client: Client, fetched: list[int], now: Any
) -> None:
    later = now.replace(year=2100)
    source = Source.objects.create(
        url="https://a.example/rss", etag="x", failures=9, parked_at=now, next_check_at=later
    )
    page = Page.open(admin_client, reverse("admin:papers_source_change", args=[source.pk]))
    page.submit("Save", url="https://b.example/rss")
    source.refresh_from_db()
    assert (source.etag, source.failures, source.parked_at) == ("", 0, None)
    assert fetched == [source.pk]
    page.submit("Save", name="B", url="https://b.example/rss")
    assert fetched == [source.pk]


def test_a_reader_of_an_address_is_the_source_that_asks_for_all_of_it() -> None:
    both = Source(url="https://rss.arxiv.org/rss/cs.AI+cs.CL")
    assert recommended.source_reading("https://rss.arxiv.org/rss/cs.CL", [both]) == both
    assert recommended.source_reading("https://rss.arxiv.org/rss/cs.CL+cs.CV", [both]) is None
    assert recommended.source_reading("https://rss.arxiv.org/rss/cs", [both]) is None


def test_the_list_of_sources_shows_the_state_of_each(admin_client: Client) -> None:
    """Also for one that was checked without trouble, and for one that was given up."""
    now = timezone.now()
    address = "https://example.org/{}.rss"
    Source.objects.create(url=address.format("fine"), checked_at=now, outcome="ok")
    Source.objects.create(
        url=address.format("gone"), checked_at=now, outcome="gone", parked_at=now, failures=10
    )
    text = Page.open(admin_client, reverse("admin:papers_source_changelist")).text
    assert "ok." in text
    assert "gone. Not checked since" in text
