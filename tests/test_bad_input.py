"""Collections of what breaks readers, and what we answer to each: tables in data/answers, by id.

A table that changes is looked at, not written anew unseen: WRITE_ANSWERS=1 writes them. The
collections themselves are not part of the project; without them these tests are skipped.
"""

from __future__ import annotations

import html as markup
import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from lxml import html

from papers.feeds import DocumentError, parse_document
from papers.models import Paper
from subscriptions import tokens
from subscriptions.delivery.transports import django_message
from subscriptions.library.keeping import keep_paper
from subscriptions.mail import emails
from subscriptions.models import Subscriber, Topic, ZoteroAccount
from subscriptions.readers.fields import (
    AddressField,
    CategoriesField,
    ListField,
    NamesField,
    PapersField,
    ZoneField,
)
from subscriptions.tokens import BadLink, Purpose
from tests.pages import forge
from tests.shared_data import SHARED, needs_shared_data
from tests.signing_in import sign_in
from tests.web.test_headers import inline_code
from tests.web.test_rate_limit import PUBLIC_PATTERNS

BAD = SHARED / "bad"
ANSWERS = Path(__file__).parent / "data" / "answers"
MakeReader = Callable[..., Subscriber]


def held(name: str, found: dict[str, str]) -> None:
    """Compare with the table of this name: an id and an answer a line."""
    table = "".join(f"{key}\t{answer}\n" for key, answer in found.items())
    path = ANSWERS / f"{name}.tsv"
    if os.environ.get("WRITE_ANSWERS") == "1":
        path.write_text(table)
    assert table.splitlines() == path.read_text().splitlines()


def naughty() -> list[str]:
    return list(json.loads((BAD / "blns" / "blns.json").read_text()))


def injections() -> list[str]:
    lines = (BAD / "html_injection.jsonl").read_text().splitlines()
    return [json.loads(line)["html"] for line in lines]


# --- Addresses ------------------------------------------------------------------------------------


def takes(field: forms.Field, text: str) -> bool:
    """Whether a field takes a text; it says why not, or nothing else is raised."""
    try:
        field.clean(text)
    except ValidationError as error:
        return not error.messages
    return True


@needs_shared_data
@pytest.mark.promise(31)
def test_each_address_of_the_corpus_has_a_recorded_answer() -> None:
    rows = [json.loads(line) for line in (BAD / "email_addresses.jsonl").read_text().splitlines()]
    field = AddressField(max_length=254)
    taken = [takes(field, row["address"]) for row in rows]
    held("email_addresses", {f"{n}": "taken" if one else "refused" for n, one in enumerate(taken)})
    for row, one in zip(rows, taken, strict=True):
        plain = not set(row["address"]) & set('"<')  # no quotes and no name before it
        if row["test"] == "test_email_valid" and plain:
            assert one, row["address"]
        if row["test"] == "test_email_invalid_syntax":
            assert not one, row["address"]


breaking = st.sampled_from(
    ["\r", "\n", "\0", "\u2028", "\u2029", ",", "<", ">", "\r\nBcc: x@y.org"]
)


@examples(deadline=None)
@given(st.text(max_size=20), breaking, st.text(max_size=20))
@pytest.mark.promise(31)
def test_no_accepted_address_can_break_a_header(before: str, bad: str, after: str) -> None:
    for address in (f"{before}{bad}{after}@example.org", f"a@{before}{bad}{after}.org"):
        try:
            taken = AddressField(max_length=254).clean(address)
        except ValidationError:
            continue
        assert not set(taken) & set("\r\n\0\u2028\u2029,<>")
        assert all(unicodedata.category(character) != "Cc" for character in taken)


@pytest.mark.django_db
@pytest.mark.parametrize("bad", ["\r\nBcc: x@y.org", "\0", "\u2028", "\n\n", "\x85"])
@pytest.mark.promise(31)
def test_names_and_titles_never_add_headers(make_reader: MakeReader, bad: str) -> None:
    reader = make_reader(f"a{bad}@example.org".replace("\0", ""))
    message = django_message(emails.confirmation(reader))
    try:
        raw = message.message().as_bytes()
    except ValueError:  # Django refuses it, and nothing is sent
        return
    assert b"\nBcc" not in raw.partition(b"\n\n")[0]


