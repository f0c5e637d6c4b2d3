"""Actions of the Zotero page: collections as examples, and uploads of kept papers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from subscriptions import tasks
from subscriptions.models import ZoteroAccount
from subscriptions.pages.forms.zotero import ExamplesForm, KeptForm
from subscriptions.pages.mailed_links import Access, mailed_link
from subscriptions.pages.zotero.account import find_account, show_page
from subscriptions.tokens import Purpose
from subscriptions.zotero import examples, uploads

MAX_DIGITS = 18  # of a primary key in PostgreSQL
AccountView = Callable[[HttpRequest, Access, ZoteroAccount], HttpResponse]


def connected(view: AccountView) -> Callable[..., HttpResponse]:
    """Pass the view the reader's account; without one, lead back to the page. POST only."""

    @wraps(view)
    def wrapper(request: HttpRequest, access: Access, **_rest: Any) -> HttpResponse:
        account = find_account(access)
        return view(request, access, account) if account else access.redirect("zotero")

    return require_POST(mailed_link(Purpose.PREFERENCES)(wrapper))


@connected
def add_examples(request: HttpRequest, access: Access, account: ZoteroAccount) -> HttpResponse:
    """Make the papers of a collection examples of a topic."""
    form = ExamplesForm(account, request.POST)
    if form.is_valid():
        key, topic = form.cleaned_data["collection"], form.cleaned_data["topic"]
        try:
            examples.choose_collection(account, key, topic, timezone.now())
        except ValidationError as error:
            form.add_error("collection", error)
        else:
            tasks.refresh_zotero_account.delay_on_commit(account.pk)
            messages.success(request, _("Added. Its papers count in about a minute."))
            return access.redirect("zotero")
    return show_page(request, access, examples_form=form)


@connected
def choose_kept(request: HttpRequest, access: Access, account: ZoteroAccount) -> HttpResponse:
    """Choose the collection that gets kept papers, or none."""
    form = KeptForm(account, request.POST)
    if not form.is_valid():
        return show_page(request, access, kept_form=form)
    uploads.choose_out_collection(account, form.cleaned_data["collection"], timezone.now())
    tasks.upload_kept_papers.delay_on_commit(account.pk)
    messages.success(request, _("Saved."))
    return access.redirect("zotero")


@connected
def act(request: HttpRequest, access: Access, account: ZoteroAccount) -> HttpResponse:
    """Remove a chosen collection, load the collections again, or try failed uploads again."""
    name, now = request.POST.get("act", ""), timezone.now()
    chosen = request.POST.get("collection", "")
    if name == "remove" and chosen.isdecimal() and len(chosen) <= MAX_DIGITS:
        account.chosen.filter(pk=int(chosen)).delete()
        messages.success(request, _("Removed. Its papers are no longer examples."))
    elif name == "reload":
        examples.request_refresh(account, now)
        tasks.refresh_zotero_account.delay_on_commit(account.pk)
        messages.success(request, _("We're asking Zotero. It takes about a minute."))
    elif name == "retry":
        uploads.retry_failed(account, now)
        tasks.upload_kept_papers.delay_on_commit(account.pk)
        messages.success(request, _("We're trying again. It takes about a minute."))
    else:
        messages.error(request, _("Nothing was changed: the request was incomplete."))
    return access.redirect("zotero")
