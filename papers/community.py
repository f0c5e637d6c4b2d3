"""What readers do for all: propose papers, and vote. Both are observations like any source's.

Who did it is known here by a key without a name; a reader's votes and proposals go with the reader.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from papers.feeds import DocumentError
from papers.feeds.addresses import with_query
from papers.fetching import backfill, sources
from papers.ingest import ingest_document
from papers.models import Merge, Observation, Paper, Report, Submission, Vote

OBSERVATION_KIND = "readers"  # of the observations
MAX_WAITING = 10  # proposals of one reader that no curator has looked at yet
MAX_FETCHED = 50  # accepted proposals in one round
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=2), timedelta(hours=6)  # between two tries
MANY_TRIES = 36  # with these waits, a week
BAD_REQUEST = 400  # how the query API answers an id that cannot be
Status = Submission.Status


class TooManyProposals(Exception):
    """This reader has proposed enough for now."""


def propose_paper(arxiv_id: str, note: str, by: str, now: datetime) -> Submission:
    """Put a paper into the curators' queue; one that is there already stays as it is."""
    known = Submission.objects.filter(arxiv_id=arxiv_id).first()
    if known:
        return known
    waiting = Submission.objects.filter(by=by, status=Submission.Status.WAITING)
    if waiting.count() >= MAX_WAITING:
        raise TooManyProposals
    paper = Paper.objects.filter(arxiv_id=arxiv_id).first()
    made, _new = Submission.objects.get_or_create(
        arxiv_id=arxiv_id, defaults={"note": note, "by": by, "at": now, "paper": paper}
    )
    return made


def find_visible(arxiv_id: str) -> Paper | None:
    """The paper with this id, or the one it was merged into, if the site shows it."""
    paper = Paper.objects.filter(arxiv_id=arxiv_id).first()
    if merge := Merge.objects.filter(merged=paper).select_related("kept").first():
        paper = merge.kept
    return paper and Paper.objects.visible().filter(pk=paper.pk).first()


def accept_proposal(submission: Submission, now: datetime) -> Submission:
    """Decide to bring a paper in, and try at once.

    Where arXiv cannot be reached the decision stays and `bring_in` tries again later.
    """
    Submission.objects.filter(pk=submission.pk).update(
        status=Status.FETCHING, tries=0, next_try_at=now, outcome=""
    )
    fetch_proposal(submission.pk, now)
    submission.refresh_from_db()
    return submission


def due_proposals(now: datetime) -> list[int]:
    """Return the accepted proposals whose next try is due."""
    due = Submission.objects.filter(_is_due(now), status=Status.FETCHING)
    return list(due.order_by("next_try_at").values_list("pk", flat=True)[:MAX_FETCHED])


def _is_due(now: datetime) -> Q:
    """The next try is due, or a clock that ran ahead put it off further than any wait."""
    return Q(next_try_at__lte=now) | Q(next_try_at__gt=now + 2 * LONGEST_WAIT)


def fetch_proposal(pk: int, now: datetime) -> bool:
    """Fetch one accepted proposal if its try is due; True if the paper is here now."""
    row = Submission.objects.filter(_is_due(now), pk=pk, status=Status.FETCHING).first()
    if row is None or not _claim_try(row, now):
        return False
    url = with_query(backfill.API, id_list=row.arxiv_id, max_results=1)
    fetched = sources.fetch_politely(url, now)
    if fetched.outcome != "ok" and fetched.status != BAD_REQUEST:
        return _put_off(row, now)
    try:
        ingest_document(fetched.body, url, now, "arxiv-api")
    except DocumentError:
        if fetched.outcome == "ok":
            return _put_off(row, now)
    paper = Paper.objects.filter(arxiv_id=row.arxiv_id).first()
    if paper is None:
        return _hand_back(row, "arXiv has no paper with this ID.")
    _settle(row, status=Status.ACCEPTED, outcome="", paper=paper)
    if row.by:  # the reader is still here, and who proposes a paper is for it
        add_vote(paper.pk, row.by, now)
    return True


def _claim_try(row: Submission, now: datetime) -> bool:
    """Take this try, and set the next one before the slow part."""
    wait = min(FIRST_WAIT * 2**row.tries, LONGEST_WAIT)
    mine = Submission.objects.filter(pk=row.pk, status=Status.FETCHING, tries=row.tries)
    return bool(mine.update(tries=row.tries + 1, next_try_at=now + wait))


def _put_off(row: Submission, now: datetime) -> bool:
    if row.tries >= MANY_TRIES:
        return _hand_back(row, "arXiv could not be reached for a week.")
    _settle(row, outcome="arXiv could not be reached. Paperboy will retry automatically.")
    return False


def _hand_back(row: Submission, why: str) -> bool:
    """Let it wait for a curator again, who reads why."""
    _settle(row, status=Status.WAITING, outcome=why, next_try_at=None)
    return False


def _settle(row: Submission, **values: Any) -> None:
    """Write what came of a try, unless a curator decided otherwise meanwhile."""
    Submission.objects.filter(pk=row.pk, status=Status.FETCHING).update(**values)


def report_paper(paper_pk: int, why: str, by: str, now: datetime) -> bool:
    """Tell the curators that a paper should not be here; once for each reader and paper."""
    waiting = Report.objects.filter(by=by, status=Report.Status.WAITING)
    if waiting.count() >= MAX_WAITING:
        raise TooManyProposals
    _report, is_new = Report.objects.get_or_create(
        paper_id=paper_pk, by=by, defaults={"why": why, "at": now}
    )
    return is_new


@transaction.atomic
def add_vote(paper_pk: int, by: str, now: datetime) -> bool:
    """Count a reader's vote; False for one that was counted before."""
    Paper.objects.select_for_update().only("pk").get(pk=paper_pk)
    _vote, is_new = Vote.objects.get_or_create(paper_id=paper_pk, by=by, defaults={"at": now})
    if is_new:
        _count(paper_pk, now)
    return is_new


@transaction.atomic
def remove_vote(paper_pk: int, by: str, now: datetime) -> bool:
    """Take a vote back; False where there was none."""
    gone, _each = Vote.objects.filter(paper_id=paper_pk, by=by).delete()
    if gone:
        _count(paper_pk, now)
    return bool(gone)


def has_voted(paper_pk: int, by: str) -> bool:
    return Vote.objects.filter(paper_id=paper_pk, by=by).exists()


def voted_papers(by: str) -> set[int]:
    """The papers that one reader voted for."""
    return set(Vote.objects.filter(by=by).values_list("paper_id", flat=True))


@transaction.atomic
def forget_reader(by: str, now: datetime) -> None:
    """Take back all that one reader did here."""
    for paper_pk in list(Vote.objects.filter(by=by).values_list("paper_id", flat=True)):
        remove_vote(paper_pk, by, now)
    Report.objects.filter(by=by).delete()
    Submission.objects.filter(by=by).update(by="", note="")


def _count(paper_pk: int, now: datetime) -> None:
    votes = Vote.objects.filter(paper_id=paper_pk).count()
    Paper.objects.filter(pk=paper_pk).update(site_votes=votes)
    Observation.objects.update_or_create(
        paper_id=paper_pk, kind=OBSERVATION_KIND, observed_at=now, defaults={"votes": votes}
    )