# --- Naughty strings through every form -----------------------------------------------------------


# Entrances into which nobody writes anything but a signed token, a number or a date.
WITHOUT_TEXT = {
    *("confirm", "data", "data-export", "data-erase", "digest", "feed-digests", "react"),
    "feed-topic",
    *("mail-link", "sign-out", "sign-out-everywhere", "leave", "leave-undo", "unsubscribe-undo"),
    *("past-digest", "offer", "feed-renew", "profile-reset", "profile-opened", "opened"),
    *("keep", "profile-kept", "digest-export", "past-digest-export", "topic-export"),
    *("zotero", "zotero-oauth", "zotero-disconnect"),
    *("challenge", "topics", "topic-delete", "subscriptions", "library-read"),
}


def doors(client: Client, reader: Subscriber, paper: Paper) -> dict[str, Callable[[str], int]]:
    """What takes text from strangers and readers: the status of the answer to a text, by the name
    of the entrance and what of it."""

    def signed(name: str, purpose: Purpose = Purpose.PREFERENCES, *args: object) -> str:
        return reverse(name, args=[*args, tokens.make_token(purpose, reader.pk)])

    def post(path: str, **data: Any) -> int:
        return forge(client, path, data).status_code

    def get(path: str, **data: Any) -> int:
        return client.get(path, data).status_code

    def send(text: str) -> int:
        file = SimpleUploadedFile(f"{text[:100]}.bib", text.encode())
        return post(signed("profile-upload"), file=file)

    def follow(text: str) -> int:
        reader.topics.filter(position__gt=0).delete()  # or there are soon too many
        return post("/follow/", q=text)

    def leave(text: str) -> int:
        where = signed("unsubscribe", Purpose.UNSUBSCRIBE)
        status = post(where, **{"List-Unsubscribe": text})
        reader.save()  # and is back, or could do nothing else
        return status

    def vote(text: str) -> int:
        """Where nobody is signed in the address is typed; elsewhere a page to return to."""
        where = reverse("vote", args=[paper.pk])
        posted = post(where, next=text)
        return max(posted, forge(Client(), where, {"email": text}).status_code)

    def entry() -> int:
        return keep_paper(reader, paper, timezone.now()).pk

    def annotate(text: str) -> int:
        return post(signed("library-entry", Purpose.PREFERENCES, entry()), note=text, tags=text)

    def act_on_library(text: str) -> int:
        """Add a tag and remove it, and try an action that does not exist."""
        key = str(entry())
        acts = ("tag", "untag", text)
        return max(post(signed("library-act"), act=act, entry=key, tag=text) for act in acts)

    def upload_to_library(text: str) -> int:
        file = SimpleUploadedFile(f"{text[:100]}.ris", f"TY  - JOUR\nTI  - {text}\nER  -".encode())
        return post(signed("library-upload"), file=file)

    def zotero(name: str, **data: str) -> int:
        """Post to a connected account whose Zotero is out of reach."""
        now = timezone.now()
        rights = {"may_write": True, "may_write_notes": True, "from_oauth": False}
        times = dict.fromkeys(("connected_at", "next_refresh_at", "next_upload_at"), now)
        ZoteroAccount.objects.get_or_create(
            subscriber=reader, defaults={"user_id": 1} | rights | times
        )
        with override_settings(ZOTERO_API_URL="http://127.0.0.1:9"):
            return post(signed(name), **data)

    def come_back_from_zotero(text: str) -> int:
        given = {"oauth_token": text, "oauth_verifier": text}
        return max(get("/zotero/callback/", **given), post("/zotero/callback/", **given))

    sign_in(client, reader)
    preferences, mute = signed("preferences"), signed("profile-mute")
    schedule = {"frequency": "daily", "weekday": 0, "month_day": 1, "hour": 8, "max_papers": 5}
    topic, subscription = reader.first_topic.pk, reader.default_subscription.pk
    rhythm = schedule | {"timezone": "UTC", "topic": topic}

    def save_topic(typed: str, **data: Any) -> int:
        """Preview a topic, then save it. `accepted` says that problems were shown before."""
        where = signed("topic", Purpose.PREFERENCES, topic)
        data = {"kind": "ranked", "name": typed, "accepted": typed} | data
        return max(post(where, preview="1", **data), post(where, **data))

    def act_on_subscription(text: str) -> int:
        return post(signed("subscription-act", Purpose.PREFERENCES, subscription), act=text)

    def save_subscription(text: str) -> int:
        return post(
            signed("subscription", Purpose.PREFERENCES, subscription), **schedule, name=text
        )

    return {
        "subscribe address": lambda text: post("/subscribe/", email=text),
        "subscribe zone": lambda text: post("/subscribe/", email="n@example.org", timezone=text),
        "subscribe words": lambda text: post("/subscribe/", email="n@example.org", text=text),
        "subscribe riddle": lambda text: post("/subscribe/", email="n@example.org", altcha=text),
        "subscribe brought": lambda text: get("/subscribe/", text=text, examples=text),
        "sign-in": lambda text: post("/sign-in/", email=text, next=text),
        "vote": lambda text: vote(text),
        "follow": lambda text: follow(text),
        "follow back": lambda text: post("/follow/", q=f"x {text}", back=""),
        "preview": lambda text: get("/preview/", interests=text),
        "preview category": lambda text: get("/preview/", interests="x", categories=text),
        "home": lambda text: get("/", window=text, field=text, by=text),
        "search": lambda text: get("/search/", q=text),
        "export-day": lambda text: get(
            reverse("export-day", args=[paper.day, "ris"]), field=text, window=text, by=text
        ),
        "export-search": lambda text: get(reverse("export-search", args=["bib"]), q=text),
        "feed-search": lambda text: get(reverse("feed-search", args=["atom"]), q=text),
        "feed-field": lambda text: get("/feeds/fields/" + (in_path(text) or "x") + ".atom"),
        "api search": lambda text: get("/api/search", q=text),
        "api papers": lambda text: get("/api/papers", category=text, since=text),
        "api arxiv": lambda text: get("/api/arxiv/" + (in_path(text) or "x")),
        "preferences": lambda text: post(preferences, **rhythm, text=text, words=text),
        "preferences authors": lambda text: post(preferences, **rhythm, authors=text),
        "preferences zone": lambda text: post(preferences, **{**rhythm, "timezone": text}),
        "topic": lambda text: save_topic(text, text=text, words=text, excluded_words=text),
        "topic examples": lambda text: save_topic(text, examples=text, categories=text),
        "topic query": lambda text: save_topic(text, kind="strict", query=text),
        "topic-new": lambda text: get(signed("topic-new"), q=text, like=text),
        "topic-new names": lambda text: get(signed("topic-new"), author=text, subject=text),
        "topic-act": lambda text: post(signed("topic-act", Purpose.PREFERENCES, topic), act=text),
        "topic-split": lambda text: post(
            signed("topic-split", Purpose.PREFERENCES, topic), act=text
        ),
        "subscription": save_subscription,
        "subscription-act": act_on_subscription,
        "subscription-new": lambda text: post(signed("subscription-new"), frequency=text),
        "profile-mute": lambda text: post(mute, kind="author", entry=text),
        "profile-remove": lambda text: post(signed("profile-remove"), kind="words", entry=text),
        "profile": lambda text: get(signed("profile"), paper=text),
        "profile-author": lambda text: post(signed("profile-author"), author=text),
        "profile-upload": send,
        "library": lambda text: get(signed("library"), q=text, tag=text, year=text, page=text),
        "library-act": act_on_library,
        "library-entry": annotate,
        "library-undo": lambda text: post(signed("library-undo"), removal=text),
        "library-export": lambda text: get(
            signed("library-export", Purpose.PREFERENCES, "csv"), q=text
        ),
        "library-upload": upload_to_library,
        "zotero-key": lambda text: zotero("zotero-key", key=text),
        "zotero-examples": lambda text: zotero("zotero-examples", collection=text, topic=text),
        "zotero-kept": lambda text: zotero("zotero-kept", collection=text),
        "zotero-act": lambda text: zotero("zotero-act", act=text, collection=text),
        "zotero-act remove": lambda text: zotero("zotero-act", act="remove", collection=text),
        "zotero-callback": come_back_from_zotero,
        "rhythm": lambda text: post(signed("rhythm"), act="mute", word=text),
        "propose": lambda text: post(signed("propose"), paper=text, note=text),
        "propose vote": lambda text: post(signed("propose"), vote=text),
        "sign-in here": lambda text: post(signed("sign-in"), next=text),
        "unsubscribe-less": lambda text: post(
            signed("unsubscribe-less", Purpose.UNSUBSCRIBE), act=text, frequency=text, weeks=text
        ),
        "report": lambda text: post(signed("report", Purpose.REACT, paper.pk), why=text),
        "language": lambda text: post("/language/", language=text, next=text),
        "login": lambda text: post("/admin/login/", username=text, password=text),
        "unsubscribe": leave,
        "sitemap": lambda text: get("/sitemap.xml", p=text),
        "any token": lambda text: get("/confirm/" + (in_path(text) or "x") + "/"),
    }


