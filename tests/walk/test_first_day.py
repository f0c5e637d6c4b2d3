"""The first day of a new installation, lived through by those who use it."""

from __future__ import annotations

from django.utils import timezone

from tests.papers.servers import Server
from tests.walk import documents
from tests.walk.installation import Installation, wait_for
from tests.walk.people import Person

CURATOR, PASSWORD = "editor", "correct horse battery staple"


def test_the_operator_sets_it_up(installation: Installation, curator: Person) -> None:
    installation.migrate()
    installation.start()
    wait_for(installation.is_ready, "the web server")
    installation.manage(
        *("createsuperuser", "--noinput", "--username", CURATOR, "--email", "editor@example.org"),
        DJANGO_SUPERUSER_PASSWORD=PASSWORD,
    )
    curator.open("/")
    curator.picture("empty home")
    advice = installation.manage("doctor", "--offline", status=1)
    assert "There is none" in advice


def test_the_curator_adds_sources(
    installation: Installation, curator: Person, feed_server: Server
) -> None:
    documents.publish(feed_server, timezone.now().date(), documents.FIRST_DAY)
    curator.open("/admin/")
    curator.fill("Username", CURATOR)
    curator.fill("Password", PASSWORD)
    curator.press("Log in")
    curator.picture("start page")
    for path in (documents.ARXIV, documents.HUGGING_FACE, documents.JOURNAL):
        curator.open("/admin/papers/source/add/")
        curator.fill("Address", feed_server.url(path))
        curator.picture("add source")
        curator.press("Save")
        curator.sees("was added")
    curator.open("/admin/papers/source/")
    curator.picture("sources")
    print(curator.text)


def test_papers_arrive(installation: Installation, reader: Person) -> None:
    reader.open("/")
    reader.reload_until("Trending on")
    reader.picture("home")
    print(reader.text)
    for log in ("ingest", "web", "urgent", "beat"):
        print(log, installation.log(log)[-1500:])
