"""The first day of a new installation, step by step, for its operator, curator and readers.

The steps depend on each other and only use browsers, mailboxes and shell commands. The database is
read only to prove that no message was lost or sent twice, and changed only to skip a day.
"""

from __future__ import annotations

import json
import os
import re
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
from django.utils import timezone

from tests.papers.servers import Server
from tests.walk import documents
from tests.walk.installation import Installation, MailServer, wait_for
from tests.walk.people import Person

pytestmark = [pytest.mark.slow, pytest.mark.in_order]
CURATOR, PASSWORD = "editor", "correct horse battery staple"
READER, SECOND = "ada@reader.example", "bo@reader.example"
MANUSCRIPTS = "Medieval manuscript paleography with vision transformers"
ENZYMES = "Protein language models for enzyme design"
OUTAGE = float(os.environ.get("WALK_OUTAGE", "5"))  # seconds
NOTE = "Read **this** first: [the call](https://example.org/call).\n\nA second paragraph."


def test_1_the_operator_sets_up_the_installation(
    installation: Installation, curator: Person
) -> None:
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


@pytest.mark.promise(46)
def test_2_the_curator_adds_sources(
    installation: Installation, curator: Person, feed_server: Server
) -> None:
    documents.publish(feed_server, timezone.now().date(), documents.FIRST_DAY)
    curator.open("/admin/")
    curator.fill("Username", CURATOR)
    curator.fill("Password", PASSWORD)
    curator.press("Log in")
    curator.picture("start page of an empty installation")
    curator.sees("Add recommended sources")
    for path in (documents.ARXIV, documents.HUGGING_FACE, documents.JOURNAL):
        curator.open("/admin/papers/source/add/")
        curator.fill("Address", feed_server.url(path))
        curator.press("Save")
        curator.sees("was added")
    curator.picture("sources")


@pytest.mark.promise(46)
def test_3_papers_arrive_and_can_be_searched(reader: Person) -> None:
    reader.open("/")
    reader.reload_until("Trending on")
    reader.picture("home")
    for word, title in (
        ("paleography", MANUSCRIPTS),
        ("charters", MANUSCRIPTS),
        ("enzyme", ENZYMES),
    ):
        reader.open("/search/")
        reader.fill("Words, a sentence", word)
        reader.press_enter()
        reader.sees(title)
    reader.picture("search")
    preview(reader, "medieval manuscript paleography")
    reader.sees(MANUSCRIPTS)
    reader.sees("atches your “medieval manuscript paleography”")
    reader.picture("preview")
    preview(reader, "zyzzyva qwerasdf")
    reader.sees("None of today")
    reader.picture("preview of unknown words")


def preview(reader: Person, interests: str) -> None:
    reader.open("/")
    reader.fill("What do you work on?", interests)
    reader.press("Show my papers")


def test_4_the_curator_renames_and_disables_a_source(curator: Person) -> None:
    curator.open("/admin/papers/source/")
    curator.sees("Journal of Old Books")
    curator.picture("sources in health")
    curator.press("Journal of Old Books")
    curator.fill("Name", "Old Books")
    save(curator)
    for is_active in (False, True):
        curator.press("Old Books")
        curator.tick("Active", on=is_active)
        save(curator)


def save(curator: Person) -> None:
    curator.press("Save")
    curator.sees("was changed")


@pytest.mark.promise(46)
def test_5_a_reader_gets_a_first_digest(reader: Person, mail_server: MailServer) -> None:
    sign_up(reader, mail_server, READER)
    reader.picture("preferences")
    reader.fill("What do you work on?", "medieval manuscript paleography")
    reader.choose(
        "Delivery time", f"{timezone.now():%H}:00"
    )  # the current hour, so that tomorrow's digest is due at the same time
    reader.press("Save and send today")
    reader.sees("on its way")
    digest = mail_server.newest(READER, MANUSCRIPTS)
    assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    reader.read_email(digest, "first digest")
    reader.sees("atches your “medieval manuscript paleography”")


def sign_up(reader: Person, mail_server: MailServer, address: str) -> None:
    reader.open("/")
    reader.fill("Your e", address)
    reader.press("Subscribe")
    reader.sees("inbox")
    reader.picture("look into your inbox")
    confirm(reader, mail_server, address)


def confirm(reader: Person, mail_server: MailServer, address: str) -> None:
    message = mail_server.newest(address, "onfirm")
    reader.press_in_email(message, "Confirm my subscription", "confirmation")
    reader.picture("confirm")
    reader.press("Yes, send me papers")
    reader.sees("tell us what you're interested in")


