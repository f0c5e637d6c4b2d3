"""Subscriber imports in the admin: a file is checked first, then imported on confirmation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from subscriptions import tasks
from subscriptions.models import ReaderImport
from subscriptions.readers import importing
from web import audit

PERMISSION = "subscriptions.import_subscriber"


class ImportForm(forms.ModelForm):
    """Upload of a CSV file. Unreadable files are rejected at once."""

    file = forms.FileField(
        help_text=f"CSV in UTF-8, up to {importing.MAX_BYTES // 1_000_000} MB. The first line "
        f"must contain the column names {', '.join(importing.REQUIRED)}; optional columns are "
        f"{', '.join(importing.OPTIONAL)}. Nothing is imported until you confirm."
    )

    class Meta:
        model = ReaderImport
        fields = ()

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > importing.MAX_BYTES:
            limit = importing.MAX_BYTES // 1_000_000
            raise forms.ValidationError(f"The file is too large. The limit is {limit} MB.")
        try:
            self.instance.text, self.instance.lines = importing.read_import_file(file.read())
        except importing.ImportFileError as error:
            raise forms.ValidationError(str(error)) from error
        self.instance.name = (file.name or "readers.csv")[:200]
        return file


@admin.register(ReaderImport)
class ReaderImportAdmin(admin.ModelAdmin):
    """Records of imports. The files themselves are deleted afterwards."""

    form = ImportForm
    list_display = ("name", "created_by", "created_at", "state", "lines", "accepted", "rejected")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.act)
        return [
            path("<int:pk>/act/", view, name="subscriptions_readerimport_act"),
            *super().get_urls(),
        ]

    def save_model(self, request: HttpRequest, obj: ReaderImport, form: Any, change: bool) -> None:
        obj.created_by, obj.created_at = request.user.get_username(), timezone.now()
        obj.save()
        tasks.import_readers.delay_on_commit(obj.pk)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form with one button, since the next step is the check of the file."""
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        context = {"title": "Import subscribers", **buttons, **(extra_context or {})}
        return super().add_view(request, form_url, context)

    def response_add(
        self, request: HttpRequest, obj: ReaderImport, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(self._url(obj.pk))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the progress, the result and the rejected lines of an import."""
        reader_import = self._get_import(object_id)
        if not self.has_view_permission(request, reader_import):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"Import of {reader_import.name}",
            "import": reader_import,
            "may_act": request.user.has_perm(PERMISSION),
            "running": reader_import.state in importing.RUNNING,
        }
        page = "admin/subscriptions/readerimport/progress.html"
        return TemplateResponse(request, page, context)

    def act(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Start or discard a checked import (POST only)."""
        reader_import = self._get_import(str(pk))
        if request.method != "POST" or not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        done = ""
        if request.POST.get("do") == "import" and importing.start_import(reader_import.pk):
            tasks.import_readers.delay_on_commit(reader_import.pk)
            done = f"Import of {reader_import.accepted} subscribers started."
        elif request.POST.get("do") == "discard" and importing.discard_import(reader_import.pk):
            done = "Discarded."
        if done:
            audit.log_action(request, [reader_import], done)
        else:
            messages.warning(request, "Nothing to do.")
        return HttpResponseRedirect(self._url(reader_import.pk))

    def _url(self, pk: int) -> str:
        return reverse("admin:subscriptions_readerimport_change", args=[pk])

    def _get_import(self, pk: str) -> ReaderImport:
        reader_import = ReaderImport.objects.filter(pk=int(pk)).first() if pk.isdecimal() else None
        if reader_import is None:
            raise Http404(f"No import has number {pk}.")
        return reader_import
