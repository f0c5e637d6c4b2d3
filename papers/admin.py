from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from papers import community, tasks
from papers.models import Document, Observation, Paper, Submission
from papers.ranking import scoring
from papers.searching import queries, search
from papers.staff.queue import QueuePages
from papers.staff.sources import SourceAdmin
from web import audit
from web.pagination import LargeTableAdmin

__all__ = ["SourceAdmin"]  # imported for Django, which discovers only this module
MAX_AT_ONCE = 20  # proposals; each may take half a minute


@admin.register(Document)
class DocumentAdmin(LargeTableAdmin):
    """Fetched documents and their rejected entries, read-only."""

    list_display = ("location", "kind", "first_seen_at", "entries", "new", "updated", "refused")
    list_filter = ("kind", "source")
    search_fields = ("location", "title")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        return False


@admin.register(Submission)
class SubmissionAdmin(QueuePages, LargeTableAdmin):
    """Papers proposed by readers, for curators to accept or reject."""

    list_display = ("arxiv_id", "note", "created_at", "status", "outcome", "paper")
    list_filter = ("status",)
    search_fields = ("arxiv_id", "note")
    fields = ("arxiv_id", "note", "created_at", "status", "outcome", "paper")
    readonly_fields = fields
    actions = ("accept", "reject")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(permissions=["change"], description="Accept: fetch from arXiv")
    def accept(self, request: HttpRequest, queryset: QuerySet[Submission]) -> None:
        """Accept up to MAX_AT_ONCE. If arXiv does not answer, the paper is fetched later."""
        now, status = timezone.now(), Submission.Status
        proposals = list(queryset.filter(status__in=(status.WAITING, status.REFUSED))[:MAX_AT_ONCE])
        audit.log_action(request, proposals, "Accepted.")
        rows = [community.accept_proposal(proposal, now) for proposal in proposals]
        accepted = sum(row.status == status.ACCEPTED for row in rows)
        level = messages.SUCCESS if accepted == len(rows) else messages.WARNING
        self.message_user(request, f"{accepted} of {len(rows)} papers added.", level)
        for row in (row for row in rows if row.status != status.ACCEPTED):
            self.message_user(request, f"{row.arxiv_id}: {row.outcome}", messages.WARNING)
        tasks.score_papers.delay_on_commit()

    @admin.action(permissions=["change"], description="Reject")
    def reject(self, request: HttpRequest, queryset: QuerySet[Submission]) -> None:
        undecided = (Submission.Status.WAITING, Submission.Status.FETCHING)
        waiting = queryset.filter(status__in=undecided)
        audit.log_action(request, waiting, "Rejected.")
        count = waiting.update(status=Submission.Status.REFUSED)
        self.message_user(request, f"{count} proposals rejected.")


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
class PaperAdmin(LargeTableAdmin):
    """Papers. Curators can feature and hide them and write notes."""

    list_display = (
        "title",
        "short_day",
        "votes",
        "comments",
        "stars",
        "rounded",
        "featured",
        "hidden",
    )
    list_editable = ("featured", "hidden")
    list_filter = ("featured", "hidden", "withdrawn", "day")
    search_fields = ("title",)  # see get_search_results
    search_help_text = (
        "Search as on the site: words, “a phrase”, author:name, cat:cs.CL, an arXiv ID or a DOI."
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
        """Search with the site's index, including hidden papers.

        Scanning millions of abstracts would take minutes.
        """
        if not (term := search_term.strip()):
            return queryset, False
        by_doi = list(Paper.objects.filter(doi=term).values_list("pk", flat=True))
        return queryset.filter(
            pk__in=by_doi or search.papers_with_words(queries.parse_query(term))
        ), False

    @admin.display(description="day", ordering="day")
    def short_day(self, paper: Paper) -> str:
        return f"{paper.day:%Y-%m-%d}"

    @admin.display(description="score", ordering="heat")
    def rounded(self, paper: Paper) -> str:
        return f"{paper.heat:.1f}"

    def save_model(self, request: HttpRequest, obj: Paper, form: object, change: bool) -> None:
        """Save only the curator's columns: ingest may be writing the others."""
        obj.save(update_fields=["featured", "hidden", "note"])
        tasks.score_papers.delay_on_commit()

    @admin.action(permissions=["change"], description="Feature as curator's pick")
    def feature(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        audit.log_action(request, queryset, "Featured.")
        self.message_user(request, f"{queryset.update(featured=True)} papers featured.")
        scoring.rescore(timezone.now())

    @admin.action(permissions=["change"], description="Hide from pages and digests")
    def hide(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        audit.log_action(request, queryset, "Hidden.")
        self.message_user(request, f"{queryset.update(hidden=True)} papers hidden.")

    @admin.action(permissions=["change"], description="Show again")
    def show(self, request: HttpRequest, queryset: QuerySet[Paper]) -> None:
        audit.log_action(request, queryset, "Shown again.")
        self.message_user(request, f"{queryset.update(hidden=False)} papers shown again.")