def test_6_the_reader_reacts_votes_and_stays_signed_in(
    reader: Person, mail_server: MailServer
) -> None:
    digest = mail_server.messages(READER, MANUSCRIPTS)[-1]
    reader.press_in_email(digest, "More like this")
    reader.press("Show me more like this")
    reader.sees("Undo")
    reader.picture("reaction")
    reader.open("/")
    reader.press("Vote")
    reader.sees("Voted")
    reader.sees("1 here")
    reader.picture("voted")
    reader.open("/preferences/")
    reader.press("Your data")
    reader.sees("Where you're signed in")
    reader.picture("data")


def test_7_the_reader_requests_a_sign_in_link(reader: Person, mail_server: MailServer) -> None:
    reader.press("Email me the link")
    reader.sees("inbox")
    message = mail_server.newest(READER, "Sign in")
    reader.press_in_email(message, "Your data", "link")
    reader.sees(READER)
    reader.picture("data by link")


def test_8_the_reader_unsubscribes_and_undoes_it(reader: Person, mail_server: MailServer) -> None:
    digest = mail_server.messages(READER, MANUSCRIPTS)[-1]
    reader.press_in_email(digest, "Unsubscribe")
    reader.sees("Unsubscribe from")
    reader.picture("leave")
    reader.press("Unsubscribe")
    reader.sees("You're unsubscribed")
    reader.picture("left")
    reader.press("Undo")
    reader.sees("Your subscription continues as before")


def test_9_the_reader_keeps_a_paper_and_exports_it(
    reader: Person, mail_server: MailServer, tmp_path: Path
) -> None:
    digest = mail_server.messages(READER, MANUSCRIPTS)[-1]
    reader.press_in_email(digest, "Keep")
    reader.sees("Keep this paper?")
    reader.press("Keep it")
    reader.sees("Kept in your library")
    reader.picture("kept")
    reader.press("Open your library")
    reader.sees(MANUSCRIPTS)
    reader.press("Note and tags")
    reader.fill("Your note", NOTE)
    reader.fill("Tags", "thesis, scripts")
    reader.press("Save")
    reader.sees("A second paragraph.")
    reader.picture("library")
    reader.fill("Search your library", "thesis")
    reader.press_enter()
    reader.sees("Show all")
    reader.sees(MANUSCRIPTS)
    reader.tick(MANUSCRIPTS)
    reader.choose("Action for the chosen papers", "Export as BibTeX")
    file = reader.download("Do it", tmp_path / "library.bib")
    assert MANUSCRIPTS in file
    assert "keywords = {thesis, scripts}" in file
    assert "Read **this** first" in file


def test_10_the_reader_adds_a_topic_and_a_schedule(reader: Person) -> None:
    reader.open("/preferences/")
    reader.press("Add another topic")
    reader.tick("Everything that matches a search")
    reader.fill("Search", "title:manuscript*")
    reader.tick("Also papers that another topic")
    reader.fill("Name", "Manuscripts")
    reader.press("Preview")
    reader.sees("In the last 14 days this would have brought 1 paper")
    reader.picture("preview of a topic")
    reader.press("Save")
    reader.sees("Your topics")
    reader.sees("title contains")
    reader.picture("topics")
    reader.open("/subscriptions/new/")
    reader.choose("How often", "Once a month")
    reader.choose("Day of the month", "15")
    reader.tick("Only the topics I choose")
    reader.tick("Manuscripts")
    reader.press("Save")
    reader.sees("on the 15th")
    reader.picture("schedules")


def test_11_the_curator_edits_the_next_edition(curator: Person) -> None:
    curator.open("/admin/")
    curator.sees("Tomorrow")
    curator.picture("start page")
    curator.press("Tomorrow")
    curator.sees("Pinned, 0")
    curator.press(f"Pin: {ENZYMES}")
    curator.sees("Pinned, 1")
    curator.fill("Editor", NOTE)
    curator.press("Preview note")
    curator.sees("From the editor:")
    curator.press_within("form.words", "Save")
    curator.sees("the call")
    curator.fill("As", READER)
    curator.press("Show")
    curator.picture("desk")
    curator.enter_frame("iframe.phone")
    curator.sees("From the editor")
    curator.sees(ENZYMES)
    curator.leave_frame()
    curator.press("Approve")
    curator.sees("Approved")


