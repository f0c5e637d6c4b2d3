from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from papers import corpus, tasks
from papers.models import Document, Observation, Paper, Source


@admin.register(Source)
class SourceAdmin(admin.ModelAdmin):
    """Sources and their health."""

    list_display = ("name", "kind", "health", "checked_at", "succeeded_at", "failures", "active")
    list_filter = ("active", "kind", "outcome")
    search_fields = ("name", "url")
    readonly_fields = ("checked_at", "succeeded_at", "outcome", "error", "failures")
    actions = ("check_now",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        return {"next_check_at": timezone.now().isoformat()}

    @admin.display(description="health")
    def health(self, source: Source) -> str:
        if not source.checked_at:
            return "not checked yet"
        return f"{source.outcome}: {source.error}" if source.failures else source.outcome

    @admin.action(description="Check now")
    def check_now(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """Make the chosen sources due and send for them."""
        queryset.update(next_check_at=timezone.now())
        for source in queryset:
            tasks.fetch_source.delay_on_commit(source.pk)
        self.message_user(request, f"{queryset.count()} sources are being checked.")


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    """What was read, and why entries were refused; a record, not to be edited."""

    list_display = ("location", "kind", "first_seen_at", "entries", "new", "updated", "refused")
    list_filter = ("kind", "source")
    search_fields = ("location", "title")
    date_hierarchy = "first_seen_at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        return False


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
class PaperAdmin(admin.ModelAdmin):
    """Papers; what curators may change is what they said and what they picked."""

    list_display = ("title", "day", "votes", "comments", "stars", "rounded", "featured", "hidden")
    list_editable = ("featured", "hidden")
    list_filter = ("featured", "hidden", "withdrawn", "day")
    search_fields = ("title", "=arxiv_id", "=doi", "abstract")
    date_hierarchy = "listed_on"
    ordering = ("-day", "-score")
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
        ("score", "score_parts", "scored_at"),
        "first_seen_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Paper | None = None) -> list[str]:
        names = [
            name for row in self.fields for name in (row if isinstance(row, tuple) else (row,))
        ]
        return [name for name in names if name not in ("featured", "hidden", "note")]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.display(description="score", ordering="score")
    def rounded(self, paper: Paper) -> str:
        return f"{paper.score:.1f}"

    def save_model(self, request: HttpRequest, obj: Paper, form: object, change: bool) -> None:
        """Only the curator's columns, since ingest may be writing the others just now."""
        obj.save(update_fields=["featured", "hidden", "note"])
        tasks.score_papers.delay_on_commit()

    @admin.action(description="Feature as curator's pick")
    def feature(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        self.message_user(request, f"{queryset.update(featured=True)} papers featured.")
        corpus.rescore(timezone.now())

    @admin.action(description="Hide from pages and digests")
    def hide(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        self.message_user(request, f"{queryset.update(hidden=True)} papers hidden.")

    @admin.action(description="Show again")
    def show(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        self.message_user(request, f"{queryset.update(hidden=False)} papers shown again.")
