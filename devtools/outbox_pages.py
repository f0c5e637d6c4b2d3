"""Pages of the local outbox; only available if DEBUG is set."""

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

MAX_MESSAGES = 100
HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe")


def read_message(path: Path) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(path.read_bytes())


def find_message(name: str) -> EmailMessage:
    """Return the message with this file stem; raise Http404 if there is none."""
    path = settings.OUTBOX_DIR / f"{name}.eml"
    if not re.fullmatch(r"\d+-\d+", name) or not path.exists():
        raise Http404
    return read_message(path)


def index(request: HttpRequest) -> HttpResponse:
    """List the newest messages."""
    paths = messages(settings.OUTBOX_DIR)[:MAX_MESSAGES]
    rows = [{"name": path.stem, "message": read_message(path)} for path in paths]
    return render(request, "outbox/index.html", {"rows": rows})


@with_csp({"frame-src": "'self'"})
def message(request: HttpRequest, name: str) -> HttpResponse:
    """Show the headers of a message, its HTML part in a frame, and its text part."""
    mail = find_message(name)
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
    """Return the HTML part of a message for the frame."""
    body = find_message(name).get_body(("html",))
    if body is None:
        raise Http404
    return HttpResponse(body.get_content())
