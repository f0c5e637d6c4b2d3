"""The doctor's page in the admin, for operators."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from operations import doctor, start_page

MAY = "subscriptions.change_edition"  # what operators may and curators may not


@require_safe
@never_cache
def doctor_page(request: HttpRequest) -> TemplateResponse:
    if not request.user.has_perm(MAY):
        raise PermissionDenied
    found = sorted(doctor.examine(timezone.now()), key=lambda finding: -finding.level)
    context = {
        **admin.site.each_context(request),
        "title": "Doctor",
        "findings": found,
        "worst": doctor.worst_level(found).name.lower(),
    }
    return TemplateResponse(request, "admin/doctor.html", context)


@require_safe
@never_cache
def start(request: HttpRequest) -> TemplateResponse:
    """Django's index, with what to do next and how things stand."""
    return admin.site.index(request, start_page.context(request.user, timezone.now()))


page = admin.site.admin_view(doctor_page)
first_page = admin.site.admin_view(start)
