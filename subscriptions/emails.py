"""The mails: one small function each, named as its templates are.

A mail named NAME has templates/emails/NAME.txt, whose first line is the subject, and NAME.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from papers.text import one_line
from subscriptions import tokens
from subscriptions.mime import Outgoing
from subscriptions.models import Digest, Edition, Subscriber
from subscriptions.tokens import Purpose, ReturnPath

LARGEST_HTML = 102_400  # bytes; Gmail cuts what is longer, and the unsubscribe link with it
SUBJECT_LENGTH = 150  # characters; phones show some 40, and long ones are cut by providers


def absolute(path: str) -> str:
    return f"{settings.SITE_URL}{path}"


def link(name: str, purpose: Purpose, value: object, *args: object) -> str:
    """An absolute signed link to the view `name`."""
    return absolute(reverse(name, args=[*args, tokens.make(purpose, value)]))


def reader_links(reader: Subscriber) -> dict[str, str]:
    """The links at the foot of every mail to a reader."""
    return {
        "preferences_url": link("preferences", Purpose.PREFERENCES, reader.pk),
        "unsubscribe_url": link("unsubscribe", Purpose.UNSUBSCRIBE, reader.pk),
        "home_url": absolute(reverse("home")),
    }


def confirmation(reader: Subscriber) -> EmailMultiAlternatives:
    """Asks whether the address wants our mail at all; so far it has agreed to nothing."""
    url = link("confirm", Purpose.CONFIRM, reader.pk)
    context = {"confirm_url": url, "home_url": absolute("/")}
    return _returning(_message("confirmation", reader, context), reader)


def preferences_link(reader: Subscriber) -> EmailMultiAlternatives:
    """The way to the preferences without a password, sent only to the address on file."""
    return _returning(_message("preferences_link", reader, reader_links(reader)), reader)


def _returning(message: EmailMultiAlternatives, reader: Subscriber) -> EmailMultiAlternatives:
    """The same with a return path of its own; Django takes `from_email` for the envelope."""
    if path := return_path(ReturnPath.READER, reader.pk):
        message.extra_headers["From"], message.from_email = message.from_email, path
    return message


def digest(digest: Digest, context: Mapping[str, Any]) -> EmailMultiAlternatives:
    """One reader's digest; `context` as `digests.context` gives it."""
    reader = digest.subscriber
    links = reader_links(reader)
    message = _message("digest", reader, {**context, **links}, subject=digest.subject)
    while _html_size(message) > LARGEST_HTML and context["count"] > 1:
        context = shortened(context)
        message = _message("digest", reader, {**context, **links}, subject=digest.subject)
    token = tokens.make(Purpose.UNSUBSCRIBE, reader.pk)
    by_mail = f"mailto:{settings.UNSUBSCRIBE_EMAIL}?subject={quote(f'unsubscribe {token}')}"
    message.extra_headers |= {
        "Message-ID": message_id(digest),
        "List-Id": f"Paperboy digest <digest.{settings.MAIL_DOMAIN}>",
        "List-Unsubscribe": f"<{links['unsubscribe_url']}>, <{by_mail}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return message


def shortened(context: Mapping[str, Any]) -> dict[str, Any]:
    """A digest's context without its last paper; the mail says how many stand in the web view."""
    *sections, last = context["sections"]
    if len(last["cards"]) > 1:
        sections.append({**last, "cards": last["cards"][:-1]})
    left_out = context.get("left_out", 0) + 1
    return {**context, "sections": sections, "count": context["count"] - 1, "left_out": left_out}


def _html_size(message: EmailMultiAlternatives) -> int:
    return len(str(message.alternatives[0][0]).encode())


def outgoing(digest_: Digest, context: Mapping[str, Any]) -> Outgoing:
    """One reader's digest, ready for a transport; `context` as `digests.context` gives it."""
    message = digest(digest_, context)
    return Outgoing(
        to=digest_.subscriber.email,
        subject=str(message.subject),
        text=str(message.body),
        html=str(message.alternatives[0][0]),
        headers=message.extra_headers,
        public_id=str(digest_.public_id),
        edition=digest_.day.isoformat(),
        return_path=return_path(ReturnPath.DIGEST, digest_.pk),
    )


def return_path(kind: str, pk: int) -> str:
    """The envelope sender that tells, should a mail come back, which it was; "" without a mailbox
    for it. Mail providers have bounces sent to themselves and report them."""
    if not settings.BOUNCE_EMAIL or settings.ANYMAIL_PROVIDER:
        return ""
    return ReturnPath(kind, pk).address()


def test_digest(digest_: Digest, context: Mapping[str, Any], to: str) -> EmailMultiAlternatives:
    """The same digest for a curator's eyes; its links act for no reader."""
    nobody = Subscriber(pk=0, email=to)
    shown = Digest(public_id=digest_.public_id, subscriber=nobody, subject=digest_.subject)
    message = digest(shown, context)
    message.subject = f"[Test] {message.subject}"[:SUBJECT_LENGTH]
    return message


def edition_trouble(edition: Edition) -> EmailMessage:
    """Tells the operator that an edition is paused or its books do not close."""
    page = reverse("admin:subscriptions_edition_change", args=[edition.pk])
    context = {"edition": edition, "page_url": absolute(page)}
    subject, _, text = render_to_string("emails/edition_trouble.txt", context).partition("\n")
    return EmailMessage(one_line(subject), text.strip() + "\n", to=[settings.OPERATOR_EMAIL])


def message_id(digest: Digest) -> str:
    return f"<{digest.public_id}@{settings.MAIL_DOMAIN}>"


def _message(
    name: str, reader: Subscriber, context: Mapping[str, Any], subject: str = ""
) -> EmailMultiAlternatives:
    first_line, _, text = render_to_string(f"emails/{name}.txt", dict(context)).partition("\n")
    message = EmailMultiAlternatives(
        subject=one_line(subject or first_line)[:SUBJECT_LENGTH],
        body=text.strip() + "\n",
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[reader.email],
        headers={"Auto-Submitted": "auto-generated"},
    )
    message.attach_alternative(render_to_string(f"emails/{name}.html", dict(context)), "text/html")
    return message
