"""Contributions by readers: proposed papers, votes and reports.

Readers are identified by a pseudonymous key. Their votes and proposals are removed together with
their account.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from papers.feeds import DocumentError, kinds
from papers.feeds.addresses import with_query
from papers.fetching import backfill, sources
from papers.ingest import ingest_document
from papers.models import Merge, Observation, Paper, Report, Submission, Vote

OBSERVATION_KIND = "readers"  # of observations of votes on the site
MAX_WAITING = 10  # undecided proposals, or reports, per reader
MAX_FETCHED = 50  # accepted proposals per run
MIN_WAIT, MAX_WAIT = timedelta(minutes=2), timedelta(hours=6)  # between two tries
MAX_TRIES = 36  # about a week with these waits
BAD_REQUEST = 400  # status of the query API for an invalid ID
Status = Submission.Status


class TooManyProposals(Exception):
    """The reader has too many undecided proposals or reports."""


def propose_paper(arxiv_id: str, note: str, reader: str, now: datetime) -> Submission:
    """Add a paper to the curators' queue; return the existing proposal if there is one."""
    existing = Submission.objects.filter(arxiv_id=arxiv_id).first()
    if existing:
        return existing
    waiting = Submission.objects.filter(created_by=reader, status=Submission.Status.WAITING)
    if waiting.count() >= MAX_WAITING:
        raise TooManyProposals
    paper = Paper.objects.filter(arxiv_id=arxiv_id).first()
    submission, _is_new = Submission.objects.get_or_create(
        arxiv_id=arxiv_id,
        defaults={"note": note, "created_by": reader, "created_at": now, "paper": paper},
    )
    return submission


def find_visible(arxiv_id: str) -> Paper | None:
    """Return the visible paper with this arXiv ID, or the one it was merged into."""
    paper = Paper.objects.filter(arxiv_id=arxiv_id).first()
    if merge := Merge.objects.filter(merged=paper).select_related("kept").first():
        paper = merge.kept
    return paper and Paper.objects.visible().filter(pk=paper.pk).first()


def accept_proposal(submission: Submission, now: datetime) -> Submission:
    """Accept a proposal and try to fetch its paper.

    If arXiv cannot be reached the proposal stays accepted and a task retries later.
    """
    Submission.objects.filter(pk=submission.pk).update(
        status=Status.FETCHING, tries=0, next_try_at=now, outcome=""
    )
    fetch_proposal(submission.pk, now)
    submission.refresh_from_db()
    return submission


def due_proposals(now: datetime) -> list[int]:
    """Return the primary keys of accepted proposals whose next try is due."""
    due = Submission.objects.filter(_is_due(now), status=Status.FETCHING)
    return list(due.order_by("next_try_at").values_list("pk", flat=True)[:MAX_FETCHED])


def _is_due(now: datetime) -> Q:
    """Match a due try, or one further away than any wait, set by a clock that ran ahead."""
    return Q(next_try_at__lte=now) | Q(next_try_at__gt=now + 2 * MAX_WAIT)


def fetch_proposal(pk: int, now: datetime) -> bool:
    """Fetch one accepted proposal if its try is due; return whether the paper was stored."""
    row = Submission.objects.filter(_is_due(now), pk=pk, status=Status.FETCHING).first()
    if row is None or not _claim_try(row, now):
        return False
    url = with_query(backfill.API, id_list=row.arxiv_id, max_results=1)
    fetched = sources.fetch_politely(url, now)
    if fetched.outcome != "ok" and fetched.status != BAD_REQUEST:
        return _postpone(row)
    try:
        ingest_document(fetched.body, url, now, kinds.ARXIV_API.name)
    except DocumentError:
        if fetched.outcome == "ok":
            return _postpone(row)
    paper = Paper.objects.filter(arxiv_id=row.arxiv_id).first()
    if paper is None:
        return _return_to_queue(row, "arXiv has no paper with this ID.")
    _settle(row, status=Status.ACCEPTED, outcome="", paper=paper)
    if row.created_by:  # empty once the reader's account is deleted
        add_vote(paper.pk, row.created_by, now)
    return True


def _claim_try(row: Submission, now: datetime) -> bool:
    """Claim this try; set the next one before the slow part."""
    wait = min(MIN_WAIT * 2**row.tries, MAX_WAIT)
    unclaimed = Submission.objects.filter(pk=row.pk, status=Status.FETCHING, tries=row.tries)
    return bool(unclaimed.update(tries=row.tries + 1, next_try_at=now + wait))


def _postpone(row: Submission) -> bool:
    if row.tries >= MAX_TRIES:
        return _return_to_queue(row, "arXiv could not be reached for a week.")
    _settle(row, outcome="arXiv could not be reached. Paperboy will retry automatically.")
    return False


def _return_to_queue(row: Submission, outcome: str) -> bool:
    """Put a proposal back in the curators' queue, with an explanation."""
    _settle(row, status=Status.WAITING, outcome=outcome, next_try_at=None)
    return False


def _settle(row: Submission, **values: Any) -> None:
    """Store the outcome of a try, unless a curator has changed the decision meanwhile."""
    Submission.objects.filter(pk=row.pk, status=Status.FETCHING).update(**values)


def report_paper(paper_pk: int, reason: str, reader: str, now: datetime) -> bool:
    """Report a paper to the curators; return False if the reader has reported it before."""
    waiting = Report.objects.filter(created_by=reader, status=Report.Status.WAITING)
    if waiting.count() >= MAX_WAITING:
        raise TooManyProposals
    _report, is_new = Report.objects.get_or_create(
        paper_id=paper_pk, created_by=reader, defaults={"reason": reason, "created_at": now}
    )
    return is_new


@transaction.atomic
def add_vote(paper_pk: int, reader: str, now: datetime) -> bool:
    """Add a reader's vote; return False if the reader has voted before."""
    Paper.objects.select_for_update().only("pk").get(pk=paper_pk)
    _vote, is_new = Vote.objects.get_or_create(
        paper_id=paper_pk, created_by=reader, defaults={"created_at": now}
    )
    if is_new:
        _count_votes(paper_pk, now)
    return is_new


@transaction.atomic
def remove_vote(paper_pk: int, reader: str, now: datetime) -> bool:
    """Remove a reader's vote; return False if there was none."""
    deleted, _by_model = Vote.objects.filter(paper_id=paper_pk, created_by=reader).delete()
    if deleted:
        _count_votes(paper_pk, now)
    return bool(deleted)


def has_voted(paper_pk: int, reader: str) -> bool:
    """Return whether a reader has voted for a paper."""
    return Vote.objects.filter(paper_id=paper_pk, created_by=reader).exists()


def voted_papers(reader: str) -> set[int]:
    """Return the primary keys of the papers a reader voted for."""
    return set(Vote.objects.filter(created_by=reader).values_list("paper_id", flat=True))


@transaction.atomic
def forget_reader(reader: str, now: datetime) -> None:
    """Delete a reader's votes and reports, and anonymise the proposals."""
    for paper_pk in voted_papers(reader):
        remove_vote(paper_pk, reader, now)
    Report.objects.filter(created_by=reader).delete()
    Submission.objects.filter(created_by=reader).update(created_by="", note="")


def _count_votes(paper_pk: int, now: datetime) -> None:
    votes = Vote.objects.filter(paper_id=paper_pk).count()
    Paper.objects.filter(pk=paper_pk).update(site_votes=votes)
    Observation.objects.update_or_create(
        paper_id=paper_pk, kind=OBSERVATION_KIND, observed_at=now, defaults={"votes": votes}
    )
