"""Sources in the admin: adding by address or from a list, editing, and checking at once."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.validators import URLValidator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from papers import recommended, tasks
from papers.feeds.pasted import NotASource, resolve_source_url
from papers.fetching import sources
from papers.freshness import notices
from papers.models import Source, SourceCheck
from papers.recommended import RECOMMENDED, STARTERS, source_reading
from web import audit

SHORT_HELP = (
    "The address of a feed, a page such as https://huggingface.co/papers, "
    "or arXiv categories such as “cs.AI cs.CL”"
)


def clean_address(text: str) -> str:
    """Return the address of the source that this text names, or raise ValidationError."""
    try:
        address = resolve_source_url(text)
    except NotASource as error:
        raise ValidationError(str(error)) from error
    URLValidator(schemes=["http", "https"])(address)
    return address


class SourceForm(forms.ModelForm):
    """Form for a source. The address is the only required field."""

    url = forms.CharField(
        label="Address",
        max_length=2000,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text=f"{SHORT_HELP} (fetched in one request).",
    )

    class Meta:
        model = Source
        fields = ("url", "name", "kind", "active", "check_every")

    def clean_url(self) -> str:
        return clean_address(self.cleaned_data["url"])


class AddSourcesForm(forms.Form):
    """Form to add recommended sources by checkbox, and others by address."""

    names = forms.MultipleChoiceField(
        choices=[(source.name, source.label) for source in RECOMMENDED], required=False
    )
    addresses = forms.CharField(
        label="Other sources",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text=f"One per line. {SHORT_HELP}.",
    )

    def clean_addresses(self) -> list[str]:
        addresses, errors = [], []
        for line in filter(None, map(str.strip, self.cleaned_data["addresses"].splitlines())):
            try:
                addresses.append(clean_address(line))
            except ValidationError as error:
                errors.append(f"{line[:100]}: {' '.join(error.messages)}")
        if errors:
            raise ValidationError(errors)
        return addresses

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if not self.errors and not data["names"] and not data["addresses"]:
            raise ValidationError("Select a source or enter an address.")
        return data

    def all_addresses(self) -> list[str]:
        """Return all addresses to add, without duplicates."""
        names = self.cleaned_data["names"]
        selected = recommended.recommended_sources(names) if names else []
        addresses = [*(source.address for source in selected), *self.cleaned_data["addresses"]]
        return list(dict.fromkeys(addresses))


class HealthFilter(admin.SimpleListFilter):
    """The active sources that the start page counts as sources with problems."""

    title = "health"
    parameter_name = "health"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("problems", "With problems")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Source]) -> QuerySet[Source]:
        if self.value() != "problems":
            return queryset
        rows = notices.source_statuses(timezone.now())
        return queryset.filter(pk__in=[row.source.pk for row in rows if row.is_failing])


@admin.register(Source)
class SourceAdmin(admin.ModelAdmin):
    """Sources with the result of their last check."""

    form = SourceForm
    list_display = ("__str__", "kind", "health", "succeeded_at", "active")
    list_filter = (HealthFilter, "active", "kind", "outcome")
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

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.recommended)
        return [path("recommended/", page, name="papers_source_recommended"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Source]:
        """Add the reason and state of the last check."""
        last = SourceCheck.objects.filter(source=OuterRef("pk")).order_by("-at", "-pk")
        reason, state = (Subquery(last.values(name)[:1]) for name in ("reason", "state"))
        return super().get_queryset(request).annotate(last_reason=reason, last_state=state)

    @admin.display(description="health")
    def health(self, source: Source) -> str:
        if source.checked_at is None:
            return "Not checked yet."
        state = getattr(source, "last_state", "")
        sentences = [f"{SourceCheck.State(state).label.capitalize() if state else source.outcome}."]
        sentences.append(getattr(source, "last_reason", "") or "")
        if source.parked_at:
            sentences.append(f"Not checked since {source.parked_at:%Y-%m-%d}; “Check now” resumes.")
        return " ".join(filter(None, sentences))

    def recommended(self, request: HttpRequest) -> HttpResponse:
        """GET shows recommended sources and a field for others; POST adds them."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = AddSourcesForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            self._add(request, form.all_addresses())
            return redirect("admin:papers_source_changelist")
        existing = list(Source.objects.all())
        selected = request.POST.getlist("names") if form.is_bound else () if existing else STARTERS
        groups = [
            (
                group,
                [
                    (entry, entry.name in selected, source_reading(entry.address, existing))
                    for entry in members
                ],
            )
            for group, members in groupby(RECOMMENDED, key=lambda entry: entry.group)
        ]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Add sources",
            "form": form,
            "groups": groups,
            "is_empty": not existing,
        }
        return TemplateResponse(request, "admin/papers/source/recommended.html", context)

    def _add(self, request: HttpRequest, addresses: list[str]) -> None:
        added = [recommended.add_source(address) for address in addresses]
        new = [source for source, is_new in added if is_new]
        audit.log_action(request, new, "Added.")
        for source in new:
            tasks.fetch_source.delay_on_commit(source.pk)
        if new:
            subject = "1 source was" if len(new) == 1 else f"{len(new)} sources were"
            text = f"{subject} added and will be checked within a minute."
            self.message_user(request, text, messages.SUCCESS)
        for source in (source for source, is_new in added if not is_new):
            off = "" if source.active else " It is switched off."
            self.message_user(request, f"{source} already exists.{off}", messages.WARNING)

    def save_model(self, request: HttpRequest, obj: Source, form: Any, change: bool) -> None:
        """Check a new or changed address at once, ignoring the state of the previous one."""
        needs_check = obj.active and bool({"url", "active"} & set(form.changed_data))
        if needs_check:
            obj.etag = obj.last_modified = ""
            obj.next_check_at, obj.parked_at, obj.failures = timezone.now(), None, 0
        super().save_model(request, obj, form, change)
        if needs_check and "_check" not in request.POST:
            tasks.fetch_source.delay_on_commit(obj.pk)

    def response_add(
        self, request: HttpRequest, obj: Source, post_url_continue: str | None = None
    ) -> HttpResponse:
        if "_check" in request.POST:
            return self._check(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def response_change(self, request: HttpRequest, obj: Source) -> HttpResponse:
        if "_check" in request.POST:
            return self._check(request, obj)
        return super().response_change(request, obj)

    def _check(self, request: HttpRequest, source: Source) -> HttpResponse:
        audit.log_action(request, [source], "Checked at once.")
        self._report(request, sources.check_now(source, timezone.now()))
        return redirect("admin:papers_source_change", source.pk)

    def _report(self, request: HttpRequest, check: SourceCheck) -> None:
        failed = check.state == SourceCheck.State.BROKEN
        counts = f"{check.document.entries} entries, {check.new} new. " if check.document else ""
        text = f"Checked {check.source}: {check.outcome}. {counts}{check.reason or check.detail}"
        self.message_user(request, text, messages.ERROR if failed else messages.SUCCESS)

    @admin.action(permissions=["change"], description="Check now")
    def check_now(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """Check one source at once and show the result. Check several in the background."""
        if queryset.count() == 1:
            self._check(request, queryset.get())
            return
        audit.log_action(request, queryset, "Check requested.")
        Source.objects.filter(pk__in=queryset.values("pk")).update(
            next_check_at=timezone.now(), parked_at=None, failures=0
        )
        for source in queryset:
            tasks.fetch_source.delay_on_commit(source.pk)
        self.message_user(request, f"{queryset.count()} sources are being checked.")
