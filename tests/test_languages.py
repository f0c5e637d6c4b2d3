"""What readers see, in their language: the catalogue is whole, and pages and mails use it."""

from __future__ import annotations

import gettext
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from papers.models import Paper
from subscriptions import cards, digest_mail, digests, emails, tokens
from subscriptions.models import Reaction, Subscriber
from subscriptions.tokens import Purpose

CATALOGUE = settings.LOCALE_PATHS[0] / "de" / "LC_MESSAGES" / "django.po"
PLACE = re.compile(r"%\((\w+)\)([^a-z]*[a-z])")
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}
MAKE = ("manage.py", "makemessages", "-l", "de", "--no-location", "--no-wrap")


def entries(path: Path) -> Iterator[tuple[list[str], list[str]]]:
    """Each entry of a catalogue: what is to be translated, singular and plural, and its forms."""
    for block in path.read_text().split("\n\n")[1:]:
        assert "#, fuzzy" not in block
        said: dict[str, str] = {}
        for name, text in re.findall(r'^(msg\w+(?:\[\d\])?) (".*"(?:\n".*")*)', block, re.M):
            pieces = re.findall(r'"(.*)"', text)
            said[name] = "".join(pieces).replace('\\"', '"').replace("\\n", "\n")
        ids = [said[name] for name in ("msgid", "msgid_plural") if name in said]
        yield ids, [text for name, text in said.items() if name.startswith("msgstr")]


def test_every_entry_is_translated_with_the_same_places() -> None:
    found = list(entries(CATALOGUE))
    assert len(found) > 500
    for ids, forms in found:
        assert len(forms) == (2 if len(ids) > 1 else 1), ids
        for form in forms:
            assert form, ids
            assert set(PLACE.findall(form)) <= set(PLACE.findall(" ".join(ids))), ids
        assert set(PLACE.findall(ids[-1])) == set(PLACE.findall(forms[-1])), ids


def test_what_is_compiled_is_what_is_written() -> None:
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for ids, forms in entries(CATALOGUE):
        if len(ids) > 1:
            assert [compiled.ngettext(*ids, n) for n in (1, 2)] == forms
        else:
            assert compiled.gettext(ids[0]) == forms[0]


