from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.core import validators
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from config import audit
from config.paging import Long
from papers import community, queries, scoring, search, sources, tasks
from papers.feeds import addresses
from papers.models import Check, Document, Observation, Paper, Source, Submission
from papers.queue_admin import QueuePages


class SourceForm(forms.ModelForm):
    """An address is enough; arXiv categories are taken for the address of their list."""

    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text="Of a feed or list, or arXiv categories such as “cs.AI cs.CL”, "
        "which are asked for in one request.",
    )

    class Meta:
        model = Source
        fields = ("url", "name", "kind", "active", "check_every")

    def clean_url(self) -> str:
        url = addresses.of(self.cleaned_data["url"])
        validators.URLValidator(schemes=["http", "https"])(url)
        return url


@admin.register(Source)
class SourceAdmin(admin.ModelAdmin):
    """Sources and their health."""

    form = SourceForm
    list_display = ("__str__", "kind", "health", "checked_at", "succeeded_at", "failures", "active")
    list_filter = ("active", "kind", "outcome")
    search_fields = ("name", "url")
    fields = (
        "url",
        "name",
        ("kind", "check_every", "active"),
        "health",
        ("checked_at", "succeeded_at", "next_check_at", "failures"),
    )
    readonly_fields = ("health", "checked_at", "succeeded_at", "next_check_at", "failures")
    actions = ("check_now",)
    change_form_template = "admin/papers/source/change_form.html"

    @admin.display(description="health")
    def health(self, source: Source) -> str:
        if not source.checked_at:
            return "not checked yet"
        parked = f"parked since {source.parked_at:%Y-%m-%d %H:%M}; " if source.parked_at else ""
        said = f"{source.outcome}: {source.error}" if source.error else source.outcome
        return parked + said

    def response_add(
        self, request: HttpRequest, obj: Source, post_url_continue: str | None = None
    ) -> HttpResponse:
        if "_check" in request.POST:
            return self._checked(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Source) -> HttpResponse:
        if "_check" in request.POST:
            return self._checked(request, obj)
        return super().response_change(request, obj)

    def _checked(self, request: HttpRequest, source: Source) -> HttpResponse:
        audit.record(request, [source], "Checked at once.")
        self._tell(request, sources.check_now(source, timezone.now()))
        return redirect("admin:papers_source_change", source.pk)

    def _tell(self, request: HttpRequest, check: Check) -> None:
        failed = check.state == Check.State.BROKEN
        brought = f"{check.document.entries} entries, {check.new} new. " if check.document else ""
        said = f"{check.source}: {check.outcome}. {brought}{check.reason or check.detail}"
        self.message_user(request, said, messages.ERROR if failed else messages.SUCCESS)

    @admin.action(permissions=["change"], description="Check now")
    def check_now(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """One source at once, with what came of it; several are sent for."""
        if queryset.count() == 1:
            self._checked(request, queryset.get())
            return
        audit.record(request, queryset, "Sent for.")
        queryset.update(next_check_at=timezone.now(), parked_at=None, failures=0)
        for source in queryset:
            tasks.fetch_source.delay_on_commit(source.pk)
        self.message_user(request, f"{queryset.count()} sources are being checked.")


@admin.register(Document)
class DocumentAdmin(Long):
    """What was read, and why entries were refused; a record, not to be edited."""

    list_display = ("location", "kind", "first_seen_at", "entries", "new", "updated", "refused")
    list_filter = ("kind", "source")
    search_fields = ("location", "title")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        return False


@admin.register(Submission)
class SubmissionAdmin(QueuePages, Long):
    """What readers propose; a curator brings it in or refuses it."""

    list_display = ("arxiv_id", "note", "at", "status", "outcome", "paper")
    list_filter = ("status",)
    search_fields = ("arxiv_id", "note")
    fields = ("arxiv_id", "note", "at", "status", "outcome", "paper")
    readonly_fields = fields
    actions = ("accept", "refuse")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(permissions=["change"], description="Bring in from arXiv")
    def accept(self, request: HttpRequest, queryset: QuerySet[Submission]) -> None:
        now, chosen = timezone.now(), queryset.exclude(status="accepted")[:20]
        audit.record(request, chosen, "Asked for at arXiv.")
        done = [community.accept(one, now) for one in chosen]
        level = messages.SUCCESS if all(done) else messages.WARNING
        said = f"{sum(done)} of {len(done)} papers brought in."
        self.message_user(request, said, level)
        tasks.score_papers.delay_on_commit()

    @admin.action(permissions=["change"], description="Refuse")
    def refuse(self, request: HttpRequest, queryset: QuerySet[Submission]) -> None:
        waiting = queryset.filter(status=Submission.Status.WAITING)
        audit.record(request, waiting, "Refused.")
        done = waiting.update(status=Submission.Status.REFUSED)
        self.message_user(request, f"{done} proposals refused.")


class ObservationInline(admin.TabularInline):
    model = Observation
    extra = 0
    can_delete = False
    ordering = ("-observed_at",)

    def has_add_permission(self, request: HttpRequest, obj: Paper | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Paper | None = None) -> bool:
        return False


@admin.register(Paper)
class PaperAdmin(Long):
    """Papers; what curators may change is what they said and what they picked."""

    list_display = ("title", "day", "votes", "comments", "stars", "rounded", "featured", "hidden")
    list_editable = ("featured", "hidden")
    list_filter = ("featured", "hidden", "withdrawn", "day")
    search_fields = ("title",)  # see get_search_results
    search_help_text = (
        "As on the site: words, “a phrase”, author:name, cat:cs.CL; an arXiv id, a DOI."
    )
    ordering = ("-day", "-heat")
    actions = ("feature", "hide", "show")
    inlines = (ObservationInline,)
    fields = (
        ("featured", "hidden"),
        "note",
        "title",
        "abstract",
        ("arxiv_id", "doi", "version"),
        "authors",
        "categories",
        ("listed_on", "featured_on", "announce_type", "withdrawn"),
        ("abstract_url", "pdf_url", "code_url", "project_url"),
        ("votes", "comments", "stars"),
        ("heat", "standing", "score", "score_parts", "scored_at"),
        "first_seen_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Paper | None = None) -> list[str]:
        names = [
            name for row in self.fields for name in (row if isinstance(row, tuple) else (row,))
        ]
        return [name for name in names if name not in ("featured", "hidden", "note")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Paper], search_term: str
    ) -> tuple[QuerySet[Paper], bool]:
        """By the index of the site's search, hidden papers too; looking through millions of
        abstracts would take minutes."""
        if not (term := search_term.strip()):
            return queryset, False
        by_doi = list(Paper.objects.filter(doi=term).values_list("pk", flat=True))
        return queryset.filter(pk__in=by_doi or search.worded(queries.parse(term))), False

    @admin.display(description="heat", ordering="heat")
    def rounded(self, paper: Paper) -> str:
        return f"{paper.heat:.1f}"

    def save_model(self, request: HttpRequest, obj: Paper, form: object, change: bool) -> None:
        """Only the curator's columns, since ingest may be writing the others just now."""
        obj.save(update_fields=["featured", "hidden", "note"])
        tasks.score_papers.delay_on_commit()

    @admin.action(permissions=["change"], description="Feature as curator's pick")
    def feature(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        audit.record(request, queryset, "Featured.")
        self.message_user(request, f"{queryset.update(featured=True)} papers featured.")
        scoring.rescore(timezone.now())

    @admin.action(permissions=["change"], description="Hide from pages and digests")
    def hide(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        audit.record(request, queryset, "Hidden.")
        self.message_user(request, f"{queryset.update(hidden=True)} papers hidden.")

    @admin.action(permissions=["change"], description="Show again")
    def show(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        audit.record(request, queryset, "Shown again.")
        self.message_user(request, f"{queryset.update(hidden=False)} papers shown again.")
