"""The edition desk in the admin: the page, its actions and its previews."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.safestring import mark_safe
from django.views.decorators.clickjacking import xframe_options_sameorigin

from subscriptions import tasks
from subscriptions.delivery.transports import django_message
from subscriptions.editions import candidate_pool, desk, previews, states
from subscriptions.mail import editor_note
from subscriptions.mail.digest_mail import SUBJECT_LENGTH
from subscriptions.models import Digest, Edition
from web import audit
from web.headers import INLINE_STYLES, with_csp

MAX_CANDIDATES = 40
MAX_LOG_ENTRIES = 30
framing = with_csp({"frame-src": "'self'"})
framed_mail = with_csp(INLINE_STYLES | {"frame-ancestors": "'self'"})
NO_READER = "No reader has this address."
PERMISSION = "subscriptions.curate_edition"
DAYS_AHEAD = 7


@dataclass(frozen=True, slots=True)
class Headline:
    """The subject line and note of an edition, saved or as typed."""

    subject: str
    note: str


# A change of the desk, its arguments, and whether it is refused after a concurrent change.
Change = tuple[Callable[..., str], tuple[Any, ...], bool]


def parse_change(request: HttpRequest) -> Change | None:
    """Return the change that a form requests, or None if it is unknown."""
    verb, _, rest = request.POST.get("do", "").partition(" ")
    text = {name: request.POST.get(name, "") for name in ("note", "subject", "order", "into")}
    if verb == "words":
        return desk.write_subject_and_note, (text["subject"], text["note"]), True
    if verb == "order":
        return desk.reorder_pins, ([_pk(pk) for pk in text["order"].split(",") if pk],), True
    paper = _pk(rest)
    changes: dict[str, tuple[Callable[..., str], tuple[Any, ...]]] = {
        "pin": (desk.pin_paper, (paper,)),
        "unpin": (desk.unpin_paper, (paper,)),
        "up": (desk.move_pin, (paper, -1)),
        "down": (desk.move_pin, (paper, 1)),
        "swap": (desk.replace_pin, (paper, _pk(text["into"]))),
        "hide": (desk.hide_paper, (paper,)),
        "show": (desk.show_paper, (paper,)),
        "note": (desk.write_paper_note, (paper, text["note"])),
    }
    return (*changes[verb], False) if verb in changes else None


def _pk(text: str) -> int:
    """Return a primary key sent by a form, or 0 (which no row has) for invalid text."""
    return int(text) if text.isdecimal() and len(text) < 19 else 0


class DeskPages:
    """Mixin for EditionAdmin with the pages of the desk."""

    admin_site: Any
    model: Any
    message_user: Any

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("desk/", view(self.tomorrow), name="subscriptions_edition_tomorrow"),
            path("<str:day>/desk/", view(framing(self.desk)), name="subscriptions_edition_desk"),
            path("<str:day>/desk/act/", view(self.desk_act), name="subscriptions_edition_desk_act"),
            path(
                "<str:day>/desk/preview/",
                view(xframe_options_sameorigin(framed_mail(self.preview))),
                name="subscriptions_edition_preview",
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def tomorrow(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(_desk_url(timezone.now().date() + timedelta(days=1)))

    def desk(self, request: HttpRequest, day: str) -> HttpResponse:
        return self._page(request, self._edition(request, day), request.GET.get("who", ""))

    def _page(
        self, request: HttpRequest, edition: Edition, who: str, typed: Headline | None = None
    ) -> HttpResponse:
        """Show the desk. `typed` is an unsaved headline to preview."""
        now, who = timezone.now(), who.strip()[:254] or previews.TYPICAL
        query = request.GET.get("q", "").strip()[:200]
        placements = list(
            desk.placements_of(edition).select_related("paper").order_by("place", "pk")
        )
        placement_by_paper = {row.paper_id: row for row in placements}
        hidden = [row for row in placements if row.hidden]
        candidates = candidate_pool.candidate_papers(edition.day).filter(title__icontains=query)
        candidates = candidates.trending().exclude(pk__in=[row.paper_id for row in hidden])
        unpinned = candidates.exclude(pk__in=desk.pinned_papers(edition))[:MAX_CANDIDATES]
        headline = typed or Headline(edition.subject, edition.note)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"Desk of {edition.day:%A, %-d %B %Y}",
            "edition": edition,
            "seen": desk.edition_version(edition),
            "pinned": [row for row in placements if row.place is not None],
            "hidden": hidden,
            "candidates": [(paper, placement_by_paper.get(paper.pk)) for paper in unpinned],
            "query": query,
            "outlook": states.describe_outlook(edition, now),
            "totals": Digest.objects.filter(day=edition.day).totals(),
            "may_act": _may_act(request, edition),
            "who": who,
            "is_known": previews.is_valid_choice(who),
            "typical": previews.typical_readers(edition.day),
            "headline": headline,
            "is_unsaved": typed is not None,
            "rendered_note": mark_safe(editor_note.render_note(headline.note)),  # noqa: S308 - by nh3
            "limits": {"subject": SUBJECT_LENGTH, "note": editor_note.MAX_LENGTH},
            "note_length": desk.NOTE_LENGTH,
            "log": _log(edition),
            "before": edition.day - timedelta(days=1),
            "after": edition.day + timedelta(days=1),
        }
        return TemplateResponse(request, "admin/subscriptions/edition/desk.html", context)

    def preview(self, request: HttpRequest, day: str) -> HttpResponse:
        """Show the email as HTML, or as text with `part=text`."""
        edition = self._edition(request, day)
        try:
            preview = previews.preview_for(edition.day, request.GET.get("who", ""), timezone.now())
        except previews.ReaderNotFound:
            return _plain(NO_READER)
        if preview.digest.status == Digest.Status.SKIPPED:
            return _plain(f"No digest will be sent: {preview.digest.reason}")
        mail = preview.mail("reader@example.org")
        if request.GET.get("part") == "text":
            return _plain(f"{mail.subject}\n\n{mail.text}")
        return HttpResponse(str(mail.html))

    def desk_act(self, request: HttpRequest, day: str) -> HttpResponse:
        """Perform one action of a curator (POST only), and log it."""
        edition = self._edition(request, day)
        if request.method != "POST" or not _may_act(request, edition):
            raise PermissionDenied
        verb = request.POST.get("do", "").partition(" ")[0]
        if verb == "look":
            return self._show_typed(request, edition)
        actions = {"approve": self._approve, "hold": self._hold, "test": self._send_test}
        action = actions.get(verb, self._change)
        try:
            done = action(request, edition)
        except desk.ActionRefused as error:
            done = ""
            messages.error(request, str(error))
            if verb == "words":
                return self._show_typed(request, edition)
        if done:
            audit.log_action(request, [edition], done)
            messages.success(request, done)
        query = urlencode({"who": who}) if (who := request.POST.get("who", "")) else ""
        url = _desk_url(edition.day)
        return HttpResponseRedirect(f"{url}?{query}" if query else url)

    def _show_typed(self, request: HttpRequest, edition: Edition) -> HttpResponse:
        """Show the desk with the headline as typed, without saving it."""
        typed = Headline(*(request.POST.get(name, "") for name in ("subject", "note")))
        return self._page(request, edition, request.POST.get("who", ""), typed)

    def _change(self, request: HttpRequest, edition: Edition) -> str:
        if not (parsed := parse_change(request)):
            return ""
        change, arguments, is_exclusive = parsed
        version = request.POST.get("seen", "") if is_exclusive else None
        return desk.apply_change(
            edition.day, timezone.now(), change, *arguments, expected_version=version
        )

    def _approve(self, request: HttpRequest, edition: Edition) -> str:
        if not states.approve_edition(edition.day, request.user.get_username(), timezone.now()):
            return ""
        tasks.open_edition.delay_on_commit(edition.day.isoformat())
        return "Approved."

    def _hold(self, request: HttpRequest, edition: Edition) -> str:
        reason = request.POST.get("why", "").strip()[:500] or "No reason given."
        by = request.user.get_username()
        if not states.hold_edition(edition.day, reason, by, timezone.now()):
            return ""
        return f"Put on hold: {reason}"

    def _send_test(self, request: HttpRequest, edition: Edition) -> str:
        """Email the preview to the curator. It does not count as sent."""
        to = getattr(request.user, "email", "")
        who = request.POST.get("who", "")
        if not to:
            messages.error(request, "Your account has no email address to send a test to.")
            return ""
        try:
            preview = previews.preview_for(edition.day, who, timezone.now())
        except previews.ReaderNotFound:
            messages.error(request, NO_READER)
            return ""
        if preview.digest.status == Digest.Status.SKIPPED:
            messages.warning(request, f"No digest will be sent: {preview.digest.reason}")
            return ""
        django_message(preview.mail(to)).send()
        return f"Test sent to {to} ({_reader_name(preview.reader)})."

    def _edition(self, request: HttpRequest, text: str) -> Edition:
        """Return the edition of a day, unsaved if it has no row. Raise Http404 for other days."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        try:
            day = parse_date(text)
        except ValueError:
            day = None
        if day is None:
            raise Http404(f"{text} is not a date.")
        existing = Edition.objects.filter(day=day).first()
        now = timezone.now()
        first, last = now.date() - timedelta(days=1), now.date() + timedelta(days=DAYS_AHEAD)
        if existing is None and not first <= day <= last:
            raise Http404(f"There is no edition of {day}.")
        return existing or Edition(day=day, state=states.initial_state(day, now))


def _may_act(request: HttpRequest, edition: Edition) -> bool:
    return edition.closed_at is None and request.user.has_perm(PERMISSION)


def _desk_url(day: date) -> str:
    return reverse("admin:subscriptions_edition_desk", args=[day.isoformat()])


def _log(edition: Edition) -> list[LogEntry]:
    kind = ContentType.objects.get_for_model(Edition)
    rows = LogEntry.objects.filter(content_type=kind, object_id=str(edition.pk))
    return list(rows.select_related("user").order_by("-pk")[:MAX_LOG_ENTRIES])


def _reader_name(who: str) -> str:
    """Return an address unchanged, and a typical reader as "typical reader, cs.CL"."""
    if who.partition(" ")[0] != previews.TYPICAL:
        return who
    field = who.partition(" ")[2]
    return f"{previews.TYPICAL} reader, {field}" if field else f"{previews.TYPICAL} reader"


def _plain(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