def test_12_the_next_digest_contains_the_curators_choices(
    installation: Installation, feed_server: Server, reader: Person, mail_server: MailServer
) -> None:
    count = len(mail_server.messages(READER))
    documents.publish(feed_server, timezone.now().date(), documents.NEXT_DAY)
    installation.skip_a_day()
    digest = mail_server.newest(READER, after=count)
    reader.read_email(digest, "next digest")
    reader.sees("the call")
    reader.sees("A second paragraph.")
    reader.sees(ENZYMES)
    assert 'href="https://example.org/call"' in digest.get_body(("html",)).get_content()  # type: ignore[union-attr]


@pytest.mark.promise(40)
def test_13_no_process_logs_the_address_of_a_reader(installation: Installation) -> None:
    before = installation.count_requests("home")
    for _ in range(10):
        assert installation.get("/").status_code == 200
    counted = installation.count_requests("home") - before
    assert counted == 10, "the web processes share their counts"
    report = json.loads(installation.manage("doctor", "--offline", "--json", status=None))
    levels = {
        check["message"].split(":")[0]: check["level"]
        for check in report
        if check["area"] == "Workers"
    }
    assert levels == dict.fromkeys(("urgent", "mail", "build", "ingest"), "ok")
    assert {check["level"] for check in report if check["area"] == "PostgreSQL"} == {"ok"}
    logs = "".join(map(installation.log, installation.running))
    assert READER.split("@")[0] + "@" not in logs
    assert "/confirm/***/" in logs, "requests are logged with masked tokens"
    for line in logs.splitlines():
        assert not line.startswith("{") or json.loads(line)["time"]
    assert not re.search(r'"level": "(ERROR|CRITICAL)"', logs)


def test_14_failures_delay_emails_but_lose_none(
    installation: Installation,
    feed_server: Server,
    curator: Person,
    reader: Person,
    mail_server: MailServer,
) -> None:
    """Sign up and send digests while SMTP is down, Redis restarts and workers are killed."""
    mail_server.stop()
    documents.publish(feed_server, timezone.now().date(), documents.THIRD_DAY)
    # The digest and the checks would be due at once, and the digest built without the new paper.
    installation.query("UPDATE papers_source SET next_check_at = now()")
    installation.send_task("papers.tasks.fetch_due_sources")
    wait_for(lambda: installation.query(STORED, *documents.THIRD_DAY), "the third day's paper")
    installation.skip_a_day()
    curator.open("/")
    curator.fill("Your e", SECOND)
    curator.press("Subscribe")
    curator.sees("inbox")
    installation.send_task("subscriptions.tasks.build_due_digests")
    wait_for(lambda: installation.query(PENDING, READER), "the pending digest")
    time.sleep(OUTAGE)
    installation.kill("mail")
    installation.kill("urgent")
    installation.restart_redis()
    mail_server.start()
    installation.start("mail", "urgent")
    confirmation = mail_server.newest(SECOND, "onfirm")
    curator.read_email(confirmation, "late confirmation")
    wait_for(lambda: len(digests_to(mail_server, READER)) == 3, "the third digest")
    reader.read_email(digests_to(mail_server, READER)[-1], "digest of two topics")
    reader.sees("Manuscripts")
    reader.sees("Matches your search “title:manuscript*”")
    assert len(mail_server.messages(SECOND)) == 1, mail_server.subjects()


STORED = "SELECT 1 FROM papers_paper WHERE title = %s"
PENDING = """
    SELECT 1 FROM subscriptions_digest AS digest JOIN subscriptions_subscriber AS reader
    ON reader.id = subscriber_id WHERE digest.status = 'pending' AND email = %s"""


def digests_to(mail_server: MailServer, address: str) -> list[EmailMessage]:
    return [message for message in mail_server.messages(address) if message["List-Id"]]


def test_15_nothing_is_lost_or_sent_twice(installation: Installation) -> None:
    """No digest was sent twice, no message was lost and no process logged an exception."""
    duplicates = (
        "SELECT subscription_id, day FROM subscriptions_digest GROUP BY 1, 2 HAVING count(*) > 1"
    )
    assert installation.query(duplicates) == []
    statuses = {
        status for (status,) in installation.query("SELECT status FROM subscriptions_message")
    }
    assert statuses == {"sent"}
    for name in ("web", "beat", "watch"):
        assert "Traceback" not in installation.log(name), installation.log(name)[-3000:]
    running = set(installation.running)
    assert installation.stop_processes() == dict.fromkeys(running, 0)
