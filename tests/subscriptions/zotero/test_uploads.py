"""Kept papers go to Zotero once, whatever happens on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest

from papers.models import Paper
from subscriptions.library.keeping import keep_paper, remove_paper
from subscriptions.models import LibraryEntry, Subscriber, ZoteroAccount, ZoteroUpload
from subscriptions.zotero import api, uploads
from tests.subscriptions.zotero.conftest import IN, OUT, Clock
from tests.subscriptions.zotero.server import Fault, Zotero

pytestmark = pytest.mark.django_db
Status, Problem = ZoteroUpload.Status, ZoteroUpload.Problem


def run(account: ZoteroAccount, clock: Clock) -> ZoteroAccount:
    uploads.upload_kept_papers(account.pk, clock, lambda: False)
    account.refresh_from_db()
    return account


@pytest.fixture
def entry(reader: Subscriber, papers: list[Paper], clock: Clock) -> LibraryEntry:
    return keep_paper(reader, papers[0], clock())


def test_a_kept_paper_becomes_an_item_with_its_pdf_and_note(
    account: ZoteroAccount, zotero: Zotero, entry: LibraryEntry, clock: Clock
) -> None:
    LibraryEntry.objects.filter(pk=entry.pk).update(
        note="<b>Read</b> & cite\n\nchapter 2", tags=["thesis", "cs.CL"]
    )
    run(account, clock)
    [item] = zotero.in_collection(OUT)
    assert item["itemType"] == "preprint"
    assert (item["title"], item["repository"]) == ("Long context language models", "arXiv")
    assert (item["archiveID"], item["DOI"]) == ("arXiv:2604.10000", "10.48550/arXiv.2604.10000")
    assert item["creators"][0] == {
        "creatorType": "author",
        "firstName": "Ada",
        "lastName": "Example",
    }
    assert item["tags"] == [{"tag": "thesis"}, {"tag": "cs.CL"}]
    pdf, note = zotero.children(item["key"])
    assert (pdf["linkMode"], pdf["url"]) == ("linked_url", "https://arxiv.org/pdf/2604.10000")
    assert note["note"] == "<p>&lt;b&gt;Read&lt;/b&gt; &amp; cite</p>\n<p>chapter 2</p>"
    upload = account.uploads.get()
    assert (upload.status, upload.item_key, upload.sent_at) == (Status.SENT, item["key"], clock())


def test_a_second_run_sends_nothing(
    account: ZoteroAccount, zotero: Zotero, entry: LibraryEntry, clock: Clock
) -> None:
    run(account, clock)
    zotero.requests.clear()
    clock.forward(hours=1)
    assert list(ZoteroAccount.objects.due_for_upload(clock())) == []
    run(account, clock)
    assert zotero.requests == []


def test_accounts_with_new_kept_papers_are_found(
    account: ZoteroAccount, reader: Subscriber, papers: list[Paper], clock: Clock
) -> None:
    assert not ZoteroAccount.objects.due_for_upload(clock()).exists()
    keep_paper(reader, papers[0], clock())
    assert ZoteroAccount.objects.due_for_upload(clock()).get() == account


@pytest.mark.parametrize(
    "data",
    [
        {"DOI": "10.48550/arXiv.2604.10000"},
        {"extra": "arXiv:2604.10000 [cs.CL]"},
        {"url": "http://arxiv.org/abs/2604.10000v2"},
        {},
    ],
    ids=["by its DOI", "by its number", "by its link", "by its title"],
)
def test_a_paper_that_is_in_zotero_is_only_added_to_the_collection(
    account: ZoteroAccount,
    zotero: Zotero,
    entry: LibraryEntry,
    clock: Clock,
    data: dict[str, str],
) -> None:
    zotero.add_item("HERE2222", "Long-Context Language Models", IN, **data)
    run(account, clock)
    assert zotero.items["HERE2222"]["collections"] == [IN, OUT]
    assert len(zotero.items) == 1
    assert account.uploads.get().item_key == "HERE2222"


def test_another_paper_with_the_same_title_is_left_alone(
    account: ZoteroAccount, zotero: Zotero, entry: LibraryEntry, clock: Clock
) -> None:
    zotero.add_item("HERE2222", "Long context language models", IN, archiveID="arXiv:2001.00001")
    run(account, clock)
    assert zotero.items["HERE2222"]["collections"] == [IN]
    assert len(zotero.in_collection(OUT)) == 1


def test_a_paper_that_we_do_not_have_is_sent_as_kept(
    account: ZoteroAccount, zotero: Zotero, reader: Subscriber, clock: Clock
) -> None:
    LibraryEntry.objects.create(
        subscriber=reader,
        identity="doi:10.1000/x",
        title="A book chapter",
        authors=["CERN Collaboration"],
        doi="10.1000/x",
        venue="Journal of Examples",
        year=2019,
        kept_at=clock(),
    )
    run(account, clock)
    [item] = zotero.in_collection(OUT)
    assert (item["itemType"], item["publicationTitle"]) == ("journalArticle", "Journal of Examples")
    assert (item["date"], item["creators"]) == (
        "2019",
        [{"creatorType": "author", "name": "CERN Collaboration"}],
    )


def test_a_paper_removed_before_its_turn_is_not_sent_and_one_sent_stays(
    account: ZoteroAccount,
    zotero: Zotero,
    reader: Subscriber,
    entry: LibraryEntry,
    papers: list[Paper],
    clock: Clock,
) -> None:
    run(account, clock)
    keep_paper(reader, papers[1], clock())
    uploads.plan_uploads(account, clock())
    remove_paper(reader, papers[0].pk, clock())
    remove_paper(reader, papers[1].pk, clock())
    run(account, clock)
    assert [item["title"] for item in zotero.in_collection(OUT)] == [papers[0].title]
    keep_paper(reader, papers[0], clock())
    run(account, clock)
    assert len(zotero.in_collection(OUT)) == 1


def test_a_worker_that_dies_between_the_write_and_recording_it_leaves_no_double(
    account: ZoteroAccount,
    zotero: Zotero,
    entry: LibraryEntry,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_args: object, **_named: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(ZoteroUpload, "record_sent", die)
        with pytest.raises(SystemExit):
            run(account, clock)
    assert len(zotero.in_collection(OUT)) == 1
    assert account.uploads.get().status == Status.PENDING
    run(account, clock)
    assert len(zotero.sent("POST")) == 1, "the dead worker's claim still holds"
    zotero.change_item(zotero.in_collection(OUT)[0]["key"], title="Renamed by the reader")
    clock.forward(minutes=16)
    assert ZoteroAccount.objects.due_for_upload(clock()).get() == account
    run(account, clock)
    assert account.uploads.get().status == Status.SENT
    assert len(zotero.sent("POST")) == 1
    assert len(zotero.in_collection(OUT)) == 1


def test_without_an_end_to_its_faults_an_upload_fails_after_a_day_or_so(
    account: ZoteroAccount, zotero: Zotero, entry: LibraryEntry, clock: Clock
) -> None:
    began, attempts = clock(), 0
    while not account.uploads.filter(status=Status.FAILED).exists():
        zotero.faults[:] = [Fault(500)]
        run(account, clock)
        attempts += 1
        clock.now = account.uploads.get().next_attempt_at
    assert attempts == ZoteroUpload.MAX_ATTEMPTS
    assert timedelta(hours=20) < clock() - began < timedelta(hours=36)
    assert not ZoteroAccount.objects.due_for_upload(clock()).exists()


# --- Faults ---------------------------------------------------------------------------------------

SLOW = 0.5  # seconds; longer than the client waits here
WRITE = {"method": "POST", "path": "/items"}
RETRIED, FAILED = (Status.PENDING, 1), (Status.FAILED, 1)


@pytest.mark.parametrize(
    ("fault", "status", "problem", "pause"),
    [
        (Fault(409, b"Library is locked", **WRITE), Status.PENDING, Problem.UNREACHABLE, 0),
        (Fault(412, b"Write token already used", **WRITE), Status.PENDING, Problem.CHANGED, 0),
        (Fault(413, b"Request too large", **WRITE), Status.FAILED, Problem.REFUSED, 0),
        (Fault(428, b"Version not provided", **WRITE), Status.FAILED, Problem.REFUSED, 0),
        (Fault(400, b"Invalid property", **WRITE), Status.FAILED, Problem.REFUSED, 0),
        (Fault(429, headers={"Retry-After": "90"}), Status.PENDING, Problem.BUSY, 90),
        (Fault(429), Status.PENDING, Problem.BUSY, 60),
        (Fault(503, headers={"Retry-After": "300"}, **WRITE), Status.PENDING, Problem.BUSY, 300),
        (Fault(500, **WRITE), Status.PENDING, Problem.UNREACHABLE, 0),
        (Fault(302, headers={"Location": "http://169.254.169.254/"}), "failed", "refused", 0),
        (Fault(slow=SLOW), Status.PENDING, Problem.UNREACHABLE, 0),
        (Fault(slow=SLOW, **WRITE), Status.PENDING, Problem.UNREACHABLE, 0),
        (Fault(cut=True), Status.PENDING, Problem.UNREACHABLE, 0),
        (Fault(cut=True, **WRITE), Status.PENDING, Problem.UNREACHABLE, 0),
        (Fault(hang_up=True, **WRITE), Status.PENDING, Problem.UNREACHABLE, 0),
        (Fault(500, after=True, **WRITE), Status.PENDING, Problem.UNREACHABLE, 0),
        (Fault(headers={"Backoff": "30"}), Status.SENT, "", 30),
        (
            Fault(failed={"0": {"code": 413, "message": "Creator name too long"}}, **WRITE),
            Status.FAILED,
            Problem.REFUSED,
            0,
        ),
        (
            Fault(failed={"0": {"code": 412, "message": "modified"}}, **WRITE),
            Status.PENDING,
            Problem.CHANGED,
            0,
        ),
        (
            Fault(failed={"1": {"code": 400, "message": "Invalid URL"}}, **WRITE),
            Status.SENT,
            Problem.REFUSED,
            0,
        ),
        (
            Fault(failed={"1": {"code": 500, "message": "An error"}}, **WRITE),
            Status.PENDING,
            Problem.CHANGED,
            0,
        ),
    ],
    ids=lambda value: repr(value) if isinstance(value, Fault) else "",
)
def test_each_fault_has_its_outcome_and_no_paper_is_there_twice(
    account: ZoteroAccount,
    zotero: Zotero,
    entry: LibraryEntry,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
    status: str,
    problem: str,
    pause: int,
) -> None:
    monkeypatch.setattr(api, "SECONDS", SLOW / 2)
    zotero.faults.append(fault)
    run(account, clock)
    upload = account.uploads.get()
    assert (upload.status, upload.problem) == (status, problem)
    assert account.next_upload_at == clock() + timedelta(seconds=pause)
    uploads.retry_failed(account, clock())
    clock.forward(minutes=10)
    run(account, clock)
    assert account.uploads.get().status == Status.SENT
    [item] = zotero.in_collection(OUT)
    assert len(zotero.children(item["key"])) == (
        0 if fault.failed.get("1", {}).get("code") == 400 else 1
    )
