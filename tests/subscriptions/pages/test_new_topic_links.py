"""Links to a new topic from a paper, an author and a subject."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from papers.models import Paper
from papers.searching import indexing
from subscriptions.models import Subscriber
from tests.conftest import NOW
from tests.pages import Page
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def paper(edition: list[Paper]) -> Paper:
    Paper.objects.filter(pk=edition[0].pk).update(authors=["Ada Lovelace", "Bo Müller"])
    edition[0].refresh_from_db()
    indexing.index_changed(NOW)
    return edition[0]


@pytest.fixture
def browser(client: Client, make_reader: MakeReader, paper: Paper) -> Client:
    """Sign in a reader."""
    sign_in(client, make_reader())
    return client


def target(page: Page, label: str) -> str:
    """Return the target of the link to a new topic with this label."""
    links = page.tree.xpath("//a[starts-with(@href, $new)]", new=reverse("topic-new"))
    [found] = [link.get("href") for link in links if link.text_content() == label]
    return str(found)


def search(client: Client, typed: str) -> Page:
    return Page.open(client, f"{reverse('search')}?{urlencode({'q': typed})}")


@pytest.mark.parametrize(
    ("label", "field", "value"),
    [
        ("New topic from this paper", "examples", "2604.10000"),
        ("Bo Müller", "authors", "Bo Müller"),
        ("cs.CL", "categories", "cs.CL"),
    ],
)
def test_a_paper_leads_to_a_new_topic(
    browser: Client, paper: Paper, label: str, field: str, value: str
) -> None:
    page = Page.open(browser, target(Page.open(browser, paper.get_absolute_url()), label))
    [entry] = page.tree.xpath("//form//*[@name=$name]", name=field)
    assert entry.text_content().strip() == value or entry.get("value") == value


def test_searches_for_an_author_or_a_subject_lead_to_a_new_topic(browser: Client) -> None:
    for typed, label, name in (
        ('author:"Muller, Bo"', "Follow this author", "Bo Müller"),
        ("cat:cs.CL", "Follow this subject", "cs.CL"),
    ):
        link = target(search(browser, typed), label)
        assert name in Page.open(browser, link).html
    for typed in ("author:lovelace", "cat:cs.CL context", "context"):
        page = search(browser, typed)
        assert "Save this search" in page.text
        assert "Follow this" not in page.text


def test_visitors_see_no_links_to_a_new_topic(client: Client, paper: Paper) -> None:
    for page in (Page.open(client, paper.get_absolute_url()), search(client, "cat:cs.CL")):
        assert reverse("topic-new") not in page.html
