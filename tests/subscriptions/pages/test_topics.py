"""The pages of a reader's topics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from papers.models import Paper
from papers.searching import indexing
from subscriptions import tokens
from subscriptions.editions.topic_previews import PREVIEW_DAYS, TopicPreview
from subscriptions.models import Reaction, Subscriber, Subscription, Topic
from subscriptions.profiles import topics
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.subscriptions.two_interests import store_papers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]


@pytest.fixture(autouse=True)
def today(now: datetime) -> Iterator[None]:
    with time_machine.travel(now, tick=False):
        yield


def url(name: str, reader: Subscriber, *args: object) -> str:
    return reverse(name, args=[*args, tokens.make_token(Purpose.PREFERENCES, reader.pk)])


def open_list(client: Client, reader: Subscriber) -> Page:
    return Page.open(client, url("topics", reader))


def open_new(client: Client, reader: Subscriber, query: str = "") -> Page:
    return Page.open(client, url("topic-new", reader) + query)


def names(reader: Subscriber) -> list[str]:
    return list(reader.topics.order_by("position").values_list("name", flat=True))


@pytest.fixture
def reader(make_reader: MakeReader, edition: list[Paper], now: datetime) -> Subscriber:
    """A reader with the topics A, B and C."""
    indexing.index_changed(now)
    made = make_reader(topic={"name": "A", "text": "language models"})
    topics.add_topic(made, {"name": "B", "text": "video generation"})
    topics.add_topic(made, {"name": "C", "query": "title:segmentation -survey"})
    return made


def entry(page: Page, topic: Topic) -> str:
    [item] = page.tree.xpath("//li[@id=$id]", id=f"topic-{topic.pk}")
    return " ".join(item.text_content().split())


def test_the_list_says_what_each_topic_looks_for_and_brought(
    client: Client, reader: Subscriber
) -> None:
    page = open_list(client, reader)
    first, _second, third = reader.topics.order_by("position")
    assert "“language models”" in entry(page, first)
    strict = entry(page, third)
    assert "Everything that matches: title contains “segmentation”, not “survey”" in strict
    assert "1 paper in the last 14 days · last match 30 April 2026" in strict


def test_a_topic_in_words_names_all_that_it_looks_for(
    client: Client, make_reader: MakeReader, edition: list[Paper], now: datetime
) -> None:
    values = {
        "text": "long  context",
        "words": ["agents", "tools"],
        "examples": [str(paper.arxiv_id) for paper in edition[:2]],
        "authors": ["Ada Example"],
        "categories": ["cs.CL", "cs.CV"],
        "excluded_words": ["survey"],
    }
    reader = make_reader(topic=values)
    own = {"subscriber": reader, "topic": reader.first_topic, "created_at": now}
    Reaction.objects.create(paper=edition[2], kind=Reaction.Kind.MORE, **own)
    assert (
        "“long context”; the words “agents” and “tools”; papers like “Long context language "
        "models” and 2 others; papers by Ada Example; subjects: cs.CL and cs.CV; not “survey”"
    ) in entry(open_list(client, reader), reader.first_topic)


def test_many_topics_are_listed_with_as_many_queries_as_one(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader(topic={"text": "agents", "examples": [str(edition[0].arxiv_id)]})
    topics.add_topic(reader, {"query": "title:language"})
    open_list(client, reader)  # fill caches
    counts = []
    for number in range(2):
        with CaptureQueriesContext(connection) as queries:
            open_list(client, reader)
        counts.append(len(queries))
        for other in range(4):
            topics.add_topic(reader, {"text": f"agents {number} {other}", "authors": ["A B"]})
            topics.add_topic(reader, {"query": f"title:language -x{number}{other}"})
    assert counts[0] == counts[1]


def test_a_topic_that_no_schedule_carries_says_so(client: Client, reader: Subscriber) -> None:
    first, second, _third = reader.topics.order_by("position")
    subscription = reader.default_subscription
    assert "No schedule has this topic" not in open_list(client, reader).text
    Subscription.objects.update(all_topics=False)
    subscription.topics.add(first)
    page = open_list(client, reader)
    assert "No schedule has this topic" not in entry(page, first)
    assert "No schedule has this topic, so it brings nothing." in entry(page, second)
    assert page.tree.xpath("//li//a[.='Schedules']/@href")[0] == url("subscriptions", reader)


def test_a_blank_topic_says_that_trending_papers_come(
    client: Client, make_reader: MakeReader
) -> None:
    page = open_list(client, make_reader())
    assert "It looks for nothing yet, so you get trending papers." in page.text
    assert not page.tree.xpath("//a[contains(., 'Delete')]")


def test_topics_are_moved_up_and_down(client: Client, reader: Subscriber) -> None:
    page = open_list(client, reader).submit("↑ Move “B” up")
    assert names(reader) == ["B", "A", "C"]
    page.submit("↓ Move “A” down")
    assert names(reader) == ["B", "C", "A"]


def test_a_topic_is_turned_off_and_on(client: Client, reader: Subscriber) -> None:
    page = open_list(client, reader).submit("Turn off “B”")
    assert "“B” is off. It brings no papers." in page.text
    assert not reader.topics.get(name="B").active
    page.submit("Turn on “B”")
    assert reader.topics.get(name="B").active


def test_an_unknown_action_changes_nothing(client: Client, reader: Subscriber) -> None:
    forge(client, url("topic-act", reader, reader.first_topic.pk), {"act": "x"})
    assert names(reader) == ["A", "B", "C"]


def test_a_topic_is_deleted_after_a_question_and_its_reactions_stay(
    client: Client, reader: Subscriber, edition: list[Paper], now: datetime
) -> None:
    first = reader.first_topic
    own = {"subscriber": reader, "topic": first, "created_at": now}
    Reaction.objects.create(paper=edition[0], kind=Reaction.Kind.MORE, **own)
    page = Page.open(client, url("topic-delete", reader, first.pk))
    assert "Delete “A”?" in page.text
    assert "“A” was deleted." in page.submit("Delete the topic").text
    assert names(reader) == ["B", "C"]
    assert reader.first_topic.name == "B"
    assert reader.reactions.get().topic is None


def test_the_only_topic_is_not_deleted(client: Client, make_reader: MakeReader) -> None:
    reader = make_reader()
    address = url("topic-delete", reader, reader.first_topic.pk)
    assert "This is your only topic" in Page.open(client, address).text
    forge(client, address)
    assert reader.topics.count() == 1


def test_other_readers_topics_are_not_found(
    client: Client, reader: Subscriber, make_reader: MakeReader
) -> None:
    other = make_reader("other@example.org")
    for name in ("topic", "topic-act", "topic-delete", "topic-split"):
        address = url(name, other, reader.first_topic.pk)
        assert forge(client, address, {"act": "off"}).status_code == 404, name
    assert reader.topics.filter(active=True).count() == 3


def test_a_new_topic_is_added_with_all_its_fields(client: Client, reader: Subscriber) -> None:
    page = open_list(client, reader)
    assert page.tree.xpath("//a[.='Add a topic']/@href") == [url("topic-new", reader)]
    page = open_new(client, reader).submit(
        "Save",
        name="Agents",
        text="agents with tools",
        examples="2604.10001",
        categories="cs.AI",
        words="tool use, planning",
        authors="Ada Example",
        strictness="good",
        excluded_words="survey",
        max_papers="3",
    )
    assert (page.status, page.url) == (200, url("topics", reader))
    assert "Saved. “Agents” counts from your next digest on." in page.text
    topic = reader.topics.get(name="Agents")
    assert (topic.text, topic.examples, topic.words) == (
        "agents with tools",
        ["2604.10001"],
        ["tool use", "planning"],
    )
    assert (topic.categories, topic.authors, topic.excluded_words) == (
        ["cs.AI"],
        ["Ada Example"],
        ["survey"],
    )
    assert (topic.strictness, topic.max_papers, topic.query) == ("good", 3, "")


def test_a_new_topic_fills_a_blank_first_one(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader()
    open_new(client, reader).submit("Save", text="agents")
    assert reader.topics.get().text == "agents"


def test_a_new_topic_looks_for_something(client: Client, reader: Subscriber) -> None:
    page = open_new(client, reader).submit("Save", name="Nothing")
    assert page.status == 400
    assert "Say what the topic looks for." in page.text
    assert reader.topics.count() == 3


def test_a_topic_is_changed(client: Client, reader: Subscriber) -> None:
    address = url("topic", reader, reader.first_topic.pk)
    page = Page.open(client, address)
    assert page.fields("Save")["kind"] == "ranked"
    page.submit("Save", text="reasoning agents", name="")
    topic = reader.first_topic
    assert (topic.text, topic.title) == ("reasoning agents", "reasoning agents")


def test_a_strict_topic_becomes_a_ranked_one(client: Client, reader: Subscriber) -> None:
    topic = reader.topics.get(name="C")
    page = Page.open(client, url("topic", reader, topic.pk))
    fields = page.fields("Save")
    assert (fields["kind"], fields["query"]) == ("strict", "title:segmentation -survey")
    page.submit("Save", kind="ranked", text="segmentation", all_matches=True)
    topic.refresh_from_db()
    assert (topic.text, topic.query, topic.all_matches) == ("segmentation", "", False)


def test_a_strict_topic_is_saved_and_entitled_after_its_search(
    client: Client, reader: Subscriber
) -> None:
    page = open_new(client, reader)
    page.submit("Save", kind="strict", query=" title:agents\n OR cat:cs.CV ", all_matches=True)
    topic = reader.topics.get(position=3)
    assert (topic.query, topic.all_matches) == ("title:agents OR cat:cs.CV", True)
    assert topic.title == topic.query


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("", "Type a search."),
        ("-survey", "Add something to search for, not only words to leave out."),
        ("title:", "“title:” has no value, so we left it out."),
        ("()", "This search can't find anything."),
    ],
)
def test_a_search_that_finds_nothing_is_an_error(
    client: Client, reader: Subscriber, query: str, says: str
) -> None:
    page = open_new(client, reader).submit("Save", kind="strict", query=query)
    assert page.status == 400
    assert says in page.text
    for again in ("Preview", "Save"):
        assert page.submit(again).status == 400
    assert reader.topics.count() == 3


def test_problems_of_a_search_are_shown_and_the_second_press_saves(
    client: Client, reader: Subscriber
) -> None:
    query = 'autor:x title:"street scenes'
    page = open_new(client, reader).submit("Save", kind="strict", query=query)
    assert page.status == 400
    assert "“autor:” isn't a search field" in page.text
    assert "Did you mean author:?" in page.text
    assert "The quotation mark before “street scenes” isn't closed" in page.text
    assert "You can save it all the same. It then looks for:" in page.text
    [field] = page.tree.xpath("//textarea[@name='query'][@aria-invalid='true']")
    assert "id_query_error" in field.get("aria-describedby")
    other = page.submit("Save", query="autor:y")
    assert other.status == 400, "these problems were not shown yet"
    assert page.submit("Save").status == 200
    assert reader.topics.get(position=3).query == query


def test_a_preview_shows_the_problems_of_a_search_and_the_papers(
    client: Client, reader: Subscriber
) -> None:
    page = open_new(client, reader)
    page = page.submit("Preview", kind="strict", query="autor:x OR title:segmentation")
    assert page.status == 200
    assert "“autor:” isn't a search field" in page.text
    assert "In the last 14 days this would have brought 1 paper" in page.text
    assert page.submit("Save").status == 200
    assert reader.topics.count() == 4


def test_a_preview_shows_papers_with_reasons_and_saves_nothing(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    page = open_new(client, reader).submit("Preview", text="video generation")
    assert page.status == 200
    found = page.tree.xpath("//ol[@class='chosen']/li")
    assert found
    assert edition[3].title in found[0].text_content()
    assert "Matches your “video generation”" in found[0].text_content()
    assert reader.topics.count() == 3
    page.submit("Save")
    assert reader.topics.get(position=3).text == "video generation"


def test_a_change_is_previewed_before_it_is_saved(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    page = Page.open(client, url("topic", reader, reader.first_topic.pk))
    page = page.submit("Preview", text="gaussian splatting")
    assert edition[4].title in page.text
    assert reader.first_topic.text == "language models"


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"text": "palaeography"}, "Describe it in other words"),
        ({"kind": "strict", "query": "palaeography"}, "Leave out a condition"),
    ],
)
def test_a_preview_without_papers_has_a_hint(
    client: Client, reader: Subscriber, fields: dict[str, str], hint: str
) -> None:
    page = open_new(client, reader).submit("Preview", **fields)
    assert "this would have brought 0 papers" in page.text
    assert hint in page.text


def test_more_papers_than_a_person_reads_are_warned_about(
    client: Client, reader: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = TopicPreview(40 * PREVIEW_DAYS)
    monkeypatch.setattr("subscriptions.pages.topics.editing.preview_topic", lambda *_: many)
    page = open_new(client, reader).submit("Preview", text="language")
    assert "That's about 40 a day, more than most people read." in page.text


def test_errors_of_fields_are_shown_in_the_form(client: Client, reader: Subscriber) -> None:
    wrong = {"categories": "cs.XX", "max_papers": "99", "name": "x"}
    page = open_new(client, reader).submit("Preview", text="agents", **wrong)
    assert page.status == 400
    assert "Did you mean" in page.text
    assert "Enter a whole number from 1 to 30." in page.text
    assert page.fields("Save")["text"] == "agents"


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("?q=sparse+attention", {"text": "sparse attention", "kind": "ranked"}),
        ("?q=title:x+-survey", {"query": "title:x -survey", "kind": "strict", "text": ""}),
        ("?q=-survey", {"query": "-survey", "kind": "strict"}),
        ("?like=2604.10001v2", {"examples": "2604.10001"}),
        ("?author=Ada+Example", {"authors": "Ada Example"}),
        ("?subject=cs.cl", {"categories": "cs.CL"}),
        ("?like=x&subject=cs.XX&author=&q=", {"examples": "", "categories": "", "text": ""}),
        ("?like=99999999999999999999", {"examples": ""}),
    ],
)
def test_the_form_is_filled_in_from_the_query_string(
    client: Client, reader: Subscriber, query: str, values: dict[str, str]
) -> None:
    fields = open_new(client, reader, query).fields("Save")
    assert {name: fields[name] for name in values} == values
    assert reader.topics.count() == 3


def test_a_paper_is_an_example_or_without_an_arxiv_id_its_title_the_text(
    client: Client, reader: Subscriber, make_paper: Callable[..., Paper], edition: list[Paper]
) -> None:
    fields = open_new(client, reader, f"?like={edition[0].pk}").fields("Save")
    assert fields["examples"] == edition[0].arxiv_id
    other = make_paper("Cells in motion", arxiv_id=None, doi="10.1234/cells")
    assert open_new(client, reader, f"?like={other.pk}").fields("Save")["text"] == other.title


def test_more_than_twenty_topics_are_refused_with_the_reason(
    client: Client, reader: Subscriber
) -> None:
    late = open_new(client, reader)
    for number in range(3, topics.MAX_TOPICS):
        topics.add_topic(reader, {"text": f"topic {number}"})
    for page in (open_list(client, reader), open_new(client, reader)):
        assert "You have 20 topics, which is the maximum." in page.text
        assert not page.tree.xpath("//main//a[.='Add a topic']")
    assert late.submit("Save", text="one too many").status == 400
    assert reader.topics.count() == topics.MAX_TOPICS


@pytest.fixture
def mixed(make_reader: MakeReader, make_paper: Callable[..., Paper], now: datetime) -> Subscriber:
    """A reader with a topic of papers about two things."""
    reefs, bridges = store_papers(make_paper, now)
    examples = [str(paper.arxiv_id) for paper in (*reefs, *bridges)]
    return make_reader(topic={"examples": examples})


def test_a_split_is_suggested_and_done_on_request(client: Client, mixed: Subscriber) -> None:
    page = Page.open(client, url("topic", mixed, mixed.first_topic.pk))
    assert (
        "These papers seem to be about two things: “coral bleaching” and “steel cables”. "
        "Make two topics of them?"
    ) in page.text
    assert "two things" not in open_list(client, mixed).text
    assert mixed.topics.count() == 1
    page = page.submit("Make two topics")
    assert page.url == url("topics", mixed)
    assert "These are two topics now:" in page.text
    assert [len(topic.examples) for topic in mixed.topics.all()] == [4, 4]


def test_a_split_that_is_not_wanted_is_not_suggested_again(
    client: Client, mixed: Subscriber
) -> None:
    page = Page.open(client, url("topic", mixed, mixed.first_topic.pk)).submit("No")
    assert "It stays one topic." in page.text
    assert "about two things" not in page.text
    assert mixed.topics.count() == 1


def test_a_split_that_no_longer_fits_is_not_done(client: Client, mixed: Subscriber) -> None:
    page = Page.open(client, url("topic", mixed, mixed.first_topic.pk))
    Topic.objects.update(examples=mixed.first_topic.examples[:4])
    assert "so it stays one" in page.submit("Make two topics").text
    assert mixed.topics.count() == 1


def test_the_preferences_of_one_topic_lead_to_a_second(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader(topic={"text": "agents"})
    page = Page.open(client, url("preferences", reader))
    assert page.fields("Save")["text"] == "agents"
    assert page.tree.xpath("//a[.='Add another topic']/@href") == [url("topic-new", reader)]


def test_the_preferences_of_several_topics_list_them(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, url("preferences", reader))
    assert "text" not in page.fields("Save")
    links = page.tree.xpath("//fieldset//ul[@class='ways']//a/@href")
    assert links == [url("topic", reader, topic.pk) for topic in reader.topics.order_by("position")]
    page.submit("Save", muted_words="survey", hour="17")
    reader.refresh_from_db()
    assert (reader.muted_words, reader.default_subscription.hour) == (["survey"], 17)
    assert reader.first_topic.text == "language models"


@pytest.mark.parametrize("values", [{"query": "title:agents"}, {"text": "x", "active": False}])
def test_the_preferences_link_to_an_only_topic_that_their_form_does_not_fit(
    client: Client, make_reader: MakeReader, values: dict[str, object]
) -> None:
    reader = make_reader(topic=values)
    page = Page.open(client, url("preferences", reader))
    assert "text" not in page.fields("Save")
    assert page.submit("Save").status == 200


def test_preferences_sent_late_still_change_their_topic(
    client: Client, make_reader: MakeReader, edition: list[Paper]
) -> None:
    reader = make_reader(topic={"text": "agents"})
    page = Page.open(client, url("preferences", reader))
    topics.add_topic(reader, {"text": "vision"})
    page.submit("Save", text="agents and tools")
    assert list(reader.topics.order_by("position").values_list("text", flat=True)) == [
        "agents and tools",
        "vision",
    ]


def test_staying_signed_in_leads_back_to_the_topic(client: Client, reader: Subscriber) -> None:
    topic = reader.first_topic
    page = Page.open(client, url("topic", reader, topic.pk)).submit("Stay signed in here")
    assert page.url == reverse("topic", args=[topic.pk])
    assert page.submit("Preview", text="agents").status == 200
