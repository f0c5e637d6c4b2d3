"""The local outbox in the browser: what would have been mailed. Only there in debug."""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.clickjacking import xframe_options_sameorigin

from devtools.outbox import messages
from web.headers import INLINE_STYLES, with_csp

SHOWN = 100
HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe")


def read(path: Path) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(path.read_bytes())


def find(name: str) -> EmailMessage:
    path = settings.OUTBOX_DIR / f"{name}.eml"
    if not re.fullmatch(r"\d+-\d+", name) or not path.exists():
        raise Http404
    return read(path)


def index(request: HttpRequest) -> HttpResponse:
    """The newest messages first."""
    paths = messages(settings.OUTBOX_DIR)[:SHOWN]
    rows = [{"name": path.stem, "message": read(path)} for path in paths]
    return render(request, "outbox/index.html", {"rows": rows})


@with_csp({"frame-src": "'self'"})
def message(request: HttpRequest, name: str) -> HttpResponse:
    """One message: headers, HTML part in a frame, text part."""
    mail = find(name)
    text = mail.get_body(("plain",))
    context = {
        "name": name,
        "subject": mail["Subject"],
        "headers": [(header, mail[header]) for header in HEADERS if mail[header]],
        "text": text.get_content() if text else "",
    }
    return render(request, "outbox/message.html", context)


@xframe_options_sameorigin
@with_csp(INLINE_STYLES | {"frame-ancestors": "'self'"})
def html(_request: HttpRequest, name: str) -> HttpResponse:
    """The HTML part as a mail program shows it."""
    body = find(name).get_body(("html",))
    if body is None:
        raise Http404
    return HttpResponse(body.get_content())
