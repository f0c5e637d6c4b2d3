"""The Zotero page: connecting by key, the state of the account, and disconnecting."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from subscriptions import tasks
from subscriptions.models import ZoteroAccount, ZoteroUpload
from subscriptions.pages.forms.zotero import ExamplesForm, KeptForm, KeyForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.tokens import Purpose
from subscriptions.zotero import connecting, oauth
from subscriptions.zotero.api import Denied, ZoteroError
from web.rate_limit import rate_limited

ACTIONS = ("key", "oauth", "examples", "kept", "act", "disconnect")  # URL names: zotero-<action>
MAX_SHOWN = 20  # uploads with problems
PROBLEMS = {
    ZoteroUpload.Problem.UNREACHABLE: gettext_lazy("We couldn't reach Zotero."),
    ZoteroUpload.Problem.BUSY: gettext_lazy("Zotero was busy."),
    ZoteroUpload.Problem.CHANGED: gettext_lazy("Something changed in Zotero at the same time."),
    ZoteroUpload.Problem.REFUSED: gettext_lazy("Zotero refused it."),
}


@require_safe
@mailed_link(Purpose.PREFERENCES)
def zotero_page(request: HttpRequest, access: Access) -> HttpResponse:
    """Show the account, its examples and its uploads."""
    return show_page(request, access)


def show_page(request: HttpRequest, access: Access, **forms: Any) -> HttpResponse:
    """Render the page; `forms` replaces forms that have errors."""
    account = find_account(access)
    context = {
        "account": account,
        "oauth": oauth.is_offered(),
        "links": {name: access.url(f"zotero-{name}") for name in ACTIONS}
        | {name: access.url(name) for name in ("preferences", "profile", "library", "topics")},
        "key_form": KeyForm(),
        **(_account_context(account) if account else {}),
        **forms,
    }
    has_errors = any(form.errors for form in forms.values())
    response = render(
        request, "subscriptions/zotero.html", context, status=400 if has_errors else 200
    )
    if oauth.is_offered():  # its form leads to Zotero's page
        parts = urlsplit(settings.ZOTERO_OAUTH_URL)
        allowed = {"form-action": f"'self' {parts.scheme}://{parts.netloc}"}
        response.csp_overrides = allowed  # type: ignore[attr-defined]
    return response


def find_account(access: Access) -> ZoteroAccount | None:
    """Return the reader's account with the reader loaded, or None."""
    return (
        ZoteroAccount.objects.filter(subscriber=access.reader).select_related("subscriber").first()
    )


def _account_context(account: ZoteroAccount) -> dict[str, Any]:
    uploads = account.uploads.all()
    troubled = uploads.exclude(problem="").order_by("-status", "-created_at", "-pk")
    waiting = uploads.filter(status=ZoteroUpload.Status.PENDING).count()
    return {
        "examples_form": ExamplesForm(account),
        "kept_form": KeptForm(account),
        "chosen": account.chosen.select_related("topic"),
        "sent": uploads.filter(status=ZoteroUpload.Status.SENT).count(),
        "waiting": waiting + account.new_entries().count(),
        "troubled": [(one, PROBLEMS[ZoteroUpload.Problem(one.problem)]) for one in troubled][
            :MAX_SHOWN
        ],
        "may_retry": uploads.exclude(status=ZoteroUpload.Status.SENT).exclude(problem="").exists(),
    }


@require_POST
@rate_limited("upload")
@mailed_link(Purpose.PREFERENCES)
def connect_by_key(request: HttpRequest, access: Access) -> HttpResponse:
    """Connect the account of a pasted key."""
    form = KeyForm(request.POST)
    if form.is_valid():
        try:
            connect_account(request, access, form.cleaned_data["key"], from_oauth=False)
        except ZoteroError as error:
            form.add_error("key", describe_error(error))
        else:
            return access.redirect("zotero")
    return show_page(request, access, key_form=form)


def connect_account(request: HttpRequest, access: Access, key: str, *, from_oauth: bool) -> None:
    """Store a key and start to use it; raise a `ZoteroError`."""
    account = connecting.connect(access.reader, key, timezone.now(), from_oauth=from_oauth)
    tasks.refresh_zotero_account.delay_on_commit(account.pk)
    tasks.upload_kept_papers.delay_on_commit(account.pk)
    messages.success(
        request, _("Connected with the Zotero account %(name)s.") % {"name": account.username}
    )


def describe_error(error: ZoteroError) -> str:
    """Return why a key could not be used, and what to do."""
    if isinstance(error, Denied):
        return _(
            "Zotero doesn't accept the key, or it gives no access to your library. Make a new key "
            "and tick “Allow library access”."
        )
    return _("We couldn't reach Zotero. Please try again in a few minutes.")


@require_POST
@rate_limited("upload")
@mailed_link(Purpose.PREFERENCES)
def disconnect(request: HttpRequest, access: Access) -> HttpResponse:
    """Forget the account and, if the reader wants it, delete the key at Zotero."""
    if account := find_account(access):
        wanted = account.from_oauth and "delete_key" in request.POST
        deleted = connecting.disconnect(account, timezone.now(), delete_key=wanted)
        text = _("Disconnected. We've deleted your key, your choices and the examples from Zotero.")
        if deleted:
            text += " " + _("The key is deleted at Zotero too.")
        elif wanted:
            text += " " + _("Zotero didn't answer: delete the key in your settings there.")
        messages.success(request, text)
    return access.redirect("zotero")
