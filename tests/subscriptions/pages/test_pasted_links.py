"""A link to a paper on arXiv, as people paste it, names the paper wherever one may be named."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from papers.models import Paper, Submission
from papers.searching import indexing
from subscriptions import tokens
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakePaper = Callable[..., Paper]
MakeReader = Callable[..., Subscriber]

ID = "2604.23536"
LINKS = (
    f"arxiv.org/abs/{ID}",
    f"www.arxiv.org/pdf/{ID}v1",
    f"https://www.alphaxiv.org/overview/{ID}",
    f"https://arxiv.org/abs/arXiv:{ID}",
    f"hf.co/papers/{ID}",
    f"https://api.semanticscholar.org/arXiv:{ID}",
    f"ar5iv.org/abs/{ID}.",
    f"(https://arxiv.org/html/{ID}v2),",
    f"arXiv: {ID}",
)


@pytest.fixture
def paper(make_paper: MakePaper, now: datetime) -> Paper:
    made = make_paper("Threads that carry sound", arxiv_id=ID, day=now.date())
    make_paper("Robots walk", day=now.date())
    indexing.index_changed(now)
    return made


def page_of(client: Client, name: str, reader: Subscriber) -> Page:
    return Page.open(
        client, reverse(name, args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    )


@pytest.mark.parametrize("link", LINKS)
def test_search_finds_the_paper(client: Client, paper: Paper, link: str) -> None:
    page = client.get("/search/", {"q": link}, follow=True)
    assert paper.title in page.text
    assert "Robots walk" not in page.text


@pytest.mark.parametrize("link", LINKS)
def test_the_preview_takes_it_as_an_example(client: Client, paper: Paper, link: str) -> None:
    page = client.get(reverse("preview"), {"interests": f"sound {link}"})
    assert page.status_code == 200
    assert page.context["not_ids"] == []
    assert "have these papers yet" not in page.text


@pytest.mark.parametrize("link", LINKS)
def test_the_preferences_take_it_among_papers_you_like(
    client: Client, make_reader: MakeReader, link: str
) -> None:
    reader = make_reader(topic={"text": "sound"})
    page_of(client, "preferences", reader).submit("Save", examples=link)
    assert reader.first_topic.examples == [ID]


@pytest.mark.parametrize("link", LINKS)
def test_a_reader_proposes_it(client: Client, make_reader: MakeReader, link: str) -> None:
    page_of(client, "propose", make_reader()).submit("Propose it", paper=link)
    assert Submission.objects.get().arxiv_id == ID


@pytest.mark.parametrize("link", LINKS)
def test_it_is_read_in_an_uploaded_library(
    client: Client, make_reader: MakeReader, paper: Paper, link: str
) -> None:
    reader = make_reader()
    file = io.BytesIO(f"@misc{{a, title={{Another spelling}}, url={{{link}}}}}".encode())
    file.name = "library.bib"
    page = page_of(client, "profile", reader).submit("Upload", file=file)
    assert "We have 1 of 1 papers" in page.text
    assert reader.first_topic.examples == [ID]
