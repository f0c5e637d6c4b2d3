"""The language of a page: the visitor's on the site, English in the admin and for machines."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.urls import reverse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from web.rate_limit import rate_limited

# Exempt from CSRF checks: a forged request could only change the language.
choose_language = csrf_exempt(
    require_POST(rate_limited("language", methods=("POST",))(set_language))
)
UNTRANSLATED_PREFIXES = ("/api/", "/feeds/", "/healthz", "/metrics")


def active_language() -> str:
    """Return the code of the active language."""
    return get_language() or settings.LANGUAGE_CODE


class SiteLanguage(LocaleMiddleware):
    """Activate the language chosen in the footer or, by default, the browser's."""

    def process_request(self, request: HttpRequest) -> None:
        if self._is_translated(request):
            super().process_request(request)
        else:
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = settings.LANGUAGE_CODE

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not self._is_translated(request):
            return response
        patch_vary_headers(response, ("Cookie",))  # Django adds only Accept-Language
        return super().process_response(request, response)

    @staticmethod
    def _is_translated(request: HttpRequest) -> bool:
        return not request.path_info.startswith((reverse("admin:index"), *UNTRANSLATED_PREFIXES))
