"""The profile pages of readers with several topics."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions.models import Reaction, Subscriber, Subscription, Topic
from subscriptions.profiles.topics import add_topic
from tests.pages import Page, forge
from tests.signing_in import sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture
def reader(make_reader: MakeReader, edition: list[Paper], client: Client) -> Subscriber:
    """Sign in a reader with two topics and one reaction for each."""
    made = make_reader(topic={"name": "Video", "text": "video generation", "words": ["diffusion"]})
    agents = {"name": "Agents", "text": "reasoning agents", "words": ["tools"]}
    add_topic(made, agents | {"ignored_words": ["novel"]})
    for topic, paper in zip(made.topics.all(), (edition[0], edition[1]), strict=True):
        Reaction.objects.create(
            subscriber=made,
            topic=topic,
            paper=paper,
            kind=Reaction.Kind.MORE,
            created_at=datetime(2026, 4, 30, tzinfo=UTC),
        )
    sign_in(client, made)
    return made


@pytest.fixture
def agents(reader: Subscriber) -> Topic:
    return reader.topics.get(name="Agents")


def profile(client: Client, topic: Topic | None = None) -> Page:
    """Open the profile and follow the link of a topic."""
    page = Page.open(client, reverse("profile"))
    if topic is None:
        return page
    [link] = page.tree.xpath("//main//nav//a[normalize-space()=$title]/@href", title=topic.title)
    return Page.open(client, link)


def press_remove(page: Page, kind: str, entry: object) -> Page:
    [button] = page.tree.xpath(
        "//form[input[@name='kind' and @value=$kind] and input[@name='entry' and @value=$entry]]"
        "[contains(@action, 'remove')]/button",
        kind=kind,
        entry=str(entry),
    )
    return page.submit(button)


def test_the_reader_chooses_the_topic(client: Client, agents: Topic, edition: list[Paper]) -> None:
    first, other = profile(client), profile(client, agents)
    assert "The topic Video" in first.text
    assert "diffusion" in first.text
    assert edition[1].title not in first.text
    assert "The topic Agents" in other.text
    assert "tools" in other.text
    assert edition[0].title not in other.text
    [current] = other.tree.xpath("//main//nav//a[@aria-current]")
    assert current.text_content() == "Agents"


def test_with_one_topic_there_is_none_to_choose(client: Client, agents: Topic) -> None:
    agents.delete()
    page = profile(client)
    assert not page.tree.xpath("//main//nav")
    assert "topic" not in page.text
    assert "?topic=" not in page.html


def test_removing_and_ignoring_act_on_the_chosen_topic(
    client: Client, agents: Topic, edition: list[Paper]
) -> None:
    page = press_remove(profile(client, agents), "word", "tools")
    assert page.url.endswith(f"?topic={agents.pk}")
    page = press_remove(page, "reaction", edition[1].pk)
    page = press_remove(page, "ignored-word", "novel")
    [ignore] = (
        page.tree.xpath(
            "//form[input[@value='ignore'] and input[@value='reasoning agents']]/button"
        )
        or page.tree.xpath("//form[input[@value='ignore']]/button")[:1]
    )
    word = ignore.getparent().xpath("input[@name='entry']/@value")[0]
    page = page.submit(ignore)
    assert "The topic Agents" in page.text
    agents.refresh_from_db()
    assert (agents.words, agents.ignored_words) == ([], [word])
    video = agents.subscriber.first_topic
    assert (video.words, video.ignored_words) == (["diffusion"], [])
    assert [row.topic for row in Reaction.objects.all()] == [video]


def test_papers_are_added_to_the_chosen_topic(client: Client, agents: Topic) -> None:
    file = io.BytesIO(b"@article{a, title={Diffusion}, eprint={2604.10003}}")
    file.name = "library.bib"
    page = profile(client, agents).submit("Upload", file=file)
    assert "The topic Agents" in page.text
    page = page.submit("Add these papers", author="0000-0002-1825-0097")
    assert "The topic Agents" in page.text
    agents.refresh_from_db()
    video = agents.subscriber.first_topic
    assert agents.examples == ["2604.10003"]
    assert agents.author_page == "0000-0002-1825-0097"
    assert (video.examples, video.references, video.author_page) == ([], [], "")
    refused = page.submit("Add these papers", author="nonsense")
    assert refused.status == 400
    assert "The topic Agents" in refused.text


def test_muted_words_hold_for_all_topics(client: Client, agents: Topic) -> None:
    page = profile(client, agents)
    [button] = page.tree.xpath("//form[.//input[@id='mute-word']]//button")
    page = page.submit(button, entry="survey")
    assert "The topic Agents" in page.text
    assert "Muted words and authors hold for all topics." in page.text
    assert "survey" in profile(client).text
    reader = Subscriber.objects.get()
    assert reader.muted_words == ["survey"]


def test_a_reset_empties_the_chosen_topic_alone(client: Client, agents: Topic) -> None:
    Subscriber.objects.update(muted_words=["survey"])
    page = profile(client, agents)
    [link] = page.tree.xpath("//a[normalize-space()='Reset this topic…']/@href")
    page = Page.open(client, link)
    assert "Reset the topic “Agents”?" in page.text
    page = page.submit("Reset this topic")
    assert page.url.endswith(f"?topic={agents.pk}")
    agents.refresh_from_db()
    assert agents.is_blank
    assert agents.name == "Agents"
    reader = Subscriber.objects.get()
    assert reader.first_topic.text == "video generation"
    assert reader.muted_words == ["survey"]
    assert [row.topic for row in Reaction.objects.all()] == [reader.first_topic]


def test_the_absence_of_a_paper_is_explained_for_each_topic(
    client: Client, agents: Topic, make_paper: Callable[..., Paper]
) -> None:
    today = datetime.now(UTC)
    paper = make_paper("Bread of the bakers", listed_on=today.date(), first_seen_at=today)
    Topic.objects.filter(pk=agents.pk).update(excluded_words=["bakers"])
    Subscription.objects.update(trending=False)
    page = profile(client, agents).submit("Explain", paper=paper.arxiv_id)
    assert "The topic Agents" in page.text
    answers = [item.text_content() for item in page.tree.xpath("//div[@role='status']//li")]
    assert len(answers) == 2
    assert answers[0].startswith("Video: ")
    assert answers[1] == "Agents: It contains “bakers”, which you excluded."
    Topic.objects.filter(pk=agents.pk).update(excluded_words=[], query="title:agents")
    assert "It doesn't match the search “title:agents”." in page.submit("Explain").text
    page = page.submit("Explain", paper="2001.00001")
    assert page.tree.xpath("//div[@role='status']/p")


def test_a_strict_topic_shows_its_search(client: Client, agents: Topic) -> None:
    Topic.objects.filter(pk=agents.pk).update(query="title:agents")
    assert (
        "it takes the papers that match title:agents , and no others"
        in profile(client, agents).text
    )


@pytest.mark.parametrize("name", ["0", "x", "9" * 30, "foreign"])
def test_a_topic_of_nobody_or_somebody_else_is_not_found(
    client: Client, agents: Topic, make_reader: MakeReader, name: str
) -> None:
    if name == "foreign":
        name = str(make_reader("other@example.org").first_topic.pk)
    for page in ("profile", "profile-reset"):
        assert client.get(f"{reverse(page)}?topic={name}").status_code == 404
    sent = {"kind": "word", "entry": "tools"}
    assert forge(client, f"{reverse('profile-remove')}?topic={name}", sent).status_code == 404
    assert Topic.objects.get(pk=agents.pk).words == ["tools"]