def in_path(text: str) -> str:
    return re.sub(r"[/?#]", "", text)


@pytest.mark.django_db
@pytest.mark.promise(31)
def test_every_rate_limited_endpoint_is_tried_with_bad_input(
    client: Client, make_reader: MakeReader, make_paper: Callable[..., Paper]
) -> None:
    here = {name.partition(" ")[0] for name in doors(client, make_reader(), make_paper())}
    guarded = {
        pattern.name or path
        for path, pattern in PUBLIC_PATTERNS
        if getattr(pattern.callback, "rate_limit", "webhook") != "webhook"
    }
    assert guarded - {"admin/login/", "second-factor"} - here == WITHOUT_TEXT


@pytest.mark.slow
@needs_shared_data
@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
@pytest.mark.promise(31)
def test_naughty_strings_cause_no_server_error_at_any_endpoint(
    client: Client, make_reader: MakeReader, make_paper: Callable[..., Paper]
) -> None:
    """A status each, never a 500. Each string is tried at every 24th entrance, in turn."""
    entrances = doors(client, make_reader(), make_paper())
    found = {
        f"{number} {name}": f"{use(text)}"
        for number, text in enumerate(naughty())
        for position, (name, use) in enumerate(entrances.items())
        if (number + position) % 24 == 0
    }
    assert not [key for key, answer in found.items() if answer.startswith("5")]
    held("naughty_doors", found)


