"""A reader proposes and votes; what mail scanners do on the way changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devtools.outbox import messages
from papers import community
from papers.fetching import backfill
from papers.models import Observation, Paper, Submission, Vote
from papers.ranking import scoring
from subscriptions import tasks, tokens
from subscriptions.models import Subscriber
from subscriptions.tokens import Purpose
from tests.pages import Page, forge
from tests.papers.servers import Server

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
ANSWER = b"""<feed xmlns="http://www.w3.org/2005/Atom"><id>http://arxiv.org/api/x</id><entry>
<id>http://arxiv.org/abs/2604.00001v2</id><title>On folding</title><summary>We fold.</summary>
<published>2026-04-27T00:00:00Z</published><author><name>Ann One</name></author>
<category term="cs.AI"/></entry></feed>"""


@pytest.fixture
def reader(make_reader: Callable[..., Subscriber]) -> Subscriber:
    return make_reader()


def propose_url(reader: Subscriber) -> str:
    return reverse("propose", args=[tokens.make_token(Purpose.PREFERENCES, reader.pk)])


def propose(client: Client, reader: Subscriber, paper: str, **more: str) -> Page:
    page = Page.open(client, propose_url(reader))
    return page.submit("Propose it", paper=paper, **more)


def vote_url(reader: Subscriber, paper: Paper) -> str:
    return reverse("vote", args=[paper.pk, tokens.make_token(Purpose.REACT, reader.pk)])


@pytest.fixture
def arxiv(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Server]:
    settings.ALLOW_PRIVATE_SOURCES = True
    with Server().running() as server:
        monkeypatch.setattr(backfill, "API", server.url("/api"))
        yield server


def act(client: Client, action: str, *pks: int) -> str:
    page = Page.open(client, reverse("admin:papers_submission_changelist"))
    return page.submit("Go", action=action, _selected_action=[str(pk) for pk in pks]).text


def test_a_proposal_waits_for_a_curator_and_comes_in_when_accepted(
    client: Client, admin_client: Client, reader: Subscriber, arxiv: Server
) -> None:
    arxiv.answer("/api", body=ANSWER)
    said = propose(client, reader, "https://arxiv.org/abs/2604.00001v1", note="Read it").text
    assert "A curator will review it" in said
    assert "arXiv:2604.00001" in said
    assert not Paper.objects.exists()
    made = Submission.objects.get()
    assert (made.status, made.note) == ("waiting", "Read it")
    assert "1 of 1 papers added." in act(admin_client, "accept", made.pk)
    paper = Paper.objects.get()
    assert (paper.arxiv_id, paper.version, paper.site_votes) == ("2604.00001", 2, 1)
    assert "On folding" in client.get(propose_url(reader)).text
    act(admin_client, "accept", made.pk)
    assert Observation.objects.filter(kind="readers").count() == 1


def test_what_arxiv_does_not_have_stays_in_the_queue_with_the_reason(
    admin_client: Client, reader: Subscriber, arxiv: Server
) -> None:
    arxiv.answer("/api", body=ANSWER.replace(b"2604.00001", b"2604.00002"))
    made = community.propose_paper("2604.00001", "", reader.community_key, timezone.now())
    said = act(admin_client, "accept", made.pk)
    assert "0 of 1 papers" in said
    assert "2604.00001: arXiv has no paper with this ID." in said
    made.refresh_from_db()
    assert made.status == "waiting"
    act(admin_client, "reject", made.pk)
    assert Submission.objects.get().status == "refused"


@pytest.mark.parametrize("status", [503, 429, 500, 404, None])
def test_an_acceptance_stays_while_arxiv_cannot_be_reached_and_is_tried_again(
    admin_client: Client, reader: Subscriber, arxiv: Server, status: int | None
) -> None:
    now = timezone.now()
    if status:
        arxiv.answer("/api", status)
    else:
        arxiv.stream("/api", lambda: iter([b""]))
    made = community.propose_paper("2604.00001", "", reader.community_key, now)
    page = Page.open(admin_client, reverse("admin:papers_queue")).submit("Accept 2604.00001")
    assert "arXiv could not be reached. Paperboy will retry automatically." in page.text
    assert "Accepted, waiting for arXiv" in page.text
    assert "Errno" not in page.html
    arxiv.answer("/api", body=ANSWER)
    assert community.due_proposals(now) == [], "not at once"
    later = now + timedelta(hours=1)
    assert community.due_proposals(later) == [made.pk]
    assert community.fetch_proposal(made.pk, later)
    assert not community.fetch_proposal(made.pk, later + timedelta(days=1)), "once is enough"
    made.refresh_from_db()
    assert (made.status, made.outcome, made.paper) == ("accepted", "", Paper.objects.get())
    assert Vote.objects.count() == 1


def test_an_acceptance_can_be_taken_back_and_ends_after_a_week(
    admin_client: Client, reader: Subscriber, arxiv: Server, settings: Any
) -> None:
    arxiv.answer("/api", 503)
    now = timezone.now()
    made = community.propose_paper("2604.00001", "", reader.community_key, now)
    queue = Page.open(admin_client, reverse("admin:papers_queue"))
    page = queue.submit("Accept 2604.00001").submit("Don’t fetch 2604.00001")
    assert "Undecided again: 2604.00001." in page.text
    assert community.due_proposals(now + timedelta(days=1)) == []
    community.accept_proposal(made, now)
    tries = 0
    while due := community.due_proposals(now):
        now += timedelta(hours=7)
        tries += len(due)
        community.fetch_proposal(made.pk, now)
    while community.due_proposals(now := now + timedelta(hours=7)):
        assert not community.fetch_proposal(made.pk, now)
        tries += 1
        assert tries < 100
    made.refresh_from_db()
    assert made.status == "waiting"
    assert made.outcome == "arXiv could not be reached for a week."


def test_a_paper_is_proposed_once_and_a_reader_proposes_within_bounds(
    client: Client, reader: Subscriber, make_reader: Callable[..., Subscriber]
) -> None:
    for number in range(community.MAX_WAITING):
        propose(client, reader, f"2604.{number:05}")
    refused = propose(client, reader, "2604.77777")
    assert refused.status == 400
    assert "still waiting" in refused.text
    other = make_reader("other@example.org")
    said = propose(client, other, "2604.00001").text
    assert "Someone has already proposed this paper." in said
    assert Submission.objects.count() == community.MAX_WAITING


def test_no_arxiv_link_is_said_to_be_none(client: Client, reader: Subscriber) -> None:
    page = propose(client, reader, "https://example.org/x")
    assert page.status == 400
    assert "isn't an arXiv link or ID" in page.text


def test_a_vote_counts_once_can_be_taken_back_and_is_an_observation(
    client: Client, reader: Subscriber, make_paper: Callable[..., Paper]
) -> None:
    paper = make_paper(votes=3)
    url = vote_url(reader, paper)
    page = Page.open(client, url)
    said = page.submit("Vote for it").text
    assert "4 votes (3 on Hugging Face · 1 here)" in said.replace("\xa0", " ")
    page.submit("Vote for it")  # the page that was open before
    paper.refresh_from_db()
    assert (
        paper.votes,
        paper.site_votes,
        scoring.collect_signals(paper, 0).votes,
    ) == (
        3,
        1,
        4,
    )
    assert Observation.objects.get(kind="readers").votes == 1
    assert "Your vote was removed" in Page.open(client, url).submit("Take it back").text
    paper.refresh_from_db()
    assert paper.site_votes == 0


@pytest.mark.promise(26)
def test_opening_the_community_links_changes_nothing(
    client: Client, reader: Subscriber, make_paper: Callable[..., Paper]
) -> None:
    paper = make_paper()
    for url in (vote_url(reader, paper), propose_url(reader)):
        for _ in range(2):
            assert client.get(url).status_code == client.head(url).status_code == 200
    assert not Vote.objects.exists()
    assert not Submission.objects.exists()


def test_only_active_readers_with_their_own_link_take_part(
    client: Client, reader: Subscriber, make_paper: Callable[..., Paper]
) -> None:
    paper = make_paper()
    wrong = reverse("vote", args=[paper.pk, tokens.make_token(Purpose.PREFERENCES, reader.pk)])
    assert forge(client, wrong).status_code == 400
    good = vote_url(reader, paper)
    Subscriber.objects.update(status="unsubscribed")
    assert forge(client, good).status_code == 403
    Subscriber.objects.update(status="active")
    Paper.objects.update(withdrawn=True)
    assert forge(client, good).status_code == 404
    assert not Vote.objects.exists()


def test_what_a_reader_did_goes_with_the_reader(
    reader: Subscriber, make_paper: Callable[..., Paper]
) -> None:
    paper, now = make_paper(), timezone.now()
    community.add_vote(paper.pk, reader.community_key, now)
    community.propose_paper("2604.00001", "Mine", reader.community_key, now)
    community.forget_reader(reader.community_key, now + timedelta(seconds=1))
    paper.refresh_from_db()
    assert paper.site_votes == 0
    assert not Vote.objects.exists()
    assert (Submission.objects.get().created_by, Submission.objects.get().note) == ("", "")


def test_a_reaction_offers_a_vote(
    client: Client, reader: Subscriber, make_paper: Callable[..., Paper]
) -> None:
    paper = make_paper()
    token = tokens.make_token(Purpose.REACT, reader.pk)
    page = Page.open(client, reverse("react", args=["more", paper.pk, token]))
    assert "Vote for it publicly" in page.submit("Show me more like this").text


# --- The button by mail -------------------------------------------------------------------
def test_the_button_to_vote_comes_by_mail_to_readers_alone_and_the_answer_is_one(
    client: Client,
    make_reader: Callable[..., Subscriber],
    make_paper: Callable[..., Paper],
    outbox: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(tasks.send_messages, "delay", tasks.send_messages)
    make_reader()
    paper = make_paper("A fine paper")
    page = Page.open(client, reverse("vote", args=[paper.pk]))
    assert "A fine paper" in page.text
    answers = set()
    for email in ("reader@example.org", "nobody@example.org"):
        with django_capture_on_commit_callbacks(execute=True):
            answer = page.submit("Email me the link", follow=False, email=email)
        answers.add((answer.status, answer.response["Location"]))
    assert len(answers) == 1
    [mail] = [message_from_bytes(path.read_bytes(), policy=default) for path in messages(outbox)]
    assert mail["To"] == "reader@example.org"
    for part in mail.iter_parts():
        link = re.search(rf"/vote/{paper.pk}/[^\s\"]+", part.get_content())
        assert link
        assert "A fine paper" in part.get_content()
    assert not Vote.objects.exists()
    Page.open(client, link[0]).submit("Vote for it")
    assert Vote.objects.get().paper == paper
