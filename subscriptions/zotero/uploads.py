"""Kept papers go to a Zotero collection, each once.

An upload is a row, claimed before each attempt. The keys of the new item and of its parts are
chosen before the first attempt: if a worker died after a write and before recording it, the next
attempt finds the item by its key. The write token prevents the write itself from happening twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from papers.metadata.identifiers import pdf_url
from subscriptions.library.citations import make_entry_work
from subscriptions.models import ZoteroAccount, ZoteroUpload
from subscriptions.zotero import answers, connecting, items
from subscriptions.zotero.api import (
    BUSY,
    Changed,
    Client,
    Denied,
    NotFound,
    Refused,
    Unavailable,
    ZoteroError,
)

Clock = Callable[[], datetime]
Problem = ZoteroUpload.Problem
MAX_PER_RUN = 100  # papers; then other accounts have their turn
RUN_TIME = timedelta(minutes=2)
MAX_FOUND = 100  # items looked through for the same work


def choose_out_collection(account: ZoteroAccount, key: str, now: datetime) -> None:
    """Send kept papers to this collection from now on; "" sends none. Sent papers stay."""
    ZoteroAccount.objects.filter(pk=account.pk).update(
        out_collection=key, out_collection_gone=False, next_upload_at=now
    )


def retry_failed(account: ZoteroAccount, now: datetime) -> int:
    """Try all failed and waiting uploads again now; return their number."""
    waiting = account.uploads.exclude(status=ZoteroUpload.Status.SENT)
    count = waiting.update(status=ZoteroUpload.Status.PENDING, attempts=1, next_attempt_at=now)
    ZoteroAccount.objects.filter(pk=account.pk).update(next_upload_at=now)
    return count


def upload_kept_papers(pk: int, clock: Clock, should_stop: Callable[[], bool]) -> None:
    """Send an account's kept papers to Zotero, if it is due. Safe to repeat."""
    if not ZoteroAccount.objects.claim(pk, "next_upload_at", clock()):
        return
    account = ZoteroAccount.objects.get(pk=pk)
    if not (account.may_write and account.out_collection) or account.out_collection_gone:
        return
    plan_uploads(account, clock())
    client = connecting.open_client(account, clock())
    if client is None:
        return
    _send_waiting(account, client, clock, should_stop)
    next_run = clock() + client.pause
    ZoteroAccount.objects.filter(pk=pk).update(next_upload_at=next_run)


def plan_uploads(account: ZoteroAccount, now: datetime) -> None:
    """Add a row for each kept paper without one, and drop waiting rows of removed papers."""
    waiting = account.uploads.exclude(status=ZoteroUpload.Status.SENT)
    waiting.filter(entry=None).delete()
    rows = [
        ZoteroUpload(
            account=account,
            entry_id=entry,
            identity=identity,
            title=title,
            item_key=items.new_key(),
            write_token=items.new_write_token(),
            created_at=now,
            next_attempt_at=now,
        )
        for entry, identity, title in account.new_entries().values_list("pk", "identity", "title")
    ]
    ZoteroUpload.objects.bulk_create(rows, ignore_conflicts=True)


def _send_waiting(
    account: ZoteroAccount, client: Client, clock: Clock, should_stop: Callable[[], bool]
) -> None:
    """Send the account's due uploads until one meets a problem that all others would meet."""
    end = clock() + RUN_TIME
    due = account.uploads.due(clock()).select_related("entry__paper")
    for upload in due.order_by("next_attempt_at", "pk")[:MAX_PER_RUN]:
        if should_stop() or clock() > end or client.pause:
            return
        if upload.entry is None or not ZoteroUpload.objects.claim(upload.pk, clock()):
            continue
        upload.attempts += 1
        if not _try_upload(account, upload, client, clock()):
            return


def _try_upload(
    account: ZoteroAccount, upload: ZoteroUpload, client: Client, now: datetime
) -> bool:
    """Send one paper and record the outcome; return False if others cannot be sent either."""
    try:
        _Transfer(account, upload, client, now).run()
    except Denied as error:
        return _explain_denial(account, upload, client, error, now)
    except (Changed, NotFound) as error:
        upload.record_problem(Problem.CHANGED, error.detail, now)
    except Refused as error:
        upload.record_problem(Problem.REFUSED, error.detail, now)
    except Unavailable as error:
        busy = error.status in BUSY
        problem = Problem.BUSY if busy else Problem.UNREACHABLE
        upload.record_problem(problem, error.detail, now, client.pause)
        return error.status != 0 and not busy
    except _CollectionGone:
        upload.release(now)
        return False
    return True


