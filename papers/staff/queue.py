"""The curators' queue in the admin: proposals, reports, likely duplicates, blocks; with undo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from papers import community, curation, tasks
from papers.models import Block, Merge, Report, Submission
from web import audit

SHOWN = 50  # of each
Status = Submission.Status
Done = tuple[Model, str] | None  # what was done to which row; None: there was nothing to do


class Impossible(Exception):
    """The act could not be done; the message says why."""


def accept(request: HttpRequest) -> Done:
    row = _row(Submission, request, status=Status.WAITING)
    if row is None:
        return None
    community.accept_proposal(row, timezone.now())
    if row.status == Status.WAITING:
        raise Impossible(f"{row.arxiv_id}: {row.outcome}")
    tasks.score_papers.delay_on_commit()
    return row, f"Accepted {row.arxiv_id}. {row.outcome}".strip()


def refuse(request: HttpRequest) -> Done:
    return _set(request, Status.WAITING, Status.REFUSED, "Rejected")


def wait_again(request: HttpRequest) -> Done:
    return _set(request, Status.REFUSED, Status.WAITING, "Waits again:")


def put_back(request: HttpRequest) -> Done:
    """An accepted proposal that arXiv has not answered yet waits for a decision again."""
    return _set(request, Status.FETCHING, Status.WAITING, "Waits again:")


def _set(request: HttpRequest, before: str, after: str, verb: str) -> Done:
    row = _row(Submission, request, status=before)
    if row is None:
        return None
    Submission.objects.filter(pk=row.pk, status=before).update(status=after, outcome="")
    return row, f"{verb} {row.arxiv_id}."


def uphold(request: HttpRequest) -> Done:
    row = _row(Report, request, status=Report.Status.WAITING)
    if row is None:
        return None
    curation.uphold_report(row)
    return row.paper, "Hidden, since it was reported."


def dismiss(request: HttpRequest) -> Done:
    row = _row(Report, request, status=Report.Status.WAITING)
    if row is None:
        return None
    curation.dismiss_report(row)
    return row.paper, "The report was dismissed."


def reopen(request: HttpRequest) -> Done:
    row = _row(Report, request)
    if row is None or row.status == Report.Status.WAITING:
        return None
    curation.reopen_report(row)
    return row.paper, "The report waits again."


def merge(request: HttpRequest) -> Done:
    kept, merged = _pk(request.POST.get("kept", "")), _pk(request.POST.get("merged", ""))
    made = curation.merge_papers(kept, merged, request.user.get_username(), timezone.now())
    if made is None:
        return None
    tasks.score_papers.delay_on_commit()
    return made.kept, f"“{made.merged}” ({made.merged_id}) was merged into it."


def unmerge(request: HttpRequest) -> Done:
    row = _row(Merge, request)
    if row is None:
        return None
    curation.undo_merge(row)
    tasks.score_papers.delay_on_commit()
    return row.kept, f"“{row.merged}” ({row.merged_id}) was taken out of it again."


def block(request: HttpRequest) -> Done:
    kind, value, why = (request.POST.get(name, "") for name in ("kind", "value", "why"))
    made = curation.add_block(kind, value, why, request.user.get_username(), timezone.now())
    return (made, f"Blocked; {len(made.hidden_papers)} papers are hidden.") if made else None


def unblock(request: HttpRequest) -> Done:
    row = _row(Block, request)
    if row is None:
        return None
    pk, back = row.pk, curation.remove_block(row)
    row.pk = pk  # for the log
    return row, f"No longer blocked; {back} papers are shown again."


def _pk(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _row(model: Any, request: HttpRequest, **given: Any) -> Any:
    pk = _pk(request.POST.get("pk", ""))
    return model.objects.filter(pk=pk, **given).first()


@dataclass(frozen=True, slots=True)
class Act:
    """What a button does, and the permission it needs."""

    do: Callable[[HttpRequest], Done]
    needs: str


ACTS = {
    "accept": Act(accept, "papers.change_submission"),
    "refuse": Act(refuse, "papers.change_submission"),
    "wait-again": Act(wait_again, "papers.change_submission"),
    "put-back": Act(put_back, "papers.change_submission"),
    "uphold": Act(uphold, "papers.change_report"),
    "dismiss": Act(dismiss, "papers.change_report"),
    "reopen": Act(reopen, "papers.change_report"),
    "merge": Act(merge, "papers.add_merge"),
    "unmerge": Act(unmerge, "papers.delete_merge"),
    "block": Act(block, "papers.add_block"),
    "unblock": Act(unblock, "papers.delete_block"),
}


class QueuePages:
    """The queue's page, at SubmissionAdmin."""

    admin_site: Any
    model: Any

    def get_urls(self) -> list[Any]:
        queue = self.admin_site.admin_view(self.queue)
        return [path("queue/", queue, name="papers_queue"), *super().get_urls()]  # type: ignore[misc]

    def queue(self, request: HttpRequest) -> HttpResponse:
        """GET shows what waits; POST does one of ACTS."""
        if request.method == "POST":
            return self._act(request)
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        waiting = {"status": "waiting"}
        submissions = Submission.objects.select_related("paper")
        reports = Report.objects.select_related("paper").annotate(n=Count("paper__reports"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Queue",
            "submissions": submissions.filter(**waiting).order_by("created_at")[:SHOWN],
            "fetching": submissions.filter(status=Status.FETCHING).order_by("created_at")[:SHOWN],
            "reports": reports.filter(**waiting).order_by("created_at")[:SHOWN],
            "duplicates": curation.likely_duplicates(timezone.now().date()),
            "blocks": Block.objects.all()[:SHOWN],
            "kinds": Block.Kind.choices,
            "merges": Merge.objects.select_related("kept", "merged")[:SHOWN],
            "refused": submissions.filter(status="refused")[:SHOWN],
            "decided": reports.exclude(**waiting)[:SHOWN],
            "may": {name: request.user.has_perm(act.needs) for name, act in ACTS.items()},
        }
        return TemplateResponse(request, "admin/papers/queue.html", context)

    def _act(self, request: HttpRequest) -> HttpResponse:
        act = ACTS.get(request.POST.get("do", ""))
        if act and not request.user.has_perm(act.needs):
            raise PermissionDenied
        try:
            done = act.do(request) if act else None
        except Impossible as error:
            messages.error(request, str(error))
        else:
            self._tell(request, done)
        return HttpResponseRedirect(reverse("admin:papers_queue"))

    def _tell(self, request: HttpRequest, done: Done) -> None:
        if done is None:
            messages.warning(request, "There was nothing to do.")
            return
        row, said = done
        audit.log_action(request, [row], said)
        messages.success(request, said)
