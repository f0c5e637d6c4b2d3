"""What readers do for all: propose papers, and vote. Both are observations like any source's.

Who did it is known here by a key without a name; a reader's votes and proposals go with the reader.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from papers import backfill, sources
from papers.feeds import DocumentError
from papers.feeds.addresses import with_query
from papers.ingest import ingest
from papers.models import Observation, Paper, Report, Submission, Vote

KIND = "readers"  # of the observations
MOST_WAITING = 10  # proposals of one reader that no curator has looked at yet


class TooMany(Exception):
    """This reader has proposed enough for now."""


def propose(arxiv_id: str, note: str, by: str, now: datetime) -> Submission:
    """Put a paper into the curators' queue; one that is there already stays as it is."""
    known = Submission.objects.filter(arxiv_id=arxiv_id).first()
    if known:
        return known
    waiting = Submission.objects.filter(by=by, status=Submission.Status.WAITING)
    if waiting.count() >= MOST_WAITING:
        raise TooMany
    paper = Paper.objects.filter(arxiv_id=arxiv_id).first()
    made, _new = Submission.objects.get_or_create(
        arxiv_id=arxiv_id, defaults={"note": note, "by": by, "at": now, "paper": paper}
    )
    return made


def accept(submission: Submission, now: datetime) -> bool:
    """Bring the paper in from arXiv; False, with the reason on the row, where that fails."""
    url = with_query(backfill.API, id_list=submission.arxiv_id, max_results=1)
    fetched = sources.ask(url, now)
    try:
        if fetched.outcome != "ok":
            raise DocumentError(f"{fetched.outcome}: {fetched.detail}")
        ingest(fetched.body, url, now, "arxiv-api")
        paper = Paper.objects.get(arxiv_id=submission.arxiv_id)
    except (DocumentError, Paper.DoesNotExist) as error:
        submission.outcome = f"arXiv does not have it: {error}"[:300]
        submission.save(update_fields=["outcome"])
        return False
    submission.paper, submission.status, submission.outcome = paper, Submission.Status.ACCEPTED, ""
    submission.save(update_fields=["paper", "status", "outcome"])
    vote(paper.pk, submission.by, now)  # who proposes a paper is for it
    return True


def report(paper_pk: int, why: str, by: str, now: datetime) -> bool:
    """Tell the curators that a paper should not be here; once for each reader and paper."""
    waiting = Report.objects.filter(by=by, status=Report.Status.WAITING)
    if waiting.count() >= MOST_WAITING:
        raise TooMany
    _report, is_new = Report.objects.get_or_create(
        paper_id=paper_pk, by=by, defaults={"why": why, "at": now}
    )
    return is_new


@transaction.atomic
def vote(paper_pk: int, by: str, now: datetime) -> bool:
    """Count a reader's vote; False for one that was counted before."""
    Paper.objects.select_for_update().only("pk").get(pk=paper_pk)
    _vote, is_new = Vote.objects.get_or_create(paper_id=paper_pk, by=by, defaults={"at": now})
    if is_new:
        _count(paper_pk, now)
    return is_new


@transaction.atomic
def take_back(paper_pk: int, by: str, now: datetime) -> bool:
    """Take a vote back; False where there was none."""
    gone, _each = Vote.objects.filter(paper_id=paper_pk, by=by).delete()
    if gone:
        _count(paper_pk, now)
    return bool(gone)


def has_voted(paper_pk: int, by: str) -> bool:
    return Vote.objects.filter(paper_id=paper_pk, by=by).exists()


@transaction.atomic
def forget(by: str, now: datetime) -> None:
    """Take back all that one reader did here."""
    for paper_pk in list(Vote.objects.filter(by=by).values_list("paper_id", flat=True)):
        take_back(paper_pk, by, now)
    Report.objects.filter(by=by).delete()
    Submission.objects.filter(by=by).update(by="", note="")


def _count(paper_pk: int, now: datetime) -> None:
    votes = Vote.objects.filter(paper_id=paper_pk).count()
    Paper.objects.filter(pk=paper_pk).update(site_votes=votes)
    Observation.objects.update_or_create(
        paper_id=paper_pk, kind=KIND, observed_at=now, defaults={"votes": votes}
    )
