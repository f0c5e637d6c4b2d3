from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from config.guard import guard
from config.language import choose_language
from config.second_factor import second_factor
from config.site_files import favicon, robots

handler500 = "config.outages.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("papers.urls")),
    path("", include("subscriptions.urls")),
    path("robots.txt", robots, name="robots"),
    path("favicon.ico", favicon, name="favicon"),
    path("language/", choose_language, name="language"),
    path("anymail/", include("subscriptions.webhooks")),
    path("admin/login/", guard("login", methods=("POST",))(admin.site.login)),
    path("admin/second-factor/", second_factor, name="second-factor"),
    path("", include("operations.urls")),
    path("admin/", admin.site.urls),  # takes whatever else begins so
]
if settings.EMAIL_BACKEND == "config.outbox.OutboxBackend":  # only ever locally
    from config import outbox_views

    urlpatterns += [
        path("outbox/", outbox_views.index, name="outbox"),
        path("outbox/<name>/", outbox_views.message, name="outbox-message"),
        path("outbox/<name>/html/", outbox_views.html, name="outbox-html"),
    ]
