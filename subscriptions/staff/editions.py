"""Editions in the admin: progress, actions, and the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date

from papers.freshness import notices
from subscriptions import tasks
from subscriptions.editions import recovery, states
from subscriptions.models import Digest, Edition, Subscriber
from subscriptions.staff import dashboard, progress
from subscriptions.staff.desk import DeskPages

Done = str  # description of the action for log and message; empty if there was nothing to do


def pause(edition: Edition, request: HttpRequest) -> Done:
    reason = request.POST.get("why", "").strip()[:500] or "Paused by hand."
    if not states.pause_edition(edition.day, reason, request.user.get_username(), timezone.now()):
        return ""
    # A person did it, so no alert is needed.
    Edition.objects.filter(pk=edition.pk).update(notified_at=timezone.now())
    return f"Paused: {reason}"


def resume(edition: Edition, request: HttpRequest) -> Done:
    if not states.resume_edition(edition.day, request.user.get_username(), timezone.now()):
        return ""
    tasks.deliver_edition.delay_on_commit(edition.day.isoformat())
    return "Resumed. Unsent digests go out now."


def cancel(edition: Edition, request: HttpRequest) -> Done:
    if request.POST.get("sure") != "yes":
        return ""
    reason = request.POST.get("why", "").strip()[:500] or "Cancelled by hand."
    if not states.cancel_edition(edition.day, reason, request.user.get_username(), timezone.now()):
        return ""
    return f"Cancelled: {reason}"


def send_failed(edition: Edition, request: HttpRequest) -> Done:
    """Resend all failed digests. They are few, because many errors pause an edition."""
    count = 0
    for chunk in recovery.failed_chunks(edition.day):
        if ready := recovery.send_again(Digest.objects.failed(chunk), timezone.now()):
            tasks.deliver_digests.delay_on_commit(ready)
            count += len(ready)
    return f"Failed digests being sent again: {count}." if count else ""


def send_one(edition: Edition, request: HttpRequest) -> Done:
    """Resend one failed or uncertain digest. The page warns that it may arrive twice."""
    pk = request.POST.get("digest", "")
    if not pk.isdecimal() or len(pk) > 18:
        return ""
    ready = recovery.send_again(Digest.objects.filter(pk=int(pk), day=edition.day), timezone.now())
    if ready:
        tasks.deliver_digests.delay_on_commit(ready)
    return f"Digest {pk} is being sent again." if ready else ""


ACTIONS: dict[str, Callable[[Edition, HttpRequest], Done]] = {
    "pause": pause,
    "resume": resume,
    "cancel": cancel,
    "send-failed": send_failed,
    "send-one": send_one,
}


@admin.register(Edition)
class EditionAdmin(DeskPages, admin.ModelAdmin):
    """Editions. They are created automatically, so none can be added or deleted here."""

    list_display = ("day", "state", "approved_by", "due", "changed_at", "closed_at", "totals_error")
    list_filter = ("state",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Edition | None = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("dashboard/", view(self.dashboard), name="subscriptions_dashboard"),
            path("<str:object_id>/act/", view(self.act), name="subscriptions_edition_act"),
            *super().get_urls(),
        ]

    def dashboard(self, request: HttpRequest) -> HttpResponse:
        """Show the dashboard."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Dashboard",
            "figures": dashboard.dashboard_figures(now),
            "coming": dashboard.upcoming_editions(now),
            "sources": notices.source_statuses(now),
            "statuses": dict(Subscriber.Status.choices),
        }
        return TemplateResponse(request, "admin/dashboard.html", context)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show progress and errors, and answer why a reader did or did not get the edition."""
        edition = self._get_edition(object_id)
        if not self.has_view_permission(request, edition):
            raise PermissionDenied
        who = request.GET.get("who", "").strip()[:254]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"Edition of {edition.day}",
            "edition": edition,
            "progress": progress.Progress.of(edition, timezone.now()),
            "may_act": self.has_change_permission(request, edition),
            "who": who,
            "answer": progress.explain_digest(edition.day, who) if who else None,
        }
        return TemplateResponse(request, "admin/subscriptions/edition/change_form.html", context)

    def act(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Perform one of ACTIONS (POST only), and log it."""
        edition = self._get_edition(object_id)
        if request.method != "POST" or not self.has_change_permission(request, edition):
            raise PermissionDenied
        action = ACTIONS.get(request.POST.get("action", ""))
        if action and (done := action(edition, request)):
            self.log_change(request, edition, done)
            messages.success(request, done)
        else:
            messages.warning(request, "Nothing to do.")
        return HttpResponseRedirect(reverse("admin:subscriptions_edition_change", args=[object_id]))

    def _get_edition(self, object_id: str) -> Edition:
        try:
            day = parse_date(object_id)
        except ValueError:
            day = None
        edition = Edition.objects.filter(day=day).first() if day else None
        if edition is None:
            raise Http404(f"There is no edition of {object_id}.")
        return edition
