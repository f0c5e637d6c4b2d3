from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_safe

from config.guard import guard


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """Alive: the process answers."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("", include("papers.urls")),
    path("", include("subscriptions.urls")),
    path("anymail/", include("subscriptions.webhooks")),
    path("admin/login/", guard("login", methods=("POST",))(admin.site.login)),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
]
if settings.EMAIL_BACKEND == "config.outbox.OutboxBackend":  # only ever locally
    from config import outbox_views

    urlpatterns += [
        path("outbox/", outbox_views.index, name="outbox"),
        path("outbox/<name>/", outbox_views.message, name="outbox-message"),
        path("outbox/<name>/html/", outbox_views.html, name="outbox-html"),
    ]
