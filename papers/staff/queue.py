"""The curators' queue in the admin: proposals, reports, duplicates and blocks, with undo."""

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

MAX_ROWS = 50  # per list
Status = Submission.Status
Done = tuple[Model, str] | None  # the changed row and a description; None if nothing changed


class ActionFailedError(Exception):
    """The action failed. The message says why."""


def accept(request: HttpRequest) -> Done:
    row = _row(Submission, request, status=Status.WAITING)
    if row is None:
        return None
    community.accept_proposal(row, timezone.now())
    if row.status == Status.WAITING:
        raise ActionFailedError(f"{row.arxiv_id}: {row.outcome}")
    tasks.score_papers.delay_on_commit()
    return row, f"Accepted {row.arxiv_id}. {row.outcome}".strip()


def reject(request: HttpRequest) -> Done:
    return _set_status(request, Status.WAITING, Status.REFUSED, "Rejected")


def reconsider(request: HttpRequest) -> Done:
    return _set_status(request, Status.REFUSED, Status.WAITING, "Undecided again:")


def stop_fetching(request: HttpRequest) -> Done:
    """Make an accepted proposal undecided again that arXiv has not answered yet."""
    return _set_status(request, Status.FETCHING, Status.WAITING, "Undecided again:")


def _set_status(request: HttpRequest, before: str, after: str, verb: str) -> Done:
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
    return row.paper, "Hidden after a report."


def dismiss(request: HttpRequest) -> Done:
    row = _row(Report, request, status=Report.Status.WAITING)
    if row is None:
        return None
    curation.dismiss_report(row)
    return row.paper, "Report dismissed."


def reopen(request: HttpRequest) -> Done:
    row = _row(Report, request)
    if row is None or row.status == Report.Status.WAITING:
        return None
    curation.reopen_report(row)
    return row.paper, "Report undecided again."


def merge(request: HttpRequest) -> Done:
    kept, merged = _pk(request.POST.get("kept", "")), _pk(request.POST.get("merged", ""))
    result = curation.merge_papers(kept, merged, request.user.get_username(), timezone.now())
    if result is None:
        return None
    tasks.score_papers.delay_on_commit()
    return result.kept, f"Merged “{result.merged}” ({result.merged_id}) into it."


def unmerge(request: HttpRequest) -> Done:
    row = _row(Merge, request)
    if row is None:
        return None
    curation.undo_merge(row)
    tasks.score_papers.delay_on_commit()
    return row.kept, f"Undid the merge of “{row.merged}” ({row.merged_id})."


def block(request: HttpRequest) -> Done:
    kind, value, reason = (request.POST.get(name, "") for name in ("kind", "value", "why"))
    username = request.user.get_username()
    row = curation.add_block(kind, value, reason, username, timezone.now())
    return (row, f"Blocked. Papers hidden: {len(row.hidden_papers)}.") if row else None


def unblock(request: HttpRequest) -> Done:
    row = _row(Block, request)
    if row is None:
        return None
    pk, shown = row.pk, curation.remove_block(row)
    row.pk = pk  # for the log
    return row, f"Unblocked. Papers shown again: {shown}."


def _pk(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def _row(model: Any, request: HttpRequest, **conditions: Any) -> Any:
    pk = _pk(request.POST.get("pk", ""))
    return model.objects.filter(pk=pk, **conditions).first()


@dataclass(frozen=True, slots=True)
class Action:
    """The function of a button and the permission it requires."""

    run: Callable[[HttpRequest], Done]
    permission: str


ACTIONS = {
    "accept": Action(accept, "papers.change_submission"),
    "reject": Action(reject, "papers.change_submission"),
    "reconsider": Action(reconsider, "papers.change_submission"),
    "stop-fetching": Action(stop_fetching, "papers.change_submission"),
    "uphold": Action(uphold, "papers.change_report"),
    "dismiss": Action(dismiss, "papers.change_report"),
    "reopen": Action(reopen, "papers.change_report"),
    "merge": Action(merge, "papers.add_merge"),
    "unmerge": Action(unmerge, "papers.delete_merge"),
    "block": Action(block, "papers.add_block"),
    "unblock": Action(unblock, "papers.delete_block"),
}


class QueuePages:
    """Mixin for SubmissionAdmin with the page of the queue."""

    admin_site: Any
    model: Any

    def get_urls(self) -> list[Any]:
        queue = self.admin_site.admin_view(self.queue)
        return [path("queue/", queue, name="papers_queue"), *super().get_urls()]  # type: ignore[misc]

    def queue(self, request: HttpRequest) -> HttpResponse:
        """GET shows the queue; POST performs one of ACTIONS."""
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
            "submissions": submissions.filter(**waiting).order_by("created_at")[:MAX_ROWS],
            "fetching": submissions.filter(status=Status.FETCHING).order_by("created_at")[
                :MAX_ROWS
            ],
            "reports": reports.filter(**waiting).order_by("created_at")[:MAX_ROWS],
            "duplicates": curation.likely_duplicates(timezone.now().date()),
            "blocks": Block.objects.all()[:MAX_ROWS],
            "kinds": Block.Kind.choices,
            "merges": Merge.objects.select_related("kept", "merged")[:MAX_ROWS],
            "rejected": submissions.filter(status="refused")[:MAX_ROWS],
            "decided": reports.exclude(**waiting)[:MAX_ROWS],
            "may": {
                name: request.user.has_perm(action.permission) for name, action in ACTIONS.items()
            },
        }
        return TemplateResponse(request, "admin/papers/queue.html", context)

    def _act(self, request: HttpRequest) -> HttpResponse:
        action = ACTIONS.get(request.POST.get("do", ""))
        if action and not request.user.has_perm(action.permission):
            raise PermissionDenied
        try:
            done = action.run(request) if action else None
        except ActionFailedError as error:
            messages.error(request, str(error))
        else:
            self._report(request, done)
        return HttpResponseRedirect(reverse("admin:papers_queue"))

    def _report(self, request: HttpRequest, done: Done) -> None:
        if done is None:
            messages.warning(request, "Nothing to do.")
            return
        row, description = done
        audit.log_action(request, [row], description)
        messages.success(request, description)
