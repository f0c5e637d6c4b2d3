"""The first day of a new installation, lived through by those who use it.

The steps build on each other. Only what a browser, a mailbox or a shell shows is used; rows are
read to prove that no message was lost or doubled, and moved in time to let a day pass.
"""

from __future__ import annotations

from django.utils import timezone

from tests.papers.servers import Server
from tests.walk import documents
from tests.walk.installation import Installation, MailServer, wait_for
from tests.walk.people import Person

CURATOR, PASSWORD = "editor", "correct horse battery staple"
READER, SECOND = "ada@reader.example", "bo@reader.example"
MANUSCRIPTS = "Medieval manuscript paleography with vision transformers"
ENZYMES = "Protein language models for enzyme design"
NOTE = "Read **this** first: [the call](https://example.org/call).\n\nA second paragraph."


def test_1_the_operator_sets_it_up(installation: Installation, curator: Person) -> None:
    installation.migrate()
    installation.start()
    wait_for(installation.is_ready, "the web server")
    installation.manage(
        *("createsuperuser", "--noinput", "--username", CURATOR, "--email", "editor@example.org"),
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    advice = installation.manage("doctor", "--offline", status=1)
    assert "add_source" in advice
    assert "/admin/" in advice
    curator.open("/")
    curator.picture("empty home")


def test_2_the_curator_adds_sources(
    installation: Installation, curator: Person, feed_server: Server
) -> None:
    documents.publish(feed_server, timezone.now().date(), documents.FIRST_DAY)
    curator.open("/admin/")
    curator.fill("Username", CURATOR)
    curator.fill("Password", PASSWORD)
    curator.press("Log in")
    curator.picture("start page of an empty installation")
    curator.sees("recommended sources")
    for path in (documents.ARXIV, documents.HUGGING_FACE, documents.JOURNAL):
        curator.open("/admin/papers/source/add/")
        curator.fill("Address", feed_server.url(path))
        curator.press("Save")
        curator.sees("was added")
    curator.picture("sources")


def test_3_papers_arrive_and_are_found(installation: Installation, reader: Person) -> None:
    reader.open("/")
    reader.reload_until("Trending on")
    reader.picture("home")
    for word in ("paleography", "enzyme", "charters"):
        reader.open("/search/")
        reader.fill("Words, a sentence", word)
        reader.enter()
        reader.sees(ENZYMES if word == "enzyme" else MANUSCRIPTS)
    reader.picture("search")
    preview(reader, "medieval manuscript paleography")
    reader.sees(MANUSCRIPTS)
    reader.sees("paleography”")
    reader.picture("preview")
    preview(reader, "zyzzyva qwerasdf")
    reader.sees("None of today")
    reader.picture("preview of unknown words")


def preview(reader: Person, interests: str) -> None:
    reader.open("/")
    reader.fill("What do you work on?", interests)
    reader.press("Show me my papers")


def test_4_the_curator_edits_and_switches_off_a_source(curator: Person) -> None:
    curator.open("/admin/papers/source/")
    curator.press("Journal of Old Books")
    curator.fill("Name", "Old Books")
    curator.press("Save")
    curator.sees("was changed")
    curator.sees("ok")
    curator.press("Old Books")
    curator.tick("Active", on=False)
    curator.press("Save")
    curator.sees("was changed")
    curator.press("Old Books")
    curator.tick("Active", on=True)
    curator.press("Save")
    curator.sees("was changed")
    curator.picture("sources in health")


def test_5_a_reader_gets_a_first_digest(reader: Person, mail_server: MailServer) -> None:
    sign_up(reader, mail_server, READER)
    reader.picture("preferences")
    reader.fill("What do you work on, in your own words?", "medieval manuscript paleography")
    reader.press("Save and send today's digest")
    reader.sees("on its way")
    digest = mail_server.newest(READER, "edieval manuscript")
    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    reader.read_email(digest, "first digest")
    reader.sees(MANUSCRIPTS)
    reader.sees("paleography”")


def sign_up(reader: Person, mail_server: MailServer, address: str) -> None:
    reader.open("/")
    reader.fill("Your email address", address)
    reader.press("Subscribe")
    reader.sees("inbox")
    reader.picture("look into your inbox")
    confirm(reader, mail_server, address)


def confirm(reader: Person, mail_server: MailServer, address: str) -> None:
    message = mail_server.newest(address, "onfirm")
    reader.press_in_email(message, "Confirm my subscription", "confirmation")
    reader.picture("confirm")
    reader.press("Yes, send me papers")
    reader.sees("What do you work on")


def test_6_the_reader_answers_and_stays_signed_in(reader: Person, mail_server: MailServer) -> None:
    digest = mail_server.messages(READER)[-1]
    reader.press_in_email(digest, "More like this", "first digest again")
    reader.press("Show me more like this")
    reader.sees("Undo")
    reader.picture("reaction")
    reader.open("/")
    reader.press("Vote")
    reader.sees("Voted")
    reader.picture("voted")
    reader.press("Your data")
    reader.sees(READER)
    reader.picture("data")


def test_7_a_reader_who_is_not_signed_in_gets_a_link_at_once(
    curator: Person, mail_server: MailServer
) -> None:
    count = len(mail_server.messages(READER))
    curator.open("/")
    curator.press("Sign in")
    curator.fill("Your email address", READER)
    curator.press("Email me a link")
    message = mail_server.newest(READER, after=count)
    curator.read_email(message, "sign in link")