def _explain_denial(
    account: ZoteroAccount, upload: ZoteroUpload, client: Client, error: Denied, now: datetime
) -> bool:
    """Find out what the key may still do. If it may write, only this paper is refused."""
    try:
        valid = connecting.check_key(account, client)
    except ZoteroError:
        upload.record_problem(Problem.UNREACHABLE, error.detail, now, client.pause)
        return False
    if valid and account.may_write:
        upload.record_problem(Problem.REFUSED, error.detail, now)
        return True
    upload.release(now)
    return False


class _CollectionGone(Exception):
    """The collection for kept papers was deleted in Zotero."""


class _Transfer:
    """The transfer of one kept paper: see whether it is there, then write the missing parts."""

    def __init__(
        self, account: ZoteroAccount, upload: ZoteroUpload, client: Client, now: datetime
    ) -> None:
        self.account, self.upload, self.client, self.now = account, upload, client, now
        assert upload.entry is not None  # noqa: S101 - see `_send_waiting`
        self.entry = upload.entry
        self.work = make_entry_work(self.entry)

    def run(self) -> None:
        written = self._written_keys() if self.upload.attempts > 1 else set()
        if self.upload.item_key not in written and (existing := self._find_existing()):
            self._add_to_collection(existing)
            self.upload.item_key = answers.object_key(existing)
            self.upload.record_sent(self.now)
            return
        parts = [part for part in self._parts() if part["key"] not in written]
        self._write(parts)

    def _written_keys(self) -> set[str]:
        """Return which of our item and its parts are in Zotero, also in its trash."""
        keys = ",".join(part["key"] for part in self._parts())
        found = self.client.get(self.client.library("/items"), itemKey=keys, includeTrashed=1)
        return {answers.object_key(one) for one in found} if isinstance(found, list) else set()

    def _find_existing(self) -> Any:
        """Return the item of the same work in the reader's library, or None.

        Zotero's quick search covers titles, authors and years, but neither DOIs nor arXiv IDs. So
        it is searched by title, and the identifiers decide.
        """
        words = items.search_words(self.work.title)
        if not words:
            return None
        query = {"q": words, "qmode": "titleCreatorYear", "limit": MAX_FOUND}
        found = self.client.get(self.client.library("/items/top"), **query)
        work = self.work
        candidates = found if isinstance(found, list) else []
        return answers.find_work(candidates, work.arxiv_id, work.doi, work.title)

    def _add_to_collection(self, existing: Any) -> None:
        """Add an item of the reader to the collection; nothing else of it is changed."""
        keys = answers.collection_keys(existing)
        if self.account.out_collection in keys:
            return
        path = self.client.library(f"/items/{answers.object_key(existing)}")
        version = str(answers.object_version(existing))
        try:
            self.client.call(
                "PATCH",
                path,
                content={"collections": [*keys, self.account.out_collection]},
                If_Unmodified_Since_Version=version,
            )
        except Unavailable as error:
            self._check_collection(error.status)
            raise

    def _parts(self) -> list[items.Item]:
        """Return the item with its PDF link and the reader's note, the item first."""
        key = self.upload.item_key
        item = items.write_item(self.work, key, self.account.out_collection, self.entry.tags)
        parts = [item]
        if pdf := self.work.pdf_url or pdf_url(self.work.arxiv_id):
            parts.append(items.write_pdf_link(key, pdf))
        if self.entry.note.strip() and self.account.may_write_notes:
            parts.append(items.write_note(key, self.entry.note))
        return parts

    def _write(self, parts: Sequence[items.Item]) -> None:
        """Write parts and record the outcome of each."""
        if not parts:
            self.upload.record_sent(self.now)
            return
        try:
            answer = self.client.write_items(parts, self.upload.write_token)
        except Changed:
            # The token was used: an earlier write succeeded, at least in part.
            self.upload.write_token = items.new_write_token()
            raise
        except Unavailable as error:
            self._check_collection(error.status)
            raise
        self.upload.write_token = items.new_write_token()
        self._record(parts, answers.read_write(answer, len(parts)))

    def _record(
        self, parts: Sequence[items.Item], results: Sequence[answers.Failure | None]
    ) -> None:
        """Record the outcome by the first failure that counts: without the item, its own."""
        failed = [(part, one) for part, one in zip(parts, results, strict=True) if one]
        of_item = [one for part, one in failed if "parentItem" not in part]
        failures = of_item or [one for _part, one in failed]
        if not failures:
            self.upload.record_sent(self.now)
            return
        message = failures[0].message
        self._check_collection(failures[0].code)
        if any(one.is_temporary for one in failures):
            self.upload.record_problem(Problem.CHANGED, message, self.now)
        elif of_item:
            self.upload.record_problem(Problem.REFUSED, message, self.now)
        else:
            self.upload.record_sent(self.now, message)

    def _check_collection(self, status: int) -> None:
        """After a 409, raise `_CollectionGone` if the collection does not exist any more."""
        if status != 409:
            return
        connecting.update_collections(self.account, self.client)
        if self.account.out_collection_gone:
            raise _CollectionGone
