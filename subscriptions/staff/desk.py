"""The edition desk in the admin: one page, one address that acts, one that shows a preview."""

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

CANDIDATES = 40
framing = with_csp({"frame-src": "'self'"})
framed_mail = with_csp(INLINE_STYLES | {"frame-ancestors": "'self'"})
LOGGED = 30
NO_READER = "No reader has this address."
MAY = "subscriptions.curate_edition"
DAYS_AHEAD = 7


@dataclass(frozen=True, slots=True)
class Words:
    """An edition's subject line and note, as they are or as they were typed."""

    subject: str
    note: str


Act = tuple[Callable[..., str], tuple[Any, ...], bool]  # with its arguments; minds other curators


def named(request: HttpRequest) -> Act | None:
    """The act that a form asks for; None for nonsense."""
    verb, _, rest = request.POST.get("do", "").partition(" ")
    text = {name: request.POST.get(name, "") for name in ("note", "subject", "order", "into")}
    if verb == "words":
        return desk.write_subject_and_note, (text["subject"], text["note"]), True
    if verb == "order":
        return desk.reorder_pins, ([_pk(one) for one in text["order"].split(",") if one],), True
    paper = _pk(rest)
    acts: dict[str, tuple[Callable[..., str], tuple[Any, ...]]] = {
        "pin": (desk.pin_paper, (paper,)),
        "unpin": (desk.unpin_paper, (paper,)),
        "up": (desk.move_pin, (paper, -1)),
        "down": (desk.move_pin, (paper, 1)),
        "swap": (desk.replace_pin, (paper, _pk(text["into"]))),
        "hide": (desk.hide_paper, (paper,)),
        "show": (desk.show_paper, (paper,)),
        "note": (desk.write_paper_note, (paper, text["note"])),
    }
    return (*acts[verb], False) if verb in acts else None


def _pk(text: str) -> int:
    """A primary key as a form sends it; 0, which nothing has, for anything else."""
    return int(text) if text.isdecimal() and len(text) < 19 else 0


