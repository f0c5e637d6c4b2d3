"""The curators' queue: blocks, merges and decisions, and undoing them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from papers import community, curation
from papers.ingest import ingest_document
from papers.models import Block, Merge, Paper, Report, Submission
from papers.ranking import scoring
from papers.vectors import stored_lexicon
from subscriptions import tokens
from subscriptions.editions import digests
from subscriptions.models import Subscriber
from subscriptions.readers import privacy
from subscriptions.staff import roles
from subscriptions.tokens import Purpose
from tests.pages import Page, forge

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]
MakePaper = Callable[..., Paper]
QUEUE = "/admin/papers/submission/queue/"
FEED = """<rss version="2.0"><channel><title>T</title><link>https://x.example/</link>
<item><title>{title}</title><link>{link}</link><author>{author}</author></item></channel></rss>"""


def act(client: Client, do: str, pk: int | None = None, **given: Any) -> str:
    """Press the button of this action, in the row `pk` if there are several."""
    page = Page.open(client, QUEUE)
    if pk is None:
        return page.submit(do, **given).text
    rows = page.tree.xpath(f"//form[input[@name='pk' and @value='{pk}']]/button[@value='{do}']")
    assert rows, f"no button {do} for {pk}"
    return page.submit(rows[0], **given).text


def refuses(client: Client, do: str, **given: Any) -> bool:
    """Return whether an action that the queue does not offer has no effect."""
    return "Nothing to do" in forge(client, QUEUE, {"do": do, **given}, follow=True).text


def shown() -> set[str]:
    return set(Paper.objects.visible().values_list("title", flat=True))


# --- Blocks -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "value", "hides"),
    [
        ("title", " miracle  CURE ", {"A Miracle Cure"}),
        ("author", "Ada Lovelace", {"On Engines"}),
        ("site", "https://www.spam.example/x", {"On Sale"}),
        ("site", "spam.example", {"On Sale"}),
        ("title", "nothing has this", set()),
    ],
)
def test_a_block_hides_matching_papers_and_undoing_shows_them_again(
    admin_client: Client, make_paper: MakePaper, kind: str, value: str, hides: set[str]
) -> None:
    make_paper("A Miracle Cure")
    make_paper("On Engines", authors=["Ada Lovelace", "C. Babbage"])
    make_paper("On Sale", abstract_url="https://shop.spam.example/1")
    make_paper("Hidden by hand: miracle cure", hidden=True)
    before = shown()
    page = act(admin_client, "block", kind=kind, value=value, why="Spam")
    assert f"Blocked. Papers hidden: {len(hides)}." in page
    assert shown() == before - hides
    assert refuses(admin_client, "block", kind=kind, value=value)
    act(admin_client, "unblock", pk=Block.objects.get().pk)
    assert shown() == before
    assert LogEntry.objects.count() == 2


def test_a_block_applies_to_later_papers(admin_client: Client, now: datetime) -> None:
    act(admin_client, "block", kind="title", value="miracle cure")
    for title, link in (
        ("A miracle cure", "https://x.example/1"),
        ("A plain result", "https://x.example/2"),
    ):
        ingest_document(FEED.format(title=title, link=link, author="A").encode(), link, now)
    assert shown() == {"A plain result"}
    assert len(Block.objects.get().hidden_papers) == 1


def test_a_paper_with_two_blocks_stays_hidden_when_one_is_undone(
    admin_client: Client, make_paper: MakePaper
) -> None:
    make_paper("A miracle cure")
    act(admin_client, "block", kind="title", value="miracle")
    act(admin_client, "block", kind="title", value="cure")
    first, second = Block.objects.order_by("pk")
    act(admin_client, "unblock", pk=first.pk)
    assert shown() == set()
    act(admin_client, "unblock", pk=second.pk)
    assert shown() == {"A miracle cure"}


# --- Duplicates ---------------------------------------------------------------------------
@pytest.fixture
def twice(make_paper: MakePaper) -> tuple[Paper, Paper]:
    """Create two rows of the same paper, from today."""
    news = {"listed_on": timezone.now().date(), "first_seen_at": timezone.now()}
    pair = make_paper("One Result", votes=8, **news), make_paper("one result", votes=2, **news)
    scoring.rescore(timezone.now())
    stored_lexicon.learn_lexicon(timezone.now())
    return pair


def test_duplicates_are_found_merged_and_unmerged(
    admin_client: Client, twice: tuple[Paper, Paper], make_reader: Callable[..., Subscriber]
) -> None:
    kept, merged = twice
    Paper.objects.filter(pk=merged.pk).update(stars=500, site_votes=3)
    page = admin_client.get(QUEUE).text
    assert f"Merge {merged.pk} into {kept.pk}" in page
    before = Paper.objects.get(pk=kept.pk).score
    Page.open(admin_client, QUEUE).submit(f"Merge {merged.pk} into {kept.pk}: {kept.title}")
    scoring.rescore(timezone.now())
    assert shown() == {"One Result"}
    assert Paper.objects.get(pk=kept.pk).score > before
    assert Paper.objects.get(pk=kept.pk).score_parts["votes"] == 8 + 3
    answer = admin_client.get(merged.get_absolute_url())
    assert answer["Location"] == kept.get_absolute_url()
    for first, second in ((merged, kept), (kept, merged), (kept, kept)):
        assert refuses(admin_client, "merge", kept=first.pk, merged=second.pk)
    act(admin_client, "unmerge", pk=Merge.objects.get().pk)
    assert shown() == {"One Result", "one result"}


def test_readers_of_one_duplicate_never_get_the_other(
    twice: tuple[Paper, Paper], make_reader: Callable[..., Subscriber]
) -> None:
    kept, merged = twice
    now = timezone.now()
    Paper.objects.filter(pk=kept.pk).update(hidden=True)
    reader = make_reader(next_digest_at=now - timedelta(minutes=1))
    digests.build_due_digests([reader.pk], now)
    assert reader.digests.get().paper_ids == [merged.pk]
    Paper.objects.filter(pk=kept.pk).update(hidden=False)
    curation.merge_papers(kept.pk, merged.pk, "ada", now)
    assert digests.preview_digest(reader, now, now.date() + timedelta(days=1)).paper_ids == []


# --- Reports ------------------------------------------------------------------------------
def test_a_reader_reports_a_paper_once_and_a_curator_decides_and_undoes(
    client: Client, make_paper: MakePaper, make_reader: Callable[..., Subscriber], admin_user: User
) -> None:
    paper, reader = make_paper("Not research"), make_reader()
    page = reverse("report", args=[paper.pk, tokens.make_token(Purpose.REACT, reader.pk)])
    assert client.get(page).status_code == 200
    assert not Report.objects.exists()
    form = Page.open(client, page)
    assert form.submit("Send report", why="").status == 400
    for _twice in range(2):
        told = form.submit("Send report", why="An advertisement")
        assert "A curator will look at it" in told.text
    report = Report.objects.get()
    client.force_login(admin_user)
    assert "An advertisement" in client.get(QUEUE).text
    act(client, "uphold", pk=report.pk)
    assert shown() == set()
    assert refuses(client, "dismiss", pk=report.pk)
    act(client, "reopen", pk=report.pk)
    assert shown() == {"Not research"}
    act(client, "dismiss", pk=report.pk)
    assert Report.objects.get().status == "dismissed"
    assert privacy.export(reader)["reports"][0]["reason"] == "An advertisement"
    community.forget_reader(reader.community_key, timezone.now())
    assert not Report.objects.exists()


def test_a_reader_cannot_fill_the_queue(
    client: Client, make_paper: MakePaper, make_reader: Callable[..., Subscriber], now: datetime
) -> None:
    reader = make_reader()
    for number in range(community.MAX_WAITING):
        community.report_paper(make_paper(f"Paper {number}").pk, "Spam", reader.community_key, now)
    page = reverse(
        "report", args=[make_paper("More").pk, tokens.make_token(Purpose.REACT, reader.pk)]
    )
    answer = Page.open(client, page).submit("Send report", why="Spam")
    assert (answer.status, "still waiting" in answer.text) == (400, True)


# --- Proposals and rights -----------------------------------------------------------------
def test_a_rejection_can_be_undone(admin_client: Client, now: datetime) -> None:
    row = Submission.objects.create(
        arxiv_id="2604.77777", created_by="reader-1", note="Good", created_at=now
    )
    assert "2604.77777" in admin_client.get(QUEUE).text
    for do, status in (("reject", "refused"), ("reconsider", "waiting")):
        act(admin_client, do, pk=row.pk)
        row.refresh_from_db()
        assert row.status == status
    for do in ("reject", "uphold", "reopen", "unmerge", "unblock", "accept", "explode", ""):
        assert refuses(admin_client, do, pk="x")


@pytest.mark.parametrize(
    ("role", "may"), [(roles.CURATOR, True), (roles.OPERATOR, False), (roles.READ_ONLY, False)]
)
def test_only_curators_decide(client: Client, make_paper: MakePaper, role: str, may: bool) -> None:
    make_paper("A miracle cure")
    user = User.objects.create_user("ada", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    assert ('value="block"' in client.get(QUEUE).text) == may
    answer = forge(client, QUEUE, {"do": "block", "kind": "title", "value": "miracle"})
    assert answer.status_code == (302 if may else 403)
    assert Block.objects.exists() == may