@pytest.mark.skipif(not shutil.which("xgettext"), reason="GNU gettext is not installed")
def test_no_string_of_the_code_is_missing(tmp_path: Path) -> None:
    ignored = [f"--ignore={name}" for name in (".venv", "tests", ".data", "templates/admin/*")]
    for name in ("manage.py", *("config", "papers", "subscriptions", "operations", "templates")):
        source = settings.BASE_DIR / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    (tmp_path / "locale").mkdir()
    alone = {"DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(tmp_path / "data")}
    subprocess.run(
        [sys.executable, *MAKE, *ignored], cwd=tmp_path, env=os.environ | alone, check=True
    )
    wanted = {tuple(ids) for ids, _forms in entries(tmp_path / "locale/de/LC_MESSAGES/django.po")}
    assert wanted == {tuple(ids) for ids, _forms in entries(CATALOGUE)}, "make messages"


def test_a_page_speaks_the_readers_language(client: Client, edition: list[Paper]) -> None:
    english, german = client.get("/"), client.get("/", **GERMAN)
    assert '<html lang="en">' in english.text
    assert "Get trending papers in your email inbox!" in english.text
    assert '<html lang="de">' in german.text
    assert "Forschung im Gespräch, in Ihrem Postfach!" in german.text
    assert german.headers["Content-Language"] == "de"
    assert "Accept-Language" in german.headers["Vary"]


def test_the_choice_at_the_foot_wins_and_takes_a_press(client: Client, db: None) -> None:
    assert client.get(reverse("language")).status_code == 405
    search = reverse("search")
    chosen = client.post(
        reverse("language"), {"language": "de"}, headers={"referer": f"http://testserver{search}"}
    )
    assert (chosen.status_code, chosen.headers["Location"]) == (302, f"http://testserver{search}")
    cookie = chosen.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert '<html lang="de">' in client.get("/", HTTP_ACCEPT_LANGUAGE="en").text


def test_the_choice_leads_to_no_other_site(client: Client, db: None) -> None:
    elsewhere = {"language": "de", "next": "https://elsewhere.example/"}
    assert client.post(reverse("language"), elsewhere).headers["Location"] == "/"


def test_who_runs_the_site_reads_english(client: Client, db: None) -> None:
    assert '<html lang="en"' in client.get("/admin/login/", **GERMAN).text
    assert "de" not in client.get("/api/v1/openapi.json", **GERMAN).headers.get("Vary", "")


def test_who_signs_up_in_german_is_mailed_in_german(
    client: Client, edition: list[Paper], redis: None, django_capture_on_commit_callbacks: Any
) -> None:
    client.post(reverse("subscribe"), {"email": "ada@reader.example"}, **GERMAN)
    reader = Subscriber.objects.get()
    assert reader.language == "de"
    assert reader.consent_text.startswith("Schickt mir per E-Mail")
    sent = emails.confirmation(reader)
    assert sent.subject == "Bestätigen: Forschung im Gespräch, in Ihrem Postfach"
    assert "Anmeldung bestätigen" in str(sent.alternatives[0][0])


def test_the_language_of_the_mails_is_one_of_the_preferences(
    client: Client, make_reader: Callable[..., Subscriber]
) -> None:
    reader = make_reader()
    url = reverse("preferences", args=[tokens.make(Purpose.PREFERENCES, reader.pk)])
    rhythm = {"frequency": "daily", "weekday": 0, "hour": 8, "timezone": "UTC", "max_papers": 10}
    assert client.post(url, rhythm | {"language": "xx"}).status_code == 400
    assert client.post(url, rhythm | {"language": "de"}).status_code == 302
    reader.refresh_from_db()
    assert reader.language == "de"


@pytest.mark.parametrize("frequency", ["daily", "weekly"])
def test_readers_of_two_languages_in_one_chunk(
    edition: list[Paper], make_reader: Callable[..., Subscriber], now: datetime, frequency: str
) -> None:
    interests = {"topics": "language models for tools", "examples": [edition[0].arxiv_id]}
    readers = [
        make_reader(f"{n}@e.org", interests, language=language, frequency=frequency)
        for n, language in enumerate(("en", "de", "en", "de"))
    ]
    for reader in readers:
        Reaction.objects.create(
            subscriber=reader, paper=edition[1], kind=Reaction.Kind.MORE, created_at=now
        )
    found = digests.make(now.date(), readers, now)
    shown = cards.shown({pk for digest in found for pk in digest.paper_ids})
    wires = [digest_mail.outgoing(digest, shown).as_bytes("p@e.org", now) for digest in found]
    texts = [
        "\n".join(
            part.get_content()
            for part in message_from_bytes(wire, policy=default).walk()
            if part.get_content_maintype() == "text"
        )
        for wire in wires
    ]
    for text in texts[::2]:
        assert "More like this" in text
        assert "Unsubscribe" in text
        assert "which you liked" in text
        assert "Mehr davon" not in text
        assert "Abmelden" not in text
    for text in texts[1::2]:
        assert "Mehr davon" in text
        assert "Abmelden" in text
        assert "was Ihnen gefiel" in text
        assert "More like this" not in text
        assert "Unsubscribe" not in text
        assert "30. April 2026" in text
    assert {digest.subject.rpartition(" + ")[2] for digest in found} == {"3 more", "3 weitere"}


@pytest.mark.parametrize("name", ["preferences_link", "welcome", "less_often", "goodbye"])
def test_every_letter_is_in_the_readers_language(
    make_reader: Callable[..., Subscriber], name: str
) -> None:
    english = make_reader("ada@e.org")
    german = make_reader("bea@e.org", language="de")
    letters = [getattr(emails, name)(reader) for reader in (english, german)]
    assert letters[0].subject != letters[1].subject
    lines = [set(str(letter.body).splitlines()) for letter in letters]
    same = {line for line in lines[0] & lines[1] if " " in line and "http" not in line}
    assert not same, "left in English"