class DeskPages:
    """The desk's pages of EditionAdmin."""

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
        return HttpResponseRedirect(_desk_of(timezone.now().date() + timedelta(days=1)))

    def desk(self, request: HttpRequest, day: str) -> HttpResponse:
        return self._page(request, self._edition(request, day), request.GET.get("who", ""))

    def _page(
        self, request: HttpRequest, edition: Edition, who: str, typed: Words | None = None
    ) -> HttpResponse:
        """The desk; with `typed`, words that are not saved, and how the note will look."""
        now, who = timezone.now(), who.strip()[:254] or previews.TYPICAL
        wanted = request.GET.get("q", "").strip()[:200]
        placements = list(
            desk.placements_of(edition).select_related("paper").order_by("place", "pk")
        )
        placed = {row.paper_id: row for row in placements}
        candidates = (
            candidate_pool.candidate_papers(edition.day).filter(title__icontains=wanted).trending()
        )
        candidates = candidates.exclude(pk__in=[p for p, row in placed.items() if row.hidden])
        unpinned = candidates.exclude(pk__in=desk.pinned_papers(edition))[:CANDIDATES]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"Desk of {edition.day:%A, %-d %B %Y}",
            "edition": edition,
            "seen": desk.edition_version(edition),
            "pinned": [row for row in placements if row.place is not None],
            "hidden": [row for row in placements if row.hidden],
            "candidates": [(paper, placed.get(paper.pk)) for paper in unpinned],
            "wanted": wanted,
            "outlook": states.describe_outlook(edition, now),
            "totals": Digest.objects.filter(day=edition.day).totals(),
            "may_act": _may_act(request, edition),
            "who": who,
            "is_known": previews.is_valid_choice(who),
            "typical": previews.typical_readers(edition.day),
            "words": (words := typed or Words(edition.subject, edition.note)),
            "is_unsaved": typed is not None,
            "rendered_note": mark_safe(editor_note.render_note(words.note)),  # noqa: S308 - by nh3
            "limits": {"subject": SUBJECT_LENGTH, "note": editor_note.MAX_LENGTH},
            "note_length": desk.NOTE_LENGTH,
            "log": _log(edition),
            "before": edition.day - timedelta(days=1),
            "after": edition.day + timedelta(days=1),
        }
        return TemplateResponse(request, "admin/subscriptions/edition/desk.html", context)

    def preview(self, request: HttpRequest, day: str) -> HttpResponse:
        """The mail itself: HTML, or with `part=text` its text."""
        edition = self._edition(request, day)
        try:
            shown = previews.preview_for(edition.day, request.GET.get("who", ""), timezone.now())
        except previews.ReaderNotFound:
            return _plain(NO_READER)
        if shown.digest.status == Digest.Status.SKIPPED:
            return _plain(f"No digest goes out: {shown.digest.reason}")
        mail = shown.mail("reader@example.org")
        if request.GET.get("part") == "text":
            return _plain(f"{mail.subject}\n\n{mail.text}")
        return HttpResponse(str(mail.html))

    def desk_act(self, request: HttpRequest, day: str) -> HttpResponse:
        """One act: by POST, by whoever may curate, written down in the log."""
        edition = self._edition(request, day)
        if request.method != "POST" or not _may_act(request, edition):
            raise PermissionDenied
        verb = request.POST.get("do", "").partition(" ")[0]
        if verb == "look":
            return self._again(request, edition)
        own = {"approve": self._approve, "hold": self._hold, "test": self._test}
        try:
            done = own[verb](request, edition) if verb in own else self._change(request, edition)
        except desk.ActionRefused as error:
            done = ""
            messages.error(request, str(error))
            if verb == "words":
                return self._again(request, edition)
        if done:
            audit.log_action(request, [edition], done)
            messages.success(request, done)
        query = urlencode({"who": who}) if (who := request.POST.get("who", "")) else ""
        return HttpResponseRedirect(
            f"{_desk_of(edition.day)}?{query}" if query else _desk_of(edition.day)
        )

    def _again(self, request: HttpRequest, edition: Edition) -> HttpResponse:
        """The page with the words as typed; nothing was saved, and nothing is lost."""
        typed = Words(*(request.POST.get(name, "") for name in ("subject", "note")))
        return self._page(request, edition, request.POST.get("who", ""), typed)

    def _change(self, request: HttpRequest, edition: Edition) -> str:
        if not (act := named(request)):
            return ""
        what, given, minds = act
        seen = request.POST.get("seen", "") if minds else None
        return desk.apply_change(edition.day, timezone.now(), what, *given, seen=seen)

    def _approve(self, request: HttpRequest, edition: Edition) -> str:
        if not states.approve_edition(edition.day, request.user.get_username(), timezone.now()):
            return ""
        tasks.open_edition.delay_on_commit(edition.day.isoformat())
        return "Approved."

    def _hold(self, request: HttpRequest, edition: Edition) -> str:
        why = request.POST.get("why", "").strip()[:500] or "No reason given."
        by = request.user.get_username()
        return f"Held: {why}" if states.hold_edition(edition.day, why, by, timezone.now()) else ""

    def _test(self, request: HttpRequest, edition: Edition) -> str:
        """Goes to the curator's own address; nothing counts as sent."""
        to = getattr(request.user, "email", "")
        who = request.POST.get("who", "")
        if not to:
            messages.error(request, "Your account has no email address to send a test to.")
            return ""
        try:
            shown = previews.preview_for(edition.day, who, timezone.now())
        except previews.ReaderNotFound:
            messages.error(request, NO_READER)
            return ""
        if shown.digest.status == Digest.Status.SKIPPED:
            messages.warning(request, f"No digest goes out: {shown.digest.reason}")
            return ""
        django_message(shown.mail(to)).send()
        return f"Test sent to {to} ({_reader(shown.of)})."

    def _edition(self, request: HttpRequest, text: str) -> Edition:
        """The edition of a day; not stored where nobody acted on it and no digest was made."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        try:
            day = parse_date(text)
        except ValueError:
            day = None
        if day is None:
            raise Http404(f"{text} is no day.")
        there = Edition.objects.filter(day=day).first()
        now = timezone.now()
        if there is None and not now.date() - timedelta(days=1) <= day <= now.date() + timedelta(
            days=DAYS_AHEAD
        ):
            raise Http404(f"There is no edition of {day}.")
        return there or Edition(day=day, state=states.initial_state(day, now))


def _may_act(request: HttpRequest, edition: Edition) -> bool:
    return edition.closed_at is None and request.user.has_perm(MAY)


def _desk_of(day: date) -> str:
    return reverse("admin:subscriptions_edition_desk", args=[day.isoformat()])


def _log(edition: Edition) -> list[LogEntry]:
    kind = ContentType.objects.get_for_model(Edition)
    rows = LogEntry.objects.filter(content_type=kind, object_id=str(edition.pk))
    return list(rows.select_related("user").order_by("-pk")[:LOGGED])


def _reader(who: str) -> str:
    """As "typical reader, cs.CL", or an address."""
    if who.partition(" ")[0] != previews.TYPICAL:
        return who
    field = who.partition(" ")[2]
    return f"{previews.TYPICAL} reader, {field}" if field else f"{previews.TYPICAL} reader"


def _plain(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
