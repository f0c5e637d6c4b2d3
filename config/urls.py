from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from web.language import choose_language
from web.rate_limit import rate_limited
from web.second_factor import second_factor
from web.site_files import favicon, robots

handler500 = "web.outages.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("papers.urls")),
    path("", include("subscriptions.urls")),
    path("robots.txt", robots, name="robots"),
    path("favicon.ico", favicon, name="favicon"),
    path("language/", choose_language, name="language"),
    path("anymail/", include("subscriptions.feedback.webhooks")),
    path("admin/login/", rate_limited("login", methods=("POST",))(admin.site.login)),
    path("admin/second-factor/", second_factor, name="second-factor"),
    path("", include("operations.urls")),
    path("admin/", admin.site.urls),  # last: it handles all other paths below admin/
]
if settings.EMAIL_BACKEND == "devtools.outbox.OutboxBackend":  # local only
    from devtools import outbox_pages

    urlpatterns += [
        path("outbox/", outbox_pages.index, name="outbox"),
        path("outbox/<name>/", outbox_pages.message, name="outbox-message"),
        path("outbox/<name>/html/", outbox_pages.html, name="outbox-html"),
    ]
