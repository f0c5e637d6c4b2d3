from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers.models import Paper
from subscriptions import tasks, tokens
from subscriptions.models import Reaction, Subscriber, Topic
from subscriptions.profiles.reference_files import MAX_BYTES
from subscriptions.tokens import Purpose
from tests.pages import Page, forge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakeReader = Callable[..., Subscriber]
POST_ONLY = ("profile-remove", "profile-mute", "profile-upload", "profile-author")
SAID: dict[str, Any] = {
    "text": "Video generation; agents with tools",
    "words": ["diffusion"],
    "excluded_words": ["lecture notes"],
    "categories": ["cs.CV"],
    "authors": ["Jane Doe"],
    "examples": ["2604.10003"],
    "references": [{"title": "Elsewhere", "arxiv_id": "", "doi": "10.1000/x"}],
    "strictness": "good",
}
MUTED = {"muted_words": ["survey"], "muted_authors": ["Richard Roe"]}


def stored(reader: Subscriber) -> dict[str, Any]:
    """What the reader's only topic holds, and what is muted in all topics."""
    reader.refresh_from_db()
    of_topic = {name: getattr(reader.topics.get(), name) for name in SAID}
    return of_topic | {name: getattr(reader, name) for name in MUTED}


def url(name: str, reader: Subscriber) -> str:
    return reverse(name, args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])


def profile(client: Client, reader: Subscriber) -> Page:
    return Page.open(client, url("profile", reader))


def remove(page: Page, kind: str, entry: object) -> Page:
    """Press the button that removes this entry."""
    [button] = page.tree.xpath(
        "//form[contains(@action, '/remove/')]"
        "[input[@name='kind' and @value=$kind] and input[@name='entry' and @value=$entry]]/button",
        kind=kind,
        entry=str(entry),
    )
    return page.submit(button)


@pytest.fixture
def reader(make_reader: MakeReader, edition: list[Paper]) -> Subscriber:
    made = make_reader(topic=SAID, **MUTED)
    for paper, kind in ((edition[0], "more"), (edition[5], "less")):
        Reaction.objects.create(
            subscriber=made,
            topic=made.first_topic,
            paper=paper,
            kind=kind,
            created_at=timezone.now(),
        )
    return made


def test_the_page_shows_everything_that_drives_the_choice(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    page = client.get(url("profile", reader)).text
    for shown in (
        "survey",
        "lecture notes",
        "Richard Roe",
        "Jane Doe",
        "cs.CV",
        "Elsewhere",
        "video",
    ):
        assert shown in page
    for paper in (edition[0], edition[3], edition[5]):
        assert paper.title in page


def test_looking_changes_nothing(client: Client, reader: Subscriber) -> None:
    before = Topic.objects.values().get()
    for name in ("profile", "profile-reset"):
        assert client.get(url(name, reader)).status_code == 200
        assert client.head(url(name, reader)).status_code == 200
    for name in POST_ONLY:
        assert client.get(url(name, reader)).status_code == 405
    assert Topic.objects.values().get() == before
    assert Reaction.objects.count() == 2


@pytest.mark.parametrize("name", [*POST_ONLY, "profile", "profile-reset"])
def test_changes_need_the_right_link_and_csrf(
    client: Client, reader: Subscriber, name: str
) -> None:
    other = reverse(name, args=[tokens.make_token(Purpose.REACT, reader.pk)])
    assert forge(client, other).status_code == (405 if name == "profile" else 400)
    strict = Client(enforce_csrf_checks=True)
    if name != "profile":
        answer = forge(strict, url(name, reader), {"kind": "word", "entry": "x"})
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("kind", "entry", "field", "left"),
    [
        ("word", "Video generation", "text", "agents with tools"),
        ("word", "diffusion", "words", []),
        ("excluded-word", "lecture notes", "excluded_words", []),
        ("muted-word", "survey", "muted_words", []),
        ("category", "cs.CV", "categories", []),
        ("author", "Jane Doe", "authors", []),
        ("muted-author", "Richard Roe", "muted_authors", []),
        ("example", "2604.10003", "examples", []),
        ("reference", "10.1000/x", "references", []),
    ],
)
def test_each_thing_is_removed_with_one_tap_and_the_rest_stays(
    client: Client, reader: Subscriber, kind: str, entry: str, field: str, left: Any
) -> None:
    page = profile(client, reader)
    for _ in range(2):
        assert remove(page, kind, entry).url == page.url
    assert stored(reader) == SAID | MUTED | {field: left}


def test_a_reaction_is_taken_back(client: Client, reader: Subscriber, edition: list[Paper]) -> None:
    remove(profile(client, reader), "reaction", edition[5].pk)
    assert [row.kind for row in Reaction.objects.all()] == ["more"]


@pytest.mark.parametrize("posted", [{}, {"kind": "pk", "entry": "1"}, {"kind": "word"}])
def test_what_is_no_removal_is_said(
    client: Client, reader: Subscriber, posted: dict[str, str]
) -> None:
    answer = forge(client, url("profile-remove", reader), posted, follow=True)
    assert "Nothing was removed" in answer.text


@pytest.mark.parametrize("entry", ["9" * 30, "x", "-1", "٣"])
def test_a_reaction_that_is_none_changes_nothing(
    client: Client, reader: Subscriber, entry: str
) -> None:
    forge(client, url("profile-remove", reader), {"kind": "reaction", "entry": entry})
    assert Reaction.objects.count() == 2


