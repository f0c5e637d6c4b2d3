"""What readers see, in their language: the catalogue is whole, and pages and mails use it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from lxml import html

from papers.feeds import kinds
from papers.feeds.schedule import arxiv_day
from papers.fetching.results import FetchResult
from papers.freshness import notices as silence
from papers.freshness import rules
from papers.freshness.rules import QUIET, STALE, Facts, Statement
from papers.models import Paper, Source
from papers.ranking import scoring
from papers.searching import indexing
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.mail import cards, digest_mail, emails
from subscriptions.models import Reaction, Subscriber, Subscription
from subscriptions.profiles import library_import
from subscriptions.profiles.reference_files import ReferencesError
from subscriptions.profiles.references import parse_library
from subscriptions.tokens import Purpose
from tests.pages import Page, forge

CATALOGUE = settings.LOCALE_PATHS[0] / "de" / "LC_MESSAGES" / "django.po"
PLACE = re.compile(r"%\((\w+)\)[^a-z]*([a-z])|<(/?\w+)")  # values, and tags around them
USUAL = {"cs.AI": [1210], "cs.CL": [90]}
GERMAN = {"HTTP_ACCEPT_LANGUAGE": "de-AT,de;q=0.9,en;q=0.5"}
MAKE = ("manage.py", "makemessages", "-l", "de", "--no-location", "--no-wrap")
MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
CODE = [
    path
    for app in ("config", "web", "papers", "subscriptions", "operations")
    for path in (settings.BASE_DIR / app).rglob("*.py")
]


def ids(path: Path) -> set[tuple[str, str]]:
    return {(entry.msgid, entry.msgid_plural) for entry in polib.pofile(str(path))}


def test_every_entry_is_translated_with_the_same_placeholders() -> None:
    found = polib.pofile(str(CATALOGUE))
    assert len(found) > 500
    for entry in found:
        assert entry.translated(), entry.msgid
        assert not entry.fuzzy, entry.msgid
        said = [entry.msgstr, *entry.msgstr_plural.values()][-1]
        wanted = entry.msgid_plural or entry.msgid
        assert sorted(PLACE.findall(said)) == sorted(PLACE.findall(wanted)), entry.msgid


def test_a_digest_is_an_ausgabe_in_german() -> None:
    for entry in polib.pofile(str(CATALOGUE)):
        for text in (entry.msgstr, *entry.msgstr_plural.values()):
            assert "Digest" not in text, entry.msgid


def test_the_compiled_catalogue_is_up_to_date() -> None:
    written, compiled = (
        {entry.msgid: (entry.msgstr, entry.msgstr_plural) for entry in catalogue}
        for catalogue in (
            polib.pofile(str(CATALOGUE)),
            polib.mofile(str(CATALOGUE.with_suffix(".mo"))),
        )
    )
    assert compiled == written


def test_gettext_finds_every_marked_string() -> None:
    """gettext knows the functions by their names, and does not look into f-strings."""
    known = {text for pair in ids(CATALOGUE) for text in pair}
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation":
                assert {name.asname for name in node.names} <= {None, "_"}, path
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in MARKS:
                texts = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
                marked = {text for text in texts if isinstance(text, str) and text != "count"}
                assert marked <= known, path


@pytest.mark.skipif(not shutil.which("xgettext"), reason="GNU gettext is not installed")
def test_the_catalogue_has_every_string_of_the_code(tmp_path: Path) -> None:
    ignored = [f"--ignore={name}" for name in (".venv", "tests", ".data", "templates/admin/*")]
    for name in (
        "manage.py",
        *("config", "web", "papers", "subscriptions", "operations", "devtools", "templates"),
    ):
        source = settings.BASE_DIR / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    (tmp_path / "locale").mkdir()
    alone = {"DJANGO_SETTINGS_MODULE": "config.settings", "DATA_DIR": str(tmp_path / "data")}
    subprocess.run(
        [sys.executable, *MAKE, *ignored], cwd=tmp_path, env=os.environ | alone, check=True
    )
    made = tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"
    assert ids(made) == ids(CATALOGUE), "make messages"


def test_a_page_is_in_the_language_of_the_browser(client: Client, edition: list[Paper]) -> None:
    english, german = client.get("/"), client.get("/", **GERMAN)
    assert '<html lang="en">' in english.text
    assert "Get trending papers in your email inbox!" in english.text
    assert '<html lang="de">' in german.text
    assert "Forschung im Gespräch, in Ihrem Postfach!" in german.text
    assert re.findall(r">(Tag|Woche|Monat)</a>", german.text) == ["Tag", "Woche", "Monat"]
    assert german.headers["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= set(re.split(", *", german.headers["Vary"]))


def test_the_language_menu_overrides_the_browser(client: Client, db: None) -> None:
    assert client.get(reverse("language")).status_code == 405
    search = reverse("search")
    chosen = Page.open(client, search).submit("Deutsch", follow=False).response
    assert (chosen.status_code, chosen.headers["Location"]) == (302, f"http://testserver{search}")
    cookie = chosen.cookies[settings.LANGUAGE_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert '<html lang="de">' in client.get("/", HTTP_ACCEPT_LANGUAGE="en").text


def test_the_language_menu_redirects_to_no_other_site(client: Client, db: None) -> None:
    elsewhere = {"language": "de", "next": "https://elsewhere.example/"}
    assert forge(client, reverse("language"), elsewhere).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/admin/login/", "Username:"),
        ("/api/openapi.json", "List papers"),
        ("/feeds/trending.atom", "Trending papers"),
    ],
)
def test_feeds_api_and_admin_are_in_english(
    client: Client, edition: list[Paper], address: str, says: str
) -> None:
    answer = client.get(address, **GERMAN)
    assert says in answer.text
    assert "Accept-Language" not in answer.headers.get("Vary", "")


def test_labels_passed_to_templates_are_translated(
    client: Client, edition: list[Paper], make_reader: Callable[..., Subscriber]
) -> None:
    token = tokens.make_token(Purpose.DATA, make_reader().pk)
    pages = [
        client.get(reverse("ranking", args=[edition[0].pk]), **GERMAN).text,
        client.get(reverse("data", args=[token]), **GERMAN).text,
    ]
    assert ">Stimmen</th>" in pages[0]
    assert '<th scope="row">Tag</th>' in pages[0]
    assert "<dt>Reaktionen auf Paper</dt>" in pages[1]
    entries = polib.pofile(str(CATALOGUE))
    # "Tag" is a German word, too.
    english = {e.msgid for e in entries} - {e.msgstr for e in entries}
    for page in pages:
        labels = re.findall(r"<(?:dt|th[^>]*)>([^<]+)</", page)
        assert labels
        assert not english & {label.strip() for label in labels}


def test_notices_about_quiet_and_late_sources_are_translated() -> None:
    report = silence.Report(kinds={"arxiv-rss": Statement(QUIET), "hf-daily": Statement(STALE)})
    with translation.override("de"):
        assert report.notices() == [
            "Auf arXiv gibt es heute keine Ankündigungen.",
            "Die heutige Liste von Hugging Face verspätet sich.",
        ]


def test_messages_about_sources_are_translated_on_pages_and_in_notices(
    client: Client, db: None
) -> None:
    """On the status page, and within the notices of a digest."""
    now = timezone.now()
    url = "https://rss.arxiv.org/rss/cs.AI+cs.CL"
    listed = Source.objects.create(name="One", kind="arxiv-rss", url=url)
    broken = Source.objects.create(name="Two", url="https://two.example/feed")
    day = arxiv_day(now)
    facts = Facts("arxiv-rss", day=day, entries=3, counts={"cs.AI": (3, day)}, usual=USUAL)
    for source, verdict in (
        (listed, rules.judge_document(facts, now, ["cs.AI", "cs.CL"])),
        (broken, rules.judge_failure("http_error", 503, [])),
    ):
        told = {name: asdict(one) for name, one in verdict.categories.items()}
        state, reason, said = (
            verdict.overall.state,
            verdict.overall.reason,
            verdict.overall.messages,
        )
        source.checks.create(at=now, state=state, reason=reason, messages=said, categories=told)
    pages = client.get(reverse("status")).text, client.get(reverse("status"), **GERMAN).text
    for said in (
        ("cs.AI: only 3 papers instead of about 1,210.", "cs.AI: nur 3 Paper statt etwa 1.210."),
        ("cs.CL is missing; it usually", "cs.CL fehlt; sonst sind es etwa 90 Paper."),
        (
            "The server answered with an error (HTTP 503).",
            "Der Server meldet einen Fehler (HTTP 503).",
        ),
        ("incomplete", "unvollständig"),
    ):
        for sentence, page in zip(said, pages, strict=True):
            assert sentence in page
    assert "usually" not in pages[1]
    with translation.override("de"):
        notices = silence.report_at(now).notices()
    assert "cs.AI ist heute unvollständig: nur 3 Paper statt etwa 1.210." in notices


def test_every_message_about_a_source_is_translated() -> None:
    late = date(2026, 4, 29).isoformat()
    with translation.override("de"):
        still = rules.render_messages([["It still shows the list for %(day)s.", {"day": late}]])
        assert still == "Sie zeigt noch die Liste vom Mittwoch, 29. April."
        for sentence in (
            *rules.TROUBLES.values(),
            *(text for kind in kinds.KINDS if kind.schedule for text in kind.schedule.quiet),
        ):
            assert rules.render_messages([[sentence, {"status": 500}]]) != sentence % {
                "status": 500
            }


def test_errors_in_uploaded_files_are_translated() -> None:
    with translation.override("de"), pytest.raises(ReferencesError, match="ist kein gültiges JSON"):
        parse_library(b'[{"title": ', "zotero.json")


def test_a_sign_up_in_german_gets_german_mail(
    client: Client, edition: list[Paper], redis: None
) -> None:
    page = Page.open(client, reverse("subscribe"), **GERMAN)
    page.submit("Abonnieren", email="ada@reader.example")
    reader = Subscriber.objects.get()
    assert reader.language == "de"
    assert reader.consent_text.startswith("Schickt mir angesagte Paper")
    sent = emails.confirmation(reader)
    assert sent.subject == "Bestätigen Sie Ihr Abonnement von Paperboy"
    assert "Abonnement bestätigen" in str(sent.html)


def test_the_language_of_emails_is_a_preference(
    client: Client, make_reader: Callable[..., Subscriber]
) -> None:
    reader = make_reader()
    url = reverse("preferences", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    page = Page.open(client, url)
    assert forge(client, url, page.fields("Save") | {"language": "xx"}).status_code == 400
    assert "Saved." in page.submit("Save", language="de").text
    reader.refresh_from_db()
    assert reader.language == "de"


@pytest.mark.parametrize("frequency", ["daily", "weekly"])
def test_readers_of_two_languages_in_one_chunk(
    edition: list[Paper],
    make_paper: Callable[..., Paper],
    make_reader: Callable[..., Subscriber],
    now: datetime,
    frequency: str,
) -> None:
    make_paper("Tools that language models call", votes=9, categories=["cs.CL"])
    scoring.rescore(now)
    interests = {"text": "language models for tools", "examples": [edition[0].arxiv_id]}
    readers = [
        make_reader(f"{n}@e.org", interests, language=language, frequency=frequency)
        for n, language in enumerate(("en", "de", "en", "de"))
    ]
    for reader in readers:
        Reaction.objects.create(
            subscriber=reader,
            topic=reader.first_topic,
            paper=edition[1],
            kind=Reaction.Kind.MORE,
            created_at=now,
        )
    due = [reader.default_subscription for reader in readers]
    found = digests.make_digests(now.date(), due, now)
    shown = cards.visible_cards({pk for digest in found for pk in digest.paper_ids})
    wires = [digest_mail.digest_message(digest, shown).as_bytes("p@e.org", now) for digest in found]
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
        assert "Abbestellen" not in text
    for text in texts[1::2]:
        assert "Mehr davon" in text
        assert "Abbestellen" in text
        assert "das Ihnen gefiel" in text
        assert "More like this" not in text
        assert "Unsubscribe" not in text
        assert "30. April 2026" in text
    assert {digest.subject.rpartition(" + ")[2] for digest in found} == {"2 more", "2 weitere"}


@pytest.mark.parametrize("name", ["preferences_link", "welcome", "less_often", "goodbye"])
def test_every_email_is_in_the_language_of_the_reader(
    make_reader: Callable[..., Subscriber], name: str
) -> None:
    english = make_reader("ada@e.org")
    german = make_reader("bea@e.org", language="de")
    letters = [getattr(emails, name)(reader) for reader in (english, german)]
    assert letters[0].subject != letters[1].subject
    lines = [set(str(letter.text).splitlines()) for letter in letters]
    same = {line for line in lines[0] & lines[1] if " " in line and "http" not in line}
    assert not same, "left in English"


def in_english(page: str, text: str, within: str = "//body") -> bool:
    """Whether a text is there, and everywhere marked as English, whatever is around it."""
    marks = "//*[contains(text(), $text)]/ancestor-or-self::*[@lang][1]/@lang"
    found = html.fromstring(page).xpath(within + marks, text=text)
    return set(found) == {"en"}


def test_titles_and_abstracts_are_marked_as_english_in_german_pages(
    client: Client, edition: list[Paper], make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    """Titles and abstracts are English in the midst of German."""
    indexing.index_changed(now)
    paper = edition[0]
    reader = make_reader(language="de", topic={"text": paper.title})
    token = tokens.make_token(Purpose.REACT, reader.pk)
    pages = {
        address: client.get(address, **GERMAN).text
        for address in (
            reverse("day", args=[paper.day]),
            paper.get_absolute_url(),
            reverse("ranking", args=[paper.pk]),
            reverse("preview") + "?interests=context+models",
            reverse("vote", args=[paper.pk, token]),
            reverse("react", args=["more", paper.pk, token]),
            reverse("keep", args=[paper.pk, token]),
        )
    }
    for frequency in ("daily", "weekly"):
        Subscription.objects.update(frequency=frequency)
        [digest] = digests.make_digests(now.date(), list(Subscription.objects.all()), now)
        message = digest_mail.digest_message(digest, cards.visible_cards(set(digest.paper_ids)))
        mail = message_from_bytes(message.as_bytes("p@e.org", now), policy=default)
        pages[frequency] = mail.get_body(("html",)).get_content()
    for address, page in pages.items():
        assert re.search(r'<html[^>]* lang="de"', page)
        # A preheader and reasons are sentences with titles in them.
        within = "//h3" if address in ("daily", "weekly") else "//body"
        assert in_english(page, paper.title[:30], within), address
        if address in ("daily", "weekly", paper.get_absolute_url()):
            assert in_english(page, paper.abstract[:30]), address


def test_titles_are_marked_as_english_on_reader_pages_and_in_emails(
    client: Client, edition: list[Paper], make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    indexing.index_changed(now)
    reader, paper = make_reader(language="de", topic={"categories": ["cs.CL"]}), edition[0]
    topic = reader.first_topic
    reader.reactions.create(paper=paper, topic=topic, kind=Reaction.Kind.MORE, created_at=now)
    preferences = tokens.make_token(Purpose.PREFERENCES, reader.pk)
    react = tokens.make_token(Purpose.REACT, reader.pk)
    pages = {
        address: client.get(address, **GERMAN).text
        for address in (
            reverse("home"),
            reverse("preferences", args=[preferences]),
            reverse("profile", args=[preferences]),
            reverse("vote", args=[paper.pk]),
            reverse("report", args=[paper.pk, react]),
        )
    }
    pages["vote link"] = str(emails.vote_link(reader, paper).html)
    for address, page in pages.items():
        assert re.search(r'<html[^>]* lang="de"', page)
        within = "//td" if address == "vote link" else "//main"
        assert in_english(page, paper.title[:30], within), address
    found = html.fromstring(client.get(reverse("search"), {"q": "context"}, **GERMAN).text)
    for shown in ("h3//bdi", "p[@class='extract']"):
        assert set(found.xpath(f"//li[@class='card']//{shown}/@lang")) == {"en"}
        assert not found.xpath(f"//li[@class='card']//{shown}[not(@lang)]")


def test_an_invalid_address_is_refused_without_english_text(client: Client, db: None) -> None:
    """The reason is the library's, and it has English alone."""
    typed = "ada@reader@example"
    english = Page.open(client, reverse("subscribe")).submit("Subscribe", email=typed).text
    assert re.search(r"doesn't look like an email address: [A-Z]", english)
    page = Page.open(client, reverse("subscribe"), **GERMAN)
    german = page.submit("Abonnieren", email=typed).text
    assert "Das sieht nicht wie eine E-Mail-Adresse aus" in german


def test_the_status_of_an_author_page_is_in_the_language_of_the_reader(
    make_reader: Callable[..., Subscriber],
) -> None:
    reader = make_reader(language="de", topic={"author_page": "doe_j_1"})
    library_import.take(
        reader.first_topic.pk, FetchResult("http_error", status=404, detail="HTTP 404")
    )
    reader.first_topic.refresh_from_db()
    assert reader.first_topic.author_page_status.startswith("arXiv hat keine")