@needs_shared_data
@pytest.mark.promise(31)
def test_naughty_strings_cause_no_server_error_in_any_field() -> None:
    fields = {
        "address": AddressField(max_length=254),
        "zone": ZoneField(required=False),
        "lines": ListField(),
        "names": NamesField(),
        "categories": CategoriesField(),
        "examples": PapersField(),
    }
    found = {
        f"{number}": " ".join(name for name, field in fields.items() if takes(field, text))
        for number, text in enumerate(naughty())
    }
    held("naughty_fields", found)


# --- Documents ------------------------------------------------------------------------------------


def outcome(data: bytes) -> str:
    """What reading a document comes to; anything but DocumentError is a failure of the test."""
    try:
        found = parse_document(data)
    except DocumentError:
        return "unreadable"
    return f"{found.kind} {len(found.entries)} taken, {len(found.refused)} refused"


@needs_shared_data
@pytest.mark.parametrize(
    "folder", ["illformed", "wellformed", "encoding", "entities", "compression", "http", "bombs"]
)
@pytest.mark.promise(38)
def test_each_broken_document_has_a_recorded_answer(folder: str) -> None:
    where = BAD / "xml_bombs_defusedxml" if folder == "bombs" else BAD / "feedparser_tests" / folder
    paths = sorted(path for path in where.rglob("*") if path.is_file() and path.name != "LICENSE")
    assert paths
    found = {str(path.relative_to(where)): outcome(path.read_bytes()) for path in paths}
    held(f"feeds_{folder}", found)


# --- Markup ---------------------------------------------------------------------------------------