def test_words_and_authors_are_muted(client: Client, reader: Subscriber) -> None:
    page = profile(client, reader)
    for _ in range(2):
        page.submit("Mute the word", entry=" benchmark  suite ")
        page.submit("Mute the author", entry="Doe, Jane")
    kept = stored(reader)
    assert kept["muted_words"] == ["survey", "benchmark suite"]
    assert kept["muted_authors"] == ["Richard Roe", "Doe, Jane"]
    assert kept["authors"] == []  # who is muted is not followed


@pytest.mark.parametrize("word", ["diffusion", "Video generation", "language models"])
def test_a_word_is_ignored_exported_and_counts_again_once_that_is_undone(
    client: Client, reader: Subscriber, word: str
) -> None:
    page = profile(client, reader).submit(f"Ignore {word}")
    assert "Ignored. This word no longer counts." in page.text
    assert f"Ignored words {word} Remove" in page.text
    assert f"Ignore {word}" not in page.text, "it is no strongest word now"
    assert Topic.objects.get().ignored_words == [word]

    data = Page.open(client, reverse("data", args=[tokens.make_token(Purpose.DATA, reader.pk)]))
    exported = data.submit("Download everything").html
    assert json.loads(exported)["topics"][0]["ignored_words"] == [word]

    page = remove(page, "ignored-word", word)
    assert "Ignored words" not in page.text
    assert f"Ignore {word}" in page.text
    assert Topic.objects.get().ignored_words == []
    assert stored(reader) == SAID | MUTED


@pytest.mark.parametrize(
    ("entry", "said"), [("", "Type a word"), ("x" * 201, "too long"), ("a\0b", "too long")]
)
def test_what_cannot_be_muted_is_said(
    client: Client, reader: Subscriber, entry: str, said: str
) -> None:
    page = profile(client, reader).submit("Mute the word", entry=entry)
    assert said in page.text
    assert stored(reader) == SAID | MUTED


def test_reset_asks_first_and_then_forgets(client: Client, reader: Subscriber) -> None:
    page = Page.open(client, url("profile-reset", reader))
    assert Reaction.objects.exists()
    page.submit("Reset my profile")
    blank = {name: getattr(Topic(), name) for name in SAID}
    assert stored(reader) == blank | {"muted_words": [], "muted_authors": []}
    assert not Reaction.objects.exists()
    reader.refresh_from_db()
    assert reader.status == Subscriber.Status.ACTIVE


def test_an_upload_says_what_became_of_it(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    file = io.BytesIO(
        f"@misc{{a, title={{X}}, eprint={{{edition[1].arxiv_id}}}}}\n"
        "@article{b, title={Not ours}}\n@article{c, title={Broken\n@misc{d, year=2000}".encode()
    )
    file.name = "mine.bib"
    page = profile(client, reader).submit("Upload", file=file)
    assert (
        "We have 1 of 2 papers, 1 is matched by title only, 2 couldn't be read: "
        "line 3: not closed properly; line 4: neither title nor ID." in page.text
    )
    assert edition[1].arxiv_id in Topic.objects.get().examples


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "no BibTeX, RIS or CSL JSON entries"),
        (b"x" * (MAX_BYTES + 1), "larger than 10 MB"),
    ],
)
def test_a_bad_upload_is_refused_with_the_reason(
    client: Client, reader: Subscriber, data: bytes, said: str
) -> None:
    file = io.BytesIO(data)
    file.name = "<b>mine.bib"
    page = profile(client, reader).submit("Upload", file=file)
    assert page.status == 400
    assert said in page.text
    assert "<b>mine" not in page.html
    assert Topic.objects.get().examples == SAID["examples"]


def test_an_author_page_is_asked_for_once(
    client: Client,
    reader: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(tasks.import_author, "delay", asked.append)
    page = profile(client, reader)
    with django_capture_on_commit_callbacks(execute=True):
        assert "asking arXiv" in page.submit("Add these papers", author="doe_j_1").text
        assert "just a moment ago" in page.submit("Add these papers", author="doe_j_1").text
    assert asked == [reader.first_topic.pk]
    assert "Asking arXiv" in client.get(url("profile", reader)).text


def test_what_is_no_author_page_is_refused(client: Client, reader: Subscriber) -> None:
    page = profile(client, reader).submit("Add these papers", author="http://169.254.169.254/")
    assert page.status == 400
    assert "an arXiv author page" in page.text
    assert Topic.objects.get().author_page == ""


def test_why_not_answers_on_the_page(
    client: Client, reader: Subscriber, make_paper: Callable[..., Paper]
) -> None:
    old = make_paper("Old", listed_on=timezone.now().date() - timedelta(days=90))
    link = url("profile", reader)
    answer = client.get(link, {"paper": f"https://arxiv.org/abs/{old.arxiv_id}v1"})
    assert "too old" in answer.text
    refused = client.get(link, {"paper": "nonsense"})
    assert refused.status_code == 400
    assert "an arXiv ID or link. IDs look like" in refused.text


def test_a_reaction_page_says_what_changes(
    client: Client, reader: Subscriber, edition: list[Paper]
) -> None:
    token = tokens.make_token(Purpose.REACT, reader.pk)
    for kind, said in (("more", "count more"), ("less", "count less")):
        link = reverse("react", args=[kind, edition[3].pk, token])
        asked = Page.open(client, link)
        for page in (asked, asked.submit(f"Show me {kind} like this")):
            assert said in page.text
            assert "video" in page.text


def test_preferences_keep_strictness_and_muted_authors(client: Client, reader: Subscriber) -> None:
    page = client.get(url("preferences", reader)).text
    assert "Never send papers by" in page
    assert '<option value="good" selected>' in page
    assert url("profile", reader).split(":")[0] in page
