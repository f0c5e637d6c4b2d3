"""The admin's start page and the page of the doctor."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from operations import doctor, start_page

PERMISSION = "subscriptions.change_edition"  # of operators, not of curators


@require_safe
@never_cache
def doctor_page(request: HttpRequest) -> TemplateResponse:
    """Show all findings of the doctor, to operators."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    findings = sorted(doctor.examine(timezone.now()), key=lambda finding: -finding.level)
    context = {
        **admin.site.each_context(request),
        "title": "Doctor",
        "findings": findings,
        "worst": doctor.worst_level(findings).name.lower(),
    }
    return TemplateResponse(request, "admin/doctor.html", context)


@require_safe
@never_cache
def index_page(request: HttpRequest) -> TemplateResponse:
    """Show Django's index, with to-dos and the state of the installation."""
    return admin.site.index(request, start_page.build_context(request.user, timezone.now()))


doctor_view = admin.site.admin_view(doctor_page)
index_view = admin.site.admin_view(index_page)