def pages_of(client: Client, paper: Paper, reader: Subscriber) -> Iterator[str]:
    yield client.get("/").text
    yield client.get(paper.get_absolute_url()).text
    token = tokens.make_token(Purpose.REACT, reader.pk)
    yield client.get(reverse("react", args=["more", paper.pk, token])).text
    yield client.get(reverse("preview"), {"interests": paper.title}).text
    yield client.get(
        reverse("profile", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    ).text


@needs_shared_data
@pytest.mark.django_db
@pytest.mark.usefixtures("redis")
def test_markup_in_user_input_is_escaped_on_every_page(
    client: Client,
    admin_client: Client,
    make_paper: Callable[..., Paper],
    make_reader: MakeReader,
    now: Any,
) -> None:
    """All of them at once in one paper and one profile: a page with one more element would show."""
    reader = make_reader(topic={"text": "plain"})
    paper = make_paper("plain", abstract="plain", authors=["plain"], note="plain", votes=3)
    plain = [elements(text) for text in pages_of(client, paper, reader)]
    whole = " ".join(injections())[:60_000]
    for start in range(0, len(whole), 1500):
        text = whole[start : start + 1500]
        Paper.objects.filter(pk=paper.pk).update(title=text, authors=[text], note=text)
        Topic.objects.filter(subscriber=reader).update(words=[text[:200]], text=text)
        for before, page in zip(plain, pages_of(client, paper, reader), strict=True):
            assert inline_code(page) == []
            assert elements(page) <= before | {
                *("form", "button", "li", "ul", "details", "summary", "bdi"),
            }
    shown = admin_client.get(reverse("admin:papers_paper_change", args=[paper.pk])).text
    assert markup.escape(text[:40]) in shown or text[:40] not in shown


def elements(page: str) -> set[str]:
    return {str(one.tag) for one in html.fromstring(page).iter() if isinstance(one.tag, str)}


# --- Tokens, zones and lines ----------------------------------------------------------------------


@examples(deadline=None)
@given(st.sampled_from(Purpose), st.text(max_size=120))
@pytest.mark.promise(29)
def test_arbitrary_text_is_not_a_token(purpose: Purpose, text: str) -> None:
    with pytest.raises(BadLink):
        tokens.read_token(purpose, text)


@examples(deadline=None)
@given(
    st.sampled_from(Purpose),
    st.sampled_from(Purpose),
    st.integers(1, 10**12),
    st.integers(0, 60),
    st.characters(codec="ascii"),
)
@pytest.mark.promise(29)
def test_a_token_has_one_purpose_and_one_reader(
    made: Purpose, used: Purpose, pk: int, at: int, character: str
) -> None:
    token = tokens.make_token(made, pk)
    if made == used:
        assert tokens.read_token(used, token) == str(pk)
    else:
        with pytest.raises(BadLink):
            tokens.read_token(used, token)
    changed = token[:at] + character + token[at + 1 :]
    if changed[:-1] != token[:-1]:  # the last character holds bits that are not signed
        with pytest.raises(BadLink):
            tokens.read_token(made, changed)


@examples(deadline=None)
@given(st.text(max_size=300))
def test_form_fields_accept_a_value_or_state_the_reason(text: str) -> None:
    fields = (
        ZoneField(required=False),
        ListField(),
        NamesField(),
        CategoriesField(),
        PapersField(),
    )
    for field in fields:
        takes(field, text)


@pytest.mark.django_db
def test_oversized_request_bodies_are_refused(client: Client) -> None:
    """What is larger than a provider's batch is not even read."""
    answer = forge(client, "/subscribe/", {"email": "x" * 11_000_000})
    assert answer.status_code in (400, 413)
    many = {f"f{n}": "1" for n in range(1_500)}
    assert forge(client, "/subscribe/", many).status_code == 400


def test_settings_limit_request_size_and_fields(settings: Any) -> None:
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE <= 10_000_000
    assert settings.DATA_UPLOAD_MAX_NUMBER_FIELDS <= 1_000
    assert settings.DATA_UPLOAD_MAX_NUMBER_FILES <= 100
