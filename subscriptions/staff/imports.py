"""Reading readers in, in the admin: a file is tried first, then brought in by a second word."""

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

MAY = "subscriptions.import_subscriber"


class ImportForm(forms.ModelForm):
    """A CSV file; it is opened here, so that what cannot be read is said at once."""

    file = forms.FileField(
        help_text=f"CSV in UTF-8, up to {importing.MAX_BYTES // 1_000_000} MB. The first line "
        f"names the columns: {', '.join(importing.REQUIRED)}; and, if you like, "
        f"{', '.join(importing.OPTIONAL)}. It is tried first: nothing comes in before you say so."
    )

    class Meta:
        model = ReaderImport
        fields = ()

    def clean_file(self) -> UploadedFile:
        file: UploadedFile = self.cleaned_data["file"]
        if (file.size or 0) > importing.MAX_BYTES:
            most = importing.MAX_BYTES // 1_000_000
            raise forms.ValidationError(f"The file is too large; split it at {most} MB.")
        try:
            self.instance.text, self.instance.lines = importing.read_import_file(file.read())
        except importing.ImportFileError as error:
            raise forms.ValidationError(str(error)) from error
        self.instance.name = (file.name or "readers.csv")[:200]
        return file


@admin.register(ReaderImport)
class ReaderImportAdmin(admin.ModelAdmin):
    """What was read in, when and by whom; of the file itself nothing is kept afterwards."""

    form = ImportForm
    list_display = ("name", "created_by", "created_at", "state", "lines", "accepted", "rejected")
    ordering = ("-pk",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(MAY)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        act = self.admin_site.admin_view(self.act)
        return [
            path("<int:pk>/act/", act, name="subscriptions_readerimport_act"),
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
        """With one button: there is nothing to go on with before the file was tried."""
        buttons = {"show_save_and_add_another": False, "show_save_and_continue": False}
        titled = {"title": "Read readers in", **buttons, **(extra_context or {})}
        return super().add_view(request, form_url, titled)

    def response_add(
        self, request: HttpRequest, obj: ReaderImport, post_url_continue: str | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(self._page(obj.pk))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """How far it is, what came of it, and what is refused and why."""
        work = self._found(object_id)
        if not self.has_view_permission(request, work):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"Import of {work.name}",
            "work": work,
            "may_act": request.user.has_perm(MAY),
            "running": work.state in importing.RUNNING,
        }
        page = "admin/subscriptions/readerimport/progress.html"
        return TemplateResponse(request, page, context)

    def act(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Bring in what was tried, or forget it."""
        work = self._found(str(pk))
        if request.method != "POST" or not request.user.has_perm(MAY):
            raise PermissionDenied
        done = ""
        if request.POST.get("do") == "import" and importing.start_import(work.pk):
            tasks.import_readers.delay_on_commit(work.pk)
            done = f"Brought in: {work.accepted} readers were found fit."
        elif request.POST.get("do") == "discard" and importing.discard_import(work.pk):
            done = "Discarded."
        if done:
            audit.log_action(request, [work], done)
        else:
            messages.warning(request, "There was nothing to do.")
        return HttpResponseRedirect(self._page(work.pk))

    def _page(self, pk: int) -> str:
        return reverse("admin:subscriptions_readerimport_change", args=[pk])

    def _found(self, pk: str) -> ReaderImport:
        work = ReaderImport.objects.filter(pk=int(pk)).first() if pk.isdecimal() else None
        if work is None:
            raise Http404(f"There is no import {pk}.")
        return work
