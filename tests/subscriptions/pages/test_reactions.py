"""Reactions of readers with several topics."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from papers.searching import indexing
from subscriptions import tokens
from subscriptions.models import Reaction, Subscriber, Topic
from subscriptions.profiles.topics import add_topic
from subscriptions.tokens import Purpose
from tests.conftest import NOW
from tests.pages import Page, forge
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def reader(make_reader: MakeReader, edition: list[Paper]) -> Subscriber:
    made = make_reader(topic={"name": "Video", "text": "video generation"})
    add_topic(made, {"name": "Agents", "text": "reasoning agents"})
    return made


@pytest.fixture
def paper(edition: list[Paper]) -> Paper:
    """Return a paper on agents."""
    return edition[1]


def react_page(client: Client, reader: Subscriber, paper: Paper, kind: str = "more") -> Page:
    token = tokens.make_token(Purpose.REACT, reader.pk)
    return Page.open(client, reverse("react", args=[kind, paper.pk, token]))


def topic_of(reader: Subscriber, name: str) -> Topic:
    return reader.topics.get(name=name)


def reaction() -> tuple[str, str]:
    """Return the kind and the topic of the only reaction."""
    row = Reaction.objects.select_related("topic").get()
    return row.kind, row.topic.name if row.topic else ""


@pytest.mark.parametrize("kind", Reaction.Kind.values)
def test_the_page_names_the_topic_that_the_reaction_acts_on(
    client: Client, reader: Subscriber, paper: Paper, kind: str
) -> None:
    page = react_page(client, reader, paper, kind)
    assert f"{kind.title()} like this, for “Agents”?" in page.text
    page = page.submit(f"Show me {kind} like this")
    assert "Got it" in page.text
    assert "in “Agents”" in page.text
    assert reaction() == (kind, "Agents")


def test_the_reader_chooses_another_topic(client: Client, reader: Subscriber, paper: Paper) -> None:
    page = react_page(client, reader, paper)
    video = str(topic_of(reader, "Video").pk)
    page = page.submit("Show me more like this", topic=video)
    assert "in “Video”" in page.text
    assert reaction() == ("more", "Video")
    page = page.submit("Change the topic", topic=str(topic_of(reader, "Agents").pk))
    assert reaction() == ("more", "Agents")
    assert page.fields("Change the topic")["topic"] == str(topic_of(reader, "Agents").pk)
    assert "in “Agents”" in react_page(client, reader, paper).text


def test_an_undo_restores_what_was_before(client: Client, reader: Subscriber, paper: Paper) -> None:
    page = react_page(client, reader, paper, "less").submit("Show me less like this")
    video = str(topic_of(reader, "Video").pk)
    page = react_page(client, reader, paper).submit("Show me more like this", topic=video)
    assert reaction() == ("more", "Video")
    page = page.submit("Undo")
    assert "Your earlier reaction to this paper counts again." in page.text
    assert reaction() == ("less", "Agents")
    page = react_page(client, reader, paper, "less").submit("Change the topic", topic=video)
    page = page.submit("Undo")
    assert reaction() == ("less", "Agents")
    page = react_page(client, reader, paper, "less").submit("Undo")
    assert "as if you had never reacted" in page.text
    assert not Reaction.objects.exists()


def test_saving_twice_keeps_the_reaction_until_it_is_undone(
    client: Client, reader: Subscriber, paper: Paper
) -> None:
    asked = react_page(client, reader, paper)
    asked.submit("Show me more like this")
    asked.submit("Show me more like this").submit("Undo")
    assert not Reaction.objects.exists()


def test_a_foreign_or_deleted_topic_is_replaced_by_the_one_that_fits(
    client: Client, reader: Subscriber, paper: Paper, make_reader: MakeReader
) -> None:
    foreign = make_reader("other@example.org").first_topic
    page = react_page(client, reader, paper)
    for name in (str(foreign.pk), "0", "x", "9" * 30, ""):
        forge(client, page.url, {"topic": name})
        assert reaction() == ("more", "Agents")
    forge(client, page.url, {"undo": "1", "replaced": f"less.{foreign.pk}"})
    assert reaction() == ("less", "")
    page = react_page(client, reader, paper, "less")
    forge(client, page.url, {"undo": "1", "replaced": "none.1"})
    assert not Reaction.objects.exists()


def test_a_search_does_not_learn_and_the_page_says_so(
    client: Client, reader: Subscriber, paper: Paper
) -> None:
    indexing.index_changed(NOW)
    Topic.objects.filter(name="Agents").update(query="title:agents")
    page = react_page(client, reader, paper)
    agents = str(topic_of(reader, "Agents").pk)
    page = page.submit("Show me more like this", topic=agents)
    assert "“Agents” is a search: reactions don't change which papers it brings." in page.text
    assert "count more" not in page.text


def test_with_one_topic_the_page_names_none(
    client: Client, reader: Subscriber, paper: Paper
) -> None:
    topic_of(reader, "Agents").delete()
    page = react_page(client, reader, paper)
    assert "More like this?" in page.text
    assert "topic" not in page.fields("Show me more like this")
    page = page.submit("Show me more like this")
    assert "Video" not in page.tree.xpath("string(//main//p[@role='status'])")
    assert reaction() == ("more", "Video")


def test_the_page_of_a_paper_lets_the_reader_choose_the_topic(
    client: Client, reader: Subscriber, paper: Paper
) -> None:
    sign_in(client, reader)
    page = Page.open(client, paper.get_absolute_url())
    assert page.submit("Less like this").status == 200
    assert reaction() == ("less", "Agents")
    answer = page.submit("More like this", topic=str(topic_of(reader, "Video").pk))
    assert "in “Video”" in answer.text
    assert reaction() == ("more", "Video")
    topic_of(reader, "Agents").delete()
    page = Page.open(client, paper.get_absolute_url())
    assert "topic" not in page.fields("More like this")
    page.submit("Less like this")
    assert reaction() == ("less", "Video")
